"""Shapes in symbols, such as ``"E 3*E"``: one vocabulary for the sizes that a checkpoint and its configuration share.

A rule states the shape of each variable that it reads, as the original's documentation does. The sizes of the symbols
follow from the variables that are there; a configuration is held against them, and so is every other variable.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Dimension:
    """One axis: a whole number times a product of symbols, such as ``3*E``, or a fraction of it, such as ``E/2``."""

    factor: int
    symbols: tuple[str, ...]
    divisor: int = 1

    @classmethod
    def parse(cls, text: str) -> Dimension:
        """Reads ``"3*E"``, ``"H*D"``, ``"E/2"``, ``"E"`` or ``"2"``."""
        product, _, divisor = text.partition("/")
        parts = product.split("*")
        numbers = [int(part) for part in parts if part.isdecimal()]
        symbols = tuple(part for part in parts if not part.isdecimal())
        return cls(math.prod(numbers), symbols, int(divisor) if divisor else 1)

    def __str__(self) -> str:
        numbers = [str(self.factor)] if self.factor != 1 or not self.symbols else []
        product = "*".join([*numbers, *self.symbols])
        return product if self.divisor == 1 else f"{product}/{self.divisor}"

    def size(self, sizes: Mapping[str, int]) -> int | None:
        """The size of the axis, or None while a symbol of it is unknown; a fraction is rounded down."""
        if any(symbol not in sizes for symbol in self.symbols):
            return None
        return self.factor * math.prod(sizes[symbol] for symbol in self.symbols) // self.divisor

    def solve(self, size: int, sizes: Mapping[str, int]) -> tuple[str, int] | None:
        """The one symbol that is still unknown and its size, if the given size of the axis determines it."""
        unknown = [symbol for symbol in self.symbols if symbol not in sizes]
        if len(unknown) != 1:
            return None
        known = self.factor * math.prod(sizes[symbol] for symbol in self.symbols if symbol in sizes)
        size *= self.divisor
        return (unknown[0], size // known) if known and size % known == 0 else None


@dataclass(frozen=True)
class SymbolicShape:
    """The axes of a variable, in symbols."""

    dimensions: tuple[Dimension, ...]

    @classmethod
    def parse(cls, text: str) -> SymbolicShape:
        """Reads axes separated by spaces; the empty text is a scalar."""
        return cls(tuple(Dimension.parse(axis) for axis in text.split()))

    def __str__(self) -> str:
        return f"[{', '.join(map(str, self.dimensions))}]"

    def sizes(self, sizes: Mapping[str, int]) -> tuple[int | None, ...]:
        """The size of each axis, None where it is not known."""
        return tuple(dimension.size(sizes) for dimension in self.dimensions)

    def fits(self, shape: Shape, sizes: Mapping[str, int]) -> bool:
        """Whether a shape agrees with everything that is known."""
        return len(shape) == len(self.dimensions) and all(
            wanted in (None, found) for wanted, found in zip(self.sizes(sizes), shape, strict=True)
        )

    def describe(self, sizes: Mapping[str, int]) -> str:
        """The shape in numbers as far as they are known, in symbols elsewhere."""
        pairs = zip(self.sizes(sizes), self.dimensions, strict=True)
        return f"[{', '.join(str(dimension if size is None else size) for size, dimension in pairs)}]"


def solve_sizes(observed: Iterable[tuple[SymbolicShape, Shape]]) -> dict[str, int]:
    """The sizes of the symbols, each from the first variable that determines it.

    Variables that do not fit what earlier ones said are passed over here: they are reported where shapes are checked.
    """
    pending = [(symbolic, shape) for symbolic, shape in observed if len(symbolic.dimensions) == len(shape)]
    sizes: dict[str, int] = {}
    progress = True
    while progress:
        progress = False
        for symbolic, shape in pending:
            for dimension, size in zip(symbolic.dimensions, shape, strict=True):
                solved = dimension.solve(size, sizes)
                if solved is not None:
                    sizes[solved[0]] = solved[1]
                    progress = True
    return sizes
