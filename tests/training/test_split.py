from pathlib import Path

from rusta_training import ledger, split
from rusta_training.ledger import Entry

ROOT = Path(__file__).parents[2]
HELD_OUT = split.holdout(ROOT / "eval/holdout.toml")


def entry(name: str, version: str = "1.0.0", kind: ledger.Kind = "crate") -> Entry:
    return Entry(name, version, kind, "MIT", "debian:x=1", "0" * 64, True, "permissive")


def test_a_crate_is_on_one_side_whatever_the_file_version_and_spelling() -> None:
    names = [f"crate-{number}" for number in range(300)]
    sides = {name: split.of(entry(name), "src/lib.rs", HELD_OUT) for name in names}
    assert set(sides.values()) == set(split.SPLITS)
    for name, side in sides.items():
        assert split.of(entry(name.replace("-", "_"), "2.0.0"), "src/other.rs", HELD_OUT) == side


def test_the_named_crates_are_tested_on() -> None:
    assert {split.of(entry(name), "src/lib.rs", HELD_OUT) for name in HELD_OUT} == {"test"}


def test_the_named_crates_are_in_the_ledger() -> None:
    names = {entry.name for entry in ledger.read(ROOT / "training/ledger.jsonl") if entry.admitted}
    assert {name.replace("-", "_") for name in HELD_OUT} <= {name.replace("-", "_") for name in names}


def test_files_of_std_are_held_out_with_all_their_programs() -> None:
    core = entry("core", kind="std")
    paths = [f"src/module{number}.rs" for number in range(300)]
    sides = [split.of(core, path, HELD_OUT) for path in paths]
    assert 0.75 < sides.count("train") / len(sides) < 0.95
    assert [split.of(core, f"{path}#7", HELD_OUT) for path in paths] == sides


def test_the_documentation_is_learned_from() -> None:
    assert split.of(entry("nomicon", kind="docs"), "src/vec.md#0", HELD_OUT) == "train"
