"""Finding an anchor's span again in an index: where it was, or where it has moved to."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from . import schema
from .anchor import (
    ORPHAN,
    Anchor,
    Resolution,
    Section,
    State,
    anchor,
    context_likeness,
    find_alike,
    find_quote,
    is_intact,
    likeness_of,
    sentences,
)

if TYPE_CHECKING:
    from .store import Docs

# A moved span needs surroundings that agree, or so many bytes that it can hardly be another one.
_AGREES = 0.75
_UNMISTAKABLE_BYTES = 100
# What stands in more sections than this cannot be told apart by 32 bytes around it.
_COMMONPLACE = 200
_MOST_TRIES = 400_000
_ID = re.compile(r"([^/]+)/(.+)#([0-9a-f]{8})$")
_EDGE = re.compile(r"\b|$|^|(?<=\S)(?=\s)|(?<=\s)(?=\S)")


def resolve(docs: "Docs", wanted: Anchor) -> Resolution:
    """Where an anchor's span is in this index. Corpora are never mixed.

    In order: the very words in the section of the same id; the very words in one other section, found by
    their hash; nearly the same words in the section of the same id. Other words in another section may be
    a twin: of the next flag or type nearly the same is said.
    """
    corpus = wanted.corpus.partition("@")[0]
    if not is_intact(wanted):
        return ORPHAN
    there = _section_today(docs, corpus, wanted.structural_id)
    found = find_quote(wanted, there) if there is not None else None
    if found is not None and _surroundings_agree(wanted, found.anchor):
        return found
    moved = _moved(docs, corpus, wanted) or found
    if moved is not None:
        return moved
    return find_alike(wanted, there) if there is not None else ORPHAN


def by_id(docs: "Docs", id: str) -> Anchor | None:
    """The anchor with this printable id, made anew from today's text."""
    parts = _ID.match(id)
    if parts is None:
        return None
    corpus, structural_id, digits = parts.groups()
    there = _section_today(docs, corpus, structural_id)
    found = quote_with(there, digits) if there is not None else None
    if there is not None and found is not None:
        return anchor(there, found[0], near=found[1])
    low = schema.span_hash(bytes.fromhex(digits + "00" * 4))
    rows = docs.rows("SELECT section FROM span WHERE hash >= ? AND hash < ?", (low, low + (1 << 32)))
    made = []
    for _, one in docs.load([row[0] for row in rows]):
        if one.corpus.partition("@")[0] == corpus and _same_subject(corpus, structural_id, one.id, one.kind):
            found = quote_with(one, digits)
            if found is not None:
                made.append(anchor(one, found[0], near=found[1]))
    return made[0] if len(made) == 1 else None


def _section_today(docs: "Docs", corpus: str, id: str) -> Section | None:
    found = docs.section(corpus, id)
    if found is None and corpus == "std":
        path, slash, below = id.partition("/")
        item = docs.item(path) if "::" in path else None
        if item is not None:
            found = docs.section(corpus, item.id + slash + below)
    if found is None and corpus == "rustc":
        # A lint whose level changed is listed on another page.
        found = docs.section(corpus, id.rpartition("/")[2].replace("-", "_"))
    return found


def _surroundings_agree(old: Anchor, new: Anchor | None) -> bool:
    if new is None:
        return False
    return likeness_of(old.prefix, new.prefix) + likeness_of(old.suffix, new.suffix) >= 2 * _AGREES


def _moved(docs: "Docs", corpus: str, wanted: Anchor) -> Resolution | None:
    """The very words in another section, if there is just one where it may be the same span."""
    quote = wanted.quote.encode()
    found = []
    for one in _holding(docs, corpus, wanted):
        text = one.text.encode()
        at = text.find(quote)
        while at >= 0:
            likeness = context_likeness(wanted, text, at, at + len(quote))
            found.append((likeness, one, at))
            at = text.find(quote, at + 1)
    likely = [(one, at) for likeness, one, at in found if likeness >= _AGREES]
    if len(found) == 1 and len(quote) >= _UNMISTAKABLE_BYTES:
        likely = [(one, at) for _, one, at in found]
    if len(likely) != 1 or not _may_be_there(docs, corpus, wanted, likely[0][0]):
        return None
    one, at = likely[0]
    return Resolution(State.VALID, anchor(one, wanted.quote, near=at), 1.0)


def _holding(docs: "Docs", corpus: str, wanted: Anchor) -> list[Section]:
    """The sections where the span may be now: those with the hash of it or of a sentence in it."""
    quote = wanted.quote
    pieces = [quote, *(line[a:b] for line in quote.split("\n") for a, b in sentences(line))]
    for piece in sorted(dict.fromkeys(pieces), key=len, reverse=True):
        rows = docs.rows(
            "SELECT section.rowid, section.id, section.kind "
            "FROM span JOIN section ON section.rowid = span.section "
            "WHERE span.hash = ? AND section.corpus = ?",
            (schema.span_hash(hashlib.sha256(piece.encode()).digest()), corpus),
        )
        numbers = [
            rowid for rowid, id_, kind in rows if _same_subject(corpus, wanted.structural_id, id_, kind)
        ]
        if rows:
            return [one for _, one in docs.load(numbers)] if len(numbers) <= _COMMONPLACE else []
    return []


def _same_subject(corpus: str, old: str, new: str, kind: str) -> bool:
    """Whether two sections can say the same of the same thing: words on `Vec` are not those on `String`."""
    if corpus == "std":
        return old.partition("/")[0] == new.partition("/")[0]
    if corpus == "error_codes":
        return old == new
    if kind == "lint":
        return old.rpartition("/")[2] == new.rpartition("/")[2]
    return True


def _may_be_there(docs: "Docs", corpus: str, wanted: Anchor, one: Section) -> bool:
    """Whether a span can have moved to a section: one on its page, not beside a place that is still there.

    Platforms, attributes and the like are described in the same words; a copy is not the span.
    """
    if corpus in ("std", "error_codes") or one.kind == "lint":
        return True  # of the same subject, see above
    page = docs.at(_page(wanted))
    if page is None or page.link.partition("#")[0] != one.link.partition("#")[0]:
        return False
    old, new = (id_.rpartition(".")[0] for id_ in (wanted.structural_id, one.id))
    if one.kind != "rule" or "/" in old or f"{new}.".startswith(f"{old}.") or f"{old}.".startswith(f"{new}."):
        return True
    below = docs.rows(
        "SELECT 1 FROM section WHERE corpus = ? AND (id = ? OR id > ? AND id < ?) LIMIT 1",
        (corpus, old, f"{old}.", f"{old}/"),
    )
    return not below


def _page(wanted: Anchor) -> str:
    return wanted.link.partition("#")[0].rpartition("/html/")[2]


def quote_with(section: Section, digits: str) -> tuple[str, int] | None:
    """The span of the section whose sha256 begins with `digits`, and the byte where it starts."""
    tries = 0
    for start, pieces in _spans(section):
        hash_ = hashlib.sha256()
        said = b""
        for piece in pieces:
            tries += 1
            said += piece
            hash_.update(piece)
            if hash_.hexdigest().startswith(digits):
                return said.decode(), start
        if tries > _MOST_TRIES:
            return None
    return None


def _spans(section: Section) -> Iterator[tuple[int, Iterable[bytes]]]:
    """Where quotes may start and the pieces after which they may end: blocks, then sentences, then words."""
    blocks = [block.text.encode() for block in section.blocks]
    for number, block in enumerate(section.blocks):
        yield block.start, [blocks[number], *(b"\n" + text for text in blocks[number + 1 :])]
    for finer in (_sentence_ends, _edges):
        for block in section.blocks:
            cuts = finer(block.text)
            offsets = [len(block.text[:cut].encode()) for cut in cuts]
            raw = block.text.encode()
            for first, start in enumerate(offsets):
                ends = offsets[first + 1 :]
                yield (
                    block.start + start,
                    [raw[a:b] for a, b in zip([start, *ends], ends, strict=False)],
                )


def _sentence_ends(text: str) -> list[int]:
    return sorted({cut for bounds in sentences(text) for cut in bounds})


def _edges(text: str) -> list[int]:
    return sorted({edge.start() for edge in _EDGE.finditer(text)})
