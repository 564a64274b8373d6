"""Which values the options of generation can have."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple


class _Rule(NamedTuple):
    """What some options must be.

    Attributes:
        names: The options.
        wanted: What they must be, in words …
        holds: … and as a test.
    """

    names: Sequence[str]
    wanted: str
    holds: Callable[[Any], bool]


def value_problems(options: Mapping[str, Any]) -> list[str]:
    """The options that have a value without a meaning, one line each.

    Args:
        options: Options by name; others may be among them. None is a value that every option can have.
    """
    return [
        f"{name} must be {rule.wanted}, not {shown(options[name])}"
        for name, rule in _rules_by_name()
        if options.get(name) is not None and not rule.holds(options[name])
    ]


def shown(value: Any) -> str:
    """A value as a message shows it: in one line, however large it is."""
    return " ".join(reprlib.repr(value).split())


def _rules_by_name() -> Iterator[tuple[str, _Rule]]:
    return ((name, rule) for rule in _RULES for name in rule.names)


def _is_whole(value: Any, least: int = 0) -> bool:
    return not isinstance(value, bool) and isinstance(value, Integral) and int(value) >= least


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real) and not math.isnan(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_list(value: Any, of: Callable[[Any], bool]) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 0 and all(map(of, value))


def _is_sequence(value: Any) -> bool:
    """Whether it is a sequence of tokens."""
    return _is_list(value, _is_whole)


def _is_bias(pair: Any) -> bool:
    """Whether it is a sequence of tokens and a number."""
    return _is_list(pair, lambda _: True) and len(pair) == 2 and _is_sequence(pair[0]) and _is_number(pair[1])


def _is_decay(value: Any) -> bool:
    return _is_list(value, _is_number) and len(value) == 2 and _is_whole(value[0]) and value[1] > 0


_RULES = (
    _Rule(("max_length", "max_new_tokens", "num_beams", "num_return_sequences"),
          "a whole number of at least 1", lambda value: _is_whole(value, 1)),
    _Rule(("min_length", "min_new_tokens", "top_k", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size"),
          "a whole number of at least 0", _is_whole),
    _Rule(("temperature", "repetition_penalty", "encoder_repetition_penalty", "max_time"),
          "a number above 0", lambda value: _is_number(value) and 0 < value < math.inf),
    _Rule(("length_penalty",),
          "a number", lambda value: _is_number(value) and math.isfinite(value)),
    _Rule(("top_p", "typical_p"),
          "a number above 0 and at most 1", lambda value: _is_number(value) and 0 < value <= 1),
    _Rule(("min_p",),
          "a number from 0 to 1", lambda value: _is_number(value) and 0 <= value <= 1),
    _Rule(("epsilon_cutoff", "eta_cutoff"),
          "a number of at least 0 and below 1", lambda value: _is_number(value) and 0 <= value < 1),
    _Rule(("do_sample", "use_cache", "renormalize_logits", "remove_invalid_values", "return_dict_in_generate",
           "output_scores", "output_logits", "output_attentions", "output_hidden_states"),
          "True or False", lambda value: isinstance(value, bool)),
    _Rule(("early_stopping",),
          "True, False or 'never'", lambda value: isinstance(value, bool) or value == "never"),
    _Rule(("stop_strings",),
          "a text or a list of texts, none of them empty",
          lambda value: _is_text(value) or _is_list(value, _is_text)),
    _Rule(("exponential_decay_length_penalty",),
          "a number of tokens and a factor above 0", _is_decay),
    _Rule(("bos_token_id", "pad_token_id", "decoder_start_token_id", "forced_bos_token_id"),
          "a token", lambda value: _is_whole(value, -1)),
    _Rule(("eos_token_id", "forced_eos_token_id"),
          "a token or a list of tokens",
          lambda value: _is_whole(value, -1) or value == [] or _is_list(value, lambda token: _is_whole(token, -1))),
    _Rule(("suppress_tokens", "begin_suppress_tokens"),
          "a list of tokens", lambda value: value == [] or _is_sequence(value)),
    _Rule(("bad_words_ids",),
          "a list of lists of tokens, none of them empty", lambda value: _is_list(value, _is_sequence)),
    _Rule(("sequence_bias",),
          "sequences of tokens with a number each, {(5, 7): -2.0} or [[[5, 7], -2.0]]",
          lambda value: _is_list(list(value.items()) if isinstance(value, Mapping) else value, _is_bias)),
)  # fmt: skip
