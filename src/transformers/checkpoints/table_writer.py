"""Writes sorted string tables, byte for byte as TensorFlow does."""

from __future__ import annotations

import struct
from typing import BinaryIO

from .crc import crc32c, mask
from .table import FOOTER_SIZE, MAGIC, UNCOMPRESSED, Handle
from .varint import varint

_RESTART_INTERVAL = 16


class _Block:
    """Collects entries; a key is written in full at restart points, else as what differs from the previous one."""

    def __init__(self, restart_interval: int) -> None:
        self._restart_interval = restart_interval
        self._entries = bytearray()
        self._restarts: list[int] = []
        self._count = 0
        self.last_key = b""

    @property
    def size(self) -> int:
        return len(self._entries) + 4 * (max(len(self._restarts), 1) + 1)

    @property
    def is_empty(self) -> bool:
        return self._count == 0

    def add(self, key: bytes, value: bytes) -> None:
        shared = 0
        if self._count % self._restart_interval == 0:
            self._restarts.append(len(self._entries))
        else:
            shared = _shared(self.last_key, key)
        self._entries += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        self._count += 1
        self.last_key = key

    def contents(self) -> bytes:
        restarts = self._restarts or [0]
        return bytes(self._entries) + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


class TableWriter:
    """Writes a table to a stream that stands at its beginning.

    Args:
        stream: Where the bytes go.
        block_size: A block is closed once it has so many bytes.
    """

    def __init__(self, stream: BinaryIO, block_size: int = 262144) -> None:
        self._stream = stream
        self._block_size = block_size
        self._position = 0
        self._block = _Block(_RESTART_INTERVAL)
        self._index = _Block(1)
        self._closed_block: tuple[bytes, Handle] | None = None

    def add(self, key: bytes, value: bytes) -> None:
        """Adds an entry. Keys must come in rising order."""
        self._index_closed_block(next_key=key)
        self._block.add(key, value)
        if self._block.size >= self._block_size:
            self._close_block()

    def finish(self) -> None:
        """Writes what is left, the index and the footer. The stream stays open."""
        if not self._block.is_empty:
            self._close_block()
        self._index_closed_block(next_key=None)
        metaindex = self._write_block(_Block(1))
        index = self._write_block(self._index)
        self._stream.write((_packed(metaindex) + _packed(index)).ljust(FOOTER_SIZE - len(MAGIC), b"\0") + MAGIC)

    def stored(self, block: bytes) -> tuple[int, bytes]:
        """How a block is stored: the number of its compression, and its bytes."""
        return UNCOMPRESSED, block

    def _close_block(self) -> None:
        self._closed_block = self._block.last_key, self._write_block(self._block)
        self._block = _Block(_RESTART_INTERVAL)

    def _index_closed_block(self, next_key: bytes | None) -> None:
        """Enters a block into the index as soon as it is known which keys follow it."""
        if self._closed_block is not None:
            last_key, handle = self._closed_block
            key = _successor(last_key) if next_key is None else _separator(last_key, next_key)
            self._index.add(key, _packed(handle))
            self._closed_block = None

    def _write_block(self, block: _Block) -> Handle:
        compression, stored = self.stored(block.contents())
        stored += bytes([compression])
        self._stream.write(stored + struct.pack("<I", mask(crc32c(stored))))
        handle = Handle(self._position, len(stored) - 1)
        self._position += len(stored) + 4
        return handle


def _packed(handle: Handle) -> bytes:
    return varint(handle.offset) + varint(handle.size)


def _shared(one: bytes, other: bytes) -> int:
    """How many bytes two keys have in common at their beginning."""
    for count, (byte, other_byte) in enumerate(zip(one, other, strict=False)):
        if byte != other_byte:
            return count
    return min(len(one), len(other))


def _separator(last_key: bytes, next_key: bytes) -> bytes:
    """A short key that is not below ``last_key`` and is below ``next_key``."""
    shared = _shared(last_key, next_key)
    if shared < len(last_key) and last_key[shared] + 1 < next_key[shared]:
        return last_key[:shared] + bytes([last_key[shared] + 1])
    return last_key


def _successor(last_key: bytes) -> bytes:
    """A short key that is not below ``last_key``."""
    for count, byte in enumerate(last_key):
        if byte < 0xFF:
            return last_key[:count] + bytes([byte + 1])
    return last_key
