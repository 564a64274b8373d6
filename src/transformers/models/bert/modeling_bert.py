"""BERT (Devlin et al., 2018): an encoder of post-norm layers, and its task heads.

e = LayerNorm(word + segment + position). Each layer: y = LayerNorm(attention(x) W + b + x), then
LayerNorm(act(y W₁ + b₁) W₂ + b₂ + y). The pooled output is tanh(W h₀ + b) of the first token.

With ``config.is_decoder`` attention is causal and keeps a cache; with ``config.add_cross_attention`` each layer also
attends to an encoder's states (Rothe et al., 2020).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from torch import Tensor, nn

from ...errors import UserError
from ...generation.configuration import GenerationConfig
from ...generation.mixin import GenerationMixin
from ...modeling_choice_heads import PooledMultipleChoice
from ...modeling_heads import (
    CausalLM,
    MaskedLM,
    PooledSequenceClassification,
    QuestionAnswering,
    ScoringModel,
    TaskModel,
    TokenClassification,
    called_like,
)
from ...modeling_outputs import (
    BaseModelOutputWithPoolingAndCrossAttentions,
    ModelOutput,
    NextSentencePredictorOutput,
    Tensors,
)
from ...modeling_padding import View, choose_layout
from ...modeling_utils import PreTrainedModel
from ...nn.activations import activated, activation
from ...nn.cache import PastKeyValues, cache_for_call
from ...nn.embeddings import SummedEmbeddings
from ...nn.heads import MaskedWordHead, Pooler
from ...nn.layers import AttentionInputs, ProjectedAttention, ResidualNorm, in_chunks, run_layers
from ...nn.linear import keep_inputs
from ...nn.losses import token_loss
from ...nn.masks import additive_mask, self_attention_mask
from .configuration_bert import BertConfig

logger = logging.getLogger(__name__)

#: What the original adds to the score of a key that is padding. A row whose mask is all zero is thus not masked at all.
MASKED = -10000.0


class BertAttention(nn.Module):
    """LayerNorm(attention(x) W + b + x) in the layer of index ``layer``; with ``cross`` it attends to an encoder."""

    def __init__(self, config: BertConfig, layer: int, *, cross: bool = False) -> None:
        super().__init__()
        hidden, heads = config.hidden_size, config.num_attention_heads
        self.self = ProjectedAttention(hidden, heads, config.attention_probs_dropout_prob, layer, cross=cross)
        self.output = ResidualNorm(hidden, hidden, config.layer_norm_eps, config.hidden_dropout_prob)

    def forward(
        self, hidden: Tensor, inputs: AttentionInputs, head_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """``[batch, time, hidden]`` -> the same, and the weights ``[batch, heads, time, keys]`` if they are wanted."""
        context, weights = self.self(hidden, inputs, head_mask)
        return self.output(context, hidden), weights

    def prune_heads(self, heads: Collection[int]) -> None:
        """Removes heads, given by the numbers that they had before any were removed."""
        keep_inputs(self.output.dense, self.self.prune_heads(heads))


class BertIntermediate(nn.Module):
    """act(x W + b), the wide half of the feed-forward network."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.intermediate_size)
        self.act = activation(config.hidden_act)

    def forward(self, x: Tensor) -> Tensor:
        """``[batch, time, hidden]`` -> ``[batch, time, intermediate]``."""
        return activated(self.dense, self.act, x)


class BertLayer(nn.Module):
    """Self-attention, cross-attention if the model has it, and the feed-forward network; ``layer`` is its index."""

    def __init__(self, config: BertConfig, layer: int) -> None:
        super().__init__()
        self.attention = BertAttention(config, layer)
        if config.add_cross_attention:
            self.crossattention = BertAttention(config, layer, cross=True)
        self.intermediate = BertIntermediate(config)
        self.output = ResidualNorm(
            config.intermediate_size, config.hidden_size, config.layer_norm_eps, config.hidden_dropout_prob
        )
        self.chunk = config.chunk_size_feed_forward

    def forward(
        self, hidden: Tensor, inputs: AttentionInputs, head_mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """The new hidden states, and the weights of both attentions where they are wanted and exist."""
        hidden, weights = self.attention(hidden, inputs, head_mask)
        cross_weights = None
        if inputs.encoder_states is not None:
            hidden, cross_weights = self.crossattention(hidden, inputs)
        return in_chunks(self.feed_forward, hidden, self.chunk), weights, cross_weights

    def feed_forward(self, x: Tensor) -> Tensor:
        """LayerNorm(act(x W₁ + b₁) W₂ + b₂ + x)."""
        result: Tensor = self.output(self.intermediate(x), x)
        return result


class BertEncoder(nn.Module):
    """The layers; the model runs them."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(BertLayer(config, index) for index in range(config.num_hidden_layers))


class BertPreTrainedModel(PreTrainedModel):
    """What all BERT models have in common: how they are named and loaded."""

    config_class = BertConfig
    base_model_prefix = "bert"
    word_embeddings = "embeddings.word_embeddings"
    supports_gradient_checkpointing = True
    supports_skip_padding = True
    ignored_on_load: ClassVar[tuple[str, ...]] = ("*embeddings.position_ids", "*embeddings.token_type_ids")

    config: BertConfig


class BertModel(BertPreTrainedModel):
    """The encoder (or decoder) without a head; with ``add_pooling_layer`` (here or in ``config``) it has a pooler."""

    def __init__(self, config: BertConfig, add_pooling_layer: bool | None = None) -> None:
        super().__init__(config)
        config.check()
        self.embeddings = SummedEmbeddings(
            vocab_size=config.vocab_size,
            size=config.hidden_size,
            positions=config.max_position_embeddings,
            segments=config.type_vocab_size,
            layer_norm_eps=config.layer_norm_eps,
            dropout=config.hidden_dropout_prob,
            padding_id=config.pad_token_id,
        )
        self.encoder = BertEncoder(config)
        pooled = getattr(config, "add_pooling_layer", True) if add_pooling_layer is None else add_pooling_layer
        self.pooler = Pooler(config.hidden_size) if pooled else None
        self.post_init()

    def _check_inputs(self, encoder_states: Tensor | None, past: PastKeyValues | None) -> None:
        """Refuses inputs that the model would have to ignore or to misuse."""
        problems = []
        if encoder_states is not None and not self.config.add_cross_attention:
            problems.append("encoder_hidden_states, but it has no cross-attention (add_cross_attention)")
        if past is not None and not self.config.is_decoder:
            problems.append("past_key_values, but it is no decoder (is_decoder)")
        if past is not None and self.training and self.gradient_checkpointing:
            problems.append("past_key_values, which gradient checkpointing would extend twice")
        if problems:
            raise UserError("This model was given inputs that it cannot use:", problems)

    def _prune_heads(self, heads_to_prune: Mapping[int, Collection[int]]) -> None:
        for layer, heads in heads_to_prune.items():
            cast("BertLayer", self.encoder.layer[layer]).attention.prune_heads(heads)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        head_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        past_key_values: PastKeyValues | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> Any:
        """Computes the hidden states; ``keys`` are the positions in the cache and those of this call.

        Args:
            input_ids: ``[batch, time]``, unless ``inputs_embeds`` are given.
            attention_mask: ``[batch, keys]`` or ``[batch, time, keys]``, 1 for what may be seen. None costs nothing.
            token_type_ids: ``[batch, time]`` segments; all 0 if None.
            position_ids: ``[batch, time]``; 0, 1, 2, ... if None, also over padding.
            head_mask: ``[heads]`` or ``[layers, heads]``, 1 to keep a head and 0 to switch it off.
            inputs_embeds: ``[batch, time, hidden]`` in the place of word embeddings.
            encoder_hidden_states: ``[batch, encoder time, hidden]``, for models with cross-attention.
            encoder_attention_mask: ``[batch, encoder time]``, 1 for real tokens of the encoder.
            past_key_values: The cache of earlier calls, for decoders; it is extended.
            use_cache: Whether a decoder returns its cache.
            output_attentions: Whether to return the attention weights.
            output_hidden_states: Whether to return the states before the first and after each layer.
            return_dict: False for a tuple. This and the three before are as the configuration says if None.

        Returns:
            A :class:`~transformers.modeling_outputs.BaseModelOutputWithPoolingAndCrossAttentions`.
        """
        config = self.config
        need_states = config.output_hidden_states if output_hidden_states is None else output_hidden_states
        use_cache = config.is_decoder and (config.use_cache if use_cache is None else use_cache)
        self._check_inputs(encoder_hidden_states, past_key_values)
        recomputed = self.gradient_checkpointing and self.training
        cache = cache_for_call(past_key_values, wanted=use_cache, recomputed=recomputed)
        past = 0 if cache is None else cache.get_seq_length()
        need_weights = config.output_attentions if output_attentions is None else output_attentions
        layout = choose_layout(
            self,
            None if config.is_decoder or encoder_hidden_states is not None else attention_mask,
            inputs_embeds if input_ids is None else input_ids,
            inspected=need_states or need_weights or head_mask is not None,
        )
        hidden = self.embeddings(input_ids, token_type_ids, position_ids, inputs_embeds, past, layout)
        mask = None if layout.packed else attention_mask
        inputs = AttentionInputs(
            mask=self_attention_mask(mask, hidden, past, causal=config.is_decoder, value=MASKED),
            causal=config.is_decoder and attention_mask is None,
            encoder_states=encoder_hidden_states,
            encoder_mask=additive_mask(encoder_attention_mask, hidden.dtype, value=MASKED),
            cache=cache,
            need_weights=need_weights,
            layout=layout,
        )
        layers = [self._layer_call(layer) for layer in self.encoder.layer]
        run = run_layers(layers, hidden, inputs, head_mask, need_states=need_states)
        output = BaseModelOutputWithPoolingAndCrossAttentions(
            last_hidden_state=run.hidden,
            pooler_output=None if self.pooler is None else self.pooler(run.hidden),
            hidden_states=run.states,
            past_key_values=cache if use_cache else None,
            attentions=run.weights,
            cross_attentions=run.cross_weights,
        )
        output.layout = layout
        wants_dict = config.use_return_dict if return_dict is None else return_dict
        return output if wants_dict else output.to_tuple()


class BertHeads(nn.Module):
    """The heads of pre-training, or one of them."""

    def __init__(self, config: BertConfig, *, words: bool = False, sentences: bool = False) -> None:
        super().__init__()
        if words:
            self.predictions = MaskedWordHead(
                config.hidden_size, config.vocab_size, config.hidden_act, config.layer_norm_eps
            )
        if sentences:
            self.seq_relationship = nn.Linear(config.hidden_size, 2)


class _BertWordScores(BertPreTrainedModel):
    """A model with a masked-word head, whose matrix is the word embeddings."""

    cls: BertHeads
    tied_weights: ClassVar[Mapping[str, str]] = {
        "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    }

    def lm_logits(self, hidden: Tensor) -> Tensor:
        """``[batch, time, hidden]`` -> ``[batch, time, vocabulary]``."""
        return self.cls.predictions(hidden)  # type: ignore[no-any-return]

    def get_output_embeddings(self) -> nn.Linear:
        """The layer that scores the words of the vocabulary."""
        return self.cls.predictions.decoder

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """Replaces the layer that scores the words of the vocabulary."""
        self.cls.predictions.decoder = cast("nn.Linear", new_embeddings)
        self.cls.predictions.bias = self.cls.predictions.decoder.bias


@called_like(BertModel)
class BertForMaskedLM(_BertWordScores, MaskedLM):
    """Scores of the word at each position; ``labels`` ``[batch, time]`` are -100 where nothing is to be predicted."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, BertModel(config, add_pooling_layer=False))
        self.cls = BertHeads(config, words=True)
        self.post_init()


@called_like(BertModel)
class BertLMHeadModel(GenerationMixin, _BertWordScores, CausalLM):
    """Scores of the next word at each position, by a decoder; ``labels`` are the input ids, shifted inside."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, BertModel(config, add_pooling_layer=False))
        if not config.is_decoder:
            logger.warning("BertLMHeadModel sees the words that it predicts: its configuration lacks is_decoder=True.")
        self.cls = BertHeads(config, words=True)
        self.post_init()

    def _generation_problems(self, config: GenerationConfig, inputs: Mapping[str, Any]) -> list[str]:
        """Only a decoder scores the next word."""
        return [] if self.config.is_decoder else ["is_decoder=False in the model's configuration: it sees later words"]


@called_like(BertModel)
class BertForNextSentencePrediction(ScoringModel, BertPreTrainedModel):
    """Scores that the second segment follows the first (0) or not (1); ``labels`` ``[batch]``."""

    output_class = NextSentencePredictorOutput
    view = View.FIRST

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, BertModel(config, add_pooling_layer=True))
        self.cls = BertHeads(config, sentences=True)
        self.post_init()

    def scores(self, base: Any, inputs: Mapping[str, Any]) -> Tensor:
        """``[batch, 2]``."""
        return self.cls.seq_relationship(base.pooler_output)  # type: ignore[no-any-return]


@dataclass
class BertForPreTrainingOutput(ModelOutput):
    """Scores of both pre-training tasks, and the sum of the losses for which labels were given."""

    loss: Tensor | None = None
    prediction_logits: Tensor | None = None
    seq_relationship_logits: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@called_like(BertModel)
class BertForPreTraining(_BertWordScores, TaskModel):
    """Both pre-training heads.

    ``labels`` ``[batch, time]`` are word ids, -100 where nothing is to be predicted; ``next_sentence_label``
    ``[batch]`` is 0 if the second segment follows the first, 1 if not.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, BertModel(config, add_pooling_layer=True))
        self.cls = BertHeads(config, words=True, sentences=True)
        self.post_init()

    def forward(
        self,
        *,
        labels: Tensor | None = None,
        next_sentence_label: Tensor | None = None,
        return_dict: bool | None = None,
        **inputs: Any,
    ) -> Any:
        """Computes both scores, and the sum of the losses for which there are labels."""
        base = self.run_base(inputs)
        words = base.layout.each(self.lm_logits, base.last_hidden_state)
        sentences = self.cls.seq_relationship(base.pooler_output)
        tasks = ((words, labels), (sentences, next_sentence_label))
        losses = [token_loss(logits, wanted) for logits, wanted in tasks if wanted is not None]
        return self.output(
            BertForPreTrainingOutput,
            base,
            return_dict,
            loss=sum(losses[1:], losses[0]) if losses else None,
            prediction_logits=words,
            seq_relationship_logits=sentences,
        )


@called_like(BertModel)
class BertForSequenceClassification(PooledSequenceClassification, BertPreTrainedModel):
    """A classifier (or regression) of whole inputs, on the pooled output."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, BertModel(config, add_pooling_layer=True), dropout=config.head_dropout)


@called_like(BertModel)
class BertForMultipleChoice(PooledMultipleChoice, BertPreTrainedModel):
    """A score for each choice, on the pooled output; inputs are ``[batch, choices, time]``."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, BertModel(config, add_pooling_layer=True), dropout=config.head_dropout)


@called_like(BertModel)
class BertForTokenClassification(TokenClassification, BertPreTrainedModel):
    """A classifier of every token."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, BertModel(config, add_pooling_layer=False), dropout=config.head_dropout)


@called_like(BertModel)
class BertForQuestionAnswering(QuestionAnswering, BertPreTrainedModel):
    """The first and the last token of the answer to a question in a text."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, BertModel(config, add_pooling_layer=False))
