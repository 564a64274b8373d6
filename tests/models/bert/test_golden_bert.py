"""Converted, and loaded from the original's own files, the models compute what the original computed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.shared.golden_cases import GoldenCase, golden_cases

from transformers import BertConfig, BertForSequenceClassification

CASES = golden_cases("bert")
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
LABELS = ("start_positions", "end_positions")
OUTPUTS = ("logits", "prediction_logits", "seq_relationship_logits", "start_logits", "end_logits", "loss")


def compute(model: Any, case: GoldenCase, **options: bool) -> dict[str, torch.Tensor]:
    """What the model computes of the case's outputs."""
    inputs = {name: case.input(name) for name in INPUTS}
    labels = {name: case.input(name) for name in LABELS if name in case.recorded}
    with torch.no_grad():
        outputs = model(**inputs, **labels, output_hidden_states=True, **options)
        computed = {name: outputs[name] for name in OUTPUTS if name in case.recorded}
        computed["hidden_states"] = torch.stack(outputs.hidden_states)
        if model.base_model.pooler is not None:  # the head of SQuAD has no use for one
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


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_model_whose_attention_weights_are_wanted(case: GoldenCase) -> None:
    case.assert_computed(**compute(case.load_directly(), case, output_attentions=True))


def test_a_configuration_object_that_names_no_labels_leaves_their_number_to_the_head() -> None:
    (case,) = (case for case in CASES if str(case) == "classifier-3-labels")
    fields = json.loads((case.folder / "bert_config.json").read_text(encoding="utf-8"))
    config = BertConfig(**{**fields, "hidden_act": "gelu_new"})
    model = BertForSequenceClassification.from_pretrained(case.folder / "model.ckpt-340.index", config=config)
    assert model.config.num_labels == 3
    case.assert_computed(**compute(model.eval(), case))
