from __future__ import annotations

import pytest
import torch
from torch import Tensor

from transformers.errors import UserError
from transformers.nn.losses import classification_loss, next_token_loss, problem_type, span_loss, token_loss

LOGITS = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([[0, -100, 4, 2], [-100, 1, 1, -100]])


def surprise(logits: Tensor, label: int) -> Tensor:
    return -logits.double().log_softmax(-1)[label]


def test_ignored_positions_count_for_nothing() -> None:
    pairs = [(b, t) for b in range(2) for t in range(4) if LABELS[b, t] >= 0]
    expected = torch.stack([surprise(LOGITS[b, t], int(LABELS[b, t])) for b, t in pairs]).mean()
    assert torch.allclose(token_loss(LOGITS, LABELS).double(), expected)


def test_each_position_predicts_the_next() -> None:
    pairs = [(b, t) for b in range(2) for t in range(3) if LABELS[b, t + 1] >= 0]
    expected = torch.stack([surprise(LOGITS[b, t], int(LABELS[b, t + 1])) for b, t in pairs]).mean()
    assert torch.allclose(next_token_loss(LOGITS, LABELS).double(), expected)


def test_low_precision_logits_have_a_float32_loss() -> None:
    assert token_loss(LOGITS.bfloat16(), LABELS).dtype == torch.float32


@pytest.mark.parametrize(
    ("num_labels", "labels", "expected"),
    [
        (1, torch.tensor([1, 0]), "regression"),
        (1, torch.tensor([0.5, 0.1]), "regression"),
        (3, torch.tensor([2, 0]), "single_label_classification"),
        (3, torch.tensor([2, 0], dtype=torch.int32), "single_label_classification"),
        (3, torch.ones(2, 3), "multi_label_classification"),
        (3, torch.ones(2, 3, dtype=torch.bool), "multi_label_classification"),
    ],
)
def test_labels_say_what_the_problem_is(num_labels: int, labels: Tensor, expected: str) -> None:
    assert problem_type(num_labels, labels) == expected


class TestClassification:
    logits = LOGITS[:, 0]

    def test_one_class_of_several(self) -> None:
        expected = (surprise(self.logits[0], 3) + surprise(self.logits[1], 1)) / 2
        assert torch.allclose(classification_loss(self.logits, torch.tensor([3, 1])).double(), expected)

    def test_several_labels_at_a_time(self) -> None:
        wanted = torch.tensor([[1.0, 0, 0, 1, 1], [0, 0, 0, 0, 1]])
        p = self.logits.double().sigmoid()
        expected = -(wanted * p.log() + (1 - wanted) * (1 - p).log()).mean()
        assert torch.allclose(classification_loss(self.logits, wanted).double(), expected)

    @pytest.mark.parametrize("labels", [torch.tensor(x) for x in ([2, -1], [2.0, -1.0], [[2.0], [-1.0]])])
    def test_one_number(self, labels: Tensor) -> None:
        logits = self.logits[:, :1]
        expected = ((logits.flatten() - torch.tensor([2.0, -1.0])) ** 2).mean()
        assert torch.allclose(classification_loss(logits, labels), expected)

    def test_the_configuration_decides_if_it_says(self) -> None:
        wanted = torch.ones(2, 5)
        expected = ((self.logits - 1) ** 2).mean()
        assert torch.allclose(classification_loss(self.logits, wanted, "regression"), expected)
        with pytest.raises(UserError, match=r"(?s)ranking.*regression"):
            classification_loss(self.logits, wanted, "ranking")


class TestSpan:
    start, end = LOGITS[..., 0], LOGITS[..., 1]

    @pytest.mark.parametrize("shape", [(2,), (2, 1)])
    def test_mean_of_both_ends(self, shape: tuple[int, ...]) -> None:
        starts, ends = torch.tensor([0, 2]), torch.tensor([1, 3])
        expected = sum(
            (surprise(self.start[b], int(starts[b])) + surprise(self.end[b], int(ends[b]))) / 4 for b in range(2)
        )
        loss = span_loss(self.start, self.end, starts.view(shape), ends.view(shape))
        assert torch.allclose(loss.double(), torch.as_tensor(expected))

    def test_answers_that_were_cut_off_count_for_nothing(self) -> None:
        cut = span_loss(self.start, self.end, torch.tensor([0, 4]), torch.tensor([1, 99]))
        alone = span_loss(self.start[:1], self.end[:1], torch.tensor([0]), torch.tensor([1]))
        assert torch.allclose(cut, alone)
