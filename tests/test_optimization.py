"""Optimizers against the formulas evaluated number by number, and schedules against their curves."""

from __future__ import annotations

import copy
import io
import logging
import math
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR

from transformers import UserError
from transformers.optimization import (
    AdamW,
    BertAdam,
    ConstantLR,
    OpenAIAdam,
    SchedulerType,
    WarmupConstantSchedule,
    WarmupCosineSchedule,
    WarmupCosineWithHardRestartsSchedule,
    WarmupCosineWithWarmupRestartsSchedule,
    WarmupLinearSchedule,
    get_constant_schedule,
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_cosine_with_hard_restarts_schedule_with_warmup,
    get_inverse_sqrt_schedule,
    get_linear_schedule_with_warmup,
    get_polynomial_decay_schedule_with_warmup,
    get_scheduler,
)

SHAPES = ((2, 3), (4,), ())
STEPS = 14

ScheduledAdam = type[BertAdam] | type[OpenAIAdam]


def gradients(seed: int, steps: int = STEPS, shapes: Sequence[tuple[int, ...]] = SHAPES) -> list[list[np.ndarray]]:
    """For each step a gradient of each parameter; some are longer than 1, some shorter."""
    random = np.random.default_rng(seed)
    return [[random.normal(size=shape) * (0.1 + step % 3) for shape in shapes] for step in range(steps)]


def parameters(shapes: Sequence[tuple[int, ...]] = SHAPES) -> list[torch.nn.Parameter]:
    random = np.random.default_rng(0)
    return [torch.nn.Parameter(torch.tensor(random.normal(size=shape))) for shape in shapes]


def train(
    optimizer: torch.optim.Optimizer, given: list[torch.nn.Parameter], steps: Sequence[Sequence[np.ndarray]]
) -> None:
    for step in steps:
        for parameter, gradient in zip(given, step, strict=True):
            parameter.grad = torch.tensor(gradient)
        optimizer.step()


def clipped(gradient: np.ndarray, max_norm: float) -> np.ndarray:
    norm = math.sqrt(float((gradient**2).sum()))
    return gradient * min(1.0, max_norm / (norm + 1e-6)) if max_norm > 0 else gradient


def warmup_linear(step: int, warmup: float, total: float) -> float:
    progress = step / total
    return progress / warmup if progress < warmup else max(0.0, (1.0 - progress) / (1.0 - warmup))


def bert_adam(
    start: np.ndarray, given: Sequence[np.ndarray], factor: Callable[[int], float], *, lr: float, b1: float, b2: float,
    e: float, decay: float, max_norm: float,
) -> np.ndarray:  # fmt: skip
    theta, m, v = start, np.zeros_like(start), np.zeros_like(start)
    for step, gradient in enumerate(given):
        g = clipped(gradient, max_norm)
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        theta = theta - lr * factor(step) * (m / (np.sqrt(v) + e) + decay * theta)
    return theta


def openai_adam(
    start: np.ndarray, given: Sequence[np.ndarray], factor: Callable[[int], float], *, lr: float, b1: float, b2: float,
    e: float, decay: float, max_norm: float,
) -> np.ndarray:  # fmt: skip
    theta, m, v = start, np.zeros_like(start), np.zeros_like(start)
    for step, gradient in enumerate(given, start=1):
        g = clipped(gradient, max_norm)
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        size = lr * factor(step) * math.sqrt(1 - b2**step) / (1 - b1**step)
        theta = theta - size * m / (np.sqrt(v) + e)
        theta = theta - lr * factor(step) * decay * theta
    return theta


class TestBertAdam:
    @pytest.mark.parametrize("max_norm", [1.0, -1])
    @pytest.mark.parametrize("decay", [0.01, 0.0])
    def test_follows_its_formula_through_warmup_and_beyond_the_end(self, max_norm: float, decay: float) -> None:
        given = gradients(1)
        found = parameters()
        settings = {"lr": 0.1, "b1": 0.8, "b2": 0.97, "e": 1e-3}
        optimizer = BertAdam(found, warmup=0.25, t_total=10, weight_decay=decay, max_grad_norm=max_norm, **settings)
        train(optimizer, found, given)

        for index, (parameter, start) in enumerate(zip(found, parameters(), strict=True)):
            expected = bert_adam(
                start.detach().numpy(), [step[index] for step in given], lambda step: warmup_linear(step, 0.25, 10),
                decay=decay, max_norm=max_norm, **settings,
            )  # fmt: skip
            np.testing.assert_allclose(parameter.detach().numpy(), expected, rtol=1e-12)

    def test_its_defaults_are_those_of_bert(self) -> None:
        given = gradients(2, steps=3)
        found = parameters()
        train(BertAdam(found, lr=0.01), found, given)

        start = parameters()[0].detach().numpy()
        expected = bert_adam(
            start,
            [step[0] for step in given],
            lambda _: 1.0,
            lr=0.01,
            b1=0.9,
            b2=0.999,
            e=1e-6,
            decay=0.01,
            max_norm=1.0,
        )
        np.testing.assert_allclose(found[0].detach().numpy(), expected, rtol=1e-12)

    def test_the_first_step_of_a_warmup_moves_nothing(self) -> None:
        found = parameters()
        train(BertAdam(found, lr=0.1, warmup=0.5, t_total=4), found, gradients(3, steps=1))

        assert all(torch.equal(parameter, start) for parameter, start in zip(found, parameters(), strict=True))


class TestOpenAIAdam:
    @pytest.mark.parametrize("vector_l2", [False, True])
    @pytest.mark.parametrize("max_norm", [0.5, -1])
    def test_follows_its_formula_through_warmup_and_beyond_the_end(self, max_norm: float, vector_l2: bool) -> None:
        given = gradients(4)
        found = parameters()
        settings = {"lr": 0.1, "b1": 0.8, "b2": 0.97, "e": 1e-3}
        optimizer = OpenAIAdam(
            found, warmup=0.25, t_total=10, weight_decay=0.1, vector_l2=vector_l2, max_grad_norm=max_norm, **settings
        )
        train(optimizer, found, given)

        for index, (parameter, start) in enumerate(zip(found, parameters(), strict=True)):
            expected = openai_adam(
                start.detach().numpy(), [step[index] for step in given], lambda step: warmup_linear(step, 0.25, 10),
                decay=0.1 if vector_l2 or start.ndim > 1 else 0.0, max_norm=max_norm, **settings,
            )  # fmt: skip
            np.testing.assert_allclose(parameter.detach().numpy(), expected, rtol=1e-12)

    def test_its_defaults_are_those_of_adam(self) -> None:
        given = gradients(5, steps=3)
        found, others = parameters(), parameters()
        train(OpenAIAdam(found, lr=0.01), found, given)
        train(torch.optim.Adam(others, lr=0.01), others, given)

        for parameter, other in zip(found, others, strict=True):
            torch.testing.assert_close(parameter, other, rtol=1e-6, atol=1e-8)  # Adam adds ε to another square root

    def test_where_only_vectors_decay_nothing_is_left_to_do(self) -> None:
        found = parameters(shapes=((4,),))
        plain = parameters(shapes=((4,),))
        given = gradients(6, steps=2, shapes=((4,),))
        train(OpenAIAdam(found, lr=0.1, weight_decay=0.5), found, given)
        train(OpenAIAdam(plain, lr=0.1), plain, given)

        assert torch.equal(found[0], plain[0])


@pytest.mark.parametrize("kind", [BertAdam, OpenAIAdam])
class TestBothScheduledAdams:
    def test_every_parameter_counts_its_own_steps(self, kind: ScheduledAdam) -> None:
        early, late = parameters(shapes=((2,), (2,)))
        optimizer = kind([early, late], lr=0.5, warmup=0.5, t_total=8)
        early.grad = torch.ones_like(early)
        optimizer.step()
        late.grad = torch.ones_like(late)
        optimizer.step()

        assert optimizer.get_lr() == [0.5 * 2 / 4, 0.5 * 1 / 4]

    def test_parameters_without_gradients_stay(self, kind: ScheduledAdam) -> None:
        found = parameters()
        kind(found, lr=0.1).step()

        assert all(torch.equal(parameter, start) for parameter, start in zip(found, parameters(), strict=True))

    def test_learning_rates_before_during_and_after_the_training(
        self, kind: ScheduledAdam, caplog: pytest.LogCaptureFixture
    ) -> None:
        found = parameters(shapes=((2,),))
        optimizer = kind(found, lr=2.0, warmup=0.5, t_total=4)
        rates = [optimizer.get_lr()]
        for step in gradients(7, steps=6, shapes=((2,),)):
            train(optimizer, found, [step])
            optimizer.zero_grad()
            rates.append(optimizer.get_lr())

        assert rates == [[0], [1.0], [2.0], [1.0], [0.0], [0.0], [0.0]]
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert "beyond the t_total of WarmupLinearSchedule, 4" in caplog.text

    def test_groups_have_settings_of_their_own(self, kind: ScheduledAdam) -> None:
        plain, scheduled = parameters(shapes=((2,), (2,)))
        optimizer = kind(
            [
                {"params": [plain], "lr": 0.1, "schedule": "none"},
                {"params": [scheduled], "lr": 0.3, "warmup": 0.5},
            ],
            t_total=4,
        )
        train(optimizer, [plain, scheduled], gradients(8, steps=1, shapes=((2,), (2,))))

        assert optimizer.get_lr() == [0.1, 0.15]

    def test_a_schedule_object_wins_over_the_arguments(
        self, kind: ScheduledAdam, caplog: pytest.LogCaptureFixture
    ) -> None:
        found = parameters(shapes=((2,),))
        schedule = WarmupCosineWithHardRestartsSchedule(warmup=0.5, t_total=4, cycles=2)
        kind(found, lr=1.0, schedule=schedule)
        assert caplog.text == ""

        optimizer = kind(found, lr=1.0, schedule=schedule, warmup=0.1)
        train(optimizer, found, gradients(9, steps=1, shapes=((2,),)))

        assert optimizer.get_lr() == [0.5]
        assert "those of the optimizer have no effect" in caplog.text

    @pytest.mark.parametrize(
        ("name", "expected"),
        [("none", 1.0), (None, 1.0), ("warmup_constant", 1.0), ("warmup_linear", 0.5), ("warmup_cosine", 0.5)],
    )
    def test_schedules_by_name(self, kind: ScheduledAdam, name: str | None, expected: float) -> None:
        found = parameters(shapes=((2,),))
        optimizer = kind(found, lr=1.0, schedule=name, warmup=0.5, t_total=8)
        train(optimizer, found, gradients(10, steps=6, shapes=((2,),)))

        assert optimizer.get_lr() == pytest.approx([expected])

    def test_an_interrupted_training_goes_on_as_if_it_were_not(self, kind: ScheduledAdam) -> None:
        given = gradients(11)
        settings: dict[str, Any] = {"lr": 0.1, "warmup": 0.2, "t_total": STEPS, "schedule": "warmup_cosine"}
        whole = parameters()
        train(kind(whole, **settings), whole, given)

        found = parameters()
        first = kind(found, **settings)
        train(first, found, given[:5])
        file = io.BytesIO()
        torch.save(first.state_dict(), file)
        file.seek(0)
        second = kind(found, lr=7.0)
        second.load_state_dict(torch.load(file, weights_only=True))
        train(second, found, given[5:])

        assert all(torch.equal(parameter, other) for parameter, other in zip(found, whole, strict=True))

    def test_a_copy_goes_on_like_the_original(self, kind: ScheduledAdam) -> None:
        found = parameters()
        optimizer = kind(found, lr=0.1, warmup=0.5, t_total=10)
        train(optimizer, found, gradients(12, steps=3))

        assert copy.deepcopy(optimizer).get_lr() == optimizer.get_lr()

    def test_a_closure_computes_gradients(self, kind: ScheduledAdam) -> None:
        found = parameters(shapes=((2,),))
        optimizer = kind(found, lr=0.01)

        def closure() -> float:
            loss = (found[0] ** 2).sum()
            loss.backward()
            return loss.item()

        before = closure()
        assert optimizer.step(closure) == before
        assert closure() < before

    def test_all_invalid_settings_are_named_at_once(self, kind: ScheduledAdam) -> None:
        with pytest.raises(UserError) as raised:
            kind(parameters(), lr=-1, b1=1.0, b2=-0.5, e=-1e-6, weight_decay=-0.1, warmup=2.0, t_total=0)

        assert raised.value.headline == f"The settings of parameter group 0 of {kind.__name__} are invalid:"
        assert [problem.partition(" is ")[0] for problem in raised.value.problems] == [
            "lr", "b1", "b2", "e", "weight_decay", "warmup", "t_total",
        ]  # fmt: skip

    def test_a_group_without_a_learning_rate_is_refused(self, kind: ScheduledAdam) -> None:
        with pytest.raises(UserError, match="lr was not given"):
            kind(parameters())

    @pytest.mark.parametrize("schedule", ["warmup_quadratic", 3, ["none"]])
    def test_an_unknown_schedule_is_answered_with_the_names(self, kind: ScheduledAdam, schedule: Any) -> None:
        with pytest.raises(UserError, match="'warmup_linear', 'warmup_constant', 'warmup_cosine'"):
            kind(parameters(), lr=0.1, schedule=schedule)

    def test_sparse_gradients_are_refused_before_anything_moves(self, kind: ScheduledAdam) -> None:
        dense = torch.nn.Linear(2, 2)
        sparse = torch.nn.Embedding(5, 2, sparse=True)
        before = copy.deepcopy(dense.state_dict())
        dense(sparse(torch.tensor([1, 3]))).sum().backward()
        optimizer = kind([*dense.parameters(), *sparse.parameters()], lr=0.1)

        with pytest.raises(UserError, match=r"parameter 2 of group 0, shape \[5, 2\]"):
            optimizer.step()
        assert all(torch.equal(dense.state_dict()[name], tensor) for name, tensor in before.items())


class TestAdamW:
    def test_computes_what_torch_computes(self) -> None:
        given = gradients(13)
        found, others = parameters(), parameters()
        train(AdamW(found, 0.01, (0.8, 0.9), 1e-4, 0.1), found, given)
        train(torch.optim.AdamW(others, 0.01, (0.8, 0.9), 1e-4, 0.1), others, given)

        assert all(torch.equal(parameter, other) for parameter, other in zip(found, others, strict=True))

    def test_its_defaults_decay_nothing(self) -> None:
        defaults = AdamW(parameters(), fused=False).defaults

        assert {name: defaults[name] for name in ("lr", "betas", "eps", "weight_decay", "fused")} == {
            "lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-6, "weight_decay": 0.0, "fused": False,
        }  # fmt: skip


class TestFractionSchedules:
    @pytest.mark.parametrize(
        ("schedule", "expected"),
        [
            (ConstantLR(0.2, 10), {0: 1, 1: 1, 5: 1, 10: 1, 15: 1}),
            (WarmupConstantSchedule(0.2, 10), {0: 0, 1: 0.5, 2: 1, 5: 1, 10: 1, 15: 1}),
            (WarmupLinearSchedule(0.2, 10), {0: 0, 1: 0.5, 2: 1, 3: 0.875, 6: 0.5, 10: 0, 15: 0}),
            (WarmupLinearSchedule(-1, 10), {0: 1, 1: 0.9, 5: 0.5, 10: 0, 11: 0}),
            (WarmupCosineSchedule(0.2, 10), {0: 0, 1: 0.5, 2: 1, 4: 0.5 + math.sqrt(0.125), 6: 0.5, 10: 0, 14: 0.5}),
            (WarmupCosineSchedule(0.2, 10, cycles=2), {2: 1, 3: 0.5, 4: 0, 6: 1, 8: 0, 10: 1}),
            (WarmupCosineWithHardRestartsSchedule(0.2, 10), {1: 0.5, 2: 1, 6: 0.5, 10: 1, 14: 0.5}),
            (WarmupCosineWithHardRestartsSchedule(0.25, 16, cycles=2), {2: 0.5, 4: 1, 7: 0.5, 10: 1, 13: 0.5, 16: 1}),
            (WarmupCosineWithWarmupRestartsSchedule(0.2, 20), {0: 0, 2: 0.5, 4: 1, 12: 0.5, 20: 0, 22: 0.5}),
            (
                WarmupCosineWithWarmupRestartsSchedule(0.1, 40, cycles=2),
                {0: 0, 2: 0.5, 4: 1, 12: 0.5, 20: 0, 22: 0.5, 24: 1, 32: 0.5, 40: 0},
            ),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_curves(self, schedule: ConstantLR, expected: dict[int, float]) -> None:
        assert {step: schedule.get_lr(step) for step in expected} == pytest.approx(expected, abs=1e-12)

    @pytest.mark.parametrize("kind", [ConstantLR, WarmupLinearSchedule, WarmupCosineWithWarmupRestartsSchedule])
    def test_without_a_total_the_factor_is_one(self, kind: type[ConstantLR], caplog: pytest.LogCaptureFixture) -> None:
        schedule = kind(warmup=-1)

        assert [schedule.get_lr(step) for step in (0, 1, 1000)] == [1, 1, 1]
        assert caplog.text == ""

    def test_a_warmup_without_a_total_is_worth_a_warning(self, caplog: pytest.LogCaptureFixture) -> None:
        WarmupLinearSchedule(0.1)

        assert "WarmupLinearSchedule has no t_total: the learning rate stays constant." in caplog.text

    @pytest.mark.parametrize(
        ("make", "problems"),
        [
            (lambda: WarmupLinearSchedule(1.0, 0), ["warmup is 1;", "t_total is 0;"]),
            (lambda: ConstantLR(-0.5, -3), ["warmup is -0.5;", "t_total is -3;"]),
            (lambda: WarmupCosineSchedule(math.nan, math.nan), ["warmup is nan;", "t_total is nan;"]),
            (lambda: WarmupCosineWithHardRestartsSchedule(2, 10, cycles=0.5), ["warmup is 2;", "cycles is 0.5;"]),
            (lambda: WarmupCosineWithWarmupRestartsSchedule(0.25, 10, 4), ["warmup is 0.25 and cycles 4;"]),
        ],
    )
    def test_all_invalid_arguments_are_named_at_once(self, make: Callable[[], object], problems: list[str]) -> None:
        with pytest.raises(UserError) as raised:
            make()

        assert [found[: len(start)] for found, start in zip(raised.value.problems, problems, strict=True)] == problems


def factors(schedule: LambdaLR, steps: int) -> list[float]:
    """What the schedule does to a learning rate of 1 from step 0 on."""
    found = []
    for _ in range(steps):
        found.append(schedule.get_last_lr()[0])
        schedule.optimizer.step()
        schedule.step()
    return found


def optimizer(lr: float = 1.0) -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)


#: Name for ``get_scheduler``, the function, its arguments, and the factors of steps 0 to 12.
CURVES: list[tuple[str, Callable[..., LambdaLR], dict[str, float], list[float]]] = [
    ("constant", get_constant_schedule, {}, [1.0] * 13),
    (
        "constant_with_warmup",
        get_constant_schedule_with_warmup,
        {"num_warmup_steps": 4},
        [0, 0.25, 0.5, 0.75, *[1.0] * 9],
    ),
    (
        "linear",
        get_linear_schedule_with_warmup,
        {"num_warmup_steps": 2, "num_training_steps": 10},
        [0, 0.5, *(1 - step / 8 for step in range(9)), 0, 0],
    ),
    (
        "cosine",
        get_cosine_schedule_with_warmup,
        {"num_warmup_steps": 2, "num_training_steps": 10},
        [0, 0.5, *(math.cos(math.pi * step / 16) ** 2 for step in range(11))],
    ),
    (
        "cosine",
        get_cosine_schedule_with_warmup,
        {"num_warmup_steps": 0, "num_training_steps": 8, "num_cycles": 2},
        [1, 0.5, 0, 0.5] * 3 + [1],
    ),
    (
        "cosine_with_restarts",
        get_cosine_with_hard_restarts_schedule_with_warmup,
        {"num_warmup_steps": 2, "num_training_steps": 10, "num_cycles": 2},
        [0, 0.5, *[math.cos(math.pi * step / 8) ** 2 for step in range(4)] * 2, 0, 0, 0],
    ),
    (
        "polynomial",
        get_polynomial_decay_schedule_with_warmup,
        {"num_warmup_steps": 2, "num_training_steps": 10, "lr_end": 0.2, "power": 2.0},
        [0, 0.5, *(0.2 + 0.8 * (1 - step / 8) ** 2 for step in range(9)), 0.2, 0.2],
    ),
    (
        "inverse_sqrt",
        get_inverse_sqrt_schedule,
        {"num_warmup_steps": 4},
        [0, 0.25, 0.5, 0.75, *(math.sqrt(4 / step) for step in range(4, 13))],
    ),
    (
        "inverse_sqrt",
        get_inverse_sqrt_schedule,
        {"num_warmup_steps": 0},
        [math.sqrt(10_000 / (10_000 + step)) for step in range(13)],
    ),
    (
        "inverse_sqrt",
        get_inverse_sqrt_schedule,
        {"num_warmup_steps": 1, "timescale": 3},
        [0, *(math.sqrt(3 / (3 + step)) for step in range(12))],
    ),
]


class TestSchedules:
    @pytest.mark.parametrize(("name", "function", "arguments", "expected"), CURVES)
    def test_curves_by_function_and_by_name(
        self, name: str, function: Callable[..., LambdaLR], arguments: dict[str, Any], expected: list[float]
    ) -> None:
        assert factors(function(optimizer(), **arguments), len(expected)) == pytest.approx(expected, abs=1e-12)

        own = {key: value for key, value in arguments.items() if key not in ("num_warmup_steps", "num_training_steps")}
        steps = {key: value for key, value in arguments.items() if key not in own}
        by_name = get_scheduler(name, optimizer(), **steps, scheduler_specific_kwargs=own)
        assert factors(by_name, len(expected)) == pytest.approx(expected, abs=1e-12)

    def test_every_name_has_its_curve(self) -> None:
        assert {SchedulerType(name) for name, *_ in CURVES} == set(SchedulerType)

    def test_a_training_of_warmup_alone_divides_by_nothing(self) -> None:
        schedule = get_polynomial_decay_schedule_with_warmup(optimizer(), 2, 2, lr_end=0.5)

        assert factors(schedule, 4) == [0, 0.5, 1, 0.5]

    def test_the_polynomial_ends_at_a_learning_rate_not_at_a_factor(self) -> None:
        schedule = get_polynomial_decay_schedule_with_warmup(optimizer(lr=4.0), 0, 2, lr_end=1.0)

        assert factors(schedule, 4) == [4.0, 2.5, 1.0, 1.0]

    def test_a_polynomial_that_would_rise_is_refused(self) -> None:
        with pytest.raises(UserError, match=r"lr_end is 0.1 and the optimizer begins with 0.01"):
            get_polynomial_decay_schedule_with_warmup(optimizer(lr=0.01), 0, 10, lr_end=0.1)

    @pytest.mark.parametrize(("name", "function", "arguments", "expected"), CURVES[2:3])
    def test_an_interrupted_training_goes_on_as_if_it_were_not(
        self, name: str, function: Callable[..., LambdaLR], arguments: dict[str, Any], expected: list[float]
    ) -> None:
        first = function(optimizer(), **arguments)
        factors(first, 5)
        second = function(optimizer(), **arguments)
        second.load_state_dict(first.state_dict())

        second.optimizer.step()
        second.step()
        assert second.get_last_lr() == pytest.approx(expected[6:7])

    def test_the_factors_of_a_schedule_can_be_pickled(self) -> None:
        schedule = get_cosine_schedule_with_warmup(optimizer(), 2, 10)
        (factor,) = pickle.loads(pickle.dumps(schedule.lr_lambdas))

        assert [factor(step) for step in (0, 1, 2, 10)] == [0, 0.5, 1, 0]

    def test_all_missing_numbers_of_steps_are_named_at_once(self) -> None:
        with pytest.raises(UserError) as raised:
            get_scheduler("linear", optimizer())

        assert raised.value.problems == ("num_warmup_steps was not given", "num_training_steps was not given")

    def test_an_unknown_name_is_answered_with_the_names(self) -> None:
        with pytest.raises(UserError, match="no schedule 'quadratic'.\nThe names are linear, cosine, "):
            get_scheduler("quadratic", optimizer())
