"""The operators: what they find in code that they know, and that they keep to their contract on any code."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rusta_training import triplets
from rusta_training.mutate import OPERATORS, Code, Edit, mutations, words

# `before` and one of the breaks that the operator must find in it.
CASES = {
    "clone-forgotten": ("let b = a.clone();", "let b = a;"),
    "borrow-forgotten": ("f(&x);", "f(x);"),
    "moved-before": ("let s = make();\n    show(s);", "let s = make();\n    let s2 = s;\n    show(s);"),
    "closure-move-forgotten": ("let f = move || x;", "let f = || x;"),
    "mut-forgotten": ("let mut x = 1;", "let x = 1;"),
    "shared-instead-of-mutable": ("f(&mut x);", "f(&x);"),
    "statements-swapped": ("let a = 1;\n    f(a);", "f(a);\n    let a = 1;"),
    "borrowed-across": ("v.push(1);", "let held = &v;\n    v.push(1);\n    drop(held);"),
    "scope-too-narrow": (
        "let x = 1;\n    let r = f(&x);",
        "let r = {\n        let x = 1;\n        f(&x)\n    };",
    ),
    "temporary-dropped": ("let s = make();\n    let r = s.as_str();", "let r = make().as_str();"),
    "turbofish-forgotten": ('"1".parse::<i32>();', '"1".parse();'),
    "annotation-forgotten": ("let x: u8 = f();", "let x = f();"),
    "cast-forgotten": ("f(x as usize);", "f(x);"),
    "unwrap-forgotten": ("let x = f().unwrap();", "let x = f();"),
    "wrapper-forgotten": ("return Some(x);", "return x;"),
    "question-mark-forgotten": ("f()?;", "f();"),
    "argument-forgotten": ("f(a, b);", "f(a);"),
    "arguments-swapped": ("f(a, b);", "f(b, a);"),
    "call-parentheses-forgotten": ("x.len();", "x.len;"),
    "field-forgotten": ("S { a: 1, b: 2 };", "S { a: 1 };"),
    "arm-forgotten": (
        "match x {\n        A => 1,\n        B => 2,\n    };",
        "match x {\n        A => 1,\n    };",
    ),
    "else-forgotten": ("let x = if c { 1 } else { 2 };", "let x = if c { 1 };"),
    "assignment-as-condition": ("if a == b {}", "if a = b {}"),
    "unsafe-forgotten": ("unsafe { f() };", "{ f() };"),
    "keyword-confused": ("let x = 1;", "const x = 1;"),
    "semicolon-forgotten": ("f();\n    g();", "f()\n    g();"),
    "increment": ("x += 1;", "x++;"),
    "unused-mut": ("let x = 1;", "let mut x = 1;"),
}


@pytest.mark.parametrize("name", CASES)
def test_an_operator_breaks_code_as_its_name_says(name):
    before, broken = CASES[name]
    found = _results(f"fn main() {{\n    {before}\n}}\n", name)
    assert f"fn main() {{\n    {broken}\n}}\n" in found


ITEM_CASES = {
    "lifetime-forgotten": ("fn f<'a>(x: &'a str) -> &'a str { x }\n", "fn f<'a>(x: &'a str) -> &str { x }\n"),
    "lifetime-not-declared": ("struct S<'a> { x: &'a str }\n", "struct S { x: &'a str }\n"),
    "bound-forgotten": ("fn f<T: Copy>(x: T) {}\n", "fn f<T>(x: T) {}\n"),
    "derive-forgotten": ("#[derive(Debug, Clone)]\nstruct S;\n", "#[derive(Debug)]\nstruct S;\n"),
    "impl-item-forgotten": ("impl T for S {\n    fn f() {}\n}\n", "impl T for S {\n}\n"),
    "dyn-forgotten": ("fn f(x: Box<dyn T>) {}\n", "fn f(x: Box<T>) {}\n"),
    "import-forgotten": ("use std::fmt;\nfn f() {}\n", "fn f() {}\n"),
    "import-incomplete": ("use std::{fmt, io};\n", "use std::{fmt};\n"),
    "pub-forgotten": ("mod m {\n    pub fn f() {}\n}\n", "mod m {\n    fn f() {}\n}\n"),
    "result-type-forgotten": ("fn f() -> u8 { 1 }\n", "fn f() { 1 }\n"),
    "self-not-mutable": ("impl S {\n    fn f(&mut self) {}\n}\n", "impl S {\n    fn f(&self) {}\n}\n"),
    "words-swapped": ("pub fn f() {}\n", "fn pub f() {}\n"),
}


@pytest.mark.parametrize("name", ITEM_CASES)
def test_an_operator_breaks_an_item_as_its_name_says(name):
    before, broken = ITEM_CASES[name]
    assert broken in _results(before, name)


def test_there_are_many_operators_of_every_family():
    families = {one.family for one in OPERATORS.values()}
    assert len(OPERATORS) >= 200
    assert families == {
        *(
            "moves",
            "borrows",
            "lifetimes",
            "bounds",
            "types",
            "conversions",
            "calls",
            "data",
            "flow",
            "names",
        ),
        *("visibility", "syntax", "lints"),
    }


def test_arguments_of_macros_are_looked_at_as_well():
    assert 'fn main() {\n    println!("{}", a);\n}\n' in _results(
        'fn main() {\n    println!("{}", a.clone());\n}\n', "clone-forgotten"
    )


def test_the_same_code_is_broken_in_the_same_ways():
    text = b'fn main() {\n    let mut v = vec![1];\n    v.push(2);\n    println!("{:?}", v);\n}\n'
    assert mutations(Code(text)) == mutations(Code(text))


_PIECES = st.sampled_from(
    [
        *(
            "fn f() {",
            "}",
            "{",
            "(",
            ")",
            ";",
            ",",
            "let mut x = ",
            "1",
            "x",
            "&",
            "match x {",
            "Some(y) => ",
            "é",
            "'a",
        ),
        *(
            "struct S { a: T }",
            "impl T for S {",
            "'",
            '"s"',
            "\n",
            " ",
            "#[derive(Debug)]",
            "use a::{b, c};",
            "where T: U",
        ),
        *(
            "if let Some(z) = x ",
            "println!(",
            "vec![",
            "|a, b| ",
            "-> ",
            "<T: U>",
            "for i in 0..n ",
            "x.f()?",
            "/* */",
            "//\n",
        ),
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_PIECES, max_size=30))
def test_edits_lie_inside_the_text_and_between_characters(pieces):
    text = "".join(pieces).encode()
    for found in mutations(Code(text)).values():
        for mutation in found:
            for edit in mutation.edits:
                assert 0 <= edit.start <= edit.end <= len(text)
            triplets.apply(text, mutation.edits).decode()


@given(st.text(alphabet="aéb\n", max_size=30), st.data())
def test_the_way_back_is_exact_and_keeps_characters_whole(text, data):
    raw = text.encode()
    places = [len(text[:at].encode()) for at in range(len(text) + 1)]
    cuts = sorted(data.draw(st.lists(st.sampled_from(places), min_size=2, max_size=2)))
    edits = (Edit(cuts[0], cuts[1], data.draw(st.text(alphabet="aéb\n", max_size=8)).encode()),)
    broken = triplets.apply(raw, edits)
    back = triplets.inverse(raw, edits)
    assert triplets.apply(broken, back) == raw
    assert all(
        edit.text.decode() is not None and broken[edit.start : edit.end].decode() is not None for edit in back
    )


@given(st.from_regex(r"[a-z_][a-zA-Z0-9_]{0,12}", fullmatch=True), st.integers(0, 10**6))
def test_a_misspelled_word_is_another_name(word, luck):
    wrong = words.misspelled(word, luck)
    assert wrong is None or (wrong != word and wrong.isidentifier() and wrong not in words.KEYWORDS)


def _results(text, name):
    raw = text.encode()
    found = mutations(Code(raw), frozenset([name]))
    return [triplets.apply(raw, mutation.edits).decode() for mutation in found.get(name, ())]
