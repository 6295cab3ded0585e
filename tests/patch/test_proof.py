"""Writing what was proven: what the disk holds afterwards is what the compiler saw, or as it was."""

from contextlib import contextmanager
from pathlib import Path

import pytest

from rusta_server.patch import crate, proof
from rusta_server.patch.apply import revert
from rusta_server.patch.proof import Level, Refused, Written
from rusta_server.patch.result import ResultCode
from rusta_server.tools import cargo

BROKEN = "mod other;\npub fn f() -> u8 { true }\n"
FIXED = b"mod other;\npub fn f() -> u8 { 1 }\n"


@contextmanager
def shadow_of(root: Path):
    with crate.of_workspace(cargo.locate(root), cache=root.parent / "cache") as shadow:
        yield shadow


@pytest.fixture
def root(make_crate) -> Path:
    return make_crate({"src/lib.rs": BROKEN, "src/other.rs": ""})


def write(root: Path, shadow, least=Level.V2):
    return proof.write(root, shadow, {"src/lib.rs": FIXED}, least=least, journals=root.parent / "journals")


def n_journals(root: Path) -> int:
    return len(list((root.parent / "journals").glob("*/*/record.json")))


def test_a_proven_variant_is_written_and_can_be_taken_back(root):
    with shadow_of(root) as shadow:
        assert proof.level_of(shadow, {"src/lib.rs": FIXED}, run_tests=True) == Level.V2
        written = write(root, shadow)
    assert isinstance(written, Written)
    assert written.paths == ("src/lib.rs",)
    assert (root / "src/lib.rs").read_bytes() == FIXED
    revert(root, written.id, journals=root.parent / "journals")
    assert (root / "src/lib.rs").read_text() == BROKEN


def test_another_file_that_broke_meanwhile_takes_the_patch_back(root):
    with shadow_of(root) as shadow:
        shadow.check({"src/lib.rs": FIXED})
        (root / "src/other.rs").write_text("pub fn g() -> u8 { 'x' }\n")
        outcome = write(root, shadow)
    assert isinstance(outcome, Refused)
    assert outcome.code == ResultCode.REGRESSION
    assert "src/other.rs" in outcome.reason
    assert (root / "src/lib.rs").read_text() == BROKEN
    assert n_journals(root) == 0


def test_another_file_that_changed_harmlessly_is_checked_and_accepted(root):
    with shadow_of(root) as shadow:
        shadow.check({"src/lib.rs": FIXED})
        (root / "src/other.rs").write_text("pub fn g() {}\n")
        assert isinstance(write(root, shadow), Written)
    assert (root / "src/lib.rs").read_bytes() == FIXED
    assert n_journals(root) == 1


def test_a_file_of_the_patch_that_changed_meanwhile_is_not_overwritten(root):
    with shadow_of(root) as shadow:
        shadow.check({"src/lib.rs": FIXED})
        (root / "src/lib.rs").write_text("// mine\n")
        outcome = write(root, shadow)
    assert isinstance(outcome, Refused)
    assert outcome.code == ResultCode.CHANGED
    assert (root / "src/lib.rs").read_text() == "// mine\n"


def test_a_file_deleted_meanwhile(root):
    with shadow_of(root) as shadow:
        shadow.check({"src/lib.rs": FIXED})
        (root / "src/other.rs").unlink()
        assert isinstance(write(root, shadow), Refused)
    assert (root / "src/lib.rs").read_text() == BROKEN
