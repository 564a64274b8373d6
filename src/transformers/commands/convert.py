"""``convert``: an original checkpoint becomes a PyTorch model."""

from __future__ import annotations

import argparse
import os
from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .progress import progress_bar

if TYPE_CHECKING:
    from ..models.auto.original_vocabularies import OriginalVocabulary


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declares the command and its arguments."""
    parser = subparsers.add_parser(
        "convert",
        help="convert an original checkpoint to a PyTorch model",
        description="Convert an original research checkpoint to a PyTorch model, without TensorFlow, and prove it.",
    )
    parser.add_argument(
        "--model_type", required=True, metavar="TYPE", help="the family, such as bert or gpt2; auto finds out"
    )
    add_options(parser)


def add_options(parser: argparse.ArgumentParser, given: Container[str] = ()) -> None:
    """Declares all arguments but the family.

    Args:
        parser: To which they are added.
        given: Names of arguments that it has in another form.
    """

    def add(flag: str, **details: Any) -> None:
        if flag.removeprefix("--") not in given:
            parser.add_argument(flag, **details)

    add(
        "--tf_checkpoint",
        required=True,
        metavar="PATH",
        help="the checkpoint: its prefix, any of its files, or its folder",
    )
    add(
        "--config",
        metavar="FILE",
        help="its configuration, or a converter file; inferred from the tensors as far as they show it if left out",
    )
    add(
        "--pytorch_dump_output",
        required=True,
        metavar="PATH",
        help="a folder, or a file in .safetensors, .bin, .pt, .pth",
    )
    add("--finetuning_task_name", metavar="TASK", help="the task of a fine-tuned checkpoint, kept in config.json")
    add("--architecture", metavar="CLASS", help="the model class; found out from the variables if left out")
    add(
        "--map",
        action="append",
        default=[],
        metavar="TF=TORCH",
        help="a variable or scope of another name (repeatable)",
    )
    add("--skip", action="append", default=[], metavar="PATTERN", help="variables to leave out (wildcards; repeatable)")
    add("--num_heads", type=int, metavar="N", help="the number of attention heads, which no tensor shows")
    add("--num_labels", type=int, metavar="N", help="the number of labels, held against the head")
    add("--init_missing", action="store_true", help="initialise what is missing of the head, instead of failing")
    add(
        "--dtype",
        default="float32",
        choices=("float32", "float16", "bfloat16"),
        help="of the output (default: float32)",
    )
    add("--tokenizer", metavar="PATH", help="the tokenizer's files or their folder (default: beside the checkpoint)")
    add(
        "--max_shard_size",
        default="5GB",
        metavar="SIZE",
        help="spread larger weights over several files (default: 5GB)",
    )
    add("--dry_run", action="store_true", help="print the full mapping and write nothing")
    add("--no_verify", action="store_true", help="do not read the result back; checksums are verified all the same")
    add("--overwrite", action="store_true", help="replace files that exist")
    add("--report", metavar="FILE.json", help="write the report for programs, too")
    add("--quiet", action="store_true", help="print neither progress nor report")


def run(arguments: argparse.Namespace) -> int:
    """Converts, or prints what would be done."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's idle threads would cost more than the whole start-up
    from .._files import parse_size
    from ..checkpoints import open_checkpoint
    from ..conversion.convert import ConversionOptions
    from ..conversion.output import Destination
    from ..conversion.report import plan_text
    from ..models.auto.original_checkpoints import carry_out, plan_conversion
    from ..models.auto.original_vocabularies import find_original_vocabulary

    about_models = {f"--{name}": getattr(arguments, name) for name in _ABOUT_MODELS}
    if vocabulary := find_original_vocabulary(Path(arguments.tf_checkpoint), arguments.model_type, about_models):
        return _run_for_vocabulary(vocabulary, arguments)
    with open_checkpoint(arguments.tf_checkpoint) as checkpoint:
        plan = plan_conversion(
            checkpoint,
            arguments.model_type,
            arguments.config,
            architecture=arguments.architecture,
            dtype=arguments.dtype,
            skip=arguments.skip,
            maps=arguments.map,
            num_heads=arguments.num_heads,
            num_labels=arguments.num_labels,
            finetuning_task_name=arguments.finetuning_task_name,
            init_missing=arguments.init_missing,
        )
        if arguments.dry_run:
            print(plan_text(plan, checkpoint))
            return 0
        passes = 1 if arguments.no_verify else 2
        with progress_bar(passes * plan.nbytes, doing="converting", quiet=arguments.quiet) as progress:
            options = ConversionOptions(
                overwrite=arguments.overwrite,
                verify=not arguments.no_verify,
                report=Path(arguments.report) if arguments.report else None,
                max_shard_size=parse_size(arguments.max_shard_size),
                progress=progress,
            )
            output = Destination.of(arguments.pytorch_dump_output)
            report = carry_out(plan, checkpoint, output, tokenizer=arguments.tokenizer, options=options)
    if not arguments.quiet:
        print(report)
    return 0


#: Flags that have no effect on a vocabulary without a model.
_ABOUT_MODELS = (
    "config", "tokenizer", "architecture", "map", "skip", "num_heads", "num_labels", "finetuning_task_name",
    "init_missing",
)  # fmt: skip


def _run_for_vocabulary(vocabulary: OriginalVocabulary, arguments: argparse.Namespace) -> int:
    """Makes a tokenizer, or prints what would be made."""
    from ..conversion.output import Destination
    from ..models.auto.original_vocabularies import convert_vocabulary

    if arguments.dry_run:
        print(vocabulary)
        return 0
    report = convert_vocabulary(
        vocabulary,
        Destination.of(arguments.pytorch_dump_output).path,
        overwrite=arguments.overwrite,
        report=Path(arguments.report) if arguments.report else None,
    )
    if not arguments.quiet:
        print(report)
    return 0
