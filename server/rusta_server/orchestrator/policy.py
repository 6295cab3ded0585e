"""The policy: which fixes may be shown and which may be written. Every decision names the rule that made it.

The knobs have their defaults here; a project changes them in `rusta.toml`, a person by flags and editor
settings. A project's file comes with code of unknown origin, so it can take no protection away: what it says
of the sandbox and of the proof that writing needs counts only where it is stricter.
"""

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import cattrs
import pathspec
from attrs import evolve, field, fields, frozen, validators
from cattrs import transform_error
from cattrs.v import format_exception

from ..errors import RustaError
from ..patch.proof import Level

FILE = "rusta.toml"


def _knob(default: Any, help: str, check: Any = None) -> Any:  # noqa: ANN401  the annotation gives the type
    return field(default=default, metadata={"help": help}, validator=check)


@frozen
class Policy:
    """What a run may do. Editors send these as settings, a project keeps them in `rusta.toml`."""

    level: Literal["v1", "v2", "v3"] = _knob(
        "v1", "The least level of proof a fix needs to be shown: v1, v2 or v3."
    )
    apply_level: Literal["v1", "v2", "v3"] = _knob(
        "v3", "The least level a fix needs to be written; v2 is enough where there are no tests."
    )
    max_lines: int = _knob(20, "The most lines one fix may change (K).", validators.ge(1))
    sandbox: bool = _knob(
        True, "Run cargo without network and without write access outside its folders, where possible."
    )
    never_touch: tuple[str, ...] = _knob(
        (), "Files that no fix may change, as patterns like `src/generated/**`."
    )

    @property
    def least_to_show(self) -> Level:
        """`level` as a value."""
        return Level.parse(self.level)


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
        tests: "green", "red", "none" (there are none) or "unasked".
        paths: the files it changes, relative to the workspace.
        n_lines: the changed lines of each of its parts.
        anchors: for each of its parts, how many anchors justify it.
        is_guess: it rests on something made up, and no test speaks for it.
        asked_level: the level a person asked for by name, if any.
    """

    level: Level
    tests: Literal["green", "red", "none", "unasked"]
    paths: tuple[str, ...]
    n_lines: tuple[int, ...]
    anchors: tuple[int, ...]
    is_guess: bool = False
    asked_level: Level | None = None


def may_show(policy: Policy, facts: Facts) -> Decision:
    """Whether a fix may be offered to a person."""
    return _first(_SHOW, policy, facts, "shown")


def may_write(policy: Policy, facts: Facts) -> Decision:
    """Whether a fix may be written into the user's files."""
    return _first((*_SHOW, *_WRITE), policy, facts, "written")


Rule = Callable[[Policy, Facts], str | None]


def _first(rules: Sequence[tuple[str, Rule]], policy: Policy, facts: Facts, done: str) -> Decision:
    for name, rule in rules:
        reason = rule(policy, facts)
        if reason is not None:
            return Decision(False, name, reason)
    return Decision(True, f"{done}-at-{facts.level.name.lower()}")


def _proven(policy: Policy, facts: Facts) -> str | None:
    least = max(policy.least_to_show, Level.V1)
    if facts.level < least:
        return f"proven only to {facts.level.name}, {least.name} is needed"
    return None


def _cited(policy: Policy, facts: Facts) -> str | None:
    return None if facts.anchors and all(facts.anchors) else "nothing can be cited for it"


def _small(policy: Policy, facts: Facts) -> str | None:
    if any(n > policy.max_lines for n in facts.n_lines):
        return f"it changes {max(facts.n_lines)} lines, {policy.max_lines} are allowed"
    return None


def _touchable(policy: Policy, facts: Facts) -> str | None:
    for path in facts.paths:
        if is_outside(path):
            return f"{path} lies outside the workspace"
        if is_protected(path, policy.never_touch):
            return f"{path} must not be touched ({FILE})"
    return None


def _not_red(policy: Policy, facts: Facts) -> str | None:
    return "it compiles, but tests fail" if facts.tests == "red" else None


def _proven_to_write(policy: Policy, facts: Facts) -> str | None:
    needed = least_to_write(policy, has_tests=facts.tests != "none", asked=facts.asked_level)
    if facts.level < needed:
        return f"proven only to {facts.level.name}, {needed.name} is needed"
    return None


def _no_guess(policy: Policy, facts: Facts) -> str | None:
    if facts.is_guess and facts.asked_level is None:
        return "it is a guess and no test speaks for it"
    return None


_SHOW: tuple[tuple[str, Rule], ...] = (
    ("proof-to-show", _proven),
    ("citation", _cited),
    ("small-diff", _small),
    ("never-touch", _touchable),
)
_WRITE: tuple[tuple[str, Rule], ...] = (
    ("green-tests", _not_red),
    ("no-guess", _no_guess),
    ("proof-to-write", _proven_to_write),
)


def least_to_write(policy: Policy, *, has_tests: bool, asked: Level | None = None) -> Level:
    """The level that writing needs: never below V2, whoever asks."""
    needed = asked or (Level.parse(policy.apply_level) if has_tests else Level.V2)
    return max(needed, Level.V2)


def is_outside(path: str) -> bool:
    """Whether a path of a patch leads out of the workspace."""
    pure = PurePosixPath(path)
    return pure.is_absolute() or ".." in pure.parts or not pure.parts or "\\" in path or "\0" in path


def is_protected(path: str, patterns: Iterable[str]) -> bool:
    """Whether a pattern, written as in a `.gitignore`, covers the path."""
    return pathspec.GitIgnoreSpec.from_lines(patterns).match_file(path)


# Reading.


def load(root: Path | None, settings: Mapping[str, Any] | None = None) -> Policy:
    """The policy for the workspace at `root`: defaults, then its `rusta.toml`, then a person's settings.

    Args:
        settings: knobs by name; those that are None or unknown are passed over.

    Raises:
        RustaError: a file or setting is wrong; says which knob.
    """
    policy = Policy()
    if root is not None:
        policy = _tightened(policy, _read(root / FILE))
    known = {knob.name for knob in fields(Policy)}
    own = {name: value for name, value in (settings or {}).items() if name in known and value is not None}
    return _structured({**_plain(policy), **own}, "settings")


def _read(file: Path) -> dict[str, Any]:
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RustaError(f"{file} cannot be read: {error.strerror}") from error
    try:
        raw = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RustaError(f"{file}: {error}", hint="Correct it, or remove it.") from error
    table = raw.get("policy", {})
    if not isinstance(table, dict):
        raise RustaError(f"{file}: policy is no table", hint="Write its settings below [policy].")
    unknown = [key for key in raw if key != "policy"]
    unknown += [key for key in table if key not in {knob.name for knob in fields(Policy)}]
    if unknown:
        names = ", ".join(knob.name for knob in fields(Policy))
        raise RustaError(f"{file}: no such setting: {unknown[0]}", hint=f"In [policy] there are {names}.")
    return dict(table)


def _tightened(policy: Policy, table: Mapping[str, Any]) -> Policy:
    """The policy with a project's wishes, as far as they take no protection away."""
    wished = _structured({**_plain(policy), **table}, FILE)
    return evolve(
        wished,
        sandbox=wished.sandbox or policy.sandbox,
        apply_level=max(wished.apply_level, policy.apply_level),
    )


def _plain(policy: Policy) -> dict[str, Any]:
    return {knob.name: getattr(policy, knob.name) for knob in fields(Policy)}


def _structured(values: Mapping[str, Any], where: str) -> Policy:
    try:
        return cattrs.Converter().structure(values, Policy)
    except Exception as error:
        told = transform_error(error, path=where, format_exception=_complaint)
        raise RustaError("; ".join(told), hint=f"Correct it in {where}.") from error


def _complaint(error: BaseException, wanted: type | None) -> str:
    # A validator's own words name the knob.
    is_own = isinstance(error, ValueError) and "must be" in str(error.args[0])
    return str(error.args[0]) if is_own else format_exception(error, wanted)
