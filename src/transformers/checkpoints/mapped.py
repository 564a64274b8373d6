"""A file whose bytes are looked at where the system keeps them, without becoming this process's memory for long."""

from __future__ import annotations

import mmap
import zlib
from collections.abc import Callable
from pathlib import Path

from .crc import crc32c
from .damage import FormatError

_CHUNK = 4 << 20
_DROP_PAGES: int | None = getattr(mmap, "MADV_DONTNEED", None)  # absent on Windows


class MappedFile:
    """A file, mapped read-only when its bytes are first asked for.

    Args:
        path: The file.

    Attributes:
        size: Its length in bytes when this object was made. No view reaches beyond it.

    Raises:
        OSError: If there is no such file or it may not be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        self._map: mmap.mmap | None = None

    def view(self, offset: int, size: int) -> memoryview:
        """Some bytes of the file, not copied. They stay valid after :meth:`close`.

        Raises:
            FormatError: If the file does not reach so far.
            OSError: If the file cannot be mapped.
        """
        if offset < 0 or size < 0 or offset + size > self.size:
            raise FormatError(f"bytes {offset} to {offset + size} are asked for, but the file has {self.size}")
        if size == 0:
            return memoryview(b"")
        if self._map is None:
            self._map = self._mapped()
        return memoryview(self._map)[offset : offset + size]

    def _mapped(self) -> mmap.mmap:
        with self.path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if len(mapped) < self.size:
            raise FormatError(f"the file had {self.size} bytes when it was opened and has {len(mapped)} now")
        return mapped

    def crc32c(self, offset: int, size: int, crc: int = 0) -> int:
        """The checksum of ``crc``'s bytes followed by some of the file's; keeps few of its pages in memory."""
        return self._checksum(crc32c, offset, size, crc)

    def crc32(self, offset: int, size: int) -> int:
        """The checksum that zip archives have; keeps few of the file's pages in memory."""
        return self._checksum(zlib.crc32, offset, size, 0)

    def _checksum(self, function: Callable[[memoryview, int], int], offset: int, size: int, crc: int) -> int:
        view = self.view(offset, size)
        for start in range(0, size, _CHUNK):
            chunk = view[start : start + _CHUNK]
            crc = function(chunk, crc)
            if size > _CHUNK:
                self._drop(offset + start, len(chunk))
        return crc

    def _drop(self, offset: int, size: int) -> None:
        first_page = offset - offset % mmap.PAGESIZE
        if self._map is not None and _DROP_PAGES is not None:
            self._map.madvise(_DROP_PAGES, first_page, offset + size - first_page)

    def release(self) -> None:
        """Gives the pages back to the system. Views stay valid; what they show is read anew."""
        if self.size:
            self._drop(0, self.size)

    def close(self) -> None:
        """Lets go of the file as soon as no view of it is left."""
        self._map = None
