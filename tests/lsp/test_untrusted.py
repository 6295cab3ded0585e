"""A workspace that is not trusted: nothing of it is run, and what can be cited is cited all the same."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from rusta_eval.editor import Editor

SERVE = [sys.executable, "-m", "rusta_server", "serve"]
CAPABILITIES = {"textDocument": {"hover": {"contentFormat": ["markdown"]}}}
TEXT = "fn main() -> Result<(), std::fmt::Error> {\n    let x = Err(std::fmt::Error)?;\n    Ok(x)\n}\n"


@pytest.fixture
def traps(tmp_path, monkeypatch) -> Path:
    """Programs of these names leave a mark when they are run in the workspace, or at all."""
    marks, programs = tmp_path / "marks", tmp_path / "programs"
    marks.mkdir()
    programs.mkdir()
    for name in ("rust-analyzer", "cargo"):
        (programs / name).write_text(f"#!/bin/sh\ntouch {marks}/{name}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return marks


@pytest.mark.parametrize(
    ("flags", "options"),
    [([], {"trusted": False}), (["--untrusted"], {}), (["--untrusted"], {"trusted": True})],
)
async def test_nothing_is_run_and_hovers_cite(make_crate, cache, traps, flags, options):
    crate = make_crate({"src/main.rs": TEXT, "build.rs": "fn main() {}"})
    (crate / "rust-toolchain.toml").write_text(f'[toolchain]\npath = "{traps.parent}"\n')
    async with await Editor.start([*SERVE, *flags], cwd=crate) as editor:
        told = await editor.initialize(crate, CAPABILITIES, {"rusta": {"cacheDir": str(cache), **options}})
        assert told["capabilities"]["hoverProvider"]
        uri = editor.open(crate / "src/main.rs")
        mark = TEXT.splitlines()[1].index("?")
        here = {"textDocument": {"uri": uri}, "position": {"line": 1, "character": mark}}
        hover = None
        while not hover:
            hover = (await editor.request("textDocument/hover", here)).get("result")
        assert "reference" in hover["contents"]["value"].lower()
        editor.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
        answer = await editor.request("textDocument/completion", here)
        assert "not trusted" in answer["error"]["message"]
        answer = await editor.request(
            "workspace/executeCommand", {"command": "rusta.proposePatch", "arguments": [here]}
        )
        assert "not trusted" in str(answer)
        assert psutil.Process(editor.process.pid).children(recursive=True) == []
        assert [m["type"] for m in editor.told("window/showMessage") if "not trusted" in m["message"]] == [2]
        assert await editor.shutdown() == 0
    assert list(traps.iterdir()) == []
