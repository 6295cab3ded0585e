"""Between the bytes Rusta works on and the positions and URIs of LSP."""

from bisect import bisect_right
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

UTF8, UTF16, UTF32 = "utf-8", "utf-16", "utf-32"


class LineIndex:
    """Converts between byte offsets in a text's UTF-8 bytes and LSP positions.

    Lines end at ``\\n`` alone, as rust-analyzer counts them; a ``\\r`` before it is not addressable.
    Positions are plain dicts ``{"line", "character"}``, ready for a message.
    """

    def __init__(self, data: bytes, encoding: str) -> None:
        self.data = data
        self.encoding = encoding
        self._starts = [0]
        at = data.find(b"\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = data.find(b"\n", at + 1)

    def position(self, offset: int) -> dict[str, int]:
        """The position of the byte at ``offset``; clamped to the text and down to a character's start."""
        offset = max(0, min(offset, len(self.data)))
        line = bisect_right(self._starts, offset) - 1
        before = self.data[self._starts[line] : offset].decode("utf-8", "ignore")
        return {"line": line, "character": n_units(before, self.encoding)}

    def offset(self, position: dict[str, Any]) -> int:
        """The byte offset of a position; beyond a line's end means its end, beyond the text its end."""
        line: int = position["line"]
        if line >= len(self._starts):
            return len(self.data)
        start = self._starts[line]
        end = self._starts[line + 1] if line + 1 < len(self._starts) else len(self.data)
        text = self.data[start:end].decode("utf-8", "replace")
        return start + len(text[: column(text, position["character"], self.encoding)].encode())

    def range(self, start: int, end: int) -> dict[str, dict[str, int]]:
        """The range between two byte offsets."""
        return {"start": self.position(start), "end": self.position(end)}

    def span(self, range: dict[str, Any]) -> tuple[int, int]:
        """The byte offsets of a range."""
        return self.offset(range["start"]), self.offset(range["end"])


def n_units(text: str, encoding: str) -> int:
    """The length of ``text`` in code units of ``encoding``."""
    if encoding == UTF32 or text.isascii():
        return len(text)
    if encoding == UTF8:
        return len(text.encode())
    return len(text) + sum(char > "\uffff" for char in text)


def column(line: str, character: int, encoding: str) -> int:
    """The index into ``line`` of an LSP character; a position inside a character means its start."""
    content = line.rstrip("\n")
    if content is not line and content.endswith("\r"):
        content = content[:-1]
    if encoding == UTF32 or content.isascii():
        return max(0, min(character, len(content)))
    if encoding == UTF8:
        return len(content.encode()[: max(0, character)].decode("utf-8", "ignore"))
    return len(content.encode("utf-16-le")[: 2 * max(0, character)].decode("utf-16-le", "ignore"))


def path_of(uri: str) -> Path | None:
    """The file a URI names; None when it names no file on this machine."""
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        return None
    return Path(unquote(parts.path))


def uri_of(path: Path) -> str:
    """The URI of an absolute path, encoded as rust-analyzer encodes it."""
    return "file://" + quote(str(path), safe="/-._~!$&'()*+,;=:@")


def same(uri: str) -> str:
    """A key under which differently encoded spellings of a URI meet."""
    return unquote(uri)
