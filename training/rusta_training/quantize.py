"""How the model's matrices are kept in an ONNX graph: as floats, or as 8-bit integers.

Integers are symmetric: a weight is an integer times a scale. A product's matrix has a scale for each column;
what it is multiplied with is quantized when it comes. A table of embeddings has a scale for each row.
"""

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from .graphs import MICROSOFT, Graph, Storage

Matrix = NDArray[np.float32]


def _product_of_floats(graph: Graph, value: str, name: str, matrix: Matrix) -> str:
    return graph.node("MatMul", value, graph.constant(name, matrix))


def _rows_of_floats(graph: Graph, indices: str, name: str, table: Matrix) -> str:
    return graph.node("Gather", graph.constant(name, table), indices)


def _product_of_int8(graph: Graph, value: str, name: str, matrix: Matrix) -> str:
    whole, scale = to_int8(matrix, axis=0)
    return graph.node(
        "DynamicQuantizeMatMul",
        value,
        graph.constant(name, whole),
        graph.constant(f"{name}.scale", scale[0]),
        domain=MICROSOFT,
    )


def _rows_of_int8(graph: Graph, indices: str, name: str, table: Matrix) -> str:
    whole, scale = to_int8(table, axis=1)
    rows = graph.node(
        "Cast", graph.node("Gather", graph.constant(name, whole), indices), to=TensorProto.FLOAT
    )
    return graph.node("Mul", rows, graph.node("Gather", graph.constant(f"{name}.scale", scale), indices))


def to_int8(matrix: Matrix, axis: int) -> tuple[NDArray[np.int8], Matrix]:
    """Integers from -127 to 127, and the scales along an axis: a matrix of one row or column."""
    scale = (np.abs(matrix).max(axis=axis, keepdims=True) / 127).astype(np.float32)
    scale[scale == 0] = 1.0
    return np.rint(matrix / scale).astype(np.int8), scale


FLOATS = Storage("floats", _product_of_floats, _rows_of_floats)
INT8 = Storage(
    "int8: a scale for each channel, activations quantized as they come", _product_of_int8, _rows_of_int8
)
