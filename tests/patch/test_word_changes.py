"""Changes as whole words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rusta_server.patch.diff import word_changes


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        (b"let is_evening = 1;", b"let is_morning = 1;", [(b"is_evening", b"is_morning")]),
        (b"f(x)", b"f(&x)", [(b"", b"&")]),
        (b"f(xs)", b"f(xsy)", [(b"xs", b"xsy")]),
        (b"a.to()", b"a.to_owned()", [(b"to", b"to_owned")]),
        (b"one\ntwo\nthree\n", b"one\nthree\n", [(b"two\n", b"")]),
        (b"same", b"same", []),
    ],
)
def test_a_change_is_told_in_whole_words(before, after, changes):
    assert word_changes("a.rs", before, after) == changes


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_whatever_changes_is_told_and_stands_there(before, after):
    changes = word_changes("a.rs", before, after)
    assert bool(changes) == (before != after)
    assert all(old != new and old in before and new in after for old, new in changes)
