"""Inputs of a model whose shapes do not go together, refused in words."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ..errors import UserError


def check_shapes(sizes: Mapping[str, int], **inputs: tuple[Tensor | None, tuple[str, ...]]) -> None:
    """Refuses inputs with other axes than they must have.

    Args:
        sizes: The sizes of the axes that are known, by name. Axes of other names may be of any size.
        **inputs: Name of the input -> the input, or None if it is not given, and the names of its axes.

    Raises:
        UserError: With every input that does not fit.
    """
    problems = []
    for name, (tensor, axes) in inputs.items():
        if tensor is None or _fits(tensor, axes, sizes):
            continue
        wanted = ", ".join(str(sizes.get(axis, axis)) for axis in axes)
        problems.append(f"{name} has shape {list(tensor.shape)}, but must be [{wanted}]")
    if problems:
        raise UserError("These inputs do not go together:", problems)


def _fits(tensor: Tensor, axes: tuple[str, ...], sizes: Mapping[str, int]) -> bool:
    return tensor.ndim == len(axes) and all(
        sizes.get(axis, size) == size for axis, size in zip(axes, tensor.shape, strict=True)
    )
