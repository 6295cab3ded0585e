"""What a feature can do, and that a feature that fails harms nothing but itself."""

import asyncio

import pytest

from rusta_server.errors import RustaError
from rusta_server.lsp import jsonrpc
from rusta_server.lsp.hooks import Hooks
from rusta_server.lsp.upstream import RequestFailed, Upstream

URI = "file:///tmp/a.rs"


async def received(wire, method: str) -> list:
    answer = await wire.request("received", "fake/received")
    wire.sent.remove(answer)
    return [message for message in answer["result"] if message.get("method") == method]


async def test_after_patches_the_result(connect):
    async def add(proxy, params, result):
        return {**result, "ours": params["a"] + 1}

    hooks = Hooks()
    hooks.after("fake/echo", add)
    wire, _ = await connect(hooks)
    assert (await wire.request(1, "fake/echo", {"a": 1}))["result"] == {"a": 1, "ours": 2}


async def raises(proxy, params, result):
    raise ValueError("a bug")


async def hangs(proxy, params, result):
    await asyncio.sleep(60)


async def abstains(proxy, params, result):
    return None


async def talks_nonsense(proxy, params, result):
    return {"no JSON": object()}


def is_not_even_asynchronous(proxy, params, result):
    raise ValueError("a bug")


@pytest.mark.parametrize("broken", [raises, hangs, abstains, talks_nonsense, is_not_even_asynchronous])
async def test_a_broken_feature_leaves_the_answer_alone(connect, caplog, broken):
    hooks = Hooks()
    hooks.after("fake/echo", broken, timeout_s=0.1)
    wire, _ = await connect(hooks)
    assert (await wire.request("my id", "fake/echo", {"a": 1}))["result"] == {"a": 1}
    assert ("'my id'" in caplog.text) == (broken is not abstains)


async def test_a_feature_that_has_nothing_to_say_does_not_hold_up_others(connect):
    hooks = Hooks()
    hooks.after("fake/echo", hangs, timeout_s=5)
    wire, _ = await connect(hooks)
    slow = asyncio.create_task(wire.request(1, "fake/echo", {}))
    assert (await wire.request(2, "fake/pid"))["result"]
    assert not slow.done()
    slow.cancel()


def beside(begin, grace_s=5.0):
    """Hooks with something that begins together with a request."""
    hooks = Hooks()
    hooks.beside("fake/echo", begin, grace_s=lambda proxy: grace_s)
    return hooks


async def test_what_begins_with_a_request_patches_its_answer(connect):
    begun = []

    async def add(proxy, params, answer):
        begun.append(answer.done())
        return {**(await answer), "ours": params["a"] + 1}

    wire, _ = await connect(beside(add))
    assert (await wire.request(1, "fake/echo", {"a": 1}))["result"] == {"a": 1, "ours": 2}
    assert begun == [False]


async def test_what_is_not_ready_in_time_is_left_out_and_ends_in_its_own_time(connect):
    ready, ended = asyncio.Event(), asyncio.Event()

    async def late(proxy, params, answer):
        await ready.wait()
        ended.set()
        return {"late": True}

    wire, _ = await connect(beside(late, grace_s=0.05))
    assert (await wire.request(1, "fake/echo", {"a": 1}))["result"] == {"a": 1}
    ready.set()
    async with asyncio.timeout(5):
        await ended.wait()
    assert (await wire.request(2, "fake/echo", {"a": 2}))["result"] == {"late": True}


@pytest.mark.parametrize("broken", [raises, abstains, talks_nonsense, is_not_even_asynchronous])
async def test_what_fails_beside_a_request_leaves_the_answer_alone(connect, broken):
    wire, _ = await connect(beside(broken))
    assert (await wire.request(1, "fake/echo", {"a": 1}))["result"] == {"a": 1}


@pytest.mark.parametrize("how", ["an error", "a crash"])
async def test_what_goes_on_beside_a_request_ends_when_there_is_no_result(connect, how):
    ended = asyncio.Event()

    async def wait(proxy, params, answer):
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    hooks = Hooks()
    method = "fake/error" if how == "an error" else "fake/die"
    hooks.beside(method, wait, grace_s=lambda proxy: 5.0)
    wire, _ = await connect(hooks)
    assert "error" in await wire.request(1, method, {})
    async with asyncio.timeout(5):
        await ended.wait()


async def test_what_begins_with_a_request_answers_it_without_rust_analyzer(connect):
    async def add(proxy, params, answer):
        return {"theirs": await answer, **params}

    wire, _ = await connect(beside(add))
    for n in range(1, 4):
        assert "error" in await wire.request(n, "fake/die")
    await wire.until(lambda m: m.get("method") == "window/showMessage")
    assert (await wire.request(9, "fake/echo", {"a": 1}))["result"] == {"theirs": None, "a": 1}


async def test_before_patches_the_params(connect):
    hooks = Hooks()
    hooks.before("fake/echo", lambda proxy, params: {**params, "b": 2})
    hooks.before("fake/echo", lambda proxy, params: 1 / 0)
    hooks.before("fake/pid", lambda proxy, params: object())
    wire, _ = await connect(hooks)
    assert (await wire.request(9, "fake/pid"))["result"]
    assert (await wire.request(1, "fake/echo", {"a": 1}))["result"] == {"a": 1, "b": 2}


async def test_claims_answer_only_what_is_ours(connect):
    async def answer(proxy, params):
        return "ours"

    hooks = Hooks()
    hooks.claim("fake/echo", lambda proxy, params: 1 / 0, answer)
    hooks.claim("fake/echo", lambda proxy, params: "rusta" in params, answer)
    wire, _ = await connect(hooks)
    assert (await wire.request(1, "fake/echo", {"rusta": 1}))["result"] == "ours"
    assert (await wire.request(2, "fake/echo", {"a": 1}))["result"] == {"a": 1}


async def test_claims_and_commands_are_cancelled(connect):
    begun, ended = [], []

    async def answer(proxy, *_):
        begun.append(1)
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(1)

    hooks = Hooks()
    hooks.claim("fake/echo", lambda proxy, params: True, answer)
    hooks.command("rusta.slow", answer)
    wire, _ = await connect(hooks)
    one = asyncio.create_task(wire.request(1, "fake/echo", {}))
    two = asyncio.create_task(wire.request(2, "workspace/executeCommand", {"command": "rusta.slow"}))
    async with asyncio.timeout(10):
        while len(begun) < 2:
            await asyncio.sleep(0.02)
    for id in (1, 2):
        wire.notify("$/cancelRequest", {"id": id})
    for answered in await asyncio.gather(one, two):
        assert answered["error"]["code"] == -32800
    assert ended == [1, 1]
    wire.notify("$/cancelRequest", {"id": 99})
    assert len(await received(wire, "$/cancelRequest")) == 1


async def test_commands_and_methods_of_our_own(connect):
    async def command(proxy, *arguments):
        return [proxy.session.encoding, *arguments]

    async def complain(proxy, *arguments):
        raise RustaError("No.", hint="rusta doctor")

    async def method(proxy, params):
        return params

    hooks = Hooks()
    hooks.command("rusta.x", command)
    hooks.command("rusta.no", complain)
    hooks.method("rusta/x", method)
    wire, _ = await connect(hooks)
    capabilities = wire.sent[0]["result"]["capabilities"]
    assert capabilities["executeCommandProvider"]["commands"] == ["rusta.x", "rusta.no"]
    ran = {"command": "rusta.x", "arguments": [{"jsonrpc": 1}, 2]}
    assert (await wire.request(1, "workspace/executeCommand", ran))["result"] == ["utf-8", {"jsonrpc": 1}, 2]
    error = (await wire.request(2, "workspace/executeCommand", {"command": "rusta.no"}))["error"]
    assert error["message"] == "No. rusta doctor"
    nested = {"jsonrpc": "2.0", "id": 3, "x": [{"y": None}]}
    assert (await wire.request(3, "rusta/x", nested))["result"] == nested
    assert (await wire.request(4, "rusta/x"))["result"] is None
    assert not await received(wire, "workspace/executeCommand")


async def test_notifications_are_seen_and_can_be_changed(connect):
    seen = []
    hooks = Hooks()
    hooks.from_client("textDocument/didSave", lambda proxy, params: seen.append(params))
    hooks.from_client("textDocument/didSave", lambda proxy, params: 1 / 0)
    hooks.from_analyzer("fake/note", lambda proxy, params: {**params, "b": 2})
    wire, _ = await connect(hooks)
    wire.notify("textDocument/didSave", {"textDocument": {"uri": URI}})
    note = {"method": "fake/note", "params": {"a": 1}}
    await wire.request(1, "fake/say", [note])
    assert seen == [{"textDocument": {"uri": URI}}]
    assert len(await received(wire, "textDocument/didSave")) == 1
    assert (await wire.until(lambda m: m.get("method") == "fake/note"))["params"] == {"a": 1, "b": 2}


def patch(proxy, settings):
    return {**settings, "check": {"overrideCommand": ["relay"]}}


@pytest.mark.parametrize("options", [None, {}, {"rusta": {}}, {"check": {"command": "clippy"}}])
async def test_settings_are_patched_from_the_start(connect, options):
    hooks = Hooks()
    hooks.settings(patch)
    wire, _ = await connect(hooks, options)
    (initialize,) = await received(wire, "initialize")
    assert initialize["params"]["initializationOptions"] == {"check": {"overrideCommand": ["relay"]}}


async def test_settings_stay_patched_when_they_change(connect):
    hooks = Hooks()
    hooks.settings(patch)
    hooks.settings(lambda proxy, settings: 1 / 0)
    wire, _ = await connect(hooks)
    changed = {"settings": {"rust-analyzer": {"a": 1}, "other": {}}}
    wire.notify("workspace/didChangeConfiguration", changed)
    (notified,) = await received(wire, "workspace/didChangeConfiguration")
    assert notified["params"]["settings"] == {
        "rust-analyzer": {"a": 1, "check": {"overrideCommand": ["relay"]}},
        "other": {},
    }
    asking = {"method": "workspace/configuration", "params": {"items": [{"section": "rust-analyzer"}]}}
    asked = asyncio.create_task(wire.request(1, "fake/ask", asking))
    message = await wire.until(lambda m: m.get("method") == "workspace/configuration")
    wire.answer(message["id"], [{"b": 2}])
    assert (await asked)["result"] == [{"b": 2, "check": {"overrideCommand": ["relay"]}}]


async def test_a_feature_asks_rust_analyzer(connect):
    async def command(proxy, what):
        if what == "die":
            with pytest.raises(RequestFailed, match="SIGKILL"):
                await proxy.analyzer.request("fake/die")
            return "said so"
        if what == "silence":
            with pytest.raises(TimeoutError):
                await proxy.analyzer.request("fake/silence", timeout_s=0.1)
        return await proxy.analyzer.request("fake/echo", what)

    hooks = Hooks()
    hooks.command("rusta.ask", command)
    wire, _ = await connect(hooks)
    for id, what in enumerate(("a", "silence", "die", "b"), start=1):
        params = {"command": "rusta.ask", "arguments": [what]}
        answer = await wire.request(id, "workspace/executeCommand", params)
        assert answer["result"] == {"die": "said so"}.get(what, what)
    assert not any(str(m.get("id")).startswith("rusta:") and "method" not in m for m in wire.sent)


async def test_a_feature_asks_the_editor_and_shows_progress(connect):
    async def command(proxy):
        progress = proxy.client.work_done_progress
        await progress.create_async("rusta/1")
        await asyncio.to_thread(proxy.client.protocol.notify, "rusta/told", {"from": "a thread"})
        cancelled = asyncio.wrap_future(progress.tokens["rusta/1"])
        try:
            await cancelled
        except asyncio.CancelledError:
            return "cancelled"

    hooks = Hooks()
    hooks.command("rusta.progress", command)
    wire, _ = await connect(hooks)
    params = {"command": "rusta.progress"}
    ran = asyncio.create_task(wire.request(1, "workspace/executeCommand", params))
    create = await wire.until(lambda m: m.get("method") == "window/workDoneProgress/create")
    assert create["id"].startswith("rusta:")
    wire.answer(create["id"], None)
    assert await wire.until(lambda m: m.get("method") == "rusta/told")
    wire.notify("window/workDoneProgress/cancel", {"token": "theirs"})
    wire.notify("window/workDoneProgress/cancel", {"token": "rusta/1"})
    assert (await ran)["result"] == "cancelled"
    (forwarded,) = await received(wire, "window/workDoneProgress/cancel")
    assert forwarded["params"]["token"] == "theirs"


async def test_an_answer_nobody_waits_for_any_more_is_no_fault(connect, caplog):
    wire, proxy = await connect(Hooks())
    protocol = proxy.client.protocol
    asking = protocol.send_request_async("rusta/question", None)
    asked = await wire.until(lambda m: m.get("method") == "rusta/question")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    wire.answer(asked["id"], "late")
    again = protocol.send_request_async("rusta/another", None)
    wire.answer((await wire.until(lambda m: m.get("method") == "rusta/another"))["id"], "in time")
    assert await again == "in time"
    assert not proxy.client.awaits(asked["id"])
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_documents_and_state(connect):
    class Mine:
        def __init__(self) -> None:
            self.n = 0

    async def command(proxy):
        proxy.session.state(Mine).n += 1
        document = proxy.documents.get(URI)
        same = proxy.client.workspace.get_text_document(URI)
        assert (same.source, same.version) == (document.text, document.version)
        assert proxy.client.workspace.position_encoding == proxy.session.encoding == "utf-8"
        return [proxy.session.state(Mine).n, document.version, document.index.position(4)]

    hooks = Hooks()
    hooks.command("rusta.look", command)
    wire, _ = await connect(hooks)
    document = {"uri": URI, "languageId": "rust", "version": 4, "text": "é\nab"}
    wire.notify("textDocument/didOpen", {"textDocument": document})
    for n in (1, 2):
        answer = await wire.request(n, "workspace/executeCommand", {"command": "rusta.look"})
        assert answer["result"] == [n, 4, {"line": 1, "character": 1}]


async def test_features_go_on_without_rust_analyzer(connect):
    async def add(proxy, params, result):
        return [*(result or []), "ours"]

    hooks = Hooks()
    hooks.after("textDocument/codeAction", add)
    wire, _ = await connect(hooks)
    both = await wire.request("first", "textDocument/codeAction", ["theirs"])
    assert both["result"] == ["theirs", "ours"]
    for n in range(1, 4):
        assert "error" in await wire.request(n, "fake/die")
    await wire.until(lambda m: m.get("method") == "window/showMessage")
    assert (await wire.request(9, "textDocument/codeAction", []))["result"] == ["ours"]


async def test_begin_and_end(connect):
    moments = []

    def moment(name):
        async def happen(proxy):
            moments.append(name)
            if name == "begin":
                proxy.background(asyncio.sleep(60))
                raise ValueError("a bug")

        return happen

    hooks = Hooks()
    hooks.ready(moment("begin"))
    hooks.ready(moment("begin too"))
    hooks.close(moment("end"))
    wire, _ = await connect(hooks)
    await received(wire, "initialized")
    wire.notify("exit", None)
    async with asyncio.timeout(5):
        while "end" not in moments:
            await asyncio.sleep(0.05)
    assert moments == ["begin", "begin too", "end"]


async def test_a_cancellation_is_not_lost_when_the_answer_comes_at_the_same_moment(connect, monkeypatch):
    """`asyncio.wait_for` of Python 3.11 loses it: whoever asks again and again then never ends."""
    _, proxy = await connect(Hooks())
    asked = []
    monkeypatch.setattr(Upstream, "send", lambda self, body: asked.append(body))
    asking = asyncio.create_task(proxy.analyzer.request("fake/echo"))
    await asyncio.sleep(0)
    id = next(jsonrpc.decode(body)["id"] for body in asked if b"fake/echo" in body)
    proxy.analyzer.resolve(id, jsonrpc.response(id, {}))
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
