"""What ``generate()`` refuses to be asked for: options that contradict each other, or that others leave without effect.

Only options of a call can be without effect. Those of a model's file, which may come from elsewhere, just wait until
they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .configuration import OPTIONS, GenerationConfig
from .unsupported import idle_problems


class _Condition(NamedTuple):
    """Options that need others.

    Attributes:
        names: What has no effect …
        reason: … for this reason …
        holds: … unless this holds.
    """

    names: Sequence[str]
    reason: str
    holds: Callable[[GenerationConfig], bool]


_CONDITIONS = (
    _Condition(
        ("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff", "generator"),
        "without do_sample=True",
        lambda config: config.do_sample,
    ),
    _Condition(("length_penalty", "early_stopping"), "with one beam", lambda config: config.num_beams > 1),
    _Condition(
        ("output_scores", "output_logits", "output_attentions", "output_hidden_states"),
        "without return_dict_in_generate=True",
        lambda config: config.return_dict_in_generate,
    ),
    _Condition(
        ("exponential_decay_length_penalty",), "without an eos_token_id", lambda config: bool(config.end_tokens)
    ),
    _Condition(("tokenizer",), "without stop_strings", lambda config: config.stop_strings is not None),
    _Condition(("past_key_values",), "with use_cache=False", lambda config: config.use_cache),
)


def without_effect(config: GenerationConfig, options: Mapping[str, Any], call: Mapping[str, Any]) -> list[str]:
    """What was given in a call and has no effect beside the rest, one line each.

    Args:
        config: All options that count, those of the call among them.
        options: Those of the call.
        call: Arguments of the call that are no options.
    """
    given = {name: f"{name}={value!r}" for name, value in options.items() if _changes_something(name, value)}
    given |= {name: name for name in call}
    problems = idle_problems(options)
    if options.get("max_length") is not None and options.get("max_new_tokens") is not None:
        problems.append("max_length and max_new_tokens are both given")
    least, most = (
        ("min_length", "max_length") if config.max_new_tokens is None else ("min_new_tokens", "max_new_tokens")
    )
    if least in given and getattr(config, least) > getattr(config, most):
        problems.append(f"{given[least]} is more than {most}={getattr(config, most)}")
    for names, reason, holds in _CONDITIONS:
        if not holds(config):
            problems += [f"{given[name]} has no effect {reason}" for name in names if name in given]
    return problems


def contradictions(config: GenerationConfig, call: Mapping[str, Any]) -> list[str]:
    """What cannot be honoured together, one line each; the arguments are those of :func:`without_effect`."""
    beams, returned = config.num_beams, config.num_return_sequences
    problems = []
    if {"inputs", "input_ids"} <= call.keys():
        problems.append("inputs and input_ids are both given: they are two names of the prompts")
    if beams > 1 and returned > beams:
        problems.append(f"num_return_sequences={returned} is more than num_beams={beams}")
    if returned > 1 and beams == 1 and not config.do_sample:
        problems.append(f"num_return_sequences={returned} needs do_sample=True or num_beams: the likeliest text is one")
    if "streamer" in call and (beams > 1 or returned > 1):
        problems.append("streamer needs one text for each prompt, whose tokens are final: no beams")
    return problems


def _changes_something(name: str, value: Any) -> bool:
    """Whether an argument of a call is an option with another value than the one at which it changes nothing."""
    return name in OPTIONS and value not in (None, 0, OPTIONS[name])
