"""Variable-length integers: seven bits in a byte, low group first, the top bit set on all bytes but the last."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .damage import FormatError

#: Bytes that are only looked at.
ReadBuffer: TypeAlias = bytes | bytearray | memoryview

_LONGEST = 10  # bytes of a 64-bit number


def read_varint(data: ReadBuffer, position: int, end: int) -> tuple[int, int]:
    """Reads an unsigned 64-bit number that ends before ``end``.

    Returns:
        The number and the position behind it.

    Raises:
        FormatError: If the number is cut off or longer than 64 bits.
    """
    if position < end and (first := data[position]) < 0x80:
        return first, position + 1
    value = shift = 0
    stop = min(end, position + _LONGEST)
    while position < stop:
        byte = data[position]
        position += 1
        if byte < 0x80:
            value |= byte << shift
            if value >> 64:
                break
            return value, position
        value |= (byte & 0x7F) << shift
        shift += 7
    raise FormatError(f"no number ends before byte {stop}")


def varint(value: int) -> bytes:
    """Writes an unsigned number."""
    groups = bytearray()
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def read_varints(data: ReadBuffer, count: int) -> NDArray[np.uint64]:
    """Reads exactly ``count`` numbers that fill ``data``.

    Raises:
        FormatError: If the bytes hold another number of numbers, or one is longer than 64 bits.
    """
    groups = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(groups < 0x80)
    if len(ends) != count or (len(groups) and groups[-1] >= 0x80):
        raise FormatError(f"there are {len(ends)} numbers, expected {count}")
    starts = np.concatenate([[0], ends[:-1] + 1])[:count]
    lengths = ends - starts + 1
    longest = int(lengths.max(initial=0))
    if longest > _LONGEST or (longest == _LONGEST and groups[ends[lengths == _LONGEST]].max() > 1):
        raise FormatError("a number is longer than 64 bits")
    values = np.zeros(count, np.uint64)
    for group in range(longest):
        reaches = lengths > group
        values[reaches] |= (groups[starts[reaches] + group] & np.uint8(0x7F)).astype(np.uint64) << np.uint64(7 * group)
    return values
