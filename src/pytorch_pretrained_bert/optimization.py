"""BERT's optimizer, and schedules of the learning rate that speak of fractions of the training."""

from __future__ import annotations

from torch.serialization import add_safe_globals

from transformers.optimization_adam import BertAdam
from transformers.optimization_fractions import (
    SCHEDULES,
    ConstantLR,
    WarmupConstantSchedule,
    WarmupCosineSchedule,
    WarmupCosineWithHardRestartsSchedule,
    WarmupCosineWithWarmupRestartsSchedule,
    WarmupLinearSchedule,
    _LRSchedule,
)

__all__ = [
    "SCHEDULES", "BertAdam", "ConstantLR", "WarmupConstantSchedule", "WarmupCosineSchedule",
    "WarmupCosineWithHardRestartsSchedule", "WarmupCosineWithWarmupRestartsSchedule", "WarmupLinearSchedule",
    "_LRSchedule", "warmup_constant", "warmup_cosine", "warmup_linear",
]  # fmt: skip

_CLASSES = (
    ConstantLR,
    WarmupConstantSchedule,
    WarmupCosineSchedule,
    WarmupCosineWithHardRestartsSchedule,
    WarmupCosineWithWarmupRestartsSchedule,
    WarmupLinearSchedule,
)

# The state of an optimizer that was saved by the older package names its schedule as a class of this module.
add_safe_globals([(schedule, f"{__name__}.{schedule.__name__}") for schedule in _CLASSES])


def warmup_cosine(x: float, warmup: float = 0.002) -> float:
    """The factor at the progress ``x`` (0 to 1): a rise over the fraction ``warmup``, then a fall along a cosine."""
    return WarmupCosineSchedule(warmup, 1).get_lr_(x)


def warmup_constant(x: float, warmup: float = 0.002) -> float:
    """The factor at the progress ``x`` (0 to 1): a rise over the fraction ``warmup``, then 1."""
    return WarmupConstantSchedule(warmup, 1).get_lr_(x)


def warmup_linear(x: float, warmup: float = 0.002) -> float:
    """The factor at the progress ``x`` (0 to 1): a rise over the fraction ``warmup``, then a straight fall to 0."""
    return WarmupLinearSchedule(warmup, 1).get_lr_(x)
