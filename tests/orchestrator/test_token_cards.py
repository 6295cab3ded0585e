"""Which card speaks for the token under the cursor, and what it says first, on the real documentation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rusta_server.candidates import Source
from rusta_server.orchestrator import cards, explain
from rusta_server.orchestrator.tokens import Token, token_at

# A snippet with the cursor `$0` in front of the token, the token, and how the first sentence begins.
SAID = [
    ("fn f(x: &$0dyn Q) {}", "dyn", "`dyn Trait` is the type of trait objects."),
    ("fn f() { let y = x $0as u8; }", "as", "`as` casts the value"),
    ("use a::b $0as c;", "as", "Here `as` gives the imported item another name."),
    ("fn f() { <A $0as B>::c(); }", "as", "`<Type as Trait>` says"),
    ("$0async fn f() {}", "async", "Calling an `async` function does no work yet"),
    ("fn f() { $0async { 1 } }", "async", "An `async` block evaluates to a future."),
    ("fn f() { let c = $0async |x| x; }", "async", "Calling an `async` closure"),
    ("async fn f() { g().a$0wait; }", "await", "`.await` suspends the computation"),
    ("fn f() { loop { $0break 1; } }", "break", "`break` ends the loop body at once."),
    ("$0const A: u8 = 1;", "const", "A constant is copied"),
    ("pub $0const fn f() {}", "const", "A `const fn` can be called in a const context."),
    ("fn f<$0const N: usize>() {}", "const", "A const parameter"),
    ("fn f(x: *$0const u8) {}", "const", "`*const T` is a raw pointer"),
    ("fn f() { $0const { 1 } }", "const", "A `const` block is evaluated"),
    ("use $0crate::a;", "crate", "`crate` starts a path at the current crate."),
    ("pub($0crate) fn f() {}", "crate", "`pub(crate)` makes the item visible"),
    ("fn f() { if a {} $0else {} }", "else", "The `else` block runs if all conditions"),
    ("fn f() { let Some(x) = y $0else { return }; }", "else", "The `else` block of a `let` runs"),
    ('unsafe $0extern "C" { fn f(); }', "extern", "An `extern` block declares"),
    ('pub $0extern "C" fn f() {}', "extern", "`extern fn` gives a function a particular ABI."),
    ("$0fn f() {}", "fn", "`fn` declares a function."),
    ("static A: $0fn() = b;", "fn", "Here `fn` is a type"),
    ("fn f() { $0for i in 0..3 {} }", "for", "`for` loops over the elements"),
    ("impl A $0for B {}", "for", "`impl Trait for Type`"),
    ("type A = $0for<'a> fn(&'a u8);", "for", "`for<'a>` makes the bound hold"),
    ("fn f<T>() where T: $0for<'a> Fn(&'a u8) {}", "for", "`for<'a>` makes the bound hold"),
    ("fn f() { for i $0in 0..3 {} }", "in", "What follows `in`"),
    ("fn f() { $0if a {} }", "if", "The condition is a `bool`"),
    ("fn f() { match a { b $0if c => (), _ => () } }", "if", "`if` after a pattern is a guard"),
    ("$0impl A {}", "impl", "`impl` holds functions"),
    ("fn f(x: $0impl A) {}", "impl", "`impl Trait` stands for one concrete type"),
    ("fn f() -> $0impl A {}", "impl", "`impl Trait` stands for one concrete type"),
    ("fn f() { $0let a = 1; }", "let", "`let` introduces the variables"),
    ("fn f() { if $0let Some(a) = b {} }", "let", "`let` in a condition"),
    ("fn f() { let c = $0move || 1; }", "move", "`move` makes the closure take"),
    ("fn f() { async $0move { 1 } }", "move", "`async move` moves all variables"),
    ("fn f() { let $0mut a = 1; }", "mut", "`mut` makes the variable mutable"),
    ("fn f($0mut a: u8) {}", "mut", "`mut` makes the variable mutable"),
    ("fn f() { g(&$0mut a); }", "mut", "While the `&mut` borrow lasts"),
    ("fn f(a: &$0mut u8) {}", "mut", "A `&mut` reference is the only way"),
    ("impl A { fn f(&$0mut self) {} }", "mut", "`&mut self` lets the method change"),
    ("static $0mut A: u8 = 1;", "mut", "`static mut` may be changed"),
    ("impl A { fn f(&$0self) {} }", "self", "A first parameter `self`"),
    ("impl A { fn f(&self) -> u8 { $0self.a } }", "self", "In a method `self` is the value"),
    ("use a::{$0self, b};", "self", "In a path `self` is the current module."),
    ("impl A { fn f() -> $0Self { A } }", "Self", "`Self` is the type"),
    ("fn f(a: &$0'static str) {}", "'static", "A reference with the lifetime `'static`"),
    ("fn f<T: $0'static>(a: T) {}", "'static", "As a bound, `T: 'static`"),
    ("fn f(a: A<$0'_>) {}", "'_", "`'_` asks for the lifetime to be inferred"),
    ("fn f(a: &$0'long str) {}", "'long", "A lifetime says how long references are valid"),
    ("fn f<$0'a>() {}", "'a", "A lifetime parameter is declared here"),
    ("fn f<'a, T: $0'a>(a: T) {}", "'a", "`T: 'a` says that"),
    ("fn f() { 'outer: loop { break $0'outer; } }", "'outer", "A label lets `break`"),
    ("fn f() { $0'outer: for a in b {} }", "'outer", "A label lets `break`"),
    ("fn f() { match a { $0ref b => () } }", "ref", "`ref` binds a reference"),
    ("pub($0super) fn f() {}", "super", "`pub(super)`"),
    ("type $0A = u8;", "A", None),
    ("$0type A = u8;", "type", "`type` gives an existing type another name."),
    ("trait A { $0type B; }", "type", "`type` in a trait declares"),
    ("$0union U { a: u8 }", "union", "All fields of a `union`"),
    ("fn f(u$0nion: u8) {}", "union", None),
    ("fn f() { $0unsafe { g() } }", "unsafe", "`unsafe` permits what the compiler cannot check"),
    ("$0unsafe fn f() {}", "unsafe", "An `unsafe fn` has conditions"),
    ("$0unsafe impl Send for A {}", "unsafe", "By writing `unsafe impl`"),
    ("#[$0unsafe(no_mangle)] fn f() {}", "unsafe", "`unsafe(…)` says"),
    ("fn f<T>() $0where T: A {}", "where", "`where` gives bounds"),
    ("$0macro_rules! m { () => {} }", "macro_rules!", "`macro_rules!` defines"),
    ('unsafe extern "C" { $0safe fn f(); }', "safe", "`safe` says that this foreign function"),
    ("fn f() -> Option<u8> { a$0? }", "?", "`?` takes the value out of `Ok`"),
    ("fn f<T: $0?Sized>() {}", "?", "`?Sized` lifts the bound"),
    ("fn f() { g$0!(); }", "!", "`name!(…)` expands a macro"),
    ("fn f() -> $0! { loop {} }", "!", "`!` is the type without values"),
    ("fn f() { $0!a; }", "!", "`!` inverts a `bool`"),
    ("#$0![no_std]", "!", "`#![…]` applies to what it stands in."),
    ("fn f() { let b = $0&a; }", "&", "`&` makes a reference"),
    ("fn f(a: $0&u8) {}", "&", "`&T` is a reference to memory"),
    ("fn f() { match a { $0&b => () } }", "&", "In a pattern `&` goes the other way"),
    ("impl A { fn f($0&self) {} }", "&", "`&self` is short for"),
    ("fn f() { let b = a $0& c; }", "&", "`&` between two integers"),
    ("fn f() { if a $0&& b {} }", "&&", "`&&` is the logical AND."),
    ("fn f() { if let Some(x) = a $0&& b {} }", "&&", "`&&` separates several conditions"),
    ("fn f() { let b = $0*a; }", "*", "`*` is what the pointer points to."),
    ("fn f(a: $0*const u8) {}", "*", "`*const T` and `*mut T` are raw pointers."),
    ("fn f() { let b = a $0* c; }", "*", "`*` multiplies"),
    ("use a::$0*;", "*", "`*` imports everything importable"),
    ("macro_rules! m { ($($a:expr),$0*) => {} }", "*", "In a macro `*` repeats"),
    ("fn f() { let c = $0|a| a; }", "|", "The bars hold the parameters"),
    ("fn f() { match a { 1 $0| 2 => (), _ => () } }", "|", "In a pattern it separates alternatives"),
    ("fn f() { let c = a $0| b; }", "|", "Between two integers this is the bitwise OR"),
    ("fn f<T: A $0+ B>() {}", "+", "`+` asks for several traits"),
    ("fn f() { let c = a $0+ b; }", "+", "`+` adds"),
    ("fn f() { a $0+= 1; }", "+=", "This combines an operator and an assignment."),
    ("fn f() { a $0= 1; }", "=", "`=` moves the value"),
    ("fn f() { a $0== 1; }", "==", "The values are borrowed for the comparison"),
    ("fn f() { let a = b$0::<u8>(); }", "::", "`::<…>` gives generic arguments"),
    ("fn f() { a$0::b(); }", "::", "`::` separates the segments of a path."),
    ("fn f() { for i in 0$0..3 {} }", "..", "`a..b` starts at `a`"),
    ("fn f() { let A { b, $0.. } = c; }", "..", "`..` stands for all the remaining"),
    ("fn f() { A { b: 1, $0..c }; }", "..", "`..base` takes the fields"),
    ("fn f() { match a { 1$0..=2 => (), _ => () } }", "..=", "`a..=b` matches"),
    ("fn f() { match a { $0_ => () } }", "_", "`_` matches any value"),
    ("fn f() { let $0_ = a; }", "_", "`_` matches any value"),
    ("fn f() { let a: Vec<$0_> = b; }", "_", "As a type `_` asks the compiler"),
    ("use a as $0_;", "_", "`as _` imports a trait"),
    ("fn f() { match a { n $0@ 1 => (), _ => () } }", "@", "`name @ pattern` keeps the value"),
    ('fn f() { let a = $0r"b"; }', 'r"', "In a raw string nothing is an escape"),
    ('fn f() { let a = $0r##"b"##; }', 'r"', "In a raw string nothing is an escape"),
    ('fn f() { let a = $0b"b"; }', 'b"', "A byte string is a reference"),
    ('fn f() { let a = $0c"b"; }', 'c"', "A C string literal is a `&CStr`."),
    ("fn f() { let a = $0b'b'; }", "b'", "A byte literal is a `u8`."),
    ("#[$0derive(Debug)] struct A;", "derive", "`derive` generates implementations"),
    ("#[$0cfg(test)] mod a {}", "cfg", "`cfg` includes what it is attached to"),
    ("#[$0test] fn f() {}", "test", "`test` marks a function"),
    ("fn f($0test: u8) {}", "test", None),
    ("#![$0allow(dead_code)]", "allow", "`allow` silences a lint here."),
    ('#[$0deprecated(note = "a")] fn f() {}', "deprecated", "`deprecated` makes the compiler warn"),
    # The arguments of the usual macros are read as they are parsed.
    ('fn f() { println!("{}", a$0?); }', "?", "`?` takes the value out of `Ok`"),
    ("fn f() { assert!($0!a); }", "!", "`!` inverts a `bool`"),
]

NOTHING = [
    "fn f() {$0 }",
    "// d$0yn",
    "/// d$0yn\nfn f() {}",
    "/* d$0yn */",
    'fn f() { let a = "d$0yn"; }',
    "fn f() { let a = 'd$0'; }",
]


def place(snippet):
    before, _, after = snippet.partition("$0")
    return Source("main.rs", (before + after).encode()), len(before.encode())


@pytest.mark.parametrize(("snippet", "text", "said"), SAID, ids=lambda one: one)
def test_what_is_said_of_a_token(snippet, text, said, docs):
    token = token_at(*place(snippet))
    assert token is not None
    assert token.text == text
    explanation = explain.of_token(token.text, docs, cards.load(), token.node)
    first = next(explanation.claims()).text if explanation else None
    assert first == said or (said and first and first.startswith(said))


@pytest.mark.parametrize("snippet", NOTHING)
def test_there_is_no_token_in_comments_strings_and_space(snippet):
    assert token_at(*place(snippet)) is None


def test_no_two_cards_speak_for_the_same_token_in_the_same_place():
    places = [(token, node) for card in all_cards() for token in card.tokens for node in card.node or ("",)]
    assert len(places) == len(set(places))


def test_every_item_with_a_card_is_an_item_of_the_documentation(docs):
    for card in all_cards():
        for path in card.items:
            section = docs.item(path) or docs.section("std", path)
            assert section is not None, path
            assert section.id in card.items, f"{path} is {section.id}"


@given(text=st.text(alphabet="ab'\"#!&|$ (){}<>\\\nrä", max_size=40), data=st.data())
def test_any_text_and_place_is_answered(text, data):
    source = Source("main.rs", text.encode())
    offset = data.draw(st.integers(0, len(source.text) + 2))
    token = token_at(source, offset)
    assert token is None or isinstance(token, Token)


def all_cards():
    return [card for file in sorted(cards.FOLDER.glob("*.toml")) for card in cards.read(file)]
