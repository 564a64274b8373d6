"""PyTorch's tensors in pickles: views of storages, which stand elsewhere in the file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .damage import FormatError, RefusedError
from .inert import PLAIN_NAMES, Dialect, Global, Holder, Maker, make_record
from .pickled_arrays import ARRAY_NAMES
from .shapes import checked_dims

_STORAGE_TYPES = {
    "FloatStorage": "float32", "DoubleStorage": "float64", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64", "ComplexDoubleStorage": "complex128",
}  # fmt: skip
_LARGEST = 1 << 62
_LONGEST_KEY = 100


@dataclass(frozen=True, slots=True)
class Storage:
    """Numbers in a row.

    Attributes:
        key: Its name in the file.
        dtype: The data type of its elements.
        size: The number of elements.
    """

    key: str
    dtype: str
    size: int


@dataclass(frozen=True, slots=True)
class StorageView(Holder):
    """A storage or, in files of the legacy layout, a part of one."""

    storage: Storage
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class StoredTensor(Holder):
    """A view of a storage.

    Attributes:
        storage: The storage.
        start: The place of its first element.
        shape: Its shape.
        strides: The distance of neighbours along each axis, in elements.
    """

    storage: Storage
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def extent(self) -> int:
        """The number of elements from the first to the last, those in between included."""
        return _extent(self.shape, self.strides)


class Storages:
    """The storages that a pickle refers to.

    Attributes:
        found: They, by name.
        dialect: What a pickle with tensors may contain.
    """

    def __init__(self) -> None:
        self.found: dict[str, Storage] = {}
        self.dialect = Dialect(_NAMES, self._view)

    def _view(self, reference: Any) -> StorageView:
        match reference:
            case ("storage", Global() as kind, str(key), _, int(size)) | (
                "storage",
                Global() as kind,
                str(key),
                _,
                int(size),
                None,
            ):
                start, length = 0, size
            case ("storage", Global() as kind, str(key), _, int(size), (_, int(start), int(length))):
                pass
            case _:
                raise FormatError("it refers to something else than the values of tensors")
        dtype = _STORAGE_TYPES.get(kind.name.rpartition(".")[2])
        if dtype is None or not 0 <= size < _LARGEST or len(key) > _LONGEST_KEY:
            raise FormatError(f"the values of a tensor cannot be {size} of {kind.name}")
        storage = self.found.setdefault(key, Storage(key, dtype, size))
        if (storage.dtype, storage.size) != (dtype, size):
            raise FormatError(f"the storage {key} is {storage.size} of {storage.dtype} and {size} of {dtype}")
        if start < 0 or length < 0 or start + length > size:
            raise FormatError(f"a part of the storage {key}, {start} to {start + length}, is not within its {size}")
        return StorageView(storage, start, length)


def _make_tensor(arguments: tuple[Any, ...]) -> StoredTensor:
    match arguments:
        case (StorageView() as view, int(offset), tuple(dims), tuple(strides), *rest) if len(dims) == len(strides):
            pass
        case _:
            raise FormatError("a tensor is not made as tensors are")
    if any(rest[2:]):
        raise RefusedError("a tensor is conjugated or negated as it is read")
    shape = checked_dims(dims)
    if not all(type(stride) is int and stride >= 0 for stride in strides):
        raise FormatError(f"the strides of a tensor of the shape {list(shape)} cannot be")
    if offset < 0 or max(math.prod(shape), offset + _extent(shape, strides)) > view.size:
        raise FormatError(
            f"a tensor of the shape {list(shape)} is not within the {view.size} values of storage {view.storage.key}"
        )
    return StoredTensor(view.storage, view.start + offset, shape, strides)


def _make_parameter(arguments: tuple[Any, ...]) -> StoredTensor:
    match arguments:
        case (StoredTensor() as tensor, *_):
            return tensor
    raise FormatError("a parameter is made of something else than a tensor")


def _make_size(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    match arguments:
        case (tuple(shape),):
            return shape
    raise FormatError("a size is made of something else than a tuple")


def _extent(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    if 0 in shape:
        return 0
    return 1 + sum((dim - 1) * stride for dim, stride in zip(shape, strides, strict=True))


_NAMES: Mapping[tuple[str, str], Maker | None] = {
    **PLAIN_NAMES,
    **ARRAY_NAMES,
    ("argparse", "Namespace"): make_record,
    ("torch._utils", "_rebuild_tensor"): _make_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _make_tensor,
    ("torch._utils", "_rebuild_parameter"): _make_parameter,
    ("torch", "Size"): _make_size,
    **{(module, name): None for module in ("torch", "torch.cuda") for name in _STORAGE_TYPES},
}
