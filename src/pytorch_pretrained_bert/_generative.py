"""What GPT and GPT-2 have in common: their heads, the mask in their state dicts, and inputs of any number of axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from transformers.nn.heads import at_positions

from ._losses import next_token_loss, token_loss
from ._models import OlderModel


class LMHead(nn.Module):
    """The scores of the next token: the products of the states with the embeddings of all tokens.

    Args:
        model_embeddings_weights: The embeddings, which are shared.
        config: The hyper-parameters.
    """

    def __init__(self, model_embeddings_weights: Tensor, config: Any) -> None:
        super().__init__()
        self.decoder = nn.Linear(config.n_embd, len(model_embeddings_weights), bias=False, device="meta")
        self.set_embeddings_weights(model_embeddings_weights)

    def set_embeddings_weights(self, model_embeddings_weights: Tensor) -> None:
        """Shares other embeddings."""
        self.decoder.weight = cast("nn.Parameter", model_embeddings_weights)
        self.decoder.out_features = len(model_embeddings_weights)

    def forward(self, hidden_state: Tensor) -> Tensor:
        """``[..., n_embd]`` -> ``[..., tokens]``."""
        scores: Tensor = self.decoder(hidden_state)
        return scores


class MultipleChoiceHead(nn.Module):
    """One score for each choice, from the state of a token of it.

    Args:
        config: The hyper-parameters.
        dropout: Dropout of the state.
    """

    def __init__(self, config: Any, dropout: float = 0.1) -> None:
        super().__init__()
        self.dropout = nn.Dropout1d(dropout)  # drops a feature from all the choices of an example
        self.linear = nn.Linear(config.n_embd, 1)
        nn.init.normal_(self.linear.weight, std=0.02)
        nn.init.zeros_(self.linear.bias)

    def forward(self, hidden_states: Tensor, mc_token_ids: Tensor) -> Tensor:
        """Scores choices.

        Args:
            hidden_states: ``[batch, choices, time, n_embd]``.
            mc_token_ids: ``[batch, choices]`` positions of the tokens.

        Returns:
            ``[batch, choices]``.
        """
        chosen = at_positions(hidden_states, mc_token_ids)
        dropped = self.dropout(chosen.transpose(1, 2)).transpose(1, 2)
        scores: Tensor = self.linear(dropped).squeeze(-1)
        return scores


class OlderDecoder(OlderModel):
    """What is the same in the base models and heads of GPT and GPT-2."""

    older_parts: ClassVar[Mapping[str, str]] = {
        "lm_head.weight": "lm_head.decoder.weight",
        "multiple_choice_head.summary.": "multiple_choice_head.linear.",
    }


def keep_masks(blocks: nn.ModuleList, n_ctx: int) -> None:
    """Gives attentions the causal mask that each has in the older state dicts. Nothing reads it; there is one copy."""
    mask = torch.ones(n_ctx, n_ctx).tril()[None, None]
    for block in blocks:
        block.get_submodule("attn").register_buffer("bias", mask)


def in_rows(ids: Tensor | None) -> Tensor | None:
    """``[..., time]`` -> ``[rows, time]``, which the models of today take."""
    return None if ids is None else ids.view(-1, ids.shape[-1])


def double_losses(
    lm_logits: Tensor, mc_logits: Tensor, lm_labels: Tensor | None, mc_labels: Tensor | None
) -> list[Tensor]:
    """The losses of both heads, of each for which there are labels."""
    losses = [] if lm_labels is None else [next_token_loss(lm_logits, lm_labels)]
    return losses if mc_labels is None else [*losses, token_loss(mc_logits, mc_labels)]
