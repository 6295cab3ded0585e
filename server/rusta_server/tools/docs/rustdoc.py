"""Pages of rustdoc: the items of the standard library, their members, and what their comments say.

An item's section has its declaration and its documentation up to the first heading. Each heading below
(Panics, Errors, Safety, Examples …) is a section ``item/heading``. Methods, fields, variants and associated
items are items of their own. Implementations of a trait are read only where they say something of their own:
``item/impl-PartialOrd-for-Vec<T>``. Left out: what the page repeats from elsewhere, such as methods by Deref,
blanket and auto trait implementations, lists of implementors.
"""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from attrs import define, field
from selectolax.lexbor import LexborHTMLParser, LexborNode

from .links import target
from .page import Part, code, parts
from .schema import Entry

CORPUS = "std"
CRATES = ("std", "core", "alloc", "proc_macro", "test")
# What std re-exports stands under the same path in these; it is read once, as std's.
RE_EXPORTED = ("std", "core", "alloc")
NOT_PAGES = {"all.html"}

_KINDS = {"struct", "enum", "trait", "fn", "constant", "static", "type", "union", "traitalias", "mod"}
# Kinds whose names may also be those of other items get them in their ids.
_MARKED = {"keyword", "primitive", "derive", "attr", "attributes"}
_MEMBER = re.compile(r"(?:method|tymethod|associatedtype|associatedconstant|structfield|variant)\.([^.]+)$")
_REPEATED = ("deref-methods", "synthetic-", "blanket-", "implementors", "foreign-impls", "dyn-compat")
_SELF_TYPE = re.compile(r"(?:&|mut\+|'\w+\+)*(?:(\w+)|([\[(*]))")
_NUMBER = re.compile(r"-\d+$")
_NOT_SLUG = re.compile(r"[^\w]+")


def item_path(page: str) -> str:
    """``std/vec/struct.Vec.html`` -> ``std::vec::Vec``; macros end in ``!``."""
    *modules, file = page.removesuffix(".html").split("/")
    if file == "index":
        return "::".join(modules)
    kind, _, name = file.partition(".")
    if kind == "macro":
        name = name.removesuffix("!") + "!"
    elif kind in _MARKED:
        name = file
    return "::".join([*modules, name])


def parse(page: str, html: bytes) -> list[Entry]:
    """The sections of one page; `page` is its path below the documentation's folder."""
    main = LexborHTMLParser(html).css_first("#main-content")
    if main is None:
        return []
    path = item_path(page)
    item = _Item(path, "item", _title(page, path), "", is_page=True)
    items = [item]
    _read(main, items)
    source = main.css_first(".main-heading a.src")
    href = (source.attributes.get("href") or "") if source is not None else ""
    item.source = href.rpartition("../")[2]
    item.exports = list(_exports(main, page, path))
    return [entry for one in items for entry in _entries(page, one)]


@define
class _Item:
    """An item, member or implementation and the nodes that speak of it."""

    id: str
    kind: str
    title: str
    fragment: str
    is_page: bool = False
    source: str = ""
    exports: list[tuple[str, str]] = field(factory=list)
    head: list[Part] = field(factory=list)
    docs: list[LexborNode] = field(factory=list)
    fragments: list[str] = field(factory=list)


def _read(main: LexborNode, items: list[_Item]) -> None:
    """Add the page's members to `items`, whose first is the page's item."""
    top = items[0]
    repeated = False
    in_trait_impls = False
    for child in main.iter():
        id_ = child.id or ""
        classes = (child.attributes.get("class") or "").split()
        if child.tag == "h2" and "section-header" in classes:
            repeated = id_.startswith(_REPEATED)
            in_trait_impls = id_.startswith("trait-implementations")
            if not repeated:
                top.fragments.append(id_)
        elif repeated or "main-heading" in classes or _heads_repeated(child):
            continue
        elif child.tag == "pre" and "item-decl" in classes:
            top.head.append(Part("code", code(child)))
        elif "item-table" in classes:
            continue  # of a module: names and first sentences of its items, which have their own pages
        elif child.tag == "details" and "top-doc" in classes:
            top.docs += [one for one in child.iter() if "docblock" in (one.attributes.get("class") or "")]
        else:
            _Members(top, items, in_trait_impls).read_one(child)


def _exports(main: LexborNode, page: str, path: str) -> Iterator[tuple[str, str]]:
    """What a module says it re-exports, without pages of its own for it: (path here, page there)."""
    for row in main.css(".item-table.reexports dt"):
        link = row.css("a")[-1:]
        where = target(page, link[0].attributes.get("href") or "") if link else None
        if where is not None and (row.id or "").startswith("reexport."):
            yield f"{path}::{(row.id or '').partition('.')[2]}", where[0]


def _heads_repeated(node: LexborNode) -> bool:
    """Whether this is a part of the page that folds away under a heading, and that heading is such a one."""
    heading = node.css_first("summary > h2") if node.tag == "details" else None
    return heading is not None and (heading.id or "").startswith(_REPEATED)


_NOWHERE = "", "", "", ""  # for what is not to be read


class _Members:
    """Reads a list of members; `now` is the one that is spoken of."""

    def __init__(self, top: _Item, items: list[_Item], in_trait_impls: bool) -> None:
        self._top = top
        self._items = items
        self._in_trait_impls = in_trait_impls
        self._ids = {item.id for item in items}
        self._impl = top
        # A field's documentation is a sibling of the field.
        self._now = top if in_trait_impls else items[-1]

    def read_one(self, child: LexborNode) -> None:
        id_ = child.id or ""
        classes = (child.attributes.get("class") or "").split()
        member = _MEMBER.match(id_) if id_ else None
        if "docblock" in classes:
            self._document(child)
        elif "item-info" in classes:
            self._now.head += parts(child)
        elif member is not None:
            self._open_member(child, id_, _NUMBER.sub("", member[1]))
        elif child.tag == "section" and "impl" in classes:
            self._open_impl(child, _NUMBER.sub("", unquote(id_)), id_)
        elif "sub-variant" in classes:
            self._now.docs.append(child)
        elif child.tag in ("div", "details", "summary", "section", "span"):
            for one in child.iter():
                self.read_one(one)

    def _open_member(self, node: LexborNode, id_: str, name: str) -> None:
        if not self._impl.id:
            self._now = _Item(*_NOWHERE)
            return
        title = f"{self._top.title.rpartition(' ')[2]}::{name}"
        own = f"{self._top.id}::{name}"
        if self._in_trait_impls or own in self._ids:
            # Of a trait, or another inherent one: `*const T` and `*mut T` share a page.
            self._now = _Item(f"{self._impl.id}/{name}", "impl", title, id_, fragments=[id_])
        else:
            self._now = _Item(own, "item", title, id_, fragments=[id_])
            self._ids.add(own)
        self._declare(node)

    def _open_impl(self, node: LexborNode, name: str, id_: str) -> None:
        if self._in_trait_impls and not _is_for(name, self._top.id):
            # `impl From<Vec<T>> for Box<[T]>` stands on Vec's page and on Box's: it is Box's.
            self._impl = self._now = _Item(*_NOWHERE)
            return
        head = node.css_first(".code-header")
        title = f"{self._top.title}: {code(head).splitlines()[0]}" if head is not None else name
        self._impl = self._now = _Item(f"{self._top.id}/{name}", "impl", title, id_, fragments=[id_])
        self._declare(node)

    def _declare(self, node: LexborNode) -> None:
        head = node.css_first(".code-header") or node.css_first("code")
        if head is not None:
            self._now.head.append(Part("code", code(head)))
        for info in node.css(".item-info"):
            self._now.head += parts(info)
        self._items.append(self._now)

    def _document(self, node: LexborNode) -> None:
        # In an implementation: without a paragraph it is the first sentence of the trait's documentation.
        if not self._in_trait_impls or node.css_first("p") is not None:
            self._now.docs.append(node)


def _is_for(name: str, path: str) -> bool:
    """Whether the implementation with this id, ``impl-Trait-for-Type``, is of the item's own type."""
    type_ = name.rpartition("-for-")[2]
    found = _SELF_TYPE.match(type_)
    if found is None:
        return True
    own = path.rpartition("::")[2].rpartition(".")[2]
    outer = found[1] or {"[": "array" if ";" in type_ else "slice", "(": "tuple", "*": "pointer"}[found[2]]
    return outer == own or outer in ("dyn", "fn", "T", "F", "R", "W", "P", "B")


def _entries(page: str, item: _Item) -> Iterator[Entry]:
    if not item.id or (item.kind == "impl" and not item.docs):
        return
    separate = (part for node in item.docs for part in parts(node))
    path = item.id.split("/")[0].split("::")
    if item.is_page:
        item.fragments.append("")
    now = _Section(item.id, item.kind, item.title, item.fragment, tuple(path[:-1]), "", item.fragments)
    now.source, now.exports = item.source, item.exports
    now.parts += item.head
    if item.is_page:
        now.parent = "::".join(path[:-1])
    else:
        now.parent = item.id.rpartition("/")[0] or "::".join(path[:-1])
    above = [now]
    levels = [0]
    seen: dict[str, int] = {}
    for part in separate:
        if part.kind == "heading" and now is above[0] and not now.parts:
            now.parts.append(part)  # a comment that begins with a heading
            now.fragments.append(part.id)
        elif part.kind == "heading":
            entry = _entry(page, now)
            if entry is not None:
                yield entry
            while len(above) > 1 and levels[-1] >= part.level:
                above.pop()
                levels.pop()
            slug = _slug(part.text, seen)
            headings = (*path, *(one.heading for one in above[1:]))
            now = _Section(
                f"{item.id}/{slug}",
                "heading",
                f"{item.title}: {part.text}",
                part.id,
                headings,
                above[-1].id,
                [part.id],
                heading=part.text,
            )
            now.parts.append(part)
            above.append(now)
            levels.append(part.level)
        elif part.kind == "mark":
            now.fragments.append(part.id)
        else:
            now.parts.append(part)
    entry = _entry(page, now)
    if entry is not None:
        yield entry


@define
class _Section:
    id: str
    kind: str
    title: str
    fragment: str
    headings: tuple[str, ...]
    parent: str
    fragments: list[str]
    heading: str = ""
    source: str = ""
    exports: list[tuple[str, str]] = field(factory=list)
    parts: list[Part] = field(factory=list)


def _entry(page: str, section: _Section) -> Entry | None:
    read = [part for part in section.parts if part.text]
    if not read:
        return None
    return Entry(
        corpus=CORPUS,
        id=section.id,
        kind=section.kind,
        title=section.title,
        page=page,
        fragment=section.fragment,
        blocks=tuple((part.kind, part.text) for part in read),
        headings=section.headings,
        parent=section.parent,
        links=tuple(_links(page, read)),
        fragments=tuple(dict.fromkeys(section.fragments)),
        source=section.source,
        exports=tuple(section.exports),
        other_paths=_other_paths(section),
        code=(*section.id.split("/")[0].split("::"), *(term for part in read for term in part.code)),
    )


def _other_paths(section: _Section) -> tuple[str, ...]:
    """``str::len`` for ``std::primitive.str::len``."""
    plain = section.id.replace("::primitive.", "::")
    return (plain,) if section.kind == "item" and plain != section.id else ()


def _links(page: str, read: Iterable[Part]) -> Iterator[tuple[int, str, str, str]]:
    for number, part in enumerate(read):
        for link in part.links:
            where = target(page, link.href)
            if where is not None:
                yield number, *where, link.text


def _title(page: str, path: str) -> str:
    kind = page.rpartition("/")[2].partition(".")[0]
    segments = path.split("::")
    name = segments[-1]
    if kind in _MARKED:
        return f"{kind} {name.partition('.')[2]}"
    if kind == "index":
        return f"module {path}" if len(segments) > 1 else f"crate {path}"
    if kind in ("fn", "constant", "static"):
        return "::".join(segments[-2:])
    return name


def _slug(text: str, seen: dict[str, int]) -> str:
    slug = _NOT_SLUG.sub("-", text.lower()).strip("-") or "section"
    seen[slug] = seen.get(slug, 0) + 1
    return slug if seen[slug] == 1 else f"{slug}-{seen[slug]}"
