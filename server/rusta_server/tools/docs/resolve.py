"""Finding an anchor's span again."""

from typing import TYPE_CHECKING

from .anchor import ORPHAN, Anchor, Resolution, resolve_in

if TYPE_CHECKING:
    from .store import Docs


def resolve(docs: "Docs", anchor: Anchor) -> Resolution:
    """See `Docs.resolve`."""
    found = docs.section(anchor.corpus.split("@")[0], anchor.structural_id)
    return resolve_in(anchor, found) if found else ORPHAN
