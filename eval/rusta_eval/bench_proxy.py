"""What does Rusta cost a keystroke? rust-analyzer alone and behind Rusta, measured in one run.

    python -m rusta_eval.bench_proxy [--json FILE]

Both servers get the same generated crate and the same requests, taking turns, so that a noisy machine
hurts both alike. A stand-in that answers at once shows what the forwarding alone costs. Times are what
the editor sees: from sending a request to holding the answer's bytes.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import rich_click as click
from attrs import asdict, frozen
from rich.console import Console
from rich.table import Table

from rusta_server.config import Config
from rusta_server.lsp.serve import find_rust_analyzer

from . import stand_in
from .editor import Editor, Json

STAND_IN = "stand-in"
SMALL_N_BYTES = 10_000
SLOW_MS = 100.0  # an exchange of many messages, where noise is more than half a millisecond
HOVER_MAX_ADDED_MS = 0.5
LARGE_MAX_RATIO = 3.0

_CAPABILITIES: Json = {
    "general": {"positionEncodings": ["utf-16"]},
    "textDocument": {
        "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}},
        "hover": {"contentFormat": ["markdown"]},
        "semanticTokens": {
            "requests": {"full": True},
            "tokenTypes": [],
            "tokenModifiers": [],
            "formats": ["relative"],
        },
    },
    "experimental": {"serverStatusNotification": True},
}
_OPTIONS: Json = {
    "checkOnSave": False,
    "cachePriming": {"enable": False},
    "cargo": {"sysroot": None},
    "rusta": {"citations": False},  # they are measured by `bench_hover`
}


@frozen
class Measured:
    """One kind of exchange, alone and behind Rusta."""

    name: str
    answer_n_bytes: int
    direct_ms_p50: float
    direct_ms_p95: float
    proxied_ms_p50: float
    proxied_ms_p95: float

    @property
    def added_ms_p50(self) -> float:
        """What Rusta adds."""
        return self.proxied_ms_p50 - self.direct_ms_p50

    @property
    def ratio_p50(self) -> float:
        """How many times longer it takes."""
        return self.proxied_ms_p50 / self.direct_ms_p50


@frozen
class _Site:
    """A server with the generated file open, and the places in it."""

    editor: Editor
    uri: str
    hover: Json
    completion: Json


def big_file(n_methods: int, n_functions: int) -> str:
    """A Rust file with many methods to complete, and more functions so that there is much to colour."""
    methods = "\n".join(
        f"    /// The {n}th shade of the value, `x * {n}`.\n"
        f"    pub fn shade_number_{n:04}(&self, factor: u64, other: &Palette) -> u64 {{\n"
        f"        let scaled = self.value.wrapping_mul(factor).wrapping_add({n});\n"
        f"        if scaled > other.value {{ scaled - other.value }} else {{ other.value + {n} }}\n"
        "    }"
        for n in range(n_methods)
    )
    functions = "\n".join(
        f"pub fn mix_number_{n:04}(a: u64, b: u64) -> u64 {{\n    let c = a.wrapping_add(b);\n    c + {n}\n}}"
        for n in range(n_functions)
    )
    return (
        "pub struct Palette {\n    pub value: u64,\n}\n\n"
        f"impl Palette {{\n{methods}\n}}\n\n{functions}\n\n"
        "pub fn paint(palette: &Palette) -> u64 {\n    palette.value\n}\n"
    )


async def measure(rounds: int) -> list[Measured]:
    """Run every exchange ``rounds`` times on both sides."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "src").mkdir()
        (root / "Cargo.toml").write_text('[package]\nname = "big"\nversion = "0.1.0"\nedition = "2021"\n')
        source = root / "src/lib.rs"
        source.write_text(big_file(205, 430))
        program = await find_rust_analyzer(Config())
        behind = [sys.executable, "-m", "rusta_server", "serve", "--rust-analyzer", program.argv[0]]
        async with (
            await Editor.start(list(program.argv), cwd=root, env=program.environment) as direct,
            await Editor.start(behind, cwd=root, env=program.environment) as proxied,
        ):
            sites = [await _open(editor, root, source) for editor in (direct, proxied)]
            exchanges: list[tuple[str, Callable[[_Site], Awaitable[bytes]], int]] = [
                ("hover", _hover, rounds * 4),
                ("completion", _completion, rounds),
                ("semantic tokens", _tokens, rounds),
                ("200 edits, hover", _burst, max(5, rounds // 4)),
            ]
            real = [await _compare(name, act, sites, n) for name, act, n in exchanges]
        return real + await _measure_forwarding(root, rounds * 4)


async def _measure_forwarding(root: Path, rounds: int) -> list[Measured]:
    """The same with a stand-in that answers at once: what is left is the forwarding."""
    behind = [sys.executable, "-m", "rusta_server", "serve", "--rust-analyzer", stand_in.__file__]
    async with (
        await Editor.start([sys.executable, stand_in.__file__], cwd=root) as direct,
        await Editor.start(behind, cwd=root) as proxied,
    ):
        sites = []
        for editor in (direct, proxied):
            await editor.initialize(root, _CAPABILITIES, _OPTIONS)
            sites.append(_Site(editor, "", {}, {}))
        return [
            await _compare(f"{STAND_IN}, {size}", _forwarded(n_bytes), sites, rounds)
            for size, n_bytes in (("2 KB", 2_000), ("90 KB", 90_000), ("200 KB", 200_000))
        ]


@click.command()
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write the figures to this file too."
)
@click.option("--rounds", default=60, show_default=True, help="How often each exchange is repeated.")
def command(json_file: Path | None, rounds: int) -> None:
    """Measure rust-analyzer alone and behind Rusta."""
    figures = asyncio.run(measure(rounds))
    failures = missed(figures)
    Console().print(_table(figures))
    for failure in failures:
        Console().print(f"[red]missed:[/] {failure}")
    if json_file is not None:
        rows = [{**asdict(m), "added_ms_p50": m.added_ms_p50, "ratio_p50": m.ratio_p50} for m in figures]
        json_file.write_text(json.dumps({"figures": rows, "missed": failures}, indent=2) + "\n")
    sys.exit(1 if failures else 0)


def missed(figures: list[Measured]) -> list[str]:
    """Which targets were missed, for a person."""
    failures = []
    for figure in figures:
        small = figure.answer_n_bytes < SMALL_N_BYTES
        if small and figure.direct_ms_p50 < SLOW_MS and figure.added_ms_p50 > HOVER_MAX_ADDED_MS:
            failures.append(
                f"{figure.name}: {figure.added_ms_p50:.2f} ms added, at most {HOVER_MAX_ADDED_MS}"
            )
        if not small and figure.ratio_p50 > LARGE_MAX_RATIO:
            failures.append(f"{figure.name}: {figure.ratio_p50:.1f} times as long, at most {LARGE_MAX_RATIO}")
    return failures


async def _open(editor: Editor, root: Path, source: Path) -> _Site:
    await editor.initialize(root, _CAPABILITIES, _OPTIONS)
    await editor.until_quiescent()
    uri = editor.open(source)
    lines = source.read_text().splitlines()
    last = len(lines) - 2
    site = _Site(
        editor,
        uri,
        hover={"line": 6, "character": lines[6].index("shade") + 3},
        completion={"line": last, "character": lines[last].index(".") + 1},
    )
    for act in (_hover, _completion, _tokens):  # what is computed once is not what we measure
        await act(site)
    return site


async def _compare(
    name: str, act: Callable[[_Site], Awaitable[bytes]], sites: list[_Site], rounds: int
) -> Measured:
    times_ms: list[list[float]] = [[], []]
    sizes = [0, 0]
    for n in range(rounds):
        # Whoever goes second finds warmer caches, so the order alternates.
        for which in (0, 1) if n % 2 else (1, 0):
            started = time.perf_counter()
            answer = await act(sites[which])
            times_ms[which].append((time.perf_counter() - started) * 1000)
            sizes[which] = len(answer)
    if abs(sizes[0] - sizes[1]) > 16:
        raise RuntimeError(f"{name}: answers of {sizes[0]} and {sizes[1]} bytes; nothing was compared")
    direct, proxied = times_ms
    return Measured(
        name,
        sizes[0],
        direct_ms_p50=statistics.median(direct),
        direct_ms_p95=_p95(direct),
        proxied_ms_p50=statistics.median(proxied),
        proxied_ms_p95=_p95(proxied),
    )


async def _hover(site: _Site) -> bytes:
    params = {"textDocument": {"uri": site.uri}, "position": site.hover}
    return await site.editor.send("textDocument/hover", params)


async def _completion(site: _Site) -> bytes:
    params = {"textDocument": {"uri": site.uri}, "position": site.completion}
    return await site.editor.send("textDocument/completion", params)


async def _tokens(site: _Site) -> bytes:
    return await site.editor.send("textDocument/semanticTokens/full", {"textDocument": {"uri": site.uri}})


async def _burst(site: _Site) -> bytes:
    at = {"line": 0, "character": 0}
    for version in range(200):
        # Types a character and takes it back, so that the text ends as it began.
        end = at if version % 2 == 0 else {"line": 0, "character": 1}
        change = {"range": {"start": at, "end": end}, "text": " " if version % 2 == 0 else ""}
        document = {"uri": site.uri, "version": time.monotonic_ns() % 2**31}
        site.editor.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})
    return await _hover(site)


def _forwarded(n_bytes: int) -> Callable[[_Site], Awaitable[bytes]]:
    async def act(site: _Site) -> bytes:
        return await site.editor.send(f"stand-in/{n_bytes}", None)

    return act


def _p95(times_ms: list[float]) -> float:
    return statistics.quantiles(times_ms, n=20)[-1]


def _table(figures: list[Measured]) -> Table:
    table = Table(title="What the editor waits for an answer, in ms (p50 and p95)")
    table.add_column(no_wrap=True)
    for heading in ("KB", "direct", "", "Rusta", "", "added", "×"):
        table.add_column(heading, justify="right", no_wrap=True)
    for m in figures:
        table.add_row(
            m.name,
            f"{m.answer_n_bytes / 1000:.1f}",
            *(f"{x:.2f}" for x in (m.direct_ms_p50, m.direct_ms_p95, m.proxied_ms_p50, m.proxied_ms_p95)),
            f"{m.added_ms_p50:+.2f}",
            f"{m.ratio_p50:.2f}",
        )
    return table


if __name__ == "__main__":
    command()
