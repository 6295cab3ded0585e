"""The shadow of a workspace: a copy with a target folder of its own, kept warm between runs.

Files are cloned (reflink) where the file system can do that and copied elsewhere. They are never hard-linked:
a build script that writes into its own source folder would then change the original.
"""

import contextlib
import errno
import fcntl
import hashlib
import itertools
import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from attrs import define, field

from ..errors import RustaError
from ..tools import cargo
from ..tools.diagnostic import Checked
from ..tools.process import Cancel
from ..tools.sandbox_reads import settings_above
from .shadow import CheckOutcome, NoTests, Tested, TestOutcome

# Gives the command prefix for what may be written, and what may be read besides.
LauncherFor = Callable[[Sequence[Path], Sequence[Path]], tuple[str, ...]]

_FICLONE = 0x40049409  # linux/fs.h
_N_SLOTS = 8
_SKIPPED = frozenset({".git", ".hg", ".svn", ".jj", "node_modules"})
_CACHE_TAG = "CACHEDIR.TAG"  # cargo puts it into every target folder
# The copy lies this deep in its slot, so that `include_str!("../../README.md")` has a place there too.
_TREE = Path("copy", *["up"] * 6, "tree")
_MAX_LINKED_FILES = 2000
_UNREADABLE = re.compile(r"^couldn't read `?(.+?)`?: ")

# (modified, bytes) of a file and of its copy: when neither changed, the copy is still right.
_Stamps = dict[str, tuple[int, int, int, int]]


@contextmanager
def of_workspace(
    workspace: cargo.Workspace,
    *,
    cache: Path,
    buffers: Mapping[Path, bytes] | None = None,
    scope: cargo.Scope = cargo.Scope(),  # noqa: B008  frozen
    launcher_for: LauncherFor = lambda writable, readable: (),
    check_timeout_s: float = 120.0,
    test_timeout_s: float = 300.0,
) -> Iterator["CrateShadow"]:
    """A shadow of `workspace` as it is on the disk, with the unsaved `buffers` laid over it.

    Two runs at the same time get two shadows.

    Raises:
        RustaError: the cache folder cannot be written, or the disk is full.
    """
    base = base_of(workspace)
    name = hashlib.sha256(os.fsencode(workspace.root)).hexdigest()[:16]
    with _readable_errors(cache), _lock_slot(cache / "shadows" / name) as slot:
        tree, target, scratch = slot / _TREE, slot / "target", slot / "tmp"
        for folder in (tree, target, scratch):
            folder.mkdir(parents=True, exist_ok=True)
        _clear_above(slot, tree)
        _sync(workspace, base, tree, slot / "stamps.json")
        options, env = cargo.inherited_settings(workspace.root, copied=workspace.outside)
        invocation = cargo.Invocation(
            root=tree / workspace.root.relative_to(base),
            base=tree,
            target_dir=target,
            launcher=launcher_for((tree, target, scratch), settings_above(options)),
            options=(*options, *scope.options),
            check_with=scope.subcommand,
            env={**env, "TMPDIR": str(scratch)},
        )
        shadow = CrateShadow(workspace, base, invocation, check_timeout_s, test_timeout_s)
        for path, text in (buffers or {}).items():
            if path.is_relative_to(base):
                shadow.lay(path.relative_to(base).as_posix(), text)
        yield shadow


def base_of(workspace: cargo.Workspace) -> Path:
    """The folder that is copied: it holds the workspace and its path dependencies."""
    return Path(os.path.commonpath([workspace.root, *workspace.outside]))


@define
class CrateShadow:
    """A copy of a workspace; paths are relative to `base`, the folder that was copied."""

    workspace: cargo.Workspace
    base: Path
    invocation: cargo.Invocation
    check_timeout_s: float = 120.0
    test_timeout_s: float = 300.0
    _pristine: dict[str, bytes] = field(factory=dict)
    _written: dict[str, bytes] = field(factory=dict)

    @property
    def edition(self) -> str:
        """The edition of the workspace's first package."""
        return self.workspace.edition

    @property
    def tree(self) -> Path:
        """The root of the copy."""
        return self.invocation.base

    @property
    def files(self) -> Mapping[str, bytes]:
        """The original contents, read when looked up."""
        return _Files(self)

    def lay(self, path: str, text: bytes) -> None:
        """Take `text` for the original content of `path`: an unsaved buffer, perhaps of a new file."""
        self._pristine[path] = text
        file = self.tree / path
        if not file.is_file() or file.read_bytes() != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._write(path, text)

    def check(
        self, variant: Mapping[str, bytes], cancel: Cancel | None = None, *, all_targets: bool = True
    ) -> CheckOutcome:
        """Compile the variant with cargo."""
        self._become(variant)
        while True:
            outcome = cargo.check(
                self.invocation, all_targets=all_targets, timeout_s=self.check_timeout_s, cancel=cancel
            )
            if not isinstance(outcome, Checked) or not self._fetch_missing(outcome):
                return outcome

    def test(self, variant: Mapping[str, bytes], cancel: Cancel | None = None) -> TestOutcome:
        """Run the tests of the packages that the variant changes, and of those that depend on them."""
        self._become(variant)
        names = self.workspace.affected(self.base / path for path in variant)
        outcome = cargo.test(self.invocation, names, timeout_s=self.test_timeout_s, cancel=cancel)
        if not isinstance(outcome, cargo.TestRun):
            return outcome
        if outcome.n_passed == outcome.n_failed == 0:
            return NoTests()
        return Tested(outcome.n_passed, outcome.n_failed, outcome.output)

    def refresh(self) -> set[str]:
        """Make the copy equal to the disk; returns the paths that differed."""
        originals = _originals(self.workspace, self.base)
        changed = _remove_others(self.tree, set(originals))
        for path, original in originals.items():
            copy = self.tree / path
            try:
                text = original.read_bytes()
            except FileNotFoundError:  # deleted while we look
                copy.unlink(missing_ok=True)
                changed.add(path)
                continue
            if not copy.exists() or copy.read_bytes() != text:
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(text)
                changed.add(path)
        self._pristine.clear()
        self._written.clear()
        return changed

    def has(self, path: str) -> bool:
        """Whether there is such a file in the copy; it is not read."""
        return path in self._pristine or (_stays_inside(path) and (self.tree / path).is_file())

    def pristine(self, path: str) -> bytes:
        """The original content of `path`.

        Raises:
            KeyError: there is no such file in the copy.
        """
        if path not in self._pristine:
            if not _stays_inside(path):
                raise KeyError(path)
            try:
                self._pristine[path] = self._read(path)
            except OSError:
                raise KeyError(path) from None
        return self._pristine[path]

    def _become(self, variant: Mapping[str, bytes]) -> None:
        """Write what differs. Content that comes back gets a new time, or cargo would replay old results."""
        for path in {*self._written, *variant}:
            wanted = variant[path] if path in variant else self.pristine(path)
            current = self._written[path] if path in self._written else self.pristine(path)
            if wanted != current:
                self._write(path, wanted)
            self._written[path] = wanted

    def _fetch_missing(self, outcome: Checked) -> bool:
        """Copy files that the code includes from outside what was copied; whether there were any.

        Without them the copy had errors that the original has not.
        """
        matches = (_UNREADABLE.match(error.message) for error in outcome.errors)
        folders = (self.workspace.root, *self.workspace.outside)  # rustc runs in one of these
        fetched = False
        for name in [match[1] for match in matches if match]:
            for folder in folders:
                copy = Path(os.path.normpath(self.tree / folder.relative_to(self.base) / name))
                original = Path(os.path.normpath(self.base / os.path.relpath(copy, self.tree)))
                nest = self.tree.parents[len(_TREE.parts) - 2]
                is_ours = original.is_file() and _may_copy(original.resolve(), self.base)
                if copy.is_relative_to(nest) and not copy.exists() and is_ours:
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    _clone(original, copy)
                    fetched = True
        return fetched

    def _read(self, path: str) -> bytes:
        return (self.tree / path).read_bytes()

    def _write(self, path: str, text: bytes) -> None:
        (self.tree / path).write_bytes(text)


class _Files(Mapping[str, bytes]):
    def __init__(self, shadow: CrateShadow) -> None:
        self._shadow = shadow

    def __getitem__(self, path: str) -> bytes:
        return self._shadow.pristine(path)

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self._shadow.has(path)

    def __iter__(self) -> Iterator[str]:
        for file in self._shadow.tree.rglob("*.rs"):
            yield file.relative_to(self._shadow.tree).as_posix()

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _stays_inside(path: str) -> bool:
    """Whether a path can only lead into the copy."""
    pure = PurePosixPath(path)
    return not pure.is_absolute() and ".." not in pure.parts


@contextmanager
def _readable_errors(cache: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RustaError(f"the disk of {cache} is full.", hint="Free some space, then again.") from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR):
            raise RustaError(
                f"{error.filename or cache}: {error.strerror}.", hint="Give another folder with --cache-dir."
            ) from error
        raise


@contextmanager
def _lock_slot(folder: Path) -> Iterator[Path]:
    """The first shadow folder that no other process uses; the lock ends with this process at the latest."""
    for number in range(_N_SLOTS):
        slot = folder / str(number)
        slot.mkdir(parents=True, exist_ok=True)
        with (slot / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield slot
            return
    raise RustaError(
        f"{_N_SLOTS} other runs of Rusta work on this crate.", hint="Wait for one of them, or end it."
    )


def _clear_above(slot: Path, tree: Path) -> None:
    """Remove what `_fetch_missing` has put beside the copy: it may be old."""
    for folder in tree.parents:
        if folder == slot:
            break
        for entry in folder.iterdir():
            if entry.is_dir() and not tree.is_relative_to(entry):
                shutil.rmtree(entry)
            elif not entry.is_dir():
                entry.unlink()


def _sync(workspace: cargo.Workspace, base: Path, tree: Path, stamps_file: Path) -> None:
    """Make `tree` a copy of the workspace and its outside path dependencies, touching only what differs."""
    stamps = _load_stamps(stamps_file)
    stamps_file.unlink(missing_ok=True)  # a run that is killed half-way must not leave stamps that lie
    wanted = _originals(workspace, base)
    _remove_others(tree, set(wanted))
    fresh: _Stamps = {}
    for path, original in wanted.items():
        with contextlib.suppress(FileNotFoundError):  # deleted while we look: then it is not copied
            fresh[path] = _copy_if_changed(original, tree / path, stamps.get(path))
    stamps_file.write_text(json.dumps(fresh))


def _originals(workspace: cargo.Workspace, base: Path) -> dict[str, Path]:
    return {
        file.relative_to(base).as_posix(): file
        for folder in (workspace.root, *workspace.outside)
        for file in _walk(folder, workspace.target_dir, base)
    }


def _may_copy(real: Path, base: Path) -> bool:
    """Whether a file or folder that a link or an include leads to belongs to the code.

    Inside the copied folder everything does. Outside it may be a key or another project, which hostile code
    would get at in this way: so only within the same repository (without one, beside the copied folder), and
    nothing hidden.
    """
    base = base.resolve()
    if real.is_relative_to(base):
        return True
    top = next((folder for folder in base.parents if (folder / ".git").exists()), base.parent)
    if (base / ".git").exists() or not real.is_relative_to(top):
        return False
    return not any(part.startswith(".") for part in real.relative_to(top).parts)


def _load_stamps(file: Path) -> _Stamps:
    try:
        raw = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return {path: tuple(stamp) for path, stamp in raw.items()}


def _walk(folder: Path, target_dir: Path, base: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """The regular files below `folder`. Links are followed; a link to a very large folder is no source.

    Args:
        above: the real folders from which links led here; a link back to one would have no end.
    """
    for directory, names, files in os.walk(folder):
        here = Path(directory)
        names[:] = [
            name
            for name in names
            if name not in _SKIPPED and here / name != target_dir and not (here / name / _CACHE_TAG).exists()
        ]
        for name in files:
            file = here / name
            # Sockets, devices and dangling links are not code.
            if file.is_file() and (not file.is_symlink() or _may_copy(file.resolve(), base)):
                yield file
        for link in [here / name for name in names if (here / name).is_symlink()]:
            if not _may_copy(link.resolve(), base):
                continue
            trail = (*above, here.resolve())
            if not any(real.is_relative_to(link.resolve()) for real in trail):
                linked = list(itertools.islice(_walk(link, target_dir, base, trail), _MAX_LINKED_FILES + 1))
                yield from linked if len(linked) <= _MAX_LINKED_FILES else ()


def _remove_others(tree: Path, wanted: set[str]) -> set[str]:
    removed = set()
    for directory, _, files in os.walk(tree):
        for name in files:
            file = Path(directory, name)
            path = file.relative_to(tree).as_posix()
            # Cargo.lock is cargo's own work in the copy when the original has none.
            if path not in wanted and name != "Cargo.lock":
                file.unlink()
                removed.add(path)
    return removed


def _copy_if_changed(
    original: Path, copy: Path, stamp: tuple[int, int, int, int] | None
) -> tuple[int, int, int, int]:
    before = original.stat()
    with contextlib.suppress(OSError):
        after = copy.stat()
        if stamp == (before.st_mtime_ns, before.st_size, after.st_mtime_ns, after.st_size):
            return stamp
    copy.parent.mkdir(parents=True, exist_ok=True)
    if copy.is_dir():  # a folder before, now a file
        shutil.rmtree(copy)
    copy.unlink(missing_ok=True)
    _clone(original, copy)
    copy.chmod(stat.S_IMODE(before.st_mode) | stat.S_IWUSR)
    after = copy.stat()
    return (before.st_mtime_ns, before.st_size, after.st_mtime_ns, after.st_size)


def _clone(original: Path, copy: Path) -> None:
    with original.open("rb") as source, copy.open("xb") as target:
        try:
            fcntl.ioctl(target, _FICLONE, source.fileno())
        except OSError:
            shutil.copyfileobj(source, target, 1 << 20)
