"""What a model with an encoder does before it writes: it reads the input, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import UserError
from ..modeling_outputs import BaseModelOutput, Tensors
from ..modeling_padding import View, looking_at
from .configuration import GenerationConfig
from .inputs import padding_mask

#: Arguments of the forward pass that are the encoder's own.
_ENCODER_INPUTS = ("inputs_embeds", "head_mask")


@dataclass(frozen=True)
class Encoded:
    """What the encoder has read.

    Attributes:
        prompt: The beginnings of the texts that the decoder goes on with, ``[batch, length]``: ``decoder_input_ids`` if
            they are given, else the start token.
        mask: 1 for their tokens, 0 for padding.
        inputs: Further arguments of each step.
        tokens: What was read, ``[batch, time]``, if it was tokens.
        hidden_states: Of each layer, ``[batch, time, hidden]``, if they were asked for.
        attentions: Of each layer, ``[batch, heads, time, time]``, if they were asked for.
    """

    prompt: Tensor
    mask: Tensor
    inputs: dict[str, Any]
    tokens: Tensor | None
    hidden_states: Tensors | None
    attentions: Tensors | None


def read_input(
    model: Any,
    input_ids: Tensor | None,
    attention_mask: Tensor | None,
    config: GenerationConfig,
    inputs: Mapping[str, Any],
    wanted: Mapping[str, bool],
) -> Encoded:
    """Runs the encoder, unless ``encoder_outputs`` are given.

    Args:
        model: A model that has ``get_encoder()``.
        input_ids: What it reads, ``[batch, time]``, padded on any side; None if ``inputs_embeds`` or
            ``encoder_outputs`` are given.
        attention_mask: 1 for its tokens, 0 for padding. If None, tokens that are ``pad_token_id`` are padding, provided
            that this is no token that ends a text.
        config: The options.
        inputs: Further arguments of the forward pass.
        wanted: ``output_attentions`` and ``output_hidden_states``, where they are asked for.

    Raises:
        UserError: There is nothing to read, or no token to start from.
    """
    rest = dict(inputs)
    if attention_mask is None and input_ids is not None:
        attention_mask = padding_mask(input_ids, config)
    own = {name: rest.pop(name) for name in _ENCODER_INPUTS if name in rest}
    given = rest.pop("encoder_outputs", None)
    if given is None:
        if input_ids is None and "inputs_embeds" not in own:
            raise UserError("generate() has no input_ids, inputs_embeds or encoder_outputs for the encoder.")
        # The decoder attends to real positions only, and nobody else sees these states.
        with looking_at(View.REAL):
            output = model.get_encoder()(input_ids, attention_mask, **own, **wanted, return_dict=True)
    else:
        output = _outputs(given)
    states: Tensor = output["last_hidden_state"]
    prompt, mask = _prompts(
        states, rest.pop("decoder_input_ids", None), rest.pop("decoder_attention_mask", None), config
    )
    rest |= {"encoder_outputs": BaseModelOutput(states), "encoder_attention_mask": attention_mask}
    return Encoded(prompt, mask, rest, input_ids, output.get("hidden_states"), output.get("attentions"))


def _outputs(given: Any) -> Mapping[str, Any]:
    """The ``encoder_outputs`` of a call, by name."""
    output = BaseModelOutput(*given) if isinstance(given, tuple | list) else given
    states = output.get("last_hidden_state") if isinstance(output, Mapping) else None
    if not isinstance(states, Tensor) or states.ndim != 3:
        raise UserError("encoder_outputs must be what get_encoder() returned, or a tuple that begins as this does.")
    return output


def _prompts(
    states: Tensor, given: Tensor | None, mask: Tensor | None, config: GenerationConfig
) -> tuple[Tensor, Tensor]:
    """The beginnings of the texts, and 1 for their tokens and 0 for padding, ``[batch, length]`` each.

    Args:
        states: What the encoder has read, ``[batch, time, hidden]``.
        given: ``decoder_input_ids``, which get the start token if none of them begins with it.
        mask: ``decoder_attention_mask``.
        config: Says what the start token is.
    """
    start = config.bos_token_id if config.decoder_start_token_id is None else config.decoder_start_token_id
    if given is None:
        given = _start_tokens(states, start)
        return given, torch.ones_like(given)  # the token from which a text starts is often the padding token
    if mask is None:
        mask = torch.ones_like(given)
    if given.ndim != 2 or given.shape[0] != states.shape[0] or mask.shape != given.shape:
        raise UserError(
            f"decoder_input_ids is {list(given.shape)} and its mask {list(mask.shape)}, and the encoder has read"
            f" {states.shape[0]} inputs.",
            advice="Both must be [batch, time], with one row for each input.",
        )
    return (given, mask) if start is None else _begun(given, mask, start)


def _begun(prompt: Tensor, mask: Tensor, start: int) -> tuple[Tensor, Tensor]:
    """The prompts and their mask with the start token in front of their tokens, unless one of them begins with it."""
    first = mask.long().argmax(1, keepdim=True)
    if bool((prompt.gather(1, first) == start).any()):
        return prompt, mask
    longer = torch.cat([prompt[:, :1], prompt], dim=1).scatter(1, first, start)
    return longer, torch.cat([mask[:, :1], mask], dim=1).scatter(1, first, 1)


def _start_tokens(states: Tensor, start: int | None) -> Tensor:
    if start is None:
        raise UserError(
            "generate() has no decoder_start_token_id from which the decoder starts.",
            advice="Pass decoder_start_token_id, or decoder_input_ids.",
        )
    return torch.full((states.shape[0], 1), start, dtype=torch.long, device=states.device)
