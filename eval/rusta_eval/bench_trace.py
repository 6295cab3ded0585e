"""What traces cost: taking steps in, opening a long trace, following it while it is written."""

import asyncio
import io
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rich_click as click
from rich.console import Console
from rich.table import Table

from rusta_server.trace.bundle import export
from rusta_server.trace.foreign import secrets_in
from rusta_server.trace.ledger import Ledger, begin, read, read_file
from rusta_server.trace.live import follow
from rusta_server.trace.record import Kind

N_STEPS = 100_000


@click.command()
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write the figures here.")
def main(target: Path | None) -> None:
    """Measure traces of 100,000 steps, in one process on one core."""
    with tempfile.TemporaryDirectory(prefix="rusta-bench-") as name:
        figures = measure(Ledger(Path(name)))
    table = Table("", "figure", "aim", box=None)
    table.add_row("steps written a second", f"{figures['written_per_s']:,.0f}", "")
    table.add_row("steps taken in a second, chain verified", f"{figures['ingested_per_s']:,.0f}", "≥ 10,000")
    table.add_row(
        "… and searched for secrets, from elsewhere", f"{figures['received_per_s']:,.0f}", "≥ 10,000"
    )
    table.add_row("opening 100,000 steps, chain verified", f"{figures['open_s']:.2f} s", "≤ 1 s")
    table.add_row("memory while 100,000 steps are streamed", f"+{figures['stream_rss_mib']:.1f} MiB", "flat")
    table.add_row("exporting them", f"{figures['export_s']:.2f} s", "")
    Console().print(table)
    if target:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(figures, indent=2) + "\n")


def measure(ledger: Ledger) -> dict[str, Any]:
    """All figures; times in seconds, memory in MiB."""
    output = {"diagnostics": [{"code": "E0382", "message": "borrow of moved value: `v`", "spans": []}]}

    def write() -> str:
        with begin(ledger) as trace:
            for number in range(N_STEPS):
                trace.add(
                    Kind.PROBE,
                    "cargo.check",
                    span=f"src/lib.rs:{number}:5",
                    input={"variant": {"src/lib.rs": f"{number:064x}"}, "all_targets": True},
                    output=output,
                    citations=("error_codes/E0382#af3666d6",),
                )
        return trace.id

    id, written_s = _timed(write)
    path = ledger.path(id)
    data = path.read_bytes()
    n_read, open_s = _timed(lambda: sum(1 for _ in read(path)))

    def ingest() -> int:
        with tempfile.TemporaryFile(dir=ledger.folder) as file:
            file.write(data)
            file.seek(0)
            return sum(1 for _ in read_file(file))

    def receive() -> int:
        steps = list(read_file(io.BytesIO(data)))
        assert not secrets_in(data, steps)
        return len(steps)

    n_ingested, ingest_s = _timed(ingest)
    n_received, receive_s = _timed(receive)
    assert n_read == n_ingested == n_received == N_STEPS
    before = _rss_mib()
    n_streamed = asyncio.run(_stream(path))
    assert n_streamed == N_STEPS
    grown = _rss_mib() - before
    _, export_s = _timed(lambda: export(ledger, id, ledger.folder / "one.tgz"))
    return {
        "n_steps": N_STEPS,
        "written_per_s": N_STEPS / written_s,
        "ingested_per_s": N_STEPS / ingest_s,
        "received_per_s": N_STEPS / receive_s,
        "open_s": open_s,
        "stream_rss_mib": grown,
        "export_s": export_s,
    }


async def _stream(path: Path) -> int:
    stop = asyncio.Event()
    count = 0
    async for step in follow(path, stop=stop):
        if step is None:
            stop.set()
        else:
            count += 1
    return count


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


def _rss_mib() -> float:
    """The most memory this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
