from __future__ import annotations

import pytest
from tests.shared.config_tester import ConfigTests

from transformers import T5Config
from transformers.errors import UserError


class TestT5Config(ConfigTests):
    config_class = T5Config
    fields = {  # noqa: RUF012 (declared by the base class)
        "vocab_size": 97,
        "d_model": 24,
        "d_kv": 5,
        "d_ff": 40,
        "num_layers": 3,
        "num_decoder_layers": 2,
        "num_heads": 4,
        "relative_attention_num_buckets": 8,
        "relative_attention_max_distance": 64,
        "relative_attention_per_layer": True,
        "dropout_rate": 0.2,
        "classifier_dropout": 0.3,
        "layer_norm_epsilon": 1e-5,
        "initializer_factor": 0.5,
        "feed_forward_proj": "gated-gelu",
        "use_cache": False,
        "pad_token_id": 2,
        "eos_token_id": 3,
    }


def test_the_defaults_are_the_smallest_released_model() -> None:
    config = T5Config()
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads, config.d_kv) == (512, 6, 8, 64)
    assert (config.vocab_size, config.d_ff, config.num_decoder_layers) == (32128, 2048, 6)
    assert config.is_encoder_decoder
    assert config.decoder_start_token_id is None


def test_the_decoder_is_as_deep_as_the_encoder_unless_it_is_said() -> None:
    assert T5Config(num_layers=3).num_decoder_layers == 3
    assert T5Config(num_layers=3, num_decoder_layers=5).num_decoder_layers == 5


@pytest.mark.parametrize(
    ("word", "gated", "activation"),
    [
        ("relu", False, "relu"),
        ("gelu", False, "gelu"),
        ("gelu_new", False, "gelu_new"),
        ("gated-gelu", True, "gelu_new"),
        ("gated-silu", True, "silu"),
    ],
)
def test_the_activation_follows_from_one_field(word: str, gated: bool, activation: str) -> None:
    config = T5Config(feed_forward_proj=word)
    assert (config.is_gated_act, config.dense_act_fn) == (gated, activation)
    stored = {**config.to_dict(), "is_gated_act": gated, "dense_act_fn": activation}
    assert T5Config.from_dict(stored) == config


def test_stored_activations_that_contradict_it_are_refused() -> None:
    with pytest.raises(UserError, match="dense_act_fn is 'silu', but feed_forward_proj 'relu' means 'relu'"):
        T5Config(feed_forward_proj="relu", dense_act_fn="silu")


@pytest.mark.parametrize("word", ["blah", "gated-blah", "gated-gated-gelu"])
def test_an_activation_that_there_is_not_is_refused(word: str) -> None:
    with pytest.raises(UserError, match=f"feed_forward_proj: .*'{word.removeprefix('gated-')}'.* is no activation"):
        T5Config(feed_forward_proj=word).check()


@pytest.mark.parametrize(
    "fields",
    [
        {"relative_attention_num_buckets": 3},
        {"relative_attention_num_buckets": 7},
        {"relative_attention_num_buckets": 32, "relative_attention_max_distance": 16},
    ],
)
def test_tables_that_cannot_be_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(UserError, match="relative_attention"):
        T5Config(**fields).check()


def test_heads_that_are_not_tied_as_the_ecosystems_fifth_release_writes_them() -> None:
    for scaled in (True, False):
        config = T5Config.from_dict({"tie_word_embeddings": True, "scale_decoder_outputs": scaled})
        assert config.tie_word_embeddings is scaled
        assert "scale_decoder_outputs" not in config.to_dict()
    assert T5Config(tie_word_embeddings=False).tie_word_embeddings is False
