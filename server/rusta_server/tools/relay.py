"""Runs a command that prints cargo's JSON, and hands each line to two readers.

rust-analyzer starts this as its check command; one check then serves both it and Rusta. Run as a script,
``python -I -S relay.py SOCKET -- COMMAND …``: it imports next to nothing, since it starts on every save.
What rust-analyzer reads on standard output never depends on Rusta: if the socket is gone, lines still flow.
"""

import os
import signal
import socket
import subprocess
import sys


def main(arguments: list[str]) -> int:
    """Relay one run; returns the command's exit code."""
    address, command = arguments[0], arguments[2:]
    listener = _connect(address)
    _tell(listener, os.fsencode(os.getcwd()) + b"\n")
    try:
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
    except OSError as error:
        print(f"error: cannot run {command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    assert child.stdout is not None
    for line in child.stdout:
        try:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # nobody listens any more: the check was cancelled
            child.terminate()
            break
        listener = _tell(listener, line)
    code = child.wait()
    _tell(listener, b"exit %d\n" % code)
    return code if code >= 0 else 128 - code


def _connect(address: str) -> socket.socket | None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.settimeout(1.0)
    try:
        listener.connect(address)
    except OSError:
        listener.close()
        return None
    return listener


def _tell(listener: socket.socket | None, line: bytes) -> socket.socket | None:
    if listener is not None:
        try:
            listener.sendall(line)
        except OSError:
            listener.close()
            return None
    return listener


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
