"""What a check says about a candidate: comparison of two checks."""

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
    count as worse. Errors of the same or an earlier stage do.
    """
    old, new = _fingerprints(before.errors), _fingerprints(after.errors)
    added = new - old
    fresh = [error for error in after.errors if added[error.fingerprint] > 0]
    worse = tuple(error for error in fresh if error.stage <= target.stage)
    return Verdict(
        target_gone=new[target.fingerprint] < old[target.fingerprint],
        n_errors=len(after.errors),
        worse=worse,
        uncovered=tuple(error for error in fresh if error.stage > target.stage),
        n_new_warnings=_n_new_warnings(before, after),
    )


def _fingerprints(diagnostics: Sequence[Diagnostic]) -> Counter[str]:
    return Counter(diagnostic.fingerprint for diagnostic in diagnostics)


def _n_new_warnings(before: Checked, after: Checked) -> int:
    old, new = (
        _fingerprints([d for d in checked.diagnostics if d.level == "warning"]) for checked in (before, after)
    )
    return (new - old).total()
