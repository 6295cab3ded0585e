"""The launcher that stays: forks for each command, and reads what the command is only in the fork.

So it holds nothing of any command. `sandbox_launcher` is the other side: when that closes the control socket,
or ends in whatever way, this ends too, and the kernel then ends all commands.
"""

import contextlib
import gc
import os
import select
import signal
import socket

from .sandbox_exec import CANNOT, Request, close_files, launch_isolated, parse, refuse

_N_FILES = 4


def serve(control: int) -> int:
    """Start commands until the control socket is closed.

    Args:
        control: a SOCK_SEQPACKET socket. Each message brings four files for one command: a stream (the
            request comes, the exit code goes, and its closing ends the command), and the three standard ones.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, _collect)
    gc.freeze()  # or the first collection in a fork would copy all memory
    messages = socket.socket(fileno=control)
    waiting = select.poll()
    waiting.register(messages, select.POLLIN)
    waiting.register(parent := os.pidfd_open(os.getppid()), select.POLLIN)
    messages.send(b"\0")
    while all(file != parent for file, _ in waiting.poll()):
        message, files, _, _ = socket.recv_fds(messages, 1, _N_FILES, socket.MSG_CMSG_CLOEXEC)
        if not message:
            break
        try:
            if os.fork() == 0:
                _be_launcher(files)
        except OSError:  # no more processes
            _answer(files, CANNOT)
        for file in files:
            os.close(file)
    return 0


def _collect(*_: object) -> None:
    """Take leave of the forks that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _be_launcher(files: list[int]) -> None:
    """Do in the fork what a launcher of its own does, and end."""
    code = CANNOT
    try:
        connection, *standard = files
        for number, file in enumerate(standard):
            os.dup2(file, number)
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        close_files(connection)
        code = launch_isolated(lambda: _receive(connection), connection)
    except (OSError, ValueError) as error:
        refuse(str(error))
    finally:
        _answer(files, code)
        os._exit(code)


def _answer(files: list[int], code: int) -> None:
    with contextlib.suppress(OSError, IndexError):  # nobody waits for it any more
        os.write(files[0], bytes([code]))


def _receive(connection: int) -> Request:
    """Read the request; become what it says of the folder and the variables. Returns the arguments."""
    with open(connection, "rb") as stream:
        text = stream.read(int.from_bytes(stream.read(4), "big"))
    folder, n_arguments, *rest = map(os.fsdecode, text.split(b"\0"))
    os.environ.clear()
    for variable in rest[int(n_arguments) :]:
        name, _, value = variable.partition("=")
        os.environ[name] = value
    os.chdir(folder)
    return parse(rest[: int(n_arguments)])
