"""Claims and what they rest on: citations or silence, enforced here and nowhere else.

A `Claim` is what somebody would like to say. Only `cite` turns it into a `Cited`, and only after every one of
its anchors was looked up in today's text. Renderers take `Cited` alone, and ask `is_genuine` of each: a
`Cited` is sealed, so neither a copy with other words nor one with another quote is one.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping

from attrs import astuple, field, frozen
from rapidfuzz import fuzz

from ..tools.docs import Anchor, Resolution, Section, State
from ..tools.docs.anchor import LEAST_LIKENESS, ORPHAN, resolve_in

Resolve = Callable[[Anchor], Resolution]


@frozen
class Claim:
    """One sentence in Rusta's words and the spans that say so.

    Attributes:
        text: plain words with `code` in backticks; empty where the quote speaks for itself.
    """

    text: str
    anchors: tuple[Anchor, ...]


@frozen
class Citation:
    """An anchor that was found again, and how. A drifted one quotes today's wording.

    Attributes:
        label: the name of the place for a person: "Book: Ownership Rules".
    """

    anchor: Anchor
    state: State
    label: str


@frozen
class Cited:
    """A claim whose every anchor resolves. Made by `cite` only."""

    text: str
    citations: tuple[Citation, ...]
    _seal: bytes = field(default=b"", repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if not is_genuine(self):
            raise ValueError("a claim is cited by `cite`, or not said")


def cite(
    claims: Iterable[Claim], resolve: Resolve, label: Callable[[Anchor], str] = lambda anchor: anchor.id
) -> tuple[Cited, ...]:
    """The claims that may be said: those with at least one anchor, all of which resolve.

    Args:
        label: names the place of an anchor for a person.
    """
    cited = []
    for claim in claims:
        citations = tuple(_look_up(anchor, resolve, label) for anchor in claim.anchors)
        found = tuple(citation for citation in citations if citation)
        if found and len(found) == len(citations):
            cited.append(Cited(claim.text, found, _sealed(claim.text, found)))
    return tuple(cited)


def is_genuine(claim: object) -> bool:
    """Whether this was made by `cite` and is as it was then."""
    return (
        type(claim) is Cited
        and bool(claim.citations)
        and hmac.compare_digest(claim._seal, _sealed(claim.text, claim.citations))
    )


def by_corpus(resolvers: Mapping[str, Resolve]) -> Resolve:
    """One way to look anchors up, made of several: by the corpus' name without its version.

    The name ``crate`` stands for every ``crate:…``, the empty name for all that is not listed.
    """

    def resolve(anchor: Anchor) -> Resolution:
        name = anchor.corpus.partition("@")[0]
        chosen = resolvers.get("crate" if name.startswith("crate:") else name, resolvers.get(""))
        return chosen(anchor) if chosen else ORPHAN

    return resolve


def within(*sections: Section) -> Resolve:
    """Look anchors up in these sections alone."""
    known = {(section.corpus, section.id): section for section in sections}

    def resolve(anchor: Anchor) -> Resolution:
        section = known.get((anchor.corpus, anchor.structural_id))
        return resolve_in(anchor, section) if section else ORPHAN

    return resolve


# New in every process: a seal cannot be kept in a file and brought back.
_SECRET = secrets.token_bytes(32)


def _sealed(text: str, citations: tuple[Citation, ...]) -> bytes:
    content = repr((text, [astuple(citation) for citation in citations]))
    return hashlib.blake2b(content.encode(errors="surrogatepass"), key=_SECRET, digest_size=16).digest()


def _look_up(anchor: Anchor, resolve: Resolve, label: Callable[[Anchor], str]) -> Citation | None:
    """What `resolve` found, if it is what it says: no resolver is taken at its word."""
    found = resolve(anchor)
    today = found.anchor
    if today is None or not today.quote.strip():
        return None
    same_corpus = today.corpus.partition("@")[0] == anchor.corpus.partition("@")[0]
    if not same_corpus or hashlib.sha256(today.quote.encode()).hexdigest() != today.sha256:
        return None
    if today.quote == anchor.quote and found.state == State.VALID:
        return Citation(today, State.VALID, label(today))
    if found.state == State.DRIFTED and fuzz.ratio(anchor.quote, today.quote) / 100 >= LEAST_LIKENESS:
        return Citation(today, State.DRIFTED, label(today))
    return None
