"""Serving editors: over standard streams, a TCP socket or WebSockets. One `Proxy` per connection."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

from attrs import frozen

from ..config import Config
from ..tools import rust_analyzer_install
from . import features, logs
from .child import Program
from .framing import MAX_BODY_N_BYTES
from .proxy import Proxy
from .transport import Channel, FramedChannel, standard_streams

log = logging.getLogger(__name__)

_STREAM_LIMIT = 4 * 1024 * 1024


@frozen
class Options:
    """How to serve.

    Attributes:
        config: Rusta's settings; the editor's own come on top.
        max_body_n_bytes: the biggest message that is read.
        log_to_editor: send the log to the editor as well.
        find: says which rust-analyzer to start; by default the installed one.
    """

    config: Config
    max_body_n_bytes: int = MAX_BODY_N_BYTES
    log_to_editor: bool = False
    find: Callable[[Config], Awaitable[Program]] | None = None


async def find_rust_analyzer(config: Config) -> Program:
    """The installed rust-analyzer, as a program to start.

    Raises:
        RustaError: there is none.
    """
    found = await asyncio.to_thread(rust_analyzer_install.find, config)
    return Program((str(found.path),), rust_analyzer_install.environment(found))


async def serve_connection(channel: Channel, options: Options) -> int:
    """Serve one editor until it leaves; returns the exit code."""
    proxy = Proxy(
        channel,
        features.register_all(),
        options.config,
        options.find or find_rust_analyzer,
        max_body_n_bytes=options.max_body_n_bytes,
    )
    handler = None
    if options.log_to_editor:

        def notify(method: str, params: object) -> None:
            proxy.loop.call_soon_threadsafe(proxy.notify_client, method, params)

        handler = logs.ToEditor(notify)
        logging.getLogger().addHandler(handler)
    try:
        return await proxy.run()
    finally:
        if handler is not None:
            logging.getLogger().removeHandler(handler)


async def serve_stdio(options: Options) -> int:
    """Serve the editor that started this process."""
    serving = asyncio.create_task(_serve_stdio(options))
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(signum, serving.cancel)
    try:
        return await serving
    except asyncio.CancelledError:
        return 1


async def serve_tcp(host: str, port: int, options: Options, announce: Callable[[str, int], None]) -> None:
    """Serve every editor that connects, until cancelled; ``announce`` gets the address."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled when the server is stopped. Python 3.11's streams log a cancelled handler as an error.
        with suppress(asyncio.CancelledError):
            await serve_connection(FramedChannel(reader, writer, options.max_body_n_bytes), options)

    server = await asyncio.start_server(connected, host, port, limit=_STREAM_LIMIT)
    announce(*server.sockets[0].getsockname()[:2])
    async with server:
        await server.serve_forever()


async def serve_websocket(
    host: str, port: int, options: Options, announce: Callable[[str, int], None]
) -> None:
    """Serve every editor that connects, until cancelled; ``announce`` gets the address."""
    from websockets.asyncio.server import ServerConnection, serve

    from .websocket import WebSocketChannel

    async def connected(socket: ServerConnection) -> None:
        await serve_connection(WebSocketChannel(socket), options)

    async with serve(
        connected, host, port, max_size=options.max_body_n_bytes, compression=None, origins=[None]
    ) as server:
        announce(*next(iter(server.sockets)).getsockname()[:2])
        await server.serve_forever()


async def _serve_stdio(options: Options) -> int:
    return await serve_connection(await standard_streams(options.max_body_n_bytes), options)
