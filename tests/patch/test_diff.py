"""Differences between files, as hunks, as edits and for people."""

from hypothesis import given
from hypothesis import strategies as st

from rusta_server.patch import diff
from rusta_server.patch.edit import apply

LINES = st.lists(st.sampled_from(["a", "b", "é", "🦀 x", "}", ""]), max_size=12)
TEXTS = st.builds(lambda lines, end: "\n".join(lines) + end, LINES, st.sampled_from(["", "\n"]))


@given(TEXTS, TEXTS)
def test_the_edits_between_two_texts_lead_from_one_to_the_other(before, after):
    old, new = before.encode(), after.encode()
    edits = diff.edits("a.rs", old, new)
    assert apply({"a.rs": old}, edits).get("a.rs", old) == new
    for edit in edits:
        edit.text.decode()  # never half a character
        old[edit.start : edit.end].decode()


@given(TEXTS, TEXTS)
def test_all_hunks_rebuild_the_new_text_and_none_the_old(before, after):
    old, new = {"a": before.encode()}, {"a": after.encode()}
    hunks = diff.all_hunks(old, new)
    assert diff.rebuild(old, hunks).get("a", old["a"]) == new["a"]
    assert diff.rebuild(old, []) == {}
    assert diff.n_changed_lines(old, new) == sum(h.n_lines for h in hunks)


def test_an_edit_is_no_larger_than_it_has_to_be():
    (edit,) = diff.edits("a", b"fn f() {\n    let x = 1;\n}\n", b"fn f() {\n    let mut x = 1;\n}\n")
    assert (edit.start, edit.end, edit.text) == (17, 17, b"mut ")


def test_a_file_without_a_last_newline_is_shown_as_such():
    shown = diff.unified({"a.rs": b"x"}, {"a.rs": b"y"})
    assert shown.count("No newline at end of file") == 2
