"""The names of the activation functions, for configurations: they are checked without torch."""

from __future__ import annotations

ACTIVATION_NAMES = (
    "gelu",
    "gelu_python",
    "gelu_new",
    "gelu_fast",
    "gelu_pytorch_tanh",
    "quick_gelu",
    "relu",
    "leaky_relu",
    "silu",
    "swish",
    "mish",
    "sigmoid",
    "tanh",
    "linear",
)


def activation_problems(config: object, *fields: str) -> list[str]:
    """What is wrong with the activations that fields of a configuration name; None and "" are none at all."""
    names = {field: getattr(config, field) for field in fields}
    return [
        f"{field} is {name!r}, which is no activation ({', '.join(ACTIVATION_NAMES)})"
        for field, name in names.items()
        if name and name not in ACTIVATION_NAMES
    ]
