"""`rusta revert` as a person runs it: back to the very bytes, or a clear word why not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BROKEN = 'pub fn f() { let x = 1; x = 2; println!("{x}"); }\n'


@pytest.fixture
def rusta(tmp_path):
    def run(*arguments: str, **options) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "rusta_server", *arguments, f"--cache-dir={tmp_path / 'cache'}"]
        return subprocess.run(command, capture_output=True, text=True, check=False, **options)

    return run


@pytest.fixture
def root(make_crate) -> Path:
    return make_crate({"src/lib.rs": BROKEN})


def fix(rusta, root: Path) -> str:
    """Write a fix; its id."""
    done = rusta("fix", str(root), "--apply", "--json")
    assert done.returncode == 0, done.stderr
    patch = json.loads(done.stdout)["patch"]
    assert patch["result"] == "applied"
    return patch["id"]


def test_the_only_patch_is_taken_back(rusta, root):
    fix(rusta, root)
    assert (root / "src/lib.rs").read_text() != BROKEN
    done = rusta("revert", cwd=root / "src")
    assert done.returncode == 0, done.stderr
    assert "src/lib.rs" in done.stdout
    assert (root / "src/lib.rs").read_text() == BROKEN
    again = rusta("revert", cwd=root)
    assert again.returncode == 1
    assert "nothing to take back" in again.stdout


def test_of_several_patches_one_has_to_be_named(rusta, root):
    first = fix(rusta, root)
    fixed = (root / "src/lib.rs").read_text()
    broken_again = fixed + 'pub fn g() { let y = 1; y = 2; println!("{y}"); }\n'
    (root / "src/lib.rs").write_text(broken_again)
    second = fix(rusta, root)
    done = rusta("revert", cwd=root)
    assert done.returncode == 1
    assert first in done.stdout
    assert second in done.stdout
    assert (root / "src/lib.rs").read_text() != broken_again, "nothing was touched"
    refused = rusta("revert", first, "--json", cwd=root)
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["result"] == "changed"
    assert second in refused.stderr, "the later one first"
    told = json.loads(rusta("revert", second, "--json", cwd=root).stdout)
    assert (told["result"], told["id"], told["paths"]) == ("reverted", second, ["src/lib.rs"])
    assert (root / "src/lib.rs").read_text() == broken_again


def test_a_file_that_was_changed_since_is_left(rusta, root):
    id_ = fix(rusta, root)
    (root / "src/lib.rs").write_text("// mine\n")
    done = rusta("revert", id_, cwd=root)
    assert done.returncode == 1
    assert "lib.rs was changed since" in done.stdout.replace("\n", "")
    assert (root / "src/lib.rs").read_text() == "// mine\n"


def test_the_list_is_of_this_workspace(rusta, root, tmp_path):
    id_ = fix(rusta, root)
    listed = rusta("revert", "--list", cwd=root)
    assert listed.returncode == 0
    assert id_ in listed.stdout
    (patch,) = json.loads(rusta("revert", "--list", "--json", cwd=root).stdout)["patches"]
    assert (patch["id"], patch["paths"], patch["root"]) == (id_, ["src/lib.rs"], str(root))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert json.loads(rusta("revert", "--list", "--json", cwd=elsewhere).stdout)["patches"] == []
    assert (root / "src/lib.rs").read_text() != BROKEN


def test_a_patch_that_nobody_knows(rusta, root):
    done = rusta("revert", "20200101-000000-abcdef", cwd=root)
    assert done.returncode == 1
    assert "no patch 20200101-000000-abcdef is in effect" in done.stdout
