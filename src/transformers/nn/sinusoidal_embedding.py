"""A table of positions that is computed instead of trained."""

from __future__ import annotations

import torch
from torch import nn


class SinusoidalEmbedding(nn.Embedding):
    """Sines and cosines of positions (Vaswani et al., 2017); a parameter, because checkpoints store it all the same.

    Column j of row p is the sine (j even) or the cosine (j odd) of p / 10000^(2 ⌊j / 2⌋ / size).

    Args:
        positions: Number of rows.
        size: Number of columns.
    """

    def __init__(self, positions: int, size: int) -> None:
        super().__init__(positions, size)
        self.weight.requires_grad_(False)

    @torch.no_grad()
    def fill(self) -> None:
        """Computes the table, in double precision."""
        column = torch.arange(self.embedding_dim, dtype=torch.float64)
        position = torch.arange(self.num_embeddings, dtype=torch.float64)
        angles = position[:, None] / 10000 ** (2 * (column // 2) / self.embedding_dim)
        self.weight.copy_(torch.where(column % 2 == 0, angles.sin(), angles.cos()))
