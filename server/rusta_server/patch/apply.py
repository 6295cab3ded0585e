"""Applying and reverting patches: the whole tree or nothing, one Rusta at a time.

What is refused is refused here, before anything is written; `transaction` then does the writing.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from . import edit, journal, paths
from .disk import File, Kept, Tree
from .journal import Journal, Record, State
from .patch import Patch, require_sound, sha256
from .result import Conflict, ResultCode
from .transaction import Change, carry_out, half_written, take_back

LOCK_WAIT_S = 5.0


@frozen
class Done:
    """A patch is in the tree, or was taken out of it; its id is the way back."""

    code: ResultCode
    id: str
    paths: tuple[str, ...]


@frozen
class Recovered:
    """What was done about a patch that a kill had interrupted.

    Attributes:
        restored: the files that were put back.
        conflicts: the files that somebody changed since; they were left as they are.
        problem: why the files could not be written: they may be half new, and the next call tries again.
        kept: the folder with the old contents, if there are conflicts or a problem.
    """

    root: Path
    restored: tuple[str, ...]
    conflicts: tuple[str, ...] = ()
    problem: str | None = None
    kept: Path | None = None


def apply(
    root: Path,
    patch: Patch,
    *,
    journals: Path,
    never: Sequence[str] = (),
    accept: Callable[[], None] = lambda: None,
    title: str = "",
    wait_s: float = LOCK_WAIT_S,
) -> Done:
    """Write `patch` into the tree below `root`.

    Args:
        journals: the folder of all journals.
        never: patterns of paths that are left alone, see `paths.is_protected`.
        accept: looks at the tree with the patch in it; whatever it raises takes the patch out again.
        title: for the list of patches.

    Raises:
        Conflict: the patch is refused or failed; every byte is as before.
    """
    require_sound(patch, never)
    with _ready(root, journals, wait_s) as (tree, shelf):
        changes = list(_plan(tree, patch))
        if not changes:
            raise Conflict(ResultCode.EMPTY, "the patch changes nothing.")
        record = carry_out(tree, shelf, changes, title=title, accept=accept)
    return Done(ResultCode.APPLIED, record.id, tuple(change.path for change in changes))


def revert(root: Path, id_: str, *, journals: Path, wait_s: float = LOCK_WAIT_S) -> Done:
    """Take back the patch `id_`, which was applied below `root`; taking that back in turn applies it again.

    Raises:
        Conflict: it is not known or not in effect, or a file was changed since; nothing was changed.
    """
    with _ready(root, journals, wait_s) as (tree, shelf):
        known = journal.read(shelf)
        chosen = next((one for one in known if one.record.id == id_), None)
        if chosen is None or chosen.state != State.APPLIED:
            raise Conflict(
                ResultCode.UNKNOWN_PATCH, f"no patch {id_} of {root}.", hint="See: rusta revert --list"
            )
        if id_ not in journal.in_effect(known):
            raise Conflict(
                ResultCode.NOT_IN_EFFECT,
                f"the patch {id_} was taken back already.",
                hint="See: rusta revert --list",
            )
        changes = [_inverse(tree, shelf, chosen, number, known) for number in range(len(chosen.record.files))]
        record = carry_out(tree, shelf, changes, title=chosen.record.title, undoes=chosen.record)
    return Done(ResultCode.REVERTED, record.id, tuple(change.path for change in changes))


def recover(journals: Path) -> list[Recovered]:
    """Put back what earlier runs left unfinished, in all workspaces. A Rusta that is still at it is let be.

    Raises:
        Conflict: the journals themselves cannot be written.
    """
    found = []
    for folder in journal.shelves(journals):
        try:
            with _readable(folder), journal.locked(folder, 0) as shelf:
                found += _recover(shelf)
                journal.collect(shelf)
        except Conflict as conflict:
            if conflict.code != ResultCode.LOCKED:
                raise
    return found


def history(journals: Path) -> list[Record]:
    """The patches that are in effect, in all workspaces, oldest first; none of those that took one back."""
    records: list[Record] = []
    for folder in journal.shelves(journals):
        with Tree(folder) as shelf:
            known = journal.read(shelf)
        effective = journal.in_effect(known)
        records += [one.record for one in known if one.record.id in effective and one.record.undoes is None]
    return sorted(records, key=lambda record: record.time_ns)


@contextmanager
def _ready(root: Path, journals: Path, wait_s: float) -> Iterator[tuple[Tree, Tree]]:
    """The tree and its shelf, locked, with nothing pending."""
    root = root.resolve()
    folder = journal.shelf_of(journals, root)
    with _readable(root), journal.locked(folder, wait_s) as shelf, Tree(root) as tree:
        for found in _recover(shelf):
            if found.problem:
                raise half_written(root, found.problem)
        journal.collect(shelf)
        yield tree, shelf


@contextmanager
def _readable(root: Path) -> Iterator[None]:
    """An error of the system as a refusal with a code."""
    try:
        yield
    except OSError as error:
        raise Conflict(
            ResultCode.CANNOT_WRITE,
            f"cannot write {error.filename or root}: {error.strerror}.",
            hint="Check the permissions and the free space, then again.",
        ) from error


def _plan(tree: Tree, patch: Patch) -> Iterator[Change]:
    before = {path: _require(tree, path, patch.before[path]) for path in patch.paths}
    contents = {path: file.content if file else b"" for path, file in before.items()}
    after = edit.apply(contents, patch.edits)
    for path, file in before.items():
        new = None if path in patch.deletes else after.get(path, contents[path])
        if file is None or file.content != new:
            yield Change(path, file, new)


def _require(tree: Tree, path: str, expected: str | None) -> File | None:
    """The file at `path`, which must hold what the patch expects."""
    _require_spelling(tree, path)
    file = tree.read(path, sync=True)
    where = tree.root / path
    if file is None and expected is not None:
        raise Conflict(ResultCode.MISSING, f"{where} is gone.", path=path, hint="Run rusta fix again.")
    if file is not None and expected is None:
        raise Conflict(ResultCode.EXISTS, f"{where} is there already.", path=path)
    if file is None:
        return None
    if sha256(file.content) != expected:
        raise Conflict(
            ResultCode.CHANGED,
            f"{where} was changed since the patch was made.",
            path=path,
            hint="Run rusta fix again.",
        )
    if not file.kept.mode & 0o222:
        raise Conflict(
            ResultCode.READ_ONLY, f"{where} is read-only.", path=path, hint="Make it writable, then again."
        )
    return file


def _require_spelling(tree: Tree, path: str) -> None:
    """Refuse a path beside which another is that some systems take for the same."""
    parts = path.split("/")
    for n, name in enumerate(parts):
        above = "/".join(parts[:n])
        names = tree.names(above)
        other = paths.twin(name, names)
        if other is not None:
            message = f"{tree.root / path} and {other!r} beside it are one file on some systems."
            raise Conflict(ResultCode.COLLISION, message, path=path)
        if name not in names:
            return


def _inverse(tree: Tree, shelf: Tree, chosen: Journal, number: int, known: Sequence[Journal]) -> Change:
    file = chosen.record.files[number]
    try:
        current = _require(tree, file.path, file.after)
    except Conflict as conflict:
        raise Conflict(
            conflict.code, str(conflict), path=file.path, hint=_hint_of_later(chosen, file.path, known)
        ) from None
    content = None
    if file.before is not None:
        content = journal.content_before(shelf, chosen, number)
        if content is None:
            message = f"the old content of {file.path} is damaged, so it cannot be put back."
            raise Conflict(ResultCode.CANNOT_WRITE, message, path=file.path)
    kept = Kept(file.mode, file.uid, file.gid) if current is None else None
    return Change(file.path, current, content, kept)


def _hint_of_later(chosen: Journal, path: str, known: Sequence[Journal]) -> str:
    effective = journal.in_effect(known)
    later = [
        one.record
        for one in known[known.index(chosen) + 1 :]
        if one.record.id in effective and any(file.path == path for file in one.record.files)
    ]
    if later:
        return f"A later patch touches it, too; take that back first: rusta revert {later[-1].id}"
    return "It is left as it is; take the change out by hand."


def _recover(shelf: Tree) -> list[Recovered]:
    found = []
    for pending in journal.read(shelf):
        root = Path(pending.record.root)
        if pending.state != State.PENDING or not root.is_dir():  # its disk may come back
            continue
        everything = tuple(file.path for file in pending.record.files)
        try:
            with Tree(root) as tree:
                conflicts = take_back(tree, shelf, pending)
        except OSError as error:
            kept = shelf.root / pending.folder
            found.append(Recovered(root, (), problem=error.strerror or str(error), kept=kept))
            continue
        restored = tuple(path for path in everything if path not in conflicts)
        stuck = Journal(pending.record, State.STUCK)
        found.append(
            Recovered(root, restored, conflicts, kept=shelf.root / stuck.folder if conflicts else None)
        )
    return found
