from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.shared.golden_cases import GoldenCase, golden_cases

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
LABELS = ("start_positions", "end_positions")
OUTPUTS = ("logits", "prediction_logits", "seq_relationship_logits", "start_logits", "end_logits", "loss")


@pytest.mark.parametrize("case", golden_cases("bert"), ids=str)
def test_a_converted_model_computes_what_the_original_computed(case: GoldenCase, tmp_path: Path) -> None:
    case.convert(tmp_path / "model")
    model = case.load(tmp_path / "model")

    with torch.no_grad():
        inputs = {name: case.input(name) for name in INPUTS}
        labels = {name: case.input(name) for name in LABELS if name in case.recorded}
        outputs = model(**inputs, **labels, output_hidden_states=True)
        encoded = model.base_model(**inputs)

    case.assert_computed(
        hidden_states=torch.stack(outputs.hidden_states),
        **{name: outputs[name] for name in OUTPUTS if name in case.recorded},
        **({} if model.base_model.pooler is None else {"pooler_output": encoded.pooler_output}),
    )
