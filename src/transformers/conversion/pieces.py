"""Large arrays in pieces: what is converted at once fits in the processor's cache, whatever the size of the tensor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checkpoints.base import ITEM_SIZES, CheckpointReader, float32_from_bfloat16

Array = NDArray[Any]

#: Bytes that are handled at once.
PIECE_BYTES = 4 * 1024 * 1024

#: How NumPy holds a data type; it has no bfloat16, whose bit patterns are carried as whole numbers.
_NUMPY_TYPES = {"bfloat16": np.dtype("<u2")}


def numpy_type(dtype: str) -> np.dtype[Any]:
    """The little-endian NumPy type in which values of a data type are held."""
    return _NUMPY_TYPES.get(dtype) or np.dtype(dtype).newbyteorder("<")


def piece_slices(shape: tuple[int, ...], dtype: str) -> Iterator[tuple[slice, ...]]:
    """Regions that cover an array in the order of its elements, each of about :data:`PIECE_BYTES`."""
    if not shape:
        yield ()
        return
    row_bytes = ITEM_SIZES[dtype] * int(np.prod(shape[1:], dtype=np.int64))
    if row_bytes > PIECE_BYTES and len(shape) > 1:
        for index in range(shape[0]):
            yield from ((slice(index, index + 1), *inner) for inner in piece_slices(shape[1:], dtype))
        return
    rows = max(1, PIECE_BYTES // max(1, row_bytes))
    yield from ((slice(start, min(start + rows, shape[0])),) for start in range(0, shape[0], rows))


def cast(values: Array, source: str, target: str) -> Array:
    """Values of one data type as contiguous little-endian values of another.

    A bfloat16 is rounded to the nearest even, as NumPy rounds the other types.

    Raises:
        FloatingPointError: If a finite value is too large for the other type.
    """
    if source == target:
        return _ordered(values, numpy_type(target))
    wide = float32_from_bfloat16(_ordered(values, numpy_type(source))) if source == "bfloat16" else values
    with np.errstate(over="raise", invalid="ignore"):  # "invalid" is about signaling NaN: one NaN is as good as another
        if target == "bfloat16":
            return _bfloat16_bits(_ordered(wide, numpy_type("float32")))
        return _ordered(wide, numpy_type(target))


def _ordered(values: Array, dtype: np.dtype[Any]) -> Array:
    """The values of a type in the order of their elements; unlike ``ascontiguousarray``, scalars stay scalars."""
    return np.asarray(values, dtype=dtype, order="C")


def _bfloat16_bits(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    bits = values.view(np.uint32)
    rounded = bits + (((bits >> 16) & 1) + np.uint32(0x7FFF))
    return np.asarray(np.where(np.isnan(values), (bits >> 16) | 0x0040, rounded >> 16), dtype="<u2")


def widens(source: str, target: str) -> bool:
    """Whether every value of one data type is a value of another, so that a cast can be undone."""
    return source == target or (source, target) in {
        ("float16", "float32"), ("bfloat16", "float32"), ("float16", "float64"), ("bfloat16", "float64"),
        ("float32", "float64"),
    }  # fmt: skip


def contiguous(values: Array) -> Array:
    """The values in the order of their elements.

    A matrix that lies in memory column by column is copied in strips: going through it row by row, as NumPy does, would
    touch another cache line with every element (measured: six times slower).
    """
    if values.ndim != 2 or values.strides[0] >= values.strides[1]:
        return _ordered(values, values.dtype)
    result = np.empty(values.shape, values.dtype)
    for start in range(0, values.shape[1], _STRIP):
        result[:, start : start + _STRIP] = values[:, start : start + _STRIP]
    return result


_STRIP = 64


def same_bits(one: Array, other: Array) -> bool:
    """Whether two arrays hold the same bytes; unlike ``==`` this knows NaN and the sign of zero."""
    return one.shape == other.shape and np.array_equal(_bits(one), _bits(other))


def same_values(checkpoint: CheckpointReader, one: str, other: str) -> bool:
    """Whether two variables of a checkpoint hold the same values, to the bit; what lies in one place is not read."""
    variables = checkpoint.variables[one], checkpoint.variables[other]
    if (variables[0].shape, variables[0].dtype) != (variables[1].shape, variables[1].dtype):
        return False
    values = checkpoint.read(one), checkpoint.read(other)
    if len({(each.__array_interface__["data"], each.strides, each.dtype) for each in values}) == 1:
        return True
    for region in piece_slices(variables[0].shape, variables[0].dtype):
        same = same_bits(np.asarray(values[0][region]), np.asarray(values[1][region]))
        checkpoint.release()
        if not same:
            return False
    return True


def _bits(values: Array) -> Array:
    little = _ordered(values, values.dtype.newbyteorder("<"))
    return little.reshape(-1).view(f"<u{values.dtype.itemsize}")
