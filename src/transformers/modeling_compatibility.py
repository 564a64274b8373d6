"""Arguments of the ecosystem's loaders that ask for what there is only one way to do here, or for a place to put it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from .errors import UserError

#: Where a model goes: a device, its name or number, ``auto``, or one of these for the whole model, as ``{"": 0}``.
DeviceMap = torch.device | str | int | Mapping[str, Any]

#: Arguments that change nothing: pickled objects are never loaded, and nothing is initialised that a file holds.
_WITHOUT_EFFECT = ("weights_only", "_fast_init")


def drop_without_effect(arguments: dict[str, Any]) -> None:
    """Removes keyword arguments that change nothing here."""
    for name in _WITHOUT_EFFECT:
        arguments.pop(name, None)


def check_attention(attn_implementation: str | None) -> None:
    """Accepts the names of the two ways in which attention is computed; which one is taken depends on the call.

    Raises:
        UserError: If another way is asked for.
    """
    if attn_implementation not in (None, "eager", "sdpa"):
        raise UserError(
            f"attn_implementation={attn_implementation!r} is not available.",
            advice="There are 'sdpa' and 'eager', which give the same numbers: each call takes the faster one that "
            "returns what is asked for.",
        )


def device_of(device_map: DeviceMap | None) -> torch.device | None:
    """The one device that a device map stands for; ``auto`` is the first accelerator, or else the CPU.

    Without a map it is torch's default device, or None if that is the CPU: a model stays where it is.

    Raises:
        UserError: If it spreads a model over several devices, or names none.
    """
    if device_map is None:
        default = torch.get_default_device()
        return None if default.type == "cpu" else default
    place = device_map
    if isinstance(place, Mapping):
        places = set(place.values())
        place = places.pop() if len(places) == 1 else ""
    if place == "auto":
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    try:
        return torch.device(place)
    except (RuntimeError, TypeError) as error:
        raise UserError(
            f"device_map={device_map!r} is no single device.",
            advice="A model is not spread over devices here: name one, such as 'cuda:0', or 'auto'.",
        ) from error
