"""Runs a command that prints cargo's JSON, and hands each line to two readers.

rust-analyzer starts this as its check command; one check then serves both it and Rusta. Run as a script,
``python -I -S relay.py SOCKET -- COMMAND …``. It runs on every save, so it imports only what is built into
the interpreter (`socket` and `subprocess` would triple its start-up time). What rust-analyzer reads on
standard output never depends on Rusta: if the socket is gone, lines still flow.
"""

import _socket
import os
import sys

_TIMEOUT_S = 1.0


def main(arguments: list[str]) -> int:
    """Relay one run; returns the command's exit code."""
    address, command = arguments[0], arguments[2:]
    listener = _connect(address)
    listener = _tell(listener, os.getcwdb() + b"\n")  # noqa: PTH109  pathlib is slow to import
    reading, writing = os.pipe()
    try:
        pid = os.posix_spawnp(
            command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, writing, 1)]
        )
    except OSError as error:
        print(f"error: cannot run {command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    os.close(writing)
    with os.fdopen(reading, "rb") as lines:
        for line in lines:
            try:
                _write_all(line)
            except BrokenPipeError:  # nobody listens any more: the check was cancelled
                break
            listener = _tell(listener, line)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    _tell(listener, b"exit %d\n" % code)
    return code if code >= 0 else 128 - code


def _write_all(line: bytes) -> None:
    while line:
        line = line[os.write(1, line) :]


def _connect(address: str) -> _socket.socket | None:
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    listener.settimeout(_TIMEOUT_S)
    try:
        listener.connect(address)
    except OSError:
        listener.close()
        return None
    return listener


def _tell(listener: _socket.socket | None, line: bytes) -> _socket.socket | None:
    """Send a line; from the first failure on there is no listener."""
    if listener is None:
        return None
    try:
        listener.sendall(line)
    except OSError:
        listener.close()
        return None
    return listener


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
