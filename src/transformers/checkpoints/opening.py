"""From a path that a user passes to the reader of what is there."""

from __future__ import annotations

import os
from pathlib import Path

from .base import CheckpointReader
from .bundle import BundleReader


def open_checkpoint(path: str | os.PathLike[str]) -> CheckpointReader:
    """Opens a checkpoint. Reads its index only.

    Args:
        path: The checkpoint's prefix, any one of its files, or its folder.

    Raises:
        CheckpointError: If there is no checkpoint, or it is damaged.
    """
    given = Path(path)
    name = str(given)
    for suffix in (".index", ".meta"):
        name = name.removesuffix(suffix)
    return BundleReader(given, Path(name))
