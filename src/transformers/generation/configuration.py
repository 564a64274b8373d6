"""The options of text generation and their JSON file, ``generation_config.json``."""

from __future__ import annotations

import ast
import copy
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self

from .._files import read_json_object, write_text
from ..configuration_utils import PretrainedConfig
from ..errors import UserError
from ..hub import HubOptions, PushToHubMixin, require_file
from .unsupported import UNSUPPORTED_OPTIONS, is_idle, is_neutral, unsupported_problem
from .validation import value_problems

GENERATION_CONFIG_NAME = "generation_config.json"

#: What ``generate()`` can do, with the defaults.
OPTIONS: Mapping[str, Any] = MappingProxyType({
    # length and end
    "max_length": 20, "max_new_tokens": None, "min_length": 0, "min_new_tokens": None, "max_time": None,
    "stop_strings": None, "exponential_decay_length_penalty": None,
    # strategies
    "do_sample": False, "num_beams": 1, "num_return_sequences": 1, "length_penalty": 1.0, "early_stopping": False,
    "use_cache": True,
    # which tokens are drawn
    "temperature": 1.0, "top_k": 50, "top_p": 1.0, "min_p": None, "typical_p": 1.0, "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0,
    # scores
    "repetition_penalty": 1.0, "encoder_repetition_penalty": 1.0, "no_repeat_ngram_size": 0,
    "encoder_no_repeat_ngram_size": 0, "bad_words_ids": None, "sequence_bias": None, "forced_bos_token_id": None,
    "forced_eos_token_id": None, "suppress_tokens": None, "begin_suppress_tokens": None, "renormalize_logits": False,
    "remove_invalid_values": False,
    # what comes back
    "return_dict_in_generate": False, "output_scores": False, "output_logits": False, "output_attentions": False,
    "output_hidden_states": False,
    # special tokens
    "bos_token_id": None, "eos_token_id": None, "pad_token_id": None, "decoder_start_token_id": None,
})  # fmt: skip

#: Options that a configuration that is given takes from the model's if it does not say them.
_SPECIAL_TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")

#: Options that None turns off, where their defaults do something.
_NONE_IS_OFF = frozenset({"top_k", "top_p"})

#: Options that say something else in the configuration of a model: what its own forward pass returns.
_NOT_OF_MODELS = frozenset({"output_attentions", "output_hidden_states"})


class GenerationConfig(PushToHubMixin):
    """How texts are written by ``generate()``.

    Options that are not supported are kept, and saved again, but ``generate()`` refuses them by name unless they have
    the value at which they change nothing. Options that are None have their defaults, but for ``top_k`` and ``top_p``,
    which None turns off.

    Args:
        **options: The attributes below, and any others, which are kept.

    Attributes:
        max_length: Greatest number of tokens, the prompt included.
        max_new_tokens: Greatest number of tokens after the prompt; it takes the place of ``max_length``.
        min_length: Number of tokens, the prompt included, before which no text ends at an end token.
        min_new_tokens: The same for the tokens after the prompt; it takes the place of ``min_length``.
        max_time: Seconds after which no further token is added.
        stop_strings: The string, or strings, at which a text ends; ``generate()`` then needs ``tokenizer``.
        exponential_decay_length_penalty: ``(start, factor)``: from ``start`` new tokens on, the score of each end token
            ``s`` becomes ``s + |s| (factor ** (new tokens - start) - 1)``.
        do_sample: Whether tokens are drawn; otherwise the likeliest is taken.
        num_beams: How many texts are pursued at a time for each prompt; with more than one it is beam search, or beam
            sampling with ``do_sample``.
        num_return_sequences: How many texts come back for each prompt.
        length_penalty: With beams, the sum of log probabilities is divided by the length to this power: above 0 favours
            longer texts, below 0 shorter ones.
        early_stopping: With beams, whether a prompt is done as soon as there are ``num_beams`` ended texts. If False,
            when a better one is unlikely; if "never", when there cannot be one.
        use_cache: Whether keys and values are kept, so that each step computes one position only.
        temperature: Divides the scores before a token is drawn.
        top_k: Only the k likeliest tokens are drawn (0: all).
        top_p: Only the likeliest tokens are drawn whose probabilities reach this sum (1: all).
        min_p: Only tokens are drawn that are at least this many times as likely as the likeliest.
        typical_p: Only the tokens are drawn whose information is closest to the expected one and whose probabilities
            reach this sum (1: all).
        epsilon_cutoff: Only tokens of at least this probability are drawn (0: all).
        eta_cutoff: The same with a bound that falls where the choice is open (0: all).
        repetition_penalty: Divides the positive scores of tokens that the text has, and multiplies the negative ones.
        encoder_repetition_penalty: The reverse, for the tokens that the encoder read, or those of the prompt.
        no_repeat_ngram_size: No text has the same sequence of that many tokens twice (0: any may).
        encoder_no_repeat_ngram_size: No text has such a sequence that the encoder read, or that the prompt has.
        bad_words_ids: Sequences of tokens that no text gets.
        sequence_bias: Sequences of tokens and what is added to the score of the last token of each where it would
            complete it: ``{(5, 7): -2.0}`` or ``[[[5, 7], -2.0]]``.
        forced_bos_token_id: The token after a start of one token.
        forced_eos_token_id: The token, or one of the tokens, in the last place that ``max_length`` leaves.
        suppress_tokens: Tokens that no text gets.
        begin_suppress_tokens: Tokens with which what follows the prompt does not begin.
        renormalize_logits: Whether the final scores are made log probabilities.
        remove_invalid_values: Whether scores that are not numbers become 0, and infinite ones finite.
        return_dict_in_generate: Whether the texts come back with the values below.
        output_scores: Whether the final scores of each step come back.
        output_logits: Whether the model's own scores of each step come back.
        output_attentions: Whether the attention weights of each step come back.
        output_hidden_states: Whether the hidden states of each step come back.
        bos_token_id: The token from which a text starts where there is no prompt.
        eos_token_id: The token, or tokens, that end a text.
        pad_token_id: What follows after the end of a text that is shorter than another; the first ``eos_token_id``
            if None.
        decoder_start_token_id: The token from which the decoder of a model with an encoder starts; ``bos_token_id`` if
            None.
    """

    max_length: int
    max_new_tokens: int | None
    min_length: int
    min_new_tokens: int | None
    max_time: float | None
    stop_strings: str | list[str] | None
    exponential_decay_length_penalty: tuple[int, float] | None
    do_sample: bool
    num_beams: int
    num_return_sequences: int
    length_penalty: float
    early_stopping: bool | Literal["never"]
    use_cache: bool
    temperature: float
    top_k: int | None
    top_p: float | None
    min_p: float | None
    typical_p: float
    epsilon_cutoff: float
    eta_cutoff: float
    repetition_penalty: float
    encoder_repetition_penalty: float
    no_repeat_ngram_size: int
    encoder_no_repeat_ngram_size: int
    bad_words_ids: list[list[int]] | None
    sequence_bias: dict[tuple[int, ...], float] | list[tuple[list[int], float]] | None
    forced_bos_token_id: int | None
    forced_eos_token_id: int | list[int] | None
    suppress_tokens: list[int] | None
    begin_suppress_tokens: list[int] | None
    renormalize_logits: bool
    remove_invalid_values: bool
    return_dict_in_generate: bool
    output_scores: bool
    output_logits: bool
    output_attentions: bool
    output_hidden_states: bool
    bos_token_id: int | None
    eos_token_id: int | list[int] | None
    pad_token_id: int | None
    decoder_start_token_id: int | None

    def __init__(self, **options: Any) -> None:
        for name, value in {**OPTIONS, **options}.items():
            self._set(name, value)
        self.validate()

    def _set(self, name: str, value: Any) -> None:
        if value is None and name in OPTIONS and name not in _NONE_IS_OFF:
            value = OPTIONS[name]
        if name == "sequence_bias" and value is not None:
            value = _biases(value)
        setattr(self, name, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GenerationConfig) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]  # it can be changed

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.to_json_string()}"

    @property
    def end_tokens(self) -> list[int]:
        """The tokens that end a text."""
        if self.eos_token_id is None:
            return []
        return [self.eos_token_id] if isinstance(self.eos_token_id, int) else list(self.eos_token_id)

    def update(self, **options: Any) -> dict[str, Any]:
        """Sets the options among the arguments.

        Returns:
            The arguments that are no options of generation.
        """
        known = (*OPTIONS, *UNSUPPORTED_OPTIONS)
        unused = {name: value for name, value in options.items() if name not in known}
        for name in options.keys() - unused.keys():
            self._set(name, options[name])
        return unused

    def problems(self) -> list[str]:
        """The options whose values have no meaning, one line each."""
        return value_problems(vars(self))

    def validate(self) -> None:
        """Refuses values without a meaning.

        Raises:
            UserError: All of them.
        """
        if problems := self.problems():
            raise UserError("These options of generation have values that mean nothing:", problems)

    def fill_in_defaults(self) -> None:
        """Gives the options that are None, and that mean nothing then, their defaults."""
        for name in OPTIONS:
            self._set(name, getattr(self, name))

    def fill_in_special_tokens(self, other: GenerationConfig) -> None:
        """Takes the special tokens that are None from another configuration."""
        for name in _SPECIAL_TOKENS:
            if getattr(self, name) is None:
                setattr(self, name, getattr(other, name))

    def unsupported(self) -> list[str]:
        """The options that are set and that ``generate()`` would have to ignore, one line each."""
        return [
            unsupported_problem(name, value)
            for name, value in vars(self).items()
            if not (name in OPTIONS or name.startswith("_") or name == "transformers_version")
            if not (is_idle(name) or is_neutral(name, value))
        ]

    def to_dict(self) -> dict[str, Any]:
        """All options, as JSON can hold them."""
        options = copy.deepcopy(vars(self))
        if isinstance(biases := options["sequence_bias"], Mapping):
            pairs = [[list(key) if isinstance(key, tuple) else key, bias] for key, bias in biases.items()]
            options["sequence_bias"] = pairs
        return options

    def to_diff_dict(self) -> dict[str, Any]:
        """The options that differ from the defaults."""
        return {name: value for name, value in self.to_dict().items() if not _is_default(name, value)}

    def to_json_string(self, use_diff: bool = True) -> str:
        """The options as JSON, by default only those that differ from the defaults."""
        options = self.to_diff_dict() if use_diff else self.to_dict()
        return json.dumps(options, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_dict(cls, options: Mapping[str, Any], **overrides: Any) -> Self:
        """A configuration with the given options."""
        return cls(**{**options, **overrides})

    @classmethod
    def from_json_file(cls, path: str | os.PathLike[str], **overrides: Any) -> Self:
        """A configuration with the options in a file.

        Raises:
            UserError: It is no JSON object, or a value in it has no meaning.
        """
        options = read_json_object(Path(path))
        try:
            return cls.from_dict(options, **overrides)
        except UserError as error:
            raise UserError(f"{os.fspath(path)} has values that mean nothing:", error.problems) from None

    @classmethod
    def from_model_config(cls, config: PretrainedConfig) -> Self:
        """The special tokens of a model's configuration, and the options that older ones hold."""
        fields = config.to_dict()
        names = [name for name in (*OPTIONS, *UNSUPPORTED_OPTIONS) if name not in _NOT_OF_MODELS]
        return cls(**{name: fields[name] for name in names if fields.get(name) is not None})

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name: str | os.PathLike[str],
        config_file_name: str | None = None,
        **arguments: Any,
    ) -> Self:
        """Loads a file of options.

        Args:
            pretrained_model_name: A local folder, or the id of a repository on the hub.
            config_file_name: The name of the file; ``generation_config.json`` if None.
            **arguments: How to fetch from the hub (see :class:`~transformers.hub.HubOptions`), and options.

        Raises:
            MissingFileError: If there is no such file.
            UserError: A value in it has no meaning.
        """
        hub = HubOptions.taken_from(arguments)
        path = require_file(pretrained_model_name, (config_file_name or GENERATION_CONFIG_NAME,), hub)
        return cls.from_json_file(path, **arguments)

    def save_pretrained(self, save_directory: str | os.PathLike[str], config_file_name: str | None = None) -> None:
        """Writes a file of options.

        Args:
            save_directory: The folder, which is made if there is none.
            config_file_name: The name of the file; ``generation_config.json`` if None.

        Raises:
            UserError: A value has no meaning.
        """
        self.validate()
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / (config_file_name or GENERATION_CONFIG_NAME), self.to_json_string())


def _is_default(name: str, value: Any) -> bool:
    """Whether an option has the value that it has if nobody sets it; what nobody knows here has none."""
    if name in OPTIONS:
        return bool(value == OPTIONS[name])
    return name in UNSUPPORTED_OPTIONS and is_neutral(name, value)


def _biases(given: Any) -> Any:
    """What ``sequence_bias`` says, by tuples of tokens; what says nothing as it is.

    JSON has no tuples: files hold pairs of lists and numbers, or have the tuples written out as texts.
    """
    pairs = list(given.items()) if isinstance(given, Mapping) else given
    try:
        return {tuple(ast.literal_eval(key) if isinstance(key, str) else key): bias for key, bias in pairs}
    except (TypeError, ValueError, SyntaxError):
        return given
