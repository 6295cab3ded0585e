import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from rusta_training import ledger
from rusta_training.ledger import Entry, LedgerError

ROOT = Path(__file__).parents[2]
ADMITTED = Entry(
    "semver", "1.0.23", "crate", "MIT", "debian:librust-semver-dev=1", "0" * 64, True, "permissive"
)
REFUSED = Entry("gtk", "0.1.0", "crate", "", "debian:librust-gtk-dev=1", "1" * 64, False, "names no licence")


def test_equal_sets_of_entries_give_equal_bytes_and_come_back(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    ledger.write(one, [ADMITTED, REFUSED])
    ledger.write(other, [REFUSED, ADMITTED])
    assert one.read_bytes() == other.read_bytes()
    assert set(ledger.read(one)) == {ADMITTED, REFUSED}
    assert ledger.sha256([REFUSED, ADMITTED]) == ledger.sha256(ledger.read(one))


def test_a_line_that_is_no_entry_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger.write(path, [ADMITTED])
    path.write_text(path.read_text() + '{"name": "semver"}\n')
    with pytest.raises(LedgerError, match=r"ledger\.jsonl:2"):
        ledger.read(path)


def test_nothing_is_admitted_without_a_licence() -> None:
    with pytest.raises(LedgerError, match="without a licence"):
        Entry("x", "1", "crate", "", "debian:x=1", "0" * 64, admitted=True, reason="-")


def test_the_hash_of_files_sees_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("y")
    before = ledger.hash_of_files(tmp_path)
    (tmp_path / "b").rename(tmp_path / "c")
    renamed = ledger.hash_of_files(tmp_path)
    (tmp_path / "c").write_text("z")
    assert len({before, renamed, ledger.hash_of_files(tmp_path)}) == 3


def test_the_committed_ledger_is_canonical_and_keeps_to_the_schema(tmp_path: Path) -> None:
    committed = ROOT / "training/ledger.jsonl"
    validator = Draft202012Validator(json.loads((ROOT / "schemas/provenance.schema.json").read_text()))
    for line in committed.read_text().splitlines():
        validator.validate(json.loads(line))
    ledger.write(tmp_path / "again", ledger.read(committed))
    assert (tmp_path / "again").read_bytes() == committed.read_bytes()


def test_what_is_kept_for_measuring_is_refused_in_the_committed_ledger() -> None:
    refused = {entry.name for entry in ledger.read(ROOT / "training/ledger.jsonl") if not entry.admitted}
    assert {"book", "error-index", "clippy-tests"} <= refused
