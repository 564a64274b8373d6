"""An export becomes files, and the files are proved."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..checkpoints import Variable, open_checkpoint, write_bundle, write_state_file
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


def write_export(
    plan: ExportPlan, model: StoredModel, prefix: Path, *, global_step: int | None, overwrite: bool
) -> ExportReport:
    """Writes a checkpoint and what belongs to it, and reads it back.

    Args:
        plan: What is to be written.
        model: The model.
        prefix: The checkpoint, without ``.index``; the other files of the release go beside it.
        global_step: The counter of the training, which is written if it is given.
        overwrite: Whether files that exist may be replaced.

    Raises:
        OutputError: If the output cannot be written.
        ConversionError: If it cannot be read back.
    """
    started = time.monotonic()
    if prefix.is_dir():
        raise OutputError(f"{prefix} is a folder.", advice=f"Name a checkpoint in it: {prefix / 'model.ckpt'}.")
    way_back = require_way_back(plan.family)
    vocabulary = _vocabulary(model.folder, way_back.vocabulary)
    checkpoint = [f"{prefix.name}.data-00000-of-00001", f"{prefix.name}.index", "checkpoint"]
    names = [*vocabulary, way_back.config_file, *checkpoint]
    inputs = [*model.files, model.folder / CONFIG_FILE, *vocabulary.values()]
    with atomic_output(
        Destination(prefix.parent, for_weights=False), names, plan.nbytes, inputs, overwrite=overwrite
    ) as staging:
        for name, path in vocabulary.items():
            shutil.copyfile(path, staging.folder / name)
        (staging.folder / way_back.config_file).write_text(plan.config_text, encoding="utf-8")
        write_bundle(staging.folder / prefix.name, _values(plan, global_step))
        write_state_file(staging.folder, prefix)
        _prove(staging.folder / prefix.name, plan, global_step)
        staging.weights = checkpoint
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
        files=[prefix.parent / name for name in sorted(names)],
    )


def _vocabulary(folder: Path, names: Mapping[str, str]) -> dict[str, Path]:
    """The vocabulary files that are there, by their names in a release."""
    return {theirs: folder / ours for ours, theirs in names.items() if (folder / ours).is_file()}


def _no_vocabulary(folder: Path, names: Mapping[str, str]) -> str:
    return f"no vocabulary is written: {folder} has no {' and no '.join(names)}"


def _values(plan: ExportPlan, global_step: int | None) -> Iterator[tuple[Variable, Callable[[], Array]]]:
    """The variables in the order of their names, as the original code writes them."""
    tensors = [(each.variable, each.values) for each in plan.variables]
    if global_step is not None:
        tensors.append((Variable(GLOBAL_STEP, (), "int64"), lambda: np.array(global_step, np.int64)))
    yield from sorted(tensors, key=lambda tensor: tensor[0].name.encode())


def _prove(prefix: Path, plan: ExportPlan, global_step: int | None) -> None:
    """Holds what was written against the model."""
    with open_checkpoint(prefix) as checkpoint:
        for variable, values in _values(plan, global_step):
            if not same_bits(checkpoint.read(variable.name), values()):
                raise ConversionError(
                    f"{variable.name} was not written as it is.",
                    advice="Nothing was kept. The disk or the memory may be faulty; report it if it happens again.",
                )
            checkpoint.release()
