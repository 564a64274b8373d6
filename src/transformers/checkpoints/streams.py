"""Values on their way into a file: in pieces, so that no variable has to be in memory as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .base import Variable

#: Makes the values of a variable when its turn comes: arrays whose elements, one after the other, are its own.
Stream: TypeAlias = Callable[[], Iterable[NDArray[Any]]]


def little_endian(variable: Variable, dtype: np.dtype[Any], pieces: Iterable[NDArray[Any]]) -> Iterator[memoryview]:
    """The bytes of a variable's values as files have them.

    Args:
        variable: The variable.
        dtype: The type in which its values come.
        pieces: They.

    Raises:
        ValueError: If they are of another type, more, or fewer.
    """
    size = 0
    for piece in pieces:
        if piece.dtype.newbyteorder("=") != dtype:
            raise ValueError(f"{variable.name} should be {variable.dtype}, a piece of it is {piece.dtype.name}")
        size += piece.size
        if size > variable.size:
            break
        yield np.ascontiguousarray(piece, piece.dtype.newbyteorder("<")).reshape(-1).view(np.uint8).data
    if size != variable.size:
        raise ValueError(f"{variable.name} should be {list(variable.shape)}: {variable.size} values, not {size}")
