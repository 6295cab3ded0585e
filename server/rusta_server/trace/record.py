"""Trace v1: one line of JSON for each step, each hashed with the hash of the step before it.

A step is small: what went in and what came out are kept whole only while they are short; anything longer is a
blob in a file that is named by its hash (`.ledger`).
"""

import re
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from attrs import evolve, fields, frozen
from msgspec import Meta

from ..errors import RustaError
from ..shapes import Count, Probability, Sha256, Text
from . import canonical

VERSION = 1
NO_STEP = "0" * 64
# What is longer than this, in bytes of canonical JSON, becomes a blob.
INLINE_BYTES = 1024
# As TraceScript writes it without quotes.
_WHAT = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")


class Kind(StrEnum):
    """The four kinds of steps, in the order in which they first occur."""

    PLAN = "plan"
    PROBE = "probe"
    DECIDE = "decide"
    PATCH = "patch"


class BadTrace(RustaError):
    """A trace is not what its hashes say, or no trace at all."""


@frozen
class Step:
    """One step of a run.

    Attributes:
        v: the version of this format.
        seq: counts from 0.
        prev: the `sha` of the step before, or 64 zeros.
        kind: what sort of step.
        what: the tool that was asked or the thing decided: ``cargo.check``, ``offer``, ``apply``.
        span: the place it is about, ``src/lib.rs:3:5`` or an error's fingerprint; None for the whole.
        input_sha, output_sha: SHA-256 of the canonical JSON of what went in and what came out; None if
            nothing did.
        input, output: the same, whole, if short; else None, and a blob has it.
        citations: ids of the anchors a claim or decision rests on.
        p: the probability given to what was decided; tau: the threshold it was held against.
        decision: what was decided and the rule that decided it.
        t: seconds since the trace began. Never enters a decision.
        sha: of everything above; empty until it is sealed.
    """

    v: Annotated[int, Meta(ge=1, le=VERSION)]
    seq: Count
    prev: Sha256
    kind: Kind
    what: Text
    span: str | None
    input_sha: Sha256 | None
    output_sha: Sha256 | None
    input: Any
    output: Any
    citations: tuple[Text, ...]
    p: Probability | None
    tau: Probability | None
    decision: str | None
    t: Annotated[float, Meta(ge=0)]
    sha: Sha256


def seal(step: Step) -> Step:
    """The step with its hash."""
    return evolve(step, sha=_sha(_shallow(step)))


def to_line(step: Step) -> bytes:
    """The step as a line of a trace, line break included."""
    return canonical.encode(_shallow(step)) + b"\n"


def _shallow(step: Step) -> dict[str, Any]:
    return {name: getattr(step, name) for name in _NAMES}


def from_line(line: bytes) -> Step:
    """Read one line; fields that are not known are passed over, but count in the hash.

    Raises:
        BadTrace: it is no step, or not what its hash says.
    """
    try:
        step = _DECODER.decode(line)
    except msgspec.ValidationError as error:
        raise BadTrace(_complaint(line, error)) from error
    except ValueError as error:
        raise BadTrace(f"not a line of a trace: {error}") from error
    if not 1 <= step.v <= VERSION:
        raise BadTrace(f"a trace of version {step.v}; this Rusta reads up to {VERSION}")
    if not _WHAT.fullmatch(step.what):
        raise BadTrace(f"step {step.seq}: {step.what[:40]!r} is no name of a tool or decision")
    if step.sha != _sha_of_line(line, step.sha):
        raise BadTrace(f"step {step.seq}: not what its hash says")
    return step


def _complaint(line: bytes, error: Exception) -> str:
    try:
        raw = canonical.decode(line)
    except ValueError as broken:
        return f"not a line of a trace: {broken}"
    if not isinstance(raw, dict):
        return "not a line of a trace: no object"
    version = raw.get("v")
    if isinstance(version, int) and version > VERSION:
        return f"a trace of version {version}; this Rusta reads up to {VERSION}"
    return f"step {raw.get('seq')}: {error}"


def _sha_of_line(line: bytes, sha: str) -> str:
    """The hash of the line's object without its own ``sha``.

    A line is canonical, so cutting the member out of it leaves the canonical text of the rest. Where the
    same words stand in a payload too, or the line was written by another hand, the object is written anew.
    """
    own = f'"sha":"{sha}",'.encode()
    if line.count(own) == 1:
        rest = canonical.sha_of(line.rstrip(b"\n").replace(own, b""))
        if rest == sha:
            return rest
    return _sha(canonical.decode(line))


def follows(step: Step, previous: Step | None) -> None:
    """Check the chain.

    Raises:
        BadTrace: `step` does not come after `previous`.
    """
    seq, sha = (previous.seq + 1, previous.sha) if previous else (0, NO_STEP)
    if step.seq != seq:
        raise BadTrace(f"step {step.seq} stands where step {seq} should")
    if step.prev != sha:
        raise BadTrace(f"step {step.seq} does not follow the step before it: the chain is broken")


def _sha(raw: dict[str, Any]) -> str:
    return canonical.sha({key: value for key, value in raw.items() if key != "sha"})


_NAMES = tuple(field.name for field in fields(Step))
_DECODER = msgspec.json.Decoder(Step)
