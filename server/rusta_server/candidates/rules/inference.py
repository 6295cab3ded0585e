"""Types that the compiler cannot infer: say them, guessed from how the value is used."""

import re
from collections.abc import Iterator

from ...patch.edit import Edit
from .. import Candidate, Context, Source, rustc, values
from .. import syntax as sx
from ..syntax import Node
from . import fix, rule

_USUAL = ("i32", "String", "f64", "&str", "u32")
_MAX = 7
_HOLES = (re.compile(r"/\* \w+ \*/"), re.compile(r"\b[A-Z]\b"), re.compile(r"\b_\b"))
# What a method says about the type of its receiver.
_TEXT_METHODS = re.compile(
    r"\.(push_str|to_uppercase|to_lowercase|trim|chars|as_str|split\w*|is_empty|lines|bytes|starts_with)\("
)
_NUMBER_METHODS = re.compile(r"\.(pow|abs|checked_\w+|wrapping_\w+|count_ones|is_positive|signum)\(")
_FLOAT_METHODS = re.compile(r"\.(sqrt|powi|powf|floor|ceil|round|sin|cos|exp|ln)\(")


@rule("E0282", "E0283", "E0284", "E0790")
def say_the_type(context: Context) -> Iterator[Candidate]:
    """Fill the type that the compiler asks for with the likeliest ones."""
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None:
        return
    n = 0
    for suggestion in rustc.propose(context):
        for prior, edits, written in _filled(source, node, suggestion):
            yield fix("say-type", f"Say the type: `{written}`", prior, *edits)
            n += 1
            if n >= _MAX:
                return
    yield from _annotate(source, node)
    yield from _cast_target(source, node)


@rule("E0282", "E0283")
def declare_as_returned(context: Context) -> Iterator[Candidate]:
    """A variable that the function gives back at its end has the type that the function returns."""
    source, node = sx.source_of(context), sx.node_of(context)
    scope, let = sx.function(node), sx.enclosing(node, "let_declaration")
    pattern = let.child_by_field_name("pattern") if let is not None else None
    if source is None or scope is None or scope.type != "function_item" or let is None or pattern is None:
        return
    returned, last = scope.child_by_field_name("return_type"), sx.body_tail(scope.child_by_field_name("body"))
    name = sx.text_of(next(iter(sx.pattern_names(pattern)), None))
    if returned is None or last is None or last.type != "identifier" or sx.text_of(last) != name:
        return
    if let.child_by_field_name("type") is None:
        type_ = sx.text_of(returned)
        yield fix("say-type", f"Declare `{name}` as `{type_}`", 0.6, sx.after(source, pattern, f": {type_}"))


def _filled(
    source: Source, node: Node, suggestion: Candidate
) -> Iterator[tuple[float, tuple[Edit, ...], str]]:
    text = b"".join(edit.text for edit in suggestion.edits).decode()
    if re.fullmatch(r": Vec<_>|::<Vec<_>>", text):
        yield 0.45, suggestion.edits, text
    pattern = next((p for p in _HOLES if p.search(text)), None)
    if pattern is None:
        return
    for i, type_ in enumerate(_likely(source, node)):
        filled = pattern.sub(type_, text)
        edits = tuple(
            Edit(e.path, e.start, e.end, pattern.sub(type_, e.text.decode()).encode())
            for e in suggestion.edits
        )
        yield 0.42 - 0.03 * i, edits, filled.strip(": ")


def _likely(source: Source, node: Node) -> list[str]:
    """Types for the hole, likeliest first."""
    scope = sx.function(node)
    text = sx.text_of(scope)
    names = [sx.text_of(n) for n in sx.pattern_names(node)] if node.type == "identifier" else []
    hints = []
    for name in [*names, *_payloads(scope)]:
        uses = " ".join(re.findall(rf"\b{re.escape(name)}\s*(\.\w+\()", text))
        if _TEXT_METHODS.search(uses):
            hints.append("String")
        if _FLOAT_METHODS.search(uses):
            hints.append("f64")
        if _NUMBER_METHODS.search(uses):
            hints.append("i32")
    returns = sx.text_of(scope.child_by_field_name("return_type")) if scope is not None else ""
    if re.fullmatch(r"[iuf]\d+|usize|String|bool", returns):
        hints.append(returns)
    return list(dict.fromkeys([*hints, *_USUAL]))


def _payloads(scope: Node | None) -> list[str]:
    """The names in `Some(x)`-like patterns, whose types follow from the one that is asked for."""
    if scope is None:
        return []
    return [
        sx.text_of(n)
        for pattern in sx.descendants(scope, "tuple_struct_pattern")
        for n in sx.pattern_names(pattern)
    ]


def _annotate(source: Source, node: Node) -> Iterator[Candidate]:
    """Without a suggestion: a turbofish on the call, an annotation on the `let`."""
    call = sx.enclosing(node, "call_expression")
    let = sx.enclosing(node, "let_declaration")
    function = call.child_by_field_name("function") if call is not None else None
    name = ""
    if function is not None:
        last = function.child_by_field_name("field") or function
        name = sx.text_of(last)
        if name in ("parse", "sum", "product", "into", "collect", "default") or function.type == "identifier":
            for i, type_ in enumerate(_turbofish(source, node, name)):
                text = f"::<{type_}>"
                yield fix(
                    "turbofish", f"Say the type: `{name}{text}`", 0.4 - 0.03 * i, sx.after(source, last, text)
                )
    pattern = let.child_by_field_name("pattern") if let is not None else None
    if let is not None and pattern is not None and let.child_by_field_name("type") is None:
        for i, type_ in enumerate(_turbofish(source, node, name)):
            title = f"Declare it as `{type_}`"
            yield fix("annotate", title, 0.35 - 0.03 * i, sx.after(source, pattern, f": {type_}"))


def _turbofish(source: Source, node: Node, name: str) -> list[str]:
    if name == "collect":
        return ["Vec<_>", "String", "std::collections::HashMap<_, _>", "std::collections::HashSet<_>"]
    if name == "into":
        return ["String", "i64", "f64"]
    return _likely(source, node)[:4]


def _cast_target(source: Source, node: Node) -> Iterator[Candidate]:
    """`value as *const _`: say what it points to."""
    statement = sx.statement(node)
    name = sx.text_of(node)
    let = sx.binding(node, name) if node.type == "identifier" else None
    for scope in (statement, let):
        casts = sx.descendants(scope, "type_cast_expression") if scope is not None else ()
        for cast in casts:
            type_ = cast.child_by_field_name("type")
            if type_ is None or not sx.text_of(type_).endswith("_"):
                continue
            value = cast.child_by_field_name("value")
            origin = sx.binding(cast, sx.text_of(value)) if value is not None else None
            start = origin.child_by_field_name("value") if origin is not None else None
            inner = (
                start.child_by_field_name("value")
                if start is not None and start.type == "reference_expression"
                else start
            )
            guess = values.literal_type(inner) or "i32"
            for target in dict.fromkeys([guess, "i32", "u8"]):
                text = sx.text_of(type_)[:-1] + target
                yield fix("cast-target", f"Cast to `{text}`", 0.45, sx.replace(source, type_, text))
