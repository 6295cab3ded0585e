"""Knowledge cards: what Rusta says of an error, a lint, a keyword or an item, and where that is written.

A card holds our words and, for each sentence, a selector of the span that says so. Selectors are looked up in
the documentation on this machine when the sentence is shown; one that is not found there is not said.

The cards are TOML, in the folder `cards` beside this module::

    [[card]]
    codes = ["E0382"]          # or tokens, lints, items; none of them: diagnostics without a code
    message = '(?:borrow|use) of moved value: `(?P<name>[^`]+)`'
    labels.moved = 'value moved here'
    here = ["`{name}` was moved away on line {moved.line}.", "This value was moved away before this use."]
    [[card.why]]
    say = "Every value has exactly one owner."
    cite = { corpus = "book", id = "ch04-01-what-is-ownership/ownership-rules", quote = "There can …" }
    [[card.ways]]
    say = ["Lend `{name}` instead: `&{name}`.", "Lend it instead of giving it away."]
    cite = { corpus = "book", id = "…", quote = "…" }

`message` is searched in the diagnostic's message, each of `labels` in the labels of its spans and, after
those, in its notes. ``{name}`` is a named group of `message`, ``{moved.ty}`` one of the label `moved`,
``{moved.line}`` and ``{moved.text}`` are the line and the source text that the label marks; ``{here.line}``
and ``{here.text}`` those of the diagnostic itself. Of several wordings the first whose placeholders are all
known is used. Of several cards for a code the first whose `message` is found, before those without one.

Where a token's meaning depends on where it stands, a card of `tokens` also gives `node`: the kinds of the
syntax nodes around it for which it speaks (see `tokens.token_at`).
"""

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cattrs
from attrs import field, frozen
from cattrs.gen import make_dict_structure_fn

from ..errors import RustaError
from ..tools.docs import Anchor, Docs, Resolution, Section, State, anchor

FOLDER = Path(__file__).parent / "cards"
PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)?)\}")
_LIFETIME = re.compile(r"'\w+")
_OF_A_SPAN = ("line", "text")
_LONGEST_QUOTE = 400

FindSection = Callable[[str, str], Section | None]


@frozen
class Selector:
    """A span of the documentation, chosen by whoever wrote the card."""

    corpus: str
    id: str
    quote: str

    def anchor(self, find: FindSection) -> Anchor:
        """The anchor of the quote in today's section; one still to look up where it is not there any more."""
        section = find(self.corpus, self.id)
        if section and self.quote.strip() and self.quote in section.text:
            return anchor(section, self.quote)
        sha256 = hashlib.sha256(self.quote.encode()).hexdigest()
        return Anchor(self.corpus, self.id, self.quote, "", "", 0, sha256, "")


@frozen
class Point:
    """One sentence, in several wordings, and the spans that say so. No wording: the quote speaks."""

    cite: tuple[Selector, ...]
    say: tuple[str, ...] = ()


@frozen
class Card:
    """What is known of some codes, lints, tokens or items; see the module for the fields."""

    codes: tuple[str, ...] = ()
    lints: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    node: tuple[str, ...] = ()
    message: re.Pattern[str] | None = None
    labels: Mapping[str, re.Pattern[str]] = field(factory=dict)
    here: tuple[str, ...] = ()
    why: tuple[Point, ...] = ()
    ways: tuple[Point, ...] = ()
    related: tuple[Point, ...] = ()

    @property
    def name(self) -> str:
        """What it is about, for a person."""
        return ", ".join((*self.codes, *self.lints, *self.tokens, *self.items)) or "no code"

    def points(self) -> Iterator[Point]:
        """All its sentences that cite the documentation."""
        yield from (*self.why, *self.ways, *self.related)


@frozen
class Cards:
    """All cards, by what they are about."""

    about: Mapping[str, Sequence[Card]]
    without_code: Sequence[Card]

    def for_diagnostic(self, code: str | None, message: str) -> Card | None:
        """The card for a diagnostic of the compiler."""
        known = self.without_code
        if code:  # an attribute may be called like a lint: `deprecated`
            known = [card for card in self.about.get(code, ()) if code in (*card.codes, *card.lints)]
        fitting = (card for card in known if card.message and card.message.search(message))
        return next(fitting, None) or next((card for card in known if not card.message), None)

    def for_token(self, text: str, node: str) -> Card | None:
        """The card for a token in a syntax node of this kind; else one for every kind."""
        known = self.about_token(text)
        here = (card for card in known if node in card.node)
        return next(here, None) or next((card for card in known if not card.node), None)

    def about_token(self, text: str) -> tuple[Card, ...]:
        """All cards for a token, wherever it stands; `'a` is any lifetime or label without its own."""
        named = tuple(card for card in self.about.get(text, ()) if text in card.tokens)
        return named if named or not _LIFETIME.fullmatch(text) else tuple(self.about.get("'a", ()))

    def about_subject(self, subject: str) -> tuple[Card, ...]:
        """The cards for a code, lint, token or item path as such; those for no special message first."""
        return tuple(sorted(self.about.get(subject, ()), key=lambda card: card.message is not None))


@cache
def load(folder: Path = FOLDER) -> Cards:
    """Read all cards of a folder.

    Raises:
        RustaError: a file is not a file of cards; the message names it and the fault.
    """
    about: dict[str, list[Card]] = {}
    without_code: list[Card] = []
    for file in sorted(folder.glob("*.toml")):
        for card in read(file):
            subjects = (*card.codes, *card.lints, *card.tokens, *card.items)
            for subject in subjects:
                about.setdefault(subject, []).append(card)
            if not subjects:
                without_code.append(card)
    return Cards(about, without_code)


def read(file: Path) -> tuple[Card, ...]:
    """The cards of one file.

    Raises:
        RustaError: it is not TOML, has unknown keys, or a regular expression is broken.
    """
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
        return _converter().structure(raw, _File).card
    except Exception as error:
        why = "; ".join(cattrs.transform_error(error)) if isinstance(error, ExceptionGroup) else str(error)
        raise RustaError(f"{file}: {why}") from error


def fill(wordings: Iterable[str], known: Mapping[str, str]) -> str | None:
    """The first wording whose placeholders are all known, filled in."""
    for wording in wordings:
        if all(name in known for name in PLACEHOLDER.findall(wording)):
            return PLACEHOLDER.sub(lambda match: known[match[1]], wording)
    return None


def problems(card: Card, docs: Docs | None) -> Iterator[str]:
    """What is wrong with a card; without `docs` its selectors are not looked up."""
    named = card.codes or card.lints
    if not named and not card.message and not card.tokens and not card.items:
        yield "it is about nothing: give codes, lints, tokens, items or a message"
    if card.here and not (named or card.message):
        yield "`here` speaks of a diagnostic, and this card is about none"
    defined = _defined(card)
    for wording in (*card.here, *(wording for point in card.points() for wording in point.say)):
        yield from (f"unknown {{{name}}} in {wording!r}" for name in set(_names(wording)) - defined)
        if wording.count("`") % 2:
            yield f"an odd number of backticks in {wording!r}"
        if not wording.endswith((".", "?", "!", ":", "`", ")")):
            yield f"not a sentence: {wording!r}"
    for point in card.points():
        if not point.cite:
            yield f"nothing is cited for {point.say!r}"
        for selector in point.cite:
            where = f"{selector.corpus}/{selector.id}"
            if not selector.quote.strip() or len(selector.quote) > _LONGEST_QUOTE:
                yield f"{where}: a quote has 1 to {_LONGEST_QUOTE} characters"
            elif docs:
                found = docs.resolve(selector.anchor(docs.section))
                if found.state != State.VALID:
                    yield f"{where}: {found.state}: {selector.quote!r}" + _nearest(found)


def _nearest(found: Resolution) -> str:
    return f" (now in {found.anchor.structural_id}: {found.anchor.quote!r})" if found.anchor else ""


def _defined(card: Card) -> set[str]:
    defined = set(card.message.groupindex) if card.message else set()
    if card.codes or card.lints or card.message:
        defined |= {f"here.{name}" for name in _OF_A_SPAN}
    for label, pattern in card.labels.items():
        defined |= {f"{label}.{name}" for name in (*_OF_A_SPAN, *pattern.groupindex)}
    return defined


def _names(wording: str) -> list[str]:
    return PLACEHOLDER.findall(wording)


@frozen
class _File:
    card: tuple[Card, ...]


@cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    converter.register_structure_hook_func(
        lambda kind: kind == re.Pattern[str], lambda text, _: re.compile(text)
    )
    strict_point = make_dict_structure_fn(Point, converter, _cattrs_forbid_extra_keys=True)

    def point(raw: dict[str, Any], _: type[Point]) -> Point:
        """`say` and `cite` may each be one thing or a list."""
        as_lists = {
            key: value if isinstance(value, list) or key not in ("say", "cite") else [value]
            for key, value in raw.items()
        }
        return strict_point(as_lists, Point)

    converter.register_structure_hook(Point, point)
    return converter
