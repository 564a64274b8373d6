"""What changes the scores of the next token, and what such changes have in common."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import torch
from torch import Tensor

#: One token or several.
Tokens = int | Sequence[int] | Tensor

#: Where a tensor is to be, as torch takes it.
Device = torch.device | str


class LogitsProcessor(abc.ABC):
    """Changes the scores of the next token."""

    @abc.abstractmethod
    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The new scores; the given ones stay as they are.

        Args:
            input_ids: The tokens so far, ``[batch, time]``.
            scores: Scores of the next token, ``[batch, vocabulary]``.
        """


class LogitsProcessorList(list[LogitsProcessor]):
    """Processors that are applied one after the other."""

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores after the last processor; the same arguments as :meth:`LogitsProcessor.__call__`."""
        for processor in self:
            scores = processor(input_ids, scores)
        return scores


class TokenSet:
    """Some tokens, of which those that a vocabulary does not have are left out.

    Args:
        tokens: The tokens.
        device: Where the scores will be.
    """

    def __init__(self, tokens: Tokens, device: Device = "cpu") -> None:
        self.tokens = torch.as_tensor(tokens, dtype=torch.long, device=device).reshape(-1)
        self._vocabulary = -1
        self._inside = self.tokens

    def inside(self, scores: Tensor) -> Tensor:
        """Those that have a score, ``[count]``."""
        if self._vocabulary != scores.shape[-1] or self._inside.device != scores.device:
            tokens = self.tokens.to(scores.device)
            self._vocabulary = scores.shape[-1]
            self._inside = tokens[(tokens >= 0) & (tokens < self._vocabulary)]
        return self._inside

    def forbidden(self, scores: Tensor) -> Tensor:
        """The scores, with those of the tokens at -inf."""
        return scores.index_fill(-1, self.inside(scores), float("-inf"))


def for_texts(values: Tensor, texts: int) -> Tensor:
    """``[prompts, …]`` -> ``[texts, …]``: the value of each prompt for all the texts that continue it."""
    return values if values.shape[0] == texts else values.repeat_interleave(texts // values.shape[0], dim=0)
