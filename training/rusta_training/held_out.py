"""How well a trained model foretells crates it has never seen: `python -m rusta_training.held_out RUN`.

In PyTorch and float32, from a checkpoint. `rusta eval --model` measures the exported model, next to
compressors.
"""

import argparse
from pathlib import Path

import torch

from rusta_training.batches import load_pool, pool_of, validation_batches
from rusta_training.train import STAGES, autocast_for, load_model, measured


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run", type=Path, help="a run's folder, or a checkpoint")
    parser.add_argument("--shards", type=Path, default=Path("build/data/shards"))
    parser.add_argument("--split", choices=("valid", "test"), default="test")
    parser.add_argument("--tokens", type=int, default=300_000, help="of each stage")
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


if __name__ == "__main__":
    main()
