"""Channels: where whole messages come from and go to. Here those over streams; see also `websocket`."""

import asyncio
import os
import stat
import sys
import threading
from contextlib import suppress
from typing import Protocol

from .child import widen_pipe
from .framing import MAX_BODY_N_BYTES, Decoder, Fault, frame

_READ_N_BYTES = 1024 * 1024
_STREAM_LIMIT = 4 * 1024 * 1024


class Channel(Protocol):
    """One side of the proxy."""

    async def read(self) -> bytes | Fault | None:
        """The next message body, or a fault, or None at the end."""

    def write(self, body: bytes) -> None:
        """Send a message; it may wait in a buffer."""

    async def drain(self) -> None:
        """Wait while the other side does not keep up."""

    def reject(self, body: bytes) -> None:
        """The body just read is no JSON."""

    async def close(self) -> None:
        """Send what is left and close."""


class FramedChannel:
    """Messages with Content-Length headers over a pair of streams."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        max_body_n_bytes: int = MAX_BODY_N_BYTES,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = Decoder(max_body_n_bytes)
        self._ended = False

    async def read(self) -> bytes | Fault | None:
        """See `Channel`."""
        while not self._ended:
            item = self._decoder.next()
            if item is not None:
                return item
            try:
                data = await self._reader.read(_READ_N_BYTES)
            except OSError:
                data = b""
            if not data:
                self._ended = True
                return self._decoder.end()
            self._decoder.feed(data)
        return None

    def write(self, body: bytes) -> None:
        """See `Channel`."""
        if not self._writer.is_closing():
            self._writer.write(frame(body))

    async def drain(self) -> None:
        """See `Channel`."""
        with suppress(OSError):
            await self._writer.drain()

    def reject(self, body: bytes) -> None:
        """See `Channel`."""
        self._decoder.reject(body)

    async def close(self) -> None:
        """See `Channel`."""
        with suppress(OSError):
            await self._writer.drain()
        self._writer.close()


async def standard_streams(max_body_n_bytes: int) -> FramedChannel:
    """A channel over stdin and stdout.

    Standard output is then the channel's alone: a stray ``print`` goes to standard error.
    """
    stdin, stdout = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_STREAM_LIMIT)
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(_pollable(stdin, incoming=True), "rb", 0)
    )
    outgoing = _pollable(stdout, incoming=False)
    widen_pipe(outgoing)
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(loop=loop), os.fdopen(outgoing, "wb", 0)
    )
    writer = asyncio.StreamWriter(transport, protocol, None, loop)
    return FramedChannel(reader, writer, max_body_n_bytes)


def _pollable(descriptor: int, *, incoming: bool) -> int:
    """The descriptor itself; for a file or `/dev/null` a pipe that a thread copies from or to it."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor):
        return descriptor
    read_end, write_end = os.pipe()
    source, target = (descriptor, write_end) if incoming else (read_end, descriptor)
    # Writing must be over before the process ends, reading need not.
    threading.Thread(target=_copy, args=(source, target), daemon=incoming).start()
    return read_end if incoming else write_end


def _copy(source: int, target: int) -> None:
    with suppress(OSError), os.fdopen(source, "rb", 0) as incoming, os.fdopen(target, "wb") as outgoing:
        while data := incoming.read(_READ_N_BYTES):
            outgoing.write(data)
            outgoing.flush()
