"""Writes answers: a beam search through what the grammar allows.

A beam finds the most probable answers, which are the ones to try first when a compiler judges them. It stops
as soon as no answer it could still find would be among the best. What it finds is told apart by effect: two
ways to say the same change are one candidate.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from attrs import define, evolve, field, frozen

from .codec import ABSTAIN, END, MAX_ANSWER, Abstained, Answer, Malformed, NeedsProbe, Prompt, decode
from .engine import Cancelled, Engine, Floats, Prefix, Score, State, log_softmax
from .grammar import Place

N_CANDIDATES = 8
NARROWEST, WIDEST = 16, 32
"""Beginnings that a beam follows at least and at most; in between, as many as candidates are wanted."""
HOPELESS = math.log(1e-4)
"""What is less probable than the best answer by this factor is not followed."""


@frozen
class Candidate:
    """An answer that the model found.

    Attributes:
        tokens: END included, and what it was made to begin with.
        score: of the tokens behind those it was made to begin with.
        log_p: the logarithm of the probability of all found ways to say this change, together.
    """

    answer: Answer | NeedsProbe
    tokens: tuple[int, ...] = field(repr=False)
    score: Score
    log_p: float

    @property
    def p(self) -> float:
        """The probability of all found ways to say this change, together."""
        return math.exp(self.log_p)


@frozen
class Generated:
    """What `generate` found.

    Attributes:
        candidates: most probable first, no two with the same effect.
        p_abstain: how probable the model finds it that it does not know.
        confidence: the model's own opinion, before it wrote anything, that it will be right: 0 to 1.
        n_steps: how many bytes were decoded, one after another.
        cancelled: whether it was stopped; then candidates may lack.
    """

    candidates: tuple[Candidate, ...]
    p_abstain: float = 0.0
    confidence: float = 0.0
    n_steps: int = 0
    cancelled: bool = False


def generate(
    engine: Engine,
    prompt: Prompt,
    *,
    n: int = N_CANDIDATES,
    prefix: Prefix | None = None,
    begin: Sequence[int] = (),
    accept: Callable[[Answer], bool] = lambda _: True,
    cancelled: Callable[[], bool] = lambda: False,
    max_tokens: int = MAX_ANSWER,
) -> Generated:
    """Write up to `n` answers to a prompt. The same arguments give the same answers.

    Args:
        prefix: the prompt as `Engine.prefill` read it, if it was read before.
        begin: tokens that every answer begins with, to fill a placeholder behind them.
        accept: says of an answer whether it is worth keeping: a parser's opinion, for example.
        cancelled: asked between steps; what was found until then is returned.
        max_tokens: answers that are longer are given up.

    Raises:
        ValueError: no answer to this prompt begins with `begin`.
    """
    root = _Path(Place(prompt).after_all(begin), tuple(begin), ())
    found = _Found(prompt, accept)
    try:
        prefix = prefix or engine.prefill(prompt.tokens, cancelled=cancelled)
    except Cancelled:
        return Generated((), cancelled=True)
    p_abstain = float(np.exp(log_softmax(prefix.logits)[ABSTAIN]))
    search = _Search(engine, cancelled, max_tokens - len(begin))
    try:
        _beam(search, engine.extend(prefix, begin, cancelled=cancelled), root, found, n)
        is_cancelled = False
    except Cancelled:
        is_cancelled = True
    return Generated(found.best(n), p_abstain, prefix.confidence, search.n_steps, is_cancelled)


@frozen
class _Path:
    """An answer that is being written."""

    place: Place
    tokens: tuple[int, ...]
    token_log_probabilities: tuple[float, ...]
    log_probability: float = 0.0

    def after(self, token: int, log_probability: float) -> "_Path":
        return _Path(
            self.place.after(token),
            (*self.tokens, token),
            (*self.token_log_probabilities, log_probability),
            self.log_probability + log_probability,
        )


@define
class _Search:
    """The engine, and how far it may still go."""

    engine: Engine
    cancelled: Callable[[], bool]
    max_tokens: int
    n_steps: int = 0

    def expected(self, logits: Floats, paths: Sequence[_Path]) -> Floats:
        """Logarithms of the probability of each next token, [paths, vocab]; minus infinity if not allowed.

        They are the model's own: what is not allowed keeps its share, so that figures can be compared.
        """
        masks = np.stack([path.place.allowed() for path in paths])
        masks[:, ABSTAIN] = False  # its probability is reported; there is nothing to search behind it
        return np.where(masks, log_softmax(logits), -np.inf)

    def step(self, state: State, rows: Sequence[int], paths: Sequence[_Path]) -> tuple[State, Floats]:
        """Feed the last token of each path, which goes on from that row of the state."""
        if self.cancelled():
            raise Cancelled
        tokens = np.array([[path.tokens[-1]] for path in paths], np.int64)
        step = self.engine.advance(state.chosen(rows), tokens)
        self.n_steps += 1
        return step.state, step.logits[:, -1]


class _Found:
    """Answers that are complete, by their effect."""

    def __init__(self, prompt: Prompt, accept: Callable[[Answer], bool]) -> None:
        self._prompt = prompt
        self._accept = accept
        self._candidates: dict[object, Candidate] = {}
        self._refused: set[object] = set()

    def add(self, path: _Path) -> None:
        """Keep what a path says, unless it is not accepted."""
        answer = decode(self._prompt, path.tokens)
        assert not isinstance(answer, Malformed | Abstained), f"the grammar allowed {answer}"
        effect = _effect(self._prompt, answer)
        if effect in self._refused:
            return
        score = Score(path.token_log_probabilities, None)
        new = Candidate(answer, path.tokens, score, path.log_probability)
        known = self._candidates.get(effect)
        if known is not None:
            better = max(known, new, key=lambda one: one.score.log_probability)
            log_p = float(np.logaddexp(known.log_p, new.log_p))
            self._candidates[effect] = evolve(better, log_p=log_p)
        elif isinstance(answer, Answer) and (effect is None or not self._accept(answer)):
            self._refused.add(effect)
        else:
            self._candidates[effect] = new

    def best(self, n: int) -> tuple[Candidate, ...]:
        """The n most probable."""
        return tuple(sorted(self._candidates.values(), key=lambda one: -one.log_p)[:n])

    def bar(self, n: int) -> float:
        """The logarithm of the probability that a new answer must have to be among the best n."""
        best = self.best(n)
        hopeless = best[0].score.log_probability + HOPELESS if best else -math.inf
        return max(hopeless, best[-1].log_p if len(best) == n else -math.inf)


def _beam(search: _Search, prefix: Prefix, root: _Path, found: _Found, n: int) -> None:
    """Follow the most probable beginnings behind `root`, as many as the beam is wide."""
    width = min(max(n, NARROWEST), WIDEST)
    state, paths, logits = prefix.forked(1), [root], prefix.logits[None]
    for _ in range(search.max_tokens):
        expected = search.expected(logits, paths)
        totals = (expected + np.array([[path.log_probability] for path in paths])).ravel()
        # Those that end here take no place in the beam, so twice its width are looked at.
        n_looked_at = min(2 * width, totals.size)
        order = np.argpartition(-totals, n_looked_at - 1)[:n_looked_at]
        order = order[np.argsort(-totals[order], kind="stable")]
        rows: list[int] = []
        live: list[_Path] = []
        for index in order.tolist():
            if totals[index] == -np.inf:
                break
            row, token = divmod(index, expected.shape[1])
            if token == END:
                found.add(paths[row].after(token, float(expected[row, token])))
            elif len(live) < width:
                rows.append(row)
                live.append(paths[row].after(token, float(expected[row, token])))
        bar = found.bar(n)
        alive = [i for i, path in enumerate(live) if path.log_probability > bar]
        rows, paths = [rows[i] for i in alive], [live[i] for i in alive]
        if not paths:
            return
        state, logits = search.step(state, rows, paths)


def _effect(prompt: Prompt, answer: Answer | NeedsProbe) -> object:
    """What tells one answer from another: the files it leaves behind. None if it leaves all as they were."""
    if isinstance(answer, NeedsProbe):
        return answer
    files: dict[str, bytes] = {}
    for edit in sorted(answer.edits, reverse=True):
        text = files.get(edit.path, prompt.files[edit.path])
        files[edit.path] = text[: edit.start] + edit.text + text[edit.end :]
    changed = {path: text for path, text in files.items() if text != prompt.files[path]}
    return tuple(sorted(changed.items())) or None
