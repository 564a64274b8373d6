from __future__ import annotations

import pytest

from transformers.conversion.numbered_names import fold_names, write_numbers


@pytest.mark.parametrize(
    ("names", "folded"),
    [
        (["a/b", "c"], [("a/b", 1), ("c", 1)]),
        (["layer_3/x"], [("layer_3/x", 1)]),
        ([f"layer_{i}/x" for i in range(12)], [("layer_{0..11}/x", 12)]),
        (["h7/x", "h1/x", "h2/x"], [("h{1..2,7}/x", 3)]),
        (["h0/a", "h0/b", "h1/a", "h1/b"], [("h{0..1}/a", 2), ("h{0..1}/b", 2)]),
        ([f"model_1/h{i}/ln_2/g" for i in range(3)], [("model_1/h{0..2}/ln_2/g", 3)]),
        (["block_008/w", "block_009/w", "block_010/w"], [("block_{008..010}/w", 3)]),
    ],
)
def test_names_that_differ_in_one_number_are_one(names: list[str], folded: list[tuple[str, int]]) -> None:
    assert fold_names(names) == folded


def test_a_single_number_is_written_as_it_is() -> None:
    assert write_numbers(["007"]) == "007"
