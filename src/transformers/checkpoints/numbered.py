"""Names for variables of formats that only have an order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def numbered(variables: Sequence[T]) -> dict[str, T]:
    """The variables by their places, counted from 0, with as many digits as the last one needs."""
    width = len(str(len(variables) - 1))
    return {f"{place:0{width}}": variable for place, variable in enumerate(variables)}
