"""``export``: a PyTorch model becomes a checkpoint of the original code."""

from __future__ import annotations

import argparse
import os
from functools import partial

from .progress import progress_bar


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declares the command and its arguments."""
    parser = subparsers.add_parser(
        "export",
        help="write a PyTorch model in the original format",
        description="Write a model of this library or from the Hugging Face Hub as the original code does: variables, "
        "configuration and vocabulary. The same rules as for a conversion are read backwards, and no TensorFlow is "
        "needed.",
    )
    add = parser.add_argument
    add("--model_type", required=True, metavar="TYPE", help="the family, such as bert or gpt2; auto finds out")
    add("--pytorch_model", required=True, metavar="FOLDER", help="the model: its folder, or its weight file")
    add(
        "--tf_checkpoint_output",
        required=True,
        metavar="PATH",
        help="the checkpoint: without .index; for gpt a folder (fine-tuned: a file .jl), for xlm a file .pth",
    )
    add("--architecture", metavar="CLASS", help="the model class (default: that of config.json)")
    add("--finetuning_task_name", metavar="TASK", help="the task, after which XLNet names the variables of a head")
    add("--global_step", type=int, metavar="N", help="the counter of the training, which is left out by default")
    add("--overwrite", action="store_true", help="replace files that exist")
    add("--quiet", action="store_true", help="print neither progress nor report")


def run(arguments: argparse.Namespace) -> int:
    """Exports."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's idle threads would cost more than the whole start-up
    from ..models.auto.exporting import export_checkpoint

    report = export_checkpoint(
        arguments.pytorch_model,
        arguments.tf_checkpoint_output,
        arguments.model_type,
        architecture=arguments.architecture,
        finetuning_task_name=arguments.finetuning_task_name,
        global_step=arguments.global_step,
        overwrite=arguments.overwrite,
        show_progress=partial(progress_bar, doing="exporting", quiet=arguments.quiet),
    )
    if not arguments.quiet:
        print(report)
    return 0
