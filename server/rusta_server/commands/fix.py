"""`rusta fix`: repair a crate from the command line."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import rich_click as click
from rich.console import Console
from rich.markup import escape

from .. import __version__
from ..config import Config, load, project_of
from ..orchestrator import policy
from ..orchestrator.observe import traced_repair
from ..orchestrator.repair import Repair, budget_of
from ..patch import apply as tree
from ..patch import proof
from ..patch.proof import Level
from ..patch.result import ResultCode
from ..patch.shadow import NoTests, Shadow, Tested, why_not
from ..tools.process import Cancel
from ..trace.record import Kind
from . import _report
from ._assists import helping
from ._shadow import open_shadow
from ._trace import Trace, tracing

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
@click.option("--edition", default="2021", show_default=True, help="For a lone .rs file.")
@click.option("--no-tests", is_flag=True, help="Do not run the tests.")
@click.option("--no-sandbox", is_flag=True, help="Run cargo without the sandbox.")
@click.option("--cache-dir", type=click.Path(path_type=Path), help="Where shadow copies live.")
def command(
    path: Path,
    write: bool,
    as_json: bool,
    level: str | None,
    max_lines: int | None,
    max_checks: int,
    timeout_s: float,
    edition: str,
    no_tests: bool,
    no_sandbox: bool,
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
        "sandbox": False if no_sandbox else None,
    }
    config = load(settings, project=project_of(path.absolute()))
    console = Console(stderr=as_json, highlight=False)
    _recover(config, console)
    with _interruptible(console), open_shadow(path, config, edition) as (root, copy):
        with tracing(config, console) as trace:
            found = _search(copy, config, console, trace)
            wanted = Level.parse(level) if level else None
            least = wanted or Level.parse(config.level)
            summary = _report.summarize(found, copy.files, root, least=least)
            _note_fixes(trace, summary)
            outcome = _write(root, copy, found, config, wanted, summary, console) if write else None
            written = isinstance(outcome, proof.Written) if write else None
            _note_written(trace, summary, written, outcome)
        summary["written"], summary["patch"], summary["trace"] = written, _outcome(outcome), trace.id
        if as_json:
            click.echo(json.dumps(summary, indent=2))
        else:
            _report.show(summary, console, wrote=write)
    sys.exit(SOME_LEFT if _is_left(found, wanted, written) else DONE)


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


def _recover(config: Config, console: Console) -> None:
    for found in tree.recover(config.cache / "journals"):
        for path in found.restored:
            console.print(
                f"[yellow]put back[/] {escape(str(found.root / path))} "
                "(an earlier run was interrupted while it wrote)"
            )
        for path in found.conflicts:
            console.print(
                f"[yellow]not put back[/] {escape(str(found.root / path))}: it was changed since an earlier "
                f"run was interrupted while it wrote. What it held before is in {escape(str(found.kept))}",
                soft_wrap=True,
            )


def _search(copy: Shadow, config: Config, console: Console, trace: Trace) -> Repair:
    budget = budget_of(config)
    cancel = Cancel()
    with _report.progress(console, budget.max_checks) as on_event:
        try:
            found = traced_repair(
                copy,
                lambda: helping(copy, config),
                trace,
                about={"command": "fix", "rusta": __version__},
                budget=budget,
                run_tests=config.run_tests,
                cancel=cancel,
                on_event=on_event,
            )
        except KeyboardInterrupt:
            cancel.set()
            raise
    if isinstance(found, Repair):
        return found
    raise why_not(found)


def _note_fixes(trace: Trace, summary: _report.Summary) -> None:
    for fix in summary["fixes"]:
        trace.add(
            Kind.PATCH,
            "propose",
            span=_report.place(fix["error"]),
            input={key: fix[key] for key in ("title", "source", "diff", "changed_lines", "guess")},
            citations=tuple(anchor["id"] for anchor in fix["anchors"]),
            decision=f"shown: proven to {fix['level']}",
        )


def _note_written(
    trace: Trace,
    summary: _report.Summary,
    written: bool | None,
    outcome: proof.Written | proof.Refused | None,
) -> None:
    if written is None or not summary["fixes"]:
        return
    anchors = {anchor["id"] for fix in summary["fixes"] for anchor in fix["anchors"]}
    if written:
        what, decision = "apply", f"written: proven to {summary['level']}"
    else:
        why = f"; {outcome.code}: {outcome.reason}" if isinstance(outcome, proof.Refused) else ""
        what, decision = "refuse", f"not written: proven to {summary['level']}{why}"
    trace.add(Kind.PATCH, what, citations=tuple(sorted(anchors)), decision=decision)


def _write(
    root: Path,
    copy: Shadow,
    found: Repair,
    config: Config,
    wanted: Level | None,
    summary: _report.Summary,
    console: Console,
) -> proof.Written | proof.Refused | None:
    """Write the fix if the policy allows it, else None; says why it was not written."""
    if not found.state.variant:
        return None
    facts = policy.Facts(
        level=found.level,
        tests=_tests(found, config),
        n_failed=found.tested.n_failed if isinstance(found.tested, Tested) else 0,
        paths=tuple(found.state.variant),
        n_lines=found.n_lines(copy.files),
        anchors=tuple(len(fix["anchors"]) for fix in summary["fixes"]),
        is_guess=found.is_guess,
        asked_level=wanted,
    )
    decision = policy.may_write(config, facts)
    if not decision.allowed:
        way = _ANYWAY.get(decision.rule, "").format(level=found.level.name.lower())
        console.print(f"[yellow]not written:[/] {escape(decision.reason)}{way}", soft_wrap=True)
        return None
    least = policy.least_to_write(config, has_tests=facts.tests != "none", asked=wanted)
    outcome = proof.write(
        root,
        copy,
        found.state.variant,
        least=least,
        journals=config.cache / "journals",
        title=_title(found),
    )
    if isinstance(outcome, proof.Refused):
        console.print(f"[yellow]not written:[/] {escape(outcome.reason)}", soft_wrap=True)
    return outcome


# How a person can have it written all the same, by the rule that forbids it.
_ANYWAY = {
    "green-tests": "; to write it without asking the tests: --level=v2 --no-tests",
    "no-guess": "; to write it all the same: --level={level}",
}


def _tests(found: Repair, config: Config) -> Literal["green", "red", "none", "unasked"]:
    if isinstance(found.tested, Tested):
        return "green" if found.tested.green else "red"
    return "none" if not config.run_tests or isinstance(found.tested, NoTests) else "unasked"


def _title(found: Repair) -> str:
    """A line for the list of patches."""
    steps = found.state.steps
    return steps[0].candidate.title + (f" (and {len(steps) - 1} more)" if len(steps) > 1 else "")


def _outcome(outcome: proof.Written | proof.Refused | None) -> _report.Summary | None:
    """What became of the patch, for `--json`."""
    if isinstance(outcome, proof.Written):
        return {"result": ResultCode.APPLIED, "id": outcome.id}
    return {"result": outcome.code, "reason": outcome.reason} if outcome else None
