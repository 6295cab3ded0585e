"""TraceScript: a plan and its steps as text a person can read, check and write.

::

    trace 1 20261121T100000-ab12cd34
    plan search given {"budget":{"max_checks":60}}
    probe cargo.check given {"all_targets":true,"variant":{}} found #9f86d081…
    decide try at "src/lib.rs:3:5" p 0.62 so "check this variant next"
    patch apply at "src/lib.rs" p 0.9 tau 0.85 cite "error_codes/E0382#af3666d6" so "V3 is enough"

A payload is JSON, or the hash under which the ledger keeps it. ``--`` begins a comment line. The grammar is
`tracescript.lark`.
"""

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import lark
from attrs import field, frozen

from ..errors import RustaError
from . import canonical
from .record import VERSION, Kind, Step

# Controls, and what has no width or turns the direction of reading around: unseen, or seen as something else.
_STEERING = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
# Every machine's JSON holds whole numbers exactly up to here.
_GREATEST = 2**53


class BadScript(RustaError):
    """A text that is no TraceScript; the message names line and column."""


@frozen
class Hash:
    """A payload that is kept elsewhere, by its SHA-256 in hex."""

    sha: str


@frozen
class Line:
    """One step. `given` and `found` are JSON values, a `Hash`, or None."""

    kind: Kind
    what: str
    span: str | None = None
    given: Any = None
    found: Any = None
    p: float | None = None
    tau: float | None = None
    citations: tuple[str, ...] = ()
    so: str | None = None
    number: int = field(default=0, eq=False)


@frozen
class Script:
    """A whole script; `id` is the trace it was made from, if any."""

    id: str | None
    lines: tuple[Line, ...]


def parse(text: str) -> Script:
    """Read a script.

    Raises:
        BadScript: it is not one; says where and what was expected.
    """
    try:
        tree = _parser().parse(text)
    except lark.UnexpectedInput as error:
        place = f"line {max(error.line, 1)}, column {max(error.column, 1)}"
        context = error.get_context(text, 40).rstrip() if text else ""
        raise BadScript(f"{place}: {_complaint(error)}\n{context}") from error
    except RecursionError as error:
        raise BadScript("a payload is nested too deeply") from error
    try:
        script = _Build().transform(tree)
    except lark.exceptions.VisitError as error:
        if isinstance(error.orig_exc, BadScript):
            raise error.orig_exc from error
        raise BadScript(str(error.orig_exc)) from error
    assert isinstance(script, Script)  # what `_Build.start` returns
    return script


def render(script: Script) -> str:
    """The one text of a script: `parse` gives the same script again."""
    head = f"trace {VERSION} {script.id}" if script.id else f"trace {VERSION}"
    return "\n".join([head, *(_STEERING.sub(_escaped, _render_line(line)) for line in script.lines)]) + "\n"


def of_steps(steps: Iterable[Step], id: str | None = None) -> Script:
    """A trace as a script: without times and chain, long payloads by their hash."""
    return Script(
        id,
        tuple(
            Line(
                step.kind,
                step.what,
                step.span,
                _value(step.input_sha, step.input),
                _value(step.output_sha, step.output),
                step.p,
                step.tau,
                step.citations,
                step.decision,
                number=step.seq + 2,
            )
            for step in steps
        ),
    )


def _value(sha: str | None, inline: Any) -> Any:  # noqa: ANN401  JSON
    return Hash(sha) if sha is not None and inline is None else inline


def _render_line(line: Line) -> str:
    words = [str(line.kind), line.what]
    if line.span is not None:
        words += ["at", _quoted(line.span)]
    for word, value in (("given", line.given), ("found", line.found)):
        if value is not None:
            words += [word, f"#{value.sha}" if isinstance(value, Hash) else canonical.encode(value).decode()]
    for word, number in (("p", line.p), ("tau", line.tau)):
        if number is not None:
            words += [word, json.dumps(number)]
    for citation in line.citations:
        words += ["cite", _quoted(citation)]
    if line.so is not None:
        words += ["so", _quoted(line.so)]
    return " ".join(words)


def _escaped(found: re.Match[str]) -> str:
    """As in JSON: such a character can only stand in a text."""
    return json.dumps(found[0])[1:-1]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


_EXPECTED = {
    "KIND": "plan, probe, decide or patch",
    "WHAT": "the name of a tool or decision",
    "STRING": "a text in double quotes",
    "NUMBER": "a number",
    "INT": "the version, a number",
    "SHA": "a hash: # and 64 hex digits",
    "_NL": "the end of the line",
    "TRACE": "`trace`, with which a script begins",
}


def _complaint(error: lark.UnexpectedInput) -> str:
    names = set(getattr(error, "accepts", None) or getattr(error, "expected", None) or ())
    names |= set(getattr(error, "allowed", None) or ())
    useful = {name for name in names if name.isupper() and name not in ("COMMENT", "$END")} - {"_NL"}
    words = sorted(_EXPECTED.get(name, f"`{name.lower()}`") for name in useful or names & {"_NL"})
    return "expected " + " or ".join(words) if words else "this is no TraceScript"


@cache
def _parser() -> lark.Lark:
    grammar = files(__package__).joinpath("tracescript.lark").read_text(encoding="utf-8")
    return lark.Lark(grammar, parser="lalr", propagate_positions=True)


class _Build(lark.Transformer[lark.Token, Any]):
    """The tree as a `Script`."""

    def start(self, parts: Sequence[Any]) -> Script:
        id = next((part[1] for part in parts if isinstance(part, tuple)), None)
        return Script(id, tuple(part for part in parts if isinstance(part, Line)))

    def header(self, parts: Sequence[lark.Token | None]) -> tuple[str, str | None]:
        version, id = parts
        if int(str(version)) != VERSION:
            raise BadScript(f"line 1: a script of version {version}; this Rusta reads {VERSION}")
        return ("header", None if id is None else str(id))

    @lark.v_args(meta=True)
    def step(self, meta: Any, parts: Sequence[Any]) -> Line:  # noqa: ANN401  lark's Meta
        kind, what, *rest = parts
        fields: dict[str, Any] = {name: value for name, value in rest if name != "citations"}
        citations = tuple(value for name, value in rest if name == "citations")
        return Line(Kind(str(kind)), str(what), citations=citations, number=meta.line, **fields)

    def place(self, parts: Sequence[Any]) -> tuple[str, Any]:
        return ("span", _text(parts[0]))

    def input(self, parts: Sequence[Any]) -> tuple[str, Any]:
        return ("given", parts[0])

    def output(self, parts: Sequence[Any]) -> tuple[str, Any]:
        return ("found", parts[0])

    def probability(self, parts: Sequence[Any]) -> tuple[str, Any]:
        return ("p", _probability(parts[0]))

    def threshold(self, parts: Sequence[Any]) -> tuple[str, Any]:
        return ("tau", _probability(parts[0]))

    def citation(self, parts: Sequence[Any]) -> tuple[str, Any]:
        return ("citations", _text(parts[0]))

    def verdict(self, parts: Sequence[Any]) -> tuple[str, Any]:
        return ("so", _text(parts[0]))

    def sha(self, parts: Sequence[Any]) -> Hash:
        return Hash(str(parts[0])[1:])

    def string(self, parts: Sequence[Any]) -> str:
        return _text(parts[0])

    def number(self, parts: Sequence[Any]) -> int | float:
        value: int | float = json.loads(str(parts[0]))
        if abs(value) > _GREATEST:
            raise BadScript(f"too large a number: {parts[0]}")
        return value

    def true(self, _: Sequence[Any]) -> bool:
        return True

    def false(self, _: Sequence[Any]) -> bool:
        return False

    def null(self, _: Sequence[Any]) -> None:
        return None

    def object(self, parts: Sequence[Any]) -> dict[str, Any]:
        return dict(parts)

    def pair(self, parts: Sequence[Any]) -> tuple[str, Any]:
        return (_text(parts[0]), parts[1])

    def array(self, parts: Sequence[Any]) -> list[Any]:
        return list(parts)


def _text(token: object) -> str:
    text: str = json.loads(str(token))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadScript(f"half a character in {token}") from error
    return text


def _probability(token: object) -> float:
    value = float(str(token))
    if not 0 <= value <= 1:
        raise BadScript(f"{token} is no probability: it must lie between 0 and 1")
    return value
