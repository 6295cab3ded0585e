"""Rust's syntax trees, for everything here that looks at code."""

from typing import Final

import tree_sitter
import tree_sitter_rust

_LANGUAGE: Final = tree_sitter.Language(tree_sitter_rust.language())

# What may stand at the top of a file. A macro's call could be either; there it is taken for a statement.
ITEMS: Final = frozenset(
    [
        "associated_type",
        "attribute_item",
        "block_comment",
        "const_item",
        "enum_item",
        "extern_crate_declaration",
        "foreign_mod_item",
        "function_item",
        "impl_item",
        "inner_attribute_item",
        "line_comment",
        "macro_definition",
        "mod_item",
        "static_item",
        "struct_item",
        "trait_item",
        "type_item",
        "union_item",
        "use_declaration",
    ]
)


def parse(source: bytes) -> tree_sitter.Tree:
    """The tree of a file; code that is no Rust gives a tree with errors, never an exception."""
    return tree_sitter.Parser(_LANGUAGE).parse(source)
