"""Which tokens can be drawn, and how even the choice is.

Every filter sets the scores of the tokens that it leaves out to ``filter_value``, and keeps ``min_tokens_to_keep``
tokens in any case; beam sampling needs more than one.
"""

from __future__ import annotations

import abc
import math

import torch
from torch import Tensor

from ..errors import UserError
from .logits_base import LogitsProcessor

#: Sorting a vocabulary takes a CPU longer than anything else here, and the first few tokens are mostly enough.
_FEW = 256


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
        return scores / self.temperature


class _Filter(LogitsProcessor):
    """Leaves unlikely tokens out.

    Args:
        filter_value: The scores of what is left out.
        min_tokens_to_keep: How many of the likeliest tokens are kept in any case.
    """

    def __init__(self, filter_value: float = -math.inf, min_tokens_to_keep: int = 1) -> None:
        if min_tokens_to_keep < 1:
            raise UserError(f"min_tokens_to_keep must be at least 1, not {min_tokens_to_keep}.")
        self.filter_value = filter_value
        self.min_tokens_to_keep = min_tokens_to_keep

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return scores.masked_fill(self._outside(scores), self.filter_value)

    @abc.abstractmethod
    def _outside(self, scores: Tensor) -> Tensor:
        """What is left out, ``[batch, vocabulary]``."""

    def _below_best(self, scores: Tensor, count: int) -> Tensor:
        """Which tokens are not among so many of the best, nor as good as the last of them."""
        if count == 1:
            return scores < scores.amax(-1, keepdim=True)
        return scores < scores.topk(min(count, scores.shape[-1])).values[..., -1:]

    def _leading(self, keys: Tensor, probabilities: Tensor, mass: float) -> tuple[Tensor, Tensor, Tensor]:
        """The tokens with the greatest keys, until their probabilities reach a sum.

        Args:
            keys: ``[batch, vocabulary]``.
            probabilities: ``[batch, vocabulary]``.
            mass: The sum.

        Returns:
            The keys of these tokens, and perhaps of more, in descending order, and the tokens, ``[batch, count]``; with
            which of them the sum is reached, ``[batch, 1]``.
        """
        few = max(_FEW, self.min_tokens_to_keep)
        if keys.device.type == "cpu" and few < keys.shape[-1]:
            values, order = keys.topk(few)
            sums = probabilities.gather(-1, order).cumsum(-1)
            if bool((sums[..., -1] >= mass).all()):
                return values, order, self._place(sums, mass)
        values, order = keys.sort(descending=True)
        return values, order, self._place(probabilities.gather(-1, order).cumsum(-1), mass)

    def _place(self, sums: Tensor, mass: float) -> Tensor:
        """Where sums reach the mass, but not before ``min_tokens_to_keep``."""
        return (sums < mass).sum(-1, keepdim=True).clamp(self.min_tokens_to_keep - 1).clamp(max=sums.shape[-1] - 1)


class TopKLogitsWarper(_Filter):
    """Keeps the k tokens with the highest scores, and any that tie with the last of them (Fan et al., 2018).

    Args:
        top_k: How many.
        filter_value: The scores of the others.
        min_tokens_to_keep: A lower bound for ``top_k``.
    """

    def __init__(self, top_k: int, filter_value: float = -math.inf, min_tokens_to_keep: int = 1) -> None:
        super().__init__(filter_value, min_tokens_to_keep)
        if top_k < 1:
            raise UserError(f"top_k must be at least 1, not {top_k}.", advice="0 turns it off in generate().")
        self.top_k = max(top_k, min_tokens_to_keep)

    def _outside(self, scores: Tensor) -> Tensor:
        return self._below_best(scores, self.top_k)


class TopPLogitsWarper(_Filter):
    """Keeps the smallest set of likeliest tokens whose probabilities reach p (nucleus, Holtzman et al., 2019).

    The token with which the sum reaches p belongs to the set. (OpenAI's GPT-2 sampler leaves it out.)

    Args:
        top_p: The sum of probabilities.
        filter_value: The scores of the others.
        min_tokens_to_keep: How many are kept in any case.
    """

    def __init__(self, top_p: float, filter_value: float = -math.inf, min_tokens_to_keep: int = 1) -> None:
        super().__init__(filter_value, min_tokens_to_keep)
        if not 0 < top_p <= 1:
            raise UserError(f"top_p must be above 0 and at most 1, not {top_p}.")
        self.top_p = top_p

    def _outside(self, scores: Tensor) -> Tensor:
        probabilities = scores.softmax(-1)
        _, order, last = self._leading(probabilities, probabilities, self.top_p)
        after = torch.arange(order.shape[-1], device=order.device) > last
        return torch.ones_like(scores, dtype=torch.bool).scatter(-1, order, after)


class MinPLogitsWarper(_Filter):
    """Keeps the tokens that are at least so many times as likely as the likeliest (min-p, Nguyen et al., 2024).

    Args:
        min_p: The factor, from 0 to 1.
        filter_value: The scores of the others.
        min_tokens_to_keep: How many are kept in any case.
    """

    def __init__(self, min_p: float, filter_value: float = -math.inf, min_tokens_to_keep: int = 1) -> None:
        super().__init__(filter_value, min_tokens_to_keep)
        if not 0 <= min_p <= 1:
            raise UserError(f"min_p must be from 0 to 1, not {min_p}.")
        self.min_p = min_p

    def _outside(self, scores: Tensor) -> Tensor:
        probabilities = scores.softmax(-1)
        unlikely = probabilities < self.min_p * probabilities.amax(-1, keepdim=True)
        return unlikely & self._below_best(scores, self.min_tokens_to_keep)


class TypicalLogitsWarper(_Filter):
    """Keeps the tokens whose information is closest to the expected one (locally typical, Meister et al., 2022).

    They are taken in the order of ``|-log p - H|``, where ``H`` is the entropy, until their probabilities reach a sum.

    Args:
        mass: The sum of probabilities.
        filter_value: The scores of the others.
        min_tokens_to_keep: How many of the most typical are kept in any case.
    """

    def __init__(self, mass: float = 0.9, filter_value: float = -math.inf, min_tokens_to_keep: int = 1) -> None:
        super().__init__(filter_value, min_tokens_to_keep)
        if not 0 < mass < 1:
            raise UserError(
                f"typical_p must be above 0 and below 1, not {mass}.", advice="1 turns it off in generate()."
            )
        self.mass = mass

    def _outside(self, scores: Tensor) -> Tensor:
        information = -scores.log_softmax(-1)
        distance = (information - _entropy(scores)).abs()
        values, _, last = self._leading(-distance, information.neg().exp(), self.mass)
        return -distance < values.gather(-1, last)


class EpsilonLogitsWarper(_Filter):
    """Keeps the tokens that have at least a certain probability (epsilon sampling, Hewitt et al., 2022).

    Args:
        epsilon: The probability.
        filter_value: The scores of the others.
        min_tokens_to_keep: How many are kept in any case.
    """

    def __init__(self, epsilon: float, filter_value: float = -math.inf, min_tokens_to_keep: int = 1) -> None:
        super().__init__(filter_value, min_tokens_to_keep)
        if not 0 < epsilon < 1:
            raise UserError(f"epsilon must be above 0 and below 1, not {epsilon}.", advice="0 is off in generate().")
        self.epsilon = epsilon

    def _outside(self, scores: Tensor) -> Tensor:
        return (scores.softmax(-1) < self._bound(scores)) & self._below_best(scores, self.min_tokens_to_keep)

    def _bound(self, scores: Tensor) -> Tensor | float:
        """The least probability."""
        return self.epsilon


class EtaLogitsWarper(EpsilonLogitsWarper):
    """Keeps the tokens of at least ``min(epsilon, sqrt(epsilon) exp(-H))``, H the entropy (Hewitt et al., 2022).

    Args:
        epsilon: Bounds the probability.
        filter_value: The scores of the others.
        min_tokens_to_keep: How many are kept in any case.
    """

    def _bound(self, scores: Tensor) -> Tensor:
        return (math.sqrt(self.epsilon) * _entropy(scores).neg().exp()).clamp(max=self.epsilon)


class LogitNormalization(LogitsProcessor):
    """Makes scores log probabilities, whose exponentials have the sum 1."""

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return scores.log_softmax(-1)


def _entropy(scores: Tensor) -> Tensor:
    """``-sum p log p``, in nats, ``[batch, 1]``; what has no probability adds nothing."""
    contributions: Tensor = torch.special.entr(scores.softmax(-1))
    return contributions.sum(-1, keepdim=True)
