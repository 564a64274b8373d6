"""Models loaded, saved, tied, resized, copied: what every family inherits, on a model as small as can be."""

from __future__ import annotations

import copy
import gc
import json
import logging
import os
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from tests.shared.hub_server import Hub
from tests.shared.tiny_model import (
    TinyConfig,
    TinyForMaskedLM,
    TinyForSequenceClassification,
    TinyModel,
    TinyPreTrainedModel,
    same_state,
)
from transformers import PreTrainedModel, UserError
from transformers.errors import MissingFileError

IDS = torch.tensor([[1, 2, 3], [4, 5, 0]])
TINY_FILES = {"config.json", "model.safetensors"}


@pytest.fixture
def model() -> TinyForMaskedLM:
    torch.manual_seed(0)
    model = TinyForMaskedLM(TinyConfig())
    nn.init.normal_(model.cls.bias)
    return model.eval()


@pytest.fixture
def saved(model: TinyForMaskedLM, tmp_path: Path) -> Path:
    model.save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> None:
    """Changes the tensors of a saved model."""
    tensors = {name: tensor.clone() for name, tensor in load_file(folder / "model.safetensors").items()}
    save_file(change(tensors), folder / "model.safetensors")


# Saving and loading


def test_a_loaded_model_is_the_saved_one(model: TinyForMaskedLM, saved: Path) -> None:
    assert {path.name for path in saved.iterdir()} == TINY_FILES
    loaded, info = TinyForMaskedLM.from_pretrained(saved, output_loading_info=True)
    assert same_state(loaded, model)
    assert info == {"missing_keys": [], "unexpected_keys": [], "mismatched_keys": [], "error_msgs": []}
    assert torch.equal(loaded(IDS).logits, model(IDS).logits)
    assert not loaded.training
    assert loaded.name_or_path == str(saved)
    assert all(parameter.requires_grad for parameter in loaded.parameters())


def test_the_saved_config_says_how_to_rebuild_the_model(saved: Path) -> None:
    fields = json.loads((saved / "config.json").read_text())
    assert fields["architectures"] == ["TinyForMaskedLM"]
    assert fields["torch_dtype"] == "float32"
    assert fields["model_type"] == "tiny"


def test_saving_twice_gives_the_same_bytes(model: TinyForMaskedLM, saved: Path, tmp_path: Path) -> None:
    TinyForMaskedLM.from_pretrained(saved).save_pretrained(tmp_path / "again")
    for name in TINY_FILES:
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes()


def test_a_model_is_saved_onto_the_files_that_it_is_mapped_from(saved: Path) -> None:
    loaded = TinyForMaskedLM.from_pretrained(saved)
    with torch.no_grad():
        loaded.cls.bias.add_(1)
    loaded.save_pretrained(saved)
    assert same_state(TinyForMaskedLM.from_pretrained(saved), loaded)


def test_training_does_not_change_the_file_that_is_mapped(saved: Path) -> None:
    before = (saved / "model.safetensors").read_bytes()
    loaded = TinyForMaskedLM.from_pretrained(saved).train()
    optimizer = torch.optim.SGD(loaded.parameters(), lr=1.0)
    loaded(IDS).logits.square().sum().backward()
    optimizer.step()
    assert not same_state(loaded, TinyForMaskedLM.from_pretrained(saved))
    assert (saved / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize("collects", [True, False])
def test_the_garbage_collector_waits_until_a_model_is_loaded(
    saved: Path, monkeypatch: pytest.MonkeyPatch, collects: bool
) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(TinyForMaskedLM, "_init_weights", lambda *_: seen.append(gc.isenabled()))
    rewrite(saved, lambda tensors: {name: tensor for name, tensor in tensors.items() if "decoder" not in name})
    (gc.enable if collects else gc.disable)()
    try:
        TinyForMaskedLM.from_pretrained(saved, tie_word_embeddings=False)
        with pytest.raises(UserError):
            TinyForMaskedLM.from_pretrained(saved / "nowhere")
        assert gc.isenabled() is collects
    finally:
        gc.enable()
    assert seen
    assert not any(seen)


@pytest.mark.parametrize("suffix", [".safetensors", ".bin", ".pt", ".pth"])
def test_a_weight_file_is_loaded_by_its_path(model: TinyForMaskedLM, saved: Path, suffix: str) -> None:
    path = saved / f"mine{suffix}"
    if suffix == ".safetensors":
        (saved / "model.safetensors").rename(path)
    else:
        torch.save(model.state_dict(), path)
    assert same_state(TinyForMaskedLM.from_pretrained(path), model)


@pytest.mark.parametrize("zipped", [True, False])
def test_files_of_torch_save_are_loaded(model: TinyForMaskedLM, saved: Path, zipped: bool) -> None:
    (saved / "model.safetensors").unlink()
    torch.save(model.state_dict(), saved / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    loaded, info = TinyForMaskedLM.from_pretrained(saved, output_loading_info=True)
    assert same_state(loaded, model)
    assert not info["unexpected_keys"]


def test_safetensors_come_first(model: TinyForMaskedLM, saved: Path) -> None:
    torch.save(
        {name: torch.zeros_like(tensor) for name, tensor in model.state_dict().items()}, saved / "pytorch_model.bin"
    )
    assert same_state(TinyForMaskedLM.from_pretrained(saved), model)
    assert not TinyForMaskedLM.from_pretrained(saved, use_safetensors=False).cls.bias.any()
    (saved / "model.safetensors").unlink()
    with pytest.raises(MissingFileError, match=r"has no model\.safetensors"):
        TinyForMaskedLM.from_pretrained(saved, use_safetensors=True)


@pytest.mark.parametrize("safe", [True, False])
@pytest.mark.parametrize("variant", [None, "fp16"])
def test_shards(model: TinyForMaskedLM, tmp_path: Path, safe: bool, variant: str | None) -> None:
    arguments: dict[str, Any] = {"safe_serialization": safe, "variant": variant}
    model.save_pretrained(tmp_path, max_shard_size=300, **arguments)
    index = next(tmp_path.glob("*.index*.json"))
    assert ("fp16" in index.name) == bool(variant)
    content = json.loads(index.read_text())
    shards = set(content["weight_map"].values())
    assert len(shards) > 1
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", index.name, *shards}
    assert content["metadata"]["total_size"] == sum(parameter.nbytes for parameter in model.parameters())
    assert same_state(TinyForMaskedLM.from_pretrained(tmp_path, variant=variant), model)

    model.save_pretrained(tmp_path, **arguments)
    assert len(list(tmp_path.iterdir())) == 2, "the shards are gone when one file takes their place"
    assert same_state(TinyForMaskedLM.from_pretrained(tmp_path, variant=variant), model)


def test_variants_stand_beside_each_other(model: TinyForMaskedLM, saved: Path) -> None:
    copy.deepcopy(model).half().save_pretrained(saved, variant="fp16")
    assert (saved / "model.fp16.safetensors").is_file()
    assert same_state(TinyForMaskedLM.from_pretrained(saved), model)
    assert TinyForMaskedLM.from_pretrained(saved, variant="fp16", dtype="auto").dtype is torch.float16
    with pytest.raises(MissingFileError, match=r"none of model\.bf16\.safetensors, pytorch_model\.bf16\.bin"):
        TinyForMaskedLM.from_pretrained(saved, variant="bf16")


def test_what_is_saved_last_is_what_is_loaded(model: TinyForMaskedLM, saved: Path) -> None:
    other = TinyForMaskedLM(TinyConfig())
    other.save_pretrained(saved, safe_serialization=False)
    assert same_state(TinyForMaskedLM.from_pretrained(saved), other)
    assert not (saved / "model.safetensors").exists()
    model.save_pretrained(saved)
    assert same_state(TinyForMaskedLM.from_pretrained(saved), model)
    assert (saved / "pytorch_model.bin").is_file(), "nobody loads it in preference: it is left alone"


def test_only_the_main_process_saves(model: TinyForMaskedLM, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "not", is_main_process=False)
    assert not (tmp_path / "not").exists()


def test_given_tensors_are_saved_instead_of_the_models(model: TinyForMaskedLM, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path, state_dict={name: tensor + 1 for name, tensor in model.state_dict().items()})
    assert torch.equal(TinyForMaskedLM.from_pretrained(tmp_path).cls.bias, model.cls.bias + 1)


def test_a_failed_save_leaves_the_old_weights(
    model: TinyForMaskedLM, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left")

    before = (saved / "model.safetensors").read_bytes()
    monkeypatch.setattr("transformers.modeling_files.save_file", fail)
    with pytest.raises(OSError, match="no space left"):
        model.save_pretrained(saved)
    assert (saved / "model.safetensors").read_bytes() == before
    assert {path.name for path in saved.iterdir()} == TINY_FILES


def test_push_to_hub_uploads_what_would_be_saved(
    model: TinyForMaskedLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads: list[tuple[str, set[str]]] = []

    def upload(folder: str, repo_id: str, commit: object, **_: object) -> str:
        uploads.append((repo_id, {path.name for path in Path(folder).iterdir()}))
        return "address"

    monkeypatch.setattr("transformers.hub.upload_folder", upload)
    assert model.push_to_hub("me/tiny") == "address"
    model.save_pretrained(tmp_path / "name", push_to_hub=True)
    assert uploads == [("me/tiny", TINY_FILES), ("name", TINY_FILES)]


# From the hub


def test_a_model_from_the_hub(model: TinyForMaskedLM, hub: Hub, hub_folder: Path) -> None:
    model.save_pretrained(hub_folder)
    assert same_state(TinyForMaskedLM.from_pretrained("someone/model"), model)
    hub.requests.clear()
    assert same_state(TinyForMaskedLM.from_pretrained("someone/model", local_files_only=True), model)
    assert not hub.requests


def test_every_file_is_asked_for_as_the_user_says(
    model: TinyForMaskedLM, hub: Hub, hub_folder: Path, tmp_path: Path
) -> None:
    hub.repositories["someone/model"].revisions = {"v1": hub_folder}
    hub.repositories["someone/model"].token = "hf_secret"
    model.save_pretrained(hub_folder / "inner", max_shard_size=300, safe_serialization=False, variant="fp16")
    where: dict[str, Any] = {"revision": "v1", "subfolder": "inner", "token": "hf_secret", "cache_dir": tmp_path / "c"}
    assert same_state(TinyForMaskedLM.from_pretrained("someone/model", variant="fp16", **where), model)
    fetched = hub.downloads()
    assert sorted(fetched) == sorted(f"v1/inner/{path.name}" for path in (hub_folder / "inner").iterdir())
    TinyForMaskedLM.from_pretrained("someone/model", variant="fp16", force_download=True, **where)
    assert sorted(hub.downloads()) == sorted(2 * fetched)


def test_a_repository_without_weights(hub: Hub, hub_folder: Path) -> None:
    TinyConfig().save_pretrained(hub_folder)
    with pytest.raises(MissingFileError, match=r"none of model\.safetensors, pytorch_model\.bin on the hub"):
        TinyModel.from_pretrained("someone/model")


# Which tensor is which


def test_a_base_model_from_a_model_with_a_head_and_back(model: TinyForMaskedLM, saved: Path, tmp_path: Path) -> None:
    base, info = TinyModel.from_pretrained(saved, add_pooler=False, output_loading_info=True)
    assert same_state(base, model.tiny)
    assert info["unexpected_keys"] == ["cls.bias"]
    base.save_pretrained(tmp_path / "base")
    back, info = TinyForMaskedLM.from_pretrained(tmp_path / "base", output_loading_info=True)
    assert same_state(back.tiny, model.tiny)
    assert info["missing_keys"] == ["cls.bias"]
    assert back.cls.decoder.weight is back.tiny.embeddings.weight


def old_spelling(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    def old(name: str) -> str:
        return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")

    return {old(name): tensor for name, tensor in tensors.items()}


def without_prefix(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix("tiny."): tensor for name, tensor in tensors.items()}


def of_data_parallel(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"module.{name}": tensor for name, tensor in tensors.items()}


def with_old_buffers(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {**tensors, "tiny.embeddings.position_ids": torch.arange(3)}


def with_tied_twice(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    tied = {"cls.decoder.weight": "tiny.embeddings.weight", "cls.decoder.bias": "cls.bias"}
    return {**tensors, **{name: tensors[key].clone() for name, key in tied.items()}}


def with_tied_under_the_other_name(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    other = {"tiny.embeddings.weight": "cls.decoder.weight", "cls.bias": "cls.decoder.bias"}
    return {other.get(name, name): tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize(
    "change",
    [
        old_spelling,
        without_prefix,
        lambda tensors: old_spelling(without_prefix(tensors)),
        lambda tensors: of_data_parallel(old_spelling(tensors)),
        with_old_buffers,
        with_tied_twice,
        with_tied_under_the_other_name,
    ],
)
def test_other_spellings(
    model: TinyForMaskedLM, saved: Path, change: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    rewrite(saved, change)
    loaded, info = TinyForMaskedLM.from_pretrained(saved, output_loading_info=True)
    assert same_state(loaded, model)
    assert not any(info.values())
    assert not caplog.text


def test_other_values_for_what_is_tied_are_told(
    model: TinyForMaskedLM, saved: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rewrite(saved, lambda tensors: {**tensors, "cls.decoder.weight": tensors["tiny.embeddings.weight"] + 1})
    assert same_state(TinyForMaskedLM.from_pretrained(saved), model)
    assert "cls.decoder.weight (differs from tiny.embeddings.weight)" in caplog.text


def test_what_shares_memory_in_a_file_is_apart_in_a_model_where_it_is_not_tied(
    model: TinyForMaskedLM, saved: Path
) -> None:
    torch.save(model.state_dict(), saved / "tied.bin")
    untied = TinyForMaskedLM.from_pretrained(saved / "tied.bin", tie_word_embeddings=False)
    assert torch.equal(untied.cls.decoder.weight, untied.tiny.embeddings.weight)
    with torch.no_grad():
        untied.cls.decoder.weight.zero_()
    assert untied.tiny.embeddings.weight.any()


def test_integers_stored_for_a_parameter_are_cast(saved: Path) -> None:
    rewrite(saved, lambda tensors: {**tensors, "cls.bias": torch.arange(len(tensors["cls.bias"]))})
    bias = TinyForMaskedLM.from_pretrained(saved, dtype=torch.float16).cls.bias
    assert torch.equal(bias, torch.arange(len(bias)).half())


def test_untied_heads_are_saved_and_loaded_for_themselves(tmp_path: Path) -> None:
    model = TinyForMaskedLM(TinyConfig(tie_word_embeddings=False))
    assert model.cls.decoder.weight is not model.tiny.embeddings.weight
    assert model.cls.decoder.bias is model.cls.bias, "a bias is no word embedding"
    model.save_pretrained(tmp_path)
    loaded = TinyForMaskedLM.from_pretrained(tmp_path)
    assert same_state(loaded, model)
    assert loaded.cls.decoder.weight is not loaded.tiny.embeddings.weight


def test_only_a_new_head_is_initialised_and_the_log_says_so(
    model: TinyForMaskedLM, saved: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loaded = TinyForSequenceClassification.from_pretrained(saved, num_labels=5)
    assert loaded.classifier.weight.shape == (5, 4)
    assert 0 < loaded.classifier.weight.abs().max() < 0.2
    assert not loaded.classifier.bias.any()
    assert torch.equal(loaded.tiny.embeddings.weight, model.tiny.embeddings.weight)
    new = "tiny.pooler.weight, tiny.pooler.bias, classifier.weight, classifier.bias"
    assert "\n".join(caplog.messages).splitlines() == [
        f"TinyForSequenceClassification was loaded from {saved}:",
        f"  newly initialised, because it has no values for them: {new}",
        "  not used, because TinyForSequenceClassification has no place for them: cls.bias",
        "Train the model before you use what is newly initialised.",
    ]


def test_what_is_loaded_survives_the_initialisation_of_its_neighbours(model: TinyForMaskedLM, saved: Path) -> None:
    rewrite(
        saved, lambda tensors: {name: tensor for name, tensor in tensors.items() if not name.endswith("0.dense.bias")}
    )
    loaded, info = TinyForMaskedLM.from_pretrained(saved, output_loading_info=True)
    assert info["missing_keys"] == ["tiny.encoder.layer.0.dense.bias"]
    ours, theirs = loaded.tiny.encoder.layer[0], model.tiny.encoder.layer[0]
    assert torch.equal(ours.dense.weight, theirs.dense.weight)
    assert not ours.dense.bias.any()


def test_new_layers_get_the_values_of_a_new_model(saved: Path) -> None:
    loaded = TinyForMaskedLM.from_pretrained(saved, n_layer=3)
    new = loaded.tiny.encoder.layer[2]
    assert torch.equal(new.LayerNorm.weight, torch.ones(4))
    assert 0 < new.dense.weight.std() < 0.1


def test_a_new_tied_head_is_initialised_once(model: TinyForMaskedLM, saved: Path) -> None:
    rewrite(saved, lambda tensors: {name: tensor for name, tensor in tensors.items() if name != "cls.bias"})
    loaded = TinyForMaskedLM.from_pretrained(saved)
    assert loaded.cls.decoder.bias is loaded.cls.bias
    assert not loaded.cls.bias.any()


def test_other_shapes_are_an_error_that_lists_them_all(saved: Path) -> None:
    with pytest.raises(UserError) as refused:
        TinyForMaskedLM.from_pretrained(saved, vocab_size=12)
    assert str(refused.value).splitlines() == [
        f"{saved} does not fit TinyForMaskedLM:",
        "  tiny.embeddings.weight is stored as [11, 4], but is [12, 4] here",
        "  cls.bias is stored as [11], but is [12] here",
        "Correct the configuration, or initialise these anew with ignore_mismatched_sizes=True.",
    ]


def test_other_shapes_are_initialised_if_the_user_says_so(saved: Path, caplog: pytest.LogCaptureFixture) -> None:
    loaded, info = TinyForMaskedLM.from_pretrained(
        saved, vocab_size=12, ignore_mismatched_sizes=True, output_loading_info=True
    )
    assert info["mismatched_keys"] == [("tiny.embeddings.weight", (11, 4), (12, 4)), ("cls.bias", (11,), (12,))]
    assert info["missing_keys"] == []
    assert "tiny.embeddings.weight (stored [11, 4], here [12, 4])" in caplog.text
    assert loaded(IDS).logits.shape == (2, 3, 12)
    assert loaded.cls.decoder.weight is loaded.tiny.embeddings.weight


def test_a_file_of_which_nothing_fits_is_refused(saved: Path) -> None:
    save_file({"some.weight": torch.ones(1)}, saved / "model.safetensors")
    with pytest.raises(UserError, match=r"Nothing in .* fits TinyModel:\n  it has some\.weight"):
        TinyModel.from_pretrained(saved)


def test_long_lists_are_cut_short(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    TinyModel(TinyConfig(n_layer=1)).save_pretrained(tmp_path)
    TinyModel.from_pretrained(tmp_path, n_layer=9)
    assert "encoder.layer.1.dense.weight, " in caplog.text
    assert " and 12 more" in caplog.text
    assert "encoder.layer.8" not in caplog.text


class TinyWithBuffers(TinyModel):
    def __init__(self, config: TinyConfig) -> None:
        super().__init__(config, add_pooler=False)
        self.register_buffer("scale", torch.ones(2))
        self.register_buffer("scratch", None, persistent=False)


def test_buffers_are_stored_loaded_and_cast_like_parameters(tmp_path: Path) -> None:
    model = TinyWithBuffers(TinyConfig())
    model.scale.fill_(3)
    model.save_pretrained(tmp_path)
    loaded, info = TinyWithBuffers.from_pretrained(tmp_path, dtype=torch.float16, output_loading_info=True)
    assert loaded.scale.tolist() == [3, 3]
    assert loaded.scale.dtype is torch.float16
    assert not isinstance(loaded.scale, nn.Parameter)
    assert not any(info.values())


# Arguments


def test_config_as_object_path_and_overridden(saved: Path, tmp_path: Path) -> None:
    config = TinyConfig(mem_len=5)
    loaded = TinyModel.from_pretrained(saved, config=config)
    assert loaded.config.mem_len == 5
    assert loaded.config is not config, "a model does not change the user's configuration"
    assert (config.name_or_path, config.dtype) == ("", None)
    assert TinyModel.from_pretrained(saved, config=config, mem_len=6, num_labels=4).config.mem_len == 6
    config.save_pretrained(tmp_path / "config")
    for place in (tmp_path / "config", str(tmp_path / "config" / "config.json")):
        assert TinyModel.from_pretrained(saved, config=place).config.mem_len == 5
    assert TinyModel.from_pretrained(saved, mem_len=7, output_attentions=True).config.output_attentions


def test_a_given_state_dict(model: TinyForMaskedLM, saved: Path) -> None:
    given = {name: tensor + 1 for name, tensor in model.state_dict().items()}
    loaded = TinyForMaskedLM.from_pretrained(saved, state_dict=given)
    assert torch.equal(loaded.cls.bias, model.cls.bias + 1)
    assert loaded.cls.bias.data_ptr() != given["cls.bias"].data_ptr()
    assert same_state(TinyForMaskedLM.from_pretrained(None, config=model.config, state_dict=model.state_dict()), model)


@pytest.mark.parametrize("name", ["dtype", "torch_dtype"])
@pytest.mark.parametrize("dtype", ["float16", torch.float16])
def test_dtype(saved: Path, name: str, dtype: str | torch.dtype) -> None:
    loaded = TinyForSequenceClassification.from_pretrained(saved, **{name: dtype})
    assert {tensor.dtype for tensor in loaded.state_dict().values()} == {torch.float16}
    assert (loaded.dtype, loaded.config.torch_dtype) == (torch.float16, "float16")


def test_dtype_auto(model: TinyForMaskedLM, tmp_path: Path) -> None:
    model.to(torch.bfloat16).save_pretrained(tmp_path)
    assert TinyForMaskedLM.from_pretrained(tmp_path).dtype is torch.float32
    assert TinyForMaskedLM.from_pretrained(tmp_path, dtype="auto").dtype is torch.bfloat16
    TinyConfig().save_pretrained(tmp_path)
    assert TinyForMaskedLM.from_pretrained(tmp_path, torch_dtype="auto").dtype is torch.bfloat16


@pytest.mark.parametrize("dtype", ["int8", "float99", "nn"])
def test_a_dtype_that_is_none(saved: Path, dtype: str) -> None:
    with pytest.raises(UserError, match=f"dtype is '{dtype}', which is no floating-point type"):
        TinyModel.from_pretrained(saved, dtype=dtype)


def test_tensors_of_the_right_type_are_not_copied(saved: Path) -> None:
    loaded = TinyModel.from_pretrained(saved, add_pooler=False)
    mapped = [
        line.split() for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith(".safetensors")
    ]
    ranges = [tuple(int(end, 16) for end in fields[0].split("-")) for fields in mapped]
    for parameter in loaded.parameters():
        assert any(start <= parameter.data_ptr() < end for start, end in ranges)


def test_unknown_arguments_are_named(model: TinyForMaskedLM, saved: Path) -> None:
    for arguments in ({}, {"config": model.config}):
        with pytest.raises(TypeError, match="from_pretrained does not know bar, foo: no such field of TinyConfig"):
            TinyForMaskedLM.from_pretrained(saved, foo=1, bar=2, **arguments)
    with pytest.raises(TypeError, match="needs a name or path"):
        TinyModel.from_pretrained(None)
    with pytest.raises(TypeError, match=r"use TinyModel\.from_pretrained"):
        TinyModel("somewhere")  # type: ignore[arg-type]


# Bad files


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.safetensors", b"\x08\0\0\0\0\0\0\0nonsense", "damaged or not a safetensors file"),
        ("model.safetensors", b"", "damaged or not a safetensors file"),
        ("pytorch_model.bin", b"nonsense", "damaged"),
        ("pytorch_model.bin", b"", "damaged"),
        ("pytorch_model.bin", pickle.dumps({"a": threading.Thread}, protocol=2), "something else than tensors"),
        ("model.safetensors.index.json", b"{}", "is not an index of weight files"),
        ("model.safetensors.index.json", b'{"weight_map": {"a": "../x.safetensors"}}', "outside of its folder:\n  "),
        ("model.safetensors.index.json", b'{"weight_map": {"a": "1", "b": "2"}}', "does not have:\n  1\n  2"),
    ],
)
def test_bad_weight_files(saved: Path, name: str, content: bytes, message: str) -> None:
    (saved / "model.safetensors").unlink()
    (saved / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as refused:
        TinyModel.from_pretrained(saved)
    assert name in str(refused.value)


def test_no_code_in_a_pickle_is_run(saved: Path, tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "harm"),)

    (saved / "model.safetensors").unlink()
    for zipped in (True, False):
        torch.save({"a": Hostile()}, saved / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
        with pytest.raises(UserError, match="pickled objects are never loaded"):
            TinyModel.from_pretrained(saved)
    assert not (tmp_path / "harm").exists()


def test_a_checkpoint_of_a_trainer_is_no_state_dict(model: TinyForMaskedLM, saved: Path) -> None:
    torch.save({"model": model.state_dict(), "step": 3}, saved / "trained.pt")
    with pytest.raises(UserError, match="A state dict that is part of something else has to be saved by itself"):
        TinyForMaskedLM.from_pretrained(saved / "trained.pt")


def test_an_absent_model(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"has no config\.json"):
        TinyModel.from_pretrained(tmp_path)
    TinyConfig().save_pretrained(tmp_path)
    with pytest.raises(MissingFileError, match=r"has none of model\.safetensors, pytorch_model\.bin"):
        TinyModel.from_pretrained(tmp_path)


# Original checkpoints


@pytest.mark.parametrize(
    "name", ["model.ckpt", "model.ckpt.index", "model.ckpt-12", "model.ckpt.data-00000-of-00001", "folder", "prefix"]
)
def test_an_original_checkpoint_is_handed_over(
    model: TinyForMaskedLM, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "checkpoint").touch()
    (tmp_path / "prefix.index").touch()
    asked = []

    def load_original(*arguments: Any) -> tuple[TinyConfig, dict[str, torch.Tensor]]:
        asked.append(arguments)
        return TinyConfig(mem_len=2), dict(model.state_dict())

    from transformers.models.auto import original_checkpoints

    monkeypatch.setattr(original_checkpoints, "load_original", load_original)
    assert same_state(TinyForMaskedLM.from_pretrained(str(tmp_path / name), mem_len=2, config="c.json"), model)
    assert asked == [(tmp_path / name, "TinyForMaskedLM", "c.json", {"mem_len": 2}, "tiny")]
    with pytest.raises(TypeError, match="does not know foo"):
        TinyForMaskedLM.from_pretrained(str(tmp_path / name), foo=2)


def test_from_tf_takes_any_path_for_an_original_checkpoint(saved: Path) -> None:
    with pytest.raises(UserError, match=str(saved)):
        TinyModel.from_pretrained(saved, from_tf=True)


# Building


def test_loading_initialises_nothing(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: PreTrainedModel, module: nn.Module) -> None:
        raise AssertionError(f"{module} is initialised")

    monkeypatch.setattr(PreTrainedModel, "_init_weights", fail)
    state = torch.get_rng_state()
    TinyForMaskedLM.from_pretrained(saved)
    assert torch.equal(torch.get_rng_state(), state), "loading draws no random numbers"


def test_loading_in_one_thread_leaves_new_models_in_another_alone(saved: Path) -> None:
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            TinyForMaskedLM.from_pretrained(saved)

    loader = threading.Thread(target=load)
    loader.start()
    try:
        made = [TinyForMaskedLM(TinyConfig()) for _ in range(30)]
    finally:
        stop.set()
        loader.join()
    for model in made:
        assert model.device.type == "cpu"
        assert torch.equal(model.tiny.encoder.layer[0].LayerNorm.weight, torch.ones(4))


def test_a_new_model_is_initialised() -> None:
    torch.manual_seed(0)
    model = TinyForMaskedLM(TinyConfig(vocab_size=2000, initializer_range=0.5))
    weight = model.tiny.embeddings.weight
    assert abs(weight.std() - 0.5) < 0.02
    assert not weight[0].any(), "the row of the padding"
    before = weight.clone()
    model.init_weights()
    assert not torch.equal(model.tiny.embeddings.weight, before)


# Vocabulary


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("size", [8, 15])
def test_resize_token_embeddings(tied: bool, size: int, tmp_path: Path) -> None:
    model = TinyForMaskedLM(TinyConfig(tie_word_embeddings=tied))
    nn.init.normal_(model.cls.bias)
    words, scores, bias = (
        t.detach().clone() for t in (model.tiny.embeddings.weight, model.cls.decoder.weight, model.cls.bias)
    )
    embeddings = model.resize_token_embeddings(size)
    common = min(size, 11)
    assert embeddings is model.get_input_embeddings()
    assert (model.config.vocab_size, embeddings.num_embeddings, model.cls.decoder.out_features) == (size, size, size)
    assert torch.equal(embeddings.weight[:common], words[:common])
    assert torch.equal(model.cls.decoder.weight[:common], scores[:common])
    assert torch.equal(model.cls.bias[:common], bias[:common])
    assert (model.cls.decoder.weight is embeddings.weight) == tied
    assert model.cls.decoder.bias is model.cls.bias
    assert model(torch.tensor([[size - 1]])).logits.shape == (1, 1, size)
    assert embeddings.weight[11:].abs().max() < 0.2 if size > 11 else True
    model.save_pretrained(tmp_path)
    assert same_state(TinyForMaskedLM.from_pretrained(tmp_path), model)


def test_resize_pads_to_a_multiple(model: TinyForMaskedLM) -> None:
    assert model.resize_token_embeddings(pad_to_multiple_of=8).num_embeddings == 16
    assert model.resize_token_embeddings(17, pad_to_multiple_of=8).num_embeddings == 24
    with pytest.raises(UserError, match="cannot have -1 words"):
        model.resize_token_embeddings(-1)


def test_resizing_a_frozen_base_model_keeps_it_frozen() -> None:
    model = TinyModel(TinyConfig()).requires_grad_(False).half()
    model.resize_token_embeddings(12)
    assert not model.embeddings.weight.requires_grad
    assert model.embeddings.weight.dtype is torch.float16


def test_embeddings_are_got_and_set(model: TinyForMaskedLM) -> None:
    new = nn.Embedding(11, 4)
    model.set_input_embeddings(new)
    assert model.get_input_embeddings() is model.tiny.embeddings is new
    model.tie_weights()
    assert model.get_output_embeddings().weight is new.weight
    assert TinyModel(TinyConfig()).get_output_embeddings() is None


def test_a_model_without_word_embeddings_says_so() -> None:
    class Nameless(TinyPreTrainedModel):
        pass

    model = Nameless(TinyConfig())
    for call in (model.get_input_embeddings, lambda: model.set_input_embeddings(nn.Embedding(2, 2))):
        with pytest.raises(NotImplementedError, match="Nameless does not say where its word embeddings are"):
            call()
    with pytest.raises(NotImplementedError, match="has no layer that scores words"):
        model.set_output_embeddings(nn.Linear(2, 2))
    with pytest.raises(NotImplementedError, match="cannot prune"):
        model.prune_heads({0: [0]})
    assert model.config.pruned_heads == {}


def test_embeddings_of_another_kind_are_not_resized(model: TinyForMaskedLM) -> None:
    model.set_input_embeddings(nn.Linear(2, 2))
    with pytest.raises(UserError, match="TinyForMaskedLM cannot resize its vocabulary"):
        model.resize_token_embeddings(12)


# Heads


def test_pruned_heads_are_kept_through_save_and_load(model: TinyForMaskedLM, tmp_path: Path) -> None:
    model.prune_heads({0: [2], 1: [0, 1]})
    model.prune_heads({0: [3, 2]})
    assert model.config.pruned_heads == {0: [2, 3], 1: [0, 1]}
    model.save_pretrained(tmp_path)
    loaded = TinyForMaskedLM.from_pretrained(tmp_path)
    assert loaded.tiny.kept == model.tiny.kept == {0: [0, 1], 1: [2, 3]}
    assert loaded.config.pruned_heads == model.config.pruned_heads


# Gradient checkpointing


def test_gradient_checkpointing_computes_layers_again(model: TinyForMaskedLM) -> None:
    def calls_and_gradient() -> tuple[int, torch.Tensor]:
        layer = model.tiny.encoder.layer[0]
        layer.calls = 0
        model.zero_grad()
        model(IDS).logits.square().sum().backward()
        return layer.calls, model.tiny.embeddings.weight.grad.clone()

    model.train()
    plain = calls_and_gradient()
    model.gradient_checkpointing_enable()
    assert model.is_gradient_checkpointing
    again = calls_and_gradient()
    assert (plain[0], again[0]) == (1, 2)
    torch.testing.assert_close(again[1], plain[1])
    assert calls_and_gradient()[0] == 2
    model.eval()
    assert calls_and_gradient()[0] == 1, "not in inference"
    model.train().gradient_checkpointing_disable()
    assert calls_and_gradient()[0] == 1
    assert not model.is_gradient_checkpointing


def test_gradient_checkpointing_is_refused_where_it_does_nothing() -> None:
    class Unsupported(TinyModel):
        supports_gradient_checkpointing = False

    with pytest.raises(UserError, match="does not support gradient checkpointing"):
        Unsupported(TinyConfig()).gradient_checkpointing_enable()


# Small things


def test_counts(model: TinyForMaskedLM) -> None:
    embeddings, bias, layer = 11 * 4, 11, 4 * 4 + 4 + 8
    assert model.num_parameters() == embeddings + bias + 2 * layer
    assert model.num_parameters(exclude_embeddings=True) == bias + 2 * layer
    model.tiny.encoder.requires_grad_(False)
    assert model.num_parameters(only_trainable=True) == embeddings + bias
    assert model.get_memory_footprint() == 4 * model.num_parameters()
    model.register_buffer("extra", torch.zeros(3), persistent=False)
    assert model.get_memory_footprint() - model.get_memory_footprint(return_buffers=False) == 12


def test_base_model_device_and_dtype(model: TinyForMaskedLM) -> None:
    assert model.base_model is model.tiny
    assert model.tiny.base_model is model.tiny
    assert model.device == torch.device("cpu")
    assert model.to(torch.float64).dtype is torch.float64


def test_a_replica_of_data_parallel_knows_its_device(model: TinyForMaskedLM) -> None:
    replica = model._replicate_for_data_parallel()
    replica._former_parameters = dict(model.named_parameters())
    replica._modules, replica._parameters = {}, {}
    assert not list(replica.parameters())
    assert (replica.device, replica.dtype) == (model.device, torch.float32)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_are_equal_independent_and_tied(saved: Path, copied: Callable[[Any], Any]) -> None:
    model = TinyForMaskedLM.from_pretrained(saved)
    other = copied(model)
    assert same_state(other, model)
    assert other.cls.decoder.weight is other.tiny.embeddings.weight
    with torch.no_grad():
        other.cls.bias.add_(1)
    assert not same_state(other, model)


def test_the_state_dict_survives_torch_save(model: TinyForMaskedLM, saved: Path, tmp_path: Path) -> None:
    torch.save(TinyForMaskedLM.from_pretrained(saved).state_dict(), tmp_path / "x.pt")
    other = TinyForMaskedLM(TinyConfig())
    other.load_state_dict(torch.load(tmp_path / "x.pt", weights_only=True))
    assert same_state(other, model)


def test_a_wrapped_model_is_saved_and_loaded(model: TinyForMaskedLM, saved: Path, tmp_path: Path) -> None:
    wrapped = nn.DataParallel(model)
    assert torch.equal(wrapped(IDS).logits, model(IDS).logits)
    torch.save(wrapped.state_dict(), saved / "wrapped.bin")
    assert same_state(TinyForMaskedLM.from_pretrained(saved / "wrapped.bin"), model)
    wrapped.module.save_pretrained(tmp_path / "unwrapped")
    assert same_state(TinyForMaskedLM.from_pretrained(tmp_path / "unwrapped"), model)


def test_a_model_with_compiled_parts_is_saved_under_the_names_of_one_without(
    model: TinyForMaskedLM, saved: Path, tmp_path: Path
) -> None:
    whole = torch.compile(model, backend="eager")
    torch.save(whole.state_dict(), saved / "compiled.bin")
    assert same_state(TinyForMaskedLM.from_pretrained(saved / "compiled.bin"), model)
    expected = load_file(saved / "model.safetensors")
    model.tiny = torch.compile(model.tiny, backend="eager")
    model.save_pretrained(tmp_path / "parts")
    assert load_file(tmp_path / "parts/model.safetensors").keys() == expected.keys()


def test_tensors_that_share_memory_are_saved_each(model: TinyForMaskedLM, tmp_path: Path) -> None:
    whole = torch.randn(2, 4)
    first, second = model.tiny.encoder.layer[0], model.tiny.encoder.layer[1]
    first.dense.bias, second.dense.bias = nn.Parameter(whole[0]), nn.Parameter(whole[0])
    first.LayerNorm.bias = nn.Parameter(whole.T[:, 1])
    for safe in (True, False):
        model.save_pretrained(tmp_path, safe_serialization=safe)
        assert same_state(TinyForMaskedLM.from_pretrained(tmp_path), model)


def test_companions_are_saved_and_loaded(tmp_path: Path) -> None:
    class Noted:
        note = ""

        def _load_companions(self, find: Callable[[str], Path | None]) -> None:
            path = find("note.txt")
            self.note = path.read_text() if path else "none"

        def _save_companions(self, folder: Path) -> None:
            (folder / "note.txt").write_text(self.note)

    class WithNote(TinyModel, Noted):
        pass

    model = WithNote(TinyConfig())
    model.note = "hello"
    model.save_pretrained(tmp_path)
    assert WithNote.from_pretrained(tmp_path).note == "hello"
    assert WithNote.from_pretrained(tmp_path / "model.safetensors").note == "hello"
    (tmp_path / "note.txt").unlink()
    assert WithNote.from_pretrained(tmp_path).note == "none"


def test_loading_what_fits_is_silent(saved: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        TinyForMaskedLM.from_pretrained(saved)
    assert not caplog.text
