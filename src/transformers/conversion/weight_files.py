"""Weight files: written tensor by tensor, read back piece by piece."""

from __future__ import annotations

import abc
import errno
import json
import math
import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np

from ..checkpoints import Variable
from .pieces import Array, numpy_type
from .plan import PlanRow

#: Data type -> its name in a safetensors header.
SAFETENSORS_NAMES = {"float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64"}
_DTYPES = {name: dtype for dtype, name in SAFETENSORS_NAMES.items()}

#: The metadata that loaders of PyTorch models look for.
_METADATA = {"format": "pt"}


class SafetensorsWriter:
    """Writes a ``.safetensors`` file whose tensors are known in advance and come one after the other.

    The library of that name wants all tensors in memory; the format does not: a length, a JSON header with the place of
    every tensor, and their bytes.

    Args:
        path: The file.
        rows: The tensors in the order in which their bytes will come.
    """

    def __init__(self, path: Path, rows: Sequence[PlanRow]) -> None:
        header: dict[str, Any] = {"__metadata__": _METADATA}
        offset = 0
        for row in rows:
            header[row.target] = {
                "dtype": SAFETENSORS_NAMES[row.dtype],
                "shape": list(row.shape),
                "data_offsets": [offset, offset + row.nbytes],
            }
            offset += row.nbytes
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)
        self._path = path
        self._missing = 8 + len(text) + offset
        self._file: BinaryIO = path.open("wb", buffering=0)
        try:
            _reserve(self._file, self._missing)
            self._write(memoryview(len(text).to_bytes(8, "little") + text))
        except BaseException:
            self._file.close()
            raise

    def append(self, values: Array) -> None:
        """Writes the next bytes."""
        self._write(values.reshape(-1).view(np.uint8).data)

    def _write(self, view: memoryview) -> None:
        self._missing -= len(view)
        while view:
            view = view[self._file.write(view) or 0 :]

    def __enter__(self) -> SafetensorsWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if error is None and self._missing:
            raise RuntimeError(f"{self._path}: the header and the bytes of the tensors differ by {self._missing} bytes")


def _reserve(file: BinaryIO, size: int) -> None:
    """Takes the room for a file: a full disk is noticed here, before anything is copied."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # which file systems answer that cannot reserve
            raise


class StoredWeights(abc.ABC):
    """Weights that were written, opened to be read back. A context manager closes them."""

    @abc.abstractmethod
    def tensor(self, name: str) -> Array:
        """A tensor as a view of the mapped file, bfloat16 as bit patterns."""

    def release(self) -> None:  # noqa: B027  # not every format maps its file itself
        """Gives mapped pages back to the system."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class StoredSafetensors(StoredWeights):
    """A ``.safetensors`` file.

    That the header is right is the word of the library of that name, which reads it first.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        from safetensors import safe_open

        with safe_open(path, framework="numpy") as file:
            names = file.keys()
            self._types = {name: (file.get_slice(name).get_dtype(), file.get_slice(name).get_shape()) for name in names}
        with path.open("rb") as opened:
            self._map = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        length = int.from_bytes(self._map[:8], "little")
        self._header = json.loads(self._map[8 : 8 + length])
        self._start = 8 + length

    @property
    def variables(self) -> dict[str, Variable]:
        """The tensors in it."""
        return {
            name: Variable(name, tuple(shape), _DTYPES.get(kind, kind.lower()))
            for name, (kind, shape) in self._types.items()
        }

    def tensor(self, name: str) -> Array:
        kind, shape = self._types[name]
        dtype = numpy_type(_DTYPES[kind])
        offset = self._start + self._header[name]["data_offsets"][0]
        return np.frombuffer(self._map, dtype, math.prod(shape), offset).reshape(shape)

    def release(self) -> None:
        self._map.madvise(mmap.MADV_DONTNEED)


@dataclass(frozen=True)
class WeightFile:
    """One weight file of an output.

    Attributes:
        name: Its name.
        rows: The tensors in it, in order.
    """

    name: str
    rows: tuple[PlanRow, ...]

    @property
    def nbytes(self) -> int:
        """The bytes of its tensors."""
        return sum(row.nbytes for row in self.rows)


def split_rows(rows: Sequence[PlanRow], name: str, limit: int | None) -> list[WeightFile]:
    """Spreads the tensors over files of at most ``limit`` bytes; a tensor larger than that has a file to itself.

    Args:
        rows: The tensors.
        name: The name of the file if one is enough.
        limit: The limit, or None.
    """
    groups: list[list[PlanRow]] = [[]]
    size = 0
    for row in rows:
        if limit is not None and groups[-1] and size + row.nbytes > limit:
            groups.append([])
            size = 0
        groups[-1].append(row)
        size += row.nbytes
    if len(groups) == 1:
        return [WeightFile(name, tuple(groups[0]))]
    stem, _, suffix = name.rpartition(".")
    count = len(groups)
    return [
        WeightFile(f"{stem}-{number:05d}-of-{count:05d}.{suffix}", tuple(group))
        for number, group in enumerate(groups, start=1)
    ]


def index_text(files: Sequence[WeightFile]) -> str:
    """The index of a sharded output: which file holds which tensor."""
    places = {row.target: file.name for file in files for row in file.rows}
    content = {
        "metadata": {"total_size": sum(file.nbytes for file in files)},
        "weight_map": dict(sorted(places.items())),
    }
    return json.dumps(content, indent=2) + "\n"
