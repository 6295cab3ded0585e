"""Play a trace back: on what it recorded, or with everything done again.

Three depths. The chain alone is `trace.ledger.read`. `of_decisions` runs the search on the recorded
observations: no compiler, no files, and it must decide the same. `of_everything` asks the compiler again and
compares what it says, times, colours and the order of messages aside.
"""

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import cattrs
from attrs import define, evolve, field, frozen

from ..candidates import Candidate, Context, Propose, Rank
from ..errors import RustaError
from ..patch.shadow import CheckOutcome, Shadow, TestOutcome
from ..tools.diagnostic import Checked, Diagnostic
from ..tools.process import Cancel
from ..trace import canonical
from ..trace.ledger import Ledger, payload
from ..trace.record import BadTrace, Kind, Step
from ..trace.secrets import clean_value
from . import plain
from .observe import (
    ASSISTS,
    CHECK,
    OFFERS,
    ORDER,
    RANK,
    READ,
    RESULT,
    SEARCH,
    TEST,
    TRY,
    Decided,
    Helping,
    assists_question,
    check_question,
    decided_repair,
    rank_question,
    tests_question,
    traced_offers,
    traced_repair,
)
from .offers import Offer
from .policy import Decision
from .repair import Budget

_DECISIONS = (ORDER, TRY, RESULT, "offer", "guess", "abstain")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@frozen
class Replayed:
    """What a replay found.

    Attributes:
        n_same: how many steps came out the same, from the first on.
        n_recorded: how many were recorded.
        difference: the first that did not, in words; None if all did.
        breaks_off: the run was interrupted; what it had decided until then is compared.
    """

    n_same: int
    n_recorded: int
    difference: str | None
    breaks_off: bool = False


def of_decisions(ledger: Ledger, steps: Sequence[Step]) -> Replayed:
    """Run the search again on what was observed then, and compare the decisions, byte for byte.

    Raises:
        RustaError: the trace holds no search, or lacks an observation (a file with a secret in it, say).
    """
    notes = _Kept()
    breaks_off = not _is_whole(steps)
    try:
        _decide_again(ledger, steps, notes)
    except _Over:
        pass
    except (LookupError, TypeError, ValueError, AttributeError, cattrs.BaseValidationError) as error:
        raise BadTrace(f"what it recorded is not what a search records: {error!r}") from error
    recorded = [_told(ledger, step) for step in steps if _is_decision(step)]
    again = [told for told in notes.told if told["kind"] == Kind.DECIDE]
    if breaks_off:
        again = again[: len(recorded)]
    return evolve(_compare(recorded, again), breaks_off=breaks_off)


def _decide_again(ledger: Ledger, steps: Sequence[Step], notes: "_Kept") -> None:
    plan, kind = _plan(ledger, steps)
    cancel = Cancel()
    memory = _Memory(ledger, steps, cancel)
    shadow = Remembered(memory, plan["edition"])
    helpers = (memory.assists,) if memory.has(ASSISTS) else ()
    rank = memory.rank if plan.get("model") else None
    budget = plain.from_plain(plan["budget"], Budget)
    if kind == SEARCH:
        decided_repair(
            shadow,
            lambda: nullcontext(helpers),
            notes,
            rank=rank,
            budget=budget,
            run_tests=plan["run_tests"],
            cancel=cancel,
        )
    else:
        _offers_again(
            ledger,
            steps,
            shadow,
            helpers,
            notes,
            budget,
            rank=rank,
            run_tests=plan["run_tests"],
            cancel=cancel,
        )


def of_everything(
    ledger: Ledger, steps: Sequence[Step], shadow: Shadow, help_: Helping, *, rank: Rank | None = None
) -> Replayed:
    """Search again in `shadow`, with the compiler, and compare every probe and decision.

    Args:
        rank: the byte model, asked again if it was there then.

    Raises:
        RustaError: the trace holds no search.
    """
    plan, kind = _plan(ledger, steps)
    notes = _Kept()
    budget = plain.from_plain(plan["budget"], Budget)
    rank = rank if plan.get("model") else None
    if kind == SEARCH:
        traced_repair(shadow, help_, notes, rank=rank, budget=budget, run_tests=plan["run_tests"])
    else:
        with help_() as helpers:
            _offers_again(
                ledger, steps, shadow, helpers, notes, budget, rank=rank, run_tests=plan["run_tests"]
            )
    own = [step for step in steps if step.kind is Kind.PROBE or _is_decision(step)]
    again = [told for told in notes.told if told["kind"] != Kind.PLAN]
    return _compare([_told(ledger, step) for step in own], again)


def _offers_again(
    ledger: Ledger,
    steps: Sequence[Step],
    shadow: Shadow,
    helpers: Sequence[Propose],
    notes: "_Kept",
    budget: Budget,
    *,
    rank: Rank | None,
    run_tests: bool,
    cancel: Cancel | None = None,
) -> None:
    """Search for offers in the recorded order; what the policy and the citations said then is taken over."""
    wanted: list[str] = next((payload(ledger, step, "output") for step in steps if step.what == ORDER), [])
    recorded = deque(step for step in steps if _is_decision(step) and step.what != ORDER)
    baseline = shadow.check({})
    if not isinstance(baseline, Checked):
        raise RustaError("the code could not be judged.")

    def targets(errors: Sequence[Diagnostic]) -> Sequence[Diagnostic]:
        known = {error.fingerprint: error for error in errors}
        return [known[fingerprint] for fingerprint in wanted if fingerprint in known]

    def decide(offer: Offer) -> Decided:
        if not recorded:
            unknown = Decision(True, "not recorded")
            return Decided(offer, unknown, unknown, (), 0.0)
        step = recorded.popleft()
        rule, _, reason = (step.decision or "").partition(": ")
        shown, answer = (
            Decision(what, rule, reason) for what in (step.what in ("offer", "guess"), step.what == "offer")
        )
        return Decided(offer, shown, answer, step.citations, step.tau or 0.0)

    for _ in traced_offers(
        shadow,
        baseline,
        notes,
        targets=targets,
        decide=decide,
        budget=budget,
        helpers=helpers,
        rank=rank,
        run_tests=run_tests,
        cancel=cancel,
    ):
        pass


def _is_decision(step: Step) -> bool:
    return step.kind is Kind.DECIDE and step.what in _DECISIONS


def _plan(ledger: Ledger, steps: Sequence[Step]) -> tuple[dict[str, Any], str]:
    plans = [step for step in steps if step.kind is Kind.PLAN and step.what in (SEARCH, OFFERS)]
    if len(plans) != 1:
        raise RustaError(
            "this trace holds no search that could be played back.",
            hint="rusta trace show ID says what it holds",
        )
    return payload(ledger, plans[0], "input"), plans[0].what


def _compare(recorded: Sequence[dict[str, Any]], again: Sequence[dict[str, Any]]) -> Replayed:
    for number, (one, other) in enumerate(zip(recorded, again, strict=False)):
        if one != other:
            return Replayed(number, len(recorded), f"step {number + 1}: {_difference(one, other)}")
    same = min(len(recorded), len(again))
    if len(recorded) != len(again):
        return Replayed(
            same, len(recorded), f"{len(recorded)} steps were recorded, now there are {len(again)}"
        )
    return Replayed(same, len(recorded), None)


def _difference(one: Any, other: Any, where: str = "") -> str:  # noqa: ANN401  JSON
    """The first place at which two JSON values differ."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        name = next(name for name in one if one[name] != other[name])
        return _difference(one[name], other[name], f"{where}.{name}" if where else name)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        index = next(index for index in range(len(one)) if one[index] != other[index])
        return _difference(one[index], other[index], f"{where}[{index}]")
    return f"{where}: {_brief(one)} was recorded, now {_brief(other)}"


def _brief(value: Any) -> str:  # noqa: ANN401  JSON
    text = canonical.encode(value).decode()
    return text if len(text) <= 120 else text[:117] + "…"


def _told(ledger: Ledger, step: Step) -> dict[str, Any]:
    return _as_told(
        step.kind,
        step.what,
        span=step.span,
        input=payload(ledger, step, "input"),
        output=payload(ledger, step, "output"),
        p=step.p,
        decision=step.decision,
    )


def _as_told(kind: Kind, what: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    """A step as far as it must be the same again."""
    p = fields.get("p")
    told: dict[str, Any] = {
        "kind": str(kind),
        "what": what,
        "span": fields.get("span"),
        "input": fields.get("input"),
        "output": fields.get("output"),
        "p": None if p is None else canonical.number(p),
        "decision": fields.get("decision"),
    }
    if what == CHECK:
        told["output"] = _normal_check(told["output"])
    if what == TEST:
        told["output"] = {**told["output"], "output": ""}  # times and order of the tests' own output
    plain_json: dict[str, Any] = canonical.decode(canonical.encode(clean_value(told)))
    return plain_json


def _normal_check(outcome: dict[str, Any]) -> dict[str, Any]:
    """A check's outcome without colours, its messages in one order: cargo compiles targets side by side."""
    bare: dict[str, Any] = _without_colours(outcome)
    if "diagnostics" in bare:
        bare["diagnostics"] = sorted(bare["diagnostics"], key=canonical.encode)
    return bare


def _without_colours(value: Any) -> Any:  # noqa: ANN401  JSON
    match value:
        case str():
            return _COLOUR.sub("", value)
        case dict():
            return {key: _without_colours(item) for key, item in value.items()}
        case list() | tuple():
            return [_without_colours(item) for item in value]
        case _:
            return value


@define
class _Kept:
    """Stands where a trace's writer stands, and keeps the steps in memory."""

    told: list[dict[str, Any]] = field(factory=list)

    def add(self, kind: Kind, what: str, **fields: Any) -> None:  # noqa: ANN401  JSON
        self.told.append(_as_told(kind, what, **fields))


class _Over(Exception):
    """An interrupted run's record has no more answers."""


def _is_whole(steps: Sequence[Step]) -> bool:
    """Whether the search came to its end, be it by a cancellation."""
    return any(step.what == RESULT or (step.decision or "").startswith("unknown: ") for step in steps)


def _was_cancelled(ledger: Ledger, steps: Sequence[Step]) -> bool:
    ends = [payload(ledger, step, "output") for step in steps if step.what == RESULT]
    return any(isinstance(end, dict) and end.get("cancelled") is True for end in ends)


class _Memory:
    """The probes of a trace: to each question, in their order, the answers it got.

    A cancelled search goes on until its last answer, and `cancel` is raised then: it may have been at any
    time after the question, and nothing was asked any more.
    """

    def __init__(self, ledger: Ledger, steps: Sequence[Step], cancel: Cancel) -> None:
        self._ledger, self._cancel = ledger, cancel
        self._answers: dict[tuple[str, str], deque[Step]] = defaultdict(deque)
        self._kinds = {step.what for step in steps if step.kind is Kind.PROBE}
        for step in steps:
            if step.kind is Kind.PROBE:
                # Cleaned again: the home folder may be another one here.
                question = clean_value(payload(ledger, step, "input"))
                self._answers[step.what, canonical.sha(question)].append(step)
        self._n_left = sum(
            step.kind is Kind.PROBE and step.what in (CHECK, TEST, ASSISTS, RANK) for step in steps
        )
        self._is_whole, self._was_cancelled = _is_whole(steps), _was_cancelled(ledger, steps)
        self.contents = dict(self._contents())

    def _contents(self) -> Iterator[tuple[str, bytes]]:
        """The files that were read."""
        for (what, _), (step, *_) in self._answers.items():
            if what != READ:
                continue
            path, answer = payload(self._ledger, step, "input")["path"], payload(self._ledger, step, "output")
            if answer["sha"] is None:
                continue
            if answer["content"] is None:
                raise RustaError(
                    f"{path} is not in the record: there is a secret in it.",
                    hint="Play it back in the workspace itself: rusta trace replay ID --in FOLDER",
                )
            data = plain.bytes_of(answer["content"])
            if canonical.sha_of(data) != answer["sha"]:
                raise RustaError(f"{path}: the record does not match its hash.")
            yield path, data

    def has(self, what: str) -> bool:
        return what in self._kinds

    def answer(self, what: str, question: Any) -> Any:  # noqa: ANN401  JSON
        waiting = self._answers.get((what, canonical.sha(clean_value(question))))
        self._n_left -= 1
        if self._was_cancelled and self._n_left <= 0:
            self._cancel.set()
        if not waiting and not self._is_whole and self._n_left < 0:
            raise _Over
        if not waiting:
            raise RustaError(
                f"playing it back asks {what} something that was not asked then: {_brief(question)}",
                hint="This Rusta may be newer than the trace and decide differently.",
            )
        step = waiting.popleft() if len(waiting) > 1 else waiting[0]
        return payload(self._ledger, step, "output")

    def assists(self, context: Context) -> Iterable[Candidate]:
        return plain.from_plain(self.answer(ASSISTS, assists_question(context)), tuple[Candidate, ...])

    def rank(self, context: Context, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        return plain.from_plain(self.answer(RANK, rank_question(context, candidates)), tuple[Candidate, ...])


@define
class Remembered:
    """A shadow that answers what was recorded."""

    memory: _Memory
    edition: str

    @property
    def files(self) -> Mapping[str, bytes]:
        """The files that were read then."""
        return self.memory.contents

    def check(
        self, variant: Mapping[str, bytes], cancel: Cancel | None = None, *, all_targets: bool = True
    ) -> CheckOutcome:
        """What the compiler said then."""
        question = check_question(variant, all_targets=all_targets)
        outcome: CheckOutcome = plain.outcome_from_plain(self.memory.answer(CHECK, question))
        return outcome

    def test(self, variant: Mapping[str, bytes], cancel: Cancel | None = None) -> TestOutcome:
        """What the tests said then."""
        outcome: TestOutcome = plain.outcome_from_plain(self.memory.answer(TEST, tests_question(variant)))
        return outcome

    def refresh(self) -> set[str]:
        """Nothing changes in a record."""
        return set()
