"""The repair loop: a best-first search over variants of the code, judged by the compiler.

A state is a variant that was checked. Its children are the candidates for its errors. The next child to be
checked is the one whose parent looks best (few errors, late stage, likely steps) and which is itself the
likeliest. The search ends at the first variant without errors, or when the budget is spent; then the
variant counts in which most was mended and nothing made worse.
"""

import heapq
import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

from attrs import evolve, field, frozen

from ..candidates import Candidate, Propose, Rank
from ..config import Config
from ..patch import diff
from ..patch.edit import Edit, EditError, apply
from ..patch.paths import is_protected
from ..patch.proof import Level
from ..patch.shadow import CheckOutcome, Shadow, Tested, TestOutcome
from ..patch.shrink import Shrunk, shrink
from ..tools.diagnostic import BORROWS, Checked, Diagnostic, Span
from ..tools.process import Cancel, is_cancelled
from .confidence import Evidence, Near, confidence, evidence
from .judge import Verdict, compare
from .propose import ASK_BELOW, SOURCES, Found, Sources, candidates, ranked, split_sure

# Weights of the order of search, in units of one remaining error. Estimates: `rusta eval` shows what a
# change of them does to the programs mended and to the compiler runs spent.
_STAGE_BONUS = 1.0
_STEP_WEIGHT = 0.35
_STEP_BONUS = 0.3
_LINE_WEIGHT = 0.02
_ERROR_ORDER_WEIGHT = 0.15
_WORSE_PENALTY = 1.5
_WARNING_WEIGHT = 0.2

_CLOSE_LINES = 12


@frozen
class Budget:
    """What one search may spend.

    Attributes:
        max_checks: compiler runs.
        max_steps: candidates stacked on each other, those for errors of the start not counted.
        max_lines: K, the lines one candidate may change.
        max_word_tries: compiler runs to find the words of a patch that it does not need. Off by default:
            half of a rename may compile, too. On 199 programs it took 1.2 more compiler runs each, and 6
            fixes were no longer as the author wrote them (`rusta eval`).
        max_experiments: B, the alternatives that are proven for one error in an editor.
        never_touch: files that no candidate may change, as patterns of a .gitignore.
        max_tests: test runs, when variants that compile fail the tests.
        max_questions: errors about which the byte model is asked.
    """

    max_checks: int = 60
    max_steps: int = 6
    max_lines: int = 20
    max_tests: int = 4
    max_word_tries: int = 0
    max_experiments: int = 3
    never_touch: tuple[str, ...] = ()
    max_questions: int = 12

    def allows(self, n_lines: int, paths: Iterable[str]) -> bool:
        """Whether a candidate of this size may change these files."""
        return n_lines <= self.max_lines and not (
            self.never_touch and any(is_protected(path, self.never_touch) for path in paths)
        )


def budget_of(config: Config) -> Budget:
    """What a search may spend by these settings."""
    return Budget(
        max_checks=config.max_checks,
        max_steps=config.rounds,
        max_lines=config.max_lines,
        max_experiments=config.max_experiments,
        never_touch=config.never_touch,
    )


@frozen
class Step:
    """One candidate on the way from the broken code to a variant.

    Attributes:
        mended: the errors that went away with it; the one it was made for comes first.
        before, after: the variant before and after the step.
        n_new_warnings: what the compiler warns of only since then.
    """

    diagnostic: Diagnostic
    candidate: Candidate
    mended: tuple[Diagnostic, ...]
    before: Mapping[str, bytes]
    after: Mapping[str, bytes]
    seconds: float
    n_new_warnings: int = 0


@frozen
class State:
    """A checked variant and how it came about."""

    variant: Mapping[str, bytes]
    checked: Checked
    steps: tuple[Step, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    shrunk: Shrunk | None = None  # if it was larger at first

    @property
    def is_sound(self) -> bool:
        """Whether every step mended its target, and nothing is left that one of them brought in."""
        left = {error.fingerprint for error in self.checked.errors}
        return all(
            verdict.target_gone and not any(error.fingerprint in left for error in verdict.worse)
            for verdict in self.verdicts
        )


@frozen
class Repair:
    """What the loop found.

    Attributes:
        baseline: the check of the code as it was.
        state: the best variant; without steps if nothing could be mended.
        level: the proof of that variant as a whole.
        tested: what the tests said, if they were run.
        tried: every variant that was checked.
    """

    baseline: Checked
    state: State
    level: Level
    n_checks: int
    seconds: float
    tested: TestOutcome | None = None
    tried: frozenset[frozenset[tuple[str, bytes]]] = field(default=frozenset(), repr=False)

    @property
    def remaining(self) -> tuple[Diagnostic, ...]:
        """The errors that are left."""
        return self.state.checked.errors

    def n_lines(self, files: Mapping[str, bytes]) -> tuple[int, ...]:
        """The changed lines of each step; `files` are the original contents."""
        return tuple(
            diff.n_changed_lines({path: step.before.get(path, files[path]) for path in after}, after)
            for step in self.state.steps
            for after in (step.after,)
        )

    def confidences(self, files: Mapping[str, bytes]) -> tuple[float, ...]:
        """How sure Rusta is of each step; `files` are the original contents."""
        return tuple(confidence([part], self.level) for part in self.evidence(files))

    def evidence(self, files: Mapping[str, bytes]) -> tuple[Evidence, ...]:
        """What speaks for and against each step; `files` are the original contents."""
        return tuple(
            evidence(
                step.candidate,
                step.diagnostic,
                {path: step.before.get(path, files[path]) for path in step.after},
                step.after,
                n_new_warnings=step.n_new_warnings,
                n_mended=len(step.mended),
                near=self._near(position),
            )
            for position, step in enumerate(self.state.steps)
        )

    def _near(self, position: int) -> Near:
        """What is close to the error of a step."""
        steps = self.state.steps
        own = steps[position].diagnostic
        known = {error.fingerprint for error in self.baseline.errors}
        first_stage = min((error.stage for error in self.baseline.errors), default=BORROWS)
        near = Counter[str]()
        for other, step in enumerate(steps):
            if other == position or not are_close(own, step.diagnostic):
                continue
            error = steps[max(other, position)].diagnostic  # what was mended later
            if error.fingerprint in known:
                near["beside"] += 1
            else:
                near["later" if error.stage > first_stage else "stacked"] += 1
        return Near(**near, left=sum(are_close(own, error) for error in self.remaining))


def are_close(one: Diagnostic, other: Diagnostic) -> bool:
    """Whether two errors are so close to each other that one mistake may be behind both."""
    if one.primary is None or other.primary is None:
        return True
    is_same_file = one.primary.path == other.primary.path
    return is_same_file and abs(one.primary.line - other.primary.line) <= _CLOSE_LINES


Move = tuple[Diagnostic, Candidate]


@frozen
class Event:
    """Progress of a search, for a progress bar or a trace.

    Attributes:
        kind: ``start``, ``baseline``, ``try`` (a variant is checked next), ``checked``, ``compiles``,
            ``tests failed``, ``help``, ``stuck``.
        moves, variant: of a try, what is tried and the files as they become.
    """

    kind: str
    n_checks: int
    n_errors: int
    detail: str = ""
    moves: tuple[Move, ...] = ()
    variant: Mapping[str, bytes] = field(factory=dict, repr=False)


@frozen
class _Child:
    """A variant that waits to be checked."""

    parent: State
    moves: tuple[Move, ...]
    variant: Mapping[str, bytes]

    @property
    def targets(self) -> tuple[Diagnostic, ...]:
        """The errors that it is for."""
        return tuple(target for target, _ in self.moves)


@frozen
class _Question:
    """An error about which the byte model may be asked.

    Attributes:
        position: of the error among those of `parent`.
        unlikely: what others propose for it and what is tried only afterwards.
        best: for each position the likeliest move known; what all questions about `parent` fill together.
    """

    parent: State
    error: Diagnostic
    position: int
    unlikely: list[Found]
    best: dict[int, Move]
    open: set[int]

    @property
    def targets(self) -> tuple[Diagnostic, ...]:
        """The errors that it is for."""
        return (self.error,)


@frozen(order=True)
class _Entry:
    """What waits in the queue; the cheapest is next."""

    cost: float
    tie: int
    item: _Child | _Question = field(order=False)


def repair(
    shadow: Shadow,
    *,
    baseline: Checked | None = None,
    unfinished: Repair | None = None,
    budget: Budget = Budget(),
    proposers: Sequence[Propose] = SOURCES,
    rank: Rank | None = None,
    run_tests: bool = False,
    cancel: Cancel | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
) -> Repair | CheckOutcome:
    """Search for a variant of the shadow's code that compiles.

    Args:
        rank: the byte model, asked about an error once nothing likely is left for it.
        baseline: what the compiler says of the code as it is, if that is known; else it is asked.
        unfinished: an earlier repair to go on from, with other proposers.

    Returns:
        a `Repair`, or the outcome of the very first check if that gave no judgement (could not check,
        timed out, cancelled).
    """
    started = time.monotonic()
    on_event(Event("start", 0, 0))
    if unfinished is not None:
        baseline = unfinished.baseline
    if baseline is None:
        outcome = shadow.check({}, cancel)
        if not isinstance(outcome, Checked):
            return outcome
        baseline = outcome
    on_event(Event("baseline", 0, len(baseline.errors)))
    search = _Search(shadow, baseline, budget, proposers, rank, cancel, on_event)
    best = start = State({}, baseline)
    if unfinished is not None:
        best = start = unfinished.state
        search.seen |= unfinished.tried
    clean: list[tuple[State, TestOutcome | None]] = []
    tested: TestOutcome | None
    if start.checked.errors:
        search.expand(start)
        variants = search.states()
    else:
        variants = iter([start])
    for state in variants:
        if not state.checked.errors:
            state = search.shrink(state)
            on_event(Event("compiles", search.n_checks, 0))
            tested = shadow.test(state.variant, cancel) if run_tests else None
            clean.append((state, tested))
            if not isinstance(tested, Tested) or tested.green or len(clean) >= budget.max_tests:
                break
            on_event(Event("tests failed", search.n_checks, 0, f"{tested.n_failed} failed"))
            search.take_back()
        elif state.is_sound and _rank(state) < _rank(best):
            best = state
        if not clean and _are_old(best.checked, baseline) and search.set_aside(best):
            on_event(Event("stuck", search.n_checks, len(best.checked.errors)))
            break
    tested = None
    level = Level.V1 if best.steps else Level.NONE
    if clean:
        best, tested = min(clean, key=lambda pair: not (isinstance(pair[1], Tested) and pair[1].green))
        level = Level.V3 if isinstance(tested, Tested) and tested.green else Level.V2
    seconds = time.monotonic() - started
    return Repair(baseline, best, level, search.n_checks, seconds, tested, frozenset(search.seen))


def repair_with_help(
    shadow: Shadow,
    help_: Callable[[], AbstractContextManager[Sequence[Propose]]],
    *,
    proposers: Sequence[Propose] = SOURCES,
    rank: Rank | None = None,
    budget: Budget = Budget(),
    run_tests: bool = False,
    cancel: Cancel | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
) -> Repair | CheckOutcome:
    """`repair`, and if something is left, once more with proposers that are dear to start."""
    found = repair(
        shadow,
        proposers=proposers,
        rank=rank,
        budget=budget,
        run_tests=run_tests,
        cancel=cancel,
        on_event=on_event,
    )
    if not isinstance(found, Repair) or not found.remaining or is_cancelled(cancel):
        return found
    on_event(Event("help", found.n_checks, len(found.remaining)))
    with help_() as helpers:
        if not helpers:
            return found
        more = repair(
            shadow,
            unfinished=found,
            proposers=(*helpers, *proposers),
            rank=rank,
            budget=evolve(budget, max_checks=max(budget.max_checks - found.n_checks, budget.max_checks // 2)),
            run_tests=run_tests,
            cancel=cancel,
            on_event=on_event,
        )
    assert isinstance(more, Repair)  # its baseline is known
    return evolve(more, n_checks=found.n_checks + more.n_checks, seconds=found.seconds + more.seconds)


class _Search:
    """The queue of children and what was spent on them."""

    def __init__(
        self,
        shadow: Shadow,
        baseline: Checked,
        budget: Budget,
        proposers: Sequence[Propose],
        rank: Rank | None,
        cancel: Cancel | None,
        on_event: Callable[[Event], None],
    ) -> None:
        self._known = {error.fingerprint for error in baseline.errors}
        self.shadow, self.budget, self.proposers, self.rank = shadow, budget, proposers, rank
        self.cancel, self.on_event = cancel, on_event
        self.n_checks = 0
        self._n_questions = 0
        self._queue: list[_Entry] = []
        self.seen: set[frozenset[tuple[str, bytes]]] = set()
        self._aside: list[_Entry] = []
        self._ties = itertools.count()

    def states(self) -> Iterator[State]:
        """Check children in order, queue theirs, and yield the states that are worth something."""
        while self._queue and self.n_checks < self.budget.max_checks and not is_cancelled(self.cancel):
            item = heapq.heappop(self._queue).item
            if isinstance(item, _Question):
                self._ask(item)
                continue
            state = self._try(item)
            if state is None:
                continue
            n_stacked = sum(step.diagnostic.fingerprint not in self._known for step in state.steps)
            if state.checked.errors and n_stacked < self.budget.max_steps:
                self.expand(state)
            yield state

    def set_aside(self, state: State) -> bool:
        """Let wait only what goes on from `state` or is for an error that is left there; whether nothing is.

        Other ways to mend what is mended would not help.
        """
        left = {error.fingerprint for error in state.checked.errors}
        hopeful: list[_Entry] = []
        others: list[_Entry] = []
        for entry in self._queue:
            waiting = entry.item
            goes_on = _begins_with(waiting.parent.steps, state.steps)
            is_hopeful = goes_on or any(target.fingerprint in left for target in waiting.targets)
            (hopeful if is_hopeful else others).append(entry)
        self._queue = hopeful
        heapq.heapify(self._queue)
        self._aside += others
        return not hopeful

    def take_back(self) -> None:
        """Let wait again what was set aside."""
        for entry in self._aside:
            heapq.heappush(self._queue, entry)
        self._aside.clear()

    def expand(self, state: State) -> None:
        """Queue the candidates for the errors of `state`, and the best of each all together."""
        sources = Sources(self.shadow.files, state.variant)
        errors = _in_order(state)
        best: dict[int, Move] = {}
        questions: set[int] = set()
        for position, error in enumerate(errors[: self.budget.max_checks]):
            found = candidates(error, errors, sources, edition=self.shadow.edition, proposers=self.proposers)
            small = self._allowed(found, sources)
            if small:
                best[position] = (error, small[0][0])
            if self.rank is not None:
                small, unlikely = split_sure(small)
                questions.add(position)
                question = _Question(state, error, position, unlikely, best, questions)
                self._push(_cost(state) + _extra(ASK_BELOW, 0, position), question)
            self._push_all(state, error, position, small, sources)
        self._push_together(state, best, sources)

    def _ask(self, question: _Question) -> None:
        """Queue what the model adds to the candidates for an error, and the rest of them in its order."""
        state, error, position = question.parent, question.error, question.position
        sources = Sources(self.shadow.files, state.variant)
        found = question.unlikely
        question.open.discard(position)
        if self.rank is not None and self._n_questions < self.budget.max_questions:
            self._n_questions += 1
            more = ranked(
                error, _in_order(state), sources, found, edition=self.shadow.edition, rank=self.rank
            )
            found = self._allowed(more, sources)
            if found and position not in question.best:
                question.best[position] = (error, found[0][0])
        self._push_all(state, error, position, found, sources)
        if not question.open:
            self._push_together(state, question.best, sources)

    def _allowed(self, found: Sequence[Found], sources: Sources) -> list[Found]:
        return [one for one in found if self.budget.allows(sources.n_changed_lines(one[1]), one[1])]

    def _push_all(
        self, state: State, error: Diagnostic, position: int, found: Sequence[Found], sources: Sources
    ) -> None:
        for candidate, after in found:
            extra = _extra(candidate.prior, sources.n_changed_lines(after), position)
            child = _Child(state, ((error, candidate),), {**state.variant, **after})
            self._push(_cost(state) + extra, child)

    def _push_together(self, state: State, best: Mapping[int, Move], sources: Sources) -> None:
        moves, after = _together(sources, [best[position] for position in sorted(best)])
        if len(moves) > 1:
            self._push(_cost(state), _Child(state, moves, {**state.variant, **after}))

    def _push_without_culprits(self, child: _Child, outcome: Checked, verdicts: Sequence[Verdict]) -> None:
        """Queue the moves of a child again without those that mended nothing or brought errors in."""
        bad = {number for number, verdict in enumerate(verdicts) if not verdict.target_gone}
        worse = {error.fingerprint: error for verdict in verdicts for error in verdict.worse}
        sources = Sources(self.shadow.files, child.parent.variant)
        for error in worse.values():
            if error.primary is not None:
                lines = [_lines_to(error.primary, move, child) for move in child.moves]
                bad |= {number for number, n in enumerate(lines) if n == min(lines) < math.inf}
        good = [move for number, move in enumerate(child.moves) if number not in bad]
        if bad and len(good) > 1:
            moves, after = _together(sources, good)
            self._push(_cost(child.parent), _Child(child.parent, moves, {**child.parent.variant, **after}))

    def shrink(self, state: State) -> State:
        """Drop what a clean variant does not need: hunks, words in them, and the steps that made them."""
        original = self.shadow.files
        clean: dict[tuple[diff.Hunk, ...], Checked] = {}

        def still_clean(chosen: list[diff.Hunk]) -> bool:
            outcome = self._check(diff.rebuild(original, chosen))
            if not isinstance(outcome, Checked) or outcome.errors:
                return False
            clean[tuple(chosen)] = outcome
            return True

        parts = diff.all_hunks(original, state.variant)
        shrunk = shrink(parts, still_clean, max_word_tries=self.budget.max_word_tries)
        if shrunk.hunks == parts:
            return state
        return evolve(
            state,
            variant=diff.rebuild(original, shrunk.hunks),
            checked=clean[tuple(shrunk.hunks)],
            steps=_rebuild_steps(original, state.steps, shrunk),
            shrunk=shrunk,
        )

    def _push(self, cost: float, item: _Child | _Question) -> None:
        heapq.heappush(self._queue, _Entry(cost, next(self._ties), item))

    def _check(self, variant: Mapping[str, bytes]) -> CheckOutcome:
        self.n_checks += 1
        return self.shadow.check(variant, self.cancel)

    def _try(self, child: _Child) -> State | None:
        """Check a child; None if it was seen, gave no judgement, or is not worth going on from."""
        variant = frozenset(child.variant.items())
        if variant in self.seen:
            return None
        self.seen.add(variant)
        started = time.monotonic()
        titles = "; ".join(candidate.title for _, candidate in child.moves)
        n_errors = len(child.parent.checked.errors)
        self.on_event(Event("try", self.n_checks, n_errors, titles, child.moves, child.variant))
        outcome = self._check(child.variant)
        if not isinstance(outcome, Checked):
            return None
        self.on_event(Event("checked", self.n_checks, len(outcome.errors), titles))
        verdicts = tuple(compare(child.parent.checked, outcome, target) for target, _ in child.moves)
        if len(child.moves) > 1 and any(verdict.level < Level.V1 for verdict in verdicts):
            self._push_without_culprits(child, outcome, verdicts)
        if outcome.errors and not _is_promising(child.parent, outcome, verdicts):
            return None
        steps = _steps(self.shadow.files, child, outcome, verdicts, time.monotonic() - started)
        return State(child.variant, outcome, child.parent.steps + steps, child.parent.verdicts + verdicts)


def _begins_with(steps: Sequence[Step], first: Sequence[Step]) -> bool:
    """Whether some steps go on from others: the very same ones, not equal ones."""
    return len(steps) >= len(first) and all(a is b for a, b in zip(steps, first, strict=False))


def _in_order(state: State) -> list[Diagnostic]:
    """Its errors as they are looked at: those of an early stage hide others."""
    return sorted(state.checked.errors, key=lambda error: error.stage)


def _extra(prior: float, n_lines: int, position: int) -> float:
    """What a candidate adds to the cost of the state that it goes on from."""
    return -math.log(max(prior, 1e-3)) + _LINE_WEIGHT * n_lines + _ERROR_ORDER_WEIGHT * min(position, 10)


def _together(sources: Sources, moves: Sequence[Move]) -> tuple[tuple[Move, ...], dict[str, bytes]]:
    """As many of the moves as do not overlap, and the files after them."""
    chosen: list[Move] = []
    edits: list[Edit] = []
    after: dict[str, bytes] = {}
    for move in moves:
        new = [edit for edit in move[1].edits if edit not in edits]
        if not new:
            continue
        try:
            after = apply(sources.contents(), edits + new)
        except EditError:
            continue
        edits += new
        chosen.append(move)
    return tuple(chosen), after


def _lines_to(place: Span, move: Move, child: _Child) -> float:
    """How many lines of a child's text a place is away from what a move changes there, or from its error."""
    target, candidate = move
    found = [
        abs(place.line - target.primary.line)
        if target.primary is not None and target.primary.path == place.path
        else math.inf
    ]
    edits = sorted({edit for _, one in child.moves for edit in one.edits if edit.path == place.path})
    shift = 0
    for edit in edits:
        start = edit.start + shift
        shift += len(edit.text) - (edit.end - edit.start)
        if edit in candidate.edits:
            text = child.variant[place.path]
            first = text.count(b"\n", 0, start) + 1
            last = first + edit.text.count(b"\n")
            found.append(max(first - place.line, place.line - last, 0))
    return min(found)


def _steps(
    files: Mapping[str, bytes],
    child: _Child,
    outcome: Checked,
    verdicts: Sequence[Verdict],
    seconds: float,
) -> tuple[Step, ...]:
    """One step for each move of a child, with what it mended and the variant before and after it."""
    left = Counter(error.fingerprint for error in outcome.errors)
    gone = [error for error in child.parent.checked.errors if not left[error.fingerprint]]
    targets = [target for target, _ in child.moves]
    by_the_way: dict[Diagnostic, list[Diagnostic]] = {target: [] for target in targets}
    for error in gone:
        if error not in targets:
            by_the_way[min(targets, key=lambda target: _distance(error, target))].append(error)
    sources = Sources(files, child.parent.variant)
    before: Mapping[str, bytes] = child.parent.variant
    edits: list[Edit] = []
    steps = []
    for (target, candidate), verdict in zip(child.moves, verdicts, strict=True):
        edits += [edit for edit in candidate.edits if edit not in edits]
        after = {**child.parent.variant, **apply(sources.contents(), edits)}
        mended = (target, *by_the_way[target])
        steps.append(
            Step(
                target,
                candidate,
                mended,
                before,
                after,
                seconds / len(child.moves),
                n_new_warnings=verdict.n_new_warnings,
            )
        )
        before = after
    return tuple(steps)


def _distance(error: Diagnostic, target: Diagnostic) -> float:
    """Lines between two errors; of several fixes tried together the nearest is credited."""
    if error.primary is None or target.primary is None or error.primary.path != target.primary.path:
        return math.inf
    return abs(error.primary.line - target.primary.line)


def _rebuild_steps(files: Mapping[str, bytes], steps: Sequence[Step], shrunk: Shrunk) -> tuple[Step, ...]:
    """The steps that made the kept hunks, each with only those; a step without any is left out."""
    result: list[Step] = []
    open_hunks, done = list(shrunk.kept), list[diff.Hunk]()
    for position, step in enumerate(steps):
        present = diff.all_hunks(files, step.after)
        last = position == len(steps) - 1
        own = [hunk for hunk in open_hunks if hunk in present or last]
        if own:
            before = diff.rebuild(files, done)
            done += [shrunk.smaller.get(hunk, hunk) for hunk in own]
            open_hunks = [hunk for hunk in open_hunks if hunk not in own]
            result.append(evolve(step, before=before, after=diff.rebuild(files, done)))
    return tuple(result)


def _is_promising(parent: State, outcome: Checked, verdicts: Sequence[Verdict]) -> bool:
    """Whether to go on from a variant that still has errors.

    Sound steps always; others only if a target is gone and there are not more errors than before: a change
    of a signature, say, moves the error to the call.
    """
    if all(verdict.level >= Level.V1 for verdict in verdicts):
        return True
    gone = any(verdict.target_gone for verdict in verdicts)
    return gone and len(outcome.errors) <= max(len(parent.checked.errors), 2)


def _are_old(checked: Checked, baseline: Checked) -> bool:
    """Whether all errors that are left were there from the start: then no other way round will mend them."""
    known = {error.fingerprint for error in baseline.errors}
    return all(error.fingerprint in known for error in checked.errors)


def _cost(state: State) -> float:
    """How far a state seems from clean code, in units of one error."""
    errors = state.checked.errors
    unlikely = sum(-math.log(max(step.candidate.prior, 1e-3)) for step in state.steps)
    worse = sum(len(verdict.worse) > 0 for verdict in state.verdicts)
    warnings = sum(verdict.n_new_warnings for verdict in state.verdicts)
    return (
        len(errors)
        - _STAGE_BONUS * min((error.stage for error in errors), default=BORROWS)
        + _STEP_WEIGHT * unlikely
        + _WORSE_PENALTY * worse
        + _WARNING_WEIGHT * warnings
        - _STEP_BONUS * sum(verdict.level >= Level.V1 for verdict in state.verdicts)
    )


def _rank(state: State) -> tuple[int, int, float]:
    """Order of unfinished states: a later stage first, then fewer errors, then likelier steps."""
    errors = state.checked.errors
    return (-min((error.stage for error in errors), default=BORROWS), len(errors), _cost(state))
