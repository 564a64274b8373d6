from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from transformers.nn.relative_positions import RelativePositionBias, distance_buckets


def rows(positions: range, *, bidirectional: bool, buckets: int, max_distance: int = 128) -> list[int]:
    found = distance_buckets(
        torch.tensor(positions), bidirectional=bidirectional, buckets=buckets, max_distance=max_distance
    )
    return found.tolist()


def test_single_distances_come_first_and_later_ones_share_rows() -> None:
    """As the original computes them with TensorFlow."""
    assert rows(range(0, -20, -1), bidirectional=False, buckets=8) == [0, 1, 2, 3] + [4] * 6 + [5] * 10
    assert rows(range(5, 0, -1), bidirectional=False, buckets=8) == [0] * 5
    assert rows(range(-4, 5), bidirectional=True, buckets=8) == [2, 2, 2, 1, 0, 5, 6, 6, 6]
    assert rows(range(-16, -129, -16), bidirectional=True, buckets=32) == [10, 12, 13, 14, 14, 15, 15, 15]


@given(st.integers(2, 32), st.booleans(), st.integers(64, 200))
def test_rows_grow_with_the_distance_up_to_the_last(half: int, bidirectional: bool, max_distance: int) -> None:
    before = rows(range(0, -300, -1), bidirectional=bidirectional, buckets=2 * half, max_distance=max_distance)
    last = (half if bidirectional else 2 * half) - 1
    assert before == sorted(before)
    assert before[max_distance:] == [last] * (300 - max_distance)
    if bidirectional:
        after = rows(range(1, 300), bidirectional=True, buckets=2 * half, max_distance=max_distance)
        assert [row - half for row in after] == before[1:]


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize(("queries", "keys"), [(6, 6), (1, 6), (3, 9), (1, 1)])
def test_scores_are_the_tables_rows_for_each_pair(bidirectional: bool, queries: int, keys: int) -> None:
    table = RelativePositionBias(8, 3, max_distance=16, bidirectional=bidirectional)
    scores = table.scores(queries, keys)
    assert scores.shape == (1, 3, queries, keys)
    for query in range(queries):
        for key in range(keys):
            position = torch.tensor(key - (keys - queries + query))
            row = distance_buckets(position, bidirectional=bidirectional, buckets=8, max_distance=16)
            assert torch.equal(scores[0, :, query, key], table.weight[row])


def test_every_pair_adds_to_the_gradient() -> None:
    table = RelativePositionBias(8, 2, max_distance=16, bidirectional=True)
    table.scores(5, 5).sum().backward()
    assert table.weight.grad is not None
    assert float(table.weight.grad.sum()) == 2 * 5 * 5
