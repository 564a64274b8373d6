"""Task heads that all families share: a base model below, a small module and a loss on top.

A family's class names its base model and nothing else::

    @called_like(BertModel)
    class BertForTokenClassification(TokenClassification, BertPreTrainedModel):
        def __init__(self, config: BertConfig) -> None:
            super().__init__(config, BertModel(config, add_pooling_layer=False), dropout=config.head_dropout)

Every head is called like its base model, with the same arguments in the same order, and takes ``labels`` and
``return_dict`` by name. Without ``labels`` there is no loss.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from torch import Tensor, nn

from .configuration_utils import PretrainedConfig
from .errors import UserError
from .modeling_outputs import (
    CausalLMOutputWithCrossAttentions,
    MaskedLMOutput,
    ModelOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    SequenceClassifierOutputWithPast,
    TokenClassifierOutput,
)
from .modeling_padding import View, looking_at
from .modeling_utils import PreTrainedModel
from .nn.dropout import Dropout
from .nn.heads import SequenceSummary, at_positions, last_real_position
from .nn.losses import classification_loss, next_token_loss, span_loss, token_loss

TaskT = TypeVar("TaskT", bound=PreTrainedModel)


def called_like(base_model: type[PreTrainedModel]) -> Callable[[type[TaskT]], type[TaskT]]:
    """Lets a head take the arguments of its base model in their order, and says so in the signature of ``forward``.

    Args:
        base_model: The class of the base model.

    Returns:
        A decorator for classes whose ``forward`` takes everything by name.
    """
    inputs = [
        value for name, value in inspect.signature(base_model.forward).parameters.items() if name != "return_dict"
    ]
    names = [value.name for value in inputs[1:]]

    def declare(head: type[TaskT]) -> type[TaskT]:
        by_name = head.forward
        own = [value for value in inspect.signature(by_name).parameters.values() if value.kind is value.KEYWORD_ONLY]

        @functools.wraps(by_name)
        def forward(self: TaskT, *positional: Any, **named: Any) -> Any:
            if len(positional) > len(names):
                raise TypeError(f"forward() takes {len(names)} positional arguments: {', '.join(names)}")
            return by_name(self, **dict(zip(names, positional, strict=False)), **named)

        forward.__signature__ = inspect.Signature([*inputs, *own])  # type: ignore[attr-defined]
        head.forward = forward
        return head

    return declare


class TaskModel(PreTrainedModel):
    """A base model with a head on it.

    Attributes:
        view: Which of the base model's states the head looks at, and nobody else does unless they are asked for.

    Args:
        config: The hyper-parameters.
        base_model: The base model; it becomes the sub-module ``base_model_prefix``, as the state dict has it.
    """

    view: View = View.ALL

    def __init__(self, config: PretrainedConfig, base_model: PreTrainedModel) -> None:
        super().__init__(config)
        setattr(self, self.base_model_prefix, base_model)

    @property
    def num_labels(self) -> int:
        """The number of labels, which the configuration keeps."""
        labels: int = self.config.num_labels
        return labels

    def run_base(self, inputs: Mapping[str, Any]) -> Any:
        """The output of the base model, always as a :class:`~transformers.ModelOutput`."""
        base: nn.Module = self.base_model
        with looking_at(self.view if isinstance(base, PreTrainedModel) else View.ALL):
            return base(**{**inputs, "return_dict": True})

    def output(self, kind: type[ModelOutput], base: ModelOutput, return_dict: bool | None, **own: Any) -> Any:
        """The output of the head, with hidden states, attentions, cache as far as the base model returned them.

        Args:
            kind: The class of the output.
            base: The output of the base model.
            return_dict: False for a tuple; None as the configuration says.
            **own: The fields that the head itself computes.
        """
        carried = {name: base[name] for name in kind.__dataclass_fields__ if name in base and name not in own}  # type: ignore[attr-defined]
        result = kind(**own, **carried)
        return result if self.wants_dict(return_dict) else result.to_tuple()

    def wants_dict(self, return_dict: bool | None) -> bool:
        """Whether a :class:`~transformers.ModelOutput` is asked for, not a tuple."""
        return self.config.use_return_dict if return_dict is None else return_dict


class ScoringModel(TaskModel):
    """A head whose result is one tensor of scores: what the heads below have in common."""

    output_class: ClassVar[type[ModelOutput]]

    def base_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """What the base model is called with, from what the head is called with."""
        return inputs

    def scores(self, base: Any, inputs: Mapping[str, Any]) -> Tensor:
        """The logits, from the output of the base model."""
        raise NotImplementedError

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean loss of the logits."""
        return token_loss(logits, labels)

    def forward(self, *, labels: Tensor | None = None, return_dict: bool | None = None, **inputs: Any) -> Any:
        """Computes the scores, and the loss if there are labels; see the module's docstring.

        Args:
            labels: See the class.
            return_dict: False for a tuple; None as the configuration says.
            **inputs: The arguments of the base model.

        Returns:
            ``output_class`` (or its fields as a tuple).
        """
        base = self.run_base(self.base_inputs(inputs))
        logits = self.scores(base, inputs)
        loss = None if labels is None else self.loss(logits, labels)
        return self.output(self.output_class, base, return_dict, loss=loss, logits=logits)


class MaskedLM(ScoringModel):
    """Scores of the token at each position; ``labels`` ``[batch, time]`` are -100 where nothing is to be predicted."""

    output_class: ClassVar[type[ModelOutput]] = MaskedLMOutput

    def lm_logits(self, hidden: Tensor) -> Tensor:
        """``[batch, time, hidden]`` -> ``[batch, time, vocabulary]``: the family's head."""
        raise NotImplementedError

    def scores(self, base: Any, inputs: Mapping[str, Any]) -> Tensor:
        """``[batch, time, vocabulary]``."""
        return base.layout.each(self.lm_logits, base.last_hidden_state)  # type: ignore[no-any-return]


class WritingLM(MaskedLM):
    """Scores of as few of the last positions as are wanted: what writes texts needs those of one."""

    def forward(
        self,
        *,
        labels: Tensor | None = None,
        logits_to_keep: int = 0,
        return_dict: bool | None = None,
        **inputs: Any,
    ) -> Any:
        """Computes the scores, and the loss if there are labels.

        Args:
            labels: See the class.
            logits_to_keep: How many of the last positions get scores; 0 means all.
            return_dict: False for a tuple; None as the configuration says.
            **inputs: The arguments of the base model.

        Returns:
            ``output_class`` (or its fields as a tuple).
        """
        return super().forward(labels=labels, return_dict=return_dict, logits_to_keep=logits_to_keep, **inputs)

    def base_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """All but ``logits_to_keep``."""
        return {name: value for name, value in inputs.items() if name != "logits_to_keep"}

    def scores(self, base: Any, inputs: Mapping[str, Any]) -> Tensor:
        """``[batch, time or logits_to_keep, vocabulary]``."""
        kept = inputs["logits_to_keep"]
        if not kept:
            return super().scores(base, inputs)
        return self.lm_logits(base.layout.unpack(base.last_hidden_state)[:, -kept:])


class CausalLM(WritingLM):
    """Scores of the next token at each position; ``labels`` ``[batch, time]`` are the input ids, shifted inside."""

    output_class: ClassVar[type[ModelOutput]] = CausalLMOutputWithCrossAttentions

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy of each next token."""
        return next_token_loss(logits, labels)


class SequenceClassification(ScoringModel):
    """One row of scores for each sequence.

    ``labels`` are ``[batch]`` class indices, ``[batch]`` numbers (regression, one label) or ``[batch, labels]`` zeros
    and ones, as ``config.problem_type`` says or else their dtype and ``config.num_labels`` imply.
    """

    output_class: ClassVar[type[ModelOutput]] = SequenceClassifierOutput

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The loss for the problem type."""
        return classification_loss(logits, labels, self.config.problem_type)


class PooledSequenceClassification(SequenceClassification):
    """A linear layer on the base model's ``pooler_output`` (BERT, ALBERT).

    Args:
        config: The hyper-parameters.
        base_model: The base model.
        dropout: Dropout of the pooled states.
    """

    view = View.FIRST

    def __init__(self, config: PretrainedConfig, base_model: PreTrainedModel, *, dropout: float) -> None:
        super().__init__(config, base_model)
        self.dropout = Dropout(dropout)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def scores(self, base: Any, inputs: Mapping[str, Any]) -> Tensor:
        """``[batch, labels]``."""
        return self.classifier(self.dropout(base.pooler_output))  # type: ignore[no-any-return]


class LastTokenSequenceClassification(SequenceClassification):
    """A linear layer without bias on the state of the last real token (GPT, GPT-2, Transformer-XL).

    The last real token is the last one that is not ``config.pad_token_id``; where there is no such id or the input is
    not given as ids, it is the last one in ``attention_mask``.

    Args:
        config: The hyper-parameters.
        base_model: The base model.
    """

    output_class: ClassVar[type[ModelOutput]] = SequenceClassifierOutputWithPast

    def __init__(self, config: PretrainedConfig, base_model: PreTrainedModel) -> None:
        super().__init__(config, base_model)
        self.score = nn.Linear(config.hidden_size, config.num_labels, bias=False)
        self.post_init()

    def scores(self, base: Any, inputs: Mapping[str, Any]) -> Tensor:
        """``[batch, labels]``.

        Raises:
            UserError: The batch has several rows, and neither a padding id nor a mask tells where they end.
        """
        last = self._last_real(base.last_hidden_state, inputs.get("input_ids"), inputs.get("attention_mask"))
        return self.score(last)  # type: ignore[no-any-return]

    def _last_real(self, hidden: Tensor, input_ids: Tensor | None, attention_mask: Tensor | None) -> Tensor:
        """``[batch, time, hidden]`` -> ``[batch, hidden]``."""
        pad = self.config.pad_token_id
        if input_ids is not None and pad is not None:
            return at_positions(hidden, last_real_position(input_ids != pad))
        if attention_mask is not None:
            return at_positions(hidden, last_real_position(attention_mask[:, -hidden.shape[1] :]))
        if hidden.shape[0] == 1 or input_ids is None:
            return hidden[:, -1]
        raise UserError(
            f"{type(self).__name__} cannot tell where the {hidden.shape[0]} rows of this batch end.",
            advice="Set model.config.pad_token_id, or pass an attention_mask.",
        )


class TokenClassification(ScoringModel):
    """A linear layer on every state; ``labels`` ``[batch, time]`` are -100 where there is nothing to classify.

    Args:
        config: The hyper-parameters.
        base_model: The base model.
        dropout: Dropout of the states.
    """

    output_class: ClassVar[type[ModelOutput]] = TokenClassifierOutput

    def __init__(self, config: PretrainedConfig, base_model: PreTrainedModel, *, dropout: float) -> None:
        super().__init__(config, base_model)
        self.dropout = Dropout(dropout)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def scores(self, base: Any, inputs: Mapping[str, Any]) -> Tensor:
        """``[batch, time, labels]``."""
        return base.layout.each(self._classify, base.last_hidden_state)  # type: ignore[no-any-return]

    def _classify(self, hidden: Tensor) -> Tensor:
        return self.classifier(self.dropout(hidden))  # type: ignore[no-any-return]


class QuestionAnswering(TaskModel):
    """Two scores for each position: that the answer starts, and that it ends there. Padding is not masked.

    Args:
        config: The hyper-parameters.
        base_model: The base model.
    """

    output_class: ClassVar[type[ModelOutput]] = QuestionAnsweringModelOutput

    def __init__(self, config: PretrainedConfig, base_model: PreTrainedModel) -> None:
        super().__init__(config, base_model)
        self.qa_outputs = nn.Linear(config.hidden_size, 2)
        self.post_init()

    def forward(
        self,
        *,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        return_dict: bool | None = None,
        **inputs: Any,
    ) -> Any:
        """Computes the scores, and the loss if both positions are given; see the module's docstring.

        Args:
            start_positions: ``[batch]`` position of the answer's first token; positions beyond the input (the answer
                was cut off) count for nothing.
            end_positions: ``[batch]`` position of its last token.
            return_dict: False for a tuple; None as the configuration says.
            **inputs: The arguments of the base model.

        Returns:
            ``output_class`` (or its fields as a tuple).
        """
        base = self.run_base(inputs)
        start, end = base.layout.each(self.qa_outputs, base.last_hidden_state).unbind(-1)
        loss = None
        if start_positions is not None and end_positions is not None:
            loss = span_loss(start, end, start_positions, end_positions)
        return self.output(self.output_class, base, return_dict, loss=loss, start_logits=start, end_logits=end)


#: Which states a summary of each kind is made from; of all of them, if it is not among these.
_VIEW_OF_SUMMARY = {"first": View.FIRST, "last": View.LAST, "cls_index": View.LAST}


def summary_view(config: PretrainedConfig) -> View:
    """Which states :func:`sequence_summary` looks at where it is given no positions."""
    return _VIEW_OF_SUMMARY.get(config.summary_type, View.ALL)


def sequence_summary(config: PretrainedConfig, num_labels: int | None = None) -> SequenceSummary:
    """The summary head that a configuration describes by its ``summary_…`` fields.

    Args:
        config: Has ``summary_type``, ``summary_use_proj``, ``summary_activation``, ``summary_first_dropout`` and maybe
            ``summary_proj_to_labels`` and ``summary_last_dropout``.
        num_labels: Size of the result where it is projected to the labels; ``config.num_labels`` if None.
    """
    size: int | None = config.hidden_size if config.summary_use_proj else None
    if size is not None and getattr(config, "summary_proj_to_labels", False):
        size = config.num_labels if num_labels is None else num_labels
    return SequenceSummary(
        config.hidden_size,
        config.summary_type,
        output_size=size,
        hidden_act=config.summary_activation,
        first_dropout=getattr(config, "summary_first_dropout", 0.0),
        last_dropout=getattr(config, "summary_last_dropout", 0.0),
    )
