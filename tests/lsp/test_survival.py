"""Whatever dies or talks nonsense: it is said, the rest goes on, and nothing is left running."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from rusta_eval.editor import Editor

FAKE = Path(__file__).with_name("fake_analyzer.py")
CAPABILITIES = {
    "window": {"workDoneProgress": True},
    "experimental": {"serverStatusNotification": True},
}


@pytest.fixture
def serve(tmp_path):
    """Starts `rusta serve` in front of the scripted rust-analyzer."""

    def start(*arguments: str, **environment: str):
        command = [sys.executable, "-m", "rusta_server", "serve", "--rust-analyzer", str(FAKE), *arguments]
        environment = {
            "FAKE_PIDS": str(tmp_path / "pids"),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            **environment,
        }
        return Editor.start(command, cwd=tmp_path, env=environment)

    yield start
    pids = tmp_path / "pids"
    for pid in map(int, pids.read_text().split() if pids.exists() else ()):
        assert gone(pid), f"rust-analyzer {pid} is left"


def gone(pid: int, within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


async def greet(editor: Editor, root: Path, **more):
    return await editor.initialize(root, CAPABILITIES, {"rusta": {"fixOnCheck": False}}, **more)


async def received(editor: Editor, method: str) -> list:
    messages = (await editor.request("fake/received", None))["result"]
    return [message for message in messages if message.get("method") == method]


async def test_messages_pass_both_ways(serve, tmp_path):
    async with await serve() as editor:
        result = await greet(editor, tmp_path)
        assert result["serverInfo"] == {"name": "fake"}
        assert result["capabilities"]["positionEncoding"] == "utf-8"
        assert result["capabilities"]["experimental"]["fake"] is True
        odd = {"jsonrpc": "1.0", "nested": [{"jsonrpc": "x", "id": 3}], "é😀": None, "big": 2**60}
        assert (await editor.request("fake/echo", odd))["result"] == odd
        editor.answers["window/showMessageRequest"] = lambda params: {"title": params["message"]}
        asking = {"method": "window/showMessageRequest", "params": {"message": "hm"}}
        assert (await editor.request("fake/ask", asking))["result"] == {"title": "hm"}
        assert editor.requests[0]["method"] == "client/registerCapability"
        assert await editor.shutdown() == 0


async def test_answers_pass_byte_for_byte(serve, tmp_path):
    async with await serve() as editor:
        await greet(editor, tmp_path)
        odd = '{ "id":2,\t"result": [1.50e3, "\\u00e9\\/", {"a":1, "a":2}], "jsonrpc":"2.0","more": 1 }\n'
        raw = await editor.send("fake/raw", f"Content-Length: {len(odd)}\r\nX-Other: 1\r\n\r\n{odd}")
        assert raw == odd.encode()


@pytest.mark.parametrize(("asked_first", "code"), [(True, 0), (False, 1)])
async def test_exit_codes(serve, tmp_path, asked_first, code):
    async with await serve() as editor:
        await greet(editor, tmp_path)
        if asked_first:
            await editor.request("shutdown", None)
        editor.notify("exit", None)
        async with asyncio.timeout(10):
            assert await editor.process.wait() == code


async def test_exit_before_initialize(serve):
    async with await serve() as editor:
        answer = await editor.request("textDocument/hover", {})
        assert answer["error"]["code"] == -32002
        editor.notify("exit", None)
        async with asyncio.timeout(10):
            assert await editor.process.wait() == 1


async def test_a_killed_rust_analyzer_comes_back_as_it_was(serve, tmp_path):
    source = tmp_path / "a.rs"
    source.write_text("fn a() {}\n")
    closed = tmp_path / "closed.rs"
    async with await serve() as editor:
        await greet(editor, tmp_path)
        uri = editor.open(source, "fn é() {}\n")
        editor.notify("textDocument/didClose", {"textDocument": {"uri": editor.open(closed, "")}})
        start = {"line": 0, "character": 3}  # utf-8: é takes two
        change = {"range": {"start": start, "end": {"line": 0, "character": 5}}, "text": "b"}
        editor.notify(
            "textDocument/didChange",
            {"textDocument": {"uri": uri, "version": 7}, "contentChanges": [change]},
        )
        editor.notify("workspace/didChangeConfiguration", {"settings": {"x": 1}})
        first = (await editor.request("fake/pid", None))["result"]
        begin = {"token": "t", "value": {"kind": "begin", "title": "Indexing"}}
        diagnostics = {"uri": uri, "diagnostics": [{"message": "old"}]}
        await editor.request(
            "fake/say",
            [
                {"method": "$/progress", "params": begin},
                {"method": "textDocument/publishDiagnostics", "params": diagnostics},
            ],
        )

        in_flight = [editor.request("fake/silence", None) for _ in range(3)]
        answers = await asyncio.gather(*in_flight, editor.request("fake/die", None))
        for answer in answers:
            assert "SIGKILL" in answer["error"]["message"]
            assert answer["error"]["code"] == -32803

        # What the dead process left at the editor is taken back.
        second = (await editor.request("fake/pid", None))["result"]
        assert second != first
        assert editor.told("$/progress")[-1]["value"]["kind"] == "end"
        assert editor.told("textDocument/publishDiagnostics")[-1] == {"uri": uri, "diagnostics": []}
        methods = [request["method"] for request in editor.requests]
        assert methods[:2] == ["client/registerCapability", "client/unregisterCapability"]
        await editor.wait_for(
            lambda: [r["method"] for r in editor.requests].count("client/registerCapability") == 2
        )

        # The new one knows what the old one knew.
        (opened,) = await received(editor, "textDocument/didOpen")
        assert opened["params"]["textDocument"] == {
            "uri": uri,
            "languageId": "rust",
            "version": 7,
            "text": "fn b() {}\n",
        }
        assert len(await received(editor, "initialized")) == 1
        (configuration,) = await received(editor, "workspace/didChangeConfiguration")
        assert configuration["params"]["settings"] == {"x": 1}
        (initialize,) = await received(editor, "initialize")
        assert initialize["params"]["capabilities"] == CAPABILITIES

        # Its own requests begin anew at id 0; an answer finds its way back all the same.
        editor.answers["window/showMessageRequest"] = lambda params: params["message"]
        asking = {"method": "window/showMessageRequest", "params": {"message": "again"}, "as": 0}
        assert (await editor.request("fake/ask", asking))["result"] == "again"
        assert await editor.shutdown() == 0
        assert gone(first)


async def test_a_grandchild_that_holds_the_pipes_does_not_hide_the_crash(serve, tmp_path):
    async with await serve() as editor:
        await greet(editor, tmp_path)
        grandchild = (await editor.request("fake/spawn", None))["result"]
        assert "SIGKILL" in (await editor.request("fake/die", None, timeout_s=10))["error"]["message"]
        assert (await editor.request("fake/echo", 1))["result"] == 1
        assert gone(grandchild)


async def test_requests_wait_for_the_new_rust_analyzer(serve, tmp_path):
    async with await serve() as editor:
        await greet(editor, tmp_path)
        await editor.request("fake/exit", 101)
        answers = await asyncio.gather(*(editor.request("fake/echo", n) for n in range(20)))
        assert [answer["result"] for answer in answers] == list(range(20))
        statuses = editor.told("experimental/serverStatus")
        assert "code 101" in statuses[-1]["message"]


async def test_after_three_crashes_rusta_says_so_and_stops(serve, tmp_path):
    async with await serve() as editor:
        await greet(editor, tmp_path)
        for _ in range(3):
            answer = await editor.request("fake/die", None)
            assert "SIGKILL" in answer["error"]["message"]
        await editor.wait_for(lambda: bool(editor.told("window/showMessage")))
        (shown,) = editor.told("window/showMessage")
        assert shown["type"] == 1
        assert "3 times within 60 s" in shown["message"]
        await editor.wait_for(lambda: editor.told("experimental/serverStatus")[-1]["health"] == "error")
        answer = await editor.request("textDocument/hover", {})
        assert "3 times" in answer["error"]["message"]
        assert (await editor.request("shutdown", None))["result"] is None
        editor.notify("exit", None)
        async with asyncio.timeout(10):
            assert await editor.process.wait() == 0


async def test_a_rust_analyzer_that_never_starts_leaves_rusta_running(serve, tmp_path):
    async with await serve(FAKE_DIES="at once") as editor:
        result = await greet(editor, tmp_path)
        assert "rusta" in result["capabilities"]["experimental"]
        await editor.wait_for(lambda: bool(editor.told("window/showMessage")))
        assert "code 3" in editor.told("window/showMessage")[0]["message"]
        assert await editor.shutdown() == 0


async def test_no_rust_analyzer_at_all(serve, tmp_path):
    async with await serve("--rust-analyzer", str(tmp_path / "absent")) as editor:
        await greet(editor, tmp_path)
        await editor.wait_for(lambda: bool(editor.told("window/showMessage")))
        assert "absent" in editor.told("window/showMessage")[0]["message"]
        assert await editor.shutdown() == 0


async def test_a_closed_output_counts_as_a_crash(serve, tmp_path):
    async with await serve() as editor:
        await greet(editor, tmp_path)
        assert "error" in await editor.request("fake/close", None)
        assert (await editor.request("fake/echo", 1))["result"] == 1


NONSENSE = [
    (b"Content-Length: ten\r\n\r\n", -32700, None),
    (b"hello\r\n", -32700, None),
    (b"Content-Length: 9\r\n\r\n{not json", -32700, None),
    (b'Content-Length: 22\r\n\r\n{"id":77,"method":"x",', -32700, 77),
    (b"Content-Length: 2\r\n\r\n[]", -32700, None),
]


@pytest.mark.parametrize(("data", "code", "id"), NONSENSE)
async def test_nonsense_from_the_editor_is_answered_and_passed_over(serve, tmp_path, data, code, id):
    async with await serve() as editor:
        await greet(editor, tmp_path)
        editor.write_raw(data)
        assert (await editor.request("fake/echo", 1))["result"] == 1
        (error,) = editor.unexpected
        assert (error["id"], error["error"]["code"]) == (id, code)
        (log,) = (tmp_path / "cache/rusta/logs").glob("*.log")
        assert "from the editor" in log.read_text()


async def test_an_end_within_a_message_ends_rusta_orderly(serve, tmp_path):
    async with await serve() as editor:
        await greet(editor, tmp_path)
        editor.write_raw(b"Content-Length: 1000\r\n\r\n{")
        editor.process.stdin.close()
        async with asyncio.timeout(10):
            assert await editor.process.wait() == 1
        (log,) = (tmp_path / "cache/rusta/logs").glob("*.log")
        assert "the stream ended after 1 of a message's 1000 bytes" in log.read_text()


@pytest.mark.parametrize(
    "data",
    [
        "Content-Length: ten\r\n\r\n",
        "a stray print\n",
        "thread 'main' panicked\r\n\r\n",
        "Content-Length: 9\r\n\r\n{not json",
        "Content-Length: 3\r\n\r\n123",
    ],
)
async def test_nonsense_from_rust_analyzer_is_passed_over(serve, tmp_path, data):
    async with await serve() as editor:
        await greet(editor, tmp_path)
        silent = editor.send("fake/raw", data)
        assert (await editor.request("fake/echo", 1))["result"] == 1
        assert not silent.done()
        (log,) = (tmp_path / "cache/rusta/logs").glob("*.log")
        assert "from rust-analyzer" in log.read_text()


async def test_a_broken_answer_of_rust_analyzer_is_an_error_for_whoever_waits(serve, tmp_path):
    async with await serve() as editor:
        await greet(editor, tmp_path)
        # The editor's ids count up from 1, so this is the next one.
        body = '{"jsonrpc":"2.0","id":2,"result":{'
        answer = await editor.request("fake/raw", f"Content-Length: {len(body)}\r\n\r\n{body}")
        assert "could not be read" in answer["error"]["message"]


MEGABYTE = 1_000_000


async def test_a_message_of_100_mb_passes(serve, tmp_path):
    async with await serve() as editor:
        await greet(editor, tmp_path)
        assert (await editor.request("fake/length", "x" * (100 * MEGABYTE)))["result"] == 100 * MEGABYTE
        assert len((await editor.request("fake/big", 100 * MEGABYTE))["result"]) == 100 * MEGABYTE
        assert (await editor.request("fake/echo", 1))["result"] == 1


async def test_a_message_over_the_limit_is_refused_from_either_side(serve, tmp_path):
    async with await serve("--max-message-mb", "50") as editor:
        await greet(editor, tmp_path)
        answer = await editor.request("fake/length", "x" * (100 * MEGABYTE))
        assert "over the limit" in answer["error"]["message"]
        answer = await editor.request("fake/big", 100 * MEGABYTE)
        assert "over the limit" in answer["error"]["message"]
        assert (await editor.request("fake/echo", 1))["result"] == 1


async def test_when_the_editor_hangs_up_no_process_is_left(serve, tmp_path):
    async with await serve() as editor:
        await greet(editor, tmp_path)
        grandchild = (await editor.request("fake/spawn", None))["result"]
        editor.send("fake/deaf", None)
        rusta = psutil.Process(editor.process.pid)
        family = [rusta, *rusta.children(recursive=True)]
        assert grandchild in {process.pid for process in family}
        editor.process.stdin.close()
        async with asyncio.timeout(10):
            assert await editor.process.wait() == 1
        assert all(gone(process.pid) for process in family)


async def test_when_the_editor_is_gone_but_our_input_stays_open(serve, tmp_path):
    other = await asyncio.create_subprocess_exec("sleep", "300")
    async with await serve() as editor:
        await greet(editor, tmp_path, processId=other.pid)
        grandchild = (await editor.request("fake/spawn", None))["result"]
        await asyncio.sleep(2.5)
        assert editor.process.returncode is None
        other.kill()
        await other.wait()
        async with asyncio.timeout(15):
            assert await editor.process.wait() == 1
        assert gone(grandchild)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_everything(serve, tmp_path, signum):
    async with await serve() as editor:
        await greet(editor, tmp_path)
        grandchild = (await editor.request("fake/spawn", None))["result"]
        os.kill(editor.process.pid, signum)
        async with asyncio.timeout(10):
            await editor.process.wait()
        assert gone(grandchild)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child's life to its parent's")
async def test_a_killed_rusta_takes_rust_analyzer_with_it(serve, tmp_path):
    async with await serve() as editor:
        await greet(editor, tmp_path)
        pid = (await editor.request("fake/pid", None))["result"]
        editor.process.kill()
        await editor.process.wait()
        assert gone(pid)


async def test_the_log_goes_to_the_editor_on_request(serve, tmp_path):
    async with await serve("--log-to-editor") as editor:
        await greet(editor, tmp_path)
        await editor.wait_for(
            lambda: any("started" in said["message"] for said in editor.told("window/logMessage"))
        )
