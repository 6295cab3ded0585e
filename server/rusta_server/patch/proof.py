"""How far a patch is proven, and writing a proven patch into the user's tree."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from pathlib import Path

from attrs import frozen

from ..tools.diagnostic import Checked
from ..tools.process import Cancel
from .apply import apply
from .patch import between
from .result import Conflict, ResultCode
from .shadow import NoTests, Shadow, Tested


class Level(IntEnum):
    """How far a patch is proven."""

    NONE = 0
    V1 = 1  # the diagnostic is gone and nothing got worse
    V2 = 2  # the compiler accepts everything
    V3 = 3  # the affected tests ran and are green

    @classmethod
    def parse(cls, text: str) -> "Level":
        """Read ``v1``, ``v2`` or ``v3``."""
        return cls[text.upper()]


@frozen
class Written:
    """The patch is in the tree, and what is there is what was proven. Its id is the way back."""

    paths: tuple[str, ...]
    id: str


@frozen
class Refused:
    """The patch was not written, or was taken back."""

    code: ResultCode
    reason: str


def write(
    root: Path,
    shadow: Shadow,
    variant: Mapping[str, bytes],
    *,
    least: Level,
    journals: Path,
    never: Sequence[str] = (),
    title: str = "",
    cancel: Cancel | None = None,
) -> Written | Refused:
    """Write a variant that was proven on `shadow` into the tree at `root`.

    Afterwards the shadow is compared with the tree, byte for byte. If both hold the same, the proof speaks
    of the tree as it is; if somebody changed something meanwhile, check and tests are run again, and the
    patch is taken back when they are red. A kill before that is over takes it back, too.
    """

    def accept() -> None:
        changed = shadow.refresh()
        if changed and level_of(shadow, {}, run_tests=least >= Level.V3, cancel=cancel) < least:
            names = ", ".join(sorted(changed)[:3])
            raise Conflict(
                ResultCode.REGRESSION, f"files changed while the fix was written ({names}) and it is red now"
            )

    patch = between({path: shadow.files[path] for path in variant}, variant)
    try:
        done = apply(root, patch, journals=journals, never=never, accept=accept, title=title)
    except Conflict as conflict:
        return Refused(conflict.code, f"{conflict} {conflict.hint or ''}".strip())
    return Written(done.paths, done.id)


def level_of(
    shadow: Shadow, variant: Mapping[str, bytes], *, run_tests: bool, cancel: Cancel | None = None
) -> Level:
    """V2 or V3 of a variant as a whole; NONE if it does not compile, or if its tests are red."""
    outcome = shadow.check(variant, cancel)
    if not isinstance(outcome, Checked) or outcome.errors:
        return Level.NONE
    tested = shadow.test(variant, cancel) if run_tests else NoTests()
    if isinstance(tested, Tested):
        return Level.V3 if tested.green else Level.NONE
    return Level.V2 if isinstance(tested, NoTests) else Level.NONE
