"""The search for fixes in the background, and what it has proven: the state behind the lightbulb.

A search runs in a thread, in a shadow copy, after a check or on demand. It is cancelled when a document
changes or a newer search begins.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from ..candidates import Propose
from ..candidates.model import ByteModel
from ..config import UNTRUSTED, Config
from ..errors import RustaError
from ..orchestrator import policy
from ..orchestrator.observe import Decided, traced_offers
from ..orchestrator.offers import Offer
from ..orchestrator.propose import model_of
from ..orchestrator.repair import budget_of
from ..patch import crate, diff
from ..patch.shadow import why_not
from ..tools import cargo, sandbox
from ..tools.diagnostic import Checked, Diagnostic
from ..tools.process import Cancel
from ..trace.ledger import Ledger
from ..trace.tracing import tracing
from .assists import asking
from .capabilities import client_capability
from .convert import LineIndex, uri_of
from .library import Library
from .mirror import OpenDocument

if TYPE_CHECKING:
    from .features.check import CheckRun
    from .proxy import Proxy

log = logging.getLogger(__name__)

_WATCH_S = 0.1
_INDEXING = '"rustAnalyzer/cachePriming"'  # a token of rust-analyzer's, as JSON


@frozen
class Seen:
    """The open documents when a search began: their versions, and the texts that were not on the disk."""

    versions: Mapping[str, int]
    buffers: Mapping[Path, bytes]


@frozen(eq=False)
class Ready:
    """An offer that waits, with the folder its paths are relative to, and what it was proven with.

    Attributes:
        anchors: the ids of what says why the error is one, and what to do about it.
        is_answer: whether Rusta is sure enough of it; if not it is a guess.
    """

    number: int
    base: Path
    offer: Offer
    seen: Seen
    anchors: tuple[str, ...]
    is_answer: bool


@define
class Fixes:
    """The feature's state.

    Attributes:
        ready: what was proven.
        known: for each workspace, the errors of its last search, by fingerprint.
        model: the byte model, once a search has wanted it; it is asked in the search's thread.
        searches: those that run or wait; one runs at a time, whatever the number of workspaces.
    """

    ready: list[Ready] = field(factory=list)
    known: dict[Path, frozenset[str]] = field(factory=dict)
    model: ByteModel | None = None
    searches: list["Search"] = field(factory=list)
    turn: asyncio.Lock = field(factory=asyncio.Lock)
    numbers: Iterator[int] = field(factory=lambda: itertools.count(1))


def on_check(proxy: "Proxy", run: "CheckRun", scope: cargo.Scope) -> None:
    """Search for fixes of what the check found; the search before it is pointless now."""
    if proxy.config.fix_on_check:
        start(proxy, Job(run.root, scope, run))


@frozen
class Job:
    """What to search for.

    Attributes:
        root: a folder in the workspace.
        run: the check that found the errors; without one the shadow is checked first.
        near: only errors at this file and these byte offsets.
        scope: what the checks look at.
    """

    root: Path
    scope: cargo.Scope
    run: "CheckRun | None" = None
    near: tuple[Path, int, int] | None = None
    on_progress: Callable[[int, int], None] = lambda done, total: None


@frozen(eq=False)
class Search:
    """A search that runs or waits for its turn.

    Attributes:
        on_demand: somebody waits for it; a check that ends meanwhile does not cancel it.
        versions: those of the open documents when it was asked for.
    """

    root: Path
    on_demand: bool
    cancel: Cancel
    versions: Mapping[str, int]


def start(proxy: "Proxy", job: Job, cancel: Cancel | None = None) -> asyncio.Task[list[Ready]]:
    """Begin a search, which `cancel` ends; one before it in the same workspace is cancelled.

    The task's result is what is ready in the workspace then.
    """
    fixes = proxy.session.state(Fixes)
    search = Search(job.root, job.run is None, cancel or Cancel(), _versions(proxy))
    for other in fixes.searches:
        if overlap(other.root, search.root) and (search.on_demand or not other.on_demand):
            other.cancel.set()
    fixes.searches.append(search)
    return proxy.background(_take_turn(proxy, job, search))


async def _take_turn(proxy: "Proxy", job: Job, search: Search) -> list[Ready]:
    fixes = proxy.session.state(Fixes)
    try:
        if not search.on_demand:
            await _until_indexed(proxy, search)
        async with fixes.turn:
            # What a check said holds for the text of then; who asks by hand means the text of now.
            versions = _versions(proxy) if search.on_demand else search.versions
            if not search.cancel.is_set and not _has_changed(proxy, versions):
                await _run(proxy, job, search.cancel, versions)
            return [ready for ready in fixes.ready if overlap(ready.base, search.root)]
    finally:
        fixes.searches.remove(search)


async def _until_indexed(proxy: "Proxy", search: Search) -> None:
    """Leave the machine to rust-analyzer while it indexes: until then it shows no squiggle anyway."""
    while _INDEXING in proxy.session.progress and not search.cancel.is_set:
        if _has_changed(proxy, search.versions):
            return
        await asyncio.sleep(_WATCH_S)


def overlap(one: Path, other: Path) -> bool:
    """Whether a search in one of the folders sees the other."""
    return one.is_relative_to(other) or other.is_relative_to(one)


async def _run(proxy: "Proxy", job: Job, cancel: Cancel, versions: Mapping[str, int]) -> None:
    """Search in a thread; stop it when a document is no longer as in `versions`.

    What was proven before stays in the lightbulb until this search has ended, if the open texts are the same.
    """
    fixes = proxy.session.state(Fixes)
    earlier = [ready for ready in fixes.ready if overlap(ready.base, job.root)]
    _forget(fixes, [ready for ready in earlier if not is_current(proxy, ready)])
    buffers = unsaved(proxy)
    documents = Seen(versions, buffers)

    library = proxy.session.state(Library)

    def decide(offer: Offer) -> Decided:
        from .citing import anchors_for  # not at the start, see there

        anchors = anchors_for(offer.diagnostic, library.docs or library.stand_in, library.version)
        facts = offer.facts(len(anchors))
        return Decided(
            offer,
            policy.may_show(proxy.config, facts),
            policy.is_answer(proxy.config, facts),
            anchors,
            proxy.config.tau_answer,
        )

    def emit(base: Path, decided: Decided) -> None:
        proxy.loop.call_soon_threadsafe(partial(_add, fixes, cancel, base, decided, documents))

    fixes.model = fixes.model or model_of(proxy.config)
    helper = partial(asking, proxy)
    known = fixes.known.get(job.root, frozenset())
    work = asyncio.create_task(
        asyncio.to_thread(
            _search, proxy.config, job, buffers, known, helper, fixes.model, cancel, decide, emit
        )
    )
    try:
        while not work.done():
            await asyncio.wait((work,), timeout=_WATCH_S)
            if _has_changed(proxy, versions):
                cancel.set()
        seen = await work
        if seen is not None:
            fixes.known[job.root] = seen
        if not cancel.is_set:
            _forget(fixes, earlier)
    except RustaError as error:
        if not cancel.is_set:
            _forget(fixes, earlier)
            log.warning("no fixes: %s", error)
        if job.run is None:
            raise
    except BaseException:
        cancel.set()
        await asyncio.wait((work,))
        raise


def _search(
    config: Config,
    job: Job,
    buffers: Mapping[Path, bytes],
    known: frozenset[str],
    helper: Callable[[Path], Propose],
    model: ByteModel | None,
    cancel: Cancel,
    decide: Callable[[Offer], Decided],
    emit: Callable[[Path, Decided], None],
) -> frozenset[str] | None:
    """Run in a thread: prove offers and emit them; returns the fingerprints of the errors seen.

    Raises:
        RustaError: the workspace is not trusted, or cannot be read or checked.
    """
    if not config.trusted:
        raise RustaError(UNTRUSTED)
    known_workspace = job.run.workspace if job.run else None
    workspace = known_workspace or cargo.locate(job.root)
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
        scope=job.scope,
        launcher_for=sandbox.launcher_for(config.sandbox, config.sandbox_reads),
        check_timeout_s=config.check_timeout_s,
        test_timeout_s=config.test_timeout_s,
    ) as shadow:
        base = shadow.base
        baseline = _known_baseline(job, base, buffers) or shadow.check({}, cancel)
        if not isinstance(baseline, Checked):
            raise why_not(baseline)
        with tracing(Ledger(config.cache / "ledger"), no_trace) as trace:
            for decided in traced_offers(
                shadow,
                baseline,
                trace,
                targets=targets,
                decide=decide,
                helpers=(helper(base),),
                rank=model.ranking(cancel) if model else None,
                budget=budget_of(config),
                run_tests=config.run_tests,
                cancel=cancel,
                on_progress=job.on_progress,
            ):
                emit(base, decided)
    return seen


def _known_baseline(job: Job, base: Path, buffers: Mapping[Path, bytes]) -> Checked | None:
    """What the check said, unless the shadow's would say something else: of a buffer, say."""
    if job.run is None or not job.run.repeatable or any(path.is_relative_to(base) for path in buffers):
        return None
    outcome = job.run.outcome(base)
    return outcome if isinstance(outcome, Checked) else None


def _is_near(error: Diagnostic, near: tuple[Path, int, int] | None, base: Path) -> bool:
    if near is None:
        return True
    path, start, end = near
    return any(base / span.path == path and span.start <= end and start <= span.end for span in error.spans)


def no_trace(error: OSError) -> None:
    """Say that the disk takes no trace; the work goes on."""
    log.warning("no trace is kept: %s", error)


def _add(fixes: Fixes, cancel: Cancel, base: Path, decided: Decided, seen: Seen) -> None:
    """Take in an offer; one that was seen before is replaced and keeps its number."""
    if cancel.is_set:
        return
    offer = decided.offer
    same = [r for r in fixes.ready if r.base == base and r.offer.after == offer.after]
    _forget(fixes, same)
    if decided.decision.allowed:
        number = same[0].number if same else next(fixes.numbers)
        fixes.ready.append(Ready(number, base, offer, seen, decided.anchors, decided.answer.allowed))
    log.info("%s: %s (%s)", offer.level.name, offer.title, decided.decision.rule)


def _forget(fixes: Fixes, some: Sequence[Ready]) -> None:
    fixes.ready = [ready for ready in fixes.ready if ready not in some]


def _versions(proxy: "Proxy") -> dict[str, int]:
    return {document.uri: document.version for document in proxy.documents.all()}


def _has_changed(proxy: "Proxy", versions: Mapping[str, int]) -> bool:
    """Whether a document is at another version; opening or closing a file is no change."""
    now = _versions(proxy)
    return any(now.get(uri, version) != version for uri, version in versions.items())


def unsaved(proxy: "Proxy") -> dict[Path, bytes]:
    """The open documents whose text differs from the disk: the buffer counts."""
    buffers = {}
    for document in proxy.documents.all():
        path, text = _real(document), document.text.encode()
        if path is None:
            continue
        try:
            if path.read_bytes() == text:
                continue
        except OSError:
            pass
        buffers[path] = text
    return buffers


def document_at(proxy: "Proxy", path: Path) -> OpenDocument | None:
    """The open document of the file at `path`, also where the editor opened it through a link."""
    document = proxy.documents.get(uri_of(path))
    return document or next((d for d in proxy.documents.all() if _real(d) == path), None)


def _real(document: OpenDocument) -> Path | None:
    """The file behind it as cargo names it: without links."""
    return None if document.path is None else document.path.resolve()


def text_of(proxy: "Proxy", path: Path) -> bytes | None:
    """The buffer's text if the file is open, else the disk's."""
    document = document_at(proxy, path)
    if document is not None:
        return document.text.encode()
    try:
        return path.read_bytes()
    except OSError:
        return None


def is_current(proxy: "Proxy", ready: Ready) -> bool:
    """Whether the code is still as it was when the offer was proven, also where the offer changes nothing."""
    texts = {ready.base / path: text for path, text in ready.offer.before.items()}
    if any(text_of(proxy, path) != text for path, text in (*texts.items(), *ready.seen.buffers.items())):
        return False
    return not any(
        _has_moved_on(document, ready.seen)
        for document in proxy.documents.all()
        if (path := _real(document)) and path not in texts and path.is_relative_to(ready.base)
    )


def _has_moved_on(document: OpenDocument, seen: Seen) -> bool:
    """Whether the text differs from what was compiled: that of the version then, or the disk's."""
    if document.uri in seen.versions:
        return document.version != seen.versions[document.uri]
    try:
        return document.path is not None and document.path.read_bytes() != document.text.encode()
    except OSError:
        return True


def index_of(proxy: "Proxy", path: Path) -> LineIndex:
    """Converts positions in the buffer if the file is open, else in the file on the disk."""
    document = document_at(proxy, path)
    if document is not None:
        return document.index
    return LineIndex(text_of(proxy, path) or b"", proxy.session.encoding)


def workspace_edit(proxy: "Proxy", ready: Ready) -> dict[str, Any]:
    """Versioned document changes, or plain changes for a client that knows no better."""
    by_uri: dict[str, list[dict[str, Any]]] = {}
    versions: dict[str, int | None] = {}
    for path, before in ready.offer.before.items():
        file = ready.base / path
        document = document_at(proxy, file)
        uri = document.uri if document else uri_of(file)
        versions[uri] = document.version if document else None
        index = LineIndex(before, proxy.session.encoding)
        by_uri[uri] = [
            {"range": index.range(edit.start, edit.end), "newText": edit.text.decode(errors="replace")}
            for edit in diff.edits(path, before, ready.offer.after[path])
        ]
    if not client_capability(proxy, "workspace", "workspaceEdit", "documentChanges"):
        return {"changes": by_uri}
    return {
        "documentChanges": [
            {"textDocument": {"uri": uri, "version": versions[uri]}, "edits": edits}
            for uri, edits in by_uri.items()
        ]
    }
