from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from transformers.errors import UserError
from transformers.generation import (
    ExponentialDecayLengthPenalty,
    ForcedBOSTokenLogitsProcessor,
    ForcedEOSTokenLogitsProcessor,
    InfNanRemoveLogitsProcessor,
    LogitsProcessor,
    MinLengthLogitsProcessor,
    MinNewTokensLengthLogitsProcessor,
    PrefixConstrainedLogitsProcessor,
    SuppressTokensAtBeginLogitsProcessor,
    SuppressTokensLogitsProcessor,
)

SCORES = torch.tensor([[0.5, -1.5, 2.0, 0.0], [1.0, 3.0, -2.0, 0.25]])


def after(processor: LogitsProcessor, length: int) -> torch.Tensor:
    """The scores for two texts of a length."""
    before = SCORES.clone()
    scores = processor(torch.zeros(2, length, dtype=torch.long), SCORES)
    assert torch.equal(SCORES, before), "the given scores stay as they are"
    return scores


def forbidden(processor: LogitsProcessor, length: int) -> set[int]:
    """The tokens that are at -inf in both rows; all others are as they were."""
    scores = after(processor, length)
    mask = scores == -math.inf
    assert torch.equal(mask[0], mask[1])
    assert torch.equal(scores[~mask], SCORES[~mask])
    return set(mask[0].nonzero()[:, 0].tolist())


@pytest.mark.parametrize(
    ("make", "least"),
    [
        (lambda ends: MinLengthLogitsProcessor(5, ends), 5),
        (lambda ends: MinLengthLogitsProcessor(0, ends), 0),
        (lambda ends: MinNewTokensLengthLogitsProcessor(3, 2, ends), 5),
    ],
)
@pytest.mark.parametrize("ends", [2, [2], [2, 0, 99], [-1, 2], torch.tensor([2, 3])])
def test_no_end_before_there_are_enough_tokens(make: Callable[[Any], LogitsProcessor], least: int, ends: Any) -> None:
    processor = make(ends)
    tokens = set(torch.as_tensor(ends).flatten().tolist()) & set(range(4))
    for length in range(1, 7):
        assert forbidden(processor, length) == (tokens if length < least else set())


def test_a_token_is_forced_after_the_first() -> None:
    processor = ForcedBOSTokenLogitsProcessor(2)
    assert after(processor, 1).tolist() == [[-math.inf, -math.inf, 0.0, -math.inf]] * 2
    assert after(processor, 2) is SCORES


@pytest.mark.parametrize(("ends", "expected"), [(3, [3]), ([0, 3], [0, 3])])
def test_an_end_is_forced_in_the_last_place(ends: Any, expected: list[int]) -> None:
    processor = ForcedEOSTokenLogitsProcessor(5, ends)
    for length in (1, 3, 5):
        assert after(processor, length) is SCORES
    assert after(processor, 4).tolist() == [[0.0 if token in expected else -math.inf for token in range(4)]] * 2


def test_what_is_forced_has_to_be_in_the_vocabulary() -> None:
    with pytest.raises(UserError, match=r"vocabulary of 4 tokens has none of \[4, 9\]"):
        after(ForcedEOSTokenLogitsProcessor(2, [4, 9]), 1)


def test_tokens_are_suppressed() -> None:
    processor = SuppressTokensLogitsProcessor([1, 3])
    assert [forbidden(processor, length) for length in (1, 7)] == [{1, 3}] * 2


def test_tokens_are_suppressed_in_one_place() -> None:
    processor = SuppressTokensAtBeginLogitsProcessor([1, 3], 4)
    assert [forbidden(processor, length) for length in (3, 4, 5)] == [set(), {1, 3}, set()]


def test_sets_of_tokens_fit_any_vocabulary() -> None:
    processor = SuppressTokensLogitsProcessor([1, 5])
    assert forbidden(processor, 1) == {1}
    longer = processor(torch.zeros(2, 1), torch.zeros(2, 6))
    assert longer.tolist() == [[0.0, -math.inf, 0.0, 0.0, 0.0, -math.inf]] * 2


def test_an_end_becomes_likelier_with_each_token() -> None:
    processor = ExponentialDecayLengthPenalty((3, 1.5), [0, 1], 2)
    for length in (2, 4, 5):
        assert after(processor, length) is SCORES
    for length in (6, 9):
        factor = 1.5 ** (length - 5) - 1
        expected = SCORES.clone()
        expected[:, :2] += SCORES[:, :2].abs() * factor
        assert torch.allclose(after(processor, length), expected)


def test_an_end_that_is_forbidden_stays_so() -> None:
    scores = torch.tensor([[1.0, -math.inf]])
    processor = ExponentialDecayLengthPenalty((0, 1.5), [0, 1], 0)
    assert processor(torch.zeros(1, 1), scores).tolist() == [[1.5, -math.inf]]


def test_values_that_are_no_numbers_are_removed() -> None:
    greatest = torch.finfo(torch.float32).max
    scores = InfNanRemoveLogitsProcessor()(torch.zeros(1, 1), torch.tensor([[math.nan, math.inf, -math.inf, 2.0]]))
    assert scores.tolist() == [[0.0, greatest, -greatest, 2.0]]


def test_a_function_says_what_may_follow() -> None:
    seen = []

    def allowed(prompt: int, text: torch.Tensor) -> list[int]:
        seen.append((prompt, text.tolist()))
        return [int(text[-1]), 3 - prompt]

    processor = PrefixConstrainedLogitsProcessor(allowed, num_beams=2)
    texts, scores = torch.tensor([[0, 1], [0, 2], [3, 0], [3, 1]]), torch.arange(16.0).view(4, 4)
    kept = (processor(texts, scores) > -math.inf).tolist()
    assert seen == [(0, [0, 1]), (0, [0, 2]), (1, [3, 0]), (1, [3, 1])]
    assert [[token for token in range(4) if row[token]] for row in kept] == [[1, 3], [2, 3], [0, 2], [1, 2]]


def test_it_has_the_last_word() -> None:
    processor = PrefixConstrainedLogitsProcessor(lambda *_: [1, 2], num_beams=1)
    scores = torch.tensor([[5.0, -math.inf, -math.inf], [5.0, -math.inf, 1.0]])
    expected = [[-math.inf, 0.0, 0.0], [-math.inf, -math.inf, 1.0]]
    assert processor(torch.zeros(2, 1), scores).tolist() == expected


@pytest.mark.parametrize("nothing", [[], None, torch.tensor([])])
def test_it_has_to_allow_something(nothing: Any) -> None:
    processor = PrefixConstrainedLogitsProcessor(lambda prompt, _: nothing if prompt else [1], num_beams=1)
    with pytest.raises(UserError, match=r"allows no token after 3 tokens of prompt 1.*\n.*token that ends texts"):
        after(processor, 3)


@pytest.mark.parametrize("token", [-1, 4])
def test_it_allows_tokens_of_the_vocabulary(token: int) -> None:
    processor = PrefixConstrainedLogitsProcessor(lambda *_: torch.tensor([1, token]), num_beams=1)
    with pytest.raises(UserError, match=rf"allows \[1, {token}\], and the vocabulary has 4 tokens"):
        after(processor, 3)


@pytest.mark.parametrize(
    "make", [lambda: MinLengthLogitsProcessor(-1, 0), lambda: MinNewTokensLengthLogitsProcessor(3, -1, 0)]
)
def test_values_without_meaning_are_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(UserError, match="must be at least 0, not -1"):
        make()
