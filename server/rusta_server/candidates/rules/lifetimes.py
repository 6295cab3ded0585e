"""Lifetimes in signatures: names that are missing, shadowed or do not match, and bounds between them."""

import re
from collections.abc import Iterator

from ...patch.edit import Edit
from .. import Candidate, Context, Source
from .. import syntax as sx
from ..syntax import Node
from . import fix, rule


@rule("E0195")
def copy_the_trait_generics(context: Context) -> Iterator[Candidate]:
    """The lifetimes of a method in an impl must be declared as in the trait."""
    source, node = sx.source_of(context), sx.node_of(context)
    method, implementation = sx.function(node), sx.enclosing(node, "impl_item")
    if source is None or method is None or implementation is None:
        return
    name = sx.text_of(method.child_by_field_name("name"))
    trait_name = re.sub(r"<.*", "", sx.text_of(implementation.child_by_field_name("trait"))).rsplit("::", 1)[
        -1
    ]
    trait = sx.named_item(source, trait_name, "trait_item")
    declared = next(
        (m for m in sx.functions_called(source, name) if sx.enclosing(m, "trait_item") == trait), None
    )
    if trait is None or declared is None:
        return
    theirs, ours = (m.child_by_field_name("type_parameters") for m in (declared, method))
    title = f"Declare the lifetimes of `{name}` as the trait does"
    if theirs is not None and ours is not None:
        yield fix("trait-lifetimes", title, 0.55, sx.replace(source, ours, sx.text_of(theirs)))
    elif theirs is not None:
        at = method.child_by_field_name("name")
        if at is not None:
            yield fix("trait-lifetimes", title, 0.5, sx.after(source, at, sx.text_of(theirs)))
    parts = [m.child_by_field_name("parameters") for m in (declared, method)]
    returns = [m.child_by_field_name("return_type") for m in (declared, method)]
    if theirs is not None and parts[0] is not None and parts[1] is not None:
        same_return = None
        if returns[0] is not None and returns[1] is not None:
            same_return = sx.replace(source, returns[1], sx.text_of(returns[0]))
        edits = (
            sx.replace(source, ours, sx.text_of(theirs))
            if ours is not None
            else sx.insert(source, parts[1].start_byte, sx.text_of(theirs)),
            sx.replace(source, parts[1], sx.text_of(parts[0])),
            same_return,
        )
        yield fix("trait-signature", f"Write the signature of `{name}` as the trait does", 0.4, *edits)


@rule("E0226")
def one_lifetime_bound(context: Context) -> Iterator[Candidate]:
    """A trait object has one lifetime bound: drop the other."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    start = source.text.rfind(b"+", 0, primary.start)
    while start > 0 and source.text[start - 1 : start] == b" ":
        start -= 1
    if start > 0:
        name = source.text[primary.start : primary.end].decode()
        cut = Edit(source.path, start, primary.end, b"")
        yield fix("one-bound", f"Drop the bound `{name}`", 0.45, cut)
        generics = _generics_with(source, sx.node_of(context), name)
        if generics is not None:
            without = _drop_parameter(source, generics, name)
            yield fix("one-bound", f"Drop the lifetime `{name}`", 0.5, cut, without)


@rule("E0496", "E0403")
def rename_the_inner_lifetime(context: Context) -> Iterator[Candidate]:
    """A lifetime hides one of the same name around it: use the outer one, or another name."""
    source, node, primary = sx.source_of(context), sx.node_of(context), context.diagnostic.primary
    if source is None or node is None or primary is None:
        return
    name = source.text[primary.start : primary.end].decode()
    item = _owner_of_generics(node)
    generics = item.child_by_field_name("type_parameters") if item is not None else None
    if not name.startswith("'") or item is None or generics is None:
        return
    if context.diagnostic.code == "E0403":
        yield fix("once", f"Declare `{name}` once", 0.4, _drop_parameter(source, generics, name, last=True))
    new = _free_name(source)
    uses = [n for n in sx.descendants(item, "lifetime") if sx.text_of(n) == name]
    if context.diagnostic.code == "E0403":
        yield from _rename_second(source, uses, primary.start, new)
        return
    renamed = [sx.replace(source, n, new) for n in uses]
    yield fix("rename-lifetime", f"Rename the inner `{name}` to `{new}`", 0.5, *renamed)
    dropped = _drop_parameter(source, generics, name)
    yield fix("outer-lifetime", f"Use the outer `{name}`", 0.42, dropped)


def _rename_second(source: Source, uses: list[Node], at: int, new: str) -> Iterator[Candidate]:
    edits = [sx.replace(source, n, new) for n in uses if n.start_byte == at]
    if len(uses) > 3:
        edits.append(sx.replace(source, uses[-1], new))
    yield fix("rename-lifetime", f"Rename the second one to `{new}`", 0.45, *edits)


@rule("E0581", "E0582")
def bind_the_returned_lifetime(context: Context) -> Iterator[Candidate]:
    """`for<'a> Fn(i32) -> &'a T`: no argument brings the lifetime; take a reference, or make it static."""
    source, node, primary = sx.source_of(context), sx.node_of(context), context.diagnostic.primary
    if source is None or node is None or primary is None:
        return
    name = next((q for q in sx.quoted(context.diagnostic.message) if q.startswith("'")), "")
    text = source.text[primary.start : primary.end].decode()
    static = Edit(source.path, primary.start, primary.end, text.replace(f"{name} ", "'static ").encode())
    yield fix("static-result", "Return a `'static` reference", 0.4, static)
    function = sx.enclosing(node, "function_type")
    parameters = function.child_by_field_name("parameters") if function is not None else None
    if parameters is None or not parameters.named_children:
        return
    first = parameters.named_children[0]
    if first.type == "reference_type":
        borrowed = re.sub(r"^&('\w+ )?", f"&{name} ", sx.text_of(first))
    else:
        borrowed = f"&{name} {sx.text_of(first)}"
    yield fix(
        "borrowed-argument", "Take the argument by reference", 0.45, sx.replace(source, first, borrowed)
    )


@rule(None, "E0621", "E0623", "E0312", "E0495")
def relate_the_lifetimes(context: Context) -> Iterator[Candidate]:
    """A value of one lifetime returned as another: one lifetime for both, or a bound between them."""
    if "lifetime may not live long enough" not in context.diagnostic.message:
        return
    source, node = sx.source_of(context), sx.node_of(context)
    function = sx.function(node)
    if source is None or function is None:
        return
    for child in context.diagnostic.children:
        for bound in re.findall(r"bound: `('\w+): ('\w+)`", child.message):
            yield from _add_bound(source, function, bound[0], bound[1])
            yield from _same_lifetime(source, function, bound[0], bound[1])
    message = " ".join(s.label or "" for s in context.diagnostic.spans)
    if "'static" in message:
        returns = function.child_by_field_name("return_type")
        if returns is not None and "'static " in sx.text_of(returns):
            free = sx.text_of(returns).replace("'static ", "")
            yield fix("not-static", "Return a borrow of the argument", 0.5, sx.replace(source, returns, free))
        yield from _static_parameter(context, source)
    yield from _named_return(context, source, function)


def _add_bound(source: Source, function: Node, longer: str, shorter: str) -> Iterator[Candidate]:
    for owner in sx.ancestors(function):
        generics = owner.child_by_field_name("type_parameters")
        for parameter in (
            sx.descendants(generics, "lifetime_parameter", "lifetime") if generics is not None else ()
        ):
            if sx.text_of(parameter) == longer and parameter.parent == generics:
                title = f"Let `{longer}` outlive `{shorter}`"
                yield fix("outlives", title, 0.48, sx.after(source, parameter, f": {shorter}"))
                return


def _same_lifetime(source: Source, function: Node, old: str, new: str) -> Iterator[Candidate]:
    parameters = function.child_by_field_name("parameters")
    uses = [n for n in sx.descendants(parameters, "lifetime") if sx.text_of(n) == old] if parameters else []
    if uses:
        edits = [sx.replace(source, n, new) for n in uses]
        yield fix("same-lifetime", f"Use `{new}` for both", 0.44, *edits)
    returns = function.child_by_field_name("return_type")
    back = [n for n in sx.descendants(returns, "lifetime") if sx.text_of(n) == new] if returns else []
    if back:
        edits = [sx.replace(source, n, old) for n in back]
        yield fix("returned-lifetime", f"Return `{old}`", 0.42, *edits)


def _static_parameter(context: Context, source: Source) -> Iterator[Candidate]:
    for span in sx.labelled(context.diagnostic, "let's call the lifetime of this reference `'1`"):
        if source.text[span.start : span.end] == b"&":
            edit = sx.insert(source, span.end, "'static ")
            yield fix("static-parameter", "Ask for a `'static` reference", 0.3, edit)


def _named_return(context: Context, source: Source, function: Node) -> Iterator[Candidate]:
    """`fn f(&self, x: &str) -> &str { x }`: tie the result to the argument that is returned."""
    parameters, returns = (function.child_by_field_name(f) for f in ("parameters", "return_type"))
    name = function.child_by_field_name("name")
    one = next(sx.labelled(context.diagnostic, "lifetime of this reference `'1`"), None)
    if parameters is None or returns is None or name is None or one is None:
        return
    if (
        source.text[one.start : one.end] != b"&"
        or function.child_by_field_name("type_parameters") is not None
    ):
        return
    elided = [
        n
        for n in sx.descendants(returns, "reference_type")
        if n.named_child_count and n.named_children[0].type != "lifetime"
    ]
    edits = [sx.insert(source, n.start_byte + 1, "'a ") for n in elided]
    if edits:
        declared = sx.after(source, name, "<'a>")
        argument = sx.insert(source, one.end, "'a ")
        yield fix("name-lifetime", "Tie the result to that argument", 0.5, declared, argument, *edits)


@rule("E0521")
def own_what_escapes(context: Context) -> Iterator[Candidate]:
    """A borrowed argument goes to a thread or a `'static` place: take it owned, or `'static`."""
    source = sx.source_of(context)
    node = sx.node_of(context)
    function = sx.function(node)
    if source is None or function is None:
        return
    yield from _static_parameter(context, source)
    reference = next(sx.labelled(context.diagnostic, "is a reference that is only valid"), None)
    statement = sx.statement(node)
    if reference is None or statement is None:
        return
    name = source.text[reference.start : reference.end].decode()
    if re.fullmatch(r"\w+", name):
        line = sx.line_before(source, statement, f"let {name} = {name}.to_owned();")
        yield fix("own-argument", f"Own a copy of `{name}`", 0.45, line)
        parameter = sx.enclosing(source.node_at(reference.start, reference.end), "parameter")
        type_ = parameter.child_by_field_name("type") if parameter is not None else None
        if type_ is not None:
            owned = re.sub(r"^&(?:'\w+ )?(?:mut )?", "", sx.text_of(type_))
            owned = {"str": "String"}.get(owned, re.sub(r"^\[(\w+)\]$", r"Vec<\1>", owned))
            yield fix("take-owned", f"Take `{name}` by value", 0.35, sx.replace(source, type_, owned))


@rule("E0262", "E0263")
def another_lifetime_name(context: Context) -> Iterator[Candidate]:
    """`'static` cannot be declared: another name does."""
    source, node = sx.source_of(context), sx.node_of(context)
    item = _owner_of_generics(node)
    primary = context.diagnostic.primary
    if source is None or item is None or primary is None:
        return
    name, new = source.text[primary.start : primary.end].decode(), _free_name(source)
    edits = [sx.replace(source, n, new) for n in sx.descendants(item, "lifetime") if sx.text_of(n) == name]
    yield fix("rename-lifetime", f"Call the lifetime `{new}`", 0.5, *edits)
    generics = item.child_by_field_name("type_parameters")
    if generics is not None:
        without = _drop_parameter(source, generics, name)
        yield fix("undeclared", f"Do not declare `{name}`: it is always there", 0.35, without)


@rule("E0107", "E0106", "E0726")
def anonymous_lifetime(context: Context) -> Iterator[Candidate]:
    """A type with a lifetime parameter written without it."""
    source, node, primary = sx.source_of(context), sx.node_of(context), context.diagnostic.primary
    if source is None or node is None or primary is None:
        return
    item = sx.enclosing(node, "struct_item", "enum_item", "type_item")
    text = source.text[primary.start : primary.end].decode(errors="replace")
    if item is not None and context.diagnostic.code == "E0106":
        name, generics = item.child_by_field_name("name"), item.child_by_field_name("type_parameters")
        if name is not None and generics is None and text == "&":
            edits = (sx.after(source, name, "<'a>"), sx.insert(source, primary.end, "'a "))
            yield fix("struct-lifetime", "Give the type a lifetime", 0.5, *edits)
    if "lifetime" in context.diagnostic.message and re.fullmatch(r"\w+", text):
        after = source.text[primary.end : primary.end + 1]
        if after != b"<":
            yield fix("elided", "Write the elided lifetime", 0.4, sx.insert(source, primary.end, "<'_>"))


@rule("E0478", "E0491", "E0476")
def bound_the_lifetime(context: Context) -> Iterator[Candidate]:
    """One lifetime must outlive another: say so where it is declared."""
    source = sx.source_of(context)
    if source is None:
        return
    notes = [s for c in context.diagnostic.children for s in c.spans if s.path == source.path]
    names = list(dict.fromkeys(source.text[s.start : s.end].decode(errors="replace") for s in notes))
    lifetimes = [n for n in names if re.fullmatch(r"'\w+", n)]
    node = sx.node_of(context)
    if len(lifetimes) < 2 or node is None:
        return
    for longer, shorter in ((lifetimes[0], lifetimes[1]), (lifetimes[1], lifetimes[0])):
        for owner in sx.ancestors(node):
            generics = owner.child_by_field_name("type_parameters")
            for parameter in sx.descendants(generics, "lifetime") if generics is not None else ():
                declares = parameter.parent == generics or (
                    parameter.parent is not None and parameter.parent.type == "lifetime_parameter"
                )
                if sx.text_of(parameter) == longer and declares:
                    title = f"Let `{longer}` outlive `{shorter}`"
                    yield fix("outlives", title, 0.5, sx.after(source, parameter, f": {shorter}"))


def _owner_of_generics(node: Node | None) -> Node | None:
    return next((n for n in sx.ancestors(node) if n.child_by_field_name("type_parameters") is not None), None)


def _generics_with(source: Source, node: Node | None, name: str) -> Node | None:
    for owner in sx.ancestors(node):
        generics = owner.child_by_field_name("type_parameters")
        if generics is not None and any(sx.text_of(n) == name for n in sx.descendants(generics, "lifetime")):
            return generics
    return None


def _drop_parameter(source: Source, generics: Node, name: str, *, last: bool = False) -> Edit:
    """Declare all but `name`; the whole list goes when nothing else is in it."""
    members = [sx.text_of(n) for n in generics.named_children if not sx.is_comment(n)]
    places = [i for i, text in enumerate(members) if re.split(r"\s*:", text)[0] == name]
    if places:
        del members[places[-1] if last else places[0]]
    return sx.replace(source, generics, f"<{', '.join(members)}>" if members else "")


def _free_name(source: Source) -> str:
    """A lifetime name that the file does not use."""
    taken = {sx.text_of(n) for n in sx.descendants(source.root, "lifetime")}
    return next(f"'{letter}" for letter in "abcdefghijklmnopqrstuvwxyz" if f"'{letter}" not in taken)
