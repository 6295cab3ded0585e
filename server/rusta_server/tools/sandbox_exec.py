"""Runs one command that sees, writes and reaches only what it was given. Linux only.

    LAUNCHER [--isolate] [--landlock] [--filter] [--hide PATH]... [--ro PATH]... [--rw PATH]...
             -- COMMAND [ARGUMENT]...
    LAUNCHER --probe
    LAUNCHER --resident FILE

What is asked for is done or the command does not start (exit code 125); `--probe` says beforehand what can be
asked for. It and its siblings import little, for it is started anew where no `--resident` one stays, which
forks for each command (`sandbox_resident`).

--isolate   new user, network, mount, process and IPC namespaces: no network but a loopback of its own, a root
            folder with only the given paths in it (so no sockets of services either), only its own processes
            in /proc, and every process ends with the command.
--landlock  the kernel refuses all files but the given ones; ptrace, signals and abstract sockets to the
            outside too.
--filter    a filter of system calls: no key store, no io_uring, and only the sockets that --isolate contains;
            without --isolate no sockets at all.
--ro, --rw  what may be read and executed, and what may be written too. $RUSTC's toolchain and the program
            itself may be read anyway. TMPDIR is moved below the first --rw unless it lies in one.

--hide      an empty file in its place, with --isolate: for what lies in a folder that may be read.

Always: variables with secrets are taken out of the environment, inherited files but the first three are
closed, setuid means nothing, no core dumps, no file over 8 GiB.
"""

import ctypes
import errno
import os
import sys

from .sandbox_env import is_secret
from .sandbox_libc import PR_SET_DUMPABLE, PR_SET_PDEATHSIG, call, libc
from .sandbox_root import DEVICES, SCRATCH, build_root, drop_capabilities, isolate
from .sandbox_rules import filter_calls, has_filter, landlock_abi, no_new_privileges, restrict

TYPE_CHECKING = False  # `typing` would cost too much
if TYPE_CHECKING:
    from collections.abc import Callable

CANNOT = 125
MAX_FILE_N_BYTES = 8 << 30

# Of the system's /proc: what says nothing about other processes.
PROC = tuple(f"/proc/{name}" for name in ("cpuinfo", "meminfo", "stat", "loadavg", "filesystems", "sys"))

_SIGINT, _SIGKILL, _SIGPIPE, _SIG_DFL = 2, 9, 13, 0
_RLIMIT_FSIZE, _RLIMIT_CORE = 1, 4


class Request:
    """What the command line asks for. (attrs would cost more than all the rest.)

    Attributes:
        hidden, readable, writable: absolute paths.
    """

    def __init__(self) -> None:
        self.isolate = self.landlock = self.filter = False
        self.hidden: list[str] = []
        self.readable: list[str] = []
        self.writable: list[str] = []
        self.command: list[str] = []


def main(arguments: list[str]) -> None:
    """Become, or wait for, the command."""
    code = run(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # Python's own end takes a millisecond


def run(arguments: list[str]) -> int:
    """Do what the command line says; returns the exit code."""
    if arguments == ["--probe"]:
        return probe()
    if arguments[:1] == ["--resident"]:
        from .sandbox_resident import serve

        return serve(int(arguments[1]))
    return launch(arguments)


def launch(arguments: list[str]) -> int:
    """Run the command; returns its exit code."""
    _restore(_SIGINT)
    close_files(-1)
    try:
        request = parse(arguments)
        if request.isolate:
            return launch_isolated(lambda: request)
        parent = os.getppid()
        die_with_parent()
        if os.getppid() != parent:
            return CANNOT
        prepare(request)
        confine(request, own_proc=False)
    except (OSError, ValueError) as error:
        return refuse(str(error))
    return become(request.command)


def launch_isolated(receive: "Callable[[], Request]", connection: int = -1) -> int:
    """Run a command in namespaces of its own; returns its exit code.

    Args:
        receive: gives the command; called in the first process inside.
        connection: a socket that ends the command when its other end is closed.
    """
    parent = os.getppid()
    isolate()
    die_with_parent()
    if os.getppid() != parent:
        return CANNOT
    return supervise(receive, connection)


def prepare(request: Request) -> None:
    """What can be done only while files outside are in sight."""
    for name in [name for name, value in os.environ.items() if is_secret(name, value)]:
        del os.environ[name]
    request.readable += _programs(request.command[0])
    os.environ["TMPDIR"] = _temporary(request.writable)


def parse(arguments: list[str]) -> Request:
    """Read the command line; by hand, because argparse alone costs more than the rest.

    Raises:
        ValueError: it is wrong.
    """
    request = Request()
    while arguments and arguments[0] != "--":
        option = arguments.pop(0)
        if option in ("--isolate", "--landlock", "--filter"):
            setattr(request, option[2:], True)
        elif option in ("--hide", "--ro", "--rw") and arguments:
            paths = {"--hide": request.hidden, "--ro": request.readable, "--rw": request.writable}[option]
            paths.append(os.path.abspath(arguments.pop(0)))
        else:
            raise ValueError(f"unknown option {option}")
    request.command = arguments[1:]
    if not request.command:
        raise ValueError("no command")
    if not request.writable:
        raise ValueError("no --rw")
    for path in request.writable:
        if not os.path.exists(path):
            raise ValueError(f"{path} does not exist")
    return request


def probe() -> int:
    """Print what works here, one word per line: landlock:ABI, filter, isolate."""
    abi = landlock_abi()
    if abi > 0:
        sys.stdout.write(f"landlock:{abi}\n")
    if has_filter():
        sys.stdout.write("filter\n")
    sys.stdout.flush()
    try:
        isolate()
        child = os.fork()
        if child == 0:
            os._exit(_probe_inside(has_landlock=abi > 0))
        if os.waitpid(child, 0)[1] == 0:
            sys.stdout.write("isolate\n")
    except OSError as error:
        sys.stderr.write(f"{error}\n")
    return 0


def _probe_inside(*, has_landlock: bool) -> int:
    try:
        own_proc = build_root([], [], [])
        drop_capabilities()
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not own_proc and not has_landlock:
        sys.stderr.write("other processes would be seen\n")
        return 1
    return 0


def refuse(reason: str) -> int:
    """Say on standard error why the command was not started."""
    sys.stderr.write(f"sandbox: {reason}\n")
    return CANNOT


def confine(request: Request, *, own_proc: bool) -> None:
    """Give up rights, for good and for all children.

    Args:
        own_proc: whether /proc shows only the processes inside.
    """
    for limit, value in ((_RLIMIT_FSIZE, MAX_FILE_N_BYTES), (_RLIMIT_CORE, 1)):  # 1: nor to a program
        call(libc.setrlimit, limit, (ctypes.c_uint64 * 2)(value, value))
    drop_capabilities()
    no_new_privileges()
    if request.landlock:
        if own_proc:
            readable = ["/"]
        elif request.isolate:
            readable = [*(f"/{name}" for name in os.listdir("/") if name != "proc"), *PROC]
        else:
            readable = [*request.readable, *PROC]
        writable = [*request.writable, *(SCRATCH if request.isolate else ())]
        restrict(readable, writable, DEVICES, no_tcp=not request.isolate)
    elif request.isolate and not own_proc:
        raise OSError("other processes would be seen")
    if request.filter:
        filter_calls(sockets=request.isolate)


def _programs(command: str) -> list[str]:
    """The program, if it is named by a path, and the toolchain that cargo is told to use."""
    found = [os.path.abspath(command)] if "/" in command else []
    rustc = os.environ.get("RUSTC", "")
    sysroot = os.path.dirname(os.path.dirname(os.path.realpath(rustc))) if "/" in rustc else ""
    return [*found, sysroot] if sysroot and os.path.isdir(f"{sysroot}/lib/rustlib") else found


def _temporary(writable: list[str]) -> str:
    """A folder for temporary files that may be written to."""
    given = os.path.realpath(os.environ.get("TMPDIR", "/tmp"))
    if any(given == folder or given.startswith(folder + "/") for folder in map(os.path.realpath, writable)):
        return given
    own = os.path.join(writable[0], ".tmp")
    os.makedirs(own, mode=0o700, exist_ok=True)
    return own


# Processes


def close_files(kept: int) -> None:
    """Close all files but the first three and this one."""
    if kept > 3:
        os.closerange(3, kept)
    os.closerange(max(3, kept + 1), os.sysconf("SC_OPEN_MAX"))


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the thread that started it ends."""
    call(libc.prctl, PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


def supervise(receive: "Callable[[], Request]", connection: int) -> int:
    """Run the command below the first process of the namespace; when that ends, the kernel ends the rest."""
    alive, ours = os.pipe()
    first = os.fork()
    if first == 0:
        try:
            os.close(ours)
            code = be_first(receive, alive)
        except (OSError, ValueError) as error:
            code = refuse(str(error))
        sys.stderr.flush()
        os._exit(code)
    os.close(alive)
    if connection >= 0:
        os.closerange(0, 3)  # this process ends last: whoever reads the output need not wait for it
        _wait_for_either(first, connection)
    return _exit_code(os.waitpid(first, 0)[1])


def _wait_for_either(first: int, connection: int) -> None:
    """Wait until the process has ended; if the connection is closed before, end it."""
    from select import POLLIN, POLLRDHUP, poll

    waiting = poll()
    waiting.register(os.pidfd_open(first), POLLIN)
    waiting.register(connection, POLLRDHUP)
    if all(file == connection for file, _ in waiting.poll()):
        os.kill(first, _SIGKILL)


def be_first(receive: "Callable[[], Request]", alive: int) -> int:
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
    request = receive()
    prepare(request)
    folder = os.getcwd()
    own_proc = build_root(request.readable, request.writable, request.hidden)
    try:
        os.chdir(folder)
    except OSError:
        raise OSError(f"the working folder {folder} is not among the given ones") from None
    confine(request, own_proc=own_proc)
    call(libc.prctl, PR_SET_DUMPABLE, 0, 0, 0, 0)  # or /proc/1/environ would show what was taken out
    child = spawn(request.command)
    while True:
        ended, status = os.wait()
        if ended == child:
            return _exit_code(status)


def become(command: list[str]) -> int:
    """Replace this process by ``command``; returns only if that fails."""
    _restore(_SIGPIPE)
    try:
        return _find(command[0], lambda path: os.execv(path, command))
    except OSError as error:
        return refuse(str(error))


def spawn(command: list[str]) -> int:
    """Start ``command``; returns its process. Cheaper than to copy this process first.

    Raises:
        OSError: it cannot be started.
    """
    return _find(command[0], lambda path: os.posix_spawn(path, command, os.environ, setsigdef=[_SIGPIPE]))


def _find(name: str, start: "Callable[[str], int]") -> int:
    """Try the places where a command may be, until one starts it."""
    reason = os.strerror(errno.ENOENT)
    # os.execvp would import a module that may be out of reach by now.
    for folder in [""] if "/" in name else os.environ.get("PATH", "").split(":"):
        path = os.path.join(folder, name)
        if not os.path.lexists(path):
            continue
        try:
            return start(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            reason = error.strerror or str(error)
    raise OSError(f"{name}: {reason}")


def _restore(number: int) -> None:
    """Undo what Python did to a signal (`import signal` would be a quarter of this program's start)."""
    libc.signal(number, _SIG_DFL)


def _exit_code(status: int) -> int:
    """As a shell gives it: 128 + n for a death by signal n."""
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
