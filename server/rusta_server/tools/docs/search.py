"""Finding what the documentation says about a diagnostic, a symbol or some words.

Three things speak for a section, and are added up:

* its words, by FTS5's bm25 with weights for title, headings, names and text. A page counts as its best
  sections together, each next one half as much; of each page the best section is the hit.
* its name: items that the question names by their path or a CamelCase name, the page of the error code.
* links of the official pages: of the page of the error code or item itself, and, with less weight, of
  other error codes whose words are alike.

Words are taken by how rare they are, until together they stand in `_MOST_SECTIONS` sections: the words that
are left out tell little, and ranking costs as much as there are sections that have a word.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from attrs import define, field, frozen

from . import schema
from .anchor import Block, Section

if TYPE_CHECKING:
    from .store import Docs

STD = "std"
_CODES = "error_codes"

# Weights of title, path, terms and body in `words` and `std_words`.
_COLUMNS = "8.0, 3.0, 2.0, 1.0"
_MOST_SECTIONS = 1500
# Where little is searched more words are taken, but each costs something for all sections that have it.
_MOST_IN_ALL = 4500
# A word that is in more sections of the books, or of the standard library, tells nothing.
_MOST_COUNTED = 3000
_MOST_WORDS = 24
# Longer names are sentences: `test_that_the_first_word_…`.
_MOST_PARTS = 6
_MOST_HITS = 60
# A page counts as its best sections together: so many, each next one so much of the one before.
_SECTIONS_OF_PAGE = 4
_NEXT_SECTION = 0.5
# What the other sections of a page are worth: shown only if the best one has no text to quote.
_SAME_PAGE = 0.999
# What a link from the asked thing's own page, and from a page with the same words, adds to the best page.
_OWN_LINK = 1.0
_LIKE_LINK = 0.4
_MOST_ALIKE = 4
# What an item gains by being named, of the best item's score by words.
_NAMED = 2.0
_MOST_NAMES = 24
_MOST_NAMESAKES = 40
# What is asked for by its own name comes before all that has its words.
_SUBJECT = 3.0

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]+|[a-z0-9]+")
_NAME = re.compile(
    r"`([A-Za-z_][\w:]*)[!(<`]|\b((?:[A-Za-z_]\w*::)+[A-Za-z_]\w*)|\b([A-Z][a-z]\w*|[a-z]\w*(?=!?\())"
)
_STOP = frozenset(
    _WORD.findall(
        """
        a about all also an and another any are as at be because been both but by can cannot code could did do
        does doing done down each e erroneous error example examples first following for from g had has have
        how however i if in information into is it its just let like may more most must my no nor not note now
        of off on once one only or other our out over own same see should so some such than that the their
        them then there these they this those through to too two under until up us use used using very was we
        were what when where which while who why will with would you your
        """
    )
)


@frozen
class Query:
    """What is asked; everything that is known may be given.

    Attributes:
        words: plain words; names in backticks count as names.
        symbol: the path of an item: ``std::vec::Vec::drain``.
        code: of a diagnostic: ``E0382``, ``unused_variables``, ``clippy::needless_return``.
        message, labels: of that diagnostic.
        corpora: look only there; everywhere if empty.
        unlinked: a section (corpus, id) whose own links do not count. For measuring how well they are found.
    """

    words: str = ""
    symbol: str = ""
    code: str = ""
    message: str = ""
    labels: tuple[str, ...] = ()
    corpora: tuple[str, ...] = ()
    unlinked: tuple[str, str] | None = None


@frozen
class Hit:
    """A section that was found.

    Attributes:
        score: comparable within one search only; falling.
        block: the paragraph in it that has most of the words.
    """

    section: Section
    score: float
    block: Block


def search(docs: "Docs", query: Query, k: int = 5) -> tuple[Hit, ...]:
    """The `k` best sections, at most one of each page, best first."""
    stats = _stats(docs)
    subjects = _subjects(docs, query)
    words = _words(query, subjects)
    prose = {c for c, _, _ in stats.runs if c != STD and (not query.corpora or c in query.corpora)}
    scores = _in_prose(docs, stats, words, prose, query.unlinked) if prose else {}
    if not query.corpora or STD in query.corpora:
        scores |= _in_std(docs, stats, words, query)
    best = max(scores.values(), default=1.0)
    for rowid, corpus in _own_links(docs, query, subjects):
        if not query.corpora or corpus in query.corpora:
            scores[rowid] = scores.get(rowid, 0.0) + _OWN_LINK * best
    for rowid, section in subjects.items():
        if not query.corpora or section.corpus.partition("@")[0] in query.corpora:
            scores[rowid] = _SUBJECT * best
    return tuple(_hits(docs, stats, scores, words, k))


@define(eq=False)
class _Stats:
    """What is looked up once for an index.

    Attributes:
        runs: (corpus, first rowid, last rowid) of sections that follow each other, by rowid.
        pages: (corpus, page) of the sections outside the standard library; a lint is a page of its own.
        n_sections: by (word, whether in the standard library): how many have it, at most the budget.
    """

    runs: list[tuple[str, int, int]]
    pages: dict[int, tuple[str, str]] = field(repr=False)
    n_sections: dict[tuple[str, bool], int] = field(factory=dict, repr=False)


_known: "WeakKeyDictionary[Docs, _Stats]" = WeakKeyDictionary()


def _stats(docs: "Docs") -> _Stats:
    found = _known.get(docs)
    if found is None:
        rows = docs.rows(
            "SELECT rowid, corpus, iif(kind = 'lint', page || '#' || id, page) FROM section "
            "WHERE corpus != ? ORDER BY rowid",
            (STD,),
        )
        runs = [
            (STD, first, last)
            for first, last in docs.rows(
                "SELECT min(rowid), max(rowid) FROM section WHERE corpus = ?", (STD,)
            )
            if first is not None
        ]
        for rowid, corpus, _ in rows:
            if runs and runs[-1][0] == corpus and runs[-1][2] == rowid - 1:
                runs[-1] = (corpus, runs[-1][1], rowid)
            else:
                runs.append((corpus, rowid, rowid))
        found = _Stats(runs, {rowid: (corpus, page) for rowid, corpus, page in rows})
        if runs:
            _known[docs] = found
    return found


def _spans(stats: _Stats, corpora: set[str]) -> list[tuple[int, int]]:
    """The rowids of some corpora, (first, last), in as few pieces as possible."""
    spans: list[tuple[int, int]] = []
    for _, first, last in sorted((run for run in stats.runs if run[0] in corpora), key=lambda run: run[1]):
        if spans and first == spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], last)
        else:
            spans.append((first, last))
    return spans


def _subjects(docs: "Docs", query: Query) -> dict[int, Section]:
    """The sections that the question names outright."""
    found = []
    if query.code:
        found += [docs.section(corpus, query.code) for corpus in ("error_codes", "clippy", "rustc")]
    if query.symbol:
        found.append(docs.item(query.symbol))
    return {
        rowid: section
        for section in found
        if section
        for (rowid,) in docs.rows(
            "SELECT rowid FROM section WHERE corpus = ? AND id = ?",
            (section.corpus.partition("@")[0], section.id),
        )
    }


def _own_links(docs: "Docs", query: Query, subjects: Mapping[int, Section]) -> Iterator[tuple[int, str]]:
    """The (rowid, corpus) of what the asked thing's own page links to."""
    for rowid, section in subjects.items():
        if query.unlinked != (section.corpus.partition("@")[0], section.id):
            yield from docs.rows(
                "SELECT DISTINCT target, there.corpus FROM link "
                "JOIN section AS here ON here.rowid = link.section "
                "JOIN section AS there ON there.rowid = target "
                "WHERE link.section = ? AND there.page != here.page",
                (rowid,),
            )


def _words(query: Query, subjects: Mapping[int, Section]) -> Counter[str]:
    """How often each telling word is asked for."""
    asked = " ".join((query.words, query.symbol, query.message, *query.labels))
    words = Counter(_split(asked))
    for section in subjects.values():
        page = Counter(_split(" ".join(block.text for block in section.blocks if block.kind == "text")))
        for word, n in page.items():
            words[word] += n  # a page says more often what it is about
    return words


def _split(text: str) -> Iterator[str]:
    """The telling words of a text, in lower case; of names also their parts."""
    for word in _WORD.findall(text):
        low = word.lower()
        if len(low) > 1 and low not in _STOP:
            yield low
            if word != low or "_" in low:
                parts = [part.lower() for piece in word.split("_") for part in _CAMEL.findall(piece)]
                if 1 < len(parts) < _MOST_PARTS:
                    yield from (
                        part for part in parts if len(part) > 1 and not part.isdigit() and part not in _STOP
                    )


def _rare(docs: "Docs", stats: _Stats, words: Mapping[str, int], corpora: set[str]) -> list[str]:
    """The words to look for in these corpora: those that tell most, as many as may be."""
    in_std = STD in corpora
    table = schema.words_table(STD if in_std else "")
    n_all = sum(last - first + 1 for corpus, first, last in stats.runs if (corpus == STD) == in_std)
    n_asked = sum(last - first + 1 for corpus, first, last in stats.runs if corpus in corpora)
    budget = min(_MOST_SECTIONS * n_all / max(n_asked, 1), _MOST_IN_ALL)
    telling = []
    for word, n in words.items():
        n_sections = stats.n_sections.get((word, in_std))
        if n_sections is None:
            counted = docs.rows(
                f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {table} MATCH ? LIMIT ?)",
                (f'"{word}"', _MOST_COUNTED),
            )
            if not counted:
                return []  # the index was closed meanwhile
            n_sections = int(counted[0][0])
            stats.n_sections[word, in_std] = n_sections
        if 0 < n_sections < _MOST_COUNTED:
            telling.append((-(1 + math.log(n)) * math.log((n_all + 1) / n_sections), n_sections, word))
    chosen: list[str] = []
    for _, n_sections, word in sorted(telling):
        if n_sections <= budget and len(chosen) < _MOST_WORDS:
            budget -= n_sections
            chosen.append(word)
    return chosen


def _in_prose(
    docs: "Docs",
    stats: _Stats,
    words: Mapping[str, int],
    corpora: set[str],
    unlinked: tuple[str, str] | None,
) -> dict[int, float]:
    """The best section of each page of the books and lists, with the score of its page."""
    searched = {*corpora, _CODES}
    chosen = _rare(docs, stats, words, searched)
    by_page: defaultdict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
    for first, last in _spans(stats, searched) if chosen else ():
        for rowid, score in docs.rows(
            f"SELECT rowid, -bm25(words, {_COLUMNS}) FROM words WHERE words MATCH ? "
            "AND rowid BETWEEN ? AND ?",
            (_match(chosen), first, last),
        ):
            by_page[stats.pages[rowid]].append((score, rowid))
    for found in by_page.values():
        found.sort(reverse=True)
    scores = {page: _of_page(found) for page, found in by_page.items() if page[0] in corpora}
    best: defaultdict[str, float] = defaultdict(float)
    for (corpus, _), score in scores.items():
        best[corpus] = max(best[corpus], score)
    alike = sorted(
        (one for page, found in by_page.items() if page[0] == _CODES for one in found), reverse=True
    )
    for page, share in _links_of_alike(docs, alike[: _MOST_ALIKE + 1], unlinked).items():
        if page in scores:
            scores[page] += _LIKE_LINK * share * best[page[0]]
    top = sorted(scores, key=lambda page: -scores[page])[:_MOST_HITS]
    return {
        rowid: scores[page] * _SAME_PAGE**i
        for page in top
        for i, (_, rowid) in enumerate(by_page[page][:_SECTIONS_OF_PAGE])
    }


def _of_page(found: list[tuple[float, int]]) -> float:
    """The score of a page whose sections have these scores, falling."""
    total, weight = 0.0, 1.0
    for score, _ in found[:_SECTIONS_OF_PAGE]:
        total += weight * score
        weight *= _NEXT_SECTION
    return total


def _links_of_alike(
    docs: "Docs", alike: list[tuple[float, int]], unlinked: tuple[str, str] | None
) -> dict[tuple[str, str], float]:
    """What error codes with the same words link to, (corpus, page), each with how alike the best one is."""
    scores = {rowid: score for score, rowid in alike}
    linked: dict[tuple[str, str], float] = {}
    for rowid, corpus, page in docs.rows(
        "SELECT link.section, there.corpus, there.page FROM link "
        "JOIN section AS here ON here.rowid = link.section "
        "JOIN section AS there ON there.rowid = target "
        f"WHERE link.section IN ({', '.join('?' * len(scores))}) AND (here.corpus, here.id) != (?, ?)",
        (*scores, *(unlinked or ("", ""))),
    ):
        share = scores[rowid] / alike[0][0]
        linked[corpus, page] = max(linked.get((corpus, page), 0.0), share)
    return linked


def _in_std(docs: "Docs", stats: _Stats, words: Mapping[str, int], query: Query) -> dict[int, float]:
    """Items of the standard library, by their words and by their names."""
    scores: dict[int, float] = {}
    chosen = _rare(docs, stats, words, {STD})
    if chosen:
        rows = docs.rows(
            f"SELECT rowid, -bm25(std_words, {_COLUMNS}) AS score FROM std_words WHERE std_words MATCH ? "
            "ORDER BY score DESC LIMIT ?",
            (_match(chosen), _MOST_HITS),
        )
        scores = dict(rows)
    best = max(scores.values(), default=1.0)
    for rowid, share in _named(docs, query).items():
        scores[rowid] = scores.get(rowid, 0.0) + _NAMED * best * share
    return scores


def _named(docs: "Docs", query: Query) -> dict[int, float]:
    """Items that the question names, with how sure it is that they are meant, 0 to 1."""
    asked = Counter(_names(" ".join((query.words, query.symbol, query.message, *query.labels))))
    shares: dict[int, float] = {}
    most = max(asked.values(), default=1)
    for name, n in asked.most_common(_MOST_NAMES):
        segment = name.rpartition("::")[2]
        rows = docs.rows(
            "SELECT path, item.section, (SELECT count(*) FROM link JOIN section AS here "
            "ON here.rowid = link.section "
            "WHERE target = item.section AND (here.corpus, here.id) != (?, ?)) "
            "FROM item WHERE name = ? LIMIT ?",
            (*(query.unlinked or ("", "")), segment, _MOST_NAMESAKES),
        )
        meant = [(rowid, n_links) for path, rowid, n_links in rows if f"::{path}".endswith(f"::{name}")]
        total = sum(1 + n_links for _, n_links in meant)
        for rowid, n_links in meant:
            share = (1 + n_links) / total * (0.5 + 0.5 * n / most)
            shares[rowid] = max(shares.get(rowid, 0.0), share)
    return shares


def _names(text: str) -> Iterator[str]:
    for found in _NAME.finditer(text):
        yield next(group for group in found.groups() if group)


def _match(words: Iterable[str]) -> str:
    return " OR ".join(f'"{word}"' for word in words)


def _hits(
    docs: "Docs", stats: _Stats, scores: Mapping[int, float], words: Mapping[str, int], k: int
) -> Iterator[Hit]:
    pages = set[str]()
    for rowid in sorted(scores, key=lambda rowid: -scores[rowid]):
        if len(pages) == k:
            return
        _, known = stats.pages.get(rowid, ("", ""))
        if known in pages:
            continue
        for _, section in docs.load([rowid]):
            page = known or section.link.partition("#")[0]
            block = _best_block(section, words)
            if page not in pages and block:
                pages.add(page)
                yield Hit(section, scores[rowid], block)


def _best_block(section: Section, words: Mapping[str, int]) -> Block | None:
    """The paragraph that has most of the words, for its length."""
    texts = [block for block in section.blocks if block.kind == "text"]

    def worth(block: Block) -> float:
        here = set(_split(block.text))
        return sum(1 + math.log(words[word]) for word in here if word in words) / math.sqrt(8 + len(here))

    return max(texts, key=worth, default=None)
