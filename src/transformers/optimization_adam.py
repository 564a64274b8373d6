"""The two variants of Adam with which BERT and OpenAI GPT were trained; a schedule of the learning rate is within.

With the gradient g of step t = 1, 2, …, both keep the moving averages

    m ← β1 m + (1 - β1) g          v ← β2 v + (1 - β2) g²

(Kingma and Ba 2015, algorithm 1) and decay the weights apart from the gradient (Loshchilov and Hutter 2019). They
differ in how a weight θ moves, with the factor f(s) of the schedule for the learning rate η:

    BertAdam     θ ← θ - η f(t - 1) (m / (sqrt(v) + ε) + λ θ)
    OpenAIAdam   θ ← θ - η f(t) c m / (sqrt(v) + ε),  then  θ ← θ - η f(t) λ θ

where c = sqrt(1 - β2^t) / (1 - β1^t) corrects the bias of m and v towards their first values, which are 0.

Sources: ``AdamWeightDecayOptimizer`` in ``optimization.py`` of google-research/bert, and ``opt.py`` of
openai/finetune-transformer-lm; in which order schedule, clipping and decay apply is what pytorch-pretrained-bert 0.6.2
computes.
"""

from __future__ import annotations

import logging
import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, overload

import torch
from torch import Tensor
from torch.optim import Optimizer

from .errors import UserError
from .optimization_fractions import NONE, SCHEDULES, _LRSchedule

logger = logging.getLogger(__name__)

#: What an optimizer is given to optimize: tensors, tensors with names, or groups of them with settings of their own.
Parameters = Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]]

#: What :func:`torch.nn.utils.clip_grad_norm_` adds to a norm before it divides by it.
NORM_EPSILON = 1e-6


@dataclass(frozen=True)
class Batch:
    """The parameters of a group that have gradients, and what moves them; each list has an item per parameter.

    Attributes:
        parameters: θ.
        averages: m.
        denominators: sqrt(v) + ε.
        steps: t, the number of steps that the parameter has made, this one included.
    """

    parameters: list[Tensor]
    averages: list[Tensor]
    denominators: list[Tensor]
    steps: list[int]


class AdamVariant(Optimizer):
    """What all variants share: the moving averages of the gradient and of its square, and which parameters move.

    A step takes the tensors of a group together. Meanwhile it needs one more copy of them for the denominators, and
    :class:`BertAdam` another for the updates.
    """

    #: The names of m and v in the state of a parameter.
    moments: ClassVar[tuple[str, str]]

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Moves every parameter that has a gradient.

        Args:
            closure: Computes the loss once more, gradients included.

        Raises:
            UserError: A gradient is sparse. No parameter has moved then.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._refuse_sparse_gradients()
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if parameters:
                self._step_group(group, parameters)
        return loss

    def _refuse_sparse_gradients(self) -> None:
        problems = [
            f"parameter {position} of group {index}, shape {list(parameter.shape)}"
            for index, group in enumerate(self.param_groups)
            for position, parameter in enumerate(group["params"])
            if parameter.grad is not None and parameter.grad.is_sparse
        ]
        if problems:
            advice = "Make embeddings with sparse=False, or give these parameters to torch.optim.SparseAdam."
            raise UserError(f"{type(self).__name__} takes no sparse gradients:", problems, advice)

    @abstractmethod
    def _step_group(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        """Moves those parameters of a group that have gradients."""

    def _advance(self, parameters: list[Tensor], b1: float, b2: float, epsilon: float) -> Batch:
        """Takes the gradients of parameters into their moving averages."""
        states = [self._state_of(parameter) for parameter in parameters]
        gradients = gradients_of(parameters)
        averages, squares = ([state[name] for state in states] for name in self.moments)
        torch._foreach_mul_(averages, b1)
        torch._foreach_add_(averages, gradients, alpha=1 - b1)
        torch._foreach_mul_(squares, b2)
        torch._foreach_addcmul_(squares, gradients, gradients, value=1 - b2)
        for state in states:
            state["step"] += 1
        denominators = list(torch._foreach_sqrt(squares))
        torch._foreach_add_(denominators, epsilon)
        return Batch(parameters, averages, denominators, [state["step"] for state in states])

    def _state_of(self, parameter: Tensor) -> dict[str, Any]:
        state: dict[str, Any] = self.state[parameter]
        if not state:
            state["step"] = 0
            for name in self.moments:
                state[name] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        return state


class _ScheduledAdam(AdamVariant):
    """What the two older variants share besides: their settings, the schedule within, and gradients cut in place."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        settings = {**self.defaults, **param_group}
        problems = [*_problems(settings)]
        try:
            schedule = _find_schedule(settings["schedule"], settings["warmup"], settings["t_total"])
        except UserError as error:
            problems.extend(error.problems)
        if problems:
            place = f"parameter group {len(self.param_groups)} of {type(self).__name__}"
            raise UserError(f"The settings of {place} are invalid:", problems)
        super().add_param_group({**param_group, "schedule": schedule})

    def get_lr(self) -> list[float]:
        """The learning rate η f(s) of each parameter that has made s steps; ``[0]`` if none has made one."""
        rates = [
            group["lr"] * group["schedule"].get_lr(self.state[parameter]["step"])
            for group in self.param_groups
            for parameter in group["params"]
            if self.state.get(parameter)
        ]
        return rates or [0]

    def _step_group(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        if group["max_grad_norm"] > 0:
            _clip_each(gradients_of(parameters), group["max_grad_norm"])
        self._move(group, self._advance(parameters, group["b1"], group["b2"], group["e"]))

    @abstractmethod
    def _move(self, group: dict[str, Any], batch: Batch) -> None:
        """Moves parameters of a group with these settings."""


class BertAdam(_ScheduledAdam):
    """Adam as BERT was trained with it: no correction of the bias, decoupled decay, a schedule within.

    The first step is taken at f(0), which is 0 where there is a warm-up.

    Args:
        params: The parameters, or groups of them with settings of their own.
        lr: The learning rate η; may be left out if every group has its own.
        warmup: The fraction of the training in which the learning rate rises; -1 for none.
        t_total: The number of steps of the training; -1 keeps the learning rate constant.
        schedule: ``"warmup_linear"``, ``"warmup_constant"``, ``"warmup_cosine"``, ``"none"`` or None, which keep it
            constant, or an object such as ``WarmupLinearSchedule(0.1, 1000)``, which has its own warm-up and total.
        b1: β1.
        b2: β2.
        e: ε.
        weight_decay: λ.
        max_grad_norm: The gradient of each tensor is cut to this length; -1 leaves it alone.

    Raises:
        UserError: A setting is outside of its range; all those of the group are named.
    """

    moments = ("next_m", "next_v")

    def __init__(
        self,
        params: Parameters,
        lr: float | None = None,
        warmup: float = NONE,
        t_total: float = NONE,
        schedule: str | _LRSchedule | None = "warmup_linear",
        b1: float = 0.9,
        b2: float = 0.999,
        e: float = 1e-6,
        weight_decay: float = 0.01,
        max_grad_norm: float = 1.0,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "warmup": warmup,
                "t_total": t_total,
                "schedule": schedule,
                "b1": b1,
                "b2": b2,
                "e": e,
                "weight_decay": weight_decay,
                "max_grad_norm": max_grad_norm,
            },
        )

    def _move(self, group: dict[str, Any], batch: Batch) -> None:
        updates = torch._foreach_div(batch.averages, batch.denominators)
        if group["weight_decay"] > 0:
            torch._foreach_add_(updates, batch.parameters, alpha=group["weight_decay"])
        rates = _rates(group, [step - 1 for step in batch.steps])
        torch._foreach_mul_(updates, [-rate for rate in rates])
        torch._foreach_add_(batch.parameters, updates)


class OpenAIAdam(_ScheduledAdam):
    """Adam as OpenAI GPT was trained with it: the bias is corrected, decay is decoupled, a schedule is within.

    The first step is taken at f(1).

    Args:
        params: The parameters, or groups of them with settings of their own.
        lr: The learning rate η; may be left out if every group has its own.
        schedule: As of :class:`BertAdam`.
        warmup: The fraction of the training in which the learning rate rises; -1 for none.
        t_total: The number of steps of the training; -1 keeps the learning rate constant.
        b1: β1.
        b2: β2.
        e: ε.
        weight_decay: λ.
        vector_l2: Whether vectors (biases, the weights of layer norms) decay, too, and not only matrices.
        max_grad_norm: The gradient of each tensor is cut to this length; -1 leaves it alone.

    Raises:
        UserError: A setting is outside of its range; all those of the group are named.
    """

    moments = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Parameters,
        lr: float | None = None,
        schedule: str | _LRSchedule | None = "warmup_linear",
        warmup: float = NONE,
        t_total: float = NONE,
        b1: float = 0.9,
        b2: float = 0.999,
        e: float = 1e-8,
        weight_decay: float = 0.0,
        vector_l2: bool = False,
        max_grad_norm: float = NONE,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "schedule": schedule,
                "warmup": warmup,
                "t_total": t_total,
                "b1": b1,
                "b2": b2,
                "e": e,
                "weight_decay": weight_decay,
                "vector_l2": vector_l2,
                "max_grad_norm": max_grad_norm,
            },
        )

    def _move(self, group: dict[str, Any], batch: Batch) -> None:
        rates = _rates(group, batch.steps)
        corrections = bias_corrections(batch.steps, group["b1"], group["b2"])
        sizes = [-rate * correction for rate, correction in zip(rates, corrections, strict=True)]
        torch._foreach_addcdiv_(batch.parameters, batch.averages, batch.denominators, sizes)
        if group["weight_decay"] > 0:
            _shrink(batch.parameters, [1 - rate * group["weight_decay"] for rate in rates], vectors=group["vector_l2"])


def gradients_of(parameters: list[Tensor]) -> list[Tensor]:
    """The gradients of parameters that have one."""
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


def bias_corrections(steps: list[int], b1: float, b2: float) -> list[float]:
    """sqrt(1 - β2^t) / (1 - β1^t) for each step t: what moving averages that began at 0 have to be multiplied by."""
    return [math.sqrt(1 - b2**step) / (1 - b1**step) for step in steps]


def _problems(settings: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the numbers in the settings of a group."""
    if settings["lr"] is None:
        yield "lr was not given"
    elif not settings["lr"] >= 0:
        yield f"lr is {settings['lr']}; it is at least 0"
    for name in ("b1", "b2"):
        if not 0 <= settings[name] < 1:
            yield f"{name} is {settings[name]}; it is at least 0 and below 1"
    for name in ("e", "weight_decay"):
        if not settings[name] >= 0:
            yield f"{name} is {settings[name]}; it is at least 0"


def _find_schedule(schedule: object, warmup: float, t_total: float) -> _LRSchedule:
    if isinstance(schedule, _LRSchedule):
        if warmup != NONE or t_total != NONE:
            logger.warning("The schedule has its own warmup and t_total; those of the optimizer have no effect.")
        return schedule
    if schedule is None or (isinstance(schedule, str) and schedule in SCHEDULES):
        return SCHEDULES[schedule](warmup, t_total)
    names = ", ".join(repr(name) for name in SCHEDULES)
    raise UserError(
        "The schedule is unknown:", [f"schedule is {schedule!r}; it is one of {names}, or a schedule object"]
    )


def _clip_each(gradients: list[Tensor], max_norm: float) -> None:
    """Scales every gradient of its own that is longer than ``max_norm`` down to this length, in place."""
    factors = torch._foreach_norm(gradients)
    torch._foreach_add_(factors, NORM_EPSILON)
    torch._foreach_reciprocal_(factors)
    torch._foreach_mul_(factors, max_norm)
    torch._foreach_clamp_max_(factors, 1.0)
    torch._foreach_mul_(gradients, factors)


def _shrink(parameters: list[Tensor], factors: list[float], *, vectors: bool) -> None:
    """Multiplies each parameter by its factor; vectors only if ``vectors`` says so."""
    chosen = [pair for pair in zip(parameters, factors, strict=True) if vectors or pair[0].ndim > 1]
    if chosen:
        torch._foreach_mul_([parameter for parameter, _ in chosen], [factor for _, factor in chosen])


def _rates(group: dict[str, Any], steps: list[int]) -> list[float]:
    """The scheduled learning rate at each of the steps, which are nearly always the same."""
    rates = {step: group["lr"] * group["schedule"].get_lr(step) for step in set(steps)}
    return [rates[step] for step in steps]
