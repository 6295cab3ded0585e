"""What the index of this machine's documentation holds is what the pages say."""

import random
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from selectolax.lexbor import LexborHTMLParser

from rusta_server.tools.docs import Docs, State, anchor
from rusta_server.tools.docs.anchor import sentences

CORPORA = {
    "book",
    "cargo",
    "clippy",
    "edition-guide",
    "error_codes",
    "nomicon",
    "reference",
    "rust-by-example",
    "rustc",
    "std",
}

# (corpus, id, title, fragment of its link, a sentence that the page says there)
KNOWN = [
    (
        "book",
        "ch04-01-what-is-ownership/ownership-rules",
        "Ownership Rules",
        "ownership-rules",
        "There can only be one owner at a time.",
    ),
    (
        "book",
        "ch04-01-what-is-ownership",
        "What Is Ownership?",
        "what-is-ownership",
        "Ownership is a set of rules that govern how a Rust program manages memory.",
    ),
    (
        "reference",
        "items.union.common-storage",
        "Unions",
        "r-items.union.common-storage",
        "The key property of unions is that all fields of a union share common storage.",
    ),
    ("rust-by-example", "hello", "Hello World", "hello-world", "println! is a macro that prints text to the"),
    (
        "nomicon",
        "what-unsafe-does",
        "What Unsafe Rust Can Do",
        "what-unsafe-rust-can-do",
        "Call unsafe functions",
    ),
    (
        "error_codes",
        "E0382",
        "E0382",
        "error-code-e0382",
        "A variable was used after its contents have been moved elsewhere.",
    ),
    (
        "cargo",
        "guide/why-cargo-exists/enter-cargo",
        "Enter: Cargo",
        "enter-cargo",
        "Cargo is the Rust package manager.",
    ),
    ("edition-guide", "rust-2021/index", "Rust 2021", "rust-2021", "Release version"),
    (
        "rustc",
        "lints/listing/warn-by-default/unused-variables",
        "unused_variables",
        "unused-variables",
        "The unused_variables lint detects variables which are not used in any way.",
    ),
    (
        "clippy",
        "needless_return",
        "clippy::needless_return",
        None,
        "Checks for return statements at the end of a",
    ),
    ("clippy", "configuration", "Configuring Clippy", "configuring-clippy", "clippy.toml"),
    ("std", "std::vec::Vec", "Vec", "", "A contiguous growable array type, written as Vec<T>"),
    (
        "std",
        "std::vec::Vec::drain",
        "Vec::drain",
        "method.drain",
        "Removes the subslice indicated by the given",
    ),
    ("std", "std::vec::Vec::drain/panics", "Vec::drain: Panics", None, "Panics if the range has start_bound"),
    ("std", "std::option::Option::Some", "Option::Some", "variant.Some", "Some value of type T."),
    ("std", "std::ops::Range::start", "Range::start", "structfield.start", "The lower bound of the range"),
    (
        "std",
        "std::iter::Iterator::next",
        "Iterator::next",
        "tymethod.next",
        "Advances the iterator and returns",
    ),
    (
        "std",
        "std::iter::Iterator::Item",
        "Iterator::Item",
        "associatedtype.Item",
        "The type of the elements being",
    ),
    ("std", "std::keyword.unsafe", "keyword unsafe", "", "Code or interfaces whose memory safety cannot be"),
    (
        "std",
        "std::primitive.slice::len",
        "slice::len",
        "method.len",
        "Returns the number of elements in the slice.",
    ),
    ("std", "std::println!", "println!", "", "Prints to the standard output, with a newline."),
    ("std", "std::mem::swap", "mem::swap", "", "Swaps the values at two mutable locations"),
    ("std", "std::f64::consts::PI", "consts::PI", "", "Archimedes"),
    ("std", "core::arch::x86_64::_mm_add_ps", "x86_64::_mm_add_ps", "", "Adds packed single-precision"),
    ("std", "proc_macro::TokenStream", "TokenStream", "", "The main type provided by this crate"),
]


@pytest.mark.parametrize(("corpus", "id_", "title", "fragment", "said"), KNOWN)
def test_known_sections(docs: Docs, corpus, id_, title, fragment, said):
    section = docs.section(corpus, id_)
    assert section is not None
    assert section.corpus == f"{corpus}@{docs.toolchain.version}"
    assert section.id == id_
    assert section.title == title
    assert said in section.text
    parts = urlsplit(section.link)
    assert Path(unquote(parts.path)).is_file()
    assert fragment is None or parts.fragment == fragment
    assert docs.at(section.link) == section


def test_every_corpus_is_there(docs: Docs):
    assert {row[0] for row in docs.rows("SELECT DISTINCT corpus FROM section")} == CORPORA
    assert docs.missing == ()


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("std::vec::Vec::drain", "std::vec::Vec::drain"),
        ("Vec::drain", "std::vec::Vec::drain"),
        ("alloc::vec::Vec::drain", "std::vec::Vec::drain"),
        ("core::option::Option", "std::option::Option"),
        ("core::iter::traits::iterator::Iterator::map", "std::iter::Iterator::map"),
        ("std::collections::hash_map::HashMap::insert", "std::collections::HashMap::insert"),
        ("Result", "std::result::Result"),
        ("str::len", "std::primitive.str::len"),
        ("core::str::len", "std::primitive.str::len"),
        ("i32::MAX", "std::primitive.i32::MAX"),
        ("println", "std::println!"),
        ("std::arch::x86_64::_mm_add_ps", "core::arch::x86_64::_mm_add_ps"),
        ("Rc::clone", "std::rc::Rc/impl-Clone-for-Rc<T,+A>/clone"),
        ("mem::swap()", "std::mem::swap"),
    ],
)
def test_items_by_the_paths_that_people_and_compilers_use(docs: Docs, asked, found):
    section = docs.item(asked)
    assert section is not None
    assert section.id == found


@pytest.mark.parametrize(
    "asked", ["", "new", "std::vec::Vec::drian", "Vec::", "::", "std::nothing::Vec", "e\0"]
)
def test_no_item_is_guessed(docs: Docs, asked):
    assert docs.item(asked) is None


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("E0999", "E0599"),
        ("Vec::drian", "std::vec::Vec::drain"),
        ("HashMpa", "std::collections::HashMap"),
        ("needless_retrun", "clippy::needless_return"),
        ("unused_varibles", "unused_variables"),
    ],
)
def test_what_was_meant(docs: Docs, asked, near):
    assert near in docs.similar(asked)


def test_of_near_codes_the_one_that_begins_alike_comes_first(docs: Docs):
    assert docs.similar("E05022")[0] == "E0502"
    assert docs.similar("382")[0] == "E0382"
    assert docs.similar("1" * 5000) == ()


@pytest.mark.parametrize(
    ("link", "corpus", "id_"),
    [
        (
            "book/ch04-01-what-is-ownership.html#ownership-rules",
            "book",
            "ch04-01-what-is-ownership/ownership-rules",
        ),
        ("book/index.html", "book", "title-page"),
        ("reference/unsafe-blocks.html", "reference", "unsafe"),
        ("reference/items/unions.html", "reference", "items.union"),
        ("std/vec/struct.Vec.html#method.drain", "std", "std::vec::Vec::drain"),
        ("core/option/enum.Option.html#method.map", "std", "std::option::Option::map"),
        ("std/collections/hash_map/struct.HashMap.html#method.get", "std", "std::collections::HashMap::get"),
        ("std/vec/struct.Vec.html#no-such-element", "std", "std::vec::Vec"),
    ],
)
def test_where_links_lead(docs: Docs, link, corpus, id_):
    section = docs.at(link)
    assert section is not None
    assert (section.corpus.partition("@")[0], section.id) == (corpus, id_)


@pytest.mark.parametrize(
    "link", ["", "#", "nothing.html", "../../etc/passwd", "file:///etc/passwd", "std/vec"]
)
def test_other_links_lead_nowhere(docs: Docs, link):
    assert docs.at(link) is None


def sample(docs: Docs, n: int, seed: int):
    """Sections from every corpus, the same each time."""
    picked = random.Random(seed)
    for corpus in sorted(CORPORA):
        rows = docs.rows("SELECT rowid FROM section WHERE corpus = ? ORDER BY rowid", (corpus,))
        yield from (
            section for _, section in docs.load([row[0] for row in picked.sample(rows, min(n, len(rows)))])
        )


def test_every_block_and_sentence_can_be_cited(docs: Docs):
    for section in sample(docs, 40, seed=1):
        assert Path(unquote(urlsplit(section.link).path)).is_file()
        for block in section.blocks:
            raw = section.text.encode()
            assert raw[block.start : block.start + len(block.text.encode())] == block.text.encode()
            for start, end in sentences(block.text):
                made = anchor(
                    section, block.text[start:end], near=block.start + len(block.text[:start].encode())
                )
                resolved = docs.resolve(made)
                assert resolved.state == State.VALID
                assert resolved.anchor == made
                assert made.quote.encode() in raw


def test_anchors_are_found_by_their_printed_id(docs: Docs):
    for section in sample(docs, 6, seed=2):
        block = section.blocks[-1]
        start, end = sentences(block.text)[-1]
        made = anchor(section, block.text[start:end], near=block.start)
        found = docs.anchor_by_id(made.id)
        assert found is not None
        assert found.quote == made.quote
        assert found.id == made.id


@pytest.mark.parametrize(
    "id_", ["", "book", "book/x#00000000", "book/ch04-01-what-is-ownership#zzzzzzzz", "#" * 99]
)
def test_ids_of_nothing(docs: Docs, id_):
    assert docs.anchor_by_id(id_) is None


def test_the_text_is_what_the_page_says(docs: Docs):
    """Every paragraph of a page, as another way of reading gives it, is a block of one of its sections."""
    n_paragraphs = 0
    for corpus in sorted(CORPORA - {"std"}):
        pages = docs.rows(
            "SELECT DISTINCT page FROM section WHERE corpus = ? AND page LIKE '%.html' ORDER BY page",
            (corpus,),
        )
        for (page,) in random.Random(3).sample(pages, min(12, len(pages))):
            rows = docs.rows("SELECT rowid FROM section WHERE page = ?", (page,))
            blocks = {block.text for _, one in docs.load([row[0] for row in rows]) for block in one.blocks}
            said = "\n".join(blocks)
            main = LexborHTMLParser((docs.html / page).read_bytes()).css_first("main")
            for node in main.css("button, .grammar-railroad, .boring"):
                node.decompose()
            for paragraph in main.css("p"):
                text = " ".join(paragraph.text().split())
                if text and paragraph.css_first("sup, img") is None and not _in_table(paragraph):
                    assert text in said, page
                    n_paragraphs += 1
            for code in main.css("pre > code"):
                lines = [line.rstrip() for line in code.text().strip("\n").split("\n")]
                assert "\n".join(lines).replace("\xa0", " ") in said, page
    assert n_paragraphs > 1000


def _in_table(node) -> bool:
    while node is not None:
        if node.tag in ("table", "div") and "grammar-container" in (node.attributes.get("class") or "table"):
            return True
        node = node.parent
    return False


def test_nothing_of_the_page_s_machinery_is_left(docs: Docs):
    for section in sample(docs, 150, seed=4):
        for block in section.blocks:
            assert block.kind in ("text", "code", "heading")
            for machinery in ("Copy item path", "Expand description", "§", "Show Railroad", "\u200b"):
                assert machinery not in block.text
            if block.kind != "code":
                assert block.text == " ".join(block.text.split())
