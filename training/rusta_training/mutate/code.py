"""A source file with its syntax tree, as the operators look at it."""

import re
import zlib
from collections.abc import Iterator
from functools import cached_property

import tree_sitter_rust
from attrs import frozen
from tree_sitter import Language, Node, Parser

_RUST = Language(tree_sitter_rust.language())

# Macros whose arguments are expressions. For the parser they are written as calls and arrays of the same
# length, so that what stands in them has a tree as well.
_LIKE_CALLS = re.compile(
    rb"\b(print|println|eprint|eprintln|format|write|writeln|panic|dbg|(?:debug_)?assert(?:_eq|_ne)?)!(?=\()"
)
_LIKE_ARRAYS = re.compile(rb"\bvec!(?=\[)")


@frozen(order=True)
class Edit:
    """Replace the bytes [start, end) of a file by `text`."""

    start: int
    end: int
    text: bytes


@frozen
class MethodCall:
    """`receiver.name(arguments)`."""

    node: Node
    receiver: Node
    name: Node
    arguments: Node


@frozen
class Call:
    """`function(arguments)`."""

    node: Node
    function: Node
    arguments: Node


class Code:
    """One file: its bytes and every node of its tree, found by kind or by parent.

    `println!(…)`, `assert_eq!(…)` and the like appear as calls, `vec![…]` as an array. The tokens of other
    macro calls appear as loose tokens below a `token_tree`.
    """

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.root = _parse(source)
        self._by_kind: dict[str, list[Node]] = {}
        self._parents: dict[int, Node] = {}
        pending = [self.root]
        while pending:
            node = pending.pop()
            self._by_kind.setdefault(node.type, []).append(node)
            children = node.children
            for child in children:
                self._parents[child.id] = node
            pending.extend(reversed(children))

    def all(self, *kinds: str) -> Iterator[Node]:
        """All nodes of these kinds, those of one kind in the order of the source."""
        for kind in kinds:
            yield from self._by_kind.get(kind, ())

    def text(self, node: Node | None) -> str:
        """What is written there; empty for None."""
        return "" if node is None else self.source[node.start_byte : node.end_byte].decode()

    def parent(self, node: Node) -> Node:
        """The node around it; the root is its own parent."""
        return self._parents.get(node.id, node)

    def parent_kind(self, node: Node) -> str:
        """The kind of the node around it."""
        return self.parent(node).type

    def above(self, node: Node) -> Iterator[Node]:
        """The nodes around it, the nearest first."""
        while (found := self._parents.get(node.id)) is not None:
            yield found
            node = found

    def inside(self, node: Node, *kinds: str) -> Node | None:
        """The nearest node around it that is of one of these kinds."""
        return next((found for found in self.above(node) if found.type in kinds), None)

    def next(self, node: Node) -> Node | None:
        """What follows it below the same parent, comments skipped."""
        siblings = self.parent(node).children
        place = next(index for index, found in enumerate(siblings) if found.id == node.id)
        return next((found for found in siblings[place + 1 :] if found.type not in COMMENTS), None)

    def luck(self, node: Node, salt: str = "") -> int:
        """A number that depends on the node's place and text alone: for choices that can be repeated."""
        return zlib.crc32(f"{salt}{node.start_byte}{self.text(node)}".encode())

    def is_macro(self, call: Node) -> bool:
        """Whether this call is one of a macro."""
        function = call.child_by_field_name("function")
        return function is not None and self.source[function.end_byte : function.end_byte + 1] == b"!"

    def method_calls(self, *names: str) -> Iterator["MethodCall"]:
        """Calls written with a dot; of methods with one of these names, if any is given."""
        for call in self.all("call_expression"):
            function = call.child_by_field_name("function")
            if function is not None and function.type == "generic_function":
                function = function.child_by_field_name("function")
            if function is None or function.type != "field_expression":
                continue
            receiver, name = function.child_by_field_name("value"), function.child_by_field_name("field")
            arguments = call.child_by_field_name("arguments")
            if receiver is None or name is None or arguments is None:
                continue
            if not names or self.text(name) in names:
                yield MethodCall(call, receiver, name, arguments)

    def calls(self, *names: str) -> Iterator["Call"]:
        """Calls of functions and tuple constructors by path (`Some`, `Box::new`), macros left out."""
        for call in self.all("call_expression"):
            function, arguments = call.child_by_field_name("function"), call.child_by_field_name("arguments")
            if function is None or arguments is None or self.is_macro(call):
                continue
            if function.type not in ("identifier", "scoped_identifier", "generic_function"):
                continue
            if not names or self.text(function) in names:
                yield Call(call, function, arguments)

    @cached_property
    def uses(self) -> dict[str, list[Node]]:
        """Every plain identifier by its text, in the order of the source, those in macro calls included."""
        found: dict[str, list[Node]] = {}
        for node in self.all("identifier"):
            found.setdefault(self.text(node), []).append(node)
        return found


def _parse(source: bytes) -> Node:
    without_macros = _LIKE_ARRAYS.sub(b"    ", _LIKE_CALLS.sub(rb"\1 ", source))
    root = Parser(_RUST).parse(without_macros).root_node
    return Parser(_RUST).parse(source).root_node if root.has_error else root


COMMENTS = ("line_comment", "block_comment")


def delete(*nodes: Node) -> Edit:
    """Take away everything from the first node to the last."""
    return Edit(nodes[0].start_byte, nodes[-1].end_byte, b"")


def replace(node: Node, text: str) -> Edit:
    """Put `text` in the node's place."""
    return Edit(node.start_byte, node.end_byte, text.encode())


def before(node: Node, text: str) -> Edit:
    """Insert `text` where the node begins."""
    return Edit(node.start_byte, node.start_byte, text.encode())


def after(node: Node, text: str) -> Edit:
    """Insert `text` where the node ends."""
    return Edit(node.end_byte, node.end_byte, text.encode())


def without_line(code: Code, first: Node, last: Node | None = None) -> Edit:
    """Take nodes away with their line, if nothing else is on it; else with the blanks behind them."""
    start, end = first.start_byte, (last or first).end_byte
    line_start = code.source.rfind(b"\n", 0, start) + 1
    line_end = code.source.find(b"\n", end)
    if line_end >= 0 and not code.source[line_start:start].strip() and not code.source[end:line_end].strip():
        return Edit(line_start, line_end + 1, b"")
    while code.source[end : end + 1] in (b" ", b"\t"):
        end += 1
    return Edit(start, end, b"")


def item_of_list(code: Code, node: Node) -> Edit | None:
    """Take an element out of a list with the comma that belongs to it; None if it is in no list."""
    siblings = code.parent(node).children
    place = next((index for index, found in enumerate(siblings) if found.id == node.id), None)
    if place is None:
        return None
    if place + 1 < len(siblings) and siblings[place + 1].type == ",":
        if place + 2 < len(siblings) and siblings[place + 2].type not in (")", "}", "]", ">"):
            return Edit(node.start_byte, siblings[place + 2].start_byte, b"")
        if place > 0 and siblings[place - 1].type == ",":  # the last one, with a comma behind it
            return Edit(siblings[place - 1].end_byte, siblings[place + 1].end_byte, b"")
        return Edit(node.start_byte, siblings[place + 1].end_byte, b"")
    if place > 0 and siblings[place - 1].type == ",":
        return Edit(siblings[place - 1].start_byte, node.end_byte, b"")
    return delete(node)


def elements(node: Node | None) -> list[Node]:
    """The named children of a list, without comments and attributes."""
    if node is None:
        return []
    return [child for child in node.named_children if child.type not in (*COMMENTS, "attribute_item")]


def statements(block: Node) -> list[Node]:
    """The statements of a block, the trailing expression included."""
    return elements(block)


def indent_of(code: Code, node: Node) -> str:
    """The blanks before the line on which the node begins."""
    start = code.source.rfind(b"\n", 0, node.start_byte) + 1
    line = code.source[start : node.start_byte].decode(errors="replace")
    return line[: len(line) - len(line.lstrip())]
