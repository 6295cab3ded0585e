"""How sure Rusta may be: run the repair loop on held-out programs with hidden tests, fit, judge, write.

    python -m rusta_eval.calibrate --programs build/data/programs/test.jsonl --write

Each program is broken (`.hidden`), repaired, and the repaired program is run: it is right if it prints what
the original prints and its assertions hold. Where two or three mistakes were made, each step of the repair is
judged by itself: what became of the mistake nearest to it is put into the original, and that is run. What the
loop knew of its fix, and whether that was right, are the cases of `rusta_training.calibrate`. They are split
by program into ten parts; each is judged by coefficients fitted on the other nine, and what is written was
fitted on all. What the byte model made of each candidate for the first error gives the cases of the
probability *before* the compiler is asked.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import rich_click as click
from attrs import asdict, define, frozen
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from rusta_inference import confidence as committed
from rusta_inference.confidence import Calibration
from rusta_server.candidates import Candidate, Context, Rank, Source
from rusta_server.candidates.model import ByteModel, Opinion
from rusta_server.config import Config
from rusta_server.orchestrator import offers
from rusta_server.orchestrator.confidence import Evidence, calibration_of, features
from rusta_server.orchestrator.propose import model_of
from rusta_server.orchestrator.repair import Budget, Repair, repair
from rusta_server.patch.edit import EditError, apply
from rusta_server.patch.proof import Level
from rusta_server.tools.diagnostic import Checked
from rusta_training.calibrate import Case, as_plain, fit, judge

from . import hidden
from .hidden import NAME, Broken, Program

# How often a program is repaired: as a crate without tests, as one with tests, as one with another error
# that stays, for the lightbulb, with alternatives; and with several mistakes, as a whole and for the
# lightbulb.
_KINDS = {
    "repair": 0.3,
    "tested": 0.2,
    "among others": 0.1,
    "alternatives": 0.1,
    "several": 0.2,
    "one of several": 0.1,
}
_SEVERAL = ("several", "one of several")
_BUDGET = Budget(max_checks=20)
_L2, _L2_SOURCES = 8.0, 1.0
_N_PARTS = 10


@frozen
class Row:
    """One fix, or none, and what became of it.

    Attributes:
        kind: how it was asked for; "candidate" for one that the byte model looked at.
        right: None where there was no fix.
        exact: it equals the original, white space aside.
        calibration: the coefficients it is judged by.
        features, by: of its weakest part, and where that came from.
        said: the confidence by the committed coefficients.
    """

    program: str
    kind: str
    operator: str
    family: str
    right: bool | None
    exact: bool = False
    level: str = "NONE"
    source: str = ""
    title: str = ""
    calibration: str = "after"
    features: Mapping[str, float] = {}
    by: str = ""
    said: float = 0.0


@click.command()
@click.option(
    "--programs",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="JSONL of programs; may be repeated.",
)
@click.option(
    "--rows", type=click.Path(path_type=Path), help="Keep the cases here, and use those that are there."
)
@click.option(
    "--with",
    "others",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Cases of earlier runs to use as well.",
)
@click.option("--minutes", default=6.0, show_default=True, help="Time to collect cases in.")
@click.option("--jobs", default=1, show_default=True, help="Programs repaired at the same time.")
@click.option("--no-model", is_flag=True, help="Without the byte model.")
@click.option(
    "--model-dir", type=click.Path(path_type=Path), help="Its weights, if not those of the package."
)
@click.option("--seed", default=0, show_default=True, help="Of the mistakes.")
@click.option("--write", is_flag=True, help="Write the fitted coefficients into the package.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures here.")
def command(
    files: tuple[Path, ...],
    rows: Path | None,
    others: tuple[Path, ...],
    minutes: float,
    jobs: int,
    no_model: bool,
    model_dir: Path | None,
    seed: int,
    write: bool,
    file: Path | None,
) -> None:
    """Collect cases on held-out programs, fit the confidence, and judge it on cases it was not fitted on."""
    console = Console(stderr=True)
    config = Config(
        model=not no_model, model_dir=str(model_dir.absolute()) if model_dir else None, model_threads=1
    )
    found = _read(rows) if rows and rows.exists() else []
    if rows:
        rows.parent.mkdir(parents=True, exist_ok=True)
    if files:
        programs = [program for one in files for program in hidden.load(one)]
        known = {row.program for row in found}
        programs = [program for program in programs if program.id not in known]
        Random(seed).shuffle(programs)
        with rows.open("a", encoding="utf-8") if rows else nullcontext() as kept:
            for row in _collect(programs, seed, minutes, jobs, config, console):
                found.append(row)
                if kept:
                    kept.write(json.dumps(asdict(row)) + "\n")
                    kept.flush()
    fitted, figures = fit_and_judge([*found, *(row for other in others for row in _read(other))])
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    _show(figures, Console())
    if write:
        path = Path(committed.__file__).with_name(committed.FILE)
        known_ones = committed.parse(path.read_text(encoding="utf-8"))
        path.write_text(committed.render({**known_ones, **fitted}), encoding="utf-8")
        console.print(f"written: {path}")


def fit_and_judge(rows: Sequence[Row]) -> tuple[dict[str, Calibration], dict[str, Any]]:
    """Coefficients fitted on all cases, and figures of those by which each part was judged."""
    fixes = [row for row in rows if row.right is not None]
    after = [row for row in fixes if row.calibration.startswith("after")]
    fitted: dict[str, Calibration] = {}
    figures: dict[str, Any] = {"n_programs": len({row.program for row in rows}), "n_fixes": len(after)}
    judged: list[tuple[Row, float]] = []
    for name in sorted({row.calibration for row in fixes}):
        own = [row for row in fixes if row.calibration == name]
        if len({_part_of(row) for row in own}) < 2:
            continue
        fitted[name] = _fit(own)
        said = _said_by_others(own)
        figures[name] = {"n_fit": len(own), **_judged(own, said)}
        if name.startswith("after"):
            judged += zip(own, said, strict=True)
        else:
            figures[name]["first_right"] = _first_right(own, said)
            figures[name]["first_right_by_prior"] = _first_right(own, [row.features["prior"] for row in own])
    figures["all"] = _judged([row for row, _ in judged], [said for _, said in judged])
    figures["by_source"] = _said_and_right(judged, lambda row: row.source.split("/")[0])
    figures["by_level"] = {
        level: _judged([row for row, _ in found], [said for _, said in found])
        for level in ("V1", "V2", "V3")
        if (found := [one for one in judged if one[0].level == level])
    }
    figures["by_kind"] = _said_and_right(judged, lambda row: row.kind)
    n_none = sum(row.right is None for row in rows)
    figures["abstentions"] = {str(tau): _abstentions(judged, n_none, tau) for tau in _thresholds()}
    return fitted, figures


def _fit(rows: Sequence[Row]) -> Calibration:
    cases = [Case(row.program, row.features, bool(row.right), row.by) for row in rows]
    return fit(cases, l2=_L2, l2_sources=_L2_SOURCES)


def _said_by_others(rows: Sequence[Row]) -> list[float]:
    """The probability of each row, by coefficients that were fitted on the other parts' programs."""
    parts = {_part_of(row) for row in rows}
    fits = {part: _fit([row for row in rows if _part_of(row) != part]) for part in parts}
    return [fits[_part_of(row)].probability(row.features, row.by) for row in rows]


def _part_of(row: Row) -> int:
    return hashlib.sha256(f"part:{row.program}".encode()).digest()[0] % _N_PARTS


def _first_right(rows: Sequence[Row], said: Sequence[float]) -> float:
    """In how many of the programs for which one candidate is right the likeliest one is."""
    by_program: dict[str, list[tuple[float, bool]]] = {}
    for row, p in zip(rows, said, strict=True):
        by_program.setdefault(row.program, []).append((p, bool(row.right)))
    able = [found for found in by_program.values() if any(right for _, right in found)]
    firsts = [max(found, key=lambda one: one[0])[1] for found in able]
    return round(sum(firsts) / len(firsts), 3) if firsts else 0.0


def _said_and_right(judged: Sequence[tuple[Row, float]], name: Callable[[Row], str]) -> dict[str, Any]:
    """What was said on average, and how much of it was right, of the rows of each name."""
    groups: dict[str, list[tuple[Row, float]]] = {}
    for row, said in judged:
        groups.setdefault(name(row), []).append((row, said))
    answered = _thresholds()[0]
    return {
        group: {
            "n": len(own),
            "right": round(sum(bool(row.right) for row, _ in own) / len(own), 3),
            "said": round(sum(said for _, said in own) / len(own), 3),
            "answers": sum(said >= answered for _, said in own),
            "wrong_answers": sum(said >= answered and not row.right for row, said in own),
        }
        for group, own in sorted(groups.items())
    }


def _judged(rows: Sequence[Row], said: Sequence[float]) -> dict[str, Any]:
    right = [bool(row.right) for row in rows]
    found = judge(said, right, thresholds=_thresholds())
    return {"exact": round(sum(row.exact for row in rows) / len(rows), 3), **as_plain(found)}


def _abstentions(judged: Sequence[tuple[Row, float]], n_none: int, tau: float) -> dict[str, float | int]:
    """Of the fixes that are no answers at `tau`, how many would have been wrong; `n_none` had none at all."""
    below = [row for row, said in judged if said < tau]
    wrong = sum(not row.right for row in below)
    n = len(below) + n_none
    return {
        "n_below": len(below),
        "wrong_below": wrong,
        "n_without_fix": n_none,
        "quality": round((wrong + n_none) / n, 3) if n else 1.0,
        "quality_of_fixes": round(wrong / len(below), 3) if below else 1.0,
    }


def _thresholds() -> tuple[float, float]:
    return Config().tau_answer, Config().tau_patch


def _collect(
    programs: Sequence[Program], seed: int, minutes: float, jobs: int, config: Config, console: Console
) -> Iterator[Row]:
    """Rows of as many programs as the time allows."""
    end = time.monotonic() + 60 * minutes
    columns = (TextColumn("repairing"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[said]}"))
    waiting = iter(programs)
    n_rows: Counter[bool | None] = Counter()
    with Progress(*columns, console=console) as progress, ProcessPoolExecutor(jobs) as pool:
        task = progress.add_task("", total=60 * minutes, said="")
        running: set[Future[list[Row]]] = set()
        while True:
            while len(running) < 2 * jobs and time.monotonic() < end:
                program = next(waiting, None)
                if program is None:
                    break
                running.add(pool.submit(examine, program, seed, config))
            if not running:
                return
            done, running = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in done:
                for row in future.result():
                    n_rows[row.right] += row.kind != "candidate"
                    yield row
            told = f"right {n_rows[True]}, wrong {n_rows[False]}, no fix {n_rows[None]}"
            progress.update(task, completed=60 * minutes - max(end - time.monotonic(), 0), said=told)


def examine(program: Program, seed: int, config: Config) -> list[Row]:
    """Break a program, repair it, and see what came out; empty if it does not run or is not broken."""
    chance = Random(f"{seed}:{program.id}")
    kind = chance.choices(list(_KINDS), list(_KINDS.values()))[0]
    tail = hidden.TAIL if kind == "among others" else b""
    with TemporaryDirectory(prefix="rusta-eval-") as name:
        folder = Path(name)
        n_mistakes = chance.choice((2, 2, 3)) if kind in _SEVERAL else 1
        broken = hidden.break_(program, chance, n_mistakes=n_mistakes, hide=kind == "tested", tail=tail)
        if broken is None:
            return []
        shadow = hidden.RunnableShadow(folder, NAME, {NAME: broken.text}, program.edition)
        model = _model(config)
        seen = _Seen(model) if model else None
        if kind == "several":
            found = list(_steps(shadow, seen))
        elif kind in ("repair", "tested"):
            found = list(_repaired(shadow, kind, seen))
        else:
            found = list(_offered(shadow, broken, seen))
        if not found:
            return []
        expected = hidden.output_of(program.text, program.edition, folder)
        if expected is None:
            return []
        rows = [_row(broken, kind, one, expected, folder) for one in found]
        if seen is None or kind in _SEVERAL:  # no candidate for one of several mends the whole
            return rows
        right = {one.text for one, row in zip(found, rows, strict=True) if row.right}
        return [*rows, *_looked_at(broken, seen, right)]


@define
class _Seen:
    """The byte model as the loop asks it, with what it said when it was asked first."""

    model: ByteModel
    first: tuple[Opinion, ...] | None = None
    files: Mapping[str, Source] = {}

    def __call__(self, context: Context, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        if self.first is None:
            self.first = self.model.opinions(context, candidates) or ()
            self.files = context.files
        return self.model.ranking()(context, candidates)


def _looked_at(broken: Broken, seen: _Seen, right: Collection[bytes | None]) -> Iterator[Row]:
    """A row for each candidate that the model saw when it was asked first."""
    if seen.first is None or seen.files[NAME].text != broken.text:
        return
    for opinion in seen.first:
        try:
            text = apply({NAME: broken.text}, opinion.candidate.edits)[NAME]
        except (EditError, KeyError):
            continue
        whole = hidden.restored(broken, text)
        exact = whole is not None and whole.split() == broken.program.text.split()
        yield Row(
            program=broken.program.id,
            kind="candidate",
            operator=broken.operator,
            family=broken.family,
            right=exact or text in right,
            exact=exact,
            source=opinion.candidate.source,
            title=opinion.candidate.title,
            calibration="before_model",
            features=opinion.features,
        )


@cache
def _model(config: Config) -> ByteModel | None:
    return model_of(config)


@frozen
class _Fix:
    """A fix, or one step of it.

    Attributes:
        text: the whole file after all steps; None without a fix.
        step: the file before and after this one.
    """

    text: bytes | None
    step: tuple[bytes, bytes] = (b"", b"")
    level: Level = Level.NONE
    title: str = ""
    source: str = ""
    evidence: tuple[Evidence, ...] = ()


def _repaired(shadow: hidden.RunnableShadow, kind: str, rank: Rank | None) -> Iterator[_Fix]:
    found = repair(shadow, rank=rank, budget=_BUDGET, run_tests=kind == "tested")
    if not isinstance(found, Repair) or not found.baseline.errors:
        return
    if found.remaining:
        yield _Fix(None)
        return
    steps = found.state.steps
    yield _Fix(
        found.state.variant[NAME],
        (shadow.files[NAME], found.state.variant[NAME]),
        found.level,
        "; ".join(step.candidate.title for step in steps),
        steps[0].candidate.source if len(steps) == 1 else "search",
        found.evidence(shadow.files),
    )


def _steps(shadow: hidden.RunnableShadow, rank: Rank | None) -> Iterator[_Fix]:
    """The steps of a repair that need not have mended everything, each for itself."""
    found = repair(shadow, rank=rank, budget=_BUDGET)
    if not isinstance(found, Repair) or not found.baseline.errors:
        return
    for step, part in zip(found.state.steps, found.evidence(shadow.files), strict=True):
        before = step.before.get(NAME, shadow.files[NAME])
        yield _Fix(
            found.state.variant[NAME],
            (before, step.after[NAME]),
            found.level,
            step.candidate.title,
            step.candidate.source,
            (part,),
        )
    if found.remaining:
        yield _Fix(None)


def _offered(shadow: hidden.RunnableShadow, broken: Broken, rank: Rank | None) -> Iterator[_Fix]:
    """What the lightbulb shows for the first error that belongs to the program."""
    baseline = shadow.check({})
    if not isinstance(baseline, Checked):
        return
    n_bytes = len(broken.text) - len(broken.tail)
    own = [error for error in baseline.errors if error.primary and error.primary.start < n_bytes]
    if not own:
        return
    last: dict[bytes, offers.Offer] = {}
    for offer in offers.search(
        shadow, baseline, targets=lambda errors: own[:1], rank=rank, budget=_BUDGET, run_tests=False
    ):
        if offer.source == "search":
            break
        last[offer.after[NAME]] = offer
    proven = [offer for offer in last.values() if offer.level]
    for offer in proven:
        step = (broken.text, offer.after[NAME])
        yield _Fix(offer.after[NAME], step, offer.level, offer.title, offer.source, offer.evidence)
    if not proven:
        yield _Fix(None)


def _row(broken: Broken, kind: str, fix: _Fix, expected: bytes, folder: Path) -> Row:
    right, exact = None, False
    weakest: dict[str, float] = {}
    name, by, said = "after", "", 0.0
    if fix.text is not None:
        whole = hidden.restored(broken, fix.text)
        if whole is not None and kind in _SEVERAL:
            whole = hidden.with_only(broken, whole, hidden.mistake_of(broken, *fix.step))
        exact = whole is not None and whole.split() == broken.program.text.split()
        right = exact or (
            whole is not None and hidden.output_of(whole, broken.program.edition, folder) == expected
        )
        parts = [(part.source, features(part, fix.level), calibration_of(part)) for part in fix.evidence]
        judged = [
            (committed.calibration(own).probability(told, source), told, own, source)
            for source, told, own in parts
        ]
        said, weakest, name, by = min(judged, key=lambda one: one[0])
    return Row(
        program=broken.program.id,
        kind=kind,
        operator=broken.operator,
        family=broken.family,
        right=right,
        exact=exact,
        level=fix.level.name,
        source=fix.source,
        title=fix.title,
        calibration=name,
        features=weakest,
        by=by,
        said=said,
    )


def _read(file: Path) -> list[Row]:
    return [Row(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]


def _show(figures: Mapping[str, Any], console: Console) -> None:
    table = Table(title=f"{figures['n_fixes']} fixes of {figures['n_programs']} held-out programs")
    for column in ("", "n", "right", "ECE", "by chance (5–95 %)", "Brier", "always the same", "AUC"):
        table.add_column(column, justify="left" if not column else "right")
    for name in ("after", "after_model", "all", "before_model"):
        if name in figures:
            one = figures[name]
            low, _, high = one["ece_null_5_50_95"]
            table.add_row(
                name,
                str(one["n"]),
                f"{one['share_right']:.1%}",
                f"{one['ece']:.3f}",
                f"{low:.3f}–{high:.3f}",
                f"{one['brier']:.3f}",
                f"{one['brier_base']:.3f}",
                f"{one['auc']:.3f}",
            )
    console.print(table)
    bins = Table(title="all: what was said, and what came out")
    for column in ("from", "n", "said", "right"):
        bins.add_column(column, justify="right")
    for one in figures["all"]["bins"]:
        bins.add_row(f"{one['from']:.1f}", str(one["n"]), f"{one['said']:.2f}", f"{one['right']:.2f}")
    console.print(bins)
    kinds = Table(title="by what was asked")
    for column in ("", "n", "said", "right", "answers", "wrong"):
        kinds.add_column(column, justify="left" if not column else "right")
    for kind, one in figures["by_kind"].items():
        said, right = f"{one['said']:.2f}", f"{one['right']:.2f}"
        kinds.add_row(kind, str(one["n"]), said, right, str(one["answers"]), str(one["wrong_answers"]))
    console.print(kinds)
    for tau, one in figures["all"]["at"].items():
        share = one["wrong"] / one["n"] if one["n"] else 0.0
        below = figures["abstentions"][tau]
        console.print(
            f"τ = {tau}: {one['n']} answers, {one['wrong']} wrong ({share:.1%}, at most {one['upper']:.1%}). "
            f"Below it {below['n_below']} fixes, {below['wrong_below']} of them wrong, "
            f"and {below['n_without_fix']} without one: abstention quality {below['quality']:.1%}"
        )


if __name__ == "__main__":
    command()
