"""`rusta anchor`: look at the span that an anchor stands for, and check all anchors of a file."""

import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click
from attrs import asdict, frozen
from rich.console import Console
from rich.text import Text

from ..config import Config
from ..errors import RustaError
from ..orchestrator.claims import Resolve, by_corpus
from ..tools import cargo
from ..tools.docs import Anchor, Docs, Explained, NoDocs, Resolution, Section, State, source
from ..tools.docs.plain import visible
from . import _docs
from .trace import ledger_at

T = TypeVar("T")

ALL_VALID, SOME_NOT = 0, 1

# States of an anchor in a file besides those of `State`.
RECORDED, BROKEN = "recorded", "broken"
_STYLES = {
    State.VALID: "green",
    RECORDED: "cyan",
    State.DRIFTED: "yellow",
    State.ORPHAN: "red",
    BROKEN: "red",
}
_MEANINGS = {
    State.VALID: "stands there, word for word",
    RECORDED: "what a compiler said in that run; it can only be compared with its own hash",
    State.DRIFTED: "reworded since",
    State.ORPHAN: "not found here",
    BROKEN: "does not agree with its own hash or id",
}
_ID = re.compile(r"[^/]+/.+#[0-9a-f]{8}")
_NEEDED = ("corpus", "structural_id", "quote", "sha256")

_cache_dir = click.option("--cache-dir", type=click.Path(path_type=Path), help="Where the index lives.")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=click.RichGroup)
def command() -> None:
    """Look at the places that Rusta cites.

    An anchor is a span of a text on this machine, with a hash of its words. Its id, such as
    error_codes/E0502#9d0c2a11, stands beside every quote that Rusta shows as JSON.
    """


@command.command()
@click.argument("id")
@_as_json
@_cache_dir
def show(id: str, as_json: bool, cache_dir: Path | None) -> None:
    """Print the span of the anchor ID, what stands around it, and where."""
    id = visible(id)

    def question(library: _Library) -> tuple[Anchor, Resolution, Section | None]:
        anchor = library.by_id(id)
        if anchor is None:
            raise RustaError(f"no span here has the id {id}.", hint=library.near(id))
        return anchor, library.resolve(anchor), library.section(anchor)

    anchor, found, section = _ask(cache_dir, question)
    if as_json:
        click.echo(json.dumps({"id": anchor.id, **asdict(anchor), "state": found.state.value}, indent=2))
        return
    Console(highlight=False).print(_shown(anchor, found, section), soft_wrap=True)


@command.command()
@click.argument("file", metavar="FILE|TRACE", type=click.Path(path_type=Path, allow_dash=True))
@_as_json
@_cache_dir
def verify(file: Path, as_json: bool, cache_dir: Path | None) -> None:
    """Look up every anchor in FILE: JSON or JSON Lines, such as `rusta explain --json` prints (- for stdin).

    In place of a file the ID of a trace may be given, or `last`; traces cite by ids alone.

    Exit code: 0 all are valid, 1 some are not, 2 could not run. What a compiler said cannot be looked up
    later; of such an anchor only hash and id are checked, and it is called "recorded".
    """
    found = list(dict.fromkeys(_anchors(_read(_file(file, cache_dir)))))
    verdicts = _ask(cache_dir, lambda library: [(one, _verdict(one, library)) for one in found])
    if as_json:
        click.echo(json.dumps([{"id": one.id, "state": state} for one, state in verdicts], indent=2))
    else:
        _print(verdicts, Console(highlight=False))
    sys.exit(ALL_VALID if all(state in (State.VALID, RECORDED) for _, state in verdicts) else SOME_NOT)


@frozen
class _Found:
    """An anchor as a file has it; `id` is the one written beside it, or all there is of it."""

    anchor: Anchor | None
    id: str


def _verdict(found: _Found, library: "_Library") -> str:
    anchor = found.anchor
    if anchor is not None:
        own_hash = hashlib.sha256(anchor.quote.encode(errors="replace")).hexdigest()
        if anchor.sha256 != own_hash or found.id != anchor.id or not anchor.quote.strip():
            return BROKEN
    if found.id.startswith("diagnostic/"):
        return RECORDED
    if anchor is not None:
        return library.resolve(anchor).state.value
    return State.VALID if library.by_id(found.id) else State.ORPHAN


def _ask(cache_dir: Path | None, question: Callable[["_Library"], T]) -> T:
    """What the toolchain's documentation and the sources around the current folder answer."""

    def of_docs(opened: Docs | NoDocs) -> T:
        return question(_Library(Explained(opened.toolchain) if isinstance(opened, NoDocs) else opened))

    config = Config(cache_dir=str(cache_dir) if cache_dir else None)
    return _docs.ask(config, Path.cwd(), Console(stderr=True, highlight=False), of_docs)


@frozen
class _Library:
    """All texts on this machine that are cited."""

    docs: Docs | Explained

    def resolve(self, anchor: Anchor) -> Resolution:
        """Where its span is now."""
        of_source: Resolve = lambda one: source.resolve(one, _sources(Path.cwd(), one.corpus))  # noqa: E731
        of_compiler = Explained(self.docs.toolchain).resolve
        return by_corpus(
            {"repo": of_source, "crate": of_source, "explain": of_compiler, "": self.docs.resolve}
        )(anchor)

    def by_id(self, id: str) -> Anchor | None:
        """The anchor of a printable id."""
        if id.startswith(("repo/", "crate:")):
            return source.by_id(id, _sources(Path.cwd(), id))
        return self.docs.anchor_by_id(id) if isinstance(self.docs, Docs) else None

    def section(self, anchor: Anchor) -> Section | None:
        """What stands around a span."""
        corpus = anchor.corpus.partition("@")[0]
        if corpus.startswith(("repo", "crate:")):
            return source.section_of(anchor, _sources(Path.cwd(), corpus))
        return self.docs.section(corpus, anchor.structural_id)

    def near(self, id: str) -> str:
        """What else might have been meant."""
        name = id.partition("#")[0].partition("/")[2]
        near = self.docs.similar(name) if isinstance(self.docs, Docs) and name else ()
        return f"rusta explain {near[0]}" if near else "an id as `rusta explain … --json` prints it"


def _sources(folder: Path, corpus: str) -> source.Sources:
    """The sources around a folder, those of its dependencies too if the corpus (or id) is one."""
    return _sources_of(folder, corpus.startswith("crate:"))


@cache
def _sources_of(folder: Path, with_crates: bool) -> source.Sources:
    try:
        root = cargo.locate(folder).root
    except RustaError:
        return source.Sources((folder,))
    return source.Sources((root,), cargo.dependencies(root) if with_crates else {})


def _file(name: Path, cache_dir: Path | None) -> Path:
    """The file of that name, or the one of the trace with that id."""
    ledger = ledger_at(cache_dir)
    id = str(name)
    if id == "last" and not name.exists() and ledger.ids():
        return ledger.path(ledger.ids()[-1])
    return ledger.path(id) if id in ledger.ids() else name


def _read(file: Path) -> list[Any]:
    """The JSON values of a file.

    Raises:
        RustaError: it cannot be read, or is no JSON.
    """
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise RustaError(f"{file} cannot be read: {why}.", hint="rusta anchor verify FILE") from error
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        pass
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise RustaError(
            f"{file} is neither JSON nor JSON Lines.", hint="rusta explain E0502 --json > anchors.json"
        ) from error


def _anchors(values: list[Any]) -> Iterator[_Found]:
    """Every object that looks like an anchor, wherever it is."""
    waiting = list(reversed(values))
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if all(isinstance(value.get(key), str) for key in _NEEDED):
                anchor = _anchor(value)
                given = value.get("id")
                yield _Found(anchor, given if isinstance(given, str) else anchor.id)
            cited = value.get("citations")
            for id in cited if isinstance(cited, list) else ():
                if isinstance(id, str) and _ID.fullmatch(id):
                    yield _Found(None, id)
            waiting += reversed(value.values())
        elif isinstance(value, list):
            waiting += reversed(value)


def _anchor(raw: Mapping[str, Any]) -> Anchor:
    keys = (*_NEEDED, "prefix", "suffix", "link")
    texts = {key: raw[key] if isinstance(raw.get(key), str) else "" for key in keys}
    web, offset = raw.get("web"), raw.get("offset")
    return Anchor(
        # Half a character can be written in JSON but is no text: its hash will not fit.
        **{key: text.encode(errors="replace").decode() for key, text in texts.items()},
        offset=offset if isinstance(offset, int) else 0,
        web=web if isinstance(web, str) else None,
    )


def _print(verdicts: list[tuple[_Found, str]], console: Console) -> None:
    """Each state and id, whole so that it can be copied, and below it the quote, on one line."""
    indent = max((len(state) for _, state in verdicts), default=0) + 2
    for found, state in verdicts:
        console.print(Text.assemble((state.ljust(indent), _STYLES[state]), visible(found.id)), soft_wrap=True)
        if found.anchor:
            quote = Text(visible(" ".join(found.anchor.quote.split())), style="italic")
            quote.truncate(max(console.width - indent - 2, 10), overflow="ellipsis")
            console.print(Text.assemble(" " * indent, "“", quote, "”"), soft_wrap=True)
    counts = Counter(state for _, state in verdicts)
    for state, meaning in _MEANINGS.items():
        if counts[state]:
            line = Text.assemble((f"{counts[state]} {state}", _STYLES[state]), f": {meaning}")
            console.print(line, soft_wrap=True)
    if not verdicts:
        console.print("There are no anchors in it.")


def _shown(anchor: Anchor, found: Resolution, section: Section | None) -> Text:
    """The span with what stands around it, then its names."""
    text = section.text if section else f"{anchor.prefix}{anchor.quote}{anchor.suffix}"
    start = len(text.encode()[: anchor.offset].decode(errors="ignore")) if section else len(anchor.prefix)
    before, after = text[:start].rpartition("\n\n")[2][-400:], text[start + len(anchor.quote) :][:400]
    shown = Text()
    if section:
        shown.append(f"{visible(section.title)}\n\n", style="bold")
    for piece, style in ((before, "dim"), (anchor.quote, "bold"), (after, "dim")):
        shown.append("\n".join(visible(line) for line in piece.split("\n")), style=style)
    shown.append("\n\n")
    for name, value in (
        ("id", anchor.id),
        ("state", f"{found.state.value}: {_MEANINGS[found.state]}"),
        ("corpus", anchor.corpus),
        ("sha256", anchor.sha256),
        ("link", anchor.link),
        ("web", anchor.web or ""),
    ):
        if value:
            shown.append(f"{name:8}", style="dim").append(f"{visible(value)}\n")
    shown.rstrip()
    return shown
