import random

from hypothesis import given, settings
from hypothesis import strategies as st

from rusta_training import dedupe


def words(seed: int, n: int) -> list[str]:
    chance = random.Random(seed)
    return ["".join(chance.choices("abcdefgh", k=6)) for _ in range(n)]


def text(words: list[str]) -> bytes:
    return " ".join(words).encode()


def test_a_copy_with_other_layout_or_a_few_changes_is_a_duplicate() -> None:
    original = words(1, 800)
    changed = list(original)
    changed[100:103] = ["fn", "other", "words"]
    texts = [text(original), "\n    ".join(original).encode(), text(changed), text(words(2, 800))]
    assert dedupe.duplicates(texts) == {1, 2}


def test_texts_that_share_half_are_kept() -> None:
    shared = words(1, 400)
    assert dedupe.duplicates([text(shared + words(2, 400)), text(shared + words(3, 400))]) == set()


@settings(deadline=None)
@given(st.lists(st.binary(max_size=80), max_size=8))
def test_of_equal_texts_of_any_bytes_the_first_is_kept(texts: list[bytes]) -> None:
    dropped = dedupe.duplicates([*texts, *texts])
    assert set(range(len(texts), 2 * len(texts))) <= dropped


def test_many_copies_leave_one() -> None:
    assert dedupe.duplicates([b"fn main() {}\n"] * 5) == {1, 2, 3, 4}
