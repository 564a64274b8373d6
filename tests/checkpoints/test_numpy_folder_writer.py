from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers.checkpoints import Variable, open_checkpoint
from transformers.checkpoints.numpy_folder_writer import numpy_folder_names, write_numpy_folder


@given(st.lists(st.lists(st.integers(1, 5), max_size=3).map(tuple), min_size=1, max_size=12))
def test_what_is_written_is_read_back(shapes: list[tuple[int, ...]]) -> None:
    generator = np.random.default_rng(0)
    arrays = [generator.standard_normal(shape).astype(np.float32) for shape in shapes]
    variables = [Variable(f"v{number}", shape, "float32") for number, shape in enumerate(shapes)]
    with TemporaryDirectory() as folder:
        write_numpy_folder(
            Path(folder),
            [(variable, lambda i=i: np.array_split(arrays[i].reshape(-1), 2)) for i, variable in enumerate(variables)],  # type: ignore[misc]
        )

        assert {path.name for path in Path(folder).iterdir()} == set(numpy_folder_names())
        with open_checkpoint(folder) as checkpoint:
            found = [checkpoint.read(name) for name in checkpoint.variables]
            assert all(np.array_equal(one, other) for one, other in zip(found, arrays, strict=True))


def test_values_of_another_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"v should be \[2\]: 2 values, not 3"):
        write_numpy_folder(tmp_path, [(Variable("v", (2,), "float32"), lambda: [np.zeros(3, np.float32)])])


def test_files_that_exist_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "params_3.npy").write_text("mine")

    with pytest.raises(FileExistsError):
        write_numpy_folder(tmp_path, [(Variable("v", (2,), "float32"), lambda: [np.zeros(2, np.float32)])])

    assert (tmp_path / "params_3.npy").read_text() == "mine"
