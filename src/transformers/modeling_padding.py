"""When padding is left out of the computation: the setting ``skip_padding`` of a configuration.

- ``"auto"``: where the state of no padded position can be seen from outside, and where it pays;
- ``True``: in every forward pass of an encoder; the states and scores that it returns for padded positions are 0;
- ``False``: never.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from .nn.padding import EVERYTHING, BlankedLayout, Layout, PackedLayout

#: ``"auto"`` leaves padding out where it is this share of the batch, and this many positions times the width of the
#: model for each row and one more: a call for each row costs as much as the other work on so few positions. Measured by
#: ``benchmarks/padding.py`` on a CPU, on which the widths 128 and 768 broke even at 14 and at 3 positions of each row.
LEAST_SHARE, LEAST_PER_ROW = 0.1, 3000


class View(enum.Enum):
    """Which states of a base model its caller looks at."""

    ALL = enum.auto()
    REAL = enum.auto()
    FIRST = enum.auto()
    LAST = enum.auto()

    def has_no_padding(self, real: Tensor) -> bool:
        """Whether all positions that are looked at are real, and each row has one to look at.

        Args:
            real: ``[batch, time]``, true for real tokens.
        """
        seen = {View.ALL: real.all(1), View.REAL: real.any(1), View.FIRST: real[:, 0], View.LAST: real[:, -1]}[self]
        return bool(seen.all())


_view: ContextVar[View] = ContextVar("view", default=View.ALL)


def looking_at(view: View) -> AbstractContextManager[None]:
    """A context in which models are called by somebody who looks at some of their states only."""
    return nullcontext() if torch.compiler.is_compiling() else _looking_at(view)


@contextmanager
def _looking_at(view: View) -> Iterator[None]:
    token = _view.set(view)
    try:
        yield
    finally:
        _view.reset(token)


class Encoder(Protocol):
    """What padding is left out of: a module with a configuration."""

    config: Any

    def modules(self) -> Iterator[nn.Module]:
        """The module and its parts."""


def choose_layout(model: Encoder, attention_mask: Tensor | None, tokens: Tensor | None, *, inspected: bool) -> Layout:
    """The positions that a forward pass of an encoder computes.

    Values of the mask are read at most once, and only where padding may be left out. While a model is compiled, traced,
    transformed by ``torch.func`` or captured in a CUDA graph they are unknown, and all positions are computed.

    Args:
        model: The model, whose configuration has the setting; what others have put into its parts would see that
            positions are missing.
        attention_mask: ``[batch, time]``, 1 for real tokens and 0 for padding. With another mask all is computed.
        tokens: What the mask is about: ``[batch, time]`` or ``[batch, time, size]``.
        inspected: Whether states or attention weights are asked for, or heads are switched off.
    """
    setting = model.config.skip_padding
    if setting is False or attention_mask is None or tokens is None or attention_mask.shape != tokens.shape[:2]:
        return EVERYTHING
    optional = setting is not True
    if _values_are_unknown(attention_mask):
        return EVERYTHING if optional else BlankedLayout(attention_mask)
    view = _view.get()
    if optional and (inspected or view is View.ALL):
        return EVERYTHING
    mask = attention_mask.cpu()
    real = mask != 0
    padding = real.numel() - int(real.sum())
    if not padding or not torch.equal(real, mask == 1):
        return EVERYTHING
    if view is not View.ALL and not view.has_no_padding(real):
        return EVERYTHING
    if padding == real.numel():
        return EVERYTHING if optional else BlankedLayout(attention_mask)
    if optional and (not _pays(padding, real, model.config.hidden_size) or _is_altered(model)):
        return EVERYTHING
    return PackedLayout(real, tokens.device)


def _values_are_unknown(tensor: Tensor) -> bool:
    return (
        torch.compiler.is_compiling()
        or torch._C._get_tracing_state() is not None
        or type(tensor) is not Tensor
        or tensor.is_meta
        or torch._C._functorch.is_functorch_wrapped_tensor(tensor)
        or (tensor.is_cuda and torch.cuda.is_current_stream_capturing())
    )


def _pays(padding: int, real: Tensor, width: int) -> bool:
    return padding >= LEAST_SHARE * real.numel() and padding * width >= LEAST_PER_ROW * (len(real) + 1)


_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
#: What else a module has of its own where somebody has given it a compiled form or another forward pass.
_REPLACEMENTS = ("_compiled_call_impl", "forward")


def _is_altered(model: Encoder) -> bool:
    """Whether something in the model may be made for states of the usual shape."""
    own = (vars(module) for module in model.modules())
    return any(attributes.get(name) for attributes in own for name in (*_HOOKS, *_REPLACEMENTS)) or any(
        _looks_at_states(hook) for name in _HOOKS for hook in getattr(torch_module, f"_global{name}").values()
    )


def _looks_at_states(hook: Any) -> bool:
    """Not those that torch itself gives to all modules: they count calls."""
    return not getattr(hook, "__module__", "").startswith("torch.")
