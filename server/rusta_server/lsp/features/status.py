"""What Rusta is doing, for an editor that shows it: `rusta/status`."""

import asyncio
import time
from typing import TYPE_CHECKING, Any

from ...errors import RustaError
from ..fixes import Fixes
from ..hooks import Hooks
from ..library import Library
from ..upstream import State

if TYPE_CHECKING:
    from ..proxy import Proxy

_LONGEST_WAIT_S = 30.0
_LOOK_EVERY_S = 0.1


def register(hooks: Hooks) -> None:
    """Announce the request."""
    hooks.method("rusta/status", _status)


async def _status(proxy: "Proxy", params: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    """`rusta/status` {"seen"?, "waitMs"?}: the state of things; with `waitMs` once it is not `seen` any more.

    Returns {"trusted", "analyzer": "running" | "restarting" | "failed", "failure", "searching", "ready",
    "citations": "off" | "loading" | "ready" | "none"}; `ready` counts the fixes that wait in the lightbulb.
    """
    params = params or {}
    wait_ms = params.get("waitMs", 0)
    if not isinstance(wait_ms, int | float) or wait_ms < 0:
        raise RustaError("`waitMs` must be a number")
    until = time.monotonic() + min(wait_ms / 1000, _LONGEST_WAIT_S)
    while (now := _now(proxy)) == params.get("seen") and time.monotonic() < until:
        await asyncio.sleep(_LOOK_EVERY_S)
    return now


def _now(proxy: "Proxy") -> dict[str, Any]:
    fixes = proxy.session.state(Fixes)
    is_failed = proxy.analyzer.state is State.FAILED
    return {
        "trusted": proxy.config.trusted,
        "analyzer": _ANALYZER.get(proxy.analyzer.state, "restarting"),
        "failure": proxy.analyzer.failure if is_failed and proxy.config.trusted else None,
        "searching": any(not search.cancel.is_set for search in fixes.searches),
        "ready": len(fixes.ready),
        "citations": _citations(proxy),
    }


_ANALYZER = {State.RUNNING: "running", State.FAILED: "failed"}


def _citations(proxy: "Proxy") -> str:
    library = proxy.session.state(Library)
    if not proxy.config.citations:
        return "off"
    if library.docs is not None:
        return "ready"
    return "none" if library.opening is not None and library.opening.done() else "loading"
