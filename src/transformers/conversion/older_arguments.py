"""What the arguments of the older programs mean, whether they are given by position or as options."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .output import Destination, StrPath

#: What the weights in a folder have always been called by these scripts: what reads their output looks for it.
WEIGHTS_NAME = "pytorch_model.bin"


@dataclass(frozen=True)
class Meaning:
    """What an argument of an older program is to the conversion.

    Attributes:
        name: The argument of ``transformers-cli convert``, and of ``convert_checkpoint``, that it sets.
        help: What a user should give.
        read: Makes the value from what the user gives.
        required: Whether it must be given.
    """

    name: str
    help: str
    read: Callable[[StrPath], Any] = str
    required: bool = True

    @property
    def optional(self) -> Meaning:
        """The same for an argument that may be left out."""
        return replace(self, required=False)

    def read_text(self, text: str) -> Any:
        """The value that a text on the command line stands for; None if it is empty and need not be given."""
        if not text and self.required:
            raise ArgumentTypeError("it is empty")
        return self.read(text) if text else None


def _weight_file(path: StrPath) -> Destination:
    from .output import Destination

    return Destination(Path(path), weights_in_folder=WEIGHTS_NAME, any_file=True)


def _folder(path: StrPath) -> Destination:
    from .output import Destination

    return Destination(Path(path), weights_in_folder=WEIGHTS_NAME)


CHECKPOINT = Meaning("tf_checkpoint", "the checkpoint: its prefix, any of its files, or its folder")
CHECKPOINT_OR_DATA_SET = Meaning(
    "tf_checkpoint", "a checkpoint, or a data set of the original (cache.pkl, or its folder); the files show which"
)
CONFIG = Meaning("config", "the configuration of the checkpoint, or a converter configuration file")
DATA_SET = Meaning("tokenizer", "a data set of the original (cache.pkl, or its folder), for its vocabulary")
TASK = Meaning("finetuning_task_name", "the task of a fine-tuned checkpoint, kept in config.json")
WEIGHT_FILE = Meaning(
    "pytorch_dump_output", "the weight file to write; config.json and the tokenizer's files go beside it", _weight_file
)
FOLDER = Meaning(
    "pytorch_dump_output",
    f"the folder to write ({WEIGHTS_NAME}, config.json, the tokenizer's files), or a file in .bin, .safetensors",
    _folder,
)
