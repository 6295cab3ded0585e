"""Hovers that cite: rust-analyzer's is kept whole, ours follows or nothing does."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from rusta_eval.editor import Editor
from rusta_server.config import Config
from rusta_server.lsp import citing, features
from rusta_server.lsp.citing import MARKDOWN, PLAIN, with_citations
from rusta_server.lsp.serve import find_rust_analyzer
from rusta_server.orchestrator import cards, explain

SERVE = [sys.executable, "-m", "rusta_server", "serve"]
RULE = "\n\n---\n\n"

# Emoji before the places count two units each in utf-16.
SOURCE = """//! Tried.

/// Takes all of it, and counts.
///
/// # Panics
///
/// Panics if there is nothing.
pub fn take(words: Vec<u8>) -> usize {
    words.len()
}

pub fn moved() -> usize {
    let words = vec![1];
    let n = take(words);
    n + /* 🦀🦀 */ words.len()
}

pub fn pushed(mut v: Vec<u8>) {
    let _ = "🦀🦀"; v.push(1);
    unsafe { std::hint::unreachable_unchecked() }
}
"""

CAPABILITIES = {
    "general": {"positionEncodings": ["utf-16"]},
    "textDocument": {
        "hover": {"contentFormat": ["markdown", "plaintext"]},
        "publishDiagnostics": {"codeDescriptionSupport": True},
    },
    "window": {"showDocument": {"support": True}},
    "experimental": {"serverStatusNotification": True, "hoverActions": True, "hoverRange": True},
}


class Site:
    """An editor that has the crate open."""

    def __init__(self, editor: Editor, file: Path) -> None:
        self.editor, self.file, self.text = editor, file, file.read_text()
        self.uri = editor.open(file)

    def at(self, marker: str) -> dict:
        """Right behind the first half of the marker, `half|half`."""
        head, _, tail = marker.partition("|")
        start = self.text.index(head + tail)
        before = self.text[: start + len(head)]
        line = before.rpartition("\n")[2]
        position = {"line": before.count("\n"), "character": len(line.encode("utf-16-le")) // 2}
        return {"textDocument": {"uri": self.uri}, "position": position}

    async def hover(self, marker: str) -> dict | None:
        answer = await self.editor.request("textDocument/hover", self.at(marker))
        return answer.get("result")

    async def until_checked(self) -> None:
        def has_error(params) -> bool:
            return any(one.get("source") == "rustc" for one in params["diagnostics"])

        await self.editor.wait_for(
            lambda: any(map(has_error, self.editor.told("textDocument/publishDiagnostics")))
        )

    async def cited(self, marker: str, wanted: str = "") -> dict:
        """The hover as soon as something is cited: the index is opened, and checks are read, beside us."""
        async with asyncio.timeout(30):
            while True:
                hover = await self.hover(marker)
                if hover and "file:///" in text_of(hover) and wanted in text_of(hover):
                    return hover
                await asyncio.sleep(0.1)


def text_of(hover: dict) -> str:
    contents = hover["contents"]
    return contents["value"] if isinstance(contents, dict) else json.dumps(contents, ensure_ascii=False)


async def start(root: Path, cache: Path, capabilities: dict = CAPABILITIES, **rusta) -> Site:
    editor = await Editor.start(SERVE, cwd=root)
    # A hover in a test waits as long as it takes, unless the test is about that.
    rusta = {"cacheDir": str(cache), "fixOnCheck": False, "citationBudgetMs": 20_000, **rusta}
    await editor.initialize(root, capabilities, {"rusta": rusta})
    return Site(editor, root / "src/lib.rs")


async def alone(root: Path) -> Site:
    program = await find_rust_analyzer(Config())
    editor = await Editor.start(list(program.argv), cwd=root, env=program.environment)
    await editor.initialize(root, CAPABILITIES, {"checkOnSave": False})
    return Site(editor, root / "src/lib.rs")


async def test_our_part_follows_rust_analyzers(make_crate, cache):
    root = make_crate({"src/lib.rs": SOURCE})
    theirs, ours = await alone(root), await start(root, cache)
    async with theirs.editor, ours.editor:
        await asyncio.gather(*(site.editor.until_quiescent() for site in (theirs, ours)))
        await ours.until_checked()
        cases = {
            # marker: what our part must say
            "v.pu|sh(1)": ("Appends an element", "/std/vec/struct.Vec.html#method.push", "isize::MAX"),
            "|unsafe {": ("“", "/reference/"),
            "/ |words.len()": ("`words`", "line 14", "Vec<u8>", "error_codes/E0382.html"),
            "= tak|e(words)": ("“Takes all of it, and counts.”", "src/lib.rs#L8", "nothing"),
        }
        for marker, wanted in cases.items():
            before, after = await theirs.hover(marker), await ours.cited(marker)
            head = before["contents"]["value"] + RULE
            assert after["contents"]["value"].startswith(head), marker
            assert {**after, "contents": None} == {**before, "contents": None}, marker
            said = after["contents"]["value"].removeprefix(head)
            assert [part for part in wanted if part not in said] == [], f"{marker}\n{said}"

        # rust-analyzer has nothing to say of an arrow; the Reference has.
        assert await theirs.hover("-|> usize {\n    let") is None
        arrow = await ours.cited("-|> usize {\n    let")
        assert arrow["contents"]["kind"] == MARKDOWN
        assert RULE not in arrow["contents"]["value"]
        assert await ours.hover("//! Tri|ed") is None

        explained = await run(ours.editor, "rusta.explain", ours.at("/ |words.len()"))
        assert "`words`" in explained["markdown"]
        page = next(id for id in explained["anchors"] if id.startswith("error_codes/E0382"))
        asked = []
        ours.editor.answers["window/showDocument"] = lambda params: asked.append(params) or {"success": True}
        opened = await run(ours.editor, "rusta.openCitation", page)
        assert opened["shown"]
        assert asked[0]["external"]
        assert asked[0]["uri"] == opened["uri"]
        assert "error_codes/E0382.html#" in opened["uri"]
        item = next(iter((await run(ours.editor, "rusta.explain", ours.at("= tak|e(words)")))["anchors"]))
        own = next(id for id in explained["anchors"] if id.startswith("diagnostic/E0382"))
        await run(ours.editor, "rusta.openCitation", own)
        error = asked.pop()
        assert error["uri"] == ours.uri
        assert error["selection"]["start"]["line"] == SOURCE[: SOURCE.rindex("words.len()")].count("\n")
        unknown = {
            "command": "rusta.openCitation",
            "arguments": ["diagnostic/E0382/0123456789abcdef#01234567"],
        }
        refused = await ours.editor.request("workspace/executeCommand", unknown)
        assert "nothing that can be cited" in refused["error"]["message"]
        await run(ours.editor, "rusta.openCitation", item)
        assert asked[1]["uri"] == ours.uri
        assert asked[1]["selection"]["start"]["line"] == SOURCE[: SOURCE.index("pub fn take")].count("\n")
        await asyncio.gather(theirs.editor.shutdown(), ours.editor.shutdown())


async def test_while_the_index_is_being_built_error_codes_are_cited(make_crate, tmp_path):
    site = await start(make_crate({"src/lib.rs": SOURCE}), tmp_path / "empty")
    async with site.editor:
        said = text_of(await site.cited("/ |words.len()", "line 14"))
        assert "/error_codes/E0382.html" in said
        await site.editor.shutdown()


async def run(editor: Editor, command: str, argument) -> dict:
    answer = await editor.request("workspace/executeCommand", {"command": command, "arguments": [argument]})
    return answer["result"]


async def test_a_diagnostic_moves_with_its_lines(make_crate, cache):
    site = await start(make_crate({"src/lib.rs": SOURCE}), cache)
    async with site.editor:
        await site.cited("/ |words.len()", "line 14")

        def change(old: str, new: str) -> None:
            site.text = site.text.replace(old, new, 1)
            document = {"uri": site.uri, "version": site.text.count("\n") + len(site.text)}
            site.editor.notify(
                "textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": site.text}]}
            )

        change("//! Tried.\n", "//! Tried.\n//! Again.\n")
        await site.cited("/ |words.len()", "line 15")
        change("let n = take(words);", "let n = take(words.clone());")
        assert "E0382" not in text_of(await site.hover("/ |words.len()"))
        await site.editor.shutdown()


@pytest.mark.parametrize("formats", [{"hover": {"contentFormat": ["plaintext"]}}, {}])
async def test_a_client_that_shows_plain_text(make_crate, cache, formats):
    site = await start(make_crate({"src/lib.rs": SOURCE}), cache, {**CAPABILITIES, "textDocument": formats})
    async with site.editor, asyncio.timeout(60):
        while "“Appends" not in (said := text_of(await site.hover("v.pu|sh(1)") or {"contents": ""})):
            await asyncio.sleep(0.1)
        theirs, rule, ours = said.partition("\n\n────────\n\n")
        assert rule
        assert "pub fn push" in theirs
        assert "“Appends an element to the back of a collection.”" in ours
        assert [mark for mark in ("](", "**", "> ") if mark in ours] == []
        await site.editor.shutdown()


@pytest.fixture
def found(docs):
    explanation = explain.of_code("E0382", docs, cards.load())
    assert explanation is not None
    return explanation


def test_every_form_of_contents_is_kept(found):
    """Of the older forms too: a string, a pair of language and value, a list of both."""
    pair = {"language": "rust", "value": "fn f()"}
    for contents in ("theirs", pair, [pair, "theirs"]):
        hover = {"contents": contents, "range": {"a": 1}, "actions": []}
        cited = with_citations(hover, found, PLAIN)
        *theirs, ours = cited["contents"]
        assert theirs == (contents if isinstance(contents, list) else [contents])
        assert "error_codes/E0382.html" in ours
        assert {**cited, "contents": contents} == hover


def test_a_hover_of_ours_alone_is_of_the_kind_that_the_editor_shows(found):
    assert with_citations(None, found, PLAIN)["contents"]["kind"] == PLAIN
    assert "](file:///" in with_citations(None, found, MARKDOWN)["contents"]["value"]


URI = "file:///nowhere/src/lib.rs"
THEIRS = {"contents": {"kind": "markdown", "value": "theirs"}}


async def opened(connect, cache, **rusta):
    """A whole server inside this process, with a scripted rust-analyzer, that has loaded its index."""
    options = {"rusta": {"cacheDir": str(cache), **rusta}}
    wire, proxy = await connect(features.register_all(), options, CAPABILITIES)
    document = {"uri": URI, "languageId": "rust", "version": 1, "text": "pub unsafe fn f() {}\n"}
    wire.notify("textDocument/didOpen", {"textDocument": document})
    return wire, proxy


def hover_at(character: int) -> dict:
    return {
        "textDocument": {"uri": URI},
        "position": {"line": 0, "character": character},
        "answer": THEIRS,
    }


async def test_what_is_not_ready_in_time_comes_with_the_next_hover(connect, cache, monkeypatch):
    wire, _ = await opened(connect, cache, citationBudgetMs=50)
    answer = {}
    async with asyncio.timeout(30):
        while "file:///" not in json.dumps(answer):
            answer = await wire.request(f"w{len(wire.sent)}", "textDocument/hover", hover_at(5))
    look, gate = citing.explanation, asyncio.Event()

    async def late(*arguments):
        await gate.wait()
        return await look(*arguments)

    monkeypatch.setattr(citing, "explanation", late)
    assert (await wire.request(1, "textDocument/hover", hover_at(6)))["result"] == THEIRS
    gate.set()
    async with asyncio.timeout(10):
        while "file:///" not in json.dumps(
            answer := await wire.request("n", "textDocument/hover", hover_at(6))
        ):
            wire.sent.remove(answer)
            await asyncio.sleep(0.02)
    assert answer["result"]["contents"]["value"].startswith("theirs" + RULE)


@pytest.mark.parametrize("rusta", [{"citations": False}, {"citationBudgetMs": 5000}])
async def test_without_an_index_it_is_rust_analyzers_alone(connect, tmp_path, rusta, monkeypatch):
    """Switched off, or still being built."""
    building = asyncio.Event()

    async def build(proxy, folder):
        building.set()
        await asyncio.sleep(60)

    monkeypatch.setattr("rusta_server.lsp.library._build", build)
    wire, _ = await opened(connect, tmp_path / "empty", **rusta)
    if rusta.get("citations", True):
        async with asyncio.timeout(20):
            await building.wait()
    assert (await wire.request(1, "textDocument/hover", hover_at(5)))["result"] == THEIRS
    broken = {"textDocument": {}, "position": 1, "answer": THEIRS}
    assert (await wire.request(2, "textDocument/hover", broken))["result"] == THEIRS
