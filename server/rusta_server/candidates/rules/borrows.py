"""Conflicts between borrows: two at a time, one that a change or a move gets in the way of.

The compiler names three places: where the first borrow begins, the use that conflicts with it (the primary
span), and where the borrow is used afterwards. The ways out: use the borrow before the conflict, begin it
afterwards, or keep a copy instead of a borrow.
"""

import re
from collections.abc import Iterator

from attrs import frozen

from ...patch.edit import Edit
from ...tools.diagnostic import Diagnostic, Span
from .. import Candidate, Context, Source
from .. import syntax as sx
from ..syntax import Node
from . import fix, rule

_CONFLICTS = ("E0499", "E0500", "E0501", "E0502", "E0503", "E0505", "E0506", "E0524", "E0713")
_BEGINS = r"(borrow|construction) .*occurs here|borrow occurs here|is borrowed here|is constructed here"
_LATER = r"later (used|stored|captured|call)|is later|used here|might be used"
_OPTION_METHODS = frozenset({"first", "last", "get", "max", "min", "next", "iter", "find", "peek", "nth"})
_FORMAT_MACROS = frozenset({"println", "print", "eprintln", "eprint"})


@frozen
class _Conflict:
    """The nodes at the three places; `later` is None where the compiler names no use."""

    source: Source
    begins: Node
    primary: Node
    later: Node | None


@rule(*_CONFLICTS)
def begin_the_borrow_later(context: Context) -> Iterator[Candidate]:
    """Move the `let` that borrows behind the conflicting statement."""
    conflict = _conflict(context)
    pair = sx.in_common_block(conflict.begins, conflict.primary) if conflict else None
    if conflict is None or pair is None:
        return
    let, statement = pair
    names = sx.bound_by(let)
    if let == statement or not names or sx.is_used(names, statement):
        return
    if sx.is_used(names, *sx.statements_between(let, statement)):
        return
    name = ", ".join(sorted(names))
    yield fix(
        "begin-borrow-later",
        f"Borrow `{name}` after the conflicting statement",
        0.5 if _is_plain(let) else 0.33,
        *sx.move_statement(conflict.source, let, after=statement),
    )


@rule(*_CONFLICTS)
def use_the_borrow_earlier(context: Context) -> Iterator[Candidate]:
    """Move the later use of the borrow in front of the conflicting statement."""
    conflict = _conflict(context)
    pair = sx.in_common_block(conflict.primary, conflict.later) if conflict else None
    if conflict is None or pair is None:
        return
    statement, use = pair
    if use.start_byte <= statement.start_byte or _is_value(use):
        return
    between = [statement, *sx.statements_between(statement, use)]
    if any(sx.is_used(sx.bound_by(node), use) for node in between):
        return
    yield fix(
        "use-borrow-earlier",
        "Use the borrow before the conflicting statement",
        0.45,
        *sx.move_statement(conflict.source, use, before=statement),
    )


@rule(*_CONFLICTS)
def do_the_conflicting_first(context: Context) -> Iterator[Candidate]:
    """Move the conflicting statement in front of the `let` that borrows."""
    conflict = _conflict(context)
    pair = sx.in_common_block(conflict.begins, conflict.primary) if conflict else None
    if conflict is None or pair is None:
        return
    let, statement = pair
    between = sx.statements_between(let, statement)
    bound = set().union(*(sx.bound_by(node) for node in (let, *between)))
    if let == statement or not between or _is_value(statement) or sx.is_used(bound, statement):
        return
    yield fix(
        "conflict-first",
        "Move the conflicting statement before the borrow",
        0.3,
        *sx.move_statement(conflict.source, statement, before=let),
    )


@rule(*_CONFLICTS)
def keep_a_copy(context: Context) -> Iterator[Candidate]:
    """Bind a clone of what is borrowed, so that the borrow ends at once."""
    conflict = _conflict(context)
    if conflict is None:
        return
    source, begins = conflict.source, conflict.begins
    let = sx.enclosing(begins, "let_declaration", "block")
    if let is not None and let.type == "let_declaration":
        value = let.child_by_field_name("value")
        if value is not None and let.child_by_field_name("type") is None:
            yield from _copies(source, value)
    place = _place(begins)
    if place is not None:
        what = sx.text_of(place)
        yield fix("clone-borrowed", f"Borrow from a clone of `{what}`", 0.2, _clone(source, place))
    yield from _copy_in_loop(source, begins, conflict.primary)


def _copies(source: Source, value: Node) -> Iterator[Candidate]:
    if value.type == "reference_expression":
        inner = value.child_by_field_name("value")
        if inner is not None and not _is_mutable(value):
            what = sx.tight(inner)
            yield fix(
                "clone-value", f"Keep a clone of `{what}`", 0.4, sx.replace(source, value, f"{what}.clone()")
            )
            if inner.type == "index_expression":
                owned = sx.replace(source, value, f"{what}.to_owned()")
                yield fix("own-slice", f"Keep a copy of `{what}`", 0.38, owned)
        return
    if value.type not in ("call_expression", "field_expression", "index_expression"):
        return
    methods = [sx.text_of(n) for n in sx.descendants(value, "field_identifier")]
    if methods and methods[-1] in _OPTION_METHODS:
        yield fix("cloned", "Keep a clone of the element", 0.38, sx.after(source, value, ".cloned()"))
    yield fix("own-result", "Keep an owned copy of the result", 0.36, sx.after(source, value, ".to_owned()"))
    yield fix("clone-result", "Keep a clone of the result", 0.34, sx.after(source, value, ".clone()"))


def _copy_in_loop(source: Source, begins: Node, primary: Node) -> Iterator[Candidate]:
    """`for x in &v { v.push(..) }`: go over a copy of what the body changes."""
    loop = sx.enclosing(begins, "for_expression")
    value = loop.child_by_field_name("value") if loop is not None else None
    if loop is None or value is None or not (loop.start_byte <= primary.start_byte < loop.end_byte):
        return
    if not (value.start_byte <= begins.start_byte and begins.end_byte <= value.end_byte):
        return
    what = sx.text_of(value)
    if value.type == "reference_expression" and not _is_mutable(value):
        inner = value.child_by_field_name("value")
        copy = f"{sx.tight(inner)}.clone()" if inner is not None else what
        yield fix("loop-over-clone", f"Loop over a clone of `{what}`", 0.35, sx.replace(source, value, copy))
    elif value.type == "call_expression":
        text = f"{what}.cloned().collect::<Vec<_>>()"
        yield fix("loop-over-copies", f"Loop over copies of `{what}`", 0.35, sx.replace(source, value, text))


@rule("E0502", "E0503", "E0506", "E0505")
def copy_before_the_borrow(context: Context) -> Iterator[Candidate]:
    """Clone what the conflicting statement reads before the exclusive borrow begins, and read the clone."""
    conflict = _conflict(context)
    pair = sx.in_common_block(conflict.begins, conflict.primary) if conflict else None
    if conflict is None or pair is None or pair[0] == pair[1] or context.diagnostic.code == "E0506":
        return
    source, primary = conflict.source, conflict.primary
    place = _place(primary)
    if place is None or place.type != "identifier":
        return
    name = sx.text_of(place)
    copy = f"{name}_copy"
    yield fix(
        "copy-before",
        f"Clone `{name}` before it is borrowed",
        0.35,
        sx.line_before(source, pair[0], f"let {copy} = {name}.clone();"),
        sx.replace(source, place, copy),
    )


@rule(*_CONFLICTS)
def hoist_the_argument(context: Context) -> Iterator[Candidate]:
    """Compute the argument that needs the value before the call that borrows it."""
    conflict = _conflict(context)
    pair = sx.in_common_block(conflict.begins, conflict.primary) if conflict else None
    if conflict is None or pair is None:
        return
    source = conflict.source
    for inner, outer in ((conflict.primary, conflict.begins), (conflict.begins, conflict.primary)):
        argument = next((n for n in sx.ancestors(inner) if n.parent and n.parent.type == "arguments"), None)
        if argument is None or _inside(outer, argument):
            continue
        statement = sx.statement(argument)
        call = argument.parent.parent if argument.parent else None
        if statement is None or call is None or argument.type == "closure_expression":
            continue
        if not _inside(outer, call) and outer != call:
            continue
        name = _name_for(argument)
        line = sx.line_before(source, statement, f"let {name} = {sx.text_of(argument)};")
        yield fix(
            "hoist-argument",
            f"Compute `{sx.text_of(argument)}` before the call",
            0.5,
            line,
            sx.replace(source, argument, name),
        )
    index = sx.enclosing(conflict.primary, "index_expression") or sx.enclosing(
        conflict.begins, "index_expression"
    )
    if index is not None and len(index.named_children) == 2:
        inside, statement = index.named_children[1], sx.statement(index)
        if statement is not None and inside.type not in ("integer_literal", "identifier"):
            name = _name_for(inside) if inside.type == "call_expression" else "index"
            line = sx.line_before(source, statement, f"let {name} = {sx.text_of(inside)};")
            yield fix("hoist-index", "Compute the index first", 0.45, line, sx.replace(source, inside, name))


@rule("E0499", "E0502")
def share_both(context: Context) -> Iterator[Candidate]:
    """Where nothing is changed through them, two shared borrows do."""
    conflict = _conflict(context)
    if conflict is None:
        return
    edits = []
    for node in (conflict.begins, conflict.primary):
        if node.type == "reference_expression" and _is_mutable(node):
            inner = node.child_by_field_name("value")
            edits.append(sx.replace(conflict.source, node, f"&{sx.text_of(inner)}"))
    if edits:
        yield fix("share", "Borrow without `mut`: nothing is changed here", 0.25, *edits)


@rule("E0499", "E0502", "E0505", "E0506", "E0597", "E0716", "E0503")
def shorten_self_borrow(context: Context) -> Iterator[Candidate]:
    """`&'a mut self` keeps the value borrowed for as long as it lives; the method seldom needs that."""
    source = sx.source_of(context)
    if source is None:
        return
    called = {sx.text_of(n) for span in context.diagnostic.spans for n in _fields_at(source, span)}
    for method in sx.items(source, "function_item", "function_signature_item"):
        if sx.text_of(method.child_by_field_name("name")) not in called:
            continue
        for receiver in sx.descendants(method, "self_parameter"):
            lifetime = next((n for n in receiver.named_children if n.type == "lifetime"), None)
            if lifetime is not None and "mut" in sx.text_of(receiver):
                end = lifetime.end_byte + 1
                edit = Edit(source.path, lifetime.start_byte, end, b"")
                name = sx.text_of(method.child_by_field_name("name"))
                yield fix("short-self-borrow", f"Borrow `self` only for the call of `{name}`", 0.4, edit)


@rule("E0505", "E0382", "E0504")
def capture_by_reference(context: Context) -> Iterator[Candidate]:
    """A closure that only runs here need not `move` what it uses."""
    source = sx.source_of(context)
    if source is None:
        return
    for span in context.diagnostic.spans:
        closure = sx.enclosing(source.node_at(span.start, span.end), "closure_expression")
        if closure is None or not sx.text_of(closure).startswith("move"):
            continue
        end = closure.start_byte + len("move")
        while source.text[end : end + 1].isspace():
            end += 1
        edit = Edit(source.path, closure.start_byte, end, b"")
        yield fix("no-move", "Let the closure borrow: drop `move`", 0.4, edit)
        return


@rule("E0499", "E0502")
def split_the_output(context: Context) -> Iterator[Candidate]:
    """`println!("{a}, {b}")` needs both borrows at a time: print the first one earlier."""
    conflict = _conflict(context)
    pair = sx.in_common_block(conflict.primary, conflict.later) if conflict else None
    if conflict is None or pair is None or conflict.later is None:
        return
    second, use = pair
    outer = conflict.source.node_at(conflict.later.start_byte, conflict.later.end_byte)
    macro = sx.enclosing(outer, "macro_invocation")
    if macro is None or sx.text_of(macro.child_by_field_name("macro")) not in _FORMAT_MACROS:
        return
    new = sx.bound_by(second)
    parts = _format_arguments(macro)
    if not new or parts is None or sx.statement(macro) != use:
        return
    early = [part for part in parts if part not in new]
    late = [part for part in parts if part in new]
    if not early or not late:
        return
    name = sx.text_of(macro.child_by_field_name("macro"))
    source = conflict.source
    yield fix(
        "split-output",
        f"Print `{', '.join(early)}` before the next borrow begins",
        0.35,
        sx.line_before(source, second, _format_call(name, early)),
        sx.replace(source, macro, _format_call(name, late).removesuffix(";")),
    )


@rule("E0521")
def leave_the_type_to_inference(context: Context) -> Iterator[Candidate]:
    """A reference type written on a closure parameter means any lifetime; inference finds the right one."""
    source = sx.source_of(context)
    for span in context.diagnostic.spans:
        closure = sx.enclosing(sx.node_of(context, span), "closure_expression")
        parameters = closure.child_by_field_name("parameters") if closure is not None else None
        if source is None or parameters is None:
            continue
        edits = [
            sx.replace(source, parameter, sx.text_of(parameter.child_by_field_name("pattern")))
            for parameter in parameters.named_children
            if parameter.type == "parameter" and "&" in sx.text_of(parameter.child_by_field_name("type"))
        ]
        if edits:
            yield fix("infer-parameter", "Let the compiler infer the parameter's type", 0.5, *edits)
            return


@rule("E0492", "E0764")
def static_instead_of_const(context: Context) -> Iterator[Candidate]:
    """A constant that can change inside must be a `static` to be referred to."""
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None:
        return
    names = {sx.text_of(n) for n in sx.descendants(node, "identifier")}
    outer = sx.enclosing(node, "const_item")
    found = [i for i in sx.items(source, "const_item") if sx.text_of(i.child_by_field_name("name")) in names]
    edits = [_static(source, item) for item in found]
    if edits:
        outer_edit = _static(source, outer) if outer is not None else None
        yield fix("static", "Make it a `static`", 0.5, *edits, outer_edit)


@rule("E0510")
def assign_in_the_arm(context: Context) -> Iterator[Candidate]:
    """A guard must not change what is matched on: match a copy."""
    source, node = sx.source_of(context), sx.node_of(context)
    match = sx.enclosing(node, "match_expression")
    value = match.child_by_field_name("value") if match is not None else None
    if source is not None and value is not None:
        copy = f"{sx.tight(value)}.clone()"
        yield fix("match-copy", "Match on a copy", 0.3, sx.replace(source, value, copy))


def _conflict(context: Context) -> _Conflict | None:
    source, primary = sx.source_of(context), context.diagnostic.primary
    begins = next((s for s in sx.labelled(context.diagnostic, _BEGINS) if not s.is_primary), None)
    if source is None or primary is None or begins is None or begins.path != primary.path:
        return None
    later = _later(context.diagnostic)
    return _Conflict(
        source,
        _node(source, begins),
        _node(source, primary),
        _node(source, later) if later is not None and later.path == primary.path else None,
    )


def _later(diagnostic: Diagnostic) -> Span | None:
    return next((s for s in sx.labelled(diagnostic, _LATER) if not s.is_primary), None)


def _node(source: Source, span: Span) -> Node:
    return sx.expression_at(source, span.start, span.end) or source.node_at(span.start, span.end)


def _place(node: Node) -> Node | None:
    """What is borrowed: the operand of `&`, or the receiver that a method borrows by itself."""
    if node.type == "reference_expression":
        return node.child_by_field_name("value")
    if node.type in ("identifier", "field_expression", "index_expression", "self"):
        return node
    if node.type == "call_expression":
        function = node.child_by_field_name("function")
        if function is not None and function.type == "field_expression":
            return function.child_by_field_name("value")
    return None


def _clone(source: Source, place: Node) -> Edit:
    return sx.replace(source, place, f"{sx.tight(place)}.clone()")


def _is_mutable(reference: Node) -> bool:
    return any(child.type == "mutable_specifier" for child in reference.children)


def _is_value(statement: Node) -> bool:
    """Whether the statement is the value of its block (an output macro has none worth keeping)."""
    if statement.type in ("let_declaration", "expression_statement", "macro_invocation"):
        return False
    return statement.type not in sx.ITEMS


def _is_plain(let: Node) -> bool:
    """Whether the `let` only borrows; one that computes something would see the changed value."""
    value = let.child_by_field_name("value")
    inner = value.child_by_field_name("value") if value is not None else None
    return inner is not None and inner.type in ("identifier", "field_expression")


def _inside(inner: Node, outer: Node) -> bool:
    return outer.start_byte <= inner.start_byte and inner.end_byte <= outer.end_byte


def _name_for(argument: Node) -> str:
    """A name for the value: that of the method or field it comes from."""
    names = [sx.text_of(n) for n in sx.descendants(argument, "field_identifier", "identifier")]
    simple = [name for name in names if re.fullmatch(r"[a-z][a-z0-9_]*", name)]
    generic = {"clone", "unwrap", "iter", "get", "self", "as_ref", "to_string"}
    known = [name for name in simple if name not in generic]
    if argument.type == "call_expression" and known and known[-1] not in _identifiers(argument):
        return known[-1].removeprefix("get_")
    return "value"


def _identifiers(node: Node) -> set[str]:
    return {sx.text_of(n) for n in sx.descendants(node, "identifier")}


def _fields_at(source: Source, span: Span) -> Iterator[Node]:
    node = source.node_at(span.start, span.end)
    statement = sx.statement(node)
    if statement is not None:
        yield from sx.descendants(statement, "field_identifier")


def _format_arguments(macro: Node) -> list[str] | None:
    """The names that the output macro prints, in order; None if it is not a plain list of names."""
    text = sx.text_of(macro)
    match = re.fullmatch(r'\w+!\(\s*"((?:[^"\\]|\\.)*)"\s*((?:,\s*\w+\s*)*),?\s*\)', text, re.S)
    if match is None:
        return None
    holes = re.findall(r"\{(\w*)(?::[^}]*)?\}", match[1])
    listed = iter(re.findall(r"\w+", match[2]))
    try:
        return [hole or next(listed) for hole in holes]
    except StopIteration:
        return None


def _format_call(macro: str, names: list[str]) -> str:
    holes = ", ".join(f"{{{name}}}" for name in names)
    return f'{macro}!("{holes}");'


def _static(source: Source, item: Node) -> Edit:
    at = source.text.index(b"const", item.start_byte)
    return Edit(source.path, at, at + len(b"const"), b"static")
