"""The only writer of the user's tree: all files or none, and a way back after a kill at any instant.

A journal with the old contents is on the disk before the first file is touched. Each file is replaced by a
rename. Whoever starts next rolls back a journal that was not finished.
"""

import contextlib
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

from attrs import field, frozen

from ..errors import RustaError

_PENDING, _APPLIED = "pending", "applied"


class Conflict(RustaError):
    """The tree is not as it was when the patch was proven."""


@frozen
class Change:
    """The whole content of one file before and after."""

    path: str
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)


@frozen
class Applied:
    """A patch that is in the tree, and where its way back is kept."""

    root: Path
    journal: Path
    paths: tuple[str, ...]


def apply(root: Path, changes: list[Change], *, journals: Path) -> Applied:
    """Write `changes` below `root`; on any error every byte is as before.

    Raises:
        Conflict: a file is not what it was, or is no regular file inside `root`.
        RustaError: a file cannot be written.
    """
    for change in changes:
        _require(root, change.path, change.before)
    try:
        journal = _open_journal(root, changes, journals)
    except OSError as error:
        raise _cannot_write(error) from error
    try:
        for change in changes:
            _require(root, change.path, change.before)
            _replace(root / change.path, change.after)
    except BaseException as error:
        _roll_back(journal)
        if isinstance(error, OSError):
            raise _cannot_write(error) from error
        raise
    _mark(journal, _APPLIED)
    return Applied(root, journal, tuple(change.path for change in changes))


def revert(applied: Applied) -> None:
    """Put back every byte.

    Raises:
        Conflict: a file was changed since; the old contents stay in the journal, and the message says where.
    """
    _roll_back(applied.journal)


def forget(applied: Applied) -> None:
    """Give up the way back: the patch stays."""
    shutil.rmtree(applied.journal, ignore_errors=True)


def recover(journals: Path) -> list[Path]:
    """Roll back what an earlier run left unfinished; returns the files that were put back.

    Raises:
        Conflict: as `revert`.
    """
    restored: list[Path] = []
    for journal in sorted(journals.glob("*")) if journals.is_dir() else []:
        try:
            record = json.loads((journal / "record.json").read_text())
        except (OSError, ValueError):
            # The record is written last, before any file is touched: somebody is just beginning, or a kill
            # came before anything happened.
            if not _is_alive(_owner(journal)):
                shutil.rmtree(journal, ignore_errors=True)
            continue
        if _is_alive(record["pid"]):
            continue
        if record["state"] == _PENDING:
            restored += [Path(record["root"], entry["path"]) for entry in record["files"]]
            _roll_back(journal)
        else:
            shutil.rmtree(journal, ignore_errors=True)
    return restored


def _require(root: Path, path: str, before: bytes) -> None:
    file = root / path
    if any((root / part).is_symlink() for part in _parents(path)) or not _is_regular(file):
        raise Conflict(f"{file} is not a regular file inside {root}.", hint="Apply this change by hand.")
    if not file.stat().st_mode & 0o222:
        raise Conflict(f"{file} is read-only.", hint="Make it writable, then again.")
    if file.read_bytes() != before:
        raise Conflict(f"{file} was changed since the fix was proven.", hint="Run rusta fix again.")


def _parents(path: str) -> Iterator[str]:
    parts = path.split("/")
    for n in range(1, len(parts) + 1):
        yield "/".join(parts[:n])


def _is_regular(file: Path) -> bool:
    try:
        return stat.S_ISREG(file.lstat().st_mode)
    except OSError:
        return False


def _open_journal(root: Path, changes: list[Change], journals: Path) -> Path:
    journal = journals / f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}-{uuid4().hex[:8]}"
    journal.mkdir(parents=True)
    files = []
    for number, change in enumerate(changes):
        _write_synced(journal / f"{number}.before", change.before)
        files.append({"path": change.path, "before": _sha(change.before), "after": _sha(change.after)})
    record = {"state": _PENDING, "pid": os.getpid(), "root": str(root), "files": files}
    _write_synced(journal / "record.json", json.dumps(record).encode())
    _sync_folder(journal)
    _sync_folder(journals)
    return journal


def _mark(journal: Path, state: str) -> None:
    record = json.loads((journal / "record.json").read_text())
    _replace(journal / "record.json", json.dumps({**record, "state": state}).encode())


def _roll_back(journal: Path) -> None:
    record = json.loads((journal / "record.json").read_text())
    conflicts: list[Path] = []
    for number, entry in enumerate(record["files"]):
        file = Path(record["root"], entry["path"])
        _remove_leftovers(file)
        before = (journal / f"{number}.before").read_bytes()
        current = _sha(file.read_bytes()) if file.is_file() else ""
        if current == entry["after"] != entry["before"]:
            _replace(file, before)
        elif current != entry["before"]:
            conflicts.append(file)
    if conflicts:
        names = ", ".join(map(str, conflicts))
        raise Conflict(
            f"changed by somebody else since: {names}", hint=f"The contents before are kept in {journal}"
        )
    shutil.rmtree(journal)


def _replace(file: Path, content: bytes) -> None:
    """Replace a file in one step. Its time becomes now: an old one would let cargo replay old results."""
    mode = stat.S_IMODE(file.stat().st_mode)
    handle, name = tempfile.mkstemp(prefix=_leftover_prefix(file), dir=file.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(file.parent)


def _leftover_prefix(file: Path) -> str:
    return f".{file.name}.rusta-"


def _remove_leftovers(file: Path) -> None:
    """A kill between writing and renaming leaves the temporary file."""
    for leftover in file.parent.glob(_leftover_prefix(file).replace("[", "[[]") + "*"):
        leftover.unlink(missing_ok=True)


def _write_synced(file: Path, content: bytes) -> None:
    with file.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _owner(journal: Path) -> int:
    """The process that opened a journal, from its name; 0 if the name is not one of ours."""
    parts = journal.name.split("-")
    return int(parts[1]) if len(parts) == 3 and parts[1].isdigit() else 0


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_alive(pid: int) -> bool:
    if pid == 0:
        return False
    with contextlib.suppress(ProcessLookupError):
        try:
            os.kill(pid, 0)
        except PermissionError:
            return True
        return pid != os.getpid()
    return False


def _cannot_write(error: OSError) -> RustaError:
    return RustaError(
        f"cannot write {error.filename or 'the tree'}: {error.strerror}. Nothing was changed.",
        hint="Check the permissions and the free space, then again.",
    )


def changes_of(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[Change]:
    """The files of `after` that differ from `before`."""
    return [Change(path, before[path], after[path]) for path in sorted(after) if before[path] != after[path]]
