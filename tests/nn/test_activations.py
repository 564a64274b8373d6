from __future__ import annotations

import contextlib
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch._ops import OpOverload
from torch.nn.modules.module import register_module_forward_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.hooks import RemovableHandle

from transformers.errors import UserError
from transformers.nn.activations import ACTIVATIONS, activated, activation, gelu
from transformers.nn.linear import Conv1D, Linear

X = torch.linspace(-6, 6, 101, dtype=torch.float64)


def formula(name: str, x: float) -> float:
    tanh_form = 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return {
        "gelu": 0.5 * x * (1 + math.erf(x / math.sqrt(2))),
        "gelu_python": 0.5 * x * (1 + math.erf(x / math.sqrt(2))),
        "gelu_new": tanh_form,
        "gelu_fast": tanh_form,
        "gelu_pytorch_tanh": tanh_form,
        "quick_gelu": x / (1 + math.exp(-1.702 * x)),
        "relu": max(x, 0.0),
        "leaky_relu": x if x > 0 else 0.01 * x,
        "silu": x / (1 + math.exp(-x)),
        "swish": x / (1 + math.exp(-x)),
        "mish": x * math.tanh(math.log1p(math.exp(x))),
        "sigmoid": 1 / (1 + math.exp(-x)),
        "tanh": math.tanh(x),
        "linear": x,
    }[name]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_is_its_formula(name: str) -> None:
    expected = torch.tensor([formula(name, x) for x in X.tolist()], dtype=torch.float64)
    assert torch.allclose(activation(name)(X), expected, rtol=0, atol=1e-12)
    assert torch.equal(pickle.loads(pickle.dumps(activation(name)))(X), activation(name)(X))


@pytest.mark.parametrize("name", [None, ""])
def test_nothing_means_no_activation(name: str | None) -> None:
    assert torch.equal(activation(name)(X), X)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"(?s)'geru'.*gelu_new.*relu"):
        activation("geru")


def wide_layer(kind: type[nn.Linear | Conv1D] = nn.Linear) -> nn.Linear | Conv1D:
    torch.manual_seed(0)
    return kind(1024, 8) if kind is Conv1D else kind(8, 1024)


@pytest.mark.parametrize("kind", [nn.Linear, Linear, Conv1D])
@pytest.mark.parametrize("name", ACTIVATIONS)
@torch.no_grad()
def test_what_is_written_over_is_what_the_function_gives(name: str, kind: type[nn.Linear | Conv1D]) -> None:
    layer, x = wide_layer(kind), torch.randn(256, 8)

    assert torch.equal(activated(layer, activation(name), x), activation(name)(layer(x)))


@torch.no_grad()
def test_a_large_result_of_a_layer_is_written_over_in_inference() -> None:
    given: list[int] = []

    class Recorded(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
        ) -> Any:
            result = func(*args, **(kwargs or {}))
            if func.name() in ("aten::addmm", "aten::gelu_"):
                given.append(result.untyped_storage().data_ptr())
            return result

    with Recorded():
        result = activated(wide_layer(), gelu, torch.randn(256, 8))

    assert given == [result.data_ptr()] * 2


def kept_by_a_hook(layer: nn.Linear, kept: list[torch.Tensor]) -> RemovableHandle:
    return layer.register_forward_hook(lambda module, inputs, output: kept.append(output))


def kept_by_a_hook_of_all_modules(layer: nn.Linear, kept: list[torch.Tensor]) -> RemovableHandle:
    return register_module_forward_hook(lambda module, inputs, output: kept.append(output))


def kept_by_another_forward(layer: nn.Linear, kept: list[torch.Tensor]) -> contextlib.AbstractContextManager[None]:
    def forward(x: torch.Tensor) -> torch.Tensor:
        kept.append(nn.functional.linear(x, layer.weight, layer.bias))
        return kept[-1]

    layer.forward = forward  # type: ignore[method-assign]
    return contextlib.nullcontext()


@pytest.mark.parametrize("keeping", [kept_by_a_hook, kept_by_a_hook_of_all_modules, kept_by_another_forward])
@torch.no_grad()
def test_what_somebody_keeps_of_a_layer_is_not_written_over(keeping: Callable[..., Any]) -> None:
    layer, x, kept = wide_layer(), torch.randn(256, 8), []
    expected = layer(x)

    with keeping(layer, kept):
        result = activated(layer, gelu, x)

    assert torch.equal(kept[0], expected)
    assert torch.equal(result, gelu(expected))


@torch.no_grad()
def test_what_stands_in_the_place_of_a_layer_may_return_what_it_was_given() -> None:
    x = torch.randn(256, 1024)
    before = x.clone()

    assert torch.equal(activated(nn.Identity(), gelu, x), gelu(before))
    assert torch.equal(x, before)


def test_a_result_that_gradients_need_is_not_written_over() -> None:
    layer, x = wide_layer(), torch.randn(256, 8)
    activated(layer, gelu, x).sum().backward()
    gradient = layer.weight.grad.clone()
    layer.weight.grad = None
    gelu(layer(x)).sum().backward()

    assert torch.equal(gradient, layer.weight.grad)
