"""Edits in bytes: what is applied, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rusta_server.patch.edit import Edit, EditError, apply

FILES = {"src/lib.rs": "let é = 1;\n".encode()}


def check(before: bytes, edits: list[tuple[int, int, bytes]], after: bytes) -> None:
    assert apply({"a.rs": before}, [Edit("a.rs", *edit) for edit in edits]) == {"a.rs": after}


@pytest.mark.parametrize(
    ("before", "edits", "after"),
    [
        (b"abc", [], None),
        (b"abc", [(1, 2, b"X")], b"aXc"),
        (b"abc", [(0, 0, b"X"), (3, 3, b"Y")], b"XabcY"),
        (b"abc", [(2, 3, b""), (0, 1, b"")], b"b"),
        (b"abc", [(1, 1, b"X"), (1, 1, b"X")], b"aXbc"),  # the same edit twice is one
        (b"\xff\xfe", [(1, 1, b"\x80")], b"\xff\x80\xfe"),
    ],
)
def test_apply(before, edits, after):
    if after is None:
        assert apply({"a.rs": before}, []) == {}
    else:
        check(before, edits, after)


@pytest.mark.parametrize(
    "edits",
    [
        [Edit("src/lib.rs", 0, 3, b""), Edit("src/lib.rs", 2, 4, b"")],
        [Edit("src/lib.rs", 1, 1, b"a"), Edit("src/lib.rs", 1, 1, b"b")],
        [Edit("src/lib.rs", 0, 99, b"")],
        [Edit("src/other.rs", 0, 0, b"x")],
    ],
    ids=["overlap", "two insertions at one place", "behind the end", "no such file"],
)
def test_what_cannot_be_applied_is_refused(edits):
    with pytest.raises(EditError):
        apply(FILES, edits)


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../x.rs", "a/../../x.rs", "", ".git/hooks/pre-commit", "a/.GIT/x", "a\\b", "a\0b"],
)
def test_paths_outside_the_workspace_are_refused(path):
    with pytest.raises(EditError):
        Edit(path, 0, 0, b"")


@pytest.mark.parametrize(("start", "end"), [(3, 2), (-1, 2)])
def test_ranges_that_are_none_are_refused(start, end):
    with pytest.raises((EditError, ValueError)):
        Edit("a.rs", start, end, b"")


@given(st.binary(max_size=40), st.data())
def test_edits_apart_from_each_other_are_independent(before, data):
    """Applying two edits at once equals applying the later one first."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(before)), min_size=4, max_size=4)))
    one = Edit("a", cuts[0], cuts[1], data.draw(st.binary(max_size=5)))
    two = Edit("a", cuts[2], cuts[3], data.draw(st.binary(max_size=5)))
    if cuts[0] == cuts[2]:
        return
    together = apply({"a": before}, [one, two])["a"]
    in_turn = apply({"a": apply({"a": before}, [two])["a"]}, [one])["a"]
    assert together == in_turn
