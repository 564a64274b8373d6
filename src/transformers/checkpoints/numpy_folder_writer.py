"""Writes folders of numbered arrays, see :mod:`.numpy_folder`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Variable
from .numpy_folder import SHAPES_FILE

#: As many files as the released parameters have.
PIECES = 10

_TYPE = np.dtype("<f4")


def numpy_folder_names() -> list[str]:
    """The files of such a folder."""
    return [*(f"params_{number}.npy" for number in range(PIECES)), SHAPES_FILE]


def write_numpy_folder(folder: Path, tensors: Sequence[tuple[Variable, Callable[[], NDArray[Any]]]]) -> None:
    """Writes float32 arrays into a folder, one after the other; only one is held at a time.

    Args:
        folder: The folder, which exists.
        tensors: Variables, whose names are not written, with functions that make their values.

    Raises:
        FileExistsError: If one of the files is already there.
        OSError: If the disk is full, or the folder cannot be written to.
        ValueError: If values are not of their variable's shape.
    """
    total = sum(variable.size for variable, _ in tensors)
    rooms = [total // PIECES + (number < total % PIECES) for number in range(PIECES)]
    with ExitStack() as files:
        streams = [files.enter_context((folder / name).open("xb")) for name in numpy_folder_names()[:-1]]
        for stream, room in zip(streams, rooms, strict=True):
            header = {"descr": _TYPE.str, "fortran_order": False, "shape": (room,)}
            np.lib.format.write_array_header_1_0(stream, header)
        piece = 0
        for variable, make in tensors:
            values = make()
            if values.shape != variable.shape:
                raise ValueError(f"{variable.name} should be {list(variable.shape)}, not {list(values.shape)}")
            rest = np.ascontiguousarray(values, _TYPE).reshape(-1)
            while rest.size:
                while not rooms[piece]:
                    piece += 1
                part = rest[: rooms[piece]]
                streams[piece].write(part.data)
                rooms[piece] -= part.size
                rest = rest[part.size :]
    shapes = [list(variable.shape) for variable, _ in tensors]
    with (folder / SHAPES_FILE).open("x", encoding="ascii") as file:
        json.dump(shapes, file)
