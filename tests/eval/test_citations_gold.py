"""Gold links, read from real pages."""

import pytest

from rusta_eval import citations_gold
from rusta_eval.citations_gold import Found, recall


@pytest.fixture(scope="module")
def codes(docs):
    return {one.id: one for one in citations_gold.sources(docs) if one.kind == "error code"}


def test_the_links_of_a_page_are_its_targets(docs, codes):
    assert {one.page for one in codes["E0382"].targets} == {"book/ch04-00-understanding-ownership.html"}
    assert all(one.page != source.page for source in codes.values() for one in source.targets)
    assert len(codes) > 40


def test_the_strict_question_lacks_the_links_words_and_nothing_else(codes):
    source = codes["E0502"]
    assert "References & Borrowing" in source.text
    assert "References & Borrowing" not in source.strict
    kept = source.strict.split()
    assert all(word in source.text for word in kept)
    assert len(kept) == len(source.text.split()) - len(["References", "&", "Borrowing"])


def test_every_way_of_asking_is_measured(docs, codes):
    found = citations_gold.measure(docs, [codes["E0502"]])
    pages = [one for one in found if one.level == "page"]
    assert {(one.system, one.variant, one.ranking) for one in pages} == {
        (system, variant, ranking)
        for system in citations_gold.SYSTEMS
        for variant in citations_gold.VARIANTS
        for ranking in ("book", citations_gold.POOLED)
    }
    assert all(one.corpus == "book" for one in pages)


def test_recall_counts_ranks():
    ranks = (1, 2, 4, None)
    found = [
        Found("error code", f"E{n}", "test", "rusta", "loose", "page", "book", "book", rank)
        for n, rank in enumerate(ranks)
    ]
    figures = recall(found)["page", "per corpus", "error code", "all", "rusta", "loose", "all"]
    assert figures == {"n": 4, "r1": 0.25, "r3": 0.5, "r5": 0.75}
