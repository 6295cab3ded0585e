"""Making the index of a toolchain's documentation: several processes read pages, this one writes.

The file is made under another name and moved into place when it is whole, so a build that dies leaves no
index behind. Only one process builds at a time; another one waits and then uses what was made.
"""

import contextlib
import fcntl
import multiprocessing
import os
import sqlite3
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ...errors import RustaError
from ..process import Cancel, Cancelled, is_cancelled
from . import links, lints, mdbook, rustdoc, schema
from .schema import Entry
from .store import Docs, identity, index_path, lints_file, open_docs
from .toolchain import REMEDY, Toolchain

Progress = Callable[[float, str], None]

# The folders of each corpus; of two that have a page of the same name the first is read.
CORPORA = {
    "error_codes": ("error_codes",),
    "book": ("book",),
    "reference": ("reference",),
    "rust-by-example": ("rust-by-example",),
    "nomicon": ("nomicon",),
    "cargo": ("cargo",),
    "edition-guide": ("edition-guide",),
    "rustc": ("rustc",),
    "clippy": ("clippy",),
    rustdoc.CORPUS: rustdoc.CRATES,
}
# Old editions, whose text is no longer kept up, and translations.
_UNREAD = {
    "book/2018-edition",
    "book/second-edition",
    "book/first-edition",
    "rust-by-example/es",
    "rust-by-example/ja",
    "rust-by-example/ko",
    "rust-by-example/zh",
}
_CORPUS_OF = {folder: corpus for corpus, folders in CORPORA.items() for folder in folders}
_NOT_PAGES = {"print.html", "toc.html", "404.html", *rustdoc.NOT_PAGES}
_BATCH_COST = 2 << 20
_BATCH_LINTS = 12
_AHEAD = 8  # tasks given out for each worker
_READING = 0.95  # the share of the time that reading takes
_POLL_S = 0.2
_WORKERS_NICENESS = 5


# What a page or a lint costs beside its bytes, in bytes: for the progress only.
_PAGE_COST, _LINT_COST = 20_000, 350_000


@frozen
class _Task:
    """Some pages of a corpus, or some lints to ask Clippy about."""

    corpus: str
    pages: tuple[str, ...] = ()
    lints: tuple[str, ...] = ()
    cost: int = 0


@frozen
class _Read:
    """What a worker made of a task."""

    rows: list["_Rows"] = field(factory=list, repr=False)
    redirects: list[tuple[str, str, str]] = field(factory=list)
    lints: list[tuple[str, str]] = field(factory=list, repr=False)


@frozen
class _Rows:
    """A section as rows: what does not need the numbers of other sections."""

    entry: Entry
    data: bytes
    n_bytes: int
    words: tuple[str, str, str, str]
    spans: frozenset[int]


def build(
    cache: Path,
    toolchain: Toolchain,
    *,
    progress: Progress = lambda share, text: None,
    cancel: Cancel | None = None,
    force: bool = False,
) -> Docs | Cancelled:
    """Make the index, or use the one that another process made meanwhile.

    Args:
        progress: is told the share that is done, 0 to 1, and what is being done.
        force: make it anew even if there is a good one.

    Raises:
        RustaError: there is no documentation, or the cache cannot be written.
    """
    html = toolchain.html
    if html is None:
        raise RustaError(f"rustc {toolchain.version} has no documentation on this machine.", hint=REMEDY)
    path = index_path(cache, toolchain, html)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.with_suffix(".lock"), progress, cancel) as waited:
            if is_cancelled(cancel):
                return Cancelled()
            there = open_docs(cache, toolchain)
            if isinstance(there, Docs) and (waited or not force):
                return there
            if not _make(path, toolchain, html, progress, cancel):
                return Cancelled()
    except OSError as error:
        raise RustaError(
            f"The index of the documentation cannot be written to {path.parent}: {error.strerror or error}",
            hint="Make the folder writable, make room, or set rusta.cacheDir.",
        ) from error
    made = open_docs(cache, toolchain)
    if not isinstance(made, Docs):
        raise RustaError("The documentation changed while it was indexed.", hint="rusta docs index")
    return made


@contextlib.contextmanager
def _alone(lock: Path, progress: Progress, cancel: Cancel | None) -> Iterator[bool]:
    """Hold the lock; says whether somebody else held it first."""
    with lock.open("w") as file:
        waited = False
        while not is_cancelled(cancel):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waited:
                    progress(0.0, "another process is indexing the documentation")
                waited = True
                time.sleep(_POLL_S)
        yield waited


def _make(path: Path, toolchain: Toolchain, html: Path, progress: Progress, cancel: Cancel | None) -> bool:
    """Write the index and what belongs to it; says whether that was not cancelled."""
    started = time.monotonic()
    meta = {"identity": identity(toolchain, html), "version": toolchain.version, "html": str(html)}
    tasks = [*_lint_tasks(toolchain), *_page_tasks(html)]
    present = {task.corpus for task in tasks if task.pages}
    meta["missing"] = ",".join(corpus for corpus in CORPORA if corpus not in present)
    with _temporary(path) as part, _temporary(lints_file(path)) as lints_part:
        with contextlib.closing(sqlite3.connect(part)) as connection:
            writer = _Writer(connection)
            explained = []
            for read in _read_all(toolchain.sysroot, html, tasks, progress, cancel):
                writer.add(read)
                explained += read.lints
            if is_cancelled(cancel):
                return False
            progress(_READING, "sorting")
            text, entries = lints.page(explained)
            writer.add(_Read([_rows(entry) for entry in entries]))
            writer.finish({**meta, "seconds": f"{time.monotonic() - started:.1f}"})
        lints_part.write_text(text, encoding="utf-8")
        lints_part.replace(lints_file(path))
        part.replace(path)
    progress(1.0, "done")
    return True


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """A name beside `path` for a file that is moved there when it is whole, or removed."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.stem}-", suffix=".part")
    os.close(descriptor)
    part = Path(name)
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def _lint_tasks(toolchain: Toolchain) -> Iterator[_Task]:
    names = lints.names(toolchain)
    for start in range(0, len(names), _BATCH_LINTS):
        batch = names[start : start + _BATCH_LINTS]
        yield _Task(lints.CORPUS, lints=batch, cost=_LINT_COST * len(batch))


def _page_tasks(html: Path) -> Iterator[_Task]:
    for corpus in CORPORA:
        batch: list[str] = []
        cost = 0
        for page, n_bytes in _pages(html, corpus):
            batch.append(page)
            cost += n_bytes + _PAGE_COST
            if cost > _BATCH_COST:
                yield _Task(corpus, tuple(batch), cost=cost)
                batch, cost = [], 0
        if batch:
            yield _Task(corpus, tuple(batch), cost=cost)


def _pages(html: Path, corpus: str) -> Iterator[tuple[str, int]]:
    """The pages of a corpus and their sizes; a book's index.html last, as it often repeats another page."""
    seen = set()
    for folder in CORPORA[corpus]:
        later = []
        for at, folders, files in os.walk(html / folder):
            here = Path(at).relative_to(html)
            folders[:] = sorted(name for name in folders if f"{here.as_posix()}/{name}" not in _UNREAD)
            for name in sorted(files):
                inner = (here / name).relative_to(folder).as_posix()
                if not name.endswith(".html") or name in _NOT_PAGES or inner in seen:
                    continue
                if folder in rustdoc.RE_EXPORTED and inner != "index.html":
                    seen.add(inner)
                try:
                    found = (here / name).as_posix(), (html / here / name).stat().st_size
                except OSError:
                    continue  # has gone since
                if inner == "index.html":
                    later.append(found)
                else:
                    yield found
        yield from later


def _read_all(
    sysroot: Path, html: Path, tasks: list[_Task], progress: Progress, cancel: Cancel | None
) -> Iterator[_Read]:
    """What is read, in the order of the tasks: two builds give the same rows."""
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
        waiting: deque[tuple[_Task, Future[_Read]]] = deque()
        try:
            while not is_cancelled(cancel):
                for task in islice(rest, _AHEAD * n_workers - len(waiting)):
                    waiting.append((task, pool.submit(_read, sysroot, html, task)))
                if not waiting:
                    break
                task, first = waiting[0]
                if not wait((first,), timeout=_POLL_S).done:
                    continue
                waiting.popleft()
                yield first.result()
                done += task.cost
                progress(_READING * done / total, task.corpus)
        finally:
            for _, future in waiting:
                future.cancel()


def _start_worker(parent: int) -> None:
    """Give way to others, and end when the parent has been killed."""
    os.nice(_WORKERS_NICENESS)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _read(sysroot: Path, html: Path, task: _Task) -> _Read:
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
        entries = rustdoc.parse(page, data) if is_std else mdbook.parse(task.corpus, page, data)
        rows += [_rows(entry) for entry in entries]
    return _Read(rows, redirects, lints.explanations(sysroot, task.lints))


def _rows(entry: Entry) -> _Rows:
    return _Rows(
        entry,
        schema.pack(entry.blocks),
        sum(len(text.encode()) + 1 for _, text in entry.blocks),
        schema.words(entry),
        frozenset(schema.span_hashes(entry.blocks)),
    )


class _Writer:
    """Gives sections their numbers and writes them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        # The file is not in place yet: if we die it is thrown away.
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + schema.TABLES)
        self._ids: set[tuple[str, str]] = set()
        self._pages: dict[object, str] = {}
        self._moved: dict[str, tuple[str, str]] = {}
        self._exports: list[tuple[str, str]] = []
        self._n = 0

    def add(self, read: _Read) -> None:
        """Write the sections of some pages."""
        for page, *leads_to in read.redirects:
            self._moved[page] = (leads_to[0], leads_to[1])
        for page, rows in groupby(read.rows, key=lambda row: row.entry.page):
            entries = list(rows)
            key = _says(entries)
            same = self._pages.setdefault(key, page)
            if same != page and _may_repeat(entries):
                self._moved[page] = (same, "")
            else:
                for row in entries:
                    self._add(row)

    def _add(self, row: _Rows) -> None:
        entry = row.entry
        if (entry.corpus, entry.id) in self._ids:
            return
        self._ids.add((entry.corpus, entry.id))
        self._n += 1
        number = self._n
        run = self._connection.execute
        many = self._connection.executemany
        run(
            "INSERT INTO section VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                entry.corpus,
                entry.id,
                entry.kind,
                entry.title,
                schema.PATH_SEPARATOR.join(entry.headings),
                entry.parent,
                entry.page,
                entry.fragment,
                row.n_bytes,
                row.data,
            ),
        )
        run(
            "INSERT INTO words (rowid, title, path, terms, body) VALUES (?, ?, ?, ?, ?)", (number, *row.words)
        )
        many("INSERT INTO alias VALUES (?, ?, ?)", ((entry.corpus, one, number) for one in entry.aliases))
        many(
            "INSERT OR IGNORE INTO place VALUES (?, ?, ?)",
            ((entry.page, one, number) for one in entry.fragments),
        )
        many(
            "INSERT INTO link VALUES (?, ?, ?, ?, ?, ?, NULL)",
            (
                (number, block, _CORPUS_OF.get(page.partition("/")[0], ""), page, fragment, text)
                for block, page, fragment, text in entry.links
            ),
        )
        many("INSERT INTO span VALUES (?, ?)", ((one, number) for one in row.spans))
        self._exports += entry.exports
        if entry.kind == "item":
            for path in (entry.id, *entry.other_paths):
                run("INSERT INTO item VALUES (?, ?, ?)", (path.rpartition("::")[2], path, number))

    def finish(self, meta: dict[str, str]) -> None:
        """Follow the links, make the indexes, and say that all is there."""
        run = self._connection.execute
        many = self._connection.executemany
        many("INSERT INTO moved VALUES (?, ?, ?)", ((page, *to) for page, to in self._moved.items()))

        def ask(sql: str, values: tuple[str, ...]) -> list[tuple[Any, ...]]:
            return run(sql, values).fetchall()

        names = self._exports
        names += (
            (rustdoc.item_path(page), page)
            for page in self._moved
            if _CORPUS_OF[page.partition("/")[0]] == "std"
        )
        for path, page in names:
            number = schema.find_place(ask, page, "")
            if number is not None:
                run("INSERT INTO item VALUES (?, ?, ?)", (path.rpartition("::")[2], path, number))
        self._connection.executescript(schema.INDEXES)
        linked = run("SELECT DISTINCT page, fragment FROM link").fetchall()
        many(
            "UPDATE link SET target = ? WHERE page = ? AND fragment = ?",
            ((schema.find_place(ask, page, fragment), page, fragment) for page, fragment in linked),
        )
        run("INSERT INTO words(words) VALUES ('optimize')")
        meta = {**meta, "complete": "yes"}
        many("INSERT INTO meta VALUES (?, ?)", meta.items())
        run("ANALYZE")
        self._connection.commit()


def _says(page: list[_Rows]) -> object:
    """The same for two pages of the same item, or with the same text in one book."""
    first = page[0].entry
    name = first.page.rpartition("/")[2] if first.source else ""
    return first.corpus, first.source, name, tuple(row.entry.blocks for row in page)


def _may_repeat(page: list[_Rows]) -> bool:
    """Items are shown under several paths, and the first page of a book as its index.html."""
    first = page[0].entry
    return bool(first.source) or (first.page.count("/") == 1 and first.page.endswith("/index.html"))
