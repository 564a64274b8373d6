"""The formats of original checkpoints, as an export writes them."""

from __future__ import annotations

import abc
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..checkpoints import Variable, write_bundle, write_state_file
from ..checkpoints.joblib_writer import write_array_list
from ..checkpoints.numpy_folder_writer import numpy_folder_names, write_numpy_folder
from ..checkpoints.streams import Stream
from ..checkpoints.torch_file_writer import write_torch_file
from .output import OutputError

#: Variables with what makes their values.
Tensors = Sequence[tuple[Variable, Stream]]

GLOBAL_STEP = "global_step"


@dataclass(frozen=True)
class Target(abc.ABC):
    """A checkpoint that is to be written: a single file, unless a format says otherwise.

    Attributes:
        path: What the user named.

    Raises:
        OutputError: If that cannot be the name of such a checkpoint.
    """

    path: Path

    #: How the name of its file ends.
    suffix: ClassVar[str] = ""

    #: What such a checkpoint may be called.
    example: ClassVar[str] = "model.ckpt"

    def __post_init__(self) -> None:
        if self.path.is_dir():
            raise OutputError(
                f"{self.path} is a folder.", advice=f"Name a checkpoint in it: {self.path / self.example}."
            )
        if not self.path.name.endswith(self.suffix):
            raise OutputError(f"{self.path} does not end in {self.suffix}, as a file of the original: {self.example}.")

    @property
    def folder(self) -> Path:
        """Where it, and all that belongs to it, goes."""
        return self.path.parent

    @property
    def names(self) -> Sequence[str]:
        """Its files."""
        return [self.path.name]

    def place(self, folder: Path) -> Path:
        """Where the checkpoint is while its files are made in a folder."""
        return folder / self.path.name

    def order(self, names: Collection[str]) -> list[str]:
        """The order of its variables."""
        return sorted(names, key=str.encode)

    def with_counter(self, step: int) -> Target:
        """The same with the counter of the training.

        Raises:
            OutputError: If the format has no place for it.
        """
        raise OutputError(f"The original format has no place for the counter {step} of a training (--global_step).")

    @abc.abstractmethod
    def write(self, folder: Path, tensors: Tensors, repeated: Mapping[str, str]) -> None:
        """Writes its files.

        Args:
            folder: Where they are made.
            tensors: The variables in its order.
            repeated: Those among them that hold the values of another one: name -> the other's name.
        """


@dataclass(frozen=True)
class Bundle(Target):
    """A V2 checkpoint of TensorFlow, and the file that says that it is the newest.

    Attributes:
        step: The counter of the training; None for none.
    """

    step: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.path.suffix == ".index":
            prefix = self.path.with_suffix("")
            raise OutputError(f"{self.path} is one of several files.", advice=f"Name all of them: {prefix}.")

    @property
    def names(self) -> Sequence[str]:
        return [f"{self.path.name}.data-00000-of-00001", f"{self.path.name}.index", "checkpoint"]

    def with_counter(self, step: int) -> Bundle:
        return replace(self, step=step)

    def write(self, folder: Path, tensors: Tensors, repeated: Mapping[str, str]) -> None:  # all are written
        by_name = {variable.name: (variable, stream) for variable, stream in tensors}
        if self.step is not None:
            counter = np.array(self.step, np.int64)
            by_name[GLOBAL_STEP] = Variable(GLOBAL_STEP, (), "int64"), lambda: [counter]
        write_bundle(self.place(folder), [by_name[name] for name in self.order(by_name)])
        write_state_file(folder, self.path)


#: The variables of an original that only numbers them -> their order.
Order = Callable[[Collection[str]], list[str]]


@dataclass(frozen=True)
class _Unnamed(Target):
    """A checkpoint whose variables have an order in the place of names.

    Attributes:
        in_order: The order.
    """

    in_order: Order

    def order(self, names: Collection[str]) -> list[str]:
        return self.in_order(names)


@dataclass(frozen=True)
class NumberedArrays(_Unnamed):
    """A folder of numbered arrays."""

    def __post_init__(self) -> None:
        """A folder may be there already."""

    @property
    def folder(self) -> Path:
        return self.path

    @property
    def names(self) -> Sequence[str]:
        return numpy_folder_names()

    def place(self, folder: Path) -> Path:
        return folder

    def write(self, folder: Path, tensors: Tensors, repeated: Mapping[str, str]) -> None:  # all are written
        write_numpy_folder(folder, tensors)


@dataclass(frozen=True)
class ArrayList(_Unnamed):
    """A list of arrays by joblib."""

    suffix: ClassVar[str] = ".jl"
    example: ClassVar[str] = "best_params.jl"

    def write(self, folder: Path, tensors: Tensors, repeated: Mapping[str, str]) -> None:  # all are written
        write_array_list(self.place(folder), tensors)


@dataclass(frozen=True)
class TorchFile(Target):
    """A file of ``torch.save``.

    Attributes:
        rest: What is in it besides the tensors.
        counter: The key of the counter of the training.
    """

    rest: Mapping[str, Any]
    counter: str

    suffix: ClassVar[str] = ".pth"
    example: ClassVar[str] = "model.pth"

    def with_counter(self, step: int) -> TorchFile:
        return replace(self, rest={**self.rest, self.counter: step})

    def write(self, folder: Path, tensors: Tensors, repeated: Mapping[str, str]) -> None:
        own = [tensor for tensor in tensors if tensor[0].name not in repeated]
        write_torch_file(self.place(folder), own, self.rest, repeated)
