"""What a model with an encoder does before it writes: it reads the input, once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import UserError
from .configuration import GenerationConfig

#: Arguments of the forward pass that are the encoder's own.
_ENCODER_INPUTS = ("head_mask",)


def read_input(
    model: Any,
    input_ids: Tensor | None,
    attention_mask: Tensor | None,
    config: GenerationConfig,
    others: dict[str, Any],
) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Runs the encoder, unless ``encoder_outputs`` are given.

    Args:
        model: A model that has ``get_encoder()``.
        input_ids: What it reads, ``[batch, time]``, padded on any side; None if ``encoder_outputs`` are given.
        attention_mask: 1 for its tokens, 0 for padding. If None, tokens that are ``pad_token_id`` are padding, provided
            that this is no token that ends a text.
        config: The options.
        others: Further arguments of the forward pass.

    Returns:
        The beginnings of the texts that the decoder goes on with, ``[batch, length]``: ``decoder_input_ids`` if they
        are given, else the start token; their mask; and the further arguments of each step.

    Raises:
        UserError: There is nothing to read, or no token to start from.
    """
    others = dict(others)
    if input_ids is None and "encoder_outputs" not in others:
        raise UserError("generate() has neither input_ids nor encoder_outputs for the encoder to start from.")
    if attention_mask is None and input_ids is not None:
        attention_mask = _mask_of(input_ids, config)
    own = {name: others.pop(name) for name in _ENCODER_INPUTS if name in others}
    if "encoder_outputs" not in others:
        others["encoder_outputs"] = model.get_encoder()(input_ids, attention_mask, return_dict=True, **own)
    prompt = others.pop("decoder_input_ids", None)
    if prompt is None:
        prompt = _start_tokens(others["encoder_outputs"][0], config)
    mask = others.pop("decoder_attention_mask", None)
    others["encoder_attention_mask"] = attention_mask
    return prompt, torch.ones_like(prompt) if mask is None else mask, others


def _mask_of(input_ids: Tensor, config: GenerationConfig) -> Tensor | None:
    pad = config.pad_token_id
    if pad is None or pad in config.end_tokens or not bool((input_ids == pad).any()):
        return None
    return (input_ids != pad).long()


def _start_tokens(states: Tensor, config: GenerationConfig) -> Tensor:
    start = config.bos_token_id if config.decoder_start_token_id is None else config.decoder_start_token_id
    if start is None:
        raise UserError(
            "generate() has no decoder_start_token_id from which the decoder starts.",
            advice="Pass decoder_start_token_id, or decoder_input_ids.",
        )
    return torch.full((states.shape[0], 1), start, dtype=torch.long, device=states.device)
