"""What can be done to a tensor on its way from a checkpoint to a model, and how to undo it.

An operation knows the shape that it makes, computes its result as a view of its sources where NumPy can express it (so
that a tensor larger than the memory can be converted piece by piece), and turns a result back into the sources. One
that rounds says so: its result is checked by computing it again.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]


class ShapeError(ValueError):
    """An operation cannot be applied to arrays of the given shapes; the message says why."""


class Restored(NamedTuple):
    """A part of a source that a result holds.

    Attributes:
        source: Which of the operation's sources.
        region: Where in that source.
        values: What stands there.
    """

    source: int
    region: tuple[slice, ...]
    values: Array


class Operation(abc.ABC):
    """From the source arrays of a rule to one target array, and back."""

    #: Whether the sources can be restored from the result to the bit.
    exact: ClassVar[bool] = True

    #: Whether it makes the whole of one source into the whole of its result, which nothing else is made from.
    one_to_one: ClassVar[bool] = True

    @abc.abstractmethod
    def target_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The shape of the result for sources of the given shapes.

        Raises:
            ShapeError: If the operation cannot be applied to them.
        """

    @abc.abstractmethod
    def forward(self, arrays: Sequence[Array]) -> Array:
        """The result, a view of the sources where possible."""

    @abc.abstractmethod
    def restore(self, target: Array, shapes: Sequence[Shape]) -> list[Restored]:
        """The parts of the sources (whose shapes are given) that a result holds."""

    @abc.abstractmethod
    def __str__(self) -> str:
        """The operation in a word or two, as the plan prints it."""


def _only(values: Sequence[Any]) -> Any:
    (value,) = values
    return value


def _whole(values: Array, source: int = 0) -> Restored:
    return Restored(source, (slice(None),) * values.ndim, values)


@dataclass(frozen=True)
class Copy(Operation):
    """The source as it is."""

    def target_shape(self, shapes: Sequence[Shape]) -> Shape:
        return tuple(_only(shapes))

    def forward(self, arrays: Sequence[Array]) -> Array:
        array: Array = _only(arrays)
        return array

    def restore(self, target: Array, shapes: Sequence[Shape]) -> list[Restored]:
        return [_whole(target)]

    def __str__(self) -> str:
        return "copy"


@dataclass(frozen=True)
class Share(Copy):
    """The source as it is, which several parameters are made from."""

    one_to_one: ClassVar[bool] = False


@dataclass(frozen=True)
class Transpose(Operation):
    """A matrix with its two axes exchanged: TensorFlow multiplies ``x W``, a torch ``Linear`` ``x Wᵀ``."""

    def target_shape(self, shapes: Sequence[Shape]) -> Shape:
        shape = _only(shapes)
        if len(shape) != 2:
            raise ShapeError(f"a transposition needs a matrix, not {list(shape)}")
        return (shape[1], shape[0])

    def forward(self, arrays: Sequence[Array]) -> Array:
        array: Array = _only(arrays)
        return array.T

    def restore(self, target: Array, shapes: Sequence[Shape]) -> list[Restored]:
        return [_whole(target.T)]

    def __str__(self) -> str:
        return "transpose"


@dataclass(frozen=True)
class DropAxis(Operation):
    """The source without an axis of size 1, such as the width of a 1×1 convolution.

    Attributes:
        axis: Which axis.
    """

    axis: int = 0

    def target_shape(self, shapes: Sequence[Shape]) -> Shape:
        shape = _only(shapes)
        if len(shape) <= self.axis or shape[self.axis] != 1:
            raise ShapeError(f"axis {self.axis} of {list(shape)} is not of size 1")
        return tuple(shape[: self.axis]) + tuple(shape[self.axis + 1 :])

    def forward(self, arrays: Sequence[Array]) -> Array:
        squeezed: Array = np.squeeze(_only(arrays), axis=self.axis)
        return squeezed

    def restore(self, target: Array, shapes: Sequence[Shape]) -> list[Restored]:
        return [_whole(np.expand_dims(target, self.axis))]

    def __str__(self) -> str:
        return f"drop axis {self.axis}"


@dataclass(frozen=True)
class AddAxis(Operation):
    """The source with a further axis of size 1.

    Attributes:
        axis: Where the new axis stands in the result.
    """

    axis: int = 0

    def target_shape(self, shapes: Sequence[Shape]) -> Shape:
        shape = _only(shapes)
        if len(shape) < self.axis:
            raise ShapeError(f"{list(shape)} has no place for an axis {self.axis}")
        return (*shape[: self.axis], 1, *shape[self.axis :])

    def forward(self, arrays: Sequence[Array]) -> Array:
        return np.expand_dims(_only(arrays), self.axis)

    def restore(self, target: Array, shapes: Sequence[Shape]) -> list[Restored]:
        return [_whole(np.squeeze(target, axis=self.axis))]

    def __str__(self) -> str:
        return f"add axis {self.axis}"


@dataclass(frozen=True)
class Spread(Operation):
    """A scalar as every entry of a vector.

    Attributes:
        size: The length of the vector.
    """

    size: int

    def target_shape(self, shapes: Sequence[Shape]) -> Shape:
        shape = _only(shapes)
        if shape:
            raise ShapeError(f"only a scalar can be spread, not {list(shape)}")
        return (self.size,)

    def forward(self, arrays: Sequence[Array]) -> Array:
        return np.broadcast_to(_only(arrays), (self.size,))

    def restore(self, target: Array, shapes: Sequence[Shape]) -> list[Restored]:
        """The scalar, once for each value that the vector holds: one, unless it is damaged."""
        bits = np.unique(np.ascontiguousarray(target).view(f"u{target.dtype.itemsize}"))
        return [_whole(value.reshape(())) for value in bits.view(target.dtype)]

    def __str__(self) -> str:
        return f"spread over {self.size}"


@dataclass(frozen=True)
class Rows(Operation):
    """A range of the first axis: one of several tensors that the original stores in one.

    Attributes:
        start: The first row.
        stop: The row behind the last one; None for all that follow.
    """

    start: int
    stop: int | None = None
    one_to_one: ClassVar[bool] = False

    def _range(self, shape: Shape) -> slice:
        stop = shape[0] if self.stop is None and shape else self.stop
        if not shape or stop is None or not 0 <= self.start <= stop <= shape[0]:
            raise ShapeError(f"{list(shape)} has no rows {self.start} to {self.stop}")
        return slice(self.start, stop)

    def target_shape(self, shapes: Sequence[Shape]) -> Shape:
        shape = _only(shapes)
        rows = self._range(shape)
        return (rows.stop - rows.start, *shape[1:])

    def forward(self, arrays: Sequence[Array]) -> Array:
        array: Array = _only(arrays)
        selected: Array = array[self._range(array.shape)]
        return selected

    def restore(self, target: Array, shapes: Sequence[Shape]) -> list[Restored]:
        shape = _only(shapes)
        return [Restored(0, (self._range(shape), *(slice(None),) * (len(shape) - 1)), target)]

    def __str__(self) -> str:
        return f"rows {self.start} to {'the end' if self.stop is None else self.stop - 1}"


@dataclass(frozen=True)
class Row(Operation):
    """One entry of the first axis: the slice of a layer in a tensor that holds all layers.

    Attributes:
        index: Which entry.
    """

    index: int
    one_to_one: ClassVar[bool] = False

    def target_shape(self, shapes: Sequence[Shape]) -> Shape:
        shape = _only(shapes)
        if not shape or not 0 <= self.index < shape[0]:
            raise ShapeError(f"{list(shape)} has no row {self.index}")
        return tuple(shape[1:])

    def forward(self, arrays: Sequence[Array]) -> Array:
        array: Array = _only(arrays)
        selected: Array = array[self.index, ...]  # of a vector, too, this is an array
        return selected

    def restore(self, target: Array, shapes: Sequence[Shape]) -> list[Restored]:
        region = (slice(self.index, self.index + 1), *(slice(None),) * target.ndim)
        return [Restored(0, region, target[np.newaxis])]

    def __str__(self) -> str:
        return f"row {self.index}"


@dataclass(frozen=True)
class Concatenate(Operation):
    """The sources one behind the other along the first axis."""

    one_to_one: ClassVar[bool] = False

    def target_shape(self, shapes: Sequence[Shape]) -> Shape:
        if len({tuple(shape[1:]) for shape in shapes}) != 1 or any(not shape for shape in shapes):
            raise ShapeError(f"{', '.join(str(list(shape)) for shape in shapes)} cannot be put together")
        return (sum(shape[0] for shape in shapes), *shapes[0][1:])

    def forward(self, arrays: Sequence[Array]) -> Array:
        joined: Array = np.concatenate(arrays, axis=0)
        return joined

    def restore(self, target: Array, shapes: Sequence[Shape]) -> list[Restored]:
        ends = np.cumsum([shape[0] for shape in shapes])[:-1]
        return [_whole(part, source) for source, part in enumerate(np.split(target, ends, axis=0))]

    def __str__(self) -> str:
        return "concatenate"


@dataclass(frozen=True)
class Scale(Operation):
    """The source times a number that the original multiplies at run time. Rounds.

    Attributes:
        factor: The number.
    """

    factor: float
    exact: ClassVar[bool] = False

    def target_shape(self, shapes: Sequence[Shape]) -> Shape:
        return tuple(_only(shapes))

    def forward(self, arrays: Sequence[Array]) -> Array:
        array: Array = _only(arrays)
        scaled: Array = (array * np.asarray(self.factor, dtype=array.dtype)).astype(array.dtype, copy=False)
        return scaled

    def restore(self, target: Array, shapes: Sequence[Shape]) -> list[Restored]:
        return [_whole((target / np.asarray(self.factor, dtype=target.dtype)).astype(target.dtype, copy=False))]

    def __str__(self) -> str:
        return f"times {self.factor:g} (rounds)"


@dataclass(frozen=True)
class Chain(Operation):
    """One operation after the other; all but the first have a single source, which they use whole.

    Attributes:
        steps: The operations in the order in which they are applied.
    """

    steps: tuple[Operation, ...]

    def __post_init__(self) -> None:
        partial = [str(step) for step in self.steps[1:] if not step.one_to_one]
        if partial:
            raise TypeError(f"only the first step of a chain may take a part or several sources: {', '.join(partial)}")

    @property
    def one_to_one(self) -> bool:  # type: ignore[override]  # what a chain is depends on its first step
        """Whether the first step is: the others have to be."""
        return self.steps[0].one_to_one

    @property
    def exact(self) -> bool:  # type: ignore[override]  # a chain is as exact as its steps
        """Whether every step is exact."""
        return all(step.exact for step in self.steps)

    def _shapes(self, shapes: Sequence[Shape]) -> list[Sequence[Shape]]:
        """The shapes that go into each step, and that of the result."""
        passed: list[Sequence[Shape]] = [shapes]
        for step in self.steps:
            passed.append([step.target_shape(passed[-1])])
        return passed

    def target_shape(self, shapes: Sequence[Shape]) -> Shape:
        return tuple(_only(self._shapes(shapes)[-1]))

    def forward(self, arrays: Sequence[Array]) -> Array:
        for step in self.steps:
            arrays = [step.forward(arrays)]
        result: Array = _only(arrays)
        return result

    def restore(self, target: Array, shapes: Sequence[Shape]) -> list[Restored]:
        first, *later = self.steps
        passed = self._shapes(shapes)
        for step, before in zip(reversed(later), reversed(passed[1:-1]), strict=True):
            target = _only(step.restore(target, before)).values
        return first.restore(target, shapes)

    def __str__(self) -> str:
        return ", ".join(map(str, self.steps))


def _frequencies(shape: Shape) -> Array:
    """In float32 from the exponent on, as the originals compute them."""
    exponents = np.arange(*shape, dtype=np.float32) / np.float32(shape[0])
    frequencies: Array = np.float32(1) / np.power(np.float32(10000), exponents)
    return frequencies


_CONSTANTS: Mapping[str, Callable[[Shape], Array]] = {
    "zeros": lambda shape: np.zeros(shape, dtype=np.float32),
    "identity": lambda shape: np.eye(*shape, dtype=np.float32),
    "frequencies": _frequencies,
}


@dataclass(frozen=True)
class Constant(Operation):
    """A value that the layout of the original implies and that no variable holds: it has no sources.

    Attributes:
        kind: ``zeros``, ``identity``, or ``frequencies``: 10000^(-t/n) for t = 0, …, n - 1, of sinusoidal positions.
        shape: The shape of the result.
    """

    kind: str
    shape: Shape
    one_to_one: ClassVar[bool] = False

    @property
    def is_computed(self) -> bool:
        """Whether it is the result of arithmetic, which other programs may round in another way."""
        return self.kind == "frequencies"

    def target_shape(self, shapes: Sequence[Shape]) -> Shape:
        return self.shape

    def forward(self, arrays: Sequence[Array]) -> Array:
        return _CONSTANTS[self.kind](self.shape)

    def restore(self, target: Array, shapes: Sequence[Shape]) -> list[Restored]:
        return []

    def __str__(self) -> str:
        return f"constant {self.kind}"
