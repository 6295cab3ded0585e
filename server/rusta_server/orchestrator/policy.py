"""The policy: which fixes may be shown and written, and what may be kept. Every decision names its rule.

Its knobs are options of `Config`.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from attrs import frozen

from ..config import POLICY_FILE, Config
from ..patch import paths
from ..patch.proof import Level


@frozen
class Decision:
    """Whether something may be done, and the rule that says so.

    Attributes:
        rule: its name, as traces keep it.
        reason: for a person; empty if it may.
    """

    allowed: bool
    rule: str
    reason: str = ""


@frozen
class Facts:
    """What is known of a fix when it is to be shown or written.

    Attributes:
        level: how far it is proven.
        tests: "green", "red", "none" (there are none to be asked) or "unasked" (they gave no answer).
        n_failed: how many of them failed.
        paths: the files it changes, relative to the workspace.
        n_lines: the changed lines of each of its parts.
        anchors: for each of its parts, how many anchors justify it.
        confidence: how sure Rusta is that all of it is right (0 to 1).
        asked_level: the level a person asked for by name, if any.
    """

    level: Level
    tests: Literal["green", "red", "none", "unasked"]
    paths: tuple[str, ...]
    n_lines: tuple[int, ...]
    anchors: tuple[int, ...]
    confidence: float
    asked_level: Level | None = None
    n_failed: int = 0


def may_show(config: Config, facts: Facts) -> Decision:
    """Whether a fix may be offered to a person."""
    return _first(_SHOW, config, facts, "shown")


def is_answer(config: Config, facts: Facts) -> Decision:
    """Whether a fix that may be shown is an answer; if not it is a guess, and said to be one."""
    return _first(_ANSWER, config, facts, "answered")


def may_write(config: Config, facts: Facts) -> Decision:
    """Whether a fix may be written into the user's files."""
    return _first((*_SHOW, *_WRITE), config, facts, "written")


def may_keep(config: Config) -> Decision:
    """Whether what a person made of a fix may be kept for later sessions."""
    rule = f"memory-{config.memory}"
    if config.memory == "short":
        return Decision(False, rule, "nothing is kept beyond this session")
    return Decision(True, rule)


Rule = Callable[[Config, Facts], str | None]


def _first(rules: Sequence[tuple[str, Rule]], config: Config, facts: Facts, done: str) -> Decision:
    for name, rule in rules:
        reason = rule(config, facts)
        if reason is not None:
            return Decision(False, name, reason)
    return Decision(True, f"{done}-at-{facts.level.name.lower()}")


def _proven(config: Config, facts: Facts) -> str | None:
    least = max(Level.parse(config.level), Level.V1)
    if facts.level < least:
        return f"proven only to {facts.level.name}, {least.name} is needed"
    return None


def _cited(config: Config, facts: Facts) -> str | None:
    return None if facts.anchors and all(facts.anchors) else "nothing can be cited for it"


def _small(config: Config, facts: Facts) -> str | None:
    if any(n > config.max_lines for n in facts.n_lines):
        return f"it changes {max(facts.n_lines)} lines, {config.max_lines} are allowed"
    return None


def _touchable(config: Config, facts: Facts) -> str | None:
    for path in facts.paths:
        fault = paths.outside_fault(path)
        if fault:
            return fault[1]
        if paths.is_protected(path, config.never_touch):
            return f"{path} must not be touched ({POLICY_FILE})"
    return None


def _not_red(config: Config, facts: Facts) -> str | None:
    if facts.tests != "red":
        return None
    return f"it compiles, but {facts.n_failed} of its tests fail" if facts.n_failed else "no test ran"


def _proven_to_write(config: Config, facts: Facts) -> str | None:
    needed = least_to_write(config, has_tests=facts.tests != "none", asked=facts.asked_level)
    if facts.level < needed:
        return f"proven only to {facts.level.name}, {needed.name} is needed"
    return None


def _sure_to_write(config: Config, facts: Facts) -> str | None:
    is_sure = facts.confidence >= config.tau_patch
    if not is_sure and facts.asked_level is None:
        return f"Rusta is only {percent(facts.confidence)} sure of it, {percent(config.tau_patch)} are needed"
    return None


def _sure_to_answer(config: Config, facts: Facts) -> str | None:
    is_sure = facts.confidence >= config.tau_answer
    if is_sure:
        return None
    return f"not sure: {percent(facts.confidence)}, {percent(config.tau_answer)} are needed for an answer"


_SHOW: tuple[tuple[str, Rule], ...] = (
    ("proof-to-show", _proven),
    ("citation", _cited),
    ("small-diff", _small),
    ("never-touch", _touchable),
)
_WRITE: tuple[tuple[str, Rule], ...] = (
    ("green-tests", _not_red),
    ("proof-to-write", _proven_to_write),
    ("tau-patch", _sure_to_write),
)
_ANSWER: tuple[tuple[str, Rule], ...] = (("tau-answer", _sure_to_answer),)


def least_to_write(config: Config, *, has_tests: bool, asked: Level | None = None) -> Level:
    """The level that writing needs: never below V2, whoever asks."""
    needed = asked or (Level.parse(config.apply_level) if has_tests else Level.V2)
    return max(needed, Level.V2)


def percent(probability: float) -> str:
    """A probability as people read it, rounded down; never 0 % or 100 %, for nobody is that sure."""
    return f"{int(min(max(1, 100 * probability + 1e-9), 99))} %"
