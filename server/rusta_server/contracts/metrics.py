"""What an evaluation measured."""

from collections.abc import Mapping
from typing import Annotated, Literal

from attrs import frozen
from msgspec import Meta

from ..shapes import Count, Probability, Text, Version
from .dataset import ErrorClass

_Amount = Annotated[float, Meta(ge=0)]


@frozen
class Share:
    """So many of so many: a rate that says how much it rests on."""

    n: Count
    of: Count

    def __attrs_post_init__(self) -> None:
        if self.n > self.of:
            raise ValueError(f"{self.n} of {self.of}")


@frozen
class Metrics:
    """Figures of one slice, or of all; null is what was not measured.

    Attributes:
        n: how many cases.
        compile_fix: cases that compile afterwards.
        anchor_fidelity: citations that hold.
        diff_lines_median: changed lines.
        tests_passed: fixed cases whose tests are green.
        abstention_quality: abstentions that were right.
        hallucination_at_tau: answers above the threshold that were wrong.
        ece: expected calibration error of the confidence.
        brier: mean squared error of the confidence.
        latency_ms_p50, latency_ms_p95: from the question to the answer.
        resident_bytes: the memory it took at most.
        learning_velocity: compile fix gained for each round of training.
        exploration_yield: experiments that led to a fix.
    """

    n: Count
    compile_fix: Share | None = None
    anchor_fidelity: Share | None = None
    diff_lines_median: _Amount | None = None
    tests_passed: Share | None = None
    abstention_quality: Share | None = None
    hallucination_at_tau: Share | None = None
    ece: Probability | None = None
    brier: Probability | None = None
    latency_ms_p50: _Amount | None = None
    latency_ms_p95: _Amount | None = None
    resident_bytes: Count | None = None
    learning_velocity: float | None = None
    exploration_yield: Share | None = None


@frozen
class Report:
    """An evaluation.

    Attributes:
        v: the version of this format.
        suite: the cases, by name.
        rusta: the version of Rusta.
        model: the SHA-256 of the model's file; null without one.
        slices: figures by class of error.
    """

    suite: Text
    rusta: Version
    all: Metrics
    slices: Mapping[ErrorClass, Metrics]
    model: str | None = None
    v: Literal[1] = 1
