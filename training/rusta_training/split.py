"""Which side a source is on: learned from, validated on, or tested on. No crate is on two sides."""

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


def holdout(path: Path) -> frozenset[str]:
    """The crates that are never trained on, from eval/holdout.toml."""
    return frozenset(tomllib.loads(path.read_text(encoding="utf-8"))["crates"])


def of(entry: Entry, held_out: Collection[str]) -> Split:
    """The side of a source. Rust's own sources are learned from; of crates, the hash of the name decides.

    Spellings that differ only in ``-`` and ``_``, and several versions of a crate, are on one side.
    """
    if entry.kind != "crate":
        return "train"
    name = entry.name.replace("_", "-").lower()
    if name in held_out:
        return "test"
    place = int.from_bytes(hashlib.sha256(f"split:{name}".encode()).digest()[:8], "big") / 2**64
    if place < _TEST_SHARE:
        return "test"
    return "valid" if place < _TEST_SHARE + _VALID_SHARE else "train"
