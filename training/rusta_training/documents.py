"""A text out of an admitted source, and how a heap of them is made fit to learn from."""

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence

from attrs import frozen

from . import dedupe, split
from .split import Split


@frozen
class Document:
    """A text to learn from.

    Attributes:
        source: its entry's hash in the ledger.
        crate: its entry's name.
        path: within the source; with ``#`` and a number for a program out of it.
        text: UTF-8; of a file thinned of long comments.
        edition: of a whole small program; empty for a file.
    """

    source: str
    crate: str
    path: str
    split: Split
    text: bytes
    edition: str = ""

    @property
    def sha256(self) -> str:
        """The hash of its text."""
        return hashlib.sha256(self.text).hexdigest()


def fit(documents: Sequence[Document], contaminated: Collection[str], counts: Counter[str]) -> list[Document]:
    """The documents without those that hold pieces of an evaluation set, and without near-duplicates.

    A text that is on two sides is kept where it is held out.

    Args:
        contaminated: the hashes of texts to be dropped.
        counts: told how many were dropped and why.
    """
    clean = [document for document in documents if document.sha256 not in contaminated]
    counts["in an evaluation set"] += len(documents) - len(clean)
    clean.sort(key=lambda document: split.SPLITS[::-1].index(document.split))  # of two the first is kept
    duplicates = dedupe.duplicates([document.text for document in clean])
    counts["near-duplicate"] += len(duplicates)
    return [document for index, document in enumerate(clean) if index not in duplicates]
