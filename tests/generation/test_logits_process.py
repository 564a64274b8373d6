from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from transformers.errors import UserError
from transformers.generation import (
    LogitsProcessor,
    LogitsProcessorList,
    MinNewTokensLengthLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

NO_TOKENS = torch.zeros(1, 0, dtype=torch.long)
SCORES = st.lists(st.integers(-6, 6), min_size=1, max_size=9).map(lambda row: torch.tensor([row], dtype=torch.float32))


def kept(processor: LogitsProcessor, scores: torch.Tensor) -> set[int]:
    after = processor(NO_TOKENS, scores)
    assert torch.equal(after[after.isfinite()], scores[after.isfinite()])
    return set(after[0].isfinite().nonzero()[:, 0].tolist())


@given(SCORES, st.integers(1, 12))
def test_top_k_keeps_the_k_best_and_their_ties(scores: torch.Tensor, k: int) -> None:
    row = scores[0].tolist()
    lowest = sorted(row, reverse=True)[min(k, len(row)) - 1]
    assert kept(TopKLogitsWarper(k), scores) == {index for index, score in enumerate(row) if score >= lowest}


@given(SCORES, st.sampled_from([0.01, 0.3, 0.5, 0.9, 0.999]))
def test_top_p_keeps_a_smallest_set_that_reaches_p(scores: torch.Tensor, p: float) -> None:
    left = sorted(kept(TopPLogitsWarper(p), scores), key=lambda index: scores[0, index])
    probabilities = scores[0].double().softmax(-1)
    assert probabilities[left].sum() >= p - 1e-6
    assert probabilities[left[1:]].sum() < p + 1e-6
    others = set(range(scores.shape[1])) - set(left)
    assert all(scores[0, index] <= scores[0, left[0]] for index in others)


def test_temperature_divides() -> None:
    assert TemperatureLogitsWarper(0.5)(NO_TOKENS, torch.tensor([[1.0, -2.0]])).tolist() == [[2.0, -4.0]]


@pytest.mark.parametrize("ends", [2, [2], [2, 0, 99]])
def test_no_end_before_there_are_enough_tokens(ends: int | list[int]) -> None:
    processor = MinNewTokensLengthLogitsProcessor(3, 2, ends)
    forbidden = {ends} if isinstance(ends, int) else set(ends)
    for length in (3, 4):
        scores = processor(torch.zeros(1, length), torch.ones(1, 4))
        assert {index for index in range(4) if scores[0, index] < 0} == forbidden & set(range(4))
    assert torch.equal(processor(torch.zeros(1, 5), torch.ones(1, 4)), torch.ones(1, 4))


def test_processors_of_a_list_follow_each_other() -> None:
    processors = LogitsProcessorList([TemperatureLogitsWarper(2.0), TopKLogitsWarper(1)])
    assert processors(NO_TOKENS, torch.tensor([[4.0, 8.0]])).tolist() == [[float("-inf"), 4.0]]


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (TemperatureLogitsWarper, 0.0),
        (TemperatureLogitsWarper, -1.0),
        (TopKLogitsWarper, 0),
        (TopPLogitsWarper, 0.0),
        (TopPLogitsWarper, 1.5),
    ],
)
def test_values_without_meaning_are_refused(make: type[LogitsProcessor], value: float) -> None:
    with pytest.raises(UserError, match=str(value)):
        make(value)
