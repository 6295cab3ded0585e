"""The codec: what is said can be read again, whatever the bytes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rusta_inference import codec
from rusta_inference.codec import Edit, Mark, Note, Problem

CODE = b"""use std::fmt;

fn take(s: String) {}

fn main() {
    let s = String::new();
    take(s);
    println!("{}", s);
}
"""


def problem(text: bytes = CODE, *marks: Mark, notes: tuple[Note, ...] = ()) -> Problem:
    return Problem("E0382", "borrow of moved value: `s`", marks, notes, {"main.rs": text})


def at(needle: bytes, kind: str = "primary", label: str = "", text: bytes = CODE) -> Mark:
    start = text.rindex(needle)
    return Mark("main.rs", start, start + len(needle), kind, label)  # type: ignore[arg-type]


def edit(old: bytes, new: bytes, text: bytes = CODE) -> Edit:
    start = text.index(old)
    return Edit("main.rs", start, start + len(old), new)


def apply(text: bytes, edits: tuple[Edit, ...]) -> bytes:
    for one in sorted(edits, reverse=True):
        text = text[: one.start] + one.text + text[one.end :]
    return text


def spoken(tokens: tuple[int, ...] | None) -> str:
    """An answer for the eye: ⟨n⟩ for lines, names for symbols."""
    assert tokens is not None
    names = {codec.TO: "→", codec.HUNK: "|", codec.END: "."}
    return "".join(
        chr(token) if token < 256 else names.get(token) or f"<{token - codec.LINE_0}>" for token in tokens
    )


def check_says(new: bytes, said: str, text: bytes = CODE) -> None:
    """A change of the whole file to `new` is said so, and understood."""
    prompt = codec.encode_problem(problem(text, at(b"s", text=text)))
    tokens = codec.encode_edits(prompt, [Edit("main.rs", 0, len(text), new)])
    assert spoken(tokens) == said
    answer = codec.decode(prompt, tokens or ())
    assert isinstance(answer, codec.Answer)
    assert apply(text, answer.edits) == new


def test_a_call_that_is_inserted_is_said_with_the_word_before_it() -> None:
    check_says(CODE.replace(b"take(s);", b"take(s.clone());"), "<6>)→.clone()).")


def test_a_reference_is_said_with_the_word_after_it() -> None:
    check_says(CODE.replace(b"s: String", b"s: &String"), "<2>String→&String.")


def test_a_word_is_said_in_full() -> None:
    check_says(CODE.replace(b"println", b"printl"), "<7>println→printl.")


def test_a_new_line_goes_before_a_line_and_nothing_stands_for_it() -> None:
    check_says(CODE.replace(b"use std::fmt;\n", b"use std::fmt;\nuse std::io;\n"), "<1>→use std::io;\n.")


def test_a_line_that_goes_is_said_with_its_end() -> None:
    check_says(CODE.replace(b"    take(s);\n", b""), "<6>    take(s);\n→.")


def test_the_first_occurrence_is_meant_so_a_later_one_takes_more_words() -> None:
    text = b"fn f(a: u8, b: u8) {}\n"
    prompt = codec.encode_problem(problem(text, Mark("main.rs", 3, 4, "primary")))
    start = text.rindex(b"u8")
    tokens = codec.encode_edits(prompt, [Edit("main.rs", start, start, b"&")])
    answer = codec.decode(prompt, tokens or ())
    assert isinstance(answer, codec.Answer)
    assert apply(text, answer.edits) == b"fn f(a: u8, b: &u8) {}\n"


def test_what_is_not_shown_cannot_be_said() -> None:
    text = b"fn first() {}\n" + b"// far away from everything\n" * 200 + b"fn main() { s }\n"
    prompt = codec.encode_problem(problem(text, at(b"s", text=text)))
    middle = text.index(b"far away", 2000)
    assert codec.encode_edits(prompt, [Edit("main.rs", middle, middle + 3, b"near")]) is None
    assert codec.encode_edits(prompt, [edit(b"main", b"mein", text)]) is not None


def test_labels_name_the_line_they_stand_on_and_spans_are_marked() -> None:
    use, move = (
        at(b"s);\n}", "primary", "value borrowed here"),
        at(b"s);\n    print", "secondary", "value moved"),
    )
    marks = (use, move)
    prompt = codec.encode_problem(problem(CODE, *marks, notes=(Note("clone it", ".clone()"),)))
    text = "".join(chr(t) if t < 256 else f"[{t}]" for t in prompt.tokens)
    assert text.startswith(f"[{codec.BOS}][{codec.DIAG}]E0382 borrow of moved value: `s`")
    assert f"[{codec.LABEL}][{codec.LINE_0 + 7}]value borrowed here" in text
    assert f"[{codec.LABEL}][{codec.LINE_0 + 6}]value moved" in text
    assert f"[{codec.NOTE}]clone it[{codec.TO}].clone()" in text
    assert text.count(f"[{codec.SPAN}]") == text.count(f"[{codec.MARK}]") == 1
    assert text.endswith(f"[{codec.EDIT}]")


def test_line_ends_of_windows_are_understood() -> None:
    text = CODE.replace(b"\n", b"\r\n")
    prompt = codec.encode_problem(problem(text, at(b"s", text=text)))
    tokens = codec.encode_edits(prompt, [edit(b"    take(s);\r\n", b"", text)])
    assert spoken(tokens) == "<6>    take(s);\n→."
    answer = codec.decode(prompt, tokens or ())
    assert isinstance(answer, codec.Answer)
    assert apply(text, answer.edits) == text.replace(b"    take(s);\r\n", b"")


def test_refusals_are_told_from_edits() -> None:
    prompt = codec.encode_problem(problem(CODE, at(b"s")))
    assert codec.decode(prompt, codec.ABSTENTION) == codec.Abstained()
    assert codec.decode(prompt, codec.encode_probe("type_of", "s")) == codec.NeedsProbe("type_of", "s")


def test_what_is_no_answer_says_why() -> None:
    prompt = codec.encode_problem(problem(CODE, at(b"s")))
    line = codec.LINE_0 + 6
    for tokens, reason in (
        ((), "it does not end"),
        ((codec.END,), "it names no line"),
        ((codec.LINE_0 + 60, 97, codec.TO, 98, codec.END), "it names no line"),
        ((line, 97, codec.END), "it has no old and new"),
        ((line, *b"zzz", codec.TO, 98, codec.END), "the old text is not there"),
        ((line, 115, codec.TO, 115, codec.END), "it changes nothing"),
        ((codec.ABSTAIN, 97, codec.END), "something follows ABSTAIN"),
        ((line, codec.PAD, codec.TO, 98, codec.END), "a symbol among the bytes"),
        ((line, *b"s", codec.TO, 98, codec.HUNK, line, *b"s", codec.TO, 99, codec.END), "two hunks meet"),
    ):
        assert codec.decode(prompt, tokens) == codec.Malformed(reason)


TEXTS = st.one_of(
    st.binary(max_size=400),
    st.lists(st.sampled_from(["a", "ab", "é", " ", "\n", "\r\n", "(", "a.b", "→"])).map(
        lambda parts: "".join(parts).encode()
    ),
)


@st.composite
def broken(draw: st.DrawFn) -> tuple[Problem, list[Edit]]:
    """A text, a diagnostic somewhere in it, and edits that do not overlap."""
    text = draw(TEXTS)
    places = sorted(draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=6)))
    spans = list(zip(places[::2], places[1::2], strict=False))
    kinds = st.sampled_from(["primary", "secondary", "note"])
    marks = tuple(Mark("a.rs", start, end, draw(kinds), draw(st.text(max_size=9))) for start, end in spans)
    words = st.tuples(st.text(max_size=300), st.text(max_size=99))
    notes = tuple(Note(*draw(words)) for _ in range(draw(st.integers(0, 5))))
    edits: list[Edit] = []
    for start, end in spans[:2]:
        if not edits or start > edits[-1].end:
            edits.append(Edit("a.rs", start, end, draw(TEXTS.filter(lambda text: len(text) < 60))))
    code, message = draw(st.text(max_size=5)), draw(st.text(max_size=300))
    return Problem(code, message, marks, notes, {"a.rs": text}), edits


@settings(max_examples=400, deadline=None)
@given(broken(), st.integers(0, 63))
def test_whatever_is_said_has_the_effect_that_was_meant(case: tuple[Problem, list[Edit]], first: int) -> None:
    told, edits = case
    prompt = codec.encode_problem(told, first_line=first)
    tokens = codec.encode_edits(prompt, edits)
    if tokens is None:
        return
    assert len(tokens) <= codec.MAX_ANSWER
    answer = codec.decode(prompt, tokens)
    assert isinstance(answer, codec.Answer)
    before = told.files["a.rs"]
    wished = apply(before, tuple(edits))
    if b"\r" not in before + wished:
        assert apply(before, answer.edits) == wished
    assert apply(before, answer.edits).replace(b"\r", b"") == wished.replace(b"\r", b"")


@settings(max_examples=300, deadline=None)
@given(broken(), st.integers(64, 1200))
def test_a_prompt_is_never_longer_than_allowed(case: tuple[Problem, list[Edit]], most: int) -> None:
    prompt = codec.encode_problem(case[0], max_tokens=most)
    assert len(prompt.tokens) <= most
    assert all(0 <= token < codec.VOCAB for token in prompt.tokens)
    assert prompt.tokens[0] == codec.BOS
    assert prompt.tokens[-1] == codec.EDIT


@settings(max_examples=300, deadline=None)
@given(broken(), st.lists(st.integers(0, codec.VOCAB - 1), max_size=40))
def test_any_tokens_are_read_or_refused(case: tuple[Problem, list[Edit]], tokens: list[int]) -> None:
    prompt = codec.encode_problem(case[0])
    answer = codec.decode(prompt, [*tokens, codec.END])
    if isinstance(answer, codec.Answer):
        text = case[0].files["a.rs"]
        assert all(0 <= one.start <= one.end <= len(text) for one in answer.edits)
