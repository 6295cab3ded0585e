"""Fitting and judging probabilities, on cases whose truth is known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rusta_training.calibrate import Case, clopper_pearson_upper, fit, judge


def cases(n: int, bias: float, weights: dict[str, float], seed: int = 0) -> list[Case]:
    chance = np.random.default_rng(seed)
    made = []
    for number in range(n):
        features = {name: float(chance.normal() * 10) for name in weights}
        score = bias + sum(weights[name] * value for name, value in features.items())
        made.append(Case(str(number), features, bool(chance.random() < 1 / (1 + math.exp(-score)))))
    return made


def test_the_coefficients_that_made_the_cases_are_found_again() -> None:
    found = fit(cases(20_000, 0.5, {"one": 0.2, "two": -0.1, "none": 0.0}), l2=0.01)
    assert found.bias == pytest.approx(0.5, abs=0.1)
    assert found.weights == pytest.approx({"one": 0.2, "two": -0.1, "none": 0.0}, abs=0.02)


def test_what_was_fitted_is_calibrated_on_new_cases() -> None:
    found = fit(cases(500, 1.0, {"one": 0.2, "two": -0.1}))
    new = cases(2000, 1.0, {"one": 0.2, "two": -0.1}, seed=1)
    judged = judge([found.probability(case.features) for case in new], [case.right for case in new])
    assert judged.ece < 0.05 and judged.brier < judged.brier_base and judged.auc > 0.8


def test_a_penalty_pulls_towards_nothing() -> None:
    made = cases(100, 0.0, {"one": 0.2})
    assert abs(fit(made, l2=1000).weights["one"]) < abs(fit(made, l2=0.1).weights["one"]) / 3


def test_a_source_that_is_often_wrong_is_known_by_its_cases() -> None:
    chance = np.random.default_rng(0)

    def of(source: str, n: int, share: float) -> list[Case]:
        return [Case(f"{source}{i}", {"one": 0.0}, bool(chance.random() < share), source) for i in range(n)]

    found = fit([*of("good", 300, 0.9), *of("bad", 300, 0.3), *of("rare", 1, 0.0)])
    said = {name: found.probability({"one": 0.0}, name) for name in ("good", "bad", "rare", "never seen")}
    assert said["good"] == pytest.approx(0.9, abs=0.05)
    assert said["bad"] == pytest.approx(0.3, abs=0.07)
    assert said["bad"] < said["rare"] < said["never seen"] < said["good"]


def test_cases_that_are_all_alike_give_no_certainty() -> None:
    found = fit([Case(str(number), {"one": 1.0}, True) for number in range(8)])
    assert found.weights == {"one": 0.0}
    assert 0.8 < found.probability({"one": 1.0}) < 0.95


@pytest.mark.parametrize(
    ("made", "complaint"),
    [([], "nothing to fit"), ([Case("a", {"x": 1}, True), Case("b", {"y": 1}, True)], "different features")],
)
def test_what_cannot_be_fitted_is_refused(made: list[Case], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        fit(made)


def test_figures_of_a_small_example() -> None:
    judged = judge([0.95, 0.95, 0.75, 0.2], [True, False, True, False], thresholds=(0.7,))
    assert judged.n == 4 and judged.share_right == 0.5
    assert judged.ece == pytest.approx((2 * 0.45 + 0.25 + 0.2) / 4)
    assert judged.brier == pytest.approx((0.05**2 + 0.95**2 + 0.25**2 + 0.2**2) / 4)
    assert judged.auc == pytest.approx(0.625)
    n, wrong, upper = judged.at[0.7]
    assert (n, wrong) == (3, 1) and upper == pytest.approx(0.9057, abs=1e-3)


def test_a_perfect_model_lies_in_the_band_of_chance() -> None:
    chance = np.random.default_rng(5)
    said = chance.random(400)
    judged = judge(said.tolist(), (chance.random(400) < said).tolist())
    low, middle, high = judged.ece_null
    assert low < middle < high and judged.ece < high
    assert 0.03 < middle < 0.07, "FACTS: about 0.05 with 400 cases"


@pytest.mark.parametrize(
    ("k", "n", "upper"), [(0, 200, 0.0183), (4, 200, 0.0504), (12, 400, 0.0518), (5, 5, 1.0)]
)
def test_clopper_pearson(k: int, n: int, upper: float) -> None:
    assert clopper_pearson_upper(k, n) == pytest.approx(upper, abs=5e-4)


@settings(deadline=None)
@given(st.integers(1, 300), st.data())
def test_the_interval_holds_the_share_and_grows_with_the_failures(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    upper = clopper_pearson_upper(k, n)
    assert k / n <= upper <= 1
    assert k == 0 or clopper_pearson_upper(k - 1, n) < upper
