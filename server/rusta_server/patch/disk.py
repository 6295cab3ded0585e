"""Every system call of the patch engine.

Folders are held open, and a name is looked up in the open folder it belongs to, never through a link. So
nobody who swaps a folder or a file for a link meanwhile can lead a write elsewhere.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from attrs import field, frozen

from .result import Conflict, ResultCode

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe must not make us wait
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_CHUNK = 1 << 20

_NOREPLACE, _EXCHANGE = 1, 2  # linux/fs.h
_CANNOT = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)


@frozen
class Kept:
    """What a file keeps when its content is replaced.

    Attributes:
        mode: the permission bits.
        newer_than: nanoseconds; the new content gets a later time, or cargo would replay old results.
        attributes: extended attributes (access lists, labels), where the system has them.
    """

    mode: int
    uid: int
    gid: int
    newer_than: int = 0
    attributes: tuple[tuple[str, bytes], ...] = ()


@frozen
class File:
    """A regular file as it was read."""

    content: bytes = field(repr=False)
    kept: Kept


class Tree:
    """A folder that is held open, with the folders below it that were used so far.

    Paths are relative, with `/`. Every method may raise `OSError`; what leads over a link or to something
    that is no regular file raises `Conflict`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._open: dict[str, int] = {"": os.open(root, _FOLDER)}

    def __enter__(self) -> "Tree":
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._open.values():
            with contextlib.suppress(OSError):
                os.close(handle)
        self._open.clear()

    def read(self, path: str, *, sync: bool = False) -> File | None:
        """The file at `path`, or None; with `sync` its bytes are on the disk afterwards."""
        try:
            folder, name = self._at(path)
            kind = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
            if not stat.S_ISREG(kind):  # opening a device can have effects, so ask before
                raise self._odd(path, kind)
            handle = os.open(name, _READ, dir_fd=folder)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:  # it became a link just now
                raise self._odd(path, stat.S_IFLNK) from None
            raise
        try:
            info = os.fstat(handle)
            if not stat.S_ISREG(info.st_mode):
                raise self._odd(path, info.st_mode)
            if sync:
                _sync(handle)
            kept = Kept(
                stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid, info.st_mtime_ns, _attributes(handle)
            )
            return File(b"".join(iter(lambda: os.read(handle, _CHUNK), b"")), kept)
        finally:
            os.close(handle)

    def write_new(self, path: str, content: bytes, kept: Kept | None = None, *, mode: int = 0o600) -> None:
        """Make a file that is not there; its bytes are on the disk afterwards, its name not yet.

        Without `kept` it gets `mode`, less what the user's umask takes away.
        """
        folder, name = self._at(path)
        handle = os.open(name, _NEW, mode, dir_fd=folder)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(handle, rest) :]
            if kept:
                _keep(handle, kept)
            _sync(handle)
        finally:
            os.close(handle)

    def exists(self, path: str) -> bool:
        """Whether there is anything at `path`, be it a link to nowhere."""
        try:
            folder, name = self._at(path)
            os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def exchange(self, one: str, other: str) -> bool:
        """Swap two names of one folder in one step; False where the system cannot do that."""
        folder, old, new = self._pair(one, other)
        return _rename(folder, old, new, _EXCHANGE)

    def move(self, path: str, to: str) -> None:
        """Rename within a folder, over whatever is there."""
        folder, old, new = self._pair(path, to)
        self._forget(path)
        os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)

    def move_to_free(self, path: str, to: str) -> None:
        """Rename within a folder; `FileExistsError` if the new name is taken."""
        folder, old, new = self._pair(path, to)
        self._forget(path)
        if not _rename(folder, old, new, _NOREPLACE):
            if self.exists(to):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), to)
            os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        if not self.exists(path):  # where nothing can be written, removing nothing would be an error
            return
        folder, name = self._at(path)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)

    def touch(self, path: str) -> None:
        """Give a file a new time."""
        folder, name = self._at(path)
        old = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime_ns
        now = _later_than(old)
        os.utime(name, ns=(now, now), dir_fd=folder, follow_symlinks=False)

    def make_folder(self, path: str, mode: int = 0o777) -> None:
        """Make one folder, which must not be there."""
        folder, name = self._at(path)
        os.mkdir(name, mode, dir_fd=folder)

    def remove_folder(self, path: str) -> None:
        """Remove a folder, if it is one and empty."""
        if not self.exists(path):
            return
        folder, name = self._at(path)
        self._forget(path)
        try:
            os.rmdir(name, dir_fd=folder)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise

    def names(self, path: str) -> list[str]:
        """The entries of a folder; none if it is not there."""
        try:
            return os.listdir(self._folder(path))  # noqa: PTH208  an open folder has no path
        except FileNotFoundError:
            return []

    def sync(self, path: str) -> None:
        """Have the names of a folder on the disk."""
        _sync(self._folder(path))

    def _at(self, path: str) -> tuple[int, str]:
        above, _, name = path.rpartition("/")
        return self._folder(above), name

    def _pair(self, one: str, other: str) -> tuple[int, str, str]:
        (folder, old), (_, new) = self._at(one), self._at(other)
        return folder, old, new

    def _folder(self, path: str) -> int:
        if path not in self._open:
            folder, name = self._at(path)
            try:
                self._open[path] = os.open(name, _FOLDER, dir_fd=folder)
            except OSError as error:
                if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                    raise
                kind = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
                raise self._odd(path, kind) from None
        return self._open[path]

    def _forget(self, path: str) -> None:
        for known in [k for k in self._open if k == path or k.startswith(path + "/")]:
            os.close(self._open.pop(known))

    def _odd(self, path: str, mode: int) -> Conflict:
        if stat.S_ISLNK(mode):
            message = f"{self.root / path} is a symbolic link; links are not followed."
            return Conflict(ResultCode.SYMLINK, message, path=path, hint="Apply this change by hand.")
        message = f"{self.root / path} is not a regular file."
        return Conflict(ResultCode.NOT_A_FILE, message, path=path, hint="Apply this change by hand.")


@contextlib.contextmanager
def lock(file: Path, wait_s: float) -> Iterator[bool]:
    """Hold the lock that `file` stands for; False if another process has it for longer than `wait_s`.

    The system frees it when its holder ends, however that ends.
    """
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        end = time.monotonic() + wait_s
        while not _try_lock(handle):
            if time.monotonic() >= end:
                yield False
                return
            time.sleep(0.02)
        yield True
    finally:
        with contextlib.suppress(OSError):
            os.close(handle)


def make_private_folder(folder: Path) -> None:
    """Make a folder that only the user can look into, with those above it; their names are on the disk."""
    if folder.is_dir():
        return
    make_private_folder(folder.parent)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)  # noqa: PTH102  every call of the system is made through `os`
    handle = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _sync(handle)
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync(handle: int) -> None:
    if sys.platform == "darwin":
        fcntl.fcntl(handle, fcntl.F_FULLFSYNC)  # its fsync leaves the bytes in the drive's cache
    else:
        os.fsync(handle)


def _keep(handle: int, kept: Kept) -> None:
    info = os.fstat(handle)
    if (info.st_uid, info.st_gid) != (kept.uid, kept.gid):
        with contextlib.suppress(PermissionError):  # only root may give files away
            os.fchown(handle, kept.uid, kept.gid)
    os.fchmod(handle, kept.mode)
    for name, value in kept.attributes:
        with contextlib.suppress(OSError):  # some are the system's own
            os.setxattr(handle, name, value)
    now = _later_than(kept.newer_than)
    os.utime(handle, ns=(now, now))


def _attributes(handle: int) -> tuple[tuple[str, bytes], ...]:
    if sys.platform != "linux":
        return ()
    try:
        return tuple((name, os.getxattr(handle, name)) for name in os.listxattr(handle))
    except OSError:  # a file system without them
        return ()


def _later_than(old: int) -> int:
    return max(time.time_ns(), old + 1)


_libc = ctypes.CDLL(None, use_errno=True)
_renameat2 = getattr(_libc, "renameat2", None)


def _rename(folder: int, old: str, new: str, flags: int) -> bool:
    """Linux's rename with flags; False where the system or the file system lacks it."""
    if _renameat2 is None:
        return False
    if _renameat2(folder, os.fsencode(old), folder, os.fsencode(new), flags) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT:
        return False
    raise OSError(code, os.strerror(code), new)
