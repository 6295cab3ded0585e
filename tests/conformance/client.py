"""pytest-lsp's client, which keeps every message as it went over the wire."""

import asyncio
import copy
import itertools
import json
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from attrs import frozen
from lsprotocol import types
from pygls.protocol import JsonRPCResponseMessage, default_converter
from pytest_lsp import LanguageClient
from pytest_lsp.checks import check_result_against_client_capabilities
from pytest_lsp.client import register_lsp_features
from pytest_lsp.protocol import LanguageClientProtocol

Json = Any

ANSWERED_WITHIN_S = 300


@frozen
class Message:
    """One message as it was on the wire."""

    from_server: bool
    body: dict[str, Json]

    @property
    def is_answer(self) -> bool:
        return "method" not in self.body


class RecordingProtocol(LanguageClientProtocol):
    """Shows the client every message before pygls makes objects of it."""

    def structure_message(self, data: dict[str, Json]) -> Any:
        # The hook fires for nested objects too.
        if data.get("jsonrpc") != "2.0":
            return data
        self._server.saw(Message(True, copy.deepcopy(data)))  # pygls changes an answer it does not expect
        try:
            return super().structure_message(data)
        except Exception as error:
            # That it is no message of the protocol is a finding, not the end of the session.
            self._server.malformed.append(f"{data.get('method', 'an answer')}: {error.__cause__ or error}")
            return JsonRPCResponseMessage(data.get("id"), "2.0", data.get("result"))

    def _send_data(self, data: Any) -> None:
        if data:
            plain = json.loads(json.dumps(data, default=self._serialize_message))
            self._server.saw(Message(False, plain))
        super()._send_data(data)


class RecordingClient(LanguageClient):
    """Asks with plain JSON and gives plain JSON back.

    Attributes:
        messages: everything that went over the wire, in order.
        malformed: what lsprotocol could not make objects of.
        on_apply: takes the edits of `workspace/applyEdit`.
    """

    def __init__(self) -> None:
        super().__init__(protocol_cls=RecordingProtocol, converter_factory=default_converter)
        register_lsp_features(self)
        _answer_the_rest(self)
        self.messages_seen: list[Message] = []
        self.malformed: list[str] = []
        self._ids = itertools.count(1)
        self._answers: dict[int | str, asyncio.Future[dict[str, Json]]] = {}
        self._news = asyncio.Event()

    def saw(self, message: Message) -> None:
        """Take in one message."""
        self.messages_seen.append(message)
        if message.from_server and message.is_answer:
            future = self._answers.pop(message.body.get("id"), None)
            if future is not None and not future.done():
                future.set_result(message.body)
        self._news.set()

    def start_asking(self, method: str, params: Json) -> tuple[int, asyncio.Future[dict[str, Json]]]:
        """Send a request; gives its id, and a future of the whole answer."""
        id = next(self._ids)
        future = self._answers[id] = asyncio.get_running_loop().create_future()
        self.protocol._request_futures[id] = Future()
        self.protocol._result_types[id] = self.protocol.get_result_type(method)
        self.protocol._send_data({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
        return id, future

    async def ask(self, method: str, params: Json) -> Json:
        """The result of a request; one that came too early for rust-analyzer is sent again.

        Raises:
            AssertionError: the answer is an error.
        """
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            while True:
                id, future = self.start_asking(method, params)
                answer = await future
                if answer.get("error", {}).get("code") == types.LSPErrorCodes.ContentModified:
                    await asyncio.sleep(0.1)
                    continue
                assert "error" not in answer, f"{method}: {answer['error']}"
                structured = self.protocol._request_futures.pop(id, None)
                if self.capabilities is not None and structured is not None and structured.done():
                    check_result_against_client_capabilities(self.capabilities, method, structured.result())
                return answer["result"]

    def tell(self, method: str, params: Json) -> None:
        """Send a notification."""
        self.protocol._send_data({"jsonrpc": "2.0", "method": method, "params": params})

    async def until(self, found: Callable[[], bool], what: str, timeout_s: float = ANSWERED_WITHIN_S) -> None:
        """Wait until a message makes ``found`` true."""
        try:
            async with asyncio.timeout(timeout_s):
                while not found():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{what}: not within {timeout_s} s") from None

    async def until_closed(self) -> None:
        """Wait until the server has closed the connection."""
        await asyncio.wait(self._async_tasks[:1])

    def told(self, method: str) -> list[Json]:
        """The params of every notification or request of this kind so far."""
        return [
            m.body.get("params")
            for m in self.messages_seen
            if m.from_server and m.body.get("method") == method
        ]


def _answer_the_rest(client: RecordingClient) -> None:
    """Answer what pytest-lsp has no answer for; nothing here is more than an editor must do."""

    @client.feature(types.CLIENT_REGISTER_CAPABILITY)
    def register(params: types.RegistrationParams) -> None:
        pass

    @client.feature(types.CLIENT_UNREGISTER_CAPABILITY)
    def unregister(params: types.UnregistrationParams) -> None:
        pass

    for method in (
        types.WORKSPACE_SEMANTIC_TOKENS_REFRESH,
        types.WORKSPACE_INLAY_HINT_REFRESH,
        types.WORKSPACE_CODE_LENS_REFRESH,
    ):

        @client.feature(method)
        def refresh(params: None) -> None:
            pass
