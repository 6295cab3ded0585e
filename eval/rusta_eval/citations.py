"""`rusta eval --citations`: are citations right, are the right ones found, and do they last?"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import asdict, frozen
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from rusta_server.config import Config
from rusta_server.errors import RustaError
from rusta_server.tools.docs import Docs, Toolchain, build, toolchain
from rusta_server.tools.process import Finished, run

from . import citations_drift, citations_gold, citations_labels, citations_shown, citations_speed
from .pairs import Pair

PARTS = ("shown", "gold", "speed", "fidelity", "stability")
LABELS = Path(__file__).parents[1] / "citations/labels.jsonl"
_ANSWER_TIMEOUT_S = 20.0
_MOST_FAULTS = 20

Report = dict[str, Any]


@frozen
class Options:
    """What to measure.

    Attributes:
        programs: broken programs, for whose diagnostics explanations are looked at.
        other: the toolchain whose documentation anchors are looked up in, as rustup calls it.
        labels: the labelled pairs; without that file there is no fidelity.
        export: write pairs to label here instead of measuring anything; labels in the file stay.
    """

    parts: Sequence[str] = PARTS
    programs: Sequence[Pair] = ()
    other: str = "nightly"
    labels: Path = LABELS
    export: Path | None = None


def measure(options: Options, console: Console) -> Report:
    """Run the chosen parts, with progress on `console`, and give all figures as plain values.

    Raises:
        RustaError: there is no documentation, or a part lacks what it needs.
    """
    with_labels = "fidelity" in options.parts and options.labels.is_file() and options.export is None
    if with_labels and not options.programs:
        raise RustaError(
            "the labels are of programs' diagnostics.", hint="Give --pairs FILE, or choose --part."
        )
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    ) as bars:
        here = toolchain(Path.cwd())
        if here is None:
            raise RustaError("there is no rustc that answers.", hint="install Rust: https://rustup.rs")
        docs = _indexed(here, bars)
        if options.export is not None:
            return _export(docs, options, bars)
        report: Report = {"version": here.version}
        shown: list[citations_shown.Shown] | None = None
        if "shown" in options.parts:
            checks, shown = citations_shown.measure(docs, options.programs, _bar(bars, "what is shown"))
            report["shown"] = [asdict(check) for check in checks]
        if "gold" in options.parts:
            report["gold"] = _gold(docs, bars)
        if "speed" in options.parts:
            speeds = citations_speed.measure(docs, lambda: _indexed(here, bars))
            report["speed"] = [asdict(speed) for speed in speeds]
        if with_labels:
            if shown is None:
                shown = citations_shown.of_programs(docs, options.programs, _bar(bars, "diagnostics"))
            labelled = citations_labels.read(options.labels)
            report["fidelity"] = asdict(citations_labels.fidelity(labelled, shown))
        if "stability" in options.parts:
            other = _indexed(_named(options.other), bars)
            report["stability"] = [
                citations_drift.measure(
                    a, b, progress=_bar(bars, f"{a.toolchain.version} in {b.toolchain.version}")
                ).to_json()
                for a, b in ((docs, other), (other, docs))
            ]
        return report


def show(report: Mapping[str, Any], console: Console) -> None:
    """Print the figures as tables."""
    parts: dict[str, Callable[[Any, Console], None]] = {
        "shown": _show_shown,
        "gold": _show_gold,
        "speed": _show_speed,
        "fidelity": _show_fidelity,
        "stability": _show_stability,
    }
    for name, print_ in parts.items():
        if name in report:
            print_(report[name], console)
    if "exported" in report:
        console.print(f"{report['exported']} pairs to label are in {report['file']}")


def to_json(report: Mapping[str, Any]) -> str:
    """The report for a program."""
    return json.dumps(report, indent=2, ensure_ascii=False)


def _gold(docs: Docs, bars: Progress) -> Report:
    asked = citations_gold.sources(docs)
    found = citations_gold.measure(docs, asked, _bar(bars, "official links"))
    names = ("level", "ranking", "kind", "corpus", "system", "variant", "half")
    return {
        "n_sources": len(asked),
        "n_dead": sum(source.n_dead for source in asked),
        "rows": [
            {**dict(zip(names, key, strict=True)), **figures}
            for key, figures in citations_gold.recall(found).items()
        ],
    }


def _export(docs: Docs, options: Options, bars: Progress) -> Report:
    if not options.programs or options.export is None:
        raise RustaError("pairs to label come from programs' diagnostics.", hint="Give --pairs FILE.")
    shown = citations_shown.of_programs(docs, options.programs, _bar(bars, "diagnostics"))
    known = citations_labels.read(options.export) if options.export.is_file() else []
    pairs = citations_labels.merge(known, citations_labels.to_label(shown))
    citations_labels.write(pairs, options.export)
    return {"exported": len(pairs), "file": str(options.export)}


def _indexed(here: Toolchain, bars: Progress) -> Docs:
    task = bars.add_task(f"index of {here.version}", total=100)
    made = build(
        Config().cache, here, progress=lambda share, text: bars.update(task, completed=round(100 * share))
    )
    if not isinstance(made, Docs):
        raise RustaError("the documentation was not indexed.", hint="rusta docs index")
    bars.remove_task(task)
    return made


def _named(name: str) -> Toolchain:
    said = []
    for query in (("--print", "sysroot"), ("--version",)):
        try:
            ended = run(("rustc", f"+{name}", *query), cwd=Path.cwd(), timeout_s=_ANSWER_TIMEOUT_S)
        except OSError:
            ended = None
        if not isinstance(ended, Finished) or ended.code != 0:
            raise RustaError(
                f"there is no toolchain {name!r}.", hint=f"rustup toolchain install {name}, or --other NAME"
            )
        said.append(ended.stdout.decode().strip())
    html = Path(said[0]) / "share/doc/rust/html"
    return Toolchain(Path(said[0]), said[1].split()[1], html if html.is_dir() else None)


def _bar(bars: Progress, name: str) -> Callable[[int, int], None]:
    task = bars.add_task(name, total=None)
    return lambda done, total: bars.update(task, completed=done, total=total)


def _table(title: str, columns: Sequence[str], n_names: int = 1) -> Table:
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < n_names else "right", no_wrap=True)
    return table


def _show_shown(checks: Sequence[Mapping[str, Any]], console: Console) -> None:
    table = _table("(a) what is shown", ("of", "n", "nothing said", "citations", "faults"))
    for check in checks:
        faults = len(check["faults"])
        table.add_row(
            check["subject"],
            str(check["n_subjects"]),
            str(check["n_silent"]),
            str(check["n_citations"]),
            str(faults),
        )
    console.print(table)
    for check in checks:
        for fault in check["faults"][:_MOST_FAULTS]:
            console.print(f"  {fault['shown']}: {fault['why']}", markup=False)


def _show_gold(gold: Mapping[str, Any], console: Console) -> None:
    console.print(f"(b) {gold['n_sources']} sources; {gold['n_dead']} links lead nowhere and are not counted")
    for ranking in ("per corpus", citations_gold.POOLED):
        for level in ("page", "section"):
            _show_recall([r for r in gold["rows"] if (r["ranking"], r["level"]) == (ranking, level)], console)


def _show_recall(rows: Sequence[Mapping[str, Any]], console: Console) -> None:
    """One line for each kind of source, corpus, variant and half; plain FTS5 and Rusta side by side."""
    if not rows:
        return
    title = f"links found again: {rows[0]['level']}s, {rows[0]['ranking']}; recall@1 @3 @5"
    table = _table(title, ("source", "links into", "variant", "half", "n", "plain FTS5", "Rusta"), 4)
    lines: dict[tuple[str, ...], dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        if row["half"] == "all" or row["corpus"] == "all":
            key = tuple(row[name] for name in ("kind", "corpus", "variant", "half"))
            lines.setdefault(key, {})[row["system"]] = row
    kind = ""
    for key, by_system in lines.items():
        if kind and key[0] != kind:
            table.add_section()
        kind = key[0]
        cells = (
            " ".join(f"{by_system[s][f'r{k}']:.2f}" for k in citations_gold.AT)
            for s in citations_gold.SYSTEMS
        )
        table.add_row(*key, str(by_system["rusta"]["n"]), *cells)
    console.print(table)


def _show_speed(speeds: Sequence[Mapping[str, Any]], console: Console) -> None:
    table = _table("search, ms", ("query", "n", "cold", "p50", "p95"))
    for one in speeds:
        times = (f"{one[name]:.1f}" for name in ("cold_ms", "p50_ms", "p95_ms"))
        table.add_row(one["kind"], str(one["n"]), *times)
    console.print(table)


def _show_fidelity(found: Mapping[str, Any], console: Console) -> None:
    table = _table("(c) labelled pairs", ("citations from", "full", "labelled", "share"))
    for corpus, (full, n) in found["by_corpus"].items():
        table.add_row(corpus, str(full), str(n), f"{full / n:.1%}")
    table.add_section()
    table.add_row("all", str(found["counts"]["full"]), str(found["n"]), f"{found['share']:.1%}")
    console.print(table)
    console.print(
        f"fidelity {found['share']:.3f}, 95 % lower bound {found['lower']:.3f}; "
        + ", ".join(f"{label} {n}" for label, n in found["counts"].items())
        + f"; stale {len(found['stale'])}, not labelled {found['unlabelled']}"
    )


def _show_stability(directions: Sequence[Mapping[str, Any]], console: Console) -> None:
    for one in directions:
        table = _table(
            f"(d) anchors of {one['made_in']} in {one['looked_up_in']}",
            ("corpus", "n", "valid", "moved", "drifted", "orphan"),
        )
        for fate in one["fates"]:
            n = fate["n"]
            shares = (f"{fate[name] / n:.1%}" for name in ("valid", "moved", "drifted", "orphan"))
            table.add_row(fate["corpus"], str(n), *shares)
        console.print(table)
        console.print(f"wrong spans: {len(one['wrong'])}")
        for wrong in one["wrong"][:_MOST_FAULTS]:
            console.print(f"  {wrong['id']}: {wrong['why']}: {wrong['quote'][:80]}", markup=False)
