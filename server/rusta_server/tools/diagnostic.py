"""The compiler's diagnostics, normalized: the values that every room speaks about.

Source of the format: the rustc book, "JSON Output".
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from attrs import field, frozen

# The order in which rustc finds errors. While one stage has errors the later ones are (mostly) not run,
# so a right fix may uncover errors of a later stage.
SYNTAX, RESOLUTION, SIGNATURES, TYPES, BORROWS = range(5)


def _codes(numbers: str) -> frozenset[str]:
    return frozenset(f"E{number:0>4}" for number in numbers.split())


_RESOLUTION = _codes(
    "106 128 252 254 255 259 260 261 262 263 364 365 401 403 404 405 407 408 411 412 415 416 422 423 424 425"
    " 426 428 429 430 431 432 433 434 435 437 438 452 453 454 463 466 468 469 530 531 532 536 537 538 539 541"
    " 552 554 565 566 571 573 574 576 579 583 603 642 659 670 703 704 705 742 744 753 754"
)
# Of types as they are written: what uses them is not judged until they are mended.
_SIGNATURES = _codes("72 107 121 191 220 223 225 229 747 782")
_BORROWS = _codes(
    "4 5 133 373 381 382 384 499 501 502 503 505 506 507 508 509 510 515 521 594 595 596 597 621 626 700 712"
    " 713 716"
)
_UNFINISHED_TOKENS = _codes("584 585 586 748 758 762 763 765 766 768")


@frozen
class Span:
    """A piece of source. Offsets are bytes from the start of the file, lines and columns count from 1.

    Attributes:
        label: what the compiler writes at it.
        replacement, applicability: of a suggestion, the text to put there and how sure rustc is of it.
        snippet: the text it marks.
    """

    path: str
    start: int
    end: int
    line: int
    column: int
    line_end: int
    is_primary: bool
    label: str | None
    replacement: str | None
    applicability: str | None
    in_macro: bool
    snippet: str = ""


@frozen
class Diagnostic:
    """One message of the compiler with everything that hangs below it.

    Attributes:
        code: ``E0502``, a lint's name, or None.
        level: ``error``, ``warning``, ``note``, ``help`` or ``failure-note``.
        spans: the places it speaks of; those of a suggestion carry a `replacement`.
        children: notes and suggestions.
        package: the cargo package id it was reported for, empty for a lone file.
        in_main: known to be in a library or program itself, not only in its tests.
    """

    code: str | None
    level: str
    message: str
    spans: tuple[Span, ...]
    children: tuple["Diagnostic", ...]
    rendered: str = field(default="", repr=False, eq=False)
    package: str = field(default="", eq=False)
    in_main: bool = field(default=False, eq=False)

    @property
    def is_error(self) -> bool:
        """Whether it stops the build."""
        return self.level.startswith("error")

    @property
    def primary(self) -> Span | None:
        """The first primary span, if there is one in a file of ours."""
        return next((span for span in self.spans if span.is_primary), None)

    @property
    def stage(self) -> int:
        """The stage of the compiler that reports this: SYNTAX, RESOLUTION, SIGNATURES, TYPES or BORROWS."""
        if self.code is None or self.code in _UNFINISHED_TOKENS:
            return SYNTAX
        if self.code in _RESOLUTION:
            return RESOLUTION
        if self.code in _SIGNATURES:
            return SIGNATURES
        is_lint = not self.code.startswith("E0")  # denied lints run last
        return BORROWS if self.code in _BORROWS or is_lint else TYPES

    @property
    def fingerprint(self) -> str:
        """The same for the same complaint after an edit elsewhere moved it: no offsets go into it.

        Of the source only the marked text counts, not the line around it: another error on the line may
        have been mended.
        """
        primary = self.primary
        place = (primary.path, primary.snippet) if primary else ("", "")
        return hashlib.sha256("\0".join((self.code or "", self.message, *place)).encode()).hexdigest()[:16]

    def all_spans(self) -> Iterator[Span]:
        """Its own spans and those of all notes below it."""
        yield from self.spans
        for child in self.children:
            yield from child.all_spans()


def parse(
    raw: dict[str, Any], *, package: str = "", rename: Callable[[str], str] = lambda path: path
) -> Diagnostic:
    """Read one diagnostic as rustc prints it; `rename` turns its file names into workspace paths.

    Raises:
        KeyError: a field that rustc always writes is missing.
    """
    code = raw.get("code")
    return Diagnostic(
        code=code["code"] if code else None,
        level=raw["level"],
        message=raw["message"],
        spans=tuple(_span(span, rename) for span in raw["spans"]),
        children=tuple(parse(child, rename=rename) for child in raw["children"]),
        rendered=raw.get("rendered") or "",
        package=package,
    )


def _span(raw: dict[str, Any], rename: Callable[[str], str]) -> Span:
    written = _where_written(raw)
    return Span(
        path=rename(written["file_name"]),
        start=written["byte_start"],
        end=written["byte_end"],
        line=written["line_start"],
        column=written["column_start"],
        line_end=written["line_end"],
        is_primary=raw["is_primary"],
        label=raw.get("label"),
        replacement=raw.get("suggested_replacement"),
        applicability=raw.get("suggestion_applicability"),
        in_macro=raw.get("expansion") is not None,
        snippet="\n".join(
            text["text"][text["highlight_start"] - 1 : text["highlight_end"] - 1].strip()
            for text in written.get("text", ())
        ),
    )


def _where_written(raw: dict[str, Any]) -> dict[str, Any]:
    """Follow a span out of a macro of another crate (`<std macros>`) to the call in a file of ours."""
    span = raw
    while span["file_name"].startswith(("<", "/rustc/")) and span.get("expansion"):
        span = span["expansion"]["span"]
    return span


@frozen
class Checked:
    """The compiler ran to its end: positive evidence, with or without errors."""

    diagnostics: tuple[Diagnostic, ...]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """What stops the build, each once, without the closing summary ("aborting due to …")."""
        seen: dict[tuple[object, ...], Diagnostic] = {}
        for diagnostic in self.diagnostics:
            if diagnostic.is_error and not diagnostic.message.startswith(
                ("aborting due to", "could not compile")
            ):
                seen.setdefault((diagnostic.code, diagnostic.message, diagnostic.spans), diagnostic)
        return tuple(seen.values())


@frozen
class CouldNotCheck:
    """The compiler could not be asked: a broken manifest, a missing dependency, no toolchain, no space."""

    reason: str
    hint: str | None = None
