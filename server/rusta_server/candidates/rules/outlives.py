"""Borrows that live longer than what they borrow from.

The ways out: let the owner live longer (declare it further out or earlier), end the use sooner, or hand
out an owned value instead of a borrow.
"""

import re
from collections.abc import Iterator

from ...patch.edit import Edit
from .. import Candidate, Context, Source
from .. import syntax as sx
from ..syntax import Node
from . import fix, rule

_OWNERS = (
    (re.compile(r"&(?:'\w+\s+)?(?:mut\s+)?str\b"), "String"),
    (re.compile(r"&(?:'\w+\s+)?(?:mut\s+)?\[([^;\]]+)\]"), r"Vec<\1>"),
    (re.compile(r"&(?:'\w+\s+)?(?:mut\s+)?dyn\s+(\w+)"), r"Box<dyn \1>"),
    (re.compile(r"&(?:'\w+\s+)?(?:mut\s+)?"), ""),
)
_VIEWS = re.compile(r"\.(as_str|as_slice|as_ref|borrow|deref|as_mut|as_mut_str|iter|iter_mut)\(\)$")


@rule("E0597", "E0716")
def declare_further_out(context: Context) -> Iterator[Candidate]:
    """Move the owner's `let` out of the block that ends too early."""
    found = _owner(context)
    if found is None:
        return
    source, let, name = found
    scope = let.parent
    outer = sx.statement(scope.parent) if scope is not None and scope.parent is not None else None
    if scope is None or scope.type != "block" or outer is None or outer.type in sx.ITEMS:
        return
    if any(n.type in sx.LOOPS for n in sx.ancestors(scope) if n.start_byte >= outer.start_byte):
        return
    edits = sx.move_statement(source, let, before=outer)
    yield fix("declare-further-out", f"Declare `{name}` outside the block", 0.5, *edits)


@rule("E0597", "E0505", "E0713")
def declare_earlier(context: Context) -> Iterator[Candidate]:
    """Values are dropped in the opposite order: declare the owner before what borrows from it."""
    found = _owner(context)
    primary = sx.node_of(context)
    if found is None or primary is None:
        return
    source, let, name = found
    block = let.parent
    if block is None or not block.named_children:
        return
    later = [
        s for span in context.diagnostic.spans for s in sx.quoted(span.label or "") if re.fullmatch(r"\w+", s)
    ]
    statement = sx.in_common_block(let, primary)
    touched = {sx.text_of(n) for n in sx.descendants(statement[1], "identifier")} if statement else set()
    for other in block.named_children:
        names = sx.bound_by(other)
        if other.start_byte >= let.start_byte:
            break
        between = set().union(*(sx.bound_by(n) for n in [other, *sx.statements_between(other, let)]))
        if names & (touched | set(later)) - {name} and not sx.is_used(between, let):
            edits = sx.move_statement(source, let, before=other)
            yield fix("declare-earlier", f"Declare `{name}` before what borrows from it", 0.5, *edits)
            return


@rule("E0597")
def use_inside_the_block(context: Context) -> Iterator[Candidate]:
    """Move the later use into the block in which the owner lives."""
    found = _owner(context)
    later = next(sx.labelled(context.diagnostic, "later used"), None)
    if found is None or later is None:
        return
    source, let, name = found
    block, use = let.parent, sx.statement(sx.node_of(context, later))
    if block is None or use is None or not block.named_children or use.parent == block:
        return
    if use.type not in ("expression_statement", "macro_invocation") or sx.in_common_block(block, use) is None:
        return
    edits = sx.move_statement(source, use, after=block.named_children[-1])
    yield fix("use-inside", f"Use it while `{name}` still lives", 0.4, *edits)


@rule("E0597")
def hand_over_the_value(context: Context) -> Iterator[Candidate]:
    """Store the value itself instead of a reference to it."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    node = sx.expression_at(source, primary.start, primary.end)
    if node is None or node.type != "reference_expression":
        return
    value = node.child_by_field_name("value")
    if value is None:
        return
    what = sx.text_of(value)
    vector = next(sx.labelled(context.diagnostic, "variable `.*` declared here"), None)
    annotation = _annotation(source, vector.start, vector.end) if vector is not None else None
    owned = None
    if annotation is not None:
        owned = sx.replace(source, annotation, own_type(sx.text_of(annotation)))
    yield fix(
        "hand-over", f"Store `{what}` itself, not a reference", 0.35, sx.replace(source, node, what), owned
    )
    clone = sx.replace(source, node, f"{sx.tight(value)}.clone()")
    yield fix("store-clone", f"Store a clone of `{what}`", 0.3, clone, owned)


@rule("E0515", "E0716", "E0597")
def return_owned(context: Context) -> Iterator[Candidate]:
    """A function cannot return a borrow of what it owns: return the owned value."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    node = sx.expression_at(source, primary.start, primary.end) or source.node_at(primary.start, primary.end)
    function = sx.function(node)
    returns = function.child_by_field_name("return_type") if function is not None else None
    if function is None or returns is None or sx.enclosing(node, "closure_expression"):
        return
    before = sx.text_of(returns)
    after = own_type(before)
    if after == before:
        yield from _owned_iterator(source, returns, node)
        return
    name = sx.text_of(function.child_by_field_name("name"))
    title = f"Return an owned `{after}` from `{name}`"
    change = sx.replace(source, returns, after)
    seen = set()
    for prior, text in _owned_texts(node, after):
        if text not in seen:
            seen.add(text)
            lifetimes = _unused_lifetimes(source, function, before)
            yield fix("return-owned", title, prior, change, sx.replace(source, node, text))
            if lifetimes is not None:
                edits = (change, sx.replace(source, node, text), lifetimes)
                yield fix("return-owned", title, prior + 0.02, *edits)


@rule("E0597")
def return_owning_iterator(context: Context) -> Iterator[Candidate]:
    """`local.iter()` as the value of the function: the iterator must own the elements."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None or next(sx.labelled(context.diagnostic, "later"), None) is not None:
        return
    if source.text[primary.end :].startswith(b".iter()"):
        edit = Edit(source.path, primary.end, primary.end + len(b".iter()"), b".into_iter()")
        yield fix("into-iter", "Iterate over the value itself", 0.4, edit)


@rule("E0515")
def return_a_copy(context: Context) -> Iterator[Candidate]:
    """An iterator over a local, or a structure that borrows from one: own what is returned."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    borrowed = next(sx.labelled(context.diagnostic, "is borrowed here|temporary value created here"), None)
    if source is None or primary is None or borrowed is None:
        return
    node = sx.expression_at(source, primary.start, primary.end)
    if node is not None and node.type == "call_expression" and sx.enclosing(node, "closure_expression"):
        yield fix("own-in-closure", "Return an owned value", 0.4, sx.after(source, node, ".to_owned()"))
    text = sx.text_of(node)
    if node is not None and ".iter()" in text:
        into = text.replace(".iter()", ".into_iter()", 1)
        yield fix("into-iter", "Iterate over the value itself", 0.35, sx.replace(source, node, into))


@rule("E0716")
def keep_the_temporary(context: Context) -> Iterator[Candidate]:
    """Give the temporary value a name, so that it lives as long as the borrow."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    node = sx.expression_at(source, primary.start, primary.end)
    statement = sx.statement(node)
    if node is None or statement is None:
        return
    line = sx.line_before(source, statement, f"let value = {sx.text_of(node)};")
    yield fix(
        "name-temporary",
        "Keep the temporary value in a variable",
        0.4,
        line,
        sx.replace(source, node, "value"),
    )
    annotation = next(sx.labelled(context.diagnostic, "type annotation requires"), None)
    if annotation is not None:
        text = source.text[annotation.start : annotation.end].decode()
        free = re.sub(r"&'static\s+", "&", text)
        edit = Edit(source.path, annotation.start, annotation.end, free.encode())
        yield fix("not-static", "Borrow for as long as the value lives", 0.5, edit)


@rule("E0373", "E0597", "E0521")
def scoped_threads(context: Context) -> Iterator[Candidate]:
    """A closure that leaves the function must own what it uses."""
    source = sx.source_of(context)
    for span in context.diagnostic.spans:
        if source is None:
            return
        node = source.node_at(span.start, span.end)
        closure = sx.enclosing(node, "closure_expression")
        if closure is not None and not sx.text_of(closure).startswith(("move", "async", "static")):
            yield fix(
                "move-closure", "Let the closure own what it uses", 0.5, sx.before(source, closure, "move ")
            )
            return


def own_type(text: str) -> str:
    """The type with its references made owned: `&str` → `String`, `Vec<&'a T>` → `Vec<T>`."""
    for pattern, owner in _OWNERS:
        text = pattern.sub(owner, text)
    return text


def _owned_texts(node: Node, type_: str) -> Iterator[tuple[float, str]]:
    """Ways to write the returned expression as an owned value, with a prior each."""
    text = sx.text_of(node)
    inner = node.child_by_field_name("value") if node.type == "reference_expression" else None
    if inner is not None:
        if inner.type == "index_expression" and ".." in sx.text_of(inner):
            base = inner.named_children[0]
            if re.search(r"\[\s*\.\.\s*\]$", sx.text_of(inner)):
                yield 0.52, sx.text_of(base)
            yield 0.45, f"{sx.text_of(inner)}.to_owned()"
        yield 0.5, sx.text_of(inner)
        yield 0.4, f"{sx.tight(inner)}.to_owned()"
        return
    if _VIEWS.search(text):
        yield 0.5, _VIEWS.sub("", text)
    if node.type in (
        "call_expression",
        "field_expression",
        "identifier",
        "index_expression",
        "macro_invocation",
    ):
        if text.endswith(".collect()") and type_.startswith("Vec<"):
            yield 0.45, text.removesuffix(".collect()") + ".map(ToOwned::to_owned).collect()"
        yield 0.42, f"{text}.to_owned()"
        yield 0.3, f"{text}.to_string()" if type_ == "String" else text
    if re.match(r"(Some|Ok|Err|Box::new)\(&", text) or node.type == "struct_expression":
        yield 0.45, re.sub(r"\(&(?:mut )?", "(", text, count=1)
    yield 0.2, text


def _owned_iterator(source: Source, returns: Node, node: Node) -> Iterator[Candidate]:
    """`-> Iter<'a, T>` with `v.iter()`: `-> IntoIter<T>` with `v.into_iter()`."""
    match = re.fullmatch(r"(?:\w+::)*Iter<'\w+,\s*(.+)>", sx.text_of(returns))
    text = sx.text_of(node)
    if match and text.endswith(".iter()"):
        yield fix(
            "return-into-iter",
            "Return an iterator that owns the elements",
            0.45,
            sx.replace(source, returns, f"std::vec::IntoIter<{match[1]}>"),
            sx.replace(source, node, text.removesuffix(".iter()") + ".into_iter()"),
        )


def _unused_lifetimes(source: Source, function: Node, returned: str) -> Edit | None:
    """Drop `<'a>` when only the return type used it."""
    generics = function.child_by_field_name("type_parameters")
    if generics is None:
        return None
    match = re.fullmatch(r"<\s*('\w+)\s*>", sx.text_of(generics))
    if match is None or match[1] not in returned:
        return None
    others = [n for n in sx.descendants(function, "lifetime") if sx.text_of(n) == match[1]]
    return sx.delete(source, generics) if len(others) == 2 else None


def _owner(context: Context) -> tuple[Source, Node, str] | None:
    """The `let` of what does not live long enough, and its name."""
    source = sx.source_of(context)
    declared = next(sx.labelled(context.diagnostic, "^binding `.*` declared here"), None)
    if source is None or declared is None:
        return None
    let = sx.enclosing(source.node_at(declared.start, declared.end), "let_declaration", "block")
    if let is None or let.type != "let_declaration":
        return None
    return source, let, sx.quoted(declared.label or "")[0]


def _annotation(source: Source, start: int, end: int) -> Node | None:
    let = sx.enclosing(source.node_at(start, end), "let_declaration")
    return let.child_by_field_name("type") if let is not None else None
