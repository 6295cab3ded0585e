"""Items as rules see them: their attributes, visibility, generics and bodies, and the edits of those."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

from attrs import frozen

from ..patch.edit import Edit
from . import Source
from . import syntax as sx
from .syntax import Node

TYPES = ("struct_item", "enum_item", "union_item")
MODULES = ("mod_item", "source_file")


def name_of(item: Node | None) -> str:
    """The item's name; of an impl, the name of its type without arguments."""
    if item is None:
        return ""
    if item.type == "impl_item":
        return base_name(sx.text_of(item.child_by_field_name("type")))
    return sx.text_of(item.child_by_field_name("name"))


def base_name(path: str) -> str:
    """`Vec` of `&std::vec::Vec<T>`."""
    bare = re.sub(r"^(&|\*const |\*mut |'\w+ |mut |dyn |impl )+", "", path.strip())
    return re.split(r"[<(\[ ]", bare)[0].rsplit("::", 1)[-1]


def type_item(source: Source, type_: str) -> Node | None:
    """The struct, enum or union of this file that the type (as written) names."""
    name = base_name(type_)
    return sx.named_item(source, name, *TYPES) if name else None


def members(item: Node | None) -> list[Node]:
    """What stands in the item's body, without comments and attributes."""
    body = item.child_by_field_name("body") if item is not None else None
    return [n for n in body.named_children if n.type in MEMBERS] if body is not None else []


MEMBERS = frozenset(
    {
        "function_item",
        "function_signature_item",
        "const_item",
        "type_item",
        "associated_type",
        "enum_variant",
        "field_declaration",
        "macro_invocation",
    }
)


def member(item: Node | None, name: str) -> Node | None:
    """The body's member called `name`."""
    return next((n for n in members(item) if name_of(n) == name), None)


# Attributes


def attributes(item: Node) -> list[Node]:
    """The attributes in front of the item, in order of the text."""
    found: list[Node] = []
    sibling = item.prev_named_sibling
    while sibling is not None and (sibling.type == "attribute_item" or sx.is_comment(sibling)):
        if sibling.type == "attribute_item":
            found.append(sibling)
        sibling = sibling.prev_named_sibling
    return found[::-1]


def first_line_node(item: Node) -> Node:
    """The first attribute or doc comment of the item, or the item itself."""
    first, sibling = item, item.prev_named_sibling
    while sibling is not None:
        if sibling.type == "attribute_item" or sx.text_of(sibling).startswith(("///", "/**")):
            first = sibling
        elif not sx.is_comment(sibling):
            break
        sibling = sibling.prev_named_sibling
    return first


def derives(item: Node) -> list[str]:
    """The names in the item's `#[derive(…)]`s, without their paths."""
    found = []
    for attribute in attributes(item):
        if match := re.match(r"#\[derive\((.*)\)\]$", sx.text_of(attribute), re.S):
            found += [base_name(part) for part in match[1].split(",") if part.strip()]
    return found


def add_derives(source: Source, item: Node, *traits: str) -> Edit | None:
    """Derive the traits for the item as well; None if it derives them all."""
    new = [trait for trait in traits if trait not in derives(item)]
    if not new:
        return None
    for attribute in attributes(item):
        if match := re.match(r"#\[derive\((.*?),?\s*\)\]$", sx.text_of(attribute), re.S):
            listed = [part.strip() for part in match[1].split(",") if part.strip()]
            return sx.replace(source, attribute, f"#[derive({', '.join(listed + new)})]")
    return sx.line_before(source, item, f"#[derive({', '.join(new)})]")


def remove_derives(source: Source, item: Node, *traits: str) -> Edit | None:
    """Take the traits out of the item's derive; None if they are not there."""
    for attribute in attributes(item):
        match = re.match(r"#\[derive\((.*)\)\]$", sx.text_of(attribute), re.S)
        listed = [part.strip() for part in match[1].split(",") if part.strip()] if match else []
        left = [part for part in listed if base_name(part) not in traits]
        if len(left) < len(listed):
            if left:
                return sx.replace(source, attribute, f"#[derive({', '.join(left)})]")
            return sx.delete(source, attribute)
    return None


# Visibility


def visibility(item: Node) -> Node | None:
    """The item's `pub`, if it has one."""
    return next((c for c in item.named_children if c.type == "visibility_modifier"), None)


def make_public(source: Source, item: Node, scope: str = "pub") -> Edit | None:
    """Write `pub` in front of the item, variant's struct or field; None if it is there."""
    present = visibility(item)
    if present is None:
        return sx.before(source, item, f"{scope} ")
    if sx.text_of(present) == scope:
        return None
    return sx.replace(source, present, scope)


# Modules


def module_of(node: Node) -> Node:
    """The module or file around the node (not the node itself)."""
    current = node.parent
    while current is not None and current.type not in MODULES:
        current = current.parent
    return current or node


def module_path(node: Node) -> tuple[str, ...]:
    """The names of the modules of this file around the node, outermost first."""
    names = [name_of(n) for n in sx.ancestors(node.parent) if n.type == "mod_item"]
    return tuple(names[::-1])


def add_use(source: Source, path: str, at: Node) -> Edit | None:
    """Import `path` in the module around the node; None if it is imported there."""
    module = at if at.type in MODULES else module_of(at)
    if module.type == "source_file":
        return sx.add_use(source, path)
    body = module.child_by_field_name("body")
    if body is None:
        return None
    uses = [n for n in body.named_children if n.type == "use_declaration"]
    if any(re.fullmatch(rf"use\s+{re.escape(path)}\s*;", sx.text_of(n)) for n in uses):
        return None
    if uses:
        return sx.line_after(source, uses[-1], f"use {path};")
    return into_body(source, module, f"use {path};\n", at_start=True)


# Bodies


def into_body(source: Source, item: Node, text: str, *, at_start: bool = False) -> Edit | None:
    """Put lines into the braces of the item, indented one step deeper than the item."""
    body = item.child_by_field_name("body")
    if body is None:
        return None
    indent = sx.indentation(source, item)
    lines = "".join(f"{indent}    {line}\n" if line.strip() else "\n" for line in text.splitlines())
    inside = source.text[body.start_byte + 1 : body.end_byte - 1]
    if not inside.strip():
        return Edit(source.path, body.start_byte + 1, body.end_byte - 1, f"\n{lines}{indent}".encode())
    if at_start:
        return sx.insert(source, body.start_byte + 1, "\n" + lines.rstrip("\n"))
    end = body.end_byte - 1
    start = end - (len(inside) - len(inside.rstrip()))
    return Edit(source.path, start, end, f"\n{lines}{indent}".encode())


# Generics


@frozen
class Parameter:
    """One generic parameter of an item."""

    name: str
    kind: str
    node: Node


def parameters(item: Node | None) -> list[Parameter]:
    """The generic parameters that the item declares: kinds `lifetime`, `type`, `const`."""
    declared = item.child_by_field_name("type_parameters") if item is not None else None
    return [
        Parameter(sx.text_of(n.child_by_field_name("name")), n.type.split("_")[0], n)
        for n in (declared.named_children if declared is not None else ())
        if n.type in ("type_parameter", "lifetime_parameter", "const_parameter")
    ]


def declaring(node: Node | None, name: str) -> tuple[Node, Parameter] | None:
    """The item around the node that declares the generic parameter `name`, and the parameter."""
    for item in sx.ancestors(node):
        for parameter in parameters(item):
            if parameter.name == name:
                return item, parameter
    return None


def add_bound(source: Source, parameter: Node, bound: str) -> Edit | None:
    """Add `bound` to a generic parameter; None if it has it."""
    bounds = parameter.child_by_field_name("bounds")
    if bounds is None:
        return sx.after(source, parameter.child_by_field_name("name") or parameter, f": {bound}")
    if bound in [sx.text_of(b) for b in bounds.named_children]:
        return None
    if not bounds.named_children:
        return sx.after(source, bounds, f" {bound}")
    return sx.after(source, bounds, f" + {bound}")


def add_parameter(source: Source, item: Node, text: str) -> Edit | None:
    """Declare one more generic parameter: lifetimes come first, others last."""
    declared = item.child_by_field_name("type_parameters")
    if declared is None:
        if item.type == "impl_item":
            keyword = next((c for c in item.children if c.type == "impl"), None)
            return sx.after(source, keyword, f"<{text}>") if keyword is not None else None
        name = item.child_by_field_name("name")
        return sx.after(source, name, f"<{text}>") if name is not None else None
    if not declared.named_children:
        return sx.replace(source, declared, f"<{text}>")
    if text.startswith("'"):
        return sx.before(source, declared.named_children[0], f"{text}, ")
    return sx.after(source, declared.named_children[-1], f", {text}")


# Names


def fresh(name: str, taken: set[str]) -> str:
    """A name like `name` that is not in `taken`: counted up, or the next letter."""
    if re.fullmatch(r"'?[a-yA-Y]", name):
        for code in range(ord(name[-1]) + 1, ord("z" if name[-1].islower() else "Z") + 1):
            if name[:-1] + chr(code) not in taken:
                return name[:-1] + chr(code)
    match = re.fullmatch(r"(.*?)(_?)(\d*)", name)
    stem, bar, number = (match[1], match[2], match[3]) if match else (name, "", "")
    joint = bar or ("_" if name[-1:].isdigit() is False and name.islower() else "")
    for n in range(int(number or 1) + 1, int(number or 1) + 1000):
        if f"{stem}{joint}{n}" not in taken:
            return f"{stem}{joint}{n}"
    return name + "_"


def identifiers(root: Node) -> set[str]:
    """Every identifier that is written below `root`."""
    kinds = ("identifier", "type_identifier", "field_identifier", "shorthand_field_identifier")
    return {sx.text_of(n) for n in sx.descendants(root, *kinds)}


def similar(name: str, choices: Iterable[str], at_least: float = 0.6) -> list[str]:
    """The choices that look like `name`, likest first; `at_least` is the ratio of equal letters (0 to 1)."""
    scored = [
        (SequenceMatcher(None, name.lower(), choice.lower()).ratio(), choice)
        for choice in dict.fromkeys(choices)
        if choice != name
    ]
    return [choice for ratio, choice in sorted(scored, reverse=True) if ratio >= at_least]
