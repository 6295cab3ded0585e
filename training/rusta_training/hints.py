"""Weak hints at the syntax: which kind of leaf of tree-sitter's tree each byte is part of.

Weak, since a piece of a file is parsed, not the file: at its beginning the tree may be wrong.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

UNKNOWN, COMMENT, STRING, NUMBER, NAME, TYPE, FIELD, LIFETIME, KEYWORD, SIGN, BRACKET, SPACE = range(12)
N_KINDS: Final = 12

_KINDS: Final = {
    "line_comment": COMMENT,
    "block_comment": COMMENT,
    "string_literal": STRING,
    "raw_string_literal": STRING,
    "char_literal": STRING,
    "integer_literal": NUMBER,
    "float_literal": NUMBER,
    "boolean_literal": NUMBER,
    "identifier": NAME,
    "type_identifier": TYPE,
    "primitive_type": TYPE,
    "field_identifier": FIELD,
    "shorthand_field_identifier": FIELD,
    "lifetime": LIFETIME,
}


def kinds_of(tokens: NDArray[np.int64]) -> NDArray[np.int64]:
    """The kind of each token, all bytes parsed together; `UNKNOWN` for symbols.

    Raises:
        ModuleNotFoundError: tree-sitter is not there; the machine that trains may have only PyTorch.
    """
    from . import syntax

    is_byte = tokens < 256
    text = np.where(is_byte, tokens, ord("\n")).astype(np.uint8).tobytes()
    kinds = np.full(len(text), SPACE, np.int64)
    cursor = syntax.parse(text).walk()
    while True:
        node = cursor.node
        kind = _KINDS.get(node.type) if node is not None else None
        if node is not None and kind is None and node.child_count == 0:
            kind = KEYWORD if node.type.isalpha() else BRACKET if node.type in "()[]{}" else SIGN
        if node is not None and kind is not None:
            kinds[node.start_byte : node.end_byte] = kind
        elif cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                kinds[~is_byte] = UNKNOWN
                return kinds
