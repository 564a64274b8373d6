from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.shared.pickles import Call, Name, joblib_array, joblib_file, numpy_type, pickled

from transformers.checkpoints import CheckpointError, Variable, open_checkpoint

GOLDEN = Path(__file__).parents[1] / "fixtures" / "gpt" / "rocstories-finetuned" / "save" / "rocstories"

MATRIX = np.arange(6, dtype=np.float32).reshape(2, 3)
ARRAYS = [MATRIX, np.zeros((0, 2), np.float32), np.array(0.5), np.arange(3, dtype=np.int64), np.array([True, False])]


@pytest.fixture(params=["joblib", "old", "new"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file of the installed joblib, and files like those of older and newer versions."""
    path = tmp_path / "best_params.jl"
    if request.param == "joblib":
        pytest.importorskip("joblib").dump(ARRAYS, path)
    else:
        padding = None if request.param == "old" else 5
        path.write_bytes(joblib_file([joblib_array(array, padding=padding) for array in ARRAYS]))
    return path


def test_arrays_are_numbered(written: Path) -> None:
    with open_checkpoint(written) as checkpoint:
        assert checkpoint.format == "list of arrays by joblib"
        assert checkpoint.files == (written,)
        assert checkpoint.variables["0"] == Variable("0", (2, 3), "float32")
        assert [variable.dtype for variable in checkpoint.variables.values()] == [
            "float32",
            "float32",
            "float64",
            "int64",
            "bool",
        ]
        for name, array in zip(checkpoint.variables, ARRAYS, strict=True):
            values = checkpoint.read(name)
            assert values.dtype == array.dtype
            assert np.array_equal(values, array)
            assert not values.flags.writeable
        checkpoint.release()
        assert np.array_equal(checkpoint.read("0"), MATRIX)
    assert np.array_equal(values, ARRAYS[-1])  # after closing, too


def test_the_order_of_the_names_is_that_of_the_list(tmp_path: Path) -> None:
    (tmp_path / "m.jl").write_bytes(joblib_file([joblib_array(np.full(1, number)) for number in range(12)]))
    with open_checkpoint(tmp_path / "m.jl") as checkpoint:
        assert sorted(checkpoint.variables) == list(checkpoint.variables) == [f"{number:02}" for number in range(12)]
        assert [int(checkpoint.read(name)[0]) for name in checkpoint.variables] == list(range(12))


@pytest.mark.parametrize("padding", [None, 0, 15])
def test_fortran_order(padding: int | None, tmp_path: Path) -> None:
    (tmp_path / "m.jl").write_bytes(joblib_file([joblib_array(MATRIX, order="F", padding=padding)]))
    assert np.array_equal(open_checkpoint(tmp_path).read("0"), MATRIX)


@pytest.mark.parametrize("protocol", [3, 4, 5])
@given(
    shapes=st.lists(st.lists(st.integers(0, 5), max_size=4), min_size=1, max_size=5),
    fortran=st.booleans(),
)
def test_what_joblib_writes(
    tmp_path_factory: pytest.TempPathFactory, protocol: int, shapes: Any, fortran: bool
) -> None:
    joblib = pytest.importorskip("joblib")
    random = np.random.default_rng(0)
    arrays = [np.asarray(random.normal(size=shape), order="F" if fortran else "C") for shape in shapes]
    path = tmp_path_factory.mktemp("joblib") / "m.jl"
    joblib.dump(arrays, path, protocol=protocol)
    with open_checkpoint(path) as checkpoint:
        assert all(map(np.array_equal, arrays, map(checkpoint.read, checkpoint.variables)))


@pytest.mark.parametrize("name", ["", "best_params.jl"])
def test_a_file_of_the_fine_tuning_script(name: str) -> None:
    with open_checkpoint(GOLDEN / name) as checkpoint:
        assert len(checkpoint.variables) == 3 * 12 + 3
        assert checkpoint.variables["38"] == Variable("38", (1,), "float32")
        assert all(np.isfinite(checkpoint.read(name)).all() for name in checkpoint.variables)
    joblib = pytest.importorskip("joblib")
    with open_checkpoint(GOLDEN / name) as checkpoint:
        for variable, array in zip(checkpoint.variables, joblib.load(GOLDEN / "best_params.jl"), strict=True):
            assert np.array_equal(checkpoint.read(variable), array)


def test_the_file_is_not_copied_into_memory(tmp_path: Path) -> None:
    (tmp_path / "m.jl").write_bytes(joblib_file([joblib_array(MATRIX)]))
    values = open_checkpoint(tmp_path / "m.jl").read("0")
    base = values
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    assert isinstance(base, memoryview)


@pytest.mark.parametrize("compress", [("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
def test_compressed_files_are_refused(compress: tuple[str, int], tmp_path: Path) -> None:
    joblib = pytest.importorskip("joblib")
    joblib.dump([MATRIX], tmp_path / "m.jl", compress=compress)
    kind = {"bz2": "bzip2"}.get(compress[0], compress[0])
    with pytest.raises(CheckpointError, match=rf"(?s)m.jl is compressed with {kind}.*compress=0"):
        open_checkpoint(tmp_path / "m.jl")


def test_lists_of_other_things(tmp_path: Path) -> None:
    path = tmp_path / "m.jl"
    path.write_bytes(joblib_file([joblib_array(MATRIX), "text"]))  # type: ignore[list-item]
    with pytest.raises(CheckpointError, match="member 1 of its list is a value of the type str"):
        open_checkpoint(path)
    path.write_bytes(pickled({"weights": joblib_array(MATRIX)}))
    with pytest.raises(CheckpointError, match="it holds a value of the type dict, not a list of arrays"):
        open_checkpoint(path)
    path.write_bytes(joblib_file([Call(Name("joblib.numpy_pickle", "NumpyArrayWrapper"), (1,))]))
    with pytest.raises(CheckpointError, match="described"):
        open_checkpoint(path)
    path.write_bytes(joblib_file([Call(Name("joblib.numpy_pickle", "NumpyArrayWrapper"))]))
    with pytest.raises(CheckpointError, match="member 0"):
        open_checkpoint(path)


@pytest.mark.parametrize("kind", ["objects", "subclass", "two states", "shape", "cut", "padding"])
def test_arrays_that_cannot_be(kind: str, tmp_path: Path) -> None:
    array = joblib_array(MATRIX, padding=3)
    state, values = dict(array.state), array.values
    if kind == "objects":
        state["dtype"] = numpy_type("O8", "|")
    elif kind == "subclass":
        state["subclass"] = Name("numpy", "memmap")
    elif kind == "shape":
        state["shape"] = (2, -3)
    elif kind == "cut":
        values = values[:20]
    elif kind == "padding":
        values = b"\xff"
    call: Any = Call(array.function, (), state, values)
    data = joblib_file([call])
    if kind == "two states":
        data = pickled(call)[:-1] + pickled(state)[2:-1] + b"b."
    (tmp_path / "m.jl").write_bytes(data)
    with pytest.raises(CheckpointError, match="m.jl"):
        open_checkpoint(tmp_path / "m.jl")
