"""Runs the byte model: three graphs, one after another, and what has to be remembered between the steps.

A sequence is fed in chunks of any length. Its state is a value: feeding gives a new one and leaves the old
one as it was. So a prompt is read once, and any number of candidates go on from there; they share its keys
and values without a copy.

    engine = Engine.open(folder)              # or Missing, which says why
    prefix = engine.prefill(prompt.tokens)
    scores = engine.score(prefix, answers)

`decode.generate` writes answers. All of it is numpy and onnxruntime; onnxruntime is imported by `Engine.open`
and not before. Nothing here is safe to be used from two threads at once, apart from `Engine.open`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from .codec import PAD
from .manifest import GRAPHS, Manifest, Missing, Shape, read, read_graph

Floats = NDArray[np.float32]
Tokens = NDArray[np.int64]
_Number = TypeVar("_Number", np.float32, np.int64)

N_THREADS = 2
"""Threads for one product of matrices, unless told otherwise."""
HEAD_DIM = 64
MAX_TOKENS = 4096
"""A prompt and its answer together; far more than the model was trained on."""

_PATCH = 4
_TAPS = 4
_ROPE_BASE = 10_000.0
_CHUNK = 256
"""A prompt is read in chunks of so many bytes: their attention fits the processor's cache."""
_SCORED_AT_ONCE = 16


class Cancelled(Exception):
    """The caller's `cancelled` said yes. Raised between two steps; nothing is left behind."""


@frozen
class Score:
    """How probable one answer is, token by token.

    Attributes:
        token_log_probabilities: natural logarithms, one for each token.
        confidence: the model's own opinion that the answer is right, 0 to 1, if it was asked behind the last
            token.
    """

    token_log_probabilities: tuple[float, ...]
    confidence: float | None

    @property
    def log_probability(self) -> float:
        """Of the whole answer."""
        return sum(self.token_log_probabilities)

    @property
    def mean_log_probability(self) -> float:
        """For one token of it; 0 if there is none."""
        return self.log_probability / max(1, len(self.token_log_probabilities))

    @property
    def least_probability(self) -> float:
        """Of its least probable token: a better sign of a mistake than the product."""
        return float(np.exp(min(self.token_log_probabilities, default=0.0)))


@frozen
class Past:
    """Keys and values of one part of the model, for each of its layers."""

    prefix: tuple[tuple[Floats, Floats], ...] = field(repr=False)
    """What the batch shares: [heads, prefix length, HEAD_DIM] each."""
    own: tuple[tuple[Floats, Floats], ...] = field(repr=False)
    """What belongs to each sequence: [heads, batch, length, HEAD_DIM] each."""


@frozen
class State:
    """What is remembered of a batch of sequences of the same length.

    Attributes:
        history: the last tokens, [batch, n_history].
        waiting: local vectors of a patch that is not complete, [batch, 0 to 3, d_local].
        up: what the global part has said of bytes to come, [batch, 3 to 0, d_local].
    """

    n_tokens: int
    history: Tokens = field(repr=False)
    conv_in: tuple[Floats, ...] = field(repr=False)
    waiting: Floats = field(repr=False)
    up: Floats = field(repr=False)
    conv_out: tuple[Floats, ...] = field(repr=False)
    of_patches: Past = field(repr=False)
    of_bytes: Past = field(repr=False)

    @property
    def n_sequences(self) -> int:
        """How many sequences there are."""
        return len(self.waiting)

    def chosen(self, rows: Sequence[int]) -> "State":
        """The state of some of the sequences, in that order; one may come several times."""
        if list(rows) == list(range(self.n_sequences)):
            return self
        index = np.asarray(rows, np.intp)
        return evolve(
            self,
            history=self.history[index],
            conv_in=tuple(one[index] for one in self.conv_in),
            waiting=self.waiting[index],
            up=self.up[index],
            conv_out=tuple(one[index] for one in self.conv_out),
            of_patches=_chosen(self.of_patches, index),
            of_bytes=_chosen(self.of_bytes, index),
        )


@frozen
class Prefix:
    """Tokens that have been read, and what the model expects after them.

    Attributes:
        logits: of the next token, [vocab].
        confidence: the model's own opinion that what it will write is right, 0 to 1.
    """

    state: State
    logits: Floats = field(repr=False)
    confidence: float

    def forked(self, n_sequences: int) -> State:
        """A batch of sequences that all go on from here and share what was read."""
        state = self.state
        return evolve(
            state,
            history=_repeated(state.history, n_sequences),
            conv_in=tuple(_repeated(one, n_sequences) for one in state.conv_in),
            waiting=_repeated(state.waiting, n_sequences),
            up=_repeated(state.up, n_sequences),
            conv_out=tuple(_repeated(one, n_sequences) for one in state.conv_out),
            of_patches=_shared(state.of_patches, n_sequences),
            of_bytes=_shared(state.of_bytes, n_sequences),
        )


@frozen
class Step:
    """What `Engine.advance` returns.

    Attributes:
        logits: [batch, positions asked for, vocab].
        confidence: logits of it, [batch, positions asked for].
    """

    state: State
    logits: Floats = field(repr=False)
    confidence: Floats = field(repr=False)


def _never() -> bool:
    return False


@frozen
class Engine:
    """A model that is ready."""

    manifest: Manifest
    _sessions: Mapping[str, Any] = field(repr=False)
    _outputs: Mapping[str, list[str]] = field(repr=False)
    _rotations: tuple[Floats, Floats] = field(repr=False)

    @classmethod
    def open(cls, folder: Path, *, n_threads: int = N_THREADS) -> "Engine | Missing":
        """Open a folder of weights. Whatever is wrong with it is said, never raised."""
        manifest = read(folder)
        if isinstance(manifest, Missing):
            return manifest
        try:
            import onnxruntime  # type: ignore[import-untyped]  # it has no types
        except ImportError as error:
            return Missing(f"onnxruntime cannot be loaded: {error}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = n_threads
        options.inter_op_num_threads = 1
        # Threads that spin would take a processor from the other graphs', and from the editor.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Lengths change with every step, so nothing could be planned; and an arena would keep the peak.
        options.enable_mem_pattern = False
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        sessions = {}
        for name in GRAPHS:
            graph = read_graph(folder, manifest.graphs[name])
            if isinstance(graph, Missing):
                return graph
            try:
                session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
            except Exception as error:  # its exceptions have no common class below this one
                return Missing(f"onnxruntime does not take the graph {name!r} of {folder}: {error}")
            # Sizes that may change have names.
            has = {
                one.name: [size for size in one.shape if isinstance(size, int)]
                for one in session.get_inputs()
            }
            if has != _inputs(name, manifest.shape):
                return Missing(f"the graph {name!r} of {folder} has other inputs than the manifest says")
            sessions[name] = session
        outputs = {name: [one.name for one in session.get_outputs()] for name, session in sessions.items()}
        return cls(manifest, sessions, outputs, _rotations())

    def prefill(self, tokens: Sequence[int], *, cancelled: Callable[[], bool] = _never) -> Prefix:
        """Read tokens from the beginning of a sequence.

        Raises:
            ValueError: there are none, more than MAX_TOKENS, or one that is no token.
            Cancelled: `cancelled()` was true before a chunk.
        """
        return self._read(_nothing(self.manifest.shape), tokens, cancelled)

    def extend(
        self, prefix: Prefix, tokens: Sequence[int], *, cancelled: Callable[[], bool] = _never
    ) -> Prefix:
        """Read on from a prefix, which stays usable. Raises as `prefill` does; no tokens are no error."""
        return self._read(prefix.state, tokens, cancelled) if tokens else prefix

    def score(
        self, prefix: Prefix, answers: Sequence[Sequence[int]], *, cancelled: Callable[[], bool] = _never
    ) -> tuple[Score, ...]:
        """How probable each answer is after the prefix, several at once.

        Raises:
            ValueError: as `prefill` does; an empty answer is no error.
            Cancelled: `cancelled()` was true before a batch.
        """
        scores: dict[int, Score] = {}
        # Alike lengths together: what is padded is computed too.
        order = sorted(range(len(answers)), key=lambda i: len(answers[i]))
        for at in range(0, len(order), _SCORED_AT_ONCE):
            if cancelled():
                raise Cancelled
            batch = order[at : at + _SCORED_AT_ONCE]
            scores |= zip(batch, self._score(prefix, [answers[i] for i in batch]), strict=True)
        return tuple(scores[i] for i in range(len(answers)))

    def advance(self, state: State, tokens: Tokens, *, logits_from: int = 0) -> Step:
        """Feed one chunk to a batch of sequences.

        Args:
            tokens: [batch, time].
            logits_from: the first position of the chunk of which logits are wanted.

        Raises:
            ValueError: the sequences would become longer than MAX_TOKENS, or something is no token.
        """
        shape = self.manifest.shape
        batch, time = tokens.shape
        assert batch == state.n_sequences, f"{batch} rows for {state.n_sequences} sequences"
        start, end = state.n_tokens, state.n_tokens + time
        if end > MAX_TOKENS:
            raise ValueError(f"{end:,} tokens are more than {MAX_TOKENS:,}")
        if tokens.size and not 0 <= tokens.min() <= tokens.max() < shape.vocab:
            raise ValueError(f"tokens are 0 to {shape.vocab - 1}")

        feed: dict[str, Any] = {"tokens": tokens, **_numbered("conv", state.conv_in)}
        if shape.n_history:
            feed["history"] = state.history
        out = self._run("local_in", feed)
        x, conv_in = out["x"], _named(out, "next_conv", shape.n_in)

        waiting, up, of_patches = np.concatenate([state.waiting, x], axis=1), state.up, state.of_patches
        n_patches = waiting.shape[1] // _PATCH
        if n_patches:
            patches = waiting[:, : n_patches * _PATCH].reshape(batch, n_patches, -1)
            waiting = waiting[:, n_patches * _PATCH :]
            feed = {"patches": patches, **self._attention(of_patches, start // _PATCH, n_patches)}
            out = self._run("global", feed)
            told = out["up"].reshape(batch, n_patches * _PATCH, -1)
            up = np.concatenate([up, told], axis=1)
            of_patches = _extended(of_patches, out)

        feed = {
            "x": x,
            "up": up[:, :time],
            "logits_from": np.array([logits_from], np.int64),
            **_numbered("conv", state.conv_out),
            **self._attention(state.of_bytes, start, time),
        }
        out = self._run("local_out", feed)
        new = State(
            n_tokens=end,
            history=np.concatenate([state.history, tokens], axis=1)[:, time:],
            conv_in=conv_in,
            waiting=waiting,
            up=up[:, time:],
            conv_out=_named(out, "next_conv", shape.n_out),
            of_patches=of_patches,
            of_bytes=_extended(state.of_bytes, out),
        )
        return Step(new, out["logits"], out["confidence"])

    def _read(self, state: State, tokens: Sequence[int], cancelled: Callable[[], bool]) -> Prefix:
        if not tokens:
            raise ValueError("a prefix needs at least one token")
        if state.n_tokens + len(tokens) > MAX_TOKENS:
            raise ValueError(f"{state.n_tokens + len(tokens):,} tokens are more than {MAX_TOKENS:,}")
        row = np.array([list(tokens)], np.int64)
        for at in range(0, row.shape[1], _CHUNK):
            if cancelled():
                raise Cancelled
            chunk = row[:, at : at + _CHUNK]
            step = self.advance(state, chunk, logits_from=chunk.shape[1] - 1)
            state = step.state
        return Prefix(state, step.logits[0, -1], float(_sigmoid(step.confidence[0, -1])))

    def _score(self, prefix: Prefix, answers: Sequence[Sequence[int]]) -> list[Score]:
        longest = max(map(len, answers))
        if not longest:
            return [Score((), prefix.confidence) for _ in answers]
        rows = np.full((len(answers), longest), PAD, np.int64)
        for row, answer in zip(rows, answers, strict=True):
            row[: len(answer)] = list(answer)
        step = self.advance(prefix.forked(len(answers)), rows)
        # What is expected at the first token stands before it.
        first = np.broadcast_to(prefix.logits, (len(answers), 1, prefix.logits.size))
        expected = log_softmax(np.concatenate([first, step.logits[:, :-1]], axis=1))
        of_tokens = np.take_along_axis(expected, rows[:, :, None], axis=2)[:, :, 0]
        return [
            Score(
                tuple(of_tokens[i, : len(answer)].tolist()),
                float(_sigmoid(step.confidence[i, len(answer) - 1])) if answer else prefix.confidence,
            )
            for i, answer in enumerate(answers)
        ]

    def _attention(self, past: Past, start: int, count: int) -> dict[str, Floats]:
        """What the attention layers of a part are fed: rotations, mask, keys and values."""
        cosines, sines = self._rotations
        n_past = past.own[0][0].shape[2]
        feed = {
            "cosines": cosines[start : start + count],
            "sines": sines[start : start + count],
            "mask": _mask(n_past, count),
        }
        for kind, layers in (("prefix", past.prefix), ("own", past.own)):
            for i, (keys, values) in enumerate(layers):
                feed[f"{kind}_keys_{i}"], feed[f"{kind}_values_{i}"] = keys, values
        return feed

    def _run(self, name: str, feed: Mapping[str, Any]) -> dict[str, Floats]:
        names = self._outputs[name]
        return dict(zip(names, self._sessions[name].run(names, feed), strict=True))


def log_softmax(logits: Floats) -> Floats:
    """Logarithms of the probabilities over the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    result: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def _sigmoid(x: Floats) -> Floats:
    result: Floats = np.float32(1) / (np.float32(1) + np.exp(-x))
    return result


def _rotations() -> tuple[Floats, Floats]:
    """Cosines and sines for all positions, laid out as `graphs.py` in training says."""
    exponents = np.arange(0, HEAD_DIM, 2, dtype=np.float32) / np.float32(HEAD_DIM)
    angles = np.arange(MAX_TOKENS, dtype=np.float32)[:, None] * np.float32(_ROPE_BASE) ** -exponents
    cosines, sines = np.cos(angles), np.sin(angles)
    return np.concatenate([cosines, cosines], axis=1), np.concatenate([-sines, sines], axis=1)


def _mask(n_past: int, count: int) -> Floats:
    """[count, n_past + count]: 0 where a position may look, very little where not."""
    if count == 1:
        return np.zeros((1, n_past + 1), np.float32)
    return np.triu(np.full((count, n_past + count), -1e9, np.float32), k=n_past + 1)


def _nothing(shape: Shape) -> State:
    """The state of one sequence of which nothing was read."""

    def zeros(*sizes: int) -> Floats:
        return np.zeros(sizes, np.float32)

    def past(n_layers: int, width: int) -> Past:
        heads = width // HEAD_DIM
        nothing = (zeros(heads, 0, HEAD_DIM),) * 2
        own = (zeros(heads, 1, 0, HEAD_DIM),) * 2
        return Past((nothing,) * n_layers, (own,) * n_layers)

    return State(
        n_tokens=0,
        history=np.zeros((1, shape.n_history), np.int64),
        conv_in=(zeros(1, _TAPS - 1, shape.d_local),) * shape.n_in,
        waiting=zeros(1, 0, shape.d_local),
        up=zeros(1, _PATCH - 1, shape.d_local),
        conv_out=(zeros(1, _TAPS - 1, shape.d_local),) * shape.n_out,
        of_patches=past(shape.n_global, shape.d_global),
        of_bytes=past(1, shape.d_local),
    )


def _shared(past: Past, n_sequences: int) -> Past:
    """The past of a single sequence as what `n_sequences` share; their own is empty."""

    def joined(prefix: Floats, own: Floats) -> Floats:
        return own[:, 0] if not prefix.shape[1] else np.concatenate([prefix, own[:, 0]], axis=1)

    def empty(own: Floats) -> Floats:
        return np.zeros((own.shape[0], n_sequences, 0, HEAD_DIM), np.float32)

    layers = list(zip(past.prefix, past.own, strict=True))
    return Past(
        tuple((joined(pk, ok), joined(pv, ov)) for (pk, pv), (ok, ov) in layers),
        tuple((empty(keys), empty(values)) for keys, values in past.own),
    )


def _chosen(past: Past, index: NDArray[np.intp]) -> Past:
    return evolve(past, own=tuple((keys[:, index], values[:, index]) for keys, values in past.own))


def _extended(past: Past, out: Mapping[str, Floats]) -> Past:
    """The past with what a graph put out: the own keys and values, the chunk's behind them."""
    return evolve(past, own=tuple((out[f"keys_{i}"], out[f"values_{i}"]) for i in range(len(past.own))))


def _repeated(one: NDArray[_Number], n_sequences: int) -> NDArray[_Number]:
    return np.repeat(one, n_sequences, axis=0)


def _numbered(name: str, values: Sequence[Floats]) -> dict[str, Floats]:
    return {f"{name}_{i}": value for i, value in enumerate(values)}


def _named(out: Mapping[str, Floats], name: str, count: int) -> tuple[Floats, ...]:
    return tuple(out[f"{name}_{i}"] for i in range(count))


def _inputs(graph: str, shape: Shape) -> dict[str, list[int]]:
    """What a graph is fed: for each name, the sizes that are always the same."""

    def attention(n_layers: int, width: int) -> dict[str, list[int]]:
        kinds = ("prefix_keys", "prefix_values", "own_keys", "own_values")
        blocks = {f"{kind}_{i}": [width // HEAD_DIM, HEAD_DIM] for kind in kinds for i in range(n_layers)}
        return {"cosines": [HEAD_DIM], "sines": [HEAD_DIM], "mask": [], **blocks}

    def convolutions(n_layers: int) -> dict[str, list[int]]:
        return {f"conv_{i}": [_TAPS - 1, shape.d_local] for i in range(n_layers)}

    if graph == "local_in":
        history = {"history": [shape.n_history]} if shape.n_history else {}
        return {"tokens": [], **history, **convolutions(shape.n_in)}
    if graph == "global":
        return {"patches": [_PATCH * shape.d_local], **attention(shape.n_global, shape.d_global)}
    local = [shape.d_local]
    return {
        "x": local,
        "up": local,
        "logits_from": [1],
        **convolutions(shape.n_out),
        **attention(1, shape.d_local),
    }
