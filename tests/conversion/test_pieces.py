from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from tests.shared.memory_checkpoint import MemoryCheckpoint

from transformers.conversion import pieces
from transformers.conversion.pieces import cast, contiguous, numpy_type, piece_slices, same_bits, same_values, widens

FLOATS = ("float16", "bfloat16", "float32", "float64")

#: All bit patterns of the 16-bit types, NaN of both kinds and both zeros included.
ALL_16_BITS = np.arange(1 << 16, dtype=np.uint32).astype(np.uint16)


def every_value(dtype: str) -> np.ndarray[Any, Any]:
    """All values of a 16-bit type."""
    return ALL_16_BITS.view(numpy_type(dtype))


any_bits = arrays(np.uint32, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))


# ------------------------------------------------------------------------------------------------------------- pieces


@given(
    shape=array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6),
    size=st.integers(1, 300),
    dtype=st.sampled_from(FLOATS),
)
def test_pieces_cover_an_array_once_and_in_order(shape: tuple[int, ...], size: int, dtype: str) -> None:
    values = np.arange(np.prod(shape, dtype=int)).reshape(shape)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_BYTES", size)
        regions = list(piece_slices(shape, dtype))

    covered = [values[region].ravel() for region in regions]
    np.testing.assert_array_equal(np.concatenate([np.zeros(0, int), *covered]), values.ravel())
    item = numpy_type(dtype).itemsize
    assert all(part.size * item <= max(size, item) for part in covered)


def test_no_piece_is_much_larger_than_the_limit() -> None:
    sizes = [
        np.prod([len(range(*part.indices(size))) for part, size in zip(region, (3, 5, 1 << 20, 2), strict=False)])
        for region in piece_slices((3, 5, 1 << 20), "float32")
    ]

    assert max(sizes) * 4 <= pieces.PIECE_BYTES


# -------------------------------------------------------------------------------------------------------------- casts


@given(any_bits)
def test_float32_becomes_bfloat16_as_in_torch(bits: np.ndarray[Any, Any]) -> None:
    torch = pytest.importorskip("torch")
    values = bits.view(np.float32)

    ours = cast(values, "float32", "bfloat16")

    expected = torch.from_numpy(values.copy()).to(torch.bfloat16).view(torch.uint16).numpy()
    nan = np.isnan(values)
    assert ours.shape == values.shape
    np.testing.assert_array_equal(ours[~nan], expected[~nan])
    assert ((ours[nan] & 0x7FFF) > 0x7F80).all(), "NaN stays NaN"


def test_float32_is_rounded_to_the_nearest_even_bfloat16() -> None:
    bits = np.array([0x3F808000, 0x3F818000, 0x3F808001, 0x3F807FFF, 0x80000000, 0x00000001], np.uint32)

    rounded = cast(bits.view(np.float32), "float32", "bfloat16")

    assert [f"{value:04X}" for value in rounded] == ["3F80", "3F82", "3F81", "3F80", "8000", "0000"]


@pytest.mark.parametrize("wide", ["float32", "float64"])
@pytest.mark.parametrize("narrow", ["float16", "bfloat16"])
def test_every_16_bit_number_survives_being_widened(narrow: str, wide: str) -> None:
    torch = pytest.importorskip("torch")
    values = every_value(narrow)

    widened = cast(values, narrow, wide)

    theirs = torch.from_numpy(ALL_16_BITS.copy()).view(getattr(torch, narrow)).to(getattr(torch, wide)).numpy()
    np.testing.assert_array_equal(widened, theirs)
    number = ~np.isnan(widened)
    assert same_bits(cast(widened, wide, narrow)[number], values[number])
    assert widens(narrow, wide)


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_cast_to_the_same_type_changes_no_bit(dtype: str) -> None:
    values = every_value("float16") if dtype == "float16" else ALL_16_BITS.astype(numpy_type(dtype))

    assert same_bits(cast(values, dtype, dtype), values)


@pytest.mark.parametrize(("source", "target"), [("float32", "float16"), ("float64", "float16"), ("float64", "float32")])
def test_a_finite_number_never_becomes_infinite(source: str, target: str) -> None:
    with pytest.raises(FloatingPointError):
        cast(np.array([1.0, 1e300 if source == "float64" else 1e5], source), source, target)

    kept = cast(np.array([np.inf, -np.inf, np.nan, 1e-30], source), source, target)
    assert np.isinf(kept).tolist() == [True, True, False, False]


@pytest.mark.parametrize("source", FLOATS)
@pytest.mark.parametrize("target", FLOATS)
def test_a_cast_keeps_shape_and_order(source: str, target: str) -> None:
    ones = np.asfortranarray(np.full((2, 3), 0x3F80 if source == "bfloat16" else 1, numpy_type(source)))

    for values in (ones, ones[0, 0, ...], ones[:0]):
        result = cast(np.asarray(values), source, target)
        assert result.shape == values.shape
        assert result.dtype == numpy_type(target)
        assert result.flags.c_contiguous


def test_big_endian_values_become_little_endian() -> None:
    values = np.array([1.5, -2], ">f4")

    assert cast(values, "float32", "float32").tobytes() == np.array([1.5, -2], "<f4").tobytes()
    assert same_bits(values, np.array([1.5, -2], "<f4"))


@pytest.mark.parametrize(
    ("source", "target", "yes"),
    [
        ("float16", "float32", True),
        ("bfloat16", "float32", True),
        ("float32", "float32", True),
        ("float16", "bfloat16", False),
        ("bfloat16", "float16", False),
        ("float64", "float32", False),
        ("float32", "float16", False),
    ],
)
def test_which_casts_can_be_undone(source: str, target: str, yes: bool) -> None:
    assert widens(source, target) is yes


# --------------------------------------------------------------------------------------------------------------- bits


@given(any_bits)
def test_arrays_are_the_same_only_if_every_bit_is(bits: np.ndarray[Any, Any]) -> None:
    values = bits.view(np.float32)

    assert same_bits(values, values.copy())
    for bit in (0, 15, 22, 31) if bits.size else ():
        other = bits.copy()
        other.flat[bits.size // 2] ^= np.uint32(1 << bit)
        assert not same_bits(values, other.view(np.float32))


def test_zeros_of_other_sign_and_other_nan_are_not_the_same() -> None:
    zeros = np.array([0.0, -0.0], np.float32)
    nans = np.array([0x7FC00000, 0x7FC00001], np.uint32).view(np.float32)

    assert not same_bits(zeros[:1], zeros[1:])
    assert not same_bits(nans[:1], nans[1:])
    assert same_bits(nans[:1], nans[:1])


def test_arrays_of_other_shapes_are_not_the_same() -> None:
    assert not same_bits(np.zeros((1,), np.float32), np.zeros((), np.float32))
    assert not same_bits(np.zeros((2, 1), np.float32), np.zeros((1, 2), np.float32))
    assert same_bits(np.zeros((), np.float32), np.zeros((), np.float32))


def test_variables_are_the_same_in_type_shape_and_every_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 64)
    one = np.arange(99, dtype=np.float32).reshape(11, 9)
    last = one.copy()
    last[-1, -1] = 0
    checkpoint = MemoryCheckpoint(
        {"one": one, "view": one[:], "copy": one.copy(), "last": last, "turned": one.reshape(9, 11),
         "type": one.astype(np.float64), "part": one[:10]}
    )  # fmt: skip

    same = {name for name in checkpoint.variables if same_values(checkpoint, "one", name)}

    assert same == {"one", "view", "copy"}


def test_what_lies_in_one_place_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "same_bits", lambda *_: pytest.fail("the values were looked at"))
    values = np.ones((3, 4), np.float32)

    assert same_values(MemoryCheckpoint({"one": values, "other": values[:]}), "one", "other")


@given(arrays(np.float32, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=100)))
def test_values_are_put_in_the_order_of_their_elements(values: np.ndarray[Any, Any]) -> None:
    turned = contiguous(values.T)

    assert turned.flags.c_contiguous
    assert same_bits(turned, values.T)
