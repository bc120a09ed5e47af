"""Writes all-MiniLM-L6-v2 (BERT: 6 layers, 12 heads, 384 dimensions) as an ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Weights = Mapping[str, NDArray[np.float32]]

LAYERS, HEADS, WIDTH, MAX_TOKENS = 6, 12, 384, 256
HEAD_WIDTH = WIDTH // HEADS
LAYER_NORM_EPSILON = 1e-12
OPSET = 20  # the first with Gelu as one operator


class _GraphWriter:
    """Collects nodes and constants; `add` returns the name of the node's output."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def linear(self, source: str, output: str, layers: list[str]) -> str:
        """x @ W.T + b; several layers that read the same input become one wider product."""
        weight = np.concatenate([self.weights[f"{layer}.weight"] for layer in layers]).T
        bias = np.concatenate([self.weights[f"{layer}.bias"] for layer in layers])
        product = self.add("MatMul", [source, self.constant(f"{output}.w", weight)], f"{output}.product")
        return self.add("Add", [product, self.constant(f"{output}.b", bias)], output)

    def layer_norm(self, source: str, output: str, layer: str) -> str:
        scale = self.constant(f"{output}.scale", self.weights[f"{layer}.weight"])
        bias = self.constant(f"{output}.bias", self.weights[f"{layer}.bias"])
        return self.add(
            "LayerNormalization", [source, scale, bias], output, axis=-1, epsilon=LAYER_NORM_EPSILON
        )


def build_graph(weights: Weights) -> onnx.ModelProto:
    """The model: input `tokens` (batch, length) int64, output `embedding` (batch, 384), rows of length 1.

    There is no attention mask: a batch holds texts of one length. Weights are named as in the original file.
    """
    writer = _GraphWriter(weights)
    hidden = _embed_tokens(writer)
    for index in range(LAYERS):
        hidden = _encode_layer(writer, hidden, index)
    axis = writer.constant("pool.axis", np.array([1], dtype=np.int64))
    pooled = writer.add("ReduceMean", [hidden, axis], "pooled", keepdims=0)
    writer.add("LpNormalization", [pooled], "embedding", axis=-1, p=2)
    tokens = helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch", "length"])
    embedding = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", WIDTH])
    graph = helper.make_graph(writer.nodes, "minilm", [tokens], [embedding], writer.constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


def _embed_tokens(writer: _GraphWriter) -> str:
    weights = writer.weights
    # One segment only, so its vector is folded into the positions.
    positions = weights["embeddings.position_embeddings.weight"][:MAX_TOKENS]
    positions = positions + weights["embeddings.token_type_embeddings.weight"][0]
    words = writer.constant("words", weights["embeddings.word_embeddings.weight"])
    looked_up = writer.add("Gather", [words, "tokens"], "words.found")
    start = writer.constant("positions.start", np.array([0], dtype=np.int64))
    axis = writer.constant("positions.axis", np.array([0], dtype=np.int64))
    length = writer.add("Shape", ["tokens"], "length", start=1, end=2)
    table = writer.constant("positions", positions)
    placed = writer.add("Slice", [table, start, length, axis], "positions.found")
    total = writer.add("Add", [looked_up, placed], "embedded.sum")
    return writer.layer_norm(total, "embedded", "embeddings.LayerNorm")


def _encode_layer(writer: _GraphWriter, hidden: str, index: int) -> str:
    layer, name = f"encoder.layer.{index}", f"layer{index}"
    attended = _attend(writer, hidden, layer, name)
    mixed = writer.linear(attended, f"{name}.mixed", [f"{layer}.attention.output.dense"])
    residual = writer.add("Add", [mixed, hidden], f"{name}.attention.sum")
    hidden = writer.layer_norm(residual, f"{name}.attention", f"{layer}.attention.output.LayerNorm")
    widened = writer.linear(hidden, f"{name}.wide", [f"{layer}.intermediate.dense"])
    active = writer.add("Gelu", [widened], f"{name}.gelu", approximate="none")
    narrowed = writer.linear(active, f"{name}.narrow", [f"{layer}.output.dense"])
    residual = writer.add("Add", [narrowed, hidden], f"{name}.sum")
    return writer.layer_norm(residual, name, f"{layer}.output.LayerNorm")


def _attend(writer: _GraphWriter, hidden: str, layer: str, name: str) -> str:
    """Softmax(Q K^T / sqrt(d)) V for all heads, back in (batch, length, width)."""
    parts = [f"{layer}.attention.self.{part}" for part in ("query", "key", "value")]
    joined = writer.linear(hidden, f"{name}.qkv", parts)
    heads = writer.constant(f"{name}.heads", np.array([0, 0, HEADS, HEAD_WIDTH], dtype=np.int64))
    split = [f"{name}.{part}" for part in "qkv"]
    writer.nodes.append(helper.make_node("Split", [joined], split, f"{name}.split", axis=-1, num_outputs=3))
    # (batch, head, length, width), and the keys as (batch, head, width, length)
    query, key, value = (
        writer.add(
            "Transpose", [writer.add("Reshape", [part, heads], f"{part}.heads")], f"{part}.ready", perm=order
        )
        for part, order in zip(split, ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]), strict=True)
    )
    scores = writer.add("MatMul", [query, key], f"{name}.scores")
    scale = writer.constant(f"{name}.shrink", np.array(HEAD_WIDTH**-0.5, dtype=np.float32))
    scaled = writer.add("Mul", [scores, scale], f"{name}.scaled")
    shares = writer.add("Softmax", [scaled], f"{name}.shares", axis=-1)
    context = writer.add("MatMul", [shares, value], f"{name}.context")
    ordered = writer.add("Transpose", [context], f"{name}.ordered", perm=[0, 2, 1, 3])
    flat = writer.constant(f"{name}.flat", np.array([0, 0, WIDTH], dtype=np.int64))
    return writer.add("Reshape", [ordered, flat], f"{name}.attended")
