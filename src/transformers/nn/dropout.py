"""Dropout (Srivastava et al., 2014)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook


class Dropout(nn.Dropout):
    """A dropout that is not called where it does nothing and nobody looks.

    To call a module takes longer than some layers take for a single token, and a model has dozens of dropouts.
    """

    def __call__(self, x: Tensor, /) -> Any:
        """``[...]`` -> the same, of which training sets some to zero."""
        hooks = self._forward_hooks or self._forward_pre_hooks or _has_any_global_hook()  # type: ignore[no-untyped-call]
        replaced = "forward" in vars(self)
        recorded = torch.is_grad_enabled() or torch._C._get_tracing_state() is not None
        if self.training or hooks or replaced or recorded:
            return super().__call__(x)
        return x
