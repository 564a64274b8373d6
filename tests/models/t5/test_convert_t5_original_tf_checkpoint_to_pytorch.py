from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from tests.models.t5.reference import Array, Original
from tests.shared.converter_tester import ConverterTester, contents
from tests.shared.memory_checkpoint import MemoryCheckpoint
from tests.shared.tensor_slice_writer import write_tensor_slices
from tests.shared.way_back import modern

from transformers import T5EncoderModel, T5ForConditionalGeneration, convert_checkpoint
from transformers.checkpoints import Variable, open_checkpoint, write_bundle
from transformers.conversion import ConversionPlan, PlanRequest, make_plan
from transformers.conversion.configs import ConfigSource
from transformers.errors import UserError
from transformers.models.auto.exporting import export_checkpoint
from transformers.models.t5.convert_t5_original_tf_checkpoint_to_pytorch import FAMILY


class TestT5Conversion(ConverterTester):
    """Of the layouts that exclude each other this has the rare ones: one head, a table in each block, scalar norms."""

    family = FAMILY
    sizes: ClassVar = {"V": 24, "E": 12, "K": 5, "F": 16, "B": 8, "i": 2, "j": 3, "N": 3}
    config_file = "t5_config.json"
    config: ClassVar = {
        "vocab_size": 24,
        "d_model": 12,
        "num_heads": 1,
        "d_kv": 5,
        "d_ff": 16,
        "num_layers": 2,
        "num_decoder_layers": 3,
        "relative_attention_num_buckets": 8,
        "relative_attention_per_layer": True,
        "feed_forward_proj": "gated-gelu",
        "layer_norm_epsilon": 1e-6,
    }

    def test_one_table_is_enough_for_a_single_head(self) -> None:
        assert "encoder/block_000/layer_000/SelfAttention/relative_attention_bias_of_one_head" in self.arrays("T5Model")


V1_0, V1_1 = Original(), Original(activation=("gelu", "linear"), tied=False)

LAYOUTS = {
    "v1.0": V1_0,
    "v1.1": V1_1,
    "older names of norms": replace(V1_0, norms=("layer_norm", "final_layer_norm")),
    "one block": replace(V1_0, blocks=(1, 1)),
    "gelu without gate": replace(V1_0, activation=("gelu",)),
    "gated relu, tied": replace(V1_0, activation=("relu", "linear")),
    "scaling not folded": replace(V1_0, folded=False),
    "scaling not folded, untied": replace(V1_1, folded=False, d_kv=4),
    "embeddings like classifier weights": replace(V1_0, like_classifier=True),
    "embeddings like classifier weights, untied": replace(V1_1, like_classifier=True),
    "one head": replace(V1_0, heads=1),
    "scalar norms": replace(V1_1, norms=("scale_norm", "scale_norm")),
    "a table in every block": replace(V1_0, per_layer=True),
    "a table in every block, one head": replace(V1_1, per_layer=True, heads=1),
}


def gin_of(original: Original) -> str:
    """What the original code writes down, as far as it matters here."""
    activation = original.activation[0] if len(original.activation) == 1 else list(original.activation)
    return f"""
        import mesh_tensorflow.transformer.transformer  # comments are no statements
        d_model = {original.d_model}
        num_layers = 99
        encoder/Unitransformer.d_model = %d_model
        decoder/Unitransformer.d_model = \\
            %d_model
        decoder/Unitransformer.shared_embedding_and_softmax_weights = {original.tied}
        encoder/Unitransformer.shared_embedding_and_softmax_weights = True
        encoder/transformer.make_layer_stack.num_layers = {original.blocks[0]}
        decoder/transformer.make_layer_stack.num_layers = {original.blocks[1]}
        DenseReluDense.activation = {activation!r}
        DenseReluDense.hidden_size = {original.d_ff}
        DenseReluDense.use_bias = False
        SelfAttention.num_heads = {original.heads}
        SelfAttention.key_value_size = {original.d_kv}
        SelfAttention.relative_attention_type = {"bias" if original.per_layer else "bias_shared"!r}
        SelfAttention.fold_scaling_into_initializer = {original.folded}
        VocabEmbedding.scale_variable_like_classifier_weights = {original.like_classifier}
        sublayer_rms_norm.epsilon = 1e-06
        sublayer_dropout.dropout_rate = 0.0
        run.model_type = 'bitransformer'
    """


def saved(folder: Path, variables: Mapping[str, Array], **files: str) -> Path:
    folder.mkdir()
    write_bundle(folder / "model.ckpt-1000", {**variables, "global_step": np.array(1000, np.int64)})
    for name, text in files.items():
        (folder / name.replace("_gin", ".gin").replace("_json", ".json")).write_text(text)
    return folder / "model.ckpt-1000"


def plan(variables: Mapping[str, Array], config: Mapping[str, Any] | None = None, **request: Any) -> ConversionPlan:
    sources = [] if config is None else [ConfigSource("t5_config.json", config, "model_type" in config)]
    return make_plan(FAMILY, MemoryCheckpoint(variables), PlanRequest(configs=sources, **request))


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_converted_model_computes_what_the_original_computes(name: str, tmp_path: Path) -> None:
    original = LAYOUTS[name]
    variables = original.variables()
    source = saved(tmp_path / "source", variables, operative_config_gin=gin_of(original))

    report = convert_checkpoint(source, tmp_path / "out", "t5")
    model = T5ForConditionalGeneration.from_pretrained(tmp_path / "out").double()

    inputs, targets = np.random.default_rng(1).integers(2, 24, (2, 40))
    with torch.no_grad():
        logits = model(torch.tensor(inputs)[None], decoder_input_ids=torch.tensor(targets)[None]).logits[0]
    expected = original.logits(variables, inputs, targets)
    assert np.abs(logits.numpy() - expected).max() < 1e-5 * np.abs(expected).max()
    assert bool(report.rounded) == (original.like_classifier or not original.folded)
    assert not {"fold_scaling_into_initializer", "scale_variable_like_classifier_weights"} & set(
        json.loads((tmp_path / "out" / "config.json").read_text())
    )


def test_the_configuration_follows_from_the_variables_where_no_file_says_it() -> None:
    config = plan(V1_1.variables()).config
    expected = {
        "vocab_size": 24,
        "d_model": 12,
        "num_heads": 3,
        "d_kv": 5,
        "d_ff": 16,
        "num_layers": 2,
        "num_decoder_layers": 3,
        "relative_attention_num_buckets": 8,
        "relative_attention_per_layer": False,
        "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": False,
        "layer_norm_epsilon": 1e-6,
        "dropout_rate": 0.1,
        "decoder_start_token_id": 0,
    }
    assert {name: config[name] for name in expected} == expected
    assumed = " ".join(plan(V1_0.variables()).assumed)
    assert 'feed_forward_proj = "relu" (the checkpoint has encoder/block_000/layer_001/DenseReluDense/wi/' in assumed
    assert "dropout_rate" in assumed
    assert "num_heads" not in assumed


def test_optimizer_states_are_left_out_by_their_suffixes() -> None:
    variables = V1_0.variables()
    nothing = np.zeros(3, np.float32)
    slots = {
        f"{name}{slot}": nothing
        for name in variables
        for slot in ("_slot_v", "_slot_vr", "_slot_vc", "_slot_m", "_momentum_v", "/adam_m", "/adam_v")
    }
    made = plan({**variables, **slots, "global_step": np.array(7, np.int64)})
    assert {skipped.name for skipped in made.skipped} == {*slots, "global_step"}


def test_bfloat16_variables_and_a_v1_file(tmp_path: Path) -> None:
    variables = V1_0.variables()
    bits = {name: (values.view(np.uint32) >> 16).astype(np.uint16) for name, values in variables.items()}
    assert {row.dtype for row in plan(bits).rows} == {"float32"}

    stored = {Variable(name, values.shape, "float32"): values for name, values in variables.items()}
    write_tensor_slices(tmp_path / "model.ckpt", stored)
    report = convert_checkpoint(tmp_path / "model.ckpt", tmp_path / "out", "t5")
    assert report.architecture == "T5ForConditionalGeneration"
    state = T5ForConditionalGeneration.from_pretrained(tmp_path / "out").state_dict()
    kernel = variables["decoder/block_002/layer_002/DenseReluDense/wo/kernel"]
    assert np.array_equal(state["decoder.block.2.layer.2.DenseReluDense.wo.weight"].numpy(), kernel.T)


def test_the_encoder_alone(tmp_path: Path) -> None:
    source = saved(tmp_path / "source", V1_1.variables())
    report = convert_checkpoint(source, tmp_path / "out", "auto", architecture="T5EncoderModel")
    assert any("encoder alone" in reason for reason in report.skipped)
    model, info = T5EncoderModel.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not any(info.values())
    assert torch.equal(model.shared.weight, model.encoder.embed_tokens.weight)


# ----------------------------------------------------------------------------------------------------- contradictions


@pytest.mark.parametrize(
    ("original", "config", "words"),
    [
        (V1_1, {"feed_forward_proj": "relu"}, ["feed_forward_proj", "relu", "wi_0"]),
        (V1_0, {"feed_forward_proj": "gated-gelu"}, ["feed_forward_proj", "gated-gelu", "wi/kernel"]),
        (V1_1, {"tie_word_embeddings": True}, ["tie_word_embeddings", "true", "decoder/logits/kernel"]),
        (V1_0, {"tie_word_embeddings": False}, ["tie_word_embeddings", "false", "no decoder/logits/kernel"]),
        (V1_0, {"num_layers": 3}, ["num_layers", "3", "layers 0..1"]),
        (V1_0, {"num_layers": 2, "num_decoder_layers": 2}, ["num_decoder_layers", "2", "layers 0..2"]),
        (V1_0, {"num_heads": 5}, ["num_heads", "5", "relative_attention_bias is [3, 8]"]),
        (V1_0, {"d_kv": 6}, ["d_kv", "6", "5"]),
        (V1_0, {"d_ff": 20}, ["d_ff", "20", "16"]),
        (V1_0, {"vocab_size": 32128}, ["vocab_size", "32128", "24"]),
        (V1_0, {"relative_attention_num_buckets": 32}, ["relative_attention_num_buckets", "32", "8"]),
        (V1_0, {"relative_attention_per_layer": True}, ["relative_attention_per_layer", "true", "second blocks"]),
        (replace(V1_0, heads=1), {"num_heads": 2}, ["num_heads", "2", "one head"]),
    ],
)
def test_a_configuration_that_contradicts_the_variables_is_refused(
    original: Original, config: Mapping[str, Any], words: list[str]
) -> None:
    for dialect in ({}, {"model_type": "t5"}):
        with pytest.raises(UserError) as error:
            plan(original.variables(), {**config, **dialect})
        assert all(word in str(error.value) for word in words)


def test_all_contradictions_are_told_together() -> None:
    with pytest.raises(UserError) as error:
        plan(V1_1.variables(), {"feed_forward_proj": "relu", "tie_word_embeddings": True, "num_layers": 9, "d_ff": 1})
    assert all(name in str(error.value) for name in ("feed_forward_proj", "tie_word_embeddings", "num_layers", "d_ff"))


def test_files_that_contradict_each_other_are_refused_but_for_dropout(tmp_path: Path) -> None:
    config = {"model_type": "t5", "dropout_rate": 0.1, "num_heads": 3}
    gin = gin_of(V1_0)
    source = saved(tmp_path / "source", V1_0.variables(), t5_config_json=json.dumps(config), operative_config_gin=gin)
    convert_checkpoint(source, tmp_path / "out", "t5")
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dropout_rate"] == 0.1

    other = tmp_path / "other.gin"
    other.write_text(gin.replace("num_heads = 3", "num_heads = 5"))
    with pytest.raises(UserError, match=r"num_heads +other.gin says 5, t5_config.json says 3"):
        convert_checkpoint(source, tmp_path / "again", "t5", config=other)
    assert not (tmp_path / "again").exists()


def test_heads_that_do_not_divide_the_columns_are_refused() -> None:
    variables = V1_0.variables()
    for name in list(variables):
        if name.endswith(("/q", "/k", "/v")):
            variables[name] = np.zeros((12, 16), np.float32)
        if name.endswith("/o"):
            variables[name] = np.zeros((16, 12), np.float32)
    with pytest.raises(UserError, match="3 heads of width d_kv 5 do not make the 16 columns"):
        plan(variables, {"d_kv": 5})


# ----------------------------------------------------------------------------------------------- other architectures


def moved(variables: Mapping[str, Array], old: str, new: str) -> dict[str, Array]:
    return {name.replace(old, new): values for name, values in variables.items()}


def with_more(name: str) -> dict[str, Array]:
    return {**V1_0.variables(), name: np.zeros((12, 12), np.float32)}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (moved(V1_0.variables(), "encoder/", "transformer/"), ["transformer/block_000", "decoder-only"]),
        (moved(V1_0.variables(), "block_000/", ""), ["coder/layer_000", "block_scope"]),
        (moved(V1_0.variables(), "SelfAttention", "TalkingHeadsSelfAttention"), ["TalkingHeads", "talking-heads"]),
        (
            moved(V1_0.variables(), "shared/embedding", "encoder/embedding")
            | {"decoder/embedding": np.ones((24, 8), np.float32)},
            ["encoder/embedding", "decoder/embedding", "of its own"],
        ),
        (moved(V1_0.variables(), "DenseReluDense/w", "moe/w"), ["/moe/", "mixture of experts"]),
        (moved(V1_0.variables(), "SelfAttention/k", "SelfAttention/kv"), ["/kv", "shared_kv"]),
        (moved(V1_0.variables(), "rms_norm/scale", "rezero_weight"), ["rezero_weight", "rezero"]),
        (moved(V1_0.variables(), "rms_norm", "true_layer_norm"), ["true_layer_norm", "mean"]),
        (with_more("encoder/positional_embedding"), ["encoder/positional_embedding", "positions"]),
        (with_more("encoder/block_000/layer_001/DenseReluDense/wi/bias"), ["wi/bias", "use_bias"]),
    ],
)
@pytest.mark.parametrize("model_type", ["t5", "auto"])
def test_relatives_are_refused_by_what_they_have(
    variables: Mapping[str, Array], words: list[str], model_type: str, tmp_path: Path
) -> None:
    source = saved(tmp_path / "source", variables)
    with pytest.raises(UserError) as error:
        convert_checkpoint(source, tmp_path / "out", model_type)
    assert all(word in str(error.value) for word in words)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("absent", ["decoder/final_layer_norm/scale", "encoder/block_001/layer_000/layer_norm/scale"])
def test_a_norm_that_is_missing_is_spelled_as_the_others_are(absent: str) -> None:
    variables = {
        name.replace("rms_norm", "layer_norm" if "/block_" in name else "final_layer_norm"): values
        for name, values in V1_0.variables().items()
    }
    del variables[absent]
    with pytest.raises(UserError, match=f"{absent} is missing"):
        plan(variables)


def test_student_and_teacher_are_refused(tmp_path: Path) -> None:
    variables = {f"{who}/{name}": values for who in ("student", "teacher") for name, values in V1_0.variables().items()}
    with pytest.raises(UserError, match="several models"):
        convert_checkpoint(saved(tmp_path / "source", variables), tmp_path / "out", "t5")


def test_memory_heads_are_refused_by_their_shapes() -> None:
    variables = V1_0.variables()
    variables |= {name: values[:, :5] for name, values in variables.items() if name.endswith(("/k", "/v"))}
    with pytest.raises(UserError, match=r"SelfAttention/k is \[12, 5\], expected \[12, 15\]"):
        plan(variables)


def test_a_table_that_is_missing_in_some_blocks_is_missed() -> None:
    variables = replace(V1_0, per_layer=True).variables()
    del variables["decoder/block_002/layer_000/SelfAttention/relative_attention_bias"]
    with pytest.raises(UserError, match="decoder/block_002/layer_000/SelfAttention/relative_attention_bias is missing"):
        plan(variables)


@pytest.mark.parametrize("name", ["mine/kernel", "mine/scores"])
def test_an_output_layer_of_another_name_is_not_tied(name: str) -> None:
    variables = V1_1.variables()
    variables[name] = scores = variables.pop("decoder/logits/kernel")

    made = plan(variables, maps=[f"{name}=lm_head.weight"], architecture="T5ForConditionalGeneration")

    (row,) = [row for row in made.rows if row.target == "lm_head.weight"]
    assert (row.sources, row.shape) == ((name,), scores.T.shape)
    assert made.config["tie_word_embeddings"] is False
    assert "lm_head.weight" not in made.tied


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_comes_back_to_the_same_bytes(name: str, tmp_path: Path) -> None:
    """A scale that was folded into the weights stays there, as by the original's default: it computes the same."""
    original = LAYOUTS[name]
    source = saved(tmp_path / "source", original.variables(), operative_config_gin=gin_of(original))
    folded = bool(convert_checkpoint(source, tmp_path / "one", "t5").rounded)

    report = export_checkpoint(tmp_path / "one", tmp_path / "back" / "model.ckpt", "t5")
    again = convert_checkpoint(tmp_path / "back", tmp_path / "two", "t5")

    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert (report.rounded, again.rounded) == ([], [])
    if not folded and "scale_norm" not in original.norms:
        with open_checkpoint(tmp_path / "back") as checkpoint:
            found = {name: checkpoint.read(name) for name in checkpoint.variables}
        wanted = {modern(variable): values for variable, values in original.variables().items()}
        assert found.keys() == wanted.keys()
        assert all(np.array_equal(values, wanted[variable]) for variable, values in found.items())
