"""Task heads of models whose encoder and decoder stand beside the head, and what their decoders read by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from .configuration_utils import PretrainedConfig
from .errors import UserError
from .modeling_outputs import ModelOutput, Seq2SeqLMOutput, Seq2SeqQuestionAnsweringModelOutput
from .modeling_utils import PreTrainedModel
from .nn.losses import IGNORED, span_loss, token_loss


def shifted_right(ids: Tensor, config: PretrainedConfig) -> Tensor:
    """What a decoder reads when it is to predict these ids: the start token, and all of them but the last.

    Args:
        ids: ``[..., time]``; -100 becomes padding.
        config: Says which ids these are.

    Raises:
        UserError: It does not.
    """
    start, pad = config.decoder_start_token_id, config.pad_token_id
    if start is None or pad is None:
        missing = "decoder_start_token_id" if start is None else "pad_token_id"
        raise UserError(
            f"The configuration has no {missing}, so that decoder_input_ids do not follow from a text.",
            advice=f"Set model.config.{missing}, or pass decoder_input_ids.",
        )
    shifted = ids.roll(1, dims=-1)
    shifted[..., 0] = start
    return shifted.masked_fill(shifted == IGNORED, pad)


def lacks_decoder_inputs(inputs: Mapping[str, Any]) -> bool:
    """Whether the arguments of a call leave open what the decoder reads."""
    return inputs.get("decoder_input_ids") is None and inputs.get("decoder_inputs_embeds") is None


def reading_twice(inputs: Mapping[str, Any], config: PretrainedConfig) -> dict[str, Any]:
    """The arguments of a call; unless they say otherwise, the decoder reads what the encoder reads, shifted right."""
    if not lacks_decoder_inputs(inputs):
        return dict(inputs)
    return {**inputs, "decoder_input_ids": shifted_right(require_ids(inputs), config)}


def require_ids(inputs: Mapping[str, Any]) -> Tensor:
    """The ids that a model is called with.

    Raises:
        UserError: There are none.
    """
    ids: Tensor | None = inputs.get("input_ids")
    if ids is None:
        raise UserError("This head needs input_ids: embeddings do not show which tokens they are of.")
    return ids


class _BesideStacks(PreTrainedModel):
    """A head in a class that derives from one whose forward pass runs both stacks."""

    def _run_stacks(self, inputs: Mapping[str, Any]) -> Any:
        """The output of the stacks."""
        return super().forward(**inputs, return_dict=True)

    def _finish(self, kind: type[ModelOutput], base: ModelOutput, return_dict: bool | None, **own: Any) -> Any:
        """The output of the head, with the states, attentions and cache that the stacks returned."""
        carried = {name: value for name, value in base.items() if name != "last_hidden_state"}
        output = kind(**own, **carried)
        return output if (self.config.use_return_dict if return_dict is None else return_dict) else output.to_tuple()


class Seq2SeqLM(_BesideStacks):
    """Scores of the next token; ``labels`` ``[batch, time]`` are -100 where nothing is to be predicted.

    Where ``decoder_input_ids`` are not given they are the labels, shifted right.
    """

    lm_head: nn.Module

    def lm_logits(self, hidden: Tensor) -> Tensor:
        """``[batch, time, hidden]`` -> ``[batch, time, vocabulary]``."""
        return self.lm_head(hidden)  # type: ignore[no-any-return]

    def get_output_embeddings(self) -> nn.Module:
        """The layer that scores the tokens of the vocabulary."""
        return self.lm_head

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """Replaces the layer that scores the tokens of the vocabulary."""
        self.lm_head = new_embeddings

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        """What the decoder reads when it is to predict the labels."""
        return shifted_right(labels, self.config)

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
            logits_to_keep: How many of the last positions get scores; 0 means all. Generation needs those of one.
            return_dict: False for a tuple; None as the configuration says.
            **inputs: The arguments of the base model.

        Returns:
            A :class:`~transformers.modeling_outputs.Seq2SeqLMOutput` (or its fields as a tuple).
        """
        if labels is not None and lacks_decoder_inputs(inputs):
            inputs["decoder_input_ids"] = shifted_right(labels, self.config)
        base = self._run_stacks(inputs)
        logits = self.lm_logits(base.last_hidden_state[:, -logits_to_keep:])
        loss = None if labels is None else token_loss(logits, labels)
        return self._finish(Seq2SeqLMOutput, base, return_dict, loss=loss, logits=logits)


class Seq2SeqQuestionAnswering(_BesideStacks):
    """Two scores for each position of the decoder: that the answer starts, and that it ends there.

    By default the decoder reads ``input_ids``, shifted right.
    """

    qa_outputs: nn.Linear

    def forward(
        self,
        *,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        return_dict: bool | None = None,
        **inputs: Any,
    ) -> Any:
        """Computes the scores, and the loss if both positions are given; there is no cache beside a loss.

        Args:
            start_positions: ``[batch]`` position of the answer's first token; positions beyond the input (the answer
                was cut off) count for nothing.
            end_positions: ``[batch]`` position of its last token.
            return_dict: False for a tuple; None as the configuration says.
            **inputs: The arguments of the base model.

        Returns:
            A :class:`~transformers.modeling_outputs.Seq2SeqQuestionAnsweringModelOutput` (or its fields as a tuple).
        """
        trains = start_positions is not None and end_positions is not None
        base = self._run_stacks(reading_twice({**inputs, "use_cache": False} if trains else inputs, self.config))
        start, end = self.qa_outputs(base.last_hidden_state).unbind(-1)
        loss = None
        if start_positions is not None and end_positions is not None:
            loss = span_loss(start, end, start_positions, end_positions)
        kind = Seq2SeqQuestionAnsweringModelOutput
        return self._finish(kind, base, return_dict, loss=loss, start_logits=start, end_logits=end)
