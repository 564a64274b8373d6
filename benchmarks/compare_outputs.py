"""Compares what several contestants computed: ``compare_outputs.py TOLERANCE FILE.npz FILE.npz …``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np


def compare(tolerance: float, paths: Sequence[str]) -> str:
    """Holds every file against the first.

    Returns:
        The largest difference of each output.

    Raises:
        SystemExit: If an output has another shape, or differs by more than the tolerance.
    """
    first, *others = [np.load(path) for path in paths]
    largest = dict.fromkeys(first.files, 0.0)
    for path, other in zip(paths[1:], others, strict=True):
        for name in first.files:
            if first[name].shape != other[name].shape:
                raise SystemExit(f"{name}: {paths[0]} has shape {first[name].shape}, {path} has {other[name].shape}")
            difference = float(np.abs(first[name].astype(np.float64) - other[name]).max(initial=0))
            if not difference <= tolerance:
                raise SystemExit(f"{name}: {paths[0]} and {path} differ by {difference:.2g}")
            largest[name] = max(largest[name], difference)
    return ", ".join(f"{name} differ by {difference:.2g} at most" for name, difference in largest.items())


if __name__ == "__main__":
    print(compare(float(sys.argv[1]), sys.argv[2:]))
