"""Which tokens must and must not come: how texts begin and end, and what never stands in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..errors import UserError
from .logits_base import Device, LogitsProcessor, Tokens, TokenSet, for_texts


class MinLengthLogitsProcessor(LogitsProcessor):
    """Forbids the tokens that end a text while it is too short.

    Args:
        min_length: How many tokens there must be before an end, the prompt included.
        eos_token_id: The tokens that end a text.
        device: Where the scores will be.
    """

    def __init__(self, min_length: int, eos_token_id: Tokens, device: Device = "cpu") -> None:
        if min_length < 0:
            raise UserError(f"min_length must be at least 0, not {min_length}.")
        self.min_length = min_length
        self._ends = TokenSet(eos_token_id, device)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return scores if input_ids.shape[1] >= self.min_length else self._ends.forbidden(scores)


class MinNewTokensLengthLogitsProcessor(MinLengthLogitsProcessor):
    """Forbids the tokens that end a text until there are enough new ones.

    Args:
        prompt_length_to_skip: Tokens that are not new.
        min_new_tokens: New tokens that there must be before an end.
        eos_token_id: The tokens that end a text.
        device: Where the scores will be.
    """

    def __init__(
        self, prompt_length_to_skip: int, min_new_tokens: int, eos_token_id: Tokens, device: Device = "cpu"
    ) -> None:
        if min_new_tokens < 0:
            raise UserError(f"min_new_tokens must be at least 0, not {min_new_tokens}.")
        super().__init__(prompt_length_to_skip + min_new_tokens, eos_token_id, device)


class ForcedBOSTokenLogitsProcessor(LogitsProcessor):
    """Makes a certain token the second of a text.

    Args:
        bos_token_id: The token.
        prompt_mask: 1 for the tokens of the prompts, 0 for padding, ``[prompts, time]``; None if there is no padding.
    """

    def __init__(self, bos_token_id: int, *, prompt_mask: Tensor | None = None) -> None:
        self._token = TokenSet(bos_token_id)
        self._mask = prompt_mask

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if self._mask is None:
            return _only(self._token, scores) if input_ids.shape[1] == 1 else scores
        if input_ids.shape[1] != self._mask.shape[1]:
            return scores
        return torch.where(_rows(of_one_token(self._mask), scores), _only(self._token, scores), scores)


class ForcedEOSTokenLogitsProcessor(LogitsProcessor):
    """Makes an end token the last of a text that has reached its greatest length.

    Args:
        max_length: The greatest length, in tokens.
        eos_token_id: The token, or several of which any will do.
        device: Where the scores will be.
    """

    def __init__(self, max_length: int, eos_token_id: Tokens, device: Device = "cpu") -> None:
        self.max_length = max_length
        self._ends = TokenSet(eos_token_id, device)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return _only(self._ends, scores) if input_ids.shape[1] == self.max_length - 1 else scores


class SuppressTokensLogitsProcessor(LogitsProcessor):
    """Forbids tokens.

    Args:
        suppress_tokens: The tokens.
        device: Where the scores will be.
    """

    def __init__(self, suppress_tokens: Tokens, device: Device = "cpu") -> None:
        self._tokens = TokenSet(suppress_tokens, device)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return self._tokens.forbidden(scores)


class SuppressTokensAtBeginLogitsProcessor(LogitsProcessor):
    """Forbids tokens in one place.

    Args:
        begin_suppress_tokens: The tokens.
        begin_index: How many tokens stand before that place; ``[prompts]`` if it is not the same for all.
        device: Where the scores will be.
    """

    def __init__(self, begin_suppress_tokens: Tokens, begin_index: int | Tensor, device: Device = "cpu") -> None:
        self.begin_index = begin_index
        self._tokens = TokenSet(begin_suppress_tokens, device)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        length = input_ids.shape[1]
        if isinstance(self.begin_index, Tensor):
            return torch.where(_rows(self.begin_index == length, scores), self._tokens.forbidden(scores), scores)
        return self._tokens.forbidden(scores) if length == self.begin_index else scores


class ExponentialDecayLengthPenalty(LogitsProcessor):
    """Makes the end of a text likelier with each token from a certain length on.

    With ``n`` tokens more than that, an end's score ``s`` becomes ``s + |s| (factor ** n - 1)``.

    Args:
        exponential_decay_length_penalty: How many new tokens go free, and the factor.
        eos_token_id: The tokens that end a text.
        input_ids_seq_length: Tokens that are not new.
    """

    def __init__(
        self, exponential_decay_length_penalty: tuple[int, float], eos_token_id: Tokens, input_ids_seq_length: int
    ) -> None:
        free, self.regulation_factor = exponential_decay_length_penalty
        self.regulation_start = free + input_ids_seq_length
        self._ends = TokenSet(eos_token_id)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        excess = input_ids.shape[1] - self.regulation_start
        if excess <= 0:
            return scores
        ends = self._ends.inside(scores)
        old = scores[:, ends]
        new = old + old.abs() * (math.pow(self.regulation_factor, excess) - 1)
        return scores.index_copy(1, ends, new.where(old.isfinite(), old))


class InfNanRemoveLogitsProcessor(LogitsProcessor):
    """Makes scores that are not numbers 0, and infinite ones the greatest and the least that there are."""

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return scores.nan_to_num(nan=0.0)


class PrefixConstrainedLogitsProcessor(LogitsProcessor):
    """Allows only the tokens that a function of the text so far names, even if all of them were forbidden.

    Args:
        prefix_allowed_tokens_fn: Number of the prompt, tokens so far ``[time]`` -> the tokens that may follow.
        num_beams: How many texts go on from each prompt.
    """

    def __init__(
        self, prefix_allowed_tokens_fn: Callable[[int, Tensor], Sequence[int] | Tensor | None], num_beams: int
    ) -> None:
        self._allowed = prefix_allowed_tokens_fn
        self._texts_per_prompt = num_beams

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        forbidden = torch.ones_like(scores, dtype=torch.bool)
        for row, text in enumerate(input_ids):
            forbidden[row, self._tokens_after(row // self._texts_per_prompt, text, scores)] = False
        possible = ~forbidden & (scores > -math.inf)
        choice = scores.where(possible.any(1, keepdim=True), 0.0)
        return choice.masked_fill(forbidden, -math.inf)

    def _tokens_after(self, prompt: int, text: Tensor, scores: Tensor) -> Tensor:
        """The tokens that may follow a text, ``[count]``."""
        tokens = torch.as_tensor(() if (allowed := self._allowed(prompt, text)) is None else allowed)
        if tokens.numel() == 0:
            raise UserError(
                f"prefix_allowed_tokens_fn allows no token after {len(text)} tokens of prompt {prompt}.",
                advice="To end a text, let it allow a token that ends texts.",
            )
        if int(tokens.min()) < 0 or int(tokens.max()) >= scores.shape[1]:
            raise UserError(
                f"prefix_allowed_tokens_fn allows {tokens.tolist()}, and the vocabulary has {scores.shape[1]} tokens."
            )
        return tokens.to(scores.device)


def of_one_token(prompt_mask: Tensor) -> Tensor:
    """Which prompts have one token, ``[prompts]``; the mask as for :class:`ForcedBOSTokenLogitsProcessor`."""
    return prompt_mask.sum(1) == 1


def _rows(prompts: Tensor, scores: Tensor) -> Tensor:
    """What holds for each prompt, ``[prompts]``, for the rows of the scores, ``[texts, 1]``."""
    return for_texts(prompts, scores.shape[0])[:, None]


def _only(tokens: TokenSet, scores: Tensor) -> Tensor:
    """Scores with which one of the tokens must come: 0 for them, -inf for all others."""
    allowed = tokens.inside(scores)
    if len(allowed) == 0:
        raise UserError(f"The vocabulary of {scores.shape[-1]} tokens has none of {tokens.tokens.tolist()}.")
    return torch.full_like(scores, -math.inf).index_fill_(-1, allowed, 0.0)
