"""The only writer of the user's tree: all files or none, and a way back after a kill at any instant.

A patch goes through these steps. What is named first is on the disk before the next begins.

1. The journal holds the old contents; its state is *pending*.
2. Each new content lies beside its file, under a name of its own.
3. Each file is swapped with it in one step. What comes out is looked at: if it is not what the patch was made
   for, somebody wrote just now, and the file is swapped back.
4. The tree is read once more, and `accept` may look at it, too.
5. The journal's state becomes *applied*.

Whoever comes next and finds a pending journal puts the old contents back. Nobody else can be at it: a lock
keeps two Rustas apart.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from attrs import field, frozen

from . import journal
from .disk import File, Kept, Tree
from .journal import FileRecord, Journal, Record, State
from .patch import sha256
from .result import Conflict, ResultCode

_BACK = "-back"


@frozen
class Change:
    """What shall become of one file; None stands for no file."""

    path: str
    before: File | None
    after: bytes | None = field(repr=False)
    kept: Kept | None = None  # what a file that comes back had; else it keeps what it has


def carry_out(
    tree: Tree,
    shelf: Tree,
    changes: Sequence[Change],
    *,
    title: str,
    accept: Callable[[], None] = lambda: None,
    undoes: Record | None = None,
) -> Record:
    """Make all changes or none; returns what was written down about it.

    Args:
        tree, shelf: the workspace and its journals, which nobody else holds.
        accept: looks at the changed tree; whatever it raises takes the changes back.
        undoes: the patch that is taken back by this; the folders it made go, if they are empty.

    Raises:
        Conflict: somebody else wrote meanwhile, or nothing can be put back now.
        OSError: a system call failed; every byte is as before.
    """
    files = tuple(_record(change) for change in changes)
    record = Record(
        id=journal.new_id(),
        root=str(tree.root),
        time_ns=time.time_ns(),
        files=files,
        title=title,
        created=tuple(_missing_folders(tree, changes)),
        undoes=undoes.id if undoes else None,
    )
    before = {n: change.before.content for n, change in enumerate(changes) if change.before is not None}
    pending = journal.begin(shelf, record, before)
    try:
        _stage(tree, pending, changes)
        _swap(tree, record)
        _clear(tree, record, remove=undoes.created if undoes else ())
        _require_after(tree.root, record)
        accept()
        journal.mark(shelf, pending, State.APPLIED)
    except BaseException:
        try:
            if shelf.exists(pending.folder):  # else it was done when somebody interrupted us
                take_back(tree, shelf, pending)
        except OSError as error:
            raise half_written(tree.root, error.strerror or str(error)) from error
        raise
    with suppress(OSError):  # done; the power would have to fail before the disk is up to date
        shelf.sync("")
    return record


def _record(change: Change) -> FileRecord:
    kept = change.before.kept if change.before else None
    return FileRecord(
        change.path,
        sha256(change.before.content) if change.before else None,
        None if change.after is None else sha256(change.after),
        *((kept.mode, kept.uid, kept.gid) if kept else ()),
    )


def _missing_folders(tree: Tree, changes: Sequence[Change]) -> list[str]:
    """The folders that have to be made, outer ones first."""
    wanted = {above for change in changes if change.after is not None for above in _above(change.path)}
    return sorted(folder for folder in wanted if not tree.exists(folder))


def _stage(tree: Tree, pending: Journal, changes: Sequence[Change]) -> None:
    """Put each new content beside its file."""
    for folder in pending.record.created:
        tree.make_folder(folder)
    for number, change in enumerate(changes):
        if change.after is not None:
            kept = change.before.kept if change.before else change.kept
            tree.write_new(_aside(pending.record, number), change.after, kept, mode=0o666)
    _sync(tree, pending.record)


def _swap(tree: Tree, record: Record) -> None:
    """Put each new content in its place; the old one lies beside it then, if the system can swap."""
    for number, file in enumerate(record.files):
        aside = _aside(record, number)
        try:
            if file.before is None:
                tree.move_to_free(aside, file.path)
                continue
            if file.after is None:
                tree.move_to_free(file.path, aside)
            elif not tree.exchange(aside, file.path):
                _require_content(tree, file.path, file.before, file.path)
                tree.move(aside, file.path)
                continue
        except FileExistsError as error:
            raise Conflict(
                ResultCode.EXISTS, f"{file.path} came into being just now.", path=file.path
            ) from error
        except FileNotFoundError as error:
            raise Conflict(ResultCode.MISSING, f"{file.path} is gone just now.", path=file.path) from error
        _require_content(tree, aside, file.before, file.path)
    _sync(tree, record)


def _clear(tree: Tree, record: Record, *, remove: Sequence[str]) -> None:
    """Remove the old contents that lie beside their files, and folders that are empty now."""
    for number, file in enumerate(record.files):
        aside = _aside(record, number)
        if file.before is not None and tree.exists(aside):
            # Who had the file open before the swap has written into what lies beside it.
            _require_content(tree, aside, file.before, file.path)
            tree.remove(aside)
    for folder in reversed(remove):
        tree.remove_folder(folder)
    _sync(tree, record)


def _require_after(root: Path, record: Record) -> None:
    """Look at the tree anew, by its paths: it holds the patch, or somebody was faster."""
    with Tree(root) as tree:
        for file in record.files:
            _require_content(tree, file.path, file.after, file.path)


def _require_content(tree: Tree, path: str, expected: str | None, name: str) -> None:
    file = tree.read(path)
    if (None if file is None else sha256(file.content)) != expected:
        raise Conflict(
            ResultCode.CHANGED,
            f"{tree.root / name} was changed by somebody else just now.",
            path=name,
            hint="Run rusta fix again.",
        )


def take_back(tree: Tree, shelf: Tree, pending: Journal) -> tuple[str, ...]:
    """Put back every file that holds what the patch wrote; returns those that hold something else."""
    record = pending.record
    conflicts = []
    for number, file in enumerate(record.files):
        if not _restore(tree, shelf, pending, number, file):
            conflicts.append(file.path)
    for folder in reversed(record.created):
        tree.remove_folder(folder)
    _sync(tree, record)
    if conflicts:
        journal.mark(shelf, pending, State.STUCK)
        shelf.sync("")
    else:
        journal.drop(shelf, pending)
    return tuple(conflicts)


def half_written(root: Path, problem: str) -> Conflict:
    """What to say when a tree cannot be put back now."""
    return Conflict(
        ResultCode.HALF_WRITTEN,
        f"{root} may be half written, and it cannot be put back now: {problem}.",
        hint="Mend that, and call Rusta again: it then puts everything back.",
    )


def _restore(tree: Tree, shelf: Tree, pending: Journal, number: int, file: FileRecord) -> bool:
    """Put one file back; False if it holds neither the old nor the new content."""
    aside = _aside(pending.record, number)
    tree.remove(aside + _BACK)
    current, beside = _look(tree, file.path), _look(tree, aside)
    if current == file.before:
        tree.remove(aside)
        return True
    if current == file.after:
        if beside not in (None, file.after):
            # It was at this place when we came; if it is not `before`, somebody had just written it.
            if current is None:
                tree.move_to_free(aside, file.path)
            elif tree.exchange(aside, file.path):
                tree.remove(aside)
            else:
                tree.move(aside, file.path)
            tree.touch(file.path)
            return True
        tree.remove(aside)
        if file.before is None:
            tree.remove(file.path)
            return True
        return _put(tree, shelf, pending, number, file)
    if beside is not None:
        held = tree.read(aside) if beside not in ("", file.before, file.after) else None
        if held is not None:
            journal.set_aside(shelf, pending, number, held.content)
        if beside:
            tree.remove(aside)
    return False


def _put(tree: Tree, shelf: Tree, pending: Journal, number: int, file: FileRecord) -> bool:
    """Write back an old content from the journal; False if it is damaged there."""
    # Under another name than the new content had: what a kill leaves of this is never somebody's work.
    aside = _aside(pending.record, number) + _BACK
    content = journal.content_before(shelf, pending, number)
    if content is None:
        return False
    for folder in _above(file.path):
        if not tree.exists(folder):
            tree.make_folder(folder)
    current = tree.read(file.path)
    tree.write_new(aside, content, current.kept if current else Kept(file.mode, file.uid, file.gid))
    if current:
        tree.move(aside, file.path)
    else:
        tree.move_to_free(aside, file.path)
    return True


def _look(tree: Tree, path: str) -> str | None:
    """The hash of a file; None if there is none, empty if it is no regular file."""
    try:
        file = tree.read(path)
    except Conflict:
        return ""
    return None if file is None else sha256(file.content)


def _aside(record: Record, number: int) -> str:
    """Where a content lies beside its file; of one length, however long the file's name is."""
    above, slash, _ = record.files[number].path.rpartition("/")
    return f"{above}{slash}.rusta-{record.id}-{number}"


def _above(path: str) -> list[str]:
    """The folders above a path, outer ones first."""
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


def _sync(tree: Tree, record: Record) -> None:
    """Have all names on the disk: those in the folders of the files, and of the folders themselves."""
    folders = {above for file in record.files for above in ("", *_above(file.path))}
    for folder in sorted(folders):
        with suppress(FileNotFoundError, Conflict):  # made and removed again, or somebody's link by now
            tree.sync(folder)
