"""The cards of the compiler's errors, tried on programs that rustc rejects.

Each program in `fixtures/cards` is named after the error it is about (`no_code` for errors without one), and
its first line says what its card must make of it: ``// here: …``. Every card must be tried by one.
"""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rusta_server.orchestrator import cards, facts
from rusta_server.tools import diagnostic

PROGRAMS = sorted((Path(__file__).parent / "fixtures" / "cards").glob("*.rs"))
# Met every day; the others take their turn in the slow run.
OFTEN = ("E0277_1", "E0308_1", "E0382_1", "E0425_1", "E0499_1", "E0502_1", "E0597_1", "E0599_1", "no_code_1")

often = pytest.mark.parametrize("program", [p for p in PROGRAMS if p.stem in OFTEN], ids=lambda p: p.stem)


@often
def test_what_is_met_every_day(program, tmp_path):
    said, _ = explained(program, tmp_path)
    assert said == expected(program)


@pytest.mark.slow
def test_every_program_is_explained_as_it_says(all_explained):
    wrong = {
        program.stem: (said, expected(program))
        for program, (said, _) in all_explained.items()
        if said != expected(program)
    }
    assert not wrong


@pytest.mark.slow
def test_every_card_is_tried_by_a_program(all_explained):
    tried = {id(card) for _, card in all_explained.values()}
    every = [
        card
        for of_one in (*cards.load().about.values(), cards.load().without_code)
        for card in of_one
        if card.here and not card.lints
    ]
    assert not [f"{card.name}: {card.message}" for card in every if id(card) not in tried]


@pytest.fixture(scope="module")
def all_explained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return dict(
            zip(PROGRAMS, threads.map(lambda program: explained(program, folder), PROGRAMS), strict=True)
        )


def expected(program):
    return program.read_text().splitlines()[0].removeprefix("// here: ")


def explained(program, folder):
    """What the card says of the first error with the program's code, and the card."""
    code = None if program.stem.startswith("no_code") else program.stem.partition("_")[0]
    for found in errors(program, folder):
        if found.code == code:
            card = cards.load().for_diagnostic(code, found.message)
            return (facts.facts(found, card).wording(card.here), card) if card else (None, None)
    pytest.fail(f"{program.name}: rustc has no error {code}")


def errors(program, folder):
    source = program.read_text()
    edition = "2015" if "// edition: 2015" in source else "2021"
    kind = "bin" if "fn main" in source or "// crate-type: bin" in source else "lib"
    options = ["--edition", edition, "--crate-type", kind, "--crate-name=main", "--emit=metadata"]
    done = subprocess.run(
        ["rustc", *options, "--error-format=json", "--out-dir", folder, program],
        capture_output=True,
        text=True,
    )
    raw = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    return [diagnostic.parse(one) for one in raw if one["level"] == "error"]
