"""A tree to write into, and hooks before every system call of the patch engine."""

import itertools
import os
import shutil
import stat
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from rusta_server.patch import disk, patch

OLD = {
    "src/a.rs": b"old a\n",
    "src/b.rs": b"\xff old b",
    "c.rs": b"",
    "src/deep/gone.rs": b"\xef\xbb\xbfbye\r\n",
    "other.rs": b"not touched\n",
}
NEW = {
    "src/a.rs": b"new a\n",
    "src/b.rs": b"\xfe new b, longer than before",
    "c.rs": b"new c\n",
    "made/here/d.rs": b"new d\n",
    "other.rs": b"not touched\n",
}
PATCH = patch.between(
    OLD,
    {path: NEW.get(path) for path in OLD.keys() | NEW.keys()},
    creates={"made/here/d.rs"},
    deletes={"src/deep/gone.rs"},
)

# (number of the call, its name, the call) -> its result
Hook = Callable[[int, str, Callable], object]

_PURE = {"fsencode", "fspath", "strerror"}


@contextmanager
def hooked(hook: Hook):
    """Call `hook` in place of every system call that the engine makes."""
    numbers = itertools.count(1)

    def around(name, real):
        return lambda *args, **kwargs: hook(next(numbers), name, lambda: real(*args, **kwargs))

    saved = {name: getattr(disk, name) for name in ("os", "_rename", "_try_lock")}
    proxy = SimpleNamespace()
    for name, value in vars(os).items():
        is_call = callable(value) and not isinstance(value, type) and name not in _PURE
        setattr(proxy, name, around(name, value) if is_call else value)
    disk.os = proxy
    disk._rename = around("rename with flags", saved["_rename"])
    disk._try_lock = around("flock", saved["_try_lock"])
    try:
        yield
    finally:
        for name, value in saved.items():
            setattr(disk, name, value)


def fork(action: Callable[[], object]) -> int:
    """Run something in a child; its exit code, or minus the signal that killed it."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            action()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def snapshot(root: Path) -> dict[str, object]:
    """Everything below `root`: the folders, the bytes and permissions of files, the targets of links."""
    found: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        info, name = path.lstat(), path.relative_to(root).as_posix()
        if stat.S_ISREG(info.st_mode):
            found[name] = (path.read_bytes(), stat.S_IMODE(info.st_mode))
        else:
            found[name] = str(path.readlink()) if path.is_symlink() else "folder"
    return found


class Ground:
    """A workspace, its journals, and what it looks like before and after the patch."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.root, self.journals, self.outside = base / "crate", base / "cache/journals", base / "outside"
        self.reset()
        self.old = snapshot(self.root)
        self.new = {path: state for path, state in self.old.items() if path in NEW or state == "folder"}
        self.new |= {"made": "folder", "made/here": "folder"}
        usual = 0o666 & ~_umask()
        for path, content in NEW.items():
            mode = self.old[path][1] if path in self.old else usual
            self.new[path] = (content, mode)
        self.new = dict(sorted(self.new.items()))

    def reset(self, root: Path | None = None) -> None:
        """Start anew, with an empty cache."""
        shutil.rmtree(self.base, ignore_errors=True)
        for path, content in OLD.items():
            file = self.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        (self.root / "src/a.rs").chmod(0o640)
        self.outside.mkdir()
        for name in ("a.rs", "b.rs"):
            (self.outside / name).write_bytes(OLD[f"src/{name}"])

    def save(self) -> None:
        """Remember the state of everything for `restore`."""
        saved = self.base.with_name("saved")
        shutil.rmtree(saved, ignore_errors=True)
        shutil.copytree(self.base, saved, symlinks=True)

    def restore(self) -> None:
        shutil.rmtree(self.base)
        shutil.copytree(self.base.with_name("saved"), self.base, symlinks=True)

    def now(self) -> dict[str, object]:
        return snapshot(self.root)

    def state(self) -> str:
        """old, new, or between."""
        now = self.now()
        return "old" if now == self.old else "new" if now == self.new else "between"

    def pending(self) -> list[Path]:
        return list(self.journals.glob("*/*.pending"))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path / "base")


@pytest.fixture
def engine() -> SimpleNamespace:
    """The helpers above, for tests (pytest imports test files on their own)."""
    return SimpleNamespace(hooked=hooked, fork=fork, snapshot=snapshot, PATCH=PATCH, OLD=OLD, NEW=NEW)
