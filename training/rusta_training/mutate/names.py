"""Names that are misspelled, not imported, not declared or of the wrong kind: E0405, E0425, E0432, E0433."""

from collections.abc import Iterator

from tree_sitter import Node

from .code import Code, Edit, after, before, delete, elements, item_of_list, replace, without_line
from .registry import Break, operator
from .words import camel, misspelled, snake

_TYPES_OF_OTHERS = {
    "i32": ("int", "Int", "integer", "long"), "f64": ("double", "float"), "f32": ("float",),
    "bool": ("boolean", "Bool"),
    "String": ("string", "Str"), "str": ("string", "String_"), "u8": ("byte",),
    "usize": ("size_t", "uint"), "char": ("Char", "character"),
    "Vec": ("List", "Array", "vector", "vec"), "HashMap": ("Map", "Dict", "Hashmap"),
    "Option": ("Optional", "Maybe", "option"),
    "Box": ("Ptr", "Unique", "box_"), "u32": ("unsigned", "uint32"), "i64": ("long", "int64"),
    "u64": ("ulong",), "Result": ("Either", "result"),
}  # fmt: skip


def _typo(code: Code, node: Node) -> Edit | None:
    wrong = misspelled(code.text(node), code.luck(node))
    return None if wrong is None else replace(node, wrong)


@operator(8.0)
def variable_misspelled(code: Code) -> Iterator[Break]:
    """A variable has another name where it is used."""
    for node in code.all("identifier"):
        if (
            code.parent_kind(node)
            not in (
                "scoped_identifier",
                "scoped_type_identifier",
                "use_list",
                "macro_invocation",
                "call_expression",
            )
            and code.text(node)[:1].islower()
            and (edit := _typo(code, node))
        ):
            yield edit


@operator(4.0)
def declaration_misspelled(code: Code) -> Iterator[Break]:
    """A variable or parameter has another name where it is declared."""
    for declaration in code.all("let_declaration", "parameter"):
        pattern = declaration.child_by_field_name("pattern")
        if pattern is not None and pattern.type == "identifier" and (edit := _typo(code, pattern)):
            yield edit
            if len(code.text(pattern)) > 1:
                yield before(pattern, "_")


@operator(4.0)
def function_misspelled(code: Code) -> Iterator[Break]:
    """A function has another name where it is called."""
    for call in code.calls():
        name = call.function
        if name.type == "scoped_identifier":
            name = name.child_by_field_name("name") or name
        if name.type == "identifier" and (edit := _typo(code, name)):
            yield edit


@operator(8.0)
def method_misspelled(code: Code) -> Iterator[Break]:
    """A method has another name where it is called."""
    for call in code.method_calls():
        if edit := _typo(code, call.name):
            yield edit


@operator(4.0)
def field_misspelled(code: Code) -> Iterator[Break]:
    """A field has another name where it is read."""
    for field in code.all("field_expression"):
        name = field.child_by_field_name("field")
        if (
            name is not None
            and name.type == "field_identifier"
            and code.parent_kind(field) != "call_expression"
        ) and (edit := _typo(code, name)):
            yield edit


@operator(5.0)
def type_misspelled(code: Code) -> Iterator[Break]:
    """A type or trait has another name where it is used."""
    for node in code.all("type_identifier"):
        around = code.parent(node)
        name = around.child_by_field_name("name")
        if (name is None or name.id != node.id or around.type == "scoped_type_identifier") and (
            edit := _typo(code, node)
        ):
            yield edit


@operator(3.0)
def definition_misspelled(code: Code) -> Iterator[Break]:
    """A function, type, variant, field or constant has another name where it is defined."""
    for item in code.all(
        "function_item",
        "struct_item",
        "enum_item",
        "const_item",
        "trait_item",
        "field_declaration",
        "static_item",
        "mod_item",
        "type_item",
    ):
        name = item.child_by_field_name("name")
        if name is not None and code.text(name) != "main" and (edit := _typo(code, name)):
            yield edit


@operator(4.0)
def module_misspelled(code: Code) -> Iterator[Break]:
    """A segment of a path has another name."""
    for path in code.all("scoped_identifier", "scoped_type_identifier", "scoped_use_list"):
        start = path.child_by_field_name("path")
        if start is not None and start.type == "scoped_identifier":
            start = start.child_by_field_name("name")
        if start is not None and start.type == "identifier" and (edit := _typo(code, start)):
            yield edit


@operator(3.0)
def imported_name_misspelled(code: Code) -> Iterator[Break]:
    """`use std::fmt::Display;` → `use std::fmt::Dispaly;`."""
    for declaration in code.all("use_declaration"):
        for node in code.all("identifier"):
            if declaration.start_byte <= node.start_byte < declaration.end_byte:
                following = code.source[node.end_byte : node.end_byte + 2]
                if following != b"::" and (edit := _typo(code, node)):
                    yield edit


@operator(2.0)
def macro_misspelled(code: Code) -> Iterator[Break]:
    """`println!` → `printn!`, `println`, `print`."""
    for call in code.all("call_expression"):
        name = call.child_by_field_name("function")
        if name is not None and code.is_macro(call):
            if edit := _typo(code, name):
                yield edit
            yield Edit(name.end_byte, name.end_byte + 1, b"")
    for invocation in code.all("macro_invocation"):
        name = invocation.child_by_field_name("macro")
        if name is not None and (edit := _typo(code, name)):
            yield edit


@operator(2.0)
def attribute_misspelled(code: Code) -> Iterator[Break]:
    """`#[derive(Debug)]` → `#[dervie(Debug)]`, `#[derive(Dbug)]`."""
    for attribute in code.all("attribute"):
        name, arguments = (
            attribute.named_children[0] if attribute.named_children else None,
            attribute.child_by_field_name("arguments"),
        )
        if name is not None and name.type == "identifier" and (edit := _typo(code, name)):
            yield edit
        if arguments is not None and code.text(name) == "derive":
            for part in arguments.named_children:
                if part.type == "identifier" and (edit := _typo(code, part)):
                    yield edit


@operator(4.0)
def naming_convention(code: Code) -> Iterator[Break]:
    """`my_value` → `myValue`, `HashMap` → `Hashmap`, `Some` → `some`, where a name is used."""
    for node in code.all("identifier", "field_identifier", "type_identifier"):
        text = code.text(node)
        wrong = (
            camel(text)
            if "_" in text and text.islower()
            else snake(text)
            if text[:1].isupper() and not text.isupper()
            else text.upper()
            if code.luck(node) % 5 == 0
            else text
        )
        if wrong not in (text, "self", "self_", "box", "move"):
            yield replace(node, wrong)


@operator(4.0)
def type_of_other_language(code: Code) -> Iterator[Break]:
    """`i32` → `int`, `String` → `string`, `Vec` → `List`."""
    for node in code.all("primitive_type", "type_identifier"):
        names = _TYPES_OF_OTHERS.get(code.text(node))
        if names:
            yield replace(node, names[code.luck(node) % len(names)])


@operator(9.0)
def import_forgotten(code: Code) -> Iterator[Break]:
    """A `use` is gone."""
    for declaration in code.all("use_declaration"):
        yield without_line(code, declaration)


@operator(4.0)
def import_incomplete(code: Code) -> Iterator[Break]:
    """`use a::{b, c};` → `use a::{b};`."""
    for names in code.all("use_list"):
        inside = elements(names)
        if len(inside) > 1:
            for name in inside:
                if edit := item_of_list(code, name):
                    yield edit


@operator(4.0)
def import_from_elsewhere(code: Code) -> Iterator[Break]:
    """A `use` has a segment less, one more or another: `use std::HashMap;`."""
    for declaration in code.all("use_declaration"):
        for path in code.all("scoped_identifier"):
            inside = declaration.start_byte <= path.start_byte < declaration.end_byte
            start, name = path.child_by_field_name("path"), path.child_by_field_name("name")
            if inside and start is not None and name is not None and start.type == "scoped_identifier":
                outer = start.child_by_field_name("path")
                if outer is not None:
                    yield Edit(outer.end_byte, start.end_byte, b"")
                    yield Edit(path.start_byte, name.start_byte, b"")
        argument = declaration.child_by_field_name("argument")
        if argument is not None and code.text(argument).startswith(("std::", "core::", "alloc::")):
            head, _, tail = code.text(argument).partition("::")
            wrong = ("collections", "io", "crate", "self", "core", "super", "fmt", "alloc")[
                code.luck(declaration) % 8
            ]
            if wrong != head:
                yield Edit(argument.start_byte, argument.start_byte + len(head), wrong.encode())
            if wrong in ("io", "fmt", "collections"):
                yield Edit(argument.start_byte, argument.end_byte, f"{head}::{wrong}::{tail}".encode())


@operator(5.0)
def path_forgotten(code: Code) -> Iterator[Break]:
    """`mem::swap` → `swap`, `std::mem::swap` → `mem::swap`, `fmt::Result` → `Result`."""
    for path in code.all("scoped_identifier", "scoped_type_identifier"):
        if code.inside(path, "use_declaration") is not None:
            continue
        start, name = path.child_by_field_name("path"), path.child_by_field_name("name")
        if start is None or name is None:
            continue
        yield Edit(path.start_byte, name.start_byte, b"")
        if start.type == "scoped_identifier" and (last := start.child_by_field_name("name")):
            yield Edit(path.start_byte, last.start_byte, b"")


@operator(2.0)
def import_twice(code: Code) -> Iterator[Break]:
    """A name is imported twice."""
    for declaration in code.all("use_declaration"):
        yield after(declaration, f"\n{code.text(declaration)}")


@operator(2.0)
def defined_twice(code: Code) -> Iterator[Break]:
    """A small item stands there twice, or has the name of another."""
    for item in code.all("function_item", "struct_item", "const_item", "enum_item", "type_item"):
        text = code.text(item)
        if len(text) < 120 and code.parent_kind(item) in ("source_file", "declaration_list", "block"):
            yield after(item, f"\n{text}")
    names: dict[str, Node] = {}
    for item in code.all("struct_item", "enum_item", "trait_item", "function_item"):
        name = item.child_by_field_name("name")
        if name is None or code.text(name) == "main":
            continue
        other = names.get(item.type)
        if other is not None and code.parent_kind(item) == "source_file":
            yield replace(name, code.text(other))
        names[item.type] = name


@operator(3.0)
def type_as_value(code: Code) -> Iterator[Break]:
    """A type stands where a value is wanted, a value where a type is: `i32` → `5`, `x` → `String`."""
    kinds = ("String", "i32", "Vec", "usize", "Option")
    for around in code.all("arguments", "let_declaration", "binary_expression"):
        for value in elements(around):
            if value.type in ("identifier", "integer_literal") and code.luck(value) % 3 == 0:
                if around.type == "let_declaration" and around.child_by_field_name("value") != value:
                    continue
                yield replace(value, kinds[code.luck(value, "k") % len(kinds)])
    for around in code.all("parameter", "field_declaration"):
        kind = around.child_by_field_name("type")
        values = [name for name in code.uses if name.islower() and len(name) > 1]
        if kind is not None and values and code.luck(kind) % 4 == 0:
            yield replace(kind, values[code.luck(kind, "v") % len(values)])


@operator(2.0)
def trait_as_type(code: Code) -> Iterator[Break]:
    """A type stands where a trait is wanted: `T: Clone` → `T: String`; `impl Trait for` → `impl Type for`."""
    for bounds in code.all("trait_bounds"):
        for bound in elements(bounds):
            if bound.type == "type_identifier":
                yield replace(bound, ("String", "i32", "Vec", "Self")[code.luck(bound) % 4])
    for item in code.all("impl_item"):
        trait = item.child_by_field_name("trait")
        if trait is not None:
            yield replace(trait, ("String", "Option", "Result")[code.luck(trait) % 3])


@operator(2.0)
def outer_variable(code: Code) -> Iterator[Break]:
    """A closure becomes a function, which cannot see the variables around it."""
    for declaration in code.all("let_declaration"):
        pattern, value = declaration.child_by_field_name("pattern"), declaration.child_by_field_name("value")
        if (
            pattern is None
            or value is None
            or value.type != "closure_expression"
            or pattern.type != "identifier"
        ):
            continue
        parameters, body = value.child_by_field_name("parameters"), value.child_by_field_name("body")
        if parameters is None or body is None:
            continue
        inside = ", ".join(
            text if ":" in (text := code.text(part)) else f"{text}: i32" for part in elements(parameters)
        )
        block = code.text(body) if body.type == "block" else f"{{ {code.text(body)} }}"
        yield replace(declaration, f"fn {code.text(pattern)}({inside}) -> i32 {block}")


@operator(2.0)
def outer_generic(code: Code) -> Iterator[Break]:
    """`fn inner<T>` in a generic function → `fn inner`, which uses the outer T."""
    for function in code.all("function_item", "struct_item"):
        generics, outer = (
            function.child_by_field_name("type_parameters"),
            code.inside(function, "function_item"),
        )
        if generics is not None and outer is not None:
            outer_generics, name = (
                outer.child_by_field_name("type_parameters"),
                outer.child_by_field_name("name"),
            )
            if outer_generics is not None:
                yield delete(generics)
            elif name is not None and code.text(name) != "main":
                yield delete(generics), after(name, code.text(generics))


@operator(2.0)
def std_module_for_type(code: Code) -> Iterator[Break]:
    """A nested scope loses sight of an import: `use super::*;` is gone, or `super::` from a path."""
    for path in code.all("scoped_identifier", "scoped_type_identifier"):
        start, name = path.child_by_field_name("path"), path.child_by_field_name("name")
        if start is not None and name is not None and start.type in ("super", "crate", "self"):
            yield Edit(path.start_byte, name.start_byte, b"")
            yield replace(start, {"super": "self", "crate": "super", "self": "super"}[start.type])


@operator(3.0)
def function_forgotten(code: Code) -> Iterator[Break]:
    """A small function or constant is gone, though it is used."""
    for item in code.all("function_item", "const_item", "static_item", "struct_item", "type_item"):
        name = item.child_by_field_name("name")
        if (
            name is not None
            and item.end_byte - item.start_byte < 130
            and code.text(name) != "main"
            and code.parent_kind(item) in ("source_file", "block", "declaration_list")
        ):
            yield without_line(code, item)
