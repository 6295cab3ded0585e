"""The baselines say what theory says of texts whose entropy is known."""

import numpy as np
import pytest

from rusta_training.held_out import baselines, n_gram_bits


def test_a_text_of_two_equally_likely_bytes_costs_one_bit() -> None:
    coins = np.random.default_rng(0).integers(0, 2, 60_000).astype(np.uint8)
    for order in (0, 1, 3):
        assert n_gram_bits(coins[:20_000], coins[20_000:], order) == pytest.approx(1, abs=0.02)


def test_context_pays_as_far_as_it_reaches() -> None:
    # The byte is told by the one three before it, but by no nearer one.
    random = np.random.default_rng(1)
    period = np.frombuffer(b"abcabdabeabf", np.uint8)
    text = np.tile(period, 3000)
    assert n_gram_bits(text[:6000], text[6000:], 3) < 0.05
    assert n_gram_bits(text[:6000], text[6000:], 1) > 0.5
    noise = random.integers(0, 256, 30_000).astype(np.uint8)
    assert n_gram_bits(noise[:10_000], noise[10_000:], 0) == pytest.approx(8, abs=0.05)


def test_unknown_contexts_fall_back_to_shorter_ones() -> None:
    known = np.frombuffer(b"ab" * 500, np.uint8)
    strange = np.frombuffer(b"zb" * 100, np.uint8)
    # Each z is new: 1 of 256, behind the chance that something new follows "b" or comes at all.
    assert n_gram_bits(strange, known, 0) == pytest.approx((1 + 8 + np.log2(1002 / 2)) / 2, abs=0.01)
    assert np.isfinite(n_gram_bits(strange, known, 4))


def test_compressors_and_counts_are_measured_on_the_same_text() -> None:
    text = np.frombuffer(b"fn main() { let x = 1; }\n" * 400, np.uint8)
    found = {baseline.name.split()[0]: baseline.bits for baseline in baselines(text[:5000], text[5000:])}
    assert {"xz", "3", "5"} <= set(found)
    assert all(0 < bits < 0.5 for bits in found.values())
