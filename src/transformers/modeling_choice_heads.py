"""Task heads that judge several choices, all families alike: each choice is a row of the base model's batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from .configuration_utils import PretrainedConfig
from .errors import UserError
from .modeling_heads import ScoringModel
from .modeling_outputs import ModelOutput, MultipleChoiceModelOutput
from .modeling_padding import View
from .modeling_utils import PreTrainedModel
from .nn.dropout import Dropout


class MultipleChoice(ScoringModel):
    """One score for each choice.

    Inputs are ``[batch, choices, time]`` (``inputs_embeds`` ``[batch, choices, time, hidden]``), ``labels`` ``[batch]``
    the index of the right choice.
    """

    output_class: ClassVar[type[ModelOutput]] = MultipleChoiceModelOutput

    def choice_scores(self, base: Any) -> Tensor:
        """The score of each row of the base model, ``[batch * choices, 1]``: the family's head."""
        raise NotImplementedError

    def base_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The choices as rows of the batch."""
        return flatten_choices(inputs)[0]

    def scores(self, base: Any, inputs: Mapping[str, Any]) -> Tensor:
        """``[batch, choices]``."""
        return self.choice_scores(base).view(-1, number_of_choices(inputs))


class PooledMultipleChoice(MultipleChoice):
    """A linear layer on the ``pooler_output`` of each choice.

    Args:
        config: The hyper-parameters.
        base_model: The base model.
        dropout: Dropout of the pooled states.
    """

    view = View.FIRST

    def __init__(self, config: PretrainedConfig, base_model: PreTrainedModel, *, dropout: float) -> None:
        super().__init__(config, base_model)
        self.dropout = Dropout(dropout)
        self.classifier = nn.Linear(config.hidden_size, 1)
        self.post_init()

    def choice_scores(self, base: Any) -> Tensor:
        """``[batch * choices, 1]``."""
        return self.classifier(self.dropout(base.pooler_output))  # type: ignore[no-any-return]


#: The inputs that have an axis of choices behind the batch.
_PER_CHOICE = (
    "input_ids",
    "attention_mask",
    "input_mask",
    "token_type_ids",
    "position_ids",
    "inputs_embeds",
    "langs",
    "lengths",
)


def flatten_choices(inputs: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """Moves the choices into the batch: ``[batch, choices, time]`` -> ``[batch * choices, time]``.

    Returns:
        The inputs of the base model, and the number of choices.

    Raises:
        UserError: There is no axis of choices.
    """
    flat = {
        name: value.flatten(0, 1) if name in _PER_CHOICE and value is not None else value
        for name, value in inputs.items()
    }
    return flat, number_of_choices(inputs)


def number_of_choices(inputs: Mapping[str, Any]) -> int:
    """The length of the axis of choices.

    Raises:
        UserError: There is none.
    """
    name, axes = ("inputs_embeds", 4) if inputs.get("input_ids") is None else ("input_ids", 3)
    given: Tensor | None = inputs.get(name)
    if given is None or given.ndim != axes:
        shape = "missing" if given is None else f"of shape {list(given.shape)}"
        raise UserError(f"{name}: {shape}.", advice="Multiple choice needs input_ids [batch, choices, time].")
    return given.shape[1]
