"""What a diagnostic says, in pieces: for the placeholders of a card, and the words that say each."""

import re
from collections.abc import Iterator, Mapping

from attrs import frozen

from ..tools.diagnostic import Diagnostic, Span
from ..tools.docs import Anchor, Section, anchor
from ..tools.docs.plain import plain
from .cards import PLACEHOLDER, Card, fill
from .claims import Claim

# Longer source text or type names would bury the sentence they stand in.
_LONGEST_VALUE = 60
_MOST_LABELS = 3


@frozen
class _Said:
    """One label, note or help of a diagnostic and the place it speaks of."""

    text: str
    span: Span | None


@frozen
class Facts:
    """What is known of one diagnostic to one card.

    Attributes:
        values: for each placeholder its text.
        said: for each label of the card the words that were matched.
    """

    values: Mapping[str, str]
    said: Mapping[str, _Said]

    def wording(self, wordings: tuple[str, ...]) -> str | None:
        """The first wording whose placeholders are all known, filled in."""
        return fill(wordings, self.values)


NOTHING = Facts({}, {})


def facts(diagnostic: Diagnostic, card: Card) -> Facts:
    """Search the card's patterns in the diagnostic."""
    values, said = dict[str, str](), dict[str, _Said]()
    message = card.message.search(diagnostic.message) if card.message else None
    values |= message.groupdict() if message else {}
    values |= _place("here", diagnostic.primary)
    for label, pattern in card.labels.items():
        one, match = next(_matches(diagnostic, pattern), (None, None))
        if one and match:
            said[label] = one
            values |= _place(label, one.span)
            values |= {f"{label}.{name}": text for name, text in match.groupdict().items()}
    known = {name: plain(text) for name, text in values.items() if text}
    return Facts({name: text for name, text in known.items() if _fits(text)}, said)


def here(diagnostic: Diagnostic, section: Section, card: Card | None) -> Claim:
    """What it means in this very place, as the diagnostic itself says; `section` is its text."""
    if card and card.here:
        known = facts(diagnostic, card)
        for wording in card.here:
            text = known.wording((wording,))
            if text is not None:
                used = dict.fromkeys(name.partition(".")[0] for name in PLACEHOLDER.findall(wording))
                labels = [known.said[name] for name in used if name in known.said]
                return Claim(text, _anchors(diagnostic, section, labels))
    labels = [one for one in _labels(diagnostic) if one.span][:_MOST_LABELS]
    return Claim(_in_its_own_words(labels), _anchors(diagnostic, section, labels))


def _in_its_own_words(labels: list[_Said]) -> str:
    """The labels in one line: "Line 4, `true`: expected `u8`, found `bool`; line 2: …"."""
    parts = []
    for one in labels:
        assert one.span is not None
        text = plain(one.span.snippet)
        marked = f", `{text}`" if text and _fits(text) and f"`{text}`" not in one.text else ""
        parts.append(f"line {one.span.line}{marked}: {plain(one.text).rstrip('.')}")
    joined = "; ".join(parts)
    return f"{joined[0].upper()}{joined[1:]}." if joined else ""


def _anchors(diagnostic: Diagnostic, section: Section, labels: list[_Said]) -> tuple[Anchor, ...]:
    """The message, then each label that was used."""
    found = dict[str, Anchor]()
    for text, near in [(diagnostic.message, 0), *((one.text, _start(section, one)) for one in labels)]:
        if plain(text) and plain(text) in section.text:
            found.setdefault(plain(text), anchor(section, plain(text), near=near))
    return tuple(found.values())


def _start(section: Section, one: _Said) -> int:
    """Where the label's own line of the section begins."""
    line = plain(f"{one.span.path}:{one.span.line}: {one.text}") if one.span else ""
    return next((block.start for block in section.blocks if block.text == line), 0)


def _matches(diagnostic: Diagnostic, pattern: re.Pattern[str]) -> Iterator[tuple[_Said, re.Match[str]]]:
    for one in (*_labels(diagnostic), *_notes(diagnostic)):
        match = pattern.search(one.text)
        if match:
            yield one, match


def _labels(diagnostic: Diagnostic) -> Iterator[_Said]:
    """The labels, those of the place itself first."""
    for span in sorted(diagnostic.spans, key=lambda span: not span.is_primary):
        if span.label:
            yield _Said(span.label, span)
    for child in diagnostic.children:
        yield from _labels(child)


def _notes(diagnostic: Diagnostic) -> Iterator[_Said]:
    for child in diagnostic.children:
        yield _Said(child.message, next(iter(child.spans), None))


def _place(label: str, span: Span | None) -> dict[str, str]:
    return {f"{label}.line": str(span.line), f"{label}.text": span.snippet} if span else {}


def _fits(text: str) -> bool:
    """Whether a text can stand in a sentence, between backticks."""
    return len(text) <= _LONGEST_VALUE and "`" not in text
