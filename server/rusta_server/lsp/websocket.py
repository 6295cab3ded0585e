"""A channel over a WebSocket: one message per WebSocket message, without headers."""

import asyncio
from collections import deque

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from .framing import Fault


class WebSocketChannel:
    """See `transport.Channel`."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket
        self._outgoing: deque[str] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        self._sender: asyncio.Task[None] | None = None

    async def read(self) -> bytes | Fault | None:
        """See `Channel`."""
        try:
            return await self._socket.recv(decode=False)
        except ConnectionClosed:
            return None

    def write(self, body: bytes) -> None:
        """See `Channel`."""
        # Text, not binary: browsers' JSON-RPC layers expect strings.
        self._outgoing.append(body.decode("utf-8", "replace"))
        if self._idle.is_set():
            self._idle.clear()
            self._sender = asyncio.create_task(self._send())

    async def drain(self) -> None:
        """See `Channel`."""
        if len(self._outgoing) > 16:
            await self._idle.wait()

    def reject(self, body: bytes) -> None:
        """See `Channel`; messages cannot run into each other here."""

    async def close(self) -> None:
        """See `Channel`."""
        await self._idle.wait()
        await self._socket.close()

    async def _send(self) -> None:
        try:
            while self._outgoing:
                await self._socket.send(self._outgoing.popleft())
        except ConnectionClosed:
            self._outgoing.clear()
        finally:
            self._idle.set()
