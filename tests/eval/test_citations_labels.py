import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rusta_eval.citations_labels import LabelledPair, fidelity, lower_bound, merge, read, to_label, write
from rusta_eval.citations_shown import Shown
from rusta_server.errors import RustaError
from rusta_server.tools.docs import State, anchor
from rusta_server.tools.docs.anchor import section


def shown(name="E0382", claim="It was moved.", quote="There can only be one owner at a time."):
    place = section(
        "book@1.95.0", "ownership", kind="page", title="Ownership", link="", texts=[("text", quote)]
    )
    return Shown("error code", name, "why", claim, anchor(place, quote), State.VALID)


@pytest.mark.parametrize(
    ("right", "n", "holds"), [(196, 200, True), (195, 200, False), (388, 400, True), (387, 400, False)]
)
def test_the_bound_is_the_one_that_the_guideline_speaks_of(right, n, holds):
    assert (lower_bound(right, n) >= 0.95) is holds


@given(st.integers(1, 300), st.data())
def test_the_bound_is_exact(n, data):
    right = data.draw(st.integers(1, n))
    p = lower_bound(right, n)
    tail = math.fsum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(right, n + 1))
    assert tail == pytest.approx(0.05, abs=1e-6)
    assert 0 <= p < right / n


def test_nothing_right_bounds_nothing():
    assert lower_bound(0, 10) == 0.0


def test_pairs_are_drawn_evenly_over_the_codes_and_always_the_same():
    many = [shown("E0382", f"Claim {i}.") for i in range(50)] + [
        shown("E0502", f"Claim {i}.") for i in range(3)
    ]
    drawn = to_label(many, 10)
    assert len(drawn) == 10
    assert sum(pair.code == "E0502" for pair in drawn) == 3
    assert to_label(reversed(many), 10) == drawn


def test_a_label_counts_only_while_its_pair_is_shown(tmp_path):
    one, other = to_label([shown(claim="Kept."), shown(claim="Changed.")])
    file = tmp_path / "labels.jsonl"
    write(
        [
            LabelledPair(**{**vars_of(one), "label": "full"}),
            LabelledPair(**{**vars_of(other), "label": "none"}),
        ],
        file,
    )
    found = fidelity(read(file), [shown(claim=one.claim), shown(claim="Changed again.")])
    assert (found.n, found.share, found.stale) == (1, 1.0, (other.id,))
    both = fidelity(read(file), [shown(claim="Kept."), shown(claim="Changed.")])
    assert (both.n, both.share, both.by_corpus) == (2, 0.5, {"book": (1, 2)})


def test_drawing_again_keeps_the_labels():
    drawn = to_label([shown(claim="One."), shown(claim="Two.")])
    labelled = LabelledPair(**{**vars_of(drawn[0]), "label": "partly", "reason": "half of it"})
    merged = merge([labelled], drawn)
    assert merged[0] == labelled
    assert {pair.id for pair in merged} == {pair.id for pair in drawn}


@pytest.mark.parametrize("line", ["{", '{"id": "a"}', "[]", "same"])
def test_a_bad_line_is_named(tmp_path, line):
    (pair,) = to_label([shown()])
    file = tmp_path / "labels.jsonl"
    write([pair], file)
    second = file.read_text() if line == "same" else line + "\n"
    file.write_text(file.read_text() + second)
    with pytest.raises(RustaError, match=r"labels\.jsonl:2"):
        read(file)


def test_an_unknown_label_is_refused(tmp_path):
    (pair,) = to_label([shown()])
    file = tmp_path / "labels.jsonl"
    file.write_text(json.dumps({**vars_of(pair), "label": "good"}) + "\n")
    with pytest.raises(RustaError, match="no label 'good'"):
        read(file)


def vars_of(pair):
    return {name: getattr(pair, name) for name in LabelledPair.__annotations__}
