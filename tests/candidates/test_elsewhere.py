"""Rules that need another file: which ones are looked at, and that each edit lands in its own."""

from attrs import evolve

from rusta_server.candidates import Candidate, Context, elsewhere, items, rules, syntax
from rusta_server.orchestrator.propose import Sources
from rusta_server.patch.edit import Edit, apply
from rusta_server.tools.diagnostic import Diagnostic, Span

MAIN = b"""\
mod store;
use store::Store;

fn main() {
    let store = Store::new();
    println!("{}", store.items.len());
}
"""
STORE = b"""\
pub struct Store {
    items: Vec<u8>,
}

impl Store {
    pub fn new() -> Self {
        Store { items: vec![] }
    }
}
"""
PRIVATE = "field `items` of struct `Store` is private"


def spanned(path: str, text: bytes, marked: bytes, **more) -> Span:
    start = text.index(marked)
    told = {"label": None, "replacement": None, "applicability": None, "is_primary": True, **more}
    line = text.count(b"\n", 0, start) + 1
    end = start + len(marked)
    return Span(path=path, start=start, end=end, line=line, column=1, line_end=line, in_macro=False, **told)


def context(files: dict[str, bytes], path: str = "src/main.rs", message: str = PRIVATE, code: str = "E0616"):
    error = Diagnostic(code, "error", message, (spanned(path, files[path], b"items.len"),), ())
    error = evolve(error, spans=tuple(evolve(one, end=one.start + 5) for one in error.spans))
    return Context(error, (error,), Sources(files, {}))


def after(files: dict[str, bytes], candidate: Candidate) -> dict[str, bytes]:
    return {**files, **apply(files, candidate.edits)}


def test_a_definition_in_another_file_is_changed_there():
    files = {"src/main.rs": MAIN, "src/store.rs": STORE}
    found = {one.title: one for one in rules.propose(context(files))}
    public = after(files, found["Make the field `items` public"])
    assert public == {**files, "src/store.rs": STORE.replace(b"    items: V", b"    pub items: V")}
    getter = after(files, found["Read `items` through a method"])
    assert getter["src/main.rs"] == MAIN.replace(b"items.len", b"items().len")
    assert b"pub fn items(&self) -> &Vec<u8>" in getter["src/store.rs"]


def test_a_fix_far_from_the_error_is_a_little_less_likely():
    alone = MAIN.replace(b"mod store;\nuse store::Store;\n", b"") + STORE
    (here,) = [one for one in rules.propose(context({"src/main.rs": alone})) if "public" in one.title][:1]
    apart = {"src/main.rs": MAIN, "src/store.rs": STORE}
    (there,) = [one for one in rules.propose(context(apart)) if "public" in one.title][:1]
    assert there.prior == here.prior * elsewhere.LESS_LIKELY


def near(files: dict[str, bytes], path: str = "src/main.rs") -> list[str]:
    found = elsewhere.joined(context(files, path))
    return [part for _, _, part in found.parts] if found else []


def test_files_are_found_along_use_and_mod():
    deep = MAIN.replace(b"mod store;\nuse store::", b"use crate::shop::store::")
    assert near({"src/a/b.rs": deep, "src/shop/store.rs": STORE}, "src/a/b.rs") == ["src/shop/store.rs"]
    assert near({"src/a.rs": MAIN, "src/a/store.rs": STORE}, "src/a.rs") == ["src/a/store.rs"]
    assert near({"src/main.rs": MAIN, "src/store/mod.rs": STORE}) == ["src/store/mod.rs"]
    nested = MAIN.replace(b"use store::Store;", b"use store::{self, kinds::{Kind, Other}, Store};")
    assert near({"src/main.rs": nested, "src/store.rs": STORE}) == ["src/store.rs"]
    up = MAIN.replace(b"mod store;\nuse store::Store", b"use super::Store")
    assert near({"src/a.rs": up, "src/lib.rs": STORE}, "src/a.rs") == ["src/lib.rs"], "the crate's root"


def test_files_that_define_nothing_of_it_are_left_alone():
    assert near({"src/main.rs": MAIN, "src/store.rs": STORE.replace(b"Store", b"Shop")}) == []
    assert near({"src/main.rs": MAIN}) == []
    assert near({"src/main.rs": MAIN, "src/store.rs": STORE + b" " * elsewhere.MAX_BYTES}) == []


def test_while_a_file_does_not_parse_no_other_is_laid_behind_it():
    files = {"src/main.rs": MAIN, "src/store.rs": STORE}
    unparsed = context(files)
    assert elsewhere.joined(unparsed) is not None
    assert elsewhere.joined(evolve(unparsed, diagnostic=evolve(unparsed.diagnostic, code=None))) is None


def test_edits_across_a_border_and_at_the_very_end_are_none():
    files = {"src/main.rs": MAIN, "src/store.rs": STORE}
    joined = elsewhere.joined(context(files))

    def carried(start: int, end: int) -> list[tuple[str, int, int]] | None:
        edit = Edit("src/main.rs", start, end, b"x")
        found = joined.carried_back(Candidate("rule/test", "do it", (edit,)))
        return found and [(one.path, one.start, one.end) for one in found.edits]

    n = len(MAIN)
    ((start, end, _),) = joined.parts
    assert joined.text[start:end] == STORE
    assert carried(0, n) == [("src/main.rs", 0, n)]
    assert carried(start, start + 4) == [("src/store.rs", 0, 4)]
    assert carried(end, end) == [("src/store.rs", len(STORE), len(STORE))]
    assert carried(n - 1, start + 5) is None
    assert carried(n, n + 1) is None, "what stands between them is nobody's"
    assert carried(len(joined.text), len(joined.text)) is None


def test_imports_and_ends_of_the_file_stay_those_of_the_error():
    main = MAIN.rstrip(b"\n")
    files = {"src/main.rs": main, "src/store.rs": b"use std::fmt;\n" + STORE}
    there = elsewhere.with_all(context(files), elsewhere.joined(context(files))).files["src/main.rs"]
    imported = syntax.add_use(there, "std::sync::Arc")
    assert imported.start == main.index(b"fn main") - 1
    assert syntax.add_use(there, "std::fmt") is not None, "that it is imported elsewhere is no help"
    last = syntax.named_item(there, "main")
    assert syntax.line_after(there, last, "fn f() {}").start > len(main), "which is nobody's"
    store = syntax.named_item(there, "Store")
    assert items.module_path(store) == ("store",)


def test_a_file_is_a_module_by_its_path():
    paths = ("src/a/b.rs", "src/a/mod.rs", "crates/x/src/y.rs", "src/lib.rs", "lone.rs", "src/a-b/c.rs")
    found = [elsewhere._modules_of(path) for path in paths]
    assert found == [["a", "b"], ["a"], ["y"], ["root"], ["lone"], ["c"]]


def test_files_that_are_not_there_are_not_read():
    class Files(dict):
        def __missing__(self, path):
            raise AssertionError(f"{path} was read")

    there = context({"src/main.rs": MAIN, "src/store.rs": STORE})
    files = Sources(Files({"src/main.rs": MAIN, "src/store.rs": STORE}), {})
    assert elsewhere.near(evolve(there, files=files), "src/main.rs") == ["src/store.rs"]
