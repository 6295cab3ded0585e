"""How well does the byte model know Rust? Bits per byte on unseen crates, next to what needs no network.

All are given the same bytes: whole documents of held-out crates, drawn by lot. They know different things:

* the *model* (the int8 graphs, through the engine) reads each document in windows as in training; what stood
  before a window it does not know, and it learns nothing from what it reads;
* *zstd* and *xz* get the bytes in one piece, and nothing else;
* *PPMd* likewise, or after it has read a sample of the training bytes; it goes on learning;
* the *5-gram* model was counted on that sample and does not change.

Bytes of a multi-byte character count one by one; the first byte of a document costs too.
"""

import lzma
import math
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from shutil import which
from typing import Final

import numpy as np
import pyppmd
from attrs import frozen
from numpy.typing import NDArray

from rusta_inference.codec import BOS
from rusta_inference.engine import Engine
from rusta_training.shards import Tokens, read_shards, samples_of

N_BYTES: Final = 500_000
N_KNOWN: Final = 10_000_000
WINDOW: Final = 1024
"""Tokens that the model saw at a time in training."""

# The longest contexts did best here of 6, 8, 12 and 16, and with less memory it forgets what it read before.
_PPMD_ORDER: Final = 16
_PPMD_MEMORY: Final = 2**30
_GRAM: Final = 5

Bytes = NDArray[np.uint8]
Keys = NDArray[np.int64]
Progress = Callable[[int, int], None]


@frozen
class Cost:
    """What something needs for the bytes.

    Attributes:
        known: the bytes of the training sample that it had read.
    """

    name: str
    bits_per_byte: float
    known: int


@frozen
class Report:
    """All costs, of the same bytes."""

    split: str
    n_bytes: int
    n_documents: int
    costs: tuple[Cost, ...]


def measure(
    engine: Engine, shards: Path, split: str, n_bytes: int, n_known: int, progress: Progress
) -> Report:
    """Measure everything on `n_bytes` bytes of a split of stage s0.

    Args:
        n_known: how many bytes of the training split the n-gram model and PPMd get.

    Raises:
        ShardError: the shards are not there.
    """
    documents = draw(shards / f"s0-{split}", n_bytes)
    text = np.concatenate([one[1:] for one in documents]).astype(np.uint8)
    known = first_bytes(shards / "s0-train", n_known)
    costs = [Cost(f"the model, windows of {WINDOW:,}", model_bits(engine, documents, progress), 0)]
    costs += baselines(text, known)
    return Report(split, len(text), len(documents), tuple(costs))


def draw(folder: Path, n_bytes: int) -> list[Tokens]:
    """Documents of a folder with `n_bytes` bytes together, the last one cut; the same every time."""
    documents = [one for shard in read_shards(folder) for one in samples_of(shard)]
    chosen: list[Tokens] = []
    for number in np.random.default_rng(0).permutation(len(documents)).tolist():
        left = n_bytes - sum(len(one) - 1 for one in chosen)
        if left <= 0:
            break
        chosen.append(documents[number][: left + 1])
    return chosen


def first_bytes(folder: Path, n_bytes: int) -> Bytes:
    """The first bytes of a folder of shards, without what stands between documents."""
    parts: list[Bytes] = []
    for tokens in read_shards(folder):
        parts.append(tokens[tokens != BOS].astype(np.uint8))
        if sum(map(len, parts)) >= n_bytes:
            break
    return np.concatenate(parts)[:n_bytes]


def model_bits(engine: Engine, documents: Sequence[Tokens], progress: Progress) -> float:
    """Bits per byte under the model. Each document begins with BOS, which is not counted.

    A window foretells its own tokens but the first, and the first one of the window after it: so each byte
    is foretold once.
    """
    starts = [(document, at) for document in documents for at in range(0, len(document) - 1, WINDOW)]
    nats, n_targets = 0.0, 0
    for done, (document, at) in enumerate(starts):
        progress(done, len(starts))
        window = document[at : at + WINDOW + 1].tolist()
        (score,) = engine.score(engine.prefill(window[:1]), [window[1:]])
        nats -= score.log_probability
        n_targets += len(window) - 1
    progress(len(starts), len(starts))
    return nats / n_targets / math.log(2)


def baselines(text: Bytes, known: Bytes) -> Iterator[Cost]:
    """What compressors and counts need for a text; `known` is read before by some of them."""
    raw, before = text.tobytes(), known.tobytes()

    def cost(name: str, n_compressed: int, n_known: int = 0) -> Cost:
        return Cost(name, 8 * n_compressed / len(raw), n_known)

    if zstd := which("zstd"):
        done = subprocess.run([zstd, "-19", "-c", "-q"], input=raw, stdout=subprocess.PIPE, check=True)
        yield cost("zstd -19", len(done.stdout))
    yield cost("xz -9e", len(lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME)))
    name = f"PPMd, order {_PPMD_ORDER}, {_PPMD_MEMORY // 2**20:,} MB"
    yield cost(name, ppmd_size([raw]))
    yield cost(name, ppmd_size([before, raw]) - ppmd_size([before]), len(known))
    yield Cost(f"{_GRAM}-gram, Kneser–Ney", n_gram_bits(text, known, _GRAM), len(known))


def ppmd_size(texts: Iterable[bytes]) -> int:
    """Bytes that PPMd (variant H, of 7-Zip) makes of some texts, one after the other."""
    encoder = pyppmd.Ppmd7Encoder(_PPMD_ORDER, _PPMD_MEMORY)
    return sum(len(encoder.encode(text)) for text in texts) + len(encoder.flush())


def n_gram_bits(text: Bytes, known: Bytes, order: int) -> float:
    """Bits per byte under an n-gram model of bytes with `order` - 1 (at most 6) bytes of context.

    Interpolated, modified Kneser–Ney (Chen and Goodman 1999, section 3): counts of the longest context are
    occurrences, those of shorter ones are how many different bytes came before; three discounts for each
    length, from the numbers of counts that are 1 to 4. The shortest is interpolated with all bytes alike.
    """
    keys, counts = np.unique(_grams(known, order), return_counts=True)
    levels = [(keys, counts)]
    for n in range(order - 1, 0, -1):
        keys, counts = np.unique(levels[-1][0] & ((1 << 8 * n) - 1), return_counts=True)
        levels.append((keys, counts))
    probability = np.full(len(text), 1 / 256)
    for n, (keys, counts) in zip(range(1, order + 1), reversed(levels), strict=True):
        probability[n - 1 :] = _interpolated(_grams(text, n), keys, counts, probability[n - 1 :])
    return float(-np.log2(probability).mean())


def _interpolated(
    asked: Keys, keys: Keys, counts: NDArray[np.int64], shorter: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The probability of each last byte after those before it, where `shorter` is that of less context."""
    discounts = np.array([0.0, *_discounts(counts)])
    kinds = np.minimum(counts, 3)
    contexts, starts = np.unique(keys >> 8, return_index=True)
    totals = np.add.reduceat(counts, starts)
    withheld = np.add.reduceat(discounts[kinds], starts)
    at = np.minimum(np.searchsorted(contexts, asked >> 8), len(contexts) - 1)
    at_key = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    seen = np.where(keys[at_key] == asked, counts[at_key] - discounts[kinds[at_key]], 0.0)
    return np.where(contexts[at] == asked >> 8, (seen + withheld[at] * shorter) / totals[at], shorter)


def _discounts(counts: NDArray[np.int64]) -> tuple[float, float, float]:
    """What is taken from counts of 1, of 2, and of 3 or more; a half where there are too few to tell."""
    ones, twos, threes, fours = (int((counts == n).sum()) for n in (1, 2, 3, 4))
    if not (ones and twos and threes):
        return 0.5, 0.5, 0.5
    y = ones / (ones + 2 * twos)
    return 1 - 2 * y * twos / ones, 2 - 3 * y * threes / twos, 3 - 4 * y * fours / threes


def _grams(text: Bytes, n: int) -> Keys:
    """Each run of n bytes as a number, the last byte lowest."""
    size = len(text) - n + 1
    keys = np.zeros(max(0, size), np.int64)
    for i in range(n):
        keys = keys << 8 | text[i : i + size]
    return keys
