"""Changes through something that may not be changed."""

import re
from collections.abc import Iterator

from ...patch.edit import Edit
from .. import Candidate, Context, Source
from .. import syntax as sx
from ..syntax import Node
from . import fix, rule


@rule("E0596", "E0594")
def borrow_mutably_all_the_way(context: Context) -> Iterator[Candidate]:
    """A parameter `&T` that is changed: `&mut T` there, `&mut x` in the calls, and `let mut x`."""
    source, node = sx.source_of(context), sx.node_of(context)
    function = sx.function(node)
    name = _base_name(node)
    parameters = function.child_by_field_name("parameters") if function is not None else None
    if source is None or function is None or parameters is None or not name:
        return
    plain = [p for p in parameters.named_children if p.type == "parameter"]
    place = next(
        (i for i, p in enumerate(plain) if sx.text_of(p.child_by_field_name("pattern")) == name), None
    )
    if place is None:
        return
    type_ = plain[place].child_by_field_name("type")
    if type_ is None or not re.match(r"&('\w+ )?(?!mut )", sx.text_of(type_)):
        return
    edits = [sx.replace(source, type_, re.sub(r"^&('\w+ )?", r"&\1mut ", sx.text_of(type_)))]
    called = sx.text_of(function.child_by_field_name("name"))
    for members in sx.calls(source, called):
        if place < len(members):
            edits += _exclusive(source, members[place])
    if len(edits) > 1:
        yield fix(
            "mut-everywhere", f"Let `{called}` change `{name}`, in its calls too", 0.55, *dict.fromkeys(edits)
        )


def _exclusive(source: Source, argument: Node) -> Iterator[Edit]:
    """`&x` → `&mut x`, and `let x` → `let mut x`."""
    inner = argument.child_by_field_name("value") if argument.type == "reference_expression" else None
    if inner is None or any(c.type == "mutable_specifier" for c in argument.children):
        return
    yield sx.replace(source, argument, f"&mut {sx.text_of(inner)}")
    let = sx.binding(argument, sx.text_of(inner)) if inner.type == "identifier" else None
    if let is not None and let.type == "let_declaration":
        pattern = let.child_by_field_name("pattern")
        if pattern is not None and pattern.type == "identifier" and not sx.text_of(let).startswith("let mut"):
            yield sx.before(source, pattern, "mut ")


@rule("E0594", "E0596", "E0507", "E0525")
def widen_the_closure_bound(context: Context) -> Iterator[Candidate]:
    """A closure that changes or consumes what it captured: ask for `FnMut` or `FnOnce`, not `Fn`."""
    wanted = "FnOnce" if context.diagnostic.code in ("E0507", "E0525") else "FnMut"
    spans = [*sx.labelled(context.diagnostic, "change this to accept `FnMut`")]
    spans += [
        s for c in context.diagnostic.children if "may consume them only once" in c.message for s in c.spans
    ]
    spans += [s for c in context.diagnostic.children if "required by" in c.message for s in c.spans]
    for span in spans:
        if span.path not in context.files:
            continue
        source = context.files[span.path]
        match = re.search(rb"\bFn(Mut)?\b", source.text[span.start : span.end])
        if match is None:
            continue
        at = span.start + match.start()
        edit = Edit(source.path, at, span.start + match.end(), wanted.encode())
        function = sx.function(source.node_at(at, at + 2))
        mutable = _mutable_callee(source, function) if wanted == "FnMut" else None
        yield fix("closure-bound", f"Ask for `{wanted}`", 0.5, edit, mutable)


def _mutable_callee(source: Source, function: Node | None) -> Edit | None:
    """`mut f` for the parameter that the function calls."""
    parameters = function.child_by_field_name("parameters") if function is not None else None
    body = function.child_by_field_name("body") if function is not None else None
    if parameters is None or body is None:
        return None
    called = {sx.text_of(c.child_by_field_name("function")) for c in sx.descendants(body, "call_expression")}
    for parameter in parameters.named_children:
        pattern = parameter.child_by_field_name("pattern")
        is_mut = any(c.type == "mutable_specifier" for c in parameter.children)
        if (
            pattern is not None
            and pattern.type == "identifier"
            and sx.text_of(pattern) in called
            and not is_mut
        ):
            return sx.before(source, pattern, "mut ")
    return None


@rule("E0596", "E0594")
def change_inside_a_pointer(context: Context) -> Iterator[Candidate]:
    """`Rc` and `Arc` share: make the value unique first."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    match = re.search(r"in an? `(Rc|Arc)`|dereference of `(Rc|Arc)<", context.diagnostic.message)
    if source is None or primary is None or match is None:
        return
    node = sx.expression_at(source, primary.start, primary.end)
    base = node
    while base is not None and base.type in ("assignment_expression", "field_expression", "unary_expression"):
        base = base.child_by_field_name("left") or base.child_by_field_name("value") or base.named_children[0]
    if base is None:
        return
    pointer = match[1] or match[2]
    text = f"{pointer}::make_mut(&mut {sx.text_of(base)})"
    let = sx.binding(base, sx.text_of(base))
    pattern = let.child_by_field_name("pattern") if let is not None else None
    mutable = None
    if pattern is not None and pattern.type == "identifier" and not sx.text_of(let).startswith("let mut"):
        mutable = sx.before(source, pattern, "mut ")
    yield fix(
        "make-mut",
        "Change the value, cloning it where it is shared",
        0.4,
        sx.replace(source, base, text),
        mutable,
    )


@rule("E0596", "E0594")
def put_into_a_cell(context: Context) -> Iterator[Candidate]:
    """What is shared and changed: behind a lock in an `Arc`, in a `RefCell` in an `Rc`."""
    source = sx.source_of(context)
    match = re.search(r"in an? `(Rc|Arc)`|dereference of `(Rc|Arc)<", context.diagnostic.message)
    if source is None or match is None:
        return
    pointer = match[1] or match[2]
    cell, opening = ("Mutex", ".lock().unwrap()") if pointer == "Arc" else ("RefCell", ".borrow_mut()")
    lets = list(sx.descendants(source.root, "let_declaration"))
    made = [(n, v) for n in lets if (v := _inside_pointer(n, pointer)) is not None]
    if len(made) != 1:
        return
    names = sx.bound_by(made[0][0])
    for let in lets:
        value = sx.text_of(let.child_by_field_name("value"))
        if any(re.fullmatch(rf"{pointer}::clone\(&{name}\)|{name}\.clone\(\)", value) for name in names):
            names |= sx.bound_by(let)
    edits = [*sx.wrap(source, made[0][1], f"{cell}::new(", ")")]
    for access in sx.descendants(source.expanded.root_node, "field_expression"):
        base, member = access.child_by_field_name("value"), sx.text_of(access.child_by_field_name("field"))
        if base is not None and sx.text_of(base) in names and member != "clone":
            edits.append(sx.after(source, base, opening))
    module = "sync" if pointer == "Arc" else "cell"
    title = f"Put the shared value into a `{cell}`"
    yield fix("cell", title, 0.45, sx.add_use(source, f"std::{module}::{cell}"), *edits)


def _inside_pointer(let: Node, pointer: str) -> Node | None:
    """The argument of `Rc::new(…)` in `let x = Rc::new(…);`."""
    value = let.child_by_field_name("value")
    if value is None or value.type != "call_expression":
        return None
    if not sx.text_of(value.child_by_field_name("function")).endswith(f"{pointer}::new"):
        return None
    arguments = value.child_by_field_name("arguments")
    return arguments.named_children[0] if arguments is not None and arguments.named_children else None


@rule("E0596", "E0594")
def iterate_mutably(context: Context) -> Iterator[Candidate]:
    """Elements that are changed come from `iter_mut`, `values_mut`, `get_mut` or `&mut`."""
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None:
        return
    loop = next((n for n in sx.ancestors(node) if n.type == "for_expression"), None)
    spots = [loop.child_by_field_name("value")] if loop is not None else []
    name = _base_name(node)
    found = sx.binding(node, name) if name else None
    if found is not None:
        spots.append(found.child_by_field_name("value"))
    for spot in spots:
        text = sx.text_of(spot)
        for shared in ("iter", "values", "get", "first", "last", "as_ref", "borrow", "chunks", "as_slice"):
            if spot is not None and f".{shared}(" in text:
                exclusive = {"as_ref": "as_mut", "as_slice": "as_mut_slice"}.get(shared, f"{shared}_mut")
                new = text.replace(f".{shared}(", f".{exclusive}(", 1)
                yield fix("iter-mut", f"Use `{exclusive}`", 0.5, sx.replace(source, spot, new))


@rule("E0594", "E0596")
def variable_instead_of_constant(context: Context) -> Iterator[Candidate]:
    """A `static` is not changed: an atomic, a lock, or `static mut` with `unsafe`."""
    source, node = sx.source_of(context), sx.node_of(context)
    match = re.search(r"immutable static item `(\w+)`", context.diagnostic.message)
    item = sx.named_item(source, match[1], "static_item") if source is not None and match else None
    statement = sx.statement(node)
    if source is None or item is None or statement is None or match is None:
        return
    at = source.text.index(b"static", item.start_byte) + len(b"static")
    unsafe = sx.replace(source, statement, f"unsafe {{ {sx.text_of(statement)} }}")
    yield fix(
        "static-mut",
        f"Make `{match[1]}` mutable, which is unsafe",
        0.3,
        sx.insert(source, at, " mut"),
        unsafe,
    )


def _base_name(node: Node | None) -> str:
    """The variable at the root of a place, a method's receiver or an assignment's left side."""
    while node is not None and node.type != "identifier":
        following = (
            node.child_by_field_name("left")
            or node.child_by_field_name("value")
            or node.child_by_field_name("function")
            or (node.named_children[0] if node.named_children else None)
        )
        if following is None or following == node:
            return sx.text_of(node) if node.type == "self" else ""
        node = following
    return sx.text_of(node)
