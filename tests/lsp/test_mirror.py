"""Positions and the copy of the open documents, in all three encodings, against a slow and simple model."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rusta_server.lsp import convert, jsonrpc
from rusta_server.lsp.mirror import CHANGE, CLOSE, OPEN, Mirror

URI = "file:///tmp/a%20b/%C3%BC.rs"
ENCODINGS = ("utf-8", "utf-16", "utf-32")

# Form feeds and the Unicode separators are line ends for `str.splitlines`, but not for rust-analyzer.
alphabet = st.sampled_from(list("ab \n\n\t\r{}é😀🦀\u2028\x0c\x85中"))
texts = st.text(alphabet, max_size=60)
encodings = st.sampled_from(ENCODINGS)


def position_model(text: str, index: int, encoding: str) -> dict[str, int]:
    """The position of the character at ``index``."""
    before = text[:index]
    line = before.count("\n")
    head = before[before.rfind("\n") + 1 :]
    units = {"utf-8": len(head.encode()), "utf-16": len(head.encode("utf-16-le")) // 2, "utf-32": len(head)}
    return {"line": line, "character": units[encoding]}


def addressable(text: str, index: int) -> bool:
    return text[index - 1 : index + 1] != "\r\n"


@given(texts, st.integers(0, 60), encodings)
def test_offsets_and_positions_are_each_others_inverse(text, at, encoding):
    at = min(at, len(text))
    index = convert.LineIndex(text.encode(), encoding)
    offset = len(text[:at].encode())
    position = index.position(offset)
    assert position == position_model(text, at, encoding)
    if addressable(text, at):
        assert index.offset(position) == offset


@given(texts, st.integers(0, 80), st.integers(0, 80), encodings)
def test_any_position_gives_the_start_of_a_character(text, line, character, encoding):
    data = text.encode()
    offset = convert.LineIndex(data, encoding).offset({"line": line, "character": character})
    data[:offset].decode()
    assert data[:offset].count(b"\n") == min(line, text.count("\n"))


edits = st.lists(st.tuples(st.integers(0, 80), st.integers(0, 80), texts), max_size=6)


@given(texts, edits, encodings)
def test_the_mirror_follows_edits(text, edits, encoding):
    mirror = Mirror(encoding=encoding)
    document = {"uri": URI, "languageId": "rust", "version": 1, "text": text}
    mirror.feed(OPEN, jsonrpc.notification(OPEN, {"textDocument": document}))
    for version, (a, b, new) in enumerate(edits, start=2):
        start, end = sorted((min(a, len(text)), min(b, len(text))))
        while not addressable(text, start):
            start -= 1
        while not addressable(text, end):
            end += 1
        change = {
            "range": {
                "start": position_model(text, start, encoding),
                "end": position_model(text, end, encoding),
            },
            "text": new,
        }
        params = {"textDocument": {"uri": URI, "version": version}, "contentChanges": [change]}
        mirror.feed(CHANGE, jsonrpc.notification(CHANGE, params))
        text = text[:start] + new + text[end:]
    found = mirror.get(URI)
    assert found is not None
    assert found.text == text
    assert found.version == len(edits) + 1


@pytest.mark.parametrize("spelling", [URI, "file:///tmp/a b/ü.rs"])
def test_full_changes_close_and_spellings_of_a_uri(spelling):
    mirror = Mirror()
    document = {"uri": URI, "languageId": "rust", "version": 1, "text": "a"}
    mirror.feed(OPEN, jsonrpc.notification(OPEN, {"textDocument": document}))
    params = {"textDocument": {"uri": spelling, "version": 2}, "contentChanges": [{"text": "b\n"}]}
    mirror.feed(CHANGE, jsonrpc.notification(CHANGE, params))
    found = mirror.get(spelling)
    assert found is not None
    assert (found.text, found.version, found.path) == ("b\n", 2, Path("/tmp/a b/ü.rs"))
    mirror.feed(CLOSE, jsonrpc.notification(CLOSE, {"textDocument": {"uri": spelling}}))
    assert mirror.get(URI) is None
    assert mirror.all() == []


def test_a_broken_notification_costs_only_itself():
    mirror = Mirror()
    mirror.feed(CHANGE, b'{"params": 3}')
    document = {"uri": URI, "languageId": "rust", "version": 1, "text": "a"}
    mirror.feed(OPEN, jsonrpc.notification(OPEN, {"textDocument": document}))
    assert mirror.get(URI) is not None


@pytest.mark.parametrize("path", ["/tmp/a b/ü.rs", "/x/100%;#?.rs", "/plain.rs"])
def test_paths_survive_being_uris(path):
    assert convert.path_of(convert.uri_of(Path(path))) == Path(path)


@pytest.mark.parametrize("uri", ["untitled:Untitled-1", "git:/a.rs", "file://server/share/a.rs"])
def test_other_uris_have_no_path(uri):
    assert convert.path_of(uri) is None
