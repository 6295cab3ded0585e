"""Small whole programs cut out of crates: an item with everything of its crate that it needs.

What such a program needs besides is std: whether it compiles alone, the compiler says. So real code is had in
pieces that can be broken and checked in a tenth of a second, also from the crates that are held out.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import tree_sitter
from attrs import evolve, frozen

from .listings import Listing
from .sources import manifest_of
from .syntax import parse

MIN_BYTES: Final = 200
MAX_BYTES: Final = 3_000
MAX_PER_FILE: Final = 12

_STD_ROOTS = frozenset(["std", "core", "alloc"])
_LOCAL_ROOTS = frozenset(["crate", "self", "super"])
# Traits whose methods are called without the trait being named.
_METHOD_TRAITS = frozenset(["Borrow", "BufRead", "FromStr", "Hash", "Hasher", "Read", "Seek", "Write"])
_STD_DERIVES = frozenset(
    ["Clone", "Copy", "Debug", "Default", "Eq", "Hash", "Ord", "PartialEq", "PartialOrd"]
)
_NAMES = frozenset(["identifier", "type_identifier"])
_DEFINITIONS = frozenset(
    [
        "const_item",
        "enum_item",
        "function_item",
        "macro_definition",
        "static_item",
        "struct_item",
        "trait_item",
        "type_item",
        "union_item",
    ]
)
# Attributes that mean nothing outside of their crate, or need what is not there.
_FOREIGN_ATTRIBUTE = re.compile(
    r"cfg|serde|error|test\b|bench|no_mangle|link|rustc_|stable\b|unstable|lang\b|macro_export"
)
_ELSEWHERE = re.compile(r"\b(?:crate|super)::|\$crate|\bpub\((?:super|in)\b|\bunsafe extern\b|\bextern \"")


@frozen
class _Item:
    """A top-level item with its attributes and a short doc comment.

    Attributes:
        defines: the name by which others need it; of an ``impl`` none.
        belongs_to: of an ``impl`` the type that it is for.
        mentions: every name in it.
        is_seed: it does something, so that a program may be grown from it.
    """

    place: tuple[int, int]
    text: str
    defines: str
    belongs_to: str
    mentions: frozenset[str]
    is_seed: bool


@frozen
class _File:
    """A file's items, and the names that its ``use`` declarations bring: from std, its crate, other crates.

    Attributes:
        std: names to declarations that bring them.
        unknown: the names that nothing here can supply.
    """

    items: tuple[_Item, ...]
    defined: Mapping[str, _Item]
    std: Mapping[str, str]
    local: frozenset[str]
    unknown: frozenset[str]


def of_crate(root: Path) -> Iterator[tuple[str, Listing]]:
    """The excerpts of a crate's own sources, each with its place: ``PATH#NUMBER``."""
    edition = str(manifest_of(root).get("edition", "2015"))
    paths = [
        path for path in sorted((root / "src").rglob("*.rs")) if path.is_file() and not path.is_symlink()
    ]
    sources = [path.read_text(encoding="utf-8", errors="replace") for path in paths]
    for number, programs in enumerate(of_sources(sources)):
        for place, text in enumerate(programs):
            yield f"{paths[number].relative_to(root).as_posix()}#{place}", Listing(text, edition)


def of_sources(sources: Sequence[str]) -> Iterator[list[str]]:
    """For each file of a crate the programs out of it, the largest first that are not too large.

    What a file imports from elsewhere in the crate is followed if only one item of the crate has that name.
    No program of a file is contained in another one.
    """
    files = [_file(number, source) for number, source in enumerate(sources)]
    definitions = Counter(name for file in files for name in file.defined)
    files = [
        evolve(file, unknown=file.unknown | {name for name in file.local if definitions[name] != 1})
        for file in files
    ]
    homes = {name: file for file in files for name in file.defined if definitions[name] == 1}
    for file in files:
        grown = []
        for seed in file.items:
            if seed.is_seed and (program := _grow(seed, file, homes)) is not None:
                text, places = program
                if len(text) >= MIN_BYTES:
                    grown.append((text, seed.place, places))
        grown.sort(key=lambda program: (-len(program[0]), program[1]))
        covered: set[tuple[int, int]] = set()
        given: list[str] = []
        for text, seed_place, places in grown:
            if seed_place not in covered and len(given) < MAX_PER_FILE:
                covered |= places
                given.append(text)
        yield given


def _grow(
    seed: _Item, home: _File, homes: Mapping[str, _File]
) -> tuple[str, frozenset[tuple[int, int]]] | None:
    """The seed with what it mentions, what that mentions, …, and the ``impl`` blocks of the types among them.

    None if that is too large, or needs what is neither in the crate nor in std, or two names are one.
    """
    taken: dict[tuple[int, int], _Item] = {}
    uses: dict[str, str] = {}
    size = 0
    pending = [(seed, home)]
    while pending:
        item, file = pending.pop()
        if item.place in taken:
            continue
        taken[item.place] = item
        size += len(item.text)
        if size > MAX_BYTES:
            return None
        for name in item.mentions:
            if name in file.defined:
                pending.append((file.defined[name], file))
            elif name in file.local and name in homes:
                pending.append((homes[name].defined[name], homes[name]))
            elif name in file.unknown:
                return None
        for name, use in file.std.items():
            # A trait may be used by its methods, without being named.
            is_used = name in item.mentions or name in _METHOD_TRAITS or use.endswith((" as _;", "::*;"))
            if is_used and uses.setdefault(name, use) != use:
                return None
        if item.defines:
            # What a type can do is added as far as it fits and needs nothing of other crates.
            for other in file.items:
                is_its = other.belongs_to == item.defines and not other.mentions & file.unknown
                if is_its and size + len(other.text) <= MAX_BYTES:
                    pending.append((other, file))
    names = [item.defines for item in taken.values() if item.defines]
    if len(set(names)) < len(names) or not set(names).isdisjoint(uses):
        return None
    head = "".join(f"{use}\n" for use in sorted(set(uses.values())))
    body = "\n\n".join(taken[place].text for place in sorted(taken))
    text = (head + "\n" if head else "") + body + "\n"
    return (text, frozenset(taken)) if len(text) <= MAX_BYTES else None


def _file(number: int, source: str) -> _File:
    root = parse(source.encode()).root_node
    if root.has_error:
        return _File((), {}, {}, frozenset(), frozenset())
    std, local, foreign = _imports(root)
    items = tuple(_items(number, root))
    return _File(items, {item.defines: item for item in items if item.defines}, std, local, foreign)


def _imports(root: tree_sitter.Node) -> tuple[dict[str, str], frozenset[str], frozenset[str]]:
    """The names that ``use`` declarations bring: from std (each with one), from the crate, from others."""
    std: dict[str, str] = {}
    local: set[str] = set()
    foreign: set[str] = set()
    for node in root.named_children:
        argument = node.child_by_field_name("argument") if node.type == "use_declaration" else None
        for name, path in _leaves(argument, "") if argument is not None else ():
            first, _, rest = path.partition("::")
            if first in _LOCAL_ROOTS:
                local.add(name)
            elif first not in _STD_ROOTS:
                foreign.add(name)
            else:
                path = f"std::{rest}" if first == "alloc" else path
                key = path if name in ("_", "*") else name
                is_plain = path.rpartition("::")[2] == name
                std[key] = f"use {path};" if is_plain else f"use {path} as {name};"
    return std, frozenset(local), frozenset(foreign)


def _leaves(node: tree_sitter.Node, prefix: str) -> Iterator[tuple[str, str]]:
    """The (name, full path) pairs that a ``use`` tree brings into sight."""

    def joined(part: tree_sitter.Node | None) -> str:
        text = (part.text or b"").decode() if part is not None else ""
        return f"{prefix}::{text}" if prefix and text else prefix or text

    if node.type == "use_list":
        for child in node.named_children:
            if child.type == "self":
                yield prefix.rpartition("::")[2], prefix
            elif child.type not in ("line_comment", "block_comment"):
                yield from _leaves(child, prefix)
    elif node.type == "scoped_use_list":
        inner = node.child_by_field_name("list")
        if inner is not None:
            yield from _leaves(inner, joined(node.child_by_field_name("path")))
    elif node.type == "use_as_clause":
        alias = node.child_by_field_name("alias")
        if alias is not None:
            yield (alias.text or b"").decode(), joined(node.child_by_field_name("path"))
    else:
        yield joined(node).rpartition("::")[2], joined(node)


def _items(number: int, root: tree_sitter.Node) -> Iterator[_Item]:
    """The items of a file that may stand elsewhere, with their attributes and a line of documentation."""
    attributes: list[str] = []
    docs: list[str] = []
    is_foreign = False
    for node in root.named_children:
        text = (node.text or b"").decode()
        if node.type == "attribute_item":
            kept = _attribute(text)
            is_foreign = is_foreign or kept is None
            attributes += [kept] if kept else []
            continue
        if node.type == "line_comment":
            docs = [*docs, text.rstrip()] if text.startswith("///") else []
            continue
        if (node.type in _DEFINITIONS or node.type == "impl_item") and not is_foreign:
            short = docs[: docs.index("///")] if "///" in docs else docs
            whole = "\n".join([*short[:3], *attributes, text])
            if not _ELSEWHERE.search(whole) and len(whole) <= MAX_BYTES:
                name, owner = node.child_by_field_name("name"), ""
                if node.type == "impl_item":
                    owner = _head(node.child_by_field_name("type"))
                yield _Item(
                    (number, node.start_byte),
                    re.sub(r"\balloc::", "std::", whole),
                    (name.text or b"").decode() if name is not None else "",
                    owner,
                    frozenset(_mentions(node)),
                    node.type in ("function_item", "impl_item", "trait_item"),
                )
        attributes, docs, is_foreign = [], [], False


def _attribute(text: str) -> str | None:
    """The attribute as it may stand elsewhere; empty if it should go, None if its item should."""
    if derive := re.fullmatch(r"#\[derive\((.*)\)\]", text, re.DOTALL):
        kept = [name.strip() for name in derive[1].split(",") if name.strip() in _STD_DERIVES]
        return f"#[derive({', '.join(kept)})]" if kept else ""
    return None if _FOREIGN_ATTRIBUTE.search(text) else text


def _head(node: tree_sitter.Node | None) -> str:
    """The name of a type without its arguments."""
    while node is not None and node.type in ("generic_type", "reference_type"):
        node = node.child_by_field_name("type")
    return (node.text or b"").decode() if node is not None else ""


def _mentions(node: tree_sitter.Node) -> Iterator[str]:
    stack = [node]
    while stack:
        inner = stack.pop()
        if inner.type in _NAMES:
            yield (inner.text or b"").decode()
        stack.extend(inner.named_children)
