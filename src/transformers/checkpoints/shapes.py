"""Shapes as files state them, and those that can be believed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .damage import FormatError
from .messages import TensorShape

_MOST_AXES = 32  # NumPy 1's limit; TensorFlow computes with 8 at most
_MOST_BYTES = 1 << 62


def checked_shape(shape: TensorShape) -> tuple[int, ...]:
    """The dimensions of a stored shape.

    Raises:
        FormatError: If no array can have this shape.
    """
    if shape.unknown_rank:
        raise FormatError("a shape of unknown rank cannot be")
    return checked_dims([dim.size for dim in shape.dim])


def checked_dims(dims: Sequence[Any]) -> tuple[int, ...]:
    """The dimensions of a shape that may be anything.

    Raises:
        FormatError: If no array can have this shape.
    """
    if len(dims) > _MOST_AXES:
        raise FormatError(f"a shape of {len(dims)} axes cannot be")
    if not all(type(dim) is int and 0 <= dim <= _MOST_BYTES for dim in dims):
        shown = [dim if type(dim) is int and abs(dim) <= 1 << 64 else "?" for dim in dims]
        raise FormatError(f"the shape {shown} cannot be")
    if math.prod(dim for dim in dims if dim) > _MOST_BYTES // 16:
        raise FormatError(f"the shape {list(dims)} cannot be")
    return tuple(dims)
