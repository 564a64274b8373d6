"""``generate()``: texts from any model that scores the next token."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from .._files import read_json_object
from ..errors import UserError
from ..nn.cache import Cache, PastKeyValues, as_cache
from .configuration import GENERATION_CONFIG_NAME, OPTIONS, GenerationConfig
from .decoding import Texts, TokenInputs, drawn, extended, likeliest, positions, write
from .encoder import read_input
from .logits_process import (
    LogitsProcessorList,
    MinNewTokensLengthLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)
from .state import DecodingState

if TYPE_CHECKING:
    from ..modeling_utils import PreTrainedModel as _Model
else:
    _Model = object

#: Arguments of a forward pass that ``generate()`` sets itself, or that have no place in it.
_OWN_INPUTS = frozenset({
    "input_ids", "inputs_embeds", "attention_mask", "position_ids", "past_key_values", "use_cache",
    "output_attentions", "output_hidden_states", "return_dict", "decoder_inputs_embeds", "labels", "logits_to_keep",
})  # fmt: skip


class GenerationMixin(_Model):
    """Adds :meth:`generate` to a model that scores the next token.

    Its forward pass returns ``logits`` and takes ``logits_to_keep`` (the number of last positions whose scores are
    wanted), ``past_key_values``, ``attention_mask`` (for all positions so far) and ``position_ids``.

    Attributes:
        generation_config: The options that count where a call gives no others. It is loaded and saved with the model.
    """

    #: Arguments of the forward pass with a value for each token; new tokens have that of the last one.
    _inputs_per_token: ClassVar[frozenset[str]] = frozenset({"token_type_ids"})

    #: Arguments of the family's own forward pass that generation sets itself, or that have no place in it.
    _inputs_of_generation: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def can_generate(cls) -> bool:
        return True

    @property
    def generation_config(self) -> GenerationConfig:
        """The options; at first those in the model's configuration."""
        if "_generation_config" not in self.__dict__:
            self._generation_config = GenerationConfig.from_model_config(self.config)
        return self._generation_config

    @generation_config.setter
    def generation_config(self, config: GenerationConfig) -> None:
        self._generation_config = config

    def _load_companions(self, find: Callable[[str], Path | None]) -> None:
        """Loads the options of generation, if the model has a file of them."""
        if (path := find(GENERATION_CONFIG_NAME)) is not None:
            self.generation_config = GenerationConfig.from_dict(read_json_object(path))

    def _save_companions(self, folder: Path) -> None:
        """Saves the options of generation."""
        self.generation_config.save_pretrained(folder)

    @torch.no_grad()
    def generate(
        self,
        inputs: Tensor | None = None,
        generation_config: GenerationConfig | None = None,
        *,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        past_key_values: PastKeyValues | None = None,
        generator: torch.Generator | None = None,
        **options: Any,
    ) -> Tensor:
        """Continues texts token by token.

        Prompts of different lengths are padded **on the left**; each then continues exactly as it would alone.

        A model with an encoder reads ``inputs`` with it, padded on either side, and the texts start with
        ``decoder_start_token_id``, or with ``decoder_input_ids``, which are their prompts.

        Args:
            inputs: The prompts, ``[batch, time]``; from ``bos_token_id`` on if None.
            generation_config: The options; those of the model (``self.generation_config``) if None.
            input_ids: Another name for ``inputs``.
            attention_mask: 1 for the tokens of a prompt, 0 for padding, ``[batch, time]``. If None, tokens that are
                ``pad_token_id`` are padding, provided that this is no token that ends a text.
            past_key_values: Keys and values of the first tokens of the prompts, which are then not computed again.
                A cache is extended in place.
            generator: Where random numbers come from; torch's global generator if None (``torch.manual_seed``).
            **options: Options of :class:`~transformers.GenerationConfig`, which go before those of the configuration,
                and further arguments of the model's forward pass (``token_type_ids``, ``encoder_hidden_states``, …).

        Returns:
            The prompts and what follows them, ``[batch, length]``. Behind the end of a text stands ``pad_token_id``.

        Raises:
            UserError: An option is unknown or not supported, or the texts would be longer than the model's positions.
        """
        config, others = self._generation_options(generation_config, options)
        given = inputs if input_ids is None else input_ids
        if self.config.is_encoder_decoder:
            given, attention_mask, others = read_input(self, given, attention_mask, config, others)
        prompt = self._prompt(given, config)
        mask = _prompt_mask(prompt, attention_mask, config)
        room = self._room(prompt, mask, config)
        state = self._state_for(prompt, past_key_values, room) if config.use_cache else None
        token_inputs, others = _token_inputs(mask, others, self._inputs_per_token, room)

        def next_scores(texts: Texts) -> Tensor:
            nonlocal state
            output, state = self._generation_step(
                texts.tokens, state, {**token_inputs.until(texts.length), **others}, {}
            )
            scores: Tensor = output.logits[:, -1].float()
            return scores

        ends = config.end_tokens
        pad = config.pad_token_id if config.pad_token_id is not None else (ends or [0])[0]
        texts = Texts.starting_with(prompt, room, ends, pad)
        return write(texts, next_scores, _processors(config, prompt.shape[1]), _choice(config, generator))

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, past_key_values: DecodingState | None = None, **inputs: Any
    ) -> dict[str, Any]:
        """The arguments of the forward pass for one step; a model that wants others overrides it.

        Args:
            input_ids: All tokens so far, ``[batch, time]``. Where ``inputs_embeds`` take the place of the first ones,
                these have no meaning.
            past_key_values: What the model remembers of the first of them, of none at the start; None if it is to read
                them all again at each step.
            **inputs: Further arguments of the forward pass. ``attention_mask`` (None if no prompt is padded),
                ``position_ids`` (only if one is), ``inputs_embeds`` (only while the prompt has not been read) and those
                that ``_inputs_per_token`` names have a column for each token so far; all have a row for each text.
        """
        seen = 0 if past_key_values is None else past_key_values.get_seq_length()
        for name in {"position_ids", "inputs_embeds", *self._inputs_per_token} & inputs.keys():
            inputs[name] = inputs[name][:, seen:]
        if "inputs_embeds" not in inputs:
            inputs["input_ids"] = input_ids[:, seen:]
        use_cache = past_key_values is not None
        return {**inputs, "past_key_values": past_key_values, "use_cache": use_cache, "logits_to_keep": 1}

    def _new_state(self, rows: int, capacity: int) -> DecodingState | None:
        """An empty state; None for a model that cannot remember anything.

        Args:
            rows: How many prompts it will read.
            capacity: How many tokens the texts may have, prompts included.
        """
        return Cache(capacity=capacity)

    def _keep_state(self, output: Any, state: DecodingState | None) -> DecodingState | None:
        """The state after a step, from what the forward pass returned; a cache has been extended in place."""
        return state

    def _generation_step(
        self, input_ids: Tensor, state: DecodingState | None, inputs: dict[str, Any], wanted: dict[str, bool]
    ) -> tuple[Any, DecodingState | None]:
        """One forward pass; a model that needs several for a step overrides it.

        Args:
            input_ids: See :meth:`prepare_inputs_for_generation`.
            state: What the model remembers of the first of them.
            inputs: Further arguments, as for :meth:`prepare_inputs_for_generation`.
            wanted: ``output_attentions`` and ``output_hidden_states``, where they are asked for.

        Returns:
            The output of the forward pass, whose ``logits`` are ``[batch, 1, vocabulary]``, and the new state.
        """
        prepared = self.prepare_inputs_for_generation(input_ids, state, **inputs)
        output = self(**prepared, **wanted, return_dict=True)
        return output, self._keep_state(output, state)

    def _generation_problems(self, config: GenerationConfig, inputs: Mapping[str, Any]) -> list[str]:
        """What was asked for and this model cannot do, one line each that begins with the name of the option.

        Args:
            config: The options.
            inputs: The further arguments of the forward pass that the caller gave.
        """
        return []

    def _state_for(self, prompt: Tensor, past_key_values: PastKeyValues | None, capacity: int) -> DecodingState | None:
        """The state to start with: a new one, or what the caller remembers of the first tokens of the prompts."""
        if past_key_values is None:
            return self._new_state(prompt.shape[0], capacity)
        cache = as_cache(past_key_values)
        if cache.get_seq_length() >= prompt.shape[1]:
            raise UserError(
                f"past_key_values hold {cache.get_seq_length()} positions, the prompt has {prompt.shape[1]}.",
                advice="input_ids are all tokens, those in the cache included, and at least one that is not in it.",
            )
        return cache

    def _generation_options(
        self, given: GenerationConfig | None, options: dict[str, Any]
    ) -> tuple[GenerationConfig, dict[str, Any]]:
        """The options that count, and further arguments of the forward pass."""
        config = copy.deepcopy(self.generation_config if given is None else given)
        if options.get("max_length") is not None:
            config.max_new_tokens = None
        others = {name: value for name, value in config.update(**options).items() if value is not None}
        own = _OWN_INPUTS | self._inputs_of_generation
        inputs = inspect.signature(self.base_model.forward).parameters.keys() - own
        problems = [
            *config.unsupported(),
            *_without_effect(config, options),
            *(f"{name} is unknown" for name in sorted(others.keys() - inputs)),
            *self._without_encoder(options),
            *self._generation_problems(config, others),
        ]
        if problems:
            raise UserError(
                "generate() cannot do all that was asked for:",
                problems,
                f"It knows {', '.join(OPTIONS)}, and the model's {', '.join(sorted(inputs))}.",
            )
        return config, others

    def _without_encoder(self, options: dict[str, Any]) -> list[str]:
        """Options of a call that are about an encoder, if there is none."""
        start = options.get("decoder_start_token_id")
        if start is None or self.config.is_encoder_decoder:
            return []
        return [f"decoder_start_token_id={start} has no effect on a model without an encoder"]

    def _prompt(self, prompt: Tensor | None, config: GenerationConfig) -> Tensor:
        if prompt is None and config.bos_token_id is not None:
            return torch.tensor([[config.bos_token_id]], device=self.device)
        if prompt is None:
            raise UserError("generate() has neither input_ids nor a bos_token_id to start from.")
        if prompt.ndim != 2 or prompt.shape[1] == 0 or prompt.is_floating_point():
            raise UserError(
                f"The prompt has shape {list(prompt.shape)} and dtype {prompt.dtype}.",
                advice="generate() needs token ids, [batch, time], and at least one in each row.",
            )
        return prompt

    def _room(self, prompt: Tensor, mask: Tensor | None, config: GenerationConfig) -> int:
        """The greatest length of the texts, prompts included."""
        given = prompt.shape[1]
        room = config.max_length if config.max_new_tokens is None else given + config.max_new_tokens
        if room <= given:
            raise UserError(
                f"No token may follow: the prompt has {given} tokens, max_length is {room}.",
                advice="Give max_new_tokens, the number of tokens after the prompt.",
            )
        longest = given if mask is None else int(mask.sum(1).max())
        positions = getattr(self.config, "max_position_embeddings", None)
        if positions is not None and longest + room - given > positions:
            raise UserError(
                f"{longest} tokens of the prompt and {room - given} new ones do not fit in the {positions} positions"
                " of the model.",
                advice="Shorten the prompt or lower max_new_tokens.",
            )
        return room


def _without_effect(config: GenerationConfig, options: dict[str, Any]) -> list[str]:
    """Options of a call that its other options leave without effect."""
    problems = []
    if options.get("max_length") is not None and options.get("max_new_tokens") is not None:
        problems.append("max_length and max_new_tokens are both given")
    if not config.do_sample:
        problems += [
            f"{name}={options[name]} has no effect without do_sample=True"
            for name in ("temperature", "top_k", "top_p")
            if options.get(name) not in (None, 0, OPTIONS[name])
        ]
    return problems


def _prompt_mask(prompt: Tensor, attention_mask: Tensor | None, config: GenerationConfig) -> Tensor | None:
    """1 for tokens, 0 for padding; None if there is no padding, so that nothing has to be masked."""
    if attention_mask is None:
        pad = config.pad_token_id
        if pad is None or pad in config.end_tokens:
            return None
        attention_mask = prompt != pad
    if attention_mask.shape != prompt.shape:
        raise UserError(f"attention_mask is {list(attention_mask.shape)}, the prompt {list(prompt.shape)}.")
    mask = attention_mask.to(torch.long)
    if bool(mask.all()):
        return None
    if not bool(mask[:, -1].all()):
        raise UserError(
            "A prompt ends in padding, from which no text goes on.",
            advice="Pad on the left: tokenizer.padding_side = 'left'.",
        )
    return mask


def _token_inputs(
    mask: Tensor | None, others: dict[str, Any], names: Collection[str], room: int
) -> tuple[TokenInputs, dict[str, Any]]:
    """The arguments with a value for each token, which are the named ones, and the rest."""
    rest = dict(others)
    per_token = {name: extended(rest.pop(name), room) for name in names if name in others}
    if mask is not None:
        mask = extended(mask, room)
        per_token["position_ids"] = positions(mask)
    return TokenInputs(mask, per_token), rest


def _processors(config: GenerationConfig, prompt_length: int) -> LogitsProcessorList:
    processors = LogitsProcessorList()
    if config.min_new_tokens and config.end_tokens:
        processors.append(MinNewTokensLengthLogitsProcessor(prompt_length, config.min_new_tokens, config.end_tokens))
    if config.do_sample:
        if config.temperature != 1.0:
            processors.append(TemperatureLogitsWarper(config.temperature))
        if config.top_k:
            processors.append(TopKLogitsWarper(config.top_k))
        if config.top_p is not None and config.top_p < 1.0:
            processors.append(TopPLogitsWarper(config.top_p))
    return processors


def _choice(config: GenerationConfig, generator: torch.Generator | None) -> Callable[[Tensor], Tensor]:
    return drawn(generator) if config.do_sample else likeliest
