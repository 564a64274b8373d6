"""Shapes as files state them, and those that can be believed."""

from __future__ import annotations

import math

from .damage import FormatError
from .messages import TensorShape

_MOST_AXES = 32  # NumPy 1's limit; TensorFlow computes with 8 at most
_MOST_BYTES = 1 << 62


def checked_shape(shape: TensorShape) -> tuple[int, ...]:
    """The dimensions of a stored shape.

    Raises:
        FormatError: If no array can have this shape.
    """
    dims = tuple(dim.size for dim in shape.dim[: _MOST_AXES + 1])
    if shape.unknown_rank or len(dims) > _MOST_AXES:
        raise FormatError(f"a shape of {'unknown rank' if shape.unknown_rank else f'{len(shape.dim)} axes'} cannot be")
    if min(dims, default=0) < 0 or math.prod(dim for dim in dims if dim) > _MOST_BYTES // 16:
        raise FormatError(f"the shape {list(dims)} cannot be")
    return dims
