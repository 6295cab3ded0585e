"""Write down what a search saw and decided, and play it back.

A search is a function of what it observes: the files it reads, what the compiler and rust-analyzer say. So
everything it observes is recorded as probes; given the same probes again, it must decide the same
(`replay`).
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from attrs import define, field, frozen

from ..candidates import Candidate, Context, Propose
from ..errors import RustaError
from ..patch.shadow import CheckOutcome, Shadow, TestOutcome
from ..tools.process import Cancel
from ..trace import canonical
from ..trace.ledger import Ledger, Writer, payload
from ..trace.record import Kind, Step
from ..trace.secrets import clean, clean_value
from . import plain
from .repair import Budget, Event, Move, Repair, repair_with_help

READ, CHECK, TEST, ASSISTS = "file.read", "cargo.check", "cargo.test", "ra.assists"
SEARCH, TRY, RESULT = "search", "try", "result"

Helping = Callable[[], AbstractContextManager[Sequence[Propose]]]


def traced_repair(
    shadow: Shadow,
    help_: Helping,
    trace: Writer,
    *,
    budget: Budget,
    run_tests: bool,
    cancel: Cancel | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
    about: Mapping[str, Any] | None = None,
) -> Repair | CheckOutcome:
    """`repair_with_help`, with every observation and decision written into `trace`.

    Args:
        about: what else belongs to the plan: the command, versions.
    """
    trace.add(
        Kind.PLAN,
        SEARCH,
        input={
            **(about or {}),
            "budget": plain.to_plain(budget),
            "run_tests": run_tests,
            "edition": shadow.edition,
        },
    )

    def note(event: Event) -> None:
        if event.kind == "try":
            _note_try(trace, event)
        on_event(event)

    found = repair_with_help(
        Observed(shadow, trace),
        lambda: _observed_help(help_, trace),
        budget=budget,
        run_tests=run_tests,
        cancel=cancel,
        on_event=note,
    )
    _note_result(trace, found)
    return found


@frozen
class Replayed:
    """What a replay found.

    Attributes:
        n_decisions: how many were the same.
        difference: the first that was not, in words; None if all were the same.
    """

    n_decisions: int
    difference: str | None


def replay(ledger: Ledger, steps: Sequence[Step]) -> Replayed:
    """Run the search of a trace again on its recorded observations, and compare the decisions.

    Raises:
        RustaError: the trace holds no search, or lacks an observation (a file with a secret in it, say).
    """
    plans = [step for step in steps if step.kind is Kind.PLAN and step.what == SEARCH]
    if len(plans) != 1:
        raise RustaError("this trace holds no search that could be replayed.")
    plan = payload(ledger, plans[0], "input")
    recorded = [_decision(ledger, step) for step in steps if step.kind is Kind.DECIDE]
    memory = _Memory(ledger, steps)
    again: list[bytes] = []

    class Compare:
        """Stands where a trace's writer stands; keeps the decisions only."""

        def add(self, kind: Kind, what: str, **fields: Any) -> None:  # noqa: ANN401  JSON
            if kind is Kind.DECIDE:
                again.append(_as_decision(what, fields))

    compare = Compare()
    found = repair_with_help(
        Remembered(memory, plan["edition"]),
        lambda: nullcontext((memory.assists,) if memory.has(ASSISTS) else ()),
        budget=plain.from_plain(plan["budget"], Budget),
        run_tests=plan["run_tests"],
        on_event=lambda event: _note_try(compare, event) if event.kind == "try" else None,
    )
    _note_result(compare, found)
    for number, (one, other) in enumerate(zip(recorded, again, strict=False)):
        if one != other:
            return Replayed(
                number, f"decision {number + 1}: {one.decode()} was recorded, now {other.decode()}"
            )
    same = min(len(recorded), len(again))
    if len(recorded) != len(again):
        return Replayed(same, f"{len(recorded)} decisions were recorded, now there are {len(again)}")
    return Replayed(same, None)


# Recording.


@define
class Observed:
    """A shadow whose every answer is written down."""

    shadow: Shadow
    trace: Writer
    files: Mapping[str, bytes] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.files = _ObservedFiles(self.shadow.files, self.trace)

    @property
    def edition(self) -> str:
        """As the shadow's."""
        return self.shadow.edition

    def check(
        self, variant: Mapping[str, bytes], cancel: Cancel | None = None, *, all_targets: bool = True
    ) -> CheckOutcome:
        """Check, and write down what came out."""
        outcome = self.shadow.check(variant, cancel, all_targets=all_targets)
        question = _check_question(variant, all_targets=all_targets)
        self.trace.add(Kind.PROBE, CHECK, input=question, output=plain.outcome_to_plain(outcome))
        return outcome

    def test(self, variant: Mapping[str, bytes], cancel: Cancel | None = None) -> TestOutcome:
        """Test, and write down what came out."""
        outcome = self.shadow.test(variant, cancel)
        self.trace.add(Kind.PROBE, TEST, input=_shas(variant), output=plain.outcome_to_plain(outcome))
        return outcome

    def refresh(self) -> set[str]:
        """As the shadow's: not part of a search."""
        return self.shadow.refresh()


class _ObservedFiles(Mapping[str, bytes]):
    """Files, each written down when it is first read. One with a secret in it is left out of the record."""

    def __init__(self, files: Mapping[str, bytes], trace: Writer) -> None:
        self._files, self._trace = files, trace
        self._seen: set[str] = set()

    def __getitem__(self, path: str) -> bytes:
        try:
            data = self._files[path]
        except KeyError:
            self._note(path, None)
            raise
        self._note(path, data)
        return data

    def _note(self, path: str, data: bytes | None) -> None:
        if path in self._seen:
            return
        self._seen.add(path)
        answer: dict[str, Any] = {"sha": None, "content": None}
        if data is not None:
            answer["sha"] = canonical.sha_of(data)
            content = plain.text_of(data)
            if not isinstance(content, str) or clean(content) == content:
                answer["content"] = content
        self._trace.add(Kind.PROBE, READ, span=path, input={"path": path}, output=answer)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


@contextmanager
def _observed_help(help_: Helping, trace: Writer) -> Iterator[Sequence[Propose]]:
    with help_() as helpers:
        yield tuple(_observed_proposer(helper, trace) for helper in helpers)


def _observed_proposer(propose: Propose, trace: Writer) -> Propose:
    def observed(context: Context) -> Iterable[Candidate]:
        found = tuple(propose(context))
        trace.add(Kind.PROBE, ASSISTS, input=_assists_question(context), output=plain.to_plain(found))
        return found

    return observed


def _note_try(trace: Any, event: Event) -> None:  # noqa: ANN401  a Writer, or what stands in for one
    trace.add(
        Kind.DECIDE,
        TRY,
        span=_place(event.moves[0]),
        input={"moves": [_move(move) for move in event.moves], "variant": _shas(event.variant)},
        p=min(candidate.prior for _, candidate in event.moves),
        decision="check this variant next: the cheapest that waits",
    )


def _note_result(trace: Any, found: Repair | CheckOutcome) -> None:  # noqa: ANN401
    if not isinstance(found, Repair):
        trace.add(Kind.DECIDE, RESULT, decision="no fix: the code could not be judged")
        return
    trace.add(
        Kind.DECIDE,
        RESULT,
        output={
            "level": found.level.name,
            "n_errors": {"before": len(found.baseline.errors), "left": len(found.remaining)},
            "variant": _shas(found.state.variant),
            "steps": [_move((step.diagnostic, step.candidate)) for step in found.state.steps],
            "n_checks": found.n_checks,
        },
        decision=f"proven to {found.level.name}"
        if found.state.steps
        else "nothing to write: no fix was proven",
    )


def _move(move: Move) -> dict[str, Any]:
    error, candidate = move
    return {
        "code": error.code,
        "place": _place(move),
        "source": candidate.source,
        "title": candidate.title,
        "prior": canonical.number(candidate.prior),
    }


def _place(move: Move) -> str | None:
    primary = move[0].primary
    return f"{primary.path}:{primary.line}:{primary.column}" if primary else None


def _shas(variant: Mapping[str, bytes]) -> dict[str, str]:
    return {path: canonical.sha_of(data) for path, data in sorted(variant.items())}


def _check_question(variant: Mapping[str, bytes], *, all_targets: bool) -> dict[str, Any]:
    return {"variant": _shas(variant), "all_targets": all_targets}


def _assists_question(context: Context) -> dict[str, Any]:
    error = context.diagnostic
    primary = error.primary
    return {
        "code": error.code,
        "message": error.message,
        "path": primary.path if primary else None,
        "start": primary.start if primary else None,
        "file": canonical.sha_of(context.files[primary.path].text) if primary else None,
    }


# Playing back.


class _Memory:
    """The probes of a trace: a question and, in their order, the answers it got."""

    def __init__(self, ledger: Ledger, steps: Sequence[Step]) -> None:
        self._ledger = ledger
        self._answers: dict[tuple[str, str | None], deque[Step]] = defaultdict(deque)
        self._kinds = {step.what for step in steps if step.kind is Kind.PROBE}
        for step in steps:
            if step.kind is Kind.PROBE:
                self._answers[step.what, step.input_sha].append(step)
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
                raise RustaError(f"{path} is not in the record: there is a secret in it.")
            data = plain.bytes_of(answer["content"])
            if canonical.sha_of(data) != answer["sha"]:
                raise RustaError(f"{path}: the record does not match its hash.")
            yield path, data

    def has(self, what: str) -> bool:
        return what in self._kinds

    def answer(self, what: str, question: Any) -> Any:  # noqa: ANN401  JSON
        waiting = self._answers.get((what, canonical.sha(clean_value(question))))
        if not waiting:
            raise RustaError(f"the replay asks {what} what was not asked when it was recorded: {question}")
        step = waiting.popleft() if len(waiting) > 1 else waiting[0]
        return payload(self._ledger, step, "output")

    def assists(self, context: Context) -> Iterable[Candidate]:
        return plain.from_plain(self.answer(ASSISTS, _assists_question(context)), tuple[Candidate, ...])


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
        question = _check_question(variant, all_targets=all_targets)
        outcome: CheckOutcome = plain.outcome_from_plain(self.memory.answer(CHECK, question))
        return outcome

    def test(self, variant: Mapping[str, bytes], cancel: Cancel | None = None) -> TestOutcome:
        """What the tests said then."""
        outcome: TestOutcome = plain.outcome_from_plain(self.memory.answer(TEST, _shas(variant)))
        return outcome

    def refresh(self) -> set[str]:
        """Nothing changes in a record."""
        return set()


def _decision(ledger: Ledger, step: Step) -> bytes:
    fields = {
        "span": step.span,
        "input": payload(ledger, step, "input"),
        "output": payload(ledger, step, "output"),
        "p": step.p,
        "decision": step.decision,
    }
    return _as_decision(step.what, fields)


def _as_decision(what: str, fields: Mapping[str, Any]) -> bytes:
    p = fields.get("p")
    return canonical.encode(
        {
            "what": what,
            "span": fields.get("span"),
            "input": clean_value(fields.get("input")),
            "output": clean_value(fields.get("output")),
            "p": None if p is None else canonical.number(p),
            "decision": fields.get("decision"),
        }
    )
