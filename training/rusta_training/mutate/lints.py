"""What compiles, but the compiler warns of: unused, unreachable, needless, named against the convention."""

from collections.abc import Iterator

from .code import Code, Edit, after, before, indent_of, replace, statements
from .registry import Break, operator
from .words import camel, snake


@operator(2.0)
def unused_mut(code: Code) -> Iterator[Break]:
    """`let x` → `let mut x`."""
    for declaration in code.all("let_declaration"):
        pattern = declaration.child_by_field_name("pattern")
        if (
            pattern is not None
            and pattern.type == "identifier"
            and all(child.type != "mutable_specifier" for child in declaration.children)
        ):
            yield before(pattern, "mut ")


@operator(1.0)
def unused_variable(code: Code) -> Iterator[Break]:
    """`_x` → `x`, `_` → `rest`, where nobody uses it."""
    for pattern in code.all("identifier"):
        text = code.text(pattern)
        if (
            text.startswith("_")
            and len(text) > 1
            and code.parent_kind(pattern) in ("let_declaration", "parameter")
        ):
            yield Edit(pattern.start_byte, pattern.start_byte + 1, b"")
    for loop in code.all("for_expression"):
        item = loop.child_by_field_name("pattern")
        if item is not None and code.text(item) == "_":
            yield replace(item, "i")


@operator(1.0)
def unused_import(code: Code) -> Iterator[Break]:
    """A `use` that nobody needs."""
    names = (
        "std::collections::BTreeSet",
        "std::fmt::Write as _W",
        "std::cell::Cell",
        "std::rc::Weak",
        "std::path::Path",
    )
    for declaration in code.all("use_declaration"):
        yield before(
            declaration, f"use {names[code.luck(declaration) % len(names)]};\n{indent_of(code, declaration)}"
        )


@operator(1.5)
def unreachable_statement(code: Code) -> Iterator[Break]:
    """A statement stands behind `return`, `break` or `panic!`."""
    for jump in code.all("return_expression", "break_expression", "continue_expression"):
        statement = code.parent(jump)
        if statement.type == "expression_statement":
            yield after(statement, f'\n{indent_of(code, statement)}println!("done");')


@operator(2.0)
def result_ignored(code: Code) -> Iterator[Break]:
    """`f().unwrap();` and `let _ = f();` → `f();`: a result that must be used is not."""
    for call in code.method_calls("unwrap", "expect"):
        if code.parent_kind(call.node) == "expression_statement":
            yield Edit(call.receiver.end_byte, call.node.end_byte, b"")
    for declaration in code.all("let_declaration"):
        pattern, value = declaration.child_by_field_name("pattern"), declaration.child_by_field_name("value")
        if (
            pattern is not None
            and value is not None
            and value.type == "call_expression"
            and code.text(pattern).startswith("_")
        ):
            yield Edit(declaration.start_byte, value.start_byte, b"")


@operator(1.0)
def needless_parentheses(code: Code) -> Iterator[Break]:
    """`if c` → `if (c)`."""
    for around in code.all("if_expression", "while_expression"):
        test = around.child_by_field_name("condition")
        if test is not None and test.type not in ("let_condition", "let_chain", "parenthesized_expression"):
            yield before(test, "("), after(test, ")")
    for declaration in code.all("let_declaration"):
        value = declaration.child_by_field_name("value")
        if value is not None and value.type == "binary_expression":
            yield before(value, "("), after(value, ")")


@operator(1.0)
def needless_semicolon(code: Code) -> Iterator[Break]:
    """`f();` → `f();;`."""
    for statement in code.all("let_declaration", "expression_statement"):
        if code.text(statement).endswith(";"):
            yield after(statement, ";")


@operator(1.5)
def name_against_convention(code: Code) -> Iterator[Break]:
    """`my_value` → `myValue`, `Point` → `point_`, `MAX` → `max`, everywhere."""
    for item in code.all(
        "let_declaration", "function_item", "const_item", "static_item", "struct_item", "enum_item"
    ):
        name = item.child_by_field_name("name") or item.child_by_field_name("pattern")
        if name is None or name.type not in ("identifier", "type_identifier") or code.text(name) == "main":
            continue
        text = code.text(name)
        if item.type in ("struct_item", "enum_item"):
            wrong = snake(text) if "_" not in text else text
        elif item.type in ("const_item", "static_item"):
            wrong = text.lower()
        else:
            wrong = (
                camel(text)
                if "_" in text.strip("_")
                else text.capitalize()
                if code.luck(name) % 4 == 0
                else text
            )
        places = [node for node in code.all("identifier", "type_identifier") if code.text(node) == text]
        if wrong != text and len(places) <= 4:
            yield tuple(replace(node, wrong) for node in places)


@operator(1.0)
def needless_unsafe(code: Code) -> Iterator[Break]:
    """`f();` → `unsafe { f(); }` though f is safe."""
    for statement in code.all("expression_statement"):
        if (
            code.luck(statement) % 3 == 0
            and statement.end_byte - statement.start_byte < 80
            and code.text(statement).endswith(";")
        ):
            yield before(statement, "unsafe { "), after(statement, " }")


@operator(1.5)
def unreachable_arm(code: Code) -> Iterator[Break]:
    """An arm for everything, or one that was there before, stands above others."""
    for body in code.all("match_block"):
        arms = [arm for arm in body.named_children if arm.type == "match_arm"]
        if len(arms) > 1 and code.text(arms[-1]).startswith("_ =>"):
            text = code.text(arms[-1])
            first = arms[0]
            yield before(first, f"{text}{'' if text.endswith((',', '}')) else ','}\n{indent_of(code, first)}")
        if arms and arms[0].end_byte - arms[0].start_byte < 80:
            text = code.text(arms[0])
            yield after(
                arms[0], f"{'' if text.endswith((',', '}')) else ','}\n{indent_of(code, arms[0])}{text}"
            )


@operator(1.0)
def value_overwritten(code: Code) -> Iterator[Break]:
    """A variable is assigned twice before anybody reads it."""
    for assignment in code.all("assignment_expression"):
        statement, left = code.parent(assignment), assignment.child_by_field_name("left")
        if statement.type == "expression_statement" and left is not None and left.type == "identifier":
            yield after(statement, f"\n{indent_of(code, statement)}{code.text(statement)}")
    for block in code.all("block"):
        inside = statements(block)
        if inside and inside[-1].type == "expression_statement":
            inner = inside[-1].named_children[0] if inside[-1].named_children else None
            if inner is not None and inner.type == "compound_assignment_expr":
                left = inner.child_by_field_name("left")
                if left is not None and left.type == "identifier":
                    right = code.text(inner.child_by_field_name("right"))
                    yield after(inside[-1], f"\n{indent_of(code, inside[-1])}{code.text(left)} = {right};")


@operator(1.0)
def comparison_useless(code: Code) -> Iterator[Break]:
    """`x > 0` → `x >= 0` for what is never negative; a literal too big for its type."""
    for expression in code.all("binary_expression"):
        middle, right = expression.child_by_field_name("operator"), expression.child_by_field_name("right")
        if (
            middle is not None
            and right is not None
            and middle.type in (">", "!=")
            and code.text(right) == "0"
        ):
            yield replace(middle, ">=")
    for literal in code.all("integer_literal"):
        text = code.text(literal)
        if text.endswith(("u8", "i8")):
            yield Edit(literal.start_byte, literal.end_byte, b"300" + text[-2:].encode())
        elif text == "255":
            yield replace(literal, "256")


@operator(1.0)
def loop_while_true(code: Code) -> Iterator[Break]:
    """`loop` → `while true`; a label that nobody uses."""
    for loop in code.all("loop_expression", "for_expression", "while_expression"):
        if loop.children[0].type == "loop":
            yield replace(loop.children[0], "while true")
        if loop.children[0].type != "label":
            yield before(loop, "'unused: ")
