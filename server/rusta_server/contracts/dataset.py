"""Records of the data that the model learns from."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from attrs import field, frozen
from msgspec import Meta

from ..orchestrator import cards
from ..shapes import RelativePath, Sha256, Text
from ..tools.diagnostic import Diagnostic
from .patch import Patch


class ErrorClass(StrEnum):
    """The slices of errors that are told apart."""

    BORROW = "borrow checker"
    BOUNDS = "trait bounds"
    TYPES = "type mismatch"
    MOVES = "move/ownership"
    VISIBILITY = "visibility/resolution"
    SYNTAX = "syntax/basic"
    LINT = "lint/style"


@frozen
class Provenance:
    """A source of data: where it is from, and why it may be used or not.

    Attributes:
        v: the version of this format.
        name: of the package or document.
        version: as its makers count.
        licence: an SPDX expression; empty if none is known.
        source: how it came here: `toolchain`, `debian:librust-semver-dev`.
        sha256: of its archive, or of all its files in order.
        admitted: whether it may be learned from.
        reason: why, or why not.
    """

    name: Text
    version: Text
    kind: Literal["crate", "std", "docs", "generated"]
    licence: str
    source: Text
    sha256: Sha256
    admitted: bool
    reason: Text
    v: Literal[1] = 1

    def __attrs_post_init__(self) -> None:
        if self.admitted and not self.licence:
            raise ValueError("nothing is admitted without a licence")


@frozen
class Triplet:
    """Broken code, what the compiler says of it, and the fix.

    Attributes:
        v: the version of this format.
        broken: the files that do not compile.
        diagnostic: the error that the fix is for.
        fix: after it the compiler has nothing to say.
        operator: how the code was broken; `rustc` for a suggestion of the compiler.
        provenance: the sources it was made from, by the hash of their entry in the ledger.
    """

    broken: Annotated[Mapping[RelativePath, str], Meta(min_length=1)]
    diagnostic: Diagnostic
    fix: Patch
    klass: ErrorClass
    operator: Text
    edition: Literal["2015", "2018", "2021", "2024"]
    split: Literal["train", "valid", "test"]
    provenance: Annotated[tuple[Sha256, ...], Meta(min_length=1)]
    v: Literal[1] = 1


@frozen
class Selector:
    """A span of the documentation: verbatim words of a section."""

    corpus: Text
    id: Text
    quote: Text


@frozen
class Point:
    """One sentence, in several wordings, and the spans that say so, at least one.

    Attributes:
        say: the first wording whose placeholders are all known is used; none: the quote speaks.
    """

    cite: Annotated[tuple[Selector, ...], Meta(min_length=1)]
    say: tuple[Text, ...] = ()


@frozen
class Card:
    """What Rusta says of some error codes, lints, tokens or items.

    Attributes:
        v: the version of this format.
        node: kinds of syntax nodes, where a token's meaning depends on where it stands.
        message: a regular expression for the wording this card is for; None for every wording.
        labels: regular expressions for the labels of a diagnostic, by name.
        here: what the diagnostic means at its place, in several wordings.
        why: the rules behind it.
        ways: what can be done.
        related: what to read.
    """

    codes: tuple[Text, ...] = ()
    lints: tuple[Text, ...] = ()
    tokens: tuple[Text, ...] = ()
    items: tuple[Text, ...] = ()
    node: tuple[Text, ...] = ()
    message: Text | None = None
    labels: Mapping[str, Text] = field(factory=dict)
    here: tuple[Text, ...] = ()
    why: tuple[Point, ...] = ()
    ways: tuple[Point, ...] = ()
    related: tuple[Point, ...] = ()
    v: Literal[1] = 1


def of_card(card: cards.Card) -> Card:
    """A card as a record."""
    return Card(
        codes=card.codes,
        lints=card.lints,
        tokens=card.tokens,
        items=card.items,
        node=card.node,
        message=card.message.pattern if card.message else None,
        labels={name: pattern.pattern for name, pattern in card.labels.items()},
        here=card.here,
        why=tuple(map(_point, card.why)),
        ways=tuple(map(_point, card.ways)),
        related=tuple(map(_point, card.related)),
    )


def _point(point: cards.Point) -> Point:
    return Point(tuple(Selector(one.corpus, one.id, one.quote) for one in point.cite), point.say)
