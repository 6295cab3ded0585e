"""Packed samples on disk: files of uint16 tokens, xz'ed, and a manifest with their hashes.

A shard is a number of whole samples one after another; each begins with BOS, which occurs nowhere else.
"""

import hashlib
import json
import lzma
import shutil
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

import attrs
import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from rusta_inference.codec import BOS, VOCAB

from .split import Split

MANIFEST: Final = "manifest.json"
SHARD_TOKENS: Final = 8_000_000
"""A shard is closed when it has this many tokens or more."""

Tokens = NDArray[np.uint16]

_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 4}]


class ShardError(ValueError):
    """A shard is missing or not what its manifest says."""


@frozen
class Shard:
    """A file of samples.

    Attributes:
        sha256: of its tokens as little-endian uint16, before compression.
    """

    file: str
    sha256: str
    n_tokens: int
    n_samples: int


@frozen
class Manifest:
    """What lies in a folder of shards.

    Attributes:
        stage: s0 bytes, s1 infilling, s2 triplets, s3 larger edits.
        ledger_sha256: of the ledger that everything in it was made under.
    """

    stage: str
    split: str
    vocab: int
    n_tokens: int
    n_samples: int
    ledger_sha256: str
    shards: tuple[Shard, ...]
    v: int = 1

    @property
    def sha256(self) -> str:
        """The hash of the manifest, and so of everything it names."""
        return hashlib.sha256(self.encoded()).hexdigest()

    def encoded(self) -> bytes:
        """The manifest as it is written."""
        return json.dumps(attrs.asdict(self), sort_keys=True, indent=1).encode() + b"\n"


def write_shards(
    folder: Path,
    stage: str,
    split: Split,
    samples: Iterable[Sequence[int] | Tokens],
    ledger_sha256: str,
    shard_tokens: int = SHARD_TOKENS,
) -> Manifest:
    """Write ``samples`` to ``folder``/STAGE-SPLIT; what was there is replaced when all is written.

    Raises:
        ShardError: a sample does not begin with BOS, has another inside, or has tokens outside the
        vocabulary.
    """
    final = folder / f"{stage}-{split}"
    scratch = final.with_name(final.name + ".partial")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    shards: list[Shard] = []
    pending: deque[Future[int]] = deque()
    with ThreadPoolExecutor(2) as pool:  # lzma lets go of the interpreter
        for tokens, n_samples in _packed(samples, shard_tokens):
            raw = tokens.astype("<u2").tobytes()
            file = f"{len(shards):05d}.xz"
            shards.append(Shard(file, hashlib.sha256(raw).hexdigest(), len(tokens), n_samples))
            pending.append(pool.submit(_compress, scratch / file, raw))
            while len(pending) > 3:
                pending.popleft().result()
        for future in pending:
            future.result()
    manifest = Manifest(
        stage,
        split,
        VOCAB,
        sum(shard.n_tokens for shard in shards),
        sum(shard.n_samples for shard in shards),
        ledger_sha256,
        tuple(shards),
    )
    (scratch / MANIFEST).write_bytes(manifest.encoded())
    shutil.rmtree(final, ignore_errors=True)
    scratch.rename(final)
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder of shards.

    Raises:
        ShardError: there is none, or it cannot be read.
    """
    try:
        facts = json.loads((folder / MANIFEST).read_bytes())
        shards = tuple(Shard(**shard) for shard in facts.pop("shards"))
        return Manifest(**facts, shards=shards)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ShardError(f"{folder / MANIFEST}: {error}") from error


def read_shards(folder: Path) -> Iterator[Tokens]:
    """The tokens of each shard in order, checked against the manifest.

    Raises:
        ShardError: a shard is missing, truncated or altered.
    """
    for shard in read_manifest(folder).shards:
        try:
            raw = lzma.decompress((folder / shard.file).read_bytes())
        except (OSError, lzma.LZMAError) as error:
            raise ShardError(f"{folder / shard.file}: {error}") from error
        if hashlib.sha256(raw).hexdigest() != shard.sha256:
            raise ShardError(f"{folder / shard.file} is not the one in the manifest")
        yield np.frombuffer(raw, dtype="<u2").astype(np.uint16, copy=False)


def samples_of(tokens: Tokens) -> list[Tokens]:
    """The samples of a shard, each with its BOS."""
    starts = np.flatnonzero(tokens == BOS)
    return np.split(tokens, starts[1:])


def _packed(samples: Iterable[Sequence[int] | Tokens], shard_tokens: int) -> Iterator[tuple[Tokens, int]]:
    """Samples joined to shards of at least that many tokens (the last may be smaller), with their numbers."""
    parts: list[Tokens] = []
    size = 0
    for sample in samples:
        tokens = np.asarray(sample)
        if not len(tokens) or tokens[0] != BOS or (tokens[1:] == BOS).any():
            raise ShardError("a sample must begin with BOS and have no other")
        if tokens.min() < 0 or tokens.max() >= VOCAB:
            raise ShardError("a sample has a token outside the vocabulary")
        parts.append(tokens.astype(np.uint16))
        size += len(tokens)
        if size >= shard_tokens:
            yield np.concatenate(parts), len(parts)
            parts, size = [], 0
    if parts:
        yield np.concatenate(parts), len(parts)


def _compress(path: Path, raw: bytes) -> int:
    return path.write_bytes(lzma.compress(raw, lzma.FORMAT_XZ, filters=_FILTERS))
