from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, cast
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers.checkpoints import Variable
from transformers.conversion import pieces
from transformers.conversion.exported_variable import ExportedVariable, Origin
from transformers.conversion.layout import ConversionError
from transformers.conversion.operations import Concatenate, Copy, Operation, Row, Rows, Scale, Share, Transpose
from transformers.conversion.stored_model import StoredModel

Array = np.ndarray[Any, Any]


class MemoryModel:
    """What is asked of a stored model."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self._arrays = arrays
        self.tensors = {
            name: Variable(name, array.shape, "bfloat16" if array.dtype == np.uint16 else array.dtype.name)
            for name, array in arrays.items()
        }

    def tensor(self, name: str) -> Array:
        return self._arrays[name]

    def release(self) -> None:
        pass


def restored(shape: tuple[int, ...], arrays: Mapping[str, Array], *operations: Operation) -> ExportedVariable:
    """A variable that each array holds a part of, by its operation."""
    model = cast("StoredModel", MemoryModel(arrays))
    origins = tuple(Origin(name, operation, (shape,), 0) for name, operation in zip(arrays, operations, strict=True))
    return ExportedVariable(Variable("v", shape, "float32"), origins, model)


def whole(variable: ExportedVariable) -> Array:
    """Its values put together; each piece is contiguous."""
    found = list(variable.pieces())
    assert all(piece.flags.c_contiguous and piece.dtype == np.float32 for piece in found)
    flat = np.concatenate([np.zeros(0, np.float32), *(piece.reshape(-1) for piece in found)])
    return flat.reshape(variable.variable.shape)


def numbers(*shape: int) -> Array:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@given(
    shape=st.lists(st.integers(0, 5), min_size=1, max_size=3).map(tuple),
    cuts=st.lists(st.integers(0, 5), max_size=3),
    piece=st.integers(1, 100),
)
def test_parts_in_rows_are_put_together_whatever_the_size_of_a_piece(
    shape: tuple[int, ...], cuts: list[int], piece: int
) -> None:
    values = numbers(*shape)
    ends = [0, *sorted(min(cut, shape[0]) for cut in cuts), shape[0]]
    operations = [Rows(start, end) for start, end in itertools.pairwise(ends)]
    arrays = {str(number): operation.forward([values]) for number, operation in enumerate(operations)}

    with mock.patch.object(pieces, "PIECE_BYTES", piece):
        variable = restored(shape, arrays, *operations)
        assert np.array_equal(whole(variable), values)
        assert list(variable.disagreements()) == []


@pytest.mark.parametrize("piece", [1, 40, 1 << 20])
@pytest.mark.parametrize(
    ("shape", "operations"),
    [((), [Copy()]), ((3, 4), [Transpose()]), ((2, 3, 4), [Row(1), Row(0)]), ((5,), [Share(), Share()])],
    ids=["scalar", "transposed", "rows", "shared"],
)
def test_operations_are_undone_piece_by_piece(shape: tuple[int, ...], operations: list[Operation], piece: int) -> None:
    values = numbers(*shape)
    arrays = {str(number): np.asarray(operation.forward([values])) for number, operation in enumerate(operations)}

    with mock.patch.object(pieces, "PIECE_BYTES", piece):
        assert np.array_equal(whole(restored(shape, arrays, *operations)), values)


def test_each_of_several_variables_is_found_in_what_was_put_together() -> None:
    values = numbers(7, 2)
    model = cast("StoredModel", MemoryModel({"all": values}))
    shapes = ((3, 2), (4, 2))

    found = [
        whole(ExportedVariable(Variable("v", shape, "float32"), (Origin("all", Concatenate(), shapes, index),), model))
        for index, shape in enumerate(shapes)
    ]

    assert np.array_equal(found[0], values[:3])
    assert np.array_equal(found[1], values[3:])


def test_what_nothing_is_stored_of_is_zero() -> None:
    assert np.array_equal(whole(restored((4, 2), {"a": numbers(1, 2)}, Rows(1, 2)))[2:], np.zeros((2, 2)))
    assert not whole(restored((3,), {})).any()


def test_parameters_that_hold_the_same_values_have_to_agree() -> None:
    one = numbers(5)
    other = one.copy()
    other[3] += 1
    variable = restored((5,), {"a": one, "b": other}, Share(), Share())

    assert list(variable.disagreements()) == ["v cannot have the values of a and of b at once."]
    with pytest.raises(ConversionError):
        whole(variable)


@pytest.mark.parametrize(("dtype", "rounds"), [("float16", False), ("float32", False), ("float64", True)])
def test_only_wider_types_are_rounded(dtype: str, rounds: bool) -> None:
    values = np.array([0.5, 1 / 3], dtype)
    variable = restored((2,), {"a": values}, Copy())

    assert variable.rounds is rounds
    assert np.array_equal(whole(variable), values.astype(np.float32))


def test_bit_patterns_of_bfloat16_are_widened() -> None:
    assert whole(restored((2,), {"a": np.array([0x3F80, 0xC000], np.uint16)}, Copy())).tolist() == [1, -2]


def test_arithmetic_is_undone_on_numbers() -> None:
    variable = restored((2,), {"a": np.array([3, 5], np.float16)}, Scale(2.0))

    assert variable.rounds
    assert whole(variable).tolist() == [1.5, 2.5]


def test_values_that_would_become_infinite_are_named() -> None:
    with pytest.raises(ConversionError, match="a has values that are too large for float32"):
        whole(restored((1,), {"a": np.array([1e300])}, Copy()))
