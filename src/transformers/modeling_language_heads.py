"""Task heads of generative models: a linear layer that scores tokens, alone or beside one that judges whole texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from .configuration_utils import PretrainedConfig
from .modeling_choice_heads import flatten_choices
from .modeling_heads import TaskModel, sequence_summary
from .modeling_outputs import ModelOutput, Tensors
from .modeling_utils import PreTrainedModel
from .nn.cache import Cache
from .nn.linear import Linear
from .nn.losses import next_token_loss, token_loss


class LinearLanguageHead(TaskModel):
    """A linear layer without bias, ``lm_head``, that scores tokens; the family ties it to its word embeddings.

    Args:
        config: The hyper-parameters.
        base_model: The base model.
    """

    def __init__(self, config: PretrainedConfig, base_model: PreTrainedModel) -> None:
        super().__init__(config, base_model)
        self.lm_head: nn.Module = Linear(config.hidden_size, config.vocab_size, bias=False)

    def get_output_embeddings(self) -> nn.Module:
        """The layer that scores the tokens of the vocabulary."""
        return self.lm_head

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """Replaces the layer that scores the tokens of the vocabulary."""
        self.lm_head = new_embeddings

    def lm_logits(self, hidden: Tensor) -> Tensor:
        """``[batch, time, hidden]`` -> ``[batch, time, vocabulary]``."""
        return self.lm_head(hidden)  # type: ignore[no-any-return]


@dataclass
class DoubleHeadsModelOutput(ModelOutput):
    """Scores of the next tokens ``[batch, choices, time, vocabulary]`` and of the choices ``[batch, choices]``."""

    loss: Tensor | None = None
    mc_loss: Tensor | None = None
    logits: Tensor | None = None
    mc_logits: Tensor | None = None
    past_key_values: Cache | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


class DoubleHeads(LinearLanguageHead):
    """Scores of the next token and, for each of several continuations, one of the whole text (Radford et al., 2018).

    Inputs are ``[batch, choices, time]``. Cache, hidden states and attentions have the choices in the batch.

    Args:
        config: The hyper-parameters, the ``summary_…`` fields among them.
        base_model: The base model.
    """

    output_class: ClassVar[type[ModelOutput]] = DoubleHeadsModelOutput

    def __init__(self, config: PretrainedConfig, base_model: PreTrainedModel) -> None:
        super().__init__(config, base_model)
        self.multiple_choice_head = sequence_summary(config, num_labels=1)
        self.post_init()

    def forward(
        self,
        *,
        mc_token_ids: Tensor | None = None,
        labels: Tensor | None = None,
        mc_labels: Tensor | None = None,
        return_dict: bool | None = None,
        **inputs: Any,
    ) -> Any:
        """Scores tokens and choices.

        Args:
            mc_token_ids: ``[batch, choices]`` positions at which the texts are judged; the last ones if None.
            labels: ``[batch, choices, time]`` input ids, shifted inside; -100 counts for nothing.
            mc_labels: ``[batch]`` indices of the right choices.
            return_dict: False for a tuple; None as the configuration says.
            **inputs: The arguments of the base model.

        Returns:
            ``output_class`` (or its fields as a tuple).
        """
        flat, choices = flatten_choices(inputs)
        base = self.run_base(flat)
        logits = self.lm_logits(base.last_hidden_state)
        hidden = base.last_hidden_state
        mc_logits = self.multiple_choice_head(hidden.view(-1, choices, *hidden.shape[1:]), mc_token_ids).squeeze(-1)
        return self.output(
            self.output_class,
            base,
            return_dict,
            loss=None if labels is None else next_token_loss(logits, labels.flatten(0, 1)),
            mc_loss=None if mc_labels is None else token_loss(mc_logits, mc_labels),
            logits=logits.view(-1, choices, *logits.shape[1:]),
            mc_logits=mc_logits,
        )
