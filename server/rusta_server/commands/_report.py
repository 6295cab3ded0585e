"""What `rusta fix` shows: progress while it searches, then each error with its fix."""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from attrs import asdict
from rich.console import Console, Group
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from ..orchestrator import cards, explain
from ..orchestrator.explain import Documentation
from ..orchestrator.policy import percent
from ..orchestrator.repair import Event, Repair, Step
from ..patch import diff
from ..patch.proof import Level
from ..patch.shadow import Tested
from ..tools.diagnostic import Diagnostic
from ..tools.docs.plain import visible

Summary = dict[str, Any]

_WORDS = re.compile(r"\w+|\s+|.")

_MEANING = {
    "V1": "the error is gone, nothing got worse",
    "V2": "everything compiles",
    "V3": "everything compiles, the tests ran green",
}


@contextmanager
def progress(console: Console, max_checks: int) -> Iterator[Callable[[Event], None]]:
    """A progress bar over the compiler runs that may be spent."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[tries]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("copying and checking", total=max_checks, tries="")

        def on_event(event: Event) -> None:
            if event.kind == "try":
                return
            words = {
                "start": "checking the crate as it is",
                "baseline": f"{counted(event.n_errors, 'error')}, looking for fixes",
                "checked": f"{counted(event.n_errors, 'error')} left in the best try",
                "compiles": "compiles; running the tests",
                "help": f"{counted(event.n_errors, 'error')} left, asking rust-analyzer",
                "stuck": f"{counted(event.n_errors, 'error')} left",
                "tests failed": "compiles, but tests fail; looking further",
            }
            bar.update(
                task,
                description=words.get(event.kind, event.kind),
                completed=event.n_checks,
                tries=counted(event.n_checks, "try", "tries") if event.n_checks else "",
            )

        yield on_event


def summarize(
    found: Repair,
    files: Mapping[str, bytes],
    root: Path,
    *,
    docs: Documentation | None = None,
) -> Summary:
    """The result as plain data.

    Args:
        docs: what is cited besides the diagnostics.
    """
    tested = found.tested
    return {
        "level": found.level.name,
        "errors_before": len(found.baseline.errors),
        "errors_mended": len({e.fingerprint + str(e.primary) for s in found.state.steps for e in s.mended}),
        "errors_left": [_error(error) for error in found.remaining],
        "fixes": [
            _fix(step, sure, found.level, files, root, docs)
            for step, sure in zip(found.state.steps, found.confidences(files), strict=True)
        ],
        "withheld": [],
        "tests": {"passed": tested.n_passed, "failed": tested.n_failed}
        if isinstance(tested, Tested)
        else None,
        "shrunk": _shrunk(found),
        "checks": found.n_checks,
        "seconds": round(found.seconds, 3),
        "written": None,
        "not_written": None,
        "trace": None,
    }


def _shrunk(found: Repair) -> Summary | None:
    """By how much the fixes were made smaller, and what that cost in compiler runs."""
    shrunk = found.state.shrunk
    if shrunk is None:
        return None
    return {
        "lines": [shrunk.before.n_lines, shrunk.after.n_lines],
        "bytes": [shrunk.before.n_bytes, shrunk.after.n_bytes],
        "checks": shrunk.n_tries,
        "minimal": shrunk.is_minimal,
    }


def _fix(
    step: Step,
    confidence: float,
    level: Level,
    files: Mapping[str, bytes],
    root: Path,
    docs: Documentation | None,
) -> Summary:
    """One fix as plain data; whether it is a guess, and what would settle it then, the policy says later."""
    before = {path: step.before.get(path, files[path]) for path in step.after}
    after = {path: text for path, text in step.after.items() if before[path] != text}
    return {
        "error": _error(step.diagnostic),
        "also_mends": [_error(error) for error in step.mended[1:]],
        "title": step.candidate.title,
        "source": step.candidate.source,
        "level": level.name,
        "confidence": round(confidence, 4),
        "guess": False,
        "next": None,
        "diff": diff.unified(before, after),
        "changed_lines": diff.n_changed_lines(before, after),
        "anchors": _anchors(step.diagnostic, docs, root),
        "seconds": round(step.seconds, 3),
    }


def _anchors(diagnostic: Diagnostic, docs: Documentation | None, root: Path) -> list[Summary]:
    """All that is cited to explain a diagnostic."""
    found = explain.of_diagnostic(diagnostic, docs, cards.load(), root=root)
    citations = [citation for claim in found.claims() for citation in claim.citations] if found else []
    anchors = {citation.anchor.id: citation.anchor for citation in citations}
    return [{"id": id, **asdict(anchor)} for id, anchor in anchors.items()]


def _error(error: Diagnostic) -> Summary:
    primary = error.primary
    return {
        "code": error.code,
        "message": error.message,
        "path": primary.path if primary else None,
        "line": primary.line if primary else None,
        "column": primary.column if primary else None,
    }


def show(summary: Summary, console: Console, *, wrote: bool) -> None:
    """Print the result for a person."""
    if not summary["errors_before"]:
        console.print(f"[green]✓[/] Nothing to fix: {_MEANING[summary['level']]}.")
        return
    for number, fix in enumerate(summary["fixes"], 1):
        console.print(_one_fix(number, fix))
        for anchor in _why(fix["anchors"]):
            _print_citation(anchor, console)
    for one in summary["withheld"]:
        console.print(
            Text.assemble(
                ("– ", "bold yellow"), (place(one["error"]), "bold"), f"  a fix is not shown: {one['reason']}"
            )
        )
    for error in summary["errors_left"]:
        console.print(Text.assemble(("✗ ", "bold red"), (place(error), "bold"), f"  {_headline(error)}"))
    console.print(Rule(style="dim"))
    console.print(_conclusion(summary, wrote=wrote), soft_wrap=True)


def _one_fix(number: int, fix: Summary) -> Group:
    also = [Text(_also(fix["also_mends"]), style="dim")] if fix["also_mends"] else []
    source = fix["source"].replace("/", ": ")
    facts = Text.assemble(
        (f" {fix['level']} ", "bold black on green" if fix["level"] != "V1" else "bold black on yellow"),
        (f" {percent(fix['confidence'])} sure", "bold yellow" if fix["guess"] else "bold"),
        f" · {_MEANING[fix['level']]} · from {source} · "
        f"{counted(fix['changed_lines'], 'line')} · {fix['seconds']:.1f} s",
    )
    unsure = []
    if fix["guess"]:
        unsure = [
            Text.assemble(
                (f"Not sure: {_MEANING[fix['level']]}, but this is a guess. Read it first.\n", "bold yellow"),
                (f"What would settle it: {visible(fix['next'])}.", "yellow"),
            )
        ]
    title = Text(visible(fix["title"]), style="bold yellow" if fix["guess"] else "bold green")
    body = [*also, *unsure, title, _coloured(fix["diff"]), facts]
    head = Text.assemble(
        (f"{number}. ", "bold"), (place(fix["error"]), "bold"), f"  {_headline(fix['error'])}"
    )
    return Group(Text(""), head, Padding(Group(*body), (0, 0, 0, 3), expand=False))


def _print_citation(anchor: Summary, console: Console) -> None:
    """The quote, broken where the line ends; id and path whole, so that they can be copied."""
    words = Table.grid("", "")
    words.add_row(Text("   why  ", style="dim"), Text(f"“{visible(anchor['quote'])}”", style="italic"))
    console.print(words)
    console.print(Text.assemble(" " * 8, (anchor["id"], f"cyan link {anchor['link']}")), soft_wrap=True)
    console.print(Text(f"{' ' * 8}{_short(anchor['link'])}", style="dim"), soft_wrap=True)


def _why(anchors: list[Summary]) -> list[Summary]:
    """The one to show: what the documentation says first; without that what the compiler says."""
    return [one for one in anchors if not one["corpus"].startswith("diagnostic@")][:1] or anchors[:1]


def _also(errors: list[Summary]) -> str:
    places = ", ".join(place(error) for error in errors[:3])
    more = f" and {len(errors) - 3} more" if len(errors) > 3 else ""
    return (
        f"also mends the error at {places}{more}"
        if len(errors) == 1
        else f"also mends those at {places}{more}"
    )


def _short(link: str) -> str:
    """A link to a local file as a path that can be copied."""
    path = visible(unquote(link.removeprefix("file://").split("#")[0]))
    home = str(Path.home())
    return "~" + path[len(home) :] if path.startswith(home + "/") else path


def _coloured(unified: str) -> Text:
    """A diff with the changed words of replaced lines underlined."""
    text = Text()
    lines = [
        visible(line.expandtabs(4)) for line in unified.splitlines() if not line.startswith(("---", "+++"))
    ]
    for line, partner in zip(lines, _partners(lines), strict=True):
        if line.startswith("@@"):
            text.append(line + "\n", style="cyan")
        elif line[:1] in "+-" and line:
            _append_changed(text, line, partner)
        else:
            text.append(line + "\n", style="dim")
    text.rstrip()
    return text


def _partners(lines: list[str]) -> list[str | None]:
    """For a removed line the one that replaces it, and the other way round, where that is plain."""
    result: list[str | None] = [None] * len(lines)
    for i in range(len(lines) - 1):
        alone_before = i == 0 or lines[i - 1][:1] != "-"
        alone_after = i + 2 >= len(lines) or lines[i + 2][:1] != "+"
        if lines[i][:1] == "-" and lines[i + 1][:1] == "+" and alone_before and alone_after:
            result[i], result[i + 1] = lines[i + 1], lines[i]
    return result


def _append_changed(text: Text, line: str, partner: str | None) -> None:
    style = "green" if line[0] == "+" else "red"
    if partner is None:
        text.append(line + "\n", style=style)
        return
    text.append(line[0], style=style)
    old, new = _WORDS.findall(partner[1:]), _WORDS.findall(line[1:])
    for tag, _, _, j1, j2 in difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        words = "".join(new[j1:j2])
        text.append(words, style=style if tag == "equal" else f"bold {style} underline")
    text.append("\n")


def place(error: Summary) -> str:
    """Where an error is, as `path:line:column`."""
    where = f"{error['path']}:{error['line']}:{error['column']}" if error["path"] else "(no place)"
    return visible(where)


def _headline(error: Summary) -> str:
    headline = f"{error['code']}: {error['message']}" if error["code"] else str(error["message"])
    return "\n".join(visible(line) for line in headline.split("\n"))


def _conclusion(summary: Summary, *, wrote: bool) -> str:
    before, left = summary["errors_before"], len(summary["errors_left"])
    spent = f"[dim]({counted(summary['checks'], 'try', 'tries')}, {summary['seconds']:.1f} s)[/]"
    tests = summary["tests"]
    ran = f", {counted(tests['passed'], 'test')} passed" if tests and not tests["failed"] else ""
    ran = f", [red]{tests['failed']} tests fail[/]" if tests and tests["failed"] else ran
    if left:
        mended = f"{before - left} of {before}" if before > left else "none"
        verdict = f"[yellow]![/] Errors fixed: {mended}; {left} left {spent}"
    else:
        n_hidden = summary["errors_mended"] - before
        fixed, they = ("The error is", "it") if before == 1 else (f"All {before} errors are", "they")
        hidden = f" (and {n_hidden} that {they} had hidden)" if n_hidden > 0 else ""
        verdict = f"[green]✓[/] {fixed} fixed{hidden}: it compiles{ran} {spent}"
    if summary["shrunk"] and summary["fixes"]:
        (lines, fewer), (n_bytes, less) = summary["shrunk"]["lines"], summary["shrunk"]["bytes"]
        verdict += f"\n  [dim]Made smaller: {lines} → {fewer} lines, {n_bytes} → {less} bytes.[/]"
    if summary["written"]:
        return verdict + f"\n  Written. To take it back: [bold]rusta revert {summary['patch']['id']}[/]"
    if reason := summary["not_written"]:
        return verdict + f"\n  [yellow]Nothing was written:[/] {escape(visible(reason))}"
    if wrote:
        return verdict + "\n  Nothing was written."
    return verdict + (
        "\n  Nothing was written. To write it: [bold]rusta fix --apply[/]"
        if summary["fixes"] and not left
        else ""
    )


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: `1 line`, `2 lines`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
