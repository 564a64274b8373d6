"""What every encoder has to do with ``skip_padding``, beside what :class:`~tests.shared.model_tester.ModelTester` asks.

A family derives its test class from :class:`PaddingTester` and names the heads that look at few positions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from tests.shared.model_tester import BATCH, CHOICES, TIME, Inputs, ModelCase, ModelTester, floats
from transformers import PreTrainedModel, modeling_padding
from transformers.errors import UserError

#: 1 for real tokens; no two rows have the same number of them.
MASKS = {
    "right": [[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 0, 0, 0]],
    "left": [[0, 0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 1]],
    "holes": [[1, 0, 1, 1, 0, 1, 1], [1, 1, 1, 0, 0, 0, 1], [1, 1, 1, 1, 1, 1, 0]],
    "an empty row": [[1, 1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1]],
    "nothing": [[0] * TIME] * BATCH,
}
CLOSE = 1e-6

#: What is computed from the state of the first position.
POOLED = ("pooler_output", "seq_relationship_logits", "sop_logits")


class PaddingTester(ModelTester):
    """The tests; see the module's docstring."""

    #: Heads that look at few positions -> the side on which their inputs are padded.
    skipping: ClassVar[Mapping[type[PreTrainedModel], str]] = {}
    #: Heads whose result depends on the states of padding.
    depending: ClassVar[tuple[type[PreTrainedModel], ...]] = ()
    #: Whether an attention mask may have an axis of queries.
    takes_query_masks: ClassVar[bool] = True
    #: Further arguments of a call that returns nothing but states and scores.
    plainly: ClassVar[Inputs] = {}

    def padded(self, case: ModelCase, mask: str = "right") -> Inputs:
        given = torch.tensor(MASKS[mask])
        if case.choices:
            given = torch.stack([given] * CHOICES, 1)
        return {**self.inputs(case), "attention_mask": given, **self.plainly}

    def unseen(self, case: ModelCase) -> Inputs:
        """Inputs padded where the head does not look."""
        return self.padded(case, self.skipping.get(case.model, "right"))

    def pair(self, case: ModelCase, setting: bool | str) -> tuple[Any, Any]:
        """The model that computes padding, and the same model with another setting."""
        return self.build(case, skip_padding=False), self.build(case, skip_padding=setting)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        super().pytest_generate_tests(metafunc)
        if "encoder" in metafunc.fixturenames:
            encoders = [case for case in (self.base, *self.heads) if not case.config.get("is_decoder")]
            metafunc.parametrize("encoder", encoders, ids=lambda case: case.model.__name__)
        if "skipper" in metafunc.fixturenames:
            skippers = [case for case in self.heads if case.model in self.skipping]
            metafunc.parametrize("skipper", skippers, ids=lambda case: case.model.__name__)

    @pytest.fixture(autouse=True)
    def _small_batches_pay(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(modeling_padding, "LEAST_PER_ROW", 0)
        monkeypatch.setattr(modeling_padding, "LEAST_SHARE", 0.0)

    # skip_padding=True

    @pytest.mark.parametrize("mask", MASKS)
    def test_real_positions_are_the_same_and_padded_ones_are_zero(self, encoder: ModelCase, mask: str) -> None:
        if encoder.model in self.depending or (encoder.model in self.skipping and mask != self.skipping[encoder.model]):
            pytest.skip("looks at padding")
        plain, packed = self.pair(encoder, setting=True)
        inputs = self.padded(encoder, mask)
        expected, output = plain(**inputs), packed(**inputs)
        assert output.keys() == expected.keys()
        starts_are_real = all(row[0] for row in MASKS[mask])
        for name, value in floats(output):
            if starts_are_real or name not in POOLED:
                assert_same_but_zero(value, dict(floats(expected))[name], inputs["attention_mask"], name)

    @pytest.mark.parametrize("mask", ["right", "holes"])
    def test_states_have_zeros_and_attentions_are_complete(self, mask: str) -> None:
        plain, packed = self.pair(self.base, setting=True)
        inputs = {**self.padded(self.base, mask), "output_hidden_states": True, "output_attentions": True}
        expected, output = plain(**inputs), packed(**inputs)
        real = inputs["attention_mask"].bool()
        assert len(output.hidden_states) == len(expected.hidden_states)
        for value, wanted in zip(output.hidden_states, expected.hidden_states, strict=True):
            assert_same_but_zero(value, wanted, real, "hidden_states")
        for value, wanted in zip(output.attentions, expected.attentions, strict=True):
            assert value.shape == wanted.shape
            rows = real[:, None, :, None].expand_as(wanted)
            assert torch.allclose(value[rows], wanted[rows], atol=CLOSE)

    def test_switched_off_heads(self) -> None:
        plain, packed = self.pair(self.base, setting=True)
        heads = torch.ones(plain.config.num_attention_heads)
        heads[1] = 0
        inputs = {**self.padded(self.base), "head_mask": heads}
        expected, output = plain(**inputs).last_hidden_state, packed(**inputs).last_hidden_state
        assert_same_but_zero(output, expected, inputs["attention_mask"], "last_hidden_state")

    def test_labels_of_real_tokens_train_as_ever(self, encoder: ModelCase) -> None:
        labels = encoder.labels(self.config_of(encoder)) if encoder.labels else {}
        if all(value.ndim != 2 for value in labels.values()) or encoder.model in self.depending:
            pytest.skip("has no label for each token")
        inputs = self.padded(encoder)
        hidden = inputs["attention_mask"] == 0
        labels = {name: value.masked_fill(hidden, -100) if value.ndim == 2 else value for name, value in labels.items()}
        plain, packed = (model.train() for model in self.pair(encoder, setting=True))
        losses = [model(**inputs, **labels).loss for model in (plain, packed)]
        assert close(losses[1], losses[0])
        for loss in losses:
            loss.backward()
        for (name, expected), parameter in zip(plain.named_parameters(), packed.parameters(), strict=True):
            if expected.grad is not None:
                assert close(parameter.grad, expected.grad), name

    def test_compiled_it_computes_padding_and_returns_zeros(self) -> None:
        plain, packed = self.pair(self.base, setting=True)
        inputs = self.padded(self.base)
        torch._dynamo.reset()
        assert torch._dynamo.explain(packed)(**inputs).graph_break_count == 0
        output = torch.compile(packed, backend="eager", fullgraph=True)(**inputs)
        expected = plain(**inputs).last_hidden_state
        assert_same_but_zero(output.last_hidden_state, expected, inputs["attention_mask"], "last_hidden_state")

    # "auto"

    @pytest.mark.parametrize("training", [False, True])
    def test_heads_that_see_no_padding_do_less(self, skipper: ModelCase, training: bool) -> None:
        plain, packed = (model.train(training) for model in self.pair(skipper, "auto"))
        inputs = self.unseen(skipper)
        assert_all_same(packed(**inputs), plain(**inputs))
        assert flops(packed, **inputs) < 0.9 * flops(plain, **inputs)

    def test_whatever_could_see_padding_is_computed_with_it(self, case: ModelCase) -> None:
        plain, model = self.pair(case, "auto")
        heads = torch.ones(plain.config.num_attention_heads)
        heads[0] = 0
        inputs = self.unseen(case)
        calls = [
            {**inputs, "output_hidden_states": True},
            {**inputs, "output_attentions": True},
            {**inputs, "head_mask": heads},
            self.padded(case, "left" if self.skipping.get(case.model) == "right" else "right"),
            self.padded(case, "an empty row"),
        ]
        for call in calls if case.model in self.skipping else [*calls, inputs]:
            assert_equal(model(**call), plain(**call))

    def test_hooks_see_all_positions(self, skipper: ModelCase) -> None:
        plain, model = self.pair(skipper, "auto")
        inputs, called = self.unseen(skipper), []
        for part in (next(model.base_model.children()), model.base_model):
            hook = part.register_forward_hook(lambda *_: called.append(True))
            assert_equal(model(**inputs), plain(**inputs))
            hook.remove()
        assert called
        assert flops(model, **inputs) < 0.9 * flops(plain, **inputs)

    @torch.no_grad()
    def test_what_others_have_put_in_sees_all_positions(self, skipper: ModelCase) -> None:
        """A hook of all modules, another forward pass of a part, and parts that are compiled by themselves."""
        expected = self.pair(skipper, "auto")[0](**self.unseen(skipper))
        for put_in in (_hook_of_all_modules, _other_forward, _compiled_in_place, _compiled):
            torch._dynamo.reset()
            model, seen = self.build(skipper), []
            with put_in(model.base_model, seen):
                assert_equal(model(**self.unseen(skipper)), expected)
            rows = BATCH * CHOICES if skipper.choices else BATCH
            assert seen, put_in.__name__
            assert all(shape[0] == rows for shape in seen if len(shape) == 3), put_in.__name__

    def test_what_wraps_the_base_model_sees_all_positions(self, skipper: ModelCase) -> None:
        plain, model = self.pair(skipper, "auto")
        inputs, outputs = self.unseen(skipper), []
        for whole in (plain, model):
            wrapper = _Wrapper(whole.base_model)
            setattr(whole, whole.base_model_prefix, wrapper)
            whole(**inputs)
            outputs.append(wrapper.output)
        assert_equal(*outputs)

    @pytest.mark.parametrize("checkpointing", [False, True])
    def test_gradients_are_the_same(self, skipper: ModelCase, checkpointing: bool) -> None:
        gradients = []
        for model in self.pair(skipper, "auto"):
            if checkpointing:
                model.gradient_checkpointing_enable()
            labels = skipper.labels(model.config) if skipper.labels else {}
            model.train()(**self.unseen(skipper), **labels).loss.backward()
            gradients.append({name: value.grad for name, value in model.named_parameters() if value.grad is not None})
        assert gradients[0].keys() == gradients[1].keys()
        for name, gradient in gradients[0].items():
            assert close(gradients[1][name], gradient), name

    @pytest.mark.parametrize("setting", ["auto", True])
    def test_without_padding_nothing_changes(self, encoder: ModelCase, setting: bool | str) -> None:
        plain, model = self.pair(encoder, setting)
        inputs = self.padded(encoder)
        inputs["attention_mask"] = torch.ones_like(inputs["attention_mask"])
        assert_equal(model(**inputs), plain(**inputs))

    def test_a_mask_with_an_axis_of_queries_changes_nothing(self) -> None:
        mask = torch.tensor(MASKS["right"])[:, None].expand(-1, TIME, -1)
        inputs = {**self.padded(self.base), "attention_mask": mask}
        plain, model = self.pair(self.base, setting=True)
        if not self.takes_query_masks:
            with pytest.raises(UserError, match="attention_mask"):
                model(**inputs)
            return
        assert_equal(model(**inputs), plain(**inputs))

    def test_autocast_of_real_tokens(self, skipper: ModelCase) -> None:
        plain, packed = self.pair(skipper, "auto")
        inputs = self.unseen(skipper)
        expected = plain(**inputs).logits.detach()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = packed(**inputs).logits.detach()
            assert logits.dtype == plain(**inputs).logits.dtype
        assert float((logits.float() - expected).abs().max()) < 0.1 * max(1.0, float(expected.abs().max()))

    def test_dropout_of_real_tokens(self, skipper: ModelCase) -> None:
        fields = [name for name in vars(self.config) if name.endswith(("dropout", "dropout_prob"))]
        model = self.build(skipper, **dict.fromkeys(fields, 0.5)).train()
        one, two = (model(**self.unseen(skipper)).logits for _ in range(2))
        assert one.isfinite().all()
        assert not torch.equal(one, two)

    def test_compiled_there_are_no_graph_breaks(self, skipper: ModelCase) -> None:
        plain, model = self.pair(skipper, "auto")
        torch._dynamo.reset()
        compiled = torch.compile(model, backend="eager", fullgraph=True)
        assert_all_same(compiled(**self.unseen(skipper)), plain(**self.unseen(skipper)))

    @pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.*torch.jit.trace.*:DeprecationWarning")
    @pytest.mark.parametrize("setting", ["auto", True])
    def test_traced_it_keeps_no_number_of_tokens(self, skipper: ModelCase, setting: bool | str) -> None:
        plain, model = self.pair(skipper, setting)
        inputs = self.unseen(skipper)
        mask = inputs.pop("attention_mask")
        call = functools.partial(model.requires_grad_(False), **inputs)
        traced = torch.jit.trace(lambda attention_mask: call(attention_mask=attention_mask), mask, strict=False)
        for other in (mask, torch.ones_like(mask)):
            assert close(traced(other)["logits"], plain(**inputs, attention_mask=other).logits)

    @pytest.mark.filterwarnings("ignore:There is a performance drop")
    def test_samples_one_by_one(self, skipper: ModelCase) -> None:
        """As for gradients of single samples: under ``vmap`` nobody can read the values of a mask."""
        model, inputs = self.build(skipper).requires_grad_(False), self.unseen(skipper)
        samples = {name: value.unsqueeze(1) for name, value in inputs.items() if isinstance(value, Tensor)}
        mapped = torch.func.vmap(lambda sample: model(**sample, **self.plainly).logits)(samples)
        assert close(mapped.flatten(0, 1), model(**inputs).logits)

    @pytest.mark.filterwarnings("ignore:There is a performance drop")
    def test_gradients_of_single_samples(self, skipper: ModelCase) -> None:
        model, inputs = self.build(skipper), self.unseen(skipper)
        samples = {name: value.unsqueeze(1) for name, value in inputs.items() if isinstance(value, Tensor)}
        parameters = {name: value.detach() for name, value in model.named_parameters()}

        def score(values: dict[str, Tensor], sample: Inputs) -> Tensor:
            output = torch.func.functional_call(model, values, (), {**sample, **self.plainly})
            return output["logits"].square().sum()  # type: ignore[no-any-return]

        gradients = torch.func.vmap(torch.func.grad(score), in_dims=(None, 0))(parameters, samples)
        model(**inputs).logits.square().sum().backward()
        for name, parameter in model.named_parameters():
            if parameter.grad is not None:
                assert close(gradients[name].sum(0), parameter.grad), name

    # The setting

    def test_the_setting_is_saved_where_it_was_made(self, tmp_path: Path) -> None:
        self.build(self.base).save_pretrained(tmp_path / "auto")
        assert "skip_padding" not in (tmp_path / "auto/config.json").read_text()
        model = self.base.model.from_pretrained(tmp_path / "auto", skip_padding=True)
        assert model.config.skip_padding is True
        model.save_pretrained(tmp_path / "true")
        assert self.base.model.from_pretrained(tmp_path / "true").config.skip_padding is True
        with pytest.raises(UserError, match="'always'"):
            self.base.model.from_pretrained(tmp_path / "auto", skip_padding="always")


# What others put into a model; each notes the shapes that it sees


class _Wrapper(nn.Module):
    """A module in the place of a base model, as modules of parallel training are."""

    def __init__(self, wrapped: nn.Module) -> None:
        super().__init__()
        self.wrapped = wrapped

    def forward(self, *positional: Any, **named: Any) -> Any:
        self.output = self.wrapped(*positional, **named)
        return self.output


@contextmanager
def _hook_of_all_modules(_: nn.Module, seen: list[torch.Size]) -> Iterator[None]:
    def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(module, nn.LayerNorm):
            seen.append(output.shape)

    hook = nn.modules.module.register_module_forward_hook(note)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def _other_forward(model: nn.Module, seen: list[torch.Size]) -> Iterator[None]:
    norm = _norm_of(model)
    computed = norm.forward

    def forward(x: Tensor) -> Tensor:
        seen.append(x.shape)
        return computed(x)  # type: ignore[no-any-return]

    norm.forward = forward  # type: ignore[method-assign]
    yield


@contextmanager
def _compiled_in_place(model: nn.Module, seen: list[torch.Size]) -> Iterator[None]:
    wrapper = _Wrapper(_norm_of(model))
    _put_in_place_of(wrapper.wrapped, wrapper, model)
    wrapper.compile(backend="eager")
    yield
    seen.append(wrapper.output.shape)


@contextmanager
def _compiled(model: nn.Module, seen: list[torch.Size]) -> Iterator[None]:
    wrapper = _Wrapper(_norm_of(model))
    _put_in_place_of(wrapper.wrapped, torch.compile(wrapper, backend="eager"), model)
    yield
    seen.append(wrapper.output.shape)


def _norm_of(model: nn.Module) -> nn.Module:
    return [module for module in model.modules() if isinstance(module, nn.LayerNorm)][-1]


def _put_in_place_of(part: nn.Module, other: Any, model: nn.Module) -> None:
    owner, name = next(
        (owner, name) for owner in model.modules() for name, child in owner.named_children() if child is part
    )
    setattr(owner, name, other)


def flops(call: Callable[..., Any], **inputs: Any) -> int:
    """The work of the matrix products of a call."""
    with FlopCounterMode(display=False) as counter:
        call(**inputs)
    return counter.get_total_flops()


def close(one: Tensor, two: Tensor) -> bool:
    if one.shape != two.shape:
        return False
    one, two = one.detach(), two.detach()
    return float((one - two).abs().max()) <= CLOSE * max(1.0, float(two.abs().max()))


def assert_same_but_zero(value: Tensor, expected: Tensor, mask: Tensor, name: str) -> None:
    """The same where the mask is 1 and 0 elsewhere, if there is one value for each position of the mask."""
    if value.shape[: mask.ndim] != mask.shape:
        assert close(value, expected), name
        return
    real = mask.bool()
    assert not value[~real].any(), name
    assert not real.any() or close(value[real], expected[real]), name


def assert_all_same(output: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    wanted = dict(floats(expected))
    assert wanted
    for name, value in floats(output):
        assert close(value, wanted[name]), name


def assert_equal(output: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    wanted = dict(floats(expected))
    assert wanted
    for name, value in floats(output):
        assert torch.equal(value, wanted[name]), name
