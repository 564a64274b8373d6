"""A step of generation can be compiled as a whole, with what the model remembers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.shared.model_tester import randomise

from transformers import (
    BertConfig,
    BertLMHeadModel,
    GPT2Config,
    GPT2LMHeadModel,
    OpenAIGPTConfig,
    OpenAIGPTLMHeadModel,
    T5Config,
    T5ForConditionalGeneration,
    TransfoXLConfig,
    TransfoXLLMHeadModel,
    XLMConfig,
    XLMWithLMHeadModel,
    XLNetConfig,
    XLNetLMHeadModel,
)
from transformers.nn.cache import Cache

GPT = {"vocab_size": 31, "n_embd": 12, "n_layer": 2, "n_head": 3, "n_positions": 24}
BERT = {"vocab_size": 31, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 20}
T5 = {"vocab_size": 31, "d_model": 12, "d_kv": 4, "d_ff": 20, "num_layers": 2, "num_heads": 3}
XLM = {"vocab_size": 31, "emb_dim": 12, "n_layers": 2, "n_heads": 3, "causal": True}
XLNET = {"vocab_size": 31, "d_model": 12, "n_layer": 2, "n_head": 3, "d_head": 4, "d_inner": 20}
TRANSFO_XL = {
    "vocab_size": 31, "cutoffs": [17], "d_model": 12, "d_embed": 12, "n_head": 3, "d_head": 4, "d_inner": 20,
    "n_layer": 2, "mem_len": 6,
}  # fmt: skip

MODELS = {
    "gpt2": (GPT2LMHeadModel, GPT2Config(**GPT)),
    "openai": (OpenAIGPTLMHeadModel, OpenAIGPTConfig(**GPT)),
    "bert": (BertLMHeadModel, BertConfig(**BERT, is_decoder=True)),
    "t5": (T5ForConditionalGeneration, T5Config(**T5)),
    "xlm": (XLMWithLMHeadModel, XLMConfig(**XLM)),
    "xlnet": (XLNetLMHeadModel, XLNetConfig(**XLNET)),
    "transfo_xl": (TransfoXLLMHeadModel, TransfoXLConfig(**TRANSFO_XL)),
}
STEPS = 5


def step_inputs(family: str, model: Any, tokens: torch.Tensor) -> list[dict[str, Any]]:
    """The arguments of the first steps, one token each; what they share with each other is remembered in it."""
    words = tokens.split(1, dim=1)
    if family == "transfo_xl":
        return [{"input_ids": word} for word in words]
    if family == "xlnet":
        return [{"input_ids": word, "use_mems": True} for word in words]
    cache = Cache(capacity=STEPS)
    if family == "xlm":
        mask = torch.ones_like(tokens)
        return [
            {"input_ids": tokens[:, :length], "attention_mask": mask[:, :length], "cache": cache}
            for length in range(1, STEPS + 1)
        ]
    shared: dict[str, Any] = {"past_key_values": cache, "use_cache": True}
    if family == "t5":
        shared["encoder_outputs"] = (model.get_encoder()(tokens)[0],)
        return [{"decoder_input_ids": word, **shared} for word in words]
    return [{"input_ids": word, **shared} for word in words]


def run(family: str, model: Any, called: Any, tokens: torch.Tensor) -> torch.Tensor:
    """The scores of all steps."""
    scores, mems = [], None
    for inputs in step_inputs(family, model, tokens):
        if family in ("transfo_xl", "xlnet"):
            inputs["mems"] = mems
        output = called(**inputs)
        mems = output.get("mems")
        scores.append(output.logits[:, -1])
    return torch.stack(scores)


@pytest.mark.parametrize("family", MODELS)
def test_a_step_is_one_graph(family: str) -> None:
    """``fullgraph`` raises where the graph would break; the scores are those of the model as it is."""
    model_class, config = MODELS[family]
    model = model_class(config).eval()
    randomise(model)
    tokens = torch.randint(0, 31, (2, STEPS), generator=torch.Generator().manual_seed(0))
    torch._dynamo.reset()
    with torch.no_grad():
        expected = run(family, model, model, tokens)
        compiled = torch.compile(model, backend="eager", fullgraph=True)
        torch.testing.assert_close(run(family, model, compiled, tokens), expected)
    torch._dynamo.reset()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("family", MODELS)
def test_a_step_runs_under_autocast(family: str, dtype: torch.dtype) -> None:
    model_class, config = MODELS[family]
    model = model_class(config).eval()
    randomise(model)
    tokens = torch.randint(0, 31, (2, STEPS), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = run(family, model, model, tokens)
        with torch.autocast("cpu", dtype=dtype):
            actual = run(family, model, model, tokens)
    assert (actual.float() - expected).abs().max() < 0.1 * expected.abs().max()
