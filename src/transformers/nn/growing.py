"""States of the positions that a model has seen, in a buffer with room for those to come."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import UserError
from .ancestry import RowChange

#: The least room, in positions, that is added when a buffer has become too small.
_BLOCK = 64


class GrowingStates:
    """States ``[batch, ..., time, size]`` to which positions are added.

    Args:
        capacity: Positions to reserve when the first states arrive; 0 keeps the first states as they are.
    """

    def __init__(self, capacity: int = 0) -> None:
        self._capacity = capacity
        self._length = 0
        self._buffer: Tensor | None = None
        # Whether nobody else has been given what the buffer holds, so that it may be written over.
        self._private = False
        # Whether the buffer was made in torch.inference_mode, outside of which it may not be written to.
        self._of_inference = False

    def __len__(self) -> int:
        return self._length

    @property
    def batch(self) -> int:
        """The number of rows."""
        return self.current.shape[0]

    @property
    def current(self) -> Tensor:
        """All states so far, for use at once: a later :meth:`reorder` may change them."""
        if self._buffer is None:
            raise UserError("This layer of the cache holds nothing yet.")
        return self._buffer.narrow(-2, 0, self._length)

    def shared(self) -> Tensor:
        """All states so far, which do not change any more."""
        self._private = False
        return self.current

    def append(self, new: Tensor) -> Tensor:
        """Adds states of further positions, ``[batch, ..., new, size]``, and returns all.

        Where gradients are recorded the tensors are concatenated, because a write into a buffer would change what
        autograd has saved; otherwise they are written into the buffer, which grows when it is full.

        Raises:
            UserError: There are states of another number of rows.
        """
        if self._buffer is not None and self._buffer.shape[0] != new.shape[0]:
            raise UserError(
                f"The cache (past_key_values) holds {self._buffer.shape[0]} sequences, the input {new.shape[0]}.",
                advice="Give as many input rows as in the calls that filled the cache, or start without one.",
            )
        start, self._length = self._length, self._length + new.shape[-2]
        if self._buffer is None and self._length >= self._capacity:
            self._buffer = new
        elif torch.is_grad_enabled():
            self._buffer = new if self._buffer is None else torch.cat([self._buffer.narrow(-2, 0, start), new], dim=-2)
            self._private = False
        else:
            if self._buffer is None or self._buffer.shape[-2] < self._length or self._frozen:
                self._buffer = self._grown(self._buffer, new, start)
            self._buffer.narrow(-2, start, new.shape[-2]).copy_(new)
        return self.current

    def reorder(self, change: RowChange) -> None:
        """Makes rows of the batch into what others were; there may be more or fewer rows than before."""
        if self._buffer is None:
            return
        writable = self._private and not self._frozen and not torch.is_grad_enabled()
        if writable and len(change.rows) == self.batch:
            differing = self._buffer.narrow(-2, change.start, self._length - change.start)
            differing.index_copy_(0, change.targets, differing.index_select(0, change.sources))
        else:
            self._buffer = self.current.index_select(0, change.rows)
            self._private = False

    def _grown(self, old: Tensor | None, new: Tensor, start: int) -> Tensor:
        """A larger buffer with the old states in it; it grows in proportion, so that copying stays cheap per token."""
        capacity = self._capacity
        if capacity < self._length:
            capacity = self._length + max(_BLOCK, self._length // 2)
        buffer = new.new_empty(*new.shape[:-2], capacity, new.shape[-1])
        if old is not None:
            buffer.narrow(-2, 0, start).copy_(old.narrow(-2, 0, start))
        self._private, self._of_inference = True, _inference_mode()
        return buffer

    @property
    def _frozen(self) -> bool:
        return self._of_inference and not (torch.compiler.is_compiling() or _inference_mode())


def _inference_mode() -> bool:
    """Whether torch.inference_mode is on, as far as that is known: torch.compile cannot trace the question."""
    return not torch.compiler.is_compiling() and torch.is_inference_mode_enabled()
