"""Writes V1 checkpoints as old TensorFlow releases did, for the tests of their reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cramjam
import numpy as np
from numpy.typing import NDArray

from transformers.checkpoints.base import Variable
from transformers.checkpoints.dtypes import dtype_named
from transformers.checkpoints.messages import (
    Dim,
    Extent,
    SavedSlice,
    SavedSliceMeta,
    SavedTensorSliceMeta,
    SavedTensorSlices,
    TensorProto,
    TensorShape,
    TensorSlice,
    VersionDef,
)
from transformers.checkpoints.ordered_code import slice_key
from transformers.checkpoints.protobuf import encode
from transformers.checkpoints.slices import Extents, box, cut
from transformers.checkpoints.table import SNAPPY
from transformers.checkpoints.table_writer import TableWriter
from transformers.checkpoints.varint import varint

Tensors = Mapping[Variable, NDArray[Any]]


class SnappyTableWriter(TableWriter):
    """Compresses every block."""

    def stored(self, block: bytes) -> tuple[int, bytes]:
        return SNAPPY, bytes(cramjam.snappy.compress_raw(block))


def write_tensor_slices(
    prefix: Path,
    tensors: Tensors,
    *,
    shards: int | None = None,
    partitions: Mapping[str, Sequence[int]] | None = None,
    snappy: bool = False,
    block_size: int = 262144,
) -> list[Path]:
    """Writes one file, or several among which the slices are dealt out in turn."""
    names = [f"-{number:05}-of-{shards:05}" for number in range(shards)] if shards else [""]
    files = [Path(f"{prefix}{name}") for name in names]
    contents: list[dict[str, SavedSliceMeta]] = [{} for _ in files]
    entries: list[dict[bytes, bytes]] = [{} for _ in files]
    count = 0
    for variable, array in tensors.items():
        for extents, values in _slices(variable, array, (partitions or {}).get(variable.name)):
            shard = count % len(files)
            count += 1
            dtype = dtype_named(variable.dtype).number
            shape = TensorShape([Dim(size) for size in variable.shape])
            meta = contents[shard].setdefault(variable.name, SavedSliceMeta(variable.name, shape, dtype))
            stored = TensorSlice([Extent(start, length) for start, length in extents])
            meta.slice.append(stored)
            saved = SavedSlice(variable.name, stored, values_as_proto(variable.dtype, values))
            entries[shard][slice_key(variable.name, extents)] = encode(SavedTensorSlices(data=saved))
    for file, metas, slices in zip(files, contents, entries, strict=True):
        listed = SavedTensorSliceMeta(list(metas.values()), VersionDef(producer=1))
        with file.open("wb") as stream:
            table = (SnappyTableWriter if snappy else TableWriter)(stream, block_size)
            table.add(b"", encode(SavedTensorSlices(listed)))
            for key in sorted(slices):
                table.add(key, slices[key])
            table.finish()
    return files


def _slices(variable: Variable, array: NDArray[Any], parts: Sequence[int] | None) -> list[tuple[Extents, NDArray[Any]]]:
    if parts is None:
        return [(((0, -1),) * array.ndim, array)]
    return [(extents, array[box(extents, array.shape)]) for extents in cut(variable.shape, parts)]


def values_as_proto(dtype: str, values: NDArray[Any]) -> TensorProto:
    """The list of numbers of the data type, as TensorFlow fills it."""
    if dtype == "string":
        return TensorProto(string_val=list(values.ravel()))
    field = {
        "float32": "float_val",
        "float64": "double_val",
        "complex64": "scomplex_val",
        "complex128": "dcomplex_val",
        "int64": "int64_val",
        "bool": "bool_val",
        "float16": "half_val",
    }.get(dtype, "int_val")
    proto = TensorProto()
    if dtype in ("float32", "float64", "complex64", "complex128"):
        setattr(proto, field, values.tobytes())
    else:
        numbers = values.view(np.uint16) if field == "half_val" else values
        setattr(proto, field, b"".join(varint(int(number) & 0xFFFFFFFFFFFFFFFF) for number in numbers.ravel()))
    return proto
