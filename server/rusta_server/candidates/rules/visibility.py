"""Items, fields and methods that are private where they are used: make them public, or go another way."""

import re
from collections.abc import Iterator

from ...patch.edit import Edit
from .. import Candidate, Context, Source, items
from .. import syntax as sx
from ..syntax import Node
from . import fix, rule

_DEFINED = (
    r"is defined here|private .* defined here|consider (marking|declaring)|declared as private|can't leak"
)
_KINDS = (*sx.ITEMS, "function_signature_item", "enum_variant", "field_declaration", "associated_type")


@rule("E0603", "E0624", "E0364", "E0365", "E0446", "E0635")
def make_it_public(context: Context) -> Iterator[Candidate]:
    """The compiler shows the private item: write `pub` in front of it."""
    spans = [*sx.noted(context.diagnostic, _DEFINED), *sx.labelled(context.diagnostic, _DEFINED)]
    for n, span in enumerate(spans):
        source = sx.source_of(context, span)
        node = sx.exact(source.node_at(span.start, span.end), span.start, span.end) if source else None
        item = sx.enclosing(node or (source.node_at(span.start, span.end) if source else None), *_KINDS)
        if source is None or item is None:
            continue
        name = items.name_of(item) or sx.text_of(item)
        prior = 0.6 if n == 0 else 0.4
        edit = items.make_public(source, item)
        members = list(_private_path(source, context, item))
        if members:
            title = f"Make `{name}` public, with what is used of it"
            yield fix("pub", title, prior + 0.1, edit, *(items.make_public(source, m) for m in members))
        yield fix("pub", f"Make `{name}` public", prior, edit)


def _private_path(source: Source, context: Context, item: Node) -> Iterator[Node]:
    """Private members of the module `item` on the paths that the diagnostic and its siblings point at."""
    if item.type != "mod_item":
        return
    name = items.name_of(item)
    seen: set[int] = set()
    for match in re.finditer(rf"\b{re.escape(name)}\s*::\s*((?:\w+\s*::\s*)*\w+)".encode(), source.text):
        inner: Node | None = item
        for segment in match[1].decode().replace(" ", "").split("::"):
            body = inner.child_by_field_name("body") if inner is not None else None
            children = body.named_children if body is not None else []
            inner = next((c for c in children if items.name_of(c) == segment and c.type in sx.ITEMS), None)
            if inner is None:
                break
            if items.visibility(inner) is None and inner.id not in seen:
                seen.add(inner.id)
                yield inner


@rule("E0364", "E0365")
def make_the_reexported_public(context: Context) -> Iterator[Candidate]:
    """`pub use` of a private item: make the item public, or the import private."""
    source, node = sx.source_of(context), sx.node_of(context)
    names = sx.quoted(context.diagnostic.message)
    use = sx.enclosing(node, "use_declaration")
    if source is None or not names or use is None:
        return
    name = names[0].rsplit("::", 1)[-1]
    for item in sx.items(source):
        if items.name_of(item) == name and item.type not in ("use_declaration", "impl_item"):
            yield fix("pub", f"Make `{name}` public", 0.5, items.make_public(source, item))
            yield fix(
                "pub",
                f"Make `{name}` visible in the crate",
                0.3,
                items.make_public(source, item, "pub(crate)"),
            )
    visibility = items.visibility(use)
    if visibility is not None:
        edit = Edit(source.path, visibility.start_byte, visibility.end_byte + 1, b"")
        yield fix("private-use", f"Import `{name}` for this module only", 0.3, edit)


@rule("E0616", "E0451")
def make_the_field_public(context: Context) -> Iterator[Candidate]:
    """A private field: read it through its getter, make it public, or write a getter."""
    message = context.diagnostic.message
    match = re.search(r"[Ff]ield `(\w+)` of (?:struct|union|enum|variant) `([^`]+)`", message)
    source, node = sx.source_of(context), sx.node_of(context)
    if match is None or source is None or node is None:
        return
    field_name, type_ = match[1], items.base_name(match[2])
    own = items.type_item(source, type_)
    field = items.member(own, field_name) if own is not None else None
    if own is not None and field is None and field_name.isdigit():
        field = _tuple_field(own, int(field_name))
    if own is None or field is None:
        return
    yield fix("pub", f"Make the field `{field_name}` public", 0.45, items.make_public(source, field))
    access = sx.enclosing(node, "field_expression")
    if access is None or context.diagnostic.code == "E0451" or _is_assigned(access):
        return
    type_node = field.child_by_field_name("type")
    for impl in sx.impls_of(source, type_):
        if impl.child_by_field_name("trait") is not None or items.member(impl, field_name) is not None:
            continue
        field_type = sx.text_of(type_node)
        is_copy = re.fullmatch(r"[iuf](8|16|32|64|128|size)|bool|char", field_type)
        result, value = (field_type, "self.") if is_copy else (f"&{field_type}", "&self.")
        getter = f"\npub fn {field_name}(&self) -> {result} {{\n    {value}{field_name}\n}}\n"
        edits = (items.into_body(source, impl, getter), sx.after(source, access, "()"))
        yield fix("getter", f"Read `{field_name}` through a method", 0.3, *edits)
        return


def _tuple_field(own: Node, position: int) -> Node | None:
    body = own.child_by_field_name("body")
    fields = body.children_by_field_name("type") if body is not None else []
    return fields[position] if position < len(fields) else None


def _is_assigned(access: Node) -> bool:
    parent = access.parent
    return (
        parent is not None
        and parent.type in ("assignment_expression", "compound_assignment_expr")
        and parent.child_by_field_name("left") == access
    )


@rule("E0451", "E0616", "E0423", "E0603", None)
def make_all_fields_public(context: Context) -> Iterator[Candidate]:
    """A struct that is built outside its module needs all its fields public."""
    message = context.diagnostic.message
    if context.diagnostic.code is None and "due to private fields" not in message:
        return
    match = re.search(r"(?:of struct|construct|constructor|function,.*struct) `([^`]+)`", message)
    source = sx.source_of(context)
    own = items.type_item(source, match[1]) if source is not None and match is not None else None
    if source is None or own is None:
        return
    fields = [m for m in items.members(own) if m.type == "field_declaration"]
    body = own.child_by_field_name("body")
    if not fields and body is not None:
        publics = {n.end_byte for n in body.named_children if n.type == "visibility_modifier"}
        fields = [
            t
            for t in body.children_by_field_name("type")
            if not any(0 <= t.start_byte - end <= 1 for end in publics)
        ]
    edits = [edit for field in fields if (edit := items.make_public(source, field)) is not None]
    if edits:
        yield fix("pub", f"Make the fields of `{items.name_of(own)}` public", 0.35, *edits)


@rule("E0742", "E0704", "E0433")
def restrict_to_the_crate(context: Context) -> Iterator[Candidate]:
    """`pub(in path)` must name a module around the item."""
    source, node = sx.source_of(context), sx.node_of(context)
    visibility = sx.enclosing(node, "visibility_modifier")
    if source is None or visibility is None:
        return
    yield fix("pub-crate", "Make it visible in the crate", 0.45, sx.replace(source, visibility, "pub(crate)"))
    yield fix("pub", "Make it public", 0.3, sx.replace(source, visibility, "pub"))
