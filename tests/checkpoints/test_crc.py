from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from transformers.checkpoints.crc import crc32c, mask


def test_the_standard_example() -> None:
    assert crc32c(b"123456789") == 0xE3069283


def test_masked_checksum_of_nothing() -> None:
    assert mask(crc32c(b"")) == 0xA282EAD8


def test_the_fast_implementation_is_there() -> None:
    import google_crc32c

    assert google_crc32c.implementation == "c"


@given(st.binary(), st.binary())
def test_pieces_and_buffers(one: bytes, other: bytes) -> None:
    whole = crc32c(one + other)
    assert crc32c(other, crc32c(one)) == whole
    assert crc32c(memoryview(one + other)) == crc32c(np.frombuffer(one + other, np.uint8).data) == whole
