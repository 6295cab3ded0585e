"""Starts commands in the sandbox: by the launcher's own process, or by one that is running already.

Starting Python costs as much as all that the launcher does. So the first confined command of this process
starts a launcher that stays, with no memory of ours and no variable, and every later one is a fork of it
(`sandbox_resident` is its side). It ends with this process.
"""

import atexit
import contextlib
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

_START = (
    f"import sys; sys.path.append({str(Path(__file__).parents[2])!r}); "
    "from rusta_server.tools.sandbox_exec import main; main(sys.argv[1:])"
)
# Not by its file name: a program's own file is compiled anew at every start.
LAUNCHER = (sys.executable, "-I", "-S", "-c", _START)

_KILLED = -9
_READY_TIMEOUT_S = 10.0
_SEND_TIMEOUT_S = 10.0
_GRACE_S = 2.0


class Confined:
    """A command that the resident launcher started, with the part of `subprocess.Popen` that `process` uses.

    Attributes:
        stdout, stderr: our ends of its pipes.
    """

    def __init__(self, connection: socket.socket, stdout: IO[bytes], stderr: IO[bytes]) -> None:
        self._connection = connection
        self._code: int | None = None
        self.stdout = stdout
        self.stderr = stderr

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self, timeout_s: float) -> int | None:
        """Its exit code as `Popen` gives it; None if it has not ended by then."""
        if self._code is None and _is_readable(self._connection, timeout_s):
            said = self._receive()
            self._code = said[0] if said else _KILLED
        return self._code

    def end(self) -> None:
        """Have the kernel end it with all its children, if any are left; returns when that is done."""
        if self._code is None:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_WR)
            self.wait(_GRACE_S)

    def close(self) -> None:
        """Give back our files; ends the command, too."""
        for one in (self._connection, self.stdout, self.stderr):
            one.close()

    def _receive(self) -> bytes:
        try:
            return self._connection.recv(1)
        except ConnectionError:
            return b""


def start(command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Confined | None:
    """Start a command that begins with the launcher, in a session of its own, with nothing on standard input.

    Returns:
        None: the command has to be started as any other. It has no launcher, or one that enforces less than
        all (then nothing would end its children), or no launcher can stay here.
    """
    if tuple(command[: len(LAUNCHER) + 1]) != (*LAUNCHER, "--isolate"):
        return None
    ours, theirs = socket.socketpair()
    (stdout, out), (stderr, err) = _pipe(), _pipe()
    with theirs, out, err, open(os.devnull, "rb") as nothing:  # noqa: PTH123  not a path of ours
        is_handed_over = _resident.hand_over([one.fileno() for one in (theirs, nothing, out, err)])
    child = Confined(ours, stdout, stderr)
    if not is_handed_over:
        child.close()
        return None
    ours.settimeout(_SEND_TIMEOUT_S)
    with contextlib.suppress(OSError):  # then it has ended, and says so
        ours.sendall(_request(command[len(LAUNCHER) :], cwd, env))
    return child


def _pipe() -> tuple[IO[bytes], IO[bytes]]:
    reading, writing = os.pipe()
    return os.fdopen(reading, "rb", buffering=0), os.fdopen(writing, "wb", buffering=0)


def _request(arguments: Sequence[str], cwd: Path, env: Mapping[str, str]) -> bytes:
    """What `sandbox_resident` reads: the length, the folder, and two lists, as bytes of the file system."""
    variables = [f"{name}={value}" for name, value in env.items()]
    fields = [str(cwd.absolute()), str(len(arguments)), *arguments, *variables]
    text = b"\0".join(map(os.fsencode, fields))
    return len(text).to_bytes(4, "big") + text


def _is_readable(connection: socket.socket, timeout_s: float) -> bool:
    waiting = select.poll()
    waiting.register(connection, select.POLLIN)
    return bool(waiting.poll(timeout_s * 1000))


class _Resident:
    """The launcher that stays; started when first needed, and anew if it has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._is_possible = True

    def hand_over(self, files: Sequence[int]) -> bool:
        """Give it the files of one command; whether it took them."""
        with self._lock:
            for _ in range(2):
                if self._control is None:
                    self._start()
                if self._control is None:
                    return False
                try:
                    socket.send_fds(self._control, [b"\0"], files)
                except OSError:
                    self._stop()
                else:
                    return True
        return False

    def close(self) -> None:
        """End it, and with it what it has started."""
        with self._lock:
            self._stop()

    def _start(self) -> None:
        if not self._is_possible:
            return
        ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with theirs:
            try:
                # With no variables: what they hold could be read in its children's memory.
                self._process = subprocess.Popen(
                    [*LAUNCHER, "--resident", str(theirs.fileno())],
                    cwd="/",
                    env={},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            except OSError:
                self._is_possible = False
        if self._is_possible and _is_readable(ours, _READY_TIMEOUT_S) and ours.recv(1):
            self._control = ours
            return
        self._is_possible = False
        ours.close()
        self._stop()

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_S)
            self._process = None


_resident = _Resident()
atexit.register(_resident.close)
