"""The documentation's pages for an editor that shows them itself, at what is cited: `rusta/page`."""

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ...errors import RustaError
from ..convert import path_of
from ..hooks import Hooks
from ..library import Library, load
from ..place import place_of

if TYPE_CHECKING:
    from ...tools.docs import Anchor
    from ..proxy import Proxy

Json = Any

_LINE = re.compile(r"L(\d+)")


def register(hooks: Hooks) -> None:
    """Announce the request."""
    hooks.method("rusta/page", _page)


async def _page(proxy: "Proxy", params: Json) -> Json:
    """`rusta/page`: what a citation or a link leads to, ready to be shown.

    The params name an anchor, {"id"}, or an address, {"link"}; with "textDocument" and "position" beside the
    link, all that is quoted of that page in the hover there is marked. Returns

    * {"kind": "page", "title", "html", "link", "web", "folder", "marked"}: a page of the toolchain's
      documentation; `html` holds nothing active, see `tools.docs.reading`; pictures lie below `folder`;
    * {"kind": "source", "uri", "line"}: a line of the repository or of a dependency, counted from 0.
    """
    await load(proxy)
    params = params if isinstance(params, dict) else {}
    anchors = await _anchors(proxy, params)
    link = params.get("link") or (anchors[0].link if anchors else None)
    if not isinstance(link, str):
        raise RustaError("`id` or `link` must name something that can be shown")
    uri, _, fragment = link.partition("#")
    if line := _LINE.fullmatch(fragment):
        return {"kind": "source", "uri": uri, "line": int(line[1]) - 1}
    here = [anchor for anchor in anchors if anchor.link == link]
    quotes = tuple(anchor.quote for anchor in here)
    toolchain = proxy.session.state(Library).toolchain
    if toolchain is None or toolchain.html is None:
        raise RustaError(
            "this toolchain has no documentation", hint="To add it: rustup component add rust-docs"
        )
    shown = await asyncio.to_thread(_read, toolchain.html, uri, unquote(fragment), quotes)
    return {**shown, "link": link, "web": here[0].web if here else None}


async def _anchors(proxy: "Proxy", params: Json) -> "list[Anchor]":
    """The anchor that the params name, or those of the hover at their position."""
    from .. import citing  # loaded, see above

    id = params.get("id")
    if isinstance(id, str):
        return [await citing.anchor_of(proxy, id)]
    place = place_of(proxy, params)
    if place is None:
        return []
    hover = asyncio.ensure_future(citing.ask(proxy, "textDocument/hover", place))
    try:
        explanation = await citing.explanation(proxy, place, hover)
    finally:
        hover.cancel()
    return list(explanation.anchors()) if explanation else []


def _read(folder: Path, uri: str, fragment: str, quotes: tuple[str, ...]) -> dict[str, Json]:
    """Run in a thread: the page at `uri`, which must lie below the documentation's folder."""
    from ...tools.docs import links, reading

    file = path_of(uri)
    page = _below(folder, file) if file else None
    if page is None:
        raise RustaError(f"{uri} is no page of the documentation on this machine")
    html = (folder / page).read_bytes()
    if moved := links.redirect(html, page):
        page = _below(folder, folder / moved[0])
        if page is None:
            raise RustaError(f"{uri} leads to no page of the documentation on this machine")
        html, fragment = (folder / page).read_bytes(), moved[1] or fragment
    found = reading.read(html, page, folder, fragment=fragment, quotes=quotes)
    return {
        "kind": "page",
        "title": found.title,
        "html": found.html,
        "folder": folder.as_uri(),
        "marked": found.n_marked,
        "fragment": fragment,
    }


def _below(folder: Path, file: Path) -> str | None:
    """The page's path below the folder, no link leading out of it; None if it is no page there."""
    real, root = file.resolve(), folder.resolve()
    if real.suffix != ".html" or not real.is_relative_to(root) or not real.is_file():
        return None
    return real.relative_to(root).as_posix()
