from __future__ import annotations

import math
import pickle

import pytest
import torch

from transformers.errors import UserError
from transformers.nn.activations import ACTIVATIONS, activation

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
