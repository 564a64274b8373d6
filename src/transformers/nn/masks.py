"""Attention masks: from "1 = real, 0 = padding" to numbers that are added to the attention scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import torch
from torch import Tensor

from ..errors import UserError


@overload
def additive_mask(attention_mask: Tensor, dtype: torch.dtype, value: float) -> Tensor: ...
@overload
def additive_mask(attention_mask: None, dtype: torch.dtype, value: float) -> None: ...
@overload
def additive_mask(attention_mask: Tensor | None, dtype: torch.dtype, value: float) -> Tensor | None: ...
def additive_mask(attention_mask: Tensor | None, dtype: torch.dtype, value: float) -> Tensor | None:
    """Turns a mask of ones and zeros into scores: 0 where attention is allowed, ``value`` where it is not.

    Args:
        attention_mask: 1 (or True) for what may be seen: ``[batch, keys]``, ``[batch, queries, keys]`` or
            ``[batch, heads or 1, queries or 1, keys]``; None, if everything may be seen, gives None.
        dtype: The dtype of the attention scores.
        value: What is added for a hidden key. BERT adds -10000, so that a row whose mask is all zero attends to all
            keys as if it had no mask; ``torch.finfo(dtype).min`` makes such a row uniform.

    Returns:
        ``[batch, heads or 1, queries or 1, keys]``, to be added to the scores.

    Raises:
        UserError: The mask has another number of axes.
    """
    if attention_mask is None:
        return None
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


def self_attention_mask(
    attention_mask: Tensor | None, hidden: Tensor, past: int, *, causal: bool, value: float
) -> Tensor | None:
    """The mask of a model's self-attention, from what its user passes.

    Args:
        attention_mask: See :func:`additive_mask`. With ``causal``, a mask ``[batch, keys]`` is combined with the causal
            one; masks with an axis of queries are taken as they are.
        hidden: The states, ``[batch, time, size]``.
        past: Number of positions in the cache.
        causal: Whether a position sees no later ones.
        value: What is added for padding.

    Returns:
        An additive mask, or None if there is nothing but causality to heed, which :func:`~transformers.nn.attention.
        attention` has for less.

    Raises:
        UserError: The mask does not fit the positions.
    """
    if attention_mask is None:
        return None
    mask = additive_mask(attention_mask, hidden.dtype, value)
    time = hidden.shape[1]
    if mask.shape[-1] != past + time:
        cached = f" and the {past} in past_key_values" if past else ""
        raise UserError(
            f"attention_mask has {mask.shape[-1]} columns for the {time} positions of the input{cached}.",
            advice="It must have one for each of them.",
        )
    if causal and attention_mask.ndim == 2 and time > 1:
        return causal_mask(time, past + time, dtype=mask.dtype, device=mask.device, padding=mask)
    return mask


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
