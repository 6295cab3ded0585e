"""What the last checks said, and which of it still holds for the text that the editor has now."""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from ..tools.diagnostic import Checked, Diagnostic
from .linemap import LineMap, moved

if TYPE_CHECKING:
    from .features.check import CheckRun
    from .proxy import Proxy

log = logging.getLogger(__name__)


@frozen
class Said:
    """What one check said.

    Attributes:
        root: the folder that paths are relative to.
        diagnostics: those that fit the files as they were read right after the check.
        texts: the files that the diagnostics speak of.
    """

    root: Path
    diagnostics: tuple[Diagnostic, ...] = field(repr=False)
    texts: Mapping[str, bytes] = field(repr=False)


@define
class LastChecks:
    """The state: of each workspace what its last check said, and how often a check has ended."""

    said: dict[Path, Said] = field(factory=dict)
    n_checks: int = 0


def on_check(proxy: "Proxy", run: "CheckRun") -> None:
    """Take in what a check said."""
    proxy.background(_take_in(proxy, run))


async def _take_in(proxy: "Proxy", run: "CheckRun") -> None:
    said = await asyncio.to_thread(_read, run)
    checks = proxy.session.state(LastChecks)
    checks.said[run.root] = said
    checks.n_checks += 1


def _read(run: "CheckRun") -> Said:
    outcome = run.outcome(run.root)
    diagnostics = outcome.diagnostics if isinstance(outcome, Checked) else ()
    texts: dict[str, bytes] = {}
    for path in {span.path for diagnostic in diagnostics for span in diagnostic.all_spans()}:
        try:
            texts[path] = (run.root / path).read_bytes()
        except (OSError, ValueError):
            continue
    # A library is compiled twice, by itself and with its unit tests.
    unique = dict.fromkeys(one for one in diagnostics if one.primary and _fits(one, texts))
    return Said(run.root, tuple(unique), texts)


def _fits(diagnostic: Diagnostic, texts: Mapping[str, bytes]) -> bool:
    """Whether its spans mark in these texts what the compiler saw there."""
    return all(
        span.line != span.line_end
        or texts[span.path][span.start : span.end].decode(errors="replace").strip() == span.snippet
        for span in diagnostic.all_spans()
        if span.path in texts
    )


@frozen
class Here:
    """A diagnostic in today's text, with the folder that its paths are relative to."""

    root: Path
    diagnostic: Diagnostic


def at(said: Iterable[Said], buffers: Mapping[Path, bytes], path: Path, offset: int) -> list[Here]:
    """The diagnostics that mark the byte at `offset`: by a primary span first, errors first, small first.

    One that speaks of a line that has changed since the check is left out.

    Args:
        buffers: the texts of today of the files that are open.
    """
    found = []
    for one in said:
        if not path.is_relative_to(one.root):
            continue
        name = path.relative_to(one.root).as_posix()
        for diagnostic in _current(one, buffers, name):
            ranks = [
                (not span.is_primary, not diagnostic.is_error, span.end - span.start)
                for span in diagnostic.spans
                if span.path == name and span.start <= offset <= max(span.end - 1, span.start)
            ]
            if ranks:
                found.append((min(ranks), Here(one.root, diagnostic)))
    found.sort(key=lambda pair: pair[0])
    return [here for _, here in found]


def by_fingerprint(said: Iterable[Said], buffers: Mapping[Path, bytes], fingerprint: str) -> Iterator[Here]:
    """The diagnostics with this fingerprint at their places of today: equal ones in a file share it."""
    for one in said:
        alike = [known for known in one.diagnostics if known.fingerprint == fingerprint and known.primary]
        for name in dict.fromkeys(known.primary.path for known in alike if known.primary):
            for diagnostic in _current(one, buffers, name):
                if diagnostic.fingerprint == fingerprint:
                    yield Here(one.root, diagnostic)


def _current(said: Said, buffers: Mapping[Path, bytes], name: str) -> Iterator[Diagnostic]:
    """The diagnostics that speak of a file and still hold, at their places of today."""
    touching = [one for one in said.diagnostics if any(span.path == name for span in one.spans)]
    maps: dict[str, LineMap] = {}
    for path in {span.path for one in touching for span in one.all_spans()} & said.texts.keys():
        today = buffers.get(said.root / path, said.texts[path])
        if today != said.texts[path]:
            maps[path] = LineMap(said.texts[path], today)
    for diagnostic in touching:
        if (there := moved(diagnostic, maps)) is not None:
            yield there
