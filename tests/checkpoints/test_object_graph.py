from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from transformers.checkpoints import CheckpointError, open_checkpoint, write_bundle
from transformers.checkpoints.messages import Attribute, TrackableObject, TrackableObjectGraph
from transformers.checkpoints.object_graph import GRAPH_KEY, own_names
from transformers.checkpoints.protobuf import encode

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


def graph(names: dict[str, str]) -> bytes:
    nodes = [TrackableObject([Attribute("VARIABLE_VALUE", name, f"{path}{VALUE}")]) for path, name in names.items()]
    return encode(TrackableObjectGraph([TrackableObject(), *nodes]))


def names_of(full_names: dict[str, str], *more: str) -> list[str]:
    keys = [f"{path}{VALUE}" for path in full_names] + list(more)
    return list(own_names(graph(full_names), keys).values())


def test_full_names() -> None:
    assert names_of({"model/d": "dense/kernel", "model/e": "dense/bias"}) == ["dense/kernel", "dense/bias"]


def test_paths_where_full_names_are_absent_or_shared() -> None:
    assert names_of({"a": "", "b": "Variable", "c": "Variable", "d": "dense"}) == ["a", "b", "c", "dense"]


def test_slots_follow_their_variable() -> None:
    full_names = {"m/k": "dense/kernel", "m/k/.OPTIMIZER_SLOT/opt/v": "training/Adam/dense/kernel/v", "m/b": ""}
    assert names_of(full_names, f"m/b/.OPTIMIZER_SLOT/opt/v{VALUE}") == [
        "dense/kernel",
        "dense/kernel/.OPTIMIZER_SLOT/opt/v",
        "m/b",
        "m/b/.OPTIMIZER_SLOT/opt/v",
    ]


def test_a_full_name_that_is_another_variables_path() -> None:
    assert names_of({"a": "b", "b": ""}) == ["a", "b"]
    assert names_of({"a": "x", "b": "x", "c": "a"}) == [f"a{VALUE}", "b", f"c{VALUE}"]


def test_other_attributes_keep_their_keys() -> None:
    assert names_of({}, "layer/.ATTRIBUTES/OBJECT_CONFIG_JSON") == ["layer/.ATTRIBUTES/OBJECT_CONFIG_JSON"]


class TestCheckpoints:
    def write(self, folder: Path, stored: object) -> Path:
        model = {f"model/d{VALUE}": np.arange(3), f"n{VALUE}": np.arange(2), GRAPH_KEY: stored}
        return write_bundle(folder / "m", model)[1]  # type: ignore[arg-type]

    def test_variables_go_by_their_names(self, tmp_path: Path) -> None:
        self.write(tmp_path, np.array(graph({"model/d": "dense/kernel"}), object))
        with open_checkpoint(tmp_path) as checkpoint:
            assert checkpoint.format == "TensorFlow V2 bundle with an object graph"
            assert list(checkpoint.variables) == ["dense/kernel", "n"]
            assert checkpoint.read("dense/kernel").tolist() == [0, 1, 2]

    def test_damage_names_the_stored_key_too(self, tmp_path: Path) -> None:
        data = self.write(tmp_path, np.array(graph({"model/d": "dense/kernel"}), object))
        contents = bytearray(data.read_bytes())
        contents[-25] ^= 1
        data.write_bytes(contents)
        with pytest.raises(CheckpointError, match=f"variable dense/kernel \\(stored as model/d{VALUE}\\)"):
            open_checkpoint(tmp_path).read("dense/kernel")

    @pytest.mark.parametrize("stored", [np.array([b"", b""], object), np.array([b""], object), np.zeros(())], ids=str)
    def test_graphs_that_are_none(self, tmp_path: Path, stored: object) -> None:
        self.write(tmp_path, stored)
        with pytest.raises(CheckpointError, match="it should be one string"):
            open_checkpoint(tmp_path)

    def test_a_broken_graph(self, tmp_path: Path) -> None:
        self.write(tmp_path, np.array(b"\x0a\xff", object))
        with pytest.raises(CheckpointError, match=GRAPH_KEY):
            open_checkpoint(tmp_path)
