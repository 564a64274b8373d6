"""V2 checkpoints ("tensor bundles"): an index, and the bytes of all tensors in one or more data files."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .base import CheckpointError, CheckpointReader, Variable
from .bundle_index import BIG_ENDIAN, Piece, Tensor, read_index
from .crc import mask
from .damage import AGAIN, FormatError, blamed_on, damaged, shortened
from .dtypes import STRING
from .locate import SAVED_MODEL, files_beside
from .mapped import MappedFile
from .object_graph import GRAPH_KEY, own_names
from .recognise import recognised
from .slices import assemble
from .strings import decode_strings


class BundleReader(CheckpointReader):
    """Reads a V2 checkpoint.

    The names of an object-based checkpoint (TensorFlow 2) are resolved to the variables' own names.

    Args:
        path: What the user passed.
        prefix: The checkpoint's path without ``.index``.

    Raises:
        CheckpointError: If a file is absent, cut or damaged.
    """

    checksums = "CRC-32C of the index and of every tensor"

    def __init__(self, path: Path, prefix: Path) -> None:
        self.path = path
        index = Path(f"{prefix}.index")
        header, tensors = read_index(index)
        self._byte_order: Literal["<", ">"] = ">" if header.endianness == BIG_ENDIAN else "<"
        shards = _shard_paths(prefix, header.num_shards)
        self._shards = {number: MappedFile(shard) for number, shard in shards.items()}
        _check_shards(prefix, header.num_shards, self._shards, tensors)
        self.files = (index, *shards.values(), *files_beside(prefix))
        self._verified: set[str] = set()
        self._tensors = {tensor.key: tensor for tensor in tensors}
        self.format = "TensorFlow V2 bundle"
        if GRAPH_KEY in self._tensors:
            self.format += " with an object graph"
            self._resolve_names()
        if self.files[-1].name == SAVED_MODEL:
            self.format = f"TensorFlow SavedModel ({self.format})"
        self.variables = {
            name: Variable(name, tensor.shape, tensor.dtype.name) for name, tensor in sorted(self._tensors.items())
        }

    def _resolve_names(self) -> None:
        graph = self._tensors[GRAPH_KEY]
        values = self.read(GRAPH_KEY)
        tensors = {key: tensor for key, tensor in self._tensors.items() if key != GRAPH_KEY}
        with blamed_on(self._shards[graph.pieces[0][1].shard].path, GRAPH_KEY):
            if graph.dtype != STRING or graph.shape:
                raise FormatError(f"it should be one string, it is {graph.dtype.name} {list(graph.shape)}")
            names = own_names(values.item(), tensors)
        self._tensors = {names[key]: tensor for key, tensor in tensors.items()}

    def read(self, name: str) -> NDArray[Any]:
        """The values of a variable, see :meth:`CheckpointReader.read`."""
        tensor = self._tensors[name]
        if not tensor.dtype.is_readable:
            raise CheckpointError(
                f"{self.path}: {_title(name, tensor)} cannot be read, its values are of the type {tensor.dtype.name}."
            )
        pieces = ((index, self._read_piece(name, tensor, piece)) for index, piece in tensor.pieces)
        if len(tensor.pieces) == 1:
            _, values = next(pieces)
        else:
            values = assemble(pieces, tensor.shape, tensor.dtype.numpy)
        self._verified.add(name)
        values.flags.writeable = False
        return values

    def _read_piece(self, name: str, tensor: Tensor, piece: Piece) -> NDArray[Any]:
        shard = self._shards[piece.shard]
        with blamed_on(shard.path, _title(name, tensor)):
            data = shard.view(piece.offset, piece.size)
            if piece.dtype == STRING:
                values, crc = decode_strings(data, math.prod(piece.shape))
            else:
                values = np.frombuffer(data, piece.dtype.numpy.newbyteorder(self._byte_order))
                crc = piece.crc if name in self._verified else mask(shard.crc32c(piece.offset, piece.size))
            if crc != piece.crc:
                raise FormatError(
                    f"its {piece.size} bytes at byte {piece.offset} have the checksum {crc:#010x}, "
                    f"the index says {piece.crc:#010x}"
                )
        if values.dtype == np.bool_:
            values = values.view(np.uint8) != 0  # other bytes than 0 and 1 are no values of NumPy's
        return values.reshape(piece.shape)

    def release(self) -> None:
        """Gives mapped pages back, see :meth:`CheckpointReader.release`."""
        for shard in self._shards.values():
            shard.release()

    def close(self) -> None:
        """Closes the files, see :meth:`CheckpointReader.close`."""
        for shard in self._shards.values():
            shard.close()


def _title(name: str, tensor: Tensor) -> str:
    return f"variable {name}" if name == tensor.key else f"variable {name} (stored as {tensor.key})"


def _shard_paths(prefix: Path, num_shards: int) -> dict[int, Path]:
    """The data files that there are, by number."""
    pattern = re.compile(rf"{re.escape(prefix.name)}\.data-(\d{{5}})-of-{num_shards:05}", re.ASCII)
    with blamed_on(prefix.parent):
        matches = [match for file in sorted(prefix.parent.iterdir()) if (match := pattern.fullmatch(file.name))]
    return {int(match[1]): prefix.with_name(match[0]) for match in matches}


def _check_shards(prefix: Path, num_shards: int, shards: Mapping[int, MappedFile], tensors: Iterable[Tensor]) -> None:
    """Compares what the index says of the data files with the files themselves."""
    needed: dict[int, int] = {}
    for tensor in tensors:
        for _, piece in tensor.pieces:
            needed[piece.shard] = max(needed.get(piece.shard, 0), piece.offset + piece.size)
    problems = []
    for number, size in sorted(needed.items()):
        if number not in shards:
            problems.append(f"{prefix}.data-{number:05}-of-{num_shards:05} is absent")
        elif shards[number].size < size:
            file = shards[number]
            problems.append(f"{file.path} has {file.size} bytes, the index needs {size}{recognised(file.path, ': ')}")
    if problems:
        raise CheckpointError(f"{prefix} is not complete:", shortened(problems), AGAIN)
    available = sum(shard.size for shard in shards.values())
    for tensor in tensors:
        if len(tensor.pieces) > 1 and math.prod(tensor.shape) * max(tensor.dtype.item_size, 1) > available:
            raise damaged(Path(f"{prefix}.index"), f"{tensor.key}: its slices take more bytes than all data files have")
