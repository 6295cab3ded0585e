"""The index of one toolchain's documentation, opened for reading."""

import contextlib
import hashlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

from attrs import frozen

from . import lints, schema
from .anchor import ORPHAN, Anchor, Resolution, Section, section
from .toolchain import REMEDY, Toolchain

if TYPE_CHECKING:
    from .search import Hit, Query

T = TypeVar("T")
_RE_EXPORTING = ("std", "core", "alloc")
_COLUMNS = "corpus, id, kind, title, page, fragment, blocks, checksum"


@frozen
class NotIndexed:
    """There is documentation, but no index of it that can be used: `build` makes one."""

    path: Path
    reason: str


@frozen
class NoDocs:
    """The toolchain was installed without its documentation."""

    toolchain: Toolchain
    remedy: str = REMEDY


class Docs:
    """One open index. It may be used from several threads: each has its own connection.

    The file is never written while it is open; a new index replaces it as a whole. A section whose page has
    gone from the disk is not given. If the file turns out to be damaged it is removed, everything is answered
    with "not found", and the next `open_docs` says `NotIndexed`.
    """

    def __init__(self, path: Path, toolchain: Toolchain, html: Path) -> None:
        self.toolchain = toolchain
        self.path = path
        self.html = html
        self._lints = lints_file(path)
        self.is_damaged = False
        self._local = threading.local()

    def section(self, corpus: str, id: str) -> Section | None:
        """A section by its corpus (without version) and id, or by another name it has there."""
        return self._load(self._rowid(corpus, id))

    def item(self, path: str) -> Section | None:
        """An item of the standard library by its path or, if only one item has it, by the path's end."""
        return self._load(self._item(path.strip().removesuffix("()").removeprefix("::")))

    def at(self, link: str) -> Section | None:
        """The section at a ``file://`` address or a path below the documentation's folder, with #fragment."""
        parts = urlsplit(link)
        path, fragment = unquote(parts.path), unquote(parts.fragment)
        if parts.scheme == "file":
            try:
                is_lint = Path(path) == self._lints
                path = lints.PAGE if is_lint else Path(path).relative_to(self.html).as_posix()
            except ValueError:
                return None
        return self._load(schema.find_place(self.rows, path, fragment))

    def linked(self, section: Section) -> tuple[Section, ...]:
        """The sections that this one's text links to, in order, each once, those of its own page left out."""
        rows = self.rows(
            "SELECT link.target FROM link JOIN section ON section.rowid = link.section "
            "WHERE section.corpus = ? AND section.id = ? AND link.page != section.page "
            "AND link.target IS NOT NULL ORDER BY link.block, link.rowid",
            (section.corpus.partition("@")[0], section.id),
        )
        return tuple(found for _, found in self.load(list(dict.fromkeys(row[0] for row in rows))))

    @property
    def missing(self) -> tuple[str, ...]:
        """The corpora that were not on the disk when the index was made."""
        rows = self.rows("SELECT value FROM meta WHERE key = 'missing'")
        return tuple(rows[0][0].split(",")) if rows and rows[0][0] else ()

    def search(self, query: "Query", k: int = 5) -> "tuple[Hit, ...]":
        """The sections that say most about a diagnostic, a symbol or some words, best first."""
        from .search import search

        return search(self, query, k)

    def similar(self, text: str, k: int = 3) -> tuple[str, ...]:
        """Error codes, paths of items or names of lints that are near to one that is not there."""
        from .similar import similar

        return similar(self, text, k)

    def anchor_by_id(self, id: str) -> Anchor | None:
        """The anchor with this printable id, made anew from today's text."""
        from .resolve import by_id

        return by_id(self, id)

    def resolve(self, anchor: Anchor) -> Resolution:
        """Where the anchor's span is in this index, whatever version the anchor was made in."""
        from .resolve import resolve

        return resolve(self, anchor) if not self.is_damaged else ORPHAN

    def close(self) -> None:
        """Later questions find nothing.

        Every connection is closed as soon as nobody reads from it any more: to close one that another thread
        reads from crashes sqlite.
        """
        self.is_damaged = True
        self._local = threading.local()

    # For the modules beside this one.

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query; none if the index is damaged."""
        return self._guarded(lambda connection: connection.execute(sql, values).fetchall()) or []

    def load(self, rowids: list[int]) -> Iterator[tuple[int, Section]]:
        """Sections by their rowid, in the order asked for; those that cannot be shown are left out."""
        for rowid in rowids:
            found = self._load(rowid)
            if found is not None:
                yield rowid, found

    def _rowid(self, corpus: str, id: str) -> int | None:
        for table, column in (("section", "rowid"), ("alias", "section")):
            rows = self.rows(f"SELECT {column} FROM {table} WHERE corpus = ? AND id = ?", (corpus, id))
            if rows:
                return int(rows[0][0])
        return None

    def _item(self, path: str) -> int | None:
        """The number of an item's section, by any of its paths or by a path's end."""
        crate, _, rest = path.partition("::")
        paths = [path, f"{path}!", f"std::primitive.{path}"]
        if rest and crate in _RE_EXPORTING:
            paths += (f"{other}::{rest}" for other in _RE_EXPORTING if other != crate)
        for one in paths:
            rows = self.rows("SELECT section FROM item WHERE name = ? AND path = ?", (_last(one), one))
            if rows:
                return int(rows[0][0])
        rows = self.rows("SELECT path, section FROM item WHERE name = ?", (_last(path),))
        ending = f"::{path}"
        found = {int(rowid) for full, rowid in rows if full.endswith(ending)}
        if len(found) == 1:
            return found.pop()
        if found:
            rows = [row for row in rows if row[0] == f"std::prelude::v1::{path}"]
            return int(rows[0][1]) if rows else None
        # `core::iter::traits::iterator::Iterator::map`: only the trait is known by its private path.
        owner, _, name = path.rpartition("::")
        number = self._item(owner) if owner else None
        ids = self.rows("SELECT id FROM section WHERE rowid = ?", (number,)) if number is not None else []
        return self._member(ids[0][0], name) if ids else None

    def _member(self, owner: str, name: str) -> int | None:
        """A member of an item, also one that a single implementation of a trait has words of its own for."""
        found = self._rowid("std", f"{owner}::{name}")
        if found is not None:
            return found
        rows = self.rows(
            "SELECT rowid, id FROM section WHERE corpus = 'std' AND id > ? AND id < ?",
            (f"{owner}/impl-", f"{owner}/impl."),
        )
        numbers = [int(rowid) for rowid, id_ in rows if id_.rpartition("/")[2] == name]
        return numbers[0] if len(numbers) == 1 else None

    def _load(self, rowid: int | None) -> Section | None:
        if rowid is None:
            return None
        rows = self.rows(f"SELECT {_COLUMNS} FROM section WHERE rowid = ?", (rowid,))
        if not rows:
            return None
        *shown, data, checksum = rows[0]
        try:
            if schema.checksum(*shown) != checksum:
                raise ValueError("flipped bits")
            blocks = schema.unpack(data)
        except (ValueError, TypeError):
            self._damaged()
            return None
        corpus, id_, kind, title, page, fragment = shown
        is_lint = page == lints.PAGE
        file = self._lints if is_lint else self.html / page
        if not file.is_file():
            return None
        hash_ = f"#{fragment}" if fragment else ""
        return section(
            f"{corpus}@{self.toolchain.version}",
            id_,
            kind=kind,
            title=title,
            link=file.as_uri() + hash_,
            web=lints.web(self.toolchain, id_) if is_lint else self.toolchain.web + page + hash_,
            texts=blocks,
        )

    def _guarded(self, ask: Callable[[sqlite3.Connection], T]) -> T | None:
        if self.is_damaged:
            return None
        try:
            return ask(self._connection())
        except UnicodeEncodeError:
            return None  # half a character, as a command line may hold: it stands nowhere
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CANTOPEN:
                self.close()  # gone, or too many files are open: the file itself is not to blame
            else:
                self._damaged()
            return None

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = _connect(self.path)
        return connection

    def _damaged(self) -> None:
        self.close()
        with contextlib.suppress(OSError):
            self.path.unlink()


def open_docs(cache: Path, toolchain: Toolchain) -> Docs | NotIndexed | NoDocs:
    """The index of the toolchain's documentation, if there is a whole one that fits what is on the disk."""
    if toolchain.html is None:
        return NoDocs(toolchain)
    path = index_path(cache, toolchain, toolchain.html)
    try:
        reason = _why_not(path, identity(toolchain, toolchain.html))
    except FileNotFoundError:
        return NoDocs(toolchain)  # removed since the toolchain was asked
    if reason:
        return NotIndexed(path, reason)
    return Docs(path, toolchain, toolchain.html)


def index_path(cache: Path, toolchain: Toolchain, html: Path) -> Path:
    """The file for a toolchain's index; one for each version and folder."""
    key = hashlib.sha256(str(html).encode()).hexdigest()[:8]
    return cache / "docs" / f"{toolchain.version}-{key}.sqlite"


def lints_file(index: Path) -> Path:
    """The file beside an index that the links to Clippy's lints lead to."""
    return index.with_name(f"{index.stem}-clippy.md")


def identity(toolchain: Toolchain, html: Path) -> str:
    """Changes with the documentation's date, with the corpora that are there, and with the index's form."""
    marks = [str(schema.VERSION), toolchain.version]
    files = [*(folder / "index.html" for folder in sorted(html.iterdir())), lints.program(toolchain)]
    for file in files:
        with contextlib.suppress(OSError):
            marks.append(f"{file.parent.name} {file.stat().st_mtime_ns}")
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()


def _why_not(path: Path, wanted: str) -> str:
    """Why the file cannot be used, or ""."""
    if not path.is_file():
        return "it was not indexed yet"
    try:
        with contextlib.closing(_connect(path)) as connection:
            n_bytes = connection.execute("PRAGMA page_count").fetchone()[0]
            n_bytes *= connection.execute("PRAGMA page_size").fetchone()[0]
            meta = dict(connection.execute("SELECT key, value FROM meta"))
    except sqlite3.DatabaseError as error:
        return f"the index cannot be read ({error})"
    if not lints_file(path).is_file():
        return "a part of the index is gone"
    if n_bytes != path.stat().st_size:
        return "the index is cut off"
    if meta.get("complete") != "yes":
        return "the index is not whole"
    if meta.get("identity") != wanted:
        return "the index is of other documentation"
    return ""


def _last(path: str) -> str:
    return path.rpartition("::")[2]


def _connect(path: Path) -> sqlite3.Connection:
    # Nobody writes to the file: it is made under another name and moved here. So no locks are needed, and
    # another process that holds one does no harm.
    return sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
