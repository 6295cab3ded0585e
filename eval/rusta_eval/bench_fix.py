"""How long from a save to a verified fix, beside one plain incremental `cargo check` of the same crate.

Both are measured in turns, on two copies of a real crate of about 2,300 lines, after the same edit: it
brings one error in. The editor is simulated; rust-analyzer, cargo and the server are real.
"""

import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import rich_click as click
from attrs import asdict, frozen
from rich.console import Console
from rich.table import Table

from rusta_server.config import Config
from rusta_server.tools.docs import NotIndexed, build, open_docs, toolchain

from .demo import CRATE
from .editor import Editor, Json

FILE = "src/parse.rs"
GOOD, BAD = "let mut pos = Position::Major;", "let pos = Position::Major;"
_POLL_S = 0.005
_CAPABILITIES = {
    "workspace": {"workspaceEdit": {"documentChanges": True}},
    "textDocument": {
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix"]}},
            "dataSupport": True,
            "resolveSupport": {"properties": ["edit"]},
        }
    },
    "experimental": {"serverStatusNotification": True},
}


@frozen
class Figures:
    """Medians over the rounds, in seconds.

    Attributes:
        save_to_fix_s: from the save to a fix with proof V2 in the lightbulb.
        check_fails_s: an incremental `cargo check` after the edit that brings the error in.
        check_passes_s: the same after the edit that takes it out.
        check_all_s: `cargo check --all-targets` after that edit.
    """

    n_rounds: int
    save_to_fix_s: float
    check_fails_s: float
    check_passes_s: float
    check_all_s: float


@click.command()
@click.option("--rounds", default=7, show_default=True, help="How often each is measured.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures here.")
def command(rounds: int, file: Path | None) -> None:
    """Measure the time from a save to a verified fix."""
    figures = asyncio.run(measure(rounds))
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(figures), indent=2) + "\n")
    table = Table(title=f"from a save to a verified fix (medians of {rounds} rounds)")
    table.add_column()
    table.add_column("seconds", justify="right")
    table.add_column("save → fix is so many times that", justify="right")
    table.add_row("save → fix in the lightbulb, V2", f"{figures.save_to_fix_s:.3f}", "")
    for name, seconds in (
        ("cargo check that finds the error", figures.check_fails_s),
        ("cargo check that passes", figures.check_passes_s),
        ("cargo check --all-targets that passes", figures.check_all_s),
    ):
        table.add_row(name, f"{seconds:.3f}", f"{figures.save_to_fix_s / seconds:.2f}")
    Console().print(table)


async def measure(rounds: int) -> Figures:
    """Run the rounds in temporary copies."""
    with tempfile.TemporaryDirectory(prefix="rusta-bench-") as name:
        folder = Path(name)
        served, plain = folder / "served/semver", folder / "plain/semver"
        for crate in (served, plain):
            shutil.copytree(CRATE, crate)
        check(plain)
        check(plain, "--all-targets")
        link_index(folder / "cache")
        editor = await Editor.start([sys.executable, "-m", "rusta_server", "serve"], cwd=served)
        async with editor:
            options = {"rusta": {"cacheDir": str(folder / "cache"), "runTests": False}}
            await editor.initialize(served, _CAPABILITIES, options)
            uri = editor.open(served / FILE)
            await editor.until_quiescent()
            await asyncio.sleep(2.0)  # the first check of rust-analyzer
            samples: list[tuple[float, ...]] = []
            for number in range(rounds + 1):
                save = await save_to_fix(editor, uri, served, version=10 * number)
                samples.append((save, *time_checks(plain, number)))
            await editor.shutdown()
    # The first round warms the shadow's target folder.
    return Figures(rounds, *(statistics.median(values) for values in zip(*samples[1:], strict=True)))


def link_index(cache: Path) -> None:
    """Give a new cache the user's index of the documentation, made first if need be."""
    own, here = Config().cache, toolchain(Path.cwd())
    if here is not None and here.html is not None:
        if isinstance(open_docs(own, here), NotIndexed):
            build(own, here)
        cache.mkdir(parents=True, exist_ok=True)
        (cache / "docs").symlink_to(own / "docs")


async def save_to_fix(editor: Editor, uri: str, crate: Path, *, version: int) -> float:
    """Bring the error in, save, and wait for its fix; the seconds from the save to the fix."""
    good = f"// round {version}\n" + (CRATE / FILE).read_text()
    bad = good.replace(GOOD, BAD, 1)
    line = next(i for i, text in enumerate(bad.splitlines()) if "pos = Position::Minor" in text)
    change(editor, uri, crate, good, version + 1)
    await asyncio.sleep(2.0)
    started = time.perf_counter()
    change(editor, uri, crate, bad, version + 2)
    while not await is_ready(editor, uri, line):
        await asyncio.sleep(_POLL_S)
    seconds = time.perf_counter() - started
    change(editor, uri, crate, good, version + 3)
    await asyncio.sleep(1.0)
    return seconds


def change(editor: Editor, uri: str, crate: Path, text: str, version: int) -> None:
    """Type `text` and save it."""
    document: Json = {"uri": uri, "version": version}
    editor.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]})
    (crate / FILE).write_text(text)
    editor.notify("textDocument/didSave", {"textDocument": {"uri": uri}})


async def is_ready(editor: Editor, uri: str, line: int) -> bool:
    """Whether the lightbulb has a fix that compiles."""
    place = {"line": line, "character": 8}
    params = {
        "textDocument": {"uri": uri},
        "range": {"start": place, "end": place},
        "context": {"diagnostics": []},
    }
    answer = await editor.request("textDocument/codeAction", params)
    return any("rusta" in (a.get("data") or {}) and "V2" in a["title"] for a in answer.get("result") or [])


def time_checks(crate: Path, number: int) -> tuple[float, float, float]:
    """Seconds of incremental checks: one that fails, one that passes, one that passes for all targets."""
    good = (CRATE / FILE).read_text()
    seconds = []
    for name, text, options in (
        ("fails", good.replace(GOOD, BAD, 1), ()),
        ("passes", good, ()),
        ("all", good, ("--all-targets",)),
    ):
        (crate / FILE).write_text(f"// {number} {name}\n{text}")
        started = time.perf_counter()
        check(crate, *options)
        seconds.append(time.perf_counter() - started)
    return seconds[0], seconds[1], seconds[2]


def check(crate: Path, *options: str) -> None:
    """Run cargo; whether it finds errors does not matter here."""
    command = ["cargo", "check", "--offline", "--quiet", "--message-format=json", *options]
    subprocess.run(command, cwd=crate, capture_output=True, check=False)


if __name__ == "__main__":
    command()
