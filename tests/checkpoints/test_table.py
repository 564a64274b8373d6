from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.shared.table_files import read_table, write_table
from tests.shared.tensor_slice_writer import SnappyTableWriter

from transformers.checkpoints import CheckpointError
from transformers.checkpoints.crc import crc32c, mask
from transformers.checkpoints.table import MAGIC, Table
from transformers.checkpoints.table_writer import TableWriter
from transformers.checkpoints.varint import varint

tables = st.dictionaries(st.binary(max_size=20), st.binary(max_size=100), max_size=60)


def table_bytes(items: dict[bytes, bytes], block_size: int, kind: type[TableWriter] = TableWriter) -> bytes:
    stream = io.BytesIO()
    table = kind(stream, block_size)
    for key in sorted(items):
        table.add(key, items[key])
    table.finish()
    return stream.getvalue()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("table") / "table"


@given(
    tables,
    st.sampled_from([1, 50, 500, 262144]),
    st.sampled_from([TableWriter, SnappyTableWriter]),
    st.binary(max_size=3),
)
def test_what_is_written_is_read(
    path: Path, items: dict[bytes, bytes], block_size: int, kind: type[TableWriter], other: bytes
) -> None:
    path.write_bytes(table_bytes(items, block_size, kind))
    table = Table(path)
    assert {key: bytes(value) for key, value in table.items()} == items
    for key in [*items, other]:
        value = table.get(key)
        assert (None if value is None else bytes(value)) == items.get(key)
    table.release()
    table.close()


ITEMS = {b"": b"header", **{f"layer_{number}/kernel".encode(): bytes(40) for number in range(100)}}


@given(st.integers(0, 8 * len(table_bytes(ITEMS, 500)) - 1))
def test_any_flipped_bit_is_noticed_or_harmless(path: Path, place: int) -> None:
    data = bytearray(table_bytes(ITEMS, 500))
    data[place // 8] ^= 1 << place % 8
    path.write_bytes(data)
    with contextlib.suppress(CheckpointError):
        assert read_table(path) == ITEMS


@given(st.integers(0, len(table_bytes(ITEMS, 500)) - 1))
def test_any_cut_is_noticed(path: Path, size: int) -> None:
    path.write_bytes(table_bytes(ITEMS, 500)[:size])
    with pytest.raises(CheckpointError):
        read_table(path)


def stored(block: bytes, compression: int = 0) -> bytes:
    block += bytes([compression])
    return block + struct.pack("<I", mask(crc32c(block)))


def block(*entries: bytes) -> bytes:
    return b"".join(entries) + struct.pack("<II", 0, 1)


def entry(shared: int, rest: bytes, value: bytes) -> bytes:
    return varint(shared) + varint(len(rest)) + varint(len(value)) + rest + value


def handle(offset: int, size: int) -> bytes:
    return varint(offset) + varint(size)


def table_of(data: bytes, index: Callable[[int], bytes] | None = None, compression: int = 0) -> bytes:
    """A table with one data block, all its checksums right."""
    blocks = stored(data, compression)
    index_block = index(len(data)) if index else block(entry(0, b"z", handle(0, len(data))))
    footer = (handle(0, 0) + handle(len(blocks), len(index_block))).ljust(40, b"\0")
    return blocks + stored(index_block) + footer + MAGIC


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (table_of(block(entry(0, b"b", b""), entry(0, b"a", b""))), "comes after"),
        (table_of(block(entry(0, b"a", b""), entry(0, b"a", b""))), "comes after"),
        (table_of(block(entry(1, b"a", b""))), "reaches beyond"),
        (table_of(block(varint(0) + varint(1) + varint(2**60) + b"a")), "reaches beyond"),
        (table_of(block(varint(0) + varint(2**63) + varint(0) + b"a")), "reaches beyond"),
        (table_of(b"abc"), "too short"),
        (table_of(struct.pack("<I", 2**32 - 1)), "4294967295 restart points"),
        (table_of(block(), compression=2), "unknown compression 2"),
        (table_of(varint(2**40) + b"abc", compression=1), "announce 1099511627776"),
        (table_of(varint(10) + b"\xfc\xff", compression=1), "broken"),
        (table_of(block(), lambda size: block(entry(0, b"z", handle(0, size + 200)))), "ends beyond the file"),
        (table_of(block(), lambda size: block(entry(0, b"z", handle(2**62, 1)))), "ends beyond the file"),
        (
            table_of(block(), lambda size: block(entry(0, b"y", handle(0, size)), entry(0, b"z", handle(0, size)))),
            "out of order",
        ),
        (
            table_of(block(entry(0, bytes(1000), b""), *(entry(1000 + number, b"a", b"") for number in range(400)))),
            "beyond measure",
        ),
        (b"", "too few: it is empty"),
        (bytes(60), "it begins with zeros"),
        (bytes(range(100)), "does not end as a checkpoint does"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_damage_behind_right_checksums(tmp_path: Path, data: bytes, problem: str) -> None:
    path = tmp_path / "model.index"
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=problem) as caught:
        read_table(path)
    assert str(path) in str(caught.value)


def test_checksums_are_said_with_both_values(tmp_path: Path) -> None:
    path = tmp_path / "model.index"
    write_table(path, ITEMS.items())
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"has the checksum 0x[0-9a-f]{8}, stored is 0x[0-9a-f]{8}"):
        read_table(path)


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="absent cannot be read: No such file"):
        Table(tmp_path / "absent")


def test_snappy_bombs_are_refused_before_they_burst(tmp_path: Path) -> None:
    path = tmp_path / "model.index"
    path.write_bytes(table_of(varint(2**31) + bytes(1000), compression=1))
    with pytest.raises(CheckpointError, match="more than they can hold"):
        read_table(path)
