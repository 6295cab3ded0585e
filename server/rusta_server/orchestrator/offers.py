"""Proven fixes for single diagnostics: what the lightbulb shows.

`repair` looks for one variant in which everything compiles; an editor needs, for the error under the cursor,
the few alternatives that were proven to mend it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from attrs import evolve, field, frozen

from ..candidates import Propose
from ..patch import diff
from ..patch.proof import Level
from ..patch.shadow import CheckOutcome, Shadow, Tested
from ..patch.shrink import ddmin
from ..tools.diagnostic import Checked, Diagnostic
from ..tools.process import Cancel
from .judge import compare
from .propose import SOURCES, Sources, candidates
from .repair import Budget, Repair, repair

_PER_DIAGNOSTIC = 3
_CHECKS_PER_DIAGNOSTIC = 10


@frozen
class Offer:
    """A verified patch for one diagnostic (or, with `mends_all`, for all errors together).

    Attributes:
        before, after: the contents of the changed files.
        prior: the candidate's own; orders the offers of equal level.
    """

    diagnostic: Diagnostic
    title: str
    source: str
    level: Level
    before: Mapping[str, bytes] = field(repr=False)
    after: Mapping[str, bytes] = field(repr=False)
    prior: float = 0.5
    mends_all: bool = False

    @property
    def rank(self) -> tuple[int, float]:
        """The best offer has the highest rank."""
        return (self.level, self.prior)


def search(
    shadow: Shadow,
    *,
    baseline: Checked | None = None,
    targets: Callable[[Sequence[Diagnostic]], Sequence[Diagnostic]] = lambda errors: errors,
    budget: Budget = Budget(),  # noqa: B008  frozen
    proposers: Sequence[Propose] = SOURCES,
    run_tests: bool = True,
    cancel: Cancel | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Offer]:
    """Yield offers as they are proven, the targets in order; a better proven one replaces its like.

    Args:
        baseline: what the compiler says of the shadow's code, if that is known; else it is asked.
        targets: chooses and orders the errors to look at.
    """
    if baseline is None:
        outcome = shadow.check({}, cancel)
        if not isinstance(outcome, Checked):
            return
        baseline = outcome
    errors = list(targets(baseline.errors))
    open_errors = []
    n_checks = 0
    for number, error in enumerate(errors):
        on_progress(number, len(errors))
        found: list[Offer] = []
        for attempt in _attempts(shadow, baseline, error, budget, proposers):
            if cancel or len(found) >= _PER_DIAGNOSTIC or n_checks >= budget.max_checks:
                break
            n_checks += 1
            offer = _prove(shadow, baseline, attempt, cancel)
            if offer:
                found.append(offer)
                yield offer
        best = max(found, key=lambda offer: offer.rank, default=None)
        if best is None:
            open_errors.append(error)
        elif run_tests and best.level == Level.V2 and not cancel:
            yield from _test(shadow, best, cancel)
    if cancel or not errors:
        return
    if open_errors or len(errors) > 1:
        yield from _all_together(
            shadow, baseline, errors[0], open_errors, budget, proposers, run_tests, cancel
        )


def _attempts(
    shadow: Shadow, baseline: Checked, error: Diagnostic, budget: Budget, proposers: Sequence[Propose]
) -> Iterator[Offer]:
    """Unproven offers, likeliest first."""
    sources = Sources(shadow.files, {})
    found = candidates(error, baseline.errors, sources, edition=shadow.edition, proposers=proposers)
    for candidate, after in found[:_CHECKS_PER_DIAGNOSTIC]:
        if sources.n_changed_lines(after) <= budget.max_lines:
            before = {path: sources[path].text for path in after}
            yield Offer(error, candidate.title, candidate.source, Level.NONE, before, after, candidate.prior)


def _prove(shadow: Shadow, baseline: Checked, offer: Offer, cancel: Cancel | None) -> Offer | None:
    level = _level(shadow.check(offer.after, cancel), baseline, offer.diagnostic)
    if level < Level.V1:
        return None
    after = _shrink(shadow, baseline, offer, level, cancel)
    before = {path: offer.before[path] for path in after}
    return evolve(offer, level=level, before=before, after=after)


def _level(outcome: CheckOutcome, baseline: Checked, target: Diagnostic) -> Level:
    return compare(baseline, outcome, target).level if isinstance(outcome, Checked) else Level.NONE


def _shrink(
    shadow: Shadow, baseline: Checked, offer: Offer, level: Level, cancel: Cancel | None
) -> Mapping[str, bytes]:
    """Drop the hunks without which the same level is reached."""
    parts = diff.all_hunks(offer.before, offer.after)
    if len(parts) < 2:
        return offer.after

    def as_good(chosen: list[diff.Hunk]) -> bool:
        outcome = shadow.check(diff.rebuild(offer.before, chosen), cancel)
        return _level(outcome, baseline, offer.diagnostic) >= level

    kept = ddmin(parts, as_good)
    return offer.after if len(kept) == len(parts) else diff.rebuild(offer.before, kept)


def _test(shadow: Shadow, offer: Offer, cancel: Cancel | None) -> Iterator[Offer]:
    tested = shadow.test(offer.after, cancel)
    if isinstance(tested, Tested) and tested.green:
        yield evolve(offer, level=Level.V3)


def _all_together(
    shadow: Shadow,
    baseline: Checked,
    first: Diagnostic,
    open_errors: Sequence[Diagnostic],
    budget: Budget,
    proposers: Sequence[Propose],
    run_tests: bool,
    cancel: Cancel | None,
) -> Iterator[Offer]:
    """One patch for everything, where the errors can only be mended together or are many."""
    found = repair(
        shadow, baseline=baseline, budget=budget, proposers=proposers, run_tests=run_tests, cancel=cancel
    )
    if not isinstance(found, Repair) or found.level < Level.V2 or not found.state.variant:
        return
    after = found.state.variant
    before = {path: shadow.files[path] for path in after}
    titles = [step.candidate.title for step in found.state.steps]
    n_errors = len(baseline.errors)
    title = titles[0] if n_errors == 1 and len(titles) == 1 else f"Fix all {n_errors} errors of this crate"
    if n_errors == 1 and len(titles) > 1:
        title = f"{titles[0]} (and {len(titles) - 1} more changes)"
    target = open_errors[0] if open_errors else first
    prior = min((step.candidate.prior for step in found.state.steps), default=0.5)
    yield Offer(target, title, "search", found.level, before, after, prior, mends_all=n_errors > 1)
