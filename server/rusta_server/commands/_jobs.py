"""The kinds of work the trace server does when a program asks for it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console

from ..candidates.model import ByteModel
from ..config import Config, load, project_of
from ..errors import RustaError
from ..orchestrator import cards, explain, plain, render, replay
from ..orchestrator.explain import Explanation
from ..orchestrator.propose import model_of
from ..patch.proof import Level
from ..patch.shadow import why_not
from ..tools.diagnostic import Checked
from ..tools.docs import Docs
from ..tools.process import Cancel
from ..trace.jobs import Do, Handle
from ..trace.ledger import Ledger, read
from ..trace.record import Kind
from ..trace.tracing import Trace
from . import _docs, _place, _repair
from ._shadow import open_shadow
from ._trace import note_explanation, tracing

_QUIET = Console(quiet=True)


def kinds(config: Config) -> dict[str, Do]:
    """What can be asked for, by name. Each leaves a trace. All share one byte model."""
    model = model_of(config)
    return {
        "explain": lambda arguments, handle: _explain(config, arguments, handle),
        "diagnose": lambda arguments, handle: _diagnose(config, arguments, handle),
        "propose": lambda arguments, handle: _fix(config, model, arguments, handle, write=False),
        "apply": lambda arguments, handle: _fix(config, model, arguments, handle, write=True),
    }


def anchor(config: Config, id: str) -> dict[str, Any] | None:
    """An anchor of the documentation by its id, as JSON, with what became of it."""
    docs = _docs.opened(config, Path.cwd(), _QUIET)
    found = docs.anchor_by_id(id) if isinstance(docs, Docs) else None
    if found is None or not isinstance(docs, Docs):
        return None
    return {"id": id, **attrs.asdict(found), "state": str(docs.resolve(found).state)}


def played_back(ledger: Ledger, id: str) -> dict[str, Any]:
    """The outcome of a replay on what the trace recorded, as JSON."""
    return attrs.asdict(replay.of_decisions(ledger, list(read(ledger.path(id)))))


def _explain(config: Config, arguments: Mapping[str, Any], handle: Handle) -> Any:  # noqa: ANN401  JSON
    subject = _text(arguments, "subject")
    docs = _docs.opened(config, Path.cwd(), _QUIET)
    if not isinstance(docs, Docs):
        raise RustaError("there is no documentation here.", hint=docs.remedy)
    place = _place.parse(subject)
    found: tuple[Explanation, ...]
    if place:
        found = _place.explanations(place, docs, config, "2021")
    else:
        one = explain.of_name(subject, docs, cards.load())
        found = (one,) if one else ()
    with tracing(config, _QUIET) as trace:
        _name(handle, trace)
        note_explanation(trace, subject, found)
    return {"explanations": [render.to_json(one) for one in found]}


def _diagnose(config: Config, arguments: Mapping[str, Any], handle: Handle) -> Any:  # noqa: ANN401  JSON
    path = _path(arguments)
    with open_shadow(path, config, "2021") as (_, copy), tracing(config, _QUIET) as trace:
        _name(handle, trace)
        trace.add(Kind.PLAN, "diagnose", input={"command": "diagnose"})
        outcome = copy.check({}, _cancel(handle))
        told = plain.outcome_to_plain(outcome)
        trace.add(Kind.PROBE, "cargo.check", input={"variant": {}, "all_targets": True}, output=told)
        if not isinstance(outcome, Checked):
            trace.add(Kind.DECIDE, "result", decision="the code could not be judged")
            raise why_not(outcome)
        trace.add(Kind.DECIDE, "result", decision=f"errors: {len(outcome.errors)}")
    return {"errors": plain.to_plain(outcome.errors)}


def _fix(
    config: Config, model: ByteModel | None, arguments: Mapping[str, Any], handle: Handle, *, write: bool
) -> Any:  # noqa: ANN401  JSON
    path = _path(arguments)
    level = arguments.get("level")
    if level not in (None, "v1", "v2", "v3"):
        raise RustaError("`level` must be v1, v2 or v3.")
    own = {"cache_dir": config.cache_dir, "sandbox": config.sandbox or None}
    config = load(own, project=project_of(path))
    with open_shadow(path, config, "2021") as (root, copy), tracing(config, _QUIET) as trace:
        _name(handle, trace)
        _, summary = _repair.run(
            root,
            copy,
            config,
            trace,
            wanted=Level.parse(level) if level else None,
            write=write,
            model=model,
            cancel=_cancel(handle),
            on_event=lambda event: None,
        )
    return summary


def _name(handle: Handle, trace: Trace) -> None:
    if trace.id:
        handle.traced(trace.id)


class _HandlesCancel(Cancel):
    """A search's flag that a job's cancellation raises."""

    def __init__(self, handle: Handle) -> None:
        super().__init__()
        self._event = handle.cancelled


def _cancel(handle: Handle) -> Cancel:
    return _HandlesCancel(handle)


def _text(arguments: Mapping[str, Any], name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value or "\0" in value:
        raise RustaError(f"`{name}` must be a text.")
    return value


def _path(arguments: Mapping[str, Any]) -> Path:
    path = Path(_text(arguments, "path"))
    try:
        is_there = path.is_absolute() and path.exists()
    except OSError:  # too long a name, a loop of links
        is_there = False
    if not is_there:
        raise RustaError("`path` must be the absolute path of a crate or a .rs file that exists.")
    return path
