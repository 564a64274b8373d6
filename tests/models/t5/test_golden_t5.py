"""A converted model computes and writes what the original did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.shared.golden_cases import GoldenCase, golden_cases

CASES = golden_cases("t5")
INPUTS = ("input_ids", "attention_mask", "decoder_input_ids", "decoder_attention_mask")


@pytest.mark.parametrize("directly", [False, True])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_model_computes_what_the_original_computed(case: GoldenCase, directly: bool, tmp_path: Path) -> None:
    if directly:
        model = case.load_directly()
    else:
        case.convert(tmp_path / "model")
        model = case.load_converted(tmp_path / "model")
    inputs = {name: case.input(name) for name in INPUTS}
    labels = case.input("labels")

    with torch.no_grad():
        output = model(**inputs, labels=labels.masked_fill(labels == 0, -100), output_hidden_states=True)

    real, real_target = case.recorded["attention_mask"] == 1, case.recorded["decoder_attention_mask"] == 1
    assert_close(case, "encoder_hidden_states", torch.stack(output.encoder_hidden_states), real)
    assert_close(case, "decoder_hidden_states", torch.stack(output.decoder_hidden_states), real_target)
    assert_close(case, "logits", output.logits, real_target)
    loss = float(output.loss) * real_target.sum() / real_target.size  # the original divides by padding, too
    assert abs(loss - case.recorded["token_loss_sum_over_all_positions"]) < 1e-5


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_model_writes_what_the_original_wrote(case: GoldenCase, use_cache: bool) -> None:
    model, expected = case.load_directly(), case.recorded["greedy_ids"]
    tokens = model.generate(
        case.input("input_ids"),
        attention_mask=case.input("attention_mask"),
        max_new_tokens=expected.shape[1],
        use_cache=use_cache,
    )
    assert (tokens[:, 0] == 0).all()
    for row, wanted in zip(tokens[:, 1:].numpy(), expected, strict=True):
        end = int(np.argmax(wanted == 1)) + 1 if (wanted == 1).any() else len(wanted)
        assert row[:end].tolist() == wanted[:end].tolist()


def assert_close(case: GoldenCase, name: str, output: torch.Tensor, real: np.ndarray) -> None:
    """Holds real positions against the recorded ones; these models amplify the rounding of float32."""
    found, expected = output.numpy()[..., real, :], case.recorded[name][..., real, :]
    allowed = case.description["tolerance"] * max(1.0, np.abs(expected).max() / 10)
    assert np.abs(found - expected).max() <= allowed, name
