"""Loaded from the original's own files, the models compute what the original computed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import transformers

FIXTURES = Path(__file__).parents[2] / "fixtures" / "bert"
CASES = ("pretraining", "classifier-3-labels", "squad")

#: Above what the recorded float32 numbers are off by themselves, below what an erf gelu or another epsilon costs.
TOLERANCE = 1e-5


class Golden:
    """One recorded case: the model that its checkpoint holds, the inputs, and what the original computed."""

    def __init__(self, name: str) -> None:
        self.folder = FIXTURES / name
        self.case: dict[str, Any] = json.loads((self.folder / "case.json").read_text())
        with np.load(self.folder / "io.npz") as arrays:
            self.arrays = {key: torch.from_numpy(arrays[key]) for key in arrays.files}
        self.inputs = {key: self.arrays[key] for key in ("input_ids", "attention_mask", "token_type_ids")}
        model_class = getattr(transformers, self.case["architecture"])
        self.model, self.info = model_class.from_pretrained(
            self.folder / self.case["tf_checkpoint"],
            config=self.folder / self.case["config"],
            output_loading_info=True,
        )

    def assert_close(self, name: str, actual: torch.Tensor) -> None:
        expected = self.arrays[name].float()
        assert actual.shape == expected.shape
        assert (actual.detach() - expected).abs().max() < TOLERANCE, name


@pytest.fixture(scope="module", params=CASES)
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


def test_everything_is_found_and_the_activation_is_the_originals(golden: Golden) -> None:
    assert not any(golden.info.values())
    assert golden.model.config.hidden_act == "gelu_new"


def test_hidden_states_and_scores(golden: Golden) -> None:
    output = golden.model(**golden.inputs, output_hidden_states=True)
    golden.assert_close("hidden_states", torch.stack(output.hidden_states))
    scores = [name for name in output if name in golden.arrays and name.endswith("logits")]
    assert scores
    for name in scores:
        golden.assert_close(name, output[name])


def test_attention_weights_wanted_or_not(golden: Golden) -> None:
    output = golden.model(**golden.inputs, output_hidden_states=True, output_attentions=True)
    golden.assert_close("hidden_states", torch.stack(output.hidden_states))


def test_pooled_output(golden: Golden) -> None:
    if golden.model.base_model.pooler is None:
        pytest.skip(f"{golden.case['architecture']} has no pooler")
    golden.assert_close("pooler_output", golden.model.base_model(**golden.inputs).pooler_output)


def test_span_loss() -> None:
    golden = Golden("squad")
    positions = {name: golden.arrays[name] for name in ("start_positions", "end_positions")}
    golden.assert_close("loss", golden.model(**golden.inputs, **positions).loss)
