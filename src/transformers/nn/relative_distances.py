"""Distances between positions as sinusoids (Dai et al., 2019): what Transformer-XL and XLNet have in common."""

from __future__ import annotations

import torch
from torch import Tensor


def inverse_frequencies(size: int, device: torch.device | None = None) -> Tensor:
    """10000^(-2t/size) for t = 0, 1, …: ``[size / 2]`` in float32."""
    return 1 / 10000.0 ** (torch.arange(0, size, 2, device=device, dtype=torch.float32) / size)


def sinusoids(distances: Tensor, size: int) -> Tensor:
    """sin(d · 10000^(-2t/size)) for t = 0, 1, …, then the cosines: all sines stand before all cosines.

    Args:
        distances: ``[rows]``, any numbers.
        size: Width of the table, even.

    Returns:
        ``[rows, size]`` in float32.
    """
    angles = distances.float()[:, None] * inverse_frequencies(size, distances.device)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def relative_shift(scores: Tensor, keys: int) -> Tensor:
    """Scores of queries and keys from scores of queries and distances.

    The distances fall from column to column, by one, such that the one between query i and key j stands in column
    ``queries - i + j``. Read as one long row without its first ``queries`` entries, the scores are the result, but for
    its row length: no entry is moved.

    Args:
        scores: ``[..., queries, distances]`` with more distances than keys.
        keys: Number of keys.

    Returns:
        ``[..., queries, keys]``. Where the column would lie beyond the last one, the entry has no meaning: those who
        have no such distances mask these keys.
    """
    *leading, queries, distances = scores.shape
    return scores.flatten(-2)[..., queries:].view(*leading, queries, distances - 1)[..., :keys]
