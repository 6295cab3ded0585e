"""Pages are read for what a reader sees of them; broken ones are read as far as they go."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from rusta_server.tools.docs import Docs, build, links, mdbook, rustdoc
from rusta_server.tools.docs.page import parts


def read(html: str) -> list[tuple[str, str]]:
    body = LexborHTMLParser(html).body
    assert body is not None
    return [(part.kind, part.text) for part in parts(body) if part.text]


@pytest.mark.parametrize(
    ("html", "blocks"),
    [
        ("<p>One  <em>two</em>\n three</p>", [("text", "One two three")]),
        ("<p>a<wbr>b &lt;T&gt;&nbsp;c</p>", [("text", "ab <T> c")]),
        ("<p>2<sup>32</sup> − 1</p>", [("text", "2^32 − 1")]),
        ("<p>2<sup>n − 1</sup></p>", [("text", "2^(n − 1)")]),
        ("<p>the 1<sup>st</sup></p>", [("text", "the 1st")]),
        ('<p>so<sup class="footnote-reference"><a href="#1">1</a></sup>.</p>', [("text", "so.")]),
        ('<h2 id="x"><a class="doc-anchor" href="#x">§</a>Errors</h2>', [("heading", "Errors")]),
        ("<pre><code>a\n  b  \n\n</code></pre>", [("code", "a\n  b")]),
        (
            '<pre><code><span class="boring">fn f() {\n</span>x<span class="boring">\n}</span></code></pre>',
            [("code", "x")],
        ),
        (
            "<ul><li>one</li><li><p>two</p><p>three</p></li></ul>",
            [("text", "one"), ("text", "two"), ("text", "three")],
        ),
        (
            "<ul><li>one<ul><li>two</li></ul>three</li></ul>",
            [("text", "one"), ("text", "two"), ("text", "three")],
        ),
        (
            "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td></td></tr></table>",
            [("text", "a | b"), ("text", "1")],
        ),
        ("<p>go <button>Copy item path</button><script>x()</script></p>", [("text", "go")]),
        ("<blockquote><p>said</p></blockquote>", [("text", "said")]),
        ("text<p>p</p>tail", [("text", "text"), ("text", "p"), ("text", "tail")]),
    ],
)
def test_blocks(html, blocks):
    assert read(html) == blocks


@pytest.mark.parametrize(
    ("page", "href", "leads_to"),
    [
        ("book/a.html", "b.html#c", ("book/b.html", "c")),
        ("book/a.html", "#c", ("book/a.html", "c")),
        ("book/x/a.html", "../../std/index.html", ("std/index.html", "")),
        ("error_codes/E0382.html", "https://doc.rust-lang.org/book/a.html", ("book/a.html", "")),
        ("error_codes/E0382.html", "https://doc.rust-lang.org/stable/std/", ("std/index.html", "")),
        ("error_codes/E0382.html", "https://doc.rust-lang.org/1.95.0/std", ("std/index.html", "")),
        ("std/a.html", "struct.A%3CT%3E.html", ("std/struct.A<T>.html", "")),
        ("book/a.html", "https://example.org/", None),
        ("book/a.html", "javascript:void(0)", None),
        ("book/a.html", "../../../etc/passwd.html", None),
        ("book/a.html", "http://[", None),
    ],
)
def test_where_a_link_leads(page, href, leads_to):
    assert links.target(page, href) == leads_to


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_broken_pages_do_no_harm(docs: Docs, data):
    page = data.draw(
        st.sampled_from(
            [
                "std/vec/index.html",
                "reference/items/unions.html",
                "error_codes/E0382.html",
                "book/ch01-03-hello-cargo.html",
            ]
        )
    )
    html = bytearray((docs.html / page).read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        start = data.draw(st.integers(0, len(html)))
        html[start : start + data.draw(st.integers(0, 400))] = data.draw(
            st.sampled_from(
                [b"", b"<p>", b"</div>", b"<pre><code>", b"\xff\xfe", b"<h1 id=", b"</main>", b"<!--"]
            )
        )
    corpus = page.partition("/")[0]
    entries = rustdoc.parse(page, bytes(html)) if corpus == "std" else mdbook.parse(corpus, page, bytes(html))
    for entry in entries:
        assert entry.id
        assert entry.blocks
        assert all(text.strip() for _, text in entry.blocks)


def test_a_page_that_nests_too_deeply_is_left_out(small, cache):
    deep = b"<main>" + b"<div>" * 3_000 + b"end" + b"</div>" * 3_000 + b"</main>"
    (small.html / "book/deep.html").write_bytes(deep)
    made = build(cache, small)
    assert isinstance(made, Docs)
    assert made.section("book", "ch04-01-what-is-ownership") is not None
