"""What the disk held before a patch, kept so that it can be put back.

Each workspace has a shelf in the cache folder: a lock, and one folder for each patch. The folder's ending
says how far the patch got, so that one rename takes it from one state to the next. It holds a record and
the contents that the patch replaced, and only the user can read it.
"""

import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import cattrs
from attrs import asdict, frozen

from . import disk
from .disk import Tree
from .result import Conflict, ResultCode

KEEP_DAYS = 30
KEEP_PATCHES = 50
_LOCK = "lock"


class State(StrEnum):
    """How far a patch got; the ending of its folder."""

    NEW = "new"  # being written down; the tree was not touched
    PENDING = "pending"  # the tree is being changed; to be put back if nobody goes on
    APPLIED = "applied"  # done, and can be taken back
    STUCK = "stuck"  # was put back but for files that somebody else had changed; kept for a person
    GONE = "gone"  # being removed


@frozen
class FileRecord:
    """One file: the SHA-256 of what it held and holds (None: not there), and its owner and permissions."""

    path: str
    before: str | None
    after: str | None
    mode: int = 0
    uid: int = 0
    gid: int = 0


@frozen
class Record:
    """One patch, as it is written down.

    Attributes:
        root: the workspace that `files` are relative to.
        time_ns: when it was begun, since 1970.
        created: the folders it made, outer ones first.
        undoes: the patch that this one takes back.
    """

    id: str
    root: str
    time_ns: int
    files: tuple[FileRecord, ...]
    title: str = ""
    created: tuple[str, ...] = ()
    undoes: str | None = None


@frozen
class Journal:
    """One patch on a shelf."""

    record: Record
    state: State

    @property
    def folder(self) -> str:
        """Its folder on the shelf."""
        return f"{self.record.id}.{self.state}"


def new_id() -> str:
    """A name for a patch that sorts by time."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"


def shelf_of(journals: Path, root: Path) -> Path:
    """The folder of the workspace at `root`."""
    return journals.resolve() / hashlib.sha256(os.fsencode(root)).hexdigest()[:16]


@contextmanager
def locked(folder: Path, wait_s: float) -> Iterator[Tree]:
    """A shelf; nobody else writes to it or to its workspace meanwhile.

    Raises:
        Conflict: another Rusta holds it for longer than `wait_s`.
    """
    disk.make_private_folder(folder)
    with disk.lock(folder / _LOCK, wait_s) as is_ours:
        if not is_ours:
            message = "another Rusta is writing to this workspace."
            raise Conflict(ResultCode.LOCKED, message, hint="Wait until it is done, then again.")
        with Tree(folder) as shelf:
            _sweep(shelf)
            yield shelf


def shelves(journals: Path) -> list[Path]:
    """The folders of all workspaces."""
    return sorted(entry for entry in journals.iterdir() if entry.is_dir()) if journals.is_dir() else []


def begin(shelf: Tree, record: Record, before: Mapping[int, bytes]) -> Journal:
    """Write down a patch before the tree is touched; `before` has the old contents by place in `files`."""
    journal = Journal(record, State.NEW)
    shelf.make_folder(journal.folder, 0o700)
    for number, content in before.items():
        shelf.write_new(_blob(journal, number), content)
    shelf.write_new(f"{journal.folder}/record.json", json.dumps(asdict(record)).encode())
    shelf.sync(journal.folder)
    journal = mark(shelf, journal, State.PENDING)
    shelf.sync("")
    return journal


def mark(shelf: Tree, journal: Journal, state: State) -> Journal:
    """Take a patch to another state in one step. It is on the disk after `shelf.sync("")`."""
    marked = Journal(journal.record, state)
    shelf.move(journal.folder, marked.folder)
    return marked


def read(shelf: Tree) -> list[Journal]:
    """The patches on a shelf, oldest first. A folder that cannot be read is left out."""
    found = []
    for name in shelf.names(""):
        id_, _, state = name.rpartition(".")
        if id_ and state in (State.PENDING, State.APPLIED, State.STUCK):
            try:
                file = shelf.read(f"{name}/record.json")
                record = cattrs.structure(json.loads(file.content if file else b""), Record)
            except (Conflict, ValueError, cattrs.BaseValidationError):
                continue
            found.append(Journal(record, State(state)))
    return sorted(found, key=lambda journal: (journal.record.time_ns, journal.record.id))


def content_before(shelf: Tree, journal: Journal, number: int) -> bytes | None:
    """What the file at this place in `files` held; None if that is lost or damaged."""
    expected = journal.record.files[number].before
    file = shelf.read(_blob(journal, number))
    if file is None or hashlib.sha256(file.content).hexdigest() != expected:
        return None
    return file.content


def set_aside(shelf: Tree, journal: Journal, number: int, content: bytes) -> None:
    """Keep what somebody else wrote into a file while the patch was being written."""
    name = f"{journal.folder}/{number}.theirs"
    shelf.remove(name)
    shelf.write_new(name, content)


def drop(shelf: Tree, journal: Journal) -> None:
    """Forget a patch."""
    gone = mark(shelf, journal, State.GONE)
    shelf.sync("")
    _remove(shelf, gone.folder)


def collect(shelf: Tree, *, now_ns: int | None = None) -> None:
    """Forget patches that are older than `KEEP_DAYS`, and all but the newest `KEEP_PATCHES`."""
    oldest = (time.time_ns() if now_ns is None else now_ns) - KEEP_DAYS * 86_400 * 10**9
    done = [journal for journal in read(shelf) if journal.state != State.PENDING]
    kept = {journal.record.id for journal in done[-KEEP_PATCHES:] if journal.record.time_ns >= oldest}
    for journal in done:
        if journal.record.id not in kept:
            drop(shelf, journal)


def in_effect(journals: Iterable[Journal]) -> set[str]:
    """The ids of the patches that are applied and were not taken back since (a taking back can be, too)."""
    applied = [journal.record for journal in journals if journal.state == State.APPLIED]

    def is_effective(record: Record) -> bool:
        return not any(other.undoes == record.id and is_effective(other) for other in applied)

    return {record.id for record in applied if is_effective(record)}


def _blob(journal: Journal, number: int) -> str:
    return f"{journal.folder}/{number}.before"


def _sweep(shelf: Tree) -> None:
    """Remove what a kill left half written or half removed."""
    for name in shelf.names(""):
        if name.endswith((f".{State.NEW}", f".{State.GONE}")):
            _remove(shelf, name)


def _remove(shelf: Tree, folder: str) -> None:
    for name in shelf.names(folder):
        shelf.remove(f"{folder}/{name}")
    shelf.remove_folder(folder)
