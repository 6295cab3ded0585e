"""Search, show and write fixes: what `rusta fix` and the jobs of the trace server share."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from attrs import evolve

from .. import __version__
from ..candidates.model import ByteModel
from ..config import Config
from ..orchestrator import investigate, policy
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
_NAMES: dict[Level, Literal["v1", "v2", "v3"]] = {Level.V1: "v1", Level.V2: "v2", Level.V3: "v3"}


def run(
    root: Path,
    copy: Shadow,
    config: Config,
    trace: Trace,
    *,
    wanted: Level | None,
    write: bool,
    smallest: bool = False,
    model: ByteModel | None = None,
    cancel: Cancel,
    on_event: Callable[[Event], None],
) -> tuple[Repair, _report.Summary]:
    """Search for fixes of `copy`, and write them into `root` if that is asked for and allowed.

    Why they were not written stands in the summary.

    Args:
        smallest: drop words, too, that a fix can do without.
        model: the byte model, if it is to be asked.
        wanted: the level of proof a person asked for by name.

    Raises:
        RustaError: the code could not be judged.
    """
    budget = evolve(budget_of(config), max_word_tries=_WORD_TRIES if smallest else 0)
    found = _search(copy, config, budget, model, trace, cancel, on_event)
    docs = _docs.at_hand(config, root)
    summary = _report.summarize(found, copy.files, root, docs=docs)
    if wanted:
        config = evolve(config, level=_NAMES[wanted])
    facts = _facts(found, copy, config, wanted, summary["fixes"])
    _withhold(found, config, facts, summary, trace)
    outcome = written = None
    if write and found.state.variant:
        decision = policy.may_write(config, facts)
        if decision.allowed:
            outcome = _write(root, copy, found, config, facts)
        else:
            way = _ANYWAY.get(decision.rule, "").format(level=found.level.name.lower())
            summary["not_written"] = f"{decision.reason}{way}"
        if isinstance(outcome, proof.Refused):
            summary["not_written"] = outcome.reason
        _note_written(trace, summary, decision, outcome, facts, config)
    if write:
        written = isinstance(outcome, proof.Written)
    summary["written"], summary["patch"], summary["trace"] = written, _outcome(outcome), trace.id
    return found, summary


def _search(
    copy: Shadow,
    config: Config,
    budget: Budget,
    model: ByteModel | None,
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
            rank=model.ranking(cancel) if model else None,
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


def _facts(
    found: Repair, copy: Shadow, config: Config, wanted: Level | None, fixes: list[_report.Summary]
) -> policy.Facts:
    return policy.Facts(
        level=found.level,
        tests=_tests(found, config),
        n_failed=found.tested.n_failed if isinstance(found.tested, Tested) else 0,
        paths=tuple(found.state.variant),
        n_lines=found.n_lines(copy.files),
        anchors=tuple(len(fix["anchors"]) for fix in fixes),
        confidence=min((fix["confidence"] for fix in fixes), default=0.0),
        asked_level=wanted,
    )


def _withhold(
    found: Repair, config: Config, facts: policy.Facts, summary: _report.Summary, trace: Trace
) -> None:
    """Leave in the summary only the fixes that may be shown, tell guesses from answers, and note why."""
    shown: list[_report.Summary] = []
    for number, (step, fix) in enumerate(zip(found.state.steps, summary["fixes"], strict=True)):
        part = slice(number, number + 1)
        own = evolve(
            facts,
            paths=tuple(step.after),
            n_lines=facts.n_lines[part],
            anchors=facts.anchors[part],
            confidence=fix["confidence"],
        )
        decision = policy.may_show(config, own)
        answer = policy.is_answer(config, own)
        if decision.allowed:
            fix["guess"] = not answer.allowed
            if not answer.allowed:
                decision = evolve(answer, allowed=True)
                fix["next"] = investigate.next_probe(
                    step.diagnostic, found.level, facts.tests, run_tests=config.run_tests
                )
            shown.append(fix)
        else:
            summary["withheld"].append(
                {"error": fix["error"], "rule": decision.rule, "reason": decision.reason}
            )
        _note_fix(trace, fix, decision, config.tau_answer)
    summary["fixes"] = shown


def _note_fix(trace: Trace, fix: _report.Summary, decision: policy.Decision, tau: float) -> None:
    why = decision.reason or f"proven to {fix['level']}"
    trace.add(
        Kind.PATCH,
        "propose" if decision.allowed else "refuse",
        span=_report.place(fix["error"]),
        input={
            **{key: fix[key] for key in ("title", "source", "diff", "changed_lines", "guess")},
            "quotes": {anchor["id"]: anchor["quote"] for anchor in fix["anchors"]},
        },
        citations=tuple(anchor["id"] for anchor in fix["anchors"]),
        p=fix["confidence"],
        tau=tau,
        decision=f"{decision.rule}: {why}",
    )


def _note_written(
    trace: Trace,
    summary: _report.Summary,
    decision: policy.Decision,
    outcome: proof.Written | proof.Refused | None,
    facts: policy.Facts,
    config: Config,
) -> None:
    anchors = {anchor["id"] for fix in summary["fixes"] for anchor in fix["anchors"]}
    rule, why = decision.rule, decision.reason or f"proven to {summary['level']}"
    if isinstance(outcome, proof.Refused):
        rule, why = str(outcome.code), outcome.reason
    trace.add(
        Kind.PATCH,
        "apply" if isinstance(outcome, proof.Written) else "refuse",
        citations=tuple(sorted(anchors)),
        p=facts.confidence,
        # Where a person asked for it by name no threshold holds.
        tau=None if facts.asked_level else config.tau_patch,
        decision=f"{rule}: {why}",
    )


def _write(
    root: Path, copy: Shadow, found: Repair, config: Config, facts: policy.Facts
) -> proof.Written | proof.Refused:
    """Write a fix that the policy allows."""
    return proof.write(
        root,
        copy,
        found.state.variant,
        least=policy.least_to_write(config, has_tests=facts.tests != "none", asked=facts.asked_level),
        never=config.never_touch,
        journals=config.cache / "journals",
        title=_title(found),
    )


# How a person can have it written all the same, by the rule that forbids it.
_ANYWAY = {
    "green-tests": "; to write it without asking the tests: --level=v2 --no-tests",
    "tau-patch": "; to write it all the same: --level={level}",
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
