from __future__ import annotations

import math
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from tests.shared.generation_tester import GenerationTester
from tests.shared.model_tester import (
    BATCH,
    CLOSE,
    TIME,
    ModelCase,
    choice_labels,
    class_labels,
    difference,
    randomise,
    span_labels,
    token_class_labels,
    token_labels,
)
from tests.shared.padding_tester import PaddingTester
from torch import Tensor

from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForQuestionAnswering,
    XLMConfig,
    XLMForMultipleChoice,
    XLMForQuestionAnswering,
    XLMForQuestionAnsweringSimple,
    XLMForSequenceClassification,
    XLMForTokenClassification,
    XLMModel,
    XLMWithLMHeadModel,
)
from transformers.errors import UserError
from transformers.modeling_utils import PreTrainedModel

WIDTH, WORDS = 12, 31


def tiny(**fields: Any) -> XLMConfig:
    sizes = {
        "vocab_size": WORDS, "emb_dim": WIDTH, "n_layers": 2, "n_heads": 3, "n_langs": 3,
        "max_position_embeddings": 16,
    }  # fmt: skip
    no_dropout = {"dropout": 0.0, "attention_dropout": 0.0, "summary_first_dropout": 0.0}
    return XLMConfig(**{**sizes, **no_dropout, "pad_index": 0, "pad_token_id": 0, **fields})


def made(model_class: type[PreTrainedModel], **fields: Any) -> Any:
    model = model_class(tiny(**fields))
    randomise(model)
    return model.eval()


def ids(*shape: int) -> Tensor:
    return torch.randint(1, WORDS, shape, generator=torch.Generator().manual_seed(sum(shape)))


def module(name: str, *shape: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def layer(number: int) -> dict[str, tuple[int, ...]]:
    keys: dict[str, tuple[int, ...]] = {}
    for projection in ("q_lin", "k_lin", "v_lin", "out_lin"):
        keys |= module(f"attentions.{number}.{projection}", WIDTH, WIDTH)
    keys |= module(f"layer_norm1.{number}", WIDTH) | module(f"layer_norm2.{number}", WIDTH)
    return keys | module(f"ffns.{number}.lin1", 4 * WIDTH, WIDTH) | module(f"ffns.{number}.lin2", WIDTH, 4 * WIDTH)


class TestXLM(PaddingTester):
    config = tiny(num_labels=4)
    base = ModelCase(
        XLMModel,
        keys={
            "embeddings.weight": (WORDS, WIDTH),
            "position_embeddings.weight": (16, WIDTH),
            "lang_embeddings.weight": (3, WIDTH),
            **module("layer_norm_emb", WIDTH),
            **layer(0),
            **layer(1),
        },
    )
    heads = (
        ModelCase(XLMWithLMHeadModel, keys=module("pred_layer.proj", WORDS, WIDTH), labels=token_labels),
        ModelCase(XLMForSequenceClassification, keys=module("sequence_summary.summary", 4, WIDTH), labels=class_labels),
        ModelCase(XLMForTokenClassification, keys=module("classifier", 4, WIDTH), labels=token_class_labels),
        ModelCase(
            XLMForMultipleChoice,
            keys=module("sequence_summary.summary", 4, WIDTH) | module("logits_proj", 1, 4),
            labels=choice_labels,
            choices=True,
        ),
        ModelCase(XLMForQuestionAnsweringSimple, keys=module("qa_outputs", 2, WIDTH), labels=span_labels),
        ModelCase(
            XLMForQuestionAnswering,
            keys={
                **module("qa_outputs.start_logits.dense", 1, WIDTH),
                **module("qa_outputs.end_logits.dense_0", WIDTH, 2 * WIDTH),
                **module("qa_outputs.end_logits.LayerNorm", WIDTH),
                **module("qa_outputs.end_logits.dense_1", 1, WIDTH),
                **module("qa_outputs.answer_class.dense_0", WIDTH, 2 * WIDTH),
                "qa_outputs.answer_class.dense_1.weight": (1, WIDTH),
            },
            labels=lambda config: {
                **span_labels(config),
                "cls_index": torch.tensor([0, 2, 1]),
                "is_impossible": torch.tensor([0, 1, 0]),
            },
        ),
    )
    takes_query_masks = False
    skipping: ClassVar[dict[type, str]] = {XLMForSequenceClassification: "right", XLMForMultipleChoice: "right"}

    def inputs(self, case: ModelCase) -> dict[str, Any]:
        """Every row has a language of its own; in the middle of the first, another one begins."""
        inputs = super().inputs(case)
        langs = torch.arange(BATCH)[:, None].repeat(1, TIME)
        langs[0, 3:] = 2
        inputs["langs"] = torch.stack([langs] * 2, 1) if case.choices else langs
        return inputs


class TestStateDict:
    def test_there_are_language_embeddings_only_for_several_languages(self) -> None:
        for fields in ({"n_langs": 1}, {"use_lang_emb": False}):
            assert "lang_embeddings.weight" not in XLMModel(tiny(**fields)).state_dict()

    def test_an_adaptive_softmax_has_a_head_and_tails(self) -> None:
        state = XLMWithLMHeadModel(tiny(asm=True, asm_cutoffs=[10, 18], asm_div_value=2.0)).state_dict()
        assert {key: tuple(value.shape) for key, value in state.items() if key.startswith("pred_layer")} == {
            **module("pred_layer.proj.head", 12, WIDTH),
            "pred_layer.proj.tail.0.0.weight": (6, WIDTH),
            "pred_layer.proj.tail.0.1.weight": (8, 6),
            "pred_layer.proj.tail.1.0.weight": (3, WIDTH),
            "pred_layer.proj.tail.1.1.weight": (13, 3),
        }

    def test_the_positions_that_older_versions_stored_are_ignored(self, tmp_path: Path) -> None:
        model = made(XLMWithLMHeadModel)
        state = {**model.state_dict(), "transformer.position_ids": torch.arange(16)[None]}
        model.save_pretrained(tmp_path, state_dict=state)
        assert not any(XLMWithLMHeadModel.from_pretrained(tmp_path, output_loading_info=True)[1].values())

    def test_new_weights_have_the_deviations_of_the_configuration(self) -> None:
        torch.manual_seed(0)
        state = XLMModel(tiny(emb_dim=60, vocab_size=900, embed_init_std=0.5, init_std=0.01)).state_dict()
        assert state["embeddings.weight"][1:].std() == pytest.approx(0.5, rel=0.05)
        assert state["embeddings.weight"][0].abs().max() == 0
        assert state["attentions.0.q_lin.weight"].std() == pytest.approx(0.01, rel=0.05)
        assert state["ffns.1.lin1.bias"].abs().max() == 0

    def test_a_table_of_sines_is_computed_stored_and_not_trained(self, tmp_path: Path) -> None:
        model = XLMModel(tiny(sinusoidal_embeddings=True, emb_dim=6))
        table = model.position_embeddings.weight
        assert not table.requires_grad
        for position in (0, 3, 15):
            for column in range(6):
                wave = (math.sin, math.cos)[column % 2]
                assert float(table[position, column]) == pytest.approx(
                    wave(position / 10000 ** (2 * (column // 2) / 6)), abs=1e-7
                )
        with torch.no_grad():
            table[3] = 7.0
        model.save_pretrained(tmp_path)
        loaded = XLMModel.from_pretrained(tmp_path).position_embeddings.weight
        assert not loaded.requires_grad
        assert torch.equal(loaded, table)


class TestInputs:
    def test_padding_is_told_by_mask_by_lengths_or_by_the_ids(self) -> None:
        model, inputs = made(XLMModel), ids(3, 7)
        lengths = torch.tensor([7, 4, 1])
        real = torch.arange(7) < lengths[:, None]
        inputs[~real] = 0
        states = [
            model(inputs, **told).last_hidden_state
            for told in ({"attention_mask": real.long()}, {"attention_mask": real}, {"lengths": lengths}, {})
        ]
        assert all(torch.equal(states[0], other) for other in states[1:])
        assert states[0][~real].abs().max() == 0
        assert states[0][real].abs().min() > 0

    def test_every_state_of_padding_is_zero(self) -> None:
        output = made(XLMModel)(ids(2, 6), lengths=torch.tensor([6, 2]), output_hidden_states=True)
        assert all(state[1, 2:].abs().max() == 0 for state in output.hidden_states)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
    @pytest.mark.parametrize("causal", [False, True])
    @pytest.mark.parametrize("need_weights", [False, True])
    def test_a_row_of_nothing_but_padding_stays_finite(
        self, dtype: torch.dtype, causal: bool, need_weights: bool
    ) -> None:
        model = made(XLMWithLMHeadModel, causal=causal).to(dtype)
        mask = torch.tensor([[1] * 5, [0] * 5])
        output = model(ids(2, 5), attention_mask=mask, output_attentions=need_weights)
        assert output.logits.isfinite().all()
        alone = model(ids(2, 5)[:1])
        assert difference(output.logits[0].float(), alone.logits[0].float()) < (
            CLOSE if dtype == torch.float32 else 0.1
        )
        assert all(weights.isfinite().all() for weights in output.attentions or ())

    def test_languages_count_where_the_model_knows_them(self) -> None:
        model, tokens = made(XLMModel), ids(1, 5)
        states = [model(tokens, langs=torch.full((1, 5), language)).last_hidden_state for language in range(3)]
        states.append(model(tokens).last_hidden_state)
        assert all(difference(one, two) > 1e-2 for i, one in enumerate(states) for two in states[:i])
        deaf = made(XLMModel, use_lang_emb=False)
        assert torch.equal(
            deaf(tokens, langs=torch.ones(1, 5, dtype=torch.long)).last_hidden_state, deaf(tokens).last_hidden_state
        )

    def test_token_types_are_words_that_are_added(self) -> None:
        model, tokens, types = made(XLMModel), ids(2, 5), ids(2, 5).flip(0)
        expected = model(inputs_embeds=model.embeddings(tokens) + model.embeddings(types)).last_hidden_state
        assert difference(model(tokens, token_type_ids=types).last_hidden_state, expected) < CLOSE

    @pytest.mark.parametrize(
        ("inputs", "word"),
        [
            ({"langs": torch.full((2, 5), 3)}, "langs holds 3 to 3"),
            ({"langs": torch.zeros(2, 4, dtype=torch.long)}, r"langs has shape \[2, 4\]"),
            ({"lengths": torch.tensor([5])}, "lengths"),
            ({"attention_mask": torch.ones(2, 5, 5)}, "attention_mask"),
            ({"position_ids": torch.full((2, 5), 16)}, "position_ids"),
            ({"cache": {}}, "slen"),
            ({"cache": ((torch.ones(1), torch.ones(1)),)}, "tuple"),
        ],
    )
    def test_what_does_not_fit_is_refused_by_name(self, inputs: dict[str, Any], word: str) -> None:
        with pytest.raises(UserError, match=word):
            made(XLMModel)(ids(2, 5), **inputs)

    def test_a_text_that_is_too_long_is_refused(self) -> None:
        with pytest.raises(UserError, match="17 tokens"):
            made(XLMModel)(ids(1, 17))


class TestCausal:
    @pytest.mark.parametrize("need_weights", [False, True])
    def test_a_position_sees_no_later_ones(self, need_weights: bool) -> None:
        model, tokens = made(XLMModel, causal=True), ids(2, 7)
        other = tokens.clone()
        other[:, 4:] = 1 + tokens[:, 4:] % (WORDS - 1)
        one, two = (model(each, output_attentions=need_weights).last_hidden_state for each in (tokens, other))
        assert difference(one[:, :4], two[:, :4]) < CLOSE
        assert difference(one[:, 4:], two[:, 4:]) > 1e-3

    def test_padding_on_the_left_changes_nothing(self) -> None:
        model, tokens = made(XLMModel, causal=True), ids(2, 5)
        padded = torch.nn.functional.pad(tokens, (3, 0))
        positions = (torch.arange(8) - 3).clamp(min=0).expand(2, -1)
        mask = (torch.arange(8) >= 3).long().expand(2, -1)
        states = model(padded, attention_mask=mask, position_ids=positions).last_hidden_state[:, 3:]
        assert difference(states, model(tokens).last_hidden_state) < CLOSE

    @torch.no_grad()
    @pytest.mark.parametrize("steps", [(3, 5, 6, 7), (1, 7), (7,)])
    def test_the_cache_changes_nothing(self, steps: tuple[int, ...]) -> None:
        model, tokens, cache = made(XLMModel, causal=True), ids(2, 7), {"slen": 0}
        langs = torch.arange(7).expand(2, -1) % 3
        states = [model(tokens[:, :end], langs=langs[:, :end], cache=cache).last_hidden_state for end in steps]
        assert cache["slen"] == 7
        assert set(cache) == {"slen", 0, 1}
        assert difference(torch.cat(states, 1), model(tokens, langs=langs).last_hidden_state) < CLOSE

    @torch.no_grad()
    def test_a_copy_of_the_cache_goes_its_own_way(self) -> None:
        model, tokens, cache = made(XLMModel, causal=True), ids(1, 6), {"slen": 0}
        model(tokens[:, :4], cache=cache)
        branch = dict(cache)
        one = model(tokens[:, :5], cache=cache).last_hidden_state
        two = model(torch.cat([tokens[:, :4], tokens[:, 5:]], 1), cache=branch).last_hidden_state
        assert difference(one, model(tokens[:, :5]).last_hidden_state[:, 4:]) < CLOSE
        assert difference(one, two) > 1e-3

    def test_gradient_checkpointing_refuses_a_cache(self) -> None:
        model = made(XLMModel, causal=True).train()
        model.gradient_checkpointing_enable()
        with pytest.raises(UserError, match="checkpointing"):
            model(ids(1, 3), cache={"slen": 0})


class TestHeads:
    def test_an_adaptive_softmax_gives_log_probabilities_with_and_without_labels(self) -> None:
        model = made(XLMWithLMHeadModel, asm=True, asm_cutoffs=[10, 18], asm_div_value=2.0)
        tokens = ids(2, 5)
        scores = model(tokens).logits
        assert scores.shape == (2, 5, WORDS)
        assert torch.allclose(scores.exp().sum(-1), torch.ones(2, 5), atol=1e-5)
        labels = tokens.clone()
        labels[0, 2:] = -100
        output = model(tokens, labels=labels)
        assert torch.equal(output.logits, scores)
        counted = labels != -100
        hidden = model.transformer(tokens).last_hidden_state[counted]
        assert difference(output.loss, model.pred_layer.proj(hidden, labels[counted]).loss) < CLOSE

    def test_the_vocabulary_of_an_adaptive_softmax_cannot_be_resized(self) -> None:
        with pytest.raises(UserError, match="cannot resize"):
            made(XLMWithLMHeadModel, asm=True, asm_cutoffs=[10]).resize_token_embeddings(40)

    def test_labels_of_words_stand_at_their_own_positions(self) -> None:
        model, tokens = made(XLMWithLMHeadModel), ids(2, 5)
        labels = torch.full_like(tokens, -100)
        labels[1, 3] = 7
        output = model(tokens, labels=labels)
        assert difference(output.loss, -output.logits[1, 3].log_softmax(-1)[7]) < CLOSE

    def test_a_sequence_is_judged_by_its_first_state(self) -> None:
        model, tokens = made(XLMForSequenceClassification, num_labels=3), ids(2, 5)
        first = model.transformer(tokens).last_hidden_state[:, 0]
        assert difference(model(tokens).logits, model.sequence_summary.summary(first)) < CLOSE

    def test_choices_may_have_lengths(self) -> None:
        model, tokens = made(XLMForMultipleChoice), ids(2, 3, 5)
        lengths = torch.tensor([[5, 3, 2], [1, 5, 4]])
        mask = (torch.arange(5) < lengths[..., None]).long()
        assert difference(model(tokens, lengths=lengths).logits, model(tokens, attention_mask=mask).logits) < CLOSE

    def test_the_beam_of_answers_is_as_wide_as_the_configuration_says(self) -> None:
        output = made(XLMForQuestionAnswering, start_n_top=2, end_n_top=3)(ids(2, 6))
        assert (output.start_top_index.shape, output.end_top_index.shape) == ((2, 2), (2, 6))
        assert output.cls_logits.shape == (2,)
        assert output.loss is None


class TestGeneration(GenerationTester):
    """Texts in the language that the configuration names."""

    model_class = XLMWithLMHeadModel
    config = tiny(vocab_size=31, max_position_embeddings=24, causal=True, lang_id=2)

    def next_scores(self, model: Any, prompt: Tensor, tokens: Tensor) -> Tensor:
        languages = torch.full_like(tokens, 2)
        return model(tokens, attention_mask=torch.ones_like(tokens), langs=languages).logits[:, -1]


def test_each_prompt_goes_on_in_its_last_language() -> None:
    model, prompt = made(XLMWithLMHeadModel, causal=True, max_position_embeddings=24), ids(2, 5)
    languages = torch.tensor([[1, 1, 0, 0, 2], [0, 1, 2, 1, 0]])
    expected = prompt
    with torch.no_grad():
        for _ in range(8):
            langs = torch.cat([languages, languages[:, -1:].expand(-1, expected.shape[1] - 5)], dim=1)
            best = model(expected, langs=langs, attention_mask=torch.ones_like(expected)).logits[:, -1].argmax(-1)
            expected = torch.cat([expected, best[:, None]], dim=1)
    settings: dict[str, Any] = {"max_new_tokens": 8, "eos_token_id": None, "pad_token_id": None}
    assert torch.equal(model.generate(prompt, langs=languages, **settings), expected)
    assert not torch.equal(model.generate(prompt, **settings), expected)
    padded = torch.cat([torch.zeros(2, 3, dtype=torch.long), prompt], dim=1)
    langs = torch.cat([torch.ones(2, 3, dtype=torch.long), languages], dim=1)
    mask = (padded != 0).long()
    assert torch.equal(model.generate(padded, attention_mask=mask, langs=langs, **settings)[:, 3:], expected)


def test_models_of_masked_words_do_not_write() -> None:
    with pytest.raises(UserError, match="causal=False"):
        made(XLMWithLMHeadModel).generate(ids(1, 4))


@pytest.mark.parametrize("use_cache", [True, False])
def test_a_word_that_is_the_padding_may_be_read(use_cache: bool) -> None:
    model = made(XLMWithLMHeadModel, causal=True)
    tokens = torch.tensor([[5, 0, 7, 0]])
    mask = torch.ones_like(tokens)
    with torch.no_grad():
        expected = model(tokens, langs=torch.zeros_like(tokens), attention_mask=mask).logits[0, -1].argmax()
    texts = model.generate(tokens, attention_mask=mask, max_new_tokens=1, use_cache=use_cache)
    assert texts[0, -1] == expected


def test_the_auto_classes_know_it(tmp_path: Path) -> None:
    made(XLMWithLMHeadModel).save_pretrained(tmp_path)
    assert type(AutoModel.from_pretrained(tmp_path)) is XLMModel
    assert type(AutoModelForCausalLM.from_pretrained(tmp_path)) is XLMWithLMHeadModel
    assert type(AutoModelForQuestionAnswering.from_config(tiny())) is XLMForQuestionAnsweringSimple
