"""What a diagnostic speaks of may be defined in another file: rules see such files as if they were one.

Rules look for definitions in the file of the error. For their sake the files that define what the diagnostic
names are laid end to end behind it, each in the module that it is; edits that they propose there are carried
back to the file where they belong. Which files those are is read off `use` and `mod`, so that a large
workspace is not searched.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final

from attrs import evolve, field, frozen

from ..patch.edit import Edit
from ..tools.diagnostic import SYNTAX, Diagnostic
from . import Candidate, Context, Source
from .syntax import Node, items, text_of

MAX_FILES: Final = 3
MAX_BYTES: Final = 300_000
LESS_LIKELY: Final = 0.9
"""By which a prior is less than that of the same fix within one file."""

_OPEN, _CLOSE = b"\npub mod %s {\n", b"\n}\n"
_FOREIGN: Final = frozenset({"std", "core", "alloc", "use", "mod", "pub", "as"})
_USED = re.compile(rb"^\s*(?:pub(?:\([^)]*\))?\s+)?(?:use|mod)\b[^;{]*(?:\{[^;]*)?;", re.MULTILINE)
_MODULES = re.compile(rb"\b[a-z_]\w*(?:\s*::\s*[a-z_]\w*)*")
_NAME = re.compile(r"[A-Za-z_]\w*")
_DEFINED: Final = rb"\b(?:struct|enum|union|trait|fn|mod|const|static|type|macro_rules!)\s+(?:%s)\b"
_ROOTS: Final = ("lib.rs", "main.rs")


@frozen
class Joined:
    """Files laid end to end: the one of the error first, so that offsets in it stay what they are.

    Attributes:
        parts: of each file behind it: where it begins and ends in the whole, and its path.
    """

    path: str
    n_bytes: int
    parts: tuple[tuple[int, int, str], ...]
    text: bytes = field(repr=False)

    def carried_back(self, candidate: Candidate) -> Candidate | None:
        """The candidate with each edit in its own file; None if it could not have been meant so."""
        edits = []
        for edit in candidate.edits:
            found = edit if edit.path != self.path else self._carried_back(edit)
            if found is None:
                return None
            edits.append(found)
        return evolve(candidate, edits=tuple(sorted(edits)), prior=candidate.prior * LESS_LIKELY)

    def _carried_back(self, edit: Edit) -> Edit | None:
        if edit.end <= self.n_bytes:
            return edit
        for start, end, path in self.parts:
            if start <= edit.start and edit.end <= end:
                return Edit(path, edit.start - start, edit.end - start, edit.text)
        return None


def joined(context: Context) -> Joined | None:
    """The file of the error with those that define what it speaks of; None if it stands alone."""
    primary = context.diagnostic.primary
    if primary is None or context.diagnostic.stage == SYNTAX or primary.path not in context.files:
        return None
    text = context.files[primary.path].text
    names = _names(context.diagnostic)
    others = list(_defining(context, primary.path, names)) if names else []
    if not others:
        return None
    parts, whole = [], text
    for path in others:
        modules = _modules_of(path)
        whole += b"".join(_OPEN % name.encode() for name in modules)
        start = len(whole)
        whole += context.files[path].text
        parts.append((start, len(whole), path))
        whole += _CLOSE * len(modules)
    return Joined(primary.path, len(text), tuple(parts), whole)


def _modules_of(path: str) -> list[str]:
    """The modules that a file is, from the crate's root on; a root is one by itself here."""
    parts = PurePosixPath(path).with_suffix("").parts
    inside = parts[parts.index("src") + 1 :] if "src" in parts else parts[-1:]
    names = [name for name in inside if name not in ("mod", "lib", "main") and name.isidentifier()]
    return names or ["root"]


def with_all(context: Context, files: Joined) -> Context:
    """The context in which the file of the error is the joined one."""
    return evolve(context, files=_With(context.files, _source(files.path, files.text)))


@lru_cache(maxsize=8)
def _source(path: str, text: bytes) -> Source:
    """Parsed once for all errors that see the same files."""
    return Source(path, text)


class _With(Mapping[str, Source]):
    """Some files, one of them replaced."""

    def __init__(self, files: Mapping[str, Source], source: Source) -> None:
        self._files, self._source = files, source

    def __getitem__(self, path: str) -> Source:
        return self._source if path == self._source.path else self._files[path]

    def __contains__(self, path: object) -> bool:
        return path in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def definitions(context: Context, name: str) -> list[tuple[str, Node]]:
    """Items of this name in the file of the error and near it, with their files' paths."""
    primary = context.diagnostic.primary
    if primary is None:
        return []
    defined = _defined([name.encode()])
    return [
        (path, item)
        for path in (primary.path, *near(context, primary.path))
        if defined.search((source := context.files[path]).text)
        for item in items(source)
        if text_of(item.child_by_field_name("name")) == name
    ]


def _defined(names: Iterable[bytes]) -> re.Pattern[bytes]:
    """What the definition of one of the names begins with."""
    return re.compile(_DEFINED % b"|".join(sorted(map(re.escape, names))))


def _names(diagnostic: Diagnostic) -> set[bytes]:
    """The names in backquotes that the diagnostic and its notes speak of."""
    said = [diagnostic.message, *(span.label or "" for span in diagnostic.spans)]
    said += [child.message for child in diagnostic.children]
    quoted = (piece for text in said for piece in text.split("`")[1::2])
    return {name.encode() for piece in quoted for name in _NAME.findall(piece)}


def _defining(context: Context, own: str, names: Iterable[bytes]) -> Iterator[str]:
    """Other files of the workspace that define one of the names, the likeliest first."""
    defined = _defined(names)
    found = []
    n_bytes = 0
    for path in near(context, own):
        source = context.files[path]
        n_found = len({match[0] for match in defined.finditer(source.text)})
        if n_found and n_bytes + len(source.text) <= MAX_BYTES:
            n_bytes += len(source.text)
            found.append((-n_found, path))
    return (path for _, path in sorted(found)[:MAX_FILES])


def near(context: Context, own: str) -> list[str]:
    """The files beside `own` that the diagnostic points at, or `use` and `mod` lead to, and the crate's root.

    They are there, but have not been read.
    """
    spoken_of = [span.path for span in context.diagnostic.all_spans()]
    folder = PurePosixPath(own).parent
    root = next((one for one in (folder, *folder.parents) if one.name == "src"), folder)
    inner = folder if PurePosixPath(own).stem in ("lib", "main", "mod") else folder / PurePosixPath(own).stem
    tails = _tails_in(context.files[own].text)
    places = dict.fromkeys(base / tail for base in (root, inner, folder, folder.parent) for tail in tails)
    paths = dict.fromkeys([*spoken_of, *map(str, places), *(str(root / name) for name in _ROOTS)])
    return [path for path in paths if path != own and path in context.files]


@lru_cache(maxsize=8)
def _tails_in(text: bytes) -> tuple[str, ...]:
    """Where the modules that `use` and `mod` name may lie below a folder: once for all errors of a file."""
    found = (
        tail
        for used in _USED.finditer(text)
        for modules in _MODULES.findall(used[0])
        for tail in _tails([one for one in re.findall(r"\w+", modules.decode()) if one not in _FOREIGN])
    )
    return tuple(dict.fromkeys(found))


def _tails(modules: Sequence[str]) -> Iterator[str]:
    """Where the modules of a path may lie below a folder; its first word may be none, nor its last."""
    for first in range(len(modules)):
        for last in range(first + 1, len(modules) + 1):
            stem = "/".join(modules[first:last])
            yield f"{stem}.rs"
            yield f"{stem}/mod.rs"
