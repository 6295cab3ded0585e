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
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ...errors import RustaError
from ..process import Cancel, Cancelled, is_cancelled
from . import mdbook, schema
from .schema import Entry
from .store import Docs, identity, index_path, open_docs
from .toolchain import REMEDY, Toolchain

Progress = Callable[[float, str], None]

# name of the corpus: its folder, and folders in it that are not read: translations and old editions.
BOOKS = {
    "book": ("book", ("2018-edition", "second-edition", "first-edition")),
    "reference": ("reference", ()),
    "rust-by-example": ("rust-by-example", ("zh", "ja", "ko", "es")),
    "nomicon": ("nomicon", ()),
    "error_codes": ("error_codes", ()),
    "cargo": ("cargo", ()),
    "edition-guide": ("edition-guide", ()),
    "rustc": ("rustc", ()),
    "clippy": ("clippy", ()),
}
_NOT_PAGES = {"print.html", "toc.html", "404.html"}
_BATCH_BYTES = 1 << 20
_POLL_S = 0.2
_WORKERS_NICENESS = 5


@frozen
class _Read:
    """What a worker made of some pages."""

    rows: list["_Rows"] = field(repr=False)
    redirects: list[tuple[str, str, str]]
    n_bytes: int


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
    corpora: Iterable[str] | None = None,
    force: bool = False,
) -> Docs | Cancelled:
    """Make the index, or use the one that another process made meanwhile.

    Args:
        progress: is told the share that is done, 0 to 1, and what is being done.
        corpora: only these; all by default. For tests.
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
            if not _make(path, toolchain, html, progress, cancel, corpora):
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


def _make(
    path: Path,
    toolchain: Toolchain,
    html: Path,
    progress: Progress,
    cancel: Cancel | None,
    corpora: Iterable[str] | None,
) -> bool:
    started = time.monotonic()
    meta = {"identity": identity(toolchain, html), "version": toolchain.version, "html": str(html)}
    pages = [
        (corpus, page, n_bytes)
        for corpus in (BOOKS if corpora is None else corpora)
        for page, n_bytes in _pages(html, corpus)
    ]
    present = {corpus for corpus, _, _ in pages}
    meta["missing"] = ",".join(corpus for corpus in BOOKS if corpus not in present)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".part")
    os.close(descriptor)
    part = Path(name)
    try:
        with contextlib.closing(sqlite3.connect(part)) as connection:
            writer = _Writer(connection)
            for read in _read_all(html, pages, progress, cancel):
                writer.add(read)
            if is_cancelled(cancel):
                return False
            progress(0.95, "sorting")
            writer.finish({**meta, "seconds": f"{time.monotonic() - started:.1f}"})
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    progress(1.0, "done")
    return True


def _pages(html: Path, corpus: str) -> Iterator[tuple[str, int]]:
    """The pages of a corpus and their sizes; index.html last, as it often repeats another one."""
    folder, skipped = BOOKS[corpus]
    unread = {html / folder / name for name in skipped}
    later = []
    for at, folders, files in os.walk(html / folder):
        here = Path(at)
        folders[:] = sorted(name for name in folders if here / name not in unread)
        for name in sorted(files):
            if name.endswith(".html") and name not in _NOT_PAGES:
                file = here / name
                try:
                    found = file.relative_to(html).as_posix(), file.stat().st_size
                except OSError:
                    continue
                if file == html / folder / "index.html":
                    later.append(found)
                else:
                    yield found
    yield from later


def _read_all(
    html: Path, pages: list[tuple[str, str, int]], progress: Progress, cancel: Cancel | None
) -> Iterator[_Read]:
    total = sum(n_bytes for _, _, n_bytes in pages) or 1
    done = 0
    with ProcessPoolExecutor(
        max_workers=os.cpu_count() or 1,
        mp_context=multiprocessing.get_context("spawn"),  # we have threads
        initializer=_start_worker,
        initargs=(os.getpid(),),
    ) as pool:
        waiting: dict[Future[_Read], None] = {}
        batches = _batches(pages)
        try:
            while True:
                while len(waiting) < 4 * (os.cpu_count() or 1):
                    batch = next(batches, None)
                    if batch is None:
                        break
                    waiting[pool.submit(_read, str(html), batch)] = None
                if not waiting or is_cancelled(cancel):
                    break
                ready, _ = wait(waiting, timeout=_POLL_S, return_when=FIRST_COMPLETED)
                for future in [one for one in waiting if one in ready]:
                    del waiting[future]
                    read = future.result()
                    yield read
                    done += read.n_bytes
                    corpus = read.rows[-1].entry.corpus if read.rows else ""
                    progress(0.95 * done / total, corpus)
        finally:
            for future in waiting:
                future.cancel()


def _batches(pages: list[tuple[str, str, int]]) -> Iterator[list[tuple[str, str]]]:
    batch: list[tuple[str, str]] = []
    size = 0
    for corpus, page, n_bytes in pages:
        batch.append((corpus, page))
        size += n_bytes
        if size > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _start_worker(parent: int) -> None:
    """Give way to others, and end when the parent has been killed."""
    os.nice(_WORKERS_NICENESS)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _read(html: str, batch: list[tuple[str, str]]) -> _Read:
    """Read pages. Runs in a worker."""
    rows = []
    redirects = []
    n_bytes = 0
    for corpus, page in batch:
        try:
            data = (Path(html) / page).read_bytes()
        except OSError:
            continue  # has gone since
        n_bytes += len(data)
        leads_to = mdbook.redirect(data, page)
        if leads_to is not None:
            redirects.append((page, *leads_to))
            continue
        rows += [_rows(entry) for entry in mdbook.parse(corpus, page, data)]
    return _Read(rows, redirects, n_bytes)


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
        self._texts: set[tuple[str, int]] = set()
        self._redirects: list[tuple[str, str, str]] = []
        self._n = 0

    def add(self, read: _Read) -> None:
        """Write the sections of some pages."""
        self._redirects += read.redirects
        for row in read.rows:
            self._add(row)

    def _add(self, row: _Rows) -> None:
        entry = row.entry
        text = (entry.corpus, hash(entry.blocks))
        if entry.page.count("/") == 1 and entry.page.endswith("/index.html") and text in self._texts:
            self._redirects.append((entry.page, *self._same(entry)))
            return
        if (entry.corpus, entry.id) in self._ids:
            return
        self._ids.add((entry.corpus, entry.id))
        self._texts.add(text)
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
                (number, block, page.partition("/")[0], page, fragment, text)
                for block, page, fragment, text in entry.links
            ),
        )
        many("INSERT INTO span VALUES (?, ?)", ((one, number) for one in row.spans))
        if entry.kind == "item":
            names = [entry.id, *(one for one in entry.aliases)]
            many("INSERT INTO item VALUES (?, ?, ?)", ((n.rpartition("::")[2], n, number) for n in names))

    def _same(self, entry: Entry) -> tuple[str, str]:
        """Where the page that this one repeats is."""
        rows: list[tuple[Any, ...]] = self._connection.execute(
            "SELECT page FROM section WHERE corpus = ? AND blocks = ? LIMIT 1",
            (entry.corpus, schema.pack(entry.blocks)),
        ).fetchall()
        return (rows[0][0], "") if rows else (entry.page, "")

    def finish(self, meta: dict[str, str]) -> None:
        """Follow the links, make the indexes, and say that all is there."""
        run = self._connection.execute
        for page, to_page, to_fragment in self._redirects:
            run(
                "INSERT OR IGNORE INTO place "
                "SELECT ?, '', section FROM place WHERE page = ? AND fragment = ?",
                (page, to_page, to_fragment),
            )
        run(
            "UPDATE link SET target = coalesce("
            "(SELECT section FROM place WHERE place.page = link.page AND place.fragment = link.fragment),"
            "(SELECT section FROM place WHERE place.page = link.page AND place.fragment = ''))"
        )
        self._connection.executescript(schema.INDEXES)
        run("INSERT INTO words(words) VALUES ('optimize')")
        meta = {**meta, "complete": "yes"}
        self._connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        run("ANALYZE")
        self._connection.commit()
