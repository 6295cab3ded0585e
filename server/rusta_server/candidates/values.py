"""Values and types to put where code has a hole: names in scope first, then an empty value of the type."""

import re
from collections.abc import Iterator

from attrs import frozen

from . import Source
from . import syntax as sx
from .syntax import Node

INTEGER = re.compile(r"[iu](8|16|32|64|128|size)|integer|\{integer\}")
FLOAT = re.compile(r"f32|f64|floating-point number|\{float\}|float")
_EMPTY = (
    (INTEGER, "0"),
    (FLOAT, "0.0"),
    (re.compile(r"bool"), "false"),
    (re.compile(r"char"), "' '"),
    (re.compile(r"&('\w+ )?str"), '""'),
    (re.compile(r"String"), "String::new()"),
    (re.compile(r"Option<.*>"), "None"),
    (re.compile(r"\(\)"), "()"),
    (re.compile(r"Vec<.*>"), "Vec::new()"),
)


@frozen
class Value:
    """An expression that may have the wanted type."""

    text: str
    is_in_scope: bool


def values(source: Source, at: Node, type_: str) -> Iterator[Value]:
    """Expressions of the type (as the compiler writes it): variables declared with it, then an empty one."""
    wanted = bare(type_)
    for name, declared in variables(at):
        if declared and bare(declared) == wanted:
            yield Value(name, True)
        elif declared and wanted == "&" + bare(declared):
            yield Value(f"&{name}", True)
    empty = empty_value(source, type_)
    if empty is not None:
        yield Value(empty, False)


def empty_value(source: Source, type_: str) -> str | None:
    """The plainest value of the type; None if none is known."""
    type_ = type_.strip()
    for pattern, text in _EMPTY:
        if pattern.fullmatch(type_):
            return text
    if match := re.fullmatch(r"Result<(.+?), .*>", type_):
        inner = empty_value(source, match[1])
        return f"Ok({inner})" if inner else None
    if match := re.fullmatch(r"Box<(.+)>", type_):
        inner = empty_value(source, match[1])
        return f"Box::new({inner})" if inner else None
    if match := re.fullmatch(r"&(?:'\w+ )?(mut )?(.+)", type_):
        inner = "[]" if match[2].startswith("[") else empty_value(source, match[2])
        return f"&{match[1] or ''}{inner}" if inner else None
    if type_.startswith("(") and type_.endswith(")"):
        parts = [empty_value(source, part) for part in split_types(type_[1:-1])]
        return f"({', '.join(p for p in parts if p)})" if all(parts) else None
    if match := re.fullmatch(r"\[(.+); (\w+)\]", type_):
        inner = empty_value(source, match[1])
        return f"[{inner}; {match[2]}]" if inner else None
    return _of_item(source, type_)


def _of_item(source: Source, type_: str) -> str | None:
    """A value of a struct or enum of this file."""
    name = re.sub(r"<.*>", "", type_).rsplit("::", 1)[-1]
    item = sx.named_item(source, name, "struct_item", "enum_item")
    if item is None:
        return None
    body = item.child_by_field_name("body")
    if item.type == "struct_item" and body is None:
        return name
    if item.type == "enum_item" and body is not None:
        for variant in sx.descendants(body, "enum_variant"):
            if variant.child_by_field_name("body") is None:
                return f"{name}::{sx.text_of(variant.child_by_field_name('name'))}"
    return None


def variables(at: Node) -> Iterator[tuple[str, str]]:
    """The variables in scope at the node, nearest first, with their written types (or empty)."""
    for node in sx.ancestors(at):
        if node.parent is not None and node.parent.type == "block":
            for earlier in reversed(node.parent.named_children):
                if earlier.end_byte <= node.start_byte and earlier.type == "let_declaration":
                    pattern = earlier.child_by_field_name("pattern")
                    type_ = sx.text_of(earlier.child_by_field_name("type"))
                    value = earlier.child_by_field_name("value")
                    for name in sx.pattern_names(pattern):
                        yield sx.text_of(name), type_ or literal_type(value)
        if node.type in sx.FUNCTIONS:
            parameters = node.child_by_field_name("parameters")
            for parameter in parameters.named_children if parameters is not None else ():
                pattern = parameter.child_by_field_name("pattern")
                for name in sx.pattern_names(pattern):
                    yield sx.text_of(name), sx.text_of(parameter.child_by_field_name("type"))
            return


def literal_type(node: Node | None) -> str:
    """The type that a literal or a plain constructor shows by itself; empty if none."""
    if node is None:
        return ""
    kinds = {
        "integer_literal": "i32",
        "float_literal": "f64",
        "boolean_literal": "bool",
        "char_literal": "char",
        "string_literal": "&str",
        "raw_string_literal": "&str",
    }
    if node.type in kinds:
        suffix = re.search(r"([iuf](8|16|32|64|128|size))$", sx.text_of(node))
        return (
            suffix[1]
            if suffix and "literal" in node.type and node.type[:3] in ("int", "flo")
            else kinds[node.type]
        )
    text = sx.text_of(node)
    if re.match(r"String::(new|from)\b|format!", text) or text.endswith((".to_string()", ".to_uppercase()")):
        return "String"
    if node.type == "struct_expression":
        return sx.text_of(node.child_by_field_name("name"))
    return ""


def bare(type_: str) -> str:
    """The type without lifetimes and superfluous spaces, for comparison."""
    return re.sub(r"\s+", " ", re.sub(r"'\w+\s*", "", type_)).strip()


def split_types(text: str) -> list[str]:
    """Split a list of types at its outer commas."""
    parts, depth, start = [], 0, 0
    for i, character in enumerate(text):
        if character in "<([{":
            depth += 1
        elif character in ")]}" or (character == ">" and text[i - 1 : i] != "-"):
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    parts.append(text[start:].strip())
    return [part for part in parts if part]
