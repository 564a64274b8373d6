"""Writes the pickles that original formats consist of: plain values, and the few objects that their readers expect.

The instructions (of protocol 2, which Python 2 and PyTorch's older releases read, too) are written one by one: names of
classes and functions are text here, so that none of them has to be installed.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, BinaryIO

_BATCH = 1000


@dataclass(frozen=True)
class Named:
    """A class or function that the reader looks up.

    Attributes:
        module: Its module.
        name: Its name there.
    """

    module: str
    name: str


@dataclass(frozen=True)
class Called:
    """What a function or class makes of arguments.

    Attributes:
        maker: The function.
        arguments: Its arguments.
        state: What the object is told afterwards; nothing if None.
    """

    maker: Named
    arguments: tuple[Any, ...] = ()
    state: Any = None


@dataclass(frozen=True)
class Instance:
    """An object that is made without its constructor and then given its attributes.

    Attributes:
        kind: Its class.
        attributes: They.
        behind: Writes what stands in the file behind the object, where the reader of its class takes it from.
    """

    kind: Named
    attributes: dict[str, Any]
    behind: Callable[[BinaryIO], None] | None = None


@dataclass(frozen=True)
class Reference:
    """Something outside of the pickle.

    Attributes:
        key: What the reader finds it by.
    """

    key: tuple[Any, ...]


def write_pickle(stream: BinaryIO, value: Any) -> None:
    """Writes a value: ``None``, booleans, numbers, texts, tuples, lists, dictionaries, and what this module has.

    Args:
        stream: Where it goes.
        value: The value.

    Raises:
        TypeError: If it holds anything else.
    """
    stream.write(b"\x80\x02")
    _write(stream, value)
    stream.write(b".")


def _write(stream: BinaryIO, value: Any) -> None:
    match value:
        case None:
            stream.write(b"N")
        case bool():
            stream.write(b"\x88" if value else b"\x89")
        case int():
            stream.write(_integer(value))
        case float():
            stream.write(b"G" + struct.pack(">d", value))
        case str():
            encoded = value.encode("utf-8", "surrogatepass")
            stream.write(b"X" + struct.pack("<I", len(encoded)) + encoded)
        case tuple():
            stream.write(b"(")
            _write_all(stream, value)
            stream.write(b"t")
        case list():
            stream.write(b"]")
            _write_batches(stream, ((member,) for member in value), b"e")
        case dict():
            stream.write(b"}")
            _write_batches(stream, value.items(), b"u")
        case Named(module, name):
            stream.write(f"c{module}\n{name}\n".encode("ascii"))
        case Called(maker, arguments, state):
            _write_all(stream, (maker, arguments))
            stream.write(b"R")
            if state is not None:
                _write(stream, state)
                stream.write(b"b")
        case Instance(kind, attributes, behind):
            _write(stream, kind)
            stream.write(b")\x81")
            _write(stream, attributes)
            stream.write(b"b")
            if behind is not None:
                behind(stream)
        case Reference(key):
            _write(stream, key)
            stream.write(b"Q")
        case _:
            raise TypeError(f"a value of the type {type(value).__name__} has no place in these files")


def _write_all(stream: BinaryIO, values: Iterable[Any]) -> None:
    for value in values:
        _write(stream, value)


def _write_batches(stream: BinaryIO, members: Iterable[tuple[Any, ...]], end: bytes) -> None:
    """The members of a container, so many at once that the reader's stack stays short."""
    remaining = iter(members)
    while batch := list(itertools.islice(remaining, _BATCH)):
        stream.write(b"(")
        _write_all(stream, itertools.chain.from_iterable(batch))
        stream.write(end)


def _integer(value: int) -> bytes:
    if 0 <= value < 1 << 8:
        return b"K" + bytes([value])
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    encoded = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(encoded)]) + encoded
