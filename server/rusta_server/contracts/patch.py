"""Patches as they are kept and sent; `rusta_server.patch` has those that are carried out."""

from collections.abc import Mapping
from typing import Annotated

from attrs import field, frozen
from msgspec import Meta

from ..orchestrator import plain
from ..patch import edit, patch
from ..patch.result import ResultCode
from ..patch.shrink import Shrunk
from ..shapes import Count, RelativePath, Sha256, Text


@frozen
class Base64:
    """Bytes that are no UTF-8."""

    base64: Annotated[str, Meta(pattern="^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$")]


@frozen
class Edit:
    """Replace the bytes [start, end) of a file.

    Attributes:
        path: relative to the workspace.
        text: what is put there; bytes that are no UTF-8 as base64.
    """

    path: RelativePath
    start: Count
    end: Count
    text: str | Base64

    def __attrs_post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"an edit ends before it starts: {self.start}..{self.end}")


@frozen
class Size:
    """How large a patch is: lines and bytes that go or come."""

    n_lines: Count
    n_bytes: Count


@frozen
class Minimality:
    """By how much a patch was shrunk.

    Attributes:
        before, after: its sizes.
        n_tries: how often it was judged.
        is_minimal: whether no hunk, and no word in one, can be dropped by itself.
    """

    before: Size
    after: Size
    n_tries: Count
    is_minimal: bool


@frozen
class Outcome:
    """What became of a patch that was to be applied or taken back.

    Attributes:
        code: `applied`, `reverted`, or why not.
        id: the way back, if the tree was changed.
        paths: the files that were written.
        conflicts: files that were left as they are, since somebody else changed them.
        reason: for a person; None if there is nothing to say.
    """

    code: ResultCode
    id: Text | None = None
    paths: tuple[RelativePath, ...] = ()
    conflicts: tuple[RelativePath, ...] = ()
    reason: str | None = None


@frozen
class Patch:
    """Edits in any number of files, what the tree must be like for them, and what became of them.

    Attributes:
        edits: in no particular order; those of a created file start from nothing.
        before: for every file that is touched, the SHA-256 of what it holds; null where nothing is.
        creates: files that come into being.
        deletes: files that go.
        minimality: null if nobody tried to shrink it.
        result: of applying it; null if nobody tried.
        rollback: of taking it back; null if nobody tried.
    """

    edits: tuple[Edit, ...]
    before: Mapping[RelativePath, Sha256 | None] = field(factory=dict)
    creates: tuple[RelativePath, ...] = ()
    deletes: tuple[RelativePath, ...] = ()
    minimality: Minimality | None = None
    result: Outcome | None = None
    rollback: Outcome | None = None


def of_engine(made: patch.Patch, shrunk: Shrunk | None = None) -> Patch:
    """A patch of the engine, to be kept or sent."""
    edits = tuple(Edit(one.path, one.start, one.end, _text(one.text)) for one in sorted(made.edits))
    return Patch(
        edits,
        dict(made.before),
        tuple(sorted(made.creates)),
        tuple(sorted(made.deletes)),
        minimality=None if shrunk is None else _minimality(shrunk),
    )


def to_engine(kept: Patch) -> patch.Patch:
    """The patch that the engine can carry out.

    Raises:
        rusta_server.patch.edit.EditError: an edit leads out of the workspace.
    """
    edits = tuple(edit.Edit(one.path, one.start, one.end, _bytes(one.text)) for one in kept.edits)
    return patch.Patch(edits, dict(kept.before), frozenset(kept.creates), frozenset(kept.deletes))


def _text(data: bytes) -> str | Base64:
    text = plain.text_of(data)
    return text if isinstance(text, str) else Base64(**text)


def _bytes(text: str | Base64) -> bytes:
    return plain.bytes_of(text if isinstance(text, str) else {"base64": text.base64})


def _minimality(shrunk: Shrunk) -> Minimality:
    before, after = (Size(size.n_lines, size.n_bytes) for size in (shrunk.before, shrunk.after))
    return Minimality(before, after, shrunk.n_tries, shrunk.is_minimal)
