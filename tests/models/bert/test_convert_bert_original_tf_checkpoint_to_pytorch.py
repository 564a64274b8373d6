from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
from tests.shared.converter_tester import ConverterTester
from tests.shared.memory_checkpoint import MemoryCheckpoint
from tests.shared.synthetic_checkpoint import Array, synthetic_arrays

from transformers.conversion import ConversionError, ConversionPlan, PlanRequest, make_plan
from transformers.conversion.activations import google_activation
from transformers.conversion.configs import ConfigSource
from transformers.models.bert.convert_bert_original_tf_checkpoint_to_pytorch import FAMILY

SIZES = {"V": 11, "H": 8, "P": 6, "T": 2, "I": 12, "i": 2, "N": 3}
CONFIG = {
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 8,
    "initializer_range": 0.02,
    "intermediate_size": 12,
    "max_position_embeddings": 6,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "type_vocab_size": 2,
    "vocab_size": 11,
}
POOLER = ("bert/pooler/dense/kernel", "bert/pooler/dense/bias")


class TestBertConversion(ConverterTester):
    family = FAMILY
    sizes: ClassVar = SIZES
    config_file = "bert_config.json"
    config: ClassVar = CONFIG


def arrays_of(architecture: str, **sizes: int) -> dict[str, Array]:
    return synthetic_arrays(FAMILY, architecture, {**SIZES, **sizes})


def plan(arrays: Mapping[str, Array], config: Mapping[str, Any] = CONFIG, **request: Any) -> ConversionPlan:
    source = ConfigSource("bert_config.json", config, "model_type" in config)
    return make_plan(FAMILY, MemoryCheckpoint(arrays), PlanRequest(configs=[source], **request))


def without(arrays: Mapping[str, Array], *names: str) -> dict[str, Array]:
    return {name: values for name, values in arrays.items() if name not in names}


# -------------------------------------------------------------------------------------------------- the configuration


@pytest.mark.parametrize(
    ("word", "ours"),
    [("gelu", "gelu_new"), ("GELU", "gelu_new"), ("relu", "relu"), ("tanh", "tanh"), ("linear", "linear")],
)
def test_activations_mean_what_the_original_computes(word: str, ours: str) -> None:
    assert plan(arrays_of("BertModel"), {**CONFIG, "hidden_act": word}).config["hidden_act"] == ours


@pytest.mark.parametrize("word", [None, ""])
def test_no_activation_is_the_linear_one(word: str | None) -> None:
    assert google_activation(word) == "linear"


def test_the_ecosystems_words_are_taken_literally() -> None:
    config = {**CONFIG, "model_type": "bert", "layer_norm_eps": 1e-5}

    settled = plan(arrays_of("BertModel"), config).config

    assert settled["hidden_act"] == "gelu"
    assert settled["layer_norm_eps"] == 1e-5


def test_an_absent_activation_is_the_originals_in_both_dialects() -> None:
    for extra in ({}, {"model_type": "bert"}):
        config = {name: value for name, value in CONFIG.items() if name != "hidden_act"} | extra
        assert plan(arrays_of("BertModel"), config).config["hidden_act"] == "gelu_new"


def test_what_was_assumed_is_said() -> None:
    settled = plan(arrays_of("BertModel"), {"num_attention_heads": 2})

    assert settled.config["hidden_dropout_prob"] == 0.1
    assert "hidden_dropout_prob = 0.1 (the original's default)" in settled.assumed
    assert not any(assumption.startswith("hidden_size") for assumption in settled.assumed), "the tensors show it"


def test_the_heads_of_a_released_model_are_known() -> None:
    arrays = {
        name: np.broadcast_to(np.float32(0), values.shape)
        for name, values in arrays_of("BertModel", H=128, I=512, P=2, V=2, i=2).items()
    }

    settled = plan(arrays, {"vocab_size": 2})

    assert settled.config["num_attention_heads"] == 2
    assert "num_attention_heads = 2 (the shapes are those of BERT L-2 H-128)" in settled.assumed


def test_unknown_fields_are_kept() -> None:
    assert plan(arrays_of("BertModel"), {**CONFIG, "directionality": "bidi"}).config["directionality"] == "bidi"


# ----------------------------------------------------------------------------------------------------- architectures


@pytest.mark.parametrize(
    ("architecture", "drop", "seen"),
    [
        ("BertForPreTraining", (), "BertForPreTraining"),
        (
            "BertForPreTraining",
            ("cls/seq_relationship/output_weights", "cls/seq_relationship/output_bias"),
            "BertForMaskedLM",
        ),
        ("BertForSequenceClassification", (), "BertForSequenceClassification"),
        ("BertForQuestionAnswering", (), "BertForQuestionAnswering"),
        ("BertForNextSentencePrediction", (), "BertForNextSentencePrediction"),
        ("BertModel", (), "BertModel"),
        ("BertModel", POOLER, "BertModel"),
    ],
)
def test_the_class_follows_from_the_head(architecture: str, drop: tuple[str, ...], seen: str) -> None:
    assert plan(without(arrays_of(architecture), *drop)).architecture == seen


@pytest.mark.parametrize("labels", [1, 2, 7])
def test_the_number_of_labels_follows_from_the_head(labels: int) -> None:
    settled = plan(arrays_of("BertForSequenceClassification", N=labels))

    assert settled.config["num_labels"] == labels


def test_a_model_without_a_pooler_says_so() -> None:
    settled = plan(without(arrays_of("BertModel"), *POOLER))

    assert settled.config["add_pooling_layer"] is False
    assert not any("pooler" in row.target for row in settled.rows)


def test_span_models_leave_the_pooler_out_and_say_so() -> None:
    arrays = {**arrays_of("BertForQuestionAnswering"), **arrays_of("BertModel")}

    settled = plan(arrays)

    assert settled.architecture == "BertForQuestionAnswering"
    assert {skipped.name for skipped in settled.skipped} == set(POOLER)
    assert all("pooler" in skipped.reason for skipped in settled.skipped)


def test_a_chosen_class_leaves_the_other_head_out_and_says_so() -> None:
    settled = plan(arrays_of("BertForPreTraining"), architecture="BertModel")

    assert {skipped.reason for skipped in settled.skipped} == {
        "head of BertForPreTraining, which BertModel does not have"
    }
    assert settled.rows[0].target == "embeddings.word_embeddings.weight"


@pytest.mark.parametrize("missing", sorted(set(arrays_of("BertForPreTraining")) - set(arrays_of("BertModel"))))
def test_a_head_that_is_not_complete_is_never_passed_over(missing: str) -> None:
    gone = {missing}
    with pytest.raises(ConversionError, match=rf"BertForPreTraining:\n  {missing} is missing"):
        plan(without(arrays_of("BertForPreTraining"), *gone))


def test_both_heads_of_a_checkpoint_can_be_had() -> None:
    arrays = {**arrays_of("BertForPreTraining"), **arrays_of("BertForSequenceClassification")}
    with pytest.raises(ConversionError, match="--architecture"):
        plan(arrays)

    for architecture in ("BertForPreTraining", "BertForSequenceClassification"):
        assert plan(arrays, architecture=architecture).architecture == architecture


def test_every_released_model_is_known_with_its_heads() -> None:
    heads = {(model.sizes["i"], model.sizes["H"]): model.fields["num_attention_heads"] for model in FAMILY.released}

    assert heads[12, 768] == 12
    assert heads[24, 1024] == 16
    assert heads[2, 128] == 2
    assert all(width == 64 * heads[depth, width] for depth, width in heads)


def test_another_familys_checkpoint_is_refused_by_name() -> None:
    with pytest.raises(ConversionError, match="somewhere/model.ckpt does not look like BERT"):
        make_plan(FAMILY, MemoryCheckpoint({"x": np.zeros(1)}, "somewhere/model.ckpt"), PlanRequest())


@pytest.mark.parametrize("task", ["MNLI", "sst-2", "a task of my own", "squad"])
def test_the_name_of_a_task_is_kept_whatever_the_class_is_and_held_against_labels_only(task: str) -> None:
    for architecture, labels in (("BertForPreTraining", None), ("BertForSequenceClassification", 3)):
        arrays = synthetic_arrays(FAMILY, architecture, {**SIZES_OF_TASKS, "N": 3})
        source = ConfigSource("the user", {"num_attention_heads": 2, "finetuning_task": task}, literal=True)
        request = PlanRequest(configs=[source])
        if task == "sst-2" and labels:
            with pytest.raises(ConversionError, match='"sst-2" has 2 labels, the head in the checkpoint has 3'):
                make_plan(FAMILY, MemoryCheckpoint(arrays), request)
        else:
            made = make_plan(FAMILY, MemoryCheckpoint(arrays), request)
            assert (made.architecture, made.config["finetuning_task"]) == (architecture, task)


SIZES_OF_TASKS = {"H": 6, "I": 10, "V": 11, "P": 7, "T": 2, "i": 1}
