"""Anchors into Rust sources: the user's repository and the doc comments of its dependencies.

Ids are item paths as far as files tell them: ``semver::Version::parse``, and for what stands under a
heading ``semver::Version::parse/errors``. Where two items share a path (two impls of a trait with different
arguments, two `cfg`s) both have that id, and the quote decides.
"""

import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from attrs import field, frozen

from .anchor import ORPHAN, Anchor, Resolution, Section, State, anchor, resolve_in, section
from .resolve import quote_with
from .source_items import LARGEST_FILE_BYTES, Item, items, normal
from .source_markdown import passages
from .source_packages import Package, is_of_toolchain, module_path, package_of

_MOST_FILES = 20_000
_LONGEST_SEARCH_S = 5.0
_SKIPPED = {"target", "node_modules"}


@frozen
class Sources:
    """Where sources are.

    Attributes:
        workspace: the user's own folders, absolute.
        crates: folders of dependencies by ``NAME@VERSION``, as `cargo metadata` reports them. Needed to
            find an anchor whose link leads nowhere, or of which only the id is known.
        unsaved: the texts of files that are open in the editor.
    """

    workspace: tuple[Path, ...]
    crates: Mapping[str, Path] = field(factory=dict)
    unsaved: Mapping[Path, bytes] = field(factory=dict, repr=False)


def doc_at(sources: Sources, path: Path, line: int, column: int | None = None) -> Section | None:
    """What is written of the item whose definition stands there, up to the first heading.

    See `sections_at`.
    """
    return next(iter(sections_at(sources, path, line, column)), None)


def sections_at(sources: Sources, path: Path, line: int, column: int | None = None) -> tuple[Section, ...]:
    """What is written of the item whose definition stands there, then what stands under each heading.

    The first section of an item without text is its signature, as code. Empty if there is no item, or the
    file is no readable Rust file of moderate size, or one of the standard library (which is the corpus
    ``std``).

    Args:
        path: absolute.
        line, column: of the item's name, both from 1, the column in UTF-16 units; without a column, of the
            first item that is named on that line. The very start of a file is its module.
    """
    source = _read(sources, path)
    found = _named_at(items(source), line, column) if source else None
    owner = _owner(sources, path) if found else None
    return _sections(found, path, owner) if found and owner else ()


def resolve(anchor_: Anchor, sources: Sources) -> Resolution:
    """Where the span of a ``repo@`` or ``crate:`` anchor is now.

    Looks in the file of its link, then for its id in all files of the workspace or crate. If its file is gone
    and exactly one item of that name elsewhere says the very words, the file was renamed.
    """
    corpus, wanted, file = anchor_.corpus.partition("@")[0], anchor_.structural_id, _path_of(anchor_.link)
    found = _best(anchor_, _matching(sources, file, corpus, wanted))
    if found.state is not State.ORPHAN:
        return found
    anywhere = [one for other in _files(sources, corpus) for one in _matching(sources, other, corpus, wanted)]
    found = _best(anchor_, anywhere)
    moved = [one for one in anywhere if anchor_.quote in one.text]
    if found.state is State.ORPHAN and len(moved) == 1 and _read(sources, file) is None:
        return resolve_in(anchor_, moved[0])
    return found


def by_id(id: str, sources: Sources) -> Anchor | None:
    """The anchor of a printable id, ``repo/semver::Version::parse#1a2b3c4d``; None if it is nowhere."""
    place, _, digest = id.rpartition("#")
    corpus, _, structural_id = place.partition("/")
    if len(digest) < 8 or not structural_id:
        return None
    for file in _files(sources, corpus):
        for found in _matching(sources, file, corpus, structural_id):
            quote = quote_with(found, digest) if found.id == structural_id else None
            if quote is not None:
                return anchor(found, quote[0], near=quote[1])
    return None


def section_of(anchor_: Anchor, sources: Sources) -> Section | None:
    """The section around the anchor's span, if that is where its link says."""
    corpus, id = anchor_.corpus.partition("@")[0], anchor_.structural_id
    found = _matching(sources, _path_of(anchor_.link), corpus, id)
    return next((one for one in found if one.id == id and anchor_.quote in one.text), None)


@frozen
class _Owner:
    """Whose a file is: its corpus, the path of its module, and where its documentation is on the web."""

    corpus: str
    module: tuple[str, ...]
    web: str | None


def _owner(sources: Sources, path: Path) -> _Owner | None:
    package = package_of(path)
    if package and is_of_toolchain(package):
        return None
    module = module_path(path, package) if package else (path.stem,)
    if _is_own(sources, path, package):
        return _Owner("repo@-", module, None)
    if package is None:
        return None
    web = f"https://docs.rs/{package.name}/{package.version}/" if package.is_fetched else None
    return _Owner(f"crate:{package.name}@{package.version}", module, web)


def _is_own(sources: Sources, path: Path, package: Package | None) -> bool:
    """Whether the user wrote it: in a folder of theirs, and not a copy of a dependency."""
    if package and package.is_fetched:
        return False
    return any(
        path.is_relative_to(folder) or path.resolve().is_relative_to(folder.resolve())
        for folder in sources.workspace
    )


def _read(sources: Sources, path: Path | None) -> bytes | None:
    """The normalized text of a Rust file; None if it cannot be read, or is too large."""
    if path is None:
        return None
    try:
        unsaved = sources.unsaved.get(path) or sources.unsaved.get(path.resolve())
        if unsaved:
            return normal(unsaved) if len(unsaved) <= LARGEST_FILE_BYTES else None
        if path.suffix != ".rs":
            return None
        state = path.stat()
        if not stat.S_ISREG(state.st_mode) or state.st_size > LARGEST_FILE_BYTES:
            return None
        with path.open("rb") as file:
            return normal(file.read(LARGEST_FILE_BYTES))
    except (OSError, ValueError):
        return None


def _named_at(found: tuple[Item, ...], line: int, column: int | None) -> Item | None:
    on_line = [item for item in found if item.line == line and item.path]
    if column is None:
        on_line.sort(key=lambda item: item.start)
    else:
        on_line = [one for one in on_line if one.column <= column <= one.column + len(one.path[-1])]
    if on_line:
        return on_line[0]
    is_start = line == 1 and column in (None, 1)
    return next((item for item in found if not item.path), None) if is_start else None


def _sections(item: Item, path: Path, owner: _Owner) -> tuple[Section, ...]:
    parts = (*owner.module, *item.path)
    id, title, link = "::".join(parts), _title(parts), f"{path.as_uri()}#L{item.line}"
    first, *rest = passages(item.doc)
    blocks = first.blocks or (("code", item.signature),)
    result = [section(owner.corpus, id, kind="doc", title=title, link=link, web=owner.web, texts=blocks)]
    seen: dict[str, int] = {}
    for passage in rest:
        slug = _slug(passage.heading)
        seen[slug] = seen.get(slug, -1) + 1
        result.append(
            section(
                owner.corpus,
                f"{id}/{slug}-{seen[slug]}" if seen[slug] else f"{id}/{slug}",
                kind="doc",
                title=f"{title}: {passage.heading}",
                link=link,
                web=owner.web,
                texts=passage.blocks,
            )
        )
    return tuple(one for one in result if one.blocks)


def _title(parts: tuple[str, ...]) -> str:
    """`Version::parse` for what a type has, else the last name."""
    has_type = len(parts) > 1 and parts[-2][:1].isupper()
    return "::".join(parts[-2:] if has_type else parts[-1:])


def _slug(heading: str) -> str:
    words = "".join(letter if letter.isalnum() or letter in "_-" else " " for letter in heading.lower())
    return "-".join(words.split())[:80] or "section"


def _best(anchor_: Anchor, found: Iterable[Section]) -> Resolution:
    """Of sections with the anchor's id the one that says most nearly what it quotes."""
    same = sorted(
        (one for one in found if one.id == anchor_.structural_id), key=lambda one: one.link != anchor_.link
    )
    return max((resolve_in(anchor_, one) for one in same), key=lambda one: one.likeness, default=ORPHAN)


def _matching(sources: Sources, file: Path | None, corpus: str, id: str) -> Iterator[Section]:
    """The sections of the file with this id, and those that had it if the file was another module."""
    place, _, heading = id.partition("/")
    names = tuple(place.split("::"))
    source = _read(sources, file)
    if file is None or not source:
        return
    if (
        names[1:]
        and names[-1].encode(errors="replace") not in source
        and names[-1] not in (file.stem, file.parent.name)
    ):
        return  # the usual case, decided without a parse
    owner = _owner(sources, file)
    if owner is None or owner.corpus.partition("@")[0] != corpus:
        return
    for item in items(source):
        if (*owner.module, *item.path) == names or _is_tail(item.path, names):
            for one in _sections(item, file, owner):
                if one.id.partition("/")[2] == heading:
                    yield one


def _is_tail(path: tuple[str, ...], names: tuple[str, ...]) -> bool:
    """Whether `path` may be what follows a module's path in `names`."""
    module, tail = names[: -len(path) or None], names[-len(path) :]
    return bool(path) and tail == path and bool(module) and not module[-1][:1].isupper()


def _files(sources: Sources, corpus: str) -> Iterator[Path]:
    """All Rust files of the corpus, as far as they are found in bounded time."""
    name = corpus.removeprefix("crate:")
    if corpus == "repo":
        folders = list(sources.workspace)
    elif corpus.startswith("crate:"):
        folders = [folder for key, folder in sources.crates.items() if key.partition("@")[0] == name]
    else:
        folders = []
    deadline, n_files = time.monotonic() + _LONGEST_SEARCH_S, 0
    for top in folders:
        for folder, below, files in os.walk(top):
            below[:] = sorted(name for name in below if not name.startswith(".") and name not in _SKIPPED)
            for file in sorted(files):
                if not file.endswith(".rs"):
                    continue
                n_files += 1
                if n_files > _MOST_FILES or time.monotonic() > deadline:
                    return
                yield Path(folder, file)


def _path_of(link: str) -> Path | None:
    try:
        parts = urlsplit(link)
        path = Path(url2pathname(parts.path))
    except ValueError:
        return None
    return path if parts.scheme == "file" and path.is_absolute() else None
