"""Patterns: cases that are missing, fields too many or too few, shapes that do not fit."""

import re
from collections.abc import Iterator

from attrs import evolve

from ...patch.edit import Edit
from .. import Candidate, Context, Source, rustc, values
from .. import syntax as sx
from ..syntax import Node
from . import fix, rule


@rule("E0004")
def add_the_missing_arm(context: Context) -> Iterator[Candidate]:
    """Handle the cases that are not covered, with an empty value of the arms' type."""
    source, node = sx.source_of(context), sx.node_of(context)
    match = sx.enclosing(node, "match_expression")
    if source is None or match is None:
        return
    suggestions = [c for c in rustc.propose(context) if any(b"todo!()" in e.text for e in c.edits)]
    arms = list(_arms(match))
    for suggestion in suggestions[:2]:
        added = b"".join(edit.text for edit in suggestion.edits).decode()
        cases = re.sub(r"\s*=>.*", "", added.strip().lstrip(",").strip(), flags=re.S)
        for prior, value in _arm_values(source, match, arms, cases):
            edits = [evolve(e, text=e.text.replace(b"todo!()", value.encode())) for e in suggestion.edits]
            yield fix("missing-arm", f"Handle `{cases}` with `{value}`", prior, *edits)
            if "|" in cases or "..=" in cases or cases.startswith("&"):
                wild = [evolve(e, text=e.text.replace(cases.encode(), b"_")) for e in edits]
                is_range = "..=" in cases or "_" in cases.split("|")[0].strip("& ")
                others = f"Handle everything else with `{value}`"
                yield fix("other-arm", others, prior + (0.02 if is_range else -0.02), *wild)
    body = match.child_by_field_name("body")
    if body is not None and not arms and not suggestions:
        yield fix("other-arm", "Handle everything", 0.2, sx.replace(source, body, "{ _ => {} }"))


def _arms(match: Node) -> Iterator[Node]:
    body = match.child_by_field_name("body")
    yield from (n for n in (body.named_children if body is not None else ()) if n.type == "match_arm")


def _arm_values(source: Source, match: Node, arms: list[Node], cases: str) -> Iterator[tuple[float, str]]:
    bodies = [arm.child_by_field_name("value") for arm in arms]
    texts = [sx.text_of(body) for body in bodies]
    if cases == "None" and any(text.startswith("Some(") for text in texts):
        yield 0.55, "None"
    if any(re.match(r"\{\s*\}$|\(\)$|println!|print!|\{", text) for text in texts) or not texts:
        yield 0.42, "{}"
    for body in bodies:
        empty = values.empty_value(source, values.literal_type(body)) if body is not None else None
        if empty is not None:
            yield 0.36, empty
    function = sx.function(match)
    returns = sx.text_of(function.child_by_field_name("return_type")) if function is not None else ""
    empty = values.empty_value(source, returns) if returns else None
    if empty is not None:
        yield 0.3, empty
    yield 0.25, "{}"
    yield 0.12, "unreachable!()"


@rule("E0005")
def handle_the_other_case(context: Context) -> Iterator[Candidate]:
    """`let Some(x) = value;`: leave when it does not match, or unwrap."""
    source, node = sx.source_of(context), sx.node_of(context)
    let = sx.enclosing(node, "let_declaration")
    pattern = let.child_by_field_name("pattern") if let is not None else None
    value = let.child_by_field_name("value") if let is not None else None
    if source is None or let is None or pattern is None or value is None:
        return
    in_loop = any(n.type in sx.LOOPS for n in _within_function(let))
    for prior, leave in _leaves(source, let, in_loop):
        yield fix("let-else", f"Otherwise `{leave}`", prior, sx.after(source, value, f" else {{ {leave} }}"))
    inner = re.fullmatch(r"(?:Some|Ok)\((.*)\)", sx.text_of(pattern), re.S)
    if inner:
        unwrap = sx.after(source, value, ".unwrap()")
        title = "Unwrap, which panics when there is no value"
        yield fix("unwrap", title, 0.3, sx.replace(source, pattern, inner[1]), unwrap)


def _within_function(node: Node) -> Iterator[Node]:
    for current in sx.ancestors(node):
        if current.type in sx.FUNCTIONS or current.type == "closure_expression":
            return
        yield current


def _leaves(source: Source, let: Node, in_loop: bool) -> Iterator[tuple[float, str]]:
    function = sx.function_or_closure(let)
    returns = sx.text_of(function.child_by_field_name("return_type")) if function is not None else ""
    if in_loop:
        yield 0.4, "continue"
        yield 0.3, "break"
    if not returns:
        yield 0.5, "return"
        return
    empty = values.empty_value(source, returns)
    if empty is not None:
        yield 0.4, f"return {empty}"
    yield 0.2, 'panic!("the value does not match")'


@rule("E0023")
def match_the_fields(context: Context) -> Iterator[Candidate]:
    """A tuple pattern with more fields than there are: drop the last ones."""
    source, node = sx.source_of(context), sx.node_of(context)
    found = re.search(r"has (\d+) fields?, but .* has (\d+|no) field", context.diagnostic.message)
    pattern = sx.enclosing(node, "tuple_struct_pattern")
    if source is None or pattern is None or found is None:
        return
    path = sx.text_of(pattern.child_by_field_name("type"))
    fields = [sx.text_of(n) for n in sx.elements(pattern)]
    wanted = 0 if found[2] == "no" else int(found[2])
    if len(fields) > wanted:
        fewer = f"{path}({', '.join(fields[:wanted])})" if wanted else path
        title = f"Take only the {wanted} fields that there are" if wanted else "Take no fields"
        yield fix("fewer-fields", title, 0.45, sx.replace(source, pattern, fewer))
    else:
        more = [*fields, ".."]
        yield fix(
            "rest",
            "Ignore the rest with `..`",
            0.42,
            sx.replace(source, pattern, f"{path}({', '.join(more)})"),
        )


@rule("E0026", "E0025")
def name_the_right_field(context: Context) -> Iterator[Candidate]:
    """A field in a pattern that does not exist or stands there twice: name one that is left."""
    source, node = sx.source_of(context), sx.node_of(context)
    pattern = sx.enclosing(node, "struct_pattern")
    field = sx.enclosing(node, "field_pattern")
    if source is None or pattern is None or field is None:
        return
    name = sx.text_of(pattern.child_by_field_name("type")).rsplit("::", 1)[-1]
    present = {_field_name(n) for n in pattern.named_children if n.type == "field_pattern"}
    written = _field_name(field)
    for left in [f for f in _fields_of(source, name) if f not in present][:4]:
        binds = field.child_by_field_name("pattern")
        text = f"{left}: {sx.text_of(binds)}" if binds is not None else f"{left}: {written}"
        yield fix("field", f"Match the field `{left}`", 0.42, sx.replace(source, field, text))
        if binds is None:
            yield fix("field", f"Match the field `{left}`", 0.35, sx.replace(source, field, left))
    yield fix("no-field", f"Leave `{written}` out", 0.3, _without(source, field))


def _field_name(field: Node) -> str:
    name = field.child_by_field_name("name")
    return sx.text_of(name) if name is not None else sx.text_of(field)


def _fields_of(source: Source, name: str) -> list[str]:
    """The field names of the struct or variant."""
    for item in sx.descendants(source.root, "struct_item", "enum_variant", "union_item"):
        if sx.text_of(item.child_by_field_name("name")) == name:
            body = item.child_by_field_name("body")
            if body is not None:
                return [
                    sx.text_of(f.child_by_field_name("name"))
                    for f in sx.descendants(body, "field_declaration")
                ]
    return []


def _without(source: Source, node: Node) -> Edit:
    """Cut a member of a comma list, with one comma."""
    following, preceding = node.next_sibling, node.prev_sibling
    if following is not None and sx.text_of(following) == ",":
        end = following.end_byte
        while source.text[end : end + 1] == b" ":
            end += 1
        return Edit(source.path, node.start_byte, end, b"")
    if preceding is not None and sx.text_of(preceding) == ",":
        return Edit(source.path, preceding.start_byte, node.end_byte, b"")
    return sx.replace(source, node, "")


@rule("E0029", "E0030", "E0579")
def mend_the_range(context: Context) -> Iterator[Candidate]:
    """A range of texts is a guard; a range from high to low is the wrong way round."""
    source, node = sx.source_of(context), sx.node_of(context)
    pattern = sx.enclosing(node, "range_pattern")
    if source is None or pattern is None:
        return
    ends = list(pattern.named_children)
    if len(ends) != 2:
        return
    low, high = (sx.text_of(n) for n in ends)
    operator = source.text[ends[0].end_byte : ends[1].start_byte].decode().strip()
    if context.diagnostic.code != "E0029":
        yield fix(
            "swap-ends",
            "Swap the ends of the range",
            0.5,
            sx.replace(source, pattern, f"{high}{operator}{low}"),
        )
        yield fix("inclusive", "Include the end", 0.3, sx.replace(source, pattern, f"{low}..={high}"))
        return
    guard = f"text if ({low}{operator}{high}).contains(&text)"
    yield fix("range-guard", "Compare in a guard", 0.45, sx.replace(source, pattern, guard))
    guard = f"text if *text >= *{low} && *text <= *{high}"
    yield fix("range-guard", "Compare in a guard", 0.4, sx.replace(source, pattern, guard))
    if len(low) == 3 and len(high) == 3:
        chars = f"'{low[1]}'{operator}'{high[1]}'"
        yield fix("char-range", "Match a range of characters", 0.35, sx.replace(source, pattern, chars))


@rule("E0033")
def no_reference_pattern(context: Context) -> Iterator[Candidate]:
    """A trait object cannot be taken out of its reference: bind the reference."""
    source, node = sx.source_of(context), sx.node_of(context)
    pattern = sx.enclosing(node, "reference_pattern")
    if source is not None and pattern is not None:
        text = sx.text_of(pattern).lstrip("&").removeprefix("mut ")
        yield fix("bind-reference", f"Bind the reference `{text}`", 0.5, sx.replace(source, pattern, text))


@rule("E0164", "E0532", "E0533")
def match_a_variant(context: Context) -> Iterator[Candidate]:
    """A call or method in a pattern: match one of the enum's variants."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    node = sx.expression_at(source, primary.start, primary.end)
    path = re.match(r"((?:\w+::)*)(\w+)", sx.text_of(node))
    if node is None or path is None or not path[1]:
        return
    owner = path[1].rstrip(":").rsplit("::", 1)[-1]
    item = sx.named_item(source, owner, "enum_item")
    match = sx.enclosing(node, "match_expression")
    taken = sx.text_of(match) if match is not None else ""
    for variant in sx.descendants(item, "enum_variant") if item is not None else ():
        name = sx.text_of(variant.child_by_field_name("name"))
        body = variant.child_by_field_name("body")
        shape = "" if body is None else ("(..)" if body.type.startswith("ordered") else " { .. }")
        is_same = name == path[2]
        if is_same or f"{owner}::{name}" not in taken:
            title = f"Match the variant `{name}`"
            text = f"{path[1]}{name}{shape}"
            yield fix("variant", title, 0.5 if is_same else 0.3, sx.replace(source, node, text))


@rule("E0527", "E0528", "E0529")
def mend_the_slice_pattern(context: Context) -> Iterator[Candidate]:
    """A slice pattern of another length than the array."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    node = sx.expression_at(source, primary.start, primary.end)
    if node is None or node.type != "slice_pattern":
        return
    parts = [sx.text_of(n) for n in sx.elements(node)]
    found = re.search(
        r"requires (?:at least )?(\d+) elements? but array has (\d+)", context.diagnostic.message
    )
    if found and int(found[1]) < int(found[2]):
        more = parts + ["_"] * (int(found[2]) - int(found[1]))
        yield fix(
            "slice-rest",
            "Ignore the rest with `..`",
            0.45,
            sx.replace(source, node, f"[{', '.join([*parts, '..'])}]"),
        )
        yield fix(
            "slice-length",
            "Ignore the other elements",
            0.44,
            sx.replace(source, node, f"[{', '.join(more)}]"),
        )
    elif found:
        kept, n_more = list(parts), int(found[1]) - int(found[2])
        for part in [p for p in reversed(parts) if ".." not in p][:n_more]:
            kept.remove(part)
        yield fix(
            "slice-length",
            "Take as many elements as there are",
            0.4,
            sx.replace(source, node, f"[{', '.join(kept)}]"),
        )
    match = sx.enclosing(node, "match_expression", "let_condition")
    value = match.child_by_field_name("value") if match is not None else None
    if value is not None:
        slice_ = f"&{sx.tight(value)}[..]"
        yield fix(
            "match-slice", "Match on a slice, whose length may vary", 0.35, sx.replace(source, value, slice_)
        )
    if context.diagnostic.code == "E0529" and len(parts) == 1:
        yield fix("bind-value", f"Bind `{parts[0]}` itself", 0.2, sx.replace(source, node, parts[0]))
    yield from _longer_array(source, value, found)


def _longer_array(source: Source, value: Node | None, found: re.Match[str] | None) -> Iterator[Candidate]:
    """Give the array as many elements as the pattern asks for."""
    if value is None or found is None or int(found[1]) <= int(found[2]):
        return
    name = sx.text_of(value)
    declaration = sx.binding(value, name)
    start = declaration.child_by_field_name("value") if declaration is not None else None
    array = next(sx.descendants(start, "array_expression"), None) if start is not None else None
    if array is not None and array.named_children:
        last = array.named_children[-1]
        more = f", {sx.text_of(last)}" * (int(found[1]) - int(found[2]))
        yield fix("longer-array", f"Give `{name}` more elements", 0.16, sx.after(source, last, more))


@rule("E0164", "E0423", "E0532", "E0533", "E0559", "E0560", "E0618", "E0769")
def write_the_variant_as_declared(context: Context) -> Iterator[Candidate]:
    """A tuple variant written with braces, a struct variant with parentheses, a unit variant with either."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    node = sx.enclosing(
        sx.inner_node(source, primary.start, primary.end),
        "tuple_struct_pattern",
        "struct_pattern",
        "call_expression",
        "struct_expression",
    )
    if node is None:
        return
    path = next(
        (n for f in ("type", "name", "function") if (n := node.child_by_field_name(f)) is not None), None
    )
    if path is None:
        return
    name = sx.text_of(path)
    item = _declared(source, name)
    if item is None:
        return
    parts = _written_parts(node)
    text = _as_declared(item, name, parts, is_pattern=node.type.endswith("_pattern"))
    if text is not None and text != sx.text_of(node):
        yield fix("as-declared", f"Write `{name}` as it is declared", 0.5, sx.replace(source, node, text))


def _declared(source: Source, path: str) -> Node | None:
    """The variant or struct that the path names."""
    segments = path.split("::")
    if len(segments) > 1 and (owner := sx.named_item(source, segments[-2], "enum_item")) is not None:
        for variant in sx.descendants(owner, "enum_variant"):
            if sx.text_of(variant.child_by_field_name("name")) == segments[-1]:
                return variant
    return sx.named_item(source, segments[-1], "struct_item")


def _written_parts(node: Node) -> list[tuple[str, str]]:
    """The members of a pattern or constructor: field name (or empty) and text."""
    if node.type == "struct_pattern":
        fields = [n for n in node.named_children if n.type == "field_pattern"]
        return [
            (_field_name(n), sx.text_of(n.child_by_field_name("pattern")) or _field_name(n)) for n in fields
        ]
    if node.type == "struct_expression":
        body = node.child_by_field_name("body")
        members = body.named_children if body is not None else []
        return [
            (
                sx.text_of(n.child_by_field_name("field")),
                sx.text_of(n.child_by_field_name("value")) or sx.text_of(n),
            )
            for n in members
            if n.type.endswith("field_initializer")
        ]
    if node.type == "call_expression":
        arguments = node.child_by_field_name("arguments")
        return [("", sx.text_of(n)) for n in sx.elements(arguments)] if arguments is not None else []
    return [("", sx.text_of(n)) for n in sx.elements(node)]


def _as_declared(item: Node, name: str, parts: list[tuple[str, str]], *, is_pattern: bool) -> str | None:
    body = item.child_by_field_name("body")
    texts = [text for _, text in parts]
    if body is None:
        return name
    if body.type == "ordered_field_declaration_list":
        n = sum(c.type not in ("attribute_item", "visibility_modifier") for c in body.named_children)
        if len(texts) == n:
            return f"{name}({', '.join(texts)})"
        return f"{name}(..)" if is_pattern else None
    fields = [sx.text_of(f.child_by_field_name("name")) for f in sx.descendants(body, "field_declaration")]
    if len(fields) != len(texts) or any(field and field not in fields for field, _ in parts):
        return f"{name} {{ .. }}" if is_pattern and not texts else None
    members = [
        field if field == text else f"{field}: {text}" for field, text in zip(fields, texts, strict=True)
    ]
    return f"{name} {{ {', '.join(members)} }}"
