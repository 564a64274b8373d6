from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from transformers.conversion.operations import (
    AddAxis,
    Chain,
    Concatenate,
    Constant,
    Copy,
    DropAxis,
    Operation,
    Row,
    Rows,
    Scale,
    ShapeError,
    Spread,
    Transpose,
)

Shape = tuple[int, ...]

any_shape = array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
matrices = array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=5)


def numbered(shapes: Sequence[Shape]) -> list[np.ndarray[Any, Any]]:
    """Arrays of which no two elements are equal."""
    starts = np.cumsum([0, *map(math.prod, shapes)])
    return [
        np.arange(start, start + math.prod(shape), dtype=np.float32).reshape(shape)
        for start, shape in zip(starts, shapes, strict=False)
    ]


@st.composite
def operations(draw: st.DrawFn) -> tuple[Operation, list[Shape]]:
    """An exact operation, and shapes that it can be applied to."""
    kind = draw(st.sampled_from(["copy", "transpose", "drop", "add", "rows", "rest", "row", "concatenate"]))
    shape = draw(any_shape)
    if kind == "copy":
        return Copy(), [shape]
    if kind == "transpose":
        return Transpose(), [draw(matrices)]
    if kind in ("drop", "add"):
        axis = draw(st.integers(0, len(shape)))
        return (AddAxis(axis), [shape]) if kind == "add" else (DropAxis(axis), [(*shape[:axis], 1, *shape[axis:])])
    shape = draw(array_shapes(min_dims=1, max_dims=3, max_side=4))
    if kind == "row":
        return Row(draw(st.integers(0, shape[0] - 1))), [shape]
    start = draw(st.integers(0, shape[0]))
    if kind in ("rows", "rest"):
        return Rows(start, draw(st.integers(start, shape[0])) if kind == "rows" else None), [shape]
    return Concatenate(), [(draw(st.integers(0, 3)), *shape[1:]) for _ in range(draw(st.integers(1, 4)))]


@st.composite
def chains(draw: st.DrawFn) -> tuple[Operation, list[Shape]]:
    """Several exact operations, each applied to the result of the one before."""
    first, shapes = draw(operations())
    steps = [first]
    for _ in range(draw(st.integers(0, 3))):
        shape = Chain(tuple(steps)).target_shape(shapes)
        fitting: list[Operation] = [Copy(), AddAxis(draw(st.integers(0, len(shape))))]
        fitting += [DropAxis(axis) for axis, size in enumerate(shape) if size == 1]
        fitting += [Transpose()] if len(shape) == 2 else []
        steps.append(draw(st.sampled_from(fitting)))
    return Chain(tuple(steps)), shapes


@given(st.one_of(operations(), chains()))
def test_the_shape_rule_agrees_with_numpy(case: tuple[Operation, list[Shape]]) -> None:
    operation, shapes = case

    assert operation.target_shape(shapes) == operation.forward(numbered(shapes)).shape


@given(st.one_of(operations(), chains()))
def test_what_an_exact_operation_took_is_restored(case: tuple[Operation, list[Shape]]) -> None:
    operation, shapes = case
    arrays = numbered(shapes)
    assert operation.exact

    result = operation.forward(arrays)
    parts = operation.restore(result, shapes)

    for source, region, values in parts:
        np.testing.assert_array_equal(arrays[source][region], values, strict=True)
    assert sum(values.size for _, _, values in parts) == result.size


@given(st.one_of(operations(), chains()))
def test_moving_values_makes_no_copy_but_where_tensors_are_put_together(case: tuple[Operation, list[Shape]]) -> None:
    operation, shapes = case
    arrays = numbered(shapes)
    joins = isinstance(operation, Concatenate) or (
        isinstance(operation, Chain) and isinstance(operation.steps[0], Concatenate)
    )

    result = operation.forward(arrays)

    assert joins or not result.size or any(np.shares_memory(result, array) for array in arrays)


def test_a_transposition_exchanges_the_axes() -> None:
    assert Transpose().forward([np.array([[1, 2, 3], [4, 5, 6]])]).tolist() == [[1, 4], [2, 5], [3, 6]]


def test_rows_are_a_range_of_the_first_axis() -> None:
    values = np.array([[1], [2], [3], [4]])

    assert Rows(1, 3).forward([values]).tolist() == [[2], [3]]
    assert Rows(3).forward([values]).tolist() == [[4]]
    assert Row(2).forward([values]).tolist() == [3]


def test_tensors_are_put_together_in_order() -> None:
    assert Concatenate().forward([np.array([1, 2]), np.array([3])]).tolist() == [1, 2, 3]


def test_the_parts_of_a_tensor_tell_where_they_belong() -> None:
    (part,) = Chain((Rows(2, 4), Transpose())).restore(np.array([[5, 7], [6, 8]]), [(4, 2)])

    assert part.source == 0
    assert part.region[0] == slice(2, 4)
    assert part.values.tolist() == [[5, 6], [7, 8]]


@pytest.mark.parametrize(
    ("operation", "shapes"),
    [
        (Transpose(), [(3,)]),
        (Transpose(), [(2, 3, 4)]),
        (DropAxis(0), [(2, 3)]),
        (DropAxis(2), [(1, 1)]),
        (DropAxis(0), [()]),
        (AddAxis(3), [(2, 2)]),
        (Rows(0, 5), [(4, 2)]),
        (Rows(3, 2), [(4, 2)]),
        (Rows(5), [(4, 2)]),
        (Rows(0), [()]),
        (Row(4), [(4, 2)]),
        (Row(0), [()]),
        (Concatenate(), [(2, 3), (2, 4)]),
        (Concatenate(), [(), ()]),
        (Chain((Transpose(), DropAxis(0))), [(2, 3)]),
    ],
    ids=str,
)
def test_shapes_that_an_operation_cannot_take_are_refused(operation: Operation, shapes: list[Shape]) -> None:
    with pytest.raises(ShapeError, match=r"\["):
        operation.target_shape(shapes)


@pytest.mark.parametrize("step", [Rows(0, 1), Row(0), Concatenate(), Constant("zeros", (1,)), Chain((Rows(0, 1),))])
def test_only_the_first_step_of_a_chain_may_take_a_part(step: Operation) -> None:
    Chain((step, Copy()))

    with pytest.raises(TypeError, match="only the first step"):
        Chain((Copy(), step))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_scaling_says_that_it_rounds_and_keeps_the_type(dtype: str) -> None:
    values = np.array([1, -3, 1e-4], dtype)

    scaled = Scale(32**0.5).forward([values])

    assert not Scale(2.0).exact
    assert not Chain((Transpose(), Scale(2.0))).exact
    assert scaled.dtype == values.dtype
    np.testing.assert_array_equal(scaled, values * np.asarray(32**0.5, dtype))
    ((_, _, restored),) = Scale(32**0.5).restore(scaled, [values.shape])
    np.testing.assert_allclose(restored, values, rtol=2e-3)


def test_a_constant_needs_no_source() -> None:
    assert Constant("identity", (2, 3)).forward([]).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert Constant("zeros", (2,)).forward([]).tolist() == [0, 0]
    assert np.allclose(Constant("frequencies", (4,)).forward([]), [1, 0.1, 0.01, 0.001])
    assert Constant("frequencies", (4,)).forward([]).dtype == np.float32
    assert Constant("zeros", (2,)).target_shape([]) == (2,)
    assert Constant("zeros", (2,)).restore(np.zeros(2), []) == []


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (Copy(), "copy"),
        (Transpose(), "transpose"),
        (Rows(2, 4), "rows 2 to 3"),
        (Rows(2), "rows 2 to the end"),
        (Row(1), "row 1"),
        (Chain((DropAxis(0), Transpose())), "drop axis 0, transpose"),
        (AddAxis(1), "add axis 1"),
        (Concatenate(), "concatenate"),
        (Scale(0.5), "times 0.5 (rounds)"),
        (Spread(3), "spread over 3"),
        (Constant("zeros", (1,)), "constant zeros"),
    ],
)
def test_the_plan_prints_an_operation_in_words(operation: Operation, words: str) -> None:
    assert str(operation) == words


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_a_scalar_becomes_every_entry_of_a_vector(dtype: str) -> None:
    scalar = np.array(0.3, dtype)
    vector = Spread(4).forward([scalar])

    assert Spread(4).target_shape([()]) == vector.shape == (4,)
    assert (vector == scalar).all()
    ((source, region, restored),) = Spread(4).restore(vector, [()])
    assert (source, region) == (0, ())
    assert restored.shape == ()
    assert restored == scalar
    with pytest.raises(ShapeError, match=r"not \[4\]"):
        Spread(4).target_shape([(4,)])


def test_entries_that_differ_are_all_held_against_the_scalar() -> None:
    damaged = np.array([0.3, 0.3, 0.4], np.float32)

    assert sorted(float(part.values) for part in Spread(3).restore(damaged, [()])) == sorted({*map(float, damaged)})
