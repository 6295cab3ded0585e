"""What the editors need: the programs, a broken crate, a home of their own, and proof that nothing stays."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import platformdirs
import psutil
import pytest

from rusta_server.config import Config
from rusta_server.lsp.features import check
from rusta_server.tools import rust_analyzer_install

HERE = Path(__file__).parent
README = HERE.parents[1] / "README.md"
GOES_WITHIN_S = 120


@pytest.fixture(scope="session")
def programs() -> dict[str, str]:
    """The paths of nvim, hx, emacs and tmux; a test that needs one that is not here is skipped."""
    if isinstance(rust_analyzer_install.look(Config()), rust_analyzer_install.Missing):
        pytest.skip("no rust-analyzer; run rusta setup")
    done = subprocess.run(
        [sys.executable, str(HERE / "install.py"), "--where"], capture_output=True, check=True
    )
    found = json.loads(done.stdout)
    reason = found.pop("reason") or "run make editors"

    class Programs(dict):
        def __missing__(self, name: str) -> str:
            pytest.skip(f"no {name} that is recent enough: {reason}")

    return Programs({name: path for name, path in found.items() if path})


@pytest.fixture(scope="session")
def snippet():
    """`snippet("lua")`: the only block of that language in the README."""

    def find(language: str) -> str:
        editors = README.read_text().split("## In an editor")[1]
        (only,) = re.findall(rf"^```{language}\n(.*?)^```$", editors, re.MULTILINE | re.DOTALL)
        return only

    return find


@pytest.fixture
def good(semver: Path) -> str:
    """What `broken` was before it was broken."""
    return (semver / "src/parse.rs").read_text()


@pytest.fixture
def broken(semver: Path, good: str) -> Path:
    """A file of a real crate that lacks a `mut`."""
    file = semver / "src/parse.rs"
    file.write_text(good.replace("let mut pos = Position::Major;", "let pos = Position::Major;", 1))
    return file


@pytest.fixture
def home(tmp_path: Path, docs):
    """The environment of an editor with folders of its own and `rusta` on PATH.

    Afterwards no process with this environment or in this folder may be alive, and no temporary file of
    Rusta's be left.
    """
    folders = {f"XDG_{name}_HOME": tmp_path / name.lower() for name in ("CONFIG", "CACHE", "DATA", "STATE")}
    for folder in folders.values():
        folder.mkdir()
    # A rust-analyzer that `rusta setup` has installed lies in the user's real folder.
    (folders["XDG_DATA_HOME"] / "rusta").symlink_to(platformdirs.user_data_dir("rusta"))
    (folders["XDG_CACHE_HOME"] / "rusta").mkdir()
    (folders["XDG_CACHE_HOME"] / "rusta/docs").symlink_to(docs.path.parent)
    bin_folder = Path(sys.executable).parent
    assert shutil.which("rusta", path=str(bin_folder)), "the package is not installed"
    # In no folder of pytest's: a socket's path must be short.
    scratch = Path(tempfile.mkdtemp(prefix="rusta-editor-"))
    yield {
        **os.environ,
        "TMPDIR": str(scratch),
        **{name: str(folder) for name, folder in folders.items()},
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
    }
    deadline = time.monotonic() + GOES_WITHIN_S
    while (left := _processes_of(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.1)
    named = [process.name() for process in left]
    for process in left:
        process.kill()
    # What is left of the check's relay; the editors and rust-analyzer have files of their own there. What an
    # editor's kill left is taken away by the next start.
    check.sweep(scratch)
    files = [path.name for path in scratch.glob("rusta-*")]
    shutil.rmtree(scratch)
    assert not named, "processes left behind"
    assert not files, "files left behind"


def _processes_of(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            traces = [*process.cmdline(), *process.environ().values(), process.cwd()]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(folder) in trace for trace in traces):
            found.append(process)
    return found
