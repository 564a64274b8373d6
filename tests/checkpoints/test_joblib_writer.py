from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from transformers.checkpoints import Variable, open_checkpoint
from transformers.checkpoints.joblib_writer import write_array_list

ARRAYS = [
    np.arange(6, dtype=np.float32).reshape(1, 2, 3),
    np.array(0.5, np.float32),
    *(np.full(number % 3, number, np.float32) for number in range(1100)),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    tensors = [
        (Variable("any", array.shape, "float32"), lambda array=array: np.array_split(array.reshape(-1), 2))
        for array in ARRAYS
    ]
    write_array_list(tmp_path / "best_params.jl", tensors)
    return tmp_path / "best_params.jl"


def test_joblib_reads_it(path: Path) -> None:
    found = pytest.importorskip("joblib").load(path)

    assert isinstance(found, list)
    for array, expected in zip(found, ARRAYS, strict=True):
        assert (array.dtype, array.shape) == (expected.dtype, expected.shape)
        assert np.array_equal(array, expected)


def test_so_does_our_reader(path: Path) -> None:
    with open_checkpoint(path.parent) as checkpoint:
        assert checkpoint.format == "list of arrays by joblib"
        found = [checkpoint.read(name) for name in checkpoint.variables]
        assert all(np.array_equal(one, other) for one, other in zip(found, ARRAYS, strict=True))


def test_an_existing_file_is_not_replaced(path: Path) -> None:
    with pytest.raises(FileExistsError):
        write_array_list(path, [])

    assert path.stat().st_size
