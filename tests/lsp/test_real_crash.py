"""The real rust-analyzer, killed and left behind."""

import asyncio
import contextlib
import shutil
import sys
from pathlib import Path

import psutil
import pytest

from rusta_eval.editor import Editor

FIXTURE = Path(__file__).parents[1] / "fixtures/crates/semver"
CAPABILITIES = {
    "general": {"positionEncodings": ["utf-8"]},
    "workspace": {"didChangeWatchedFiles": {"dynamicRegistration": True}, "configuration": True},
    "window": {"workDoneProgress": True},
    "experimental": {"serverStatusNotification": True},
}


@pytest.fixture
async def editor(tmp_path):
    root = tmp_path / "semver"
    shutil.copytree(FIXTURE, root)
    command = [sys.executable, "-m", "rusta_server", "serve"]
    async with await Editor.start(
        command, cwd=root, env={"XDG_CACHE_HOME": str(tmp_path / "cache")}
    ) as editor:
        await editor.initialize(root, CAPABILITIES, {"rusta": {"fixOnCheck": False}})
        await editor.until_quiescent()
        yield editor


def family(editor: Editor) -> list[psutil.Process]:
    rusta = psutil.Process(editor.process.pid)
    return [rusta, *rusta.children(recursive=True)]


def named(processes: list[psutil.Process], name: str) -> list[psutil.Process]:
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended while we looked
            if process.name() == name:
                found.append(process)
    return found


async def test_killed_during_requests(editor, tmp_path):
    path = tmp_path / "semver/src/display.rs"
    text = "// 😀 not on disk\n" + path.read_text()
    uri = editor.open(path, text)
    line = text[: text.index("fn digits")].count("\n")
    asked = {"textDocument": {"uri": uri}, "position": {"line": line, "character": 4}}
    before = await editor.request("textDocument/hover", asked)
    assert before["result"]

    (analyzer,) = named(family(editor), "rust-analyzer")
    analyzer.suspend()  # so that the requests are in flight for certain
    while analyzer.status() != psutil.STATUS_STOPPED:
        await asyncio.sleep(0.01)
    in_flight = [asyncio.create_task(editor.request("textDocument/hover", asked)) for _ in range(5)]
    await asyncio.sleep(0.2)
    analyzer.kill()
    for answer in await asyncio.gather(*in_flight):
        assert "killed by SIGKILL" in answer["error"]["message"]

    await editor.until_quiescent()
    async with asyncio.timeout(30):
        while not (after := await editor.request("textDocument/hover", asked)).get("result"):
            await asyncio.sleep(0.2)  # it has to index the crate again
    assert after["result"] == before["result"]
    viewed = await editor.request("rust-analyzer/viewFileText", {"uri": uri})
    assert viewed["result"] == text
    assert_registrations_make_sense(editor)
    assert await editor.shutdown() == 0


def assert_registrations_make_sense(editor: Editor) -> None:
    """What the dead rust-analyzer had registered was taken back before the new one registered it again."""
    active: set[str] = set()
    taken_back = 0
    for request in editor.requests:
        if request["method"] == "client/registerCapability":
            active |= {registration["id"] for registration in request["params"]["registrations"]}
        elif request["method"] == "client/unregisterCapability":
            gone = {registration["id"] for registration in request["params"]["unregisterations"]}
            taken_back += request["id"].startswith("rusta:") and gone == active
            active -= gone
    assert taken_back == 1
    assert active


async def test_nothing_is_left_when_the_editor_dies(editor, tmp_path):
    library = tmp_path / "semver/src/lib.rs"
    # A check that does not end by itself.
    (tmp_path / "semver/build.rs").write_text(
        "fn main() { std::thread::sleep(std::time::Duration::from_secs(300)); }"
    )
    uri = editor.open(library)
    editor.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
    async with asyncio.timeout(30):
        while not named(processes := family(editor), "build-script-build"):
            await asyncio.sleep(0.1)
    assert named(processes, "cargo")
    editor.process.stdin.close()
    async with asyncio.timeout(15):
        await editor.process.wait()
    _, alive = psutil.wait_procs(processes, timeout=5)
    assert not alive
