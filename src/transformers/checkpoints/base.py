"""What every reader of an original checkpoint offers: named variables, read one at a time."""

from __future__ import annotations

import abc
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError


class CheckpointError(UserError):
    """A checkpoint is absent, damaged or of a kind that cannot be read; the message names file and variable."""


#: Bytes of an element, by the names that :class:`Variable` uses for data types. ``string`` has no fixed size.
ITEM_SIZES: Mapping[str, int] = {
    "bool": 1,
    "uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8,
    "int8": 1, "int16": 2, "int32": 4, "int64": 8,
    "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8,
    "complex64": 8, "complex128": 16,
    "float8_e5m2": 1, "float8_e4m3fn": 1,
    "qint8": 1, "quint8": 1, "qint16": 2, "quint16": 2, "qint32": 4,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Variable:
    """Name, shape and data type of a stored tensor, as its checkpoint spells them."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the values; 0 for strings, whose length is not part of the type."""
        return self.size * ITEM_SIZES.get(self.dtype, 0)


class CheckpointReader(abc.ABC):
    """An opened checkpoint. Opening reads the index only; a context manager closes its files.

    Attributes:
        path: What the user passed.
        format: The file format in words, for messages and reports, such as ``TensorFlow V2 bundle``.
        files: Every file that belongs to the checkpoint. None of them may ever be written to.
        variables: The variables by name, sorted by name.
        metadata: What the file says besides its variables, as plain values; most formats say nothing.
        checksums: What is checked when a tensor is read, in words, or None if the format has no checksums.
    """

    path: Path
    format: str
    files: tuple[Path, ...]
    variables: Mapping[str, Variable]
    metadata: Mapping[str, Any] = MappingProxyType({})
    checksums: str | None

    @abc.abstractmethod
    def read(self, name: str) -> NDArray[Any]:
        """The values of a variable; its checksum is verified when it is read for the first time.

        Returns:
            A read-only array in native byte order or as a byte-swapped view, possibly unaligned, where the format
            allows it a view of the mapped file. ``bfloat16`` values come as ``uint16`` and the 8-bit floats as
            ``uint8`` (the bit patterns), quantized values as the integers that they are, strings as an array of
            ``object`` holding ``bytes``.

        Raises:
            KeyError: If there is no such variable.
            CheckpointError: If the bytes are damaged or absent.
        """

    @abc.abstractmethod
    def release(self) -> None:
        """Gives mapped pages back to the system, so that they do not pile up. Arrays stay valid and are read anew."""

    @abc.abstractmethod
    def close(self) -> None:
        """Closes the files. Arrays that were handed out stay valid."""

    def __enter__(self) -> CheckpointReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def float32_from_bfloat16(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The float32 numbers whose upper halves are the given bfloat16 bit patterns."""
    return (bits.astype(np.uint32) << 16).view(np.float32)
