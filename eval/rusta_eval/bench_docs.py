"""What does the index of the documentation cost? To build, to keep, and to ask.

    python -m rusta_eval.bench_docs [--json FILE]

The index is built into a temporary folder. Then new processes each ask one question: from the start of the
import to the answer, the start of Python itself not counted. Then one process asks many, over and over.
"""

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import rich_click as click
from attrs import asdict, frozen
from rich.console import Console
from rich.table import Table

from rusta_server.errors import RustaError
from rusta_server.tools.docs import Docs, Query, Toolchain, anchor, build, toolchain

QUESTIONS = 300

# Run with the cache folder and the toolchain; prints milliseconds.
_COLD = """
import sys, time
from pathlib import Path
started = time.perf_counter()
from rusta_server.tools.docs import Query, Toolchain, open_docs
cache, sysroot, version, html, what = sys.argv[1:]
docs = open_docs(Path(cache), Toolchain(Path(sysroot), version, Path(html)))
loaded = time.perf_counter()
if what == "section":
    answer = docs.section("error_codes", "E0382")
elif what == "item":
    answer = docs.item("Vec::drain")
elif what == "resolve":
    from rusta_server.tools.docs import anchor
    section = docs.section("error_codes", "E0382")
    answer = docs.resolve(anchor(section, section.blocks[-1].text)).anchor
else:
    answer = docs.search(Query(code="E0382", message="borrow of moved value: `x`"))
assert answer
ended = time.perf_counter()
print((ended - started) * 1e3, (ended - loaded) * 1e3)
"""


@frozen
class Asked:
    """Milliseconds for one kind of question.

    Attributes:
        cold_ms: the first of a process, the import of the library included; the median of the processes.
        cold_query_ms: that without the import.
    """

    what: str
    cold_ms: float
    cold_query_ms: float
    warm_ms_p50: float
    warm_ms_p95: float


@frozen
class Figures:
    """What was measured."""

    version: str
    build_s: float
    index_mb: float
    n_sections: int
    asked: tuple[Asked, ...]


@click.command()
@click.option("--rounds", default=7, show_default=True, help="How many processes ask each first question.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures here.")
def command(rounds: int, file: Path | None) -> None:
    """Measure the index of the documentation."""
    here = toolchain(Path.cwd())
    if here is None or here.html is None:
        raise RustaError("There is no documentation here.", hint="rustup component add rust-docs")
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), here, rounds)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(figures), indent=2) + "\n")
    console = Console()
    console.print(
        f"index of rustc {figures.version}: {figures.n_sections:,} sections, {figures.index_mb:.0f} MB, "
        f"built in {figures.build_s:.1f} s"
    )
    table = Table(title="milliseconds to an answer")
    for column in ("", "first of a process", "without the import", "later, p50", "later, p95"):
        table.add_column(column, justify="right" if column else "left")
    for one in figures.asked:
        times = (one.cold_ms, one.cold_query_ms, one.warm_ms_p50, one.warm_ms_p95)
        table.add_row(one.what, *(f"{ms:.2f}" for ms in times))
    console.print(table)


def measure(cache: Path, here: Toolchain, rounds: int) -> Figures:
    """Build the index in `cache` and ask it."""
    started = time.perf_counter()
    docs = build(cache, here)
    build_s = time.perf_counter() - started
    if not isinstance(docs, Docs):
        raise RustaError("The index was not built.")
    asked = tuple(
        Asked(what, *_cold(cache, here, what, rounds), *_warm(ask))
        for what, ask in _questions(docs, random.Random(1)).items()
    )
    (n_sections,) = docs.rows("SELECT count(*) FROM section")[0]
    return Figures(here.version, build_s, docs.path.stat().st_size / 1e6, n_sections, asked)


def _questions(docs: Docs, pick: random.Random) -> dict[str, Sequence[Callable[[], object]]]:
    """Questions of each kind, about what really is in the index."""
    sections = docs.rows("SELECT corpus, id FROM section WHERE page NOT LIKE 'core/arch/%'")
    items = docs.rows("SELECT path FROM item WHERE path NOT LIKE 'core::%'")
    codes = docs.rows("SELECT id FROM section WHERE kind = 'error'")
    lints = docs.rows("SELECT title FROM section WHERE kind = 'lint'")
    picked = [docs.section(*row) for row in pick.choices(sections, k=QUESTIONS)]
    anchors = [anchor(one, pick.choice(one.blocks).text) for one in picked if one is not None]
    queries = [Query(code=row[0]) for row in pick.choices(codes + lints, k=QUESTIONS // 3)]
    queries += [Query(symbol=row[0]) for row in pick.choices(items, k=QUESTIONS // 3)]
    queries += [
        Query(words=" ".join(one.quote.split()[:8])) for one in anchors[: QUESTIONS // 3] if one.quote.strip()
    ]
    return {
        "section": [partial(docs.section, *row) for row in pick.choices(sections, k=QUESTIONS)],
        "item": [partial(docs.item, row[0]) for row in pick.choices(items, k=QUESTIONS)],
        "resolve": [partial(docs.resolve, one) for one in anchors],
        "search": [partial(docs.search, query) for query in queries],
    }


def _cold(cache: Path, here: Toolchain, what: str, rounds: int) -> tuple[float, float]:
    said = [
        subprocess.run(
            [sys.executable, "-c", _COLD, str(cache), str(here.sysroot), here.version, str(here.html), what],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for _ in range(rounds)
    ]
    return statistics.median(float(one[0]) for one in said), statistics.median(float(one[1]) for one in said)


def _warm(questions: Sequence[Callable[[], object]]) -> tuple[float, float]:
    taken: list[float] = []
    for _ in range(2):  # the first time fills the caches
        taken = []
        for ask in questions:
            started = time.perf_counter()
            ask()
            taken.append((time.perf_counter() - started) * 1e3)
    return statistics.median(taken), statistics.quantiles(taken, n=20)[-1]


if __name__ == "__main__":
    command()
