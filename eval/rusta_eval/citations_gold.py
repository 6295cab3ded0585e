"""Links that nobody here wrote: are the pages that an official page points to found without its links?

A source is an error code's page, a section of the standard library or a lint of Clippy or rustc. Its links
into the Book, the Reference, the Nomicon, Rust by Example and the standard library are the gold; links to its
own page are not counted. The question is the source's text without code blocks. Link addresses are never in
it; the words of links to other pages stay in the variant ``loose`` and are cut out in ``strict``. The
source's own links are hidden from the search; links of *other* pages count, as they do in the product.

Ranks are within one corpus (a search in that corpus alone) or ``pooled`` (one search in all five). A page is
found where the first section of it stands. A section, asked for only where the link names one, is found by
itself or by a section below it.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from attrs import field, frozen
from markdown_it import MarkdownIt

from rusta_server.tools.docs import Docs, Query
from rusta_server.tools.docs.links import target
from rusta_server.tools.docs.lints import PAGE
from rusta_server.tools.docs.schema import unpack, words_table
from rusta_server.tools.docs.store import lints_file

CORPORA = ("book", "reference", "nomicon", "rust-by-example", "std")
POOLED = "pooled"
SYSTEMS = ("plain", "rusta")
VARIANTS = ("loose", "strict")
AT = (1, 3, 5)
# Sources from the standard library that link only to other items; those that link to a book are all asked.
MOST_STD = 200

_KINDS = {"error_codes": "error code", "std": "std item", "clippy": "clippy lint", "rustc": "rustc lint"}
_ALL_WORDS = re.compile(r"\w+")
_LINT_HEADING = re.compile(r"^## (\w+)$", re.MULTILINE)
_MOST_PLAIN = 100
# Own sections are thrown out of both rankings afterwards, so a few more are asked for.
_SPARE = 2

Progress = Callable[[int, int], None]


@frozen
class Target:
    """Where a link leads. `section` is a rowid, None where the link names only the page."""

    corpus: str
    page: str
    section: int | None


@frozen
class Source:
    """A text and what it links to.

    Attributes:
        id: the structural id in its corpus.
        text: all of its paragraphs; `strict`: without the words of links.
        n_dead: links into the five corpora that lead to no page of the index.
    """

    kind: str
    corpus: str
    id: str
    page: str
    text: str = field(repr=False)
    strict: str = field(repr=False)
    targets: frozenset[Target] = field(repr=False)
    n_dead: int = 0

    @property
    def half(self) -> str:
        """``tune`` or ``test``, by a hash of the id."""
        return ("tune", "test")[hashlib.sha256(f"{self.corpus}/{self.id}".encode()).digest()[0] & 1]


@frozen
class Found:
    """At which rank one link's target was found; None if not among the first."""

    kind: str
    source: str
    half: str
    system: str
    variant: str
    level: str
    corpus: str
    ranking: str
    rank: int | None


def sources(docs: Docs) -> list[Source]:
    """All sources with at least one link to another page of the five corpora."""
    found = [*_from_index(docs), *_from_lints(docs)]
    few = sorted(
        (one for one in found if one.corpus == "std" and all(t.corpus == "std" for t in one.targets)),
        key=lambda one: hashlib.sha256(one.id.encode()).digest(),
    )[MOST_STD:]
    left_out = set(few)
    return [one for one in found if one not in left_out]


def measure(
    docs: Docs, asked: Sequence[Source], progress: Progress = lambda done, total: None
) -> list[Found]:
    """Ask for every source in every way."""
    found: list[Found] = []
    parents = _parents(docs)
    for number, source in enumerate(asked):
        for variant in VARIANTS:
            text = source.text if variant == "loose" else source.strict
            for ranking in [*sorted({one.corpus for one in source.targets}), POOLED]:
                corpora = CORPORA if ranking == POOLED else (ranking,)
                rankings = {
                    "plain": _plain(docs, text, corpora),
                    "rusta": _ours(docs, source, text, corpora),
                }
                for system, ranked in rankings.items():
                    found += _ranks(source, ranked, parents, system, variant, ranking)
        progress(number + 1, len(asked))
    return found


def recall(found: Iterable[Found]) -> dict[tuple[str, ...], dict[str, float]]:
    """n, r1, r3 and r5 by (level, ranking, kind, corpus, system, variant, half).

    Corpus and half are also ``all``: the share over the links of all five corpora, or of both halves.
    """
    groups: defaultdict[tuple[str, ...], list[int | None]] = defaultdict(list)
    for one in found:
        ranking = POOLED if one.ranking == POOLED else "per corpus"
        for corpus in (one.corpus, "all"):
            for half in (one.half, "all"):
                key = (one.level, ranking, one.kind, corpus, one.system, one.variant, half)
                groups[key].append(one.rank)
    return {
        key: {
            "n": len(ranks),
            **{f"r{k}": round(sum(r is not None and r <= k for r in ranks) / len(ranks), 4) for k in AT},
        }
        for key, ranks in sorted(groups.items())
    }


def _from_index(docs: Docs) -> Iterator[Source]:
    rows = docs.rows(
        "SELECT rowid, corpus, id, kind, page, blocks FROM section "
        "WHERE rowid IN (SELECT section FROM link) AND (kind IN ('error', 'lint') OR corpus = 'std')"
    )
    for rowid, corpus, id_, _, page, data in rows:
        links = docs.rows(
            "SELECT block, text, link.corpus, link.fragment, there.rowid, there.corpus, there.page, "
            "here.section "
            "FROM link LEFT JOIN section AS there ON there.rowid = target "
            "LEFT JOIN place AS here ON here.page = link.page AND here.fragment = link.fragment "
            "WHERE link.section = ? ORDER BY link.rowid",
            (rowid,),
        )
        blocks = unpack(data)
        strict = [text for _, text in blocks]
        targets, n_dead = set(), 0
        for block, words, wanted, fragment, to, to_corpus, there, named in links:
            if there != page:
                strict[block] = strict[block].replace(words, " ", 1)
            if to is None:
                n_dead += wanted in CORPORA
            elif to_corpus in CORPORA and there != page:
                targets.add(Target(to_corpus, there, to if fragment and named == to else None))
        if targets or n_dead:
            shown = [number for number, (kind, _) in enumerate(blocks) if kind != "code"]
            yield Source(
                _KINDS[corpus],
                corpus,
                id_,
                page,
                "\n".join(blocks[number][1] for number in shown),
                "\n".join(strict[number] for number in shown),
                frozenset(targets),
                n_dead,
            )


def _from_lints(docs: Docs) -> Iterator[Source]:
    """Clippy's lints, which the index keeps without their links; read anew from Clippy's own Markdown."""
    try:
        markdown = lints_file(docs.path).read_text(encoding="utf-8")
    except OSError:
        return
    _, *pieces = _LINT_HEADING.split(markdown)
    for name, about in zip(pieces[::2], pieces[1::2], strict=True):
        targets, n_dead = set(), 0
        text, strict = [], []
        for token in MarkdownIt("commonmark").parse(about):
            depth = 0
            for child in token.children or ():
                if child.type == "link_open":
                    depth += 1
                    where = target("clippy/index.html", str(child.attrs.get("href", "")))
                    if where and where[0].partition("/")[0] in (*CORPORA, "core", "alloc"):
                        one = _target(docs, *where)
                        n_dead += one is None
                        targets |= {one} if one and one.corpus in CORPORA else set()
                elif child.type == "link_close":
                    depth -= 1
                piece = child.content if child.type in ("text", "code_inline") else " "
                text.append(piece)
                strict.append(" " if depth else piece)
            text.append("\n")
            strict.append("\n")
        if targets or n_dead:
            yield Source(
                _KINDS["clippy"],
                "clippy",
                name,
                PAGE,
                "".join(text),
                "".join(strict),
                frozenset(targets),
                n_dead,
            )


def _target(docs: Docs, page: str, fragment: str) -> Target | None:
    section = docs.at(f"{page}#{fragment}" if fragment else page)
    if section is None:
        return None
    corpus = section.corpus.partition("@")[0]
    rows = docs.rows(
        "SELECT rowid, page, fragment FROM section WHERE corpus = ? AND id = ?", (corpus, section.id)
    )
    rowid, there, _ = rows[0]
    named = docs.rows("SELECT section FROM place WHERE page = ? AND fragment = ?", (there, fragment))
    return Target(corpus, there, rowid if fragment and named == [(rowid,)] else None)


def _ours(docs: Docs, source: Source, text: str, corpora: tuple[str, ...]) -> list[tuple[int, str]]:
    query = Query(words=text, corpora=corpora, unlinked=(source.corpus, source.id))
    hits = docs.search(query, max(AT) + _SPARE)
    ranked = []
    for hit in hits:
        corpus = hit.section.corpus.partition("@")[0]
        ranked += docs.rows(
            "SELECT rowid, page FROM section WHERE corpus = ? AND id = ?", (corpus, hit.section.id)
        )
    return ranked


def _plain(docs: Docs, text: str, corpora: tuple[str, ...]) -> list[tuple[int, str]]:
    """FTS5 as it comes: any of the words, its own ranking."""
    words = dict.fromkeys(word.lower() for word in _ALL_WORDS.findall(text))
    found: list[tuple[float, int, str]] = []
    for table in {words_table(corpus) for corpus in corpora} if words else ():
        here = [corpus for corpus in corpora if words_table(corpus) == table]
        found += docs.rows(
            f"SELECT bm25({table}) AS score, section.rowid, section.page FROM {table} "
            f"JOIN section ON section.rowid = {table}.rowid "
            f"WHERE {table} MATCH ? AND section.corpus IN ({', '.join('?' * len(here))}) "
            "ORDER BY score LIMIT ?",
            (" OR ".join(f'"{word}"' for word in words), *here, _MOST_PLAIN),
        )
    return [(rowid, page) for _, rowid, page in sorted(found)]


def _ranks(
    source: Source,
    ranked: list[tuple[int, str]],
    parents: dict[int, int],
    system: str,
    variant: str,
    ranking: str,
) -> Iterator[Found]:
    others = [(rowid, page) for rowid, page in ranked if page != source.page]
    pages = list(dict.fromkeys(page for _, page in others))
    wanted = [one for one in source.targets if ranking in (POOLED, one.corpus)]
    for corpus, page in sorted({(one.corpus, one.page) for one in wanted}):
        rank = pages.index(page) + 1 if page in pages else None
        yield Found(source.kind, source.id, source.half, system, variant, "page", corpus, ranking, rank)
    for one in wanted:
        if one.section is not None:
            places = (n for n, (rowid, _) in enumerate(others, 1) if _is_in(rowid, one.section, parents))
            rank = next(places, None)
            yield Found(
                source.kind, source.id, source.half, system, variant, "section", one.corpus, ranking, rank
            )


def _is_in(rowid: int, section: int, parents: dict[int, int]) -> bool:
    here: int | None = rowid
    while here is not None and here != section:
        here = parents.get(here)
    return here is not None


def _parents(docs: Docs) -> dict[int, int]:
    return dict(
        docs.rows(
            "SELECT one.rowid, above.rowid FROM section AS one "
            "JOIN section AS above ON above.corpus = one.corpus AND above.id = one.parent "
            "WHERE one.parent != '' AND one.rowid != above.rowid"
        )
    )
