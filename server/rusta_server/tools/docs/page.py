"""What a page of HTML says: headings, rules, paragraphs, list items, table rows and code, in reading order.

White space is folded outside code. What a reader does not see is left out: buttons, anchors' signs, hidden
lines of examples, diagrams.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from attrs import field, frozen
from selectolax.lexbor import LexborNode

_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_UNSEEN = {
    "script",
    "style",
    "button",
    "svg",
    "template",
    "nav",
    "wbr",
    "rustdoc-toolbar",
    "noscript",
    "head",
}
_UNSEEN_CLASSES = {
    "doc-anchor",  # the § of rustdoc
    "anchor",
    "test-arrow",
    "tooltip",
    "src",
    "rightside",
    "out-of-band",
    "buttons",
    "grammar-railroad",
    "rule-link",
    "footnote-reference",
    "boring",  # lines of an example that the page hides
    "hideme",  # "Expand description"
    "item-spotlight",
    "emoji",
    "type-contents-toggle",  # a trait's methods, folded away in its declaration
}
_INLINE = {
    "a",
    "abbr",
    "b",
    "bdo",
    "br",
    "cite",
    "code",
    "del",
    "dfn",
    "em",
    "i",
    "img",
    "input",
    "ins",
    "kbd",
    "label",
    "mark",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "time",
    "tt",
    "u",
    "var",
}


@frozen
class Link:
    """A link as the page has it: where it points to (not resolved) and its own words."""

    href: str
    text: str


@frozen
class Part:
    """One element in reading order.

    Attributes:
        kind: ``text``, ``code``, ``heading``, ``rule`` (its id is the text) or ``mark`` (an id, no text).
        id: the element's own id, where it has one.
        level: of a heading, 1 to 6; otherwise 0.
        code: its pieces of inline code.
    """

    kind: str
    text: str
    id: str = ""
    level: int = 0
    links: tuple[Link, ...] = field(default=(), repr=False)
    code: tuple[str, ...] = field(default=(), repr=False)


# Takes a node over from `parts`: what it yields stands for the node; None leaves the node to `parts`.
Special: TypeAlias = Callable[[LexborNode], Iterator[Part] | None]


def parts(container: LexborNode, special: Special | None = None) -> Iterator[Part]:
    """Everything that is read in `container`, outermost first and in order."""
    run = _Run()
    for child in container.iter(include_text=True):
        tag = child.tag
        if tag == "-text":
            run.add(child.text_content or "")
            continue
        if tag == "-comment" or is_unseen(child):
            continue
        if tag in _INLINE and not _holds_block(child):
            run.add_inline(child)
            continue
        taken = special(child) if special else None
        yield from run.flush()
        if taken is not None:
            yield from taken
        else:
            yield from _block(child, special)
    yield from run.flush()


def _block(node: LexborNode, special: Special | None) -> Iterator[Part]:
    tag = node.tag or ""
    id_ = node.id or ""
    if tag in _HEADINGS:
        run = _Run()
        run.add_inline(node)
        text = run.text()
        if text:
            yield Part(
                "heading", text, id_ or _inner_id(node), int(tag[1]), tuple(run.links), tuple(run.code)
            )
        return
    if tag == "pre":
        yield Part("code", code(node), id_)
        return
    classes = (node.attributes.get("class") or "").split()
    if "rule" in classes and id_.startswith("r-"):
        yield Part("rule", id_[2:], id_)
        return
    if "grammar-container" in classes:
        yield Part("code", _grammar(node), id_)
        return
    if id_:
        yield Part("mark", "", id_)
    if tag == "tr":
        cells = [_cell(cell) for cell in node.iter() if cell.tag in ("td", "th")]
        links = tuple(link for cell in cells for link in cell.links)
        terms = tuple(term for cell in cells for term in cell.code)
        texts = (cell.text() for cell in cells)
        yield Part("text", " | ".join(text for text in texts if text), id_, links=links, code=terms)
        return
    yield from parts(node, special)


def is_unseen(node: LexborNode) -> bool:
    """Whether a reader of the page does not see this node, or should not."""
    if node.tag in _UNSEEN:
        return True
    attributes = node.attributes
    classes = attributes.get("class")
    if classes and not _UNSEEN_CLASSES.isdisjoint(classes.split()):
        return True
    return "hidden" in attributes


def code(node: LexborNode) -> str:
    """The text of a code block, with its white space and without lines that the page hides."""
    pieces: list[str] = []
    _code_into(node, pieces)
    text = "".join(pieces).replace("\xa0", " ")
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


def inline_text(node: LexborNode) -> str:
    """All of a node's text on one line."""
    run = _Run()
    run.add_inline(node)
    return run.text()


class _Run:
    """Inline text that is being collected for one block."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.links: list[Link] = []
        self.code: list[str] = []

    def add(self, text: str) -> None:
        self.pieces.append(text)

    def add_inline(self, node: LexborNode) -> None:
        tag = node.tag
        if tag == "br":
            self.pieces.append(" ")
            return
        if tag == "a":
            start = len(self.pieces)
            self._add_children(node)
            href = node.attributes.get("href")
            text = _fold("".join(self.pieces[start:]))
            if href and text:
                self.links.append(Link(href, text))
            return
        if tag == "sup":
            start = len(self.pieces)
            self._add_children(node)
            self.pieces[start:] = [_raised("".join(self.pieces[start:]))]
            return
        start = len(self.pieces)
        self._add_children(node)
        if tag == "code":
            self.code.append("".join(self.pieces[start:]))

    def _add_children(self, node: LexborNode) -> None:
        for child in node.iter(include_text=True):
            if child.tag == "-text":
                self.pieces.append(child.text_content or "")
            elif child.tag != "-comment" and not is_unseen(child):
                self.add_inline(child)

    def text(self) -> str:
        return _fold("".join(self.pieces))

    def flush(self) -> Iterator[Part]:
        text = self.text()
        links, code = tuple(self.links), tuple(self.code)
        self.pieces, self.links, self.code = [], [], []
        if text:
            yield Part("text", text, links=links, code=code)


def _fold(text: str) -> str:
    return " ".join(text.split())


def _raised(text: str) -> str:
    """A superscript on the line: 2^32 must not become 232."""
    words = text.split()
    if not words or not words[0].lstrip("-−+")[:1].isalnum() or words[0] in ("st", "nd", "rd", "th"):
        return text
    return f"^{words[0]}" if len(words) == 1 else f"^({' '.join(words)})"


def _cell(node: LexborNode) -> _Run:
    run = _Run()
    for part in parts(node):
        run.pieces += [part.text, " "]
        run.links += part.links
        run.code += part.code
    return run


def _code_into(node: LexborNode, pieces: list[str]) -> None:
    for child in node.iter(include_text=True):
        if child.tag == "-text":
            pieces.append(child.text_content or "")
        elif child.tag == "br":
            pieces.append("\n")
        elif child.tag == "div":
            pieces.append("\n")  # a `where` on lines of its own
            _code_into(child, pieces)
            pieces.append("\n")
        elif child.tag != "-comment" and not is_unseen(child):
            _code_into(child, pieces)


def _grammar(node: LexborNode) -> str:
    pieces: list[str] = []
    for paragraph in node.iter():
        if not is_unseen(paragraph):
            _grammar_into(paragraph, pieces)
            pieces.append("\n")
    lines = "".join(pieces).replace("\xa0", " ").split("\n")
    kept = [line.rstrip() for line in lines if line.strip() and line.strip() != "Syntax"]
    return "\n".join(kept)


def _grammar_into(node: LexborNode, pieces: list[str]) -> None:
    for child in node.iter(include_text=True):
        if child.tag == "-text":
            pieces.append((child.text_content or "").replace("\n", ""))
        elif child.tag == "br":
            pieces.append("\n")
        elif child.tag != "-comment" and not is_unseen(child):
            _grammar_into(child, pieces)


def _holds_block(node: LexborNode) -> bool:
    """Whether an inline element wraps a block, which HTML allows for links and browsers for all."""
    return any(child.tag in ("p", "pre", "div", "ul", "ol", "table") for child in node.iter())


def _inner_id(node: LexborNode) -> str:
    """The id of the anchor in a heading: `<h2><a id="drop"></a>…`."""
    for child in node.iter():
        if child.tag == "a" and child.id:
            return child.id
    return ""
