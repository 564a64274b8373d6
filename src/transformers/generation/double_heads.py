"""``generate()`` for models that score the next token and, beside it, whole texts."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..modeling_language_heads import DoubleHeads
from ..modeling_outputs import CausalLMOutputWithCrossAttentions
from .mixin import GenerationMixin
from .state import DecodingState


class WritingDoubleHeads(GenerationMixin, DoubleHeads):
    """Two heads, of which the one that scores tokens writes texts.

    Prompts are ``[batch, time]``: a text that is being written is none of several choices, and nothing judges it.
    """

    def _generation_step(
        self, input_ids: Tensor, state: DecodingState | None, inputs: dict[str, Any], wanted: dict[str, bool]
    ) -> tuple[Any, DecodingState | None]:
        prepared = self.prepare_inputs_for_generation(input_ids, state, **inputs)
        last = prepared.pop("logits_to_keep")
        base = self.run_base({**prepared, **wanted})
        logits = self.lm_logits(base.last_hidden_state[:, -last:])
        output = self.output(CausalLMOutputWithCrossAttentions, base, True, logits=logits)
        return output, self._keep_state(output, state)
