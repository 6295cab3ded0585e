"""Small questions to the syntax tree, and the edits that rules make of the answers.

Nodes are tree-sitter's, kinds are those of its Rust grammar. Offsets are bytes.
"""

import re
from collections.abc import Callable, Iterable, Iterator

import tree_sitter

from ..patch.edit import Edit
from ..tools.diagnostic import Diagnostic, Span
from . import Context, Source

Node = tree_sitter.Node

STATEMENTS = frozenset({"let_declaration", "expression_statement", "empty_statement", "macro_invocation"})
FUNCTIONS = frozenset({"function_item", "function_signature_item"})
# What may cover exactly the same text as the expression or pattern in it.
_WRAPPERS = frozenset({"expression_statement", "source_file", "match_pattern"})
LOOPS = frozenset({"for_expression", "while_expression", "loop_expression"})
ITEMS = frozenset(
    {
        "function_item",
        "struct_item",
        "enum_item",
        "union_item",
        "trait_item",
        "impl_item",
        "mod_item",
        "const_item",
        "static_item",
        "type_item",
        "use_declaration",
        "macro_definition",
        "foreign_mod_item",
        "extern_crate_declaration",
    }
)
# The kinds whose value binds tighter than any operator, so that a prefix or a method can be put to it.
TIGHT = frozenset(
    {
        "identifier",
        "self",
        "field_expression",
        "call_expression",
        "index_expression",
        "macro_invocation",
        "parenthesized_expression",
        "scoped_identifier",
        "string_literal",
        "raw_string_literal",
        "char_literal",
        "integer_literal",
        "float_literal",
        "boolean_literal",
        "array_expression",
        "tuple_expression",
        "try_expression",
        "await_expression",
        "generic_function",
        "struct_expression",
        "unit_expression",
    }
)


# How `Source.expanded` reads the usual macros.
_READ_AS_CALL = re.compile(
    r"\b(println|print|eprintln|eprint|format|write|writeln|panic|assert|assert_eq|assert_ne|debug_assert"
    r"|debug_assert_eq|debug_assert_ne|dbg)_\("
)

# Where a diagnostic is


def source_of(context: Context, span: Span | None = None) -> Source | None:
    """The file of `span` (default: of the primary one); None for a file outside the workspace."""
    span = span or context.diagnostic.primary
    if span is None:
        return None
    try:
        return context.files[span.path]
    except KeyError:
        return None


def node_of(context: Context, span: Span | None = None) -> Node | None:
    """The smallest named node that covers `span` (default: the primary one)."""
    span = span or context.diagnostic.primary
    source = source_of(context, span)
    return inner_node(source, span.start, span.end) if source and span else None


def labelled(diagnostic: Diagnostic, pattern: str) -> Iterator[Span]:
    """The diagnostic's own spans whose label matches the regular expression `pattern`."""
    for span in diagnostic.spans:
        if span.label and re.search(pattern, span.label):
            yield span


def noted(diagnostic: Diagnostic, pattern: str) -> Iterator[Span]:
    """The spans of the notes whose message matches `pattern`."""
    for child in diagnostic.children:
        if re.search(pattern, child.message):
            yield from child.spans


def quoted(text: str) -> list[str]:
    """The pieces of a message that stand between backquotes."""
    return re.findall(r"`([^`]+)`", text)


# Walking the tree


def ancestors(node: Node | None) -> Iterator[Node]:
    """`node` itself, its parent, and so on up to the root."""
    while node is not None:
        yield node
        node = node.parent


def enclosing(node: Node | None, *kinds: str) -> Node | None:
    """The nearest of `node` and its ancestors that is of one of `kinds`."""
    return next((n for n in ancestors(node) if n.type in kinds), None)


def descendants(node: Node, *kinds: str) -> Iterator[Node]:
    """`node` and everything below it in order of the text, or only those of `kinds`."""
    stack = [node]
    while stack:
        current = stack.pop()
        if not kinds or current.type in kinds:
            yield current
        stack.extend(reversed(current.children))


def text_of(node: Node | None) -> str:
    """The node's text; empty for None. Macros of the expanded tree are written as in the file."""
    text = (node.text or b"").decode(errors="replace") if node is not None else ""
    return _READ_AS_CALL.sub(r"\1!(", text) if "_(" in text else text


def widest(node: Node | None, accept: Callable[[Node], bool]) -> Node | None:
    """The highest ancestor (or `node`) reached by going up while `accept` holds for the parent."""
    while node is not None and node.parent is not None and accept(node.parent):
        node = node.parent
    return node


def exact(node: Node | None, start: int, end: int) -> Node | None:
    """The highest ancestor (or `node`) that covers exactly [start, end)."""
    found = None
    for candidate in ancestors(node):
        if (candidate.start_byte, candidate.end_byte) == (start, end):
            found = candidate
        elif candidate.start_byte < start or candidate.end_byte > end:
            break
    return found


def expression_at(source: Source, start: int, end: int) -> Node | None:
    """The highest node that covers exactly [start, end); of a statement, its expression."""
    node = exact(inner_node(source, start, end), start, end)
    while node is not None and node.type in _WRAPPERS and node.named_children:
        node = node.named_children[0]
    return node


def inner_node(source: Source, start: int, end: int) -> Node:
    """The smallest named node over [start, end), also among the arguments of the usual macros."""
    node = source.node_at(start, end)
    if enclosing(node, "token_tree") is None:
        return node
    return source.expanded.root_node.named_descendant_for_byte_range(start, end) or node


def calls(source: Source, name: str) -> Iterator[list[Node]]:
    """The arguments of every call of a function or method called `name`, those in the usual macros too."""
    for call in descendants(source.expanded.root_node, "call_expression"):
        function = call.child_by_field_name("function")
        if function is not None and function.type == "generic_function":
            function = function.child_by_field_name("function")
        if function is not None and re.split(r"::|\.", text_of(function))[-1].strip() == name:
            arguments = call.child_by_field_name("arguments")
            yield [n for n in arguments.named_children if not is_comment(n)] if arguments is not None else []


def statement(node: Node | None) -> Node | None:
    """The statement (or item, or tail expression) around `node` that stands directly in a block or file."""
    for current in ancestors(node):
        if current.parent is not None and current.parent.type in ("block", "source_file", "declaration_list"):
            return current
    return None


def block(node: Node | None) -> Node | None:
    """The nearest block around `node` (or itself)."""
    return enclosing(node, "block")


def function(node: Node | None) -> Node | None:
    """The function around `node`, a closure not counted."""
    return enclosing(node, *FUNCTIONS)


def function_or_closure(node: Node | None) -> Node | None:
    """The nearest function or closure around `node`."""
    return enclosing(node, *FUNCTIONS, "closure_expression")


def body_tail(block_node: Node | None) -> Node | None:
    """The block's last expression, which is its value; None if it ends with a statement."""
    if block_node is None or not block_node.named_children:
        return None
    last = next((c for c in reversed(block_node.named_children) if not is_comment(c)), None)
    if last is None or last.type in ITEMS or last.type in ("let_declaration", "empty_statement"):
        return None
    if last.type == "expression_statement":
        return None if text_of(last).endswith(";") else last.named_children[0]
    return last


def elements(node: Node) -> list[Node]:
    """The members of a comma list (pattern, tuple, arguments), `_` and `..` among them."""
    inside, result = node.child_by_field_name("type") is None, []
    for child in node.children:
        if text_of(child) in ("(", "[", "{"):
            inside = True
        elif inside and text_of(child) not in (")", "]", "}", ",") and not is_comment(child):
            result.append(child)
    return result


def is_comment(node: Node) -> bool:
    """Whether the node is a line or block comment."""
    return node.type in ("line_comment", "block_comment")


# Names


def items(source: Source, *kinds: str) -> Iterator[Node]:
    """Every item of `kinds` (default: any) in the file, nested ones too."""
    yield from descendants(source.root, *(kinds or ITEMS))


def named_item(source: Source, name: str, *kinds: str) -> Node | None:
    """The first item called `name` (of `kinds`, default: any)."""
    return next((i for i in items(source, *kinds) if text_of(i.child_by_field_name("name")) == name), None)


def functions_called(source: Source, name: str) -> list[Node]:
    """All functions and methods called `name`, also those of traits without a body."""
    return [f for f in descendants(source.root, *FUNCTIONS) if text_of(f.child_by_field_name("name")) == name]


def impls_of(source: Source, type_name: str) -> Iterator[Node]:
    """The impl blocks for the type, whatever its arguments."""
    for item in items(source, "impl_item"):
        if re.match(rf"{re.escape(type_name)}\b", text_of(item.child_by_field_name("type"))):
            yield item


def pattern_names(pattern: Node | None) -> list[Node]:
    """The identifiers that a pattern binds (by the usual spelling: lower case)."""
    if pattern is None:
        return []
    return [
        n
        for n in descendants(pattern, "identifier", "shorthand_field_identifier")
        if not (
            n.parent is not None
            and n.parent.type in ("scoped_identifier", "tuple_struct_pattern")
            and n.parent.child_by_field_name("type") == n
        )
        and (text_of(n)[:1].islower() or text_of(n)[:1] == "_")
    ]


def binding(node: Node | None, name: str) -> Node | None:
    """The declaration that `name` refers to at `node`: a `let_declaration`, `parameter`,
    `closure_parameters`, `for_expression`, `match_arm`, `let_condition` or `self_parameter`.
    """
    here = node.start_byte if node is not None else 0
    for current in ancestors(node):
        if current.type == "block":
            lets = [
                c
                for c in current.named_children
                if c.type == "let_declaration"
                and c.end_byte <= here
                and _binds(c.child_by_field_name("pattern"), name)
            ]
            if lets:
                return lets[-1]
        elif current.type in FUNCTIONS or current.type == "closure_expression":
            found = _parameter(current, name)
            if found is not None:
                return found
            if current.type in FUNCTIONS:
                return None
        elif current.type in ("for_expression", "match_arm") and _binds(
            current.child_by_field_name("pattern"), name
        ):
            return current
        elif current.type in ("if_expression", "while_expression"):
            condition = current.child_by_field_name("condition")
            for let in descendants(condition, "let_condition") if condition is not None else ():
                if _binds(let.child_by_field_name("pattern"), name) and let.end_byte <= here:
                    return let
    return None


def _parameter(fn: Node, name: str) -> Node | None:
    parameters = fn.child_by_field_name("parameters")
    if parameters is None:
        return None
    for parameter in parameters.named_children:
        if parameter.type == "self_parameter":
            if name == "self":
                return parameter
        elif parameter.type == "parameter":
            if _binds(parameter.child_by_field_name("pattern"), name):
                return parameter
        elif _binds(parameter, name):
            return parameters
    return None


def _binds(pattern: Node | None, name: str) -> bool:
    return any(text_of(n) == name for n in pattern_names(pattern))


def uses(root: Node, name: str) -> Iterator[Node]:
    """The places below `root` where the identifier is written, those in macros and `{name}` strings too."""
    for node in descendants(root, "identifier", "self", "shorthand_field_identifier", "string_content"):
        if node.type == "string_content":
            if re.search(rf"(?<!\{{)\{{{re.escape(name)}[:}}]", text_of(node)):
                yield node
        elif text_of(node) == name:
            yield node


# Edits


def replace(source: Source, node: Node, text: str) -> Edit:
    """Put `text` in the node's place."""
    return Edit(source.path, node.start_byte, node.end_byte, text.encode())


def insert(source: Source, at: int, text: str) -> Edit:
    """Insert `text` at the byte `at`."""
    return Edit(source.path, at, at, text.encode())


def delete(source: Source, node: Node) -> Edit:
    """Delete the node, and its whole lines if nothing else stands on them."""
    start, end = whole_lines(source, node.start_byte, node.end_byte)
    return Edit(source.path, start, end, b"")


def before(source: Source, node: Node, text: str) -> Edit:
    """Insert `text` in front of the node."""
    return insert(source, node.start_byte, text)


def after(source: Source, node: Node, text: str) -> Edit:
    """Insert `text` behind the node."""
    return insert(source, node.end_byte, text)


def wrap(source: Source, node: Node, left: str, right: str) -> tuple[Edit, ...]:
    """Put `left` and `right` around the node (one edit: the two never collide with others inside)."""
    return (replace(source, node, left + text_of(node) + right),)


def line_before(source: Source, node: Node, text: str) -> Edit:
    """Insert `text` as lines of their own above the node's first line, indented like it."""
    start = line_start(source, node.start_byte)
    if source.text[start : node.start_byte].strip():  # something else stands in front of it
        return insert(source, node.start_byte, text + " ")
    return insert(source, start, _indented(text, indentation(source, node)))


def line_after(source: Source, node: Node, text: str) -> Edit:
    """Insert `text` as lines of their own below the node's last line, indented like its first."""
    end = source.text.find(b"\n", node.end_byte)
    rest = source.text[node.end_byte : end if end >= 0 else len(source.text)]
    if rest.strip() and not rest.strip().startswith(b"//"):
        return insert(source, node.end_byte, " " + text)
    if end < 0:
        lines = "\n" + _indented(text, indentation(source, node)).rstrip("\n")
        return insert(source, len(source.text), lines)
    return insert(source, end + 1, _indented(text, indentation(source, node)))


def whole_lines(source: Source, start: int, end: int) -> tuple[int, int]:
    """Widen [start, end) to whole lines if only white space and a trailing comment stand around it."""
    first = line_start(source, start)
    newline = source.text.find(b"\n", end)
    last = newline + 1 if newline >= 0 else len(source.text)
    rest = source.text[end:last].strip()
    if source.text[first:start].strip() or (rest and not rest.startswith(b"//")):
        return start, end
    return first, last


def line_start(source: Source, at: int) -> int:
    """The offset of the first byte of the line of `at`."""
    return source.text.rfind(b"\n", 0, at) + 1


def indentation(source: Source, node: Node) -> str:
    """The white space at the start of the node's first line."""
    start = line_start(source, node.start_byte)
    line = source.text[start : node.start_byte]
    return line[: len(line) - len(line.lstrip())].decode()


def tight(node: Node) -> str:
    """The node's text, in parentheses if a prefix or a method call would split it."""
    text = text_of(node)
    return text if node.type in TIGHT else f"({text})"


def add_use(source: Source, path: str) -> Edit | None:
    """Import `path` after the file's last `use`, or at its top; None if it is imported already."""
    tops = [node for node in source.root.named_children if node.type == "use_declaration"]
    if any(re.fullmatch(rf"use\s+{re.escape(path)}\s*;", text_of(node)) for node in tops):
        return None
    if tops:
        return line_after(source, tops[-1], f"use {path};")
    first = next(
        (
            n
            for n in source.root.named_children
            if n.type != "inner_attribute_item" and not is_comment(n) and n.type != "shebang"
        ),
        None,
    )
    if first is None:
        return insert(source, len(source.text), f"use {path};\n")
    return insert(source, line_start(source, first.start_byte), f"use {path};\n")


def change(*edits: Edit | None, extra: Iterable[Edit] = ()) -> tuple[Edit, ...]:
    """The edits that are there, each once and in order."""
    return tuple(sorted({edit for edit in (*edits, *extra) if edit is not None}))


def _indented(text: str, indent: str) -> str:
    return "".join(f"{indent}{line}\n" if line.strip() else "\n" for line in text.splitlines())


# Moving statements


def in_common_block(one: Node | None, other: Node | None) -> tuple[Node, Node] | None:
    """The statements around the two nodes that stand in the innermost block which holds both."""
    if one is None or other is None:
        return None
    for current in ancestors(one):
        parent = current.parent
        if parent is None or parent.type not in ("block", "source_file"):
            continue
        upper = next((n for n in parent.named_children if _covers(n, one)), current)
        if parent.start_byte <= other.start_byte and other.end_byte <= parent.end_byte:
            there = next((n for n in parent.named_children if _covers(n, other)), None)
            return (upper, there) if there is not None else None
    return None


def _covers(outer: Node, inner: Node) -> bool:
    return outer.start_byte <= inner.start_byte and inner.end_byte <= outer.end_byte


def statements_between(first: Node, last: Node) -> list[Node]:
    """The statements strictly between two statements of one block, comments left out."""
    if first.parent is None:
        return []
    return [
        node
        for node in first.parent.named_children
        if first.end_byte <= node.start_byte and node.end_byte <= last.start_byte and not is_comment(node)
    ]


def bound_by(node: Node) -> set[str]:
    """The names that a `let` binds; nothing for other statements."""
    if node.type != "let_declaration":
        return set()
    return {text_of(name) for name in pattern_names(node.child_by_field_name("pattern"))}


def is_used(names: Iterable[str], *nodes: Node) -> bool:
    """Whether one of the names is written in one of the nodes."""
    return any(True for node in nodes for name in names for _ in uses(node, name))


def move_statement(
    source: Source, node: Node, *, before: Node | None = None, after: Node | None = None
) -> tuple[Edit, ...]:
    """Take a statement from its place and put it in front of or behind another one."""
    target = before if before is not None else after
    assert target is not None
    start, end = whole_lines(source, node.start_byte, node.end_byte)
    own_lines = (start, end) != (node.start_byte, node.end_byte)
    text = text_of(node)
    if not text.endswith((";", "}")):
        text += ";"
    cut = Edit(source.path, start, end, b"")
    if own_lines:
        paste = line_before(source, target, text) if before is not None else line_after(source, target, text)
    elif before is not None:
        paste = insert(source, target.start_byte, text + " ")
    else:
        paste = insert(source, target.end_byte, " " + text)
    return (cut, paste)
