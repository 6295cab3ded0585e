"""Punctuation and keywords that are missing, doubled or in the wrong place. Most have no error code."""

from collections.abc import Iterator

from .code import Code, Edit, after, before, delete, elements, replace
from .registry import Break, operator

_DROPPED = (";", ",", "->", "=>", ":", "::", "=", "|", "<", ">", "..", ".", "!", "&")
_DELIMITERS = ("(", ")", "{", "}", "[", "]")
_CONFUSED = {
    "=>": ("->", "=", ":"),
    "->": ("=>", ":", "-"),
    ":": ("=", "::", "->"),
    "::": (":", "."),
    ";": (",", ":"),
    ",": (";", "."),
    "=": (":=", "==", ":"),
    "&&": ("and", "&"),
    "||": ("or", "|"),
    "==": ("===", "="),
    "!=": ("!==", "<>"),
    "..=": ("...", "=.."),
    "..": ("...", "to", ":"),
    ".": ("->", ",", "::"),
    "+=": ("=+", "+ ="),
}
_KEYWORDS = {
    "fn": ("func", "def", "function", "fun"),
    "let": ("var", "const", "auto", "Let"),
    "struct": ("class", "Struct", "type"),
    "enum": ("union", "Enum"),
    "trait": ("interface", "Trait"),
    "impl": ("implement", "impl fn", "extend"),
    "match": ("switch", "case"),
    "for": ("foreach", "For"),
    "while": ("until", "When"),
    "mod": ("module", "namespace"),
    "use": ("import", "using", "include"),
    "return": ("ret", "Return", "return:"),
    "in": ("of", ":", "="),
    "else": ("elif", "otherwise"),
    "loop": ("forever", "repeat"),
    "as": ("to", "is"),
    "where": ("with", "when"),
}


@operator(3.0)
def token_forgotten(code: Code) -> Iterator[Break]:
    """A `;`, `,`, `->`, `:` or the like is gone."""
    for kind in _DROPPED:
        for token in code.all(kind):
            yield delete(token)


@operator(4.0)
def semicolon_forgotten(code: Code) -> Iterator[Break]:
    """A statement does not end."""
    for token in code.all(";"):
        yield delete(token)


@operator(1.2)
def delimiter_forgotten(code: Code) -> Iterator[Break]:
    """A bracket, brace or parenthesis is gone."""
    for kind in _DELIMITERS:
        for token in code.all(kind):
            yield delete(token)


@operator(0.8)
def delimiter_twice(code: Code) -> Iterator[Break]:
    """A bracket, brace or parenthesis stands there twice."""
    for kind in _DELIMITERS:
        for token in code.all(kind):
            yield after(token, kind)


@operator(0.8)
def delimiter_confused(code: Code) -> Iterator[Break]:
    """`(` … `)` → `[` … `]`, `{` … `}`; or only one of the two."""
    twins = {"(": "[", "[": "(", "{": "(", ")": "]", "]": ")", "}": ")"}
    for node in code.all(
        "arguments", "parameters", "array_expression", "block", "field_initializer_list", "index_expression"
    ):
        children = [child for child in node.children if child.type in twins]
        if len(children) == 2 and code.text(node)[0] == children[0].type:
            first, last = children
            yield replace(first, twins[first.type]), replace(last, twins[last.type])
            yield replace(last, twins[last.type])


@operator(1.5)
def token_twice(code: Code) -> Iterator[Break]:
    """A token stands there twice."""
    for kind in (",", "=", "->", "=>", ":", "::", "&", "let", "mut", "fn", ".", "pub", "in", "if"):
        for token in code.all(kind, "mutable_specifier" if kind == "mut" else kind):
            yield after(token, kind if not kind.isalpha() else f" {kind}")


@operator(3.0)
def token_confused(code: Code) -> Iterator[Break]:
    """`=>` → `->`, `:` → `=`, `&&` → `and`, `..=` → `...`."""
    for kind, wrong in _CONFUSED.items():
        for token in code.all(kind):
            yield replace(token, wrong[code.luck(token) % len(wrong)])


@operator(2.0)
def keyword_confused(code: Code) -> Iterator[Break]:
    """`fn` → `func`, `let` → `var`, `struct` → `class`."""
    for kind, wrong in _KEYWORDS.items():
        for token in code.all(kind):
            yield replace(token, wrong[code.luck(token) % len(wrong)])


@operator(2.0)
def keyword_forgotten(code: Code) -> Iterator[Break]:
    """`let`, `fn`, `struct`, `in`, `match`, `if`, `for`, … is gone."""
    for kind in (
        "let",
        "fn",
        "struct",
        "enum",
        "in",
        "match",
        "if",
        "for",
        "impl",
        "else",
        "use",
        "mod",
        "trait",
        "const",
        "type",
        "where",
        "while",
        "return",
    ):
        for token in code.all(kind):
            if following := code.next(token):
                yield Edit(token.start_byte, following.start_byte, b"")


@operator(2.0)
def words_swapped(code: Code) -> Iterator[Break]:
    """`pub fn` → `fn pub`, `let mut` → `mut let`, `&mut` → `mut &`, `&'a mut` → `&mut 'a`."""
    for modifier in code.all("visibility_modifier", "function_modifiers", "mutable_specifier"):
        following = code.next(modifier)
        if (
            following is not None
            and following.child_count == 0
            and following.end_byte - following.start_byte < 12
        ):
            yield replace(modifier, code.text(following)), replace(following, code.text(modifier))
    for declaration in code.all("let_declaration"):
        for token in declaration.children:
            if token.type == "mutable_specifier":
                yield Edit(declaration.start_byte, token.end_byte, b"mut let")
                yield Edit(declaration.start_byte, token.end_byte, b"mut")
    for reference in code.all("reference_expression", "reference_type"):
        for token in reference.children:
            if token.type == "mutable_specifier":
                yield Edit(reference.start_byte, token.end_byte, b"mut &")


@operator(0.8)
def quote_forgotten(code: Code) -> Iterator[Break]:
    """A string or character does not end, or does not begin."""
    for literal in code.all("string_literal"):
        yield Edit(literal.end_byte - 1, literal.end_byte, b"")
        yield Edit(literal.start_byte, literal.start_byte + 1, b"")
    for literal in code.all("char_literal"):
        yield Edit(literal.end_byte - 1, literal.end_byte, b"")


@operator(2.0)
def quotes_confused(code: Code) -> Iterator[Break]:
    """`"text"` → `'text'`, `` `text` ``."""
    for literal in code.all("string_literal"):
        text = code.text(literal)
        if text.startswith('"') and "'" not in text and "`" not in text:
            quote = "'" if code.luck(literal) % 4 else "`"
            yield replace(literal, f"{quote}{text[1:-1]}{quote}")


@operator(1.5)
def escape_unknown(code: Code) -> Iterator[Break]:
    """`"\\\\d"` → `"\\d"`: a backslash that means nothing."""
    for literal in code.all("string_literal"):
        if literal.end_byte - literal.start_byte > 3 and code.text(literal).isascii():
            middle = literal.start_byte + 1 + code.luck(literal) % (literal.end_byte - literal.start_byte - 2)
            if (
                code.source[middle - 1 : middle] != b"\\"
                and code.source[middle : middle + 1].isalpha()
                and code.source[middle : middle + 1] not in b"nrtxu"
            ):
                yield Edit(middle, middle, b"\\")
    for literal in code.all("escape_sequence"):
        if code.text(literal) == "\\\\":
            yield Edit(literal.start_byte, literal.start_byte + 1, b"")


@operator(1.5)
def number_malformed(code: Code) -> Iterator[Break]:
    """`0b12`, `1u31`, `0xFG`, `1.f64`-like slips in numbers."""
    for literal in code.all("integer_literal"):
        text = code.text(literal)
        if code.parent_kind(literal) == "field_expression":
            continue
        if text.startswith("0x"):
            yield after(literal, "g")
        elif text.startswith("0b"):
            yield after(literal, "2")
        else:
            yield after(literal, ("u31", "L", "i33", "usizes", "f", "e", "px")[code.luck(literal) % 7])
            if len(text) > 3 and text.isdigit():
                yield Edit(literal.start_byte + len(text) - 3, literal.start_byte + len(text) - 3, b",")


@operator(2.0)
def type_colon_forgotten(code: Code) -> Iterator[Break]:
    """`x: T` → `x T`, `T x`, `x`."""
    for parameter in code.all("parameter", "field_declaration"):
        name = parameter.child_by_field_name("pattern") or parameter.child_by_field_name("name")
        kind = parameter.child_by_field_name("type")
        if name is not None and kind is not None:
            form = code.luck(parameter) % 3
            if form == 0:
                yield Edit(name.end_byte, kind.start_byte, b" ")
            elif form == 1:
                yield Edit(name.start_byte, kind.end_byte, f"{code.text(kind)} {code.text(name)}".encode())
            else:
                yield Edit(name.end_byte, kind.end_byte, b"")
    for declaration in code.all("let_declaration"):
        pattern, kind = declaration.child_by_field_name("pattern"), declaration.child_by_field_name("type")
        if pattern is not None and kind is not None:
            yield Edit(
                declaration.start_byte, kind.end_byte, f"{code.text(kind)} {code.text(pattern)}".encode()
            )


@operator(2.0)
def increment(code: Code) -> Iterator[Break]:
    """`x += 1` → `x++`, `++x`."""
    for assignment in code.all("compound_assignment_expr"):
        left, token = assignment.child_by_field_name("left"), assignment.child_by_field_name("operator")
        if left is None or token is None:
            continue
        if code.text(assignment.child_by_field_name("right")) == "1" and token.type in ("+=", "-="):
            sign = token.type[0] * 2
            yield replace(
                assignment,
                f"{code.text(left)}{sign}" if code.luck(assignment) % 3 else f"{sign}{code.text(left)}",
            )


@operator(2.0)
def conditional_of_other_language(code: Code) -> Iterator[Break]:
    """`if c { a } else { b }` → `c ? a : b`; `else if` → `elif`, `elseif`; `if c a`."""
    for condition in code.all("if_expression"):
        test, body = condition.child_by_field_name("condition"), condition.child_by_field_name("consequence")
        other = condition.child_by_field_name("alternative")
        if test is None or body is None:
            continue
        if other is not None:
            inner = other.named_children[0]
            if inner.type == "if_expression":
                yield Edit(
                    other.start_byte,
                    inner.children[0].end_byte,
                    b"elif" if code.luck(other) % 2 else b"elseif",
                )
            elif (
                len(elements(body)) == 1
                and len(elements(inner)) == 1
                and condition.end_byte - condition.start_byte < 120
            ):
                one, two = code.text(elements(body)[0]), code.text(elements(inner)[0])
                yield replace(condition, f"{code.text(test)} ? {one} : {two}")
        yield after(test, " then" if code.luck(test) % 2 else ":")
        if len(elements(body)) == 1 and "\n" not in code.text(body) and other is None:
            yield replace(body, code.text(elements(body)[0]))


@operator(2.0)
def loop_of_other_language(code: Code) -> Iterator[Break]:
    """`for i in 0..n {` → `for (i = 0; i < n; i++) {`, `for i = 0..n`; `loop` → `while (true)`."""
    for loop in code.all("for_expression"):
        pattern, value = loop.child_by_field_name("pattern"), loop.child_by_field_name("value")
        if pattern is None or value is None:
            continue
        name = code.text(pattern)
        ends = elements(value)
        if value.type == "range_expression" and len(ends) == 2 and code.luck(loop) % 2:
            text = f"(let mut {name} = {code.text(ends[0])}; {name} < {code.text(ends[1])}; {name}++)"
            yield Edit(pattern.start_byte, value.end_byte, text.encode())
        else:
            yield Edit(pattern.start_byte, value.end_byte, f"({name} in {code.text(value)})".encode())
            yield Edit(pattern.end_byte, value.start_byte, b" = ")


@operator(2.0)
def struct_punctuation(code: Code) -> Iterator[Break]:
    """Fields end with `;`, values stand behind `=`, a struct ends with `;` or without it."""
    for field in code.all("field_declaration"):
        following = code.next(field)
        if following is not None and following.type == ",":
            yield replace(following, ";")
    for initializer in code.all("field_initializer"):
        for token in initializer.children:
            if token.type == ":":
                yield replace(token, " =")
    for arm in code.all("match_arm"):
        last = arm.children[-1]
        if last.type == ",":
            yield replace(last, ";")
            yield delete(last)
    for item in code.all("struct_item"):
        if code.text(item).endswith(");"):
            yield Edit(item.end_byte - 1, item.end_byte, b"")


@operator(2.0)
def comparison_chained(code: Code) -> Iterator[Break]:
    """A value loses its parentheses: `(x as usize) < y`, `(a..b).f()`, `!(x == y)`."""
    for value in code.all("parenthesized_expression"):
        yield delete(value.children[0]), delete(value.children[-1])


@operator(1.5)
def attribute_malformed(code: Code) -> Iterator[Break]:
    """`#[derive(A)]` → `#derive(A)`, `[derive(A)]`, `#[derive A]`, `@derive(A)`."""
    for attribute in code.all("attribute_item"):
        inner = attribute.named_children[0] if attribute.named_children else None
        if inner is None:
            continue
        text = code.text(inner)
        forms = (
            f"#{text}",
            f"[{text}]",
            f"@{text}",
            f"#[{text.replace('(', ' ').rstrip(')')}]",
            f"#[{text.replace('(', '[').replace(')', ']')}]",
        )
        yield replace(attribute, forms[code.luck(attribute) % len(forms)])


@operator(1.5)
def impl_header(code: Code) -> Iterator[Break]:
    """`impl Trait for T` → `impl Trait T`, `impl T: Trait`, `impl T implements Trait`."""
    for item in code.all("impl_item"):
        trait, kind = item.child_by_field_name("trait"), item.child_by_field_name("type")
        if trait is not None and kind is not None:
            forms = (" ", ": ", " of ", " in ")
            yield Edit(trait.end_byte, kind.start_byte, forms[code.luck(item) % 4].encode())


@operator(2.0)
def arrow_and_body(code: Code) -> Iterator[Break]:
    """`fn f() -> T {` → `fn f(): T {`, `fn f() T {`, `fn f() -> {`; `= {`."""
    for function in code.all("function_item", "function_signature_item"):
        parameters, result, body = (
            function.child_by_field_name(name) for name in ("parameters", "return_type", "body")
        )
        if parameters is None:
            continue
        if result is not None:
            yield Edit(
                parameters.end_byte,
                result.start_byte,
                (b": ", b" ", b" => ", b" as ")[code.luck(function) % 4],
            )
            yield Edit(parameters.end_byte + 1, result.end_byte, b"->")
        elif body is not None:
            yield before(body, "-> " if code.luck(function) % 2 else "= ")
            yield before(body, "-> void ")


@operator(1.5)
def closure_syntax(code: Code) -> Iterator[Break]:
    """`|x| f(x)` → `(x) => f(x)`, `x => f(x)`, `|x| -> f(x)`, `lambda x: f(x)`."""
    for closure in code.all("closure_expression"):
        parameters, body = closure.child_by_field_name("parameters"), closure.child_by_field_name("body")
        if parameters is None or body is None:
            continue
        inside = code.text(parameters)[1:-1]
        forms = (f"({inside}) => ", f"{inside} => ", f"|{inside}| -> ", f"lambda {inside}: ", f"|{inside} ")
        yield Edit(parameters.start_byte, body.start_byte, forms[code.luck(closure) % 5].encode())


@operator(1.5)
def generic_brackets(code: Code) -> Iterator[Break]:
    """`Vec::<T>::new()` and `parse::<T>()` → without `::`; `Vec<T>` → `Vec[T]`, `Vec(T)`."""
    for token in code.all("::"):
        following = code.next(token)
        if following is not None and following.type == "type_arguments":
            yield delete(token)
    for arguments in code.all("type_arguments"):
        inside = code.text(arguments)[1:-1]
        yield replace(arguments, f"[{inside}]" if code.luck(arguments) % 2 else f"({inside})")


@operator(1.5)
def reference_of_other_language(code: Code) -> Iterator[Break]:
    """`&T` → `T&`, `*T`, `ref T`; `x: &T` → `&x: T`."""
    for reference in code.all("reference_type"):
        inner = reference.child_by_field_name("type")
        if inner is not None:
            text = code.text(inner)
            forms = (f"{text}&", f"*{text}", f"ref {text}", f"{text}*")
            yield replace(reference, forms[code.luck(reference) % 4])
    for parameter in code.all("parameter"):
        name, kind = parameter.child_by_field_name("pattern"), parameter.child_by_field_name("type")
        if (
            name is not None
            and kind is not None
            and kind.type == "reference_type"
            and (inner := kind.child_by_field_name("type"))
        ):
            yield Edit(name.start_byte, kind.end_byte, f"&{code.text(name)}: {code.text(inner)}".encode())


@operator(1.5)
def item_in_wrong_place(code: Code) -> Iterator[Break]:
    """A `let`, an expression or a stray word stands between items."""
    forms = ("let x = 5;", "x = 1;", 'println!("start");', "int n;", ";;x", "return;")
    for item in code.all("function_item", "struct_item", "impl_item"):
        if code.parent_kind(item) in ("source_file", "declaration_list") and code.luck(item) % 2:
            yield before(item, forms[code.luck(item, "i") % len(forms)] + "\n")


@operator(1.5)
def self_of_other_language(code: Code) -> Iterator[Break]:
    """`self.x` → `this.x`, `@x`, `Self.x`; `&self` → `this`, `self: &`."""
    for node in code.all("self"):
        around = code.parent_kind(node)
        if around == "field_expression":
            yield replace(node, ("this", "Self", "me", "this")[code.luck(node) % 4])
        elif around == "self_parameter":
            yield replace(node, ("this", "Self", "self: Self", "&self")[code.luck(node) % 4])
