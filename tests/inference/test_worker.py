"""The engine in a process of its own says what the engine says, and nobody waits for it in vain."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rusta_inference import codec, decode, worker
from rusta_inference.codec import Mark, Problem, Prompt
from rusta_inference.engine import Cancelled, Engine
from rusta_inference.manifest import Missing
from rusta_inference.worker import Lost, Worker

CODE = b"fn main() {\n    let name = String::new();\n    take(name);\n}\n"


@pytest.fixture(scope="module")
def prompt() -> Prompt:
    start = CODE.index(b"name)")
    mark = Mark("main.rs", start, start + 4, "primary")
    return codec.encode_problem(Problem("E0382", "moved", (mark,), (), {"main.rs": CODE}))


@pytest.fixture(scope="module")
def helper(model: Path) -> Iterator[Worker]:
    """One for all tests that leave it alive."""
    yield from started(model)


@pytest.fixture
def mortal(model: Path) -> Iterator[Worker]:
    """One for a test that does not."""
    yield from started(model)


def started(model: Path) -> Iterator[Worker]:
    worker = Worker.start(model)
    assert isinstance(worker, Worker), worker.reason
    yield worker
    worker.close()


def test_it_says_what_the_engine_says(helper: Worker, engine: Engine, prompt: Prompt) -> None:
    assert helper.manifest == engine.manifest
    assert helper.generate(prompt, n=4) == decode.generate(engine, prompt, n=4)
    prefix, read = engine.prefill(prompt.tokens), helper.prefill(prompt.tokens)
    assert read.confidence == prefix.confidence
    assert helper.score(read, [b"abc", b"de"]) == engine.score(prefix, [b"abc", b"de"])


def test_more_prompts_than_it_remembers_are_read_again(helper: Worker, engine: Engine) -> None:
    reads = [helper.prefill([codec.BOS, i]) for i in range(12)]
    for i, read in enumerate(reads):
        expected = engine.score(engine.prefill([codec.BOS, i]), [b"x"])
        assert helper.score(read, [b"x"]) == expected


def test_the_caller_is_asked_what_is_worth_keeping(helper: Worker, engine: Engine, prompt: Prompt) -> None:
    asked: list[codec.Answer] = []

    def accept(answer: codec.Answer) -> bool:
        asked.append(answer)
        return len(asked) % 2 == 0

    kept = [one.answer for one in helper.generate(prompt, n=4, accept=accept).candidates]
    assert asked
    assert not {str(one) for one in asked[::2]} & {str(one) for one in kept}


def test_a_mistake_of_the_caller_is_raised_here(helper: Worker, prompt: Prompt) -> None:
    with pytest.raises(ValueError, match="may not come here"):
        helper.generate(prompt, begin=[codec.PAD])
    with pytest.raises(ValueError, match="at least one token"):
        helper.prefill([])
    assert helper.prefill(prompt.tokens)


def test_a_request_can_be_cancelled_and_the_next_one_is_answered(helper: Worker, prompt: Prompt) -> None:
    whole = helper.generate(prompt, n=4)
    with pytest.raises(Cancelled):
        helper.prefill([codec.BOS] * 4000, cancelled=lambda: True)
    asked = itertools.count()
    # Nothing is accepted, so the search would go on to its very end.
    cut = helper.generate(prompt, n=32, accept=lambda _: False, cancelled=lambda: next(asked) >= 2)
    assert cut.cancelled
    assert helper.generate(prompt, n=4) == whole


def test_a_folder_without_weights_is_missing(tmp_path: Path) -> None:
    missing = Worker.start(tmp_path)
    assert isinstance(missing, Missing)
    assert "there are no weights" in missing.reason


def test_a_process_that_died_is_started_again_but_not_for_ever(mortal: Worker, prompt: Prompt) -> None:
    expected = mortal.generate(prompt, n=2)
    for _ in range(worker.MOST_STARTS - 1):
        os.kill(mortal.pid, signal.SIGKILL)
        wait_for(lambda: mortal._process.poll() is not None)
        assert mortal.generate(prompt, n=2) == expected
    os.kill(mortal.pid, signal.SIGKILL)
    wait_for(lambda: mortal._process.poll() is not None)
    with pytest.raises(Lost, match="died 3 times"):
        mortal.generate(prompt, n=2)


def test_a_death_in_the_middle_of_a_request_is_said(mortal: Worker, prompt: Prompt) -> None:
    def accept(answer: codec.Answer) -> bool:
        os.kill(mortal.pid, signal.SIGKILL)
        return True

    with pytest.raises(Lost, match="ended during 'generate'"):
        mortal.generate(prompt, n=8, accept=accept)
    assert mortal.generate(prompt, n=1).candidates


def test_a_caller_that_fails_leaves_no_half_said_answer_behind(mortal: Worker, prompt: Prompt) -> None:
    expected = mortal.generate(prompt, n=2)

    def accept(answer: codec.Answer) -> bool:
        raise KeyError("a mistake")

    with pytest.raises(KeyError, match="a mistake"):
        mortal.generate(prompt, n=8, accept=accept)
    assert mortal.generate(prompt, n=2) == expected


def test_threads_wait_for_one_another(helper: Worker, engine: Engine) -> None:
    answers: dict[int, object] = {}

    def ask(i: int) -> None:
        answers[i] = helper.score(helper.prefill([codec.BOS, i]), [bytes([i])])

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(8):
        assert answers[i] == engine.score(engine.prefill([codec.BOS, i]), [bytes([i])])


def test_it_ends_when_it_is_closed(model: Path) -> None:
    started = Worker.start(model)
    assert isinstance(started, Worker)
    pid = started.pid
    started.close()
    assert not psutil.pid_exists(pid)
    with pytest.raises(Lost, match="was closed"):
        started.prefill([codec.BOS])


def test_it_ends_with_the_one_who_started_it_even_if_that_one_is_killed(model: Path) -> None:
    script = f"""
import time
from pathlib import Path
from rusta_inference.worker import Worker
print(Worker.start(Path({str(model)!r})).pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert psutil.pid_exists(pid)
    parent.kill()
    parent.wait()
    wait_for(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_modules_in_the_folder_it_is_started_in_are_not_imported(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('code of the workspace was run')")
    monkeypatch.chdir(tmp_path)
    started = Worker.start(model)
    assert isinstance(started, Worker), started.reason
    started.close()


def wait_for(condition: object, within_s: float = 10) -> None:
    assert callable(condition)
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
