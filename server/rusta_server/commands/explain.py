"""`rusta explain`: what an error, a name or a place in a file means, and where that is written."""

import json
import sys
from pathlib import Path

import rich_click as click
from rich.console import Console
from rich.markup import escape

from ..config import Config
from ..errors import RustaError
from ..orchestrator import cards, explain, render
from ..orchestrator.explain import Documentation, Explanation
from ..tools.docs import REMEDY, Docs, Explained, NoDocs
from . import _docs, _place
from ._trace import note_explanation, tracing

EXPLAINED, NOTHING_KNOWN = 0, 1


@click.command(
    epilog="Exit code: 0 explained, 1 nothing that could be cited, 2 could not run.",
    context_settings={"ignore_unknown_options": True},  # `->` and `-=` are operators
)
@click.argument("subject")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, with whole anchors.")
@click.option("--plain", is_flag=True, help="Print it as text without colours and columns.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(1),
    default=Config().check_timeout_s,
    show_default=True,
    help="Seconds for one cargo check.",
)
@click.option("--edition", default="2021", show_default=True, help="For a lone .rs file.")
@click.option("--no-sandbox", is_flag=True, help="Run cargo without the sandbox.")
@click.option("--untrusted", is_flag=True, help="Run nothing of the crate: explain only the word there.")
@click.option("--cache-dir", type=click.Path(path_type=Path), help="Where the index and shadow copies live.")
def command(
    subject: str,
    as_json: bool,
    plain: bool,
    timeout_s: float,
    edition: str,
    no_sandbox: bool,
    untrusted: bool,
    cache_dir: Path | None,
) -> None:
    """Explain SUBJECT with quotes from the documentation on this machine.

    SUBJECT is an error code (E0502), a lint (clippy::needless_return), a keyword or operator (dyn, ?), an
    item of the standard library (std::vec::Vec::drain), or a place in a file (src/main.rs:5:10). For a place
    the file is checked in a copy; nothing of yours is changed.
    """
    config = Config(
        cache_dir=str(cache_dir) if cache_dir else None,
        check_timeout_s=timeout_s,
        sandbox=not no_sandbox,
        trusted=not untrusted,
    )
    console = Console(highlight=False)
    aside = Console(stderr=True, highlight=False)
    place = _place.parse(subject)
    folder = place.path.resolve().parent if place else Path.cwd()

    def question(opened: Docs | NoDocs) -> tuple[Explanation, ...]:
        docs: Documentation = Explained(opened.toolchain) if isinstance(opened, NoDocs) else opened
        if isinstance(opened, NoDocs):
            version = opened.toolchain.version
            aside.print(
                f"[yellow]![/] rustc {version} has no documentation here. To add it: {opened.remedy}",
                soft_wrap=True,
            )
        if place is None:
            return _of_name(subject, docs)
        with aside.status("checking a copy"):
            return _place.explanations(place, docs, config, edition)

    found = _docs.ask(config, folder if config.trusted else Path.home(), aside, question)
    with tracing(config, aside) as trace:
        note_explanation(trace, subject, found)
    if as_json:
        told = {"explanations": [render.to_json(one) for one in found], "trace": trace.id}
        click.echo(json.dumps(told, indent=2))
    elif plain:
        click.echo("\n\n".join(render.to_plain(one, max_lines=None) for one in found))
    else:
        for one in found:
            console.print(render.to_rich(one, backticks=console.color_system is None), soft_wrap=True)
    if not found:
        aside.print(
            f"[yellow]unknown:[/] nothing here says what stands at {escape(subject)}.", soft_wrap=True
        )
        aside.print(
            "  [bold cyan]try:[/] rusta explain NAME, with the name that stands there", soft_wrap=True
        )
        sys.exit(NOTHING_KNOWN)


def _of_name(name: str, docs: Documentation) -> tuple[Explanation, ...]:
    """What a name means.

    Raises:
        RustaError: nothing is known by that name; with the nearest that is.
    """
    if len(name) > explain.LONGEST_NAME:
        raise RustaError("that is no name.", hint="rusta explain E0502")
    found = explain.of_name(name, docs, cards.load())
    if found is None:
        if Path(name).is_file():
            raise RustaError(f"{name} is a file.", hint=f"rusta explain {name}:LINE:COLUMN")
        if name.endswith(".rs"):
            raise RustaError(f"{name} does not exist.", hint="rusta explain PATH:LINE:COLUMN")
        near = docs.similar(name)
        if near:
            meant = f"Did you mean {', '.join(near)}?"
            raise RustaError(f"nothing is known of {name!r}. {meant}", hint=f"rusta explain {near[0]}")
        if isinstance(docs, Explained):
            raise RustaError(f"without documentation nothing is known of {name!r}.", hint=REMEDY)
        hint = "a code (E0502), lint, keyword, item, or PATH:LINE:COLUMN"
        raise RustaError(f"nothing is known of {name!r}.", hint=hint)
    return (found,)
