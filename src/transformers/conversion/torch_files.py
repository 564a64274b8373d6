"""Weight files in the format of ``torch.save``: the only part of the conversion that needs PyTorch."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from ..checkpoints import CheckpointReader
from ..errors import MissingDependencyError
from .pieces import Array
from .plan import PlanRow
from .run import converted
from .weight_files import StoredWeights


def require_torch(name: str) -> Any:
    """PyTorch.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"Writing {name} needs PyTorch, which is not installed: pip install 'transformers[torch]', "
            "or let the output end in .safetensors."
        ) from error
    return torch


def save_as_torch(safetensors_file: Path, path: Path, tied: Mapping[str, str]) -> None:
    """Writes the tensors of a ``.safetensors`` file as the state dict of the model; they stay mapped, not loaded.

    Args:
        safetensors_file: The file.
        path: Where to write.
        tied: Keys that are other names of a parameter -> that parameter's key. A model's own state dict has them, and
            a tensor with two names is saved once.
    """
    torch = require_torch(path.name)
    from safetensors import safe_open

    with safe_open(safetensors_file, framework="pt") as file, path.open("wb") as opened:
        output = _FailureKeeper(opened)
        try:
            tensors = {name: file.get_tensor(name) for name in file.offset_keys()}
            repeated = {name: tensors[original] for name, original in tied.items() if original in tensors}
            torch.save({**tensors, **repeated}, output)
        except RuntimeError as error:  # in which PyTorch loses why it could not write
            raise output.failure or error from error


class _FailureKeeper(io.BufferedIOBase):
    """Passes bytes on to a file, and remembers what went wrong.

    Args:
        file: The file.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.failure: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            self.failure = self.failure or error
            raise


class StoredStateDict(StoredWeights):
    """A state dict that PyTorch saved.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._torch = require_torch(path.name)
        self._tensors = self._torch.load(path, map_location="cpu", weights_only=True, mmap=True)

    def tensor(self, name: str) -> Array:
        tensor = self._tensors[name]
        values: Array = (tensor.view(self._torch.uint16) if tensor.dtype == self._torch.bfloat16 else tensor).numpy()
        return values


def tensors_of(rows: Sequence[PlanRow], checkpoint: CheckpointReader) -> dict[str, Any]:
    """The tensors of a plan in memory, tied ones left out."""
    torch = require_torch("a model")
    tensors: dict[str, Any] = {}
    for row in rows:
        tensor = torch.empty(row.shape, dtype=getattr(torch, row.dtype))
        flat, start = tensor.view(-1).view(torch.uint8).numpy(), 0
        for values in converted(row, checkpoint):
            flat[start : start + values.nbytes] = values.reshape(-1).view("u1")
            start += values.nbytes
        tensors[row.target] = tensor
        checkpoint.release()
    return tensors
