"""All errors of a file at once, with the real cargo: proven together, and only what is sure."""

import asyncio
import contextlib
import sys

import pytest

from rusta_eval.editor import Editor
from rusta_server.lsp import jsonrpc

SERVE = [sys.executable, "-m", "rusta_server", "serve"]
CAPABILITIES = {"workspace": {"workspaceEdit": {"documentChanges": True}}}

FIRST_ID = 2  # of a request after `initialize`

TWO_ERRORS = """pub fn count() -> u32 {
    let n = 0;
    n += 1;
    let m = 0;
    m += n;
    m
}
"""


@pytest.fixture
async def open_crate(make_crate, cache, tmp_path):
    """An editor with a crate open; `fixOnCheck` is off, so nothing else searches."""

    async def start(files: dict[str, str], **rusta) -> tuple[Editor, dict[str, str]]:
        root = make_crate(files)
        editor = await stack.enter_async_context(await Editor.start(SERVE, cwd=root))
        options = {"cacheDir": str(cache), "fixOnCheck": False, **rusta}
        await editor.initialize(root, CAPABILITIES, {"rusta": options})
        return editor, {path: editor.open(root / path) for path in files if path.endswith(".rs")}

    async with contextlib.AsyncExitStack() as stack:
        yield start


async def fix_all(editor: Editor, uri: str, **more) -> dict:
    answer = await editor.request("rusta/fixAll", {"textDocument": {"uri": uri}, **more}, timeout_s=120)
    assert "error" not in answer, answer["error"]
    return answer["result"]


def applied(text: str, edits: list[dict]) -> str:
    lines = text.splitlines(keepends=True)
    starts = [sum(map(len, lines[:n])) for n in range(len(lines) + 1)]
    for edit in sorted(edits, key=lambda e: (e["range"]["start"]["line"], e["range"]["start"]["character"]))[
        ::-1
    ]:
        start, end = (
            starts[e["line"]] + e["character"] for e in (edit["range"]["start"], edit["range"]["end"])
        )
        text = text[:start] + edit["newText"] + text[end:]
    return text


async def test_all_errors_of_a_buffer_are_mended_by_one_edit_and_the_disk_stays(open_crate, tmp_path):
    editor, uris = await open_crate({"src/lib.rs": TWO_ERRORS})
    found = await fix_all(editor, uris["src/lib.rs"])
    assert found["reason"] is None
    (change,) = found["edit"]["documentChanges"]
    assert applied(TWO_ERRORS, change["edits"]) == TWO_ERRORS.replace("let n", "let mut n").replace(
        "let m ", "let mut m "
    )
    assert found["level"] in ("V2", "V3")
    assert (tmp_path / "demo/src/lib.rs").read_text() == TWO_ERRORS


async def test_on_a_save_no_other_file_is_touched(open_crate):
    files = {"src/lib.rs": "mod other;\npub fn f() { other::g(); }\n", "src/other.rs": "fn g() {}\n"}
    editor, uris = await open_crate(files)
    found = await fix_all(editor, uris["src/lib.rs"], onlyHere=True)
    assert (found["edit"], found["reason"]) == (None, "the fix reaches into other files")


async def test_where_nothing_is_wrong_or_nothing_can_be_proven_the_reason_is_told(open_crate):
    editor, uris = await open_crate({"src/lib.rs": "pub fn f() {}\n"})
    assert (await fix_all(editor, uris["src/lib.rs"]))["reason"] == "there is no error here"


async def test_of_an_untrusted_folder_nothing_is_compiled(open_crate, tmp_path):
    editor, uris = await open_crate({"src/lib.rs": TWO_ERRORS}, trusted=False)
    answer = await editor.request("rusta/fixAll", {"textDocument": {"uri": uris["src/lib.rs"]}})
    assert "not trusted" in answer["error"]["message"]
    assert not (tmp_path / "demo/target").exists()


async def test_a_cancelled_repair_ends_and_the_next_one_runs(open_crate):
    editor, uris = await open_crate({"src/lib.rs": TWO_ERRORS})
    asking = editor.send("rusta/fixAll", {"textDocument": {"uri": uris["src/lib.rs"]}})
    editor.notify("$/cancelRequest", {"id": FIRST_ID})
    async with asyncio.timeout(120):
        assert "error" in jsonrpc.decode(await asking)
    assert (await fix_all(editor, uris["src/lib.rs"]))["reason"] is None
