"""From a model in a folder, of this library or from the Hugging Face Hub, to the format of the original code."""

from __future__ import annotations

from pathlib import Path

from ...conversion.export import plan_export
from ...conversion.export_config import load_config
from ...conversion.export_files import ExportReport, write_export
from ...conversion.layout import ConversionError
from ...conversion.run import ShowProgress, silence
from ...conversion.stored_model import StoredModel
from .original_checkpoints import StrPath
from .original_families import load_family
from .tables import FAMILIES, find_model_type


def export_checkpoint(
    pytorch_model: StrPath,
    tf_checkpoint_output: StrPath,
    model_type: str = "auto",
    *,
    architecture: str | None = None,
    finetuning_task_name: str | None = None,
    global_step: int | None = None,
    overwrite: bool = False,
    show_progress: ShowProgress = silence,
) -> ExportReport:
    """Writes a model as a checkpoint of the original code, with its configuration and vocabulary files.

    Args:
        pytorch_model: The folder of the model, or its weight file with ``config.json`` beside it.
        tf_checkpoint_output: The checkpoint: for OpenAI GPT a folder (fine-tuned: a file ``.jl``), for XLM a file
            ``.pth``, else its path without ``.index``.
        model_type: The family, or ``auto``.
        architecture: The model class; the one in ``config.json``, or one with a place for all tensors, if None.
        finetuning_task_name: The task, where the original names variables after it.
        global_step: The counter of the training, which is written if it is given.
        overwrite: Whether files that exist may be replaced.
        show_progress: Shows how it goes on.

    Raises:
        UserError: If it cannot be done; nothing is changed then.
    """
    with StoredModel(Path(pytorch_model)) as model:
        said = model.config.get("model_type", "") if model_type == "auto" else model_type
        family_type = find_model_type(said)
        if family_type is None:
            raise ConversionError(
                f"{said!r} is no model type that can be exported.", advice=f"There are {', '.join(FAMILIES)}."
            )
        family = load_family(family_type)
        config = load_config(family, model)
        if finetuning_task_name is not None:
            config.finetuning_task = finetuning_task_name
        plan = plan_export(family, model, config, architecture)
        return write_export(
            plan,
            model,
            Path(tf_checkpoint_output),
            global_step=global_step,
            overwrite=overwrite,
            show_progress=show_progress,
        )
