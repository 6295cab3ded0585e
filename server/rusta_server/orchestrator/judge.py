"""What a check says about a candidate: comparison of two checks."""

import math
from collections import Counter
from collections.abc import Sequence

from attrs import frozen

from ..patch.proof import Level
from ..tools.diagnostic import Checked, Diagnostic


@frozen
class Verdict:
    """The difference that a candidate made."""

    target_gone: bool
    n_errors: int
    worse: tuple[Diagnostic, ...]
    uncovered: tuple[Diagnostic, ...]
    n_new_warnings: int

    @property
    def level(self) -> Level:
        """V2 if nothing is left, V1 if the target is gone and nothing got worse."""
        if self.n_errors == 0:
            return Level.V2
        return Level.V1 if self.target_gone and not self.worse else Level.NONE


def compare(before: Checked, after: Checked, target: Diagnostic) -> Verdict:
    """Judge the step from `before` to `after`, made for `target`.

    The compiler stops at stages, so mending an error can uncover errors of a *later* stage: those do not
    count as worse. Errors of the same or an earlier stage do, unless what went away nearest to them was of an
    earlier stage and may have hidden them: types and borrows are judged function by function.
    """
    old, new = _fingerprints(before.errors), _fingerprints(after.errors)
    added, lost = new - old, old - new
    fresh = [error for error in after.errors if added[error.fingerprint] > 0]
    gone = [target, *(error for error in before.errors if lost[error.fingerprint] > 0)]

    def was_hidden(error: Diagnostic) -> bool:
        nearest = min(gone, key=lambda other: (_lines_between(error, other), other.stage))
        return error.stage > target.stage or (
            error.stage > nearest.stage and _lines_between(error, nearest) < math.inf
        )

    worse, uncovered = list[Diagnostic](), list[Diagnostic]()
    for error in fresh:
        (uncovered if was_hidden(error) else worse).append(error)
    return Verdict(
        target_gone=new[target.fingerprint] < old[target.fingerprint],
        n_errors=len(after.errors),
        worse=tuple(worse),
        uncovered=tuple(uncovered),
        n_new_warnings=_n_new_warnings(before, after),
    )


def _lines_between(one: Diagnostic, other: Diagnostic) -> float:
    if one.primary is None or other.primary is None or one.primary.path != other.primary.path:
        return math.inf
    return abs(one.primary.line - other.primary.line)


def _fingerprints(diagnostics: Sequence[Diagnostic]) -> Counter[str]:
    return Counter(diagnostic.fingerprint for diagnostic in diagnostics)


def _n_new_warnings(before: Checked, after: Checked) -> int:
    old, new = (
        _fingerprints([d for d in checked.diagnostics if d.level == "warning"]) for checked in (before, after)
    )
    return (new - old).total()
