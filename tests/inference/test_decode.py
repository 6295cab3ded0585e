"""Whatever is written can be read, and the best of it comes first."""

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rusta_inference import codec
from rusta_inference.codec import ABSTAIN, END, HUNK, LINE_0, NEED_PROBE, TO, Answer, Mark, Problem, Prompt
from rusta_inference.decode import Generated, generate
from rusta_inference.engine import Engine
from rusta_inference.grammar import Place

CODE = b"""fn main() {
    let name = String::new();
    take(name);
    println!("{}", name);
}
"""


def prompt_of(text: bytes = CODE, needle: bytes = b"name)") -> Prompt:
    start = text.rindex(needle)
    mark = Mark("main.rs", start, start + len(needle), "primary", "value borrowed here")
    return codec.encode_problem(
        Problem("E0382", "borrow of moved value: `name`", (mark,), (), {"main.rs": text})
    )


def allowed(prompt: Prompt, *tokens: int) -> set[int]:
    return set(np.flatnonzero(Place(prompt).after_all(tokens).allowed()).tolist())


def line(number: int) -> int:
    return LINE_0 + number


def test_an_answer_begins_with_a_shown_line_or_a_refusal() -> None:
    assert allowed(prompt_of()) == {*(line(i) for i in range(6)), ABSTAIN, NEED_PROBE}
    assert allowed(prompt_of(), ABSTAIN) == {END}


def test_what_is_replaced_begins_on_its_line_and_goes_on_as_the_text_does() -> None:
    prompt = prompt_of()
    assert allowed(prompt, line(2)) == {*b"    take(name);\n", TO}
    assert allowed(prompt, line(2), *b"na") == {*b"m", TO}
    assert allowed(prompt, line(2), *b";\n    ") == {*b"p", TO}
    # It may not begin on the line below.
    with pytest.raises(ValueError, match="may not come here"):
        Place(prompt).after_all([line(2), *b"println"])


def test_what_is_replaced_stays_among_the_shown_lines() -> None:
    prompt = prompt_of()
    last = line(4)
    assert allowed(prompt, last, *b"}\n") == {TO}


def test_line_ends_of_windows_are_one_byte() -> None:
    prompt = prompt_of(CODE.replace(b"\n", b"\r\n"))
    assert allowed(prompt, line(2), *b";") == {*b"\n", TO}
    answer = codec.decode(prompt, [line(2), *b";\n", TO, *b".\n", END])
    assert isinstance(answer, Answer)


def test_nothing_may_be_replaced_by_itself() -> None:
    prompt = prompt_of()
    assert END not in allowed(prompt, line(2), TO)
    assert {END, HUNK} <= allowed(prompt, line(2), TO, *b"x")
    assert {END, HUNK} <= allowed(prompt, line(2), *b"take", TO)
    assert {END, HUNK} <= allowed(prompt, line(2), *b"take", TO, *b"tak")
    assert END not in allowed(prompt, line(2), *b"take", TO, *b"take")
    assert {END, HUNK} <= allowed(prompt, line(2), *b"take", TO, *b"takes")


def test_a_second_hunk_must_not_meet_the_first() -> None:
    prompt = prompt_of()
    first = [line(2), *b"name", TO, *b"&name", HUNK]
    assert TO not in allowed(prompt, *first, line(2), *b"name")
    assert TO not in allowed(prompt, *first, line(2), *b"(n")
    assert TO in allowed(prompt, *first, line(2), *b"(")
    assert TO in allowed(prompt, *first, line(2), *b")")
    assert HUNK not in allowed(prompt, *first, line(2), *b")", TO, *b"]")


def test_characters_are_whole() -> None:
    prompt = prompt_of("fn größe() { name }\n".encode(), b"name")
    assert TO not in allowed(prompt, line(0), *"grö".encode()[:-1])
    assert not {0xB6, 0x9F} & allowed(prompt, line(0)), "in the middle of a character"
    here = [line(0), *b"name", TO, 0xE2]
    assert allowed(prompt, *here) == set(range(0x80, 0xC0))
    assert {0xC0, 0xC1, 0xF5, 0xFF, 0x80, 0x00, 0x0D}.isdisjoint(allowed(prompt, *here[:-1]))


def test_a_probe_names_its_tool() -> None:
    prompt = prompt_of()
    assert not {END, *b" \n"} & allowed(prompt, NEED_PROBE)
    assert {END, *b" "} <= allowed(prompt, NEED_PROBE, *b"type_of")
    assert codec.decode(prompt, [NEED_PROBE, *b"type_of x y", END]) == codec.NeedsProbe("type_of", "x y")


TEXTS = st.lists(
    st.sampled_from(
        [
            "fn f() {\n",
            "}\n",
            "    x.y;\n",
            "é",
            "🦀",
            "\r\n",
            "\r",
            "\n",
            "a",
            "aa",
            " ",
            "\t",
            "\x00",
            "->",
            "let",
        ]
    ),
    min_size=1,
    max_size=30,
).map(lambda parts: "".join(parts).encode())


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.data(), st.integers(0, 2**32))
def test_whatever_the_grammar_allows_can_be_read(text: bytes, data: st.DataObject, seed: int) -> None:
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=2)))
    mark = Mark("a.rs", *places, "primary")
    prompt = codec.encode_problem(Problem("", "wrong", (mark,), (), {"a.rs": text, "b.rs": b"x"}))
    pick = random.Random(seed)
    place, tokens = Place(prompt), []
    while not place.ended and len(tokens) < 60:
        choices = np.flatnonzero(place.allowed()).tolist()
        if not choices:
            return  # given up, as decoding does
        symbols = [token for token in choices if token > 255]
        tokens.append(pick.choice(symbols if symbols and pick.random() < 0.3 else choices))
        place = place.after(tokens[-1])
    assume(place.ended)
    answer = codec.decode(prompt, tokens)
    assert not isinstance(answer, codec.Malformed)
    if isinstance(answer, Answer):
        before = text.decode()
        for edit in sorted(answer.edits, reverse=True):
            text = text[: edit.start] + edit.text + text[edit.end :]
        assert text.decode() != before


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.data(), TEXTS)
def test_whatever_the_codec_says_the_grammar_allows(text: bytes, data: st.DataObject, new: bytes) -> None:
    start, end = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=2)))
    is_cut = any(0x80 <= byte < 0xC0 for byte in (*text[start : start + 1], *text[end : end + 1]))
    assume(not is_cut and b"\r" not in text + new and b"\0" not in text + new)
    mark = Mark("a.rs", start, end, "primary")
    prompt = codec.encode_problem(Problem("", "wrong", (mark,), (), {"a.rs": text}))
    tokens = codec.encode_edits(prompt, [codec.Edit("a.rs", start, end, new)])
    assume(tokens is not None)
    # Next to other alphabets the codec's words may cut a character; decoding does not.
    assume(all(is_utf8(part) for part in parts_of(tokens or ())))
    assert Place(prompt).after_all(tokens or ()).ended


def parts_of(tokens: tuple[int, ...]) -> list[bytes]:
    """The texts between the symbols."""
    is_symbol = itertools.groupby(tokens, lambda token: token > 255)
    return [bytes(group) for symbol, group in is_symbol if not symbol]


def is_utf8(text: bytes) -> bool:
    return text.decode(errors="ignore").encode() == text


def check(generated: Generated, prompt: Prompt) -> None:
    """What is true of everything that is generated."""
    assert [one.p for one in generated.candidates] == sorted(
        (c.p for c in generated.candidates), reverse=True
    )
    for one in generated.candidates:
        assert codec.decode(prompt, one.tokens) == one.answer
        assert one.log_p >= one.score.log_probability - 1e-6
        assert one.p == pytest.approx(math.exp(one.log_p))
    assert len({str(one.answer) for one in generated.candidates}) == len(generated.candidates)


def test_candidates_are_distinct_and_the_most_probable_comes_first(engine: Engine) -> None:
    prompt = prompt_of()
    generated = generate(engine, prompt, n=8)
    assert len(generated.candidates) == 8
    assert generated.n_steps > 0
    assert 0 <= generated.p_abstain <= 1
    check(generated, prompt)


def test_probabilities_are_those_that_scoring_says(exact: Engine) -> None:
    prompt = prompt_of()
    prefix = exact.prefill(prompt.tokens)
    candidates = generate(exact, prompt, n=8, prefix=prefix).candidates
    scores = exact.score(prefix, [one.tokens for one in candidates])
    for one, score in zip(candidates, scores, strict=True):
        assert one.score.log_probability == pytest.approx(score.log_probability, abs=1e-2)


def test_the_best_answers_of_all_are_found(exact: Engine) -> None:
    prompt = prompt_of()
    begin = [line(2), *b"name", TO]

    every = [[*begin, END], *([*begin, byte, END] for byte in allowed(prompt, *begin) if byte < 0x80)]
    assert len(every) > 90
    prefix = exact.prefill(prompt.tokens)
    scores = exact.score(exact.extend(prefix, begin), [tokens[len(begin) :] for tokens in every])
    ranked = sorted(zip(scores, every, strict=True), key=lambda pair: -pair[0].log_probability)
    generated = generate(exact, prompt, n=8, prefix=prefix, begin=begin, max_tokens=len(begin) + 2)
    found = [list(one.tokens) for one in generated.candidates]
    assert found == [tokens for _, tokens in ranked[: len(found)]] != []


def test_the_same_arguments_give_the_same_answers(engine: Engine) -> None:
    prompt = prompt_of()
    once, again = (generate(engine, prompt, n=20, max_tokens=24) for _ in range(2))
    assert once == again


def test_what_is_begun_is_gone_on_with(engine: Engine) -> None:
    prompt = prompt_of()
    begin = [line(2), *b"name", TO, *b"&na"]
    generated = generate(engine, prompt, n=4, begin=begin)
    assert generated.candidates
    for one in generated.candidates:
        assert list(one.tokens[: len(begin)]) == begin
        assert isinstance(one.answer, Answer)
        assert one.answer.edits[0].text.startswith(b"&na")
        assert len(one.score.token_log_probabilities) == len(one.tokens) - len(begin)
    check(generated, prompt)
    with pytest.raises(ValueError, match="may not come here"):
        generate(engine, prompt, begin=[line(2), *b"nobody"])


def test_what_is_not_accepted_is_not_offered(engine: Engine) -> None:
    prompt = prompt_of()
    everything = generate(engine, prompt, n=8).candidates
    unwanted, *wanted = (one.answer for one in everything if isinstance(one.answer, Answer))
    others = generate(engine, prompt, n=8, accept=lambda answer: answer != unwanted).candidates
    assert unwanted not in [one.answer for one in others]
    assert wanted[0] in [one.answer for one in others]


@pytest.mark.parametrize("after", [0, 1, 3, 6])
def test_a_search_that_is_cancelled_says_what_it_has(engine: Engine, after: int) -> None:
    prompt = prompt_of()
    asked = itertools.count()
    generated = generate(engine, prompt, cancelled=lambda: next(asked) >= after)
    assert generated.cancelled
    assert next(asked) == after + 1, "it went on after it was told to stop"
    check(generated, prompt)
    whole = generate(engine, prompt)
    assert not whole.cancelled
    assert whole.n_steps > 6
