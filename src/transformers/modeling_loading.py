"""From named tensors to a model: which tensor goes where, what is left over, and what has to be initialised."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from .errors import UserError
from .modeling_keys import match_keys

logger = logging.getLogger(__name__)


@contextmanager
def without_collections() -> Iterator[None]:
    """Puts off the garbage collector while thousands of objects are made that stay.

    It would go through all that the imports have left, too: four times the work of loading a model of usual size.
    Looking at what is new, at the end, keeps it from doing so at once.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.collect(0)
            gc.enable()


# Building without memory

_FACTORIES = frozenset({
    torch.arange, torch.empty, torch.eye, torch.full, torch.linspace, torch.ones, torch.rand, torch.randn,
    torch.tensor, torch.zeros,
})  # fmt: skip
_FILLING = frozenset({
    torch.Tensor.copy_, torch.Tensor.fill_, torch.Tensor.normal_, torch.Tensor.uniform_, torch.Tensor.zero_,
})  # fmt: skip

_building = ContextVar("building_without_values", default=False)


class _WithoutValues(TorchFunctionMode):
    """Puts new tensors on the ``meta`` device and leaves out what would fill them; for this thread only."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _FACTORIES:
            kwargs["device"] = "meta"
        elif func in _FILLING:
            return args[0]
        elif getattr(func, "__module__", None) == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


@contextmanager
def without_values() -> Iterator[None]:
    """Modules that are built in this context have parameters with shapes, and neither memory nor initialisation."""
    token = _building.set(True)
    try:
        with _WithoutValues():
            yield
    finally:
        _building.reset(token)


def is_building_without_values() -> bool:
    """Whether a module that is being built gets its values later."""
    return _building.get()


# What a model wants


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a tensor: an entry of the state dict.

    Attributes:
        key: Its name in the state dict.
        module: The module that has it.
        own: The parameters, or the buffers, that the module itself owns.
        name: Its name there.
    """

    key: str
    module: nn.Module
    own: dict[str, Any]
    name: str

    @property
    def tensor(self) -> torch.Tensor:
        """What is there."""
        tensor: torch.Tensor = self.own[self.name]
        return tensor

    def put(self, tensor: torch.Tensor) -> None:
        """Puts a tensor there: as it is, without a copy."""
        self.own[self.name] = tensor


def shared_slots(model: nn.Module) -> list[list[Slot]]:
    """The entries of the state dict, those that share a tensor together; in order."""
    groups: dict[int, list[Slot]] = {}
    for prefix, module in model.named_modules(remove_duplicate=False):
        start = f"{prefix}." if prefix else ""
        for name, parameter in module._parameters.items():
            if parameter is not None:
                groups.setdefault(id(parameter), []).append(Slot(start + name, module, module._parameters, name))
        for name, buffer in module._buffers.items():
            if buffer is not None and name not in module._non_persistent_buffers_set:
                groups.setdefault(id(buffer), []).append(Slot(start + name, module, module._buffers, name))
    return list(groups.values())


# Loading


@dataclass
class LoadReport:
    """What loading found: the content of ``output_loading_info``.

    Attributes:
        missing: Keys of the model that were not stored, and are newly initialised.
        unexpected: Stored names that the model has no place for.
        mismatched: Keys with the shape that is stored and the shape of the model; newly initialised.
        contradicting: Stored names of other values for a tensor that the model has once; pairs with the name used.
    """

    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    mismatched: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = field(default_factory=list)
    contradicting: list[tuple[str, str]] = field(default_factory=list)

    def to_dict(self) -> dict[str, list[Any]]:
        """The report under the names that the ecosystem uses."""
        return {
            "missing_keys": self.missing,
            "unexpected_keys": self.unexpected,
            "mismatched_keys": self.mismatched,
            "error_msgs": [],
        }

    def log(self, model: str, source: str) -> None:
        """Tells the user what is not as it was stored."""
        problems = []
        if self.missing:
            problems.append(f"newly initialised, because it has no values for them: {_listed(self.missing)}")
        if self.mismatched:
            shapes = [f"{key} (stored {list(theirs)}, here {list(ours)})" for key, theirs, ours in self.mismatched]
            problems.append(f"newly initialised, because the shapes differ: {_listed(shapes)}")
        if self.unexpected:
            problems.append(f"not used, because {model} has no place for them: {_listed(self.unexpected)}")
        if self.contradicting:
            pairs = [f"{name} (differs from {used})" for name, used in self.contradicting]
            problems.append(f"not used, because {model} has one tensor for both: {_listed(pairs)}")
        if not problems:
            return
        advice = (
            "\nTrain the model before you use what is newly initialised." if self.missing or self.mismatched else ""
        )
        logger.warning("%s was loaded from %s:\n  %s%s", model, source, "\n  ".join(problems), advice)


_LONGEST_LIST = 20


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _LONGEST_LIST
    return ", ".join(names[:_LONGEST_LIST]) + (f" and {more} more" if more > 0 else "")


def choose_dtype(dtype: torch.dtype | str | None, configured: str | None, tensors: Mapping[str, torch.Tensor]) -> str:
    """The name of the data type that a model gets.

    Args:
        dtype: What the user asked for; ``"auto"`` is what the configuration says, or else what is stored.
        configured: What the configuration says.
        tensors: What is stored.
    """
    if dtype == "auto":
        stored = (tensor.dtype for tensor in tensors.values() if tensor.is_floating_point())
        dtype = configured or next(stored, None)
    name = str(dtype or torch.get_default_dtype()).removeprefix("torch.")
    chosen = getattr(torch, name, None)
    if not isinstance(chosen, torch.dtype) or not chosen.is_floating_point:
        raise UserError(f"dtype is {name!r}, which is no floating-point type of torch, such as float32, or auto.")
    return name


def load_tensors(
    model: nn.Module,
    tensors: Mapping[str, torch.Tensor],
    *,
    source: str,
    dtype: torch.dtype,
    base_prefix: str,
    ignored: Sequence[str],
    ignore_mismatched_sizes: bool,
    initialise: Callable[[nn.Module], None],
) -> LoadReport:
    """Gives a model that was built :func:`without_values` its tensors, without copying those that have the data type.

    Args:
        model: The model, its tied parameters tied.
        tensors: The stored tensors.
        source: Where they come from, for messages.
        dtype: Data type of the floating-point tensors of the model.
        base_prefix: See :func:`match_keys`.
        ignored: See :func:`match_keys`.
        ignore_mismatched_sizes: Initialises what is stored in another shape; otherwise that is an error.
        initialise: Initialises the parameters that a module itself owns.

    Raises:
        UserError: If shapes differ, or if nothing that is stored fits the model.
    """
    groups = shared_slots(model)
    wanted = {slot.key for group in groups for slot in group}
    found, unexpected = match_keys(tensors, wanted, base_prefix, ignored)
    name = type(model).__name__
    if tensors and not found:
        raise UserError(
            f"Nothing in {source} fits {name}:",
            [f"it has {_listed(list(tensors)[:3])}, …", f"{name} has {_listed(sorted(wanted)[:3])}, …"],
            "Load it with the class that it was saved from; AutoModel finds it by config.json.",
        )
    report = LoadReport(unexpected=unexpected)
    new: list[list[Slot]] = []
    placed: set[int] = set()
    for group in groups:
        keys = [slot.key for slot in group if slot.key in found]
        shape = group[0].tensor.shape
        if not keys:
            report.missing.append(group[0].key)
        elif (tensor := tensors[found[keys[0]]]).shape != shape:
            report.mismatched.append((keys[0], tuple(tensor.shape), tuple(shape)))
        else:
            others = [found[key] for key in keys[1:] if not _same(tensors[found[key]], tensor)]
            report.contradicting.extend((name, found[keys[0]]) for name in others)
            _put(group, tensor, dtype, placed)
            continue
        new.append(group)
    if report.mismatched and not ignore_mismatched_sizes:
        raise UserError(
            f"{source} does not fit {name}:",
            [f"{key} is stored as {list(theirs)}, but is {list(ours)} here" for key, theirs, ours in report.mismatched],
            "Correct the configuration, or initialise these anew with ignore_mismatched_sizes=True.",
        )
    _initialise_slots(new, dtype, initialise)
    return report


def _same(one: torch.Tensor, two: torch.Tensor) -> bool:
    return one.data_ptr() == two.data_ptr() or torch.equal(one.to(two.dtype), two)


def _put(group: Sequence[Slot], tensor: torch.Tensor, dtype: torch.dtype, placed: set[int]) -> None:
    """Puts a stored tensor into the slots that share it; ``placed`` has the memory that is in other slots already."""
    if group[0].tensor.is_floating_point() and tensor.dtype != dtype:
        tensor = tensor.to(dtype)
    if tensor.data_ptr() in placed:
        tensor = tensor.clone()
    placed.add(tensor.data_ptr())
    if isinstance(group[0].tensor, nn.Parameter):
        tensor = nn.Parameter(tensor, requires_grad=group[0].tensor.requires_grad)
    for slot in group:
        slot.put(tensor)


def _initialise_slots(
    groups: Sequence[Sequence[Slot]], dtype: torch.dtype, initialise: Callable[[nn.Module], None]
) -> None:
    by_module: dict[nn.Module, set[str]] = {}
    for group in groups:
        by_module.setdefault(group[0].module, set()).add(group[0].name)
    for module, names in by_module.items():
        _initialise_some(module, names, dtype, initialise)
    for group in groups:
        for slot in group[1:]:
            slot.put(group[0].tensor)


@torch.no_grad()
def _initialise_some(
    module: nn.Module, names: Collection[str], dtype: torch.dtype, initialise: Callable[[nn.Module], None]
) -> None:
    """Initialises some of a module's own tensors; the others, loaded already, are out of reach meanwhile."""
    owned: tuple[dict[str, Any], ...] = (module._parameters, module._buffers)
    kept = [(own, name, tensor) for own in owned for name, tensor in own.items()]
    for own, name, tensor in kept:
        if tensor is not None:
            own[name] = _zeros_like(tensor, dtype)
    if callable(reset := getattr(module, "reset_parameters", None)):
        reset()
    initialise(module)
    for own, name, tensor in kept:
        if name not in names:
            own[name] = tensor


def _zeros_like(tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    zeros = torch.zeros(tensor.shape, dtype=dtype if tensor.is_floating_point() else tensor.dtype)
    return nn.Parameter(zeros, requires_grad=tensor.requires_grad) if isinstance(tensor, nn.Parameter) else zeros
