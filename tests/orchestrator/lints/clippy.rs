// One small piece of code for every lint of Clippy that a knowledge card is about.
#![allow(unused, unnameable_test_items)]
#![warn(
    clippy::cast_lossless,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cloned_instead_of_copied,
    clippy::dbg_macro,
    clippy::doc_markdown,
    clippy::collapsible_else_if,
    clippy::explicit_iter_loop,
    clippy::expect_used,
    clippy::float_cmp,
    clippy::if_not_else,
    clippy::indexing_slicing,
    clippy::inefficient_to_string,
    clippy::manual_let_else,
    clippy::map_unwrap_or,
    clippy::match_same_arms,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::missing_const_for_fn,
    clippy::must_use_candidate,
    clippy::needless_pass_by_value,
    clippy::option_if_let_else,
    clippy::or_fun_call,
    clippy::panic,
    clippy::print_stdout,
    clippy::redundant_clone,
    clippy::redundant_closure_for_method_calls,
    clippy::search_is_some,
    clippy::semicolon_if_nothing_returned,
    clippy::single_match_else,
    clippy::string_slice,
    clippy::todo,
    clippy::trivially_copy_pass_by_ref,
    clippy::unimplemented,
    clippy::uninlined_format_args,
    clippy::unreadable_literal,
    clippy::unused_async,
    clippy::unused_self,
    clippy::unwrap_used,
    clippy::use_self,
    clippy::useless_let_if_seq,
    clippy::wildcard_imports
)]

use std::collections::HashMap;
use std::collections::*;
use std::rc::Rc;
use std::sync::Mutex;

pub mod returns {
    pub fn needless_return(n: u8) -> u8 {
        return n;
    }
    pub fn let_and_return(n: u8) -> u8 {
        let m = n + 1;
        m
    }
    pub fn needless_question_mark(n: Option<u8>) -> Option<u8> {
        Some(n?)
    }
    pub fn unused_unit() -> () {}
    pub fn question_mark(n: Option<u8>) -> Option<u8> {
        let Some(m) = n else { return None };
        Some(m + 1)
    }
    pub fn useless_conversion(n: u8) -> u8 {
        u8::from(n)
    }
    pub fn unit(n: Vec<u8>) {
        let unit = println!("{}", n.len());
    }
}

pub mod borrows {
    pub fn takes(n: &str) {}
    pub fn needless_borrow(n: &str) {
        takes(&n)
    }
    pub fn ptr_arg(list: &Vec<u8>, text: &String) -> usize {
        list.len() + text.len()
    }
    pub fn borrowed_box(n: &Box<u8>) -> u8 {
        **n
    }
    pub fn explicit_auto_deref(n: &Box<String>) {
        takes(&**n)
    }
    pub fn needless_lifetimes<'a>(n: &'a str) -> &'a str {
        n
    }
    pub fn needless_borrows(path: &str) {
        std::fs::read(&path.to_string());
    }
    pub fn extra(n: &u8) -> u8 {
        let m = &mut 3;
        n.clone()
    }
    pub fn op_ref(a: &String, b: &String) -> bool {
        &a[..] == &b[..]
    }
    pub fn borrow_deref(n: &str) -> &str {
        &*n
    }
    pub fn by_value(text: String) -> usize {
        text.len()
    }
    pub fn by_ref(n: &u8) -> u8 {
        *n
    }
}

pub mod clones {
    pub fn clone_on_copy(n: u8) -> u8 {
        n.clone()
    }
    pub fn redundant_clone(text: String) -> String {
        let copy = text.clone();
        copy
    }
    pub fn map_clone(list: &[u8]) -> Vec<u8> {
        list.iter().map(|n| n.clone()).collect()
    }
    pub fn to_string_in_format(n: u8) -> String {
        format!("{}", n.to_string())
    }
    pub fn useless_format() -> String {
        format!("text")
    }
    pub fn owned(text: &str) -> bool {
        text.to_owned() == "a"
    }
    pub fn unnecessary_to_owned(text: &str) {
        super::borrows::takes(&text.to_string());
    }
    pub fn vec_init() -> usize {
        let list = vec![1, 2, 3];
        list.iter().count()
    }
    pub fn string_lit() -> &'static [u8] {
        "a".as_bytes()
    }
    pub fn inefficient(n: &&str) -> String {
        n.to_string()
    }
    pub fn assigning(a: &mut String, b: &String) {
        *a = b.clone();
    }
}

pub mod loops {
    pub fn needless_range_loop(list: &[u8]) {
        for i in 0..list.len() {
            println!("{}", list[i]);
        }
    }
    pub fn explicit_counter_loop(list: &[u8]) {
        let mut i = 0;
        for n in list {
            println!("{i} {n}");
            i += 1;
        }
    }
    pub fn while_let_loop(mut n: Option<u8>) {
        loop {
            let Some(m) = n else { break };
            n = m.checked_sub(1);
        }
    }
    pub fn while_let_on_iterator(list: &[u8]) {
        let mut items = list.iter();
        while let Some(n) = items.next() {
            println!("{n}");
        }
    }
    pub fn manual_flatten(list: Vec<Option<u8>>) {
        for n in list {
            if let Some(m) = n {
                println!("{m}");
            }
        }
    }
    pub fn never_loop() -> u8 {
        loop {
            return 1;
        }
    }
    pub fn for_kv_map(map: &std::collections::HashMap<u8, u8>) {
        for (_, v) in map {
            println!("{v}");
        }
    }
    pub fn explicit_iter_loop(list: &[u8]) {
        for n in list.iter() {}
    }
    pub fn explicit_into_iter(list: Vec<u8>) {
        for n in list.into_iter() {}
    }
    pub fn same_item_push() -> Vec<u8> {
        let mut list = Vec::new();
        for _ in 0..3 {
            list.push(1);
        }
        list
    }
    pub fn empty() {
        loop {}
    }
    pub fn manual_memcpy(a: &[u8], b: &mut [u8]) {
        for i in 0..a.len() {
            b[i] = a[i];
        }
    }
    pub fn reversed() {
        for n in 5..0 {}
    }
}

pub mod iterators {
    pub fn filter_next(list: &[u8]) -> Option<&u8> {
        list.iter().filter(|n| **n > 1).next()
    }
    pub fn iter_nth_zero(list: &[u8]) -> Option<&u8> {
        list.iter().nth(0)
    }
    pub fn search_is_some(list: &[u8]) -> bool {
        list.iter().find(|n| **n > 1).is_some()
    }
    pub fn map_flatten(list: Vec<u8>) -> Vec<u8> {
        list.into_iter().map(|n| Some(n)).flatten().collect()
    }
    pub fn unnecessary_fold(list: &[u8]) -> bool {
        list.iter().fold(false, |any, n| any || *n > 1)
    }
    pub fn needless_collect(list: &[u8]) -> usize {
        list.iter().collect::<Vec<_>>().len()
    }
    pub fn into_iter_on_ref(list: &Vec<u8>) {
        list.into_iter().count();
    }
    pub fn unnecessary_filter_map(list: &[u8]) -> Vec<u8> {
        list.iter().filter_map(|n| Some(*n)).collect()
    }
    pub fn map_identity(list: Vec<u8>) -> Vec<u8> {
        list.into_iter().map(|n| n).collect()
    }
    pub fn chars_next(text: &str) -> bool {
        text.chars().next() == Some('a')
    }
    pub fn iter_next_slice(list: &[u8]) -> Option<&u8> {
        list[..].iter().next()
    }
    pub fn suspicious_map(list: &[u8]) -> usize {
        list.iter().map(|n| n + 1).count()
    }
    pub fn iter_skip_next(list: &[u8]) -> Option<&u8> {
        list.iter().skip(1).next()
    }
    pub fn bytes_nth(text: &str) -> Option<u8> {
        text.bytes().nth(1)
    }
    pub fn get_first(list: &[u8]) -> Option<&u8> {
        list.get(0)
    }
    pub fn extend(list: &mut Vec<u8>, other: &mut Vec<u8>) {
        list.extend(other.drain(..));
    }
    pub fn manual_filter_map(list: &[&str]) -> Vec<u8> {
        list.iter().map(|n| n.parse::<u8>()).filter(|n| n.is_ok()).map(|n| n.unwrap()).collect()
    }
    pub fn cloned_copied(list: &[u8]) -> Vec<u8> {
        list.iter().cloned().collect()
    }
    pub fn method_calls(list: &[&str]) -> Vec<usize> {
        list.iter().map(|n| n.len()).collect()
    }
}

pub mod matches {
    pub fn single_match(n: Option<u8>) {
        match n {
            Some(m) => println!("{m}"),
            _ => {}
        }
    }
    pub fn match_like_matches(n: Option<u8>) -> bool {
        match n {
            Some(1) => true,
            _ => false,
        }
    }
    pub fn redundant_pattern_matching(n: Option<u8>) -> u8 {
        if let Some(_) = n { 1 } else { 2 }
    }
    pub fn match_ref_pats(n: &Option<u8>) -> u8 {
        match n {
            &Some(m) => m,
            &None => 0,
        }
    }
    pub fn match_bool(n: bool) -> u8 {
        match n {
            true => 1,
            false => 2,
        }
    }
    pub fn collapsible_match(n: Option<Option<u8>>) {
        if let Some(m) = n {
            if let Some(l) = m {
                println!("{l}");
            }
        }
    }
    pub fn manual_map(n: Option<u8>) -> Option<u8> {
        match n {
            Some(m) => Some(m + 1),
            None => None,
        }
    }
    pub fn manual_unwrap_or(n: Option<u8>) -> u8 {
        match n {
            Some(m) => m,
            None => 5,
        }
    }
    pub fn infallible(n: (u8, u8)) -> u8 {
        match n {
            (a, b) => a + b,
        }
    }
    pub fn same_arms(n: u8) -> u8 {
        match n {
            1 => 5,
            2 => 5,
            _ => 6,
        }
    }
    pub fn wildcard(n: u8) -> u8 {
        match n {
            1 | _ => 1,
        }
    }
    pub fn let_else(n: Option<u8>) -> u8 {
        let m = match n {
            Some(m) => m,
            None => return 0,
        };
        m
    }
    pub fn let_else_else(n: Option<u8>) {
        match n {
            Some(m) => println!("{m}"),
            None => {
                println!("a");
                println!("b");
            }
        }
    }
    pub fn if_let_else(n: Option<u8>) -> u8 {
        if let Some(m) = n { m + 1 } else { 7 }
    }
}

pub mod conditions {
    pub fn collapsible_if(a: bool, b: bool) {
        if a {
            if b {
                println!();
            }
        }
    }
    pub fn collapsible_else_if(a: bool, b: bool) {
        if a {
            println!();
        } else {
            if b {
                print!("");
            }
        }
    }
    pub fn needless_bool(a: u8) -> bool {
        if a > 1 { true } else { false }
    }
    pub fn bool_comparison(a: bool) -> u8 {
        if a == true { 1 } else { 2 }
    }
    pub fn nonminimal_bool(a: u8) -> bool {
        !(a == 1)
    }
    pub fn bool_assert(a: bool) {
        assert_eq!(a, true);
    }
    pub fn len_zero(list: &[u8]) -> bool {
        list.len() == 0
    }
    pub fn comparison_to_empty(text: &str) -> bool {
        text == ""
    }
    pub fn manual_range_contains(n: u8) -> bool {
        n >= 1 && n < 5
    }
    pub fn neg_multiply(n: i32) -> i32 {
        n * -1
    }
    pub fn eq_op(n: u8) -> bool {
        n == n
    }
    pub fn identity_op(n: u8) -> u8 {
        n + 0
    }
    pub fn erasing_op(n: u8) -> u8 {
        n * 0
    }
    pub fn absurd(n: u8) -> bool {
        n < 0
    }
    pub fn float_cmp(n: f64) -> bool {
        n as f32 as f64 == 0.1
    }
    pub fn int_plus_one(n: u8, m: u8) -> bool {
        n >= m + 1
    }
    pub fn assign_op(mut n: u8) -> u8 {
        n = n + 1;
        n
    }
    pub fn precedence(n: u8) -> u8 {
        1 << 2 + n
    }
    pub fn blocks(a: bool) {
        if { let b = a; !b } {}
    }
    pub fn same_branches(a: bool) -> u8 {
        if a { 1 } else { 1 }
    }
    pub fn not_else(a: bool) -> u8 {
        if !a { 1 } else { 2 }
    }
    pub fn abs_diff(a: u8, b: u8) -> u8 {
        if a > b { a - b } else { b - a }
    }
    pub fn saturating(a: u8, b: u8) -> u8 {
        if a >= b { a - b } else { 0 }
    }
    pub fn clamp(n: u8) -> u8 {
        n.max(1).min(9)
    }
    pub fn swap(a: &mut u8, b: &mut u8) {
        let t = *a;
        *a = *b;
        *b = t;
    }
    pub fn almost_swapped(mut a: u8, mut b: u8) {
        a = b;
        b = a;
    }
    pub fn div_ceil(a: u32, b: u32) -> u32 {
        (a + (b - 1)) / b
    }
    pub fn multiple_of(a: u32) -> bool {
        a % 4 == 0
    }
}

pub mod options {
    pub fn unnecessary_unwrap(n: Option<u8>) -> u8 {
        if n.is_some() { n.unwrap() } else { 1 }
    }
    pub fn redundant_closure(n: Option<&str>) -> Option<String> {
        n.map(|m| String::from(m))
    }
    pub fn or_fun_call(n: Option<String>) -> String {
        n.unwrap_or(String::new())
    }
    pub fn unnecessary_lazy(n: Option<u8>) -> u8 {
        n.unwrap_or_else(|| 1)
    }
    pub fn unwrap_or_default(n: Option<u8>) -> u8 {
        n.unwrap_or_else(Default::default)
    }
    pub fn option_map_unit(n: Option<u8>) {
        n.map(|m| println!("{m}"));
    }
    pub fn bind_instead_of_map(n: Option<u8>) -> Option<u8> {
        n.and_then(|m| Some(m + 1))
    }
    pub fn expect_fun_call(n: Option<u8>) -> u8 {
        n.expect(&format!("no {}", 1))
    }
    pub fn ok_expect(n: Result<u8, std::fmt::Error>) -> u8 {
        n.ok().expect("a number")
    }
    pub fn literal_unwrap() -> u8 {
        Some(1).unwrap()
    }
    pub fn option_as_ref_deref(n: &Option<String>) -> Option<&str> {
        n.as_ref().map(|m| m.as_str())
    }
    pub fn option_option(n: Option<Option<u8>>) {}
    pub fn map_unwrap_or(n: Option<u8>) -> u8 {
        n.map(|m| m + 1).unwrap_or(0)
    }
    pub fn unwraps(n: Option<u8>, m: Result<u8, String>) -> u8 {
        n.unwrap() + m.expect("a number")
    }
    pub fn map_entry(map: &mut std::collections::HashMap<u8, u8>) {
        if !map.contains_key(&1) {
            map.insert(1, 2);
        }
    }
    pub fn let_unit() -> Result<u8, u8> {
        let n = "1".parse::<u8>().map_err(|_| 1)?;
        return Err(2)?;
    }
    pub fn replace(n: &mut Option<u8>) -> Option<u8> {
        std::mem::replace(n, None)
    }
    pub fn replace_default(n: &mut String) -> String {
        std::mem::replace(n, String::new())
    }
    pub fn is_some_and(n: Option<u8>) -> bool {
        n.map_or(false, |m| m > 1)
    }
    pub fn filter(n: Option<u8>) -> bool {
        n.filter(|m| *m > 1).is_some()
    }
}

pub mod types {
    use std::rc::Rc;
    use std::sync::{Arc, Mutex};
    pub struct New(u8);
    impl New {
        pub fn new() -> Self {
            New(1)
        }
        pub fn to_copy(self) -> u8 {
            self.0
        }
        pub fn is_big(self) -> bool {
            true
        }
        pub fn default() -> Self {
            New(1)
        }
        pub fn add(self, other: Self) -> Self {
            other
        }
        pub fn unused(&self) -> u8 {
            1
        }
    }
    pub struct List {
        items: Vec<u8>,
    }
    impl List {
        pub fn len(&self) -> usize {
            self.items.len()
        }
    }
    #[derive(Clone)]
    pub struct Copied;
    impl Copy for Copied {}
    pub struct Plain {
        pub a: u8,
        pub b: u8,
    }
    impl Default for Plain {
        fn default() -> Self {
            Plain { a: 0, b: 0 }
        }
    }
    #[derive(PartialEq)]
    pub struct Equal;
    impl std::hash::Hash for Plain {
        fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
    }
    pub fn field_reassign() -> Plain {
        let mut plain = Plain::default();
        plain.a = 1;
        plain
    }
    pub fn redundant_field_names(a: u8, b: u8) -> Plain {
        Plain { a: a, b: b }
    }
    pub fn shapes(n: Vec<Box<u8>>, m: Rc<Mutex<u8>>, l: Box<Vec<u8>>, k: Rc<String>) {}
    pub fn type_complexity(
        n: Vec<Vec<Box<(u32, u32, u32, u32, HashMapOf)>>>,
        m: &dyn Fn(Vec<(u8, Box<dyn Fn(u8) -> Option<Result<Vec<u8>, String>>>)>) -> Option<Result<Vec<u8>, String>>,
    ) {
    }
    type HashMapOf = std::collections::HashMap<u8, Vec<Option<Box<u8>>>>;
    pub fn too_many(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) {}
    pub enum Sized {
        Small(u8),
        Large([u8; 1000]),
    }
    pub enum Names {
        NameOne,
        NameTwo,
        NameThree,
    }
    pub fn large_err() -> Result<(), [u8; 1000]> {
        Ok(())
    }
    pub fn unit_err() -> Result<(), ()> {
        Ok(())
    }
    impl From<New> for u8 {
        fn from(n: New) -> u8 {
            n.0
        }
    }
    impl Into<u16> for New {
        fn into(self) -> u16 {
            1
        }
    }
    #[derive(Default)]
    pub struct Unsendable(*const u8);
    pub fn arc() {
        Arc::new(std::cell::RefCell::new(1));
    }
    pub fn redundant_static() {
        const NAME: &'static str = "a";
    }
    pub fn upper() {
        struct HTTP;
    }
    pub mod types {}
    pub trait Orders {}
    #[derive(PartialEq, Eq)]
    pub struct Order(u8);
    impl PartialOrd for Order {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            self.0.partial_cmp(&other.0)
        }
    }
    impl Ord for Order {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            self.0.cmp(&other.0)
        }
    }
    #[derive(Clone, Debug)]
    pub struct Shown;
    impl ToString for Shown {
        fn to_string(&self) -> String {
            "a".into()
        }
    }
}

pub mod texts {
    pub fn uninlined(n: u8) -> String {
        format!("{}", n)
    }
    pub fn print_newline() {
        print!("a\n");
        println!("");
        print!("{}", "text");
    }
    pub fn single_char_pattern(text: &str) -> Vec<&str> {
        text.split("x").collect()
    }
    pub fn add_str(text: &mut String) {
        text.push_str("x");
        *text += &format!("{}", 1);
    }
    pub fn manual_strip(text: &str) -> &str {
        if text.starts_with("a") { &text[1..] } else { text }
    }
    pub fn to_string_eq(text: &str) -> bool {
        text.to_string() == "a"
    }
    pub fn from_str_radix() -> u8 {
        u8::from_str_radix("1", 10).unwrap()
    }
    pub fn trim_split(text: &str) -> usize {
        text.trim().split_whitespace().count()
    }
    pub fn lines(file: std::fs::File) {
        use std::io::BufRead;
        for line in std::io::BufReader::new(file).lines().flatten() {}
    }
    pub fn needless_raw() -> &'static str {
        r#"abc"#
    }
    pub fn as_bytes(text: &str) -> usize {
        text.as_bytes().len()
    }
}

pub mod numbers {
    pub fn casts(n: u32, m: i64, l: f64, k: u64) -> (u64, u8, u32, i32, f32, u8) {
        (n as u64, n as u8, m as u32, n as i32, k as f32, l as u8)
    }
    pub fn unnecessary(n: u8) -> u8 {
        n as u8
    }
    pub fn char_as(n: char) -> u8 {
        'a' as u8
    }
    pub fn excessive() -> f32 {
        1.123456789012345
    }
    pub fn approx() -> f64 {
        3.14159
    }
    pub fn long() -> u32 {
        1000000
    }
    pub fn zero() -> u8 {
        010
    }
    pub fn inconsistent() -> u32 {
        1_23_4567
    }
    pub fn modulo() -> u8 {
        7 % 1
    }
    pub fn ptr(n: &u8) -> *const i8 {
        n as *const u8 as *const i8
    }
    pub fn fnp() -> u8 {
        fnp as u8
    }
    pub fn default_numeric() {
        let n: f32 = 16_777_217.0;
    }
}

pub mod later {
    use std::cell::RefCell;
    use std::sync::Mutex;
    pub async fn awaits(lock: &Mutex<u8>, cell: &RefCell<u8>) {
        let guard = lock.lock().unwrap();
        later().await;
        drop(guard);
        let borrowed = cell.borrow();
        later().await;
        drop(borrowed);
    }
    pub async fn later() {}
    pub async fn returns() {
        let future = async { async { 1 } };
        future.await;
    }
    pub async fn no_await() -> u8 {
        1
    }
    pub fn locks() -> Mutex<bool> {
        Mutex::new(true)
    }
    pub fn futures() {
        let _ = later();
    }
}

pub mod documentation {
    /// Says the_name of a thing.
    /// * one
    /// two
    pub fn lazy() {}
    /// May fail.
    pub fn errors() -> Result<u8, String> {
        Ok(1)
    }
    /// May panic.
    pub fn panics(n: Option<u8>) -> u8 {
        n.unwrap()
    }
    /// Unsafe.
    pub unsafe fn unsafe_fn() {}
    /// Doc.

    pub fn empty_line() {}
}

pub mod restricted {
    pub fn f(list: &[u8]) -> u8 {
        dbg!(1);
        println!();
        if list.is_empty() {
            todo!()
        }
        if list.len() == 2 {
            unimplemented!()
        }
        if list.len() == 3 {
            panic!("no")
        }
        list[0]
    }
}

pub mod blocks {
    pub fn redundant_locals(n: u8) -> u8 {
        let n = n;
        n
    }
    pub fn blacklisted() -> u8 {
        let foo = 1;
        foo
    }
    pub fn redundant_closure_call() -> u8 {
        (|| 1)()
    }
    pub fn no_effect(n: u8) {
        n + 1;
    }
    pub fn assertions() {
        assert!(true);
    }
    pub fn items_after() {
        let n = 1;
        fn inner() {}
    }
    pub fn if_seq(a: bool) -> u8 {
        let mut n = 1;
        if a {
            n = 2;
        }
        n
    }
    pub fn redundant_pattern(n: Option<u8>) -> Option<u8> {
        match n {
            m @ _ => m,
        }
    }
    pub fn let_underscore() {
        let _ = std::sync::Mutex::new(1).lock();
    }
    pub fn main() {
        std::process::exit(1);
    }
    pub fn toplevel(ref n: u8) -> u8 {
        let ref m = n;
        **m
    }
    pub fn mem_forget(n: String) {
        std::mem::forget(n);
    }
    pub fn drop_non_drop(n: u8) {
        struct Empty;
        drop(Empty);
    }
    pub fn unit_arg() {
        Some(println!());
    }
    pub fn double(n: u8) -> u8 {
        ((n))
    }
    pub fn vec_init_then_push() -> Vec<u8> {
        let mut list = Vec::new();
        list.push(1);
        list
    }
    pub fn box_default() -> Box<String> {
        Box::new(String::default())
    }
    pub fn semicolon() {
        println!()
    }
    pub fn unused_io(mut file: std::fs::File) {
        use std::io::Write;
        file.write(b"a").unwrap();
    }
    pub fn open_options() {
        std::fs::OpenOptions::new().create(true).write(true).open("a");
    }
    pub fn permissions() {
        std::thread::sleep(std::time::Duration::from_millis(5000));
    }
    pub fn transmutes(n: &u8) -> &i8 {
        unsafe { std::mem::transmute::<&u8, &i8>(n) }
    }
    pub fn not_unsafe(n: *const u8) -> u8 {
        unsafe { *n }
    }
    pub fn crate_in_macro() {
        #[macro_export]
        macro_rules! inner {
            () => {
                crate::blocks::double(1)
            };
        }
    }
}

// What is not public: these lints do not want to break what other crates use.
mod private {
    use std::cell::Cell;
    use std::collections::HashMap;
    use std::fmt::*;
    use std::rc::Rc;

    fn shapes(a: Vec<Box<u8>>, b: Box<Vec<u8>>) {}
    fn by_reference(n: &u8) -> u8 {
        *n
    }
    enum Names {
        NameOne,
        NameTwo,
        NameThree,
    }
    struct Thing(String);
    impl Thing {
        fn unused(&self) -> u8 {
            1
        }
        fn to_text(self) -> String {
            self.0
        }
    }
    impl Debug for Thing {
        fn fmt(&self, f: &mut Formatter<'_>) -> Result {
            f.write_str(&self.0[0..1])
        }
    }
    #[derive(PartialEq, Eq)]
    struct Key(Cell<u8>);
    impl std::hash::Hash for Key {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            self.0.get().hash(state);
        }
    }
    fn keys(map: HashMap<Key, u8>) {}
    fn shared() -> Vec<Rc<String>> {
        vec![Rc::new(String::new()); 2]
    }
    #[derive(Hash)]
    struct Hashed(u8);
    impl PartialEq for Hashed {
        fn eq(&self, _: &Self) -> bool {
            true
        }
    }
    #[derive(PartialEq, Eq, PartialOrd)]
    struct Ordered(u8);
    impl Ord for Ordered {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            self.0.cmp(&other.0)
        }
    }
    fn units(n: std::result::Result<u8, u8>) {
        n.map(|m| println!("{m}"));
    }
    fn defaults(n: Option<u8>, m: Option<String>) -> u8 {
        m.unwrap_or(format!("{}", 1));
        if let Some(m) = n { m } else { 0 }
    }
    fn floats(a: f64, b: f64) -> bool {
        a == b
    }
}
