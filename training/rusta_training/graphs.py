"""The three parts of the model as ONNX graphs, written node by node from its weights.

Nothing is traced: the graphs are short, and laid out for decoding. Keys and values are head-first, one tensor
for each layer, so candidates share the prefix's without a copy. Rotations and causal masks come in as inputs,
being the same for every layer.

    local_in   tokens [B, T], history [B, 3] (with n-grams), conv_i [B, 3, d_local]
            →  x [B, T, d_local], next_conv_i
    global     patches [B, P, 4 d_local], attention's inputs for every layer
            →  up [B, P, 4 d_local], keys_i, values_i
    local_out  x, up [B, T, d_local], conv_i, attention's inputs for one layer, logits_from [1]
            →  logits [B, T - logits_from, vocab], confidence [B, T - logits_from],
               next_conv_i, keys_0, values_0

    attention  cosines, sines [T, HEAD_DIM]: each half doubled, the first half of the sines negated
               mask [T, past + T]: added to a sequence's scores of its own keys
               prefix_keys_i, prefix_values_i [H, prefix, HEAD_DIM]: shared by the batch
               own_keys_i, own_values_i [H, B, past, HEAD_DIM]; with the chunk's behind: keys_i, values_i

Some nodes are onnxruntime's own (RMSNorm, SiLU, int8 products): it is the only reader.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from attrs import frozen
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from .model import HEAD_DIM, HISTORY, NGRAM_ORDERS, PATCH, TAPS, ModelConfig

Weights = Mapping[str, NDArray[np.float32]]
"""A state dict of `Hourglass`."""
Write = Callable[["Graph", str, str, NDArray[np.float32]], str]
"""Writes nodes that do something with a value and a named matrix; returns the result's name."""
Shape = list[int | str]
"""Sizes; a name stands for any size."""

MICROSOFT = "com.microsoft"
"""The domain of onnxruntime's own nodes."""
_EPSILON = 1e-6
_LAST = 2**31 - 1


@frozen
class Storage:
    """How matrices are kept.

    Attributes:
        product: of a value and a matrix [in, out].
        rows: those of a table [rows, width] that a value names.
    """

    name: str
    product: Write
    rows: Write


class Graph:
    """An ONNX graph that is being written. Values are known by their names."""

    def __init__(self, name: str, storage: Storage) -> None:
        self._name = name
        self._storage = storage
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, shape: Shape, kind: int = TensorProto.FLOAT) -> str:
        """Declare an input."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name: str, shape: Shape) -> None:
        """Declare the value of that name an output."""
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """A constant; the same name is the same constant."""
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def ints(self, *values: int) -> str:
        """A constant vector of integers: shapes, axes, bounds."""
        return self.constant("ints_" + "_".join(map(str, values)), np.array(values, np.int64))

    def nodes(
        self,
        kind: str,
        *inputs: str,
        out: list[str],
        domain: str = "",
        **attributes: Any,  # noqa: ANN401  whatever the kind has
    ) -> list[str]:
        """A node whose outputs get the names `out`."""
        self._nodes.append(helper.make_node(kind, inputs, out, domain=domain, **attributes))
        return out

    def node(
        self,
        kind: str,
        *inputs: str,
        out: str = "",
        domain: str = "",
        **attributes: Any,  # noqa: ANN401
    ) -> str:
        """A node with one output, whose name is returned."""
        return self.nodes(kind, *inputs, out=[out or self._fresh()], domain=domain, **attributes)[0]

    def cut(self, value: str, axis: int, start: str, end: str) -> str:
        """Positions `start` to `end` of one axis."""
        return self.node("Slice", value, start, end, self.ints(axis))

    def split(self, value: str, axis: int, sizes: str) -> list[str]:
        """A value cut in two."""
        name = self._fresh()
        return self.nodes("Split", value, sizes, out=[f"{name}_0", f"{name}_1"], axis=axis)

    def linear(self, value: str, name: str, weights: Weights) -> str:
        """The product with a layer's weight matrix."""
        return self._storage.product(self, value, name, weights[f"{name}.weight"].T)

    def rows(self, indices: str, name: str, table: NDArray[np.float32]) -> str:
        """Rows of a table."""
        return self._storage.rows(self, indices, name, table)

    def finish(self) -> onnx.ModelProto:
        """The whole."""
        graph = helper.make_graph(
            self._nodes, self._name, self._inputs, self._outputs, list(self._constants.values())
        )
        imports = [helper.make_opsetid("", 18), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=imports, ir_version=9, producer_name="rusta")

    def _fresh(self) -> str:
        return f"value_{len(self._nodes)}"


def local_in(config: ModelConfig, weights: Weights, storage: Storage) -> onnx.ModelProto:
    """Bytes to local vectors."""
    graph = Graph("local_in", storage)
    x = _normalized(graph, _embedding(graph, config, weights), config.d_local)
    for i in range(config.n_in):
        is_last = i == config.n_in - 1
        x = _local_layer(graph, x, i, f"layers_in.{i}", config.d_local, weights, out="x" if is_last else "")
    graph.output("x", ["batch", "time", config.d_local])
    return graph.finish()


def global_step(config: ModelConfig, weights: Weights, storage: Storage) -> onnx.ModelProto:
    """Patches to what they tell the bytes behind them."""
    graph = Graph("global", storage)
    d_patch = PATCH * config.d_local
    patches = graph.input("patches", ["batch", "time", d_patch])
    _declare_attention(graph)
    x = _normalized(graph, graph.linear(patches, "patch_in", weights), config.d_global)
    for i in range(config.n_global):
        name = f"layers_global.{i}"
        x = _attention(graph, x, i, f"{name}.attention", config.d_global, weights)
        x = _mlp(graph, x, f"{name}.mlp", config.d_global, weights)
    up = graph.linear(_normalized(graph, x, config.d_global), "patch_out", weights)
    graph.node("Identity", up, out="up")
    graph.output("up", ["batch", "time", d_patch])
    return graph.finish()


def local_out(config: ModelConfig, weights: Weights, storage: Storage) -> onnx.ModelProto:
    """Local vectors and the global part's word on them to logits."""
    graph = Graph("local_out", storage)
    d_local = config.d_local
    local: Shape = ["batch", "time", d_local]
    x = graph.node("Add", graph.input("x", local), graph.input("up", local))
    _declare_attention(graph)
    logits_from = graph.input("logits_from", [1], TensorProto.INT64)
    for i in range(config.n_out):
        if i == config.attention_layer:
            x = _attention(graph, x, 0, "byte_attention", d_local, weights)
        x = _local_layer(graph, x, i, f"layers_out.{i}", d_local, weights)
    hidden = _normalized(graph, graph.cut(x, 1, logits_from, graph.ints(_LAST)), d_local)
    graph.node("Identity", graph.linear(hidden, "head", weights), out="logits")
    graph.output("logits", ["batch", "asked", config.vocab])
    opinion = graph.constant("head_confidence.weight", weights["head_confidence.weight"][0])
    bias = graph.constant("head_confidence.bias", weights["head_confidence.bias"])
    graph.node("Add", graph.node("MatMul", hidden, opinion), bias, out="confidence")
    graph.output("confidence", ["batch", "asked"])
    return graph.finish()


def _embedding(graph: Graph, config: ModelConfig, weights: Weights) -> str:
    """What tokens and the n-grams that end at them stand for, added up. All tables are one."""
    tokens = graph.input("tokens", ["batch", "time"], TensorProto.INT64)
    buckets = [tokens]
    tables = [weights["embed.weight"]]
    if config.ngram_buckets:
        history = graph.input("history", ["batch", HISTORY], TensorProto.INT64)
        window = graph.node("Concat", history, tokens, axis=1)
        hashed = tokens
        # As `model.ngram_buckets` does.
        for order in range(2, max(NGRAM_ORDERS) + 1):
            before = graph.cut(window, 1, graph.ints(HISTORY - order + 1), graph.ints(1 - order))
            hashed = graph.node("Mul", hashed, graph.ints(31_337))
            before = graph.node("Add", graph.node("Mul", before, graph.ints(7_919)), graph.ints(order))
            hashed = graph.node("Mod", graph.node("Add", hashed, before), graph.ints(1_000_003))
            if order in NGRAM_ORDERS:
                first = graph.ints(sum(map(len, tables)))
                bucket = graph.node("Mod", hashed, graph.ints(config.ngram_buckets))
                buckets.append(graph.node("Add", bucket, first))
                tables.append(weights[f"embed_ngrams.{NGRAM_ORDERS.index(order)}.weight"])
    indices = [graph.node("Unsqueeze", one, graph.ints(2)) for one in buckets]
    indices_of_all = graph.node("Concat", *indices, axis=2)
    rows = graph.rows(indices_of_all, "embed", np.concatenate(tables))
    return graph.node("ReduceSum", rows, graph.ints(2), keepdims=0)


def _local_layer(
    graph: Graph, x: str, index: int, name: str, width: int, weights: Weights, out: str = ""
) -> str:
    """A gated causal depthwise convolution and an MLP."""
    inner = graph.linear(_normalized(graph, x, width), f"{name}.conv_in", weights)
    mixed, gate = graph.split(inner, 2, graph.ints(width, width))
    state = graph.input(f"conv_{index}", ["batch", TAPS - 1, width])
    window = graph.node("Concat", state, mixed, axis=1)
    products = []
    for tap in range(TAPS):
        # As many as there are positions, from `tap` on; the end counts from behind.
        end = _LAST if tap == TAPS - 1 else tap - TAPS + 1
        weight = graph.constant(f"{name}.taps.{tap}", weights[f"{name}.taps"][tap])
        products.append(graph.node("Mul", graph.cut(window, 1, graph.ints(tap), graph.ints(end)), weight))
    convolved = products[0]
    for one in products[1:]:
        convolved = graph.node("Add", convolved, one)
    last = graph.cut(window, 1, graph.ints(1 - TAPS), graph.ints(_LAST))
    graph.node("Identity", last, out=f"next_conv_{index}")
    graph.output(f"next_conv_{index}", ["batch", TAPS - 1, width])
    silu = graph.node("QuickGelu", gate, domain=MICROSOFT, alpha=1.0)
    convolved = graph.linear(graph.node("Mul", convolved, silu), f"{name}.conv_out", weights)
    return _mlp(graph, graph.node("Add", x, convolved), f"{name}.mlp", width, weights, out)


def _mlp(graph: Graph, x: str, name: str, width: int, weights: Weights, out: str = "") -> str:
    """Two matrices with a squared ReLU between them, around which x goes on."""
    inner = graph.node("Relu", graph.linear(_normalized(graph, x, width), f"{name}.up", weights))
    squared = graph.node("Mul", inner, inner)
    return graph.node("Add", x, graph.linear(squared, f"{name}.down", weights), out=out)


def _declare_attention(graph: Graph) -> None:
    """The inputs that all attention layers of a graph have in common."""
    graph.input("cosines", ["time", HEAD_DIM])
    graph.input("sines", ["time", HEAD_DIM])
    graph.input("mask", ["time", "total"])


def _attention(graph: Graph, x: str, index: int, name: str, width: int, weights: Weights) -> str:
    """Attention over a shared prefix, the sequence's own past and the chunk, around which x goes on."""
    heads = width // HEAD_DIM
    prefix: Shape = [heads, "prefix", HEAD_DIM]
    past: Shape = [heads, "batch", "past", HEAD_DIM]
    total: Shape = [heads, "batch", "total", HEAD_DIM]
    prefix_keys = graph.input(f"prefix_keys_{index}", prefix)
    prefix_values = graph.input(f"prefix_values_{index}", prefix)
    own_keys = graph.input(f"own_keys_{index}", past)
    own_values = graph.input(f"own_values_{index}", past)

    qkv = graph.linear(_normalized(graph, x, width), f"{name}.qkv", weights)
    qkv = graph.node("Reshape", qkv, graph.ints(0, 0, 3 * heads, HEAD_DIM))
    qkv = graph.node("Transpose", qkv, perm=[2, 0, 1, 3])  # [3 H, B, T, HEAD_DIM]
    both, values = graph.split(qkv, 0, graph.ints(2 * heads, heads))
    # Queries and keys together: normalized, queries sharpened, rotated.
    sharpness = weights[f"{name}.sharpness"].reshape(heads) * HEAD_DIM**-0.5
    scale = np.concatenate([sharpness, np.ones(heads)]).astype(np.float32).reshape(-1, 1, 1, 1)
    both = graph.node("Mul", _normalized(graph, both, HEAD_DIM), graph.constant(f"{name}.scale", scale))
    first, second = graph.split(both, 3, graph.ints(HEAD_DIM // 2, HEAD_DIM // 2))
    swapped = graph.node("Concat", second, first, axis=3)
    both = graph.node("Add", graph.node("Mul", both, "cosines"), graph.node("Mul", swapped, "sines"))
    queries, keys = graph.split(both, 0, graph.ints(heads, heads))
    keys = graph.node("Concat", own_keys, keys, out=f"keys_{index}", axis=2)
    values = graph.node("Concat", own_values, values, out=f"values_{index}", axis=2)
    graph.output(keys, total)
    graph.output(values, total)

    # The prefix is multiplied once for the whole batch, whose sequences lie behind each other for that.
    # Shapes with a prefix in them may hold a true 0.
    shape = graph.node("Shape", queries)  # [H, B, T, HEAD_DIM]
    apart = graph.cut(shape, 0, graph.ints(0), graph.ints(3))
    folded = graph.node("Reshape", queries, graph.ints(heads, -1, HEAD_DIM))
    behind = graph.cut(graph.node("Shape", folded), 0, graph.ints(0), graph.ints(2))
    n_prefix = graph.node("Shape", prefix_keys, start=1, end=2)
    n_own = graph.node("Shape", keys, start=2, end=3)

    of_prefix = graph.node("MatMul", folded, graph.node("Transpose", prefix_keys, perm=[0, 2, 1]))
    to_apart = graph.node("Concat", apart, n_prefix, axis=0)
    of_prefix = graph.node("Reshape", of_prefix, to_apart, allowzero=1)
    of_own = graph.node("MatMul", queries, graph.node("Transpose", keys, perm=[0, 1, 3, 2]))
    of_own = graph.node("Add", of_own, "mask")
    shares = graph.node("Softmax", graph.node("Concat", of_prefix, of_own, axis=3), axis=3)
    of_prefix, of_own = graph.split(shares, 3, graph.node("Concat", n_prefix, n_own, axis=0))

    to_behind = graph.node("Concat", behind, n_prefix, axis=0)
    of_prefix = graph.node("Reshape", of_prefix, to_behind, allowzero=1)
    from_prefix = graph.node("Reshape", graph.node("MatMul", of_prefix, prefix_values), shape)
    mixed = graph.node("Add", from_prefix, graph.node("MatMul", of_own, values))
    mixed = graph.node("Transpose", mixed, perm=[1, 2, 0, 3])
    mixed = graph.node("Reshape", mixed, graph.ints(0, 0, width))
    return graph.node("Add", x, graph.linear(mixed, f"{name}.out", weights))


def _normalized(graph: Graph, x: str, width: int) -> str:
    """RMSNorm over the last axis."""
    ones = graph.constant(f"ones_{width}", np.ones(width, np.float32))
    return graph.node("SimplifiedLayerNormalization", x, ones, axis=-1, epsilon=_EPSILON)
