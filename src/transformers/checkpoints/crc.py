"""CRC-32C (Castagnoli) and the masked form in which TensorFlow stores it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .varint import ReadBuffer

_MASK_DELTA = 0xA282EAD8


def crc32c(data: ReadBuffer, crc: int = 0) -> int:
    """The checksum of the bytes that ``crc`` is of, followed by ``data`` (contiguous)."""
    from google_crc32c import extend

    # The extension refuses a memoryview or an mmap, but takes any array, writable or not, without a copy.
    extended: int = extend(crc, np.frombuffer(data, np.uint8))
    return extended


def mask(crc: int) -> int:
    """Rotates and shifts a checksum, so that one stored among the bytes it covers does not weaken it."""
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF
