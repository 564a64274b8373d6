"""Takes table files apart and puts them together again, checksums made right, so that tests can lie in them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from transformers.checkpoints.messages import BundleEntry
from transformers.checkpoints.protobuf import decode, encode
from transformers.checkpoints.table import Table
from transformers.checkpoints.table_writer import TableWriter


def read_table(path: Path) -> dict[bytes, bytes]:
    return {key: bytes(value) for key, value in Table(path).items()}


def write_table(path: Path, items: Iterable[tuple[bytes, bytes]], block_size: int = 262144) -> None:
    with path.open("wb") as stream:
        table = TableWriter(stream, block_size)
        for key, value in items:
            table.add(key, value)
        table.finish()


def change_entry(index: Path, key: str | bytes, **fields: Any) -> None:
    """Changes what a V2 index says of one tensor."""
    items = read_table(index)
    key = key.encode() if isinstance(key, str) else key
    entry = decode(BundleEntry, items[key])
    for field, value in fields.items():
        setattr(entry, field, value)
    items[key] = encode(entry)
    write_table(index, items.items())
