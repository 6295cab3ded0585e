"""Every hand-written rule on a small program: what it proposes, and that the compiler accepts it.

A fixture file holds cases ``//- rule`` · the program · ``//=`` · the program afterwards.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rusta_server.candidates import Context, rules
from rusta_server.orchestrator.propose import Sources
from rusta_server.patch.edit import EditError, apply
from rusta_server.patch.shadow import FileShadow
from rusta_server.tools.diagnostic import Checked

FIXTURES = Path(__file__).parent / "fixtures"
NAME = "main.rs"
FAMILIES = (
    "borrows",
    "moves",
    "outlives",
    "conversions",
    "operators",
    "patterns",
    "members",
    "lifetimes",
    "mutability",
    "inference",
    "unsafety",
    "control",
    "derives",
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
)


def cases() -> Iterator[object]:
    for family in FAMILIES:
        text = (FIXTURES / f"{family}.rs").read_text(encoding="utf-8")
        for number, case in enumerate(re.split(r"^//- ", text, flags=re.M)[1:], 1):
            rule, program = case.split("\n", 1)
            before, after = program.split("//=\n")
            yield pytest.param(rule, before, after, id=f"{family}-{number}-{rule}")


@pytest.mark.parametrize(("rule", "before", "after"), list(cases()))
def test_rule(rule: str, before: str, after: str, tmp_path: Path) -> None:
    check(tmp_path, rule, before, after)


def check(folder: Path, rule: str, before: str, after: str) -> None:
    """The rule proposes the step from `before` to `after`, and `after` compiles."""
    checked = compile_(folder, before)
    assert checked.errors, "the program was meant to be broken"
    proposed = list(variants(rule, before, checked))
    assert after in proposed, "\n----\n".join(proposed) or "the rule proposes nothing"
    assert not compile_(folder, after).errors


def compile_(folder: Path, text: str) -> Checked:
    outcome = FileShadow(folder, NAME, {NAME: text.encode()}).check({})
    assert isinstance(outcome, Checked)
    return outcome


def variants(rule: str, before: str, checked: Checked) -> Iterator[str]:
    files = {NAME: before.encode()}
    for error in checked.errors:
        for candidate in rules.propose(Context(error, checked.errors, Sources(files, {}))):
            if candidate.source == f"rule/{rule}":
                try:
                    yield apply(files, candidate.edits)[NAME].decode()
                except EditError:
                    continue
