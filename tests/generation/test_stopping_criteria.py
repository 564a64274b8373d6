from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from tests.shared.small_tokenizers import BYTE_FALLBACK, TOKENIZED_FAMILIES, small_tokenizer
from tests.shared.tiny_writers import tiny_gpt2

from transformers import GenerationConfig, PreTrainedTokenizerBase
from transformers.errors import UserError
from transformers.generation import (
    EosTokenCriteria,
    MaxLengthCriteria,
    MaxTimeCriteria,
    StoppingCriteria,
    StoppingCriteriaList,
    StopStringCriteria,
)
from transformers.generation.stopping_criteria import criteria_for

TEXTS = torch.tensor([[1, 2, 3], [4, 5, 6]])


class FirstToken(StoppingCriteria):
    def __init__(self, token: int) -> None:
        self.token = token

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        return input_ids[:, 0] == self.token


class Always(StoppingCriteria):
    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> bool:
        return True


def test_one_reason_is_enough() -> None:
    assert StoppingCriteriaList()(TEXTS, None).tolist() == [False, False]
    assert StoppingCriteriaList([FirstToken(4)])(TEXTS, None).tolist() == [False, True]
    assert StoppingCriteriaList([FirstToken(4), FirstToken(1)])(TEXTS, None).tolist() == [True, True]
    assert StoppingCriteriaList([FirstToken(9), Always()])(TEXTS, None).tolist() == [True, True]


def test_lengths() -> None:
    for most, expected in ((2, True), (3, True), (4, False)):
        assert MaxLengthCriteria(most)(TEXTS, None).tolist() == [expected] * 2


def test_times(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [50.0]
    monkeypatch.setattr("time.time", lambda: now[0])
    started, earlier = MaxTimeCriteria(2.0), MaxTimeCriteria(2.0, initial_timestamp=49.0)
    for time, expected in ((51.0, [False, False]), (51.5, [False, True]), (52.5, [True, True])):
        now[0] = time
        assert [bool(criterion(TEXTS, None).all()) for criterion in (started, earlier)] == expected


@pytest.mark.parametrize(("tokens", "expected"), [(3, [True, False]), ([3, 6], [True, True]), ([1], [False, False])])
def test_tokens(tokens: Any, expected: list[bool]) -> None:
    assert EosTokenCriteria(tokens)(TEXTS, None).tolist() == expected
    assert EosTokenCriteria(torch.tensor(tokens))(TEXTS, None).tolist() == expected


# Stop strings


def completed(tokenizer: PreTrainedTokenizerBase, row: list[int], strings: list[str]) -> bool:
    """Whether a string is in the text at a place where it was not without the last token, all texts decoded whole."""
    text, before = tokenizer.decode(row), tokenizer.decode(row[:-1])
    return any(
        text[:end].endswith(string) and text[:end] != before[:end]
        for string in strings
        for end in range(1, len(text) + 1)
    )


@pytest.mark.parametrize("family", TOKENIZED_FAMILIES)
def test_a_text_ends_where_its_newest_token_completes_a_string(family: str) -> None:
    """Strings that begin and end anywhere in texts of any tokens: half characters, lone spaces, pieces of words."""
    tokenizer, chance = small_tokenizer(family), random.Random(3)
    words = tokenizer.encode('It \'s "good" , he said :\n"don\'t!" 10@-@20 naïve 中国 😀', add_special_tokens=False)
    hits = 0
    for case in range(25):
        rows = [[chance.randrange(len(tokenizer)) for _ in range(len(words))], words]
        chance.shuffle(rows[case % 2])
        text = tokenizer.decode(rows[case % 2])
        starts = [chance.randrange(len(text)) for _ in range(2)]
        strings = [text[start : start + chance.randint(1, 8)] for start in starts]
        criterion = StopStringCriteria(tokenizer, strings)
        for length in range(1, len(words) + 1):
            texts = [row[:length] for row in rows]
            expected = [completed(tokenizer, text, strings) for text in texts]
            assert criterion(torch.tensor(texts), None).tolist() == expected
            hits += sum(expected)
    assert hits > 25


def test_strings_may_span_and_cut_tokens() -> None:
    tokenizer = small_tokenizer("gpt2")
    ids = torch.tensor([tokenizer.convert_tokens_to_ids(["a", "Ġthe", "Ġ", "t", "ext"])])
    assert tokenizer.decode(ids[0]) == "a the text"

    def length_at(*strings: str) -> int | None:
        criterion = StopStringCriteria(tokenizer, strings)
        ended = [length for length in range(1, 6) if bool(criterion(ids[:, :length], None))]
        return ended[0] if ended else None

    assert length_at("a th") == length_at("h") == length_at("the") == 2
    assert length_at("the ") == length_at("e ") == 3
    assert length_at("he tex") == length_at("xt") == 5
    assert length_at("xt", "the ") == 3
    assert length_at("text.") is None
    assert bool(StopStringCriteria(tokenizer, "the")(ids[:, :2], None))


def test_what_was_there_before_ends_nothing() -> None:
    tokenizer = small_tokenizer("gpt2")
    criterion = StopStringCriteria(tokenizer, ["the"])
    assert not criterion(torch.tensor([tokenizer.encode("a the e")]), None)
    assert criterion(torch.tensor([tokenizer.encode("a the the")]), None)


@pytest.mark.parametrize("family", ["gpt2", BYTE_FALLBACK])
def test_strings_end_texts_that_are_spelled_in_bytes(family: str) -> None:
    """The short end that is decoded first may begin inside a character."""
    tokenizer = small_tokenizer(family)
    row = tokenizer.encode("中国" * 9 + "☃国", add_special_tokens=False)
    for string in ("☃", "国☃", "国"):
        criterion, text = StopStringCriteria(tokenizer, string), tokenizer.decode(row)
        end = len(tokenizer.encode(text[: text.index(string) + len(string)], add_special_tokens=False))
        ended = [length for length in range(1, len(row) + 1) if bool(criterion(torch.tensor([row[:length]]), None))]
        assert ended[0] == end


def test_a_short_end_of_a_long_text_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer, decoded = small_tokenizer("gpt2"), []
    decode = tokenizer.batch_decode
    monkeypatch.setattr(tokenizer, "batch_decode", lambda rows: decoded.extend(map(len, rows)) or decode(rows))
    criterion = StopStringCriteria(tokenizer, ["wonder"])
    assert not criterion(torch.tensor([tokenizer.encode("the text " * 200)] * 3), None).any()
    assert len(decoded) == 3
    assert max(decoded) < 20


def test_there_have_to_be_strings() -> None:
    for strings in ([], [""], ["a", ""]):
        with pytest.raises(UserError, match="stop_strings"):
            StopStringCriteria(small_tokenizer("gpt2"), strings)


# Options


def test_without_options_there_is_nothing_to_ask() -> None:
    assert criteria_for(GenerationConfig(eos_token_id=3, max_new_tokens=5), None, None) == []


def test_options_become_criteria_behind_those_of_the_caller() -> None:
    own = FirstToken(1)
    criteria = criteria_for(GenerationConfig(max_time=2.0, stop_strings="the"), [own], small_tokenizer("gpt2"))
    assert criteria[0] is own
    assert [type(criterion) for criterion in criteria[1:]] == [MaxTimeCriteria, StopStringCriteria]
    tokens = small_tokenizer("gpt2").convert_tokens_to_ids(["Ġthe", "a", "Ġthe"])
    assert criteria(torch.tensor(tokens)[:, None], None).tolist() == [True, False, True]


def test_stop_strings_need_a_tokenizer() -> None:
    with pytest.raises(UserError, match="need a tokenizer"):
        criteria_for(GenerationConfig(stop_strings=["x"]), None, None)


def test_each_text_of_a_batch_ends_at_its_own_string() -> None:
    tokenizer = small_tokenizer("gpt2")
    model = tiny_gpt2(vocab_size=len(tokenizer), n_positions=48)
    prompts = torch.tensor([[65, 66], [67, 68], [69, 70]])
    free = model.generate(prompts, max_new_tokens=30, eos_token_id=None)
    texts = [tokenizer.decode(row) for row in free]
    strings = [texts[0][12:17], texts[1][25:29]]
    ended = model.generate(
        prompts, max_new_tokens=30, eos_token_id=None, pad_token_id=0, stop_strings=strings, tokenizer=tokenizer
    )
    lengths = []
    for row, whole in zip(ended, free, strict=True):
        ends = [length for length in range(3, 33) if completed(tokenizer, whole[:length].tolist(), strings)]
        lengths.append(min(ends, default=32))
        assert torch.equal(row[: lengths[-1]], whole[: lengths[-1]])
        assert set(row[lengths[-1] :].tolist()) <= {0}
    assert len(set(lengths)) == 3
    assert ended.shape[1] == max(lengths)
