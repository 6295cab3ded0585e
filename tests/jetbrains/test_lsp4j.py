"""What the user of a JetBrains IDE sees: the real lsp4j, with LSP4IJ's capabilities and order of messages."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

HERE = Path(__file__).parent
PROFILE = HERE.parent / "conformance/profiles/lsp4ij.json"
TEMPLATE = HERE.parents[1] / "jetbrains-client/template"
SERVE = [sys.executable, "-m", "rusta_server", "serve"]
GIVES_UP_AFTER_S = 1800

# What the documentation popup renders: Swing's HTML 3.2, and what IntelliJ adds to it.
TAGS = {"p", "pre", "code", "a", "strong", "em", "del", "ul", "ol", "li", "br", "hr", "blockquote"}
TAGS |= {"h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"}

PLACES = {"error": "pos = Position::Minor", "type": "Vec<", "method": "trim_start_matches"}

pytestmark = [pytest.mark.editors, pytest.mark.xdist_group("jetbrains")]


class Page(HTMLParser):
    """The tags, links and words of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [value for name, value in attrs if tag == "a" and name == "href"]
        if tag in ("p", "li", "hr", "pre"):
            self.words += "\n"

    def handle_data(self, data):
        self.words += data


@pytest.fixture(scope="module")
def seen(docs, tmp_path_factory) -> dict:
    """What `Ide.java` saw, in a real crate that lacks a `mut`."""
    found = json.loads(subprocess.check_output([sys.executable, str(HERE / "lsp4j.py"), "--where"]))
    if None in found.values():
        pytest.skip("no JDK 17 or no lsp4j: run make editors")
    folder = tmp_path_factory.mktemp("jetbrains")
    crate = folder / "semver"
    subprocess.run(["cp", "-r", HERE.parent / "fixtures/crates/semver", crate], check=True)
    file = crate / "src/parse.rs"
    good = "// é 🦀\n" + file.read_text()
    file.write_text(good.replace("let mut pos = Position::Major;", "let pos = Position::Major;", 1))
    (folder / "rusta").mkdir()
    (folder / "rusta/docs").symlink_to(docs.path.parent)
    places = folder / "places.json"
    places.write_text(json.dumps(PLACES))
    ide = [found["java"], "-cp", found["jar"], HERE / "Ide.java"]
    done = subprocess.run(
        [*ide, PROFILE, TEMPLATE, crate, "src/parse.rs", places, "--", *SERVE],
        env={**os.environ, "XDG_CACHE_HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=GIVES_UP_AFTER_S,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    for name, hover in seen["hovers"].items():
        print(f"── hover over the {name}{Page(rendered(hover)).words}")
    print("── Alt+Enter", *seen["actions"], sep="\n")
    return {**seen, "good": good, "written": file.read_text(), "stderr": done.stderr}


def rendered(markdown: str) -> str:
    """As LSP4IJ's flexmark does: CommonMark with tables, strikethrough and bare links."""
    flexmark = MarkdownIt("commonmark", {"linkify": True}).enable(["table", "strikethrough", "linkify"])
    # LSP4IJ lets links to files through, and opens them itself.
    flexmark.validateLink = lambda url: True
    return flexmark.render(markdown)


def test_the_error_is_shown_with_its_page(seen, docs):
    assert seen["error"]["code"] == {"left": "E0384"}
    assert seen["error"]["codeDescription"]["href"] == f"{docs.html.as_uri()}/error_codes/E0384.html"


def test_the_proven_fix_is_offered_resolved_and_applied(seen):
    ours = [title for title in seen["actions"] if "[V" in title]
    assert re.search(r"add `mut` \[V[23]: ", ours[0])
    assert seen["after"] == seen["good"] == seen["written"]
    assert seen["exitCode"] == 0


def test_the_library_knew_everything_that_it_was_told(seen):
    """lsp4j logs what it is sent and has no method for."""
    assert "Unsupported" not in seen["stderr"]
    assert seen["stderr"] == ""
    assert [said for said in seen["messages"] if "Error" in said.split(":")[0]] == []


@pytest.mark.parametrize("place", PLACES)
def test_a_hover_is_made_of_what_the_popup_can_render(seen, place):
    page = Page(rendered(seen["hovers"][place]))
    # rust-analyzer passes on the `<code>` of doc comments; nothing else of HTML may come through.
    assert page.tags <= TAGS
    ours = page.words.rpartition("“")
    assert ours[1], "a quote"
    assert not re.search(r"\]\(|\*\*|^#|```", rendered(seen["hovers"][place]).split("<hr />")[-1])


@pytest.mark.parametrize("place", PLACES)
def test_the_links_of_a_hover_lead_somewhere_from_an_ide(seen, place, docs):
    """LSP4IJ opens file:// itself: at a line after `#L`, else the whole file; a browser opens the web's."""
    links = Page(rendered(seen["hovers"][place].split("\n\n---\n\n")[-1])).links
    assert links
    for link in links:
        address, _, fragment = link.partition("#")
        if address.startswith("file:///"):
            assert Path(address.removeprefix("file://")).is_file()
            # What begins with an L is taken for a line.
            assert re.fullmatch(r"L\d+|[^L].*|", fragment)
            assert fragment.startswith("L") or address.startswith(docs.html.as_uri())
        else:
            assert address.startswith("https://doc.rust-lang.org/")
    pages = [link for link in links if link.startswith(docs.html.as_uri())]
    assert pages, "the documentation on this machine is cited"
