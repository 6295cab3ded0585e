"""Impls that do not fit their trait: missing items, other signatures, items the trait does not have."""

import re
from collections.abc import Iterator

from ...patch.edit import Edit
from .. import Candidate, Context, Source, items, values
from .. import syntax as sx
from ..syntax import Node
from . import fix, rule

# A body or value out of thin air compiles, but only the programmer knows what belongs there: a guess.
_INVENTED = 0.25
_ITEM = re.compile(r"(implement|add|missing).*item.*: `(.*)`$", re.S)
_COPY = re.compile(r"[iu](8|16|32|64|128|size)|f32|f64|bool|char|&(?!mut)[^,]+|\(\)")


@rule("E0046")
def implement_missing_items(context: Context) -> Iterator[Candidate]:
    """`impl Trait for Type` without all of the trait's items: write them with a body that fits."""
    source, node = sx.source_of(context), sx.node_of(context)
    item = sx.enclosing(node, "impl_item")
    if source is None or item is None:
        return
    names = sx.quoted(context.diagnostic.message)
    trait = _trait_of(source, item)
    texts = [
        _implementation(source, item, items.member(trait, name), name, _written_by_rustc(context, name))
        for name in names
    ]
    what = ", ".join(f"`{name}`" for name in names)
    for flat in zip(*(_pad(choice, 3) for choice in texts), strict=True) if all(texts) else ():
        text = "\n\n".join(body for _, body in flat) + "\n"
        prior = min(prior for prior, _ in flat)
        yield fix("implement", f"Implement {what}", prior, items.into_body(source, item, text))


def _pad(choices: list[tuple[float, str]], n: int) -> list[tuple[float, str]]:
    return (choices + [choices[-1]] * n)[:n]


def _trait_of(source: Source, item: Node) -> Node | None:
    return sx.named_item(source, items.base_name(sx.text_of(item.child_by_field_name("trait"))), "trait_item")


def _written_by_rustc(context: Context, name: str) -> str:
    """The signature that the compiler proposes for the item `name`."""
    for child in context.diagnostic.children:
        match = _ITEM.match(child.message)
        if match and re.search(rf"\b(fn|type|const) {re.escape(name)}\b", match[2]):
            return match[2]
    return ""


def implementation(source: Source, own: Node | None, declared: Node, type_: str) -> list[tuple[float, str]]:
    """Ways to implement the trait's item `declared` for a type that has no impl yet."""
    text = sx.text_of(declared)
    if text.startswith("type"):
        return [(0.2, f"type {items.name_of(declared)} = {type_};")]
    if text.startswith("const"):
        return _constant(source, text, items.name_of(declared))
    signature = re.sub(r"\s*;\s*$", "", text)
    found = _bodies(source, own, items.base_name(type_), items.name_of(declared), signature)
    return [(prior, f"{signature} {{{_indent(body)}}}") for prior, body in found][:1]


def _constant(source: Source, text: str, name: str) -> list[tuple[float, str]]:
    type_ = re.sub(r"^.*?:\s*", "", re.split(r"[=;]", text)[0], count=1).strip()
    value = values.empty_value(source, type_) or "Default::default()"
    return [(_INVENTED, f"const {name}: {type_} = {value};")]


def _implementation(
    source: Source, item: Node, declared: Node | None, name: str, proposed: str
) -> list[tuple[float, str]]:
    """Ways to write the missing item, each with a prior."""
    text = re.sub(r"^pub ", "", sx.text_of(declared)) if declared is not None else proposed
    if text.startswith("type"):
        return [(0.3, f"type {name} = {type_};") for type_ in _associated_types(source, item, name)]
    if text.startswith("const"):
        return _constant(source, text, name)
    signature = re.sub(r"\s*(;|\{ todo!\(\) \})\s*$", "", text)
    if not re.search(r"\bfn\b", signature):
        return []
    type_name = items.name_of(item)
    own = items.type_item(source, type_name)
    bodies = list(dict.fromkeys(_bodies(source, own, type_name, name, signature)))
    indented = [(prior, f"{signature} {{{_indent(body)}}}") for prior, body in bodies]
    return indented[:3]


def _indent(body: str) -> str:
    return "".join(f"\n    {line}" for line in body.splitlines()) + "\n" if body else ""


def _bodies(
    source: Source, own: Node | None, type_name: str, name: str, signature: str
) -> Iterator[tuple[float, str]]:
    returned = re.search(r"->\s*(.+?)(\s+where\b.*)?$", signature, re.S)
    if returned is None:
        yield _INVENTED, ""
        return
    type_ = returned[1].strip()
    if type_.endswith("fmt::Result") or (name == "fmt" and "Formatter" in signature):
        yield from _formatted(own, signature)
        return
    yield from _by_field(own, signature, type_, name)
    if type_ in ("Self", type_name):
        yield from _new_self(source, own, type_name, signature)
    elif type_.startswith("Option<"):
        yield 0.25, "None"
    value = values.empty_value(source, type_)
    if value is not None:
        yield _INVENTED, value
    yield 0.15, "Default::default()"


def _formatted(own: Node | None, signature: str) -> Iterator[tuple[float, str]]:
    """The body of a `fmt`: the type's fields in order."""
    formatter = re.search(r"(\w+)\s*:\s*&\s*('\w+ )?mut", signature)
    f = formatter[1] if formatter and formatter[1] != "_" else "f"
    yield 0.4, f"write!({f}, {shown(own, '{}')})"
    yield 0.3, f"write!({f}, {shown(own, '{:?}')})"


def shown(own: Node | None, hole: str) -> str:
    """The arguments of `write!` that print the type's fields, each with `hole`."""
    names = fields_of(own)
    if not names:
        return f'"{items.name_of(own)}"'
    holes = ", ".join([hole] * len(names))
    listed = ", ".join(f"self.{name}" for name, _ in names)
    return f'"{holes}", {listed}' if len(names) == 1 else f'"({holes})", {listed}'


def fields_of(own: Node | None) -> list[tuple[str, str]]:
    """The fields of a struct, by name or number, with their types."""
    body = own.child_by_field_name("body") if own is not None and own.type == "struct_item" else None
    if body is None:
        return []
    if body.type == "field_declaration_list":
        return [
            (items.name_of(n), sx.text_of(n.child_by_field_name("type")))
            for n in body.named_children
            if n.type == "field_declaration"
        ]
    types = [n for n in body.named_children if n.type not in ("visibility_modifier", "attribute_item")]
    return [(str(i), sx.text_of(n)) for i, n in enumerate(t for t in types if not sx.is_comment(t))]


def _by_field(own: Node | None, signature: str, type_: str, name: str) -> Iterator[tuple[float, str]]:
    """A getter's body: the field of the returned type."""
    if "self" not in signature.split("->")[0]:
        return
    fields = sorted(fields_of(own), key=lambda f: f[0] not in name)
    for field, field_type in fields:
        if field_type == type_:
            yield 0.4, f"self.{field}" + ("" if _COPY.fullmatch(type_) else ".clone()")
        elif values.bare(type_) in (f"&{values.bare(field_type)}", "&str") and (
            values.bare(type_) == f"&{values.bare(field_type)}" or field_type == "String"
        ):
            yield 0.4, f"&self.{field}"
        elif type_ == "String" and field_type in ("&str", "&'static str"):
            yield 0.35, f"self.{field}.to_string()"


def _new_self(
    source: Source, own: Node | None, type_name: str, signature: str
) -> Iterator[tuple[float, str]]:
    parameters = re.findall(r"(\w+)\s*:\s*([^,()]+)", signature.split("->")[0])
    fields = fields_of(own)
    if own is not None and not fields and own.type == "struct_item":
        yield 0.45, type_name
        return
    given = {type_: name for name, type_ in parameters if name != "_"}
    by_name = {name for name, _ in parameters}
    parts = []
    for field, type_ in fields:
        value = field if field in by_name else given.get(type_) or values.empty_value(source, type_)
        parts.append((field, value or "Default::default()"))
    if parts and parts[0][0].isdigit():
        yield 0.35, f"{type_name}({', '.join(value for _, value in parts)})"
    elif parts:
        inner = ", ".join(f if f == v else f"{f}: {v}" for f, v in parts)
        yield 0.35, f"{type_name} {{ {inner} }}"


def _associated_types(source: Source, item: Node, name: str) -> list[str]:
    """Types that an impl's missing `type` could be: what its methods return, a field's, a plain one."""
    found: list[str] = []
    for function in items.members(item):
        returned = sx.text_of(function.child_by_field_name("return_type"))
        inner = re.fullmatch(r"Option<(.+)>", returned)
        if inner and name in ("Item", "IntoIter"):
            found.append(inner[1])
        if name in ("Err", "Error") and (result := re.fullmatch(r"Result<.+,\s*(.+)>", returned)):
            found.append(result[1])
        if name == "Target" and returned.startswith("&"):
            found.append(returned.removeprefix("&").removeprefix("mut ").strip())
        if name == "Output":
            found.append(returned)
    found = [type_ for type_ in found if "Self::" not in type_ and type_]
    if name in ("Err", "Error"):
        found.append("String")
    if name == "Output":
        found.append("Self")
    own = items.type_item(source, items.name_of(item))
    found += [type_ for _, type_ in fields_of(own)]
    return list(dict.fromkeys([*found, "()"]))[:3]


# Signatures


@rule(
    "E0185", "E0186", "E0050", "E0049", "E0053", "E0195", "E0326", "E0323", "E0324", "E0325", "E0643", "E0106"
)
def take_the_trait_s_signature(context: Context) -> Iterator[Candidate]:
    """An item of an impl that is declared otherwise in the trait: write it as the trait does."""
    source, node = sx.source_of(context), sx.node_of(context)
    own = sx.enclosing(node, *sx.FUNCTIONS, "const_item", "type_item")
    item = sx.enclosing(own, "impl_item")
    trait = _trait_of(source, item) if source is not None and item is not None else None
    declared = items.member(trait, items.name_of(own))
    if source is None or own is None or declared is None or item is None:
        return
    name = items.name_of(own)
    title = f"Declare `{name}` as `{items.name_of(trait)}` does"
    if own.type == "function_item" and declared.type in sx.FUNCTIONS:
        yield from _adapt(source, own, declared, title)
        yield from _adapt_trait(source, own, declared, trait)
    elif own.type == declared.type == "const_item":
        mine, theirs = own.child_by_field_name("type"), declared.child_by_field_name("type")
        if mine is not None and theirs is not None:
            yield fix("trait-signature", title, 0.5, sx.replace(source, mine, sx.text_of(theirs)))
    else:
        for prior, text in _implementation(source, item, declared, name, ""):
            yield fix("trait-item", title, prior, sx.replace(source, own, text))


def _adapt(source: Source, own: Node, declared: Node, title: str) -> Iterator[Candidate]:
    """Take over the trait's generics, parameters and return type, keeping the names of our parameters."""
    mine, theirs = own.child_by_field_name("parameters"), declared.child_by_field_name("parameters")
    if mine is None or theirs is None:
        return
    generics = own.child_by_field_name("type_parameters")
    start = generics.start_byte if generics is not None else mine.start_byte
    head = sx.text_of(declared.child_by_field_name("type_parameters")) + _signature(mine, theirs)
    result, wanted = own.child_by_field_name("return_type"), declared.child_by_field_name("return_type")
    plain = Edit(source.path, start, mine.end_byte, head.encode())
    if result is None and wanted is not None:
        arrow = Edit(source.path, start, mine.end_byte, f"{head} -> {sx.text_of(wanted)}".encode())
        yield fix("trait-signature", title, 0.6, arrow)
        yield fix("trait-signature", title, 0.35, plain)
    elif result is not None and wanted is not None:
        yield fix("trait-signature", title, 0.6, plain, sx.replace(source, result, sx.text_of(wanted)))
    elif result is not None:
        nothing = Edit(source.path, start, result.end_byte, head.encode())
        yield fix("trait-signature", title, 0.5, nothing)
    else:
        yield fix("trait-signature", title, 0.6, plain)


def _signature(mine: Node, theirs: Node) -> str:
    """The trait's parameters, by our names."""
    ours = [p for p in mine.named_children if p.type == "parameter"]
    texts = []
    for parameter in theirs.named_children:
        if parameter.type == "self_parameter":
            texts.append(sx.text_of(parameter))
        elif parameter.type == "parameter":
            pattern = (ours.pop(0) if ours else parameter).child_by_field_name("pattern")
            texts.append(f"{sx.text_of(pattern)}: {sx.text_of(parameter.child_by_field_name('type'))}")
    return f"({', '.join(texts)})"


def _adapt_trait(source: Source, own: Node, declared: Node, trait: Node | None) -> Iterator[Candidate]:
    """The other way round: the trait's declaration is what is wrong."""
    mine, theirs = own.child_by_field_name("parameters"), declared.child_by_field_name("parameters")
    if mine is not None and theirs is not None and sx.text_of(mine) != sx.text_of(theirs):
        title = f"Change the declaration of `{items.name_of(own)}` in `{items.name_of(trait)}`"
        yield fix("trait-declaration", title, 0.15, sx.replace(source, theirs, sx.text_of(mine)))


@rule("E0407", "E0437", "E0438")
def add_to_the_trait(context: Context) -> Iterator[Candidate]:
    """An impl has an item that its trait lacks: declare it there, or move it to the type's own impl."""
    source, node = sx.source_of(context), sx.node_of(context)
    own = sx.enclosing(node, "function_item", "const_item", "type_item", "macro_invocation")
    item = sx.enclosing(own, "impl_item")
    if source is None or own is None or item is None:
        return
    trait = _trait_of(source, item)
    name, type_ = items.name_of(own), sx.text_of(item.child_by_field_name("type"))
    if trait is not None:
        n_impls = sum(_trait_of(source, other) == trait for other in sx.items(source, "impl_item"))
        prior = 0.4 if n_impls == 1 else 0.25
        edit = items.into_body(source, trait, _declaration(source, own))
        yield fix("declare-in-trait", f"Declare `{name}` in `{items.name_of(trait)}`", prior, edit)
    if own.type == "function_item" and items.type_item(source, type_) is not None:
        generics = sx.text_of(item.child_by_field_name("type_parameters"))
        indent = sx.indentation(source, item)
        moved = sx.text_of(own)
        text = f"\n\n{indent}impl{generics} {type_} {{\n{indent}    {moved}\n{indent}}}"
        edits = (sx.delete(source, own), sx.after(source, item, text))
        yield fix("inherent-method", f"Move `{name}` to an `impl {type_}`", 0.3, *edits)
    for other in items.similar(name, [items.name_of(m) for m in items.members(trait)])[:2]:
        if items.member(item, other) is None:
            node_name = own.child_by_field_name("name")
            if node_name is not None:
                yield fix("rename", f"Call it `{other}`", 0.4, sx.replace(source, node_name, other))
    yield fix("remove-item", f"Remove `{name}`, which the trait does not have", 0.12, sx.delete(source, own))


def _declaration(source: Source, own: Node) -> str:
    body = own.child_by_field_name("body")
    if body is not None:
        return source.text[own.start_byte : body.start_byte].decode(errors="replace").strip() + ";\n"
    return re.sub(r"\s*=.*", "", sx.text_of(own), flags=re.S).rstrip(";") + ";\n"


# Impls that must not be


@rule("E0119", "E0751", "E0120", "E0184", "E0592", "E0201", "E0117", "E0210")
def resolve_the_conflict(context: Context) -> Iterator[Candidate]:
    """Two impls of one trait, an impl beside a derive: keep one of them."""
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None:
        return
    spans = [s for s in context.diagnostic.spans if s.path == source.path]
    for span in spans:
        at = source.node_at(span.start, span.end)
        attribute = sx.enclosing(at, "attribute_item")
        if attribute is not None and "derive" in sx.text_of(attribute):
            trait = source.text[span.start : span.end].decode(errors="replace")
            edit = _without(source, attribute, trait)
            prior = 0.55 if context.diagnostic.code in ("E0119", "E0184") else 0.3
            yield fix("remove-derive", f"Do not derive `{items.base_name(trait)}`", prior, edit)
    if context.diagnostic.code in ("E0119", "E0751"):
        impls = [
            sx.exact(source.node_at(s.start, s.end), s.start, s.end) or source.node_at(s.start, s.end)
            for s in spans
        ]
        for item in [sx.enclosing(i, "impl_item") for i in impls]:
            if item is not None:
                yield from _remove_impl(source, item)


def _without(source: Source, attribute: Node, trait: str) -> Edit | None:
    match = re.match(r"#\[derive\((.*)\)\]$", sx.text_of(attribute), re.S)
    left = [p.strip() for p in match[1].split(",") if p.strip() and p.strip() != trait] if match else []
    if not left:
        return sx.delete(source, attribute)
    return sx.replace(source, attribute, f"#[derive({', '.join(left)})]")


def _remove_impl(source: Source, item: Node) -> Iterator[Candidate]:
    trait, type_ = (sx.text_of(item.child_by_field_name(f)) for f in ("trait", "type"))
    generic = type_ in [p.name for p in items.parameters(item)]
    title = f"Remove the second `impl {trait} for {type_}`"
    yield fix("remove-impl", title, 0.08 if generic else 0.13, sx.delete(source, item))


@rule("E0184")
def no_copy_beside_drop(context: Context) -> Iterator[Candidate]:
    """A type with a destructor cannot be `Copy`."""
    source, node = sx.source_of(context), sx.node_of(context)
    item = _derived(source, node)
    if source is not None and item is not None:
        edit = items.remove_derives(source, item, "Copy")
        yield fix("remove-copy", f"Do not derive `Copy` for `{items.name_of(item)}`", 0.55, edit)


@rule("E0204")
def cannot_be_copy(context: Context) -> Iterator[Candidate]:
    """`Copy` for a type with a field that is not: drop the derive, or derive it for the field too."""
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None:
        return
    item = items.type_item(source, sx.text_of(node)) or _derived(source, node)
    for span in sx.labelled(context.diagnostic, "does not implement `Copy`"):
        field = sx.enclosing(source.node_at(span.start, span.end), "field_declaration")
        text = sx.text_of(field.child_by_field_name("type")) if field else source.text[span.start : span.end]
        other = items.type_item(source, text if isinstance(text, str) else text.decode(errors="replace"))
        if other is not None:
            edit = items.add_derives(source, other, "Clone", "Copy")
            yield fix("derive", f"Derive `Clone` and `Copy` for `{items.name_of(other)}`", 0.4, edit)
        if field is not None and sx.text_of(field.child_by_field_name("type")).startswith("&"):
            type_ = field.child_by_field_name("type")
            shared = re.sub(r"^&('\w+ )?mut ", r"&\1", sx.text_of(type_))
            if type_ is not None and shared != sx.text_of(type_):
                yield fix("shared-field", "Store a shared reference", 0.2, sx.replace(source, type_, shared))
    if item is not None and "Copy" in items.derives(item):
        edit = items.remove_derives(source, item, "Copy")
        yield fix("remove-copy", f"Do not derive `Copy` for `{items.name_of(item)}`", 0.5, edit)
    implemented = sx.enclosing(node, "impl_item")
    if implemented is not None:
        title = f"Remove `impl Copy for {items.name_of(implemented)}`"
        yield fix("remove-copy", title, 0.3, sx.delete(source, implemented))


def _derived(source: Source | None, node: Node | None) -> Node | None:
    """The type below the derive attribute around the node."""
    attribute = sx.enclosing(node, "attribute_item")
    following = attribute.next_named_sibling if attribute is not None else None
    while following is not None and following.type not in items.TYPES:
        following = following.next_named_sibling
    if following is not None:
        return following
    return sx.enclosing(node, *items.TYPES)


@rule("E0117", "E0116", "E0118", "E0210", "E0390", "E0120", "E0206")
def wrap_the_foreign_type(context: Context) -> Iterator[Candidate]:
    """An impl for a type that is not ours: implement it for a type of ours that wraps it."""
    source, node = sx.source_of(context), sx.node_of(context)
    item = sx.enclosing(node, "impl_item")
    type_ = item.child_by_field_name("type") if item is not None else None
    if source is None or item is None or type_ is None:
        return
    text = sx.text_of(type_)
    bare = re.sub(r"^(&('\w+ )?(mut )?|\*(const|mut) )", "", text)
    if (
        bare != text
        and items.type_item(source, bare) is not None
        and context.diagnostic.code in ("E0390", "E0206")
    ):
        edits = [sx.replace(source, type_, bare), *_borrow_self(source, item)]
        yield fix("bare-type", f"Implement for `{bare}` itself, taking `&self`", 0.5, *edits)
        yield fix("bare-type", f"Implement for `{bare}` itself", 0.4, sx.replace(source, type_, bare))
    used = [p.name for p in items.parameters(item) if re.search(rf"\b{re.escape(p.name)}\b", text)]
    declared = items.parameters(item)
    generics = f"<{', '.join(p.name for p in declared)}>" if used else ""
    name = items.fresh("Wrapper", items.identifiers(source.root) | {""})
    name = "Wrapper" if "Wrapper" not in items.identifiers(source.root) else name
    if context.diagnostic.code == "E0206":
        return
    held = f"Box<{text}>" if text.startswith("dyn ") else text
    struct = f"struct {name}{generics}({held});"
    edits = [sx.line_before(source, item, struct + "\n"), sx.replace(source, type_, name + generics)]
    yield fix("newtype", f"Implement it for a wrapper `{name}` around `{text}`", 0.3, *edits)
    if item.child_by_field_name("trait") is None:
        yield from _extension_trait(source, item, type_)


def _borrow_self(source: Source, item: Node) -> Iterator[Edit]:
    for function in items.members(item):
        parameters = function.child_by_field_name("parameters")
        for parameter in parameters.named_children if parameters is not None else ():
            text = sx.text_of(parameter)
            if text == "self":
                yield sx.replace(source, parameter, "&self")
            elif re.fullmatch(r"\w+: Self", text):
                yield sx.replace(source, parameter, text.replace("Self", "&Self"))


def _extension_trait(source: Source, item: Node, type_: Node) -> Iterator[Candidate]:
    functions = [m for m in items.members(item) if m.type == "function_item"]
    taken = items.identifiers(source.root)
    stem = items.base_name(sx.text_of(type_)).capitalize() or "Type"
    stem = stem if stem.isidentifier() else "Type"
    name = items.fresh(f"{stem}Ext", taken) if f"{stem}Ext" in taken else f"{stem}Ext"
    lines = "".join(
        "    " + re.sub(r"^pub(\([^)]*\))? ", "", _declaration(source, function).strip()) + "\n"
        for function in functions
    )
    trait = f"trait {name} {{\n{lines}}}\n"
    public = [v for f in functions if (v := items.visibility(f)) is not None]
    edits = [
        sx.line_before(source, item, trait),
        sx.before(source, type_, f"{name} for "),
        *(sx.replace(source, v, "") for v in public),
    ]
    yield fix("extension-trait", f"Declare a trait `{name}` and implement that", 0.35, *edits)


@rule("E0207")
def bind_the_parameter(context: Context) -> Iterator[Candidate]:
    """An impl's parameter that neither trait nor type mentions belongs to the method, or to the type."""
    source, node = sx.source_of(context), sx.node_of(context)
    item = sx.enclosing(node, "impl_item")
    if source is None or item is None or node is None:
        return
    parameter = sx.enclosing(node, "type_parameter", "const_parameter", "lifetime_parameter")
    declared = item.child_by_field_name("type_parameters")
    if parameter is None or declared is None:
        return
    name, text = sx.text_of(parameter.child_by_field_name("name")), sx.text_of(parameter)
    rest = [sx.text_of(n) for n in declared.named_children if n != parameter]
    removed = sx.replace(source, declared, f"<{', '.join(rest)}>" if rest else "")
    users = [m for m in items.members(item) if re.search(rf"\b{re.escape(name)}\b", sx.text_of(m))]
    if users:
        edits = [removed, *(items.add_parameter(source, user, text) for user in users)]
        yield fix("method-generic", f"Declare `{name}` on the method that uses it", 0.45, *edits)
    else:
        yield fix("remove-parameter", f"Remove the parameter `{name}`, which nothing uses", 0.5, removed)
    own = items.type_item(source, items.name_of(item))
    if own is not None and not items.parameters(own) and own.child_by_field_name("body") is None:
        type_ = item.child_by_field_name("type")
        name_node = own.child_by_field_name("name")
        if type_ is not None and name_node is not None:
            body = f"<{name}>(std::marker::PhantomData<{name}>)"
            edits = [sx.after(source, name_node, body), sx.after(source, type_, f"<{name}>")]
            yield fix("phantom", f"Give `{items.name_of(own)}` the parameter `{name}`", 0.35, *edits)
    trait = _trait_of(source, item)
    if trait is not None and not items.parameters(trait):
        trait_name = item.child_by_field_name("trait")
        edits = [items.add_parameter(source, trait, name)]
        if trait_name is not None:
            edits.append(sx.after(source, trait_name, f"<{name}>"))
        yield fix("trait-parameter", f"Give `{items.name_of(trait)}` the parameter `{name}`", 0.3, *edits)


@rule("E0199", "E0200", "E0197", "E0198")
def match_unsafety(context: Context) -> Iterator[Candidate]:
    """`unsafe` on an impl belongs there exactly if the trait is unsafe."""
    source, node = sx.source_of(context), sx.node_of(context)
    item = sx.enclosing(node, "impl_item")
    if source is None or item is None:
        return
    text = sx.text_of(item)
    if context.diagnostic.code == "E0200":
        yield fix("unsafe-impl", "Make the impl `unsafe`", 0.5, sx.before(source, item, "unsafe "))
    elif match := re.match(r"unsafe\s+", text):
        edit = Edit(source.path, item.start_byte, item.start_byte + len(match[0]), b"")
        yield fix("safe-impl", "Remove `unsafe` from the impl", 0.6, edit)


@rule("E0367", "E0366")
def same_bounds_on_the_type(context: Context) -> Iterator[Candidate]:
    """A `Drop` impl must have the bounds of its type: give them to the type."""
    source, node = sx.source_of(context), sx.node_of(context)
    item = sx.enclosing(node, "impl_item")
    own = items.type_item(source, items.name_of(item)) if source is not None and item is not None else None
    if source is None or item is None or own is None:
        return
    edits = []
    for mine, theirs in zip(items.parameters(item), items.parameters(own), strict=False):
        bounds = mine.node.child_by_field_name("bounds")
        if bounds is not None:
            edits.append(items.add_bound(source, theirs.node, sx.text_of(bounds).lstrip(": ")))
    where = next((c for c in item.named_children if c.type == "where_clause"), None)
    body = own.child_by_field_name("body")
    if where is not None and body is not None:
        edits.append(sx.before(source, body, f"{sx.text_of(where)} "))
    yield fix("bounds-on-type", f"Put the same bounds on `{items.name_of(own)}`", 0.5, *edits)
    own_bounds = [
        b for p in items.parameters(item) if (b := p.node.child_by_field_name("bounds")) is not None
    ]
    gone = [sx.replace(source, bound, "") for bound in own_bounds]
    yield fix("no-bounds", "Drop values of every type: no bound on the impl", 0.3, *gone)
