"""Mismatched types: a value of one type where another is expected.

The ways out: convert the value, change what is expected (a return type, an annotation, a parameter), or
mend the expression that should have had a value and has none.
"""

import re
from collections.abc import Iterator

from attrs import frozen

from ...patch.edit import Edit
from ...tools.diagnostic import Diagnostic
from .. import Candidate, Context, Source, values
from .. import syntax as sx
from ..syntax import Node
from ..values import FLOAT, INTEGER
from . import fix, rule

_NUMBER = re.compile(rf"{INTEGER.pattern}|{FLOAT.pattern}")
_CONCRETE_NUMBER = re.compile(r"[iu](8|16|32|64|128|size)|f32|f64")
_POINTERS = re.compile(r"(Box|Rc|Arc|RefCell|Cell|Mutex|RwLock|Some|Cow|Reverse|Wrapping)<")
_ITERATORS = re.compile(
    r"(std|core)::|(Map|Filter|FilterMap|Rev|Chars|Iter|IntoIter|Enumerate|Split\w*|Zip|Skip|Take|Chain|Cloned"
    r"|Copied|FlatMap)<"
)
_COLLECTIONS = re.compile(r"(Vec|String|Result<Vec|Option<Vec|HashMap|HashSet|BTreeMap|BTreeSet|VecDeque)\b")
_UNWRITABLE = re.compile(r"\{|\b_\b|closure|opaque|associated|fn item|\?")


@frozen
class _Mismatch:
    """What was expected and found, as the compiler writes it, and the expression."""

    source: Source
    node: Node
    expected: str
    found: str


@rule("E0308")
def convert_the_value(context: Context) -> Iterator[Candidate]:
    """Convert the expression from the type it has to the type that is expected."""
    mismatch = _mismatch(context)
    if mismatch is None or _is_pattern(mismatch.node):
        return
    seen = set()
    for prior, text in _conversions(mismatch):
        if text in seen:
            continue
        seen.add(text)
        title = f"Convert `{_short(mismatch.node)}` to `{mismatch.expected}`: `{text}`"
        yield fix("convert", title, prior, sx.replace(mismatch.source, mismatch.node, text))


def _conversions(mismatch: _Mismatch) -> Iterator[tuple[float, str]]:
    expected, found, node = values.bare(mismatch.expected), values.bare(mismatch.found), mismatch.node
    text, tight = sx.text_of(node), sx.tight(node)
    if _NUMBER.fullmatch(found):
        yield from _from_number(expected, found, node)
    if found.lstrip("&") in ("str", "String", "char"):
        yield from _from_text(expected, found, node)
    if expected == "bool":
        yield from _to_bool(found, tight)
    yield from _reference_or_value(expected, found, node)
    yield from _wrapped(expected, found, node)
    if match := re.match(r"(Option|Result)<(.+)>$", found):
        inner = values.split_types(match[2])[0]
        if inner == expected or inner == "_" or _NUMBER.fullmatch(expected):
            function = sx.function_or_closure(node)
            returns = sx.text_of(function.child_by_field_name("return_type")) if function is not None else ""
            yield 0.4 if returns.startswith(match[1]) or match[1] in returns else 0.1, f"{tight}?"
            yield 0.36, f"{tight}.unwrap()"
            yield 0.3, f"{tight}.unwrap_or_default()"
        if match[1] == "Result" and expected.startswith("Option<"):
            yield 0.45, f"{tight}.ok()"
        if inner.lstrip("&") in ("String",) and "str" in expected and match[1] == "Option":
            yield 0.45, f"{tight}.as_deref()"
        if f"&{expected}" == f"{match[1]}<&{inner}>":
            yield 0.4, f"{tight}.cloned()"
        if match[1] == "Option" and expected == f"Option<{inner.removeprefix('&')}>":
            yield 0.45, f"{tight}.cloned()"
        if match[1] == "Option" and expected == f"Option<&{inner}>":
            yield 0.45, f"{tight}.as_ref()"
    if expected.startswith("Vec<") or found.startswith(("[", "&[", "Vec<", "&Vec<")):
        yield from _sequences(expected, found, node)
    if _ITERATORS.match(found) and _COLLECTIONS.match(expected):
        yield 0.45, f"{tight}.collect()"
    if not text.endswith(".into()") and found not in ("()", "!"):
        yield 0.2, f"{tight}.into()"


def _from_number(expected: str, found: str, node: Node) -> Iterator[tuple[float, str]]:
    text, tight = sx.text_of(node), sx.tight(node)
    literal = re.fullmatch(r"(-?[\d_]+(?:\.\d*)?)_?([iuf](?:8|16|32|64|128|size))?", text)
    if literal and literal[2] and _CONCRETE_NUMBER.fullmatch(expected):
        yield 0.5, literal[1]
    if literal and INTEGER.fullmatch(expected) and re.fullmatch(r"-?\d+\.0*", literal[1]):
        yield 0.5, literal[1].split(".")[0]
    if literal and INTEGER.fullmatch(expected) and "." in text:
        yield 0.4, literal[1].split(".")[0]
    if literal and FLOAT.fullmatch(expected) and "." not in text:
        yield 0.5, f"{literal[1]}.0"
    if _CONCRETE_NUMBER.fullmatch(expected):
        yield 0.45, f"{tight} as {expected}"
    if expected == "char" and found == "u8":
        yield 0.5, f"{tight} as char"
    elif expected == "char":
        yield 0.35, f"({text}) as u8 as char" if not literal else f"{text} as char"
        yield 0.3, f"'{text}'" if re.fullmatch(r"\d", text) else f"char::from({tight})"
    if expected == "String":
        yield 0.4, f"{tight}.to_string()"
    if expected == "&str":
        yield 0.35 if literal else 0.05, f'"{text}"'
        yield 0.3, f"&{tight}.to_string()"
    if expected.startswith("&") and _NUMBER.fullmatch(expected[1:]):
        yield 0.4, f"&{tight}"


def _from_text(expected: str, found: str, node: Node) -> Iterator[tuple[float, str]]:
    text, tight = sx.text_of(node), sx.tight(node)
    content = re.fullmatch(r'"(.*)"', text)
    if _NUMBER.fullmatch(expected):
        if content and re.fullmatch(r"-?\d+", content[1]):
            yield 0.5, content[1] + (".0" if FLOAT.fullmatch(expected) else "")
        elif content and re.fullmatch(r"-?\d+\.\d+", content[1]):
            yield 0.45, content[1] if FLOAT.fullmatch(expected) else content[1].split(".")[0]
        elif found == "char":
            yield (
                0.45,
                f"{tight} as {expected}" if expected in ("u8", "u32") else f"{tight} as u32 as {expected}",
            )
        elif content is None:
            yield 0.4, f"{tight}.parse().unwrap()"
            yield 0.3, f"{tight}.trim().parse().unwrap()"
        else:
            yield 0.12, "0.0" if FLOAT.fullmatch(expected) else "0"
    if expected == "bool" and content and content[1] in ("true", "false"):
        yield 0.5, content[1]
    if expected == "char" and found.endswith(("str", "String")):
        yield 0.3, f"{tight}.chars().next().unwrap()"
    if expected == "String" and found != "String":
        yield 0.5, f"{tight}.to_string()"
        yield 0.45, f"String::from({text})"
    if expected == "&str":
        yield 0.45, f"&{tight}" if found == "String" else f"&{tight}.to_string()"
        if found == "String":
            yield 0.44, f"{tight}.as_str()"
        for suffix in (".to_string()", ".to_owned()", ".clone()"):
            if text.endswith(suffix):
                yield 0.47, text.removesuffix(suffix)
        if match := re.fullmatch(r'String::from\(("[^"]*")\)', text):
            yield 0.48, match[1]
    if expected == "&[u8]" or expected == "Vec<u8>":
        yield 0.4, f"{tight}.as_bytes()" + (".to_vec()" if expected.startswith("Vec") else "")
    if expected == "Vec<char>":
        yield 0.4, f"{tight}.chars().collect()"


def _to_bool(found: str, tight: str) -> Iterator[tuple[float, str]]:
    if INTEGER.fullmatch(found):
        yield 0.5, f"{tight} != 0"
    elif FLOAT.fullmatch(found):
        yield 0.45, f"{tight} != 0.0"
    elif found.startswith("Option<"):
        yield 0.5, f"{tight}.is_some()"
    elif found.startswith("Result<"):
        yield 0.5, f"{tight}.is_ok()"
    elif found in ("&str", "String") or found.startswith(("Vec<", "&[")):
        yield 0.4, f"!{tight}.is_empty()"
    elif found == "&bool":
        yield 0.5, f"*{tight}"


def _reference_or_value(expected: str, found: str, node: Node) -> Iterator[tuple[float, str]]:
    text, tight = sx.text_of(node), sx.tight(node)
    inner = node.child_by_field_name("value") if node.type == "reference_expression" else None
    if expected.startswith("&mut ") and found.startswith("&") and inner is not None:
        yield 0.5, f"&mut {sx.text_of(inner)}"
    elif expected.startswith("&mut ") and not found.startswith("&"):
        yield 0.4, f"&mut {tight}"
    elif expected.startswith("&") and not found.startswith("&"):
        yield 0.45, f"&{tight}"
    if found.startswith("&") and not expected.startswith("&"):
        if inner is not None:
            yield 0.5, sx.text_of(inner)
        plain = found.lstrip("&").removeprefix("mut ")
        yield 0.46 if _NUMBER.fullmatch(plain) or plain in ("bool", "char") else 0.3, f"*{tight}"
        yield 0.4, f"{tight}.clone()"
        yield 0.3, f"{tight}.to_owned()"
    if found.startswith("&&"):
        yield 0.4, f"*{tight}"
    if text.startswith("*") and expected.startswith("&"):
        yield 0.45, text[1:]


def _wrapped(expected: str, found: str, node: Node) -> Iterator[tuple[float, str]]:
    text, tight = sx.text_of(node), sx.tight(node)
    if (match := _POINTERS.match(expected)) and not found.startswith(match[1] + "<"):
        yield 0.5, f"{match[1]}::new({text})"
    if expected.startswith("Option<") and not found.startswith("Option<"):
        yield 0.4, f"Some({text})"
    if expected.startswith("Result<") and not found.startswith("Result<"):
        yield 0.4, f"Ok({text})"
        yield 0.2, f"Err({text})"
    if expected.startswith("Option<Box<"):
        yield 0.4, f"Some(Box::new({text}))"
    if re.match(r"(Box|Rc|Arc)<", found) and not re.match(r"(Box|Rc|Arc)<", expected):
        yield 0.4, f"*{tight}"
        if match := re.fullmatch(r"(?:Box|Rc|Arc)::new\((.*)\)", text, re.S):
            yield 0.45, match[1]
    if expected.startswith(("Rc<RefCell<", "Arc<Mutex<")):
        names = expected.split("<")
        yield 0.45, f"{names[0]}::new({names[1]}::new({text}))"


def _sequences(expected: str, found: str, node: Node) -> Iterator[tuple[float, str]]:
    text, tight = sx.text_of(node), sx.tight(node)
    literal = text.removeprefix("&") if node.type in ("array_expression", "reference_expression") else ""
    if expected.startswith("Vec<"):
        if literal.startswith("["):
            yield 0.5, f"vec!{literal}"
        yield 0.4, f"{tight}.to_vec()"
    elif expected.startswith("["):
        if text.startswith("vec!["):
            yield 0.5, text.removeprefix("vec!")
        yield 0.3, f"{tight}.try_into().unwrap()"
    elif expected.startswith("&["):
        yield 0.45, f"&{tight}"
        yield 0.3, f"{tight}.as_slice()"
    elif expected == "String" and found.startswith(("Vec<char", "Vec<&str", "Vec<String")):
        yield 0.4, f"{tight}.into_iter().collect()"


@rule("E0308")
def add_mut_to_borrowed(context: Context) -> Iterator[Candidate]:
    """`f(&x)` where `&mut` is expected: borrow exclusively, which needs a `mut` binding."""
    mismatch = _mismatch(context)
    if mismatch is None or not mismatch.expected.startswith("&mut"):
        return
    source, node = mismatch.source, mismatch.node
    inner = node.child_by_field_name("value") if node.type == "reference_expression" else node
    if inner is None or inner.type != "identifier":
        return
    name = sx.text_of(inner)
    let = sx.binding(node, name)
    pattern = let.child_by_field_name("pattern") if let is not None else None
    if let is None or pattern is None or pattern.type != "identifier" or " mut " in sx.text_of(let)[:9]:
        return
    if let.type in ("let_declaration", "parameter"):
        edits = (sx.before(source, pattern, "mut "), sx.replace(source, node, f"&mut {name}"))
        yield fix("borrow-mut", f"Borrow `{name}` as mutable", 0.52, *edits)


@rule("E0308", "E0277")
def change_the_return_type(context: Context) -> Iterator[Candidate]:
    """Let the function return what its body gives."""
    mismatch = _mismatch(context)
    returns = next(sx.labelled(context.diagnostic, r"because of (this )?return type"), None)
    if mismatch is None or returns is None or _UNWRITABLE.search(mismatch.found):
        return
    source = mismatch.source
    type_ = sx.expression_at(source, returns.start, returns.end)
    found = _written(mismatch.found, mismatch.node)
    if type_ is not None and found:
        title = f"Return `{found}`"
        yield fix("return-type", title, 0.33, sx.replace(source, type_, found))


@rule("E0308")
def change_the_annotation(context: Context) -> Iterator[Candidate]:
    """Let the variable have the type of its value."""
    mismatch = _mismatch(context)
    due = next(sx.labelled(context.diagnostic, r"^expected due to this"), None)
    if mismatch is None or due is None:
        return
    source = mismatch.source
    node = source.node_at(due.start, due.end)
    let = sx.enclosing(node, "let_declaration")
    type_ = let.child_by_field_name("type") if let is not None else None
    if let is not None and type_ is not None and type_.start_byte == due.start:
        found = _written(mismatch.found, mismatch.node)
        if found and not _UNWRITABLE.search(found):
            yield fix("annotation", f"Declare it as `{found}`", 0.32, sx.replace(source, type_, found))
        colon = source.text.rindex(b":", let.start_byte, type_.start_byte)
        drop = Edit(source.path, colon, type_.end_byte, b"")
        yield fix("no-annotation", "Leave the type to the compiler", 0.25, drop)
    else:
        yield from _bind_anew(context, mismatch)


def _bind_anew(context: Context, mismatch: _Mismatch) -> Iterator[Candidate]:
    """`x = value_of_another_type;`: a new variable of the same name can have the new type."""
    assignment = mismatch.node.parent
    if assignment is None or assignment.type != "assignment_expression":
        return
    left = assignment.child_by_field_name("left")
    if left is not None and left.type == "identifier":
        name = sx.text_of(left)
        edit = sx.before(mismatch.source, assignment, "let ")
        yield fix("bind-anew", f"Bind `{name}` anew with its new type", 0.42, edit)


@rule("E0308")
def change_the_parameter(context: Context) -> Iterator[Candidate]:
    """Let the called function take what it is given."""
    mismatch = _mismatch(context)
    if mismatch is None:
        return
    found = _written(mismatch.found, mismatch.node)
    for child in context.diagnostic.children:
        if "defined here" not in child.message or not found or _UNWRITABLE.search(found):
            continue
        spans = [s for s in child.spans if not s.is_primary and s.path in context.files]
        if len(spans) == 1:
            source = context.files[spans[0].path]
            parameter = sx.enclosing(source.node_at(spans[0].start, spans[0].end), "parameter")
            type_ = parameter.child_by_field_name("type") if parameter is not None else None
            if type_ is not None:
                title = f"Let the parameter be `{found}`"
                yield fix("parameter-type", title, 0.25, sx.replace(source, type_, found))


@rule("E0308", "E0317")
def give_a_value(context: Context) -> Iterator[Candidate]:
    """A block, function or `if` that should have a value and has none."""
    mismatch = _mismatch(context)
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None or mismatch is None or mismatch.found != "()":
        return
    if context.diagnostic.code == "E0317" or mismatch.node.type == "if_expression":
        yield from _else_value(source, mismatch)
        return
    implicit = next(sx.labelled(context.diagnostic, "implicitly returns"), None)
    if implicit is not None:
        function = sx.function_or_closure(source.node_at(implicit.start, implicit.end))
        body = function.child_by_field_name("body") if function is not None else None
    else:
        body = mismatch.node if mismatch.node.type == "block" else None
    if body is not None and body.type == "block":
        yield from _tail_values(source, body, mismatch.expected)
    if mismatch.node.type in ("compound_assignment_expr", "assignment_expression"):
        left = mismatch.node.child_by_field_name("left")
        statement = sx.statement(mismatch.node)
        if left is not None and statement is not None and sx.body_tail(sx.block(statement)) is not None:
            place = sx.text_of(left)
            edit = sx.line_after(source, statement, place)
            yield fix(
                "value-after",
                f"End with the value `{place}`",
                0.5,
                sx.after(source, mismatch.node, ";"),
                edit,
            )
    if mismatch.node.type == "return_expression" and not mismatch.node.named_children:
        for value in list(values.values(source, mismatch.node, mismatch.expected))[:3]:
            yield fix(
                "return-value",
                f"Return `{value.text}`",
                0.3,
                sx.after(source, mismatch.node, f" {value.text}"),
            )


def _tail_values(source: Source, body: Node, expected: str) -> Iterator[Candidate]:
    expected = values.bare(expected)
    last = next((n for n in reversed(body.named_children) if not sx.is_comment(n)), None)
    texts: list[tuple[float, str]] = []
    if re.match(r"Result<\(\),", expected):
        texts.append((0.6, "Ok(())"))
    elif expected == "Option<()>":
        texts.append((0.5, "Some(())"))
    names = [name for statement in reversed(body.named_children) for name in sorted(sx.bound_by(statement))]
    texts += [(0.45 - 0.05 * i, name) for i, name in enumerate(names[:3])]
    texts += [(0.3, f"Ok({name})") for name in names[:1] if expected.startswith("Result<")]
    texts += [(0.3, f"Some({name})") for name in names[:1] if expected.startswith("Option<")]
    function = sx.function(body)
    if function is not None:
        texts += [
            (0.25, v.text)
            for v in list(values.values(source, body.named_children[-1] if last else body, expected))[:2]
        ]
    for prior, text in texts:
        if last is not None:
            yield fix("tail-value", f"End with the value `{text}`", prior, sx.line_after(source, last, text))
        else:
            edit = Edit(source.path, body.start_byte, body.end_byte, f"{{ {text} }}".encode())
            yield fix("tail-value", f"End with the value `{text}`", prior * 0.6, edit)
    if last is not None and last.type == "expression_statement" and sx.text_of(last).endswith(";"):
        cut = Edit(source.path, last.end_byte - 1, last.end_byte, b"")
        yield fix("no-semicolon", "Drop the semicolon: the last expression is the value", 0.5, cut)
        inner = last.named_children[0]
        if expected.startswith(("Result<", "Option<")):
            word = "Ok" if expected.startswith("Result<") else "Some"
            wrapped = sx.replace(source, last, f"{word}({sx.text_of(inner)})")
            yield fix("wrap-last", f"Wrap the last expression in `{word}`", 0.35, wrapped)


def _else_value(source: Source, mismatch: _Mismatch) -> Iterator[Candidate]:
    condition = sx.enclosing(mismatch.node, "if_expression")
    if condition is None or condition.child_by_field_name("alternative") is not None:
        return
    for value in list(values.values(source, condition, mismatch.expected))[:3]:
        title = f"Add an `else` with `{value.text}`"
        prior = 0.3 if value.is_in_scope else 0.25
        yield fix("else", title, prior, sx.after(source, condition, f" else {{ {value.text} }}"))


@rule("E0308")
def discard_the_value(context: Context) -> Iterator[Candidate]:
    """Where nothing is expected: end the expression with a semicolon."""
    mismatch = _mismatch(context)
    if mismatch is None or values.bare(mismatch.expected) != "()" or mismatch.node.type == "block":
        return
    source, node = mismatch.source, mismatch.node
    parent = node.parent
    if parent is not None and parent.type == "match_arm":
        text = f"{{ {sx.text_of(node)}; }}"
        yield fix("discard", f"Discard the value of `{_short(node)}`", 0.4, sx.replace(source, node, text))
    elif parent is not None and parent.type in ("block", "expression_statement"):
        yield fix("discard", f"Discard the value of `{_short(node)}`", 0.4, sx.after(source, node, ";"))
    if parent is not None and parent.type == "return_expression":
        function = sx.function(node)
        found = _written(mismatch.found, node)
        parameters = function.child_by_field_name("parameters") if function is not None else None
        if parameters is not None and found and not _UNWRITABLE.search(found):
            yield fix("returns", f"Return `{found}`", 0.4, sx.after(source, parameters, f" -> {found}"))
        yield fix("plain-return", "Return nothing", 0.2, sx.replace(source, parent, "return"))


@rule("E0308")
def change_the_other_branch(context: Context) -> Iterator[Candidate]:
    """Branches of different types: convert the other one, which set the expectation."""
    mismatch = _mismatch(context)
    other = next(
        sx.labelled(
            context.diagnostic,
            r"expected because of this$|found to be of type|expected because this is|"
            r"this is of type",
        ),
        None,
    )
    if mismatch is None or other is None:
        return
    source = mismatch.source
    node = sx.expression_at(source, other.start, other.end)
    if node is None:
        return
    turned = _Mismatch(source, node, mismatch.found, mismatch.expected)
    for prior, text in list(_conversions(turned))[:4]:
        title = f"Convert `{_short(node)}` to `{mismatch.found}`: `{text}`"
        yield fix("convert-other", title, prior * 0.7, sx.replace(source, node, text))


@rule("E0308")
def mend_the_pattern(context: Context) -> Iterator[Candidate]:
    """A pattern of another shape than the value it is matched with."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    value_span = next(
        sx.labelled(context.diagnostic, "this expression has type|items of type|expected due to this"), None
    )
    if source is None or primary is None or value_span is None:
        return
    node = sx.expression_at(source, primary.start, primary.end)
    value = sx.expression_at(source, value_span.start, value_span.end)
    expected, found = (values.bare(type_) for type_ in _types(context.diagnostic))
    if node is None or not _is_pattern(node):
        return
    text = sx.text_of(node)
    yield from _tuple_pattern(source, node, expected)
    if (
        value is not None
        and found.startswith("(")
        and not expected.startswith("(")
        and len(sx.elements(node)) == 2
    ):
        for method in ("iter", "into_iter"):
            numbered = f"{sx.tight(value)}.{method}().enumerate()"
            if value.parent is not None and value.parent.type == "for_expression":
                yield fix("enumerate", "Number the elements", 0.45, sx.replace(source, value, numbered))
    if value is not None:
        tight = sx.tight(value)
        if found.endswith("str") and expected.lstrip("&") == "String":
            yield fix(
                "as-str",
                f"Match on `{tight}` as a string slice",
                0.55,
                sx.replace(source, value, f"{tight}.as_str()"),
            )
        if expected.startswith("&") and not found.startswith("&"):
            yield fix(
                "match-value",
                f"Match on the value behind `{tight}`",
                0.45,
                sx.replace(source, value, f"*{tight}"),
            )
            yield fix("reference-pattern", f"Match a reference: `&{text}`", 0.4, sx.before(source, node, "&"))
        if _NUMBER.fullmatch(found) and expected in ("String", "&str", "str"):
            yield fix("text-pattern", "Match the text", 0.3, sx.replace(source, node, f'"{text}"'))
        if "Option<" in expected and not found.startswith("Option<") and node.type != "identifier":
            yield fix(
                "some-pattern", f"Match `Some({text})`", 0.45, sx.replace(source, node, f"Some({text})")
            )
        if "Result<" in expected and not found.startswith("Result<"):
            yield fix("ok-pattern", f"Match `Ok({text})`", 0.4, sx.replace(source, node, f"Ok({text})"))
        if expected.startswith("Result<") and text.startswith("Some("):
            yield fix(
                "ok-not-some", "Match `Ok` instead of `Some`", 0.5, sx.replace(source, node, "Ok" + text[4:])
            )
            yield fix(
                "ok", "Turn the result into an option", 0.35, sx.replace(source, value, f"{tight}.ok()")
            )
        if expected.startswith("Option<") and text.startswith("Ok("):
            yield fix(
                "some-not-ok",
                "Match `Some` instead of `Ok`",
                0.5,
                sx.replace(source, node, "Some" + text[2:]),
            )
        if expected.startswith("Result<") and text == "None":
            yield fix(
                "err-not-none", "Match `Err(_)` instead of `None`", 0.5, sx.replace(source, node, "Err(_)")
            )
        if expected.startswith("Option<") and text.startswith("Err("):
            yield fix("none-not-err", "Match `None` instead of `Err`", 0.5, sx.replace(source, node, "None"))
    wrapped = re.fullmatch(r"(?:Some|Ok)\((.*)\)", text)
    if wrapped and not re.match(r"&?(mut )?(Option|Result)<", expected):
        yield fix("bare-pattern", f"Match `{wrapped[1]}` itself", 0.35, sx.replace(source, node, wrapped[1]))
    if text.startswith("&"):
        yield fix("no-reference", "Match without the reference", 0.45, sx.replace(source, node, text[1:]))
    literal = values.literal_type(node)
    if _CONCRETE_NUMBER.fullmatch(expected) and re.fullmatch(r"\d+[iu]\d+", text):
        plain = re.sub(r"[iu]\d+$", "", text)
        yield fix("plain-literal", "Leave the type to the value", 0.5, sx.replace(source, node, plain))
    if literal == "&str" and INTEGER.fullmatch(expected) and re.fullmatch(r'"\d+"', text):
        yield fix("number-pattern", "Match the number", 0.45, sx.replace(source, node, text.strip('"')))
    if FLOAT.fullmatch(found) and INTEGER.fullmatch(expected):
        yield fix(
            "integer-pattern", "Match a whole number", 0.4, sx.replace(source, node, text.split(".")[0])
        )
    if literal == "&str" and expected == "char" and len(text) == 3:
        yield fix("char-pattern", "Match a character", 0.5, sx.replace(source, node, f"'{text[1]}'"))


def _tuple_pattern(source: Source, node: Node, expected: str) -> Iterator[Candidate]:
    if node.type not in ("tuple_pattern", "tuple_expression") or not expected.startswith("("):
        return
    parts = [sx.text_of(n) for n in sx.elements(node)]
    wanted = len(values.split_types(expected[1:-1]))
    if len(parts) < wanted:
        more = parts + ["_"] * (wanted - len(parts))
        yield fix(
            "tuple-length", "Ignore the other elements", 0.5, sx.replace(source, node, f"({', '.join(more)})")
        )
    elif len(parts) > wanted:
        fewer = ", ".join(parts[:wanted])
        yield fix(
            "tuple-length", "Take as many elements as there are", 0.4, sx.replace(source, node, f"({fewer})")
        )


@rule("E0308")
def box_the_opaque(context: Context) -> Iterator[Candidate]:
    """Two `impl Fn` are two types: return both as boxed trait objects."""
    if not any("distinct uses of `impl" in child.message for child in context.diagnostic.children):
        return
    source = sx.source_of(context)
    if source is None:
        return
    edits: list[Edit] = []
    for span in context.diagnostic.all_spans():
        if not span.label or "opaque type" not in span.label or span.path != source.path:
            continue
        type_ = source.node_at(span.start, span.end)
        function = sx.function(type_)
        body = function.child_by_field_name("body") if function is not None else None
        tail = sx.body_tail(body)
        if tail is None or type_.type != "abstract_type":
            continue
        edits.append(sx.replace(source, type_, "Box<dyn " + sx.text_of(type_).removeprefix("impl ") + ">"))
        edits.append(sx.replace(source, tail, f"Box::new({sx.text_of(tail)})"))
    if edits:
        yield fix("box-opaque", "Return boxed trait objects, which are one type", 0.5, *edits)


@rule("E0271")
def mend_the_associated_type(context: Context) -> Iterator[Candidate]:
    """An associated type or an iterator's item that is another one than promised."""
    source = sx.source_of(context)
    expected, found = _types(context.diagnostic)
    if source is None:
        return
    yield from _promised_type(context)
    node = sx.node_of(context)
    function = sx.function(node)
    tail = sx.body_tail(function.child_by_field_name("body")) if function is not None else None
    if tail is not None and found.startswith("&") and not expected.startswith("&"):
        yield fix("copied", "Iterate over copies", 0.45, sx.after(source, tail, ".copied()"))
        yield fix("cloned", "Iterate over clones", 0.42, sx.after(source, tail, ".cloned()"))
        text = sx.text_of(tail)
        if ".iter()" in text:
            new = text.replace(".iter()", ".into_iter()", 1)
            yield fix("into-iter", "Iterate over the values", 0.46, sx.replace(source, tail, new))


def _promised_type(context: Context) -> Iterator[Candidate]:
    """Make the bound ask for the type that there is, or the impl give the type that is asked for."""
    given = next((s for s in sx.noted(context.diagnostic, "^expected this to be") if s.is_primary), None)
    notes = context.diagnostic.children
    bound = next((s for note in notes for s in sx.labelled(note, "required by this bound")), None)
    wanted = next((note for note in notes if "expected this to be" in note.message), None)
    if given is None or wanted is None or given.path not in context.files:
        return
    source = context.files[given.path]
    found = source.text[given.start : given.end].decode()
    expected = sx.quoted(wanted.message)[0]
    give = Edit(source.path, given.start, given.end, expected.encode())
    yield fix("associated-type", f"Let the associated type be `{expected}`", 0.4, give)
    if bound is not None and bound.path in context.files:
        where = context.files[bound.path]
        text = where.text[bound.start : bound.end].decode()
        new = re.sub(r"=\s*" + re.escape(expected), f"= {found}", text)
        new = new if new != text else text.replace(f"={expected}", f"={found}")
        ask = Edit(where.path, bound.start, bound.end, new.encode())
        yield fix("require-type", f"Ask for `{found}`", 0.42, ask)


def _mismatch(context: Context) -> _Mismatch | None:
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return None
    node = sx.expression_at(source, primary.start, primary.end)
    expected, found = _types(context.diagnostic)
    if node is None or not expected or not found:
        return None
    return _Mismatch(source, node, expected, found)


def _types(diagnostic: Diagnostic) -> tuple[str, str]:
    """What was expected and what was found, as types where the compiler names them."""
    for child in diagnostic.children:
        match = re.search(r"expected [^`\n]*`(.+)`\s+found [^`\n]*`(.+)`", child.message)
        if match and child.level == "note":
            return match[1], match[2]
    label = next((s.label for s in diagnostic.spans if s.is_primary and s.label), "") or ""
    match = re.search(r"expected (.+), found (.+)$", label)
    if match is None:
        return "", ""
    return _bare_label(match[1]), _bare_label(match[2])


def _bare_label(text: str) -> str:
    quoted = sx.quoted(text)
    return quoted[0] if quoted else text


def _written(type_: str, node: Node) -> str:
    """The type as a person writes it; a literal's kind becomes its default type."""
    if type_ in ("integer", "{integer}"):
        return "i32"
    if type_ in ("floating-point number", "{float}"):
        return "f64"
    if type_ == "&str":
        return "&'static str" if node.type == "string_literal" else "&str"
    return re.sub(r"\{integer\}", "i32", re.sub(r"\{float\}", "f64", type_))


def _is_pattern(node: Node) -> bool:
    """Whether the node stands in a pattern."""
    for current in sx.ancestors(node):
        parent = current.parent
        if parent is None or parent.type in ("block", "arguments"):
            return False
        if parent.type == "match_pattern" or current.type.endswith("_pattern"):
            return True
        if parent.type in ("let_declaration", "let_condition", "for_expression", "parameter"):
            return bool(parent.child_by_field_name("pattern") == current)
    return False


def _short(node: Node) -> str:
    text = " ".join(sx.text_of(node).split())
    return text if len(text) <= 40 else text[:37] + "…"
