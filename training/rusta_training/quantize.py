"""How a matrix of the model is kept in an ONNX graph: as floats, or as 8-bit integers in one of two ways."""

import numpy as np
from numpy.typing import NDArray

from .graphs import Graph

_MICROSOFT = "com.microsoft"


def floats(graph: Graph, value: str, name: str, matrix: NDArray[np.float32]) -> str:
    """The plain product."""
    return graph.node("MatMul", value, graph.constant(name, matrix))


def dynamic_int8(graph: Graph, value: str, name: str, matrix: NDArray[np.float32], *, bits: int = 8) -> str:
    """Weights with one scale for each column; the value is quantized when it comes, with one scale in all."""
    most = 2 ** (bits - 1) - 1
    scale = (np.abs(matrix).max(axis=0) / most).astype(np.float32)
    scale[scale == 0] = 1.0
    whole = np.clip(np.rint(matrix / scale), -most, most).astype(np.int8)
    return graph.node(
        "DynamicQuantizeMatMul",
        value,
        graph.constant(name, whole),
        graph.constant(f"{name}.scale", scale),
        domain=_MICROSOFT,
    )


def block_int8(graph: Graph, value: str, name: str, matrix: NDArray[np.float32], *, block: int = 128) -> str:
    """Weights with a scale for every `block` rows of a column; the value gets a scale for as many."""
    n_in, n_out = matrix.shape
    n_blocks = -(-n_in // block)
    padded = np.zeros((n_blocks * block, n_out), np.float32)
    padded[:n_in] = matrix
    blocks = padded.T.reshape(n_out, n_blocks, block)
    scale = (np.abs(blocks).max(axis=2, keepdims=True) / 127).astype(np.float32)
    scale[scale == 0] = 1.0
    whole = (np.clip(np.rint(blocks / scale), -127, 127) + 128).astype(np.uint8)
    return graph.node(
        "MatMulNBits",
        value,
        graph.constant(name, whole),
        graph.constant(f"{name}.scale", scale.reshape(n_out, n_blocks)),
        domain=_MICROSOFT,
        K=n_in,
        N=n_out,
        bits=8,
        block_size=block,
        accuracy_level=4,
    )
