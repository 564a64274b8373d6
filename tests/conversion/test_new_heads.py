"""What a head lacks and ``--init_missing`` asks for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tests.shared.memory_checkpoint import MemoryCheckpoint
from tests.shared.synthetic_checkpoint import Array, synthetic_arrays

import transformers
from transformers.conversion import ConversionError, ConversionPlan, PlanRequest, make_plan
from transformers.conversion.configs import ConfigSource
from transformers.conversion.initialisation import Initial
from transformers.models.auto.original_families import load_family

SIZES = {"H": 6, "I": 10, "V": 11, "P": 7, "T": 2, "i": 1, "N": 3}


def plan(
    arrays: dict[str, Array], architecture: str, said: Any = (), model_type: str = "bert", **request: Any
) -> ConversionPlan:
    """The plan for a checkpoint whose head is completed."""
    source = ConfigSource("the user", {"num_attention_heads": 2, "n_head": 2, "n_heads": 2, **dict(said)}, literal=True)
    asked = PlanRequest(configs=[source], architecture=architecture, init_missing=True, **request)
    return make_plan(load_family(model_type), MemoryCheckpoint(arrays), asked)


def bert(architecture: str = "BertModel") -> dict[str, Array]:
    return synthetic_arrays(load_family("bert"), architecture, SIZES)


def new_rows(made: ConversionPlan) -> dict[str, Any]:
    """Key -> shape and operation of what is new."""
    return {row.target: (row.shape, row.operation) for row in made.rows if row.target in made.newly_initialized}


def test_a_head_begins_as_the_model_class_begins_it() -> None:
    made = plan(bert(), "BertForTokenClassification", {"num_labels": 3, "initializer_range": 0.5})

    assert new_rows(made) == {
        "classifier.weight": ((3, 6), Initial("classifier.weight", (3, 6), deviation=0.5)),
        "classifier.bias": ((3,), Initial("classifier.bias", (3,))),
    }
    assert made.config["newly_initialized"] == ["classifier.weight", "classifier.bias"]
    assert made.config["num_labels"] == 3


@pytest.mark.parametrize("count", [0, -1, "3", 10**12])
def test_a_number_of_labels_that_is_none_is_refused(count: object) -> None:
    with pytest.raises(ConversionError, match=f"num_labels   the user says {count}, there is 1 or more"):
        plan(bert(), "BertForTokenClassification", {"num_labels": count})


def test_only_what_is_missing_is_new() -> None:
    arrays = bert("BertForTokenClassification")
    del arrays["output_bias"]

    made = plan(arrays, "BertForTokenClassification")

    assert new_rows(made) == {"classifier.bias": ((3,), Initial("classifier.bias", (3,)))}


def test_a_mapped_weight_may_lack_its_bias() -> None:
    made = plan(
        bert() | {"mine/w": np.ones((3, 6), np.float32)}, "BertForTokenClassification", maps=["mine=classifier"]
    )

    assert made.newly_initialized == ("classifier.bias",)
    assert made.config["num_labels"] == 3


def test_a_pooler_belongs_to_the_head_that_needs_it() -> None:
    arrays = {name: values for name, values in bert().items() if "pooler" not in name}

    made = plan(arrays, "BertForSequenceClassification", {"num_labels": 2})

    assert set(made.newly_initialized) == {
        "bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias",
    }  # fmt: skip
    assert "add_pooling_layer" not in made.config


def test_norms_begin_with_ones() -> None:
    made = plan(bert(), "BertForMaskedLM")

    assert new_rows(made)["cls.predictions.transform.LayerNorm.weight"][1].forward([]).tolist() == [1.0] * 6
    assert new_rows(made)["cls.predictions.bias"][1].forward([]).tolist() == [0.0] * 11


def test_nothing_of_the_encoder_is_new() -> None:
    arrays = bert()
    del arrays["bert/embeddings/LayerNorm/beta"]

    with pytest.raises(ConversionError, match="bert/embeddings/LayerNorm/beta is missing"):
        plan(arrays, "BertForTokenClassification", {"num_labels": 2})


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "no file has it and no tensor shows it: give --num_labels N"),
        ({"num_labels": 3, "id2label": {"0": "a"}}, "num_labels .* the user says"),
    ],
)
def test_the_number_of_labels_has_to_be_said(said: dict[str, Any], words: str) -> None:
    with pytest.raises(ConversionError, match=words):
        plan(bert(), "BertForTokenClassification", said)


def test_without_the_flag_it_is_an_error_that_names_the_flag() -> None:
    request = PlanRequest(
        configs=[ConfigSource("the user", {"num_attention_heads": 2}, literal=True)],
        architecture="BertForTokenClassification",
    )
    with pytest.raises(ConversionError, match="output_weights is missing") as failure:
        make_plan(load_family("bert"), MemoryCheckpoint(bert()), request)

    assert "--init_missing" in failure.value.advice


def test_the_values_are_the_same_each_time_and_differ_by_name() -> None:
    one = Initial("a.weight", (300, 7), deviation=0.5).forward([])

    assert one.dtype == np.float32
    assert np.array_equal(one, Initial("a.weight", (300, 7), deviation=0.5).forward([]))
    assert not np.array_equal(one, Initial("b.weight", (300, 7), deviation=0.5).forward([]))
    assert abs(one.mean()) < 0.05
    assert abs(one.std() - 0.5) < 0.05
    assert str(Initial("a.weight", (300, 7), deviation=0.5)) == "begin normal with deviation 0.5, seed 0"


def test_uniform_values_stay_in_their_range() -> None:
    values = Initial("a.weight", (300, 7), width=0.25).forward([])

    assert 0.24 < values.max() <= 0.25
    assert -0.25 <= values.min() < -0.24


#: A base model of each family, a head that it lacks, and the deviations that the model class has for the head.
FAMILIES = [
    ("albert", "AlbertForQuestionAnswering", {**SIZES, "E": 5, "g": 1, "k": 1}, {}),
    ("gpt2", "GPT2ForSequenceClassification", {"V": 7, "P": 3, "E": 4, "i": 1}, {"n_head": 2}),
    ("transfo-xl", "TransfoXLForSequenceClassification",
     {"M": 6, "H": 2, "D": 2, "I": 5, "l": 1, "k": 2, "C": 1, "n0": 3, "n1": 2, "e0": 8, "e1": 4}, {"cutoffs": [3]}),
    ("xlnet", "XLNetForSequenceClassification", {"V": 9, "M": 6, "N": 2, "D": 3, "I": 5, "l": 1},
     {"ff_activation": "relu"}),
    ("xlm", "XLMForQuestionAnswering", {"V": 11, "E": 8, "P": 9, "L": 3, "i": 1}, {"n_langs": 3, "init_std": 0.3}),
]  # fmt: skip


@pytest.mark.parametrize(("model_type", "architecture", "sizes", "config"), FAMILIES)
def test_heads_of_all_families_can_be_new(
    model_type: str, architecture: str, sizes: dict[str, int], config: dict[str, Any]
) -> None:
    """What is new is what the model class has besides what is there, in its shapes and with its deviations."""
    family = load_family(model_type)
    arrays = synthetic_arrays(family, family.base_model, sizes, absent=["*.head.*"])

    labels = {"num_labels": 3} if family.architectures[architecture].labels else {}
    made = plan(arrays, architecture, {**config, **labels}, model_type)

    settled = family.config_class(**made.config)
    torch.manual_seed(0)
    model = getattr(transformers, architecture)(settled)
    state = model.state_dict()
    assert {row.target: row.shape for row in made.rows} | {key: tuple(state[key].shape) for key in made.tied} == {
        key: tuple(tensor.shape) for key, tensor in state.items()
    }
    assert made.newly_initialized
    for key, (_, operation) in new_rows(made).items():
        if operation.deviation:
            assert state[key].std().item() == pytest.approx(operation.deviation, rel=0.7)
        else:
            assert torch.equal(state[key], torch.full_like(state[key], operation.mean)), key


def test_a_new_head_of_xlnet_has_its_usual_summary() -> None:
    sizes = {"V": 9, "M": 6, "N": 2, "D": 3, "I": 5, "l": 1}
    arrays = synthetic_arrays(load_family("xlnet"), "XLNetModel", sizes)
    said = {"ff_activation": "relu", "num_labels": 3}

    made = plan(arrays, "XLNetForSequenceClassification", said, "xlnet")

    assert "sequence_summary.summary.weight" in made.newly_initialized
    assert made.config["summary_use_proj"] is True
