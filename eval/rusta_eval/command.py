"""`rusta eval`: how much gets fixed, by class; and how good citations are."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

import rich_click as click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from rusta_server.candidates.model import SHIPPED
from rusta_server.config import Config
from rusta_server.orchestrator.repair import Budget

from . import citations, model
from .pairs import Pair, Result, load, run, to_json


@click.command()
@click.option("--pairs", "file", type=click.Path(path_type=Path), help="JSONL of broken programs.")
@click.option("--citations", "cite", is_flag=True, help="Measure citations instead; see below.")
@click.option("--model", "alone", is_flag=True, help="Measure the byte model by itself instead; see below.")
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice((*citations.PARTS, *model.PARTS)),
    help="Of --citations or --model only this part; may be repeated.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=model.DATA,
    show_default=True,
    help="Held-out triplets and shards, for --model.",
)
@click.option(
    "--split", type=click.Choice(("test", "valid")), default="test", help="Which held-out side, for --model."
)
@click.option("--other", default="nightly", show_default=True, help="The toolchain to compare anchors with.")
@click.option(
    "--export", type=click.Path(path_type=Path), help="Write pairs of claim and citation to label here."
)
@click.option("--jobs", default=2, show_default=True, help="Programs repaired at the same time.")
@click.option("--max-checks", default=60, show_default=True, help="Compiler runs for one program.")
@click.option("--max-lines", default=20, show_default=True, help="Lines one fix may change (K).")
@click.option("--no-analyzer", is_flag=True, help="Do not ask rust-analyzer.")
@click.option("--no-rules", is_flag=True, help="Leave out the hand-written rules.")
@click.option("--no-model", is_flag=True, help="Do not ask the byte model.")
@click.option(
    "--model-dir", type=click.Path(path_type=Path), help="Its weights, if not those of the package."
)
@click.option("--code", help="Only programs with this error code.")
@click.option("--only", help="Only programs whose id contains this.")
@click.option("--limit", type=int, help="Only the first N programs; of --model, N triplets.")
@click.option("--details", type=click.Path(path_type=Path), help="Write a JSON line for each program here.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(
    file: Path | None,
    cite: bool,
    alone: bool,
    parts: tuple[str, ...],
    data: Path,
    split: str,
    other: str,
    export: Path | None,
    jobs: int,
    max_checks: int,
    max_lines: int,
    no_analyzer: bool,
    no_rules: bool,
    no_model: bool,
    model_dir: Path | None,
    code: str | None,
    only: str | None,
    limit: int | None,
    details: Path | None,
    as_json: bool,
) -> None:
    """Repair every program of a JSONL file and say how many compile afterwards.

    A line holds "id" and "broken", and may hold "fixed", "klass", "codes", "edition", "mode", "flags".

    With --citations: (shown) whether everything that is shown stands where its link leads, also what is said
    of the programs' diagnostics; (gold) whether the links of official pages are found again without them;
    (speed) how long a search takes; (fidelity) how many labelled citations support their claims; (stability)
    what becomes of anchors in another toolchain's documentation. --export writes pairs to label.

    With --model: (triplets) how often the model alone undoes a mistake in code that was kept from it, on
    held-out triplets; (bytes) how many bits it needs for a byte of held-out crates, next to general
    compressors and counted models.
    """
    if alone or set(parts) & set(model.PARTS):
        options = model.Options(
            parts=parts or model.PARTS,
            weights=model_dir or SHIPPED,
            data=data,
            split=split,
            count=limit or model.COUNT,
            jobs=jobs,
            details=details,
        )
        _alone(options, as_json)
        return
    if cite or parts or export:
        _citations(file, code, only, limit, parts, other, export, as_json)
        return
    if file is None:
        raise click.UsageError("Give --pairs FILE, or --citations.")
    pairs = _chosen(file, code, only, limit)
    budget = Budget(max_checks=max_checks, max_lines=max_lines)
    # Programs that are repaired side by side share the processor: each model has its part of the threads.
    config = Config(
        model=not no_model,
        model_dir=str(model_dir.absolute()) if model_dir else None,
        model_threads=max(1, Config().model_threads // jobs),
    )
    repair = partial(run, budget=budget, analyzer=not no_analyzer, rules=not no_rules, config=config)
    results = _run_all(pairs, jobs, repair)
    if details:
        details.write_text("".join(to_json(result) + "\n" for result in results), encoding="utf-8")
    summary = summarize(results)
    if as_json:
        click.echo(json.dumps(summary, indent=2))
    else:
        _show(summary)


def _chosen(file: Path, code: str | None, only: str | None, limit: int | None) -> list[Pair]:
    return [
        pair
        for pair in load(file)
        if (code is None or code in pair.codes) and (only is None or only in pair.id)
    ][:limit]


def _citations(
    file: Path | None,
    code: str | None,
    only: str | None,
    limit: int | None,
    parts: tuple[str, ...],
    other: str,
    export: Path | None,
    as_json: bool,
) -> None:
    options = citations.Options(
        parts=parts or citations.PARTS,
        programs=_chosen(file, code, only, limit) if file else (),
        other=other,
        export=export,
    )
    report = citations.measure(options, Console(stderr=True))
    if as_json:
        click.echo(citations.to_json(report))
    else:
        citations.show(report, Console())


def _alone(options: model.Options, as_json: bool) -> None:
    if set(options.parts) - set(model.PARTS):
        raise click.UsageError("Parts of --citations and of --model are measured one after another.")
    report = model.measure(options, Console(stderr=True))
    if as_json:
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        model.show(report, Console())


def summarize(results: Sequence[Result]) -> dict[str, dict[str, float | int]]:
    """Figures for each class and for all; shares are of the programs that really were broken."""
    broken = [result for result in results if result.was_broken]
    classes = sorted({result.klass for result in broken})
    summary = {klass: _figures([r for r in broken if r.klass == klass]) for klass in classes}
    summary["all"] = _figures(broken)
    return summary


def _figures(results: Sequence[Result]) -> dict[str, float | int]:
    clean = [result for result in results if result.clean]
    sources = Counter(source for result in clean for source in result.sources)
    times = sorted(result.seconds for result in results)
    return {
        "n": len(results),
        "clean": len(clean),
        "clean_share": round(len(clean) / len(results), 4) if results else 0.0,
        "guesses": sum(result.confidence < Config().tau_answer for result in clean),
        "as_author": sum(result.as_author for result in clean),
        "lines_median": median([result.n_lines for result in clean]) if clean else 0,
        "seconds_median": round(median(times), 3) if times else 0.0,
        "seconds_p95": round(times[int(0.95 * (len(times) - 1))], 3) if times else 0.0,
        "seconds_mean": round(sum(times) / len(times), 3) if times else 0.0,
        "checks_mean": round(sum(r.n_checks for r in results) / len(results), 1) if results else 0.0,
        **_by_kind(sources),
    }


def _by_kind(sources: Counter[str]) -> dict[str, int]:
    kinds: Counter[str] = Counter()
    for source, n in sources.items():
        kinds[f"won_by_{source.split('/')[0]}"] += n
    return dict(kinds)


def _run_all(pairs: Sequence[Pair], jobs: int, repair: Callable[[Pair], Result]) -> list[Result]:
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with (
        Progress("repairing", *columns, "[green]{task.fields[clean]} clean", console=console) as progress,
        ProcessPoolExecutor(jobs) as pool,
    ):
        task = progress.add_task("repairing", total=len(pairs), clean=0)
        results: list[Result] = []
        for result in pool.map(repair, pairs):
            results.append(result)
            progress.update(task, advance=1, clean=sum(r.clean for r in results))
    return results


def _show(summary: dict[str, dict[str, float | int]]) -> None:
    table = Table(title="compile-clean after repair", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    columns = ("class", "n", "clean", "share", "guess", "author", "lines", "s", "runs")
    for column in columns:
        table.add_column(column, justify="left" if column == "class" else "right", no_wrap=True)
    for klass, row in summary.items():
        if klass == "all":
            table.add_section()
        table.add_row(
            klass,
            str(row["n"]),
            str(row["clean"]),
            f"{row['clean_share']:.1%}",
            str(row["guesses"]),
            str(row["as_author"]),
            f"{row['lines_median']:g}",
            f"{row['seconds_median']:.2f}",
            f"{row['checks_mean']:.1f}",
        )
    console = Console()
    console.print(table)
    won = {key.removeprefix("won_by_"): n for key, n in summary["all"].items() if key.startswith("won_by_")}
    console.print("accepted candidates came from: " + ", ".join(f"{kind} {n}" for kind, n in won.items()))
