"""A full session opens no socket that could leave this machine: neither the server nor anything it starts.

The kernel itself reports every socket (see `watch_sockets.py`), of rust-analyzer, cargo, rustc and the
crate's tests as well.
"""

import asyncio
import contextlib
import fcntl
import os
import select
import shutil
import socket
import struct
import sys
import threading
from pathlib import Path

import pytest
from attrs import frozen

from rusta_eval.editor import Editor

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine not in ("x86_64", "aarch64"), reason="asks Linux's kernel"
)

WATCHED = [sys.executable, str(Path(__file__).with_name("watch_sockets.py"))]
CRATE = Path(__file__).parents[1] / "fixtures/crates/semver"
BROKEN = ("let mut pos = Position::Major;", "let pos = Position::Major;")
CAPABILITIES = {
    "textDocument": {
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix"]}},
            "dataSupport": True,
            "resolveSupport": {"properties": ["edit"]},
        }
    },
    "experimental": {"serverStatusNotification": True},
}

RECEIVE, CONTINUE = 0xC0502100, 1
SEND = 0xC0182101
SOCKET, CONNECT = {"x86_64": (41, 42), "aarch64": (198, 203)}.get(os.uname().machine, (0, 0))


@frozen
class Call:
    """One call that the kernel reported: `family` of a socket, or the address of a connection."""

    number: int
    family: int
    address: str
    program: str


class Watch:
    """Collects the calls until every watched process has ended."""

    def __init__(self, place: Path) -> None:
        self.calls: list[Call] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(place))
        self._server.listen()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def finish(self) -> list[Call]:
        self._thread.join(30)
        assert not self._thread.is_alive(), "something is still running"
        return self.calls

    def _run(self) -> None:
        line, _ = self._server.accept()
        _, [listener], _, _ = socket.recv_fds(line, 1, 1)
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        while not poll.poll()[0][1] & select.POLLHUP:
            notice = bytearray(80)
            with contextlib.suppress(OSError):  # the process was killed meanwhile
                fcntl.ioctl(listener, RECEIVE, notice)
                self.calls.append(read(bytes(notice)))
                id = struct.unpack_from("=Q", notice)[0]
                fcntl.ioctl(listener, SEND, struct.pack("=QqiI", id, 0, 0, CONTINUE))
        os.close(listener)


def read(notice: bytes) -> Call:
    _, pid, _, number, _, _, *arguments = struct.unpack("=QIIiIQ6Q", notice)
    program = str(Path(f"/proc/{pid}/exe").readlink())
    if number == SOCKET:
        return Call(number, arguments[0], "", program)
    if number == CONNECT:
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as file:
            file.seek(arguments[1])
            address = file.read(min(arguments[2], 110))
        family = int.from_bytes(address[:2], sys.byteorder)
        return Call(number, family, address[2:].partition(b"\0")[0].decode(errors="replace"), program)
    return Call(number, -1, "", program)


async def test_the_watch_sees_grandchildren(tmp_path):
    """Or the test below would prove nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        watch = Watch(tmp_path / "line")
        inner = f"import socket; socket.create_connection({server.getsockname()!r})"
        outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
        process = await asyncio.create_subprocess_exec(
            *WATCHED, str(tmp_path / "line"), sys.executable, "-c", outer
        )
        await process.wait()
    calls = [call for call in watch.finish() if call.family != socket.AF_UNIX]
    assert [(call.number, call.family) for call in calls] == [
        (SOCKET, socket.AF_INET),
        (CONNECT, socket.AF_INET),
    ]


@pytest.mark.slow
async def test_a_session_opens_no_socket_to_the_outside(tmp_path, cache):
    crate = Path(shutil.copytree(CRATE, tmp_path / "semver"))
    file = crate / "src/parse.rs"
    good = file.read_text()
    watch = Watch(tmp_path / "line")
    command = [*WATCHED, str(tmp_path / "line"), sys.executable, "-m", "rusta_server", "serve"]
    async with await Editor.start(command, cwd=crate) as editor:
        await editor.initialize(crate, CAPABILITIES, {"rusta": {"cacheDir": str(cache)}})
        uri = editor.open(file)
        await editor.until_quiescent()
        bad = good.replace(*BROKEN, 1)
        line = good[: good.index(BROKEN[0])].count("\n")
        here = {"textDocument": {"uri": uri}, "position": {"line": line, "character": 20}}
        assert (await editor.request("textDocument/hover", here))["result"]
        assert (await editor.request("textDocument/completion", here))["result"]

        file.write_text(bad)
        change = {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": bad}]}
        editor.notify("textDocument/didChange", change)
        editor.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
        fix = await a_fix_of_ours(editor, uri, line)
        assert (await editor.request("codeAction/resolve", fix))["result"]["edit"]
        assert "V3" in (await a_fix_of_ours(editor, uri, line, "V3"))["title"]  # so the tests ran as well
        assert await editor.shutdown() == 0
    calls = watch.finish()
    assert {call.family for call in calls} == {socket.AF_UNIX}
    assert all("rusta" in call.address for call in calls if call.number == CONNECT), calls


async def a_fix_of_ours(editor: Editor, uri: str, line: int, level: str = "V") -> dict:
    params = {
        "textDocument": {"uri": uri},
        "range": {"start": {"line": 0, "character": 0}, "end": {"line": line + 60, "character": 0}},
        "context": {"diagnostics": []},
    }
    async with asyncio.timeout(120):
        while True:
            answer = await editor.request("textDocument/codeAction", params)
            for action in answer.get("result") or []:
                if "rusta" in (action.get("data") or {}) and level in action["title"]:
                    return action
            await asyncio.sleep(0.2)
