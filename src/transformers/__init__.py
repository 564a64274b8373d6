"""Original research checkpoints as PyTorch models, and the library that their users expect around them.

Importing this package imports neither torch nor numpy: every public name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import Any

from ._lazy import lazy_names

__version__ = "0.1.0"

#: The public names of modules of this package. Those of generation and of the families stand in their own packages.
_CORE = {
    "configuration_utils": ("PretrainedConfig",),
    "errors": ("UserError",),
    "modeling_outputs": ("ModelOutput",),
    "modeling_utils": ("PreTrainedModel",),
    "tokenization_utils": (
        "AddedToken",
        "BatchEncoding",
        "PreTrainedTokenizer",
        "PreTrainedTokenizerBase",
        "PreTrainedTokenizerFast",
    ),
    "optimization": ("AdamW",),
    "optimization_adam": ("BertAdam", "OpenAIAdam"),
    "optimization_schedules": (
        "SchedulerType",
        "get_constant_schedule",
        "get_constant_schedule_with_warmup",
        "get_cosine_schedule_with_warmup",
        "get_cosine_with_hard_restarts_schedule_with_warmup",
        "get_inverse_sqrt_schedule",
        "get_linear_schedule_with_warmup",
        "get_polynomial_decay_schedule_with_warmup",
        "get_scheduler",
    ),
}

_core_attribute, _core_names = lazy_names(__name__, _CORE)


def _packages() -> list[Any]:
    from .models.auto.tables import FAMILIES

    names = ("generation", "models.auto", *(f"models.{entry.folder}" for entry in FAMILIES.values()))
    return [importlib.import_module(f".{name}", __name__) for name in names]


def __getattr__(name: str) -> Any:
    if name == "__all__":  # what `from transformers import *` asks for
        return __dir__()
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _core_names():
        return _core_attribute(name)
    for package in _packages():
        if name in dir(package):
            return getattr(package, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*_core_names(), *(name for package in _packages() for name in dir(package)), "__version__"})
