"""The values of V1 files: each data type has its own list of numbers in a ``TensorProto``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .damage import FormatError
from .dtypes import DataType
from .messages import TensorProto
from .varint import ReadBuffer, read_varints


def can_decode(dtype: DataType) -> bool:
    """Whether V1 files can hold values of this type."""
    return dtype.name in _READERS


def decode_values(values: TensorProto, dtype: DataType, count: int) -> NDArray[Any]:
    """The values in a message, as a vector; a view of the message where their layout allows it.

    Args:
        values: The message.
        dtype: The type of the values, for which :func:`can_decode` holds.
        count: How many there are.

    Raises:
        FormatError: If there is another number of values, or one that the type cannot hold.
    """
    field, read = _READERS[dtype.name]
    return read(getattr(values, field), dtype.numpy, count)


def _plain(data: ReadBuffer, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    if len(data) != count * dtype.itemsize:
        raise FormatError(f"its values take {len(data)} bytes, {count} of {dtype.name} take {count * dtype.itemsize}")
    return np.frombuffer(data, dtype.newbyteorder("<"))


def _integers(data: ReadBuffer, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    numbers = read_varints(data, count)
    if dtype.kind == "i":
        numbers = numbers.view(np.int64)
    values = numbers.astype(dtype)
    if not np.array_equal(values, numbers):
        raise FormatError(f"it has values that are no {dtype.name}")
    return values


def _bit_patterns(data: ReadBuffer, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    return _integers(data, np.dtype(np.uint16), count).view(dtype)


def _strings(data: list[ReadBuffer], dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    if len(data) != count:
        raise FormatError(f"it has {len(data)} strings, expected {count}")
    values = np.empty(count, dtype)
    values[:] = [bytes(string) for string in data]
    return values


_READERS: dict[str, tuple[str, Callable[[Any, np.dtype[Any], int], NDArray[Any]]]] = {
    "float32": ("float_val", _plain),
    "float64": ("double_val", _plain),
    "complex64": ("scomplex_val", _plain),
    "complex128": ("dcomplex_val", _plain),
    "int8": ("int_val", _integers),
    "int16": ("int_val", _integers),
    "int32": ("int_val", _integers),
    "uint8": ("int_val", _integers),
    "uint16": ("int_val", _integers),
    "qint8": ("int_val", _integers),
    "qint16": ("int_val", _integers),
    "qint32": ("int_val", _integers),
    "quint8": ("int_val", _integers),
    "quint16": ("int_val", _integers),
    "int64": ("int64_val", _integers),
    "bool": ("bool_val", _integers),
    "float16": ("half_val", _bit_patterns),
    "string": ("string_val", _strings),
}
