r"""The protobuf wire format, as far as checkpoints use it. Messages are declared as dataclasses of the fields below.

    @dataclass(slots=True)
    class Dim:
        size: int = int64(1)
        name: str = string(2)

    decode(Dim, b"\x08\x05") == Dim(size=5)

Fields that are not declared are skipped, as protobuf asks for. Declared messages do not contain themselves, so that
hostile bytes cannot make the decoder recurse.
"""

from __future__ import annotations

import dataclasses
import enum
import sys
from typing import Any, NamedTuple, TypeVar

from .damage import FormatError
from .varint import ReadBuffer, read_varint, varint

M = TypeVar("M")

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED64: 8, _FIXED32: 4}


class _Kind(enum.Enum):
    """How the payload of a field becomes a Python value."""

    INT = enum.auto()
    STRING = enum.auto()
    BYTES = enum.auto()
    MESSAGE = enum.auto()
    PACKED = enum.auto()


class _Field(NamedTuple):
    number: int
    kind: _Kind
    wire: int
    repeated: bool = False
    message: type[Any] | None = None
    name: str = ""
    default: Any = None

    def tags(self) -> set[int]:
        """Number and wire type; a list of numbers may come packed into bytes or one by one."""
        wires = {self.wire, _BYTES} if self.kind is _Kind.PACKED else {self.wire}
        return {self.number << 3 | wire for wire in wires}


def int64(number: int, default: int = 0) -> int:
    """Declares a signed number (``int32``, ``int64``, ``bool`` or an enumeration)."""
    return dataclasses.field(default=default, metadata={"field": _Field(number, _Kind.INT, _VARINT)})


def fixed32(number: int) -> int:
    """Declares an unsigned number that always takes four bytes."""
    return dataclasses.field(default=0, metadata={"field": _Field(number, _Kind.INT, _FIXED32)})


def string(number: int) -> str:
    """Declares a UTF-8 text."""
    return dataclasses.field(default="", metadata={"field": _Field(number, _Kind.STRING, _BYTES)})


def message(number: int, kind: type[M]) -> M:
    """Declares a message; if it is absent, it is one with all fields at their defaults."""
    return dataclasses.field(
        default_factory=kind, metadata={"field": _Field(number, _Kind.MESSAGE, _BYTES, message=kind)}
    )


def messages(number: int, kind: type[M]) -> list[M]:
    """Declares a list of messages."""
    return dataclasses.field(
        default_factory=list, metadata={"field": _Field(number, _Kind.MESSAGE, _BYTES, repeated=True, message=kind)}
    )


def byte_strings(number: int) -> list[ReadBuffer]:
    """Declares a list of byte strings."""
    return dataclasses.field(
        default_factory=list, metadata={"field": _Field(number, _Kind.BYTES, _BYTES, repeated=True)}
    )


def packed_varints(number: int) -> ReadBuffer:
    """Declares a list of numbers, kept as their wire bytes one after the other, whether they came packed or not."""
    return dataclasses.field(default=b"", metadata={"field": _Field(number, _Kind.PACKED, _VARINT)})


def packed_fixed32(number: int) -> ReadBuffer:
    """Declares a list of four-byte values, kept as their bytes, whether they came packed or not."""
    return dataclasses.field(default=b"", metadata={"field": _Field(number, _Kind.PACKED, _FIXED32)})


def packed_fixed64(number: int) -> ReadBuffer:
    """Declares a list of eight-byte values, kept as their bytes, whether they came packed or not."""
    return dataclasses.field(default=b"", metadata={"field": _Field(number, _Kind.PACKED, _FIXED64)})


class _Schema(NamedTuple):
    fields: tuple[_Field, ...]
    by_tag: dict[int, _Field]


_schemas: dict[type[Any], _Schema] = {}


def _schema(kind: type[Any]) -> _Schema:
    if kind not in _schemas:
        fields = tuple(
            field.metadata["field"]._replace(name=field.name, default=field.default)
            for field in dataclasses.fields(kind)
        )
        _schemas[kind] = _Schema(fields, {tag: field for field in fields for tag in field.tags()})
    return _schemas[kind]


def decode(kind: type[M], data: ReadBuffer, most_items: int = sys.maxsize) -> M:
    """Reads a message.

    Args:
        kind: Its class.
        data: Its bytes.
        most_items: How many items the lists in it may have together: so many as the file has bytes, where it may come
            from a compressed block that repeats two bytes many times.

    Raises:
        FormatError: If the bytes are no message of this kind, or there are more items.
    """
    return _decode(kind, data, [most_items])


def _decode(kind: type[M], data: ReadBuffer, items_left: list[int]) -> M:
    result = kind()
    by_tag = _schema(kind).by_tag
    position, end = 0, len(data)
    while position < end:
        tag, position = read_varint(data, position, end)
        wire = tag & 7
        start = position
        if wire == _VARINT:
            number, position = read_varint(data, position, end)
        elif wire == _BYTES:
            number, start = read_varint(data, position, end)
            position = start + number
        elif wire in _FIXED_SIZES:
            position += _FIXED_SIZES[wire]
        else:
            raise FormatError(f"field {tag >> 3} has the unknown wire type {wire}")
        if position > end:
            raise FormatError(f"field {tag >> 3} reaches beyond its message of {end} bytes")
        field = by_tag.get(tag)
        if field is None:
            continue
        if field.kind is _Kind.PACKED:
            _extend(result, field.name, data[start:position])
            continue
        value = _signed(number) if wire == _VARINT else _value(field, data[start:position], items_left)
        if field.repeated:
            items_left[0] -= 1
            if items_left[0] < 0:
                raise FormatError("it has more parts than its file can hold")
            getattr(result, field.name).append(value)
        else:
            setattr(result, field.name, value)
    return result


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def _value(field: _Field, payload: ReadBuffer, items_left: list[int]) -> Any:
    if field.message is not None:
        return _decode(field.message, payload, items_left)
    if field.kind is _Kind.STRING:
        try:
            return str(payload, "utf-8")
        except UnicodeDecodeError:
            raise FormatError(f"the text {bytes(payload[:80])!r} is not UTF-8") from None
    return int.from_bytes(payload, "little") if field.kind is _Kind.INT else payload


def _extend(result: Any, name: str, payload: ReadBuffer) -> None:
    """One packed piece stays a view. Only a list in pieces is gathered, without an object for each of them."""
    present = getattr(result, name)
    if len(present) == 0:
        setattr(result, name, payload)
    elif isinstance(present, bytearray):
        present += payload
    else:
        setattr(result, name, bytearray(present) + payload)


def encode(message: Any) -> bytes:
    """Writes a message. Numbers and texts that have their default value are left out."""
    parts = []
    for field in _schema(type(message)).fields:
        value = getattr(message, field.name)
        if field.repeated:
            parts += [_encoded(field, item) for item in value]
        elif field.message is not None or value != field.default:
            parts.append(_encoded(field, value))
    return b"".join(parts)


def _encoded(field: _Field, value: Any) -> bytes:
    if field.kind is _Kind.INT:
        tag = varint(field.number << 3 | field.wire)
        return tag + (varint(value & (1 << 64) - 1) if field.wire == _VARINT else int.to_bytes(value, 4, "little"))
    payload: bytes = value
    if field.kind is _Kind.STRING:
        payload = str.encode(value)
    elif field.message is not None:
        payload = encode(value)
    return varint(field.number << 3 | _BYTES) + varint(len(payload)) + payload
