import pytest

from rusta_training import listings

FENCE = "```"


def markdown(code: str, info: str = "", before: str = "") -> str:
    lines = [f"{before}{line}" for line in [FENCE + info, *code.split("\n"), FENCE]]
    return "Text.\n\n" + "\n".join(lines) + "\n\nMore text.\n"


def programs(text: str) -> list[str]:
    return [listing.text for listing in listings.of_markdown(text, "2021")]


def test_statements_are_wrapped_in_main() -> None:
    assert programs(markdown("let x = 1;\nassert_eq!(x, 1);")) == [
        "fn main() {\n    let x = 1;\n    assert_eq!(x, 1);\n}\n"
    ]


def test_items_and_whole_programs_stay_as_they_are() -> None:
    assert programs(markdown("struct A;\n\nimpl A {}")) == ["struct A;\n\nimpl A {}\n"]
    assert programs(markdown("fn main() {\n    loop {}\n}")) == ["fn main() {\n    loop {}\n}\n"]


def test_hidden_lines_are_shown() -> None:
    code = "# use std::fmt;\n#\n# struct A;\nimpl A {\n    ## #[inline]\n}"
    assert "use std::fmt;\n\nstruct A;\nimpl A {" in programs(markdown(code.replace("    ## ", "    ")))[0]
    assert programs(markdown("## [derive(Debug)]\nstruct A;")) == ["# [derive(Debug)]\nstruct A;\n"]


def test_the_question_mark_gets_a_result_to_return() -> None:
    (program,) = programs(markdown('let x: i32 = "1".parse()?;\n# Ok::<(), std::num::ParseIntError>(())'))
    assert program.startswith("fn main() -> Result<(), std::num::ParseIntError> {\n")
    assert program.endswith("    Ok(())\n}\n")


def test_crate_attributes_stay_outside_and_strings_over_lines_are_not_indented() -> None:
    (program,) = programs(markdown('#![allow(unused)]\nlet s = "a\nb";'))
    assert program == '#![allow(unused)]\nfn main() {\nlet s = "a\nb";\n}\n'


@pytest.mark.parametrize(
    "info", ["text", "ignore", "compile_fail", "rust,compile_fail,E0382", "should_panic", "toml"]
)
def test_what_is_not_meant_to_compile_is_left_out(info: str) -> None:
    assert programs(markdown("let x = 1;", info)) == []


@pytest.mark.parametrize("code", ["#![feature(never_type)]\nlet x = 1;", "let x = ;", "", "# "])
def test_unstable_broken_and_empty_listings_are_left_out(code: str) -> None:
    assert programs(markdown(code)) == []


def test_the_edition_is_read() -> None:
    (listing,) = listings.of_markdown(markdown("struct A;", "rust,edition2018"), "2021")
    assert listing.edition == "2018"


def test_listings_in_lists_and_quotes_and_with_tildes_are_found() -> None:
    assert programs(markdown("struct A;", before="> ")) == ["struct A;\n"]
    assert programs(markdown("struct A;", before="  ")) == ["struct A;\n"]
    assert programs("~~~rust\nstruct A;\n~~~\n") == ["struct A;\n"]
    assert programs("```\nstruct A;\n") == []


def test_doc_comments_of_a_file_are_read_block_by_block() -> None:
    source = (
        "//! Of the module.\n//! ```\n//! struct A;\n//! ```\n\n"
        "    /// ```rust\n    /// struct B;\n    /// ```\n    fn f() {}\n"
        "// ```\n// struct NoDoc;\n// ```\n//// ```\n//// struct Rule;\n//// ```\n"
    )
    assert [listing.text for listing in listings.of_source(source, "2021")] == ["struct A;\n", "struct B;\n"]
