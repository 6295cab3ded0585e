"""What the sandbox costs: an incremental `cargo check` in it, beside the same one without it.

    python -m rusta_eval.bench_sandbox [--json FILE]

Both are measured in turns, on two copies of a real crate of about 2,300 lines, after the same edit, as a
repair checks a candidate: all targets, offline.
"""

import json
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import psutil
import rich_click as click
from attrs import asdict, frozen
from rich.console import Console
from rich.table import Table

from rusta_server.errors import RustaError
from rusta_server.tools import cargo, process, sandbox
from rusta_server.tools.diagnostic import Checked

from .demo import CRATE

FILE = "src/parse.rs"
MAX_OVERHEAD = 0.05
SETTLE_S = 0.1  # in which a fork of the resident launcher ends

T = TypeVar("T")


@frozen
class Figures:
    """Seconds over the rounds.

    Attributes:
        enforced: the launcher's options, for what this machine can enforce.
        free, confined: a check without the sandbox and in it; nothing: the sandbox around a command that does
            nothing.
        overhead: by how much of a check's processor time the one in the sandbox takes more. The clock says
            the same on an idle machine only.
    """

    n_rounds: int
    enforced: tuple[str, ...]
    free: "Cost"
    confined: "Cost"
    nothing: "Cost"
    overhead: float


@frozen
class Cost:
    """Of one round, or of many.

    Attributes:
        wall_s: seconds by the clock; of many the median.
        cpu_s: processor time of all processes that took part; of many the mean, because the kernel tells that
            of a process still running (the resident launcher, with all it has started) in hundredths.
    """

    wall_s: float
    cpu_s: float


@click.command()
@click.option("--rounds", default=30, show_default=True, help="How often each is measured.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures here.")
def command(rounds: int, file: Path | None) -> None:
    """Measure what the sandbox adds to a check."""
    figures = measure(rounds)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(figures), indent=2) + "\n")
    table = Table(title=f"cargo check after an edit ({rounds} rounds)")
    table.add_column()
    table.add_column("seconds", justify="right")
    table.add_column("processor seconds", justify="right")
    for name, cost in (
        ("without the sandbox", figures.free),
        ("in the sandbox", figures.confined),
        ("the sandbox around nothing", figures.nothing),
    ):
        table.add_row(name, f"{cost.wall_s:.3f}", f"{cost.cpu_s:.3f}")
    verdict = "kept" if figures.overhead <= MAX_OVERHEAD else "MISSED"
    table.caption = (
        f"overhead {figures.overhead:.1%} of the processor time, at most {MAX_OVERHEAD:.0%}: {verdict}"
    )
    Console().print(table)


def measure(n_rounds: int) -> Figures:
    """Measure both in turns.

    Raises:
        RustaError: nothing can be enforced here, or the crate does not compile.
    """
    found = sandbox.describe()
    if not found.options:
        raise RustaError(f"there is no sandbox here: {found.note}", hint="rusta doctor")
    with tempfile.TemporaryDirectory() as name:
        free = _prepare(Path(name, "free"), confined=False)
        confined = _prepare(Path(name, "confined"), confined=True)
        for one in (free, confined):
            _check(one, 0)
        costs: dict[str, list[Cost]] = {"free": [], "confined": [], "nothing": []}
        for number in range(1, n_rounds + 1):
            pair = [("free", free), ("confined", confined)]
            for key, one in pair if number % 2 else reversed(pair):
                costs[key].append(_check(one, number))
            costs["nothing"].append(_start(confined))
    all_of = {key: _of_many(values) for key, values in costs.items()}
    overhead = all_of["confined"].cpu_s / all_of["free"].cpu_s - 1
    return Figures(n_rounds, found.options, all_of["free"], all_of["confined"], all_of["nothing"], overhead)


def _of_many(costs: list[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.wall_s for cost in costs), statistics.fmean(cost.cpu_s for cost in costs)
    )


def _prepare(folder: Path, *, confined: bool) -> cargo.Invocation:
    root, target, scratch = (folder / name for name in ("crate", "target", "tmp"))
    shutil.copytree(CRATE, root)
    target.mkdir()
    scratch.mkdir()
    launcher = sandbox.prefix((root, target, scratch)) if confined else ()
    return cargo.Invocation(root, root, target, launcher, env={"TMPDIR": str(scratch)})


def _check(run: cargo.Invocation, number: int) -> Cost:
    """Edit the crate and check it."""
    file = run.root / FILE
    file.write_text((CRATE / FILE).read_text() + f"\nconst _: u32 = {number};\n")
    outcome, cost = _timed(partial(cargo.check, run, timeout_s=300))
    if not isinstance(outcome, Checked) or outcome.errors:
        raise RustaError(f"the check failed: {outcome}", hint="cargo check, in the fixture")
    return cost


def _start(run: cargo.Invocation) -> Cost:
    ended, cost = _timed(partial(process.run, (*run.launcher, "true"), cwd=run.root, timeout_s=60))
    if not isinstance(ended, process.Finished) or ended.code != 0:
        raise RustaError(f"the sandbox does not start: {ended}", hint="rusta doctor")
    return cost


def _timed(work: Callable[[], T]) -> tuple[T, Cost]:
    before_s, started = _processors_s(), time.perf_counter()
    result = work()
    ended = time.perf_counter()
    time.sleep(SETTLE_S)
    return result, Cost(ended - started, _processors_s() - before_s)


def _processors_s() -> float:
    """Processor time of all processes that this one has started: those that have ended, and the others."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = [process.cpu_times() for process in psutil.Process().children()]
    return ended.ru_utime + ended.ru_stime + sum(sum(times[:4]) for times in running)


if __name__ == "__main__":
    command()
