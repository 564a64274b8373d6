"""The program ``pytorch_pretrained_bert`` of the 0.6 releases."""

from __future__ import annotations

from collections.abc import Sequence

from transformers.commands.older_programs import OlderCommand, run_older_program
from transformers.conversion.older_arguments import CHECKPOINT, CHECKPOINT_OR_DATA_SET, CONFIG, FOLDER, WEIGHT_FILE

COMMANDS = (
    OlderCommand(
        "a BERT checkpoint",
        ("convert_tf_checkpoint_to_pytorch",),
        "bert",
        {"TF_CHECKPOINT": CHECKPOINT, "TF_CONFIG": CONFIG, "PYTORCH_DUMP_OUTPUT": WEIGHT_FILE},
    ),
    OlderCommand(
        "an OpenAI GPT checkpoint",
        ("convert_openai_checkpoint",),
        "gpt",
        {"OPENAI_GPT_FOLDER": CHECKPOINT, "PYTORCH_DUMP_OUTPUT": FOLDER, "OPENAI_GPT_CONFIG": CONFIG.optional},
    ),
    OlderCommand(
        "a Transformer-XL checkpoint or data set",
        ("convert_transfo_xl_checkpoint",),
        "transfo_xl",
        {
            "TF_CHECKPOINT_OR_DATASET": CHECKPOINT_OR_DATA_SET,
            "PYTORCH_DUMP_OUTPUT": FOLDER,
            "TF_CONFIG": CONFIG.optional,
        },
    ),
    OlderCommand(
        "a GPT-2 checkpoint",
        ("convert_gpt2_checkpoint",),
        "gpt2",
        {"TF_CHECKPOINT": CHECKPOINT, "PYTORCH_DUMP_OUTPUT": FOLDER, "GPT2_CONFIG": CONFIG.optional},
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the sub-command that ``argv`` names and returns the exit status.

    Args:
        argv: The arguments without the program's name; those of the process if None.
    """
    return run_older_program("pytorch_pretrained_bert", COMMANDS, argv)
