"""A trace from elsewhere that holds secrets is refused: without them its hashes would not hold any more."""

from collections.abc import Iterator, Mapping

from attrs import frozen

from . import canonical
from .record import BadTrace, Step
from .secrets import find

# As many are named; who mends a trace begins with these.
_MOST = 20
_HASHES = frozenset(("sha", "prev", "input_sha", "output_sha"))


@frozen
class Secret:
    """Where a secret stands in a trace, and what it looks like; never the secret.

    Attributes:
        field: in the step's line, ``output.errors[2]``; a payload kept beside the line counts as its input
            or output.
        kind: in words, ``GitHub token``.
    """

    step: int
    field: str
    kind: str


class HoldsSecrets(BadTrace):
    """A trace that would bring secrets onto the disk.

    Attributes:
        secrets: the first of them, in the order of the steps.
    """

    def __init__(self, name: str, secrets: tuple[Secret, ...], *, hint: str) -> None:
        first = secrets[0]
        more = f", and {len(secrets) - 1} more" if len(secrets) > 1 else ""
        super().__init__(
            f"{name} holds what looks like a secret: step {first.step}, {first.field} ({first.kind}){more}.",
            hint=hint,
        )
        self.secrets = secrets


def secrets_in(
    lines: bytes, steps: list[Step], blobs: Mapping[str, bytes] | None = None
) -> tuple[Secret, ...]:
    """The first secrets in a trace, fields included that this version does not know.

    Names of home folders are none: what is elsewhere's says little about this machine's user.

    Args:
        lines: the whole trace, as read into `steps`.
        blobs: its payloads, by their hashes.
    """
    found: list[Secret] = []
    for one in _all(lines, steps, blobs or {}):
        found.append(one)
        if len(found) == _MOST:
            break
    return tuple(found)


def _all(lines: bytes, steps: list[Step], blobs: Mapping[str, bytes]) -> Iterator[Secret]:
    for step, line in zip(steps, lines.split(b"\n"), strict=False):  # a torn last line is no step
        fields = {key: value for key, value in canonical.decode(line).items() if key not in _HASHES}
        for place, kind in find(fields):
            yield Secret(step.seq, place.removeprefix("."), kind)
        for field, sha, inline in (
            ("input", step.input_sha, step.input),
            ("output", step.output_sha, step.output),
        ):
            if sha is not None and sha in blobs and inline is None:
                for place, kind in find(canonical.decode(blobs[sha])):
                    yield Secret(step.seq, f"{field}{place}", kind)
