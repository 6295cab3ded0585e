"""A real Neovim with nothing but its own LSP client: hovers of rust-analyzer and proven fixes get there."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from rusta_server.config import Config
from rusta_server.tools import rust_analyzer_install

SCRIPT = Path(__file__).with_name("neovim.lua")
BROKEN = """\
// größer: 🦀
pub fn numbers() -> Vec<u8> {
    let list = Vec::new();
    list.push(1);
    list
}
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("nvim") is None, reason="no Neovim here"),
    pytest.mark.skipif(
        isinstance(rust_analyzer_install.look(Config()), rust_analyzer_install.Missing),
        reason="no rust-analyzer; run rusta setup",
    ),
]


def test_hover_and_fix(make_crate, tmp_path: Path) -> None:
    crate = make_crate({"src/lib.rs": BROKEN})
    result = tmp_path / "result.json"
    environment = {
        **os.environ,
        "SERVER": json.dumps([sys.executable, "-m", "rusta_server", "serve"]),
        "ROOT": str(crate),
        "CACHE": str(tmp_path / "cache"),
        "RESULT": str(result),
        # Neovim's own state, away from whoever runs the tests.
        **{f"XDG_{name}_HOME": str(tmp_path / name) for name in ("STATE", "CONFIG")},
    }
    command = ["nvim", "--headless", "--clean", "-n", "-S", str(SCRIPT), str(crate / "src/lib.rs")]
    done = subprocess.run(command, cwd=crate, env=environment, capture_output=True, timeout=180, check=False)
    assert result.exists(), done.stderr.decode(errors="replace")
    seen = json.loads(result.read_text())
    assert seen["ready"]
    assert "pub struct Vec<T" in seen["hover"]
    assert seen["after"] == BROKEN.replace("let list", "let mut list"), seen["titles"]
    assert seen["stopped"]
    # The buffer was changed, the file was not; and nobody stays behind.
    assert (crate / "src/lib.rs").read_text() == BROKEN
    assert not [
        p for p in psutil.process_iter(["cmdline"]) if str(crate) in " ".join(p.info["cmdline"] or ())
    ]
