"""What a process and all its children give up for good: Landlock's rules and a filter of system calls.

`man 7 landlock`, `man 2 seccomp`. Part of the launcher: no imports that cost time.
"""
# ruff: noqa: PTH110, PTH112

import ctypes
import errno
import os

from .sandbox_libc import PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, call, libc

# The numbers are the same on every architecture that Rust's tier 1 knows.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = (1 << n for n in range(6))
_MAKE_ANY, _REFER, _TRUNCATE = 0x7F << 6, 1 << 13, 1 << 14
_NET_TCP = 0b11
_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11

_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_FILTER = 2  # SECCOMP_MODE_FILTER
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_X32 = 0x40000000

# The audit number of the architecture, socket(2), and the calls that are closed: the kernel's key store
# (add_key, request_key, keyctl), bpf, perf_event_open, userfaultfd, and io_uring_setup, which opens sockets
# behind a filter's back.
_ARCHITECTURES = {
    "x86_64": (0xC000003E, 41, (248, 249, 250, 321, 298, 323, 425)),
    "aarch64": (0xC00000B7, 198, (217, 218, 219, 280, 241, 282, 425)),
}


def landlock_abi() -> int:
    """The kernel's Landlock version; 0 when there is none."""
    abi: int = libc.syscall(_CREATE_RULESET, None, 0, _VERSION)
    return max(0, abi)


def has_filter() -> bool:
    """Whether the system calls of this architecture are known here."""
    return os.uname().machine in _ARCHITECTURES


def no_new_privileges() -> None:
    """setuid programs and file capabilities are nothing special any more."""
    call(libc.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


class _RulesetAttributes(ctypes.Structure):
    """struct landlock_ruleset_attr, in its form since ABI 6."""

    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def restrict(readable: list[str], writable: list[str], devices: tuple[str, ...], *, no_tcp: bool) -> None:
    """Give up all files but these, ``no_tcp``, and signals and abstract sockets to the outside.

    Args:
        readable: may be read and executed, with all below; what does not exist is left out.
        writable: everything is allowed there; must exist.
        devices: files that may be read and written.
    """
    abi = landlock_abi()
    if abi == 0:
        raise OSError(errno.ENOSYS, "the kernel has no Landlock")
    reading = _EXECUTE | _READ_FILE | _READ_DIR
    file_rights = _EXECUTE | _READ_FILE | _WRITE_FILE | (_TRUNCATE if abi >= 3 else 0)
    # Before ABI 2 moving between folders is always refused; rustc and cargo rename within one.
    folder_rights = (
        file_rights | reading | _REMOVE_DIR | _REMOVE_FILE | _MAKE_ANY | (_REFER if abi >= 2 else 0)
    )
    attributes = _RulesetAttributes(
        folder_rights,
        _NET_TCP if no_tcp and abi >= 4 else 0,
        _SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS if abi >= 6 else 0,
    )
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = call(libc.syscall, _CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0)
    for path in readable:
        if os.path.exists(path):
            _allow(ruleset, path, reading if os.path.isdir(path) else reading & file_rights)
    for path in writable:
        _allow(ruleset, path, folder_rights if os.path.isdir(path) else file_rights)
    for path in devices:
        _allow(ruleset, path, file_rights & ~_EXECUTE)
    call(libc.syscall, _RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathBeneath(rights, folder)
        call(libc.syscall, _ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(folder)


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = [("n_instructions", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def filter_calls(*, sockets: bool) -> None:
    """Close some doors of the kernel, and sockets that no network namespace contains (a VM's host, say).

    Args:
        sockets: whether there may be Unix, IPv4, IPv6 and netlink sockets; without it there are none at all
            (but pairs).
    """
    architecture, socket, closed = _ARCHITECTURES[os.uname().machine]
    families = (_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK) if sockets else ()
    refused = errno.EAFNOSUPPORT if sockets else errno.EACCES
    code = [
        (_LOAD, 0, 0, 4),  # the architecture: a program of 32 bits would come by another door
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        (_LOAD, 0, 0, 0),  # the call's number
        *_unless(_AT_LEAST, _X32, errno.ENOSYS),
        *(step for number in closed for step in _unless(_EQUAL, number, errno.ENOSYS)),
        (_EQUAL, 1, 0, socket),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, 16),  # its first argument
        *((_EQUAL, len(families) - n, 0, family) for n, family in enumerate(families)),
        (_RETURN, 0, 0, _ERRNO | refused),
        (_RETURN, 0, 0, _ALLOW),
    ]
    _install(code)


def _unless(test: int, value: int, code: int) -> list[tuple[int, int, int, int]]:
    return [(test, 0, 1, value), (_RETURN, 0, 0, _ERRNO | code)]


def _install(code: list[tuple[int, int, int, int]]) -> None:
    """Needs `no_new_privileges`."""
    from struct import pack

    packed = b"".join(pack("=HBBI", *instruction) for instruction in code)
    program = _Program(len(code), packed)
    call(libc.prctl, PR_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)
