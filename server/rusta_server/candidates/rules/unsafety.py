"""Unsafe operations outside `unsafe`."""

from collections.abc import Iterator

from ...patch.edit import Edit
from .. import Candidate, Context
from .. import syntax as sx
from . import fix, rule


@rule("E0133")
def wrap_in_unsafe(context: Context) -> Iterator[Candidate]:
    """Put the operation, or its statement, into an `unsafe` block."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    node = sx.expression_at(source, primary.start, primary.end) or source.node_at(primary.start, primary.end)
    statement = sx.statement(node)
    if statement is not None and statement.type == "expression_statement":
        lines = _block(sx.text_of(statement), sx.indentation(source, statement))
        yield fix("unsafe-block", "Put it into an `unsafe` block", 0.5, sx.replace(source, statement, lines))
    title = f"Put `{sx.text_of(node)}` into an `unsafe` block"
    if node.type not in ("source_file", "block", "token_tree"):
        text = f"unsafe {{ {sx.text_of(node)} }}"
        needs = node.parent is not None and node.parent.type in ("binary_expression", "expression_statement")
        yield fix("unsafe", title, 0.45, sx.replace(source, node, f"({text})" if needs else text))
    else:
        text = f"unsafe {{ {source.text[primary.start : primary.end].decode()} }}"
        yield fix("unsafe", title, 0.4, Edit(source.path, primary.start, primary.end, text.encode()))
    function = sx.function(node)
    name = sx.text_of(function.child_by_field_name("name")) if function is not None else ""
    if function is not None and name != "main" and "unsafe" not in sx.text_of(function).split("fn", 1)[0]:
        at = source.text.index(b"fn", function.start_byte)
        yield fix("unsafe-fn", f"Make `{name}` unsafe to call", 0.25, sx.insert(source, at, "unsafe "))


def _block(text: str, indent: str) -> str:
    body = text.replace("\n", "\n    ")
    return f"unsafe {{\n{indent}    {body}\n{indent}}}"
