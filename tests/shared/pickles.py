"""Pickles put together by hand: of objects whose classes are not there, and of those that nobody should unpickle."""

from __future__ import annotations

import io
import pickletools
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C

_CODES = {opcode.name: opcode.code.encode("latin-1") for opcode in pickletools.opcodes}


def op(name: str, argument: bytes = b"") -> bytes:
    """An instruction, such as ``op("BININT1", b"\\7")``."""
    return _CODES[name] + argument


@dataclass(frozen=True)
class Name:
    """Something that is imported when it is unpickled."""

    module: str
    name: str


@dataclass(frozen=True)
class Call:
    """Something that is called when it is unpickled, and given a state if there is one."""

    function: Any
    arguments: tuple[Any, ...] = ()
    state: Any = None
    values: bytes = b""  # what stands behind the state, between the instructions


@dataclass(frozen=True)
class Persistent:
    """A reference to something outside of the pickle."""

    reference: Any


@dataclass(frozen=True)
class Instructions:
    """Any instructions that leave one value."""

    code: bytes


def encoded(value: Any) -> bytes:
    """The instructions of protocol 2 or 3 that make a value."""
    match value:
        case None:
            return op("NONE")
        case bool():
            return op("NEWTRUE" if value else "NEWFALSE")
        case int() if -(1 << 31) <= value < 1 << 31:
            return op("BININT", struct.pack("<i", value))
        case int():
            data = value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True)
            return op("LONG1", bytes([len(data)]) + data)
        case float():
            return op("BINFLOAT", struct.pack(">d", value))
        case str():
            data = value.encode()
            return op("BINUNICODE", struct.pack("<I", len(data)) + data)
        case bytes():
            return op("BINBYTES", struct.pack("<I", len(value)) + value)
        case tuple():
            return op("MARK") + b"".join(map(encoded, value)) + op("TUPLE")
        case list():
            return op("EMPTY_LIST") + op("MARK") + b"".join(map(encoded, value)) + op("APPENDS")
        case dict():
            items = b"".join(encoded(part) for item in value.items() for part in item)
            return op("EMPTY_DICT") + op("MARK") + items + op("SETITEMS")
        case Name():
            return op("GLOBAL", f"{value.module}\n{value.name}\n".encode())
        case Call():
            state = b"" if value.state is None else encoded(value.state) + op("BUILD") + value.values
            return encoded(value.function) + encoded(value.arguments) + op("REDUCE") + state
        case Persistent():
            return encoded(value.reference) + op("BINPERSID")
        case Instructions():
            return value.code
    raise TypeError(f"{value!r} cannot be encoded")


def pickled(value: Any, protocol: int = 2) -> bytes:
    """The pickle of a value."""
    return op("PROTO", bytes([protocol])) + encoded(value) + op("STOP")


def numpy_type(code: str = "f4", order: str = "<") -> Call:
    """A ``numpy.dtype``."""
    return Call(Name("numpy", "dtype"), (code, 0, 1), (3, order, None, None, None, -1, -1, 0))


def numpy_array(array: np.ndarray[Any, Any], module: str = "numpy.core.multiarray", raw: Any = None) -> Call:
    """A ``numpy.ndarray``; ``raw`` takes the place of its bytes."""
    return Call(
        Name(module, "_reconstruct"),
        (Name("numpy", "ndarray"), (0,), b"b"),
        (1, array.shape, numpy_type(array.dtype.str[1:]), False, array.tobytes() if raw is None else raw),
    )


def torch_tensor(
    key: str,
    shape: tuple[int, ...],
    *,
    size: int | None = None,
    start: int = 0,
    strides: tuple[int, ...] | None = None,
    kind: str = "FloatStorage",
    legacy: bool = True,
) -> Call:
    """A tensor over a storage; the storage is as large as the tensor if nothing else is said."""
    count = int(np.prod(shape))
    steps = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))) if strides is None else strides
    reference = ("storage", Name("torch", kind), key, "cpu", count if size is None else size)
    storage = Persistent((*reference, None) if legacy else reference)
    hooks = Call(Name("collections", "OrderedDict"))
    return Call(Name("torch._utils", "_rebuild_tensor_v2"), (storage, start, shape, steps, False, hooks))


def legacy_torch_file(value: Any, storages: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    """A file of the legacy layout."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    head = b"".join(map(pickled, (MAGIC_NUMBER, 1001, system, value, list(storages))))
    return head + b"".join(struct.pack("<q", array.size) + array.tobytes() for array in storages.values())


def zip_torch_file(value: Any, storages: Mapping[str, np.ndarray[Any, Any]], *, checksums: bool = True) -> bytes:
    """A file of the newer layout. Without checksums there are zeros in their place, as PyTorch can write them, too."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        entries = {"data.pkl": pickled(value), "byteorder": b"little", "version": b"3\n"}
        entries |= {f"data/{key}": array.tobytes() for key, array in storages.items()}
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), data)
    data = stream.getvalue()
    if not checksums:
        for contents in entries.values():
            data = data.replace(struct.pack("<I", zlib.crc32(contents)), bytes(4))
    return data


def joblib_array(array: np.ndarray[Any, Any], *, order: str = "C", padding: int | None = None) -> Call:
    """A wrapped array, its bytes behind it; with a number of padding bytes, as newer versions have them."""
    state: dict[str, Any] = {
        "subclass": Name("numpy", "ndarray"),
        "shape": array.shape,
        "order": order,
        "dtype": numpy_type(array.dtype.str[1:]),
        "allow_mmap": True,
    }
    before = b""
    if padding is not None:
        state["numpy_array_alignment_bytes"] = 16
        before = bytes([padding]) + b"\xff" * padding
    values = before + array.tobytes(order="F" if order == "F" else "C")
    return Call(Name("joblib.numpy_pickle", "NumpyArrayWrapper"), (), state, values)


def joblib_file(arrays: Sequence[Call]) -> bytes:
    """A list of wrapped arrays."""
    return pickled(list(arrays), protocol=3)


def corpus_file(vocabulary: Mapping[str, Any], **attributes: Any) -> bytes:
    """The cache of a data set."""
    vocab = Call(Name("vocabulary", "Vocab"), (), dict(vocabulary))
    return pickled(Call(Name("data_utils", "Corpus"), (), {"vocab": vocab, **attributes}))
