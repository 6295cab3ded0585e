"""A small editor without a screen: drives a language server over its standard streams.

Used by the benchmark and by the tests that compare rust-analyzer alone with rust-analyzer behind Rusta.
"""

import asyncio
import itertools
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rusta_server.lsp import jsonrpc
from rusta_server.lsp.framing import MAX_BODY_N_BYTES, Fault
from rusta_server.lsp.transport import FramedChannel

Json = Any

_LIMIT = 16 * 1024 * 1024


class Ended(Exception):
    """The server went away while an answer was awaited."""


class Editor:
    """One server process and what it said.

    Attributes:
        process: the server.
        notifications: everything it told us, in order.
        requests: everything it asked us, in order.
        unexpected: faults, and answers to nothing we asked.
        capabilities: what we said we can do.
        settings: what we answer to `workspace/configuration`.
        raw: the last answer's bytes, as they came.
    """

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self.notifications: list[Json] = []
        self.requests: list[Json] = []
        self.unexpected: list[Json] = []
        self.capabilities: Json = {}
        self.settings: Json = None
        self.raw = b""
        self.answers: dict[str, Callable[[Json], Json]] = {}
        self._channel = FramedChannel(process.stdout, process.stdin, MAX_BODY_N_BYTES)
        self._ids = itertools.count(1)
        self._waiting: dict[int | str | None, asyncio.Future[bytes]] = {}
        self._news = asyncio.Condition()
        self._pump = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls, command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> Self:
        """Start a server."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            limit=_LIMIT,
            start_new_session=True,
        )
        return cls(process)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.returncode is None:
            self.process.stdin.close()  # type: ignore[union-attr]  # a pipe, see start
            try:
                async with asyncio.timeout(10):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
        await self.process.wait()
        self._pump.cancel()

    async def initialize(
        self, root: Path, capabilities: Json, options: Json = None, **more: object
    ) -> dict[str, Json]:
        """Say hello; returns the InitializeResult."""
        self.capabilities = capabilities
        params = {
            "processId": os.getpid(),
            "rootUri": root.as_uri(),
            "workspaceFolders": [{"uri": root.as_uri(), "name": root.name}],
            "capabilities": capabilities,
            "initializationOptions": options,
            **more,
        }
        answer = await self.request("initialize", params)
        self.notify("initialized", {})
        result: dict[str, Json] = answer["result"]
        return result

    async def shutdown(self) -> int:
        """Say good-bye; returns the exit code."""
        await self.request("shutdown", None)
        self.notify("exit", None)
        async with asyncio.timeout(20):
            return await self.process.wait()

    def send(self, method: str, params: Json) -> asyncio.Future[bytes]:
        """Send a request; the future gives the answer's bytes."""
        id = next(self._ids)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[id] = future
        self._channel.write(jsonrpc.request(id, method, params))
        return future

    async def request(self, method: str, params: Json, timeout_s: float = 60.0) -> dict[str, Json]:
        """Send a request and decode the answer.

        Raises:
            Ended: the server went away.
            TimeoutError: it did not answer in time.
        """
        async with asyncio.timeout(timeout_s):
            self.raw = await self.send(method, params)
        answer: dict[str, Json] = jsonrpc.decode(self.raw)
        return answer

    def notify(self, method: str, params: Json) -> None:
        """Send a notification."""
        self._channel.write(jsonrpc.notification(method, params))

    def write_raw(self, data: bytes) -> None:
        """Send bytes that need not be a message."""
        self.process.stdin.write(data)  # type: ignore[union-attr]  # a pipe, see start

    def open(self, path: Path, text: str | None = None, version: int = 1) -> str:
        """Open a file (as ``text`` when given); returns its URI."""
        uri = path.as_uri()
        item = {
            "uri": uri,
            "languageId": "rust",
            "version": version,
            "text": path.read_text() if text is None else text,
        }
        self.notify("textDocument/didOpen", {"textDocument": item})
        return uri

    async def wait_for(self, found: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Wait until something the server said makes ``found`` true.

        Raises:
            TimeoutError: it never did.
        """

        async def watch() -> None:
            async with self._news:
                await self._news.wait_for(lambda: found() or self._pump.done())
            if not found():
                raise Ended

        async with asyncio.timeout(timeout_s):
            await watch()

    async def until_quiescent(self, timeout_s: float = 60.0) -> None:
        """Wait until rust-analyzer says that it has loaded the workspace."""

        def quiescent() -> bool:
            states = [n for n in self.notifications if n["method"] == "experimental/serverStatus"]
            return bool(states) and bool(states[-1]["params"]["quiescent"])

        await self.wait_for(quiescent, timeout_s)

    def told(self, method: str) -> list[Json]:
        """The params of every notification of this kind so far."""
        return [n.get("params") for n in self.notifications if n["method"] == method]

    async def _read(self) -> None:
        try:
            while (item := await self._channel.read()) is not None:
                if isinstance(item, Fault):
                    self.unexpected.append(item)
                    continue
                envelope = jsonrpc.peek(item)
                if envelope.method is None:
                    future = self._waiting.pop(envelope.id, None)  # type: ignore[arg-type]
                    if future is None:
                        self.unexpected.append(jsonrpc.decode(item))
                    elif not future.done():
                        future.set_result(item)
                else:
                    self._told(jsonrpc.decode(item))
                async with self._news:
                    self._news.notify_all()
        finally:
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(Ended())
            async with self._news:
                self._news.notify_all()

    def _told(self, message: dict[str, Json]) -> None:
        if "id" not in message:
            self.notifications.append(message)
            return
        self.requests.append(message)
        answer = self.answers.get(message["method"])
        if answer is not None:
            result = answer(message.get("params"))
        elif message["method"] == "workspace/configuration":
            result = [self.settings for _ in message["params"]["items"]]
        else:
            result = None
        self._channel.write(jsonrpc.response(message["id"], result))
