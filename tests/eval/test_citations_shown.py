"""What is shown for real diagnostics, checked against the pages."""

import pytest
from attrs import evolve

from rusta_eval import citations_shown
from rusta_eval.citations_labels import fidelity, to_label
from rusta_eval.pairs import Pair

BROKEN = 'fn main() { let s = String::new(); let t = s; println!("{s}{t}"); }'
MOVED = Pair("moved", BROKEN, None, "", (), "2021", "auto", ())


@pytest.fixture(scope="module")
def shown(docs):
    return citations_shown.of_programs(docs, [MOVED])


def test_all_that_is_shown_stands_there(docs, shown):
    corpora = {one.anchor.corpus.partition("@")[0] for one in shown}
    assert {"diagnostic", "error_codes"} <= corpora or {"diagnostic", "book"} <= corpora
    assert [citations_shown.fault(one, docs) for one in shown] == [""] * len(shown)


def test_what_does_not_stand_there_is_a_fault(docs, shown):
    one = next(one for one in shown if not one.anchor.corpus.startswith("diagnostic@"))
    said = next(one for one in shown if one.anchor.corpus.startswith("diagnostic@"))
    page, _, _ = one.anchor.link.partition("#")
    for anchor in (
        evolve(one.anchor, quote=one.anchor.quote + " And more."),
        evolve(one.anchor, link=page.replace(".html", "-gone.html")),
        evolve(one.anchor, link=f"{page}#no-such-place"),
        evolve(one.anchor, link=page.replace("/book/", "/reference/").replace("/error_codes/", "/book/")),
    ):
        assert citations_shown.fault(evolve(one, anchor=anchor), docs)
    other = evolve(said.diagnostic, message="something else", spans=(), children=())
    assert citations_shown.fault(evolve(said, diagnostic=other), docs)


def test_the_same_program_gives_the_same_pairs(docs, shown):
    """Wherever it is compiled: the ids of labels must not depend on the folder."""
    again = citations_shown.of_programs(docs, [MOVED])
    assert to_label(again) == to_label(shown)
    labelled = [evolve(pair, label="full") for pair in to_label(shown)]
    assert fidelity(labelled, again).stale == ()
