from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from transformers.nn.attention import attention, merge_heads, split_heads
from transformers.nn.padding import EVERYTHING, BlankedLayout, PackedLayout

HEADS, SIZE = 2, 3
CPU = torch.device("cpu")
#: Whole, padded on the right, on the left and within, and a row without a real token.
REAL = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 1, 1], [1, 0, 1, 0, 1], [0, 0, 0, 0, 0]]).bool()


@st.composite
def masks(draw: st.DrawFn) -> Tensor:
    batch, time = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    return torch.tensor(draw(st.lists(st.booleans(), min_size=batch * time, max_size=batch * time))).view(batch, time)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class TestPacking:
    @given(real=masks())
    def test_what_was_packed_is_unpacked_with_zeros(self, real: Tensor) -> None:
        layout, x = PackedLayout(real, CPU), random(*real.shape, 4)
        packed = layout.pack(x)
        assert torch.equal(packed, x[real].unsqueeze(0))
        assert torch.equal(layout.unpack(packed), x * real[..., None])
        assert torch.equal(layout.pack(layout.unpack(packed)), packed)

    def test_one_row_for_the_whole_batch_is_repeated(self) -> None:
        positions = torch.arange(5)[None]
        assert PackedLayout(REAL, CPU).pack(positions).tolist() == [[0, 1, 2, 3, 4, 0, 1, 3, 4, 0, 2, 4]]

    def test_a_function_sees_the_real_tokens_only(self) -> None:
        seen = []

        def biased(x: Tensor) -> Tensor:
            seen.append(x.shape)
            return x + 1

        x = random(*REAL.shape, 4)
        assert torch.equal(PackedLayout(REAL, CPU).each(biased, x), (x + 1) * REAL[..., None])
        assert torch.equal(BlankedLayout(REAL.long()).each(biased, x), (x + 1) * REAL[..., None])
        assert torch.equal(EVERYTHING.each(biased, x), x + 1)
        assert seen == [(1, 12, 4), x.shape, x.shape]

    def test_gradients_flow_both_ways(self) -> None:
        layout, x = PackedLayout(REAL, CPU), random(*REAL.shape, 4).requires_grad_()
        layout.unpack(2 * layout.pack(x)).sum().backward()
        assert x.grad is not None
        assert torch.equal(x.grad, 2.0 * REAL[..., None].expand_as(x))


def mask_of(kind: str) -> Tensor | None:
    shapes = {"none": None, "of heads": (1, HEADS, 5, 5), "of rows": (len(REAL), 1, 5, 5), "of both": (5, HEADS, 5, 5)}
    shape = shapes[kind]
    return None if shape is None else random(*shape, seed=9)


class TestAttention:
    @pytest.fixture
    def states(self) -> list[Tensor]:
        return [random(*REAL.shape, HEADS * SIZE, seed=seed) for seed in range(3)]

    @staticmethod
    def packed(states: list[Tensor], mask: Tensor | None, **options: Any) -> tuple[Tensor, Tensor | None]:
        layout = PackedLayout(REAL, CPU)
        heads = (split_heads(layout.pack(x), HEADS) for x in states)
        context, weights = layout.attend(*heads, mask, scale=0.5, **options)
        return layout.unpack(context), weights

    @staticmethod
    def row_by_row(states: list[Tensor], mask: Tensor | None, **options: Any) -> Tensor:
        """Each row of the batch cut to its real tokens: the definition."""
        result = torch.zeros_like(states[0])
        for row, real in enumerate(REAL):
            if real.any():
                own = [split_heads(x[row : row + 1, real], HEADS) for x in states]
                part = None if mask is None else mask[row % len(mask)][None][:, :, real][:, :, :, real]
                result[row, real] = merge_heads(attention(*own, part, scale=0.5, **options)[0])[0]
        return result

    @pytest.mark.parametrize("causal", [False, True])
    @pytest.mark.parametrize("kind", ["none", "of heads", "of rows", "of both"])
    def test_rows_attend_to_their_own_tokens(self, states: list[Tensor], kind: str, causal: bool) -> None:
        mask = mask_of(kind)
        context, weights = self.packed(states, mask, causal=causal)
        assert weights is None
        assert torch.allclose(context, self.row_by_row(states, mask, causal=causal), atol=1e-6)

    @pytest.mark.parametrize("kind", ["none", "of heads", "of rows", "of both"])
    def test_weights_have_their_places_in_the_batch(self, states: list[Tensor], kind: str) -> None:
        mask = mask_of(kind)
        context, weights = self.packed(states, mask, need_weights=True)
        assert torch.allclose(context, self.row_by_row(states, mask), atol=1e-6)
        assert weights is not None
        assert weights.shape == (len(REAL), HEADS, 5, 5)
        seen = REAL[:, None, :, None] & REAL[:, None, None, :]
        of_real = weights * REAL[:, None, :, None]
        assert torch.equal(of_real * seen, of_real)
        assert torch.allclose(of_real.sum(-1), REAL[:, None, :].expand(-1, HEADS, -1).float(), atol=1e-6)

    def test_a_head_can_be_switched_off(self, states: list[Tensor]) -> None:
        head_mask = torch.tensor([0.0, 1.0])[None, :, None, None]
        context, _ = self.packed(states, None, head_mask=head_mask)
        expected = self.row_by_row(states, None)
        assert not context[..., :SIZE].any()
        assert torch.allclose(context[..., SIZE:], expected[..., SIZE:], atol=1e-6)

    def test_dropout_is_that_of_attention(self, states: list[Tensor]) -> None:
        torch.manual_seed(0)
        assert torch.equal(self.packed(states, None, dropout=1.0)[0], torch.zeros_like(states[0]))
