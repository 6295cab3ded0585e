"""Conversions, wrappers and `?` that are missing or too many: E0308, E0277, E0599."""

from collections.abc import Iterator

from .code import Code, Edit, after, before, delete, elements, replace
from .registry import Break, operator

_CONVERTING = (
    "to_string", "into", "to_owned", "as_str", "as_bytes", "as_ref", "to_vec", "as_slice", "collect",
    "chars", "bytes",
    "into_boxed_str", "into_string", "to_string_lossy", "as_ptr", "as_os_str", "trim", "to_lowercase",
    "to_uppercase",
    "into_bytes", "try_into", "len", "iter", "rev", "enumerate", "copied", "cloned", "abs", "get", "lines",
    "sum",
)  # fmt: skip
_UNWRAPPING = (
    "unwrap",
    "expect",
    "unwrap_or",
    "unwrap_or_default",
    "unwrap_or_else",
    "ok",
    "err",
    "ok_or",
    "unwrap_err",
)
_WRAPPING = (
    "Some", "Ok", "Err", "Box::new", "Rc::new", "Arc::new", "String::from", "Cell::new", "RefCell::new",
    "Mutex::new",
    "Wrapping", "Cow::Borrowed", "Cow::Owned", "Pin::new", "Vec::from", "Reverse", "OsString::from",
    "PathBuf::from",
    "Path::new", "OsStr::new", "Duration::from_secs", "Box::from", "Rc::from", "NonNull::from", "Saturating",
)  # fmt: skip


@operator(8.0)
def conversion_forgotten(code: Code) -> Iterator[Break]:
    """`x.to_string()` → `x`, `.into()`, `.collect()`, `.as_str()`, … are gone."""
    for call in code.method_calls(*_CONVERTING):
        yield Edit(call.receiver.end_byte, call.node.end_byte, b"")


@operator(7.0)
def unwrap_forgotten(code: Code) -> Iterator[Break]:
    """`x.unwrap()` → `x`."""
    for call in code.method_calls(*_UNWRAPPING):
        yield Edit(call.receiver.end_byte, call.node.end_byte, b"")


@operator(6.0)
def wrapper_forgotten(code: Code) -> Iterator[Break]:
    """`Some(x)` → `x`, `Ok(x)` → `x`, `Box::new(x)` → `x`."""
    for call in code.calls(*_WRAPPING):
        inside = elements(call.arguments)
        if len(inside) == 1:
            yield replace(call.node, code.text(inside[0]))


@operator(5.0)
def wrapper_added(code: Code) -> Iterator[Break]:
    """`x` → `Some(x)`, `Ok(x)`, `Box::new(x)`, `String::from(x)`."""
    forms = ("Some({})", "Ok({})", "Box::new({})", "String::from({})", "vec![{}]", "({},)", "&&{}")
    for around in code.all("arguments", "let_declaration", "return_expression", "field_initializer"):
        for value in elements(around):
            if value.type in (
                "identifier",
                "integer_literal",
                "string_literal",
                "field_expression",
                "call_expression",
            ):
                if around.type == "let_declaration" and around.child_by_field_name("value") != value:
                    continue
                if code.luck(value) % 3 == 0 and value.end_byte - value.start_byte < 80:
                    yield replace(value, forms[code.luck(value, "w") % len(forms)].format(code.text(value)))


@operator(5.0)
def conversion_added(code: Code) -> Iterator[Break]:
    """`x` → `x.to_string()`, `x.unwrap()`, `x.as_str()`, `x?`."""
    forms = (
        ".to_string()",
        ".unwrap()",
        ".as_str()",
        "?",
        ".clone()",
        ".into_iter()",
        ".iter()",
        ".as_ref()",
        ".into()",
        ".ok()",
    )
    for around in code.all("arguments", "let_declaration", "return_expression", "field_initializer"):
        for value in elements(around):
            if value.type in ("identifier", "string_literal", "field_expression", "call_expression"):
                if around.type == "let_declaration" and around.child_by_field_name("value") != value:
                    continue
                if code.luck(value) % 2 == 0:
                    yield after(value, forms[code.luck(value, "c") % len(forms)])


@operator(6.0)
def question_mark_forgotten(code: Code) -> Iterator[Break]:
    """`f()?` → `f()`."""
    for attempt in code.all("try_expression"):
        yield delete(attempt.children[-1])


@operator(5.0)
def question_mark_where_nothing_is_returned(code: Code) -> Iterator[Break]:
    """`.unwrap()` → `?` in a function that returns no Result; or the function's result type is gone."""
    for call in code.method_calls("unwrap", "expect"):
        yield Edit(call.receiver.end_byte, call.node.end_byte, b"?")
    for function in code.all("function_item"):
        parameters, result = (
            function.child_by_field_name("parameters"),
            function.child_by_field_name("return_type"),
        )
        if (
            parameters is not None
            and result is not None
            and code.text(result).startswith(("Result", "Option", "io::Result", "std::io"))
        ):
            yield Edit(parameters.end_byte, result.end_byte, b"")


@operator(4.0)
def ok_at_end_forgotten(code: Code) -> Iterator[Break]:
    """`Ok(())` at the end of a function is gone, or it became `()` or `Ok()`."""
    for call in code.calls("Ok", "Some"):
        if (
            code.parent_kind(call.node) == "block"
            and code.parent(call.node).named_children[-1].id == call.node.id
        ):
            yield _with_break(code, call.node.start_byte, call.node.end_byte)
            if code.text(call.arguments) == "(())":
                yield replace(call.arguments, "()")
                yield replace(call.node, "()")


def _with_break(code: Code, start: int, end: int) -> Edit:
    line_start = code.source.rfind(b"\n", 0, start)
    return Edit(
        line_start if line_start >= 0 and not code.source[line_start:start].strip() else start, end, b""
    )


@operator(4.0)
def option_for_result(code: Code) -> Iterator[Break]:
    """`Ok` ↔ `Some`, `None` ↔ `Err(())`, in expressions and patterns."""
    twin = {"Ok": "Some", "Some": "Ok", "Err": "Some"}
    for node in code.all("identifier"):
        text = code.text(node)
        if text in twin:
            yield replace(node, twin[text])
        elif text == "None" and code.parent_kind(node) != "use_list":
            yield replace(node, ("Err(())", "null", "Null", "Nothing", "Some")[code.luck(node) % 5])


@operator(4.0)
def other_combinator(code: Code) -> Iterator[Break]:
    """`.map` ↔ `.and_then`, `.filter` ↔ `.map`, `.unwrap_or` ↔ `.unwrap_or_else`, and the like."""
    twins = {
        "map": "and_then", "and_then": "map", "filter": "filter_map", "filter_map": "map",
        "unwrap_or": "unwrap_or_else",
        "unwrap_or_else": "unwrap_or", "ok_or": "ok_or_else", "flat_map": "map", "for_each": "map",
        "push": "push_str",
        "push_str": "push", "sum": "count", "count": "sum", "find": "position", "any": "find",
        "all": "map", "get": "get_mut",
        "map_err": "map", "ok": "ok_or", "then": "then_some", "extend": "push", "append": "extend",
        "max": "max_by", "fold": "map",
        "sort_by": "sort_by_key", "sort_by_key": "sort_by", "as_str": "as_bytes", "chars": "bytes",
        "bytes": "chars",
        "insert": "push", "contains_key": "contains", "contains": "contains_key", "unwrap": "unwrap_err",
        "lock": "read",
        "min_by_key": "min_by", "zip": "chain", "chain": "zip", "take": "take_while", "skip": "skip_while",
        "nth": "take",
        "first": "get", "last": "pop", "pop": "last", "next": "peek", "split": "split_at", "or": "or_else",
        "or_else": "or",
    }  # fmt: skip
    for call in code.method_calls(*twins):
        yield replace(call.name, twins[code.text(call.name)])


@operator(3.0)
def unwrapped_pattern(code: Code) -> Iterator[Break]:
    """In patterns: `Some(x)` → `Some`, `x`, `Some(x, _)`."""
    for pattern in code.all("tuple_struct_pattern"):
        name = pattern.child_by_field_name("type")
        if name is not None:
            yield Edit(name.end_byte, pattern.end_byte, b"")
            inside = [child for child in elements(pattern) if child.id != name.id]
            if len(inside) == 1:
                yield replace(pattern, code.text(inside[0]))
                yield after(inside[0], ", _")


@operator(2.0)
def error_conversion_forgotten(code: Code) -> Iterator[Break]:
    """`.map_err(…)?` → `?`, and the boxed error of a result becomes a String."""
    for call in code.method_calls("map_err", "ok_or", "ok_or_else", "context"):
        yield Edit(call.receiver.end_byte, call.node.end_byte, b"")
    for kind in code.all("generic_type"):
        if code.text(kind) in ("Box<dyn Error>", "Box<dyn std::error::Error>"):
            yield replace(kind, "String")


@operator(2.0)
def into_from_confused(code: Code) -> Iterator[Break]:
    """`String::from(x)` → `String::into(x)`, `x.parse()` → `x.into()`, `T::from(x)` → `T::try_from(x)`."""
    for call in code.all("scoped_identifier"):
        name = call.child_by_field_name("name")
        if name is not None and code.text(name) in ("from", "try_from", "new"):
            wrong = {"from": "into", "try_from": "from", "new": "from"}[code.text(name)]
            yield replace(name, wrong)
    for method in code.method_calls("parse", "try_into"):
        yield Edit(method.name.start_byte, method.arguments.start_byte, b"into")


@operator(2.0)
def double_reference(code: Code) -> Iterator[Break]:
    """`.iter()` gives references: `.copied()`, `.cloned()`, `*` in a closure is gone."""
    for closure in code.all("closure_expression"):
        body = closure.child_by_field_name("body")
        if body is None:
            continue
        for expression in code.all("unary_expression"):
            if (
                body.start_byte <= expression.start_byte < body.end_byte
                and expression.children[0].type == "*"
            ):
                yield delete(expression.children[0])
        if body.type == "identifier":
            yield before(body, "&")
