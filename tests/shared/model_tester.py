"""What every model of every family has to do, as one test class.

A family's test module derives from :class:`ModelTester` and states tiny sizes, its classes and their expected keys::

    class TestBert(ModelTester):
        config = BertConfig(vocab_size=40, hidden_size=24, ...)
        base = ModelCase(BertModel, keys={"embeddings.word_embeddings.weight": (40, 24), ...})
        heads = (ModelCase(BertForMaskedLM, keys={"cls.predictions.bias": (40,), ...}, labels=token_labels), ...)

Weights are random everywhere, biases and layer norms too, so that nothing is hidden by a zero or a one.
"""

from __future__ import annotations

import copy
import inspect
import io
import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from transformers import PretrainedConfig, PreTrainedModel
from transformers.errors import UserError

BATCH, CHOICES, TIME = 3, 2, 7

#: Largest difference between two ways to compute the same numbers in float32.
CLOSE = 2e-5

Inputs = dict[str, Any]
Labels = Callable[[PretrainedConfig], Inputs]


# Labels of the usual tasks


def token_labels(config: PretrainedConfig) -> Inputs:
    """A word to predict at every position but the first, which is ignored."""
    return {"labels": _with_ignored(_integers(config.vocab_size, BATCH, TIME))}


def token_class_labels(config: PretrainedConfig) -> Inputs:
    return {"labels": _with_ignored(_integers(config.num_labels, BATCH, TIME))}


def class_labels(config: PretrainedConfig) -> Inputs:
    return {"labels": _integers(config.num_labels, BATCH)}


def choice_labels(config: PretrainedConfig) -> Inputs:
    return {"labels": _integers(CHOICES, BATCH)}


def span_labels(config: PretrainedConfig) -> Inputs:
    return {"start_positions": _integers(TIME, BATCH), "end_positions": _integers(TIME, BATCH)}


def _with_ignored(labels: Tensor) -> Tensor:
    labels[:, 0] = -100
    return labels


def _integers(below: int, *shape: int) -> Tensor:
    return torch.randint(below, shape, generator=torch.Generator().manual_seed(5))


@dataclass(frozen=True)
class ModelCase:
    """One model class.

    Attributes:
        model: The class.
        keys: The expected shapes in its state dict; for a head, those beside the ones of the base model.
        lacks: Prefixes of keys of the base model that this class is without.
        labels: Makes its labels; None if it takes none.
        config: Fields in which its configuration differs from the tester's.
        choices: Whether its inputs have an axis of choices.
    """

    model: type[PreTrainedModel]
    keys: Mapping[str, tuple[int, ...]]
    lacks: tuple[str, ...] = ()
    labels: Labels | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    choices: bool = False


class ModelTester:
    """The tests; see the module's docstring for what a family has to state."""

    config: ClassVar[PretrainedConfig]
    base: ClassVar[ModelCase]
    heads: ClassVar[tuple[ModelCase, ...]]
    #: Layer -> heads to prune; empty if the family cannot.
    prunes: ClassVar[Mapping[int, list[int]]] = {0: [1], 1: [0, 2]}
    #: Configuration fields that make the base model a decoder with a cache; None if it is none.
    decoder: ClassVar[Mapping[str, Any] | None] = None
    #: Parts of the base model that the loss of a head may not depend on.
    unreached: ClassVar[tuple[str, ...]] = ("pooler",)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        cases = {"case": (self.base, *self.heads), "head": self.heads} if hasattr(self, "base") else {}
        for name, values in cases.items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values, ids=lambda value: value.model.__name__)

    # What a family may override

    def inputs(self, case: ModelCase) -> Inputs:
        """A batch whose second row has padding at its end."""
        ids = 1 + _integers(self.config.vocab_size - 1, BATCH, TIME)
        mask = torch.ones_like(ids)
        mask[1, TIME - 2 :] = 0
        inputs = {"input_ids": ids, "attention_mask": mask}
        if case.choices:
            inputs = {name: torch.stack([value] * CHOICES, 1) for name, value in inputs.items()}
            inputs["input_ids"][:, 1] = inputs["input_ids"][:, 1].flip(-1)
        return inputs

    # Helpers

    def config_of(self, case: ModelCase, **fields: Any) -> PretrainedConfig:
        return type(self.config)(**{**self.config.to_dict(), **case.config, **fields})

    def build(self, case: ModelCase, **fields: Any) -> Any:
        """A model with random weights, in evaluation mode."""
        model = case.model(self.config_of(case, **fields))
        randomise(model)
        return model.eval()

    def expected_keys(self, case: ModelCase) -> dict[str, tuple[int, ...]]:
        if case is self.base:
            return dict(case.keys)
        prefix = f"{case.model.base_model_prefix}."
        kept = {name: shape for name, shape in self.base.keys.items() if not name.startswith(case.lacks or ("\0",))}
        return {**{prefix + name: shape for name, shape in kept.items()}, **case.keys}

    def batch_of(self, case: ModelCase) -> int:
        return BATCH * CHOICES if case.choices else BATCH

    # State dict

    def test_keys_and_shapes(self, case: ModelCase) -> None:
        model = self.build(case)
        assert {name: tuple(value.shape) for name, value in model.state_dict().items()} == self.expected_keys(case)

    def test_saved_and_loaded_it_computes_the_same(self, case: ModelCase, tmp_path: Path) -> None:
        model, inputs = self.build(case), self.inputs(case)
        model.save_pretrained(tmp_path)
        loaded, info = case.model.from_pretrained(tmp_path, output_loading_info=True)
        assert not any(info.values()), info
        assert not loaded.training
        assert loaded.config.architectures == [case.model.__name__]
        stored = loaded.state_dict()
        assert all(torch.equal(stored[name], value) for name, value in model.state_dict().items())
        assert_same(loaded(**inputs), model(**inputs))

    def test_base_weights_load_into_heads_and_back(self, head: ModelCase, tmp_path: Path) -> None:
        model = self.build(head)
        model.save_pretrained(tmp_path / "head")
        base = self.base.model.from_pretrained(tmp_path / "head")
        base.save_pretrained(tmp_path / "base")
        again = head.model.from_pretrained(tmp_path / "base")
        kept = model.base_model.state_dict()
        assert kept
        for name, value in again.base_model.state_dict().items():
            assert torch.equal(value, kept[name]), name

    def test_it_is_built_in_the_data_type_that_was_asked_for(self, case: ModelCase, tmp_path: Path) -> None:
        self.build(case).save_pretrained(tmp_path)
        model = case.model.from_pretrained(tmp_path, dtype=torch.bfloat16)
        assert model.dtype == torch.bfloat16
        for name, value in floats(model(**self.inputs(case))):
            assert value.isfinite().all(), name
            assert value.dtype == torch.bfloat16, name

    def test_autocast(self, case: ModelCase) -> None:
        model, inputs = self.build(case), self.inputs(case)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            low = dict(floats(model(**inputs)))
        for name, value in floats(model(**inputs)):
            size = max(1.0, float(value.detach().abs().max()))
            assert difference(low[name].float(), value) < 0.1 * size, name

    def test_copies_compute_the_same_and_are_independent(self, case: ModelCase) -> None:
        model, inputs = self.build(case), self.inputs(case)
        stream = io.BytesIO()
        torch.save(model.state_dict(), stream)
        stream.seek(0)
        restored = case.model(self.config_of(case)).eval()
        restored.load_state_dict(torch.load(stream, weights_only=True))
        expected = model(**inputs)
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), restored):
            assert_same(other(**inputs), expected)
            with torch.no_grad():
                for parameter in other.parameters():
                    parameter.zero_()
        assert_same(model(**inputs), expected)

    # Calls

    def test_a_tuple_has_the_same_values(self, case: ModelCase) -> None:
        model, inputs = (
            self.build(case),
            {**self.inputs(case), **(case.labels(self.config_of(case)) if case.labels else {})},
        )
        inputs |= {"output_attentions": True, "output_hidden_states": True}
        output, values = model(**inputs), model(**inputs, return_dict=False)
        assert isinstance(values, tuple)
        assert len(values) == len(output)
        for (name, expected), value in zip(output.items(), values, strict=True):
            assert_same({name: value}, {name: expected})
        model.config.return_dict = False
        assert isinstance(model(**inputs), tuple)

    def test_inputs_may_be_given_by_position(self, case: ModelCase) -> None:
        model, inputs = self.build(case), self.inputs(case)
        names = list(inspect.signature(model.forward).parameters)
        assert names[0] == model.main_input_name
        positional = [inputs.get(name) for name in names[: 1 + max(names.index(name) for name in inputs)]]
        assert_same(model(*positional), model(**inputs))
        with pytest.raises(TypeError):
            model(*positional, **inputs)

    def test_outputs_can_be_scattered_and_gathered(self, case: ModelCase) -> None:
        """As ``DataParallel`` does: the forward pass of a replica on part of a batch, outputs put together by class."""
        model, inputs = self.build(case), self.inputs(case)
        whole = model(**inputs)
        parts = [
            nn.Module.__call__(copy.copy(model), **{name: value[rows] for name, value in inputs.items()})
            for rows in (slice(0, 1), slice(1, None))
        ]
        names = [name for name, value in whole.items() if isinstance(value, Tensor)]
        rebuilt = type(whole)((name, torch.cat([part[name] for part in parts])) for name in names)
        assert_same(rebuilt, {name: whole[name] for name in names})

    def test_hidden_states_and_attentions(self, case: ModelCase) -> None:
        model = self.build(case)
        output = model(**self.inputs(case), output_hidden_states=True, output_attentions=True)
        config, batch = model.config, self.batch_of(case)
        states = [tuple(state.shape) for state in output.hidden_states]
        assert states == [(batch, TIME, config.hidden_size)] * (config.num_hidden_layers + 1)
        weights = [tuple(weight.shape) for weight in output.attentions]
        assert weights == [(batch, config.num_attention_heads, TIME, TIME)] * config.num_hidden_layers
        for weight in output.attentions:
            assert torch.allclose(weight.sum(-1), torch.ones(()), atol=1e-5)
        plain = model(**self.inputs(case))
        assert "hidden_states" not in plain
        assert "attentions" not in plain
        model.config.output_hidden_states = True
        assert len(model(**self.inputs(case)).hidden_states) == config.num_hidden_layers + 1

    def test_attention_is_the_same_with_and_without_its_weights(self, case: ModelCase) -> None:
        model, inputs = self.build(case), self.inputs(case)
        assert_same(model(**inputs, output_attentions=True), model(**inputs))
        del inputs["attention_mask"]
        assert_same(model(**inputs, output_attentions=True), model(**inputs))

    def test_a_mask_of_ones_is_no_mask(self, case: ModelCase) -> None:
        model, inputs = self.build(case), self.inputs(case)
        inputs["attention_mask"] = torch.ones_like(inputs["attention_mask"])
        masked = model(**inputs)
        del inputs["attention_mask"]
        assert_same(masked, model(**inputs))

    @pytest.mark.parametrize("side", ["left", "right"])
    def test_padding_changes_nothing(self, side: str) -> None:
        model, pad = self.build(self.base), 4
        ids = self.inputs(self.base)["input_ids"]
        real = slice(pad, None) if side == "left" else slice(0, TIME)
        padded, mask = torch.zeros(BATCH, TIME + pad, dtype=torch.long), torch.zeros(BATCH, TIME + pad)
        padded[:, real], mask[:, real] = ids, 1
        inputs: Inputs = {"input_ids": padded, "attention_mask": mask}
        if side == "left" and "position_ids" in inspect.signature(model.forward).parameters:
            inputs["position_ids"] = (torch.arange(TIME + pad) - pad).clamp(min=0).expand(BATCH, -1)
        for need_weights in (False, True):
            output = model(**inputs, output_attentions=need_weights)
            expected = model(input_ids=ids).last_hidden_state
            assert difference(output.last_hidden_state[:, real], expected) < CLOSE

    def test_embeddings_in_the_place_of_ids(self, case: ModelCase) -> None:
        model, inputs = self.build(case), self.inputs(case)
        expected = model(**inputs)
        ids = inputs.pop("input_ids")
        assert_same(model(**inputs, inputs_embeds=model.get_input_embeddings()(ids)), expected)

    def test_wrong_inputs_are_refused_in_words(self) -> None:
        model, ids = self.build(self.base), self.inputs(self.base)["input_ids"]
        embeds = model.get_input_embeddings()(ids)
        for inputs, word in (
            ({}, "input_ids"),
            ({"input_ids": ids, "inputs_embeds": embeds}, "inputs_embeds"),
            ({"input_ids": ids[0]}, r"\[batch, time\]"),
            ({"input_ids": ids + self.config.vocab_size}, str(self.config.vocab_size - 1)),
            ({"input_ids": ids, "attention_mask": torch.ones(BATCH, TIME + 1)}, "attention_mask"),
            ({"input_ids": ids, "head_mask": torch.ones(99, 99)}, "head_mask"),
        ):
            with pytest.raises(UserError, match=word):
                model(**inputs)

    # Training

    def test_gradients_reach_all_parameters_states_and_attentions(self, head: ModelCase) -> None:
        model = self.build(head).train()
        assert head.labels is not None
        output = model(
            **self.inputs(head), **head.labels(model.config), output_hidden_states=True, output_attentions=True
        )
        for value in (*output.hidden_states, *output.attentions):
            value.retain_grad()
        assert output.loss.shape == ()
        (output.loss + output.get("mc_loss", 0)).backward()
        assert all(value.grad is not None for value in (*output.hidden_states, *output.attentions))
        unused = [name for name, parameter in model.named_parameters() if parameter.grad is None]
        unreached = tuple(f"{model.base_model_prefix}.{name}" for name in self.unreached)
        assert not [name for name in unused if not name.startswith(unreached)]

    def test_the_loss_can_be_lowered(self, head: ModelCase) -> None:
        model = self.build(head).train()
        assert head.labels is not None
        inputs = {**self.inputs(head), **head.labels(model.config)}
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
        before = model(**inputs).loss
        before.backward()
        optimizer.step()
        assert model(**inputs).loss < before

    def test_ignored_labels_count_for_nothing(self, head: ModelCase) -> None:
        assert head.labels is not None
        model, inputs, labels = self.build(head), self.inputs(head), head.labels(self.config_of(head))
        per_token = {name: value for name, value in labels.items() if value.ndim == 2}
        if not per_token:
            pytest.skip("has no label for each token")
        kept = {name: torch.where(torch.arange(TIME) == TIME - 3, value, -100) for name, value in per_token.items()}
        loss = model(**inputs, **{**labels, **kept}).loss
        assert loss.isfinite()
        changed = {name: torch.where(value == -100, -100, (value + 1) % 2) for name, value in kept.items()}
        assert not torch.equal(model(**inputs, **{**labels, **changed}).loss, loss)
        assert not torch.equal(model(**inputs, **labels).loss, loss)

    def test_gradient_checkpointing_changes_no_gradient(self, head: ModelCase) -> None:
        assert head.labels is not None
        gradients = []
        for checkpointing in (False, True):
            model = self.build(head).train()
            if checkpointing:
                model.gradient_checkpointing_enable()
                assert model.is_gradient_checkpointing
            model(**self.inputs(head), **head.labels(model.config)).loss.backward()
            gradients.append({name: value.grad for name, value in model.named_parameters() if value.grad is not None})
        assert gradients[0].keys() == gradients[1].keys()
        for name, gradient in gradients[0].items():
            assert difference(gradient, gradients[1][name]) < CLOSE, name

    # Vocabulary and heads

    def test_tied_weights_are_one(self, head: ModelCase) -> None:
        model = self.build(head)
        for tied, key in head.model.tied_weights.items():
            assert model.get_parameter(tied) is model.get_parameter(key)
        words = {key for key in head.model.tied_weights.values() if model.get_parameter(key) is words_of(model)}
        untied = self.build(head, tie_word_embeddings=False)
        for tied, key in head.model.tied_weights.items():
            assert (untied.get_parameter(tied) is untied.get_parameter(key)) == (key not in words)

    def test_the_vocabulary_can_be_resized(self, case: ModelCase) -> None:
        model, inputs = self.build(case), self.inputs(case)
        before, size = model(**inputs), self.config.vocab_size + 3
        model.resize_token_embeddings(size)
        assert model.config.vocab_size == size
        assert words_of(model).shape[0] == size
        after = dict(tensors(model(**inputs)))
        for name, value in tensors(before):
            width = value.shape[-1]
            assert difference(after[name][..., :width], value) < CLOSE, name
        if (output := model.get_output_embeddings()) is not None:
            assert output.weight.shape[0] == size
        for tied, key in case.model.tied_weights.items():
            assert model.get_parameter(tied) is model.get_parameter(key)
        inputs["input_ids"] = torch.full_like(inputs["input_ids"], size - 1)
        model(**inputs)

    def test_pruned_heads_are_masked_heads(self, case: ModelCase, tmp_path: Path) -> None:
        if not self.prunes:
            pytest.skip("cannot prune heads")
        model, inputs = self.build(case), self.inputs(case)
        mask = torch.ones(model.config.num_hidden_layers, model.config.num_attention_heads)
        for layer, heads in self.prunes.items():
            mask[layer, heads] = 0
        expected = {"output": first(model(**inputs, head_mask=mask))}
        assert difference(expected["output"], first(model(**inputs))) > 1e-3
        parameters = model.num_parameters()
        for layer, heads in self.prunes.items():
            for head in heads:
                model.prune_heads({layer: [head]})
        model.prune_heads(self.prunes)
        assert model.num_parameters() < parameters
        model.save_pretrained(tmp_path)
        for pruned in (model, case.model.from_pretrained(tmp_path)):
            assert_same({"output": first(pruned(**inputs))}, expected)

    # Speed

    def test_no_graph_breaks(self) -> None:
        for case in (self.base, *self.heads[:1]):
            model = self.build(case)
            labels = case.labels(model.config) if case.labels else {}
            torch._dynamo.reset()
            explained = torch._dynamo.explain(model)(**self.inputs(case), **labels)
            assert explained.graph_break_count == 0, explained.break_reasons

    def test_the_base_model_may_be_compiled_in_its_place(self) -> None:
        case = self.heads[0]
        model, inputs = self.build(case), self.inputs(case)
        if model.base_model is model:
            pytest.skip("the model has no base model inside")
        expected = model(**inputs)
        torch._dynamo.reset()
        setattr(model, model.base_model_prefix, torch.compile(model.base_model, backend="eager"))
        assert_same(model(**inputs), expected)

    # Decoders

    def test_the_cache_changes_nothing(self) -> None:
        if self.decoder is None:
            pytest.skip("is no decoder")
        model, ids = self.build(self.base, **self.decoder), self.inputs(self.base)["input_ids"]
        whole = model(input_ids=ids, use_cache=False)
        assert whole.get("past_key_values") is None
        with torch.no_grad():
            cache, states = None, []
            for new in ids.split([3, 1, 2, 1], dim=1):
                output = model(input_ids=new, past_key_values=cache, use_cache=True)
                cache = output.past_key_values
                states.append(output.last_hidden_state)
        assert cache.get_seq_length() == TIME
        assert difference(torch.cat(states, 1), whole.last_hidden_state) < CLOSE

    def test_a_decoder_sees_no_later_tokens(self) -> None:
        if self.decoder is None:
            pytest.skip("is no decoder")
        model, ids = self.build(self.base, **self.decoder), self.inputs(self.base)["input_ids"]
        other = ids.clone()
        other[:, 4:] = (other[:, 4:] + 1) % self.config.vocab_size
        for need_weights in (False, True):
            one, two = (model(input_ids=x, output_attentions=need_weights).last_hidden_state for x in (ids, other))
            assert difference(one[:, :4], two[:, :4]) < CLOSE
            assert difference(one[:, 4:], two[:, 4:]) > 1e-3


# Comparing


def randomise(model: nn.Module) -> None:
    """Random values for all parameters; factors of layer norms around 1."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for module in model.modules():
            for name, parameter in module.named_parameters(recurse=False):
                centre = 1.0 if isinstance(module, nn.LayerNorm) and name == "weight" else 0.0
                parameter.copy_(centre + 0.2 * torch.randn(parameter.shape, generator=generator))


def words_of(model: Any) -> Tensor:
    words: Tensor = model.get_input_embeddings().weight
    return words


def tensors(output: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """The tensors of an output by name; those in tuples and caches by number too."""
    for name, value in output.items():
        if isinstance(value, Tensor):
            yield name, value
        else:
            for index, part in enumerate(value):
                yield from tensors({f"{name}.{index}": part})


def floats(output: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    return ((name, value) for name, value in tensors(output) if value.is_floating_point())


def first(output: Mapping[str, Any]) -> Tensor:
    return next(value for _, value in tensors(output))


def difference(one: Tensor, two: Tensor) -> float:
    """The largest absolute difference; infinite if the shapes differ."""
    return float((one - two).detach().abs().max()) if one.shape == two.shape else float("inf")


def assert_same(output: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """The output must have all the tensors that are expected, and some are."""
    actual = dict(tensors(output))
    for name, value in tensors(expected):
        assert difference(actual[name], value) < CLOSE, name
    assert expected
