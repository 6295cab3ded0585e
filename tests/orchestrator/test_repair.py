"""The repair loop on a scripted compiler: every variant's outcome is written down."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from attrs import define, evolve, field

from rusta_server.candidates import Candidate
from rusta_server.orchestrator import offers
from rusta_server.orchestrator.judge import compare
from rusta_server.orchestrator.propose import ASK_BELOW
from rusta_server.orchestrator.repair import Budget, Repair, repair
from rusta_server.patch.edit import Edit
from rusta_server.patch.proof import Level
from rusta_server.patch.shadow import FileShadow, NoTests, Tested
from rusta_server.tools.diagnostic import Checked, CouldNotCheck, Diagnostic, Span
from rusta_server.tools.process import Cancel

FILE, FILE_NAME = "src/lib.rs", "lib.rs"


def error(code: str | None, message: str = "", start: int = 0, **more) -> Diagnostic:
    span = Span(FILE, start, start + 1, 1, start + 1, 1, True, None, None, None, False, message)
    return Diagnostic(code, "error", message or str(code), (span,), (), **more)


def candidate(start: int, end: int, text: bytes, prior: float = 0.5, **more) -> Candidate:
    return Candidate("test", f"{start}-{end} {text!r}", (Edit(FILE, start, end, text),), prior, **more)


@define
class Scripted:
    """A shadow whose compiler says, for each text, what the table says."""

    text: bytes
    says: Mapping[bytes, list[Diagnostic]]
    tests: Mapping[bytes, object] = field(factory=dict)
    checked: list[bytes] = field(factory=list)
    edition: str = "2021"

    @property
    def files(self):
        return {FILE: self.text}

    def check(self, variant, cancel=None, *, all_targets=True):
        text = variant.get(FILE, self.text)
        self.checked.append(text)
        return Checked(tuple(self.says[text])) if text in self.says else CouldNotCheck("not in the script")

    def test(self, variant, cancel=None):
        return self.tests.get(variant.get(FILE, self.text), NoTests())

    def refresh(self):
        return set()


def proposing(table: Mapping[str, list[Candidate]]):
    return [lambda context: table.get(context.diagnostic.message, [])]


ONE = error("E0308", "one", 0)
TWO = error("E0382", "two", 5)


def run(shadow: Scripted, table, **options) -> Repair:
    found = repair(shadow, proposers=proposing(table), **options)
    assert isinstance(found, Repair)
    return found


def test_the_likeliest_candidate_is_tried_first_and_the_compiler_decides():
    shadow = Scripted(b"a", {b"a": [ONE], b"b": [ONE], b"c": []})
    found = run(shadow, {"one": [candidate(0, 1, b"c", 0.4), candidate(0, 1, b"b", 0.9)]})
    assert shadow.checked == [b"a", b"b", b"c"]
    assert found.level == Level.V2
    assert found.state.variant == {FILE: b"c"}


def test_code_that_compiles_is_left_alone():
    found = run(Scripted(b"a", {b"a": []}), {"one": [candidate(0, 1, b"b")]})
    assert found.state.steps == ()
    assert found.level == Level.V2


def test_independent_errors_are_mended_with_one_check():
    says = {b"a____b": [ONE, TWO], b"A____B": []}
    table = {"one": [candidate(0, 1, b"A")], "two": [candidate(5, 6, b"B")]}
    shadow = Scripted(b"a____b", says)
    found = run(shadow, table)
    assert [step.diagnostic for step in found.state.steps] == [ONE, TWO]
    assert found.n_checks == 1


def test_an_error_that_goes_with_another_is_credited_to_the_fix_next_to_it():
    twin = error("E0382", "twin", 6)
    says = {b"a____bb": [ONE, TWO, twin], b"A____Bb": []}
    found = run(Scripted(b"a____bb", says), {"one": [candidate(0, 1, b"A")], "two": [candidate(5, 6, b"B")]})
    mended = [error for step in found.state.steps for error in step.mended]
    assert sorted(e.message for e in mended) == ["one", "twin", "two"]


def test_a_fix_may_uncover_an_error_of_a_later_stage():
    says = {b"a": [ONE], b"b": [TWO], b"c": []}
    found = run(Scripted(b"a", says), {"one": [candidate(0, 1, b"b")], "two": [candidate(0, 1, b"c")]})
    assert found.level == Level.V2
    assert len(found.state.steps) == 2


def test_many_errors_of_the_start_are_not_too_many_steps():
    """After all of them together one more comes up."""
    n = 9
    errors = [error("E0308", f"error {i}", 2 * i) for i in range(n)]
    late = error("E0382", "late", 0)
    text, mended = b"a_" * n, b"A_" * n
    table = {f"error {i}": [candidate(2 * i, 2 * i + 1, b"A")] for i in range(n)}
    table["late"] = [candidate(0, 1, b"B")]
    found = run(Scripted(text, {text: errors, mended: [late], b"B" + mended[1:]: []}), table)
    assert found.level == Level.V2
    assert len(found.state.steps) == n + 1


def on_line(one: Diagnostic, line: int) -> Diagnostic:
    return evolve(one, spans=tuple(evolve(span, line=line, line_end=line) for span in one.spans))


@pytest.mark.parametrize("brought_in", [on_line(error("E0425", "worse", 4), 2), None])
def test_one_bad_candidate_does_not_spoil_what_is_tried_together(brought_in):
    """It brings in another error beside it, or mends nothing."""
    errors = [on_line(error("E0308", f"error {i}", 2 * i), 1 + i) for i in range(4)]
    table = {f"error {i}": [candidate(2 * i, 2 * i + 1, b"A")] for i in range(4)}
    says = {
        b"a\na\na\na\n": errors,
        b"A\nA\nA\nA\n": [brought_in or errors[1]],
        b"A\na\nA\nA\n": [errors[1]],
    }
    shadow = Scripted(b"a\na\na\na\n", says)
    found = run(shadow, table)
    assert shadow.checked[1:3] == [b"A\nA\nA\nA\n", b"A\na\nA\nA\n"]
    assert (found.level, found.remaining, len(found.state.steps)) == (Level.V1, (errors[1],), 3)


def test_what_was_mended_is_kept_when_something_cannot_be():
    says = {b"a____b": [ONE, TWO], b"A____b": [TWO]}
    found = run(Scripted(b"a____b", says), {"one": [candidate(0, 1, b"A")]})
    assert found.level == Level.V1
    assert found.remaining == (TWO,)
    assert found.state.variant == {FILE: b"A____b"}


def test_an_error_nothing_mends_does_not_use_up_the_budget():
    """What could be mended is mended; other ways to mend it would not help."""
    others = [bytes([c]) for c in b"BCDEFGH"]
    says = {b"a____b": [ONE, TWO], b"A____b": [TWO]} | {text + b"____b": [TWO] for text in others}
    table = {"one": [candidate(0, 1, b"A", 0.9), *(candidate(0, 1, text) for text in others)]}
    found = run(Scripted(b"a____b", says), table)
    assert (found.level, found.remaining, found.n_checks) == (Level.V1, (TWO,), 1)


def test_what_was_in_vain_for_an_error_does_not_use_up_the_budget_either():
    """Once the rest is mended, all that is for the error that is left is tried, and no more."""
    others = [bytes([c]) for c in b"BCDEFGH"]
    says = {b"a____b": [ONE, TWO], b"A____b": [TWO], b"A____x": [TWO], b"A____y": [TWO]}
    says |= {text + b"____b": [TWO] for text in others} | {b"a____" + end: [ONE, TWO] for end in (b"x", b"y")}
    table = {
        "one": [candidate(0, 1, b"A", 0.9), *(candidate(0, 1, text) for text in others)],
        "two": [candidate(5, 6, b"x", 0.3), candidate(5, 6, b"y", 0.1)],
    }
    shadow = Scripted(b"a____b", says)
    found = run(shadow, table)
    assert (found.level, found.remaining) == (Level.V1, (TWO,))
    assert shadow.checked[1:4] == [b"A____x", b"A____b", b"A____y"]
    assert sorted(shadow.checked[4:]) == [b"a____x", b"a____y"]


def test_a_candidate_that_mends_all_by_itself_is_found_though_it_fails_behind_another():
    """It changes a signature, say, and the other one had changed the call."""
    new = error("E0061", "new", 0)
    says = {b"a____b": [ONE, TWO], b"A____b": [TWO], b"A____S": [new, TWO], b"a____S": []}
    table = {"one": [candidate(0, 1, b"A", 0.9)], "two": [candidate(5, 6, b"S", 0.3)]}
    found = run(Scripted(b"a____b", says), table)
    assert (found.level, found.state.variant) == (Level.V2, {FILE: b"a____S"})


def test_a_candidate_that_makes_something_worse_is_no_result():
    worse = error("E0308", "worse", 3)
    says = {b"a": [ONE], b"b": [worse]}
    found = run(Scripted(b"a", says), {"one": [candidate(0, 1, b"b")]})
    assert found.level == Level.NONE
    assert found.state.variant == {}


def test_the_way_may_lead_over_an_error_that_moves():
    """A changed signature moves the error to the call; the call is mended next."""
    moved = error("E0308", "moved", 3)
    says = {b"a": [ONE], b"b": [moved], b"c": []}
    found = run(Scripted(b"a", says), {"one": [candidate(0, 1, b"b")], "moved": [candidate(0, 1, b"c")]})
    assert found.level == Level.V2


def test_an_error_that_moved_and_was_mended_there_is_mended_though_another_is_left():
    moved = error("E0308", "moved", 1)
    says = {b"a____b": [ONE, TWO], b"A____b": [moved, TWO], b"B____b": [TWO]}
    table = {"one": [candidate(0, 1, b"A")], "moved": [candidate(0, 1, b"B")]}
    found = run(Scripted(b"a____b", says), table)
    assert (found.level, found.remaining) == (Level.V1, (TWO,))
    assert found.state.variant == {FILE: b"B____b"}


def test_hunks_that_are_not_needed_are_dropped_with_their_steps():
    says = {
        b"a\n\n\nb\n": [ONE, TWO],
        b"A\n\n\nB\n": [],
        b"A\n\n\nb\n": [],
        b"a\n\n\nB\n": [ONE],
    }
    table = {"one": [candidate(0, 1, b"A")], "two": [candidate(4, 5, b"B")]}
    found = run(Scripted(b"a\n\n\nb\n", says), table)
    assert found.state.variant == {FILE: b"A\n\n\nb\n"}
    assert [step.diagnostic for step in found.state.steps] == [ONE]


def test_words_that_are_not_needed_are_dropped_if_that_is_wanted_and_it_is_said_by_how_much():
    says = {
        b"a b c\n": [ONE],
        b"A b CCC\n": [],
        b"A b c\n": [],
        b"a b CCC\n": [ONE],
    }
    both = Candidate("test", "both", (Edit(FILE, 0, 1, b"A"), Edit(FILE, 4, 5, b"CCC")), 0.5)
    assert run(Scripted(b"a b c\n", says), {"one": [both]}).state.variant == {FILE: b"A b CCC\n"}
    found = run(Scripted(b"a b c\n", says), {"one": [both]}, budget=Budget(max_word_tries=9))
    assert found.state.variant == {FILE: b"A b c\n"}
    assert found.state.steps[0].after == {FILE: b"A b c\n"}
    assert found.level == Level.V2
    shrunk = found.state.shrunk
    assert (shrunk.before.n_bytes, shrunk.after.n_bytes, shrunk.is_minimal) == (6, 2, True)


def test_candidates_over_k_lines_or_with_a_hole_are_never_checked():
    shadow = Scripted(b"a", {b"a": [ONE]})
    table = {"one": [candidate(0, 1, b"x\n" * 30), candidate(0, 1, b"y", has_placeholder=True)]}
    found = run(shadow, table, budget=Budget(max_lines=20))
    assert shadow.checked == [b"a"]
    assert found.level == Level.NONE


def test_the_budget_is_kept():
    letters = [bytes([c]) for c in b"bcdefghijkl"]
    shadow = Scripted(b"a", {text: [ONE] for text in [b"a", *letters]})
    found = run(shadow, {"one": [candidate(0, 1, text) for text in letters]}, budget=Budget(max_checks=3))
    assert found.n_checks == 3
    assert len(shadow.checked) == 4  # and the baseline


def test_red_tests_send_the_search_on_to_the_next_variant():
    shadow = Scripted(b"a", {b"a": [ONE], b"b": [], b"c": []}, tests={b"b": Tested(1, 1), b"c": Tested(2, 0)})
    table = {"one": [candidate(0, 1, b"b", 0.9), candidate(0, 1, b"c", 0.1)]}
    found = run(shadow, table, run_tests=True)
    assert found.state.variant == {FILE: b"c"}
    assert found.level == Level.V3


def test_red_tests_everywhere_leave_v2():
    shadow = Scripted(b"a", {b"a": [ONE], b"b": []}, tests={b"b": Tested(1, 1)})
    assert run(shadow, {"one": [candidate(0, 1, b"b")]}, run_tests=True).level == Level.V2


def test_tests_that_did_not_run_prove_nothing():
    shadow = Scripted(b"a", {b"a": [ONE], b"b": []}, tests={b"b": Tested(0, 0)})
    assert run(shadow, {"one": [candidate(0, 1, b"b")]}, run_tests=True).level == Level.V2


def test_a_compiler_that_gives_no_judgement_is_passed_on():
    assert isinstance(repair(Scripted(b"a", {}), proposers=[]), CouldNotCheck)


def test_a_cancelled_search_stops():
    cancel = Cancel()
    cancel.set()
    shadow = Scripted(b"a", {b"a": [ONE], b"b": []})
    found = run(shadow, {"one": [candidate(0, 1, b"b")]}, cancel=cancel)
    assert found.state.variant == {}


# Comparing two checks.


@pytest.mark.parametrize(
    ("after", "level"),
    [
        ([], Level.V2),
        ([TWO], Level.V1),
        ([ONE], Level.NONE),
        ([error("E0308", "other", 1)], Level.NONE),
        ([error("E0425", "earlier", 1)], Level.NONE),
        ([error("E0505", "later", 1)], Level.V1),
    ],
)
def test_levels_of_one_step(after, level):
    assert compare(Checked((ONE, TWO)), Checked(tuple(after)), ONE).level == level


def test_what_another_error_of_the_file_hid_is_not_worse():
    """The types of a function are judged before its borrows, but those of another function are, meanwhile."""
    types, borrows, hidden = (
        on_line(error(code, message), line)
        for code, message, line in (("E0308", "types", 1), ("E0596", "borrows", 10), ("E0382", "hidden", 3))
    )
    found = compare(Checked((types, borrows)), Checked((hidden,)), borrows)
    assert (found.level, found.worse, found.uncovered) == (Level.V1, (), (hidden,))
    elsewhere = evolve(hidden, spans=(evolve(hidden.spans[0], path="src/other.rs"),))
    assert compare(Checked((types, borrows)), Checked((elsewhere,)), borrows).worse == (elsewhere,)
    assert compare(Checked((types, borrows)), Checked((types, hidden)), borrows).worse == (hidden,)
    beside = on_line(hidden, 9)
    assert compare(Checked((types, borrows)), Checked((beside,)), borrows).worse == (beside,)


def test_of_two_equal_errors_one_less_counts_as_mended():
    twin = error("E0308", "one", 40)
    assert compare(Checked((ONE, twin)), Checked((twin,)), ONE).level == Level.V1


def test_mending_one_error_of_a_line_leaves_the_other_the_same():
    """Their fingerprints hold what is marked, not the line."""
    code = b"fn f() -> u8 { let a: u8 = true; let b: i8 = 'x'; a }"
    with TemporaryDirectory() as folder:
        real = FileShadow(Path(folder), FILE_NAME, {FILE_NAME: code})
        before = real.check({})
        target = next(e for e in before.errors if e.primary.snippet == "true")
        after = real.check({FILE_NAME: code.replace(b"true", b"1")})
    assert compare(before, after, target).level == Level.V1


def test_a_statement_that_a_fix_moves_is_not_lost():
    """The compiler would be content without it."""
    code = b"""\
fn longest(words: Vec<String>) -> String {
    let mut best = String::new();
    for word in words {
        if word.len() > best.len() {
            best = word;
        }
    }
    println!("{} words", words.len());
    best
}

fn main() {
    longest(vec!["a".to_string()]);
}
"""
    with TemporaryDirectory() as folder:
        real = FileShadow(Path(folder), FILE_NAME, {FILE_NAME: code})
        found = repair(real)
        alternatives = list(offers.search(real, real.check({}), run_tests=False))
    assert found.level == Level.V2
    assert {b"println!" in text for text in (*found.state.variant.values(),)} == {True}
    assert alternatives
    assert all(
        b"println!" in offer.after[FILE_NAME] for offer in alternatives if offer.source != "rule/delete"
    )


# Offers for the lightbulb.


def offered(shadow: Scripted, table, **options) -> list[offers.Offer]:
    baseline = shadow.check({})
    return list(offers.search(shadow, baseline, proposers=proposing(table), **options))


def test_alternatives_are_offered_each_on_its_own():
    shadow = Scripted(b"a", {b"a": [ONE], b"b": [], b"c": []})
    table = {"one": [candidate(0, 1, b"b", 0.9), candidate(0, 1, b"c", 0.3)]}
    found = offered(shadow, table, run_tests=False)
    assert [offer.after[FILE] for offer in found] == [b"b", b"c"]


def test_an_offer_names_every_error_it_mends_and_they_are_not_searched_again():
    shadow = Scripted(b"a", {b"a": [ONE, TWO], b"b": []})
    (offer,) = offered(
        shadow, {"one": [candidate(0, 1, b"b")], "two": [candidate(0, 1, b"c")]}, run_tests=False
    )
    assert offer.mends == (ONE, TWO)
    assert shadow.checked == [b"a", b"b"]


def test_helpers_are_asked_only_where_nothing_else_works():
    shadow = Scripted(b"a____b", {b"a____b": [ONE, TWO], b"A____b": [TWO], b"a____B": [ONE]})
    asked = []

    def helper(context):
        asked.append(context.diagnostic)
        return [candidate(5, 6, b"B")]

    found = offered(shadow, {"one": [candidate(0, 1, b"A")]}, helpers=[helper], run_tests=False)
    assert asked == [TWO]
    assert [offer.after[FILE] for offer in found] == [b"A____b", b"a____B"]


def test_an_offer_whose_test_code_breaks_is_taken_back():
    in_main = error("E0308", "one", 0, in_main=True)

    class Splits(Scripted):
        def check(self, variant, cancel=None, *, all_targets=True):
            broken = all_targets and variant.get(FILE) == b"b"
            outcome = Scripted.check(self, variant, cancel)
            return Checked((error("E0308", "in the tests", 9),)) if broken else outcome

    found = offered(
        Splits(b"a", {b"a": [in_main], b"b": []}), {"one": [candidate(0, 1, b"b")]}, run_tests=False
    )
    assert [offer.level for offer in found] == [Level.V2, Level.NONE]


def test_without_the_tests_code_its_errors_are_not_taken_for_mended():
    in_main, in_tests = error("E0308", "one", 0, in_main=True), error("E0308", "in the tests", 9)

    class Splits(Scripted):
        def check(self, variant, cancel=None, *, all_targets=True):
            outcome = Scripted.check(self, variant, cancel)
            return outcome if all_targets else Checked(tuple(e for e in outcome.errors if e.in_main))

    found = offered(
        Splits(b"a", {b"a": [in_main, in_tests], b"b": [in_tests]}), {"one": [candidate(0, 1, b"b")]}
    )
    assert [offer.level for offer in found] == [Level.V1, Level.V1]


def test_errors_that_need_each_other_are_offered_together():
    shadow = Scripted(
        b"a____b", {b"a____b": [ONE, TWO], b"A____b": [TWO, ONE], b"a____B": [TWO, ONE], b"A____B": []}
    )
    table = {"one": [candidate(0, 1, b"A")], "two": [candidate(5, 6, b"B")]}
    (offer,) = offered(shadow, table, run_tests=False)
    assert offer.title == "Fix all 2 errors of this crate"
    assert offer.after == {FILE: b"A____B"}


# The byte model: asked late, and never more than the budget says.


def ranking(table: Mapping[str, list[Candidate]], questions: list[str]):
    """A model that adds the table's candidates, and turns the priors of the others upside down."""

    def rank(context, given):
        questions.append(context.diagnostic.message)
        turned = [evolve(one, prior=1 - one.prior) for one in given]
        return [*turned, *table.get(context.diagnostic.message, [])]

    return rank


def test_the_model_is_not_asked_where_something_likely_works():
    questions: list[str] = []
    found = run(
        Scripted(b"a", {b"a": [ONE], b"c": []}),
        {"one": [candidate(0, 1, b"c", 0.8)]},
        rank=ranking({}, questions),
    )
    assert (found.level, questions) == (Level.V2, [])


def test_the_model_is_asked_once_nothing_likely_is_left():
    questions: list[str] = []
    shadow = Scripted(b"a", {b"a": [ONE], b"b": [ONE], b"m": []})
    own = {"one": [candidate(0, 1, b"m", 0.9)]}
    found = run(shadow, {"one": [candidate(0, 1, b"b", 0.8)]}, rank=ranking(own, questions))
    assert (found.level, questions, shadow.checked) == (Level.V2, ["one"], [b"a", b"b", b"m"])


def test_what_is_unlikely_is_tried_in_the_models_order():
    shadow = Scripted(b"a", {b"a": [ONE], b"b": [ONE], b"c": []})
    table = {"one": [candidate(0, 1, b"b", ASK_BELOW / 2), candidate(0, 1, b"c", ASK_BELOW / 4)]}
    found = run(shadow, table, rank=ranking({}, []))
    assert (found.level, shadow.checked) == (Level.V2, [b"a", b"c"])


def test_what_the_model_finds_for_several_errors_is_tried_together():
    own = {"one": [candidate(0, 1, b"A", 0.9)], "two": [candidate(5, 6, b"B", 0.9)]}
    shadow = Scripted(b"a____b", {b"a____b": [ONE, TWO], b"A____B": []})
    found = run(shadow, {}, rank=ranking(own, []))
    assert found.level == Level.V2
    assert [step.diagnostic for step in found.state.steps] == [ONE, TWO]


def test_the_model_is_asked_no_more_often_than_the_budget_says():
    questions: list[str] = []
    errors = [error("E0308", f"e{number}", number) for number in range(5)]
    shadow = Scripted(b"abcde", {b"abcde": errors})
    run(shadow, {}, rank=ranking({}, questions), budget=Budget(max_questions=3))
    assert len(questions) == 3


def test_with_the_questions_spent_the_rest_is_tried_all_the_same():
    shadow = Scripted(b"a", {b"a": [ONE], b"b": []})
    found = run(
        shadow,
        {"one": [candidate(0, 1, b"b", 0.1)]},
        rank=ranking({}, []),
        budget=Budget(max_questions=0),
    )
    assert found.level == Level.V2


def test_an_offer_of_the_models_is_proven_like_all_others():
    questions: list[str] = []
    shadow = Scripted(b"a", {b"a": [ONE], b"b": [ONE], b"m": []})
    own = {"one": [candidate(0, 1, b"m", 0.9)]}
    (offer,) = offered(shadow, {"one": [candidate(0, 1, b"b", 0.8)]}, rank=ranking(own, questions))
    assert (offer.after, offer.level, questions) == ({FILE: b"m"}, Level.V2, ["one"])
