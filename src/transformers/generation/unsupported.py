"""Options of the ecosystem's ``generate()`` that this one has not, and why.

They are kept in files, because other tools may read them, and refused where they would have to be ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .validation import shown

_NO_GUESSES = "tokens are not guessed in advance"


class _Unsupported(NamedTuple):
    """Options that ask for something that is not there.

    Attributes:
        names: The options.
        reason: Why they cannot be honoured, or what can be done instead.
        neutral: Values at which they change nothing; None is one in any case.
    """

    names: Sequence[str]
    reason: str
    neutral: Sequence[Any] = ()


_UNSUPPORTED = (
    _Unsupported(("num_beam_groups",), "beams are not searched in groups", [1]),
    _Unsupported(("diversity_penalty",), "beams are not searched in groups", [0.0]),
    _Unsupported(("penalty_alpha",), "there is no contrastive search", [0.0]),
    _Unsupported(("low_memory",), "there is no contrastive search", [False]),
    _Unsupported(("dola_layers",), "layers are not contrasted"),
    _Unsupported(("top_h",), "see top_p, min_p and typical_p"),
    _Unsupported(("constraints", "force_words_ids"), "prefix_allowed_tokens_fn can say which tokens may follow", [[]]),
    _Unsupported(
        ("forced_decoder_ids",), "decoder_input_ids or prefix_allowed_tokens_fn can say with what texts begin", [[]]
    ),
    _Unsupported(
        ("assistant_model", "assistant_tokenizer", "assistant_early_exit", "prompt_lookup_num_tokens",
         "speculation_type"),
        _NO_GUESSES,
    ),
    _Unsupported(("is_assistant", "use_mtp"), _NO_GUESSES, [False]),
    _Unsupported(("guidance_scale",), "texts are not guided by a second prompt", [1.0]),
    _Unsupported(
        ("negative_prompt_ids", "negative_prompt_attention_mask"), "texts are not guided by a second prompt"
    ),
    _Unsupported(("watermarking_config",), "texts get no watermark"),
    _Unsupported(("token_healing",), "prompts are read as they are", [False]),
    _Unsupported(("cache_implementation",), "the model makes its cache, which grows", ["dynamic", "dynamic_full"]),
    _Unsupported(("cache_config", "max_cache_len"), "the model makes its cache, which grows"),
    _Unsupported(("return_legacy_cache",), "past_key_values.to_legacy_cache() gives tuples", [False]),
    _Unsupported(("prefill_chunk_size",), "prompts are read at once"),
    _Unsupported(("compile_config",), "compile the model: torch.compile(model.forward)"),
    _Unsupported(("disable_compile",), "nothing is compiled unless you do it", [True, False]),
    _Unsupported(("continuous_batching_config",), "all texts of a batch begin together"),
    _Unsupported(("synced_gpus",), "the processes of a group do not wait for one another", [False]),
    _Unsupported(("custom_generate",), "no code is loaded: call a function of your own"),
    _Unsupported(("trust_remote_code",), "no code is loaded", [False]),
    _Unsupported(("use_model_defaults",), "a configuration of a call takes the model's special tokens only", [False]),
)  # fmt: skip

#: Options of guessing tokens in advance: they do nothing by themselves.
_IDLE = (
    "num_assistant_tokens", "num_assistant_tokens_schedule", "assistant_confidence_threshold", "assistant_lookbehind",
    "target_lookbehind", "assistant_ensemble_weight", "max_matching_ngram_size",
)  # fmt: skip

_BY_NAME: Mapping[str, _Unsupported] = {name: group for group in _UNSUPPORTED for name in group.names}

#: All these options.
UNSUPPORTED_OPTIONS = (*_BY_NAME, *_IDLE)


def is_neutral(name: str, value: Any) -> bool:
    """Whether one of these options has a value at which it changes nothing."""
    return value is None or (name in _BY_NAME and value in _BY_NAME[name].neutral)


def is_idle(name: str) -> bool:
    """Whether an option changes nothing by itself."""
    return name in _IDLE


def unsupported_problem(name: str, value: Any) -> str:
    """What to say of an option that is not supported and would change something."""
    reason = f": {_BY_NAME[name].reason}" if name in _BY_NAME else ""
    return f"{name}={shown(value)} is not supported{reason}"


def idle_problems(options: Mapping[str, Any]) -> list[str]:
    """The options of a call that have no effect at whatever value, one line each."""
    given = {name: value for name, value in options.items() if name in _IDLE and value is not None}
    return [f"{name}={shown(value)} has no effect: {_NO_GUESSES}" for name, value in given.items()]
