"""Keys that sort as bytes the way their parts sort as values: TensorFlow's "ordered code".

Slices of partitioned variables, and all tensors of V1 files, are stored under such keys.
"""

from __future__ import annotations

from collections.abc import Sequence

_TERMINATOR = b"\x00\x01"


def encode_number(value: int) -> bytes:
    """Writes an unsigned number: how many bytes follow, then the number, most significant byte first."""
    size = (value.bit_length() + 7) // 8
    return bytes([size]) + value.to_bytes(size, "big")


def encode_string(value: bytes) -> bytes:
    """Writes bytes so that no byte 00 of theirs can be taken for the end."""
    return b"".join(_ESCAPED.get(byte, bytes([byte])) for byte in value) + _TERMINATOR


_ESCAPED = {0x00: b"\x00\xff", 0xFF: b"\xff\x00"}


def encode_signed(value: int) -> bytes:
    """Writes a signed 64-bit number: as many leading ones (zeros if it is negative) as bytes, then two's complement."""
    magnitude = value if value >= 0 else ~value
    size = magnitude.bit_length() // 7 + 1
    leading_ones = ((1 << size) - 1) << (7 * size)
    return ((value & ((1 << 8 * size) - 1)) ^ leading_ones).to_bytes(size, "big")


def slice_key(name: str, extents: Sequence[tuple[int, int]]) -> bytes:
    """The key of a slice.

    Args:
        name: The variable.
        extents: Start and length along each axis; the length -1 means the whole axis.
    """
    parts = [encode_number(0), encode_string(name.encode()), encode_number(len(extents))]
    parts += [encode_signed(number) for extent in extents for number in extent]
    return b"".join(parts)
