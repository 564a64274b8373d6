"""What ``generate()`` says to arguments that it cannot take."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.shared.tiny_writers import tiny_gpt2, tiny_t5, token_ids

from transformers import BatchEncoding, GenerationConfig
from transformers.errors import UserError


def refusal(*arguments: Any, **options: Any) -> str:
    with pytest.raises(UserError) as error:
        tiny_gpt2().generate(*arguments, **options)
    return str(error.value)


@pytest.mark.parametrize("prompt", [[[1, 2, 3]], "a text", BatchEncoding({"input_ids": [[1, 2]]})], ids=str)
def test_prompts_that_are_no_tensors(prompt: Any) -> None:
    for message in (refusal(prompt), refusal(input_ids=prompt)):
        assert "must be a tensor, as in generate(**tokenizer(texts, return_tensors='pt')), not " in message


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("attention_mask", [[1, 1, 1]], "a tensor"),
        ("inputs_embeds", 3, "a tensor"),
        ("generation_config", {"max_new_tokens": 3}, "a GenerationConfig"),
        ("logits_processor", lambda tokens, scores: scores, "a list of LogitsProcessor objects"),
        ("logits_processor", [3], "a list of LogitsProcessor objects"),
        ("stopping_criteria", 5, "a list of StoppingCriteria objects"),
        ("stopping_criteria", ["the"], "a list of StoppingCriteria objects"),
        ("prefix_allowed_tokens_fn", [1, 2], "a function"),
        ("past_key_values", 3, "a Cache or a tuple"),
        ("generator", 0, r"a torch\.Generator"),
        ("streamer", print, "a streamer"),
        ("tokenizer", "gpt2", "a tokenizer"),
    ],
)
def test_arguments_of_the_wrong_kind(name: str, value: Any, wanted: str) -> None:
    with pytest.raises(UserError, match=f"{name} must be {wanted}"):
        tiny_gpt2().generate(token_ids(1, 3), **{name: value})


def test_all_of_them_in_one_message() -> None:
    message = refusal([[1]], generator=0, streamer=3)
    assert [name in message for name in ("inputs", "generator", "streamer")] == [True] * 3


def test_functions_do_what_objects_do() -> None:
    model, prompt = tiny_gpt2(), token_ids(2, 3)
    alike = {
        "logits_processor": [lambda tokens, scores: scores * 2],
        "stopping_criteria": [lambda tokens, scores, **_: tokens.shape[1] >= 6],
    }
    assert torch.equal(model.generate(prompt, **alike), model.generate(prompt, max_length=6))


def test_names_that_are_nearly_right() -> None:
    message = refusal(token_ids(1, 3), max_new_token=3, token_type_id=token_ids(1, 3), something=4)
    assert "max_new_token is unknown; max_new_tokens is not" in message
    assert "token_type_id is unknown; token_type_ids is not" in message
    assert "something is unknown\n" in message
    assert "It knows max_length, max_new_tokens, " in message
    assert "It knows" not in refusal(token_ids(1, 3), num_beam_groups=2)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("position_ids", "positions are counted from attention_mask"),
        ("labels", "they are for training"),
        ("return_dict", "return_dict_in_generate says what comes back"),
        ("decoder_inputs_embeds", "a decoder begins with tokens, decoder_input_ids"),
    ],
)
def test_arguments_of_the_forward_pass_that_have_no_place(name: str, reason: str) -> None:
    with pytest.raises(UserError, match=f"{name} is not taken: {reason}"):
        tiny_t5().generate(token_ids(1, 3), max_new_tokens=2, **{name: torch.zeros(1, 3)})


def test_prompts_have_one_name_at_a_time() -> None:
    assert "inputs and input_ids are both given" in refusal(token_ids(1, 3), input_ids=token_ids(1, 3))


def test_the_special_tokens_of_the_model_count_where_a_configuration_has_none() -> None:
    model, text, few = tiny_t5(), token_ids(1, 4), GenerationConfig(max_new_tokens=7)
    free = model.generate(text, few)  # begins with the decoder_start_token_id of the model
    assert torch.equal(free, model.generate(text, max_new_tokens=7))
    model.generation_config.eos_token_id = int(free[0, 2])
    model.generation_config.repetition_penalty = 3.0  # is no special token
    ended = model.generate(text, few)
    assert torch.equal(ended, free[:, : ended.shape[1]])
    assert ended.shape[1] in (2, 3)
    assert torch.equal(model.generate(text, few, eos_token_id=None), free)
    assert few.eos_token_id is None
