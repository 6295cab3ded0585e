"""Methods and associated functions that are not found: on what is inside, of another name, or missing."""

import re
from collections.abc import Iterator

from attrs import evolve

from ...patch.edit import Edit
from .. import Candidate, Context, Source, items, rustc, values
from .. import syntax as sx
from ..syntax import Node
from . import fix, rule
from .impls import fields_of

_OWNER = re.compile(
    r"no (?P<kind>method|function or associated item|associated item|associated function or constant)[^`]*"
    r"named `(?P<name>\w+)` found for "
    r"(?:enum|struct|union|reference|mutable reference|type|trait object|opaque type) `(?P<type>[^`]+)`"
)
_NUMBER = re.compile(r"[iu](8|16|32|64|128|size)|f32|f64")
# How to get at what is inside, by the type around it.
_INSIDE = {
    "Option": (".unwrap()", ".as_ref().unwrap()", ".as_mut().unwrap()"),
    "Result": (".unwrap()", ".as_ref().unwrap()"),
    "Mutex": (".lock().unwrap()",),
    "RwLock": (".read().unwrap()", ".write().unwrap()"),
    "RefCell": (".borrow()", ".borrow_mut()"),
    "Cell": (".get()",),
    "Weak": (".upgrade().unwrap()",),
    "JoinHandle": (".join().unwrap()",),
    "OnceLock": (".get().unwrap()",),
    "Path": (".to_string_lossy()", ".display().to_string()"),
    "Chars": (".rev()", ".as_str()"),
    "Vec": (".iter()", ".into_iter()", ".iter_mut()"),
    "HashMap": (".iter()", ".values()", ".keys()"),
    "str": (".chars()", ".to_string()"),
    "String": (".chars()", ".as_str()"),
    "Utf8Error": (".to_string()",),
}
# What people who come from other languages, or misremember, call the methods of std.
_OTHER_WORDS = {
    "add": ("insert", "push"),
    "append": ("push", "push_str", "extend"),
    "push": ("push_str", "insert", "push_back"),
    "put": ("insert",),
    "set": ("insert", "replace"),
    "size": ("len",),
    "length": ("len",),
    "count": ("len",),
    "contains": ("contains_key",),
    "contains_key": ("contains",),
    "has": ("contains", "contains_key"),
    "include": ("contains",),
    "includes": ("contains",),
    "index_of": ("find",),
    "substring": ("get",),
    "upper": ("to_uppercase",),
    "lower": ("to_lowercase",),
    "strip": ("trim",),
    "each": ("for_each",),
    "select": ("filter",),
    "where": ("filter",),
    "reduce": ("fold",),
    "join": ("concat",),
    "first": ("next",),
    "empty": ("is_empty", "clear"),
    "remove": ("remove_entry", "take"),
    "get_or_insert": ("entry",),
    "sqr": ("pow",),
    "square": ("pow",),
    "equals": ("eq",),
    "compare": ("cmp",),
    "compare_to": ("cmp",),
    "to_str": ("to_string", "as_str"),
    "as_string": ("to_string",),
    "to_int": ("parse",),
}


@rule("E0599", "E0609", "E0616", "E0610")
def look_inside(context: Context) -> Iterator[Candidate]:
    """The method or field belongs to what is inside the `Option`, the lock, the collection."""
    source, node = sx.source_of(context), sx.node_of(context)
    match = re.search(r"(?:for (?:enum|struct|reference|type)|on type) `([^`]+)`", context.diagnostic.message)
    access = sx.enclosing(node, "field_expression")
    receiver = access.child_by_field_name("value") if access is not None else None
    if source is None or match is None or receiver is None:
        return
    owner = items.base_name(match[1])
    inner = re.search(r"<(.+)>", match[1])
    ways = list(_INSIDE.get(owner, ()))
    if owner in ("Arc", "Rc", "Box") and inner is not None:
        ways = list(_INSIDE.get(items.base_name(inner[1]), ()))
    function = sx.function_or_closure(access)
    result = sx.text_of(function.child_by_field_name("return_type")) if function is not None else ""
    if owner in ("Option", "Result") and items.base_name(result) == owner:
        ways.insert(0, "?")
    for n, way in enumerate(ways[:4]):
        title = f"Use `{way}` first" if way != "?" else "Return early where there is no value"
        prior = 0.45 if way == "?" else 0.35 if owner != "Path" else 0.2
        yield fix("inside", title, prior - 0.03 * n, sx.after(source, receiver, way))


_FLOAT_WITHOUT_ORDER = re.compile(
    r"(?:the method `cmp` exists for reference )?`&?(?:mut )?(?:f32|f64|\{float\})`"
    r"(?: is not an iterator|, but its trait bounds were not satisfied)"
)


@rule("E0599")
def compare_floats(context: Context) -> Iterator[Candidate]:
    """Floats have no `cmp`, since NaN has no place in their order: choose one of the orders there are."""
    source, node = sx.source_of(context), sx.node_of(context)
    call = sx.enclosing(node, "call_expression")
    is_float = _FLOAT_WITHOUT_ORDER.match(context.diagnostic.message)
    if source is None or node is None or call is None or not is_float or sx.text_of(node) != "cmp":
        return
    named = sx.replace(source, node, "total_cmp")
    yield fix("float-order", "Compare by the total order of floats", 0.6, named)
    partial = sx.replace(source, node, "partial_cmp"), sx.after(source, call, ".unwrap()")
    yield fix("float-order", "Compare by `partial_cmp`", 0.45, *partial)


@rule("E0599")
def other_word(context: Context) -> Iterator[Candidate]:
    """The method has another name in Rust."""
    source, node = sx.source_of(context), sx.node_of(context)
    match = _OWNER.match(context.diagnostic.message)
    if source is None or node is None or match is None or sx.text_of(node) != match["name"]:
        return
    name = match["name"]
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
    found = [snake] if snake != name else []
    found += _OTHER_WORDS.get(snake, ())
    for n, other in enumerate(found[:3]):
        yield fix("other-word", f"Call `{other}`", 0.4 - 0.04 * n, sx.replace(source, node, other))
    own = items.type_item(source, match["type"])
    names = [
        items.name_of(m) for impl in sx.impls_of(source, items.name_of(own)) for m in items.members(impl)
    ]
    path = sx.enclosing(node, "scoped_identifier")
    if own is None:
        return
    for other in items.similar(name, names)[:2]:
        yield fix("rename", f"Call `{other}`", 0.4, sx.replace(source, node, other))
    if path is not None:
        for impl in sx.impls_of(source, items.name_of(own)):
            for member in items.members(impl):
                other = items.name_of(member)
                makes = re.search(r"\b(Self|" + re.escape(items.name_of(own)) + r")\b", _result(member))
                if other != name and makes and not re.match(r"\(\s*&?\s*(mut\s+)?self", _parameters(member)):
                    yield fix("constructor", f"Call `{other}`", 0.3, sx.replace(source, node, other))
                    call = sx.enclosing(path, "call_expression")
                    if call is not None and re.match(r"(Result|Option)<", _result(member)):
                        edits = (sx.replace(source, node, other), sx.after(source, call, ".unwrap()"))
                        yield fix("constructor", f"Call `{other}` and unwrap it", 0.3, *edits)


def _result(function: Node) -> str:
    return sx.text_of(function.child_by_field_name("return_type"))


def _parameters(function: Node) -> str:
    return sx.text_of(function.child_by_field_name("parameters"))


@rule("E0424", "E0599")
def take_self(context: Context) -> Iterator[Candidate]:
    """A function that uses `self`, or is called on a value, needs a receiver."""
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None:
        return
    function = sx.enclosing(node, "function_item") if context.diagnostic.code == "E0424" else None
    if function is None and context.diagnostic.code == "E0599":
        if not any("associated function, not a method" in (s.label or "") for s in context.diagnostic.spans):
            return
        match = _OWNER.match(context.diagnostic.message)
        impls = sx.impls_of(source, items.base_name(match["type"])) if match is not None else iter(())
        found = [m for impl in impls if (m := items.member(impl, match["name"] if match else "")) is not None]
        function = found[0] if found else None
    parameters = function.child_by_field_name("parameters") if function is not None else None
    if (
        function is None
        or parameters is None
        or sx.enclosing(function.parent, "impl_item", "trait_item") is None
    ):
        return
    name = items.name_of(function)
    body = sx.text_of(function.child_by_field_name("body"))
    changes = re.search(
        r"\bself(\.\w+)+\s*([-+*/%|&^]|<<|>>)?=[^=]|self\.\w+\.(push|insert|remove|pop|clear)", body
    )
    rest = ", " if parameters.named_children else ""
    for prior, receiver in ((0.6 if changes else 0.3, "&mut self"), (0.4, "&self"), (0.2, "self")):
        edit = sx.insert(source, parameters.start_byte + 1, f"{receiver}{rest}")
        yield fix("receiver", f"Let `{name}` take `{receiver}`", prior, edit)


@rule("E0599")
def write_a_constructor(context: Context) -> Iterator[Candidate]:
    """`Type::new(…)` that nobody wrote: take the fields, or start with empty ones."""
    source, node = sx.source_of(context), sx.node_of(context)
    match = _OWNER.match(context.diagnostic.message)
    own = items.type_item(source, match["type"]) if source is not None and match is not None else None
    call = sx.enclosing(node, "call_expression")
    path = sx.enclosing(node, "scoped_identifier")
    if source is None or match is None or own is None or call is None or path is None:
        return
    arguments = call.child_by_field_name("arguments")
    given = [a for a in (arguments.named_children if arguments is not None else []) if not sx.is_comment(a)]
    fields, name, type_ = fields_of(own), match["name"], items.name_of(own)
    if own.type != "struct_item" or items.parameters(own):
        return
    if len(given) == len(fields):
        listed = [(f"field{f}" if f.isdigit() else f, t, "") for f, t in fields]
    elif not given:
        listed = [(f, t, values.empty_value(source, t) or "Default::default()") for f, t in fields]
    else:
        return
    parameters = ", ".join(f"{f}: {t}" for f, t, value in listed if not value)
    if fields and fields[0][0].isdigit():
        body = f"{type_}({', '.join(value or f for f, _, value in listed)})"
    elif fields:
        body = f"{type_} {{ {', '.join(f'{f}: {value}' if value else f for f, _, value in listed)} }}"
    else:
        body = type_
    text = f"fn {name}({parameters}) -> {type_} {{\n    {body}\n}}\n"
    yield from _declare(source, own, text, f"Declare `{type_}::{name}`", 0.4 if name == "new" else 0.3)


def _declare(source: Source, own: Node, text: str, title: str, prior: float) -> Iterator[Candidate]:
    """Put a function into the type's own impl, or into a new one below the type."""
    name = items.name_of(own)
    impl = next((i for i in sx.impls_of(source, name) if i.child_by_field_name("trait") is None), None)
    in_module = items.module_path(own) if own is not None else ()
    text = f"pub {text}" if in_module else text
    if impl is not None:
        glue = "\n" if items.members(impl) else ""
        yield fix("declare-function", title, prior, items.into_body(source, impl, glue + text))
        return
    indent = sx.indentation(source, own)
    lines = "".join(f"{indent}    {line}\n" for line in text.splitlines())
    new = f"\n\n{indent}impl {name} {{\n{lines}{indent}}}"
    yield fix("declare-function", title, prior, sx.after(source, own, new))


@rule("E0599")
def write_the_method(context: Context) -> Iterator[Candidate]:
    """A method that nobody wrote: declare it for what it is called with, giving an empty value."""
    source, node = sx.source_of(context), sx.node_of(context)
    match = _OWNER.match(context.diagnostic.message)
    own = items.type_item(source, match["type"]) if source is not None and match is not None else None
    access, call = sx.enclosing(node, "field_expression"), sx.enclosing(node, "call_expression")
    if source is None or match is None or own is None or access is None or call is None:
        return
    if items.parameters(own) or call.child_by_field_name("function") != access:
        return
    arguments = call.child_by_field_name("arguments")
    given = [a for a in (arguments.named_children if arguments is not None else []) if not sx.is_comment(a)]
    parameters = "".join(f", arg{n}: {values.literal_type(a) or 'i32'}" for n, a in enumerate(given, 1))
    result, body = _wanted(source, own, call)
    text = f"fn {match['name']}(&self{parameters}){result} {{{body}}}\n"
    title = f"Declare a method `{match['name']}` of `{items.name_of(own)}`"
    yield from _declare(source, own, text, title, 0.08)


def _wanted(source: Source, own: Node, call: Node) -> tuple[str, str]:
    parent = call.parent
    if parent is None or parent.type == "expression_statement":
        return "", ""
    type_ = ""
    if parent.type == "let_declaration":
        type_ = sx.text_of(parent.child_by_field_name("type"))
    elif parent.type in ("if_expression", "while_expression", "unary_expression"):
        type_ = "bool"
    elif parent.type == "block":
        function = sx.function(call)
        type_ = _result(function) if function is not None else ""
    numbers = [t for _, t in fields_of(own) if _NUMBER.fullmatch(t)]
    type_ = type_ or (numbers[0] if numbers else "i32")
    return f" -> {type_}", f"\n    {values.empty_value(source, type_) or 'Default::default()'}\n"


@rule("E0599", "E0282", "E0283", "E0277")
def fill_the_bound(context: Context) -> Iterator[Candidate]:
    """A bound that the compiler suggests with a hole: `AsRef</* T */>`."""
    source = sx.source_of(context)
    if source is None:
        return
    for candidate in rustc.propose(context):
        text = b"".join(edit.text for edit in candidate.edits).decode()
        match = re.search(
            r"(AsRef|AsMut|Into|From|TryInto|TryFrom|Borrow|Add|Sub|Mul|PartialEq)</\* \w+ \*/>", text
        )
        if match is None or not candidate.has_placeholder:
            continue
        types = (
            ("str", "[u8]", "String") if match[1] in ("AsRef", "Borrow") else ("u32", "i32", "f64", "String")
        )
        types = ("u32", "String", "i32") if match[1] == "AsMut" else types
        for n, type_ in enumerate(types):
            edits = [evolve(e, text=re.sub(rb"/\* \w+ \*/", type_.encode(), e.text)) for e in candidate.edits]
            yield fix("bound", f"Ask for `{match[1]}<{type_}>`", 0.4 - 0.04 * n, *edits)


@rule("E0277")
def print_for_debugging(context: Context) -> Iterator[Candidate]:
    """A type of std without `Display`: print it with `{:?}`."""
    match = re.match(r"`([^`]+)` doesn't implement `(?:std::fmt::)?Display`", context.diagnostic.message)
    if match is None:
        return
    for span in sx.labelled(context.diagnostic, "formatting parameter"):
        source = sx.source_of(context, span)
        text = source.text[span.start : span.end].decode(errors="replace") if source is not None else ""
        hole = re.fullmatch(r"\{(\w*)\}", text)
        if source is not None and hole is not None and items.type_item(source, match[1]) is None:
            edit = Edit(source.path, span.start, span.end, f"{{{hole[1]}:?}}".encode())
            yield fix("debug-format", "Print it with `{:?}`", 0.5, edit)


@rule("E0271", "E0277")
def convert_the_error(context: Context) -> Iterator[Candidate]:
    """`s.parse()?` where the error of `parse` is not the function's: convert it, or say how to."""
    match = re.search(r"Err == (\w+)`|convert the error to `(\w+)`", context.diagnostic.message)
    source, node = sx.source_of(context), sx.node_of(context)
    if match is None or source is None or node is None:
        return
    label = next((s.label for s in context.diagnostic.spans if s.label and "found `" in s.label), "")
    given = re.search(r"found `([^`]+)`", label or "")
    own = items.type_item(source, match[1] or match[2])
    call = sx.enclosing(node, "call_expression")
    if own is None or call is None or own.type != "enum_item":
        return
    for variant in items.members(own):
        body = variant.child_by_field_name("body")
        types = [sx.text_of(t) for t in body.children_by_field_name("type")] if body is not None else []
        name = f"{items.name_of(own)}::{items.name_of(variant)}"
        fits = (
            len(types) == 1 and given is not None and items.base_name(types[0]) == items.base_name(given[1])
        )
        if fits:
            edit = sx.after(source, call, f".map_err({name})")
            yield fix("map-err", f"Turn the error into `{name}`", 0.5, edit)
        elif not types:
            edit = sx.after(source, call, f".map_err(|_| {name})")
            yield fix("map-err", f"Turn the error into `{name}`", 0.35, edit)


@rule("E0782")
def box_the_objects(context: Context) -> Iterator[Candidate]:
    """`Vec<Trait>`: values of different types behind a pointer each."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    node = source.node_at(primary.start, primary.end)
    name = source.text[primary.start : primary.end].decode(errors="replace")
    boxed = Edit(source.path, primary.start, primary.end, f"Box<dyn {name}>".encode())
    yield fix("box-dyn", f"Store `{name}`s in boxes", 0.4, boxed)
    edits = [boxed]
    let = sx.enclosing(node, "let_declaration")
    value = let.child_by_field_name("value") if let is not None else None
    if value is not None and value.type == "macro_invocation":
        tree = next((c for c in value.named_children if c.type == "token_tree"), None)
        text = sx.text_of(tree)[1:-1] if tree is not None else ""
        parts = [p if p.startswith("Box::new") else f"Box::new({p})" for p in values.split_types(text)]
        if tree is not None and parts:
            edits.append(sx.replace(source, tree, f"[{', '.join(parts)}]"))
            yield fix("box-dyn", f"Store `{name}`s in boxes", 0.5, *edits)
    elif value is not None and value.type == "array_expression":
        edits += [sx.replace(source, e, f"Box::new({sx.text_of(e)})") for e in value.named_children]
        yield fix("box-dyn", f"Store `{name}`s in boxes", 0.5, *edits)
