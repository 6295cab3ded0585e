"""What the index file looks like, and how sections become its rows.

One sqlite file per toolchain. Text is indexed by FTS5 without a copy (``content=''``): a hit is a rowid of
`section`, whose blocks hold the text. The standard library has a table of its own, as ranking costs time for
every section of a table that has a word. Columns of `words` and `std_words`, in this order for ``bm25``:

==========  ============================================================================================
title       the section's title, and the structural id of items, rules, errors and lints split into words
path        the headings above it, outermost first; for items the path's segments
terms       code terms of the section: inline code, item names, with the parts of snake_case and CamelCase
body        all of its text
==========  ============================================================================================

The tokenizer keeps ``_`` inside words, folds case and accents and stems (Porter), so ``Vec::drain`` is the
two words ``vec drain``, ``E0382`` one, ``unused_variables`` one (its parts are in `terms`), ``'static`` the
word ``static``.
"""

import hashlib
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import msgspec
from attrs import field, frozen

from .anchor import sentences

# Raised whenever the tables, the parsers or the text they extract change: an older file is made anew.
VERSION = 6

TABLES = """
-- identity: what was indexed (see build.identity); version, html: of the toolchain; missing: corpora that
-- were not there, by comma; seconds: how long it took. `complete` is written last.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- The sections. `page` is the file below the folder of the documentation (or lints.PAGE), `fragment` the
-- element in it.
-- `path`: the headings above, joined by U+001F. `parent`: the id of the section it is part of, or ''.
-- `blocks`: zlib of msgpack [[kind, text], …]. `checksum`: of what is shown, so that no flipped bit is.
CREATE TABLE section (
    rowid INTEGER PRIMARY KEY,
    corpus TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    path TEXT NOT NULL,
    parent TEXT NOT NULL,
    page TEXT NOT NULL,
    fragment TEXT NOT NULL,
    n_bytes INTEGER NOT NULL,
    blocks BLOB NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE VIRTUAL TABLE words USING fts5(
    title, path, terms, body,
    content='', tokenize="porter unicode61 remove_diacritics 2 tokenchars '_'"
);
CREATE VIRTUAL TABLE std_words USING fts5(
    title, path, terms, body,
    content='', tokenize="porter unicode61 remove_diacritics 2 tokenchars '_'"
);

-- Other names of a section in its corpus: `core::vec::Vec`, `unused_variables`.
CREATE TABLE alias (corpus TEXT NOT NULL, id TEXT NOT NULL, section INTEGER NOT NULL);

-- Items by the last segment of their path: `drain` -> `std::vec::Vec::drain`. Also the private paths that the
-- compiler uses: `core::iter::traits::iterator::Iterator` (without its methods).
CREATE TABLE item (name TEXT NOT NULL, path TEXT NOT NULL, section INTEGER NOT NULL);

-- Where a link leads: every element with an id, and every page (fragment '').
CREATE TABLE place (
    page TEXT NOT NULL, fragment TEXT NOT NULL, section INTEGER NOT NULL, PRIMARY KEY (page, fragment)
) WITHOUT ROWID;

-- Pages that send their reader to another, or say the same as another. A fragment of `page` that is not in
-- `place` is one of `to_page`; without a fragment one gets to `to_fragment`.
CREATE TABLE moved (page TEXT PRIMARY KEY, to_page TEXT NOT NULL, to_fragment TEXT NOT NULL) WITHOUT ROWID;

-- Links of the official pages among each other. `block`: the number of the block they stand in, `text`: the
-- link's own words, `target`: the section it leads to, NULL if that is not in the index.
CREATE TABLE link (
    section INTEGER NOT NULL, block INTEGER NOT NULL, corpus TEXT NOT NULL, page TEXT NOT NULL,
    fragment TEXT NOT NULL, text TEXT NOT NULL, target INTEGER
);

-- The first 8 bytes of the sha256 of every block and sentence, as a signed integer: finds text that moved.
CREATE TABLE span (
    hash INTEGER NOT NULL, section INTEGER NOT NULL, PRIMARY KEY (hash, section)
) WITHOUT ROWID;
"""

INDEXES = """
CREATE UNIQUE INDEX section_by_id ON section (corpus, id);
CREATE INDEX section_by_page ON section (page);
CREATE INDEX alias_by_id ON alias (corpus, id);
CREATE INDEX item_by_name ON item (name);
CREATE INDEX link_by_section ON link (section);
CREATE INDEX link_by_target ON link (target);
CREATE INDEX link_by_page ON link (page, fragment);
"""

_MOST_MOVES = 6
PATH_SEPARATOR = "\x1f"

_CODE_TERM = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*[!]?")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]+|[a-z0-9]+")
_PACK = msgspec.msgpack.Encoder()
_UNPACK = msgspec.msgpack.Decoder(list[tuple[str, str]])


@frozen
class Entry:
    """A section as a parser gives it.

    Attributes:
        headings: the titles above it, outermost first, its own not among them.
        parent: id of the section it is part of, or "".
        page, fragment: the file below the folder of the documentation and the element in it ("" its top).
        blocks: (kind, text) in reading order, none empty.
        links: (number of the block, page, fragment, the link's words), pages below the folder.
        fragments: the ids of all elements that belong to this section, its own too.
        aliases: other ids it is known by, its own alone.
        source: of an item, where its code is: two pages with the same are of the same item.
        exports: of a module, (path, page) of items that it shows under its own path too.
        other_paths: of an item, paths by which it may be asked for as well.
        code: code terms the parser saw marked as code.
    """

    corpus: str
    id: str
    kind: str
    title: str
    page: str
    fragment: str
    blocks: tuple[tuple[str, str], ...] = field(repr=False)
    headings: tuple[str, ...] = ()
    parent: str = ""
    links: tuple[tuple[int, str, str, str], ...] = field(default=(), repr=False)
    fragments: tuple[str, ...] = field(default=(), repr=False)
    aliases: tuple[str, ...] = ()
    source: str = ""
    exports: tuple[tuple[str, str], ...] = ()
    other_paths: tuple[str, ...] = ()
    code: tuple[str, ...] = field(default=(), repr=False)


def pack(blocks: Iterable[tuple[str, str]]) -> bytes:
    """Blocks as they are stored."""
    return zlib.compress(_PACK.encode(list(blocks)), 6)


def checksum(*shown: str) -> int:
    """Of a row's corpus, id, kind, title, page and fragment; zlib has its own of the blocks."""
    return zlib.crc32("\0".join(shown).encode())


def unpack(data: bytes) -> list[tuple[str, str]]:
    """The blocks of a row.

    Raises:
        ValueError: the bytes are not what was written.
    """
    try:
        return _UNPACK.decode(zlib.decompress(data))
    except (zlib.error, msgspec.DecodeError) as error:
        raise ValueError(str(error)) from error


Ask: TypeAlias = Callable[[str, tuple[str, ...]], list[tuple[Any, ...]]]


def find_place(ask: Ask, page: str, fragment: str) -> int | None:
    """The section that a link leads to; an element without a section of its own counts as its page."""
    pages: dict[str, str] = {}
    waiting = [(page, fragment)]
    while waiting and len(pages) < _MOST_MOVES:
        one, its_fragment = waiting.pop(0)
        if one in pages:
            continue
        pages[one] = its_fragment
        moved = ask("SELECT to_page, to_fragment FROM moved WHERE page = ?", (one,))
        waiting += ((to_page, its_fragment or to_fragment) for to_page, to_fragment in moved)
        crate, _, rest = one.partition("/")
        if crate in ("core", "alloc"):  # what std re-exports is std's here
            waiting.append((f"std/{rest}", its_fragment))
    for place in (*pages.items(), *((one, "") for one in pages)):
        rows = ask("SELECT section FROM place WHERE page = ? AND fragment = ?", place)
        if rows:
            return int(rows[0][0])
    return None


def span_hash(sha256: bytes) -> int:
    """The key in the table `span`."""
    return int.from_bytes(sha256[:8], "big", signed=True)


def span_hashes(blocks: Iterable[tuple[str, str]]) -> Iterator[int]:
    """One for each block and each sentence of a block."""
    for kind, text in blocks:
        yield span_hash(hashlib.sha256(text.encode()).digest())
        if kind == "text":
            bounds = sentences(text)
            if len(bounds) > 1:
                for a, b in bounds:
                    yield span_hash(hashlib.sha256(text[a:b].encode()).digest())


def words_table(corpus: str) -> str:
    """The table that has a corpus's words."""
    return "std_words" if corpus == "std" else "words"


def words(entry: Entry) -> tuple[str, str, str, str]:
    """The columns of the tables `words` and `std_words`."""
    body = "\n".join(text for _, text in entry.blocks)
    own = [entry.id, *entry.aliases] if entry.kind in ("item", "rule", "error", "lint") else []
    title = " ".join([entry.title, *(name for name in own if name != entry.title)])
    return title, " ".join(entry.headings), " ".join(terms(entry.code)), body


def terms(code: Iterable[str]) -> list[str]:
    """Names in pieces of code, each once, and the words they are made of."""
    seen: dict[str, None] = {}
    for piece in code:
        for name in _CODE_TERM.findall(piece):
            for segment in name.rstrip("!").split("::"):
                seen[segment] = None
                pieces = [word for part in segment.split("_") for word in _CAMEL.findall(part)]
                if len(pieces) > 1:
                    seen.update(dict.fromkeys(pieces))
    return list(seen)
