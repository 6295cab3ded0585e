"""Values used after they moved, and values that cannot be moved out of where they are.

The ways out: borrow instead of taking, use the value before it goes, keep a copy, or share it.
"""

import re
from collections.abc import Iterator

from ...patch.edit import Edit
from ...tools.diagnostic import Span
from .. import Candidate, Context, Source
from .. import syntax as sx
from ..syntax import Node
from . import fix, rule

_MOVED = r"moved (here|into|due to)|moved,"
_MOVES = ("E0382", "E0505", "E0507", "E0508", "E0509")
_COPY_TYPES = re.compile(
    r"&(?!mut)[^,]+|[iu](8|16|32|64|128|size)|f32|f64|bool|char|\(\)|PhantomData<.*>"
    r"|fn\(.*|\*(const|mut) .*"
)
_TAKERS = frozenset({"let_declaration", "match_expression", "let_condition", "for_expression"})


@rule(*_MOVES)
def take_a_reference(context: Context) -> Iterator[Candidate]:
    """Change the parameter that takes the value to a reference, and every call with it."""
    for note in context.diagnostic.children:
        if "consider changing this parameter type" not in note.message:
            continue
        parameter = next((s for s in note.spans if s.label and "takes ownership" in s.label), None)
        if parameter is not None and parameter.path in context.files:
            yield from _borrow_parameter(context.files[parameter.path], parameter)
    source, primary = sx.source_of(context), sx.node_of(context)
    if source is None or primary is None or context.diagnostic.code != "E0505":
        return
    call = _call_with_argument(primary)
    name = sx.text_of(call.child_by_field_name("function")) if call is not None else ""
    for function in sx.functions_called(source, name):
        yield from _parameter_at(source, function, call, primary)


def _parameter_at(source: Source, function: Node, call: Node | None, argument: Node) -> Iterator[Candidate]:
    arguments = call.child_by_field_name("arguments") if call is not None else None
    parameters = function.child_by_field_name("parameters")
    if arguments is None or parameters is None:
        return
    position = next((i for i, a in enumerate(arguments.named_children) if _covers(a, argument)), None)
    types = [p.child_by_field_name("type") for p in parameters.named_children if p.type == "parameter"]
    if position is not None and position < len(types) and types[position] is not None:
        yield from _reference_candidate(source, function, types[position], position)


def _borrow_parameter(source: Source, span: Span) -> Iterator[Candidate]:
    type_ = source.node_at(span.start, span.end)
    function, parameter = sx.function(type_), sx.enclosing(type_, "parameter")
    if function is None or parameter is None or parameter.parent is None:
        return
    parameters = [p for p in parameter.parent.named_children if p.type == "parameter"]
    type_ = parameter.child_by_field_name("type") or type_
    yield from _reference_candidate(source, function, type_, parameters.index(parameter))


def _reference_candidate(
    source: Source, function: Node, type_: Node | None, position: int
) -> Iterator[Candidate]:
    if type_ is None or type_.type == "reference_type" or _is_generic(function, type_):
        return
    name = sx.text_of(function.child_by_field_name("name"))
    calls = [arguments[position] for arguments in sx.calls(source, name) if len(arguments) > position]
    edits = [sx.replace(source, a, f"&{sx.tight(a)}") for a in calls if a.type != "reference_expression"]
    title = f"Let `{name}` borrow its argument"
    whole = sx.text_of(type_)
    yield fix("borrow-parameter", title, 0.45, sx.replace(source, type_, f"&{whole}"), *edits)
    pattern = type_.parent.child_by_field_name("pattern") if type_.parent is not None else None
    is_mut = type_.parent is not None and any(c.type == "mutable_specifier" for c in type_.parent.children)
    if is_mut and pattern is not None and type_.parent is not None:
        head = Edit(source.path, type_.parent.start_byte, pattern.start_byte, b"")
        exclusive = [
            sx.replace(source, a, f"&mut {sx.tight(a)}") for a in calls if a.type != "reference_expression"
        ]
        whole_type = sx.replace(source, type_, f"&mut {whole}")
        yield fix("borrow-parameter-mut", title, 0.3, head, whole_type, *exclusive)


@rule(*_MOVES, "E0161")
def method_by_reference(context: Context) -> Iterator[Candidate]:
    """A method of ours that takes `self` by value but could borrow it."""
    for child in context.diagnostic.children:
        if "takes ownership of the receiver" not in child.message:
            continue
        for span in child.spans:
            if span.path in context.files:
                source = context.files[span.path]
                receiver = sx.enclosing(source.node_at(span.start, span.end), "self_parameter")
                yield from _borrow_self(source, sx.function(receiver))
    if context.diagnostic.code == "E0161":
        source_, node = sx.source_of(context), sx.node_of(context)
        call = sx.enclosing(node, "call_expression")
        name = (
            next(reversed([sx.text_of(n) for n in sx.descendants(call, "field_identifier")]), "")
            if call
            else ""
        )
        for function in sx.functions_called(source_, name)[:1] if source_ else ():
            yield from _borrow_self(source_, function) if source_ else ()


def _borrow_self(source: Source, method: Node | None) -> Iterator[Candidate]:
    if method is None:
        return
    name = sx.text_of(method.child_by_field_name("name"))
    edits = []
    for function in sx.functions_called(source, name):
        receiver = next(sx.descendants(function, "self_parameter"), None)
        if receiver is not None and sx.text_of(receiver) in ("self", "mut self"):
            edits.append(sx.replace(source, receiver, "&self"))
    if edits:
        yield fix("borrow-self", f"Let `{name}` borrow `self`", 0.5, *edits)
        mutable = [Edit(e.path, e.start, e.end, b"&mut self") for e in edits]
        yield fix("borrow-self-mut", f"Let `{name}` borrow `self` exclusively", 0.25, *mutable)


@rule(*_MOVES)
def derive_clone(context: Context) -> Iterator[Candidate]:
    """The type of ours lacks `Clone` (or `Copy`): derive it, and clone."""
    for child in context.diagnostic.children:
        if "implemented `Clone`" not in child.message:
            continue
        item_span = next((s for s in child.spans if s.label and "implementing `Clone`" in s.label), None)
        value_span = next((s for s in child.spans if s.label and "clone this value" in s.label), None)
        if item_span is None or item_span.path not in context.files:
            continue
        source = context.files[item_span.path]
        item = sx.enclosing(
            source.node_at(item_span.start, item_span.end), "struct_item", "enum_item", "union_item"
        )
        if item is None:
            continue
        name = sx.text_of(item.child_by_field_name("name"))
        if _is_copyable(item):
            derive = _derive(source, item, "Clone, Copy")
            yield fix("derive-copy", f"Derive `Clone` and `Copy` for `{name}`", 0.42, derive)
        if value_span is not None and value_span.path in context.files:
            where = context.files[value_span.path]
            value = sx.expression_at(where, value_span.start, value_span.end)
            if value is not None:
                clone = sx.after(where, value, ".clone()")
                what = sx.text_of(value)
                title = f"Derive `Clone` for `{name}` and clone `{what}`"
                yield fix("derive-clone", title, 0.36, _derive(source, item, "Clone"), clone)


@rule("E0382")
def use_before_the_move(context: Context) -> Iterator[Candidate]:
    """Move the statement that uses the value in front of the one that takes it."""
    source, use = sx.source_of(context), sx.node_of(context)
    moved = next(sx.labelled(context.diagnostic, _MOVED), None)
    if source is None or moved is None:
        return
    pair = sx.in_common_block(sx.node_of(context, moved), use)
    if pair is None or pair[0] == pair[1]:
        return
    taking, using = pair
    bound = set().union(*(sx.bound_by(n) for n in (taking, *sx.statements_between(taking, using))))
    if sx.is_used(bound, using) or using.start_byte < taking.start_byte:
        return
    if using.type in ("expression_statement", "macro_invocation", "let_declaration"):
        edits = sx.move_statement(source, using, before=taking)
        yield fix("use-before-move", "Use the value before it moves away", 0.4, *edits)


@rule("E0382")
def borrow_in_the_let(context: Context) -> Iterator[Candidate]:
    """`let b = a;` takes `a`: borrow it instead; or use `b` from there on."""
    source, use = sx.source_of(context), sx.node_of(context)
    for span in sx.labelled(context.diagnostic, _MOVED):
        value = sx.node_of(context, span)
        parent = value.parent if value is not None else None
        if source is None or value is None or parent is None:
            continue
        text = sx.text_of(value)
        if parent.type in _TAKERS and parent.child_by_field_name("value") == value:
            title = f"Borrow `{text}` instead of moving it"
            yield fix("borrow-value", title, 0.45, sx.before(source, value, "&"))
        if parent.type == "let_declaration" and use is not None and use.type == "identifier":
            pattern = parent.child_by_field_name("pattern")
            if pattern is not None and pattern.type == "identifier":
                new = sx.text_of(pattern)
                yield fix(
                    "use-new-owner",
                    f"Use `{new}`, which `{text}` moved to",
                    0.3,
                    sx.replace(source, use, new),
                )
        if parent.type == "arguments":
            yield fix("borrow-argument", f"Borrow `{text}` for the call", 0.42, sx.before(source, value, "&"))
            yield fix(
                "reborrow", f"Lend `{text}` for the call", 0.3, sx.replace(source, value, f"&mut *{text}")
            )


@rule("E0382")
def share_between_threads(context: Context) -> Iterator[Candidate]:
    """A closure that moves the value away: give each closure a clone, behind an `Arc` where it needs one."""
    source = sx.source_of(context)
    span = next(sx.labelled(context.diagnostic, r"into closure|into coroutine"), None)
    if source is None or span is None:
        return
    closure = sx.enclosing(source.node_at(span.start, span.end), "closure_expression", "async_block")
    name = next((n for n in sx.quoted(_declared(context)) if re.fullmatch(r"\w+", n)), None)
    statement = sx.statement(closure)
    if closure is None or name is None or statement is None:
        return
    let = sx.binding(closure, name)
    in_loop = let is not None and any(
        n.type in sx.LOOPS and n.start_byte > let.end_byte for n in sx.ancestors(statement)
    )
    copy = name if in_loop else f"{name}_copy"
    uses = [] if in_loop else [_rename(source, n, name, copy) for n in sx.uses(closure, name)]
    line = sx.line_before(source, statement, f"let {copy} = {name}.clone();")
    yield fix("clone-for-closure", f"Clone `{name}` for the closure", 0.4, line, *uses)
    yield from _behind_arc(source, closure, statement, let, name, copy, uses)


def _behind_arc(
    source: Source,
    closure: Node,
    statement: Node,
    let: Node | None,
    name: str,
    copy: str,
    uses: list[Edit],
) -> Iterator[Candidate]:
    value = let.child_by_field_name("value") if let is not None else None
    if let is None or value is None or let.child_by_field_name("type") is not None:
        return
    call = sx.enclosing(closure, "call_expression")
    pointer = "Arc" if "spawn" in sx.text_of(call)[:40] or call is None else "Rc"
    module = "sync" if pointer == "Arc" else "rc"
    clone = f"let {copy} = {pointer}::clone(&{name});"
    yield fix(
        "share-with-arc",
        f"Share `{name}` through an `{pointer}`",
        0.45,
        sx.add_use(source, f"std::{module}::{pointer}"),
        *sx.wrap(source, value, f"{pointer}::new(", ")"),
        sx.line_before(source, statement, clone),
        *uses,
    )


@rule("E0507", "E0509", "E0382", "E0508")
def take_out_of_place(context: Context) -> Iterator[Candidate]:
    """Take the value out of the place that must stay valid, leaving `None` or the default there."""
    source, node = sx.source_of(context), sx.node_of(context)
    primary = context.diagnostic.primary
    if source is None or node is None or primary is None or context.diagnostic.message.startswith("borrow"):
        return
    place = sx.expression_at(source, primary.start, primary.end) or node
    text = sx.text_of(place)
    types = " ".join(span.label or "" for span in context.diagnostic.spans)
    if place.type not in ("field_expression", "index_expression", "unary_expression", "identifier"):
        return
    if "`Option<" in types or "as enum variant `Some`" in context.diagnostic.message:
        yield fix("take", f"Take the value out of `{text}`", 0.46, sx.after(source, place, ".take()"))
        yield fix(
            "as-ref", f"Look into `{text}` without taking it", 0.5, sx.after(source, place, ".as_ref()")
        )
        yield fix(
            "as-mut", f"Look into `{text}` without taking it", 0.32, sx.after(source, place, ".as_mut()")
        )
    inner = text[1:] if place.type == "unary_expression" and text.startswith("*") else f"&mut {text}"
    taken = f"std::mem::take({inner})"
    yield fix("mem-take", f"Take `{text}` and leave its default", 0.3, sx.replace(source, place, taken))
    shape = _unit_value(source, types)
    if shape:
        replaced = f"std::mem::replace({inner}, {shape})"
        title = f"Take `{text}` and leave a new `{shape}`"
        yield fix("mem-replace", title, 0.3, sx.replace(source, place, replaced))


@rule("E0507")
def borrow_the_matched(context: Context) -> Iterator[Candidate]:
    """`match self.field { Some(x) => … }` on something borrowed: match on a reference."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    node = sx.expression_at(source, primary.start, primary.end)
    if node is None or node.parent is None:
        return
    if node.parent.type in ("match_expression", "let_condition", "for_expression", "let_declaration"):
        text = sx.text_of(node)
        yield fix("match-mut", f"Borrow `{text}` exclusively", 0.3, sx.before(source, node, "&mut "))
    if node.parent.type == "for_expression":
        yield fix(
            "iterate", f"Go over `{sx.text_of(node)}` by reference", 0.45, sx.after(source, node, ".iter()")
        )


@rule("E0381")
def initialize(context: Context) -> Iterator[Candidate]:
    """A variable that gets its value on some ways only: give it one on the missing way."""
    source = sx.source_of(context)
    declared = next(sx.labelled(context.diagnostic, "declared here"), None)
    if source is None or declared is None:
        return
    let = sx.enclosing(source.node_at(declared.start, declared.end), "let_declaration")
    pattern = let.child_by_field_name("pattern") if let is not None else None
    if let is None or pattern is None or let.child_by_field_name("value") is not None:
        return
    name = sx.text_of(pattern)
    type_ = sx.text_of(let.child_by_field_name("type"))
    values = _assigned_values(source, let, name)
    zero = _default_of(type_, values)
    if zero is None:
        return
    end = let.end_byte - 1 if sx.text_of(let).endswith(";") else let.end_byte
    assigned = any(
        sx.text_of(n.child_by_field_name("left")) == name
        for n in sx.descendants(
            let.parent or source.root, "assignment_expression", "compound_assignment_expr"
        )
    )
    mutable = sx.before(source, pattern, "mut ") if assigned and not name.startswith("mut") else None
    if sx.text_of(let).startswith("let mut"):
        mutable = None
    yield fix(
        "initialize", f"Start `{name}` with `{zero}`", 0.3, mutable, sx.insert(source, end, f" = {zero}")
    )
    for missing in sx.labelled(context.diagnostic, "`else` arm might be missing"):
        otherwise = f" else {{ {name} = {zero}; }}"
        yield fix("else-value", f"Set `{name}` in an `else`", 0.35, sx.insert(source, missing.end, otherwise))


@rule("E0384")
def shadow_parameter(context: Context) -> Iterator[Candidate]:
    """A second value for an immutable variable can be a new `let` of the same name."""
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None or node.type != "assignment_expression":
        return
    left = node.child_by_field_name("left")
    name = sx.text_of(left)
    if left is not None and left.type == "identifier":
        yield fix("shadow", f"Bind `{name}` anew", 0.3, sx.before(source, node, "let "))


@rule("E0493")
def no_temporary_in_constant(context: Context) -> Iterator[Candidate]:
    """`(a, b).1` in a constant drops `a` at compile time: write the wanted part alone."""
    source, node = sx.source_of(context), sx.node_of(context)
    access = sx.enclosing(node, "field_expression")
    if source is None or node is None:
        return
    if access is None and node.parent is not None and node.parent.type == "field_expression":
        access = node.parent
    value = access.child_by_field_name("value") if access is not None else None
    index = sx.text_of(access.child_by_field_name("field")) if access is not None else ""
    if access is None or value is None or value.type != "tuple_expression" or not index.isdigit():
        return
    parts = value.named_children
    if int(index) < len(parts):
        part = sx.text_of(parts[int(index)])
        yield fix("wanted-part", f"Write `{part}` alone", 0.5, sx.replace(source, access, part))


def _declared(context: Context) -> str:
    span = next(sx.labelled(context.diagnostic, "move occurs because"), None)
    return (span.label or "") if span is not None else context.diagnostic.message


def _rename(source: Source, use: Node, old: str, new: str) -> Edit:
    if use.type == "string_content":
        text = re.sub(rf"(?<!\{{)\{{{re.escape(old)}(?=[:}}])", f"{{{new}", sx.text_of(use))
        return sx.replace(source, use, text)
    return sx.replace(source, use, new)


def _call_with_argument(node: Node) -> Node | None:
    for current in sx.ancestors(node):
        if current.parent is not None and current.parent.type == "arguments":
            return current.parent.parent
    return None


def _covers(outer: Node, inner: Node) -> bool:
    return outer.start_byte <= inner.start_byte and inner.end_byte <= outer.end_byte


def _is_generic(function: Node, type_: Node) -> bool:
    generics = function.child_by_field_name("type_parameters")
    names = (
        {sx.text_of(n) for n in sx.descendants(generics, "type_identifier")}
        if generics is not None
        else set()
    )
    return sx.text_of(type_) in names


def _is_copyable(item: Node) -> bool:
    """Whether every field is of a type that is plainly `Copy`."""
    body = item.child_by_field_name("body")
    if body is None:
        return True
    fields = [n.child_by_field_name("type") for n in sx.descendants(body, "field_declaration")] + [
        n
        for lists in sx.descendants(body, "ordered_field_declaration_list")
        for n in lists.named_children
        if n.type not in ("visibility_modifier", "attribute_item")
    ]
    return all(_COPY_TYPES.fullmatch(sx.text_of(f)) for f in fields if f is not None)


def _derive(source: Source, item: Node, traits: str) -> Edit:
    """Add the traits to the item's `#[derive]`, or write one."""
    previous = item.prev_named_sibling
    while previous is not None and (previous.type == "attribute_item" or sx.is_comment(previous)):
        match = re.match(r"#\[derive\(([^)]*)\)\]", sx.text_of(previous))
        if match:
            present = [p.strip() for p in match[1].split(",") if p.strip()]
            wanted = [t for t in traits.split(", ") if t not in present]
            return sx.replace(source, previous, f"#[derive({', '.join(present + wanted)})]")
        previous = previous.prev_named_sibling
    return sx.line_before(source, item, f"#[derive({traits})]")


def _unit_value(source: Source, types: str) -> str | None:
    """A value of the moved type that needs nothing: the type is a unit struct of this file."""
    match = re.search(r"has type `(\w+)`", types)
    item = sx.named_item(source, match[1], "struct_item") if match else None
    return match[1] if match and item is not None and item.child_by_field_name("body") is None else None


def _assigned_values(source: Source, let: Node, name: str) -> list[str]:
    scope = let.parent or source.root
    return [
        sx.text_of(n.child_by_field_name("right"))
        for n in sx.descendants(scope, "assignment_expression")
        if sx.text_of(n.child_by_field_name("left")) == name
    ]


def _default_of(type_: str, values: list[str]) -> str | None:
    """An empty value of the type, or of the kind of literal that is assigned elsewhere."""
    sample = values[0] if values else ""
    if re.fullmatch(r"[iu](8|16|32|64|128|size)", type_) or re.fullmatch(r"-?\d+", sample):
        return "0"
    if type_ in ("f32", "f64") or re.fullmatch(r"-?\d+\.\d*", sample):
        return "0.0"
    if type_ == "bool" or sample in ("true", "false"):
        return "false"
    if type_ in ("&str", "&'static str") or sample.startswith('"'):
        return '""'
    if type_ == "String" or sample.startswith("String::"):
        return "String::new()"
    if type_.startswith("Option<"):
        return "None"
    if type_.startswith("Vec<") or sample.startswith("vec!"):
        return "Vec::new()"
    return "Default::default()" if type_ or sample else ("0" if not values else None)
