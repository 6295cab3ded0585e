"""Shares of a number of cases, with what chance alone could have made of them."""

from attrs import frozen

from .citations_labels import lower_bound


@frozen
class Share:
    """How many of `n` cases are so.

    Attributes:
        lower, upper: the two-sided 95 % interval of Clopper and Pearson; 0 and 1 if there are no cases.
    """

    count: int
    n: int
    share: float
    lower: float
    upper: float


def share_of(right: list[bool]) -> Share:
    """The share of those that are true. Cases count as independent of each other."""
    count, n = sum(right), len(right)
    if not n:
        return Share(0, 0, 0.0, 0.0, 1.0)
    lower, upper = lower_bound(count, n, 0.975), 1 - lower_bound(n - count, n, 0.975)
    return Share(count, n, round(count / n, 4), round(lower, 4), round(upper, 4))
