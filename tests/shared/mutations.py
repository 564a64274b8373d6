"""Damaged checkpoints: what a broken disk, a cut download or an enemy may make of a real one.

A mutation takes a checkpoint apart to some depth, damages what is there, and puts it together again with the checksums
of all layers outside of it made right, so that the damage reaches the code that it is meant for.
"""

from __future__ import annotations

import enum
import io
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TypeAlias, TypeVar

import cramjam
import numpy as np

from transformers.checkpoints import (
    CheckpointError,
    Variable,
    open_checkpoint,
    read_corpus,
    write_bundle,
    write_state_file,
)
from transformers.checkpoints.crc import crc32c, mask
from transformers.checkpoints.messages import (
    Attribute,
    BundleEntry,
    Dim,
    Extent,
    SavedTensorSlices,
    TensorSlice,
    TrackableObject,
    TrackableObjectGraph,
)
from transformers.checkpoints.object_graph import GRAPH_KEY
from transformers.checkpoints.pickled_arrays import ArrayInFile
from transformers.checkpoints.protobuf import decode, encode
from transformers.checkpoints.table import MAGIC, SNAPPY, UNCOMPRESSED
from transformers.checkpoints.table_writer import TableWriter
from transformers.checkpoints.varint import varint

from .pickles import (
    Call,
    Name,
    corpus_file,
    joblib_array,
    joblib_file,
    legacy_torch_file,
    numpy_array,
    torch_tensor,
    zip_torch_file,
)
from .table_files import read_table
from .tensor_slice_writer import write_tensor_slices

T = TypeVar("T")

Mutation: TypeAlias = Callable[[Random], dict[str, bytes]]

FIXTURES = Path(__file__).parents[1] / "fixtures"
NUMBERS = (0, 1, 2, 7, 63, 64, 127, 128, 255, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1)


class Outcome(enum.Enum):
    """What became of a checkpoint that may be damaged."""

    READ = "read"
    SOME_REFUSED = "read but for some variables"
    REFUSED = "refused"


@dataclass(frozen=True)
class Case:
    """A checkpoint in a folder of its own.

    Attributes:
        folder: The folder.
        passed: What of it is given to the reader.
        files: The contents of its files when they are well.
        tables: The entries of those that are tables.
    """

    folder: Path
    passed: str
    files: Mapping[str, bytes]
    tables: Mapping[str, Mapping[bytes, bytes]] = field(default_factory=dict, repr=False)

    def read(self) -> Outcome:
        """Reads everything that can be read. Anything but a proper refusal comes out of it."""
        outcome = Outcome.READ
        try:
            with open_checkpoint(self.folder / self.passed) as checkpoint:
                for name, variable in checkpoint.variables.items():
                    try:
                        assert checkpoint.read(name).shape == variable.shape
                    except CheckpointError:
                        outcome = Outcome.SOME_REFUSED
                    checkpoint.release()
        except CheckpointError:
            return Outcome.REFUSED
        return outcome

    def damage(self, random: Random) -> list[str]:
        """Damages one file or two; returns their names."""
        changed = random.choice(self._mutations())(random)
        for name, contents in changed.items():
            (self.folder / name).write_bytes(contents)
        return list(changed)

    def repair(self, names: list[str]) -> None:
        for name in names:
            (self.folder / name).write_bytes(self.files[name])

    def _mutations(self) -> list[Mutation]:
        mutations: list[Mutation] = [self._file]
        if self.tables:
            mutations += [self._blocks, self._compressed_blocks, self._entry, self._entry]
        if any(name.endswith(".index") for name in self.tables):
            mutations += [self._claims, self._claims, self._values]
        elif self.tables:
            mutations += [self._contents, self._contents]
        return mutations

    def _file(self, random: Random) -> dict[str, bytes]:
        """Any bytes of any file, or another file in its place."""
        name = random.choice(list(self.files))
        if random.random() < 0.02:
            return {name: self.files[random.choice(list(self.files))]}
        return {name: damaged(random, self.files[name])}

    def _blocks(self, random: Random) -> dict[str, bytes]:
        """A block of a table, behind a right checksum."""
        return self._rewritten(random, _DamagedBlocks)

    def _compressed_blocks(self, random: Random) -> dict[str, bytes]:
        return self._rewritten(random, _DamagedCompressedBlocks)

    def _rewritten(self, random: Random, kind: type[_DamagedBlocks]) -> dict[str, bytes]:
        name, items = random.choice(list(self.tables.items()))
        return {name: table_bytes(items, lambda stream: kind(stream, random))}

    def _entry(self, random: Random) -> dict[str, bytes]:
        """A key or a value of a table."""
        name, items = random.choice(list(self.tables.items()))
        items = dict(items)
        key = random.choice(list(items))
        value = items.pop(key)
        if random.random() < 0.2:
            key = damaged(random, key)
        elif random.random() < 0.9:
            value = damaged(random, value)
        else:
            return {name: table_bytes(items)}
        items[key] = value
        return {name: table_bytes(items)}

    def _claims(self, random: Random) -> dict[str, bytes]:
        """What the index of a bundle says of a tensor, in proper messages."""
        name, items = random.choice([item for item in self.tables.items() if item[0].endswith(".index")])
        key = random.choice([key for key in items if key])
        entry = decode(BundleEntry, items[key])
        part = random.choice(["dtype", "shard_id", "offset", "size", "crc32c", "dims", "dims", "slices", "slices"])
        if part == "dims":
            entry.shape.dim = _damaged_list(random, entry.shape.dim, lambda: Dim(_number(random)))
        elif part == "slices":
            entry.slices = _damaged_list(random, entry.slices, lambda: _slice(random))
        elif part == "crc32c":
            entry.crc32c = random.getrandbits(32)
        else:
            setattr(entry, part, random.choice([_number(random), getattr(entry, part) + random.randint(-2, 2)]))
        return {name: table_bytes({**items, key: encode(entry)})}

    def _contents(self, random: Random) -> dict[str, bytes]:
        """What a V1 file says of its tensors, in proper messages."""
        name, items = random.choice(list(self.tables.items()))
        key = random.choice([b"", *items])
        saved = decode(SavedTensorSlices, items[key])
        if key:
            saved.data.slice = _slice(random)
            return {name: table_bytes({**items, key: encode(saved)})}
        tensor = random.choice(saved.meta.tensor)
        part = random.choice(["name", "type", "dims", "slices"])
        if part == "name":
            tensor.name = random.choice([other.name for other in saved.meta.tensor] + ["", "new"])
        elif part == "type":
            tensor.type = random.choice([_number(random), random.randint(0, 31)])
        elif part == "dims":
            tensor.shape.dim = _damaged_list(random, tensor.shape.dim, lambda: Dim(_number(random)))
        else:
            tensor.slice = _damaged_list(random, tensor.slice, lambda: _slice(random))
        return {name: table_bytes({**items, b"": encode(saved)})}

    def _values(self, random: Random) -> dict[str, bytes]:
        """The bytes of a tensor of a bundle, and its checksum with them; of strings the lengths and their checksum."""
        name, items = random.choice([item for item in self.tables.items() if item[0].endswith(".index")])
        key = random.choice([key for key in items if key])
        entry = decode(BundleEntry, items[key])
        shards = sorted(other for other in self.files if ".data-" in other)
        contents = self.files[shards[entry.shard_id]]
        if entry.dtype == 7:
            strings = [random.randbytes(random.randrange(20)) for _ in entry.shape.dim]
            values, entry.crc32c = _string_bytes(random, strings)
        else:
            values = damaged(random, contents[entry.offset : entry.offset + entry.size])
            entry.crc32c = mask(crc32c(values))
        entry.offset, entry.size = len(contents), len(values)
        return {name: table_bytes({**items, key: encode(entry)}), shards[entry.shard_id]: contents + values}


@dataclass(frozen=True)
class PickleCase(Case):
    """A checkpoint with a pickle in its only file."""

    def _mutations(self) -> list[Mutation]:
        return [self._file, self._instructions, self._instructions]

    def _instructions(self, random: Random) -> dict[str, bytes]:
        """Puts instructions before, behind or in the place of others."""
        ((name, contents),) = self.files.items()
        data = bytearray(contents)
        for _ in range(random.choice((1, 1, 2, 3))):
            place = random.choice([at for at, byte in enumerate(data) if byte in _INSTRUCTIONS])
            instruction = bytes([random.choice(_INSTRUCTIONS)])
            if instruction in b"hqjr":
                instruction += bytes([random.randrange(8)]) + bytes(3) * (instruction in b"jr")
            data[place : place + random.choice((0, 1, 1, 2))] = instruction * random.choice((0, 1, 1, 1, 2))
        return {name: bytes(data)}


@dataclass(frozen=True)
class CorpusCase(PickleCase):
    """The cache of a data set."""

    def read(self) -> Outcome:
        outcome = Outcome.READ
        try:
            corpus = read_corpus(self.folder / self.passed)
            for text in (corpus.train, corpus.valid, corpus.test):
                try:
                    assert not isinstance(text, ArrayInFile) or text.values().shape == text.shape
                except CheckpointError:
                    outcome = Outcome.SOME_REFUSED
        except CheckpointError:
            return Outcome.REFUSED
        return outcome


def damaged(random: Random, data: bytes) -> bytes:
    """Changes bytes here and there."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        data = random.choice(_DAMAGES)(random, bytearray(data))
    return data


def _flip(random: Random, data: bytearray) -> bytes:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(data)


def _set(random: Random, data: bytearray) -> bytes:
    if data:
        data[random.randrange(len(data))] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
    return bytes(data)


def _cut(random: Random, data: bytearray) -> bytes:
    return bytes(data[: random.randrange(len(data) + 1)])


def _delete(random: Random, data: bytearray) -> bytes:
    del data[_range(random, data)]
    return bytes(data)


def _insert(random: Random, data: bytearray) -> bytes:
    place = random.randrange(len(data) + 1)
    return bytes(data[:place]) + random.randbytes(random.randint(1, 12)) + bytes(data[place:])


def _number_in_place(random: Random, data: bytearray) -> bytes:
    place = random.randrange(len(data) + 1)
    number = varint(random.choice(NUMBERS))
    return bytes(data[:place]) + number + bytes(data[place + random.choice((0, 1, len(number))) :])


def _repeat(random: Random, data: bytearray) -> bytes:
    part = data[_range(random, data)]
    place = random.randrange(len(data) + 1)
    return bytes(data[:place] + part * random.choice((1, 1, 2, 50)) + data[place:])


def _swap(random: Random, data: bytearray) -> bytes:
    first, second, third, fourth = sorted(random.randrange(len(data) + 1) for _ in range(4))
    return bytes(data[:first] + data[third:fourth] + data[second:third] + data[first:second] + data[fourth:])


def _clear(random: Random, data: bytearray) -> bytes:
    place = _range(random, data)
    data[place] = bytes(len(data[place]))
    return bytes(data)


_INSTRUCTIONS = b"()012NRQabcdehijklopqrstu}]\x81\x82\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94."
_SMALL_DAMAGES = (_flip, _set, _number_in_place)
_DAMAGES = (*_SMALL_DAMAGES, *_SMALL_DAMAGES, _cut, _delete, _insert, _repeat, _swap, _clear)


def _range(random: Random, data: bytearray) -> slice:
    start = random.randrange(len(data) + 1)
    return slice(start, start + random.choice((1, 4, 30, 300)))


def _number(random: Random) -> int:
    return random.choice((1, 1, -1)) * random.choice(NUMBERS)


def _slice(random: Random) -> TensorSlice:
    small = (-1, 0, 1, 2, 3, 4)
    extents = [Extent(random.choice(small), random.choice(small)) for _ in range(random.choice((0, 1, 2, 2, 3, 40)))]
    if extents and random.random() < 0.2:
        extents[0] = Extent(_number(random), _number(random))
    return TensorSlice(extents)


def _damaged_list(random: Random, items: list[T], make: Callable[[], T]) -> list[T]:
    items = list(items)
    place = random.randrange(len(items) + 1)
    match random.randrange(4):
        case 0:
            items.insert(place, make())
        case 1:
            items[place : place + 1] = [make()]
        case 2:
            del items[place : place + 1]
        case 3:
            items *= random.choice((2, 40))
    return items


def _string_bytes(random: Random, strings: list[bytes]) -> tuple[bytes, int]:
    """Strings whose lengths may lie, behind right checksums."""
    lengths = [len(string) for string in strings]
    if lengths and random.random() < 0.7:
        lengths[random.randrange(len(lengths))] = random.choice(NUMBERS)
    fixed = b"".join(length.to_bytes(4 if length < 1 << 32 else 8, "little") for length in lengths)
    crc = crc32c(fixed)
    rest = mask(crc).to_bytes(4, "little") + b"".join(strings)
    return b"".join(map(varint, lengths)) + rest, mask(crc32c(rest, crc))


class _DamagedBlocks(TableWriter):
    """Damages blocks before their checksums are computed."""

    def __init__(self, stream: io.BytesIO, random: Random) -> None:
        super().__init__(stream, random.choice((64, 500, 262144)))
        self.random = random

    def stored(self, block: bytes) -> tuple[int, bytes]:
        return UNCOMPRESSED, damaged(self.random, block) if self.random.random() < 0.4 else block


class _DamagedCompressedBlocks(_DamagedBlocks):
    def stored(self, block: bytes) -> tuple[int, bytes]:
        compressed = bytes(cramjam.snappy.compress_raw(block))
        return SNAPPY, damaged(self.random, compressed) if self.random.random() < 0.4 else compressed


def table_bytes(items: Mapping[bytes, bytes], kind: Callable[[io.BytesIO], TableWriter] = TableWriter) -> bytes:
    stream = io.BytesIO()
    table = kind(stream)
    for key, value in sorted(items.items()):
        table.add(key, value)
    table.finish()
    return stream.getvalue()


def cases(folder: Path) -> list[Case]:
    """Checkpoints of all formats, each in a folder of its own below ``folder``."""
    random = np.random.default_rng(0)
    numbers = {
        "bias": random.normal(size=3).astype(np.float32),
        "step": np.array(7),
        "none": np.zeros((0, 2), np.int16),
        "flags": np.array([True, False]),
    }
    matrix = random.normal(size=(4, 3)).astype(np.float32)
    words = np.array([b"one", b"", b"three" * 9], object)
    keys = {f"{name}/.ATTRIBUTES/VARIABLE_VALUE": array for name, array in numbers.items()}
    nodes = [TrackableObject([Attribute("VARIABLE_VALUE", "own/name", key)]) for key in keys]
    graph = np.array(encode(TrackableObjectGraph(nodes)), object)
    slices = {
        **{Variable(name, array.shape, array.dtype.name): array for name, array in numbers.items()},
        Variable("matrix", (4, 3), "float32"): matrix,
        Variable("half", (3,), "float16"): numbers["bias"].astype(np.float16),
        Variable("words", (3,), "string"): words,
    }
    parts = {"matrix": (2, 3), "bias": (3,)}

    writers: dict[str, Callable[[Path], object]] = {
        "bundle": lambda prefix: write_bundle(prefix, {**numbers, "matrix": matrix, "words": words}),
        "partitioned": lambda prefix: write_bundle(prefix, {**numbers, "matrix": matrix}, shards=2, partitions=parts),
        "graph": lambda prefix: write_bundle(prefix, {**keys, GRAPH_KEY: graph}),
        "slices": lambda prefix: write_tensor_slices(prefix, slices),
        "snappy": lambda prefix: write_tensor_slices(prefix, slices, snappy=True, block_size=100),
        "sharded": lambda prefix: write_tensor_slices(prefix, slices, shards=2, partitions=parts),
        "state": lambda prefix: (write_bundle(prefix, {"a": matrix}), write_state_file(prefix.parent, prefix)),
    }
    made = []
    for name, write in writers.items():
        (folder / name).mkdir()
        write(folder / name / "model")
        made.append(_case(folder / name))
    made += _other_cases(folder, numbers["bias"], matrix)
    for real in (FIXTURES / "gpt2" / "small", FIXTURES / "bert" / "classifier-3-labels"):
        (folder / real.name).mkdir()
        for file in real.glob("model.ckpt*"):
            if file.suffix != ".meta":
                shutil.copy(file, folder / real.name)
        made.append(_case(folder / real.name))
    return made


def _other_cases(folder: Path, bias: np.ndarray[Any, Any], matrix: np.ndarray[Any, Any]) -> list[Case]:
    """Those that are not TensorFlow's."""
    storages = {"0": bias, "1": matrix}
    shared = {"mask_scores": numpy_array(bias), "words": {"one": 1, "two": [2, None, 0.5]}}
    options = Call(Name("argparse", "Namespace"), (), shared)
    states = [
        {
            "model": Call(Name("collections", "OrderedDict"), (), {"_metadata": {}}),
            "encoder": {
                "bias": torch_tensor("0", (3,), legacy=legacy),
                "matrix": torch_tensor("1", (4, 3), legacy=legacy),
                "turned": torch_tensor("1", (2, 4), size=12, start=1, strides=(1, 3), legacy=legacy),
            },
            "params": options,
        }
        for legacy in (True, False)
    ]
    vocabulary = {"idx2sym": ["one", "two"], "sym2idx": {"one": 0, "two": 1}}
    texts = {"cutoffs": [0, 2], "dataset": "d", "train": numpy_array(matrix.astype(np.int64)), "test": ["path"]}
    arrays = [joblib_array(bias, padding=4), joblib_array(matrix, order="F", padding=0)]
    flat = np.concatenate([bias, matrix.ravel()])
    files = {
        "legacy": {"model.pth": legacy_torch_file(states[0], storages)},
        "zip": {"model.pth": zip_torch_file(states[1], storages, checksums=False)},
        "joblib": {"model.jl": joblib_file(arrays)},
        "folder": {
            "params_shapes.json": b"[[3], [4, 3]]",
            **{f"params_{number}.npy": _npy(piece) for number, piece in enumerate(np.split(flat, [2, 2, 9]))},
        },
        "corpus": {"cache.pkl": corpus_file(vocabulary, **texts)},
    }
    made = []
    for name, contents in files.items():
        (folder / name).mkdir()
        for file, data in contents.items():
            (folder / name / file).write_bytes(data)
        kind = {"folder": Case, "corpus": CorpusCase}.get(name, PickleCase)
        made.append(kind(folder / name, "" if name == "folder" else next(iter(contents)), contents))
    return made


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _case(folder: Path) -> Case:
    files = {file.name: file.read_bytes() for file in sorted(folder.iterdir())}
    tables = {name: read_table(folder / name) for name, contents in files.items() if contents.endswith(MAGIC)}
    return Case(folder, "" if len(tables) == 1 else next(iter(files)), files, tables)


def any_case(random: Random, made: list[Case]) -> Case:
    """One of the checkpoints, the real ones seldom: they are large, and so slow."""
    return made[-random.randint(1, 2)] if random.random() < 0.05 else random.choice(made[:-2])
