"""``generate()`` for models that remember hidden states (``mems``), not keys and values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ..errors import UserError
from ..nn.cache import PastKeyValues
from ..nn.memories import Memories
from .configuration import GenerationConfig
from .inputs import Prompt
from .mixin import GenerationMixin
from .state import DecodingState


class MemoryGenerationMixin(GenerationMixin):
    """Adds :meth:`generate` to a model with ``mems``, which it may also be given: what comes before the prompts.

    How such a model reads a text depends on where its prompt ends, so that each step is told: by ``prompt_length``.
    """

    def _inputs_of_prompt(self, prompt: Prompt, arguments: dict[str, Any]) -> dict[str, Any]:
        return {**arguments, "prompt_length": prompt.tokens.shape[1]}

    def _new_state(self, rows: int, capacity: int) -> DecodingState | None:
        return Memories(capacity=capacity)

    def _state_for(
        self, prompt: Prompt, past_key_values: PastKeyValues | None, capacity: int, copies: int
    ) -> DecodingState | None:
        if past_key_values is not None:
            raise UserError(
                "past_key_values are not what this model remembers.",
                advice="Give the mems that it returned for the text before the prompts; these are not repeated then.",
            )
        return super()._state_for(prompt, past_key_values, capacity, copies)

    def _generation_problems(self, config: GenerationConfig, inputs: Mapping[str, Any]) -> list[str]:
        if "mems" in inputs and not config.use_cache:
            return ["mems cannot be given with use_cache=False, which is to remember nothing"]
        return []

    @staticmethod
    def _started(state: DecodingState | None, inputs: dict[str, Any]) -> Memories | None:
        """The state of a step, which before the first one is what the caller remembers."""
        mems, memories = inputs.pop("mems", None), cast("Memories | None", state)
        if mems is None or memories is None or memories.get_seq_length():
            return memories
        return Memories(mems, capacity=memories.capacity)
