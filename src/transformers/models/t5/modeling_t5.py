"""T5 (Raffel et al., 2019): an encoder and a decoder of pre-norm blocks, and its task heads.

Each part of a block computes x + part(norm(x)); norm(x) = x · rsqrt(mean(x²) + ε) · g, without a mean or an offset.
softmax(Q Kᵀ + b) V: scores are not divided by the root of the heads' size (it is in the initial weights), and b, from a
table of relative positions, is the same in all blocks of a stack. There are no biases. Where words are scored with the
embeddings E themselves the scores are (d_model^-½ h) Eᵀ, otherwise h Wᵀ.

Shapes: batch, time (of the encoder or the decoder), keys (the positions of earlier calls and of this one), heads,
size = d_kv. ``heads * size`` need not be ``d_model``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from ...errors import UserError
from ...generation.mixin import GenerationMixin
from ...generation.state import DecodingState
from ...modeling_heads import SequenceClassification, TokenClassification, called_like
from ...modeling_outputs import (
    BaseModelOutput,
    BaseModelOutputWithPastAndCrossAttentions,
    ModelOutput,
    Seq2SeqModelOutput,
    Seq2SeqSequenceClassifierOutput,
)
from ...modeling_padding import choose_layout
from ...modeling_seq2seq_heads import (
    Seq2SeqLM,
    Seq2SeqQuestionAnswering,
    reading_twice,
    require_ids,
    shifted_right,
)
from ...modeling_utils import LayerStack, PreTrainedModel
from ...nn.activations import activated, activation
from ...nn.attention import head_features, split_heads
from ...nn.cache import PastKeyValues, cache_for_call
from ...nn.dropout import Dropout
from ...nn.embeddings import embed_words
from ...nn.heads import at_positions, last_real_position
from ...nn.layers import AttentionInputs, keys_and_values
from ...nn.linear import Linear, keep_inputs, keep_outputs
from ...nn.masks import additive_mask, causal_mask, head_masks, self_attention_mask
from ...nn.relative_positions import RelativePositionBias
from .configuration_t5 import T5Config


class QueryProjection(Linear):
    """The layer that makes queries; its new weights hold the factor size^-½ that the scores lack."""


class T5Attention(nn.Module):
    """softmax(Q Kᵀ + b) V, projected back to the hidden states.

    Args:
        config: The hyper-parameters.
        layer: The index of the block.
        cross: Whether keys and values come from the encoder's states.
        bias: The table of relative positions, if this block has one.
    """

    def __init__(
        self, config: T5Config, layer: int, *, cross: bool = False, bias: RelativePositionBias | None = None
    ) -> None:
        super().__init__()
        self.layer = layer
        self.cross = cross
        self.kept_heads = list(range(config.num_heads))
        self.size = config.d_kv
        self.dropout = config.dropout_rate
        inner = config.num_heads * config.d_kv
        self.q = QueryProjection(config.d_model, inner, bias=False)
        self.k = Linear(config.d_model, inner, bias=False)
        self.v = Linear(config.d_model, inner, bias=False)
        self.o = Linear(inner, config.d_model, bias=False)
        self.relative_attention_bias = bias

    def forward(
        self, hidden: Tensor, inputs: AttentionInputs, head_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """``[batch, time, d_model]`` -> the same, and the weights ``[batch, heads, time, keys]`` if they are wanted."""
        query = self._split(self.q(hidden))
        key, value = keys_and_values(self._project, hidden, inputs, self.layer, cross=self.cross)
        context, weights = inputs.layout.attend(
            query,
            key,
            value,
            inputs.encoder_mask if self.cross else self._of_kept_heads(inputs.mask),
            scale=1.0,
            dropout=self.dropout if self.training else 0.0,
            need_weights=inputs.need_weights,
            head_mask=head_mask,
        )
        return self.o(context), weights

    def _project(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values, ``[batch, heads, time, size]`` each."""
        return self._split(self.k(states)), self._split(self.v(states))

    def _split(self, x: Tensor) -> Tensor:
        return split_heads(x, len(self.kept_heads))

    def _of_kept_heads(self, mask: Tensor | None) -> Tensor | None:
        if mask is None or mask.shape[1] in (1, len(self.kept_heads)):
            return mask
        return mask[:, self.kept_heads]

    def prune_heads(self, heads: Collection[int]) -> None:
        """Removes heads, given by the numbers that they had before any were removed. The table keeps all of them."""
        left = [head for head in self.kept_heads if head not in heads]
        features = head_features([self.kept_heads.index(head) for head in left], self.size)
        for projection in (self.q, self.k, self.v):
            keep_outputs(projection, features)
        keep_inputs(self.o, features)
        self.kept_heads = left


class T5AttentionLayer(nn.Module):
    """x + dropout(attention(norm(x))).

    Args:
        config: The hyper-parameters.
        name: What the attention is called in the state dict.
        attention: The attention.
    """

    def __init__(self, config: T5Config, name: str, attention: T5Attention) -> None:
        super().__init__()
        self.attention_name = name
        self.add_module(name, attention)
        self.layer_norm = _norm(config)
        self.dropout = Dropout(config.dropout_rate)

    @property
    def attention(self) -> T5Attention:
        """The attention."""
        return cast("T5Attention", getattr(self, self.attention_name))

    def forward(
        self, hidden: Tensor, inputs: AttentionInputs, head_mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """``[batch, time, d_model]`` -> the same, and the weights if they are wanted."""
        context, weights = self.attention(self.layer_norm(hidden), inputs, head_mask)
        return _within_range(hidden + self.dropout(context)), weights


class T5DenseActDense(nn.Module):
    """act(x Wᵢ) Wₒ: the feed-forward layer of v1.0."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.wi = Linear(config.d_model, config.d_ff, bias=False)
        self.wo = Linear(config.d_ff, config.d_model, bias=False)
        self.dropout = Dropout(config.dropout_rate)
        self.act = activation(config.dense_act_fn)

    def forward(self, x: Tensor) -> Tensor:
        """``[batch, time, d_model]`` -> the same."""
        return self.wo(self.dropout(activated(self.wi, self.act, x)))  # type: ignore[no-any-return]


class T5DenseGatedActDense(nn.Module):
    """(act(x W₀) ⊙ x W₁) Wₒ: the feed-forward layer since v1.1 (Shazeer, 2020)."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.wi_0 = Linear(config.d_model, config.d_ff, bias=False)
        self.wi_1 = Linear(config.d_model, config.d_ff, bias=False)
        self.wo = Linear(config.d_ff, config.d_model, bias=False)
        self.dropout = Dropout(config.dropout_rate)
        self.act = activation(config.dense_act_fn)

    def forward(self, x: Tensor) -> Tensor:
        """``[batch, time, d_model]`` -> the same."""
        return self.wo(self.dropout(activated(self.wi_0, self.act, x) * self.wi_1(x)))  # type: ignore[no-any-return]


class T5LayerFF(nn.Module):
    """x + dropout(feed_forward(norm(x)))."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.DenseReluDense = (T5DenseGatedActDense if config.is_gated_act else T5DenseActDense)(config)
        self.layer_norm = _norm(config)
        self.dropout = Dropout(config.dropout_rate)

    def forward(self, hidden: Tensor) -> Tensor:
        """``[batch, time, d_model]`` -> the same."""
        return _within_range(hidden + self.dropout(self.DenseReluDense(self.layer_norm(hidden))))


class T5Block(nn.Module):
    """Self-attention, in a decoder cross-attention, and the feed-forward layer.

    Args:
        config: The hyper-parameters.
        layer: The index of the block.
        decoder: Whether it belongs to the decoder.
    """

    def __init__(self, config: T5Config, layer: int, *, decoder: bool) -> None:
        super().__init__()
        bias = None
        if layer == 0 or config.relative_attention_per_layer:
            bias = RelativePositionBias(
                config.relative_attention_num_buckets,
                config.num_heads,
                max_distance=config.relative_attention_max_distance,
                bidirectional=not decoder,
            )
        self.decoder = decoder
        self.layer = nn.ModuleList([T5AttentionLayer(config, "SelfAttention", T5Attention(config, layer, bias=bias))])
        if decoder:
            self.layer.append(T5AttentionLayer(config, "EncDecAttention", T5Attention(config, layer, cross=True)))
        self.layer.append(T5LayerFF(config))

    @property
    def attention(self) -> T5Attention:
        """The self-attention."""
        return cast("T5AttentionLayer", self.layer[0]).attention

    def forward(
        self, hidden: Tensor, inputs: AttentionInputs, head_mask: Tensor | None, cross_head_mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """The new hidden states, and the weights of both attentions where they are wanted and exist."""
        hidden, weights = self.layer[0](hidden, inputs, head_mask)
        cross_weights = None
        if self.decoder:
            hidden, cross_weights = self.layer[1](hidden, inputs, cross_head_mask)
        return self.layer[-1](hidden), weights, cross_weights


def _norm(config: T5Config) -> nn.RMSNorm:
    return nn.RMSNorm(config.d_model, eps=config.layer_norm_epsilon)


def _within_range(hidden: Tensor) -> Tensor:
    """Cuts off what is too large for float16: the un-normalised states of the larger models leave its range."""
    if hidden.dtype != torch.float16:
        return hidden
    largest = torch.finfo(hidden.dtype).max - 1000
    return hidden.clamp(-largest, largest)


class T5Stack(LayerStack):
    """Encoder or decoder: dropout(embeddings), the blocks, dropout(norm(x)).

    Args:
        config: The hyper-parameters.
        embed_tokens: The word embeddings, which both stacks share.
        decoder: Whether it is the decoder.
    """

    def __init__(self, config: T5Config, embed_tokens: nn.Embedding, *, decoder: bool = False) -> None:
        super().__init__()
        self.config = config
        self.decoder = decoder
        self.embed_tokens = embed_tokens
        blocks = config.num_decoder_layers if decoder else config.num_layers
        self.block = nn.ModuleList(T5Block(config, layer, decoder=decoder) for layer in range(blocks))
        self.final_layer_norm = _norm(config)
        self.dropout = Dropout(config.dropout_rate)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        head_mask: Tensor | None = None,
        cross_attn_head_mask: Tensor | None = None,
        past_key_values: PastKeyValues | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> Any:
        """Runs the stack.

        Args:
            input_ids: ``[batch, time]``, unless ``inputs_embeds`` are given.
            attention_mask: ``[batch, keys]``, 1 for real tokens and 0 for padding, or ``[batch, time, keys]``.
            encoder_hidden_states: ``[batch, encoder time, d_model]``; needed by the decoder.
            encoder_attention_mask: ``[batch, encoder time]``, 1 for real tokens of the encoder.
            inputs_embeds: ``[batch, time, d_model]`` in the place of word embeddings.
            head_mask: ``[heads]`` or ``[blocks, heads]``, 1 to keep a head and 0 to switch it off.
            cross_attn_head_mask: The same for cross-attention.
            past_key_values: The decoder's cache of earlier calls; it is extended.
            use_cache: Whether the decoder returns its cache.
            output_attentions: Whether to return the attention weights.
            output_hidden_states: Whether to return the states before each block, and the last after the norm.
            return_dict: False for a tuple. This and the three before are as the configuration says if None.

        Returns:
            A :class:`~transformers.modeling_outputs.BaseModelOutputWithPastAndCrossAttentions`.
        """
        config = self.config
        if self.decoder and encoder_hidden_states is None:
            raise UserError("The decoder needs encoder_hidden_states, which it attends to.")
        use_cache = self.decoder and (config.use_cache if use_cache is None else use_cache)
        recomputed = self.gradient_checkpointing and self.training
        cache = cache_for_call(past_key_values, wanted=use_cache, recomputed=recomputed)
        words = embed_words(
            self.embed_tokens, input_ids, inputs_embeds, argument_prefix="decoder_" if self.decoder else ""
        )
        need_weights = config.output_attentions if output_attentions is None else output_attentions
        need_states = config.output_hidden_states if output_hidden_states is None else output_hidden_states
        inspected = need_states or need_weights or head_mask is not None
        own_mask = None if self.decoder else attention_mask
        layout = choose_layout(self, own_mask, words, inspected=inspected)
        inputs = AttentionInputs(
            encoder_states=encoder_hidden_states,
            encoder_mask=additive_mask(encoder_attention_mask, words.dtype, torch.finfo(words.dtype).min),
            cache=cache,
            need_weights=need_weights,
            layout=layout,
        )
        past = 0 if cache is None else cache.get_seq_length()
        visible = self._visible(None if layout.packed else attention_mask, words, past)
        masks = head_masks(head_mask, len(self.block)), head_masks(cross_attn_head_mask, len(self.block))
        output = self._run_blocks(self.dropout(layout.pack(words)), visible, past, inputs, masks, need_states)
        output.past_key_values = cache if use_cache else None
        output.layout = layout
        wants_dict = config.use_return_dict if return_dict is None else return_dict
        return output if wants_dict else output.to_tuple()

    def _visible(self, attention_mask: Tensor | None, hidden: Tensor, past: int) -> Tensor:
        """What is added to the scores beside the positions' part, ``[1 or batch, 1, 1 or time, keys]``."""
        lowest = torch.finfo(hidden.dtype).min
        mask = self_attention_mask(attention_mask, hidden, past, causal=self.decoder, value=lowest)
        if mask is not None:
            return mask
        time = hidden.shape[1]
        if self.decoder and time > 1:
            return causal_mask(time, past + time, dtype=hidden.dtype, device=hidden.device)[None, None]
        return hidden.new_zeros(1, 1, 1, past + time)

    def _run_blocks(
        self,
        hidden: Tensor,
        visible: Tensor,
        past: int,
        inputs: AttentionInputs,
        masks: tuple[Sequence[Tensor | None], Sequence[Tensor | None]],
        need_states: bool,
    ) -> BaseModelOutputWithPastAndCrossAttentions:
        """The states after the norm, and what else is wanted."""
        states, weights, cross_weights = [], [], []
        for block, heads, cross_heads in zip(self.block, *masks, strict=True):
            if need_states:
                states.append(hidden)
            bias = cast("T5Block", block).attention.relative_attention_bias
            if bias is not None:
                scores = bias.scores(visible.shape[-1] - past, visible.shape[-1])
                inputs = dataclasses.replace(inputs, mask=scores + visible)
            hidden, own, cross = self._layer_call(block)(hidden, inputs, heads, cross_heads)
            if own is not None:
                weights.append(own)
            if cross is not None:
                cross_weights.append(cross)
        unpack = inputs.layout.unpack
        hidden = unpack(self.dropout(self.final_layer_norm(hidden)))
        return BaseModelOutputWithPastAndCrossAttentions(
            last_hidden_state=hidden,
            hidden_states=(*(unpack(state) for state in states), hidden) if need_states else None,
            attentions=tuple(weights) or None,
            cross_attentions=tuple(cross_weights) or None,
        )


class T5PreTrainedModel(PreTrainedModel):
    """What all T5 models have in common: names in the state dict, and how new weights begin."""

    config_class = T5Config
    base_model_prefix = "transformer"
    supports_gradient_checkpointing = True
    supports_skip_padding = True
    ignored_on_load: ClassVar[tuple[str, ...]] = (
        "*decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",
    )

    config: T5Config

    def _init_weights(self, module: nn.Module) -> None:
        """As in the original: the variance of every product's terms is 1, so that scores need no division."""
        factor = self.config.initializer_factor
        if isinstance(module, nn.RMSNorm):
            nn.init.constant_(module.weight, factor)
        elif isinstance(module, RelativePositionBias):
            nn.init.normal_(module.weight, std=factor * self.config.d_model**-0.5)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=factor)
        elif isinstance(module, nn.Linear):
            std = factor * module.in_features**-0.5
            if isinstance(module, QueryProjection):
                std *= self.config.d_kv**-0.5
            nn.init.normal_(module.weight, std=std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    def _shift_right(self, input_ids: Tensor) -> Tensor:
        """What the decoder reads when it is to predict these ids."""
        return shifted_right(input_ids, self.config)


class _T5WithEncoder(T5PreTrainedModel):
    """What models have whose encoder stands beside the word embeddings, under names without a prefix."""

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        config.check()
        self.shared = nn.Embedding(config.vocab_size, config.d_model)
        self.encoder = T5Stack(config, self.shared)

    def get_input_embeddings(self) -> nn.Module:
        """The word embeddings."""
        return self.shared

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replaces the word embeddings."""
        self.shared = self.encoder.embed_tokens = cast("nn.Embedding", value)

    def get_encoder(self) -> T5Stack:
        """The encoder."""
        return self.encoder

    def _prune_heads(self, heads_to_prune: Mapping[int, Collection[int]]) -> None:
        for layer, heads in heads_to_prune.items():
            cast("T5Block", self.encoder.block[layer]).attention.prune_heads(heads)


class T5EncoderModel(_T5WithEncoder):
    """The encoder alone."""

    ignored_on_load: ClassVar[tuple[str, ...]] = ("*decoder.*",)

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        head_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> Any:
        """Runs the encoder; see :meth:`T5Stack.forward`.

        Returns:
            A :class:`~transformers.modeling_outputs.BaseModelOutput`.
        """
        run = self.encoder(
            input_ids,
            attention_mask,
            inputs_embeds=inputs_embeds,
            head_mask=head_mask,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=True,
        )
        output = BaseModelOutput(run.last_hidden_state, run.get("hidden_states"), run.get("attentions"))
        output.layout = run.layout
        wants_dict = self.config.use_return_dict if return_dict is None else return_dict
        return output if wants_dict else output.to_tuple()


class _T5EncoderDecoder(_T5WithEncoder):
    """What models have whose two stacks stand under names without a prefix. Heads are pruned in the encoder."""

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.decoder = T5Stack(config, self.shared, decoder=True)

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replaces the word embeddings, which both stacks share."""
        super().set_input_embeddings(value)
        self.decoder.embed_tokens = self.shared

    def get_decoder(self) -> T5Stack:
        """The decoder."""
        return self.decoder

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        head_mask: Tensor | None = None,
        decoder_head_mask: Tensor | None = None,
        cross_attn_head_mask: Tensor | None = None,
        encoder_outputs: ModelOutput | Sequence[Any] | None = None,
        past_key_values: PastKeyValues | None = None,
        inputs_embeds: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> Any:
        """Runs encoder and decoder.

        Args:
            input_ids: ``[batch, encoder time]``, unless ``inputs_embeds`` or ``encoder_outputs`` are given.
            attention_mask: ``[batch, encoder time]``, 1 for real tokens and 0 for padding; None costs nothing.
            decoder_input_ids: ``[batch, time]`` tokens that are not in the cache, the start token first.
            decoder_attention_mask: ``[batch, keys]``, the cached positions included.
            head_mask: Of the encoder: ``[heads]`` or ``[blocks, heads]``, 1 to keep a head and 0 to switch it off.
            decoder_head_mask: The same for the decoder's self-attention.
            cross_attn_head_mask: The same for its cross-attention.
            encoder_outputs: What the encoder returned, or a tuple of its states, all states and weights; the encoder is
                not run then.
            past_key_values: The cache of earlier calls, which is extended in place, or its legacy tuples.
            inputs_embeds: ``[batch, encoder time, d_model]`` in the place of ``input_ids``.
            decoder_inputs_embeds: ``[batch, time, d_model]`` in the place of ``decoder_input_ids``.
            use_cache: Whether the decoder returns its keys and values, ``config.use_cache`` if None.
            output_attentions: Whether attention weights are returned.
            output_hidden_states: Whether the states before each block, and the last after the norm, are returned.
            return_dict: False for a tuple.

        Returns:
            A :class:`~transformers.modeling_outputs.Seq2SeqModelOutput`.
        """
        wanted: dict[str, Any] = {
            "output_attentions": output_attentions,
            "output_hidden_states": output_hidden_states,
            "return_dict": True,
        }
        if encoder_outputs is None:
            encoded = self.encoder(
                input_ids, attention_mask, inputs_embeds=inputs_embeds, head_mask=head_mask, **wanted
            )
        else:
            given = isinstance(encoder_outputs, Mapping)
            encoded = encoder_outputs if given else BaseModelOutput(*encoder_outputs)
        decoded = self.decoder(
            decoder_input_ids,
            decoder_attention_mask,
            encoder_hidden_states=encoded["last_hidden_state"],
            encoder_attention_mask=attention_mask,
            inputs_embeds=decoder_inputs_embeds,
            head_mask=decoder_head_mask,
            cross_attn_head_mask=cross_attn_head_mask,
            past_key_values=past_key_values,
            use_cache=use_cache,
            **wanted,
        )
        output = Seq2SeqModelOutput(
            last_hidden_state=decoded.last_hidden_state,
            past_key_values=decoded.past_key_values,
            decoder_hidden_states=decoded.hidden_states,
            decoder_attentions=decoded.attentions,
            cross_attentions=decoded.cross_attentions,
            encoder_last_hidden_state=encoded["last_hidden_state"],
            encoder_hidden_states=encoded.get("hidden_states"),
            encoder_attentions=encoded.get("attentions"),
        )
        wants_dict = self.config.use_return_dict if return_dict is None else return_dict
        return output if wants_dict else output.to_tuple()


class T5Model(_T5EncoderDecoder):
    """Encoder and decoder without a head."""

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.post_init()


@called_like(T5Model)
class T5ForConditionalGeneration(GenerationMixin, Seq2SeqLM, _T5EncoderDecoder):  # type: ignore[misc]  # called_like
    """T5 with scores of the next token; ``labels`` ``[batch, time]`` are -100 where nothing is to be predicted."""

    tied_weights: ClassVar[Mapping[str, str]] = {"lm_head.weight": "shared.weight"}

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.lm_head = Linear(config.d_model, config.vocab_size, bias=False)
        self.post_init()

    def lm_logits(self, hidden: Tensor) -> Tensor:
        """``[batch, time, d_model]`` -> ``[batch, time, vocabulary]``; the embeddings' scale is that of inputs."""
        scaled = hidden * self.config.d_model**-0.5 if self.config.tie_word_embeddings else hidden
        return super().lm_logits(scaled)

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, past_key_values: DecodingState | None = None, **inputs: Any
    ) -> dict[str, Any]:
        """The arguments of the forward pass for one step; positions are not among them: only distances count."""
        inputs.pop("position_ids", None)
        of_encoder = inputs.pop("encoder_attention_mask", None)
        prepared = super().prepare_inputs_for_generation(input_ids, past_key_values, **inputs)
        own = {"decoder_input_ids": prepared.pop("input_ids"), "decoder_attention_mask": prepared.pop("attention_mask")}
        return {**prepared, **own, "attention_mask": of_encoder}


class T5ClassificationHead(nn.Module):
    """tanh(dropout(x) W + b), dropout, and a linear layer to the labels."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.dense = nn.Linear(config.d_model, config.d_model)
        self.dropout = Dropout(config.classifier_dropout)
        self.out_proj = nn.Linear(config.d_model, config.num_labels)

    def forward(self, hidden: Tensor) -> Tensor:
        """``[batch, d_model]`` -> ``[batch, labels]``."""
        inner = torch.tanh(self.dense(self.dropout(hidden)))
        return self.out_proj(self.dropout(inner))  # type: ignore[no-any-return]


@called_like(T5Model)
class T5ForSequenceClassification(SequenceClassification, T5PreTrainedModel):
    """T5 with a classifier on the decoder's state of the last ``eos_token_id``; the decoder reads the input again."""

    output_class = Seq2SeqSequenceClassifierOutput

    def __init__(self, config: T5Config) -> None:
        super().__init__(config, T5Model(config))
        self.classification_head = T5ClassificationHead(config)
        self.post_init()

    def forward(self, *, labels: Tensor | None = None, return_dict: bool | None = None, **inputs: Any) -> Any:
        """Computes the scores, and the loss if there are labels; there is no cache beside a loss."""
        if labels is not None:
            inputs["use_cache"] = False
        return super().forward(labels=labels, return_dict=return_dict, **inputs)

    def base_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """By default the decoder reads what the encoder reads, shifted right."""
        return reading_twice(inputs, self.config)

    def scores(self, base: Any, inputs: Mapping[str, Any]) -> Tensor:
        """``[batch, labels]``.

        Raises:
            UserError: There are no ids, or a row has no ``eos_token_id``.
        """
        ids = require_ids(inputs)
        ends = torch.isin(ids, torch.tensor(self.config.eos_token_id, device=ids.device))
        if not bool(ends.any(1).all()):
            raise UserError(
                f"{type(self).__name__} reads the state of the end token, which some rows of input_ids lack.",
                advice=f"End each text with the id {self.config.eos_token_id}, as the tokenizer does.",
            )
        last = at_positions(base.last_hidden_state, last_real_position(ends))
        return self.classification_head(last)  # type: ignore[no-any-return]


@called_like(T5EncoderModel)
class T5ForTokenClassification(TokenClassification, T5PreTrainedModel):
    """The encoder with a classifier on every state."""

    ignored_on_load: ClassVar[tuple[str, ...]] = T5EncoderModel.ignored_on_load

    def __init__(self, config: T5Config) -> None:
        super().__init__(config, T5EncoderModel(config), dropout=config.classifier_dropout)


@called_like(T5Model)
class T5ForQuestionAnswering(Seq2SeqQuestionAnswering, _T5EncoderDecoder):  # type: ignore[misc]  # called_like
    """T5 with scores of the first and the last token of an answer; the decoder reads the input again."""

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.qa_outputs = nn.Linear(config.d_model, 2)
        self.post_init()
