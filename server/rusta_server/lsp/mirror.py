"""A copy of the documents the editor has open, kept off the path of a keystroke.

A document notification is only put into a queue; it is applied when somebody reads the text or when the
connection is idle.
"""

import logging
from collections import deque
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from attrs import define, field, frozen

from .convert import LineIndex, column, path_of, same

log = logging.getLogger(__name__)

OPEN, CHANGE, SAVE, CLOSE = (
    f"textDocument/{name}" for name in ("didOpen", "didChange", "didSave", "didClose")
)
SYNC = frozenset((OPEN, CHANGE, SAVE, CLOSE))
_MAX_PENDING = 1000


@frozen(slots=False)
class OpenDocument:
    """An open document at one version. ``version`` is the editor's."""

    uri: str
    language_id: str
    version: int
    text: str
    encoding: str

    @property
    def path(self) -> Path | None:
        """The file behind it, if there is one."""
        return path_of(self.uri)

    @cached_property
    def index(self) -> LineIndex:
        """Converts positions in this text."""
        return LineIndex(self.text.encode(), self.encoding)


@define
class _Buffer:
    uri: str
    language_id: str
    version: int
    lines: list[str]
    snapshot: OpenDocument | None = None

    def change(self, change: "_Change", encoding: str) -> None:
        if change.range is None:
            self.lines = _lines(change.text)
            return
        start, end = change.range.start, change.range.end
        last = len(self.lines) - 1
        first_line, last_line = min(start.line, last), min(end.line, last)
        before = self.lines[first_line]
        after = self.lines[last_line]
        # Beyond the last line means the end of the text.
        head = before[: column(before, start.character, encoding)] if start.line <= last else before
        tail = after[column(after, end.character, encoding) :] if end.line <= last else ""
        changed = _lines(head + change.text + tail)
        if last_line < last:
            changed.pop()  # the empty rest after the line's own newline
        self.lines[first_line : last_line + 1] = changed


class _Position(msgspec.Struct, gc=False):
    line: int
    character: int


class _Range(msgspec.Struct, gc=False):
    start: _Position
    end: _Position


class _Change(msgspec.Struct, gc=False):
    text: str
    range: _Range | None = None


class _Document(msgspec.Struct, rename="camel"):
    uri: str
    version: int | None = None
    language_id: str = ""
    text: str = ""


class _Params(msgspec.Struct, rename="camel"):
    text_document: _Document
    content_changes: list[_Change] = []


class _Notification(msgspec.Struct):
    params: _Params


_decoder = msgspec.json.Decoder(_Notification)


@define
class Mirror:
    """The open documents. ``encoding`` is rust-analyzer's choice, known before a document opens."""

    encoding: str = "utf-16"
    _documents: dict[str, _Buffer] = field(factory=dict)
    _pending: deque[tuple[str, bytes]] = field(factory=deque)

    def feed(self, method: str, body: bytes) -> None:
        """Note a document notification; costs next to nothing."""
        self._pending.append((method, body))
        if len(self._pending) > _MAX_PENDING:
            self.catch_up()

    def get(self, uri: str) -> OpenDocument | None:
        """The document as the editor has it now; None when it is not open."""
        self.catch_up()
        buffer = self._documents.get(same(uri))
        return None if buffer is None else self._snapshot(buffer)

    def all(self) -> list[OpenDocument]:
        """Every open document, in the order they were opened."""
        self.catch_up()
        return [self._snapshot(buffer) for buffer in self._documents.values()]

    def catch_up(self) -> None:
        """Apply what is in the queue."""
        while self._pending:
            method, body = self._pending.popleft()
            try:
                self._apply(method, _decoder.decode(body).params)
            except Exception:
                log.exception("a %s could not be mirrored", method)

    def _apply(self, method: str, params: _Params) -> None:
        document = params.text_document
        key = same(document.uri)
        if method == OPEN:
            self._documents[key] = _Buffer(
                document.uri, document.language_id, document.version or 0, _lines(document.text)
            )
        elif method == CLOSE:
            self._documents.pop(key, None)
        elif method == CHANGE and (buffer := self._documents.get(key)):
            for change in params.content_changes:
                buffer.change(change, self.encoding)
            buffer.version = buffer.version if document.version is None else document.version
            buffer.snapshot = None

    def _snapshot(self, buffer: _Buffer) -> OpenDocument:
        if buffer.snapshot is None:
            buffer.snapshot = OpenDocument(
                buffer.uri, buffer.language_id, buffer.version, "".join(buffer.lines), self.encoding
            )
        return buffer.snapshot


def did_open(document: OpenDocument) -> dict[str, Any]:
    """The params of a `textDocument/didOpen` that brings someone else up to date."""
    return {
        "textDocument": {
            "uri": document.uri,
            "languageId": document.language_id,
            "version": document.version,
            "text": document.text,
        }
    }


def _lines(text: str) -> list[str]:
    """Split after every newline, as rust-analyzer does; the last line may be empty."""
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + lines[-1:]
