"""Lifetimes that are missing, wrong or not declared: E0106, E0261, E0310, E0373, E0495, E0621."""

from collections.abc import Iterator
from itertools import pairwise

from tree_sitter import Node

from .code import Code, Edit, after, before, elements, item_of_list, replace
from .registry import Break, operator

_DECLARING = (
    "function_item",
    "struct_item",
    "enum_item",
    "impl_item",
    "trait_item",
    "function_signature_item",
    "type_item",
)


@operator(8.0)
def lifetime_forgotten(code: Code) -> Iterator[Break]:
    """`&'a T` → `&T`."""
    for reference in code.all("reference_type"):
        for child in reference.children:
            if child.type == "lifetime" and (following := code.next(child)):
                yield Edit(child.start_byte, following.start_byte, b"")


@operator(4.0)
def lifetime_not_declared(code: Code) -> Iterator[Break]:
    """`fn f<'a>(…)` → `fn f(…)`."""
    for parameter in code.all("lifetime_parameter"):
        around = code.parent(parameter)
        if around.type != "type_parameters":
            continue
        edit = item_of_list(code, parameter) if len(elements(around)) > 1 else replace(around, "")
        if edit is not None:
            yield edit


@operator(3.0)
def lifetime_argument_forgotten(code: Code) -> Iterator[Break]:
    """`Parser<'a>` → `Parser`."""
    for arguments in code.all("type_arguments"):
        inside = elements(arguments)
        for argument in inside:
            if argument.type == "lifetime":
                edit = item_of_list(code, argument) if len(inside) > 1 else replace(arguments, "")
                if edit is not None:
                    yield edit


@operator(3.0)
def lifetime_swapped(code: Code) -> Iterator[Break]:
    """`'a` → another lifetime, declared or not."""
    known = sorted({code.text(node) for node in code.all("lifetime")} | {"'b", "'static"})
    for node in code.all("lifetime"):
        if code.parent_kind(node) in ("reference_type", "type_arguments", "trait_bounds"):
            others = [name for name in known if name != code.text(node)]
            yield replace(node, others[code.luck(node) % len(others)])


@operator(3.0)
def lifetime_bound_forgotten(code: Code) -> Iterator[Break]:
    """`T: 'a` → `T`, `+ 'static` is gone."""
    for bounds in code.all("trait_bounds", "bounded_type"):
        inside = elements(bounds)
        for place, bound in enumerate(inside):
            if bound.type != "lifetime":
                continue
            if place > 0:
                yield Edit(inside[place - 1].end_byte, bound.end_byte, b"")
            elif len(inside) > 1:
                yield Edit(bound.start_byte, inside[1].start_byte, b"")
            else:
                yield replace(bounds, "")


@operator(3.0)
def lifetime_made_up(code: Code) -> Iterator[Break]:
    """`&T` → `&'a T` where no `'a` is declared."""
    for reference in code.all("reference_type"):
        if all(child.type != "lifetime" for child in reference.children):
            yield after(reference.children[0], "'a ")


@operator(5.0)
def elided_in_struct(code: Code) -> Iterator[Break]:
    """A field's `String` or `Vec<T>` becomes a reference without a lifetime."""
    for field in code.all("field_declaration"):
        kind = field.child_by_field_name("type")
        if kind is None or kind.type == "reference_type":
            continue
        text = code.text(kind)
        if text == "String":
            yield replace(kind, "&str")
        elif text.startswith("Vec<"):
            yield replace(kind, f"&[{text[4:-1]}]")
        elif code.luck(field) % 3 == 0:
            yield before(kind, "&")


@operator(4.0)
def elided_result(code: Code) -> Iterator[Break]:
    """The result becomes a reference, and nothing says to what: `-> String` → `-> &str`."""
    for function in code.all("function_item", "function_signature_item"):
        result = function.child_by_field_name("return_type")
        if result is None or result.type == "reference_type":
            continue
        text = code.text(result)
        yield replace(result, "&str" if text == "String" else f"&{text}")


@operator(2.0)
def static_promised(code: Code) -> Iterator[Break]:
    """`&T` → `&'static T`."""
    for reference in code.all("reference_type"):
        if all(child.type != "lifetime" for child in reference.children):
            yield after(reference.children[0], "'static ")


@operator(2.0)
def captures_forgotten(code: Code) -> Iterator[Break]:
    """`Box<dyn Fn() + 'a>` → `Box<dyn Fn()>`, `+ '_` is gone."""
    for bounds in code.all("bounded_type"):
        for left, right in _bounds(bounds):
            if right.type == "lifetime":
                yield Edit(left.end_byte, right.end_byte, b"")


def _bounds(node: Node) -> Iterator[tuple[Node, Node]]:
    inside = elements(node)
    yield from pairwise(inside)


@operator(3.0)
def two_lifetimes_for_one(code: Code) -> Iterator[Break]:
    """`fn f<'a>(x: &'a T, y: &'a T)` → the second gets a lifetime `'b` of its own."""
    for function in code.all("function_item"):
        generics, parameters = (
            function.child_by_field_name("type_parameters"),
            function.child_by_field_name("parameters"),
        )
        if generics is None or parameters is None or "'b" in code.text(generics):
            continue
        declared = [node for node in elements(generics) if node.type == "lifetime_parameter"]
        used = [
            node
            for node in code.all("lifetime")
            if parameters.start_byte <= node.start_byte < parameters.end_byte
        ]
        if declared and len(used) > 1:
            for node in used:
                yield after(declared[-1], ", 'b"), replace(node, "'b")


@operator(2.0)
def hidden_lifetime(code: Code) -> Iterator[Break]:
    """`fn f<'a>(x: &'a T) -> &'a T` with one more parameter: all written lifetimes are gone."""
    for function in code.all("function_item", "function_signature_item"):
        generics = function.child_by_field_name("type_parameters")
        if generics is None or any(node.type != "lifetime_parameter" for node in elements(generics)):
            continue
        edits = [replace(generics, "")]
        body = function.child_by_field_name("body")
        end = body.start_byte if body is not None else function.end_byte
        for reference in code.all("reference_type"):
            if generics.end_byte <= reference.start_byte < end:
                for child in reference.children:
                    if child.type == "lifetime" and (following := code.next(child)):
                        edits.append(Edit(child.start_byte, following.start_byte, b""))
        yield tuple(edits)
