"""Rows of tokens for training, drawn from shards.

A row is one sample, or a piece of one that is longer than the context, so samples never see each other. Rows
of similar length make a batch; there are only a few lengths, because each is compiled once. All batches hold
about the same number of tokens. Which batch comes when depends on the seed and on how many came before, so a
run that is resumed sees what it would have seen.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from rusta_inference.codec import BOS, EDIT, END, FILL, PAD
from rusta_training.shards import MANIFEST, Tokens, read_shards

ROW_LENGTHS = (512, 768, 1024)
"""The lengths of rows; the last is the context."""
JUDGED = (EDIT, END, FILL)
"""Where the confidence head speaks: before an answer, and after it."""
INPUT_WEIGHT = {"s0": 1.0, "s1": 1.0, "s2": 0.2, "s3": 0.2}
"""What a token that is only read weighs in the loss, by stage. What is written weighs 1."""


@frozen(eq=False)
class Batch:
    """Rows of one length. All arrays are [rows, length].

    Attributes:
        tokens: what is read.
        targets: the token after each; PAD behind a sample's end.
        weights: of each target in the loss.
        answers: whether the target is written by the model (it follows EDIT or FILL).
    """

    stage: str
    tokens: NDArray[np.int64]
    targets: NDArray[np.int64]
    weights: NDArray[np.float32]
    answers: NDArray[np.bool_]


@define(eq=False)
class Pool:
    """The samples of one stage, cut into pieces, grouped by row length.

    Attributes:
        pieces: row length → [count, 2], start and end of each piece in `tokens`.
        cursors: row length → how many rows were drawn so far, over all epochs. The only state.
    """

    stage: str
    tokens: Tokens = field(repr=False)
    pieces: Mapping[int, NDArray[np.int64]] = field(repr=False)
    cursors: dict[int, int]

    @property
    def n_tokens(self) -> int:
        """How many tokens an epoch has."""
        return len(self.tokens)

    @property
    def epochs(self) -> float:
        """How often the pool was seen."""
        return sum(self.cursors.values()) / max(1, sum(map(len, self.pieces.values())))

    def draw(self, n_tokens: int, seed: int, number: int) -> Batch:
        """The next batch of about `n_tokens`; `number` and `seed` choose the row length."""
        lengths = list(self.pieces)
        shares = np.array([len(self.pieces[length]) * length for length in lengths], np.float64)
        length = int(np.random.default_rng((seed, number)).choice(lengths, p=shares / shares.sum()))
        first = self.cursors[length]
        n_rows = max(1, n_tokens // length)
        self.cursors[length] = first + n_rows
        return self.rows(length, [self._piece(length, first + i, seed) for i in range(n_rows)])

    def rows(self, length: int, numbers: Sequence[int]) -> Batch:
        """The batch of the pieces with these numbers."""
        tokens = np.full((len(numbers), length + 1), PAD, np.int64)
        for row, number in enumerate(numbers):
            start, end = self.pieces[length][number]
            # A piece that is followed by the rest of its sample may see that one's first token.
            end = min(end + (end < len(self.tokens) and self.tokens[end] != BOS), start + length + 1)
            tokens[row, : end - start] = self.tokens[start:end]
        read, targets = tokens[:, :-1], tokens[:, 1:]
        answers = (np.cumsum((read == EDIT) | (read == FILL), axis=1) > 0) & (targets != PAD)
        weights = np.where(answers, 1.0, INPUT_WEIGHT[self.stage]) * (targets != PAD)
        return Batch(self.stage, read, targets, weights.astype(np.float32), answers)

    def _piece(self, length: int, position: int, seed: int) -> int:
        """The number of the piece at a position of the endless shuffled stream."""
        epoch, offset = divmod(position, len(self.pieces[length]))
        return int(_permutation(len(self.pieces[length]), (seed, length, epoch))[offset])


_permutations: dict[tuple[int, tuple[int, ...]], NDArray[np.int64]] = {}


def _permutation(count: int, seed: tuple[int, ...]) -> NDArray[np.int64]:
    """A shuffled range, kept as long as few others are asked for."""
    key = (count, seed)
    if key not in _permutations:
        if len(_permutations) > 64:
            _permutations.clear()
        _permutations[key] = np.random.default_rng(seed).permutation(count)
    return _permutations[key]


def load_pool(shards: Path, stage: str, split: str, lengths: Sequence[int] = ROW_LENGTHS) -> Pool | None:
    """The pool of `shards/<stage>-<split>/`; None if there is no manifest (yet).

    Raises:
        ShardError: a shard is not what its manifest says.
    """
    folder = shards / f"{stage}-{split}"
    if not (folder / MANIFEST).exists():
        return None
    return pool_of(np.concatenate([np.zeros(0, np.uint16), *read_shards(folder)]), stage, lengths)


def pool_of(tokens: Tokens, stage: str, lengths: Sequence[int] = ROW_LENGTHS) -> Pool:
    """Cut samples (laid end to end, each begun by BOS) into pieces no longer than the last of `lengths`."""
    starts = np.flatnonzero(tokens == BOS)
    ends = np.append(starts[1:], len(tokens))
    context = lengths[-1]
    n_pieces = np.maximum(1, -(-(ends - starts) // context)) if len(starts) else np.zeros(0, np.int64)
    owner = np.repeat(np.arange(len(starts)), n_pieces)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
    begin = starts[owner] + within * context
    finish = np.minimum(begin + context, ends[owner])
    which = np.searchsorted(np.array(lengths), finish - begin)
    pieces = {}
    for i, length in enumerate(lengths):
        chosen = which == i
        if chosen.any():
            pieces[length] = np.stack([begin[chosen], finish[chosen]], axis=1)
    return Pool(stage, tokens, pieces, dict.fromkeys(pieces, 0))


def validation_batches(pool: Pool, n_tokens: int, batch_tokens: int, seed: int) -> list[Batch]:
    """The same about `n_tokens` tokens each time, in batches of whole rows."""
    batches = []
    total = sum(len(pieces) * length for length, pieces in pool.pieces.items())
    for length, pieces in pool.pieces.items():
        order = _permutation(len(pieces), (seed, length))
        per_batch = max(1, batch_tokens // length)
        wanted = min(len(pieces), max(1, round(n_tokens * len(pieces) / total)))
        for first in range(0, wanted, per_batch):
            batches.append(pool.rows(length, order[first : min(first + per_batch, wanted)].tolist()))
    return batches
