"""A patch: byte edits in several files, with what each file must hold before."""

import hashlib
from collections.abc import Collection, Mapping, Sequence

from attrs import field, frozen

from . import diff, paths
from .edit import Edit
from .result import Conflict, ResultCode


@frozen
class Patch:
    """Edits in any number of files, and what the tree must be like for them to mean anything.

    Attributes:
        edits: in no particular order; the edits of a created file start from nothing.
        before: for every path that is touched, the SHA-256 of what it holds; None where nothing is.
        creates: the paths that come into being; announced, so that no edit creates a file by mistake.
        deletes: the paths that go.
    """

    edits: tuple[Edit, ...]
    before: Mapping[str, str | None] = field(factory=dict)
    creates: frozenset[str] = frozenset()
    deletes: frozenset[str] = frozenset()

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that is touched, sorted."""
        return tuple(sorted({edit.path for edit in self.edits} | self.creates | self.deletes))


def between(
    before: Mapping[str, bytes],
    after: Mapping[str, bytes | None],
    *,
    creates: Collection[str] = (),
    deletes: Collection[str] = (),
) -> Patch:
    """The patch from the contents `before` to those in `after`, where None stands for no file.

    Raises:
        Conflict: a file comes or goes that is not in `creates` or `deletes`.
    """
    edits: list[Edit] = []
    hashes: dict[str, str | None] = {}
    for path, new in after.items():
        old = before.get(path)
        if old == new:
            continue
        if old is None and path not in creates:
            raise _unannounced(ResultCode.UNANNOUNCED_CREATION, path)
        if new is None and path not in deletes:
            raise _unannounced(ResultCode.UNANNOUNCED_DELETION, path)
        hashes[path] = None if old is None else sha256(old)
        if new is not None:
            edits += diff.edits(path, old or b"", new)
    return Patch(
        tuple(edits),
        hashes,
        frozenset(path for path in creates if path in hashes),
        frozenset(path for path in deletes if path in hashes),
    )


def require_sound(patch: Patch, never: Sequence[str] = ()) -> None:
    """Check all that can be known without the disk.

    Raises:
        Conflict: a path that must not be named, a file without its hash, or one that comes or goes
            unannounced.
    """
    if not patch.paths:
        raise Conflict(ResultCode.EMPTY, "the patch changes nothing.")
    for path in {*patch.paths, *patch.before}:
        fault = paths.fault(path, never)
        if fault:
            raise Conflict(*fault, path=path)
    fault = paths.collision(patch.paths)
    if fault:
        raise Conflict(*fault)
    for path in patch.paths:
        if path not in patch.before:
            raise Conflict(
                ResultCode.NO_PREIMAGE, f"the patch does not say what {path} held before", path=path
            )
        if patch.before[path] is None and path not in patch.creates:
            raise _unannounced(ResultCode.UNANNOUNCED_CREATION, path)
        if patch.before[path] is not None and path in patch.creates:
            raise Conflict(ResultCode.EXISTS, f"{path} is to be created, but it is there", path=path)
    for edit in patch.edits:
        if edit.path in patch.deletes:
            raise Conflict(ResultCode.OVERLAP, f"{edit.path} is both edited and deleted", path=edit.path)


def sha256(content: bytes) -> str:
    """The hash by which a patch knows a file's content."""
    return hashlib.sha256(content).hexdigest()


def _unannounced(code: ResultCode, path: str) -> Conflict:
    what = "created" if code == ResultCode.UNANNOUNCED_CREATION else "deleted"
    return Conflict(code, f"{path} would be {what}, but the patch does not announce it", path=path)
