"""The work itself: tensor by tensor, read and checked, transformed, cast, written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np

from ..checkpoints import CheckpointReader
from .layout import ConversionError
from .pieces import Array, cast, contiguous, piece_slices
from .plan import PlanRow
from .weight_files import SafetensorsWriter, WeightFile

#: Told the number of bytes that are done.
Progress = Callable[[int], None]

#: Shows how a work of so many bytes goes on.
ShowProgress = Callable[[int], AbstractContextManager[Progress]]


def no_progress(done: int) -> None:
    """For who does not want to be told."""


@contextmanager
def silence(total: int) -> Iterator[Progress]:  # noqa: ARG001  # a work of any size
    """For who does not want to be shown."""
    yield no_progress


#: The mapped pages of larger tensors are given back after every piece.
RELEASE_BYTES = 16 * 1024 * 1024


def run(files: list[WeightFile], checkpoint: CheckpointReader, folder: Path, progress: Progress) -> None:
    """Writes weight files as ``.safetensors``.

    Args:
        files: The files and their tensors.
        checkpoint: Where the tensors come from.
        folder: Where the files go.
        progress: Told the bytes of every piece.
    """
    for file in files:
        with SafetensorsWriter(folder / file.name, file.rows) as writer:
            for row in file.rows:
                for values in converted(row, checkpoint):
                    writer.append(values)
                    progress(values.nbytes)
                checkpoint.release()


def converted(row: PlanRow, checkpoint: CheckpointReader) -> Iterator[Array]:
    """The pieces of an output tensor, in the order of its elements.

    Raises:
        ConversionError: If a value is too large for the data type of the output.
    """
    try:
        sources, dtype = numbers(row, checkpoint)
        result = row.operation.forward(sources)
        for region in piece_slices(row.shape, row.dtype):
            yield cast(contiguous(np.asarray(result[region])), dtype, row.dtype)
            if row.nbytes > RELEASE_BYTES:
                checkpoint.release()
    except FloatingPointError as error:
        raise ConversionError(
            f"{', '.join(row.sources)} has values that are too large for {row.dtype}: they would become infinite.",
            advice="Convert to float32, or to bfloat16, which reaches as far.",
        ) from error


def numbers(row: PlanRow, checkpoint: CheckpointReader) -> tuple[list[Array], str]:
    """The sources of a row and their data type, such that the operation can be applied to them.

    Operations that only move values take bit patterns as they are; arithmetic, and sources of several types, need
    numbers.
    """
    dtypes = [checkpoint.variables[source].dtype for source in row.sources]
    arrays = [checkpoint.read(source) for source in row.sources]
    if row.operation.exact and len(set(dtypes)) == 1:
        return arrays, dtypes[0]
    return [cast(values, dtype, "float32") for values, dtype in zip(arrays, dtypes, strict=True)], "float32"
