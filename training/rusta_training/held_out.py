"""How well a trained model foretells crates it has never seen: `python -m rusta_training.held_out RUN`.

Of plain text (stage s0) the same bytes are given to general compressors and to an n-gram model of bytes, so
that bits per byte can be compared. The compressors get the text in one piece; the model forgets after a row.
"""

import argparse
import lzma
import math
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from attrs import frozen
from numpy.typing import NDArray

from rusta_inference.codec import BOS
from rusta_training.batches import load_pool, pool_of, validation_batches
from rusta_training.shards import read_shards
from rusta_training.train import STAGES, autocast_for, load_model, measured


@frozen
class Baseline:
    """Bits per byte that something without a network needs."""

    name: str
    bits: float


def main() -> None:
    """Print everything as Markdown tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run", type=Path, help="a run's folder, or a checkpoint")
    parser.add_argument("--shards", type=Path, default=Path("build/data/shards"))
    parser.add_argument("--split", choices=("valid", "test"), default="test")
    parser.add_argument("--tokens", type=int, default=300_000, help="of each stage")
    parser.add_argument("--train-tokens", type=int, default=20_000_000, help="for the n-gram model")
    options = parser.parse_args()
    model, facts = load_model(options.run)
    seen, minutes = facts["n_tokens"] / 1e6, facts["elapsed_s"] / 60
    print(f"{facts['run']}: {seen:.1f} M tokens seen in {minutes:.0f} minutes\n")
    print("| stage | bits per byte | of the answers | right answers | Brier |\n|---|---|---|---|---|")
    for stage in STAGES:
        pool = load_pool(options.shards, stage, options.split, 1024)
        if pool is None:
            continue
        pool = pool_of(pool.tokens[: options.tokens], stage, 1024)
        with torch.no_grad(), autocast_for("cpu", "fp32")():
            found = measured(model, validation_batches(pool, len(pool.tokens) * 2, 8192, seed=0), "cpu")
        shown = [found["bits"], found["answer_bits"], found["exact"], found["brier"]]
        print(f"| {stage} | " + " | ".join("" if value is None else f"{value:.3f}" for value in shown) + " |")
    print("\n| s0, the same bytes | bits per byte |\n|---|---|")
    text = np.concatenate(list(read_shards(options.shards / f"s0-{options.split}")))[: options.tokens]
    known = first_tokens(options.shards / "s0-train", options.train_tokens)
    for baseline in baselines(text[text != BOS].astype(np.uint8), known[known != BOS].astype(np.uint8)):
        print(f"| {baseline.name} | {baseline.bits:.3f} |")


def baselines(text: NDArray[np.uint8], known: NDArray[np.uint8]) -> Iterator[Baseline]:
    """What compressors need for a text, and n-gram models that were counted on another."""
    raw = text.tobytes()
    xz = lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME)
    yield Baseline("xz -9e", 8 * len(xz) / len(raw))
    if zstd := shutil.which("zstd"):
        done = subprocess.run([zstd, "-19", "-c"], input=raw, stdout=subprocess.PIPE, check=True)
        yield Baseline("zstd -19", 8 * len(done.stdout) / len(raw))
    for order in (3, 5):
        name = f"{order} bytes of context, counted on {len(known) / 1e6:.0f} MB"
        yield Baseline(name, n_gram_bits(text, known, order))


def n_gram_bits(text: NDArray[np.uint8], known: NDArray[np.uint8], order: int) -> float:
    """Bits per byte of `text` under a byte model with up to `order` (at most 7) bytes of context.

    Counts of `known`, interpolated from short contexts to long ones (Witten and Bell 1991): a context of
    which t occurrences and d different successors are known gives (count + d · p(shorter one)) / (t + d).
    """
    probability = np.full(len(text), 1 / 256)
    for n in range(order + 1):
        contexts, with_next = contexts_of(known, n)
        keys, counts = np.unique(with_next, return_counts=True)
        known_contexts, totals = np.unique(contexts, return_counts=True)
        different = np.unique(keys >> 8, return_counts=True)[1]
        asked, asked_next = contexts_of(text, n)
        at = np.minimum(np.searchsorted(known_contexts, asked), len(known_contexts) - 1)
        there = known_contexts[at] == asked
        at_next = np.minimum(np.searchsorted(keys, asked_next), len(keys) - 1)
        count = np.where(keys[at_next] == asked_next, counts[at_next], 0)
        better = (count + different[at] * probability[n:]) / (totals[at] + different[at])
        probability[n:] = np.where(there, better, probability[n:])
    return float(-np.log(probability).mean() / math.log(2))


def contexts_of(text: NDArray[np.uint8], order: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The context of each byte from number `order` on, as a number; and that with the byte behind it."""
    n = len(text) - order
    contexts = np.zeros(n, np.int64)
    for i in range(order):
        contexts = contexts << 8 | text[i : i + n]
    return contexts, contexts << 8 | text[order:]


def first_tokens(folder: Path, n_tokens: int) -> NDArray[np.uint16]:
    """The beginning of what a folder of shards holds."""
    parts: list[NDArray[np.uint16]] = []
    for part in read_shards(folder):
        parts.append(part)
        if sum(map(len, parts)) >= n_tokens:
            break
    return np.concatenate(parts)[:n_tokens]


if __name__ == "__main__":
    main()
