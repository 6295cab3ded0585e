"""Runs one command without network and with write access only below given folders. Linux only.

    python -I -S sandbox_exec.py [--isolate] [--tcp] [--rw FOLDER]... -- COMMAND [ARGUMENT]...
    python -I -S sandbox_exec.py --probe

A file of its own, started for every compiler run: it imports little and nothing of Rusta. What is asked for
is done or the command does not start (exit code 125); `--probe` says beforehand what can be asked for.

--isolate   new user, network, mount and process namespaces: no network but a loopback of its own, no
            sockets of the system's services, every process ends with the command, and with --rw all file
            systems are read-only elsewhere (which, unlike Landlock, stops chmod and touch too).
--tcp       where namespaces are refused: Landlock stops TCP (but not UDP, and loopback too).
--rw        nothing outside these folders can be written, made, renamed or removed. Reading is
            free. TMPDIR is moved below the first of them. Landlock, and --isolate's read-only mounts.

`man 7 landlock`, `man 7 user_namespaces`, `man 7 pid_namespaces`.
"""

import ctypes
import errno
import os
import sys

CANNOT = 125

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_BIND, MS_REC, MS_PRIVATE = 1, 4096, 16384, 1 << 18
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
SIGINT, SIGKILL, SIGPIPE, SIG_DFL = 2, 9, 13, 0
AF_INET, SOCK_DGRAM, SIOCSIFFLAGS, IFF_UP = 2, 2, 0x8914, 1

# The numbers are the same on every architecture that Rust's tier 1 knows.
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
LANDLOCK_VERSION, LANDLOCK_PATH_BENEATH = 1, 1
WRITE_FILE, REMOVE_DIR, REMOVE_FILE = 1 << 1, 1 << 4, 1 << 5
MAKE_ANY, REFER, TRUNCATE = 0x7F << 6, 1 << 13, 1 << 14
NET_TCP = 0b11
SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11

DEVICES = ("/dev/null", "/dev/zero", "/dev/full")
# Where services listen on sockets that a network namespace does not cover: name lookups, D-Bus, agents.
SERVICES = ("user", "dbus", "systemd", "nscd", "avahi-daemon", "docker", "containerd", "podman", "cups")

libc = ctypes.CDLL(None, use_errno=True)


def main(arguments: list[str]) -> int:
    """Parse by hand (argparse alone costs more than the rest) and become, or wait for, the command."""
    if arguments == ["--probe"]:
        return probe()
    isolated = tcp = False
    writable: list[str] = []
    while arguments and arguments[0] != "--":
        option = arguments.pop(0)
        if option == "--isolate":
            isolated = True
        elif option == "--tcp":
            tcp = True
        elif option == "--rw" and arguments:
            writable.append(os.path.realpath(arguments.pop(0)))
        else:
            return refuse(f"unknown option {option}")
    command = arguments[1:]
    if not command:
        return refuse("no command")
    restore(SIGINT)
    parent = os.getppid()
    try:
        if isolated:
            isolate(keep=[*writable, os.getcwd()])
            if writable:
                make_read_only(except_for=writable)
            drop_capabilities()
        die_with_parent()
        if os.getppid() != parent:
            return CANNOT
        if landlock_abi() or not isolated:
            restrict(writable, tcp=tcp)
        if writable:
            os.environ["TMPDIR"] = temporary(writable)
    except OSError as error:
        return refuse(str(error))
    return supervise(command) if isolated else become(command)


def probe() -> int:
    """Print what works here, one word per line: landlock:ABI, isolate, tcp."""
    abi = landlock_abi()
    if abi > 0:
        sys.stdout.write(f"landlock:{abi}\n")
    if abi >= 4:
        sys.stdout.write("tcp\n")
    sys.stdout.flush()
    try:
        isolate(keep=[])
        make_read_only(except_for=[])
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 0
    child = os.fork()  # the first process of the new process namespace
    if child == 0:
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        sys.stdout.write("isolate\n")
    return 0


def refuse(reason: str) -> int:
    """Say on standard error why the command was not started."""
    sys.stderr.write(f"sandbox: {reason}\n")
    return CANNOT


# Namespaces


def isolate(keep: list[str]) -> None:
    """Move into new namespaces, as the same user and group as outside.

    Args:
        keep: paths that must stay reachable, whatever they lie beside.
    """
    uid, gid = os.geteuid(), os.getegid()
    call(libc.unshare, CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID)
    for name, content in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(content)
    raise_loopback()
    call(libc.mount, b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    hide_services(keep)


def raise_loopback() -> None:
    """Tests may talk to themselves."""
    sock = call(libc.socket, AF_INET, SOCK_DGRAM, 0)
    try:
        request = ctypes.create_string_buffer(b"lo".ljust(16, b"\0") + IFF_UP.to_bytes(2, sys.byteorder), 40)
        call(libc.ioctl, sock, SIOCSIFFLAGS, request)
    finally:
        os.close(sock)


def hide_services(keep: list[str]) -> None:
    """Put an empty folder over the folders with the services' sockets, and nothing over lone sockets."""
    try:
        entries = list(os.scandir("/run"))
    except OSError:
        return
    keep = [os.path.realpath(path) for path in keep]
    for entry in entries:
        if any(path == entry.path or path.startswith(entry.path + "/") for path in keep):
            continue
        if entry.is_dir(follow_symlinks=False):
            if entry.name in SERVICES:
                call(libc.mount, b"none", os.fsencode(entry.path), b"tmpfs", MS_RDONLY, None)
        elif entry.stat(follow_symlinks=False).st_mode & 0o170000 == 0o140000:
            call(libc.mount, b"/dev/null", os.fsencode(entry.path), None, MS_BIND, None)


class MountAttributes(ctypes.Structure):
    """struct mount_attr."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns_fd")]


def make_read_only(except_for: list[str]) -> None:
    """Make all that is mounted read-only, in this namespace, but for these folders."""
    for path in except_for:
        call(libc.mount, os.fsencode(path), os.fsencode(path), None, MS_BIND | MS_REC, None)
    change_mounts("/", AT_RECURSIVE, MountAttributes(set=MOUNT_ATTR_RDONLY))
    for path in except_for:
        change_mounts(path, 0, MountAttributes(clear=MOUNT_ATTR_RDONLY))
    os.chdir(os.getcwd())  # or we stay on what lies below the new mounts


def change_mounts(path: str, flags: int, attributes: MountAttributes) -> None:
    """mount_setattr(2)."""
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    call(libc.syscall, MOUNT_SETATTR, AT_FDCWD, os.fsencode(path), flags, ctypes.byref(attributes), size)


def drop_capabilities() -> None:
    """Let root's command have no more rights in the new namespaces than anybody's (mounting, say)."""
    for number in range(64):
        if libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0:
            break


# Landlock


class RulesetAttributes(ctypes.Structure):
    """struct landlock_ruleset_attr, in its form since ABI 6."""

    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class PathBeneath(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def landlock_abi() -> int:
    """The kernel's Landlock version; 0 when there is none."""
    abi: int = libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, LANDLOCK_VERSION)
    return max(0, abi)


def restrict(writable: list[str], *, tcp: bool) -> None:
    """Give up writing outside ``writable`` and, with ``tcp``, all TCP. For good, and for all children."""
    abi = landlock_abi()
    if abi == 0 or (tcp and abi < 4):
        raise OSError(errno.ENOSYS, "the kernel has no such Landlock")
    folder_rights = WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_ANY
    file_rights = WRITE_FILE
    if abi >= 2:
        # Before ABI 2 moving between folders is always refused; rustc and cargo rename within one.
        folder_rights |= REFER
    if abi >= 3:
        folder_rights |= TRUNCATE
        file_rights |= TRUNCATE
    attributes = RulesetAttributes(
        folder_rights if writable else 0,
        NET_TCP if tcp else 0,
        SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS if abi >= 6 else 0,
    )
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = call(libc.syscall, LANDLOCK_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0)
    if writable:
        for path in (*writable, *DEVICES):
            rights = folder_rights if os.path.isdir(path) else file_rights
            allow(ruleset, path, rights)
    call(libc.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    call(libc.syscall, LANDLOCK_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def allow(ruleset: int, path: str, rights: int) -> None:
    """Except what lies below ``path`` from the ruleset."""
    folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = PathBeneath(rights, folder)
        call(libc.syscall, LANDLOCK_ADD_RULE, ruleset, LANDLOCK_PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(folder)


def temporary(writable: list[str]) -> str:
    """A folder for temporary files that may be written to."""
    given = os.path.realpath(os.environ.get("TMPDIR", "/tmp"))
    if any(given == folder or given.startswith(folder + "/") for folder in writable):
        return given
    own = os.path.join(writable[0], ".tmp")
    os.makedirs(own, mode=0o700, exist_ok=True)
    return own


# Processes


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the thread that started it ends.

    Last of the steps that change credentials, since those clear it.
    """
    call(libc.prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)


def supervise(command: list[str]) -> int:
    """Run ``command`` below the first process of the namespace; when that ends, the kernel ends the rest."""
    alive, ours = os.pipe()
    first = os.fork()
    if first == 0:
        os.close(ours)
        os._exit(be_first(command, alive))
    os.close(alive)
    return exit_code(os.waitpid(first, 0)[1])


def be_first(command: list[str], alive: int) -> int:
    """The namespace's first process: starts the command, collects orphans, ends with the command.

    A process of its own, because the kernel shields the first process from signals it does not handle.
    """
    die_with_parent()
    os.set_blocking(alive, False)
    try:
        if os.read(alive, 1) == b"":
            return CANNOT  # the parent had ended before it could be watched
    except BlockingIOError:
        pass
    os.close(alive)
    child = os.fork()
    if child == 0:
        os._exit(become(command))
    while True:
        ended, status = os.wait()
        if ended == child:
            return exit_code(status)


def become(command: list[str]) -> int:
    """Replace this process by ``command``; returns only if that fails."""
    restore(SIGPIPE)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        return refuse(f"{command[0]}: {error.strerror}")


def restore(number: int) -> None:
    """Undo what Python did to a signal (`import signal` would be a quarter of this program's start)."""
    libc.signal(number, SIG_DFL)


def exit_code(status: int) -> int:
    """As a shell gives it: 128 + n for a death by signal n."""
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def call(function: object, *arguments: object) -> int:
    """Call a C function; −1 becomes an OSError."""
    result: int = function(*arguments)  # type: ignore[operator]
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{getattr(function, '__name__', 'call')}: {os.strerror(code)}")
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
