"""The running rust-analyzer as a source of candidates: its assists at a diagnostic's every span.

It is asked from the thread of a search, and only about files that the editor (or the disk) holds exactly as
the search does; for the variants in a shadow copy it has no answer.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..candidates import Propose, Source
from ..candidates.assists import proposer
from ..tools.rust_analyzer import Action, TextEdit, Wanted
from .convert import LineIndex, path_of, uri_of
from .upstream import RequestFailed

if TYPE_CHECKING:
    from .proxy import Proxy

_SNIPPET = 2  # insertTextFormat
_PLACEHOLDER = re.compile(r"\$\{\d+:([^}]*)\}|\$\{?\d+\}?|\\([$}\\])")


def asking(proxy: "Proxy", base: Path) -> Propose:
    """Propose what rust-analyzer offers; paths are relative to `base`."""

    def ask(files: Mapping[str, Source], path: str, start: int, end: int, wanted: Wanted) -> Sequence[Action]:
        question = _ask(proxy, base, files, path, (start, end), wanted)
        try:
            return asyncio.run_coroutine_threadsafe(question, proxy.loop).result(proxy.config.max_probe_s)
        except (RequestFailed, TimeoutError, KeyError):
            return ()

    return proposer(ask)


async def _ask(
    proxy: "Proxy", base: Path, files: Mapping[str, Source], path: str, span: tuple[int, int], wanted: Wanted
) -> list[Action]:
    if not _is_as_analyzer_sees_it(proxy, base / path, files[path].text):
        return []
    index = LineIndex(files[path].text, proxy.session.encoding)
    params = {
        "textDocument": {"uri": uri_of(base / path)},
        "range": index.range(*span),
        "context": {"diagnostics": [], "triggerKind": 1},
    }
    found = []
    limit_s = proxy.config.max_probe_s
    for raw in await proxy.analyzer.request("textDocument/codeAction", params, timeout_s=limit_s) or []:
        action = _action(raw)
        if not wanted(action):
            continue
        resolved = raw
        if "edit" not in raw:
            resolved = await proxy.analyzer.request("codeAction/resolve", raw, timeout_s=limit_s)
        edits = _edits(proxy, base, files, (resolved or {}).get("edit") or {})
        if edits:
            found.append(Action(action.id, action.title, action.kind, edits, raw))
    return found


def _is_as_analyzer_sees_it(proxy: "Proxy", file: Path, text: bytes) -> bool:
    document = proxy.documents.get(uri_of(file))
    if document is not None:
        return document.text.encode() == text
    try:
        return file.read_bytes() == text
    except OSError:
        return False


def _action(raw: Mapping[str, Any]) -> Action:
    data = raw.get("data")
    name = str(data.get("id", "")).split(":")[0] if isinstance(data, dict) else ""
    return Action(name, raw.get("title", ""), raw.get("kind") or "", (), raw)


def _edits(
    proxy: "Proxy", base: Path, files: Mapping[str, Source], edit: Mapping[str, Any]
) -> tuple[TextEdit, ...]:
    """The edits in bytes; none if one makes or moves a file or lies outside."""
    changes = list((edit.get("changes") or {}).items())
    for change in edit.get("documentChanges") or ():
        if "textDocument" not in change:
            return ()
        changes.append((change["textDocument"]["uri"], change["edits"]))
    found = []
    for uri, text_edits in changes:
        file = path_of(uri)
        if file is None or not file.is_relative_to(base):
            return ()
        path = file.relative_to(base).as_posix()
        index = LineIndex(files[path].text, proxy.session.encoding)
        for text_edit in text_edits:
            found.append(TextEdit(path, *index.span(text_edit["range"]), _plain(text_edit).encode()))
    return tuple(found)


def _plain(text_edit: Mapping[str, Any]) -> str:
    """The new text without a snippet's tab stops."""
    text: str = text_edit["newText"]
    if text_edit.get("insertTextFormat") != _SNIPPET:
        return text
    return _PLACEHOLDER.sub(lambda found: found[1] or found[2] or "", text)
