"""Pages of an mdBook: the Book, the Reference with its rules, the error index, and their like."""

import re
from collections.abc import Iterable, Iterator

from attrs import define, field
from selectolax.lexbor import LexborHTMLParser

from .links import target
from .page import Part, parts
from .schema import Entry

_ERROR_CODE = re.compile(r"E\d{4}$")
_LISTING = "lints/listing/"


def parse(corpus: str, page: str, html: bytes) -> list[Entry]:
    """The sections of one page; `page` is its path below the documentation's folder."""
    main = LexborHTMLParser(html).css_first("main")
    if main is None:
        return []
    book = _Book(corpus, page, page.partition("/")[2].removesuffix(".html"))
    sections = list(_sections(book, parts(main)))
    return [entry for entry in (_entry(book, section) for section in sections) if entry is not None]


@define
class _Book:
    """A page and where it belongs. Headings below level `deepest` do not open a section of their own."""

    corpus: str
    page: str
    page_id: str

    @property
    def deepest(self) -> int:
        if self.corpus == "error_codes":
            return 1  # an error code is one section
        if self.is_listing:
            return 2  # and so is a lint
        return 6

    @property
    def is_listing(self) -> bool:
        return self.corpus == "rustc" and self.page_id.startswith(_LISTING)


@define
class _Open:
    """A section that is being read."""

    id: str
    kind: str
    title: str
    fragment: str
    level: int
    headings: tuple[str, ...] = ()
    parent: str = ""
    is_top: bool = False
    parts: list[Part] = field(factory=list)
    fragments: list[str] = field(factory=list)


def _sections(book: _Book, read: Iterable[Part]) -> Iterator[_Open]:
    top = _Open(book.page_id, "page", "", "", 1, is_top=True)
    above: list[_Open] = [top]  # the open headings, outermost first
    now = top
    for part in read:
        if part.kind == "rule":
            yield now
            inner = above[-1]
            now = _Open(
                part.text,
                "rule",
                inner.title,
                part.id,
                7,
                headings=tuple(one.title for one in above if one.title),
                parent=inner.id,
                fragments=[part.id],
            )
        elif part.kind == "heading" and not top.title:
            # The page's own title; a rule may stand before it.
            if now is not top and not now.parts and not top.parts:
                now.fragments += top.fragments
                now.level, now.is_top, now.headings, now.parent = 1, True, (), ""
                top = above[0] = now
            else:
                top.fragment = part.id
            top.title = part.text
            now.parts.append(part)
            top.fragments.append(part.id)
        elif part.kind == "heading" and part.level > book.deepest:
            now.parts.append(part)
            now.fragments.append(part.id)
        elif part.kind == "heading":
            while len(above) > 1 and above[-1].level >= part.level:
                above.pop()
            heading = _Open(
                f"{book.page_id}/{part.id}" if part.id else book.page_id,
                "heading",
                part.text,
                part.id,
                part.level,
                headings=tuple(one.title for one in above if one.title),
                parent=above[-1].id,
            )
            above.append(heading)
            if now.kind == "rule" and not now.parts:
                # A rule that opens a heading: one section, known by both names.
                heading.id, heading.kind, heading.fragment = now.id, "rule", now.fragment
                heading.fragments = now.fragments
            elif not part.id:
                now.parts.append(part)
                above.pop()
                continue
            else:
                yield now
            now = heading
            now.parts.append(part)
            now.fragments.append(part.id)
        elif part.kind == "mark":
            now.fragments.append(part.id)
        else:
            now.parts.append(part)
            if part.id:
                now.fragments.append(part.id)
    yield now


def _entry(book: _Book, section: _Open) -> Entry | None:
    blocks = tuple((part.kind, part.text) for part in section.parts if part.text)
    if not blocks:
        return None
    id_, kind, title, fragment = section.id, section.kind, section.title, section.fragment
    aliases: list[str] = []
    if kind == "rule":
        aliases = [f"{book.page_id}/{one}" for one in section.fragments if one and not one.startswith("r-")]
        if section.is_top:
            aliases.append(book.page_id)
    if section.is_top and book.corpus == "error_codes" and _ERROR_CODE.match(id_):
        kind, title = "error", id_
    if book.is_listing and section.level == 2:
        kind, title = "lint", title.replace("-", "_")
        aliases.append(title)
    links = tuple(
        (number, *where, link.text)
        for number, part in enumerate(part for part in section.parts if part.text)
        for link in part.links
        if (where := target(book.page, link.href)) is not None
    )
    fragments = dict.fromkeys(one for one in section.fragments if one)
    if section.is_top:
        fragments[""] = None
    return Entry(
        corpus=book.corpus,
        id=id_,
        kind=kind,
        title=title or book.page_id,
        page=book.page,
        fragment=fragment,
        blocks=blocks,
        headings=section.headings,
        parent=section.parent,
        links=links,
        fragments=tuple(fragments),
        aliases=tuple(aliases),
        code=tuple(term for part in section.parts for term in part.code),
    )
