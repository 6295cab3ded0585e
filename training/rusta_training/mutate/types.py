"""Types that do not fit: E0308, E0277, E0369, E0605, E0606."""

from collections.abc import Iterator

from .code import Code, Edit, after, before, delete, elements, replace
from .registry import Break, operator

_NUMBERS = ("i32", "usize", "u32", "i64", "u64", "u8", "f64", "i8", "u16", "i16", "isize", "f32", "u128")
_OTHER_TYPE = {
    "String": ("&str", "char", "Vec<u8>", "str"),
    "bool": ("i32", "u8", "Option<bool>"),
    "char": ("u8", "&str", "String"),
    "str": ("String",),
}


@operator(8.0)
def other_number_type(code: Code) -> Iterator[Break]:
    """`usize` → `i32` and the like, where a type is written."""
    for kind in code.all("primitive_type"):
        text = code.text(kind)
        if text in _NUMBERS:
            luck = code.luck(kind)
            others = [name for name in _NUMBERS[:7] if name != text]
            yield replace(kind, others[luck % len(others)])
            if text != "i32":
                yield replace(kind, "i32")


@operator(5.0)
def other_type(code: Code) -> Iterator[Break]:
    """`String` → `&str`, `bool` → `i32`, `&str` → `String`, where a type is written."""
    for kind in code.all("type_identifier", "primitive_type"):
        text = code.text(kind)
        if text not in _OTHER_TYPE:
            continue
        around = code.parent(kind)
        forms = _OTHER_TYPE[text]
        if text == "str" and around.type == "reference_type":
            yield replace(around, "String")
        else:
            yield replace(kind, forms[code.luck(kind) % len(forms)])


@operator(5.0)
def wrapped_type(code: Code) -> Iterator[Break]:
    """A written type gets a wrapper: `T` → `Option<T>`, `Box<T>`, `Vec<T>`, `&T`, `Result<T, String>`."""
    forms = ("Option<{}>", "Vec<{}>", "Box<{}>", "&{}", "Result<{}, String>", "Rc<{}>", "[{}; 2]")
    for around in code.all(
        "parameter", "let_declaration", "field_declaration", "function_item", "const_item"
    ):
        kind = around.child_by_field_name("return_type" if around.type == "function_item" else "type")
        if kind is not None:
            yield replace(kind, forms[code.luck(kind) % len(forms)].format(code.text(kind)))


@operator(5.0)
def unwrapped_type(code: Code) -> Iterator[Break]:
    """A written type loses its wrapper: `Option<T>` → `T`, `Vec<T>` → `T`, `&T` → `T`."""
    for kind in code.all("generic_type"):
        arguments = elements(kind.child_by_field_name("type_arguments"))
        if arguments:
            yield replace(kind, code.text(arguments[0]))
    for kind in code.all("reference_type"):
        inner = kind.child_by_field_name("type")
        if inner is not None:
            yield replace(kind, code.text(inner))


@operator(5.0)
def other_literal(code: Code) -> Iterator[Break]:
    """`1` → `1.0`, `"1"`; `1.5` → `1`; `'a'` → `"a"`; `"a"` → `'a'`; `true` → `1`."""
    for literal in code.all("integer_literal"):
        text = code.text(literal)
        if text.isdigit() and code.parent_kind(literal) != "field_expression":
            yield replace(
                literal,
                (f"{text}.0", f'"{text}"', f"{text}i64", f"{text}u8", f"Some({text})")[
                    code.luck(literal) % 5
                ],
            )
    for literal in code.all("float_literal"):
        text = code.text(literal)
        yield replace(literal, text.split(".")[0] if code.luck(literal) % 2 else f'"{text}"')
    for literal in code.all("char_literal"):
        yield replace(literal, f'"{code.text(literal)[1:-1]}"' if code.text(literal) != "'\"'" else '"\\""')
    for literal in code.all("string_literal"):
        text = code.text(literal)
        inner = text[1:-1]
        if not text.startswith('"'):
            yield Edit(literal.start_byte, literal.start_byte + 1, b"")
        elif len(inner) == 1 and inner != "'":
            yield replace(literal, f"'{inner}'")
        elif inner.isdigit():
            yield replace(literal, inner)
        elif code.luck(literal) % 2:
            yield before(literal, "b")
    for literal in code.all("boolean_literal"):
        yield replace(
            literal,
            ("1" if code.text(literal) == "true" else "0")
            if code.luck(literal) % 2
            else f'"{code.text(literal)}"',
        )


@operator(3.0)
def other_suffix(code: Code) -> Iterator[Break]:
    """`1u8` → `1i32`."""
    for literal in code.all("integer_literal", "float_literal"):
        text = code.text(literal)
        suffix = next((name for name in _NUMBERS if text.endswith(name)), None)
        if suffix is not None:
            others = [name for name in ("i32", "u8", "usize", "u64", "f64") if name != suffix]
            yield replace(literal, text.removesuffix(suffix) + others[code.luck(literal) % len(others)])


@operator(6.0)
def cast_forgotten(code: Code) -> Iterator[Break]:
    """`x as usize` → `x`."""
    for cast in code.all("type_cast_expression"):
        value = cast.child_by_field_name("value")
        if value is not None:
            yield Edit(value.end_byte, cast.end_byte, b"")


@operator(3.0)
def cast_elsewhere(code: Code) -> Iterator[Break]:
    """`x as usize` → `x as i32`, `as char`, `as String`, `as bool`, `as &str`."""
    for cast in code.all("type_cast_expression"):
        kind = cast.child_by_field_name("type")
        if kind is not None:
            others = [
                name
                for name in ("i32", "u8", "char", "String", "bool", "f64", "usize", "&str")
                if name != code.text(kind)
            ]
            yield replace(kind, others[code.luck(cast) % len(others)])


@operator(3.0)
def cast_added(code: Code) -> Iterator[Break]:
    """An argument, a value or an operand gets an `as i32`."""
    kinds = ("i32", "usize", "u64", "f64", "String", "u8", "i64", "char")
    for around in code.all("arguments", "binary_expression", "let_declaration"):
        for value in elements(around):
            if value.type in ("identifier", "field_expression") and code.luck(value) % 3 == 0:
                if around.type == "let_declaration" and around.child_by_field_name("value") != value:
                    continue
                yield after(value, f" as {kinds[code.luck(value) % len(kinds)]}")


@operator(5.0)
def deref_forgotten(code: Code) -> Iterator[Break]:
    """`*x` → `x`."""
    for expression in code.all("unary_expression"):
        if expression.children[0].type == "*":
            yield delete(expression.children[0])


@operator(3.0)
def deref_added(code: Code) -> Iterator[Break]:
    """`x` → `*x` where a value is used."""
    for around in code.all(
        "arguments", "binary_expression", "assignment_expression", "compound_assignment_expr"
    ):
        for value in elements(around):
            if value.type in ("identifier", "field_expression"):
                yield before(value, "*")


@operator(4.0)
def borrow_added(code: Code) -> Iterator[Break]:
    """`x` → `&x` where a value is used."""
    for around in code.all("arguments", "binary_expression", "field_initializer", "return_expression"):
        for value in elements(around):
            if value.type in (
                "identifier",
                "field_expression",
                "call_expression",
                "integer_literal",
                "string_literal",
            ):
                yield before(value, "&")


@operator(2.0)
def pattern_reference(code: Code) -> Iterator[Break]:
    """`|&x|` → `|x|`, `|x|` → `|&x|`, in parameters of closures and in `for`."""
    for pattern in code.all("reference_pattern"):
        yield delete(pattern.children[0])
    for parameters in code.all("closure_parameters"):
        for parameter in elements(parameters):
            if parameter.type in ("identifier", "tuple_pattern"):
                yield before(parameter, "&")
    for loop in code.all("for_expression"):
        item = loop.child_by_field_name("pattern")
        if item is not None and item.type in ("identifier", "tuple_pattern"):
            yield before(item, "&")


@operator(3.0)
def negation(code: Code) -> Iterator[Break]:
    """`!x` → `-x`, `x` → `!x`, `-x` → `!x`."""
    for expression in code.all("unary_expression"):
        token = expression.children[0]
        if token.type in ("!", "-"):
            yield replace(token, "-" if token.type == "!" else "!")
    for condition in code.all("if_expression", "while_expression"):
        value = condition.child_by_field_name("condition")
        if value is not None and value.type in ("identifier", "binary_expression"):
            yield before(value, "!")


@operator(4.0)
def operand_types(code: Code) -> Iterator[Break]:
    """One operand of a binary expression becomes another type: `1` → `1.0`, `x` → `x.to_string()`."""
    for expression in code.all("binary_expression"):
        right = expression.child_by_field_name("right")
        if right is None:
            continue
        if right.type == "integer_literal" and code.text(right).isdigit():
            yield replace(right, f"{code.text(right)}.0" if code.luck(right) % 2 else f'"{code.text(right)}"')
        elif right.type in ("identifier", "field_expression"):
            yield after(right, (".to_string()", " as u8", ".len()", ".clone()")[code.luck(right) % 4])


@operator(3.0)
def array_length(code: Code) -> Iterator[Break]:
    """`[i32; 3]` → `[i32; 4]`, and an array with one element less."""
    for kind in code.all("array_type"):
        length = kind.child_by_field_name("length")
        if length is not None and code.text(length).isdigit():
            yield replace(length, str(int(code.text(length)) + 1))
        elif length is not None and code.luck(kind) % 2:
            element = kind.child_by_field_name("element")
            if element is not None:
                yield Edit(element.end_byte, length.end_byte, b"")
        elif (element := kind.child_by_field_name("element")) is not None:
            yield after(element, "; 3")


@operator(3.0)
def mixed_elements(code: Code) -> Iterator[Break]:
    """`[1, 2, 3]` → `[1, 2.0, 3]`: one element is of another type."""
    for array in code.all("array_expression"):
        inside = elements(array)
        if len(inside) < 2 or any(child.type == ";" for child in array.children):
            continue
        element = inside[code.luck(array) % len(inside)]
        text = code.text(element)
        wrong = f'"{text}"' if text.isdigit() else f"Some({text})"
        yield replace(element, wrong)


@operator(2.0)
def constant_without_type(code: Code) -> Iterator[Break]:
    """`const N: usize = 3;` → `const N = 3;`; or with `_`."""
    for item in code.all("const_item", "static_item"):
        name, kind = item.child_by_field_name("name"), item.child_by_field_name("type")
        if name is not None and kind is not None and item.child_by_field_name("value") is not None:
            yield Edit(name.end_byte, kind.end_byte, b"")
            yield replace(kind, "_")


@operator(2.0)
def placeholder_type(code: Code) -> Iterator[Break]:
    """A type in a signature becomes `_`."""
    for function in code.all("function_item"):
        result = function.child_by_field_name("return_type")
        if result is not None:
            yield replace(result, "_")
    for parameter in code.all("parameter"):
        kind = parameter.child_by_field_name("type")
        if kind is not None and code.inside(parameter, "closure_parameters") is None:
            yield replace(kind, "_")


@operator(3.0)
def range_forgotten(code: Code) -> Iterator[Break]:
    """`0..n` → `n`; the other end of a range gets another type."""
    for loop in code.all("for_expression"):
        value = loop.child_by_field_name("value")
        if value is not None and value.type == "range_expression" and value.named_children:
            yield replace(value, code.text(value.named_children[-1]))
    for span in code.all("range_expression"):
        inside = elements(span)
        if inside and inside[0].type == "integer_literal":
            yield replace(
                inside[0], f"{code.text(inside[0])}.0" if code.luck(span) % 2 else f'"{code.text(inside[0])}"'
            )


@operator(3.0)
def indexed_wrongly(code: Code) -> Iterator[Break]:
    """`x[i]` → `x[i as i32]`, `x["i"]`, `x.0`, `x(i)`."""
    for index in code.all("index_expression"):
        inside = elements(index)
        if len(inside) != 2:
            continue
        if inside[1].type == "integer_literal":
            yield replace(
                inside[1],
                f"{code.text(inside[1])}i32" if code.luck(index) % 2 else f'"{code.text(inside[1])}"',
            )
        elif inside[1].type in ("identifier", "field_expression", "binary_expression"):
            inner = code.text(inside[1])
            yield replace(
                inside[1], f"({inner}) as i32" if inside[1].type == "binary_expression" else f"{inner} as i32"
            )
            yield before(inside[1], "&")


@operator(2.0)
def string_added_to_string(code: Code) -> Iterator[Break]:
    """`a + &b` → `a + b`, `a.to_string() + b` → `a + b`."""
    for expression in code.all("binary_expression"):
        operator_node, right = (
            expression.child_by_field_name("operator"),
            expression.child_by_field_name("right"),
        )
        if (
            operator_node is not None
            and right is not None
            and operator_node.type == "+"
            and right.type == "reference_expression"
        ):
            yield delete(right.children[0])
    for macro in code.calls("String::from"):
        if code.parent_kind(macro.node) == "binary_expression" and elements(macro.arguments):
            yield replace(macro.node, code.text(elements(macro.arguments)[0]))


@operator(2.0)
def compared_with_wrapped(code: Code) -> Iterator[Break]:
    """`x == y` → `x == Some(y)`, `x == &y`, `Some(x) == y`."""
    for expression in code.all("binary_expression"):
        operator_node, right = (
            expression.child_by_field_name("operator"),
            expression.child_by_field_name("right"),
        )
        if operator_node is not None and right is not None and operator_node.type in ("==", "!=", "<", ">"):
            text = code.text(right)
            yield replace(right, (f"Some({text})", f"&{text}", f"vec![{text}]")[code.luck(expression) % 3])


@operator(1.5)
def self_referring_type(code: Code) -> Iterator[Break]:
    """`Box<Node>` → `Node` in a type that contains itself."""
    for item in code.all("struct_item", "enum_item"):
        name = code.text(item.child_by_field_name("name"))
        for kind in code.all("generic_type"):
            inside = item.start_byte <= kind.start_byte < item.end_byte
            outer = code.text(kind.child_by_field_name("type")) in ("Box", "Rc", "Vec", "Arc")
            arguments = elements(kind.child_by_field_name("type_arguments"))
            if inside and outer and arguments and code.text(arguments[0]).startswith(name):
                yield replace(kind, code.text(arguments[0]))
