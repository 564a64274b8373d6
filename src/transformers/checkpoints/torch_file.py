"""Files of ``torch.save``: nested dictionaries with tensors in them, in both layouts, read without PyTorch.

The legacy layout (PyTorch before 1.6) is a row of pickles - a magic number, a version, facts about the machine, the
object, the names of its storages - and behind them the storages, each a count of elements and their bytes. The newer
layout is a zip archive: a pickle ``data.pkl`` and an entry for each storage, none of them compressed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from .base import ITEM_SIZES, CheckpointReader, Variable
from .damage import FormatError, blamed_on
from .inert import Dialect, Holder, Record
from .mapped import MappedFile
from .pickled_arrays import ArrayInFile, PickledArray, array_from
from .pickled_tensors import Storage, Storages, StoredTensor
from .unpickling import unpickle
from .zip_archive import Entry, StoredZip, check_entry

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
_ZIP_HEAD = b"PK\x03\x04"
_LEGACY_HEAD = re.compile(
    rb"(?:\x80[\x02-\x05](?:\x95.{8})?)?(?:\x8a\x0a%b|L%dL\n)\."
    % (re.escape(MAGIC_NUMBER.to_bytes(10, "little")), MAGIC_NUMBER),
    re.DOTALL,
)
_PLAIN = Dialect({})
_BITS = {"bfloat16": "uint16"}
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class _Contents:
    """What is in a file.

    Attributes:
        format: Its format in words.
        value: The object that was saved.
        size: How long its pickle is.
        places: Where its storages are, by name.
        byte_order: That of all of them.
    """

    format: str
    value: Any
    size: int
    places: Mapping[str, Entry]
    byte_order: Literal["<", ">"] = "<"


class TorchFileReader(CheckpointReader):
    """Reads a file of ``torch.save``.

    Every tensor in it is a variable, wherever it is. Its name is made of the keys, attributes or places that lead to
    it, with ``/`` between them: ``model/embeddings.weight`` is ``["model"]["embeddings.weight"]``. ``metadata`` is the
    rest of the file: the same dictionaries without the tensors, and without what held nothing but tensors. Objects of
    attributes (``argparse.Namespace``) come as dictionaries, sets as lists; an array comes as
    :class:`.pickled_arrays.ArrayInFile`, whose ``values()`` are read when they are asked for.

    Args:
        path: What the user passed.
        file: The file.

    Raises:
        CheckpointError: If it is damaged, or has anything in it but tensors and plain data.
    """

    def __init__(self, path: Path, file: Path) -> None:
        self.path = path
        self.files = (file,)
        with blamed_on(file):
            self._file = MappedFile(file)
            contents = _contents(self._file)
            tree = _Tree(file, max(1 << 20, 8 * contents.size))
            rest = tree.without_tensors(contents.value, [])
        self.format = contents.format
        self.checksums = "CRC-32 of every storage" if any(place.crc for place in contents.places.values()) else None
        self.metadata = rest if isinstance(rest, dict) else {}
        self.variables = {
            name: Variable(name, tensor.shape, tensor.storage.dtype) for name, tensor in sorted(tree.tensors.items())
        }
        self._tensors = tree.tensors
        self._places = contents.places
        self._byte_order = contents.byte_order
        self._verified: set[str] = set()

    def read(self, name: str) -> NDArray[Any]:
        """The values of a variable, see :meth:`CheckpointReader.read`."""
        tensor = self._tensors[name]
        storage = tensor.storage
        place = self._places[storage.key]
        dtype = np.dtype(_BITS.get(storage.dtype, storage.dtype)).newbyteorder(self._byte_order)
        with blamed_on(self.files[0], f"variable {name}"):
            if storage.key not in self._verified:
                check_entry(self._file, place)
                self._verified.add(storage.key)
            size = tensor.extent
            raw = self._file.view(place.offset + tensor.start * dtype.itemsize, size * dtype.itemsize)
        values = array_from(raw, dtype, (size,))
        strides = [stride * dtype.itemsize for stride in tensor.strides]
        return as_strided(values, tensor.shape, strides, writeable=False)

    def release(self) -> None:
        """Gives mapped pages back, see :meth:`CheckpointReader.release`."""
        self._file.release()

    def close(self) -> None:
        """Closes the file, see :meth:`CheckpointReader.close`."""
        self._file.close()


def read_object(path: Path) -> Any:
    """The object in a file of ``torch.save``, for files whose tensors do not matter.

    Raises:
        CheckpointError: If it is damaged, or has anything in it but tensors and plain data.
    """
    with blamed_on(path):
        return _contents(MappedFile(path)).value


def is_torch_file(path: Path) -> bool:
    """Whether a file begins like one of PyTorch, in either layout.

    Raises:
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(64)
    return head.startswith(_ZIP_HEAD) or _LEGACY_HEAD.match(head) is not None


def _contents(file: MappedFile) -> _Contents:
    data = file.view(0, file.size)
    return _zip_contents(file) if bytes(data[:4]) == _ZIP_HEAD else _legacy_contents(data)


def _zip_contents(file: MappedFile) -> _Contents:
    archive = StoredZip(file)
    folder = archive.folder_of("data.pkl")
    entry = archive.entry(f"{folder}data.pkl")
    check_entry(file, entry)
    storages = Storages()
    value, _ = unpickle(file.view(entry.offset, entry.size), storages.dialect)
    places = {key: archive.entry(f"{folder}data/{key}") for key in storages.found}
    for key, place in places.items():
        _check_size(storages.found[key], place.size)
    return _Contents("PyTorch file", value, entry.size, places, _byte_order(file, archive, f"{folder}byteorder"))


def _byte_order(file: MappedFile, archive: StoredZip, name: str) -> Literal["<", ">"]:
    if name not in archive:
        return "<"
    entry = archive.entry(name)
    match bytes(file.view(entry.offset, min(entry.size, 7))):
        case b"little":
            return "<"
        case b"big":
            return ">"
        case other:
            raise FormatError(f"its byte order is {other!r}")


def _legacy_contents(data: memoryview) -> _Contents:
    magic, position = unpickle(data, _PLAIN)
    protocol, position = unpickle(data, _PLAIN, position)
    if (magic, protocol) != (MAGIC_NUMBER, LEGACY_PROTOCOL):
        raise FormatError("it does not begin as files of PyTorch do")
    _, start = unpickle(data, _PLAIN, position)
    storages = Storages()
    value, end = unpickle(data, storages.dialect, start)
    keys, position = unpickle(data, _PLAIN, end)
    if not isinstance(keys, list):
        raise FormatError("it does not list its storages")
    places = dict(_legacy_places(data, position, keys, storages.found))
    absent = storages.found.keys() - places.keys()
    if absent:
        raise FormatError(f"its storage {min(absent)} is absent")
    return _Contents("PyTorch file of the legacy layout", value, end - start, places)


def _legacy_places(
    data: memoryview, position: int, keys: Iterable[Any], storages: Mapping[str, Storage]
) -> Iterator[tuple[str, Entry]]:
    for key in keys:
        storage = storages.get(key) if isinstance(key, str) else None
        if storage is None:
            raise FormatError("it lists a storage that no tensor has")
        count = int.from_bytes(data[position : position + 8], "little", signed=True)
        size = storage.size * ITEM_SIZES[storage.dtype]
        position += 8
        if count != storage.size or position + size > len(data):
            left = max(0, len(data) - position)
            raise FormatError(f"its storage {key} has {count} values for {storage.size}, {left} bytes are left")
        yield key, Entry(position, size, crc=0)
        position += size


def _check_size(storage: Storage, size: int) -> None:
    needed = storage.size * ITEM_SIZES[storage.dtype]
    if size != needed:
        raise FormatError(f"its storage {storage.key} has {size} bytes, {storage.size} {storage.dtype} need {needed}")


@dataclass
class _Tree:
    """Parts what was saved into its tensors and the rest.

    Attributes:
        path: The file.
        allowance: How many characters all names together may have.
        tensors: The tensors by name.
    """

    path: Path
    allowance: int
    tensors: dict[str, StoredTensor] = field(default_factory=dict)

    def without_tensors(self, value: Any, path: list[Any]) -> Any:
        """The rest of a value that is found at a path; ``_ABSENT`` if there was nothing in it but tensors."""
        if isinstance(value, StoredTensor):
            self._add(path, value)
            return _ABSENT
        if isinstance(value, PickledArray):
            return ArrayInFile(self.path, value)
        if isinstance(value, Record):
            value = value.attributes
        if isinstance(value, dict):
            rest = dict(self._parts(value.items(), path))
            return _ABSENT if value and not rest else rest
        if isinstance(value, list | tuple):
            members = [child for _, child in self._parts(enumerate(value), path)]
            return _ABSENT if value and not members else type(value)(members)
        return value

    def _parts(self, items: Iterable[tuple[Any, Any]], path: list[Any]) -> Iterator[tuple[Any, Any]]:
        """The rests of the members of a dictionary or a list, but for those of which nothing is left."""
        for key, child in items:
            is_part = isinstance(child, dict | list | tuple | Holder)
            rest = self.without_tensors(child, [*path, key]) if is_part else child
            if rest is not _ABSENT:
                yield key, rest

    def _add(self, path: list[Any], tensor: StoredTensor) -> None:
        if not all(isinstance(key, str | int) for key in path):
            raise FormatError("a tensor in it is not found by names or numbers")
        name = "/".join(map(str, path))
        self.allowance -= len(name)
        if self.allowance < 0:
            raise FormatError("the names of its tensors are longer than itself")
        if name in self.tensors:
            raise FormatError(f"two tensors in it are called {name[:200]}")
        self.tensors[name] = tensor
