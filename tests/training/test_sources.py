import hashlib
import shutil
import subprocess
from pathlib import Path

import attrs
import pytest

from rusta_training import sources
from rusta_training.debian import Package
from rusta_training.ledger import Entry, LedgerError

from .packages import crate_package

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs Debian's package tool")


def nothing(_: str) -> None: ...


def judged(data: Path, name: str, **facts: str) -> Entry:
    """The entry of a package made of one crate."""
    deb = crate_package(data / "archives", name, **facts)
    (entry,) = sources.judge_crates(Package(f"librust-{name}-dev", "1.0-1", "", (), ()), deb)
    return entry


def test_a_permissive_crate_is_admitted_with_the_hash_of_its_archive(tmp_path: Path) -> None:
    entry = judged(tmp_path, "good")
    assert entry.admitted and entry.licence == "MIT OR Apache-2.0" and entry.folder == "good-0.1.0"
    assert entry.source == "debian:librust-good-dev=1.0-1"
    archive = tmp_path / "archives/librust-good-dev.deb"
    assert entry.sha256 == hashlib.sha256(archive.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"licence": "GPL-3.0"}, "manifest's licence is not permissive: GPL-3.0"),
        ({"licence": ""}, "manifest names no licence"),
        ({"copyright_licence": "LGPL-2.1"}, "copyright file's licence of * is not permissive: LGPL-2.1"),
        ({"folder": "other-0.1.0"}, "does not name it as its folder does"),
    ],
)
def test_other_crates_are_refused_and_the_reason_is_kept(
    facts: dict[str, str], reason: str, tmp_path: Path
) -> None:
    entry = judged(tmp_path, "bad", **facts)
    assert not entry.admitted
    assert reason in entry.reason


def test_only_what_is_admitted_is_unpacked_and_what_is_not_in_the_ledger_goes(tmp_path: Path) -> None:
    good, bad = judged(tmp_path, "good"), judged(tmp_path, "bad", licence="GPL-3.0")
    planted = tmp_path / "sources/planted-0.1.0/src"
    planted.mkdir(parents=True)
    (planted / "lib.rs").write_text("fn planted() {}")
    sources.fetch(tmp_path, [good, bad], nothing)
    assert [folder.name for folder in (tmp_path / "sources").iterdir()] == ["good-0.1.0"]
    assert (tmp_path / "sources/good-0.1.0/src/lib.rs").is_file()


def test_an_archive_that_is_not_the_one_in_the_ledger_is_not_unpacked(tmp_path: Path) -> None:
    good = judged(tmp_path, "good")
    crate_package(tmp_path / "archives", "good", code="fn altered() {}\n")
    with pytest.raises(LedgerError, match="good"):
        sources.fetch(tmp_path, [good], nothing)
    assert list((tmp_path / "sources").iterdir()) == []


def test_what_came_in_no_way_that_is_known_cannot_be_fetched(tmp_path: Path) -> None:
    good = attrs.evolve(judged(tmp_path, "good"), source="a friend")
    with pytest.raises(LedgerError, match="no way to fetch"):
        sources.fetch(tmp_path, [good], nothing)


def test_unpacking_again_changes_nothing(tmp_path: Path) -> None:
    good = judged(tmp_path, "good")
    sources.fetch(tmp_path, [good], nothing)
    before = (tmp_path / "sources/good-0.1.0").stat().st_mtime_ns
    shutil.rmtree(tmp_path / "archives")
    sources.fetch(tmp_path, [good], nothing)
    assert (tmp_path / "sources/good-0.1.0").stat().st_mtime_ns == before


def test_the_stand_in_package_is_one_that_dpkg_reads(tmp_path: Path) -> None:
    deb = crate_package(tmp_path, "good")
    listed = subprocess.run(["dpkg-deb", "-c", deb], capture_output=True, text=True, check=True).stdout
    assert "./usr/share/cargo/registry/good-0.1.0/Cargo.toml" in listed
    assert "./usr/share/doc/librust-good-dev/copyright" in listed
