"""Hovers that cite: rust-analyzer's hover is kept whole, and what Rusta can cite follows after a rule.

The citations are looked for while rust-analyzer works, and have a budget after its answer. What comes too
late is kept for the next hover in the same place.
"""

import asyncio
import re
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ...errors import RustaError
from .. import checked
from ..capabilities import client_capability
from ..hooks import Hooks
from ..library import Library, current, load
from ..place import Place, place_of
from .check import Checks

if TYPE_CHECKING:
    from lsprotocol.types import ShowDocumentParams

    from ...orchestrator.explain import Explanation
    from ..proxy import Proxy

Json = Any

_N_KEPT = 256
_LINE = re.compile(r"L\d+")


@define
class Hovers:
    """The feature's state: what was found in the places that were asked for last."""

    found: dict[object, "Explanation"] = field(factory=dict)


def register(hooks: Hooks) -> None:
    """Hook into hovers and checks; announce the commands."""
    hooks.ready(_subscribe)
    hooks.beside("textDocument/hover", _cite, grace_s=lambda proxy: proxy.config.citation_budget_ms / 1000)
    hooks.command("rusta.explain", _explain)
    hooks.command("rusta.openCitation", _open)


async def _subscribe(proxy: "Proxy") -> None:
    if proxy.config.citations:
        proxy.session.state(Checks).subscribers.append(checked.on_check)


async def _cite(proxy: "Proxy", params: Json, answer: "asyncio.Future[Json]") -> Json:
    if not proxy.config.citations or not proxy.session.state(Library).is_loaded:
        return None
    from ..citing import MARKDOWN, PLAIN, with_citations  # loaded, see above

    place = place_of(proxy, params)
    found = await _explanation(proxy, place, answer) if place else None
    if found is None:
        return None
    formats = client_capability(proxy, "textDocument", "hover", "contentFormat") or []
    return with_citations(await answer, found, MARKDOWN if MARKDOWN in formats else PLAIN)


async def _explanation(proxy: "Proxy", place: Place, hover: "asyncio.Future[Json]") -> "Explanation | None":
    """What there is to say of a place, looked for only once."""
    from ..citing import explanation

    known = proxy.session.state(Hovers).found
    if place.key not in known:
        found = await explanation(proxy, place, hover)
        if found is None:  # which may only mean that rust-analyzer is not ready yet
            return None
        known[place.key] = found
        if len(known) > _N_KEPT:
            del known[next(iter(known))]
    return known[place.key]


async def _explain(proxy: "Proxy", subject: dict[str, Any] | str) -> Json:
    """`rusta.explain`: what the hover says, for a position, or for a code, an item, a keyword by its name.

    The argument is a name, or an object {"textDocument": {"uri"}, "position"}. Returns all that can be cited,
    {"markdown", "anchors"}, or null.
    """
    await load(proxy)
    from ...orchestrator import cards, explain
    from .. import citing

    if isinstance(subject, str):
        found = await asyncio.to_thread(explain.of_name, subject, current(proxy), cards.load())
    else:
        place = place_of(proxy, subject)
        if place is None:
            raise RustaError("that is no position in an open document")
        hover = asyncio.ensure_future(citing.ask(proxy, "textDocument/hover", place))
        try:
            found = await _explanation(proxy, place, hover)
        finally:
            hover.cancel()
    return citing.described(found) if found else None


async def _open(proxy: "Proxy", id: str) -> Json:
    """`rusta.openCitation`: show the place that an anchor quotes; returns {"uri", "shown"}."""
    await load(proxy)
    from ..citing import anchor_of

    anchor = await anchor_of(proxy, id)
    shown = False
    if client_capability(proxy, "window", "showDocument", "support"):
        shown = (await proxy.client.window_show_document_async(_document(anchor.link))).success
    return {"uri": anchor.link, "shown": shown}


def _document(link: str) -> "ShowDocumentParams":
    """How to show what a link leads to: a page in the browser, a line of a text in the editor."""
    from lsprotocol import types

    uri, _, fragment = link.partition("#")
    if not _LINE.fullmatch(fragment):
        return types.ShowDocumentParams(uri=link, external=True)
    start = types.Position(line=int(fragment[1:]) - 1, character=0)
    return types.ShowDocumentParams(uri=uri, take_focus=True, selection=types.Range(start=start, end=start))
