"""The index is opened, or built in a process of its own that leaves nothing behind."""

import asyncio
import os
import shutil
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from rusta_server.lsp import features
from rusta_server.lsp.library import Library, current
from rusta_server.tools.docs import Docs

PAGES = ("error_codes/E0382.html", "error_codes/E0384.html", "book/ch04-01-what-is-ownership.html")
CAPABILITIES = {"window": {"workDoneProgress": True}}


@pytest.fixture
def html(docs, tmp_path, monkeypatch) -> Path:
    """A toolchain of which only the documentation is real, and little of that."""
    folder = tmp_path / "sysroot/share/doc/rust/html"
    for page in PAGES:
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(docs.html / page, folder / page)
    rustc = tmp_path / "bin/rustc"
    rustc.parent.mkdir()
    rustc.write_text(
        "#!/bin/sh\n"
        f"case $1 in --print) echo {tmp_path}/sysroot;; *) echo 'rustc 1.95.0 (0 2026-01-01)';; esac\n"
    )
    rustc.chmod(0o755)
    monkeypatch.setenv("PATH", f"{rustc.parent}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.fixture
def open_server(connect, tmp_path):
    async def start(**rusta):
        (tmp_path / "crate").mkdir(exist_ok=True)
        options = {"rusta": {"cacheDir": str(tmp_path / "cache"), **rusta}}
        root = (tmp_path / "crate").as_uri()
        wire, proxy = await connect(features.register_all(), options, CAPABILITIES, rootUri=root)
        return wire, proxy

    return start


async def opened(proxy) -> Docs | None:
    """What there is once the opening has ended."""
    library = proxy.session.state(Library)
    async with asyncio.timeout(60):
        while library.opening is None:
            await asyncio.sleep(0.02)
        await asyncio.wait((library.opening,))
    return library.docs


async def answer_progress(wire) -> str:
    """Let the editor show the progress; returns its token."""
    create = await wire.until(lambda m: m.get("method") == "window/workDoneProgress/create")
    wire.answer(create["id"], None)
    return create["params"]["token"]


def progress(wire) -> list[str]:
    return [m["params"]["value"]["kind"] for m in wire.sent if m.get("method") == "$/progress"]


def indexers() -> list[psutil.Process]:
    """Processes that build, and all that they started."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if any("indexer" in word for word in child.cmdline()):
                found += [child, *child.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
    return found


def hang(html: Path) -> Path:
    """Let the build wait for a page for ever."""
    page = html / "error_codes/E0001.html"
    os.mkfifo(page)
    return page


async def until_indexing() -> list[psutil.Process]:
    async with asyncio.timeout(30):
        while len(found := indexers()) < 2:  # it, and one that reads pages
            await asyncio.sleep(0.05)
    return found


async def test_the_index_is_built_once_and_then_found(html, open_server):
    wire, proxy = await open_server()
    await answer_progress(wire)
    docs = await opened(proxy)
    assert docs is not None
    assert docs.section("error_codes", "E0382") is not None
    kinds = progress(wire)
    assert (kinds[0], kinds[-1]) == ("begin", "end")
    assert "report" in kinds
    made = docs.path.stat()

    wire, proxy = await open_server()
    assert await opened(proxy) is not None
    assert progress(wire) == []
    assert docs.path.stat() == made


async def test_of_two_servers_one_builds(html, open_server):
    page = hang(html)
    (wire, one), (other_wire, other) = await open_server(), await open_server()
    await asyncio.gather(answer_progress(wire), answer_progress(other_wire))
    await until_indexing()
    async with asyncio.timeout(30):
        while not any("another" in str(m) for m in (*wire.sent, *other_wire.sent)):
            await asyncio.sleep(0.05)
    await asyncio.to_thread(page.write_bytes, (html / PAGES[0]).read_bytes())
    found = [await opened(one), await opened(other)]
    assert all(docs is not None and docs.section("error_codes", "E0382") for docs in found)
    assert list(html.parents[4].glob("cache/docs/*.part")) == []


async def until_they_have_semaphores() -> set[str]:
    """The files of the named semaphores that those who read pages have opened: the pool's."""
    async with asyncio.timeout(30):
        while True:
            with suppress(psutil.NoSuchProcess):
                held = {one.path for process in indexers()[1:] for one in process.memory_maps()}
                if found := {path for path in held if "/sem.mp-" in path and Path(path).exists()}:
                    return found
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("how", ["the editor leaves", "its button"])
async def test_a_build_that_nobody_wants_any_more_leaves_nothing(html, open_server, tmp_path, how):
    hang(html)
    wire, proxy = await open_server()
    token = await answer_progress(wire)
    semaphores = await until_they_have_semaphores()
    running = indexers()
    if how == "its button":
        await wire.until(lambda m: m.get("method") == "$/progress")  # until then there is no button
        wire.notify("window/workDoneProgress/cancel", {"token": token})
        assert await opened(proxy) is None
    else:
        wire.incoming.put_nowait(None)
    _, alive = await asyncio.to_thread(psutil.wait_procs, running, 5)
    assert alive == []
    assert not list((tmp_path / "cache/docs").glob("*.sqlite"))
    assert [name for name in semaphores if Path(name).exists()] == []


async def test_without_documentation_it_says_so_once_and_names_the_remedy(html, open_server):
    shutil.rmtree(html)
    wire, proxy = await open_server()
    assert await opened(proxy) is None
    told = [m["params"]["message"] for m in wire.sent if m.get("method") == "window/showMessage"]
    assert len(told) == 1
    assert "rustup component add rust-docs" in told[0]


async def test_a_damaged_index_is_made_anew(html, open_server):
    wire, proxy = await open_server()
    await answer_progress(wire)
    docs = await opened(proxy)
    assert docs is not None
    docs.path.write_bytes(b"\0" * docs.path.stat().st_size)
    assert docs.section("error_codes", "E0384") is None
    assert current(proxy) is not docs
    wire.sent.clear()
    await answer_progress(wire)
    again = await opened(proxy)
    assert again is not None
    assert again.section("error_codes", "E0384") is not None


async def test_switched_off_nothing_is_opened(html, open_server):
    _, proxy = await open_server(citations=False)
    await asyncio.sleep(0.5)
    assert proxy.session.state(Library).opening is None
    assert indexers() == []
