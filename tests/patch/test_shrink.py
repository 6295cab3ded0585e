"""Patches made small: what is left still works, nothing of it can go, and it is never larger."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rusta_server.patch import diff
from rusta_server.patch.shrink import ddmin, shrink, size, units

LINES = st.lists(
    st.sampled_from(
        [b"a b c", b"let x = 1;", b"let mut x = 1;", b"f(x, &y);", b"f(y);", b"  }", b"", b"\xc3\xa9 q"]
    ),
    max_size=10,
)
TEXTS = st.builds(lambda lines, end: b"\n".join(lines) + end, LINES, st.sampled_from([b"", b"\n"]))


def texts_of(before: bytes, hunks) -> bytes:
    return diff.rebuild({"a": before}, hunks).get("a", before)


def check(before: str, after: str, works, expected: str):
    old, new = before.encode(), after.encode()
    found = shrink(
        diff.all_hunks({"a": old}, {"a": new}), lambda chosen: works(texts_of(old, chosen).decode())
    )
    assert texts_of(old, found.hunks).decode() == expected
    return found


def test_hunks_that_are_not_needed_go():
    found = check("a\nb\nc\nd\ne\n", "A\nb\nC\nd\nE\n", lambda text: "C" in text, expected="a\nb\nC\nd\ne\n")
    assert (found.before.n_lines, found.after.n_lines) == (6, 2)
    assert (found.before.n_bytes, found.after.n_bytes) == (6, 2)
    assert found.is_minimal


def test_words_that_are_not_needed_go():
    check(
        "let x = f(a, b);\n",
        "let mut x = f(&a, b.clone());\n",
        lambda text: "&a" in text,
        expected="let x = f(&a, b);\n",
    )


def test_white_space_comes_with_the_words_around_it():
    check("f(x)\n", "    g(x)\n", lambda text: "g" in text, expected="    g(x)\n")


def test_the_tries_for_words_can_be_limited():
    old, new = b"a b c d e f\n", b"A b C d E f\n"
    hunks = diff.all_hunks({"a": old}, {"a": new})
    found = shrink(hunks, lambda chosen: b"A" in texts_of(old, chosen), max_word_tries=0)
    assert (found.hunks, found.n_tries, found.is_minimal) == (hunks, 0, False)


def test_what_is_moved_is_not_deleted():
    before = "use_first(a);\nlet b = f(a);\ng(b);\n"
    after = "let b = f(a);\ng(b);\n    use_first(a);\n"
    check(before, after, lambda text: text.startswith("let"), expected=after)
    before, after = before + "end();\nx\n", after + "end();\ny\n"
    check(before, after, lambda text: "y" in text, expected=before.replace("x", "y"))


def test_brackets_and_blank_lines_that_come_and_go_are_no_move():
    old, new = b"a\n}\nb\nc\nd\n\ne\nf\n", b"a\nb\nc\nd\n}\ne\nf\n\n"
    hunks = diff.all_hunks({"a": old}, {"a": new})
    assert len(hunks) == 3
    assert {len(unit) for unit in units(hunks)} == {1}


@settings(derandomize=True, max_examples=400, deadline=None)
@given(TEXTS, TEXTS, st.data())
def test_what_a_shrunk_patch_promises(before, after, data):
    """For any judge: it works, is no larger, is the same each time, and no hunk of it can go."""
    hunks = diff.all_hunks({"a": before}, {"a": after})
    needed = data.draw(st.sets(st.sampled_from(after.split() or [b""]), max_size=2))
    gone = data.draw(st.sets(st.sampled_from(before.split() or [b""]), max_size=1))

    def works(chosen) -> bool:
        words = texts_of(before, chosen).split()
        return (needed <= set(words)) and not (gone & set(words) - set(after.split()))

    if not works(hunks):
        return
    found = shrink(hunks, works)
    assert works(found.hunks) or not hunks
    assert found.after.n_lines <= found.before.n_lines
    assert found.after.n_bytes <= found.before.n_bytes
    assert (found.before, found.after) == (size(hunks), size(found.hunks))
    assert shrink(hunks, works).hunks == found.hunks
    kept = [unit for unit in units(hunks) if unit[0] in found.kept]
    assert sorted(found.kept, key=hunks.index) == sorted((h for unit in kept for h in unit), key=hunks.index)
    rests = [[h for h in found.kept if h not in unit] for unit in kept]
    assert len(kept) <= 1 or not any(map(works, rests))


@given(st.sets(st.integers(0, 19), max_size=6))
def test_ddmin_finds_what_is_needed_and_no_more(needed):
    calls = []

    def works(parts):
        calls.append(parts)
        return needed <= set(parts)

    found = ddmin(list(range(20)), works)
    assert set(found) == needed or (not needed and len(found) == 1)
    assert len(calls) <= 20 * 20
