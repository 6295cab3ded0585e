"""`rusta fix` as a person runs it, with the real cargo."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from rusta_eval.demo import BREAKAGES, break_file

TESTED = """pub fn f() -> u8 { %s }
#[test]
fn one() { assert_eq!(f(), 1) }
"""


def rusta(*arguments: str, cache: Path, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "rusta_server", "fix", *arguments, f"--cache-dir={cache}"]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.fixture
def fix(tmp_path):
    return lambda *arguments, **options: rusta(*arguments, cache=tmp_path / "cache", **options)


def as_json(done: subprocess.CompletedProcess) -> dict:
    return json.loads(done.stdout)


def sources(root: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(root)): p.read_bytes()
        for p in root.rglob("*")
        if p.is_file() and "target" not in p.parts
    }


def test_a_real_crate_with_several_mistakes_is_repaired(semver, fix):
    good = sources(semver)
    for breakage in BREAKAGES:
        break_file(semver, breakage)
    broken = sources(semver)
    shown = as_json(fix(str(semver), "--json"))
    assert sources(semver) == broken, "a dry run changes nothing"
    assert (shown["level"], shown["errors_left"], shown["written"]) == ("V3", [], None)
    assert shown["tests"]["passed"] >= 30
    assert all(f["anchors"][0]["quote"] and f["changed_lines"] <= 20 for f in shown["fixes"])
    done = fix(str(semver), "--apply")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Written." in done.stdout
    assert sources(semver).keys() == good.keys()
    check = subprocess.run(["cargo", "test", "--offline", "-q"], cwd=semver, capture_output=True, check=False)
    assert check.returncode == 0


SHOP = {
    "src/main.rs": """mod shop;
mod words;

use shop::{Item, Shop};

fn main() {
    let mut shop = Shop::new();
    shop.add(Item::new("apple", 3, 0.5));
    shop.add(Item::new("pear", "4", 0.75));
    let first = shop.first();
    shop.add(Item::new("plum", 12, 0.1));
    println!("first: {:?}", first);
    for item in shop.items {
        println!("{}", words::line(&item));
    }
    println!("total {}", shop.total());
}
""",
    "src/shop.rs": """#[derive(Debug)]
pub struct Item {
    pub name: String,
    pub count: u32,
    pub price: f64,
}

impl Item {
    pub fn new(name: &str, count: u32, price: f64) -> Self {
        Item { name, count, price }
    }
}

pub struct Shop {
    items: Vec<Item>,
}

impl Shop {
    pub fn new() -> Self {
        Shop { items: vec![] }
    }

    pub fn add(&self, item: Item) {
        self.items.push(item);
    }

    pub fn first(&self) -> Option<&Item> {
        self.items.iter().min_by(|a, b| a.price.cmp(&b.price))
    }

    pub fn total(&self) -> f64 {
        self.items.iter().map(|item| item.count * item.price).sum()
    }
}
""",
    "src/words.rs": """use crate::shop::Item;

pub enum Size {
    Few,
    Many,
}

pub fn line(item: &Item) -> String {
    let size = if item.count < 5 { Size::Few } else { Size::Many };
    let word = match size {
        Size::Few => "few",
    };
    format!("{} {}", word, item.name)
}
""",
}


def test_many_mistakes_in_several_files_are_mended_without_much_ado(make_crate, fix):
    """Seven at the start, in three files, and two that they hid; one needs a field of another file public."""
    shown = as_json(fix(str(make_crate(SHOP)), "--json", "--no-model"))
    assert (shown["level"], shown["errors_left"]) == ("V2", [])
    assert (shown["errors_before"], shown["errors_mended"]) == (7, 9)
    assert shown["checks"] <= 25


def test_nothing_to_fix(make_crate, fix):
    root = make_crate({"src/lib.rs": "pub fn f() {}\n"})
    done = fix(str(root))
    assert done.returncode == 0
    assert "Nothing to fix" in done.stdout


def test_some_left_is_exit_code_1_and_nothing_is_written(make_crate, fix):
    text = 'pub fn f() -> Missing { let x = 1; x = 2; compile_error!("never") }\n'
    root = make_crate({"src/lib.rs": text})
    done = fix(str(root), "--apply")
    assert done.returncode == 1
    assert "never" in done.stdout
    assert (root / "src/lib.rs").read_text() == text


def test_a_fix_that_fails_the_tests_is_not_written(make_crate, fix):
    text = TESTED % "let x = 2; x = 3; x"
    root = make_crate({"src/lib.rs": text})
    done = fix(str(root), "--apply")
    assert done.returncode == 1
    assert "tests fail" in done.stdout
    assert "Nothing was written: it compiles, but 1 of its tests fail" in done.stdout
    assert (root / "src/lib.rs").read_text() == text
    assert fix(str(root), "--apply", "--level=v2").returncode == 1
    assert (root / "src/lib.rs").read_text() == text
    assert fix(str(root), "--apply", "--level=v2", "--no-tests").returncode == 0
    assert "let mut x" in (root / "src/lib.rs").read_text()


def test_a_crate_without_tests_is_written_at_v2(make_crate, fix):
    root = make_crate({"src/main.rs": 'fn main() { let x = 1; x = 2; println!("{x}"); }\n'})
    assert fix(str(root), "--apply").returncode == 0
    assert "let mut x" in (root / "src/main.rs").read_text()


def test_a_guess_is_shown_as_one_and_not_written_unasked(make_crate, fix):
    """It compiles, but a made up function body is nothing to write without a word."""
    text = 'fn main() { let n: u32 = twice(4); println!("{n}"); }\n'
    root = make_crate({"src/main.rs": text})
    done = fix(str(root), "--apply")
    assert done.returncode == 1
    assert "a guess" in done.stdout
    assert (root / "src/main.rs").read_text() == text
    assert fix(str(root), "--apply", "--level=v2").returncode == 0
    assert "fn twice" in (root / "src/main.rs").read_text()


def test_level_v3_asked_for_but_no_tests(make_crate, fix):
    root = make_crate({"src/main.rs": 'fn main() { let x = 1; x = 2; println!("{x}"); }\n'})
    done = fix(str(root), "--apply", "--level=v3")
    assert done.returncode == 1
    assert "let x = 1" in (root / "src/main.rs").read_text()


def test_nothing_to_write_is_no_failure(make_crate, fix):
    assert fix(str(make_crate({"src/lib.rs": "pub fn f() {}\n"})), "--apply").returncode == 0


def test_line_ends_stay_as_they_are(make_crate, fix):
    text = (
        "pub trait T {\n    fn a(&self);\n}\npub struct S;\nimpl T for S {}\npub type M = HashMap<u8, u8>;\n"
    )
    root = make_crate({"src/lib.rs": ""})
    (root / "src/lib.rs").write_bytes(text.replace("\n", "\r\n").encode())
    assert fix(str(root), "--apply", "--level=v2").returncode == 0
    written = (root / "src/lib.rs").read_bytes()
    assert written.count(b"\n") > text.count("\n")
    assert written.count(b"\r\n") == written.count(b"\n") == written.count(b"\r")


@pytest.mark.parametrize("obstacle", ["a link", "read-only"])
def test_a_file_that_must_not_be_written_is_named_and_the_fix_is_shown(make_crate, fix, obstacle):
    root = make_crate({"src/lib.rs": "pub mod m;\n", "real.rs": 'pub fn f() -> String { "x" }\n'})
    if obstacle == "a link":
        (root / "src/m.rs").symlink_to("../real.rs")
    else:
        (root / "real.rs").rename(root / "src/m.rs")
        (root / "src/m.rs").chmod(0o444)
    before = sources(root)
    done = fix(str(root), "--apply")
    assert (done.returncode, sources(root)) == (1, before)
    assert "Nothing was written: " in done.stdout
    assert "m.rs is" in done.stdout.rpartition("Nothing was written")[2]
    assert "+pub fn f()" in done.stdout


@pytest.mark.parametrize("edition", ["2015", "2018", "2021", "2024"])
def test_every_edition(make_crate, fix, edition):
    root = make_crate({"src/lib.rs": 'pub fn f() -> String { "x" }\n'}, edition=edition)
    assert as_json(fix(str(root), "--json"))["level"] == "V2"


def test_code_for_tests_only_is_repaired_too(make_crate, fix):
    tests = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() { assert_eq!(f(), 1) }\n}\n"
    text = "pub fn f() -> u8 { 1 }\n" + tests
    root = make_crate({"src/lib.rs": text})
    done = as_json(fix(str(root), "--json"))
    assert (done["level"], done["tests"]) == ("V3", {"passed": 1, "failed": 0})


def test_a_lone_file(tmp_path, fix):
    file = tmp_path / "lone.rs"
    file.write_text('fn main() { let x = 1; x = 2; println!("{x}"); }\n')
    assert fix(str(file), "--apply").returncode == 0
    assert "let mut x" in file.read_text()


def test_max_lines_is_kept(make_crate, fix):
    root = make_crate({"src/main.rs": 'fn main() { let x = 1; x = 2; println!("{x}"); }\n'})
    done = fix(str(root), "--max-lines=1")
    assert done.returncode == 1


# Bad input: exit code 2 and one or two readable lines.


def complaint(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "try:" in done.stderr
    return " ".join(done.stderr.split())


def test_no_manifest(tmp_path, fix):
    assert "no Cargo.toml" in complaint(fix(str(tmp_path)))


def test_no_such_folder(tmp_path, fix):
    assert "does not exist" in complaint(fix(str(tmp_path / "nowhere")))


def test_a_broken_manifest(make_crate, fix):
    root = make_crate({"Cargo.toml": "[package\n", "src/lib.rs": ""})
    assert "cannot read" in complaint(fix(str(root)))


def test_a_complaint_of_cargos_is_shown_whole(make_crate, fix):
    workspace = '[workspace]\nmembers = ["m"]\n[package]\nname = "top"\nversion = "0.1.0"\n'
    package = '[package]\nname = "%s"\nversion = "0.1.0"\n'
    files = {"Cargo.toml": workspace, "src/lib.rs": ""}
    files |= {
        f"{name}/{f}": t for name in "mo" for f, t in (("Cargo.toml", package % name), ("src/lib.rs", ""))
    }
    assert "empty `[workspace]` table" in complaint(fix(str(make_crate(files) / "o")))


def test_a_toolchain_that_is_asked_for_but_not_here_is_not_downloaded(make_crate, fix):
    if shutil.which("rustup") is None:
        pytest.skip("only rustup reads rust-toolchain.toml")
    channel = '[toolchain]\nchannel = "1.1.0"\n'
    root = make_crate({"src/lib.rs": "", "rust-toolchain.toml": channel})
    said = complaint(fix(str(root), env={**os.environ, "RUSTUP_AUTO_INSTALL": "1"}))
    assert "is not installed" in said
    assert "rustup toolchain install" in said
    assert "backtrace" not in said


def test_no_toolchain(make_crate, fix):
    root = make_crate({"src/lib.rs": ""})
    assert "cargo was not found" in complaint(fix(str(root), env={"PATH": "/nonexistent"}))


def test_a_missing_dependency(make_crate, fix):
    manifest = '[package]\nname="x"\nversion="0.1.0"\n[dependencies]\nno-such-crate="1"\n'
    root = make_crate({"Cargo.toml": manifest, "src/lib.rs": ""})
    assert "cargo fetch" in complaint(fix(str(root)))


def test_a_check_that_never_ends(make_crate, fix):
    root = make_crate({"src/lib.rs": "", "build.rs": "fn main() { loop { std::thread::park() } }\n"})
    assert "took longer than 3 s" in complaint(fix(str(root), "--timeout=3"))


def test_a_build_script_that_fails(make_crate, fix):
    root = make_crate({"src/lib.rs": "", "build.rs": 'fn main() { panic!("no") }\n'})
    assert "build script" in complaint(fix(str(root)))


def test_a_cache_that_cannot_be_written(make_crate, tmp_path):
    root = make_crate({"src/lib.rs": "pub fn f() -> u8 { true }\n"})
    (tmp_path / "file").write_text("")
    done = rusta(str(root), cache=tmp_path / "file")
    assert "--cache-dir" in complaint(done)


def test_a_full_disk(make_crate, tmp_path):
    """A tmpfs of 64 KiB; the tree stays as it is."""
    text = "pub fn f() -> u8 { let x = 1; x = 2; x }\n" + "// padding\n" * 10_000
    root = make_crate({"src/lib.rs": text})
    small = tmp_path / "small"
    small.mkdir()
    script = f"""mount -t tmpfs -o size=64k none {small} &&
        {sys.executable} -m rusta_server fix {root} --apply --cache-dir={small} --no-sandbox"""
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("no mount namespaces on this system")
    assert "disk" in complaint(done)
    assert (root / "src/lib.rs").read_text() == text


def test_source_that_is_not_utf8(make_crate, fix):
    root = make_crate({"src/lib.rs": ""})
    (root / "src/lib.rs").write_bytes(b"// caf\xe9\npub fn f() {}\n")
    done = fix(str(root))
    assert done.returncode == 1
    assert "UTF-8" in done.stdout


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_leaves_no_process_and_no_change(make_crate, tmp_path, blow):
    files = {
        "src/lib.rs": "pub fn f() -> u8 { true }\n",
        "build.rs": "fn main() { loop { std::thread::park() } }\n",
    }
    root = make_crate(files)
    command = [sys.executable, "-m", "rusta_server", "fix", str(root), f"--cache-dir={tmp_path / 'cache'}"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    # Whoever runs the tests in the background may ignore some signals, which a child would inherit.
    with subprocess.Popen(command, **quiet, preexec_fn=lambda: signal.signal(blow, signal.SIG_DFL)) as run:
        ours = psutil.Process(run.pid)
        wait_until(lambda: any("build-script" in name for name in names_of(ours.children(recursive=True))))
        children = ours.children(recursive=True)
        run.send_signal(blow)
        assert run.wait(10) == 128 + blow
    psutil.wait_procs(children, 3)
    assert [child for child in children if child.is_running()] == []
    assert (root / "src/lib.rs").read_text() == files["src/lib.rs"]


def names_of(processes):
    for one in processes:
        with suppress(psutil.NoSuchProcess):
            yield one.name()


def wait_until(happened, timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


def test_a_project_names_files_that_stay_as_they_are(make_crate, fix):
    text = 'fn main() { let x = 1; x = 2; println!("{x}"); }\n'
    root = make_crate({"src/main.rs": text, "rusta.toml": '[policy]\nnever_touch = ["src/main.rs"]\n'})
    done = fix(str(root), "--apply", "--json")
    assert done.returncode == 1
    assert as_json(done)["fixes"] == []
    assert (root / "src/main.rs").read_text() == text
    (root / "rusta.toml").write_text("[policy]\nmax_linse = 3\n")
    done = fix(str(root))
    assert done.returncode == 2 and "no such setting: max_linse" in done.stderr
