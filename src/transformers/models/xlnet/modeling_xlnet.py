"""XLNet (Yang et al., 2019): a model of two streams with memories, and its task heads.

The content stream h starts as the word embeddings, the query stream g as one vector for every position that is to be
predicted. The layers (:mod:`.modeling_xlnet_layers`) take both further; g does not see the position that it predicts.

Shapes: batch, time (the positions of this call), keys (those of the memory and of this call), predictions, d_model.
Memories alone are time-major, as in the original and in the ecosystem: ``[memory, batch, d_model]``.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
import torch.nn.functional as F  # noqa: N812 (the name by which everyone knows it)
from torch import Tensor, nn

from ...errors import UserError
from ...generation.configuration import GenerationConfig
from ...generation.memory import MemoryGenerationMixin
from ...generation.state import DecodingState
from ...modeling_choice_heads import MultipleChoice
from ...modeling_heads import (
    MaskedLM,
    QuestionAnswering,
    SequenceClassification,
    TaskModel,
    TokenClassification,
    called_like,
    sequence_summary,
    summary_view,
)
from ...modeling_outputs import ModelOutput, Tensors
from ...modeling_padding import choose_layout
from ...modeling_span_beams import BeamQuestionAnswering
from ...modeling_utils import PreTrainedModel
from ...nn.dropout import Dropout
from ...nn.embeddings import embed_words
from ...nn.inputs import check_shapes
from ...nn.masks import additive_mask, head_masks
from ...nn.memories import Memories
from ...nn.relative_distances import sinusoids
from ...nn.span_beams import AnswerClass, EndLogits, SpanHead, StartLogits
from .configuration_xlnet import XLNetConfig
from .modeling_xlnet_layers import LayerInputs, Weights, XLNetLayer, XLNetRelativeAttention

#: What the original adds to a masked score, which vanishes beside it: a row that is masked throughout becomes uniform.
MASKED = -1e30


class XLNetPreTrainedModel(PreTrainedModel):
    """What all XLNet models have in common: how they are named and how new weights begin."""

    config_class = XLNetConfig
    base_model_prefix = "transformer"
    word_embeddings = "word_embedding"
    supports_gradient_checkpointing = True
    supports_skip_padding = True

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
        self.dropout = Dropout(config.dropout)
        self.post_init()

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
            attention_mask: ``[batch, time]``, 1 for tokens and 0 for padding; ``[batch, keys]`` covers the memory.
            mems: What the call for the segment before returned, for each layer ``[memory, batch, d_model]``.
            perm_mask: ``[batch, time, time]``, 1 where the first position may not attend to the second one.
            target_mapping: ``[batch, predictions, time]``, 1 where each prediction stands: asks for the query stream.
            token_type_ids: ``[batch, time]`` segment ids, of which it only counts whether they are the same. Positions
                in the memory have 0, unless there are ids for them too (``[batch, keys]``). Without any there is no
                segment term at all.
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
        memories = self._memories(mems, content)
        past = 0 if memories[0] is None else memories[0].shape[0]
        sizes = {"batch": content.shape[0], "time": content.shape[1], "keys": past + content.shape[1]}
        check_shapes(
            sizes,
            attention_mask=(attention_mask, _axes(attention_mask, sizes)),
            input_mask=(input_mask, _axes(input_mask, sizes)),
            token_type_ids=(token_type_ids, _axes(token_type_ids, sizes)),
            perm_mask=(perm_mask, ("batch", "time", "time")),
            target_mapping=(target_mapping, ("batch", "predictions", "time")),
        )
        padding = _padding(attention_mask, input_mask)
        hidden = self._hidden_keys(content, past, padding, perm_mask)
        need_weights = config.output_attentions if output_attentions is None else output_attentions
        need_states = config.output_hidden_states if output_hidden_states is None else output_hidden_states
        two_streams = target_mapping is not None
        layout = choose_layout(
            self,
            None if padding is None or mems is not None or two_streams else ~padding,
            content,
            inspected=need_states or need_weights or use_mems or head_mask is not None,
        )
        inputs = LayerInputs(
            distances=self.dropout(self._distances(content, past)),
            content_mask=_scores(None if hidden is None else _showing_oneself(hidden, past), content.dtype),
            query_mask=None if target_mapping is None else _scores(hidden, content.dtype),
            other_segment=None if token_type_ids is None else _other_segment(token_type_ids, sizes),
            target_mapping=None if target_mapping is None else target_mapping.to(content.dtype),
            need_weights=need_weights,
            layout=layout,
        )
        query = None
        if target_mapping is not None:
            query = self.dropout(self.mask_emb.expand(*target_mapping.shape[:2], -1))
        output = self._run_layers(
            layout.pack(content), query, memories, inputs, head_mask, need_mems=use_mems, need_states=need_states
        )
        output.layout = layout
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
            rules.append(F.pad(padding[:, None], (past + time - padding.shape[1], 0)))
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
        if config.bi_data and batch % 2:
            raise UserError(
                f"A batch of {batch} has no halves, but the configuration has bi_data.",
                advice="Its second half has to run backwards; for batches that do not: model.config.bi_data = False.",
            )
        halves = (distances, -distances) if config.bi_data else (distances,)
        return torch.stack([sinusoids(half, size) for half in halves]).to(content.dtype)

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
        unpack = inputs.layout.unpack
        mems, states, attentions = [], [(content, query)], []
        masks = head_masks(head_mask, len(self.layer))
        for layer, memory, factor in zip(self.layer, memories, masks, strict=True):
            if need_mems:
                mems.append(self._remember(unpack(content), memory))
            content, query, weights = self._layer_call(layer)(content, query, memory, inputs, factor)
            if need_states:
                states.append((content, query))
            if weights is not None:
                attentions.append(weights)
        streams = tuple(unpack(state) for pair in states for state in pair if state is not None)
        return XLNetModelOutput(
            last_hidden_state=unpack(self.dropout(content if query is None else query)),
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


def _other_segment(token_type_ids: Tensor, sizes: Mapping[str, int]) -> Tensor:
    """Whether query and key are of different segments, ``[batch, 1, time, keys]``; the memory is of segment 0."""
    of_keys = F.pad(token_type_ids, (sizes["keys"] - token_type_ids.shape[1], 0))
    return (token_type_ids[:, -sizes["time"] :, None] != of_keys[:, None, :])[:, None]


def _axes(values: Tensor | None, sizes: Mapping[str, int]) -> tuple[str, str]:
    """The axes of values for each position: of the memory, too, if there are as many."""
    with_memory = values is not None and values.shape[-1] == sizes["keys"]
    return ("batch", "keys" if with_memory else "time")


@dataclass
class _TaskOutput(ModelOutput):
    """What the heads return: their scores, and what the model returns beside its states."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    mems: Tensors | None = None
    hidden_states: Tensors | None = None
    attentions: tuple[Weights, ...] | None = None


@dataclass
class XLNetLMHeadModelOutput(_TaskOutput):
    """Scores of pieces, ``[batch, predictions, vocabulary]``, or ``[batch, time, vocabulary]`` without predictions."""


@dataclass
class XLNetForSequenceClassificationOutput(_TaskOutput):
    """Scores of labels, ``[batch, labels]``."""


@dataclass
class XLNetForTokenClassificationOutput(_TaskOutput):
    """Scores of labels, ``[batch, time, labels]``."""


@dataclass
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
class XLNetLMHeadModel(MemoryGenerationMixin, MaskedLM, XLNetPreTrainedModel):
    """Scores of the pieces at each predicted position, or at each position where ``target_mapping`` names none.

    ``labels`` ``[batch, predictions]`` are the pieces at these positions, -100 where there is nothing to predict.

    To write a text it predicts the position behind it, at each step. The pieces of a prompt see one another; those that
    were written see the ones before them, so that what is remembered of them stays right. All of the text is
    remembered, also beyond ``config.mem_len``.
    """

    _inputs_of_generation: ClassVar[frozenset[str]] = frozenset(
        {"perm_mask", "target_mapping", "input_mask", "use_mems"}
    )

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

    def _generation_problems(self, config: GenerationConfig, inputs: Mapping[str, Any]) -> list[str]:
        """Settings under which what a piece sees depends on what is remembered, or which texts cannot be read with."""
        refused = {"same_length": self.config.same_length and self.config.attn_type == "uni"}
        refused["bi_data"] = self.config.bi_data
        return [
            *super()._generation_problems(config, inputs),
            *(f"{name}=True in the model's configuration does not allow it" for name, set_ in refused.items() if set_),
        ]

    def _generation_step(
        self, input_ids: Tensor, state: DecodingState | None, inputs: dict[str, Any], wanted: dict[str, bool]
    ) -> tuple[Any, DecodingState | None]:
        """Predicts the position behind the texts, and remembers what the content stream was of the new pieces.

        States and attentions of the output are those of both streams in turn, and the last position is the predicted
        one.
        """
        memories = self._started(state, inputs)
        prepared = self.prepare_inputs_for_generation(input_ids, memories, **inputs)
        need_states = memories is not None or "output_hidden_states" in wanted
        output = self(**prepared, **{**wanted, "output_hidden_states": need_states}, return_dict=True)
        if memories is not None:
            contents = output.hidden_states[0 : 2 * self.config.n_layer : 2]
            memories.extend([content[:, :-1] for content in contents])
        if output.attentions is not None:
            output.attentions = tuple(itertools.chain.from_iterable(output.attentions))
        return output, memories

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, past_key_values: DecodingState | None = None, **inputs: Any
    ) -> dict[str, Any]:
        """The arguments of the forward pass for one step: the new pieces, and one position more to be predicted.

        Args:
            input_ids: All pieces so far, ``[batch, time]``.
            past_key_values: The :class:`~transformers.nn.memories.Memories` of the first of them, or None.
            **inputs: See :class:`~transformers.generation.memory.MemoryGenerationMixin`.
        """
        memories = cast("Memories | None", past_key_values)
        seen, before = (0, 0) if memories is None else (memories.get_seq_length(), memories.before)
        inputs.pop("position_ids", None)
        of_prompt = max(inputs.pop("prompt_length") - seen, 0)
        for name, fill in (("attention_mask", 1), ("token_type_ids", 0)):
            if inputs.get(name) is not None:
                values = torch.cat([inputs[name], inputs[name][:, -1:]], dim=1)
                inputs[name] = F.pad(values, (before, 0), value=fill)
        if "inputs_embeds" in inputs:
            inputs["inputs_embeds"] = F.pad(inputs["inputs_embeds"][:, seen:], (0, 0, 0, 1))
        else:
            inputs["input_ids"] = F.pad(input_ids[:, seen:], (0, 1))
        batch, time = input_ids.shape[0], input_ids.shape[1] - seen + 1
        unseen = torch.ones(time, time, device=input_ids.device).triu(1)
        unseen[:, :of_prompt] = 0
        unseen[:, -1] = 1
        target = F.pad(unseen.new_ones(batch, 1, 1), (time - 1, 0))
        return {
            **inputs,
            "mems": None if memories is None else memories.mems,
            "perm_mask": unseen.expand(batch, -1, -1),
            "target_mapping": target,
            "use_mems": False,
        }


class _SummaryHead(TaskModel):
    """Scores of whole inputs, by a linear layer on the summary that ``config.summary_type`` names."""

    def __init__(self, config: XLNetConfig, scores: int) -> None:
        super().__init__(config, XLNetModel(config))
        self.sequence_summary = sequence_summary(config)
        self.view = summary_view(config)
        self.logits_proj = nn.Linear(config.d_model, scores)
        self.post_init()

    def summary_scores(self, base: Any) -> Tensor:
        """``[batch, scores]``."""
        return self.logits_proj(self.sequence_summary(base.last_hidden_state))  # type: ignore[no-any-return]


@called_like(XLNetModel)
class XLNetForSequenceClassification(_SummaryHead, SequenceClassification, XLNetPreTrainedModel):
    """A classifier (or regression) of whole inputs."""

    output_class = XLNetForSequenceClassificationOutput

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__(config, config.num_labels)

    def scores(self, base: Any, inputs: Mapping[str, Any]) -> Tensor:
        """``[batch, labels]``."""
        return self.summary_scores(base)


@called_like(XLNetModel)
class XLNetForTokenClassification(TokenClassification, XLNetPreTrainedModel):
    """A classifier of every token."""

    output_class = XLNetForTokenClassificationOutput

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__(config, XLNetModel(config), dropout=0.0)


@called_like(XLNetModel)
class XLNetForMultipleChoice(_SummaryHead, MultipleChoice, XLNetPreTrainedModel):
    """A score for each choice; inputs are ``[batch, choices, time]``, ``labels`` ``[batch]``."""

    output_class = XLNetForMultipleChoiceOutput

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__(config, 1)

    def choice_scores(self, base: Any) -> Tensor:
        """``[batch * choices, 1]``."""
        return self.summary_scores(base)


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
