"""Two things of one name: give the second another name, or drop it where it says the same again."""

import re
from collections.abc import Iterator

from ...patch.edit import Edit
from .. import Candidate, Context, Source, items
from .. import syntax as sx
from ..syntax import Node
from . import fix, rule

_NAMES = ("identifier", "type_identifier", "field_identifier", "shorthand_field_identifier")


@rule("E0428", "E0592", "E0201", "E0124", "E0255", "E0260")
def rename_the_second(context: Context) -> Iterator[Candidate]:
    """Two items, methods or fields of one name."""
    source, node = sx.source_of(context), sx.node_of(context)
    primary = context.diagnostic.primary
    if source is None or node is None or primary is None:
        return
    item = sx.enclosing(
        node, *sx.ITEMS, "function_signature_item", "field_declaration", "enum_variant", "associated_type"
    )
    name = item.child_by_field_name("name") if item is not None else None
    if item is None or name is None:
        return
    text = sx.text_of(name)
    new = items.fresh(text, items.identifiers(source.root))
    for span in context.diagnostic.spans:
        other = sx.enclosing(source.node_at(span.start, span.end), item.type)
        if other is not None and other != item and _says(other) == _says(item):
            edit = _without(source, item)
            yield fix("remove-duplicate", f"Remove the second `{text}`, which is the same", 0.5, edit)
    impl = sx.enclosing(item.parent, "impl_item")
    if impl is not None and impl.child_by_field_name("trait") is not None:
        yield fix("remove-duplicate", f"Remove the second `{text}`", 0.3, _without(source, item))
    yield fix("rename", f"Call the second `{text}` `{new}`", 0.4, sx.replace(source, name, new))
    if item.type in sx.ITEMS and sx.text_of(item).rstrip().endswith((";", "{}")):
        start = items.first_line_node(item).start_byte
        edit = Edit(source.path, *sx.whole_lines(source, start, item.end_byte), b"")
        yield fix("remove-duplicate", f"Remove the second `{text}`", 0.14, edit)


def _says(item: Node) -> str:
    return "".join(sx.text_of(item).split())


def _without(source: Source, item: Node) -> Edit:
    following = item.next_sibling
    if following is not None and sx.text_of(following) == ",":
        start, end = sx.whole_lines(source, item.start_byte, following.end_byte)
        return Edit(source.path, start, end, b"")
    start, end = sx.whole_lines(source, items.first_line_node(item).start_byte, item.end_byte)
    return Edit(source.path, start, end, b"")


@rule("E0403", "E0415", "E0416", "E0263")
def rename_the_second_binding(context: Context) -> Iterator[Candidate]:
    """A parameter, pattern variable or generic parameter that is there twice."""
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None:
        return
    text = sx.text_of(node)
    around = sx.enclosing(node, *sx.FUNCTIONS, *items.TYPES, "match_arm", "trait_item", "impl_item", "block")
    new = items.fresh(text, items.identifiers(around or source.root))
    title = f"Call the second `{text}` `{new}`"
    edit = sx.replace(source, node, new)
    declared = sx.enclosing(node, "type_parameters")
    if declared is not None and around is not None:
        uses = _uses_behind(around, declared, text)
        if len(uses) > 1:
            yield fix("rename", title, 0.5, edit, sx.replace(source, uses[-1], new))
    yield fix("rename", title, 0.4, edit)
    if context.diagnostic.code == "E0416":
        yield fix("ignore", f"Ignore the second `{text}`", 0.25, sx.replace(source, node, "_"))


def _uses_behind(around: Node, declared: Node, text: str) -> list[Node]:
    parameters = around.child_by_field_name("parameters") or around.child_by_field_name("body")
    kinds = ("lifetime",) if text.startswith("'") else _NAMES
    if parameters is None or declared.end_byte > parameters.start_byte:
        return []
    return [n for n in sx.descendants(parameters, *kinds) if sx.text_of(n) == text]


@rule("E0081", "E0370")
def distinct_discriminants(context: Context) -> Iterator[Candidate]:
    """Two variants of one number, or a number behind the largest: leave it to the compiler or count on."""
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None:
        return
    if context.diagnostic.code == "E0370":
        variant = sx.enclosing(node, "enum_variant")
        item = sx.enclosing(variant, "enum_item")
        if variant is not None:
            used = _numbers(item)
            free = next(n for n in range(1000) if n not in used)
            yield fix(
                "discriminant", f"Give it the number {free}", 0.35, sx.after(source, variant, f" = {free}")
            )
        return
    variants = [
        v
        for span in context.diagnostic.spans
        if (v := sx.enclosing(source.node_at(span.start, span.end), "enum_variant")) is not None
    ]
    item = sx.enclosing(node, "enum_item")
    used = _numbers(item)
    for variant in dict.fromkeys(variants[::-1]):
        value, name = variant.child_by_field_name("value"), variant.child_by_field_name("name")
        if value is None or name is None:
            continue
        free = next(n for n in range(max([*used, 0]) + 1, max([*used, 0]) + 1000) if n not in used)
        title = f"Give `{sx.text_of(name)}` the number {free}"
        yield fix("discriminant", title, 0.4, sx.replace(source, value, str(free)))
        edit = Edit(source.path, name.end_byte, value.end_byte, b"")
        yield fix("discriminant", f"Let the compiler number `{sx.text_of(name)}`", 0.35, edit)


def _numbers(item: Node | None) -> set[int]:
    found = set()
    for value in sx.descendants(item, "integer_literal") if item is not None else ():
        match = re.match(r"0x[0-9a-fA-F_]+|0b[01_]+|0o[0-7_]+|[0-9][0-9_]*", sx.text_of(value))
        if match:
            found.add(
                int(match[0].replace("_", ""), 0)
                if match[0][:2] in ("0x", "0b", "0o")
                else int(match[0].replace("_", ""))
            )
    return found


@rule("E0530")
def rename_the_shadowing(context: Context) -> Iterator[Candidate]:
    """A variable cannot have the name of a constant, static or unit struct."""
    source, node = sx.source_of(context), sx.node_of(context)
    name = sx.text_of(node)
    if source is None or node is None or not name.isidentifier():
        return
    lower = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
    new = (
        lower
        if lower not in items.identifiers(source.root)
        else items.fresh(name, items.identifiers(source.root))
    )
    around = sx.enclosing(node, "match_arm") or sx.block(node) or node
    inside = [
        n
        for n in sx.descendants(around, "identifier")
        if sx.text_of(n) == name and n.start_byte > node.end_byte
    ]
    edits = [sx.replace(source, n, new) for n in (node, *inside)]
    yield fix("rename", f"Call the variable `{new}`", 0.4, *edits)
