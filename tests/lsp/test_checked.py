"""What the last check said of a place, if it still holds."""

import json
from pathlib import Path

import pytest

from rusta_server.lsp import checked
from rusta_server.lsp.features.check import CheckRun
from rusta_server.tools.diagnostic import Diagnostic, Span

TEXT = "fn f() {\n    let a = 1;\n    let b = a;\n}\n"


def span(text: str, marked: str, *, is_primary: bool = True) -> Span:
    start = text.index(marked)
    line = text[:start].count("\n") + 1
    end = start + len(marked)
    return Span("a.rs", start, end, line, 1, line, is_primary, None, None, None, False, snippet=marked)


def diagnostic(*spans: Span, level: str = "error", message: str = "x") -> Diagnostic:
    return Diagnostic("E0001", level, message, spans, ())


def messages(said: list[Diagnostic], offset: int, today: str = TEXT) -> list[str]:
    root = Path("/crate")
    one = checked.Said(root, tuple(said), {"a.rs": TEXT.encode()})
    buffers = {root / "a.rs": today.encode()}
    return [here.diagnostic.message for here in checked.at([one], buffers, root / "a.rs", offset)]


def test_the_nearest_comes_first():
    offset = TEXT.index("a;")
    said = [
        diagnostic(span(TEXT, "a;", is_primary=False), span(TEXT, "let a"), message="only a label"),
        diagnostic(span(TEXT, "a;"), level="warning", message="a warning"),
        diagnostic(span(TEXT, "let b = a;"), message="wide"),
        diagnostic(span(TEXT, "a;"), message="narrow"),
        diagnostic(span(TEXT, "let a"), message="elsewhere"),
    ]
    assert messages(said, offset) == ["narrow", "wide", "a warning", "only a label"]


def test_what_was_changed_since_says_nothing():
    offset = TEXT.index("a;")
    said = [diagnostic(span(TEXT, "a;"), span(TEXT, "let a", is_primary=False))]
    assert messages(said, offset) == ["x"]
    assert messages(said, offset + 3, "//\n" + TEXT) == ["x"]
    assert messages(said, offset, TEXT.replace("= 1", "= 2")) == []
    assert messages(said, offset, TEXT.replace("= a", "= c")) == []


@pytest.mark.parametrize("is_stale", [False, True])
def test_a_file_that_was_saved_again_meanwhile_is_not_believed(tmp_path, is_stale):
    """What the compiler marked must stand there in what is read after the check."""
    (tmp_path / "a.rs").write_text("// new\n" + TEXT if is_stale else TEXT)
    start = TEXT.index("a = 1")
    marked = {"text": "    let a = 1;", "highlight_start": 9, "highlight_end": 10}
    raw = {
        "message": "unused variable",
        "code": {"code": "unused_variables"},
        "level": "warning",
        "children": [],
        "spans": [
            {
                "file_name": "a.rs",
                "byte_start": start,
                "byte_end": start + 1,
                "line_start": 2,
                "line_end": 2,
                "column_start": 9,
                "is_primary": True,
                "text": [marked],
            }
        ],
    }
    message = {
        "reason": "compiler-message",
        "package_id": "p",
        "manifest_path": str(tmp_path / "Cargo.toml"),
        "target": {"kind": ["lib"]},
        "message": raw,
    }
    lines = [message, message, {"reason": "build-finished", "success": True}]  # the lib and its tests
    stdout = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    said = checked._read(CheckRun(tmp_path, 0, stdout, None))
    assert len(said.diagnostics) == (0 if is_stale else 1)
