"""The layout of string tensors in bundles: all lengths, a checksum of them, and all bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .crc import crc32c, mask
from .damage import FormatError
from .varint import ReadBuffer, read_varint, varint


def decode_strings(data: ReadBuffer, count: int) -> tuple[NDArray[Any], int]:
    """Takes a string tensor apart.

    Args:
        data: All bytes of the tensor.
        count: Number of elements.

    Returns:
        The strings as an array of ``bytes``, and the masked checksum of the whole.

    Raises:
        FormatError: If the bytes are not ``count`` strings.
    """
    if count > len(data):
        raise FormatError(f"{count} strings cannot be in {len(data)} bytes")
    lengths, position = [], 0
    for _ in range(count):
        length, position = read_varint(data, position, len(data))
        lengths.append(length)
    if position + 4 + sum(lengths) != len(data):
        raise FormatError(f"{count} strings announce {position + 4 + sum(lengths)} bytes, there are {len(data)}")
    crc = _lengths_crc(lengths)
    stored = bytes(data[position : position + 4])
    if mask(crc) != int.from_bytes(stored, "little"):
        raise FormatError(
            f"the lengths have the checksum {mask(crc):#010x}, stored is {int.from_bytes(stored, 'little'):#010x}"
        )
    strings = np.empty(count, object)
    position += 4
    crc = crc32c(data[position:], crc32c(stored, crc))
    for number, length in enumerate(lengths):
        strings[number] = bytes(data[position : position + length])
        position += length
    return strings, mask(crc)


def encode_strings(strings: Sequence[bytes]) -> tuple[bytes, int]:
    """Writes a string tensor; returns its bytes and their masked checksum."""
    lengths = [len(string) for string in strings]
    crc = _lengths_crc(lengths)
    stored = mask(crc).to_bytes(4, "little")
    contents = b"".join(strings)
    crc = crc32c(contents, crc32c(stored, crc))
    return b"".join(varint(length) for length in lengths) + stored + contents, mask(crc)


def _lengths_crc(lengths: Sequence[int]) -> int:
    """The checksum is not over the varints but over fixed-size numbers."""
    return crc32c(b"".join(length.to_bytes(4 if length < 1 << 32 else 8, "little") for length in lengths))
