"""Declarations that break a rule of their own: generics, types, constants, `async`, `unsafe`, `main`."""

import re
from collections.abc import Iterator

from ...patch.edit import Edit
from .. import Candidate, Context, Source, items, values
from .. import syntax as sx
from ..syntax import Node
from . import fix, rule


@rule("E0392", "E0091")
def use_the_parameter(context: Context) -> Iterator[Candidate]:
    """A generic parameter that the type does not use: hold a value of it, a phantom, or drop it."""
    source, node = sx.source_of(context), sx.node_of(context)
    item = sx.enclosing(node, *items.TYPES, "type_item")
    parameter = sx.enclosing(node, "type_parameter", "lifetime_parameter")
    declared = item.child_by_field_name("type_parameters") if item is not None else None
    if source is None or item is None or parameter is None or declared is None:
        return
    name, own = sx.text_of(parameter.child_by_field_name("name")), items.name_of(item)
    lifetime = name.startswith("'")
    others = [p.name for p in items.parameters(item) if p.kind == "type"]
    held = f"&{name} {others[0] if others else '()'}" if lifetime else name
    phantom = f"std::marker::PhantomData<{held}>"
    body = item.child_by_field_name("body")
    if item.type == "struct_item":
        title = f"Mark that `{own}` is about `{name}`"
        prior = 0.45
        if body is None:
            edit: Edit | None = sx.after(source, declared, f"({phantom})")
        elif body.type == "field_declaration_list":
            edit = _add_field(source, item, body, f"_marker: {phantom}")
        else:
            last = body.named_children[-1] if body.named_children else None
            edit = sx.after(source, last, f", {phantom}") if last is not None else None
        bound = None
        if lifetime and others:
            target = items.declaring(body or declared, others[0])
            bound = items.add_bound(source, target[1].node, name) if target is not None else None
        yield fix("phantom", title, prior, edit)
        if bound is not None:
            yield fix("phantom", title, prior * 0.9, edit, bound)
    elif item.type == "enum_item":
        for variant in items.members(item)[::-1]:
            if variant.child_by_field_name("body") is None:
                title = f"Let `{items.name_of(variant)}` hold a `{held}`"
                yield fix("payload", title, 0.4, sx.after(source, variant, f"({held})"))
                break
    rest = [sx.text_of(n) for n in declared.named_children if n != parameter]
    edit = sx.replace(source, declared, f"<{', '.join(rest)}>" if rest else "")
    yield fix("remove-parameter", f"Remove the parameter `{name}`", 0.35, edit)
    uses = [
        sx.replace(source, n, "")
        for n in sx.descendants(source.root, "type_arguments")
        if not rest and items.base_name(sx.text_of(n.parent)) == own
    ]
    if uses:
        yield fix("remove-parameter", f"Remove the parameter `{name}` everywhere", 0.35, edit, *uses)


def _add_field(source: Source, item: Node, body: Node, field: str) -> Edit | None:
    fields = [n for n in body.named_children if n.type == "field_declaration"]
    if not fields:
        return items.into_body(source, item, f"{field},\n")
    after = fields[-1].next_sibling
    if after is not None and sx.text_of(after) == ",":
        return sx.line_after(source, after, f"{field},")
    one_line = body.start_point[0] == body.end_point[0]
    joint = ", " if one_line else f",\n{sx.indentation(source, fields[-1])}"
    return sx.after(source, fields[-1], f"{joint}{field}")


# Constants


@rule("E0015", "E0658")
def constant_function(context: Context) -> Iterator[Candidate]:
    """A constant needs a `const fn`, or a value that is computed at its first use."""
    source, node = sx.source_of(context), sx.node_of(context)
    primary = context.diagnostic.primary
    if source is None or node is None or primary is None:
        return
    call = sx.enclosing(node, "call_expression", "macro_invocation")
    name = sx.text_of(call.child_by_field_name("function")).rsplit("::", 1)[-1].split(".")[-1] if call else ""
    for function in sx.functions_called(source, name):
        visibility = items.visibility(function)
        if not re.match(r"(pub(\([^)]*\))?\s+)?const ", sx.text_of(function)):
            at = visibility.end_byte + 1 if visibility is not None else function.start_byte
            yield fix("const-fn", f"Make `{name}` a `const fn`", 0.55, sx.insert(source, at, "const "))
    item = sx.enclosing(node, "const_item", "static_item")
    value = item.child_by_field_name("value") if item is not None else None
    type_ = item.child_by_field_name("type") if item is not None else None
    if item is None or value is None or type_ is None:
        return
    text = sx.text_of(value)
    if match := re.fullmatch(r'(?:String::from\(("[^"]*")\)|("[^"]*")\.to_(?:string|owned)\(\))', text):
        edits = (sx.replace(source, type_, "&str"), sx.replace(source, value, match[1] or match[2]))
        yield fix("const-str", "Make it a `&str`", 0.4, *edits)
    if match := re.fullmatch(r"vec!\[(.*)\]", text, re.S):
        inner = re.fullmatch(r"Vec<(.+)>", sx.text_of(type_))
        if inner is not None:
            edits = (sx.replace(source, type_, f"&[{inner[1]}]"), sx.replace(source, value, f"&[{match[1]}]"))
            yield fix("const-slice", "Make it a slice", 0.4, *edits)
    keyword = item.children[0] if item.children else None
    keyword = next((c for c in item.children if c.type in ("const", "static")), keyword)
    if keyword is not None:
        lazy = (
            sx.replace(source, keyword, "static"),
            sx.replace(source, type_, f"std::sync::LazyLock<{sx.text_of(type_)}>"),
            sx.replace(source, value, f"std::sync::LazyLock::new(|| {text})"),
        )
        yield fix("lazy", f"Compute `{items.name_of(item)}` at its first use", 0.35, *lazy)


@rule("E0728", "E0744", "E0752", "E0670")
def async_where_await_is(context: Context) -> Iterator[Candidate]:
    """`.await` needs an `async` function; `main` cannot be one."""
    source, node = sx.source_of(context), sx.node_of(context)
    code = context.diagnostic.code
    function = sx.enclosing(node, "function_item")
    if source is None or function is None:
        return
    name = items.name_of(function)
    modifiers = next((c for c in function.named_children if c.type == "function_modifiers"), None)
    if code == "E0752" and modifiers is not None:
        text = sx.text_of(modifiers).replace("async", "").strip()
        end = (
            modifiers.end_byte
            if text
            else function.children[function.children.index(modifiers) + 1].start_byte
        )
        edit = Edit(source.path, modifiers.start_byte, end, text.encode())
        yield fix("not-async", "Make `main` a plain function", 0.6, edit)
        return
    closure = sx.enclosing(node, "closure_expression")
    if closure is not None and not sx.text_of(closure).startswith("async"):
        body = closure.child_by_field_name("body")
        if body is not None:
            edit = sx.replace(
                source,
                body,
                f"async {sx.text_of(body)}" if body.type == "block" else f"async {{ {sx.text_of(body)} }}",
            )
            yield fix("async-closure", "Make the closure's body `async`", 0.45, edit)
        yield fix("async-closure", "Make the closure `async`", 0.4, sx.before(source, closure, "async "))
    keyword = next((c for c in function.children if c.type == "fn"), None)
    if keyword is not None and name != "main" and modifiers is None:
        yield fix("async", f"Make `{name}` `async`", 0.55, sx.before(source, keyword, "async "))
    awaited = sx.enclosing(node, "await_expression")
    if awaited is not None and awaited.named_children:
        edit = sx.replace(source, awaited, sx.text_of(awaited.named_children[0]))
        yield fix("no-await", "Do not await it", 0.2, edit)


@rule("E0733")
def box_the_recursive_future(context: Context) -> Iterator[Candidate]:
    """An `async fn` that calls itself needs the inner future boxed."""
    source, node = sx.source_of(context), sx.node_of(context)
    function = sx.enclosing(node, "function_item")
    if source is None or function is None:
        return
    name = items.name_of(function)
    edits = []
    for awaited in sx.descendants(function, "await_expression"):
        call = awaited.named_children[0] if awaited.named_children else None
        called = sx.text_of(call.child_by_field_name("function")) if call is not None else ""
        if call is not None and re.split(r"::|\.", called)[-1] == name:
            edits += [sx.insert(source, call.start_byte, "Box::pin("), sx.insert(source, call.end_byte, ")")]
    yield fix("box-pin", f"Box the future of the inner `{name}`", 0.6, *edits)


@rule("E0580", "E0131")
def plain_main(context: Context) -> Iterator[Candidate]:
    """`main` takes no arguments and no generics."""
    source, node = sx.source_of(context), sx.node_of(context)
    function = sx.enclosing(node, "function_item")
    if source is None or function is None:
        return
    parameters, generics = (
        function.child_by_field_name("parameters"),
        function.child_by_field_name("type_parameters"),
    )
    where = next((c for c in function.named_children if c.type == "where_clause"), None)
    edits = [sx.replace(source, n, "") for n in (generics, where) if n is not None]
    if parameters is not None and parameters.named_children:
        edits.append(sx.replace(source, parameters, "()"))
        body = function.child_by_field_name("body")
        lets = []
        for parameter in parameters.named_children:
            name = sx.text_of(parameter.child_by_field_name("pattern"))
            type_ = sx.text_of(parameter.child_by_field_name("type"))
            value = values.empty_value(source, type_)
            if type_ in ("Vec<String>", "std::env::Args"):
                value = "std::env::args().collect()" if type_.startswith("Vec") else "std::env::args()"
            if value is not None:
                lets.append(f"let {name}: {type_} = {value};")
        if body is not None and lets:
            indent = sx.indentation(source, function) + "    "
            text = "".join(f"\n{indent}{let}" for let in lets)
            yield fix(
                "main",
                "Let `main` take no arguments",
                0.4,
                *edits,
                sx.insert(source, body.start_byte + 1, text),
            )
    yield fix("main", "Let `main` take no arguments" if parameters else "Let `main` be plain", 0.45, *edits)
    result = function.child_by_field_name("return_type")
    if result is not None and not edits:
        edit = Edit(
            source.path, parameters.end_byte if parameters else result.start_byte, result.end_byte, b""
        )
        yield fix("main", "Let `main` return nothing", 0.35, edit)


# Patterns and types where they may not be


@rule("E0130", "E0561", "E0642", "patterns_in_fns_without_body")
def name_instead_of_pattern(context: Context) -> Iterator[Candidate]:
    """Where there is no body, a parameter is a name or `_`, not a pattern."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    text = source.text[primary.start : primary.end].decode(errors="replace")
    names = re.findall(r"\b(?!mut\b|ref\b)[a-z_]\w*", text)
    name = "_and_".join(names) if names else "_"
    yield fix(
        "parameter-name",
        f"Call the parameter `{name}`",
        0.5,
        Edit(source.path, primary.start, primary.end, name.encode()),
    )
    yield fix(
        "parameter-name",
        "Leave the parameter unnamed",
        0.45,
        Edit(source.path, primary.start, primary.end, b"_"),
    )


@rule("E0516")
def infer_the_type(context: Context) -> Iterator[Candidate]:
    """`typeof` does not exist: let the type be inferred."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    start = source.text.rfind(b":", 0, primary.start)
    let = sx.enclosing(source.node_at(primary.start, primary.end), "let_declaration")
    if start >= 0 and let is not None and let.start_byte < start:
        yield fix("infer", "Let the type be inferred", 0.55, Edit(source.path, start, primary.end, b""))
    yield fix("infer", "Let the type be inferred", 0.4, Edit(source.path, primary.start, primary.end, b"_"))


@rule("E0666", "E0667")
def generic_instead_of_nested(context: Context) -> Iterator[Candidate]:
    """`impl Trait` inside `impl Trait`: give the inner type a name."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    node = source.node_at(primary.start, primary.end)
    function = sx.function(node)
    text = source.text[primary.start : primary.end].decode(errors="replace")
    if function is None or not text.startswith("impl "):
        return
    taken = items.identifiers(source.root)
    name = next(c for c in "TUVWXYZ" if c not in taken)
    edits = (
        Edit(source.path, primary.start, primary.end, name.encode()),
        items.add_parameter(source, function, f"{name}: {text[5:]}"),
    )
    yield fix("generic", f"Name the inner type `{name}`", 0.5, *edits)


@rule("E0178", "E0782")
def parenthesize_the_bound(context: Context) -> Iterator[Candidate]:
    """`&'a Foo + 'a` must be `&'a (Foo + 'a)`."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    rest = re.match(rb"(\s*\+\s*[\w':]+)+", source.text[primary.end :])
    text = source.text[primary.start : primary.end]
    head = re.match(rb"(.*(?:->\s*|&\s*(?:'\w+\s+)?(?:mut\s+)?))(.+)$", text, re.S)
    if rest is not None and head is not None:
        inner = head[2] + rest[0]
        for prior, way in (
            (0.5, b"(" + inner + b")"),
            (0.45, b"(dyn " + inner + b")"),
            (0.4, b"Box<dyn " + inner + b">"),
        ):
            edit = Edit(source.path, primary.start, primary.end + len(rest[0]), head[1] + way)
            yield fix("parentheses", "Put the bounds in parentheses", prior, edit)


@rule("E0224")
def object_of_a_trait(context: Context) -> Iterator[Candidate]:
    """`dyn 'static` names no trait."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    text = source.text[primary.start : primary.end].decode(errors="replace").rstrip(" +")
    tail = re.match(rb"\s*\+", source.text[primary.end :])
    end = primary.end + (len(tail[0]) if tail else 0)
    for n, trait in enumerate(("Send", "std::fmt::Debug", "std::any::Any")):
        edit = Edit(source.path, primary.start, end, f"{text} + {trait}".encode())
        yield fix("trait", f"Ask for `{trait}`", 0.25 - 0.04 * n, edit)


@rule("E0316")
def one_quantifier(context: Context) -> Iterator[Candidate]:
    """`for<'a> … for<'b>`: all lifetimes in the outer `for`."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    start = source.text.rfind(b"for<", 0, primary.start)
    outer = re.match(rb"for<([^>]*)>", source.text[start:]) if start >= 0 else None
    inner = (
        re.search(rb"for<([^>]*)>\s*", source.text[start + len(outer[0]) :]) if outer is not None else None
    )
    if outer is None or inner is None:
        return
    at = start + len(outer[0]) + inner.start()
    edits = (
        Edit(source.path, start, start + len(outer[0]), b"for<" + outer[1] + b", " + inner[1] + b">"),
        Edit(source.path, at, at + len(inner[0]), b""),
    )
    yield fix("one-for", "Put all lifetimes into the outer `for`", 0.6, *edits)


@rule("E0044")
def no_generics_for_foreign(context: Context) -> Iterator[Candidate]:
    """A foreign function has no generic parameters: write the type."""
    source, node = sx.source_of(context), sx.node_of(context)
    function = sx.enclosing(node, *sx.FUNCTIONS)
    generics = function.child_by_field_name("type_parameters") if function is not None else None
    if source is None or function is None or generics is None:
        return
    names = [p.name for p in items.parameters(function)]
    for type_ in ("i32", "*const std::ffi::c_void"):
        edits = [sx.replace(source, generics, "")]
        edits += [
            sx.replace(source, n, type_)
            for n in sx.descendants(function, "type_identifier")
            if sx.text_of(n) in names and sx.enclosing(n, "type_parameters") is None
        ]
        yield fix("foreign-type", f"Take a `{type_}`", 0.35 if type_ == "i32" else 0.25, *edits)


@rule("E0784")
def one_union_field(context: Context) -> Iterator[Candidate]:
    """A union value has exactly one field."""
    source, node = sx.source_of(context), sx.node_of(context)
    expression = sx.enclosing(node, "struct_expression")
    body = expression.child_by_field_name("body") if expression is not None else None
    if source is None or expression is None or body is None:
        return
    entries = [n for n in body.named_children if n.type.endswith("initializer")]
    for entry in entries[:3]:
        yield fix(
            "one-field",
            f"Set only `{sx.text_of(entry).split(':')[0]}`",
            0.35,
            sx.replace(source, body, f"{{ {sx.text_of(entry)} }}"),
        )
    union = items.type_item(source, sx.text_of(expression.child_by_field_name("name")))
    for field in items.members(union)[:1] if not entries else ():
        value = values.empty_value(source, sx.text_of(field.child_by_field_name("type")))
        if value is not None:
            edit = sx.replace(source, body, f"{{ {items.name_of(field)}: {value} }}")
            yield fix("one-field", f"Set `{items.name_of(field)}`", 0.35, edit)


@rule("E0158", None)
def guard_instead_of_pattern(context: Context) -> Iterator[Candidate]:
    """A constant that depends on a type parameter, or that cannot be matched: compare in a guard."""
    message = context.diagnostic.message
    source, node = sx.source_of(context), sx.node_of(context)
    primary = context.diagnostic.primary
    if source is None or node is None or primary is None:
        return
    if context.diagnostic.code is None and "in a pattern" not in message and "in patterns" not in message:
        return
    pattern = sx.enclosing(node, "match_pattern")
    text = source.text[primary.start : primary.end].decode(errors="replace")
    if pattern is None or sx.text_of(pattern) != text:
        return
    edit = sx.replace(source, pattern, f"value if value == {text}")
    yield fix("guard", f"Compare with `{text}` in a guard", 0.45, edit)
    arm, match = sx.enclosing(node, "match_arm"), sx.enclosing(node, "match_block")
    wild = any(sx.text_of(p) == "_" for p in sx.descendants(match, "match_pattern")) if match else True
    last = match.named_children[-1] if match is not None else None
    if last is not None and arm is not None and not wild:
        last_pattern = last.child_by_field_name("pattern")
        edits = [edit]
        if last_pattern is not None and last != arm:
            edits.append(sx.replace(source, last_pattern, "_"))
        yield fix("guard", f"Compare with `{text}` in a guard", 0.4, *edits)
    whole = sx.enclosing(arm, "match_expression")
    enum = sx.source_of(context)
    if whole is not None and enum is not None:
        own = next(
            (t for n, t in values.variables(whole) if n == sx.text_of(whole.child_by_field_name("value"))), ""
        )
        item = items.type_item(source, own) if own else None
        if item is not None:
            yield fix(
                "guard",
                f"Compare with `{text}` in a guard",
                0.4,
                edit,
                items.add_derives(source, item, "PartialEq"),
            )


@rule("E0730")
def slice_instead_of_array(context: Context) -> Iterator[Candidate]:
    """An array of unknown length cannot be matched: match it as a slice."""
    source, node = sx.source_of(context), sx.node_of(context)
    whole = sx.enclosing(node, "match_expression", "let_condition")
    value = whole.child_by_field_name("value") if whole is not None else None
    if source is not None and value is not None:
        yield fix("slice", "Match it as a slice", 0.5, sx.replace(source, value, f"{sx.tight(value)}[..]"))
        yield fix(
            "slice", "Match it as a slice", 0.45, sx.replace(source, value, f"{sx.tight(value)}.as_slice()")
        )


@rule("E0222", "E0221", "E0223")
def bound_on_the_right_trait(context: Context) -> Iterator[Candidate]:
    """An associated type that two supertraits have: say whose."""
    source, node = sx.source_of(context), sx.node_of(context)
    object_ = sx.enclosing(node, "dynamic_type")
    parameter = sx.enclosing(node, "parameter")
    function = sx.function(node)
    if source is None or object_ is None or parameter is None or function is None:
        return
    trait = re.match(r"dyn\s+(\w+)<(\w+)\s*=\s*([^>]+)>", sx.text_of(object_))
    item = sx.named_item(source, trait[1], "trait_item") if trait else None
    bounds = item.child_by_field_name("bounds") if item is not None else None
    if trait is None or bounds is None:
        return
    supers = [sx.text_of(n) for n in bounds.named_children]
    having = [s for s in supers if items.member(sx.named_item(source, s, "trait_item"), trait[2]) is not None]
    all_ = " + ".join([trait[1], *(f"{s}<{trait[2]} = {trait[3]}>" for s in having)])
    whole = f"impl {all_}"
    if object_.parent is not None and object_.parent.type == "reference_type":
        whole = f"({whole})"
    yield fix("qualified", "Say of each trait which type it has", 0.4, sx.replace(source, object_, whole))


@rule("E0436")
def write_the_fields_out(context: Context) -> Iterator[Candidate]:
    """`..base` works for structs only: name the fields in the pattern and write them out."""
    source, node = sx.source_of(context), sx.node_of(context)
    expression = sx.enclosing(node, "struct_expression")
    arm = sx.enclosing(node, "match_arm")
    pattern = arm.child_by_field_name("pattern") if arm is not None else None
    base = (
        next(sx.descendants(expression, "base_field_initializer"), None) if expression is not None else None
    )
    if source is None or expression is None or pattern is None or base is None:
        return
    path = sx.text_of(expression.child_by_field_name("name"))
    variant = next(
        (v for v in sx.descendants(source.root, "enum_variant") if items.name_of(v) == items.base_name(path)),
        None,
    )
    given = {
        sx.text_of(e.child_by_field_name("field") or e)
        for e in sx.descendants(expression, "field_initializer", "shorthand_field_initializer")
    }
    fields = [items.name_of(m) for m in items.members(variant) if items.name_of(m) not in given]
    captured = next((p for p in sx.descendants(pattern, "captured_pattern")), None)
    if not fields or captured is None:
        return
    inner = captured.named_children[-1]
    head = re.split(r"\{", sx.text_of(inner))[0].strip()
    edits = (
        sx.replace(source, captured, f"{head} {{ {', '.join(fields)}, .. }}"),
        sx.replace(source, base, ", ".join(fields)),
    )
    yield fix("fields", f"Take {', '.join(f'`{f}`' for f in fields)} from the pattern", 0.55, *edits)


@rule("E0703")
def known_calling_convention(context: Context) -> Iterator[Candidate]:
    """`extern "X"` with an X that does not exist."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is not None and primary is not None:
        edit = Edit(source.path, primary.start, primary.end, b'"C"')
        yield fix("abi", 'Use the convention `"C"`', 0.5, edit)
