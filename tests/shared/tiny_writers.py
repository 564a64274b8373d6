"""Small models that write texts which do not repeat one token."""

from __future__ import annotations

from typing import Any

import torch

from tests.shared.generation_tester import with_visible_weights
from transformers import GPT2Config, GPT2LMHeadModel, T5Config, T5ForConditionalGeneration

#: The token behind the end of a text, and in front of shorter prompts.
PAD = 28

VOCABULARY = 31


def tiny_gpt2(**fields: Any) -> Any:
    sizes = {"vocab_size": VOCABULARY, "n_positions": 24, "n_embd": 12, "n_layer": 2, "n_head": 3}
    tokens = {"bos_token_id": 29, "eos_token_id": None, "pad_token_id": PAD, "tie_word_embeddings": False}
    torch.manual_seed(0)
    return with_visible_weights(GPT2LMHeadModel(GPT2Config(**{**sizes, **tokens, **fields})))


def tiny_t5(**fields: Any) -> Any:
    sizes = {"vocab_size": VOCABULARY, "d_model": 12, "d_kv": 5, "d_ff": 20, "num_layers": 2, "num_heads": 3}
    tokens = {"decoder_start_token_id": 0, "eos_token_id": None, "pad_token_id": PAD, "tie_word_embeddings": False}
    torch.manual_seed(0)
    return with_visible_weights(T5ForConditionalGeneration(T5Config(**{**sizes, **tokens, **fields})))


def token_ids(*shape: int, seed: int = 0) -> torch.Tensor:
    """Tokens that are neither padding nor special."""
    return torch.randint(0, PAD, shape, generator=torch.Generator().manual_seed(seed))
