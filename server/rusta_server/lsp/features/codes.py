"""The codes of diagnostics link to their page of the documentation on this machine."""

import re
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ..capabilities import client_capability
from ..hooks import Hooks
from ..library import Library

if TYPE_CHECKING:
    from ...tools.docs import Docs
    from ..proxy import Proxy

_ERROR_CODE = re.compile(r"E\d{4}")


@define
class Pages:
    """The feature's state.

    Attributes:
        known: the page of each code asked for so far; None where there is none.
        early: by document, the last diagnostics that were pushed before it was known where the pages are.
    """

    known: dict[str, str | None] = field(factory=dict)
    early: dict[str, dict[str, Any]] = field(factory=dict)


def register(hooks: Hooks) -> None:
    """Hook into diagnostics, pushed and pulled."""
    hooks.from_analyzer("textDocument/publishDiagnostics", _published)
    hooks.after("textDocument/diagnostic", _pulled)


def _published(proxy: "Proxy", params: dict[str, Any]) -> dict[str, Any] | None:
    if not client_capability(proxy, "textDocument", "publishDiagnostics", "codeDescriptionSupport"):
        return None
    library, early = proxy.session.state(Library), proxy.session.state(Pages).early
    if proxy.config.citations and not library.is_located.is_set():
        if not early:
            proxy.background(_push_again(proxy))
        early[params["uri"]] = params
        return None
    early.pop(params["uri"], None)
    return _with_pages(proxy, params, "diagnostics")


async def _push_again(proxy: "Proxy") -> None:
    """Push what came early again, with links."""
    await proxy.session.state(Library).is_located.wait()
    early = proxy.session.state(Pages).early
    while early:
        linked = _with_pages(proxy, early.popitem()[1], "diagnostics")
        if linked:
            proxy.notify_client("textDocument/publishDiagnostics", linked)


async def _pulled(
    proxy: "Proxy", params: dict[str, Any], result: dict[str, Any] | None
) -> dict[str, Any] | None:
    # Only newer clients say it here; the others have said it of those that are pushed.
    if not any(
        client_capability(proxy, "textDocument", kind, "codeDescriptionSupport")
        for kind in ("diagnostic", "publishDiagnostics")
    ):
        return None
    if result is None:
        return None
    if proxy.config.citations:
        await proxy.session.state(Library).is_located.wait()
    related = {
        uri: _with_pages(proxy, report, "items") or report
        for uri, report in (result.get("relatedDocuments") or {}).items()
    }
    changed = _with_pages(proxy, result, "items")
    if not related:
        return changed
    return {**(changed or result), "relatedDocuments": related}


def _with_pages(proxy: "Proxy", holder: dict[str, Any], key: str) -> dict[str, Any] | None:
    """`holder` with links in its list of diagnostics; None where there is nothing to link."""
    pages = [_page(proxy, diagnostic) for diagnostic in holder.get(key) or ()]
    if not any(pages):
        return None
    linked = [
        {**diagnostic, "codeDescription": {"href": page}} if page else diagnostic
        for diagnostic, page in zip(holder[key], pages, strict=True)
    ]
    return {**holder, key: linked}


def _page(proxy: "Proxy", diagnostic: dict[str, Any]) -> str | None:
    code, library = diagnostic.get("code"), proxy.session.state(Library)
    if not isinstance(code, str) or library.toolchain is None or library.toolchain.html is None:
        return None
    pages = proxy.session.state(Pages)
    if _ERROR_CODE.fullmatch(code):
        if code not in pages.known:
            page = library.toolchain.html / "error_codes" / f"{code}.html"
            pages.known[code] = page.as_uri() if page.is_file() else None
    elif library.docs is None:
        return None
    elif code not in pages.known:
        pages.known[code] = _lint(library.docs, code)
    return pages.known[code]


def _lint(docs: "Docs", name: str) -> str | None:
    found = (docs.section(corpus, name) for corpus in ("clippy", "rustc"))
    return next((section.link for section in found if section), None)
