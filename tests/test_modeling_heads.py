"""The shared task heads, on a base model whose states are simple to foresee: the embeddings themselves."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from transformers import BertConfig, BertForTokenClassification, PretrainedConfig, PreTrainedModel
from transformers.errors import UserError
from transformers.modeling_choice_heads import PooledMultipleChoice, flatten_choices
from transformers.modeling_heads import (
    CausalLM,
    LastTokenSequenceClassification,
    MaskedLM,
    PooledSequenceClassification,
    QuestionAnswering,
    TokenClassification,
    called_like,
    sequence_summary,
)
from transformers.modeling_outputs import (
    BaseModelOutputWithPooling,
    CausalLMOutputWithCrossAttentions,
    MaskedLMOutput,
    SequenceClassifierOutputWithPast,
)
from transformers.nn.losses import next_token_loss, token_loss

V, H = 9, 4
IDS = torch.tensor([[5, 3, 8, 0, 0], [2, 7, 1, 6, 4]])


class EchoConfig(PretrainedConfig):
    model_type = "echo"

    def __init__(self, vocab_size: int = V, hidden_size: int = H, **fields: Any) -> None:
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        super().__init__(**fields)


class EchoPreTrainedModel(PreTrainedModel):
    config_class = EchoConfig
    base_model_prefix = "echo"


class EchoModel(EchoPreTrainedModel):
    def __init__(self, config: EchoConfig) -> None:
        super().__init__(config)
        self.words = nn.Embedding(config.vocab_size, config.hidden_size)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        return_dict: bool | None = None,
    ) -> Any:
        """Returns what is looked up."""
        assert return_dict
        states = self.words(input_ids) if inputs_embeds is None else inputs_embeds
        return BaseModelOutputWithPooling(states, pooler_output=states[:, 0], hidden_states=(states,))


def build(head: type, **fields: Any) -> Any:
    """A head on the echo, as a family would declare it."""
    torch.manual_seed(0)
    dropout = (
        {} if head in (LastTokenSequenceClassification, QuestionAnswering, MaskedLM, CausalLM) else {"dropout": 0.0}
    )

    @called_like(EchoModel)
    class EchoHead(head, EchoPreTrainedModel):  # type: ignore[misc]
        def __init__(self, config: EchoConfig) -> None:
            super().__init__(config, EchoModel(config), **dropout)

        def lm_logits(self, hidden: Tensor) -> Tensor:
            return hidden @ self.echo.words.weight.T  # type: ignore[no-any-return]

    return EchoHead(EchoConfig(**fields)).eval()


class TestCalls:
    def test_the_signature_is_the_base_models_and_the_heads_own(self) -> None:
        names = list(inspect.signature(build(TokenClassification).forward).parameters)
        assert names == ["input_ids", "attention_mask", "inputs_embeds", "labels", "return_dict"]

    def test_by_position_and_by_name(self) -> None:
        model = build(TokenClassification)
        mask = torch.ones_like(IDS)
        expected = model(input_ids=IDS, attention_mask=mask).logits
        assert torch.equal(model(IDS, mask).logits, expected)
        with pytest.raises(TypeError, match="input_ids, attention_mask, inputs_embeds"):
            model(IDS, mask, None, IDS)
        with pytest.raises(TypeError, match="input_ids"):
            model(IDS, input_ids=IDS)
        with pytest.raises(TypeError, match="token_type_ids"):
            model(IDS, token_type_ids=IDS)

    def test_what_the_base_model_returns_is_passed_on(self) -> None:
        output = build(TokenClassification)(IDS)
        assert list(output) == ["logits", "hidden_states"]
        logits, states = build(TokenClassification)(IDS, return_dict=False)
        assert torch.equal(logits, output.logits)
        assert torch.equal(states[0], output.hidden_states[0])
        assert isinstance(build(TokenClassification, return_dict=False)(IDS), tuple)


class TestLanguageModels:
    def test_masked(self) -> None:
        output = build(MaskedLM)(IDS, labels=IDS)
        assert isinstance(output, MaskedLMOutput)
        assert torch.equal(output.loss, token_loss(output.logits, IDS))

    def test_causal(self) -> None:
        output = build(CausalLM)(IDS, labels=IDS)
        assert isinstance(output, CausalLMOutputWithCrossAttentions)
        assert torch.equal(output.loss, next_token_loss(output.logits, IDS))


class TestSequenceClassification:
    @pytest.mark.parametrize("head", [PooledSequenceClassification, LastTokenSequenceClassification])
    def test_the_problem_type_of_the_configuration_decides(self, head: type) -> None:
        wanted = torch.tensor([[1.0, 0, 0], [0, 1, 1]])
        several = build(head, num_labels=3, pad_token_id=0)
        squares = build(head, num_labels=3, pad_token_id=0, problem_type="regression")
        output = squares(IDS, labels=wanted)
        assert torch.allclose(output.loss, (output.logits - wanted).square().mean())
        assert not torch.allclose(several(IDS, labels=wanted).loss, output.loss)
        number = build(head, num_labels=1, pad_token_id=0)
        assert torch.allclose(number(IDS, labels=torch.ones(2)).loss, (number(IDS).logits - 1).square().mean())

    def test_the_pooled_state_is_judged(self) -> None:
        model = build(PooledSequenceClassification)
        assert torch.allclose(model(IDS).logits, model.classifier(model.echo.words(IDS[:, 0])))


class TestLastToken:
    def last(self, model: Any, *words: int) -> Tensor:
        scores: Tensor = model.score(model.echo.words(torch.tensor(words)))
        return scores

    def test_the_last_that_is_no_padding(self) -> None:
        model = build(LastTokenSequenceClassification, pad_token_id=0)
        output = model(IDS)
        assert isinstance(output, SequenceClassifierOutputWithPast)
        assert torch.allclose(output.logits, self.last(model, 8, 4))
        assert torch.allclose(model(IDS.flip(1)).logits, self.last(model, 5, 2))

    def test_the_last_in_the_mask_where_there_is_no_id(self) -> None:
        model = build(LastTokenSequenceClassification)
        mask = torch.tensor([[1, 1, 0, 0, 0], [0, 1, 1, 1, 0]])
        expected = self.last(model, 3, 6)
        assert torch.allclose(model(IDS, mask).logits, expected)
        assert torch.allclose(model(None, mask, model.echo.words(IDS)).logits, expected)
        assert torch.allclose(model(inputs_embeds=model.echo.words(IDS)).logits, self.last(model, 0, 4))

    def test_nobody_knows(self) -> None:
        model = build(LastTokenSequenceClassification)
        assert torch.allclose(model(IDS[:1]).logits, self.last(model, 0))
        with pytest.raises(UserError, match=r"(?s)2 rows.*pad_token_id"):
            model(IDS)


class TestMultipleChoice:
    def test_choices_are_judged_one_by_one(self) -> None:
        model = build(PooledMultipleChoice)
        ids = torch.stack([IDS, IDS.flip(1), IDS.roll(1, 1)], 1)
        labels = torch.tensor([2, 0])
        output = model(ids, labels=labels)
        assert output.logits.shape == (2, 3)
        for choice in range(3):
            assert torch.allclose(output.logits[:, choice], model.classifier(model.echo.words(ids[:, choice, 0]))[:, 0])
        assert torch.equal(output.loss, token_loss(output.logits, labels))
        assert torch.allclose(model(inputs_embeds=model.echo.words(ids)).logits, output.logits)

    def test_only_inputs_with_choices_are_flattened(self) -> None:
        inputs = {"input_ids": torch.zeros(2, 3, 5), "head_mask": torch.ones(6, 4), "attention_mask": None}
        flat, choices = flatten_choices(inputs)
        assert choices == 3
        assert flat["input_ids"].shape == (6, 5)
        assert flat["head_mask"].shape == (6, 4)
        assert flat["attention_mask"] is None

    @pytest.mark.parametrize("inputs", [{"input_ids": IDS}, {"inputs_embeds": torch.zeros(2, 5, H)}, {}])
    def test_inputs_without_choices_are_refused(self, inputs: dict[str, Any]) -> None:
        with pytest.raises(UserError, match=r"\[batch, choices, time\]"):
            build(PooledMultipleChoice)(**inputs)


class TestQuestionAnswering:
    def test_two_scores_whatever_the_number_of_labels(self) -> None:
        model = build(QuestionAnswering, num_labels=5)
        output = model(IDS)
        scores = model.qa_outputs(model.echo.words(IDS))
        assert torch.equal(output.start_logits, scores[..., 0])
        assert torch.equal(output.end_logits, scores[..., 1])

    def test_the_loss_needs_both_ends(self) -> None:
        model, place = build(QuestionAnswering), torch.tensor([0, 3])
        assert model(IDS, start_positions=place).loss is None
        assert model(IDS, start_positions=place, end_positions=place).loss.isfinite()


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"summary_use_proj": True, "summary_proj_to_labels": True}, 3),
        ({"summary_use_proj": True, "summary_proj_to_labels": False}, H),
        ({"summary_use_proj": True}, H),
        ({"summary_use_proj": False, "summary_proj_to_labels": True}, None),
    ],
)
def test_the_summary_is_as_the_configuration_says(fields: dict[str, Any], size: int | None) -> None:
    config = EchoConfig(
        num_labels=3, summary_type="mean", summary_activation="tanh", summary_last_dropout=0.3, **fields
    )
    summary = sequence_summary(config)
    shapes = {name: tuple(value.shape) for name, value in summary.state_dict().items()}
    assert shapes == ({} if size is None else {"summary.weight": (size, H), "summary.bias": (size,)})
    assert summary.last_dropout.p == 0.3
    assert summary.first_dropout.p == 0.0
    states = torch.randn(2, 5, H)
    assert torch.allclose(summary.eval()(states), torch.tanh(summary.summary(states.mean(1))))
    if size == 3:
        assert sequence_summary(config, num_labels=1).summary.out_features == 1


def test_heads_tell_their_number_of_labels() -> None:
    config = BertConfig(vocab_size=5, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, num_labels=5)
    assert BertForTokenClassification(config).num_labels == 5
