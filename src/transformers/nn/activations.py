"""Activation functions by the names that configurations use.

``gelu`` is the exact form x·Φ(x) (Hendrycks & Gimpel, 2016); ``gelu_new`` and its synonyms are the tanh approximation
that the original TensorFlow code of BERT, ALBERT, GPT-2 and XLNet calls "gelu". The two differ by up to 1e-3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F  # noqa: N812 (the name by which everyone knows it)
from torch import Tensor

from ..errors import UserError


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
