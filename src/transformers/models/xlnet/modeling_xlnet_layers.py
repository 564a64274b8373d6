"""The layers of XLNet (Yang et al., 2019): attention with relative positions, for two streams, and feed-forward parts.

Each layer: x' = LayerNorm(attention(x) + x), then LayerNorm(act(x' W₁ + b₁) W₂ + b₂ + x'), for the content stream and
the query stream with the same weights; both attend to memory and content. The score of query i and key j is

    [(q_i + r_w)·k_j + (q_i + r_r)·R(i - j) + (q_i + r_s)·s(i, j)] / sqrt(d_head)

with sinusoids R of the distance, projected, and one of two vectors s: for the same segment, or for different ones.

Shapes: batch, time (the positions of this call), keys (those of the memory and of this call), predictions, n_head,
d_head, d_model. Memories alone are time-major, as in the original and in the ecosystem: ``[memory, batch, d_model]``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...nn.activations import activated, activation
from ...nn.attention import attention, merge_heads, split_heads
from ...nn.dropout import Dropout
from ...nn.layers import in_chunks
from ...nn.padding import EVERYTHING, Layout
from ...nn.relative_distances import relative_shift
from .configuration_xlnet import XLNetConfig


@dataclass(frozen=True)
class LayerInputs:
    """What all layers are given beside the two streams and the memory.

    Attributes:
        distances: ``[1, distances, d_model]`` sinusoids; ``[2, ...]`` where the halves of the batch run against each
            other.
        content_mask: Added to the scores of the content stream, ``[batch or 1, 1, time, keys]``.
        query_mask: The same for the query stream.
        other_segment: ``[batch, 1, time, keys]``, whether query and key are of different segments; None if there are no
            segments.
        target_mapping: ``[batch, predictions, time]``, where the predictions stand; None if there are none.
        need_weights: Whether the attention weights are wanted.
        layout: Which positions the content stream has; attention is computed for all of them.
    """

    distances: Tensor
    content_mask: Tensor | None
    query_mask: Tensor | None
    other_segment: Tensor | None
    target_mapping: Tensor | None
    need_weights: bool
    layout: Layout = EVERYTHING


@dataclass(frozen=True)
class _Keys:
    """What both streams attend to: ``[batch, n_head, keys, d_head]``; distances ``[1 or 2, n_head, …, d_head]``."""

    key: Tensor
    value: Tensor
    distance: Tensor


#: The attention weights of a layer: of the content stream, or of both streams.
Weights = Tensor | tuple[Tensor, Tensor]


class XLNetRelativeAttention(nn.Module):
    """LayerNorm(attention(x) Oᵀ + x), see the module's docstring. All projections are ``[d_model, n_head, d_head]``."""

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__()
        projection, vector = (config.d_model, config.n_head, config.d_head), (config.n_head, config.d_head)
        self.q = nn.Parameter(torch.empty(projection))
        self.k = nn.Parameter(torch.empty(projection))
        self.v = nn.Parameter(torch.empty(projection))
        self.o = nn.Parameter(torch.empty(projection))
        self.r = nn.Parameter(torch.empty(projection))
        self.r_r_bias = nn.Parameter(torch.empty(vector))
        self.r_s_bias = nn.Parameter(torch.empty(vector))
        self.r_w_bias = nn.Parameter(torch.empty(vector))
        self.seg_embed = nn.Parameter(torch.empty(2, *vector))
        self.layer_norm = nn.LayerNorm(config.d_model, eps=config.layer_norm_eps)
        self.dropout = Dropout(config.dropout)
        self.scale = config.d_head**-0.5

    def forward(
        self,
        content: Tensor,
        query: Tensor | None,
        memory: Tensor | None,
        inputs: LayerInputs,
        head_mask: Tensor | None,
    ) -> tuple[Tensor, Tensor | None, Weights | None]:
        """Both streams, and the weights of their attention if they are wanted.

        Args:
            content: ``[batch, time, d_model]``.
            query: ``[batch, predictions, d_model]``, or None.
            memory: ``[memory, batch, d_model]``, or None.
            inputs: What all layers are given.
            head_mask: Factor for the weights.
        """
        layout = inputs.layout
        remembered = content if memory is None else torch.cat([memory.transpose(0, 1), content], dim=1)
        keys = _Keys(
            _project(remembered, self.k, layout),
            _project(remembered, self.v, layout),
            _project(inputs.distances, self.r),
        )
        context, weights = self._attend(_project(content, self.q, layout), keys, inputs.content_mask, inputs, head_mask)
        new_content = self._add(layout.pack(merge_heads(context)), content)
        if query is None:
            return new_content, None, weights
        at_positions = torch.einsum("bnpd,bpt->bntd", _project(query, self.q), inputs.target_mapping)
        context, query_weights = self._attend(at_positions, keys, inputs.query_mask, inputs, head_mask)
        new_query = self._add(merge_heads(torch.einsum("bntd,bpt->bnpd", context, inputs.target_mapping)), query)
        if weights is None or query_weights is None:
            return new_content, new_query, None
        return new_content, new_query, (weights, query_weights)

    def _attend(
        self, query: Tensor, keys: _Keys, mask: Tensor | None, inputs: LayerInputs, head_mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """``[batch, n_head, time, d_head]`` -> the same, and the weights if they are wanted."""
        terms = self._distance_scores(query, keys)
        if inputs.other_segment is not None:
            terms = terms + self._segment_scores(query, inputs.other_segment)
        return attention(
            query + self.r_w_bias[:, None],
            keys.key,
            keys.value,
            terms if mask is None else terms + mask,
            scale=self.scale,
            dropout=self.dropout.p if self.training else 0.0,
            need_weights=inputs.need_weights,
            head_mask=head_mask,
        )

    def _distance_scores(self, query: Tensor, keys: _Keys) -> Tensor:
        """(q_i + r_r)·R(i - j), scaled: ``[batch, n_head, time, keys]``."""
        halves = len(keys.distance)
        query = ((query + self.r_r_bias[:, None]) * self.scale).view(halves, -1, *query.shape[1:])
        scores = torch.einsum("hbnid,hnpd->hbnip", query, keys.distance).flatten(0, 1)
        return relative_shift(scores, keys.key.shape[2])

    def _segment_scores(self, query: Tensor, other: Tensor) -> Tensor:
        """(q_i + r_s)·s(i, j), scaled: ``[batch, n_head, time, keys]``."""
        query = (query + self.r_s_bias[:, None]) * self.scale
        same_score, other_score = torch.einsum("bnid,snd->sbni", query, self.seg_embed)[..., None]
        return torch.where(other, other_score, same_score)

    def _add(self, context: Tensor, residual: Tensor) -> Tensor:
        """The end of the attention of one stream."""
        normed: Tensor = self.layer_norm(self.dropout(context @ self.o.flatten(1).T) + residual)
        return normed


def _project(x: Tensor, weight: Tensor, layout: Layout = EVERYTHING) -> Tensor:
    """``[batch, time, d_model]`` and ``[d_model, n_head, d_head]`` -> ``[batch, n_head, time, d_head]``."""
    return split_heads(layout.unpack(x @ weight.flatten(1)), weight.shape[1])


class XLNetFeedForward(nn.Module):
    """LayerNorm(act(x W₁ + b₁) W₂ + b₂ + x)."""

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(config.d_model, eps=config.layer_norm_eps)
        self.layer_1 = nn.Linear(config.d_model, config.d_inner)
        self.layer_2 = nn.Linear(config.d_inner, config.d_model)
        self.dropout = Dropout(config.dropout)
        self.act = activation(config.ff_activation)

    def forward(self, x: Tensor) -> Tensor:
        """``[batch, time, d_model]`` -> the same."""
        inner = self.dropout(activated(self.layer_1, self.act, x))
        normed: Tensor = self.layer_norm(self.dropout(self.layer_2(inner)) + x)
        return normed


class XLNetLayer(nn.Module):
    """Attention and the feed-forward network, for both streams."""

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__()
        self.rel_attn = XLNetRelativeAttention(config)
        self.ff = XLNetFeedForward(config)
        self.chunk = config.chunk_size_feed_forward

    def forward(
        self,
        content: Tensor,
        query: Tensor | None,
        memory: Tensor | None,
        inputs: LayerInputs,
        head_mask: Tensor | None,
    ) -> tuple[Tensor, Tensor | None, Weights | None]:
        """See :meth:`XLNetRelativeAttention.forward`."""
        content, query, weights = self.rel_attn(content, query, memory, inputs, head_mask)
        content = in_chunks(self.ff, content, self.chunk)
        return content, None if query is None else in_chunks(self.ff, query, self.chunk), weights
