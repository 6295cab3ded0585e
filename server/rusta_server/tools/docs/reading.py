"""A page of the documentation for reading in an editor: its text and shape, nothing active, quotes marked.

What comes out is made of a fixed set of elements and attributes. Scripts, styles, forms and addresses of
other kinds than pages, pictures and the web cannot get through, whatever the page holds.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote as quoted

from attrs import define, field, frozen
from selectolax.lexbor import LexborHTMLParser, LexborNode

from .links import target
from .page import is_unseen

_KEPT = {
    *("a", "abbr", "article", "b", "blockquote", "br", "caption", "code", "dd", "del", "details", "dfn"),
    *("div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img"),
    *("ins", "kbd", "li", "ol", "p", "pre", "q", "s", "samp", "section", "small", "span", "strong", "sub"),
    *("summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul", "var"),
}
_EMPTY = {"br", "hr", "img"}
_DROPPED = {
    *("audio", "base", "canvas", "embed", "form", "frame", "frameset", "iframe", "input", "link", "math"),
    *("meta", "object", "portal", "select", "textarea", "video"),
}
# The colours of rustdoc's own code.
_CLASSES = {
    *("attr", "bool-val", "comment", "doccomment", "kw", "kw-2", "lifetime", "macro", "macro-nonterminal"),
    *("number", "op", "prelude-ty", "prelude-val", "self", "string", "stab", "warning"),
}
_NUMBERS = {"td": ("colspan", "rowspan"), "th": ("colspan", "rowspan"), "ol": ("start",)}
# Quotes fold white space, part the cells of a row and mark what is raised: none of that stands on the page.
_UNQUOTED = re.compile(r"[\s|^]+")


@frozen
class Reading:
    """A page to show.

    Attributes:
        html: what stands in its body; links to other pages are ``file://`` addresses.
        n_marked: how many of the quotes were found; they stand in ``<mark>``, the first has the id
            ``quote``.
    """

    title: str
    html: str = field(repr=False)
    n_marked: int


def read(html: bytes, page: str, folder: Path, *, fragment: str = "", quotes: Sequence[str] = ()) -> Reading:
    """Make a page ready.

    Args:
        page: its path below `folder`, the documentation's.
        fragment: the id of the element from which on quotes are looked for first.
    """
    parser = LexborHTMLParser(html)
    main = parser.css_first("#main-content") or parser.css_first("main") or parser.body
    title = parser.css_first("title")
    pieces = list(_pieces(main, _Place(page, folder))) if main is not None else []
    n_marked = _mark(pieces, fragment, quotes)
    return Reading(
        " ".join(title.text().split()) if title is not None else page,
        "".join(piece.html() for piece in pieces),
        n_marked,
    )


@frozen
class _Place:
    page: str
    folder: Path

    def address(self, href: str) -> str | None:
        """Where a link leads: a page on this machine, the web, or nowhere that is shown."""
        found = target(self.page, href)
        if found is not None:
            path, fragment = found
            file = (self.folder / path).as_uri()
            return f"{file}#{quoted(fragment)}" if fragment else file
        return href if href.startswith(("https://", "http://")) else None


@define
class _Piece:
    """A tag, or a text with what is marked in it.

    Attributes:
        id: of the element that a tag opens.
        marks: the parts that are marked, (start, end, is the first of a quote).
    """

    tag: str = ""
    text: str = ""
    id: str = ""
    marks: list[tuple[int, int, bool]] = field(factory=list)

    def html(self) -> str:
        if not self.text:
            return self.tag
        shown, at = [], 0
        for start, end, is_first in sorted(self.marks):
            if start < at:
                continue  # two quotes share words: they are marked once
            id_ = ' id="quote"' if is_first else ""
            shown += [
                escape(self.text[at:start], quote=False),
                f"<mark{id_}>{escape(self.text[start:end], quote=False)}</mark>",
            ]
            at = end
        return "".join([*shown, escape(self.text[at:], quote=False)])


def _pieces(node: LexborNode, place: _Place) -> Iterator[_Piece]:
    for child in node.iter(include_text=True):
        tag = child.tag or ""
        if tag == "-text":
            yield _Piece(text=child.text_content or "")
        elif tag.startswith("-") or tag in _DROPPED or is_unseen(child):
            continue
        elif tag not in _KEPT:
            yield from _pieces(child, place)
        else:
            attributes = _attributes(tag, child.attributes, place)
            shown = "".join(f' {name}="{escape(value)}"' for name, value in attributes)
            yield _Piece(f"<{tag}{shown}>", id=child.id or "")
            if tag not in _EMPTY:
                yield from _pieces(child, place)
                yield _Piece(f"</{tag}>")


def _attributes(tag: str, given: dict[str, str | None], place: _Place) -> Iterator[tuple[str, str]]:
    if id_ := given.get("id"):
        yield "id", f"at-{id_}"  # apart from the ids of the page that shows it
    classes = [name for name in (given.get("class") or "").split() if name in _CLASSES]
    if classes:
        yield "class", " ".join(classes)
    if tag == "a" and (address := place.address(given.get("href") or "")):
        yield "href", address
    elif tag == "img":
        source = target(place.page, given.get("src") or "")
        if source is not None:
            yield "src", (place.folder / source[0]).as_uri()
        yield "alt", given.get("alt") or ""
    elif tag == "details":
        yield "open", ""
    for name in _NUMBERS.get(tag, ()):
        value = given.get(name) or ""
        if value.isascii() and value.isdigit():
            yield name, value


def _mark(pieces: Sequence[_Piece], fragment: str, quotes: Iterable[str]) -> int:
    """Mark the quotes in the texts; returns how many stand there."""
    starts: list[int] = []
    bare: list[str] = []
    from_ = at = 0
    for piece in pieces:
        if fragment and piece.id == fragment:
            from_ = at
        starts.append(at)
        if piece.text:
            bare.append(_UNQUOTED.sub("", piece.text))
            at += len(bare[-1])
    whole = "".join(bare)
    n_marked = 0
    for quote in dict.fromkeys(quotes):
        wanted = _UNQUOTED.sub("", quote)
        start = whole.find(wanted, from_)
        if start < 0:
            start = whole.find(wanted)
        if not wanted or start < 0:
            continue
        _mark_span(pieces, starts, start, start + len(wanted), is_first=n_marked == 0)
        n_marked += 1
    return n_marked


def _mark_span(
    pieces: Sequence[_Piece], starts: Sequence[int], start: int, end: int, *, is_first: bool
) -> None:
    """Mark the characters between two places, counted without what quotes leave out."""
    for number, (piece, begins) in enumerate(zip(pieces, starts, strict=True)):
        if begins >= end:
            return
        if not piece.text or starts[min(number + 1, len(starts) - 1)] < start:
            continue
        places = [at for at, char in enumerate(piece.text) if not _UNQUOTED.match(char)]
        inside = places[max(start - begins, 0) : max(end - begins, 0)]
        if inside:
            piece.marks.append((inside[0], inside[-1] + 1, is_first))
            is_first = False
