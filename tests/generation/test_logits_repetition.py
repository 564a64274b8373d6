"""Repetition and given sequences, beside computations that look at one text after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from transformers.errors import UserError
from transformers.generation import (
    EncoderNoRepeatNGramLogitsProcessor,
    EncoderRepetitionPenaltyLogitsProcessor,
    LogitsProcessor,
    NoBadWordsLogitsProcessor,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor,
)

SIZE = 5
TEXTS = st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=12)
#: Texts of one length.
BATCHES = st.integers(1, 12).flatmap(
    lambda length: st.lists(
        st.lists(st.integers(0, SIZE - 1), min_size=length, max_size=length), min_size=1, max_size=4
    )
)


def scores(rows: int) -> torch.Tensor:
    return torch.randn(rows, SIZE, generator=torch.Generator().manual_seed(rows))


def processed(processor: LogitsProcessor, texts: Sequence[Sequence[int]]) -> list[list[float]]:
    given_scores = scores(len(texts))
    after = processor(torch.tensor(texts, dtype=torch.long).view(len(texts), -1), given_scores)
    assert torch.equal(given_scores, scores(len(texts))), "the given scores stay as they are"
    return after.tolist()


def forbidden(processor: LogitsProcessor, texts: Sequence[Sequence[int]]) -> list[set[int]]:
    """The tokens of each text that are at -inf; all others are as they were."""
    after = torch.tensor(processed(processor, texts))
    assert torch.equal(after[after > -math.inf], scores(len(texts))[after > -math.inf])
    return [{token for token in range(SIZE) if row[token] == -math.inf} for row in after]


def penalized(row: Sequence[float], tokens: set[int], penalty: float) -> list[float]:
    return [
        score if token not in tokens else score * penalty if score < 0 else score / penalty
        for token, score in enumerate(row)
    ]


@given(BATCHES, st.sampled_from([1.3, 0.5]))
def test_tokens_of_the_text_are_penalized_once(texts: list[list[int]], penalty: float) -> None:
    expected = [
        penalized(row, set(text), penalty) for row, text in zip(scores(len(texts)).tolist(), texts, strict=True)
    ]
    actual = processed(RepetitionPenaltyLogitsProcessor(penalty), texts)
    assert actual == [pytest.approx(row) for row in expected]


def test_before_the_first_token_nothing_is_repeated() -> None:
    assert processed(RepetitionPenaltyLogitsProcessor(2.0), [[]]) == scores(1).tolist()
    assert forbidden(NoRepeatNGramLogitsProcessor(1), [[]]) == [set()]


@given(TEXTS, st.sampled_from([1.3, 0.5]))
def test_tokens_of_the_input_are_preferred(read: list[int], penalty: float) -> None:
    processor = EncoderRepetitionPenaltyLogitsProcessor(penalty, torch.tensor([read, read[::-1]]))
    expected = [penalized(row, set(read), 1 / penalty) for row in scores(4).tolist()]
    assert processed(processor, [[0]] * 4) == [pytest.approx(row) for row in expected]


def ngrams(text: Sequence[int], n: int) -> set[tuple[int, ...]]:
    return {tuple(text[start : start + n]) for start in range(len(text) - n + 1)}


def completing(text: Sequence[int], known: set[tuple[int, ...]], n: int) -> set[int]:
    """The tokens that make the last n tokens one of the known sequences."""
    return {token for token in range(SIZE) if tuple([*text, token][-n:]) in known and len(text) >= n - 1}


@given(BATCHES, st.integers(1, 4))
def test_no_sequence_comes_twice(texts: list[list[int]], n: int) -> None:
    expected = [completing(text, ngrams(text, n), n) for text in texts]
    assert forbidden(NoRepeatNGramLogitsProcessor(n), texts) == expected


@given(BATCHES, st.lists(TEXTS, min_size=1, max_size=1), st.integers(1, 4))
def test_no_sequence_of_the_input_comes(texts: list[list[int]], read: list[list[int]], n: int) -> None:
    """Several texts that continue one input, as with beams."""
    processor = EncoderNoRepeatNGramLogitsProcessor(n, torch.tensor(read))
    assert forbidden(processor, texts) == [completing(text, ngrams(read[0], n), n) for text in texts]


def test_each_text_has_the_sequences_of_its_own_input() -> None:
    read = torch.tensor([[0, 1, 2], [0, 3, 4]])
    processor = EncoderNoRepeatNGramLogitsProcessor(2, read)
    assert forbidden(processor, [[0], [1], [0], [3]]) == [{1}, {2}, {3}, {4}]
    assert forbidden(EncoderNoRepeatNGramLogitsProcessor(2, read[0]), [[0]]) == [{1}]


SEQUENCES = st.lists(
    st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=4).map(tuple), min_size=1, max_size=6, unique=True
)


def biased(text: Sequence[int], row: list[float], biases: dict[tuple[int, ...], float]) -> list[float]:
    row = list(row)
    for sequence, bias in biases.items():
        if len(sequence) == 1 or tuple(text[-len(sequence) + 1 :]) == sequence[:-1]:
            row[sequence[-1]] += bias
    return row


@given(BATCHES, SEQUENCES)
def test_biases_are_added_where_a_sequence_would_be_complete(
    texts: list[list[int]], sequences: list[tuple[int, ...]]
) -> None:
    biases = {sequence: 1.5 * number - 2 for number, sequence in enumerate(sequences)}
    expected = [biased(text, row, biases) for text, row in zip(texts, scores(len(texts)).tolist(), strict=True)]
    for spelled in (biases, [[list(sequence), bias] for sequence, bias in biases.items()]):
        actual = processed(SequenceBiasLogitsProcessor(spelled), texts)
        assert actual == [pytest.approx(row, abs=1e-5) for row in expected]


@given(BATCHES, SEQUENCES)
def test_bad_words_never_come(texts: list[list[int]], words: list[tuple[int, ...]]) -> None:
    expected = [completed_words(text, words) for text in texts]
    assert forbidden(NoBadWordsLogitsProcessor([list(word) for word in words]), texts) == expected


def completed_words(text: Sequence[int], words: Sequence[tuple[int, ...]]) -> set[int]:
    return {
        word[-1]
        for word in words
        if len(word) <= len(text) + 1 and tuple(text[len(text) - len(word) + 1 :]) == word[:-1]
    }


def test_what_ends_a_text_is_no_bad_word_by_itself() -> None:
    words = [[3], [2], [1, 3]]
    assert forbidden(NoBadWordsLogitsProcessor(words, eos_token_id=3), [[0], [1]]) == [{2}, {2, 3}]
    assert forbidden(NoBadWordsLogitsProcessor(words, eos_token_id=[2, 4]), [[0]]) == [{3}]
    assert forbidden(NoBadWordsLogitsProcessor([[3]], eos_token_id=3), [[0]]) == [set()]


def test_padding_in_front_of_a_prompt_is_not_seen() -> None:
    """The padding is a token that texts have, too."""
    pad, alone, together = 4, [[0, 1, 0, 2]], [[4, 4, 0, 1, 0, 2], [1, 4, 4, 0, 4, 2]]
    mask = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    biases = {(pad, 0): 1.0, (2, 3): 2.0, (pad, 0, 1, 0, 2, 3): 3.0, (1,): 4.0}
    for make in (
        lambda mask: RepetitionPenaltyLogitsProcessor(1.5, prompt_mask=mask),
        lambda mask: NoRepeatNGramLogitsProcessor(1, prompt_mask=mask),
        lambda mask: NoRepeatNGramLogitsProcessor(2, prompt_mask=mask),
        lambda mask: SequenceBiasLogitsProcessor(biases, prompt_mask=mask),
        lambda mask: NoBadWordsLogitsProcessor([[pad, 0, 1, 0, 2, 3], [2, 1]], prompt_mask=mask),
    ):
        first, other = make(mask)(torch.tensor(together), scores(1).expand(2, -1)).tolist()
        assert first == processed(make(None), alone)[0]
        assert other == processed(make(None), together[1:])[0]


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_of_the_input_is_not_seen(side: str) -> None:
    read, padding = [0, 1, 2], [4, 4]
    row = padding + read if side == "left" else read + padding
    mask = torch.tensor([[token != 4 for token in row]])
    penalty = EncoderRepetitionPenaltyLogitsProcessor(1.5, torch.tensor([row]), encoder_mask=mask)
    assert processed(penalty, [[3]]) == processed(
        EncoderRepetitionPenaltyLogitsProcessor(1.5, torch.tensor([read])), [[3]]
    )
    for n, texts, expected in ((1, [[3]], {0, 1, 2}), (2, [[4]], set()), (2, [[1]], {2}), (2, [[2]], set())):
        processor = EncoderNoRepeatNGramLogitsProcessor(n, torch.tensor([row]), encoder_mask=mask)
        assert forbidden(processor, texts) == [expected]


def test_values_without_meaning_are_refused() -> None:
    for make, message in (
        (lambda: RepetitionPenaltyLogitsProcessor(0.0), "repetition_penalty must be above 0, not 0.0"),
        (lambda: EncoderRepetitionPenaltyLogitsProcessor(-1, torch.ones(1, 1)), "encoder_repetition_penalty"),
        (lambda: NoRepeatNGramLogitsProcessor(0), "no_repeat_ngram_size must be at least 1, not 0"),
        (lambda: SequenceBiasLogitsProcessor({(): 1.0}), "must have one or more tokens"),
        (lambda: SequenceBiasLogitsProcessor({(-1,): 1.0}), "must have one or more tokens"),
    ):
        with pytest.raises(UserError, match=message):
            make()
    with pytest.raises(UserError, match=r"sequence_bias names the tokens \[7, 9\], and the vocabulary ends before 5"):
        processed(SequenceBiasLogitsProcessor({(1, 7): 1.0, (9,): 1.0}), [[0]])
