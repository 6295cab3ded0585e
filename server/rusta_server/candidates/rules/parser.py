"""What the parser stumbles over: missing, superfluous and mistaken tokens, open brackets and quotes."""

import re
from collections.abc import Iterator

from attrs import frozen

from ...patch.edit import Edit
from .. import Candidate, Context, Source, items, values
from .. import syntax as sx
from . import fix, rule

_TOKEN = re.compile(
    rb"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)|(?P<string>b?r(?P<h>\#*)".*?"(?P=h)|[bc]?"(?:[^"\\]|\\.)*")"""
    rb"""|(?P<char>b?'(?:[^'\\\n]|\\[^\n]{1,8}?)')|(?P<lifetime>'\w+)|(?P<word>\w+(?:\.\d\w*)?)"""
    rb"""|(?P<sign>->|=>|==|!=|<=|>=|&&|\|\||::|\.\.=|\.\.\.|\.\.|[-+*/%^&|]=|.)""",
    re.S | re.X,
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_INSERTABLE = {";": 0.5, ",": 0.45, ":": 0.4, "=": 0.4, "->": 0.45, "=>": 0.45, ")": 0.4, "]": 0.4, "}": 0.3}
_INSERTABLE |= {"{": 0.25, ">": 0.35, "in": 0.45, "(": 0.2, "where": 0.05, "::": 0.15, ".": 0.1, "|": 0.1}
_SWAPPED = {
    ("=", "=="),
    ("=", ":"),
    (":", "="),
    ("==", "="),
    (";", ","),
    (",", ";"),
    ("->", "=>"),
    ("=>", "->"),
    (".", "::"),
    (":", "::"),
    ("=", "=>"),
    ("=>", "="),
    (":", "->"),
    (";", ":"),
    (".", ","),
    (":", ";"),
    (";", "}"),
    ("}", ")"),
    ("]", ")"),
    ("=", "in"),
    (":", "in"),
    (":", "=>"),
    ("and", "&&"),
    ("or", "||"),
    ("::", "."),
    ("::", ":"),
    (")", "]"),
    (")", "}"),
}
_TYPES = ("i32", "u32", "&str", "String", "f64", "bool", "usize")


@frozen
class Token:
    """A token of the text and where it stands."""

    text: str
    start: int
    end: int


def tokens(text: bytes) -> list[Token]:
    """The tokens, without white space and comments."""
    found = []
    for match in _TOKEN.finditer(text):
        if match["space"] is None:
            found.append(Token(match[0].decode(errors="replace"), match.start(), match.end()))
    return found


def _around(source: Source, start: int) -> tuple[Token | None, Token | None]:
    """The token before `start` and the one at or behind it."""
    before = None
    for token in tokens(source.text):
        if token.end > start and token.start >= start:
            return before, token
        before = token
    return before, None


@rule(None)
def insert_or_replace_the_token(context: Context) -> Iterator[Candidate]:
    """The parser names the tokens that it expected: insert one, put it for the one found, or drop that."""
    message = context.diagnostic.message
    match = re.match(
        r"expected (?:one of )?(.+?), found (?:keyword |reserved \w+ |identifier )?(.*)", message, re.S
    )
    source, primary = sx.source_of(context), context.diagnostic.primary
    if match is None or source is None or primary is None:
        return
    expected, found = sx.quoted(match[1]), source.text[primary.start : primary.end].decode(errors="replace")
    before, _ = _around(source, primary.start)
    end = before.end if before is not None else primary.start
    for token in dict.fromkeys(expected):
        if token in _INSERTABLE:
            yield from _insert(source, token, end, primary.start, found, before)
        if (found, token) in _SWAPPED:
            yield fix(
                "replace-token",
                f"Write `{token}` instead of `{found}`",
                0.5,
                Edit(source.path, primary.start, primary.end, token.encode()),
            )
    if "an operator" in match[1] and re.fullmatch(r"\w+", found):
        if found in ("and", "or"):
            sign = {"and": "&&", "or": "||"}[found]
            edit = Edit(source.path, primary.start, primary.end, sign.encode())
            yield fix("operator", f"Write `{sign}`", 0.6, edit)
        elif before is not None and before.text not in (")", "}", "]"):
            yield fix("insert-token", "Compare them", 0.08, sx.insert(source, end, " =="))
    if found and found not in "(){}[]" and len(found) <= 12:
        start, stop = sx.whole_lines(source, primary.start, primary.end)
        yield fix("drop-token", f"Remove `{found}`", 0.14, Edit(source.path, start, stop, b""))


def _insert(
    source: Source, token: str, end: int, start: int, found: str, before: Token | None
) -> Iterator[Candidate]:
    prior = _INSERTABLE[token]
    on_new_line = b"\n" in source.text[end:start]
    if token in (";", ",") and on_new_line:
        prior += 0.1
    if before is not None and before.text == ")" and token == ")":
        prior -= 0.1
    spaced = f" {token}" if token in ("->", "=>", "=", "in", "{", "}", "where") else token
    after = source.text[end : end + 1]
    spaced += " " if not after.isspace() and token in (";", ",", "->", "=>", "=", ":", "in", "{") else ""
    yield fix("insert-token", f"Insert `{token}`", min(prior, 0.7), sx.insert(source, end, spaced))


@rule(None)
def write_the_type(context: Context) -> Iterator[Candidate]:
    """A parameter without its type, an arrow without a type behind it, a blank for a type."""
    message = context.diagnostic.message
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    before, token = _around(source, primary.start)
    if before is None:
        return
    if any("give it a type" in child.message for child in context.diagnostic.children):
        for n, type_ in enumerate(_parameter_types(source, before)):
            edit = sx.insert(source, before.end, f": {type_}")
            yield fix("parameter-type", f"Let `{before.text}` be `{type_}`", 0.4 if n == 0 else 0.25, edit)
    elif message.startswith(("expected type", "expected identifier")) and before.text in ("?", "!"):
        start = before.start
        while start > 0 and source.text[start - 1 : start] in (b"?", b"!"):
            start -= 1
        for n, type_ in enumerate(("_", *_TYPES)):
            edit = Edit(source.path, start, before.end, type_.encode())
            yield fix("blank-type", f"Write `{type_}`", 0.4 if n == 0 else 0.2, edit)
    elif message.startswith("expected type, found"):
        if token is not None and token.text == "?":
            stop = token.end
            while source.text[stop : stop + 1] == b"?":
                stop += 1
            for type_ in ("_", *_TYPES):
                edit = Edit(source.path, token.start, stop, type_.encode())
                yield fix("blank-type", f"Write `{type_}`", 0.3, edit)
            return
        if before.text == "->":
            yield from _return_type(source, before)
        elif before.text == ":":
            gap = primary.start if not source.text[before.end : primary.start].strip(b" ") else before.end
            name = _around(source, before.start)[0]
            choices = _parameter_types(source, name) if name is not None else list(_TYPES)
            for n, type_ in enumerate(choices):
                edit = Edit(source.path, before.end, gap, f" {type_}".encode())
                yield fix("parameter-type", f"Write the type `{type_}`", 0.4 if n == 0 else 0.25, edit)
            edit = Edit(source.path, before.start, before.end, b"")
            yield fix("no-type", "Leave the type to inference", 0.2, edit)


def _parameter_types(source: Source, name: Token) -> list[str]:
    """Types of a parameter: that of the argument in a call of its function, else plain ones."""
    listed = tokens(source.text)
    at = next((i for i, t in enumerate(listed) if t.start == name.start), 0)
    depth, position, i = 0, 0, at
    while i > 0:
        i -= 1
        if listed[i].text in ")]}":
            depth += 1
        elif listed[i].text in "([{":
            if depth == 0:
                break
            depth -= 1
        elif listed[i].text == "," and depth == 0:
            position += 1
    function = listed[i - 1].text if i > 1 and listed[i - 2].text == "fn" else ""
    found = []
    for call in sx.descendants(source.root, "call_expression") if function else ():
        arguments = call.child_by_field_name("arguments")
        given = arguments.named_children if arguments is not None else []
        if sx.text_of(call.child_by_field_name("function")) == function and position < len(given):
            argument = given[position]
            type_ = values.literal_type(argument)
            if not type_ and argument.type == "identifier":
                type_ = next((t for n, t in values.variables(argument) if n == sx.text_of(argument)), "")
            found += [type_] if type_ else []
    return list(dict.fromkeys([*found, *_TYPES]))[:6]


def _return_type(source: Source, arrow: Token) -> Iterator[Candidate]:
    for n, type_ in enumerate(_TYPES):
        edit = sx.insert(source, arrow.end, f" {type_}")
        yield fix("return-type", f"Return `{type_}`", 0.35 - 0.02 * n, edit)
    start = arrow.start - (source.text[arrow.start - 1 : arrow.start] == b" ")
    yield fix("return-type", "Return nothing", 0.3, Edit(source.path, start, arrow.end, b""))


@rule(None)
def write_the_value(context: Context) -> Iterator[Candidate]:
    """An expression is missing: behind `=`, behind an operator, in the place of `???`."""
    message = context.diagnostic.message
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None or not message.startswith("expected expression, found"):
        return
    before, token = _around(source, primary.start)
    if before is None:
        return
    if token is not None and token.text in ("?", "_"):
        stop = token.end
        while source.text[stop : stop + 1] == b"?":
            stop += 1
        for n, value in enumerate(_plain_values(source, token.start, "")):
            yield fix(
                "blank",
                f"Write `{value}`",
                0.3 - 0.03 * n,
                Edit(source.path, token.start, stop, value.encode()),
            )
    elif before.text == "=":
        gap = primary.start if not source.text[before.end : primary.start].strip(b" ") else before.end
        line = source.text[sx.line_start(source, before.start) : before.start].decode(errors="replace")
        type_ = re.search(r":\s*([^=]+?)\s*$", line)
        for n, value in enumerate(_plain_values(source, before.start, type_[1] if type_ else "")):
            edit = Edit(source.path, before.end, gap, f" {value}".encode())
            yield fix("value", f"Give it the value `{value}`", 0.3 - 0.03 * n, edit)
            semicolon = sx.insert(source, before.end, f" {value};")
            yield fix("value", f"Give it the value `{value}`", 0.25 - 0.03 * n, semicolon)
    elif re.fullmatch(r"[-+*/%&|^<>,]|&&|\|\||==|!=|<=|>=", before.text):
        edit = Edit(source.path, before.start, primary.start, b"")
        yield fix("drop-operator", f"Remove the last `{before.text}`", 0.3, edit)
    if message.startswith("expected expression, found `=") and before.text == "=":
        yield fix("replace-token", "Write `==`", 0.5, Edit(source.path, before.start, primary.end, b"=="))


def _plain_values(source: Source, at: int, type_: str) -> list[str]:
    known = values.empty_value(source, type_) if type_ else None
    if known is not None:
        return [known]
    node = source.node_at(at, at)
    names = [name for name, _ in values.variables(node)][:2]
    return [*dict.fromkeys(names), "0", '""', "true", "vec![]"][:5]


# Brackets and quotes


@rule(None)
def close_the_bracket(context: Context) -> Iterator[Candidate]:
    """A bracket that is not closed, or closed by another kind."""
    message = context.diagnostic.message
    source = sx.source_of(context)
    if source is None or "delimiter" not in message:
        return
    primary = context.diagnostic.primary
    spans = [s for s in context.diagnostic.spans if s.path == source.path]
    openers = [s for s in spans if source.text[s.start : s.end] in (b"(", b"[", b"{")]
    for opener in openers[::-1]:
        sign = source.text[opener.start : opener.end].decode()
        if opener.label and ("might not be" in opener.label or "unclosed" in opener.label):
            yield from _close(source, opener.start, _CLOSING[sign])
    if any(source.text[s.start : s.end] == b"{" for s in openers):
        yield from _close_by_indentation(source)
    wrong = next(
        (s for s in spans if s.label and ("mismatched" in s.label or "unexpected" in s.label)), primary
    )
    text = source.text[wrong.start : wrong.end] if wrong is not None else b""
    if wrong is not None and text in (b")", b"]", b"}"):
        unclosed = next((s for s in openers if s.label and "unclosed" in s.label), None)
        if unclosed is not None:
            closer = _CLOSING[source.text[unclosed.start : unclosed.end].decode()]
            edit = Edit(source.path, wrong.start, wrong.end, closer.encode())
            yield fix("replace-bracket", f"Close it with `{closer}`", 0.4, edit)
        start, end = sx.whole_lines(source, wrong.start, wrong.end)
        prior = 0.4 if "unexpected" in message else 0.15
        yield fix("drop-bracket", f"Remove `{text.decode()}`", prior, Edit(source.path, start, end, b""))


def _close_by_indentation(source: Source) -> Iterator[Candidate]:
    """Blocks after which the text goes on at their own indentation without a closing brace."""
    lines = source.text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    found = 0
    for n, line in enumerate(lines):
        if not re.search(rb"\{\s*(//.*)?$", line):
            continue
        indent = len(line) - len(line.lstrip())
        after = next(
            (
                k
                for k in range(n + 1, len(lines))
                if lines[k].strip() and len(lines[k]) - len(lines[k].lstrip()) <= indent
            ),
            None,
        )
        if after is not None and not lines[after].lstrip().startswith((b"}", b")", b"//")) and found < 4:
            found += 1
            edit = sx.insert(source, starts[after], " " * indent + "}\n")
            yield fix("insert-bracket", f"Insert `}}` above line {after + 1}", 0.5, edit)


def _close(source: Source, at: int, closer: str) -> Iterator[Candidate]:
    """Insert the closing bracket where the line, the indentation or the file says that it belongs."""
    title = f"Insert `{closer}`"
    line_end = source.text.find(b"\n", at)
    line_end = len(source.text) if line_end < 0 else line_end
    rest = source.text[at:line_end].decode(errors="replace")
    code = re.sub(r"\s*//.*$", "", rest)
    if closer != "}":
        tail = re.search(r"[;,{}\s]*$", code)
        stop = at + len(code[: tail.start()].encode()) if tail else line_end
        yield fix("insert-bracket", title, 0.55, sx.insert(source, stop, closer))
        first = re.search(r";", code)
        if first is not None:
            yield fix(
                "insert-bracket",
                title,
                0.45,
                sx.insert(source, at + len(code[: first.start()].encode()), closer),
            )
        for brace in re.finditer(r"\s*\{", code):
            yield fix(
                "insert-bracket",
                title,
                0.4,
                sx.insert(source, at + len(code[: brace.start()].encode()), closer),
            )
            break
    start = sx.line_start(source, at)
    line = source.text[start:line_end]
    indent = len(line) - len(line.lstrip())
    position = line_end + 1
    for following in source.text[line_end + 1 :].splitlines(keepends=True):
        stripped = following.strip()
        own = len(following) - len(following.lstrip())
        if (
            stripped
            and own <= indent
            and not stripped.startswith(closer.encode())
            and not stripped.startswith(b"//")
        ):
            text = b" " * indent + closer.encode() + (b";" if closer != "}" else b"") + b"\n"
            yield fix("insert-bracket", title, 0.5, Edit(source.path, position, position, text))
            break
        position += len(following)
    glue = "" if source.text.endswith(b"\n") else "\n"
    yield fix(
        "insert-bracket", title + " at the end", 0.4, sx.insert(source, len(source.text), f"{glue}{closer}\n")
    )


@rule("E0765", "E0766", "E0763", "E0762", "E0758", "E0748", None)
def close_the_quote(context: Context) -> Iterator[Candidate]:
    """A string, character or comment that is not ended."""
    code, message = context.diagnostic.code, context.diagnostic.message
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None or (code is None and "unterminated" not in message):
        return
    if code == "E0758":
        yield fix("end-comment", "End the comment", 0.5, sx.insert(source, len(source.text), " */\n"))
        line_end = source.text.find(b"\n", primary.start)
        if line_end > 0:
            yield fix("end-comment", "End the comment on its line", 0.45, sx.insert(source, line_end, " */"))
        return
    if code in ("E0765", "E0766"):
        yield from _odd_quotes(source)
    text = source.text[primary.start :].decode(errors="replace")
    head = re.match(r"b?r?(#*)(['\"])", text)
    quote = (head[2] if head else '"') + (head[1] if head else "")
    if code in ("E0763", "E0762"):
        quote = "'"
    line = text.split("\n", 1)[0]
    skip = head.end() if head else 1
    body = line[skip:]
    ends = [re.search(r"[\s;,)}\]]*(//.*)?$", body), re.search(r"[;,)}\]]", body), re.search(r"\s*//", body)]
    seen = set()
    for n, end in enumerate(ends):
        if end is not None and end.start() not in seen:
            seen.add(end.start())
            at = primary.start + len(line[: skip + end.start()].encode())
            yield fix("end-quote", f"End it with `{quote}`", 0.5 - 0.1 * n, sx.insert(source, at, quote))
    at = primary.start + len(line.encode())
    yield fix("end-quote", f"End it with `{quote}` at the end of the line", 0.3, sx.insert(source, at, quote))


def _odd_quotes(source: Source) -> Iterator[Candidate]:
    """Lines with an odd number of quotes: the first of them may be where one is missing."""
    start, found = 0, 0
    for line in source.text.splitlines(keepends=True):
        code = re.sub(rb"\\\\.|'\"'", b"  ", line)
        if code.count(b'"') % 2 and found < 2:
            found += 1
            end = re.search(rb"[\s;,)}\]]*(//.*)?$", line)
            at = start + (end.start() if end is not None else len(line))
            yield fix("end-quote", "End the text on its line", 0.55, sx.insert(source, at, '"'))
        start += len(line)


@rule("E0768", None)
def give_the_number_digits(context: Context) -> Iterator[Candidate]:
    """`0x` without digits, an exponent without digits, a suffix that is no type."""
    message = context.diagnostic.message
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    text = source.text[primary.start : primary.end].decode(errors="replace")
    if "no valid digits" in message or "at least one digit" in message:
        yield fix("digits", "Write a digit", 0.4, sx.insert(source, primary.end, "0"))
    elif re.match(r"invalid (suffix|width)|suffixes on", message):
        bare = re.match(r"0[xob][0-9a-fA-F_]+|[\d_]+(\.\d+)?|\".*\"|'.*'", text, re.S)
        if bare is not None and bare.end() < len(text):
            edit = Edit(source.path, primary.start, primary.end, bare[0].encode())
            yield fix("suffix", "Remove the suffix", 0.45, edit)
            if bare[0].isdigit():
                edit = Edit(source.path, primary.start, primary.end, (bare[0] + "i32").encode())
                yield fix("suffix", "Make it an `i32`", 0.25, edit)


# Single constructs


@rule(None)
def resolve_the_merge(context: Context) -> Iterator[Candidate]:
    """Markers of a merge conflict: keep the one side or the other."""
    source = sx.source_of(context)
    if source is None or "diff marker" not in context.diagnostic.message:
        return
    pattern = re.compile(
        rb"^<{7}[^\n]*\n(?P<ours>.*?)(?:^\|{7}[^\n]*\n.*?)?^={7}[^\n]*\n(?P<theirs>.*?)^>{7}[^\n]*\n?",
        re.M | re.S,
    )
    for side, title in (("ours", "Keep what was here"), ("theirs", "Take what was merged")):
        edits = [Edit(source.path, m.start(), m.end(), m[side]) for m in pattern.finditer(source.text)]
        if edits:
            yield fix("merge", title, 0.4, *edits)


@rule(None)
def no_let_inside(context: Context) -> Iterator[Candidate]:
    """`let` is a statement: `let x = (let y = 6);` has no value."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None or "found `let` statement" not in context.diagnostic.message:
        return
    start = sx.line_start(source, primary.start)
    stop = source.text.find(b";", primary.start)
    inner = re.match(rb"let\s+(mut\s+)?(\w+)\s*(:[^=]+)?=\s*([^();]+)", source.text[primary.start :])
    head = re.search(rb"let\s+[^=;]+=\s*\(?\s*$", source.text[start : primary.start])
    if inner is not None and head is not None and stop > 0:
        edit = Edit(source.path, start + head.start(), stop, inner[0].rstrip())
        yield fix("inner-let", f"Keep the inner `let {inner[2].decode()}`", 0.35, edit)
        end = primary.start + len(inner[0])
        edit = Edit(source.path, primary.start, end, inner[4])
        yield fix("inner-let", "Keep only the inner value", 0.35, edit)
    else:
        end = primary.start + 4
        yield fix("inner-let", "Remove `let`", 0.3, Edit(source.path, primary.start, end, b""))


@rule(None)
def one_rest_pattern(context: Context) -> Iterator[Candidate]:
    """`..` may stand once in a pattern."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None or "can only be used once" not in context.diagnostic.message:
        return
    yield fix("one-rest", "Match one value there", 0.35, Edit(source.path, primary.start, primary.end, b"_"))
    before, _ = _around(source, primary.start)
    if before is not None and before.text == ",":
        edit = Edit(source.path, before.start, primary.end, b"")
        yield fix("one-rest", "Remove the second `..`", 0.4, edit)
    for span in sx.labelled(context.diagnostic, "previously used"):
        yield fix("one-rest", "Match one value there", 0.35, Edit(source.path, span.start, span.end, b"_"))


@rule(None)
def declare_with_let(context: Context) -> Iterator[Candidate]:
    """`x := 5`, `int x = 5`, `x++` from other languages; `fn` left out."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    start = sx.line_start(source, primary.start)
    stop = source.text.find(b"\n", primary.start)
    line = source.text[start : stop if stop >= 0 else len(source.text)]
    if match := re.search(rb"\b(\w+)\s*:=", line):
        edit = Edit(source.path, start + match.start(), start + match.end(), b"let " + match[1] + b" =")
        yield fix("let", f"Declare `{match[1].decode()}`", 0.5, edit)
    if match := re.match(
        rb"\s*(int|long|float|double|char|string|bool|auto|var|const|val)\s+(\w+)\s*=", line
    ):
        begin = start + match.start(1)
        edit = Edit(source.path, begin, start + match.end(1), b"let")
        yield fix("let", f"Declare `{match[2].decode()}` with `let`", 0.5, edit)
        edit = Edit(source.path, begin, start + match.end(1), b"let mut")
        yield fix("let", f"Declare `{match[2].decode()}` with `let mut`", 0.45, edit)
    if (match := re.match(rb"\s*(mut\s+)(\w+)\s*(:[^=]*)?=", line)) is not None:
        edit = sx.insert(source, start + match.start(1), "let ")
        yield fix("let", f"Declare `{match[2].decode()}`", 0.5, edit)
    match = re.match(rb"\s*(?:pub\s+)?(\w+)\s*\([^)]*\)[^;]*\{", line)
    if match is not None and match[1] not in (b"if", b"while", b"match", b"for", b"fn", b"loop"):
        edit = sx.insert(source, start + match.start(1), "fn ")
        yield fix("fn", f"Declare the function `{match[1].decode()}`", 0.5, edit)
    match = re.match(rb"\s*(let\s+)\w+\s*(:[^=]*)?=\s*", line)
    if match is not None and context.diagnostic.message.startswith("expected item, found keyword `let`"):
        edit = Edit(source.path, start + match.start(1), start + match.end(1), b"static ")
        yield fix("static", "Make it a `static`", 0.4, edit)


@rule("E0585", "E0584", None)
def plain_comment(context: Context) -> Iterator[Candidate]:
    """A doc comment that documents nothing is a plain comment."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    message = context.diagnostic.message
    if (
        source is None
        or primary is None
        or (context.diagnostic.code is None and "doc comment" not in message)
    ):
        return
    text = source.text[primary.start : primary.end]
    if re.match(rb"//[/!]", text):
        lines = re.sub(rb"^(\s*)//[/!]", rb"\1//", text, flags=re.M)
        yield fix(
            "comment", "Make it a plain comment", 0.6, Edit(source.path, primary.start, primary.end, lines)
        )
    elif text.startswith((b"/**", b"/*!")):
        edit = Edit(source.path, primary.start, primary.start + 3, b"/*")
        yield fix("comment", "Make it a plain comment", 0.6, edit)


@rule(None)
def name_the_fragment(context: Context) -> Iterator[Candidate]:
    """`$x` in a macro's pattern must say what it matches."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None or "missing fragment specifier" not in context.diagnostic.message:
        return
    text = source.text[primary.start : primary.end].rstrip(b":")
    for n, kind in enumerate(("expr", "ident", "ty", "tt", "literal")):
        edit = Edit(source.path, primary.start, primary.end, text + b":" + kind.encode())
        yield fix("fragment", f"Match `{kind}`", 0.5 - 0.07 * n, edit)


@rule(None)
def mend_the_format_string(context: Context) -> Iterator[Candidate]:
    """A format string with another number of holes than arguments, or with a lone brace."""
    message = context.diagnostic.message
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    macro = sx.enclosing(source.node_at(primary.start, primary.end), "macro_invocation")
    if macro is None:
        return
    if "invalid format string" in message:
        for brace in ("{", "}"):
            if f"unmatched `{brace}`" in message or (brace == "{" and "expected `}`" in message):
                text = source.text[primary.start : primary.end]
                at = (
                    primary.start
                    if text.strip() in (b"{", b"}")
                    else source.text.rfind(b"{", macro.start_byte, primary.end)
                )
                if at >= 0:
                    yield fix("escape", f"Write `{brace * 2}`", 0.45, sx.insert(source, at, brace))
                    yield fix("escape", f"Remove `{brace}`", 0.25, Edit(source.path, at, at + 1, b""))
                    yield fix("escape", "Close the hole", 0.4, sx.insert(source, at + 1, "}"))
    elif "argument never used" in message or "arguments never used" in message:
        before, _ = _around(source, primary.start)
        if before is not None and before.text == ",":
            edit = Edit(source.path, before.start, primary.end, b"")
            yield fix("format-argument", "Remove the unused argument", 0.3, edit)
        string = next(sx.descendants(macro, "string_literal"), None)
        if string is not None:
            newline = sx.text_of(string).endswith('\\n"')
            at = string.end_byte - (3 if newline else 1)
            yield fix("format-hole", "Show the argument as well", 0.45, sx.insert(source, at, " {}"))
    elif match := re.search(
        r"(\d+) positional arguments? in format string, but (?:there (?:is|are) (\d+)|no arguments)", message
    ):
        missing = int(match[1]) - (0 if match[2] is None else int(match[2]))
        names = list(dict.fromkeys(name for name, _ in values.variables(macro)))
        used = {sx.text_of(n) for n in sx.descendants(macro, "identifier")}
        free = [n for n in names if n not in used and not n.startswith("_")]
        at = macro.end_byte - 1
        if len(free) >= missing:
            # Nearest first in scope, but written in the order of their declaration.
            chosen = ", ".join(free[:missing][::-1])
            yield fix("format-argument", f"Show `{chosen}`", 0.35, sx.insert(source, at, f", {chosen}"))
        elif names:
            chosen = ", ".join([names[0]] * missing)
            yield fix("format-argument", f"Show `{chosen}`", 0.15, sx.insert(source, at, f", {chosen}"))


@rule("E0601")
def write_main(context: Context) -> Iterator[Candidate]:
    """A program needs a function `main`."""
    primary = context.diagnostic.primary
    source = sx.source_of(context)
    if source is None or primary is None:
        return
    glue = "" if source.text.endswith(b"\n") else "\n"
    text = f"{glue}\nfn main() {{}}\n"
    yield fix("main", "Add a function `main`", 0.5, sx.insert(source, len(source.text), text))
    inner = next((f for f in sx.functions_called(source, "main") if items.module_path(f)), None)
    if inner is not None:
        path = "::".join((*items.module_path(inner), "main"))
        edits = (
            items.make_public(source, inner),
            sx.insert(source, len(source.text), f"{glue}\nuse {path};\n"),
        )
        yield fix("main", f"Use `{path}` as the program's `main`", 0.5, *edits)
