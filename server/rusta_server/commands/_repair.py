"""Search, show and write fixes: what `rusta fix` and the jobs of the trace server share."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from attrs import evolve

from .. import __version__
from ..config import Config
from ..orchestrator import policy
from ..orchestrator.observe import traced_repair
from ..orchestrator.repair import Budget, Event, Repair, budget_of
from ..patch import proof
from ..patch.proof import Level
from ..patch.result import ResultCode
from ..patch.shadow import NoTests, Shadow, Tested, why_not
from ..tools.process import Cancel
from ..trace.record import Kind
from ..trace.tracing import Trace
from . import _docs, _report
from ._assists import helping

# Compiler runs that are spent on words, where a person asks for the smallest fix.
_WORD_TRIES = 40


def run(
    root: Path,
    copy: Shadow,
    config: Config,
    trace: Trace,
    *,
    wanted: Level | None,
    write: bool,
    smallest: bool = False,
    cancel: Cancel,
    on_event: Callable[[Event], None],
    say: Callable[[str], None],
) -> tuple[Repair, _report.Summary]:
    """Search for fixes of `copy`, and write them into `root` if that is asked for and allowed.

    Args:
        smallest: drop words, too, that a fix can do without.
        wanted: the level of proof a person asked for by name.
        say: takes a sentence for a person: why a fix was not written.

    Raises:
        RustaError: the code could not be judged.
    """
    budget = evolve(budget_of(config), max_word_tries=_WORD_TRIES if smallest else 0)
    found = _search(copy, config, budget, trace, cancel, on_event)
    docs = _docs.at_hand(config, root)
    least = wanted or Level.parse(config.level)
    summary = _report.summarize(found, copy.files, root, least=least, docs=docs)
    _note_fixes(trace, summary)
    outcome = _write(root, copy, found, config, wanted, summary, say) if write else None
    written = isinstance(outcome, proof.Written) if write else None
    _note_written(trace, summary, written, outcome)
    summary["written"], summary["patch"], summary["trace"] = written, _outcome(outcome), trace.id
    return found, summary


def _search(
    copy: Shadow,
    config: Config,
    budget: Budget,
    trace: Trace,
    cancel: Cancel,
    on_event: Callable[[Event], None],
) -> Repair:
    try:
        found = traced_repair(
            copy,
            lambda: helping(copy, config),
            trace,
            about={"command": "fix", "rusta": __version__},
            budget=budget,
            run_tests=config.run_tests,
            cancel=cancel,
            on_event=on_event,
        )
    except KeyboardInterrupt:
        cancel.set()
        raise
    if isinstance(found, Repair):
        return found
    raise why_not(found)


def _note_fixes(trace: Trace, summary: _report.Summary) -> None:
    for fix in summary["fixes"]:
        trace.add(
            Kind.PATCH,
            "propose",
            span=_report.place(fix["error"]),
            input={
                **{key: fix[key] for key in ("title", "source", "diff", "changed_lines", "guess")},
                "quotes": {anchor["id"]: anchor["quote"] for anchor in fix["anchors"]},
            },
            citations=tuple(anchor["id"] for anchor in fix["anchors"]),
            decision=f"shown: proven to {fix['level']}",
        )


def _note_written(
    trace: Trace,
    summary: _report.Summary,
    written: bool | None,
    outcome: proof.Written | proof.Refused | None,
) -> None:
    if written is None or not summary["fixes"]:
        return
    anchors = {anchor["id"] for fix in summary["fixes"] for anchor in fix["anchors"]}
    if written:
        what, decision = "apply", f"written: proven to {summary['level']}"
    else:
        why = f"; {outcome.code}: {outcome.reason}" if isinstance(outcome, proof.Refused) else ""
        what, decision = "refuse", f"not written: proven to {summary['level']}{why}"
    trace.add(Kind.PATCH, what, citations=tuple(sorted(anchors)), decision=decision)


def _write(
    root: Path,
    copy: Shadow,
    found: Repair,
    config: Config,
    wanted: Level | None,
    summary: _report.Summary,
    say: Callable[[str], None],
) -> proof.Written | proof.Refused | None:
    """Write the fix if the policy allows it, else None; says why it was not written."""
    if not found.state.variant:
        return None
    facts = policy.Facts(
        level=found.level,
        tests=_tests(found, config),
        n_failed=found.tested.n_failed if isinstance(found.tested, Tested) else 0,
        paths=tuple(found.state.variant),
        n_lines=found.n_lines(copy.files),
        anchors=tuple(len(fix["anchors"]) for fix in summary["fixes"]),
        is_guess=found.is_guess,
        asked_level=wanted,
    )
    decision = policy.may_write(config, facts)
    if not decision.allowed:
        way = _ANYWAY.get(decision.rule, "").format(level=found.level.name.lower())
        say(f"{decision.reason}{way}")
        return None
    least = policy.least_to_write(config, has_tests=facts.tests != "none", asked=wanted)
    outcome = proof.write(
        root,
        copy,
        found.state.variant,
        least=least,
        never=config.never_touch,
        journals=config.cache / "journals",
        title=_title(found),
    )
    if isinstance(outcome, proof.Refused):
        say(outcome.reason)
    return outcome


# How a person can have it written all the same, by the rule that forbids it.
_ANYWAY = {
    "green-tests": "; to write it without asking the tests: --level=v2 --no-tests",
    "no-guess": "; to write it all the same: --level={level}",
}


def _tests(found: Repair, config: Config) -> Literal["green", "red", "none", "unasked"]:
    if isinstance(found.tested, Tested):
        return "green" if found.tested.green else "red"
    return "none" if not config.run_tests or isinstance(found.tested, NoTests) else "unasked"


def _title(found: Repair) -> str:
    """A line for the list of patches."""
    steps = found.state.steps
    return steps[0].candidate.title + (f" (and {len(steps) - 1} more)" if len(steps) > 1 else "")


def _outcome(outcome: proof.Written | proof.Refused | None) -> _report.Summary | None:
    """What became of the patch, for `--json`."""
    if isinstance(outcome, proof.Written):
        return {"result": ResultCode.APPLIED, "id": outcome.id}
    return {"result": outcome.code, "reason": outcome.reason} if outcome else None
