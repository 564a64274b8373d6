"""Writes folders of numbered arrays, see :mod:`.numpy_folder`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np

from .base import Variable
from .numpy_folder import SHAPES_FILE
from .streams import Stream, little_endian

#: As many files as the released parameters have.
PIECES = 10

_TYPE = np.dtype("<f4")


def numpy_folder_names() -> list[str]:
    """The files of such a folder."""
    return [*(f"params_{number}.npy" for number in range(PIECES)), SHAPES_FILE]


def write_numpy_folder(folder: Path, tensors: Sequence[tuple[Variable, Stream]]) -> None:
    """Writes float32 arrays into a folder, one after the other; only a piece of one is held at a time.

    Args:
        folder: The folder, which exists.
        tensors: Variables, whose names are not written, with what makes their values.

    Raises:
        FileExistsError: If one of the files is already there.
        OSError: If the disk is full, or the folder cannot be written to.
        ValueError: If values are not of their variable's shape and type.
    """
    places = _places([variable for variable, _ in tensors])
    for number, name in enumerate(numpy_folder_names()[:-1]):
        own = [tensor for tensor, place in zip(tensors, places, strict=True) if place == number]
        with (folder / name).open("xb") as file:
            header = {"descr": _TYPE.str, "fortran_order": False, "shape": (sum(each.size for each, _ in own),)}
            np.lib.format.write_array_header_1_0(file, header)
            for variable, stream in own:
                file.writelines(little_endian(variable, np.dtype(np.float32), stream()))
    shapes = [list(variable.shape) for variable, _ in tensors]
    with (folder / SHAPES_FILE).open("x", encoding="ascii") as file:
        json.dump(shapes, file)


def _places(variables: Sequence[Variable]) -> list[int]:
    """Which file each variable is in: none ends within one, and they are as equally long as that allows.

    The released files do; but who finds a variable in one file need not put it together.
    """
    total = max(1, sum(variable.size for variable in variables))
    starts = accumulate((variable.size for variable in variables), initial=0)
    middles = (start + variable.size // 2 for start, variable in zip(starts, variables, strict=False))
    return [min(middle * PIECES // total, PIECES - 1) for middle in middles]
