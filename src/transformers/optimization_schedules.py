"""How the learning rate goes over the steps of a training: today's schedules.

Each function returns a :class:`torch.optim.lr_scheduler.LambdaLR`, which multiplies the learning rate of every group by
a factor f(s) that depends on the step s alone. With w warm-up steps out of T steps, all but the constant one begin with

    f(s) = s / w                                        for s < w

and go on, with p = (s - w) / (T - w), as

    constant              f = 1
    linear                f = max(0, 1 - p)
    cosine                f = (1 + cos(2π c p)) / 2     c = 0.5 waves: one fall from 1 to 0
    hard restarts         f = (1 + cos(π (c p mod 1))) / 2,  and 0 from T on: c falls from 1 to 0
    polynomial            f = (l + (L - l) (1 - p)^k) / L,   and l / L after T: from the learning rate L down to l
    inverse square root   f = 1 / sqrt((s - w + t) / t)      t = w unless given

Sources: the linear warm-up and decay are those of BERT (Devlin et al. 2019, appendix A.2, and ``optimization.py`` of
google-research/bert); cosine decay and warm restarts are SGDR's (Loshchilov and Hutter 2017, equation 5); polynomial
decay is ``tf.train.polynomial_decay``; the inverse square root is Vaswani et al. 2017, section 5.3, scaled so that the
warm-up ends at 1, as in Zhai et al. 2022.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from .errors import UserError

#: What the learning rate is multiplied by at a step.
Factor = Callable[[int], float]

#: The time scale of the inverse square root where there is no warm-up to take it from.
DEFAULT_TIMESCALE = 10_000


def cosine_factor(progress: float, cycles: float) -> float:
    """A cosine between 1 (at progress 0) and 0 that makes ``cycles`` waves while the progress goes from 0 to 1."""
    return 0.5 * (1.0 + math.cos(2.0 * math.pi * cycles * progress))


def restarted_cosine_factor(progress: float, cycles: float) -> float:
    """``cycles`` falls from 1 to 0, each half a wave of a cosine, while the progress goes from 0 to 1."""
    return cosine_factor((cycles * progress) % 1.0, 0.5)


def get_constant_schedule(optimizer: Optimizer, last_epoch: int = -1) -> LambdaLR:
    """The learning rate of the optimizer, always.

    Args:
        optimizer: Whose learning rates are set.
        last_epoch: The last step of a training that is resumed; -1 for a new one.
    """
    return LambdaLR(optimizer, constant, last_epoch)


def get_constant_schedule_with_warmup(optimizer: Optimizer, num_warmup_steps: int, last_epoch: int = -1) -> LambdaLR:
    """A linear rise over the warm-up steps, then the learning rate of the optimizer.

    Args:
        optimizer: Whose learning rates are set.
        num_warmup_steps: Steps of the rise.
        last_epoch: The last step of a training that is resumed; -1 for a new one.
    """
    return LambdaLR(optimizer, constant_with_warmup(num_warmup_steps), last_epoch)


def get_linear_schedule_with_warmup(
    optimizer: Optimizer, num_warmup_steps: int, num_training_steps: int, last_epoch: int = -1
) -> LambdaLR:
    """A linear rise over the warm-up steps, then a linear fall to 0 at the last step.

    Args:
        optimizer: Whose learning rates are set.
        num_warmup_steps: Steps of the rise.
        num_training_steps: All steps, those of the rise included.
        last_epoch: The last step of a training that is resumed; -1 for a new one.
    """
    return LambdaLR(optimizer, linear_with_warmup(num_warmup_steps, num_training_steps), last_epoch)


def get_cosine_schedule_with_warmup(
    optimizer: Optimizer,
    num_warmup_steps: int,
    num_training_steps: int,
    num_cycles: float = 0.5,
    last_epoch: int = -1,
) -> LambdaLR:
    """A linear rise over the warm-up steps, then a cosine, which goes on after the last step.

    Args:
        optimizer: Whose learning rates are set.
        num_warmup_steps: Steps of the rise.
        num_training_steps: All steps, those of the rise included.
        num_cycles: Waves of the cosine; half a wave is one fall to 0.
        last_epoch: The last step of a training that is resumed; -1 for a new one.
    """
    return LambdaLR(optimizer, cosine_with_warmup(num_warmup_steps, num_training_steps, num_cycles), last_epoch)


def get_cosine_with_hard_restarts_schedule_with_warmup(
    optimizer: Optimizer,
    num_warmup_steps: int,
    num_training_steps: int,
    num_cycles: int = 1,
    last_epoch: int = -1,
) -> LambdaLR:
    """A linear rise over the warm-up steps, then falls to 0 along a cosine, each of which begins at 1 again.

    Args:
        optimizer: Whose learning rates are set.
        num_warmup_steps: Steps of the rise.
        num_training_steps: All steps, those of the rise included.
        num_cycles: How many falls.
        last_epoch: The last step of a training that is resumed; -1 for a new one.
    """
    return LambdaLR(optimizer, hard_restarts_with_warmup(num_warmup_steps, num_training_steps, num_cycles), last_epoch)


def get_polynomial_decay_schedule_with_warmup(
    optimizer: Optimizer,
    num_warmup_steps: int,
    num_training_steps: int,
    lr_end: float = 1e-7,
    power: float = 1.0,
    last_epoch: int = -1,
) -> LambdaLR:
    """A linear rise over the warm-up steps, then a polynomial fall to ``lr_end``, which stays.

    The factor is that of the optimizer's default learning rate; a group with a rate of its own is scaled by the same.

    Args:
        optimizer: Whose learning rates are set.
        num_warmup_steps: Steps of the rise.
        num_training_steps: All steps, those of the rise included.
        lr_end: The learning rate at the end.
        power: 1 is a straight line; more falls faster at first.
        last_epoch: The last step of a training that is resumed; -1 for a new one.

    Raises:
        UserError: The learning rate of the optimizer is not above ``lr_end``.
    """
    lr = optimizer.defaults["lr"]
    if not lr > lr_end:
        raise UserError(f"A polynomial decay falls, but lr_end is {lr_end} and the optimizer begins with {lr}.")
    decay = partial(_polynomial, warmup=num_warmup_steps, total=num_training_steps, end=float(lr_end / lr), power=power)
    return LambdaLR(optimizer, _with_warmup(num_warmup_steps, decay), last_epoch)


def get_inverse_sqrt_schedule(
    optimizer: Optimizer, num_warmup_steps: int, timescale: int | None = None, last_epoch: int = -1
) -> LambdaLR:
    """A linear rise over the warm-up steps, then a fall with the inverse square root of the steps, without end.

    Args:
        optimizer: Whose learning rates are set.
        num_warmup_steps: Steps of the rise.
        timescale: Steps after the warm-up until the rate is 1/sqrt(2); by default the steps of the warm-up, and
            10,000 if there are none.
        last_epoch: The last step of a training that is resumed; -1 for a new one.
    """
    scale = (num_warmup_steps or DEFAULT_TIMESCALE) if timescale is None else timescale
    decay = partial(_inverse_sqrt, warmup=num_warmup_steps, timescale=scale)
    return LambdaLR(optimizer, _with_warmup(num_warmup_steps, decay), last_epoch)


class SchedulerType(StrEnum):
    """The names of the schedules for :func:`get_scheduler`."""

    LINEAR = "linear"
    COSINE = "cosine"
    COSINE_WITH_RESTARTS = "cosine_with_restarts"
    POLYNOMIAL = "polynomial"
    CONSTANT = "constant"
    CONSTANT_WITH_WARMUP = "constant_with_warmup"
    INVERSE_SQRT = "inverse_sqrt"

    @classmethod
    def _missing_(cls, value: object) -> SchedulerType:
        raise UserError(f"There is no schedule {value!r}.", advice=f"The names are {', '.join(cls)}.")


_WARMUP = ("num_warmup_steps",)
_WARMUP_AND_TRAINING = ("num_warmup_steps", "num_training_steps")

#: Name -> the function, and the numbers of steps that it needs.
_SCHEDULES: Mapping[SchedulerType, tuple[Callable[..., LambdaLR], tuple[str, ...]]] = {
    SchedulerType.LINEAR: (get_linear_schedule_with_warmup, _WARMUP_AND_TRAINING),
    SchedulerType.COSINE: (get_cosine_schedule_with_warmup, _WARMUP_AND_TRAINING),
    SchedulerType.COSINE_WITH_RESTARTS: (get_cosine_with_hard_restarts_schedule_with_warmup, _WARMUP_AND_TRAINING),
    SchedulerType.POLYNOMIAL: (get_polynomial_decay_schedule_with_warmup, _WARMUP_AND_TRAINING),
    SchedulerType.CONSTANT: (get_constant_schedule, ()),
    SchedulerType.CONSTANT_WITH_WARMUP: (get_constant_schedule_with_warmup, _WARMUP),
    SchedulerType.INVERSE_SQRT: (get_inverse_sqrt_schedule, _WARMUP),
}


def get_scheduler(
    name: str | SchedulerType,
    optimizer: Optimizer,
    num_warmup_steps: int | None = None,
    num_training_steps: int | None = None,
    scheduler_specific_kwargs: Mapping[str, Any] | None = None,
) -> LambdaLR:
    """A schedule by its name.

    Args:
        name: One of :class:`SchedulerType`.
        optimizer: Whose learning rates are set.
        num_warmup_steps: Steps of the rise; needed by all schedules but ``constant``.
        num_training_steps: All steps, those of the rise included; needed by the schedules that end.
        scheduler_specific_kwargs: Further arguments of the schedule's own function, such as ``num_cycles``.

    Raises:
        UserError: No schedule has this name, or a number of steps that it needs is missing.
    """
    kind = SchedulerType(name)
    function, needed = _SCHEDULES[kind]
    given = {"num_warmup_steps": num_warmup_steps, "num_training_steps": num_training_steps}
    missing = [f"{argument} was not given" for argument in needed if given[argument] is None]
    if missing:
        raise UserError(f"The schedule {kind.value} cannot be made:", missing)
    steps = {argument: given[argument] for argument in needed}
    return function(optimizer, **steps, **(scheduler_specific_kwargs or {}))


# The factors: partial applications of functions of this module, for these can be pickled with the scheduler.


def constant(_step: int) -> float:
    """The factor 1, always."""
    return 1.0


def constant_with_warmup(warmup: int) -> Factor:
    """The factor of :func:`get_constant_schedule_with_warmup`."""
    return _with_warmup(warmup, constant)


def linear_with_warmup(warmup: int, total: int) -> Factor:
    """The factor of :func:`get_linear_schedule_with_warmup`."""
    return _with_warmup(warmup, partial(_linear, warmup=warmup, total=total))


def cosine_with_warmup(warmup: int, total: int, cycles: float) -> Factor:
    """The factor of :func:`get_cosine_schedule_with_warmup`."""
    return _with_warmup(warmup, partial(_cosine, warmup=warmup, total=total, cycles=cycles))


def hard_restarts_with_warmup(warmup: int, total: int, cycles: float) -> Factor:
    """The factor of :func:`get_cosine_with_hard_restarts_schedule_with_warmup`."""
    return _with_warmup(warmup, partial(_hard_restarts, warmup=warmup, total=total, cycles=cycles))


def _with_warmup(warmup: int, decay: Factor) -> Factor:
    """The factor that rises over the warm-up steps and goes on as ``decay`` says for the steps after them."""
    return partial(_factor, warmup=warmup, decay=decay)


def _factor(step: int, *, warmup: int, decay: Factor) -> float:
    return step / max(1, warmup) if step < warmup else decay(step)


def _progress(step: int, warmup: int, total: int) -> float:
    """How much of the time after the warm-up is over: 0 at its end, 1 at the last step."""
    return (step - warmup) / max(1, total - warmup)


def _linear(step: int, *, warmup: int, total: int) -> float:
    return max(0.0, (total - step) / max(1, total - warmup))


def _cosine(step: int, *, warmup: int, total: int, cycles: float) -> float:
    return cosine_factor(_progress(step, warmup, total), cycles)


def _hard_restarts(step: int, *, warmup: int, total: int, cycles: float) -> float:
    progress = _progress(step, warmup, total)
    return 0.0 if progress >= 1.0 else restarted_cosine_factor(progress, cycles)


def _polynomial(step: int, *, warmup: int, total: int, end: float, power: float) -> float:
    if step > total:
        return end
    return float(end + (1.0 - end) * (1.0 - _progress(step, warmup, total)) ** power)


def _inverse_sqrt(step: int, *, warmup: int, timescale: int) -> float:
    return 1.0 / math.sqrt((step - warmup + timescale) / timescale)
