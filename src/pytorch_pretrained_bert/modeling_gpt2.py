"""GPT-2: the configuration, the base model and two heads, called as in pytorch-pretrained-bert 0.6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import torch
from torch import Tensor

from transformers.models.gpt2 import configuration_gpt2, modeling_gpt2
from transformers.nn.activations import gelu_tanh as gelu

from ._bert_layers import BertLayerNorm as LayerNorm
from ._configurations import OlderConfig, StrPath, vocabulary_or_file
from ._generative import LMHead as GPT2LMHead
from ._generative import MultipleChoiceHead as GPT2MultipleChoiceHead
from ._generative import OlderDecoder, double_losses, in_rows, keep_masks
from ._losses import next_token_loss
from ._models import StateDict, load_original_weights
from .file_utils import CONFIG_NAME, WEIGHTS_NAME, cached_path

__all__ = [
    "CONFIG_NAME", "WEIGHTS_NAME", "GPT2Config", "GPT2DoubleHeadsModel", "GPT2LMHead", "GPT2LMHeadModel", "GPT2Model",
    "GPT2MultipleChoiceHead", "GPT2PreTrainedModel", "LayerNorm", "cached_path", "gelu", "load_tf_weights_in_gpt2",
]  # fmt: skip

#: For each block its keys and values, ``[2, rows, heads, time, size]``.
Presents = list[Tensor]


class GPT2Config(OlderConfig, configuration_gpt2.GPT2Config):
    """Hyper-parameters of a GPT-2 model. There is no dropout, unless a file of today asks for it.

    Args:
        vocab_size_or_config_json_file: Number of tokens, or the path of a JSON file with all the fields.
        n_positions: The longest sequence.
        n_ctx: The size of the causal mask in state dicts.
        n_embd: Width of the hidden states.
        n_layer: Number of blocks.
        n_head: Number of attention heads.
        layer_norm_epsilon: Epsilon of the layer norms.
        initializer_range: Standard deviation of new weights.
    """

    stored_fields: ClassVar[tuple[str, ...]] = (
        "vocab_size", "n_ctx", "n_positions", "n_embd", "n_layer", "n_head", "layer_norm_epsilon", "initializer_range",
    )  # fmt: skip

    def __init__(
        self,
        vocab_size_or_config_json_file: int | StrPath = 50257,
        n_positions: int = 1024,
        n_ctx: int = 1024,
        n_embd: int = 768,
        n_layer: int = 12,
        n_head: int = 12,
        layer_norm_epsilon: float = 1e-5,
        initializer_range: float = 0.02,
    ) -> None:
        vocab_size, stored = vocabulary_or_file(vocab_size_or_config_json_file)
        super().__init__(
            vocab_size,
            n_positions,
            n_embd,
            n_layer,
            n_head,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            layer_norm_epsilon=layer_norm_epsilon,
            initializer_range=initializer_range,
        )
        self.n_ctx = n_ctx
        self.update(stored)


class GPT2PreTrainedModel(OlderDecoder, modeling_gpt2.GPT2PreTrainedModel):
    """The base class of GPT-2 models."""

    config_class = GPT2Config  # type: ignore[assignment]  # whose constructor is another

    config: GPT2Config

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        pretrained_model_name_or_path: StrPath,
        state_dict: StateDict | None = None,
        cache_dir: StrPath | None = None,
        from_tf: bool = False,
        *inputs: object,
        **kwargs: object,
    ) -> Self:
        """Loads a model, see :meth:`OlderModel.from_pretrained`.

        Args:
            pretrained_model_name_or_path: See there, as for the others.
            state_dict: Tensors.
            cache_dir: A folder.
            from_tf: Whether it is an original checkpoint.
            *inputs: Further arguments of the constructor.
            **kwargs: Further arguments of the constructor.
        """
        return super().from_pretrained(
            pretrained_model_name_or_path,
            *inputs,
            state_dict=state_dict,
            cache_dir=cache_dir,
            from_tf=from_tf,
            **kwargs,
        )

    def set_tied(self) -> None:
        """Shares the embeddings with the head once more; a model without a head has nothing to share."""


class GPT2Model(GPT2PreTrainedModel, modeling_gpt2.GPT2Model):
    """The decoder without a head.

    Args:
        config: The hyper-parameters.
    """

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        keep_masks(self.h, config.n_ctx)

    def forward(  # type: ignore[override]
        self,
        input_ids: Tensor,
        position_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        past: Sequence[Tensor] | None = None,
    ) -> tuple[Tensor, Presents]:
        """Runs the decoder.

        Args:
            input_ids: ``[..., time]`` tokens that are not in the past.
            position_ids: ``[..., time]``; if None they count on from the past.
            token_type_ids: ``[..., time]`` tokens whose embeddings are added.
            past: What an earlier call returned as presents; it stays as it is.

        Returns:
            The last states, ``[..., time, n_embd]``, and for each block the keys and values of all positions,
            ``[2, rows, heads, time, size]``.
        """
        output = super().forward(
            in_rows(input_ids),
            None if past is None else [tuple(layer) for layer in past],
            token_type_ids=in_rows(token_type_ids),
            position_ids=in_rows(position_ids),
            use_cache=True,
            return_dict=True,
        )
        presents = [torch.stack(layer) for layer in output.past_key_values]
        return output.last_hidden_state.view(*input_ids.shape, -1), presents


class _Head(GPT2PreTrainedModel):
    """A GPT-2 model that scores the next token."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.transformer = GPT2Model(config)
        self.lm_head = GPT2LMHead(self.transformer.wte.weight, config)

    def set_tied(self) -> None:
        """Shares the embeddings with the head once more."""
        self.lm_head.set_embeddings_weights(self.transformer.wte.weight)


class GPT2LMHeadModel(_Head):
    """GPT-2 with scores of the next token.

    Args:
        config: The hyper-parameters.
    """

    def forward(
        self,
        input_ids: Tensor,
        position_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        lm_labels: Tensor | None = None,
        past: Sequence[Tensor] | None = None,
    ) -> Tensor | tuple[Tensor, Presents]:
        """The loss if there are labels, else the scores ``[..., time, tokens]`` and the presents.

        Args:
            input_ids: See :class:`GPT2Model`, as for the others.
            position_ids: ``[..., time]``.
            token_type_ids: ``[..., time]``.
            lm_labels: ``[..., time]`` input ids, shifted inside; -1 counts for nothing.
            past: Presents of an earlier call.
        """
        hidden, presents = self.transformer(input_ids, position_ids, token_type_ids, past)
        logits = self.lm_head(hidden)
        return (logits, presents) if lm_labels is None else next_token_loss(logits, lm_labels)


class GPT2DoubleHeadsModel(_Head):
    """GPT-2 with scores of the next token and of several continuations as a whole.

    Args:
        config: The hyper-parameters.
    """

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.multiple_choice_head = GPT2MultipleChoiceHead(config)

    def forward(
        self,
        input_ids: Tensor,
        mc_token_ids: Tensor,
        lm_labels: Tensor | None = None,
        mc_labels: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        past: Sequence[Tensor] | None = None,
    ) -> list[Tensor] | tuple[Tensor, Tensor, Presents]:
        """The list of the losses for which there are labels, or else the scores of tokens and choices, and presents.

        Args:
            input_ids: ``[batch, choices, time]``.
            mc_token_ids: ``[batch, choices]`` positions at which the texts are judged.
            lm_labels: ``[batch, choices, time]`` input ids, shifted inside; -1 counts for nothing.
            mc_labels: ``[batch]`` indices of the right choices.
            token_type_ids: ``[batch, choices, time]`` tokens whose embeddings are added.
            position_ids: ``[batch, choices, time]``.
            past: Presents of an earlier call.

        Returns:
            A list of losses; or scores ``[batch, choices, time, tokens]`` and ``[batch, choices]``, and the presents.
        """
        hidden, presents = self.transformer(input_ids, position_ids, token_type_ids, past)
        lm_logits, mc_logits = self.lm_head(hidden), self.multiple_choice_head(hidden, mc_token_ids)
        return double_losses(lm_logits, mc_logits, lm_labels, mc_labels) or (lm_logits, mc_logits, presents)


def load_tf_weights_in_gpt2(model: GPT2PreTrainedModel, gpt2_checkpoint_path: StrPath) -> GPT2PreTrainedModel:
    """Copies the weights of an original checkpoint into a model, and returns the model. TensorFlow is not needed.

    Args:
        model: The model.
        gpt2_checkpoint_path: The checkpoint: its prefix, one of its files, or its folder.

    Raises:
        UserError: The checkpoint cannot be read, or nothing of it fits.
        RuntimeError: It does not have the shapes of the model.
    """
    load_original_weights(model, gpt2_checkpoint_path)
    return model
