"""Where files are, and the names that they have in the folder of a model."""

from __future__ import annotations

import os
from pathlib import Path

from pytorch_pretrained_bert.file_utils import CONFIG_NAME, PYTORCH_PRETRAINED_BERT_CACHE, WEIGHTS_NAME, StrPath
from pytorch_pretrained_bert.file_utils import cached_path as cached_path_in

__all__ = [
    "CONFIG_NAME",
    "PYTORCH_PRETRAINED_BERT_CACHE",
    "PYTORCH_TRANSFORMERS_CACHE",
    "TF_WEIGHTS_NAME",
    "WEIGHTS_NAME",
    "cached_path",
]

TF_WEIGHTS_NAME = "model.ckpt"

_CACHE_VARIABLES = ("PYTORCH_TRANSFORMERS_CACHE", "PYTORCH_PRETRAINED_BERT_CACHE")

#: Where :func:`cached_path` keeps what it fetches; either environment variable chooses another folder.
PYTORCH_TRANSFORMERS_CACHE = Path(
    next(
        (os.environ[name] for name in _CACHE_VARIABLES if name in os.environ),
        Path.home() / ".cache" / "torch" / "pytorch_transformers",
    )
)


def cached_path(url_or_filename: StrPath, cache_dir: StrPath | None = None) -> str:
    """The local path of a file, which is fetched once if it is given by its address.

    Args:
        url_or_filename: A path, or an address that begins with ``http://`` or ``https://``.
        cache_dir: Where to keep what is fetched, :data:`PYTORCH_TRANSFORMERS_CACHE` by default.

    Raises:
        MissingFileError: There is no such file, or it cannot be fetched.
        UserError: It is no path, and an address of another kind.
    """
    return cached_path_in(url_or_filename, cache_dir or PYTORCH_TRANSFORMERS_CACHE)
