"""Writes sections and what belongs to them into the file of an index."""

import sqlite3
from itertools import groupby
from typing import Any

from . import rustdoc, schema
from .corpora import CORPUS_OF
from .workers import Read, Rows


class Writer:
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

    def add(self, read: Read) -> None:
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

    def _add(self, row: Rows) -> None:
        entry = row.entry
        if (entry.corpus, entry.id) in self._ids:
            return
        self._ids.add((entry.corpus, entry.id))
        self._n += 1
        number = self._n
        run = self._connection.execute
        many = self._connection.executemany
        run(
            "INSERT INTO section VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
                schema.checksum(entry.corpus, entry.id, entry.kind, entry.title, entry.page, entry.fragment),
            ),
        )
        run(
            f"INSERT INTO {schema.words_table(entry.corpus)} (rowid, title, path, terms, body) "
            "VALUES (?, ?, ?, ?, ?)",
            (number, *row.words),
        )
        many("INSERT INTO alias VALUES (?, ?, ?)", ((entry.corpus, one, number) for one in entry.aliases))
        many(
            "INSERT OR IGNORE INTO place VALUES (?, ?, ?)",
            ((entry.page, one, number) for one in entry.fragments),
        )
        many(
            "INSERT INTO link VALUES (?, ?, ?, ?, ?, ?, NULL)",
            (
                (number, block, CORPUS_OF.get(page.partition("/")[0], ""), page, fragment, text)
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
            if CORPUS_OF[page.partition("/")[0]] == "std"
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
        for table in ("words", "std_words"):
            run(f"INSERT INTO {table}({table}) VALUES ('optimize')")
        meta = {**meta, "complete": "yes"}
        many("INSERT INTO meta VALUES (?, ?)", meta.items())
        run("ANALYZE")
        self._connection.commit()


def _says(page: list[Rows]) -> object:
    """The same for two pages of the same item, or with the same text in one book."""
    first = page[0].entry
    name = first.page.rpartition("/")[2] if first.source else ""
    return first.corpus, first.source, name, tuple(row.entry.blocks for row in page)


def _may_repeat(page: list[Rows]) -> bool:
    """Items are shown under several paths, and the first page of a book as its index.html."""
    first = page[0].entry
    return bool(first.source) or (first.page.count("/") == 1 and first.page.endswith("/index.html"))
