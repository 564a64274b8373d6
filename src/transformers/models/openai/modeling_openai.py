"""OpenAI GPT (Radford et al., 2018): a decoder of post-norm blocks, and its task heads.

h = tokens_embed[ids] + positions_embed[positions]; each block computes n = ln_1(h + attn(h)), then ln_2(n + mlp(n)).
The products of the last states with the rows of tokens_embed are the scores of the next token.

Shapes: batch, time (the positions of this call), keys (those of earlier calls and of this one), heads,
size = n_embd / heads. Weights are ``[in, out]``, as the original stores them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from ...generation.double_heads import WritingDoubleHeads
from ...generation.mixin import GenerationMixin
from ...modeling_heads import CausalLM, LastTokenSequenceClassification, called_like
from ...modeling_language_heads import DoubleHeadsModelOutput, LinearLanguageHead
from ...modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast, SequenceClassifierOutputWithPast
from ...modeling_utils import PreTrainedModel
from ...nn.activations import activated, activation
from ...nn.cache import PastKeyValues, cache_for_call
from ...nn.dropout import Dropout
from ...nn.embeddings import check_length, embed_words, look_up
from ...nn.fused_attention import FusedAttention
from ...nn.layers import AttentionInputs, run_layers
from ...nn.linear import Conv1D
from ...nn.masks import self_attention_mask
from .configuration_openai import OpenAIGPTConfig


class OpenAIGPTMLP(nn.Module):
    """act(x W + b) W' + b': the feed-forward layer, four times as wide inside."""

    def __init__(self, config: OpenAIGPTConfig) -> None:
        super().__init__()
        self.c_fc = Conv1D(4 * config.n_embd, config.n_embd)
        self.c_proj = Conv1D(config.n_embd, 4 * config.n_embd)
        self.act = activation(config.activation)
        self.dropout = Dropout(config.resid_pdrop)

    def forward(self, hidden: Tensor) -> Tensor:
        """``[batch, time, n_embd]`` -> the same."""
        output: Tensor = self.dropout(self.c_proj(activated(self.c_fc, self.act, hidden)))
        return output


class OpenAIGPTBlock(nn.Module):
    """n = ln_1(h + attn(h)); ln_2(n + mlp(n)).

    Args:
        config: The hyper-parameters.
        layer: The index of the block.
    """

    def __init__(self, config: OpenAIGPTConfig, layer: int) -> None:
        super().__init__()
        self.attn = FusedAttention(
            config.n_embd, config.n_head, layer=layer, dropout=config.attn_pdrop, output_dropout=config.resid_pdrop
        )
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = OpenAIGPTMLP(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)

    def forward(
        self, hidden: Tensor, inputs: AttentionInputs, head_mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None, None]:
        """The new hidden states, and the attention weights where they are wanted."""
        context, weights = self.attn(hidden, inputs, head_mask)
        normed = self.ln_1(hidden + context)
        return self.ln_2(normed + self.mlp(normed)), weights, None


class OpenAIGPTPreTrainedModel(PreTrainedModel):
    """What all OpenAI GPT models share: names in the state dict, and which old ones are dropped."""

    config_class = OpenAIGPTConfig
    base_model_prefix = "transformer"
    word_embeddings = "tokens_embed"
    supports_gradient_checkpointing = True
    ignored_on_load: ClassVar[tuple[str, ...]] = ("*h.*.attn.bias", "*position_ids")

    config: OpenAIGPTConfig


class OpenAIGPTModel(OpenAIGPTPreTrainedModel):
    """The decoder without a head.

    Args:
        config: The hyper-parameters.

    Raises:
        UserError: The hyper-parameters describe no GPT model.
    """

    def __init__(self, config: OpenAIGPTConfig) -> None:
        super().__init__(config)
        config.check()
        self.tokens_embed = nn.Embedding(config.vocab_size, config.n_embd)
        self.positions_embed = nn.Embedding(config.n_positions, config.n_embd)
        self.drop = Dropout(config.embd_pdrop)
        self.h = nn.ModuleList(OpenAIGPTBlock(config, layer) for layer in range(config.n_layer))
        self.post_init()

    def _prune_heads(self, heads_to_prune: Mapping[int, Collection[int]]) -> None:
        for layer, heads in heads_to_prune.items():
            cast("OpenAIGPTBlock", self.h[layer]).attn.prune_heads(heads)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        head_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        past_key_values: PastKeyValues | None = None,
        use_cache: bool | None = None,
    ) -> Any:
        """Runs the decoder.

        Args:
            input_ids: ``[batch, time]`` tokens that are not in the cache, unless ``inputs_embeds`` are given.
            attention_mask: ``[batch, keys]``, the cached positions included, 1 for tokens and 0 for padding; or
                ``[batch, time, keys]`` for each query, which is taken as it is. The original has none.
            token_type_ids: ``[batch, time]`` tokens whose embeddings are added.
            position_ids: ``[batch or 1, time]``; if None they count on from the cached positions, also over padding.
            head_mask: 1 for heads that count, 0 for others: ``[heads]`` or ``[layers, heads]``.
            inputs_embeds: ``[batch, time, n_embd]`` in the place of ``input_ids``.
            output_attentions: Whether attention weights are returned.
            output_hidden_states: Whether the embeddings and the states after each block are returned.
            return_dict: False for a tuple. This and the two before are as the configuration says if None.
            past_key_values: A cache from an earlier call, which is extended in place, or its legacy tuples.
            use_cache: Whether keys and values are returned; if None they are if ``past_key_values`` are given. (Outputs
                of this family have none in the ecosystem.)

        Returns:
            A :class:`~transformers.modeling_outputs.BaseModelOutputWithPast`, or a tuple.
        """
        config = self.config
        use_cache = past_key_values is not None if use_cache is None else use_cache
        recomputed = self.gradient_checkpointing and self.training
        cache = cache_for_call(past_key_values, wanted=use_cache, recomputed=recomputed)
        past = 0 if cache is None else cache.get_seq_length()
        hidden = self._embed(input_ids, token_type_ids, position_ids, inputs_embeds, past)
        lowest = torch.finfo(hidden.dtype).min
        inputs = AttentionInputs(
            mask=self_attention_mask(attention_mask, hidden, past, causal=True, value=lowest),
            causal=attention_mask is None,
            cache=cache,
            need_weights=config.output_attentions if output_attentions is None else output_attentions,
        )
        need_states = config.output_hidden_states if output_hidden_states is None else output_hidden_states
        run = run_layers(
            [self._layer_call(block) for block in self.h], hidden, inputs, head_mask, need_states=need_states
        )
        output = BaseModelOutputWithPast(run.hidden, cache if use_cache else None, run.states, run.weights)
        wants_dict = config.use_return_dict if return_dict is None else return_dict
        return output if wants_dict else output.to_tuple()

    def _embed(
        self,
        input_ids: Tensor | None,
        token_type_ids: Tensor | None,
        position_ids: Tensor | None,
        inputs_embeds: Tensor | None,
        past: int,
    ) -> Tensor:
        """``[batch, time, n_embd]``: what the first block reads."""
        hidden = embed_words(self.tokens_embed, input_ids, inputs_embeds)
        if position_ids is None:
            time = hidden.shape[1]
            check_length(time, self.positions_embed, past)
            hidden = hidden + self.positions_embed.weight[past : past + time]
        else:
            hidden = hidden + look_up(self.positions_embed, position_ids, "position_ids")
        if token_type_ids is not None:
            hidden = hidden + look_up(self.tokens_embed, token_type_ids, "token_type_ids")
        dropped: Tensor = self.drop(hidden)
        return dropped


#: The scores of the tokens are their embeddings' products with the states.
_TIED = {"lm_head.weight": "transformer.tokens_embed.weight"}


@called_like(OpenAIGPTModel)
class OpenAIGPTLMHeadModel(GenerationMixin, LinearLanguageHead, CausalLM, OpenAIGPTPreTrainedModel):
    """GPT with scores of the next token."""

    output_class = CausalLMOutputWithPast
    tied_weights = _TIED

    def __init__(self, config: OpenAIGPTConfig) -> None:
        super().__init__(config, OpenAIGPTModel(config))
        self.post_init()


@dataclass
class OpenAIGPTDoubleHeadsModelOutput(DoubleHeadsModelOutput):
    """What :class:`OpenAIGPTDoubleHeadsModel` returns."""


@called_like(OpenAIGPTModel)
class OpenAIGPTDoubleHeadsModel(WritingDoubleHeads, OpenAIGPTPreTrainedModel):
    """GPT with scores of the next token and of several continuations as a whole."""

    output_class = OpenAIGPTDoubleHeadsModelOutput
    tied_weights = _TIED

    def __init__(self, config: OpenAIGPTConfig) -> None:
        super().__init__(config, OpenAIGPTModel(config))


@called_like(OpenAIGPTModel)
class OpenAIGPTForSequenceClassification(LastTokenSequenceClassification, OpenAIGPTPreTrainedModel):
    """GPT with a classifier on the state of the last real token."""

    output_class = SequenceClassifierOutputWithPast

    def __init__(self, config: OpenAIGPTConfig) -> None:
        super().__init__(config, OpenAIGPTModel(config))
