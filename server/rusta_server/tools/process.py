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
from typing import IO, Protocol, Self

from attrs import frozen

from . import sandbox_launcher

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
    variables = dict(os.environ if env is None else env)
    with sandbox_launcher.start(command, cwd=cwd, env=variables) or _Group(command, cwd, variables) as child:
        try:
            output = _drain(child, started + timeout_s, cancel)
        finally:
            child.end()
    if isinstance(output, TimedOut):
        return TimedOut(after_s=timeout_s)
    return output


class _Child(Protocol):
    """What `run` needs of a process it has started; see `sandbox_launcher.Confined`."""

    @property
    def stdout(self) -> IO[bytes]: ...
    @property
    def stderr(self) -> IO[bytes]: ...
    def wait(self, timeout_s: float) -> int | None: ...
    def end(self) -> None: ...


class _Group:
    """A process in a group of its own."""

    def __init__(self, command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        self._child = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._child.stdout is not None
        assert self._child.stderr is not None
        self.stdout: IO[bytes] = self._child.stdout
        self.stderr: IO[bytes] = self._child.stderr

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.__exit__(None, None, None)

    def wait(self, timeout_s: float) -> int | None:
        """Its exit code; None if it has not ended by then."""
        if timeout_s == 0:
            return self._child.poll()
        try:
            return self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """Kill whatever is left of the group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(_GRACE_S)


def _drain(child: _Child, deadline: float, cancel: Cancel | None) -> Ended:
    """Read both pipes until the child has ended.

    A grandchild may keep a pipe open after the child's end (a daemon that a build script started), so
    the child's end counts, not the pipes'.
    """
    chunks: dict[int, list[bytes]] = {child.stdout.fileno(): [], child.stderr.fileno(): []}
    with selectors.DefaultSelector() as selector:
        for pipe in chunks:
            os.set_blocking(pipe, False)
            selector.register(pipe, selectors.EVENT_READ)
        while True:
            if is_cancelled(cancel):
                return Cancelled()
            if time.monotonic() > deadline:
                return TimedOut(0)
            code = child.wait(0 if selector.get_map() else _POLL_S)
            ready = selector.select(_POLL_S if code is None else 0) if selector.get_map() else []
            for key, _ in ready:
                data = os.read(key.fd, 1 << 16)
                if data:
                    chunks[key.fd].append(data)
                else:
                    selector.unregister(key.fd)
            if code is not None and not ready:
                stdout, stderr = (b"".join(parts) for parts in chunks.values())
                return Finished(code, stdout, stderr)
