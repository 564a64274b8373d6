"""Parts of transformer layers that several families have under the same names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from .attention import head_features, split_heads
from .cache import Cache
from .dropout import Dropout
from .linear import keep_outputs
from .masks import head_masks
from .padding import EVERYTHING, Layout


@dataclass(frozen=True)
class AttentionInputs:
    """What the attentions of all layers are given beside the hidden states.

    Attributes:
        mask: Added to the scores of self-attention.
        causal: Whether self-attention is causal beyond what ``mask`` says.
        encoder_states: ``[batch, encoder time, hidden]``, for cross-attention.
        encoder_mask: Added to the scores of cross-attention.
        cache: Keys and values of earlier positions, to be extended.
        need_weights: Whether the attention weights are wanted.
        layout: Which positions the states are of.
    """

    mask: Tensor | None = None
    causal: bool = False
    encoder_states: Tensor | None = None
    encoder_mask: Tensor | None = None
    cache: Cache | None = None
    need_weights: bool = False
    layout: Layout = field(default_factory=lambda: EVERYTHING)  # a shared default would break graphs of torch.compile


class LayerOutputs(NamedTuple):
    """What a stack of layers gives, with a place for every position of the batch.

    Attributes:
        hidden: The states after the last layer, ``[batch, time, hidden]``.
        states: The states before the first and after each layer, or None.
        weights: The self-attention weights of each layer, or None.
        cross_weights: The cross-attention weights of each layer, or None.
    """

    hidden: Tensor
    states: tuple[Tensor, ...] | None
    weights: tuple[Tensor, ...] | None
    cross_weights: tuple[Tensor, ...] | None


def run_layers(
    layers: Sequence[Callable[..., tuple[Tensor, Tensor | None, Tensor | None]]],
    hidden: Tensor,
    inputs: AttentionInputs,
    head_mask: Tensor | None,
    *,
    need_states: bool,
) -> LayerOutputs:
    """Calls layers one after the other, and keeps of their states and weights only what is wanted.

    Args:
        layers: Each takes states, inputs and head mask, and returns new states and the weights of its two attentions.
        hidden: The states before the first layer.
        inputs: What all layers are given.
        head_mask: See :func:`~transformers.nn.masks.head_masks`.
        need_states: Whether the states between the layers are wanted.
    """
    unpack = inputs.layout.unpack
    states, weights, cross_weights = [hidden], [], []
    for layer, heads in zip(layers, head_masks(head_mask, len(layers)), strict=True):
        hidden, own, cross = layer(hidden, inputs, heads)
        if need_states:
            states.append(hidden)
        if own is not None:
            weights.append(own)
        if cross is not None:
            cross_weights.append(cross)
    return LayerOutputs(
        unpack(hidden),
        tuple(unpack(state) for state in states) if need_states else None,
        tuple(weights) or None,
        tuple(cross_weights) or None,
    )


def keys_and_values(
    project: Callable[[Tensor], tuple[Tensor, Tensor]],
    hidden: Tensor,
    inputs: AttentionInputs,
    layer: int,
    *,
    cross: bool,
) -> tuple[Tensor, Tensor]:
    """Keys and values of all positions so far; those of an encoder are computed once and then kept in the cache.

    Args:
        project: Makes keys and values from states.
        hidden: The states of the new positions.
        inputs: Has the states of the encoder and the cache.
        layer: The index of the layer in the cache.
        cross: Whether they are those of the encoder.
    """
    cache = inputs.cache
    if cross and cache is not None and (known := cache.cross(layer)) is not None:
        return known
    key, value = project(cast("Tensor", inputs.encoder_states) if cross else hidden)
    if cache is None:
        return key, value
    if cross:
        cache.store_cross(layer, key, value)
        return key, value
    return cache.update(layer, key, value)


class ProjectedAttention(nn.Module):
    """softmax(Q Kᵀ / sqrt(size) + mask) V of projections ``query``, ``key``, ``value``; the heads side by side.

    Args:
        hidden: Width of the hidden states, ``heads * size``.
        heads: Number of heads.
        dropout: Dropout of the weights.
        layer: The index of the layer in the cache.
        cross: Whether keys and values come from an encoder's states.
    """

    def __init__(self, hidden: int, heads: int, dropout: float, layer: int, *, cross: bool = False) -> None:
        super().__init__()
        self.kept = list(range(heads))
        self.scale = (hidden // heads) ** -0.5
        self.dropout = dropout
        self.layer = layer
        self.cross = cross
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(hidden, hidden)
        self.value = nn.Linear(hidden, hidden)

    def forward(
        self, hidden: Tensor, inputs: AttentionInputs, head_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """``[batch, time, hidden]`` -> the same, and the weights ``[batch, heads, time, keys]`` if they are wanted."""
        query = split_heads(self.query(hidden), len(self.kept))
        key, value = keys_and_values(self._project, hidden, inputs, self.layer, cross=self.cross)
        return inputs.layout.attend(
            query,
            key,
            value,
            inputs.encoder_mask if self.cross else inputs.mask,
            scale=self.scale,
            causal=inputs.causal and not self.cross,
            dropout=self.dropout if self.training else 0.0,
            need_weights=inputs.need_weights,
            head_mask=head_mask,
        )

    def _project(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """``[batch, time, hidden]`` -> keys and values, ``[batch, heads, time, size]`` each."""
        heads = len(self.kept)
        return split_heads(self.key(states), heads), split_heads(self.value(states), heads)

    def prune_heads(self, heads: Collection[int]) -> Tensor:
        """Removes heads, given by the numbers that they had before any were removed.

        Returns:
            The features of the result that are left, by their present indices.
        """
        left = [head for head in self.kept if head not in heads]
        features = head_features([self.kept.index(head) for head in left], self.query.out_features // len(self.kept))
        for projection in (self.query, self.key, self.value):
            keep_outputs(projection, features)
        self.kept = left
        return features


class ResidualNorm(nn.Module):
    """LayerNorm(dropout(x W + b) + residual): the end of each half of a post-norm layer.

    Args:
        in_features: Size of x.
        hidden: Size of the residual and of the result.
        layer_norm_eps: Epsilon of the layer norm.
        dropout: Dropout of what is added to the residual.
    """

    def __init__(self, in_features: int, hidden: int, layer_norm_eps: float, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(in_features, hidden)
        self.LayerNorm = nn.LayerNorm(hidden, eps=layer_norm_eps)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        """``[batch, time, in_features]`` and ``[batch, time, hidden]`` -> ``[batch, time, hidden]``."""
        normed: Tensor = self.LayerNorm(self.dropout(self.dense(x)) + residual)
        return normed


def in_chunks(function: Callable[[Tensor], Tensor], x: Tensor, chunk: int) -> Tensor:
    """``function(x)`` for a function of each position by itself, computed for ``chunk`` positions at a time.

    Needs less memory and gives the same; 0 means all positions at once.
    """
    if not chunk:
        return function(x)
    return torch.cat([function(part) for part in torch.split(x, chunk, dim=1)], dim=1)
