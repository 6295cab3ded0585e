"""Statements, results and conditions: E0308, E0317, E0069, E0133, E0267, E0268, E0282, E0015."""

from collections.abc import Iterator

from .code import Code, Edit, after, before, delete, elements, indent_of, replace, statements, without_line
from .registry import Break, operator


@operator(7.0)
def semicolon_at_end(code: Code) -> Iterator[Break]:
    """The value at the end of a block gets a `;`."""
    for block in code.all("block"):
        inside = statements(block)
        if (
            inside
            and inside[-1].type not in ("expression_statement", "let_declaration", "empty_statement")
            and not inside[-1].type.endswith("_item")
        ):
            yield after(inside[-1], ";")


@operator(5.0)
def result_type_forgotten(code: Code) -> Iterator[Break]:
    """`fn f() -> T` → `fn f()`."""
    for function in code.all("function_item", "function_signature_item"):
        parameters, result = (
            function.child_by_field_name("parameters"),
            function.child_by_field_name("return_type"),
        )
        if parameters is not None and result is not None:
            yield Edit(parameters.end_byte, result.end_byte, b"")


@operator(2.0)
def result_type_added(code: Code) -> Iterator[Break]:
    """A function that gives nothing back is declared to."""
    forms = ("i32", "String", "bool", "Option<i32>", "Result<(), String>", "usize", "&str", "Self")
    for function in code.all("function_item"):
        parameters = function.child_by_field_name("parameters")
        if (
            parameters is not None
            and function.child_by_field_name("return_type") is None
            and code.text(function.child_by_field_name("name")) != "main"
        ):
            yield after(parameters, f" -> {forms[code.luck(function) % len(forms)]}")


@operator(4.0)
def value_at_end_forgotten(code: Code) -> Iterator[Break]:
    """The value at the end of a block is gone."""
    for block in code.all("block"):
        inside = statements(block)
        if (
            inside
            and inside[-1].type not in ("expression_statement", "let_declaration", "empty_statement")
            and inside[-1].end_byte - inside[-1].start_byte < 120
        ):
            yield without_line(code, inside[-1])


@operator(4.0)
def return_forgotten(code: Code) -> Iterator[Break]:
    """`return x;` → `x;`, `x`, `return;`."""
    for statement in code.all("return_expression"):
        if statement.named_children:
            value = statement.named_children[0]
            yield Edit(statement.start_byte, value.start_byte, b"")
            yield Edit(statement.children[0].end_byte, value.end_byte, b"")


@operator(3.0)
def early_value(code: Code) -> Iterator[Break]:
    """`if c { return x; }` → `if c { x }`."""
    for statement in code.all("expression_statement"):
        inner = statement.named_children[0] if statement.named_children else None
        if inner is not None and inner.type == "return_expression" and inner.named_children:
            yield replace(statement, code.text(inner.named_children[0]))


@operator(6.0)
def else_forgotten(code: Code) -> Iterator[Break]:
    """An `if` that gives a value has no `else`."""
    for condition in code.all("if_expression"):
        body, other = (
            condition.child_by_field_name("consequence"),
            condition.child_by_field_name("alternative"),
        )
        if body is not None and other is not None and other.end_byte - other.start_byte < 250:
            yield Edit(body.end_byte, other.end_byte, b"")


@operator(3.0)
def branch_of_other_type(code: Code) -> Iterator[Break]:
    """One branch of an `if` or `match` gives another type."""
    forms = ('"none"', "0", "None", "()", "String::new()", "true", "-1")
    places = [(block, statements(block)) for block in code.all("block")]
    for block, inside in places:
        if code.parent_kind(block) in ("if_expression", "else_clause") and inside:
            tail = inside[-1]
            if (
                tail.type not in ("expression_statement", "let_declaration")
                and tail.end_byte - tail.start_byte < 80
            ):
                yield replace(tail, forms[code.luck(tail) % len(forms)])
    for arm in code.all("match_arm"):
        value = arm.child_by_field_name("value")
        if value is not None and value.end_byte - value.start_byte < 60 and value.type != "block":
            yield replace(value, forms[code.luck(value) % len(forms)])


@operator(4.0)
def assignment_as_condition(code: Code) -> Iterator[Break]:
    """`if a == b` → `if a = b`."""
    for expression in code.all("binary_expression"):
        middle = expression.child_by_field_name("operator")
        if middle is not None and middle.type == "==":
            yield replace(middle, "=")


@operator(2.0)
def comparison_as_assignment(code: Code) -> Iterator[Break]:
    """`a = b;` → `a == b;`, `a += b` → `a =+ b`, `a + b`."""
    for assignment in code.all("assignment_expression"):
        for token in assignment.children:
            if token.type == "=":
                yield replace(token, "==")
    for assignment in code.all("compound_assignment_expr"):
        middle = assignment.child_by_field_name("operator")
        if middle is not None:
            yield replace(middle, "=" + middle.type[0])


@operator(4.0)
def condition_not_bool(code: Code) -> Iterator[Break]:
    """`if x > 0` → `if x`, `if x.is_some()` → `if x`, `while n != 0` → `while n`."""
    for around in code.all("if_expression", "while_expression", "match_pattern"):
        test = around.child_by_field_name("condition")
        if test is None:
            continue
        if test.type == "binary_expression" and (left := test.child_by_field_name("left")):
            yield replace(test, code.text(left))
        elif test.type == "call_expression":
            function = test.child_by_field_name("function")
            if function is not None and function.type == "field_expression":
                yield replace(test, code.text(function.child_by_field_name("value")))


@operator(2.0)
def value_of_loop(code: Code) -> Iterator[Break]:
    """`break x` in a `for` or `while`, `loop` → `while true`."""
    for loop in code.all("loop_expression"):
        for token in loop.children:
            if token.type == "loop":
                yield replace(token, "while true")
    for jump in code.all("break_expression"):
        if jump.child_count == 1:
            yield after(jump, " 1")
        elif jump.named_children and jump.named_children[-1].type != "label":
            yield Edit(jump.children[0].end_byte, jump.end_byte, b"")


@operator(2.0)
def jump_outside(code: Code) -> Iterator[Break]:
    """`break` or `continue` stands where there is no loop; a `return` where a value is wanted."""
    for condition in code.all("if_expression"):
        body = condition.child_by_field_name("consequence")
        if (
            body is not None
            and code.inside(condition, "for_expression", "while_expression", "loop_expression") is None
        ):
            indent = indent_of(code, body)
            yield after(body.children[0], f"\n{indent}    {'break' if code.luck(body) % 2 else 'continue'};")


@operator(2.0)
def label_wrong(code: Code) -> Iterator[Break]:
    """`break 'outer` where the label is another or not declared."""
    for label in code.all("label"):
        around = code.parent(label)
        text = code.text(label)
        if around.type in ("break_expression", "continue_expression"):
            yield replace(label, text + "s" if code.luck(label) % 2 else "'loop_")
        else:
            following = code.next(label)
            if following is not None and following.type == ":":
                rest = code.next(following)
                if rest is not None:
                    yield Edit(label.start_byte, rest.start_byte, b"")


@operator(5.0)
def unsafe_forgotten(code: Code) -> Iterator[Break]:
    """`unsafe { f() }` → `{ f() }`, `f()`."""
    for block in code.all("unsafe_block"):
        inner = block.named_children[0] if block.named_children else None
        if inner is None:
            continue
        yield Edit(block.start_byte, inner.start_byte, b"")
        values = statements(inner)
        if len(values) == 1:
            yield replace(block, code.text(values[0]))


@operator(2.0)
def unsafe_function(code: Code) -> Iterator[Break]:
    """`fn f` → `unsafe fn f`, though it is called as before; `unsafe impl` → `impl`."""
    for function in code.all("function_item"):
        text = code.text(function)
        if text.startswith("fn ") and not text.startswith("fn main"):
            yield before(function, "unsafe ")
    for item in code.all("impl_item", "trait_item"):
        token = item.children[0]
        following = code.next(token)
        if token.type == "unsafe" and following is not None:
            yield Edit(token.start_byte, following.start_byte, b"")
        elif token.type == "impl" and item.child_by_field_name("trait") and code.luck(item) % 4 == 0:
            yield before(item, "unsafe ")


@operator(3.0)
def const_forgotten(code: Code) -> Iterator[Break]:
    """`const fn` → `fn` where a constant calls it."""
    for modifiers in code.all("function_modifiers"):
        following = code.next(modifiers)
        if code.text(modifiers) == "const" and following is not None:
            yield Edit(modifiers.start_byte, following.start_byte, b"")


@operator(3.0)
def const_from_value(code: Code) -> Iterator[Break]:
    """A variable, or what is only known when the program runs, stands where a constant must."""
    for kind in code.all("array_type", "array_expression"):
        length = kind.child_by_field_name("length")
        if length is not None and length.type == "integer_literal":
            function = code.inside(kind, "function_item")
            if function is None:
                continue
            names = [
                code.text(pattern)
                for declaration in code.all("let_declaration")
                if function.start_byte <= declaration.start_byte < kind.start_byte
                and (pattern := declaration.child_by_field_name("pattern")) is not None
                and pattern.type == "identifier"
            ]
            if names:
                yield replace(length, names[code.luck(kind) % len(names)])
    for item in code.all("const_item", "static_item"):
        value = item.child_by_field_name("value")
        if value is not None and value.end_byte - value.start_byte < 40:
            declared = code.text(item.child_by_field_name("type"))
            is_text = "str" in declared
            made = (
                f"String::from({code.text(value)})" if is_text else f"std::env::args().count() as {declared}"
            )
            yield replace(value, made)


@operator(2.0)
def static_changed(code: Code) -> Iterator[Break]:
    """`static mut X` → `static X`, `let` → `const`, `const` → `let`."""
    for item in code.all("static_item"):
        for token in item.children:
            if token.type == "mutable_specifier" and (following := code.next(token)):
                yield Edit(token.start_byte, following.start_byte, b"")
    for declaration in code.all("let_declaration"):
        if code.luck(declaration) % 4 == 0 and declaration.children[0].type == "let":
            yield replace(declaration.children[0], "const")
    for item in code.all("const_item"):
        if item.children[0].type == "const":
            yield replace(item.children[0], "let")


@operator(2.0)
def statement_forgotten(code: Code) -> Iterator[Break]:
    """A `let` is gone, though its variable is used."""
    for declaration in code.all("let_declaration"):
        if declaration.end_byte - declaration.start_byte < 120:
            yield without_line(code, declaration)


@operator(2.0)
def shadowed_in_block(code: Code) -> Iterator[Break]:
    """`x = …;` in an inner block → `let x = …;`, and the declaration outside is gone."""
    for declaration in code.all("let_declaration"):
        pattern = declaration.child_by_field_name("pattern")
        function = code.inside(declaration, "block")
        if pattern is None or function is None or pattern.type != "identifier":
            continue
        for inner in code.all("block"):
            if (
                function.start_byte < inner.start_byte < function.end_byte
                and inner.end_byte < declaration.start_byte
            ):
                break
        else:
            following = code.next(declaration)
            if (
                following is not None
                and following.type == "let_declaration"
                and following.end_byte - declaration.start_byte < 160
            ):
                indent = indent_of(code, declaration)
                yield Edit(
                    declaration.start_byte,
                    declaration.end_byte,
                    f"{{\n{indent}    {code.text(declaration)}\n{indent}}}".encode(),
                )


@operator(2.0)
def arrow_body(code: Code) -> Iterator[Break]:
    """A closure's body in braces ends with `;`, or an arm's value is dropped."""
    for closure in code.all("closure_expression"):
        body = closure.child_by_field_name("body")
        if body is not None and body.type != "block" and body.end_byte - body.start_byte < 80:
            yield replace(body, f"{{ {code.text(body)}; }}")
    for arm in code.all("match_arm"):
        value = arm.child_by_field_name("value")
        if (
            value is not None
            and value.type not in ("block", "return_expression")
            and value.end_byte - value.start_byte < 60
        ):
            yield replace(value, f"{{ {code.text(value)}; }}")
            yield replace(value, "{}")


@operator(1.5)
def operator_invalid(code: Code) -> Iterator[Break]:
    """`a < b && b < c` → `a < b < c`, `a && b` → `a & b`, `a == b == c`."""
    for expression in code.all("binary_expression"):
        middle = expression.child_by_field_name("operator")
        if middle is None:
            continue
        if middle.type in ("&&", "||"):
            yield replace(middle, middle.type[0])
            left, right = expression.child_by_field_name("left"), expression.child_by_field_name("right")
            if left is not None and right is not None and left.type == right.type == "binary_expression":
                tail = elements(right)
                if len(tail) == 2:
                    yield Edit(middle.start_byte, tail[0].end_byte, b"")
        elif middle.type in ("<", "<=", ">") and code.luck(middle) % 3 == 0:
            yield replace(middle, "=>" if middle.type == ">" else "=<")
        elif middle.type in ("+", "-", "*", "%"):
            yield delete(middle)
