"""A type that lacks a trait: derive it, implement it, bound the parameter, or convert."""

import re
from collections.abc import Iterator

from attrs import evolve

from ...patch.edit import Edit
from .. import Candidate, Context, Source, items, rustc, values
from .. import syntax as sx
from ..syntax import Node
from . import fix, rule
from .impls import fields_of, implementation, shown

# What has to be derived together with a trait.
_DERIVABLE = {
    "Debug": ("Debug",),
    "Clone": ("Clone",),
    "Copy": ("Clone", "Copy"),
    "Default": ("Default",),
    "PartialEq": ("PartialEq",),
    "Eq": ("PartialEq", "Eq"),
    "Hash": ("PartialEq", "Eq", "Hash"),
    "PartialOrd": ("PartialEq", "PartialOrd"),
    "Ord": ("PartialEq", "Eq", "PartialOrd", "Ord"),
}
_OPERATORS = {
    "Add": ("add", "+"),
    "Sub": ("sub", "-"),
    "Mul": ("mul", "*"),
    "Div": ("div", "/"),
    "Rem": ("rem", "%"),
    "BitAnd": ("bitand", "&"),
    "BitOr": ("bitor", "|"),
    "BitXor": ("bitxor", "^"),
}
_ASSIGNERS = {
    f"{name}Assign": (f"{function}_assign", f"{sign}=") for name, (function, sign) in _OPERATORS.items()
}
_UNARY = {"Neg": ("neg", "-"), "Not": ("not", "!")}
_WRONG = (
    r"`(?P<type>[^`]+)` doesn't implement `(?P<trait>[^`]+)`",
    r"the trait bound `(?P<type>[^`]+?): (?P<trait>[^`]+)` is not satisfied",
    r"implementation of `(?P<trait>[^`]+)` might be missing for `(?P<type>[^`]+)`",
    r"doesn't satisfy `(?P<type>[^`:]+): (?P<trait>[^`]+)`",
    r"the trait `(?P<trait>[^`]+)` is not implemented for `(?P<type>[^`]+)`",
    r"can't compare `(?P<type>[^`]+)` with `(?P=type)`",
    r"no .*named `[^`]+` found for (?:struct|enum|union|type|reference|type parameter) `(?P<type>[^`]+)`",
    r"because `(?P<type>[^`]+)` does not implement `(?P<trait>[^`]+)`",
)


def _lacks(context: Context) -> list[tuple[str, str]]:
    """The pairs (type, trait) that the diagnostic says are missing."""
    message = context.diagnostic.message
    texts = [message, *(span.label or "" for span in context.diagnostic.spans)]
    texts += [child.message for child in context.diagnostic.children]
    found: list[tuple[str, str]] = []
    for text in texts:
        for pattern in _WRONG:
            for match in re.finditer(pattern, text):
                groups = match.groupdict()
                trait = groups.get("trait") or ("PartialEq" if "compare" in text else "")
                for name in [trait] if trait else _traits_offered(context):
                    found.append((groups["type"], re.sub(r"^for<[^>]*> ", "", name)))
    return list(dict.fromkeys(found))[:6]


def _traits_offered(context: Context) -> list[str]:
    found = []
    for child in context.diagnostic.children:
        found += re.findall(r"candidate #\d+: `([^`]+)`", child.message)
        if match := re.match(r"`([^`]+)` defines an item", child.message):
            found.append(match[1])
        found += re.findall(r"the following traits? defines? .*: `([^`]+)`", child.message)
    return found


@rule("E0277", "E0599", "E0369", "E0368", "E0600", "E0271", "E0204", "E0507")
def give_it_the_trait(context: Context) -> Iterator[Candidate]:
    """A type of ours, or a trait of ours, and the impl is missing."""
    source = sx.source_of(context)
    if source is None:
        return
    for type_, trait in _lacks(context):
        own, name = items.type_item(source, type_), items.base_name(trait)
        local = sx.named_item(source, name, "trait_item")
        if own is not None and not type_.startswith("&") and items.base_name(type_) == items.name_of(own):
            yield from _derive(source, own, name)
            yield from _display(context, source, own, name)
            yield from _operator(source, own, name)
            yield from _from(source, own, trait)
            yield from _error(source, own, name)
        if local is not None:
            yield from _implement(source, local, type_, trait)


def _derive(source: Source, own: Node, trait: str) -> Iterator[Candidate]:
    if trait in _DERIVABLE:
        listed = ", ".join(f"`{t}`" for t in _DERIVABLE[trait] if t not in items.derives(own))
        edit = items.add_derives(source, own, *_DERIVABLE[trait])
        if edit is not None:
            yield fix("derive", f"Derive {listed} for `{items.name_of(own)}`", 0.6, edit)
        deeper = [
            d for t in _field_types(source, own) if (d := items.add_derives(source, t, *_DERIVABLE[trait]))
        ]
        if deeper and edit is not None:
            yield fix(
                "derive", f"Derive {listed} for `{items.name_of(own)}` and its fields", 0.4, edit, *deeper
            )


def _field_types(source: Source, own: Node) -> list[Node]:
    body = own.child_by_field_name("body")
    found = []
    for node in sx.descendants(body, "type_identifier") if body is not None else ():
        item = sx.named_item(source, sx.text_of(node), *items.TYPES)
        if item is not None and item != own and item not in found:
            found.append(item)
    return found


def _display(context: Context, source: Source, own: Node, trait: str) -> Iterator[Candidate]:
    if trait not in ("Display", "ToString"):
        return
    primary = context.diagnostic.primary
    string = next(
        (s for s in sx.labelled(context.diagnostic, "formatting parameter") if s.path == source.path), None
    )
    derive = items.add_derives(source, own, "Debug")
    if string is not None and primary is not None:
        piece = source.text[string.start : string.end].decode(errors="replace")
        debug = re.sub(r"\{(\w*)(:?)", r"{\1:", piece, count=1).replace("}", "?}")
        if piece.startswith("{") and "?" not in piece:
            edit = Edit(source.path, string.start, string.end, debug.encode())
            yield fix("debug-format", f"Print `{items.name_of(own)}` with `{{:?}}`", 0.45, edit, derive)
    generics = sx.text_of(own.child_by_field_name("type_parameters"))
    if generics:
        return
    name = items.name_of(own)
    body = f"write!(f, {shown(own, '{}')})"
    if own.type == "enum_item":
        body = _match_variants(own)
    text = (
        f"\n\nimpl std::fmt::Display for {name} {{\n"
        "    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {\n"
        f"        {body}\n    }}\n}}"
    )
    yield fix("implement", f"Implement `Display` for `{name}`", 0.35, sx.after(source, own, text))


def _match_variants(own: Node) -> str:
    arms = []
    for variant in items.members(own):
        name, body = items.name_of(variant), variant.child_by_field_name("body")
        rest = "" if body is None else "(..)" if body.type.startswith("ordered") else " { .. }"
        arms.append(f'            {items.name_of(own)}::{name}{rest} => write!(f, "{name}"),\n')
    return "match self {\n" + "".join(arms) + "        }"


def _operator(source: Source, own: Node, trait: str) -> Iterator[Candidate]:
    """An operator, field by field."""
    name, fields = items.name_of(own), fields_of(own)
    if own.type != "struct_item" or items.parameters(own):
        return
    if trait in _OPERATORS or trait in _UNARY:
        function, sign = {**_OPERATORS, **_UNARY}[trait]
        unary = trait in _UNARY
        of = [(f, f"{sign}self.{f}" if unary else f"self.{f} {sign} other.{f}") for f, _ in fields]
        if fields and fields[0][0].isdigit():
            value = f"{name}({', '.join(v for _, v in of)})"
        elif fields:
            value = f"{name} {{ {', '.join(f'{f}: {v}' for f, v in of)} }}"
        else:
            value = name
        argument = "" if unary else f", other: {name}"
        text = (
            f"\n\nimpl std::ops::{trait} for {name} {{\n    type Output = {name};\n\n"
            f"    fn {function}(self{argument}) -> {name} {{\n        {value}\n    }}\n}}"
        )
        yield fix("operator", f"Implement `{trait}` for `{name}`", 0.4, sx.after(source, own, text))
    elif trait in _ASSIGNERS:
        function, sign = _ASSIGNERS[trait]
        lines = "".join(f"        self.{f} {sign} other.{f};\n" for f, _ in fields)
        text = (
            f"\n\nimpl std::ops::{trait} for {name} {{\n"
            f"    fn {function}(&mut self, other: {name}) {{\n{lines}    }}\n}}"
        )
        yield fix("operator", f"Implement `{trait}` for `{name}`", 0.4, sx.after(source, own, text))


def _from(source: Source, own: Node, trait: str) -> Iterator[Candidate]:
    """`From<Other>` for a type that wraps `Other`, in a field or a variant."""
    match = re.fullmatch(r"From<(.+)>", trait)
    if match is None or items.parameters(own):
        return
    other, name = match[1], items.name_of(own)
    wanted = items.base_name(other)
    ways: list[tuple[float, str, str]] = []  # how likely, the value, and the type as it is written there
    if own.type == "struct_item" and len(fields_of(own)) == 1:
        field, type_ = fields_of(own)[0]
        conversion = "value" if items.base_name(type_) == wanted else ""
        written = type_ if conversion else other
        if type_ == "String":
            conversion = "value.to_string()"
        if conversion:
            value = f"{name}({conversion})" if field.isdigit() else f"{name} {{ {field}: {conversion} }}"
            ways.append((0.4, value, written))
    for variant in items.members(own) if own.type == "enum_item" else ():
        held = _held(variant)
        type_ = held[0] if len(held) == 1 else ""
        if type_ and items.base_name(type_) == wanted:
            # rustc names a type by the end of its path, or by all of it where there are two.
            is_same = type_.endswith(other) or other.endswith(type_)
            ways.append((0.4 if is_same else 0.3, f"{name}::{items.name_of(variant)}(value)", type_))
        elif type_ == "String":
            ways.append((0.25, f"{name}::{items.name_of(variant)}(value.to_string())", other))
    ways.sort(key=lambda way: -way[0])
    for n, (prior, way, written) in enumerate(ways[:2]):
        text = (
            f"\n\nimpl From<{written}> for {name} {{\n"
            f"    fn from(value: {written}) -> Self {{\n        {way}\n    }}\n}}"
        )
        yield fix(
            "from", f"Implement `From<{other}>` for `{name}`", prior - 0.1 * n, sx.after(source, own, text)
        )


def _error(source: Source, own: Node, trait: str) -> Iterator[Candidate]:
    if trait == "Error" and not items.parameters(own):
        name = items.name_of(own)
        text = f"\n\nimpl std::error::Error for {name} {{}}"
        yield fix("implement", f"Implement `Error` for `{name}`", 0.45, sx.after(source, own, text))


def _implement(source: Source, trait: Node, type_: str, written: str) -> Iterator[Candidate]:
    """An impl of a trait of ours with bodies for what has none."""
    if type_.startswith(("impl ", "dyn ", "{closure", "[closure", "_")):
        return
    type_ = {"{integer}": "i32", "{float}": "f64", "&'static str": "&str"}.get(type_, type_)
    if re.search(r"[{}]|\b_\b", type_) or items.declaring(trait, type_) is not None:
        return
    name = items.name_of(trait)
    required = [m for m in items.members(trait) if m.child_by_field_name("body") is None]
    own = items.type_item(source, type_)
    after = trait if own is None or own.end_byte < trait.end_byte else own
    if items.module_path(after):
        after = trait
    generics = sx.text_of(own.child_by_field_name("type_parameters")) if own is not None else ""
    if items.parameters(trait) and "<" not in written:
        return
    lines = []
    for m in required:
        ways = implementation(source, own, m, type_)
        if not ways:
            return
        lines.append(ways[0][1])
    body = "\n\n".join(lines)
    inner = "\n" + "".join(f"    {line}\n" if line else "\n" for line in body.splitlines()) if body else ""
    text = f"\n\nimpl{generics} {written if '<' in written else name} for {type_} {{{inner}}}"
    prior = 0.3 if required else 0.45
    yield fix("implement", f"Implement `{name}` for `{type_}`", prior, sx.after(source, after, text))


# Not the type, but how it is used


@rule("E0277", "E0373", "E0599")
def share_across_threads(context: Context) -> Iterator[Candidate]:
    """`Rc` and `RefCell` stay in one thread; `Arc` and `Mutex` do not."""
    if not re.search(r"cannot be (sent|shared) between threads", context.diagnostic.message):
        return
    source = sx.source_of(context)
    if source is None:
        return
    has_rc = re.search(rb"\bRc\b", source.text) is not None
    has_cell = re.search(rb"\bRefCell\b", source.text) is not None
    rc = list(_renamed(source, {"Rc": "Arc", "rc": "sync"})) if has_rc else []
    cell = list(_renamed(source, {"RefCell": "Mutex", "cell": "sync"})) if has_cell else []
    for call in sx.descendants(source.root, "call_expression") if has_cell else ():
        function = call.child_by_field_name("function")
        field = function.child_by_field_name("field") if function is not None else None
        if field is not None and sx.text_of(field) in ("borrow", "borrow_mut"):
            cell.append(Edit(source.path, field.start_byte, call.end_byte, b"lock().unwrap()"))
    if rc:
        yield fix("arc", "Share it with `Arc`, which threads may", 0.6, *rc)
    if rc and cell:
        yield fix("arc-mutex", "Share it with `Arc` and `Mutex`", 0.55, *rc, *cell)
    elif cell:
        yield fix("mutex", "Guard it with `Mutex`", 0.5, *cell)


def _renamed(source: Source, names: dict[str, str]) -> Iterator[Edit]:
    for node in sx.descendants(source.root, "identifier", "type_identifier"):
        text = sx.text_of(node)
        is_module = text.islower()
        in_path = (
            sx.enclosing(node, "use_declaration") is not None or sx.text_of(node.parent) == f"std::{text}"
        )
        if text in names and (in_path or not is_module):
            yield sx.replace(source, node, names[text])


_NOTHING = re.compile(r"None|Empty|Missing|NotFound|NoSuch|Nothing|End|Eof|Absent")


@rule("E0277")
def question_mark(context: Context) -> Iterator[Candidate]:
    """`?` where the error does not convert, or where nothing can be returned."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    message = context.diagnostic.message
    if source is None or primary is None or "`?`" not in message:
        return
    if source.text[primary.start : primary.end] != b"?":
        return
    node = source.node_at(primary.start, primary.end)
    function = sx.function_or_closure(node)
    result = function.child_by_field_name("return_type") if function is not None else None
    written = re.fullmatch(r"((?:\w+::)*Result)<(.*),\s*([^,]+(?:<.*>)?)>", sx.text_of(result), re.S)
    if match := re.search(r"couldn't convert the error to `([^`]+)`", message):
        target = match[1]
        found = [
            m
            for s in context.diagnostic.spans
            for m in re.findall(r"type `Result<.+, ([^`]+)>`", s.label or "")
        ]
        if target == "String":
            text = ".map_err(|e| e.to_string())"
            yield fix(
                "map-err", "Turn the error into a `String`", 0.5, sx.insert(source, primary.start, text)
            )
        elif items.type_item(source, target) is not None:
            own = items.type_item(source, target)
            for variant in items.members(own):
                name = f"{items.name_of(own)}::{items.name_of(variant)}"
                body = variant.child_by_field_name("body")
                holds = [items.base_name(type_) for type_ in _held(variant)]
                closure = f"|_| {name}" if body is None else name
                prior = 0.5 if found and holds == [items.base_name(found[0])] else 0.3
                edit = sx.insert(source, primary.start, f".map_err({closure})")
                yield fix("map-err", f"Turn the error into `{name}`", prior, edit)
        if result is not None and written is not None:
            boxed = f"{written[1]}<{written[2]}, Box<dyn std::error::Error>>"
            yield fix("box-error", "Return any error in a box", 0.4, sx.replace(source, result, boxed))
            for error in found[:1]:
                full = {
                    "ParseIntError": "std::num::ParseIntError",
                    "ParseFloatError": "std::num::ParseFloatError",
                }
                edit = sx.replace(source, result, f"{written[1]}<{written[2]}, {full.get(error, error)}>")
                yield fix("error-type", f"Return `{error}`", 0.35, edit)
    elif (
        "returns `Option`" in message
        or "`Result`s in" in message
        or (result is not None and sx.text_of(result).startswith("Option<"))
    ):
        yield fix("ok", "Drop the error with `ok()`", 0.45, sx.insert(source, primary.start, ".ok()"))
    elif result is not None and written is not None:
        for n, name in enumerate(_unit_variants(items.type_item(source, written[3]))):
            path = written[3].split("<")[0]
            edit = sx.insert(source, primary.start, f".ok_or({path}::{name})")
            yield fix("ok-or", f"Give the error `{name}` for `None`", 0.45 - 0.05 * min(n, 4), edit)
        yield fix(
            "ok-or", "Give an error for `None`", 0.35, sx.insert(source, primary.start, '.ok_or("no value")')
        )
        text = '.ok_or_else(|| "no value".to_string())'
        yield fix("ok-or", "Give an error for `None`", 0.33, sx.insert(source, primary.start, text))
    edit = Edit(source.path, primary.start, primary.end, b".unwrap()")
    yield fix("unwrap", "Unwrap it, which panics where there is no value", 0.22, edit)


def _held(variant: Node) -> list[str]:
    """The types in the brackets of a variant."""
    body = variant.child_by_field_name("body")
    return [sx.text_of(one) for one in body.children_by_field_name("type")] if body is not None else []


def _unit_variants(own: Node | None) -> list[str]:
    """The names of an enum's variants that hold nothing, those first that say that there is nothing."""
    found = [
        items.name_of(variant)
        for variant in items.members(own)
        if variant.type == "enum_variant" and variant.child_by_field_name("body") is None
    ]
    return sorted(found, key=lambda name: not _NOTHING.search(name))


@rule("E0277")
def convert_the_items(context: Context) -> Iterator[Candidate]:
    """`collect` or `sum` of items of another type: convert each item first."""
    match = re.search(
        r"value of type `([^`]+)` cannot be (?:built|made).*elements of type `([^`]+)`",
        context.diagnostic.message,
    )
    source, primary = sx.source_of(context), context.diagnostic.primary
    if match is None or source is None or primary is None:
        return
    wanted = re.sub(r"^\w+<(.+)>$", r"\1", match[1])
    given = match[2]
    call = next(
        (
            n
            for n in sx.ancestors(source.node_at(primary.start, primary.end))
            if n.type == "call_expression"
            and re.search(r"\.(collect|sum|product)\b[^.]*$", sx.text_of(n), re.S)
        ),
        None,
    )
    function = call.child_by_field_name("function") if call is not None else None
    if function is not None and function.type == "generic_function":
        function = function.child_by_field_name("function")
    receiver = function.child_by_field_name("value") if function is not None else None
    if receiver is None:
        return
    at = receiver.end_byte
    if given.lstrip("&") == wanted or f"&{wanted}" == given:
        yield fix("cloned", "Clone the items", 0.5, sx.insert(source, at, ".cloned()"))
        iter_ = re.search(r"\.iter\(\)", sx.text_of(receiver))
        if iter_:
            start = receiver.start_byte + len(sx.text_of(receiver)[: iter_.start()].encode())
            edit = Edit(source.path, start, start + 7, b".into_iter()")
            yield fix("into-iter", "Take the items out of the collection", 0.4, edit)
    if wanted == "String":
        yield fix(
            "to-string", "Make each item a `String`", 0.45, sx.insert(source, at, ".map(|x| x.to_string())")
        )
    elif _is_number(wanted) and given in ("&str", "String", "&String"):
        text = ".map(|x| x.parse().unwrap())"
        yield fix(
            "parse",
            "Parse each item",
            0.3,
            sx.insert(source, at, text.replace("parse()", f"parse::<{wanted}>()")),
        )
    elif _is_number(wanted) and _is_number(given.lstrip("&")):
        star = "*" * given.count("&")
        yield fix("cast", "Convert each item", 0.4, sx.insert(source, at, f".map(|x| {star}x as {wanted})"))
    if given.startswith(("Result<", "Option<")):
        kind = given.split("<")[0]
        let = sx.enclosing(call, "let_declaration")
        type_ = let.child_by_field_name("type") if let is not None else None
        if type_ is not None and kind == "Result":
            edit = sx.replace(source, type_, f"Result<{sx.text_of(type_)}, _>")
            yield fix("collect-result", "Collect into a `Result`", 0.4, edit)
        yield fix("filter-map", "Keep the items that are there", 0.25, sx.insert(source, at, ".flatten()"))
        function_node = sx.function(call)
        result = function_node.child_by_field_name("return_type") if function_node is not None else None
        if result is not None and not sx.text_of(result).startswith(kind):
            yield fix("unwrap", "Unwrap each item", 0.2, sx.insert(source, at, ".map(|x| x.unwrap())"))


@rule("E0277")
def order_floats(context: Context) -> Iterator[Candidate]:
    """Floating-point numbers have no total order: say how to sort; or derive less."""
    match = re.search(r"the trait bound `(\{float\}|f32|f64)[^`]*: (\w+)", context.diagnostic.message)
    match = match or re.search(
        r"can't compare|the trait bound `([^`]+): (Eq|Ord|Hash|Copy|Default)`", context.diagnostic.message
    )
    source, primary = sx.source_of(context), context.diagnostic.primary
    if match is None or source is None or primary is None:
        return
    node = source.node_at(primary.start, primary.end)
    for call in sx.descendants(sx.statement(node) or node, "call_expression"):
        function = call.child_by_field_name("function")
        field = function.child_by_field_name("field") if function is not None else None
        if field is not None and sx.text_of(field) in ("sort", "sort_unstable") and match.lastindex:
            edit = Edit(
                source.path,
                field.start_byte,
                call.end_byte,
                f"{sx.text_of(field)}_by(|a, b| a.total_cmp(b))".encode(),
            )
            yield fix("sort-floats", "Sort by the total order of floats", 0.45, edit)
            edit = Edit(
                source.path, field.start_byte, call.end_byte, b"sort_by(|a, b| a.partial_cmp(b).unwrap())"
            )
            yield fix("sort-floats", "Sort by `partial_cmp`", 0.5, edit)
    own = sx.enclosing(node, *items.TYPES)
    if own is not None and match.lastindex and match[2]:
        gone = {"Eq": ("Eq", "Ord", "Hash"), "Ord": ("Ord",), "Hash": ("Hash",)}.get(match[2], (match[2],))
        edit2 = items.remove_derives(source, own, *gone)
        yield fix("no-derive", f"Do not derive `{match[2]}` for `{items.name_of(own)}`", 0.35, edit2)


@rule("E0593", "E0631", "E0057")
def adapt_the_closure(context: Context) -> Iterator[Candidate]:
    """A closure with another number or other types of parameters than the caller gives."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    spans = [*sx.labelled(context.diagnostic, "^takes|found signature"), primary]
    closures = (sx.enclosing(source.node_at(s.start, s.end), "closure_expression") for s in spans)
    closure = next((c for c in closures if c is not None), None)
    parameters = closure.child_by_field_name("parameters") if closure is not None else None
    if closure is None or parameters is None:
        return
    listed = [p for p in parameters.named_children if not sx.is_comment(p)]
    if match := re.search(
        r"expected to take (\d+) (?:distinct )?arguments?.*takes (\d+|a single)", context.diagnostic.message
    ):
        wanted = int(match[1])
        if len(listed) == wanted and listed:
            return
        names = [sx.text_of(p) for p in listed][:wanted]
        names += ["_"] * (wanted - len(names))
        edit = sx.replace(source, parameters, f"|{', '.join(names)}|")
        yield fix("closure-parameters", f"Take {wanted} arguments", 0.5, edit)
        if len(listed) > 1 and wanted == 1:
            edit = sx.replace(source, parameters, f"|({', '.join(sx.text_of(p) for p in listed)})|")
            yield fix("closure-tuple", "Take the tuple apart", 0.6, edit)
    else:
        names = [sx.text_of(p.child_by_field_name("pattern") or p) for p in listed]
        plain = sx.replace(source, parameters, f"|{', '.join(names)}|")
        expected = re.search(
            r"expected (?:closure|function) signature `(?:for<[^>]*> )?fn\((.*?)\) -> ", _notes(context)
        )
        types = values.split_types(expected[1]) if expected else []
        if len(types) == len(names) and types and not any(t == "_" for t in types):
            typed = ", ".join(
                f"{n}: {re.sub(chr(39) + r'[a-z]+ ', '', t)}" for n, t in zip(names, types, strict=True)
            )
            edit = sx.replace(source, parameters, f"|{typed}|")
            yield fix("closure-types", f"Take `{', '.join(types)}`", 0.5, edit)
        yield fix("closure-types", "Let the types of the parameters be inferred", 0.45, plain)


def _notes(context: Context) -> str:
    return "\n".join(child.message for child in context.diagnostic.children)


# Trait objects


@rule("E0038")
def allow_trait_objects(context: Context) -> Iterator[Candidate]:
    """What a trait object cannot offer must be kept from it: `where Self: Sized`."""
    edits_by_path: list[Edit] = []
    titles = []
    for span in [s for c in context.diagnostic.children for s in c.spans]:
        if not span.label or "because" not in span.label:
            continue
        source = sx.source_of(context, span)
        node = source.node_at(span.start, span.end) if source is not None else None
        if source is None or node is None:
            continue
        function = sx.enclosing(node, *sx.FUNCTIONS)
        if function is not None:
            edit = _sized(source, function)
            if edit is not None and edit not in edits_by_path:
                edits_by_path.append(edit)
                titles.append(items.name_of(function))
        constant = sx.enclosing(node, "const_item")
        trait = sx.enclosing(node, "trait_item")
        if constant is not None and function is None and trait is not None:
            yield from _method_for_constant(source, trait, constant)
        if function is None and constant is None and trait is not None and sx.text_of(node) == "Sized":
            bounds = trait.child_by_field_name("bounds")
            left = [sx.text_of(b) for b in bounds.named_children if b != node] if bounds is not None else []
            if bounds is not None:
                edit = sx.replace(source, bounds, f": {' + '.join(left)}" if left else "")
                yield fix("unsized", f"Do not require `Sized` of `{items.name_of(trait)}`", 0.45, edit)
    if edits_by_path:
        names = ", ".join(f"`{t}`" for t in titles)
        yield fix("sized", f"Keep {names} out of trait objects", 0.5, *edits_by_path)
    yield from _static_dispatch(context)


def _sized(source: Source, function: Node) -> Edit | None:
    where = next((c for c in function.named_children if c.type == "where_clause"), None)
    if where is not None:
        return sx.after(source, where.named_children[-1], ", Self: Sized")
    body = function.child_by_field_name("body")
    if body is not None:
        return sx.before(source, body, "where Self: Sized ")
    end = function.children[-1] if function.children else None
    if end is not None and sx.text_of(end) == ";":
        return sx.before(source, end, " where Self: Sized")
    return None


def _method_for_constant(source: Source, trait: Node, constant: Node) -> Iterator[Candidate]:
    """An associated constant as a method, here and in the impls."""
    name, type_ = items.name_of(constant), sx.text_of(constant.child_by_field_name("type"))
    method = name.lower()
    edits = []
    for owner in (trait, *sx.items(source, "impl_item")):
        own = items.member(owner, name)
        if own is None or own.type != "const_item":
            continue
        value = own.child_by_field_name("value")
        body = f" {{\n        {sx.text_of(value)}\n    }}" if value is not None else ";"
        edits.append(sx.replace(source, own, f"fn {method}(&self) -> {type_}{body}"))
    yield fix("method", f"Make the constant `{name}` a method", 0.3, *edits)


def _static_dispatch(context: Context) -> Iterator[Candidate]:
    source, node = sx.source_of(context), sx.node_of(context)
    dynamic = sx.enclosing(node, "dynamic_type")
    parameter = sx.enclosing(dynamic, "parameter")
    if source is None or dynamic is None or parameter is None:
        return
    text = re.sub(r"^dyn ", "impl ", sx.text_of(dynamic))
    boxed = sx.enclosing(dynamic, "generic_type")
    if boxed is not None and sx.text_of(boxed).startswith("Box<dyn"):
        yield fix("impl", "Take any type that implements it", 0.3, sx.replace(source, boxed, text))
    else:
        yield fix("impl", "Take any type that implements it", 0.35, sx.replace(source, dynamic, text))


@rule("E0225")
def join_the_traits(context: Context) -> Iterator[Candidate]:
    """A trait object of two traits: declare a trait that needs both."""
    source, node = sx.source_of(context), sx.node_of(context)
    object_ = sx.enclosing(node, "bounded_type", "dynamic_type", "trait_bounds")
    while object_ is not None and object_.parent is not None and object_.parent.type == "bounded_type":
        object_ = object_.parent
    if source is None or object_ is None:
        return
    text = re.sub(r"^dyn\s+", "", sx.text_of(object_))
    parts = [p.strip() for p in text.split("+")]
    auto = ("Send", "Sync", "Unpin", "UnwindSafe", "RefUnwindSafe")
    main = [p for p in parts if items.base_name(p) not in auto and not p.startswith("'")]
    rest = [p for p in parts if p not in main]
    name = "".join(items.base_name(p) for p in main)
    item = sx.enclosing(object_, *sx.ITEMS)
    if len(main) < 2 or item is None or name in items.identifiers(source.root):
        return
    both = " + ".join(main)
    declared = f"trait {name}: {both} {{}}\nimpl<T: {both} + ?Sized> {name} for T {{}}\n"
    new = " + ".join([f"dyn {name}", *rest])
    outer = item
    while outer.parent is not None and outer.parent.type != "source_file":
        outer = sx.enclosing(outer.parent, *sx.ITEMS) or outer.parent
        if outer.type == "mod_item":
            outer = item
            break
    edits = (sx.line_before(source, items.first_line_node(outer), declared), sx.replace(source, object_, new))
    yield fix("joint-trait", f"Declare a trait `{name}` for both", 0.4, *edits)
    kept = " + ".join(["dyn " + main[0], *rest])
    yield fix("one-trait", f"Ask for `{main[0]}` only", 0.12, sx.replace(source, object_, kept))


def _is_number(type_: str) -> bool:
    return bool(values.INTEGER.fullmatch(type_) or values.FLOAT.fullmatch(type_))


@rule("E0191")
def name_the_associated_type(context: Context) -> Iterator[Candidate]:
    """A trait object must say what the trait's associated types are."""
    source = sx.source_of(context)
    if source is None:
        return
    names = re.findall(r"associated types? (.*?) (?:in|must)", context.diagnostic.message)
    name = next(iter(sx.quoted(names[0])), "") if names else ""
    used = [
        sx.text_of(item.child_by_field_name("type"))
        for item in sx.items(source, "type_item")
        if items.name_of(item) == name and sx.enclosing(item.parent, "impl_item") is not None
    ]
    for candidate in rustc.propose(context):
        for n, type_ in enumerate(list(dict.fromkeys([*used, "i32", "String", "()"]))[:4]):
            edits = [evolve(e, text=re.sub(rb"/\* \w+ \*/", type_.encode(), e.text)) for e in candidate.edits]
            yield fix("associated-type", f"Say that `{name}` is `{type_}`", 0.35 - 0.03 * n, *edits)
