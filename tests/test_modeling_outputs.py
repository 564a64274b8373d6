"""Outputs: by attribute, by key, by position, and through the tools that take them apart."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle

import pytest
import torch
from torch.utils import _pytree as pytree

from transformers import modeling_outputs
from transformers.modeling_outputs import (
    BaseModelOutput,
    CausalLMOutputWithCrossAttentions,
    MaskedLMOutput,
    ModelOutput,
)

ALL_OUTPUTS = [
    value
    for _, value in inspect.getmembers(modeling_outputs, inspect.isclass)
    if issubclass(value, ModelOutput) and value is not ModelOutput and not value.__name__.startswith("_")
]


@pytest.fixture
def output() -> MaskedLMOutput:
    return MaskedLMOutput(logits=torch.arange(6.0).reshape(2, 3), hidden_states=(torch.ones(2), torch.zeros(2)))


def test_access_by_attribute_key_and_position(output: MaskedLMOutput) -> None:
    assert output.logits is output["logits"] is output[0] is output[-2]
    assert output[:1] == (output.logits,)
    assert output[1] is output.hidden_states
    assert output.loss is None
    assert output.to_tuple() == (output.logits, output.hidden_states)


def test_fields_that_are_none_are_left_out(output: MaskedLMOutput) -> None:
    assert list(output) == ["logits", "hidden_states"]
    assert len(output) == 2
    assert "loss" not in output
    assert output.get("loss") is None
    assert dict(**output).keys() == {"logits", "hidden_states"}
    with pytest.raises(KeyError):
        output["loss"]
    with pytest.raises(IndexError):
        output[2]


def test_what_is_set_later_takes_its_place(output: MaskedLMOutput) -> None:
    output.loss = torch.tensor(1.0)
    assert list(output) == ["loss", "logits", "hidden_states"]
    assert output[0] is output.loss
    output["logits"] = torch.zeros(1)
    assert output.logits is output[1]
    assert len(output.logits) == 1
    output["loss"] = None
    assert list(output) == ["logits", "hidden_states"]
    with pytest.raises(KeyError, match="MaskedLMOutput has no field 'x'; it has loss, logits"):
        output["x"] = 1


@pytest.mark.parametrize("method", ["clear", "popitem", "update", "setdefault"])
def test_the_dictionary_cannot_run_away_from_the_fields(output: MaskedLMOutput, method: str) -> None:
    with pytest.raises(TypeError, match="set one to None"):
        getattr(output, method)()
    with pytest.raises(TypeError, match="set one to None"):
        del output["logits"]
    assert len(output) == 2


def test_an_output_is_made_of_pairs_as_data_parallel_gathers_it(output: MaskedLMOutput) -> None:
    halves = [MaskedLMOutput(logits=part, hidden_states=(part,)) for part in output.logits.chunk(2)]
    gathered = type(halves[0])((name, [half[name] for half in halves]) for name in halves[0])
    assert list(gathered) == ["logits", "hidden_states"]
    assert torch.equal(torch.cat(gathered.logits), output.logits)
    assert gathered.loss is None
    assert MaskedLMOutput({"logits": output.logits}).logits is output.logits


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda output: pickle.loads(pickle.dumps(output))])
def test_copies(output: MaskedLMOutput, copied: type) -> None:
    other = copied(output)
    assert type(other) is MaskedLMOutput
    assert list(other) == list(output)
    assert torch.equal(other.logits, output.logits)
    assert torch.equal(other["hidden_states"][0], output.hidden_states[0])


@pytest.mark.parametrize("output_class", ALL_OUTPUTS)
def test_pytrees(output_class: type[ModelOutput]) -> None:
    names = [field.name for field in dataclasses.fields(output_class)]
    output = output_class(**{name: torch.tensor(index) for index, name in enumerate(names) if index != 1})
    doubled = pytree.tree_map(lambda tensor: 2 * tensor, output)
    assert type(doubled) is output_class
    assert [int(value) for value in doubled.to_tuple()] == [2 * index for index in range(len(names)) if index != 1]
    assert getattr(doubled, names[1]) is None


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("BaseModelOutput", "last_hidden_state hidden_states attentions"),
        (
            "BaseModelOutputWithPoolingAndCrossAttentions",
            "last_hidden_state pooler_output hidden_states past_key_values attentions cross_attentions",
        ),
        (
            "BaseModelOutputWithPastAndCrossAttentions",
            "last_hidden_state past_key_values hidden_states attentions cross_attentions",
        ),
        (
            "CausalLMOutputWithCrossAttentions",
            "loss logits past_key_values hidden_states attentions cross_attentions",
        ),
        ("SequenceClassifierOutput", "loss logits hidden_states attentions"),
        ("SequenceClassifierOutputWithPast", "loss logits past_key_values hidden_states attentions"),
        ("QuestionAnsweringModelOutput", "loss start_logits end_logits hidden_states attentions"),
        (
            "Seq2SeqLMOutput",
            (
                "loss logits past_key_values decoder_hidden_states decoder_attentions cross_attentions "
                "encoder_last_hidden_state encoder_hidden_states encoder_attentions"
            ),
        ),
    ],
)
def test_the_order_of_the_fields_is_the_ecosystems(name: str, fields: str) -> None:
    output_class = getattr(modeling_outputs, name)
    assert [field.name for field in dataclasses.fields(output_class)] == fields.split()


def test_an_output_does_not_break_a_compiled_graph() -> None:
    def forward(states: torch.Tensor) -> ModelOutput:
        base = BaseModelOutput(last_hidden_state=states + 1, hidden_states=(states, states + 1))
        return CausalLMOutputWithCrossAttentions(logits=2 * base[0], hidden_states=base.hidden_states)

    compiled = torch.compile(forward, fullgraph=True, backend="eager")(torch.ones(2))
    assert type(compiled) is CausalLMOutputWithCrossAttentions
    assert compiled.logits.tolist() == [4, 4]
    assert list(compiled) == ["logits", "hidden_states"]
