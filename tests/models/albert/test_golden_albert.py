"""Converted, and loaded from the original's own files, the models compute what the original computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.shared.golden_cases import GoldenCase, golden_cases

CASES = golden_cases("albert")
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUTS = ("logits", "prediction_logits", "sop_logits", "start_logits", "end_logits")


def compute(model: Any, case: GoldenCase) -> dict[str, torch.Tensor]:
    """What the model computes of the case's outputs."""
    inputs = {name: case.input(name) for name in INPUTS}
    with torch.no_grad():
        outputs = model(**inputs, output_hidden_states=True)
        computed = {name: outputs[name] for name in OUTPUTS if name in case.recorded}
        computed["hidden_states"] = torch.stack(outputs.hidden_states)
        if "pooler_output" in case.recorded and model.base_model.pooler is not None:
            computed["pooler_output"] = model.base_model(**inputs).pooler_output
    return computed


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_converted_model(case: GoldenCase, tmp_path: Path) -> None:
    case.convert(tmp_path / "model")
    model = case.load_converted(tmp_path / "model")

    assert model.config.hidden_act == "gelu_new"
    case.assert_computed(**compute(model, case))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_model_from_the_original_files(case: GoldenCase) -> None:
    case.assert_computed(**compute(case.load_directly(), case))
