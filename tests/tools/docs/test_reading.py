"""Pages for reading in an editor: what is quoted is marked, and nothing active gets through."""

import html as entities
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rusta_server.orchestrator import cards, explain
from rusta_server.tools.docs import reading

FOLDER = Path("/doc")


def read(main: str, page: str = "book/a.html", **more) -> reading.Reading:
    return reading.read(f"<title>A page</title><main>{main}</main>".encode(), page, FOLDER, **more)


def marked(found: reading.Reading) -> str:
    texts = re.findall(r"<mark[^>]*>(.*?)</mark>", found.html, re.DOTALL)
    return " ".join(entities.unescape(text) for text in texts)


def test_a_quote_is_marked_across_elements_and_line_breaks():
    found = read("<p>When a <em>value</em> is\nbound, you can’t.</p>", quotes=["a value is bound"])
    assert found.n_marked == 1
    assert found.html == (
        '<p>When <mark id="quote">a</mark> <em><mark>value</mark></em> <mark>is\nbound</mark>, you can’t.</p>'
    )


def test_of_two_places_the_one_behind_the_fragment_is_marked():
    found = read(
        '<p>It panics.</p><h2 id="push">push</h2><p>It panics.</p>', fragment="push", quotes=["It panics."]
    )
    assert found.html.index("<mark") > found.html.index("push")


def test_cells_of_a_row_and_raised_numbers_are_found_as_they_are_quoted():
    found = read("<table><tr><td>u8</td><td>2<sup>8</sup></td></tr></table>", quotes=["u8 | 2^8"])
    assert marked(found) == "u8 2 8"


def test_quotes_that_share_words_are_marked_once():
    found = read("<p>one two three</p>", quotes=["one two", "two three"])
    assert found.n_marked == 2
    assert found.html.count("<mark") == 1


def test_a_quote_that_is_not_there_is_not_counted():
    found = read("<p>one</p>", quotes=["two", ""])
    assert (found.n_marked, found.html) == (0, "<p>one</p>")


def test_links_lead_to_pages_on_this_machine_or_to_the_web():
    found = read(
        '<a href="b.html#x">b</a><a href="https://doc.rust-lang.org/std/vec/index.html">v</a>'
        '<a href="https://example.org/">e</a><a href="javascript:alert(1)">j</a>'
        '<a href="../../etc/x.html">u</a>'
    )
    assert re.findall('href="([^"]*)"', found.html) == [
        "file:///doc/book/b.html#x",
        "file:///doc/std/vec/index.html",
        "https://example.org/",
    ]


def test_pictures_come_from_the_documentation_alone():
    found = read('<img src="img/a.svg" alt="A"><img src="https://example.org/b.png"><img src="data:x">')
    assert re.findall('src="([^"]*)"', found.html) == ["file:///doc/book/img/a.svg"]


@pytest.mark.parametrize(
    "active",
    [
        "<script>alert(1)</script>",
        "<p onclick=alert(1)>x</p>",
        "<iframe src=//example.org></iframe>",
        "<svg><script>alert(1)</script></svg>",
        "<form action=//example.org><input></form>",
        "<style>p{background:url(//example.org)}</style>",
        "<p style='background:url(//example.org)'>x</p>",
        "<object data=x></object><embed src=x><base href=//example.org><meta http-equiv=refresh>",
        "<math><mtext><img src=x onerror=alert(1)>",
        "<a href='command:workbench.action.terminal.new'>x</a>",
    ],
)
def test_nothing_active_gets_through(active):
    found = read(f"<p>before</p>{active}<p>after</p>")
    assert_inactive(found.html)
    assert "before" in found.html


@given(st.text(), st.lists(st.text(max_size=8), max_size=3))
def test_whatever_a_page_holds_only_what_is_allowed_comes_out(text, quotes):
    assert_inactive(reading.read(text.encode("utf-8", "replace"), "book/a.html", FOLDER, quotes=quotes).html)


@given(
    st.lists(
        st.sampled_from(['<p title="', "<b>", "'", '"', ">", "&lt;", "x", "<script", " onload=", "</p>"])
    )
)
def test_torn_markup_stays_inactive(pieces):
    assert_inactive(read("".join(pieces), quotes=["x"]).html)


def test_all_that_is_cited_of_an_error_is_marked_on_its_pages(docs):
    for code in ("E0382", "E0384", "E0502", "E0277"):
        found = explain.of_name(code, docs, cards.load())
        assert found is not None
        for claim in found.claims():
            for citation in claim.citations:
                anchor = citation.anchor
                uri, _, fragment = anchor.link.partition("#")
                file = Path(uri.removeprefix("file://"))
                folder = next(above for above in file.parents if above.name == "html")
                page = file.relative_to(folder).as_posix()
                shown = reading.read(
                    file.read_bytes(), page, folder, fragment=fragment, quotes=[anchor.quote]
                )
                assert shown.n_marked == 1, anchor.id


class _Judge(HTMLParser):
    """Reads HTML with another parser than the one that made it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]


def assert_inactive(html: str) -> None:
    judge = _Judge()
    judge.feed(html)
    judge.close()
    assert judge.tags <= reading._KEPT | {"mark"}
    assert judge.attributes <= {"id", "class", "href", "src", "alt", "open", "colspan", "rowspan", "start"}
    assert [a for a in judge.addresses if not a.startswith(("file:///doc/", "https://", "http://"))] == []
