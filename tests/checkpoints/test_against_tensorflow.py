"""Our readers against files that TensorFlow wrote, and TensorFlow's readers against files that we wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.shared.tensor_slice_writer import write_tensor_slices

from transformers.checkpoints import Variable, open_checkpoint, write_bundle, write_state_file

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed: install the [tf] extra to run these tests")

pytestmark = [pytest.mark.tensorflow, pytest.mark.filterwarnings("default")]

#: TensorFlow's types with the NumPy types in which our readers hand their values out.
BUNDLE_TYPES = {
    **{name: name for name in ("float16", "float32", "float64", "complex64", "complex128", "bool")},
    **{name: name for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")},
    **{f"q{name}": name for name in ("int8", "int16", "int32", "uint8", "uint16")},
    "bfloat16": "uint16",
    "float8_e5m2": "uint8",
    "float8_e4m3fn": "uint8",
    "string": "object",
}
#: What TensorFlow writes as V1, and what of it its own reader refuses.
SLICE_TYPES = set(BUNDLE_TYPES) - {"bfloat16", "float8_e5m2", "float8_e4m3fn", "uint32", "uint64", "qint16", "quint16"}
REFUSED_SLICE_TYPES = {"bool", "float16", "complex64", "complex128", "uint16"}
SHAPES = [(), (0,), (3, 0, 2), (7,), (5, 3), (2, 3, 4, 2)]


def example(dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Values as our readers hand them out."""
    random = np.random.default_rng(len(dtype) + 10 * len(shape))
    if dtype == "string":
        words = np.array([b"", b"\0\xff", "größer".encode(), b"x" * 300], object)
        return words[random.integers(0, 4, shape)] if shape else np.array(b"one", object)
    if dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    numpy = np.dtype(BUNDLE_TYPES[dtype])
    if numpy.kind in "iu" and "float" not in dtype:
        limits = np.iinfo(numpy)
        return random.integers(limits.min, limits.max, shape, numpy, endpoint=True)
    real = random.normal(size=shape)
    if numpy.kind == "c":
        return np.asarray(real + 1j * random.normal(size=shape), numpy)
    return np.asarray(real, tf.as_dtype(dtype).as_numpy_dtype).view(numpy)


def as_tensor(dtype: str, values: NDArray[Any]) -> Any:
    kind = tf.as_dtype(dtype)
    if kind.is_quantized:
        return tf.bitcast(tf.constant(values), kind)
    return tf.constant(values if dtype == "string" else values.view(kind.as_numpy_dtype))


def as_values(dtype: str, tensor: Any) -> NDArray[Any]:
    if tensor.dtype.is_quantized:
        tensor = tf.bitcast(tensor, tf.as_dtype(BUNDLE_TYPES[dtype]))
    return tensor.numpy() if dtype == "string" else tensor.numpy().view(BUNDLE_TYPES[dtype])


def assert_same(values: Any, expected: NDArray[Any]) -> None:
    values = np.asarray(values, object) if expected.dtype == object else values
    assert (values.dtype, values.shape) == (expected.dtype, expected.shape)
    assert values.tolist() == expected.tolist() if values.dtype == object else values.tobytes() == expected.tobytes()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", BUNDLE_TYPES)
class TestBundles:
    def test_we_read_what_tensorflow_wrote(self, tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
        expected = example(dtype, shape)
        tf.raw_ops.SaveV2(
            prefix=str(tmp_path / "model"),
            tensor_names=["a/b"],
            shape_and_slices=[""],
            tensors=[as_tensor(dtype, expected)],
        )
        with open_checkpoint(tmp_path) as checkpoint:
            assert checkpoint.variables == {"a/b": Variable("a/b", shape, dtype)}
            assert_same(checkpoint.read("a/b"), expected)

    def test_tensorflow_reads_what_we_wrote(self, tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
        expected = example(dtype, shape)
        write_bundle(tmp_path / "model", [(Variable("a/b", shape, dtype), expected)])
        (restored,) = tf.raw_ops.RestoreV2(
            prefix=str(tmp_path / "model"), tensor_names=["a/b"], shape_and_slices=[""], dtypes=[tf.as_dtype(dtype)]
        )
        assert_same(as_values(dtype, restored), expected)

    def test_both_write_the_same_bytes(self, tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
        expected = example(dtype, shape)
        tf.raw_ops.SaveV2(
            prefix=str(tmp_path / "theirs"),
            tensor_names=["a"],
            shape_and_slices=[""],
            tensors=[as_tensor(dtype, expected)],
        )
        for file in write_bundle(tmp_path / "ours", [(Variable("a", shape, dtype), expected)]):
            assert file.read_bytes() == file.with_name(file.name.replace("ours", "theirs")).read_bytes()


MODEL = {
    f"layer_{i}/{name}": example("float32", (i + 2, 3)) for i in range(40) for name in ("kernel", "bias", "kernel/Adam")
}


class TestShards:
    def test_we_read_what_tensorflow_wrote(self, tmp_path: Path) -> None:
        parts = [str(tmp_path / f"part{number}") for number in range(3)]
        for number, part in enumerate(parts):
            names = list(MODEL)[number::3]
            tf.raw_ops.SaveV2(
                prefix=part,
                tensor_names=names,
                shape_and_slices=[""] * len(names),
                tensors=[MODEL[name] for name in names],
            )
        tf.raw_ops.MergeV2Checkpoints(
            checkpoint_prefixes=parts, destination_prefix=str(tmp_path / "model"), delete_old_dirs=False
        )
        with open_checkpoint(tmp_path / "model.data-00001-of-00003") as checkpoint:
            assert len(checkpoint.files) == 4
            assert set(checkpoint.variables) == set(MODEL)
            for name, expected in MODEL.items():
                assert_same(checkpoint.read(name), expected)

    def test_tensorflow_reads_what_we_wrote(self, tmp_path: Path) -> None:
        write_bundle(tmp_path / "model", MODEL, shards=4)
        write_state_file(tmp_path, tmp_path / "model")
        theirs = tf.train.load_checkpoint(str(tmp_path))
        assert theirs.get_variable_to_shape_map() == {name: list(array.shape) for name, array in MODEL.items()}
        for name, expected in MODEL.items():
            assert_same(theirs.get_tensor(name), expected)


PARTITIONS = [((10, 6), (3, 1)), ((10, 6), (1, 4)), ((5, 7, 3), (2, 3, 3)), ((9,), (9,))]


@pytest.mark.parametrize(("shape", "parts"), PARTITIONS, ids=str)
class TestPartitions:
    @pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int64"])
    def test_tensorflow_reads_what_we_wrote(
        self, tmp_path: Path, shape: tuple[int, ...], parts: tuple[int, ...], dtype: str
    ) -> None:
        expected = example(dtype, shape)
        write_bundle(
            tmp_path / "model",
            [(Variable("p\0q\xff", shape, dtype), expected)],
            shards=2,
            partitions={"p\0q\xff": parts},
        )
        (restored,) = tf.raw_ops.RestoreV2(
            prefix=str(tmp_path / "model"),
            tensor_names=["p\0q\xff"],
            shape_and_slices=[""],
            dtypes=[tf.as_dtype(dtype)],
        )
        assert_same(as_values(dtype, restored), expected)

    @pytest.mark.parametrize("version", [1, 2])
    def test_we_read_what_tensorflow_wrote(
        self, tmp_path: Path, shape: tuple[int, ...], parts: tuple[int, ...], version: int
    ) -> None:
        expected = example("float32", shape)
        cut_axes = [axis for axis, count in enumerate(parts) if count > 1]
        if len(cut_axes) > 1:
            parts = tuple(count if axis == cut_axes[0] else 1 for axis, count in enumerate(parts))
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            tf.compat.v1.get_variable(
                "p",
                initializer=tf.constant(expected),
                partitioner=lambda **_: list(parts),
                use_resource=False,
            )
            session.run(tf.compat.v1.global_variables_initializer())
            tf.compat.v1.train.Saver(write_version=version).save(
                session, str(tmp_path / "model"), write_meta_graph=False
            )
        with open_checkpoint(tmp_path) as checkpoint:
            assert checkpoint.variables == {"p": Variable("p", shape, "float32")}
            assert_same(checkpoint.read("p"), expected)


class TestTensorSlices:
    @pytest.mark.parametrize("dtype", sorted(SLICE_TYPES))
    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    def test_we_read_what_tensorflow_wrote(self, tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
        expected = example(dtype, shape)
        tf.raw_ops.Save(filename=str(tmp_path / "model"), tensor_names=["a/b"], data=[as_tensor(dtype, expected)])
        with open_checkpoint(tmp_path / "model") as checkpoint:
            assert checkpoint.variables == {"a/b": Variable("a/b", shape, dtype)}
            assert_same(checkpoint.read("a/b"), expected)

    @pytest.mark.parametrize("snappy", [False, True])
    @pytest.mark.parametrize("dtype", sorted(SLICE_TYPES - REFUSED_SLICE_TYPES))
    def test_tensorflow_reads_the_files_of_our_tests(self, tmp_path: Path, dtype: str, snappy: bool) -> None:
        expected = example(dtype, (5, 3))
        write_tensor_slices(tmp_path / "model", {Variable("a", (5, 3), dtype): expected}, snappy=snappy)
        restored = tf.raw_ops.Restore(
            file_pattern=str(tmp_path / "model"), tensor_name="a", dt=tf.as_dtype(dtype), preferred_shard=-1
        )
        assert_same(as_values(dtype, restored), expected)

    @pytest.mark.parametrize("sharded", [False, True])
    def test_savers_of_version_1(self, tmp_path: Path, sharded: bool) -> None:
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            for name, array in MODEL.items():
                tf.compat.v1.get_variable(name.replace("/Adam", "_slot"), initializer=tf.constant(array))
            session.run(tf.compat.v1.global_variables_initializer())
            saver = tf.compat.v1.train.Saver(write_version=1, sharded=sharded)
            saver.save(session, str(tmp_path / "model"))
        with open_checkpoint(tmp_path) as checkpoint:
            assert checkpoint.format == "TensorFlow V1 tensor slices"
            for name, expected in MODEL.items():
                assert_same(checkpoint.read(name.replace("/Adam", "_slot")), expected)


def test_meta_graphs_and_state_files_of_tensorflow(tmp_path: Path) -> None:
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.get_variable("dense/kernel", initializer=tf.ones((2, 3)))
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver(max_to_keep=2)
        for step in range(3):
            saver.save(session, str(tmp_path / 'mödel "x".ckpt'), global_step=step)
    with open_checkpoint(tmp_path) as checkpoint:
        names = {file.name.removeprefix('mödel "x".ckpt-2.') for file in checkpoint.files}
        assert names == {"index", "meta", "data-00000-of-00001", "checkpoint"}
        assert checkpoint.read("dense/kernel").tolist() == [[1, 1, 1], [1, 1, 1]]


class Model(tf.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.kernel = tf.Variable([[1.0, 2.0]], name="dense/kernel")
        self.odd = {"x/y.z": tf.Variable(3, name="odd")}
        self.twins = [tf.Variable(4.0), tf.Variable(5.0)]


class TestObjectGraphs:
    def test_names_are_the_variables_own(self, tmp_path: Path) -> None:
        tf.train.Checkpoint(model=Model()).save(str(tmp_path / "model"))
        with open_checkpoint(tmp_path) as checkpoint:
            assert {name: checkpoint.read(name).tolist() for name in checkpoint.variables} == {
                "dense/kernel": [[1.0, 2.0]],
                "odd": 3,
                "model/twins/0": 4.0,
                "model/twins/1": 5.0,
                "save_counter": 1,
            }

    def test_slots_are_recognisable(self, tmp_path: Path) -> None:
        from tensorflow.python.keras.optimizer_v2.adam import Adam

        model, optimizer = Model(), Adam()
        optimizer.apply_gradients([(tf.ones((1, 2)), model.kernel)])
        tf.train.Checkpoint(model=model, optimizer=optimizer).save(str(tmp_path / "model"))
        with open_checkpoint(tmp_path) as checkpoint:
            slots = [name for name in checkpoint.variables if "/.OPTIMIZER_SLOT/" in name]
        assert slots == [f"dense/kernel/.OPTIMIZER_SLOT/optimizer/{slot}" for slot in ("m", "v")]

    def test_saved_models(self, tmp_path: Path) -> None:
        tf.saved_model.save(Model(), str(tmp_path))
        for path in (
            tmp_path,
            tmp_path / "saved_model.pb",
            tmp_path / "variables",
            tmp_path / "variables" / "variables",
        ):
            with open_checkpoint(path) as checkpoint:
                assert "SavedModel" in checkpoint.format
                assert checkpoint.read("dense/kernel").tolist() == [[1.0, 2.0]]
