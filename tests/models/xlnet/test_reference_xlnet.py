"""Converted models against an evaluation of the original's mathematics that has nothing in common with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from tests.models.xlnet.reference import Reference, gelu
from tests.shared.memory_checkpoint import MemoryCheckpoint
from tests.shared.synthetic_checkpoint import synthetic_shapes

import transformers
from transformers.conversion import PlanRequest, make_plan
from transformers.conversion.configs import ConfigSource
from transformers.conversion.torch_files import tensors_of
from transformers.models.xlnet.convert_xlnet_original_tf_checkpoint_to_pytorch import FAMILY

SIZES = {"V": 17, "M": 10, "N": 3, "D": 4, "I": 14, "l": 3, "C": 3}
BATCH, TIME, PREDICTIONS = 4, 6, 3

#: Float32 against double precision.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Case:
    """One way to run a model.

    Attributes:
        name: What to call it.
        settings: Fields of the configuration in which it differs from the defaults of a converted model.
        inputs: Which inputs are given besides the ids.
        segments: How many segments follow each other, each with the memories of the one before.
        tied: Whether the layers share their biases.
        activation: The feed-forward activation in the original's words.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ("token_type_ids",)
    segments: int = 1
    tied: bool = False
    activation: str = "gelu"

    def __str__(self) -> str:
        return self.name


MASKS = ("token_type_ids", "input_mask", "perm_mask")
ALL = (*MASKS, "target_mapping")

CASES = [
    Case("plain"),
    Case("ids alone", inputs=()),
    Case("masks", inputs=MASKS),
    Case("relu, shared biases", inputs=MASKS, tied=True, activation="relu"),
    Case("one direction", {"attn_type": "uni"}),
    Case("one direction and masks", {"attn_type": "uni"}, MASKS, segments=3),
    Case("same length", {"attn_type": "uni", "same_length": True, "mem_len": 5}, MASKS, segments=3),
    Case("clamped", {"clamp_len": 3}, MASKS, segments=2),
    Case("clamped one direction", {"clamp_len": 2, "attn_type": "uni"}, segments=2),
    Case("two directions in a batch", {"bi_data": True}, MASKS, segments=2),
    Case("two clamped directions", {"bi_data": True, "clamp_len": 2}, ALL, segments=2),
    Case("part of the memory", {"mem_len": 7}, MASKS, segments=4),
    Case("part of each segment", {"mem_len": 7, "reuse_len": 4}, MASKS, segments=4),
    Case("two streams", inputs=ALL),
    Case("pre-training", {"mem_len": 5, "reuse_len": 3, "bi_data": True}, ALL, segments=4, tied=True),
    Case("two streams in one direction", {"attn_type": "uni", "same_length": True, "mem_len": 4}, ALL, segments=3),
]


def checkpoint(case: Case) -> dict[str, Any]:
    """The variables of a pre-trained model, random but for the gains, which are around 1."""
    generator = np.random.default_rng(0)
    variables = {
        name: (name.endswith("gamma") + 0.4 * generator.standard_normal(shape)).astype(np.float32)
        for name, shape in synthetic_shapes(FAMILY, "XLNetLMHeadModel", SIZES).items()
    }
    if case.tied:
        for name in ("r_w_bias", "r_r_bias", "r_s_bias"):
            variables[f"model/transformer/{name}"] = variables[f"model/transformer/{name}"][0]
    return variables


def converted(case: Case, variables: Mapping[str, Any]) -> Any:
    """The model that a checkpoint becomes, run as the case says."""
    config = {"ff_activation": case.activation, "untie_r": not case.tied}
    source = MemoryCheckpoint(variables)
    plan = make_plan(FAMILY, source, PlanRequest(configs=[ConfigSource("xlnet_config.json", config)]))
    settings = {**plan.config, **case.settings}
    model = getattr(transformers, plan.architecture)(transformers.XLNetConfig(**settings)).eval()
    left = model.load_state_dict(tensors_of(plan.rows, source), strict=False)
    assert left.missing_keys == ["lm_loss.weight"]  # the word embeddings
    return model


def inputs(case: Case, generator: np.random.Generator) -> dict[str, Any]:
    """A batch; its permutation hides everything from one position."""
    padding = np.zeros((BATCH, TIME))
    padding[0, :2] = padding[3, 5:] = 1
    permutation = (generator.random((BATCH, TIME, TIME)) < 0.4).astype(np.float32)
    permutation[1, 2] = 1
    positions = np.stack([generator.permutation(TIME)[:PREDICTIONS] for _ in range(BATCH)])
    mapping = np.eye(TIME)[positions]
    mapping[2, 2] = 0  # fewer predictions than there is room for
    given = {
        "token_type_ids": generator.integers(0, 3, (BATCH, TIME)),
        "input_mask": padding,
        "perm_mask": permutation,
        "target_mapping": mapping,
    }
    ids = generator.integers(0, SIZES["V"], (BATCH, TIME))
    return {"input_ids": ids, **{name: given[name] for name in case.inputs}}


def close(found: torch.Tensor, expected: Any) -> bool:
    return bool(np.abs(found.detach().numpy() - expected).max() <= TOLERANCE)


@torch.no_grad()
@pytest.mark.parametrize("weights", [False, True], ids=["fused", "weights"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_states_scores_and_memories_are_the_originals(case: Case, weights: bool) -> None:
    variables = checkpoint(case)
    model = converted(case, variables)
    reference = Reference(variables, case.activation, **case.settings)
    generator, mems, expected_mems = np.random.default_rng(1), None, None
    for _ in range(case.segments):
        given = inputs(case, generator)
        content, query, expected_mems = reference(
            given["input_ids"],
            given.get("token_type_ids"),
            given.get("input_mask"),
            given.get("perm_mask"),
            given.get("target_mapping"),
            expected_mems,
        )
        tensors = {name: torch.from_numpy(value) for name, value in given.items()}
        output = model(**tensors, mems=mems, output_hidden_states=True, output_attentions=weights)
        mems = output.mems
        states = [state for pair in zip(content, query, strict=True) for state in pair] if query else content
        assert len(output.hidden_states) == len(states)
        for found, expected in zip((*output.hidden_states, *mems), (*states, *expected_mems), strict=True):
            assert found.shape == expected.shape
            assert close(found, expected)
        words = variables["model/transformer/word_embedding/lookup_table"].T
        assert close(output.logits, (query or content)[-1] @ words + variables["model/lm_loss/bias"])


def test_the_activation_is_the_tanh_form() -> None:
    model = converted(Case("plain"), checkpoint(Case("plain")))
    x = torch.linspace(-4, 4, 100)
    assert model.config.ff_activation == "gelu_new"
    assert close(model.transformer.layer[0].ff.act(x), gelu(x.numpy().astype(np.float64)))
