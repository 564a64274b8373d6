from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from tests.shared.generation_tester import GenerationTester
from tests.shared.model_tester import (
    CLOSE,
    ModelCase,
    ModelTester,
    choice_labels,
    class_labels,
    difference,
    randomise,
    token_labels,
)

from transformers import (
    OpenAIGPTConfig,
    OpenAIGPTDoubleHeadsModel,
    OpenAIGPTForSequenceClassification,
    OpenAIGPTLMHeadModel,
    OpenAIGPTModel,
    PretrainedConfig,
)
from transformers.errors import UserError
from transformers.nn.activations import activation

V, P, E = 31, 16, 12

TINY = OpenAIGPTConfig(
    vocab_size=V,
    n_positions=P,
    n_embd=E,
    n_layer=2,
    n_head=3,
    resid_pdrop=0.0,
    embd_pdrop=0.0,
    attn_pdrop=0.0,
    summary_first_dropout=0.0,
    num_labels=4,
)

BLOCK = {
    "attn.c_attn.weight": (E, 3 * E),
    "attn.c_attn.bias": (3 * E,),
    "attn.c_proj.weight": (E, E),
    "attn.c_proj.bias": (E,),
    "ln_1.weight": (E,),
    "ln_1.bias": (E,),
    "mlp.c_fc.weight": (E, 4 * E),
    "mlp.c_fc.bias": (4 * E,),
    "mlp.c_proj.weight": (4 * E, E),
    "mlp.c_proj.bias": (E,),
    "ln_2.weight": (E,),
    "ln_2.bias": (E,),
}


def double_labels(config: PretrainedConfig) -> dict[str, Any]:
    """A right choice, and a token to predict at every position of every choice but the first."""
    tokens = token_labels(config)["labels"]
    return {"labels": torch.stack([tokens, tokens], 1), "mc_labels": choice_labels(config)["labels"]}


class TestOpenAIGPT(ModelTester):
    config = TINY
    decoder: ClassVar[dict[str, Any]] = {}
    base = ModelCase(
        OpenAIGPTModel,
        keys={
            "tokens_embed.weight": (V, E),
            "positions_embed.weight": (P, E),
            **{f"h.{layer}.{key}": shape for layer in range(2) for key, shape in BLOCK.items()},
        },
    )
    heads = (
        ModelCase(OpenAIGPTLMHeadModel, keys={"lm_head.weight": (V, E)}, labels=token_labels),
        ModelCase(
            OpenAIGPTDoubleHeadsModel,
            keys={
                "lm_head.weight": (V, E),
                "multiple_choice_head.summary.weight": (1, E),
                "multiple_choice_head.summary.bias": (1,),
            },
            labels=double_labels,
            choices=True,
        ),
        ModelCase(
            OpenAIGPTForSequenceClassification,
            keys={"score.weight": (4, E)},
            labels=class_labels,
            config={"pad_token_id": 0},
        ),
    )

    def inputs(self, case: ModelCase) -> dict[str, Any]:
        """Where the model knows a padding id, the padding is that."""
        inputs = super().inputs(case)
        if "pad_token_id" in case.config:
            inputs["input_ids"] = inputs["input_ids"] * inputs["attention_mask"]
        return inputs


class TestGeneration(GenerationTester):
    model_class = OpenAIGPTLMHeadModel
    config = OpenAIGPTConfig(vocab_size=V, n_positions=24, n_embd=E, n_layer=2, n_head=3)


class TestGenerationWithTwoHeads(TestGeneration):
    model_class = OpenAIGPTDoubleHeadsModel

    def next_scores(self, model: Any, prompt: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        return model(tokens[:, None]).logits[:, 0, -1]


@pytest.fixture
def model() -> Any:
    made = OpenAIGPTLMHeadModel(TINY)
    randomise(made)
    return made.eval()


def ids(*shape: int) -> torch.Tensor:
    return torch.randint(0, V, shape, generator=torch.Generator().manual_seed(sum(shape)))


def test_blocks_norm_after_each_half_and_there_is_no_final_norm(model: Any) -> None:
    outputs = model(ids(2, 5), output_hidden_states=True)
    block, before, after = model.transformer.h[1], outputs.hidden_states[1], outputs.hidden_states[2]
    mixed = torch.nn.functional.linear(before, block.attn.c_attn.weight.T, block.attn.c_attn.bias)
    query, key, value = (part.unflatten(-1, (3, 4)).transpose(1, 2) for part in mixed.chunk(3, -1))
    scores = query @ key.transpose(-1, -2) / 2 + torch.full((5, 5), -torch.inf).triu(1)
    attended = (scores.softmax(-1) @ value).transpose(1, 2).flatten(-2)
    normed = block.ln_1(before + block.attn.c_proj(attended))
    wide = activation("gelu_new")(normed @ block.mlp.c_fc.weight + block.mlp.c_fc.bias)
    expected = block.ln_2(normed + wide @ block.mlp.c_proj.weight + block.mlp.c_proj.bias)
    assert difference(after, expected) < CLOSE
    assert difference(outputs.logits, after @ model.transformer.tokens_embed.weight.T) < CLOSE


def test_later_tokens_change_nothing_before_them(model: Any) -> None:
    tokens = ids(1, 6)
    changed = torch.cat([tokens[:, :4], (tokens[:, 4:] + 1) % V], dim=1)
    assert difference(model(tokens).logits[:, :4], model(changed).logits[:, :4]) < CLOSE


def test_a_cache_comes_back_only_where_it_was_asked_for(model: Any) -> None:
    tokens = ids(2, 5)
    assert "past_key_values" not in model(tokens)
    first = model(tokens[:, :3], use_cache=True)
    both = model(tokens[:, 3:], past_key_values=first.past_key_values)
    assert both.past_key_values.get_seq_length() == 5
    assert difference(both.logits, model(tokens).logits[:, 3:]) < CLOSE
    assert "past_key_values" not in model(
        tokens[:, 3:], past_key_values=(first.past_key_values[0],) * 2, use_cache=False
    )


def test_files_of_2018_are_read_under_their_endings_and_without_their_masks(model: Any) -> None:
    def older(key: str) -> str:
        stem, _, last = key.removeprefix("transformer.").rpartition(".")
        weight = "g" if ".ln_" in stem else "w"
        return f"{stem}.{weight if last == 'weight' else 'b'}" if ".h." in key else f"{stem}.{last}"

    stored = {older(key): value for key, value in model.state_dict().items() if "lm_head" not in key}
    stored |= {"h.0.attn.bias": torch.ones(1, 1, P, P), "position_ids": torch.arange(P)}
    loaded, info = OpenAIGPTLMHeadModel.from_pretrained(None, config=TINY, state_dict=stored, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert difference(loaded.eval()(ids(1, 3)).logits, model(ids(1, 3)).logits) == 0


def test_texts_longer_than_the_positions_are_refused(model: Any) -> None:
    with pytest.raises(UserError, match=f"position embeddings for {P}"):
        model(ids(1, P + 1))
