"""Writes lists of arrays as ``joblib.dump`` does without compression, without joblib; see :mod:`.joblib_file`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .base import Variable
from .pickle_writer import Called, Instance, Named, write_pickle
from .streams import Stream, little_endian

#: ``numpy.dtype("<f4")``.
FLOAT32 = Called(Named("numpy", "dtype"), ("f4", False, True), (3, "<", None, None, None, -1, -1, 0))

ARRAY = Named("numpy", "ndarray")


def write_array_list(path: Path, tensors: Sequence[tuple[Variable, Stream]]) -> None:
    """Writes float32 arrays one after the other, in the layout of joblib 0.10 to 1.1, which later ones read, too.

    Args:
        path: The file. It must not exist.
        tensors: Variables, whose names are not written, with what makes their values.

    Raises:
        FileExistsError: If the file is already there.
        OSError: If the disk is full, or the folder cannot be written to.
        ValueError: If values are not of their variable's shape and type.
    """
    with path.open("xb") as file:
        write_pickle(file, [_wrapper(variable, stream) for variable, stream in tensors])


def _wrapper(variable: Variable, stream: Stream) -> Instance:
    """What stands for an array in the pickle; its values follow."""
    described = {
        "subclass": ARRAY,
        "shape": variable.shape,
        "order": "C",
        "dtype": FLOAT32,
        "allow_mmap": True,
    }
    return Instance(Named("joblib.numpy_pickle", "NumpyArrayWrapper"), described, partial(_values, variable, stream))


def _values(variable: Variable, stream: Stream, file: BinaryIO) -> None:
    file.writelines(little_endian(variable, np.dtype(np.float32), stream()))
