"""Values that are moved, copied, cloned or not yet there: E0381, E0382, E0505, E0507."""

from collections.abc import Iterator

from tree_sitter import Node

from .code import Code, Edit, after, before, delete, indent_of, replace, statements, without_line
from .registry import Break, operator


def _method_gone(code: Code, *names: str) -> Iterator[Edit]:
    for call in code.method_calls(*names):
        yield Edit(call.receiver.end_byte, call.node.end_byte, b"")


@operator(6.0)
def clone_forgotten(code: Code) -> Iterator[Break]:
    """`x.clone()` → `x`."""
    yield from _method_gone(code, "clone", "to_owned", "cloned", "copied", "to_vec")


@operator(2.0)
def shared_clone_forgotten(code: Code) -> Iterator[Break]:
    """`Rc::clone(&x)` → `x`."""
    for call in code.calls("Rc::clone", "Arc::clone"):
        inner = call.arguments.named_children
        if inner and inner[0].type == "reference_expression" and inner[0].child_by_field_name("value"):
            yield replace(call.node, code.text(inner[0].child_by_field_name("value")))


@operator(5.0)
def borrow_forgotten(code: Code) -> Iterator[Break]:
    """`f(&x)` → `f(x)`."""
    for reference in code.all("reference_expression"):
        value = reference.child_by_field_name("value")
        if value is not None:
            yield Edit(reference.start_byte, value.start_byte, b"")


@operator(6.0)
def moved_before(code: Code) -> Iterator[Break]:
    """A variable is given away on the line before its last use."""
    for block in code.all("block"):
        names: set[str] = set()
        for statement in statements(block):
            text = code.text(statement)
            if statement.type == "let_declaration":
                pattern, value = (
                    statement.child_by_field_name("pattern"),
                    statement.child_by_field_name("value"),
                )
                if pattern is not None and pattern.type == "identifier" and value is not None:
                    names.add(code.text(pattern))
                    continue
            for name in sorted(names):
                uses = [use for use in code.uses.get(name, ()) if _within(use, statement)]
                if uses and len(text) < 200:
                    indent = indent_of(code, statement)
                    form = (f"drop({name});", f"let moved = {name};", f"let {name[0]}2 = {name};")
                    yield before(statement, form[code.luck(statement, name) % 3] + "\n" + indent)


def _within(inner: Node, outer: Node) -> bool:
    return outer.start_byte <= inner.start_byte and inner.end_byte <= outer.end_byte


@operator(3.0)
def loop_consumes(code: Code) -> Iterator[Break]:
    """`for x in &v` and `for x in v.iter()` → `for x in v`."""
    for loop in code.all("for_expression"):
        value = loop.child_by_field_name("value")
        if value is None:
            continue
        if value.type == "reference_expression" and (inner := value.child_by_field_name("value")):
            yield replace(value, code.text(inner))
        for call in code.method_calls("iter", "iter_mut"):
            if call.node.id == value.id:
                yield replace(value, code.text(call.receiver))


@operator(3.0)
def iter_consumes(code: Code) -> Iterator[Break]:
    """`.iter()` ↔ `.into_iter()`, `.drain(..)` for `.iter_mut()`."""
    for call in code.method_calls("iter", "into_iter", "iter_mut"):
        wrong = {"iter": "into_iter", "into_iter": "iter", "iter_mut": "into_iter"}[code.text(call.name)]
        yield replace(call.name, wrong)


@operator(4.0)
def closure_move_forgotten(code: Code) -> Iterator[Break]:
    """`move || …` → `|| …`."""
    for closure in code.all("closure_expression", "async_block"):
        for token in closure.children:
            if token.type == "move" and (following := code.next(token)):
                yield Edit(token.start_byte, following.start_byte, b"")


@operator(2.0)
def closure_moves(code: Code) -> Iterator[Break]:
    """`|| …` → `move || …`."""
    for closure in code.all("closure_expression"):
        if all(token.type != "move" for token in closure.children):
            yield before(closure, "move ")


@operator(3.0)
def self_by_value(code: Code) -> Iterator[Break]:
    """`&self` and `&mut self` → `self`."""
    for parameter in code.all("self_parameter"):
        if parameter.child_count > 1 and parameter.children[0].type == "&":
            yield replace(parameter, "self")


@operator(2.0)
def borrowing_view_forgotten(code: Code) -> Iterator[Break]:
    """`x.as_ref()` → `x`, where it kept the value in place."""
    yield from _method_gone(
        code, "as_ref", "as_mut", "as_deref", "as_deref_mut", "as_slice", "borrow", "borrow_mut"
    )


@operator(2.0)
def take_forgotten(code: Code) -> Iterator[Break]:
    """`self.x.take()` → `self.x`, `mem::take(&mut x)` → `x`, `mem::replace(&mut x, y)` → `x`."""
    yield from _method_gone(code, "take", "replace", "drain")
    for call in code.calls("mem::take", "mem::replace", "std::mem::take", "std::mem::replace", "mem::swap"):
        inner = call.arguments.named_children
        if (
            inner
            and inner[0].type == "reference_expression"
            and (value := inner[0].child_by_field_name("value"))
        ):
            yield replace(call.node, code.text(value))


@operator(2.0)
def matched_by_value(code: Code) -> Iterator[Break]:
    """`match &x` → `match x`, and the same for `if let` and `let`."""
    for node in code.all("match_expression", "let_condition", "let_declaration"):
        value = node.child_by_field_name("value")
        if value is not None and value.type == "reference_expression":
            yield replace(value, code.text(value.child_by_field_name("value")))


@operator(3.0)
def ref_pattern_forgotten(code: Code) -> Iterator[Break]:
    """`Some(ref x)` → `Some(x)`."""
    for pattern in code.all("ref_pattern"):
        token = pattern.children[0]
        if following := code.next(token):
            yield Edit(token.start_byte, following.start_byte, b"")
    for field in code.all("field_pattern"):
        token = field.children[0]
        if token.type == "ref" and (following := code.next(token)):
            yield Edit(token.start_byte, following.start_byte, b"")


@operator(3.0)
def initial_value_forgotten(code: Code) -> Iterator[Break]:
    """`let mut n = 0;` → `let mut n;`."""
    for declaration in code.all("let_declaration"):
        value, pattern = declaration.child_by_field_name("value"), declaration.child_by_field_name("pattern")
        if value is not None and pattern is not None and pattern.type == "identifier":
            known = declaration.child_by_field_name("type") or pattern
            kind = code.text(value)
            annotated = declaration.child_by_field_name("type") is not None
            guess = "" if annotated else ": i32" if kind.isdigit() else ": String" if "String" in kind else ""
            yield Edit(known.end_byte, value.end_byte, guess.encode())


@operator(2.0)
def assigned_in_one_branch(code: Code) -> Iterator[Break]:
    """The assignment to a variable in one branch is gone."""
    for assignment in code.all("assignment_expression"):
        statement = code.parent(assignment)
        if statement.type == "expression_statement":
            yield without_line(code, statement)


@operator(2.0)
def used_after_call(code: Code) -> Iterator[Break]:
    """A method that consumes its receiver is called once more, on the next line."""
    for call in code.method_calls(
        "into_iter", "unwrap", "into_boxed_slice", "join", "into_bytes", "into_inner"
    ):
        statement = code.parent(call.node)
        if call.receiver.type == "identifier" and statement.type in (
            "let_declaration",
            "expression_statement",
        ):
            indent = indent_of(code, statement)
            yield after(statement, f"\n{indent}let again = {code.text(call.node)};")


@operator(2.0)
def deref_moves(code: Code) -> Iterator[Break]:
    """`&*x` → `*x`, `&x.field` → `x.field`, `&x[i]` → `x[i]`."""
    for reference in code.all("reference_expression"):
        value = reference.child_by_field_name("value")
        if value is not None and value.type in ("unary_expression", "field_expression", "index_expression"):
            yield Edit(reference.start_byte, value.start_byte, b"")


@operator(1.0)
def drop_forgotten(code: Code) -> Iterator[Break]:
    """`drop(guard);` is gone."""
    for call in code.calls("drop", "mem::drop", "std::mem::drop"):
        statement = code.parent(call.node)
        if statement.type == "expression_statement":
            yield without_line(code, statement)


@operator(1.0)
def moved_into_array(code: Code) -> Iterator[Break]:
    """`[&a, &b]` → `[a, b]`."""
    for array in code.all("array_expression"):
        inner = [child for child in array.named_children if child.type == "reference_expression"]
        if inner and len(inner) == len(array.named_children):
            yield tuple(delete(child.children[0]) for child in inner)
