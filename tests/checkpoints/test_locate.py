from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.shared.tensor_slice_writer import write_tensor_slices

from transformers.checkpoints import CheckpointError, Variable, open_checkpoint, write_bundle, write_state_file

MODEL = {"dense/kernel": np.ones((2, 3), np.float32)}
SLICES = {Variable("dense/kernel", (2, 3), "float32"): MODEL["dense/kernel"]}


def opens(path: Path, prefix: str) -> None:
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.path == path
        assert checkpoint.files[0].name.startswith(prefix)
        assert checkpoint.read("dense/kernel").tolist() == [[1, 1, 1], [1, 1, 1]]


@pytest.mark.parametrize(
    "name", ["", "m.ckpt-1", "m.ckpt-1.index", "m.ckpt-1.meta", "m.ckpt-1.data-00001-of-00002", "checkpoint"]
)
def test_any_file_of_a_bundle_or_its_folder(tmp_path: Path, name: str) -> None:
    files = write_bundle(tmp_path / "m.ckpt-1", MODEL, shards=2)
    meta = tmp_path / "m.ckpt-1.meta"
    meta.touch()
    state = write_state_file(tmp_path, tmp_path / "m.ckpt-1")
    opens(tmp_path / name, "m.ckpt-1")
    assert open_checkpoint(tmp_path / name).files == (*files, meta, state)


@pytest.mark.parametrize("name", ["", "m.ckpt-1", "m.ckpt-1.meta"])
def test_any_file_of_a_single_v1_file_or_its_folder(tmp_path: Path, name: str) -> None:
    write_tensor_slices(tmp_path / "m.ckpt-1", SLICES)
    (tmp_path / "m.ckpt-1.meta").touch()
    opens(tmp_path / name, "m.ckpt-1")


def test_the_graph_of_sharded_slices(tmp_path: Path) -> None:
    files = write_tensor_slices(tmp_path / "m", SLICES, shards=2, partitions={"dense/kernel": (2, 1)})
    meta = tmp_path / "m.meta"
    meta.touch()
    assert open_checkpoint(meta).files == (*files, meta)


def test_names_with_wildcards_and_regular_expressions(tmp_path: Path) -> None:
    write_bundle(tmp_path / "m[1]*(x).ckpt", MODEL)
    opens(tmp_path, "m[1]*(x).ckpt")
    opens(tmp_path / "m[1]*(x).ckpt", "m[1]*(x).ckpt")


def test_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bundle(tmp_path / "m", MODEL)
    monkeypatch.chdir(tmp_path)
    assert str(open_checkpoint("m").files[0]) == "m.index"
    assert str(open_checkpoint(".").files[0]) == "m.index"


class TestFolders:
    def test_the_state_file_decides(self, tmp_path: Path) -> None:
        for name in ("m-1", "m-2", "m-3"):
            write_bundle(tmp_path / name, MODEL)
        write_state_file(tmp_path, "m-2")
        opens(tmp_path, "m-2.index")

    @pytest.mark.parametrize("named", ["/far/away/m-2", "runs/7/m-2", r"C:\\runs\\m-2", "gs://bucket/run/m-2"])
    def test_state_files_of_another_machine(self, tmp_path: Path, named: str) -> None:
        for name in ("m-1", "m-2"):
            write_bundle(tmp_path / name, MODEL)
        (tmp_path / "checkpoint").write_text(f'model_checkpoint_path: "{named}"\n')
        opens(tmp_path, "m-2.index")

    def test_a_state_file_that_names_another_folder(self, tmp_path: Path) -> None:
        (tmp_path / "there").mkdir()
        write_bundle(tmp_path / "there" / "m", MODEL)
        (tmp_path / "best").write_text('model_checkpoint_path: "there/m"\n')
        opens(tmp_path / "best", "m.index")

    def test_a_state_file_that_names_sharded_slices(self, tmp_path: Path) -> None:
        write_tensor_slices(tmp_path / "m", SLICES, shards=2, partitions={"dense/kernel": (2, 1)})
        (tmp_path / "checkpoint").write_text('model_checkpoint_path: "/gone/m-?????-of-00002"\n')
        opens(tmp_path, "m-00000-of-00002")

    def test_a_state_file_that_names_nothing(self, tmp_path: Path) -> None:
        write_bundle(tmp_path / "m-1", MODEL)
        write_state_file(tmp_path, "m-9")
        with pytest.raises(CheckpointError, match=r"(?s)checkpoint names m-9, which is not there.*there is m-1"):
            open_checkpoint(tmp_path)

    def test_several_are_listed(self, tmp_path: Path) -> None:
        write_bundle(tmp_path / "m-1", MODEL)
        write_tensor_slices(tmp_path / "old", SLICES)
        write_tensor_slices(tmp_path / "older", SLICES, shards=1)
        with pytest.raises(CheckpointError, match="has 3 checkpoints") as caught:
            open_checkpoint(tmp_path)
        assert caught.value.problems == ("m-1", "old", "older-?????-of-00001")

    def test_saved_models(self, tmp_path: Path) -> None:
        (tmp_path / "variables").mkdir()
        write_bundle(tmp_path / "variables" / "variables", MODEL)
        (tmp_path / "saved_model.pb").touch()
        for name in ("", "saved_model.pb", "variables", "variables/variables", "variables/variables.index"):
            opens(tmp_path / name, "variables.index")
            assert open_checkpoint(tmp_path / name).format == "TensorFlow SavedModel (TensorFlow V2 bundle)"

    def test_a_saved_model_without_variables(self, tmp_path: Path) -> None:
        (tmp_path / "saved_model.pb").touch()
        with pytest.raises(CheckpointError, match=r"variables.index is absent"):
            open_checkpoint(tmp_path)

    def test_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "vocab.txt").write_text("a")
        with pytest.raises(CheckpointError, match="There is no checkpoint in"):
            open_checkpoint(tmp_path)


class TestNotFound:
    def test_an_absent_index(self, tmp_path: Path) -> None:
        write_bundle(tmp_path / "m", MODEL)[0].unlink()
        for name in ("", "m", "m.index", "m.data-00000-of-00001"):
            with pytest.raises(CheckpointError, match=r"m.index is absent"):
                open_checkpoint(tmp_path / name)

    def test_a_wrong_name_lists_what_there_is(self, tmp_path: Path) -> None:
        write_bundle(tmp_path / "bert_model.ckpt", MODEL)
        with pytest.raises(CheckpointError, match=r"(?s)no checkpoint .*bert.ckpt.*there is bert_model.ckpt"):
            open_checkpoint(tmp_path / "bert.ckpt")

    def test_an_absent_folder(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match=f"there is no folder {tmp_path / 'a' / 'b'}"):
            open_checkpoint(tmp_path / "a" / "b" / "c")

    def test_two_numbers_of_shards(self, tmp_path: Path) -> None:
        for shards in (1, 2):
            write_tensor_slices(tmp_path / "m", SLICES, shards=shards, partitions={"dense/kernel": (2, 1)})
        with pytest.raises(CheckpointError, match=r"(?s)in 2 ways.*of-00001.*of-00002"):
            open_checkpoint(tmp_path / "m")

    @pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
    def test_names_that_cannot_be(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(CheckpointError):
            open_checkpoint(tmp_path / name)

    @pytest.mark.parametrize(
        ("contents", "word"),
        [
            (b"PK\x03\x04" + bytes(100), "zip archive or a PyTorch file"),
            (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
            (b"\x80\x02}q\x00." + bytes(100), "Python pickle"),
            (b"\x10\0\0\0\0\0\0\0" + b'{"a":1}' + bytes(100), "safetensors"),
            (b'{"hidden_size": 3}', "JSON"),
            (b"BZh91AY", "compressed"),
        ],
    )
    def test_other_files(self, tmp_path: Path, contents: bytes, word: str) -> None:
        path = tmp_path / "model.bin"
        path.write_bytes(contents)
        with pytest.raises(CheckpointError, match=f"(?s){path}.*{word}"):
            open_checkpoint(path)
