"""Prompts that are embeddings, and how lengths are counted."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.shared.tiny_writers import PAD, tiny_gpt2, tiny_t5, token_ids

from transformers.errors import UserError


def embedded(model: Any, tokens: torch.Tensor) -> torch.Tensor:
    embeds: torch.Tensor = model.get_input_embeddings()(tokens).detach()
    return embeds


def test_lengths_count_embeddings() -> None:
    model, prompt = tiny_gpt2(), token_ids(2, 5)
    embeds = embedded(model, prompt)
    assert model.generate(inputs_embeds=embeds, max_length=9).shape == (2, 4)
    assert model.generate(inputs_embeds=embeds, max_new_tokens=9).shape == (2, 9)
    assert model.generate(prompt, inputs_embeds=embeds, max_length=9).shape == (2, 9)
    end = int(model.generate(prompt, max_new_tokens=1)[0, 5])
    options = {"eos_token_id": end, "max_new_tokens": 9, "min_length": 8}
    longer = model.generate(inputs_embeds=embeds[:1], **options)
    assert end not in longer[0, :3]
    assert torch.equal(longer, model.generate(prompt[:1], **options)[:, 5:])
    with pytest.raises(UserError, match="the prompt has 5 tokens, max_length is 5"):
        model.generate(inputs_embeds=embeds, max_length=5)


def test_embeddings_may_be_of_no_token() -> None:
    model, prompt = tiny_gpt2(), token_ids(2, 5)
    embeds = embedded(model, prompt)
    other = model.generate(inputs_embeds=embeds * 3 + 1, max_new_tokens=6)
    assert not torch.equal(other, model.generate(inputs_embeds=embeds, max_new_tokens=6))
    assert torch.equal(other, model.generate(inputs_embeds=embeds * 3 + 1, max_new_tokens=6, use_cache=False))


def test_repetition_is_judged_by_the_tokens_that_are_known() -> None:
    model, prompt = tiny_gpt2(), token_ids(2, 5)
    options = {"inputs_embeds": embedded(model, prompt), "max_new_tokens": 6, "no_repeat_ngram_size": 1}
    with_tokens = model.generate(prompt, **options)
    assert torch.equal(with_tokens, model.generate(prompt, max_new_tokens=6, no_repeat_ngram_size=1))
    assert all(len(text.unique()) == 6 for text in model.generate(**options))
    with pytest.raises(UserError, match="encoder_repetition_penalty needs the tokens"):
        model.generate(inputs_embeds=options["inputs_embeds"], encoder_repetition_penalty=1.2, max_new_tokens=3)


@pytest.mark.parametrize("options", [{}, {"num_beams": 3, "num_return_sequences": 2}])
def test_encoders_may_read_embeddings(options: dict[str, Any]) -> None:
    model, text = tiny_t5(), token_ids(2, 5)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    expected = model.generate(text, attention_mask=mask, max_new_tokens=6, **options)
    embeds = embedded(model, text)
    actual = model.generate(inputs_embeds=embeds, attention_mask=mask, max_new_tokens=6, **options)
    assert torch.equal(actual, expected)
    alone = model.generate(inputs_embeds=embeds[1:, :3], max_new_tokens=6, **options)
    assert torch.equal(actual[len(actual) // 2 :], alone)


@pytest.mark.parametrize(
    ("tokens", "shape", "message"),
    [
        (None, (2, 5), r"shape \[2, 5\]"),
        (None, (2, 0, 12), r"shape \[2, 0, 12\]"),
        (token_ids(2, 4), (2, 5, 12), r"shape \[2, 5, 12\], input_ids \[2, 4\]"),
    ],
)
def test_what_cannot_be_embeddings_is_refused(
    tokens: torch.Tensor | None, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        tiny_gpt2().generate(tokens, inputs_embeds=torch.zeros(shape), max_new_tokens=2)


def test_values_per_token_must_fit_the_prompt() -> None:
    with pytest.raises(UserError, match=r"token_type_ids is \[2, 4\], the prompt \[2, 5\]"):
        tiny_gpt2().generate(token_ids(2, 5), token_type_ids=torch.zeros(2, 4, dtype=torch.long), max_new_tokens=2)


def test_what_was_encoded_may_come_as_a_tuple() -> None:
    model, text = tiny_t5(), token_ids(2, 5)
    encoded = model.get_encoder()(text)
    expected = model.generate(text, max_new_tokens=6, num_beams=2)
    for outputs in (encoded, (encoded.last_hidden_state,)):
        assert torch.equal(model.generate(encoder_outputs=outputs, max_new_tokens=6, num_beams=2), expected)
    with pytest.raises(UserError, match="input_ids, inputs_embeds or encoder_outputs"):
        model.generate(max_new_tokens=6)


def test_the_encoders_processors_see_what_it_read() -> None:
    model, text = tiny_t5(), torch.arange(24)[None]
    for options in ({}, {"num_beams": 2, "num_return_sequences": 2}):
        plain = model.generate(text, max_new_tokens=6, **options)
        assert (plain[:, 1:] < 24).any()
        once = model.generate(text, encoder_no_repeat_ngram_size=1, max_new_tokens=6, **options)
        assert (once[:, 1:] >= 24).all()
        padded = torch.cat([text, torch.full((1, 3), PAD)], dim=1)
        assert torch.equal(model.generate(padded, encoder_no_repeat_ngram_size=1, max_new_tokens=6, **options), once)
