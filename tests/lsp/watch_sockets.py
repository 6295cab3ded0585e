"""Runs a command and lets a test see every socket that it, or anything it starts, opens or connects.

    watch_sockets.py SOCKET COMMAND [ARGUMENT]...

The kernel stops each such call (a seccomp filter that all children inherit) and asks whoever holds the other
end, which is handed over on the Unix socket SOCKET. Nobody can open a socket without being seen: not through
io_uring, nor with the calls of another architecture.
"""

import array
import ctypes
import os
import socket
import struct
import sys

ARCHITECTURES = {"x86_64": (0xC000003E, 41, 42, 317), "aarch64": (0xC00000B7, 198, 203, 277)}
IO_URING_SETUP = 425
ALLOW, ASK = 0x7FFF0000, 0x7FC00000
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
X32 = 0x40000000


def main() -> None:
    place, *command = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(place)
        listener = install()
        line.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener]))])
        os.close(listener)
    os.execvp(command[0], command)


def install() -> int:
    """Filter this process and its children; returns the end at which the kernel asks."""
    architecture, open_socket, connect, seccomp = ARCHITECTURES[os.uname().machine]
    code = [
        (LOAD, 0, 0, 4),
        (EQUAL, 0, 6, architecture),
        (LOAD, 0, 0, 0),
        (AT_LEAST, 4, 0, X32),
        (EQUAL, 3, 0, open_socket),
        (EQUAL, 2, 0, connect),
        (EQUAL, 1, 0, IO_URING_SETUP),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, ASK),
    ]
    text = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in code))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(code), ctypes.addressof(text)))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # no new privileges, which a filter needs
    listener = libc.syscall(seccomp, 1, 8, program)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return listener


if __name__ == "__main__":
    main()
