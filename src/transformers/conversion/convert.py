"""The front door: a plan becomes files, and the files are proved."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .._files import write_text
from ..checkpoints import CheckpointReader
from .output import Destination, OutputError, atomic_output, refuse_existing
from .plan import ConversionPlan
from .report import ConversionReport
from .run import Progress, no_progress, run
from .verify import verify
from .weight_files import WeightFile, index_text, split_rows

#: Writes files beside the weights into a folder.
Companion = Callable[[Path], None]


@dataclass(frozen=True)
class ConversionOptions:
    """How a plan is carried out.

    Attributes:
        overwrite: Whether files that exist may be replaced.
        verify: Whether the result is read back and compared.
        report: A file for the report as JSON.
        max_shard_size: Bytes above which the weights are spread over several files; None for a single file.
        inputs: Files besides those of the checkpoint that must never be replaced.
        progress: Told the bytes that are done, twice the size of the weights in all if the result is verified.
    """

    overwrite: bool = False
    verify: bool = True
    report: Path | None = None
    max_shard_size: int | None = None
    inputs: Sequence[Path] = ()
    progress: Progress = no_progress


def convert(
    plan: ConversionPlan,
    checkpoint: CheckpointReader,
    destination: Destination,
    companions: Sequence[Companion],
    options: ConversionOptions,
) -> ConversionReport:
    """Carries out a plan.

    Args:
        plan: What is to be done.
        checkpoint: Where the tensors come from.
        destination: Where the output goes.
        companions: What else is written into the output's folder.
        options: How.

    Raises:
        ConversionError: If the result is not what it has to be.
        OutputError: If the output cannot be written.
        CheckpointError: If the checkpoint is damaged.
    """
    started = time.monotonic()
    is_single = destination.is_file or destination.is_torch
    files = split_rows(plan.rows, destination.weights_name, None if is_single else options.max_shard_size)
    names = [*_weight_names(files), "config.json"]
    inputs = [*checkpoint.files, *options.inputs]
    needed = plan.nbytes * (2 if destination.is_torch else 1)
    if options.report is not None:
        _check_report_file(options.report, [destination.folder / name for name in names], inputs, options)
    with atomic_output(destination, names, needed, inputs, overwrite=options.overwrite) as staging:
        for companion in companions:
            companion(staging.folder)
        staging.check()  # before the long part of the work
        _write_weights(files, plan.tied, checkpoint, destination, staging.folder, options.progress)
        if options.verify:
            verify(files, checkpoint, staging.folder, options.progress)
        staging.weights = _weight_names(files)
        written = sorted(path.name for path in staging.folder.iterdir())
    report = _report(plan, checkpoint, destination, written, options, time.monotonic() - started)
    if options.report is not None:
        write_text(options.report, report.to_json())
    return report


def _check_report_file(path: Path, output: Sequence[Path], inputs: Sequence[Path], options: ConversionOptions) -> None:
    """Finds out before the work, not after it, that the report cannot be written."""
    refuse_existing([path], inputs, overwrite=options.overwrite)
    if path.absolute() in {file.absolute() for file in output}:
        raise OutputError(f"{path} is a file of the output.", advice="Name another file with --report.")
    if not path.parent.is_dir():
        raise OutputError(f"There is no folder {path.parent} for the report.", advice="Make it, or name another file.")


def _weight_names(files: Sequence[WeightFile]) -> list[str]:
    """The weight files, and behind them the index if there are several."""
    names = [file.name for file in files]
    return names if len(files) == 1 else [*names, _INDEX]


#: Only ``.safetensors`` in folders are sharded.
_INDEX = "model.safetensors.index.json"


def _write_weights(
    files: list[WeightFile],
    tied: Mapping[str, str],
    checkpoint: CheckpointReader,
    destination: Destination,
    folder: Path,
    progress: Progress,
) -> None:
    if destination.is_torch:
        from .torch_files import require_torch, save_as_torch

        require_torch(destination.weights_name)
        (file,) = files
        passing = WeightFile(f"{file.name}.safetensors", file.rows)
        run([passing], checkpoint, folder, progress)
        save_as_torch(folder / passing.name, folder / file.name, tied)
        (folder / passing.name).unlink()
        return
    run(files, checkpoint, folder, progress)
    if len(files) > 1:
        (folder / _INDEX).write_text(index_text(files), encoding="utf-8")


def _report(
    plan: ConversionPlan,
    checkpoint: CheckpointReader,
    destination: Destination,
    written: Sequence[str],
    options: ConversionOptions,
    seconds: float,
) -> ConversionReport:
    path = destination.path if destination.is_file else destination.folder
    return ConversionReport(
        source=str(checkpoint.path),
        source_format=checkpoint.format,
        model_type=plan.family.model_type,
        architecture=plan.architecture,
        tensors=len(plan.rows),
        parameters=plan.parameters,
        tied=sorted(plan.tied),
        skipped={reason: [item.name for item in items] for reason, items in plan.skipped_by_reason.items()},
        assumed=plan.assumed,
        checksums=checkpoint.checksums,
        round_trip=options.verify,
        rounded=[row.target for row in plan.rows if plan.rounds(row, checkpoint)],
        newly_initialized={row.target: str(row.operation) for row in plan.rows if row.target in plan.newly_initialized},
        seconds=seconds,
        folder=destination.folder,
        files=written,
        load_line=f"transformers.{plan.architecture}.from_pretrained({str(path)!r})",
    )
