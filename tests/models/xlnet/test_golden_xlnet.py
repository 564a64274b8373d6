"""Converted, and loaded from the original's own files, the models compute what the original computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.shared.golden_cases import FIXTURES, GoldenCase

PRETRAINED = GoldenCase(FIXTURES / "xlnet" / "pretrain")
FINE_TUNED = GoldenCase(FIXTURES / "xlnet" / "sts-b")


@pytest.fixture(params=["converted", "original"])
def load(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Loads the model of a case in one of the two ways."""

    def load_case(case: GoldenCase) -> Any:
        if request.param == "original":
            return case.load_directly()
        case.convert(tmp_path / "model")
        return case.load_converted(tmp_path / "model")

    return load_case


def run_as(model: Any, case: GoldenCase, prefix: str) -> None:
    """Sets what the original was told by flags."""
    flags = case.description["run_config"][f"{prefix}_*"]
    for name in ("bi_data", "clamp_len", "same_length", "attn_type"):
        setattr(model.config, name, flags[name])
    model.config.mem_len, model.config.reuse_len = flags["mem_len"], flags["reuse_len"]


@torch.no_grad()
def test_scores_and_states_with_segments_and_padding_and_without(load: Any) -> None:
    model, case = load(PRETRAINED), PRETRAINED
    segmented = model(
        case.input("plain_input_ids"),
        token_type_ids=case.input("plain_token_type_ids"),
        input_mask=case.input("plain_input_mask"),
        output_hidden_states=True,
    )
    plain = model(case.input("noseg_input_ids"), output_hidden_states=True)
    assert model.config.ff_activation == "gelu_new"
    case.assert_computed(
        plain_logits=segmented.logits,
        plain_hidden_states=torch.stack(segmented.hidden_states),
        noseg_logits=plain.logits,
        noseg_last_hidden_state=plain.hidden_states[-1],
    )


@torch.no_grad()
def test_memories_over_three_segments(load: Any) -> None:
    model, case, mems = load(PRETRAINED), PRETRAINED, None
    run_as(model, case, "mems")
    for segment in range(3):
        output = model(
            case.input(f"mems_input_ids_{segment}"),
            token_type_ids=case.input(f"mems_token_type_ids_{segment}"),
            mems=mems,
        )
        mems = output.mems
        case.assert_computed(
            **{f"mems_logits_{segment}": output.logits, f"mems_after_{segment}": torch.stack(mems)},
        )


@torch.no_grad()
def test_two_streams_over_two_segments(load: Any) -> None:
    model, case, mems = load(PRETRAINED), PRETRAINED, None
    run_as(model, case, "two")
    for segment in range(2):
        counted = case.input(f"two_target_mask_{segment}").bool()
        output = model(
            case.input(f"two_input_k_{segment}"),
            token_type_ids=case.input(f"two_seg_id_{segment}"),
            perm_mask=case.input(f"two_perm_mask_{segment}"),
            target_mapping=case.input(f"two_target_mapping_{segment}"),
            labels=case.input(f"two_target_{segment}").masked_fill(~counted, -100),
            mems=mems,
            output_hidden_states=True,
        )
        mems = output.mems
        computed = {
            "two_logits": output.logits,
            "two_loss": output.loss,
            "two_mems_after": torch.stack(mems),
            "two_h_hidden_states": torch.stack(output.hidden_states[:-2:2]),
        }
        case.assert_computed(**{f"{name}_{segment}": value for name, value in computed.items()})


@torch.no_grad()
def test_a_regression(load: Any) -> None:
    model, case, labels = load(FINE_TUNED), FINE_TUNED, FINE_TUNED.input("label_ids")
    output = model(
        case.input("input_ids"),
        token_type_ids=case.input("segment_ids"),
        input_mask=case.input("input_mask"),
        labels=labels,
        output_hidden_states=True,
    )
    logits = output.logits.squeeze(-1)
    assert torch.allclose(output.loss, case.input("per_example_loss").mean(), atol=1e-5)
    case.assert_computed(
        logits=logits,
        per_example_loss=(logits - labels) ** 2,
        last_hidden_state=output.hidden_states[-1],
        pooled_summary=model.sequence_summary(output.hidden_states[-1]),
    )
    assert not model.transformer.mask_emb.any()
