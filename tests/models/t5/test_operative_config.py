from __future__ import annotations

from pathlib import Path

import pytest
from tests.shared.golden_cases import FIXTURES

from transformers.errors import UserError
from transformers.models.t5.operative_config import read_operative_config

UNFOLDED = "decoder/SelfAttention.fold_scaling_into_initializer = False"


def read(folder: Path, text: str) -> dict[str, object]:
    path = folder / "operative_config.gin"
    path.write_text(text)
    return read_operative_config(path)


def test_a_whole_file() -> None:
    assert read_operative_config(FIXTURES / "t5" / "v1.1-gated-gelu-untied" / "operative_config.gin") == {
        "d_model": 26,
        "num_heads": 4,
        "d_kv": 7,
        "d_ff": 44,
        "relative_attention_num_buckets": 8,
        "layer_norm_epsilon": 1e-6,
        "dropout_rate": 0.0,
        "fold_scaling_into_initializer": True,
        "scale_variable_like_classifier_weights": False,
        "num_layers": 3,
        "num_decoder_layers": 2,
        "feed_forward_proj": "gated-gelu",
        "relative_attention_per_layer": False,
        "tie_word_embeddings": False,
    }


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", {}),
        ("num_layers = 4", {"num_layers": 4, "num_decoder_layers": 4}),
        ("a.make_layer_stack.num_layers = 4\ndecoder/make_layer_stack.num_layers = 5",
         {"num_layers": 4, "num_decoder_layers": 5}),
        ("d_model = 8\nnum_heads = 2", {"d_model": 8, "num_heads": 2}),
        ("sublayer_rms_norm.epsilon = 1e-5\nLayerStack.norm_epsilon = None", {"layer_norm_epsilon": 1e-5}),
        ("encoder/LayerStack.norm_epsilon = 1e-4\ndecoder/LayerStack.norm_epsilon = 1e-4",
         {"layer_norm_epsilon": 1e-4}),
        ("DenseReluDense.activation = ['relu', 'linear']", {"feed_forward_proj": "gated-relu"}),
        ("DenseReluDense.activation = 'gelu'", {"feed_forward_proj": "gelu"}),
        ("SelfAttention.relative_attention_type = 'bias'", {"relative_attention_per_layer": True}),
        ("Unitransformer.shared_embedding_and_softmax_weights = False", {"tie_word_embeddings": False}),
        ("encoder/DenseReluDense.dropout_rate = 0.1\ndecoder/DenseReluDense.dropout_rate = 0.2",
         {"dropout_rate": 0.1}),
    ],
)  # fmt: skip
def test_settings(text: str, fields: dict[str, object], tmp_path: Path) -> None:
    assert read(tmp_path, text) == fields


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("run.model_type = 'lm'", "run.model_type = 'lm'"),
        ("mesh.utils.run.model_type = 'bi_student_teacher'", "run.model_type = 'bi_student_teacher'"),
        ("encoder/DenseReluDense.use_bias = True", "encoder/DenseReluDense.use_bias = True"),
        ("SelfAttention.shared_kv = True", "shared_kv"),
        ("SelfAttention.num_memory_heads = 1", "num_memory_heads = 1"),
        ("SelfAttention.attention_func = @hybrid_attention", "attention_func"),
        ("SelfAttention.relative_attention_type = None", "relative_attention_type = None"),
        ("SelfAttention.relative_attention_type = 'contextual'", "relative_attention_type = 'contextual'"),
        ("encoder/SelfAttention.num_heads = 2\ndecoder/SelfAttention.num_heads = 3",
         "encoder/SelfAttention.num_heads = 2, decoder/SelfAttention.num_heads = 3"),
        ("encoder/SelfAttention.fold_scaling_into_initializer = True\n" + UNFOLDED, UNFOLDED),
        (UNFOLDED, "encoder/SelfAttention.fold_scaling_into_initializer = True, " + UNFOLDED),
        ("encoder/DenseReluDense.activation = 'relu'\ndecoder/DenseReluDense.activation = 'gelu'", "'relu'.*'gelu'"),
        ("DenseReluDense.activation = ['linear', 'gelu']", "linear"),
        ("Unitransformer.sinusoid_positional_embedding = True", "sinusoid_positional_embedding"),
        ("Unitransformer.positional_embedding = True", "positional_embedding"),
        ("Bitransformer.shared_embedding = False", "shared_embedding = False"),
        ("LayerStack.sublayers_per_layer = [@sublayer_call_layer, @sublayer_residual, @sublayer_rms_norm]",
         "a norm must come first"),
    ],
)  # fmt: skip
def test_other_architectures_are_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        read(tmp_path, text)


def test_all_that_is_wrong_is_told_together(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"(?s)model_type.*use_bias.*\['linear', 'gelu'\].*contextual"):
        read(
            tmp_path,
            "run.model_type = 'lm'\nDenseReluDense.use_bias = True\n"
            "DenseReluDense.activation = ['linear', 'gelu']\nSelfAttention.relative_attention_type = 'contextual'",
        )
