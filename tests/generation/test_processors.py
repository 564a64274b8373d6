"""Which processors the options ask for, in which order, and what they do in ``generate()``."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from tests.shared.tiny_writers import PAD, VOCABULARY, tiny_gpt2, tiny_t5, token_ids

from transformers import GenerationConfig
from transformers.errors import UserError
from transformers.generation import LogitsProcessor
from transformers.generation.processors import PromptFacts, processors_for

PROMPT = PromptFacts(3, torch.tensor([[1, 2, 3]]), 20, torch.device("cpu"))

ALL = {
    "sequence_bias": {(5, 7): -2.0}, "encoder_repetition_penalty": 1.1, "repetition_penalty": 1.2,
    "no_repeat_ngram_size": 2, "encoder_no_repeat_ngram_size": 3, "bad_words_ids": [[1, 2]], "min_new_tokens": 3,
    "forced_bos_token_id": 1, "forced_eos_token_id": 2, "remove_invalid_values": True,
    "exponential_decay_length_penalty": (5, 1.1), "suppress_tokens": [3], "begin_suppress_tokens": [4],
    "do_sample": True, "temperature": 0.5, "top_k": 5, "top_p": 0.9, "min_p": 0.01, "typical_p": 0.9,
    "epsilon_cutoff": 0.01, "eta_cutoff": 0.01, "renormalize_logits": True, "eos_token_id": [30, 29],
}  # fmt: skip


class Own(LogitsProcessor):
    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        return scores


def names(config: GenerationConfig, **arguments: Any) -> list[str]:
    given = {"given": None, "prefix_allowed_tokens_fn": None, **arguments}
    made = processors_for(config, PROMPT, **given)
    return [type(getattr(processor, "processor", processor)).__name__ for processor in made]


def test_they_have_the_order_of_the_ecosystem() -> None:
    """As release 5.23 of the library of the Hub applies them."""
    assert names(GenerationConfig(**ALL), given=[Own()], prefix_allowed_tokens_fn=lambda *_: [1]) == [
        "SequenceBiasLogitsProcessor", "EncoderRepetitionPenaltyLogitsProcessor", "RepetitionPenaltyLogitsProcessor",
        "NoRepeatNGramLogitsProcessor", "EncoderNoRepeatNGramLogitsProcessor", "NoBadWordsLogitsProcessor",
        "MinNewTokensLengthLogitsProcessor", "PrefixConstrainedLogitsProcessor", "ForcedBOSTokenLogitsProcessor",
        "ForcedEOSTokenLogitsProcessor", "InfNanRemoveLogitsProcessor", "ExponentialDecayLengthPenalty",
        "SuppressTokensLogitsProcessor", "SuppressTokensAtBeginLogitsProcessor", "Own", "TemperatureLogitsWarper",
        "TopKLogitsWarper", "TopPLogitsWarper", "MinPLogitsWarper", "TypicalLogitsWarper", "EpsilonLogitsWarper",
        "EtaLogitsWarper", "LogitNormalization",
    ]  # fmt: skip


def test_without_options_there_is_nothing_to_do() -> None:
    assert names(GenerationConfig(eos_token_id=1)) == []
    assert names(GenerationConfig(**{**ALL, "do_sample": False}))[-2:] == [
        "SuppressTokensAtBeginLogitsProcessor",
        "LogitNormalization",
    ]


def test_new_tokens_count_before_all_tokens() -> None:
    assert names(GenerationConfig(eos_token_id=1, min_length=9)) == ["MinLengthLogitsProcessor"]
    both = GenerationConfig(eos_token_id=1, min_length=9, min_new_tokens=2)
    assert names(both) == ["MinNewTokensLengthLogitsProcessor"]


@pytest.mark.parametrize(("beams", "ends", "expected"), [(1, [5, 6, 7], 1), (3, None, 2), (3, 5, 2), (3, [5, 6, 7], 4)])
def test_beams_are_left_more_tokens_than_can_end_them(beams: int, ends: Any, expected: int) -> None:
    config = GenerationConfig(do_sample=True, num_beams=beams, eos_token_id=ends, top_k=None, top_p=0.1)
    (processor,) = processors_for(config, PROMPT, None, None)
    assert (processor(torch.zeros(1, 3), torch.arange(9.0)[None]) > -torch.inf).sum() == expected


@pytest.mark.parametrize("option", ["encoder_repetition_penalty", "encoder_no_repeat_ngram_size"])
def test_what_was_read_has_to_be_tokens(option: str) -> None:
    with pytest.raises(UserError, match=f"{option} needs the tokens that were read"):
        processors_for(GenerationConfig(**{option: 2}), PromptFacts(3, None, 9, torch.device("cpu")), None, None)


# In generate()


@functools.cache
def gpt2() -> Any:
    return tiny_gpt2(n_positions=40)


@functools.cache
def t5() -> Any:
    return tiny_t5()


@pytest.mark.parametrize("beams", [1, 3])
def test_no_sequence_of_two_comes_twice(beams: int) -> None:
    options = {"max_new_tokens": 30, "num_beams": beams}
    for model, start in ((gpt2(), 5), (t5(), 0)):
        assert repeated(model.generate(token_ids(1, 5), **options)[0, start:])
        assert not repeated(model.generate(token_ids(1, 5), no_repeat_ngram_size=2, **options)[0, start:])


def repeated(text: torch.Tensor) -> bool:
    pairs = list(zip(text.tolist(), text[1:].tolist(), strict=False))
    return len(set(pairs)) < len(pairs)


PADDED_OPTIONS = {
    "penalty": {"repetition_penalty": 1.7},
    "ngrams": {"no_repeat_ngram_size": 2},
    "prompt": {"encoder_repetition_penalty": 1.8, "encoder_no_repeat_ngram_size": 2},
    "bad words": {"bad_words_ids": [[PAD, 3], *([token] for token in range(4, 16)), [17, 18]]},
    "bias": {"sequence_bias": {(PAD, 7): 20.0, (9,): 20.0, (9, 9): -40.0}},
    "beams": {"num_beams": 3, "repetition_penalty": 1.7, "no_repeat_ngram_size": 2},
    "beginning": {"begin_suppress_tokens": list(range(3, 20)), "suppress_tokens": [20, 21]},
    "second token": {"forced_bos_token_id": 21},
    "third token": {"forced_bos_token_id": 21, "begin_suppress_tokens": list(range(3, 20)), "num_beams": 2},
    "ends": {"eos_token_id": [5, 6, 7], "min_new_tokens": 6, "exponential_decay_length_penalty": (2, 1.2)},
}


@pytest.mark.parametrize("options", PADDED_OPTIONS.values(), ids=PADDED_OPTIONS.keys())
def test_each_prompt_of_a_padded_batch_goes_on_as_alone(options: dict[str, Any]) -> None:
    """Of T5 it is the input that is padded."""
    prompts = [token_ids(1, length) for length in (2, 7, 4, 1)]
    batch = torch.cat([torch.nn.functional.pad(prompt, (7 - prompt.shape[1], 0), value=PAD) for prompt in prompts])
    mask, changed = (batch != PAD).long(), False
    for model, new in ((gpt2(), slice(7, None)), (t5(), slice(1, None))):
        together = model.generate(batch, attention_mask=mask, max_new_tokens=12, pad_token_id=PAD, **options)[:, new]
        for row, prompt in zip(together, prompts, strict=True):
            start = prompt.shape[1] if model is gpt2() else 1
            alone = model.generate(prompt, max_new_tokens=12, pad_token_id=PAD, **options)[0, start:]
            assert torch.equal(row[: len(alone)], alone)
            assert set(row[len(alone) :].tolist()) <= {PAD}
            bare = model.generate(prompt, max_new_tokens=12, pad_token_id=PAD)[0, start:]
            changed |= not torch.equal(alone, bare)
    assert changed, "the option shows"


def test_tokens_are_forced_at_both_ends() -> None:
    text = t5().generate(token_ids(2, 5), max_new_tokens=6, forced_bos_token_id=9, forced_eos_token_id=8)
    assert text[:, 1].tolist() == [9, 9]
    assert text[:, -1].tolist() == [8, 8]
    assert 8 not in text[:, 1:-1]
    text = t5().generate(token_ids(2, 5), max_new_tokens=6, forced_bos_token_id=9, begin_suppress_tokens=[9, 10])
    assert text[:, 1].tolist() == [9, 9], "what is forced is not the beginning"


@pytest.mark.parametrize(
    ("strategy", "texts"),
    [({}, 1), ({"num_beams": 3, "num_return_sequences": 2}, 2), ({"do_sample": True, "num_return_sequences": 3}, 3)],
)
def test_a_function_of_the_prompts_number_says_what_may_follow(strategy: dict[str, Any], texts: int) -> None:
    allowed = [[3, 4, 5], [6, 7, 8]]
    tokens = gpt2().generate(
        token_ids(2, 5), max_new_tokens=8, prefix_allowed_tokens_fn=lambda prompt, text: allowed[prompt], **strategy
    )[:, 5:]
    assert tokens.shape[0] == 2 * texts
    for row, text in enumerate(tokens):
        assert set(text.tolist()) <= set(allowed[row // texts])


def test_processors_of_the_caller_come_before_the_drawing() -> None:
    class Only(LogitsProcessor):
        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            return scores.masked_fill(torch.arange(VOCABULARY) != input_ids.shape[1], -100.0)

    tokens = gpt2().generate(token_ids(2, 5), max_new_tokens=6, do_sample=True, top_k=1, logits_processor=[Only()])
    assert tokens[:, 5:].tolist() == [[5, 6, 7, 8, 9, 10]] * 2


@pytest.mark.parametrize(
    ("processor", "message"),
    [
        (lambda tokens, scores: None, r"returned None in the place of scores \[2, 31\]"),
        (lambda tokens, scores: scores[:1], r"returned \[1, 31\] in the place of scores \[2, 31\]"),
    ],
)
def test_what_a_processor_of_the_caller_returns_has_to_fit(processor: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        gpt2().generate(token_ids(2, 5), max_new_tokens=2, logits_processor=[processor])
