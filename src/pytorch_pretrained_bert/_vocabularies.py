"""What the older tokenizers have in common: where their files are, and the longest input of a model."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from transformers.hub import find_file, require_file

from .file_utils import StrPath, cached_path, hub_options, is_address

#: The longest input of a model of which nothing is known.
UNLIMITED = int(1e12)


def vocabulary_file(place: StrPath, names: Sequence[str], cache_dir: StrPath | None) -> Path:
    """The vocabulary of a model.

    Args:
        place: The file itself or its address, a folder, or the name of a model on the hub.
        names: What the file may be called in a folder; the first that is there counts.
        cache_dir: Where to keep what is fetched.

    Raises:
        MissingFileError: It is not there.
    """
    source = cached_path(place, cache_dir) if is_address(place) else os.fspath(place)
    return Path(source) if Path(source).is_file() else require_file(source, names, hub_options(cache_dir))


def optional_file(place: StrPath, name: str, cache_dir: StrPath | None) -> Path | None:
    """Another file of a model, as :func:`vocabulary_file`; None if it has none."""
    return find_file(place, name, hub_options(cache_dir))


def place_to_save(path: StrPath, name: str) -> Path:
    """Where a vocabulary is saved: under ``name`` if the path is a folder, else at the path."""
    return Path(path) / name if Path(path).is_dir() else Path(path)


def warn_of_length(logger: logging.Logger, tokens: Sequence[object], max_len: int) -> None:
    """Tells that an input is longer than the model can take."""
    if len(tokens) > max_len:
        logger.warning("The input has %s tokens, but the model takes no more than %s.", len(tokens), max_len)
