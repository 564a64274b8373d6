from __future__ import annotations

import pytest
import torch
from torch import nn

from transformers.nn.linear import Conv1D, keep_inputs, keep_outputs


def test_conv1d_multiplies_by_the_weight_as_it_is_stored() -> None:
    layer = Conv1D(5, 3)
    assert layer.weight.shape == (3, 5)
    assert layer.bias.abs().sum() == 0
    nn.init.normal_(layer.bias)
    x = torch.randn(2, 4, 3)
    torch.testing.assert_close(layer(x), x @ layer.weight + layer.bias)


@pytest.mark.parametrize("layer", [Conv1D(5, 3), nn.Linear(3, 5), nn.Linear(3, 5, bias=False)], ids=repr)
def test_features_can_be_cut_away(layer: nn.Linear | Conv1D) -> None:
    layer.requires_grad_(False)
    x, outputs, inputs = torch.randn(2, 3), torch.tensor([4, 1]), torch.tensor([2, 0])
    expected = layer(x)[:, outputs]
    keep_outputs(layer, outputs)
    torch.testing.assert_close(layer(x), expected)
    x[:, 1] = 0
    expected = layer(x)
    keep_inputs(layer, inputs)
    torch.testing.assert_close(layer(x[:, inputs]), expected)
    assert (layer.in_features, layer.out_features) == (2, 2)
    assert not layer.weight.requires_grad
