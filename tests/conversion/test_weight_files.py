from __future__ import annotations

import errno
import json
import math
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from safetensors import safe_open

from transformers.conversion.operations import Copy
from transformers.conversion.pieces import numpy_type, same_bits
from transformers.conversion.plan import PlanRow
from transformers.conversion.weight_files import (
    SAFETENSORS_NAMES,
    SafetensorsWriter,
    StoredSafetensors,
    WeightFile,
    index_text,
    split_rows,
)

Array = np.ndarray[Any, Any]

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20).filter(
    lambda name: name != "__metadata__"
)


def row(name: str, shape: tuple[int, ...] = (2,), dtype: str = "float32") -> PlanRow:
    return PlanRow(name, (), Copy(), shape, dtype)


def random_bits(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Array:
    """Any bit patterns, NaN with payloads included."""
    kind = numpy_type(dtype)
    return np.frombuffer(np.random.default_rng(seed).bytes(math.prod(shape) * kind.itemsize), kind).reshape(shape)


def write(path: Path, tensors: dict[str, tuple[str, Array]]) -> None:
    with SafetensorsWriter(path, [row(name, values.shape, dtype) for name, (dtype, values) in tensors.items()]) as file:
        for _, values in tensors.values():
            file.append(values)


# --------------------------------------------------------------------------------------------------------- safetensors


@given(
    st.dictionaries(
        names,
        st.tuples(st.sampled_from(sorted(SAFETENSORS_NAMES)), array_shapes(min_dims=0, max_dims=4, min_side=0)),
        max_size=5,
    )
)
def test_the_library_reads_what_was_written(tensors: dict[str, tuple[str, tuple[int, ...]]]) -> None:
    torch = pytest.importorskip("torch")
    values = {
        name: (dtype, random_bits(shape, dtype, number))
        for number, (name, (dtype, shape)) in enumerate(tensors.items())
    }

    with TemporaryDirectory() as folder:
        path = Path(folder, "model.safetensors")
        write(path, values)
        with safe_open(path, framework="pt") as file:
            assert set(file.keys()) == set(values)
            assert file.metadata() == {"format": "pt"}
            for name, (dtype, expected) in values.items():
                tensor = file.get_tensor(name)
                assert tensor.dtype == getattr(torch, dtype)
                assert tuple(tensor.shape) == expected.shape
                assert tensor.reshape(-1).view(torch.uint8).numpy().tobytes() == expected.tobytes()
        with StoredSafetensors(path) as stored:
            for name, (_, expected) in values.items():
                assert same_bits(stored.tensor(name), expected)


def test_tensors_may_come_in_pieces(tmp_path: Path) -> None:
    values = np.arange(10, dtype=np.float32)

    with SafetensorsWriter(tmp_path / "a", [row("x", (10,))]) as file:
        for start in range(0, 10, 3):
            file.append(values[start : start + 3])

    assert same_bits(StoredSafetensors(tmp_path / "a").tensor("x"), values)


def test_the_tensors_are_aligned(tmp_path: Path) -> None:
    for length in range(1, 10):
        write(tmp_path / "a", {"x" * length: ("float64", np.ones(1))})

        assert int.from_bytes((tmp_path / "a").read_bytes()[:8], "little") % 8 == 0


@pytest.mark.parametrize("count", [1, 3])
def test_bytes_that_do_not_fit_the_header_are_an_error(count: int, tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match=r"a: the header .* differ by (-)?4 bytes"),
        SafetensorsWriter(tmp_path / "a", [row("x", (2,))]) as file,
    ):
        file.append(np.ones(count, np.float32))


def test_a_full_disk_is_noticed_before_anything_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, offset: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)

    with pytest.raises(OSError, match="No space left"):
        SafetensorsWriter(tmp_path / "a", [row("x")])


def test_a_file_system_that_reserves_no_room_is_written_to_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(descriptor: int, offset: int, size: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", unable)
    write(tmp_path / "a", {"x": ("float32", np.ones(2, np.float32))})

    assert StoredSafetensors(tmp_path / "a").tensor("x").tolist() == [1, 1]


class ShortWrites:
    """A file that takes three bytes at a time."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: memoryview) -> int:
        written: int = self._file.write(data[:3])
        return written


def test_short_writes_are_continued(tmp_path: Path) -> None:
    writer = SafetensorsWriter(tmp_path / "a", [row("x", (100,))])
    writer._file = ShortWrites(writer._file)  # type: ignore[assignment]
    values = np.arange(100, dtype=np.float32)

    with writer:
        writer.append(values)

    assert same_bits(StoredSafetensors(tmp_path / "a").tensor("x"), values)


# -------------------------------------------------------------------------------------------------------------- shards


def test_one_file_is_enough_below_the_limit() -> None:
    rows = [row("a"), row("b")]

    assert split_rows(rows, "model.safetensors", None) == [WeightFile("model.safetensors", tuple(rows))]
    assert split_rows(rows, "model.safetensors", 16) == [WeightFile("model.safetensors", tuple(rows))]


@given(st.lists(st.integers(0, 20), min_size=1, max_size=20), st.integers(1, 60))
def test_shards_hold_every_tensor_once_and_keep_to_the_limit(sizes: list[int], limit: int) -> None:
    rows = [row(f"t{number}", (size,)) for number, size in enumerate(sizes)]

    files = split_rows(rows, "model.safetensors", limit)

    assert [each for file in files for each in file.rows] == rows
    assert all(file.rows for file in files)
    assert all(file.nbytes <= limit or len(file.rows) == 1 for file in files)
    if len(files) > 1:
        count = len(files)
        assert [file.name for file in files] == [
            f"model-{number:05d}-of-{count:05d}.safetensors" for number in range(1, count + 1)
        ]


def test_the_index_says_where_each_tensor_is() -> None:
    files = split_rows([row("b"), row("a"), row("c", (3, 4))], "model.safetensors", 16)

    assert json.loads(index_text(files)) == {
        "metadata": {"total_size": 64},
        "weight_map": {
            "a": "model-00001-of-00002.safetensors",
            "b": "model-00001-of-00002.safetensors",
            "c": "model-00002-of-00002.safetensors",
        },
    }
