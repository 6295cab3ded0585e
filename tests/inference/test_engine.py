"""The engine: however a sequence is cut and shared, it says the same; and no file makes it fall over."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rusta_inference import manifest
from rusta_inference.codec import BOS, VOCAB
from rusta_inference.engine import MAX_TOKENS, Cancelled, Engine, Prefix
from rusta_inference.manifest import Missing

from .conftest import opened

PROMPT = [BOS, *b"fn main() { let x = 1; x += 1; } // and so on, for some patches", *b"more"]
CLOSE = 1e-3


def logits_of(engine: Engine, tokens: list[int], cuts: list[int]) -> np.ndarray:
    """All logits of a sequence that is fed in pieces."""
    state = engine.prefill(tokens[:1]).state
    said = [engine.prefill(tokens[:1]).logits[None]]
    for start, end in zip([1, *cuts], [*cuts, len(tokens)], strict=True):
        step = engine.advance(state, np.array([tokens[start:end]]))
        state = step.state
        said.append(step.logits[0])
    return np.concatenate(said)


@pytest.mark.parametrize("cuts", [[2], [3, 4, 5, 6, 7, 8, 9], [17, 50], list(range(2, len(PROMPT)))])
def test_pieces_of_any_length_say_the_same(exact: Engine, cuts: list[int]) -> None:
    whole, pieces = logits_of(exact, PROMPT, []), logits_of(exact, PROMPT, cuts)
    assert np.abs(whole - pieces).max() < CLOSE


@pytest.mark.parametrize("n_prompt", [1, 3, 4, 5, 40, 67])
def test_candidates_that_share_a_prefix_say_the_same_as_alone(exact: Engine, n_prompt: int) -> None:
    prefix = exact.prefill(PROMPT[:n_prompt])
    answers = np.array([list(b"let mut"), list(b"clone()"), list(b"\n\n{{}}1")])
    together = exact.advance(prefix.forked(3), answers).logits
    for answer, said in zip(answers, together, strict=True):
        alone = logits_of(exact, [*PROMPT[:n_prompt], *answer.tolist()], [])[n_prompt:]
        assert np.abs(alone - said).max() < CLOSE


def test_a_chosen_sequence_goes_on_as_it_would_have(exact: Engine) -> None:
    prefix = exact.prefill(PROMPT)
    step = exact.advance(prefix.forked(3), np.array([list(b"abcde"), list(b"vwxyz"), list(b"01234")]))
    swapped = exact.advance(step.state.chosen([2, 0, 2]), np.array([[65], [66], [67]])).logits
    for row, tokens in enumerate([b"01234A", b"abcdeB", b"01234C"]):
        alone = logits_of(exact, [*PROMPT, *tokens], [])[-1]
        assert np.abs(alone - swapped[row, 0]).max() < CLOSE


def test_a_state_is_a_value(engine: Engine) -> None:
    prefix = engine.prefill(PROMPT)
    first = engine.advance(prefix.forked(2), np.array([[1], [2]])).logits
    engine.advance(prefix.forked(2), np.array([[3], [4]]))
    engine.extend(prefix, [5, 6, 7])
    assert np.array_equal(engine.advance(prefix.forked(2), np.array([[1], [2]])).logits, first)


def test_scores_are_the_probabilities_that_steps_say(exact: Engine) -> None:
    prefix = exact.prefill(PROMPT)
    answers = [b"", b"x", b"let y = 2;", b"a longer one, beyond a patch"]
    scores = exact.score(prefix, answers)
    for answer, score in zip(answers, scores, strict=True):
        expected = []
        here = prefix
        for token in answer:
            logits = here.logits.astype(np.float64)
            expected.append(logits[token] - np.log(np.exp(logits - logits.max()).sum()) - logits.max())
            here = exact.extend(here, [token])
        assert score.token_log_probabilities == pytest.approx(expected, abs=CLOSE)
        assert score.log_probability == pytest.approx(sum(score.token_log_probabilities))
        assert score.least_probability == pytest.approx(np.exp(min(expected, default=0.0)), rel=1e-2)
        assert score.confidence == pytest.approx(here.confidence, abs=1e-4)


def test_many_answers_are_scored_in_the_order_they_came_in(exact: Engine) -> None:
    prefix = exact.prefill(PROMPT)
    answers = [bytes([65 + i]) * (1 + i * 7 % 23) for i in range(40)]
    scores = exact.score(prefix, answers)
    assert [len(score.token_log_probabilities) for score in scores] == [len(answer) for answer in answers]
    some = exact.score(prefix, [answers[i] for i in (31, 7)])
    for i, score in zip((31, 7), some, strict=True):
        assert scores[i].log_probability == pytest.approx(score.log_probability, rel=1e-4)


def test_a_prefix_can_be_extended_and_stays_usable(exact: Engine) -> None:
    short = exact.prefill(PROMPT[:30])
    longer = exact.extend(short, PROMPT[30:])
    assert np.abs(longer.logits - exact.prefill(PROMPT).logits).max() < CLOSE
    assert short.state.n_tokens == 30
    assert exact.extend(short, []) is short


def test_the_same_is_said_every_time_and_by_every_engine(engine: Engine, model: Path) -> None:
    def all_of_it(one: Engine) -> list[bytes]:
        prefix = one.prefill(PROMPT)
        scores = one.score(prefix, [b"one", b"other answer"])
        return [prefix.logits.tobytes(), repr(scores).encode()]

    assert all_of_it(engine) == all_of_it(engine) == all_of_it(opened(model))


@pytest.mark.parametrize("tokens", [[], [VOCAB], [-1], [BOS] * (MAX_TOKENS + 1)])
def test_what_is_no_sequence_is_refused(engine: Engine, tokens: list[int]) -> None:
    with pytest.raises(ValueError, match=r"token"):
        engine.prefill(tokens)


def test_reading_can_be_cancelled_between_chunks(engine: Engine) -> None:
    asked = iter([False, True])
    with pytest.raises(Cancelled):
        engine.prefill([BOS] * 600, cancelled=lambda: next(asked))
    assert list(asked) == []
    prefix = engine.prefill([BOS])
    with pytest.raises(Cancelled):
        engine.score(prefix, [b"x"], cancelled=lambda: True)
    assert isinstance(engine.prefill([BOS] * 600), Prefix)


def change(folder: Path, edit: Callable[[dict], object]) -> None:
    path = folder / manifest.FILE
    told = json.loads(path.read_text())
    edit(told)
    path.write_text(json.dumps(told))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def with_hash_of(folder: Path, name: str, data: bytes) -> None:
    """Replace a graph and let the manifest agree to it."""
    (folder / f"{name}.onnx").write_bytes(b"")
    parts = manifest.write_graph(folder, name, data, most_bytes=1 << 30)
    change(folder, lambda told: told["graphs"].update({name: [vars_of(part) for part in parts]}))


def vars_of(part: manifest.Part) -> dict[str, object]:
    return {"file": part.file, "sha256": part.sha256, "n_bytes": part.n_bytes}


DAMAGES: list[tuple[Callable[[Path], object], str]] = [
    (shutil.rmtree, "there are no weights in"),
    (lambda folder: (folder / "manifest.json").unlink(), "there are no weights in"),
    (lambda folder: truncate(folder / "manifest.json"), "cannot be read"),
    (lambda folder: (folder / "manifest.json").write_bytes(b"\xff\xfe\x00"), "cannot be read"),
    (lambda folder: (folder / "manifest.json").write_text("[]"), "is of format None"),
    (lambda folder: change(folder, lambda told: told.update(v=2)), "is of format 2"),
    (lambda folder: change(folder, lambda told: told.pop("shape")), "is not a manifest of weights"),
    (lambda folder: change(folder, lambda told: told["shape"].update(vocab=50257)), "50257 tokens"),
    (lambda folder: change(folder, lambda told: told["graphs"].pop("global")), "lacks the graph 'global'"),
    (
        lambda folder: change(folder, lambda told: told["graphs"]["global"][0].update(file="../x")),
        "which is not a file of",
    ),
    (lambda folder: (folder / "global.onnx").unlink(), "No such file"),
    (lambda folder: truncate(folder / "local_in.onnx"), "it is not whole"),
    (lambda folder: flip(folder / "local_out.onnx"), "its hash differs"),
    (lambda folder: with_hash_of(folder, "global", b"not a graph"), "does not take the graph 'global'"),
    (
        lambda folder: with_hash_of(folder, "global", (folder / "local_in.onnx").read_bytes()),
        "other inputs than the manifest says",
    ),
    (lambda folder: change(folder, lambda told: told["shape"].update(n_global=2)), "other inputs"),
    (lambda folder: change(folder, lambda told: told["shape"].update(d_local=128)), "other inputs"),
]


@pytest.mark.parametrize(("damage", "reason"), DAMAGES, ids=[reason for _, reason in DAMAGES])
def test_a_folder_that_cannot_be_used_is_missing_with_a_reason(
    tmp_path: Path, model: Path, damage: Callable[[Path], object], reason: str
) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(model, folder)
    damage(folder)
    missing = Engine.open(folder)
    assert isinstance(missing, Missing)
    assert reason in missing.reason
    assert len(missing.reason.splitlines()) == 1


def test_a_graph_in_several_files_is_read_as_one(tmp_path: Path, model: Path, engine: Engine) -> None:
    shutil.copytree(model, tmp_path, dirs_exist_ok=True)
    graph = (tmp_path / "global.onnx").read_bytes()
    (tmp_path / "global.onnx").unlink()
    parts = manifest.write_graph(tmp_path, "global", graph, most_bytes=20_000)
    assert max(path.stat().st_size for path in tmp_path.glob("global.onnx.*")) == 20_000
    change(tmp_path, lambda told: told["graphs"].update({"global": [vars_of(part) for part in parts]}))
    assert np.array_equal(opened(tmp_path).prefill(PROMPT).logits, engine.prefill(PROMPT).logits)
