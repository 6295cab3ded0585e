"""Make a patch as small as it can be while it still does its work: whole hunks first, then words in them.

Code that a patch moves is moved or stays: a hunk in which it goes is never kept without the one in which it
comes. The compiler would often be content with less, but then a patch that moves code would delete it.
"""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from attrs import field, frozen

from .diff import Hunk

T = TypeVar("T")

_WORD = re.compile(rb"\w")
_TOKENS = re.compile(rb"[\w\x80-\xff]+|\s+|[^\w\s]")


@frozen
class Size:
    """How large a patch is: lines and bytes that go or come."""

    n_lines: int
    n_bytes: int


@frozen
class Shrunk:
    """A patch that lost what it did not need.

    Attributes:
        kept: the hunks that are left, as they were given.
        smaller: for some of them, what is left of it when words are dropped, too.
        before, after: the sizes.
        n_tries: how often the patch was judged.
        is_minimal: whether no hunk, and no word in one, can be dropped by itself. False if the tries ran out.
    """

    kept: tuple[Hunk, ...]
    smaller: Mapping[Hunk, Hunk] = field(factory=dict)
    before: Size = Size(0, 0)
    after: Size = Size(0, 0)
    n_tries: int = 0
    is_minimal: bool = True

    @property
    def hunks(self) -> list[Hunk]:
        """The hunks in their final form."""
        return [self.smaller.get(hunk, hunk) for hunk in self.kept]


def shrink(
    hunks: Sequence[Hunk], works: Callable[[list[Hunk]], bool], *, max_word_tries: int | None = None
) -> Shrunk:
    """Drop hunks, and then words, for as long as `works` holds; it must hold for `hunks`.

    Args:
        works: judges a patch, given as hunks in order.
        max_word_tries: how often a patch with fewer words is judged; no limit if None.
    """
    counted = _Counted(works)
    kept = smallest(hunks, counted)
    moved = {hunk for unit in units(kept) if len(unit) > 1 for hunk in unit}
    parts = [(n, word) for n, hunk in enumerate(kept) for word in range(len(_words(hunk)))]
    fixed = [part for part in parts if kept[part[0]] in moved]
    free = [part for part in parts if kept[part[0]] not in moved]
    counted.left = max_word_tries
    words = fixed + ddmin(free, lambda chosen: counted(_with_words(kept, fixed + chosen)))
    final = _with_words(kept, words)
    if size(final).n_lines > size(kept).n_lines:  # some old words keep a line alive that would have gone
        final = kept
    return Shrunk(
        tuple(kept),
        {old: new for old, new in zip(kept, final, strict=True) if old != new},
        size(hunks),
        size(final),
        counted.n,
        counted.left is None or counted.left > 0 or len(free) < 2,
    )


def smallest(hunks: Sequence[Hunk], works: Callable[[list[Hunk]], bool]) -> list[Hunk]:
    """A subset of the hunks, in order, for which `works` holds and of which no unit can be dropped."""
    kept = ddmin(units(hunks), lambda chosen: works(_flat(chosen, hunks)))
    return _flat(kept, hunks)


def units(hunks: Sequence[Hunk]) -> list[tuple[Hunk, ...]]:
    """The hunks, those together of which one takes a line away that another brings, white space aside.

    Lines without a word, like a bracket, do not count.
    """
    found: list[list[Hunk]] = []
    for hunk in hunks:
        related = [
            unit for unit in found if any(_moves(hunk, other) or _moves(other, hunk) for other in unit)
        ]
        found = [unit for unit in found if unit not in related]
        found.append([*(other for unit in related for other in unit), hunk])
    return [tuple(unit) for unit in found]


def _moves(one: Hunk, other: Hunk) -> bool:
    """Whether a line that goes with one hunk comes with the other."""
    return not _lines(one.before, one.after).isdisjoint(_lines(other.after, other.before))


def _lines(lines: Sequence[bytes], without: Sequence[bytes]) -> set[bytes]:
    """What is said in the lines, as far as it is not said in others."""
    return {said for line in lines if _WORD.search(said := _said(line))} - set(map(_said, without))


def _said(line: bytes) -> bytes:
    """A line without what may come or go where it is moved: white space, a comment, its last sign."""
    return line.split(b"//")[0].strip().rstrip(b";,")


def _flat(chosen: Sequence[tuple[Hunk, ...]], order: Sequence[Hunk]) -> list[Hunk]:
    members = {hunk for unit in chosen for hunk in unit}
    return [hunk for hunk in order if hunk in members]


def ddmin(parts: Sequence[T], works: Callable[[list[T]], bool]) -> list[T]:
    """A 1-minimal subset of `parts` (in order) for which `works` holds; `works(parts)` must hold.

    Never empty, unless `parts` is. Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing
    Input" (2002). At most O(n²) calls.
    """
    current = list(parts)
    n_chunks = 2
    while len(current) >= 2:
        size = -(-len(current) // n_chunks)
        chunks = [current[i : i + size] for i in range(0, len(current), size)]
        for i in range(len(chunks)):
            rest = [part for j, chunk in enumerate(chunks) if j != i for part in chunk]
            if works(rest):
                current, n_chunks = rest, max(n_chunks - 1, 2)
                break
        else:
            if n_chunks >= len(current):
                break
            n_chunks = min(len(current), 2 * n_chunks)
    return current


def size(hunks: Sequence[Hunk]) -> Size:
    """Lines, and bytes in changed words, that go or come."""
    n_bytes = sum(len(old) + len(new) for hunk in hunks for old, new in _pieces(hunk) if old != new)
    return Size(sum(_n_lines(hunk) for hunk in hunks), n_bytes)


class _Counted:
    """Counts its calls, and says no when none is left."""

    def __init__(self, works: Callable[[list[Hunk]], bool]) -> None:
        self._works = works
        self.n = 0
        self.left: int | None = None

    def __call__(self, hunks: list[Hunk]) -> bool:
        if self.left is not None:
            if self.left <= 0:
                return False
            self.left -= 1
        self.n += 1
        return self._works(hunks)


def _pieces(hunk: Hunk) -> list[tuple[bytes, bytes]]:
    """The hunk as runs of old and new tokens, in order; equal runs are equal on both sides."""
    old, new = _TOKENS.findall(b"".join(hunk.before)), _TOKENS.findall(b"".join(hunk.after))
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    return [(b"".join(old[i1:i2]), b"".join(new[j1:j2])) for _, i1, i2, j1, j2 in matcher.get_opcodes()]


def _n_lines(hunk: Hunk) -> int:
    matcher = difflib.SequenceMatcher(a=hunk.before, b=hunk.after, autojunk=False)
    return sum(i2 - i1 + j2 - j1 for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal")


def _words(hunk: Hunk) -> list[int]:
    """The places in `_pieces` of changes that can be dropped by themselves.

    White space is none of them: it comes with the words around it, or lines would lose their shape.
    """
    return [n for n, (old, new) in enumerate(_pieces(hunk)) if old != new and (old.strip() or new.strip())]


def _with_words(hunks: Sequence[Hunk], chosen: Sequence[tuple[int, int]]) -> list[Hunk]:
    """The hunks with only the chosen words changed; `chosen` are places in `hunks` and in `_words`."""
    result = []
    for n, hunk in enumerate(hunks):
        words, pieces = _words(hunk), _pieces(hunk)
        dropped = {word for place, word in enumerate(words) if (n, place) not in chosen}
        if not dropped:
            result.append(hunk)
        elif len(dropped) == len(words):  # white space by itself is no change worth keeping
            result.append(Hunk(hunk.path, hunk.first, hunk.last, hunk.before, hunk.before))
        else:
            text = b"".join(old if place in dropped else new for place, (old, new) in enumerate(pieces))
            after = tuple(text.splitlines(keepends=True))
            result.append(Hunk(hunk.path, hunk.first, hunk.last, hunk.before, after))
    return result
