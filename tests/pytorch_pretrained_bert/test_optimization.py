"""Optimizers and schedules against what pytorch-pretrained-bert 0.6.2 computed; see ``record.py``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pytorch_pretrained_bert import BertAdam, OpenAIAdam, optimization
from pytorch_pretrained_bert.optimization import warmup_constant, warmup_cosine, warmup_linear
from pytorch_pretrained_bert.optimization_openai import OpenAIAdam as OpenAIAdamOfItsModule

FOLDER = Path(__file__).with_name("recorded")
RECORDED = json.loads((FOLDER / "optimization.json").read_text())
OPTIMIZERS: dict[str, Any] = {"BertAdam": BertAdam, "OpenAIAdam": OpenAIAdam}

CURVES = [(kind, curve) for kind, curves in RECORDED["curves"].items() for curve in curves]
TRAININGS = [(kind, training) for kind, trainings in RECORDED["trainings"].items() for training in trainings]


class Training:
    """The training that was recorded: random parameters, and a random gradient at every step."""

    def __init__(self, kind: str, settings: dict[str, Any]) -> None:
        self.random = np.random.default_rng(0)
        self.parameters = [torch.nn.Parameter(self._draw(shape)) for shape in ((2, 3), (4,))]
        self.optimizer = OPTIMIZERS[kind](self.parameters, lr=0.01, **settings)

    def _draw(self, shape: tuple[int, ...]) -> torch.Tensor:
        return torch.from_numpy(self.random.normal(size=shape))

    def step(self) -> None:
        for parameter in self.parameters:
            parameter.grad = self._draw(tuple(parameter.shape)) * 2
        self.optimizer.step()

    def values(self) -> list[float]:
        return [value for parameter in self.parameters for value in parameter.detach().flatten().tolist()]


@pytest.mark.parametrize(("kind", "curve"), CURVES)
def test_schedules(kind: str, curve: dict[str, Any]) -> None:
    schedule = getattr(optimization, kind)(**curve["settings"])
    assert [schedule.get_lr(step) for step in range(26)] == pytest.approx(curve["factors"], abs=1e-12)


@pytest.mark.parametrize(("kind", "recorded"), TRAININGS)
def test_trainings(kind: str, recorded: dict[str, Any]) -> None:
    training = Training(kind, recorded["settings"])
    rates = [training.optimizer.get_lr()]
    for expected in recorded["values"]:
        training.step()
        rates.append(training.optimizer.get_lr())
        assert training.values() == pytest.approx(expected, abs=1e-12)
    assert [rate for row in rates for rate in row] == pytest.approx([rate for row in recorded["rates"] for rate in row])


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_state_that_the_older_package_saved_is_taken_up(kind: str) -> None:
    settings = {"warmup": 0.1, "t_total": 12}
    finished = Training(kind, settings)
    for _ in range(15):
        finished.step()
    resumed = Training(kind, {})
    resumed.optimizer.load_state_dict(torch.load(FOLDER / f"{kind}.pt"))
    assert resumed.optimizer.get_lr() == finished.optimizer.get_lr()
    assert resumed.optimizer.param_groups[0]["schedule"].t_total == 12
    states = zip(finished.optimizer.state.values(), resumed.optimizer.state.values(), strict=True)
    for ours, theirs in states:
        assert ours["step"] == theirs["step"] == 15
        for name in finished.optimizer.moments:
            torch.testing.assert_close(ours[name], theirs[name], rtol=0, atol=1e-12)
    resumed.step()


@pytest.mark.parametrize("kind", OPTIMIZERS.values())
@pytest.mark.parametrize(
    "settings",
    [{}, {"lr": -1}, {"lr": 0.1, "b1": 1.0}, {"lr": 0.1, "b2": -0.1}, {"lr": 0.1, "e": -1},
     {"lr": 0.1, "schedule": "x"}, {"lr": 0.1, "t_total": 10, "warmup": 1.5}],
)  # fmt: skip
def test_invalid_arguments_are_value_errors(kind: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"lr|b1|b2| e |schedule|warmup"):
        kind([torch.nn.Parameter(torch.zeros(1))], **settings)


def test_a_schedule_that_is_asked_by_a_script(caplog: pytest.LogCaptureFixture) -> None:
    """As run_classifier.py asks with ``--fp16``: the second argument was that of an earlier release."""
    schedule = optimization.WarmupLinearSchedule(warmup=0.1, t_total=10)
    assert [schedule.get_lr(step, 0.1) for step in (0, 1, 10, 11)] == pytest.approx([0.0, 1.0, 0.0, 0.0])
    assert not caplog.messages
    schedule.get_lr(11)
    assert "beyond the t_total" in caplog.text


def test_factors_as_functions_of_the_progress() -> None:
    """What scripts multiplied the learning rate with themselves, where 16-bit training needed another optimizer."""
    assert [warmup_linear(x, 0.1) for x in (0.05, 0.1, 0.55, 1.0, 1.5)] == pytest.approx([0.5, 1.0, 0.5, 0.0, 0.0])
    assert [warmup_constant(x, 0.1) for x in (0.05, 0.1, 1.0)] == pytest.approx([0.5, 1.0, 1.0])
    assert [warmup_cosine(x, 0.1) for x in (0.05, 0.1, 0.55, 1.0)] == pytest.approx([0.5, 1.0, 0.5, 0.0])


def test_both_modules_have_the_same_optimizer() -> None:
    assert OpenAIAdamOfItsModule is OpenAIAdam
