from __future__ import annotations

import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers.checkpoints.damage import FormatError
from transformers.checkpoints.slices import Box, assemble, box, check_cover, cut

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)


def index(*ranges: tuple[int, int]) -> Box:
    return tuple(slice(start, stop) for start, stop in ranges)


@given(shapes, st.data())
def test_cut_parts_cover_and_assemble(shape: tuple[int, ...], data: st.DataObject) -> None:
    parts = [data.draw(st.integers(1, dim)) for dim in shape]
    whole = np.arange(np.prod(shape)).reshape(shape)
    boxes = [box(extents, shape) for extents in cut(shape, parts)]
    assert len(boxes) == np.prod(parts)
    check_cover(boxes, shape)
    assert np.array_equal(assemble([(place, whole[place]) for place in boxes], shape, whole.dtype), whole)


@given(st.lists(st.tuples(*[st.tuples(st.integers(0, 3), st.integers(0, 3)).map(sorted)] * 2), max_size=6))
def test_covers_are_told_from_gaps_and_overlaps(ranges: list[tuple[list[int], list[int]]]) -> None:
    shape = (3, 3)
    boxes = [index(*map(tuple, pair)) for pair in ranges]  # type: ignore[arg-type]
    count = np.zeros(shape, int)
    for place in boxes:
        count[place] += 1
    if (count == 1).all():
        check_cover(boxes, shape)
    else:
        with pytest.raises(FormatError, match=r"do not cover the shape \[3, 3\]"):
            check_cover(boxes, shape)


def test_a_cover_that_no_straight_cut_divides() -> None:
    wheel = [((0, 2), (0, 1)), ((0, 1), (1, 3)), ((1, 3), (2, 3)), ((2, 3), (0, 2)), ((1, 2), (1, 2))]
    check_cover([index(*ranges) for ranges in wheel], (3, 3))
    with pytest.raises(FormatError):
        check_cover([index(*ranges) for ranges in wheel[:-1]], (3, 3))


@pytest.mark.parametrize("shape", [(0,), (0, 4), (4, 0)])
def test_empty_tensors(shape: tuple[int, ...]) -> None:
    check_cover([tuple(slice(0, dim) for dim in shape)], shape)


def test_whole_axes_have_no_length() -> None:
    assert box(((0, -1), (1, 2)), (5, 3)) == index((0, 5), (1, 3))


@pytest.mark.parametrize(
    "extents", [((0, 6),), ((-1, 2),), ((4, -3),), ((6, -1),), ((2**62, 2**62),), (), ((0, 1), (0, 1))]
)
def test_slices_lie_within_their_tensor(extents: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(FormatError):
        box(extents, (5,))


def test_many_slices_take_little_time() -> None:
    start = time.process_time()
    check_cover([index((row, row + 1), (0, 10)) for row in range(30_000)], (30_000, 10))
    assert time.process_time() - start < 1


def test_too_many_to_tell() -> None:
    with pytest.raises(FormatError, match="too many"):
        check_cover([index(*places) for places in product([(0, 1), (1, 2)], repeat=9)], (2,) * 9)


@pytest.mark.parametrize("parts", [(1,), (1, 1, 1), (0, 1), (3, 1)])
def test_cuts_that_cannot_be(parts: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="cannot be cut"):
        list(cut((2, 2), parts))
