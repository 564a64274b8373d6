from __future__ import annotations

import collections
import hashlib
import io
import json
import struct
import zipfile
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.shared.pickles import (
    MAGIC_NUMBER,
    Call,
    Instructions,
    Name,
    Persistent,
    encoded,
    legacy_torch_file,
    op,
    pickled,
    torch_tensor,
    zip_torch_file,
)

from transformers.checkpoints import CheckpointError, Variable, open_checkpoint
from transformers.checkpoints.pickled_arrays import ArrayInFile

torch = pytest.importorskip("torch")

FIXTURES = Path(__file__).parents[1] / "fixtures"
LAYOUTS = {"legacy": False, "zip": True}
WEIGHTS = {"0": np.arange(3, dtype=np.float32)}
SAVED = {"w": torch_tensor("0", (3,))}
SAVED_IN_ZIP = {"w": torch_tensor("0", (3,), legacy=False)}


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _part(tensor: Call, start: int, length: int) -> Call:
    """A tensor over a part of its storage, as old versions could save it."""
    view, *rest = tensor.arguments
    return Call(tensor.function, (Persistent((*view.reference[:5], ("part", start, length))), *rest))


def save(value: Any, path: Path, layout: str, **options: Any) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=LAYOUTS[layout], **options)
    return path


def bits(tensor: Any) -> np.ndarray[Any, Any]:
    """A tensor as a NumPy array, bfloat16 as its bit patterns."""
    tensor = tensor.contiguous()
    result: np.ndarray[Any, Any] = (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return result


class TestTensors:
    @pytest.mark.parametrize(
        ("dtype", "name"),
        [
            (torch.float32, "float32"),
            (torch.float64, "float64"),
            (torch.float16, "float16"),
            (torch.bfloat16, "bfloat16"),
            (torch.int64, "int64"),
            (torch.int32, "int32"),
            (torch.int16, "int16"),
            (torch.int8, "int8"),
            (torch.uint8, "uint8"),
            (torch.bool, "bool"),
            (torch.complex64, "complex64"),
            (torch.complex128, "complex128"),
        ],
    )
    def test_data_types(self, dtype: Any, name: str, layout: str, tmp_path: Path) -> None:
        tensor = torch.arange(-2, 4).reshape(2, 3).to(dtype)
        with open_checkpoint(save({"w": tensor}, tmp_path / "m.pth", layout)) as checkpoint:
            assert checkpoint.variables == {"w": Variable("w", (2, 3), name)}
            values = checkpoint.read("w")
        assert not values.flags.writeable
        assert np.array_equal(values, bits(tensor))

    def test_views(self, layout: str, tmp_path: Path) -> None:
        whole = torch.arange(24.0).reshape(2, 3, 4)
        views = {
            "whole": whole,
            "transposed": whole.transpose(0, 2),
            "part": whole[1, 1:, ::2],
            "column": whole[:, :, 3],
            "flat": whole.view(-1)[5:9],
            "number": whole[1, 2, 3],
            "nothing": whole[:, :0],
            "spread": whole[:1, :1, :1].expand(1, 1, 1),
            "empty": torch.zeros(0),
        }
        path = save(views, tmp_path / "m.pth", layout)
        with open_checkpoint(path) as checkpoint:
            assert checkpoint.variables["transposed"].shape == (4, 3, 2)
            for name, tensor in views.items():
                values = checkpoint.read(name)
                assert values.shape == tuple(tensor.shape), name
                assert np.array_equal(values, tensor.numpy()), name
            checkpoint.release()
            assert np.array_equal(checkpoint.read("whole"), whole.numpy())
        assert path.stat().st_size < 5000  # one storage for all

    def test_parameters_and_modules(self, layout: str, tmp_path: Path) -> None:
        layer = torch.nn.Linear(2, 3)
        saved = {"state": layer.state_dict(), "parameter": layer.weight}
        with open_checkpoint(save(saved, tmp_path / "m.pth", layout)) as checkpoint:
            assert sorted(checkpoint.variables) == ["parameter", "state/bias", "state/weight"]
            assert np.array_equal(checkpoint.read("parameter"), layer.weight.detach().numpy())

    @pytest.mark.parametrize("protocol", [2, 3, 4, 5])
    def test_pickle_protocols(self, protocol: int, layout: str, tmp_path: Path) -> None:
        path = save({"w": torch.ones(3), "n": 1}, tmp_path / "m.pth", layout, pickle_protocol=protocol)
        with open_checkpoint(path) as checkpoint:
            assert checkpoint.read("w").tolist() == [1, 1, 1]
            assert checkpoint.metadata == {"n": 1}

    def test_parts_of_storages_in_the_legacy_layout(self, tmp_path: Path) -> None:
        part = _part(torch_tensor("0", (2,), size=3), 1, 2)
        (tmp_path / "m.pth").write_bytes(legacy_torch_file({"w": part}, WEIGHTS))
        assert open_checkpoint(tmp_path / "m.pth").read("w").tolist() == [1, 2]

    def test_tensors_of_a_graphics_card(self, tmp_path: Path) -> None:
        tensor = torch_tensor("0", (3,))
        there = Persistent(("storage", Name("torch.cuda", "FloatStorage"), "0", "cuda:7", 3, None))
        call = Call(tensor.function, (there, *tensor.arguments[1:]))
        (tmp_path / "m.pth").write_bytes(legacy_torch_file({"w": call}, WEIGHTS))
        assert open_checkpoint(tmp_path / "m.pth").read("w").tolist() == [0, 1, 2]

    def test_other_byte_orders(self, tmp_path: Path) -> None:
        data = zip_torch_file({"w": torch_tensor("0", (3,), legacy=False)}, {"0": WEIGHTS["0"].astype(">f4")})
        source, target = zipfile.ZipFile(io.BytesIO(data)), tmp_path / "m.pth"
        with zipfile.ZipFile(target, "w") as archive:
            for name in source.namelist():
                archive.writestr(name, b"big" if name.endswith("byteorder") else source.read(name))
        assert open_checkpoint(target).read("w").tolist() == [0, 1, 2]


class TestTheRest:
    def test_names_and_metadata(self, layout: str, tmp_path: Path) -> None:
        saved = {
            "model": collections.OrderedDict([("embeddings.weight", torch.ones(2, 2)), ("bias", torch.zeros(2))]),
            "model_optimizer": {"state": {0: {"step": 3, "exp_avg": torch.ones(1)}}, "param_groups": [{"lr": 1e-4}]},
            "tensors": [torch.ones(1), "between", torch.ones(1)],
            "only": [torch.ones(1)],
            "nothing": {},
            "params": {
                "lang2id": {"en": 0},
                "size": torch.Size([2, 3]),
                "para_dataset": {("en", "fr"): "path"},
                "pred_probs": torch.ones(4),
                "mask_scores": np.linspace(0, 1, 3),
                "mean": np.float64(0.5),
                "languages": {"en"},
                "bytes": b"\xff\0",
            },
        }
        with open_checkpoint(save(saved, tmp_path / "m.pth", layout)) as checkpoint:
            assert list(checkpoint.variables) == [
                "model/bias",
                "model/embeddings.weight",
                "model_optimizer/state/0/exp_avg",
                "only/0",
                "params/pred_probs",
                "tensors/0",
                "tensors/2",
            ]
            metadata = dict(checkpoint.metadata)
        scores = metadata["params"].pop("mask_scores")
        assert isinstance(scores, ArrayInFile)
        assert scores.values().tolist() == [0, 0.5, 1]
        assert metadata == {
            "model_optimizer": {"state": {0: {"step": 3}}, "param_groups": [{"lr": 1e-4}]},
            "tensors": ["between"],
            "nothing": {},
            "params": {
                "lang2id": {"en": 0},
                "size": (2, 3),
                "para_dataset": {("en", "fr"): "path"},
                "mean": 0.5,
                "languages": ["en"],
                "bytes": b"\xff\0",
            },
        }

    def test_objects_of_attributes_are_dictionaries(self, layout: str, tmp_path: Path) -> None:
        saved = {"params": Namespace(emb_dim=8, probabilities=torch.ones(1))}
        with open_checkpoint(save(saved, tmp_path / "m.pth", layout)) as checkpoint:
            assert checkpoint.metadata == {"params": {"emb_dim": 8}}
            assert list(checkpoint.variables) == ["params/probabilities"]

    @pytest.mark.parametrize("saved", [[torch.ones(1)], {}, "text"], ids=["list", "nothing", "text"])
    def test_anything_can_be_saved(self, saved: Any, layout: str, tmp_path: Path) -> None:
        with open_checkpoint(save(saved, tmp_path / "m.pth", layout)) as checkpoint:
            assert list(checkpoint.variables) == (["0"] if isinstance(saved, list) else [])
            assert checkpoint.metadata == {}

    def test_two_names_that_are_the_same(self, layout: str, tmp_path: Path) -> None:
        saved = {"a": {"b": torch.ones(1)}, "a/b": torch.ones(1)}
        with pytest.raises(CheckpointError, match="two tensors in it are called a/b"):
            open_checkpoint(save(saved, tmp_path / "m.pth", layout))

    def test_tensors_without_a_name(self, layout: str, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match="not found by names or numbers"):
            open_checkpoint(save({(1, 2): torch.ones(1)}, tmp_path / "m.pth", layout))

    def test_modules_are_refused_by_name(self, layout: str, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match=r"(?s)m.pth is refused:.*torch.nn.modules.linear.Linear"):
            open_checkpoint(save(torch.nn.Linear(1, 1), tmp_path / "m.pth", layout))

    def test_conjugated_tensors_are_refused(self, layout: str, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match="conjugated"):
            open_checkpoint(save({"w": torch.ones(2, dtype=torch.complex64).conj()}, tmp_path / "m.pth", layout))

    def test_strings_of_python_2(self, tmp_path: Path) -> None:
        def string(text: str) -> Instructions:
            return Instructions(op("SHORT_BINSTRING", bytes([len(text)]) + text.encode()))

        name = string("model")
        items = op("EMPTY_DICT") + name.code + Instructions(pickled(torch_tensor("0", (3,)))[2:-1]).code + op("SETITEM")
        (tmp_path / "m.pth").write_bytes(legacy_torch_file(Instructions(items), WEIGHTS))
        assert list(open_checkpoint(tmp_path / "m.pth").variables) == ["model"]


class TestGoldenFile:
    PATH = FIXTURES / "xlm" / "clm-2langs-relu"

    def test_weights(self) -> None:
        expected = json.loads((self.PATH / "tensors.json").read_text())
        hashes = {name.removeprefix("transformer."): value for name, value in expected.items()}
        with open_checkpoint(self.PATH / "best-valid_clm_ppl.pth") as checkpoint:
            found = {
                name.removeprefix("model/"): hashlib.sha256(checkpoint.read(name).tobytes()).hexdigest()
                for name in checkpoint.variables
            }
        assert len(found) > 30
        assert {name: found[name] for name in hashes} == hashes

    def test_what_it_says_of_itself(self) -> None:
        with open_checkpoint(self.PATH) as checkpoint:
            assert checkpoint.format == "PyTorch file of the legacy layout"
            assert checkpoint.checksums is None
            metadata = checkpoint.metadata
        loaded = torch.load(self.PATH / "best-valid_clm_ppl.pth", weights_only=False)
        for key in ("dico_id2word", "dico_word2id", "dico_counts", "epoch", "best_metrics"):
            assert metadata[key] == loaded[key]
        plain = {key: value for key, value in loaded["params"].items() if not hasattr(value, "shape")}
        assert {key: metadata["params"][key] for key in plain} == plain
        assert np.array_equal(metadata["params"]["mask_scores"].values(), loaded["params"]["mask_scores"])


class TestDamage:
    def test_checksums_are_checked_once(self, tmp_path: Path) -> None:
        path = save({"w": torch.full((3,), 7.0), "v": torch.ones(2)}, tmp_path / "m.pth", "zip")
        data = path.read_bytes()
        assert open_checkpoint(path).checksums == "CRC-32 of every storage"
        path.write_bytes(data.replace(struct.pack("<3f", 7, 7, 7), struct.pack("<3f", 7, 6, 7)))
        checkpoint = open_checkpoint(path)
        assert checkpoint.read("v").tolist() == [1, 1]
        with pytest.raises(CheckpointError, match=r"(?s)m.pth is damaged:.*variable w: its 12 bytes.*checksum"):
            checkpoint.read("w")

    def test_files_that_do_not_say_their_byte_order(self, tmp_path: Path) -> None:
        data = zip_torch_file(SAVED_IN_ZIP, WEIGHTS).replace(b"byteorder", b"somewhere")
        (tmp_path / "m.pth").write_bytes(data)
        assert open_checkpoint(tmp_path / "m.pth").read("w").tolist() == [0, 1, 2]

    def test_files_without_checksums(self, tmp_path: Path) -> None:
        (tmp_path / "m.pth").write_bytes(zip_torch_file(SAVED_IN_ZIP, WEIGHTS, checksums=False))
        checkpoint = open_checkpoint(tmp_path / "m.pth")
        assert checkpoint.checksums is None
        assert checkpoint.read("w").tolist() == [0, 1, 2]

    @pytest.mark.parametrize(
        ("tensors", "message"),
        [
            ([torch_tensor("0", (3,)), torch_tensor("0", (3,), kind="IntStorage")], "is 3 of float32 and 3 of int32"),
            ([torch_tensor("0", (3,)), torch_tensor("0", (2,))], "is 3 of float32 and 2 of float32"),
            ([_part(torch_tensor("0", (3,)), 2, 3)], "2 to 5, is not within its 3"),
            ([_part(torch_tensor("0", (3,)), -1, 3)], "-1 to 2"),
            ([Call(Name("torch", "Size"), (3,))], "a size is made"),
            ([Call(torch_tensor("0", (3,)).function, torch_tensor("0", (3,)).arguments, {})], "has none"),
        ],
    )
    def test_storages_that_contradict_each_other(self, tensors: list[Call], message: str, tmp_path: Path) -> None:
        (tmp_path / "m.pth").write_bytes(legacy_torch_file(tensors, WEIGHTS))
        with pytest.raises(CheckpointError, match=message):
            open_checkpoint(tmp_path / "m.pth")

    def test_unknown_byte_orders(self, tmp_path: Path) -> None:
        data = zip_torch_file(SAVED_IN_ZIP, WEIGHTS).replace(b"little", b"middle")
        (tmp_path / "m.pth").write_bytes(data)
        with pytest.raises(CheckpointError, match="its byte order is b'middle'"):
            open_checkpoint(tmp_path / "m.pth")

    def test_names_that_are_longer_than_the_file(self, tmp_path: Path) -> None:
        key = op("BINPUT", b"\0") + op("POP")
        level = op("EMPTY_DICT") + op("MARK") + op("BINGET", b"\0")
        tensor = encoded(torch_tensor("0", (3,))) + op("BINPUT", b"\1")
        nested = level * 90 + op("EMPTY_LIST") + op("MARK") + tensor + op("BINGET", b"\1") * 50 + op("APPENDS")
        value = Instructions(encoded("k" * 60_000) + key + nested + op("SETITEMS") * 90)
        (tmp_path / "m.pth").write_bytes(legacy_torch_file(value, WEIGHTS))
        with pytest.raises(CheckpointError, match="names of its tensors are longer than itself"):
            open_checkpoint(tmp_path / "m.pth")

    def test_a_damaged_pickle(self, tmp_path: Path) -> None:
        data = zip_torch_file(SAVED_IN_ZIP, WEIGHTS).replace(b"_rebuild_tensor_v2", b"_rebuild_tensor_v9")
        (tmp_path / "m.pth").write_bytes(data)
        with pytest.raises(CheckpointError, match=r"(?s)m.pth is damaged.*checksum"):
            open_checkpoint(tmp_path / "m.pth")

    @pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
    def test_other_zip_archives(self, method: int, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "m.pth", "w", method) as archive:
            archive.writestr("a/data.pkl" if method else "a/other", pickled({}))
        with pytest.raises(CheckpointError, match=r"m.pth is refused:\n.*(compressed|0 entries data.pkl)"):
            open_checkpoint(tmp_path / "m.pth")

    @pytest.mark.parametrize(
        ("storages", "message"),
        [
            ({}, r"data/0 is absent"),
            ({"0": np.zeros(2, np.float32)}, r"storage 0 has 8 bytes, 3 float32 need 12"),
            ({"0": np.zeros(4, np.float32)}, r"storage 0 has 16 bytes"),
        ],
    )
    def test_storages_of_another_size(self, storages: Any, message: str, tmp_path: Path) -> None:
        (tmp_path / "m.pth").write_bytes(zip_torch_file(SAVED_IN_ZIP, storages))
        with pytest.raises(CheckpointError, match=message):
            open_checkpoint(tmp_path / "m.pth")

    @pytest.mark.parametrize(
        ("storages", "message"),
        [
            ({}, r"storage 0 is absent"),
            ({"0": np.zeros(2, np.float32)}, r"storage 0 has 2 values for 3"),
            ({"1": np.zeros(3, np.float32)}, r"a storage that no tensor has"),
        ],
    )
    def test_storages_of_another_size_in_the_legacy_layout(self, storages: Any, message: str, tmp_path: Path) -> None:
        (tmp_path / "m.pth").write_bytes(legacy_torch_file(SAVED, storages))
        with pytest.raises(CheckpointError, match=message):
            open_checkpoint(tmp_path / "m.pth")

    def test_every_cut_is_noticed(self, layout: str, tmp_path: Path) -> None:
        path = tmp_path / "m.pth"
        make = legacy_torch_file if layout == "legacy" else zip_torch_file
        data = make(SAVED if layout == "legacy" else SAVED_IN_ZIP, WEIGHTS)
        for size in range(40, len(data), 7):
            path.write_bytes(data[:size])
            with pytest.raises(CheckpointError, match="m.pth"):
                open_checkpoint(path)

    @pytest.mark.parametrize(
        "head", [(MAGIC_NUMBER, 1002), (MAGIC_NUMBER, 1001, {}, {}, 7), (MAGIC_NUMBER, 1001, {}, {}, [7])]
    )
    def test_other_heads(self, head: tuple[Any, ...], tmp_path: Path) -> None:
        (tmp_path / "m.pth").write_bytes(b"".join(map(pickled, head)))
        with pytest.raises(CheckpointError, match="m.pth is damaged"):
            open_checkpoint(tmp_path / "m.pth")
