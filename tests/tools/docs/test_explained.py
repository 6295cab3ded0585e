"""Error codes without an index: from their own pages, or from the compiler itself."""

from pathlib import Path

import pytest
from attrs import evolve

from rusta_server.tools.docs import Explained, State, anchor, toolchain

MOVED = "A variable was used after its contents have been moved elsewhere."


@pytest.fixture(params=["pages", "compiler"])
def known(request):
    here = toolchain(Path.cwd())
    return Explained(here if request.param == "pages" else evolve(here, html=None))


def test_an_error_code_can_be_cited(known):
    found = known.section("error_codes", "E0382")
    assert found.corpus.startswith("error_codes@" if known.toolchain.html else "explain@")
    made = anchor(found, MOVED)
    assert known.resolve(made).state == State.VALID
    assert known.resolve(evolve(made, quote="It was not moved.")).state == State.ORPHAN
    assert known.resolve(evolve(made, structural_id="E0502")).state == State.ORPHAN
    assert known.resolve(evolve(made, corpus="book@1.95.0")).state == State.ORPHAN


def test_the_page_says_what_the_index_says(docs):
    for code in ("E0382", "E0038", "E0502"):
        page = Explained(docs.toolchain).section("error_codes", code)
        assert page == docs.section("error_codes", code)


@pytest.mark.parametrize("code", ["E9999", "", "--version", "E0382; rm -rf", "../E0382", "unused_variables"])
def test_nothing_else_is_known(known, code):
    assert known.section("error_codes", code) is None
    assert known.section("book", "E0382") is None
    assert known.item("std::vec::Vec") is None
