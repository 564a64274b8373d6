from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers.checkpoints.ordered_code import encode_number, encode_signed, encode_string, slice_key

int64s = st.integers(-(2**63), 2**63 - 1)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (0, "80"), (-1, "7f"), (63, "bf"), (64, "c040"), (-64, "40"), (-65, "3fbf"), (8192, "e02000"),
        (2**31, "f880000000"), (2**62, "ffc04000000000000000"), (-(2**63), "003f8000000000000000"),
    ],
)  # fmt: skip
def test_signed_numbers(value: int, code: str) -> None:
    assert encode_signed(value).hex() == code


def test_the_key_of_a_slice() -> None:
    assert slice_key("p/a", [(0, 4), (0, 6)]).hex() == "00702f610001010280848086"


@given(int64s, int64s)
def test_signed_numbers_sort_as_their_codes(one: int, other: int) -> None:
    assert (one < other) == (encode_signed(one) < encode_signed(other))


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_unsigned_numbers_sort_as_their_codes(one: int, other: int) -> None:
    assert (one < other) == (encode_number(one) < encode_number(other))


@given(st.binary(), st.binary(), st.binary(), st.binary())
def test_strings_sort_as_their_codes_whatever_follows(one: bytes, other: bytes, rest: bytes, other_rest: bytes) -> None:
    if one != other:
        assert (one < other) == (encode_string(one) + rest < encode_string(other) + other_rest)


@given(int64s, int64s, st.binary(), st.binary())
def test_no_code_begins_with_another(one: int, other: int, text: bytes, other_text: bytes) -> None:
    if one != other:
        assert not encode_signed(one).startswith(encode_signed(other))
    if text != other_text:
        assert not encode_string(text).startswith(encode_string(other_text))
