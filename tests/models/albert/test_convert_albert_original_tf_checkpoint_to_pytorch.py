from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from tests.shared.converter_tester import ConverterTester
from tests.shared.memory_checkpoint import MemoryCheckpoint
from tests.shared.synthetic_checkpoint import Array, synthetic_arrays

from transformers.conversion import ConversionError, ConversionPlan, PlanRequest, make_plan
from transformers.conversion.configs import ConfigSource
from transformers.conversion.torch_files import tensors_of
from transformers.models.albert.configuration_albert import AlbertConfig
from transformers.models.albert.convert_albert_original_tf_checkpoint_to_pytorch import FAMILY
from transformers.models.albert.modeling_albert import AlbertModel

SIZES = {"V": 11, "E": 5, "H": 8, "P": 6, "T": 2, "I": 12, "g": 2, "k": 2, "N": 3}
CONFIG = {
    "vocab_size": 11,
    "embedding_size": 5,
    "hidden_size": 8,
    "num_hidden_layers": 3,
    "num_hidden_groups": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "inner_group_num": 2,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0,
    "attention_probs_dropout_prob": 0,
    "max_position_embeddings": 6,
    "type_vocab_size": 2,
    "initializer_range": 0.02,
    "net_structure_type": 0,
}


class TestAlbertConversion(ConverterTester):
    family = FAMILY
    sizes: ClassVar = SIZES
    config_file = "albert_config.json"
    config: ClassVar = CONFIG


def arrays_of(architecture: str, **sizes: int) -> dict[str, Array]:
    return synthetic_arrays(FAMILY, architecture, {**SIZES, **sizes})


def plan(arrays: Mapping[str, Array], config: Mapping[str, Any] = CONFIG, **request: Any) -> ConversionPlan:
    return make_plan(
        FAMILY, MemoryCheckpoint(arrays), PlanRequest(configs=[ConfigSource("albert_config.json", config)], **request)
    )


def test_the_head_of_race_scores_choices_though_its_variables_are_those_of_a_classifier() -> None:
    arrays = arrays_of("AlbertForSequenceClassification", N=1)
    assert plan(arrays).architecture == "AlbertForSequenceClassification"
    assert plan(arrays, {**CONFIG, "finetuning_task": "RACE"}).architecture == "AlbertForMultipleChoice"
    with pytest.raises(ConversionError, match=r"output_weights is \[3, 8\], expected \[1, 8\]"):
        plan(arrays_of("AlbertForSequenceClassification"), {**CONFIG, "finetuning_task": "race"})
    with pytest.raises(ConversionError, match='"race" needs the head of AlbertForMultipleChoice'):
        plan(arrays_of("AlbertForPreTraining"), {**CONFIG, "finetuning_task": "race"})


@pytest.mark.parametrize(
    "architecture",
    ["AlbertModel", "AlbertForPreTraining", "AlbertForMaskedLM", "AlbertForSequenceClassification",
     "AlbertForQuestionAnswering"],
)  # fmt: skip
def test_the_class_follows_from_the_head(architecture: str) -> None:
    assert plan(arrays_of(architecture)).architecture == architecture


def test_equal_widths_have_no_projection_in_the_original_and_the_identity_here() -> None:
    arrays = {name: values for name, values in arrays_of("AlbertModel", E=8).items() if "mapping_in" not in name}
    settled = plan(arrays, {**CONFIG, "embedding_size": 8})
    tensors = tensors_of(settled.rows, MemoryCheckpoint(arrays))
    assert torch.equal(tensors["encoder.embedding_hidden_mapping_in.weight"], torch.eye(8))
    assert torch.equal(tensors["encoder.embedding_hidden_mapping_in.bias"], torch.zeros(8))


def test_a_projection_that_is_needed_must_be_there() -> None:
    arrays = {name: values for name, values in arrays_of("AlbertModel").items() if "mapping_in" not in name}
    with pytest.raises(ConversionError, match="mapping_in/kernel is missing: the widths .* differ \\(5 to 8\\)"):
        plan(arrays)


def test_a_group_that_no_layer_uses_may_be_absent_and_one_that_is_used_must_not() -> None:
    config = {**CONFIG, "num_hidden_layers": 22, "num_hidden_groups": 22, "inner_group_num": 1}
    arrays = arrays_of("AlbertModel", g=22, k=1)
    unused = {name: values for name, values in arrays.items() if "/group_15/" not in name}
    settled = plan(unused, config)
    keys = set(AlbertModel(AlbertConfig(**settled.config)).state_dict())
    assert {row.target for row in settled.rows} == keys

    used = {name: values for name, values in arrays.items() if "/group_3/" not in name}
    with pytest.raises(ConversionError, match="layers use group 3, of which the checkpoint has nothing"):
        plan(used, config)


def test_the_head_of_squad_2_is_left_out_and_said() -> None:
    head = {"start_logits/dense/kernel": (8, 1), "end_logits/dense_0/bias": (8,), "answer_class/dense_1/kernel": (8, 1)}
    arrays = arrays_of("AlbertModel") | {name: np.zeros(shape, np.float32) for name, shape in head.items()}
    settled = plan(arrays)
    assert settled.architecture == "AlbertModel"
    (left_out,) = settled.skipped_by_reason.values()
    assert {skipped.name for skipped in left_out} == head.keys()


def test_a_model_from_tensorflow_hub_is_found_in_its_scope() -> None:
    arrays = arrays_of("AlbertForSequenceClassification")
    moved = {name if name.startswith("output_") else f"module/{name}": values for name, values in arrays.items()}
    assert plan(moved).architecture == "AlbertForSequenceClassification"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("num_hidden_groups", 3, "the checkpoint has numbers 0..1"),
        ("inner_group_num", 1, "the checkpoint has numbers 0..1"),
        ("embedding_size", 8, r"word_embeddings is \[11, 5\]"),
        ("num_attention_heads", 3, "not a multiple of num_attention_heads 3"),
        ("num_attention_heads", 0, "0 is not a whole number from 1 on"),
        ("hidden_act", "swish", '"swish" is no activation'),
    ],
)
def test_contradictions_are_named(field: str, value: Any, words: str) -> None:
    with pytest.raises(ConversionError, match=words):
        plan(arrays_of("AlbertModel"), {**CONFIG, field: value})
