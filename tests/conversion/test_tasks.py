"""What a task of a known name says about a checkpoint, and variables of models that a class does not compute."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.shared.memory_checkpoint import MemoryCheckpoint
from tests.shared.synthetic_checkpoint import synthetic_arrays

from transformers.checkpoints import Variable
from transformers.conversion import ConversionError, ConversionPlan, PlanRequest, make_plan
from transformers.conversion.configs import ConfigSource
from transformers.conversion.family import Task
from transformers.conversion.layout import VariableTable
from transformers.conversion.rules import skip
from transformers.models.bert.convert_bert_original_tf_checkpoint_to_pytorch import FAMILY

SIZES = {"H": 6, "I": 10, "V": 11, "P": 7, "T": 2, "i": 1, "N": 3}

TASKS = {
    "mnli": Task("BertForSequenceClassification", 3),
    "cola": Task("BertForSequenceClassification", 2),
    "topics": Task("BertForSequenceClassification"),
    "squad": Task("BertForQuestionAnswering"),
}
WITH_TASKS = replace(FAMILY, find_task=TASKS.get)


def plan(head: str, task: Any, architecture: str | None = None) -> ConversionPlan:
    """The plan for a checkpoint with the head of a class, said to be fine-tuned for a task."""
    said = {"num_attention_heads": 2, "finetuning_task": task}
    request = PlanRequest(configs=[ConfigSource("the user", said, literal=True)], architecture=architecture)
    return make_plan(WITH_TASKS, MemoryCheckpoint(synthetic_arrays(FAMILY, head, SIZES)), request)


@pytest.mark.parametrize("task", ["mnli", "topics", "a task of my own", None, 7])
def test_a_task_that_the_head_can_be_for_is_kept(task: Any) -> None:
    made = plan("BertForSequenceClassification", task)
    assert made.config["finetuning_task"] == task


@pytest.mark.parametrize(
    ("head", "task", "words"),
    [
        ("BertForSequenceClassification", "cola", 'the user: "cola" has 2 labels, the head in the checkpoint has 3'),
        ("BertForSequenceClassification", "squad", "needs the head of BertForQuestionAnswering, the checkpoint is for"),
        ("BertForPreTraining", "mnli", "needs the head of BertForSequenceClassification"),
    ],
)
def test_a_task_that_it_cannot_be_for_is_refused(head: str, task: str, words: str) -> None:
    with pytest.raises(ConversionError, match=words) as error:
        plan(head, task)
    assert "--finetuning_task_name" in error.value.advice


def test_a_class_that_is_asked_for_may_leave_the_head_of_the_task_out() -> None:
    assert plan("BertForSequenceClassification", "squad", "BertModel").architecture == "BertModel"


def test_variables_of_a_model_that_the_class_does_not_compute_are_refused_by_name() -> None:
    refused = (skip("bert/adapter/*", reason="belongs to an adapter, which no class computes"),)
    classes = {
        name: replace(each, refused=refused if name == "BertForPreTraining" else ())
        for name, each in FAMILY.architectures.items()
    }
    arrays = {
        **synthetic_arrays(FAMILY, "BertForPreTraining", SIZES),
        "bert/adapter/kernel": np.zeros(3, np.float32),
        "bert/adapter/kernel/adam_m": np.zeros(3, np.float32),
    }
    request = PlanRequest(configs=[ConfigSource("the user", {"num_attention_heads": 2}, literal=True)])
    with pytest.raises(ConversionError) as error:
        make_plan(replace(FAMILY, architectures=classes), MemoryCheckpoint(arrays), request)
    assert error.value.problems == ("bert/adapter/kernel belongs to an adapter, which no class computes",)


def test_a_variable_that_is_missing_is_spelled_as_the_checkpoint_would() -> None:
    family = replace(FAMILY, canonical_names=lambda _: {f"output_{part}_of_mnli": f"output_{part}" for part in "ab"})
    names = (FAMILY.anchor, "output_a_of_mnli")
    table = VariableTable({name: Variable(name, (1,), "float32") for name in names}, family)
    assert "output_a" in table
    assert table.stored_name("output_a") == "output_a_of_mnli"
    assert table.stored_name("output_b") == "output_b_of_mnli"
    assert table.stored_name("output_c") == "output_c"
