"""Attention whose queries, keys and values come from one matrix, as the GPT models have it."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn

from .attention import attention, head_features, merge_heads, split_heads
from .cache import Cache
from .dropout import Dropout
from .layers import AttentionInputs
from .linear import Conv1D, keep_inputs, keep_outputs


class FusedAttention(nn.Module):
    """softmax(Q Kᵀ · scale + mask) V W + b, with Q, K and V side by side in ``c_attn``, each head by head.

    Args:
        width: Width of the hidden states.
        heads: Number of heads; it divides the width.
        layer: The index of the layer in the cache.
        dropout: Dropout of the weights.
        output_dropout: Dropout of the result.
        scale: Factor of the scores; 1 / sqrt(size of a head) if None.
        parts: How many of the three ``c_attn`` makes.
        projection: The class of ``c_proj``.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        layer: int = 0,
        dropout: float,
        output_dropout: float,
        scale: float | None = None,
        parts: int = 3,
        projection: type[Conv1D] = Conv1D,
    ) -> None:
        super().__init__()
        self.layer = layer
        self.kept_heads = list(range(heads))
        self.size = width // heads
        self.scale = self.size**-0.5 if scale is None else scale
        self.dropout = dropout
        self.c_attn = Conv1D(parts * width, width)
        self.c_proj = projection(width, width)
        self.resid_dropout = Dropout(output_dropout)

    def forward(
        self, hidden: Tensor, inputs: AttentionInputs, head_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """``[batch, time, width]`` -> the same, and the weights ``[batch, heads, time, keys]`` if they are wanted."""
        query, key, value = self.project(hidden, inputs.cache)
        context, weights = self.attend(query, key, value, inputs, head_mask, inputs.mask, causal=inputs.causal)
        return self.finish(context), weights

    def attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        inputs: AttentionInputs,
        head_mask: Tensor | None,
        mask: Tensor | None,
        *,
        causal: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Attention over projected states ``[batch, heads, time, size]``: what is mixed ``[batch, time, width]``."""
        context, weights = attention(
            query,
            key,
            value,
            mask,
            scale=self.scale,
            causal=causal,
            dropout=self.dropout if self.training else 0.0,
            need_weights=inputs.need_weights,
            head_mask=head_mask,
        )
        return merge_heads(context), weights

    def finish(self, context: Tensor) -> Tensor:
        """The projection of what was mixed, ``[batch, time, width]``."""
        output: Tensor = self.resid_dropout(self.c_proj(context))
        return output

    def project(self, hidden: Tensor, cache: Cache | None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries of the new positions, keys and values of all."""
        side_by_side = self.c_attn(hidden).view(*hidden.shape[:2], 3, len(self.kept_heads), self.size)
        query, key, value = side_by_side.permute(2, 0, 3, 1, 4).unbind()
        if cache is not None:
            key, value = cache.update(self.layer, key, value)
        return query, key, value

    def split(self, x: Tensor) -> Tensor:
        """``[batch, time, width]`` -> ``[batch, heads, time, size]``."""
        return split_heads(x, len(self.kept_heads))

    def prune_heads(self, heads: Collection[int]) -> None:
        """Removes heads, given by the numbers that they had before any were removed."""
        left = [head for head in self.kept_heads if head not in heads]
        features = head_features([self.kept_heads.index(head) for head in left], self.size)
        width = len(self.kept_heads) * self.size
        parts = self.c_attn.weight.shape[1] // width
        keep_outputs(self.c_attn, torch.cat([features + part * width for part in range(parts)]))
        keep_inputs(self.c_proj, features)
        self.kept_heads = left
