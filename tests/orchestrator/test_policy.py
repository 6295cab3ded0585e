"""No sequence of wishes leads to a fix that the policy forbids."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rusta_server.config import Config
from rusta_server.orchestrator.policy import (
    Facts,
    is_answer,
    may_keep,
    may_show,
    may_write,
    percent,
)
from rusta_server.patch.paths import is_protected, outside_fault
from rusta_server.patch.proof import Level

GOOD = Facts(level=Level.V3, tests="green", paths=("src/lib.rs",), n_lines=(2,), anchors=(1,), confidence=0.9)
paths = st.sampled_from(
    ["src/lib.rs", "src/gen/a.rs", "../x.rs", "/etc/passwd", "a/../../b", "", "a\\b", "a\0b", "tests/t.rs"]
)
probabilities = st.floats(0, 1) | st.sampled_from([0.0, 0.7, 0.85, 1.0, math.nan])
facts = st.builds(
    Facts,
    level=st.sampled_from(list(Level)),
    tests=st.sampled_from(["green", "red", "none", "unasked"]),
    paths=st.lists(paths, min_size=1, max_size=3).map(tuple),
    n_lines=st.lists(st.integers(0, 40), min_size=1, max_size=3).map(tuple),
    anchors=st.lists(st.integers(0, 2), max_size=3).map(tuple),
    confidence=probabilities,
    asked_level=st.none() | st.sampled_from(list(Level)),
)
levels = st.sampled_from(["v1", "v2", "v3"])
policies = st.builds(
    Config,
    level=levels,
    apply_level=levels,
    max_lines=st.integers(1, 30),
    never_touch=st.sampled_from([(), ("src/gen/**",), ("*.rs",)]),
    tau_answer=st.floats(0, 1),
    tau_patch=st.floats(0, 1),
)


@given(policies, facts)
def test_what_may_be_written_is_proven_cited_small_and_inside(policy, known):
    decision = may_write(policy, known)
    assert decision.rule
    assert decision.allowed == (not decision.reason)
    if decision.allowed:
        assert known.level >= Level.V2
        assert known.tests != "red"
        assert known.anchors and min(known.anchors) > 0
        assert max(known.n_lines) <= policy.max_lines
        assert not any(map(outside_fault, known.paths))
        assert not any(is_protected(path, policy.never_touch) for path in known.paths)
        assert may_show(policy, known).allowed
        if known.asked_level is None:
            assert known.confidence >= policy.tau_patch
            assert known.tests == "none" or known.level >= Level.parse(policy.apply_level)


@pytest.mark.parametrize(("mode", "allowed"), [("short", False), ("project", True), ("full", True)])
def test_whether_something_is_kept_names_the_mode(mode, allowed):
    decision = may_keep(Config(memory=mode))
    assert (decision.allowed, decision.rule) == (allowed, f"memory-{mode}")


@given(policies, facts)
def test_what_may_be_shown_is_proven_and_cited(policy, known):
    if may_show(policy, known).allowed:
        assert known.level >= max(Level.parse(policy.level), Level.V1)
        assert known.anchors and min(known.anchors) > 0


@given(policies, facts)
def test_an_answer_is_at_least_as_sure_as_tau_answer(policy, known):
    decision = is_answer(policy, known)
    assert decision.allowed == (known.confidence >= policy.tau_answer)
    assert decision.allowed == (not decision.reason)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_surer_fix_never_reads_as_less_sure(one, other):
    low, high = sorted((one, other))
    assert 1 <= int(percent(low).removesuffix(" %")) <= int(percent(high).removesuffix(" %")) <= 99


@given(policies, facts, facts)
def test_a_decision_depends_on_nothing_that_went_before(policy, first, second):
    alone = may_write(policy, second)
    may_write(policy, first)
    assert may_write(policy, second) == alone


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"level": Level.NONE}, "proof-to-show"),
        ({"anchors": ()}, "citation"),
        ({"anchors": (1, 0)}, "citation"),
        ({"n_lines": (21,)}, "small-diff"),
        ({"paths": ("../lib.rs",)}, "never-touch"),
        ({"tests": "red"}, "green-tests"),
        ({"confidence": 0.84}, "tau-patch"),
        ({"confidence": math.nan}, "tau-patch"),
        ({"level": Level.V2}, "proof-to-write"),
        ({"level": Level.V1, "asked_level": Level.V1}, "proof-to-write"),
    ],
)
def test_a_refusal_names_its_rule(change, rule):
    from attrs import evolve

    decision = may_write(Config(), evolve(GOOD, **change))
    assert not decision.allowed and decision.rule == rule and decision.reason


def test_what_is_good_is_written():
    assert may_write(Config(), GOOD).rule == "written-at-v3"


@pytest.mark.parametrize(
    ("pattern", "path", "covered"),
    [
        ("src/gen/**", "src/gen/a/b.rs", True),
        ("src/gen", "src/gen/a.rs", True),
        ("src/gen/**", "src/general.rs", False),
        ("*.lock", "a/Cargo.lock", True),
        ("/build.rs", "sub/build.rs", False),
    ],
)
def test_patterns_are_those_of_gitignore(pattern, path, covered):
    assert is_protected(path, [pattern]) == covered
