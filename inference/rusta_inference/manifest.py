"""What a folder of weights holds, and whether it is whole: `manifest.json` beside the graphs."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen
from cattrs import Converter, transform_error
from cattrs.errors import BaseValidationError

from .codec import VOCAB

FORMAT = 1
"""Of the manifest and of the graphs' inputs and outputs. A folder of another format is not read."""
FILE = "manifest.json"
GRAPHS = ("local_in", "global", "local_out")

_CONVERTER = Converter(forbid_extra_keys=False)


@frozen
class Missing:
    """There is no model to use, and why; said to a person as it is."""

    reason: str


@frozen
class Part:
    """One file of a graph. A graph is its parts put together: no file grows too large for a repository."""

    file: str
    sha256: str
    n_bytes: int


@frozen
class Shape:
    """The sizes that whoever runs the graphs has to know.

    Attributes:
        n_history: how many tokens before a chunk `local_in` wants to see.
    """

    d_local: int
    n_in: int
    d_global: int
    n_global: int
    n_out: int
    vocab: int
    n_history: int


@frozen
class Parity:
    """How far the graphs are from the model they were made of, on the same inputs.

    Attributes:
        max_error_float: the largest difference of a logit, float graphs to PyTorch.
        bits_pytorch, bits_float, bits_int8: bits per token of the inputs' answers.
        exact_pytorch, exact_int8: the share of answers of which every token is the first choice.
        agreement_int8: the share of tokens at which int8's first choice is PyTorch's.
    """

    inputs_sha256: str
    n_samples: int
    n_tokens: int
    max_error_float: float
    bits_pytorch: float
    bits_float: float
    bits_int8: float
    exact_pytorch: float
    exact_int8: float
    agreement_int8: float


@frozen
class Manifest:
    """A folder of weights.

    Attributes:
        run: the name of the training run; `trained` holds what else is known of it.
        ledger_sha256: of the ledger of sources that it was trained under.
        parity: on the samples that lie beside `rusta_training.parity`.
        held_out: on triplets of crates that were not trained on.
    """

    v: int
    shape: Shape
    quantization: str
    graphs: Mapping[str, tuple[Part, ...]]
    run: str
    ledger_sha256: str
    n_parameters: int = 0
    trained: Mapping[str, Any] = field(factory=dict)
    parity: Parity | None = None
    held_out: Parity | None = None


def read(folder: Path) -> Manifest | Missing:
    """The manifest of a folder, if this version of Rusta can use what it describes."""
    path = folder / FILE
    try:
        told = json.loads(path.read_bytes())
    except FileNotFoundError:
        return Missing(f"there are no weights in {folder}")
    except (OSError, ValueError) as error:
        return Missing(f"{path} cannot be read: {error}")
    version = told.get("v") if isinstance(told, dict) else None
    if version != FORMAT:
        return Missing(f"{path} is of format {version!r}, and this version of Rusta reads format {FORMAT}")
    try:
        manifest = _CONVERTER.structure(told, Manifest)
    except BaseValidationError as error:
        return Missing(f"{path} is not a manifest of weights: {transform_error(error)[0]}")
    if manifest.shape.vocab != VOCAB:
        return Missing(
            f"{path} is of a model with {manifest.shape.vocab} tokens, not {VOCAB}: it is not Rusta's"
        )
    lacking = [name for name in GRAPHS if not manifest.graphs.get(name)]
    if lacking:
        return Missing(f"{path} lacks the graph {lacking[0]!r}")
    return manifest


def read_graph(folder: Path, parts: tuple[Part, ...]) -> bytes | Missing:
    """A graph from its parts, each compared with its hash."""
    whole = []
    for part in parts:
        path = folder / part.file
        if path.parent != folder:
            return Missing(f"the manifest names {part.file!r}, which is not a file of {folder}")
        try:
            data = path.read_bytes()
        except OSError as error:
            return Missing(f"{path} cannot be read: {error.strerror}")
        if len(data) != part.n_bytes:
            return Missing(f"{path} has {len(data):,} bytes instead of {part.n_bytes:,}: it is not whole")
        if hashlib.sha256(data).hexdigest() != part.sha256:
            return Missing(f"{path} is not the file that the manifest describes: its hash differs")
        whole.append(data)
    return whole[0] if len(whole) == 1 else b"".join(whole)


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of a folder whose graphs are in place."""
    told = _CONVERTER.unstructure(manifest)
    (folder / FILE).write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")


def write_graph(folder: Path, name: str, graph: bytes, *, most_bytes: int) -> tuple[Part, ...]:
    """Write a graph in as many files as it takes for none to exceed `most_bytes`."""
    pieces = [graph[at : at + most_bytes] for at in range(0, len(graph), most_bytes)]
    parts = []
    for number, piece in enumerate(pieces):
        file = f"{name}.onnx" if len(pieces) == 1 else f"{name}.onnx.{number}"
        (folder / file).write_bytes(piece)
        parts.append(Part(file, hashlib.sha256(piece).hexdigest(), len(piece)))
    return tuple(parts)
