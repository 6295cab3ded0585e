"""An anchor finds its span again where that can be known, and otherwise nothing: never another span."""

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from rusta_server.tools.docs import Docs, State, Toolchain, anchor, build
from rusta_server.tools.docs.anchor import Section, resolve_in, section

PAGE = "book/ch04-01-what-is-ownership.html"
RULES = "ch04-01-what-is-ownership/ownership-rules"
ONE_OWNER = "There can only be one owner at a time."


def made_of(*texts: str, id: str = "page/part") -> Section:
    return section("book@1", id, kind="heading", title="", link="", texts=[("text", text) for text in texts])


WORDS = st.sampled_from(
    ["the value", "is moved", "not", "a borrow", "`x`", "lives", "7", "u8", "one.", "Two?"]
)
TEXTS = st.lists(st.lists(WORDS, min_size=1, max_size=12).map(" ".join), min_size=1, max_size=6)


@given(TEXTS, st.data())
def test_what_has_not_changed_is_valid_and_the_same(texts, data):
    where = made_of(*texts)
    block = data.draw(st.sampled_from(where.blocks))
    start = data.draw(st.integers(0, len(block.text) - 1))
    end = data.draw(st.integers(start + 1, len(block.text)))
    if not block.text[start:end].strip():
        return
    made = anchor(where, block.text[start:end], near=block.start + start)
    found = resolve_in(made, where)
    assert (found.state, found.anchor) == (State.VALID, made)


@given(TEXTS, TEXTS, st.data())
@settings(max_examples=200)
def test_what_is_found_in_other_text_is_there_and_alike(texts, others, data):
    before, after = made_of(*texts), made_of(*others)
    made = anchor(before, data.draw(st.sampled_from(before.blocks)).text)
    found = resolve_in(made, after)
    if found.anchor is None:
        assert found.state == State.ORPHAN
        return
    raw = after.text.encode()
    quote = found.anchor.quote.encode()
    assert raw[found.anchor.offset : found.anchor.offset + len(quote)] == quote
    if found.state == State.VALID:
        assert found.anchor.quote == made.quote
    else:
        assert found.likeness >= 0.9
        assert made.quote.split().count("not") == found.anchor.quote.split().count("not")


def test_one_of_two_equal_sentences_is_told_by_what_is_around_it():
    before = made_of("The first case.", "It panics.", "The second case.", "It panics.")
    second = anchor(before, "It panics.", near=before.blocks[3].start)
    after = made_of(
        "A new one.", "It panics.", "The second case.", "It panics.", "The first case.", "It panics."
    )
    found = resolve_in(second, after)
    assert found.state == State.VALID
    assert found.anchor is not None
    assert found.anchor.offset == after.blocks[3].start


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "A value that was moved can be used again afterwards.",
            "A value that was moved cannot be used again after.",
        ),
        (
            "Only the last use of the attribute on an item counts.",
            "Only the first use of the attribute on an item counts.",
        ),
        ("The index must not be greater than the length.", "The index must be greater than the length."),
        (
            "Returns an error if the length exceeds 255 bytes here.",
            "Returns an error if the length exceeds 256 bytes here.",
        ),
        ("Calls `Vec::reserve_exact` before it writes.", "Calls `Vec::reserve_extra` before it writes."),
        (
            "This function is safe to call from any thread.",
            "This function is unsafe to call from any thread.",
        ),
    ],
)
def test_a_sentence_that_says_something_else_is_another_one(old, new):
    assert resolve_in(anchor(made_of(old), old), made_of(new)).state == State.ORPHAN


def test_two_sentences_that_are_equally_near_are_neither():
    old = "Moves the first of the elements to the other end of the list."
    near = made_of(
        "Moves the first of these elements to the other end of the list.",
        "Moves the first of those elements to the other end of the list.",
    )
    assert resolve_in(anchor(made_of(old), old), near).state == State.ORPHAN


def test_a_few_words_of_another_sentence_are_not_it():
    before = made_of("A reference must always be valid for as long as it is used.")
    made = anchor(before, "must always")
    after = made_of(
        "Every match arm, in whatever order they stand, must always have the same type as the others."
    )
    assert resolve_in(made, after).state == State.ORPHAN


def test_a_changed_quote_is_not_believed():
    where = made_of("Every value has an owner.", "Some values have two.")
    forged = evolve(anchor(where, "Every value has an owner."), quote="Some values have two.")
    assert resolve_in(forged, where).state == State.ORPHAN


# In an index of another version: the real page, edited.


@pytest.fixture
def edited(small: Toolchain, cache, small_docs: Docs):
    """Makes an index of the small documentation after a page was edited, as another version."""
    assert small.html is not None

    def edit(old: str, new: str, page: str = PAGE) -> Docs:
        path = small.html / page
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        made = build(cache, evolve(small, version="2.0.0"))
        assert isinstance(made, Docs)
        return made

    return edit


def test_another_version_that_says_the_same(small_docs: Docs, edited):
    made = anchor(small_docs.section("book", RULES), ONE_OWNER)
    found = edited("Each value in Rust has", "Every value of Rust has").resolve(made)
    assert found.state == State.VALID
    assert found.anchor is not None
    assert found.anchor.corpus == "book@2.0.0"
    assert found.anchor.id == made.id


def test_a_reworded_sentence_has_drifted(small_docs: Docs, edited):
    made = anchor(
        small_docs.section("book", RULES), "When the owner goes out of scope, the value will be dropped."
    )
    found = edited("When the owner goes out of scope,", "As the owner goes out of scope,").resolve(made)
    assert found.state == State.DRIFTED
    assert found.anchor is not None
    assert found.anchor.quote == "As the owner goes out of scope, the value will be dropped."
    assert 0.9 <= found.likeness < 1


def test_a_span_under_another_heading_is_found_by_its_hash(small_docs: Docs, edited):
    made = anchor(small_docs.section("book", RULES), ONE_OWNER)
    found = edited('id="ownership-rules"', 'id="the-rules"').resolve(made)
    assert found.state == State.VALID
    assert found.anchor is not None
    assert found.anchor.structural_id == "ch04-01-what-is-ownership/the-rules"
    assert found.anchor.quote == ONE_OWNER


def test_a_deleted_sentence_is_an_orphan(small_docs: Docs, edited):
    made = anchor(small_docs.section("book", RULES), ONE_OWNER)
    assert edited(f"<li>{ONE_OWNER}</li>", "").resolve(made).state == State.ORPHAN


def test_words_on_one_item_are_not_those_on_another(small_docs: Docs, edited):
    """`Vec` and `HashMap` panic in the same words; where those of one are gone, the other's are not it."""
    said = "Returns the number of elements in the vector, also referred to as its ‘length’."
    made = anchor(small_docs.section("std", "std::vec::Vec::len"), said)
    docs = edited("Returns the number of elements in the map.", said, "std/collections/struct.HashMap.html")
    assert docs.resolve(made).anchor is not None
    (docs.html / "std/vec/struct.Vec.html").unlink()
    assert docs.resolve(made).state == State.ORPHAN


def test_corpora_are_not_mixed(small_docs: Docs):
    made = anchor(small_docs.section("book", RULES), ONE_OWNER)
    for corpus in ("reference@1.95.0", "explain@1.95.0", "", "repo@-"):
        assert small_docs.resolve(evolve(made, corpus=corpus)).state == State.ORPHAN
