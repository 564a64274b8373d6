"""What is done to the scores of the next token before one is chosen."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import UserError


class LogitsProcessor(abc.ABC):
    """Changes the scores of the next token."""

    @abc.abstractmethod
    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The new scores.

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


class MinNewTokensLengthLogitsProcessor(LogitsProcessor):
    """Forbids the tokens that end a text until there are enough new ones.

    Args:
        prompt_length_to_skip: Tokens that are not new.
        min_new_tokens: New tokens that there must be before an end.
        eos_token_id: The tokens that end a text.
    """

    def __init__(self, prompt_length_to_skip: int, min_new_tokens: int, eos_token_id: int | Sequence[int]) -> None:
        self.least = prompt_length_to_skip + min_new_tokens
        self.ends = [eos_token_id] if isinstance(eos_token_id, int) else list(eos_token_id)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores, with those of the ends at -inf while the text is too short."""
        if input_ids.shape[1] >= self.least:
            return scores
        tokens = torch.arange(scores.shape[1], device=scores.device)
        return scores.masked_fill(torch.isin(tokens, torch.tensor(self.ends, device=scores.device)), float("-inf"))


class TemperatureLogitsWarper(LogitsProcessor):
    """Divides the scores: below 1 likely tokens become likelier, above 1 the choice becomes more even.

    Args:
        temperature: The divisor.
    """

    def __init__(self, temperature: float) -> None:
        if not temperature > 0:
            raise UserError(
                f"temperature must be above 0, not {temperature}.",
                advice="For the likeliest token at every step leave it out and set do_sample=False.",
            )
        self.temperature = temperature

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores divided by the temperature."""
        return scores / self.temperature


class TopKLogitsWarper(LogitsProcessor):
    """Keeps the k tokens with the highest scores, and any that tie with the last of them (Fan et al., 2018).

    Args:
        top_k: How many.
    """

    def __init__(self, top_k: int) -> None:
        if top_k < 1:
            raise UserError(f"top_k must be at least 1, not {top_k}.", advice="0 turns it off in generate().")
        self.top_k = top_k

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores, with the others at -inf."""
        lowest = scores.topk(min(self.top_k, scores.shape[-1])).values[..., -1:]
        return scores.masked_fill(scores < lowest, float("-inf"))


class TopPLogitsWarper(LogitsProcessor):
    """Keeps the smallest set of likeliest tokens whose probabilities reach p (nucleus, Holtzman et al., 2019).

    The token with which the sum reaches p belongs to the set. (OpenAI's GPT-2 sampler leaves it out.)

    Args:
        top_p: The sum of probabilities.
    """

    def __init__(self, top_p: float) -> None:
        if not 0 < top_p <= 1:
            raise UserError(f"top_p must be above 0 and at most 1, not {top_p}.")
        self.top_p = top_p

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores, with those outside of the set at -inf."""
        ascending, order = scores.sort(dim=-1)
        outside = ascending.softmax(-1).cumsum(-1) <= 1 - self.top_p
        outside[..., -1] = False
        return scores.masked_fill(outside.scatter(-1, order, outside), float("-inf"))
