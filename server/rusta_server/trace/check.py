"""The static check of a script: is it a run that may be, told in the right order?

Each rule is a function from a script and the limits to what is wrong, with line numbers. The outcome of all
rules, with the script's hash, is the witness: whoever has script and witness can check again.
"""

from collections.abc import Callable, Iterator
from typing import Any

from attrs import asdict, frozen

from . import canonical
from .record import Kind
from .script import Script, render

CHECKER = 2
_K = 20


@frozen
class Limits:
    """What a run may do.

    Attributes:
        tools: what may be probed.
        decisions, patches: what may be decided, and done to files.
        max_checks: compiler runs, where the plan names no smaller budget.
        max_lines: K; None for the one the plan names, which is that of its policy, or else 20.
    """

    tools: frozenset[str] = frozenset(
        (
            "file.read",
            "cargo.check",
            "cargo.test",
            "ra.assists",
            "ra.type_of",
            "ra.find_refs",
            "ra.goto_def",
            "model.rank",
            "docs.search",
            "docs.anchor",
            "index.query",
            "patch.journal",
        )
    )
    decisions: frozenset[str] = frozenset(
        ("order", "try", "result", "claim", "offer", "guess", "revert", "abstain")
    )
    patches: frozenset[str] = frozenset(("propose", "apply", "revert", "refuse"))
    max_checks: int = 1000
    max_lines: int | None = None


@frozen
class Fault:
    """A rule that is broken, and where."""

    rule: str
    line: int
    what: str


@frozen
class Witness:
    """What was checked and what came out.

    Attributes:
        script_sha: of the script's canonical text.
        checker: the version of these rules.
        rules: the rules that were checked, in order.
        counts: steps by kind.
        faults: what is broken; empty for a script that may be trusted.
    """

    script_sha: str
    checker: int
    rules: tuple[str, ...]
    counts: dict[str, int]
    faults: tuple[Fault, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing is broken."""
        return not self.faults

    def to_json(self) -> bytes:
        """The witness file's content."""
        return canonical.encode(asdict(self)) + b"\n"


def check(script: Script, limits: Limits = Limits()) -> Witness:
    """Check `script` against every rule."""
    return Witness(
        script_sha=canonical.sha_of(render(script).encode()),
        checker=CHECKER,
        rules=tuple(_RULES),
        counts={str(kind): sum(line.kind is kind for line in script.lines) for kind in Kind},
        faults=tuple(
            Fault(name, number, what)
            for name, rule in _RULES.items()
            for number, what in rule(script, limits)
        ),
    )


Faults = Iterator[tuple[int, str]]


def _order(script: Script, limits: Limits) -> Faults:
    """Plan before Probe before Decide before Patch: none comes before the first of the kind before it."""
    kinds = list(Kind)
    seen: set[Kind] = set()
    for line in script.lines:
        needed = kinds[: kinds.index(line.kind)]
        missing = [kind for kind in needed if kind not in seen]
        if missing and not _is_abstention(line.what):
            yield line.number, f"a {line.kind} before any {missing[0]}"
        seen.add(line.kind)


def _is_abstention(what: str) -> bool:
    return what in ("abstain", "refuse")


def _allowed(script: Script, limits: Limits) -> Faults:
    """No forbidden action."""
    allowed = {Kind.PROBE: limits.tools, Kind.DECIDE: limits.decisions, Kind.PATCH: limits.patches}
    for line in script.lines:
        if line.kind in allowed and line.what not in allowed[line.kind]:
            yield line.number, f"{line.what} is not allowed as a {line.kind}"


def _budget(script: Script, limits: Limits) -> Faults:
    """Not more compiler runs than the plan allows, and the one of the code as it was."""
    left = limits.max_checks
    for line in script.lines:
        if line.kind is Kind.PLAN:
            planned = _member(line.given, "budget", "max_checks")
            # rust-analyzer's help, when asked, gets at least half of the budget again.
            left = min(limits.max_checks, planned + planned // 2 + 1) if isinstance(planned, int) else left
        elif line.kind is Kind.PROBE and line.what == "cargo.check":
            left -= 1
            if left < 0:
                yield line.number, "more compiler runs than the budget allows"
                return


def _cited(script: Script, limits: Limits) -> Faults:
    """Every claim and every patch that is proposed or applied rests on an anchor."""
    for line in script.lines:
        claims = line.kind is Kind.DECIDE and line.what in ("claim", "offer", "guess")
        writes = line.kind is Kind.PATCH and line.what in ("propose", "apply")
        if (claims or writes) and not line.citations:
            yield line.number, f"{line.what} without a citation"


def _threshold(script: Script, limits: Limits) -> Faults:
    """Nothing is claimed or applied below its threshold."""
    for line in script.lines:
        acts = line.what in ("claim", "offer", "apply")
        if acts and line.p is not None and line.tau is not None and line.p < line.tau:
            yield line.number, f"{line.what} with p {line.p:g} below tau {line.tau:g}"


def _small(script: Script, limits: Limits) -> Faults:
    """A patch changes at most K lines."""
    most = _K if limits.max_lines is None else limits.max_lines
    for line in script.lines:
        if line.kind is Kind.PLAN and limits.max_lines is None:
            planned = _member(line.given, "budget", "max_lines")
            most = planned if isinstance(planned, int) else _K
        n_lines = _member(line.given, "changed_lines") if line.kind is Kind.PATCH else None
        if isinstance(n_lines, int) and n_lines > most and line.what != "revert":
            yield line.number, f"{n_lines} changed lines; at most {most} are allowed"


_RULES: dict[str, Callable[[Script, Limits], Faults]] = {
    "order": _order,
    "allowed": _allowed,
    "budget": _budget,
    "cited": _cited,
    "threshold": _threshold,
    "small": _small,
}


def _member(value: Any, *names: str) -> Any:  # noqa: ANN401  JSON
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
