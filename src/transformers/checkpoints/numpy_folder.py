"""One long vector in several ``.npy`` files, and a JSON file that says into which shapes it is cut.

``params_shapes.json`` is a list of shapes; ``params_0.npy``, ``params_1.npy``, ... are flat arrays of numbers, together
the values of all shapes one after the other. The files' borders have nothing to do with those of the variables, and a
file may be empty.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import CheckpointError, CheckpointReader, Variable
from .damage import AGAIN, FormatError, blamed_on, shortened
from .mapped import MappedFile
from .numbered import numbered
from .recognise import recognised
from .shapes import checked_dims

#: The file by which a folder is recognised.
SHAPES_FILE = "params_shapes.json"

_PIECE = re.compile(r"params_(0|[1-9][0-9]*)\.npy", re.ASCII)
_LARGEST_JSON = 1 << 20
_COPIED_AT_ONCE = 1 << 22

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 10_000
_HEADER = re.compile(
    rb"\{'descr': '([<>])(f[248])', 'fortran_order': (?:True|False), 'shape': \(([0-9]{1,18})L?,\), *\} *\n?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A file, and where its numbers are in it."""

    file: MappedFile
    offset: int
    dtype: np.dtype[Any]
    size: int

    def values(self, start: int, stop: int) -> NDArray[Any]:
        item_size = self.dtype.itemsize
        return np.frombuffer(self.file.view(self.offset + start * item_size, (stop - start) * item_size), self.dtype)


class NumpyFolderReader(CheckpointReader):
    """Reads a folder with ``params_shapes.json`` and ``params_0.npy``, ...

    The variables have no names: they are called by their places in the list of shapes, ``000`` to ``145``, with as many
    digits as the last one needs, so that the order of the names is theirs. There is no ``metadata``.

    Args:
        path: What the user passed.
        folder: The folder.

    Raises:
        CheckpointError: If a file is absent or damaged, or there are more or fewer values than the shapes need.
    """

    checksums = None
    format = "NumPy arrays with a list of shapes"

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        shapes_file = folder / SHAPES_FILE
        if not shapes_file.is_file():
            raise CheckpointError(f"{folder} is not complete:", [f"{shapes_file} is absent"], AGAIN)
        with blamed_on(shapes_file):
            shapes = _read_shapes(shapes_file)
        with blamed_on(folder):
            pieces = _piece_files(folder)
        self.files = (shapes_file, *pieces)
        self._pieces = [_read_header(piece) for piece in pieces]
        self._dtype = _common_dtype(folder, self._pieces)
        self._starts = list(accumulate((piece.size for piece in self._pieces), initial=0))
        sizes = [math.prod(shape) for shape in shapes]
        if sum(sizes) != self._starts[-1]:
            raise CheckpointError(
                f"{folder} does not have the values that its shapes need:",
                [
                    f"{SHAPES_FILE} lists {len(shapes)} shapes, which need {sum(sizes)} values",
                    f"{pieces[0].name} to {pieces[-1].name} hold {self._starts[-1]}",
                ],
                "A file is cut, or belongs to another model: copy the whole folder again.",
            )
        self._spans = numbered(list(zip(accumulate(sizes, initial=0), sizes, strict=False)))
        self.variables = {name: Variable(name, shape, self._dtype.name) for name, shape in numbered(shapes).items()}

    def read(self, name: str) -> NDArray[Any]:
        """The values of a variable, see :meth:`CheckpointReader.read`. They are a view if one file has all of them."""
        start, size = self._spans[name]
        parts = list(self._parts(start, start + size))
        values = parts[0] if len(parts) == 1 else self._joined(parts, size)
        values.flags.writeable = False
        return values.reshape(self.variables[name].shape)

    def _joined(self, parts: Sequence[NDArray[Any]], size: int) -> NDArray[Any]:
        """The parts in one array; the pages that they are copied from do not pile up beside it."""
        values, filled = np.empty(size, self._dtype), 0
        for part in parts:
            for start in range(0, part.size, _COPIED_AT_ONCE):
                chunk = part[start : start + _COPIED_AT_ONCE]
                values[filled : filled + chunk.size] = chunk
                filled += chunk.size
                self.release()
        return values

    def _parts(self, start: int, stop: int) -> Iterator[NDArray[Any]]:
        """What each file has of a range of the vector."""
        for first, piece in zip(self._starts, self._pieces, strict=False):
            if first < stop and start < first + piece.size:
                with blamed_on(piece.file.path):
                    yield piece.values(max(start - first, 0), min(stop - first, piece.size))

    def release(self) -> None:
        """Gives mapped pages back, see :meth:`CheckpointReader.release`."""
        for piece in self._pieces:
            piece.file.release()

    def close(self) -> None:
        """Closes the files, see :meth:`CheckpointReader.close`."""
        for piece in self._pieces:
            piece.file.close()


def is_part_of_folder(path: Path) -> bool:
    """Whether a file is one of those of such a folder, by its name."""
    return path.name == SHAPES_FILE or _PIECE.fullmatch(path.name) is not None


def _read_shapes(path: Path) -> list[tuple[int, ...]]:
    with path.open("rb") as file:
        text = file.read(_LARGEST_JSON + 1)
    if len(text) > _LARGEST_JSON:
        raise FormatError(f"it has more than {_LARGEST_JSON} bytes")
    try:
        shapes = json.loads(text)
    except (ValueError, RecursionError):
        raise FormatError(f"it is not JSON{recognised(path, ': ')}") from None
    if not isinstance(shapes, list) or not shapes:
        raise FormatError("it is not a list of shapes")
    for place, shape in enumerate(shapes):
        if not isinstance(shape, list):
            raise FormatError(f"entry {place} is no shape but {str(shape)[:80]}")
    return [checked_dims(shape) for shape in shapes]


def _piece_files(folder: Path) -> list[Path]:
    """The files in the order of their numbers.

    Raises:
        CheckpointError: If there are none, or one is absent.
    """
    found = {int(match[1]) for file in folder.iterdir() if (match := _PIECE.fullmatch(file.name))}
    absent = [number for number in range(max(len(found), 1)) if number not in found]
    if absent:
        raise CheckpointError(
            f"{folder} is not complete:",
            shortened([f"{folder / f'params_{number}.npy'} is absent" for number in absent]),
            AGAIN,
        )
    return [folder / f"params_{number}.npy" for number in sorted(found)]


def _read_header(path: Path) -> _Piece:
    with blamed_on(path):
        file = MappedFile(path)
        head = bytes(file.view(0, min(file.size, 12 + _LONGEST_HEADER)))
        if not head.startswith(_MAGIC) or head[6:8] not in (b"\1\0", b"\2\0", b"\3\0"):
            raise FormatError(f"it does not begin as files of NumPy's do{recognised(path, ': ')}")
        start = 10 if head[6] == 1 else 12
        end = start + int.from_bytes(head[8:start], "little")
        match = _HEADER.fullmatch(head[start:end])
        if match is None or end > len(head):
            raise FormatError(f"it is no flat array of floating-point numbers: {head[start:end][:120]!r}")
        order, code, size = match.groups()
        piece = _Piece(file, end, np.dtype(f"{order.decode()}{code.decode()}"), int(size))
        if file.size != end + piece.size * piece.dtype.itemsize:
            raise FormatError(
                f"it has {file.size - end} bytes of values, {piece.size} {piece.dtype.name} are announced"
            )
        return piece


def _common_dtype(folder: Path, pieces: list[_Piece]) -> np.dtype[Any]:
    dtypes = {piece.dtype.newbyteorder("=") for piece in pieces}
    if len(dtypes) > 1:
        raise CheckpointError(
            f"The files in {folder} have different data types:",
            shortened([f"{piece.file.path.name}: {piece.dtype.name}" for piece in pieces]),
        )
    return dtypes.pop()
