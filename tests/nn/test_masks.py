from __future__ import annotations

import pytest
import torch

from transformers.errors import UserError
from transformers.nn.masks import additive_mask, causal_mask, head_masks, self_attention_mask

FLOAT = torch.float32
LOW = torch.finfo(FLOAT).min


@pytest.mark.parametrize(
    ("shape", "expected"), [((2, 5), (2, 1, 1, 5)), ((2, 3, 5), (2, 1, 3, 5)), ((2, 4, 3, 5), (2, 4, 3, 5))]
)
@pytest.mark.parametrize("dtype", [torch.long, torch.bool, torch.float32])
def test_ones_and_zeros_become_numbers_to_add(
    shape: tuple[int, ...], expected: tuple[int, ...], dtype: torch.dtype
) -> None:
    mask = torch.ones(shape, dtype=dtype)
    mask[..., -1] = 0
    added = additive_mask(mask, FLOAT, -10000.0)
    assert added.shape == expected
    assert not added[..., :-1].any()
    assert (added[..., -1] == -10000.0).all()


def test_no_mask_is_none_and_other_shapes_are_refused() -> None:
    assert additive_mask(None, FLOAT, -1.0) is None
    with pytest.raises(UserError, match=r"attention_mask has shape \[5\]"):
        additive_mask(torch.ones(5), FLOAT, -1.0)


def test_the_last_query_sees_all_keys() -> None:
    mask = causal_mask(2, 4, dtype=FLOAT, device=torch.device("cpu"))
    assert mask.tolist() == [[0, 0, 0, LOW], [0, 0, 0, 0]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_causal_and_padding_together_stay_finite(dtype: torch.dtype) -> None:
    padding = additive_mask(torch.tensor([[0, 1, 1]]), dtype, -10000.0)
    mask = causal_mask(3, 3, dtype=dtype, device=padding.device, padding=padding)
    assert mask.shape == (1, 1, 3, 3)
    assert mask.isfinite().all()
    hidden, padded = torch.finfo(dtype).min, float(torch.tensor(-10000.0, dtype=dtype))
    assert mask[0, 0].tolist() == [[padded, hidden, hidden], [padded, 0, hidden], [padded, 0, 0]]


class TestSelfAttentionMask:
    hidden = torch.zeros(2, 3, 4)

    def test_without_a_mask_there_is_nothing_to_add(self) -> None:
        assert self_attention_mask(None, self.hidden, 2, causal=True, value=-1.0) is None

    def test_padding_and_causality_over_a_cache(self) -> None:
        mask = torch.tensor([[1, 1, 1, 1, 1], [0, 1, 1, 1, 1]])
        added = self_attention_mask(mask, self.hidden, 2, causal=True, value=-1.0)
        assert added is not None
        assert added.shape == (2, 1, 3, 5)
        assert added[1, 0].tolist() == [[-1, 0, 0, LOW, LOW], [-1, 0, 0, 0, LOW], [-1, 0, 0, 0, 0]]

    def test_a_mask_of_queries_is_taken_as_it_is(self) -> None:
        added = self_attention_mask(torch.ones(2, 3, 3), self.hidden, 0, causal=True, value=-1.0)
        assert added is not None
        assert added.shape == (2, 1, 3, 3)
        assert not added.any()

    def test_one_that_does_not_fit_is_refused(self) -> None:
        with pytest.raises(UserError, match=r"(?s)3 columns.*the 2 in past_key_values"):
            self_attention_mask(torch.ones(2, 3), self.hidden, 2, causal=True, value=-1.0)


def test_head_masks_of_all_layers_or_each() -> None:
    assert head_masks(None, 2) == [None, None]
    for mask in (torch.tensor([1.0, 0.0]), torch.tensor([[1.0, 0.0], [1.0, 0.0]])):
        layers = head_masks(mask, 2)
        assert len(layers) == 2
        for factor in layers:
            assert factor is not None
            assert factor.shape == (1, 2, 1, 1)
            assert factor.flatten().tolist() == [1, 0]
    with pytest.raises(UserError, match=r"\[3, 2\]"):
        head_masks(torch.ones(3, 2), 2)
