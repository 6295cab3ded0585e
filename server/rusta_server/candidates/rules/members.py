"""Fields, members and calls: what is not there, is missing or is there twice."""

import re
from collections.abc import Iterator

from ...patch.edit import Edit
from .. import Candidate, Context, Source, values
from .. import syntax as sx
from ..syntax import Node
from . import fix, rule

_MAX_FIELDS = 4


@rule("E0609")
def name_a_field_there_is(context: Context) -> Iterator[Candidate]:
    """No such field: one of those that the type has."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    types = sx.quoted(context.diagnostic.message)
    if source is None or primary is None or len(types) < 2:
        return
    node = source.node_at(primary.start, primary.end)
    type_ = types[1]
    base = re.sub(r"<.*", "", type_.lstrip("&*").removeprefix("mut ").removeprefix("const "))
    fields = _fields(source, base)
    helped = [
        n for c in context.diagnostic.children if "available field" in c.message for n in sx.quoted(c.message)
    ]
    names = list(dict.fromkeys([*helped, *(name for name, _ in fields)]))[:_MAX_FIELDS]
    for name in names:
        prior = 0.35 if len(names) == 1 else 0.18
        edit = Edit(source.path, primary.start, primary.end, name.encode())
        yield fix("field", f"Use the field `{name}`", prior, edit)
    access = sx.enclosing(node, "field_expression")
    value = access.child_by_field_name("value") if access is not None else None
    if value is not None and re.match(r"&?(mut )?(Option|Result)<", type_):
        yield fix("unwrap-field", "Look inside", 0.35, sx.after(source, value, ".unwrap()"))
        yield fix(
            "unwrap-field", "Look inside by reference", 0.36, sx.after(source, value, ".as_ref().unwrap()")
        )
    if (value is not None and re.match(r"&?(mut )?(std::sync::)?Mutex<", type_)) or "RefCell<" in type_:
        method = ".lock().unwrap()" if "Mutex<" in type_ else ".borrow()"
        if value is not None:
            yield fix("guard-field", "Look inside the cell", 0.4, sx.after(source, value, method))


@rule("E0610")
def value_has_no_fields(context: Context) -> Iterator[Candidate]:
    """A number has no fields: use the number."""
    source, node = sx.source_of(context), sx.node_of(context)
    access = sx.enclosing(node, "field_expression")
    if access is None and source is not None and node is not None:
        yield from _in_macro(source, context)
    elif source is not None and access is not None:
        value = sx.text_of(access.child_by_field_name("value"))
        yield fix("no-field", f"Use `{value}` itself", 0.25, sx.replace(source, access, value))


def _in_macro(source: Source, context: Context) -> Iterator[Candidate]:
    primary = context.diagnostic.primary
    if primary is not None and source.text[primary.start - 1 : primary.start] == b".":
        edit = Edit(source.path, primary.start - 1, primary.end, b"")
        yield fix("no-field", "Use the value itself", 0.25, edit)


@rule("E0560", "E0559")
def mend_the_initializer(context: Context) -> Iterator[Candidate]:
    """A field that the struct does not have: the missing one, a new one, or none."""
    source, node = sx.source_of(context), sx.node_of(context)
    field = sx.enclosing(node, "field_initializer", "shorthand_field_initializer")
    whole = sx.enclosing(field, "struct_expression")
    if source is None or field is None or whole is None:
        return
    path = sx.text_of(whole.child_by_field_name("name"))
    base = re.sub(r"<.*", "", path).rsplit("::", 1)[-1]
    known = _fields(source, base)
    written = {_initialized(n) for n in _initializers(whole)}
    value = field.child_by_field_name("value")
    name = _initialized(field)
    for left in [n for n, _ in known if n not in written][:_MAX_FIELDS]:
        text = f"{left}: {sx.text_of(value) if value is not None else name}"
        yield fix("rename-field", f"Initialize `{left}`", 0.45, sx.replace(source, field, text))
    item = _item_with_fields(source, base)
    body = item.child_by_field_name("body") if item is not None else None
    type_ = values.literal_type(value)
    if body is not None and type_ and body.type == "field_declaration_list":
        declared = list(sx.descendants(body, "field_declaration"))
        written_type = "&'static str" if type_ == "&str" else type_
        text = f"{name}: {written_type}"
        if declared:
            yield fix(
                "new-field", f"Declare the field `{name}`", 0.3, sx.after(source, declared[-1], f", {text}")
            )
    if len(known) < len(written):
        yield fix("drop-field", f"Leave `{name}` out", 0.3, _cut(source, field))


@rule("E0063")
def initialize_missing(context: Context) -> Iterator[Candidate]:
    """Fields without a value: a variable of the same name, or an empty value."""
    source, node = sx.source_of(context), sx.node_of(context)
    whole = sx.enclosing(node, "struct_expression")
    body = whole.child_by_field_name("body") if whole is not None else None
    if source is None or whole is None or body is None:
        return
    missing = list(sx.quoted(context.diagnostic.message.split(" in initializer")[0]))
    base = re.sub(r"<.*", "", sx.text_of(whole.child_by_field_name("name"))).rsplit("::", 1)[-1]
    types = dict(_fields(source, base))
    in_scope = {name for name, _ in values.variables(whole)}
    parts, prior = [], 0.5
    for name in missing:
        if name in in_scope:
            parts.append(name)
            continue
        empty = values.empty_value(source, types.get(name, "")) or "Default::default()"
        parts.append(f"{name}: {empty}")
        prior = 0.3
    if parts:
        yield fix(
            "initialize-fields",
            f"Initialize `{', '.join(missing)}`",
            prior,
            _append(source, body, ", ".join(parts)),
        )
    item = _item_with_fields(source, base)
    before = item.prev_named_sibling if item is not None else None
    if (
        before is not None and "Default" in sx.text_of(before)
    ) or "impl Default for " + base in source.text.decode(errors="replace"):
        yield fix(
            "rest-default",
            "Take the rest from the default",
            0.42,
            _append(source, body, "..Default::default()"),
        )


@rule("E0062")
def initialize_once(context: Context) -> Iterator[Candidate]:
    """A field with two values: one is for a field that has none, or one too many."""
    source, node = sx.source_of(context), sx.node_of(context)
    field = sx.enclosing(node, "field_initializer", "shorthand_field_initializer")
    whole = sx.enclosing(field, "struct_expression")
    if source is None or field is None or whole is None:
        return
    base = re.sub(r"<.*", "", sx.text_of(whole.child_by_field_name("name"))).rsplit("::", 1)[-1]
    written = {_initialized(n) for n in _initializers(whole)}
    value = field.child_by_field_name("value")
    for left in [n for n, _ in _fields(source, base) if n not in written][:2]:
        text = f"{left}: {sx.text_of(value) if value is not None else left}"
        yield fix("rename-field", f"Initialize `{left}`", 0.5, sx.replace(source, field, text))
    yield fix("drop-field", "Keep the first value", 0.4, _cut(source, field))


@rule("E0071")
def plain_value_for_alias(context: Context) -> Iterator[Candidate]:
    """`Alias { field: 4 }` where the alias stands for a plain type: write the value."""
    source, node = sx.source_of(context), sx.node_of(context)
    whole = sx.enclosing(node, "struct_expression")
    fields = _initializers(whole) if whole is not None else []
    if source is None or whole is None or len(fields) != 1:
        return
    value = sx.text_of(fields[0].child_by_field_name("value"))
    type_ = sx.text_of(whole.child_by_field_name("name"))
    yield fix("plain-value", f"Write the value `{value}`", 0.4, sx.replace(source, whole, value))
    let = whole.parent
    pattern = (
        let.child_by_field_name("pattern") if let is not None and let.type == "let_declaration" else None
    )
    if let is not None and pattern is not None and let.child_by_field_name("type") is None:
        annotated = sx.after(source, pattern, f": {type_}")
        title = f"Declare it as `{type_}` and write the value"
        yield fix("plain-value", title, 0.45, annotated, sx.replace(source, whole, value))


@rule("E0618")
def not_a_function(context: Context) -> Iterator[Candidate]:
    """Something called that is not a function: use it without the call, or multiply."""
    source, node = sx.source_of(context), sx.node_of(context)
    call = sx.enclosing(node, "call_expression")
    function = call.child_by_field_name("function") if call is not None else None
    arguments = call.child_by_field_name("arguments") if call is not None else None
    if source is None or call is None or function is None or arguments is None:
        return
    text = sx.text_of(function)
    if not arguments.named_children:
        yield fix("no-call", f"Use `{text}` without calling it", 0.5, sx.replace(source, call, text))
    if len(arguments.named_children) == 1:
        inner = sx.text_of(arguments.named_children[0])
        yield fix("index", f"Index `{text}`", 0.25, sx.replace(source, call, f"{text}[{inner}]"))
        yield fix("multiply", "Multiply", 0.28, sx.replace(source, call, f"{text} * ({inner})"))
    yield fix("no-call", f"Use `{text}` without calling it", 0.2, sx.replace(source, call, text))
    name = text.rsplit("::", 1)[-1]
    functions = sx.functions_called(source, name)
    declaration = sx.binding(function, text) if function.type == "identifier" else None
    pattern = declaration.child_by_field_name("pattern") if declaration is not None else None
    if functions and declaration is not None and pattern is not None and pattern.type == "identifier":
        new = f"{text}_value"
        edits = [sx.replace(source, pattern, new)]
        scope = declaration.parent or source.root
        edits += [
            sx.replace(source, use, new)
            for use in sx.uses(scope, text)
            if use.start_byte > declaration.end_byte and use.type == "identifier" and not _is_called(use)
        ]
        yield fix("rename-variable", f"Rename the variable that hides the function `{text}`", 0.4, *edits)


def _is_called(use: Node) -> bool:
    return use.parent is not None and use.parent.type == "call_expression"


@rule("E0061", "E0057", "E0060")
def change_the_signature(context: Context) -> Iterator[Candidate]:
    """Too many arguments: the function may lack a parameter; too few: it may have one too many."""
    source, node = sx.source_of(context), sx.node_of(context)
    call = sx.enclosing(node, "call_expression")
    arguments = call.child_by_field_name("arguments") if call is not None else None
    primary = context.diagnostic.primary
    if source is None or arguments is None or primary is None:
        return
    name = source.text[primary.start : primary.end].decode(errors="replace").rsplit("::", 1)[-1]
    functions = sx.functions_called(source, name)
    parameters = functions[0].child_by_field_name("parameters") if len(functions) == 1 else None
    if parameters is None:
        return
    plain = [p for p in parameters.named_children if p.type == "parameter"]
    given = [a for a in arguments.named_children if not sx.is_comment(a)]
    if len(given) < len(plain):
        body = functions[0].child_by_field_name("body")
        spare = [p for p in plain[len(given) :] if body is not None and not sx.is_used(_names(p), body)]
        if len(spare) == len(plain) - len(given):
            edits = [_cut(source, p) for p in spare]
            yield fix("fewer-parameters", f"Drop the unused parameter of `{name}`", 0.3, *edits)
    elif len(given) == len(plain) + 1:
        type_ = values.literal_type(given[-1])
        if type_:
            text = f"_value: {type_}"
            edit = _append_parameter(source, parameters, text)
            yield fix("more-parameters", f"Let `{name}` take one more argument", 0.16, edit)


def _names(parameter: Node) -> list[str]:
    return [sx.text_of(n) for n in sx.pattern_names(parameter.child_by_field_name("pattern"))]


def _append_parameter(source: Source, parameters: Node, text: str) -> Edit:
    members = parameters.named_children
    if members:
        return sx.after(source, members[-1], f", {text}")
    return sx.insert(source, parameters.start_byte + 1, text)


@rule("E0107")
def match_the_generics(context: Context) -> Iterator[Candidate]:
    """Generic arguments that are missing: `_`, a known type, or the lifetime that is there."""
    source, node, primary = sx.source_of(context), sx.node_of(context), context.diagnostic.primary
    if source is None or node is None or primary is None:
        return
    counts = re.search(r"takes (\d+) (lifetime|generic|type).* but (\d+)", context.diagnostic.message)
    whole = (
        node.parent
        if node.parent is not None and node.parent.type in ("generic_type", "generic_function")
        else None
    )
    arguments = whole.child_by_field_name("type_arguments") if whole is not None else None
    if counts and arguments is not None and int(counts[1]) > int(counts[3]):
        present = [sx.text_of(n) for n in arguments.named_children]
        lifetimes = [p for p in present if p.startswith("'")]
        types = [p for p in present if not p.startswith("'")]
        n_more = int(counts[1]) - int(counts[3])
        if counts[2] == "lifetime":
            filler = lifetimes[-1:] or ["'_"]
            for lifetime in dict.fromkeys([*filler, "'_", "'static"]):
                text = ", ".join([*lifetimes, *[lifetime] * n_more, *types])
                yield fix("lifetimes", f"Add `{lifetime}`", 0.42, _arguments(source, arguments, text))
        else:
            for type_ in dict.fromkeys([*types[-1:], "_", "i32", "String"]):
                text = ", ".join([*lifetimes, *types, *[type_] * n_more])
                yield fix("generics", f"Add `{type_}`", 0.3, _arguments(source, arguments, text))
    elif "missing generics" in context.diagnostic.message:
        generics = _enclosing_generics(node)
        n = int((re.search(r"(\d+) generic", primary.label or "") or [0, 1])[1])
        for type_ in dict.fromkeys([*generics, "i32", "String", "_"]):
            text = f"<{', '.join([type_] * n)}>"
            edit = Edit(source.path, primary.end, primary.end, text.encode())
            yield fix("generics", f"Write `{text}`", 0.35 if type_ in generics else 0.25, edit)


def _arguments(source: Source, arguments: Node, text: str) -> Edit:
    left = "::<" if sx.text_of(arguments).startswith("::") else "<"
    return sx.replace(source, arguments, f"{left}{text}>")


def _enclosing_generics(node: Node) -> list[str]:
    names = []
    for current in sx.ancestors(node):
        generics = current.child_by_field_name("type_parameters")
        if generics is not None:
            names += [sx.text_of(n) for n in sx.descendants(generics, "type_identifier")][:2]
    return names


@rule("E0072", "E0391")
def box_the_recursion(context: Context) -> Iterator[Candidate]:
    """A type that contains itself: put a `Box` between, in the type and where values are made."""
    source = sx.source_of(context)
    if source is None:
        return
    spans = list(sx.labelled(context.diagnostic, "recursive without indirection"))
    types = [source.node_at(s.start, s.end) for s in spans if s.path == source.path]
    edits = [sx.replace(source, t, f"Box<{sx.text_of(t)}>") for t in types]
    if not edits:
        return
    yield fix("box", "Put the recursive part into a `Box`", 0.5, *edits)
    for pointer in ("Box",):
        values_ = list(_boxed_values(source, types, pointer))
        if values_:
            title = "Put the recursive part into a `Box`, in the values too"
            yield fix("box-values", title, 0.55, *edits, *values_)


def _boxed_values(source: Source, types: list[Node], pointer: str) -> Iterator[Edit]:
    """`Cons(1, Nil)` → `Cons(1, Box::new(Nil))` for every constructor of a variant with a boxed part."""
    positions: dict[str, list[int]] = {}
    for type_ in types:
        variant = sx.enclosing(type_, "enum_variant")
        body = variant.child_by_field_name("body") if variant is not None else None
        if variant is None or body is None or body.type != "ordered_field_declaration_list":
            continue
        members = [n for n in body.named_children if n.type not in ("attribute_item", "visibility_modifier")]
        index = next(
            (i for i, n in enumerate(members) if n.start_byte <= type_.start_byte < n.end_byte), None
        )
        if index is not None and members[index] == type_:
            positions.setdefault(sx.text_of(variant.child_by_field_name("name")), []).append(index)
    for call in sx.descendants(source.root, "call_expression"):
        name = sx.text_of(call.child_by_field_name("function")).rsplit("::", 1)[-1]
        arguments = call.child_by_field_name("arguments")
        for index in positions.get(name, ()):
            members = [n for n in arguments.named_children if not sx.is_comment(n)] if arguments else []
            if index < len(members):
                yield sx.insert(source, members[index].start_byte, f"{pointer}::new(")
                yield sx.insert(source, members[index].end_byte, ")")


def _fields(source: Source, name: str) -> list[tuple[str, str]]:
    """Names and types of the fields of a struct, union or variant; tuple fields by number."""
    item = _item_with_fields(source, name)
    body = item.child_by_field_name("body") if item is not None else None
    if body is None:
        return []
    if body.type == "ordered_field_declaration_list":
        members = [n for n in body.named_children if n.type not in ("attribute_item", "visibility_modifier")]
        return [(str(i), sx.text_of(n)) for i, n in enumerate(members)]
    return [
        (sx.text_of(f.child_by_field_name("name")), sx.text_of(f.child_by_field_name("type")))
        for f in sx.descendants(body, "field_declaration")
    ]


def _item_with_fields(source: Source, name: str) -> Node | None:
    for item in sx.descendants(source.root, "struct_item", "union_item", "enum_variant"):
        if sx.text_of(item.child_by_field_name("name")) == name:
            return item
    return None


def _initializers(whole: Node) -> list[Node]:
    body = whole.child_by_field_name("body")
    kinds = ("field_initializer", "shorthand_field_initializer")
    return [n for n in body.named_children if n.type in kinds] if body is not None else []


def _initialized(field: Node) -> str:
    name = field.child_by_field_name("field") or field.child_by_field_name("name")
    return sx.text_of(name) if name is not None else sx.text_of(field)


def _append(source: Source, body: Node, text: str) -> Edit:
    """Add a member before the closing brace of a struct expression."""
    members = body.named_children
    if not members:
        return sx.replace(source, body, f"{{ {text} }}")
    return sx.after(source, members[-1], f", {text}")


def _cut(source: Source, node: Node) -> Edit:
    """Cut a member of a comma list, with one comma."""
    following, preceding = node.next_sibling, node.prev_sibling
    if following is not None and sx.text_of(following) == ",":
        end = following.end_byte
        while source.text[end : end + 1] == b" ":
            end += 1
        return Edit(source.path, node.start_byte, end, b"")
    if preceding is not None and sx.text_of(preceding) == ",":
        return Edit(source.path, preceding.start_byte, node.end_byte, b"")
    return sx.replace(source, node, "")
