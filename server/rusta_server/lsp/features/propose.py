"""`rusta.proposePatch`: search on demand, with progress, and cancellable."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import RustaError
from ...orchestrator.investigate import next_probe
from ...orchestrator.offers import Offer
from ...patch import diff
from ...tools.process import Cancel
from ..convert import path_of
from ..fixes import Job, Ready, index_of, is_current, start, workspace_edit
from ..hooks import Hooks
from ..progress import shown
from .check import Checks

if TYPE_CHECKING:
    from ..proxy import Proxy


def register(hooks: Hooks) -> None:
    """Announce the command."""
    hooks.command("rusta.proposePatch", _propose)


async def _propose(proxy: "Proxy", where: dict[str, Any] | str | None = None) -> dict[str, Any]:
    """`rusta.proposePatch`: search now, for a position, a file's crate, or the workspace.

    The argument is a URI, or an object {"textDocument": {"uri"}, "position"?}. Returns {"offers": […]};
    the same offers then wait in the lightbulb.
    """
    root, near = _target(proxy, where)
    cancel = Cancel()
    async with shown(proxy, "Looking for fixes", cancel.set) as report:

        def on_progress(done: int, total: int) -> None:
            report(done / max(total, 1), f"error {done + 1} of {total}")

        scope = proxy.session.state(Checks).scope
        search = start(proxy, Job(root, scope, near=near, on_progress=on_progress), cancel)
        try:
            ready = await asyncio.shield(search)
        except asyncio.CancelledError:
            cancel.set()
            raise
    found = [r for r in ready if is_current(proxy, r)]
    found.sort(key=lambda r: r.is_answer, reverse=True)
    return {"offers": [_described(proxy, r) for r in found]}


def _described(proxy: "Proxy", ready: Ready) -> dict[str, Any]:
    offer = ready.offer
    return {
        "fix": ready.number,
        "title": offer.title,
        "source": offer.source,
        "level": offer.level.name,
        "confidence": round(offer.confidence, 4),
        "guess": not ready.is_answer,
        "next": None if ready.is_answer else _next_probe(proxy, offer),
        "code": offer.diagnostic.code,
        "diff": diff.unified(offer.before, offer.after),
        "anchors": list(ready.anchors),
        "edit": workspace_edit(proxy, ready),
    }


def _next_probe(proxy: "Proxy", offer: Offer) -> str:
    """What would settle whether a guess is right."""
    tests = offer.facts(0).tests
    return next_probe(offer.diagnostic, offer.level, tests, run_tests=proxy.config.run_tests)


def _target(proxy: "Proxy", where: dict[str, Any] | str | None) -> tuple[Path, tuple[Path, int, int] | None]:
    if where is None:
        if proxy.session.root is None:
            raise RustaError("no folder is open", hint="Give the URI of a file.")
        return proxy.session.root, None
    uri = where if isinstance(where, str) else where["textDocument"]["uri"]
    path = path_of(uri)
    if path is None:
        raise RustaError(f"{uri} is not a file on this machine")
    path = path.resolve()
    package = next((folder for folder in path.parents if (folder / "Cargo.toml").is_file()), None)
    root = package or next(p for p in (path, *path.parents) if p.exists())  # it may not be saved yet
    position = None if isinstance(where, str) else where.get("position")
    if position is None:
        return root, None
    offset = index_of(proxy, path).offset(position)
    return root, (path, offset, offset)
