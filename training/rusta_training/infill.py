"""Infilling samples: a window of a file with a hole, and what was there.

Holes are whole pieces of syntax – what repairs replace – of all sizes, and now and then a whole line. Each is
tried in proportion to `_KINDS`, not to how frequent such nodes are: most nodes of a tree are names.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import tree_sitter
from attrs import frozen

from rusta_inference.codec import BOS, END, FILL, HOLE

from .shards import Tokens
from .syntax import parse

WINDOW: Final = 1000
"""Tokens of a sample, at most; with the padding it fits a context of 1,024."""
MAX_MIDDLE: Final = 320

# What a hole may be: its weight, and the kinds of nodes it can be.
_KINDS: Final[Mapping[str, tuple[float, str]]] = {
    "expression": (
        4.0,
        "binary_expression call_expression closure_expression field_expression if_expression index_expression"
        " macro_invocation match_expression range_expression reference_expression return_expression"
        " struct_expression try_expression type_cast_expression unary_expression",
    ),
    "arguments": (2.0, "arguments field_initializer_list token_tree"),
    "signature": (2.0, "parameters function_signature_item parameter self_parameter"),
    "bounds": (1.5, "type_parameters where_clause trait_bounds lifetime type_arguments"),
    "type": (1.5, "reference_type generic_type scoped_type_identifier tuple_type"),
    "statement": (3.0, "let_declaration expression_statement use_declaration field_declaration"),
    "block": (1.5, "block match_arm function_item impl_item attribute_item"),
    "pattern": (1.0, "match_pattern tuple_struct_pattern struct_pattern tuple_pattern"),
    "name": (1.0, "identifier field_identifier type_identifier mutable_specifier"),
}
_KIND_OF: Final = {node: kind for kind, (_, nodes) in _KINDS.items() for node in nodes.split()}
_WEIGHTS: Final = {kind: weight for kind, (weight, _) in _KINDS.items()} | {"line": 1.5}


@frozen
class Hole:
    """The bytes [start, end) of a file, and what kind of thing they are."""

    start: int
    end: int
    kind: str


def samples(text: bytes, seed: str, bytes_per_sample: int) -> Iterator[Tokens]:
    """Infilling samples of a file, about one for every ``bytes_per_sample`` bytes; a ``seed`` fixes them."""
    chance = random.Random(seed)
    by_kind = holes(text)
    if not by_kind:
        return
    kinds = sorted(by_kind)
    weights = [_WEIGHTS[kind] for kind in kinds]
    wanted, rest = divmod(len(text), bytes_per_sample)
    taken: set[tuple[int, int]] = set()
    for _ in range(wanted + (chance.random() < rest / bytes_per_sample)):
        hole = chance.choice(by_kind[chance.choices(kinds, weights)[0]])
        if (hole.start, hole.end) not in taken:
            taken.add((hole.start, hole.end))
            yield sample(text, hole, chance)


def sample(text: bytes, hole: Hole, chance: random.Random) -> Tokens:
    """``BOS prefix HOLE suffix FILL middle END``, with as much around the hole as fits, in whole lines."""
    room = WINDOW - 4 - (hole.end - hole.start)
    before = int(room * chance.uniform(0.35, 0.85))
    prefix = text[max(0, hole.start - before) : hole.start]
    if len(prefix) < hole.start and b"\n" in prefix:
        prefix = prefix[prefix.index(b"\n") + 1 :]
    suffix = text[hole.end : hole.end + room - len(prefix)]
    if hole.end + len(suffix) < len(text) and b"\n" in suffix:
        suffix = suffix[: suffix.rindex(b"\n") + 1]
    return np.array([BOS, *prefix, HOLE, *suffix, FILL, *text[hole.start : hole.end], END], dtype=np.uint16)


def holes(text: bytes) -> dict[str, list[Hole]]:
    """All pieces of a file that could be left out, by kind."""
    found: dict[str, list[Hole]] = defaultdict(list)
    stack: list[tree_sitter.Node] = [parse(text).root_node]
    while stack:
        node = stack.pop()
        if node.is_error:
            continue
        kind = _KIND_OF.get(node.type)
        if kind is not None and 0 < node.end_byte - node.start_byte <= MAX_MIDDLE:
            found[kind].append(Hole(node.start_byte, node.end_byte, kind))
        stack.extend(node.named_children)
    at = 0
    for line in text.split(b"\n"):
        bare = line.strip()
        if 8 <= len(bare) <= MAX_MIDDLE and not bare.startswith(b"//"):
            found["line"].append(Hole(at, at + len(line), "line"))
        at += len(line) + 1
    return dict(found)
