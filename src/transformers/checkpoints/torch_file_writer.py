"""Writes files of ``torch.save`` without PyTorch, in the legacy layout, which every release of it reads.

See :mod:`.torch_file` for the layout. Tensors come one after the other, and in pieces.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .base import Variable
from .pickle_writer import Called, Named, Reference, write_pickle
from .streams import Stream, little_endian
from .torch_file import LEGACY_PROTOCOL, MAGIC_NUMBER

_MACHINE = {
    "protocol_version": LEGACY_PROTOCOL,
    "little_endian": True,
    "type_sizes": {"short": 2, "int": 4, "long": 4},
}
_ORDERED = Named("collections", "OrderedDict")


def write_torch_file(
    path: Path,
    tensors: Sequence[tuple[Variable, Stream]],
    rest: Mapping[str, Any],
    repeated: Mapping[str, str],
) -> None:
    """Writes float32 tensors and plain values; only a piece of a tensor is held at a time.

    Args:
        path: The file. It must not exist.
        tensors: Tensors, named by the keys that lead to each, with ``/`` between them as :class:`.TorchFileReader` has
            them: ``model/embeddings.weight``.
        rest: What else is in the dictionary that is saved.
        repeated: Further tensors, which share the values of one of these: name -> the other's name.

    Raises:
        FileExistsError: If the file is already there.
        OSError: If the disk is full, or the folder cannot be written to.
        ValueError: If values are not of their tensor's shape and type.
        TypeError: If ``rest`` holds anything but plain values.
    """
    keys = {variable.name: str(number) for number, (variable, _) in enumerate(tensors)}
    pickled = {variable.name: _tensor(variable, keys[variable.name]) for variable, _ in tensors}
    pickled |= {name: pickled[original] for name, original in repeated.items()}
    with path.open("xb") as file:
        for value in (MAGIC_NUMBER, LEGACY_PROTOCOL, _MACHINE, {**_nested(pickled), **rest}, list(keys.values())):
            write_pickle(file, value)
        for variable, stream in tensors:
            file.write(struct.pack("<q", variable.size))
            file.writelines(little_endian(variable, np.dtype(np.float32), stream()))


def _tensor(variable: Variable, key: str) -> Called:
    shape = variable.shape
    strides = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    storage = Reference(("storage", Named("torch", "FloatStorage"), key, "cpu", variable.size, None))
    return Called(Named("torch._utils", "_rebuild_tensor_v2"), (storage, 0, shape, strides, False, Called(_ORDERED)))


def _nested(tensors: Mapping[str, Called]) -> dict[str, Called]:
    """The tensors as state dicts in a dictionary."""
    by_key = itertools.groupby(sorted(tensors), lambda name: name.partition("/")[0])
    return {
        key: Called(_ORDERED, ([[name.partition("/")[2], tensors[name]] for name in names],)) for key, names in by_key
    }
