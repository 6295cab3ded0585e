"""`rusta serve`."""

import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine
from typing import Any

import attrs
import rich_click as click
from rich.console import Console

from ..config import Config
from ..errors import RustaError
from ..patch.apply import recover


@click.command()
@click.option("--stdio", is_flag=True, help="Talk over standard input and output; this is the default.")
@click.option("--tcp", metavar="HOST:PORT", help="Listen on a socket; a port alone means this machine only.")
@click.option("--ws", metavar="HOST:PORT", help="Listen for WebSocket connections.")
@click.option("--rust-analyzer", metavar="PATH", help="The rust-analyzer to run, instead of the one found.")
@click.option("--untrusted", is_flag=True, help="Run nothing of the workspace: only citations.")
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="How much to log."
)
@click.option("--log-to-editor", is_flag=True, help="Send the log to the editor too, as window/logMessage.")
@click.option(
    "--max-message-mb", type=click.IntRange(min=1), default=256, show_default=True,
    help="The biggest message that is read; a bigger one is refused with an error.",
)  # fmt: skip
def command(
    stdio: bool,
    tcp: str | None,
    ws: str | None,
    rust_analyzer: str | None,
    untrusted: bool,
    log_level: str | None,
    log_to_editor: bool,
    max_message_mb: int,
) -> None:
    """Run the language server in front of rust-analyzer.

    An editor starts it in place of rust-analyzer and loses nothing by it. The log is in the folder
    `logs` of Rusta's cache.
    """
    from ..lsp import logs, serve

    if stdio + (tcp is not None) + (ws is not None) > 1:
        raise click.UsageError("--stdio, --tcp and --ws exclude each other.")
    config = Config(rust_analyzer_path=rust_analyzer, trusted=not untrusted)
    if log_level is not None:
        config = attrs.evolve(config, log_level=log_level)
    logs.to_file(config.cache / "logs", config.log_level)
    _recover(config)
    options = serve.Options(config, max_message_mb * 1024 * 1024, log_to_editor)
    if tcp is not None:
        _listen(serve.serve_tcp(*_address(tcp), options, _announce))
    elif ws is not None:
        _listen(serve.serve_websocket(*_address(ws), options, _announce))
    else:
        sys.exit(asyncio.run(serve.serve_stdio(options)))


def _recover(config: Config) -> None:
    """Put back what a killed run left half written; that this fails is no reason not to serve."""
    log = logging.getLogger(__name__)
    try:
        for found in recover(config.cache / "journals"):
            log.warning("an earlier run was interrupted while it wrote; put back: %s", found)
    except RustaError as error:
        log.error("%s", error)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise RustaError(f"{text!r} is not HOST:PORT.", hint="rusta serve --tcp 127.0.0.1:9257")
    return host.strip("[]") or "127.0.0.1", int(port)


def _announce(host: str, port: int) -> None:
    Console(stderr=True, highlight=False).print(f"Rusta listens on {host}:{port}; stop it with Ctrl+C.")


def _listen(server: Coroutine[Any, Any, None]) -> None:
    async def until_stopped() -> None:
        task = asyncio.ensure_future(server)
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(signum, task.cancel)
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled() and isinstance(error := task.exception(), OSError):
            raise RustaError(f"The server cannot listen: {error.strerror}.", hint="Choose another port.")

    asyncio.run(until_stopped())
