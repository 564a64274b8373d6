"""Parameters that a conversion has initialised, because the checkpoint had none: told until they are trained."""

from __future__ import annotations

import logging

import torch
from torch import nn

from .configuration_utils import PretrainedConfig

logger = logging.getLogger(__name__)


class NewParameters:
    """The parameters of a model that ``config.newly_initialized`` names, as they were when it was loaded.

    Args:
        model: The model.
        config: Its configuration.
    """

    def __init__(self, model: nn.Module, config: PretrainedConfig) -> None:
        names = config.newly_initialized or ()
        tensors = model.state_dict() if names else {}
        self._begun = {name: tensors[name].clone() for name in names if name in tensors}

    def tell(self, model: str, source: str) -> None:
        """Warns who is about to use them."""
        if self._begun:
            logger.warning(
                "%s from %s: %s come from no checkpoint, they were initialised when it was converted. "
                "Train the model before you use it.",
                model, source, ", ".join(self._begun),
            )  # fmt: skip

    def untrained(self, model: nn.Module) -> list[str] | None:
        """Those whose values are still the same, for the configuration; None if there are none."""
        tensors = model.state_dict() if self._begun else {}
        return [name for name, begun in self._begun.items() if _same(begun, tensors.get(name))] or None


def _same(begun: torch.Tensor, tensor: torch.Tensor | None) -> bool:
    return tensor is not None and torch.equal(begun.to(tensor.dtype), tensor.to(begun.device))
