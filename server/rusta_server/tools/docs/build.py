"""Making the index of a toolchain's documentation: several processes read pages, this one writes.

The file is made under another name and moved into place when it is whole, so a build that dies leaves no
index behind. Only one process builds at a time; another one waits and then uses what was made.
"""

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ...errors import RustaError
from ..process import Cancel, Cancelled, is_cancelled
from . import lints
from .store import Docs, identity, index_path, lints_file, open_docs
from .toolchain import REMEDY, Toolchain

Progress = Callable[[float, str], None]

_READING = 0.95  # the share of the time that reading takes
_POLL_S = 0.2


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
    except (OSError, sqlite3.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise RustaError(
            f"The index of the documentation cannot be written to {path.parent}: {why}",
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
    # What they need is slow to load, and most of the time there is an index.
    from . import corpora, workers, writer

    started = time.monotonic()
    _clear(path)
    meta = {"identity": identity(toolchain, html), "version": toolchain.version, "html": str(html)}
    tasks = workers.tasks(toolchain, html)
    present = {task.corpus for task in tasks if task.pages}
    meta["missing"] = ",".join(corpus for corpus in corpora.CORPORA if corpus not in present)

    def report(share: float, corpus: str) -> None:
        progress(_READING * share, corpus)

    with _temporary(path) as part, _temporary(lints_file(path)) as lints_part:
        with contextlib.closing(sqlite3.connect(part)) as connection:
            index = writer.Writer(connection)
            explained = []
            for read in workers.read_all(toolchain.sysroot, html, tasks, report, cancel):
                index.add(read)
                explained += read.lints
            if is_cancelled(cancel):
                return False
            progress(_READING, "sorting")
            text, entries = lints.page(explained)
            index.add(workers.Read([workers.rows_of(entry) for entry in entries]))
            index.finish({**meta, "seconds": f"{time.monotonic() - started:.1f}"})
        lints_part.write_text(text, encoding="utf-8")
        lints_part.replace(lints_file(path))
        part.replace(path)
    progress(1.0, "done")
    return True


def _clear(path: Path) -> None:
    """Remove what builds that were killed left here, and indexes of documentation that is no longer there."""
    for part in path.parent.glob(f"{path.stem}-*.part"):
        part.unlink(missing_ok=True)
    for other in path.parent.glob("*.sqlite"):
        try:
            with contextlib.closing(sqlite3.connect(f"{other.as_uri()}?mode=ro", uri=True)) as connection:
                html = Path(dict(connection.execute("SELECT key, value FROM meta"))["html"])
        except (sqlite3.DatabaseError, KeyError):
            continue
        same_folder = other.stem.rpartition("-")[2] == path.stem.rpartition("-")[2]
        if other != path and (same_folder or not html.is_dir()):
            for file in (other, lints_file(other), other.with_suffix(".lock")):
                file.unlink(missing_ok=True)


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """A name beside `path` for a file that is moved there when it is whole, or removed."""
    part = path.with_name(f"{path.stem}-{os.getpid()}.part")  # nobody else builds now
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)
