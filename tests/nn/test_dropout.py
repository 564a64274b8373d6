from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from transformers.nn.dropout import Dropout

X = torch.ones(100)


def test_training_drops_what_torch_drops() -> None:
    torch.manual_seed(0)
    expected = nn.Dropout(0.5)(X)
    torch.manual_seed(0)

    assert torch.equal(Dropout(0.5)(X), expected)


def test_a_dropout_may_be_trained_alone_as_for_samples_of_a_model() -> None:
    model = nn.Sequential(Dropout(0.5)).eval()
    model[0].train()

    with torch.no_grad():
        assert (model(X) == 0).any()


@torch.no_grad()
def test_inference_gives_what_is_given() -> None:
    assert Dropout(0.5).eval()(X) is X


@pytest.mark.parametrize("everywhere", [False, True])
@torch.no_grad()
def test_hooks_are_called_in_inference(everywhere: bool) -> None:
    dropout, seen = Dropout(0.5).eval(), []

    def hook(module: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
        seen.append(module)
        return output + 1

    with register_module_forward_hook(hook) if everywhere else dropout.register_forward_hook(hook):
        assert torch.equal(dropout(X), X + 1)
    assert seen == [dropout]


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace.*:DeprecationWarning")
def test_traced_it_is_the_same_with_and_without_gradients() -> None:
    traced = torch.jit.trace(nn.Sequential(Dropout(0.5)).eval(), X)  # traces again without gradients, and compares
    assert torch.equal(traced(X), X)


@torch.no_grad()
def test_a_forward_that_somebody_put_on_it_is_called_in_inference() -> None:
    dropout = Dropout(0.5).eval()
    dropout.forward = lambda x: x + 1  # type: ignore[method-assign]

    assert torch.equal(dropout(X), X + 1)


def test_hooks_of_the_backward_pass_are_called() -> None:
    dropout, seen = Dropout(0.5).eval(), []
    dropout.register_full_backward_hook(lambda module, *gradients: seen.append(module))
    dropout(X.clone().requires_grad_()).sum().backward()

    assert seen == [dropout]
