"""The client without an editor, against the real rust-analyzer, and what it does when that misbehaves."""

import time

import psutil
import pytest

from rusta_server.config import Config
from rusta_server.tools import rust_analyzer_install
from rusta_server.tools.rust_analyzer import Analyzer, AnalyzerError, lone_files

found = rust_analyzer_install.look(Config())
needs_rust_analyzer = pytest.mark.skipif(
    not isinstance(found, rust_analyzer_install.Found), reason="no rust-analyzer; run rusta setup"
)

LIB = """\
// für später: 🦀
mod inner;

pub fn all() -> HashMap<u8, u8> {
    inner::make()
}
"""
INNER = "fn make() -> std::collections::HashMap<u8, u8> {\n    Default::default()\n}\n"


def start(root, **more) -> Analyzer:
    environment = rust_analyzer_install.environment(found)
    return Analyzer.start(root, [str(found.path)], environment=environment, **more)


@pytest.fixture(scope="module")
def analyzer(tmp_path_factory):
    root = tmp_path_factory.mktemp("crate")
    (root / "src").mkdir()
    (root / "Cargo.toml").write_text('[package]\nname = "demo"\nversion = "0.1.0"\nedition = "2021"\n')
    (root / "src/lib.rs").write_text(LIB)
    (root / "src/inner.rs").write_text(INNER)
    with start(root) as running:
        assert running.wait_until_ready(60)
        yield running


def apply(text: str, edits) -> str:
    after = text.encode()
    for edit in sorted(edits, key=lambda e: -e.start):
        after = after[: edit.start] + edit.text + after[edit.end :]
    return after.decode()


def offset(text: str, of: str) -> int:
    return text.encode().index(of.encode())


@needs_rust_analyzer
def test_an_import(analyzer):
    at = offset(LIB, "HashMap")
    actions = analyzer.actions("src/lib.rs", at, at, lambda a: a.id == "auto_import")
    assert [a.title for a in actions] == ["Import `std::collections::HashMap`"]
    assert actions[0].kind == "quickfix"
    assert apply(LIB, actions[0].edits) == "use std::collections::HashMap;\n\n" + LIB


@needs_rust_analyzer
def test_an_edit_in_another_file(analyzer):
    at = offset(LIB, "make()")
    actions = analyzer.actions("src/lib.rs", at, at, lambda a: a.id == "fix_visibility")
    edits = actions[0].edits
    assert {edit.path for edit in edits} == {"src/inner.rs"}
    assert apply(INNER, edits).startswith("pub(crate) fn make()")


@needs_rust_analyzer
def test_texts_that_differ_from_the_disk(analyzer):
    text = "struct S { é: u8 }\nfn f(s: &S) { /* 🦀🦀 */ let n = s.é; n += 1; }\n"
    at = offset(text, "n += 1")
    try:
        analyzer.show("src/inner.rs", text.encode())
        actions = analyzer.actions("src/inner.rs", at, at + 1, lambda a: a.title == "Change it to be mutable")
        assert apply(text, actions[0].edits) == text.replace("let n", "let mut n")
        analyzer.show("src/inner.rs", b"fn g() {}\n")
        assert analyzer.actions("src/inner.rs", 0, 0, lambda a: a.kind == "quickfix") == []
    finally:
        analyzer.show("src/inner.rs", INNER.encode())


@needs_rust_analyzer
def test_no_placeholders_of_an_editor(analyzer):
    text = "trait T { fn f(&self); }\nstruct S;\nimpl T for S {}\n"
    at = offset(text, "impl T") + 6
    try:
        analyzer.show("src/inner.rs", text.encode())
        actions = analyzer.actions("src/inner.rs", at, at, lambda a: a.id == "add_impl_missing_members")
        after = apply(text, actions[0].edits)
        assert "todo!()" in after
        assert "$" not in after
    finally:
        analyzer.show("src/inner.rs", INNER.encode())


@needs_rust_analyzer
def test_its_own_diagnostics(analyzer):
    try:
        analyzer.show("src/inner.rs", b"fn f() { let n = 1; n += 1; }\n")
        (item,) = (i for i in analyzer.diagnostics("src/inner.rs") if i.get("code") == "E0384")
        assert item["range"]["start"] == {"line": 0, "character": 20}
    finally:
        analyzer.show("src/inner.rs", INNER.encode())


@needs_rust_analyzer
def test_files_of_no_crate(tmp_path):
    file = tmp_path / "alone.rs"
    file.write_text("fn main() { let x = Arc::new(1); }\n")
    project = lone_files({file: "2021"}, found.sysroot_src)
    with start(tmp_path, project=project) as running:
        assert running.wait_until_ready(60)
        at = offset(file.read_text(), "Arc")
        titles = [a.title for a in running.actions("alone.rs", at, at, lambda a: a.id == "auto_import")]
        assert "Import `std::sync::Arc`" in titles
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone.rs"]


@needs_rust_analyzer
def test_killed_while_in_use(tmp_path):
    (tmp_path / "a.rs").write_text("fn main() {}\n")
    with start(tmp_path, project=lone_files({tmp_path / "a.rs": "2021"}, None)) as running:
        process = psutil.Process(running._child.pid)
        process.kill()
        with pytest.raises(AnalyzerError, match="ended"):
            running.actions("a.rs", 0, 0)
        assert not running.wait_until_ready(1)
    assert not process.is_running()


@needs_rust_analyzer
def test_nothing_is_left_running(tmp_path):
    (tmp_path / "a.rs").write_text("fn main() {}\n")
    with start(tmp_path, project=lone_files({tmp_path / "a.rs": "2021"}, None)) as running:
        process = psutil.Process(running._child.pid)
    assert not process.is_running()


def test_a_program_that_is_not_there(tmp_path):
    with pytest.raises(AnalyzerError, match="does not start"):
        Analyzer.start(tmp_path, [str(tmp_path / "absent")])


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("exit 3", "ended"),
        ("echo this is no message", "ended"),
        ("printf 'Content-Length: 5\\r\\n\\r\\n{'", "ended"),
        ("printf 'Content-Length: x\\r\\n\\r\\n{}'; sleep 60", "ended"),
        ("sleep 60", "did not answer"),
    ],
)
def test_a_program_that_is_not_rust_analyzer(tmp_path, monkeypatch, script, complaint):
    monkeypatch.setattr(Analyzer.request, "__kwdefaults__", {"timeout_s": 0.5})
    started = time.monotonic()
    with pytest.raises(AnalyzerError, match=complaint):
        Analyzer.start(tmp_path, ["sh", "-c", script])
    assert time.monotonic() - started < 10
