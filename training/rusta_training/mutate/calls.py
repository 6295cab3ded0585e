"""Calls: wrong number or order of arguments, wrong receiver, method or field: E0061, E0423, E0599, E0618."""

from collections.abc import Iterator
from itertools import pairwise

from .code import Code, Edit, after, before, delete, elements, item_of_list, replace
from .registry import Break, operator

_EXTRA = ("0", "1", '""', "true", "None", "String::new()", "&0", "()")


@operator(8.0)
def argument_forgotten(code: Code) -> Iterator[Break]:
    """`f(a, b)` → `f(a)`."""
    for arguments in code.all("arguments"):
        for argument in elements(arguments):
            if edit := item_of_list(code, argument):
                yield edit


@operator(6.0)
def argument_too_many(code: Code) -> Iterator[Break]:
    """`f(a)` → `f(a, 0)`, `f(a, a)`."""
    for arguments in code.all("arguments"):
        inside = elements(arguments)
        luck = code.luck(arguments)
        if not inside:
            yield after(arguments.children[0], _EXTRA[luck % len(_EXTRA)])
        elif luck % 2:
            yield after(inside[-1], f", {code.text(inside[-1])}")
        else:
            yield after(inside[-1], f", {_EXTRA[luck % len(_EXTRA)]}")


@operator(4.0)
def arguments_swapped(code: Code) -> Iterator[Break]:
    """`f(a, b)` → `f(b, a)`."""
    for arguments in code.all("arguments"):
        inside = elements(arguments)
        for left, right in pairwise(inside):
            if code.text(left) != code.text(right):
                yield replace(left, code.text(right)), replace(right, code.text(left))


@operator(3.0)
def parameter_forgotten(code: Code) -> Iterator[Break]:
    """A function is declared with one parameter less."""
    for parameters in code.all("parameters"):
        for parameter in elements(parameters):
            if parameter.type == "parameter" and (edit := item_of_list(code, parameter)):
                yield edit


@operator(3.0)
def parameter_too_many(code: Code) -> Iterator[Break]:
    """A function is declared with one parameter more than its callers give."""
    forms = ("count: usize", "name: &str", "flag: bool", "value: i32", "other: Option<u32>")
    for parameters in code.all("parameters"):
        if code.parent_kind(parameters) != "function_item":
            continue
        inside = elements(parameters)
        form = forms[code.luck(parameters) % len(forms)]
        yield after(inside[-1], f", {form}") if inside else after(parameters.children[0], form)


@operator(2.0)
def closure_parameters(code: Code) -> Iterator[Break]:
    """A closure takes one parameter more or less."""
    for parameters in code.all("closure_parameters"):
        inside = elements(parameters)
        if inside:
            yield after(inside[-1], ", extra")
            if edit := item_of_list(code, inside[-1]):
                yield edit
        else:
            yield after(parameters.children[0], "_")


@operator(4.0)
def call_parentheses_forgotten(code: Code) -> Iterator[Break]:
    """`x.len()` → `x.len`, `f()` → `f`."""
    for call in code.method_calls():
        yield delete(call.arguments)
    for function in code.calls():
        if not elements(function.arguments):
            yield delete(function.arguments)


@operator(3.0)
def field_called(code: Code) -> Iterator[Break]:
    """`x.field` → `x.field()`."""
    for field in code.all("field_expression"):
        if code.parent_kind(field) not in ("call_expression", "generic_function"):
            yield after(field, "()")


@operator(2.0)
def value_called(code: Code) -> Iterator[Break]:
    """`x` → `x()`, `Enum::Variant` → `Enum::Variant()`."""
    for around in code.all("arguments", "binary_expression", "let_declaration"):
        for value in elements(around):
            if value.type in ("identifier", "scoped_identifier") and code.luck(value) % 2:
                if around.type == "let_declaration" and around.child_by_field_name("value") != value:
                    continue
                yield after(value, "()")


@operator(4.0)
def receiver_forgotten(code: Code) -> Iterator[Break]:
    """`self.x` → `x`, `self.f()` → `f()`."""
    for field in code.all("field_expression"):
        value, name = field.child_by_field_name("value"), field.child_by_field_name("field")
        if value is not None and name is not None and value.type == "self":
            yield replace(field, code.text(name))


@operator(3.0)
def path_for_method(code: Code) -> Iterator[Break]:
    """`x.f()` → `x::f()`, `f(x)`; `T::f()` → `T.f()`."""
    for call in code.method_calls():
        inner, name = code.text(call.receiver), code.text(call.name)
        if call.receiver.type in ("identifier", "self"):
            yield Edit(call.receiver.end_byte, call.name.start_byte, b"::")
            arguments = code.text(call.arguments)[1:-1]
            yield replace(call.node, f"{name}({inner}{', ' if arguments else ''}{arguments})")
    for function in code.calls():
        if function.function.type == "scoped_identifier":
            path, name_node = (
                function.function.child_by_field_name("path"),
                function.function.child_by_field_name("name"),
            )
            if path is not None and name_node is not None:
                yield Edit(path.end_byte, name_node.start_byte, b".")


@operator(3.0)
def self_path_forgotten(code: Code) -> Iterator[Break]:
    """`Self::f(x)` → `f(x)`, `Type::new()` → `new()`."""
    for function in code.calls():
        if function.function.type == "scoped_identifier":
            name = function.function.child_by_field_name("name")
            if name is not None:
                yield replace(function.function, code.text(name))


@operator(3.0)
def self_parameter_forgotten(code: Code) -> Iterator[Break]:
    """`fn f(&self)` → `fn f()`."""
    for parameter in code.all("self_parameter"):
        if edit := item_of_list(code, parameter):
            yield edit


@operator(2.0)
def self_parameter_added(code: Code) -> Iterator[Break]:
    """`fn new()` → `fn new(&self)` in an impl."""
    for function in code.all("function_item"):
        parameters = function.child_by_field_name("parameters")
        implementation = code.parent(code.parent(function)).type in ("impl_item", "trait_item")
        if not implementation or parameters is None or "self" in code.text(parameters):
            continue
        yield after(parameters.children[0], "&self, " if elements(parameters) else "&self")


@operator(3.0)
def constructor_form(code: Code) -> Iterator[Break]:
    """`S { a, b }` → `S(a, b)`, `S::new(x)` → `S(x)`, `S {…}`."""
    for literal in code.all("struct_expression"):
        name, body = literal.child_by_field_name("name"), literal.child_by_field_name("body")
        if name is None or body is None:
            continue
        values = [code.text(part.child_by_field_name("value")) or code.text(part) for part in elements(body)]
        if values and all(part.type != "base_field_initializer" for part in elements(body)):
            yield replace(literal, f"{code.text(name)}({', '.join(values)})")
        if not values:
            yield delete(body)
    for function in code.calls():
        text = code.text(function.function)
        if text.endswith("::new"):
            yield replace(function.function, text.removesuffix("::new"))
        elif text[:1].isupper() and "::" not in text and len(elements(function.arguments)) == 1:
            yield replace(
                function.arguments,
                f" {{ 0: {code.text(function.arguments)[1:-1]}, value: 0 }}"
                if code.luck(function.node) % 2
                else "",
            )


@operator(3.0)
def format_arguments(code: Code) -> Iterator[Break]:
    """A format string gets a placeholder without value, loses one, or names an unknown variable."""
    for literal in code.all("string_literal"):
        around = code.parent(code.parent(literal))
        text = code.text(literal)
        if around.type != "call_expression" or not code.is_macro(around) or not text.startswith('"'):
            continue
        yield Edit(literal.end_byte - 1, literal.end_byte - 1, b" {}")
        if (at := text.find("{}")) > 0:
            start = literal.start_byte + len(text[:at].encode())
            yield Edit(start, start + 2, b"")
            yield Edit(start, start + 2, b"{value}")
            yield Edit(start + 1, start + 2, b"")
            yield Edit(start, start + 2, b"%d" if code.luck(literal) % 2 else b"{0} {1}")


@operator(4.0)
def method_of_other_type(code: Code) -> Iterator[Break]:
    """A method that another language, or another type, has: `.length()`, `.add()`, `.toString()`."""
    others = {
        "len": ("length", "size", "count"), "push": ("add", "append", "push_back", "insert"),
        "to_string": ("toString", "str", "as_string"),
        "contains": ("includes", "has", "contains_key"), "contains_key": ("has", "contains", "has_key"),
        "push_str": ("append", "concat", "add"),
        "is_empty": ("empty", "isEmpty"), "unwrap": ("get", "value", "unwrap_or"),
        "iter": ("iterator", "each", "items"), "insert": ("put", "set", "add"),
        "get": ("at", "find", "lookup"), "split": ("explode", "tokens"),
        "to_uppercase": ("upper", "toUpperCase"), "to_lowercase": ("lower",),
        "trim": ("strip",), "starts_with": ("startswith", "startsWith"), "ends_with": ("endswith",),
        "collect": ("to_vec", "to_list"),
        "remove": ("delete", "erase"), "replace": ("sub", "replaceAll"), "abs": ("absolute",),
        "sqrt": ("squareRoot",), "pow": ("power", "pow2"),
        "clone": ("copy", "dup"), "join": ("implode", "concat"), "map": ("transform", "select"),
        "filter": ("where_", "select"),
        "for_each": ("foreach", "each"), "parse": ("to_int", "as_int"), "first": ("head", "front"),
        "last": ("back", "tail"),
        "sort": ("sorted", "order"), "as_str": ("c_str", "str"), "unwrap_or": ("or_default", "get_or"),
        "pop": ("pop_back", "remove_last"),
        "extend": ("add_all", "concat"), "enumerate": ("with_index", "indexed"), "lock": ("acquire",),
        "send": ("put", "push"), "recv": ("receive", "get"),
        "is_some": ("exists", "is_ok"), "is_none": ("is_null", "is_err"), "is_ok": ("is_some", "ok"),
        "is_err": ("is_none",), "next": ("advance",),
    }  # fmt: skip
    for call in code.method_calls(*others):
        names = others[code.text(call.name)]
        yield replace(call.name, names[code.luck(call.name) % len(names)])


@operator(3.0)
def method_on_wrong_value(code: Code) -> Iterator[Break]:
    """A call in the middle of a chain is gone: `x.iter().map(f)` → `x.map(f)`."""
    for call in code.method_calls():
        if call.receiver.type == "call_expression":
            inner = call.receiver.child_by_field_name("function")
            if (
                inner is not None
                and inner.type == "field_expression"
                and (value := inner.child_by_field_name("value"))
            ):
                yield Edit(value.end_byte, call.receiver.end_byte, b"")


@operator(3.0)
def other_variable(code: Code) -> Iterator[Break]:
    """An argument or operand is another variable of the function."""
    for function in code.all("function_item"):
        names: list[str] = []
        for kind in ("let_declaration", "parameter"):
            for declaration in code.all(kind):
                pattern = declaration.child_by_field_name("pattern")
                if (
                    pattern is not None
                    and pattern.type == "identifier"
                    and function.start_byte <= declaration.start_byte < function.end_byte
                ):
                    names.append(code.text(pattern))
        for around in code.all("arguments", "binary_expression", "field_expression"):
            if not function.start_byte <= around.start_byte < function.end_byte:
                continue
            for value in elements(around):
                if value.type == "identifier" and code.text(value) in names:
                    others = [name for name in names if name != code.text(value)]
                    if others:
                        yield replace(value, others[code.luck(value) % len(others)])


@operator(2.0)
def await_forgotten(code: Code) -> Iterator[Break]:
    """`f().await` → `f()`; or `f()` → `f().await` outside of async."""
    for waiting in code.all("await_expression"):
        inner = waiting.children[0]
        yield Edit(inner.end_byte, waiting.end_byte, b"")
        yield after(inner, ".await")
    for call in code.calls():
        if code.luck(call.node) % 6 == 0:
            yield after(call.node, ".await")


@operator(2.0)
def async_forgotten(code: Code) -> Iterator[Break]:
    """`async fn` → `fn`, `async { … }` → `{ … }`; `fn` → `async fn`."""
    for token in code.all("async"):
        following = code.next(token)
        around = code.parent(token)
        if following is None:
            following = code.next(around)
        if following is not None:
            yield Edit(token.start_byte, following.start_byte, b"")
    for function in code.all("function_item"):
        if code.text(function).startswith("fn ") and code.luck(function) % 3 == 0:
            yield before(function, "async ")


@operator(2.0)
def macro_argument(code: Code) -> Iterator[Break]:
    """`println!("{}", x)` → `println!(x)`: the format string is gone."""
    for call in code.all("call_expression"):
        arguments = call.child_by_field_name("arguments")
        inside = elements(arguments)
        if code.is_macro(call) and len(inside) == 2 and inside[0].type == "string_literal":
            yield Edit(inside[0].start_byte, inside[1].start_byte, b"")
