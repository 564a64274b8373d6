from __future__ import annotations

import pytest
import torch
from torch.nn.functional import layer_norm

from transformers.errors import UserError
from transformers.nn.heads import Pooler, PredictionTransform, SequenceSummary, at_positions, last_real_position

HIDDEN = torch.randn(3, 4, 6, generator=torch.Generator().manual_seed(0))


def test_the_pooler_reads_the_first_token() -> None:
    pooler = Pooler(6)
    assert torch.allclose(pooler(HIDDEN), torch.tanh(pooler.dense(HIDDEN[:, 0])))


def test_the_transform_is_dense_activation_norm() -> None:
    transform = PredictionTransform(6, 5, "relu", 1e-3)
    assert torch.allclose(transform(HIDDEN), layer_norm(transform.dense(HIDDEN).relu(), (5,), eps=1e-3))


class TestSequenceSummary:
    @pytest.mark.parametrize(
        ("kind", "expected"),
        [("last", HIDDEN[:, -1]), ("first", HIDDEN[:, 0]), ("mean", HIDDEN.mean(1)), ("cls_index", HIDDEN[:, -1])],
    )
    def test_which_state(self, kind: str, expected: torch.Tensor) -> None:
        assert torch.allclose(SequenceSummary(6, kind)(HIDDEN), expected)

    def test_given_positions(self) -> None:
        summary = SequenceSummary(6, "cls_index")
        expected = torch.stack([HIDDEN[0, 3], HIDDEN[1, 0], HIDDEN[2, 1]])
        assert torch.equal(summary(HIDDEN, torch.tensor([3, 0, 1])), expected)
        assert torch.equal(summary(HIDDEN, torch.tensor([[3], [0], [1]])), expected)
        choices = HIDDEN[None]
        assert torch.equal(summary(choices, torch.tensor([[3, 0, 1]])), expected[None])

    def test_projection_and_activation(self) -> None:
        summary = SequenceSummary(6, "first", output_size=2, hidden_act="tanh")
        assert set(summary.state_dict()) == {"summary.weight", "summary.bias"}
        assert torch.allclose(summary(HIDDEN), torch.tanh(summary.summary(HIDDEN[:, 0])))
        assert not SequenceSummary(6, "first").state_dict()

    @pytest.mark.parametrize("which", ["first_dropout", "last_dropout"])
    def test_dropout_in_training(self, which: str) -> None:
        summary = SequenceSummary(6, "last", **{which: 0.9})  # type: ignore[arg-type]
        assert (summary(HIDDEN) == 0).any()
        assert torch.equal(summary.eval()(HIDDEN), HIDDEN[:, -1])

    def test_unknown_kinds_are_refused(self) -> None:
        with pytest.raises(UserError, match=r"(?s)'attn'.*cls_index"):
            SequenceSummary(6, "attn")


def test_last_real_position_wherever_the_padding_is() -> None:
    real = torch.tensor([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0]])
    assert last_real_position(real).tolist() == [1, 3, 2, 3, 3]


def test_states_at_positions() -> None:
    assert torch.equal(at_positions(HIDDEN, torch.tensor([1, 2, 0])), HIDDEN[torch.arange(3), torch.tensor([1, 2, 0])])
