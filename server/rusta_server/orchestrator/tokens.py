"""The keyword, operator or attribute name under the cursor, and where in the syntax it stands."""

import re

import tree_sitter
from attrs import frozen

from ..candidates import Source

# Nodes that only group what stands before an item, and what the parser could not read: the item says more.
_GROUPS = frozenset({"extern_modifier", "function_modifiers", "ERROR"})
# Nodes of several leaves that are one token for a person.
_WHOLE = frozenset({"lifetime", "label", "string_literal", "raw_string_literal"})
_LITERALS = frozenset({"string_literal", "raw_string_literal", "char_literal"})
_COMMENTS = frozenset({"line_comment", "block_comment"})
_OPENING = re.compile(rb"[a-z]*#*[\"']")


@frozen
class Token:
    """One token as it is written.

    Attributes:
        text: ``&``, ``dyn``, ``'static``, ``derive``; of a string only its opening, without hashes: ``br"``.
        node: the kind of the syntax node that it stands in, by tree-sitter's Rust grammar.
    """

    text: str
    node: str


def token_at(source: Source, offset: int) -> Token | None:
    """The token that covers the byte at `offset`; None in white space, comments and the inside of strings."""
    token = _token(source.root, offset)
    if (
        token is not None and _around(token) == "token_tree"
    ):  # a macro's argument, as the usual macros parse it
        token = _token(source.expanded.root_node, offset) or token
    if token is None:
        return None
    text = source.text[token.start_byte : token.end_byte]
    if token.type in _LITERALS:
        opening = _OPENING.match(text)
        if not opening or offset >= token.start_byte + opening.end():
            return None
        text = opening[0].replace(b"#", b"")
    return Token(text.decode(errors="replace"), _around(token))


def _token(root: tree_sitter.Node, offset: int) -> tree_sitter.Node | None:
    node = root.descendant_for_byte_range(offset, offset + 1)
    if node is None or node.parent is None or {node.type, node.parent.type} & _COMMENTS:
        return None
    if node.parent.type in _WHOLE:
        node = node.parent
    return None if node.child_count and node.type not in _WHOLE else node


def _around(token: tree_sitter.Node) -> str:
    parent = token.parent
    while parent is not None and parent.type in _GROUPS and parent.parent is not None:
        parent = parent.parent
    return parent.type if parent is not None else ""
