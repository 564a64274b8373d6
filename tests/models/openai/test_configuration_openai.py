from __future__ import annotations

from typing import Any, ClassVar

import pytest
from tests.shared.config_tester import ConfigTests

from transformers import OpenAIGPTConfig
from transformers.errors import UserError


class TestOpenAIGPTConfig(ConfigTests):
    config_class = OpenAIGPTConfig
    fields: ClassVar[dict[str, Any]] = {
        "vocab_size": 99,
        "n_positions": 40,
        "n_embd": 32,
        "n_layer": 3,
        "n_head": 4,
        "afn": "swish",
        "resid_pdrop": 0.2,
        "embd_pdrop": 0.3,
        "attn_pdrop": 0.4,
        "layer_norm_epsilon": 1e-3,
        "initializer_range": 0.1,
        "summary_type": "last",
        "summary_use_proj": False,
        "summary_activation": "tanh",
        "summary_proj_to_labels": False,
        "summary_first_dropout": 0.5,
    }


def test_gelu_is_the_tanh_form_in_this_family() -> None:
    assert OpenAIGPTConfig(afn="gelu").activation == "gelu_new"
    assert OpenAIGPTConfig(afn="swish").activation == "swish"


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(UserError, match="n_embd 30 is not a multiple of n_head 4"):
        OpenAIGPTConfig(n_embd=30, n_head=4).check()
