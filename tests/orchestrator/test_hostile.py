"""What strangers wrote (comments, labels, messages, file names) does nothing in an editor or terminal."""

import io
import re
import shlex
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console

from rusta_server.orchestrator.cards import Card, Cards
from rusta_server.orchestrator.explain import Explanation, of_diagnostic, of_item
from rusta_server.orchestrator.render import to_markdown, to_plain, to_rich
from rusta_server.tools.diagnostic import Diagnostic, Span
from rusta_server.tools.docs.plain import visible
from rusta_server.tools.docs.source import Sources, sections_at

FOLDER = Path("/nowhere")
CARDS = Cards(
    {
        "E0382": [
            Card(
                codes=("E0382",),
                message=re.compile("of moved value: `(?P<name>[^`]+)`"),
                labels={"type": re.compile("has type `(?P<ty>[^`]+)`")},
                here=("`{name}` of type `{type.ty}` is gone, see {here.text}.", "`{name}` is gone."),
            )
        ]
    },
    (),
)

ATTACKS = (
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "<a href='command:rusta.apply'>x</a>",
    "<details open ontoggle=x>",
    "<!-- -->",
    "<?php ?>",
    "<![CDATA[ ]]>",
    "<style>*{display:none}</style>",
    "[x](command:rusta.apply)",
    "[x](javascript:alert(1))",
    "[x](<vbscript:a b>)",
    "[x](file:///etc/passwd)",
    "[x][y]",
    "[x]: http://evil.example 'title'",
    "[y]:command:rusta.apply",
    "[x]",
    "![](http://evil.example/pixel.png)",
    "![x][y]",
    "[![x](http://evil.example/a)](command:b)",
    "<http://evil.example>",
    "<command:rusta.apply>",
    "<me@evil.example>",
    "http://evil.example/a?b=c",
    "HTTPS://evil.example",
    "ftp://evil.example",
    "//evil.example",
    "www.evil.example",
    "WWW.evil.example",
    "me@evil.example",
    "mailto:me@evil.example",
    "xmpp:me@evil.example",
    "&lt;script&gt;",
    "&#60;img src=x&#62;",
    "&#x5b;x](command:a)",
    "&colon;",
    "&",
    "`",
    "``",
    "```",
    "```sh\nrm -rf\n```",
    "~~~",
    "\\",
    "\\[x](command:a)",
    "\\\\`",
    "](command:rusta.apply) [",
    "](",
    ")",
    '"',
    "'",
    "*",
    "**",
    "_",
    "~~",
    "# ",
    "> ",
    "- ",
    "1. ",
    "1)",
    "+ ",
    "---",
    "===",
    "| a | b |\n|---|---|\n| c | d |",
    "    indented",
    "\t",
    "[^1]",
    "[^1]: note",
    "- [x] done",
    "$(command)",
    "[bold red]x[/bold red]",
    "[link=http://evil.example]x[/link]",
    "\n",
    "\r",
    "\n\n",
    "\x1b[31m",
    "\x1b]8;;http://evil.example\x1b\\x\x1b]8;;\x1b\\",
    "\x1b]0;title\x07",
    "\x9b31m",
    "\x00",
    "\x08\x08",
    "\x7f",
    "\u202egpj.exe",
    "\u2066",
    "\u200b",
    "\u200d",
    "\u2028",
    "\ufeff",
    "\u00ad",
    "\U000e0041",
    "é𝔘∀",
    " ",
    "a",
    "x.y",
    "line 1",
    "é",
)
STEERING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
# What GitHub's dialect makes links of; not every reader's linkifier knows all of it.
ADDRESS = re.compile(r"(?i)(?:https?|ftp)://\w|\bwww\.\w|[\w.+-]+@\w+\.\w|mailto:|xmpp:")
hostile = st.lists(st.sampled_from(ATTACKS) | st.text(max_size=5), min_size=1, max_size=6).map("".join)


# What an editor makes of it


def reader(*, linkify: bool) -> MarkdownIt:
    """An editor's Markdown: GitHub's dialect, HTML let through, links to anywhere."""
    made = MarkdownIt("gfm-like", {"html": True, "linkify": linkify})
    made.validateLink = lambda url: True
    # No dialect takes `main.rs` or `//comment` for an address; www. see `unescaped`.
    made.linkify.set({"fuzzy_link": False})
    made.linkify.add("//", None)
    return made


def tokens(markdown: str) -> Iterator[Token]:
    for token in reader(linkify=True).parse(markdown):
        yield token
        yield from token.children or ()


def unescaped(markdown: str) -> Iterator[str]:
    """The runs of text in which no character is escaped: only there a dialect may see a bare address."""
    for token in reader(linkify=False).disable("text_join").parse(markdown):
        yield from (child.content for child in token.children or () if child.type == "text")


def check_markdown(explanation: Explanation, max_lines: int | None) -> None:
    markdown = to_markdown(explanation, max_lines=max_lines)
    links = {unquote(c.anchor.link) for claim in explanation.claims() for c in claim.citations}
    seen, n_links = [], 0
    for token in tokens(markdown):
        assert token.type not in ("html_block", "html_inline", "image", "heading_open", "table_open", "hr")
        assert token.type not in ("fence", "code_block")
        if token.type == "link_open":
            assert unquote(str(token.attrs["href"])) in links, markdown
            assert str(token.attrs["href"]).startswith("file:///")
            n_links += 1
        if token.type in ("text", "text_special", "code_inline"):
            seen.append(token.content)
        if token.type in ("softbreak", "hardbreak", "paragraph_close"):
            seen.append(" ")
    assert n_links
    assert not [text for text in unescaped(markdown) if ADDRESS.search(text)], markdown
    text = folded("".join(seen))
    for claim in explanation.claims() if max_lines is None else ():
        for citation in claim.citations if not claim.text else ():
            assert folded(visible(citation.anchor.quote)) in text, (markdown, citation.anchor.quote)
    check_characters(markdown)


def folded(text: str) -> str:
    """Without white space and the backticks that code spans use up."""
    return re.sub(r"[\s`]", "", text)


def check_characters(shown: str) -> None:
    for character in shown.replace("\n", ""):
        assert unicodedata.category(character) not in ("Cc", "Zl", "Zp"), repr(shown)
        assert unicodedata.bidirectional(character) not in STEERING
        assert character not in "\u200b\u200e\u200f\ufeff\u00ad\U000e0041"


def check_terminal(explanation: Explanation) -> None:
    for is_terminal in (False, True):
        out = io.StringIO()
        colours = "standard" if is_terminal else None
        console = Console(file=out, force_terminal=is_terminal, color_system=colours, width=100)
        console.print(to_rich(explanation))
        # Rusta's own colours and links; nothing else may be left of escapes.
        shown = re.sub(r"\x1b\[[\d;]*m", "", out.getvalue())
        shown = re.sub(r"\x1b\]8;(?:id=\d+)?;(?:file:///[!-~]*)?\x1b\\", "", shown)
        assert is_terminal or shown == out.getvalue()
        check_characters(shown)


def check(explanation: Explanation | None) -> Explanation:
    assert explanation is not None
    for max_lines in (None, 1):  # whole, and with the note that there is more
        check_markdown(explanation, max_lines)
        check_characters(to_plain(explanation, max_lines=max_lines))
    check_terminal(explanation)
    return explanation


# Where strangers' words come from


def span(text: str, path: str = "src/lib.rs") -> Span:
    return Span(path, 0, 1, 3, 1, 3, True, text, None, None, False, snippet=text)


def diagnosed(text: str, path: str = "src/lib.rs") -> Diagnostic:
    """A diagnostic with `text` wherever code can make the compiler repeat it."""
    name = text.replace("`", "'")
    note = Diagnostic(None, "note", f"it has type `{name}`", (span(text, path),), ())
    return Diagnostic("E0382", "error", f"use of moved value: `{name}`", (span(text, path),), (note,))


def documented(text: str) -> Explanation | None:
    """The explanation of an item with `text` as its documentation."""
    path = FOLDER / "lib.rs"
    lines = "\n".join(f"/// {line}" for line in text.split("\n"))
    source = f"/// Starts well.\n///\n{lines}\n///\n/// # Panics\n///\n{lines}\npub fn f() {{}}\n"
    source = source.encode()
    line = source.count(b"\n")
    found = sections_at(Sources((FOLDER,), unsaved={path: source}), path, line)
    return of_item(found[0], None, CARDS, found[1:]) if found else None


@given(hostile)
def test_a_doc_comment_does_nothing(text: str):
    check(documented(text))


@given(hostile)
def test_the_first_words_of_a_doc_comment_do_nothing(text: str):
    path = FOLDER / "lib.rs"
    source = b'#[doc = r####"' + text.encode() + b'"####]\npub fn f() {}\n'
    found = sections_at(Sources((FOLDER,), unsaved={path: source}), path, source.count(b"\n"))
    if found and (explanation := of_item(found[0], None, CARDS, found[1:])):
        check(explanation)


@given(hostile)
def test_a_diagnostic_with_a_card_does_nothing(text: str):
    explanation = of_diagnostic(diagnosed(text), None, CARDS, version="1.95.0", root=FOLDER)
    check(explanation)


@given(hostile, hostile)
def test_a_diagnostic_without_a_card_does_nothing(message: str, label: str):
    diagnostic = Diagnostic(
        None, "error", message, (span(label),), (Diagnostic(None, "help", label, (), ()),)
    )
    explanation = of_diagnostic(diagnostic, None, Cards({}, ()), version="1.95.0", root=FOLDER)
    if explanation:
        check(explanation)


@given(hostile)
def test_the_name_of_a_file_does_nothing(text: str):
    name = text.replace("\0", "")
    check(of_diagnostic(diagnosed("value", f"src/{name}.rs"), None, CARDS, version="1.95.0", root=FOLDER))


@pytest.mark.parametrize("name", ["$(touch gone)", "`touch gone`", "a; touch gone", "a'b", '"'])
def test_a_command_to_copy_runs_only_rusta(name: str):
    found = of_diagnostic(diagnosed("v", f"{name}.rs"), None, CARDS, version="1.95.0", root=FOLDER)
    assert shlex.split(found.command) == ["rusta", "explain", f"{name}.rs:3:1"]
    echoed = subprocess.run(["sh", "-c", f"rusta() {{ echo $#; }}; {found.command}"], capture_output=True)
    assert echoed.stdout == b"2\n"


@given(hostile)
def test_what_names_an_explanation_does_nothing(text: str):
    check(evolve(documented("Word."), subject=f"f: {text}", command=f"rusta explain {text}"))


@pytest.mark.parametrize("attack", ATTACKS)
def test_each_attack_alone(attack: str):
    for text in (attack, f"Word {attack} word", f"{attack}{attack}"):
        check(documented(text))
        check(of_diagnostic(diagnosed(text), None, CARDS, version="1.95.0", root=FOLDER))


def test_no_link_begins_in_text_and_ends_in_code():
    """Found with marked 14, which takes the first bracket and the one in the code for a link."""
    text = "](command:rusta.apply) [*<details open>[y]:command:rusta.apply`0;title"
    explanation = of_diagnostic(diagnosed(text), None, CARDS, version="1.95.0", root=FOLDER)
    markdown = to_markdown(check(explanation))
    assert not re.search(r"(?<!\\)\[(?!rustc)", re.sub(r"`[^`]*`", "", markdown))


@pytest.mark.parametrize("text", ["x", "`", "\\", "[", "a ", "> ", "<a "])
def test_very_long_texts_are_cut(text: str):
    explanation = check(of_diagnostic(diagnosed(text * 100_000), None, CARDS, version="1.95.0", root=FOLDER))
    assert len(to_markdown(explanation)) < 100_000
    check(documented(text * 100_000))


@pytest.mark.parametrize(
    "attack", ["<b>x</b>", "[x](javascript:a)", "![](http://y)", "<http://y>", "http://y"]
)
def test_the_check_notices_what_it_looks_for(attack: str):
    kinds = {token.type for token in tokens(f"word {attack}")}
    assert kinds & {"html_inline", "image", "link_open"}
