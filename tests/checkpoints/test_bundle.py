from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nst
from numpy.typing import NDArray
from tests.shared.table_files import change_entry, read_table, write_table

from transformers.checkpoints import CheckpointError, Variable, open_checkpoint, write_bundle
from transformers.checkpoints.base import ITEM_SIZES
from transformers.checkpoints.dtypes import dtype_named
from transformers.checkpoints.messages import BundleHeader, Dim, Extent, TensorShape, TensorSlice
from transformers.checkpoints.ordered_code import slice_key
from transformers.checkpoints.protobuf import encode
from transformers.checkpoints.strings import encode_strings

FIXTURES = Path(__file__).parents[1] / "fixtures"
CASES = [FIXTURES / "bert" / "pretraining", FIXTURES / "bert" / "squad", FIXTURES / "gpt2" / "small"]


def arrays(dtype: str) -> st.SearchStrategy[NDArray[Any]]:
    elements = st.binary(max_size=20) if dtype == "string" else None
    return nst.arrays(dtype_named(dtype).numpy, nst.array_shapes(min_dims=0, min_side=0, max_side=4), elements=elements)


variables = st.sampled_from([*ITEM_SIZES, "string"]).flatmap(lambda dtype: st.tuples(st.just(dtype), arrays(dtype)))
models = st.dictionaries(
    st.text(min_size=1).filter(lambda name: name[0] != "\0" and name.isprintable()), variables, max_size=5
)


def assert_same(values: NDArray[Any], expected: NDArray[Any]) -> None:
    assert (values.dtype, values.shape) == (expected.dtype, expected.shape)
    assert values.tolist() == expected.tolist() if values.dtype == object else values.tobytes() == expected.tobytes()


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoint")


class TestRealFiles:
    @pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
    def test_values_are_those_that_tensorflow_wrote(self, folder: Path) -> None:
        expected = set(json.loads((folder / "tensors.json").read_text()).values())
        with open_checkpoint(folder) as checkpoint:
            assert checkpoint.format == "TensorFlow V2 bundle"
            digests = set()
            for name, variable in checkpoint.variables.items():
                values = checkpoint.read(name)
                assert (values.shape, values.dtype.name) == (variable.shape, variable.dtype)
                assert not values.flags.writeable
                digests |= {hashlib.sha256(layout.tobytes()).hexdigest() for layout in (values, values.T)}
        assert len(digests & expected) > 0.9 * len(expected)

    @pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
    def test_the_writer_repeats_tensorflows_bytes(self, folder: Path, tmp_path: Path) -> None:
        with open_checkpoint(folder) as checkpoint:
            model = {name: checkpoint.read(name) for name in checkpoint.variables}
            written = write_bundle(tmp_path / checkpoint.files[0].stem, model)
        assert all(file.read_bytes() == (folder / file.name).read_bytes() for file in written)
        assert len(written) == 2


class TestRoundTrip:
    @given(models, st.integers(1, 3), st.data())
    def test_what_is_written_is_read(
        self, tmp_path_factory: pytest.TempPathFactory, model: dict[str, Any], shards: int, data: st.DataObject
    ) -> None:
        prefix = tmp_path_factory.mktemp("model") / "model.ckpt-1"
        partitions = {
            name: [data.draw(st.integers(1, dim), label="parts") for dim in array.shape]
            for name, (_, array) in model.items()
            if array.size and array.ndim and data.draw(st.booleans(), label="cut")
        }
        items = [(Variable(name, array.shape, dtype), array) for name, (dtype, array) in model.items()]
        write_bundle(prefix, items, shards=shards, partitions=partitions)
        with open_checkpoint(prefix) as checkpoint:
            assert checkpoint.variables == {variable.name: variable for variable, _ in items}
            for _ in range(2):
                for name, (_, array) in model.items():
                    assert_same(checkpoint.read(name), array)
                checkpoint.release()

    def test_names_are_sorted(self, folder: Path) -> None:
        write_bundle(folder / "model", {name: np.zeros(1) for name in "bac"}, partitions={"b": (1,)})
        assert list(open_checkpoint(folder).variables) == ["a", "b", "c"]

    def test_values_stay_valid_when_the_checkpoint_is_closed(self, folder: Path) -> None:
        write_bundle(folder / "model", {"a": np.arange(10_000)})
        with open_checkpoint(folder) as checkpoint:
            values = checkpoint.read("a")
            checkpoint.release()
        assert np.array_equal(values, np.arange(10_000))

    def test_values_are_not_copied(self, folder: Path) -> None:
        write_bundle(folder / "model", {"a": np.arange(10_000)})
        with open_checkpoint(folder) as checkpoint:
            assert np.shares_memory(checkpoint.read("a"), checkpoint.read("a"))

    def test_unknown_names(self, folder: Path) -> None:
        write_bundle(folder / "model", {"a": np.zeros(1)})
        with pytest.raises(KeyError):
            open_checkpoint(folder).read("b")

    def test_big_endian(self, folder: Path) -> None:
        values = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([1, 2**40]), "c": np.array(True)}
        index, _ = write_bundle(folder / "model", {name: array.byteswap() for name, array in values.items()})
        items = read_table(index)
        write_table(index, ({**items, b"": encode(BundleHeader(1, 1))}).items())
        with open_checkpoint(folder) as checkpoint:
            assert {name: checkpoint.read(name).tolist() for name in values} == {
                name: array.tolist() for name, array in values.items()
            }

    def test_types_without_a_layout_are_listed_and_refused(self, folder: Path) -> None:
        index, _ = write_bundle(folder / "model", {"a": np.zeros(3, np.uint8), "b": np.zeros(1)})
        for number, name in [(20, "resource"), (21, "variant"), (29, "int4"), (77, "type 77")]:
            change_entry(index, "a", dtype=number)
            checkpoint = open_checkpoint(folder)
            assert checkpoint.variables["a"].dtype == name
            with pytest.raises(CheckpointError, match=f"variable a cannot be read, its values are of the type {name}"):
                checkpoint.read("a")
            assert checkpoint.read("b").tolist() == [0]

    def test_slices_may_leave_their_length_out(self, folder: Path) -> None:
        index, _ = write_bundle(folder / "model", {"a": np.ones((2, 3))})
        items = read_table(index)
        items[slice_key("a", [(0, -1), (0, -1)])] = items[b"a"]
        write_table(index, sorted(items.items()))
        change_entry(index, "a", slices=[TensorSlice([Extent(), Extent()])])
        assert open_checkpoint(folder).read("a").tolist() == [[1, 1, 1], [1, 1, 1]]


class TestWriter:
    def test_same_values_same_bytes_in_any_order(self, folder: Path) -> None:
        model = {f"v{number}": np.full(5, number) for number in range(20)}
        for name, items in [("one", model), ("other", dict(reversed(model.items())))]:
            (folder / name).mkdir()
            write_bundle(folder / name / "model", items, shards=3)
        for file in (folder / "one").iterdir():
            assert file.read_bytes() == (folder / "other" / file.name).read_bytes()

    def test_layouts_in_memory_do_not_matter(self, folder: Path) -> None:
        values = np.arange(24.0).reshape(4, 6)
        write_bundle(
            folder / "model", {"a": np.asfortranarray(values), "b": values[::2, ::-1], "c": values.astype(">f8")}
        )
        with open_checkpoint(folder) as checkpoint:
            assert_same(checkpoint.read("a"), values)
            assert_same(checkpoint.read("b"), values[::2, ::-1])
            assert_same(checkpoint.read("c"), values)

    def test_arrays_are_made_when_their_turn_comes(self, folder: Path) -> None:
        alive = []

        def make(number: int) -> Iterator[NDArray[Any]]:
            alive.append(number)
            yield np.full((1, 2), number)
            yield np.full(1, -number)

        def model() -> Any:
            for number in range(3):
                assert alive == list(range(number))
                yield Variable(f"v{number}", (3, 1), "int64"), lambda number=number: make(number)

        write_bundle(folder / "model", model())
        with open_checkpoint(folder) as checkpoint:
            assert checkpoint.read("v2").tolist() == [[2], [2], [-2]]

    @pytest.mark.parametrize(
        ("tensors", "partitions", "problem"),
        [
            (
                [(Variable("a", (2,), "float32"), np.zeros(3, np.float32))],
                {},
                r"a should be float32 \[2\], .* float32 \[3\]",
            ),
            ([(Variable("a", (2,), "bfloat16"), np.zeros(2, np.float32))], {}, "a should be bfloat16"),
            ([(Variable("a", (), "int32"), np.zeros((), np.int32))] * 2, {}, "'a' is there twice"),
            (
                [(Variable("a", (2,), "float32"), lambda: [np.zeros(1, np.float32)])],
                {},
                r"a should be \[2\]: 2 values, not 1",
            ),
            (
                [(Variable("a", (2,), "float32"), lambda: [np.zeros(1, np.float32)] * 3)],
                {},
                r"a should be \[2\]: 2 values, not 3",
            ),
            ([(Variable("a", (2,), "float32"), lambda: [np.zeros(2)])], {}, "a should be float32, a piece .* float64"),
            ({"": np.zeros(1)}, {}, "empty"),
            ({"a": np.zeros(1, "U3")}, {}, "no data type 'str96'"),
            ({"a": np.zeros((2, 2))}, {"a": (3, 1)}, r"a: the shape \[2, 2\] cannot be cut into \[3, 1\] parts"),
        ],
        ids=["shape", "type", "twice", "few", "many", "type of a piece", "empty name", "no such type", "partition"],
    )
    def test_mistakes_leave_no_files(self, folder: Path, tensors: Any, partitions: Any, problem: str) -> None:
        with pytest.raises(ValueError, match=problem):
            write_bundle(folder / "model", tensors, partitions=partitions)
        assert list(folder.iterdir()) == []

    def test_existing_files_are_kept(self, folder: Path) -> None:
        there = folder / "model.index"
        there.write_text("mine")
        with pytest.raises(FileExistsError):
            write_bundle(folder / "model", {"a": np.zeros(1)})
        assert list(folder.iterdir()) == [there]
        assert there.read_text() == "mine"


SHAPE = TensorShape([Dim(2), Dim(3)])


class TestDamage:
    @pytest.fixture
    def index(self, folder: Path) -> Path:
        model = {"dense/bias": np.zeros(4, np.float32), "dense/kernel": np.ones((2, 3), np.float32)}
        return write_bundle(folder / "model", model)[0]

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            ({"dtype": 2}, r"float64 \[2, 3\] takes 48 bytes, the index says 24"),
            ({"dtype": 0}, "there is no data type 0"),
            ({"dtype": 101}, "there is no data type 101"),
            ({"shape": TensorShape([Dim(2), Dim(4)])}, r"float32 \[2, 4\] takes 32 bytes, the index says 24"),
            ({"shape": TensorShape([Dim(-2), Dim(-3)])}, r"the shape \[-2, -3\] cannot be"),
            ({"shape": TensorShape([Dim(0), Dim(2**62)]), "size": 0}, "cannot be"),
            ({"shape": TensorShape([Dim(2**33), Dim(2**33)])}, "cannot be"),
            ({"shape": TensorShape([Dim(1)] * 33)}, "33 axes"),
            ({"shape": TensorShape(SHAPE.dim, 1)}, "unknown rank"),
            ({"shard_id": 1}, "data file 1 of 1"),
            ({"shard_id": -1}, "data file -1 of 1"),
            ({"offset": -8}, "24 bytes at byte -8"),
            ({"size": -24}, "-24 bytes"),
            ({"dtype": 7, "size": 5}, "6 strings take 10 bytes or more"),
            ({"slices": [TensorSlice([Extent(0, 2), Extent(0, 3)])]}, "slice .* are absent"),
            ({"slices": [TensorSlice([Extent(0, 3), Extent(0, 3)])]}, "is not within the shape"),
            ({"slices": [TensorSlice([Extent(0, 2)])]}, "a slice of 1 axes"),
        ],
        ids=str,
    )
    def test_claims_of_the_index(self, index: Path, fields: dict[str, Any], problem: str) -> None:
        change_entry(index, "dense/kernel", **fields)
        with pytest.raises(CheckpointError, match=f"(?s)model.index is damaged:.*dense/kernel: .*{problem}"):
            open_checkpoint(index)

    def test_all_problems_are_said_at_once(self, index: Path) -> None:
        change_entry(index, "dense/kernel", dtype=0)
        change_entry(index, "dense/bias", dtype=2)
        with pytest.raises(CheckpointError) as caught:
            open_checkpoint(index)
        assert [problem.partition(":")[0] for problem in caught.value.problems] == ["dense/bias", "dense/kernel"]

    def test_a_cut_download(self, index: Path) -> None:
        data = index.with_name("model.data-00000-of-00001")
        data.write_bytes(data.read_bytes()[:-1])
        with pytest.raises(CheckpointError, match=r"data-00000-of-00001 has 39 bytes, the index needs 40"):
            open_checkpoint(index)

    @pytest.mark.parametrize(
        ("contents", "word"),
        [
            (b"", "it is empty"),
            (b"version https://git-lfs.github.com/", "Git LFS pointer"),
            (b"<!DOCTYPE html><html>", "web page"),
            (b"\x1f\x8b\x08", "gzip"),
        ],
    )
    @pytest.mark.parametrize("name", ["model.index", "model.data-00000-of-00001"])
    def test_other_files_in_place_of_it(self, index: Path, name: str, contents: bytes, word: str) -> None:
        index.with_name(name).write_bytes(contents)
        with pytest.raises(CheckpointError, match=f"(?s){name}.*{word}"):
            open_checkpoint(index)

    def test_an_absent_shard(self, folder: Path) -> None:
        files = write_bundle(folder / "m", {"a": np.zeros(2), "b": np.zeros(2), "c": np.zeros(2)}, shards=3)
        files[2].unlink()
        with pytest.raises(CheckpointError, match=r"m.data-00001-of-00003 is absent"):
            open_checkpoint(folder)

    def test_flipped_bits_of_values(self, index: Path) -> None:
        data = index.with_name("model.data-00000-of-00001")
        contents = bytearray(data.read_bytes())
        contents[20] ^= 16
        data.write_bytes(contents)
        checkpoint = open_checkpoint(index)
        assert checkpoint.read("dense/bias").tolist() == [0] * 4
        for _ in range(2):
            with pytest.raises(
                CheckpointError, match=r"(?s)data-00000.*variable dense/kernel.*the checksum 0x.*index says 0x"
            ):
                checkpoint.read("dense/kernel")

    def test_slices_of_another_type(self, folder: Path) -> None:
        index, _ = write_bundle(folder / "m", {"p": np.zeros((4, 2), np.float32)}, partitions={"p": (2, 1)})
        change_entry(index, "p", dtype=3)
        with pytest.raises(CheckpointError, match=r"is float32 \[2, 2\], it should be int32 \[2, 2\]"):
            open_checkpoint(index)

    def test_slices_that_share_bytes_cannot_make_something_large(self, folder: Path) -> None:
        index, _ = write_bundle(folder / "m", {"p": np.zeros((100, 50))}, partitions={"p": (100, 1)})
        for key in read_table(index):
            if key.startswith(b"\0"):
                change_entry(index, key, offset=0)
        index.with_name("m.data-00000-of-00001").write_bytes(bytes(400))
        with pytest.raises(CheckpointError, match="p: its slices take more bytes than all data files have"):
            open_checkpoint(index)

    def test_other_tables(self, index: Path) -> None:
        write_table(index, [(b"key", b"value")])
        with pytest.raises(CheckpointError, match="has no header"):
            open_checkpoint(index)

    @pytest.mark.parametrize(
        ("header", "problem"),
        [
            (BundleHeader(0), "0 data files"),
            (BundleHeader(2**31), "2147483648 data files"),
            (BundleHeader(1, endianness=2), "byte order"),
            (encode(BundleHeader(1))[:-1] + b"\x02\x10\x02", "for readers of version 2"),
        ],
    )
    def test_headers(self, index: Path, header: BundleHeader | bytes, problem: str) -> None:
        items = {**read_table(index), b"": header if isinstance(header, bytes) else encode(header)}
        write_table(index, items.items())
        with pytest.raises(CheckpointError, match=problem):
            open_checkpoint(index)

    def test_string_lengths_are_not_believed(self, folder: Path) -> None:
        index, data = write_bundle(folder / "m", {"s": np.array([b"abc", b"d"], object)})
        contents = data.read_bytes()
        data.write_bytes(b"\x7f" + contents[1:])
        with pytest.raises(CheckpointError, match="variable s: 2 strings announce 134 bytes, there are 10"):
            open_checkpoint(index).read("s")
        assert contents == encode_strings([b"abc", b"d"])[0]


READ_ALL = """
import resource, sys
from transformers.checkpoints import open_checkpoint
checkpoint = open_checkpoint(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in checkpoint.variables:
    checkpoint.read(name)
    checkpoint.release()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux only")
def test_verifying_checksums_keeps_little_in_memory(tmp_path: Path) -> None:
    assert resource.getpagesize() <= 65536
    write_bundle(tmp_path / "model", {name: np.zeros(48 << 20, np.uint8) for name in "abcd"})
    run = subprocess.run([sys.executable, "-c", READ_ALL, str(tmp_path)], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 16 << 10
