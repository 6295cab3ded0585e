"""Explanations over the real documentation and real diagnostics of the compiler."""

from pathlib import Path

import pytest

from rusta_server.orchestrator import cards, explain, render
from rusta_server.orchestrator.cards import Cards
from rusta_server.tools import rustc
from rusta_server.tools.docs import State
from rusta_server.tools.docs.anchor import section

NONE = Cards({}, ())
MOVED = (
    'fn take(s: String) {}\nfn main() {\n    let s = String::new();\n    take(s);\n    println!("{s}");\n}\n'
)

CARD = """
[[card]]
codes = ["E0382"]
message = '(?:borrow|use) of moved value: `(?P<name>[^`]+)`'
labels.moved = 'value moved here'
labels.type = 'has type `(?P<ty>[^`]+)`'
labels.owner = 'this parameter takes ownership'
labels.absent = 'never said'
here = [
    "{absent.line} is not known.",
    "`{name}` (a `{type.ty}`) went away on line {moved.line} as `{moved.text}`; line {here.line} wants it.",
]
[[card.why]]
say = "Every value has one owner."
cite.corpus = "book"
cite.id = "ch04-01-what-is-ownership/ownership-rules"
cite.quote = "There can only be one owner at a time."
[[card.why]]
say = "This is nowhere."
cite.corpus = "book"
cite.id = "ch04-01-what-is-ownership/ownership-rules"
cite.quote = "There may be several owners."
[[card.ways]]
say = "Lend `{absent.text}`."
cite.corpus = "book"
cite.id = "ch04-01-what-is-ownership/ownership-rules"
cite.quote = "Each value in Rust has an owner."
[[card.ways]]
say = ["Lend `{absent.text}`.", "Lend `&{name}`: line {owner.line} takes it."]
cite.corpus = "book"
cite.id = "ch04-01-what-is-ownership/ownership-rules"
cite.quote = "Each value in Rust has an owner."
"""


@pytest.fixture
def check(tmp_path: Path):
    def check(text, edition="2021"):
        (tmp_path / "main.rs").write_text(text)
        outcome = rustc.check(tmp_path / "main.rs", edition=edition, timeout_s=60)
        return [one for one in outcome.diagnostics if one.primary]

    return check


@pytest.fixture
def card(tmp_path: Path):
    def card(text):
        folder = tmp_path / "cards"
        folder.mkdir(exist_ok=True)
        (folder / "some.toml").write_text(text)
        return cards.load(folder)

    return card


def parts(found):
    return {part.heading: part.claims for part in found.parts}


def of(code, diagnostics):
    return next(one for one in diagnostics if one.code == code)


def test_a_card_speaks_of_this_very_diagnostic(check, card, docs, tmp_path):
    found = explain.of_diagnostic(of("E0382", check(MOVED)), docs, card(CARD), root=tmp_path)
    said = parts(found)
    (here,) = said["here"]
    assert here.text == "`s` (a `String`) went away on line 4 as `s`; line 5 wants it."
    quotes = [citation.anchor.quote for citation in here.citations]
    assert quotes[0] == "borrow of moved value: `s`"
    assert "value moved here" in quotes
    assert any("has type `String`" in quote for quote in quotes)
    assert here.citations[0].anchor.link == (tmp_path / "main.rs").as_uri() + "#L5"
    assert [claim.text for claim in said["why"]] == ["Every value has one owner."], (
        "what is nowhere is not said"
    )
    assert [claim.text for claim in said["ways"]] == ["Lend `&s`: line 1 takes it."]
    assert found.subject == "E0382: borrow of moved value: `s`"


def test_without_a_card_the_labels_and_the_official_page_speak(check, docs):
    found = explain.of_diagnostic(of("E0382", check(MOVED)), docs, NONE)
    said = parts(found)
    assert said["here"][0].text.startswith(
        "Line 5, `s`: value borrowed here after move; line 4, `s`: value moved"
    )
    (why,) = said["why"]
    assert why.text == ""
    assert (
        why.citations[0].anchor.quote == "A variable was used after its contents have been moved elsewhere."
    )
    assert why.citations[0].label == "error index: E0382"
    assert any("Rc and RefCell" in claim.citations[0].anchor.quote for claim in said["ways"])
    assert any(claim.citations[0].anchor.corpus.startswith("book@") for claim in said["related"])


def test_without_documentation_only_the_diagnostic_is_cited(check):
    found = explain.of_diagnostic(of("E0382", check(MOVED)), None, NONE, version="1.95.0")
    assert [part.heading for part in found.parts] == ["here"]
    assert found.is_only_the_diagnostic


def test_a_syntax_error_says_only_what_the_compiler_says(check, docs):
    (error, *_) = check("fn main() { let = 1; }\n")
    assert error.code is None
    found = explain.of_diagnostic(error, docs, NONE)
    assert found.is_only_the_diagnostic
    assert {c.anchor.quote for claim in found.claims() for c in claim.citations} <= set(texts(error))


def texts(diagnostic):
    yield diagnostic.message
    yield from (span.label for span in diagnostic.spans if span.label)
    for child in diagnostic.children:
        yield from texts(child)


@pytest.mark.parametrize(
    "text",
    [
        "fn main() { let x: u8 = true; }\n",
        "fn main() { let v = vec![1]; let a = &v; drop(v); dbg!(a); }\n",
        "fn f(x: &str, y: &str) -> &str { x }\nfn main() {}\n",
        "struct S;\nfn main() { println!(\"{}\", S); S.go(); }\n",
        "fn main() { let s = \"`\"; let x: u8 = s; let é: u8 = \"🦀\"; }\n",
        "macro_rules! m { ($x:expr) => { let y: u8 = $x; } }\nfn main() { m!(\"*_[`](x)\"); }\n",
        "fn main() {\n    let x = 1;\n    let mut unused = 3;\n}\n",
    ],
)  # fmt: skip
def test_every_claim_of_every_diagnostic_resolves_and_quotes_word_for_word(text, check, docs, tmp_path):
    diagnostics = check(text)
    assert diagnostics
    for diagnostic in diagnostics:
        found = explain.of_diagnostic(diagnostic, docs, cards.load(), root=tmp_path)
        for claim in found.claims():
            assert claim.text or claim.citations
            assert claim.text.count("`") % 2 == 0
            for citation in claim.citations:
                anchor = citation.anchor
                assert citation.state == State.VALID
                if not anchor.corpus.startswith("diagnostic@"):
                    place = docs.section(anchor.corpus.partition("@")[0], anchor.structural_id)
                    assert anchor.quote in place.text
                    assert Path(anchor.link.removeprefix("file://").partition("#")[0]).is_file()
        for renderer in (render.to_markdown, render.to_plain, render.to_rich, render.to_json):
            assert renderer(found)


def test_every_code_of_the_error_index_is_explained(docs):
    known = cards.load()
    pages = sorted((docs.html / "error_codes").glob("E[0-9]*.html"))
    assert len(pages) > 500
    silent = [page.stem for page in pages if explain.of_code(page.stem, docs, known) is None]
    # These pages have no sentence at all.
    assert len(silent) <= 5, silent


def test_an_item_says_what_matters(docs):
    doc = section(
        "repo@-",
        "demo::Stack::pop",
        kind="doc",
        title="Stack::pop",
        link="file:///demo/src/lib.rs#L3",
        texts=[("text", "Removes the top. It takes O(1) time, whatever is in it. More of it.")],
    )
    panics = section(
        "repo@-",
        "demo::Stack::pop/panics",
        kind="doc",
        title="Panics",
        link="file:///demo/src/lib.rs#L5",
        texts=[("heading", "Panics"), ("text", "Panics if it is empty.")],
    )
    examples = section(
        "repo@-",
        "demo::Stack::pop/examples",
        kind="doc",
        title="Examples",
        link="file:///demo/src/lib.rs#L9",
        texts=[("heading", "Examples"), ("text", "Like so:"), ("code", "pop()")],
    )
    found = explain.of_item(doc, docs, NONE, (panics, examples))
    assert found.command.startswith("rusta anchor show 'repo/demo::Stack::pop#")
    said = parts(found)
    quoted = {heading: [c.citations[0].anchor.quote for c in claims] for heading, claims in said.items()}
    assert quoted == {
        "docs": ["Removes the top."],
        "panics": ["Panics if it is empty."],
        "complexity": ["It takes O(1) time, whatever is in it."],
    }


@pytest.mark.parametrize(
    ("item", "says", "warns"),
    [
        ("std::primitive.never", "The ! type, also called “never”.", "nightly-only experimental"),
        (
            "std::os::unix::fs::PermissionsExt",
            "Unix-specific extensions to fs::Permissions.",
            "on Unix only.",
        ),
        ("std::mem::uninitialized", "Bypasses Rust’s normal memory-initialization", "Deprecated since"),
    ],
)
def test_an_item_s_own_words_come_before_what_rustdoc_warns_of(docs, item, says, warns):
    (part, *_) = explain.of_item(docs.item(item), docs, cards.load()).parts
    assert part.heading == "docs"
    first, second = (claim.citations[0].anchor.quote for claim in part.claims)
    assert first.startswith(says)
    assert warns in second


def test_names(docs):
    known = cards.load()
    assert explain.of_name("e0502", docs, known).subject.startswith("E0502")
    assert explain.of_name("dyn", docs, known).subject == "`dyn`"
    assert explain.of_name("?", docs, known).subject == "`?`"
    assert explain.of_name("->", docs, known).command == "rusta explain '->'"
    assert explain.of_name("Error[e0502]: cannot borrow", docs, known).subject.startswith("E0502")
    assert explain.of_name("#![no_std]", docs, known).subject == "`no_std`"
    assert explain.of_name("no such thing", docs, known) is None
    assert explain.of_name("E9999", docs, known) is None
    assert explain.of_name("", docs, known) is None
