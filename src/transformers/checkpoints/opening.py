"""From a path that a user passes to the reader of what is there."""

from __future__ import annotations

import os
from pathlib import Path

from .base import CheckpointReader
from .bundle import BundleReader
from .locate import Bundle, locate
from .tensor_slices import TensorSliceReader


def open_checkpoint(path: str | os.PathLike[str]) -> CheckpointReader:
    """Opens a TensorFlow checkpoint of any format. Reads its index only.

    Args:
        path: The checkpoint's prefix, any one of its files, a SavedModel, or a folder: its ``checkpoint`` file decides;
            without one, the only checkpoint in it is taken.

    Raises:
        CheckpointError: If there is no checkpoint, there are several, or it is damaged.
    """
    given = Path(path)
    location = locate(given)
    if isinstance(location, Bundle):
        return BundleReader(given, location.prefix)
    return TensorSliceReader(given, location.files)
