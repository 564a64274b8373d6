"""An export becomes files, and the files are proved."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ..checkpoints import CheckpointReader, open_checkpoint
from .export import ExportPlan
from .export_config import require_way_back
from .export_targets import Target
from .exported_variable import ExportedVariable
from .layout import ConversionError
from .output import Destination, atomic_output
from .pieces import Array, piece_slices, same_bits
from .run import Progress, ShowProgress, silence
from .stored_model import CONFIG_FILE, StoredModel
from .way_back import WayBack


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
    plan: ExportPlan,
    model: StoredModel,
    path: Path,
    *,
    global_step: int | None,
    overwrite: bool,
    show_progress: ShowProgress = silence,
) -> ExportReport:
    """Writes a checkpoint and what belongs to it, and reads it back.

    Args:
        plan: What is to be written.
        model: The model.
        path: The checkpoint: what the original calls it by; the other files of the release go beside it.
        global_step: The counter of the training, which is written if it is given.
        overwrite: Whether files that exist may be replaced.
        show_progress: Shows how it goes on.

    Raises:
        OutputError: If the output cannot be written.
        ConversionError: If the format has no place for a variable, or it cannot be read back.
    """
    started = time.monotonic()
    way_back = require_way_back(plan.family)
    target = way_back.target(plan.match, path)
    if global_step is not None:
        target = target.with_counter(global_step)
    variables = _in_order(plan.variables, target)
    copied = _vocabulary(model.folder, way_back.vocabulary)
    texts = {**plan.files, **({way_back.config_file: plan.config_text} if way_back.config_file else {})}
    names = [*copied, *texts, *target.names]
    inputs = [*model.files, model.folder / CONFIG_FILE, *copied.values()]
    with atomic_output(
        Destination(target.folder, for_weights=False), names, plan.nbytes, inputs, overwrite=overwrite
    ) as staging:
        for name, source in copied.items():
            shutil.copyfile(source, staging.folder / name)
        for name, content in texts.items():
            (staging.folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        with show_progress(plan.work) as progress:
            _write(target, staging.folder, variables, progress)
            _prove(target.place(staging.folder), variables, progress)
        staging.weights = target.names
    return ExportReport(
        source=str(model.path),
        model_type=plan.family.model_type,
        architecture=plan.match.architecture,
        variables=len(variables),
        parameters=plan.parameters,
        zeros=plan.zeros,
        constants=plan.match.constants,
        rounded=[each.variable.name for each in variables if each.rounds],
        notes=[*plan.notes, *_absent_vocabulary(model.folder, way_back, copied)],
        seconds=time.monotonic() - started,
        files=[target.folder / name for name in sorted(names)],
    )


def _in_order(variables: Sequence[ExportedVariable], target: Target) -> list[ExportedVariable]:
    by_name = {each.variable.name: each for each in variables}
    names = target.order(by_name)
    if homeless := by_name.keys() - set(names):
        raise ConversionError(f"{target.path} has no place for variables of the model:", sorted(homeless))
    return [by_name[name] for name in names]


def _vocabulary(folder: Path, names: Mapping[str, str]) -> dict[str, Path]:
    """The vocabulary files that are there, by their names in a release."""
    return {theirs: folder / ours for ours, theirs in names.items() if (folder / ours).is_file()}


def _absent_vocabulary(folder: Path, way_back: WayBack, copied: Mapping[str, Path]) -> list[str]:
    if copied or not way_back.vocabulary:
        return []
    return [f"no vocabulary is written: {folder} has no {' and no '.join(way_back.vocabulary)}"]


def _write(target: Target, folder: Path, variables: Sequence[ExportedVariable], progress: Progress) -> None:
    repeated = {each.variable.name: each.repeats for each in variables if each.repeats}
    target.write(folder, [(each.variable, partial(_counted, each, progress)) for each in variables], repeated)


def _counted(each: ExportedVariable, progress: Progress) -> Iterator[Array]:
    """The pieces of a variable; tells when each has been taken."""
    for piece in each.pieces():
        yield piece
        progress(piece.nbytes)


def _prove(place: Path, variables: Sequence[ExportedVariable], progress: Progress) -> None:
    """Holds what was written against the model."""
    with open_checkpoint(place) as checkpoint:
        stored = checkpoint.variables
        numbered = all(name.isdecimal() for name in stored)
        names = list(stored) if numbered else [each.variable.name for each in variables]
        for each, name in zip(variables, names, strict=True):
            if not _holds(checkpoint, name, each, progress):
                raise ConversionError(
                    f"{each.variable.name} was not written as it is.",
                    advice="Nothing was kept. The disk or the memory may be faulty; report it if it happens again.",
                )


def _holds(checkpoint: CheckpointReader, name: str, each: ExportedVariable, progress: Progress) -> bool:
    """Whether a variable that was written has the values of the model."""
    found, variable = checkpoint.read(name), each.variable
    if (found.shape, checkpoint.variables[name].dtype) != (variable.shape, variable.dtype):
        return False
    for region, values in zip(piece_slices(variable.shape, variable.dtype), each.pieces(), strict=True):
        if not same_bits(np.asarray(found[region]), values):
            return False
        checkpoint.release()
        progress(values.nbytes)
    return True
