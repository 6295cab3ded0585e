"""Ways to break working code as people do: operators on the syntax tree, one module per family.

Importing this package registers all of them.
"""

from . import (
    borrows,
    bounds,
    calls,
    conversions,
    data,
    flow,
    lifetimes,
    lints,
    moves,
    names,
    syntax,
    types,
    visibility,
)
from .code import Code, Edit
from .registry import OPERATORS, Mutation, Operator, mutations

__all__ = [
    "OPERATORS",
    "Code",
    "Edit",
    "Mutation",
    "Operator",
    "borrows",
    "bounds",
    "calls",
    "conversions",
    "data",
    "flow",
    "lifetimes",
    "lints",
    "moves",
    "mutations",
    "names",
    "syntax",
    "types",
    "visibility",
]
