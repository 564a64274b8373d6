"""Question answering by beams of spans, for the families that have such a head: XLNet and XLM."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from .modeling_heads import TaskModel
from .modeling_outputs import ModelOutput
from .nn.span_beams import SpanHead, search_spans, span_beam_loss


class BeamQuestionAnswering(TaskModel):
    """The best starts of an answer, the best ends for each, and how sure it is that there is none.

    The configuration says how many: ``start_n_top`` and ``end_n_top``.
    """

    output_class: ClassVar[type[ModelOutput]]

    @property
    def span_head(self) -> SpanHead:
        """What has the three modules of the head."""
        raise NotImplementedError

    def forward(
        self,
        *,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        is_impossible: Tensor | None = None,
        cls_index: Tensor | None = None,
        p_mask: Tensor | None = None,
        return_dict: bool | None = None,
        **inputs: Any,
    ) -> Any:
        """Computes the loss if both positions are given, else the best spans: see :mod:`transformers.nn.span_beams`.

        Args:
            start_positions: ``[batch]`` position of the answer's first token.
            end_positions: ``[batch]`` position of its last token.
            is_impossible: ``[batch]``, 1 where there is no answer; it counts in the loss if ``cls_index`` is given.
            cls_index: ``[batch]`` position of the classification token; None takes the last position. Where inputs are
                padded on the right it has to be given.
            p_mask: ``[batch, time]``, 1 for positions that cannot be part of an answer (question, padding).
            return_dict: False for a tuple; None as the configuration says.
            **inputs: The arguments of the base model.

        Returns:
            ``output_class`` (or its fields as a tuple).
        """
        base = self.run_base(inputs)
        hidden, head = base.last_hidden_state, self.span_head
        own: dict[str, Tensor]
        if start_positions is not None and end_positions is not None:
            loss = span_beam_loss(
                head,
                hidden,
                start_positions,
                end_positions,
                cls_index=cls_index,
                is_impossible=is_impossible,
                p_mask=p_mask,
            )
            own = {"loss": loss}
        else:
            beams = search_spans(
                head,
                hidden,
                starts=self.config.start_n_top,
                ends=self.config.end_n_top,
                cls_index=cls_index,
                p_mask=p_mask,
            )
            own = beams._asdict()
        return self.output(self.output_class, base, return_dict, **own)
