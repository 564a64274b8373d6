from __future__ import annotations

from typing import Any, ClassVar

from tests.shared.config_tester import ConfigTests

from transformers import AlbertConfig


class TestAlbertConfig(ConfigTests):
    config_class = AlbertConfig
    fields: ClassVar[dict[str, Any]] = {
        "vocab_size": 99,
        "embedding_size": 16,
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_hidden_groups": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "inner_group_num": 2,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.2,
        "attention_probs_dropout_prob": 0.3,
        "max_position_embeddings": 40,
        "type_vocab_size": 16,
        "initializer_range": 0.1,
        "layer_norm_eps": 1e-5,
        "classifier_dropout_prob": 0.4,
        "pad_token_id": 1,
        "bos_token_id": 5,
        "eos_token_id": 6,
    }
