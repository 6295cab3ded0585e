"""A search after a check leaves the machine to rust-analyzer until that has indexed the workspace."""

import asyncio
from pathlib import Path

import pytest

from rusta_server.lsp import fixes
from rusta_server.lsp.features.check import CheckRun
from rusta_server.lsp.hooks import Hooks
from rusta_server.tools import cargo


def indexing(kind: str) -> dict:
    value = {"kind": kind, "title": "Indexing"}
    params = {"token": "rustAnalyzer/cachePriming", "value": value}
    return {"jsonrpc": "2.0", "method": "$/progress", "params": params}


@pytest.fixture
def searched(monkeypatch):
    """The jobs whose search has begun."""
    jobs = []

    async def run(proxy, job, cancel):
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
