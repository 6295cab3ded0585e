"""Explanations: of a diagnostic, an error code, a lint, an item or a token, each claim with its citation.

A card says it in our words where there is one; where there is none the documentation speaks, in its own.
What cannot be cited is not said; nothing to say is None.
"""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from attrs import frozen

from ..tools.diagnostic import Diagnostic
from ..tools.docs import Anchor, Docs, Explained, Resolution, Section, State
from ..tools.docs.anchor import ORPHAN, resolve_in
from ..tools.docs.diagnosed import of_diagnostic_section
from . import facts, quotes
from .cards import Card, Cards, Point
from .claims import Cited, Claim, Resolve, by_corpus, cite, within

# `Explained` stands in where the toolchain has no documentation.
Documentation = Docs | Explained

# No code, keyword or item path is longer.
LONGEST_NAME = 200
_MOST_WAYS = 3
_MOST_RELATED = 3

_CODE = re.compile(r"E\d{4}")
# As a person copies it from the compiler: `error[E0502]: cannot borrow …`; and an attribute as it is written.
_COPIED = re.compile(r"(?:error)?\[?(E\d{4})\]?(?::.*)?", re.IGNORECASE | re.DOTALL)
_ATTRIBUTE = re.compile(r"#!?\[(\w+)\]")
_NAMES = {
    "book": "Book",
    "reference": "Reference",
    "rust-by-example": "Rust by Example",
    "nomicon": "Nomicon",
    "error_codes": "error index",
    "clippy": "Clippy",
    "cargo": "Cargo book",
    "edition-guide": "Edition Guide",
    "rustc": "rustc book",
    "repo": "this repository",
    "explain": "rustc --explain",
}
# Where something is explained that another page only mentions.
_TO_READ = ("book", "reference", "rust-by-example", "nomicon", "edition-guide")
# Sections of an item's documentation that say when it goes wrong or what it costs.
_BELOW = {
    "panics": "panics",
    "errors": "errors",
    "safety": "safety",
    "complexity": "complexity",
    "time-complexity": "complexity",
    "performance": "complexity",
    "aborts": "panics",
    "overflow-behavior": "panics",
    "undefined-behavior": "safety",
    "unsafety": "safety",
}
_COST = re.compile(r"\b[OΘ]\(|\bamortized\b|\bconstant time\b|\blinear time\b")


@frozen
class Part:
    """Claims that answer one question.

    Attributes:
        heading: ``here`` (what it means in this place), ``docs``, ``why``, ``ways``, ``panics``, ``errors``,
            ``safety``, ``complexity`` or ``related``.
    """

    heading: str
    claims: tuple[Cited, ...]


@frozen
class Explanation:
    """What Rusta has to say of something.

    Attributes:
        subject: what it is about, for a person: "E0382: borrow of moved value: `s`".
        parts: in the order in which they are shown; none is empty.
        command: the command that shows all of it.
    """

    subject: str
    parts: tuple[Part, ...]
    command: str

    def claims(self) -> Iterator[Cited]:
        """All that is said."""
        for part in self.parts:
            yield from part.claims

    def anchors(self) -> Iterator[Anchor]:
        """All that is cited."""
        return (citation.anchor for claim in self.claims() for citation in claim.citations)

    @property
    def is_only_the_diagnostic(self) -> bool:
        """Whether it only repeats what the compiler said: nothing new for somebody who sees that anyway."""
        return all(anchor.corpus.startswith("diagnostic@") for anchor in self.anchors())


def of_name(name: str, docs: Documentation | None, cards: Cards) -> Explanation | None:
    """What a code, lint, keyword, operator or item of the standard library is, by the name a person gives."""
    wanted = name.strip()
    if len(wanted) > LONGEST_NAME:
        return None
    if copied := _COPIED.fullmatch(wanted):
        return of_code(copied[1].upper(), docs, cards)
    if attribute := _ATTRIBUTE.fullmatch(wanted):
        return of_token(attribute[1], docs, cards)
    found = of_code(wanted, docs, cards) or of_token(wanted, docs, cards)
    if found is None and docs:
        item = docs.item(wanted)
        found = of_item(item, docs, cards) if item else None
    return found


def of_diagnostic(
    diagnostic: Diagnostic,
    docs: Documentation | None,
    cards: Cards,
    *,
    version: str = "",
    root: Path | None = None,
) -> Explanation | None:
    """What a diagnostic means in its place, why there is such a rule, and the usual ways out.

    Args:
        docs: None where there is no documentation; the diagnostic itself can be cited all the same.
        version: rustc's, where there is no documentation that knows it.
        root: the folder that the diagnostic's relative paths start from.
    """
    section = of_diagnostic_section(diagnostic, docs.toolchain.version if docs else version, root)
    card = cards.for_diagnostic(diagnostic.code, diagnostic.message)
    known = facts.facts(diagnostic, card) if card else facts.NOTHING
    page = _page(diagnostic.code, docs)
    say = _Saying(docs, within(section))
    code = diagnostic.code or diagnostic.level
    return say.explanation(
        f"{code}: {diagnostic.message}",
        _command(diagnostic),
        [
            ("here", say.all([facts.here(diagnostic, section, card)])),
            *_of_card_or_page(say, card, known.wording, page),
        ],
    )


def of_code(code: str, docs: Documentation | None, cards: Cards) -> Explanation | None:
    """What an error code of the compiler, or a lint (`clippy::…` or rustc's), means anywhere."""
    page = _page(code, docs)
    about = (card for card in cards.about_subject(code) if code in (*card.codes, *card.lints))
    card = next(about, None)
    say = _Saying(docs)
    return say.explanation(
        f"{code}: {page.title}" if page and page.title != code else code,
        f"rusta explain {code}",
        [
            ("docs", say.quotes([quotes.opening(page)]) if page else ()),
            *_of_card_or_page(say, card, facts.NOTHING.wording, page, with_opening=False),
        ],
    )


def of_item(
    section: Section, docs: Documentation | None, cards: Cards, below: Sequence[Section] = ()
) -> Explanation | None:
    """What matters of an item's documentation: what it does, when it fails, what it costs.

    Args:
        section: what is written of it, up to the first heading: of the standard library, the repository or
            a dependency.
        below: what stands under each heading; looked up for an item of the standard library.
    """
    is_std = _corpus(section) == "std"
    if is_std and docs and not below:
        below = [found for slug in _BELOW if (found := docs.section("std", f"{section.id}/{slug}"))]
    say = _Saying(docs, within(section, *below))
    says = [quotes.first_sentence(section), quotes.notice(section)]
    parts: dict[str, tuple[Cited, ...]] = {"docs": say.quotes(says)}
    for other in below:
        heading = _BELOW.get(other.id.rpartition("/")[2])
        if heading:
            parts[heading] = parts.get(heading, ()) + say.quotes([quotes.opening(other)])
    if "complexity" not in parts:
        parts["complexity"] = say.quotes(list(quotes.naming(section, _COST))[:1])
    points = [point for card in cards.about_subject(section.id) for point in card.points()]
    related = say.points(points, facts.NOTHING.wording)
    linked = say.linked(section) if is_std else ()
    parts["related"] = _new(linked, related, related)[:_MOST_RELATED]
    spoken = next((claim.citations[0].anchor.id for claims in parts.values() for claim in claims), "")
    command = f"explain {section.id}" if is_std else f"anchor show {shlex.quote(spoken)}"
    return say.explanation(section.title, f"rusta {command}", list(parts.items()))


def of_token(text: str, docs: Documentation | None, cards: Cards, node: str = "") -> Explanation | None:
    """What a keyword, operator or attribute means.

    Args:
        text, node: as in `tokens.Token`: as it is written, and the kind of syntax node that it stands in;
            without a node all that it can mean.
    """
    say = _Saying(docs)
    known = (cards.for_token(text, node),) if node else cards.about_token(text)
    wording = facts.NOTHING.wording
    spoken = [card for card in known if card]
    is_name = text == "union" and not spoken  # a keyword only where a union is declared
    page = docs.item(f"std::keyword.{text}") if docs and text.isidentifier() and not is_name else None
    meaning = say.points((point for card in spoken for point in (*card.why, *card.ways)), wording)
    keyword = say.quotes([quotes.first_sentence(page)]) if page else ()
    related = say.points((point for card in spoken for point in card.related), wording)
    return say.explanation(
        f"`{text}`",
        f"rusta explain {shlex.quote(text)}",
        [
            ("docs", meaning or keyword),
            ("related", (related + keyword if meaning else related)[:_MOST_RELATED]),
        ],
    )


class _Saying:
    """What may be said with these sources: everything goes through `cite`."""

    def __init__(self, docs: Documentation | None, here: Resolve | None = None) -> None:
        """`here` looks up what is no part of `docs`: a diagnostic, a section of a source file."""
        self._docs = docs
        own = dict.fromkeys(("diagnostic", "repo", "crate"), here) if here else {}
        self._resolve = by_corpus({**own, "": self._look_up})
        self._sections: dict[tuple[str, str], Section | None] = {}

    def all(self, claims: Iterable[Claim]) -> tuple[Cited, ...]:
        """Those of the claims that may be said."""
        return cite(claims, self._resolve, self._label)

    def quotes(self, anchors: Iterable[Anchor | None]) -> tuple[Cited, ...]:
        """Quotes that speak for themselves."""
        return self.all(Claim("", (anchor,)) for anchor in anchors if anchor)

    def points(
        self, points: Iterable[Point], wording: Callable[[tuple[str, ...]], str | None]
    ) -> tuple[Cited, ...]:
        """What a card says, as far as its placeholders are known and its citations stand here."""
        claims = []
        for point in points:
            text = wording(point.say) if point.say else ""
            if text is not None:
                claims.append(Claim(text, tuple(one.anchor(self._section) for one in point.cite)))
        return self.all(claims)

    def linked(self, page: Section) -> tuple[Cited, ...]:
        """The places that an official page links to, by their headings."""
        linked = self._docs.linked(page) if self._docs else ()
        return self.quotes(quotes.heading(one) for one in linked if _corpus(one) in _TO_READ)

    def explanation(
        self, subject: str, command: str, parts: Sequence[tuple[str, tuple[Cited, ...]]]
    ) -> Explanation | None:
        """The parts that say something, if there is one."""
        full = tuple(Part(heading, claims) for heading, claims in parts if claims)
        return Explanation(subject, full, command) if full else None

    def _section(self, corpus: str, id: str) -> Section | None:
        """As `Docs.section`; each is read only once, which takes most of the time."""
        if (corpus, id) not in self._sections:
            self._sections[corpus, id] = self._docs.section(corpus, id) if self._docs else None
        return self._sections[corpus, id]

    def _look_up(self, anchor: Anchor) -> Resolution:
        section = self._section(anchor.corpus.partition("@")[0], anchor.structural_id)
        there = resolve_in(anchor, section) if section else ORPHAN
        if there.state == State.VALID or self._docs is None:
            return there
        return self._docs.resolve(anchor)

    def _label(self, anchor: Anchor) -> str:
        corpus, _, version = anchor.corpus.partition("@")
        if corpus == "diagnostic":
            return f"rustc {version}".strip()
        name = _NAMES.get(corpus, corpus.removeprefix("crate:"))
        section = self._section(corpus, anchor.structural_id)
        title = section.title if section else anchor.structural_id
        return f"{name}: {title.removeprefix('clippy::')}"


def _of_card_or_page(
    say: _Saying,
    card: Card | None,
    wording: Callable[[tuple[str, ...]], str | None],
    page: Section | None,
    *,
    with_opening: bool = True,
) -> list[tuple[str, tuple[Cited, ...]]]:
    """Why, ways out and what to read: the card's, or where it has none the page's own words."""
    opening = say.quotes([quotes.opening(page)]) if page and with_opening else ()
    reason = say.quotes([quotes.reason(page)]) if page else ()
    why = say.points(card.why, wording) if card else ()
    ways = say.points(card.ways, wording) if card else ()
    if not ways and page:
        ways = say.quotes(quotes.ways_out(page)[:_MOST_WAYS])
    related = say.points(card.related, wording) if card else ()
    more = (*(opening if why or reason else ()), *(say.linked(page) if page else ()))
    return [
        ("why", why or reason or opening),
        ("ways", ways),
        ("related", _new(more, (*why, *ways, *related), related)[:_MOST_RELATED]),
    ]


def _new(more: Iterable[Cited], said: Iterable[Cited], first: tuple[Cited, ...]) -> tuple[Cited, ...]:
    """`first` and those of `more` that lead to places that nothing that was said leads to."""
    places = {_place(claim) for claim in said}
    return (*first, *(claim for claim in more if _place(claim) not in places))


def _place(claim: Cited) -> tuple[str, str]:
    anchor = claim.citations[0].anchor
    return anchor.corpus, anchor.structural_id


def _corpus(section: Section) -> str:
    return section.corpus.partition("@")[0]


def _page(code: str | None, docs: Documentation | None) -> Section | None:
    """The official page of an error code or lint."""
    if not code or not docs:
        return None
    if _CODE.fullmatch(code):
        return docs.section("error_codes", code)
    if code.startswith("clippy::"):
        found = docs.section("clippy", code.removeprefix("clippy::"))
    else:
        found = docs.section("rustc", code)
    return found if found and found.kind == "lint" else None


def _command(diagnostic: Diagnostic) -> str:
    place = diagnostic.primary
    if place is None:
        return f"rusta explain {diagnostic.code}"
    # Whoever copies it into a shell must not run what a file is called.
    return f"rusta explain {shlex.quote(f'{place.path}:{place.line}:{place.column}')}"
