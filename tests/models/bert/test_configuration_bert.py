from __future__ import annotations

from typing import Any, ClassVar

import pytest
from tests.shared.config_tester import ConfigTests

from transformers import BertConfig
from transformers.errors import UserError


class TestBertConfig(ConfigTests):
    config_class = BertConfig
    fields: ClassVar[dict[str, Any]] = {
        "vocab_size": 99,
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "hidden_act": "gelu_new",
        "hidden_dropout_prob": 0.2,
        "attention_probs_dropout_prob": 0.3,
        "max_position_embeddings": 40,
        "type_vocab_size": 16,
        "initializer_range": 0.1,
        "layer_norm_eps": 1e-5,
        "pad_token_id": 1,
        "use_cache": False,
        "classifier_dropout": 0.4,
    }


def test_all_that_is_no_bert_is_refused_at_once() -> None:
    config = BertConfig(
        hidden_size=30, num_attention_heads=4, position_embedding_type="relative_key", add_cross_attention=True
    )
    with pytest.raises(UserError) as error:
        config.check()
    for word in ("hidden_size 30", "num_attention_heads 4", "relative_key", "is_decoder"):
        assert word in str(error.value)
    BertConfig().check()


def test_dropout_of_heads_is_that_of_the_layers_unless_it_is_given() -> None:
    assert BertConfig(hidden_dropout_prob=0.2).head_dropout == 0.2
    assert BertConfig(hidden_dropout_prob=0.2, classifier_dropout=0.0).head_dropout == 0.0
