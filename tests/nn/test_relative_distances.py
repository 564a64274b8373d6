from __future__ import annotations

import math

import pytest
import torch

from transformers.nn.relative_distances import relative_shift, sinusoids


def test_sines_stand_before_cosines() -> None:
    table = sinusoids(torch.tensor([3.0, 0.0, -2.0]), 6)
    for row, position in enumerate((3, 0, -2)):
        for t in range(3):
            angle = position / 10000 ** (2 * t / 6)
            assert table[row, t].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert table[row, 3 + t].item() == pytest.approx(math.cos(angle), abs=1e-6)


@pytest.mark.parametrize(("queries", "memory"), [(1, 0), (4, 0), (3, 5), (5, 2)])
def test_each_query_and_key_get_the_score_of_their_distance(queries: int, memory: int) -> None:
    keys = memory + queries
    distances = torch.arange(keys, -queries, -1)
    scores = distances.expand(2, 3, queries, -1)
    shifted = relative_shift(scores, keys)
    expected = torch.tensor([[memory + i - j for j in range(keys)] for i in range(queries)])
    assert torch.equal(shifted, expected.expand(2, 3, -1, -1))


def test_without_negative_distances_the_keys_up_to_the_query_get_theirs() -> None:
    queries, memory = 4, 3
    keys = memory + queries
    shifted = relative_shift(torch.arange(keys, -1, -1).expand(queries, -1), keys)
    for i in range(queries):
        assert shifted[i, : memory + i + 1].tolist() == [memory + i - j for j in range(memory + i + 1)]
