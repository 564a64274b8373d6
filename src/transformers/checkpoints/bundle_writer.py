"""Writes V2 checkpoints ("tensor bundles"), one tensor at a time, with the same bytes for the same values."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .base import Variable
from .crc import crc32c, mask
from .dtypes import STRING, DataType, dtype_named
from .messages import BundleEntry, BundleHeader, Dim, Extent, TensorShape, TensorSlice, VersionDef
from .ordered_code import slice_key
from .protobuf import encode
from .slices import Extents, box, cut
from .streams import Stream, little_endian
from .strings import encode_strings
from .table_writer import TableWriter

#: An array, or what makes its pieces when its turn comes.
Values: TypeAlias = NDArray[Any] | Stream

_CHUNK = 4 << 20


def write_bundle(
    prefix: str | os.PathLike[str],
    tensors: Mapping[str, NDArray[Any]] | Iterable[tuple[Variable, Values]],
    *,
    shards: int = 1,
    partitions: Mapping[str, Sequence[int]] | None = None,
) -> tuple[Path, ...]:
    """Writes a V2 checkpoint, which TensorFlow and :func:`open_checkpoint` read.

    Only a piece of one tensor is held at a time if functions make them, so that a model may be larger than the memory.
    Existing files are not replaced, and on an error no file of the checkpoint is left. The files are neither synced nor
    renamed: whoever needs a crash to leave nothing behind writes into a temporary folder.

    Args:
        prefix: The checkpoint's path, without ``.index``. Its folder exists.
        tensors: The arrays by name, which are written in the order of their names; or variables with their arrays or
            with functions that make them piece by piece, written in the given order. A variable states its type, so
            that ``uint16`` bit patterns can be written as ``bfloat16``.
        shards: Number of data files. The tensors take turns.
        partitions: Into how many parts to cut a variable along each of its axes, by its name; it has to be an array.

    Returns:
        The files that were written, the index first.

    Raises:
        ValueError: If an array is not of its variable's shape and type, a name occurs twice or is empty, or a partition
            does not fit its variable; or there are no shards.
        FileExistsError: If a file of the checkpoint is already there.
        OSError: If the disk is full, or the folder cannot be written to.
    """
    if shards < 1:
        raise ValueError(f"there cannot be {shards} data files")
    base = os.fspath(prefix)
    index = Path(f"{base}.index")
    data = [Path(f"{base}.data-{number:05}-of-{shards:05}") for number in range(shards)]
    with ExitStack() as undo:
        streams = [_created(path, undo) for path in (*data, index)]
        with ExitStack() as files:
            for stream in streams:
                files.enter_context(stream)
            writer = _BundleWriter(streams[:-1])
            for variable, values in _in_order(tensors):
                writer.write(variable, values, (partitions or {}).get(variable.name, ()))
            writer.finish(streams[-1])
        undo.pop_all()
    return (index, *data)


def _created(path: Path, undo: ExitStack) -> BinaryIO:
    stream = path.open("xb")
    undo.callback(path.unlink)
    undo.callback(stream.close)
    return stream


def _in_order(
    tensors: Mapping[str, NDArray[Any]] | Iterable[tuple[Variable, Values]],
) -> Iterable[tuple[Variable, Values]]:
    if not isinstance(tensors, Mapping):
        return tensors
    ordered = sorted(tensors.items(), key=lambda item: item[0].encode())
    return ((Variable(name, array.shape, _type_name(array.dtype)), array) for name, array in ordered)


def _type_name(dtype: np.dtype[Any]) -> str:
    return STRING.name if dtype == np.dtype(object) else dtype.name


class _BundleWriter:
    """Appends tensors to data files and keeps the index."""

    def __init__(self, shards: Sequence[BinaryIO]) -> None:
        self._shards = shards
        self._sizes = [0] * len(shards)
        self._count = 0
        self._index: dict[bytes, bytes] = {}

    def write(self, variable: Variable, values: Values, parts: Sequence[int]) -> None:
        dtype = dtype_named(variable.dtype)
        if callable(values):
            chunks = _checksummed(little_endian(variable, dtype.numpy, values()))
            self._enter(variable.name.encode(), self._append(dtype, variable.shape, chunks))
            return
        _check(variable, dtype, values)
        if not parts:
            self._enter(variable.name.encode(), self._append(dtype, variable.shape, _chunks(dtype, values)))
            return
        try:
            slices = list(cut(variable.shape, parts))
        except ValueError as error:
            raise ValueError(f"{variable.name}: {error}") from None
        for extents in slices:
            part = values[box(extents, values.shape)]
            self._enter(slice_key(variable.name, extents), self._append(dtype, part.shape, _chunks(dtype, part)))
        entry = BundleEntry(dtype.number, _shape(values.shape), slices=[_stored(extents) for extents in slices])
        self._enter(variable.name.encode(), entry)

    def finish(self, stream: BinaryIO) -> None:
        """Writes the index."""
        header = BundleHeader(len(self._shards), version=VersionDef(producer=1))
        table = TableWriter(stream)
        table.add(b"", encode(header))
        for key, entry in sorted(self._index.items()):
            table.add(key, entry)
        table.finish()

    def _enter(self, key: bytes, entry: BundleEntry) -> None:
        if not key or key in self._index:
            raise ValueError(f"the name {key.decode()!r} is {'there twice' if key else 'empty'}")
        self._index[key] = encode(entry)

    def _append(self, dtype: DataType, shape: Sequence[int], chunks: Iterable[_Checksummed]) -> BundleEntry:
        """Writes values behind what the next data file already has."""
        shard = self._count % len(self._shards)
        self._count += 1
        entry = BundleEntry(dtype.number, _shape(shape), shard, self._sizes[shard], crc32c=mask(0))
        for chunk, crc in chunks:
            self._shards[shard].write(chunk)
            entry.size += len(chunk)
            entry.crc32c = crc
        self._sizes[shard] += entry.size
        return entry


def _check(variable: Variable, dtype: DataType, array: NDArray[Any]) -> None:
    if (array.shape, array.dtype.newbyteorder("=")) != (variable.shape, dtype.numpy):
        raise ValueError(
            f"{variable.name} should be {variable.dtype} {list(variable.shape)}, "
            f"its array is {array.dtype.name} {list(array.shape)}"
        )


#: Some bytes, and the masked checksum of all so far.
_Checksummed: TypeAlias = tuple[bytes | memoryview, int]


def _chunks(dtype: DataType, array: NDArray[Any]) -> Iterator[_Checksummed]:
    if dtype == STRING:
        yield encode_strings(array.ravel().tolist())
        return
    data = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8)
    yield from _checksummed(data[start : start + _CHUNK].data for start in range(0, len(data), _CHUNK))


def _checksummed(chunks: Iterable[memoryview]) -> Iterator[_Checksummed]:
    crc = 0
    for chunk in chunks:
        crc = crc32c(chunk, crc)
        yield chunk, mask(crc)


def _shape(shape: Sequence[int]) -> TensorShape:
    return TensorShape([Dim(size) for size in shape])


def _stored(extents: Extents) -> TensorSlice:
    return TensorSlice([Extent(start, length) for start, length in extents])
