"""XLNet (Yang et al., 2019): layers of relative attention with memories and two streams, and its task heads.

The content stream h starts as the word embeddings, the query stream g as one vector for every position that is to be
predicted. Each layer: x' = LayerNorm(attention(x) + x), then LayerNorm(act(x' W₁ + b₁) W₂ + b₂ + x'), for both streams
with the same weights; both attend to memory and content, and g does not see the position that it predicts. The score
of query i and key j is

    [(q_i + r_w)·k_j + (q_i + r_r)·R(i - j) + (q_i + r_s)·s(i, j)] / sqrt(d_head)

with sinusoids R of the distance, projected, and one of two vectors s: for the same segment, or for different ones.

Shapes: batch, time (the positions of this call), keys (those of the memory and of this call), predictions, n_head,
d_head, d_model. Memories alone are time-major, as in the original and in the ecosystem: ``[memory, batch, d_model]``.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
import torch.nn.functional as F  # noqa: N812 (the name by which everyone knows it)
from torch import Tensor, nn

from ...errors import UserError
from ...modeling_heads import (
    MaskedLM,
    QuestionAnswering,
    ScoringModel,
    SequenceClassification,
    TokenClassification,
    called_like,
    flatten_choices,
    number_of_choices,
    sequence_summary,
)
from ...modeling_outputs import ModelOutput, Tensors
from ...modeling_span_beams import BeamQuestionAnswering
from ...modeling_utils import PreTrainedModel
from ...nn.activations import activation
from ...nn.attention import attention, merge_heads, split_heads
from ...nn.embeddings import embed_words
from ...nn.inputs import check_shapes
from ...nn.layers import in_chunks
from ...nn.masks import additive_mask, head_masks
from ...nn.relative_distances import relative_shift, sinusoids
from ...nn.span_beams import AnswerClass, EndLogits, SpanHead, StartLogits
from .configuration_xlnet import XLNetConfig

#: What the original adds to a masked score, which vanishes beside it: a row that is masked throughout becomes uniform.
MASKED = -1e30


@dataclass(frozen=True)
class LayerInputs:
    """What all layers are given beside the two streams and the memory.

    Attributes:
        distances: ``[1, distances, d_model]`` sinusoids; ``[2, ...]`` where the halves of the batch run against each
            other.
        content_mask: Added to the scores of the content stream, ``[batch or 1, 1, time, keys]``.
        query_mask: The same for the query stream.
        other_segment: ``[batch, 1, time, keys]``, whether query and key are of different segments; None if there are no
            segments.
        target_mapping: ``[batch, predictions, time]``, where the predictions stand; None if there are none.
        need_weights: Whether the attention weights are wanted.
    """

    distances: Tensor
    content_mask: Tensor | None
    query_mask: Tensor | None
    other_segment: Tensor | None
    target_mapping: Tensor | None
    need_weights: bool


@dataclass(frozen=True)
class _Keys:
    """What both streams attend to: ``[batch, n_head, keys, d_head]``; distances ``[1 or 2, n_head, …, d_head]``."""

    key: Tensor
    value: Tensor
    distance: Tensor


#: The attention weights of a layer: of the content stream, or of both streams.
Weights = Tensor | tuple[Tensor, Tensor]


class XLNetRelativeAttention(nn.Module):
    """LayerNorm(attention(x) Oᵀ + x), see the module's docstring. All projections are ``[d_model, n_head, d_head]``."""

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__()
        projection, vector = (config.d_model, config.n_head, config.d_head), (config.n_head, config.d_head)
        self.q = nn.Parameter(torch.empty(projection))
        self.k = nn.Parameter(torch.empty(projection))
        self.v = nn.Parameter(torch.empty(projection))
        self.o = nn.Parameter(torch.empty(projection))
        self.r = nn.Parameter(torch.empty(projection))
        self.r_r_bias = nn.Parameter(torch.empty(vector))
        self.r_s_bias = nn.Parameter(torch.empty(vector))
        self.r_w_bias = nn.Parameter(torch.empty(vector))
        self.seg_embed = nn.Parameter(torch.empty(2, *vector))
        self.layer_norm = nn.LayerNorm(config.d_model, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.dropout)
        self.scale = config.d_head**-0.5

    def forward(
        self,
        content: Tensor,
        query: Tensor | None,
        memory: Tensor | None,
        inputs: LayerInputs,
        head_mask: Tensor | None,
    ) -> tuple[Tensor, Tensor | None, Weights | None]:
        """Both streams, and the weights of their attention if they are wanted.

        Args:
            content: ``[batch, time, d_model]``.
            query: ``[batch, predictions, d_model]``, or None.
            memory: ``[memory, batch, d_model]``, or None.
            inputs: What all layers are given.
            head_mask: Factor for the weights.
        """
        remembered = content if memory is None else torch.cat([memory.transpose(0, 1), content], dim=1)
        keys = _Keys(_project(remembered, self.k), _project(remembered, self.v), _project(inputs.distances, self.r))
        context, weights = self._attend(_project(content, self.q), keys, inputs.content_mask, inputs, head_mask)
        new_content = self._add(context, content)
        if query is None:
            return new_content, None, weights
        at_positions = torch.einsum("bnpd,bpt->bntd", _project(query, self.q), inputs.target_mapping)
        context, query_weights = self._attend(at_positions, keys, inputs.query_mask, inputs, head_mask)
        new_query = self._add(torch.einsum("bntd,bpt->bnpd", context, inputs.target_mapping), query)
        if weights is None or query_weights is None:
            return new_content, new_query, None
        return new_content, new_query, (weights, query_weights)

    def _attend(
        self, query: Tensor, keys: _Keys, mask: Tensor | None, inputs: LayerInputs, head_mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """``[batch, n_head, time, d_head]`` -> the same, and the weights if they are wanted."""
        terms = self._distance_scores(query, keys)
        if inputs.other_segment is not None:
            terms = terms + self._segment_scores(query, inputs.other_segment)
        return attention(
            query + self.r_w_bias[:, None],
            keys.key,
            keys.value,
            terms if mask is None else terms + mask,
            scale=self.scale,
            dropout=self.dropout.p if self.training else 0.0,
            need_weights=inputs.need_weights,
            head_mask=head_mask,
        )

    def _distance_scores(self, query: Tensor, keys: _Keys) -> Tensor:
        """(q_i + r_r)·R(i - j), scaled: ``[batch, n_head, time, keys]``."""
        halves = len(keys.distance)
        query = ((query + self.r_r_bias[:, None]) * self.scale).view(halves, -1, *query.shape[1:])
        scores = torch.einsum("hbnid,hnpd->hbnip", query, keys.distance).flatten(0, 1)
        return relative_shift(scores, keys.key.shape[2])

    def _segment_scores(self, query: Tensor, other: Tensor) -> Tensor:
        """(q_i + r_s)·s(i, j), scaled: ``[batch, n_head, time, keys]``."""
        query = (query + self.r_s_bias[:, None]) * self.scale
        same_score, other_score = torch.einsum("bnid,snd->sbni", query, self.seg_embed)[..., None]
        return torch.where(other, other_score, same_score)

    def _add(self, context: Tensor, residual: Tensor) -> Tensor:
        """The end of the attention of one stream."""
        normed: Tensor = self.layer_norm(self.dropout(merge_heads(context) @ self.o.flatten(1).T) + residual)
        return normed


def _project(x: Tensor, weight: Tensor) -> Tensor:
    """``[batch, time, d_model]`` and ``[d_model, n_head, d_head]`` -> ``[batch, n_head, time, d_head]``."""
    return split_heads(x @ weight.flatten(1), weight.shape[1])


class XLNetFeedForward(nn.Module):
    """LayerNorm(act(x W₁ + b₁) W₂ + b₂ + x)."""

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(config.d_model, eps=config.layer_norm_eps)
        self.layer_1 = nn.Linear(config.d_model, config.d_inner)
        self.layer_2 = nn.Linear(config.d_inner, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        self.act = activation(config.ff_activation)

    def forward(self, x: Tensor) -> Tensor:
        """``[batch, time, d_model]`` -> the same."""
        inner = self.dropout(self.act(self.layer_1(x)))
        normed: Tensor = self.layer_norm(self.dropout(self.layer_2(inner)) + x)
        return normed


class XLNetLayer(nn.Module):
    """Attention and the feed-forward network, for both streams."""

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__()
        self.rel_attn = XLNetRelativeAttention(config)
        self.ff = XLNetFeedForward(config)
        self.chunk = config.chunk_size_feed_forward

    def forward(
        self,
        content: Tensor,
        query: Tensor | None,
        memory: Tensor | None,
        inputs: LayerInputs,
        head_mask: Tensor | None,
    ) -> tuple[Tensor, Tensor | None, Weights | None]:
        """See :meth:`XLNetRelativeAttention.forward`."""
        content, query, weights = self.rel_attn(content, query, memory, inputs, head_mask)
        content = in_chunks(self.ff, content, self.chunk)
        return content, None if query is None else in_chunks(self.ff, query, self.chunk), weights


class XLNetPreTrainedModel(PreTrainedModel):
    """What all XLNet models have in common: how they are named and how new weights begin."""

    config_class = XLNetConfig
    base_model_prefix = "transformer"
    supports_gradient_checkpointing = True

    config: XLNetConfig

    def _init_weights(self, module: nn.Module) -> None:
        """As in other models; the parameters outside of layers, biases of the attention too, are normal."""
        super()._init_weights(module)
        if isinstance(module, XLNetRelativeAttention | XLNetModel):
            for parameter in module.parameters(recurse=False):
                nn.init.normal_(parameter, std=self.config.initializer_range)


@dataclass
class XLNetModelOutput(ModelOutput):
    """The states of the query stream if there is one (``[batch, predictions, d_model]``), else of the content stream.

    With a query stream ``hidden_states`` alternate between content and query stream, and ``attentions`` are pairs.
    """

    last_hidden_state: Tensor | None = None
    mems: Tensors | None = None
    hidden_states: Tensors | None = None
    attentions: tuple[Weights, ...] | None = None


class XLNetModel(XLNetPreTrainedModel):
    """The model without a head.

    Args:
        config: The hyper-parameters.

    Raises:
        UserError: The hyper-parameters describe no XLNet model.
    """

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__(config)
        config.check()
        self.word_embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.mask_emb = nn.Parameter(torch.empty(1, 1, config.d_model))
        self.layer = nn.ModuleList(XLNetLayer(config) for _ in range(config.n_layer))
        self.dropout = nn.Dropout(config.dropout)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        """The word embeddings."""
        return self.word_embedding

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replaces the word embeddings."""
        self.word_embedding = cast("nn.Embedding", value)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        mems: Sequence[Tensor] | None = None,
        perm_mask: Tensor | None = None,
        target_mapping: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        input_mask: Tensor | None = None,
        head_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        use_mems: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> Any:
        """Computes the states of one segment of a text.

        Args:
            input_ids: ``[batch, time]``, unless ``inputs_embeds`` are given.
            attention_mask: ``[batch, time]``, 1 for tokens and 0 for padding.
            mems: What the call for the segment before returned, for each layer ``[memory, batch, d_model]``.
            perm_mask: ``[batch, time, time]``, 1 where the first position may not attend to the second one.
            target_mapping: ``[batch, predictions, time]``, 1 where each prediction stands: asks for the query stream.
            token_type_ids: ``[batch, time]`` segment ids, of which it only counts whether they are the same. Positions
                in the memory have 0. Without them there is no segment term at all.
            input_mask: The reverse of ``attention_mask``: 1 for padding. At most one of the two is given.
            head_mask: ``[heads]`` or ``[layers, heads]``, 1 to keep a head and 0 to switch it off.
            inputs_embeds: ``[batch, time, d_model]`` in the place of word embeddings.
            use_mems: Whether memories are returned; ``config.use_mems_eval`` or ``use_mems_train`` if None.
            output_attentions: Whether to return the attention weights.
            output_hidden_states: Whether to return the states before the first and after each layer.
            return_dict: False for a tuple. This and the two before are as the configuration says if None.

        Returns:
            An :class:`XLNetModelOutput`.
        """
        config = self.config
        if use_mems is None:
            use_mems = config.use_mems_train if self.training else config.use_mems_eval
        content = self.dropout(embed_words(self.word_embedding, input_ids, inputs_embeds))
        check_shapes(
            {"batch": content.shape[0], "time": content.shape[1]},
            attention_mask=(attention_mask, ("batch", "time")),
            input_mask=(input_mask, ("batch", "time")),
            token_type_ids=(token_type_ids, ("batch", "time")),
            perm_mask=(perm_mask, ("batch", "time", "time")),
            target_mapping=(target_mapping, ("batch", "predictions", "time")),
        )
        memories = self._memories(mems, content)
        past = 0 if memories[0] is None else memories[0].shape[0]
        hidden = self._hidden_keys(content, past, _padding(attention_mask, input_mask), perm_mask)
        inputs = LayerInputs(
            distances=self.dropout(self._distances(content, past)),
            content_mask=_scores(None if hidden is None else _showing_oneself(hidden, past), content.dtype),
            query_mask=None if target_mapping is None else _scores(hidden, content.dtype),
            other_segment=None if token_type_ids is None else _other_segment(token_type_ids, past),
            target_mapping=None if target_mapping is None else target_mapping.to(content.dtype),
            need_weights=config.output_attentions if output_attentions is None else output_attentions,
        )
        need_states = config.output_hidden_states if output_hidden_states is None else output_hidden_states
        query = None
        if target_mapping is not None:
            query = self.dropout(self.mask_emb.expand(*target_mapping.shape[:2], -1))
        output = self._run_layers(
            content, query, memories, inputs, head_mask, need_mems=use_mems, need_states=need_states
        )
        wants_dict = config.use_return_dict if return_dict is None else return_dict
        return output if wants_dict else output.to_tuple()

    def _memories(self, mems: Sequence[Tensor] | None, content: Tensor) -> Sequence[Tensor | None]:
        """The memory of each layer, if it has one."""
        layers, batch = self.config.n_layer, content.shape[0]
        if mems is None:
            return [None] * layers
        shapes = [list(memory.shape) for memory in mems]
        if len(shapes) != layers or any(shape != [shapes[0][0], batch, self.config.d_model] for shape in shapes):
            raise UserError(
                f"mems has {len(shapes)} tensors of shape {shapes[0] if shapes else 'unknown'}.",
                advice=f"It must have {layers}, each [memory, {batch}, {self.config.d_model}].",
            )
        return mems

    def _hidden_keys(
        self, content: Tensor, past: int, padding: Tensor | None, perm_mask: Tensor | None
    ) -> Tensor | None:
        """Which keys a query of the query stream does not see, ``[batch or 1, time, keys]``; None if it sees all."""
        time = content.shape[1]
        rules = []
        if padding is not None:
            rules.append(F.pad(padding[:, None], (past, 0)))
        if perm_mask is not None:
            rules.append(F.pad(perm_mask > 0, (past, 0)))
        if self.config.attn_type == "uni":
            everything = torch.ones(1, time, past + time, dtype=torch.bool, device=content.device)
            rules.append(everything.triu(past + 1))
            if self.config.same_length:
                rules.append(everything.tril(-1))
        return functools.reduce(operator.or_, rules) if rules else None

    def _distances(self, content: Tensor, past: int) -> Tensor:
        """The sinusoids of all distances that there are, as :class:`LayerInputs` has them."""
        batch, time, size = content.shape
        config, keys = self.config, past + time
        last = -1 if config.attn_type == "uni" else -time
        distances = torch.arange(keys, last, -1, device=content.device)
        if config.clamp_len > 0:
            distances = distances.clamp(-config.clamp_len, config.clamp_len)
        if not config.bi_data:
            return sinusoids(distances, size).to(content.dtype)[None]
        if batch % 2:
            raise UserError(
                f"A batch of {batch} has no halves, but the configuration has bi_data.",
                advice="Its second half has to run backwards; for batches that do not: model.config.bi_data = False.",
            )
        return torch.stack([sinusoids(distances, size), sinusoids(-distances, size)]).to(content.dtype)

    def _run_layers(
        self,
        content: Tensor,
        query: Tensor | None,
        memories: Sequence[Tensor | None],
        inputs: LayerInputs,
        head_mask: Tensor | None,
        *,
        need_mems: bool,
        need_states: bool,
    ) -> XLNetModelOutput:
        """The states of both streams, through all layers, and the memories for the segment behind this one."""
        mems, states, attentions = [], [(content, query)], []
        masks = head_masks(head_mask, len(self.layer))
        for layer, memory, factor in zip(self.layer, memories, masks, strict=True):
            if need_mems:
                mems.append(self._remember(content, memory))
            content, query, weights = self._layer_call(layer)(content, query, memory, inputs, factor)
            if need_states:
                states.append((content, query))
            if weights is not None:
                attentions.append(weights)
        streams = tuple(state for pair in states for state in pair if state is not None)
        return XLNetModelOutput(
            last_hidden_state=self.dropout(content if query is None else query),
            mems=tuple(mems) if need_mems else None,
            hidden_states=streams if need_states else None,
            attentions=tuple(attentions) or None,
        )

    def _remember(self, content: Tensor, memory: Tensor | None) -> Tensor:
        """What a layer remembers of its memory and of this segment, time-major."""
        mem_len, reuse_len = self.config.mem_len or 0, self.config.reuse_len or 0
        new = content.detach().transpose(0, 1)
        if reuse_len > 0:
            new = new[:reuse_len]
        if memory is not None:
            new = torch.cat([memory.detach(), new])
        return new[-mem_len:] if mem_len > 0 else new


def _padding(attention_mask: Tensor | None, input_mask: Tensor | None) -> Tensor | None:
    """Which positions are padding, ``[batch, time]``, whichever of the two masks says so."""
    if attention_mask is not None and input_mask is not None:
        raise UserError("Both attention_mask and input_mask are given.", advice="They say the same: give one of them.")
    if input_mask is not None:
        return input_mask > 0
    return None if attention_mask is None else attention_mask < 1


def _showing_oneself(hidden: Tensor, past: int) -> Tensor:
    """The same without what hides a position from itself."""
    itself = F.pad(torch.eye(hidden.shape[-1] - past, dtype=torch.bool, device=hidden.device), (past, 0))
    return hidden & ~itself


def _scores(hidden: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """``[batch, time, keys]``, true for hidden keys -> ``[batch, 1, time, keys]``, to be added to the scores."""
    return None if hidden is None else additive_mask(~hidden, dtype, max(MASKED, torch.finfo(dtype).min))


def _other_segment(token_type_ids: Tensor, past: int) -> Tensor:
    """Whether query and key are of different segments, ``[batch, 1, time, keys]``; the memory is of segment 0."""
    of_keys = F.pad(token_type_ids, (past, 0))
    return (token_type_ids[:, :, None] != of_keys[:, None, :])[:, None]


@dataclass
class _TaskOutput(ModelOutput):
    """What the heads return: their scores, and what the model returns beside its states."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    mems: Tensors | None = None
    hidden_states: Tensors | None = None
    attentions: tuple[Weights, ...] | None = None


class XLNetLMHeadModelOutput(_TaskOutput):
    """Scores of pieces, ``[batch, predictions, vocabulary]``, or ``[batch, time, vocabulary]`` without predictions."""


class XLNetForSequenceClassificationOutput(_TaskOutput):
    """Scores of labels, ``[batch, labels]``."""


class XLNetForTokenClassificationOutput(_TaskOutput):
    """Scores of labels, ``[batch, time, labels]``."""


class XLNetForMultipleChoiceOutput(_TaskOutput):
    """Scores of choices, ``[batch, choices]``."""


@dataclass
class XLNetForQuestionAnsweringSimpleOutput(ModelOutput):
    """Scores of the first and the last token of an answer, each ``[batch, time]``."""

    loss: Tensor | None = None
    start_logits: Tensor | None = None
    end_logits: Tensor | None = None
    mems: Tensors | None = None
    hidden_states: Tensors | None = None
    attentions: tuple[Weights, ...] | None = None


@dataclass
class XLNetForQuestionAnsweringOutput(ModelOutput):
    """The loss, or the best spans: see :class:`transformers.nn.span_beams.SpanBeams`."""

    loss: Tensor | None = None
    start_top_log_probs: Tensor | None = None
    start_top_index: Tensor | None = None
    end_top_log_probs: Tensor | None = None
    end_top_index: Tensor | None = None
    cls_logits: Tensor | None = None
    mems: Tensors | None = None
    hidden_states: Tensors | None = None
    attentions: tuple[Weights, ...] | None = None


@called_like(XLNetModel)
class XLNetLMHeadModel(MaskedLM, XLNetPreTrainedModel):
    """Scores of the pieces at each predicted position, or at each position where ``target_mapping`` names none.

    ``labels`` ``[batch, predictions]`` are the pieces at these positions, -100 where there is nothing to predict.
    """

    output_class = XLNetLMHeadModelOutput
    tied_weights: ClassVar[Mapping[str, str]] = {"lm_loss.weight": "transformer.word_embedding.weight"}

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__(config, XLNetModel(config))
        self.lm_loss = nn.Linear(config.d_model, config.vocab_size)
        self.post_init()

    def get_output_embeddings(self) -> nn.Linear:
        """The layer that scores the pieces of the vocabulary."""
        return self.lm_loss

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """Replaces the layer that scores the pieces of the vocabulary."""
        self.lm_loss = cast("nn.Linear", new_embeddings)

    def lm_logits(self, hidden: Tensor) -> Tensor:
        """``[batch, time, d_model]`` -> ``[batch, time, vocabulary]``."""
        return self.lm_loss(hidden)  # type: ignore[no-any-return]


@called_like(XLNetModel)
class XLNetForSequenceClassification(SequenceClassification, XLNetPreTrainedModel):
    """A classifier (or regression) of whole inputs, on the summary that ``config.summary_type`` names."""

    output_class = XLNetForSequenceClassificationOutput

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__(config, XLNetModel(config))
        self.sequence_summary = sequence_summary(config)
        self.logits_proj = nn.Linear(config.d_model, config.num_labels)
        self.post_init()

    def scores(self, base: Any, inputs: Mapping[str, Any]) -> Tensor:
        """``[batch, labels]``."""
        return self.logits_proj(self.sequence_summary(base.last_hidden_state))  # type: ignore[no-any-return]


@called_like(XLNetModel)
class XLNetForTokenClassification(TokenClassification, XLNetPreTrainedModel):
    """A classifier of every token."""

    output_class = XLNetForTokenClassificationOutput

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__(config, XLNetModel(config), dropout=0.0)


@called_like(XLNetModel)
class XLNetForMultipleChoice(ScoringModel, XLNetPreTrainedModel):
    """A score for each choice, on its summary; inputs are ``[batch, choices, time]``, ``labels`` ``[batch]``."""

    output_class = XLNetForMultipleChoiceOutput

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__(config, XLNetModel(config))
        self.sequence_summary = sequence_summary(config)
        self.logits_proj = nn.Linear(config.d_model, 1)
        self.post_init()

    def base_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The choices as rows of the batch."""
        return flatten_choices(inputs)[0]

    def scores(self, base: Any, inputs: Mapping[str, Any]) -> Tensor:
        """``[batch, choices]``."""
        scores: Tensor = self.logits_proj(self.sequence_summary(base.last_hidden_state))
        return scores.view(-1, number_of_choices(inputs))


@called_like(XLNetModel)
class XLNetForQuestionAnsweringSimple(QuestionAnswering, XLNetPreTrainedModel):
    """The first and the last token of the answer to a question in a text, each scored by itself."""

    output_class = XLNetForQuestionAnsweringSimpleOutput

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__(config, XLNetModel(config))


@called_like(XLNetModel)
class XLNetForQuestionAnswering(BeamQuestionAnswering, XLNetPreTrainedModel):
    """The best starts of an answer, the best ends for each, and how sure it is that there is none."""

    output_class = XLNetForQuestionAnsweringOutput

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__(config, XLNetModel(config))
        self.start_logits = StartLogits(config.d_model)
        self.end_logits = EndLogits(config.d_model, config.layer_norm_eps)
        self.answer_class = AnswerClass(config.d_model)
        self.post_init()

    @property
    def span_head(self) -> SpanHead:
        """The model itself: the three modules stand beside the base model."""
        return self
