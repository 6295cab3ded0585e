"""`rusta fix`: repair a crate from the command line."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rich_click as click
from rich.console import Console

from ..config import Config, load, project_of
from ..orchestrator.propose import model_of
from ..orchestrator.repair import Repair
from ..patch.proof import Level
from ..tools import sandbox
from ..tools.process import Cancel
from . import _repair, _report
from ._recover import put_back
from ._shadow import open_shadow
from ._trace import tracing

DONE, SOME_LEFT, INTERRUPTED = 0, 1, 130


@click.command(
    epilog="Exit code: 0 everything compiles, 1 some errors are left, 2 could not run, 130 interrupted."
)
@click.argument("path", type=click.Path(path_type=Path), default=".")
@click.option("--apply", "write", is_flag=True, help="Write the fixes, if check and tests are green.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option(
    "--level",
    type=click.Choice(["v1", "v2", "v3"]),
    help="The least proof: v1 the error is gone, v2 all compiles, v3 tests ran green. "
    "Default: v1 to show; v3 to write (v2 if there are no tests).",
)
@click.option(
    "--max-lines",
    type=click.IntRange(1),
    help=f"Lines one fix may change. [default: {Config().max_lines}, or as rusta.toml says]",
)
@click.option(
    "--max-checks",
    type=click.IntRange(1),
    default=Config().max_checks,
    show_default=True,
    help="Compiler runs to spend.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(1),
    default=Config().check_timeout_s,
    show_default=True,
    help="Seconds for one cargo check.",
)
@click.option("--smallest", is_flag=True, help="Drop every word a fix can do without, not only lines.")
@click.option("--edition", default="2021", show_default=True, help="For a lone .rs file.")
@click.option("--no-model", is_flag=True, help="Do not ask the byte model.")
@click.option("--no-tests", is_flag=True, help="Do not run the tests.")
@click.option("--no-sandbox", is_flag=True, help="Run cargo without the sandbox.")
@click.option(
    "--sandbox-read", multiple=True, metavar="PATH", help="More that cargo may read. May be repeated."
)
@click.option("--untrusted", is_flag=True, help="Run nothing of the crate; since that is needed, refuse.")
@click.option("--cache-dir", type=click.Path(path_type=Path), help="Where shadow copies live.")
def command(
    path: Path,
    write: bool,
    as_json: bool,
    level: str | None,
    max_lines: int | None,
    max_checks: int,
    timeout_s: float,
    smallest: bool,
    edition: str,
    no_model: bool,
    no_tests: bool,
    no_sandbox: bool,
    sandbox_read: tuple[str, ...],
    untrusted: bool,
    cache_dir: Path | None,
) -> None:
    """Repair the crate (or the lone .rs file) at PATH so that it compiles.

    Fixes are searched and compiled in a copy. Without --apply nothing of yours is changed: you see each
    error, its fix, how far the fix is proven, and where the documentation explains the error.
    """
    settings = {
        "cache_dir": str(cache_dir) if cache_dir else None,
        "max_lines": max_lines,
        "max_checks": max_checks,
        "check_timeout_s": timeout_s,
        "run_tests": not no_tests,
        "model": False if no_model else None,
        "sandbox": False if no_sandbox else None,
        "sandbox_reads": sandbox_read or None,
        "trusted": not untrusted,
    }
    config = load(settings, project=project_of(path.absolute()))
    console = Console(stderr=as_json, highlight=False)
    if config.sandbox and (lacks := sandbox.describe().lacks):
        console.print(f"[yellow]not stopped here:[/] {lacks} (why: rusta doctor)", soft_wrap=True)
    put_back(config, console)
    with _interruptible(console), open_shadow(path, config, edition) as (root, copy):
        wanted = Level.parse(level) if level else None
        with tracing(config, console) as trace, _report.progress(console, config.max_checks) as on_event:
            found, summary = _repair.run(
                root,
                copy,
                config,
                trace,
                wanted=wanted,
                write=write,
                smallest=smallest,
                model=model_of(config),
                cancel=Cancel(),
                on_event=on_event,
            )
        if as_json:
            click.echo(json.dumps(summary, indent=2))
        else:
            _report.show(summary, console, wrote=write)
    sys.exit(SOME_LEFT if _is_left(found, wanted, summary["written"]) else DONE)


def _is_left(found: Repair, wanted: Level | None, written: bool | None) -> bool:
    return (
        bool(found.remaining)
        or (wanted is not None and found.level < wanted)
        or (written is False and bool(found.state.variant))
    )


@contextmanager
def _interruptible(console: Console) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        console.print("Interrupted.")
        sys.exit(INTERRUPTED)
