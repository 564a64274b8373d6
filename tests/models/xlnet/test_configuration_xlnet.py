from __future__ import annotations

from typing import Any

import pytest
from tests.shared.config_tester import ConfigTests

from transformers import XLNetConfig
from transformers.errors import UserError


class TestXLNetConfig(ConfigTests):
    config_class = XLNetConfig
    fields = {  # noqa: RUF012 (declared by the base class)
        "vocab_size": 97,
        "d_model": 24,
        "n_layer": 3,
        "n_head": 5,
        "d_inner": 50,
        "ff_activation": "relu",
        "untie_r": False,
        "attn_type": "uni",
        "initializer_range": 0.01,
        "layer_norm_eps": 1e-6,
        "dropout": 0.2,
        "mem_len": 7,
        "reuse_len": 4,
        "use_mems_eval": False,
        "use_mems_train": True,
        "bi_data": True,
        "clamp_len": 3,
        "same_length": True,
        "summary_type": "first",
        "summary_use_proj": False,
        "summary_activation": None,
        "summary_last_dropout": 0.3,
        "start_n_top": 2,
        "end_n_top": 3,
        "pad_token_id": 90,
        "bos_token_id": 91,
        "eos_token_id": 92,
        "d_head": 6,
    }


def test_the_defaults_are_the_larger_released_model() -> None:
    config = XLNetConfig()
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (1024, 24, 16)
    assert (config.n_token, config.d_head, config.mem_len, config.layer_norm_eps) == (32000, 64, 512, 1e-12)


def test_a_head_gets_its_share_of_the_width_unless_it_has_a_width_of_its_own() -> None:
    assert XLNetConfig(d_model=24, n_head=4).d_head == 6
    assert XLNetConfig(d_model=24, n_head=4, d_head=7).d_head == 7
    assert XLNetConfig(d_model=24, n_head=5, d_head=7).d_head == 7
    with pytest.raises(UserError, match="d_model 24 is not a multiple of n_head 5"):
        XLNetConfig(d_model=24, n_head=5)


@pytest.mark.parametrize(
    ("fields", "word"),
    [({"d_model": 15, "n_head": 3}, "d_model 15 is odd"), ({"attn_type": "tri"}, 'attn_type is "tri".*bi, uni')],
)
def test_what_describes_no_model_is_refused(fields: dict[str, Any], word: str) -> None:
    with pytest.raises(UserError, match=word):
        XLNetConfig(**fields).check()
