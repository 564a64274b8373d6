from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from make_checkpoints import MODELS, Model, write
from tests.shared.memory_checkpoint import MemoryCheckpoint
from tests.shared.synthetic_checkpoint import synthetic_shapes

from transformers.checkpoints import CheckpointReader, open_checkpoint
from transformers.conversion import PlanRequest, make_plan
from transformers.conversion.configs import ConfigSource
from transformers.models.auto.original_families import load_family

TRANSFO_XL = {
    "M": 12, "E": 64, "H": 3, "D": 4, "I": 7, "l": 2, "V": 12, "C": 3, "k": 4, "n0": 3, "n1": 3, "n2": 3, "n3": 3,
}  # fmt: skip

#: Two layers, and the least of everything else.
SMALL = {
    "bert-base": {"V": 9, "H": 12, "P": 5, "T": 2, "I": 7, "i": 2},
    "gpt2-124m": {"V": 9, "P": 5, "E": 12, "i": 2},
    "albert-base": {"V": 9, "E": 4, "H": 12, "P": 5, "T": 2, "I": 7, "g": 1, "k": 1},
    "gpt": {"V": 9, "P": 5, "E": 12, "i": 2},
    "xlm-1024": {"V": 17, "E": 8, "P": 5, "L": 2, "i": 2},
    "xlnet-base": {"V": 9, "M": 12, "N": 3, "D": 4, "I": 7, "l": 2},
    "transfo-xl-base": TRANSFO_XL,
    "transfo-xl-base-div4": {**TRANSFO_XL, "e0": 64, "e1": 16, "e2": 4, "e3": 1},
    "t5-v1.1-base": {"V": 9, "E": 12, "A": 3, "K": 4, "F": 7, "B": 8, "i": 2, "j": 2},
}

#: A tensor among the options of XLM's training.
PROBABILITIES = "params/pred_probs"


@pytest.fixture(params=sorted(MODELS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def small(name: str) -> Model:
    """A model of the benchmark, but for its sizes."""
    model = MODELS[name]
    return replace(model, sizes=SMALL[name], config={**model.config, "n_words": 17})


def opened(folder: Path) -> CheckpointReader:
    place = {"model.pth": folder / "model.pth", "model.ckpt.index": folder / "model.ckpt"}
    return open_checkpoint(next((path for file, path in place.items() if (folder / file).exists()), folder))


def readings(checkpoint: CheckpointReader) -> Iterator[tuple[str, bytes]]:
    for variable in checkpoint.variables:
        yield variable, checkpoint.read(variable).tobytes()


def test_sizes_and_hyper_parameters_belong_together(name: str) -> None:
    """At full size, without the values."""
    model = MODELS[name]
    family = load_family(model.family)
    shapes = synthetic_shapes(family, model.architecture, model.sizes, model.absent)
    zeros = {variable: np.broadcast_to(np.float32(0), shape) for variable, shape in shapes.items()}
    if model.family == "xlm":  # whether this one is tied shows in its values
        del zeros["model/pred_layer.proj.weight"]
    request = PlanRequest(configs=[ConfigSource("config.json", model.config)] if model.config else [])
    assert make_plan(family, MemoryCheckpoint(zeros), request).architecture == model.architecture


def test_every_run_writes_the_same_variables(name: str, tmp_path: Path) -> None:
    model = small(name)
    shapes = synthetic_shapes(load_family(model.family), model.architecture, model.sizes, model.absent)
    found = []
    for folder in ("one", "other"):
        write(model, tmp_path / folder, slots=False)
        with opened(tmp_path / folder) as checkpoint:
            found.append(dict(readings(checkpoint)))
            stored = [variable.shape for variable in checkpoint.variables.values() if variable.name != PROBABILITIES]
            assert sorted(stored) == sorted(shapes.values())
    assert found[0] == found[1]


@pytest.mark.parametrize("name", ["bert-base", "gpt2-124m"])
def test_slots_change_no_weight(name: str, tmp_path: Path) -> None:
    for slots in (False, True):
        write(small(name), tmp_path / str(slots), slots=slots)
    with opened(tmp_path / "False") as plain, opened(tmp_path / "True") as trained:
        assert len(trained.variables) == 3 * len(plain.variables) + len(MODELS[name].counters)
        found = dict(readings(trained))
        assert all(found[variable] == values for variable, values in readings(plain))


def test_weights_are_random_and_small(tmp_path: Path) -> None:
    write(small("bert-base"), tmp_path / "out", slots=False)
    with opened(tmp_path / "out") as checkpoint:
        values = np.concatenate([checkpoint.read(variable).reshape(-1) for variable in checkpoint.variables])
    assert len(set(values.tolist())) > 0.99 * len(values)
    assert 0.015 < values.std() < 0.025
