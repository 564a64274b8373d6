"""The program ``pytorch_transformers`` of the 1.x releases."""

from __future__ import annotations

from collections.abc import Sequence

from transformers.commands.older_programs import OlderCommand, run_older_program
from transformers.conversion.older_arguments import (
    CHECKPOINT,
    CHECKPOINT_OR_DATA_SET,
    CONFIG,
    FOLDER,
    TASK,
    WEIGHT_FILE,
)

#: The sub-commands, each under its name, and under the one that its script had.
COMMANDS = (
    OlderCommand(
        "a BERT checkpoint",
        ("bert", "convert_tf_checkpoint_to_pytorch"),
        "bert",
        {"TF_CHECKPOINT": CHECKPOINT, "TF_CONFIG_OR_CONVERTER_CONFIG": CONFIG, "PYTORCH_DUMP_OUTPUT": WEIGHT_FILE},
    ),
    OlderCommand(
        "an OpenAI GPT checkpoint",
        ("gpt", "convert_openai_checkpoint"),
        "gpt",
        {
            "OPENAI_GPT_FOLDER": CHECKPOINT,
            "PYTORCH_DUMP_OUTPUT": FOLDER,
            "OPENAI_GPT_CONFIG": CONFIG.optional,
            "FINETUNING_TASK": TASK.optional,
        },
    ),
    OlderCommand(
        "a Transformer-XL checkpoint or data set",
        ("transfo_xl", "convert_transfo_xl_checkpoint"),
        "transfo_xl",
        {
            "TF_CHECKPOINT_OR_DATASET": CHECKPOINT_OR_DATA_SET,
            "PYTORCH_DUMP_OUTPUT": FOLDER,
            "TF_CONFIG": CONFIG.optional,
        },
    ),
    OlderCommand(
        "a GPT-2 checkpoint",
        ("gpt2", "convert_gpt2_checkpoint"),
        "gpt2",
        {"TF_CHECKPOINT": CHECKPOINT, "PYTORCH_DUMP_OUTPUT": FOLDER, "GPT2_CONFIG": CONFIG.optional},
    ),
    OlderCommand(
        "an XLNet checkpoint",
        ("xlnet", "convert_xlnet_checkpoint"),
        "xlnet",
        {
            "TF_CHECKPOINT": CHECKPOINT,
            "TF_CONFIG": CONFIG,
            "PYTORCH_DUMP_OUTPUT": FOLDER,
            "FINETUNING_TASK": TASK.optional,
        },
    ),
    OlderCommand(
        "an XLM checkpoint",
        ("xlm", "convert_xlm_checkpoint"),
        "xlm",
        {"XLM_CHECKPOINT": CHECKPOINT, "PYTORCH_DUMP_OUTPUT": FOLDER, "XLM_CONFIG": CONFIG.optional},
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the sub-command that ``argv`` names and returns the exit status.

    Args:
        argv: The arguments without the program's name; those of the process if None.
    """
    return run_older_program("pytorch_transformers", COMMANDS, argv)
