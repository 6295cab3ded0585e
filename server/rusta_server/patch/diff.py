"""Line differences: how large a patch is, its hunks, and how it looks."""

import difflib
from collections.abc import Mapping

from attrs import frozen

from .edit import Edit


@frozen
class Hunk:
    """Lines [first, last) of the old file, counted from 0, become `after`."""

    path: str
    first: int
    last: int
    before: tuple[bytes, ...]
    after: tuple[bytes, ...]

    @property
    def n_lines(self) -> int:
        """Lines removed plus lines added."""
        return len(self.before) + len(self.after)


def hunks(path: str, before: bytes, after: bytes) -> list[Hunk]:
    """The places where the files differ, in order."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    return [
        Hunk(path, i1, i2, tuple(old[i1:i2]), tuple(new[j1:j2]))
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    ]


def all_hunks(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[Hunk]:
    """The hunks of every file in `after`."""
    return [hunk for path in sorted(after) for hunk in hunks(path, before[path], after[path])]


def rebuild(before: Mapping[str, bytes], chosen: list[Hunk]) -> dict[str, bytes]:
    """The files with only the chosen hunks applied; files without one are left out."""
    result: dict[str, bytes] = {}
    for path in sorted({hunk.path for hunk in chosen}):
        lines: list[bytes] = []
        position = 0
        old = before[path].splitlines(keepends=True)
        for hunk in sorted((h for h in chosen if h.path == path), key=lambda h: (h.first, h.last)):
            lines += old[position : hunk.first]
            lines += hunk.after
            position = hunk.last
        result[path] = b"".join(lines + old[position:])
    return result


def edits(path: str, before: bytes, after: bytes) -> list[Edit]:
    """The smallest edits between whole-line hunks: common ends of each hunk are trimmed."""
    starts = [0]
    for line in before.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    result = []
    for hunk in hunks(path, before, after):
        old, new = b"".join(hunk.before), b"".join(hunk.after)
        head = _common(old, new)
        tail = min(_common(old[::-1], new[::-1]), len(old) - head, len(new) - head)
        # Never cut a character in two: a cut must not stand before a continuation byte.
        while head and _continues(old, head, new):
            head -= 1
        while tail and _continues(old, len(old) - tail, new, len(new) - tail):
            tail -= 1
        start = starts[hunk.first]
        result.append(Edit(path, start + head, start + len(old) - tail, new[head : len(new) - tail]))
    return result


def word_changes(path: str, before: bytes, after: bytes) -> list[tuple[bytes, bytes]]:
    """Old and new text of each place that differs, widened to the whole words that it cuts."""
    result = []
    for edit in edits(path, before, after):
        new = edit.text
        start, end = edit.start, edit.end
        if _is_word((new or before[start:end])[:1]) or _is_word(before[start:end][:1]):
            while start and _is_word(before[start - 1 : start]):
                start -= 1
        if _is_word((new or before[edit.start : end])[-1:]) or _is_word(before[edit.start : end][-1:]):
            while _is_word(before[end : end + 1]):
                end += 1
        new = before[start : edit.start] + new + before[edit.end : end]
        result.append((before[start:end], new))
    return result


def _is_word(byte: bytes) -> bool:
    return byte.isalnum() or byte == b"_"


def n_changed_lines(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> int:
    """Lines removed plus lines added over all files of `after`."""
    return sum(hunk.n_lines for hunk in all_hunks(before, after))


def unified(before: Mapping[str, bytes], after: Mapping[str, bytes], *, context: int = 3) -> str:
    """A unified diff for people; bytes that are not UTF-8 are shown as replacement characters."""
    parts: list[str] = []
    for path in sorted(after):
        old, new = (side[path].decode(errors="replace").splitlines(keepends=True) for side in (before, after))
        for line in difflib.unified_diff(old, new, f"a/{path}", f"b/{path}", n=context):
            parts.append(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n")
    return "".join(parts)


def _common(one: bytes, other: bytes) -> int:
    n = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        n += 1
    return n


def _continues(old: bytes, at: int, new: bytes, at_new: int | None = None) -> bool:
    here = old[at : at + 1] + new[(at_new if at_new is not None else at) :][:1]
    return any(byte & 0xC0 == 0x80 for byte in here)
