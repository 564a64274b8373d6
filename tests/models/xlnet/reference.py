"""What the original computes, written down once more from its description: in NumPy, double precision, pair by pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MASKED = -1e30


@dataclass
class Reference:
    """An XLNet of the original: its variables and how it is run.

    Attributes:
        variables: The checkpoint's, by name.
        activation: The feed-forward activation in the original's words.
    """

    variables: Mapping[str, Array]
    activation: str = "gelu"
    attn_type: str = "bi"
    same_length: bool = False
    clamp_len: int = -1
    bi_data: bool = False
    mem_len: int | None = None
    reuse_len: int | None = None
    layers: int = field(init=False)

    def __post_init__(self) -> None:
        self.layers = 1 + max(int(name.split("layer_")[1].split("/")[0]) for name in self.variables if "/rel_" in name)

    def __call__(
        self,
        ids: Array,
        segments: Array | None = None,
        input_mask: Array | None = None,
        perm_mask: Array | None = None,
        target_mapping: Array | None = None,
        mems: Sequence[Array] | None = None,
    ) -> tuple[list[Array], list[Array], list[Array]]:
        """The states of the content stream, those of the query stream (if any), and the new memories.

        Everything is batch-major but for the memories, ``[memory, batch, width]``.
        """
        batch, time = ids.shape
        old = 0 if mems is None else len(mems[0])
        content = [self.get("word_embedding/lookup_table")[ids]]
        query = []
        if target_mapping is not None:
            query = [np.broadcast_to(self.get("mask_emb/mask_emb")[0, 0], (batch, target_mapping.shape[1], self.width))]
        hidden = self.masked(batch, time, old, input_mask, perm_mask)
        itself = np.eye(time, old + time, old, dtype=bool)
        new_mems = []
        for layer in range(self.layers):
            h = content[-1]
            memory = np.zeros((0, batch, self.width)) if mems is None else mems[layer]
            new_mems.append(self.remember(memory, h.transpose(1, 0, 2)))
            keys = np.concatenate([memory.transpose(1, 0, 2), h], axis=1)
            content.append(self.layer(layer, h, keys, segments, hidden & ~itself, None))
            if target_mapping is not None:
                query.append(self.layer(layer, query[-1], keys, segments, hidden, target_mapping))
        return content, query, new_mems

    def get(self, name: str) -> Array:
        return np.asarray(self.variables[f"model/transformer/{name}"], dtype=np.float64)

    @property
    def width(self) -> int:
        return self.get("word_embedding/lookup_table").shape[1]

    def masked(self, batch: int, time: int, old: int, padding: Array | None, permutation: Array | None) -> Array:
        """Which keys a query may not attend to."""
        hidden = np.zeros((batch, time, old + time), dtype=bool)
        for b in range(batch):
            for i in range(time):
                for j in range(old + time):
                    if j >= old and padding is not None:
                        hidden[b, i, j] |= padding[b, j - old] > 0
                    if j >= old and permutation is not None:
                        hidden[b, i, j] |= permutation[b, i, j - old] > 0
                    if self.attn_type == "uni":
                        hidden[b, i, j] |= j > old + i
                        hidden[b, i, j] |= self.same_length and j < time and j < i
        return hidden

    def remember(self, memory: Array, h: Array) -> Array:
        if self.reuse_len:
            h = h[: self.reuse_len]
        both = np.concatenate([memory, h])
        return both[max(0, len(both) - self.mem_len) :] if self.mem_len else both

    def layer(
        self, layer: int, x: Array, keys: Array, segments: Array | None, hidden: Array, mapping: Array | None
    ) -> Array:
        scope = f"layer_{layer}"
        attended = self.attend(layer, x, keys, segments, hidden, mapping)
        x = self.norm(f"{scope}/rel_attn/LayerNorm", x + attended)
        inner = x @ self.get(f"{scope}/ff/layer_1/kernel") + self.get(f"{scope}/ff/layer_1/bias")
        inner = np.maximum(inner, 0) if self.activation == "relu" else gelu(inner)
        outer = inner @ self.get(f"{scope}/ff/layer_2/kernel") + self.get(f"{scope}/ff/layer_2/bias")
        return self.norm(f"{scope}/ff/LayerNorm", x + outer)

    def attend(
        self, layer: int, x: Array, keys: Array, segments: Array | None, hidden: Array, mapping: Array | None
    ) -> Array:
        q, k, v, o, r = (self.get(f"layer_{layer}/rel_attn/{part}/kernel") for part in "qkvor")
        heads, size = q.shape[1:]
        r_w, r_r, r_s = (self.bias(f"r_{part}_bias", layer) for part in "wrs")
        time, old = hidden.shape[1], hidden.shape[2] - hidden.shape[1]
        result = np.zeros_like(x)
        for b in range(len(x)):
            sign = -1 if self.bi_data and b >= len(x) // 2 else 1
            for n in range(heads):
                queries = x[b] @ q[:, n]
                if mapping is not None:
                    queries = mapping[b].T @ queries
                vectors = np.zeros((time, size))
                for i in range(time):
                    scores = np.zeros(old + time)
                    for j in range(old + time):
                        score = (queries[i] + r_w[n]) @ (keys[b, j] @ k[:, n])
                        score += (queries[i] + r_r[n]) @ (self.sinusoid(sign * self.clamp(old + i - j)) @ r[:, n])
                        if segments is not None:
                            other = segments[b, i] != (segments[b, j - old] if j >= old else 0)
                            score += (queries[i] + r_s[n]) @ self.get("seg_embed")[layer, int(other), n]
                        scores[j] = score / np.sqrt(size) + MASKED * hidden[b, i, j]
                    powers = np.exp(scores - scores.max())
                    vectors[i] = powers / powers.sum() @ (keys[b] @ v[:, n])
                if mapping is not None:
                    vectors = mapping[b] @ vectors
                result[b] += vectors @ o[:, n].T
        return result

    def bias(self, name: str, layer: int) -> Array:
        bias = self.get(name)
        return bias[layer] if bias.ndim == 3 else bias

    def clamp(self, distance: int) -> int:
        return max(-self.clamp_len, min(self.clamp_len, distance)) if self.clamp_len > 0 else distance

    def sinusoid(self, distance: int) -> Array:
        angles = distance * 10000.0 ** (-np.arange(0, self.width, 2) / self.width)
        return np.concatenate([np.sin(angles), np.cos(angles)])

    def norm(self, scope: str, x: Array) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * self.get(f"{scope}/gamma") + self.get(f"{scope}/beta")


def gelu(x: Array) -> Array:
    """The original's: the tanh form."""
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
