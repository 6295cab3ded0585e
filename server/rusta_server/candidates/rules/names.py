"""Names that resolve to nothing, or to the wrong kind of thing."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from ...patch.edit import Edit
from .. import Candidate, Context, Source, items, values
from .. import syntax as sx
from ..syntax import Node
from . import fix, rule

_UNRESOLVED = ("E0425", "E0433", "E0412", "E0405", "E0422", "E0531", "E0432", "E0574", "E0404")
_TYPE_KINDS = ("struct_item", "enum_item", "union_item", "type_item", "trait_item")
_DEFINITIONS = (*_TYPE_KINDS, "function_item", "const_item", "static_item", "mod_item")


# Defined elsewhere in the file


@rule(*_UNRESOLVED)
def name_the_path(context: Context) -> Iterator[Candidate]:
    """The item exists in another module of the file: write its path or import it, and make it public."""
    source, node = sx.source_of(context), sx.node_of(context)
    primary = context.diagnostic.primary
    if source is None or node is None or primary is None:
        return
    text = source.text[primary.start : primary.end].decode(errors="replace")
    path = sx.enclosing(node, "scoped_identifier", "scoped_type_identifier", "use_declaration")
    name = text.rsplit("::", 1)[-1].strip()
    if not re.fullmatch(r"\w+", name):
        return
    here = items.module_path(node)
    for item in _defined(source, name, path, node):
        target = items.module_path(item)
        if sx.function(item.parent) is not None or (target == here and path is None):
            continue
        full = _path(source, here, (*target, name))
        public = [items.make_public(source, item)] if target != here[: len(target)] else []
        public += [
            items.make_public(source, module)
            for module in sx.ancestors(item.parent)
            if module.type == "mod_item" and len(items.module_path(module)) >= 1
        ]
        start, end = (primary.start, primary.end)
        if "::" in text or path is None or path.type == "use_declaration":
            edit = Edit(source.path, start, end, full.encode())
        else:
            edit = Edit(source.path, path.start_byte if node == path else start, end, full.encode())
        title = f"Write `{full}`"
        prior = 0.4 if len(here) or "::" in text or path is not None else 0.3
        yield fix("path", title, prior, edit)
        if any(public):
            yield fix("path", f"{title} and make it public", prior * 0.9, edit, *public)
        if path is None:
            use = items.add_use(source, full, node)
            yield fix("import", f"Import `{full}`", prior * 0.95, use)
            if any(public):
                yield fix("import", f"Import `{full}` and make it public", prior * 0.85, use, *public)


def _path(source: Source, here: tuple[str, ...], target: tuple[str, ...]) -> str:
    """From the root where this is the first file of a crate; else relative, the file may be anywhere."""
    if PurePosixPath(source.path).name in ("main.rs", "lib.rs"):
        return "::".join(("crate", *target))
    common = next((i for i, (a, b) in enumerate(zip(here, target, strict=False)) if a != b), len(here))
    up = ("super",) * (len(here) - common) or ("self",)
    return "::".join((*up, *target[common:]))


def _defined(source: Source, name: str, path: Node | None, node: Node) -> list[Node]:
    found = [
        item
        for item in sx.items(source, *_DEFINITIONS)
        if items.name_of(item) == name and sx.enclosing(item.parent, "impl_item", "trait_item") is None
    ]
    return [item for item in found if item != sx.enclosing(node, *_DEFINITIONS)][:2]


@rule("E0432", "E0433")
def import_relative(context: Context) -> Iterator[Candidate]:
    """A path that starts at the wrong module: `crate::`, `self::`, `super::` or none of them."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    text = source.text[primary.start : primary.end].decode(errors="replace")
    node = source.node_at(primary.start, primary.end)
    path = sx.widest(
        node, lambda n: n.type in ("scoped_identifier", "scoped_use_list", "scoped_type_identifier")
    )
    start = path.start_byte if path is not None else primary.start
    whole = sx.text_of(path) if path is not None else text
    first = whole.split("::")[0].strip()
    if first in ("crate", "self", "super"):
        rest = whole.split("::", 1)[-1] if "::" in whole else ""
        for other in ("super", "crate", "self", ""):
            if other != first and rest:
                new = f"{other}::" if other else ""
                edit = Edit(source.path, start, start + len(first) + 2, new.encode())
                yield fix("path", f"Start the path at `{other or rest.split('::')[0]}`", 0.25, edit)
    else:
        for prefix in ("crate", "self", "super"):
            yield fix("path", f"Start the path at `{prefix}`", 0.3, sx.insert(source, start, f"{prefix}::"))
        if context.edition != "2015":
            yield fix("path", "Look in the standard library", 0.2, sx.insert(source, start, "std::"))


@rule("E0432", "E0433", "E0599", "E0425", "E0405", "E0573", "E0407", "E0576", "E0220", "E0412")
def similar_item(context: Context) -> Iterator[Candidate]:
    """A misspelt last name of a path: the likest of what the module, enum or trait has."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    text = source.text[primary.start : primary.end].decode(errors="replace")
    quoted = sx.quoted(context.diagnostic.message)
    name = quoted[0].rsplit("::", 1)[-1] if quoted else ""
    owner = ""
    if match := re.search(r"in (?:module |the crate )?`([^`]+)`", _all_text(context)):
        owner = items.base_name(match[1])
    node = source.node_at(primary.start, primary.end)
    path = sx.enclosing(node, "scoped_identifier", "scoped_type_identifier")
    if not owner and path is not None:
        owner = items.base_name(sx.text_of(path.child_by_field_name("path")))
    own = sx.named_item(source, owner, "mod_item", "enum_item", "trait_item") if owner else None
    at = primary.start + text.rfind(name)
    if own is None or not name or text.rfind(name) < 0:
        return
    body = own.child_by_field_name("body")
    names = [items.name_of(child) for child in (body.named_children if body is not None else [])]
    names += [
        sx.text_of(alias.child_by_field_name("alias"))
        for alias in sx.descendants(own, "use_as_clause")
        if items.module_of(alias) == own
    ]
    for other in items.similar(name, [n for n in names if n], 0.5)[:3]:
        edits = [Edit(source.path, at, at + len(name), other.encode())]
        if sx.enclosing(node, "use_declaration") is not None:
            uses = sx.descendants(source.root, "identifier", "type_identifier")
            edits += [
                sx.replace(source, n, other) for n in uses if sx.text_of(n) == name and n.start_byte != at
            ]
        yield fix("rename", f"Write `{other}`", 0.3, *edits)


def _all_text(context: Context) -> str:
    labels = [span.label or "" for span in context.diagnostic.spans]
    return " ".join([context.diagnostic.message, *labels])


# Variants


@rule("E0425", "E0422", "E0531", "E0412", "E0433", "E0574", "E0573", "E0532", "E0408", "E0170")
def qualify_the_variant(context: Context) -> Iterator[Candidate]:
    """A variant named without its enum, or an enum named where one of its variants is meant."""
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None:
        return
    name = sx.text_of(node)
    if node.type in ("identifier", "type_identifier"):
        for variant in sx.descendants(source.root, "enum_variant"):
            enum = sx.enclosing(variant, "enum_item")
            if items.name_of(variant) == name and enum is not None:
                full = f"{items.name_of(enum)}::{name}"
                yield fix("variant", f"Write `{full}`", 0.5, sx.replace(source, node, full))
        enum = sx.named_item(source, name, "enum_item")
        if enum is not None and context.diagnostic.code == "E0574":
            whole = sx.enclosing(node, "struct_pattern", "struct_expression")
            for variant in items.members(enum):
                body = variant.child_by_field_name("body")
                if body is not None and body.type == "field_declaration_list" and whole is not None:
                    full = f"{name}::{items.name_of(variant)}"
                    yield fix("variant", f"Write `{full}`", 0.5, sx.replace(source, node, full))


@rule("E0532", "E0164", "E0533", "E0769", "E0023", "E0026", "E0027")
def pattern_of_the_variant_s_shape(context: Context) -> Iterator[Candidate]:
    """A pattern that treats a variant with fields as one without, or the other way round."""
    source, node = sx.source_of(context), sx.node_of(context)
    primary = context.diagnostic.primary
    if source is None or node is None or primary is None:
        return
    path = source.text[primary.start : primary.end].decode(errors="replace")
    name = items.base_name(re.split(r"[({]", path)[0])
    variant = sx.named_item(source, name, "enum_variant") or next(
        (v for v in sx.descendants(source.root, "enum_variant") if items.name_of(v) == name), None
    )
    own = variant or sx.named_item(source, name, "struct_item")
    body = own.child_by_field_name("body") if own is not None else None
    whole = sx.enclosing(node, "tuple_struct_pattern", "struct_pattern", "call_expression") or node
    head = re.split(r"[({]", sx.text_of(whole))[0].strip()
    message = context.diagnostic.message
    kind = body.type if body is not None else "tuple" if "found tuple" in message else ""
    if own is None and "tuple" not in message:
        return
    if kind == "field_declaration_list":
        yield fix("fields", "Match its named fields", 0.45, sx.replace(source, whole, f"{head} {{ .. }}"))
    elif kind and whole.type not in ("tuple_struct_pattern",):
        count = len(body.children_by_field_name("type")) if body is not None else 0
        blank = "_" if count == 1 else ".."
        yield fix("fields", "Match its fields as well", 0.5, sx.replace(source, whole, f"{head}({blank})"))
    elif not kind and own is not None and whole.type != "identifier":
        yield fix("fields", "Match it without fields", 0.45, sx.replace(source, whole, head))


@rule("E0599")
def add_the_variant(context: Context) -> Iterator[Candidate]:
    """A variant that the enum does not have yet: add it, in the shape in which it is used."""
    match = re.search(r"no variant.* named `(\w+)` found for enum `([^`]+)`", context.diagnostic.message)
    source, node = sx.source_of(context), sx.node_of(context)
    enum = items.type_item(source, match[2]) if match and source is not None else None
    if match is None or source is None or enum is None or node is None or not match[1][:1].isupper():
        return
    name, body = match[1], enum.child_by_field_name("body")
    prior = 0.35 if body is not None and not body.named_children else 0.25
    missing = {name: _variant_shape(source, node, name)}
    for sibling in context.siblings:
        other = re.search(r"no variant.* named `(\w+)` found for enum `([^`]+)`", sibling.message)
        span = sibling.primary
        if other and span and other[2] == match[2] and span.path == source.path and other[1] not in missing:
            missing[other[1]] = _variant_shape(source, source.node_at(span.start, span.end), other[1])
    text = "".join(f"{n}{shape},\n" for n, shape in missing.items())
    names = ", ".join(f"`{n}`" for n in missing)
    if body is not None and body.named_children and not sx.text_of(body)[:-1].rstrip().endswith(","):
        last = body.named_children[-1]
        if sx.is_comment(last):
            return
        indent = sx.indentation(source, last)
        edit: Edit | None = sx.after(
            source, last, "," + "".join(f"\n{indent}{n}{s}," for n, s in missing.items())
        )
    else:
        edit = items.into_body(source, enum, text)
    yield fix("add-variant", f"Add {names} to `{items.name_of(enum)}`", prior, edit)


def _variant_shape(source: Source, node: Node, name: str) -> str:
    path = sx.enclosing(node, "scoped_identifier", "scoped_type_identifier") or node
    around = path.parent
    if around is None:
        return ""
    if around.type == "call_expression" and around.child_by_field_name("function") == path:
        arguments = around.child_by_field_name("arguments")
        types = [_type_of(source, a) for a in (arguments.named_children if arguments is not None else [])]
        return f"({', '.join(types)})"
    if around.type == "struct_expression":
        body = around.child_by_field_name("body")
        fields = []
        for entry in body.named_children if body is not None else []:
            field = sx.text_of(entry.child_by_field_name("field") or entry)
            value = entry.child_by_field_name("value")
            fields.append(f"{field}: {_type_of(source, value or entry)}")
        return " { " + ", ".join(fields) + " }"
    if around.type == "tuple_struct_pattern":
        return "(i32)"
    return ""


def _type_of(source: Source, value: Node) -> str:
    """The type of an expression, as far as its spelling shows it; `i32` otherwise."""
    if value.type == "shorthand_field_initializer" and value.named_children:
        value = value.named_children[0]
    if value.type == "tuple_expression":
        return f"({', '.join(_type_of(source, v) for v in value.named_children)})"
    if value.type == "reference_expression" and value.named_children:
        return "&" + _type_of(source, value.named_children[-1])
    found = values.literal_type(value)
    if not found and value.type == "identifier":
        found = next((t for n, t in values.variables(value) if n == sx.text_of(value) and t), "")
    if not found and value.type == "call_expression":
        function = sx.text_of(value.child_by_field_name("function"))
        found = function.split("::")[0] if re.fullmatch(r"[A-Z]\w*::(new|from|default)", function) else ""
        own = sx.functions_called(source, function)
        if own:
            found = sx.text_of(own[0].child_by_field_name("return_type"))
        elif re.fullmatch(r"[A-Z]\w*", function) and items.type_item(source, function) is not None:
            found = function
    if value.type == "macro_invocation":
        found = {"format": "String"}.get(sx.text_of(value.child_by_field_name("macro")), found)
    return "&'static str" if found == "&str" else found or "i32"


# Labels, scopes, declarations


@rule("E0426", "E0695")
def label_the_loop(context: Context) -> Iterator[Candidate]:
    """A label that no loop has: give it to a loop around, or use a label that is there."""
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None:
        return
    primary = context.diagnostic.primary
    text = source.text[primary.start : primary.end].decode(errors="replace") if primary else ""
    loops = []
    for ancestor in sx.ancestors(node):
        if ancestor.type in sx.FUNCTIONS or ancestor.type == "closure_expression":
            break
        if ancestor.type in sx.LOOPS:
            loops.append(ancestor)
    if not text.startswith("'"):
        return
    labels = {loop: next((c for c in loop.named_children if c.type == "label"), None) for loop in loops}
    for label in labels.values():
        if label is not None and primary is not None:
            edit = Edit(source.path, primary.start, primary.end, sx.text_of(label).encode())
            yield fix("label", f"Use the label `{sx.text_of(label)}`", 0.4, edit)
    for n, loop in enumerate(loops[::-1]):
        if labels[loop] is None:
            yield fix(
                "label", f"Label the loop `{text}`", 0.45 - 0.05 * n, sx.before(source, loop, f"{text}: ")
            )


@rule("E0434")
def closure_instead(context: Context) -> Iterator[Candidate]:
    """An inner function cannot see the variables around it: a closure can."""
    source, node = sx.source_of(context), sx.node_of(context)
    function = sx.enclosing(node, "function_item")
    if source is None or node is None or function is None or function.child_by_field_name("type_parameters"):
        return
    name, parameters, body, result = (
        function.child_by_field_name(f) for f in ("name", "parameters", "body", "return_type")
    )
    if name is None or parameters is None or body is None:
        return
    listed = sx.text_of(parameters)[1:-1].strip()
    arrow = f" -> {sx.text_of(result)}" if result is not None else ""
    start = f"let {sx.text_of(name)} = |{listed}|{arrow} "
    edits = [
        Edit(source.path, function.start_byte, body.start_byte, start.encode()),
        sx.insert(source, body.end_byte, ";"),
    ]
    yield fix("closure", f"Make `{sx.text_of(name)}` a closure", 0.5, *edits)
    edits[0] = Edit(
        source.path, function.start_byte, body.start_byte, start.replace("let ", "let mut ", 1).encode()
    )
    yield fix("closure", f"Make `{sx.text_of(name)}` a closure that can change what it uses", 0.35, *edits)
    yield from _pass_it(source, node, function)
    declaration = next(
        (
            let
            for let in sx.descendants(function.parent or function, "let_declaration")
            if sx.text_of(let.child_by_field_name("pattern")) == sx.text_of(node)
        ),
        None,
    )
    if declaration is not None and declaration.type == "let_declaration":
        yield from _make_constant(source, declaration, 0.3)


def _pass_it(source: Source, node: Node, function: Node) -> Iterator[Candidate]:
    """Hand the variable over as a parameter, where its type can be seen."""
    name = sx.text_of(node)
    type_ = next((t for n, t in values.variables(function) if n == name), "")
    parameters = function.child_by_field_name("parameters")
    called = items.name_of(function)
    if not type_ or parameters is None:
        return
    first = parameters.named_children[0] if parameters.named_children else None
    edits = [
        sx.before(source, first, f"{name}: {type_}, ")
        if first is not None
        else sx.replace(source, parameters, f"({name}: {type_})")
    ]
    for call in re.finditer(rb"(?<!fn )\b%s\((\s*\))?" % called.encode(), source.text):
        edits.append(sx.insert(source, call.start() + len(called) + 1, name if call[1] else f"{name}, "))
    yield fix("parameter", f"Pass `{name}` to `{called}`", 0.3, *edits)


def _make_constant(source: Source, let: Node, prior: float) -> Iterator[Candidate]:
    pattern, value = let.child_by_field_name("pattern"), let.child_by_field_name("value")
    type_ = sx.text_of(let.child_by_field_name("type")) or values.literal_type(value)
    if pattern is None or value is None or pattern.type != "identifier" or not type_:
        return
    name = sx.text_of(pattern)
    new = name.upper()
    around = sx.enclosing(let.parent, "block") or let
    uses = [n for n in sx.uses(around, name) if n.type == "identifier" and n.start_byte > let.end_byte]
    for written in ("usize", type_) if type_ in ("i32", "usize") else (type_,):
        written = written.replace("&str", "&'static str") if "'" not in written else written
        declaration = sx.replace(source, let, f"const {new}: {written} = {sx.text_of(value)};")
        edits = [declaration, *(sx.replace(source, n, new) for n in uses)]
        yield fix("const", f"Make `{name}` a constant `{new}`", prior, *edits)
        plain = sx.replace(source, let, f"const {name}: {written} = {sx.text_of(value)};")
        yield fix("const", f"Make `{name}` a constant", prior * 0.8, plain)


@rule("E0435")
def constant_or_vector(context: Context) -> Iterator[Candidate]:
    """A variable where a constant is needed: make it one; or use a vector, whose length can vary."""
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None:
        return
    declaration = sx.binding(node, sx.text_of(node))
    if declaration is not None and declaration.type == "let_declaration":
        yield from _make_constant(source, declaration, 0.5)
    array = sx.enclosing(node, "array_expression")
    if array is not None:
        yield fix("vec", "Make it a vector", 0.4, sx.before(source, array, "vec!"))
    binding = sx.enclosing(node, "let_declaration")
    array_type = sx.enclosing(node, "array_type")
    value = binding.child_by_field_name("value") if binding is not None else None
    if array_type is not None and value is not None and value.type == "array_expression":
        element = sx.text_of(array_type.child_by_field_name("element"))
        edits = (sx.replace(source, array_type, f"Vec<{element}>"), sx.before(source, value, "vec!"))
        yield fix("vec", "Make it a vector", 0.4, *edits)


@rule("E0425")
def bring_into_scope(context: Context) -> Iterator[Candidate]:
    """A variable that is declared in an inner block, or only further down."""
    source, node = sx.source_of(context), sx.node_of(context)
    function = sx.function(node)
    use = sx.statement(node)
    if source is None or node is None or function is None or use is None:
        return
    name = sx.text_of(node)
    for let in sx.descendants(function, "let_declaration"):
        if not any(sx.text_of(n) == name for n in sx.pattern_names(let.child_by_field_name("pattern"))):
            continue
        block = let.parent
        if block is None:
            continue
        if block == use.parent and let.start_byte > use.start_byte:
            text = sx.text_of(let)
            edits = (sx.delete(source, let), sx.line_before(source, use, text))
            yield fix("declare-earlier", f"Declare `{name}` before it is used", 0.5, *edits)
        outer = sx.statement(block.parent)
        if block.end_byte > use.start_byte or outer is None:
            continue
        if block.parent is not None and block.parent.type in ("block", "expression_statement"):
            yield from _unwrap(source, block, name)
        if outer.parent == use.parent and outer.end_byte < use.start_byte:
            moved = "\n".join(line.strip() for line in sx.text_of(use).splitlines())
            last = block.named_children[-1]
            edits = (sx.delete(source, use), sx.line_after(source, last, moved))
            yield fix("use-inside", f"Use `{name}` inside the block", 0.4, *edits)
        value, type_ = let.child_by_field_name("value"), let.child_by_field_name("type")
        written = sx.text_of(type_) or values.literal_type(value)
        empty = values.empty_value(source, written) if written else None
        if value is not None and outer.parent is not None:
            annotated = f": {written}" if type_ is not None else ""
            plain = Edit(source.path, let.start_byte, value.start_byte, f"{name} = ".encode())
            if block.parent is not None and block.parent.type in ("if_expression", *sx.LOOPS):
                if empty is None:
                    continue
                declaration = f"let mut {name}{annotated} = {empty};"
            else:
                declaration = f"let {name}{annotated};"
            edits = (sx.line_before(source, outer, declaration), plain)
            yield fix("declare-outside", f"Declare `{name}` outside the block", 0.4, *edits)


def _unwrap(source: Source, block: Node, name: str) -> Iterator[Candidate]:
    """Remove the braces of a plain block."""
    whole = sx.statement(block) or block
    if block.parent is not None and block.parent.type != "block" and whole.type != "expression_statement":
        return
    inner = source.text[block.start_byte + 1 : block.end_byte - 1].decode(errors="replace").strip("\n")
    lines = [line[4:] if line.startswith("    ") else line for line in inner.splitlines()]
    start, end = sx.whole_lines(source, whole.start_byte, whole.end_byte)
    text = "\n".join(lines).rstrip() + ("\n" if end > whole.end_byte else "")
    yield fix(
        "unwrap-block",
        f"Remove the braces around `{name}`",
        0.35,
        Edit(source.path, start, end, text.encode()),
    )


@rule("E0425")
def declare_the_variable(context: Context) -> Iterator[Candidate]:
    """`x = 5;` without a `let`, and a loop that counts or collects in an undeclared variable."""
    source, node = sx.source_of(context), sx.node_of(context)
    function, use = sx.function(node), sx.statement(node)
    if source is None or node is None or function is None or use is None or node.type != "identifier":
        return
    name = sx.text_of(node)
    parent = node.parent
    if parent is None or not name.isidentifier() or set(name) == {"_"}:
        return
    if parent.type == "assignment_expression" and parent.child_by_field_name("left") == node:
        yield fix("let", f"Declare `{name}`", 0.45, sx.before(source, node, "let "))
        yield fix("let", f"Declare `{name}` as mutable", 0.4, sx.before(source, node, "let mut "))
    if parent.type == "compound_assignment_expr" and parent.child_by_field_name("left") == node:
        loop = sx.enclosing(use, *sx.LOOPS)
        where = sx.statement(loop) if loop is not None else use
        yield fix(
            "let", f"Declare `{name}`", 0.3, sx.line_before(source, where or use, f"let mut {name} = 0;")
        )
    for shown, prior in (("0", 0.08), ("String::new()", 0.06), ("Vec::new()", 0.05), ("true", 0.05)):
        if parent.type != "call_expression" or parent.child_by_field_name("function") != node:
            edit = sx.line_before(source, use, f"let {name} = {shown};")
            yield fix("declare", f"Declare `{name}` as `{shown}`", prior, edit)


@rule("E0425")
def declare_the_function(context: Context) -> Iterator[Candidate]:
    """A call of a function that does not exist: declare it with the types of its arguments."""
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None or not context.diagnostic.message.startswith("cannot find function"):
        return
    call, name = sx.enclosing(node, "call_expression"), sx.text_of(node)
    if call is None or node.type != "identifier" or not name.isidentifier() or name[:1].isupper():
        return
    arguments = call.child_by_field_name("arguments")
    listed = [a for a in (arguments.named_children if arguments is not None else []) if not sx.is_comment(a)]
    parameters = ", ".join(
        f"{_parameter_name(a, n)}: {_type_of(source, a).replace(chr(39) + 'static ', '')}"
        for n, a in enumerate(listed)
    )
    result, body = _expected(source, call)
    outer = sx.function(node)
    while outer is not None and outer.parent is not None and outer.parent.type != "source_file":
        if outer.parent.parent is not None and outer.parent.parent.type == "mod_item":
            break
        outer = outer.parent
    if outer is None:
        return
    text = f"\n\nfn {name}({parameters}){result} {{{body}}}"
    yield fix("declare-function", f"Declare a function `{name}`", 0.1, sx.after(source, outer, text))


def _parameter_name(argument: Node, n: int) -> str:
    return sx.text_of(argument) if argument.type == "identifier" else f"arg{n + 1}"


def _expected(source: Source, call: Node) -> tuple[str, str]:
    """The return type that the place of a call asks for, with a body."""
    let = call.parent
    if let is not None and let.type == "let_declaration":
        type_ = sx.text_of(let.child_by_field_name("type")) or "i32"
        value = values.empty_value(source, type_)
        return f" -> {type_}", f" {value or 'Default::default()'} "
    if let is not None and let.type in ("if_expression", "while_expression", "unary_expression"):
        return " -> bool", " true "
    return "", ""


@rule("E0405", "E0404")
def declare_the_trait(context: Context) -> Iterator[Candidate]:
    """A trait that does not exist, or a unit struct or alias that is used as a trait only."""
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None:
        return
    name = sx.text_of(node)
    item = sx.enclosing(node, *sx.ITEMS)
    if not name.isidentifier() or item is None:
        return
    impl = sx.enclosing(node, "impl_item")
    needed = [_signature(m, source) for m in items.members(impl)] if impl is not None else []
    body = "{\n" + "".join(f"    {line}\n" for line in needed) + "}" if needed else "{}"
    present = sx.named_item(source, name, "struct_item", "type_item")
    if present is not None:
        text = sx.text_of(present)
        if present.type == "type_item" or re.fullmatch(r"(pub )?struct \w+;", text):
            pub = "pub " if items.visibility(present) is not None else ""
            edit = sx.replace(source, present, f"{pub}trait {name} {body}")
            yield fix("trait", f"Make `{name}` a trait", 0.2, edit)
        if impl is not None and impl.child_by_field_name("trait") is not None:
            trait, type_ = impl.child_by_field_name("trait"), impl.child_by_field_name("type")
            other = sx.named_item(source, items.base_name(sx.text_of(type_)), "trait_item")
            if trait is not None and type_ is not None and other is not None:
                edits = (
                    sx.replace(source, trait, sx.text_of(type_)),
                    sx.replace(source, type_, sx.text_of(trait)),
                )
                yield fix("swap", f"Implement `{sx.text_of(type_)}` for `{name}`", 0.6, *edits)
            if trait is not None and type_ is not None and name == items.base_name(sx.text_of(type_)):
                edit = Edit(source.path, trait.start_byte, type_.start_byte, b"")
                yield fix("inherent", f"Implement `{name}` itself", 0.4, edit)
        return
    if context.diagnostic.code == "E0405":
        first = items.first_line_node(item)
        traits = [items.name_of(t) for t in sx.items(source, "trait_item")]
        for near in items.similar(name, traits)[:2]:
            yield fix("rename", f"Write `{near}`", 0.35, sx.replace(source, node, near))
        edit = sx.line_before(source, first, f"trait {name} {body}\n")
        yield fix("declare-trait", f"Declare a trait `{name}`", 0.12, edit)


def _signature(own: Node, source: Source) -> str:
    body = own.child_by_field_name("body")
    if body is not None:
        return source.text[own.start_byte : body.start_byte].decode(errors="replace").strip() + ";"
    return re.sub(r"\s*=.*", "", sx.text_of(own), flags=re.S).rstrip(";") + ";"


@rule("E0425", "E0422", "E0412", "E0531", "E0433")
def declare_the_type(context: Context) -> Iterator[Candidate]:
    """A type that does not exist: declare it as it is used."""
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None or node.type not in ("identifier", "type_identifier"):
        return
    name = sx.text_of(node)
    if not re.fullmatch(r"[A-Z]\w+", name) or "type" not in context.diagnostic.message.replace(
        "struct", "type"
    ):
        return
    item = sx.enclosing(node, *sx.ITEMS)
    while item is not None and item.parent is not None and item.parent.type != "source_file":
        if item.parent.parent is not None and item.parent.parent.type == "mod_item":
            break
        item = sx.enclosing(item.parent, *sx.ITEMS)
    if item is None or (context.diagnostic.code == "E0433"):
        return
    shape = ";"
    for use in sx.descendants(source.root, "struct_expression", "call_expression"):
        field = "name" if use.type == "struct_expression" else "function"
        if sx.text_of(use.child_by_field_name(field)) != name:
            continue
        if use.type == "struct_expression":
            body = use.child_by_field_name("body")
            fields = [
                f"{sx.text_of(e.child_by_field_name('field') or e)}: "
                f"{_type_of(source, e.child_by_field_name('value') or e)}"
                for e in (body.named_children if body is not None else [])
                if e.type in ("field_initializer", "shorthand_field_initializer")
            ]
            shape = " {\n" + "".join(f"    {f},\n" for f in fields) + "}"
        else:
            arguments = use.child_by_field_name("arguments")
            types = [_type_of(source, a) for a in (arguments.named_children if arguments is not None else [])]
            shape = f"({', '.join(types)});"
        break
    edit = sx.line_before(source, items.first_line_node(item), f"struct {name}{shape}\n")
    yield fix("declare-type", f"Declare a struct `{name}`", 0.1, edit)


@rule("E0560", "E0559", "E0609", "E0026")
def add_the_field(context: Context) -> Iterator[Candidate]:
    """A field that the struct does not have: add it with the type it is used with, or leave it out."""
    match = re.search(r"(?:named|field) `(\w+)`", context.diagnostic.message)
    owner = re.search(r"(?:type|struct|variant|for union) `([^`]+)`", context.diagnostic.message)
    source, node = sx.source_of(context), sx.node_of(context)
    if match is None or owner is None or source is None or node is None:
        return
    own = items.type_item(source, owner[1]) or next(
        (
            v
            for v in sx.descendants(source.root, "enum_variant")
            if items.name_of(v) == items.base_name(owner[1])
        ),
        None,
    )
    body = own.child_by_field_name("body") if own is not None else None
    entry = sx.enclosing(node, "field_initializer", "shorthand_field_initializer")
    if own is None:
        return
    names = [items.name_of(m) for m in items.members(own)]
    for other in items.similar(match[1], names)[:2]:
        at = node if sx.text_of(node) == match[1] else None
        if at is not None:
            yield fix("rename", f"Write `{other}`", 0.4, sx.replace(source, at, other))
    if entry is not None and context.diagnostic.code in ("E0560", "E0559"):
        value = entry.child_by_field_name("value") or entry
        given = {
            sx.text_of(e.child_by_field_name("field") or e) for e in (entry.parent or entry).named_children
        }
        for other in [n for n in names if n not in given][:2]:
            field = entry.child_by_field_name("field")
            edit = (
                sx.replace(source, field, other)
                if field is not None
                else sx.before(source, entry, f"{other}: ")
            )
            yield fix("rename", f"Write `{other}`", 0.35, edit)
        if body is not None and body.type == "field_declaration_list":
            text = f"{match[1]}: {_type_of(source, value)},\n"
            if body.named_children and not sx.text_of(body)[:-1].rstrip().endswith(","):
                edit2: Edit | None = sx.after(source, body.named_children[-1], f", {text.strip()}")
            else:
                edit2 = items.into_body(source, own, text)
            yield fix("add-field", f"Add a field `{match[1]}` to `{items.name_of(own)}`", 0.25, edit2)


# Modules and macros


@rule(None)
def bring_the_macro_into_scope(context: Context) -> Iterator[Candidate]:
    """A macro is visible only below its definition, and outside its module only with `#[macro_use]`."""
    match = re.match(r"cannot find macro `(\w+)` in this scope", context.diagnostic.message)
    source, node = sx.source_of(context), sx.node_of(context)
    if match is None or source is None or node is None:
        return
    name = match[1]
    definition = sx.named_item(source, name, "macro_definition")
    if definition is None:
        macros = [items.name_of(m) for m in sx.items(source, "macro_definition")]
        for other in items.similar(name, macros)[:2]:
            yield fix("rename", f"Write `{other}!`", 0.4, sx.replace(source, node, other))
        if sx.functions_called(source, name):
            bang = source.text.find(b"!", node.end_byte)
            yield fix("call", f"Call the function `{name}`", 0.5, Edit(source.path, bang, bang + 1, b""))
        return
    module = sx.enclosing(definition, "mod_item")
    if module is not None and not any("macro_use" in sx.text_of(a) for a in items.attributes(module)):
        yield fix(
            "macro-use",
            f"Let the macros of `{items.name_of(module)}` out",
            0.55,
            sx.line_before(source, module, "#[macro_use]"),
        )
        yield fix(
            "macro-export",
            f"Export `{name}`",
            0.3,
            sx.line_before(source, definition, "#[macro_export]"),
        )
    moving = module or definition
    if moving.start_byte > node.start_byte:
        first = next(
            (
                n
                for n in source.root.named_children
                if n.type not in ("inner_attribute_item", "use_declaration") and not sx.is_comment(n)
            ),
            None,
        )
        head = items.first_line_node(moving)
        text = source.text[head.start_byte : moving.end_byte].decode(errors="replace")
        start, end = sx.whole_lines(source, head.start_byte, moving.end_byte)
        if first is not None:
            add = "#[macro_use]\n" if module is not None and "macro_use" not in text else ""
            edits = (
                Edit(source.path, start, end, b""),
                sx.insert(source, sx.line_start(source, first.start_byte), f"{add}{text}\n\n"),
            )
            yield fix("macro-first", f"Define `{name}` before it is used", 0.55, *edits)


@rule("E0583")
def write_the_module_here(context: Context) -> Iterator[Candidate]:
    """`mod name;` without a file of that name."""
    source, node = sx.source_of(context), sx.node_of(context)
    item = sx.enclosing(node, "mod_item")
    if source is None or item is None:
        return
    name = items.name_of(item)
    text = re.sub(r"\s*;$", " {}", sx.text_of(item))
    yield fix("inline-module", f"Write the module `{name}` here", 0.2, sx.replace(source, item, text))
    if len(re.findall(rf"\b{re.escape(name)}\b", source.text.decode(errors="replace"))) == 1:
        yield fix("remove-module", f"Remove `mod {name};`", 0.12, sx.delete(source, item))


# Blanks


@rule("E0425", "E0412", "E0433")
def fill_the_blank(context: Context) -> Iterator[Candidate]:
    """`__` is a blank that somebody is to fill: a type is inferred, a value is taken from the scope."""
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None or set(sx.text_of(node)) != {"_"}:
        return
    if node.type == "type_identifier":
        yield fix("infer", "Let the compiler infer the type", 0.5, sx.replace(source, node, "_"))
        for type_ in ("i32", "String", "&str", "bool", "f64", "u32", "usize"):
            yield fix("blank", f"Write `{type_}`", 0.15, sx.replace(source, node, type_))
        return
    names = list(dict.fromkeys(name for name, _ in values.variables(node)))[:3]
    shown = [(n, 0.3) for n in names]
    shown += [
        ("0", 0.25),
        ('""', 0.2),
        ("true", 0.15),
        ("()", 0.12),
        ("String::new()", 0.12),
        ("vec![]", 0.1),
    ]
    for text, prior in shown:
        yield fix("blank", f"Write `{text}`", prior, sx.replace(source, node, text))
