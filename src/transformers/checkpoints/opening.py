"""From a path that a user passes to the reader of what is there."""

from __future__ import annotations

import os
from pathlib import Path

from .base import CheckpointReader
from .bundle import BundleReader
from .locate import Bundle, TensorSlices, locate
from .tensor_slices import TensorSliceReader


def open_checkpoint(path: str | os.PathLike[str]) -> CheckpointReader:
    """Opens a checkpoint of any format. Reads its index only.

    Args:
        path: A TensorFlow checkpoint's prefix, any one of its files, a SavedModel; a PyTorch file; a list of arrays by
            joblib; a file of a folder with ``params_shapes.json``; or a folder: its ``checkpoint`` file decides;
            without one, the only checkpoint in it is taken.

    Raises:
        CheckpointError: If there is no checkpoint, there are several, or it is damaged.
    """
    given = Path(path)
    location = locate(given)
    if isinstance(location, Bundle):
        return BundleReader(given, location.prefix)
    if isinstance(location, TensorSlices):
        return TensorSliceReader(given, location.files)
    return location.reader(given, location.place)
