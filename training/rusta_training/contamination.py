"""Whether a text has a piece of an evaluation set in it: a run of 13 words, as after Brown et al. (2020), appendix C.

Words are identifiers, keywords and numbers (``\\w+``); punctuation and layout do not count. A run that many
crates have is an idiom (`impl fmt::Display for …`) and no sign of contamination.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

N: Final = 13
COMMON_CRATES: Final = 10
"""A run that this many different crates contain is an idiom."""

_WORD = re.compile(rb"\w+")
# Prose about the programs, file names and the like are no part of what is tested.
_FIELDS = ("broken", "fixed", "code", "text", "source_text")


@frozen
class Grams:
    """The runs of an evaluation set.

    Attributes:
        words: a number for every word that occurs in it, from 1 up.
        hashes: of its runs, sorted.
    """

    words: dict[bytes, int] = field(repr=False)
    hashes: NDArray[np.uint64] = field(repr=False)


def grams(texts: Iterable[bytes]) -> Grams:
    """The runs of 13 words of ``texts``."""
    words: dict[bytes, int] = {}
    hashes: list[NDArray[np.uint64]] = []
    for text in texts:
        numbers = [words.setdefault(word, len(words) + 1) for word in _WORD.findall(text)]
        hashes.append(_runs(np.array(numbers, dtype=np.uint64)))
    joined = np.concatenate(hashes) if hashes else np.zeros(0, dtype=np.uint64)
    return Grams(words, np.unique(joined))


def read(folder: Path) -> Iterator[bytes]:
    """The programs in an evaluation folder: ``.rs`` files, and the broken and fixed texts in ``.jsonl`` files.

    Raises:
        ValueError: a line of a ``.jsonl`` file is no object.
    """
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".rs":
            yield path.read_bytes()
        elif path.suffix == ".jsonl":
            for line in path.read_text(encoding="utf-8").splitlines():
                yield from _texts(json.loads(line))


def overlapping(documents: Sequence[tuple[str, bytes]], evaluation: Grams) -> set[int]:
    """The indices of ``documents``, pairs of crate and text, that share a run with ``evaluation``."""
    if not len(evaluation.hashes):
        return set()
    crates: dict[int, set[str]] = defaultdict(set)
    shared: list[NDArray[np.uint64]] = []
    for crate, text in documents:
        found = _shared(text, evaluation)
        shared.append(found)
        for run in found.tolist():
            crates[run].add(crate)
    rare = {run for run, names in crates.items() if len(names) < COMMON_CRATES}
    return {index for index, found in enumerate(shared) if not rare.isdisjoint(found.tolist())}


def _shared(text: bytes, evaluation: Grams) -> NDArray[np.uint64]:
    get = evaluation.words.get
    numbers = np.array([get(word, 0) for word in _WORD.findall(text)], dtype=np.uint64)
    runs = np.unique(_runs(numbers))
    at = np.searchsorted(evaluation.hashes, runs)
    at[at == len(evaluation.hashes)] = 0
    found: NDArray[np.uint64] = runs[evaluation.hashes[at] == runs]
    return found


def _runs(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A hash of every 13 numbers in a row; none for a shorter text."""
    if len(numbers) < N:
        return np.zeros(0, dtype=np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(numbers, N)
    factor = np.uint64(0x9E3779B97F4A7C15)
    hashes = np.zeros(len(windows), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in range(N):
            hashes = (hashes ^ windows[:, column]) * factor
            hashes ^= hashes >> np.uint64(31)
    return hashes


def _texts(value: Any, name: str = "text") -> Iterator[bytes]:  # noqa: ANN401  # any JSON
    if isinstance(value, str):
        if name in _FIELDS:
            yield value.encode()
    elif isinstance(value, dict):
        for key, inner in value.items():
            # A map of files has paths for keys.
            yield from _texts(inner, "text" if key.endswith(".rs") else key)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, name)
