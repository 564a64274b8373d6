from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.shared.generation_tester import GenerationTester
from tests.shared.model_tester import (
    BATCH,
    CLOSE,
    TIME,
    Inputs,
    ModelCase,
    ModelTester,
    assert_same,
    class_labels,
    difference,
    span_labels,
    token_class_labels,
    token_labels,
)
from tests.shared.padding_tester import PaddingTester, flops

from transformers import (
    AutoModelForSeq2SeqLM,
    T5Config,
    T5EncoderModel,
    T5ForConditionalGeneration,
    T5ForQuestionAnswering,
    T5ForSequenceClassification,
    T5ForTokenClassification,
    T5Model,
    modeling_padding,
)
from transformers.errors import UserError
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput
from transformers.nn.cache import Cache

END = 1


def tiny(**fields: Any) -> T5Config:
    sizes = {"vocab_size": 31, "d_model": 12, "d_kv": 5, "d_ff": 20, "num_layers": 2, "num_heads": 3}
    buckets = {"relative_attention_num_buckets": 8, "decoder_start_token_id": 0, "dropout_rate": 0.0}
    return T5Config(**{**sizes, **buckets, **fields})


def ids(*shape: int) -> torch.Tensor:
    return torch.randint(2, 31, shape, generator=torch.Generator().manual_seed(sum(shape)))


def made(model_class: type, **fields: Any) -> Any:
    torch.manual_seed(0)
    return model_class(tiny(**fields)).eval()


def attention(name: str, *, bias: bool = False) -> dict[str, tuple[int, ...]]:
    keys: dict[str, tuple[int, ...]] = {f"{name}.{part}.weight": (15, 12) for part in "qkv"}
    keys |= {f"{name}.o.weight": (12, 15)}
    return {**keys, f"{name}.relative_attention_bias.weight": (8, 3)} if bias else keys


def stack(name: str, layers: int, *, gated: bool = False) -> dict[str, tuple[int, ...]]:
    decoder = name == "decoder"
    keys: dict[str, tuple[int, ...]] = {
        f"{name}.embed_tokens.weight": (31, 12),
        f"{name}.final_layer_norm.weight": (12,),
    }
    for block in range(layers):
        scope = f"{name}.block.{block}.layer"
        keys |= {f"{scope}.{layer}.layer_norm.weight": (12,) for layer in range(2 + decoder)}
        keys |= attention(f"{scope}.0.SelfAttention", bias=block == 0)
        keys |= attention(f"{scope}.1.EncDecAttention") if decoder else {}
        inner = f"{scope}.{1 + decoder}.DenseReluDense"
        keys |= {f"{inner}.{part}.weight": (20, 12) for part in (("wi_0", "wi_1") if gated else ("wi",))}
        keys |= {f"{inner}.wo.weight": (12, 20)}
    return keys


class TestT5Encoder(PaddingTester):
    config = tiny(num_labels=4)
    base = ModelCase(T5EncoderModel, keys={"shared.weight": (31, 12), **stack("encoder", 2)})
    heads = (
        ModelCase(
            T5ForTokenClassification,
            keys={"classifier.weight": (4, 12), "classifier.bias": (4,)},
            labels=token_class_labels,
        ),
    )


class TestT5(ModelTester):
    """The classes with both stacks, v1.1's layers and stacks of different depths."""

    config = tiny(num_labels=4, num_decoder_layers=3, feed_forward_proj="gated-gelu")
    base = ModelCase(
        T5Model,
        keys={"shared.weight": (31, 12), **stack("encoder", 2, gated=True), **stack("decoder", 3, gated=True)},
    )
    heads = (
        ModelCase(T5ForConditionalGeneration, keys={"lm_head.weight": (31, 12)}, labels=token_labels),
        ModelCase(
            T5ForSequenceClassification,
            keys={
                "classification_head.dense.weight": (12, 12),
                "classification_head.dense.bias": (12,),
                "classification_head.out_proj.weight": (4, 12),
                "classification_head.out_proj.bias": (4,),
            },
            labels=class_labels,
            config={"eos_token_id": [END, 33]},
        ),
        ModelCase(
            T5ForQuestionAnswering, keys={"qa_outputs.weight": (2, 12), "qa_outputs.bias": (2,)}, labels=span_labels
        ),
    )

    def inputs(self, case: ModelCase) -> Inputs:
        """As everywhere, with an end in each row and other tokens for the decoder."""
        inputs = super().inputs(case)
        inputs["input_ids"] = inputs["input_ids"].masked_fill(inputs["input_ids"] == END, 7)
        inputs["input_ids"][:, 4] = END
        return {**inputs, "decoder_input_ids": ids(BATCH, TIME)}

    def expected_keys(self, case: ModelCase) -> dict[str, tuple[int, ...]]:
        """Only the classifier has the stacks under a prefix."""
        if case.model is T5ForSequenceClassification:
            return super().expected_keys(case)
        return {**self.base.keys, **case.keys}

    def test_base_weights_load_into_heads_and_back(self, head: ModelCase, tmp_path: Path) -> None:
        model, inputs = self.build(head), self.inputs(head)
        model.save_pretrained(tmp_path / "head")
        base = T5Model.from_pretrained(tmp_path / "head")
        expected = base(**inputs).encoder_last_hidden_state
        assert difference(model(**inputs).encoder_last_hidden_state, expected) == 0
        base.save_pretrained(tmp_path / "base")
        again = head.model.from_pretrained(tmp_path / "base")
        assert difference(again(**inputs).encoder_last_hidden_state, expected) == 0

    def test_hidden_states_and_attentions(self, case: ModelCase) -> None:
        model = self.build(case)
        output = model(**self.inputs(case), output_hidden_states=True, output_attentions=True)
        state, weight = (BATCH, TIME, 12), (BATCH, 3, TIME, TIME)
        assert [tuple(each.shape) for each in output.encoder_hidden_states] == [state] * 3
        assert [tuple(each.shape) for each in output.decoder_hidden_states] == [state] * 4
        assert [tuple(each.shape) for each in output.encoder_attentions] == [weight] * 2
        for attentions in (output.decoder_attentions, output.cross_attentions):
            assert [tuple(each.shape) for each in attentions] == [weight] * 3
            assert all(torch.allclose(each.sum(-1), torch.ones(()), atol=1e-5) for each in attentions)
        assert torch.equal(output.encoder_hidden_states[-1], output.encoder_last_hidden_state)
        assert set(model(**self.inputs(case))) == {name for name in output if "states" not in name} - {
            "encoder_attentions",
            "decoder_attentions",
            "cross_attentions",
        }

    @pytest.mark.parametrize("side", ["left", "right"])
    def test_padding_changes_nothing(self, side: str) -> None:
        model, pad = self.build(self.base), 4
        inputs = self.inputs(self.base)
        real = slice(pad, None) if side == "left" else slice(0, TIME)
        padded = {name: torch.zeros(BATCH, TIME + pad, dtype=torch.long) for name in inputs}
        for name, values in inputs.items():
            padded[name][:, real] = values
        padded["decoder_attention_mask"] = torch.zeros(BATCH, TIME + pad)
        padded["decoder_attention_mask"][:, real] = 1
        expected = model(**inputs).last_hidden_state
        for need_weights in (False, True):
            output = model(**padded, output_attentions=need_weights)
            assert difference(output.last_hidden_state[:, real], expected) < CLOSE

    def test_embeddings_in_the_place_of_ids(self, case: ModelCase) -> None:
        model, inputs = self.build(case), self.inputs(case)
        expected = model(**inputs)
        words = model.get_input_embeddings()
        inputs["decoder_inputs_embeds"] = words(inputs.pop("decoder_input_ids"))
        assert_same(model(**inputs), expected)
        inputs["inputs_embeds"] = words(inputs.pop("input_ids"))
        if case.model is T5ForSequenceClassification:
            with pytest.raises(UserError, match="needs input_ids"):
                model(**inputs)
        else:
            assert_same(model(**inputs), expected)

    def test_wrong_inputs_are_refused_in_words(self) -> None:
        model, inputs = self.build(self.base), self.inputs(self.base)
        for changes, word in (
            ({"input_ids": None}, "Neither input_ids"),
            ({"decoder_input_ids": None}, "Neither decoder_input_ids nor decoder_inputs_embeds"),
            ({"input_ids": inputs["input_ids"][0]}, r"\[batch, time\]"),
            ({"decoder_input_ids": inputs["input_ids"] + 31}, "decoder_input_ids holds"),
            ({"attention_mask": torch.ones(BATCH, TIME + 1)}, "attention_mask"),
            ({"decoder_attention_mask": torch.ones(BATCH, TIME + 1)}, "attention_mask"),
            ({"head_mask": torch.ones(9, 9)}, "head_mask"),
            ({"cross_attn_head_mask": torch.ones(9, 9)}, "head_mask"),
        ):
            with pytest.raises(UserError, match=word):
                model(**{**inputs, **changes})

    def test_gradients_reach_all_parameters_states_and_attentions(self, head: ModelCase) -> None:
        model = self.build(head).train()
        assert head.labels is not None
        labels = head.labels(model.config)
        output = model(**self.inputs(head), **labels, output_hidden_states=True, output_attentions=True)
        kept = [
            *output.encoder_hidden_states, *output.decoder_hidden_states,
            *output.encoder_attentions, *output.decoder_attentions, *output.cross_attentions,
        ]  # fmt: skip
        for value in kept:
            value.retain_grad()
        output.loss.backward()
        assert all(value.grad is not None for value in kept)
        assert not [name for name, parameter in model.named_parameters() if parameter.grad is None]


# ------------------------------------------------------------------------------------------------ language modelling


class TestGeneration(GenerationTester):
    model_class = T5ForConditionalGeneration
    config = T5Config(
        vocab_size=31, d_model=12, d_kv=5, d_ff=20, num_layers=2, num_heads=3, decoder_start_token_id=0,
        tie_word_embeddings=False,
    )  # fmt: skip
    seed = 21


def test_labels_are_what_the_decoder_is_to_read_next() -> None:
    model, text, labels = made(T5ForConditionalGeneration), ids(2, 6), ids(2, 5)
    labels[1, 3:] = -100
    shifted = torch.tensor([[0, *labels[0, :-1].tolist()], [0, *labels[1, :3].tolist(), 0]])
    assert torch.equal(model.prepare_decoder_input_ids_from_labels(labels), shifted)
    assert torch.equal(model._shift_right(labels), shifted)
    output, expected = model(text, labels=labels), model(text, decoder_input_ids=shifted)
    assert isinstance(output, Seq2SeqLMOutput)
    assert torch.equal(output.logits, expected.logits)
    loss = torch.nn.functional.cross_entropy(expected.logits.flatten(0, 1), labels.flatten())
    assert torch.allclose(output.loss, loss)
    model.config.decoder_start_token_id = None
    with pytest.raises(UserError, match="decoder_start_token_id"):
        model(text, labels=labels)


def test_tied_scores_are_scaled_and_untied_ones_are_not() -> None:
    for tied, factor in ((True, 12**-0.5), (False, 1.0)):
        model = made(T5ForConditionalGeneration, tie_word_embeddings=tied)
        assert (model.lm_head.weight is model.shared.weight) == tied
        output = model(ids(2, 4), decoder_input_ids=ids(2, 3), output_hidden_states=True)
        expected = output.decoder_hidden_states[-1] @ model.lm_head.weight.T * factor
        assert difference(output.logits, expected) < CLOSE


def test_the_embeddings_are_one_and_may_be_stored_under_any_name(tmp_path: Path) -> None:
    model = made(T5ForConditionalGeneration)
    model.save_pretrained(tmp_path)
    state = model.state_dict()
    words = state["shared.weight"]
    for name in ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"):
        assert state[name].data_ptr() == words.data_ptr()
        stored = {key: value for key, value in state.items() if "embed_tokens" not in key and "head" not in key}
        del stored["shared.weight"]
        loaded, info = T5ForConditionalGeneration.from_pretrained(
            None, config=model.config, state_dict={**stored, name: words}, output_loading_info=True
        )
        assert not any(info.values())
        assert torch.equal(loaded.shared.weight, words)
    model.set_input_embeddings(torch.nn.Embedding(31, 12))
    assert model.shared is model.encoder.embed_tokens is model.decoder.embed_tokens


def test_a_key_of_old_files_is_left_out() -> None:
    model = made(T5ForConditionalGeneration)
    old = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    _, info = T5ForConditionalGeneration.from_pretrained(
        None, config=model.config, state_dict={**model.state_dict(), old: torch.ones(8, 3)}, output_loading_info=True
    )
    assert not any(info.values())


def test_the_encoder_of_a_whole_model(tmp_path: Path) -> None:
    model = made(T5ForConditionalGeneration)
    model.save_pretrained(tmp_path)
    assert isinstance(AutoModelForSeq2SeqLM.from_pretrained(tmp_path), T5ForConditionalGeneration)
    encoder, info = T5EncoderModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    text = ids(2, 5)
    output = encoder(text)
    assert isinstance(output, BaseModelOutput)
    assert torch.equal(output.last_hidden_state, model.get_encoder()(text).last_hidden_state)


# -------------------------------------------------------------------------------------------------- encoder and cache


@pytest.mark.parametrize("as_tuple", [True, False])
def test_what_the_encoder_returned_can_be_given(as_tuple: bool) -> None:
    model, text, target = made(T5ForConditionalGeneration), ids(2, 6), ids(2, 4)
    wanted = {"output_hidden_states": True, "output_attentions": True}
    encoded = model.get_encoder()(text, return_dict=not as_tuple, **wanted)
    expected = model(text, decoder_input_ids=target, **wanted)
    assert_same(model(encoder_outputs=encoded, decoder_input_ids=target, **wanted), expected)
    output = model(encoder_outputs=encoded[:1], decoder_input_ids=target)
    assert "encoder_hidden_states" not in output
    assert difference(output.logits, expected.logits) < CLOSE


@pytest.mark.parametrize("per_layer", [True, False])
def test_the_cache_changes_nothing_and_the_encoder_is_read_once(per_layer: bool) -> None:
    model, text, target = made(T5Model, relative_attention_per_layer=per_layer), ids(2, 6), ids(2, 9)
    mask = torch.ones(2, 6)
    mask[1, 4:] = 0
    whole = model(text, mask, decoder_input_ids=target, use_cache=False)
    assert whole.past_key_values is None
    encoded, cache, states, start = model.get_encoder()(text, mask), Cache(), [], 0
    crossed: list[int] = []
    with torch.no_grad():
        for new in target.split([4, 1, 3, 1], dim=1):
            start += new.shape[1]
            output = model(
                attention_mask=mask,
                encoder_outputs=encoded,
                decoder_input_ids=new,
                decoder_attention_mask=torch.ones(2, start),
                past_key_values=cache,
            )
            states.append(output.last_hidden_state)
            crossed.append(cache.cross(1)[0].data_ptr())
    assert len(set(crossed)) == 1
    assert cache.get_seq_length() == 9
    assert difference(torch.cat(states, 1), whole.last_hidden_state) < CLOSE
    legacy = cache.to_legacy_cache()
    assert [len(layer) for layer in legacy] == [4, 4]
    again = {"encoder_outputs": encoded, "attention_mask": mask, "decoder_input_ids": target[:, :1]}
    one, two = (model(**again, past_key_values=past).last_hidden_state for past in (legacy, cache))
    assert torch.equal(one, two)


def test_the_decoder_sees_no_later_tokens() -> None:
    model, text, target = made(T5Model), ids(2, 6), ids(2, 7)
    other = target.clone()
    other[:, 4:] = (other[:, 4:] + 1) % 31
    for options in ({}, {"output_attentions": True}, {"decoder_attention_mask": torch.ones(2, 7)}):
        one, two = (model(text, decoder_input_ids=x, **options).last_hidden_state for x in (target, other))
        assert difference(one[:, :4], two[:, :4]) < CLOSE
        assert difference(one[:, 4:], two[:, 4:]) > 1e-3


# ------------------------------------------------------------------------------------------------ positions and heads


def test_every_block_may_have_a_table_of_its_own() -> None:
    model = made(T5EncoderModel, relative_attention_per_layer=True)
    tables = [block.attention.relative_attention_bias for block in model.encoder.block]
    text = ids(2, 5)
    before = model(text).last_hidden_state
    with torch.no_grad():
        tables[1].weight.copy_(tables[0].weight)
    shared = made(T5EncoderModel)
    shared.load_state_dict({key: value for key, value in model.state_dict().items() if key in shared.state_dict()})
    assert difference(shared(text).last_hidden_state, model(text).last_hidden_state) < CLOSE
    assert difference(before, model(text).last_hidden_state) > 1e-3


def test_head_masks_of_both_attentions_of_the_decoder() -> None:
    model, inputs = made(T5Model), {"input_ids": ids(2, 5), "decoder_input_ids": ids(2, 4)}
    expected = model(**inputs).last_hidden_state
    for name in ("decoder_head_mask", "cross_attn_head_mask"):
        assert difference(model(**inputs, **{name: torch.ones(2, 3)}).last_hidden_state, expected) < CLOSE
        mask = torch.tensor([[1.0, 0, 1], [1, 1, 1]])
        assert difference(model(**inputs, **{name: mask}).last_hidden_state, expected) > 1e-4


def test_new_weights_have_the_deviations_of_the_original() -> None:
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=400, d_model=64, d_kv=16, d_ff=256, num_layers=1, num_heads=4, initializer_factor=0.5,
        tie_word_embeddings=False,
    )  # fmt: skip
    state = T5ForConditionalGeneration(config).state_dict()
    scope = "decoder.block.0.layer"
    for name, deviation in {
        "shared": 0.5,
        f"{scope}.0.SelfAttention.q": 0.5 * (64 * 16) ** -0.5,
        f"{scope}.0.SelfAttention.k": 0.5 * 64**-0.5,
        f"{scope}.1.EncDecAttention.o": 0.5 * 64**-0.5,
        f"{scope}.2.DenseReluDense.wi": 0.5 * 64**-0.5,
        f"{scope}.2.DenseReluDense.wo": 0.5 * 256**-0.5,
    }.items():
        assert abs(float(state[f"{name}.weight"].std()) / deviation - 1) < 0.05, name
    assert torch.equal(state["decoder.final_layer_norm.weight"], torch.full((64,), 0.5))


def test_large_states_stay_finite_in_float16() -> None:
    model = made(T5EncoderModel).half()
    with torch.no_grad():
        model.encoder.block[0].layer[1].DenseReluDense.wo.weight.fill_(60000.0)
    assert model(ids(2, 4)).last_hidden_state.isfinite().all()


# ------------------------------------------------------------------------------------------------------------- padding


MASK = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 0, 1]])


def test_the_decoder_sees_no_difference_where_the_encoder_leaves_padding_out() -> None:
    inputs = {"input_ids": ids(3, 6), "attention_mask": MASK, "decoder_input_ids": ids(3, 4)}
    plain, packed = (made(T5Model, skip_padding=setting) for setting in ("auto", True))
    expected, output = plain(**inputs), packed(**inputs)
    assert difference(output.last_hidden_state, expected.last_hidden_state) < 1e-6
    assert not output.encoder_last_hidden_state[MASK == 0].any()
    assert expected.encoder_last_hidden_state[MASK == 0].any()


def test_texts_are_read_without_padding_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modeling_padding, "LEAST_PER_ROW", 0)
    plain, model = (made(T5ForConditionalGeneration, skip_padding=setting) for setting in (False, "auto"))
    inputs = {"inputs": ids(3, 6), "attention_mask": MASK}
    assert torch.equal(model.generate(**inputs, max_new_tokens=5), plain.generate(**inputs, max_new_tokens=5))
    assert flops(model.generate, **inputs, max_new_tokens=1) < flops(plain.generate, **inputs, max_new_tokens=1)
    inputs["attention_mask"] = MASK * torch.tensor([[1], [0], [1]])  # a row of padding attends to padding
    assert torch.equal(model.generate(**inputs, max_new_tokens=5), plain.generate(**inputs, max_new_tokens=5))


# ---------------------------------------------------------------------------------------------------------- classifier


def test_the_classifier_reads_the_last_end_of_each_row() -> None:
    model, text = made(T5ForSequenceClassification), ids(2, 6)
    text[0, 2] = text[0, 4] = text[1, 5] = END
    base = model.transformer(text, decoder_input_ids=model._shift_right(text)).last_hidden_state
    expected = model.classification_head(torch.stack([base[0, 4], base[1, 5]]))
    assert difference(model(text).logits, expected) < CLOSE
    text[0] = 7
    with pytest.raises(UserError, match="end token"):
        model(text)


def test_question_answering_reads_the_input_twice() -> None:
    model, text = made(T5ForQuestionAnswering), ids(2, 6)
    output = model(text)
    assert_same(output, model(text, decoder_input_ids=model._shift_right(text)))
    assert output.start_logits.shape == output.end_logits.shape == (2, 6)


def test_what_the_activation_of_v1_1_is() -> None:
    layer = made(T5EncoderModel, feed_forward_proj="gated-gelu").encoder.block[0].layer[1].DenseReluDense
    x = torch.randn(2, 3, 12)
    tanh = torch.nn.functional.gelu(x @ layer.wi_0.weight.T, approximate="tanh")
    assert difference(layer(x), (tanh * (x @ layer.wi_1.weight.T)) @ layer.wo.weight.T) < CLOSE
