"""Starting rust-analyzer as a process that cannot outlive Rusta, and ending it with all it started."""

import asyncio
import contextlib
import ctypes
import fcntl
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

_PR_SET_PDEATHSIG = 1
_PIPE_N_BYTES = 1024 * 1024
_POLL_S = 0.02
_STREAM_LIMIT = 4 * 1024 * 1024

_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


@frozen
class Program:
    """What to start: the command line, and what its environment has in addition to ours."""

    argv: Sequence[str]
    environment: Mapping[str, str] = {}


async def start(program: Program) -> Process:
    """Start the program in a session of its own.

    Raises:
        OSError: it cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *program.argv,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, **program.environment},
        limit=_STREAM_LIMIT,
        start_new_session=True,
        preexec_fn=_die_with_parent if _prctl else None,
    )
    widen(process)
    return process


def widen(process: Process) -> None:
    """A bigger pipe lets an answer of 200 KB pass in one go instead of four; Linux only, best effort."""
    transport = process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]  # no public way
    widen_pipe(transport.get_extra_info("pipe").fileno())


def widen_pipe(descriptor: int) -> None:
    """Make a pipe's buffer bigger where that is possible."""
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_N_BYTES)


async def end(process: Process, *, grace_s: float) -> None:
    """End the process and everything it started; nothing of it is left when this returns."""
    if process.stdin is not None:
        process.stdin.close()
    if grace_s and process.returncode is None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await ended(process)
    kill_session(process.pid)
    await ended(process)


async def ended(process: Process) -> int:
    """Wait for the process's end and return its exit code.

    `Process.wait` is not used: it also waits until nobody holds the process's pipes, and a grandchild may
    hold them for long.
    """
    if process.returncode is None and sys.platform == "linux":
        with contextlib.suppress(OSError):
            await _readable(os.pidfd_open(process.pid))
    while process.returncode is None:
        await asyncio.sleep(_POLL_S)
    return process.returncode


def kill_session(leader: int) -> None:
    """Kill every process of the session that ``leader`` began, its process groups included.

    rust-analyzer puts each cargo into a process group of its own, so killing one group is not enough.
    Where there is no /proc, only the leader's group is found; the others end with their pipes.
    `Process.kill` is not used: it may collect the exit status before asyncio sees it.
    """
    for pid in _session_members(leader):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def describe_exit(code: int) -> str:
    """How a process ended, for a person."""
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _session_members(leader: int) -> list[int]:
    members = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        # The name in brackets may contain anything; the fields after it are numbers:
        # state, parent, group, session.
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == leader:
                members.append(int(stat.parent.name))
    return members


def _die_with_parent() -> None:
    assert _prctl is not None
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
