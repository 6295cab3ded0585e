"""Attributes with wrong input, on the wrong thing, or at odds with each other."""

import re
from collections.abc import Iterator

from ...patch.edit import Edit
from .. import Candidate, Context, Source, items
from .. import syntax as sx
from ..syntax import Node
from . import fix, rule

_MALFORMED = [
    "E0452",
    "E0454",
    "E0458",
    "E0459",
    "E0517",
    "E0518",
    "E0534",
    "E0535",
    "E0536",
    "E0537",
    "E0538",
    "E0539",
    "E0541",
    "E0551",
    "E0552",
    "E0554",
    "E0556",
    "E0557",
    "E0565",
    "E0587",
    "E0588",
    "E0589",
    "E0632",
    "E0634",
    "E0635",
    "E0636",
    "E0665",
    "E0692",
    "E0693",
    "E0701",
    "E0710",
    "E0714",
    "E0734",
    "E0736",
    "E0739",
    "E0773",
    "E0774",
    "E0777",
    "E0778",
    "E0779",
    "E0788",
    "E0805",
    "E0084",
    "E0466",
    "E0468",
    "E0469",
    "E0602",
    "E0690",
    "E0691",
    "E0731",
]
_BY_LIKENESS = re.compile(r"valid arguments are (.*)|expected (?:one of|either) (.*)")
_OUTSIDE = ("attribute_item", "inner_attribute_item")


def _attribute(context: Context) -> tuple[Source, Node] | None:
    """The attribute that the diagnostic is about: around a span, or above the item it points at."""
    for span in context.diagnostic.spans:
        source = sx.source_of(context, span)
        node = sx.enclosing(sx.node_of(context, span), *_OUTSIDE)
        if source is not None and node is not None:
            return source, node
    source, item = sx.source_of(context), sx.enclosing(sx.node_of(context), *sx.ITEMS)
    above = items.attributes(item) if item is not None else []
    if source is not None and above:
        return source, next((a for a in above if "repr" in sx.text_of(a)), above[-1])
    return None


@rule(*_MALFORMED, None)
def mend_the_attribute(context: Context) -> Iterator[Candidate]:
    """Input that the attribute does not take: unquote it, keep the first, use a known key, or drop it."""
    found = _attribute(context)
    if found is None or (context.diagnostic.code is None and "attribute" not in context.diagnostic.message):
        return
    source, attribute = found
    text = sx.text_of(attribute)
    name = re.match(r"#!?\[\s*(?:unsafe\()?([\w:]+)", text)
    title = f"Mend the attribute `{name[1]}`" if name else "Mend the attribute"
    for prior, way in _ways(context, text):
        if way != text:
            yield fix("attribute", title, prior, sx.replace(source, attribute, way))
    for child in context.diagnostic.children:
        for span in child.spans:
            if span.replacement and (span.start, span.end) == (attribute.start_byte, attribute.end_byte):
                prior = 0.5 if "(" not in span.replacement else 0.35
                if not re.search(r"<|\.\.\.|/\*", span.replacement):
                    yield fix("attribute", title, prior, sx.replace(source, attribute, span.replacement))
    edit = sx.delete(source, attribute)
    prior = 0.35 if context.diagnostic.code in ("E0774", "E0517", "E0518", "E0739", "E0084", "E0690") else 0.2
    yield fix("remove-attribute", f"Remove `{text.splitlines()[0]}`", prior, edit)


def _ways(context: Context, text: str) -> Iterator[tuple[float, str]]:
    """Other texts for the attribute."""
    head = re.match(r"(#!?\[\s*[\w:]+\s*)\((.*)\)\s*\]$", text, re.S)
    if head is None:
        if match := re.match(r'(#!?\[\s*\w+)\s*=\s*"?(\w+)"?\s*\]$', text):
            yield 0.35, f"{match[1]}({match[2]})]"
            yield 0.3, f"{match[1]}]"
        return
    start, inner = head[1], head[2]
    parts = _split(inner)
    unquoted = [re.sub(r'^b?"([\w:]+)"$', r"\1", p) for p in parts]
    if unquoted != parts:
        yield 0.55, f"{start}({', '.join(unquoted)})]"
    parens = [re.sub(r'^(align|packed)\s*=\s*"?(\d+)"?$', r"\1(\2)", p) for p in parts]
    if parens != parts:
        yield 0.55, f"{start}({', '.join(parens)})]"
    plain = [re.sub(r'=\s*b"', '= "', p) for p in parts]
    if plain != parts:
        yield 0.5, f"{start}({', '.join(plain)})]"
    if not parts:
        yield 0.55, f"{start.rstrip()}]"
    wrong = _wrong_part(context, parts)
    yield from _other_word(context, start, parts, wrong)
    if "name" in context.diagnostic.message and "link" in start:
        filled = [re.sub(r'^name\s*=\s*""$', 'name = "c"', p) for p in parts]
        if filled == parts:
            filled = [*parts, 'name = "c"']
        yield 0.2, f"{start}({', '.join(filled)})]"
    yield from _fewer(start, parts, wrong)


def _split(inner: str) -> list[str]:
    parts, depth, current, quoted = [], 0, "", False
    for character in inner:
        if character == '"':
            quoted = not quoted
        depth += (character in "([") - (character in ")]") if not quoted else 0
        if character == "," and depth == 0 and not quoted:
            parts.append(current.strip())
            current = ""
        else:
            current += character
    return [part for part in [*parts, current.strip()] if re.sub(r"//[^\n]*", "", part).strip()]


def _wrong_part(context: Context, parts: list[str]) -> str | None:
    """The part of the attribute that a span of the diagnostic covers."""
    for span in context.diagnostic.spans:
        source = sx.source_of(context, span)
        text = source.text[span.start : span.end].decode(errors="replace") if source is not None else ""
        for part in parts:
            if text and (part == text or part.endswith(text) or part.startswith(text)):
                return part
    return None


def _other_word(
    context: Context, start: str, parts: list[str], wrong: str | None
) -> Iterator[tuple[float, str]]:
    """The keys or values that the compiler says are valid."""
    labels = [span.label or "" for span in context.diagnostic.spans]
    offered: list[str] = []
    for label in [*labels, *(child.message for child in context.diagnostic.children)]:
        if match := _BY_LIKENESS.search(label):
            offered += re.findall(r'[`"]([\w-]+)[`"]', match[0])
    if wrong is None:
        return
    key = re.match(r"(\w+)\s*=\s*(.*)", wrong, re.S)
    taken = {re.split(r"[ =(]", part)[0] for part in parts}
    for n, word in enumerate([w for w in offered if w not in taken][:4]):
        if key is not None and any(f'"{word}"' in label for label in labels):
            new = f'{key[1]} = "{word}"'
        elif key is not None:
            new = f"{word} = {key[2]}"
        else:
            new = word
        prior = (0.45 if word in ("note", "reason") else 0.35) - 0.03 * n
        yield prior, f"{start}({', '.join(new if p == wrong else p for p in parts)})]"


def _fewer(start: str, parts: list[str], wrong: str | None) -> Iterator[tuple[float, str]]:
    """Without one of the parts that exclude each other."""
    if len(parts) < 2:
        return
    order = [p for p in parts if p == wrong] + [p for p in reversed(parts) if p != wrong]
    for n, part in enumerate(order[:3]):
        position = len(parts) - 1 - parts[::-1].index(part)
        left = parts[:position] + parts[position + 1 :]
        yield 0.4 - 0.04 * n, f"{start}({', '.join(left)})]"


@rule("E0634", "E0587", "E0692", "E0566")
def one_representation(context: Context) -> Iterator[Candidate]:
    """Several `#[repr]` that contradict each other: keep one."""
    source, item = sx.source_of(context), sx.enclosing(sx.node_of(context), *items.TYPES)
    if item is None:
        node = sx.enclosing(sx.node_of(context), "attribute_item")
        while node is not None and node.type not in items.TYPES:
            node = node.next_named_sibling
        item = node
    if source is None or item is None:
        return
    representations = [a for a in items.attributes(item) if sx.text_of(a).startswith("#[repr")]
    for attribute in representations if len(representations) > 1 else ():
        title = f"Remove `{sx.text_of(attribute)}`"
        yield fix("one-repr", title, 0.35, sx.delete(source, attribute))


@rule("E0588")
def not_packed(context: Context) -> Iterator[Candidate]:
    """A packed type cannot hold an aligned one: take `packed` away, or `align`."""
    source, node = sx.source_of(context), sx.node_of(context)
    item = sx.enclosing(node, *items.TYPES)
    if source is None or item is None:
        return
    for other in (item, *_fields(source, item)):
        for attribute in items.attributes(other):
            if re.search(r"repr\(.*(packed|align)", sx.text_of(attribute)):
                title = f"Remove `{sx.text_of(attribute)}` from `{items.name_of(other)}`"
                yield fix("no-repr", title, 0.35, sx.delete(source, attribute))


def _fields(source: Source, item: Node) -> Iterator[Node]:
    body = item.child_by_field_name("body")
    for node in sx.descendants(body, "type_identifier") if body is not None else ():
        own = sx.named_item(source, sx.text_of(node), *items.TYPES)
        if own is not None:
            yield own


@rule("E0690", "E0731")
def transparent_over_one_field(context: Context) -> Iterator[Candidate]:
    """`repr(transparent)` wraps one field: a type parameter beside it is a phantom."""
    source, node = sx.source_of(context), sx.node_of(context)
    item = sx.enclosing(node, *items.TYPES)
    if source is None or item is None:
        return
    names = [p.name for p in items.parameters(item)]
    for field in items.members(item):
        type_ = field.child_by_field_name("type")
        if type_ is not None and sx.text_of(type_) in names:
            edit = sx.replace(source, type_, f"std::marker::PhantomData<{sx.text_of(type_)}>")
            yield fix("phantom", f"Make `{items.name_of(field)}` a `PhantomData`", 0.45, edit)


@rule("E0084")
def a_variant_or_no_repr(context: Context) -> Iterator[Candidate]:
    """An enum without variants has no representation."""
    source, item = sx.source_of(context), sx.enclosing(sx.node_of(context), "enum_item")
    if item is None:
        attribute = sx.enclosing(sx.node_of(context), "attribute_item")
        item = attribute.next_named_sibling if attribute is not None else None
    if source is None or item is None:
        return
    for attribute in items.attributes(item):
        if "repr" in sx.text_of(attribute):
            yield fix("no-repr", f"Remove `{sx.text_of(attribute)}`", 0.4, sx.delete(source, attribute))


@rule(None, "E0433", "E0432")
def unknown_derive(context: Context) -> Iterator[Candidate]:
    """`#[derive]` or an attribute of something that does not exist here."""
    match = re.match(
        r"cannot find (derive macro|attribute) `(\w+)` in this scope", context.diagnostic.message
    )
    source, node = sx.source_of(context), sx.node_of(context)
    attribute = sx.enclosing(node, *_OUTSIDE)
    if match is None or source is None or node is None or attribute is None:
        return
    if match[1] == "attribute":
        known = ("allow", "deny", "derive", "inline", "test", "cfg", "must_use", "deprecated", "repr", "warn")
        for other in items.similar(match[2], known)[:2]:
            yield fix("rename", f"Write `{other}`", 0.5, sx.replace(source, node, other))
        yield fix("remove-attribute", f"Remove `{sx.text_of(attribute)}`", 0.3, sx.delete(source, attribute))
        return
    derivable = ("Debug", "Clone", "Copy", "Default", "PartialEq", "Eq", "Hash", "PartialOrd", "Ord")
    for other in items.similar(match[2], derivable)[:2]:
        yield fix("rename", f"Derive `{other}`", 0.5, sx.replace(source, node, other))
    left = [p for p in re.findall(r"[\w:]+", sx.text_of(attribute))[1:] if items.base_name(p) != match[2]]
    edit = (
        sx.replace(source, attribute, f"#[derive({', '.join(left)})]")
        if left
        else sx.delete(source, attribute)
    )
    yield fix("no-derive", f"Do not derive `{match[2]}`", 0.3, edit)


@rule("E0658", "E0554", "E0635")
def no_unstable_feature(context: Context) -> Iterator[Candidate]:
    """`#![feature]` needs a nightly compiler; remove it where the feature is stable by now."""
    source = sx.source_of(context)
    if source is None:
        return
    for attribute in sx.descendants(source.root, "inner_attribute_item"):
        if "feature" in sx.text_of(attribute):
            edit = sx.delete(source, attribute)
            yield fix("no-feature", f"Remove `{sx.text_of(attribute)}`", 0.4, edit)


@rule("E0753", None)
def inner_comment_first(context: Context) -> Iterator[Candidate]:
    """`//!` documents what it stands in, so it comes first there; elsewhere it is `///`."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    message = context.diagnostic.message
    if source is None or primary is None:
        return
    text = source.text[primary.start : primary.end]
    if context.diagnostic.code == "E0753" or "inner doc comment" in message:
        if text.startswith((b"//!", b"/*!")):
            outer = re.sub(rb"^(\s*//)!", rb"\1/", text, flags=re.M)
            yield fix(
                "outer-doc",
                "Document what follows",
                0.5,
                Edit(source.path, primary.start, primary.end, outer),
            )
            plain = re.sub(rb"^(\s*//)!", rb"\1", text, flags=re.M)
            yield fix(
                "comment",
                "Make it a plain comment",
                0.4,
                Edit(source.path, primary.start, primary.end, plain),
            )
    elif "inner attribute is not permitted" in message and text.startswith(b"#!"):
        outer = b"#" + text[2:]
        yield fix(
            "outer-attribute",
            "Apply it to what follows",
            0.45,
            Edit(source.path, primary.start, primary.end, outer),
        )
        start, end = sx.whole_lines(source, primary.start, primary.end)
        edits = (Edit(source.path, start, end, b""), sx.insert(source, 0, text.decode() + "\n"))
        yield fix("inner-first", "Move it to the top of the file", 0.45, *edits)
    elif message.startswith("expected item after attributes"):
        start, end = sx.whole_lines(source, primary.start, primary.end)
        yield fix("remove-attribute", "Remove the attribute", 0.25, Edit(source.path, start, end, b""))


# Denied lints

_LINTS = [
    "dead_code",
    "unused_variables",
    "unused_mut",
    "unused_imports",
    "unused_assignments",
    "unused_must_use",
    "unreachable_code",
    "unused_macros",
    "unused_labels",
    "non_snake_case",
    "non_camel_case_types",
    "non_upper_case_globals",
    "missing_docs",
    "unreachable_patterns",
    "deprecated",
    "unconditional_recursion",
    "unsafe_code",
    "static_mut_refs",
    "unused_parens",
    "redundant_imports",
    "unused_attributes",
    "unused_doc_comments",
    "improper_ctypes",
    "private_interfaces",
    "private_bounds",
    "overflowing_literals",
    "missing_debug_implementations",
    "trivial_casts",
    "unused_results",
    "unused_qualifications",
    "non_ascii_idents",
    "single_use_lifetimes",
    "elided_lifetimes_in_paths",
    "unused_unsafe",
    "bare_trait_objects",
    "unused_comparisons",
    "unused_allocation",
    "path_statements",
    "unknown_lints",
    "invalid_doc_attributes",
    "arithmetic_overflow",
    "unconditional_panic",
    "unused_crate_dependencies",
    "unnameable_types",
    "async_fn_in_trait",
]


@rule(*_LINTS)
def satisfy_the_lint(context: Context) -> Iterator[Candidate]:
    """A lint that is denied: do what it asks for, or allow it for this item."""
    source, node = sx.source_of(context), sx.node_of(context)
    code, message = context.diagnostic.code, context.diagnostic.message
    if source is None or node is None or code is None:
        return
    name = next(iter(sx.quoted(message)), "")
    if code == "unused_must_use":
        expression = sx.statement(node)
        if expression is not None and sx.text_of(expression).endswith(";"):
            yield fix("let-underscore", "Ignore the value", 0.45, sx.before(source, expression, "let _ = "))
    elif code in ("unused_imports", "redundant_imports"):
        use = sx.enclosing(node, "use_declaration")
        if use is not None and use.child_by_field_name("argument") == node:
            yield fix("remove-import", "Remove the import", 0.5, sx.delete(source, use))
    elif code in ("non_snake_case", "non_upper_case_globals", "non_camel_case_types"):
        yield from _in_style(context, source, name, code)
    elif code == "missing_docs":
        item = sx.enclosing(node, *sx.ITEMS, "field_declaration", "enum_variant", "function_signature_item")
        if item is not None:
            words = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", items.name_of(item)).capitalize()
            head = items.first_line_node(item)
            yield fix(
                "doc", f"Document `{items.name_of(item)}`", 0.3, sx.line_before(source, head, f"/// {words}.")
            )
    elif code == "missing_debug_implementations":
        item = sx.enclosing(node, *items.TYPES)
        if item is not None:
            yield fix("derive", "Derive `Debug`", 0.55, items.add_derives(source, item, "Debug"))
    item = sx.enclosing(node, *sx.ITEMS)
    if item is not None and item.type != "use_declaration":
        edit = sx.line_before(source, items.first_line_node(item), f"#[allow({code})]")
        yield fix("allow", f"Allow `{code}` for `{items.name_of(item)}`", 0.2, edit)


def _in_style(context: Context, source: Source, name: str, code: str) -> Iterator[Candidate]:
    if not name.isidentifier():
        return
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
    new = {
        "non_snake_case": snake,
        "non_upper_case_globals": snake.upper(),
        "non_camel_case_types": "".join(part[:1].upper() + part[1:] for part in name.split("_")),
    }[code]
    kinds = ("identifier", "type_identifier", "field_identifier", "shorthand_field_identifier")
    edits = [sx.replace(source, n, new) for n in sx.descendants(source.root, *kinds) if sx.text_of(n) == name]
    yield fix("rename", f"Call it `{new}`", 0.5, *edits)


@rule("E0754")
def keep_the_name(context: Context) -> Iterator[Candidate]:
    """`#[no_mangle]` needs a name in ASCII."""
    source, item = sx.source_of(context), sx.enclosing(sx.node_of(context), *sx.ITEMS)
    for attribute in items.attributes(item) if source is not None and item is not None else ():
        if "no_mangle" in sx.text_of(attribute) and source is not None:
            yield fix("mangle", f"Remove `{sx.text_of(attribute)}`", 0.3, sx.delete(source, attribute))
