"""The compiler's suggestions with a hole in them: filled from what is in scope, or with an empty value."""

import itertools
import re
from collections.abc import Iterator

from attrs import evolve

from ...patch.edit import Edit
from .. import Candidate, Context, Source, rustc, values
from .. import syntax as sx
from ..syntax import Node
from . import fix, rule

_HOLE = re.compile(r"/\* (.*?) \*/")
_MAX_PER_SUGGESTION = 6
_CODES = (
    "E0057",
    "E0060",
    "E0061",
    "E0063",
    "E0069",
    "E0107",
    "E0191",
    "E0282",
    "E0283",
    "E0308",
    "E0560",
    "E0571",
    "E0610",
    "E0747",
)


@rule(*_CODES)
def fill_the_hole(context: Context) -> Iterator[Candidate]:
    """Take a suggestion that has holes and fill each by its type."""
    for candidate in rustc.propose(context):
        if candidate.has_placeholder:
            yield from itertools.islice(_filled(context, candidate), _MAX_PER_SUGGESTION)


def _filled(context: Context, candidate: Candidate) -> Iterator[Candidate]:
    text = b"".join(edit.text for edit in candidate.edits).decode()
    if ".expect(" in text:
        edits = [
            evolve(e, text=re.sub(rb'\.expect\("[^"]*"\)', b".unwrap()", e.text)) for e in candidate.edits
        ]
        yield fix("unwrap", "Unwrap it, which panics where there is no value", 0.33, *edits)
        return
    if "todo!" in text or "unimplemented!" in text:
        return
    holes = _HOLE.findall(text)
    if holes:
        yield from _with_values(context, candidate, holes)
    elif not re.search(r"<.*[A-Z].*>|\b[A-Z]\b", text):
        yield fix("suggestion", candidate.title, 0.3, *candidate.edits)


def _with_values(context: Context, candidate: Candidate, holes: list[str]) -> Iterator[Candidate]:
    source, node = sx.source_of(context), sx.node_of(context)
    if source is None or node is None:
        return
    choices = [_choices(source, node, hole) for hole in holes]
    if not all(choices):
        return
    for chosen in itertools.product(*choices):
        left = iter(chosen)
        edits = [_substitute(edit, left) for edit in candidate.edits]
        in_scope = all(value.is_in_scope for value in chosen)
        what = ", ".join(value.text for value in chosen)
        yield fix("fill", f"{candidate.title.split(':')[0]}: `{what}`", 0.35 if in_scope else 0.22, *edits)


def _substitute(edit: Edit, left: Iterator[values.Value]) -> Edit:
    return evolve(edit, text=_HOLE.sub(lambda _: next(left).text, edit.text.decode()).encode())


def _choices(source: Source, node: Node, type_: str) -> list[values.Value]:
    if type_ in ("value", "Type"):
        return [values.Value("0", False), values.Value("Default::default()", False)]
    found = list(values.values(source, node, type_))[:3]
    return found or [values.Value("Default::default()", False)]
