"""A model that is stored already, as a verification or an export finds it: whichever files its tensors are in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._files import read_json_object
from ..checkpoints import Variable
from ..checkpoints.torch_file import TorchFileReader
from ..errors import MissingFileError, UserError
from .output import TORCH_SUFFIXES, WEIGHT_SUFFIXES
from .pieces import Array, piece_slices, same_bits
from .weight_files import StoredSafetensors, StoredWeights

CONFIG_FILE = "config.json"

#: Where the tensors of a folder are, the likeliest first; an index names the files.
_CANDIDATES = (
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
)  # fmt: skip


class StoredModel(StoredWeights):
    """The configuration and the tensors of a model, read without PyTorch.

    Args:
        path: A folder, or a weight file with ``config.json`` beside it.

    Attributes:
        path: The same.
        folder: The folder.
        config: What ``config.json`` holds.
        tensors: The tensors by name.
        files: The weight files, with the index if there is one.

    Raises:
        MissingFileError: If a file is not there.
        UserError: If one is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        is_file = path.is_file() or path.suffix in WEIGHT_SUFFIXES
        self.folder = path.parent if is_file else path
        self.config = read_json_object(self.folder / CONFIG_FILE)
        found = path if is_file else _find(path)
        weights = _indexed(found) if found.suffix == ".json" else [found]
        self.files = (*weights, found) if found.suffix == ".json" else (found,)
        self._stored = {file: _open(file) for file in weights}
        self._places = {name: file for file, stored in self._stored.items() for name in stored.variables}
        self.tensors: Mapping[str, Variable] = {
            name: self._stored[file].variables[name] for name, file in self._places.items()
        }

    def file_of(self, name: str) -> str:
        """The name of the file that holds a tensor."""
        return self._places[name].name

    def tensor(self, name: str) -> Array:
        values: Array = self._stored[self._places[name]].tensor(name)
        return values

    def release(self) -> None:
        for stored in self._stored.values():
            stored.release()

    def repeats(self, name: str, original: str) -> bool:
        """Whether two tensors hold the same values, to the bit."""
        one, other = self.tensors[name], self.tensors[original]
        if (one.shape, one.dtype) != (other.shape, other.dtype):
            return False
        for region in piece_slices(one.shape, one.dtype):
            same = same_bits(np.asarray(self.tensor(name)[region]), np.asarray(self.tensor(original)[region]))
            self.release()
            if not same:
                return False
        return True


class _StoredByTorch(StoredWeights):
    """A file of ``torch.save``, read by our own reader."""

    def __init__(self, path: Path) -> None:
        self._reader = TorchFileReader(path, path)
        self.variables = self._reader.variables

    def tensor(self, name: str) -> Array:
        return self._reader.read(name)

    def release(self) -> None:
        self._reader.release()


def _open(path: Path) -> Any:
    if path.suffix in TORCH_SUFFIXES:
        return _StoredByTorch(path)
    from safetensors import SafetensorError

    try:
        return StoredSafetensors(path)
    except SafetensorError as error:
        raise UserError(f"{path} is damaged or not a safetensors file: {error}") from error


def _find(folder: Path) -> Path:
    for name in _CANDIDATES:
        if (folder / name).is_file():
            return folder / name
    raise MissingFileError(
        f"{folder} has no weights: {', '.join(_CANDIDATES)}.", advice="A weight file of another name is named itself."
    )


def _indexed(index: Path) -> list[Path]:
    """The files that an index names."""
    places = read_json_object(index).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise UserError(f"{index} is not an index of weight files: its weight_map should map tensors to files.")
    files = [index.parent / name for name in sorted(set(places.values()))]
    if absent := [file.name for file in files if file.parent != index.parent or not file.is_file()]:
        raise MissingFileError(f"{index} names files that are not beside it:", absent)
    return files
