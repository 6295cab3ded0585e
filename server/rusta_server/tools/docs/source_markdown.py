"""The Markdown of documentation comments as plain blocks that can be quoted."""

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from attrs import frozen
from markdown_it import MarkdownIt
from markdown_it.token import Token

from .plain import plain, plain_code

# What is longer is cut at a line: nobody is shown the end of it, and reading it all would take seconds.
LONGEST_DOC = 20_000

_RUST = {"", "rust", "no_run", "ignore", "should_panic", "compile_fail", "test_harness"}
# Links to items, which rustdoc knows without a definition: [`Vec`], [Vec::new], [text][Vec].
_ITEM_LINK = re.compile(
    r"\]\[([^\[\]\n]{1,200})\]|\[(`[^`\[\]\n]{1,200}`|[\w:]*::[^\[\]\n]{1,200}|[A-Z]\w*|[\w@:]+(?:\(\)|!))\]"
)


@frozen
class Passage:
    """What stands under one heading.

    Attributes:
        heading: empty for the text before the first one.
        blocks: (kind, text) as `anchor.Block` has them; the heading is the first.
    """

    heading: str
    blocks: tuple[tuple[str, str], ...]


@lru_cache(maxsize=256)
def passages(markdown: str) -> tuple[Passage, ...]:
    """Read a documentation comment; the first passage is the text before the first heading, maybe empty.

    Links and emphasis leave their text, images and HTML leave nothing, Rust code loses its hidden lines.
    """
    result: list[Passage] = []
    heading, blocks = "", list[tuple[str, str]]()
    for kind, text in _blocks(_cut(markdown)):
        if kind == "heading":
            result.append(Passage(heading, tuple(blocks)))
            heading, blocks = text, []
        blocks.append((kind, text))
    return (*result, Passage(heading, tuple(blocks)))


def _blocks(markdown: str) -> Iterator[tuple[str, str]]:
    """The (kind, text) of each block that says something."""
    kind, row = "text", list[str]()
    for token in _parse(markdown):
        if token.type == "heading_open":
            kind = "heading"
        elif token.type == "heading_close":
            kind = "text"
        elif token.type == "tr_open":
            row = []
            kind = "row"
        elif token.type == "tr_close":
            if text := " | ".join(cell for cell in row if cell):
                yield "text", text
            kind = "text"
        elif token.type == "inline":
            text = plain("".join(_inline(token.children or [])))
            if kind == "row":
                row.append(text)
            elif text:
                yield kind, text
        elif token.type in ("fence", "code_block") and (text := plain_code(_shown(token))):
            yield "code", text


def _inline(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("text", "code_inline"):
            yield token.content
        elif token.type in ("softbreak", "hardbreak"):
            yield " "


def _shown(token: Token) -> str:
    """A code block without the lines that rustdoc hides."""
    if not _is_rust(token.info):
        return token.content
    shown = []
    for line in token.content.split("\n"):
        stripped = line.lstrip()
        if stripped == "#" or stripped.startswith("# "):
            continue
        shown.append(line.replace("##", "#", 1) if stripped.startswith("##") else line)
    return "\n".join(shown)


def _is_rust(info: str) -> bool:
    words = re.split(r"[\s,{}]+", info.strip())
    return all(word in _RUST or word.startswith(("edition", "ignore-", "E0", ".")) for word in words)


def _parse(markdown: str) -> list[Token]:
    labels = {label for pair in _ITEM_LINK.findall(markdown) for label in pair if label}
    known = {_normal_label(label): {"href": "", "title": ""} for label in labels}
    return _reader().parse(markdown, {"references": known})


def _normal_label(label: str) -> str:
    return " ".join(label.split()).lower().upper()  # as markdown-it does


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    reader.validateLink = lambda url: True  # type: ignore[method-assign]  # only the link's text is kept
    return reader


def _cut(markdown: str) -> str:
    return markdown if len(markdown) <= LONGEST_DOC else markdown[:LONGEST_DOC].rpartition("\n")[0]
