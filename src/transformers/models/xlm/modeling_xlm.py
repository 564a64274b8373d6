"""XLM (Lample and Conneau, 2019): a post-norm transformer encoder over several languages, and its task heads.

h = LayerNorm(E[ids] + P[positions] + L[languages]); each layer makes h = LayerNorm(h + attention(h)), then
h = LayerNorm(h + W' act(W h + b) + b'). Behind the embeddings and behind each layer the states of padding are set to 0.

Shapes: batch, time (the positions of this call), keys (those of earlier calls, too), heads, size = emb_dim / heads.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from ...generation.configuration import GenerationConfig
from ...generation.mixin import GenerationMixin
from ...generation.state import DecodingState
from ...modeling_choice_heads import MultipleChoice
from ...modeling_heads import (
    QuestionAnswering,
    SequenceClassification,
    TokenClassification,
    WritingLM,
    called_like,
    sequence_summary,
    summary_view,
)
from ...modeling_outputs import BaseModelOutput, ModelOutput, Tensors
from ...modeling_padding import choose_layout
from ...modeling_span_beams import BeamQuestionAnswering
from ...modeling_utils import PreTrainedModel
from ...nn.activations import activated, activation
from ...nn.attention import head_features, split_heads
from ...nn.cache import Cache
from ...nn.dropout import Dropout
from ...nn.embeddings import check_length, embed_words, look_up
from ...nn.inputs import check_shapes
from ...nn.layers import AttentionInputs, in_chunks, run_layers
from ...nn.linear import keep_inputs, keep_outputs
from ...nn.masks import self_attention_mask
from ...nn.padding import Layout
from ...nn.sinusoidal_embedding import SinusoidalEmbedding
from ...nn.span_beams import SpanBeamHead, SpanHead
from .configuration_xlm import XLMConfig
from .modeling_xlm_cache import CacheDict, cached_length, opened, write_back


class XLMAttention(nn.Module):
    """softmax(Q Kᵀ / sqrt(size) + mask) V, projected back to the hidden states.

    Args:
        config: The hyper-parameters.
        layer: The index of the layer in the cache.
    """

    def __init__(self, config: XLMConfig, layer: int) -> None:
        super().__init__()
        width = config.emb_dim
        self.layer = layer
        self.kept_heads = list(range(config.n_heads))
        self.size = width // config.n_heads
        self.dropout = config.attention_dropout
        self.q_lin = nn.Linear(width, width)
        self.k_lin = nn.Linear(width, width)
        self.v_lin = nn.Linear(width, width)
        self.out_lin = nn.Linear(width, width)

    def forward(
        self, hidden: Tensor, inputs: AttentionInputs, head_mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """``[batch, time, emb_dim]`` -> the same, and the weights ``[batch, heads, time, keys]`` if they are wanted."""
        query, key, value = (
            split_heads(project(hidden), len(self.kept_heads)) for project in (self.q_lin, self.k_lin, self.v_lin)
        )
        if inputs.cache is not None:
            key, value = inputs.cache.update(self.layer, key, value)
        context, weights = inputs.layout.attend(
            query,
            key,
            value,
            inputs.mask,
            scale=self.size**-0.5,
            causal=inputs.causal,
            dropout=self.dropout if self.training else 0.0,
            need_weights=inputs.need_weights,
            head_mask=head_mask,
        )
        return self.out_lin(context), weights

    def prune_heads(self, heads: Collection[int]) -> None:
        """Removes heads, given by the numbers that they had before any were removed."""
        left = [head for head in self.kept_heads if head not in heads]
        features = head_features([self.kept_heads.index(head) for head in left], self.size)
        for projection in (self.q_lin, self.k_lin, self.v_lin):
            keep_outputs(projection, features)
        keep_inputs(self.out_lin, features)
        self.kept_heads = left


class XLMFeedForward(nn.Module):
    """dropout(act(x W + b) W' + b'), with the exact GELU or ReLU."""

    def __init__(self, config: XLMConfig) -> None:
        super().__init__()
        self.lin1 = nn.Linear(config.emb_dim, 4 * config.emb_dim)
        self.lin2 = nn.Linear(4 * config.emb_dim, config.emb_dim)
        self.act = activation("gelu" if config.gelu_activation else "relu")
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """``[batch, time, emb_dim]`` -> the same."""
        output: Tensor = self.dropout(self.lin2(activated(self.lin1, self.act, x)))
        return output


class XLMPreTrainedModel(PreTrainedModel):
    """What all XLM models share: names in the state dict, and how new weights begin."""

    config_class = XLMConfig
    base_model_prefix = "transformer"
    word_embeddings = "embeddings"
    supports_gradient_checkpointing = True
    supports_skip_padding = True
    ignored_on_load: ClassVar[tuple[str, ...]] = ("*position_ids",)

    config: XLMConfig

    def _init_weights(self, module: nn.Module) -> None:
        """Embeddings and matrices have deviations of their own; a table of sines is computed."""
        super()._init_weights(module)
        if isinstance(module, SinusoidalEmbedding):
            module.fill()
        elif isinstance(module, nn.Embedding | nn.Linear):
            std = self.config.embed_init_std if isinstance(module, nn.Embedding) else self.config.init_std
            nn.init.normal_(module.weight, std=std)
            if isinstance(module, nn.Embedding) and module.padding_idx is not None:
                nn.init.zeros_(module.weight[module.padding_idx])


class XLMModel(XLMPreTrainedModel):
    """The encoder without a head.

    Args:
        config: The hyper-parameters.

    Raises:
        UserError: The hyper-parameters describe no XLM model that can be computed.
    """

    def __init__(self, config: XLMConfig) -> None:
        super().__init__(config)
        config.check()
        width, layers = config.emb_dim, range(config.n_layers)
        positions = SinusoidalEmbedding if config.sinusoidal_embeddings else nn.Embedding
        self.position_embeddings = positions(config.max_position_embeddings, width)
        if config.has_language_embeddings:
            self.lang_embeddings = nn.Embedding(config.n_langs, width)
        self.embeddings = nn.Embedding(config.vocab_size, width, padding_idx=config.pad_index)
        self.layer_norm_emb = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.dropout = Dropout(config.dropout)
        self.attentions = nn.ModuleList(XLMAttention(config, layer) for layer in layers)
        self.layer_norm1 = nn.ModuleList(nn.LayerNorm(width, eps=config.layer_norm_eps) for _ in layers)
        self.ffns = nn.ModuleList(XLMFeedForward(config) for _ in layers)
        self.layer_norm2 = nn.ModuleList(nn.LayerNorm(width, eps=config.layer_norm_eps) for _ in layers)
        self.post_init()

    def _prune_heads(self, heads_to_prune: Mapping[int, Collection[int]]) -> None:
        for layer, heads in heads_to_prune.items():
            cast("XLMAttention", self.attentions[layer]).prune_heads(heads)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        langs: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        lengths: Tensor | None = None,
        cache: CacheDict | Cache | None = None,
        head_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> Any:
        """Computes the hidden states.

        Args:
            input_ids: ``[batch, keys]``; with a cache those of its positions, too, which are not computed again.
            attention_mask: ``[batch, keys]``, 1 for tokens and 0 for padding, whose states are 0. If neither it nor
                ``lengths`` is given, as many positions are tokens as there are ids other than ``config.pad_index``.
            langs: ``[batch, keys]`` languages, if the model has embeddings of them; None adds none.
            token_type_ids: ``[batch, keys]`` tokens whose embeddings are added.
            position_ids: ``[batch or 1, keys]``; 0, 1, … if None. Translation pairs (TLM) begin anew in the middle.
            lengths: ``[batch]`` numbers of tokens, behind which there is padding: instead of ``attention_mask``.
            cache: Keys and values of earlier calls, extended in place; ``{"slen": 0}`` to begin with, or a
                :class:`~transformers.nn.cache.Cache`, which is not copied from call to call. What they hold does not
                depend on later tokens in a model with ``config.causal`` only.
            head_mask: 1 for heads that count, 0 for others: ``[heads]`` or ``[layers, heads]``.
            inputs_embeds: ``[batch, keys, emb_dim]`` in the place of ``input_ids``.
            output_attentions: Whether attention weights are returned.
            output_hidden_states: Whether the states of the embeddings and of each layer are returned.
            return_dict: False for a tuple.

        Returns:
            :class:`~transformers.modeling_outputs.BaseModelOutput`, or a tuple.
        """
        config, past = self.config, cached_length(cache)
        words = embed_words(self.embeddings, _behind(past, input_ids), _behind(past, inputs_embeds))
        batch, time = words.shape[:2]
        axes = ("batch", "time")
        check_shapes(
            {"batch": batch, "time": past + time},
            attention_mask=(attention_mask, axes),
            langs=(langs, axes),
            token_type_ids=(token_type_ids, axes),
            lengths=(lengths, axes[:1]),
        )
        real = self._real_positions(batch, past + time, words.device, input_ids, attention_mask, lengths)
        need_states = config.output_hidden_states if output_hidden_states is None else output_hidden_states
        need_weights = config.output_attentions if output_attentions is None else output_attentions
        inspected = need_states or need_weights or head_mask is not None
        layout = choose_layout(self, real if cache is None else None, words, inspected=inspected)
        hidden = self._embed(words, langs, token_type_ids, position_ids, past, layout)
        factor = layout.pack(real[:, past:, None].to(hidden.dtype))
        # Half of the lowest number: beyond the reach of any score, and a sum with one stays finite in float16.
        lowest = torch.finfo(hidden.dtype).min / 2
        seen = None if layout.packed else real
        inputs = AttentionInputs(
            mask=self_attention_mask(seen, hidden, past, causal=config.causal, value=lowest),
            causal=config.causal and layout.packed,
            cache=opened(cache, config.n_layers, recomputed=self.gradient_checkpointing and self.training),
            need_weights=need_weights,
            layout=layout,
        )
        outputs = run_layers(
            [functools.partial(self._layer_call(self._layer), layer, factor) for layer in range(config.n_layers)],
            hidden * factor,
            inputs,
            head_mask,
            need_states=need_states,
        )
        write_back(inputs.cache, cache)
        output = BaseModelOutput(outputs.hidden, outputs.states, outputs.weights)
        output.layout = layout
        wants_dict = config.use_return_dict if return_dict is None else return_dict
        return output if wants_dict else output.to_tuple()

    def _real_positions(
        self,
        batch: int,
        keys: int,
        device: torch.device,
        input_ids: Tensor | None,
        attention_mask: Tensor | None,
        lengths: Tensor | None,
    ) -> Tensor:
        """``[batch, keys]``, true (or 1) for tokens and false for padding."""
        if attention_mask is not None:
            return attention_mask
        if lengths is None and input_ids is not None:
            lengths = (input_ids != self.config.pad_index).sum(dim=1)
        if lengths is None:
            return torch.ones(batch, keys, device=device)
        return torch.arange(keys, device=device) < lengths[:, None]

    def _embed(
        self,
        words: Tensor,
        langs: Tensor | None,
        types: Tensor | None,
        positions: Tensor | None,
        past: int,
        layout: Layout,
    ) -> Tensor:
        """``[batch, time, emb_dim]``: what the first layer reads of the positions that are not in the cache."""
        if positions is None:
            time = words.shape[1]
            check_length(time, self.position_embeddings, past)
            hidden = words + self.position_embeddings.weight[past : past + time]
        else:
            hidden = words + look_up(self.position_embeddings, positions[:, past:], "position_ids")
        if langs is not None and self.config.has_language_embeddings:
            hidden = hidden + look_up(self.lang_embeddings, langs[:, past:], "langs")
        if types is not None:
            hidden = hidden + look_up(self.embeddings, types[:, past:], "token_type_ids")
        dropped: Tensor = self.dropout(self.layer_norm_emb(layout.pack(hidden)))
        return dropped

    def _layer(
        self, layer: int, real: Tensor, hidden: Tensor, inputs: AttentionInputs, head_mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None, None]:
        """One layer: ``[batch, time, emb_dim]`` -> the same, and the weights of its attention if they are wanted."""
        attended, weights = self.attentions[layer](hidden, inputs, head_mask)
        hidden = self.layer_norm1[layer](hidden + self.dropout(attended))
        fed = in_chunks(self.ffns[layer], hidden, self.config.chunk_size_feed_forward)
        return self.layer_norm2[layer](hidden + fed) * real, weights, None


def _behind(past: int, given: Tensor | None) -> Tensor | None:
    """What was given of the positions that are not in the cache."""
    return given[:, past:] if past and given is not None else given


class XLMPredLayer(nn.Module):
    """h W + b: the scores of the words; with an adaptive softmax (Grave et al., 2017) their log-probabilities."""

    def __init__(self, config: XLMConfig) -> None:
        super().__init__()
        self.proj: nn.Module
        if config.asm:
            cutoffs, divisor = config.asm_cutoffs or [], config.asm_div_value
            self.proj = nn.AdaptiveLogSoftmaxWithLoss(
                config.emb_dim, config.vocab_size, cutoffs, divisor, head_bias=True
            )
        else:
            self.proj = nn.Linear(config.emb_dim, config.vocab_size)

    def forward(self, hidden: Tensor) -> Tensor:
        """``[batch, time, emb_dim]`` -> ``[batch, time, vocabulary]``."""
        if isinstance(self.proj, nn.AdaptiveLogSoftmaxWithLoss):
            return self.proj.log_prob(hidden.flatten(0, 1)).view(*hidden.shape[:2], -1)
        return self.proj(hidden)  # type: ignore[no-any-return]


@called_like(XLMModel)
class XLMWithLMHeadModel(GenerationMixin, WritingLM, XLMPreTrainedModel):
    """XLM with scores of the words: of masked ones (MLM, TLM), or with ``config.causal`` of the next (CLM).

    ``labels`` are compared with the scores at their own positions: for a causal model they are the ids shifted by one.

    A causal model writes texts as the original's translator does, each word from the state of the one before. They are
    in the languages ``langs``, or in ``config.lang_id`` if none are given.
    """

    _inputs_per_token: ClassVar[frozenset[str]] = frozenset({"token_type_ids", "langs"})
    _inputs_of_generation: ClassVar[frozenset[str]] = frozenset({"lengths", "cache"})
    tied_weights: ClassVar[Mapping[str, str]] = {"pred_layer.proj.weight": "transformer.embeddings.weight"}

    def __init__(self, config: XLMConfig) -> None:
        super().__init__(config, XLMModel(config))
        self.pred_layer = XLMPredLayer(config)
        self.post_init()

    def get_output_embeddings(self) -> nn.Module:
        """The layer that scores the words of the vocabulary."""
        return self.pred_layer.proj

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """Replaces the layer that scores the words of the vocabulary."""
        self.pred_layer.proj = new_embeddings

    def lm_logits(self, hidden: Tensor) -> Tensor:
        """``[batch, time, emb_dim]`` -> ``[batch, time, vocabulary]``."""
        return self.pred_layer(hidden)  # type: ignore[no-any-return]

    def _generation_problems(self, config: GenerationConfig, inputs: Mapping[str, Any]) -> list[str]:
        """Only a causal model scores the next word."""
        if self.config.causal:
            return []
        return ["causal=False in the model's configuration: it scores masked words and not the next one"]

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, past_key_values: DecodingState | None = None, **inputs: Any
    ) -> dict[str, Any]:
        """The arguments of the forward pass for one step, which has all words and skips those in the cache itself."""
        if inputs["attention_mask"] is None:  # otherwise a word that is the padding would be taken for padding
            inputs["attention_mask"] = torch.ones_like(input_ids)
        if "langs" not in inputs and self.config.has_language_embeddings and self.config.lang_id is not None:
            inputs["langs"] = torch.full_like(input_ids, self.config.lang_id)
        if "inputs_embeds" not in inputs:
            inputs["input_ids"] = input_ids
        return {**inputs, "cache": past_key_values, "logits_to_keep": 1}


@called_like(XLMModel)
class XLMForSequenceClassification(SequenceClassification, XLMPreTrainedModel):
    """XLM with a classifier on the state of the first token."""

    def __init__(self, config: XLMConfig) -> None:
        super().__init__(config, XLMModel(config))
        self.sequence_summary = sequence_summary(config)
        self.view = summary_view(config)
        self.post_init()

    def scores(self, base: Any, inputs: Mapping[str, Any]) -> Tensor:
        """``[batch, labels]``."""
        return self.sequence_summary(base.last_hidden_state)  # type: ignore[no-any-return]


@called_like(XLMModel)
class XLMForTokenClassification(TokenClassification, XLMPreTrainedModel):
    """XLM with a classifier on every state."""

    def __init__(self, config: XLMConfig) -> None:
        super().__init__(config, XLMModel(config), dropout=config.dropout)


@called_like(XLMModel)
class XLMForMultipleChoice(MultipleChoice, XLMPreTrainedModel):
    """XLM with one score for each choice."""

    def __init__(self, config: XLMConfig) -> None:
        super().__init__(config, XLMModel(config))
        self.sequence_summary = sequence_summary(config)
        self.view = summary_view(config)
        self.logits_proj = nn.Linear(config.num_labels, 1)
        self.post_init()

    def choice_scores(self, base: Any) -> Tensor:
        """``[batch * choices, 1]``."""
        return self.logits_proj(self.sequence_summary(base.last_hidden_state))  # type: ignore[no-any-return]


@called_like(XLMModel)
class XLMForQuestionAnsweringSimple(QuestionAnswering, XLMPreTrainedModel):
    """XLM with scores of the first and the last token of an answer."""

    def __init__(self, config: XLMConfig) -> None:
        super().__init__(config, XLMModel(config))


@dataclass
class XLMForQuestionAnsweringOutput(ModelOutput):
    """The loss, or the best spans: see :class:`~transformers.nn.span_beams.SpanBeams`."""

    loss: Tensor | None = None
    start_top_log_probs: Tensor | None = None
    start_top_index: Tensor | None = None
    end_top_log_probs: Tensor | None = None
    end_top_index: Tensor | None = None
    cls_logits: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@called_like(XLMModel)
class XLMForQuestionAnswering(BeamQuestionAnswering, XLMPreTrainedModel):
    """XLM with a beam search for the span of an answer."""

    output_class: ClassVar[type[ModelOutput]] = XLMForQuestionAnsweringOutput

    def __init__(self, config: XLMConfig) -> None:
        super().__init__(config, XLMModel(config))
        self.qa_outputs = SpanBeamHead(config.emb_dim, config.layer_norm_eps)
        self.post_init()

    @property
    def span_head(self) -> SpanHead:
        """The head's modules."""
        return self.qa_outputs
