"""Documents to samples of the first two stages: which of them, in what order, and how much of each crate."""

import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from rusta_inference.codec import BOS

from . import infill
from .documents import Document
from .shards import Tokens
from .sources import RUSTS_OWN
from .split import Split

MAX_CRATE_SHARE: Final = 0.03
"""No crate gives more than this part of the bytes: one big crate's manners are not everyone's."""

# Unless there is little in all.
_ANY_CRATE_BYTES = 1_000_000

# Of a file, one sample for that many bytes: each byte is then seen about once. Listings are small programs
# that say much in few lines, like those that people ask about: they are looked at more often.
_BYTES_PER_SAMPLE = 1000
_LISTING_BYTES_PER_SAMPLE = 250
_SHUFFLE_SEED = 20_250_101


def of_side(documents: Iterable[Document], side: Split) -> list[Document]:
    """The documents of one side; of what is held out crates only, for figures are about whole crates."""
    return [d for d in documents if d.split == side and (side == "train" or d.crate not in RUSTS_OWN)]


def s0(documents: Sequence[Document], n_bytes: int | None) -> Iterator[Tokens]:
    """Whole files, up to ``n_bytes`` of them (None: all), in the order of a hash."""
    for document in chosen(documents, "s0", n_bytes):
        yield np.concatenate(
            [np.array([BOS], dtype=np.uint16), np.frombuffer(document.text, dtype=np.uint8).astype(np.uint16)]
        )


def s1(documents: Sequence[Document], n_bytes: int | None) -> list[Tokens]:
    """Infilling samples, shuffled: up to ``n_bytes`` tokens (None: about one for every 1,000 bytes)."""
    samples: list[Tokens] = []
    left = n_bytes
    for document in chosen(documents, "s1", None):
        density = _LISTING_BYTES_PER_SAMPLE if document.edition else _BYTES_PER_SAMPLE
        for sample in infill.samples(document.text, f"{document.source}:{document.path}", density):
            samples.append(sample)
            if left is not None:
                left -= len(sample)
        if left is not None and left <= 0:
            break
    random.Random(_SHUFFLE_SEED).shuffle(samples)
    return samples


def chosen(documents: Iterable[Document], salt: str, n_bytes: int | None) -> Iterator[Document]:
    """Documents in the order of a salted hash, crates capped, until ``n_bytes`` are reached."""

    def place(document: Document) -> bytes:
        return hashlib.sha256(f"{salt}:{document.source}:{document.path}".encode()).digest()

    ordered = sorted(documents, key=place)
    total = sum(len(document.text) for document in ordered)
    cap = max(MAX_CRATE_SHARE * min(total, n_bytes or total), _ANY_CRATE_BYTES)
    taken: Counter[str] = Counter()
    for document in ordered:
        size = len(document.text)
        if document.split == "train" and taken[document.crate] + size > cap:
            continue
        if n_bytes is not None and taken.total() >= n_bytes:
            return
        taken[document.crate] += size
        yield document
