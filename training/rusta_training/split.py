"""Which side a file is on: learned from, validated on, or tested on. No crate is on two sides."""

import hashlib
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Final, Literal

from .ledger import Entry

Split = Literal["train", "valid", "test"]
SPLITS: Final[tuple[Split, ...]] = ("train", "valid", "test")

_TEST_SHARE = 0.05
_VALID_SHARE = 0.03
_STD_TEST_SHARE = _STD_VALID_SHARE = 0.075


def holdout(path: Path) -> frozenset[str]:
    """The crates that are never trained on, from eval/holdout.toml."""
    return frozenset(tomllib.loads(path.read_text(encoding="utf-8"))["crates"])


def of(entry: Entry, path: str, held_out: Collection[str]) -> Split:
    """The side of a file of a source.

    Crates are on one side as a whole, by the hash of their name; spellings that differ only in ``-`` and
    ``_``, and several versions, are together. The documentation is learned from. Of the standard library,
    which has most of the programs that can be run by themselves, some files are held out, by the hash of
    their path.

    Args:
        path: within the source; what follows a ``#`` does not count.
    """
    if entry.kind == "docs":
        return "train"
    if entry.kind == "std":
        return _drawn(f"{entry.name}/{path.partition('#')[0]}", _STD_TEST_SHARE, _STD_VALID_SHARE)
    name = entry.name.replace("_", "-").lower()
    return "test" if name in held_out else _drawn(name, _TEST_SHARE, _VALID_SHARE)


def _drawn(name: str, test_share: float, valid_share: float) -> Split:
    place = int.from_bytes(hashlib.sha256(f"split:{name}".encode()).digest()[:8], "big") / 2**64
    if place < test_share:
        return "test"
    return "valid" if place < test_share + valid_share else "train"
