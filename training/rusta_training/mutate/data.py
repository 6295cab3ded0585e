"""Structs, enums and patterns: E0004, E0023, E0026, E0027, E0062, E0063, E0124, E0560, E0609."""

from collections.abc import Iterator
from itertools import pairwise

from .code import Code, Edit, after, before, delete, elements, item_of_list, replace, without_line
from .registry import Break, operator
from .words import misspelled


@operator(10.0)
def field_forgotten(code: Code) -> Iterator[Break]:
    """`S { a: 1, b: 2 }` → `S { a: 1 }`; `..base` is gone."""
    for body in code.all("field_initializer_list"):
        for part in elements(body):
            if edit := item_of_list(code, part):
                yield edit


@operator(4.0)
def field_of_other_name(code: Code) -> Iterator[Break]:
    """A field of a literal, an access or a pattern has another name."""
    for field in code.all("field_identifier", "shorthand_field_identifier"):
        if code.parent_kind(field) in (
            "field_initializer",
            "field_pattern",
            "shorthand_field_initializer",
        ) and (wrong := misspelled(code.text(field), code.luck(field))):
            yield replace(field, wrong)


@operator(3.0)
def field_twice(code: Code) -> Iterator[Break]:
    """A field is set or declared twice."""
    for field in code.all("field_initializer", "field_declaration", "field_pattern"):
        text = code.text(field)
        if len(text) < 60:
            yield after(field, f", {text}")


@operator(4.0)
def field_unknown(code: Code) -> Iterator[Break]:
    """A literal sets a field that the struct does not have."""
    extra = ("id: 0", "name: String::new()", "count: 1", 'label: "x"', "size: 0", "next: None")
    for body in code.all("field_initializer_list"):
        inside = elements(body)
        plain = [part for part in inside if part.type != "base_field_initializer"]
        if plain:
            yield after(plain[-1], f", {extra[code.luck(body) % len(extra)]}")


@operator(5.0)
def field_not_declared(code: Code) -> Iterator[Break]:
    """A field is gone from the struct, though it is used."""
    for field in code.all("field_declaration"):
        if edit := item_of_list(code, field):
            yield edit
    for body in code.all("ordered_field_declaration_list"):
        kinds = [part for part in elements(body) if part.type != "visibility_modifier"]
        if len(kinds) > 1 and (edit := item_of_list(code, kinds[-1])):
            yield edit


@operator(3.0)
def field_declared_anew(code: Code) -> Iterator[Break]:
    """A struct gets one more field, which nobody sets."""
    extra = ("id: u32", "name: String", "count: usize", "flag: bool", "next: Option<Box<i32>>")
    for field in code.all("field_declaration"):
        following = code.next(field)
        if (
            following is None
            or following.type == "}"
            or code.next(following) is None
            or code.luck(field) % 2 == 0
        ):
            yield after(field, f", {extra[code.luck(field) % len(extra)]}")


@operator(10.0)
def arm_forgotten(code: Code) -> Iterator[Break]:
    """A match has one arm less."""
    for body in code.all("match_block"):
        arms = elements(body)
        if len(arms) > 1:
            for arm in arms:
                if arm.end_byte - arm.start_byte < 250:
                    yield without_line(code, arm)


@operator(3.0)
def arm_guarded(code: Code) -> Iterator[Break]:
    """An arm gets a condition, so that not everything is covered."""
    for arm in code.all("match_arm"):
        pattern = arm.child_by_field_name("pattern")
        if pattern is not None and pattern.child_by_field_name("condition") is None:
            names = [code.text(node) for node in pattern.named_children if node.type == "identifier"]
            yield after(pattern, f" if {names[0]} > 0" if names and names[0].islower() else " if true")


@operator(3.0)
def variant_unmatched(code: Code) -> Iterator[Break]:
    """An enum gets one more variant, which no match covers."""
    names = ("Unknown", "Other(i32)", "Empty", "Custom { id: u32 }", "Nothing", "More(String)")
    for body in code.all("enum_variant_list"):
        variants = elements(body)
        if variants:
            yield after(variants[-1], f", {names[code.luck(body) % len(names)]}")


@operator(4.0)
def variant_not_declared(code: Code) -> Iterator[Break]:
    """A variant is gone from the enum, though it is used."""
    for variant in code.all("enum_variant"):
        if edit := item_of_list(code, variant):
            yield edit


@operator(4.0)
def variant_of_other_name(code: Code) -> Iterator[Break]:
    """`Enum::Variant` → `Enum::Varaint`."""
    for path in code.all("scoped_identifier"):
        name, start = path.child_by_field_name("name"), path.child_by_field_name("path")
        if (
            name is not None
            and start is not None
            and code.text(name)[:1].isupper()
            and (wrong := misspelled(code.text(name), code.luck(name)))
        ):
            yield replace(name, wrong)


@operator(4.0)
def enum_forgotten(code: Code) -> Iterator[Break]:
    """`Enum::Variant` → `Variant`, in expressions and patterns."""
    for path in code.all("scoped_identifier", "scoped_type_identifier"):
        name, start = path.child_by_field_name("name"), path.child_by_field_name("path")
        if (
            name is not None
            and start is not None
            and code.text(name)[:1].isupper()
            and code.text(start)[:1].isupper()
        ):
            yield replace(path, code.text(name))


@operator(4.0)
def pattern_fields_forgotten(code: Code) -> Iterator[Break]:
    """`S { a, .. }` → `S { a }`, `S { a, b }` → `S { a }`, `V(a, b)` → `V(a)`."""
    for pattern in code.all("struct_pattern", "tuple_struct_pattern", "tuple_pattern", "slice_pattern"):
        name = pattern.child_by_field_name("type")
        inside = [part for part in elements(pattern) if name is None or part.id != name.id]
        if len(inside) > 1:
            for part in inside:
                if edit := item_of_list(code, part):
                    yield edit


@operator(3.0)
def pattern_too_long(code: Code) -> Iterator[Break]:
    """`V(a)` → `V(a, b)`, `(a, b)` → `(a, b, c)`, `S { a }` → `S { a, extra }`."""
    for pattern in code.all("tuple_struct_pattern", "tuple_pattern", "struct_pattern", "slice_pattern"):
        inside = elements(pattern)
        if len(inside) > 1:
            yield after(inside[-1], ", extra" if code.luck(pattern) % 2 else ", _")


@operator(3.0)
def pattern_form(code: Code) -> Iterator[Break]:
    """`V { x }` ↔ `V(x)`, `V(x)` → `V`, `V` → `V(_)`."""
    for pattern in code.all("tuple_struct_pattern"):
        name = pattern.child_by_field_name("type")
        if name is None:
            continue
        inside = ", ".join(code.text(part) for part in elements(pattern) if part.id != name.id)
        yield replace(pattern, f"{code.text(name)} {{ {inside} }}")
    for pattern in code.all("struct_pattern"):
        name = pattern.child_by_field_name("type")
        if name is not None:
            inside = ", ".join(
                code.text(part)
                for part in elements(pattern)
                if part.id != name.id and part.type != "remaining_field_pattern"
            )
            yield replace(pattern, f"{code.text(name)}({inside})")
    for pattern in code.all("match_pattern"):
        inner = pattern.named_children[0] if pattern.named_children else None
        if inner is not None and inner.type == "scoped_identifier":
            yield after(inner, "(_)")


@operator(3.0)
def refutable_let(code: Code) -> Iterator[Break]:
    """`if let Some(x) = y { … }` → `let Some(x) = y;`, `let Some(x) = y else { … };` → without else."""
    for declaration in code.all("let_declaration"):
        value, other = (
            declaration.child_by_field_name("value"),
            declaration.child_by_field_name("alternative"),
        )
        if value is not None and other is not None:
            yield Edit(value.end_byte, other.end_byte, b"")
    for condition in code.all("if_expression"):
        test, body = condition.child_by_field_name("condition"), condition.child_by_field_name("consequence")
        if (
            test is not None
            and body is not None
            and test.type == "let_condition"
            and condition.child_by_field_name("alternative") is None
        ):
            yield (
                Edit(condition.start_byte, test.start_byte, b""),
                Edit(test.end_byte, body.start_byte + 1, b";"),
                delete(body.children[-1]),
            )
    for declaration in code.all("let_declaration"):
        pattern, value = declaration.child_by_field_name("pattern"), declaration.child_by_field_name("value")
        if (
            pattern is not None
            and value is not None
            and pattern.type == "identifier"
            and declaration.child_by_field_name("type") is None
        ) and ".unwrap()" in code.text(value)[-9:]:
            form = "Some({})" if code.luck(declaration) % 2 else "Ok({})"
            yield (
                replace(pattern, form.format(code.text(pattern))),
                Edit(value.end_byte - 9, value.end_byte, b""),
            )


@operator(3.0)
def tuple_index(code: Code) -> Iterator[Break]:
    """`x.0` → `x.2`, `x[0]`, `x.first`."""
    for field in code.all("field_expression"):
        name, value = field.child_by_field_name("field"), field.child_by_field_name("value")
        if name is not None and value is not None and name.type == "integer_literal":
            yield replace(name, str(int(code.text(name)) + 2))
            yield Edit(value.end_byte, field.end_byte, f"[{code.text(name)}]".encode())


@operator(3.0)
def pattern_literal(code: Code) -> Iterator[Break]:
    """A literal in a pattern becomes one of another type."""
    for pattern in code.all("match_pattern"):
        for literal in pattern.named_children:
            text = code.text(literal)
            if literal.type == "integer_literal":
                yield replace(literal, f'"{text}"' if code.luck(literal) % 2 else f"{text}.0")
            elif literal.type == "string_literal":
                yield replace(literal, f"Some({text})" if code.luck(literal) % 2 else "0")
            elif literal.type == "char_literal":
                yield replace(literal, f'"{text[1:-1]}"')


@operator(2.0)
def binding_twice(code: Code) -> Iterator[Break]:
    """A name is bound twice in one pattern or parameter list."""
    for pattern in code.all(
        "tuple_pattern", "tuple_struct_pattern", "parameters", "closure_parameters", "slice_pattern"
    ):
        names = []
        for part in elements(pattern):
            name = part.child_by_field_name("pattern") if part.type == "parameter" else part
            if name is not None and name.type == "identifier" and code.text(name).islower():
                names.append(name)
        if len(names) > 1:
            yield replace(names[1], code.text(names[0]))


@operator(2.0)
def or_pattern_bindings(code: Code) -> Iterator[Break]:
    """`A(x) | B(x)` → `A(x) | B(_)`: a name is not bound in all alternatives."""
    for pattern in code.all("or_pattern"):
        for name in code.all("identifier"):
            if (
                pattern.start_byte <= name.start_byte < pattern.end_byte
                and code.parent_kind(name) == "tuple_struct_pattern"
            ) and code.text(name)[:1].islower():
                yield replace(name, "_")


@operator(1.5)
def discriminant_twice(code: Code) -> Iterator[Break]:
    """Two variants have the same number."""
    for body in code.all("enum_variant_list"):
        valued = [variant for variant in elements(body) if variant.child_by_field_name("value")]
        for first, second in pairwise(valued):
            value = second.child_by_field_name("value")
            if value is not None:
                yield replace(value, code.text(first.child_by_field_name("value")))


@operator(2.0)
def struct_for_tuple(code: Code) -> Iterator[Break]:
    """`struct S { a: T }` → `struct S(T);`, and the other way round."""
    for item in code.all("struct_item"):
        body = item.child_by_field_name("body")
        if body is None or "where" in code.text(item):
            continue
        if body.type == "ordered_field_declaration_list":
            kinds = [code.text(part) for part in elements(body) if part.type != "visibility_modifier"]
            fields = ", ".join(f"{'abcdefgh'[at % 8]}: {kind}" for at, kind in enumerate(kinds))
            yield Edit(body.start_byte, item.end_byte, f" {{ {fields} }}".encode())
        elif elements(body):
            kinds = [
                code.text(part.child_by_field_name("type"))
                for part in elements(body)
                if part.type == "field_declaration"
            ]
            yield Edit(body.start_byte, item.end_byte, f"({', '.join(kinds)});".encode())


@operator(2.0)
def value_shape(code: Code) -> Iterator[Break]:
    """`(a, b)` → `a, b` swapped in arity: a tuple value loses or gains an element."""
    for value in code.all("tuple_expression"):
        inside = elements(value)
        if len(inside) > 1:
            yield after(inside[-1], f", {code.text(inside[0])}" if len(code.text(inside[0])) < 20 else ", 0")
            if edit := item_of_list(code, inside[-1]):
                yield edit
            yield before(value, "&")
