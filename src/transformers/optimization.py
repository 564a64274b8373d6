"""Optimizers and schedules of the learning rate, today's and those of the older packages.

- :class:`AdamW`, and the schedules that go with it: :mod:`transformers.optimization_schedules`;
- :class:`BertAdam` and :class:`OpenAIAdam`: :mod:`transformers.optimization_adam`;
- the schedule objects of these two: :mod:`transformers.optimization_fractions`.
"""

from __future__ import annotations

from typing import Any

import torch

from .optimization_adam import BertAdam, OpenAIAdam, Parameters
from .optimization_fractions import (
    SCHEDULES,
    ConstantLR,
    WarmupConstantSchedule,
    WarmupCosineSchedule,
    WarmupCosineWithHardRestartsSchedule,
    WarmupCosineWithWarmupRestartsSchedule,
    WarmupLinearSchedule,
    _LRSchedule,
)
from .optimization_schedules import (
    SchedulerType,
    get_constant_schedule,
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_cosine_with_hard_restarts_schedule_with_warmup,
    get_inverse_sqrt_schedule,
    get_linear_schedule_with_warmup,
    get_polynomial_decay_schedule_with_warmup,
    get_scheduler,
)

__all__ = [
    "SCHEDULES",
    "AdamW",
    "BertAdam",
    "ConstantLR",
    "OpenAIAdam",
    "SchedulerType",
    "WarmupConstantSchedule",
    "WarmupCosineSchedule",
    "WarmupCosineWithHardRestartsSchedule",
    "WarmupCosineWithWarmupRestartsSchedule",
    "WarmupLinearSchedule",
    "_LRSchedule",
    "get_constant_schedule",
    "get_constant_schedule_with_warmup",
    "get_cosine_schedule_with_warmup",
    "get_cosine_with_hard_restarts_schedule_with_warmup",
    "get_inverse_sqrt_schedule",
    "get_linear_schedule_with_warmup",
    "get_polynomial_decay_schedule_with_warmup",
    "get_scheduler",
]


class AdamW(torch.optim.AdamW):
    """:class:`torch.optim.AdamW` with the defaults that scripts of this field rely on: ε = 1e-6, and no decay.

    θ ← θ - η λ θ, then θ ← θ - η m̂ / (sqrt(v̂) + ε) with m̂ = m / (1 - β1^t) and v̂ = v / (1 - β2^t), the moving
    averages of the gradient and its square without their bias (Loshchilov and Hutter 2019, algorithm 2).

    Args:
        params: The parameters, or groups of them.
        lr: The learning rate η.
        betas: The coefficients β1 and β2 of the moving averages.
        eps: ε, which keeps the division from overflowing.
        weight_decay: λ.
        **options: Further arguments of :class:`torch.optim.AdamW`, such as ``fused``.
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, **options)
