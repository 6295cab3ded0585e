"""Verified fixes in the lightbulb.

After each check a search runs in the background (`..fixes`). A `textDocument/codeAction` is answered at once
with what is ready, behind rust-analyzer's own actions.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import RustaError
from ...orchestrator.policy import percent
from ...patch.proof import Level
from ...tools.diagnostic import Diagnostic
from ..capabilities import client_capability
from ..convert import path_of
from ..fixes import Fixes, Ready, index_of, is_current, on_check, workspace_edit
from ..hooks import Hooks
from .check import Checks

if TYPE_CHECKING:
    from ..proxy import Proxy

KIND = "quickfix"
_DATA = "rusta"
_MEANING = {Level.V1: "V1: the error is gone", Level.V2: "V2: compiles", Level.V3: "V3: tests green"}


def register(hooks: Hooks) -> None:
    """Hook into the checks, code actions and commands."""
    hooks.ready(_subscribe)
    hooks.close(_stop)
    hooks.after("textDocument/codeAction", _merge)
    hooks.claim("codeAction/resolve", _is_ours, _resolve)
    hooks.capabilities({"codeActionProvider": {"codeActionKinds": [KIND]}})


async def _subscribe(proxy: "Proxy") -> None:
    checks = proxy.session.state(Checks)
    checks.subscribers.append(lambda proxy, run: on_check(proxy, run, checks.scope))


async def _stop(proxy: "Proxy") -> None:
    fixes = proxy.session.state(Fixes)
    for search in fixes.searches:
        search.cancel.set()
    async with fixes.turn:  # the one that runs has ended
        pass


# Code actions.


async def _merge(proxy: "Proxy", params: dict[str, Any], result: list[Any] | None) -> list[Any] | None:
    """rust-analyzer's actions, then ours for the diagnostics under the cursor."""
    context = params.get("context") or {}
    if not _wants_quickfix(context.get("only")) or not _understands_literals(proxy):
        return None
    path = path_of(params["textDocument"]["uri"])
    if path is None:
        return None
    path = path.resolve()
    found = [ready for ready in proxy.session.state(Fixes).ready if is_current(proxy, ready)]
    here = [ready for ready in found if _is_at(ready, path, params["range"])]
    if not here:
        return None
    here.sort(key=lambda ready: (ready.is_answer, *ready.offer.rank), reverse=True)
    lazy = _resolves_lazily(proxy)
    knows_preferred = client_capability(proxy, "textDocument", "codeAction", "isPreferredSupport")
    actions = []
    for position, ready in enumerate(here):
        action = _action(proxy, ready, path, context.get("diagnostics") or [])
        if position == 0 and ready.is_answer and knows_preferred:
            action["isPreferred"] = True
        if not lazy:
            action["edit"] = workspace_edit(proxy, ready)
        actions.append(action)
    return (result or []) + actions


def _action(proxy: "Proxy", ready: Ready, path: Path, diagnostics: list[dict[str, Any]]) -> dict[str, Any]:
    offer = ready.offer
    guess = "" if ready.is_answer else ", a guess"
    own = [d for d in diagnostics if any(_is_same(error, d) for error in offer.mends)]
    return {
        "title": f"{offer.title} [{_MEANING[offer.level]} · {percent(offer.confidence)}{guess}]",
        "kind": KIND,
        "diagnostics": own or [_as_lsp(proxy, error, path) for error in _mended_in(ready, path)[:1]],
        "data": {
            _DATA: ready.number,
            "anchors": list(ready.anchors),
            "level": offer.level.name,
            "confidence": round(offer.confidence, 4),
        },
    }


def _is_ours(proxy: "Proxy", action: Any) -> bool:  # noqa: ANN401  JSON
    data = action.get("data") if isinstance(action, dict) else None
    return isinstance(data, dict) and _DATA in data


async def _resolve(proxy: "Proxy", action: dict[str, Any]) -> dict[str, Any]:
    """Fill in the edit; raises if the text has moved on, so that nothing wrong is applied."""
    number = action["data"][_DATA]
    ready = next((r for r in proxy.session.state(Fixes).ready if r.number == number), None)
    if ready is None or not is_current(proxy, ready):
        raise RustaError("the text has changed since this fix was proven")
    return {**action, "edit": workspace_edit(proxy, ready)}


def _wants_quickfix(only: list[str] | None) -> bool:
    return only is None or any(kind in ("", KIND) or kind.startswith(f"{KIND}.") for kind in only)


def _understands_literals(proxy: "Proxy") -> bool:
    return client_capability(proxy, "textDocument", "codeAction", "codeActionLiteralSupport") is not None


def _resolves_lazily(proxy: "Proxy") -> bool:
    action = ("textDocument", "codeAction")
    properties = client_capability(proxy, *action, "resolveSupport", "properties") or []
    return "edit" in properties and bool(client_capability(proxy, *action, "dataSupport"))


def _mended_in(ready: Ready, path: Path) -> list[Diagnostic]:
    return [e for e in ready.offer.mends if e.primary and ready.base / e.primary.path == path]


def _is_at(ready: Ready, path: Path, range: dict[str, Any]) -> bool:
    """Whether the range touches a line of a diagnostic that the offer mends."""
    first, last = range["start"]["line"] + 1, range["end"]["line"] + 1
    return any(
        ready.base / span.path == path and span.line <= last and first <= span.line_end
        for error in ready.offer.mends
        for span in error.spans
    )


def _is_same(error: Diagnostic, diagnostic: dict[str, Any]) -> bool:
    """Whether a diagnostic of the editor is this error."""
    code = diagnostic.get("code")
    return (
        error.primary is not None
        and (code == error.code or (error.code is None and error.message in diagnostic.get("message", "")))
        and diagnostic["range"]["start"]["line"] + 1 == error.primary.line
    )


def _as_lsp(proxy: "Proxy", error: Diagnostic, path: Path) -> dict[str, Any]:
    assert error.primary is not None  # the caller chose those with one
    return {
        "range": index_of(proxy, path).range(error.primary.start, error.primary.end),
        "severity": 1,
        "source": "rustc",
        "message": error.message,
        **({"code": error.code} if error.code else {}),
    }
