"""Where the rows of a batch have parted: what a beam search need not copy when it makes rows into what others were."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class RowChange:
    """Rows of a batch that become what others were.

    Attributes:
        rows: For each row the one that it becomes, ``[batch]``.
        start: The first position at which any row differs from the one that it becomes.
        targets: The rows that differ from what they become, ``[changes]``.
        sources: What these become, ``[changes]``.
        prompts_change: Whether a row becomes one that goes back to another prompt.
    """

    rows: Tensor
    start: int
    targets: Tensor
    sources: Tensor
    prompts_change: bool


class Ancestry:
    """A table of the positions at which each two rows parted, and the prompt to which each row goes back.

    Args:
        rows: The number of rows, each a prompt of its own; they may differ from the first position on.
    """

    def __init__(self, rows: int) -> None:
        self._parted = torch.zeros(rows, rows, dtype=torch.long)
        self._prompts = torch.arange(rows)

    def __len__(self) -> int:
        return len(self._prompts)

    def follow(self, rows: Tensor, length: int) -> RowChange:
        """Makes row ``i`` what row ``rows[i]`` was.

        Args:
            rows: ``[batch]``, as many as before or not. Reading it is the one point at which the host waits for the
                device.
            length: The number of positions that the rows hold.

        Returns:
            The change. Of another number of rows all are said to change from the first position on.
        """
        of_host = rows.cpu()
        parted = self._parted.clone().fill_diagonal_(length)[of_host]
        shared = parted.diagonal() if len(rows) == len(self) else torch.zeros_like(of_host)
        targets = (shared < length).nonzero().squeeze(1)
        prompts = self._prompts[of_host]
        change = RowChange(
            rows=rows,
            start=int(shared.min()),
            targets=targets.to(rows.device),
            sources=of_host[targets].to(rows.device),
            prompts_change=not torch.equal(prompts, self._prompts),
        )
        self._parted, self._prompts = parted[:, of_host], prompts
        return change
