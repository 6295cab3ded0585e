"""A proxy inside the test's process, in front of the scripted rust-analyzer."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from rusta_server.config import Config
from rusta_server.lsp import jsonrpc
from rusta_server.lsp.child import Program
from rusta_server.lsp.framing import MAX_BODY_N_BYTES
from rusta_server.lsp.hooks import Hooks
from rusta_server.lsp.proxy import Proxy

FAKE = Path(__file__).with_name("fake_analyzer.py")


class Wire:
    """A channel whose other end is the test."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.sent: list[dict] = []
        self.news = asyncio.Event()

    async def read(self):
        return await self.incoming.get()

    def write(self, body):
        self.sent.append(json.loads(body))
        self.news.set()

    async def drain(self):
        pass

    def reject(self, body):
        pass

    async def close(self):
        pass

    def notify(self, method, params):
        self.incoming.put_nowait(jsonrpc.notification(method, params))

    def answer(self, id, result):
        self.incoming.put_nowait(jsonrpc.response(id, result))

    async def until(self, found):
        async with asyncio.timeout(10):
            while True:
                for message in self.sent:
                    if found(message):
                        return message
                self.news.clear()
                await self.news.wait()

    async def request(self, id, method, params=None):
        self.incoming.put_nowait(jsonrpc.request(id, method, params))
        return await self.until(lambda m: m.get("id") == id and "method" not in m)


@pytest.fixture
async def connect():
    """Starts a proxy with some hooks in front of the scripted rust-analyzer, greeted."""
    running = []

    async def start(hooks: Hooks, options=None, capabilities=None, **more) -> tuple[Wire, Proxy]:
        async def find(config: Config) -> Program:
            return Program((sys.executable, str(FAKE)))

        wire = Wire()
        proxy = Proxy(wire, hooks, Config(), find, max_body_n_bytes=MAX_BODY_N_BYTES)
        task = asyncio.create_task(proxy.run())
        running.append((wire, task))
        params = {
            "capabilities": capabilities or {},
            "initializationOptions": options,
            "processId": None,
            **more,
        }
        await wire.request(0, "initialize", params)
        wire.notify("initialized", {})
        return wire, proxy

    yield start
    for wire, task in running:
        wire.incoming.put_nowait(None)
        async with asyncio.timeout(10):
            await task


@pytest.fixture
def cache(docs, tmp_path: Path) -> Path:
    """A cache with nothing in it but the index."""
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "docs").symlink_to(docs.path.parent)
    return folder
