"""What ``generate()`` is called with: of which kind its arguments are, and which names it knows."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..nn.cache import Cache
from .configuration import OPTIONS, GenerationConfig
from .validation import shown

#: Arguments of forward passes that have no place in ``generate()``, and why.
_MISPLACED: Mapping[str, str] = {
    "position_ids": "positions are counted from attention_mask",
    "labels": "they are for training",
    "return_dict": "return_dict_in_generate says what comes back",
    "logits_to_keep": "a step needs the scores of the last position",
    "decoder_inputs_embeds": "a decoder begins with tokens, decoder_input_ids",
}

#: Arguments of forward passes that are arguments or options of ``generate()`` itself.
_OWN = frozenset({
    "input_ids", "attention_mask", "past_key_values", "use_cache", "output_attentions", "output_hidden_states",
})  # fmt: skip


class _Kind(NamedTuple):
    """What some arguments must be.

    Attributes:
        names: The arguments.
        wanted: What they must be, in words …
        holds: … and as a test.
    """

    names: Sequence[str]
    wanted: str
    holds: Callable[[Any], bool]


def _are_functions(value: Any) -> bool:
    return isinstance(value, Sequence) and all(map(callable, value))


_KINDS = (
    _Kind(
        ("inputs", "input_ids", "attention_mask", "inputs_embeds", "decoder_input_ids", "decoder_attention_mask"),
        "a tensor, as in generate(**tokenizer(texts, return_tensors='pt'))",
        lambda value: isinstance(value, Tensor),
    ),
    _Kind(("generation_config",), "a GenerationConfig", lambda value: isinstance(value, GenerationConfig)),
    _Kind(("logits_processor",), "a list of LogitsProcessor objects, or of functions like them", _are_functions),
    _Kind(("stopping_criteria",), "a list of StoppingCriteria objects, or of functions like them", _are_functions),
    _Kind(("prefix_allowed_tokens_fn",), "a function", callable),
    _Kind(("past_key_values",), "a Cache or a tuple", lambda value: isinstance(value, Cache | tuple | list)),
    _Kind(("generator",), "a torch.Generator", lambda value: isinstance(value, torch.Generator)),
    _Kind(("streamer",), "a streamer", lambda value: hasattr(value, "put") and hasattr(value, "end")),
    _Kind(("tokenizer",), "a tokenizer", lambda value: hasattr(value, "batch_decode")),
)


def wrong_kinds(arguments: Mapping[str, Any]) -> list[str]:
    """The arguments of a call that are not what they must be, one line each; None is what all can be."""
    return [
        f"{name} must be {kind.wanted}, not {shown(arguments[name])}"
        for kind in _KINDS
        for name in kind.names
        if arguments.get(name) is not None and not kind.holds(arguments[name])
    ]


def inputs_of(forward: Collection[str], taken: Collection[str]) -> set[str]:
    """The arguments of a forward pass that ``generate()`` hands on.

    Args:
        forward: All its arguments.
        taken: Those that the family's own steps give it.
    """
    return set(forward) - _OWN - _MISPLACED.keys() - set(taken)


def unknown_names(names: Collection[str], inputs: Collection[str]) -> list[str]:
    """The arguments of a call that are neither options nor arguments of the forward pass, one line each.

    Args:
        names: The arguments that are no options.
        inputs: Those that the model takes.
    """
    return [_unknown(name, (*OPTIONS, *inputs)) for name in sorted(set(names) - set(inputs))]


def _unknown(name: str, known: Sequence[str]) -> str:
    if name in _MISPLACED:
        return f"{name} is not taken: {_MISPLACED[name]}"
    meant = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    return f"{name} is unknown; {meant[0]} is not" if meant else f"{name} is unknown"
