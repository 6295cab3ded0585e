"""The Rust listings of a text: the fenced blocks of doc comments and of Markdown pages, as whole programs.

What rustdoc would compile is taken, with the lines it hides from readers, and wrapped as rustdoc wraps it:
see https://doc.rust-lang.org/rustdoc/write-documentation/documentation-tests.html.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import frozen

from .ledger import Entry
from .sources import manifest_of
from .syntax import ITEMS, parse

# What may stand after the fence of a listing that compiles by itself; the edition is read, the rest changes
# nothing.
_HARMLESS: Final = frozenset(["rust", "no_run", "norun", "editable", "mdbook-runnable"])
# What Rust's documentation is written for, unless a listing says otherwise.
_RUST_EDITION: Final = "2021"
_DOC_LINE = re.compile(r"[ \t]*//(?:/|!) ?(.*)")
_FENCE = re.compile(r"(?:> ?)?(\s*)(```+|~~~+)\s*([^`]*)$")
_CRATE_ATTRIBUTE = re.compile(
    r"#!\[.*\]\s*|extern crate [^;]+;\s*|#\[(?:allow|macro_use)[^\]]*\] ?extern crate .*"
)


@frozen
class Listing:
    """A listing as a program: a library crate, or one with a ``main``."""

    text: str
    edition: str


def of_entry(entry: Entry, root: Path) -> Iterator[tuple[str, Listing]]:
    """The listings of the source that lies in ``root``, each with its place: ``PATH#NUMBER``."""
    pages = entry.kind == "docs"
    edition = _RUST_EDITION if entry.kind != "crate" else str(manifest_of(root).get("edition", "2015"))
    for path in sorted((root / "src").rglob("*.md" if pages else "*.rs")):
        if path.is_symlink() or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        place = path.relative_to(root).as_posix()
        for number, listing in enumerate(of_markdown(text, edition) if pages else of_source(text, edition)):
            yield f"{place}#{number}", listing


def of_source(source: str, edition: str) -> Iterator[Listing]:
    """The listings in the ``///`` and ``//!`` comments of a Rust file."""
    block: list[str] = []
    for line in [*source.split("\n"), ""]:
        if (documented := _DOC_LINE.fullmatch(line)) and not line.lstrip().startswith("////"):
            block.append(documented[1])
        elif block:
            yield from of_markdown("\n".join(block), edition)
            block = []


def of_markdown(text: str, edition: str) -> Iterator[Listing]:
    """The listings among the fenced blocks of a Markdown text."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        opened = _FENCE.fullmatch(lines[at])
        at += 1
        if opened is None:
            continue
        quoted = lines[at - 1].startswith(">")
        start = at
        while at < len(lines) and not _closes(lines[at], opened[2], quoted):
            at += 1
        if at == len(lines):
            return  # never closed: nothing that anybody compiles
        code = [_dedented(line, opened[1], quoted) for line in lines[start:at]]
        at += 1
        chosen = _edition(opened[3], edition)
        if chosen is not None and (program := as_program(code)):
            yield Listing(program, chosen)


def as_program(code: list[str]) -> str | None:
    """The lines of a listing as a whole program, or None if it needs an unstable compiler or is empty."""
    shown = [_unhidden(line) for line in code]
    text = "\n".join(shown).strip("\n")
    if not text.strip() or "#![feature" in text or "#![no_std]" in text:
        return None
    root = parse(text.encode()).root_node
    is_whole = {child.type for child in root.named_children} <= ITEMS or re.search(r"\bfn main\b", text)
    if is_whole and not root.has_error:
        return text + "\n"
    # A last expression without a semicolon is right only inside of a function.
    if is_whole or parse(f"fn main() {{\n{text}\n}}".encode()).root_node.has_error:
        return None
    head = [line for line in text.split("\n") if _CRATE_ATTRIBUTE.fullmatch(line)]
    body = [line for line in text.split("\n") if not _CRATE_ATTRIBUTE.fullmatch(line)]
    while body and not body[0].strip():
        body.pop(0)
    # A string over several lines would change if it were indented.
    indent = "" if any("\n" in literal for literal in _strings(text)) else "    "
    inner = [indent + line if line.strip() else "" for line in body]
    if re.search(r"\(\(\)\)\s*$", text):
        error = _error_type(text)
        result = f"fn main() -> Result<(), {error or 'Box<dyn std::error::Error>'}> {{"
        if error:
            inner[-1] = re.sub(r"Ok::<.*>\(\(\)\)", "Ok(())", inner[-1])
        return "\n".join([*head, result, *inner, "}"]) + "\n"
    return "\n".join([*head, "fn main() {", *inner, "}"]) + "\n"


def _strings(text: str) -> Iterator[str]:
    stack = [parse(text.encode()).root_node]
    while stack:
        node = stack.pop()
        if node.type in ("string_literal", "raw_string_literal"):
            yield (node.text or b"").decode(errors="replace")
        else:
            stack.extend(node.children)


def _error_type(text: str) -> str | None:
    named = re.search(r"Ok::<\(\), (.+)>\(\(\)\)\s*$", text)
    return named[1] if named else None


def _closes(line: str, fence: str, quoted: bool) -> bool:
    bare = line.lstrip("> ").strip() if quoted else line.strip()
    return bare.startswith(fence) and not bare.strip(fence[0])


def _dedented(line: str, indent: str, quoted: bool) -> str:
    if quoted:
        line = re.sub(r"^> ?", "", line)
    return line[len(indent) :] if line.startswith(indent) else line.lstrip()


def _edition(info: str, default: str) -> str | None:
    """The edition of a fence's listing; None if it is not Rust, or not meant to compile and be good."""
    edition = default
    for tag in re.split(r"[,\s{}]+", info.strip()):
        if dated := re.fullmatch(r"edition(\d{4})", tag):
            edition = dated[1]
        elif tag and tag not in _HARMLESS:
            return None
    return edition


def _unhidden(line: str) -> str:
    bare = line.lstrip()
    if bare == "#":
        return ""
    if bare.startswith("# "):
        return line[: len(line) - len(bare)] + bare[2:]
    if bare.startswith("##"):
        return line.replace("##", "#", 1)
    return line
