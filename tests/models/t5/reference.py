"""The original's computation in NumPy, straight from its variables, in double precision; and such variables.

Written from the description of Mesh-TensorFlow's model, not from ours, and as slow as it is plain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Variables = Mapping[str, Array]


@dataclass(frozen=True)
class Original:
    """An architecture of the original code.

    Attributes:
        d_model: Width of the hidden states.
        heads: Number of heads; with one the variables lack its axis.
        d_kv: Width of a head.
        d_ff: Width of the feed-forward layers.
        vocabulary: Number of words.
        buckets: Number of buckets of relative positions.
        blocks: Number of blocks of the encoder and of the decoder.
        activation: Of the feed-forward layers, the second one's (linear) for gated ones.
        tied: Whether words are scored with the embeddings.
        norms: How the norms in blocks and at the end are called.
        per_layer: Whether every block has a table of relative positions.
        folded: Whether the weights of queries hold the factor d_kv ** -0.5.
        like_classifier: Whether embeddings are multiplied by sqrt(d_model), and the logits by nothing.
    """

    d_model: int = 12
    heads: int = 3
    d_kv: int = 5
    d_ff: int = 16
    vocabulary: int = 24
    buckets: int = 8
    blocks: tuple[int, int] = (2, 3)
    activation: tuple[str, ...] = ("relu",)
    tied: bool = True
    norms: tuple[str, str] = ("rms_norm", "rms_norm")
    per_layer: bool = False
    folded: bool = True
    like_classifier: bool = False

    # ------------------------------------------------------------------------------------------------------ variables

    def variables(self, seed: int = 0) -> dict[str, Array]:
        """The variables of a checkpoint, with random values."""
        generator = np.random.default_rng(seed)
        return {
            name: (0.4 * generator.standard_normal(shape) + ("norm/scale" in name)).astype(np.float32)
            for name, shape in self.shapes().items()
        }

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The variables' shapes."""
        shapes: dict[str, tuple[int, ...]] = {"shared/embedding": (self.vocabulary, self.d_model)}
        for stack, blocks in zip(("encoder", "decoder"), self.blocks, strict=True):
            for block in range(blocks):
                scopes = ["SelfAttention", *(["EncDecAttention"] if stack == "decoder" else []), "DenseReluDense"]
                for layer, kind in enumerate(scopes):
                    scope = f"{stack}/block_{block:03d}/layer_{layer:03d}"
                    shapes[f"{scope}/{self.norms[0]}/scale"] = self._norm_shape(0)
                    shapes |= {f"{scope}/{kind}/{name}": shape for name, shape in self._layer(kind, block).items()}
            shapes[f"{stack}/{self.norms[1]}/scale"] = self._norm_shape(1)
        return shapes if self.tied else {**shapes, "decoder/logits/kernel": (self.d_model, self.vocabulary)}

    def _norm_shape(self, place: int) -> tuple[int, ...]:
        return () if self.norms[place] == "scale_norm" else (self.d_model,)

    def _layer(self, kind: str, block: int) -> dict[str, tuple[int, ...]]:
        inner = self.heads * self.d_kv
        if kind == "DenseReluDense":
            first = ("wi",) if len(self.activation) == 1 else ("wi_0", "wi_1")
            ups = {f"{name}/kernel": (self.d_model, self.d_ff) for name in first}
            return {**ups, "wo/kernel": (self.d_ff, self.d_model)}
        shapes = dict.fromkeys("qkv", (self.d_model, inner)) | {"o": (inner, self.d_model)}
        if kind == "SelfAttention" and (block == 0 or self.per_layer):
            table = (self.buckets,) if self.heads == 1 else (self.heads, self.buckets)
            return {**shapes, "relative_attention_bias": table}
        return shapes

    # ---------------------------------------------------------------------------------------------------- computation

    def logits(self, variables: Variables, inputs: Array, targets: Array) -> Array:
        """Scores of each next target, for one text: ids ``[time]`` and ids ``[target time]``, the start token first."""
        values = {name: array.astype(np.float64) for name, array in variables.items()}
        encoded = self._stack("encoder", values, self._embed(values, inputs), None)
        decoded = self._stack("decoder", values, self._embed(values, targets), encoded)
        if not self.tied:
            return decoded @ values["decoder/logits/kernel"]
        return decoded * (1 if self.like_classifier else self.d_model**-0.5) @ values["shared/embedding"].T

    def _embed(self, values: Variables, ids: Array) -> Array:
        return values["shared/embedding"][ids] * (self.d_model**0.5 if self.like_classifier else 1)

    def _stack(self, stack: str, values: Variables, x: Array, encoded: Array | None) -> Array:
        blocks = self.blocks[stack == "decoder"]
        for block in range(blocks):
            scope = f"{stack}/block_{block:03d}"
            table = (
                f"{stack}/block_{block if self.per_layer else 0:03d}/layer_000/SelfAttention/relative_attention_bias"
            )
            bias = self._bias(values[table].reshape(self.heads, self.buckets), len(x), stack == "encoder")
            normed = _norm(x, values[f"{scope}/layer_000/{self.norms[0]}/scale"])
            x = x + self._attend(values, f"{scope}/layer_000/SelfAttention", normed, normed, bias)
            if encoded is not None:
                normed = _norm(x, values[f"{scope}/layer_001/{self.norms[0]}/scale"])
                x = x + self._attend(values, f"{scope}/layer_001/EncDecAttention", normed, encoded, None)
            last = f"{scope}/layer_{1 if encoded is None else 2:03d}"
            x = x + self._feed_forward(values, last, _norm(x, values[f"{last}/{self.norms[0]}/scale"]))
        return _norm(x, values[f"{stack}/{self.norms[1]}/scale"])

    def _bias(self, table: Array, length: int, bidirectional: bool) -> Array:
        bias = np.empty((self.heads, length, length))
        for query in range(length):
            for key in range(length):
                bias[:, query, key] = table[:, self._bucket(query - key, bidirectional)]
                if not bidirectional and key > query:
                    bias[:, query, key] = -1e9
        return bias

    def _bucket(self, distance: int, bidirectional: bool) -> int:
        buckets, first = self.buckets, 0
        if bidirectional:
            buckets //= 2
            first = buckets if distance < 0 else 0
            distance = abs(distance)
        distance, exact = max(distance, 0), buckets // 2
        if distance < exact:
            return first + distance
        shared = exact + int(math.log(distance / exact) / math.log(128 / exact) * (buckets - exact))
        return first + min(shared, buckets - 1)

    def _attend(self, values: Variables, scope: str, x: Array, memory: Array, bias: Array | None) -> Array:
        query, key, value = (
            (source @ values[f"{scope}/{name}"]).reshape(len(source), self.heads, self.d_kv).transpose(1, 0, 2)
            for name, source in (("q", x), ("k", memory), ("v", memory))
        )
        scores = query @ key.transpose(0, 2, 1) * (1 if self.folded else self.d_kv**-0.5)
        scores = scores + (0 if bias is None else bias)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        context = weights / weights.sum(-1, keepdims=True) @ value
        return context.transpose(1, 0, 2).reshape(len(x), -1) @ values[f"{scope}/o"]

    def _feed_forward(self, values: Variables, scope: str, x: Array) -> Array:
        scope = f"{scope}/DenseReluDense"
        names = ("wi",) if len(self.activation) == 1 else ("wi_0", "wi_1")
        inner = np.ones(())
        for name, activation in zip(names, self.activation, strict=True):
            inner = inner * _ACTIVATIONS[activation](x @ values[f"{scope}/{name}/kernel"])
        return inner @ values[f"{scope}/wo/kernel"]


def _norm(x: Array, scale: Array) -> Array:
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * scale


_ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "linear": lambda x: x,
}
