"""``verify``: hold a converted model against the checkpoint that it came from."""

from __future__ import annotations

import argparse
import os
from functools import partial

from .progress import progress_bar


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declares the command and its arguments."""
    parser = subparsers.add_parser(
        "verify",
        help="hold a converted model against its original checkpoint",
        description="Plan the conversion of a checkpoint once more and compare every tensor that a converted model "
        "has stored with the variables that it came from, bit for bit. Exit status 1 if anything differs.",
    )
    add = parser.add_argument
    add("pytorch_model", metavar="FOLDER", help="the converted model: its folder, or its weight file")
    add(
        "--tf_checkpoint",
        required=True,
        metavar="PATH",
        help="the checkpoint: its prefix, any of its files, or its folder",
    )
    add("--model_type", default="auto", metavar="TYPE", help="the family, such as bert or gpt2 (default: auto)")
    add("--config", metavar="FILE", help="the configuration of the checkpoint, if one was given for the conversion")
    add("--map", action="append", default=[], metavar="TF=TORCH", help="as for the conversion (repeatable)")
    add("--skip", action="append", default=[], metavar="PATTERN", help="as for the conversion (repeatable)")
    add("--quiet", action="store_true", help="print neither progress nor report")


def run(arguments: argparse.Namespace) -> int:
    """Compares."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's idle threads would cost more than the whole start-up
    from ..models.auto.verification import verify_model

    report = verify_model(
        arguments.pytorch_model,
        arguments.tf_checkpoint,
        arguments.model_type,
        arguments.config,
        skip=arguments.skip,
        maps=arguments.map,
        show_progress=partial(progress_bar, doing="verifying", quiet=arguments.quiet),
    )
    if not arguments.quiet:
        print(report)
    return 0
