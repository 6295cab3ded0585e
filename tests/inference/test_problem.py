"""What the model is told of a diagnostic."""

from typing import Any

from rusta_inference.codec import Mark, Note, encode_problem
from rusta_inference.problem import of_diagnostic

CODE = b"fn main() {\n    let s = f;\n    take(s);\n    take(s);\n}\n"
FILES = {"main.rs": CODE, "other.rs": b"fn other() {}\n"}


def span(start: int, end: int, path: str = "main.rs", **more: Any) -> dict[str, Any]:
    return {"path": path, "start": start, "end": end, **more}


def diagnostic(*spans: dict[str, Any], children: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {"code": "E0382", "message": "use of moved value", "spans": spans, "children": children}


def test_places_are_marked_by_what_they_are() -> None:
    help_ = {"message": "clone it", "spans": [span(36, 36, replacement=".clone()")]}
    note = {"message": "defined here", "spans": [span(3, 8, "other.rs")], "children": [help_]}
    told = of_diagnostic(
        diagnostic(
            span(53, 54, is_primary=True, label="used"), span(36, 37, label="moved"), children=(note,)
        ),
        FILES,
    )
    assert told.marks == (
        Mark("main.rs", 53, 54, "primary", "used"),
        Mark("main.rs", 36, 37, "secondary", "moved"),
        Mark("other.rs", 3, 8, "note"),
        Mark("main.rs", 36, 36, "note"),
    )
    assert told.notes == (Note("defined here"), Note("clone it", ".clone()"))


def test_of_several_suggestions_for_one_place_the_first_is_told() -> None:
    use = {
        "message": "consider importing one of these",
        "spans": [span(0, 0, replacement="use a;\n"), span(0, 0, replacement="use b;\n")],
    }
    two_parts = {
        "message": "surround it",
        "spans": [span(53, 53, replacement="("), span(54, 54, replacement=")")],
    }
    told = of_diagnostic(diagnostic(span(53, 54, is_primary=True), children=(use, two_parts)), FILES)
    assert [note.replacement for note in told.notes] == ["use a;\n", "()"]


def test_a_place_that_cannot_be_shown_is_left_out() -> None:
    told = of_diagnostic(
        diagnostic(span(53, 54, is_primary=True), span(0, 9, "/std/vec.rs"), span(0, 999, "other.rs")), FILES
    )
    assert [mark.path for mark in told.marks] == ["main.rs"]
    assert set(told.files) == {"main.rs"}
    assert encode_problem(told).lines


def test_a_diagnostic_without_code_or_place_can_be_told() -> None:
    told = of_diagnostic({"code": None, "message": "aborting"}, FILES)
    assert (told.code, told.marks, told.files) == ("", (), {})
    assert not encode_problem(told).lines
