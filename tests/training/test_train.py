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
from attrs import asdict, evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from rusta_inference.codec import BOS, EDIT, END, PAD
from rusta_training import hints
from rusta_training.batches import load_pool, packed, padded, pool_of, validation_batches
from rusta_training.curve import series_of, svg
from rusta_training.hints import kinds_of
from rusta_training.model import SIZES, Hourglass
from rusta_training.optimizer import Optimizers, orthogonalized
from rusta_training.shards import ShardError, write_shards
from rusta_training.train import (
    Pools,
    available,
    is_right,
    load_checkpoint,
    load_model,
    parse_plan,
    phase_at,
    rate_at,
    read_weights,
    training_loss,
    write_weights,
)

# Small products gain nothing from more, and lose much when other tests run beside.
torch.set_num_threads(1)

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
    options += ["--context", "256", "--log-every", "1", "--threads", "1", "--valid-tokens", "2048"]
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


def test_a_checkpoint_from_before_a_field_was_there_is_gone_on_from(tmp_path: Path) -> None:
    config = evolve(SIZES["smoke"], syntax_hints=False)
    known = {name: value for name, value in asdict(config).items() if name != "syntax_hints"}
    torch.save({"config": known}, tmp_path / "checkpoint.pt")
    assert load_checkpoint(tmp_path / "checkpoint.pt", config) is not None
    with pytest.raises(SystemExit, match="another shape"):
        load_checkpoint(tmp_path / "checkpoint.pt", SIZES["smoke"])


@settings(deadline=None)
@given(st.lists(st.integers(1, 300), max_size=30), st.sampled_from([16, 64, 128]))
def test_rows_hold_every_token_once_and_foretell_each_but_the_first(sizes: list[int], context: int) -> None:
    random = np.random.default_rng(1)
    samples = [random.integers(0, 256, size) for size in sizes]
    tokens = np.concatenate([[], *(np.r_[BOS, sample] for sample in samples)]).astype(np.uint16)
    pool = pool_of(tokens, "s0", context)
    batch = pool.batch(range(len(pool.rows)))
    assert sorted(batch.tokens[batch.tokens != PAD].tolist()) == sorted(tokens.tolist())
    foretold = [token for sample in samples for token in sample.tolist()]
    assert sorted(batch.targets[batch.targets != PAD].tolist()) == sorted(foretold)
    assert ((batch.weights == 1) == (batch.targets != PAD)).all()
    follows = (batch.targets[:, :-1] != PAD) & (batch.samples[:, 1:] == batch.samples[:, :-1])
    there = batch.tokens[:, 1:] != PAD
    assert (batch.targets[:, :-1][follows & there] == batch.tokens[:, 1:][follows & there]).all()


@settings(deadline=None)
@given(st.lists(st.integers(1, 64), max_size=60))
def test_rows_are_packed_without_overflow_and_not_two_of_them_fit_together(sizes: list[int]) -> None:
    rows = packed(sizes, 64)
    assert sorted(number for row in rows for number in row) == list(range(len(sizes)))
    filled = sorted(sum(padded(sizes[number]) for number in row) for row in rows)
    assert filled == [] or filled[-1] <= 64
    assert len(filled) < 2 or filled[0] + filled[1] > 64


def test_samples_begin_where_patches_do() -> None:
    tokens = np.concatenate([np.r_[BOS, np.full(n, 7)] for n in (3, 5, 9, 10, 21)]).astype(np.uint16)
    batch = pool_of(tokens, "s0", 64).batch([0])
    starts = np.flatnonzero(batch.tokens[0] == BOS)
    assert len(starts) == 5
    assert (starts % 4 == 0).all()
    assert [int(batch.samples[0, start]) for start in starts] == [0, 1, 2, 3, 4]


def test_what_is_drawn_depends_on_seed_and_position_only() -> None:
    tokens = np.concatenate([np.r_[BOS, np.full(n, n)] for n in range(1, 100)]).astype(np.uint16)
    first, second = (pool_of(tokens, "s0", 128) for _ in range(2))
    drawn = [first.draw(8, 7).tokens for _ in range(20)]
    second.drawn = 80
    for number in range(10, 20):
        assert np.array_equal(second.draw(8, 7).tokens, drawn[number])
    assert not np.array_equal(pool_of(tokens, "s0", 128).draw(8, 8).tokens, drawn[0])


def test_each_byte_of_code_has_its_kind_of_syntax() -> None:
    text = b"fn f(x: &'a Foo) -> u8 { x.y + 1 } // s"
    found = kinds_of(np.array([BOS, *text], np.int64)).tolist()
    assert found[0] == hints.UNKNOWN
    of = {
        word: found[1 + text.index(word)] for word in (b"fn", b"f(", b"(", b"'a", b"Foo", b"->", b"u8", b"1")
    }
    assert list(of.values()) == [
        hints.KEYWORD,
        hints.NAME,
        hints.BRACKET,
        hints.LIFETIME,
        hints.TYPE,
        hints.SIGN,
        hints.TYPE,
        hints.NUMBER,
    ]
    assert found[1 + text.index(b"y")] == hints.FIELD
    assert found[1 + text.index(b"//") :] == [hints.COMMENT] * 4
    assert found[1 + text.index(b" f")] == hints.SPACE


@settings(deadline=None)
@given(st.lists(st.integers(0, 351), max_size=80))
def test_whatever_is_read_has_a_kind_or_is_a_symbol(tokens: list[int]) -> None:
    found = kinds_of(np.array(tokens, np.int64))
    assert [kind == hints.UNKNOWN for kind in found.tolist()] == [token >= 256 for token in tokens]


def test_only_code_has_kinds() -> None:
    tokens = np.array([BOS, *b"let x = 1;"], np.uint16)
    assert pool_of(tokens, "s0", 16).batch([0]).kinds[0, :3].tolist() == [hints.KEYWORD] * 3
    assert not pool_of(tokens, "s1", 16).batch([0]).kinds.any()


def test_only_what_follows_EDIT_counts_fully_in_a_triplet() -> None:
    sample = [BOS, *b"broken", EDIT, *b"fix", END]
    batch = pool_of(np.array([*sample, *sample], np.uint16), "s2", 32).batch([0])
    answers = [False] * 7 + [True] * 4 + [False]
    assert batch.answers[0].tolist() == [*answers, *answers, *[False] * 8]
    one = [0.2] * 7 + [1] * 4 + [0]
    assert np.allclose(batch.weights[0], [*one, *one, *[0] * 8])


def test_each_answer_is_judged_by_itself() -> None:
    targets = torch.tensor([[5, 6, 7, 8]])
    logits = torch.nn.functional.one_hot(torch.tensor([[9, 6, 9, 8]]), 16).float()
    answers = torch.tensor([[False, True, True, True]])
    samples = torch.tensor([[0, 0, 1, 1]])
    assert is_right(logits, targets, answers, samples).tolist() == [[True, True, False, False]]


def test_validation_sees_each_sample_at_most_once() -> None:
    tokens = np.concatenate([np.r_[BOS, np.full(n % 30, n)] for n in range(1, 200)]).astype(np.uint16)
    batches = validation_batches(pool_of(tokens, "s0", 32), 100_000, 64, seed=0)
    assert sum((batch.tokens == BOS).sum() for batch in batches) == 199


def test_an_altered_shard_is_not_trained_on(tmp_path: Path) -> None:
    write_shards(tmp_path, "s0", "train", [(BOS, 1, 2), (BOS, 3)], "")
    assert load_pool(tmp_path, "s0", "train", 16) is not None
    write_shards(tmp_path / "other", "s0", "train", [(BOS, 1, 9), (BOS, 3)], "")
    (tmp_path / "s0-train/00000.xz").write_bytes((tmp_path / "other/s0-train/00000.xz").read_bytes())
    with pytest.raises(ShardError, match="not the one in the manifest"):
        load_pool(tmp_path, "s0", "train", 16)


def test_stages_join_when_they_appear_and_again_when_they_are_made_anew(tmp_path: Path) -> None:
    write_shards(tmp_path, "s0", "train", [(BOS, 1, 2)] * 3, "")
    pools = Pools(tmp_path, 16, {})
    pools.refresh()
    assert list(pools) == ["s0"]
    pools.draw({"s0": 1.0}, 32, 0, 0)
    write_shards(tmp_path, "s2", "train", [(BOS, 1, EDIT, 2, END)], "")
    pools.refresh()
    assert list(pools) == ["s0", "s2"]
    before = pools.positions()
    assert before["s0"][1] == 2, "what has not changed is not begun again"
    write_shards(tmp_path, "s2", "train", [(BOS, 1, EDIT, 3, END)], "")
    (tmp_path / "s0-train" / "manifest.json").unlink()
    pools.refresh()
    assert pools.positions()["s2"][0] != before["s2"][0]
    assert pools.positions()["s0"] == before["s0"], "shards that are just being replaced are not lost"
    assert 3 in pools.draw({"s2": 1.0}, 16, 0, 1).tokens

    resumed = Pools(tmp_path, 16, {"s2": (pools.positions()["s2"][0], 5), "s0": ("other", 7)})
    write_shards(tmp_path, "s0", "train", [(BOS, 1, 2)] * 3, "")
    resumed.refresh()
    assert {stage: drawn for stage, (_, drawn) in resumed.positions().items()} == {"s0": 0, "s2": 5}


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
            model,
            text,
            targets,
            torch.ones_like(text, dtype=torch.float32),
            torch.ones_like(text) > 0,
            torch.zeros_like(text),
            torch.from_numpy(kinds_of(targets[0].numpy()))[None],
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
    write_weights(model, tmp_path, {"config": asdict(SIZES["smoke"])})
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
    assert [rate_at(step, 0.0) for step in (0, 19, 39, 1000)] == [1 / 40, 0.5, 1, 1]
    rates = [rate_at(1000, i / 100) for i in range(101)]
    assert rates[:65] == [1] * 65
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
