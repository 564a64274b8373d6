from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from tests.shared.converter_tester import ConverterTester
from tests.shared.synthetic_checkpoint import synthetic_arrays, with_training_state

import transformers
from transformers import convert_checkpoint
from transformers.checkpoints import write_bundle
from transformers.errors import UserError
from transformers.models.gpt2.convert_gpt2_original_tf_checkpoint_to_pytorch import FAMILY

#: Sizes of 1 on purpose: the axis to drop is known by its place, not by its size.
SIZES = {"V": 7, "P": 1, "E": 2, "i": 11}
HPARAMS = {"n_vocab": 7, "n_ctx": 1, "n_embd": 2, "n_head": 2, "n_layer": 11}


class TestGPT2Conversion(ConverterTester):
    family = FAMILY
    sizes: ClassVar = {"V": 7, "P": 3, "E": 4, "i": 2, "N": 3}
    config_file = "hparams.json"
    config: ClassVar = {"n_vocab": 7, "n_ctx": 3, "n_embd": 4, "n_head": 2, "n_layer": 2}


@pytest.fixture
def arrays() -> dict[str, Any]:
    return synthetic_arrays(FAMILY, "GPT2LMHeadModel", SIZES)


def released_folder(folder: Path, arrays: Mapping[str, Any], hparams: Mapping[str, Any] | None = HPARAMS) -> Path:
    """A folder as OpenAI released them, but for the vocabulary."""
    folder.mkdir(exist_ok=True)
    write_bundle(folder / "model.ckpt", arrays)
    (folder / "checkpoint").write_text(
        'model_checkpoint_path: "model.ckpt"\nall_model_checkpoint_paths: "model.ckpt"\n'
    )
    if hparams is not None:
        (folder / "hparams.json").write_text(json.dumps(hparams))
    return folder


def converted(source: Path, target: Path, model: str = "GPT2LMHeadModel", **options: Any) -> tuple[Any, Any]:
    report = convert_checkpoint(source, target, "gpt2", **options)
    loaded, info = getattr(transformers, model).from_pretrained(target, output_loading_info=True)
    assert not any(info.values())
    return report, loaded


def test_the_map_is_the_originals_list_of_variables(arrays: dict[str, Any]) -> None:
    assert len(arrays) == 12 * SIZES["i"] + 4
    assert {name: array.shape for name, array in arrays.items() if "/h10/" in name or "/h" not in name} == {
        "model/wte": (7, 2),
        "model/wpe": (1, 2),
        "model/h10/ln_1/g": (2,),
        "model/h10/ln_1/b": (2,),
        "model/h10/attn/c_attn/w": (1, 2, 6),
        "model/h10/attn/c_attn/b": (6,),
        "model/h10/attn/c_proj/w": (1, 2, 2),
        "model/h10/attn/c_proj/b": (2,),
        "model/h10/ln_2/g": (2,),
        "model/h10/ln_2/b": (2,),
        "model/h10/mlp/c_fc/w": (1, 2, 8),
        "model/h10/mlp/c_fc/b": (8,),
        "model/h10/mlp/c_proj/w": (1, 8, 2),
        "model/h10/mlp/c_proj/b": (2,),
        "model/ln_f/g": (2,),
        "model/ln_f/b": (2,),
    }


@pytest.mark.parametrize("architecture", [None, "GPT2LMHeadModel", "GPT2Model"])
def test_every_weight_arrives(arrays: dict[str, Any], tmp_path: Path, architecture: str | None) -> None:
    source = released_folder(tmp_path / "source", arrays)
    _, model = converted(source, tmp_path / "model", architecture or "GPT2LMHeadModel", architecture=architecture)
    state = model.base_model.state_dict()
    assert len(state) == len(arrays)
    for layer in range(11):
        weight = arrays[f"model/h{layer}/attn/c_attn/w"]
        assert np.array_equal(state[f"h.{layer}.attn.c_attn.weight"].numpy(), weight[0])
        assert np.array_equal(state[f"h.{layer}.ln_2.weight"].numpy(), arrays[f"model/h{layer}/ln_2/g"])
    assert np.array_equal(state["wte.weight"].numpy(), arrays["model/wte"])
    assert (model.config.n_layer, model.config.n_head, model.config.n_positions) == (11, 2, 1)
    assert (model.config.bos_token_id, model.config.eos_token_id) == (None, None)


def test_the_vocabulary_says_how_a_text_ends(arrays: dict[str, Any], tmp_path: Path) -> None:
    source = released_folder(tmp_path / "source", arrays)
    vocabulary = {token: index for index, token in enumerate(("a", "b", "ab", "c", "d", "e", "<|endoftext|>"))}
    (source / "encoder.json").write_text(json.dumps(vocabulary))
    (source / "vocab.bpe").write_text("#version: 0.2\na b\n")
    _, model = converted(source, tmp_path / "model")
    assert (model.config.bos_token_id, model.config.eos_token_id) == (6, 6)
    assert model.generation_config.eos_token_id == 6


def test_fine_tuned_checkpoints_leave_their_training_behind(arrays: dict[str, Any], tmp_path: Path) -> None:
    """As forks write them: names with steps, slots, a path of another machine, no hyper-parameters beside them."""
    run = tmp_path / "run1"
    run.mkdir()
    state = {f"train/{name}": np.zeros(2, np.float32) for name in ("learning_rate", "steps")}
    write_bundle(run / "model-1000", {**with_training_state(arrays), **state, "Variable_1": np.zeros(3, np.float32)})
    (run / "checkpoint").write_text('model_checkpoint_path: "/home/someone/gpt-2/checkpoint/run1/model-1000"\n')
    (run / "counter").write_text("1001\n")
    (tmp_path / "hparams.json").write_text(json.dumps(HPARAMS))
    report, model = converted(run, tmp_path / "model", config=tmp_path / "hparams.json")
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    skipped = {name for names in report.skipped.values() for name in names}
    assert {"model/wte/Adam", "beta1_power", "global_step", "Variable_1", "train/steps"} <= skipped
    assert skipped.isdisjoint(arrays)


@pytest.mark.parametrize(
    ("name", "value", "seen"),
    [("n_layer", 12, "11"), ("n_layer", 10, "11"), ("n_embd", 3, "2"), ("n_vocab", 50257, "7"), ("n_ctx", 1024, "1")],
)
def test_hyper_parameters_that_contradict_the_tensors_are_refused(
    arrays: dict[str, Any], tmp_path: Path, name: str, value: int, seen: str
) -> None:
    source = released_folder(tmp_path / "source", arrays, {**HPARAMS, name: value})
    with pytest.raises(UserError, match=rf"{name}\b.*{value}.*{seen}"):
        convert_checkpoint(source, tmp_path / "model", "gpt2")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("hparams", [None, {key: value for key, value in HPARAMS.items() if key != "n_head"}])
def test_the_number_of_heads_is_not_guessed(
    arrays: dict[str, Any], tmp_path: Path, hparams: Mapping[str, int] | None
) -> None:
    source = released_folder(tmp_path / "source", arrays, hparams)
    with pytest.raises(UserError, match="n_head"):
        convert_checkpoint(source, tmp_path / "model", "gpt2")
    _, model = converted(source, tmp_path / "model", config={"n_head": 1})
    assert (model.config.n_head, model.config.n_layer) == (1, 11)


def test_heads_that_do_not_divide_the_width_are_refused(arrays: dict[str, Any], tmp_path: Path) -> None:
    source = released_folder(tmp_path / "source", arrays, {**HPARAMS, "n_head": 3})
    with pytest.raises(UserError, match="n_head"):
        convert_checkpoint(source, tmp_path / "model", "gpt2")


def test_a_variable_that_is_missing_and_one_too_many_are_named_together(arrays: dict[str, Any], tmp_path: Path) -> None:
    del arrays["model/h3/mlp/c_fc/b"]
    arrays["model/h3/mlp/c_fc/bias"] = np.zeros(8, np.float32)
    source = released_folder(tmp_path / "source", arrays)
    with pytest.raises(UserError) as error:
        convert_checkpoint(source, tmp_path / "model", "gpt2")
    assert "model/h3/mlp/c_fc/b is missing" in str(error.value)
    assert "model/h3/mlp/c_fc/bias is not" in str(error.value)


def test_a_layer_that_is_missing_in_between_is_an_error(arrays: dict[str, Any], tmp_path: Path) -> None:
    source = released_folder(tmp_path / "source", {name: a for name, a in arrays.items() if "/h5/" not in name})
    with pytest.raises(UserError, match="h5"):
        convert_checkpoint(source, tmp_path / "model", "gpt2")


def test_released_models_are_known_by_their_shapes() -> None:
    known = {(model.sizes["E"], model.sizes["i"]): model.fields["n_head"] for model in FAMILY.released}
    assert known == {(768, 12): 12, (1024, 24): 16, (1280, 36): 20, (1600, 48): 25}


def test_the_original_is_loaded_without_converting_it(arrays: dict[str, Any], tmp_path: Path) -> None:
    source = released_folder(tmp_path / "source", arrays)
    direct = transformers.GPT2LMHeadModel.from_pretrained(source / "model.ckpt.index")
    _, model = converted(source, tmp_path / "model")
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in direct.state_dict().items())
