"""Where things are tried: a copy of the user's code that can be changed and compiled at will."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from attrs import frozen

from ..errors import RustaError
from ..tools import rustc
from ..tools.diagnostic import Checked, CouldNotCheck
from ..tools.process import Cancel, Cancelled, TimedOut

CheckOutcome = Checked | CouldNotCheck | TimedOut | Cancelled


@frozen
class Tested:
    """The tests ran to their end. Only `n_passed` > 0 with `n_failed` == 0 is a pass."""

    __test__ = False  # not a test for pytest

    n_passed: int
    n_failed: int
    output: str = ""

    @property
    def green(self) -> bool:
        """Whether at least one test ran and none failed."""
        return self.n_passed > 0 and self.n_failed == 0


@frozen
class NoTests:
    """There was nothing to run."""


TestOutcome = Tested | NoTests | CouldNotCheck | TimedOut | Cancelled


class Shadow(Protocol):
    """A copy of the code as it was at the start, on which variants are judged.

    A variant is a mapping from the paths of changed files to their new contents; everything else is as in
    `files`.
    """

    @property
    def files(self) -> Mapping[str, bytes]:
        """The original contents, by path relative to the root; KeyError for files outside."""

    @property
    def edition(self) -> str:
        """The edition the code is written in."""

    def check(
        self, variant: Mapping[str, bytes], cancel: Cancel | None = None, *, all_targets: bool = True
    ) -> CheckOutcome:
        """Compile the variant; without `all_targets` leave out what only tests, examples and benches need."""

    def test(self, variant: Mapping[str, bytes], cancel: Cancel | None = None) -> TestOutcome:
        """Run the variant's tests."""

    def refresh(self) -> set[str]:
        """Take over the disk's state as the new original; returns the paths that differed from the copy."""


def why_not(outcome: CheckOutcome) -> RustaError:
    """Say to a person why there is no judgement."""
    if isinstance(outcome, CouldNotCheck):
        return RustaError(outcome.reason, hint=outcome.hint)
    if isinstance(outcome, TimedOut):
        return RustaError(
            f"the check took longer than {outcome.after_s:g} s and was ended.",
            hint="Give it more time: rusta fix --timeout SECONDS, in an editor the setting checkTimeoutS.",
        )
    return RustaError("the search was cancelled.", hint="Start it again.")


@frozen
class FileShadow:
    """A lone file, checked by rustc itself; `original` is where it came from, if it is on the disk."""

    folder: Path
    name: str
    files: Mapping[str, bytes]
    edition: str = "2021"
    mode: str = "auto"
    flags: tuple[str, ...] = ()
    launcher: tuple[str, ...] = ()
    timeout_s: float = 30.0
    original: Path | None = None

    def check(
        self, variant: Mapping[str, bytes], cancel: Cancel | None = None, *, all_targets: bool = True
    ) -> CheckOutcome:
        """Compile the variant with rustc; there is only one target."""
        file = self.folder / self.name
        file.write_bytes(variant.get(self.name, self.files[self.name]))
        return rustc.check(
            file,
            edition=self.edition,
            mode=self.mode,
            flags=self.flags,
            launcher=self.launcher,
            timeout_s=self.timeout_s,
            cancel=cancel,
        )

    def test(self, variant: Mapping[str, bytes], cancel: Cancel | None = None) -> TestOutcome:
        """A lone file is compiled, not run."""
        return NoTests()

    def refresh(self) -> set[str]:
        """Compare the copy with the original; nothing to take over, since every check writes its variant."""
        same = self.original is None or (self.folder / self.name).read_bytes() == self.original.read_bytes()
        return set() if same else {self.name}
