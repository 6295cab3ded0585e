"""Proven fixes for single diagnostics: what the lightbulb shows.

`repair` looks for one variant in which everything compiles; an editor needs, for the error under the cursor,
the few alternatives that were proven to mend it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from attrs import evolve, field, frozen

from ..candidates import Propose, Rank
from ..patch import diff
from ..patch.proof import Level
from ..patch.shadow import CheckOutcome, Shadow, Tested
from ..patch.shrink import smallest
from ..tools.diagnostic import Checked, Diagnostic
from ..tools.process import Cancel, is_cancelled
from .confidence import Evidence, Near, confidence, evidence
from .judge import compare
from .policy import Facts
from .propose import SOURCES, Found, Sources, candidates, ranked, split_sure
from .repair import Budget, Repair, are_close, repair

_CHECKS_PER_DIAGNOSTIC = 10
_CHECKS_OF_MODEL = 4
"""So many of what the model ranks are tried, however many were tried before it was asked."""
_SURE_ENOUGH = 0.7
"""The model is not asked about an error that a fix was found for of which Rusta is as sure as this."""


@frozen
class Offer:
    """A verified patch.

    Attributes:
        diagnostic: the error it was made for.
        mends: the errors that are gone with it, `diagnostic` among them.
        before, after: the contents of the changed files.
        evidence: what speaks for and against each candidate in it.
    """

    diagnostic: Diagnostic
    mends: tuple[Diagnostic, ...]
    title: str
    source: str
    level: Level
    before: Mapping[str, bytes] = field(repr=False)
    after: Mapping[str, bytes] = field(repr=False)
    evidence: tuple[Evidence, ...] = field(repr=False)

    @property
    def confidence(self) -> float:
        """How sure Rusta is that it is right."""
        return confidence(self.evidence, self.level)

    def facts(self, n_anchors: int) -> Facts:
        """What the policy wants to know of it."""
        return Facts(
            level=self.level,
            tests="green" if self.level >= Level.V3 else "unasked",
            paths=tuple(self.after),
            n_lines=tuple(part.n_lines for part in self.evidence),
            anchors=(n_anchors,),
            confidence=self.confidence,
        )

    @property
    def rank(self) -> tuple[int, float]:
        """The best offer has the highest rank."""
        return (self.level, self.confidence)


def search(
    shadow: Shadow,
    baseline: Checked,
    *,
    targets: Callable[[Sequence[Diagnostic]], Sequence[Diagnostic]] = lambda errors: errors,
    budget: Budget = Budget(),  # noqa: B008  frozen
    proposers: Sequence[Propose] = SOURCES,
    rank: Rank | None = None,
    helpers: Sequence[Propose] = (),
    run_tests: bool = True,
    cancel: Cancel | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Offer]:
    """Yield offers as they are proven, the targets in order.

    An offer for an error in a library or program comes as soon as `cargo check` accepts it; the tests'
    code is compiled after that. A later offer with the same `after` replaces the earlier one: it is better
    proven, or has fallen to level NONE and must not be shown any more.

    Args:
        baseline: what the compiler says of the shadow's code.
        targets: chooses and orders the errors to look at.
        rank: the byte model, asked about an error for which nothing likely worked.
        helpers: asked about an error for which all others had nothing that works.
    """
    prover = _Prover(shadow, baseline, budget, cancel)
    errors = list(targets(baseline.errors))
    done: list[Offer] = []
    for number, error in enumerate(errors):
        on_progress(number, len(errors))
        if any(offer.level >= Level.V2 and error in offer.mends for offer in done):
            continue
        found: list[Offer] = []
        for group, ranking in ((proposers, rank), (helpers, None)):
            if not found:
                attempts = _attempts(shadow, baseline, error, budget, group, ranking, found)
                yield from _prove_some(prover, attempts, found, budget.max_experiments)
        best = max(found, key=lambda offer: offer.rank, default=None)
        if run_tests and best and best.level == Level.V2 and not is_cancelled(cancel):
            yield from _test(shadow, best, cancel)
        done += found
    left = [error for error in errors if not any(error in offer.mends for offer in done)]
    if is_cancelled(cancel) or not errors or any(offer.level >= Level.V2 for offer in done):
        return
    found_all = repair(
        shadow,
        baseline=baseline,
        budget=budget,
        proposers=proposers,
        rank=rank,
        run_tests=run_tests,
        cancel=cancel,
    )
    if isinstance(found_all, Repair) and found_all.level >= Level.V2 and found_all.state.variant:
        yield _all_together(shadow, found_all, (left or errors)[0])


def _prove_some(
    prover: "_Prover", attempts: Iterator[Offer], found: list[Offer], most: int
) -> Iterator[Offer]:
    """Yield what is proven of the attempts and keep in `found` what stands, until that is enough."""
    for attempt in attempts:
        if is_cancelled(prover.cancel) or len(found) >= most or prover.is_spent:
            return
        for offer in prover.prove(attempt):
            found[:] = [other for other in found if other.after != offer.after]
            if offer.level:
                found.append(offer)
            yield offer


class _Prover:
    """Checks variants, each once, and counts the compiler runs."""

    def __init__(self, shadow: Shadow, baseline: Checked, budget: Budget, cancel: Cancel | None) -> None:
        self.shadow, self.baseline, self.cancel = shadow, baseline, cancel
        self._left = budget.max_checks
        self._outcomes: dict[tuple[bool, frozenset[tuple[str, bytes]]], CheckOutcome] = {}

    @property
    def is_spent(self) -> bool:
        """Whether the budget is used up."""
        return self._left <= 0

    def prove(self, attempt: Offer) -> Iterator[Offer]:
        """Check an attempt; yields it in its smallest form, first as proven without the tests' code."""
        quick = attempt.diagnostic.in_main
        offer = self._judge(attempt, all_targets=False) if quick else None
        if quick and offer is None:
            return
        if offer:
            yield offer
        full = self._judge(attempt if offer is None else offer, all_targets=True)
        if full:
            yield full
        elif offer:
            yield evolve(offer, level=Level.NONE)

    def _judge(self, attempt: Offer, *, all_targets: bool) -> Offer | None:
        outcome = self._check(attempt.after, all_targets)
        level = self._level(outcome, attempt, all_targets)
        if level < Level.V1 or not isinstance(outcome, Checked):
            return None
        after = self._shrink(attempt, level, all_targets)
        left = Counter(error.fingerprint for error in outcome.errors)
        judged = [error for error in self.baseline.errors if all_targets or error.in_main]
        gone = [error for error in judged if not left[error.fingerprint]]
        mends = (attempt.diagnostic, *(error for error in gone if error != attempt.diagnostic))
        before = {path: attempt.before[path] for path in after}
        warnings = compare(self.baseline, outcome, attempt.diagnostic).n_new_warnings
        n_left = sum(are_close(attempt.diagnostic, error) for error in outcome.errors)
        parts = tuple(
            part.of_change(
                before,
                after,
                n_new_warnings=warnings,
                n_mended=len(mends),
                near=Near(left=n_left),
            )
            for part in attempt.evidence
        )
        return evolve(attempt, level=level, mends=mends, before=before, after=after, evidence=parts)

    def _check(self, variant: Mapping[str, bytes], all_targets: bool) -> CheckOutcome:
        key = (all_targets, frozenset(variant.items()))
        if key not in self._outcomes:
            self._left -= 1
            self._outcomes[key] = self.shadow.check(variant, self.cancel, all_targets=all_targets)
        return self._outcomes[key]

    def _level(self, outcome: CheckOutcome, attempt: Offer, all_targets: bool) -> Level:
        if not isinstance(outcome, Checked):
            return Level.NONE
        # Known errors that this check did not look at are not gone, and hid nothing that it shows.
        looked_at = (error for error in self.baseline.diagnostics if all_targets or error.in_main)
        level = compare(Checked(tuple(looked_at)), outcome, attempt.diagnostic).level
        seen = all_targets or all(error.in_main for error in self.baseline.errors)
        return level if seen else min(level, Level.V1)

    def _shrink(self, attempt: Offer, level: Level, all_targets: bool) -> Mapping[str, bytes]:
        """Drop the hunks without which the same level is reached."""
        parts = diff.all_hunks(attempt.before, attempt.after)
        if len(parts) < 2:
            return attempt.after

        def as_good(chosen: list[diff.Hunk]) -> bool:
            outcome = self._check(diff.rebuild(attempt.before, chosen), all_targets)
            return self._level(outcome, attempt, all_targets) >= level

        kept = smallest(parts, as_good)
        return attempt.after if len(kept) == len(parts) else diff.rebuild(attempt.before, kept)


def _attempts(
    shadow: Shadow,
    baseline: Checked,
    error: Diagnostic,
    budget: Budget,
    proposers: Sequence[Propose],
    rank: Rank | None,
    proven: Sequence[Offer],
) -> Iterator[Offer]:
    """Unproven offers, likeliest first; `proven` is looked at before the model is asked."""
    sources = Sources(shadow.files, {})
    found = candidates(error, baseline.errors, sources, edition=shadow.edition, proposers=proposers)
    tried = found[:_CHECKS_PER_DIAGNOSTIC]
    if rank is not None:
        tried, rest = split_sure(found)
        tried = tried[:_CHECKS_PER_DIAGNOSTIC]
        yield from _unproven(tried, error, sources, budget)
        if not any(offer.confidence >= _SURE_ENOUGH for offer in proven):
            rest = ranked(error, baseline.errors, sources, rest, edition=shadow.edition, rank=rank)
        tried = rest[: max(_CHECKS_PER_DIAGNOSTIC - len(tried), _CHECKS_OF_MODEL)]
    yield from _unproven(tried, error, sources, budget)


def _unproven(found: Sequence[Found], error: Diagnostic, sources: Sources, budget: Budget) -> Iterator[Offer]:
    for candidate, after in found:
        before = {path: sources[path].text for path in after}
        if budget.allows(sources.n_changed_lines(after), after):
            yield Offer(
                diagnostic=error,
                mends=(),
                title=candidate.title,
                source=candidate.source,
                level=Level.NONE,
                before=before,
                after=after,
                evidence=(evidence(candidate, error, before, after),),
            )


def _test(shadow: Shadow, offer: Offer, cancel: Cancel | None) -> Iterator[Offer]:
    tested = shadow.test(offer.after, cancel)
    if isinstance(tested, Tested) and tested.green:
        yield evolve(offer, level=Level.V3)


def _all_together(shadow: Shadow, found: Repair, target: Diagnostic) -> Offer:
    """One patch for everything: the errors can only be mended together."""
    steps, n_errors = found.state.steps, len(found.baseline.errors)
    title = steps[0].candidate.title
    if n_errors > 1:
        title = f"Fix all {n_errors} errors of this crate"
    elif len(steps) > 1:
        title += f" (and {len(steps) - 1} more)"
    return Offer(
        diagnostic=target,
        mends=found.baseline.errors,
        title=title,
        source="search",
        level=found.level,
        before={path: shadow.files[path] for path in found.state.variant},
        after=found.state.variant,
        evidence=found.evidence(shadow.files),
    )
