"""The search with beams, held against one that is written with lists and loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from transformers import GenerationConfig
from transformers.generation.beam_search import candidate_choice, search
from transformers.generation.decoding import Ends, Task, Texts
from transformers.generation.logits_process import LogitsProcessor, LogitsProcessorList
from transformers.generation.outputs import Records
from transformers.generation.stopping_criteria import StoppingCriteria, StoppingCriteriaList

PAD = 99


class Chain:
    """A model whose scores depend on the step and the last token: ``[steps, tokens, tokens]``; it reads as a Reader."""

    def __init__(self, scores: Tensor) -> None:
        self.scores = scores

    def read(self, tokens: Tensor) -> Tensor:
        return self.scores[tokens.shape[1] - 1, tokens[:, -1]]

    def reorder(self, rows: Tensor) -> None:
        pass


class EndsAt(StoppingCriteria):
    """Ends a text at a token, as an end token would."""

    def __init__(self, token: int) -> None:
        self.token = token

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        assert scores.shape[0] == input_ids.shape[0]
        return input_ids[:, -1] == self.token


def found_by_loops(
    scores: Tensor, start: int, config: GenerationConfig, ends: list[int], steps: int
) -> list[tuple[float, list[int]]]:
    """The best texts from a token on, with their scores, by the definition of the search."""
    table = scores.log_softmax(-1)
    beams: list[tuple[float, list[int]]] = [(0.0, [])]
    kept: list[tuple[float, list[int]]] = []
    for step in range(1, steps + 1):
        candidates = [
            (total + float(table[step - 1, text[-1] if text else start, token]), [*text, token])
            for total, text in beams
            for token in range(table.shape[-1])
        ]
        candidates.sort(key=lambda candidate: -candidate[0])
        candidates = candidates[: max(2, 1 + len(ends)) * config.num_beams]
        over = [step == steps or text[-1] in ends for _, text in candidates]
        for (total, text), ended in list(zip(candidates, over, strict=True))[: config.num_beams]:
            if ended:
                kept.append((total / step**config.length_penalty, text))
        kept = sorted(kept, key=lambda text: -text[0])[: config.num_beams]
        beams = [candidate for candidate, ended in zip(candidates, over, strict=True) if not ended][: config.num_beams]
        if not beams:
            break
        if len(kept) == config.num_beams:
            longest = steps if config.early_stopping == "never" and config.length_penalty > 0 else step
            if config.early_stopping is True or beams[0][0] / longest**config.length_penalty <= kept[-1][0]:
                break
    return kept[: config.num_return_sequences]


def found_by_search(
    scores: Tensor,
    starts: list[int],
    config: GenerationConfig,
    steps: int,
    criteria: StoppingCriteriaList | None = None,
) -> list[list[tuple[float, list[int]]]]:
    """The same by :func:`search`, for several prompts at once."""
    texts = Texts.starting_with(torch.tensor(starts)[:, None], 1 + steps, config.num_beams)
    ends = Ends.of(config, criteria or StoppingCriteriaList(), texts.buffer)
    records, choose = Records(config, encoder=False), candidate_choice(config, None)
    chain: Any = Chain(scores)
    found = search(Task(texts, chain, LogitsProcessorList(), ends, records), choose, config)
    assert found.sequences[:, 0].tolist() == [start for start in starts for _ in range(config.num_return_sequences)]
    rows = [
        (float(score), [token for token in text if token != PAD])
        for score, text in zip(found.scores, found.sequences[:, 1:].tolist(), strict=True)
    ]
    return [rows[i : i + config.num_return_sequences] for i in range(0, len(rows), config.num_return_sequences)]


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    beams=st.integers(2, 4),
    ends=st.lists(st.integers(0, 7), max_size=2, unique=True),
    penalty=st.sampled_from([-1.0, 0.0, 0.7, 1.0, 2.0]),
    early=st.sampled_from([True, False, "never"]),
    steps=st.integers(1, 6),
    sharpness=st.sampled_from([0.5, 2.0, 5.0]),
)
def test_it_finds_what_its_definition_says(
    seed: int, beams: int, ends: list[int], penalty: float, early: bool | str, steps: int, sharpness: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(6, 8, 8, generator=generator, dtype=torch.float64) * sharpness
    config = GenerationConfig(
        num_beams=beams, num_return_sequences=2, length_penalty=penalty, early_stopping=early, eos_token_id=ends,
        pad_token_id=PAD,
    )  # fmt: skip
    together = found_by_search(scores.float(), [1, 5, 2], config, steps)
    for start, actual in zip([1, 5, 2], together, strict=True):
        expected = found_by_loops(scores, start, config, ends, steps)
        assert [text for _, text in actual] == [text for _, text in expected]
        torch.testing.assert_close([score for score, _ in actual], [s for s, _ in expected], atol=1e-4, rtol=1e-4)


def test_a_criterion_ends_texts_as_an_end_token_does() -> None:
    scores = torch.randn(6, 9, 9, generator=torch.Generator().manual_seed(1)) * 0.5
    config = GenerationConfig(num_beams=3, num_return_sequences=3, length_penalty=0.0, pad_token_id=PAD)
    with_token = GenerationConfig(**{**config.to_dict(), "eos_token_id": [6]})
    expected = found_by_search(scores, [1, 2], with_token, 6)
    assert {len(text) for texts in expected for _, text in texts} != {6}
    assert found_by_search(scores, [1, 2], config, 6, StoppingCriteriaList([EndsAt(6)])) == expected


def test_there_may_be_fewer_tokens_than_beams() -> None:
    """Where only one token may follow the best text is the only one, whatever stands in for the others."""

    class Only(LogitsProcessor):
        def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
            allowed = torch.full_like(scores, float("-inf"))
            return allowed.index_copy(1, torch.tensor([3]), scores[:, 3:4])

    scores = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(4))
    config = GenerationConfig(num_beams=3, pad_token_id=PAD, return_dict_in_generate=True, output_scores=True)
    texts = Texts.starting_with(torch.tensor([[1]]), 4, 3)
    ends = Ends.of(config, StoppingCriteriaList(), texts.buffer)
    chain: Any = Chain(scores)
    choose: Callable[..., Any] = candidate_choice(config, None)
    records = Records(config, encoder=False)
    found = search(Task(texts, chain, LogitsProcessorList([Only()]), ends, records), choose, config)
    assert found.sequences.tolist() == [[1, 3, 3, 3]]
    table = scores.log_softmax(-1)
    expected = (table[0, 1, 3] + table[1, 3, 3] + table[2, 3, 3]) / 3
    torch.testing.assert_close(found.scores, expected[None])


def test_candidates_are_drawn_by_their_probabilities_and_none_twice() -> None:
    config = GenerationConfig(do_sample=True, num_beams=2)
    draw = candidate_choice(config, torch.Generator().manual_seed(0))
    totals = torch.tensor([[0.1, 0.2, 0.3, 0.4]]).log()
    firsts = []
    for _ in range(2000):
        scores, places = draw(totals, 2)
        assert len(set(places[0].tolist())) == 2
        assert torch.equal(scores, totals[:, places[0]])
        firsts.append(int(places[0, 0]))
    seen = torch.tensor(firsts).bincount(minlength=4) / 2000
    assert (seen - totals.exp()[0]).abs().max() < 0.04
