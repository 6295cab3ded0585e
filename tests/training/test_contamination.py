import json
from pathlib import Path

from rusta_training import contamination
from rusta_training.documents import Document

SECRET = b"fn area(r: &Rectangle) -> u32 { let w = r.width; let h = r.height; w * h + offset }"
CLEAN = b"fn volume(c: &Cuboid) -> u64 { c.width * c.height * c.depth }"


def document(text: bytes, crate: str = "some") -> Document:
    return Document("0" * 64, crate, "src/lib.rs", "train", text)


def test_a_piece_of_an_evaluation_set_is_found_whatever_its_layout_and_punctuation() -> None:
    grams = contamination.grams([SECRET])
    reset = b"mod x {\n" + SECRET.replace(b" ", b"\n  ").replace(b"{", b"{{") + b"}"
    planted = document(CLEAN + reset + CLEAN)
    assert contamination.overlapping([document(CLEAN), planted], grams) == [planted]


def test_twelve_words_in_a_row_are_no_sign() -> None:
    words = [b"w%d" % number for number in range(13)]
    grams = contamination.grams([b" ".join(words)])
    assert contamination.overlapping([document(b" ".join(words[:12]))], grams) == []
    assert contamination.overlapping([document(b" ".join(words))], grams) != []


def test_what_many_crates_have_is_an_idiom() -> None:
    grams = contamination.grams([SECRET])
    few = [document(SECRET, f"crate{number}") for number in range(contamination.COMMON_CRATES - 1)]
    many = [*few, document(SECRET, "one more")]
    assert contamination.overlapping(few, grams) == few
    assert contamination.overlapping(many, grams) == []


def test_an_evaluation_folder_is_read_without_its_prose(tmp_path: Path) -> None:
    line = {"id": "x", "message": "prose", "broken": "fn a() {}", "fixed": "fn b() {}"}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(line) + "\n")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper/case.rs").write_text("fn c() {}")
    (tmp_path / "notes.txt").write_text("fn d() {}")
    assert sorted(contamination.read(tmp_path)) == [b"fn a() {}", b"fn b() {}", b"fn c() {}"]


def test_the_list_of_what_overlaps_comes_back_and_holds_no_text(tmp_path: Path) -> None:
    path = tmp_path / "contaminated.jsonl"
    assert contamination.read_list(path) == frozenset()
    contamination.write_list(path, [document(SECRET)])
    assert contamination.read_list(path) == {document(SECRET).sha256}
    assert "width" not in path.read_text()
