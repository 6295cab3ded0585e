"""Fit and judge calibrated probabilities.

The cases come from `rusta_eval.calibrate`, which runs the repair loop on held-out programs: features of what
the loop found, and whether it was right. They are split by program: on one part the coefficients are fitted,
on the other they are judged.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from rusta_inference.confidence import Calibration

Floats = NDArray[np.float64]

N_BINS = 10
_STEPS = 60
_SEED = 0


@frozen
class Case:
    """One probability to be judged.

    Attributes:
        program: what it belongs to; cases of one program stay on one side of a split.
        right: whether what was said turned out to be so.
        source: of the candidate; empty if it is not to count.
    """

    program: str
    features: Mapping[str, float]
    right: bool
    source: str = ""


def fit(cases: Sequence[Case], *, l2: float = 1.0, l2_sources: float = 1.0) -> Calibration:
    """Logistic regression by Newton's method, with a quadratic penalty on all weights but the bias.

    The penalty is on the weights of standardised features, so that their units do not matter. Each source has
    a weight of its own, drawn towards 0: what the features do not tell of a rule with many cases is learned,
    and one with few stays what they say (a random intercept with a Gaussian prior).

    Args:
        l2: the penalty: 1.0 weighs like a few cases that speak against the feature.
        l2_sources: the same for the weights of sources: the inverse of the prior's variance.

    Raises:
        ValueError: no cases, or they have different features.
    """
    if not cases:
        raise ValueError("there is nothing to fit")
    names = tuple(cases[0].features)
    if any(case.features.keys() != cases[0].features.keys() for case in cases):
        raise ValueError("the cases have different features")
    x = np.array([[case.features[name] for name in names] for case in cases], dtype=np.float64)
    y = np.array([case.right for case in cases], dtype=np.float64)
    mean, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread == 0] = np.inf  # a constant feature gets no weight
    sources = sorted({case.source for case in cases} - {""})
    is_of = np.array([[case.source == source for source in sources] for case in cases], dtype=np.float64)
    z = np.hstack([np.ones((len(x), 1)), (x - mean) / spread, is_of.reshape(len(x), len(sources))])
    penalty = np.array([0.0, *[l2] * len(names), *[l2_sources] * len(sources)])
    weights = np.zeros(z.shape[1])
    n_right = y.sum()
    # Platt's targets instead of 1 and 0: finite data give no certainty.
    smoothed = np.where(y == 1, (n_right + 1) / (n_right + 2), 1 / (len(y) - n_right + 2))
    for _ in range(_STEPS):
        p = _sigmoid(z @ weights)
        slope = z.T @ (p - smoothed) + penalty * weights
        curve = (z * (p * (1 - p))[:, None]).T @ z + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curve, slope)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    own = weights[1 : 1 + len(names)] / spread
    return Calibration(
        bias=float(weights[0] - own @ mean),
        weights=dict(zip(names, own.tolist(), strict=True)),
        sources=dict(zip(sources, weights[1 + len(names) :].tolist(), strict=True)),
        n=len(cases),
    )


@frozen
class Judged:
    """How good probabilities are.

    Attributes:
        ece: expected calibration error over bins of equal width.
        ece_null: the 5 %, 50 % and 95 % quantiles of the same figure for a perfectly calibrated model that
            says these very probabilities: what chance alone makes.
        brier: mean squared error; `brier_base` that of always saying the share of right ones.
        auc: how often a right one is given more than a wrong one.
        bins: (from, to, n, mean probability, share right), the empty ones left out.
        at: by τ: how many are at or above it, how many of those are wrong, and the upper end of the 95 %
            Clopper–Pearson interval of that share.
    """

    n: int
    share_right: float
    ece: float
    ece_null: tuple[float, float, float]
    brier: float
    brier_base: float
    auc: float
    bins: tuple[tuple[float, float, int, float, float], ...]
    at: Mapping[float, tuple[int, int, float]]


def judge(
    said: Sequence[float], right: Sequence[bool], *, thresholds: Sequence[float] = (0.7, 0.85)
) -> Judged:
    """Compare what was said with what turned out.

    Raises:
        ValueError: there are no cases.
    """
    if not said:
        raise ValueError("there is nothing to judge")
    p, y = np.array(said, dtype=np.float64), np.array(right, dtype=np.float64)
    chance = np.random.default_rng(_SEED)
    null = [_ece(p, (chance.random(len(p)) < p).astype(np.float64)) for _ in range(2000)]
    low, middle, high = np.quantile(null, (0.05, 0.5, 0.95))
    base = float(y.mean())
    return Judged(
        n=len(p),
        share_right=base,
        ece=_ece(p, y),
        ece_null=(float(low), float(middle), float(high)),
        brier=float(((p - y) ** 2).mean()),
        brier_base=base * (1 - base),
        auc=auc(p, y),
        bins=tuple(_bins(p, y)),
        at={tau: _at(p, y, tau) for tau in thresholds},
    )


def clopper_pearson_upper(k: int, n: int, *, level: float = 0.95) -> float:
    """The upper end of the two-sided Clopper–Pearson interval for `k` of `n`; by bisection."""
    if k >= n:
        return 1.0
    tail = (1 - level) / 2
    low, high = k / n, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(k, n, middle) > tail else (low, middle)
    return high


def _at_most(k: int, n: int, p: float) -> float:
    """P(X ≤ k) for X binomial(n, p)."""
    if p <= 0:
        return 1.0
    if p >= 1:
        return float(k >= n)
    logs = [
        math.lgamma(n + 1)
        - math.lgamma(i + 1)
        - math.lgamma(n - i + 1)
        + i * math.log(p)
        + (n - i) * math.log1p(-p)
        for i in range(k + 1)
    ]
    return math.fsum(map(math.exp, logs))


def _at(p: Floats, y: Floats, tau: float) -> tuple[int, int, float]:
    answered = p >= tau
    n, wrong = int(answered.sum()), int((answered & (y == 0)).sum())
    return n, wrong, clopper_pearson_upper(wrong, n) if n else 1.0


def _bin_of(p: Floats) -> NDArray[np.int64]:
    return np.minimum((p * N_BINS).astype(np.int64), N_BINS - 1)


def _ece(p: Floats, y: Floats) -> float:
    places = _bin_of(p)
    gaps = np.bincount(places, weights=y - p, minlength=N_BINS)
    return float(np.abs(gaps).sum() / len(p))


def _bins(p: Floats, y: Floats) -> list[tuple[float, float, int, float, float]]:
    places = _bin_of(p)
    found = []
    for place in range(N_BINS):
        own = places == place
        if own.any():
            ends = (place / N_BINS, (place + 1) / N_BINS)
            found.append((*ends, int(own.sum()), float(p[own].mean()), float(y[own].mean())))
    return found


def auc(p: Floats, y: Floats) -> float:
    """How often one with `y` 1 has a higher `p` than one with `y` 0, ties as half; NaN if one kind lacks."""
    good, bad = p[y == 1], p[y == 0]
    if not len(good) or not len(bad):
        return float("nan")
    difference = good[:, None] - bad[None, :]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def _sigmoid(score: Floats) -> Floats:
    result: Floats = 0.5 * (1 + np.tanh(score / 2))
    return result


def as_plain(judged: Judged) -> dict[str, Any]:
    """The figures as JSON."""
    return {
        "n": judged.n,
        "share_right": round(judged.share_right, 4),
        "ece": round(judged.ece, 4),
        "ece_null_5_50_95": [round(q, 4) for q in judged.ece_null],
        "brier": round(judged.brier, 4),
        "brier_base": round(judged.brier_base, 4),
        "auc": round(judged.auc, 4),
        "bins": [
            {"from": low, "to": high, "n": n, "said": round(said, 3), "right": round(share, 3)}
            for low, high, n, said, share in judged.bins
        ],
        "at": {
            str(tau): {"n": n, "wrong": wrong, "upper": round(upper, 4)}
            for tau, (n, wrong, upper) in judged.at.items()
        },
    }
