"""Several processes that read pages and turn them into rows."""

import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, wait
from itertools import islice
from multiprocessing.process import BaseProcess
from pathlib import Path

from attrs import field, frozen

from ...errors import RustaError
from ..process import Cancel, is_cancelled
from . import links, lints, mdbook, rustdoc, schema
from .corpora import CORPORA, pages
from .schema import Entry
from .toolchain import Toolchain

_BATCH_COST = 2 << 20
_BATCH_LINTS = 12
_AHEAD = 8  # tasks given out for each worker
_POLL_S = 0.2
_NICENESS = 5
# What a page or a lint costs beside its bytes, in bytes: for the progress only.
_PAGE_COST, _LINT_COST = 20_000, 350_000


@frozen
class Task:
    """Some pages of a corpus, or some lints to ask Clippy about."""

    corpus: str
    pages: tuple[str, ...] = ()
    lints: tuple[str, ...] = ()
    cost: int = 0


@frozen
class Read:
    """What a worker made of a task."""

    rows: list["Rows"] = field(factory=list, repr=False)
    redirects: list[tuple[str, str, str]] = field(factory=list)
    lints: list[tuple[str, str]] = field(factory=list, repr=False)


@frozen
class Rows:
    """A section as rows: what does not need the numbers of other sections."""

    entry: Entry
    data: bytes
    n_bytes: int
    words: tuple[str, str, str, str]
    spans: frozenset[int]


def tasks(toolchain: Toolchain, html: Path) -> list[Task]:
    """All that is to be read, in an order that does not change."""
    return [*_lint_tasks(toolchain), *_page_tasks(html)]


def read_all(
    sysroot: Path,
    html: Path,
    tasks: list[Task],
    progress: Callable[[float, str], None],
    cancel: Cancel | None,
) -> Iterator[Read]:
    """What is read, in the order of the tasks: two builds give the same rows.

    Raises:
        RustaError: a worker was killed.
    """
    total = sum(task.cost for task in tasks) or 1
    done = 0
    n_workers = os.cpu_count() or 1
    rest = iter(tasks)
    with ProcessPoolExecutor(
        max_workers=n_workers,
        mp_context=multiprocessing.get_context("spawn"),  # we have threads
        initializer=_start_worker,
        initargs=(os.getpid(),),
    ) as pool:
        waiting: deque[tuple[Task, Future[Read]]] = deque()
        try:
            while not is_cancelled(cancel):
                for task in islice(rest, _AHEAD * n_workers - len(waiting)):
                    waiting.append((task, pool.submit(_read, sysroot, html, task)))
                if not waiting:
                    break
                task, first = waiting[0]
                if not wait((first,), timeout=_POLL_S).done:
                    if _is_any_dead(pool):
                        _end(pool)
                    continue
                waiting.popleft()
                yield first.result()
                done += task.cost
                progress(done / total, task.corpus)
        except BrokenExecutor as error:
            said = "A process that was reading the documentation was ended."
            raise RustaError(said, hint="rusta docs index") from error
        finally:
            if is_cancelled(cancel) or _is_any_dead(pool):
                _end(pool)
            else:
                pool.shutdown(cancel_futures=True)


def _is_any_dead(pool: ProcessPoolExecutor) -> bool:
    return not all(worker.is_alive() for worker in _workers(pool))


def _workers(pool: ProcessPoolExecutor) -> list[BaseProcess]:
    return list((pool._processes or {}).values())


def _end(pool: ProcessPoolExecutor) -> None:
    """End the workers, whatever they are at, and let the pool see the end of what they write.

    One that is killed while it writes leaves half a message, for the rest of which the pool would wait for
    ever: it holds the other end of that pipe itself.
    """
    for worker in _workers(pool):
        worker.kill()
    writer = vars(pool._result_queue)["_writer"]  # nothing public leads there
    if not writer.closed:
        writer.close()


def _start_worker(parent: int) -> None:
    """Give way to others, and end when the parent has been killed."""
    os.nice(_NICENESS)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _read(sysroot: Path, html: Path, task: Task) -> Read:
    """Do a task. Runs in a worker."""
    rows = []
    redirects = []
    for page in task.pages:
        try:
            data = (html / page).read_bytes()
        except OSError:
            continue  # has gone since
        leads_to = links.redirect(data, page)
        if leads_to is not None:
            redirects.append((page, *leads_to))
            continue
        is_std = task.corpus == rustdoc.CORPUS
        try:
            entries = rustdoc.parse(page, data) if is_std else mdbook.parse(task.corpus, page, data)
        except RecursionError:
            continue  # no page that was written by a person nests so deeply
        rows += [rows_of(entry) for entry in entries]
    return Read(rows, redirects, lints.explanations(sysroot, task.lints))


def rows_of(entry: Entry) -> Rows:
    """What is written for a section."""
    return Rows(
        entry,
        schema.pack(entry.blocks),
        sum(len(text.encode()) + 1 for _, text in entry.blocks),
        schema.words(entry),
        frozenset(schema.span_hashes(entry.blocks)),
    )


def _lint_tasks(toolchain: Toolchain) -> Iterator[Task]:
    names = lints.names(toolchain)
    for start in range(0, len(names), _BATCH_LINTS):
        batch = names[start : start + _BATCH_LINTS]
        yield Task(lints.CORPUS, lints=batch, cost=_LINT_COST * len(batch))


def _page_tasks(html: Path) -> Iterator[Task]:
    for corpus in CORPORA:
        batch: list[str] = []
        cost = 0
        for page, n_bytes in pages(html, corpus):
            batch.append(page)
            cost += n_bytes + _PAGE_COST
            if cost > _BATCH_COST:
                yield Task(corpus, tuple(batch), cost=cost)
                batch, cost = [], 0
        if batch:
            yield Task(corpus, tuple(batch), cost=cost)
