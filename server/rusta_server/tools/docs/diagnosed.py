"""A diagnostic as a text that can be cited."""

from collections.abc import Iterator
from pathlib import Path

from ..diagnostic import Diagnostic, Span
from .anchor import Section, section
from .plain import plain


def of_diagnostic_section(diagnostic: Diagnostic, version: str, root: Path | None = None) -> Section:
    """The diagnostic as a section of the corpus ``diagnostic@VERSION``.

    Its first block is the message; then each label behind its place (``src/lib.rs:7: value moved here``),
    and each note and help behind that word. Quote a label or message without what stands before it: that
    quote is the same when the code has moved.

    Args:
        version: rustc's.
        root: the folder that the diagnostic's relative paths start from.
    """
    primary = diagnostic.primary or next(diagnostic.all_spans(), None)
    return section(
        f"diagnostic@{version}",
        f"{diagnostic.code or diagnostic.level}/{diagnostic.fingerprint}",
        kind="diagnostic",
        title=plain(f"{diagnostic.level}[{diagnostic.code}]" if diagnostic.code else diagnostic.level),
        link=_link(primary, root) if primary else "",
        texts=[("text", text) for text in _texts(diagnostic)],
    )


def _texts(diagnostic: Diagnostic) -> Iterator[str]:
    yield plain(diagnostic.message)
    yield from _labels(diagnostic.spans)
    for child in diagnostic.children:
        yield plain(f"{child.level}: {child.message}")
        yield from _labels(child.spans)


def _labels(spans: tuple[Span, ...]) -> Iterator[str]:
    for span in spans:
        if span.label:
            yield plain(f"{span.path}:{span.line}: {span.label}")


def _link(span: Span, root: Path | None) -> str:
    path = ((root or Path()) / span.path).absolute()
    return f"{path.as_uri()}#L{span.line}"
