"""Edits: bytes in, bytes out. Overlaps, edits out of range and unexpected paths are errors."""

from collections.abc import Iterable, Mapping

from attrs import field, frozen, validators

from . import paths
from .result import Conflict, ResultCode


class EditError(Conflict):
    """An edit that cannot be applied as it stands."""


def _inside(_instance: object, _attribute: object, path: str) -> None:
    fault = paths.outside_fault(path)
    if fault:
        raise EditError(*fault, path=path)


@frozen(order=True)
class Edit:
    """Replace the bytes [start, end) of the file `path` (relative to the workspace) by `text`."""

    path: str = field(validator=_inside)
    start: int = field(validator=validators.ge(0))
    end: int
    text: bytes

    def __attrs_post_init__(self) -> None:
        if self.end < self.start:
            raise EditError(
                ResultCode.OUT_OF_RANGE,
                f"an edit that ends before it starts: {self.path} {self.start}..{self.end}",
                path=self.path,
            )


def apply(files: Mapping[str, bytes], edits: Iterable[Edit]) -> dict[str, bytes]:
    """Return the new contents of the files that `edits` change; `files` is looked up by path.

    Equal edits count once. Two different insertions at one place are an overlap: their order is unknown.

    Raises:
        EditError: overlapping or out of range edits, or a file that is not there.
    """
    by_path: dict[str, list[Edit]] = {}
    for edit in sorted(set(edits)):
        by_path.setdefault(edit.path, []).append(edit)
    return {path: _apply_to(files, path, group) for path, group in by_path.items()}


def _apply_to(files: Mapping[str, bytes], path: str, edits: list[Edit]) -> bytes:
    try:
        before = files[path]
    except KeyError:
        raise EditError(
            ResultCode.MISSING, f"an edit for a file that is not there: {path}", path=path
        ) from None
    parts: list[bytes] = []
    position = 0
    last_start = -1
    for edit in edits:
        if edit.start < position or edit.start == last_start:
            message = f"overlapping edits in {path} at byte {edit.start}"
            raise EditError(ResultCode.OVERLAP, message, path=path)
        if edit.end > len(before):
            message = f"an edit behind the end of {path}: {edit.end} > {len(before)}"
            raise EditError(ResultCode.OUT_OF_RANGE, message, path=path)
        parts += (before[position : edit.start], edit.text)
        position, last_start = edit.end, edit.start
    parts.append(before[position:])
    return b"".join(parts)
