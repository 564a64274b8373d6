"""The original Transformer-XL written down once more: its variables for all of its flags, and what it computes.

Straightforward NumPy in double precision, time first, as in the original. It shares no code with the library.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

EMBED, SOFTMAX = "transformer/adaptive_embed", "transformer/adaptive_softmax"


@dataclass(frozen=True)
class Flags:
    """The flags of the original, under its names."""

    n_token: int = 23
    cutoffs: tuple[int, ...] = (7, 12)
    d_model: int = 12
    d_embed: int = 12
    n_head: int = 2
    d_head: int = 5
    d_inner: int = 9
    n_layer: int = 2
    div_val: int = 2
    untie_r: bool = True
    proj_share_all_but_first: bool = True
    proj_same_dim: bool = True
    mem_len: int = 5
    clamp_len: int = -1
    same_length: bool = False

    @property
    def sizes(self) -> list[int]:
        """Numbers of words of the clusters."""
        return [end - start for start, end in itertools.pairwise([0, *self.cutoffs, self.n_token])]

    def width(self, cluster: int) -> int:
        """Width of the word vectors of a cluster."""
        return self.d_embed // self.div_val**cluster

    def has_own_projection(self, cluster: int) -> bool:
        """Whether the softmax has a projection of its own for a cluster."""
        if not self.cutoffs or (cluster > 0 and self.proj_share_all_but_first):
            return False
        return self.width(cluster) != self.d_model or (self.div_val != 1 and self.proj_same_dim)

    def shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """The variables and their shapes."""
        m, heads, size = self.d_model, self.n_head, self.d_head
        for layer in range(self.n_layer):
            scope = f"transformer/layer_{layer}"
            yield f"{scope}/rel_attn/qkv/kernel", (m, 3 * heads * size)
            yield f"{scope}/rel_attn/r/kernel", (m, heads * size)
            yield f"{scope}/rel_attn/o/kernel", (heads * size, m)
            yield f"{scope}/ff/layer_1/kernel", (m, self.d_inner)
            yield f"{scope}/ff/layer_1/bias", (self.d_inner,)
            yield f"{scope}/ff/layer_2/kernel", (self.d_inner, m)
            yield f"{scope}/ff/layer_2/bias", (m,)
            for part, name in itertools.product(("rel_attn", "ff"), ("gamma", "beta")):
                yield f"{scope}/{part}/LayerNorm/{name}", (m,)
        for name in ("r_w_bias", "r_r_bias"):
            yield f"transformer/{name}", ((self.n_layer,) if self.untie_r else ()) + (heads, size)
        yield from self._embedding_shapes()
        yield from self._softmax_shapes()

    def _embedding_shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        if self.div_val == 1:
            yield f"{EMBED}/lookup_table", (self.n_token, self.d_embed)
            if self.d_embed != self.d_model:
                yield f"{EMBED}/proj_W", (self.d_embed, self.d_model)
            return
        for cluster, size in enumerate(self.sizes):
            width = self.width(cluster)
            yield f"{EMBED}/cutoff_{cluster}/lookup_table", (size, width)
            if width != self.d_model or self.proj_same_dim:
                yield f"{EMBED}/cutoff_{cluster}/proj_W", (width, self.d_model)

    def _softmax_shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        if not self.cutoffs:
            yield f"{SOFTMAX}/bias", (self.n_token,)
            return
        yield f"{SOFTMAX}/cutoff_0/cluster_W", (len(self.cutoffs), self.d_embed)
        yield f"{SOFTMAX}/cutoff_0/cluster_b", (len(self.cutoffs),)
        for cluster, size in enumerate(self.sizes):
            yield f"{SOFTMAX}/cutoff_{cluster}/b", (size,)
            if self.has_own_projection(cluster):
                yield f"{SOFTMAX}/cutoff_{cluster}/proj", (self.width(cluster), self.d_model)

    def variables(self, seed: int = 0) -> dict[str, Array]:
        """Random values for all variables, gains of layer norms around 1."""
        generator = np.random.default_rng(seed)
        return {
            name: (generator.normal(name.endswith("gamma"), 0.3, shape)).astype(np.float32)
            for name, shape in self.shapes()
        }


@dataclass(frozen=True)
class Segment:
    """What a segment gives, batch first but for the memories."""

    states: Array
    mems: Array
    log_probs: Array


class Original:
    """Evaluates the model that variables describe.

    Args:
        flags: The flags.
        variables: The variables.
    """

    def __init__(self, flags: Flags, variables: Mapping[str, Array]) -> None:
        self.flags = flags
        self.v = {name: values.astype(np.float64) for name, values in variables.items()}

    def run(self, segments: list[Array]) -> list[Segment]:
        """Consecutive segments ``[batch, time]``, from memories of zeros on."""
        flags = self.flags
        mems = [np.zeros((flags.mem_len, len(segments[0]), flags.d_model)) for _ in range(flags.n_layer)]
        results = []
        for ids in segments:
            states = [self._embed(ids.T)]
            for layer, memory in enumerate(mems):
                states.append(self._layer(layer, states[-1], memory))
            seen = [np.concatenate([memory, state]) for memory, state in zip(mems, states, strict=False)]
            mems = [each[len(each) - flags.mem_len :] for each in seen]
            log_probs = self._log_probs(states[-1])
            results.append(Segment(np.stack(states).swapaxes(1, 2), np.stack(mems), log_probs.swapaxes(0, 1)))
        return results

    def _embed(self, ids: Array) -> Array:
        flags = self.flags
        if flags.div_val == 1:
            table = self.v[f"{EMBED}/lookup_table"]
            vectors = table @ self.v[f"{EMBED}/proj_W"] if f"{EMBED}/proj_W" in self.v else table
        else:
            clusters = range(len(flags.sizes))
            vectors = np.concatenate([self._table(k) @ self._embedding_projection(k) for k in clusters])
        return vectors[ids] * np.sqrt(flags.d_model)

    def _table(self, cluster: int) -> Array:
        start, end = [0, *self.flags.cutoffs, self.flags.n_token][cluster : cluster + 2]
        if self.flags.div_val == 1:
            return self.v[f"{EMBED}/lookup_table"][start:end]
        return self.v[f"{EMBED}/cutoff_{cluster}/lookup_table"]

    def _embedding_projection(self, cluster: int) -> Array:
        name = f"{EMBED}/proj_W" if self.flags.div_val == 1 else f"{EMBED}/cutoff_{cluster}/proj_W"
        return self.v.get(name, np.eye(self.flags.d_model))

    def _layer(self, layer: int, x: Array, memory: Array) -> Array:
        scope = f"transformer/layer_{layer}"
        x = self._norm(f"{scope}/rel_attn", x + self._attend(layer, x, memory))
        first = x @ self.v[f"{scope}/ff/layer_1/kernel"] + self.v[f"{scope}/ff/layer_1/bias"]
        second = np.maximum(first, 0) @ self.v[f"{scope}/ff/layer_2/kernel"] + self.v[f"{scope}/ff/layer_2/bias"]
        return self._norm(f"{scope}/ff", x + second)

    def _attend(self, layer: int, x: Array, memory: Array) -> Array:
        flags, scope = self.flags, f"transformer/layer_{layer}/rel_attn"
        seen = np.concatenate([memory, x])
        time, mem, batch = len(x), len(memory), x.shape[1]
        query, key, value = (
            part.reshape(len(seen), batch, flags.n_head, flags.d_head)
            for part in np.split(seen @ self.v[f"{scope}/qkv/kernel"], 3, axis=-1)
        )
        query = query[mem:]
        content, position = (
            self.v[f"transformer/{name}"][layer] if flags.untie_r else self.v[f"transformer/{name}"]
            for name in ("r_w_bias", "r_r_bias")
        )
        context = np.zeros((time, batch, flags.n_head, flags.d_head))
        for i in range(time):
            keys = range(i if flags.same_length else 0, mem + i + 1)
            codes = np.stack([self._code(mem + i - j) for j in keys]) @ self.v[f"{scope}/r/kernel"]
            codes = codes.reshape(len(codes), flags.n_head, flags.d_head)
            scores = np.einsum("bnd,jbnd->jbn", query[i] + content, key[keys.start : keys.stop])
            scores = scores + np.einsum("bnd,jnd->jbn", query[i] + position, codes)
            weights = np.exp(_log_softmax(scores / np.sqrt(flags.d_head), axis=0))
            context[i] = np.einsum("jbn,jbnd->bnd", weights, value[keys.start : keys.stop])
        return context.reshape(time, batch, -1) @ self.v[f"{scope}/o/kernel"]

    def _code(self, distance: int) -> Array:
        flags = self.flags
        clamped = min(distance, flags.clamp_len) if flags.clamp_len > 0 else distance
        angles = clamped / 10000 ** (np.arange(0, flags.d_model, 2) / flags.d_model)
        return np.concatenate([np.sin(angles), np.cos(angles)])

    def _norm(self, scope: str, x: Array) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        normed = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return normed * self.v[f"{scope}/LayerNorm/gamma"] + self.v[f"{scope}/LayerNorm/beta"]

    def _log_probs(self, hidden: Array) -> Array:
        flags = self.flags
        if not flags.cutoffs:
            table = self._table(0) @ self._embedding_projection(0)
            return _log_softmax(hidden @ table.T + self.v[f"{SOFTMAX}/bias"])
        clusters = self.v[f"{SOFTMAX}/cutoff_0/cluster_W"], self.v[f"{SOFTMAX}/cutoff_0/cluster_b"]
        head = _log_softmax(self._scores(hidden, 0, *clusters))
        words = flags.sizes[0]
        tails = [
            head[..., words + k - 1, None] + _log_softmax(self._scores(hidden, k)) for k in range(1, len(flags.sizes))
        ]
        return np.concatenate([head[..., :words], *tails], axis=-1)

    def _scores(self, hidden: Array, cluster: int, rows: Array | None = None, offsets: Array | None = None) -> Array:
        own = self.v.get(f"{SOFTMAX}/cutoff_{cluster}/proj")
        if own is None and cluster > 0 and self.flags.proj_share_all_but_first:
            own = self._embedding_projection(cluster)
        projected = hidden if own is None else hidden @ own.T
        table, bias = self._table(cluster), self.v[f"{SOFTMAX}/cutoff_{cluster}/b"]
        if rows is not None and offsets is not None:
            table, bias = np.concatenate([table, rows]), np.concatenate([bias, offsets])
        return np.asarray(projected @ table.T + bias)


def _log_softmax(x: Array, axis: int = -1) -> Array:
    shifted = x - x.max(axis, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis, keepdims=True)))
