from rusta_training import excerpts, rustc

LIB = """\
use std::collections::HashMap;
use std::fmt::{self, Display};
use serde::Serialize;
use crate::error::Error;

/// Counts words.
///
/// At length.
#[derive(Debug, Default, Serialize)]
pub struct Counter {
    counts: HashMap<String, usize>,
}

impl Counter {
    pub fn add(&mut self, word: &str) -> Result<usize, Error> {
        if word.is_empty() {
            return Err(Error::Empty);
        }
        let count = self.counts.entry(word.to_string()).or_insert(0);
        *count += 1;
        Ok(*count)
    }
}

impl Serialize for Counter {
    fn serialize(&self) {}
}

#[cfg(feature = "extra")]
pub fn extra() -> usize {
    LIMIT * 2
}

const LIMIT: usize = 10;

pub fn clamp(value: usize) -> usize {
    // A comment that makes this function long enough to be worth a program of its own.
    let doubled = value.checked_mul(2).unwrap_or(usize::MAX);
    if doubled > LIMIT {
        return LIMIT;
    }
    doubled
}
"""
ERROR = """\
use std::fmt;

#[derive(Debug)]
pub enum Error {
    Empty,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no word")
    }
}
"""


def test_an_item_comes_with_what_it_needs_of_its_crate_and_compiles_alone() -> None:
    of_lib, of_error = excerpts.of_sources([LIB, ERROR])
    counter = next(text for text in of_lib if "struct Counter" in text)
    assert "use std::collections::HashMap;" in counter
    assert "enum Error" in counter and "impl fmt::Display for Error" in counter
    assert "LIMIT" not in counter
    clamp = next(text for text in of_lib if "fn clamp" in text)
    assert "const LIMIT" in clamp and "HashMap" not in clamp
    assert rustc.which_compile([counter, clamp, *of_error], "2021") == [True] * (2 + len(of_error))


def test_what_belongs_to_other_crates_and_features_is_left_out() -> None:
    of_lib, _ = excerpts.of_sources([LIB, ERROR])
    assert not any("Serialize" in text or "extra" in text for text in of_lib)
    assert any("#[derive(Debug, Default)]\npub struct Counter" in text for text in of_lib)


def test_long_documentation_is_cut() -> None:
    of_lib, _ = excerpts.of_sources([LIB, ERROR])
    assert any("/// Counts words.\n#[derive" in text for text in of_lib)


def test_a_name_that_two_files_define_is_not_guessed() -> None:
    of_lib, _, _ = excerpts.of_sources([LIB, ERROR, ERROR])
    assert not any("fn add" in text for text in of_lib)


def test_none_contains_another_and_none_is_too_large() -> None:
    for programs in excerpts.of_sources([LIB, ERROR, "fn f() {\n" + "    f();\n" * 1000 + "}\n"]):
        assert all(excerpts.MIN_BYTES <= len(text) <= excerpts.MAX_BYTES for text in programs)
        bodies = [text.partition("\n\n")[2] for text in programs]
        assert not any(one in other for one in bodies for other in bodies if one is not other)


def test_a_file_that_is_no_rust_gives_nothing() -> None:
    assert list(excerpts.of_sources(["fn f( {", ""])) == [[], []]
