"""Where the lines of a text are after edits: only those that are still there, word for word."""

from bisect import bisect_right
from collections.abc import Iterable
from difflib import SequenceMatcher

from attrs import evolve, frozen

from ..tools.diagnostic import Diagnostic, Span

# Between the first and the last changed line lines are compared one by one; more than this are given up.
_MOST_COMPARED = 500


@frozen
class _Block:
    """Lines that stand together in both texts."""

    before: int
    after: int
    n_lines: int


class LineMap:
    """From the lines of one text to those of the text after it. Lines count from 1."""

    def __init__(self, before: bytes, after: bytes) -> None:
        lines, lines_after = before.split(b"\n"), after.split(b"\n")
        self._starts, self._starts_after = _starts(lines), _starts(lines_after)
        self._blocks = list(_same(lines, lines_after))
        self._firsts = [block.before for block in self._blocks]

    def line(self, number: int) -> int | None:
        """Where a line is now; None if it was changed or has gone."""
        at = bisect_right(self._firsts, number - 1) - 1
        block = self._blocks[at] if at >= 0 else None
        if block is None or number - 1 >= block.before + block.n_lines:
            return None
        return number + block.after - block.before

    def span(self, span: Span) -> Span | None:
        """Where a span is now; None unless all its lines are as they were, one below the other."""
        lines = [self.line(number) for number in range(span.line, span.line_end + 1)]
        first = lines[0] if lines else None
        if first is None or lines != list(range(first, first + len(lines))):
            return None
        moved = self._starts_after[first - 1] - self._starts[span.line - 1]
        return evolve(
            span, start=span.start + moved, end=span.end + moved, line=first, line_end=first + len(lines) - 1
        )


def moved(diagnostic: Diagnostic, maps: dict[str, LineMap]) -> Diagnostic | None:
    """The diagnostic in today's text; None if a line it speaks of was changed.

    Args:
        maps: of the files that were changed, by path.
    """
    spans = [_moved_span(span, maps) for span in diagnostic.spans]
    children = [moved(child, maps) for child in diagnostic.children]
    if None in spans or None in children:
        return None
    return evolve(
        diagnostic,
        spans=tuple(span for span in spans if span),
        children=tuple(child for child in children if child),
    )


def _moved_span(span: Span, maps: dict[str, LineMap]) -> Span | None:
    return maps[span.path].span(span) if span.path in maps else span


def _starts(lines: Iterable[bytes]) -> list[int]:
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    return starts


def _same(before: list[bytes], after: list[bytes]) -> Iterable[_Block]:
    shorter = min(len(before), len(after))
    head = next((i for i in range(shorter) if before[i] != after[i]), shorter)
    tail = next((i for i in range(shorter - head) if before[-1 - i] != after[-1 - i]), shorter - head)
    yield _Block(0, 0, head)
    middle, middle_after = before[head : len(before) - tail], after[head : len(after) - tail]
    if max(len(middle), len(middle_after)) <= _MOST_COMPARED:
        for block in SequenceMatcher(None, middle, middle_after, autojunk=False).get_matching_blocks():
            if block.size:
                yield _Block(head + block.a, head + block.b, block.size)
    yield _Block(len(before) - tail, len(after) - tail, tail)
