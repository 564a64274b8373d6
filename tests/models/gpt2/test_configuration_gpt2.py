from __future__ import annotations

import pytest
from tests.shared.config_tester import ConfigTests

from transformers import GPT2Config
from transformers.errors import UserError


class TestGPT2Config(ConfigTests):
    config_class = GPT2Config
    fields = {  # noqa: RUF012 (declared by the base class)
        "vocab_size": 97,
        "n_positions": 40,
        "n_embd": 24,
        "n_layer": 3,
        "n_head": 4,
        "n_inner": 50,
        "activation_function": "gelu",
        "resid_pdrop": 0.2,
        "embd_pdrop": 0.3,
        "attn_pdrop": 0.4,
        "layer_norm_epsilon": 1e-6,
        "initializer_range": 0.01,
        "summary_type": "last",
        "summary_use_proj": False,
        "summary_activation": "tanh",
        "summary_proj_to_labels": False,
        "summary_first_dropout": 0.5,
        "scale_attn_weights": False,
        "use_cache": False,
        "bos_token_id": 95,
        "eos_token_id": 96,
        "scale_attn_by_inverse_layer_idx": True,
        "reorder_and_upcast_attn": True,
    }


def test_the_defaults_are_the_smallest_released_model() -> None:
    config = GPT2Config()
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (768, 12, 12)
    assert (config.vocab_size, config.max_position_embeddings, config.eos_token_id) == (50257, 1024, 50256)
    assert (config.activation_function, config.layer_norm_epsilon, config.n_inner) == ("gelu_new", 1e-5, None)


def test_fields_of_the_hub_that_say_nothing_new_are_kept() -> None:
    config = GPT2Config.from_dict({"model_type": "gpt2", "n_ctx": 1024, "n_positions": 1024})
    assert config.n_ctx == 1024
    assert config.to_dict()["n_ctx"] == 1024


@pytest.mark.parametrize("heads", [5, 0])
def test_heads_that_do_not_divide_the_width_are_refused(heads: int) -> None:
    with pytest.raises(UserError, match=f"n_embd 24 is not a multiple of n_head {heads}"):
        GPT2Config(n_embd=24, n_head=heads).check()
