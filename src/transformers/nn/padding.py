"""Batches without their padding: what is done for each token by itself is done for the real tokens alone.

A :class:`Layout` says which positions of a batch ``[batch, time]`` there are inside a model. The usual one has all of
them. A :class:`PackedLayout` has the real tokens only, one behind the other as one long row ``[1, tokens]``, so that
whatever works on each token by itself (projections, feed-forward layers, norms) runs as it stands, on fewer tokens.
Attention alone has to know where a row of the batch begins and ends; it is the layout that computes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Required, TypedDict, Unpack

import torch
from torch import Tensor

from .attention import attention, merge_heads
from .masks import additive_mask


class AttentionOptions(TypedDict, total=False):
    """The options of :func:`~transformers.nn.attention.attention`."""

    scale: Required[float]
    causal: bool
    dropout: float
    need_weights: bool
    head_mask: Tensor | None


class Layout:
    """All positions of a batch, padding or not: nothing is left out."""

    #: Whether padding is left out.
    packed: bool = False

    def pack(self, x: Tensor) -> Tensor:
        """``[batch, time, ...]`` -> those positions that the layout has."""
        return x

    def unpack(self, x: Tensor) -> Tensor:
        """The way back: ``[batch, time, ...]``, 0 where the layout has no position."""
        return x

    def each(self, function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """A function of each position by itself, ``[batch, time, size]`` -> ``[batch, time, other size]``.

        It is computed for the positions that the layout has; the others get 0.
        """
        return self.unpack(function(self.pack(x)))

    def attend(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **options: Unpack[AttentionOptions]
    ) -> tuple[Tensor, Tensor | None]:
        """Attention within each row of the batch: see :func:`~transformers.nn.attention.attention`.

        Returns:
            The context with its heads side by side, ``[batch, queries, heads * size]``, and the weights ``[batch,
            heads, queries, keys]`` if they were wanted.
        """
        context, weights = attention(query, key, value, mask, **options)
        return merge_heads(context), weights


#: The layout of whatever asks for no other.
EVERYTHING = Layout()


class BlankedLayout(Layout):
    """All positions, and what is returned of padded ones is 0.

    Args:
        real: ``[batch, time]``, 1 for real tokens and 0 for padding.
    """

    def __init__(self, real: Tensor) -> None:
        self._real = real > 0

    def unpack(self, x: Tensor) -> Tensor:
        """``[batch, time, ...]`` -> the same, 0 at padded positions."""
        return torch.where(self._real.view(*self._real.shape, *[1] * (x.ndim - 2)), x, 0.0)


class PackedLayout(Layout):
    """The real tokens of a batch; states are ``[1, tokens, size]``.

    Args:
        real: ``[batch, time]``, true for real tokens, wherever in their rows they stand. It is on the CPU, so that no
            other device has to be waited for.
        device: Where the states are.
    """

    packed = True

    def __init__(self, real: Tensor, device: torch.device) -> None:
        places = real.flatten().nonzero().squeeze(1)
        self._batch, self._time = real.shape
        self._device = device
        self._places = places.to(device)
        self._real = real.to(device)
        #: The rows that have real tokens, and the columns in which these stand.
        self._rows = real.any(1).nonzero().squeeze(1).tolist()
        self._lengths = real.sum(1)[self._rows].tolist()
        self._columns = torch.split(places % self._time, self._lengths)

    def pack(self, x: Tensor) -> Tensor:
        """``[batch or 1, time, ...]`` -> ``[1, tokens, ...]``."""
        return x.expand(self._batch, *x.shape[1:]).flatten(0, 1).index_select(0, self._places).unsqueeze(0)

    def unpack(self, x: Tensor) -> Tensor:
        """``[1, tokens, ...]`` -> ``[batch, time, ...]``, 0 at padded positions."""
        blank = x.new_zeros(self._batch * self._time, *x.shape[2:])
        return blank.index_copy(0, self._places, x.squeeze(0)).view(self._batch, self._time, *x.shape[2:])

    def attend(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **options: Unpack[AttentionOptions]
    ) -> tuple[Tensor, Tensor | None]:
        """Attention of each row's real tokens to one another.

        Args:
            query: ``[1, heads, tokens, size]``, as the two others.
            key: See ``query``.
            value: See ``query``.
            mask: Added to the scores beside what hides padding, ``[1 or batch, 1 or heads, time, time]``, or None.
            **options: Those of :func:`~transformers.nn.attention.attention`.

        Returns:
            The context ``[1, tokens, heads * size]``, and the weights ``[batch, heads, time, time]`` if they were
            wanted; those of queries that are padding mean nothing.
        """
        by_rows = self._device.type == "cpu" and not options.get("need_weights") and options.get("head_mask") is None
        if by_rows and self._rows:
            return self._attend_by_rows(query, key, value, mask, options), None
        return self._attend_padded(query, key, value, mask, options)

    def _attend_by_rows(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, options: AttentionOptions
    ) -> Tensor:
        """A call for each row: on a CPU less work counts for more than fewer calls."""
        queries, keys, values = (torch.split(x, self._lengths, dim=2) for x in (query, key, value))
        contexts = []
        for number in range(len(self._rows)):
            part = None if mask is None else self._part(mask, number)
            context, _ = attention(queries[number], keys[number], values[number], part, **options)
            contexts.append(merge_heads(context))
        return torch.cat(contexts, dim=1)

    def _part(self, mask: Tensor, number: int) -> Tensor:
        """What a mask says of the real tokens of a row, ``[1, 1 or heads, length, length]``."""
        row, columns = self._rows[number], self._columns[number]
        of_row = mask[row : row + 1] if len(mask) > 1 else mask
        first, length = int(columns[0]), len(columns)
        if int(columns[-1]) - first + 1 == length:
            return of_row.narrow(2, first, length).narrow(3, first, length)
        return of_row.index_select(2, columns).index_select(3, columns)

    def _attend_padded(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, options: AttentionOptions
    ) -> tuple[Tensor, Tensor | None]:
        """One call for all rows, in which padding is hidden."""
        query, key, value = (self.unpack(x.transpose(1, 2)).transpose(1, 2) for x in (query, key, value))
        # Half of the lowest number: beyond the reach of any score, and a sum with another mask stays finite.
        hidden = additive_mask(self._real, query.dtype, torch.finfo(query.dtype).min / 2)
        context, weights = attention(query, key, value, hidden if mask is None else hidden + mask, **options)
        return self.pack(merge_heads(context)), weights
