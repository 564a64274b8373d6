"""The optimizer and the schedules of the 1.x releases, held against their formulas in plain Python."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR

from pytorch_transformers import (
    AdamW,
    ConstantLRSchedule,
    WarmupConstantSchedule,
    WarmupCosineSchedule,
    WarmupCosineWithHardRestartsSchedule,
    WarmupLinearSchedule,
)
from transformers.errors import UserError

# ------------------------------------------------------------------------------------------------------------ schedules

#: A schedule of 3 warm-up steps out of 11, and its factor after the warm-up, p of the remaining time being over.
SCHEDULES: dict[str, tuple[Callable[[torch.optim.Optimizer], LambdaLR], Callable[[float], float]]] = {
    "constant": (lambda optimizer: WarmupConstantSchedule(optimizer, 3), lambda p: 1.0),
    "linear": (lambda optimizer: WarmupLinearSchedule(optimizer, warmup_steps=3, t_total=11), lambda p: max(0, 1 - p)),
    "cosine": (
        lambda optimizer: WarmupCosineSchedule(optimizer, warmup_steps=3, t_total=11),
        lambda p: 0.5 * (1 + math.cos(math.pi * p)),
    ),
    "two waves": (
        lambda optimizer: WarmupCosineSchedule(optimizer, 3, 11, cycles=2),
        lambda p: 0.5 * (1 + math.cos(4 * math.pi * p)),
    ),
    "one fall": (
        lambda optimizer: WarmupCosineWithHardRestartsSchedule(optimizer, warmup_steps=3, t_total=11),
        lambda p: 0.5 * (1 + math.cos(math.pi * p)) if p < 1 else 0.0,
    ),
    "three falls": (
        lambda optimizer: WarmupCosineWithHardRestartsSchedule(optimizer, 3, 11, cycles=3),
        lambda p: 0.5 * (1 + math.cos(math.pi * (3 * p % 1))) if p < 1 else 0.0,
    ),
}


def optimizer_of_two_groups() -> torch.optim.Optimizer:
    groups = [{"params": [torch.nn.Parameter(torch.ones(1))], "lr": rate} for rate in (1.0, 0.5)]
    return AdamW(groups)


def rates(make: Callable[[torch.optim.Optimizer], LambdaLR], steps: int) -> list[list[float]]:
    """The learning rates of both groups at each step."""
    optimizer = optimizer_of_two_groups()
    schedule = make(optimizer)
    found = []
    for _ in range(steps):
        found.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_rises_and_goes_on(name: str) -> None:
    make, after = SCHEDULES[name]
    expected = [step / 3 if step < 3 else after((step - 3) / 8) for step in range(14)]

    found = rates(make, 14)

    assert [first for first, _ in found] == pytest.approx(expected)
    assert [second for _, second in found] == pytest.approx([factor / 2 for factor in expected])


def test_without_a_warm_up_the_rate_stays() -> None:
    assert rates(ConstantLRSchedule, 4) == [[1.0, 0.5]] * 4


@pytest.mark.parametrize("make", [ConstantLRSchedule, *(make for make, _ in SCHEDULES.values())])
def test_a_training_is_resumed_where_it_was(make: Callable[[torch.optim.Optimizer], LambdaLR]) -> None:
    """As scripts do: the states are saved, and loaded into a new optimizer and a new schedule."""
    optimizer = optimizer_of_two_groups()
    schedule = make(optimizer)
    assert isinstance(schedule, LambdaLR)
    for _ in range(5):
        optimizer.step()
        schedule.step()
    states = pickle.loads(pickle.dumps((optimizer.state_dict(), schedule.state_dict())))

    resumed_optimizer = optimizer_of_two_groups()
    resumed = make(resumed_optimizer)
    resumed_optimizer.load_state_dict(states[0])
    resumed.load_state_dict(states[1])

    for _ in range(3):
        for each in (optimizer, resumed_optimizer, schedule, resumed):
            each.step()
        assert resumed.get_last_lr() == schedule.get_last_lr()


# ---------------------------------------------------------------------------------------------------------------- AdamW

SETTINGS: dict[str, Any] = {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.2}


def expected_weights(weight: float, gradients: list[float], *, correct_bias: bool) -> list[float]:
    """The weight after each step, by the formula."""
    average = square = 0.0
    found = []
    for step, gradient in enumerate(gradients, start=1):
        average = 0.8 * average + 0.2 * gradient
        square = 0.9 * square + 0.1 * gradient**2
        correction = math.sqrt(1 - 0.9**step) / (1 - 0.8**step) if correct_bias else 1.0
        weight -= 0.1 * correction * average / (math.sqrt(square) + 1e-3)
        weight -= 0.1 * 0.2 * weight
        found.append(weight)
    return found


@pytest.mark.parametrize("correct_bias", [True, False])
def test_a_step_is_that_of_the_formula(correct_bias: bool) -> None:
    gradients = [0.5, -0.001, 0.3, 0.0]
    parameter = torch.nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
    optimizer = AdamW([parameter], **SETTINGS, correct_bias=correct_bias)

    found = []
    for gradient in gradients:
        parameter.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
        found.append(parameter.item())

    assert found == pytest.approx(expected_weights(2.0, gradients, correct_bias=correct_bias), rel=1e-12)


def test_groups_have_settings_of_their_own() -> None:
    """The usual split: no decay for biases and norms."""
    decayed, kept = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    optimizer = AdamW([{"params": [decayed], "weight_decay": 0.5}, {"params": [kept]}], lr=0.1)
    decayed.grad, kept.grad = torch.zeros(2), torch.zeros(2)

    optimizer.step()

    assert decayed.tolist() == pytest.approx([0.95, 0.95])
    assert kept.tolist() == [1.0, 1.0]


def test_defaults_are_those_of_the_releases() -> None:
    optimizer = AdamW([torch.nn.Parameter(torch.ones(1))])

    assert optimizer.defaults == {
        "lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-6, "weight_decay": 0.0, "correct_bias": True,
    }  # fmt: skip


def test_all_settings_that_are_wrong_are_named() -> None:
    with pytest.raises(UserError) as error:
        AdamW([torch.nn.Parameter(torch.ones(1))], lr=-1, betas=(1.0, 0.9), eps=-2, weight_decay=float("nan"))

    assert [problem.split()[0] for problem in error.value.problems] == ["lr", "eps", "weight_decay", "betas"]


def test_a_sparse_gradient_is_refused() -> None:
    embedding = torch.nn.Embedding(3, 2, sparse=True)
    embedding(torch.tensor([1])).sum().backward()

    with pytest.raises(UserError, match="AdamW takes no sparse gradients"):
        AdamW(embedding.parameters()).step()
