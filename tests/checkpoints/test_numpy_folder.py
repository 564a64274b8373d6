from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers.checkpoints import CheckpointError, Variable, open_checkpoint

GOLDEN = Path(__file__).parents[1] / "fixtures" / "gpt" / "lm-small"

SHAPES = [[2, 3], [4], [], [1, 2, 1]]


def write(folder: Path, shapes: Any, pieces: Sequence[np.ndarray[Any, Any]]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "params_shapes.json").write_text(json.dumps(shapes))
    for number, piece in enumerate(pieces):
        np.save(folder / f"params_{number}.npy", piece)
    return folder


def cut(values: np.ndarray[Any, Any], places: Sequence[int]) -> list[np.ndarray[Any, Any]]:
    return np.split(values, sorted(places))


@pytest.fixture
def flat() -> np.ndarray[Any, Any]:
    return np.arange(13, dtype=np.float32)


class TestReading:
    @given(
        shapes=st.lists(st.lists(st.integers(0, 4), max_size=3), min_size=1, max_size=12),
        places=st.lists(st.integers(0, 40), max_size=12),
        dtype=st.sampled_from(["<f2", "<f4", "<f8", ">f4"]),
    )
    def test_however_it_is_cut(
        self, tmp_path_factory: pytest.TempPathFactory, shapes: list[list[int]], places: list[int], dtype: str
    ) -> None:
        arrays = [
            np.full(shape, number, dtype) + np.random.default_rng(0).random(shape)
            for number, shape in enumerate(shapes)
        ]
        arrays = [array.astype(dtype) for array in arrays]
        values = np.concatenate([array.ravel() for array in arrays])
        folder = write(tmp_path_factory.mktemp("folder"), shapes, cut(values, places))
        with open_checkpoint(folder) as checkpoint:
            assert [list(variable.shape) for variable in checkpoint.variables.values()] == shapes
            for name, array in zip(checkpoint.variables, arrays, strict=True):
                read = checkpoint.read(name)
                assert np.array_equal(read, array)
                assert not read.flags.writeable

    def test_numbers_are_names(self, tmp_path: Path, flat: np.ndarray[Any, Any]) -> None:
        pieces = cut(flat, range(1, 12))
        folder = write(tmp_path, SHAPES, pieces)
        with open_checkpoint(folder) as checkpoint:
            assert checkpoint.variables["0"] == Variable("0", (2, 3), "float32")
            assert list(checkpoint.variables) == ["0", "1", "2", "3"]
            # in the order of the numbers, not of the names: params_10 comes behind params_9
            assert (
                np.concatenate([checkpoint.read(name).ravel() for name in checkpoint.variables]).tolist()
                == flat.tolist()
            )
            assert [file.name for file in checkpoint.files[-3:]] == [f"params_{number}.npy" for number in (9, 10, 11)]
            assert checkpoint.files[0].name == "params_shapes.json"
            checkpoint.release()
            assert checkpoint.read("2") == 10

    def test_what_one_file_has_is_not_copied(self, tmp_path: Path, flat: np.ndarray[Any, Any]) -> None:
        with open_checkpoint(write(tmp_path, SHAPES, cut(flat, [8]))) as checkpoint:
            assert checkpoint.read("0").base is not None
            assert checkpoint.read("1").tolist() == [6, 7, 8, 9]

    @pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
    def test_versions_of_the_format(self, version: tuple[int, int], tmp_path: Path, flat: np.ndarray[Any, Any]) -> None:
        folder = write(tmp_path, SHAPES, [])
        with (folder / "params_0.npy").open("wb") as file:
            np.lib.format.write_array(file, flat, version)
        assert open_checkpoint(folder).read("1").tolist() == [6, 7, 8, 9]

    def test_headers_of_python_2(self, tmp_path: Path, flat: np.ndarray[Any, Any]) -> None:
        folder = write(tmp_path, SHAPES, [flat])
        path = folder / "params_0.npy"
        path.write_bytes(path.read_bytes().replace(b"(13,), }  ", b"(13L,), } "))
        assert b"13L" in path.read_bytes()
        assert open_checkpoint(folder).read("1").tolist() == [6, 7, 8, 9]

    @pytest.mark.parametrize("name", ["", "params_shapes.json", "params_7.npy"])
    def test_a_released_folder(self, name: str) -> None:
        with open_checkpoint(GOLDEN / name) as checkpoint:
            assert checkpoint.format == "NumPy arrays with a list of shapes"
            assert [list(variable.shape) for variable in checkpoint.variables.values()] == json.loads(
                (GOLDEN / "params_shapes.json").read_text()
            )
            whole = np.concatenate([np.load(GOLDEN / f"params_{number}.npy") for number in range(10)])
            parts = [checkpoint.read(name).ravel() for name in checkpoint.variables]
            assert np.array_equal(np.concatenate(parts), whole)


class TestRefusals:
    @pytest.mark.parametrize("size", [12, 14])
    def test_too_few_and_too_many_values(self, size: int, tmp_path: Path) -> None:
        write(tmp_path, SHAPES, cut(np.zeros(size, np.float32), [3]))
        with pytest.raises(CheckpointError, match=rf"(?s)4 shapes, which need 13 values.*params_1.npy hold {size}"):
            open_checkpoint(tmp_path)

    @pytest.mark.parametrize("named", ["", "params_0.npy"])
    def test_absent_shapes(self, named: str, tmp_path: Path, flat: np.ndarray[Any, Any]) -> None:
        folder = write(tmp_path / "model", SHAPES, [flat])
        (folder / "params_shapes.json").unlink()
        with pytest.raises(CheckpointError, match=r"params_shapes.json is absent"):
            open_checkpoint(folder / named)

    def test_absent_files(self, tmp_path: Path, flat: np.ndarray[Any, Any]) -> None:
        write(tmp_path, SHAPES, cut(flat, [3, 6]))
        (tmp_path / "params_1.npy").unlink()
        with pytest.raises(CheckpointError, match=r"params_1.npy is absent"):
            open_checkpoint(tmp_path)
        (tmp_path / "params_2.npy").rename(tmp_path / "params_999999999999.npy")
        with pytest.raises(CheckpointError, match=r"params_1.npy is absent"):
            open_checkpoint(tmp_path)

    def test_no_files(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match=r"params_0.npy is absent"):
            open_checkpoint(write(tmp_path, SHAPES, []))

    def test_several_data_types(self, tmp_path: Path, flat: np.ndarray[Any, Any]) -> None:
        write(tmp_path, SHAPES, [flat[:5], flat[5:].astype(np.float64)])
        with pytest.raises(
            CheckpointError, match=r"(?s)different data types.*params_0.npy: float32.*params_1.npy: float64"
        ):
            open_checkpoint(tmp_path)

    @pytest.mark.parametrize(
        "shapes",
        [
            "{",
            "[" * 100_000,
            "{}",
            "[]",
            "3",
            "[3]",
            "[[3.0]]",
            "[[true]]",
            "[[-1]]",
            '[["3"]]',
            "[[9223372036854775808]]",
            "[[" + "1," * 40 + "1]]",
            "[[4611686018427387904, 4611686018427387904]]",
            "[" + "9" * 5000 + "]",
            " " * (1 << 20) + "[]",
        ],
    )
    def test_shapes_that_cannot_be(self, shapes: str, tmp_path: Path, flat: np.ndarray[Any, Any]) -> None:
        write(tmp_path, SHAPES, [flat])
        (tmp_path / "params_shapes.json").write_text(shapes)
        with pytest.raises(CheckpointError, match=r"params_shapes.json is damaged"):
            open_checkpoint(tmp_path)

    @pytest.mark.parametrize(
        "array",
        [
            np.zeros((13, 1), np.float32),
            np.array(1.0),
            np.zeros(13, np.int32),
            np.array([None] * 13),
            np.zeros(13, "f4,f4"),
            np.array(["text"] * 13),
        ],
        ids=str,
    )
    def test_other_arrays(self, array: np.ndarray[Any, Any], tmp_path: Path) -> None:
        write(tmp_path, SHAPES, [array])
        with pytest.raises(CheckpointError, match=r"(?s)params_0.npy is .*no flat array of floating-point numbers"):
            open_checkpoint(tmp_path)

    @pytest.mark.parametrize(
        "change", ["cut", "longer", "no header", "header without end", "a program", "version", "empty"]
    )
    def test_damaged_files(self, change: str, tmp_path: Path, flat: np.ndarray[Any, Any]) -> None:
        path = write(tmp_path, SHAPES, [flat]) / "params_0.npy"
        data = path.read_bytes()
        path.write_bytes(
            {
                "cut": data[:-1],
                "longer": data + b"\0",
                "no header": b"PK\3\4" + data,
                "header without end": data[:8] + b"\xff\xff" + data[10:],
                "a program": data.replace(b"(13,)", b"(1+2)"),
                "version": data[:6] + b"\4\0" + data[8:],
                "empty": b"",
            }[change]
        )
        with pytest.raises(CheckpointError, match=r"params_0.npy is"):
            open_checkpoint(tmp_path)
