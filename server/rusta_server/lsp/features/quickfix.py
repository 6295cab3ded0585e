"""Verified fixes in the lightbulb.

After each check a search runs in the background, in a shadow copy. What it proves waits here; a
`textDocument/codeAction` is answered at once with what is ready, behind rust-analyzer's own actions.
"""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from ...errors import RustaError
from ...orchestrator import offers
from ...orchestrator.offers import Offer
from ...orchestrator.repair import Budget
from ...patch import crate, diff
from ...patch.proof import Level
from ...patch.shadow import why_not
from ...tools import cargo, sandbox
from ...tools.diagnostic import Checked, Diagnostic
from ...tools.process import Cancel
from ..convert import LineIndex, path_of, uri_of
from ..hooks import Hooks
from .check import CheckRun, Checks

if TYPE_CHECKING:
    from ..proxy import Proxy

log = logging.getLogger(__name__)

KIND = "quickfix"
_DATA = "rusta"
_WATCH_S = 0.1
_MEANING = {Level.V1: "V1: the error is gone", Level.V2: "V2: compiles", Level.V3: "V3: tests green"}


@frozen
class Ready:
    """An offer that waits, with the folder its paths are relative to."""

    number: int
    base: Path
    offer: Offer


@define
class Fixes:
    """The feature's state: what was proven, and the search that runs."""

    ready: list[Ready] = field(factory=list)
    known: frozenset[str] = frozenset()
    cancel: Cancel | None = None
    search: asyncio.Task[None] | None = None
    numbers: Iterator[int] = field(factory=lambda: itertools.count(1))


def register(hooks: Hooks) -> None:
    """Hook into the checks, code actions and commands."""
    hooks.ready(_subscribe)
    hooks.close(_stop)
    hooks.after("textDocument/codeAction", _merge)
    hooks.claim("codeAction/resolve", _is_ours, _resolve)
    hooks.command("rusta.proposePatch", _propose)
    hooks.capabilities({"codeActionProvider": {"codeActionKinds": [KIND]}})


async def _subscribe(proxy: "Proxy") -> None:
    proxy.session.state(Checks).subscribers.append(_on_check)


async def _stop(proxy: "Proxy") -> None:
    fixes = proxy.session.state(Fixes)
    if fixes.cancel:
        fixes.cancel.set()
    if fixes.search:
        with contextlib.suppress(asyncio.CancelledError):
            await fixes.search


def _on_check(proxy: "Proxy", run: CheckRun) -> None:
    """Search for fixes of what the check found; the search before it is pointless now."""
    if proxy.config.fix_on_check:
        _start(proxy, _Job(root=run.root, run=run))


@frozen
class _Job:
    """What to search for.

    Attributes:
        root: a folder in the workspace.
        run: the check that found the errors; without one the shadow is checked first.
        near: only errors at this file and these byte offsets.
    """

    root: Path
    run: CheckRun | None = None
    near: tuple[Path, int, int] | None = None
    on_progress: Callable[[int, int], None] = lambda done, total: None


def _start(proxy: "Proxy", job: _Job) -> asyncio.Task[None]:
    fixes = proxy.session.state(Fixes)
    if fixes.cancel:
        fixes.cancel.set()
    fixes.cancel = Cancel()
    fixes.search = proxy.background(_run(proxy, job, fixes.search, fixes.cancel))
    return fixes.search


async def _run(proxy: "Proxy", job: _Job, previous: asyncio.Task[None] | None, cancel: Cancel) -> None:
    """Search in a thread; stop it when a document changes."""
    if previous is not None:
        await asyncio.wait((previous,))
    if cancel:
        return
    fixes = proxy.session.state(Fixes)
    fixes.ready.clear()
    least = Level.parse(proxy.config.level)
    versions = _versions(proxy)
    buffers = _buffers(proxy)

    def emit(base: Path, offer: Offer) -> None:
        proxy.loop.call_soon_threadsafe(_add, fixes, cancel, least, base, offer)

    work = asyncio.create_task(
        asyncio.to_thread(_search, proxy.config, job, buffers, fixes.known, cancel, emit)
    )
    try:
        while not work.done():
            await asyncio.wait((work,), timeout=_WATCH_S)
            if _versions(proxy) != versions:
                cancel.set()
        known = await work
        if known is not None:
            fixes.known = known
    except RustaError as error:
        log.warning("no fixes: %s", error)
        if job.run is None:
            raise
    except BaseException:
        cancel.set()
        await asyncio.wait((work,))
        raise


def _search(
    config: Any,  # noqa: ANN401  Config; named in the caller
    job: _Job,
    buffers: Mapping[Path, bytes],
    known: frozenset[str],
    cancel: Cancel,
    emit: Callable[[Path, Offer], None],
) -> frozenset[str] | None:
    """Run in a thread: prove offers and emit them; returns the fingerprints of the errors seen."""
    workspace = _locate(job.root)
    seen: frozenset[str] | None = None

    def targets(errors: Sequence[Diagnostic]) -> Sequence[Diagnostic]:
        nonlocal seen
        seen = frozenset(error.fingerprint for error in errors)
        chosen = [error for error in errors if _is_near(error, job.near, base)]
        # Newest first: what was not there at the check before is what the person just wrote.
        return sorted(chosen, key=lambda error: error.fingerprint in known)

    with crate.of_workspace(
        workspace,
        cache=config.cache,
        buffers=buffers,
        launcher_for=sandbox.prefix if config.sandbox else (lambda writable: ()),
        check_timeout_s=config.check_timeout_s,
        test_timeout_s=config.test_timeout_s,
    ) as shadow:
        base = shadow.base
        baseline = _known_baseline(job, base, buffers) or shadow.check({}, cancel)
        if not isinstance(baseline, Checked):
            raise why_not(baseline)
        for offer in offers.search(
            shadow,
            baseline,
            targets=targets,
            budget=Budget(config.max_checks, config.rounds, config.max_lines),
            run_tests=config.run_tests,
            cancel=cancel,
            on_progress=job.on_progress,
        ):
            emit(base, offer)
    return seen


@lru_cache(maxsize=8)
def _located(root: Path, stamp: int) -> cargo.Workspace:
    return cargo.locate(root)


def _locate(root: Path) -> cargo.Workspace:
    """The workspace; cargo is asked again when its manifest has changed."""
    manifest = root / "Cargo.toml"
    return _located(root, manifest.stat().st_mtime_ns) if manifest.is_file() else cargo.locate(root)


def _known_baseline(job: _Job, base: Path, buffers: Mapping[Path, bytes]) -> Checked | None:
    """What the check said, unless a buffer differs from the disk that was checked."""
    if job.run is None or any(path.is_relative_to(base) for path in buffers):
        return None
    outcome = job.run.outcome(base)
    return outcome if isinstance(outcome, Checked) else None


def _is_near(error: Diagnostic, near: tuple[Path, int, int] | None, base: Path) -> bool:
    if near is None:
        return True
    path, start, end = near
    return any(base / span.path == path and span.start <= end and start <= span.end for span in error.spans)


def _add(fixes: Fixes, cancel: Cancel, least: Level, base: Path, offer: Offer) -> None:
    """Take in an offer; one that was seen before is replaced and keeps its number."""
    if cancel:
        return
    same = [r for r in fixes.ready if r.base == base and r.offer.after == offer.after]
    fixes.ready = [r for r in fixes.ready if r not in same]
    if offer.level >= max(least, Level.V1):
        number = same[0].number if same else next(fixes.numbers)
        fixes.ready.append(Ready(number, base, offer))
    log.info("%s: %s", offer.level.name, offer.title)


def _versions(proxy: "Proxy") -> dict[str, int]:
    return {document.uri: document.version for document in proxy.documents.all()}


def _buffers(proxy: "Proxy") -> dict[Path, bytes]:
    """The open documents whose text differs from the disk: the buffer counts."""
    buffers = {}
    for document in proxy.documents.all():
        path, text = document.path, document.text.encode()
        if path is None:
            continue
        try:
            if path.read_bytes() == text:
                continue
        except OSError:
            pass
        buffers[path] = text
    return buffers


# Code actions.


async def _merge(proxy: "Proxy", params: dict[str, Any], result: list[Any] | None) -> list[Any] | None:
    """rust-analyzer's actions, then ours for the diagnostics under the cursor."""
    context = params.get("context") or {}
    if not _wants_quickfix(context.get("only")) or not _understands_literals(proxy):
        return None
    path = path_of(params["textDocument"]["uri"])
    if path is None:
        return None
    found = [ready for ready in proxy.session.state(Fixes).ready if _is_current(proxy, ready)]
    here = [ready for ready in found if _is_at(ready, path, params["range"])]
    if not here:
        return None
    here.sort(key=lambda ready: ready.offer.rank, reverse=True)
    lazy = _resolves_lazily(proxy)
    actions = []
    for position, ready in enumerate(here):
        action = _action(proxy, ready, path, context.get("diagnostics") or [])
        if position == 0:
            action["isPreferred"] = True
        if not lazy:
            action["edit"] = _workspace_edit(proxy, ready)
        actions.append(action)
    return (result or []) + actions


def _action(proxy: "Proxy", ready: Ready, path: Path, diagnostics: list[dict[str, Any]]) -> dict[str, Any]:
    offer = ready.offer
    own = [d for d in diagnostics if any(_is_same(error, d) for error in offer.mends)]
    return {
        "title": f"{offer.title} [{_MEANING[offer.level]}]",
        "kind": KIND,
        "diagnostics": own or [_as_lsp(proxy, error, path) for error in _mended_in(ready, path)[:1]],
        "data": {_DATA: ready.number},
    }


def _is_ours(proxy: "Proxy", action: Any) -> bool:  # noqa: ANN401  JSON
    data = action.get("data") if isinstance(action, dict) else None
    return isinstance(data, dict) and _DATA in data


async def _resolve(proxy: "Proxy", action: dict[str, Any]) -> dict[str, Any]:
    """Fill in the edit; raises if the text has moved on, so that nothing wrong is applied."""
    number = action["data"][_DATA]
    ready = next((r for r in proxy.session.state(Fixes).ready if r.number == number), None)
    if ready is None or not _is_current(proxy, ready):
        raise RustaError("the text has changed since this fix was proven")
    return {**action, "edit": _workspace_edit(proxy, ready)}


def _wants_quickfix(only: list[str] | None) -> bool:
    return only is None or any(kind in ("", KIND) or kind.startswith(f"{KIND}.") for kind in only)


def _client(proxy: "Proxy", *path: str) -> Any:  # noqa: ANN401  JSON
    value: Any = proxy.session.client_capabilities
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _understands_literals(proxy: "Proxy") -> bool:
    return _client(proxy, "textDocument", "codeAction", "codeActionLiteralSupport") is not None


def _resolves_lazily(proxy: "Proxy") -> bool:
    action = ("textDocument", "codeAction")
    properties = _client(proxy, *action, "resolveSupport", "properties") or []
    return "edit" in properties and bool(_client(proxy, *action, "dataSupport"))


def _text(proxy: "Proxy", path: Path) -> bytes | None:
    """The buffer's text if the file is open, else the disk's."""
    document = proxy.documents.get(uri_of(path))
    if document is not None:
        return document.text.encode()
    try:
        return path.read_bytes()
    except OSError:
        return None


def _is_current(proxy: "Proxy", ready: Ready) -> bool:
    """Whether every file is still as it was when the offer was proven."""
    return all(_text(proxy, ready.base / path) == text for path, text in ready.offer.before.items())


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


def _index(proxy: "Proxy", path: Path) -> LineIndex:
    document = proxy.documents.get(uri_of(path))
    if document is not None:
        return document.index
    return LineIndex(_text(proxy, path) or b"", proxy.session.encoding)


def _as_lsp(proxy: "Proxy", error: Diagnostic, path: Path) -> dict[str, Any]:
    assert error.primary is not None  # the caller chose those with one
    return {
        "range": _index(proxy, path).range(error.primary.start, error.primary.end),
        "severity": 1,
        "source": "rustc",
        "message": error.message,
        **({"code": error.code} if error.code else {}),
    }


def _workspace_edit(proxy: "Proxy", ready: Ready) -> dict[str, Any]:
    """Versioned document changes, or plain changes for a client that knows no better."""
    by_uri: dict[str, list[dict[str, Any]]] = {}
    versions: dict[str, int | None] = {}
    for path, before in ready.offer.before.items():
        file = ready.base / path
        document = proxy.documents.get(uri_of(file))
        uri = document.uri if document else uri_of(file)
        versions[uri] = document.version if document else None
        index = LineIndex(before, proxy.session.encoding)
        by_uri[uri] = [
            {"range": index.range(edit.start, edit.end), "newText": edit.text.decode(errors="replace")}
            for edit in diff.edits(path, before, ready.offer.after[path])
        ]
    if not _client(proxy, "workspace", "workspaceEdit", "documentChanges"):
        return {"changes": by_uri}
    return {
        "documentChanges": [
            {"textDocument": {"uri": uri, "version": versions[uri]}, "edits": edits}
            for uri, edits in by_uri.items()
        ]
    }


# The command.


async def _propose(proxy: "Proxy", where: dict[str, Any] | str | None = None) -> dict[str, Any]:
    """`rusta.proposePatch`: search now, for a position, a file's crate, or the workspace.

    The argument is a URI, or an object {"textDocument": {"uri"}, "position"?}. Returns {"offers": […]};
    the same offers then wait in the lightbulb.
    """
    root, near = _target(proxy, where)
    async with _progress(proxy) as on_progress:
        search = _start(proxy, _Job(root=root, near=near, on_progress=on_progress))
        fixes = proxy.session.state(Fixes)
        try:
            await asyncio.shield(search)
        except asyncio.CancelledError:
            if fixes.cancel:
                fixes.cancel.set()
            raise
    return {"offers": [_described(proxy, r) for r in fixes.ready if _is_current(proxy, r)]}


def _described(proxy: "Proxy", ready: Ready) -> dict[str, Any]:
    offer = ready.offer
    return {
        "title": offer.title,
        "source": offer.source,
        "level": offer.level.name,
        "code": offer.diagnostic.code,
        "diff": diff.unified(offer.before, offer.after),
        "edit": _workspace_edit(proxy, ready),
    }


def _target(proxy: "Proxy", where: dict[str, Any] | str | None) -> tuple[Path, tuple[Path, int, int] | None]:
    if where is None:
        if proxy.session.root is None:
            raise RustaError("no folder is open", hint="Give the URI of a file.")
        return proxy.session.root, None
    uri = where if isinstance(where, str) else where["textDocument"]["uri"]
    path = path_of(uri)
    if path is None:
        raise RustaError(f"{uri} is not a file on this machine")
    position = None if isinstance(where, str) else where.get("position")
    if position is None:
        return path, None
    offset = _index(proxy, path).offset(position)
    return path, (path, offset, offset)


@contextlib.asynccontextmanager
async def _progress(proxy: "Proxy") -> Any:  # noqa: ANN401  an async context manager
    """Work-done progress where the editor shows it; its cancel button ends the search."""
    if not _client(proxy, "window", "workDoneProgress"):
        yield lambda done, total: None
        return
    from lsprotocol import types

    progress, token = proxy.client.work_done_progress, proxy.session.next_id()
    await progress.create_async(token)
    progress.begin(
        token, types.WorkDoneProgressBegin(title="Looking for fixes", cancellable=True, percentage=0)
    )
    progress.tokens[token].add_done_callback(lambda _: _cancel(proxy))

    def on_progress(done: int, total: int) -> None:
        report = types.WorkDoneProgressReport(
            message=f"error {done + 1} of {total}", percentage=100 * done // max(total, 1)
        )
        proxy.loop.call_soon_threadsafe(progress.report, token, report)

    try:
        yield on_progress
    finally:
        progress.end(token, types.WorkDoneProgressEnd())
        del progress.tokens[token]


def _cancel(proxy: "Proxy") -> None:
    fixes = proxy.session.state(Fixes)
    if fixes.cancel:
        fixes.cancel.set()
