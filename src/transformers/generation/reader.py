"""Reading the texts that are being written: the steps of a model, and what it remembers between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .inputs import StepInputs
from .outputs import Records
from .state import DecodingState

if TYPE_CHECKING:
    from .mixin import GenerationMixin


class Reader:
    """Reads texts with a model. However many texts continue a prompt, it is read once.

    Args:
        model: The model.
        inputs: What it is told besides the tokens, one row for each prompt.
        state: What it remembers, nothing at first; None if it reads all tokens again at each step.
        copies: How many texts continue each prompt.
        records: Where hidden states and attentions are kept.
    """

    def __init__(
        self, model: GenerationMixin, inputs: StepInputs, state: DecodingState | None, copies: int, records: Records
    ) -> None:
        self.state = state
        self._model = model
        self._inputs = inputs
        self._copies = copies
        self._records = records
        self._first = True

    def read(self, tokens: Tensor) -> Tensor:
        """The scores of the next token.

        Args:
            tokens: The texts so far, ``[texts, length]``; those that continue the same prompt stand together.

        Returns:
            ``[texts, vocabulary]``, float32.
        """
        if self._first and self._copies > 1:
            return self._read_prompts(tokens[:: self._copies])
        self._first = False
        output = self._step(tokens)
        self._records.keep_layers(output)
        return _last_scores(output)

    def reorder(self, rows: Tensor) -> None:
        """Makes text ``i`` what text ``rows[i]`` was."""
        if self.state is not None:
            self.state.reorder(rows)

    def _read_prompts(self, tokens: Tensor) -> Tensor:
        """The scores for the texts, from one row for each prompt."""
        self._first = False
        output = self._step(tokens)
        self._records.keep_layers(output, self._copies)
        prompts = tokens.shape[0]
        self.reorder(torch.arange(prompts, device=tokens.device).repeat_interleave(self._copies))
        self._inputs = self._inputs.repeated(self._copies, prompts)
        return _last_scores(output).repeat_interleave(self._copies, dim=0)

    def _step(self, tokens: Tensor) -> Any:
        arguments = self._inputs.until(tokens.shape[1])
        if (embeds := self._embeds(tokens)) is not None:
            arguments["inputs_embeds"] = embeds
        output, self.state = self._model._generation_step(tokens, self.state, arguments, self._records.wanted)
        return output

    def _embeds(self, tokens: Tensor) -> Tensor | None:
        """The embeddings of all tokens so far, if those of the prompts were given and have yet to be read."""
        embeds = self._inputs.embeds
        if embeds is None or (self.state is not None and self.state.get_seq_length() >= embeds.shape[1]):
            return None
        new = tokens[:, embeds.shape[1] :]
        return torch.cat([embeds, self._model.get_input_embeddings()(new)], dim=1) if new.shape[1] else embeds


def _last_scores(output: Any) -> Tensor:
    scores: Tensor = output.logits[:, -1].float()
    return scores
