"""Claims and what they rest on: citations or silence, enforced here and nowhere else.

A `Claim` is what somebody would like to say. Only `cite` turns it into a `Cited`, and only after every one of
its anchors was looked up in today's text; renderers take `Cited` alone.
"""

from collections.abc import Callable, Iterable

from attrs import field, frozen

from ..tools.docs import Anchor, Resolution, State

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
    """An anchor that was found again, and how."""

    anchor: Anchor
    state: State


_KEY = object()


@frozen
class Cited:
    """A claim whose every anchor resolves. Made by `cite` only."""

    text: str
    citations: tuple[Citation, ...]
    _key: object = field(default=None, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if self._key is not _KEY or not self.citations:
            raise ValueError("a claim is cited by `cite`, or not said")


def cite(claims: Iterable[Claim], resolve: Resolve) -> tuple[Cited, ...]:
    """The claims that may be said: those with at least one anchor, all of which resolve."""
    cited = []
    for claim in claims:
        found = [(resolve(anchor)) for anchor in claim.anchors]
        if found and all(one.anchor is not None for one in found):
            cited.append(
                Cited(
                    claim.text,
                    tuple(Citation(one.anchor, one.state) for one in found if one.anchor is not None),
                    _KEY,
                )
            )
    return tuple(cited)
