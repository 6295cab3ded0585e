"""The ledger: every source of data, where it is from, and why it may be learned from or not.

One JSON object a line, in the form that schemas/provenance.schema.json describes, in one canonical order
and spelling, so that equal ledgers are equal bytes and have one hash.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import attrs
from attrs import frozen

Kind = Literal["crate", "std", "docs", "generated"]


class LedgerError(ValueError):
    """The ledger cannot be read, or what lies on disk is not what it says."""


@frozen
class Entry:
    """A source of data.

    Attributes:
        name: of the crate or document; with ``version`` the name of its folder among the sources.
        licence: an SPDX expression; empty if none is known, and then it is not admitted.
        source: how it came here, with the exact version: ``debian:librust-semver-dev=1.0.23-1``.
        sha256: of its archive where the archive is its own, else of its files (`hash_of_files`).
        reason: why it is admitted, or why not.
    """

    name: str
    version: str
    kind: Kind
    licence: str
    source: str
    sha256: str
    admitted: bool
    reason: str
    v: Literal[1] = 1

    def __attrs_post_init__(self) -> None:
        if self.admitted and not self.licence:
            raise LedgerError(f"{self.name} is admitted without a licence")

    @property
    def folder(self) -> str:
        """The name of its folder below ``sources/``."""
        return f"{self.name}-{self.version}"


def read(path: Path) -> tuple[Entry, ...]:
    """The entries of a ledger.

    Raises:
        LedgerError: a line is no entry; the message names it.
    """
    entries = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            entries.append(Entry(**json.loads(line)))
        except (TypeError, ValueError) as error:
            raise LedgerError(f"{path}:{number}: {error}") from error
    return tuple(entries)


def write(path: Path, entries: Iterable[Entry]) -> None:
    """Write ``entries`` in canonical order; an equal set of entries gives equal bytes."""
    path.write_bytes(_encoded(entries))


def sha256(entries: Iterable[Entry]) -> str:
    """The hash of the ledger as `write` would write it."""
    return hashlib.sha256(_encoded(entries)).hexdigest()


def hash_of_files(root: Path) -> str:
    """SHA-256 over the regular files below ``root`` in order of their paths: path, NUL, size, NUL, bytes."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*"), key=lambda path: path.relative_to(root).as_posix()):
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _encoded(entries: Iterable[Entry]) -> bytes:
    ordered = sorted(entries, key=lambda entry: (entry.kind, entry.name, entry.version, entry.source))
    return "".join(_line(attrs.asdict(entry)) for entry in ordered).encode()


def _line(entry: dict[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"
