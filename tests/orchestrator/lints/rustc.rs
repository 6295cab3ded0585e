// One small piece of code for every lint of rustc that a knowledge card is about, each in a module of its own.
#![allow(unused)]
#![warn(
    elided_lifetimes_in_paths,
    let_underscore_drop,
    non_ascii_idents,
    redundant_lifetimes,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unused_import_braces,
    unused_lifetimes,
    unused_qualifications,
    variant_size_differences
)]

#[warn(unused_variables)]
mod unused_variables {
    pub fn f() {
        let total = 1;
    }
}

#[warn(unused_assignments)]
mod unused_assignments {
    pub fn f() -> u8 {
        let mut total = 1;
        total = 2;
        total
    }
}

#[warn(unused_mut)]
mod unused_mut {
    pub fn f() -> u8 {
        let mut total = 1;
        total
    }
}

#[warn(dead_code)]
mod dead_code {
    fn helper() {}
    struct Unbuilt;
    pub struct Point {
        hidden: u8,
    }
    pub fn point() -> Point {
        Point { hidden: 1 }
    }
    enum Light {
        Red,
    }
    const LIMIT: u8 = 1;
    struct Two;
    impl Two {
        fn one(&self) {}
        fn two(&self) {}
    }
}

#[warn(unused_imports)]
mod unused_imports {
    use std::collections::HashMap;
    use std::fmt::{Debug, Display};
}

#[warn(unused_must_use)]
mod unused_must_use {
    pub fn f() {
        "1".parse::<u8>();
        [1].iter().map(|n| n + 1);
        async {};
        1 == 2;
    }
}

#[warn(unreachable_code)]
mod unreachable_code {
    pub fn f() -> u8 {
        return 1;
        println!("never");
    }
}

#[warn(unreachable_patterns)]
mod unreachable_patterns {
    pub fn f(n: u8) -> u8 {
        match n {
            any => 1,
            5 => 2,
        }
    }
}

#[warn(unused_parens)]
mod unused_parens {
    pub fn f() {
        if (true) {}
    }
}

#[warn(unused_braces)]
mod unused_braces {
    pub fn f() -> u8 {
        if { true } { 1 } else { 2 }
    }
}

#[warn(unused_unsafe)]
mod unused_unsafe {
    pub fn f() {
        unsafe {}
    }
}

#[warn(unused_doc_comments)]
mod unused_doc_comments {
    pub fn f() {
        /// Nobody reads this.
        match 1 {
            _ => {}
        }
    }
}

#[warn(unused_labels)]
mod unused_labels {
    pub fn f() {
        'outer: loop {
            break;
        }
    }
}

#[warn(unused_macros)]
mod unused_macros {
    macro_rules! nothing {
        () => {};
    }
}

#[warn(unused_comparisons)]
mod unused_comparisons {
    pub fn f(n: u8) -> bool {
        n >= 0
    }
}

#[warn(unused_attributes)]
mod unused_attributes {
    #[inline]
    #[inline]
    pub fn f() {}
}

#[warn(path_statements)]
mod path_statements {
    pub fn f(n: u8) {
        n;
    }
}

#[warn(redundant_semicolons)]
mod redundant_semicolons {
    pub fn f() {
        ;
    }
}

#[warn(while_true)]
mod while_true {
    pub fn f() {
        while true {}
    }
}

mod naming {
    fn Loud() {}
    struct quiet_type;
    const quiet: u8 = 1;
}

mod deprecated {
    #[deprecated(note = "use the new one")]
    pub fn old() {}
    #[deprecated(note = "use `new` instead")]
    pub fn older() {}
    #[deprecated]
    pub fn oldest() {}
    pub fn f() {
        old();
        older();
        oldest();
    }
}

mod statics {
    static mut COUNT: u8 = 0;
    pub fn f() -> &'static u8 {
        unsafe { &COUNT }
    }
}

mod unconditional_recursion {
    pub fn f() {
        f()
    }
}

mod irrefutable_let_patterns {
    pub fn f() {
        if let n = 1 {}
    }
}

mod private_interfaces {
    struct Hidden;
    pub fn f(_: Hidden) {}
    trait Inner {}
    pub fn g<T: Inner>(_: T) {}
}

pub mod ambiguous_glob_reexports {
    mod a {
        pub struct Same;
    }
    mod b {
        pub struct Same;
    }
    pub use a::*;
    pub use b::*;
}

mod numbers {
    pub fn f() -> u8 {
        300
    }
    pub fn g() -> u8 {
        255u8 + 1
    }
    pub fn h() -> u8 {
        [1u8, 2][5]
    }
    pub fn i() -> i32 {
        1 / 0
    }
    pub fn j(x: f32) -> bool {
        x == f32::NAN
    }
    pub fn k(x: i32) -> i32 {
        --x
    }
}

mod drops {
    pub fn f(name: &String) {
        drop(name);
        std::mem::forget(name);
        drop(1);
        std::mem::forget(1);
        drop(std::mem::ManuallyDrop::new(String::new()));
    }
}

mod loops {
    pub fn f(n: Option<u8>) {
        for one in n {}
        for one in "1".parse::<u8>() {}
    }
}

mod let_underscore {
    pub fn f(lock: &std::sync::Mutex<u8>) {
        let _ = lock.lock();
        let _ = String::new();
    }
}

mod patterns {
    pub struct P {
        pub x: u8,
    }
    pub enum Light {
        Red,
        Green,
    }
    pub fn f(P { x: x }: P, light: Light) -> u8 {
        match light {
            Red => 1,
            Green => 2,
        }
    }
    pub fn g(n: u8) {
        match n {
            0..=10 => {}
            10..=255 => {}
        }
    }
    pub fn h(n: u8) {
        match n {
            0..10 => {}
            11..=255 => {}
            _ => {}
        }
    }
}

mod double_references {
    pub struct Plain;
    pub fn f<'a>(n: &&'a Plain) -> &'a Plain {
        n.clone()
    }
    pub fn g(n: &Plain) {
        n.clone();
    }
}

mod lifetimes {
    pub struct Holder<'a>(pub &'a str);
    pub fn f(n: &str) -> Holder {
        Holder(n)
    }
    pub fn g<'b, 'c>(n: &'b str) {}
    pub fn h<'a, 'b: 'a, 'c: 'static>(a: &'a str, b: &'b str, c: &'c str) -> &'a str {
        a
    }
}

#[cfg(surely_unknown)]
mod unexpected_cfgs {}

#[allow(no_such_lint)]
#[allow(exceeding_bitshifts)]
#[expect(unused_mut)]
mod lints {}

mod constants {
    const LIST: [u8; 2] = [1, 2];
    pub fn f() {
        LIST[0] = 3;
    }
    #[no_mangle]
    pub const X: u8 = 1;
}

mod pointers {
    pub fn f(n: &u8) {
        unsafe { *(n as *const u8 as *mut u8) = 1 }
    }
    pub fn g() -> *const u8 {
        String::new().as_ptr()
    }
    pub fn h() -> u8 {
        unsafe { *std::ptr::null::<u8>() }
    }
    pub fn i(a: fn(), b: fn()) -> bool {
        a == b
    }
    pub fn j() -> &'static u8 {
        unsafe { std::mem::zeroed() }
    }
    pub fn k() -> usize {
        f as usize
    }
    pub fn l(n: &u8) -> &mut u8 {
        unsafe { std::mem::transmute(n) }
    }
    pub fn m() {
        println!("{:p}", &f);
    }
    pub fn n(list: *mut [u8; 3]) -> usize {
        unsafe { (&(*list))[..].len() }
    }
    pub fn o() -> bool {
        (&1 as *const i32).is_null()
    }
    pub fn p(n: u32) -> f32 {
        unsafe { std::mem::transmute(n) }
    }
}

mod unsafe_functions {
    pub unsafe fn inner() {}
    pub unsafe fn outer() {
        inner()
    }
}

mod definitions {
    pub struct Local;
    pub trait Speak {}
    pub fn f() {
        impl Speak for Local {}
    }
    pub type Names<T: Clone> = Vec<T>;
    pub trait Later {
        async fn later(&self);
    }
    pub fn g() {
        #[test]
        fn inside() {}
    }
    pub fn h<T: Drop>(_: T) {}
    pub fn i(_: Box<dyn Drop>) {}
}

pub trait PublicLater {
    async fn later(&self);
}

mod foreign {
    pub struct Rusty(String);
    unsafe extern "C" {
        pub fn f(_: Rusty);
    }
    pub extern "C" fn g(_: &str) {}
    extern {
        fn h();
    }
}

mod macros {
    pub fn f() {
        println!("{}", name = 1);
        let _ = [1].iter().map(|n| drop(*n)).count();
        macro_rules! value {
            () => {
                1;
            };
        }
        let n = value!();
    }
    pub fn g(list: &mut Vec<Vec<u8>>) {
        list.iter_mut().map(|l| {
            l.sort();
        });
    }
}

mod allowed_by_default {
    #![warn(unreachable_pub, unsafe_code, unused_results)]
    use std::fmt::{self};
    use std::hash::{Hash};
    pub fn f(list: &mut std::collections::HashSet<u8>) {
        list.insert(1);
        let s = "a" as &str;
        let n = 1u8 as u8;
        let unit = println!();
        let ä = 1;
        let t: std::string::String = String::new();
        unsafe {}
        let _: fmt::Result = Ok(());
    }
    pub enum Sizes {
        Small(u8),
        Large([u8; 1000]),
    }
}

/// Documented.
pub mod public {
    #![warn(missing_docs, missing_debug_implementations, missing_copy_implementations)]
    pub fn undocumented() {}
    /// Documented.
    pub struct Plain;
}

mod never {
    pub fn f() -> Result<(), ()> {
        fn make<T: Default>() -> Result<T, ()> {
            Ok(T::default())
        }
        make()?;
        Ok(())
    }
}

mod modules {
    pub fn f(text: &str) {
        std::str::from_utf8(b"\xff");
    }
}

fn main() {}
