"""Which of the formats that are not TensorFlow's a file or a folder has, by what is in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .base import CheckpointError, CheckpointReader
from .corpus_file import is_corpus_file
from .joblib_file import SUFFIX, JoblibReader, is_joblib_file
from .numpy_folder import NumpyFolderReader, is_part_of_folder
from .torch_file import TorchFileReader, is_torch_file

#: Files of other names are not looked for: a folder with a ``pytorch_model.bin`` is no original checkpoint.
_SUFFIXES = (".pth", SUFFIX)

_PICKLE = re.compile(rb"\x80[\x02-\x05]")


@dataclass(frozen=True, slots=True)
class OtherFormat:
    """A checkpoint of another program.

    Attributes:
        place: Its file or folder.
        reader: What opens it, given what the user passed and the place.
    """

    place: Path
    reader: Callable[[Path, Path], CheckpointReader]


def other_format(file: Path) -> OtherFormat | None:
    """The checkpoint that a file is or belongs to; None if it is of no format that is known here.

    Raises:
        CheckpointError: If it is a pickle of something else.
        OSError: If it cannot be read.
    """
    if is_part_of_folder(file):
        return OtherFormat(file.parent, NumpyFolderReader)
    if is_torch_file(file):
        return OtherFormat(file, TorchFileReader)
    if is_joblib_file(file):
        return OtherFormat(file, JoblibReader)
    if is_corpus_file(file):
        raise CheckpointError(
            f"{file} is no checkpoint: it is the cache of a Transformer-XL data set, a vocabulary and texts."
        )
    with file.open("rb") as opened:
        if _PICKLE.match(opened.read(2)):
            raise CheckpointError(
                f"{file} is no checkpoint that is known here: it is a Python pickle.",
                advice="Of pickles the files of PyTorch are read, and lists of arrays by joblib.",
            )
    return None


def other_formats_in(folder: Path) -> list[OtherFormat]:
    """The checkpoints in a folder.

    Raises:
        CheckpointError: If one of them is a pickle of something else.
        OSError: If the folder or a file cannot be read.
    """
    if any(map(is_part_of_folder, folder.iterdir())):
        return [OtherFormat(folder, NumpyFolderReader)]
    files = sorted(file for file in folder.iterdir() if file.suffix in _SUFFIXES and file.is_file())
    return [other for file in files if (other := other_format(file))]
