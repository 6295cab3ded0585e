"""Lines after edits: found only where they still stand word for word."""

from hypothesis import given
from hypothesis import strategies as st

from rusta_server.lsp.linemap import LineMap, moved
from rusta_server.tools.diagnostic import Diagnostic, Span

LINES = st.lists(st.sampled_from([b"a", b"b", b"", b"}", "é 🦀".encode(), b"c\r"]), max_size=12)


def span(text: bytes, first: int, last: int) -> Span:
    lines = text.split(b"\n")
    start = sum(len(line) + 1 for line in lines[: first - 1])
    end = sum(len(line) + 1 for line in lines[:last]) - 1
    return Span("a.rs", start, end, first, 1, last, True, None, None, None, False)


@given(LINES, LINES, st.data())
def test_what_is_found_says_the_same(before, after, data):
    one, other = b"\n".join(before), b"\n".join(after)
    n_lines = one.count(b"\n") + 1
    first = data.draw(st.integers(1, n_lines))
    old = span(one, first, data.draw(st.integers(first, n_lines)))
    new = LineMap(one, other).span(old)
    if new is not None:
        assert other[new.start : new.end] == one[old.start : old.end]
        assert other[: new.start].count(b"\n") + 1 == new.line
        assert new.line_end - new.line == old.line_end - old.line


@given(LINES, LINES, LINES)
def test_what_stands_above_and_below_one_edit_is_always_found(head, middle, tail):
    one = b"\n".join([b"first", *head, b"OLD", *tail, b"last"])
    other = b"\n".join([b"first", *head, *middle, *tail, b"last"])
    lines = LineMap(one, other)
    for number in range(1, len(head) + 2):
        assert lines.line(number) == number
    moved_by = len(middle) - 1
    for number in range(len(head) + 3, len(head) + 4 + len(tail)):
        assert lines.line(number) == number + moved_by


def test_two_edits_leave_what_is_between_them():
    lines = LineMap(b"a\nb\nc\nd\ne", b"a\nB1\nB2\nc\nD\ne")
    assert [lines.line(n) for n in range(1, 7)] == [1, None, 4, None, 6, None]


def test_a_diagnostic_holds_only_if_all_it_speaks_of_is_there():
    before, after = b"let a = 1;\nlet b = 2;\n", b"// new\nlet a = 1;\nlet b = 3;\n"
    first, second = span(before, 1, 1), span(before, 2, 2)
    maps = {"a.rs": LineMap(before, after)}
    alone = Diagnostic(None, "error", "x", (first,), ())
    assert moved(alone, maps).primary.line == 2
    with_note = Diagnostic(None, "error", "x", (first,), (Diagnostic(None, "note", "y", (second,), ()),))
    assert moved(with_note, maps) is None
    assert moved(with_note, {}) == with_note
