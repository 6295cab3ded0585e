"""The texts to learn from: the Rust files of admitted sources that teach something and may be taught.

Generated files, tables, vendored copies and Rust's own tests stay out. `gather` counts everything it leaves
out.
"""

import re
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Final

from . import listings, split
from .documents import Document
from .ledger import Entry

MAX_FILE_BYTES: Final = 400_000
MIN_FILE_BYTES: Final = 200

_SOURCE_FOLDERS = frozenset(["src", "examples", "tests", "benches"])
_VENDORED = re.compile(r"(^|/)(vendor(ed)?|third[-_]party|node_modules|target|testdata|test-data|fixtures)/")
_GENERATED_PATH = re.compile(r"(^|/)(auto|generated|bindings|ffi_generated)/|(^|[/_])(tables?|bindings)\.rs$")
_GENERATED_TEXT = re.compile(
    rb"@generated|auto[- ]?(matically )?[- ]?generated|(file|code) (was|is) generated"
    rb"|do not edit|rust-bindgen",
    re.IGNORECASE,
)
_GENERATED_WITHIN = 1500
_MAX_LINE = 3000
# A table of numbers has few letters; repetition compresses away.
_MIN_LETTERS = 0.45
_MIN_COMPRESSED = 0.09
# Of a doc comment longer than this only the first paragraph stays: the model is to learn code.
_DOC_LINES = 3


def gather(
    sources: Path,
    entries: Sequence[Entry],
    held_out: Collection[str],
    counts: Counter[str],
    report: Callable[[str], None],
) -> list[Document]:
    """The documents of all admitted ``entries`` below ``sources``.

    Args:
        counts: told how many files were taken or left out, by reason.
    """
    documents: list[Document] = []
    for entry in sorted(entries, key=lambda entry: (entry.kind, entry.name, entry.version)):
        if not entry.admitted:
            continue
        report(f"reading {entry.folder}")
        root = sources / entry.folder
        for place, listing in listings.of_entry(entry, root) if entry.kind != "crate" else ():
            counts["listings"] += 1
            text = listing.text.encode()
            side = split.of(entry, place, held_out)
            documents.append(Document(entry.sha256, entry.name, place, side, text, listing.edition))
        for path in _files(root, entry):
            content = path.read_bytes()
            reason = unwanted(content)
            counts[reason or "files"] += 1
            if reason is None:
                relative = path.relative_to(root).as_posix()
                side = split.of(entry, relative, held_out)
                documents.append(Document(entry.sha256, entry.name, relative, side, thinned(content)))
    return documents


def unwanted(content: bytes) -> str | None:
    """Why a file teaches little, or None if it is worth reading."""
    if len(content) < MIN_FILE_BYTES:
        return "tiny"
    if len(content) > MAX_FILE_BYTES:
        return "huge"
    if _GENERATED_TEXT.search(content[:_GENERATED_WITHIN]):
        return "generated"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return "not UTF-8"
    if max(map(len, text.split("\n"))) > _MAX_LINE:
        return "overlong lines"
    visible = len(text) - text.count(" ") - text.count("\n") - text.count("\t")
    letters = sum(map(str.isalpha, text))
    if letters < _MIN_LETTERS * visible:
        return "a table"
    if len(zlib.compress(content, 1)) < _MIN_COMPRESSED * len(content):
        return "repetitive"
    return None


def thinned(content: bytes) -> bytes:
    """The file without its opening licence comment; of long doc comments only the first paragraph."""
    lines = content.decode("utf-8").replace("\r\n", "\n").split("\n")
    start = 0
    while start < len(lines) and re.match(r"\s*//(?![/!])", lines[start]):
        start += 1
    if not re.search(r"copyright|licen[sc]e|spdx", "\n".join(lines[:start]), re.IGNORECASE):
        start = 0
    kept: list[str] = []
    at = start
    while at < len(lines):
        end = at
        while end < len(lines) and re.match(r"\s*//[/!]", lines[end]):
            end += 1
        if end - at > _DOC_LINES:
            paragraph = at
            while paragraph < end and not re.fullmatch(r"\s*//[/!]\s*", lines[paragraph]):
                paragraph += 1
            kept += lines[at:paragraph]
        else:
            kept += lines[at : max(end, at + 1)]
        at = max(end, at + 1)
    return "\n".join(kept).strip("\n").encode() + b"\n"


def _files(root: Path, entry: Entry) -> Iterator[Path]:
    """The Rust files of a source that are its own code, in order."""
    if entry.kind == "docs":
        return
    for path in sorted(root.rglob("*.rs")):
        relative = path.relative_to(root).as_posix()
        if path.is_symlink() or not path.is_file():
            continue
        if relative.split("/")[0] not in _SOURCE_FOLDERS:
            continue
        if entry.kind == "std" and (
            not relative.startswith("src/") or re.search(r"(^|/)(tests?|benches)(/|\.rs$)", relative)
        ):
            continue  # Rust's own tests are close kin of the evaluation sets
        if _VENDORED.search(relative) or _GENERATED_PATH.search(relative):
            continue
        if any((parent / "Cargo.toml").exists() for parent in path.parents if root in parent.parents):
            continue  # another package, put inside
        yield path
