"""Hand-written rules for what rustc leaves open.

A rule is a function from a `Context` to candidates, registered for the codes it answers::

    @rule("E0502", "E0499")
    def clone_the_shared_borrow(context: Context) -> Iterator[Candidate]: ...

One module per family of errors; a new module is one line in `_MODULES`. Rules know Rust, never a
particular program. They may propose several alternatives: the compiler decides.
"""

import importlib
import logging
from collections.abc import Callable, Iterable, Iterator

from ...patch.edit import Edit
from .. import Candidate, Context, Propose, elsewhere

_MODULES: tuple[str, ...] = (
    "borrows",
    "moves",
    "outlives",
    "conversions",
    "holes",
    "impls",
    "visibility",
    "duplicates",
    "names",
    "bounds",
    "parser",
    "attributes",
    "declarations",
    "methods",
    "generics",
    "operators",
    "patterns",
    "members",
    "lifetimes",
    "mutability",
    "inference",
    "unsafety",
    "control",
    "derives",
)

_RULES: dict[str | None, list[Propose]] = {}
_log = logging.getLogger(__name__)


def rule(*codes: str | None) -> Callable[[Propose], Propose]:
    """Register a rule for `codes`; None stands for errors without a code (the parser's)."""

    def register(function: Propose) -> Propose:
        for code in codes:
            _RULES.setdefault(code, []).append(function)
        return function

    return register


def fix(name: str, title: str, prior: float, *edits: Edit | None) -> Candidate:
    """A rule's candidate; edits that are None are left out."""
    kept = tuple(sorted({edit for edit in edits if edit is not None}))
    return Candidate(f"rule/{name}", title, kept, prior)


def propose(context: Context) -> Iterator[Candidate]:
    """All candidates of all rules for the context's diagnostic. A rule that fails is logged and skipped.

    Where other files define what the diagnostic speaks of, the rules look at those, too.
    """
    _load()
    rules = _RULES.get(context.diagnostic.code, ())
    known = set()
    for function in rules:
        for candidate in _guarded(function, context):
            known.add(candidate.edits)
            yield candidate
    files = elsewhere.joined(context) if rules else None
    if files is None:
        return
    there = elsewhere.with_all(context, files)
    for function in rules:
        for candidate in _guarded(function, there):
            carried = files.carried_back(candidate)
            if carried is not None and carried.edits not in known:
                yield carried


def _guarded(function: Propose, context: Context) -> Iterable[Candidate]:
    try:
        return [candidate for candidate in function(context) if candidate.edits]
    except Exception:
        _log.exception("rule %s failed on %s", function.__name__, context.diagnostic.code)
        return []


def _load() -> None:
    for module in _MODULES:
        importlib.import_module(f"{__name__}.{module}")
