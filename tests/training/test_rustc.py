from rusta_training import rustc

GOOD = "pub fn f(s: &str) -> usize { s.len() }\n"
MOVED = "pub fn f(s: String) -> (String, String) { (s, s) }\n"
UNRESOLVED = "pub fn f() { missing() }\n"
FROM_THE_ROOT = "mod a { pub fn f() {} }\npub fn g() { crate::a::f() }\n"


def test_each_of_many_programs_is_judged_as_if_alone() -> None:
    # The unresolved name hides the move from the first look, and the path fails inside a module.
    texts = [GOOD, MOVED, FROM_THE_ROOT, UNRESOLVED, GOOD]
    assert rustc.which_compile(texts, "2021") == [True, False, True, False, True]


def test_what_confuses_the_batch_confuses_no_other_program() -> None:
    assert rustc.which_compile([GOOD, "}\n", "/* never closed", GOOD], "2021") == [True, False, False, True]


def test_the_edition_counts() -> None:
    program = "pub fn f() { let async = 1; let _ = async; }\n"
    assert rustc.which_compile([program], "2015") == [True]
    assert rustc.which_compile([program], "2018") == [False]


def test_nothing_asked_nothing_answered() -> None:
    assert rustc.which_compile([], "2021") == []
