"""A converted model computes what the original did."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.shared.golden_cases import GoldenCase, golden_cases


@pytest.mark.parametrize("case", golden_cases("xlm"), ids=str)
@pytest.mark.parametrize("way", ["converted", "directly"])
def test_a_model_computes_what_the_original_computed(case: GoldenCase, way: str, tmp_path: Path) -> None:
    if way == "converted":
        case.convert(tmp_path / "model")
    model = case.load_converted(tmp_path / "model") if way == "converted" else case.load_directly()
    inputs = {name: case.input(name) for name in ("input_ids", "attention_mask", "langs", "position_ids")}
    mask, targets = case.input("pred_mask"), case.input("pred_targets")
    labels = torch.full(mask.shape, -100)
    labels.T[mask.T] = targets  # recorded position by position, not row by row

    with torch.no_grad():
        output = model(**inputs, labels=labels, output_hidden_states=True)

    case.assert_computed(
        all_logits=output.logits,
        all_hidden_states=torch.stack(output.hidden_states),
        last_hidden_state=output.hidden_states[-1],
        pred_scores=output.logits.transpose(0, 1)[mask.T],
        pred_loss=output.loss,
    )
