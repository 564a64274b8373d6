"""Sorted string tables: the container of V1 files and of V2 indexes (LevelDB's table with TensorFlow's checksums).

Blocks of sorted entries, an index block that says where they are, and a footer that says where the index block is.
Nothing in the file is believed: blocks must lie in the file one after the other, keys must rise, and what decompression
and the keys' shared beginnings make of a block must stay in proportion to its bytes.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from .crc import mask
from .damage import FormatError, blamed_on
from .mapped import MappedFile
from .recognise import recognised
from .varint import ReadBuffer, read_varint

MAGIC = bytes.fromhex("57fb808b247547db")
FOOTER_SIZE = 48
TRAILER_SIZE = 5
UNCOMPRESSED, SNAPPY = 0, 1

#: What a byte can become when a block is decompressed: three bytes give 64 at most.
SNAPPY_RATIO = 22
_KEY_RATIO = 32  # writers repeat a key in full after 16 entries


class Handle(NamedTuple):
    """Where a block is."""

    offset: int
    size: int


class Table:
    """A table file. Opening it reads its index block.

    Args:
        path: The file.

    Raises:
        CheckpointError: If the file is no table, is damaged or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._checked: set[int] = set()
        self._latest: tuple[int, Mapping[bytes, ReadBuffer]] = (-1, {})
        with blamed_on(path):
            self._file = MappedFile(path)
            self.size = self._file.size
            blocks = list(self._blocks())
        self._last_keys = [last_key for last_key, _ in blocks]
        self._handles = [handle for _, handle in blocks]

    def items(self) -> Iterator[tuple[bytes, ReadBuffer]]:
        """All keys with their values, in rising order.

        Raises:
            CheckpointError: If a block is damaged.
        """
        previous = None
        with blamed_on(self.path):
            for handle in self._handles:
                for key, value in _entries(self._block(handle)):
                    if previous is not None and key <= previous:
                        raise FormatError(f"the key {key[:80]!r} comes after {previous[:80]!r}")
                    previous = key
                    yield key, value

    def get(self, key: bytes) -> ReadBuffer | None:
        """The value of a key, None if there is none. Reads the one block that can hold it.

        Raises:
            CheckpointError: If the block is damaged.
        """
        number = bisect_left(self._last_keys, key)
        if number == len(self._handles):
            return None
        if self._latest[0] != number:
            with blamed_on(self.path):
                self._latest = number, dict(_entries(self._block(self._handles[number])))
        return self._latest[1].get(key)

    def release(self) -> None:
        """Gives memory back; what is asked for next is read anew."""
        self._latest = (-1, {})
        self._file.release()

    def close(self) -> None:
        """Lets go of the file. Values that were handed out stay valid."""
        self._latest = (-1, {})
        self._file.close()

    def _blocks(self) -> Iterator[tuple[bytes, Handle]]:
        """The last possible key and the place of every data block."""
        index = self._index()
        end, previous = 0, None
        for last_key, value in _entries(self._block(index)):
            handle, _ = _handle(value, 0)
            if handle.offset < end or (previous is not None and last_key <= previous):
                raise FormatError(f"the block at byte {handle.offset} is out of order")
            end, previous = handle.offset + handle.size + TRAILER_SIZE, last_key
            if end > self.size:
                raise FormatError(f"the block at byte {handle.offset} of {handle.size} bytes ends beyond the file")
            yield last_key, handle

    def _index(self) -> Handle:
        if self.size < FOOTER_SIZE:
            raise FormatError(f"{self.size} bytes are too few{recognised(self.path, ': ')}")
        footer = bytes(self._file.view(self.size - FOOTER_SIZE, FOOTER_SIZE))
        if not footer.endswith(MAGIC):
            raise FormatError(
                f"it does not end as a checkpoint does, with {MAGIC.hex(' ')}, but with {footer[-8:].hex(' ')}"
                f"{recognised(self.path, ': ')}"
            )
        _, position = _handle(footer, 0)
        return _handle(footer, position)[0]

    def _block(self, handle: Handle) -> ReadBuffer:
        """The contents of a block, its checksum verified when it is read for the first time."""
        stored = self._file.view(handle.offset, handle.size + TRAILER_SIZE)
        compression, checksum = struct.unpack("<BI", stored[handle.size :])
        if handle.offset not in self._checked:
            computed = mask(self._file.crc32c(handle.offset, handle.size + 1))
            if computed != checksum:
                raise FormatError(
                    f"the block of {handle.size} bytes at byte {handle.offset} has the checksum {computed:#010x}, "
                    f"stored is {checksum:#010x}"
                )
            self._checked.add(handle.offset)
        block = stored[: handle.size]
        if compression == SNAPPY:
            return _decompressed(block)
        if compression != UNCOMPRESSED:
            raise FormatError(f"the block at byte {handle.offset} has the unknown compression {compression}")
        return block


def has_table_footer(path: Path) -> bool:
    """Whether a file ends like a table.

    Raises:
        OSError: If the file cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size < FOOTER_SIZE:
            return False
        file.seek(size - len(MAGIC))
        return file.read() == MAGIC


def _handle(data: ReadBuffer, position: int) -> tuple[Handle, int]:
    offset, position = read_varint(data, position, len(data))
    size, position = read_varint(data, position, len(data))
    return Handle(offset, size), position


def _decompressed(block: ReadBuffer) -> ReadBuffer:
    import cramjam

    announced, _ = read_varint(block, 0, len(block))
    if announced > SNAPPY_RATIO * len(block):
        raise FormatError(f"{len(block)} compressed bytes announce {announced}, more than they can hold")
    try:
        contents = bytes(cramjam.snappy.decompress_raw(block))
    except cramjam.DecompressionError as error:
        raise FormatError(f"a compressed block is broken: {error}") from None
    if len(contents) != announced:
        raise FormatError(f"a compressed block announces {announced} bytes and holds {len(contents)}")
    return contents


def _entries(block: ReadBuffer) -> Iterator[tuple[bytes, ReadBuffer]]:
    """Takes a block apart. Each key gives how much of the previous one it begins with, and its own rest."""
    end = _end_of_entries(block)
    allowance = _KEY_RATIO * len(block)
    key = b""
    position = 0
    while position < end:
        start = position
        shared, position = read_varint(block, position, end)
        rest, position = read_varint(block, position, end)
        size, position = read_varint(block, position, end)
        if shared > len(key) or position + rest + size > end:
            raise FormatError(f"the entry at byte {start} of a block of {len(block)} bytes reaches beyond it")
        allowance -= shared
        if allowance < 0:
            raise FormatError(f"the keys of a block of {len(block)} bytes repeat themselves beyond measure")
        key = key[:shared] + bytes(block[position : position + rest])
        position += rest
        yield key, block[position : position + size]
        position += size


def _end_of_entries(block: ReadBuffer) -> int:
    """Where the restart points begin: offsets of entries whose keys are complete, and last their number."""
    if len(block) < 4:
        raise FormatError(f"a block of {len(block)} bytes is too short")
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    if end < 0:
        raise FormatError(f"a block of {len(block)} bytes announces {restarts} restart points")
    return end
