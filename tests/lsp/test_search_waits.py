"""A search after a check leaves the machine to rust-analyzer until that has indexed the workspace."""

import asyncio
from pathlib import Path

import pytest

from rusta_server.errors import RustaError
from rusta_server.lsp import fixes
from rusta_server.lsp.features.check import CheckRun
from rusta_server.lsp.hooks import Hooks
from rusta_server.tools import cargo
from rusta_server.tools.process import Cancel


def indexing(kind: str) -> dict:
    value = {"kind": kind, "title": "Indexing"}
    params = {"token": "rustAnalyzer/cachePriming", "value": value}
    return {"jsonrpc": "2.0", "method": "$/progress", "params": params}


@pytest.fixture
def searched(monkeypatch):
    """The jobs whose search has begun."""
    jobs = []

    async def run(proxy, job, cancel, versions):
        jobs.append(job)

    monkeypatch.setattr(fixes, "_run", run)
    return jobs


def after_a_check(root: Path) -> fixes.Job:
    return fixes.Job(root, cargo.Scope(), CheckRun(root, 101, b"", None, repeatable=True))


@pytest.mark.parametrize("how", ["it has ended", "rust-analyzer died"])
async def test_a_search_after_a_check_begins_when_rust_analyzer_has_indexed(connect, tmp_path, searched, how):
    wire, proxy = await connect(Hooks())
    await wire.request(1, "fake/say", [indexing("begin")])
    task = fixes.start(proxy, after_a_check(tmp_path))
    await asyncio.sleep(0.3)
    assert searched == []
    if how == "it has ended":
        await wire.request(2, "fake/say", [indexing("end")])
    else:
        await wire.request(2, "fake/die")
    async with asyncio.timeout(5):
        await task
    assert len(searched) == 1


async def test_what_somebody_waits_for_begins_at_once(connect, tmp_path, searched):
    wire, proxy = await connect(Hooks())
    await wire.request(1, "fake/say", [indexing("begin")])
    async with asyncio.timeout(5):
        await fixes.start(proxy, fixes.Job(tmp_path, cargo.Scope()))
    assert len(searched) == 1


async def test_a_newer_search_ends_one_that_waits(connect, tmp_path, searched):
    wire, proxy = await connect(Hooks())
    await wire.request(1, "fake/say", [indexing("begin")])
    waits = fixes.start(proxy, after_a_check(tmp_path))
    newer = fixes.start(proxy, after_a_check(tmp_path))
    async with asyncio.timeout(5):
        assert await waits == []
    assert searched == []
    await wire.request(2, "fake/say", [indexing("end")])
    await newer
    assert len(searched) == 1


async def test_a_change_ends_one_that_waits_for_what_a_check_said_holds_no_more(connect, tmp_path, searched):
    wire, proxy = await connect(Hooks())
    uri = (tmp_path / "a.rs").as_uri()
    opened = {"uri": uri, "languageId": "rust", "version": 1, "text": "fn f() {}"}
    wire.notify("textDocument/didOpen", {"textDocument": opened})
    await wire.request(1, "fake/say", [indexing("begin")])
    waits = fixes.start(proxy, after_a_check(tmp_path))
    changed = {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": "fn g() {}"}]}
    wire.notify("textDocument/didChange", changed)
    async with asyncio.timeout(5):
        assert await waits == []
    assert searched == []


@pytest.mark.parametrize(("is_cancelled", "n_left"), [(True, 1), (False, 0)])
async def test_what_was_proven_stays_when_a_search_is_cancelled_and_goes_when_it_fails(
    connect, tmp_path, monkeypatch, is_cancelled, n_left
):
    _, proxy = await connect(Hooks())
    cancel = Cancel()

    def search(*_):
        if is_cancelled:
            cancel.set()
        raise RustaError("there is no judgement")

    monkeypatch.setattr(fixes, "_search", search)
    monkeypatch.setattr(fixes, "is_current", lambda proxy, ready: True)
    state = proxy.session.state(fixes.Fixes)
    state.ready = [fixes.Ready(1, tmp_path, None, None, (), is_answer=True)]
    with pytest.raises(RustaError):
        await fixes.start(proxy, fixes.Job(tmp_path, cargo.Scope()), cancel)
    assert len(state.ready) == n_left
