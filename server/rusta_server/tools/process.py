"""Run a child process to its end, with a time limit, cancellation, and nothing left running."""

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

_POLL_S = 0.05
_GRACE_S = 2.0


class Cancel:
    """A flag that a caller raises to stop a search; shared between threads."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask the work to stop."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        """Whether somebody has asked."""
        return self._event.is_set()


def is_cancelled(cancel: Cancel | None) -> bool:
    """Whether there is a flag and it is raised."""
    return cancel is not None and cancel.is_set


@frozen
class Finished:
    """The process ended by itself."""

    code: int
    stdout: bytes
    stderr: bytes


@frozen
class TimedOut:
    """The process was ended because its time was up."""

    after_s: float


@frozen
class Cancelled:
    """The process was ended because nobody waits for it any more."""


Ended = Finished | TimedOut | Cancelled


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    timeout_s: float,
    cancel: Cancel | None = None,
) -> Ended:
    """Run `command` in `cwd`; its whole process group is dead when this returns.

    Raises:
        OSError: the program could not be started at all.
    """
    started = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=None if env is None else dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as child:
        try:
            output = _drain(child, started + timeout_s, cancel)
        finally:
            _end_group(child)
    if isinstance(output, TimedOut):
        return TimedOut(after_s=timeout_s)
    if isinstance(output, Cancelled):
        return output
    return Finished(child.returncode, *output)


def _drain(
    child: subprocess.Popen[bytes], deadline: float, cancel: Cancel | None
) -> tuple[bytes, bytes] | TimedOut | Cancelled:
    """Read both pipes until the child has ended.

    A grandchild may keep a pipe open after the child's end (a daemon that a build script started), so
    the child's end counts, not the pipes'.
    """
    assert child.stdout is not None
    assert child.stderr is not None
    chunks: dict[int, list[bytes]] = {child.stdout.fileno(): [], child.stderr.fileno(): []}
    with selectors.DefaultSelector() as selector:
        for pipe in chunks:
            os.set_blocking(pipe, False)
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            if is_cancelled(cancel):
                return Cancelled()
            if time.monotonic() > deadline:
                return TimedOut(0)
            ended = child.poll() is not None
            ready = selector.select(0 if ended else _POLL_S)
            for key, _ in ready:
                data = os.read(key.fd, 1 << 16)
                if data:
                    chunks[key.fd].append(data)
                else:
                    selector.unregister(key.fd)
            if ended and not ready:
                break
        while child.poll() is None:
            if is_cancelled(cancel):
                return Cancelled()
            if time.monotonic() > deadline:
                return TimedOut(0)
            time.sleep(_POLL_S / 10)
    stdout, stderr = (b"".join(parts) for parts in chunks.values())
    return stdout, stderr


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of the child's process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_GRACE_S)
