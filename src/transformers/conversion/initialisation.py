"""Parameters of a head that no variable holds: they begin as the model class would begin them, the same each time.

NumPy draws the values, so that no PyTorch is needed; its ``RandomState`` is the generator whose stream is frozen.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .operations import Array, Operation, Restored, Shape

#: Where the random values begin; every parameter has a stream of its own, by its name.
SEED = 0

#: The field of ``config.json`` that lists such parameters.
NEWLY_INITIALIZED = "newly_initialized"


@dataclass(frozen=True)
class Initial(Operation):
    """Values that a new parameter begins with: it has no sources.

    Attributes:
        name: The parameter.
        shape: Its shape.
        mean: The mean of the values.
        deviation: Their standard deviation; 0 if all of them are the mean.
        width: If it is not 0, they are uniform in ``mean ± width`` instead of normal.
    """

    name: str
    shape: Shape
    mean: float = 0.0
    deviation: float = 0.0
    width: float = 0.0
    one_to_one: ClassVar[bool] = False

    def target_shape(self, shapes: Sequence[Shape]) -> Shape:
        return self.shape

    def forward(self, arrays: Sequence[Array]) -> Array:
        if not (self.deviation or self.width):
            return np.full(self.shape, self.mean, np.float32)
        stream = np.random.RandomState([SEED, zlib.crc32(self.name.encode())])
        if self.width:
            return stream.uniform(self.mean - self.width, self.mean + self.width, self.shape).astype(np.float32)
        return stream.normal(self.mean, self.deviation, self.shape).astype(np.float32)

    def restore(self, target: Array, shapes: Sequence[Shape]) -> list[Restored]:
        return []

    def __str__(self) -> str:
        if self.width:
            return f"begin uniform from {self.mean - self.width:g} to {self.mean + self.width:g}, seed {SEED}"
        if self.deviation:
            mean = f"with mean {self.mean:g} and " if self.mean else "with "
            return f"begin normal {mean}deviation {self.deviation:g}, seed {SEED}"
        return f"begin as {({0.0: 'zeros', 1.0: 'ones'}).get(self.mean, f'{self.mean:g}')}"


#: From the name and the shape of a parameter and the configuration to its first values.
Initializer = Callable[[str, Shape, Any], Initial]


def usual_start(name: str, shape: Shape, config: Any) -> Initial:
    """As most families begin: matrices normal with the deviation ``initializer_range``, biases 0, gains of norms 1."""
    if len(shape) > 1:
        return Initial(name, shape, deviation=config.initializer_range)
    return Initial(name, shape, mean=0.0 if name.endswith("bias") else 1.0)
