"""What a page of documentation says, read anew from its bytes: nothing here knows the index or its parsers.

The text is all that stands between tags, white space folded, apart from scripts, styles, buttons, drawings.
"""

from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path

from attrs import field, frozen

_SILENT = {"script", "style", "svg", "template", "button"}
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_INLINE = {"a", "abbr", "b", "code", "del", "em", "i", "ins", "kbd", "mark", "q", "s", "small", "span"}
_INLINE |= {"strong", "sub", "sup", "u", "var"}


@frozen
class Page:
    """A page's text and the ids of its elements.

    Attributes:
        texts: the same text three times: as it is, without what is raised (the signs of footnotes), and with
            a ``^`` before what is raised, as in 2^32.
    """

    texts: tuple[str, str, str] = field(repr=False)
    ids: frozenset[str] = field(repr=False)

    def says(self, quote: str) -> bool:
        """Whether the quote stands there, byte for byte once white space is folded.

        A row of a table may be quoted with `` | `` between its cells.
        """
        wanted = fold(quote)
        return any(wanted in text or fold(wanted.replace(" | ", " ")) in text for text in self.texts)


@lru_cache(maxsize=256)
def page(file: Path) -> Page | None:
    """Read a page; None if it is not there."""
    try:
        return read(file.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None


def read(html: str) -> Page:
    """The text and ids of HTML."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    as_is = "".join(text for _, text in reader.pieces)
    without = "".join("" if raised else text for raised, text in reader.pieces)
    marked = "".join(f"^{text}" if raised else text for raised, text in reader.pieces)
    return Page((fold(as_is), fold(without), fold(marked)), frozenset(reader.ids))


def fold(text: str) -> str:
    """One space for all white space between two words."""
    return " ".join(text.split())


class _Reader(HTMLParser):
    """Collects (is raised, text) and ids."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[tuple[bool, str]] = []
        self.ids: set[str] = set()
        self._n_silent = 0
        self._n_raised = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids.update(value for name, value in attrs if name == "id" and value)
        if tag in _VOID:
            self.pieces.append((False, " " if tag in ("br", "hr") else ""))
        elif self._n_silent or tag in _SILENT:
            self._n_silent += 1
        elif tag == "sup":
            self._n_raised += 1
        elif tag not in _INLINE:
            self.pieces.append((False, " "))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids.update(value for name, value in attrs if name == "id" and value)

    def handle_endtag(self, tag: str) -> None:
        if self._n_silent:
            self._n_silent -= tag not in _VOID
        elif tag == "sup":
            self._n_raised = max(self._n_raised - 1, 0)
        elif tag not in _INLINE and tag not in _VOID:
            self.pieces.append((False, " "))

    def handle_data(self, data: str) -> None:
        if not self._n_silent:
            self.pieces.append((self._n_raised > 0, data))
