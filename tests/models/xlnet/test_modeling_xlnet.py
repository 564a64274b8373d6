from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from tests.shared.generation_tester import GenerationTester
from tests.shared.model_tester import (
    CHOICES,
    CLOSE,
    TIME,
    Inputs,
    ModelCase,
    assert_same,
    choice_labels,
    class_labels,
    difference,
    randomise,
    span_labels,
    token_class_labels,
    token_labels,
)
from tests.shared.padding_tester import PaddingTester

from transformers import (
    XLNetConfig,
    XLNetForMultipleChoice,
    XLNetForQuestionAnswering,
    XLNetForQuestionAnsweringSimple,
    XLNetForSequenceClassification,
    XLNetForTokenClassification,
    XLNetLMHeadModel,
    XLNetModel,
)
from transformers.errors import UserError

V, M, N, D, F, C = 40, 24, 4, 5, 32, 3

TINY = XLNetConfig(
    vocab_size=V,
    d_model=M,
    n_layer=2,
    n_head=N,
    d_head=D,
    d_inner=F,
    dropout=0.0,
    summary_last_dropout=0.0,
    num_labels=C,
    mem_len=None,
    start_n_top=3,
    end_n_top=2,
)


def linear(name: str, out: int, into: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (out, into), f"{name}.bias": (out,)}


def norm(name: str) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (M,), f"{name}.bias": (M,)}


def layer(name: str) -> dict[str, tuple[int, ...]]:
    return {
        **{f"{name}.rel_attn.{part}": (M, N, D) for part in "qkvor"},
        **{f"{name}.rel_attn.{part}": (N, D) for part in ("r_r_bias", "r_s_bias", "r_w_bias")},
        f"{name}.rel_attn.seg_embed": (2, N, D),
        **norm(f"{name}.rel_attn.layer_norm"),
        **norm(f"{name}.ff.layer_norm"),
        **linear(f"{name}.ff.layer_1", F, M),
        **linear(f"{name}.ff.layer_2", M, F),
    }


BASE = {"mask_emb": (1, 1, M), "word_embedding.weight": (V, M), **layer("layer.0"), **layer("layer.1")}
SUMMARY = linear("sequence_summary.summary", M, M)
SPANS = {
    **linear("start_logits.dense", 1, M),
    **linear("end_logits.dense_0", M, 2 * M),
    **norm("end_logits.LayerNorm"),
    **linear("end_logits.dense_1", 1, M),
    **linear("answer_class.dense_0", M, 2 * M),
    "answer_class.dense_1.weight": (1, M),
}


def beam_labels(config: Any) -> dict[str, torch.Tensor]:
    no_answer = {"cls_index": torch.tensor([6, 4, 6]), "is_impossible": torch.tensor([0, 1, 0])}
    return {**span_labels(config), **no_answer}


class TestXLNetModels(PaddingTester):
    config = TINY
    base = ModelCase(XLNetModel, BASE)
    heads = (
        ModelCase(XLNetLMHeadModel, linear("lm_loss", V, M), labels=token_labels),
        ModelCase(XLNetForSequenceClassification, {**SUMMARY, **linear("logits_proj", C, M)}, labels=class_labels),
        ModelCase(XLNetForTokenClassification, linear("classifier", C, M), labels=token_class_labels),
        ModelCase(
            XLNetForMultipleChoice, {**SUMMARY, **linear("logits_proj", 1, M)}, labels=choice_labels, choices=True
        ),
        ModelCase(XLNetForQuestionAnsweringSimple, linear("qa_outputs", 2, M), labels=span_labels),
        ModelCase(XLNetForQuestionAnswering, SPANS, labels=beam_labels),
    )
    skipping: ClassVar[dict[type, str]] = {XLNetForSequenceClassification: "left", XLNetForMultipleChoice: "left"}
    takes_query_masks = False
    depending = (XLNetForQuestionAnswering,)
    plainly: ClassVar[dict[str, Any]] = {"use_mems": False}
    prunes: ClassVar[dict[int, list[int]]] = {}
    unreached = ("mask_emb",)  # only the query stream begins with it

    def inputs(self, case: ModelCase) -> Inputs:
        inputs = super().inputs(case)
        segments = torch.arange(TIME) // 3
        inputs["token_type_ids"] = segments.expand_as(inputs["input_ids"]).clone()
        return inputs


@pytest.fixture(scope="module")
def ids() -> torch.Tensor:
    return torch.randint(1, V, (2, TIME), generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def mapping() -> torch.Tensor:
    """Predictions at the positions 5 and 2, and 0 and 6."""
    positions = torch.tensor([[5, 2], [0, 6]])
    return torch.nn.functional.one_hot(positions, TIME).float()


def build(model: type = XLNetModel, **fields: Any) -> Any:
    made = model(XLNetConfig(**{**TINY.to_dict(), **fields}))
    randomise(made)
    return made.eval()


class TestTwoStreams:
    def test_states_alternate_and_attentions_are_pairs(self, ids: torch.Tensor, mapping: torch.Tensor) -> None:
        output = build()(ids, target_mapping=mapping, output_hidden_states=True, output_attentions=True)
        assert output.last_hidden_state.shape == (2, 2, M)
        assert [state.shape[1] for state in output.hidden_states] == [TIME, 2] * 3
        assert torch.equal(output.hidden_states[-1], output.last_hidden_state)
        for content, query in output.attentions:
            assert content.shape == query.shape == (2, N, TIME, TIME)
            assert torch.allclose(query.sum(-1), torch.ones(()), atol=1e-5)

    def test_the_content_stream_is_the_same_as_without_predictions(
        self, ids: torch.Tensor, mapping: torch.Tensor
    ) -> None:
        model = build()
        alone = model(ids, output_hidden_states=True)
        both = model(ids, target_mapping=mapping, output_hidden_states=True)
        assert_same({"states": both.hidden_states[::2]}, {"states": alone.hidden_states})
        assert_same({"mems": both.mems}, {"mems": alone.mems})

    def test_a_prediction_depends_on_what_the_permutation_shows_it(
        self, ids: torch.Tensor, mapping: torch.Tensor
    ) -> None:
        model, permutation = build(XLNetLMHeadModel), torch.zeros(2, TIME, TIME)
        permutation[0, :, 5] = 1
        other = ids.clone()
        other[0, 5] = (other[0, 5] + 1) % V
        one, two = (model(x, perm_mask=permutation, target_mapping=mapping).logits for x in (ids, other))
        assert torch.equal(one[0, 0], two[0, 0])
        shown = model(other, target_mapping=mapping).logits
        assert difference(shown[0, 0], model(ids, target_mapping=mapping).logits[0, 0]) > 1e-3

    def test_gradients_reach_the_vector_that_the_query_stream_begins_with(
        self, ids: torch.Tensor, mapping: torch.Tensor
    ) -> None:
        for checkpointing in (False, True):
            model = build(XLNetLMHeadModel).train()
            if checkpointing:
                model.gradient_checkpointing_enable()
            model(ids, target_mapping=mapping, labels=torch.tensor([[3, 4], [-100, 6]])).loss.backward()
            assert model.transformer.mask_emb.grad.abs().max() > 0

    def test_the_loss_is_over_the_predictions(self, ids: torch.Tensor, mapping: torch.Tensor) -> None:
        labels = torch.tensor([[3, 4], [-100, 6]])
        output = build(XLNetLMHeadModel)(ids, target_mapping=mapping, labels=labels)
        expected = torch.nn.functional.cross_entropy(output.logits.flatten(0, 1), labels.flatten())
        assert torch.allclose(output.loss, expected)


class TestMemories:
    def test_with_all_memories_a_text_in_segments_is_the_text(self, ids: torch.Tensor) -> None:
        model = build(attn_type="uni")
        whole = model(ids).last_hidden_state
        mems, states = None, []
        for part in ids.split([3, 1, 3], dim=1):
            output = model(part, mems=mems)
            mems = output.mems
            states.append(output.last_hidden_state)
        assert [tuple(memory.shape) for memory in mems] == [(TIME, 2, M)] * 2
        assert difference(torch.cat(states, 1), whole) < CLOSE

    @pytest.mark.parametrize(
        ("fields", "lengths"),
        [
            ({"mem_len": None}, [7, 14, 21]),
            ({"mem_len": 0}, [7, 14, 21]),
            ({"mem_len": 9}, [7, 9, 9]),
            ({"mem_len": 5}, [5, 5, 5]),
            ({"mem_len": 9, "reuse_len": 4}, [4, 8, 9]),
            ({"mem_len": None, "reuse_len": 2}, [2, 4, 6]),
            ({"mem_len": 9, "reuse_len": 0}, [7, 9, 9]),
        ],
    )
    def test_how_much_is_remembered(self, ids: torch.Tensor, fields: dict[str, Any], lengths: list[int]) -> None:
        model, mems = build(**fields), None
        for length in lengths:
            output = model(ids, mems=mems, output_hidden_states=True)
            kept = ids.shape[1] if not fields.get("reuse_len") else fields["reuse_len"]
            last = output.hidden_states[0].transpose(0, 1)[:kept][-length:]
            assert torch.equal(output.mems[0][-len(last) :], last)
            mems = output.mems
            assert [len(memory) for memory in mems] == [length] * 2
            assert not any(memory.requires_grad for memory in mems)

    def test_when_memories_are_returned(self, ids: torch.Tensor) -> None:
        model = build()
        assert model(ids).mems is not None
        assert model(ids, use_mems=False).mems is None
        assert build(use_mems_eval=False)(ids).mems is None
        model.train()
        assert model(ids).mems is None
        assert model(ids, use_mems=True).mems is not None
        assert build(use_mems_train=True).train()(ids).mems is not None
        assert build(XLNetForTokenClassification)(ids).mems is not None

    def test_memories_of_another_model_or_batch_are_refused(self, ids: torch.Tensor) -> None:
        model = build()
        mems = model(ids).mems
        for wrong in (mems[:1], (), [memory[:, :1] for memory in mems], [mems[0], mems[1][1:]]):
            with pytest.raises(UserError, match=rf"mems .*{len(wrong)} tensors[\s\S]*2, each \[memory, 2, {M}\]"):
                model(ids, mems=wrong)


class TestMasks:
    def test_either_mask_says_what_is_padding(self, ids: torch.Tensor) -> None:
        model, mask = build(), torch.ones(2, TIME)
        mask[1, :3] = 0
        expected = model(ids, attention_mask=mask).last_hidden_state
        for padding in (1 - mask, (1 - mask).long(), (1 - mask).bool()):
            assert torch.equal(model(ids, input_mask=padding).last_hidden_state, expected)
        assert torch.equal(model(ids, attention_mask=mask.bool()).last_hidden_state, expected)
        with pytest.raises(UserError, match="Both attention_mask and input_mask"):
            model(ids, attention_mask=mask, input_mask=1 - mask)

    def test_a_position_sees_itself_whatever_the_masks_say(self, ids: torch.Tensor) -> None:
        nothing = torch.ones(2, TIME, TIME)
        for fields in ({}, {"attn_type": "uni"}):
            attentions = build(**fields)(ids, perm_mask=nothing, output_attentions=True).attentions
            for weights in attentions:
                assert difference(weights, torch.eye(TIME).expand_as(weights)) < CLOSE

    def test_a_query_that_sees_nothing_sees_all_alike(self, ids: torch.Tensor, mapping: torch.Tensor) -> None:
        nothing = torch.ones(2, TIME, TIME)
        model = build()
        output = model(ids, perm_mask=nothing, target_mapping=mapping, output_attentions=True)
        for _, weights in output.attentions:
            assert difference(weights, torch.full_like(weights, 1 / TIME)) < CLOSE
        fused = model(ids, perm_mask=nothing, target_mapping=mapping)
        assert difference(fused.last_hidden_state, output.last_hidden_state) < CLOSE

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_masks_work_in_half_precision(self, ids: torch.Tensor, mapping: torch.Tensor, dtype: torch.dtype) -> None:
        model, mask = build().to(dtype), torch.ones(2, TIME)
        mask[0, 4:] = 0
        one, two = (model(x, mask, target_mapping=mapping).last_hidden_state for x in (ids, ids.clone().fill_(3)))
        assert one.isfinite().all()
        other = ids.clone()
        other[0, 4] = (other[0, 4] + 1) % V
        assert torch.equal(model(other, mask, target_mapping=mapping).last_hidden_state[0, 1], one[0, 1])
        assert not torch.equal(one, two)

    def test_all_inputs_that_do_not_fit_are_named(self, ids: torch.Tensor) -> None:
        with pytest.raises(UserError) as error:
            build()(
                ids,
                input_mask=torch.zeros(2, 3),
                perm_mask=torch.zeros(2, TIME, 3),
                target_mapping=torch.zeros(2, 1, 4),
                token_type_ids=torch.zeros(1, TIME),
            )
        for name in ("input_mask", "perm_mask", "target_mapping", "token_type_ids"):
            assert f"{name} has shape" in str(error.value)


class TestSettings:
    def test_segments_are_compared_not_counted(self, ids: torch.Tensor) -> None:
        model, segments = build(), torch.tensor([[0, 0, 1, 1, 1, 2, 2]]).expand(2, -1)
        expected = model(ids, token_type_ids=segments).last_hidden_state
        assert torch.equal(model(ids, token_type_ids=segments * 3 + 1).last_hidden_state, expected)
        plain = model(ids).last_hidden_state
        same = model(ids, token_type_ids=torch.zeros_like(segments)).last_hidden_state
        assert difference(expected, same) > 1e-3
        assert difference(plain, same) < CLOSE  # what all keys have in common cancels in the softmax

    def test_one_direction_sees_nothing_behind(self, ids: torch.Tensor) -> None:
        model, other = build(attn_type="uni"), ids.clone()
        other[:, 4:] = (other[:, 4:] + 1) % V
        one, two = (model(x).last_hidden_state for x in (ids, other))
        assert difference(one[:, :4], two[:, :4]) < CLOSE
        assert difference(one[:, 4:], two[:, 4:]) > 1e-3

    def test_a_batch_of_two_directions_has_two_halves(self, ids: torch.Tensor) -> None:
        both, one = build(bi_data=True), build()
        assert difference(both(ids).last_hidden_state[0], one(ids).last_hidden_state[0]) < CLOSE
        assert difference(both(ids).last_hidden_state[1], one(ids.flip(1)).last_hidden_state[1].flip(0)) < CLOSE
        with pytest.raises(UserError, match="batch of 1 has no halves"):
            both(ids[:1])

    def test_dropout_in_training(self, ids: torch.Tensor) -> None:
        model = build(dropout=0.5)
        model.train()
        assert not torch.equal(model(ids).last_hidden_state, model(ids).last_hidden_state)

    def test_feed_forward_layers_in_chunks(self, ids: torch.Tensor, mapping: torch.Tensor) -> None:
        expected = build()(ids, target_mapping=mapping).last_hidden_state
        chunked = build(chunk_size_feed_forward=2)(ids, target_mapping=mapping).last_hidden_state
        assert difference(chunked, expected) < CLOSE


class TestHeads:
    def test_choices_may_have_either_mask(self, ids: torch.Tensor) -> None:
        model, mask = build(XLNetForMultipleChoice), torch.ones(2, CHOICES, TIME)
        mask[0, 1, :2] = 0
        choices = torch.stack([ids, ids.flip(1)], dim=1)
        expected = model(choices, attention_mask=mask).logits
        assert expected.shape == (2, CHOICES)
        assert torch.equal(model(choices, input_mask=1 - mask).logits, expected)

    def test_without_a_projection_the_summary_is_the_state(self, ids: torch.Tensor) -> None:
        model = build(XLNetForSequenceClassification, summary_use_proj=False, summary_activation=None)
        assert not any(name.startswith("sequence_summary") for name in model.state_dict())
        output = model(ids, output_hidden_states=True)
        assert torch.equal(output.logits, model.logits_proj(output.hidden_states[-1][:, -1]))

    def test_answers_are_searched_without_labels_and_scored_with_them(self, ids: torch.Tensor) -> None:
        model = build(XLNetForQuestionAnswering)
        found = model(ids)
        assert found.start_top_index.shape == (2, 3)
        assert found.end_top_index.shape == (2, 6)
        assert found.cls_logits.shape == (2,)
        assert "loss" not in found
        trained = model(ids, start_positions=torch.tensor([1, 2]), end_positions=torch.tensor([3, 3]))
        assert list(trained.keys()) == ["loss", "mems"]


def next_scores(model: Any, tokens: torch.Tensor, prompt: int, **inputs: Any) -> torch.Tensor:
    """The scores of the position behind a text, whose first ``prompt`` pieces see one another, and later ones in order.

    By one forward pass, with a mask that is written out.
    """
    batch, time = tokens.shape
    hidden = torch.zeros(time + 1, time + 1)
    for query in range(time + 1):
        for key in range(time + 1):
            hidden[query, key] = key == time or (key >= prompt and key > query)
    target = torch.zeros(batch, 1, time + 1)
    target[:, 0, time] = 1
    longer = torch.cat([tokens, torch.full((batch, 1), 1)], dim=1)
    return model(longer, perm_mask=hidden.expand(batch, -1, -1), target_mapping=target, **inputs).logits[:, 0]


class TestGeneration(GenerationTester):
    model_class = XLNetLMHeadModel
    config = XLNetConfig(vocab_size=31, d_model=12, n_layer=2, n_head=3, d_head=4, d_inner=20, mem_len=4)

    def next_scores(self, model: Any, prompt: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        return next_scores(model, tokens, prompt.shape[1])


class TestGenerationFromLeftToRight(TestGeneration):
    """Where a prompt is read in one direction, too, and distances are clamped."""

    config = XLNetConfig(
        vocab_size=31, d_model=12, n_layer=2, n_head=3, d_head=4, d_inner=20, attn_type="uni", clamp_len=6, reuse_len=3
    )


class TestWriting:
    def made(self, **fields: Any) -> Any:
        model = XLNetLMHeadModel(XLNetConfig(**{**TINY.to_dict(), **fields}))
        randomise(model)
        return model.eval()

    def prompt(self, *shape: int) -> torch.Tensor:
        return torch.randint(6, V, shape, generator=torch.Generator().manual_seed(sum(shape)))

    @pytest.mark.parametrize("use_cache", [True, False])
    def test_segments_are_those_of_the_prompt_also_where_it_is_remembered(self, use_cache: bool) -> None:
        model, prompt = self.made(), self.prompt(2, 5)
        types = torch.tensor([[0, 0, 1, 1, 1], [2, 1, 1, 0, 0]])
        expected = prompt
        for _ in range(6):
            longer = torch.cat([types, types[:, -1:].expand(-1, expected.shape[1] - 4)], dim=1)
            with torch.no_grad():
                best = next_scores(model, expected, 5, token_type_ids=longer).argmax(-1)
            expected = torch.cat([expected, best[:, None]], dim=1)
        settings: dict[str, Any] = {"max_new_tokens": 6, "eos_token_id": None, "use_cache": use_cache}
        assert torch.equal(model.generate(prompt, token_type_ids=types, **settings), expected)
        assert not torch.equal(model.generate(prompt, **settings), expected)

    def test_texts_go_on_from_what_is_remembered(self) -> None:
        model, before, prompt = self.made(), self.prompt(2, 6), self.prompt(2, 4)
        with torch.no_grad():
            mems = model(before).mems
            expected = prompt
            for _ in range(6):
                best = next_scores(model, expected, 4, mems=mems).argmax(-1)
                expected = torch.cat([expected, best[:, None]], dim=1)
        settings: dict[str, Any] = {"max_new_tokens": 6, "eos_token_id": None}
        assert torch.equal(model.generate(prompt, mems=mems, **settings), expected)
        assert not torch.equal(model.generate(prompt, **settings), expected)
        assert mems[0].shape[0] == 6
        padded = torch.cat([torch.zeros(2, 2, dtype=torch.long), prompt], dim=1)
        mask = (padded > 0).long()
        beams: dict[str, Any] = {**settings, "num_beams": 3, "mems": mems}
        together = model.generate(padded, attention_mask=mask, **beams)
        assert torch.equal(together[:, 2:], model.generate(prompt, **beams))

    def test_each_piece_is_read_once(self) -> None:
        model, seen = self.made(), []
        model.transformer.register_forward_pre_hook(
            lambda _, __, inputs: seen.append((inputs["input_ids"].shape[1], inputs["attention_mask"])),
            with_kwargs=True,
        )
        model.generate(self.prompt(2, 5), max_new_tokens=4, eos_token_id=None)
        assert seen == [(6, None), (2, None), (2, None), (2, None)]

    @pytest.mark.parametrize(
        ("fields", "options", "message"),
        [
            ({"bi_data": True}, {}, "bi_data=True"),
            ({"attn_type": "uni", "same_length": True}, {}, "same_length=True"),
            ({}, {"mems": [torch.zeros(3, 2, M)] * 2, "use_cache": False}, "mems cannot be given with use_cache=False"),
            ({}, {"past_key_values": ((torch.zeros(1),) * 2,)}, "past_key_values are not"),
            ({}, {"perm_mask": torch.zeros(2, 5, 5)}, "perm_mask is unknown"),
        ],
    )
    def test_what_cannot_be_honoured_is_refused(
        self, fields: dict[str, Any], options: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(UserError, match=message):
            self.made(**fields).generate(self.prompt(2, 5), max_new_tokens=2, **options)
