"""What `rusta eval --model` counts: with the tests' own weights, which know nothing, and the real rustc."""

import json
import lzma
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from rusta_eval import model_bytes, model_refusals, model_triplets
from rusta_eval.command import command
from rusta_eval.intervals import share_of
from rusta_eval.model_bytes import model_bits, n_gram_bits, ppmd_size
from rusta_eval.model_refusals import Asked
from rusta_eval.model_triplets import Judged, Written, attempt, draw, judge, report
from rusta_inference.codec import ABSTENTION, BOS, EDIT, END, LINE_0, TO, encode_probe
from rusta_inference.engine import Engine
from rusta_server.candidates import Source
from rusta_server.candidates.model import is_worth_trying
from rusta_training import compile as compiler
from rusta_training import error_class
from rusta_training.shards import write_shards

WEIGHTS = Path(__file__).parents[1] / "inference/model"
MAIN = "src/main.rs"
GOOD = """\
fn main() {
    let text = String::new();
    take(&text);
    take(&text);
}

fn take(_: &str) {}
"""


def triplet(broken: str, good: str = GOOD, *, warns: bool = False) -> dict:
    """A triplet as they are on disk, the diagnostic asked of rustc."""
    program = compiler.Program({MAIN: broken.encode()}, "2021")
    verdict = compiler.judge_alone(program, warnings=warns)
    assert verdict is not None
    diagnostic = verdict.diagnostics[0]
    return {
        "broken": {MAIN: broken},
        "diagnostic": diagnostic,
        "fix": {"edits": [{"path": MAIN, "start": 0, "end": len(broken.encode()), "text": good}]},
        "klass": error_class.of(diagnostic["code"], diagnostic["message"]),
        "operator": "by_hand",
        "edition": "2021",
        "provenance": ["nowhere"],
    }


@pytest.fixture(scope="module")
def engine() -> Engine:
    engine = Engine.open(WEIGHTS, n_threads=1)
    assert isinstance(engine, Engine), engine.reason
    return engine


@pytest.fixture(scope="module")
def misspelled() -> dict:
    return triplet(GOOD.replace("take(&text);", "tale(&text);", 1))


@pytest.fixture(scope="module")
def data(tmp_path_factory, misspelled) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "triplets/test").mkdir(parents=True)
    lines = [json.dumps(one) + "\n" for one in (misspelled, triplet(GOOD.replace("&text", "text")))]
    (folder / "triplets/test/programs-00000.jsonl.xz").write_bytes(lzma.compress("".join(lines).encode()))
    for split in ("train", "test"):
        write_shards(folder / "shards", "s0", split, [[BOS, *GOOD.encode()]] * 20, "0" * 64)
    prompt = [BOS, *b"cannot find `x`", EDIT]
    answers = {
        "s2": [[LINE_0, TO, *b"let x;", END]],
        "s3": [[*ABSTENTION], [*encode_probe("ra.goto_def", "X")]],
    }
    for stage, written in answers.items():
        samples = [[*prompt, *answer] for answer in written]
        write_shards(
            folder / "shards", stage, "test", [*samples, [*prompt[:-1], *b"x" * 500, EDIT, END]], "0" * 64
        )
    return folder


def written(*texts: str, is_warning: bool = False, good: str = GOOD) -> Written:
    return Written(
        klass="syntax/basic",
        operator="by_hand",
        origin="crate",
        edition="2021",
        is_warning=is_warning,
        first="edit",
        left=tuple({MAIN: text.encode()} for text in texts),
        exact=tuple(text == good for text in texts),
    )


def verdicts(*asked: Written) -> list[tuple[bool, ...]]:
    with ThreadPoolExecutor(1) as pool:
        return [one.clean for one in judge(asked, pool, lambda done, total: None)]


def test_what_the_model_writes_is_exact_where_it_is_the_fix(engine, misspelled, monkeypatch):
    # Nothing that weights by chance write would pass for Rust.
    monkeypatch.setattr(model_triplets, "is_worth_trying", lambda before, after: True)
    found = attempt(engine, misspelled)
    assert found.left and not any(found.exact)
    assert all(left[MAIN] != misspelled["broken"][MAIN].encode() for left in found.left)
    wanted = found.left[-1][MAIN].decode()
    fix = {"edits": [{**misspelled["fix"]["edits"][0], "text": wanted}]}
    again = attempt(engine, {**misspelled, "fix": fix})
    assert again.left == found.left
    assert again.exact == (*(False,) * (len(found.left) - 1), True)


def test_what_parses_worse_than_before_is_not_tried(engine, misspelled):
    before = {MAIN: Source(MAIN, misspelled["broken"][MAIN].encode())}
    assert all(is_worth_trying(before, files) for files in attempt(engine, misspelled).left)


def test_rustc_says_what_is_clean():
    half = GOOD.replace("take(&text)", "take(text)")
    other = GOOD.replace("&text", "text.as_str()")
    assert verdicts(written(half, GOOD, other), written(GOOD)) == [(False, True, True), (True,)]


def test_of_two_mistakes_one_may_be_left():
    one_left = GOOD.replace("take(&text)", "take(text)")
    as_good = one_left.replace("take(text)", "take(text) ", 1)
    worse = GOOD.replace("&text", "txet")
    two = evolve(written(one_left, as_good, worse, GOOD), mended={MAIN: one_left.encode()})
    assert verdicts(two) == [(True, True, False, True)]


def test_a_program_without_its_main_is_not_clean():
    assert verdicts(written(GOOD.replace("fn main", "fn mein"))) == [(False,)]


def test_what_was_a_warning_is_clean_only_without_warnings():
    unused = GOOD.replace("    let", "    let unused = 1;\n    let")
    assert verdicts(written(unused), written(unused, GOOD, "fn main() { 1 }\n", is_warning=True)) == [
        (True,),
        (False, True, False),
    ]


def test_the_first_edit_and_any_of_eight_are_told_apart():
    second = Judged(written("a", GOOD), (False, True))
    never = Judged(evolve(written("a"), klass="trait bounds", first="abstain"), (False,))
    other = Judged(evolve(written("a"), operator="another", first="probe"), (True,))
    found = report([second, never, *[other] * 10], n_there=99)
    row = found.all
    assert (row.n, row.exact_at_1.count, row.exact_at_8.count) == (12, 0, 1)
    assert (row.clean_at_1.count, row.clean_at_8.count) == (10, 11)
    assert (row.abstained, row.probed) == (1, 10)
    assert [(row.name, row.n) for row in found.by_operator] == [("another", 10), ("(1 others)", 2)]
    assert {row.name: row.n for row in found.by_class} == {"syntax/basic": 11, "trait bounds": 1}
    assert found.n_doubtful == 0


def test_an_exact_edit_that_does_not_compile_is_reported():
    assert report([Judged(written(GOOD), (False,))], 1).n_doubtful == 1


def test_the_same_triplets_are_drawn_whatever_their_order(data, tmp_path):
    n_there, drawn = draw(data / "triplets/test", 1)
    lines = lzma.decompress((data / "triplets/test/programs-00000.jsonl.xz").read_bytes()).splitlines(True)
    (tmp_path / "a.jsonl.xz").write_bytes(lzma.compress(b"".join(reversed(lines))))
    assert n_there == 2
    assert draw(tmp_path, 1) == (2, drawn)


def test_intervals_are_those_of_the_tables():
    found = share_of([True] * 3 + [False] * 7)
    assert (found.lower, found.upper) == (0.0667, 0.6525)
    assert share_of([]) == share_of([])
    assert (share_of([True] * 5).lower, share_of([False] * 5).upper) == (0.4782, 0.5218)


def test_each_byte_of_a_document_is_foretold_once(engine, monkeypatch):
    monkeypatch.setattr(model_bytes, "WINDOW", 16)
    document = np.array([BOS, *b"fn main() { let x = 1; }\n" * 2], np.uint16)
    tokens = document.tolist()
    nats = 0.0
    for at in range(0, len(tokens) - 1, 16):
        (score,) = engine.score(engine.prefill(tokens[at : at + 1]), [tokens[at + 1 : at + 17]])
        nats -= score.log_probability
    seen = []
    bits = model_bits(engine, [document], lambda done, total: seen.append((done, total)))
    assert bits == pytest.approx(nats / math.log(2) / (len(tokens) - 1))
    assert seen == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4), st.integers(1, 5))
@settings(max_examples=20, deadline=None)
def test_an_n_gram_model_is_a_distribution(known, context, order):
    counted = np.frombuffer(known + b"some text, some text", np.uint8)

    def total_bits(text: bytes) -> float:
        return len(text) * n_gram_bits(np.frombuffer(text, np.uint8), counted, order)

    before = total_bits(context)
    shares = [2 ** (before - total_bits(context + bytes([byte]))) for byte in range(256)]
    assert sum(shares) == pytest.approx(1)
    assert min(shares) > 0


def test_an_n_gram_model_finds_what_is_there_to_find():
    coins = np.random.default_rng(0).integers(0, 2, 60_000).astype(np.uint8)
    assert n_gram_bits(coins[:20_000], coins[20_000:], 5) == pytest.approx(1, abs=0.01)
    round_ = np.tile(np.frombuffer(b"abcabd", np.uint8), 2000)
    assert n_gram_bits(round_[:3000], round_[3000:], 4) < 0.05
    assert n_gram_bits(round_[:3000], round_[3000:], 3) > 0.3  # two bytes do not tell c from d


def test_ppmd_learns_from_what_it_read_before():
    text = bytes(np.random.default_rng(0).integers(0, 256, 4000).astype(np.uint8))
    alone = ppmd_size([text])
    after_itself = ppmd_size([text, text]) - alone
    assert alone > 4000
    assert after_itself < 0.2 * alone


def test_a_refusal_counts_where_something_is_out_of_sight():
    def asked(kind, *refusals):
        return [Asked(kind, p, 0.0) for p in refusals]

    edits = asked("edit", *[0.1] * 19, 0.7)
    found = model_refusals.report([*edits, *asked("abstain", 0.8, 0.3, 0.05), Asked("probe", 0.2, 0.4)])
    assert (found.n_edit, found.n_abstain, found.n_probe) == (20, 3, 1)
    assert (found.refused.count, found.refused_wrongly.count, found.probed.count) == (2, 1, 1)
    assert found.found.count == 3, "5 % of the others: the one at 0.7"
    assert found.auc == pytest.approx((1 + 0.95 + 0.0 + 0.95) / 4)
    assert math.isnan(model_refusals.report([]).auc)


def test_problems_of_each_kind_are_drawn_and_long_ones_are_not(data):
    drawn = model_refusals.draw(data / "shards", "test", 5)
    assert [kind for kind, _ in drawn] == ["abstain", "probe", "edit"], "there is one edit only"
    assert all(prompt[0] == BOS and prompt[-1] == EDIT for _, prompt in drawn)


def test_each_refusal_has_an_edit_as_long_beside_it(tmp_path):
    def sample(size: int, *answer: int) -> list[int]:
        return [BOS, *b"x" * size, EDIT, *answer]

    edits = [sample(size, LINE_0, TO, 65, END) for size in (3, 10, 50, 52, 200)]
    write_shards(tmp_path, "s2", "test", edits, "0" * 64)
    write_shards(tmp_path, "s3", "test", [sample(size, *ABSTENTION) for size in (51, 190)], "0" * 64)
    drawn = model_refusals.draw(tmp_path, "test", 9)
    sizes = {kind: [len(prompt) - 2 for one, prompt in drawn if one == kind] for kind in ("abstain", "edit")}
    assert sorted(sizes["abstain"]) == [51, 190]
    assert sorted(sizes["edit"]) == [50, 200]


def test_the_command_measures_all_parts(data):
    arguments = ["--model", "--model-dir", str(WEIGHTS), "--data", str(data), "--jobs", "1", "--json"]
    told = CliRunner().invoke(command, arguments)
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert found["model"]["run"] == "random"
    assert found["triplets"]["all"]["n"] == found["triplets"]["n_there"] == 2
    assert found["refusals"]["n_abstain"] == found["refusals"]["n_edit"] == 1
    assert found["bytes"]["n_bytes"] == 20 * len(GOOD)
    costs = {cost["name"].split(",")[0]: cost["bits_per_byte"] for cost in found["bytes"]["costs"]}
    assert {"the model", "xz -9e", "PPMd", "5-gram"} <= set(costs)
    assert 0 < costs["5-gram"] < 0.2 < costs["xz -9e"] < costs["the model"]


def test_without_triplets_the_command_says_where_they_come_from(tmp_path):
    arguments = ["--part", "triplets", "--model-dir", str(WEIGHTS), "--data", str(tmp_path)]
    told = CliRunner().invoke(command, arguments)
    assert told.exit_code != 0
    assert "no triplets" in str(told.exception) and "make data" in told.exception.hint
