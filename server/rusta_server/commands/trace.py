"""`rusta trace`: look at what Rusta did, check it, and play it back."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ..config import Config
from ..errors import RustaError
from ..tools.docs.plain import visible
from ..trace import bundle, script
from ..trace.check import Witness, check
from ..trace.ledger import Ledger, payload, read
from ..trace.record import BadTrace, Kind, Step
from ._report import counted

FAILED = 1
_STYLES = {Kind.PLAN: "blue", Kind.PROBE: "cyan", Kind.DECIDE: "magenta", Kind.PATCH: "yellow"}
_DAY_S = 86400.0

_cache_dir = click.option("--cache-dir", type=click.Path(path_type=Path), help="Where traces are kept.")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=click.RichGroup)
def command() -> None:
    """Look at what Rusta did and why, check it, and play it back.

    Every `rusta fix` leaves a trace: what was planned, what the compiler said, what was decided, what was
    written. A trace is named by its ID, or `last` for the newest; check, script and show also read a file.
    """


@command.command()
@click.argument("id", required=False)
@click.option("-n", "count", type=click.IntRange(1), default=20, show_default=True, help="How many to list.")
@_as_json
@_cache_dir
def show(id: str | None, count: int, as_json: bool, cache_dir: Path | None) -> None:
    """List the traces, or show the one named ID step by step."""
    ledger = ledger_at(cache_dir)
    if id is None:
        _list(ledger, count, as_json=as_json)
        return
    _, steps = _read(ledger, id)
    if as_json:
        click.echo(json.dumps([_whole(ledger, step) for step in steps], indent=2))
        return
    console = Console(highlight=False)
    for step in steps:
        console.print(_line(step), soft_wrap=True)


@command.command(name="check")
@click.argument("id")
@click.option(
    "--witness", type=click.Path(dir_okay=False, path_type=Path), help="Write the witness file here."
)
@_as_json
@_cache_dir
def check_(id: str, witness: Path | None, as_json: bool, cache_dir: Path | None) -> None:
    """Check the trace (or script) ID: its hashes, its payloads, and the order and limits of its steps.

    The exit code is 1 if something does not hold.
    """
    ledger = ledger_at(cache_dir)
    if id.endswith(".tscript"):
        found = check(script.parse(_text(Path(id))))
    else:
        name, steps = _read(ledger, id)
        for step in steps:
            payload(ledger, step, "input"), payload(ledger, step, "output")
        found = check(script.of_steps(steps, name))
    if witness is not None:
        _write(witness, found.to_json())
    if as_json:
        click.echo(found.to_json().decode(), nl=False)
    else:
        _say(found)
    sys.exit(0 if found.holds else FAILED)


@command.command(name="script")
@click.argument("id")
@click.option("-w", "write", is_flag=True, help="Write a reformatted .tscript file back.")
@_cache_dir
def script_(id: str, write: bool, cache_dir: Path | None) -> None:
    """Print the trace ID as TraceScript, or a .tscript file in the one usual form."""
    if id.endswith(".tscript"):
        path = Path(id)
        text = script.render(script.parse(_text(path)))
        if write:
            _write(path, text.encode())
            return
    else:
        ledger = ledger_at(cache_dir)
        name, steps = _read(ledger, id)
        text = script.render(script.of_steps(steps, name))
    click.echo(text, nl=False)


@command.command()
@click.argument("id")
@click.option(
    "--in",
    "folder",
    type=click.Path(exists=True, path_type=Path),
    help="Do everything again on this crate or file, with the compiler; it must be as it was then.",
)
@_cache_dir
def replay(id: str, folder: Path | None, cache_dir: Path | None) -> None:
    """Play the trace ID back: from what it recorded, the same decisions must follow.

    Without --in nothing but the trace is read, and no compiler is asked. The exit code is 1 if a step comes
    out differently.
    """
    # Only here, so that the other commands start at once.
    from ..orchestrator import replay as playback

    ledger = ledger_at(cache_dir)
    _, steps = _read(ledger, id)
    if folder is None:
        found = playback.of_decisions(ledger, steps)
    else:
        from ..orchestrator.propose import model_of
        from ._assists import helping
        from ._shadow import open_shadow

        config = Config(cache_dir=str(cache_dir) if cache_dir else None)
        plan = payload(ledger, steps[0], "input")
        edition = str(plan.get("edition", "2021")) if isinstance(plan, dict) else "2021"
        with open_shadow(folder, config, edition) as (_, copy):
            model = model_of(config)
            found = playback.of_everything(
                ledger, steps, copy, lambda: helping(copy, config), rank=model.ranking() if model else None
            )
    console = Console(highlight=False)
    if found.difference is None:
        end = " The run was interrupted there." if found.breaks_off else ""
        console.print(f"[green]✓[/] The same again: {counted(found.n_same, 'step')}.{end}")
        return
    console.print(
        f"[red]✗[/] The first {found.n_same} of {counted(found.n_recorded, 'step')} came out the same."
    )
    console.print(f"  {escape(visible(found.difference))}", soft_wrap=True)
    sys.exit(FAILED)


@command.command()
@click.argument("id")
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path), required=False)
@_cache_dir
def export(id: str, target: Path | None, cache_dir: Path | None) -> None:
    """Put the trace ID with all it names into one file, TARGET (default: ID.tgz)."""
    ledger = ledger_at(cache_dir)
    name = _name(ledger, id)
    target = target or Path(f"{name}.tgz")
    try:
        bundle.export(ledger, name, target.absolute())
    except OSError as error:
        raise RustaError(f"{target} cannot be written: {error.strerror}") from error
    click.echo(str(target))


@command.command(name="import")
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--keep-secrets", is_flag=True, help="Even with what looks like a token, key or password in it."
)
@_cache_dir
def import_(source: Path, keep_secrets: bool, cache_dir: Path | None) -> None:
    """Take over a trace from the file SOURCE, if all of its hashes hold and no secret is in it."""
    click.echo(bundle.import_(ledger_at(cache_dir), source, keep_secrets=keep_secrets))


@command.command()
@click.option("--keep", type=click.IntRange(0), default=200, show_default=True, help="The newest to keep.")
@click.option(
    "--days", type=click.FloatRange(0), default=30, show_default=True, help="Younger ones stay too."
)
@_cache_dir
def gc(keep: int, days: float, cache_dir: Path | None) -> None:
    """Remove old traces, and payloads that no trace names any more."""
    cleared = bundle.clear(ledger_at(cache_dir), keep=keep, max_age_s=days * _DAY_S)
    click.echo(
        f"removed {counted(cleared.n_traces, 'trace')} and {counted(cleared.n_blobs, 'payload')}, "
        f"{cleared.n_bytes / 2**20:.1f} MiB"
    )


@command.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="On 127.0.0.1; chosen freely if not given."
)
@click.option("--socket", type=click.Path(path_type=Path), help="Listen on this Unix socket instead.")
@_cache_dir
def serve(port: int, socket: Path | None, cache_dir: Path | None) -> None:
    """Show traces live in a browser, and serve them to programs of yours on this machine.

    It listens on this machine only, and answers whoever knows the token: that is in a file only you can read.
    """
    from ._trace_server import run

    run(Config(cache_dir=str(cache_dir.absolute()) if cache_dir else None), port=port, socket=socket)


def ledger_at(cache_dir: Path | None) -> Ledger:
    """The ledger of this user, or the one in another folder."""
    return Ledger(Config(cache_dir=str(cache_dir) if cache_dir else None).cache / "ledger")


def _name(ledger: Ledger, id: str) -> str:
    if id != "last":
        return id
    ids = ledger.ids()
    if not ids:
        raise RustaError("there is no trace yet.", hint="rusta fix leaves one")
    return ids[-1]


def _read(ledger: Ledger, id: str) -> tuple[str | None, list[Step]]:
    """The steps of a trace of the ledger, or of a file."""
    as_file = Path(id)
    if id.endswith(".jsonl"):
        name, path = None, as_file.resolve()
    else:
        name = _name(ledger, id)
        path = ledger.path(name)
    try:
        steps = list(read(path))
    except OSError as error:
        raise BadTrace(f"no trace {id}: {error.strerror}", hint="rusta trace show lists them") from error
    if not steps:
        raise BadTrace(f"the trace {id} is empty")
    return name, steps


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RustaError(f"{path} cannot be read: {error}") from error


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise RustaError(f"{path} cannot be written: {error.strerror}") from error


def _list(ledger: Ledger, count: int, *, as_json: bool) -> None:
    ids = ledger.ids()[-count:][::-1]
    rows = [_summary(ledger, id) for id in ids]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    console = Console(highlight=False)
    if not rows:
        console.print("No traces yet. [dim]rusta fix leaves one.[/]")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("trace", "when", "what", "steps", "outcome"):
        table.add_column(
            heading,
            header_style="dim",
            justify="right" if heading == "steps" else "left",
            no_wrap=heading != "outcome",
        )
    for row in rows:
        style = "red" if row["broken"] else ""
        table.add_row(
            row["id"],
            row["when"],
            Text(visible(row["what"])),
            str(row["n_steps"]),
            Text(visible(row["outcome"]), style=style),
        )
    console.print(table)


def _summary(ledger: Ledger, id: str) -> dict[str, Any]:
    began = time.strptime(id.split("-")[0], "%Y%m%dT%H%M%S")
    row: dict[str, Any] = {
        "id": id,
        "when": time.strftime("%Y-%m-%d %H:%M", began) + " UTC",
        "what": "",
        "n_steps": 0,
        "outcome": "",
        "broken": False,
    }
    try:
        for step in read(ledger.path(id)):
            row["n_steps"] += 1
            if not row["what"]:
                named = step.input.get("command") if isinstance(step.input, dict) else None
                row["what"] = named if isinstance(named, str) else step.what
            row["outcome"] = step.decision or row["outcome"]
    except (BadTrace, OSError) as error:
        row.update(outcome=str(error), broken=True)
    return row


def _whole(ledger: Ledger, step: Step) -> dict[str, Any]:
    return {
        "seq": step.seq,
        "t": step.t,
        "kind": str(step.kind),
        "what": step.what,
        "span": step.span,
        "input": payload(ledger, step, "input"),
        "output": payload(ledger, step, "output"),
        "citations": list(step.citations),
        "p": step.p,
        "tau": step.tau,
        "decision": step.decision,
        "sha": step.sha,
    }


def _line(step: Step) -> Text:
    """A step as a line; what a stranger wrote cannot steer the terminal."""
    text = Text.assemble(
        (f"{step.t:8.2f} s  ", "dim"),
        (f"{step.kind:<7}", f"bold {_STYLES[step.kind]}"),
        f"{visible(step.what):<12} ",
    )
    if step.span:
        text.append(f"{visible(step.span)}  ")
    if step.p is not None:
        text.append(
            f"p {step.p:.2f}" + (f" (τ {step.tau:.2f})" if step.tau is not None else "") + "  ", "green"
        )
    said = _gist(step)
    if said:
        text.append(visible(said), style="" if step.kind is Kind.DECIDE else "dim")
    if step.decision:
        text.append(
            f"{'  → ' if said else '→ '}{visible(step.decision)}",
            style="bold" if step.kind is Kind.PATCH else "",
        )
    for citation in step.citations:
        text.append(f"\n{'':21}{visible(citation)}", style="cyan")
    return text


def _gist(step: Step) -> str:
    """What matters of a step's payload, in a few words. A trace from elsewhere may hold any JSON there."""
    match step.what, step.input, step.output:
        case "try", {"moves": list(moves)}, _:
            return "; ".join(
                str(move["title"]) for move in moves if isinstance(move, dict) and "title" in move
            )
        case "cargo.check", _, {"diagnostics": list(diagnostics)}:
            errors = [
                one
                for one in diagnostics
                if isinstance(one, dict) and one.get("level") == "error" and one.get("spans")
            ]
            return counted(len(errors), "error")
        case "cargo.test", _, {"n_passed": int(n_passed), "n_failed": int(n_failed)}:
            return f"{n_passed} passed, {n_failed} failed"
        case _ if step.output_sha and step.output is None:
            return f"#{step.output_sha[:12]}"
        case _:
            return ""


def _say(found: Witness) -> None:
    console = Console(highlight=False)
    if found.holds:
        counts = ", ".join(counted(n, f"{kind} step") for kind, n in found.counts.items() if n)
        console.print(f"[green]✓[/] It holds: {counts}; {counted(len(found.rules), 'rule')} checked.")
        return
    for fault in found.faults:
        console.print(
            f"[red]✗[/] line {fault.line}: {escape(visible(fault.what))} [dim]({fault.rule})[/]",
            soft_wrap=True,
        )
