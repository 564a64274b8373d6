"""Scaled dot-product attention (Vaswani et al., 2017), written once for all families."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 (the name by which everyone knows it)
from torch import Tensor

from .masks import causal_mask


def split_heads(x: Tensor, heads: int) -> Tensor:
    """``[batch, time, heads * size]`` -> ``[batch, heads, time, size]``."""
    batch, time, _ = x.shape
    return x.view(batch, time, heads, -1).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """``[batch, heads, time, size]`` -> ``[batch, time, heads * size]``."""
    return x.transpose(1, 2).flatten(2)


def head_features(heads: Sequence[int], size: int) -> Tensor:
    """The features of some heads on an axis ``heads * size``, as indices."""
    return torch.cat([torch.arange(head * size, (head + 1) * size) for head in heads])


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    scale: float,
    causal: bool = False,
    dropout: float = 0.0,
    need_weights: bool = False,
    head_mask: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """softmax(scale · Q Kᵀ + mask) V, with the fused kernels unless the weights are to be seen or changed.

    Args:
        query: ``[batch, heads, queries, size]``.
        key: ``[batch, heads, keys, size]``.
        value: ``[batch, heads, keys, size]``.
        mask: Added to the scores: floating point, broadcastable to ``[batch, heads, queries, keys]``.
        scale: Factor of the dot products, mostly size ** -0.5.
        causal: Each query sees the keys up to its own position; the last query stands at the last key.
        dropout: Probability with which a weight is zeroed (0 outside training).
        need_weights: Whether the weights are wanted.
        head_mask: Factor for the weights, broadcastable to them.

    Returns:
        The context ``[batch, heads, queries, size]``, and the weights ``[batch, heads, queries, keys]`` (after dropout
        and head mask) if they were wanted.
    """
    queries, keys = query.shape[-2], key.shape[-2]
    fused = not need_weights and head_mask is None
    if causal and queries > 1 and not (fused and mask is None and queries == keys):
        mask = causal_mask(queries, keys, dtype=query.dtype, device=query.device, padding=mask)
        causal = False
    if fused:
        context = F.scaled_dot_product_attention(
            query, key, value, mask, dropout_p=dropout, is_causal=causal and queries > 1, scale=scale
        )
        return context, None
    weights = attention_weights(query, key, mask, scale=scale, dropout=dropout, head_mask=head_mask)
    return weights @ value, weights if need_weights else None


def attention_weights(
    query: Tensor,
    key: Tensor,
    mask: Tensor | None = None,
    *,
    scale: float,
    dropout: float = 0.0,
    head_mask: Tensor | None = None,
) -> Tensor:
    """The weights of :func:`attention`, ``[batch, heads, queries, keys]``; the softmax is taken in float32."""
    scores = (query * scale) @ key.transpose(-1, -2)
    if mask is not None:
        scores = scores + mask
    weights = F.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    weights = F.dropout(weights, dropout) if dropout else weights
    return weights if head_mask is None else weights * head_mask
