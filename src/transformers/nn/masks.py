"""Attention masks: from "1 = real, 0 = padding" to numbers that are added to the attention scores."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import UserError


def additive_mask(attention_mask: Tensor, dtype: torch.dtype, value: float) -> Tensor:
    """Turns a mask of ones and zeros into scores: 0 where attention is allowed, ``value`` where it is not.

    Args:
        attention_mask: 1 (or True) for what may be seen: ``[batch, keys]``, ``[batch, queries, keys]`` or
            ``[batch, heads or 1, queries or 1, keys]``.
        dtype: The dtype of the attention scores.
        value: What is added for a hidden key. BERT adds -10000, so that a row whose mask is all zero attends to all
            keys as if it had no mask; ``torch.finfo(dtype).min`` makes such a row uniform.

    Returns:
        ``[batch, heads or 1, queries or 1, keys]``, to be added to the scores.

    Raises:
        UserError: The mask has another number of axes.
    """
    mask = attention_mask.to(dtype)
    if mask.ndim == 2:
        mask = mask[:, None, None, :]
    elif mask.ndim == 3:
        mask = mask[:, None, :, :]
    elif mask.ndim != 4:
        raise UserError(
            f"attention_mask has shape {list(attention_mask.shape)}",
            advice="It must be [batch, keys], [batch, queries, keys] or [batch, heads, queries, keys].",
        )
    return (1.0 - mask) * value


def causal_mask(
    queries: int, keys: int, *, dtype: torch.dtype, device: torch.device, padding: Tensor | None = None
) -> Tensor:
    """Hides from each query the keys behind it. The last query sees all keys: earlier ones come from a cache.

    Args:
        queries: Number of queries.
        keys: Number of keys, not fewer than queries.
        dtype: The dtype of the attention scores.
        device: Where to build it.
        padding: An additive mask ``[batch, 1, 1 or queries, keys]`` to combine with.

    Returns:
        An additive mask: ``padding`` (or zero) where a query may look, the lowest number of the dtype elsewhere.
        ``[queries, keys]``, with the leading axes of ``padding`` if that is given.
    """
    hidden = torch.ones(queries, keys, dtype=torch.bool, device=device).triu(keys - queries + 1)
    visible = torch.zeros(queries, keys, dtype=dtype, device=device) if padding is None else padding
    return visible.masked_fill(hidden, torch.finfo(dtype).min)


def head_masks(head_mask: Tensor | None, layers: int) -> Sequence[Tensor | None]:
    """One factor for the attention weights of each layer, from "1 = keep, 0 = switch off" per head.

    Args:
        head_mask: ``[heads]`` for all layers, ``[layers, heads]``, or None.
        layers: Number of layers.

    Returns:
        For each layer ``[1, heads, 1, 1]``, or None.

    Raises:
        UserError: The mask has another shape.
    """
    if head_mask is None:
        return [None] * layers
    if head_mask.ndim == 1:
        head_mask = head_mask.expand(layers, -1)
    if head_mask.ndim != 2 or head_mask.shape[0] != layers:
        raise UserError(
            f"head_mask has shape {list(head_mask.shape)}", advice=f"It must be [heads] or [{layers} layers, heads]."
        )
    return head_mask[:, None, :, None, None].unbind(0)
