"""What may be seen from where: E0364, E0449, E0451, E0603, E0616, E0624."""

from collections.abc import Iterator

from .code import Code, Edit, after, before, indent_of, replace, statements
from .registry import Break, operator


@operator(14.0)
def pub_forgotten(code: Code) -> Iterator[Break]:
    """`pub` is gone from an item, a field or a method of a module."""
    for modifier in code.all("visibility_modifier"):
        if following := code.next(modifier):
            yield Edit(modifier.start_byte, following.start_byte, b"")


@operator(6.0)
def pub_narrowed(code: Code) -> Iterator[Break]:
    """`pub` → `pub(self)`, `pub(in self)`; `pub(crate)` → nothing."""
    for modifier in code.all("visibility_modifier"):
        if code.text(modifier) == "pub":
            yield replace(modifier, "pub(self)")


@operator(2.0)
def pub_unexpected(code: Code) -> Iterator[Break]:
    """`pub` stands at an item of a trait or of its impl, or at a variant."""
    for function in code.all("function_item", "function_signature_item", "associated_type", "type_item"):
        around = code.parent(code.parent(function))
        in_trait = around.type == "trait_item" or (
            around.type == "impl_item" and around.child_by_field_name("trait") is not None
        )
        if in_trait and not code.text(function).startswith("pub"):
            yield before(function, "pub ")
    for implementation in code.all("impl_item"):
        if implementation.child_by_field_name("trait") is not None:
            yield before(implementation, "pub ")
    for variant in code.all("enum_variant"):
        if code.luck(variant) % 4 == 0:
            yield before(variant, "pub ")


@operator(2.0)
def pub_scope_unknown(code: Code) -> Iterator[Break]:
    """`pub(crate)` → `pub(parent)`, `public`, `private`."""
    for modifier in code.all("visibility_modifier"):
        forms = ("public", "pub(parent)", "pub(module)", "private", "pub(in other)", "pub (super)::")
        yield replace(modifier, forms[code.luck(modifier) % len(forms)])


@operator(9.0)
def hidden_in_module(code: Code) -> Iterator[Break]:
    """An item moves into a module of its own and forgets to be public.

    The broken code has the module; the fix is one `pub`.
    """
    for item in code.all("struct_item", "function_item", "const_item", "enum_item"):
        name = item.child_by_field_name("name")
        if name is None or code.parent_kind(item) != "source_file" or code.text(name) == "main":
            continue
        text = code.text(item)
        if text.startswith("pub") or item.end_byte - item.start_byte > 400:
            continue
        yield (
            before(item, "mod inner {\n    use super::*;\n    "),
            after(item, f"\n}}\nuse inner::{code.text(name)};"),
        )


@operator(2.0)
def local_made_public(code: Code) -> Iterator[Break]:
    """`let x` → `pub let x`, `pub` at a statement or in a function's block."""
    for block in code.all("block"):
        for statement in statements(block):
            if statement.type == "let_declaration" and code.luck(statement) % 6 == 0:
                yield before(statement, "pub ")


@operator(2.0)
def reexport_of_private(code: Code) -> Iterator[Break]:
    """A private item is given out again: `pub use inner::f;`."""
    for module in code.all("mod_item"):
        name, body = module.child_by_field_name("name"), module.child_by_field_name("body")
        if name is None or body is None:
            continue
        for item in statements(body):
            inner = item.child_by_field_name("name")
            if (
                inner is not None
                and item.type in ("function_item", "struct_item", "enum_item")
                and not code.text(item).startswith("pub")
            ):
                yield after(
                    module, f"\n{indent_of(code, module)}pub use {code.text(name)}::{code.text(inner)};"
                )
