"""Whether a text contains a piece of an evaluation set: 13 words in a row, after Brown et al. (2020).

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

from .documents import Document

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
    """The programs in an evaluation folder: its ``.rs`` files, and broken and fixed in ``.jsonl`` files.

    Raises:
        ValueError: a line of a ``.jsonl`` file is no object.
    """
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".rs":
            yield path.read_bytes()
        elif path.suffix == ".jsonl":
            for line in path.read_text(encoding="utf-8").splitlines():
                yield from _texts(json.loads(line))


def overlapping(documents: Sequence[Document], evaluation: Grams) -> list[Document]:
    """Those of ``documents`` that share a run with ``evaluation`` which is no idiom."""
    crates: dict[int, set[str]] = defaultdict(set)
    shared = [_shared(document.text, evaluation) for document in documents]
    for document, runs in zip(documents, shared, strict=True):
        for run in runs:
            crates[run].add(document.crate)
    rare = {run for run, names in crates.items() if len(names) < COMMON_CRATES}
    return [d for d, runs in zip(documents, shared, strict=True) if not rare.isdisjoint(runs)]


def read_list(path: Path) -> frozenset[str]:
    """The hashes of the texts in a list of what overlaps; none if there is no list."""
    if not path.exists():
        return frozenset()
    return frozenset(json.loads(line)["sha256"] for line in path.read_text(encoding="utf-8").splitlines())


def write_list(path: Path, found: Iterable[Document]) -> None:
    """Write which texts overlap, so that they are dropped also where the evaluation sets are not at hand."""
    lines = {json.dumps({"crate": d.crate, "path": d.path, "sha256": d.sha256}) + "\n" for d in found}
    path.write_text("".join(sorted(lines)), encoding="utf-8")


def _shared(text: bytes, evaluation: Grams) -> list[int]:
    get = evaluation.words.get
    numbers = np.array([get(word, 0) for word in _WORD.findall(text)], dtype=np.uint64)
    runs = np.unique(_runs(numbers))
    if not len(evaluation.hashes):
        return []
    # Both are sorted; `np.isin` would sort those of the evaluation set again for every text.
    places = np.searchsorted(evaluation.hashes, runs).clip(max=len(evaluation.hashes) - 1)
    found: list[int] = runs[evaluation.hashes[places] == runs].tolist()
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
