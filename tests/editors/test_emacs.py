"""The README's snippet in a real Emacs, with its own LSP client eglot."""

import json
import subprocess
from pathlib import Path

import pytest

DRIVE = Path(__file__).with_name("drive.el")

GIVES_UP_AFTER_S = 1800

pytestmark = pytest.mark.editors


def test_the_snippet_brings_hovers_and_proven_fixes(
    programs, snippet, broken: Path, good: str, home: dict, tmp_path: Path
):
    init = tmp_path / "config/init.el"
    init.write_text(snippet("elisp"))
    before = broken.read_text()
    report = tmp_path / "seen.json"
    done = subprocess.run(
        [programs["emacs"], "-Q", "--batch", "-l", init, "-l", DRIVE],
        cwd=tmp_path,
        env={**home, "SEEN": str(report), "CRATE_FILE": str(broken)},
        capture_output=True,
        text=True,
        timeout=GIVES_UP_AFTER_S,
    )
    assert report.exists(), done.stderr
    seen = json.loads(report.read_text())
    print(
        json.dumps({k: v for k, v in seen.items() if not k.startswith("after")}, indent=1, ensure_ascii=False)
    )
    assert "problem" not in seen, f"{seen['problem']}\n{done.stderr}"
    assert seen["server"] == "rust-analyzer"
    assert "cannot assign twice" in seen["error"]
    # Without markdown-mode eglot declares plain text, which has no links; the quote and its source are there.
    assert "“By default, variables in Rust are immutable.”" in seen["hover"]
    assert "error index: E0384" in seen["hover"]
    assert seen["after_fix"] == seen["after_redo"] == good
    assert seen["after_undo"] == before
    assert broken.read_text() == good, "Emacs wrote it, and nothing else"
    assert seen["clean"]
    assert seen["hover_again"], "it cites after a restart, too"
    assert done.returncode == 0
