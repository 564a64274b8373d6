from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from tests.shared.pickles import joblib_array, joblib_file, legacy_torch_file, pickled, torch_tensor, zip_torch_file

from transformers.checkpoints import CheckpointError, open_checkpoint, write_bundle

WEIGHTS = {"0": np.zeros(3, np.float32)}
LEGACY = legacy_torch_file({"w": torch_tensor("0", (3,))}, WEIGHTS)
ZIP = zip_torch_file({"w": torch_tensor("0", (3,), legacy=False)}, WEIGHTS)
JOBLIB = joblib_file([joblib_array(WEIGHTS["0"])])


@pytest.mark.parametrize(
    ("data", "known"),
    [(LEGACY, "PyTorch file of the legacy layout"), (ZIP, "PyTorch file"), (JOBLIB, "list of arrays by joblib")],
)
@pytest.mark.parametrize("name", ["model.pth", "model.jl", "model"])
def test_files_are_known_by_their_contents(data: bytes, known: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with open_checkpoint(tmp_path / name) as checkpoint:
        assert checkpoint.format == known
        assert checkpoint.path == tmp_path / name
        assert checkpoint.files == (tmp_path / name,)


@pytest.mark.parametrize(("name", "data"), [("best.pth", LEGACY), ("best_params.jl", JOBLIB)])
def test_the_only_one_in_a_folder(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    (tmp_path / "notes.txt").write_text("-")
    with open_checkpoint(tmp_path) as checkpoint:
        assert checkpoint.files == (tmp_path / name,)


def test_several_in_a_folder(tmp_path: Path) -> None:
    for name in ("checkpoint.pth", "best.pth"):
        (tmp_path / name).write_bytes(LEGACY)
    with pytest.raises(CheckpointError, match="has 2 checkpoints") as caught:
        open_checkpoint(tmp_path)
    assert caught.value.problems == ("best.pth", "checkpoint.pth")


def test_tensorflow_comes_first(tmp_path: Path) -> None:
    (tmp_path / "old.pth").write_bytes(LEGACY)
    write_bundle(tmp_path / "model.ckpt", {"a": np.zeros(1)})
    assert open_checkpoint(tmp_path).format == "TensorFlow V2 bundle"


def test_folders_of_converted_models_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(ZIP)
    with pytest.raises(CheckpointError, match="There is no checkpoint in"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize("suffix", [".pkl", ".pth", ".jl", ""])
def test_other_pickles(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(pickled({"weights": [1, 2, 3]}))
    with pytest.raises(CheckpointError, match=f"{path} is no checkpoint that is known here: it is a Python pickle"):
        open_checkpoint(path)


def test_things_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pth")
    with pytest.raises(CheckpointError):
        open_checkpoint(tmp_path / "pipe.pth")
    with pytest.raises(CheckpointError, match="There is no checkpoint in"):
        open_checkpoint(tmp_path)
    with pytest.raises(CheckpointError):
        open_checkpoint("/dev/zero")
