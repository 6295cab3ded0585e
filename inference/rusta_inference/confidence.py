"""Calibrated probabilities: logistic functions of a few features, with coefficients fitted on held-out code.

Two are needed: *before* the compiler has judged a candidate and *after* it, with and without the byte model's
opinion. `training/rusta_training/calibrate.py` fits them (L2-regularised logistic regression, which is Platt
scaling on several features); they are committed in `confidence.json`. Standard library only.
"""

import json
import math
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from attrs import field, frozen

VERSION = 2
FILE = "confidence.json"
_LEAST = 1e-4


@frozen
class Calibration:
    """A fitted logistic function: P = sigmoid(bias + Σ weight · feature + what is known of the source).

    Attributes:
        weights: by the name of the feature.
        n: cases it was fitted on.
        sources: by the source of a candidate, how much more (or less) often it was right than its features
            say; 0 for a source that no case was of.
    """

    bias: float
    weights: Mapping[str, float]
    n: int = 0
    sources: Mapping[str, float] = field(factory=dict)

    def probability(self, features: Mapping[str, float], source: str = "") -> float:
        """The probability for these features, within [0.0001, 0.9999].

        Raises:
            ValueError: they are not those it was fitted for.
        """
        if features.keys() != self.weights.keys():
            odd = sorted(features.keys() ^ self.weights.keys())
            raise ValueError(f"not the features of this calibration: {', '.join(odd)}")
        score = self.bias + math.fsum(self.weights[name] * value for name, value in features.items())
        score += self.sources.get(source, 0.0)
        return min(max(sigmoid(score), _LEAST), 1 - _LEAST)


def calibration(name: str) -> Calibration:
    """A committed calibration.

    Raises:
        KeyError: there is none of this name.
    """
    return _committed()[name]


def parse(text: str) -> dict[str, Calibration]:
    """Read calibrations by name, as `render` writes them.

    Raises:
        ValueError: it is of another version.
    """
    raw: dict[str, Any] = json.loads(text)
    if raw.get("v") != VERSION:
        raise ValueError(f"version {raw.get('v')} of {FILE} is not known")
    return {
        name: Calibration(one["bias"], one["weights"], one["n"], one["sources"])
        for name, one in raw["calibrations"].items()
    }


def render(calibrations: Mapping[str, Calibration]) -> str:
    """Calibrations as the text of `confidence.json`."""
    told = {
        name: {
            "n": one.n,
            "bias": round(one.bias, 4),
            "weights": {feature: round(weight, 4) for feature, weight in one.weights.items()},
            "sources": {source: round(weight, 4) for source, weight in sorted(one.sources.items())},
        }
        for name, one in calibrations.items()
    }
    return json.dumps({"v": VERSION, "calibrations": told}, indent=2) + "\n"


def sigmoid(score: float) -> float:
    """1 / (1 + exp(−score)), without overflow."""
    if score >= 0:
        return 1 / (1 + math.exp(-score))
    power = math.exp(score)
    return power / (1 + power)


def logit(probability: float, *, limit: float = 0.02) -> float:
    """The inverse of `sigmoid`, of a probability kept `limit` away from 0 and 1."""
    kept = min(max(probability, limit), 1 - limit)
    return math.log(kept / (1 - kept))


@cache
def _committed() -> dict[str, Calibration]:
    return parse(resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8"))
