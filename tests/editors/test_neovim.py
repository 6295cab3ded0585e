"""The README's snippet in a real Neovim."""

import json
import re
import subprocess
from pathlib import Path

import pytest

DRIVE = Path(__file__).with_name("drive.lua")
HOVER = Path(__file__).with_name("hover.lua")

GIVES_UP_AFTER_S = 1800

pytestmark = pytest.mark.editors


def test_the_snippet_brings_hovers_and_proven_fixes(
    programs, snippet, broken: Path, good: str, home: dict, tmp_path: Path
):
    config = tmp_path / "config/nvim"
    config.mkdir()
    (config / "init.lua").write_text(snippet("lua"))
    before = broken.read_text()
    report = tmp_path / "seen.json"
    # Started outside the crate: it is `root_markers` that has to find it.
    done = subprocess.run(
        [programs["nvim"], "--headless", "-S", str(DRIVE), str(broken)],
        cwd=tmp_path,
        env={**home, "SEEN": str(report)},
        capture_output=True,
        text=True,
        timeout=GIVES_UP_AFTER_S,
    )
    assert report.exists(), done.stderr
    seen = json.loads(report.read_text())
    print(json.dumps({k: v for k, v in seen.items() if not k.startswith("after")}, indent=1))
    assert "problem" not in seen, seen["problem"]
    assert seen["client"] == "rusta"
    assert Path(seen["root"]) == broken.parents[1]
    error_line = next(line for line in before.splitlines() if "pos = Position::Minor" in line)
    assert {error["code"] for error in seen["errors"]} == {"E0384"}
    assert seen["line"] == error_line
    assert "Major" in seen["hover"]

    assert "chosen" in seen, seen.get("titles")
    after = seen["after_fix"]
    assert after == good
    assert seen["after_undo"] == before
    assert broken.read_text() == after, "Neovim wrote it, and nothing else"
    assert "clean_after_s" in seen
    assert {"stopped_after_s", "restarted_after_s", "hovered_again_after_s"} <= set(seen)
    assert done.returncode == 0


def test_the_runtime_folder_has_a_configuration_and_a_health_check(
    programs, broken: Path, home: dict, tmp_path: Path
):
    runtime = subprocess.check_output(["rusta", "editor", "nvim", "--path"], env=home, text=True).strip()
    config = tmp_path / "config/nvim"
    config.mkdir()
    (config / "init.lua").write_text(
        f"vim.opt.runtimepath:append({runtime!r})\n"
        "vim.lsp.config('rusta', { init_options = { rusta = { fixOnCheck = false } } })\n"
        "vim.lsp.enable('rusta')\n"
    )
    report = tmp_path / "health.txt"
    attached = (
        "vim.wait(600000, function() "
        "local client = vim.lsp.get_clients({ name = 'rusta' })[1]; return client and client.initialized "
        "end)"
    )
    steps = (f"lua {attached}", "checkhealth rusta", f"write! {report}", "qall!")
    done = subprocess.run(
        [programs["nvim"], "--headless", str(broken), *(word for step in steps for word in ("-c", step))],
        cwd=tmp_path,
        env=home,
        capture_output=True,
        text=True,
        timeout=GIVES_UP_AFTER_S,
    )
    assert report.exists(), done.stderr
    said = report.read_text()
    print(said)
    assert "ERROR" not in said
    assert "OK rusta, version" in said
    assert "rust-analyzer" in said, "what rusta doctor says is there"
    assert "OK enabled for rust" in said
    assert re.search(rf"OK Rusta \S+ for {re.escape(str(broken.parents[1]))}, 1 buffers, utf-8", said)


def test_hovers_cite_the_documentation_on_this_machine(
    programs, snippet, broken: Path, home: dict, docs, tmp_path: Path
):
    config = tmp_path / "config/nvim"
    config.mkdir()
    (config / "init.lua").write_text(snippet("lua"))
    report = tmp_path / "seen.json"
    places = {
        # pattern: what the window shows of rust-analyzer's and of ours
        r"\zspos = Position::Minor": ("let pos: Position", "error_codes/E0384.html"),
        r"\zsVec<": ("pub struct Vec", "/std/vec/struct.Vec.html"),
        r"text\.\zstrim_start": (
            "pub fn trim_start_matches",
            "/std/primitive.str.html#method.trim_start_matches",
        ),
    }
    done = subprocess.run(
        [programs["nvim"], "--headless", "-S", str(HOVER), str(broken)],
        cwd=tmp_path,
        env={**home, "SEEN": str(report), "PLACES": "\n".join(places)},
        capture_output=True,
        text=True,
        timeout=GIVES_UP_AFTER_S,
    )
    assert report.exists(), done.stderr
    seen = json.loads(report.read_text())
    assert "problem" not in seen, seen["problem"]
    for hover, (theirs, page) in zip(seen["hovers"], places.values(), strict=True):
        print(hover)
        before, _, ours = hover.rpartition(theirs)
        assert before or ours, f"rust-analyzer's {theirs!r} is missing"
        assert f"{docs.html.as_uri()}/{page.lstrip('/')}" in ours
        assert "“" in ours
