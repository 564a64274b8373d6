from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from transformers.nn.linear import Conv1D, Linear, keep_inputs, keep_outputs


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


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1, 1024), (4, 1, 1024), (2, 3, 1024), (8, 1024), (9, 1024)])
def test_pieces_of_a_large_matrix_give_what_it_gives(shape: tuple[int, ...], bias: bool) -> None:
    torch.manual_seed(0)
    layer, x = Linear(1024, 1030, bias=bias), torch.randn(shape)
    expected = torch.nn.functional.linear(x, layer.weight, layer.bias)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), expected)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert layer(x).dtype == torch.bfloat16
    layer(x).sum().backward()
    assert layer.weight.grad is not None


@pytest.mark.parametrize(
    ("rows", "grad", "batched"), [(4, False, True), (1, False, False), (100, False, False), (4, True, False)]
)
def test_large_matrices_are_taken_in_pieces_for_few_rows_only(rows: int, grad: bool, batched: bool) -> None:
    """And where no gradient is recorded: a backward pass would have to put the pieces together again."""
    layer, functions = Linear(1024, 1030), []

    class Recorded(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            functions.append(function.overloadpacket)
            return function(*args, **(kwargs or {}))

    with torch.set_grad_enabled(grad), Recorded():
        layer(torch.ones(rows, 1024))
    assert (torch.ops.aten.bmm in functions) == batched


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace.*:DeprecationWarning")
def test_traced_with_few_rows_it_takes_any_number() -> None:
    layer, x = Linear(600, 500), torch.randn(5, 600)
    traced = torch.jit.trace(layer, x)  # traces again without gradients, and compares
    with torch.no_grad():
        traced_in_inference = torch.jit.trace(layer, x)
    for rows in (x, torch.randn(11, 600)):
        for each in (traced, traced_in_inference):
            torch.testing.assert_close(each(rows), nn.functional.linear(rows, layer.weight, layer.bias))
