"""Runs of the real script on small shards: they learn, survive a kill, and leave whole files."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from rusta_inference.codec import BOS, EDIT, END, PAD
from rusta_training.batches import pool_of, validation_batches
from rusta_training.curve import series_of, svg
from rusta_training.model import SIZES, Hourglass
from rusta_training.optimizer import Optimizers, orthogonalized
from rusta_training.shards import ShardError, write_shards
from rusta_training.train import (
    available,
    load_checkpoint,
    load_model,
    parse_plan,
    phase_at,
    rate_at,
    read_weights,
    training_loss,
    write_weights,
)

WORDS = [b"let mut x = 1;\n", b"fn main() {}\n", b"x.clone()\n", b"use std::fmt;\n"]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    random = np.random.default_rng(0)
    for split, count in (("train", 200), ("valid", 10)):
        texts = [b"".join(random.choice(WORDS, 12)) for _ in range(count)]
        write_shards(folder, "s0", split, [(BOS, *text) for text in texts], "0" * 64)
    return folder


def command(shards: Path, out: Path, *more: str) -> list[str]:
    options = ["--shards", str(shards), "--out", str(out), "--size", "smoke", "--batch-tokens", "512"]
    options += ["--row-lengths", "256", "--log-every", "1", "--threads", "1", "--valid-tokens", "2048"]
    return [sys.executable, "-m", "rusta_training.train", *options, *more]


def rows(out: Path, kind: str) -> list[dict[str, float]]:
    lines = (out / "metrics.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if row["kind"] == kind]


def test_a_run_that_is_killed_goes_on_where_its_checkpoint_was(shards: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    minutes = ["--minutes", "0.1", "--every-minutes", "0.02", "--clock", "cpu"]
    process = subprocess.Popen(
        command(shards, out, *minutes), stdout=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    deadline = time.monotonic() + 300
    while not (out / "checkpoint.pt").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()

    config = SIZES["smoke"]
    kept = load_checkpoint(out / "checkpoint.pt", config)
    assert kept is not None
    assert 0 < kept["elapsed_s"] < 6
    last_bits = rows(out, "valid")[-1]["bits"]
    subprocess.run(command(shards, out, *minutes), check=True, stdout=subprocess.DEVNULL)

    steps = [row["step"] for row in rows(out, "train")]
    assert steps == list(range(1, len(steps) + 1)), "no step is missing, none is told twice"
    assert len(steps) > kept["step"]
    resumed = rows(out, "start")[-1]
    assert resumed["step"] == kept["step"]
    assert rows(out, "valid")[-1]["bits"] < last_bits
    assert rows(out, "train")[kept["step"]]["bits"] < rows(out, "train")[0]["bits"] - 1, (
        "not from the beginning"
    )
    assert rows(out, "valid")[-1]["elapsed_s"] < 9, "the time before the kill counts"
    assert (out / "curve.svg").read_text().endswith("</svg>")
    assert not list(out.glob("*.new"))

    _, tensors = read_weights(out)
    model, facts = load_model(out)
    assert facts["ledgers"] == {"s0": "0" * 64}
    for name, tensor in model.state_dict().items():
        assert torch.allclose(tensor, tensors[name], rtol=1e-3, atol=1e-3)


def test_without_shards_a_run_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(command(tmp_path, tmp_path / "run"), capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "no shards to train on; run `make data` first" in done.stderr
    assert not (tmp_path / "run" / "checkpoint.pt").exists()


def test_a_checkpoint_of_another_shape_is_not_overwritten(shards: Path, tmp_path: Path) -> None:
    state = {"config": {"d_local": 1}}
    torch.save(state, tmp_path / "checkpoint.pt")
    before = (tmp_path / "checkpoint.pt").read_bytes()
    done = subprocess.run(command(shards, tmp_path), capture_output=True, text=True, check=False)
    assert "a model of another shape" in done.stderr
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_rows_hold_whole_samples_and_every_token_is_a_target_once() -> None:
    random = np.random.default_rng(1)
    samples = [random.integers(0, 256, n) for n in (3, 15, 16, 17, 40, 64, 1)]
    tokens = np.concatenate([np.r_[BOS, sample] for sample in samples]).astype(np.uint16)
    pool = pool_of(tokens, "s0", (8, 16))
    assert sum(len(pieces) for pieces in pool.pieces.values()) == 1 + 1 + 2 + 2 + 3 + 5 + 1
    targets: list[int] = []
    read: list[int] = []
    for length, pieces in pool.pieces.items():
        batch = pool.rows(length, range(len(pieces)))
        assert batch.tokens.shape == (len(pieces), length)
        read += batch.tokens[batch.tokens != PAD].tolist()
        targets += batch.targets[batch.targets != PAD].tolist()
        assert (batch.weights == (batch.targets != PAD)).all()
    assert sorted(read) == sorted(tokens.tolist())
    assert sorted(targets) == sorted(np.concatenate(samples).tolist())


def test_what_is_drawn_depends_on_seed_and_position_only() -> None:
    tokens = np.concatenate([np.r_[BOS, np.full(n, n)] for n in range(1, 100)]).astype(np.uint16)
    first, second = (pool_of(tokens, "s0", (32, 64, 128)) for _ in range(2))
    drawn = [first.draw(256, 7, number).tokens for number in range(20)]
    for number in range(10):
        second.draw(256, 7, number)
    third = pool_of(tokens, "s0", (32, 64, 128))
    third.cursors |= second.cursors
    for number in range(10, 20):
        assert np.array_equal(third.draw(256, 7, number).tokens, drawn[number])
    assert not all(
        np.array_equal(pool_of(tokens, "s0", (128,)).draw(256, 8, i).tokens, drawn[i]) for i in (0, 1)
    )


def test_only_what_follows_EDIT_counts_fully_in_a_triplet() -> None:
    tokens = np.array([BOS, *b"broken", EDIT, *b"fix", END], np.uint16)
    batch = pool_of(tokens, "s2", (16,)).rows(16, [0])
    assert batch.answers[0].tolist() == [False] * 7 + [True] * 4 + [False] * 5
    assert np.allclose(batch.weights[0], [0.2] * 7 + [1] * 4 + [0] * 5)


def test_validation_sees_each_row_at_most_once() -> None:
    tokens = np.concatenate([np.r_[BOS, np.full(n % 30, n)] for n in range(1, 200)]).astype(np.uint16)
    batches = validation_batches(pool_of(tokens, "s0", (16, 32)), 100_000, 64, seed=0)
    assert sum((batch.tokens == BOS).sum() for batch in batches) == 199


def test_an_altered_shard_stops_the_run(shards: Path, tmp_path: Path) -> None:
    from rusta_training.batches import load_pool

    write_shards(tmp_path, "s0", "train", [(BOS, 1, 2), (BOS, 3)], "")
    assert load_pool(tmp_path, "s0", "train") is not None
    write_shards(tmp_path / "other", "s0", "train", [(BOS, 1, 9), (BOS, 3)], "")
    (tmp_path / "s0-train/00000.xz").write_bytes((tmp_path / "other/s0-train/00000.xz").read_bytes())
    with pytest.raises(ShardError, match="not the one in the manifest"):
        load_pool(tmp_path, "s0", "train")


@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 48, 160), (2, 160, 48)])
def test_muon_makes_all_singular_values_about_one(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalized(matrices).float())
    assert values.sort().values[:, 1].min() > 0.7, "a single value next to zero may lag"
    assert values.max() < 1.3


def test_both_optimizers_together_move_every_parameter_and_learn() -> None:
    torch.manual_seed(0)
    model = Hourglass(SIZES["smoke"])
    optimizers = Optimizers(model, muon_lr=0.02, adam_lr=4e-3, device="cpu")
    text = torch.tensor([[BOS, *b"let x = 1; let y = 1;", EDIT, *b"let y = 2;"] + [END] * 7])
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    targets = text.roll(-1, 1)
    losses = []
    for _ in range(30):
        loss, bits = training_loss(
            model, text, targets, torch.ones_like(text, dtype=torch.float32), torch.ones_like(text) > 0
        )
        loss.backward()
        optimizers.step(1.0)
        losses.append(float(bits.detach()))
    assert losses[0] == pytest.approx(np.log2(352), abs=1.0)
    assert losses[-1] < 1
    assert [
        name for name, parameter in model.named_parameters() if torch.equal(parameter, before[name])
    ] == []


def test_weights_survive_being_cut_into_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rusta_training.train.MAX_SHARD_BYTES", 40_000)
    model = Hourglass(SIZES["smoke"])
    write_weights(
        model, tmp_path, {"config": {"d_local": 64, "n_in": 1, "d_global": 128, "n_global": 2, "n_out": 2}}
    )
    files = sorted(tmp_path.glob("*.npz"))
    assert len(files) > 10
    assert max(file.stat().st_size for file in files) < 60_000
    config, tensors = read_weights(tmp_path)
    Hourglass(config).load_state_dict(tensors)
    for name, tensor in model.state_dict().items():
        assert torch.allclose(tensor, tensors[name], rtol=1e-3, atol=1e-4)
    files[3].write_bytes(files[4].read_bytes())
    with pytest.raises(ValueError, match=r"not the bytes that weights\.json names"):
        read_weights(tmp_path)


def test_the_plan_is_followed_and_missing_stages_share_their_time() -> None:
    plan = parse_plan("s0=1@1 s0=.5,s2=.5@3")
    assert phase_at(plan, 0.2).mixture == {"s0": 1.0}
    assert phase_at(plan, 0.3).mixture == {"s0": 0.5, "s2": 0.5}
    assert phase_at(plan, 1.0) == plan[-1]
    assert available({"s0": 0.2, "s1": 0.2, "s2": 0.6}, {"s0": 0, "s1": 0}) == {"s0": 0.5, "s1": 0.5}  # type: ignore[arg-type]
    assert available({"s2": 1.0}, {"s0": 0}) == {"s0": 1.0}  # type: ignore[arg-type]
    for wrong in ("s9=1@3", "s0@3", "s0=1"):
        with pytest.raises(ValueError, match="is no phase"):
            parse_plan(wrong)


def test_the_rate_rises_stays_and_ends_at_zero() -> None:
    rates = [rate_at(i / 100) for i in range(101)]
    assert rates[0] < 0.1
    assert rates[2] == rates[50] == 1
    assert rates[-1] == 0
    assert rates[65:] == sorted(rates[65:], reverse=True)


def test_the_curve_shows_each_stage_in_minutes() -> None:
    series = series_of(
        [
            {"kind": "start", "elapsed_s": 0},
            {"kind": "train", "elapsed_s": 60, "stage": "s0", "bits": 4.0},
            {"kind": "train", "elapsed_s": 120, "stage": "s0", "bits": 2.0},
            {"kind": "valid", "elapsed_s": 120, "stage": "s2", "bits": 1.5, "answer_bits": 0.5},
        ]
    )
    assert series == {
        "s0 train": [(1.0, 4.0), (2.0, pytest.approx(3.8))],
        "s2 held out": [(2.0, 1.5)],
        "s2 held out, answers": [(2.0, 0.5)],
    }
    picture = svg(series)
    assert picture.count("<polyline") == 5 + 3
    assert "s2 held out, answers" in picture
