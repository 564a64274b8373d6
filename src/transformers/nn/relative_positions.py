"""Relative positions as terms of the attention scores, one for each head and distance (Raffel et al., 2019, §2.1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def distance_buckets(positions: Tensor, *, bidirectional: bool, buckets: int, max_distance: int) -> Tensor:
    """The row of the table for each relative position: small distances have one each, larger ones share them.

    The first half of the rows is for single distances, the second half grows logarithmically up to ``max_distance``,
    behind which everything shares the last row. The logarithms are taken in float32, as in the original.

    Args:
        positions: Positions of keys less those of their queries: integers of any shape.
        bidirectional: Whether keys after the query have rows of their own, half of all; otherwise they count as 0.
        buckets: Number of rows.
        max_distance: See above.

    Returns:
        Integers of the same shape, below ``buckets``.
    """
    distances, first = -positions, torch.zeros_like(positions)
    if bidirectional:
        buckets //= 2
        first = first + (distances < 0) * buckets
        distances = distances.abs()
    else:
        distances = distances.clamp(min=0)
    exact = buckets // 2
    ratios = distances.clamp(min=1).float() / exact
    shared = exact + (torch.log(ratios) / math.log(max_distance / exact) * (buckets - exact)).long()
    return first + torch.where(distances < exact, distances, shared.clamp(max=buckets - 1))


class RelativePositionBias(nn.Embedding):
    """A table ``[buckets, heads]`` of what is added to the attention scores.

    Args:
        buckets: Number of rows.
        heads: Number of heads.
        max_distance: The distance from which all share the last row.
        bidirectional: Whether queries see the keys after them.
    """

    def __init__(self, buckets: int, heads: int, *, max_distance: int, bidirectional: bool) -> None:
        super().__init__(buckets, heads)
        self.max_distance = max_distance
        self.bidirectional = bidirectional

    def scores(self, queries: int, keys: int) -> Tensor:
        """What is added to the scores of the last ``queries`` of ``keys`` positions, ``[1, heads, queries, keys]``.

        There are as many different values as distances, queries + keys - 1; the rows of the result are windows of them.
        """
        positions = torch.arange(1 - keys, queries, device=self.weight.device)
        rows = distance_buckets(
            positions,
            bidirectional=self.bidirectional,
            buckets=self.num_embeddings,
            max_distance=self.max_distance,
        )
        return self(rows).T.unfold(1, keys, 1).flip(1).unsqueeze(0)  # type: ignore[no-any-return]
