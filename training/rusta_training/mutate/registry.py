"""All operators by name. An operator is a function that finds where code can be broken in one way."""

from collections.abc import Callable, Iterator
from itertools import pairwise

from attrs import frozen

from .code import Code, Edit

Break = Edit | tuple[Edit, ...]
Finder = Callable[[Code], Iterator[Break]]


@frozen
class Operator:
    """One way to break code.

    Attributes:
        name: as it is written into the triplets.
        family: the module it is defined in.
        weight: how often it is chosen, against others that find a place in the same program.
        find: yields the edits, one or several for one break, in no particular order.
    """

    name: str
    family: str
    weight: float
    find: Finder


OPERATORS: dict[str, Operator] = {}

FAMILY_WEIGHT = {
    "syntax": 0.45,
    "names": 0.45,
    "calls": 0.6,
    "conversions": 0.8,
    "lints": 0.7,
    "flow": 0.9,
    "visibility": 1.3,
    "data": 1.4,
    "bounds": 1.5,
    "lifetimes": 1.6,
    "moves": 1.7,
    "borrows": 1.8,
}
"""How often each family is chosen: what people struggle with more often than what they mistype."""


def operator(weight: float = 1.0) -> Callable[[Finder], Finder]:
    """Register a function as an operator under its own name, `_` written as `-`.

    Raises:
        ValueError: the name is taken.
    """

    def register(find: Finder) -> Finder:
        name = find.__name__.replace("_", "-")
        if name in OPERATORS:
            raise ValueError(f"two operators are called {name}")
        family = find.__module__.rpartition(".")[2]
        OPERATORS[name] = Operator(name, family, weight * FAMILY_WEIGHT.get(family, 1.0), find)
        return find

    return register


@frozen
class Mutation:
    """One way to break one file: disjoint edits, sorted."""

    operator: str
    edits: tuple[Edit, ...]


def mutations(code: Code, names: frozenset[str] | None = None) -> dict[str, list[Mutation]]:
    """Every break of a file, by operator, each once; those that change nothing are left out."""
    found: dict[str, list[Mutation]] = {}
    for name, one in OPERATORS.items():
        if names is not None and name not in names:
            continue
        distinct = {edits: None for edits in map(_sorted, one.find(code)) if _changes(code.source, edits)}
        if distinct:
            found[name] = [Mutation(name, edits) for edits in distinct]
    return found


def _sorted(broken: Break) -> tuple[Edit, ...]:
    return (broken,) if isinstance(broken, Edit) else tuple(sorted(broken))


def _changes(source: bytes, edits: tuple[Edit, ...]) -> bool:
    disjoint = all(left.end <= right.start for left, right in pairwise(edits))
    return disjoint and any(source[edit.start : edit.end] != edit.text for edit in edits)
