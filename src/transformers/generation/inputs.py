"""What a model is given at each step: the prompts, and what it is told about their tokens and those to come."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..errors import UserError
from .configuration import GenerationConfig

#: What the ids of tokens may be, as embeddings take them.
_TOKEN_DTYPES = (torch.long, torch.int)


@dataclass(frozen=True)
class Prompt:
    """The beginnings of the texts.

    Attributes:
        tokens: ``[batch, time]``; without meaning where ``hidden``.
        mask: 1 for tokens, 0 for padding, ``[batch, time]``; None if there is no padding, so that nothing is masked.
        embeds: ``[batch, time, size]`` in the place of the embeddings of the tokens, or None.
        hidden: How many of the first columns of ``tokens`` only hold the place of embeddings: all or none.
    """

    tokens: Tensor
    mask: Tensor | None
    embeds: Tensor | None = None
    hidden: int = 0

    @classmethod
    def of(
        cls,
        tokens: Tensor | None,
        embeds: Tensor | None,
        attention_mask: Tensor | None,
        config: GenerationConfig,
        device: torch.device,
    ) -> Prompt:
        """The prompts of a call.

        Args:
            tokens: ``[batch, time]``, or None.
            embeds: ``[batch, time, size]``, or None. With both the tokens are what comes back and the embeddings what
                the model reads.
            attention_mask: 1 for tokens, 0 for padding; see :func:`prompt_mask`.
            config: Says where a text starts if neither is given.
            device: Where it starts.

        Raises:
            UserError: There is nothing to start from, or something else than was expected.
        """
        if embeds is not None:
            return cls._of_embeds(tokens, embeds, attention_mask, config)
        if tokens is None:
            tokens = _first_token(config, device)
        if tokens.ndim != 2 or tokens.numel() == 0 or tokens.dtype not in _TOKEN_DTYPES:
            raise UserError(
                f"The prompt has shape {list(tokens.shape)} and dtype {tokens.dtype}.",
                advice="generate() needs token ids, [batch, time], and at least one in each row; without any prompt"
                " a text starts with bos_token_id.",
            )
        return cls(tokens, prompt_mask(tokens, attention_mask, config))

    @classmethod
    def _of_embeds(
        cls, tokens: Tensor | None, embeds: Tensor, attention_mask: Tensor | None, config: GenerationConfig
    ) -> Prompt:
        if embeds.ndim != 3 or embeds.numel() == 0 or (tokens is not None and tokens.shape != embeds.shape[:2]):
            beside = "" if tokens is None else f", input_ids {list(tokens.shape)}"
            raise UserError(
                f"inputs_embeds has shape {list(embeds.shape)}{beside}.",
                advice="It must be [batch, time, hidden], with one vector for each token if input_ids are given too.",
            )
        if tokens is not None:
            return cls(tokens, prompt_mask(tokens, attention_mask, config), embeds)
        places = torch.zeros(embeds.shape[:2], dtype=torch.long, device=embeds.device)
        return cls(places, prompt_mask(embeds, attention_mask, config), embeds, hidden=embeds.shape[1])

    def room(self, config: GenerationConfig, positions: int | None) -> int:
        """The greatest length of the texts, prompts included.

        Args:
            config: The options.
            positions: How many the model has; None if their number is not limited.

        Raises:
            UserError: The prompts leave no room, or the texts would not fit.
        """
        given = self.tokens.shape[1]
        room = config.max_length if config.max_new_tokens is None else given + config.max_new_tokens
        if room <= given:
            raise UserError(
                f"No token may follow: the prompt has {given} tokens, max_length is {room}.",
                advice="Give max_new_tokens, the number of tokens after the prompt.",
            )
        longest = given if self.mask is None else int(self.mask.sum(1).max())
        if positions is not None and longest + room - given > positions:
            raise UserError(
                f"{longest} tokens of the prompt and {room - given} new ones do not fit in the {positions} positions"
                " of the model.",
                advice="Shorten the prompt or lower max_new_tokens.",
            )
        return room


@dataclass(frozen=True)
class StepInputs:
    """What a model is told besides the tokens, for the prompts and for all the tokens that may follow.

    Attributes:
        mask: 1 for real tokens, 0 for padding, ``[texts, room]``; None if no prompt is padded.
        per_token: Further arguments of the forward pass with a value for each token, ``[texts, room]``.
        embeds: ``[texts, time, size]`` in the place of the embeddings of the prompts, or None.
        others: Further arguments of the forward pass.
    """

    mask: Tensor | None
    per_token: Mapping[str, Tensor]
    embeds: Tensor | None
    others: Mapping[str, Any]

    @classmethod
    def of(cls, prompt: Prompt, arguments: Mapping[str, Any], per_token: Collection[str], room: int) -> StepInputs:
        """The inputs for texts of at most ``room`` tokens.

        Args:
            prompt: Their beginnings.
            arguments: Further arguments of the forward pass.
            per_token: Which of these have a value for each token; new tokens get that of the last one.
            room: The greatest number of tokens, prompts included.
        """
        rest = dict(arguments)
        values = {name: _extended(rest.pop(name), name, prompt, room) for name in per_token if name in arguments}
        mask = None
        if prompt.mask is not None:
            mask = _extended(prompt.mask, "attention_mask", prompt, room)
            values["position_ids"] = _positions(mask)
        return cls(mask, values, prompt.embeds, rest)

    def until(self, length: int) -> dict[str, Any]:
        """The arguments for the first tokens, but for ``inputs_embeds``."""
        arguments = {name: values[:, :length] for name, values in self.per_token.items()}
        mask = None if self.mask is None else self.mask[:, :length]
        return {"attention_mask": mask, **arguments, **self.others}

    def repeated(self, copies: int, rows: int) -> StepInputs:
        """The inputs with each row ``copies`` times, one after the other; there are ``rows`` of them now."""
        return replace(
            self,
            mask=_repeated(self.mask, copies),
            per_token={name: _repeated(values, copies) for name, values in self.per_token.items()},
            embeds=_repeated(self.embeds, copies),
            others={name: _repeated_argument(name, value, copies, rows) for name, value in self.others.items()},
        )


def prompt_mask(prompt: Tensor, attention_mask: Tensor | None, config: GenerationConfig) -> Tensor | None:
    """1 for tokens, 0 for padding; None if there is no padding.

    Args:
        prompt: Tokens, ``[batch, time]``, or their embeddings.
        attention_mask: What the caller gave; if None, tokens that are ``pad_token_id`` are padding, provided that this
            is no token that ends a text.
        config: Says what the padding is.

    Raises:
        UserError: The mask does not fit, or a prompt ends in padding.
    """
    if attention_mask is None:
        attention_mask = None if prompt.is_floating_point() else padding_mask(prompt, config)
    if attention_mask is None:
        return None
    if attention_mask.shape != prompt.shape[:2]:
        raise UserError(f"attention_mask is {list(attention_mask.shape)}, the prompt {list(prompt.shape[:2])}.")
    mask = attention_mask.to(torch.long)
    if bool(mask.all()):
        return None
    if not bool(mask[:, -1].all()):
        raise UserError(
            "A prompt ends in padding, from which no text goes on.",
            advice="Pad on the left: tokenizer.padding_side = 'left'.",
        )
    return mask


def padding_mask(tokens: Tensor, config: GenerationConfig) -> Tensor | None:
    """1 for tokens that are not the padding, unless that may be a token that ends a text; None if there is none."""
    pad = config.pad_token_id
    if pad is None or pad in config.end_tokens:
        return None
    mask = tokens != pad
    return None if bool(mask.all()) else mask.to(torch.long)


def _first_token(config: GenerationConfig, device: torch.device) -> Tensor:
    if config.bos_token_id is None:
        raise UserError("generate() has neither input_ids nor a bos_token_id to start from.")
    return torch.tensor([[config.bos_token_id]], device=device)


def _extended(values: Any, name: str, prompt: Prompt, room: int) -> Tensor:
    """``[batch, prompt]`` -> ``[batch, room]``: what holds for the last token of a prompt holds for those after it."""
    given = prompt.tokens.shape
    if not isinstance(values, Tensor) or values.shape != given:
        is_now = list(values.shape) if isinstance(values, Tensor) else "no tensor"
        raise UserError(f"{name} is {is_now}, the prompt {list(given)}.")
    return torch.cat([values, values[:, -1:].expand(-1, room - given[1])], dim=1)


def _positions(mask: Tensor) -> Tensor:
    """Positions that count real tokens only, so that a padded prompt stands where it would stand alone."""
    return (mask.cumsum(-1) - 1).clamp(min=0)


def _repeated(values: Any, copies: int) -> Any:
    return None if values is None else values.repeat_interleave(copies, dim=0)


def _repeated_argument(name: str, value: Any, copies: int, rows: int) -> Any:
    """An argument of the forward pass for more texts; only those that have a row for each text change."""
    if name == "encoder_outputs":
        return type(value)(last_hidden_state=_repeated(value.last_hidden_state, copies))
    per_text = isinstance(value, Tensor) and value.ndim > 0 and value.shape[0] == rows
    return _repeated(value, copies) if per_text and not name.endswith("head_mask") else value
