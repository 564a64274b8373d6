"""ALBERT (Lan et al., 2019): BERT with factorised embeddings, and layers that share their parameters.

e = LayerNorm(word + segment + position) of width E, x = e W + b of width H. Layer i runs the blocks of group
``config.group_of(i)`` one after the other, each a post-norm layer of BERT. The pooled output is tanh(W h₀ + b).

Shapes: batch, time, heads, hidden = heads · size.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from ...modeling_choice_heads import PooledMultipleChoice
from ...modeling_heads import (
    MaskedLM,
    PooledSequenceClassification,
    QuestionAnswering,
    TaskModel,
    TokenClassification,
    called_like,
)
from ...modeling_outputs import BaseModelOutputWithPooling, ModelOutput, Tensors
from ...modeling_padding import choose_layout
from ...modeling_utils import PreTrainedModel
from ...nn.activations import activated, activation
from ...nn.dropout import Dropout
from ...nn.embeddings import SummedEmbeddings
from ...nn.layers import AttentionInputs, ProjectedAttention, in_chunks, run_layers
from ...nn.linear import keep_inputs
from ...nn.losses import token_loss
from ...nn.masks import self_attention_mask
from .configuration_albert import AlbertConfig

#: What the original adds to the score of a key that is padding, as in BERT.
MASKED = -10000.0


class AlbertAttention(ProjectedAttention):
    """LayerNorm(attention(x) W + b + x)."""

    def __init__(self, config: AlbertConfig) -> None:
        hidden = config.hidden_size
        super().__init__(hidden, config.num_attention_heads, config.attention_probs_dropout_prob, layer=0)
        self.dense = nn.Linear(hidden, hidden)
        self.LayerNorm = nn.LayerNorm(hidden, eps=config.layer_norm_eps)
        self.output_dropout = Dropout(config.hidden_dropout_prob)

    def forward(
        self, hidden: Tensor, inputs: AttentionInputs, head_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """``[batch, time, hidden]`` -> the same, and the weights ``[batch, heads, time, time]`` if they are wanted."""
        context, weights = super().forward(hidden, inputs, head_mask)
        return self.LayerNorm(self.output_dropout(self.dense(context)) + hidden), weights

    def prune_heads(self, heads: Collection[int]) -> Tensor:
        """Removes heads, given by the numbers that they had before any were removed."""
        features = super().prune_heads(heads)
        keep_inputs(self.dense, features)
        return features


class AlbertLayer(nn.Module):
    """A block: attention, then LayerNorm(act(y W₁ + b₁) W₂ + b₂ + y)."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.attention = AlbertAttention(config)
        self.ffn = nn.Linear(config.hidden_size, config.intermediate_size)
        self.act = activation(config.hidden_act)
        self.ffn_output = nn.Linear(config.intermediate_size, config.hidden_size)
        self.full_layer_layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = Dropout(config.hidden_dropout_prob)
        self.chunk = config.chunk_size_feed_forward

    def forward(
        self, hidden: Tensor, inputs: AttentionInputs, head_mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None, None]:
        """The new hidden states, and the attention weights where they are wanted."""
        hidden, weights = self.attention(hidden, inputs, head_mask)
        return in_chunks(self.feed_forward, hidden, self.chunk), weights, None

    def feed_forward(self, x: Tensor) -> Tensor:
        """``[batch, time, hidden]`` -> the same."""
        wide = activated(self.ffn, self.act, x)
        normed: Tensor = self.full_layer_layer_norm(self.dropout(self.ffn_output(wide)) + x)
        return normed


class AlbertLayerGroup(nn.Module):
    """The blocks that the layers of a group share."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.albert_layers = nn.ModuleList(AlbertLayer(config) for _ in range(config.inner_group_num))


class AlbertTransformer(nn.Module):
    """The projection of the embeddings, and the groups; the model runs them."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.embedding_hidden_mapping_in = nn.Linear(config.embedding_size, config.hidden_size)
        used = sorted({config.group_of(layer) for layer in range(config.num_hidden_layers)})
        self.albert_layer_groups = nn.ModuleDict({str(group): AlbertLayerGroup(config) for group in used})
        self.order = [str(config.group_of(layer)) for layer in range(config.num_hidden_layers)]

    def blocks(self) -> list[AlbertLayer]:
        """The blocks of all layers, in the order in which they run."""
        groups = [cast("AlbertLayerGroup", self.albert_layer_groups[group]) for group in self.order]
        return [cast("AlbertLayer", block) for group in groups for block in group.albert_layers]


class AlbertPreTrainedModel(PreTrainedModel):
    """What all ALBERT models have in common: how they are named and loaded."""

    config_class = AlbertConfig
    base_model_prefix = "albert"
    word_embeddings = "embeddings.word_embeddings"
    supports_gradient_checkpointing = True
    supports_skip_padding = True
    ignored_on_load = ("*embeddings.position_ids", "*embeddings.token_type_ids")

    config: AlbertConfig


class AlbertModel(AlbertPreTrainedModel):
    """The encoder without a head; with ``add_pooling_layer`` (here or in ``config``) it has a pooler."""

    def __init__(self, config: AlbertConfig, add_pooling_layer: bool | None = None) -> None:
        super().__init__(config)
        config.check()
        self.embeddings = SummedEmbeddings(
            vocab_size=config.vocab_size,
            size=config.embedding_size,
            positions=config.max_position_embeddings,
            segments=config.type_vocab_size,
            layer_norm_eps=config.layer_norm_eps,
            dropout=config.hidden_dropout_prob,
            padding_id=config.pad_token_id,
        )
        self.encoder = AlbertTransformer(config)
        pooled = getattr(config, "add_pooling_layer", True) if add_pooling_layer is None else add_pooling_layer
        self.pooler = nn.Linear(config.hidden_size, config.hidden_size) if pooled else None
        self.post_init()

    def _prune_heads(self, heads_to_prune: Mapping[int, Collection[int]]) -> None:
        """Prunes blocks; they are counted through all groups."""
        inner = self.config.inner_group_num
        for index, heads in heads_to_prune.items():
            group = cast("AlbertLayerGroup", self.encoder.albert_layer_groups[str(index // inner)])
            cast("AlbertLayer", group.albert_layers[index % inner]).attention.prune_heads(heads)

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
    ) -> Any:
        """Computes the hidden states.

        Args:
            input_ids: ``[batch, time]``, unless ``inputs_embeds`` are given.
            attention_mask: ``[batch, time]`` or ``[batch, time, time]``, 1 for what may be seen. None costs nothing.
            token_type_ids: ``[batch, time]`` segments; all 0 if None.
            position_ids: ``[batch, time]``; 0, 1, 2, ... if None, also over padding.
            head_mask: ``[heads]`` or ``[blocks, heads]``, 1 to keep a head and 0 to switch it off.
            inputs_embeds: ``[batch, time, embedding size]`` in the place of word embeddings.
            output_attentions: Whether to return the attention weights of every block.
            output_hidden_states: Whether to return the projected embeddings and the states after each layer.
            return_dict: False for a tuple. This and the two before are as the configuration says if None.

        Returns:
            A :class:`~transformers.modeling_outputs.BaseModelOutputWithPooling`.
        """
        config = self.config
        need_states = config.output_hidden_states if output_hidden_states is None else output_hidden_states
        need_weights = config.output_attentions if output_attentions is None else output_attentions
        layout = choose_layout(
            self,
            attention_mask,
            inputs_embeds if input_ids is None else input_ids,
            inspected=need_states or need_weights or head_mask is not None,
        )
        embedded = self.embeddings(input_ids, token_type_ids, position_ids, inputs_embeds, layout=layout)
        hidden = self.encoder.embedding_hidden_mapping_in(embedded)
        mask = None if layout.packed else attention_mask
        inputs = AttentionInputs(
            mask=self_attention_mask(mask, hidden, 0, causal=False, value=MASKED),
            need_weights=need_weights,
            layout=layout,
        )
        blocks = [self._layer_call(block) for block in self.encoder.blocks()]
        run = run_layers(blocks, hidden, inputs, head_mask, need_states=need_states)
        output = BaseModelOutputWithPooling(
            last_hidden_state=run.hidden,
            pooler_output=None if self.pooler is None else torch.tanh(self.pooler(run.hidden[:, 0])),
            hidden_states=None if run.states is None else run.states[:: config.inner_group_num],
            attentions=run.weights,
        )
        output.layout = layout
        wants_dict = config.use_return_dict if return_dict is None else return_dict
        return output if wants_dict else output.to_tuple()


class AlbertMLMHead(nn.Module):
    """LayerNorm(act(h W + b)) Eᵀ + bias, E the word embeddings."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.embedding_size)
        self.act = activation(config.hidden_act)
        self.LayerNorm = nn.LayerNorm(config.embedding_size, eps=config.layer_norm_eps)
        self.decoder = nn.Linear(config.embedding_size, config.vocab_size)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(self, hidden: Tensor) -> Tensor:
        """``[batch, time, hidden]`` -> ``[batch, time, vocabulary]``."""
        scores: Tensor = self.decoder(self.LayerNorm(self.act(self.dense(hidden))))
        return scores


class AlbertSOPHead(nn.Module):
    """Scores that two segments are in their order (0) or swapped (1), from the pooled output."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.dropout = Dropout(config.classifier_dropout_prob)
        self.classifier = nn.Linear(config.hidden_size, 2)

    def forward(self, pooled: Tensor) -> Tensor:
        """``[batch, hidden]`` -> ``[batch, 2]``."""
        scores: Tensor = self.classifier(self.dropout(pooled))
        return scores


class _AlbertWordScores(AlbertPreTrainedModel):
    """A model with a masked-word head, whose matrix is the word embeddings."""

    predictions: AlbertMLMHead
    tied_weights: ClassVar[Mapping[str, str]] = {
        "predictions.decoder.weight": "albert.embeddings.word_embeddings.weight",
        "predictions.decoder.bias": "predictions.bias",
    }

    def lm_logits(self, hidden: Tensor) -> Tensor:
        """``[batch, time, hidden]`` -> ``[batch, time, vocabulary]``."""
        return self.predictions(hidden)  # type: ignore[no-any-return]

    def get_output_embeddings(self) -> nn.Linear:
        """The layer that scores the words of the vocabulary."""
        return self.predictions.decoder

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """Replaces the layer that scores the words of the vocabulary."""
        self.predictions.decoder = cast("nn.Linear", new_embeddings)
        self.predictions.bias = self.predictions.decoder.bias


@dataclass
class AlbertForPreTrainingOutput(ModelOutput):
    """Scores of both pre-training tasks, and the sum of the losses for which labels were given."""

    loss: Tensor | None = None
    prediction_logits: Tensor | None = None
    sop_logits: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@called_like(AlbertModel)
class AlbertForPreTraining(_AlbertWordScores, TaskModel):
    """Both pre-training heads.

    ``labels`` ``[batch, time]`` are word ids, -100 where nothing is to be predicted; ``sentence_order_label``
    ``[batch]`` is 0 for two segments in their order, 1 if they are swapped.
    """

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config, AlbertModel(config, add_pooling_layer=True))
        self.predictions = AlbertMLMHead(config)
        self.sop_classifier = AlbertSOPHead(config)
        self.post_init()

    def forward(
        self,
        *,
        labels: Tensor | None = None,
        sentence_order_label: Tensor | None = None,
        return_dict: bool | None = None,
        **inputs: Any,
    ) -> Any:
        """Computes both scores, and the sum of the losses for which there are labels."""
        base = self.run_base(inputs)
        words = base.layout.each(self.lm_logits, base.last_hidden_state)
        order = self.sop_classifier(base.pooler_output)
        tasks = ((words, labels), (order, sentence_order_label))
        losses = [token_loss(logits, wanted) for logits, wanted in tasks if wanted is not None]
        return self.output(
            AlbertForPreTrainingOutput,
            base,
            return_dict,
            loss=sum(losses[1:], losses[0]) if losses else None,
            prediction_logits=words,
            sop_logits=order,
        )


@called_like(AlbertModel)
class AlbertForMaskedLM(_AlbertWordScores, MaskedLM):
    """Scores of the word at each position; ``labels`` ``[batch, time]`` are -100 where nothing is to be predicted."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config, AlbertModel(config, add_pooling_layer=False))
        self.predictions = AlbertMLMHead(config)
        self.post_init()


@called_like(AlbertModel)
class AlbertForSequenceClassification(PooledSequenceClassification, AlbertPreTrainedModel):
    """A classifier (or regression) of whole inputs, on the pooled output."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config, AlbertModel(config, add_pooling_layer=True), dropout=config.classifier_dropout_prob)


@called_like(AlbertModel)
class AlbertForMultipleChoice(PooledMultipleChoice, AlbertPreTrainedModel):
    """A score for each choice, on the pooled output; inputs are ``[batch, choices, time]``."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config, AlbertModel(config, add_pooling_layer=True), dropout=config.classifier_dropout_prob)


@called_like(AlbertModel)
class AlbertForTokenClassification(TokenClassification, AlbertPreTrainedModel):
    """A classifier of every token."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config, AlbertModel(config, add_pooling_layer=False), dropout=config.classifier_dropout_prob)


@called_like(AlbertModel)
class AlbertForQuestionAnswering(QuestionAnswering, AlbertPreTrainedModel):
    """The first and the last token of the answer to a question in a text."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config, AlbertModel(config, add_pooling_layer=False))
