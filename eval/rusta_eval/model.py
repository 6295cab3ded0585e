"""`rusta eval --model`: what the byte model can do by itself, on code that was kept from it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import asdict, frozen
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from rusta_inference.engine import Engine
from rusta_inference.manifest import Manifest, Missing, read
from rusta_server.candidates.model import SHIPPED
from rusta_server.errors import RustaError
from rusta_training.shards import ShardError

from . import model_bytes, model_refusals, model_triplets

PARTS = ("triplets", "refusals", "bytes")
DATA = Path("build/data")
COUNT = 400
"""Triplets, unless told otherwise."""
LEDGER = Path(__file__).parents[2] / "training/ledger.jsonl"

Report = dict[str, Any]


@frozen
class Options:
    """What to measure.

    Attributes:
        data: the folder with triplets and shards that were not trained on, and those that were.
        split: which of the former, ``test`` or ``valid`` (which the curve of the training is of).
        count: how many triplets.
        n_bytes, n_known: how many bytes to foretell; how many of training's the counted models get.
        details: a file for a JSON line on each triplet.
    """

    parts: Sequence[str] = PARTS
    weights: Path = SHIPPED
    data: Path = DATA
    ledger: Path = LEDGER
    split: str = "test"
    count: int = COUNT
    n_bytes: int = model_bytes.N_BYTES
    n_known: int = model_bytes.N_KNOWN
    jobs: int = 2
    details: Path | None = None


def measure(options: Options, console: Console) -> Report:
    """Run the chosen parts, with progress on `console`, and give all figures as plain values.

    Raises:
        RustaError: there are no weights that can be used, or a part lacks its data.
    """
    manifest = read(options.weights)
    if isinstance(manifest, Missing):
        raise RustaError(manifest.reason, hint="Give --model-dir FOLDER.")
    report: Report = {"model": _facts(manifest)}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        if "triplets" in options.parts:
            folder = options.data / "triplets" / options.split
            found, judged = model_triplets.measure(
                options.weights,
                folder,
                options.ledger,
                options.count,
                options.jobs,
                _bar(bars, "asking the model"),
                _bar(bars, "asking rustc"),
            )
            report["triplets"] = asdict(found)
            if options.details:
                lines = model_triplets.details(judged)
                options.details.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        if "refusals" in options.parts:
            report["refusals"] = asdict(_refusals(options, _bar(bars, "asking what it cannot know")))
        if "bytes" in options.parts:
            report["bytes"] = asdict(_bytes(options, _bar(bars, "reading Rust")))
    return report


def show(report: Mapping[str, Any], console: Console) -> None:
    """Print the figures as tables."""
    facts = report["model"]
    seen = f", {facts['n_tokens'] / 1e6:.1f} M tokens seen" if facts["n_tokens"] else ""
    console.print(
        f"{facts['run']}: {facts['n_parameters'] / 1e6:.1f} M parameters, {facts['quantization']}{seen}"
    )
    if "triplets" in report:
        _show_triplets(report["triplets"], console)
    if "refusals" in report:
        _show_refusals(report["refusals"], console)
    if "bytes" in report:
        _show_bytes(report["bytes"], console)


def _facts(manifest: Manifest) -> Report:
    return {
        "run": manifest.run,
        "n_parameters": manifest.n_parameters,
        "quantization": manifest.quantization,
        "ledger_sha256": manifest.ledger_sha256,
        "n_tokens": manifest.trained.get("n_tokens", 0),
    }


def _bytes(options: Options, progress: Callable[[int, int], None]) -> model_bytes.Report:
    with _engine_and_shards(options) as (engine, shards):
        return model_bytes.measure(engine, shards, options.split, options.n_bytes, options.n_known, progress)


def _refusals(options: Options, progress: Callable[[int, int], None]) -> model_refusals.Report:
    with _engine_and_shards(options) as (engine, shards):
        return model_refusals.measure(engine, shards, options.split, progress)


@contextmanager
def _engine_and_shards(options: Options) -> Iterator[tuple[Engine, Path]]:
    """Both, with errors that say what to do."""
    engine = Engine.open(options.weights)
    if isinstance(engine, Missing):
        raise RustaError(engine.reason)
    try:
        yield engine, options.data / "shards"
    except ShardError as error:
        raise RustaError(str(error), hint="make data, or --data FOLDER") from error


def _bar(bars: Progress, name: str) -> Callable[[int, int], None]:
    task = bars.add_task(name, total=None)
    return lambda done, total: bars.update(task, completed=done, total=total)


def _show_triplets(found: Mapping[str, Any], console: Console) -> None:
    title = f"{found['all']['n']} of {found['n_there']:,} held-out triplets; shares in %, 95 % intervals"
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("", "n", "exact@1", "exact@8", "clean@1", "clean@8", "a/p"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for kind in ("by_operator", "by_origin", "by_class"):
        for row in found[kind]:
            table.add_row(*_cells(row))
        table.add_section()
    table.add_row(*_cells(found["all"]))
    console.print(table)
    console.print("a/p: of how many the model would rather have abstained, or asked for a probe")
    if found["n_doubtful"]:
        console.print(f"{found['n_doubtful']} edits are exact, and yet rustc does not accept them")


def _cells(row: Mapping[str, Any]) -> list[str]:
    shares = (row[name] for name in ("exact_at_1", "exact_at_8", "clean_at_1", "clean_at_8"))
    shown = [
        f"{100 * one['share']:.0f} ({100 * one['lower']:.0f}–{100 * one['upper']:.0f})" for one in shares
    ]
    return [row["name"], str(row["n"]), *shown, f"{row['abstained']}/{row['probed']}"]


def _show_refusals(found: Mapping[str, Any], console: Console) -> None:
    def percent(share: Mapping[str, Any]) -> str:
        return f"{100 * share['share']:.0f} % ({100 * share['lower']:.0f}–{100 * share['upper']:.0f})"

    n_lacking = found["n_abstain"] + found["n_probe"]
    title = f"{n_lacking} held-out problems that lack something, beside {found['n_edit']} as long"
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_header=False)
    table.add_row("AUC of the probability of a refusal", f"{found['auc']:.3f}")
    table.add_row("refused, of those that lack something", percent(found["refused"]))
    table.add_row("refused, of the others", percent(found["refused_wrongly"]))
    table.add_row("refused, if 5 % of the others may be", percent(found["found"]))
    table.add_row(
        f"asked for a probe first, of {found['n_probe']} that lack a definition", percent(found["probed"])
    )
    console.print(table)


def _show_bytes(found: Mapping[str, Any], console: Console) -> None:
    title = f"bits per byte: {found['n_bytes']:,} bytes, {found['n_documents']} documents of held-out crates"
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("", "of training's bytes it knows", "bits per byte"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for cost in found["costs"]:
        known = f"{cost['known'] / 1e6:g} MB" if cost["known"] else "none"
        if cost["name"] == found["costs"][0]["name"]:
            known = "those it was trained on"
        table.add_row(cost["name"], known, f"{cost['bits_per_byte']:.3f}")
    console.print(table)
