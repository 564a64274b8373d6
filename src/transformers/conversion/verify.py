"""The proof: what was written is read back, turned into the variables that it came from, and compared bit for bit."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from ..checkpoints import CheckpointReader
from .layout import ConversionError
from .pieces import Array, cast, contiguous, piece_slices, same_bits
from .plan import ConversionPlan, PlanRow
from .run import RELEASE_BYTES, Progress, numbers
from .stored_model import StoredModel
from .weight_files import StoredSafetensors, StoredWeights, WeightFile


def verify(files: list[WeightFile], checkpoint: CheckpointReader, folder: Path, progress: Progress) -> None:
    """Undoes the conversion and holds the result against the checkpoint.

    Where an operation rounds, or the data type of the output is narrower, it is computed once more instead.

    Raises:
        ConversionError: If a tensor is not what it has to be: the disk or the memory failed, or this program is wrong.
    """
    for file in files:
        with _open(folder / file.name) as stored:
            for row in file.rows:
                tensor = stored.tensor(row.target)
                if tensor.shape != row.shape or not _agrees(row, tensor, checkpoint, stored):
                    raise ConversionError(
                        f"{file.name}: {row.target} does not hold what {', '.join(row.sources)} holds.",
                        advice="Nothing was kept. The disk or the memory may be faulty; report it if it happens again.",
                    )
                checkpoint.release()
                stored.release()
                progress(row.nbytes)


def find_differences(
    plan: ConversionPlan, checkpoint: CheckpointReader, model: StoredModel, progress: Progress
) -> list[str]:
    """Where a model that is stored is not what a plan makes, each with its file, tensor and variables."""
    stored = model.tensors
    problems = [f"{name} is in no file" for name in _absent(plan, stored)]
    for row in plan.rows:
        found = stored.get(row.target)
        if found is None:
            continue
        if (found.shape, found.dtype) != (row.shape, row.dtype):
            wrong = f"is {found.dtype} {list(found.shape)}, not {row.dtype} {list(row.shape)}"
        elif row.target in plan.newly_initialized:  # it has no origin that it could be held against
            wrong = ""
        elif not _agrees(row, model.tensor(row.target), checkpoint, model):
            wrong = f"does not hold what {', '.join(row.sources) or row.operation} holds"
        else:
            wrong = ""
        if wrong:
            problems.append(f"{model.file_of(row.target)}: {row.target} {wrong}")
        checkpoint.release()
        model.release()
        progress(row.nbytes)
    return problems + _wrong_extras(plan, model)


def _absent(plan: ConversionPlan, stored: Collection[str]) -> list[str]:
    return [row.target for row in plan.rows if row.target not in stored]


def _wrong_extras(plan: ConversionPlan, model: StoredModel) -> list[str]:
    """Tensors that no row makes, but for those that repeat a parameter that they are tied to."""
    known = {row.target for row in plan.rows}
    problems = []
    for name in model.tensors.keys() - known:
        original = plan.tied.get(name)
        if original is None:
            problems.append(f"{model.file_of(name)}: {name} comes from no variable")
        elif original in model.tensors and not same_bits(model.tensor(name), model.tensor(original)):
            problems.append(f"{model.file_of(name)}: {name} differs from {original}, which it is tied to")
    return sorted(problems)


def _open(path: Path) -> StoredWeights:
    if path.suffix == ".safetensors":
        return StoredSafetensors(path)
    from .torch_files import StoredStateDict

    return StoredStateDict(path)


def _agrees(row: PlanRow, tensor: Array, checkpoint: CheckpointReader, stored: StoredWeights) -> bool:
    if ConversionPlan.rounds(row, checkpoint) or not row.sources:
        return _redone_agrees(row, tensor, checkpoint)
    return _undone_agrees(row, tensor, checkpoint, stored)


def _undone_agrees(row: PlanRow, tensor: Array, checkpoint: CheckpointReader, stored: StoredWeights) -> bool:
    shapes = [checkpoint.variables[source].shape for source in row.sources]
    for part in row.operation.restore(tensor, shapes):
        dtype = checkpoint.variables[row.sources[part.source]].dtype
        source = checkpoint.read(row.sources[part.source])[part.region]
        for region in piece_slices(source.shape, dtype):
            restored = contiguous(np.asarray(part.values[region]))
            if not same_bits(cast(np.asarray(source[region]), dtype, row.dtype), restored):
                return False
            if tensor.nbytes > RELEASE_BYTES:
                checkpoint.release()
                stored.release()
    return True


def _redone_agrees(row: PlanRow, tensor: Array, checkpoint: CheckpointReader) -> bool:
    sources, dtype = numbers(row, checkpoint)
    result = row.operation.forward(sources)
    return all(
        same_bits(np.asarray(tensor[region]), cast(contiguous(np.asarray(result[region])), dtype, row.dtype))
        for region in piece_slices(row.shape, row.dtype)
    )
