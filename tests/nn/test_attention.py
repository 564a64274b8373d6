from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from transformers.nn.attention import attention, head_features, merge_heads, split_heads
from transformers.nn.masks import additive_mask

BATCH, HEADS, QUERIES, KEYS, SIZE = 2, 3, 4, 6, 5
SCALE = SIZE**-0.5


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.fixture
def qkv() -> tuple[Tensor, Tensor, Tensor]:
    return random(BATCH, HEADS, QUERIES, SIZE), random(BATCH, HEADS, KEYS, SIZE), random(BATCH, HEADS, KEYS, SIZE) + 1


def by_hand(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The definition, one query at a time, in double precision."""
    mask = mask.expand(BATCH, HEADS, QUERIES, KEYS)
    context, weights = torch.zeros(query.shape).double(), torch.zeros(mask.shape).double()
    for b in range(BATCH):
        for h in range(HEADS):
            for i in range(QUERIES):
                scores = [float(query[b, h, i] @ key[b, h, j]) * SCALE + float(mask[b, h, i, j]) for j in range(KEYS)]
                exponents = [math.exp(score - max(scores)) for score in scores]
                weights[b, h, i] = torch.tensor(exponents).double() / sum(exponents)
                context[b, h, i] = weights[b, h, i] @ value[b, h].double()
    return context, weights


def masks() -> dict[str, Tensor | None]:
    padding = torch.ones(BATCH, KEYS)
    padding[1, 4:] = 0
    return {
        "none": None,
        "padding": additive_mask(padding, torch.float32, -10000.0),
        "queries": random(BATCH, 1, QUERIES, KEYS),
        "heads": random(1, HEADS, QUERIES, KEYS),
    }


@pytest.mark.parametrize("name", ["none", "padding", "queries", "heads"])
def test_both_paths_are_the_definition(qkv: tuple[Tensor, Tensor, Tensor], name: str) -> None:
    mask = masks()[name]
    expected, expected_weights = by_hand(*qkv, torch.zeros(1) if mask is None else mask)
    fused, nothing = attention(*qkv, mask, scale=SCALE)
    eager, weights = attention(*qkv, mask, scale=SCALE, need_weights=True)
    assert nothing is None
    assert weights is not None
    assert torch.allclose(fused.double(), expected, atol=1e-6)
    assert torch.allclose(eager.double(), expected, atol=1e-6)
    assert torch.allclose(weights.double(), expected_weights, atol=1e-6)


@pytest.mark.parametrize("with_mask", [False, True])
@pytest.mark.parametrize("queries", [1, 3, KEYS])
def test_causal_attention_ends_with_the_last_key(
    qkv: tuple[Tensor, Tensor, Tensor], queries: int, with_mask: bool
) -> None:
    """Whatever is cached, the queries are the last positions."""
    _, key, value = qkv
    query = random(BATCH, HEADS, KEYS, SIZE)
    mask = masks()["padding"] if with_mask else None
    hidden = torch.full((KEYS, KEYS), -torch.inf).triu(1) + (0 if mask is None else mask)
    expected, _ = attention(query, key, value, hidden, scale=SCALE)
    for need_weights in (False, True):
        context, _ = attention(
            query[:, :, -queries:], key, value, mask, scale=SCALE, causal=True, need_weights=need_weights
        )
        assert torch.allclose(context, expected[:, :, -queries:], atol=1e-6)


def test_a_head_mask_scales_the_weights(qkv: tuple[Tensor, Tensor, Tensor]) -> None:
    factor = torch.tensor([0.0, 1.0, 0.5])[None, :, None, None]
    plain, plain_weights = attention(*qkv, scale=SCALE, need_weights=True)
    context, nothing = attention(*qkv, scale=SCALE, head_mask=factor)
    _, weights = attention(*qkv, scale=SCALE, head_mask=factor, need_weights=True)
    assert nothing is None
    assert weights is not None
    assert plain_weights is not None
    assert torch.allclose(context, plain * factor, atol=1e-6)
    assert torch.allclose(weights, plain_weights * factor)


@pytest.mark.parametrize("need_weights", [False, True])
def test_dropout_is_of_the_weights(qkv: tuple[Tensor, Tensor, Tensor], need_weights: bool) -> None:
    query, key, _ = qkv
    ones = torch.ones(BATCH, HEADS, KEYS, SIZE)
    context, _ = attention(query, key, ones, scale=SCALE, dropout=0.5, need_weights=need_weights)
    assert not torch.allclose(context, torch.ones(()))
    assert torch.allclose(context, context[..., :1].expand_as(context))  # the same weights for all features


def test_low_precision_takes_the_softmax_in_float32(qkv: tuple[Tensor, Tensor, Tensor]) -> None:
    low = tuple(x.bfloat16() for x in qkv)
    fused, _ = attention(*low, scale=SCALE)
    eager, weights = attention(*low, scale=SCALE, need_weights=True)
    assert weights is not None
    assert fused.dtype == eager.dtype == weights.dtype == torch.bfloat16
    assert torch.allclose(fused.float(), eager.float(), atol=3e-2)


def test_heads_are_split_and_merged_side_by_side() -> None:
    x = random(BATCH, QUERIES, HEADS * SIZE)
    split = split_heads(x, HEADS)
    assert split.shape == (BATCH, HEADS, QUERIES, SIZE)
    assert torch.equal(split[:, 1], x[..., SIZE : 2 * SIZE])
    assert torch.equal(merge_heads(split), x)


def test_features_of_heads() -> None:
    assert head_features([0, 2], 3).tolist() == [0, 1, 2, 6, 7, 8]
