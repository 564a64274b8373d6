"""Texts and scores that transformers 5.23.0 gives for the same weights, recorded in ``tests/fixtures/generation/``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from transformers import GPT2Config, GPT2LMHeadModel, T5Config, T5ForConditionalGeneration
from transformers.modeling_utils import PreTrainedModel

RECORDED = json.loads((Path(__file__).parents[1] / "fixtures" / "generation" / "texts.json").read_text())
CASES = [(name, case) for name in ("gpt2", "t5") for case in RECORDED[name]]


def tiny(name: str) -> PreTrainedModel:
    """The model of the recording: weights by a formula, so that no generator of random numbers is part of it."""
    if name == "gpt2":
        tokens = {"bos_token_id": 29, "eos_token_id": 30, "pad_token_id": 28, "tie_word_embeddings": False}
        model: Any = GPT2LMHeadModel(
            GPT2Config(vocab_size=31, n_positions=24, n_embd=12, n_layer=2, n_head=3, **tokens)
        )
    else:
        tokens = {"decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 2, "tie_word_embeddings": False}
        sizes = {"vocab_size": 31, "d_model": 12, "d_kv": 5, "d_ff": 20, "num_layers": 2, "num_heads": 3}
        model = T5ForConditionalGeneration(T5Config(**sizes, **tokens))
    with torch.no_grad():
        for index, parameter in enumerate(model.parameters()):
            if parameter.ndim > 1:
                angles = torch.arange(parameter.numel(), dtype=torch.float64) * 12.9898 + index
                parameter.copy_(((angles.sin() * 43758.5453).frac() * 1.2).view_as(parameter))
    return model.eval()


@pytest.mark.parametrize(("name", "case"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_texts_and_scores_are_those_of_the_ecosystem(name: str, case: dict[str, Any]) -> None:
    prompts = torch.tensor(RECORDED["prompts"])
    options = {"attention_mask": torch.ones_like(prompts), "return_dict_in_generate": True, "output_scores": True}
    output = tiny(name).generate(prompts, **options, **case["options"])
    assert output.sequences.tolist() == case["sequences"]
    if "sequences_scores" in case:
        expected = torch.tensor(case["sequences_scores"])
        torch.testing.assert_close(output.sequences_scores, expected, atol=2e-5, rtol=1e-5)
        assert output.beam_indices.tolist() == case["beam_indices"]
