"""`rusta docs`: the index of the Rust documentation on this machine."""

import json
import sys
from pathlib import Path

import rich_click as click
from attrs import frozen
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..config import Config
from ..errors import RustaError
from ..tools.docs import Docs, Hit, NoDocs, NotIndexed, Query, Toolchain, open_docs, toolchain
from . import _docs

CONSOLE = Console(highlight=False)
EXIT_NOTHING = 1
MOST_LINES, LONGEST_LINE = 6, 300


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
    if isinstance(there, NoDocs):
        raise _lack(there)
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


@command.command()
@click.argument("words", nargs=-1, required=True)
@click.option(
    "--corpus", "corpora", multiple=True, help="Look only here: book, reference, std … May be repeated."
)
@click.option("-k", "n_hits", type=click.IntRange(1, 100), default=5, show_default=True, help="So many hits.")
@click.option("--json", "as_json", is_flag=True, help="Print the hits as JSON.")
def search(words: tuple[str, ...], corpora: tuple[str, ...], n_hits: int, as_json: bool) -> None:
    """Search for WORDS: an error code, the path of an item, or plain words.

    The exit code is 1 if nothing was found.
    """
    text = " ".join(words)

    def question(docs: Docs | NoDocs) -> tuple[tuple[Hit, ...], tuple[str, ...]]:
        if isinstance(docs, NoDocs):
            raise _lack(docs)
        known = {one.corpus for one in contents(docs)}
        unknown = [corpus for corpus in corpora if corpus not in known]
        if unknown:
            raise RustaError(
                f"There is no corpus {unknown[0]!r}.", hint=f"One of: {', '.join(sorted(known))}"
            )
        hits = docs.search(_query(docs, text, corpora), n_hits)
        return hits, () if hits else docs.similar(text)

    hits, near = _docs.ask(Config(), Path.cwd(), Console(stderr=True), question)
    if as_json:
        click.echo(json.dumps([_as_json(hit) for hit in hits], indent=2, ensure_ascii=False))
    elif not hits:
        CONSOLE.print(
            "Nothing was found." + (f" Near to it: {', '.join(near)}" if near else ""), markup=False
        )
    else:
        for hit in hits:
            _print_hit(hit)
    if not hits:
        sys.exit(EXIT_NOTHING)


def _query(docs: Docs, words: str, corpora: tuple[str, ...]) -> Query:
    is_code = docs.section("error_codes", words) or docs.section("clippy", words)
    if is_code is not None and is_code.kind in ("error", "lint"):
        return Query(code=words, corpora=corpora)
    if " " not in words and docs.item(words) is not None:
        return Query(words=words, symbol=words, corpora=corpora)
    return Query(words=words, corpora=corpora)


def _as_json(hit: Hit) -> dict[str, object]:
    found = hit.section
    return {
        "corpus": found.corpus,
        "id": found.id,
        "title": found.title,
        "score": round(hit.score, 3),
        "quote": hit.block.text,
        "link": found.link,
        "web": found.web,
    }


def _print_hit(hit: Hit) -> None:
    found = hit.section
    quote = hit.block.text if hit.block.kind == "code" else f"“{hit.block.text}”"
    lines = quote.splitlines()[:MOST_LINES]
    shown = "\n".join(line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + " …" for line in lines)
    name = f"  {found.corpus.partition('@')[0]}/{found.id}"
    CONSOLE.print(Text.assemble((found.title, "bold green"), name), soft_wrap=True)
    CONSOLE.print(Padding(Text(shown, style="italic"), (0, 0, 0, 3)))
    CONSOLE.print(Text.assemble("   ", (found.link, f"cyan link {found.link}"), "\n"), soft_wrap=True)


def _lack(docs: NoDocs) -> RustaError:
    return RustaError(f"rustc {docs.toolchain.version} has no documentation here.", hint=docs.remedy)


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
    CONSOLE.print(Text(f"  {there.path}", style="dim"), soft_wrap=True)
    if there.missing:
        CONSOLE.print(f"[yellow]![/] Not on this machine: {', '.join(there.missing)}.")
