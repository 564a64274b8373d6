"""Converted, and loaded from the original's own files, the models compute and remember what the original did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.shared.golden_cases import FIXTURES, GoldenCase

CASES = [GoldenCase(FIXTURES / "transfo_xl" / name) for name in ("wt103-like", "wt103-like-same-length")]


@pytest.fixture(params=["converted", "original"])
def load(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Loads the model of a case in one of the two ways."""

    def load_case(case: GoldenCase) -> Any:
        if request.param == "original":
            return case.load_directly()
        case.convert(tmp_path / "model")
        return case.load_converted(tmp_path / "model")

    return load_case


@pytest.mark.parametrize("case", CASES, ids=str)
@torch.no_grad()
def test_three_segments_with_memories(load: Any, case: GoldenCase) -> None:
    model, mems = load(case), None
    for segment in range(3):
        ids = case.input(f"input_ids_{segment}")
        output = model(ids, mems=mems, output_hidden_states=True)
        case.assert_computed(
            **{
                f"log_probs_{segment}": output.prediction_scores,
                f"hidden_states_{segment}": torch.stack(output.hidden_states),
                f"last_hidden_state_{segment}": output.hidden_states[-1],
                f"mems_{segment}": torch.stack(output.mems),
                f"nll_{segment}": -output.logits.gather(-1, case.input(f"target_ids_{segment}")[..., None])[..., 0],
            }
        )
        losses = model(ids, mems=mems, labels=ids).losses
        assert torch.allclose(losses, case.input(f"nll_{segment}")[:, :-1], atol=1e-5)
        mems = output.mems


def test_what_the_original_always_does_is_written_down(tmp_path: Path) -> None:
    CASES[0].convert(tmp_path)
    config = CASES[0].load_converted(tmp_path).config
    assert config.layer_norm_epsilon == 1e-12
    assert config.same_length_inclusive
    assert config.tie_projs == [False, True, True, True]
