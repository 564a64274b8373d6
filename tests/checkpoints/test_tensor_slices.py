from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nst
from numpy.typing import NDArray
from tests.shared.table_files import read_table, write_table
from tests.shared.tensor_slice_writer import SnappyTableWriter, write_tensor_slices

from transformers.checkpoints import CheckpointError, Variable, open_checkpoint
from transformers.checkpoints.dtypes import dtype_named
from transformers.checkpoints.messages import Dim, SavedSliceMeta, SavedTensorSlices, TensorShape
from transformers.checkpoints.ordered_code import slice_key
from transformers.checkpoints.protobuf import decode, encode
from transformers.checkpoints.varint import varint

TYPES = [
    "float16", "float32", "float64", "complex64", "complex128", "bool", "int8", "int16", "int32", "int64",
    "uint8", "uint16", "qint8", "quint8", "qint32", "string",
]  # fmt: skip


def arrays(dtype: str) -> st.SearchStrategy[NDArray[Any]]:
    elements = st.binary(max_size=20) if dtype == "string" else None
    return nst.arrays(dtype_named(dtype).numpy, nst.array_shapes(min_dims=0, min_side=0, max_side=4), elements=elements)


variables = st.sampled_from(TYPES).flatmap(lambda dtype: st.tuples(st.just(dtype), arrays(dtype)))


@given(
    model=st.dictionaries(st.sampled_from(["a", "b/c", "d\0e", "größe"]), variables, min_size=1),
    snappy=st.booleans(),
    block_size=st.sampled_from([1, 100, 262144]),
    data=st.data(),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, model: dict[str, Any], snappy: bool, block_size: int, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("model")
    partitions = {
        name: [data.draw(st.integers(1, dim), label="parts") for dim in array.shape]
        for name, (_, array) in model.items()
        if array.size and array.ndim and data.draw(st.booleans(), label="cut")
    }
    tensors = {Variable(name, array.shape, dtype): array for name, (dtype, array) in model.items()}
    write_tensor_slices(folder / "model", tensors, partitions=partitions, snappy=snappy, block_size=block_size)
    with open_checkpoint(folder) as checkpoint:
        assert checkpoint.format == "TensorFlow V1 tensor slices"
        assert set(checkpoint.variables.values()) == set(tensors)
        for variable, expected in tensors.items():
            values = checkpoint.read(variable.name)
            assert not values.flags.writeable
            assert (values.dtype, values.shape) == (expected.dtype, expected.shape)
            assert values.tolist() == expected.tolist() or values.tobytes() == expected.tobytes()
            checkpoint.release()


MODEL = {
    Variable("bias", (3,), "int32"): np.array([-1, 2, 3], np.int32),
    Variable("kernel", (4, 3), "float32"): np.arange(12, dtype=np.float32).reshape(4, 3),
}


class TestShards:
    @pytest.fixture
    def files(self, tmp_path: Path) -> list[Path]:
        return write_tensor_slices(tmp_path / "m", MODEL, shards=3, partitions={"kernel": (4, 1), "bias": (3,)})

    @pytest.mark.parametrize("name", ["", "m", "m-00001-of-00003", "m-?????-of-00003"])
    def test_slices_come_from_all_files(self, files: list[Path], name: str) -> None:
        with open_checkpoint(files[0].parent / name) as checkpoint:
            assert checkpoint.files == tuple(files)
            for variable, expected in MODEL.items():
                assert np.array_equal(checkpoint.read(variable.name), expected)

    def test_an_absent_file(self, files: list[Path]) -> None:
        files[1].unlink()
        with pytest.raises(CheckpointError, match="m-00001-of-00003 is absent"):
            open_checkpoint(files[0])

    def test_files_that_disagree(self, files: list[Path], tmp_path: Path) -> None:
        other = {Variable("kernel", (4, 4), "float32"): np.zeros((4, 4), np.float32)}
        (wrong,) = write_tensor_slices(tmp_path / "wrong", other)
        wrong.rename(files[2])
        with pytest.raises(
            CheckpointError,
            match=r"(?s)m-00002-of-00003.*kernel is float32 \[4, 4\] in it, float32 \[4, 3\] in .*m-00000-of",
        ):
            open_checkpoint(files[0])


def change_contents(path: Path, change: Callable[[SavedTensorSlices], None], key: bytes = b"") -> None:
    items = read_table(path)
    saved = decode(SavedTensorSlices, items[key])
    change(saved)
    write_table(path, {**items, key: encode(saved)}.items())


KERNEL = slice_key("kernel", [(0, -1), (0, -1)])


class TestDamage:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return write_tensor_slices(tmp_path / "m", MODEL)[0]

    def test_values_that_are_absent(self, path: Path) -> None:
        items = read_table(path)
        del items[KERNEL]
        write_table(path, items.items())
        with pytest.raises(
            CheckpointError, match=r"(?s)m is damaged.*variable kernel: the values of its slice .* are absent"
        ):
            open_checkpoint(path).read("kernel")

    def test_another_number_of_values(self, path: Path) -> None:
        def change(saved: SavedTensorSlices) -> None:
            saved.data.data.float_val = bytes(44)

        change_contents(path, change, KERNEL)
        with pytest.raises(CheckpointError, match="variable kernel: its values take 44 bytes, 12 of float32 take 48"):
            open_checkpoint(path).read("kernel")

    def test_values_of_another_variable(self, path: Path) -> None:
        def change(saved: SavedTensorSlices) -> None:
            saved.data.name = "other"

        change_contents(path, change, KERNEL)
        with pytest.raises(CheckpointError, match="there are values of other"):
            open_checkpoint(path).read("kernel")

    def test_numbers_that_the_type_cannot_hold(self, path: Path) -> None:
        def change(saved: SavedTensorSlices) -> None:
            saved.meta.tensor[0].type = 4

        change_contents(path, change)
        with pytest.raises(CheckpointError, match="variable bias: it has values that are no uint8"):
            open_checkpoint(path).read("bias")

    def test_a_type_that_v1_does_not_have(self, path: Path) -> None:
        def change(saved: SavedTensorSlices) -> None:
            saved.meta.tensor[0].type = 14

        change_contents(path, change)
        with pytest.raises(CheckpointError, match="of the type bfloat16"):
            open_checkpoint(path).read("bias")

    def test_a_shape_beyond_what_the_file_can_hold(self, path: Path) -> None:
        def change(saved: SavedTensorSlices) -> None:
            saved.meta.tensor[1].shape = TensorShape([Dim(2**30), Dim(2**20)])

        change_contents(path, change)
        with pytest.raises(CheckpointError, match=r"variable kernel: .* larger than the files can hold"):
            open_checkpoint(path)

    def test_a_slice_that_is_listed_twice(self, path: Path) -> None:
        def change(saved: SavedTensorSlices) -> None:
            saved.meta.tensor[1].slice *= 2

        change_contents(path, change)
        with pytest.raises(CheckpointError, match=r"variable kernel: its 2 slices do not cover the shape \[4, 3\]"):
            open_checkpoint(path)

    def test_a_variable_that_is_listed_twice_without_slices(self, path: Path) -> None:
        def change(saved: SavedTensorSlices) -> None:
            saved.meta.tensor = [SavedSliceMeta("a", type=1), SavedSliceMeta("a", type=2)]

        change_contents(path, change)
        with pytest.raises(CheckpointError, match=r"variable a is float64 \[\] in it, float32 \[\] in"):
            open_checkpoint(path)

    def test_contents_that_repeat_themselves_do_not_fill_the_memory(self, path: Path) -> None:
        with path.open("wb") as stream:
            table = SnappyTableWriter(stream)
            meta = b"\x0a\0" * (1 << 20)
            table.add(b"", b"\x0a" + varint(len(meta)) + meta)
            table.finish()
        tracemalloc.start()
        with pytest.raises(CheckpointError, match="more parts than its file can hold"):
            open_checkpoint(path)
        assert tracemalloc.get_traced_memory()[1] < 600 * path.stat().st_size
        tracemalloc.stop()

    def test_a_table_of_something_else(self, path: Path) -> None:
        write_table(path, [(b"a", b"b")])
        with pytest.raises(CheckpointError, match="lists no variables"):
            open_checkpoint(path)
