"""Rows of tokens for training, drawn from shards.

A row is as long as the context and is filled with whole samples, each beginning at a multiple of four (as a
patch does), with PAD behind them. Samples longer than the context are cut. All batches have one shape, which
is compiled once. Which rows come when depends on the seed and on how many came before, so a run that is
resumed sees what it would have seen.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from rusta_inference.codec import BOS, EDIT, END, FILL, PAD
from rusta_training.hints import UNKNOWN, kinds_of
from rusta_training.model import PATCH
from rusta_training.shards import MANIFEST, Tokens, read_manifest, read_shards

JUDGED = (EDIT, END, FILL)
"""Where the confidence head speaks: before an answer, and after it."""
INPUT_WEIGHT = {"s0": 1.0, "s1": 1.0, "s2": 0.2, "s3": 0.2}
"""What a token that is only read weighs in the loss, by stage. What is written weighs 1."""


@frozen(eq=False)
class Batch:
    """Some rows. All arrays are [rows, context].

    Attributes:
        tokens: what is read.
        targets: the token after each; PAD behind a sample's end.
        weights: of each target in the loss.
        answers: whether the target is written by the model (it follows EDIT or FILL).
        samples: which of its row's samples a token belongs to, from 0.
    """

    stage: str
    tokens: NDArray[np.int64]
    targets: NDArray[np.int64]
    weights: NDArray[np.float32]
    answers: NDArray[np.bool_]
    samples: NDArray[np.int64]

    @property
    def kinds(self) -> NDArray[np.int64]:
        """The kind of syntax that each target is part of (`hints`). Only s0 is code throughout."""
        if self.stage != "s0":
            return np.full_like(self.targets, UNKNOWN)
        return np.stack([kinds_of(row) for row in self.targets])


@define(eq=False)
class Pool:
    """The samples of one stage, packed into rows.

    Attributes:
        pieces: [count, 2], start and end of each piece in `tokens`.
        rows: the pieces of each row.
        manifest_sha256, ledger_sha256: of the shards, and of the ledger that they were made under.
        drawn: how many rows were drawn so far, over all epochs. The only state.
    """

    stage: str
    context: int
    tokens: Tokens = field(repr=False)
    pieces: NDArray[np.int64] = field(repr=False)
    rows: Sequence[Sequence[int]] = field(repr=False)
    manifest_sha256: str = ""
    ledger_sha256: str = ""
    drawn: int = 0
    _order: tuple[tuple[int, int], NDArray[np.int64]] | None = field(default=None, init=False, repr=False)

    def draw(self, n_rows: int, seed: int) -> Batch:
        """The next rows of the endless stream of shuffled epochs."""
        numbers = []
        for _ in range(n_rows):
            epoch, position = divmod(self.drawn, len(self.rows))
            if self._order is None or self._order[0] != (seed, epoch):
                order = np.random.default_rng((seed, epoch)).permutation(len(self.rows))
                self._order = ((seed, epoch), order)
            numbers.append(int(self._order[1][position]))
            self.drawn += 1
        return self.batch(numbers)

    def batch(self, numbers: Iterable[int]) -> Batch:
        """The rows with these numbers."""
        chosen = [self.rows[number] for number in numbers]
        shape = (len(chosen), self.context)
        tokens, targets = np.full(shape, PAD, np.int64), np.full(shape, PAD, np.int64)
        weights, answers = np.zeros(shape, np.float32), np.zeros(shape, np.bool_)
        samples = np.zeros(shape, np.int64)
        for row, pieces in enumerate(chosen):
            at = 0
            for nth, piece in enumerate(pieces):
                start, end = self.pieces[piece].tolist()
                size = end - start
                tokens[row, at : at + size] = self.tokens[start:end]
                # A piece that is followed by the rest of its sample foretells that one's first token.
                more = int(end < len(self.tokens) and self.tokens[end] != BOS)
                targets[row, at : at + size - 1 + more] = self.tokens[start + 1 : end + more]
                begun = np.isin(self.tokens[start:end], (EDIT, FILL)).cumsum() > 0
                answers[row, at : at + size] = begun
                samples[row, at:] = nth
                at += padded(size)
        real = targets != PAD
        answers &= real
        weights[real] = INPUT_WEIGHT[self.stage]
        weights[answers] = 1.0
        return Batch(self.stage, tokens, targets, weights, answers, samples)


def load_pool(shards: Path, stage: str, split: str, context: int) -> Pool | None:
    """The pool of `shards/<stage>-<split>/`; None if there is nothing in it (yet).

    Raises:
        ShardError: a shard is not what its manifest says.
    """
    folder = shards / f"{stage}-{split}"
    if not (folder / MANIFEST).exists():
        return None
    manifest = read_manifest(folder)
    if not manifest.n_samples:
        return None
    pool = pool_of(np.concatenate(list(read_shards(folder))), stage, context)
    pool.manifest_sha256, pool.ledger_sha256 = manifest.sha256, manifest.ledger_sha256
    return pool


def pool_of(tokens: Tokens, stage: str, context: int) -> Pool:
    """Cut samples (laid end to end, each begun by BOS) into pieces that fit the context, and pack those."""
    starts = np.flatnonzero(tokens == BOS)
    ends = np.append(starts[1:], len(tokens))
    n_pieces = -(-(ends - starts) // context)
    owner = np.repeat(np.arange(len(starts)), n_pieces)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
    begin = starts[owner] + within * context
    pieces = np.stack([begin, np.minimum(begin + context, ends[owner])], axis=1)
    rows = packed((pieces[:, 1] - pieces[:, 0]).tolist(), context)
    return Pool(stage, context, tokens, pieces, rows)


def packed(sizes: Sequence[int], capacity: int) -> list[list[int]]:
    """Numbers of `sizes` in rows of at most `capacity` each: the largest first, each where it fits best.

    Sizes count as their next multiple of PATCH. Of equal sizes, which go together is random but fixed.
    """
    shuffled = np.random.default_rng(0).permutation(len(sizes))
    largest_first = (
        shuffled[np.argsort(-np.asarray(sizes)[shuffled], kind="stable")] if len(sizes) else shuffled
    )
    rows: list[list[int]] = []
    # For each room that is left, in patches, the rows that have it.
    open_rows: list[list[int]] = [[] for _ in range(capacity // PATCH + 1)]
    for number in largest_first.tolist():
        needed = padded(sizes[number]) // PATCH
        room = next((room for room in range(needed, len(open_rows)) if open_rows[room]), None)
        if room is None:
            room = capacity // PATCH
            open_rows[room].append(len(rows))
            rows.append([])
        row = open_rows[room].pop()
        rows[row].append(number)
        open_rows[room - needed].append(row)
    return rows


def padded(size: int) -> int:
    """The next multiple of PATCH."""
    return -(-size // PATCH) * PATCH


def validation_batches(pool: Pool, n_tokens: int, batch_tokens: int, seed: int) -> list[Batch]:
    """About `n_tokens` tokens, the same each time, in batches."""
    wanted = max(1, min(len(pool.rows), n_tokens // pool.context))
    numbers = np.random.default_rng(seed).permutation(len(pool.rows))[:wanted]
    per_batch = max(1, batch_tokens // pool.context)
    return [pool.batch(numbers[i : i + per_batch].tolist()) for i in range(0, wanted, per_batch)]
