"""Writes folders of numbered arrays, see :mod:`.numpy_folder`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .base import Variable
from .numpy_folder import SHAPES_FILE
from .streams import Stream, little_endian

#: As many files as the released parameters have.
PIECES = 10

_TYPE = np.dtype("<f4")
_NATIVE = np.dtype(np.float32)


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
    total = sum(variable.size for variable, _ in tensors)
    rooms = [total // PIECES + (number < total % PIECES) for number in range(PIECES)]
    with ExitStack() as files:
        streams = [files.enter_context((folder / name).open("xb")) for name in numpy_folder_names()[:-1]]
        for stream, room in zip(streams, rooms, strict=True):
            header = {"descr": _TYPE.str, "fortran_order": False, "shape": (room,)}
            np.lib.format.write_array_header_1_0(stream, header)
        chunks = (chunk for variable, make in tensors for chunk in little_endian(variable, _NATIVE, make()))
        _fill(streams, [room * _TYPE.itemsize for room in rooms], chunks)
    shapes = [list(variable.shape) for variable, _ in tensors]
    with (folder / SHAPES_FILE).open("x", encoding="ascii") as file:
        json.dump(shapes, file)


def _fill(streams: Sequence[BinaryIO], rooms: Sequence[int], chunks: Iterable[memoryview]) -> None:
    """Writes bytes into one file after the other, each of which has room for so many."""
    number, left = 0, rooms[0]
    for chunk in chunks:
        while chunk:
            while not left:
                number += 1
                left = rooms[number]
            streams[number].write(chunk[:left])
            left, chunk = left - len(chunk[:left]), chunk[left:]
