"""The same server over sockets and WebSockets: one session per connection."""

import asyncio
import json
import re
import sys
from pathlib import Path

import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from rusta_server.lsp import jsonrpc
from rusta_server.lsp.framing import MAX_BODY_N_BYTES
from rusta_server.lsp.transport import FramedChannel

FAKE = Path(__file__).with_name("fake_analyzer.py")
HELLO = {"capabilities": {}, "processId": None, "initializationOptions": {"rusta": {"fixOnCheck": False}}}


@pytest.fixture
async def listen(tmp_path):
    started = []

    async def start(flag: str) -> int:
        command = [sys.executable, "-m", "rusta_server", "serve", "--rust-analyzer", FAKE]
        command += [flag, "127.0.0.1:0"]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, cwd=tmp_path
        )
        started.append(process)
        async with asyncio.timeout(20):
            line = (await process.stderr.readline()).decode()
        return int(re.search(r"127\.0\.0\.1:(\d+)", line)[1])

    yield start
    for process in started:
        family = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        async with asyncio.timeout(10):
            await process.wait()
        _, alive = psutil.wait_procs(family, timeout=5)
        assert not alive


async def test_tcp(listen):
    port = await listen("--tcp")

    async def session() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        channel = FramedChannel(reader, writer, MAX_BODY_N_BYTES)
        channel.write(jsonrpc.request(1, "initialize", HELLO))
        assert "capabilities" in json.loads(await channel.read())["result"]
        channel.write(jsonrpc.request(2, "fake/pid"))
        pid = json.loads(await channel.read())["result"]
        channel.write(jsonrpc.request(3, "fake/big", 1_000_000))
        assert len(json.loads(await channel.read())["result"]) == 1_000_000
        await channel.close()
        return pid

    pids = [await session(), *await asyncio.gather(session(), session())]
    assert len(set(pids)) == 3
    _, alive = psutil.wait_procs([psutil.Process(p) for p in pids if psutil.pid_exists(p)], timeout=5)
    assert not alive


@pytest.mark.parametrize("flag", ["--tcp", "--ws"])
async def test_a_server_that_is_stopped_in_the_middle_of_a_session_logs_no_error(flag, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    command = [sys.executable, "-m", "rusta_server", "serve", "--rust-analyzer", FAKE, flag, "127.0.0.1:0"]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    async with asyncio.timeout(20):
        line = (await process.stderr.readline()).decode()
    port = int(re.search(r"127\.0\.0\.1:(\d+)", line)[1])
    hello = jsonrpc.request(1, "initialize", HELLO)
    if flag == "--tcp":
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        channel = FramedChannel(reader, writer, MAX_BODY_N_BYTES)
        channel.write(hello)
        assert "capabilities" in json.loads(await channel.read())["result"]
    else:
        socket = await connect(f"ws://127.0.0.1:{port}")
        await socket.send(hello.decode())
        assert "capabilities" in json.loads(await socket.recv())["result"]
    family = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    async with asyncio.timeout(20):
        await process.wait()
    (log,) = (tmp_path / "rusta/logs").glob("serve-*.log")
    assert "ERROR" not in log.read_text()
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive


async def test_websocket(listen):
    port = await listen("--ws")
    async with connect(f"ws://127.0.0.1:{port}", max_size=None, compression=None) as socket:

        async def ask(id, method, params=None):
            await socket.send(jsonrpc.request(id, method, params).decode())
            return json.loads(await socket.recv())

        assert "capabilities" in (await ask(1, "initialize", HELLO))["result"]
        assert (await ask(2, "fake/echo", ["é😀"]))["result"] == ["é😀"]
        assert len((await ask(3, "fake/big", 1_000_000))["result"]) == 1_000_000
        await socket.send("{nonsense")
        assert json.loads(await socket.recv())["error"]["code"] == -32700
        assert (await ask(4, "fake/echo", 1))["result"] == 1
        await socket.send(jsonrpc.request(5, "fake/echo", "binary"))
        assert json.loads(await socket.recv())["result"] == "binary"
        assert (await ask(6, "shutdown"))["result"] is None
        await socket.send(jsonrpc.notification("exit").decode())
        async with asyncio.timeout(10):
            await socket.wait_closed()


async def test_a_web_page_cannot_connect(listen):
    port = await listen("--ws")
    with pytest.raises(InvalidStatus):
        await connect(f"ws://127.0.0.1:{port}", origin="http://example.org")


async def test_an_address_in_use_is_an_error_for_a_person(listen):
    port = await listen("--tcp")
    command = [sys.executable, "-m", "rusta_server", "serve", "--tcp", f"127.0.0.1:{port}"]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    async with asyncio.timeout(20):
        _, stderr = await process.communicate()
    assert process.returncode == 2
    assert b"cannot listen" in stderr
    assert b"Traceback" not in stderr


async def test_plain_files_as_standard_streams(tmp_path):
    frames = [
        jsonrpc.request(1, "initialize", HELLO),
        jsonrpc.request(2, "shutdown"),
        jsonrpc.notification("exit"),
    ]
    given, taken = tmp_path / "in", tmp_path / "out"
    given.write_bytes(b"".join(b"Content-Length: %d\r\n\r\n%b" % (len(f), f) for f in frames))
    command = [sys.executable, "-m", "rusta_server", "serve", "--rust-analyzer", FAKE]
    with given.open("rb") as stdin, taken.open("wb") as stdout:
        process = await asyncio.create_subprocess_exec(*command, stdin=stdin, stdout=stdout)
        async with asyncio.timeout(20):
            assert await process.wait() == 0
    assert taken.read_bytes().count(b"Content-Length") == 2


async def test_no_input_at_all_is_the_end_of_the_connection(tmp_path):
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "rusta_server", "serve", "--rust-analyzer", FAKE],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        cwd=tmp_path,
    )
    try:
        async with asyncio.timeout(20):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
