"""How often a model reads what."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from tests.shared.tiny_writers import tiny_gpt2, tiny_t5, token_ids
from torch import Tensor, nn

from transformers import BertConfig, BertLMHeadModel

SEVERAL = pytest.mark.parametrize(
    "options", [{"num_beams": 3, "num_return_sequences": 2}, {"do_sample": True, "num_return_sequences": 3}]
)


@contextmanager
def shapes_read(module: nn.Module) -> Iterator[list[tuple[int, ...]]]:
    """The shapes of what a module is given to read, call by call."""
    shapes: list[tuple[int, ...]] = []

    def note(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        tokens = given[0] if given and given[0] is not None else named.get("input_ids")
        shapes.append(tuple(tokens.shape))

    hook = module.register_forward_pre_hook(note, with_kwargs=True)
    yield shapes
    hook.remove()


@SEVERAL
def test_a_prompt_is_read_once_however_many_texts_continue_it(options: dict[str, Any]) -> None:
    model = tiny_gpt2()
    with shapes_read(model.transformer) as shapes:
        model.generate(token_ids(2, 5), max_new_tokens=4, **options)
    assert shapes == [(2, 5), (6, 1), (6, 1), (6, 1)]
    with shapes_read(model.transformer) as shapes:
        model.generate(token_ids(2, 5), max_new_tokens=4, use_cache=False, **options)
    assert shapes == [(2, 5), (6, 6), (6, 7), (6, 8)]


@SEVERAL
def test_an_input_is_encoded_once_however_many_texts_are_about_it(options: dict[str, Any]) -> None:
    model = tiny_t5()
    with shapes_read(model.encoder) as of_encoder, shapes_read(model.decoder) as of_decoder:
        model.generate(token_ids(2, 5), max_new_tokens=4, **options)
    assert of_encoder == [(2, 5)]
    assert of_decoder == [(2, 1), (6, 1), (6, 1), (6, 1)]


@SEVERAL
def test_each_text_keeps_the_arguments_of_its_prompt(options: dict[str, Any]) -> None:
    """Segments, the states of an encoder and its mask have a row for each prompt; a mask of heads has not."""
    tokens = {"vocab_size": 31, "bos_token_id": 29, "eos_token_id": None, "pad_token_id": 28}
    sizes = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 20}
    config = BertConfig(**tokens, **sizes, is_decoder=True, add_cross_attention=True, max_position_embeddings=24)
    torch.manual_seed(0)
    model = BertLMHeadModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
    generator = torch.Generator().manual_seed(0)
    states, mask = torch.randn(2, 4, 12, generator=generator), torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    given = {
        "encoder_hidden_states": states, "encoder_attention_mask": mask,
        "token_type_ids": torch.tensor([[0, 0, 1], [1, 0, 0]]),
    }  # fmt: skip
    heads, prompt = torch.tensor([1.0, 0.5]), token_ids(2, 3)

    def written(rows: slice, **arguments: Any) -> Tensor:
        torch.manual_seed(1)
        own = {name: value[rows] for name, value in given.items()}
        return model.generate(prompt[rows], max_new_tokens=6, head_mask=heads, **own, **options, **arguments)

    together = written(slice(0, 2))
    assert torch.equal(together, written(slice(0, 2), use_cache=False))
    if "num_beams" in options:
        assert torch.equal(together, torch.cat([written(slice(0, 1)), written(slice(1, 2))]))
    assert torch.equal(together[:, :3], prompt.repeat_interleave(len(together) // 2, dim=0))


@SEVERAL
def test_the_callers_memory_is_left_alone_by_several_texts(options: dict[str, Any]) -> None:
    model, prompt = tiny_gpt2(), token_ids(2, 6)

    def written(**arguments: Any) -> Tensor:
        torch.manual_seed(1)
        return model.generate(prompt, max_new_tokens=5, **options, **arguments)

    expected = written()
    with torch.no_grad():
        cache = model(prompt[:, :4]).past_key_values
    before = [tensor.clone() for layer in cache for tensor in layer]
    with shapes_read(model.transformer) as shapes:
        assert torch.equal(written(past_key_values=cache), expected)
    assert shapes[0] == (2, 2)
    assert all(torch.equal(*pair) for pair in zip(before, (t for layer in cache for t in layer), strict=True))
    assert torch.equal(written(past_key_values=cache), expected)
