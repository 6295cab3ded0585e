"""Follow a trace while it is written, from any step on; also by another process."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from .ledger import MAX_LINE_BYTES, open_file
from .record import BadTrace, Step, follows, from_line

POLL_S = 0.1
_CHUNK = 1 << 16


async def follow(path: Path, *, start: int = 0, stop: asyncio.Event) -> AsyncIterator[Step | None]:
    """Yield the steps from number `start` on, as they come, until `stop` is set.

    None is yielded when nothing new came for a while, so that a reader can see whether its listener is still
    there. The chain is verified from the first step on; memory stays flat however long the trace is.

    Raises:
        BadTrace: a step is broken, or the file became shorter.
        OSError: the file cannot be read.
    """
    previous: Step | None = None
    rest = b""
    with open_file(path) as file:
        while not stop.is_set():
            data = file.read(_CHUNK)
            if not data:
                status = os.fstat(file.fileno())
                if status.st_size < file.tell():
                    raise BadTrace("the trace became shorter while it was read")
                if not status.st_nlink:
                    raise BadTrace("the trace was cleared away")
                yield None
                await _pause(stop)
                continue
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > MAX_LINE_BYTES:
                raise BadTrace(f"a line longer than {MAX_LINE_BYTES} bytes")
            for line in lines:
                step = from_line(line)
                follows(step, previous)
                previous = step
                if step.seq >= start:
                    yield step
            await asyncio.sleep(0)


async def _pause(stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(POLL_S):
            await stop.wait()
