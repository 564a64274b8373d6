"""Lists of arrays that ``joblib.dump`` has written without compression, read without joblib.

Such a file is one pickle. In the place of each array it makes a ``NumpyArrayWrapper``, and right behind the instruction
that sets the wrapper's state the array's bytes stand between the instructions. From joblib 1.2 on they begin at a
multiple of 16 bytes: behind one byte that says how many padding bytes follow it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import CheckpointError, CheckpointReader, Variable
from .damage import FormatError, RefusedError, blamed_on
from .inert import Dialect, Global, Holder, Maker, kind_of
from .mapped import MappedFile
from .numbered import numbered
from .pickled_arrays import ARRAY_NAMES, ArrayType, array_from
from .shapes import checked_dims
from .unpickling import unpickle

#: The ending of such files' names, by custom.
SUFFIX = ".jl"

_HEAD = 256
_COMPRESSED = {
    b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x5d\0\0": "lzma", b"\x04\x22\x4d\x18": "lz4",
    b"\x78": "zlib",
}  # fmt: skip
_ALIGNMENT = "numpy_array_alignment_bytes"


class StoredArray(Holder):
    """For ``NumpyArrayWrapper``: an array whose bytes are in the file.

    Attributes:
        dtype: The type of its elements.
        shape: Its shape.
        fortran: Whether its first index runs fastest.
        offset: Where its bytes are; -1 as long as that is not known.
    """

    __slots__ = ("_aligned", "dtype", "fortran", "offset", "shape")

    def __init__(self) -> None:
        self.dtype: np.dtype[Any] = np.dtype(np.float32)
        self.shape: tuple[int, ...] = ()
        self.fortran = False
        self.offset = -1
        self._aligned = False

    @property
    def nbytes(self) -> int:
        """The number of its bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def set_state(self, state: Any) -> None:
        """Takes data type, shape and order."""
        if self.offset >= 0:
            raise FormatError("an array has two states")
        match state:
            case {
                "subclass": Global(name="numpy.ndarray"),
                "shape": tuple(shape),
                "order": "C" | "F" as order,
                "dtype": ArrayType(numpy=dtype),
            }:
                self.shape = checked_dims(shape)
            case _:
                raise FormatError("an array is not described as joblib describes arrays of numbers")
        self.dtype, self.fortran = dtype, order == "F"
        self._aligned = state.get(_ALIGNMENT) is not None

    def end_of_values(self, data: memoryview, position: int) -> int:
        """Where the array's bytes end."""
        self.offset = position + 1 + data[position] if self._aligned else position
        if self.offset + self.nbytes > len(data):
            raise FormatError(
                f"the {self.nbytes} bytes of an array {self.dtype.name} {list(self.shape)} at byte {self.offset} "
                "end beyond the file"
            )
        return self.offset + self.nbytes


class JoblibReader(CheckpointReader):
    """Reads a list of arrays from a file of ``joblib.dump``.

    The arrays have no names: they are called by their places in the list, ``00`` to ``26``, with as many digits as the
    last one needs, so that the order of the names is theirs. There is no ``metadata``.

    Args:
        path: What the user passed.
        file: The file.

    Raises:
        CheckpointError: If it is damaged, or is anything else than a list of arrays of numbers.
    """

    checksums = None
    format = "list of arrays by joblib"

    def __init__(self, path: Path, file: Path) -> None:
        self.path = path
        self.files = (file,)
        with blamed_on(file):
            self._file = MappedFile(file)
            value, _ = unpickle(self._file.view(0, self._file.size), _DIALECT)
            self._arrays = numbered(_arrays(value))
        self.variables = {name: Variable(name, array.shape, array.dtype.name) for name, array in self._arrays.items()}

    def read(self, name: str) -> NDArray[Any]:
        """The values of a variable, see :meth:`CheckpointReader.read`."""
        array = self._arrays[name]
        with blamed_on(self.files[0], f"variable {name}"):
            raw = self._file.view(array.offset, array.nbytes)
        return array_from(raw, array.dtype, array.shape, fortran=array.fortran)

    def release(self) -> None:
        """Gives mapped pages back, see :meth:`CheckpointReader.release`."""
        self._file.release()

    def close(self) -> None:
        """Closes the file, see :meth:`CheckpointReader.close`."""
        self._file.close()


def is_joblib_file(path: Path) -> bool:
    """Whether a file begins like a list of arrays that joblib has written.

    Raises:
        CheckpointError: If it is one, but compressed.
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if path.suffix == SUFFIX and not head.startswith(b"\x80") and (compression := _compression(head)):
        raise CheckpointError(
            f"{path} is compressed with {compression}, which is not read here.",
            advice="Write it anew with joblib.dump(joblib.load(...), ..., compress=0), where you trust it.",
        )
    return b"joblib.numpy_pickle" in head


def _compression(head: bytes) -> str:
    return next((name for magic, name in _COMPRESSED.items() if head.startswith(magic)), "")


def _arrays(value: Any) -> list[StoredArray]:
    if not isinstance(value, list):
        raise RefusedError(f"it holds {kind_of(value)}, not a list of arrays")
    for place, member in enumerate(value):
        if not isinstance(member, StoredArray) or member.offset < 0:
            raise RefusedError(f"member {place} of its list is {kind_of(member)}, not an array")
    return value


def _make_wrapper(arguments: tuple[Any, ...]) -> StoredArray:
    if arguments:
        raise FormatError("an array is not described as joblib describes arrays")
    return StoredArray()


_NAMES: Mapping[tuple[str, str], Maker | None] = {
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): _make_wrapper,
    **{name: ARRAY_NAMES[name] for name in (("numpy", "ndarray"), ("numpy", "dtype"))},
}
_DIALECT = Dialect(_NAMES)
