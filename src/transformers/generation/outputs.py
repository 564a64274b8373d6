"""What ``generate()`` returns with ``return_dict_in_generate=True``, and how it is gathered step by step.

In the shapes below ``texts`` are the texts that are being written: the prompts times ``num_return_sequences``, or times
``num_beams``. ``returned`` are those that come back. A *step* is the choice of one token for each text.

All other fields are None where they were not asked for. The fields that several classes have:

- ``sequences``: the tokens, prompts included (unless they were given as embeddings), ``[returned, length]``.
- ``sequences_scores``: the scores by which the best beams were chosen, ``[returned]``.
- ``scores``: what the tokens were chosen by, after all processors: for each step ``[texts, vocabulary]``. In a search
  with beams these are logarithms of probabilities, to which those of the texts so far are yet to be added.
- ``logits``: what the model returned: for each step ``[texts, vocabulary]``.
- ``beam_indices``: in which row of the ``texts`` each new token of a sequence was chosen, ``[returned, new tokens]``;
  -1 behind the end of a sequence. With beams they are there whatever is asked for: all that is kept of a step stands in
  the order of these rows.
- ``hidden_states``: for each step a tuple with one tensor for each layer, ``[texts, positions, hidden]``. The positions
  are those of the prompt in the first step and the new one in later steps; without a cache, all in every step.
- ``attentions``: likewise, ``[texts, heads, positions, keys]``.
- ``past_key_values``: what the model remembers of the texts (see :mod:`transformers.generation.state`); with beams, of
  those that it would have gone on with, which need not be among the returned ones.
- ``encoder_hidden_states``, ``encoder_attentions``: of the encoder, one tensor for each layer and one row for each
  input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..modeling_outputs import ModelOutput, Tensors
from .configuration import GenerationConfig
from .state import DecodingState

if TYPE_CHECKING:
    from .decoding import Written
    from .encoder import Encoded

#: One tuple for each step, of one tensor for each layer.
StepsOfLayers = tuple[Tensors, ...]


@dataclass
class GenerateDecoderOnlyOutput(ModelOutput):
    """Texts of a model without an encoder."""

    sequences: Tensor | None = None
    scores: Tensors | None = None
    logits: Tensors | None = None
    attentions: StepsOfLayers | None = None
    hidden_states: StepsOfLayers | None = None
    past_key_values: DecodingState | None = None


@dataclass
class GenerateEncoderDecoderOutput(ModelOutput):
    """Texts of a model with an encoder."""

    sequences: Tensor | None = None
    scores: Tensors | None = None
    logits: Tensors | None = None
    encoder_attentions: Tensors | None = None
    encoder_hidden_states: Tensors | None = None
    decoder_attentions: StepsOfLayers | None = None
    cross_attentions: StepsOfLayers | None = None
    decoder_hidden_states: StepsOfLayers | None = None
    past_key_values: DecodingState | None = None


@dataclass
class GenerateBeamDecoderOnlyOutput(ModelOutput):
    """Texts of a model without an encoder, from a search with beams."""

    sequences: Tensor | None = None
    sequences_scores: Tensor | None = None
    scores: Tensors | None = None
    logits: Tensors | None = None
    beam_indices: Tensor | None = None
    attentions: StepsOfLayers | None = None
    hidden_states: StepsOfLayers | None = None
    past_key_values: DecodingState | None = None


@dataclass
class GenerateBeamEncoderDecoderOutput(ModelOutput):
    """Texts of a model with an encoder, from a search with beams."""

    sequences: Tensor | None = None
    sequences_scores: Tensor | None = None
    scores: Tensors | None = None
    logits: Tensors | None = None
    beam_indices: Tensor | None = None
    encoder_attentions: Tensors | None = None
    encoder_hidden_states: Tensors | None = None
    decoder_attentions: StepsOfLayers | None = None
    cross_attentions: StepsOfLayers | None = None
    decoder_hidden_states: StepsOfLayers | None = None
    past_key_values: DecodingState | None = None


#: The classes, by whether there were beams and whether there is an encoder.
_KINDS: Mapping[tuple[bool, bool], type[ModelOutput]] = {
    (False, False): GenerateDecoderOnlyOutput,
    (False, True): GenerateEncoderDecoderOutput,
    (True, False): GenerateBeamDecoderOnlyOutput,
    (True, True): GenerateBeamEncoderDecoderOutput,
}


class Records:
    """What is kept of each step, as far as it is asked for.

    Args:
        config: Says what is asked for.
        encoder: Whether the model has an encoder.
    """

    def __init__(self, config: GenerationConfig, *, encoder: bool) -> None:
        wanted = bool(config.return_dict_in_generate)
        weights, states = wanted and config.output_attentions, wanted and config.output_hidden_states
        scores = {"scores": wanted and config.output_scores, "logits": wanted and config.output_logits}
        layers = {
            "decoder_attentions" if encoder else "attentions": weights,
            "cross_attentions": weights and encoder,
            "decoder_hidden_states" if encoder else "hidden_states": states,
        }
        self._scores: dict[str, list[Tensor]] = {name: [] for name, kept in scores.items() if kept}
        self._layers: dict[str, list[Tensors]] = {name: [] for name, kept in layers.items() if kept}
        inputs = {"output_attentions": weights, "output_hidden_states": states}
        self.with_scores = "scores" in self._scores
        #: What the forward pass has to be asked for.
        self.wanted = {name: True for name, kept in inputs.items() if kept}

    def keep_scores(self, **scores: Tensor) -> None:
        """Keeps the ``logits`` and ``scores`` of a step."""
        for name, steps in self._scores.items():
            steps.append(scores[name])

    def keep_layers(self, output: Mapping[str, Any], copies: int = 1) -> None:
        """Keeps hidden states and attentions of a forward pass whose rows stand for ``copies`` texts each."""
        for name, steps in self._layers.items():
            layers: Tensors = output[name]
            steps.append(layers if copies == 1 else tuple(layer.repeat_interleave(copies, dim=0) for layer in layers))

    def fields(self) -> dict[str, Any]:
        """What has been kept: for each name a tuple with one entry for each step."""
        scores = {name: tuple(steps) for name, steps in self._scores.items()}
        return scores | {name: tuple(steps) for name, steps in self._layers.items()}


def gathered(written: Written, records: Records, state: DecodingState | None, encoded: Encoded | None) -> ModelOutput:
    """The output of ``generate()``.

    Args:
        written: The result of the strategy.
        records: What was kept of each step.
        state: What the model remembers in the end.
        encoded: What the encoder has read, if there is one.
    """
    beams = written.scores is not None
    fields = {"sequences": written.sequences, **records.fields(), "past_key_values": state}
    if beams:
        fields |= {
            "sequences_scores": written.scores if records.with_scores else None,
            "beam_indices": written.beam_indices,
        }
    if encoded is not None:
        fields |= {"encoder_hidden_states": encoded.hidden_states, "encoder_attentions": encoded.attentions}
    return _KINDS[beams, encoded is not None](**fields)
