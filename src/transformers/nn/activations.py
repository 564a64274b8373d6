"""Activation functions by the names that configurations use.

``gelu`` is the exact form x·Φ(x) (Hendrycks & Gimpel, 2016); ``gelu_new`` and its synonyms are the tanh approximation
that the original TensorFlow code of BERT, ALBERT, GPT-2 and XLNet calls "gelu". The two differ by up to 1e-3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
import torch.nn.functional as F  # noqa: N812 (the name by which everyone knows it)
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook

from ..errors import UserError
from .linear import Conv1D, Linear


def gelu(x: Tensor) -> Tensor:
    """The exact Gaussian error linear unit, x·Φ(x)."""
    return F.gelu(x)


def gelu_tanh(x: Tensor) -> Tensor:
    """0.5·x·(1 + tanh(sqrt(2/π)·(x + 0.044715·x³)))."""
    return F.gelu(x, approximate="tanh")


def quick_gelu(x: Tensor) -> Tensor:
    """The sigmoid approximation x·σ(1.702·x)."""
    return x * torch.sigmoid(1.702 * x)


def linear(x: Tensor) -> Tensor:
    """No activation."""
    return x


ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "gelu": gelu,
    "gelu_python": gelu,
    "gelu_new": gelu_tanh,
    "gelu_fast": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "quick_gelu": quick_gelu,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "silu": F.silu,
    "swish": F.silu,
    "mish": F.mish,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "linear": linear,
}


def activation(name: str | None) -> Callable[[Tensor], Tensor]:
    """The activation function of that name; None and "" mean no activation.

    Raises:
        UserError: The name is unknown; the message lists the known ones.
    """
    if not name:
        return linear
    if name not in ACTIVATIONS:
        raise UserError(f"unknown activation {name!r}", advice=f"Known activations: {', '.join(sorted(ACTIVATIONS))}.")
    return ACTIVATIONS[name]


#: The activations that can be written over their argument.
_IN_PLACE: Mapping[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]] = {
    gelu: torch.ops.aten.gelu_,
    gelu_tanh: partial(torch.ops.aten.gelu_, approximate="tanh"),
    F.relu: torch.relu_,
    F.silu: partial(F.silu, inplace=True),
    torch.tanh: torch.tanh_,
}

#: For tensors of as many numbers the memory comes from the operating system page by page, anew each time.
_LARGE = 2**18


def activated(layer: nn.Module, function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``function(layer(x))``, for the wide half of a feed-forward network.

    In inference a large result is written over what the layer returned: asking for the memory of another one would take
    longer than the function itself. Where anybody may have kept what the layer returned, such as a hook, it stays.

    Args:
        layer: A linear layer, or what somebody has put in its place.
        function: An activation.
        x: What the layer is given.
    """
    wide: Tensor = layer(x)
    if function in _IN_PLACE and _may_be_overwritten(wide, layer):
        return _IN_PLACE[function](wide)
    return function(wide)


def _may_be_overwritten(result: Tensor, layer: nn.Module) -> bool:
    """Whether nobody but the caller has what a layer returned, and it is worth the question."""
    return (
        not (torch.is_grad_enabled() or torch.compiler.is_compiling())
        and torch._C._get_tracing_state() is None
        and result.numel() >= _LARGE
        and type(layer) in (nn.Linear, Linear, Conv1D)
        and "forward" not in vars(layer)
        and not layer._forward_hooks
        and not _has_any_global_hook()  # type: ignore[no-untyped-call]
    )
