"""The index of a V2 checkpoint: which variables there are and where in the data files their bytes are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from .damage import FormatError, blamed_on, damaged
from .dtypes import STRING, DataType, dtype_numbered
from .messages import BundleEntry, BundleHeader
from .ordered_code import slice_key
from .protobuf import decode
from .shapes import checked_shape
from .slices import Box, box, box_shape, check_cover, extents_of
from .table import Table
from .varint import ReadBuffer

LITTLE_ENDIAN, BIG_ENDIAN = 0, 1

_VERSION = 1
_MOST_SHARDS = 99_999  # file names have five digits for them

_WHOLE: Box = ()


class Piece(NamedTuple):
    """A tensor's bytes, or those of a slice of it, in a data file."""

    dtype: DataType
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    crc: int


class Tensor(NamedTuple):
    """A variable and the pieces that it is made of."""

    key: str
    dtype: DataType
    shape: tuple[int, ...]
    pieces: tuple[tuple[Box, Piece], ...]


def read_index(path: Path) -> tuple[BundleHeader, list[Tensor]]:
    """Reads an index and checks everything that can be checked without the data files.

    Raises:
        CheckpointError: If it is damaged or cannot be read.
    """
    table = Table(path)
    items = table.items()
    with blamed_on(path):
        key, value = next(items, (None, b""))
        if key != b"":
            raise FormatError("it has no header, so it is a table of something else")
        header = decode(BundleHeader, value)
        _check_header(header)
    return header, _tensors(table, items, header.num_shards)


def _check_header(header: BundleHeader) -> None:
    if header.version.min_consumer > _VERSION:
        raise FormatError(f"it is for readers of version {header.version.min_consumer}, this one reads {_VERSION}")
    if header.endianness not in (LITTLE_ENDIAN, BIG_ENDIAN):
        raise FormatError(f"its byte order is {header.endianness}, which does not exist")
    if not 1 <= header.num_shards <= _MOST_SHARDS:
        raise FormatError(f"it announces {header.num_shards} data files")


def _tensors(table: Table, items: Iterator[tuple[bytes, ReadBuffer]], num_shards: int) -> list[Tensor]:
    """All variables; what is wrong with them is said together."""
    tensors: list[Tensor] = []
    partitioned: list[tuple[str, BundleEntry]] = []
    slices: dict[bytes, Piece] = {}
    problems: list[str] = []
    for key, value in items:
        try:
            entry = decode(BundleEntry, value, table.size)
            if entry.slices:
                partitioned.append((_name(key), entry))
                continue
            piece = _piece(entry, num_shards)
            if key.startswith(b"\0"):
                slices[key] = piece
            else:
                tensors.append(Tensor(_name(key), piece.dtype, piece.shape, ((_WHOLE, piece),)))
        except FormatError as error:
            problems.append(f"{str(key[:200], 'utf-8', 'replace')}: {error}")
    for name, entry in partitioned:
        try:
            tensors.append(_partitioned(name, entry, slices))
        except FormatError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise damaged(table.path, *problems)
    return tensors


def _name(key: bytes) -> str:
    try:
        return key.decode()
    except UnicodeDecodeError:
        raise FormatError(f"the name {key[:200]!r} is not UTF-8") from None


def _piece(entry: BundleEntry, num_shards: int) -> Piece:
    dtype = dtype_numbered(entry.dtype)
    shape = checked_shape(entry.shape)
    if not 0 <= entry.shard_id < num_shards:
        raise FormatError(f"it is in data file {entry.shard_id} of {num_shards}")
    if entry.offset < 0 or entry.size < 0:
        raise FormatError(f"it has {entry.size} bytes at byte {entry.offset}")
    count = math.prod(shape)
    if dtype.item_size and entry.size != count * dtype.item_size:
        raise FormatError(
            f"{dtype.name} {list(shape)} takes {count * dtype.item_size} bytes, the index says {entry.size}"
        )
    if dtype == STRING and entry.size < count + 4:
        raise FormatError(f"{count} strings take {count + 4} bytes or more, the index says {entry.size}")
    return Piece(dtype, shape, entry.shard_id, entry.offset, entry.size, entry.crc32c)


def _partitioned(name: str, entry: BundleEntry, slices: Mapping[bytes, Piece]) -> Tensor:
    dtype = dtype_numbered(entry.dtype)
    shape = checked_shape(entry.shape)
    pieces = []
    for stored in entry.slices:
        extents = extents_of(stored)
        index = box(extents, shape)
        piece = slices.get(slice_key(name, extents))
        if piece is None:
            raise FormatError(f"the values of its slice {list(extents)} are absent")
        if (piece.dtype, piece.shape) != (dtype, box_shape(index)):
            raise FormatError(
                f"its slice {list(extents)} is {piece.dtype.name} {list(piece.shape)}, "
                f"it should be {dtype.name} {list(box_shape(index))}"
            )
        pieces.append((index, piece))
    check_cover([index for index, _ in pieces], shape)
    return Tensor(name, dtype, shape, tuple(pieces))
