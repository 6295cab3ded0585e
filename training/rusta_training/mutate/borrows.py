"""Borrows that are too strong, too weak or too long: E0499, E0502, E0506, E0596, E0597, E0716."""

from collections.abc import Iterator
from itertools import pairwise

from tree_sitter import Node

from .code import Code, Edit, after, before, delete, indent_of, replace, statements, without_line
from .registry import Break, operator

_MUTABLE_TWIN = {
    "iter_mut": "iter",
    "get_mut": "get",
    "as_mut": "as_ref",
    "values_mut": "values",
    "last_mut": "last",
    "first_mut": "first",
    "borrow_mut": "borrow",
    "chunks_mut": "chunks",
    "as_mut_slice": "as_slice",
    "as_mut_ptr": "as_ptr",
    "deref_mut": "deref",
    "split_at_mut": "split_at",
    "peek_mut": "peek",
    "write": "read",
    "as_deref_mut": "as_deref",
    "by_ref": "iter",
}
_CHANGING = (
    *("push", "pop", "insert", "remove", "clear", "extend", "sort", "append", "truncate", "swap", "retain"),
    *("drain", "resize", "set", "reverse", "fill", "write", "next", "add", "reserve", "dedup"),
)
_SHARED_TWIN = {shared: mutable for mutable, shared in _MUTABLE_TWIN.items() if mutable != "by_ref"}


def _without_mut(code: Code, around: Node) -> Iterator[Edit]:
    for token in around.children:
        if token.type == "mutable_specifier" and (following := code.next(token)):
            yield Edit(token.start_byte, following.start_byte, b"")


@operator(7.0)
def mut_forgotten(code: Code) -> Iterator[Break]:
    """`let mut x` → `let x`."""
    for declaration in code.all("let_declaration"):
        yield from _without_mut(code, declaration)
    for pattern in code.all("mut_pattern"):
        yield from _without_mut(code, pattern)


@operator(3.0)
def mut_parameter_forgotten(code: Code) -> Iterator[Break]:
    """`fn f(mut x: T)` → `fn f(x: T)`, `mut self` → `self`."""
    for parameter in code.all("parameter", "self_parameter"):
        if parameter.children[0].type == "mutable_specifier":
            yield from _without_mut(code, parameter)


@operator(5.0)
def shared_instead_of_mutable(code: Code) -> Iterator[Break]:
    """`&mut x` → `&x`."""
    for reference in code.all("reference_expression"):
        yield from _without_mut(code, reference)


@operator(5.0)
def mutable_instead_of_shared(code: Code) -> Iterator[Break]:
    """`&x` → `&mut x`."""
    for reference in code.all("reference_expression"):
        value = reference.child_by_field_name("value")
        if value is not None and all(token.type != "mutable_specifier" for token in reference.children):
            yield before(value, "mut ")


@operator(5.0)
def self_not_mutable(code: Code) -> Iterator[Break]:
    """`&mut self` → `&self`."""
    for parameter in code.all("self_parameter"):
        if parameter.children[0].type == "&":
            yield from _without_mut(code, parameter)


@operator(4.0)
def reference_type_not_mutable(code: Code) -> Iterator[Break]:
    """`x: &mut T` → `x: &T`."""
    for reference in code.all("reference_type"):
        yield from _without_mut(code, reference)


@operator(2.0)
def reference_type_mutable(code: Code) -> Iterator[Break]:
    """`x: &T` → `x: &mut T`."""
    for reference in code.all("reference_type"):
        inner = reference.child_by_field_name("type")
        if inner is not None and all(token.type != "mutable_specifier" for token in reference.children):
            yield before(inner, "mut ")


@operator(4.0)
def shared_method(code: Code) -> Iterator[Break]:
    """`.iter_mut()` → `.iter()`, and other such twins."""
    for call in code.method_calls(*_MUTABLE_TWIN):
        yield replace(call.name, _MUTABLE_TWIN[code.text(call.name)])


@operator(2.0)
def mutable_method(code: Code) -> Iterator[Break]:
    """`.iter()` → `.iter_mut()`, and other such twins."""
    for call in code.method_calls(*_SHARED_TWIN):
        yield replace(call.name, _SHARED_TWIN[code.text(call.name)])


@operator(8.0)
def statements_swapped(code: Code) -> Iterator[Break]:
    """Two neighbouring statements change places."""
    for block in code.all("block"):
        inside = statements(block)
        for first, second in pairwise(inside):
            if _swappable(code, first) and _swappable(code, second):
                yield Edit(
                    first.start_byte,
                    second.end_byte,
                    code.source[second.start_byte : second.end_byte]
                    + code.source[first.end_byte : second.start_byte]
                    + code.source[first.start_byte : first.end_byte],
                )


def _swappable(code: Code, statement: Node) -> bool:
    if statement.type not in ("let_declaration", "expression_statement"):
        return False
    return statement.end_byte - statement.start_byte < 160 and code.text(statement).endswith(";")


@operator(12.0)
def held_too_long(code: Code) -> Iterator[Break]:
    """A borrow is used once more after the statement that conflicts with it.

    The last use of `let r = &mut x;` (or `x.iter()`, …) moves below the statement that follows it.
    """
    for block in code.all("block"):
        inside = statements(block)
        for place, holder in enumerate(inside):
            pattern = holder.child_by_field_name("pattern") if holder.type == "let_declaration" else None
            if (
                pattern is None
                or pattern.type != "identifier"
                or "&" not in code.text(holder) + _borrowing(code, holder)
            ):
                continue
            name = code.text(pattern)
            users = [at for at in range(place + 1, len(inside)) if _mentions(code, inside[at], name)]
            if not users or users[-1] + 1 >= len(inside):
                continue
            last, following = inside[users[-1]], inside[users[-1] + 1]
            use = f"drop({name});" if code.luck(holder) % 3 == 0 else f'println!("{{:?}}", {name});'
            indent = indent_of(code, following)
            if _swappable(code, following):
                yield after(following, f"\n{indent}{use}")
                if _swappable(code, last) and last.type == "expression_statement":
                    yield Edit(
                        last.start_byte,
                        following.end_byte,
                        code.source[following.start_byte : following.end_byte]
                        + code.source[last.end_byte : following.start_byte]
                        + code.source[last.start_byte : last.end_byte],
                    )


def _borrowing(code: Code, holder: Node) -> str:
    value = code.text(holder.child_by_field_name("value"))
    likely = (
        ".iter",
        ".get",
        ".first",
        ".last",
        ".as_",
        ".borrow",
        ".lock",
        ".entry",
        ".chars",
        ".split",
        ".lines",
    )
    return "&" if any(part in value for part in likely) else ""


def _mentions(code: Code, statement: Node, name: str) -> bool:
    return any(statement.start_byte <= use.start_byte < statement.end_byte for use in code.uses.get(name, ()))


@operator(10.0)
def borrowed_across(code: Code) -> Iterator[Break]:
    """A reference is made before a statement that changes the value, and used after it."""
    for statement in code.all("expression_statement"):
        name = _changed_variable(code, statement)
        if name is None or statement.end_byte - statement.start_byte > 120:
            continue
        indent = indent_of(code, statement)
        kind = code.luck(statement) % 4
        reference = "&mut " if kind == 1 else "&"
        held = ("first", "held", "before", "r")[code.luck(statement, "name") % 4]
        use = (f'println!("{{:?}}", {held});', f"drop({held});", f"let _ = *{held};")[
            code.luck(statement, "use") % 3
        ]
        yield (
            before(statement, f"let {held} = {reference}{name};\n{indent}"),
            after(statement, f"\n{indent}{use}"),
        )


def _changed_variable(code: Code, statement: Node) -> str | None:
    expression = statement.named_children[0] if statement.named_children else None
    if expression is None:
        return None
    if expression.type in ("assignment_expression", "compound_assignment_expr"):
        left = expression.child_by_field_name("left")
        while left is not None and left.type in ("field_expression", "index_expression"):
            left = left.named_children[0]
        return code.text(left) if left is not None and left.type == "identifier" else None
    if expression.type == "call_expression":
        function = expression.child_by_field_name("function")
        if function is not None and function.type == "field_expression":
            receiver = function.child_by_field_name("value")
            changing = code.text(function.child_by_field_name("field")).startswith(_CHANGING)
            if receiver is not None and receiver.type == "identifier" and changing:
                return code.text(receiver)
        for argument in code.all("reference_expression"):
            if statement.start_byte <= argument.start_byte < statement.end_byte:
                value = argument.child_by_field_name("value")
                if value is not None and value.type == "identifier" and "&mut" in code.text(argument):
                    return code.text(value)
    return None


@operator(4.0)
def borrowed_twice(code: Code) -> Iterator[Break]:
    """`let r = &mut x;` gets a twin on the line below."""
    for declaration in code.all("let_declaration"):
        pattern, value = declaration.child_by_field_name("pattern"), declaration.child_by_field_name("value")
        if pattern is None or value is None or pattern.type != "identifier":
            continue
        if (
            value.type == "reference_expression"
            or ".iter_mut()" in code.text(value)
            or ".get_mut(" in code.text(value)
        ):
            twin = f"let {code.text(pattern)}2 = {code.text(value)};"
            yield after(declaration, f"\n{indent_of(code, declaration)}{twin}")
            yield before(declaration, f"{twin}\n{indent_of(code, declaration)}")


@operator(10.0)
def scope_too_narrow(code: Code) -> Iterator[Break]:
    """`let x = …; let r = f(&x);` → `let r = { let x = …; f(&x) };`: x is gone while r is used."""
    for block in code.all("block"):
        inside = statements(block)
        for owner, user in pairwise(inside):
            if owner.type != "let_declaration" or user.type != "let_declaration":
                continue
            owned, value = owner.child_by_field_name("pattern"), user.child_by_field_name("value")
            if (
                owned is None
                or value is None
                or owned.type != "identifier"
                or owner.child_by_field_name("value") is None
            ):
                continue
            if not _mentions(code, value, code.text(owned)):
                continue
            outer = indent_of(code, owner)
            inner = outer + "    "
            between = code.source[user.start_byte : value.start_byte].decode()
            yield Edit(
                owner.start_byte,
                user.end_byte,
                f"{between}{{\n{inner}{code.text(owner)}\n{inner}{code.text(value)}\n{outer}}};".encode(),
            )


@operator(6.0)
def temporary_dropped(code: Code) -> Iterator[Break]:
    """A variable that is only borrowed once is written in place: `let r = make().as_str();`."""
    for block in code.all("block"):
        inside = statements(block)
        for owner, user in pairwise(inside):
            if owner.type != "let_declaration" or user.type != "let_declaration":
                continue
            owned, value = owner.child_by_field_name("pattern"), owner.child_by_field_name("value")
            target = user.child_by_field_name("value")
            if owned is None or value is None or target is None or owned.type != "identifier":
                continue
            uses = [use for use in code.uses.get(code.text(owned), ()) if use.id != owned.id]
            if len(uses) == 1 and target.start_byte <= uses[0].start_byte < target.end_byte:
                yield without_line(code, owner), replace(uses[0], code.text(value))


@operator(3.0)
def block_unwrapped(code: Code) -> Iterator[Break]:
    """An inner block that ended a borrow loses its braces."""
    for block in code.all("block"):
        around = code.parent(block)
        if (
            around.type in ("block", "expression_statement")
            and block.child_count > 2
            and "\n" in code.text(block)
        ):
            yield delete(block.children[0]), delete(block.children[-1])


@operator(6.0)
def reference_to_local_returned(code: Code) -> Iterator[Break]:
    """The value at the end of a function is returned by reference."""
    for function in code.all("function_item"):
        body, result = function.child_by_field_name("body"), function.child_by_field_name("return_type")
        if body is None or result is None or not (inside := statements(body)):
            continue
        tail = inside[-1]
        if (
            tail.type in ("identifier", "call_expression", "field_expression")
            and result.type != "reference_type"
        ):
            borrowed = {"String": "&str"}.get(code.text(result), "&" + code.text(result))
            lifetime = "&'static " + borrowed[1:]
            yield replace(result, lifetime), before(tail, "&")
            if code.luck(function) % 2:
                yield before(result, "&"), before(tail, "&")


@operator(3.0)
def borrowed_view_returned(code: Code) -> Iterator[Break]:
    """`.to_string()` and the like become a view of the local value: `.as_str()`, `.as_slice()`."""
    for call in code.method_calls("to_string", "to_vec", "collect", "clone", "into_bytes", "to_owned"):
        view = {"to_vec": "as_slice", "into_bytes": "as_bytes"}.get(code.text(call.name), "as_str")
        yield Edit(call.name.start_byte, call.node.end_byte, f"{view}()".encode())


@operator(3.0)
def assigned_while_borrowed(code: Code) -> Iterator[Break]:
    """`x = …;` stands between a reference to x and its use."""
    for declaration in code.all("let_declaration"):
        value = declaration.child_by_field_name("value")
        if value is None or value.type != "reference_expression" or declaration.child_by_field_name("type"):
            continue
        inner = value.child_by_field_name("value")
        if inner is None or inner.type != "identifier":
            continue
        name = code.text(inner)
        for first in code.all("let_declaration"):
            pattern, start = first.child_by_field_name("pattern"), first.child_by_field_name("value")
            if (
                pattern is None
                or start is None
                or code.text(pattern) != name
                or first.start_byte > declaration.start_byte
            ):
                continue
            if start.end_byte - start.start_byte < 40:
                yield after(declaration, f"\n{indent_of(code, declaration)}{name} = {code.text(start)};")
