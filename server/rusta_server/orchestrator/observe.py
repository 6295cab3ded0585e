"""Write down what a search saw and decided.

A search is a function of what it observes: the files it reads, what the compiler and rust-analyzer say. So
everything it observes is recorded as probes; given the same probes again, it must decide the same
(`.replay`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from attrs import define, field, frozen

from ..candidates import Candidate, Context, Propose, Rank
from ..patch.proof import Level
from ..patch.shadow import CheckOutcome, Shadow, TestOutcome
from ..tools.diagnostic import Checked, Diagnostic
from ..tools.process import Cancel, is_cancelled
from ..trace import canonical
from ..trace.record import Kind
from ..trace.secrets import clean
from . import offers, plain
from .confidence import Evidence, features
from .policy import Decision
from .repair import Budget, Event, Move, Repair, repair_with_help

READ, CHECK, TEST = "file.read", "cargo.check", "cargo.test"
ASSISTS, RANK = "ra.assists", "model.rank"
SEARCH, OFFERS = "search", "offers"
ORDER, TRY, RESULT = "order", "try", "result"

Helping = Callable[[], AbstractContextManager[Sequence[Propose]]]


class Notes(Protocol):
    """Takes steps: a trace's `Writer`, or what stands in for one."""

    def add(
        self,
        kind: Kind,
        what: str,
        *,
        span: str | None = None,
        input: Any = None,  # noqa: ANN401  JSON
        output: Any = None,  # noqa: ANN401
        citations: tuple[str, ...] = (),
        p: float | None = None,
        tau: float | None = None,
        decision: str | None = None,
    ) -> object:
        """Take one step."""


def traced_repair(
    shadow: Shadow,
    help_: Helping,
    notes: Notes,
    *,
    rank: Rank | None = None,
    budget: Budget,
    run_tests: bool,
    cancel: Cancel | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
    about: Mapping[str, Any] | None = None,
) -> Repair | CheckOutcome:
    """`repair_with_help`, with every observation and decision written into `notes`.

    Args:
        about: what else belongs to the plan: the command, versions.
    """
    plan = {**(about or {}), **_plan(shadow, budget, rank, run_tests=run_tests)}
    notes.add(Kind.PLAN, SEARCH, input=plan)
    observed = Observed(shadow, notes)
    return decided_repair(
        observed,
        lambda: _observed_help(help_, notes),
        notes,
        rank=rank and _observed_rank(rank, notes),
        budget=budget,
        run_tests=run_tests,
        cancel=cancel,
        on_event=on_event,
    )


def _plan(shadow: Shadow, budget: Budget, rank: Rank | None, *, run_tests: bool) -> dict[str, Any]:
    """What a search sets out with."""
    return {
        "budget": plain.to_plain(budget),
        "run_tests": run_tests,
        "edition": shadow.edition,
        "model": rank is not None,
    }


def decided_repair(
    shadow: Shadow,
    help_: Helping,
    notes: Notes,
    *,
    rank: Rank | None = None,
    budget: Budget,
    run_tests: bool,
    cancel: Cancel | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
) -> Repair | CheckOutcome:
    """`repair_with_help`, with only the decisions written down."""

    def note(event: Event) -> None:
        if event.kind == "try":
            _note_try(notes, event)
        on_event(event)

    found = repair_with_help(
        shadow, help_, rank=rank, budget=budget, run_tests=run_tests, cancel=cancel, on_event=note
    )
    _note_result(notes, found, was_cancelled=is_cancelled(cancel))
    return found


@frozen
class Decided:
    """An offer, and what the policy says of it.

    Attributes:
        decision: whether it may be shown.
        answer: whether it is an answer or a guess.
        anchors: what it rests on.
        tau: how sure an answer must be.
    """

    offer: offers.Offer
    decision: Decision
    answer: Decision
    anchors: tuple[str, ...]
    tau: float

    @property
    def what(self) -> str:
        """What becomes of it, as traces name it."""
        if not self.decision.allowed:
            return "abstain"
        return "offer" if self.answer.allowed else "guess"


def traced_offers(
    shadow: Shadow,
    baseline: Checked,
    notes: Notes,
    *,
    targets: Callable[[Sequence[Diagnostic]], Sequence[Diagnostic]],
    decide: Callable[[offers.Offer], Decided],
    budget: Budget,
    helpers: Sequence[Propose],
    rank: Rank | None = None,
    run_tests: bool,
    cancel: Cancel | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Decided]:
    """`offers.search`, with every observation and decision written into `notes`.

    Args:
        baseline: what the compiler said of the code as it is.
        decide: what becomes of an offer; an offer whose level fell to NONE is to be taken back.
    """
    plan = {"command": "serve", **_plan(shadow, budget, rank, run_tests=run_tests)}
    notes.add(Kind.PLAN, OFFERS, input=plan)
    question = check_question({}, all_targets=True)
    notes.add(Kind.PROBE, CHECK, input=question, output=plain.outcome_to_plain(baseline))
    n_shown = 0

    def chosen(errors: Sequence[Diagnostic]) -> Sequence[Diagnostic]:
        found = targets(errors)
        notes.add(
            Kind.DECIDE,
            ORDER,
            output=[error.fingerprint for error in found],
            decision="look at these errors, in this order",
        )
        return found

    for offer in offers.search(
        Observed(shadow, notes),
        baseline,
        targets=chosen,
        budget=budget,
        helpers=[_observed_proposer(helper, notes) for helper in helpers],
        rank=rank and _observed_rank(rank, notes),
        run_tests=run_tests,
        cancel=cancel,
        on_progress=on_progress,
    ):
        decided = decide(offer)
        n_shown += decided.decision.allowed
        _note_offer(notes, decided)
        yield decided
    if n_shown or is_cancelled(cancel):
        _note_end(notes, n_shown, was_cancelled=is_cancelled(cancel))
    else:
        notes.add(Kind.DECIDE, "abstain", decision="unknown: no fix was proven")


def _note_offer(notes: Notes, decided: Decided) -> None:
    """The confidence ledger's line for an offer: claim, anchors, what was found, and how sure Rusta is."""
    offer = decided.offer
    decision = decided.answer if decided.what == "guess" else decided.decision
    notes.add(
        Kind.DECIDE,
        decided.what,
        span=_place_of(offer.diagnostic),
        input={
            "title": offer.title,
            "source": offer.source,
            "level": offer.level.name,
            "mends": len(offer.mends),
            "variant": shas(offer.after),
            "evidence": [told(part, offer.level) for part in offer.evidence],
        },
        citations=decided.anchors,
        p=offer.confidence,
        tau=decided.tau,
        decision=f"{decision.rule}{': ' if decision.reason else ''}{decision.reason}",
    )


def told(part: Evidence, level: Level) -> dict[str, float]:
    """What a probability was computed from, as a trace keeps it; zeros are left out."""
    found = features(part, level)
    return {name: canonical.number(value) for name, value in found.items() if value}


@define
class Observed:
    """A shadow whose every answer is written down."""

    shadow: Shadow
    notes: Notes
    files: Mapping[str, bytes] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.files = _ObservedFiles(self.shadow.files, self.notes)

    @property
    def edition(self) -> str:
        """As the shadow's."""
        return self.shadow.edition

    def check(
        self, variant: Mapping[str, bytes], cancel: Cancel | None = None, *, all_targets: bool = True
    ) -> CheckOutcome:
        """Check, and write down what came out."""
        outcome = self.shadow.check(variant, cancel, all_targets=all_targets)
        question = check_question(variant, all_targets=all_targets)
        self.notes.add(Kind.PROBE, CHECK, input=question, output=plain.outcome_to_plain(outcome))
        return outcome

    def test(self, variant: Mapping[str, bytes], cancel: Cancel | None = None) -> TestOutcome:
        """Test, and write down what came out."""
        outcome = self.shadow.test(variant, cancel)
        question = tests_question(variant)
        self.notes.add(Kind.PROBE, TEST, input=question, output=plain.outcome_to_plain(outcome))
        return outcome

    def refresh(self) -> set[str]:
        """As the shadow's: not part of a search."""
        return self.shadow.refresh()


class _ObservedFiles(Mapping[str, bytes]):
    """Files, each written down when it is first read. One with a secret in it is left out of the record."""

    def __init__(self, files: Mapping[str, bytes], notes: Notes) -> None:
        self._files, self._notes = files, notes
        self._seen: set[str] = set()

    def __getitem__(self, path: str) -> bytes:
        try:
            data = self._files[path]
        except KeyError:
            self._note(path, None)
            raise
        self._note(path, data)
        return data

    def __contains__(self, path: object) -> bool:
        """Whether there is such a file; it is not read for that."""
        return path in self._files

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
        self._notes.add(Kind.PROBE, READ, span=path, input={"path": path}, output=answer)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


@contextmanager
def _observed_help(help_: Helping, notes: Notes) -> Iterator[Sequence[Propose]]:
    with help_() as helpers:
        yield tuple(_observed_proposer(helper, notes) for helper in helpers)


def _observed_proposer(propose: Propose, notes: Notes) -> Propose:
    def observed(context: Context) -> Iterable[Candidate]:
        found = tuple(propose(context))
        notes.add(Kind.PROBE, ASSISTS, input=assists_question(context), output=plain.to_plain(found))
        return found

    return observed


def _observed_rank(rank: Rank, notes: Notes) -> Rank:
    def observed(context: Context, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        # As they will be read back: what is recorded has no more digits.
        found = plain.from_plain(_rounded(rank(context, candidates)), tuple[Candidate, ...])
        notes.add(Kind.PROBE, RANK, input=rank_question(context, candidates), output=plain.to_plain(found))
        return found

    return observed


def _rounded(candidates: Sequence[Candidate]) -> Any:  # noqa: ANN401  JSON
    return canonical.decode(canonical.encode(plain.to_plain(tuple(candidates))))


def _note_try(notes: Notes, event: Event) -> None:
    notes.add(
        Kind.DECIDE,
        TRY,
        span=_place(event.moves[0]),
        input={"moves": [_move(move) for move in event.moves], "variant": shas(event.variant)},
        p=min(candidate.prior for _, candidate in event.moves),
        decision="check this variant next: the cheapest that waits",
    )


def _note_end(notes: Notes, n_shown: int, *, was_cancelled: bool) -> None:
    shown = "shown: 1 fix" if n_shown == 1 else f"shown: {n_shown} fixes"
    notes.add(
        Kind.DECIDE,
        RESULT,
        output={"n_shown": n_shown, "cancelled": was_cancelled},
        decision=f"cancelled; {shown}" if was_cancelled else shown,
    )


def _note_result(notes: Notes, found: Repair | CheckOutcome, *, was_cancelled: bool) -> None:
    if not isinstance(found, Repair):
        output = {"cancelled": was_cancelled}
        notes.add(Kind.DECIDE, RESULT, output=output, decision="no fix: the code could not be judged")
        return
    if found.state.steps:
        decision = f"proven to {found.level.name}"
    elif found.baseline.errors:
        decision = "nothing to write: no fix was proven"
    else:
        decision = "nothing to write: there is no error"
    notes.add(
        Kind.DECIDE,
        RESULT,
        output={
            "cancelled": was_cancelled,
            "level": found.level.name,
            "n_errors": {"before": len(found.baseline.errors), "left": len(found.remaining)},
            "variant": shas(found.state.variant),
            "steps": [_move((step.diagnostic, step.candidate)) for step in found.state.steps],
            "n_checks": found.n_checks,
        },
        decision=f"cancelled; {decision}" if was_cancelled else decision,
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
    return _place_of(move[0])


def _place_of(error: Diagnostic) -> str | None:
    primary = error.primary
    return f"{primary.path}:{primary.line}:{primary.column}" if primary else None


def shas(variant: Mapping[str, bytes]) -> dict[str, str]:
    """A variant by the hashes of its files."""
    return {path: canonical.sha_of(data) for path, data in sorted(variant.items())}


def check_question(variant: Mapping[str, bytes], *, all_targets: bool) -> dict[str, Any]:
    """What a check is asked, as its probe records it."""
    return {"variant": shas(variant), "all_targets": all_targets}


def tests_question(variant: Mapping[str, bytes]) -> dict[str, Any]:
    """What a test run is asked, as its probe records it."""
    return {"variant": shas(variant)}


def rank_question(context: Context, candidates: Sequence[Candidate]) -> dict[str, Any]:
    """What the byte model is asked, as its probe records it."""
    told = plain.to_plain(tuple(candidates))
    return {**_error_question(context), "candidates": canonical.sha_of(canonical.encode(told))}


def assists_question(context: Context) -> dict[str, Any]:
    """What rust-analyzer is asked, as its probe records it."""
    return _error_question(context)


def _error_question(context: Context) -> dict[str, Any]:
    error = context.diagnostic
    primary = error.primary
    return {
        "code": error.code,
        "message": error.message,
        "path": primary.path if primary else None,
        "start": primary.start if primary else None,
        "file": canonical.sha_of(context.files[primary.path].text) if primary else None,
    }
