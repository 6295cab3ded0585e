"""Anchors in edited text, where it is known what became of each paragraph."""

import re
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rusta_eval import citations_drift
from rusta_server.tools.docs import Docs, State, Toolchain, anchor, build, toolchain
from rusta_server.tools.docs.anchor import resolve_in, section

WORDS = [
    "owner",
    "borrow",
    "value",
    "scope",
    "lifetime",
    "trait",
    "bound",
    "moved",
    "mutable",
    "shared",
    "slice",
    "string",
]
PARAGRAPHS = st.lists(st.lists(st.sampled_from(WORDS[:3]), min_size=6, max_size=12), min_size=2, max_size=8)


def said(number, words):
    """A paragraph that says by its number which one it is; otherwise it may be like another one."""
    return f"{' '.join(words)} {number * 7919:06d} {' '.join(reversed(words))}."


def of(paragraphs):
    texts = [("text", text) for text in paragraphs]
    return section("book@1", "page/heading", kind="heading", title="", link="", texts=texts)


def number_in(text):
    found = re.search(r"\d{6}", text)
    assert found
    return found[0]


@given(PARAGRAPHS, st.randoms(use_true_random=False))
def test_a_paragraph_is_found_where_it_moved_or_not_at_all(paragraphs, random):
    before = [said(number, words) for number, words in enumerate(paragraphs, 1)]
    anchors = [anchor(of(before), text) for text in before]
    kept = [text for text in before if random.random() < 0.7]
    random.shuffle(kept)
    edited = [_reworded(text, random) if random.random() < 0.3 else text for text in kept]
    after = of(edited)
    for made in anchors:
        found = resolve_in(made, after)
        if found.anchor is not None:
            assert number_in(found.anchor.quote) == number_in(made.quote)
            assert found.anchor.quote in after.text
        if made.quote in edited:
            assert found.state is State.VALID
        if made.quote not in kept:
            assert found.state is State.ORPHAN


def _reworded(text, random):
    """One word other than it was; the number stays."""
    words = text.split()
    at = random.choice([n for n, word in enumerate(words) if not word.isdigit()])
    words[at] = random.choice(WORDS)
    return " ".join(words)


@pytest.mark.parametrize("page", ["ch04-01-what-is-ownership", "ch10-03-lifetime-syntax"])
def test_pages_of_the_book_with_deleted_and_moved_paragraphs(tmp_path, page):
    """Every third paragraph of the real page is deleted, the rest of each section is turned around."""
    here = toolchain(tmp_path)
    if here is None or here.html is None:
        pytest.skip("the toolchain has no documentation: rustup component add rust-docs")
    old, new = (_indexed(tmp_path, name, here, page) for name in ("old", "new"))
    html = new.html / f"book/{page}.html"
    deleted = _edit(html)
    new.close()
    new = _build(tmp_path, "new", here)
    n_valid = 0
    for (rowid,) in old.rows("SELECT rowid FROM section"):
        for _, one in old.load([rowid]):
            for block in one.blocks:
                if block.kind == "text":
                    made = anchor(one, block.text, near=block.start)
                    found = new.resolve(made)
                    assert not citations_drift.judge(made, found, old, new)
                    if block.text in deleted:
                        assert found.state is not State.VALID
                    n_valid += found.state is State.VALID
    assert n_valid > 20
    assert len(deleted) > 5


def _indexed(folder, name, here, page):
    html = folder / name / "share/doc/rust/html"
    (html / "book").mkdir(parents=True)
    shutil.copy2(here.html / f"book/{page}.html", html / f"book/{page}.html")
    return _build(folder, name, here)


def _build(folder, name, here):
    sysroot = folder / name
    made = build(
        folder / f"{name}-cache",
        Toolchain(sysroot, here.version, sysroot / "share/doc/rust/html"),
        force=True,
    )
    assert isinstance(made, Docs)
    return made


def _edit(html):
    """Edit a page; returns the texts of the paragraphs that were deleted and stand nowhere any more."""
    text = html.read_text(encoding="utf-8")
    head, main, tail = re.split(r"(?s)(?<=<main>)(.*)(?=</main>)", text)
    gone, parts = [], re.split(r"(?=<h[1-6] )", main)
    for number, part in enumerate(parts):
        paragraphs = list(re.finditer(r"(?s)<p>.*?</p>", part))
        if any("<p" in one[0][3:] for one in paragraphs):
            continue
        kept = [one[0] for n, one in enumerate(paragraphs) if n % 3 != 2]
        gone += [one[0] for n, one in enumerate(paragraphs) if n % 3 == 2]
        reversed_ = iter(kept[::-1])
        count = iter(range(len(paragraphs)))
        parts[number] = re.sub(
            r"(?s)<p>.*?</p>",
            lambda one, count=count, left=reversed_: "" if next(count) % 3 == 2 else next(left),
            part,
        )
    html.write_text(head + "".join(parts) + tail, encoding="utf-8")
    left = _plain("".join(parts))
    return {text for text in map(_plain, gone) if text not in left}


def _plain(html):
    from rusta_eval.citations_pages import read

    return read(html).texts[0]
