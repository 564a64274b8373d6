"""What a family can declare beyond names and shapes: fields that variables imply, and relatives that are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.shared.memory_checkpoint import MemoryCheckpoint

from transformers import PretrainedConfig, UserError
from transformers.conversion import ConversionPlan, PlanRequest, make_plan
from transformers.conversion.configs import ConfigSource
from transformers.conversion.family import Architecture, ConfigField, Family, Implied
from transformers.conversion.operations import Copy, Scale
from transformers.conversion.rules import skip, table, tensor, tied, when_present


def implied_kind(variables: Mapping[str, Any]) -> Implied | None:
    if "kernel_0" in variables:
        return Implied("two", "the checkpoint has kernel_0", lambda value: value.startswith("two"))
    return None


def implied_tie(variables: Mapping[str, Any]) -> Implied:
    return Implied("scores" not in variables, "scores are there" if "scores" in variables else "there are no scores")


FAMILY = Family(
    model_type="tiny",
    title="Tiny",
    config_class=PretrainedConfig,
    anchor="words",
    encoder=table(
        tensor("words", "words.weight", "V E", lambda _, settled: Scale(settled["E"]) if settled["fold"] else Copy()),
        when_present("kernel_{n}", tensor("kernel_{n}", "kernel.{n}.weight", "E", n=("0", "1")), n=("0", "1")),
        when_present("scores", tensor("scores", "scores.weight", "V E"), tied("scores.weight", "words.weight")),
    ),
    base_prefix="",
    base_model="Tiny",
    headless="Tiny",
    architectures={"Tiny": Architecture()},
    skipped=(),
    fields=(
        ConfigField("width", int, size="E"),
        ConfigField("kind", str, default="one", implied=implied_kind),
        ConfigField("tied", bool, implied=implied_tie),
        ConfigField("rate", float, default=0.1, may_differ=True),
        ConfigField("fold", bool, default=False, conversion_only=True),
    ),
    unsupported=(skip("gate", "*/gate", reason="gates"), skip("towers*", reason="towers")),
)

WORDS = {"words": np.ones((3, 2), np.float32)}
KERNELS = {f"kernel_{number}": np.ones(2, np.float32) for number in range(2)}
SCORES = {"scores": np.ones((3, 2), np.float32)}


def plan(variables: Mapping[str, Any], *configs: Mapping[str, Any], family: Family = FAMILY) -> ConversionPlan:
    sources = [ConfigSource(f"{number}.json", config) for number, config in enumerate(configs)]
    return make_plan(family, MemoryCheckpoint(variables), PlanRequest(configs=sources))


def test_variables_imply_fields_for_certain_or_as_an_assumption() -> None:
    made = plan({**WORDS, **KERNELS, **SCORES})
    assert (made.config["kind"], made.config["tied"]) == ("two", False)
    assert 'kind = "two" (the checkpoint has kernel_0)' in made.assumed
    assert not any(line.startswith("tied") for line in made.assumed)
    assert (plan(WORDS).config["kind"], plan(WORDS).config["tied"]) == ("one", True)


def test_a_file_may_say_what_agrees_with_the_variables() -> None:
    made = plan({**WORDS, **KERNELS}, {"kind": "two and a half", "tied": True})
    assert made.config["kind"] == "two and a half"
    assert not any(line.startswith("kind") for line in made.assumed)


def test_what_does_not_agree_is_refused_field_by_field() -> None:
    with pytest.raises(UserError) as error:
        plan({**WORDS, **KERNELS, **SCORES}, {"kind": "one", "tied": True})
    assert 'kind   0.json says "one", the checkpoint has kernel_0' in str(error.value)
    assert "tied   0.json says true, scores are there" in str(error.value)


def test_files_may_differ_where_it_is_about_training() -> None:
    assert plan(WORDS, {"rate": 0.3}, {"rate": 0.2}).config["rate"] == 0.3


@pytest.mark.parametrize("fold", [True, False])
def test_an_operation_may_depend_on_a_field_that_is_used_up(fold: bool) -> None:
    made = plan(WORDS, {"fold": fold})
    assert "fold" not in made.config
    assert [str(row.operation) for row in made.rows] == ["times 2 (rounds)" if fold else "copy"]


def test_relatives_are_refused_by_all_that_they_have() -> None:
    with pytest.raises(UserError, match="(?s)not a Tiny model that can be converted.*a/gate: gates.*towers_1: towers"):
        plan({**WORDS, "a/gate": np.ones(1, np.float32), "towers_1": np.ones(1, np.float32)})


def test_a_file_is_read_by_its_name_or_its_kind(tmp_path: Path) -> None:
    family = replace(FAMILY, config_files={"settings.ini": lambda path: {"kind": path.read_text()}})
    for name in ("settings.ini", "of_my_own.ini"):
        path = tmp_path / name
        path.write_text("three")
        assert ConfigSource.read(path, family).fields == {"kind": "three"}
    path = tmp_path / "settings.json"
    path.write_text('{"kind": "four"}')
    assert ConfigSource.read(path, family).fields == {"kind": "four"}
