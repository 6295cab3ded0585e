"""Jumps: `break`, `continue`, `return` and labels in the wrong place or with the wrong value."""

from collections.abc import Iterator

from ...patch.edit import Edit
from .. import Candidate, Context, values
from .. import syntax as sx
from . import fix, rule


@rule("E0267", "E0268")
def leave_by_return(context: Context) -> Iterator[Candidate]:
    """`break` or `continue` where there is no loop: `return` leaves a closure or function."""
    source, node = sx.source_of(context), sx.node_of(context)
    jump = sx.enclosing(node, "break_expression", "continue_expression")
    if source is None or jump is None:
        return
    value = next((sx.text_of(n) for n in jump.named_children if n.type not in ("label", "loop_label")), "")
    yield fix("return", "Leave by `return`", 0.4, sx.replace(source, jump, f"return {value}".strip()))
    statement = sx.statement(jump)
    function = sx.function_or_closure(jump)
    if statement is not None and function is not None and function.type != "closure_expression":
        wrapped = f"loop {{ {sx.text_of(statement)} }}"
        if jump.type == "break_expression":
            yield fix("loop", "Put it into a loop", 0.3, sx.replace(source, statement, wrapped))
    if statement is not None and statement.type == "expression_statement":
        yield fix("drop-jump", "Drop it: there is no loop here", 0.25, sx.delete(source, statement))


@rule("E0767")
def break_out_of_the_closure(context: Context) -> Iterator[Candidate]:
    """A closure cannot jump to a label around it: jump within, or leave the closure."""
    source, node = sx.source_of(context), sx.node_of(context)
    jump = sx.enclosing(node, "break_expression", "continue_expression")
    closure = sx.enclosing(node, "closure_expression", "async_block", "function_item")
    if source is None or jump is None:
        return
    word = "break" if jump.type == "break_expression" else "continue"
    inner = next((n for n in sx.ancestors(jump) if n.type in sx.LOOPS), None)
    if inner is not None and closure is not None and inner.start_byte >= closure.start_byte:
        yield fix("inner-loop", "Leave the inner loop", 0.4, sx.replace(source, jump, word))
    yield fix("return", "Leave the closure", 0.35, sx.replace(source, jump, "return"))
    if closure is not None and closure.type == "closure_expression":
        body = closure.child_by_field_name("body")
        parameters = sx.text_of(closure.child_by_field_name("parameters"))
        if body is not None and parameters.replace(" ", "") == "||":
            text = sx.text_of(body) if body.type == "block" else f"{{ {sx.text_of(body)} }}"
            yield fix(
                "no-closure",
                "Run it in place instead of in a closure",
                0.3,
                sx.replace(source, closure, text),
            )


@rule("E0571")
def loop_with_a_value(context: Context) -> Iterator[Candidate]:
    """Only `loop` gives a value to `break`."""
    source, node = sx.source_of(context), sx.node_of(context)
    loop = next((n for n in sx.ancestors(node) if n.type == "while_expression"), None)
    condition = loop.child_by_field_name("condition") if loop is not None else None
    if source is None or loop is None or condition is None:
        return
    if sx.text_of(condition) == "true":
        head = Edit(source.path, loop.start_byte, condition.end_byte, b"loop")
        yield fix("loop", "Use `loop`, which gives a value", 0.55, head)
    else:
        body = loop.child_by_field_name("body")
        if body is not None:
            check = f" if !({sx.text_of(condition)}) {{ break Default::default(); }}"
            head = Edit(source.path, loop.start_byte, condition.end_byte, b"loop")
            yield fix(
                "loop",
                "Use `loop`, which gives a value",
                0.2,
                head,
                sx.insert(source, body.start_byte + 1, check),
            )


@rule("E0572")
def no_return_here(context: Context) -> Iterator[Candidate]:
    """`return` outside a function: the value itself."""
    source, node = sx.source_of(context), sx.node_of(context)
    jump = sx.enclosing(node, "return_expression")
    if source is not None and jump is not None and jump.named_children:
        value = sx.text_of(jump.named_children[0])
        yield fix("no-return", f"Write the value `{value}`", 0.55, sx.replace(source, jump, value))


@rule("E0069")
def return_a_value(context: Context) -> Iterator[Candidate]:
    """`return;` in a function that gives a value."""
    source, node = sx.source_of(context), sx.node_of(context)
    function = sx.function(node)
    returns = function.child_by_field_name("return_type") if function is not None else None
    jump = sx.enclosing(node, "return_expression")
    if source is None or returns is None or jump is None:
        return
    for value in list(values.values(source, jump, sx.text_of(returns)))[:3]:
        prior = 0.35 if value.is_in_scope else 0.3
        yield fix(
            "return-value", f"Return `{value.text}`", prior, sx.replace(source, jump, f"return {value.text}")
        )
    arrow = source.text.rindex(b"->", 0, returns.start_byte)
    start = len(source.text[:arrow].rstrip())
    yield fix("no-return-type", "Return nothing", 0.25, Edit(source.path, start, returns.end_byte, b""))


@rule("E0728", "E0752")
def async_around_await(context: Context) -> Iterator[Candidate]:
    """`await` needs an `async` function around it."""
    source, node = sx.source_of(context), sx.node_of(context)
    function = sx.function(node)
    if source is None or function is None or context.diagnostic.code == "E0752":
        return
    if sx.text_of(function.child_by_field_name("name")) != "main":
        at = source.text.index(b"fn", function.start_byte)
        yield fix("async", "Make the function `async`", 0.5, sx.insert(source, at, "async "))
