"""What becomes of anchors when the documentation changes: made in one version, looked up in another.

Of each sampled section one paragraph, chosen by a hash of the section's id, becomes an anchor. The result
is judged here anew, not by the code that found it. A span is wrong if

* it is called valid and does not quote the same words, or is not in the text of the section it names;
* it is called valid in another section of another subject (another item of the standard library, error code
  or lint), in one where neither the surroundings agree nor the words are long enough to be told apart, or
  in one that had the same words in the same surroundings before, so that it is a copy of the span;
* it is called drifted and is less than 0.9 alike, or in a section that is not the old one by id or alias,
  or if what it quotes stood in that section before, beside the anchor's own span.
"""

import hashlib
from collections.abc import Callable, Iterator

from attrs import asdict, field, frozen
from rapidfuzz import fuzz

from rusta_server.tools.docs import Anchor, Block, Docs, Resolution, Section, State, anchor

# Of each corpus. Only the standard library has more: half of it are the intrinsics of `core::arch`, counted
# apart, as what is said of each is mostly on which processors it is there.
MOST_OF_A_CORPUS = 10_000
ARCH = "core::arch"
LEAST_LIKENESS = 0.9
# What a span in another section needs, so that nobody would take it for another one.
LEAST_AGREEING = 0.7
LONG_BYTES = 100
SAME_PLACE = 0.9

Progress = Callable[[int, int], None]


@frozen
class Fate:
    """What became of the anchors of one corpus. `moved`: those of the valid ones with another id."""

    corpus: str
    n: int
    valid: int
    moved: int
    drifted: int
    orphan: int


@frozen
class Wrong:
    """An anchor that resolved to something else than it should."""

    id: str
    quote: str
    found: str
    why: str


@frozen
class Drift:
    """The result for one direction."""

    made_in: str
    looked_up_in: str
    fates: tuple[Fate, ...]
    wrong: tuple[Wrong, ...] = field(default=())

    def to_json(self) -> dict[str, object]:
        """All of it as plain values."""
        return asdict(self)


def measure(
    old: Docs,
    new: Docs,
    *,
    most: int = MOST_OF_A_CORPUS,
    progress: Progress = lambda done, total: None,
) -> Drift:
    """Make anchors in `old` and look them up in `new`."""
    sample = [(corpus, rowid) for corpus, rowids in _sample(old, most) for rowid in rowids]
    counts: dict[str, dict[str, int]] = {}
    wrong = []
    for number, (corpus, rowid) in enumerate(sample):
        for _, section in old.load([rowid]):
            made = one_anchor(section)
            if made is not None:
                found = new.resolve(made)
                why = judge(made, found, old, new)
                if why:
                    wrong.append(Wrong(made.id, made.quote, found.anchor.quote if found.anchor else "", why))
                count = counts.setdefault(corpus, dict.fromkeys(("valid", "moved", "drifted", "orphan"), 0))
                count[found.state.value] += 1
                count["moved"] += found.state is State.VALID and not _same_id(made, found, new)
        if number % 100 == 99:
            progress(number + 1, len(sample))
    fates = tuple(
        Fate(corpus, count["valid"] + count["drifted"] + count["orphan"], **count)
        for corpus, count in counts.items()
    )
    return Drift(old.toolchain.version, new.toolchain.version, fates, tuple(wrong))


def one_anchor(section: Section) -> Anchor | None:
    """The anchor of one paragraph, chosen by the section's id; of any block where there is no paragraph."""
    blocks = [block for block in section.blocks if block.kind == "text"] or list(section.blocks)
    if not blocks:
        return None
    number = hashlib.sha256(section.id.encode()).digest()[0] % len(blocks)
    block: Block = blocks[number]
    return anchor(section, block.text, near=block.start)


def judge(made: Anchor, found: Resolution, old: Docs, new: Docs) -> str:
    """Why the span that was found is a wrong one, or ""."""
    now = found.anchor
    if found.state is State.ORPHAN:
        return "" if now is None else "an orphan with a span"
    if now is None:
        return f"{found.state.value} without a span"
    there = new.section(now.corpus.partition("@")[0], now.structural_id)
    if there is None or now.quote.encode() not in there.text.encode():
        return "the quote is not in the section"
    if made.corpus.partition("@")[0] != now.corpus.partition("@")[0]:
        return "another corpus"
    same = _same_id(made, found, new)
    if found.state is State.DRIFTED:
        if fuzz.ratio(made.quote, now.quote) / 100 < LEAST_LIKENESS:
            return "drifted too far"
        if not same:
            return "drifted to another section"
        twin = old.section(made.corpus.partition("@")[0], now.structural_id)
        if twin is not None and now.quote in twin.text and made.quote not in now.quote:
            return "drifted to a twin, which was there before"
        return ""
    if now.quote != made.quote:
        return "valid, but other words"
    if same:
        return ""
    if _subject(made) != _subject(now):
        return "the same words of another subject"
    before = old.section(made.corpus.partition("@")[0], now.structural_id)
    if before is not None and before.id != made.structural_id and made.quote in before.text:
        there_before = anchor(before, made.quote, near=now.offset)
        if _agreeing(there_before, now) >= SAME_PLACE:
            return "a copy of the words, which was there before"
    if _agreeing(made, now) < LEAST_AGREEING and len(made.quote.encode()) < LONG_BYTES:
        return "the same words in other surroundings"
    return ""


def _agreeing(one: Anchor, other: Anchor) -> float:
    """How alike their surroundings are, 0 to 1."""
    return (fuzz.ratio(one.prefix, other.prefix) + fuzz.ratio(one.suffix, other.suffix)) / 200


def _same_id(made: Anchor, found: Resolution, docs: Docs) -> bool:
    """Whether the span is in the section of the anchor's id, or of another name of that section or item."""
    if found.anchor is None:
        return False
    now = found.anchor.structural_id
    corpus = made.corpus.partition("@")[0]
    old = docs.section(corpus, made.structural_id)
    if made.structural_id == now or (old is not None and old.id == now):
        return True
    path, slash, below = made.structural_id.partition("/")
    item = docs.item(path) if corpus == "std" else None
    return item is not None and item.id + slash + below == now


def _subject(one: Anchor) -> str:
    corpus = one.corpus.partition("@")[0]
    if corpus == "std":
        return one.structural_id.partition("/")[0]
    return one.structural_id if corpus == "error_codes" else ""


def _sample(docs: Docs, most: int) -> Iterator[tuple[str, list[int]]]:
    by_corpus: dict[str, list[tuple[bytes, int]]] = {}
    for rowid, corpus, id_ in docs.rows("SELECT rowid, corpus, id FROM section ORDER BY corpus, id"):
        name = ARCH if corpus == "std" and id_.startswith(f"{ARCH}::") else corpus
        by_corpus.setdefault(name, []).append((hashlib.sha256(id_.encode()).digest(), rowid))
    for name, hashed in by_corpus.items():
        yield name, sorted(rowid for _, rowid in sorted(hashed)[:most])
