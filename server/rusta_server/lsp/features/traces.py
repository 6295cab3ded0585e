"""Traces in the editor: list, read, follow, play back, and take back what Rusta wrote.

A request that names `waitMs` is answered as soon as there is something new, at the latest after that time:
so an editor follows a trace that is being written with one request after another, and nothing has to be
remembered here.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict

from ...errors import RustaError
from ...orchestrator import replay
from ...patch import apply as tree
from ...patch.journal import Record
from ...trace import ledger as traces
from ...trace.ledger import Ledger
from ...trace.record import BadTrace
from ..hooks import Hooks

if TYPE_CHECKING:
    from ..proxy import Proxy

Json = Any

_MOST_TRACES = 200
_MOST_STEPS = 500
_LONGEST_WAIT_S = 30.0
_LOOK_EVERY_S = 0.1


def register(hooks: Hooks) -> None:
    """Announce the requests and commands."""
    hooks.method("rusta/traces", _list)
    hooks.method("rusta/trace", _read)
    hooks.method("rusta/payload", _payload)
    hooks.method("rusta/patches", _patches)
    hooks.command("rusta.replayTrace", _replay)
    hooks.command("rusta.revert", _revert)


async def _list(proxy: "Proxy", params: Json) -> Json:
    """`rusta/traces` {"limit"?, "before"?, "after"?, "waitMs"?}: newest first.

    Returns {"traces": [{"id", "what", "outcome"}], "next"}; `next` is what `before` is for the page after
    this one. With `after` only traces that began later, and with `waitMs` as soon as there is one.
    """
    ledger = _ledger(proxy)
    limit = _number(params, "limit", 50, most=_MOST_TRACES)
    before, after = _id(params, "before"), _id(params, "after")

    def look() -> list[str]:
        ids = ledger.ids()[::-1]
        return [id for id in ids if (before is None or id < before) and (after is None or id > after)]

    ids = await _as_soon_as(look, params)
    page = ids[:limit]
    told = await asyncio.to_thread(lambda: [ledger.summary(id) for id in page])
    return {"traces": told, "next": page[-1] if len(ids) > limit else None}


async def _read(proxy: "Proxy", params: Json) -> Json:
    """`rusta/trace` {"id", "from"?, "limit"?, "waitMs"?}: its steps from number `from` on, verified.

    Returns {"id", "steps", "next"}; `next` is the number of the step after these.
    """
    id = _id(params, "id") or ""
    path = _ledger(proxy).path(id)
    start = _number(params, "from", 0, least=0)
    limit = _number(params, "limit", _MOST_STEPS, most=_MOST_STEPS)
    size = -1

    def look() -> list[dict[str, Json]]:
        nonlocal size
        if (now := _size(path)) == size:
            return []
        size = now
        return _steps(path, start, limit)

    steps = await _as_soon_as(look, params)
    return {"id": id, "steps": steps, "next": start + len(steps)}


async def _payload(proxy: "Proxy", params: Json) -> Json:
    """`rusta/payload` {"sha"}: what went into a step or came out of it, if too long for its line."""
    return await asyncio.to_thread(_ledger(proxy).blob, _text(params, "sha"))


async def _replay(proxy: "Proxy", id: str) -> Json:
    """`rusta.replayTrace`: decide again from what was observed then.

    Returns {"n_same", "n_recorded", "difference", "breaks_off"}; `difference` is null if there is none.
    """
    ledger = _ledger(proxy)
    path = ledger.path(id)
    return asdict(await asyncio.to_thread(lambda: replay.of_decisions(ledger, list(traces.read(path)))))


async def _patches(proxy: "Proxy", params: Json) -> Json:
    """`rusta/patches`: what Rusta wrote here and can take back, newest first.

    Returns {"patches": [{"id", "title", "paths", "timeMs"}]}.
    """
    told = [
        {
            "id": one.id,
            "title": one.title,
            "paths": [file.path for file in one.files],
            "timeMs": one.time_ns // 10**6,
        }
        for one in await asyncio.to_thread(_written, proxy)
    ]
    return {"patches": told}


async def _revert(proxy: "Proxy", id: str) -> Json:
    """`rusta.revert`: take back a patch that Rusta wrote here. Returns {"id", "undo", "paths"}."""
    chosen = next((one for one in await asyncio.to_thread(_written, proxy) if one.id == id), None)
    if chosen is None:
        raise RustaError(f"there is no patch {id} to take back here")
    journals = proxy.config.cache / "journals"
    done = await asyncio.to_thread(tree.revert, Path(chosen.root), id, journals=journals)
    return {"id": id, "undo": done.id, "paths": list(done.paths)}


def _written(proxy: "Proxy") -> list[Record]:
    """The patches in effect that concern the open folder, newest first."""
    known = tree.history(proxy.config.cache / "journals")[::-1]
    root = proxy.session.root
    return [one for one in known if root is None or _concerns(Path(one.root), root)]


def _concerns(written: Path, root: Path) -> bool:
    root = root.resolve()
    return written.is_relative_to(root) or root.is_relative_to(written)


def _ledger(proxy: "Proxy") -> Ledger:
    return Ledger(proxy.config.cache / "ledger")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError as error:
        raise BadTrace("there is no such trace") from error


def _steps(path: Path, start: int, limit: int) -> list[dict[str, Json]]:
    steps: list[dict[str, Json]] = []
    for step in traces.read(path, start=start):
        if len(steps) == limit:
            break
        steps.append(asdict(step))
    return steps


async def _as_soon_as(look: Callable[[], list[Json]], params: Json) -> list[Json]:
    """What `look` finds, in a thread; where the request says so, asked again until it finds something."""
    wait_s = min(_number(params, "waitMs", 0, least=0) / 1000, _LONGEST_WAIT_S)
    until = time.monotonic() + wait_s
    while not (found := await asyncio.to_thread(look)) and time.monotonic() < until:
        await asyncio.sleep(_LOOK_EVERY_S)
    return found


def _id(params: Json, name: str) -> str | None:
    given = params.get(name) if isinstance(params, dict) else None
    if given is not None and not (isinstance(given, str) and traces.is_id(given)):
        raise RustaError(f"`{name}` must be the id of a trace")
    return given


def _text(params: Json, name: str) -> str:
    given = params.get(name) if isinstance(params, dict) else None
    if not isinstance(given, str):
        raise RustaError(f"`{name}` must be a text")
    return given


def _number(params: Json, name: str, default: int, *, least: int = 1, most: int = 1 << 31) -> int:
    given = params.get(name, default) if isinstance(params, dict) else default
    if not isinstance(given, int) or isinstance(given, bool) or given < least:
        raise RustaError(f"`{name}` must be a number, at least {least}")
    return min(given, most)
