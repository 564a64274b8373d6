from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from transformers.checkpoints import Variable, open_checkpoint
from transformers.checkpoints.torch_file_writer import write_torch_file

ARRAYS = {
    "model/matrix": np.arange(6, dtype=np.float32).reshape(2, 3),
    "model/vector": np.array([np.nan, -0.0], np.float32),
    "model/nothing": np.zeros((0, 2), np.float32),
    "other/scalar": np.array(0.5, np.float32),
}
REST = {"params": {"n": 3, "steps": [("en", None)], "names": {0: "en"}}, "epoch": 4}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    tensors = [
        (Variable(name, array.shape, "float32"), lambda array=array: np.array_split(array.reshape(-1), 2))
        for name, array in ARRAYS.items()
    ]
    write_torch_file(tmp_path / "model.pth", tensors, REST, {"model/copy": "model/matrix"})
    return tmp_path / "model.pth"


def test_pytorch_reads_it_without_trusting_it(path: Path) -> None:
    found = torch.load(path, weights_only=True)

    assert {name: found[name] for name in REST} == REST
    assert list(found["model"]) == ["copy", "matrix", "nothing", "vector"]
    for name, array in ARRAYS.items():
        scope, key = name.split("/")
        tensor = found[scope][key]
        assert tensor.is_contiguous()
        assert np.array_equal(tensor.numpy(), array, equal_nan=True)
        assert tensor.shape == array.shape
    assert found["model"]["copy"].data_ptr() == found["model"]["matrix"].data_ptr()


def test_so_does_our_reader(path: Path) -> None:
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.format == "PyTorch file of the legacy layout"
        assert checkpoint.metadata == REST
        assert checkpoint.variables.keys() == {*ARRAYS, "model/copy"}
        for name, array in ARRAYS.items():
            assert checkpoint.read(name).tobytes() == array.tobytes()


def test_an_existing_file_is_not_replaced(path: Path) -> None:
    before = path.read_bytes()

    with pytest.raises(FileExistsError):
        write_torch_file(path, [], {}, {})

    assert path.read_bytes() == before


def test_values_of_another_type_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="model/a should be float32, a piece of it is float64"):
        write_torch_file(tmp_path / "m.pth", [(Variable("model/a", (2,), "float32"), lambda: [np.zeros(2)])], {}, {})
