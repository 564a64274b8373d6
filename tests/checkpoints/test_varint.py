from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers.checkpoints.damage import FormatError
from transformers.checkpoints.varint import read_varint, read_varints, varint

numbers = st.integers(0, 2**64 - 1)


@pytest.mark.parametrize(
    ("number", "data"), [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02"), (2**64 - 1, "f" * 18 + "01")]
)
def test_examples(number: int, data: str) -> None:
    assert varint(number).hex() == data


@given(numbers, st.binary(max_size=3), st.binary(max_size=3))
def test_what_is_written_is_read(number: int, before: bytes, after: bytes) -> None:
    data = before + varint(number) + after
    end = len(data) - len(after)
    assert read_varint(data, len(before), len(data)) == (number, end)
    assert read_varint(memoryview(data), len(before), end) == (number, end)


@given(st.lists(numbers))
def test_lists(values: list[int]) -> None:
    data = b"".join(map(varint, values))
    assert read_varints(data, len(values)).tolist() == values


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 9 + b"\x02", b"\xff" * 11 + b"\x01"])
def test_cut_or_too_long(data: bytes) -> None:
    with pytest.raises(FormatError):
        read_varint(data, 0, len(data))
    with pytest.raises(FormatError):
        read_varints(data, 1)


def test_a_number_does_not_reach_beyond_its_end() -> None:
    with pytest.raises(FormatError, match="before byte 1"):
        read_varint(b"\x80\x01", 0, 1)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_lists_have_as_many_numbers_as_announced(count: int) -> None:
    with pytest.raises(FormatError, match=f"2 numbers, expected {count}"):
        read_varints(b"\x01\x02", count)


def test_lists_are_unsigned_64_bit() -> None:
    assert read_varints(b"\x01", 1).dtype == np.uint64
