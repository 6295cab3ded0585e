"""`rusta revert`: take back what `rusta fix --apply` wrote."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..config import Config
from ..patch import apply as tree
from ..patch.journal import Record
from ..patch.result import Conflict, ResultCode
from ..trace.record import Kind
from ..trace.tracing import Trace
from ._recover import put_back
from ._trace import tracing

DONE, REFUSED = 0, 1


@click.command(
    epilog="Exit code: 0 taken back or listed, 1 refused or nothing to take back, 2 could not run."
)
@click.argument("id_", metavar="[ID]", required=False)
@click.option(
    "--path",
    type=click.Path(path_type=Path, exists=True),
    default=".",
    help="The workspace whose patches are meant.",
)
@click.option("--list", "only_list", is_flag=True, help="List the patches that can be taken back.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--cache-dir", type=click.Path(path_type=Path), help="Where the old contents are kept.")
def command(id_: str | None, path: Path, only_list: bool, as_json: bool, cache_dir: Path | None) -> None:
    """Take back the patch ID that Rusta wrote, or the only one if there is just one.

    Every byte is as it was before that patch. If a file was changed since, nothing is touched.
    """
    config = Config(cache_dir=str(cache_dir) if cache_dir else None)
    journals = config.cache / "journals"
    console = Console(stderr=as_json, highlight=False)
    put_back(config, console)
    here = path.resolve()
    known = [record for record in tree.history(journals) if id_ or _concerns(record, here)]
    if only_list or (id_ is None and len(known) > 1):
        _list(known, console, as_json, is_question=not only_list)
        sys.exit(DONE if only_list else REFUSED)
    with tracing(config, console) as trace:
        code = _revert(known, id_, journals, console, as_json, trace)
    sys.exit(code)


def _concerns(record: Record, here: Path) -> bool:
    """Whether a patch is one of the workspace at `here`, of one above, or of one below."""
    root = Path(record.root)
    return here.is_relative_to(root) or root.is_relative_to(here)


def _revert(
    known: Sequence[Record],
    id_: str | None,
    journals: Path,
    console: Console,
    as_json: bool,
    trace: Trace,
) -> int:
    chosen = next((record for record in known if id_ in (None, record.id)), None)
    trace.add(Kind.PLAN, "revert", input={"command": "revert", "id": id_})
    noted = (
        {key: told for key, told in _plain(chosen).items() if key in ("id", "title", "paths")}
        if chosen
        else None
    )
    trace.add(Kind.PROBE, "patch.journal", output=noted)
    trace.add(Kind.DECIDE, "revert" if chosen else "abstain", decision="a person asked for it")
    try:
        if chosen is None:
            what = "nothing to take back here." if id_ is None else f"no patch {id_} is in effect."
            raise Conflict(ResultCode.UNKNOWN_PATCH, what, hint="rusta revert --list")
        done = tree.revert(Path(chosen.root), chosen.id, journals=journals)
    except Conflict as conflict:
        trace.add(Kind.PATCH, "refuse", decision=f"not taken back: {conflict.code}: {conflict}")
        if as_json:
            click.echo(json.dumps({"result": conflict.code, "reason": str(conflict), "path": conflict.path}))
        console.print(f"[yellow]not taken back:[/] {escape(str(conflict))}", soft_wrap=True)
        if conflict.hint:
            console.print(f"  [bold cyan]try:[/] {escape(conflict.hint)}", soft_wrap=True)
        return REFUSED
    trace.add(Kind.PATCH, "revert", decision=f"taken back: {', '.join(done.paths)}")
    if as_json:
        click.echo(json.dumps({"result": done.code, "id": chosen.id, "undo": done.id, "paths": done.paths}))
    console.print(f"[green]✓[/] Taken back: {escape(', '.join(done.paths))}", soft_wrap=True)
    return DONE


def _list(known: Sequence[Record], console: Console, as_json: bool, *, is_question: bool) -> None:
    if as_json:
        click.echo(json.dumps({"patches": [_plain(record) for record in known]}, indent=2))
        return
    if not known:
        console.print("Nothing to take back here.")
        return
    table = Table("patch", "written", "files", "what", box=None, header_style="dim")
    for record in known:
        written = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.time_ns / 1e9))
        files = ", ".join(file.path for file in record.files)
        table.add_row(record.id, written, escape(files), escape(record.title))
    console.print(table)
    if is_question:
        console.print(f"Say which: [bold]rusta revert {known[-1].id}[/]")


def _plain(record: Record) -> dict[str, object]:
    return {
        "id": record.id,
        "root": record.root,
        "time_ns": record.time_ns,
        "title": record.title,
        "paths": [file.path for file in record.files],
    }
