import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rusta_training import licences

COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: thing

Files: *
Copyright: 2020 Somebody
License: MIT or Apache-2.0

Files: src/borrowed.rs
Copyright: 2001 Somebody else
License: BSD-3-Clause
 Redistribution and use in source and binary forms …
 .
 and so on.

Files: debian/*
Copyright: 2024 A packager
License: GPL-3

License: MIT
 Permission is hereby granted …
"""


@pytest.mark.parametrize(
    "expression",
    [
        "MIT",
        "MIT OR Apache-2.0",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "Apache-2.0 WITH LLVM-exception OR MIT",
        "(MIT OR Apache-2.0) AND Unicode-DFS-2016",
        "Expat and BSD-3-clause",
        "MIT, or Apache-2.0",
    ],
)
def test_one_may_choose_permissive_licences_only(expression: str) -> None:
    assert licences.is_permissive(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "GPL-3.0-or-later",
        "MIT AND GPL-3.0",
        "MIT, and LGPL-2.1",
        "(MIT OR Apache-2.0) AND MPL-2.0",
        "MIT WITH Something-exception",
        "MIT OR",
        "(MIT",
        "MIT Apache-2.0",
        "Permission is hereby granted",
    ],
)
def test_other_licences_and_what_cannot_be_parsed_are_not_permissive(expression: str) -> None:
    assert not licences.is_permissive(expression)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["MIT", "GPL-3", "and", "OR", ",", "(", ")", "with", "/", "x"]), max_size=12))
def test_any_row_of_words_gets_an_answer(words: list[str]) -> None:
    if licences.is_permissive(" ".join(words)):
        assert "MIT" in words


def test_the_licences_of_files_are_read_without_the_packaging() -> None:
    assert licences.of_files(COPYRIGHT) == {"*": "MIT or Apache-2.0", "src/borrowed.rs": "BSD-3-Clause"}


def test_both_manifest_and_copyright_file_must_be_permissive() -> None:
    assert licences.refusal("MIT", COPYRIGHT) is None
    assert "manifest" in (licences.refusal("GPL-3.0", COPYRIGHT) or "")
    assert "names no licence" in (licences.refusal(None, COPYRIGHT) or "")
    assert "src/borrowed.rs" in (licences.refusal("MIT", COPYRIGHT.replace("BSD-3-Clause", "GPL-2")) or "")
    assert "no copyright file" in (licences.refusal("MIT", None) or "")
    assert "not machine-readable" in (licences.refusal("MIT", "Copyright: all of us") or "")
