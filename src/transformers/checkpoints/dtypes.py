"""TensorFlow's data types: their numbers in files, their names, and the NumPy types that hold their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .damage import FormatError


@dataclass(frozen=True, slots=True)
class DataType:
    """A data type.

    Attributes:
        number: TensorFlow's ``DataType`` enumeration.
        name: TensorFlow's name.
        numpy: The type of the values as they are handed out.
    """

    number: int
    name: str
    numpy: np.dtype[Any]

    @property
    def item_size(self) -> int:
        """Bytes of an element in files; 0 if elements differ in it or it is not known."""
        return 0 if self.numpy in (_OBJECT, _UNREADABLE) else self.numpy.itemsize

    @property
    def is_readable(self) -> bool:
        """Whether the values can be handed out."""
        return self.numpy != _UNREADABLE


_OBJECT = np.dtype(object)
_UNREADABLE = np.dtype(np.void)

STRING = DataType(7, "string", _OBJECT)

_TYPES = (
    DataType(1, "float32", np.dtype(np.float32)),
    DataType(2, "float64", np.dtype(np.float64)),
    DataType(3, "int32", np.dtype(np.int32)),
    DataType(4, "uint8", np.dtype(np.uint8)),
    DataType(5, "int16", np.dtype(np.int16)),
    DataType(6, "int8", np.dtype(np.int8)),
    STRING,
    DataType(8, "complex64", np.dtype(np.complex64)),
    DataType(9, "int64", np.dtype(np.int64)),
    DataType(10, "bool", np.dtype(np.bool_)),
    DataType(11, "qint8", np.dtype(np.int8)),
    DataType(12, "quint8", np.dtype(np.uint8)),
    DataType(13, "qint32", np.dtype(np.int32)),
    DataType(14, "bfloat16", np.dtype(np.uint16)),
    DataType(15, "qint16", np.dtype(np.int16)),
    DataType(16, "quint16", np.dtype(np.uint16)),
    DataType(17, "uint16", np.dtype(np.uint16)),
    DataType(18, "complex128", np.dtype(np.complex128)),
    DataType(19, "float16", np.dtype(np.float16)),
    DataType(20, "resource", _UNREADABLE),
    DataType(21, "variant", _UNREADABLE),
    DataType(22, "uint32", np.dtype(np.uint32)),
    DataType(23, "uint64", np.dtype(np.uint64)),
    DataType(24, "float8_e5m2", np.dtype(np.uint8)),
    DataType(25, "float8_e4m3fn", np.dtype(np.uint8)),
    DataType(29, "int4", _UNREADABLE),
    DataType(30, "uint4", _UNREADABLE),
)
_BY_NUMBER: Mapping[int, DataType] = {dtype.number: dtype for dtype in _TYPES}
_BY_NAME: Mapping[str, DataType] = {dtype.name: dtype for dtype in _TYPES}


def dtype_numbered(number: int) -> DataType:
    """The data type that a file means. One that is not known is named by its number and cannot be read.

    Raises:
        FormatError: If no data type can have this number.
    """
    if not 0 < number < 100:  # from 101 on they are references, which are never stored
        raise FormatError(f"there is no data type {number}")
    return _BY_NUMBER.get(number) or DataType(number, f"type {number}", _UNREADABLE)


def dtype_named(name: str) -> DataType:
    """The data type of a name, such as ``bfloat16``.

    Raises:
        ValueError: If there is none.
    """
    if name not in _BY_NAME:
        raise ValueError(f"there is no data type {name!r}")
    return _BY_NAME[name]
