"""How fast is the byte model on this machine, how much memory does it take, and whom does it keep waiting?

    python -m rusta_eval.bench_model [--weights FOLDER | --size NAME] [--rounds N] [--json FILE]

With --size the weights are random, of one of the sizes in `rusta_training.model`: what a model would cost
that is not trained yet. Times are the least of the rounds: what the model takes, not what else the machine
was doing. Processor time is beside them, for machines that are never quiet.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socketpair

import rich_click as click
from attrs import asdict, frozen
from rich.console import Console
from rich.table import Table

from rusta_inference import codec
from rusta_inference.codec import Mark, Note, Problem, Prompt
from rusta_inference.decode import Generated, generate
from rusta_inference.engine import N_THREADS, Engine
from rusta_inference.manifest import Missing
from rusta_inference.worker import Worker
from rusta_server.candidates.model import SHIPPED
from rusta_server.errors import RustaError

N_PROMPT, N_ANSWER = 1024, 40
BUDGETS = {
    "prefill of 1 KB": 120.0,
    "8 candidates of 40 bytes": 200.0,
    "32 candidates of 40 bytes": 600.0,
    "score of 16 candidates of 40 bytes": 120.0,
    "ready, from the start of the process": 1000.0,
}
"""Milliseconds that each may take on two processors of a laptop."""
RSS_BUDGET_MB = 400
_MESSAGE_BYTES = 2048
_PAUSE_S = 0.002
_LISTENED_S = 3.0

# Run with the folder and the number of threads; prints seconds of wall clock and processor, and megabytes.
_COLD = """
import sys, time
from pathlib import Path
started = time.perf_counter()
from rusta_eval.bench_model import example
from rusta_inference.decode import generate
from rusta_inference.engine import Engine
engine = Engine.open(Path(sys.argv[1]), n_threads=int(sys.argv[2]))
engine.prefill([257])
ready, used = time.perf_counter() - started, time.process_time()
engine.score(engine.prefill([257] * 1024), [[1] * 40] * 16)
generate(engine, example(), n=32)
status = Path("/proc/self/status").read_text()
print(ready, used, next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""


@frozen
class Timed:
    """Least milliseconds of the rounds.

    Attributes:
        cpu_ms: of processor time, all threads together.
    """

    what: str
    ms: float
    cpu_ms: float
    budget_ms: float


@frozen
class Delayed:
    """How long a message of 2 KB took from one thread through a socket to another and back."""

    beside: str
    ms_p50: float
    ms_p99: float
    ms_max: float


@frozen
class Figures:
    """What was measured."""

    model: str
    n_parameters: int
    files_mb: float
    rss_mb: float
    n_threads: int
    n_rounds: int
    timed: tuple[Timed, ...]
    delayed: tuple[Delayed, ...]


@click.command()
@click.option("--weights", type=click.Path(path_type=Path), default=SHIPPED, help="A folder of weights.")
@click.option("--size", help="Random weights of this size instead; needs the training extra.")
@click.option("--threads", default=N_THREADS, show_default=True)
@click.option("--rounds", default=7, show_default=True, help="How often each is measured.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures here.")
def command(weights: Path, size: str | None, threads: int, rounds: int, file: Path | None) -> None:
    """Measure the byte model."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = _random(size, Path(scratch) / "weights") if size else weights
        figures = measure(folder, size or weights.name, threads, rounds)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(figures), indent=2) + "\n")
    _show(figures)


def measure(folder: Path, name: str, n_threads: int, rounds: int) -> Figures:
    """Measure a folder of weights."""
    cold = [_cold(folder, n_threads) for _ in range(min(3, rounds))]
    engine = Engine.open(folder, n_threads=n_threads)
    if isinstance(engine, Missing):
        raise RustaError(engine.reason)
    timed = [_timed(what, work, rounds) for what, work in _work(engine).items()]
    ready = Timed(
        "ready, from the start of the process",
        min(one[0] for one in cold),
        min(one[1] for one in cold),
        BUDGETS["ready, from the start of the process"],
    )
    return Figures(
        model=name,
        n_parameters=engine.manifest.n_parameters,
        files_mb=sum(part.n_bytes for parts in engine.manifest.graphs.values() for part in parts) / 1e6,
        rss_mb=max(one[2] for one in cold),
        n_threads=n_threads,
        n_rounds=rounds,
        timed=(*timed, ready),
        delayed=tuple(_delays(engine, folder, n_threads)),
    )


def example() -> Prompt:
    """A prompt as they are: about 1 KB of diagnostic and code."""
    lines = [
        f"    let value_{i} = compute({i}, &names[{i} % names.len()])?; // step {i}\n" for i in range(12)
    ]
    text = "".join(["fn main() -> Result<(), Error> {\n", *lines, "    consume(names);\n", "}\n"]).encode()
    start = text.index(b"names);")
    marks = (
        Mark("src/main.rs", start, start + 5, "primary", "value used here after move"),
        Mark(
            "src/main.rs", text.index(b"names["), text.index(b"names[") + 5, "secondary", "value moved here"
        ),
    )
    notes = (Note("consider cloning the value if the performance cost is acceptable", ".clone()"),)
    return codec.encode_problem(
        Problem("E0382", "use of moved value: `names`", marks, notes, {"src/main.rs": text})
    )


def _work(engine: Engine) -> dict[str, Callable[[], object]]:
    tokens = [codec.BOS, *(b"let x: u32 = 1; // some code\n" * 40)][:N_PROMPT]
    prompt = example()
    prefix = engine.prefill(prompt.tokens)
    answers = [
        [next(iter(prompt.lines)), *(b"candidate %02d of the whole lot; " % i * 2)][:N_ANSWER]
        for i in range(16)
    ]
    return {
        "prefill of 1 KB": lambda: engine.prefill(tokens),
        "8 candidates of 40 bytes": lambda: _write(engine, prompt, 8),
        "32 candidates of 40 bytes": lambda: _write(engine, prompt, 32),
        "score of 16 candidates of 40 bytes": lambda: engine.score(prefix, answers),
    }


def _write(engine: Engine, prompt: Prompt, n: int) -> Generated:
    """Decode for exactly N_ANSWER bytes: nothing is good enough to end with."""
    begin = (next(iter(prompt.lines)),)
    written = generate(
        engine, prompt, n=n, begin=begin, accept=lambda _: False, max_tokens=len(begin) + N_ANSWER
    )
    assert written.n_steps == N_ANSWER, f"{written.n_steps} bytes instead of {N_ANSWER}"
    return written


def _timed(what: str, work: Callable[[], object], rounds: int) -> Timed:
    walls, processors = [], []
    for _ in range(rounds):
        wall, processor = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return Timed(what, min(walls) * 1e3, min(processors) * 1e3, BUDGETS[what])


def _cold(folder: Path, n_threads: int) -> tuple[float, float, float]:
    """Milliseconds until a new process is ready, of processor time too, and its memory at its peak in MB."""
    said = subprocess.run(
        [sys.executable, "-c", _COLD, str(folder), str(n_threads)], capture_output=True, text=True, check=True
    ).stdout.split()
    return float(said[0]) * 1e3, float(said[1]) * 1e3, float(said[2]) / 1024


def _delays(engine: Engine, folder: Path, n_threads: int) -> Iterator[Delayed]:
    """What a message waits beside nothing, a thread that decodes, and a process that does."""
    prompt = example()
    yield _delayed("nothing")
    with _over_and_over(lambda: generate(engine, prompt)):
        yield _delayed("decoding in a thread")
    worker = Worker.start(folder, n_threads=n_threads)
    assert isinstance(worker, Worker), worker.reason
    with _over_and_over(lambda: worker.generate(prompt)):
        yield _delayed("decoding in a process")
    worker.close()


@contextmanager
def _over_and_over(work: Callable[[], object]) -> Iterator[None]:
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            work()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _delayed(beside: str) -> Delayed:
    here, there = socketpair()

    def echo() -> None:
        while message := there.recv(_MESSAGE_BYTES):
            there.sendall(message)

    thread = threading.Thread(target=echo)
    thread.start()
    taken = []
    end = time.perf_counter() + _LISTENED_S
    while time.perf_counter() < end:
        started = time.perf_counter()
        here.sendall(bytes(_MESSAGE_BYTES))
        n_back = 0
        while n_back < _MESSAGE_BYTES:
            n_back += len(here.recv(_MESSAGE_BYTES))
        taken.append((time.perf_counter() - started) * 1e3)
        time.sleep(_PAUSE_S)
    here.close()
    thread.join()
    there.close()
    return Delayed(beside, statistics.median(taken), statistics.quantiles(taken, n=100)[-1], max(taken))


def _random(size: str, folder: Path) -> Path:
    """Random weights of a size, as an export would write them."""
    import torch

    from rusta_training import export, quantize
    from rusta_training.model import SIZES, Hourglass

    if size not in SIZES:
        raise RustaError(f"There is no size {size!r}.", hint=f"One of {', '.join(SIZES)}.")
    torch.manual_seed(0)
    model = Hourglass(SIZES[size]).eval().requires_grad_(False)
    n_parameters = sum(parameter.numel() for parameter in model.parameters())
    export.write(model, folder, quantize.INT8, run="random", ledger_sha256="", n_parameters=n_parameters)
    return folder


def _show(figures: Figures) -> None:
    console = Console()
    console.print(
        f"{figures.model}: {figures.n_parameters / 1e6:.1f} M parameters, {figures.files_mb:.1f} MB on disk, "
        f"{figures.rss_mb:.0f} MB of memory (≤ {RSS_BUDGET_MB}), {figures.n_threads} threads"
    )
    table = Table(title=f"milliseconds, least of {figures.n_rounds} rounds")
    for column in ("", "passed", "of processors", "budget"):
        table.add_column(column, justify="right" if column else "left")
    for one in figures.timed:
        table.add_row(one.what, f"{one.ms:.0f}", f"{one.cpu_ms:.0f}", f"≤ {one.budget_ms:.0f}")
    console.print(table)
    table = Table(title="milliseconds that a message takes beside …")
    for column in ("", "p50", "p99", "at most"):
        table.add_column(column, justify="right" if column else "left")
    for other in figures.delayed:
        table.add_row(other.beside, f"{other.ms_p50:.2f}", f"{other.ms_p99:.2f}", f"{other.ms_max:.1f}")
    console.print(table)


if __name__ == "__main__":
    command()
