"""GPT-2 (Radford et al., 2019): a decoder of pre-norm blocks, and its task heads.

h = wte[ids] + wpe[positions]; each block adds attn(ln_1(h)) and mlp(ln_2(h)) to it; ln_f(h) is the result, and its
products with the rows of wte are the scores of the next token.

Shapes: batch, time (the positions of this call), keys (those of earlier calls and of this one), heads,
size = n_embd / heads. Weights are ``[in, out]``, as the original stores them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from ...errors import UserError
from ...generation.double_heads import WritingDoubleHeads
from ...generation.mixin import GenerationMixin
from ...modeling_heads import (
    CausalLM,
    LastTokenSequenceClassification,
    QuestionAnswering,
    TokenClassification,
    called_like,
)
from ...modeling_language_heads import DoubleHeadsModelOutput, LinearLanguageHead
from ...modeling_outputs import BaseModelOutputWithPastAndCrossAttentions
from ...modeling_utils import PreTrainedModel
from ...nn.activations import activated, activation
from ...nn.cache import PastKeyValues, cache_for_call
from ...nn.dropout import Dropout
from ...nn.embeddings import check_length, embed_words, look_up
from ...nn.fused_attention import FusedAttention
from ...nn.layers import AttentionInputs
from ...nn.linear import Conv1D
from ...nn.masks import additive_mask, head_masks, self_attention_mask
from .configuration_gpt2 import GPT2Config


class ResidualProjection(Conv1D):
    """The last layer of a part whose result is added to the hidden states; its weights begin smaller."""


class GPT2Attention(FusedAttention):
    """Self-attention, or attention to an encoder, whose states K and V then come from, and Q from a matrix of its own.

    Args:
        config: The hyper-parameters.
        layer: The index of the block.
        cross: Whether it attends to an encoder.
    """

    def __init__(self, config: GPT2Config, layer: int, *, cross: bool = False) -> None:
        scale = (config.n_embd // config.n_head) ** -0.5 if config.scale_attn_weights else 1.0
        super().__init__(
            config.n_embd,
            config.n_head,
            layer=layer,
            dropout=config.attn_pdrop,
            output_dropout=config.resid_pdrop,
            scale=scale / (layer + 1) if config.scale_attn_by_inverse_layer_idx else scale,
            parts=2 if cross else 3,
            projection=ResidualProjection,
        )
        self.cross = cross
        self.in_float32 = config.reorder_and_upcast_attn
        if cross:
            self.q_attn = Conv1D(config.n_embd, config.n_embd)

    def forward(
        self, hidden: Tensor, inputs: AttentionInputs, head_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """``[batch, time, n_embd]`` -> the same, and the weights ``[batch, heads, time, keys]`` if they are wanted."""
        if self.cross:
            query, key, value, mask = *self._project_cross(hidden, inputs), inputs.encoder_mask
        else:
            query, key, value, mask = *self.project(hidden, inputs.cache), inputs.mask
        causal = inputs.causal and not self.cross
        if not self.in_float32:
            context, weights = self.attend(query, key, value, inputs, head_mask, mask, causal=causal)
            return self.finish(context), weights
        projected, mask = (query.float(), key.float(), value.float()), None if mask is None else mask.float()
        with torch.autocast(hidden.device.type, enabled=False):
            context, weights = self.attend(*projected, inputs, head_mask, mask, causal=causal)
        return self.finish(context.to(query.dtype)), weights

    def _project_cross(self, hidden: Tensor, inputs: AttentionInputs) -> tuple[Tensor, Tensor, Tensor]:
        """Queries of the new positions, keys and values of the encoder's states, which the cache keeps."""
        query, cache = self.split(self.q_attn(hidden)), inputs.cache
        if cache is not None and (known := cache.cross(self.layer)) is not None:
            return query, *known
        key, value = (self.split(part) for part in self.c_attn(inputs.encoder_states).chunk(2, dim=-1))
        if cache is not None:
            cache.store_cross(self.layer, key, value)
        return query, key, value


class GPT2MLP(nn.Module):
    """act(x W + b) W' + b': the feed-forward layer."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        inner = 4 * config.n_embd if config.n_inner is None else config.n_inner
        self.c_fc = Conv1D(inner, config.n_embd)
        self.c_proj = ResidualProjection(config.n_embd, inner)
        self.act = activation(config.activation_function)
        self.dropout = Dropout(config.resid_pdrop)

    def forward(self, hidden: Tensor) -> Tensor:
        """``[batch, time, n_embd]`` -> the same."""
        output: Tensor = self.dropout(self.c_proj(activated(self.c_fc, self.act, hidden)))
        return output


class GPT2Block(nn.Module):
    """h += attn(ln_1(h)); with an encoder h += crossattention(ln_cross_attn(h)); h += mlp(ln_2(h)).

    Args:
        config: The hyper-parameters.
        layer: The index of the block.
    """

    def __init__(self, config: GPT2Config, layer: int) -> None:
        super().__init__()
        self.ln_1 = _layer_norm(config)
        self.attn = GPT2Attention(config, layer)
        self.ln_2 = _layer_norm(config)
        if config.add_cross_attention:
            self.crossattention = GPT2Attention(config, layer, cross=True)
            self.ln_cross_attn = _layer_norm(config)
        self.mlp = GPT2MLP(config)

    def forward(
        self, hidden: Tensor, inputs: AttentionInputs, head_mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """The new hidden states, and the weights of both attentions where they are wanted and exist."""
        context, weights = self.attn(self.ln_1(hidden), inputs, head_mask)
        hidden, cross_weights = hidden + context, None
        if inputs.encoder_states is not None:
            context, cross_weights = self.crossattention(self.ln_cross_attn(hidden), inputs)
            hidden = hidden + context
        return hidden + self.mlp(self.ln_2(hidden)), weights, cross_weights


def _layer_norm(config: GPT2Config) -> nn.LayerNorm:
    return nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)


class GPT2PreTrainedModel(PreTrainedModel):
    """What all GPT-2 models share: names in the state dict, and how new weights begin."""

    config_class = GPT2Config
    base_model_prefix = "transformer"
    word_embeddings = "wte"
    supports_gradient_checkpointing = True
    ignored_on_load: ClassVar[tuple[str, ...]] = ("*h.*.attn.bias", "*h.*.attn.masked_bias", "*.crossattention.bias")

    config: GPT2Config

    def _init_weights(self, module: nn.Module) -> None:
        """As in other models; what is added to the hidden states is scaled by the root of the number of such parts."""
        super()._init_weights(module)
        if isinstance(module, ResidualProjection):
            std = self.config.initializer_range / math.sqrt(2 * self.config.n_layer)
            nn.init.normal_(module.weight, std=std)


class GPT2Model(GPT2PreTrainedModel):
    """The decoder without a head.

    Args:
        config: The hyper-parameters.

    Raises:
        UserError: The hyper-parameters describe no GPT-2 model.
    """

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        config.check()
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.n_positions, config.n_embd)
        self.drop = Dropout(config.embd_pdrop)
        self.h = nn.ModuleList(GPT2Block(config, layer) for layer in range(config.n_layer))
        self.ln_f = _layer_norm(config)
        self.post_init()

    def _prune_heads(self, heads_to_prune: Mapping[int, Collection[int]]) -> None:
        for layer, heads in heads_to_prune.items():
            cast("GPT2Block", self.h[layer]).attn.prune_heads(heads)

    def forward(
        self,
        input_ids: Tensor | None = None,
        past_key_values: PastKeyValues | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        head_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> Any:
        """Runs the decoder.

        Args:
            input_ids: ``[batch, time]`` tokens that are not in the cache.
            past_key_values: A cache from an earlier call, which is extended in place, or its legacy tuples.
            attention_mask: ``[batch, keys]``, the cached positions included, 1 for tokens and 0 for padding; or
                ``[batch, time, keys]`` for each query, which is taken as it is.
            token_type_ids: ``[batch, time]`` tokens whose embeddings are added.
            position_ids: ``[batch or 1, time]``; if None they count on from the cached positions, also over padding.
            head_mask: 1 for heads that count, 0 for others: ``[heads]`` or ``[layers, heads]``.
            inputs_embeds: ``[batch, time, n_embd]`` in the place of ``input_ids``.
            encoder_hidden_states: ``[batch, states, n_embd]`` for a model with ``config.add_cross_attention``.
            encoder_attention_mask: ``[batch, states]``.
            use_cache: Whether keys and values are returned, ``config.use_cache`` if None.
            output_attentions: Whether attention weights are returned.
            output_hidden_states: Whether the embeddings and what each block returns are returned, the last after ln_f.
            return_dict: False for a tuple.

        Returns:
            :class:`~transformers.modeling_outputs.BaseModelOutputWithPastAndCrossAttentions`, or a tuple.
        """
        config = self.config
        use_cache = config.use_cache if use_cache is None else use_cache
        recomputed = self.gradient_checkpointing and self.training
        cache = cache_for_call(past_key_values, wanted=use_cache, recomputed=recomputed)
        past = 0 if cache is None else cache.get_seq_length()
        hidden = self._embed(input_ids, token_type_ids, position_ids, inputs_embeds, past)
        if encoder_hidden_states is not None and not config.add_cross_attention:
            raise UserError("encoder_hidden_states are given, but the model was made without add_cross_attention=True.")
        lowest = torch.finfo(hidden.dtype).min
        inputs = AttentionInputs(
            mask=self_attention_mask(attention_mask, hidden, past, causal=True, value=lowest),
            causal=attention_mask is None,
            encoder_states=encoder_hidden_states,
            encoder_mask=additive_mask(encoder_attention_mask, hidden.dtype, value=lowest),
            cache=cache,
            need_weights=config.output_attentions if output_attentions is None else output_attentions,
        )
        need_states = config.output_hidden_states if output_hidden_states is None else output_hidden_states
        output = self._run_blocks(hidden, inputs, head_mask, need_states)
        output.past_key_values = cache if use_cache else None
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
        hidden = embed_words(self.wte, input_ids, inputs_embeds)
        if position_ids is None:
            time = hidden.shape[1]
            check_length(time, self.wpe, past)
            hidden = hidden + self.wpe.weight[past : past + time]
        else:
            hidden = hidden + look_up(self.wpe, position_ids, "position_ids")
        if token_type_ids is not None:
            hidden = hidden + look_up(self.wte, token_type_ids, "token_type_ids")
        dropped: Tensor = self.drop(hidden)
        return dropped

    def _run_blocks(
        self, hidden: Tensor, inputs: AttentionInputs, head_mask: Tensor | None, need_states: bool
    ) -> BaseModelOutputWithPastAndCrossAttentions:
        """The states after ln_f, and what else is wanted."""
        states, weights, cross_weights = [], [], []
        for block, factor in zip(self.h, head_masks(head_mask, len(self.h)), strict=True):
            if need_states:
                states.append(hidden)
            hidden, block_weights, block_cross_weights = self._layer_call(block)(hidden, inputs, factor)
            if block_weights is not None:
                weights.append(block_weights)
            if block_cross_weights is not None:
                cross_weights.append(block_cross_weights)
        hidden = self.ln_f(hidden)
        return BaseModelOutputWithPastAndCrossAttentions(
            last_hidden_state=hidden,
            hidden_states=(*states, hidden) if need_states else None,
            attentions=tuple(weights) or None,
            cross_attentions=tuple(cross_weights) or None,
        )


#: The scores of the tokens are their embeddings' products with the states.
_TIED = {"lm_head.weight": "transformer.wte.weight"}


@called_like(GPT2Model)
class GPT2LMHeadModel(GenerationMixin, LinearLanguageHead, CausalLM, GPT2PreTrainedModel):
    """GPT-2 with scores of the next token."""

    tied_weights = _TIED

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config, GPT2Model(config))
        self.post_init()


@dataclass
class GPT2DoubleHeadsModelOutput(DoubleHeadsModelOutput):
    """What :class:`GPT2DoubleHeadsModel` returns."""


@called_like(GPT2Model)
class GPT2DoubleHeadsModel(WritingDoubleHeads, GPT2PreTrainedModel):
    """GPT-2 with scores of the next token and of several continuations as a whole."""

    output_class = GPT2DoubleHeadsModelOutput
    tied_weights = _TIED

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config, GPT2Model(config))


@called_like(GPT2Model)
class GPT2ForSequenceClassification(LastTokenSequenceClassification, GPT2PreTrainedModel):
    """GPT-2 with a classifier on the state of the last real token."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config, GPT2Model(config))


@called_like(GPT2Model)
class GPT2ForTokenClassification(TokenClassification, GPT2PreTrainedModel):
    """GPT-2 with a classifier on every state."""

    def __init__(self, config: GPT2Config) -> None:
        names = (
            "classifier_dropout",
            "hidden_dropout",
        )  # the ecosystem's, in this order, where a configuration has them
        given = [getattr(config, name, None) for name in names]
        dropout = next((value for value in given if value is not None), 0.1)
        super().__init__(config, GPT2Model(config), dropout=dropout)


@called_like(GPT2Model)
class GPT2ForQuestionAnswering(QuestionAnswering, GPT2PreTrainedModel):
    """GPT-2 with scores of the first and the last token of an answer."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config, GPT2Model(config))
