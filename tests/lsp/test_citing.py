"""What is found at a place without asking rust-analyzer."""

from pathlib import Path

import pytest

from rusta_server.candidates import Source
from rusta_server.lsp import citing
from rusta_server.orchestrator.tokens import token_at

SOURCES = sorted((Path(__file__).parents[1] / "fixtures/crates/semver/src").glob("*.rs"))


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.name)
def test_the_token_is_the_same_when_only_the_item_around_it_is_parsed(file, monkeypatch):
    text = file.read_bytes()
    whole = Source("", text)
    expected = [token_at(whole, offset) for offset in range(0, len(text), 7)]
    monkeypatch.setattr(citing, "_PARSED_WHOLE_N_BYTES", len(text) - 1)
    assert [citing._token(text, offset) for offset in range(0, len(text), 7)] == expected


def test_an_item_that_is_too_big_is_not_parsed(monkeypatch):
    text = b"fn f() {\n" + b"    g();\n" * 20 + b"}\nunsafe fn h() {}\n"
    monkeypatch.setattr(citing, "_PARSED_WHOLE_N_BYTES", 60)
    assert citing._token(text, 1) is None
    assert citing._token(text, text.index(b"unsafe")).text == "unsafe"


@pytest.mark.parametrize(
    ("hover", "item"),
    [
        (
            "\n```rust\ncore::str\n```\n\n```rust\npub fn chars(&self) -> Chars<'_>\n```\n\n---\n\nx",
            "str::chars",
        ),
        (
            "\n```rust\ncore::slice\n```\n\n```rust\nimpl<T> [T]\npub const fn iter(&self)\n```\n",
            "slice::iter",
        ),
        (
            "\n```rust\nalloc::slice\n```\n\n```rust\nimpl<T> [T]\npub fn sort(&mut self)\nwhere\n```",
            "slice::sort",
        ),
        ("\n```rust\ncore::num\n```\n\n```rust\npub const fn pow(self, exp: u32) -> Self\n```\n", None),
        ("\n```rust\nmine::str\n```\n\n```rust\nfn chars()\n```\n", None),
        ("\n```rust\nlet chars: &str\n```", None),
    ],
)
def test_methods_of_primitive_types(hover, item):
    found = citing.method_of_primitive({"contents": {"kind": "markdown", "value": hover}})
    assert found == (item and f"std::primitive.{item}")
    assert citing.method_of_primitive(None) is None


def test_plain_text_hovers_name_methods_of_primitive_types_too():
    hover = "core::str\n\npub fn chars(&self) -> Chars<'_>\n\nReturns an iterator"
    found = citing.method_of_primitive({"contents": {"kind": "plaintext", "value": hover}})
    assert found == "std::primitive.str::chars"
