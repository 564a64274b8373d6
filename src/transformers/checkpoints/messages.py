"""The protobuf messages of TensorFlow's checkpoints, with TensorFlow's field numbers and names."""

# ruff: noqa: RUF009 (the calls declare fields, as those of `dataclasses.field` do)

from __future__ import annotations

from dataclasses import dataclass

from . import protobuf as pb
from .varint import ReadBuffer


@dataclass(slots=True)
class Dim:
    """One dimension of a shape."""

    size: int = pb.int64(1)


@dataclass(slots=True)
class TensorShape:
    """A shape; without dimensions a scalar's."""

    dim: list[Dim] = pb.messages(2, Dim)
    unknown_rank: int = pb.int64(3)


@dataclass(slots=True)
class Extent:
    """A range of one axis. The length -1, which stands for an absent one, means the whole axis."""

    start: int = pb.int64(1)
    length: int = pb.int64(2, default=-1)


@dataclass(slots=True)
class TensorSlice:
    """A box within a tensor."""

    extent: list[Extent] = pb.messages(1, Extent)


@dataclass(slots=True)
class VersionDef:
    """Who may read a file."""

    producer: int = pb.int64(1)
    min_consumer: int = pb.int64(2)


@dataclass(slots=True)
class BundleHeader:
    """The value of the empty key of a V2 index."""

    num_shards: int = pb.int64(1)
    endianness: int = pb.int64(2)
    version: VersionDef = pb.message(3, VersionDef)


@dataclass(slots=True)
class BundleEntry:
    """Where the bytes of a tensor, or of a slice of one, are."""

    dtype: int = pb.int64(1)
    shape: TensorShape = pb.message(2, TensorShape)
    shard_id: int = pb.int64(3)
    offset: int = pb.int64(4)
    size: int = pb.int64(5)
    crc32c: int = pb.fixed32(6)
    slices: list[TensorSlice] = pb.messages(7, TensorSlice)


@dataclass(slots=True)
class SavedSliceMeta:
    """A tensor of a V1 file and the slices in which it is there."""

    name: str = pb.string(1)
    shape: TensorShape = pb.message(2, TensorShape)
    type: int = pb.int64(3)
    slice: list[TensorSlice] = pb.messages(4, TensorSlice)


@dataclass(slots=True)
class SavedTensorSliceMeta:
    """The table of contents of a V1 file."""

    tensor: list[SavedSliceMeta] = pb.messages(1, SavedSliceMeta)
    versions: VersionDef = pb.message(2, VersionDef)


@dataclass(slots=True)
class TensorProto:
    """Values by their kind of number; a V1 file states type and shape elsewhere."""

    float_val: ReadBuffer = pb.packed_fixed32(5)
    double_val: ReadBuffer = pb.packed_fixed64(6)
    int_val: ReadBuffer = pb.packed_varints(7)
    string_val: list[ReadBuffer] = pb.byte_strings(8)
    scomplex_val: ReadBuffer = pb.packed_fixed32(9)
    int64_val: ReadBuffer = pb.packed_varints(10)
    bool_val: ReadBuffer = pb.packed_varints(11)
    dcomplex_val: ReadBuffer = pb.packed_fixed64(12)
    half_val: ReadBuffer = pb.packed_varints(13)


@dataclass(slots=True)
class SavedSlice:
    """The values of one slice in a V1 file."""

    name: str = pb.string(1)
    slice: TensorSlice = pb.message(2, TensorSlice)
    data: TensorProto = pb.message(3, TensorProto)


@dataclass(slots=True)
class SavedTensorSlices:
    """A value in a V1 file: the table of contents under the empty key, a slice under every other."""

    meta: SavedTensorSliceMeta = pb.message(1, SavedTensorSliceMeta)
    data: SavedSlice = pb.message(2, SavedSlice)


@dataclass(slots=True)
class Attribute:
    """A value that a tracked object keeps in the checkpoint."""

    name: str = pb.string(1)
    full_name: str = pb.string(2)
    checkpoint_key: str = pb.string(3)


@dataclass(slots=True)
class TrackableObject:
    """A tracked object. Its place among the others shows in the keys of its attributes."""

    attributes: list[Attribute] = pb.messages(2, Attribute)


@dataclass(slots=True)
class TrackableObjectGraph:
    """All tracked objects of a TensorFlow 2 checkpoint."""

    nodes: list[TrackableObject] = pb.messages(1, TrackableObject)
