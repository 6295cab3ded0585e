"""The workbench of VS Code and a browser for the tests beside this file: `make test-editors` runs it first.

code-server brings the workbench as JavaScript; the machine's Node runs it, and nothing in it is compiled.
It goes into the user's cache folder. The browser is Debian's Chromium: it has to be installed for the whole
machine, so that is done only for root, as in continuous integration.

    python install.py            install what is missing; says what there is; never fails
    python install.py --where    only look; prints {"server": path or null, ..., "reason": why not or null}
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import platformdirs

FOLDER = Path(platformdirs.user_cache_dir("rusta-editors")) / "vscode"
REASON = FOLDER / "reason"
CODE_SERVER = "code-server@4.100.3"
VSCODE = Path("node_modules/code-server/lib/vscode")
SERVER = VSCODE / "out/server-main.js"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LEAST_NODE = 20
DOWNLOAD_TIMEOUT_S = 1800
ANSWER_TIMEOUT_S = 20
NPM = ("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")


class Refused(Exception):
    """Why something cannot be installed here, in one line."""


def main() -> None:
    if "--where" in sys.argv:
        print(json.dumps({**where(), "reason": REASON.read_text() if REASON.exists() else None}))
        return
    found = where()
    try:
        if found["node"] is None:
            raise Refused(f"there is no Node {LEAST_NODE} or newer")
        if found["server"] is None:
            install_workbench()
        if found["browser"] is None:
            install_browser()
        REASON.unlink(missing_ok=True)
    except (Refused, OSError, subprocess.TimeoutExpired) as error:
        reason = " ".join(str(error).split())
        print(f"vscode: not everything can be installed here ({reason}), so its tests are skipped")
        FOLDER.mkdir(parents=True, exist_ok=True)
        REASON.write_text(reason)
        return
    print(f"vscode: {CODE_SERVER}, {where()['browser']}")


def where() -> dict[str, str | None]:
    """The paths of what the tests need; None for what is not there."""
    server = FOLDER / SERVER
    return {
        "node": shutil.which("node") if node_version() >= LEAST_NODE else None,
        "npm": shutil.which("npm"),
        "server": str(server) if server.is_file() and (FOLDER / VSCODE / "node_modules").is_dir() else None,
        "browser": next((path for name in BROWSERS if (path := shutil.which(name))), None),
    }


def node_version() -> int:
    """The major version of the Node on PATH; 0 if there is none."""
    try:
        done = subprocess.run(
            ["node", "--version"], capture_output=True, text=True, timeout=ANSWER_TIMEOUT_S, check=False
        )
        return int(done.stdout.strip().removeprefix("v").partition(".")[0])
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return 0


def install_workbench() -> None:
    """Unpack the workbench into our folder, all or nothing.

    Raises:
        Refused: there is no npm, or no registry that it could ask.
    """
    print(f"vscode: getting {CODE_SERVER}", file=sys.stderr)
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=FOLDER.parent) as name:
        scratch = Path(name) / "vscode"
        scratch.mkdir()
        (scratch / "package.json").write_text('{"private": true}\n')
        run([*NPM, CODE_SERVER], cwd=scratch)
        run([*NPM, "--omit=dev"], cwd=scratch / VSCODE)
        if FOLDER.exists():
            FOLDER.rename(Path(name) / "old")
        scratch.rename(FOLDER)


def install_browser() -> None:
    """Install Debian's Chromium for the machine.

    Raises:
        Refused: we are not root, or there is no apt.
    """
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Refused("there is no Chromium; to add it: apt-get install chromium")
    print("vscode: getting chromium from Debian", file=sys.stderr)
    run(["apt-get", "-q", "update"])
    run(["apt-get", "-q", "install", "--yes", "--no-install-recommends", "chromium"])


def run(argv: list[str], cwd: Path | None = None) -> None:
    """Run to the end.

    Raises:
        Refused: it failed; with its own words.
    """
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    if shutil.which(argv[0]) is None:
        raise Refused(f"there is no {argv[0]}")
    done = subprocess.run(
        argv, cwd=cwd, env=env, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S, check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise Refused(lines[0] if lines else f"{argv[0]} ended with {done.returncode}")


if __name__ == "__main__":
    main()
