from __future__ import annotations

import logging
from typing import Any, ClassVar

import pytest
import torch
from tests.shared.generation_tester import GenerationTester
from tests.shared.model_tester import (
    CLOSE,
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
from torch.nn.functional import cross_entropy

from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForNextSentencePrediction,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertLMHeadModel,
    BertModel,
)
from transformers.errors import UserError

V, P, H, F, N = 40, 20, 24, 32, 3

TINY = BertConfig(
    vocab_size=V,
    max_position_embeddings=P,
    hidden_size=H,
    intermediate_size=F,
    num_hidden_layers=2,
    num_attention_heads=4,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
    num_labels=N,
)


def linear(name: str, out: int, into: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (out, into), f"{name}.bias": (out,)}


def norm(name: str) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (H,), f"{name}.bias": (H,)}


def attention(name: str) -> dict[str, tuple[int, ...]]:
    return {
        **linear(f"{name}.self.query", H, H),
        **linear(f"{name}.self.key", H, H),
        **linear(f"{name}.self.value", H, H),
        **linear(f"{name}.output.dense", H, H),
        **norm(f"{name}.output.LayerNorm"),
    }


def layer(name: str) -> dict[str, tuple[int, ...]]:
    return {
        **attention(f"{name}.attention"),
        **linear(f"{name}.intermediate.dense", F, H),
        **linear(f"{name}.output.dense", H, F),
        **norm(f"{name}.output.LayerNorm"),
    }


BASE = {
    "embeddings.word_embeddings.weight": (V, H),
    "embeddings.position_embeddings.weight": (P, H),
    "embeddings.token_type_embeddings.weight": (2, H),
    **norm("embeddings.LayerNorm"),
    **layer("encoder.layer.0"),
    **layer("encoder.layer.1"),
    **linear("pooler.dense", H, H),
}
WORDS = {
    "cls.predictions.bias": (V,),
    **linear("cls.predictions.transform.dense", H, H),
    **norm("cls.predictions.transform.LayerNorm"),
    **linear("cls.predictions.decoder", V, H),
}
SENTENCES = linear("cls.seq_relationship", 2, H)


def pretraining_labels(config: Any) -> dict[str, torch.Tensor]:
    return {**token_labels(config), "next_sentence_label": torch.tensor([0, 1, 1])}


def next_sentence_labels(config: Any) -> dict[str, torch.Tensor]:
    return {"labels": torch.tensor([0, 1, 1])}


class TestBertModels(PaddingTester):
    config = TINY
    base = ModelCase(BertModel, BASE)
    heads = (
        ModelCase(BertForPreTraining, {**WORDS, **SENTENCES}, labels=pretraining_labels),
        ModelCase(BertForMaskedLM, WORDS, lacks=("pooler",), labels=token_labels),
        ModelCase(BertLMHeadModel, WORDS, lacks=("pooler",), labels=token_labels, config={"is_decoder": True}),
        ModelCase(BertForNextSentencePrediction, SENTENCES, labels=next_sentence_labels),
        ModelCase(BertForSequenceClassification, linear("classifier", N, H), labels=class_labels),
        ModelCase(BertForMultipleChoice, linear("classifier", 1, H), labels=choice_labels, choices=True),
        ModelCase(BertForTokenClassification, linear("classifier", N, H), lacks=("pooler",), labels=token_class_labels),
        ModelCase(BertForQuestionAnswering, linear("qa_outputs", 2, H), lacks=("pooler",), labels=span_labels),
    )
    skipping: ClassVar[dict[type, str]] = {
        BertForNextSentencePrediction: "right",
        BertForSequenceClassification: "right",
        BertForMultipleChoice: "right",
    }
    decoder: ClassVar[dict[str, Any]] = {"is_decoder": True}


class TestGeneration(GenerationTester):
    model_class = BertLMHeadModel
    config = BertConfig(
        vocab_size=31, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20,
        max_position_embeddings=24, is_decoder=True, tie_word_embeddings=False,
    )  # fmt: skip
    seed = 14


@pytest.fixture(scope="module")
def ids() -> torch.Tensor:
    return torch.randint(1, V, (2, 7), generator=torch.Generator().manual_seed(1))


def build(cls: type, **fields: Any) -> Any:
    model = cls(BertConfig(**{**TINY.to_dict(), **fields}))
    randomise(model)
    return model.eval()


class TestComputation:
    def test_a_row_without_any_real_token_is_not_masked(self, ids: torch.Tensor) -> None:
        """The original adds -10000 to all its scores, which changes nothing but the last digits."""
        model = build(BertModel)
        mask = torch.ones_like(ids)
        mask[1] = 0
        expected = model(ids).last_hidden_state
        for need_weights in (False, True):
            output = model(ids, mask, output_attentions=need_weights).last_hidden_state
            assert difference(output[0], expected[0]) < CLOSE
            assert difference(output[1], expected[1]) < 5e-3

    def test_segments_and_positions_count(self, ids: torch.Tensor) -> None:
        model, time = build(BertModel), ids.shape[1]
        plain = model(ids).last_hidden_state
        assert torch.equal(model(ids, token_type_ids=torch.zeros_like(ids)).last_hidden_state, plain)
        assert difference(model(ids, token_type_ids=torch.ones_like(ids)).last_hidden_state, plain) > 1e-2
        positions = torch.arange(time).expand_as(ids)
        assert torch.equal(model(ids, position_ids=positions).last_hidden_state, plain)
        assert difference(model(ids, position_ids=positions.flip(1)).last_hidden_state, plain) > 1e-2

    def test_the_activation_is_the_configured_one(self, ids: torch.Tensor) -> None:
        exact, tanh = build(BertForMaskedLM, hidden_act="gelu"), build(BertForMaskedLM, hidden_act="gelu_new")
        assert 1e-5 < difference(exact(ids).logits, tanh(ids).logits) < 1e-1
        linear = build(BertForMaskedLM, hidden_act=None)
        assert difference(linear(ids).logits, tanh(ids).logits) > 1e-1
        with pytest.raises(UserError, match="gelu_new"):
            build(BertModel, hidden_act="geru")

    def test_the_pooled_output_is_of_the_first_token(self, ids: torch.Tensor) -> None:
        model = build(BertModel)
        output = model(ids)
        dense = model.pooler.dense
        expected = torch.tanh(output.last_hidden_state[:, 0] @ dense.weight.T + dense.bias)
        assert difference(output.pooler_output, expected) < CLOSE
        bare = BertModel(TINY, add_pooling_layer=False)
        assert bare(ids).pooler_output is None
        assert not [key for key in bare.state_dict() if key.startswith("pooler")]

    def test_a_mask_for_each_query(self, ids: torch.Tensor) -> None:
        model, time = build(BertModel), ids.shape[1]
        causal = torch.ones(2, time, time).tril()
        expected = build(BertModel, is_decoder=True)(ids).last_hidden_state
        assert difference(model(ids, causal).last_hidden_state, expected) < CLOSE
        assert difference(model(ids, causal[:, None]).last_hidden_state, expected) < CLOSE

    def test_feed_forward_in_chunks(self, ids: torch.Tensor) -> None:
        expected = build(BertModel)(ids).last_hidden_state
        assert difference(build(BertModel, chunk_size_feed_forward=3)(ids).last_hidden_state, expected) < CLOSE

    def test_dropout_only_in_training(self, ids: torch.Tensor) -> None:
        for field in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
            model = build(BertModel, **{field: 0.5})
            assert torch.equal(model(ids).last_hidden_state, model(ids).last_hidden_state)
            model.train()
            assert not torch.equal(model(ids).last_hidden_state, model(ids).last_hidden_state)
        model = build(BertForSequenceClassification, classifier_dropout=0.5).train()
        assert not torch.equal(model(ids).logits, model(ids).logits)

    def test_sequences_that_are_too_long_are_refused(self) -> None:
        with pytest.raises(UserError, match=str(P)):
            build(BertModel)(torch.ones(1, P + 1, dtype=torch.long))
        with pytest.raises(UserError, match="token_type_ids"):
            build(BertModel)(torch.ones(1, 2, dtype=torch.long), token_type_ids=torch.full((1, 2), 2))


class TestPreTraining:
    def test_the_loss_is_the_sum_of_those_with_labels(self, ids: torch.Tensor) -> None:
        model, follows = build(BertForPreTraining), torch.tensor([0, 1])
        output = model(ids, labels=ids, next_sentence_label=follows)
        words = cross_entropy(output.prediction_logits.view(-1, V), ids.view(-1))
        sentences = cross_entropy(output.seq_relationship_logits, follows)
        assert difference(output.loss, words + sentences) < CLOSE
        assert difference(model(ids, labels=ids).loss, words) < CLOSE
        assert difference(model(ids, next_sentence_label=follows).loss, sentences) < CLOSE
        assert model(ids).loss is None


class TestDecoder:
    def decoder(self, **fields: Any) -> Any:
        return build(BertLMHeadModel, is_decoder=True, **fields)

    def test_left_padding_and_the_cache(self, ids: torch.Tensor) -> None:
        model = self.decoder()
        mask = torch.ones_like(ids)
        mask[1, :3] = 0
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        with torch.no_grad():
            whole = model(ids, mask, position_ids=positions, use_cache=False)
            first = model(ids[:, :5], mask[:, :5], position_ids=positions[:, :5])
            second = model(ids[:, 5:], mask, position_ids=positions[:, 5:], past_key_values=first.past_key_values)
            alone = model(ids[1:, 3:], use_cache=False)
        assert difference(second.logits, whole.logits[:, 5:]) < CLOSE
        assert difference(whole.logits[1, 3:], alone.logits[0]) < CLOSE

    def test_attention_to_an_encoder(self, ids: torch.Tensor) -> None:
        model = self.decoder(add_cross_attention=True)
        expected = {f"bert.encoder.layer.0.{key}" for key in attention("crossattention")}
        assert expected <= model.state_dict().keys()
        states, mask = torch.randn(2, 5, H), torch.ones(2, 5)
        mask[1, 3:] = 0
        whole = model(ids, encoder_hidden_states=states, encoder_attention_mask=mask, output_attentions=True)
        assert [tuple(weights.shape) for weights in whole.cross_attentions] == [(2, 4, 7, 5)] * 2
        assert not whole.cross_attentions[0][1, ..., 3:].any()
        assert (
            difference(model(ids, encoder_hidden_states=states, encoder_attention_mask=mask).logits, whole.logits)
            < CLOSE
        )
        cut = model(ids[1:], encoder_hidden_states=states[1:, :3])
        assert difference(cut.logits, whole.logits[1:]) < CLOSE
        assert model(ids).cross_attentions is None

    def test_the_encoders_keys_and_values_are_computed_once(self, ids: torch.Tensor) -> None:
        model = self.decoder(add_cross_attention=True)
        states, calls = torch.randn(2, 5, H), []
        cross = model.bert.encoder.layer[1].crossattention.self
        cross.key.register_forward_hook(lambda *_: calls.append(1))
        with torch.no_grad():
            whole = model(ids, encoder_hidden_states=states, use_cache=False)
            first = model(ids[:, :4], encoder_hidden_states=states)
            calls.clear()
            second = model(ids[:, 4:], encoder_hidden_states=states, past_key_values=first.past_key_values)
        assert not calls
        assert difference(second.logits, whole.logits[:, 4:]) < CLOSE

    def test_inputs_that_would_be_ignored_are_refused(self, ids: torch.Tensor) -> None:
        cache = self.decoder()(ids).past_key_values
        with pytest.raises(UserError, match=r"(?s)encoder_hidden_states.*past_key_values"):
            build(BertModel)(ids, encoder_hidden_states=torch.zeros(2, 5, H), past_key_values=cache)

    def test_a_cache_is_not_extended_twice_by_checkpointing(self, ids: torch.Tensor) -> None:
        model = self.decoder().train()
        model.gradient_checkpointing_enable()
        output = model(ids, labels=ids)
        assert output.past_key_values is None
        output.loss.backward()
        with pytest.raises(UserError, match="gradient checkpointing"):
            model(ids, past_key_values=self.decoder()(ids).past_key_values)

    def test_an_encoder_as_language_model_is_warned_of(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING):
            build(BertLMHeadModel)
        assert "is_decoder" in caplog.text

    def test_an_encoder_does_not_write(self, ids: torch.Tensor) -> None:
        with pytest.raises(UserError, match="is_decoder=False"):
            build(BertLMHeadModel).generate(ids)

    def test_it_writes_texts(self, ids: torch.Tensor) -> None:
        model = self.decoder()
        written = model.generate(ids, max_new_tokens=4, do_sample=False)
        assert torch.equal(written[:, :7], ids)
        for length in range(7, 11):
            assert torch.equal(model(written[:, :length]).logits[:, -1].argmax(-1), written[:, length])


def test_a_base_model_has_no_pooler_if_its_configuration_says_so_but_a_pooled_head_does() -> None:
    config = BertConfig.from_dict({**TINY.to_dict(), "add_pooling_layer": False})
    assert BertModel(config).pooler is None
    assert BertForSequenceClassification(config).bert.pooler is not None
