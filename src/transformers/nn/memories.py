"""Hidden states of the positions that a model has read, for models that remember these and not keys and values."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .ancestry import Ancestry
from .growing import GrowingStates


class Memories:
    """What each layer of a model was given so far: ``mems``, between two steps of generation.

    Args:
        mems: What the model remembers from before the texts, for each layer ``[memory, batch, size]``; it is not
            written to.
        capacity: How many tokens the texts may have, where that is known.
    """

    def __init__(self, mems: Sequence[Tensor] | None = None, *, capacity: int = 0) -> None:
        self.capacity = capacity
        self._layers: list[GrowingStates] = []
        self._ancestry: Ancestry | None = None
        self._tokens = 0
        self._before = 0
        if mems is not None:
            self._before = mems[0].shape[0]
            self._append([memory.transpose(0, 1) for memory in mems])

    @property
    def mems(self) -> list[Tensor] | None:
        """For each layer ``[memory, batch, size]``, for use at once; None if there is nothing yet."""
        return [layer.current.transpose(0, 1) for layer in self._layers] or None

    @property
    def before(self) -> int:
        """How many positions the model remembered before the texts."""
        return self._before

    def get_seq_length(self) -> int:
        """How many tokens of the texts have been read."""
        return self._tokens

    def extend(self, states: Sequence[Tensor]) -> None:
        """Adds what each layer was given of further tokens, ``[batch, new, size]`` each."""
        self._tokens += states[0].shape[1]
        self._append(states)

    def replace(self, mems: Sequence[Tensor], read: int) -> None:
        """Takes what a model returned in the place of all that it was given.

        Args:
            mems: For each layer ``[memory, batch, size]``; it is not written to.
            read: How many tokens it read.
        """
        self._tokens += read
        self._layers = [GrowingStates() for _ in mems]
        self._append([memory.transpose(0, 1) for memory in mems])

    def reorder(self, rows: Tensor) -> None:
        """Makes row ``i`` of the batch what row ``rows[i]`` was; rows may repeat, and there may be more than before."""
        if not self._layers:
            return
        if self._ancestry is None:
            self._ancestry = Ancestry(self._layers[0].batch)
        change = self._ancestry.follow(rows, self._before + self._tokens)
        if len(change.targets):
            for layer in self._layers:
                layer.reorder(change)

    def _append(self, states: Sequence[Tensor]) -> None:
        if not self._layers:
            self._layers = [GrowingStates(self.capacity and self._before + self.capacity) for _ in states]
        for layer, new in zip(self._layers, states, strict=True):
            layer.append(new)
