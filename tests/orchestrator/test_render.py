"""What a person sees, and that nothing of what strangers wrote becomes more than text."""

import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from rusta_server.orchestrator import render
from rusta_server.orchestrator.claims import Claim, cite, within
from rusta_server.orchestrator.explain import Explanation, Part
from rusta_server.tools.docs import anchor
from rusta_server.tools.docs.anchor import section

LINK = "file:///docs/book/ch04.html#rules"
WEB = "https://doc.rust-lang.org/1.95.0/book/ch04.html#rules"
# As VS Code reads it, or more: everything that could be markup is.
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
READER.validateLink = lambda url: True


def cited(text, *quotes, title="Ownership Rules", link=LINK, web=WEB):
    texts = [("text", quote) for quote in quotes]
    place = section("book@1.95.0", "ch04/rules", kind="heading", title=title, link=link, web=web, texts=texts)
    claim = Claim(text, tuple(anchor(place, quote) for quote in quotes))
    (made,) = cite([claim], within(place), lambda anchor: f"Book: {title}")
    return made


OWNER = cited("Every value has one owner.", "There can only be one owner at a time.")
LEND = cited("Lend it: `&s`.", "You can have many borrows.")
FULL = Explanation(
    "E0382: borrow of moved value: `s`",
    (
        Part("here", (cited("`s` was moved on line 4.", "borrow of moved value: `s`"),)),
        Part("why", (OWNER,)),
        Part("ways", (LEND, cited("", "All types marked Clone can be duplicated."))),
    ),
    "rusta explain src/main.rs:5:10",
)


def test_markdown():
    assert (
        render.to_markdown(FULL)
        == f"""\
`s` was moved on line 4. — [Book: Ownership Rules]({LINK} "{WEB}")

**Why** Every value has one owner.

> “There can only be one owner at a time.” — [Book: Ownership Rules]({LINK}) · {WEB}

**Ways out**

- Lend it: `&s`. — [Book: Ownership Rules]({LINK} "{WEB}")
- “All types marked Clone can be duplicated.” — [Book: Ownership Rules]({LINK} "{WEB}")"""
    )


def test_plain_text():
    assert (
        render.to_plain(FULL)
        == f"""\
`s` was moved on line 4.

Why: Every value has one owner.
  “There can only be one owner at a time.”
  Book: Ownership Rules, {WEB}

Ways out:
- Lend it: `&s`. (Book: Ownership Rules)
- “All types marked Clone can be duplicated.” (Book: Ownership Rules)"""
    )


def test_a_terminal_shows_every_quote_and_its_source():
    shown = in_terminal(FULL)
    for words in ("E0382", "here", "why", "ways", "borrow of moved value", "many borrows", WEB):
        assert words in shown


@pytest.mark.parametrize("width", [1, 30, 40, 80])
def test_a_narrow_terminal_breaks_sentences_but_no_address(width):
    lines = in_terminal(FULL, width).split("\n")
    assert any(line.strip() == WEB for line in lines), "it can be copied"
    assert all(line == line.rstrip() for line in lines)
    words = [line for line in lines if WEB not in line]
    assert max(map(len, words)) <= max(width, 30)


def test_json_has_whole_anchors():
    found = render.to_json(FULL)
    (citation,) = found["parts"][1]["claims"][0]["citations"]
    assert citation["quote"] == "There can only be one owner at a time."
    assert citation["state"] == "valid"
    assert {"id", "corpus", "structural_id", "prefix", "suffix", "offset", "sha256", "link", "web"} <= set(
        citation
    )


def in_terminal(explanation, width=100):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(render.to_rich(explanation), soft_wrap=True)
    return console.file.getvalue()


LONG = Explanation("E0382", (*FULL.parts, Part("ways", (LEND,) * 30)), "rusta explain E0382")


@pytest.mark.parametrize("renderer", [render.to_markdown, render.to_plain])
@pytest.mark.parametrize("max_lines", [4, 12, 24])
def test_a_long_one_is_folded_to_a_screen(renderer, max_lines):
    folded = renderer(LONG, max_lines=max_lines)
    assert len(folded.split("\n")) <= max_lines
    assert "rusta explain E0382" in folded.split("\n")[-1]
    assert "more" in folded.split("\n")[-1]
    assert renderer(LONG, max_lines=None).count("Lend it") == 31


def test_what_fits_is_not_folded():
    assert "more" not in render.to_markdown(FULL)


PIECES = """ [ ] ( ) < > ! ` * _ ~ # > | \\ & ; : @ " ' $ ^ = { } - + . 1 a é http:// https://evil.example
    www.evil.example command:x javascript: <img src=x> ![a](b) [a](command:x) <script> <!-- &lt; &#60; ```
    --- *** Vec<T> mailto:a@b.example a@b.example <a:b> [x]: [^1] """
STEERING = [" ", "\n", "\t", "\r\n", "\u202e", "\x1b[31m", "\x00"]
HOSTILE = st.lists(st.sampled_from([*PIECES.split(), *STEERING]), max_size=14).map("".join)
ALLOWED = {
    "paragraph_open", "paragraph_close", "blockquote_open", "blockquote_close", "bullet_list_open",
    "bullet_list_close", "list_item_open", "list_item_close", "inline",
}  # fmt: skip


def read(markdown):
    """The tokens of all lines, and the text that is seen."""
    seen, tokens = [], []
    for block in READER.parse(markdown):
        tokens.append(block.type)
        for token in block.children or ():
            tokens.append(token.type)
            seen.append(token.content)
            if token.type == "link_open":
                assert token.attrs["href"].startswith("file:///"), token
    return tokens, "".join(seen)


@given(text=HOSTILE, quote=HOSTILE, title=HOSTILE)
@example(text="a\\", quote="\\", title="\\")
@example(text="1. a", quote="[a", title="](command:x)")
@example(text="`a", quote="`", title="`")
@example(text="# a", quote="<img src=x onerror=alert(1)>", title="![a](http://x)")
def test_nothing_that_strangers_wrote_becomes_markup(text, quote, title):
    if not " ".join(quote.split()):
        quote = "x"
    quote = " ".join(quote.split())
    claims = (cited(text, quote, title=title), cited("", quote, title=title), OWNER)
    for heading in ("here", "why", "ways"):
        explanation = Explanation("x", (Part(heading, claims),), "rusta explain x")
        markdown = render.to_markdown(explanation, max_lines=None)
        tokens, seen = read(markdown)
        ours = {"strong_open", "strong_close"} if heading != "here" else set()
        inline = {"text", "code_inline", "link_open", "link_close", "softbreak"} | ours
        assert set(tokens) <= ALLOWED | inline, markdown
        assert tokens.count("strong_open") <= 1, markdown
        assert tokens.count("link_open") == sum(max(len(claim.citations), 1) for claim in claims), markdown
        squeezed = "".join(seen.split())
        assert "".join(render._one_line(quote).replace("`", "").split()) in squeezed.replace("`", ""), (
            markdown
        )
        for line in (*in_terminal(explanation).split("\n"), *render.to_plain(explanation).split("\n")):
            assert "\x1b[31m" not in line
            assert "\x00" not in line
            assert "\u202e" not in line


@pytest.mark.parametrize(
    "link",
    ["command:x", "javascript:alert(1)", "https://evil.example", "file://host/share", "", "data:text/html,x"],
)
def test_only_files_of_this_machine_are_linked(link):
    claim = cited("Text.", "A quote.", link=link)
    markdown = render.to_markdown(Explanation("x", (Part("why", (claim,)),), "rusta explain x"))
    tokens, _ = read(markdown)
    assert "link_open" not in tokens
    assert link not in markdown or not link


@pytest.mark.parametrize(
    "web", ["https://evil.example/", "javascript:x", 'https://doc.rust-lang.org/" onclick="x']
)
def test_only_the_canonical_site_is_named(web):
    claim = cited("Text.", "A quote.", web=web)
    assert web not in render.to_markdown(Explanation("x", (Part("why", (claim,)),), "rusta explain x"))


def test_a_link_stays_one_link_whatever_is_in_the_path():
    claim = cited("Text.", "A quote.", link="file:///home/a b/(c)/<d>/\"e'.html#method.push", web=None)
    markdown = render.to_markdown(Explanation("x", (Part("why", (claim,)),), "rusta explain x"))
    assert "(file:///home/a%20b/%28c%29/%3Cd%3E/%22e%27.html#method.push)" in markdown


@pytest.mark.parametrize(
    "text",
    ["snake_case_name", "a < b && c > d", "[i32; 3]", "x: T", "Option<T>", "!", "a[0]", "50 %", "C:\\x"],
)
def test_ordinary_text_is_hardly_escaped(text):
    claim = cited("", text)
    markdown = render.to_markdown(Explanation("x", (Part("docs", (claim,)),), "rusta explain x"))
    assert f"“{text.replace('<T', chr(92) + '<T')}”" in markdown
