"""`rusta docs`: the index of the Rust documentation on this machine."""

import json
from pathlib import Path

import rich_click as click
from attrs import frozen
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..config import Config
from ..errors import RustaError
from ..tools.docs import Docs, NoDocs, NotIndexed, Toolchain, open_docs, toolchain
from . import _docs

CONSOLE = Console(highlight=False)


@frozen
class Contents:
    """What an index holds of one corpus."""

    corpus: str
    n_sections: int
    n_bytes: int


@click.group(name="docs")
def command() -> None:
    """The Rust documentation on this machine: index it, see what is there, search in it."""


@command.command()
@click.option("--force", is_flag=True, help="Make the index anew, even if there is a good one.")
def index(force: bool) -> None:
    """Index the documentation of the toolchain that is used here.

    Everything that needs the index makes it when it is first needed; this does it now.
    """
    here = _toolchain()
    there = open_docs(Config().cache, here)
    if isinstance(there, Docs) and not force:
        CONSOLE.print("[green]✓[/] It is indexed already; --force makes the index anew.")
    else:
        if isinstance(there, Docs):
            there.close()
        there = _docs.indexed(Config(), here, Console(stderr=True), force=force)
    _show(there, here)


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(as_json: bool) -> None:
    """Say what is indexed, and where."""
    here = _toolchain()
    there = open_docs(Config().cache, here)
    if as_json:
        click.echo(json.dumps(_state(there, here), indent=2))
    else:
        _show(there, here)


def _toolchain() -> Toolchain:
    here = toolchain(Path.cwd())
    if here is None:
        raise RustaError(
            "rustc was not found.", hint="Install Rust from https://rustup.rs, then: rusta doctor"
        )
    return here


def _state(there: Docs | NotIndexed | NoDocs, here: Toolchain) -> dict[str, object]:
    state: dict[str, object] = {"version": here.version, "html": str(here.html) if here.html else None}
    match there:
        case NoDocs():
            return {**state, "state": "no documentation", "remedy": there.remedy}
        case NotIndexed():
            return {**state, "state": "not indexed", "reason": there.reason}
    return {
        **state,
        "state": "indexed",
        "index": str(there.path),
        "index_bytes": there.path.stat().st_size,
        "seconds": _seconds(there),
        "missing": list(there.missing),
        "corpora": {one.corpus: one.n_sections for one in contents(there)},
    }


def contents(docs: Docs) -> list[Contents]:
    """How many sections and bytes of text there are of each corpus."""
    rows = docs.rows("SELECT corpus, count(*), sum(n_bytes) FROM section GROUP BY corpus ORDER BY corpus")
    return [Contents(*row) for row in rows]


def _seconds(docs: Docs) -> float:
    rows = docs.rows("SELECT value FROM meta WHERE key = 'seconds'")
    return float(rows[0][0]) if rows else 0.0


def _show(there: Docs | NotIndexed | NoDocs, here: Toolchain) -> None:
    match there:
        case NoDocs():
            CONSOLE.print(f"[yellow]![/] rustc {here.version} was installed without its documentation.")
            CONSOLE.print(f"  [bold cyan]try:[/] {there.remedy}")
            return
        case NotIndexed():
            CONSOLE.print(f"[yellow]![/] rustc {here.version}: {there.reason}.")
            CONSOLE.print("  [bold cyan]try:[/] rusta docs index")
            return
    table = Table(box=None, padding=(0, 1))
    table.add_column("corpus")
    table.add_column("sections", justify="right")
    table.add_column("text, MB", justify="right")
    held = contents(there)
    for one in held:
        table.add_row(one.corpus, f"{one.n_sections:,}", f"{one.n_bytes / 1e6:.1f}")
    CONSOLE.print(table)
    n_sections = sum(one.n_sections for one in held)
    size = there.path.stat().st_size / 1e6
    CONSOLE.print(
        f"[green]✓[/] rustc {here.version}: {n_sections:,} sections, {size:.0f} MB, "
        f"made in {_seconds(there):.0f} s"
    )
    CONSOLE.print(Text(f"  {there.path}", style="dim", overflow="fold"))
    if there.missing:
        CONSOLE.print(f"[yellow]![/] Not on this machine: {', '.join(there.missing)}.")
