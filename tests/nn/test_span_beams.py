from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import layer_norm

from transformers.nn.span_beams import SpanBeamHead, search_spans, span_beam_loss

BATCH, TIME, SIZE, EPS = 2, 6, 4, 1e-3


@pytest.fixture
def hidden() -> Tensor:
    return torch.randn(BATCH, TIME, SIZE, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def head() -> SpanBeamHead:
    generator = torch.Generator().manual_seed(1)
    made = SpanBeamHead(SIZE, EPS)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return made


P_MASK = torch.tensor([[0, 0, 0, 1, 0, 1], [0, 1, 0, 0, 0, 0]])


def start_scores(head: SpanBeamHead, states: Tensor, mask: Tensor) -> list[float]:
    """Of one row of the batch, position by position."""
    return [
        -math.inf if mask[i] else float(head.start_logits.dense.weight[0] @ states[i] + head.start_logits.dense.bias)
        for i in range(len(states))
    ]


def end_scores(head: SpanBeamHead, states: Tensor, mask: Tensor, start: int) -> list[float]:
    module, scores = head.end_logits, []
    for i in range(len(states)):
        features = torch.tanh(module.dense_0(torch.cat([states[i], states[start]])))
        normed = layer_norm(features, (SIZE,), module.LayerNorm.weight, module.LayerNorm.bias, EPS)
        scores.append(-math.inf if mask[i] else float(module.dense_1(normed)))
    return scores


def impossible(head: SpanBeamHead, start: Tensor, cls: Tensor) -> float:
    module = head.answer_class
    return float(module.dense_1(torch.tanh(module.dense_0(torch.cat([start, cls])))))


def softmax(scores: list[float]) -> list[float]:
    powers = [math.exp(score) for score in scores]
    return [power / sum(powers) for power in powers]


def best(values: list[float], count: int) -> list[int]:
    return sorted(range(len(values)), key=lambda i: -values[i])[:count]


@torch.no_grad()
@pytest.mark.parametrize("cls_index", [None, torch.tensor([3, 0])])
def test_beams_are_the_best_starts_and_for_each_the_best_ends(
    head: SpanBeamHead, hidden: Tensor, cls_index: Tensor | None
) -> None:
    starts, ends = 3, 2
    beams = search_spans(head, hidden, starts=starts, ends=ends, cls_index=cls_index, p_mask=P_MASK)
    for row, (states, mask) in enumerate(zip(hidden, P_MASK, strict=True)):
        probabilities = softmax(start_scores(head, states, mask))
        chosen = best(probabilities, starts)
        assert beams.start_top_index[row].tolist() == chosen
        assert beams.start_top_log_probs[row].tolist() == pytest.approx([probabilities[i] for i in chosen], abs=1e-5)
        for i, start in enumerate(chosen):
            of_ends = softmax(end_scores(head, states, mask, start))
            entries = [j * starts + i for j in range(ends)]
            assert beams.end_top_index[row, entries].tolist() == best(of_ends, ends)
            expected = [of_ends[j] for j in best(of_ends, ends)]
            assert beams.end_top_log_probs[row, entries].tolist() == pytest.approx(expected, abs=1e-5)
        mean_start = sum(p * state for p, state in zip(probabilities, states, strict=True))
        cls = states[-1 if cls_index is None else int(cls_index[row])]
        assert float(beams.cls_logits[row]) == pytest.approx(
            impossible(head, torch.as_tensor(mean_start), cls), abs=1e-5
        )


@torch.no_grad()
def test_the_loss_is_that_of_the_start_of_the_end_given_it_and_half_of_no_answer(
    head: SpanBeamHead, hidden: Tensor
) -> None:
    starts, ends, cls_index, no_answer = [2, 0], [4, 3], [5, 1], [0, 1]
    spans, answers = [], []
    for row, (states, mask) in enumerate(zip(hidden, P_MASK, strict=True)):
        first = softmax(start_scores(head, states, mask))[starts[row]]
        last = softmax(end_scores(head, states, mask, starts[row]))[ends[row]]
        spans.append(-(math.log(first) + math.log(last)) / 2)
        score = impossible(head, states[starts[row]], states[cls_index[row]])
        answers.append(math.log(1 + math.exp(-score if no_answer[row] else score)))
    labels = torch.tensor(starts), torch.tensor(ends)
    loss = span_beam_loss(head, hidden, *labels, p_mask=P_MASK)
    assert float(loss) == pytest.approx(sum(spans) / 2, abs=1e-5)
    whole = span_beam_loss(
        head,
        hidden,
        labels[0][:, None],
        labels[1][:, None],
        cls_index=torch.tensor(cls_index)[:, None],
        is_impossible=torch.tensor(no_answer),
        p_mask=P_MASK,
    )
    assert float(whole) == pytest.approx(sum(spans) / 2 + sum(answers) / 4, abs=1e-5)


def test_an_answer_that_was_cut_off_counts_for_nothing(head: SpanBeamHead, hidden: Tensor) -> None:
    beyond = span_beam_loss(head, hidden, torch.tensor([1, TIME + 3]), torch.tensor([2, TIME + 4]))
    alone = span_beam_loss(head, hidden[:1], torch.tensor([1]), torch.tensor([2]))
    assert torch.allclose(beyond, alone)


def test_short_texts_have_fewer_beams(head: SpanBeamHead, hidden: Tensor) -> None:
    beams = search_spans(head, hidden, starts=50, ends=60)
    assert beams.start_top_index.shape == (BATCH, TIME)
    assert beams.end_top_index.shape == (BATCH, TIME * TIME)


def test_half_precision_has_its_own_largest_number(head: SpanBeamHead, hidden: Tensor) -> None:
    head = head.half()
    beams = search_spans(head, hidden.half(), starts=3, ends=2, p_mask=P_MASK)
    assert all(value.isfinite().all() for value in beams)
    assert not P_MASK.gather(1, beams.start_top_index).any()
