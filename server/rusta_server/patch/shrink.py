"""Make a patch as small as it can be while it still does its work."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def ddmin(parts: Sequence[T], works: Callable[[list[T]], bool]) -> list[T]:
    """A 1-minimal subset of `parts` (in order) for which `works` holds; `works(parts)` must hold.

    Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002). At most O(n²) calls.
    """
    current = list(parts)
    n_chunks = 2
    while len(current) >= 2:
        size = -(-len(current) // n_chunks)
        chunks = [current[i : i + size] for i in range(0, len(current), size)]
        for i in range(len(chunks)):
            rest = [part for j, chunk in enumerate(chunks) if j != i for part in chunk]
            if works(rest):
                current, n_chunks = rest, max(n_chunks - 1, 2)
                break
        else:
            if n_chunks >= len(current):
                break
            n_chunks = min(len(current), 2 * n_chunks)
    return current
