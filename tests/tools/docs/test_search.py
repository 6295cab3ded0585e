"""Search in the index of some real pages."""

import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rusta_server.tools.docs import Docs, Query, Toolchain, build, open_docs, toolchain
from rusta_server.tools.docs.search import _names, _split

PAGES = (
    "book/ch04-01-what-is-ownership.html",
    "book/ch04-02-references-and-borrowing.html",
    "error_codes/E0382.html",
    "error_codes/E0502.html",
    "reference/unsafe-keyword.html",
    "reference/items/unions.html",
    "rustc/lints/listing/warn-by-default.html",
    "std/vec/struct.Vec.html",
    "std/collections/struct.HashMap.html",
    "std/collections/hash_map/struct.HashMap.html",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(cache, toolchain) of an index that all tests here only read."""
    folder = tmp_path_factory.mktemp("search")
    here = toolchain(folder)
    if here is None or here.html is None:
        pytest.skip("the toolchain has no documentation: rustup component add rust-docs")
    html = folder / "toolchain/share/doc/rust/html"
    for page in PAGES:
        (html / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(here.html / page, html / page)
    small = Toolchain(folder / "toolchain", here.version, html)
    build(folder / "cache", small)
    return folder / "cache", small


@pytest.fixture
def docs(made):
    opened = open_docs(*made)
    assert isinstance(opened, Docs)
    yield opened
    opened.close()


def ids(docs: Docs, query: Query, k: int = 5) -> list[str]:
    return [f"{hit.section.corpus.partition('@')[0]}/{hit.section.id}" for hit in docs.search(query, k)]


def test_words_find_the_section_that_speaks_of_them(docs):
    (best, *_) = docs.search(Query(words="only one mutable reference at a time"))
    assert best.section.id.startswith("ch04-02-references-and-borrowing")
    assert "mutable reference" in best.block.text
    assert best.block in best.section.blocks


def test_an_error_code_comes_first_and_what_its_page_links_to_second(docs):
    found = ids(docs, Query(code="E0502"))
    assert found[:2] == ["error_codes/E0502", "book/ch04-02-references-and-borrowing"]


def test_hidden_links_do_not_count(docs):
    to_read = Query(code="E0502", corpora=("book",))
    hidden = Query(code="E0502", corpora=("book",), unlinked=("error_codes", "E0502"))
    with_links, without = (docs.search(query) for query in (to_read, hidden))
    assert with_links[0].score > without[0].score


def test_a_symbol_comes_first(docs):
    assert ids(docs, Query(symbol="std::vec::Vec::drain"))[0] == "std/std::vec::Vec::drain"
    assert ids(docs, Query(symbol="Vec::drain"))[0] == "std/std::vec::Vec::drain"


def test_a_named_item_is_found_by_its_name(docs):
    hits = docs.search(Query(words="`HashMap`", corpora=("std",)))
    assert "HashMap" in hits[0].section.title


def test_only_the_corpora_asked_for_and_each_page_once(docs):
    hits = docs.search(Query(code="E0382", message="use of moved value", corpora=("book", "reference")), 20)
    assert {hit.section.corpus.partition("@")[0] for hit in hits} == {"book", "reference"}
    pages = [hit.section.link.partition("#")[0] for hit in hits]
    assert len(pages) == len(set(pages))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_each_lint_is_a_page_of_its_own(docs):
    found = [hit.section for hit in docs.search(Query(code="unused_variables", words="unused"), 5)]
    assert found[0].title == "unused_variables"
    assert len({one.title for one in found if one.kind == "lint"}) >= 3


def test_the_diagnostic_in_hand_matters(docs):
    plain = docs.search(Query(words="value", corpora=("book", "reference")))
    asked = docs.search(Query(message="access to union field is unsafe", corpora=("book", "reference")))
    assert asked[0].section.link.partition("#")[0].endswith("unions.html")
    assert asked != plain


@pytest.mark.parametrize(
    "words", ["", "   ", "the of and", "zzzqqqxxx", '"', "NEAR(a b)", "title: *", "a" * 5000]
)
def test_nothing_to_find_finds_nothing_and_harms_nothing(docs, words):
    for hit in docs.search(Query(words=words)):
        assert hit.block in hit.section.blocks


def test_of_a_closed_index_nothing_is_found(docs):
    docs.close()
    assert docs.search(Query(words="ownership")) == ()


def test_a_corpus_that_is_not_there(docs):
    assert docs.search(Query(words="ownership", corpora=("nomicon", "nowhere"))) == ()


@given(st.text())
def test_any_text_is_split_into_plain_words(text):
    for word in _split(text):
        assert word == word.lower()
        assert word.replace("_", "a").isalnum()
    assert all(name.replace(":", "").replace("_", "a").isalnum() for name in _names(text))


def test_names_are_split():
    assert set(_split("RefCell of unused_variables in E0382")) == {
        "refcell",
        "ref",
        "cell",
        "unused_variables",
        "unused",
        "variables",
        "e0382",
    }
    assert list(_names("`drain` of Vec::new, Option and swap(a)")) == ["drain", "Vec::new", "Option", "swap"]
