"""A variable of an original, restored piece by piece from the parameters that hold its values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..checkpoints import Variable
from .layout import ConversionError
from .operations import Operation, Shape
from .pieces import Array, cast, contiguous, numpy_type, piece_slices, same_bits, widens
from .run import RELEASE_BYTES
from .stored_model import StoredModel

Region = tuple[slice, ...]


@dataclass(frozen=True)
class Origin:
    """A parameter that (a part of) a variable is restored from.

    Attributes:
        stored: Its name in the weight file.
        operation: What made it from the variable, and others perhaps.
        shapes: The shapes of all of these.
        index: Which of them the variable is.
    """

    stored: str
    operation: Operation
    shapes: tuple[Shape, ...]
    index: int


@dataclass(frozen=True)
class _Part:
    """Values that a parameter holds, and where they stand in the variable.

    Attributes:
        stored: The name of the parameter.
        region: Where.
        values: They.
        dtype: Their data type.
    """

    stored: str
    region: Region
    values: Array
    dtype: str


@dataclass(frozen=True)
class ExportedVariable:
    """A variable of the original.

    Attributes:
        variable: Its name, shape and type.
        origins: What it is restored from; it is zero if there are none.
        model: Where that is.
        repeats: The variable whose values it holds once more; empty if it has its own.
    """

    variable: Variable
    origins: tuple[Origin, ...]
    model: StoredModel
    repeats: str = ""

    @property
    def rounds(self) -> bool:
        """Whether its values are not those that are stored, to the bit."""
        dtypes = (self.model.tensors[origin.stored].dtype for origin in self.origins)
        return not all(origin.operation.exact for origin in self.origins) or not all(
            widens(dtype, self.variable.dtype) for dtype in dtypes
        )

    def disagreements(self) -> Iterator[str]:
        """Whether parameters that hold the same values disagree, in a sentence; nothing if they do not."""
        held = sum(self.model.tensors[origin.stored].size for origin in self.origins)
        if held <= self.variable.size:
            return
        try:
            for _ in self.pieces():
                pass
        except ConversionError as error:
            yield error.headline

    def pieces(self) -> Iterator[Array]:
        """Its values in the order of its elements, piece by piece.

        Raises:
            ConversionError: If parameters that hold the same part of it disagree.
        """
        parts = list(self._parts())
        for region in piece_slices(self.variable.shape, self.variable.dtype):
            yield self._piece(region, parts)
            if self.variable.nbytes > RELEASE_BYTES:
                self.model.release()
        self.model.release()

    def _parts(self) -> Iterator[_Part]:
        for origin in self.origins:
            tensor, dtype = self.model.tensor(origin.stored), self.model.tensors[origin.stored].dtype
            if not origin.operation.exact:
                tensor, dtype = cast(tensor, dtype, self.variable.dtype), self.variable.dtype
            for restored in origin.operation.restore(tensor, origin.shapes):
                if restored.source == origin.index:
                    yield _Part(origin.stored, restored.region, restored.values, dtype)

    def _piece(self, region: Region, parts: Sequence[_Part]) -> Array:
        shape = _shape(region, self.variable.shape)
        found = [(part, overlap) for part in parts if (overlap := _overlap(region, part.region, self.variable.shape))]
        if len(found) == 1 and _shape(found[0][1][0], shape) == shape:
            (part, (_, inner)) = found[0]
            return self._values(part, inner)
        result, done = np.zeros(shape, numpy_type(self.variable.dtype)), np.zeros(shape, bool)
        for part, (place, inner) in found:
            values, before = self._values(part, inner), done[place]
            if not same_bits(np.asarray(result[place])[before], values[before]):
                raise ConversionError(
                    f"{self.variable.name} cannot have the values of {found[0][0].stored} and of {part.stored} at once."
                )
            result[place], done[place] = values, True
        return result

    def _values(self, part: _Part, inner: Region) -> Array:
        try:
            return cast(contiguous(np.asarray(part.values[inner])), part.dtype, self.variable.dtype)
        except FloatingPointError as error:
            raise ConversionError(
                f"{part.stored} has values that are too large for {self.variable.dtype}: they would become infinite."
            ) from error


def _shape(region: Region, shape: Shape) -> Shape:
    """The shape of a region of an array; axes that it does not mention are whole."""
    sizes = [len(range(*extent.indices(size))) for extent, size in zip(region, shape, strict=False)]
    return (*sizes, *shape[len(sizes) :])


def _overlap(piece: Region, part: Region, shape: Shape) -> tuple[Region, Region] | None:
    """Where a part stands in a piece and what of it that is, for regions of an array; None if they do not overlap."""
    if not shape:
        return (), ()
    in_piece, in_part = [], []
    for axis, size in enumerate(shape):
        (start, stop), (first, last) = (_bounds(region, axis, size) for region in (piece, part))
        low, high = max(start, first), min(stop, last)
        if low >= high:
            return None
        in_piece.append(slice(low - start, high - start))
        in_part.append(slice(low - first, high - first))
    return tuple(in_piece), tuple(in_part)


def _bounds(region: Region, axis: int, size: int) -> tuple[int, int]:
    start, stop, _ = region[axis].indices(size) if axis < len(region) else (0, size, 1)
    return start, stop
