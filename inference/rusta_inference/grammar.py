"""What may follow in an answer, so that whatever is written can be read: `codec.decode` accepts all of it.

A `Place` is a point in an answer. It says which tokens may come next and gives the place behind each. Within
`old` these are the bytes by which the text goes on wherever it matches so far; within `new`, what keeps it
UTF-8; two hunks must not meet.

One thing is not promised: that an answer can be ended from every place. `old` may match only where an earlier
hunk is in the way; then nothing may follow, and the candidate is given up.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Literal

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from .codec import (
    ABSTAIN,
    END,
    HUNK,
    MAX_HUNKS,
    NEED_PROBE,
    TO,
    VOCAB,
    Prompt,
    find_old,
)

Mask = NDArray[np.bool_]
"""[vocab]: whether each token may come."""

_Phase = Literal["begin", "line", "old", "new", "probe", "last", "ended"]

# UTF-8 as states: 0 between characters, else an index into the ranges in which the next byte may lie, with
# the state behind it. Table 3-7 of the Unicode standard: nothing overlong, no surrogates, no code point too
# large.
_TAIL = (0x80, 0xBF)
_INSIDE = {
    1: (*_TAIL, 0),
    2: (*_TAIL, 1),
    3: (*_TAIL, 2),
    4: (0xA0, 0xBF, 1),  # after E0
    5: (0x80, 0x9F, 1),  # after ED
    6: (0x90, 0xBF, 2),  # after F0
    7: (0x80, 0x8F, 2),  # after F4
}
_FIRST = (
    (0xC2, 0xDF, 1),
    (0xE0, 0xE0, 4),
    (0xE1, 0xEC, 2),
    (0xED, 0xED, 5),
    (0xEE, 0xEF, 2),
    (0xF0, 0xF0, 6),
    (0xF1, 0xF3, 3),
    (0xF4, 0xF4, 7),
)
_CONTROL = frozenset(range(0x20)) - {0x09, 0x0A} | {0x7F}
"""Bytes that no code needs; answers write line ends as one byte."""


@frozen
class _Hunk:
    """A hunk that is being written.

    Attributes:
        region: the shown text from the line on, with line ends as answers write them.
        starts: where in it `old` matches so far.
        span: path, start and end of what it replaces, once that is said.
        differs: whether `new` is not a beginning of `old`.
    """

    line: int
    region: bytes = field(default=b"", repr=False)
    old: bytes = b""
    starts: tuple[int, ...] = field(default=(), repr=False)
    span: tuple[str, int, int] | None = None
    n_new: int = 0
    differs: bool = False


@frozen
class Place:
    """A point in an answer to `prompt`."""

    prompt: Prompt = field(repr=False, eq=False)
    _phase: _Phase = "begin"
    _hunks: tuple[_Hunk, ...] = ()
    _character: int = 0
    """State within a UTF-8 character."""

    @property
    def ended(self) -> bool:
        """Whether END was written."""
        return self._phase == "ended"

    def allowed(self) -> Mask:
        """Which tokens may come next; not to be written to."""
        match self._phase:
            case "begin":
                return _lines(self.prompt, True)
            case "line":
                return _lines(self.prompt, False)
            case "old":
                return self._after_old()
            case "new":
                hunk = self._hunks[-1]
                may_end = hunk.differs or hunk.n_new != len(hunk.old)
                return _text(self._character, may_end, may_end and len(self._hunks) < MAX_HUNKS)
            case "probe":
                return _probe(self._character, bool(self._hunks[-1].n_new))
            case "last":
                return _only(END)
            case "ended":
                return _only()

    def after(self, token: int) -> "Place":
        """The place behind a token, which must be one of those allowed."""
        if token == END:
            return evolve(self, phase="ended")
        if token == ABSTAIN:
            return evolve(self, phase="last")
        if token == NEED_PROBE:
            return evolve(self, phase="probe", hunks=(_Hunk(token),))
        if token == HUNK:
            return evolve(self, phase="line")
        if self._phase in ("begin", "line"):
            return evolve(self, phase="old", hunks=(*self._hunks, self._hunk_on(token)))
        *before, hunk = self._hunks
        if token == TO:
            return evolve(self, phase="new", hunks=(*before, evolve(hunk, span=self._span(hunk))))
        if self._phase == "old":
            at = len(hunk.old)
            starts = tuple(
                one for one in hunk.starts if hunk.region[one + at : one + at + 1] == bytes([token])
            )
            hunk = evolve(hunk, old=hunk.old + bytes([token]), starts=starts)
        else:
            differs = hunk.differs or hunk.old[hunk.n_new : hunk.n_new + 1] != bytes([token])
            hunk = evolve(hunk, n_new=hunk.n_new + 1, differs=differs)
        return evolve(self, hunks=(*before, hunk), character=_next_character(self._character, token))

    def after_all(self, tokens: Sequence[int]) -> "Place":
        """The place behind several tokens.

        Raises:
            ValueError: one of them is not allowed where it comes.
        """
        place = self
        for token in tokens:
            if not 0 <= token < VOCAB or not place.allowed()[token]:
                raise ValueError(f"token {token} may not come here")
            place = place.after(token)
        return place

    def _after_old(self) -> Mask:
        hunk = self._hunks[-1]
        at, end = len(hunk.old), len(hunk.region)
        mask = np.zeros(VOCAB, np.bool_)
        mask[[hunk.region[start + at] for start in hunk.starts if start + at < end]] = True
        mask &= _text(self._character, False, False)
        mask[TO] = self._character == 0 and self._span(hunk) is not None
        return mask

    def _span(self, hunk: _Hunk) -> tuple[str, int, int] | None:
        """What `old` stands for, unless it meets an earlier hunk."""
        line = self.prompt.lines[hunk.line]
        found = find_old(self.prompt.files[line.path], line, hunk.old)
        if found is None:
            return None
        for earlier in self._hunks[:-1]:
            assert earlier.span is not None, "a hunk follows one without TO"
            path, start, end = earlier.span
            if path == line.path and (start == found[0] or (start < found[1] and found[0] < end)):
                return None
        return line.path, *found

    def _hunk_on(self, name: int) -> _Hunk:
        line = self.prompt.lines[name]
        text = self.prompt.files[line.path]
        region = text[line.start : line.region_end].replace(b"\r\n", b"\n")
        # It may also begin with the line's end, where there is one.
        n_starts = min(line.end - line.start + 1, len(region))
        return _Hunk(name, region=region, starts=tuple(range(n_starts)))


def _lines(prompt: Prompt, first: bool) -> Mask:
    mask = np.zeros(VOCAB, np.bool_)
    mask[list(prompt.lines)] = True
    if first:
        mask[[ABSTAIN, NEED_PROBE]] = True
    return mask


def _only(*tokens: int) -> Mask:
    mask = np.zeros(VOCAB, np.bool_)
    mask[list(tokens)] = True
    return mask


@lru_cache
def _text(character: int, may_end: bool, may_go_on: bool) -> Mask:
    """Bytes that keep a text UTF-8, and between characters what ends it."""
    mask = np.zeros(VOCAB, np.bool_)
    if character:
        low, high, _ = _INSIDE[character]
        mask[low : high + 1] = True
        return mask
    mask[:0x80] = True
    mask[list(_CONTROL)] = False
    for low, high, _ in _FIRST:
        mask[low : high + 1] = True
    mask[END] = may_end
    mask[HUNK] = may_go_on
    return mask


@lru_cache
def _probe(character: int, may_end: bool) -> Mask:
    """A tool's name, which is not empty, a blank, and what to ask it for."""
    mask = _text(character, may_end, False).copy()
    mask[0x0A] = False
    mask[0x20] &= may_end
    return mask


@cache
def _next_character(state: int, byte: int) -> int:
    if state:
        return _INSIDE[state][2]
    return next((behind for low, high, behind in _FIRST if low <= byte <= high), 0)
