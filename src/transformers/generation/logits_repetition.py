"""Sequences of tokens: those that were there before, and those that a caller names.

No text sees the padding in front of its prompt: a prompt goes on in a padded batch as it does alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..errors import UserError
from .logits_base import LogitsProcessor, Tokens, TokenSet, for_texts

#: Stands where a text has no token.
_NO_TOKEN = -1


class _Padding:
    """The padding in front of prompts.

    Args:
        attention_mask: 1 for the tokens of the prompts, 0 for padding, ``[prompts, time]``; None if there is none.
    """

    def __init__(self, attention_mask: Tensor | None) -> None:
        self._padding = None if attention_mask is None else ~attention_mask.bool()

    def replaced(self, input_ids: Tensor, by: Tensor | int) -> Tensor:
        """The texts, ``[texts, time]``, with something else in place of padding."""
        if self._padding is None:
            return input_ids
        padding = for_texts(self._padding, input_ids.shape[0])
        return torch.where(pad(padding, (0, input_ids.shape[1] - padding.shape[1])), by, input_ids)


class RepetitionPenaltyLogitsProcessor(LogitsProcessor):
    """Makes the tokens that a text has less likely, or likelier (CTRL, Keskar et al., 2019).

    Args:
        penalty: Divides their positive scores and multiplies their negative ones: above 1 repetition becomes rarer.
        prompt_mask: 1 for the tokens of the prompts, 0 for padding, ``[prompts, time]``; None if there is no padding.
    """

    def __init__(self, penalty: float, *, prompt_mask: Tensor | None = None) -> None:
        self.penalty = _positive("repetition_penalty", penalty)
        self._prompt_length = 0 if prompt_mask is None else prompt_mask.shape[1]
        self._padding = _Padding(prompt_mask)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if self._prompt_length == 0:
            tokens = input_ids
        else:  # A token that is there twice is penalized once, and the last one of a prompt is no padding.
            tokens = self._padding.replaced(input_ids, input_ids[:, self._prompt_length - 1, None])
        return _penalized(tokens, scores, self.penalty)


class EncoderRepetitionPenaltyLogitsProcessor(LogitsProcessor):
    """Makes the tokens of the input likelier, so that less is made up.

    Args:
        penalty: Multiplies their positive scores and divides their negative ones: above 1 they become likelier.
        encoder_input_ids: The input, ``[prompts, time]``.
        encoder_mask: 1 for its tokens, 0 for padding, ``[prompts, time]``; None if there is no padding.
    """

    def __init__(self, penalty: float, encoder_input_ids: Tensor, *, encoder_mask: Tensor | None = None) -> None:
        self.penalty = 1 / _positive("encoder_repetition_penalty", penalty)
        self._tokens = encoder_input_ids
        if encoder_mask is not None:
            some_token = encoder_input_ids.gather(1, encoder_mask.long().argmax(1, keepdim=True))
            self._tokens = _Padding(encoder_mask).replaced(encoder_input_ids, some_token)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return _penalized(for_texts(self._tokens, scores.shape[0]), scores, self.penalty)


class NoRepeatNGramLogitsProcessor(LogitsProcessor):
    """Forbids the tokens with which a text would have a sequence of n tokens twice (Paulus et al., 2018).

    Args:
        ngram_size: n.
        prompt_mask: 1 for the tokens of the prompts, 0 for padding, ``[prompts, time]``; None if there is no padding.
    """

    def __init__(self, ngram_size: int, *, prompt_mask: Tensor | None = None) -> None:
        self.ngram_size = _ngram_size("no_repeat_ngram_size", ngram_size)
        self._padding = _Padding(prompt_mask)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if input_ids.shape[1] < self.ngram_size:
            return scores
        texts = self._padding.replaced(input_ids, _NO_TOKEN)
        return _without_ngrams(texts, texts.unfold(1, self.ngram_size, 1), scores)


class EncoderNoRepeatNGramLogitsProcessor(LogitsProcessor):
    """Forbids the tokens with which a text would have a sequence of n tokens that its input has.

    Args:
        encoder_ngram_size: n.
        encoder_input_ids: The input, ``[prompts, time]``.
        encoder_mask: 1 for its tokens, 0 for padding, ``[prompts, time]``; None if there is no padding.
        prompt_mask: The same for the beginnings of the texts.
    """

    def __init__(
        self,
        encoder_ngram_size: int,
        encoder_input_ids: Tensor,
        *,
        encoder_mask: Tensor | None = None,
        prompt_mask: Tensor | None = None,
    ) -> None:
        self.ngram_size = _ngram_size("encoder_no_repeat_ngram_size", encoder_ngram_size)
        tokens = encoder_input_ids if encoder_input_ids.ndim == 2 else encoder_input_ids[None]
        tokens = _Padding(encoder_mask).replaced(tokens, _NO_TOKEN)
        missing = max(0, self.ngram_size - tokens.shape[1])
        self._ngrams = pad(tokens, (missing, 0), value=_NO_TOKEN).unfold(1, self.ngram_size, 1)
        self._padding = _Padding(prompt_mask)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if input_ids.shape[1] < self.ngram_size - 1:
            return scores
        texts = self._padding.replaced(input_ids, _NO_TOKEN)
        return _without_ngrams(texts, for_texts(self._ngrams, scores.shape[0]), scores)


class SequenceBiasLogitsProcessor(LogitsProcessor):
    """Adds to the score of a token where it would complete one of certain sequences.

    Args:
        sequence_bias: The sequences and what is added: ``{(5, 7): -2.0}`` or ``[[[5, 7], -2.0]]``.
        prompt_mask: 1 for the tokens of the prompts, 0 for padding, ``[prompts, time]``; None if there is no padding.
    """

    _option = "sequence_bias"

    def __init__(
        self,
        sequence_bias: Mapping[tuple[int, ...], float] | Sequence[Sequence[Any]],
        *,
        prompt_mask: Tensor | None = None,
    ) -> None:
        pairs = sequence_bias.items() if isinstance(sequence_bias, Mapping) else sequence_bias
        self._biases = {tuple(sequence): float(bias) for sequence, bias in pairs}
        if not all(sequence and min(sequence) >= 0 for sequence in self._biases):
            raise UserError(f"Sequences must have one or more tokens, and {list(self._biases)} has others.")
        self._padding = _Padding(prompt_mask)
        self._of_tokens = torch.empty(0)
        self._of_sequences: list[_SequencesOfOneLength] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if self._of_tokens.shape != scores.shape[1:] or self._of_tokens.device != scores.device:
            self._prepare(scores)
        scores = scores + self._of_tokens
        texts = self._padding.replaced(input_ids, _NO_TOKEN) if self._of_sequences else input_ids
        for sequences in self._of_sequences:
            sequences.add_to(scores, texts)
        return scores

    def _prepare(self, scores: Tensor) -> None:
        size = scores.shape[-1]
        if outside := sorted({token for sequence in self._biases for token in sequence if token >= size}):
            raise UserError(f"{self._option} names the tokens {outside}, and the vocabulary ends before {size}.")
        self._of_tokens = torch.zeros_like(scores[0])
        by_length: dict[int, list[tuple[int, ...]]] = {}
        for sequence in self._biases:
            by_length.setdefault(len(sequence), []).append(sequence)
        for sequence in by_length.pop(1, ()):
            self._of_tokens[sequence[0]] = self._biases[sequence]
        self._of_sequences = [
            _SequencesOfOneLength({sequence: self._biases[sequence] for sequence in group}, scores)
            for _, group in sorted(by_length.items())
        ]


class _SequencesOfOneLength:
    """Sequences of two or more tokens, and what is added where they would be complete."""

    def __init__(self, biases: Mapping[tuple[int, ...], float], scores: Tensor) -> None:
        sequences = torch.tensor(list(biases), device=scores.device)
        self._beginnings, self._last = sequences[:, :-1], sequences[:, -1]
        self._values = scores.new_tensor(list(biases.values()))

    def add_to(self, scores: Tensor, texts: Tensor) -> None:
        """Adds to the scores, in place, what the texts call for."""
        length = self._beginnings.shape[1]
        if texts.shape[1] >= length:
            begun = (texts[:, None, -length:] == self._beginnings).all(-1)
            scores.index_add_(1, self._last, torch.where(begun, self._values, 0.0))


class NoBadWordsLogitsProcessor(SequenceBiasLogitsProcessor):
    """Forbids sequences of tokens. What ends a text is never forbidden by itself.

    Args:
        bad_words_ids: The sequences.
        eos_token_id: The tokens that end a text.
        prompt_mask: 1 for the tokens of the prompts, 0 for padding, ``[prompts, time]``; None if there is no padding.
    """

    _option = "bad_words_ids"

    def __init__(
        self,
        bad_words_ids: Sequence[Sequence[int]],
        eos_token_id: Tokens | None = None,
        *,
        prompt_mask: Tensor | None = None,
    ) -> None:
        ends = [] if eos_token_id is None else TokenSet(eos_token_id).tokens.tolist()
        words = [word for word in bad_words_ids if list(word) not in [[end] for end in ends]]
        super().__init__([(word, -math.inf) for word in words], prompt_mask=prompt_mask)


def _penalized(tokens: Tensor, scores: Tensor, penalty: float) -> Tensor:
    """The scores, with those of the tokens of each row, ``[texts, time]``, changed once each."""
    old = scores.gather(1, tokens)
    return scores.scatter(1, tokens, torch.where(old < 0, old * penalty, old / penalty))


def _without_ngrams(texts: Tensor, ngrams: Tensor, scores: Tensor) -> Tensor:
    """The scores, with those of the tokens that would complete one of the sequences at -inf.

    Args:
        texts: The tokens so far, ``[texts, time]``.
        ngrams: The sequences, ``[texts, count, n]``.
        scores: ``[texts, vocabulary]``.
    """
    length = ngrams.shape[-1] - 1
    begun = (ngrams[..., :-1] == texts[:, None, texts.shape[1] - length :]).all(-1)
    last = ngrams[..., -1]
    bounds = torch.where(begun & (last != _NO_TOKEN), -math.inf, math.inf).to(scores.dtype)
    return scores.scatter_reduce(1, last.clamp(min=0), bounds, "amin")


def _positive(name: str, value: float) -> float:
    if not value > 0:
        raise UserError(f"{name} must be above 0, not {value}.")
    return float(value)


def _ngram_size(name: str, value: int) -> int:
    if value < 1:
        raise UserError(f"{name} must be at least 1, not {value}.", advice="0 turns it off in generate().")
    return value
