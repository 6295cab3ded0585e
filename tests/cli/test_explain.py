"""`rusta explain` as a person runs it, with the real documentation, cargo and rust-analyzer."""

import json
import os
import subprocess
import sys

import pytest

from rusta_server.config import Config
from rusta_server.tools import rust_analyzer_install

MOVED = """fn take(s: String) {}
fn main() {
    let s = String::from("x");
    take(s);
    println!("{s}");
}
"""


@pytest.fixture
def explain(tmp_path, docs):
    """Runs the command with a cache of its own, but with the index that is there."""
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "docs").symlink_to(Config().cache / "docs")

    def explain(*arguments, **options):
        command = [sys.executable, "-m", "rusta_server", "explain", f"--cache-dir={cache}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, **options)

    return explain


def complaint(done):
    """What a person reads when it could not run: two lines at most, no stack."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 3
    return done.stderr


def citations(done):
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["explanations"]
    claims = [claim for one in found for part in one["parts"] for claim in part["claims"]]
    return [citation for claim in claims for citation in claim["citations"]]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("E0502", "already borrowed"),
        ("e0382", "moved"),
        ("dyn", "trait object"),
        ("?", "Err"),
        ("unused_variables", "unused_variables lint detects"),
        ("clippy::needless_return", "return"),
        ("std::vec::Vec::drain", "Removes the subslice"),
    ],
)
def test_a_name(explain, docs, name, words):
    done = explain(name)
    assert done.returncode == 0, done.stderr
    assert words in " ".join(done.stdout.split())
    for citation in citations(explain(name, "--json")):
        corpus = citation["corpus"].partition("@")[0]
        assert citation["quote"] in docs.section(corpus, citation["structural_id"]).text
        assert citation["state"] == "valid"
        assert citation["id"].startswith(f"{corpus}/{citation['structural_id']}#")
        assert citation["web"].startswith(("https://doc.rust-lang.org/", "https://rust-lang.github.io/"))


def test_an_item_warns_of_its_panics(explain):
    done = explain("Vec::drain", "--plain")
    assert done.returncode == 0, done.stderr
    assert "Panics" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("name", "meant"),
    [("E05022", "E0502"), ("std::vec::Vec::drian", "drain"), ("clippy::needles_return", "needless_return")],
)
def test_an_unknown_name_gets_a_near_one(explain, name, meant):
    said = complaint(explain(name))
    assert meant in said
    assert "rusta explain" in said


@pytest.mark.parametrize(
    ("copied", "name"),
    [
        ("error[E0382]: borrow of moved value: `s`", "E0382"),
        ("[E0382]", "E0382"),
        ("#[derive]", "`derive`"),
        ("->", "`->`"),
        ("-=", "`-=`"),
    ],
)
def test_names_as_they_are_copied(explain, copied, name):
    done = explain(copied)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{name}\n")


def test_a_file_that_is_not_there(explain):
    assert "nowhere.rs does not exist" in complaint(explain("nowhere.rs"))


@pytest.mark.parametrize("name", ["", "\x1b[31mE0502", "x::" * 20_000, "%s'\"--", "[bold]x"])
def test_what_is_no_name(explain, name):
    said = complaint(explain("--", name))
    assert "\x1b" not in said
    assert len(said) < 500


def test_a_place_in_a_crate_is_explained_and_nothing_is_written(explain, make_crate):
    root = make_crate({"src/main.rs": MOVED})
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    done = explain("src/main.rs:5:16", cwd=root)
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "E0382" in text
    assert "value moved here" in text
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
    found = citations(explain("src/main.rs:5", "--json", cwd=root))
    assert found[0]["corpus"].startswith("diagnostic@")
    assert found[0]["link"] == (root / "src/main.rs").as_uri() + "#L5"


def test_a_lone_file(explain, tmp_path):
    (tmp_path / "lone.rs").write_text(MOVED)
    assert "E0382" in explain(str(tmp_path / "lone.rs:5:16")).stdout


def test_a_place_without_diagnostic_is_its_keyword(explain, make_crate):
    root = make_crate({"src/lib.rs": "pub fn f(x: &dyn Fn()) { x() }\n"})
    done = explain("src/lib.rs:1:14", cwd=root)
    assert done.returncode == 0, done.stderr
    assert "`dyn`" in done.stdout


SYMBOLS = """/// Empties it.
pub fn empty(v: &mut Vec<u8>) {
    v.truncate(1);
    let _ = "a".to_ascii_uppercase();
}
pub fn twice(v: &mut Vec<u8>) {
    empty(v);
}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("symbol", "words"),
    [
        ("empty(v);", "Empties it."),
        ("truncate", "Shortens the vector"),
        ("to_ascii", "Returns a copy of this string where each character is mapped to its ASCII upper case"),
    ],
)
def test_a_place_without_diagnostic_is_its_symbol(explain, make_crate, symbol, words):
    if isinstance(rust_analyzer_install.look(Config()), rust_analyzer_install.Missing):
        pytest.skip("no rust-analyzer")
    root = make_crate({"src/lib.rs": SYMBOLS})
    line, text = next(pair for pair in enumerate(SYMBOLS.split("\n"), 1) if symbol in pair[1])
    done = explain(f"src/lib.rs:{line}:{text.index(symbol) + 1}", cwd=root)
    assert done.returncode == 0, done.stderr
    assert words in " ".join(done.stdout.split())


@pytest.mark.slow
def test_a_place_of_which_nothing_is_known(explain, make_crate):
    root = make_crate({"src/lib.rs": "// only a comment\npub fn f() {}\n"})
    done = explain("src/lib.rs:1:5", cwd=root)
    assert done.returncode == 1
    assert "unknown" in done.stderr
    assert "try:" in done.stderr
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("src/lib.rs:9", "has 1 lines"),
        ("src/lib.rs:0:1", "has 1 lines"),
        ("src/lib.rs:1:99", "has 13 columns"),
        ("src/none.rs:1:1", "does not exist"),
        ("Cargo.toml:1", "is no Rust file"),
        ("src:1", "is no Rust file"),
        ("src/lib.rs", "is a file"),
    ],
)
def test_a_place_that_is_not_there(explain, make_crate, place, words):
    root = make_crate({"src/lib.rs": "pub fn f() {}\n"})
    assert words in complaint(explain(place, cwd=root))


def test_columns_count_characters(explain, make_crate):
    root = make_crate({"src/lib.rs": 'pub fn f() { let _é = "🦀"; let x: u8 = true; }\n'})
    column = (root / "src/lib.rs").read_text().index("true") + 1
    assert "E0308" in explain(f"src/lib.rs:1:{column}", cwd=root).stdout
    assert "E0308" not in explain(f"src/lib.rs:1:{column - 12}", cwd=root).stdout


def test_a_toolchain_without_documentation(explain, make_crate, tmp_path):
    """The compiler's own explanation is cited, and the remedy named."""
    asked = ("rustc", "--print", "sysroot")
    real = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    bare = tmp_path / "bare"
    for folder in (tmp_path / "bin", bare / "bin"):
        folder.mkdir(parents=True)
        answer = f'[ "$1 $2" = "--print sysroot" ] && echo {bare} && exit'
        (folder / "rustc").write_text(f'#!/bin/sh\n{answer}\nexec {real}/bin/rustc "$@"\n')
        (folder / "rustc").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    done = explain("E0382", "--json", env=environment)
    assert "rustup component add rust-docs" in done.stderr
    (first, *_) = citations(done)
    assert first["corpus"].startswith("explain@")
    assert first["quote"] == "A variable was used after its contents have been moved elsewhere."
    assert "rustup component add rust-docs" in complaint(explain("std::vec::Vec", env=environment))
    assert "E0382" in complaint(explain("E03822", env=environment)), "near, and the compiler knows it"


def test_no_rust_at_all(explain):
    assert "rustc was not found" in complaint(explain("E0502", env={"PATH": "/nonexistent"}))
