"""What does a hover that cites cost? rust-analyzer alone and behind Rusta, measured in one run.

    python -m rusta_eval.bench_hover [--json FILE]

Both servers have the same real crate open, with one error in it, and are asked for a hover at the same
places, taking turns: names, keywords and operators, and what a diagnostic of the compiler marks. Each place
is visited twice: the first time its citations have to be found, the second time they are known.
"""

import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import rich_click as click
from attrs import asdict, frozen
from rich.console import Console
from rich.table import Table

from rusta_server.candidates import Source
from rusta_server.candidates.syntax import ancestors
from rusta_server.config import Config
from rusta_server.lsp.convert import UTF16, LineIndex
from rusta_server.lsp.serve import find_rust_analyzer
from rusta_server.tools.docs import Docs, build, toolchain

from .editor import Editor, Json

CRATE = Path(__file__).parents[2] / "tests/fixtures/crates/semver"
BROKEN = ("let mut pos = Position::Major;", "let pos = Position::Major;")
NAMES, TOKENS, DIAGNOSTICS, ALL = "names", "tokens", "diagnostics", "all"
BUDGET_MS = Config().citation_budget_ms

_NAMES = {"identifier", "type_identifier", "field_identifier", "primitive_type"}
_TEXTS = {"line_comment", "block_comment", "string_literal", "char_literal"}
_CITED = "](file:///"
_CAPABILITIES: Json = {
    "general": {"positionEncodings": ["utf-16"]},
    "textDocument": {"hover": {"contentFormat": ["markdown"]}, "publishDiagnostics": {}},
    "experimental": {"serverStatusNotification": True},
}
_OPTIONS: Json = {"cachePriming": {"enable": False}, "rusta": {"fixOnCheck": False}}


@frozen
class Place:
    """Where to hover, and what is there."""

    kind: str
    uri: str
    position: Json


@frozen
class Visit:
    """One hover on each side.

    Attributes:
        cited: whether Rusta's answer carried a citation.
    """

    kind: str
    direct_ms: float
    cited_ms: float
    cited: bool


@frozen
class Measured:
    """Hovers of one kind, each place once."""

    visit: str
    kind: str
    n: int
    direct_ms_p50: float
    direct_ms_p95: float
    cited_ms_p50: float
    cited_ms_p95: float
    share_cited: float

    @property
    def added_ms_p95(self) -> float:
        """What Rusta adds."""
        return self.cited_ms_p95 - self.direct_ms_p95


@frozen
class Figures:
    """All that was measured; the very first hover waits for rust-analyzer to wake up.

    Attributes:
        n_late: how many places got their citation only at the second visit: it was not ready in the budget.
    """

    measured: list[Measured]
    n_late: int
    first_direct_ms: float
    first_cited_ms: float


async def measure(n_places: int, n_starts: int) -> Figures:
    """Visit about that many places of names, and as many of keywords and operators."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(shutil.copytree(CRATE, Path(folder) / "semver"))
        file = root / "src/parse.rs"
        file.write_text(file.read_text().replace(*BROKEN, 1))
        _index(root)
        found = [place for one in sorted((root / "src").glob("*.rs")) for place in _places(one)]
        places = [
            *_some([one for one in found if one.kind == TOKENS], n_places),
            *_some([one for one in found if one.kind == NAMES], n_places),
        ]
        alone, behind = await _commands()
        starts = [
            (await _first(alone, root, places[0]), await _first(behind, root, places[0]))
            for _ in range(n_starts)
        ]
        async with _started(alone, root) as direct, _started(behind, root) as proxied:
            editors = (direct, proxied)
            await _until_cited(editors, places[:20])
            pairs = [
                (await _visit(editors, place, n), await _visit(editors, place, n + 1))
                for n, place in enumerate([*places[20:], *_marked(proxied)])
            ]
    measured = [
        _measured(visit, kind, [one for one in done if kind in (ALL, one.kind)])
        for visit, done in zip(("first", "second"), zip(*pairs, strict=True), strict=True)
        for kind in (NAMES, TOKENS, DIAGNOSTICS, ALL)
    ]
    return Figures(
        measured,
        sum(second.cited and not first.cited for first, second in pairs),
        *(statistics.median(times) for times in zip(*starts, strict=True)),
    )


@click.command()
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write the figures to this file too."
)
@click.option("--places", default=200, show_default=True, help="How many places of each kind are visited.")
@click.option("--starts", default=3, show_default=True, help="How often the very first hover is measured.")
def command(json_file: Path | None, places: int, starts: int) -> None:
    """Measure hovers of rust-analyzer alone and through Rusta, with citations."""
    figures = asyncio.run(measure(places, starts))
    failures = missed(figures)
    Console().print(_table(figures))
    for failure in failures:
        Console().print(f"[red]missed:[/] {failure}")
    if json_file is not None:
        rows = [{**asdict(one), "added_ms_p95": one.added_ms_p95} for one in figures.measured]
        first = {"direct_ms": figures.first_direct_ms, "cited_ms": figures.first_cited_ms}
        said = {
            "budget_ms": BUDGET_MS,
            "n_late": figures.n_late,
            "first_hover": first,
            "figures": rows,
            "missed": failures,
        }
        json_file.write_text(json.dumps(said, indent=2) + "\n")
    sys.exit(1 if failures else 0)


def missed(figures: Figures) -> list[str]:
    """Which targets were missed, for a person."""
    return [
        f"{one.kind}, {one.visit} visit: p95 is {one.added_ms_p95:.1f} ms more, at most {BUDGET_MS}"
        for one in figures.measured
        if one.added_ms_p95 > BUDGET_MS
    ]


async def _commands() -> tuple[list[str], list[str]]:
    """rust-analyzer alone and behind Rusta."""
    program = await find_rust_analyzer(Config())
    os.environ.update(program.environment)
    (alone,) = program.argv
    return [alone], [sys.executable, "-m", "rusta_server", "serve", "--rust-analyzer", alone]


@asynccontextmanager
async def _started(command: list[str], root: Path) -> AsyncIterator[Editor]:
    """A server with the crate open, loaded and checked."""
    async with await Editor.start(command, cwd=root) as editor:
        await editor.initialize(root, _CAPABILITIES, _OPTIONS)
        for file in sorted((root / "src").glob("*.rs")):
            editor.open(file)
        await editor.until_quiescent()
        await editor.wait_for(lambda: bool(list(_marked(editor))))
        yield editor
        await editor.shutdown()


async def _first(command: list[str], root: Path, place: Place) -> float:
    """How long a fresh server takes for its first hover, in ms; nothing else runs beside it."""
    async with _started(command, root) as editor:
        started = time.perf_counter()
        await _hover(editor, place)
        return (time.perf_counter() - started) * 1000


def _index(root: Path) -> None:
    """The index is made before, as it is once for each toolchain."""
    here = toolchain(root)
    if here is None or not isinstance(docs := build(Config().cache, here), Docs):
        raise click.ClickException("there is no documentation to cite: rustup component add rust-docs")
    docs.close()


def _places(file: Path) -> Iterator[Place]:
    """Every name, keyword and operator of a file."""
    source = Source(file.name, file.read_bytes())
    index = LineIndex(source.text, UTF16)
    waiting = [source.root]
    while waiting:
        node = waiting.pop()
        waiting += reversed(node.children)
        if node.child_count or any(around.type in _TEXTS for around in ancestors(node)):
            continue
        if node.is_named and node.type not in _NAMES:
            continue  # a literal
        kind = NAMES if node.type in _NAMES else TOKENS
        if kind == NAMES or node.type not in "(){}[];,":
            yield Place(kind, file.as_uri(), index.position(node.start_byte))


def _marked(editor: Editor) -> Iterator[Place]:
    """Where a diagnostic of the compiler begins."""
    last = {told["uri"]: told for told in editor.told("textDocument/publishDiagnostics")}
    seen = set()
    for uri, told in last.items():
        for diagnostic in told["diagnostics"]:
            place = diagnostic["range"]["start"]
            key = (uri, place["line"], place["character"])
            if diagnostic["source"] == "rustc" and key not in seen:
                seen.add(key)
                yield Place(DIAGNOSTICS, uri, place)


def _some(places: list[Place], n: int) -> Iterable[Place]:
    """About `n` of them, from everywhere."""
    return places[:: max(len(places) // n, 1)]


async def _visit(editors: tuple[Editor, Editor], place: Place, n: int) -> Visit:
    taken = [0.0, 0.0]
    answer = b""
    # Whoever goes second finds warmer caches, so the order alternates.
    for which in (0, 1) if n % 2 else (1, 0):
        started = time.perf_counter()
        said = await _hover(editors[which], place)
        taken[which] = (time.perf_counter() - started) * 1000
        answer = said if which else answer
    return Visit(place.kind, taken[0], taken[1], _CITED.encode() in answer)


async def _hover(editor: Editor, place: Place) -> bytes:
    params = {"textDocument": {"uri": place.uri}, "position": place.position}
    async with asyncio.timeout(60):
        return await editor.send("textDocument/hover", params)


async def _until_cited(editors: tuple[Editor, Editor], places: list[Place]) -> None:
    """The index is opened in the background."""
    async with asyncio.timeout(60):
        while not [n for n, place in enumerate(places) if (await _visit(editors, place, n)).cited]:
            await asyncio.sleep(0.1)


def _measured(visit: str, kind: str, done: Sequence[Visit]) -> Measured:
    direct, cited = [one.direct_ms for one in done], [one.cited_ms for one in done]
    return Measured(
        visit,
        kind,
        len(done),
        direct_ms_p50=statistics.median(direct),
        direct_ms_p95=_p95(direct),
        cited_ms_p50=statistics.median(cited),
        cited_ms_p95=_p95(cited),
        share_cited=sum(one.cited for one in done) / len(done),
    )


def _p95(times_ms: list[float]) -> float:
    return statistics.quantiles(times_ms, n=20)[-1]


def _table(figures: Figures) -> Table:
    table = Table(
        title="What the editor waits for a hover, in ms (p50 and p95)",
        caption=f"The very first hover: {figures.first_direct_ms:.0f} ms from rust-analyzer, "
        f"{figures.first_cited_ms:.0f} ms through Rusta\n{figures.n_late} citations came too late",
    )
    for heading in ("visit", "at"):
        table.add_column(heading, no_wrap=True)
    for heading in ("n", "alone", "", "Rusta", "", "p95+", "cited"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in figures.measured:
        times = (one.direct_ms_p50, one.direct_ms_p95, one.cited_ms_p50, one.cited_ms_p95)
        table.add_row(
            one.visit,
            one.kind,
            str(one.n),
            *(f"{ms:.1f}" for ms in times),
            f"{one.added_ms_p95:+.1f}",
            f"{one.share_cited:.0%}",
        )
    return table


if __name__ == "__main__":
    command()
