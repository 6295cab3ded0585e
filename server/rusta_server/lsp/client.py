"""Rusta's own language server, made with pygls: our commands and methods, progress, messages.

It has no transport. The proxy hands it the messages that are ours, and what it writes goes into the
proxy's channel to the editor. Its documents are the proxy's mirror. Importing pygls takes longer than
rust-analyzer's start, so this module is imported when it is first needed.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import (
    JsonRPCRequestMessage,
    LanguageServerProtocol,
    default_converter,
    lsp_method,
)
from pygls.workspace import TextDocument, Workspace

from .. import __version__
from ..errors import RustaError
from . import jsonrpc
from .convert import same
from .hooks import Answer, Command
from .jsonrpc import Code
from .mirror import Mirror

if TYPE_CHECKING:
    from .proxy import Proxy

log = logging.getLogger(__name__)

# pygls logs every message it sends at INFO.
logging.getLogger("pygls").setLevel(logging.WARNING)


class RustaLanguageServer(LanguageServer):
    """pygls's server with the proxy it belongs to."""

    def __init__(self, proxy: "Proxy") -> None:
        super().__init__("rusta", __version__, protocol_cls=_Protocol, converter_factory=default_converter)
        self.proxy = proxy
        self.protocol: _Protocol
        self.protocol.connect(proxy)

    def handle(self, body: bytes) -> None:
        """Take a message of the editor that is ours."""
        # Only the top level is structured here: pygls's object hook would also fire on nested objects.
        self.protocol.handle_message(self.protocol.structure_message(jsonrpc.decode(body)))

    def awaits(self, id: object) -> bool:
        """Whether this id is of a request that runs here, or that was sent from here."""
        return id in self.protocol._request_futures


class _Protocol(LanguageServerProtocol):
    """pygls's protocol, wired to the proxy instead of to a transport."""

    def connect(self, proxy: "Proxy") -> None:
        session = proxy.session
        self._proxy = proxy
        self._workspace = _MirrorWorkspace(proxy.documents, session.root, session.encoding)
        try:
            self.client_capabilities = self._converter.structure(
                session.client_capabilities, types.ClientCapabilities
            )
        except Exception as error:
            log.warning("the editor's capabilities are unusual: %s", error)
            self.client_capabilities = types.ClientCapabilities()
        self.set_writer(_ChannelWriter(proxy), include_headers=False)
        for name, answer in proxy.hooks.methods.items():
            self.fm.feature(name)(_method(proxy, answer))
        for name, run in proxy.hooks.commands.items():
            self.fm.command(name)(_command(proxy, run))

    def structure_message(self, data: dict[str, Any]) -> Any:  # noqa: ANN401  pygls's own signature
        if "id" in data and data.get("method") in self._proxy.hooks.methods:
            # pygls would make a namedtuple of the params.
            return JsonRPCRequestMessage(data["id"], data["method"], "2.0", data.get("params"))
        return super().structure_message(data)

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(  # type: ignore[override]  # pygls takes any kind of handler
        self, params: types.ExecuteCommandParams
    ) -> Any:  # noqa: ANN401  JSON
        """Run a command of ours. pygls's own would not pass a cancellation on to the command."""
        return await self.fm.commands[params.command](*(params.arguments or ()))

    def send_request(
        self,
        method: str,
        params: object = None,
        callback: Callable[[Any], None] | None = None,
        msg_id: str | int | None = None,
    ) -> Future[Any]:
        """Like pygls's, with ids that no rust-analyzer uses."""
        return super().send_request(method, params, callback, msg_id or self._proxy.session.next_id())

    def _handle_response(
        self, msg_id: str | int, result: object = None, error: types.ResponseError | None = None
    ) -> None:
        """Like pygls's, but an answer that nobody waits for any more is no fault."""
        future = self._request_futures.get(msg_id)
        if future is not None and future.cancelled():
            del self._request_futures[msg_id]
            return
        super()._handle_response(msg_id, result, error)


class _ChannelWriter:
    """Feeds what pygls writes into the proxy, from whatever thread it writes."""

    def __init__(self, proxy: "Proxy") -> None:
        self._proxy = proxy
        self._thread = threading.get_ident()

    def write(self, data: bytes) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._proxy.loop.call_soon_threadsafe(self._proxy.write_to_client, data)
        else:
            self._proxy.write_to_client(data)

    def close(self) -> None:
        """The channel is the proxy's to close."""


class _MirrorWorkspace(Workspace):
    """pygls's view of the mirror, in rust-analyzer's position encoding."""

    def __init__(self, mirror: Mirror, root: object, encoding: str) -> None:
        super().__init__(None if root is None else f"file://{root}", position_encoding=encoding)
        self._mirror = mirror

    @property
    def text_documents(self) -> Mapping[str, TextDocument]:
        return MappingProxyType(
            {same(doc.uri): self.get_text_document(doc.uri) for doc in self._mirror.all()}
        )

    def get_text_document(self, doc_uri: str) -> TextDocument:
        document = self._mirror.get(doc_uri)
        if document is None:
            return self._create_text_document(doc_uri)
        return self._create_text_document(document.uri, document.text, document.version, document.language_id)


def _method(proxy: "Proxy", answer: Answer) -> Any:  # noqa: ANN401  pygls handlers are untyped
    async def handle(params: Any) -> Any:  # noqa: ANN401  JSON
        return await _readable(answer(proxy, params))

    return handle


def _command(proxy: "Proxy", run: Command) -> Any:  # noqa: ANN401  pygls handlers are untyped
    async def handle(*arguments: Any) -> Any:  # noqa: ANN401  JSON
        return await _readable(run(proxy, *arguments))

    return handle


async def _readable(work: Awaitable[Any]) -> Any:  # noqa: ANN401  JSON
    """An error for a person stays one; pygls would wrap it into a stack."""
    try:
        return await work
    except RustaError as error:
        raise JsonRpcException(f"{error} {error.hint or ''}".strip(), Code.REQUEST_FAILED) from error
