"""An export becomes files, and the files are proved."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..checkpoints import Variable, open_checkpoint, write_bundle, write_state_file
from ..checkpoints.numpy_folder_writer import numpy_folder_names, write_numpy_folder
from .export import ExportPlan, require_way_back
from .layout import ConversionError
from .output import Destination, OutputError, atomic_output
from .pieces import Array, same_bits
from .stored_model import CONFIG_FILE, StoredModel

GLOBAL_STEP = "global_step"


@dataclass(frozen=True)
class ExportReport:
    """The result of an export.

    Attributes:
        source: The model.
        model_type: The family.
        architecture: The model class.
        variables: Number of variables written.
        parameters: Number of values in them.
        zeros: Variables that the original builds though the class does not use them.
        constants: Parameters that the original has no variables for.
        rounded: Variables whose values are not those of the model to the bit.
        notes: What the original's files do not say, and what was assumed.
        seconds: Wall time.
        files: The files written.
    """

    source: str
    model_type: str
    architecture: str
    variables: int
    parameters: int
    zeros: Sequence[str]
    constants: Sequence[str]
    rounded: Sequence[str]
    notes: Sequence[str]
    seconds: float
    files: Sequence[Path]

    def __str__(self) -> str:
        lines = [
            ("source", self.source),
            ("model", f"{self.architecture} ({self.model_type})"),
            ("written", f"{self.variables:,} variables, {self.parameters:,} parameters"),
            *(("zeros", f"{name} (the original has it, {self.architecture} does not use it)") for name in self.zeros),
            *(("left out", f"{name} (the original implies its value)") for name in self.constants),
            *(("rounded", name) for name in self.rounded),
            *(("note", note) for note in self.notes),
            ("checked", f"all {self.variables} variables read back, bit for bit"),
            ("time", f"{self.seconds:.1f} s"),
            *(("output", str(path)) for path in self.files),
        ]
        return "\n".join(f"{label:<9}{text}" for label, text in lines)


Tensors = Sequence[tuple[Variable, Callable[[], Array]]]


class _Bundle:
    """A V2 checkpoint of TensorFlow, and the file that says that it is the newest.

    Args:
        prefix: The checkpoint.
    """

    def __init__(self, prefix: Path) -> None:
        if prefix.is_dir():
            raise OutputError(f"{prefix} is a folder.", advice=f"Name a checkpoint in it: {prefix / 'model.ckpt'}.")
        self._prefix = prefix
        self.folder = prefix.parent
        self.names = [f"{prefix.name}.data-00000-of-00001", f"{prefix.name}.index", "checkpoint"]

    def with_counter(self, tensors: Tensors, step: int) -> Tensors:
        """Adds the counter of the training where its name belongs."""
        counter = (Variable(GLOBAL_STEP, (), "int64"), lambda: np.array(step, np.int64))
        return sorted([*tensors, counter], key=lambda tensor: tensor[0].name.encode())

    def place(self, folder: Path) -> Path:
        """Where the checkpoint is while the files are made in a folder."""
        return folder / self._prefix.name

    def write(self, folder: Path, tensors: Tensors) -> None:
        """Writes the files."""
        write_bundle(self.place(folder), tensors)
        write_state_file(folder, self._prefix)


class _NumberedArrays:
    """A folder of numbered arrays.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names = numpy_folder_names()

    def with_counter(self, tensors: Tensors, step: int) -> Tensors:
        """There is no place for a counter."""
        raise ConversionError(f"The original format has no place for the counter {step} of a training (--global_step).")

    def place(self, folder: Path) -> Path:
        """Where the arrays are while the files are made in a folder."""
        return folder

    def write(self, folder: Path, tensors: Tensors) -> None:
        """Writes the files."""
        write_numpy_folder(folder, tensors)


def write_export(
    plan: ExportPlan, model: StoredModel, prefix: Path, *, global_step: int | None, overwrite: bool
) -> ExportReport:
    """Writes a checkpoint and what belongs to it, and reads it back.

    Args:
        plan: What is to be written.
        model: The model.
        prefix: The checkpoint, without ``.index``, or the folder of numbered arrays; the other files of the release go
            beside it.
        global_step: The counter of the training, which is written if it is given.
        overwrite: Whether files that exist may be replaced.

    Raises:
        OutputError: If the output cannot be written.
        ConversionError: If it cannot be read back.
    """
    started = time.monotonic()
    way_back = require_way_back(plan.family)
    target = _Bundle(prefix) if way_back.order is None else _NumberedArrays(prefix)
    tensors: Tensors = [(each.variable, each.values) for each in plan.variables]
    if global_step is not None:
        tensors = target.with_counter(tensors, global_step)
    vocabulary = _vocabulary(model.folder, way_back.vocabulary)
    names = [*vocabulary, way_back.config_file, *target.names]
    inputs = [*model.files, model.folder / CONFIG_FILE, *vocabulary.values()]
    with atomic_output(
        Destination(target.folder, for_weights=False), names, plan.nbytes, inputs, overwrite=overwrite
    ) as staging:
        for name, path in vocabulary.items():
            shutil.copyfile(path, staging.folder / name)
        (staging.folder / way_back.config_file).write_text(plan.config_text, encoding="utf-8")
        target.write(staging.folder, tensors)
        _prove(target.place(staging.folder), tensors)
        staging.weights = target.names
    absent = [] if vocabulary or not way_back.vocabulary else [_no_vocabulary(model.folder, way_back.vocabulary)]
    return ExportReport(
        source=str(model.path),
        model_type=plan.family.model_type,
        architecture=plan.architecture,
        variables=len(plan.variables),
        parameters=plan.parameters,
        zeros=plan.zeros,
        constants=plan.constants,
        rounded=[each.variable.name for each in plan.variables if each.rounds()],
        notes=[*plan.notes, *absent],
        seconds=time.monotonic() - started,
        files=[target.folder / name for name in sorted(names)],
    )


def _vocabulary(folder: Path, names: Mapping[str, str]) -> dict[str, Path]:
    """The vocabulary files that are there, by their names in a release."""
    return {theirs: folder / ours for ours, theirs in names.items() if (folder / ours).is_file()}


def _no_vocabulary(folder: Path, names: Mapping[str, str]) -> str:
    return f"no vocabulary is written: {folder} has no {' and no '.join(names)}"


def _prove(place: Path, tensors: Tensors) -> None:
    """Holds what was written against the model."""
    with open_checkpoint(place) as checkpoint:
        stored = checkpoint.variables
        numbered = list(stored) if all(name.isdecimal() for name in stored) else [each.name for each, _ in tensors]
        for (variable, values), name in zip(tensors, numbered, strict=True):
            if not same_bits(checkpoint.read(name), values()):
                raise ConversionError(
                    f"{variable.name} was not written as it is.",
                    advice="Nothing was kept. The disk or the memory may be faulty; report it if it happens again.",
                )
            checkpoint.release()
