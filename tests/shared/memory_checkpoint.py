"""A checkpoint that lives in memory: what the conversion sees of a file, without a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from transformers.checkpoints import CheckpointReader, Variable


class MemoryCheckpoint(CheckpointReader):
    """Offers arrays as the variables of a checkpoint.

    Args:
        arrays: Name -> values; ``uint16`` arrays are taken for bfloat16 bit patterns.
        path: What to call it.
    """

    checksums = None
    format = "arrays in memory"

    def __init__(self, arrays: Mapping[str, np.ndarray[Any, Any]], path: str = "memory/model.ckpt") -> None:
        self._arrays = dict(arrays)
        self.path = Path(path)
        self.files = (self.path,)
        self.variables = {
            name: Variable(name, values.shape, "bfloat16" if values.dtype == np.uint16 else str(values.dtype))
            for name, values in sorted(arrays.items())
        }

    def read(self, name: str) -> np.ndarray[Any, Any]:
        return self._arrays[name]

    def release(self) -> None:
        pass

    def close(self) -> None:
        pass
