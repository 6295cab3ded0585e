"""Neovim, Helix, Emacs and tmux for the tests beside this file: `make editors`.

What is on PATH and recent enough is used. The rest comes from Debian's testing release, with all its
libraries down to libc, unpacked into the user's cache folder: no root, nothing else changes. A program then
starts through its own dynamic loader, so nothing has to be linked anew.

    python install.py            install what is missing; says what there is; never fails
    python install.py --where    only look; prints {"nvim": path or null, ..., "reason": why not or null}
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import platformdirs

FOLDER = Path(platformdirs.user_cache_dir("rusta-editors"))
PREFIX = FOLDER / "prefix"
REASON = FOLDER / "reason"

NAMES = {"nvim": "Neovim", "hx": "Helix", "emacs": "Emacs", "tmux": "tmux"}
PACKAGES = {"nvim": "neovim", "hx": "hx", "emacs": "emacs-nox", "tmux": "tmux"}
# Where the program is called otherwise inside the package.
FILES = {"emacs": "emacs-nox"}
# Neovim has `vim.lsp.config` since 0.11, Helix `language-servers` since 23.10, Emacs 30 `rust-ts-mode` and an
# eglot that shows what it is told.
LEAST = {"nvim": (0, 11), "hx": (23, 10), "emacs": (30,), "tmux": (2, 6)}
VERSION_FLAG = {"nvim": "--version", "hx": "--version", "emacs": "--version", "tmux": "-V"}
SETTINGS = {
    "nvim": 'export VIMRUNTIME="$here/usr/share/nvim/runtime"',
    "hx": 'export HELIX_RUNTIME="$here/usr/lib/hx/runtime"',
    # It looks for all of these where Debian would have installed them; a `:` at the end adds its own folders.
    "emacs": (
        'shared=$(echo "$here"/usr/share/emacs/[0-9]*)\n'
        'export EMACSLOADPATH="$(find "$shared/lisp" -type d ! -name obsolete | tr "\\n" :)"\n'
        'export EMACSDATA="$shared/etc" EMACSDOC="$shared/etc"\n'
        'export EMACSPATH="$(dirname "$here"/usr/libexec/emacs/*/*/*.pdmp)"\n'
        'set -- --dump-file="$(echo "$EMACSPATH"/*.pdmp)" "$@"'
    ),
    "tmux": ":",
}

SUITES = ("testing", "unstable")
KEYRINGS = ("debian-archive-keyring.pgp", "debian-archive-keyring.gpg")
DOWNLOAD_TIMEOUT_S = 900
ANSWER_TIMEOUT_S = 20


class Refused(Exception):
    """Why the programs cannot be installed here, in one line."""


def main() -> None:
    if "--where" in sys.argv:
        paths: dict[str, str | None] = {program: where(program) for program in NAMES}
        print(json.dumps({**paths, "reason": REASON.read_text() if REASON.exists() else None}))
        return
    missing = [program for program in NAMES if where(program) is None]
    if missing:
        try:
            # Those that are in our folder already, too: it is replaced as a whole.
            install([program for program in NAMES if not _is_on_path(program)])
            REASON.unlink(missing_ok=True)
        except (Refused, OSError, subprocess.TimeoutExpired) as error:
            reason = " ".join(str(error).split())
            lacking = " and ".join(NAMES[program] for program in missing)
            print(f"editors: {lacking} cannot be installed here ({reason}), so their tests are skipped")
            if FOLDER.is_dir():
                REASON.write_text(reason)
            return
    found = {program: where(program) for program in NAMES}
    print("editors:", ", ".join(f"{NAMES[p]} {_dotted(version(f) or ())}" for p, f in found.items() if f))


def where(program: str) -> str | None:
    """The path of a recent enough ``program``, on PATH or in our own folder."""
    for path in (shutil.which(program), str(PREFIX / "bin" / program)):
        if path is not None and (version(path) or (0,)) >= LEAST[program]:
            return path
    return None


def _is_on_path(program: str) -> bool:
    found = shutil.which(program)
    return found is not None and (version(found) or (0,)) >= LEAST[program]


def version(path: str) -> tuple[int, ...] | None:
    """What the program calls its version; None if it does not run."""
    flag = VERSION_FLAG[Path(path).name]
    try:
        done = subprocess.run([path, flag], capture_output=True, text=True, timeout=ANSWER_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    named = re.search(r"\d+(\.\d+)+", done.stdout)
    return tuple(map(int, named[0].split("."))) if done.returncode == 0 and named else None


def install(programs: list[str]) -> None:
    """Unpack ``programs`` and what they need into our own folder, all or nothing.

    Raises:
        Refused: there is no apt, no archive of Debian, no network, or a program does not run.
    """
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise Refused(f"there is no {tool}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    print(f"editors: getting {', '.join(NAMES[p] for p in programs)} from Debian", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=FOLDER) as name:
        scratch = Path(name)
        prefix = scratch / "prefix"
        prefix.mkdir()
        for deb in _download([PACKAGES[p] for p in programs], scratch):
            _run(["dpkg-deb", "-x", str(deb), str(prefix)])
        (prefix / "bin").mkdir(exist_ok=True)
        for program in programs:
            launcher = _launcher(prefix, program)
            if (version(str(launcher)) or (0,)) < LEAST[program]:
                raise Refused(f"the unpacked {NAMES[program]} does not start or is too old")
        if PREFIX.exists():
            PREFIX.rename(scratch / "old")
        prefix.rename(PREFIX)


def _launcher(prefix: Path, program: str) -> Path:
    """A script that starts the program with its own loader and libraries."""
    loader = next(prefix.glob("usr/lib/*-linux-gnu*/ld-linux*.so.*"), None)
    if loader is None:
        raise Refused("the packages came without their dynamic loader")
    libraries = loader.parent.relative_to(prefix)
    file = FILES.get(program, program)
    script = prefix / "bin" / program
    script.write_text(
        "#!/bin/sh\n"
        'here=$(dirname "$(dirname "$(readlink -f "$0")")")\n'
        f"{SETTINGS[program]}\n"
        f'exec "$here/{libraries}/{loader.name}" --argv0 "$here/usr/bin/{file}" '
        f'--library-path "$here/{libraries}" "$here/usr/bin/{file}" "$@"\n'
    )
    script.chmod(0o755)
    return script


def _download(packages: list[str], scratch: Path) -> list[Path]:
    """The packages and everything they depend on, verified by apt, from the first suite that has them."""
    refusal = Refused("no suite has them")
    for suite in SUITES:
        try:
            return _download_from(suite, packages, scratch / suite)
        except Refused as error:
            refusal = error
    raise refusal


def _download_from(suite: str, packages: list[str], scratch: Path) -> list[Path]:
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (scratch / folder).mkdir(parents=True)
    # Nothing counts as installed: so apt fetches the libraries too, and never looks at the system's own.
    (scratch / "status").touch()
    keyring = next((path for name in KEYRINGS if (path := Path("/usr/share/keyrings", name)).exists()), None)
    signed = f"[signed-by={keyring}] " if keyring else ""
    (scratch / "sources.list").write_text(f"deb {signed}{_archive()} {suite} main\n")
    own = {
        "Dir::Etc::SourceList": scratch / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "Dir::State": scratch / "state",
        "Dir::State::status": scratch / "status",
        "Dir::Cache": scratch / "cache",
        "APT::Default-Release": "",
        "Acquire::Languages": "none",
        "Acquire::Retries": 1,
        "Acquire::http::Timeout": 20,
    }
    if os.geteuid() == 0:
        # As root apt drops to a user that may not enter our private folder.
        own["APT::Sandbox::User"] = "root"
    options = [part for key, value in own.items() for part in ("-o", f"{key}={value}")]
    # Without the option apt is content with no list at all when the network is gone.
    _run(["apt-get", *options, "-q", "--error-on=any", "update"])
    wanted = ("install", "--download-only", "--no-install-recommends", "--yes", *packages)
    _run(["apt-get", *options, "-q", *wanted])
    return sorted((scratch / "cache/archives").glob("*.deb"))


def _archive() -> str:
    """The address of Debian's archive (or of its mirror) in the machine's own apt configuration."""
    listed = _run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(SITE)", "Identifier: Packages"]
    )
    for line in listed.splitlines():
        if line.startswith("Debian|Debian|"):
            return line.split("|")[2]
    raise Refused("apt knows no archive of Debian; is `apt-get update` due?")


def _run(argv: list[str]) -> str:
    env = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(argv, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S, env=env)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith(("E:", "dpkg-deb:"))]
        raise Refused(lines[0].removeprefix("E: ") if lines else f"{argv[0]} ended with {done.returncode}")
    return done.stdout


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))


if __name__ == "__main__":
    main()
