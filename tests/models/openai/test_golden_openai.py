"""Converted, and loaded from the original's own files, the models compute what the original computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.shared.golden_cases import GoldenCase, golden_cases

CASES = golden_cases("gpt")


def compute(model: Any, case: GoldenCase) -> dict[str, torch.Tensor]:
    """What the model computes of the case's outputs."""
    names = ("input_ids", "position_ids", "mc_token_ids")
    inputs = {name: case.input(name) for name in names if name in case.recorded}
    with torch.no_grad():
        outputs = model(**inputs, output_hidden_states=True)
        computed = {"lm_logits": outputs.logits}
        for number, states in enumerate(outputs.hidden_states):
            computed[f"hidden_{number}"] = states.view(case.recorded[f"hidden_{number}"].shape)
        if "mc_logits" in case.recorded:
            computed["mc_logits"] = outputs.mc_logits
        if "input_ids_b" in case.recorded:
            second = model(case.input("input_ids_b"), position_ids=case.input("position_ids_b"))
            computed["lm_logits_b"] = second.logits
    return computed


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_converted_model(case: GoldenCase, tmp_path: Path) -> None:
    case.convert(tmp_path / "model")
    case.assert_computed(**compute(case.load_converted(tmp_path / "model"), case))
