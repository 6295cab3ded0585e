"""The compiler's own suggestions, the uncertain ones too, every alternative on its own.

rustc writes a suggestion as a note whose spans carry replacements. The spans of one alternative belong
together (a multi-part edit); alternatives repeat the same spans with other replacements.
"""

import re
from collections.abc import Iterator

from ..patch.edit import Edit, EditError
from ..tools.diagnostic import Diagnostic, Span
from . import Candidate, Context

_PRIOR = {"MachineApplicable": 0.85, "MaybeIncorrect": 0.5, "HasPlaceholders": 0.15, "Unspecified": 0.35}
PLACEHOLDER = re.compile(r"/\* .*? \*/|\btodo!\(|<[a-z ]+ here>")
# These compile but change the meaning more often than others.
_RISKY = re.compile(
    r"similar name|similarly named|with a similar|a local variable|remove|todo!|unimplemented|"
    r"assign|initializ|make .* static|shadow",
    re.I,
)

# Of several imports that would do, prefer the item's own path to somebody's re-export.
_STD_IMPORT = re.compile(r"use (std|core|alloc)::")
_STD_BONUS = 0.02
_TITLE_WIDTH = 60


def propose(context: Context) -> Iterator[Candidate]:
    """Every suggestion below the diagnostic."""
    seen: set[tuple[Edit, ...]] = set()
    for help_ in _descendants(context.diagnostic):
        for part in _alternatives([span for span in help_.spans if span.replacement is not None]):
            candidate = _candidate(help_, part, context)
            if candidate and candidate.edits not in seen:
                seen.add(candidate.edits)
                yield candidate


def _descendants(diagnostic: Diagnostic) -> Iterator[Diagnostic]:
    for child in diagnostic.children:
        yield child
        yield from _descendants(child)


def _alternatives(spans: list[Span]) -> Iterator[list[Span]]:
    """Split a note's replacement spans into alternatives: a span seen before starts the next one."""
    part: list[Span] = []
    taken: list[tuple[str, int, int]] = []
    for span in spans:
        place = (span.path, span.start, span.end)
        if place in taken or any(_overlap(place, other) for other in taken):
            yield part
            part, taken = [], []
        part.append(span)
        taken.append(place)
    if part:
        yield part


def _overlap(one: tuple[str, int, int], other: tuple[str, int, int]) -> bool:
    return one[0] == other[0] and one[1] < other[2] and other[1] < one[2]


def _candidate(help_: Diagnostic, spans: list[Span], context: Context) -> Candidate | None:
    edits = []
    for span in spans:
        if span.path not in context.files:
            return None
        try:
            edits.append(Edit(span.path, span.start, span.end, (span.replacement or "").encode()))
        except EditError:
            return None
    applicability = min(
        (span.applicability or "Unspecified" for span in spans), key=lambda a: _PRIOR.get(a, 0.3)
    )
    prior = _PRIOR.get(applicability, 0.3)
    if _RISKY.search(help_.message):
        prior *= 0.5
    if _STD_IMPORT.match(spans[0].replacement or ""):
        prior += _STD_BONUS
    text = "".join(span.replacement or "" for span in spans)
    return Candidate(
        source="rustc",
        title=_title(help_.message, spans, context),
        edits=tuple(sorted(set(edits))),
        prior=prior,
        has_placeholder=applicability == "HasPlaceholders" or bool(PLACEHOLDER.search(text)),
    )


def _title(message: str, spans: list[Span], context: Context) -> str:
    """rustc's words, and for a single small edit what it does."""
    title = message[:1].upper() + message[1:].rstrip(":")
    if len(spans) != 1:
        return title
    span = spans[0]
    old = context.files[span.path].text[span.start : span.end].decode(errors="replace").strip()
    new = (span.replacement or "").strip()
    if "\n" in old + new or len(old + new) > _TITLE_WIDTH or (not old and f"`{new}`" in title):
        return title
    if old and new:
        return f"{title}: `{old}` → `{new}`"
    return f"{title}: add `{new}`" if new else f"{title}: remove `{old}`"
