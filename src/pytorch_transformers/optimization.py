"""The optimizer and the schedules of the 1.x releases.

The schedules are learning-rate schedulers of torch, and count steps. Those of the same names in
``pytorch_pretrained_bert`` count fractions of the training and live inside of an optimizer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from transformers.errors import UserError
from transformers.optimization_adam import AdamVariant, Parameters, bias_corrections
from transformers.optimization_schedules import (
    constant,
    constant_with_warmup,
    cosine_with_warmup,
    hard_restarts_with_warmup,
    linear_with_warmup,
)


class AdamW(AdamVariant):
    """Adam with decoupled decay of the weights (Loshchilov and Hutter 2019), its bias corrected or not.

    With the moving averages m and v of the gradient and its square (Kingma and Ba 2015, algorithm 1), after t steps,

        θ ← θ - η c m / (sqrt(v) + ε),  then  θ ← θ - η λ θ

    where c = sqrt(1 - β2^t) / (1 - β1^t), or 1 without the correction, as BERT was trained. :class:`torch.optim.AdamW`
    divides v by 1 - β2^t before it adds ε, and decays first.

    Args:
        params: The parameters, or groups of them with settings of their own.
        lr: The learning rate η.
        betas: β1 and β2.
        eps: ε.
        weight_decay: λ.
        correct_bias: Whether the bias of m and v towards their first values, which are 0, is corrected.

    Raises:
        UserError: A setting is outside of its range; all those of the group are named.
    """

    moments: ClassVar = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        correct_bias: bool = True,
    ) -> None:
        super().__init__(
            params,
            {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "correct_bias": correct_bias},
        )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        problems = list(_problems({**self.defaults, **param_group}))
        if problems:
            raise UserError(f"The settings of parameter group {len(self.param_groups)} of AdamW are invalid:", problems)
        super().add_param_group(param_group)

    def _step_group(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        b1, b2 = group["betas"]
        batch = self._advance(parameters, b1, b2, group["eps"])
        corrections = bias_corrections(batch.steps, b1, b2) if group["correct_bias"] else [1.0] * len(parameters)
        sizes = [-group["lr"] * correction for correction in corrections]
        torch._foreach_addcdiv_(batch.parameters, batch.averages, batch.denominators, sizes)
        if group["weight_decay"] > 0:
            torch._foreach_mul_(batch.parameters, 1 - group["lr"] * group["weight_decay"])


def _problems(settings: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the numbers in the settings of a group."""
    for name in ("lr", "eps", "weight_decay"):
        if not settings[name] >= 0:
            yield f"{name} is {settings[name]}; it is at least 0"
    if not all(0 <= beta < 1 for beta in settings["betas"]):
        yield f"betas are {settings['betas']}; they are at least 0 and below 1"


class ConstantLRSchedule(LambdaLR):
    """The learning rate of the optimizer, always.

    Args:
        optimizer: Whose learning rates are set.
        last_epoch: The last step of a training that is resumed; -1 for a new one.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        super().__init__(optimizer, constant, last_epoch)


class WarmupConstantSchedule(LambdaLR):
    """A linear rise over the warm-up steps, then the learning rate of the optimizer.

    Args:
        optimizer: Whose learning rates are set.
        warmup_steps: Steps of the rise.
        last_epoch: The last step of a training that is resumed; -1 for a new one.
    """

    def __init__(self, optimizer: Optimizer, warmup_steps: int, last_epoch: int = -1) -> None:
        self.warmup_steps = warmup_steps
        super().__init__(optimizer, constant_with_warmup(warmup_steps), last_epoch)


class WarmupLinearSchedule(LambdaLR):
    """A linear rise over the warm-up steps, then a linear fall to 0 at the last step.

    Args:
        optimizer: Whose learning rates are set.
        warmup_steps: Steps of the rise.
        t_total: All steps, those of the rise included.
        last_epoch: The last step of a training that is resumed; -1 for a new one.
    """

    def __init__(self, optimizer: Optimizer, warmup_steps: int, t_total: int, last_epoch: int = -1) -> None:
        self.warmup_steps = warmup_steps
        self.t_total = t_total
        super().__init__(optimizer, linear_with_warmup(warmup_steps, t_total), last_epoch)


class WarmupCosineSchedule(LambdaLR):
    """A linear rise over the warm-up steps, then a cosine, which goes on after the last step.

    Args:
        optimizer: Whose learning rates are set.
        warmup_steps: Steps of the rise.
        t_total: All steps, those of the rise included.
        cycles: Waves of the cosine; half a wave is one fall to 0.
        last_epoch: The last step of a training that is resumed; -1 for a new one.
    """

    def __init__(
        self, optimizer: Optimizer, warmup_steps: int, t_total: int, cycles: float = 0.5, last_epoch: int = -1
    ) -> None:
        self.warmup_steps = warmup_steps
        self.t_total = t_total
        self.cycles = cycles
        super().__init__(optimizer, cosine_with_warmup(warmup_steps, t_total, cycles), last_epoch)


class WarmupCosineWithHardRestartsSchedule(LambdaLR):
    """A linear rise over the warm-up steps, then falls to 0 along a cosine, each of which begins at 1 again.

    Args:
        optimizer: Whose learning rates are set.
        warmup_steps: Steps of the rise.
        t_total: All steps, those of the rise included.
        cycles: How many falls.
        last_epoch: The last step of a training that is resumed; -1 for a new one.
    """

    def __init__(
        self, optimizer: Optimizer, warmup_steps: int, t_total: int, cycles: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.warmup_steps = warmup_steps
        self.t_total = t_total
        self.cycles = cycles
        super().__init__(optimizer, hard_restarts_with_warmup(warmup_steps, t_total, cycles), last_epoch)
