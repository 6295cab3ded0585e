"""The items of a Rust file, each with its documentation comment."""

import re
from collections.abc import Iterator
from functools import cache, lru_cache

import tree_sitter_rust
from attrs import field, frozen
from tree_sitter import Language, Node, Parser, Range

from .plain import plain, visible

# Above this a file is not read: it was generated, and the tree would take longer than anybody waits.
LARGEST_FILE_BYTES = 1_000_000
_LONGEST_SIGNATURE = 600
_DEEPEST_MACRO = 3
_DEEPEST_PATH = 32

_ITEMS = {
    "associated_type",
    "const_item",
    "enum_item",
    "enum_variant",
    "field_declaration",
    "function_item",
    "function_signature_item",
    "macro_definition",
    "mod_item",
    "static_item",
    "struct_item",
    "trait_item",
    "type_item",
    "union_item",
}
# Their members carry no name of theirs.
_TRANSPARENT = {"ERROR", "expression_statement", "foreign_mod_item"}
_COMMENTS = {"line_comment", "block_comment"}
_ATTRIBUTES = {"attribute_item", "inner_attribute_item"}
_BODIES = {"block", "declaration_list", "enum_variant_list", "field_declaration_list"}

_DOC_ATTRIBUTE = re.compile(
    r'#!?\[\s*doc\s*=\s*(?:"(?P<plain>.*)"|r(?P<hashes>#*)"(?P<raw>.*)"(?P=hashes))\s*\]', re.S
)
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F_]{1,8})\}|x([0-7][0-9a-fA-F])|\n\s*|(.))", re.S)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}


@frozen
class Item:
    """Something with a name, or the file itself as a module.

    Attributes:
        path: the names around it in this file and its own; empty for the file itself.
        start: the byte at which its name begins.
        line, column: of its name, from 1, the column in UTF-16 units.
        doc: its documentation comment as Markdown, not indented.
        signature: the item without its body.
    """

    path: tuple[str, ...]
    start: int
    line: int
    column: int
    doc: str = field(repr=False)
    signature: str = field(repr=False)


@lru_cache(maxsize=16)
def items(source: bytes) -> tuple[Item, ...]:
    """All items outside expressions, in no order. Broken code gives what can be made out.

    Args:
        source: UTF-8 with line feeds only; empty if larger than `LARGEST_FILE_BYTES`.
    """
    if len(source) > LARGEST_FILE_BYTES:
        return ()
    return tuple(_walk(source))


def normal(text: bytes) -> bytes:
    """A file's bytes as the compiler reads them: no byte order mark, line feeds only, valid UTF-8."""
    text = text.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    return text.decode(errors="replace").encode()


@cache
def _language() -> Language:
    return Language(tree_sitter_rust.language())


def _walk(source: bytes) -> Iterator[Item]:
    root = Parser(_language()).parse(source).root_node
    inner = [node for node in _leading(root.children) if _is_inner(source, node)]
    if doc := _doc(source, inner):
        line = next(node for node in inner if _fragment(source, node) is not None).start_point.row + 1
        yield Item((), 0, line, 1, doc, "")
    waiting: list[tuple[Node, tuple[str, ...], int]] = [(root, (), 0)]
    while waiting:
        container, path, depth = waiting.pop()
        if len(path) > _DEEPEST_PATH:
            continue
        before: list[Node] = []
        for node in container.children:
            kind = node.type
            if kind in _COMMENTS or kind in _ATTRIBUTES:
                if not _is_inner(source, node):
                    before.append(node)
                continue
            if kind in _ITEMS:
                name = node.child_by_field_name("name")
                if name is not None and name.end_byte > name.start_byte:
                    yield (item := _item(source, node, name, path, before))
                    waiting += [(body, item.path, depth) for body in _bodies(node)]
            elif kind == "impl_item":
                owner = (*path, _type_name(source, node.child_by_field_name("type")))
                waiting += [(body, owner, depth) for body in _bodies(node)]
            elif kind in _TRANSPARENT or kind in _BODIES:
                waiting.append((node, path, depth))
            elif kind == "macro_invocation" and depth < _DEEPEST_MACRO:
                inside = _in_macro(source, node)
                waiting += [(inside, path, depth + 1)] if inside is not None else []
            before = []


def _item(source: bytes, node: Node, name: Node, path: tuple[str, ...], before: list[Node]) -> Item:
    inner = [one for body in _bodies(node) for one in _leading(body.children) if _is_inner(source, one)]
    return Item(
        path=(*path, _text(source, name)),
        start=name.start_byte,
        line=name.start_point.row + 1,
        column=_column(source, name),
        doc=_doc(source, [*before, *inner]),
        signature=_signature(source, node),
    )


def _column(source: bytes, name: Node) -> int:
    before = source[name.start_byte - name.start_point.column : name.start_byte]
    return len(before.decode(errors="replace").encode("utf-16-le")) // 2 + 1


def _bodies(node: Node) -> list[Node]:
    body = node.child_by_field_name("body")
    return [body] if body is not None and body.type in _BODIES else []


def _leading(nodes: list[Node]) -> Iterator[Node]:
    """The comments and attributes that a file or body begins with."""
    for node in nodes:
        if node.type in _COMMENTS or node.type in _ATTRIBUTES:
            yield node
        elif node.is_named and node.type != "shebang":
            return


def _is_inner(source: bytes, node: Node) -> bool:
    return source.startswith((b"//!", b"/*!", b"#!"), node.start_byte)


def _in_macro(source: bytes, node: Node) -> Node | None:
    """What stands between the braces of a macro's call, read as items: `cfg_if! { … }`."""
    tokens = node.named_children[-1] if node.named_children else None
    if tokens is None or tokens.type != "token_tree" or not source.startswith(b"{", tokens.start_byte):
        return None
    if tokens.child_count < 3:
        return None
    first, last = tokens.children[1], tokens.children[-2]
    inside = Range(first.start_point, last.end_point, first.start_byte, last.end_byte)
    return Parser(_language(), included_ranges=[inside]).parse(source).root_node


def _type_name(source: bytes, node: Node | None) -> str:
    """The name that methods of an impl for this type are listed under."""
    while node is not None:
        if node.type == "scoped_type_identifier":
            inner = node.child_by_field_name("name")
        elif node.type in ("generic_type", "reference_type", "pointer_type"):
            inner = node.child_by_field_name("type")
        else:
            inner = None
        if inner is None:
            return visible("".join(_text(source, node).split())[:60])
        node = inner
    return "?"


def _signature(source: bytes, node: Node) -> str:
    body = node.child_by_field_name("body") or node.child_by_field_name("value")
    end = body.start_byte if body is not None else node.end_byte
    if node.type == "macro_definition":
        name = node.child_by_field_name("name")
        end = name.end_byte if name is not None else end
    text = source[node.start_byte : min(end, node.start_byte + _LONGEST_SIGNATURE)].decode(errors="ignore")
    return plain(text).rstrip(" =;{")


def _doc(source: bytes, nodes: list[Node]) -> str:
    """The Markdown of doc comments and `doc` attributes; other comments and attributes say nothing."""
    found = [(node, text) for node in nodes if (text := _fragment(source, node)) is not None]
    comments = [text.split("\n") for node, text in found if node.type in _COMMENTS]
    indent = min((_indent(line) for lines in comments for line in lines if line.strip()), default=0)
    # As rustdoc does it: beside comments an attribute's text counts as one space further in.
    attributes = [text.split("\n") for node, text in found if node.type not in _COMMENTS]
    further = min((_indent(line) for lines in attributes for line in lines if line.strip()), default=0)
    if comments and attributes:
        indent, further = min(indent, further + 1), max(min(indent, further + 1) - 1, 0)
    lines = [
        line[indent if node.type in _COMMENTS else further :] if line.strip() else ""
        for node, text in found
        for line in text.split("\n")
    ]
    return "\n".join(lines).strip("\n")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _fragment(source: bytes, node: Node) -> str | None:
    start = node.start_byte
    if node.type == "line_comment":
        is_doc = source.startswith((b"//!", b"///"), start) and not source.startswith(b"////", start)
        return _text(source, node)[3:].rstrip("\n") if is_doc else None
    if node.type == "block_comment":
        is_doc = source.startswith((b"/*!", b"/**"), start) and not source.startswith(
            (b"/***", b"/**/"), start
        )
        return _without_stars(_text(source, node)[3:].removesuffix("*/")) if is_doc else None
    match = _DOC_ATTRIBUTE.fullmatch(_text(source, node))
    if match is None:
        return None
    written = match["plain"]
    return match["raw"] if written is None else _ESCAPE.sub(_unescape, written)


def _unescape(match: re.Match[str]) -> str:
    digits = match[1] or match[2]
    if digits:
        code = int(digits.replace("_", "") or "0", 16)
        return chr(code) if code <= 0x10FFFF else "\ufffd"
    return _ESCAPED.get(match[3], match[3]) if match[3] else ""


def _without_stars(text: str) -> str:
    """A block comment's text as rustc trims it: no column of stars, no empty first and last line."""
    first, *rest = text.split("\n")
    written = [line for line in rest if line.strip()]
    edge = next((line[: _indent(line)] for line in written), "")
    if written and all(line.startswith(edge + "*") for line in written):
        first = first.removeprefix(edge)
        rest = [line.removeprefix(edge).removeprefix("*") for line in rest]
    if rest and not rest[-1].strip():
        rest.pop()
    return "\n".join([first, *rest] if first.strip("*") or not rest else rest)


def _text(source: bytes, node: Node) -> str:
    return source[node.start_byte : node.end_byte].decode(errors="replace")
