"""The lightbulb with the real rust-analyzer and the real cargo."""

import asyncio
import contextlib
import os
import shutil
import sys
from pathlib import Path

import psutil
import pytest

from rusta_eval.editor import Editor

CRATE = Path(__file__).parents[1] / "fixtures/crates/semver"
SERVE = [sys.executable, "-m", "rusta_server", "serve"]
BROKEN = ("let mut pos = Position::Major;", "let pos = Position::Major;")

MINIMAL = {"textDocument": {"codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}}}}}
LAZY = {
    "workspace": {"workspaceEdit": {"documentChanges": True}},
    "textDocument": {
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix"]}},
            "isPreferredSupport": True,
            "dataSupport": True,
            "resolveSupport": {"properties": ["edit"]},
        }
    },
    "window": {"workDoneProgress": True},
    "experimental": {"serverStatusNotification": True},
}


@pytest.fixture(autouse=True)
def indexed(cache):
    """All servers here find the index of the documentation in their cache."""


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    shutil.copytree(CRATE, tmp_path / "semver")
    file = tmp_path / "semver/src/parse.rs"
    file.write_text("// é 🦀\n" + file.read_text().replace(*BROKEN, 1))
    return tmp_path / "semver"


async def start(crate: Path, capabilities: dict, **rusta) -> tuple[Editor, str]:
    editor = await Editor.start(SERVE, cwd=crate)
    rusta = {"cacheDir": str(crate.parent / "cache"), "runTests": False, **rusta}
    await editor.initialize(crate, capabilities, {"rusta": rusta})
    return editor, editor.open(crate / "src/parse.rs")


def error_line(crate: Path) -> int:
    lines = (crate / "src/parse.rs").read_text().splitlines()
    return next(i for i, line in enumerate(lines) if "pos = Position::Minor" in line)


def request_at(uri: str, line: int, **context) -> dict:
    place = {"line": line, "character": 8}
    return {
        "textDocument": {"uri": uri},
        "range": {"start": place, "end": place},
        "context": {"diagnostics": [], **context},
    }


async def ours(editor: Editor, uri: str, line: int, timeout_s: float = 90, **context) -> list[dict]:
    async with asyncio.timeout(timeout_s):
        while True:
            answer = await editor.request("textDocument/codeAction", request_at(uri, line, **context))
            found = [a for a in answer.get("result") or [] if "rusta" in (a.get("data") or {})]
            if found:
                return found
            await asyncio.sleep(0.2)


async def at_once(editor: Editor, uri: str, line: int) -> set[int] | None:
    """The numbers of our offers in one answer; None where rust-analyzer had none, since the text moved on."""
    answer = await editor.request("textDocument/codeAction", request_at(uri, line))
    if "error" in answer:
        return None
    return {
        action["data"]["rusta"] for action in answer["result"] or [] if "rusta" in (action.get("data") or {})
    }


async def status(editor: Editor) -> dict:
    return (await editor.request("rusta/status", {}))["result"]


def apply(text: str, edits: list[dict]) -> str:
    """Apply utf-16 text edits."""
    lines = text.splitlines(keepends=True)

    def offset(place: dict) -> int:
        line = lines[place["line"]] if place["line"] < len(lines) else ""
        before = line.encode("utf-16-le")[: 2 * place["character"]].decode("utf-16-le")
        return sum(map(len, lines[: place["line"]])) + len(before)

    for edit in sorted(edits, key=lambda e: offset(e["range"]["start"]), reverse=True):
        start, end = offset(edit["range"]["start"]), offset(edit["range"]["end"])
        text = text[:start] + edit["newText"] + text[end:]
    return text


async def test_a_check_puts_a_verified_fix_into_the_lightbulb(crate: Path):
    before = (crate / "src/parse.rs").read_text()
    editor, uri = await start(crate, LAZY)
    async with editor:
        actions = await ours(editor, uri, error_line(crate))
        best = actions[0]
        assert best["kind"] == "quickfix"
        assert best["isPreferred"]
        assert "V2" in best["title"]
        assert best["diagnostics"][0]["code"] == "E0384"
        assert "edit" not in best
        assert any(anchor.startswith("error_codes/E0384#") for anchor in best["data"]["anchors"])
        resolved = (await editor.request("codeAction/resolve", best))["result"]
        (change,) = resolved["edit"]["documentChanges"]
        assert change["textDocument"] == {"uri": uri, "version": 1}
        after = apply(before, change["edits"])
        assert after == before.replace(*reversed(BROKEN), 1)
        await editor.shutdown()
    assert (crate / "src/parse.rs").read_text() == before, "nothing is written by the server"


async def test_a_client_without_optional_capabilities_gets_plain_edits(crate: Path):
    editor, uri = await start(crate, MINIMAL)
    async with editor:
        (action, *_) = await ours(editor, uri, error_line(crate))
        assert list(action["edit"]) == ["changes"]
        assert list(action["edit"]["changes"]) == [uri]
        await editor.shutdown()


async def test_other_kinds_of_actions_are_left_alone(crate: Path):
    editor, uri = await start(crate, LAZY)
    async with editor:
        await ours(editor, uri, error_line(crate))
        with pytest.raises(TimeoutError):
            await ours(editor, uri, error_line(crate), timeout_s=1, only=["refactor"])
        await editor.shutdown()


async def test_an_offer_goes_away_when_the_text_changes(crate: Path):
    editor, uri = await start(crate, LAZY)
    async with editor:
        line = error_line(crate)
        (action, *_) = await ours(editor, uri, line)
        change = {
            "text": "\n",
            "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}},
        }
        editor.notify(
            "textDocument/didChange",
            {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [change]},
        )
        answer = await editor.request("codeAction/resolve", action)
        assert "changed" in answer["error"]["message"]
        with pytest.raises(TimeoutError):
            await ours(editor, uri, line + 1, timeout_s=1)
        await editor.shutdown()


async def test_an_offer_stays_while_the_same_text_is_searched_again(crate: Path):
    editor, uri = await start(crate, LAZY)
    async with editor:
        line = error_line(crate)
        numbers = {action["data"]["rusta"] for action in await ours(editor, uri, line)}
        while (await status(editor))["searching"]:
            numbers |= await at_once(editor, uri, line) or set()
        editor.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
        states = []
        async with asyncio.timeout(60):
            while states[-2:] != [True, False]:
                states.append((await status(editor))["searching"])
                offered = await at_once(editor, uri, line)
                assert offered is None or offered & numbers, "the same offer keeps its number"
                await asyncio.sleep(0.02)
        await editor.shutdown()


async def test_an_offer_goes_away_when_another_file_changes(crate: Path):
    """It was compiled together with the other file as it was: it says so in its title."""
    editor, uri = await start(crate, LAZY)
    async with editor:
        line = error_line(crate)
        await ours(editor, uri, line)
        other = editor.open(crate / "src/eval.rs")
        assert await ours(editor, uri, line), "opening a file changes nothing"
        place = {"line": 0, "character": 0}
        change = {"text": "broken!\n", "range": {"start": place, "end": place}}
        document = {"uri": other, "version": 2}
        editor.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})
        with pytest.raises(TimeoutError):
            await ours(editor, uri, line, timeout_s=1)
        await editor.shutdown()


async def test_a_path_dependency_that_is_added_later_is_found(crate: Path):
    """As by a member of a workspace: the time of the root's manifest stays as it is."""
    editor, _ = await start(crate, LAZY, fixOnCheck=False)
    manifest = '[package]\nname = "late"\nversion = "0.1.0"\nedition = "2021"\n'
    async with editor:
        command = {"command": "rusta.proposePatch", "arguments": []}
        first = await editor.request("workspace/executeCommand", command, timeout_s=90)
        (crate.parent / "late/src").mkdir(parents=True)
        (crate.parent / "late/Cargo.toml").write_text(manifest)
        (crate.parent / "late/src/lib.rs").write_text("pub fn f() {}\n")
        times = (crate / "Cargo.toml").stat()
        with (crate / "Cargo.toml").open("a") as file:
            file.write('\n[dependencies.late]\npath = "../late"\n')
        os.utime(crate / "Cargo.toml", ns=(times.st_atime_ns, times.st_mtime_ns))
        second = await editor.request("workspace/executeCommand", command, timeout_s=90)
        assert first["result"]["offers"]
        assert len(second["result"]["offers"]) == len(first["result"]["offers"])
        await editor.shutdown()


@pytest.mark.parametrize("how", ["the progress's button", "the request", "a newer search"])
async def test_a_search_can_be_cancelled(make_crate, how):
    slow = "fn main() { std::thread::sleep(std::time::Duration::from_secs(60)) }\n"
    crate = make_crate({"src/lib.rs": "pub fn f() -> u8 { true }\n", "build.rs": slow})
    editor = await Editor.start(SERVE, cwd=crate)
    async with editor:
        rusta = {"cacheDir": str(crate.parent / "cache"), "fixOnCheck": False}
        await editor.initialize(crate, LAZY, {"rusta": rusta, "checkOnSave": False})
        server = psutil.Process(editor.process.pid)

        def in_the_shadow() -> list[psutil.Process]:
            found = []
            for child in server.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):  # it ended while we looked
                    if "build-script" in child.name() and "shadows" in child.exe():
                        found.append(child)
            return found

        command = {"command": "rusta.proposePatch", "arguments": [(crate / "src/lib.rs").as_uri()]}
        search = editor.send("workspace/executeCommand", command)
        await editor.wait_for(lambda: any(is_our_progress(n) for n in editor.notifications))
        async with asyncio.timeout(30):
            while not in_the_shadow():
                await asyncio.sleep(0.1)
        before = in_the_shadow()
        if how == "the progress's button":
            token = next(n["params"]["token"] for n in editor.notifications if is_our_progress(n))
            editor.notify("window/workDoneProgress/cancel", {"token": token})
        elif how == "the request":
            editor.notify("$/cancelRequest", {"id": 2})
        else:
            editor.send("workspace/executeCommand", command).add_done_callback(lambda f: f.exception())
        async with asyncio.timeout(5):
            assert b"cancel" in await search
        assert psutil.wait_procs(before, 5)[1] == []
        await editor.shutdown()


async def test_a_new_file_that_was_never_saved(make_crate):
    crate = make_crate({"src/lib.rs": "pub mod new;\n"})
    editor = await Editor.start(SERVE, cwd=crate)
    async with editor:
        rusta = {"cacheDir": str(crate.parent / "cache"), "fixOnCheck": False}
        await editor.initialize(crate, LAZY, {"rusta": rusta})
        uri = editor.open(crate / "src/new.rs", 'pub fn f() -> String { "x" }\n')
        command = {"command": "rusta.proposePatch", "arguments": [uri]}
        answer = await editor.request("workspace/executeCommand", command, timeout_s=90)
        assert answer["result"]["offers"][0]["level"] == "V2"
        await editor.shutdown()
    assert not (crate / "src/new.rs").exists()


async def test_a_folder_that_was_opened_through_a_link(make_crate):
    broken = '// é\npub fn f() -> String { 1.to_str() }\npub fn g() -> String { "x" }\n'
    crate = make_crate({"src/lib.rs": broken}, name="real")
    link = crate.parent / "link"
    link.symlink_to(crate)
    editor = await Editor.start(SERVE, cwd=link)
    async with editor:
        rusta = {"cacheDir": str(crate.parent / "cache"), "runTests": False}
        await editor.initialize(link, LAZY, {"rusta": rusta})
        uri = editor.open(link / "src/lib.rs")
        action = (await ours(editor, uri, 2))[0]
        (change,) = (await editor.request("codeAction/resolve", action))["result"]["edit"]["documentChanges"]
        assert change["textDocument"] == {"uri": uri, "version": 1}
        text = 'pub fn g() -> String { "y" }\n'
        document = {"uri": uri, "version": 2}
        editor.notify(
            "textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]}
        )
        command = {"command": "rusta.proposePatch", "arguments": [uri]}
        answer = await editor.request("workspace/executeCommand", command, timeout_s=90)
        offer = answer["result"]["offers"][0]
        (change,) = offer["edit"]["documentChanges"]
        assert (offer["level"], change["textDocument"]) == ("V2", document)
        await editor.shutdown()


async def test_the_unsaved_buffer_counts(crate: Path):
    """The disk is fine, the buffer is broken: the command searches in the buffer."""
    file = crate / "src/parse.rs"
    broken = file.read_text()
    file.write_text(broken.replace(*reversed(BROKEN), 1))
    editor = await Editor.start(SERVE, cwd=crate)
    async with editor:
        await editor.initialize(
            crate, LAZY, {"rusta": {"cacheDir": str(crate.parent / "cache"), "runTests": False}}
        )
        uri = editor.open(file, broken, version=7)
        place = {"line": error_line_of(broken), "character": 8}
        command = {
            "command": "rusta.proposePatch",
            "arguments": [{"textDocument": {"uri": uri}, "position": place}],
        }
        answer = await editor.request("workspace/executeCommand", command, timeout_s=90)
        offer = answer["result"]["offers"][0]
        assert offer["level"] == "V2"
        (change,) = offer["edit"]["documentChanges"]
        assert change["textDocument"]["version"] == 7
        assert apply(broken, change["edits"]) == file.read_text()
        kinds = [n["params"]["value"]["kind"] for n in editor.notifications if is_our_progress(n)]
        assert kinds[0] == "begin"
        assert kinds[-1] == "end"
        await editor.shutdown()


def error_line_of(text: str) -> int:
    return next(i for i, line in enumerate(text.splitlines()) if "pos = Position::Minor" in line)


def is_our_progress(message: dict) -> bool:
    token = (message.get("params") or {}).get("token")
    return message["method"] == "$/progress" and str(token).startswith("rusta:")


async def test_rust_analyzers_assists_are_compiled_too(crate: Path):
    """Generics on a module: only rust-analyzer knows a way out, and only at the diagnostic's span."""
    file = crate / "src/eval.rs"
    broken = file.read_text() + "\npub fn stop(x: std::option<u8>::Option<u8>) -> Option<u8> {\n    x\n}\n"
    file.write_text(broken)
    parse = crate / "src/parse.rs"
    parse.write_text(parse.read_text().replace(*reversed(BROKEN), 1))
    editor, _ = await start(crate, LAZY)
    async with editor:
        uri = editor.open(file)
        line = next(i for i, text in enumerate(broken.splitlines()) if "option<u8>" in text)
        command = {
            "command": "rusta.proposePatch",
            "arguments": [{"textDocument": {"uri": uri}, "position": {"line": line, "character": 25}}],
        }
        await editor.until_quiescent()
        answer = await editor.request("workspace/executeCommand", command, timeout_s=90)
        (offer,) = answer["result"]["offers"]
        assert (offer["source"], offer["level"]) == ("assist", "V2")
        (change,) = offer["edit"]["documentChanges"]
        assert "std::option::Option<u8>" in apply(broken, change["edits"])
        await editor.shutdown()


async def test_every_workspace_folder_keeps_its_fixes(make_crate):
    text = 'pub fn f() -> String {\n    "x"\n}\n'
    crates = [make_crate({"src/lib.rs": text}, name=name) for name in ("one", "two")]
    editor = await Editor.start(SERVE, cwd=crates[0])
    async with editor:
        folders = [{"uri": crate.as_uri(), "name": crate.name} for crate in crates]
        rusta = {"cacheDir": str(crates[0].parent / "cache"), "runTests": False}
        await editor.initialize(crates[0], LAZY, {"rusta": rusta}, workspaceFolders=folders)
        uris = [editor.open(crate / "src/lib.rs") for crate in crates]
        for uri in (*uris, *uris):
            assert "V2" in (await ours(editor, uri, 1))[0]["title"]
        await editor.shutdown()


async def test_a_users_own_check_command_is_respected(crate: Path):
    marker = crate.parent / "ran"
    command = ["sh", "-c", f"touch {marker}; cargo check --message-format=json"]
    editor = await Editor.start(SERVE, cwd=crate)
    async with editor:
        await editor.initialize(crate, LAZY, {"check": {"overrideCommand": command}})
        editor.open(crate / "src/parse.rs")
        async with asyncio.timeout(60):
            while not marker.exists():
                await asyncio.sleep(0.1)
        await editor.shutdown()
