"""A converted model computes, remembers and writes what the original did."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from tests.shared.golden_cases import GoldenCase, golden_cases


def presents(past_key_values: Iterable[tuple[torch.Tensor, torch.Tensor]], start: int = 0) -> torch.Tensor:
    """The cache from a position on, as the original returns it: ``[batch, layers, 2, heads, time, size]``."""
    layers = [torch.stack([keys, values], dim=1) for keys, values in past_key_values]
    return torch.stack(layers, dim=1)[..., start:, :]


@pytest.mark.parametrize("case", golden_cases("gpt2"), ids=str)
def test_a_converted_model_computes_what_the_original_computed(case: GoldenCase, tmp_path: Path) -> None:
    case.convert(tmp_path / "model")
    model = case.load_converted(tmp_path / "model")
    layers = model.config.n_layer

    with torch.no_grad():
        first = model(case.input("input_ids"), use_cache=True, output_hidden_states=True)
        first_presents = presents(first.past_key_values)
        second = model(case.input("input_ids_2"), past_key_values=first.past_key_values, use_cache=True)
        tokens = model.generate(
            case.input("gen_context"),
            max_new_tokens=case.recorded["gen_tokens"].shape[1] - case.recorded["gen_context"].shape[1],
            do_sample=False,
            eos_token_id=None,
        )

    case.assert_computed(
        logits=first.logits,
        presents=first_presents,
        logits_2=second.logits,
        presents_2=presents(second.past_key_values, start=first_presents.shape[-2]),
        **{f"hidden_{layer}": first.hidden_states[layer] for layer in range(layers)},
        **{f"hidden_{layers + 1}": first.hidden_states[layers]},  # the last one is behind the final norm
    )
    assert tokens.tolist() == case.recorded["gen_tokens"].tolist()
