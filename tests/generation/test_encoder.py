"""Models with an encoder: it reads once, the decoder writes."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
import torch

from transformers import GPT2Config, GPT2LMHeadModel, T5Config, T5ForConditionalGeneration
from transformers.errors import UserError

START, END, PAD = 0, 1, 2


def t5(**fields: Any) -> Any:
    sizes = {"vocab_size": 31, "d_model": 12, "d_kv": 5, "d_ff": 20, "num_layers": 2, "num_heads": 3}
    tokens = {"decoder_start_token_id": START, "eos_token_id": END, "pad_token_id": PAD, "tie_word_embeddings": False}
    generator = torch.Generator().manual_seed(6)
    model = T5ForConditionalGeneration(T5Config(**{**sizes, **tokens, **fields}))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.5, generator=generator)
    return model.eval()


def ids(*shape: int) -> torch.Tensor:
    return torch.randint(3, 31, shape, generator=torch.Generator().manual_seed(sum(shape)))


def greedy_by_hand(model: Any, text: torch.Tensor, start: torch.Tensor, steps: int, **inputs: Any) -> torch.Tensor:
    for _ in range(steps):
        with torch.no_grad():
            best = model(text, decoder_input_ids=start, **inputs).logits[:, -1].argmax(-1)
        start = torch.cat([start, best[:, None]], dim=1)
    return start


@pytest.mark.parametrize("use_cache", [True, False])
def test_the_likeliest_token_follows_the_start(use_cache: bool) -> None:
    model, text = t5(), ids(3, 5)
    expected = greedy_by_hand(model, text, torch.full((3, 1), START), 12)
    assert len(expected.unique()) > 5, "texts of one token would prove little"
    actual = model.generate(text, max_new_tokens=12, eos_token_id=None, use_cache=use_cache)
    assert torch.equal(actual, expected)


def test_the_encoder_runs_once() -> None:
    model, text = t5(), ids(2, 5)
    with patch.object(model.encoder, "forward", wraps=model.encoder.forward) as forward:
        tokens = model.generate(text, max_new_tokens=6, eos_token_id=None)
    assert forward.call_count == 1
    encoded = model.get_encoder()(text)
    with patch.object(model.encoder, "forward", wraps=model.encoder.forward) as forward:
        again = model.generate(encoder_outputs=encoded, max_new_tokens=6, eos_token_id=None)
    assert forward.call_count == 0
    assert torch.equal(again, tokens)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("with_mask", [True, False])
def test_padding_of_the_input_changes_nothing(side: str, with_mask: bool) -> None:
    model, text = t5(), ids(2, 5)
    padded = torch.full((2, 9), PAD)
    padded[:, slice(4, None) if side == "left" else slice(0, 5)] = text
    options = {"attention_mask": (padded != PAD).long()} if with_mask else {}
    tokens = model.generate(padded, max_new_tokens=8, eos_token_id=END, **options)
    assert torch.equal(tokens, model.generate(text, max_new_tokens=8, eos_token_id=END))
    padded = padded.where(padded != PAD, 7)
    assert not torch.equal(tokens, model.generate(padded, max_new_tokens=8, eos_token_id=END))


@pytest.mark.parametrize("use_cache", [True, False])
def test_texts_may_begin_with_tokens_of_the_users_own(use_cache: bool) -> None:
    model, text, start = t5(), ids(2, 5), ids(2, 3)
    start[:, 0] = START
    expected = greedy_by_hand(model, text, start, 6)
    options = {"max_new_tokens": 6, "eos_token_id": None, "use_cache": use_cache}
    assert torch.equal(model.generate(text, decoder_input_ids=start, **options), expected)
    padded = torch.cat([torch.full((2, 2), PAD), start], 1)
    mask = (padded != PAD).long()
    tokens = model.generate(text, decoder_input_ids=padded, decoder_attention_mask=mask, **options)
    assert torch.equal(tokens[:, 2:], expected)


def test_tokens_of_the_users_own_stand_behind_the_start_token() -> None:
    model, text, own = t5(), ids(2, 5), ids(2, 3)
    options = {"max_new_tokens": 6, "eos_token_id": None}
    started = torch.cat([torch.full((2, 1), START), own], 1)
    expected = model.generate(text, decoder_input_ids=started, **options)
    assert torch.equal(expected[:, :4], started)
    assert torch.equal(model.generate(text, decoder_input_ids=own, **options), expected)
    shorter = model.generate(text[1:], decoder_input_ids=own[1:, 1:], **options)
    padded = own.clone()
    padded[1, 0] = PAD
    tokens = model.generate(text, decoder_input_ids=padded, decoder_attention_mask=(padded != PAD).long(), **options)
    assert torch.equal(tokens[:1], expected[:1])
    assert torch.equal(tokens[1:, 1:], shorter)
    without = model.generate(text, decoder_input_ids=own, decoder_start_token_id=None, **options)
    assert torch.equal(without, greedy_by_hand(model, text, own, 6))


def test_beginnings_and_outputs_that_do_not_fit_are_refused() -> None:
    model, text = t5(), ids(2, 5)
    for wrong in ({"decoder_input_ids": ids(1, 3)}, {"decoder_input_ids": ids(2, 3)[0]},
                  {"decoder_input_ids": ids(2, 3), "decoder_attention_mask": torch.ones(2, 2)}):  # fmt: skip
        with pytest.raises(UserError, match=r"decoder_input_ids is \[.*the encoder has read 2 inputs"):
            model.generate(text, max_new_tokens=3, **wrong)
    for outputs in (3, torch.zeros(2, 5, 12), {}, (text,)):
        with pytest.raises(UserError, match="encoder_outputs must be"):
            model.generate(encoder_outputs=outputs, max_new_tokens=3)


def test_lengths_count_the_decoders_tokens() -> None:
    model, text = t5(), ids(2, 15)
    assert model.generate(text, max_new_tokens=4, eos_token_id=None).shape == (2, 5)
    assert model.generate(text, max_length=4, eos_token_id=None).shape == (2, 4)


def test_where_the_decoder_starts() -> None:
    model, text = t5(), ids(2, 5)
    options = {"max_new_tokens": 5, "eos_token_id": None}
    expected = greedy_by_hand(model, text, torch.full((2, 1), 9), 5)
    assert torch.equal(model.generate(text, decoder_start_token_id=9, **options), expected)
    model.generation_config.decoder_start_token_id = None
    model.generation_config.bos_token_id = 9
    assert torch.equal(model.generate(text, **options), expected)
    model.generation_config.bos_token_id = None
    with pytest.raises(UserError, match="decoder_start_token_id"):
        model.generate(text, **options)
    with pytest.raises(UserError, match="encoder_outputs"):
        model.generate(**options)


def test_options_without_effect_and_of_no_use_are_refused() -> None:
    with pytest.raises(UserError, match="labels is not taken: they are for training"):
        t5().generate(ids(1, 3), max_new_tokens=2, labels=ids(1, 2))
    decoder = GPT2LMHeadModel(GPT2Config(vocab_size=31, n_positions=9, n_embd=6, n_layer=1, n_head=2, eos_token_id=1))
    with pytest.raises(UserError, match="decoder_start_token_id=3 has no effect"):
        decoder.generate(ids(1, 3), max_new_tokens=2, decoder_start_token_id=3)


def test_samples_are_drawn_from_the_decoders_scores() -> None:
    model, text = t5(), ids(1, 5)
    draw = {"do_sample": True, "top_k": 3, "max_new_tokens": 1, "eos_token_id": None}
    with torch.no_grad():
        best = model(text, decoder_input_ids=torch.tensor([[START]])).logits[0, -1].topk(3).indices.tolist()
    generator = torch.Generator().manual_seed(0)
    drawn = model.generate(text.expand(60, -1), generator=generator, **draw)[:, 1].tolist()
    assert set(drawn) <= set(best)
    assert len(set(drawn)) > 1
