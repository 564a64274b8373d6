"""What unknown variables could be: the flags that are proposed do what they promise, for heads of all families."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from tests.shared.memory_checkpoint import MemoryCheckpoint
from tests.shared.synthetic_checkpoint import Array, synthetic_arrays

from transformers.conversion import ConversionError, ConversionPlan, PlanRequest, make_plan
from transformers.conversion.configs import ConfigSource
from transformers.conversion.layout import Layout, VariableTable
from transformers.conversion.run import converted
from transformers.models.auto.original_families import load_family


@dataclass(frozen=True)
class Model:
    """A small model of a family.

    Attributes:
        sizes: Sizes of the symbols and indices of the family's rules.
        config: What the tensors do not show.
        absent: Variables that its checkpoints do not have.
    """

    sizes: Mapping[str, int]
    config: Mapping[str, Any] = field(default_factory=dict)
    absent: Sequence[str] = ()


BERT = {"H": 6, "I": 10, "V": 11, "P": 7, "T": 2, "i": 1, "N": 3}
MODELS = {
    "bert": Model(BERT, {"num_attention_heads": 2}),
    "albert": Model({**BERT, "E": 5, "g": 1, "k": 1}, {"num_attention_heads": 2}),
    "gpt2": Model({"V": 7, "P": 3, "E": 4, "i": 2, "N": 3}, {"n_head": 2}),
    "t5": Model(
        {"V": 24, "E": 12, "A": 2, "K": 5, "F": 16, "B": 8, "i": 1, "j": 1, "N": 3},
        {"num_heads": 2, "d_kv": 5, "feed_forward_proj": "relu"},
        absent=["*_of_one_head", "*wi_0*", "decoder/logits/kernel", "*scale_norm*", "{stack}*"],
    ),
    "xlnet": Model({"V": 9, "M": 6, "N": 2, "D": 3, "I": 5, "l": 1, "C": 4}, {"ff_activation": "gelu"}),
    "transfo-xl": Model(
        {"M": 6, "H": 2, "D": 2, "I": 5, "l": 1, "k": 2, "C": 1, "n0": 3, "n1": 2, "e0": 8, "e1": 4, "N": 3},
        {"cutoffs": [3]},
    ),
    "xlm": Model({"V": 11, "E": 8, "P": 9, "L": 3, "i": 1, "N": 3}, {"n_heads": 2, "n_langs": 3}, absent=["*.head.*"]),
}

#: Heads, all of whose variables have names of the user's own.
HEADS = [
    ("bert", "BertForTokenClassification"),
    ("bert", "BertForQuestionAnswering"),
    ("albert", "AlbertForTokenClassification"),
    ("albert", "AlbertForQuestionAnswering"),
    ("gpt2", "GPT2ForSequenceClassification"),
    ("gpt2", "GPT2ForTokenClassification"),
    ("gpt2", "GPT2DoubleHeadsModel"),
    ("t5", "T5ForQuestionAnswering"),
    ("t5", "T5ForSequenceClassification"),
    ("t5", "T5ForTokenClassification"),
    ("xlnet", "XLNetForSequenceClassification"),
    ("xlnet", "XLNetForQuestionAnsweringSimple"),
    ("xlnet", "XLNetForQuestionAnswering"),
    ("transfo-xl", "TransfoXLForSequenceClassification"),
    ("xlm", "XLMForSequenceClassification"),
    ("xlm", "XLMForTokenClassification"),
    ("xlm", "XLMForQuestionAnswering"),
]


def renamed(name: str) -> str:
    """The user's name of a variable: the layer is called otherwise, what belongs together stays together."""
    scope, _, part = name.rpartition("/")
    return f"mine/{scope.replace('/', '_') or 'head'}/{part}"


class Own:
    """A checkpoint with a head of the user's own, and what it has to become."""

    def __init__(self, model_type: str, architecture: str) -> None:
        self.family, self.model = load_family(model_type), MODELS[model_type]
        arrays = synthetic_arrays(self.family, architecture, self.model.sizes, absent=self.model.absent)
        head = Layout.of(self.family.architectures[architecture].head, VariableTable({}, self.family))
        base = synthetic_arrays(self.family, self.family.base_model, self.model.sizes, absent=self.model.absent)
        self.head = [name for name in arrays if name not in base]
        assert self.head, head
        self.expected = self.tensors(self.plan(arrays, architecture=architecture), arrays)
        names = {name: self.own_name(name) for name in self.head}
        self.arrays = {names.get(name, name): values for name, values in arrays.items()}

    def own_name(self, name: str) -> str:
        if self.family.model_type != "xlm":
            return renamed(name)
        module, _, part = name.removeprefix("model/").rpartition(".")
        return f"model/my_{module.replace('.', '_')}.{part}"

    def plan(self, arrays: Mapping[str, Array], **request: Any) -> ConversionPlan:
        configs = [ConfigSource("the user", self.model.config)]
        return make_plan(self.family, MemoryCheckpoint(arrays), PlanRequest(configs=configs, **request))

    @staticmethod
    def tensors(plan: ConversionPlan, arrays: Mapping[str, Array]) -> dict[str, Array]:
        checkpoint = MemoryCheckpoint(arrays)
        return {
            row.target: np.concatenate([piece.reshape(-1) for piece in converted(row, checkpoint)]) for row in plan.rows
        }


def proposed(error: ConversionError) -> list[dict[str, Any]]:
    """The proposals of a message, as a request."""
    requests = []
    for line in error.advice.splitlines():
        words = shlex.split(line) if line.startswith("  --") else []
        flags = list(zip(words[::2], words[1::2], strict=True))
        if flags:
            classes = [value for flag, value in flags if flag == "--architecture"]
            requests.append(
                {
                    "architecture": classes[0] if classes else None,
                    "maps": [value for flag, value in flags if flag == "--map"],
                }
            )
    return requests


@pytest.mark.parametrize(("model_type", "architecture"), HEADS)
def test_the_flags_that_are_proposed_convert_the_head(model_type: str, architecture: str) -> None:
    own = Own(model_type, architecture)

    with pytest.raises(ConversionError) as failure:
        own.plan(own.arrays, architecture=architecture)

    for name in own.head:
        assert any(
            problem.startswith(f"{own.own_name(name)} is not known (closest is") for problem in failure.value.problems
        )
    (request,) = proposed(failure.value)
    plan = own.plan(own.arrays, architecture=architecture, maps=request["maps"])
    found = own.tensors(plan, own.arrays)
    assert found.keys() == own.expected.keys()
    assert all(np.array_equal(found[key], values) for key, values in own.expected.items())


@pytest.mark.parametrize(("model_type", "architecture"), HEADS)
def test_without_a_class_those_that_have_a_place_for_all_are_proposed(model_type: str, architecture: str) -> None:
    own = Own(model_type, architecture)

    with pytest.raises(ConversionError) as failure:
        own.plan(own.arrays)

    classes = proposed(failure.value)
    assert architecture in {request["architecture"] for request in classes}
    for request in classes:
        assert own.plan(own.arrays, **request).architecture == request["architecture"]


def test_a_square_matrix_is_proposed_with_the_question_that_it_leaves_open() -> None:
    own = Own("bert", "BertForTokenClassification")
    own.arrays = {name: values for name, values in own.arrays.items() if not name.startswith("mine/")}
    own.arrays |= {"t/w": np.ones((6, 6), np.float32), "t/b": np.ones(6, np.float32)}

    with pytest.raises(ConversionError) as failure:
        own.plan(own.arrays, architecture="BertForTokenClassification")

    assert "t/w fits both ways: :transpose is for a layer that multiplies from the right" in failure.value.advice
    (request,) = proposed(failure.value)
    assert request["maps"] == ["t/w=classifier.weight:transpose", "t/b=classifier.bias"]


def test_what_is_nothing_like_a_head_is_not_proposed() -> None:
    own = Own("bert", "BertForTokenClassification")
    own.arrays = {name: values for name, values in own.arrays.items() if not name.startswith("mine/")}
    adapters = {f"adapter_{number}/bias": np.ones(3, np.float32) for number in range(3)}

    with pytest.raises(ConversionError) as failure:
        own.plan(own.arrays | adapters)

    assert "adapter_{0..2}/bias are not known" in failure.value.problems
    assert proposed(failure.value) == []


def test_a_head_that_cannot_be_detected_is_not_left_out_unasked() -> None:
    family, model = load_family("gpt2"), MODELS["gpt2"]
    arrays = synthetic_arrays(family, "GPT2ForSequenceClassification", model.sizes)
    source = ConfigSource("the user", model.config)

    with pytest.raises(ConversionError, match="score/kernel is not known") as failure:
        make_plan(family, MemoryCheckpoint(arrays), PlanRequest(configs=[source]))

    assert "There is all that GPT2ForSequenceClassification needs: name the class" in failure.value.advice
    asked = PlanRequest(configs=[source], architecture="GPT2LMHeadModel")
    plan = make_plan(family, MemoryCheckpoint(arrays), asked)
    assert [skipped.name for skipped in plan.skipped] == ["score/kernel"]
