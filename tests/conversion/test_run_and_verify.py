from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.shared.memory_checkpoint import MemoryCheckpoint

from transformers.conversion import pieces
from transformers.conversion import run as running
from transformers.conversion.layout import ConversionError
from transformers.conversion.operations import (
    Chain,
    Concatenate,
    Constant,
    Copy,
    DropAxis,
    Operation,
    Row,
    Rows,
    Scale,
    Transpose,
)
from transformers.conversion.plan import PlanRow
from transformers.conversion.run import converted, run
from transformers.conversion.verify import verify
from transformers.conversion.weight_files import StoredSafetensors, WeightFile

Array = np.ndarray[Any, Any]


class Kept(MemoryCheckpoint):
    """Remembers which variables were read."""

    def __init__(self, arrays: dict[str, Array]) -> None:
        super().__init__(arrays)
        self.was_read: set[str] = set()
        self.released = 0

    def read(self, name: str) -> Array:
        self.was_read.add(name)
        return super().read(name)

    def release(self) -> None:
        self.released += 1


def row_of(
    operation: Operation, checkpoint: MemoryCheckpoint, sources: Sequence[str], dtype: str = "float32"
) -> PlanRow:
    shapes = [checkpoint.variables[source].shape for source in sources]
    return PlanRow("x", tuple(sources), operation, operation.target_shape(shapes), dtype)


def write(row: PlanRow, checkpoint: MemoryCheckpoint, folder: Path) -> list[WeightFile]:
    files = [WeightFile("model.safetensors", (row,))]
    run(files, checkpoint, folder, lambda done: None)
    return files


def proved(row: PlanRow, checkpoint: MemoryCheckpoint, folder: Path) -> Array:
    """The tensor after it has been written and verified."""
    files = write(row, checkpoint, folder)
    verify(files, checkpoint, folder, lambda done: None)
    return StoredSafetensors(folder / "model.safetensors").tensor("x")


VALUES = np.arange(24, dtype=np.float32).reshape(4, 6)

#: An operation, its sources, and what has to come out.
OPERATIONS: list[tuple[Operation, dict[str, Array], Array]] = [
    (Copy(), {"a": VALUES}, VALUES),
    (Copy(), {"a": np.array(3, np.float32)}, np.array(3, np.float32)),
    (Copy(), {"a": np.ones((0, 3), np.float32)}, np.ones((0, 3), np.float32)),
    (Transpose(), {"a": VALUES}, VALUES.T),
    (Rows(1, 3), {"a": VALUES}, VALUES[1:3]),
    (Row(2), {"a": VALUES}, VALUES[2]),
    (Row(2), {"a": VALUES[:, 0]}, VALUES[2, 0]),
    (Concatenate(), {"a": VALUES, "b": VALUES[:1]}, np.concatenate([VALUES, VALUES[:1]])),
    (Chain((Rows(0, 2), Transpose())), {"a": VALUES}, VALUES[:2].T),
    (Chain((DropAxis(0), Transpose())), {"a": VALUES[None]}, VALUES.T),
    (Scale(0.5), {"a": VALUES}, VALUES / 2),
    (Constant("identity", (2, 3)), {}, np.eye(2, 3, dtype=np.float32)),
]


@pytest.mark.parametrize(("operation", "sources", "expected"), OPERATIONS, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("piece", [4, 40, 1 << 20])
def test_every_operation_is_carried_out_and_proved(
    operation: Operation,
    sources: dict[str, Array],
    expected: Array,
    piece: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", piece)
    checkpoint = MemoryCheckpoint(sources)

    result = proved(row_of(operation, checkpoint, list(sources)), checkpoint, tmp_path)

    assert result.shape == expected.shape
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("target", ["float32", "float16", "bfloat16", "float64"])
@given(
    bits=arrays(np.uint16, (2, 3)),
    source=st.sampled_from(["float16", "bfloat16"]),
    operation=st.sampled_from([Copy(), Transpose()]),
)
def test_any_bits_can_be_converted_and_proved(
    target: str, bits: Array, source: str, operation: Operation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    values = bits if source == "bfloat16" else bits.view(np.float16)
    numbers = (bits.astype(np.uint32) << 16).view(np.float32) if source == "bfloat16" else values.astype(np.float32)
    finite = np.isfinite(numbers)
    checkpoint = MemoryCheckpoint({"a": values})
    row = row_of(operation, checkpoint, ["a"], target)
    folder = tmp_path_factory.mktemp("bits")

    if target == "float16" and (np.abs(numbers[finite]) >= 65520).any():
        with pytest.raises(ConversionError, match="too large for float16"):
            write(row, checkpoint, folder)
    else:
        assert proved(row, checkpoint, folder).shape == row.shape


def test_sources_of_several_types_meet_in_float32(tmp_path: Path) -> None:
    checkpoint = MemoryCheckpoint({"a": np.array([0.1], np.float16), "b": np.array([0.1], np.float32)})

    result = proved(row_of(Concatenate(), checkpoint, ["a", "b"]), checkpoint, tmp_path)

    assert result.tolist() == [np.float32(np.float16(0.1)), np.float32(0.1)]


@pytest.mark.parametrize(
    ("operation", "sources", "expected"),
    [case for case in OPERATIONS if case[2].size],
    ids=lambda value: str(value)[:30],
)
def test_one_wrong_bit_is_found_in_the_result_of_every_operation(
    operation: Operation, sources: dict[str, Array], expected: Array, tmp_path: Path
) -> None:
    checkpoint = MemoryCheckpoint(sources)
    files = write(row_of(operation, checkpoint, list(sources)), checkpoint, tmp_path)
    path = tmp_path / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-4] ^= 1
    path.write_bytes(content)

    with pytest.raises(ConversionError, match=r"model.safetensors: x does not hold what"):
        verify(files, checkpoint, tmp_path, lambda done: None)


def test_another_shape_is_found(tmp_path: Path) -> None:
    checkpoint = MemoryCheckpoint({"a": VALUES})
    write(row_of(Copy(), checkpoint, ["a"]), checkpoint, tmp_path)

    wanted = WeightFile("model.safetensors", (row_of(Transpose(), checkpoint, ["a"]),))

    with pytest.raises(ConversionError, match="does not hold"):
        verify([wanted], checkpoint, tmp_path, lambda done: None)


def test_values_that_would_become_infinite_are_an_error(tmp_path: Path) -> None:
    checkpoint = MemoryCheckpoint({"model/wte": np.array([1, 7e4, np.inf], np.float32)})

    with pytest.raises(ConversionError, match="model/wte has values that are too large for float16"):
        write(row_of(Copy(), checkpoint, ["model/wte"], "float16"), checkpoint, tmp_path)


def test_progress_is_told_of_every_byte_twice(tmp_path: Path) -> None:
    checkpoint = MemoryCheckpoint({"a": VALUES})
    files = [WeightFile("model.safetensors", (row_of(Transpose(), checkpoint, ["a"]),))]
    done: list[int] = []

    run(files, checkpoint, tmp_path, done.append)
    verify(files, checkpoint, tmp_path, done.append)

    assert sum(done) == 2 * VALUES.nbytes


def test_pages_are_given_back_after_every_piece_of_a_large_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", VALUES.nbytes // 4)
    checkpoint = Kept({"a": VALUES})
    row = row_of(Copy(), checkpoint, ["a"])

    list(converted(row, checkpoint))
    assert checkpoint.released == 0

    monkeypatch.setattr(running, "RELEASE_BYTES", VALUES.nbytes // 2)
    assert len(list(converted(row, checkpoint))) == checkpoint.released == 4


def test_only_the_variables_of_the_rows_are_read(tmp_path: Path) -> None:
    checkpoint = Kept({"a": VALUES, "a/adam_m": VALUES})

    proved(row_of(Copy(), checkpoint, ["a"]), checkpoint, tmp_path)

    assert checkpoint.was_read == {"a"}
