"""Linear layers for few rows, those whose weight is stored the other way round, and such as are cut down."""

from __future__ import annotations

import torch
from torch import Tensor, nn

#: As many rows of an input (texts or beams of a step of generation) are few.
_FEW_ROWS = range(4, 9)

#: Matrices of more numbers are large.
_LARGE = 2**18

#: As many outputs are computed at a time: their part of the matrix stays in a cache of the processor.
_PIECE = 64


class Linear(nn.Linear):
    """A linear layer that wastes no time on the few rows of a step of generation.

    A product of few rows with a large matrix takes the library of a processor up to twice as long as products with its
    pieces, because it first copies the matrix into an order of its own.
    """

    def forward(self, x: Tensor) -> Tensor:
        """``[..., in]`` -> ``[..., out]``."""
        if not self._in_pieces(x):
            return super().forward(x)
        rows = x.flatten(0, -2)
        outputs, inputs = self.weight.shape
        whole = outputs - outputs % _PIECE
        pieces = self.weight[:whole].view(-1, _PIECE, inputs).transpose(1, 2)
        output = torch.bmm(rows.expand(len(pieces), -1, -1), pieces).transpose(0, 1).flatten(1)
        if whole < outputs:
            output = torch.cat([output, nn.functional.linear(rows, self.weight[whole:])], dim=1)
        if isinstance(self.bias, Tensor):
            output += self.bias
        return output.view(*x.shape[:-1], -1)

    def _in_pieces(self, x: Tensor) -> bool:
        return (
            torch._C._get_tracing_state() is None
            and self.weight.numel() > _LARGE
            and self.weight.shape[0] >= _PIECE
            and self.weight.is_contiguous()
            and x.numel() // self.in_features in _FEW_ROWS
            and x.device.type == "cpu"
            and x.dtype == self.weight.dtype == torch.float32
            and not (torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.is_autocast_enabled("cpu"))
        )


class Conv1D(nn.Module):
    """A linear layer with its weight stored as ``[in, out]``: ``y = x W + b``.

    GPT and GPT-2 store their weights so; the name is the one that the ecosystem uses for it (a convolution of width 1).

    Args:
        out_features: Size of the last axis of the output.
        in_features: Size of the last axis of the input.
    """

    def __init__(self, out_features: int, in_features: int) -> None:
        super().__init__()
        self.out_features = out_features
        self.in_features = in_features
        self.weight = nn.Parameter(torch.empty(in_features, out_features))
        self.bias = nn.Parameter(torch.empty(out_features))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal weights of standard deviation 0.02, as in the original, and no bias."""
        nn.init.normal_(self.weight, std=0.02)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., in]`` -> ``[..., out]``."""
        return nn.functional.linear(x, self.weight.T, self.bias)

    def extra_repr(self) -> str:
        """The sizes, in the order of the constructor."""
        return f"out_features={self.out_features}, in_features={self.in_features}"


def keep_outputs(layer: nn.Linear | Conv1D, index: Tensor) -> None:
    """Cuts a layer down, in place, to the given outputs (their indices in the new order)."""
    axis = 1 if isinstance(layer, Conv1D) else 0
    layer.weight = _selected(layer.weight, axis, index)
    if layer.bias is not None:
        layer.bias = _selected(layer.bias, 0, index)
    layer.out_features = len(index)


def keep_inputs(layer: nn.Linear | Conv1D, index: Tensor) -> None:
    """Cuts a layer down, in place, to the given inputs (their indices in the new order)."""
    axis = 0 if isinstance(layer, Conv1D) else 1
    layer.weight = _selected(layer.weight, axis, index)
    layer.in_features = len(index)


def _selected(parameter: Tensor, axis: int, index: Tensor) -> nn.Parameter:
    """Part of a parameter as a new one, trainable if the old one is."""
    values = parameter.detach().index_select(axis, index.to(parameter.device))
    return nn.Parameter(values, requires_grad=parameter.requires_grad)
