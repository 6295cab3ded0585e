"""Do the exported graphs say what the model says? PyTorch, float graphs and int8 graphs on the same samples.

The graphs are run by the engine, as in use: the prompt in chunks, the answer on top of it.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from attrs import frozen

from rusta_inference import codec
from rusta_inference.engine import Engine
from rusta_inference.manifest import Parity

from .model import PATCH, Hourglass
from .shards import read_shards, samples_of

MOST_FLOAT_ERROR = 1e-2
"""Of a logit. Sums are taken in another order, and no more than that."""
MOST_INT8_LOSS = 0.03
"""Relative, in bits per byte of the answers."""
COMMITTED = Path(__file__).with_name("parity.json")


class Unlike(Exception):
    """Graphs differ from their model by more than they may."""


@frozen
class Sample:
    """Tokens of a prompt, and of the answer that is measured."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]


Samples = Sequence[Sample]


def committed() -> list[Sample]:
    """The samples that lie beside this module: diagnostics of small programs, and their fixes."""
    samples = []
    for one in json.loads(COMMITTED.read_text()):
        path, broken = "src/lib.rs", one["broken"].encode()
        problem = codec.Problem(
            one["code"],
            one["message"],
            tuple(codec.Mark(path, *_find(broken, quote), *rest) for quote, *rest in one["marks"]),
            tuple(codec.Note(*note) for note in one["notes"]),
            {path: broken},
        )
        prompt = codec.encode_problem(problem)
        answer = codec.encode_edits(
            prompt, [codec.Edit(path, *_find(broken, one["old"]), one["new"].encode())]
        )
        assert answer is not None, f"{one['code']}: the fix cannot be said"
        samples.append(Sample(prompt.tokens, answer))
    return samples


def held_out(shards: Path, n_samples: int) -> list[Sample]:
    """The first samples of a folder of shards that end in an answer."""
    return list(islice(_answered(shards), n_samples))


def compare(model: Hourglass, floats: Engine, int8: Engine, samples: Samples) -> Parity:
    """Measure all three on the answers of the samples."""
    error = 0.0
    nats = np.zeros(3)
    right = np.zeros(3)
    n_agreed = 0
    for sample in samples:
        expected = _torch_logits(model, sample)
        said = [_engine_logits(engine, sample) for engine in (floats, int8)]
        error = max(error, float(np.abs(said[0] - expected).max()))
        n_agreed += int((said[1].argmax(axis=1) == expected.argmax(axis=1)).sum())
        for i, logits in enumerate((expected, *said)):
            target = torch.tensor(sample.answer)
            nats[i] += float(F.cross_entropy(torch.from_numpy(logits), target, reduction="sum"))
            right[i] += bool((logits.argmax(axis=1) == np.array(sample.answer)).all())
    n_tokens = sum(len(sample.answer) for sample in samples)
    bits = nats / n_tokens / math.log(2)
    exact = right / len(samples)
    text = json.dumps([[sample.prompt, sample.answer] for sample in samples])
    return Parity(
        inputs_sha256=hashlib.sha256(text.encode()).hexdigest(),
        n_samples=len(samples),
        n_tokens=n_tokens,
        max_error_float=round(error, 6),
        bits_pytorch=round(float(bits[0]), 4),
        bits_float=round(float(bits[1]), 4),
        bits_int8=round(float(bits[2]), 4),
        exact_pytorch=round(float(exact[0]), 4),
        exact_int8=round(float(exact[2]), 4),
        agreement_int8=round(n_agreed / n_tokens, 4),
    )


def require(parity: Parity) -> None:
    """Accept or refuse.

    Raises:
        Unlike: says in which figure.
    """
    if parity.max_error_float > MOST_FLOAT_ERROR:
        raise Unlike(f"float graphs err by {parity.max_error_float} in a logit")
    if parity.bits_int8 > parity.bits_pytorch * (1 + MOST_INT8_LOSS):
        raise Unlike(f"int8 takes {parity.bits_int8} bits per byte, the model {parity.bits_pytorch}")


def _torch_logits(model: Hourglass, sample: Sample) -> np.ndarray:
    tokens = [*sample.prompt, *sample.answer]
    padded = tokens + [codec.PAD] * (-len(tokens) % PATCH)
    with torch.no_grad():
        logits = model(torch.tensor([padded])).logits[0]
    first = len(sample.prompt) - 1
    result: np.ndarray = logits[first : first + len(sample.answer)].numpy()
    return result


def _engine_logits(engine: Engine, sample: Sample) -> np.ndarray:
    prefix = engine.prefill(sample.prompt)
    fed = np.array([sample.answer[:-1]], np.int64)
    if not fed.size:
        return prefix.logits[None]
    step = engine.advance(prefix.forked(1), fed)
    return np.concatenate([prefix.logits[None], step.logits[0]])


def _answered(shards: Path) -> Iterator[Sample]:
    for tokens in (one for shard in read_shards(shards) for one in samples_of(shard)):
        sample = tokens.tolist()
        for begin in (codec.EDIT, codec.FILL):
            if begin in sample:
                cut = sample.index(begin) + 1
                yield Sample(tuple(sample[:cut]), tuple(sample[cut:]))
                break


def _find(text: bytes, quote: str) -> tuple[int, int]:
    start = text.index(quote.encode())
    return start, start + len(quote.encode())
