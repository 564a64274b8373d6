"""``generate()``: texts from any model that scores the next token."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from ..errors import UserError
from ..nn.cache import Cache, PastKeyValues, as_cache
from .arguments import inputs_of, unknown_names, wrong_kinds
from .beam_search import candidate_choice, search
from .configuration import GENERATION_CONFIG_NAME, OPTIONS, GenerationConfig
from .decoding import Ends, Task, Texts, token_choice, write
from .encoder import Encoded, read_input
from .inputs import Prompt, StepInputs
from .logits_process import LogitsProcessor
from .outputs import Records, gathered
from .processors import PromptFacts, processors_for
from .reader import Reader
from .refusals import contradictions, without_effect
from .state import DecodingState
from .stopping_criteria import StoppingCriteria, criteria_for

if TYPE_CHECKING:
    from ..modeling_utils import PreTrainedModel as _Model
    from .streamers import BaseStreamer
else:
    _Model = object


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
            self.generation_config = GenerationConfig.from_json_file(path)

    def _save_companions(self, folder: Path) -> None:
        """Saves the options of generation."""
        self.generation_config.save_pretrained(folder)

    @torch.no_grad()
    def generate(
        self,
        inputs: Tensor | None = None,
        generation_config: GenerationConfig | None = None,
        logits_processor: Sequence[LogitsProcessor] | None = None,
        stopping_criteria: Sequence[StoppingCriteria] | None = None,
        prefix_allowed_tokens_fn: Callable[[int, Tensor], Sequence[int]] | None = None,
        *,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        past_key_values: PastKeyValues | None = None,
        generator: torch.Generator | None = None,
        streamer: BaseStreamer | None = None,
        tokenizer: Any = None,
        **options: Any,
    ) -> Any:
        """Continues texts token by token.

        Prompts of different lengths are padded **on the left**; each then continues exactly as it would alone.

        A model with an encoder reads ``inputs`` with it, padded on either side, and the texts start with
        ``decoder_start_token_id``, or with ``decoder_input_ids``, which are their prompts.

        Args:
            inputs: The prompts, ``[batch, time]``; from ``bos_token_id`` on if None.
            generation_config: The options; those of the model (``self.generation_config``) if None. Special tokens that
                it does not name are the model's.
            logits_processor: What is done to the scores after all that the options do, but for those that say which
                tokens are drawn.
            stopping_criteria: What ends a text besides the options.
            prefix_allowed_tokens_fn: Which tokens may follow: index of the prompt, tokens so far -> their ids.
            input_ids: Another name for ``inputs``.
            attention_mask: 1 for the tokens of a prompt, 0 for padding, ``[batch, time]``. If None, tokens that are
                ``pad_token_id`` are padding, provided that this is no token that ends a text.
            past_key_values: Keys and values of the first tokens of the prompts, which are then not computed again.
                A cache is extended in place, unless several texts continue each prompt.
            generator: Where random numbers come from; torch's global generator if None (``torch.manual_seed``).
            streamer: Gets the prompts, and each token as soon as it is chosen.
            tokenizer: Needed for ``stop_strings``.
            **options: Options of :class:`~transformers.GenerationConfig`, which go before those of the configuration,
                and further arguments of the model's forward pass (``token_type_ids``, ``encoder_hidden_states``, …).
                ``inputs_embeds`` ``[batch, time, hidden]`` take the place of the prompts; what comes back are then the
                new tokens only, unless ``input_ids`` are given as well.

        Returns:
            The prompts and what follows them, ``[batch * num_return_sequences, length]``. Behind the end of a text
            stands ``pad_token_id``. With ``return_dict_in_generate`` one of :mod:`transformers.generation.outputs`.

        Raises:
            UserError: An option is unknown or not supported, or the texts would be longer than the model's positions.
        """
        tokens = inputs if input_ids is None else input_ids
        call = {
            "inputs": inputs, "generation_config": generation_config, "logits_processor": logits_processor,
            "stopping_criteria": stopping_criteria, "prefix_allowed_tokens_fn": prefix_allowed_tokens_fn,
            "input_ids": input_ids, "attention_mask": attention_mask, "past_key_values": past_key_values,
            "generator": generator, "streamer": streamer, "tokenizer": tokenizer,
        }  # fmt: skip
        config, arguments = self._generation_options(options, call)
        criteria = criteria_for(config, stopping_criteria, tokenizer)
        records = Records(config, encoder=self.config.is_encoder_decoder)
        encoded = None
        if self.config.is_encoder_decoder:
            encoded = read_input(self, tokens, attention_mask, config, arguments, records.wanted)
            tokens, attention_mask, arguments = encoded.prompt, encoded.mask, encoded.inputs
        prompt = Prompt.of(tokens, arguments.pop("inputs_embeds", None), attention_mask, config, self.device)
        config.min_length = max(0, config.min_length - prompt.hidden)
        room = prompt.room(config, getattr(self.config, "max_position_embeddings", None))
        texts = Texts.starting_with(prompt.tokens, room, _texts_per_prompt(config), prompt.hidden)
        task = Task(
            texts,
            self._reader(prompt, arguments, past_key_values, room, config, records),
            processors_for(config, _facts(prompt, encoded, room), logits_processor, prefix_allowed_tokens_fn),
            Ends.of(config, criteria, texts.buffer),
            records,
        )
        if config.num_beams > 1:
            written = search(task, candidate_choice(config, generator), config)
        else:
            written = write(task, token_choice(config, generator), streamer)
        if not config.return_dict_in_generate:
            return written.sequences
        return gathered(written, records, task.reader.state, encoded)

    def compute_transition_scores(
        self,
        sequences: Tensor,
        scores: tuple[Tensor, ...],
        beam_indices: Tensor | None = None,
        normalize_logits: bool = False,
    ) -> Tensor:
        """The scores of the tokens that were chosen.

        Args:
            sequences: The texts, ``[returned, length]``.
            scores: What their new tokens were chosen by: for each step ``[texts, vocabulary]``.
            beam_indices: With beams, in which row each new token was chosen, ``[returned, new tokens]``.
            normalize_logits: Whether logarithms of probabilities are made of the scores; beams have them already.

        Returns:
            ``[returned, new tokens]``; 0 behind the end of a text if there were beams.
        """
        steps = torch.stack(scores)
        if normalize_logits:
            steps = steps.log_softmax(-1)
        rows = torch.arange(steps.shape[1], device=steps.device)[:, None] if beam_indices is None else beam_indices
        length = steps.shape[0] if beam_indices is None else beam_indices.shape[1]
        chosen = steps[torch.arange(length, device=steps.device), rows, sequences[:, -length:]]
        return torch.where(rows < 0, 0.0, chosen)

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

    def _inputs_of_prompt(self, prompt: Prompt, arguments: dict[str, Any]) -> dict[str, Any]:
        """What each step is told besides the tokens; a model that has to know more about the prompts adds it."""
        return arguments

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
            inputs: The further arguments of the forward pass that the caller gave, ``past_key_values`` among them.
        """
        return []

    def _reader(
        self,
        prompt: Prompt,
        arguments: dict[str, Any],
        past_key_values: PastKeyValues | None,
        room: int,
        config: GenerationConfig,
        records: Records,
    ) -> Reader:
        """What reads the prompts and what follows them."""
        copies = _texts_per_prompt(config)
        state = self._state_for(prompt, past_key_values, room, copies) if config.use_cache else None
        inputs = StepInputs.of(prompt, self._inputs_of_prompt(prompt, arguments), self._inputs_per_token, room)
        return Reader(self, inputs, state, copies, records)

    def _state_for(
        self, prompt: Prompt, past_key_values: PastKeyValues | None, capacity: int, copies: int
    ) -> DecodingState | None:
        """The state to start with: a new one, or what the caller remembers of the first tokens of the prompts."""
        if past_key_values is None:
            return self._new_state(prompt.tokens.shape[0], capacity)
        cache = as_cache(past_key_values)
        if cache.get_seq_length() >= prompt.tokens.shape[1]:
            raise UserError(
                f"past_key_values hold {cache.get_seq_length()} positions, the prompt has {prompt.tokens.shape[1]}.",
                advice="input_ids are all tokens, those in the cache included, and at least one that is not in it.",
            )
        return cache if copies == 1 else Cache(cache.to_legacy_cache())

    def _generation_options(
        self, options: dict[str, Any], call: Mapping[str, Any]
    ) -> tuple[GenerationConfig, dict[str, Any]]:
        """The options that count, and further arguments of the forward pass.

        Args:
            options: Those of the call, and further arguments of the forward pass.
            call: The other arguments of the call.
        """
        given = call["generation_config"]
        config = copy.deepcopy(given if isinstance(given, GenerationConfig) else self.generation_config)
        config.fill_in_special_tokens(self.generation_config)
        if options.get("max_length") is not None:
            config.max_new_tokens = None
        arguments = {name: value for name, value in config.update(**options).items() if value is not None}
        config.fill_in_defaults()
        inputs = inputs_of(inspect.signature(self.base_model.forward).parameters, self._inputs_of_generation)
        unknown = unknown_names(arguments, inputs)
        problems = [
            *wrong_kinds({**call, **options}),
            *config.unsupported(),
            *unknown,
            *(config.problems() or self._combinations(config, options, arguments, call)),
        ]
        if problems:
            known = f"It knows {', '.join(OPTIONS)}, and the model's {', '.join(sorted(inputs))}."
            raise UserError("generate() cannot do all that was asked for:", problems, known if unknown else "")
        return config, arguments

    def _combinations(
        self,
        config: GenerationConfig,
        options: Mapping[str, Any],
        arguments: Mapping[str, Any],
        call: Mapping[str, Any],
    ) -> list[str]:
        """What cannot be had together, or not of this model, one line each.

        Args:
            config: The options that count.
            options: Those of the call.
            arguments: Further arguments of the forward pass.
            call: Arguments of the call that are no options.
        """
        given = {name: value for name, value in call.items() if value is not None}
        problems = [*without_effect(config, options, given), *contradictions(config, given)]
        start = options.get("decoder_start_token_id")
        if start is not None and not self.config.is_encoder_decoder:
            problems.append(f"decoder_start_token_id={start} has no effect on a model without an encoder")
        past = {name: given[name] for name in ("past_key_values",) if name in given}
        return [*problems, *self._generation_problems(config, {**arguments, **past})]


def _texts_per_prompt(config: GenerationConfig) -> int:
    return max(config.num_beams, config.num_return_sequences)


def _facts(prompt: Prompt, encoded: Encoded | None, room: int) -> PromptFacts:
    """What processors are told: of tokens that come back, and of what the model was given to read."""
    tokens = None if prompt.hidden else prompt.tokens
    mask = None if prompt.hidden else prompt.mask
    return PromptFacts(
        length=prompt.tokens.shape[1] - prompt.hidden,
        encoder_input_ids=tokens if encoded is None else encoded.tokens,
        max_length=room - prompt.hidden,
        device=prompt.tokens.device,
        prompt_mask=mask,
        encoder_mask=mask if encoded is None else encoded.inputs["encoder_attention_mask"],
    )
