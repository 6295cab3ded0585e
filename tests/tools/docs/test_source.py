import json
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from rusta_server.tools.docs import Section, State, anchor
from rusta_server.tools.docs.source import Sources, by_id, doc_at, resolve, section_of, sections_at
from rusta_server.tools.docs.source_items import items, normal
from rusta_server.tools.docs.source_markdown import passages

KINDS = Path(__file__).parents[2] / "fixtures/docs/kinds.rs"
DOCUMENTED = """\
//! All about halves.

/// Half of `n`, see [`Vec`] and [the book](https://example.com "title").
///
/// # Panics
///
/// Panics if `n` is odd.
/// Nobody halves <b>odd</b> numbers.
///
/// # Examples
///
/// ```
/// # use demo::half;
/// # fn main() {
/// #[allow(unused)]
/// assert_eq!(half(4), 2);
/// ## kept
/// # }
/// ```
///
/// | a | b |
/// |---|---|
/// | 1 | 2 |
pub fn half(n: u32) -> u32 { n / 2 }

pub struct Pair { pub left: u8 }

impl Pair {
    /// Turns it around.
    pub fn turned(self) -> Self { self }
}
"""


def place(path: Path, text: str, skip: int = 0) -> tuple[int, int]:
    """Line and column, from 1, of the occurrence of `text` after `skip` others, as rust-analyzer counts."""
    before = text.join(path.read_text().split(text)[: skip + 1])
    return before.count("\n") + 1, len(before.rpartition("\n")[2].encode("utf-16-le")) // 2 + 1


def at(root: Path, text: str, skip: int = 0, file: str = "src/lib.rs") -> tuple[Section, ...]:
    """The sections of the item that is named at `text` in a crate that is the user's own."""
    return sections_at(Sources((root,)), root / file, *place(root / file, text, skip))


@pytest.fixture
def demo(make_crate) -> Path:
    return make_crate({"src/lib.rs": DOCUMENTED})


def test_every_kind_of_doc_comment_reads_as_rustdoc_reads_it(tmp_path: Path):
    options = ["-Zunstable-options", "--output-format=json", "--document-private-items", "--edition=2021"]
    subprocess.run(
        ["rustdoc", str(KINDS), *options, "--out-dir", str(tmp_path)],
        env=os.environ | {"RUSTC_BOOTSTRAP": "1"},
        capture_output=True,
        check=True,
    )
    index = json.loads((tmp_path / "kinds.json").read_text())["index"].values()
    written = [one for one in index if one["docs"] and one["name"] and one["crate_id"] == 0]
    theirs = Counter((one["name"], passages(one["docs"])) for one in written)
    found = [one for one in items(normal(KINDS.read_bytes())) if one.doc]
    ours = Counter(((one.path or ("kinds",))[-1], passages(one.doc)) for one in found)
    assert ours == theirs
    assert len(ours) > 20


def test_text_and_headings_of_an_item_are_sections(demo: Path):
    main, panics, examples = at(demo, "half(n")
    assert (main.corpus, main.id, main.kind, main.title) == ("repo@-", "demo::half", "doc", "half")
    assert main.text == "Half of n, see Vec and the book."
    assert main.link == f"{(demo / 'src/lib.rs').as_uri()}#L24"
    assert main.web is None
    assert (panics.id, panics.title) == ("demo::half/panics", "half: Panics")
    assert panics.text == "Panics\nPanics if n is odd. Nobody halves odd numbers."
    code = [block.text for block in examples.blocks if block.kind == "code"]
    assert code == ["#[allow(unused)]\nassert_eq!(half(4), 2);\n# kept"]
    assert [block.text for block in examples.blocks[-2:]] == ["a | b", "1 | 2"]


def test_methods_and_fields_are_named_after_their_type_and_may_be_without_text(demo: Path):
    (turned,) = at(demo, "turned")
    assert (turned.id, turned.title, turned.text) == (
        "demo::Pair::turned",
        "Pair::turned",
        "Turns it around.",
    )
    (left,) = at(demo, "left")
    assert (left.id, left.text, left.blocks[0].kind) == ("demo::Pair::left", "pub left: u8", "code")


def test_the_start_of_a_file_is_its_module(demo: Path):
    module = doc_at(Sources((demo,)), demo / "src/lib.rs", 1, 1)
    assert module is not None
    assert (module.id, module.text) == ("demo", "All about halves.")


def test_only_names_of_items_are_definitions(demo: Path):
    assert at(demo, "n: u32") == ()  # a parameter
    assert at(demo, "n / 2") == ()
    assert sections_at(Sources((demo,)), demo / "src/lib.rs", 10_000, 1) == ()


def test_without_a_column_the_line_decides(demo: Path):
    line, _ = place(demo / "src/lib.rs", "turned")
    found = doc_at(Sources((demo,)), demo / "src/lib.rs", line)
    assert found is not None
    assert found.id == "demo::Pair::turned"


@pytest.mark.parametrize(
    ("file", "id"),
    [
        ("src/lib.rs", "demo::f"),
        ("src/main.rs", "demo::f"),
        ("src/a.rs", "demo::a::f"),
        ("src/a/mod.rs", "demo::a::f"),
        ("src/a/b.rs", "demo::a::b::f"),
        ("src/bin/tool.rs", "tool::f"),
        ("src/bin/tool/main.rs", "tool::f"),
        ("tests/it.rs", "it::f"),
        ("tests/it/main.rs", "it::f"),
        ("examples/show.rs", "show::f"),
    ],
)
def test_the_id_starts_with_the_crate_and_the_files_module(make_crate, file: str, id: str):
    root = make_crate({file: "fn f() {}\n"})
    assert [one.id for one in at(root, "f()", file=file)] == [id]


def test_items_between_the_braces_of_a_macro_are_found(make_crate):
    root = make_crate({"src/lib.rs": "cfg_unix! {\n    /// Only there.\n    pub fn there() {}\n}\n"})
    (there,) = at(root, "there()")
    assert (there.id, there.text) == ("demo::there", "Only there.")


def test_columns_count_in_utf16_units(make_crate):
    root = make_crate({"src/lib.rs": "/* 𝔘𝔫𝔦 é */ /** Yes. */ fn f() {} fn g() {}\n"})
    assert [one.text for one in at(root, "f()")] == ["Yes."]
    assert [one.text for one in at(root, "g()")] == ["fn g()"]


def test_line_ends_a_byte_order_mark_and_odd_bytes_change_nothing(make_crate):
    root = make_crate({"src/lib.rs": ""})
    text = DOCUMENTED.replace("\n", "\r\n").encode().replace(b"Turns", b"T\xff\xfeurns")
    (root / "src/lib.rs").write_bytes(b"\xef\xbb\xbf" + text)
    main, panics, _ = sections_at(Sources((root,)), root / "src/lib.rs", 24, 8)
    assert main.text == "Half of n, see Vec and the book."
    assert panics.text == "Panics\nPanics if n is odd. Nobody halves odd numbers."
    (turned,) = sections_at(Sources((root,)), root / "src/lib.rs", 30, 12)
    assert turned.text == "T\ufffd\ufffdurns it around."


def test_a_file_that_is_open_counts_as_it_is_in_the_editor(demo: Path):
    path = demo / "src/lib.rs"
    unsaved = {path: DOCUMENTED.replace("Turns it", "Flips it").encode()}
    found = doc_at(Sources((demo,), unsaved=unsaved), path, *place(path, "turned"))
    assert found is not None
    assert found.text == "Flips it around."


# Whose it is


def dependency(folder: Path, *, name: str = "half-way", version: str = '"1.2.3"') -> Path:
    (folder / "src").mkdir(parents=True)
    (folder / "Cargo.toml").write_text(f'[package]\nname = "{name}"\nversion = {version}\n')
    (folder / "src/lib.rs").write_text(DOCUMENTED)
    return folder


def test_a_dependency_is_a_corpus_with_its_version(tmp_path: Path, demo: Path):
    folder = dependency(tmp_path / "registry/half-way-1.2.3")
    (folder / ".cargo-ok").touch()
    found = doc_at(Sources((demo,)), folder / "src/lib.rs", 24)
    assert found is not None
    assert (found.corpus, found.id) == ("crate:half-way@1.2.3", "half_way::half")
    assert found.web == "https://docs.rs/half-way/1.2.3/"


def test_a_vendored_dependency_is_not_the_users_own(demo: Path):
    folder = dependency(demo / "vendor/half-way")
    assert doc_at(Sources((demo,)), folder / "src/lib.rs", 24).corpus == "repo@-"
    (folder / ".cargo-checksum.json").touch()
    # The manifest's own change would be noticed; touch it, for the marker came later.
    (folder / "Cargo.toml").write_text((folder / "Cargo.toml").read_text() + "\n")
    assert doc_at(Sources((demo,)), folder / "src/lib.rs", 24).corpus == "crate:half-way@1.2.3"


def test_the_version_may_be_the_workspaces(tmp_path: Path):
    (tmp_path / "Cargo.toml").write_text('[workspace]\nmembers = ["*"]\npackage.version = "7.0.1"\n')
    folder = dependency(tmp_path / "half", version="{ workspace = true }")
    assert doc_at(Sources(()), folder / "src/lib.rs", 24).corpus == "crate:half-way@7.0.1"


def test_without_a_manifest_that_can_be_read_the_folders_name_tells(tmp_path: Path):
    folder = dependency(tmp_path / "half-way-1.2.3+x.4")
    (folder / ".cargo-ok").touch()
    (folder / "Cargo.toml").write_text("[package\n" + "# " * 100_000)
    assert doc_at(Sources(()), folder / "src/lib.rs", 24).corpus == "crate:half-way@1.2.3+x.4"


def test_the_standard_librarys_own_source_is_another_corpus(tmp_path: Path):
    folder = dependency(tmp_path / "library/std", name="std")
    assert doc_at(Sources((tmp_path,)), folder / "src/lib.rs", 24) is None


# Anchors


def test_an_anchor_is_found_by_its_printed_id(demo: Path):
    sources = Sources((demo,))
    main, panics, _ = at(demo, "half(n")
    for section, quote in ((main, main.text), (panics, "Panics if n is odd."), (panics, panics.text)):
        made = anchor(section, quote)
        assert made.id.startswith(f"repo/{section.id}#")
        assert by_id(made.id, sources) == made
    assert by_id("repo/demo::half#00000000", sources) is None
    assert by_id("repo/demo::other#" + made.sha256[:8], sources) is None
    for nothing in (
        "",
        "#",
        "repo",
        "repo/#12345678",
        "repo/demo::\ud800#12345678",
        "book/demo::half#12345678",
    ):
        assert by_id(nothing, sources) is None


def test_an_anchor_of_a_dependency_is_found_by_its_printed_id(tmp_path: Path):
    folder = dependency(tmp_path / "half-way")
    sources = Sources((), {"half-way@1.2.3": folder})
    made = anchor(doc_at(sources, folder / "src/lib.rs", 24), "Half of n")
    assert made.id.startswith("crate:half-way/half_way::half#")
    assert by_id(made.id, sources) == made


def edit(root: Path, old: str, new: str) -> None:
    path = root / "src/lib.rs"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def panics_of(root: Path):
    return anchor(at(root, "half(n")[1], "Nobody halves odd numbers.")


def test_the_same_words_elsewhere_in_the_file_are_valid(demo: Path):
    made = panics_of(demo)
    edit(demo, "//! All", "//! More.\n//!\n//! All")
    found = resolve(made, Sources((demo,)))
    assert found.state is State.VALID
    assert found.anchor.link.endswith("#L26")
    assert section_of(found.anchor, Sources((demo,))) == at(demo, "half(n")[1]
    assert section_of(evolve(made, quote="other"), Sources((demo,))) is None


def test_reworded_is_drifted_and_quotes_todays_words(demo: Path):
    main = at(demo, "half(n")[0]
    made = anchor(main, main.text)
    edit(demo, "see [`Vec`] and", "see [`Vec`], and")
    found = resolve(made, Sources((demo,)))
    assert found.state is State.DRIFTED
    assert found.anchor.quote == "Half of n, see Vec, and the book."


@pytest.mark.parametrize("new", ["fn quarter(n", "fn halves(n"])
def test_an_item_of_another_name_is_another_item(demo: Path, new: str):
    made = panics_of(demo)
    edit(demo, "fn half(n", new)
    assert resolve(made, Sources((demo,))).state is State.ORPHAN


def test_words_that_are_gone_are_an_orphan(demo: Path):
    made = panics_of(demo)
    edit(demo, "Nobody halves <b>odd</b> numbers.", "")
    assert resolve(made, Sources((demo,))).state is State.ORPHAN


def test_a_file_that_was_renamed_is_found_if_only_one_item_says_so(demo: Path):
    made = panics_of(demo)
    sources = Sources((demo,))
    (demo / "src/lib.rs").rename(demo / "src/halves.rs")
    found = resolve(made, sources)
    assert (found.state, found.anchor.structural_id) == (State.VALID, "demo::halves::half/panics")
    shutil.copy(demo / "src/halves.rs", demo / "src/other.rs")
    assert resolve(made, sources).state is State.ORPHAN
    (demo / "src/other.rs").rename(demo / "src/lib.rs")
    assert resolve(made, sources).anchor == made


def test_an_item_that_is_gone_is_not_taken_for_its_namesake(demo: Path):
    made = panics_of(demo)
    shutil.copy(demo / "src/lib.rs", demo / "src/other.rs")
    edit(demo, "fn half(n", "fn other(n")
    assert resolve(made, Sources((demo,))).state is State.ORPHAN


def test_another_version_of_a_dependency_is_looked_at(tmp_path: Path):
    old = dependency(tmp_path / "half-way-1.2.3")
    made = anchor(doc_at(Sources(()), old / "src/lib.rs", 24), "Half of n")
    shutil.rmtree(old)
    new = dependency(tmp_path / "half-way-1.3.0", version='"1.3.0"')
    found = resolve(made, Sources((), {"half-way@1.3.0": new}))
    assert (found.state, found.anchor.corpus) == (State.VALID, "crate:half-way@1.3.0")


@pytest.mark.parametrize(
    "link",
    [
        "",
        "file://",
        "file:///nowhere.rs",
        "http://localhost/src/lib.rs",
        "file:///dev/zero",
        "\0",
        "file://[a",
    ],
)
def test_a_link_that_leads_nowhere_does_no_harm(demo: Path, link: str):
    made = evolve(panics_of(demo), link=link)
    assert resolve(made, Sources((demo,))).state is State.VALID
    assert resolve(made, Sources(())).state is State.ORPHAN


def test_build_folders_and_hidden_folders_are_not_searched(demo: Path):
    made = panics_of(demo)
    for hidden in ("target/debug", ".git"):
        (demo / hidden).mkdir(parents=True)
        shutil.copy(demo / "src/lib.rs", demo / hidden / "lib.rs")
    (demo / "src/lib.rs").unlink()
    assert by_id(made.id, Sources((demo,))) is None
    assert resolve(made, Sources((demo,))).state is State.ORPHAN


# Bad input


def test_a_huge_comment_is_left_alone(make_crate):
    root = make_crate({"src/lib.rs": "/// word\n" * 1_200_000 + "fn f() {}\n"})
    assert sections_at(Sources((root,)), root / "src/lib.rs", 1_200_001) == ()
    unsaved = {root / "src/lib.rs": (root / "src/lib.rs").read_bytes()}
    assert sections_at(Sources((root,), unsaved=unsaved), root / "src/lib.rs", 1_200_001) == ()


def test_a_long_comment_is_cut_and_its_start_can_be_quoted(make_crate):
    root = make_crate(
        {"src/lib.rs": "/// A first paragraph.\n///\n" + "/// word\n" * 100_000 + "fn f() {}\n"}
    )
    found = doc_at(Sources((root,)), root / "src/lib.rs", 100_003)
    assert found.blocks[0].text == "A first paragraph."
    assert len(found.text) < 30_000


@pytest.mark.parametrize(
    "text",
    [
        "/* never closed\nfn f() {}",
        "/** never closed",
        '#[doc = "never closed\nfn f() {}',
        "fn f(" * 20_000,
        "mod m {" * 20_000 + "fn f() {}" + "}" * 20_000,
        "{" * 50_000,
        "m! {" * 5_000 + "fn f() {}" + "}" * 5_000,
        "/// " + "[" * 100_000 + "\nfn f() {}",
        "/// " + "> " * 50_000 + "\nfn f() {}",
        "fn f() {}\n" * 20_000,
        "\0" * 10_000,
        "impl<" * 20_000,
    ],
)
def test_malformed_and_deeply_nested_files_do_no_harm(make_crate, text: str):
    root = make_crate({"src/lib.rs": text})
    for line in range(1, 4):
        sections_at(Sources((root,)), root / "src/lib.rs", line)


def test_what_is_no_readable_file_has_no_items(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.rs")
    os.mkfifo(tmp_path / "Cargo.toml")
    (tmp_path / "alone.rs").write_text("fn f() {}")
    assert [one.id for one in sections_at(Sources((tmp_path,)), tmp_path / "alone.rs", 1)] == ["alone::f"]
    (tmp_path / "folder.rs").mkdir()
    (tmp_path / "text.txt").write_text("fn f() {}")
    for name in ("pipe.rs", "folder.rs", "text.txt", "vanished.rs", "a\0b.rs"):
        assert sections_at(Sources((tmp_path,)), tmp_path / name, 1) == ()


@given(st.binary(max_size=300))
def test_any_bytes_can_be_read(data: bytes):
    for item in items(normal(data)):
        passages(item.doc)


@given(st.text(alphabet=st.sampled_from("/*!#[]\"'(){}<>`\\ \nabdocfn=r:;,\u202e\x1b"), max_size=200))
def test_any_comment_can_be_read_and_quoted(text: str):
    for item in items(normal(f"/**{text}*/ fn f() {{}}".encode())):
        for passage in passages(item.doc):
            for _, block in passage.blocks:
                assert block.strip()
                assert not set(block) & set("\x1b\u202e\r\x00")
