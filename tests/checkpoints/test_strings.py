from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers.checkpoints.damage import FormatError
from transformers.checkpoints.strings import decode_strings, encode_strings


@given(st.lists(st.binary(max_size=300)))
def test_what_is_encoded_is_decoded(strings: list[bytes]) -> None:
    data, crc = encode_strings(strings)
    decoded, computed = decode_strings(data, len(strings))
    assert decoded.tolist() == strings
    assert computed == crc


def test_no_strings_are_the_checksum_of_no_lengths() -> None:
    assert encode_strings([])[0].hex() == "d8ea82a2"


@given(st.lists(st.binary(max_size=9), min_size=1), st.data())
def test_any_flipped_bit_is_noticed(strings: list[bytes], data: st.DataObject) -> None:
    encoded, crc = encode_strings(strings)
    place = data.draw(st.integers(0, 8 * len(encoded) - 1))
    damaged = bytearray(encoded)
    damaged[place // 8] ^= 1 << place % 8
    with contextlib.suppress(FormatError):
        assert decode_strings(bytes(damaged), len(strings))[1] != crc


@pytest.mark.parametrize("count", [1, 3, 10**12])
def test_the_number_of_strings_must_agree(count: int) -> None:
    with pytest.raises(FormatError):
        decode_strings(encode_strings([b"a", b"b"])[0], count)
