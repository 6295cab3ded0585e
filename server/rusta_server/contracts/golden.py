"""Golden Traces: chosen runs, whole and replayable, to learn from and to compare with."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from attrs import field, frozen
from msgspec import Meta

from ..shapes import Count, RelativePath, Sha256, Text, Version
from ..tools.docs.anchor import Anchor
from ..trace.record import Step


@frozen
class Snapshot:
    """What the run began with.

    Attributes:
        files: the sources by hash.
        rustc: the compiler's version.
        rusta: the version of Rusta.
    """

    files: Annotated[Mapping[RelativePath, Sha256], Meta(min_length=1)]
    rustc: Version
    rusta: Version


@frozen
class FinalState:
    """What the run ended with.

    Attributes:
        files: what differs from the snapshot, by hash.
        level: how far it is proven; `none` for an abstention.
        n_errors_left: errors that the compiler still reports.
        n_passed, n_failed: tests; null if none were run.
    """

    files: Mapping[RelativePath, Sha256]
    level: Literal["none", "v1", "v2", "v3"]
    n_errors_left: Count
    n_passed: Count | None = None
    n_failed: Count | None = None


@frozen
class Citation:
    """A claim and the spans that say so, at least one."""

    claim: Text
    anchors: Annotated[tuple[Anchor, ...], Meta(min_length=1)]


@frozen
class Spent:
    """What the run took.

    Attributes:
        n_lines: changed lines.
        n_checks: compiler runs.
    """

    n_lines: Count
    n_checks: Count
    seconds: Annotated[float, Meta(ge=0)]


@frozen
class Golden:
    """A chosen run.

    Attributes:
        v: the version of this format.
        steps: its trace.
        payloads: what is too long for the steps, by hash.
    """

    snapshot: Snapshot
    steps: Annotated[tuple[Step, ...], Meta(min_length=1)]
    final_state: FinalState
    citations: tuple[Citation, ...]
    metrics: Spent
    payloads: Mapping[Sha256, Any] = field(factory=dict)
    v: Literal[1] = 1
