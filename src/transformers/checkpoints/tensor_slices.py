"""V1 checkpoints ("tensor slices"): sorted tables that hold the values themselves, as protobuf messages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from .base import CheckpointError, CheckpointReader, Variable
from .damage import FormatError, blamed_on
from .dtypes import DataType, dtype_numbered
from .locate import files_beside
from .messages import SavedTensorSlices
from .ordered_code import slice_key
from .protobuf import decode
from .shapes import checked_shape
from .slices import Box, Extents, assemble, box, box_shape, check_cover, extents_of
from .table import SNAPPY_RATIO, Table
from .tensor_proto import can_decode, decode_values


class _Piece(NamedTuple):
    """A slice of a variable: its place, what the file calls that place, and the file that has it."""

    box: Box
    extents: Extents
    table: Table


class _Tensor(NamedTuple):
    """A variable, and the file that lists it first."""

    path: Path
    dtype: DataType
    shape: tuple[int, ...]
    pieces: list[_Piece]


class TensorSliceReader(CheckpointReader):
    """Reads a V1 checkpoint.

    Args:
        path: What the user passed.
        files: All files of the checkpoint.

    Raises:
        CheckpointError: If a file is absent or damaged.
    """

    checksums = "CRC-32C of every block"
    format = "TensorFlow V1 tensor slices"

    def __init__(self, path: Path, files: Sequence[Path]) -> None:
        self.path = path
        self._tables = [Table(file) for file in files]
        self._tensors: dict[str, _Tensor] = {}
        for table in self._tables:
            with blamed_on(table.path):
                self._add_contents(table)
        self._check()
        self.files = (*files, *files_beside(files[0]))
        self.variables = {
            name: Variable(name, tensor.shape, tensor.dtype.name) for name, tensor in sorted(self._tensors.items())
        }

    def _add_contents(self, table: Table) -> None:
        """Adds what a file has; a partitioned variable may be in several."""
        contents = decode(SavedTensorSlices, table.get(b"") or b"", table.size).meta.tensor
        if not contents:
            raise FormatError("it lists no variables, so it is a table of something else")
        for stored in contents:
            dtype, shape = dtype_numbered(stored.type), checked_shape(stored.shape)
            tensor = self._tensors.setdefault(stored.name, _Tensor(table.path, dtype, shape, []))
            if (tensor.dtype, tensor.shape) != (dtype, shape):
                raise FormatError(
                    f"variable {stored.name} is {dtype.name} {list(shape)} in it, "
                    f"{tensor.dtype.name} {list(tensor.shape)} in {tensor.path}"
                )
            for extents in map(extents_of, stored.slice):
                tensor.pieces.append(_Piece(box(extents, shape), extents, table))

    def _check(self) -> None:
        """Makes sure that every variable is whole, and not larger than the files can hold."""
        most_values = SNAPPY_RATIO * sum(table.size for table in self._tables)
        for name, tensor in self._tensors.items():
            with blamed_on(tensor.path, f"variable {name}"):
                if math.prod(tensor.shape) > most_values:
                    raise FormatError(f"the shape {list(tensor.shape)} is larger than the files can hold")
                check_cover([piece.box for piece in tensor.pieces], tensor.shape)

    def read(self, name: str) -> NDArray[Any]:
        """The values of a variable, see :meth:`CheckpointReader.read`."""
        tensor = self._tensors[name]
        if not can_decode(tensor.dtype):
            raise CheckpointError(
                f"{self.path}: variable {name} cannot be read, its values are of the type {tensor.dtype.name}."
            )
        pieces = [(piece.box, _read_piece(name, tensor, piece)) for piece in tensor.pieces]
        _, values = pieces[0]
        if len(pieces) > 1:  # all of them are there, so that the whole is not larger than it may be
            values = assemble(pieces, tensor.shape, tensor.dtype.numpy)
        values.flags.writeable = False
        return values

    def release(self) -> None:
        """Gives memory and mapped pages back, see :meth:`CheckpointReader.release`."""
        for table in self._tables:
            table.release()

    def close(self) -> None:
        """Closes the files, see :meth:`CheckpointReader.close`."""
        for table in self._tables:
            table.close()


def _read_piece(name: str, tensor: _Tensor, piece: _Piece) -> NDArray[Any]:
    stored = piece.table.get(slice_key(name, piece.extents))
    with blamed_on(piece.table.path, f"variable {name}"):
        if stored is None:
            raise FormatError(f"the values of its slice {list(piece.extents)} are absent")
        saved = decode(SavedTensorSlices, stored, piece.table.size).data
        if (saved.name, extents_of(saved.slice)) != (name, piece.extents):
            raise FormatError(f"there are values of {saved.name} {list(extents_of(saved.slice))} in its place")
        shape = box_shape(piece.box)
        return decode_values(saved.data, tensor.dtype, math.prod(shape)).reshape(shape)
