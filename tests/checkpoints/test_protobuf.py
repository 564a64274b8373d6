from __future__ import annotations

import contextlib
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers.checkpoints import protobuf as pb
from transformers.checkpoints.damage import FormatError
from transformers.checkpoints.messages import (
    BundleEntry,
    BundleHeader,
    Dim,
    Extent,
    TensorProto,
    TensorShape,
    VersionDef,
)

int64s = st.integers(-(2**63), 2**63 - 1)
shapes = st.builds(TensorShape, st.lists(st.builds(Dim, int64s)), st.integers(0, 1))


@given(st.builds(BundleEntry, int64s, shapes, int64s, int64s, int64s, st.integers(0, 2**32 - 1)))
def test_what_is_encoded_is_decoded(entry: BundleEntry) -> None:
    assert pb.decode(BundleEntry, pb.encode(entry)) == entry
    assert pb.decode(BundleEntry, memoryview(pb.encode(entry))) == entry


def test_the_usual_header() -> None:
    assert pb.encode(BundleHeader(1, version=VersionDef(producer=1))).hex() == "08011a020801"


def test_a_dimension_of_zero_is_an_empty_message() -> None:
    assert pb.encode(TensorShape([Dim(0), Dim(2)])).hex() == "120012020802"


def test_an_absent_length_is_not_a_length_of_zero() -> None:
    assert pb.decode(Extent, b"").length == -1
    assert pb.decode(Extent, pb.encode(Extent(0, 0))).length == 0


def test_unknown_fields_are_skipped() -> None:
    unknown = bytes.fromhex("9006ffff039206036162 63".replace(" ", "") + "9106" + "00" * 8 + "9506" + "00" * 4)
    assert pb.decode(Dim, unknown + b"\x08\x05" + unknown) == Dim(5)


def test_a_known_field_of_another_type_is_skipped() -> None:
    assert pb.decode(Dim, b"\x0a\x01\x07\x08\x05") == Dim(5)


@pytest.mark.parametrize(
    "data",
    [
        "2d0000803f2d00000040",
        "2a080000803f00000040",
        "2a040000803f2d00000040",
        "2d0000803f2a0400000040",
        "2a002a080000803f00000040",
    ],
)
def test_lists_of_numbers_packed_and_not(data: str) -> None:
    assert bytes(pb.decode(TensorProto, bytes.fromhex(data)).float_val).hex() == "0000803f00000040"


def test_lists_of_varints_packed_and_not() -> None:
    assert bytes(pb.decode(TensorProto, bytes.fromhex("38ac023a030102033800")).int_val).hex() == "ac0201020300"


@dataclass(slots=True)
class Text:
    text: str = pb.string(1)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("08", "no number"),
        ("88", "no number"),
        ("0a05616263", "reaches beyond its message of 5 bytes"),
        ("0dff", "reaches beyond"),
        ("09ffffff", "reaches beyond"),
        ("0affffffffffffffffff01", "reaches beyond"),
        ("0b", "wire type 3"),
        ("0f", "wire type 7"),
        ("0a02c328", "is not UTF-8"),
    ],
)
def test_damage(data: str, problem: str) -> None:
    with pytest.raises(FormatError, match=problem):
        pb.decode(Text, bytes.fromhex(data))


@given(st.binary(max_size=60))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        pb.decode(BundleEntry, data)
