from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import layer_norm

from transformers.nn.cache import Cache
from transformers.nn.layers import AttentionInputs, ProjectedAttention, ResidualNorm, in_chunks, run_layers

HIDDEN = torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(0))


class TestProjectedAttention:
    def test_it_is_attention_of_the_projections(self) -> None:
        module = ProjectedAttention(6, 2, 0.0, 0).eval()
        context, weights = module(HIDDEN, AttentionInputs(need_weights=True))
        assert weights is not None
        for head, part in enumerate((slice(0, 3), slice(3, 6))):
            query, key, value = (layer(HIDDEN)[..., part] for layer in (module.query, module.key, module.value))
            expected = (query @ key.transpose(1, 2) / 3**0.5).softmax(-1)
            assert torch.allclose(weights[:, head], expected, atol=1e-6)
            assert torch.allclose(context[..., part], expected @ value, atol=1e-6)

    def test_keys_and_values_go_through_the_cache_of_its_layer(self) -> None:
        module, cache = ProjectedAttention(6, 2, 0.0, 0).eval(), Cache()
        whole, _ = module(HIDDEN, AttentionInputs(causal=True))
        parts = [module(part, AttentionInputs(causal=True, cache=cache))[0] for part in HIDDEN.split([2, 3], 1)]
        assert torch.allclose(torch.cat(parts, 1), whole, atol=1e-6)

    def test_an_encoder_is_projected_once(self) -> None:
        module, cache, states = ProjectedAttention(6, 2, 0.0, 0, cross=True).eval(), Cache(), HIDDEN.flip(1)[:, :3]
        inputs = AttentionInputs(encoder_states=states, causal=True, mask=torch.full((5, 3), -torch.inf), cache=cache)
        first, _ = module(HIDDEN, inputs)
        assert first.isfinite().all()  # neither causal nor the mask of self-attention
        changed = AttentionInputs(encoder_states=torch.zeros_like(states), cache=cache)
        assert torch.equal(module(HIDDEN, changed)[0], first)

    def test_heads_are_removed_by_their_first_numbers(self) -> None:
        module = ProjectedAttention(12, 4, 0.0, 0).eval()
        whole = module(hidden := HIDDEN.repeat(1, 1, 2), AttentionInputs())[0].unflatten(-1, (4, 3))
        assert module.prune_heads([1]).tolist() == [0, 1, 2, 6, 7, 8, 9, 10, 11]
        assert module.prune_heads([1, 2]).tolist() == [0, 1, 2, 6, 7, 8]
        context, _ = module(hidden, AttentionInputs())
        assert torch.allclose(context, whole[..., [0, 3], :].flatten(-2), atol=1e-6)


def test_the_residual_is_added_before_the_norm() -> None:
    module = ResidualNorm(6, 4, 1e-3, 0.0)
    residual = torch.randn(2, 5, 4)
    assert torch.allclose(module(HIDDEN, residual), layer_norm(module.dense(HIDDEN) + residual, (4,), eps=1e-3))


@pytest.mark.parametrize(("chunk", "calls"), [(0, [5]), (2, [2, 2, 1]), (9, [5])])
def test_chunks(chunk: int, calls: list[int]) -> None:
    seen = []

    def double(x: Tensor) -> Tensor:
        seen.append(x.shape[1])
        return 2 * x

    assert torch.equal(in_chunks(double, HIDDEN, chunk), 2 * HIDDEN)
    assert seen == calls


class TestRunLayers:
    @staticmethod
    def layer(hidden: Tensor, inputs: AttentionInputs, factor: Tensor | None) -> tuple[Tensor, Tensor | None, None]:
        return hidden + 1, factor, None

    def test_only_what_is_wanted_is_kept(self) -> None:
        run = run_layers([self.layer] * 3, HIDDEN, AttentionInputs(), None, need_states=False)
        assert torch.allclose(run.hidden, HIDDEN + 3)
        assert run[1:] == (None, None, None)

    def test_states_and_weights_of_each_layer(self) -> None:
        mask = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        run = run_layers([self.layer] * 2, HIDDEN, AttentionInputs(), mask, need_states=True)
        assert run.states is not None
        assert [float((state - HIDDEN).mean().round()) for state in run.states] == [0, 1, 2]
        assert run.weights is not None
        assert [weight.flatten().tolist() for weight in run.weights] == mask.tolist()
