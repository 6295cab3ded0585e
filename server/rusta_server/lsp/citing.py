"""What can be cited for a place in a document: for its diagnostic, its keyword or operator, or its symbol.

Importing this takes longer than rust-analyzer's start; `.library` does it in the background.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..candidates import Source
from ..errors import RustaError
from ..orchestrator import cards, explain, render
from ..orchestrator.explain import Documentation, Explanation
from ..orchestrator.tokens import Token, token_at
from ..tools.diagnostic import Diagnostic
from ..tools.docs import Anchor, Docs, source
from ..tools.docs.source import Sources, sections_at
from . import checked
from .checked import Said
from .convert import UTF16, LineIndex, path_of
from .library import Library, current
from .place import Place, texts_of
from .upstream import RequestFailed

if TYPE_CHECKING:
    from .proxy import Proxy

Json = Any

MARKDOWN, PLAIN = "markdown", "plaintext"
_RULES = {MARKDOWN: "\n\n---\n\n", PLAIN: "\n\n────────\n\n"}

_TIMEOUT_S = 10.0
# The parser holds up everything else meanwhile, 0.25 ms for each KB.
_PARSED_WHOLE_N_BYTES = 40_000
_ITEM = re.compile(rb"^[^\s})\]]", re.M)
_OF_DIAGNOSTIC = re.compile(r"diagnostic/[^/]+/(\w+)#")  # tools.docs.diagnosed
STD_WEB = re.compile(r"https://doc\.rust-lang\.org/[^/]+/(.+)")
# rust-analyzer's hover over a function, in Markdown or plain: its module, then its signature.
_FUNCTION = re.compile(
    r"""\s*(?:```rust\n)?([\w:]+)(?:\n```)?\n\n(?:```rust\n)?(?:impl\b[^\n]*\n)?"""
    r"""(?:pub(?:\([^)]*\))?\ )?(?:(?:const|async|unsafe|extern\ "[^"]*")\ )*fn\ (\w+)""",
    re.X,
)
# The primitive types whose methods stand in a module; integers share one, and it does not say which it is.
_PRIMITIVES = {
    "core::str": "str",
    "alloc::str": "str",
    "core::slice": "slice",
    "alloc::slice": "slice",
    "core::slice::ascii": "slice",
    "core::array": "array",
    "core::char::methods": "char",
    "core::bool": "bool",
    "core::ptr::const_ptr": "pointer",
    "core::ptr::mut_ptr": "pointer",
    "std::f32": "f32",
    "std::f64": "f64",
    "core::f32": "f32",
    "core::f64": "f64",
}


async def explanation(proxy: "Proxy", place: Place, hover: "asyncio.Future[Json]") -> Explanation | None:
    """What there is to say; None if that is nothing.

    Args:
        hover: will be rust-analyzer's.
    """
    asking = asyncio.create_task(ask(proxy, "experimental/externalDocs", place))
    try:
        found = await asyncio.to_thread(_of_text, place)
        if found is None:
            found = await _of_symbol(proxy, place, asking, hover)
        return found
    finally:
        asking.cancel()


def with_citations(hover: Json, found: Explanation, kind: str) -> Json:
    """rust-analyzer's hover with what was found behind it; that alone where it has none.

    Args:
        kind: what the editor shows, where the hover does not say.
    """
    if hover is None:
        return {"contents": {"kind": kind, "value": _rendered(found, kind)}}
    contents = hover["contents"]
    if isinstance(contents, dict) and "kind" in contents:
        kind = contents["kind"]
        value = contents["value"] + _RULES[kind] + _rendered(found, kind)
        return {**hover, "contents": {**contents, "value": value}}
    marked = contents if isinstance(contents, list) else [contents]
    return {**hover, "contents": [*marked, _rendered(found, MARKDOWN)]}


def anchors_for(diagnostic: Diagnostic, docs: Documentation | None, version: str) -> tuple[str, ...]:
    """The ids of all that is cited of a diagnostic."""
    found = explain.of_diagnostic(diagnostic, docs, cards.load(), version=version)
    return anchor_ids(found) if found else ()


def described(found: Explanation) -> dict[str, Json]:
    """All of an explanation, for a program."""
    return {"markdown": render.to_markdown(found, max_lines=None), "anchors": list(anchor_ids(found))}


def anchor_ids(found: Explanation) -> tuple[str, ...]:
    """The ids of all that an explanation cites, in its order."""
    return tuple(dict.fromkeys(anchor.id for anchor in found.anchors()))


async def anchor_of(proxy: "Proxy", id: str) -> Anchor:
    """The anchor of a printable id: of the documentation, the repository, or what the last checks said.

    Raises:
        RustaError: nothing that stands here has this id.
    """
    buffers = texts_of(proxy.documents.all())
    said = tuple(proxy.session.state(checked.LastChecks).said.values())
    version = proxy.session.state(Library).version
    docs, root = current(proxy), proxy.session.root

    def look() -> Anchor | None:
        if of_diagnostic := _OF_DIAGNOSTIC.match(id):
            return _of_diagnostic(id, of_diagnostic[1], said, buffers, docs, version)
        found = docs.anchor_by_id(id) if isinstance(docs, Docs) else None
        return found or source.by_id(id, Sources((root,) if root else ()))

    found = await asyncio.to_thread(look)
    if found is None:
        raise RustaError(f"{id} is nothing that can be cited here")
    return found


def _of_diagnostic(
    id: str,
    fingerprint: str,
    said: Iterable[Said],
    buffers: Mapping[Path, bytes],
    docs: Documentation | None,
    version: str,
) -> Anchor | None:
    """The first that has it; what two equal diagnostics have in common leads to the first of them."""
    for here in checked.by_fingerprint(said, buffers, fingerprint):
        found = explain.of_diagnostic(here.diagnostic, docs, cards.load(), version=version, root=here.root)
        for anchor in found.anchors() if found else ():
            if anchor.id == id:
                return anchor
    return None


def _of_text(place: Place) -> Explanation | None:
    """What the diagnostics, or else the keyword or operator there call for."""
    path = place.document.path
    known = cards.load()
    for here in checked.at(place.said, place.buffers, path.resolve(), place.offset) if path else ():
        found = explain.of_diagnostic(
            here.diagnostic, place.docs, known, version=place.version, root=here.root
        )
        if found and not found.is_only_the_diagnostic:
            return found
    token = _token(place.document.index.data, place.offset)
    return explain.of_token(token.text, place.docs, known, token.node) if token else None


def _token(text: bytes, offset: int) -> Token | None:
    """The token at a byte; of a big file only the item around it is parsed."""
    start, end = 0, len(text)
    if end > _PARSED_WHOLE_N_BYTES:
        for item in _ITEM.finditer(text):
            if item.start() > offset:
                end = item.start()
                break
            start = item.start()
    if end - start > _PARSED_WHOLE_N_BYTES:
        return None
    return token_at(_parsed(text[start:end]), offset - start)


@lru_cache(maxsize=8)
def _parsed(text: bytes) -> Source:
    return Source("", text)


async def _of_symbol(
    proxy: "Proxy", place: Place, asking: "asyncio.Task[Json]", hover: "asyncio.Future[Json]"
) -> Explanation | None:
    """What is written of the symbol there: in the toolchain, the repository or a dependency."""
    address = await asking
    web = address.get("web") if isinstance(address, dict) else address
    if web is None:  # a local variable, or a method of a primitive type
        method = method_of_primitive(await hover)
        return await asyncio.to_thread(_of_std, place, item=method) if method else None
    if of_std := STD_WEB.fullmatch(web):
        return await asyncio.to_thread(_of_std, place, link=of_std[1])
    definition = await ask(proxy, "textDocument/definition", place)
    return await asyncio.to_thread(_of_source, place, definition, proxy.session.encoding)


def _of_std(place: Place, *, link: str | None = None, item: str | None = None) -> Explanation | None:
    docs = place.docs
    if not isinstance(docs, Docs):
        return None
    section = docs.at(link) if link else docs.item(item or "")
    return explain.of_item(section, docs, cards.load()) if section else None


def _of_source(place: Place, definition: Json, encoding: str) -> Explanation | None:
    """What is written of the item at a definition, outside of the toolchain."""
    target = definition[0] if isinstance(definition, list) and definition else definition
    if not isinstance(target, dict):
        return None
    path = path_of(target.get("targetUri") or target["uri"])
    if path is None:
        return None
    start = (target.get("targetSelectionRange") or target["range"])["start"]
    text = place.buffers.get(path.resolve())
    if text is None:
        text = path.read_bytes()
    at = LineIndex(text, UTF16).position(LineIndex(text, encoding).offset(start))
    roots = (place.root, *(said.root for said in place.said))
    sources = Sources(tuple(root for root in roots if root), unsaved=place.buffers)
    found = sections_at(sources, path, at["line"] + 1, at["character"] + 1)
    return explain.of_item(found[0], place.docs, cards.load(), found[1:]) if found else None


def method_of_primitive(hover: Json) -> str | None:
    """The item's id, as far as rust-analyzer's hover tells."""
    contents = hover.get("contents") if isinstance(hover, dict) else None
    value = contents.get("value") if isinstance(contents, dict) else contents
    found = _FUNCTION.match(value) if isinstance(value, str) else None
    primitive = _PRIMITIVES.get(found[1]) if found else None
    return f"std::primitive.{primitive}::{found[2]}" if found and primitive else None


async def ask(proxy: "Proxy", method: str, place: Place) -> Json:
    """Ask rust-analyzer about the place; None where it has no answer."""
    params = {"textDocument": {"uri": place.document.uri}, "position": place.position}
    try:
        return await proxy.analyzer.request(method, params, timeout_s=_TIMEOUT_S)
    except (RequestFailed, TimeoutError):
        return None


def _rendered(found: Explanation, kind: str) -> str:
    return render.to_markdown(found) if kind == MARKDOWN else render.to_plain(found)
