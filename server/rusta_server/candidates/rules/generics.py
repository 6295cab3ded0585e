"""Generic parameters, arguments and bounds in the wrong order, place or strength."""

import re
from collections.abc import Iterator

from ...patch.edit import Edit
from .. import Candidate, Context, Source, items
from .. import syntax as sx
from ..syntax import Node
from . import fix, rule


@rule("E0128")
def declare_before_the_default(context: Context) -> Iterator[Candidate]:
    """A default may name only parameters before it: put them first."""
    source, node = sx.source_of(context), sx.node_of(context)
    declared = sx.enclosing(node, "type_parameters")
    parameter = sx.enclosing(node, "type_parameter", "const_parameter")
    if source is None or declared is None or parameter is None or node is None:
        return
    named = sx.text_of(node)
    others = [sx.text_of(n) for n in declared.named_children if n != parameter]
    for n, text in enumerate(others):
        if re.match(rf"{re.escape(named)}\b", text):
            order = [*others[: n + 1], sx.text_of(parameter), *others[n + 1 :]]
            edit = sx.replace(source, declared, f"<{', '.join(order)}>")
            yield fix("parameter-order", f"Declare `{named}` first", 0.5, edit)
    default, name = (parameter.child_by_field_name(f) for f in ("default_type", "name"))
    if default is not None and name is not None:
        edit = Edit(source.path, name.end_byte, default.end_byte, b"")
        yield fix("no-default", f"Give `{sx.text_of(name)}` no default", 0.25, edit)


@rule("E0747", None)
def lifetimes_first(context: Context) -> Iterator[Candidate]:
    """Lifetimes come before types, in parameters and in arguments."""
    source, node = sx.source_of(context), sx.node_of(context)
    if context.diagnostic.code is None and "declared prior to" not in context.diagnostic.message:
        return
    listed = sx.enclosing(node, "type_arguments", "type_parameters")
    if source is None or listed is None:
        return
    texts = [sx.text_of(n) for n in listed.named_children]
    order = sorted(texts, key=lambda text: not text.startswith("'"))
    if order != texts:
        edit = sx.replace(source, listed, f"<{', '.join(order)}>")
        yield fix("parameter-order", "Put the lifetimes first", 0.6, edit)


@rule("E0770")
def plain_constant_type(context: Context) -> Iterator[Candidate]:
    """The type of a const parameter is a fixed one."""
    source, node = sx.source_of(context), sx.node_of(context)
    parameter = sx.enclosing(node, "const_parameter")
    type_ = parameter.child_by_field_name("type") if parameter is not None else None
    if source is not None and type_ is not None:
        for n, name in enumerate(("usize", "u8", "i32", "bool")):
            yield fix("const-type", f"Make it a `{name}`", 0.4 - 0.05 * n, sx.replace(source, type_, name))


@rule("E0562")
def parameter_instead_of_impl(context: Context) -> Iterator[Candidate]:
    """`impl Trait` stands only in a function's signature: a field is generic, or boxed."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    node = source.node_at(primary.start, primary.end)
    text = source.text[primary.start : primary.end].decode(errors="replace")
    if not text.startswith("impl "):
        return
    boxed = Edit(source.path, primary.start, primary.end, f"Box<dyn {text[5:]}>".encode())
    yield fix("box-dyn", "Hold it in a box", 0.4, boxed)
    item = sx.enclosing(node, *items.TYPES)
    if item is not None:
        name = next(c for c in "TUVWXYZ" if c not in items.identifiers(item))
        edits = (
            Edit(source.path, primary.start, primary.end, name.encode()),
            items.add_parameter(source, item, f"{name}: {text[5:]}"),
        )
        yield fix("generic", f"Give `{items.name_of(item)}` a parameter `{name}`", 0.45, *edits)
    let = sx.enclosing(node, "let_declaration")
    if let is not None:
        type_, pattern = let.child_by_field_name("type"), let.child_by_field_name("pattern")
        if type_ is not None and pattern is not None:
            edit = Edit(source.path, pattern.end_byte, type_.end_byte, b"")
            yield fix("infer", "Let the type be inferred", 0.5, edit)


@rule("E0276")
def no_stricter_than_the_trait(context: Context) -> Iterator[Candidate]:
    """An impl's method asks for more than the trait's: ask for less, or for as much there."""
    source, node = sx.source_of(context), sx.node_of(context)
    own = sx.enclosing(node, *sx.FUNCTIONS)
    item = sx.enclosing(own, "impl_item")
    if source is None or own is None or item is None:
        return
    trait = sx.named_item(
        source, items.base_name(sx.text_of(item.child_by_field_name("trait"))), "trait_item"
    )
    declared = items.member(trait, items.name_of(own))
    where = next((c for c in own.named_children if c.type == "where_clause"), None)
    mine = own.child_by_field_name("type_parameters")
    theirs = declared.child_by_field_name("type_parameters") if declared is not None else None
    name = items.name_of(own)
    edits = [_remove_clause(source, where)] if where is not None else []
    if mine is not None and theirs is not None and sx.text_of(mine) != sx.text_of(theirs):
        edits.append(sx.replace(source, mine, sx.text_of(theirs)))
    yield fix("looser-bounds", f"Ask for no more than `{items.name_of(trait)}::{name}`", 0.45, *edits)
    if declared is None:
        return
    edits = []
    if mine is not None and theirs is not None:
        edits.append(sx.replace(source, theirs, sx.text_of(mine)))
    end = declared.child_by_field_name("body") or declared.children[-1]
    if where is not None:
        edits.append(sx.before(source, end, f" {sx.text_of(where).rstrip(', ')}"))
    yield fix("trait-bounds", f"Ask for it in `{items.name_of(trait)}::{name}` too", 0.4, *edits)


def _remove_clause(source: Source, clause: Node) -> Edit:
    start = clause.start_byte
    while source.text[start - 1 : start].isspace():
        start -= 1
    end = clause.end_byte
    while source.text[end : end + 1].isspace():
        end += 1
    return Edit(source.path, start, end, b" ")


@rule("E0275")
def no_endless_requirement(context: Context) -> Iterator[Candidate]:
    """A where clause that needs itself."""
    source, node = sx.source_of(context), sx.node_of(context)
    where = sx.enclosing(node, "where_clause")
    if source is not None and where is not None:
        yield fix("no-bound", "Drop the requirement", 0.3, _remove_clause(source, where))


@rule("E0366")
def drop_for_all(context: Context) -> Iterator[Candidate]:
    """`Drop` is for the whole type, not for one of its instances."""
    source, node = sx.source_of(context), sx.node_of(context)
    item = sx.enclosing(node, "impl_item")
    own = items.type_item(source, items.name_of(item)) if source is not None and item is not None else None
    type_ = item.child_by_field_name("type") if item is not None else None
    keyword = next((c for c in item.children if c.type == "impl"), None) if item is not None else None
    declared = own.child_by_field_name("type_parameters") if own is not None else None
    if source is None or item is None or type_ is None or keyword is None or declared is None:
        return
    names = ", ".join(p.name for p in items.parameters(own))
    generics = item.child_by_field_name("type_parameters")
    head = (
        sx.replace(source, generics, sx.text_of(declared))
        if generics
        else sx.after(source, keyword, sx.text_of(declared))
    )
    edits = (head, sx.replace(source, type_, f"{items.name_of(own)}<{names}>"))
    yield fix("whole-type", f"Implement it for every `{items.name_of(own)}`", 0.5, *edits)


@rule("E0391")
def break_the_circle(context: Context) -> Iterator[Candidate]:
    """Traits that need each other: one must do without."""
    source = sx.source_of(context)
    if source is None:
        return
    for span in context.diagnostic.all_spans():
        if span.path != source.path:
            continue
        node = source.node_at(span.start, span.end)
        trait = sx.enclosing(node, "trait_item")
        bounds = trait.child_by_field_name("bounds") if trait is not None else None
        if bounds is not None:
            yield fix(
                "no-supertrait",
                f"Let `{items.name_of(trait)}` need no other",
                0.25,
                sx.replace(source, bounds, ""),
            )


@rule("E0659")
def import_one_by_name(context: Context) -> Iterator[Candidate]:
    """Two glob imports bring the same name: importing one of them by name decides."""
    names = sx.quoted(context.diagnostic.message)
    for child in context.diagnostic.children:
        for span in child.spans if "could" in child.message else ():
            source = sx.source_of(context, span)
            text = source.text[span.start : span.end].decode(errors="replace") if source is not None else ""
            use = sx.enclosing(source.node_at(span.start, span.end), "use_declaration") if source else None
            if source is not None and use is not None and text.endswith("::*") and names:
                visibility = items.visibility(use)
                path = f"{text[:-1]}{names[0]}"
                line = f"{sx.text_of(visibility)} use {path};".strip()
                yield fix("import-one", f"Import `{path}` by name", 0.4, sx.line_before(source, use, line))


@rule("E0732")
def represent_the_numbers(context: Context) -> Iterator[Candidate]:
    """Numbered variants with fields need the type of the numbers."""
    source, node = sx.source_of(context), sx.node_of(context)
    item = sx.enclosing(node, "enum_item")
    if source is not None and item is not None:
        for n, type_ in enumerate(("u8", "i32")):
            edit = sx.line_before(source, items.first_line_node(item), f"#[repr({type_})]")
            yield fix("repr", f"Number the variants as `{type_}`", 0.5 - 0.1 * n, edit)


@rule("E0307", "E0658")
def plain_receiver(context: Context) -> Iterator[Candidate]:
    """A receiver is `self`, or a pointer to it."""
    source, node = sx.source_of(context), sx.node_of(context)
    parameter = sx.enclosing(node, "parameter", "self_parameter")
    if source is None or parameter is None or "self" not in sx.text_of(parameter).split(":")[0]:
        return
    for prior, text in ((0.5, "&self"), (0.35, "&mut self"), (0.3, "self")):
        yield fix("receiver", f"Take `{text}`", prior, sx.replace(source, parameter, text))


@rule("E0045")
def c_for_variadic(context: Context) -> Iterator[Candidate]:
    """Only C functions take any number of arguments."""
    source, node = sx.source_of(context), sx.node_of(context)
    block = sx.enclosing(node, "foreign_mod_item", "function_item", "function_signature_item")
    while block is not None and block.type != "foreign_mod_item" and block.parent is not None:
        block = sx.enclosing(block.parent, "foreign_mod_item")
    abi = next(sx.descendants(block, "string_literal"), None) if block is not None else None
    if source is not None and abi is not None:
        yield fix("abi", 'Use the convention `"C"`', 0.5, sx.replace(source, abi, '"C"'))


@rule("E0005")
def only_what_is_there(context: Context) -> Iterator[Candidate]:
    """`for Some(x) in list`: loop over what is inside the values that have something."""
    source, node = sx.source_of(context), sx.node_of(context)
    loop = sx.enclosing(node, "for_expression")
    pattern = loop.child_by_field_name("pattern") if loop is not None else None
    value = loop.child_by_field_name("value") if loop is not None else None
    match = re.fullmatch(r"(?:Some|Ok)\((.+)\)", sx.text_of(pattern), re.S)
    if source is None or pattern is None or value is None or match is None:
        return
    edits = (
        sx.replace(source, pattern, match[1]),
        sx.replace(source, value, f"{sx.tight(value)}.into_iter().flatten()"),
    )
    yield fix("flatten", "Loop over the values that are there", 0.45, *edits)
