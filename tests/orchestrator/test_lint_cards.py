"""The cards for lints, against what the real compilers say of a program that breaks each of these lints.

`lints/*.said` holds, for each lint, what the compiler says and the sentence that is shown for it. A file
that is not up to date is written anew, and the test fails.
"""

import json
import re
import subprocess
from pathlib import Path

import pytest

from rusta_server.orchestrator import cards, explain
from rusta_server.tools.diagnostic import parse

PROGRAMS = Path(__file__).parent / "lints"
# Lints that the compiler reports under an error code, which has a card of its own.
NOT_BROKEN = {"rustc": {"bindings_with_variant_name", "unsafe_op_in_unsafe_fn"}, "clippy": set()}


def warnings(compiler, program, out):
    """The warnings of the program; an error of it would be seen by what is missing."""
    sysroot = subprocess.run(["rustc", "--print=sysroot"], capture_output=True, text=True, check=True)
    ended = subprocess.run(
        [
            *(compiler, "--sysroot", sysroot.stdout.strip(), "--edition=2021", "--crate-type=lib"),
            *("--cap-lints=warn", "--check-cfg=cfg()", "--error-format=json", "--emit=mir"),
            *("-o", out / "out.mir", program.name),
        ],
        cwd=program.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return [parse(json.loads(line)) for line in ended.stderr.splitlines() if line.startswith("{")]


@pytest.fixture(scope="module", params=["rustc", "clippy"])
def program(request, tmp_path_factory):
    name = request.param
    compiler = {"rustc": "rustc", "clippy": "clippy-driver"}[name]
    return name, warnings(compiler, PROGRAMS / f"{name}.rs", tmp_path_factory.mktemp(name))


def lints_of(name):
    file = cards.FOLDER / ("lints.toml" if name == "rustc" else "clippy.toml")
    return {lint for card in cards.read(file) for lint in card.lints}


def said(diagnostic):
    """The sentence of the card for this diagnostic; None if it is not the card's."""
    card = cards.load().for_diagnostic(diagnostic.code, diagnostic.message)
    explanation = explain.of_diagnostic(diagnostic, None, cards.load())
    here = explanation.parts[0].claims[0].text if explanation and explanation.parts else ""
    wordings = (map(re.escape, cards.PLACEHOLDER.split(wording)[::2]) for wording in card.here)
    return here if any(re.fullmatch(".+".join(parts), here) for parts in wordings) else None


def test_the_program_breaks_every_lint_that_has_a_card(program):
    name, diagnostics = program
    assert not [one.message for one in diagnostics if one.is_error]
    reported = {one.code for one in diagnostics}
    assert lints_of(name) - reported == NOT_BROKEN[name]


def test_what_is_said_of_each_lint(program):
    name, diagnostics = program
    known, lines = lints_of(name), dict[str, None]()
    for one in diagnostics:
        if one.code in known:
            text = said(one)
            assert text, f"{one.code}: the card has nothing to say of {one.message!r}"
            lines[f"{one.code}\n    {one.message}\n    {text}"] = None
    file = PROGRAMS / f"{name}.said"
    now = "\n".join(sorted(lines)) + "\n"
    if not file.exists() or file.read_text() != now:
        file.write_text(now)
        pytest.fail(f"{file.name} was not up to date and has been written anew: read what changed")
