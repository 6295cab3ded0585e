"""A compiler's diagnostic as a `codec.Problem`: the one way from it to the model, in training and in use."""

from collections.abc import Iterator, Mapping
from typing import Any

from .codec import Mark, Note, Problem


def of_diagnostic(diagnostic: Mapping[str, Any], files: Mapping[str, bytes]) -> Problem:
    """What the model is told of a diagnostic.

    Args:
        diagnostic: its fields as `schemas/triplet.schema.json` has them: code, message, spans and children;
            fields that hold nothing may be left out.
        files: of these, those that the diagnostic speaks of are shown to the model.

    Raises:
        KeyError: a diagnostic without a message, a span without a place.
    """
    marks: dict[tuple[str, int, int], Mark] = {}
    notes = []
    for span in diagnostic.get("spans") or ():
        kind = "primary" if span.get("is_primary") else "secondary"
        _add(marks, _mark(span, kind), files)
    for child in _descendants(diagnostic):
        first = _first_alternative(child)
        notes.append(Note(child["message"], "".join(span["replacement"] for span in first)))
        for span in (*(s for s in child.get("spans") or () if s.get("replacement") is None), *first):
            _add(marks, _mark(span, "note"), files)
    shown = dict.fromkeys(mark.path for mark in marks.values())
    return Problem(
        code=diagnostic.get("code") or "",
        message=diagnostic["message"],
        marks=tuple(marks.values()),
        notes=tuple(notes),
        files={path: files[path] for path in shown},
    )


def _mark(span: Mapping[str, Any], kind: Any) -> Mark:  # noqa: ANN401  one of three words
    return Mark(span["path"], span["start"], span["end"], kind, span.get("label") or "")


def _add(marks: dict[tuple[str, int, int], Mark], mark: Mark, files: Mapping[str, bytes]) -> None:
    """Keep a mark unless the same place is marked already, or lies in no file that can be shown."""
    if mark.path in files and mark.end <= len(files[mark.path]):
        marks.setdefault((mark.path, mark.start, mark.end), mark)


def _descendants(diagnostic: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for child in diagnostic.get("children") or ():
        yield child
        yield from _descendants(child)


def _first_alternative(child: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The spans of a suggestion's first alternative: where a place comes again, the next one begins."""
    first: list[Mapping[str, Any]] = []
    for span in child.get("spans") or ():
        if span.get("replacement") is None:
            continue
        if any(one["start"] <= span["start"] <= one["end"] and one["path"] == span["path"] for one in first):
            break
        first.append(span)
    return first
