"""OpenAI GPT: the configuration, the base model and two heads, called as in pytorch-pretrained-bert 0.6."""

from __future__ import annotations

from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from transformers.models.openai import configuration_openai, modeling_openai
from transformers.nn.activations import gelu_tanh as gelu

from ._bert_layers import BertLayerNorm as LayerNorm
from ._bert_layers import swish
from ._configurations import OlderConfig, StrPath, vocabulary_or_file
from ._generative import LMHead as OpenAIGPTLMHead
from ._generative import MultipleChoiceHead as OpenAIGPTMultipleChoiceHead
from ._generative import OlderDecoder, double_losses, in_rows, keep_masks
from ._losses import next_token_loss
from ._models import StateDict, load_original_weights
from .file_utils import CONFIG_NAME, WEIGHTS_NAME, cached_path

__all__ = [
    "ACT_FNS", "CONFIG_NAME", "WEIGHTS_NAME", "LayerNorm", "OpenAIGPTConfig", "OpenAIGPTDoubleHeadsModel",
    "OpenAIGPTLMHead", "OpenAIGPTLMHeadModel", "OpenAIGPTModel", "OpenAIGPTMultipleChoiceHead",
    "OpenAIGPTPreTrainedModel", "cached_path", "gelu", "load_tf_weights_in_openai_gpt", "swish",
]  # fmt: skip

#: The activations that a configuration may name.
ACT_FNS = {"relu": nn.ReLU, "swish": swish, "gelu": gelu}


class OpenAIGPTConfig(OlderConfig, configuration_openai.OpenAIGPTConfig):
    """Hyper-parameters of an OpenAI GPT model.

    Args:
        vocab_size_or_config_json_file: Number of tokens without special ones, or the path of a JSON file with all the
            fields.
        n_special: Number of special tokens, whose embeddings follow those of the others.
        n_positions: The longest sequence.
        n_ctx: The size of the causal mask in state dicts.
        n_embd: Width of the hidden states.
        n_layer: Number of blocks.
        n_head: Number of attention heads.
        afn: Activation: "gelu" (the tanh form), "relu" or "swish".
        resid_pdrop: Dropout of what a block adds to the hidden states.
        embd_pdrop: Dropout of the embeddings.
        attn_pdrop: Dropout of the attention weights.
        layer_norm_epsilon: Epsilon of the layer norms.
        initializer_range: Standard deviation of new weights.
    """

    stored_fields: ClassVar[tuple[str, ...]] = (
        "vocab_size", "n_special", "n_ctx", "n_positions", "n_embd", "n_layer", "n_head", "afn", "resid_pdrop",
        "embd_pdrop", "attn_pdrop", "layer_norm_epsilon", "initializer_range",
    )  # fmt: skip

    def __init__(
        self,
        vocab_size_or_config_json_file: int | StrPath = 40478,
        n_special: int = 0,
        n_positions: int = 512,
        n_ctx: int = 512,
        n_embd: int = 768,
        n_layer: int = 12,
        n_head: int = 12,
        afn: str = "gelu",
        resid_pdrop: float = 0.1,
        embd_pdrop: float = 0.1,
        attn_pdrop: float = 0.1,
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
            afn,
            resid_pdrop,
            embd_pdrop,
            attn_pdrop,
            layer_norm_epsilon,
            initializer_range,
        )
        self.n_special = n_special
        self.n_ctx = n_ctx
        self.update(stored)

    @property
    def total_tokens_embeddings(self) -> int:
        """Number of tokens, special ones included."""
        return self.vocab_size + self.n_special


class OpenAIGPTPreTrainedModel(OlderDecoder, modeling_openai.OpenAIGPTPreTrainedModel):
    """The base class of GPT models."""

    config_class = OpenAIGPTConfig  # type: ignore[assignment]  # whose constructor is another
    config_names = (CONFIG_NAME, "openai_gpt_config.json")

    config: OpenAIGPTConfig

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        pretrained_model_name_or_path: StrPath,
        num_special_tokens: int | None = None,
        state_dict: StateDict | None = None,
        cache_dir: StrPath | None = None,
        from_tf: bool = False,
        *inputs: object,
        **kwargs: object,
    ) -> Self:
        """Loads a model, see :meth:`OlderModel.from_pretrained`, and gives it special tokens.

        Args:
            pretrained_model_name_or_path: See there, as for all but the next.
            num_special_tokens: The number of special tokens; as many as are stored if None.
            state_dict: Tensors.
            cache_dir: A folder.
            from_tf: Whether it is an original checkpoint.
            *inputs: Further arguments of the constructor.
            **kwargs: Further arguments of the constructor.
        """
        model = super().from_pretrained(
            pretrained_model_name_or_path,
            *inputs,
            state_dict=state_dict,
            cache_dir=cache_dir,
            from_tf=from_tf,
            **kwargs,
        )
        if num_special_tokens is not None:
            model.set_num_special_tokens(num_special_tokens)
        return model

    def set_num_special_tokens(self, num_special_tokens: int) -> None:
        """Gives the model another number of special tokens; the embeddings of the tokens that stay are kept."""
        raise NotImplementedError(f"{type(self).__name__} does not say where its embeddings are.")


class OpenAIGPTModel(OpenAIGPTPreTrainedModel, modeling_openai.OpenAIGPTModel):
    """The decoder without a head. The ids of special tokens follow those of the vocabulary.

    Args:
        config: The hyper-parameters.
    """

    def __init__(self, config: OpenAIGPTConfig) -> None:
        super().__init__(config)
        keep_masks(self.h, config.n_ctx)
        self._resize_embeddings()

    def set_num_special_tokens(self, num_special_tokens: int) -> None:
        """Gives the model another number of special tokens; the embeddings of the tokens that stay are kept."""
        self.config.n_special = num_special_tokens
        self._resize_embeddings()

    def _resize_embeddings(self) -> None:
        old, size = self.tokens_embed, self.config.total_tokens_embeddings
        if old.num_embeddings == size:
            return
        self.tokens_embed = nn.Embedding(size, self.config.n_embd, device=old.weight.device, dtype=old.weight.dtype)
        self._init_weights(self.tokens_embed)
        kept = min(size, old.num_embeddings)
        with torch.no_grad():
            self.tokens_embed.weight[:kept] = old.weight[:kept]

    def forward(  # type: ignore[override]
        self, input_ids: Tensor, position_ids: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        """Runs the decoder.

        Args:
            input_ids: ``[..., time]``.
            position_ids: ``[..., time]``; 0, 1, 2, … if None.
            token_type_ids: ``[..., time]`` tokens whose embeddings are added.

        Returns:
            The last states, ``[..., time, n_embd]``.
        """
        output = super().forward(
            in_rows(input_ids),
            token_type_ids=in_rows(token_type_ids),
            position_ids=in_rows(position_ids),
            return_dict=True,
        )
        states: Tensor = output.last_hidden_state
        return states.view(*input_ids.shape, -1)


class _Head(OpenAIGPTPreTrainedModel):
    """A GPT model that scores the next token."""

    def __init__(self, config: OpenAIGPTConfig) -> None:
        super().__init__(config)
        self.transformer = OpenAIGPTModel(config)
        self.lm_head = OpenAIGPTLMHead(self.transformer.tokens_embed.weight, config)

    def set_num_special_tokens(self, num_special_tokens: int) -> None:
        """Gives the model another number of special tokens; the embeddings of the tokens that stay are kept."""
        self.transformer.set_num_special_tokens(num_special_tokens)
        self.lm_head.set_embeddings_weights(self.transformer.tokens_embed.weight)


class OpenAIGPTLMHeadModel(_Head):
    """GPT with scores of the next token.

    Args:
        config: The hyper-parameters.
    """

    def forward(
        self,
        input_ids: Tensor,
        position_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        lm_labels: Tensor | None = None,
    ) -> Tensor:
        """The loss if there are labels, else the scores ``[..., time, tokens]``.

        Args:
            input_ids: See :class:`OpenAIGPTModel`, as for the two that follow.
            position_ids: ``[..., time]``.
            token_type_ids: ``[..., time]``.
            lm_labels: ``[..., time]`` input ids, shifted inside; -1 counts for nothing.
        """
        logits: Tensor = self.lm_head(self.transformer(input_ids, position_ids, token_type_ids))
        return logits if lm_labels is None else next_token_loss(logits, lm_labels)


class OpenAIGPTDoubleHeadsModel(_Head):
    """GPT with scores of the next token and of several continuations as a whole.

    Args:
        config: The hyper-parameters.
    """

    def __init__(self, config: OpenAIGPTConfig) -> None:
        super().__init__(config)
        self.multiple_choice_head = OpenAIGPTMultipleChoiceHead(config, config.resid_pdrop)

    def forward(
        self,
        input_ids: Tensor,
        mc_token_ids: Tensor,
        lm_labels: Tensor | None = None,
        mc_labels: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
    ) -> list[Tensor] | tuple[Tensor, Tensor]:
        """The list of the losses for which there are labels, or else the scores of tokens and of choices.

        Args:
            input_ids: ``[batch, choices, time]``.
            mc_token_ids: ``[batch, choices]`` positions at which the texts are judged.
            lm_labels: ``[batch, choices, time]`` input ids, shifted inside; -1 counts for nothing.
            mc_labels: ``[batch]`` indices of the right choices.
            token_type_ids: ``[batch, choices, time]`` tokens whose embeddings are added.
            position_ids: ``[batch, choices, time]``.

        Returns:
            A list of losses; or scores ``[batch, choices, time, tokens]`` and ``[batch, choices]``.
        """
        hidden = self.transformer(input_ids, position_ids, token_type_ids)
        lm_logits, mc_logits = self.lm_head(hidden), self.multiple_choice_head(hidden, mc_token_ids)
        return double_losses(lm_logits, mc_logits, lm_labels, mc_labels) or (lm_logits, mc_logits)


def load_tf_weights_in_openai_gpt(
    model: OpenAIGPTPreTrainedModel, openai_checkpoint_folder_path: StrPath
) -> OpenAIGPTPreTrainedModel:
    """Copies the weights that OpenAI released, or saved after a fine-tuning, into a model, and returns the model.

    Args:
        model: The model.
        openai_checkpoint_folder_path: The folder of the numbered arrays, or a file of parameters.

    Raises:
        UserError: The checkpoint cannot be read, or nothing of it fits.
        RuntimeError: It does not have the shapes of the model.
    """
    load_original_weights(model, openai_checkpoint_folder_path)
    return model
