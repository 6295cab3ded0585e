"""Namespaces, and in them a root folder that holds only what the command may see.

`man 7 user_namespaces`, `man 7 pid_namespaces`, `man 2 pivot_root`. Part of the launcher: no imports that
cost time.
"""
# ruff: noqa: PTH102, PTH103, PTH106, PTH113, PTH115, PTH120, PTH123, PTH211

import ctypes
import os
import sys

from .sandbox_libc import PR_CAPBSET_DROP, call, libc

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
SCRATCH = ("/tmp", "/dev/shm")

_NEW_MOUNTS, _NEW_IPC, _NEW_USER, _NEW_PIDS, _NEW_NET = (
    0x00020000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
_NOSUID, _NODEV, _NOEXEC, _BIND, _REC, _PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_DETACH = 2
_SETATTR, _AT_FDCWD, _AT_RECURSIVE, _ATTR_RDONLY, _ATTR_NOSUID = 442, -100, 0x8000, 1, 2
_SOCK_DGRAM, _SIOCSIFFLAGS, _IFF_UP, _AF_UNIX = 2, 0x8914, 1, 1
_CAPABILITY_VERSION = 0x20080522

_KINDS, _FOLDER, _LINK = 0o170000, 0o040000, 0o120000  # of st_mode

_OUTSIDE = "/.outside"
_MAX_LINKS = 40


def isolate() -> None:
    """Move into new namespaces, as the same user and group as outside; the next child is their first process.

    There is no network but a loopback of its own: tests may talk to themselves.
    """
    uid, gid = os.geteuid(), os.getegid()
    call(libc.unshare, _NEW_USER | _NEW_NET | _NEW_MOUNTS | _NEW_PIDS | _NEW_IPC)
    for name, content in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(content)
    _raise_loopback()


def _raise_loopback() -> None:
    sock = call(libc.socket, _AF_UNIX, _SOCK_DGRAM, 0)  # any socket will do
    try:
        request = ctypes.create_string_buffer(b"lo".ljust(16, b"\0") + _IFF_UP.to_bytes(2, sys.byteorder), 40)
        call(libc.ioctl, sock, _SIOCSIFFLAGS, request)
    finally:
        os.close(sock)


def build_root(readable: list[str], writable: list[str], hidden: list[str]) -> bool:
    """Become the first process's root: these paths under their names, private scratch folders, devices.

    Args:
        readable: what does not exist is left out.
        writable: must exist.
        hidden: files that are empty here.

    Returns:
        Whether /proc shows only the processes inside; where that is refused it is the system's.
    """
    call(libc.mount, b"none", b"/", None, _REC | _PRIVATE, None)
    _mount_scratch("/tmp", b"mode=0755")
    os.mkdir("/tmp" + _OUTSIDE)
    call(libc.pivot_root, b"/tmp", os.fsencode("/tmp" + _OUTSIDE))
    os.chdir("/")
    for path, size in (("/tmp", b"1g"), ("/dev/shm", b"256m")):
        os.makedirs(path)
        _mount_scratch(path, b"mode=1777,size=" + size)
    os.mkdir("/var")
    os.symlink("/tmp", "/var/tmp")
    bound: tuple[str, ...] = ()
    folders: set[str] = set()
    for path in sorted(readable):
        try:
            real, is_folder = _mirror(path, folders)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        if not f"{real}/".startswith(bound):
            _bind(real, is_folder)
            bound = (*bound, f"{real}/")
    for path in DEVICES:
        _bind(path, is_folder=False)
    for name, number in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{number}", f"/dev/{name}")
    targets = [_mirror(path, folders) for path in writable]
    for real, is_folder in targets:
        _bind(real, is_folder)
    for path in hidden:
        if os.path.isfile(path):
            call(libc.mount, b"/dev/null", os.fsencode(os.path.realpath(path)), None, _BIND, None)
    os.mkdir("/proc")
    has_own_proc = True
    try:
        call(libc.mount, b"proc", b"/proc", b"proc", _NOSUID | _NODEV | _NOEXEC, None)
    except OSError:
        has_own_proc = False
        call(libc.mount, os.fsencode(_OUTSIDE + "/proc"), b"/proc", None, _BIND | _REC, None)
    _forbid_namespaces()
    call(libc.umount2, os.fsencode(_OUTSIDE), _DETACH)
    os.rmdir(_OUTSIDE)
    _change_mounts("/", _AT_RECURSIVE, _Attributes(set=_ATTR_RDONLY | _ATTR_NOSUID))
    for path in (*(real for real, _ in targets), *SCRATCH):
        _change_mounts(path, 0, _Attributes(clear=_ATTR_RDONLY))
    return has_own_proc


def _forbid_namespaces() -> None:
    """No user namespaces within this one, if that can be said: they give nothing but more of the kernel."""
    try:
        with open("/proc/sys/user/max_user_namespaces", "w") as file:
            file.write("0")
    except OSError:
        pass


def _mount_scratch(path: str, options: bytes) -> None:
    call(libc.mount, b"none", os.fsencode(path), b"tmpfs", _NOSUID | _NODEV, options)


def _mirror(path: str, folders: set[str]) -> tuple[str, bool]:
    """The path without links, and whether it is a folder; links on the way are made here as they are outside.

    Args:
        folders: those on the way of earlier paths, which are no links.

    Raises:
        FileNotFoundError: there is no such path outside.
    """
    here, waiting, n_links, is_folder = "", path.split("/"), 0, True
    while waiting:
        name = waiting.pop(0)
        if name in ("", "."):
            continue
        if name == "..":
            here, is_folder = os.path.dirname(here).rstrip("/"), True
            continue
        step = f"{here}/{name}"
        kind = _FOLDER if step in folders else os.lstat(_OUTSIDE + step).st_mode & _KINDS
        if kind != _LINK:
            here, is_folder = step, kind == _FOLDER
            if is_folder:
                folders.add(step)
            continue
        n_links += 1
        if n_links > _MAX_LINKS:
            raise FileNotFoundError(path)
        target = os.readlink(_OUTSIDE + step)
        if not os.path.lexists(step):
            _make_folder(here or "/")
            os.symlink(target, step)
        if target.startswith("/"):
            here = ""
        waiting = target.split("/") + waiting
    return here or "/", is_folder


def _bind(real: str, is_folder: bool) -> None:
    (_make_folder if is_folder else _make_file)(real)
    call(libc.mount, os.fsencode(_OUTSIDE + real), os.fsencode(real), None, _BIND | _REC, None)


def _make_folder(path: str) -> None:
    try:
        os.mkdir(path)
    except FileExistsError:
        pass
    except FileNotFoundError:
        os.makedirs(path, exist_ok=True)


def _make_file(path: str) -> None:
    try:
        os.mknod(path)
    except FileExistsError:
        pass
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.mknod(path)


class _Attributes(ctypes.Structure):
    """struct mount_attr."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns_fd")]


def _change_mounts(path: str, flags: int, attributes: _Attributes) -> None:
    """mount_setattr(2)."""
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    call(libc.syscall, _SETATTR, _AT_FDCWD, os.fsencode(path), flags, ctypes.byref(attributes), size)


def drop_capabilities() -> None:
    """Have no rights that anybody else has not, also where the user is root."""
    for number in range(64):
        if libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0:
            break
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    call(libc.capset, header, (ctypes.c_uint32 * 6)())
