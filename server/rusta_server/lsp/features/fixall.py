"""`rusta/fixAll`: one edit for all errors of a file's crate that can be mended together, proven as a whole.

The lightbulb's fixes are proven one by one; two of them need not compile side by side. So this is a search of
its own, in the buffers as they are.
"""

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ... import __version__
from ...config import UNTRUSTED, Config
from ...errors import RustaError
from ...orchestrator import policy
from ...orchestrator.observe import traced_repair
from ...orchestrator.offers import Offer
from ...orchestrator.policy import Facts
from ...orchestrator.repair import Repair, budget_of
from ...patch import crate
from ...patch.shadow import Shadow, why_not
from ...tools import cargo, sandbox
from ...tools.process import Cancel
from ...trace.ledger import Ledger
from ...trace.tracing import tracing
from ..convert import path_of
from ..fixes import Fixes, Ready, Seen, is_current, no_trace, overlap, unsaved, workspace_edit
from ..hooks import Hooks
from ..library import Library, load
from .check import Checks

if TYPE_CHECKING:
    from ..proxy import Proxy

Json = Any


@frozen
class _Found:
    """What may be applied; or the reason why nothing may."""

    base: Path
    offer: Offer | None
    reason: str | None = None


def register(hooks: Hooks) -> None:
    """Announce the request."""
    hooks.method("rusta/fixAll", _fix_all)


async def _fix_all(proxy: "Proxy", params: Json) -> Json:
    """`rusta/fixAll` {"textDocument": {"uri"}, "onlyHere"?}: repair, without writing.

    With `onlyHere` the edit touches no other file, and the tests are not run: for a save, which waits.
    Returns {"edit", "title", "level", "confidence", "reason"}; without an edit `reason` says why.
    """
    uri = params["textDocument"]["uri"]
    path = path_of(uri)
    if path is None:
        raise RustaError(f"{uri} is not a file on this machine")
    if not proxy.config.trusted:
        raise RustaError(UNTRUSTED)
    only_here = params.get("onlyHere") is True
    await load(proxy)
    root = next(folder for folder in path.resolve().parents if folder.is_dir())
    fixes, cancel = proxy.session.state(Fixes), Cancel()
    for other in fixes.searches:
        if overlap(other.root, root) and not other.on_demand:
            other.cancel.set()
    buffers = unsaved(proxy)
    seen = Seen({document.uri: document.version for document in proxy.documents.all()}, buffers)
    async with fixes.turn:
        work = asyncio.create_task(asyncio.to_thread(_search, proxy, root, buffers, cancel, only_here))
        try:
            found = await asyncio.shield(work)
        except asyncio.CancelledError:
            cancel.set()
            await asyncio.wait((work,))
            raise
    if found.offer is None:
        return _answer(reason=found.reason)
    ready = Ready(0, found.base, found.offer, seen, (), is_answer=True)
    if not is_current(proxy, ready):
        return _answer(reason="the text has changed meanwhile")
    if only_here and [found.base / changed for changed in found.offer.after] != [path.resolve()]:
        return _answer(reason="the fix reaches into other files")
    return _answer(edit=workspace_edit(proxy, ready), offer=found.offer)


def _answer(*, edit: Json = None, offer: Offer | None = None, reason: str | None = None) -> dict[str, Json]:
    return {
        "edit": edit,
        "title": offer.title if offer else "",
        "level": offer.level.name if offer else None,
        "confidence": round(offer.confidence, 4) if offer else None,
        "reason": reason,
    }


def _search(proxy: "Proxy", root: Path, buffers: Mapping[Path, bytes], cancel: Cancel, quick: bool) -> _Found:
    """Run in a thread: the repair, and what the policy says of it.

    Raises:
        RustaError: the crate cannot be read or checked.
    """
    config = proxy.config
    with crate.of_workspace(
        cargo.locate(root),
        cache=config.cache,
        buffers=buffers,
        scope=proxy.session.state(Checks).scope,
        launcher_for=sandbox.launcher_for(config.sandbox, config.sandbox_reads),
        check_timeout_s=config.check_timeout_s,
        test_timeout_s=config.test_timeout_s,
    ) as shadow:
        with tracing(Ledger(config.cache / "ledger"), no_trace) as trace:
            found = traced_repair(
                shadow,
                lambda: nullcontext(()),
                trace,
                about={"command": "fixAll", "rusta": __version__},
                budget=budget_of(config),
                run_tests=config.run_tests and not quick,
                cancel=cancel,
            )
        if not isinstance(found, Repair):
            raise why_not(found)
        if not found.baseline.errors:
            return _Found(shadow.base, None, "there is no error here")
        if not found.state.variant:
            return _Found(shadow.base, None, "unknown: no fix was proven")
        return _judged(proxy, config, shadow, shadow.base, found)


def _judged(proxy: "Proxy", config: Config, shadow: Shadow, base: Path, found: Repair) -> _Found:
    """Everything must be an answer that may be shown: nobody looks at each part."""
    from ..citing import anchors_for  # loaded, see above

    library = proxy.session.state(Library)
    steps = found.state.steps
    docs = library.docs or library.stand_in
    facts = Facts(
        level=found.level,
        tests="green" if found.level.name == "V3" else "unasked",
        paths=tuple(found.state.variant),
        n_lines=found.n_lines(shadow.files),
        anchors=tuple(len(anchors_for(step.diagnostic, docs, library.version)) for step in steps),
        confidence=min(found.confidences(shadow.files)),
    )
    for decision in (policy.may_show(config, facts), policy.is_answer(config, facts)):
        if not decision.allowed:
            return _Found(base, None, decision.reason)
    n_errors, n_left = len(found.baseline.errors), len(found.remaining)
    count = "1 error" if n_errors - n_left == 1 else f"{n_errors - n_left} errors"
    offer = Offer(
        diagnostic=steps[0].diagnostic,
        mends=tuple(error for error in found.baseline.errors if error not in found.remaining),
        title=f"Fix {count}" + (f", {n_left} left" if n_left else ""),
        source="search",
        level=found.level,
        before={path: shadow.files[path] for path in found.state.variant},
        after=found.state.variant,
        evidence=found.evidence(shadow.files),
    )
    return _Found(base, offer)
