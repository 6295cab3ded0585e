"""Train the byte model for a given number of minutes: `python -m rusta_training.train --help`.

The plan is a curriculum: mixtures of stages, each with a share of the time. The learning rate warms up,
stays, and decays to nothing over the last part, all by the clock: a run always ends decayed, however fast the
machine is. Every few minutes the run writes a checkpoint (weights, optimizers, position in the data) and
measures itself on held-out crates. Started again with the same folder, it goes on from the last checkpoint;
time that passed in between does not count.

Written to `--out`: checkpoint.pt, metrics.jsonl, curve.svg, and at the end weights-*.npz with weights.json.
"""

import argparse
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
import torch.nn.functional as F
from attrs import evolve, frozen
from numpy.typing import NDArray
from torch import Tensor

from rusta_inference.codec import EDIT, FILL, PAD
from rusta_training.batches import JUDGED, Batch, Pool, load_pool, validation_batches
from rusta_training.curve import plot
from rusta_training.hints import UNKNOWN
from rusta_training.model import SIZES, Hourglass, ModelConfig, n_parameters
from rusta_training.optimizer import Optimizers
from rusta_training.shards import ShardError, read_manifest

STAGES = ("s0", "s1", "s2", "s3")
DEFAULT_PLAN = "s0=1@20 s0=.4,s1=.6@15 s0=.1,s1=.1,s2=.8@50 s0=.05,s1=.05,s2=.7,s3=.2@15"
WARM_UP_STEPS = 40
DECAY = 0.35
"""Part of the whole time. The warm-up is counted in steps, since the first ones are slow: they compile."""
AFTER_NEXT_WEIGHT, SYNTAX_WEIGHT, CONFIDENCE_WEIGHT = 0.3, 0.1, 0.05
MAX_SHARD_BYTES = 15 * 2**20


@frozen
class Phase:
    """One part of the curriculum: the share of each stage's tokens, and of the whole time."""

    mixture: dict[str, float]
    share: float


def main() -> None:
    """The whole run."""
    options = parse_options()
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    torch.set_float32_matmul_precision("high")
    if options.threads:
        torch.set_num_threads(options.threads)

    config = SIZES[options.size]
    overrides = json.loads(options.override)
    config = evolve(config, **overrides)
    if config.syntax_hints and find_spec("tree_sitter_rust") is None:
        raise SystemExit(
            "syntax hints need tree-sitter and tree-sitter-rust, which are not installed."
            """ Without them: --override '{"syntax_hints": false}'"""
        )
    model = Hourglass(config).to(options.device)
    optimizers = Optimizers(
        model,
        muon_lr=options.muon_lr,
        adam_lr=options.adam_lr,
        device=options.device,
        use_muon=not options.no_muon,
    )
    loss_of = torch.compile(training_loss, dynamic=False) if options.compile else training_loss
    plan = parse_plan(options.plan)
    total_s = options.minutes * 60

    step, n_tokens, elapsed_s = 0, 0, 0.0
    positions: dict[str, tuple[str, int]] = {}
    checkpoint = load_checkpoint(out / "checkpoint.pt", config)
    if checkpoint is not None:
        model.load_state_dict(checkpoint["model"])
        optimizers.load_state_dict(checkpoint["optimizers"])
        step, n_tokens, elapsed_s = checkpoint["step"], checkpoint["n_tokens"], checkpoint["elapsed_s"]
        positions = checkpoint.get("positions", {})
        forget_metrics_after(out / "metrics.jsonl", step)

    pools = Pools(options.shards, options.context, positions)
    valid = Validation(options.shards, options.context, options.valid_tokens, options.batch_tokens)
    valid.refresh()
    metrics = (out / "metrics.jsonl").open("a")

    def record(kind: str, **values: object) -> None:
        metrics.write(json.dumps({"kind": kind, "step": step, "elapsed_s": round(elapsed_s, 2), **values}))
        metrics.write("\n")
        metrics.flush()

    def save() -> None:
        state = {
            "config": attrs.asdict(config),
            "model": model.state_dict(),
            "optimizers": optimizers.state_dict(),
            "positions": pools.positions(),
            "step": step,
            "n_tokens": n_tokens,
            "elapsed_s": elapsed_s,
            "minutes": options.minutes,
            "ledgers": pools.ledgers(),
        }
        write_atomically(out / "checkpoint.pt", lambda file: torch.save(state, file))

    record("start", parameters=n_parameters(model), options={k: str(v) for k, v in vars(options).items()})
    clock = time.monotonic if options.clock == "wall" else processor_time
    amp = autocast_for(options.device, options.precision)
    due_s = {"checkpoint": elapsed_s + options.every_minutes * 60, "refresh": elapsed_s}
    last = clock()
    with progress_bar(total_s) as show:
        while elapsed_s < total_s:
            if elapsed_s >= due_s["refresh"]:
                # Stages whose shards are still being made join when they are there.
                pools.refresh()
                valid.refresh()
                due_s["refresh"] = elapsed_s + 120
            mixture = available(phase_at(plan, elapsed_s / total_s).mixture, pools)
            rate = rate_at(step, elapsed_s / total_s)
            bits_sum = torch.zeros((), device=options.device)
            for part in range(options.accumulate):
                batch = pools.draw(
                    mixture, options.batch_tokens, options.seed, step * options.accumulate + part
                )
                with amp():
                    loss, bits = loss_of(
                        model, *on_device(batch, options.device, with_kinds=config.syntax_hints)
                    )
                (loss / options.accumulate).backward()
                bits_sum += bits.detach()
                n_tokens += batch.tokens.size
            optimizers.step(rate)
            step += 1
            now = clock()
            if step <= options.untimed_steps:
                last = now  # compiling counts against nobody
            elapsed_s, last, took_s = elapsed_s + now - last, now, now - last
            if step % options.log_every == 0:
                bits_now = float(bits_sum) / options.accumulate
                record(
                    "train",
                    stage=batch.stage,
                    bits=round(bits_now, 4),
                    n_tokens=n_tokens,
                    rate=round(rate, 4),
                )
                speed = options.accumulate * options.batch_tokens / max(took_s, 1e-9) / 1e3
                show(elapsed_s, f"step {step}  {batch.stage} {bits_now:.3f} bits  {speed:.1f} KB/s")
            if elapsed_s >= due_s["checkpoint"] or elapsed_s >= total_s:
                due_s["checkpoint"] = elapsed_s + options.every_minutes * 60
                for stage, values in valid.measure(model, options.device, amp).items():
                    record("valid", stage=stage, n_tokens=n_tokens, **values)
                now = clock()
                elapsed_s, last = elapsed_s + now - last, now
                save()
    metrics.close()
    plot(out / "metrics.jsonl", out / "curve.svg")
    facts = {
        "size": options.size,
        "config": attrs.asdict(config),
        "n_tokens": n_tokens,
        "minutes": options.minutes,
        "ledgers": pools.ledgers(),
    }
    write_weights(model, out, facts)


def training_loss(
    model: Hourglass,
    tokens: Tensor,
    targets: Tensor,
    weights: Tensor,
    answers: Tensor,
    samples: Tensor,
    kinds: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """What is minimized, and the bits per byte it stands for (weighted as the loss is).

    Args:
        kinds: as in `Batch`; needed with syntax hints.
    """
    out = model(tokens)
    nats = F.cross_entropy(out.logits.flatten(0, 1).float(), targets.flatten(), reduction="none")
    total = weights.sum().clamp_min(1.0)
    main_loss = (nats * weights.flatten()).sum() / total
    loss = main_loss
    if model.config.multi_byte:
        # The byte after the next, wherever it belongs to the same sample.
        after = model.logits_after_next(out.hidden[:, :-1]).flatten(0, 1).float()
        nats_after = F.cross_entropy(after, targets[:, 1:].flatten(), reduction="none")
        loss = loss + AFTER_NEXT_WEIGHT * (nats_after * weights[:, 1:].flatten()).sum() / total
    if model.head_syntax is not None:
        assert kinds is not None, "syntax hints need the kinds of the targets"
        hints = model.head_syntax(out.hidden).flatten(0, 1).float()
        nats_hints = F.cross_entropy(hints, kinds.flatten(), reduction="none")
        is_known = (kinds != UNKNOWN).flatten().float()
        loss = loss + SYNTAX_WEIGHT * (nats_hints * is_known).sum() / is_known.sum().clamp_min(1.0)
    with torch.no_grad():
        right = is_right(out.logits, targets, answers, samples).float()
        judged = is_judged(tokens).float()
    brier = ((out.confidence.float().sigmoid() - right).square() * judged).sum() / judged.sum().clamp_min(1.0)
    return loss + CONFIDENCE_WEIGHT * brier, main_loss / math.log(2)


def is_right(logits: Tensor, targets: Tensor, answers: Tensor, samples: Tensor) -> Tensor:
    """At each token, [rows, time]: whether all of its sample's answer is foretold, byte by byte."""
    wrong = ((logits.argmax(dim=-1) != targets) & answers).int()
    n_wrong = torch.zeros_like(wrong).scatter_add(1, samples, wrong)
    return n_wrong.gather(1, samples) == 0


def is_judged(tokens: Tensor) -> Tensor:
    """Where the confidence head is asked."""
    return torch.stack([tokens == token for token in JUDGED]).any(dim=0)


class Pools:
    """The training pools that are there, by stage."""

    def __init__(self, shards: Path, context: int, positions: dict[str, tuple[str, int]]) -> None:
        self._shards, self._context = shards, context
        self._positions = positions
        self._pools: dict[str, Pool] = {}

    def refresh(self) -> None:
        """Load the stages that have appeared, and again those that have been made anew.

        Raises:
            SystemExit: there are none at all.
        """
        for stage in STAGES:
            if stage in self._pools and is_current(self._pools[stage], self._shards, stage):
                continue
            pool = load_pool(self._shards, stage, "train", self._context)
            if pool is not None:
                manifest, drawn = self._positions.get(stage, ("", 0))
                if manifest == pool.manifest_sha256:
                    pool.drawn = drawn
                self._pools[stage] = pool
        if not self._pools:
            raise SystemExit(f"{self._shards}: no shards to train on; run `make data` first")

    def __contains__(self, stage: str) -> bool:
        return stage in self._pools

    def __iter__(self) -> Iterator[str]:
        return iter(self._pools)

    def draw(self, mixture: dict[str, float], n_tokens: int, seed: int, number: int) -> Batch:
        """The next batch of a stage that is drawn by `number`."""
        stages = sorted(mixture)
        random = np.random.default_rng((seed, number, 1))
        stage = str(random.choice(stages, p=[mixture[stage] for stage in stages]))
        return self._pools[stage].draw(max(1, n_tokens // self._context), seed)

    def ledgers(self) -> dict[str, str]:
        """Stage → sha256 of the ledger that its shards were made under."""
        return {stage: pool.ledger_sha256 for stage, pool in self._pools.items()}

    def positions(self) -> dict[str, tuple[str, int]]:
        """Stage → the manifest of its shards, and how many rows were drawn."""
        return {stage: (pool.manifest_sha256, pool.drawn) for stage, pool in self._pools.items()}


def is_current(pool: Pool, shards: Path, stage: str) -> bool:
    """Whether the shards on disk are still those of the pool. While they are being replaced, they are."""
    try:
        return read_manifest(shards / f"{stage}-train").sha256 == pool.manifest_sha256
    except ShardError:
        return True


class Validation:
    """Held-out rows of each stage: the same ones at every measurement."""

    def __init__(self, shards: Path, context: int, n_tokens: int, batch_tokens: int) -> None:
        self._shards, self._context = shards, context
        self._n_tokens, self._batch_tokens = n_tokens, batch_tokens
        self._batches: dict[str, list[Batch]] = {}

    def refresh(self) -> None:
        """Load the stages that have appeared."""
        for stage in STAGES:
            if stage not in self._batches:
                pool = load_pool(self._shards, stage, "valid", self._context)
                if pool is not None:
                    self._batches[stage] = validation_batches(
                        pool, self._n_tokens, self._batch_tokens, seed=0
                    )

    def measure(
        self, model: Hourglass, device: str, amp: Callable[[], AbstractContextManager[Any]]
    ) -> dict[str, dict[str, float | None]]:
        """Per stage: bits per byte of all that is predicted and of the answers, the part of the answers that
        are right in every byte (teacher-forced), and the Brier score of the confidence before the answer."""
        with torch.no_grad(), amp():
            return {stage: measured(model, batches, device) for stage, batches in self._batches.items()}


def measured(model: Hourglass, batches: list[Batch], device: str) -> dict[str, float | None]:
    """See `Validation.measure`. Values that have no meaning for the stage are None."""
    nats = n_bytes = answer_nats = n_answer_bytes = n_right = n_answers = brier = 0.0
    for batch in batches:
        tokens, targets, _, answers, samples, *_ = on_device(batch, device)
        out = model(tokens)
        each = F.cross_entropy(out.logits.flatten(0, 1).float(), targets.flatten(), reduction="none")
        each = each.view(targets.shape)
        real = targets != PAD
        nats += float((each * real).sum())
        n_bytes += float(real.sum())
        answer_nats += float((each * answers).sum())
        n_answer_bytes += float(answers.sum())
        # Each answer is judged where it is about to begin, since there confidence is asked for.
        begins = ((tokens == EDIT) | (tokens == FILL)) & answers
        right = is_right(out.logits, targets, answers, samples)
        n_answers += float(begins.sum())
        n_right += float((right & begins).sum())
        brier += float(((out.confidence.float().sigmoid() - right.float()).square() * begins).sum())
    return {
        "bits": nats / n_bytes / math.log(2) if n_bytes else None,
        "answer_bits": answer_nats / n_answer_bytes / math.log(2) if n_answer_bytes else None,
        "exact": n_right / n_answers if n_answers else None,
        "brier": brier / n_answers if n_answers else None,
    }


def on_device(batch: Batch, device: str, *, with_kinds: bool = False) -> tuple[Tensor, ...]:
    """tokens, targets, weights, answers, samples, and kinds if they are wanted."""
    arrays: list[NDArray[Any]] = [batch.tokens, batch.targets, batch.weights, batch.answers, batch.samples]
    if with_kinds:
        arrays.append(batch.kinds)
    tensors = [torch.from_numpy(np.ascontiguousarray(array)) for array in arrays]
    if device == "cuda":
        tensors = [tensor.pin_memory().to(device, non_blocking=True) for tensor in tensors]
    return tuple(tensors)


def processor_time() -> float:
    """Seconds that the threads of this process have computed, on average."""
    return time.process_time() / torch.get_num_threads()


def rate_at(step: int, progress: float) -> float:
    """The part of the full learning rate: up by the steps, flat, down to zero by the progress (0 to 1)."""
    return max(0.0, min(1.0, (step + 1) / WARM_UP_STEPS, (1 - progress) / DECAY))


def parse_plan(text: str) -> list[Phase]:
    """Read a curriculum: phases `stage=weight,…@time` with blanks between; only the times' ratios matter.

    Raises:
        ValueError: it is not written so.
    """
    phases = []
    for word in text.split():
        mixture_text, _, share = word.partition("@")
        pairs = [pair.split("=") for pair in mixture_text.split(",")]
        if any(len(pair) != 2 or pair[0] not in STAGES for pair in pairs) or not share:
            raise ValueError(f"{word!r} is no phase: write for example s0=.2,s2=.8@30")
        phases.append(Phase({stage: float(weight) for stage, weight in pairs}, float(share)))
    total = sum(phase.share for phase in phases)
    return [evolve(phase, share=phase.share / total) for phase in phases]


def phase_at(plan: list[Phase], progress: float) -> Phase:
    """Which phase a point of the run lies in."""
    for phase in plan:
        progress -= phase.share
        if progress < 0:
            return phase
    return plan[-1]


def available(mixture: dict[str, float], pools: Pools) -> dict[str, float]:
    """The mixture without the stages that are not there; all that are there, evenly, if that leaves none."""
    there = {stage: weight for stage, weight in mixture.items() if stage in pools and weight > 0}
    there = there or dict.fromkeys(pools, 1.0)
    total = sum(there.values())
    return {stage: weight / total for stage, weight in there.items()}


def autocast_for(device: str, precision: str) -> Callable[[], AbstractContextManager[Any]]:
    """The context that forward passes run in."""
    if precision == "fp32":
        return nullcontext
    return lambda: torch.autocast(device, dtype=torch.bfloat16)


def load_model(run: Path) -> tuple[Hourglass, dict[str, Any]]:
    """The model of a run in float32 on the CPU, and what is known of it: config, step, n_tokens, elapsed_s,
    minutes, and ledgers. `run` is the folder of a run, finished or not, or a checkpoint."""
    path = run / "checkpoint.pt" if run.is_dir() else run
    checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    model = Hourglass(ModelConfig(**checkpoint["config"]))
    model.load_state_dict(checkpoint.pop("model"))
    for state in ("optimizers", "positions"):
        checkpoint.pop(state, None)
    return model.float().eval().requires_grad_(False), {"run": path.parent.name, **checkpoint}


def load_checkpoint(path: Path, config: ModelConfig) -> dict[str, Any] | None:
    """The state to go on from, or None.

    Raises:
        SystemExit: it is of a model of another shape.
    """
    if not path.exists():
        return None
    checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    # Fields that came later were at their defaults.
    defaults = {one.name: one.default for one in attrs.fields(ModelConfig)}
    if defaults | checkpoint["config"] != attrs.asdict(config):
        raise SystemExit(f"{path} holds a model of another shape: choose another --out, or the same --size")
    return checkpoint


def forget_metrics_after(path: Path, step: int) -> None:
    """Drop the rows of steps that will be done again, and a last line that was not finished."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text().splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if row["step"] <= step:
            kept.append(line + "\n")
    write_atomically(path, lambda file: file.write("".join(kept).encode()))


def write_atomically(path: Path, write: Callable[[Any], object]) -> None:
    """A file that is either the old one or the whole new one, whenever the process is killed."""
    unfinished = path.with_name(path.name + ".new")
    with unfinished.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def write_weights(model: Hourglass, out: Path, facts: dict[str, object]) -> None:
    """The weights in float16: npz files small enough to carry, and weights.json with their hashes.

    A tensor that is too large for one file is split along its first axis: `name@first_row`.
    """
    parts: list[dict[str, np.ndarray[Any, Any]]] = [{}]
    size = 0
    for name, tensor in model.state_dict().items():
        array = tensor.cpu().to(torch.float16).numpy()
        per_row = max(1, array[0].nbytes)
        rows = max(1, MAX_SHARD_BYTES // per_row)
        for first in range(0, array.shape[0], rows):
            piece = array[first : first + rows]
            if size + piece.nbytes > MAX_SHARD_BYTES and parts[-1]:
                parts.append({})
                size = 0
            parts[-1][f"{name}@{first}"] = piece
            size += piece.nbytes
    files = []
    for number, part in enumerate(parts):
        path = out / f"weights-{number:02}.npz"
        write_atomically(path, lambda file, part=part: np.savez(file, **part))  # type: ignore[misc]
        files.append({"file": path.name, "sha256": sha256(path.read_bytes()).hexdigest()})
    text = json.dumps({"v": 1, **facts, "files": files}, indent=1)
    write_atomically(out / "weights.json", lambda file: file.write(text.encode()))


def read_weights(folder: Path) -> tuple[ModelConfig, dict[str, Tensor]]:
    """What `write_weights` wrote, in float32, for `Hourglass.load_state_dict`.

    Raises:
        ValueError: a file is not what weights.json says.
    """
    facts = json.loads((folder / "weights.json").read_text())
    pieces: dict[str, list[tuple[int, Tensor]]] = {}
    for entry in facts["files"]:
        path = folder / entry["file"]
        if sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
            raise ValueError(f"{path}: not the bytes that weights.json names")
        with np.load(path) as arrays:
            for key in arrays.files:
                name, _, first = key.rpartition("@")
                pieces.setdefault(name, []).append((int(first), torch.from_numpy(arrays[key]).float()))
    tensors = {
        name: torch.cat([piece for _, piece in sorted(parts, key=lambda part: part[0])])
        for name, parts in pieces.items()
    }
    return ModelConfig(**facts["config"]), tensors


def progress_bar(total_s: float) -> AbstractContextManager[Callable[[float, str], None]]:
    """A bar with the time left, where rich is installed; lines otherwise."""
    try:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        return nullcontext(
            lambda elapsed_s, text: print(f"{elapsed_s:.0f}/{total_s:.0f} s  {text}", flush=True)
        )
    progress = Progress(
        BarColumn(), TimeRemainingColumn(elapsed_when_finished=True), TextColumn("{task.description}")
    )

    class Bar(AbstractContextManager[Callable[[float, str], None]]):
        def __enter__(self) -> Callable[[float, str], None]:
            task = progress.add_task("", total=total_s)
            progress.start()
            return lambda elapsed_s, text: progress.update(task, completed=elapsed_s, description=text)

        def __exit__(self, *exc: object) -> None:
            progress.stop()

    return Bar()


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--shards", type=Path, default=Path("build/data/shards"))
    parser.add_argument("--out", type=Path, required=True, help="the run's folder; an unfinished run goes on")
    parser.add_argument("--size", choices=SIZES, default="tiny-cpu")
    parser.add_argument("--override", default="{}", help="fields of the size's config, as JSON")
    parser.add_argument("--minutes", type=float, default=75.0)
    parser.add_argument("--plan", default=DEFAULT_PLAN, help="phases stage=weight,…@time")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--batch-tokens", type=int, default=16_384)
    parser.add_argument("--context", type=int, default=1024, help="tokens of a row")
    parser.add_argument("--accumulate", type=int, default=1, help="batches for one step")
    parser.add_argument(
        "--clock",
        choices=("wall", "cpu"),
        default="wall",
        help="cpu: processor time per thread, to compare runs on a machine that others use too",
    )
    parser.add_argument("--muon-lr", type=float, default=0.02)
    parser.add_argument("--adam-lr", type=float, default=4e-3)
    parser.add_argument("--no-muon", action="store_true", help="AdamW for everything")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every-minutes", type=float, default=5.0, help="between checkpoints")
    parser.add_argument("--valid-tokens", type=int, default=131_072, help="held-out tokens for each stage")
    parser.add_argument("--log-every", type=int, default=5, help="steps between metrics")
    parser.add_argument("--untimed-steps", type=int, default=0, help="first steps, that compile, on no clock")
    return parser.parse_args()


if __name__ == "__main__":
    main()
