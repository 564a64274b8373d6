"""Which tokens can be drawn; each filter beside a computation of one row at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from transformers.errors import UserError
from transformers.generation import (
    EpsilonLogitsWarper,
    EtaLogitsWarper,
    LogitNormalization,
    LogitsProcessor,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)

NO_TOKENS = torch.zeros(1, 0, dtype=torch.long)

#: Scores of a vocabulary, some of which are out of the question.
ROWS = st.lists(st.integers(-6, 6) | st.just(-math.inf), min_size=1, max_size=9).filter(
    lambda row: max(row) > -math.inf
)
LEAST = st.integers(1, 4)


def kept(processor: LogitsProcessor, row: list[float]) -> set[int]:
    scores = torch.tensor([row], dtype=torch.float32)
    before = scores.clone()
    after = processor(NO_TOKENS, scores)
    assert torch.equal(scores, before), "the given scores stay as they are"
    assert torch.equal(after[after > -math.inf], scores[after > -math.inf])
    return set((after[0] > -math.inf).nonzero()[:, 0].tolist())


def possible(row: list[float]) -> set[int]:
    return {index for index, score in enumerate(row) if score > -math.inf}


def probabilities(row: list[float]) -> list[float]:
    powers = [math.exp(score) for score in row]
    return [power / sum(powers) for power in powers]


def best(row: list[float], count: int) -> set[int]:
    """The tokens that are as good as the last of so many of the best."""
    lowest = sorted(row, reverse=True)[min(count, len(row)) - 1]
    return {index for index, score in enumerate(row) if score >= lowest} & possible(row)


def entropy(row: list[float]) -> float:
    return -sum(p * math.log(p) for p in probabilities(row) if p > 0)


def test_temperature_divides() -> None:
    assert TemperatureLogitsWarper(0.5)(NO_TOKENS, torch.tensor([[1.0, -2.0]])).tolist() == [[2.0, -4.0]]


@given(ROWS, st.integers(1, 12), LEAST)
def test_top_k_keeps_the_k_best_and_their_ties(row: list[float], k: int, least: int) -> None:
    assert kept(TopKLogitsWarper(k, min_tokens_to_keep=least), row) == best(row, max(k, least))


@given(ROWS, st.sampled_from([0.01, 0.3, 0.5, 0.9, 0.999]), LEAST)
def test_top_p_keeps_a_smallest_set_that_reaches_p(row: list[float], p: float, least: int) -> None:
    left = sorted(kept(TopPLogitsWarper(p, min_tokens_to_keep=least), row), key=lambda index: row[index])
    of = probabilities(row)
    assert sum(of[index] for index in left) >= p - 1e-6
    assert len(left) >= min(least, len(possible(row)))
    assert len(left) <= least or sum(of[index] for index in left[1:]) < p + 1e-6
    assert all(row[index] <= row[left[0]] for index in set(range(len(row))) - set(left))


@pytest.mark.parametrize("spread", [0.1, 5.0], ids=["open choice", "few likely tokens"])
def test_large_vocabularies(spread: float) -> None:
    """Whether few tokens are enough or all have to be sorted."""
    scores = torch.randn(3, 2000, generator=torch.Generator().manual_seed(0)) * spread
    of = scores.double().softmax(-1)
    nucleus = TopPLogitsWarper(0.8)(NO_TOKENS, scores) > -math.inf
    for row, inside in zip(of, nucleus, strict=True):
        assert 0.8 <= row[inside].sum() < 0.8 + row[inside].min()
        assert row[inside].min() > row[~inside].max()
    typical = TypicalLogitsWarper(0.8)(NO_TOKENS, scores) > -math.inf
    for row, inside in zip(of, typical, strict=True):
        distance = (row.log() - (row * row.log()).sum()).abs()
        assert 0.8 <= row[inside].sum() < 0.8 + row[inside].max()
        assert distance[inside].max() < distance[~inside].min()
    assert (nucleus.sum(1) < 256).all() == (spread > 1)


@given(ROWS, st.sampled_from([0.0, 0.015, 0.2, 0.9, 1.0]), LEAST)
def test_min_p_keeps_what_is_likely_beside_the_likeliest(row: list[float], factor: float, least: int) -> None:
    expected = {index for index, p in enumerate(probabilities(row)) if p >= factor * max(probabilities(row)) - 1e-9}
    assert kept(MinPLogitsWarper(factor, min_tokens_to_keep=least), row) == (expected & possible(row)) | best(
        row, least
    )


def typical(row: list[float], mass: float, least: int) -> tuple[set[int], set[int]]:
    """What has to be kept, and what can be kept besides: ties, and what a rounding error decides."""
    of = probabilities(row)
    distance = {index: abs(-math.log(p) - entropy(row)) if p > 0 else math.inf for index, p in enumerate(of)}
    order = sorted(distance, key=lambda index: distance[index])
    total, count = 0.0, 0
    while count < least or total < mass - 1e-6:
        if count == len(order):
            break
        total, count = total + of[order[count]], count + 1
    sure = set(order[:count]) & possible(row)
    last = max((distance[index] for index in sure), default=0.0)
    return sure, {index for index in possible(row) if distance[index] <= last + 1e-4}


@given(ROWS, st.sampled_from([0.1, 0.35, 0.5, 0.9, 0.99]), LEAST)
def test_typical_keeps_what_tells_about_as_much_as_expected(row: list[float], mass: float, least: int) -> None:
    sure, allowed = typical(row, mass, least)
    assert sure <= kept(TypicalLogitsWarper(mass, min_tokens_to_keep=least), row) <= allowed


def test_typical_can_leave_the_likeliest_out() -> None:
    row = [math.log(p) for p in (0.4, 0.15, 0.15, 0.15, 0.15)]
    assert kept(TypicalLogitsWarper(0.3), row) == {1, 2, 3, 4}


@given(ROWS, st.sampled_from([0.01, 0.21, 0.6]), LEAST)
def test_epsilon_keeps_what_has_a_probability(row: list[float], epsilon: float, least: int) -> None:
    expected = {index for index, p in enumerate(probabilities(row)) if p >= epsilon}
    actual = kept(EpsilonLogitsWarper(epsilon, min_tokens_to_keep=least), row)
    assert actual == (expected & possible(row)) | best(row, least)


@given(ROWS, st.sampled_from([0.01, 0.21, 0.6]), LEAST)
def test_eta_asks_for_less_where_the_choice_is_open(row: list[float], epsilon: float, least: int) -> None:
    bound = min(epsilon, math.sqrt(epsilon) * math.exp(-entropy(row)))
    actual = kept(EtaLogitsWarper(epsilon, min_tokens_to_keep=least), row)
    of = probabilities(row)
    sure = {index for index, p in enumerate(of) if p >= bound + 1e-6} & possible(row) | best(row, least)
    assert sure <= actual <= sure | {index for index, p in enumerate(of) if abs(p - bound) < 1e-6}


def test_an_open_choice_lets_eta_keep_what_epsilon_does_not() -> None:
    row = [0.0] * 7
    assert kept(EtaLogitsWarper(0.2), [1.0, *row]) == set(range(8))
    assert kept(EpsilonLogitsWarper(0.2), [1.0, *row]) == {0}


def test_what_is_left_out_gets_the_value_that_was_given() -> None:
    scores = torch.tensor([[3.0, 1.0, 2.0]])
    assert TopKLogitsWarper(1, filter_value=-7.0)(NO_TOKENS, scores).tolist() == [[3.0, -7.0, -7.0]]


@given(ROWS)
def test_normalized_scores_are_logarithms_of_probabilities(row: list[float]) -> None:
    scores = LogitNormalization()(NO_TOKENS, torch.tensor([row], dtype=torch.float32))[0].tolist()
    assert [math.exp(score) for score in scores] == pytest.approx(probabilities(row), abs=1e-6)


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (TemperatureLogitsWarper, 0.0),
        (TemperatureLogitsWarper, -1.0),
        (TopKLogitsWarper, 0),
        (TopPLogitsWarper, 0.0),
        (TopPLogitsWarper, 1.5),
        (MinPLogitsWarper, -0.1),
        (TypicalLogitsWarper, 1.0),
        (EpsilonLogitsWarper, 0.0),
        (EtaLogitsWarper, 1.0),
    ],
)
def test_values_without_meaning_are_refused(make: Callable[[float], Any], value: float) -> None:
    with pytest.raises(UserError, match=str(value)):
        make(value)


def test_none_kept_is_refused() -> None:
    with pytest.raises(UserError, match="min_tokens_to_keep must be at least 1, not 0"):
        TopPLogitsWarper(0.5, min_tokens_to_keep=0)
