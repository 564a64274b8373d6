"""Gradient checkpointing: the activations of layers are computed again in the backward pass instead of being kept."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from torch import nn
from torch.utils.checkpoint import checkpoint

from .errors import UserError


class LayerStack(nn.Module):
    """A module that calls its layers one after the other and may trade their memory for time."""

    gradient_checkpointing: bool = False
    _checkpoint_options: Mapping[str, Any] = {}

    def _layer_call(self, layer: Callable[..., Any]) -> Callable[..., Any]:
        """The layer, or what calls it so that its activations are computed again in the backward pass."""
        if self.gradient_checkpointing and self.training:
            return functools.partial(checkpoint, layer, **self._checkpoint_options)
        return layer


class GradientCheckpointing(LayerStack):
    """What a model offers to switch it on and off.

    Attributes:
        supports_gradient_checkpointing: Whether the model calls its layers through :class:`LayerStack`.
    """

    supports_gradient_checkpointing: ClassVar[bool] = False

    def gradient_checkpointing_enable(self, gradient_checkpointing_kwargs: Mapping[str, Any] | None = None) -> None:
        """Computes the activations of each layer again in the backward pass instead of keeping them.

        Args:
            gradient_checkpointing_kwargs: Arguments of :func:`torch.utils.checkpoint.checkpoint`; ``use_reentrant`` is
                False by default.

        Raises:
            UserError: If the model has no layers that can be called so.
        """
        if not self.supports_gradient_checkpointing:
            raise UserError(f"{type(self).__name__} does not support gradient checkpointing.")
        self._set_gradient_checkpointing(True, {"use_reentrant": False, **(gradient_checkpointing_kwargs or {})})

    def gradient_checkpointing_disable(self) -> None:
        """Keeps the activations of the layers again."""
        self._set_gradient_checkpointing(False, {})

    def _set_gradient_checkpointing(self, enabled: bool, options: Mapping[str, Any]) -> None:
        for module in self.modules():
            if isinstance(module, LayerStack):
                module.gradient_checkpointing = enabled
                module._checkpoint_options = options

    @property
    def is_gradient_checkpointing(self) -> bool:
        """Whether activations are computed again in the backward pass."""
        return any(isinstance(module, LayerStack) and module.gradient_checkpointing for module in self.modules())
