from __future__ import annotations

from typing import Any, ClassVar

import pytest
from tests.shared.config_tester import ConfigTests

from transformers import TransfoXLConfig
from transformers.errors import UserError


class TestTransfoXLConfig(ConfigTests):
    config_class = TransfoXLConfig
    fields: ClassVar[dict[str, Any]] = {
        "vocab_size": 97,
        "cutoffs": [5, 9],
        "d_model": 24,
        "d_embed": 20,
        "n_head": 3,
        "d_head": 7,
        "d_inner": 50,
        "div_val": 2,
        "pre_lnorm": True,
        "n_layer": 3,
        "mem_len": 8,
        "clamp_len": -1,
        "same_length": False,
        "same_length_inclusive": True,
        "attn_type": 1,
        "sample_softmax": 2,
        "adaptive": False,
        "dropout": 0.2,
        "dropatt": 0.3,
        "untie_r": False,
        "init": "uniform",
        "init_range": 0.1,
        "proj_init_std": 0.2,
        "init_std": 0.3,
        "layer_norm_epsilon": 1e-12,
        "eos_token_id": 3,
        "tie_projs": [True, False, True],
    }


def test_the_defaults_are_the_model_of_wikitext_103() -> None:
    config = TransfoXLConfig()
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (1024, 18, 16)
    assert (config.vocab_size, config.cutoffs, config.div_val) == (267735, [20000, 40000, 200000], 4)
    assert (config.layer_norm_epsilon, config.same_length, config.same_length_inclusive) == (1e-5, True, False)
    assert config.tie_projs == [False, True, True, True]
    assert list(config.problems()) == []


@pytest.mark.parametrize(("share", "ties"), [(True, [False, True]), (False, [False, False])])
def test_one_word_for_all_projections(share: bool, ties: list[bool]) -> None:
    config = TransfoXLConfig(cutoffs=[5], proj_share_all_but_first=share)
    assert config.tie_projs == ties
    assert "proj_share_all_but_first" not in config.to_dict()


def test_fields_of_old_files_are_kept() -> None:
    config = TransfoXLConfig.from_dict({"n_token": 11, "tgt_len": 128, "ext_len": 0, "tie_weight": True, "cutoffs": []})
    assert config.vocab_size == 11
    assert config.to_dict()["tgt_len"] == 128


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"d_model": 7}, "d_model 7 is odd"),
        ({"cutoffs": [9, 5]}, r"cutoffs \[9, 5\]"),
        ({"cutoffs": [5, 97]}, "vocab_size 97"),
        ({"cutoffs": [0, 5]}, "above 0"),
        ({"cutoffs": ["a", 5]}, "above 0"),
        ({"div_val": 0}, "div_val 0"),
        ({"div_val": 30, "d_embed": 20}, "nothing of d_embed 20 for cluster 2"),
        ({"tie_projs": [True]}, "1 entries for 3 clusters"),
        ({"mem_len": -1}, "mem_len -1"),
        ({"pre_lnorm": True}, "pre_lnorm True"),
        ({"attn_type": 2}, "attn_type 2"),
        ({"sample_softmax": 5}, "sample_softmax 5"),
    ],
)
def test_what_cannot_be_computed_is_refused(fields: dict[str, Any], problem: str) -> None:
    config = TransfoXLConfig(**{"vocab_size": 97, "cutoffs": [5, 9], "d_model": 24, "d_embed": 20, **fields})
    with pytest.raises(UserError, match=problem):
        config.check()
