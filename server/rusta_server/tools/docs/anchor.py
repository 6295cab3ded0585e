"""Anchors: exact, content-hashed spans of a text on this machine.

An anchor is only ever made from text that was read here, so a made-up citation cannot occur. After a year
93 to 97 % of the headings of a Rust book are where they were, but only half of its lines (measured on
three books); hence an anchor keeps several ways to its span.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import takewhile

from attrs import field, frozen

from ...shapes import Count, Sha256, Text

CONTEXT_BYTES = 32
# Below this likeness a span is another span. From the same measurement: at 0.9 no wrong span was taken.
LEAST_LIKENESS = 0.9
# Of the text around a span: below this it has nothing to do with what was around the anchor's.
_SOME_CONTEXT = 0.5
# Two spans are told apart by likeness, or by what is around them, only if these differ by more than this.
_TOO_CLOSE = 0.02
_NO_COINCIDENCE_BYTES = 40

_SENTENCE_END = re.compile(r"(?<=[.!?:;])[)\"’”']*\s+(?=[^a-z\s])")
_SENTENCE_ENDS = (b". ", b"! ", b"? ", b": ", b"; ")
_WORD = re.compile(r"\S+")
# What turns a sentence into another one, however alike they look.
_FIXED = re.compile(
    r"\d+|n[’']t\b|\b(?:not|no|never|cannot|without|neither|nor|none|all|any|some|always|only|must|may|should"
    r"|first|last|before|after|least|most|more|less|greater|smaller|larger|fewer|longer|shorter|above|below"
    r"|left|right|true|false|allow|warn|deny|forbid|(?:un|not )?(?:safe|sound|defined|stable|used|checked)"
    r"|(?:in|im)?(?:valid|mutable|finite)|shared|exclusive)\b"
)
_NAME = re.compile(r"\b\w*[A-Za-z0-9]_\w+|\b[A-Z]+[a-z0-9]+[A-Z]\w*|\b\w+(?=::|!\(|\(\))|(?<=::)\w+")


@frozen
class Anchor:
    """A span that says what a claim says.

    Attributes:
        corpus: what was read and its version: ``book@1.95.0``, ``crate:semver@1.0.14``.
        structural_id: the place in it that survives rewording: a rule id, heading or item path.
        quote: the span's exact text, as `Section.text` has it.
        prefix, suffix: up to 32 bytes around it, cut at characters.
        offset: where it starts in `Section.text`, in bytes. A hint.
        sha256: of the quote's UTF-8, in hex.
        link: a ``file://`` address with a fragment, where a person can read it.
        web: the same place on the canonical site, or None. For copying; Rusta never opens it.
    """

    corpus: Text
    structural_id: Text
    quote: Text
    prefix: str = field(repr=False)
    suffix: str = field(repr=False)
    offset: Count = field(repr=False)
    sha256: Sha256 = field(repr=False)
    link: str
    web: str | None = None

    @property
    def id(self) -> str:
        """Short, printable, and the same in every version that says the same in the same place."""
        return f"{self.corpus.split('@')[0]}/{self.structural_id}#{self.sha256[:8]}"


@frozen
class Block:
    """A paragraph, list item, table row or code block of a section.

    Attributes:
        kind: ``text``, ``code`` or ``heading``.
        start: where it begins in the section's text, in bytes.
    """

    kind: str
    text: str
    start: int


@frozen
class Section:
    """The smallest part of a document that has a name of its own.

    Attributes:
        corpus: as in `Anchor`.
        id: the structural id, unique in its corpus.
        kind: ``page``, ``heading``, ``rule``, ``item``, ``error``, ``lint``, ``doc`` or ``diagnostic``.
        title: for a person: "Vec::drain", "What Is Ownership?".
        link, web: as in `Anchor`.
        blocks: in reading order, white space folded except in code.
    """

    corpus: str
    id: str
    kind: str
    title: str
    link: str
    web: str | None
    blocks: tuple[Block, ...] = field(repr=False)

    @property
    def text(self) -> str:
        """All blocks, a line break between two. Offsets of anchors count in this text's UTF-8."""
        return "\n".join(block.text for block in self.blocks)


def section(
    corpus: str,
    id: str,
    *,
    kind: str,
    title: str,
    link: str,
    web: str | None = None,
    texts: Iterable[tuple[str, str]],
) -> Section:
    """Make a section of its blocks' (kind, text), in order; empty ones are left out."""
    blocks = []
    start = 0
    for block_kind, text in texts:
        if text:
            blocks.append(Block(block_kind, text, start))
            start += len(text.encode()) + 1
    return Section(corpus, id, kind, title, link, web, tuple(blocks))


def anchor(section: Section, quote: str, *, near: int = 0) -> Anchor:
    """The anchor of `quote`, which must stand in the section; of several places the one nearest to `near`.

    Raises:
        ValueError: the quote is empty or does not stand there word for word.
    """
    text, wanted = section.text.encode(), quote.encode()
    places = _places(text, wanted)
    if not places:
        raise ValueError(f"not in {section.corpus}/{section.id}: {quote[:80]!r}")
    start = min(places, key=lambda place: abs(place - near))
    before, after = _around(text, start, start + len(wanted))
    return Anchor(
        corpus=section.corpus,
        structural_id=section.id,
        quote=quote,
        prefix=before,
        suffix=after,
        offset=start,
        sha256=hashlib.sha256(wanted).hexdigest(),
        link=section.link,
        web=section.web,
    )


class State(StrEnum):
    """What became of an anchor."""

    VALID = "valid"
    DRIFTED = "drifted"
    ORPHAN = "orphan"


@frozen
class Resolution:
    """Where an anchor's span is now.

    Attributes:
        anchor: made anew from today's text; None for an orphan. A drifted one quotes today's wording.
        likeness: 1.0 for the very words, at least `LEAST_LIKENESS` for a drifted span.
    """

    state: State
    anchor: Anchor | None
    likeness: float


ORPHAN = Resolution(State.ORPHAN, None, 0.0)


def resolve_in(anchor_: Anchor, section: Section) -> Resolution:
    """Look for an anchor's span in the section that carries its structural id today."""
    if not is_intact(anchor_):
        return ORPHAN
    found = find_quote(anchor_, section)
    return found if found is not None else find_alike(anchor_, section)


def is_intact(anchor_: Anchor) -> bool:
    """Whether the quote is what was hashed."""
    quote = anchor_.quote
    return bool(quote.strip()) and hashlib.sha256(quote.encode()).hexdigest() == anchor_.sha256


def find_quote(anchor_: Anchor, section: Section) -> Resolution | None:
    """The very words; where they stand twice, in the surroundings that are most like the anchor's."""
    text, quote = section.text.encode(), anchor_.quote.encode()
    places = _places(text, quote)
    if not places:
        return None
    start = max(
        places,
        key=lambda place: (_touching(anchor_, text, place, place + len(quote)), -abs(place - anchor_.offset)),
    )
    likeness = context_likeness(anchor_, text, start, start + len(quote))
    if likeness < _SOME_CONTEXT and not _stands_alone(text, start, start + len(quote)):
        return None  # a few words that also stand in another sentence
    return Resolution(State.VALID, anchor(section, anchor_.quote, near=start), 1.0)


def context_likeness(anchor_: Anchor, text: bytes, start: int, end: int) -> float:
    """How much the text around a span is like what was around the anchor's, 0 to 1."""
    before, after = _around(text, start, end)
    return (likeness_of(anchor_.prefix, before) + likeness_of(anchor_.suffix, after)) / 2


def likeness_of(one: str, other: str) -> float:
    """How alike two wordings are, 0 to 1: the share of characters that both have, in the same order."""
    if one == other:
        return 1.0
    from rapidfuzz import fuzz  # slow to load, and mostly not needed

    return fuzz.ratio(one, other) / 100


def _touching(anchor_: Anchor, text: bytes, start: int, end: int) -> int:
    """How many characters next to a span, on both sides, are the same as at the anchor's."""
    before, after = _around(text, start, end)
    sides = (zip(before[::-1], anchor_.prefix[::-1], strict=False), zip(after, anchor_.suffix, strict=False))
    return sum(1 for side in sides for _ in takewhile(lambda pair: pair[0] == pair[1], side))


def _around(text: bytes, start: int, end: int) -> tuple[str, str]:
    """The anchor's prefix and suffix of a span."""
    before = text[max(start - CONTEXT_BYTES, 0) : start].decode(errors="ignore")
    return before, text[end : end + CONTEXT_BYTES].decode(errors="ignore")


def find_alike(anchor_: Anchor, section: Section) -> Resolution:
    """The block, the sentences or the words that say nearly the same; an orphan if none do, or two do."""
    text = section.text
    whole = _near(anchor_, text, _windows(anchor_.quote, section))
    found = whole or [
        near
        for near in _near(anchor_, text, _aligned(anchor_.quote, text))
        if near.context >= _SOME_CONTEXT or len(anchor_.quote) >= _NO_COINCIDENCE_BYTES
    ]
    if not found:
        return ORPHAN
    best = max(found, key=lambda near: (near.likeness, near.context))
    for rival in found:
        apart = rival.end <= best.start or best.end <= rival.start
        as_like = rival.likeness > best.likeness - _TOO_CLOSE and rival.context > best.context - _TOO_CLOSE
        if apart and as_like:
            return ORPHAN  # nothing tells which of the two it was
    at = len(text[: best.start].encode())
    return Resolution(State.DRIFTED, anchor(section, text[best.start : best.end], near=at), best.likeness)


@frozen
class _Near:
    """A span that says nearly the same; start and end in characters."""

    likeness: float
    context: float
    start: int
    end: int


def _near(anchor_: Anchor, text: str, spans: Iterable[tuple[int, int]]) -> list[_Near]:
    raw = text.encode()
    found = []
    for start, end in spans:
        words = text[start:end]
        likeness = likeness_of(anchor_.quote, words)
        if likeness >= LEAST_LIKENESS and _says_the_same(anchor_.quote, words):
            at = len(text[:start].encode())
            context = context_likeness(anchor_, raw, at, at + len(words.encode()))
            found.append(_Near(likeness, context, start, end))
    return found


def sentences(text: str) -> list[tuple[int, int]]:
    """Where the sentences of a paragraph are, (start, end) in characters; good enough to find them again."""
    bounds = []
    start = 0
    for end in _SENTENCE_END.finditer(text):
        stop = end.start() + len(end[0].rstrip())
        bounds.append((start, stop))
        start = end.end()
    bounds.append((start, len(text)))
    return [(a, b) for a, b in bounds if b > a]


def _windows(quote: str, section: Section) -> Iterator[tuple[int, int]]:
    """Spans of whole blocks and whole sentences that are about as long as the quote, in characters."""
    least, most = len(quote) * LEAST_LIKENESS - 2, len(quote) / LEAST_LIKENESS + 2
    starts = []
    at = 0
    for block in section.blocks:
        starts.append((at, at + len(block.text)))
        at += len(block.text) + 1
    runs = [starts]
    for block, (start, _) in zip(section.blocks, starts, strict=True):
        if block.kind == "text":
            runs.append([(start + a, start + b) for a, b in sentences(block.text)])
    for run in runs:
        for first in range(len(run)):
            for last in range(first, len(run)):
                length = run[last][1] - run[first][0]
                if length > most:
                    break
                if length >= least:
                    yield run[first][0], run[last][1]


def _aligned(quote: str, text: str) -> Iterator[tuple[int, int]]:
    """The span most like a quote that is no whole sentence; it begins and ends with the quote's own words."""
    if len(quote) > len(text):
        return
    from rapidfuzz import fuzz

    found = fuzz.partial_ratio_alignment(quote, text, score_cutoff=LEAST_LIKENESS * 100)
    if found is None:
        return
    starts = [word.start() for word in _WORD.finditer(text, max(found.dest_start - 30, 0), found.dest_end)]
    ends = [
        word.end() for word in _WORD.finditer(text, found.dest_start, min(found.dest_end + 30, len(text)))
    ]
    for start in sorted(starts, key=lambda at: abs(at - found.dest_start))[:3]:
        for end in sorted(ends, key=lambda at: abs(at - found.dest_end))[:3]:
            words = text[start:end].split()
            if words and (words[0], words[-1]) == (quote.split()[0], quote.split()[-1]):
                yield start, end


def _says_the_same(old: str, new: str) -> bool:
    """Whether what must not change did not: numbers, names in code, words that turn a meaning around."""
    return sorted(_FIXED.findall(old.lower())) == sorted(_FIXED.findall(new.lower())) and sorted(
        _NAME.findall(old)
    ) == sorted(_NAME.findall(new))


def _stands_alone(text: bytes, start: int, end: int) -> bool:
    """Whether a span is a whole block or sentence, or long enough not to be a coincidence."""
    begins = start == 0 or text[start - 1 : start] == b"\n" or text[start - 2 : start] in _SENTENCE_ENDS
    ends = text[end : end + 1] in (b"", b"\n") or text[end - 1 : end] in b".!?:"
    return (begins and ends) or end - start >= _NO_COINCIDENCE_BYTES


def _places(text: bytes, wanted: bytes) -> list[int]:
    places = []
    at = text.find(wanted) if wanted else -1
    while at >= 0:
        places.append(at)
        at = text.find(wanted, at + 1)
    return places
