from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers.conversion.shapes import Dimension, SymbolicShape, solve_sizes


def shape(text: str) -> SymbolicShape:
    return SymbolicShape.parse(text)


@pytest.mark.parametrize("text", ["", "H", "E 3*E", "1 E 4*E", "2 H", "H*D E", "3*H*D", "5", "E/2", "3*E/2"])
def test_a_shape_is_spelled_as_it_was_written(text: str) -> None:
    assert str(shape(text)) == f"[{', '.join(text.split())}]"


def test_factors_are_gathered() -> None:
    assert Dimension.parse("2*E*3") == Dimension(6, ("E",))


@given(st.dictionaries(st.sampled_from("EHD"), st.integers(1, 50), min_size=3, max_size=3))
def test_sizes_are_found_from_the_shapes_that_they_make(sizes: dict[str, int]) -> None:
    shapes = [shape("4*E E"), shape("E H*D"), shape("H")]
    observed = [(symbolic, tuple(size or 0 for size in symbolic.sizes(sizes))) for symbolic in shapes]

    for order in (observed, observed[::-1]):
        found = solve_sizes(order)

        assert found == sizes
        assert all(symbolic.fits(concrete, found) for symbolic, concrete in observed)


def test_a_product_of_two_unknown_symbols_tells_nothing() -> None:
    assert solve_sizes([(shape("H*D"), (12,))]) == {}


def test_a_size_that_is_not_divisible_tells_nothing() -> None:
    assert solve_sizes([(shape("3*E"), (7,))]) == {}


def test_the_first_variable_decides_and_the_others_have_to_fit() -> None:
    sizes = solve_sizes([(shape("V H"), (30, 8)), (shape("H"), (9,)), (shape("H H"), (8, 8))])

    assert sizes == {"V": 30, "H": 8}
    assert not shape("H").fits((9,), sizes)
    assert shape("H H").fits((8, 8), sizes)


def test_shapes_of_another_rank_are_passed_over() -> None:
    assert solve_sizes([(shape("V H"), (30,)), (shape("H"), (4,))]) == {"H": 4}
    assert not shape("V H").fits((30,), {})
    assert shape("").fits((), {})


@pytest.mark.parametrize("size", [0, 1])
def test_a_symbol_of_size_zero_is_no_division_by_zero(size: int) -> None:
    assert solve_sizes([(shape("H"), (0,)), (shape("H*D"), (size,))]) == {"H": 0}


def test_a_shape_is_described_in_numbers_as_far_as_they_are_known() -> None:
    assert shape("V 3*E").describe({"E": 4}) == "[V, 12]"
    assert shape("").describe({}) == "[]"


def test_a_fraction_of_a_symbol() -> None:
    half = Dimension.parse("E/2")

    assert half == Dimension(1, ("E",), 2)
    assert half.size({"E": 6}) == 3
    assert half.solve(3, {}) == ("E", 6)
    assert Dimension.parse("3*E/2").size({"E": 4}) == 6
