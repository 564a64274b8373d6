"""Zip archives whose entries are stored as they are, so that they can be looked at in the mapped file."""

from __future__ import annotations

import struct
import zipfile
from typing import NamedTuple

from .damage import FormatError, RefusedError
from .mapped import MappedFile

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_LOCAL_MAGIC = b"PK\x03\x04"
_ENCRYPTED = 1


class Entry(NamedTuple):
    """Where the bytes of an entry are, and their CRC-32; 0 where the writer has not computed it."""

    offset: int
    size: int
    crc: int


class StoredZip:
    """The table of contents of an archive.

    Args:
        file: The archive.

    Raises:
        FormatError: If the table is damaged.
    """

    def __init__(self, file: MappedFile) -> None:
        self._file = file
        try:
            with zipfile.ZipFile(file.path) as archive:
                self._entries = {info.filename: info for info in archive.infolist()}
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
            raise FormatError(f"it is a zip archive or a PyTorch file without a table of contents ({error})") from None

    def folder_of(self, name: str) -> str:
        """What stands before a name that ends one entry of the archive.

        Raises:
            RefusedError: If there is none or there are several.
        """
        found = [entry for entry in self._entries if entry.endswith(f"/{name}")]
        if len(found) != 1:
            raise RefusedError(f"it is a zip archive with {len(found)} entries {name}, a PyTorch file has one")
        return found[0].removesuffix(name)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def entry(self, name: str) -> Entry:
        """Where an entry is.

        Raises:
            RefusedError: If it is compressed or encrypted.
        FormatError: If there is none, or it is not within the file.
        """
        if name not in self._entries:
            raise FormatError(f"its entry {name} is absent")
        info = self._entries[name]
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & _ENCRYPTED:
            raise RefusedError(f"its entry {name} is compressed or encrypted, which PyTorch does not do")
        header = self._file.view(info.header_offset, _LOCAL_HEADER.size)
        magic, name_size, extra_size = _LOCAL_HEADER.unpack(header)
        if magic != _LOCAL_MAGIC or info.compress_size != info.file_size:
            raise FormatError(f"its entry {name} is not where it should be")
        start = info.header_offset + _LOCAL_HEADER.size + name_size + extra_size
        self._file.view(start, info.file_size)
        return Entry(start, info.file_size, info.CRC)


def check_entry(file: MappedFile, entry: Entry) -> None:
    """Holds the bytes of an entry against their checksum.

    Raises:
        FormatError: If they are not those that were written.
    """
    computed = file.crc32(entry.offset, entry.size) if entry.crc else 0
    if computed != entry.crc:
        raise FormatError(
            f"its {entry.size} bytes at byte {entry.offset} have the checksum {computed:#010x}, "
            f"stored is {entry.crc:#010x}"
        )
