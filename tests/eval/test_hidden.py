"""Programs with hidden tests: broken outside of their assertions, and judged by all of them."""

import json
from random import Random

import pytest
from click.testing import CliRunner

from rusta_eval import hidden, pairs
from rusta_eval.calibrate import Row, examine, fit_and_judge
from rusta_eval.hidden import NAME, Program
from rusta_server.config import Config
from rusta_server.patch.shadow import Tested

TEXT = b"""fn double(values: &[i32]) -> Vec<i32> {
    values.iter().map(|value| value * 2).collect()
}

fn main() {
    let values = vec![1, 2, 3];
    let doubled = double(&values);
    assert_eq!(doubled.len(), 3);
    assert_eq!(doubled, [2, 4, 6]);
    assert!(!values.is_empty());
    println!("{}", doubled[0]);
}
"""
PROGRAM = Program("p", TEXT, "2021")


@pytest.mark.parametrize("seed", range(20))
def test_the_mistake_is_outside_of_the_assertions(seed):
    broken = hidden.break_(PROGRAM, Random(seed), hide=True, tail=hidden.TAIL)
    assert broken is not None
    assert broken.whole != TEXT
    assert broken.whole.count(b"assert") == 3
    assert broken.text.endswith(hidden.TAIL)
    assert broken.text.count(b"assert") == 2 and b"[2, 4, 6]" not in broken.text
    assert hidden.restored(broken, broken.text) == broken.whole


def test_a_repair_is_restored_to_the_whole_program():
    broken = hidden.break_(PROGRAM, Random(1), hide=True, tail=hidden.TAIL)
    blanked = broken.text.removesuffix(hidden.TAIL)
    mended = blanked.replace(b"fn main", b"fn other() {}\nfn main") + hidden.TAIL
    assert hidden.restored(broken, mended) == broken.whole.replace(b"fn main", b"fn other() {}\nfn main")


def test_a_repair_of_what_is_hidden_cannot_be_judged():
    broken = hidden.break_(PROGRAM, Random(1), hide=True, tail=hidden.TAIL)
    first_blank = broken.text.index(b"    " * 6)
    assert (
        hidden.restored(broken, broken.text[: first_blank + 6] + b"x();" + broken.text[first_blank + 8 :])
        is None
    )
    assert hidden.restored(broken, broken.text + b"\n") is None, "the tail was changed"


def test_what_a_program_prints_and_whether_it_ends_well(tmp_path):
    assert hidden.output_of(TEXT, "2021", tmp_path) == b"2\n"
    assert hidden.output_of(TEXT.replace(b"* 2", b"* 3"), "2021", tmp_path) is None
    assert hidden.output_of(b"fn main() { nothing }", "2021", tmp_path) is None


def test_its_assertions_are_the_tests_of_a_lone_program(tmp_path):
    shadow = hidden.RunnableShadow(tmp_path, NAME, {NAME: TEXT})
    assert shadow.test({}) == Tested(1, 0)
    assert shadow.test({NAME: TEXT.replace(b"* 2", b"* 3")}) == Tested(0, 1)


def test_a_program_is_broken_repaired_and_judged():
    rows = [row for seed in range(6) for row in examine(PROGRAM, seed, Config(model=False))]
    fixes = [row for row in rows if row.right is not None]
    assert fixes and all(row.features and row.level != "NONE" for row in fixes)
    assert all(row.right for row in fixes if row.exact)


def row(number: int, right: bool | None) -> Row:
    return Row(str(number), "repair", "op", "names", right, features={"x": float(bool(right))})


def test_each_fix_is_judged_by_what_was_fitted_on_other_programs():
    rows = [row(number, number % 3 > 0) for number in range(200)]
    fitted, figures = fit_and_judge([*rows, *(row(number, None) for number in range(200, 260))])
    assert set(fitted) == {"after"}
    assert figures["after"]["n_fit"] == figures["after"]["n"] == figures["n_fixes"] == 200
    assert figures["all"]["auc"] == 1.0
    abstained = figures["abstentions"]["0.7"]
    assert abstained["n_below"] == abstained["wrong_below"] > 0 < abstained["n_without_fix"] == 60
    assert abstained["quality"] == 1.0


def two_mistakes() -> hidden.Broken:
    text = TEXT.replace(b"value * 2", b"valu * 2").replace(b"double(&values)", b"double(values)")
    first, second = TEXT.index(b"value * 2"), TEXT.index(b"&values)")
    return hidden.Broken(PROGRAM, "a+b", "a+b", ((first, first + 5), (second, second + 1)), text, text)


@pytest.mark.parametrize("seed", range(10))
def test_several_mistakes_are_apart_from_each_other(seed):
    broken = hidden.break_(PROGRAM, Random(seed), n_mistakes=2)
    assert broken is not None
    (_, end), (start, _) = sorted(broken.mistakes)
    assert TEXT[end:start].count(b"\n") >= 2
    assert broken.operator.count("+") == 1
    alone = [hidden.with_only(broken, broken.text, number) for number in range(2)]
    assert alone[0] != alone[1] and TEXT not in alone and broken.text not in alone


def test_of_several_mistakes_each_is_judged_by_itself(tmp_path):
    broken = two_mistakes()
    right = broken.text.replace(b"double(values)", b"double(&values)")
    wrong = right.replace(b"valu * 2", b"3 * 2")
    assert hidden.mistake_of(broken, broken.text, right) == 1
    assert hidden.mistake_of(broken, right, wrong) == 0
    assert hidden.with_only(broken, wrong, 1) == TEXT
    only_the_wrong = hidden.with_only(broken, wrong, 0)
    assert only_the_wrong == TEXT.replace(b"value * 2", b"3 * 2")
    assert hidden.output_of(only_the_wrong, "2021", tmp_path) is None


def test_a_step_is_for_the_nearest_mistake_wherever_the_text_has_moved_to():
    broken = two_mistakes()
    moved = broken.text.replace(b"fn main", b"// " + b"x" * 400 + b"\nfn main")
    after = moved.replace(b"double(values)", b"double(&values)")
    assert hidden.mistake_of(broken, moved, after) == 1


def test_programs_are_written_as_pairs(tmp_path):
    row = {"id": "p", "text": TEXT.decode(), "edition": "2021"}
    (tmp_path / "programs.jsonl").write_text(json.dumps(row) + "\n")
    arguments = ["--programs", str(tmp_path / "programs.jsonl"), "--out", str(tmp_path / "pairs.jsonl")]
    assert CliRunner().invoke(hidden.main, [*arguments, "--mistakes", "2"]).exit_code == 0
    (pair,) = pairs.load(tmp_path / "pairs.jsonl")
    assert pair.fixed == TEXT.decode() != pair.broken
    assert CliRunner().invoke(hidden.main, [*arguments, "--mistakes", "40"]).exit_code == 0
    assert pairs.load(tmp_path / "pairs.jsonl") == []
