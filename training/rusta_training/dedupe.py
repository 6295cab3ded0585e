"""Texts that repeat others, exactly or nearly: MinHash over runs of bytes (A. Broder, 1997) and banding.

Shingles are runs of 32 bytes, white space counted as one space; every eighth is looked at, chosen by its
hash, so that equal runs are chosen in every text.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

SHINGLE_BYTES: Final = 32  # a power of two: see `_shingles`
SIMILAR: Final = 0.7
"""Texts that share this part of their shingles (Jaccard) or more are near-duplicates."""

_SAMPLED = 8
_BANDS, _ROWS = 16, 8  # two texts of Jaccard s meet in a band with probability 1 - (1 - s^8)^16
_PERMUTATIONS = _BANDS * _ROWS
_SEED = 20_250_101

_U64 = np.uint64


def duplicates(texts: Sequence[bytes]) -> set[int]:
    """The indices of texts that nearly repeat an earlier one that is kept."""
    generator = np.random.default_rng(_SEED)
    factors = generator.integers(1, 2**63, _PERMUTATIONS, dtype=_U64) * _U64(2) + _U64(1)
    offsets = generator.integers(0, 2**63, _PERMUTATIONS, dtype=_U64)
    seen: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    signatures: dict[int, NDArray[np.uint64]] = {}
    dropped: set[int] = set()
    for index, text in enumerate(texts):
        signature = _signature(text, factors, offsets)
        bands = [(band, signature[band * _ROWS : (band + 1) * _ROWS].tobytes()) for band in range(_BANDS)]
        candidates = {other for band in bands for other in seen.get(band, ())}
        if any(np.mean(signatures[other] == signature) >= SIMILAR for other in candidates):
            dropped.add(index)
            continue
        signatures[index] = signature
        for band in bands:
            seen[band].append(index)
    return dropped


def _signature(text: bytes, factors: NDArray[np.uint64], offsets: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The least of the shingles' hashes under each of the permutations: uint64 [permutations]."""
    hashes = _shingles(b" ".join(text.split()))
    sampled = hashes[hashes % _U64(_SAMPLED) == 0]
    # A short text may have no sampled shingle at all; then all of them are looked at.
    hashes = np.unique(sampled if len(sampled) >= _ROWS else hashes)
    least = np.full(_PERMUTATIONS, np.iinfo(_U64).max, dtype=_U64)
    for start in range(0, len(hashes), 4096):
        some = hashes[start : start + 4096]
        mixed = some[None, :] * factors[:, None] + offsets[:, None]
        mixed ^= mixed >> _U64(32)
        least = np.minimum(least, mixed.min(axis=1))
    return least


def _shingles(text: bytes) -> NDArray[np.uint64]:
    """A hash of every run of `SHINGLE_BYTES` bytes; of the whole text if it is shorter: uint64 [n]."""
    values = np.frombuffer(text.ljust(SHINGLE_BYTES, b"\0"), dtype=np.uint8).astype(_U64) + _U64(1)
    factor, width = _U64(0x9E3779B97F4A7C15), 1
    with np.errstate(over="ignore"):
        while width < SHINGLE_BYTES:  # a run of 2n bytes is two runs of n
            values = values[:-width] * factor + values[width:]
            factor, width = factor * factor, 2 * width
        values ^= values >> _U64(29)
        values *= _U64(0xBF58476D1CE4E5B9)
        values ^= values >> _U64(32)
    return values
