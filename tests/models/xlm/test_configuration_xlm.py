from __future__ import annotations

from typing import Any

import pytest
from tests.shared.config_tester import ConfigTests

from transformers import XLMConfig
from transformers.errors import UserError


class TestXLMConfig(ConfigTests):
    config_class = XLMConfig
    fields = {  # noqa: RUF012 (declared by the base class)
        "vocab_size": 97,
        "emb_dim": 24,
        "n_layers": 3,
        "n_heads": 4,
        "dropout": 0.2,
        "attention_dropout": 0.3,
        "gelu_activation": False,
        "sinusoidal_embeddings": True,
        "causal": True,
        "asm": True,
        "n_langs": 5,
        "use_lang_emb": False,
        "max_position_embeddings": 40,
        "embed_init_std": 0.01,
        "layer_norm_eps": 1e-6,
        "init_std": 0.03,
        "bos_index": 10,
        "eos_index": 11,
        "pad_index": 12,
        "unk_index": 13,
        "mask_index": 15,
        "is_encoder": False,
        "summary_type": "last",
        "summary_use_proj": False,
        "summary_activation": "tanh",
        "summary_proj_to_labels": False,
        "summary_first_dropout": 0.5,
        "start_n_top": 3,
        "end_n_top": 4,
        "mask_token_id": 6,
        "lang_id": 2,
        "asm_cutoffs": [20, 50],
        "asm_div_value": 2.0,
        "lang2id": {"en": 0, "fr": 1},
        "id2lang": {0: "en", 1: "fr"},
        "pad_token_id": 12,
        "bos_token_id": 10,
    }


def test_the_words_of_the_original_mean_the_same() -> None:
    config = XLMConfig(n_words=50, hidden_size=12, num_attention_heads=3, num_hidden_layers=2)
    assert (config.vocab_size, config.emb_dim, config.n_heads, config.n_layers) == (50, 12, 3, 2)


def test_files_of_the_hub_keep_the_options_of_the_training() -> None:
    config = XLMConfig.from_dict(
        {"model_type": "xlm", "n_words": 30145, "max_vocab": -1, "clm_steps": [], "mlm_steps": [["en", None]]}
    )
    assert (config.vocab_size, config.max_vocab, config.mlm_steps) == (30145, -1, [["en", None]])


def test_an_adaptive_softmax_shares_nothing_with_the_embeddings() -> None:
    assert XLMConfig().tie_word_embeddings
    assert not XLMConfig(asm=True, asm_cutoffs=[10]).tie_word_embeddings


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"n_heads": 5}, "emb_dim 24 is not a multiple of n_heads 5"),
        ({"n_heads": 0}, "n_heads 0"),
        ({"is_encoder": False}, "is_encoder"),
        ({"asm": True}, "asm_cutoffs is None"),
        ({"asm": True, "asm_cutoffs": [9, 5]}, r"asm_cutoffs is \[9, 5\]"),
        ({"asm": True, "asm_cutoffs": [50]}, "vocab_size 50"),
    ],
)
def test_what_is_no_xlm_model_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        XLMConfig(**{"vocab_size": 50, "emb_dim": 24, "n_heads": 4, **fields}).check()
