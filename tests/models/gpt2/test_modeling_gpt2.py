from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from tests.shared.generation_tester import GenerationTester
from tests.shared.model_tester import (
    ModelCase,
    ModelTester,
    choice_labels,
    class_labels,
    span_labels,
    token_class_labels,
    token_labels,
)
from torch.nn.functional import cross_entropy

from transformers import (
    GPT2Config,
    GPT2DoubleHeadsModel,
    GPT2ForQuestionAnswering,
    GPT2ForSequenceClassification,
    GPT2ForTokenClassification,
    GPT2LMHeadModel,
    GPT2Model,
    PretrainedConfig,
)
from transformers.errors import UserError
from transformers.modeling_utils import PreTrainedModel


def tiny(**fields: Any) -> GPT2Config:
    sizes = {"vocab_size": 31, "n_positions": 16, "n_embd": 12, "n_layer": 2, "n_head": 3}
    return GPT2Config(**{**sizes, "bos_token_id": 29, "eos_token_id": 30, **fields})


def made(model_class: type[PreTrainedModel], **fields: Any) -> Any:
    """A model whose weights, biases and norms are all large enough to be seen in its outputs."""
    torch.manual_seed(0)
    model = model_class(tiny(**fields)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.4) if parameter.ndim > 1 else parameter.uniform_(0.2, 0.9)
    return model


def ids(*shape: int) -> torch.Tensor:
    return torch.randint(0, 28, shape, generator=torch.Generator().manual_seed(sum(shape)))


def assert_close(actual: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(actual, expected, atol=2e-5, rtol=1e-5)


def double_labels(config: PretrainedConfig) -> dict[str, Any]:
    """A right choice, and a token to predict at every position of every choice but the first."""
    tokens = token_labels(config)["labels"]
    return {"labels": torch.stack([tokens, tokens], 1), "mc_labels": choice_labels(config)["labels"]}


BLOCK = {
    "ln_1.weight": (12,),
    "ln_1.bias": (12,),
    "attn.c_attn.weight": (12, 36),
    "attn.c_attn.bias": (36,),
    "attn.c_proj.weight": (12, 12),
    "attn.c_proj.bias": (12,),
    "ln_2.weight": (12,),
    "ln_2.bias": (12,),
    "mlp.c_fc.weight": (12, 48),
    "mlp.c_fc.bias": (48,),
    "mlp.c_proj.weight": (48, 12),
    "mlp.c_proj.bias": (12,),
}
CROSS = {
    "crossattention.c_attn.weight": (12, 24),
    "crossattention.c_attn.bias": (24,),
    "crossattention.q_attn.weight": (12, 12),
    "crossattention.q_attn.bias": (12,),
    "crossattention.c_proj.weight": (12, 12),
    "crossattention.c_proj.bias": (12,),
    "ln_cross_attn.weight": (12,),
    "ln_cross_attn.bias": (12,),
}


class TestGPT2(ModelTester):
    config = tiny(
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, summary_first_dropout=0.0, classifier_dropout=0.0, num_labels=4
    )
    decoder: ClassVar[dict[str, Any]] = {}
    base = ModelCase(
        GPT2Model,
        keys={
            "wte.weight": (31, 12),
            "wpe.weight": (16, 12),
            **{f"h.{layer}.{key}": shape for layer in range(2) for key, shape in BLOCK.items()},
            "ln_f.weight": (12,),
            "ln_f.bias": (12,),
        },
    )
    heads = (
        ModelCase(GPT2LMHeadModel, keys={"lm_head.weight": (31, 12)}, labels=token_labels),
        ModelCase(
            GPT2DoubleHeadsModel,
            keys={
                "lm_head.weight": (31, 12),
                "multiple_choice_head.summary.weight": (1, 12),
                "multiple_choice_head.summary.bias": (1,),
            },
            labels=double_labels,
            choices=True,
        ),
        ModelCase(
            GPT2ForSequenceClassification,
            keys={"score.weight": (4, 12)},
            labels=class_labels,
            config={"pad_token_id": 0},
        ),
        ModelCase(
            GPT2ForTokenClassification,
            keys={"classifier.weight": (4, 12), "classifier.bias": (4,)},
            labels=token_class_labels,
        ),
        ModelCase(
            GPT2ForQuestionAnswering, keys={"qa_outputs.weight": (2, 12), "qa_outputs.bias": (2,)}, labels=span_labels
        ),
    )

    def inputs(self, case: ModelCase) -> dict[str, Any]:
        """Where the model knows a padding id, the padding is that."""
        inputs = super().inputs(case)
        if "pad_token_id" in case.config:
            inputs["input_ids"] = inputs["input_ids"] * inputs["attention_mask"]
        return inputs


class TestGeneration(GenerationTester):
    model_class = GPT2LMHeadModel
    config = tiny(n_positions=24, tie_word_embeddings=False)
    seed = 18


class TestGenerationWithTwoHeads(TestGeneration):
    model_class = GPT2DoubleHeadsModel

    def next_scores(self, model: Any, prompt: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        return model(tokens[:, None]).logits[:, 0, -1]


class TestStateDict:
    def test_cross_attention(self) -> None:
        plain, crossed = (GPT2Model(tiny(add_cross_attention=cross)).state_dict() for cross in (False, True))
        added = {key: tuple(crossed[key].shape) for key in crossed.keys() - plain.keys()}
        assert added == {f"h.{layer}.{key}": shape for layer in range(2) for key, shape in CROSS.items()}

    def test_the_inner_width_can_be_set(self) -> None:
        state = GPT2Model(tiny(n_inner=20)).state_dict()
        assert state["h.0.mlp.c_fc.weight"].shape == (12, 20)
        assert state["h.0.mlp.c_proj.weight"].shape == (20, 12)

    def test_files_of_the_hub_load(self, tmp_path: Path) -> None:
        """Keys without the prefix, no lm_head, and the masks that old versions stored."""
        model = made(GPT2LMHeadModel)
        state = dict(model.transformer.state_dict())
        for layer in range(2):
            state[f"h.{layer}.attn.bias"] = torch.ones(1, 1, 16, 16, dtype=torch.uint8).tril()
            state[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
        model.config.save_pretrained(tmp_path)
        torch.save(state, tmp_path / "pytorch_model.bin")
        for model_class in (GPT2LMHeadModel, GPT2Model):
            loaded, report = model_class.from_pretrained(tmp_path, output_loading_info=True)
            assert not any(report.values())
            assert_close(
                loaded(ids(1, 5))[0], (model if model_class is GPT2LMHeadModel else model.transformer)(ids(1, 5))[0]
            )


class TestInitialisation:
    def test_what_is_added_to_the_states_begins_smaller(self) -> None:
        torch.manual_seed(0)
        state = GPT2Model(tiny(n_embd=96, n_layer=8)).state_dict()
        for name in ("attn.c_proj", "mlp.c_proj"):
            assert state[f"h.3.{name}.weight"].std().item() == pytest.approx(0.02 / 4, rel=0.1)
        for name in ("attn.c_attn", "mlp.c_fc"):
            assert state[f"h.3.{name}.weight"].std().item() == pytest.approx(0.02, rel=0.1)
        assert state["h.3.mlp.c_proj.bias"].abs().max() == 0
        assert (state["ln_f.weight"] == 1).all()


class TestCache:
    def test_steps_give_what_the_whole_gives(self) -> None:
        model, tokens = made(GPT2Model), ids(2, 9)
        whole = model(tokens, output_hidden_states=True)
        cache = None
        for start, end in ((0, 4), (4, 5), (5, 9)):
            step = model(tokens[:, start:end], past_key_values=cache, output_hidden_states=True)
            cache = step.past_key_values
            for part, state in zip(step.hidden_states, whole.hidden_states, strict=True):
                assert_close(part, state[:, start:end])
        for step_layer, whole_layer in zip(cache, whole.past_key_values, strict=True):
            for step_tensor, whole_tensor in zip(step_layer, whole_layer, strict=True):
                assert step_tensor.shape == (2, 3, 9, 4)
                assert_close(step_tensor, whole_tensor)

    def test_without_gradients_and_from_tuples_it_is_the_same(self) -> None:
        model, tokens = made(GPT2Model), ids(2, 9)
        whole = model(tokens).last_hidden_state
        with torch.no_grad():
            first = model(tokens[:, :5])
            legacy = first.past_key_values.to_legacy_cache()
            for cache in (legacy, legacy, first.past_key_values):
                assert_close(model(tokens[:, 5:], past_key_values=cache).last_hidden_state, whole[:, 5:])
        assert legacy[0][0].shape[2] == 5
        assert first.past_key_values.get_seq_length() == 9

    def test_gradients_flow_through_it(self) -> None:
        model, tokens = made(GPT2LMHeadModel), ids(1, 8)
        model(tokens, labels=tokens).loss.backward()
        expected = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
        model.zero_grad()
        first = model(tokens[:, :3])
        second = model(tokens[:, 3:], past_key_values=first.past_key_values)
        logits = torch.cat([first.logits, second.logits], dim=1)
        cross_entropy(logits[0, :-1], tokens[0, 1:]).backward()
        for name, parameter in model.named_parameters():
            assert_close(parameter.grad, expected[name])

    def test_it_is_returned_where_it_is_wanted(self) -> None:
        assert made(GPT2Model)(ids(1, 3), use_cache=False).past_key_values is None
        assert made(GPT2Model, use_cache=False)(ids(1, 3)).past_key_values is None
        assert len(made(GPT2Model)(ids(1, 3)).past_key_values) == 2


class TestMasks:
    def test_a_row_without_any_token_gives_numbers(self) -> None:
        tokens = ids(2, 4)
        mask = torch.tensor([[0, 0, 0, 0], [1, 1, 1, 1]])
        assert made(GPT2Model)(tokens, attention_mask=mask).last_hidden_state.isfinite().all()

    def test_weights_are_causal_and_sum_to_one(self) -> None:
        output = made(GPT2Model)(ids(2, 6), output_attentions=True)
        for weights in output.attentions:
            assert weights.shape == (2, 3, 6, 6)
            assert weights.triu(1).abs().max() == 0
            assert_close(weights.sum(-1), torch.ones(2, 3, 6))

    def test_a_mask_for_other_positions_is_refused(self) -> None:
        model = made(GPT2Model)
        cache = model(ids(1, 4)).past_key_values
        with pytest.raises(UserError, match="attention_mask"):
            model(ids(1, 2), past_key_values=cache, attention_mask=torch.ones(1, 2))


class TestInputs:
    def test_token_type_ids_are_tokens_that_are_added(self) -> None:
        model, tokens, types = made(GPT2Model), ids(2, 5), ids(2, 5).flip(1)
        embeds = model.wte(tokens) + model.wte(types)
        assert_close(model(tokens, token_type_ids=types)[0], model(inputs_embeds=embeds)[0])

    def test_positions_can_be_given(self) -> None:
        model, tokens = made(GPT2Model), ids(2, 5)
        moved = model(tokens, position_ids=torch.arange(3, 8)[None])[0]
        embeds = model.wte(tokens) + model.wpe.weight[3:8] - model.wpe.weight[:5]
        assert_close(moved, model(inputs_embeds=embeds)[0])

    def test_states_are_those_between_the_blocks_and_the_final_one(self) -> None:
        model, tokens = made(GPT2Model), ids(2, 5)
        output = model(tokens, output_hidden_states=True)
        assert len(output.hidden_states) == 3
        assert_close(output.hidden_states[0], model.wte(tokens) + model.wpe.weight[:5])
        assert output.hidden_states[-1] is output.last_hidden_state
        assert isinstance(model(tokens, return_dict=False), tuple)

    @pytest.mark.parametrize(
        ("inputs", "message"),
        [
            ({"input_ids": ids(1, 17)}, "17 tokens"),
            ({"input_ids": torch.tensor([[31]])}, "input_ids"),
            ({"input_ids": ids(1, 2), "position_ids": torch.tensor([[15, 16]])}, "position_ids"),
            ({}, "Neither"),
            ({"input_ids": ids(1, 2), "inputs_embeds": torch.zeros(1, 2, 12)}, "Both"),
            ({"input_ids": ids(1, 2), "encoder_hidden_states": torch.zeros(1, 2, 12)}, "add_cross_attention"),
        ],
    )
    def test_inputs_that_cannot_be_used_are_refused(self, inputs: dict[str, Any], message: str) -> None:
        with pytest.raises(UserError, match=message):
            made(GPT2Model)(**inputs)


class TestAttentionOptions:
    @pytest.mark.parametrize(
        ("fields", "factors"),
        [
            ({"scale_attn_weights": False}, (2.0, 2.0)),
            ({"scale_attn_by_inverse_layer_idx": True}, (1.0, 0.5)),
            ({"scale_attn_weights": False, "scale_attn_by_inverse_layer_idx": True}, (2.0, 1.0)),
        ],
    )
    def test_scores_are_scaled(self, fields: dict[str, Any], factors: tuple[float, float]) -> None:
        """Heads of size 4: the usual factor is one half, so that scaled queries undo another factor."""
        scaled, plain, tokens = made(GPT2Model, **fields), made(GPT2Model), ids(2, 6)
        with torch.no_grad():
            for block, factor in zip(plain.h, factors, strict=True):
                block.attn.c_attn.weight[:, :12] *= factor
                block.attn.c_attn.bias[:12] *= factor
        assert_close(scaled(tokens)[0], plain(tokens)[0])

    @pytest.mark.parametrize("weights", [False, True])
    def test_attention_in_float32_keeps_the_dtype_of_the_model(self, weights: bool) -> None:
        tokens, mask = ids(2, 6), torch.tensor([[0, 1, 1, 1, 1, 1], [1] * 6])
        plain = made(GPT2Model)(tokens, attention_mask=mask)[0]
        model = made(GPT2Model, reorder_and_upcast_attn=True)
        assert_close(model(tokens, attention_mask=mask, output_attentions=weights)[0], plain)
        half = model.bfloat16()(tokens, attention_mask=mask, output_attentions=weights)
        assert half.last_hidden_state.dtype == torch.bfloat16
        assert (half.last_hidden_state - plain)[:, 1:].abs().max() < 0.1

    def test_left_padding_under_autocast_gives_numbers(self) -> None:
        model, mask = made(GPT2LMHeadModel), torch.tensor([[0, 0, 1, 1, 1], [1] * 5])
        plain = model(ids(2, 5), attention_mask=mask).logits
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(ids(2, 5), attention_mask=mask).logits
        assert ((logits - plain)[mask.bool()].abs() < 0.05 * plain.abs().max()).all()


class TestHeads:
    def test_a_head_that_is_masked_is_a_head_that_is_gone(self, tmp_path: Path) -> None:
        model, tokens = made(GPT2LMHeadModel), ids(2, 6)
        mask = torch.tensor([[1, 0, 1], [0, 0, 1]])
        masked = model(tokens, head_mask=mask).logits
        assert (masked - model(tokens).logits).abs().max() > 0.01
        model.prune_heads({0: [1], 1: [0]})
        model.prune_heads({1: [1]})
        assert model.transformer.h[1].attn.c_attn.weight.shape == (12, 12)
        assert_close(model(tokens).logits, masked)
        model.save_pretrained(tmp_path)
        assert_close(GPT2LMHeadModel.from_pretrained(tmp_path)(tokens).logits, masked)

    def test_pruned_models_have_a_cache_of_the_heads_that_are_left(self) -> None:
        model, tokens = made(GPT2Model, pruned_heads={0: [1], 1: [0, 2]}), ids(1, 6)
        first = model(tokens[:, :4])
        assert [keys.shape[1] for keys, _ in first.past_key_values] == [2, 1]
        assert_close(model(tokens[:, 4:], past_key_values=first.past_key_values)[0], model(tokens)[0][:, 4:])


class TestCrossAttention:
    def test_the_encoder_counts_but_its_padding_does_not(self) -> None:
        model, tokens = made(GPT2LMHeadModel, add_cross_attention=True), ids(2, 4)
        states, mask = torch.randn(2, 5, 12), torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
        output = model(tokens, encoder_hidden_states=states, encoder_attention_mask=mask, output_attentions=True)
        assert [weights.shape for weights in output.cross_attentions] == [(2, 3, 4, 5)] * 2
        assert output.cross_attentions[0][1, :, :, 3:].abs().max() == 0
        fused = model(tokens, encoder_hidden_states=states, encoder_attention_mask=mask).logits
        assert_close(fused, output.logits)
        assert_close(fused[1:], model(tokens[1:], encoder_hidden_states=states[1:, :3]).logits)
        assert (fused - model(tokens).logits).abs().max() > 0.01

    def test_its_keys_are_computed_once(self) -> None:
        model, tokens, states = made(GPT2LMHeadModel, add_cross_attention=True), ids(2, 6), torch.randn(2, 5, 12)
        whole = model(tokens, encoder_hidden_states=states).logits
        first = model(tokens[:, :4], encoder_hidden_states=states)
        kept = first.past_key_values.cross(0)
        second = model(tokens[:, 4:], encoder_hidden_states=states, past_key_values=first.past_key_values)
        assert_close(second.logits, whole[:, 4:])
        assert second.past_key_values.cross(0) is kept
        assert [len(layer) for layer in second.past_key_values.to_legacy_cache()] == [4, 4]


class TestTraining:
    def test_checkpointed_layers_give_the_same_gradients(self) -> None:
        model, tokens = made(GPT2LMHeadModel, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0).train(), ids(2, 6)
        gradients = []
        for enable in (model.gradient_checkpointing_disable, model.gradient_checkpointing_enable):
            enable()
            model.zero_grad()
            output = model(tokens, labels=tokens)
            output.loss.backward()
            gradients.append([parameter.grad for parameter in model.parameters()])
        assert output.past_key_values is None
        for plain, recomputed in zip(*gradients, strict=True):
            assert_close(recomputed, plain)
        with pytest.raises(UserError, match="checkpointing"):
            model(tokens, past_key_values=made(GPT2Model)(ids(2, 1)).past_key_values)
        with torch.no_grad():
            assert model(tokens).past_key_values.get_seq_length() == 6

    def test_dropout_acts_in_training_only(self) -> None:
        model, tokens = made(GPT2Model, attn_pdrop=0.5, embd_pdrop=0, resid_pdrop=0), ids(1, 6)
        assert torch.equal(model(tokens)[0], model(tokens)[0])
        model.train()
        assert not torch.equal(model(tokens)[0], model(tokens)[0])


class TestTasks:
    def test_next_tokens(self) -> None:
        model, tokens = made(GPT2LMHeadModel), ids(2, 6)
        labels = tokens.clone()
        labels[0, 3] = -100
        output = model(tokens, labels=labels)
        kept = labels[:, 1:] != -100
        assert_close(output.loss, cross_entropy(output.logits[:, :-1][kept], labels[:, 1:][kept]))
        assert_close(model(tokens, logits_to_keep=2).logits, output.logits[:, -2:])

    def test_tokens_and_choices(self) -> None:
        model, tokens = made(GPT2DoubleHeadsModel), ids(2, 3, 5)
        judged, right = torch.tensor([[4, 2, 1], [3, 3, 0]]), torch.tensor([2, 0])
        output = model(tokens, mc_token_ids=judged, labels=tokens, mc_labels=right)
        flat = tokens.flatten(0, 1)
        language = made(GPT2LMHeadModel)
        language.load_state_dict({key: value for key, value in model.state_dict().items() if "multiple" not in key})
        assert_close(output.logits, language(flat).logits.view(2, 3, 5, 31))
        assert_close(output.loss, language(flat, labels=flat).loss)
        states = model.transformer(flat).last_hidden_state[torch.arange(6), judged.flatten()]
        scores = model.multiple_choice_head.summary(states).view(2, 3)
        assert_close(output.mc_logits, scores)
        assert_close(output.mc_loss, cross_entropy(scores, right))
        assert list(output.keys())[:4] == ["loss", "mc_loss", "logits", "mc_logits"]
        assert_close(model(tokens).mc_logits, model(tokens, mc_token_ids=torch.full((2, 3), 4)).mc_logits)

    def test_choices_need_their_axis(self) -> None:
        with pytest.raises(UserError, match="choices"):
            made(GPT2DoubleHeadsModel)(ids(2, 5))

    def test_sequences_are_judged_at_their_last_token(self) -> None:
        model, tokens = made(GPT2ForSequenceClassification, pad_token_id=28, num_labels=4), ids(3, 6)
        tokens[0, 4:] = 28
        output = model(tokens, labels=torch.tensor([1, 3, 0]))
        states = model.transformer(tokens).last_hidden_state[torch.arange(3), torch.tensor([3, 5, 5])]
        assert_close(output.logits, model.score(states))
        assert_close(output.loss, cross_entropy(output.logits, torch.tensor([1, 3, 0])))

    def test_tokens_are_classified(self) -> None:
        model, tokens = made(GPT2ForTokenClassification, num_labels=3), ids(2, 5)
        output = model(tokens, labels=tokens % 3)
        assert_close(output.logits, model.classifier(model.transformer(tokens)[0]))
        assert_close(output.loss, cross_entropy(output.logits.flatten(0, 1), (tokens % 3).flatten()))

    @pytest.mark.parametrize(
        ("fields", "rate"),
        [({}, 0.1), ({"hidden_dropout": 0.0}, 0.0), ({"classifier_dropout": 0.3, "hidden_dropout": 0.2}, 0.3)],
    )
    def test_the_dropout_of_the_token_classifier_has_several_names(self, fields: dict[str, float], rate: float) -> None:
        assert GPT2ForTokenClassification(tiny(**fields)).dropout.p == rate

    def test_answers_are_found(self) -> None:
        model, tokens = made(GPT2ForQuestionAnswering), ids(2, 5)
        start, end = torch.tensor([1, 2]), torch.tensor([2, 4])
        output = model(tokens, start_positions=start, end_positions=end)
        logits = model.qa_outputs(model.transformer(tokens)[0])
        assert_close(output.start_logits, logits[..., 0])
        assert_close(output.loss, (cross_entropy(logits[..., 0], start) + cross_entropy(logits[..., 1], end)) / 2)
