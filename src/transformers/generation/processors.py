"""The processors of scores that the options ask for, in the order in which they are applied."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import UserError
from . import logits_process as scores
from .configuration import GenerationConfig
from .logits_constraints import of_one_token
from .validation import shown

#: Number of the prompt, tokens so far -> the tokens that may follow.
AllowedTokens = Callable[[int, Tensor], Sequence[int]]


@dataclass(frozen=True)
class PromptFacts:
    """What processors know of the prompts.

    Attributes:
        length: Number of tokens that the processors will see of each text and that are not new, padding included.
        encoder_input_ids: What the encoder read, ``[prompts, time]``; the prompts if the model has no encoder. None if
            there were embeddings instead of tokens.
        max_length: Greatest number of tokens of a text, those that are not new included.
        device: Where the scores will be.
        prompt_mask: 1 for the tokens of the prompts, 0 for padding, ``[prompts, length]``; None if there is no padding.
        encoder_mask: The same for ``encoder_input_ids``.
    """

    length: int
    encoder_input_ids: Tensor | None
    max_length: int
    device: torch.device
    prompt_mask: Tensor | None = None
    encoder_mask: Tensor | None = None

    def input_for(self, option: str) -> Tensor:
        """The tokens that were read, for an option that needs them."""
        if self.encoder_input_ids is None:
            raise UserError(f"{option} needs the tokens that were read, and there are only embeddings.")
        return self.encoder_input_ids


@dataclass(frozen=True)
class _Given(scores.LogitsProcessor):
    """A processor of the caller, which may do anything."""

    processor: Callable[[Tensor, Tensor], Any]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        new = self.processor(input_ids, scores)
        if not isinstance(new, Tensor) or new.shape != scores.shape:
            returned = list(new.shape) if isinstance(new, Tensor) else shown(new)
            raise UserError(
                f"A logits_processor returned {returned} in the place of scores {list(scores.shape)}.",
                advice=f"It was {shown(self.processor)}; see LogitsProcessor.__call__.",
            )
        return new


def processors_for(
    config: GenerationConfig,
    prompt: PromptFacts,
    given: Iterable[scores.LogitsProcessor] | None,
    prefix_allowed_tokens_fn: AllowedTokens | None,
) -> scores.LogitsProcessorList:
    """All processors.

    They come in the ecosystem's order: repetition, how texts begin and end, the caller's, which tokens are drawn.

    Args:
        config: The options.
        prompt: What they are about.
        given: The processors of the caller.
        prefix_allowed_tokens_fn: Which tokens may follow.
    """
    return scores.LogitsProcessorList([
        *_of_sequences(config, prompt),
        *_of_ends(config, prompt),
        *_of_permission(config, prefix_allowed_tokens_fn),
        *_of_forced_tokens(config, prompt),
        *(_Given(processor) for processor in given or ()),
        *(_of_drawing(config) if config.do_sample else ()),
        *([scores.LogitNormalization()] if config.renormalize_logits else ()),
    ])  # fmt: skip


def _of_sequences(config: GenerationConfig, prompt: PromptFacts) -> Iterator[scores.LogitsProcessor]:
    mask = prompt.prompt_mask
    if config.sequence_bias is not None:
        yield scores.SequenceBiasLogitsProcessor(config.sequence_bias, prompt_mask=mask)
    if config.encoder_repetition_penalty != 1.0:
        yield scores.EncoderRepetitionPenaltyLogitsProcessor(
            config.encoder_repetition_penalty,
            prompt.input_for("encoder_repetition_penalty"),
            encoder_mask=prompt.encoder_mask,
        )
    if config.repetition_penalty != 1.0:
        yield scores.RepetitionPenaltyLogitsProcessor(config.repetition_penalty, prompt_mask=mask)
    if config.no_repeat_ngram_size > 0:
        yield scores.NoRepeatNGramLogitsProcessor(config.no_repeat_ngram_size, prompt_mask=mask)
    if config.encoder_no_repeat_ngram_size > 0:
        yield scores.EncoderNoRepeatNGramLogitsProcessor(
            config.encoder_no_repeat_ngram_size,
            prompt.input_for("encoder_no_repeat_ngram_size"),
            encoder_mask=prompt.encoder_mask,
            prompt_mask=mask,
        )
    if config.bad_words_ids is not None:
        yield scores.NoBadWordsLogitsProcessor(config.bad_words_ids, config.end_tokens, prompt_mask=mask)


def _of_ends(config: GenerationConfig, prompt: PromptFacts) -> Iterator[scores.LogitsProcessor]:
    ends = config.end_tokens
    if not ends:
        return
    if config.min_new_tokens:
        yield scores.MinNewTokensLengthLogitsProcessor(prompt.length, config.min_new_tokens, ends, prompt.device)
    elif config.min_length > 0:
        yield scores.MinLengthLogitsProcessor(config.min_length, ends, prompt.device)


def _of_permission(config: GenerationConfig, allowed: AllowedTokens | None) -> Iterator[scores.LogitsProcessor]:
    if allowed is not None:
        texts = config.num_beams if config.num_beams > 1 else config.num_return_sequences
        yield scores.PrefixConstrainedLogitsProcessor(allowed, texts)


def _of_forced_tokens(config: GenerationConfig, prompt: PromptFacts) -> Iterator[scores.LogitsProcessor]:
    if config.forced_bos_token_id is not None:
        yield scores.ForcedBOSTokenLogitsProcessor(config.forced_bos_token_id, prompt_mask=prompt.prompt_mask)
    if config.forced_eos_token_id is not None:
        yield scores.ForcedEOSTokenLogitsProcessor(prompt.max_length, config.forced_eos_token_id, prompt.device)
    if config.remove_invalid_values:
        yield scores.InfNanRemoveLogitsProcessor()
    if config.exponential_decay_length_penalty is not None and config.end_tokens:
        yield scores.ExponentialDecayLengthPenalty(
            config.exponential_decay_length_penalty, config.end_tokens, prompt.length
        )
    if config.suppress_tokens is not None:
        yield scores.SuppressTokensLogitsProcessor(config.suppress_tokens, prompt.device)
    if config.begin_suppress_tokens is not None:
        yield scores.SuppressTokensAtBeginLogitsProcessor(
            config.begin_suppress_tokens, _begin(config, prompt), prompt.device
        )


def _begin(config: GenerationConfig, prompt: PromptFacts) -> int | Tensor:
    """Where what follows a prompt begins: behind the token that is forced after a single one."""
    if config.forced_bos_token_id is None:
        return prompt.length
    if prompt.prompt_mask is None:
        return prompt.length + (prompt.length == 1)
    return prompt.length + of_one_token(prompt.prompt_mask)


def _of_drawing(config: GenerationConfig) -> Iterator[scores.LogitsProcessor]:
    # Beams go on from the best of what is drawn: there has to be one more than there are ends.
    least = {"min_tokens_to_keep": max(2, len(config.end_tokens) + 1) if config.num_beams > 1 else 1}
    if config.temperature != 1.0:
        yield scores.TemperatureLogitsWarper(config.temperature)
    if config.top_k:
        yield scores.TopKLogitsWarper(config.top_k, **least)
    if config.top_p is not None and config.top_p < 1.0:
        yield scores.TopPLogitsWarper(config.top_p, **least)
    if config.min_p is not None:
        yield scores.MinPLogitsWarper(config.min_p, **least)
    if config.typical_p < 1.0:
        yield scores.TypicalLogitsWarper(config.typical_p, **least)
    if config.epsilon_cutoff > 0.0:
        yield scores.EpsilonLogitsWarper(config.epsilon_cutoff, **least)
    if config.eta_cutoff > 0.0:
        yield scores.EtaLogitsWarper(config.eta_cutoff, **least)
