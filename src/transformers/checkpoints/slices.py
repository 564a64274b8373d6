"""Partitioned variables: boxes that together make up a tensor."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .damage import FormatError
from .messages import TensorSlice

#: Start and length along every axis, as a file states them; the length -1 means the whole axis.
Extents: TypeAlias = tuple[tuple[int, int], ...]

#: The place of a slice in its tensor, as an index.
Box: TypeAlias = tuple[slice, ...]

_MOST_CUT_AXES = 8  # as many as TensorFlow's own slices can have
_MOST_CORNERS = 1 << 17


def extents_of(stored: TensorSlice) -> Extents:
    """The extents of a stored slice."""
    return tuple((extent.start, extent.length) for extent in stored.extent)


def box(extents: Extents, shape: Sequence[int]) -> Box:
    """The index of a slice in its tensor.

    Raises:
        FormatError: If the slice does not lie in the tensor.
    """
    if len(extents) != len(shape):
        raise FormatError(f"a slice of {len(extents)} axes cannot be of the shape {list(shape)}")
    ranges = [
        (start, dim if length == -1 else start + length) for (start, length), dim in zip(extents, shape, strict=True)
    ]
    if not all(0 <= start <= stop <= dim for (start, stop), dim in zip(ranges, shape, strict=True)):
        raise FormatError(f"the slice {_text(extents)} is not within the shape {list(shape)}")
    return tuple(slice(start, stop) for start, stop in ranges)


def box_shape(index: Box) -> tuple[int, ...]:
    """The shape of a slice."""
    return tuple(axis.stop - axis.start for axis in index)


def cut(shape: Sequence[int], parts: Sequence[int]) -> Iterator[Extents]:
    """Cuts every axis of a tensor into parts that differ by one at most, the longer ones first.

    Raises:
        ValueError: If there is not one number of parts for each axis, or one is too large.
    """
    if len(parts) != len(shape) or not all(1 <= count <= dim for count, dim in zip(parts, shape, strict=True)):
        raise ValueError(f"the shape {list(shape)} cannot be cut into {list(parts)} parts")
    axes = []
    for count, dim in zip(parts, shape, strict=True):
        lengths = [dim // count + (part < dim % count) for part in range(count)]
        axes.append(list(zip(accumulate(lengths, initial=0), lengths, strict=False)))
    yield from product(*axes)


def check_cover(boxes: Sequence[Box], shape: Sequence[int]) -> None:
    """Makes sure that slices cover a tensor exactly, without gaps and without overlaps.

    A box is known by its corners with alternating signs, and boxes add up as their corners do. So the slices make up
    the tensor if and only if their corners add up to the tensor's.

    Raises:
        FormatError: If they do not, or there are too many to tell.
    """
    cut = [axis for axis, dim in enumerate(shape) if any(index[axis] != slice(0, dim) for index in boxes)]
    if len(cut) > _MOST_CUT_AXES or len(boxes) << len(cut) > _MOST_CORNERS:
        raise FormatError(f"{len(boxes)} slices that cut {len(cut)} axes are too many")
    corners: Counter[tuple[int, ...]] = Counter()
    for index in boxes:
        _add_corners(corners, [index[axis] for axis in cut], 1)
    _add_corners(corners, [slice(0, shape[axis]) for axis in cut], -1)
    if any(corners.values()):
        raise FormatError(f"its {len(boxes)} slices do not cover the shape {list(shape)} exactly once")


def _add_corners(corners: Counter[tuple[int, ...]], index: Sequence[slice], weight: int) -> None:
    for corner in product(*(((axis.start, 1), (axis.stop, -1)) for axis in index)):
        corners[tuple(place for place, _ in corner)] += weight * math.prod(sign for _, sign in corner)


def assemble(parts: Iterable[tuple[Box, NDArray[Any]]], shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Puts slices, which cover the shape, into one new array."""
    whole = np.empty(shape, dtype)
    for index, values in parts:
        whole[index] = values
    return whole


def _text(extents: Extents) -> str:
    return "[" + ", ".join(f"{start}:{'' if length == -1 else start + length}" for start, length in extents) + "]"
