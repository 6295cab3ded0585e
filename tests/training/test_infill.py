import random

from hypothesis import given, settings
from hypothesis import strategies as st

from rusta_inference.codec import BOS, END, FILL, HOLE
from rusta_training import infill
from rusta_training.infill import Hole

SOURCE = b"""\
use std::fmt;

pub fn largest<T: PartialOrd + Copy>(list: &[T]) -> T where T: fmt::Debug {
    let mut largest = list[0];
    for &item in list.iter().skip(1) {
        if item > largest {
            largest = item;
        }
    }
    largest
}
"""


def parts(sample: list[int]) -> tuple[bytes, bytes, bytes]:
    """Prefix, middle and suffix."""
    hole, fill = sample.index(HOLE), sample.index(FILL)
    assert sample[0] == BOS and sample[-1] == END
    return bytes(sample[1:hole]), bytes(sample[fill + 1 : -1]), bytes(sample[hole + 1 : fill])


@settings(deadline=None)
@given(data=st.data(), text=st.binary(min_size=1, max_size=3000))
def test_a_sample_holds_a_piece_of_the_file_and_fits_the_window(data: st.DataObject, text: bytes) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, min(len(text), start + infill.MAX_MIDDLE)))
    sample = infill.sample(
        text, Hole(start, end, "line"), random.Random(data.draw(st.integers(0, 99)))
    ).tolist()
    prefix, middle, suffix = parts(sample)
    assert middle == text[start:end]
    assert text[:start].endswith(prefix) and text[end:].startswith(suffix)
    assert len(sample) <= infill.WINDOW


def test_holes_are_whole_pieces_of_syntax_of_all_kinds() -> None:
    found = infill.holes(SOURCE)
    texts = {kind: {SOURCE[hole.start : hole.end] for hole in holes} for kind, holes in found.items()}
    assert b"(list: &[T])" in texts["signature"]
    assert b"<T: PartialOrd + Copy>" in texts["bounds"]
    assert b"where T: fmt::Debug" in {text.strip() for text in texts["bounds"]}
    assert b"let mut largest = list[0];" in texts["statement"]
    assert b"(1)" in texts["arguments"]
    assert b"            largest = item;" in texts["line"]


def test_equal_seeds_give_equal_samples_and_others_differ() -> None:
    def drawn(seed: str) -> list[list[int]]:
        return [sample.tolist() for sample in infill.samples(SOURCE, seed, 40)]

    assert drawn("a") == drawn("a") != drawn("b")
    assert len(drawn("a")) > 3


def test_what_is_no_rust_gives_samples_of_lines_only() -> None:
    assert set(infill.holes(b"this is } not { rust at all\n")) <= {"line", "name"}
    assert list(infill.samples(b"", "seed", 1)) == []
