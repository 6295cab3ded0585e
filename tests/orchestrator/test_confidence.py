"""How sure Rusta is: what counts, and that it counts in the right direction."""

import math

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from rusta_inference.confidence import Calibration, calibration, parse, render
from rusta_server.candidates import Candidate, Score
from rusta_server.orchestrator.confidence import Near, confidence, evidence, features
from rusta_server.orchestrator.investigate import next_probe
from rusta_server.patch.edit import Edit
from rusta_server.patch.proof import Level
from rusta_server.tools.diagnostic import Diagnostic, Span

FILE = "src/main.rs"
TEXT = b"fn main() {\n    let is_evening = at(20);\n    show(is_evning);\n}\n"
ERROR = Diagnostic(
    "E0425",
    "error",
    "cannot find value `is_evning` in this scope",
    (
        Span(
            FILE,
            TEXT.index(b"is_evning"),
            TEXT.index(b"is_evning") + 9,
            3,
            10,
            3,
            True,
            None,
            None,
            None,
            False,
        ),
    ),
    (),
)


def known(
    old: bytes, new: bytes, *, prior: float = 0.5, source: str = "rule/name", score: Score | None = None
):
    after = TEXT.replace(old, new)
    assert after != TEXT
    candidate = Candidate(source, "do it", (Edit(FILE, 0, len(TEXT), after),), prior, score=score)
    return evidence(candidate, ERROR, {FILE: TEXT}, {FILE: after})


RENAMED = known(b"is_evning", b"is_evening")


@pytest.mark.parametrize(
    ("old", "new", "traits"),
    [
        (b"is_evning", b"is_evening", {"renames"}),
        (b"is_evning", b"is_morning", {"renames"}),
        (b"    show(is_evning);\n", b"", {"deletes"}),
        (b"at(20)", b"Default::default()", {"made_up"}),
        (b"is_evning", b"todo!()", {"made_up"}),
        (b"is_evning", b"is_evening.clone()", {"copies"}),
        (b"show(", b"show(&", {"marks_only"}),
        (b"let is", b"let mut is", {"marks_only"}),
        (b"    show", b"    let is_evning = 7;\n    show", {"declares"}),
        (b"fn main", b"use std::fmt;\nfn main", {"imports"}),
        (b"let is_evening", b"static is_evening", set()),
    ],
)
def test_what_often_compiles_and_is_wrong_is_seen(old, new, traits):
    found = features(known(old, new), Level.V2)
    watched = ("renames", "deletes", "made_up", "declares", "copies", "marks_only", "imports")
    assert {name for name in watched if found[name]} == traits


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (evolve(RENAMED, prior=0.9), evolve(RENAMED, prior=0.1)),
        (evolve(RENAMED, n_mended=4), RENAMED),
        (RENAMED, evolve(RENAMED, near=Near(stacked=3))),
        (evolve(RENAMED, near=Near(beside=3)), evolve(RENAMED, near=Near(stacked=3))),
        (RENAMED, evolve(RENAMED, source="rule/declare")),
        (known(b"at(20)", b"&at(20)"), known(b"at(20)", b"Default::default()")),
    ],
)
def test_the_fitted_coefficients_count_in_the_right_direction(better, worse):
    assert confidence([better], Level.V2) > confidence([worse], Level.V2)


def test_better_proof_makes_surer():
    one, two, three = (confidence([RENAMED], level) for level in (Level.V1, Level.V2, Level.V3))
    assert one < two < three


def test_a_fix_of_several_parts_is_as_sure_as_its_weakest():
    weak = evolve(RENAMED, prior=0.05)
    assert confidence([RENAMED, weak], Level.V2) == confidence([weak], Level.V2)
    assert confidence([], Level.V3) == 0.0


scores = st.floats(-50, 0).map(lambda total: Score(total, total / 8, total / 2))


@settings(deadline=None)
@given(
    st.floats(0, 1),
    st.sampled_from(list(Level)),
    st.none() | scores,
    st.sampled_from(["rustc", "assist", "rule/x", "model", "rustc+model", "search"]),
    st.binary(max_size=40),
    st.binary(max_size=40),
    st.integers(0, 50),
)
def test_it_is_a_probability_whatever_is_known(prior, level, score, source, old, new, n):
    part = evolve(
        RENAMED,
        prior=prior,
        score=score,
        source=source,
        changes=((old, new),),
        n_lines=n,
        n_new_warnings=n,
        near=Near(n, n, n, n),
    )
    assert 0 < confidence([part], level) < 1


@settings(deadline=None)
@given(
    st.dictionaries(st.text("abc_", min_size=1), st.floats(-1e6, 1e6), max_size=5),
    st.floats(-1e6, 1e6),
    st.floats(-1e6, 1e6),
)
def test_coefficients_are_read_as_they_were_written(weights, bias, value):
    written = Calibration(bias, weights, 3, {"rule/x": 0.5})
    (read,) = parse(render({"x": written})).values()
    assert (read.weights.keys(), read.n, read.sources) == (weights.keys(), 3, {"rule/x": 0.5})
    p = read.probability(dict.fromkeys(weights, value))
    assert 0 < p < 1 and not math.isnan(p)


def test_features_that_were_not_fitted_are_refused():
    with pytest.raises(ValueError, match="not the features of this calibration: moon"):
        calibration("after").probability({**features(RENAMED, Level.V2), "moon": 1.0})


def test_coefficients_of_another_version_are_refused():
    with pytest.raises(ValueError, match="version 9"):
        parse('{"v": 9, "calibrations": {}}')


@pytest.mark.parametrize(
    ("level", "tests", "run_tests", "said"),
    [
        (Level.V1, "unasked", True, "mend the other errors"),
        (Level.V2, "red", True, "read what the failing tests expect"),
        (Level.V2, "none", False, "let the tests run"),
        (Level.V2, "unasked", True, "run the tests"),
        (Level.V2, "none", True, "write a test that runs src/main.rs:3"),
        (Level.V3, "green", True, "see whether a test runs src/main.rs:3"),
    ],
)
def test_the_next_probe_fits_what_is_known(level, tests, run_tests, said):
    assert next_probe(ERROR, level, tests, run_tests=run_tests).startswith(said)
