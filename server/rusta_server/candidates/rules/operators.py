"""Operators, casts and indexes on operands of the wrong type."""

import re
from collections.abc import Iterator

from ...patch.edit import Edit
from .. import Candidate, Context, Source, values
from .. import syntax as sx
from ..syntax import Node
from ..values import FLOAT, INTEGER
from . import fix, rule

_NUMBER = re.compile(rf"&?({INTEGER.pattern}|{FLOAT.pattern})")
_CONCRETE = re.compile(r"[iu](8|16|32|64|128|size)|f32|f64")
_INTEGER_AND_FLOAT = re.compile(r"`&?f(?:32|64)`.*`\{integer\}`|`\{integer\}`.*`&?f(?:32|64)`")
_FLOAT_EXPECTED = re.compile(r"expected `f(?:32|64)`, found (?:integer|`\{integer\}`)")
_WIDTH = {"8": 1, "16": 2, "32": 3, "size": 4, "64": 5, "128": 6}


@rule("E0277", "E0369", "E0308")
def convert_an_operand(context: Context) -> Iterator[Candidate]:
    """Arithmetic or a comparison between different number types: convert one side."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    binary = sx.enclosing(
        sx.inner_node(source, primary.start, primary.end), "binary_expression", "compound_assignment_expr"
    )
    left = binary.child_by_field_name("left") if binary is not None else None
    right = binary.child_by_field_name("right") if binary is not None else None
    types = _operand_types(context)
    if left is None or right is None or types is None:
        return
    is_assignment = binary is not None and binary.type == "compound_assignment_expr"
    wider = _width(types[0]) >= _width(types[1])
    yield from _converted(source, right, types[1], types[0], 0.48 if wider or is_assignment else 0.42)
    if not is_assignment:
        yield from _converted(source, left, types[0], types[1], 0.42 if wider else 0.48)


def _operand_types(context: Context) -> tuple[str, str] | None:
    primary = context.diagnostic.primary
    label = (primary.label if primary else None) or ""
    match = re.search(r"no implementation for `(\S+) \S+ (\S+)`", label + context.diagnostic.message)
    if match is None:
        match = re.search(r"can't compare `(\S+)` with `(\S+)`", context.diagnostic.message)
    if match is None or not _NUMBER.fullmatch(match[1]) or not _NUMBER.fullmatch(match[2]):
        return None
    return match[1], match[2]


def _converted(source: Source, node: Node, from_: str, to: str, prior: float) -> Iterator[Candidate]:
    for text in _as_number(node, from_, to):
        title = f"Convert `{sx.text_of(node)}`: `{text}`"
        yield fix("convert-operand", title, prior, sx.replace(source, node, text))


def _as_number(node: Node, from_: str, to: str) -> Iterator[str]:
    text = sx.text_of(node)
    dereferenced = f"*{sx.tight(node)}" if from_.startswith("&") else sx.tight(node)
    plain_from, plain_to = from_.lstrip("&"), to.lstrip("&")
    if node.type == "integer_literal" and FLOAT.fullmatch(plain_to):
        yield re.sub(r"_?[iu](8|16|32|64|128|size)$", "", text) + ".0"
        return
    if node.type == "float_literal" and INTEGER.fullmatch(plain_to):
        if re.fullmatch(r"\d+\.0*", text):
            yield text.split(".")[0]
        return
    if node.type in ("integer_literal", "float_literal") and _CONCRETE.fullmatch(plain_to):
        yield re.sub(r"_?[iuf](8|16|32|64|128|size)$", "", text) + ""
    if plain_from == plain_to:
        if from_.startswith("&"):
            yield dereferenced
        return
    targets = [plain_to] if _CONCRETE.fullmatch(plain_to) else ["i32"]
    if FLOAT.fullmatch(plain_to) and plain_to not in targets:
        targets = ["f64", "f32"]
    for target in targets:
        yield f"({dereferenced} as {target})" if _needs_parentheses(node) else f"{dereferenced} as {target}"


def _needs_parentheses(node: Node) -> bool:
    following = node.next_sibling
    return (
        following is not None and sx.text_of(following) in ("<", "<<", ".", "-") and node.parent is not None
    )


@rule("E0277", "E0308", "E0369")
def begin_with_a_float(context: Context) -> Iterator[Candidate]:
    """`let mut sum = 0;` to which floats are added: the literal makes it an integer."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    said = f"{context.diagnostic.message} {primary.label or ''}"
    if not (_INTEGER_AND_FLOAT.search(said) or _FLOAT_EXPECTED.search(said)):
        return
    inner = sx.inner_node(source, primary.start, primary.end)
    operation = sx.enclosing(inner, "binary_expression", "compound_assignment_expr")
    nodes: list[Node | None] = [inner]
    if operation is not None:
        nodes += [operation.child_by_field_name("left"), operation.child_by_field_name("right")]
    for node in nodes:
        let = sx.binding(node, sx.text_of(node)) if node is not None and node.type == "identifier" else None
        value = let.child_by_field_name("value") if let is not None else None
        if let is None or value is None or value.type != "integer_literal" or let.child_by_field_name("type"):
            continue
        if sx.text_of(value).isdigit():
            float_ = f"{sx.text_of(value)}.0"
            yield fix("float-literal", f"Begin with `{float_}`", 0.62, sx.replace(source, value, float_))


def _width(type_: str) -> int:
    name = type_.lstrip("&")
    if FLOAT.fullmatch(name):
        return 10 + (name != "f32")
    return _WIDTH.get(re.sub(r"^[iu]", "", name), 0)


@rule("E0277")
def index_with_usize(context: Context) -> Iterator[Candidate]:
    """Slices are indexed by `usize`: convert the index, or declare it so."""
    match = re.search(r"cannot be indexed by `(&?)([iu]\w+)`", context.diagnostic.message)
    source, primary = sx.source_of(context), context.diagnostic.primary
    if match is None or source is None or primary is None:
        return
    node = sx.expression_at(source, primary.start, primary.end)
    if node is None:
        return
    star = "*" if match[1] else ""
    yield fix(
        "index-usize",
        f"Index with `{sx.text_of(node)}` as `usize`",
        0.5,
        sx.replace(source, node, f"{star}{sx.tight(node)} as usize"),
    )
    if node.type == "identifier":
        yield from _declare_as(source, node, "usize", 0.45)


def _declare_as(source: Source, node: Node, type_: str, prior: float) -> Iterator[Candidate]:
    """Change the declared type, or the literal's suffix, of the variable at `node`."""
    name = sx.text_of(node)
    declaration = sx.binding(node, name)
    if declaration is None or declaration.type not in ("let_declaration", "parameter"):
        return
    title = f"Declare `{name}` as `{type_}`"
    written = declaration.child_by_field_name("type")
    value = declaration.child_by_field_name("value")
    pattern = declaration.child_by_field_name("pattern")
    suffix = r"_?[iuf](8|16|32|64|128|size)$"
    if written is not None:
        literal = None
        if value is not None and re.search(suffix, sx.text_of(value)):
            literal = sx.replace(source, value, re.sub(suffix, "", sx.text_of(value)))
        yield fix("declare-as", title, prior, sx.replace(source, written, type_), literal)
    elif value is not None and value.type in ("integer_literal", "float_literal"):
        text = re.sub(r"\.0*$", "", re.sub(suffix, "", sx.text_of(value)))
        yield fix("declare-as", title, prior, sx.replace(source, value, text + type_))
    elif pattern is not None and pattern.type == "identifier":
        yield fix("declare-as", title, prior * 0.9, sx.after(source, pattern, f": {type_}"))


@rule("E0277")
def compare_values(context: Context) -> Iterator[Candidate]:
    """`assert_eq!(5, reference)`: compare what the reference points to."""
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None or "can't compare" not in context.diagnostic.message:
        return
    types = [t for t in sx.quoted(context.diagnostic.message) if "<" not in t]
    macro = sx.enclosing(node, "macro_invocation")
    if macro is not None:
        tree = next((n for n in macro.children if n.type == "token_tree"), None)
        arguments = _macro_arguments(source, tree) if tree is not None else []
        if len(arguments) >= 2 and len(types) == 2:
            for (start, end), type_ in zip(arguments, types, strict=False):
                text = source.text[start:end].decode()
                if type_.startswith("&") and re.fullmatch(r"\w+", text):
                    insertion = Edit(source.path, start, start, b"*")
                    yield fix("dereference", f"Compare the value behind `{text}`", 0.5, insertion)
            for (start, end), type_, other in zip(arguments, types, reversed(types), strict=False):
                if other == f"&{type_}":
                    text = source.text[start:end].decode()
                    yield fix(
                        "reference", f"Compare with `&{text}`", 0.42, Edit(source.path, start, start, b"&")
                    )
        return
    binary = sx.enclosing(node, "binary_expression")
    if binary is None or len(types) != 2:
        return
    sides = [binary.child_by_field_name("left"), binary.child_by_field_name("right")]
    for side, type_, other in zip(sides, types, reversed(types), strict=True):
        if side is not None and type_ == f"&{other}":
            text = f"*{sx.tight(side)}"
            yield fix("dereference", f"Compare the value: `{text}`", 0.48, sx.replace(source, side, text))
        if side is not None and other == f"&{type_}":
            text = f"&{sx.tight(side)}"
            yield fix("reference", f"Compare references: `{text}`", 0.4, sx.replace(source, side, text))


def _macro_arguments(source: Source, tree: Node) -> list[tuple[int, int]]:
    """The byte ranges of the arguments between the macro's outer commas."""
    ranges, start = [], tree.children[0].end_byte
    for child in [*tree.children[1:-1], tree.children[-1]]:
        if child == tree.children[-1] or sx.text_of(child) == ",":
            piece = source.text[start : child.start_byte]
            left = len(piece) - len(piece.lstrip())
            ranges.append((start + left, start + len(piece.rstrip())))
            start = child.end_byte
    return ranges


@rule("E0614")
def no_dereference(context: Context) -> Iterator[Candidate]:
    """The value is not a reference: drop the `*`."""
    source, node = sx.source_of(context), sx.node_of(context)
    unary = sx.enclosing(node, "unary_expression")
    if source is not None and unary is not None and sx.text_of(unary).startswith("*"):
        cut = Edit(source.path, unary.start_byte, unary.start_byte + 1, b"")
        yield fix("no-dereference", f"Use `{sx.text_of(unary)[1:]}` itself", 0.5, cut)
    elif source is not None and context.diagnostic.primary is not None:
        start = context.diagnostic.primary.start
        if source.text[start : start + 1] == b"*":
            yield fix("no-dereference", "Drop the `*`", 0.5, Edit(source.path, start, start + 1, b""))


@rule("E0600")
def mend_the_unary(context: Context) -> Iterator[Candidate]:
    """`-` on an unsigned value, `!` on something that is not a truth value."""
    source, node = sx.source_of(context), sx.node_of(context)
    unary = sx.enclosing(node, "unary_expression")
    if source is None or unary is None or not unary.named_children:
        return
    operand = unary.named_children[0]
    type_ = (sx.quoted(context.diagnostic.message) or ["", ""])[-1]
    text = sx.tight(operand)
    if re.fullmatch(r"u(8|16|32|64|128|size)", type_):
        signed = "i" + type_[1:]
        if operand.type == "identifier":
            yield from _declare_as(source, operand, signed, 0.45)
        yield fix(
            "signed", f"Negate it as `{signed}`", 0.35, sx.replace(source, operand, f"({text} as {signed})")
        )
    if sx.text_of(unary).startswith("!") and re.search(r"str$|String$|Vec<|\[", type_):
        yield fix("is-empty", f"Ask whether `{text}` is empty", 0.4, sx.after(source, operand, ".is_empty()"))
    if sx.text_of(unary).startswith("!") and type_.startswith(("Option<", "Result<")):
        method = "is_none" if type_.startswith("Option<") else "is_err"
        yield fix("is-none", f"Ask `{method}`", 0.45, sx.replace(source, unary, f"{text}.{method}()"))
    yield fix(
        "no-operator",
        f"Use `{sx.text_of(operand)}` itself",
        0.2,
        sx.replace(source, unary, sx.text_of(operand)),
    )
    item = sx.named_item(source, type_, "enum_item", "struct_item")
    if item is not None:
        yield from _implement_not(source, unary, item)


def _implement_not(source: Source, unary: Node, item: Node) -> Iterator[Candidate]:
    """`!value` for an enum of two variants: the other one."""
    body = item.child_by_field_name("body")
    variants = list(sx.descendants(body, "enum_variant")) if body is not None else []
    names = [sx.text_of(v.child_by_field_name("name")) for v in variants]
    if len(names) != 2 or not sx.text_of(unary).startswith("!"):
        return
    name = sx.text_of(item.child_by_field_name("name"))
    code = (
        f"\nimpl std::ops::Not for {name} {{\n    type Output = Self;\n\n    fn not(self) -> Self {{\n"
        f"        match self {{\n            {name}::{names[0]} => {name}::{names[1]},\n"
        f"            {name}::{names[1]} => {name}::{names[0]},\n        }}\n    }}\n}}"
    )
    yield fix("implement-not", f"Implement `!` for `{name}`", 0.4, sx.line_after(source, item, code))


@rule("E0604", "E0605", "E0606", "E0607")
def mend_the_cast(context: Context) -> Iterator[Candidate]:
    """`as` between types that have no such cast: convert by the method that does it."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    cast = sx.expression_at(source, primary.start, primary.end)
    if cast is None or cast.type != "type_cast_expression":
        return
    value, to_node = cast.child_by_field_name("value"), cast.child_by_field_name("type")
    types = sx.quoted(context.diagnostic.message)
    if value is None or to_node is None or not types:
        return
    for prior, text in _casts(value, types[0], sx.text_of(to_node)):
        yield fix("cast", f"Convert with `{text}`", prior, sx.replace(source, cast, text))


def _casts(value: Node, from_: str, to: str) -> Iterator[tuple[float, str]]:
    text, tight = sx.text_of(value), sx.tight(value)
    plain = from_.lstrip("&").replace("'static ", "")
    if to == "char":
        yield 0.45, f"{tight} as u8 as char"
        yield 0.4, f"char::from_u32({text}).unwrap()"
    if plain in ("str", "String") and _CONCRETE.fullmatch(to):
        yield 0.5, f"{tight}.parse::<{to}>().unwrap()"
    if to == "String":
        yield 0.5, f"{tight}.to_string()"
    if to == "&str" and plain == "String":
        yield 0.5, f"{tight}.as_str()"
    if to in ("f32", "f64") and plain == "bool":
        yield 0.5, f"{tight} as u8 as {to}"
    if _CONCRETE.fullmatch(to) and plain == "char":
        yield 0.5, f"{tight} as u32 as {to}"
    if from_.startswith("&") and _CONCRETE.fullmatch(to) and plain not in ("str",):
        yield 0.5, f"*{tight} as {to}"
    if match := re.match(r"(Option|Result)<(.+?)[,>]", from_):
        yield 0.4, f"{tight}.unwrap() as {to}"
        if match[2] == to:
            yield 0.45, f"{tight}.unwrap()"
    if to.startswith("["):
        yield 0.4, f"<{to}>::try_from({text}).unwrap()"
    if to.startswith("Vec<"):
        yield 0.35, f"vec![{text}]"
        yield 0.34, f"{tight}.to_vec()"
    if to.startswith("&"):
        yield 0.35, f"&{tight}"
        yield 0.3, f"unsafe {{ &*{tight} }}" if from_.startswith("*") else f"&({text} as {to[1:]})"
    if match := re.match(r"(Box|Rc|Arc|Some)\b", to):
        yield 0.35, f"{match[1]}::new({text})"
    if not to.startswith(("&", "*")):
        yield 0.3, f"{to}::from({text})" if re.fullmatch(r"\w+", to) else f"<{to}>::from({text})"


@rule("E0608")
def mend_the_index(context: Context) -> Iterator[Candidate]:
    """An index on something that has none: a tuple's field, or the value itself."""
    source, node = sx.source_of(context), sx.node_of(context)
    index = sx.enclosing(node, "index_expression")
    if index is None and node is not None:
        index = next((n for n in sx.ancestors(node) if n.type == "index_expression"), None)
    if source is None or index is None or len(index.named_children) != 2:
        return
    value, key = index.named_children
    type_ = (sx.quoted(context.diagnostic.message) or [""])[-1]
    base, at = sx.tight(value), sx.text_of(key)
    if type_.startswith("(") and at.isdigit():
        yield fix("tuple-field", f"Take the field `{at}`", 0.55, sx.replace(source, index, f"{base}.{at}"))
    if re.search(r"Option<|Result<", type_):
        yield fix("unwrap-index", "Index what is inside", 0.35, sx.replace(source, value, f"{base}.unwrap()"))
    if re.search(r"HashSet|BTreeSet|Iter|Chars|Map<|LinkedList", type_):
        text = (
            f"{base}.nth({at}).unwrap()"
            if "Set" not in type_ and "List" not in type_
            else f"{base}.get({at})"
        )
        yield fix("nth", f"Take it with `{text}`", 0.35, sx.replace(source, index, text))
    if _NUMBER.fullmatch(type_):
        yield fix(
            "no-index",
            f"Use `{sx.text_of(value)}` itself",
            0.25,
            sx.replace(source, index, sx.text_of(value)),
        )
    declaration = sx.binding(value, sx.text_of(value))
    start = declaration.child_by_field_name("value") if declaration is not None else None
    if start is not None and _NUMBER.fullmatch(type_):
        whole = sx.replace(source, start, f"vec![{sx.text_of(start)}]")
        yield fix("make-vector", f"Make `{sx.text_of(value)}` a vector", 0.28, whole)


@rule("E0067", "E0070")
def assign_to_a_variable(context: Context) -> Iterator[Candidate]:
    """Only places can be assigned to: swap the sides, or give the value a variable."""
    source, node = sx.source_of(context), sx.node_of(context)
    assignment = sx.enclosing(node, "assignment_expression", "compound_assignment_expr")
    left = assignment.child_by_field_name("left") if assignment is not None else None
    right = assignment.child_by_field_name("right") if assignment is not None else None
    if source is None or assignment is None or left is None or right is None:
        return
    if right.type in ("identifier", "field_expression") and assignment.type == "assignment_expression":
        text = f"{sx.text_of(right)} = {sx.text_of(left)}"
        yield fix("swap-sides", "Swap the sides of the assignment", 0.5, sx.replace(source, assignment, text))
    if assignment.type == "compound_assignment_expr" and left.type.endswith("literal"):
        statement = sx.statement(assignment)
        if statement is not None:
            line = sx.line_before(source, statement, f"let mut value = {sx.text_of(left)};")
            yield fix("name-value", "Give the value a variable", 0.4, line, sx.replace(source, left, "value"))
    if assignment.type == "assignment_expression":
        compare = Edit(source.path, left.end_byte, right.start_byte, b" == ")
        yield fix("compare", "Compare instead of assigning", 0.25, compare)
        if left.type in ("call_expression", "integer_literal"):
            text = f"*{sx.text_of(left)}" if left.type == "call_expression" else "let _value"
            yield fix("assign-through", f"Assign to `{text}`", 0.3, sx.replace(source, left, text))


@rule("E0368", "E0369")
def whole_numbers_for_bits(context: Context) -> Iterator[Candidate]:
    """Shifts, remainders of bits and masks need whole numbers: declare the variable as one."""
    source, node = sx.source_of(context), sx.node_of(context)
    expression = sx.enclosing(node, "binary_expression", "compound_assignment_expr")
    left = expression.child_by_field_name("left") if expression is not None else None
    if source is None or expression is None or left is None:
        return
    operator = sx.text_of(expression.child_by_field_name("operator"))
    message = context.diagnostic.message
    if operator.rstrip("=") in ("<<", ">>", "&", "|", "^") and re.search(r"\bf(32|64)\b|\{float\}", message):
        if left.type == "identifier":
            yield from _declare_as(source, left, "u32", 0.45)
        elif left.type == "float_literal":
            yield fix(
                "whole", "Use a whole number", 0.4, sx.replace(source, left, sx.text_of(left).split(".")[0])
            )
    if "`&str`" in message and operator in ("+=", "+") and left.type == "identifier":
        yield from _own_the_text(source, left)


def _own_the_text(source: Source, left: Node) -> Iterator[Candidate]:
    declaration = sx.binding(left, sx.text_of(left))
    value = declaration.child_by_field_name("value") if declaration is not None else None
    if declaration is None or value is None or declaration.child_by_field_name("type") is not None:
        return
    text = sx.replace(source, value, f"String::from({sx.text_of(value)})")
    yield fix("own-text", f"Make `{sx.text_of(left)}` a `String`", 0.45, text)


@rule("E0277")
def iterate_a_range(context: Context) -> Iterator[Candidate]:
    """`for i in n`: from 0 up to it; `for x in thing`: by its iterator."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None or "is not an iterator" not in context.diagnostic.message:
        return
    node = sx.expression_at(source, primary.start, primary.end)
    if node is None:
        return
    type_ = (sx.quoted(context.diagnostic.message) or [""])[0]
    if INTEGER.fullmatch(type_):
        yield fix(
            "range",
            f"Count from 0 to `{sx.text_of(node)}`",
            0.5,
            sx.replace(source, node, f"0..{sx.tight(node)}"),
        )
    elif "str" in type_ or type_.endswith("String"):
        yield fix(
            "chars", "Go over the characters", 0.45, sx.replace(source, node, f"{sx.tight(node)}.chars()")
        )
    elif type_.startswith("("):
        parts = re.sub(r"^\((.*)\)$", r"[\1]", sx.text_of(node))
        if parts.startswith("["):
            yield fix("array", "Go over an array", 0.4, sx.replace(source, node, parts))
    else:
        yield fix("iter", "Go over its iterator", 0.4, sx.replace(source, node, f"{sx.tight(node)}.iter()"))


@rule("E0277")
def collect_copies(context: Context) -> Iterator[Candidate]:
    """`collect` or `sum` of references where values are wanted."""
    message = context.diagnostic.message
    match = re.search(
        r"a value of type `(.+)` cannot be (?:built|made).* (?:over|from|by).*type `(.+)`", message
    )
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None or match is None:
        return
    calls = [n for n in sx.ancestors(node) if n.type == "call_expression"]
    statement = sx.statement(node)
    if not calls and statement is not None:
        calls = list(sx.descendants(statement, "call_expression"))
    call = next(
        (c for c in calls if re.search(r"\.(collect|sum|product)(::<.*>)?\(\)$", sx.text_of(c))), None
    )
    function = call.child_by_field_name("function") if call is not None else None
    while function is not None and function.type == "generic_function":
        function = function.child_by_field_name("function")
    receiver = function.child_by_field_name("value") if function is not None else None
    if receiver is None:
        return
    wanted, given = match[1], match[2]
    if given.startswith("&"):
        for method in ("copied", "cloned"):
            yield fix(
                method, f"Collect values with `{method}`", 0.45, sx.after(source, receiver, f".{method}()")
            )
    if "String" in wanted and given in ("&str", "char"):
        owned = ".map(|text| text.to_string())"
        yield fix("own-each", "Make each an owned `String`", 0.5, sx.after(source, receiver, owned))
    annotation = re.search(r"<(&?\w+)>$", wanted)
    if annotation and statement is not None:
        for type_ in sx.descendants(statement, "generic_type"):
            if values.bare(sx.text_of(type_)) == wanted and re.fullmatch(r"&?[\w]+", given):
                new = wanted.replace(annotation[1], given)
                yield fix("collect-type", f"Collect into `{new}`", 0.4, sx.replace(source, type_, new))


@rule("E0369", "E0277", "E0368")
def take_out_the_operand(context: Context) -> Iterator[Candidate]:
    """An `Option` or `Result` in arithmetic or a comparison: use what is inside."""
    source = sx.source_of(context)
    for span in context.diagnostic.spans:
        type_ = span.label or ""
        if source is None or not re.match(r"(std::\w+::)?(Option|Result)<", type_):
            continue
        node = sx.expression_at(source, span.start, span.end)
        if node is None:
            continue
        function = sx.function_or_closure(node)
        returns = sx.text_of(function.child_by_field_name("return_type")) if function is not None else ""
        kind = "Option" if "Option<" in type_[:20] else "Result"
        title = f"Use what is inside `{sx.text_of(node)}`"
        if kind in returns:
            let = sx.binding(node, sx.text_of(node))
            value = let.child_by_field_name("value") if let is not None else None
            if value is not None:
                yield fix(
                    "question-mark",
                    f"Give up on errors: `{sx.text_of(value)}?`",
                    0.5,
                    sx.after(source, value, "?"),
                )
            yield fix("question-mark", title, 0.42, sx.after(source, node, "?"))
        yield fix("unwrap-operand", title, 0.36, sx.after(source, node, ".unwrap()"))


@rule("E0369", "E0277")
def add_texts_and_characters(context: Context) -> Iterator[Candidate]:
    """`+` with a text needs a `String` on the left; `+` with a character needs its number."""
    source, node = sx.source_of(context), sx.node_of(context)
    primary = context.diagnostic.primary
    if source is None or node is None or primary is None:
        return
    binary = sx.enclosing(sx.inner_node(source, primary.start, primary.end), "binary_expression")
    left = binary.child_by_field_name("left") if binary is not None else None
    right = binary.child_by_field_name("right") if binary is not None else None
    if binary is None or left is None or right is None:
        return
    message = context.diagnostic.message
    if re.search(r"cannot add `(&?str|&?String|char)`", message):
        yield fix("own-left", "Make the left side a `String`", 0.42, sx.after(source, left, ".to_string()"))
        whole = f'format!("{{}}{{}}", {sx.text_of(left)}, {sx.text_of(right)})'
        yield fix("format", "Put them together with `format!`", 0.4, sx.replace(source, binary, whole))
    if re.search(r"to `char`|from `char`", message):
        operator = sx.text_of(binary.child_by_field_name("operator"))
        text = f"({sx.tight(left)} as u8 {operator} {sx.text_of(right)}) as char"
        yield fix(
            "next-character", "Compute with the character's number", 0.45, sx.replace(source, binary, text)
        )
        if right.type == "char_literal" or "from `char`" in message:
            text = f"{sx.tight(left)} as u32 {operator} {sx.tight(right)} as u32"
            yield fix(
                "character-number",
                "Compute with the characters' numbers",
                0.42,
                sx.replace(source, binary, text),
            )


@rule("E0512")
def convert_instead_of_transmute(context: Context) -> Iterator[Candidate]:
    """Between numbers of different sizes `as` converts; `transmute` cannot."""
    source, node = sx.source_of(context), sx.node_of(context)
    call = sx.enclosing(node, "call_expression")
    arguments = call.child_by_field_name("arguments") if call is not None else None
    notes = " ".join(child.message for child in context.diagnostic.children)
    target = re.search(r"target type: `(\w+)`", notes)
    if (
        source is None
        or call is None
        or arguments is None
        or target is None
        or len(arguments.named_children) != 1
    ):
        return
    argument = arguments.named_children[0]
    text = f"{sx.tight(argument)} as {target[1]}"
    yield fix("as-instead", f"Convert with `{text}`", 0.35, sx.replace(source, call, text))
    if argument.type == "integer_literal":
        literal = re.sub(r"[iu]\w+$", "", sx.text_of(argument)) + target[1]
        yield fix("literal-size", f"Write `{literal}`", 0.45, sx.replace(source, argument, literal))
