"""What a model keeps between two steps of generation, so that it reads no token twice."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class DecodingState(Protocol):
    """What a model remembers of the texts that it writes; :class:`~transformers.nn.cache.Cache` is one."""

    def get_seq_length(self) -> int:
        """How many of the first tokens of the texts, padding included, need not be given again."""

    def reorder(self, rows: Tensor) -> None:
        """Makes row ``i`` of the batch what row ``rows[i]`` was; rows may repeat, and there may be more than before."""
