"""The proof of a conversion, at any later time: a stored model is held against the checkpoint that it came from."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...checkpoints import CheckpointReader, open_checkpoint
from ...conversion.configs import ConfigSource
from ...conversion.family import Family
from ...conversion.initialisation import NEWLY_INITIALIZED
from ...conversion.layout import ConversionError
from ...conversion.plan import ConversionPlan, make_plan
from ...conversion.report import turned_back
from ...conversion.run import ShowProgress, silence
from ...conversion.stored_model import CONFIG_FILE, StoredModel
from ...conversion.survey import PlanRequest
from ...conversion.verify import find_differences
from .original_checkpoints import StrPath, find_family, make_config, make_request


@dataclass(frozen=True)
class VerificationReport:
    """What was compared; differences are an error, so that there is none.

    Attributes:
        source: The checkpoint, as the user named it.
        source_format: Its file format in words.
        model_type: The family.
        architecture: The model class.
        tensors: Number of tensors compared.
        parameters: Number of parameters in them.
        rounded: How many of them were computed once more, because they cannot be turned back.
        newly_initialized: Tensors of a head that have no origin in the checkpoint, so that nothing is said about them.
        checksums: Which checksums of the source were verified, in words; None if it has none.
        assumed: What was assumed, and why.
        seconds: Wall time.
        files: The files that were held against the checkpoint.
    """

    source: str
    source_format: str
    model_type: str
    architecture: str
    tensors: int
    parameters: int
    rounded: int
    newly_initialized: Sequence[str]
    checksums: str | None
    assumed: Sequence[str]
    seconds: float
    files: Sequence[Path]

    def __str__(self) -> str:
        proof = turned_back(self.tensors, self.rounded, len(self.newly_initialized))
        checks = [self.checksums or "no checksums in this format", proof]
        lines = [
            ("source", f"{self.source} ({self.source_format})"),
            ("model", f"{self.architecture} ({self.model_type})"),
            ("compared", f"{self.tensors:,} tensors, {self.parameters:,} parameters"),
            *(("new", f"{name}: it has no origin in the checkpoint") for name in self.newly_initialized),
            *(("assumed", assumption) for assumption in self.assumed),
            ("checked", "; ".join(checks)),
            ("time", f"{self.seconds:.1f} s"),
            *(("same", str(path)) for path in self.files),
        ]
        return "\n".join(f"{label:<9}{text}" for label, text in lines)


def verify_model(
    pytorch_model: StrPath,
    tf_checkpoint: StrPath,
    model_type: str = "auto",
    config: StrPath | Mapping[str, Any] | None = None,
    *,
    skip: Sequence[str] = (),
    maps: Sequence[str] = (),
    show_progress: ShowProgress = silence,
) -> VerificationReport:
    """Repeats the proof of a conversion.

    The conversion is planned anew, for the class and the configuration of the model, and every tensor that is stored is
    turned back and compared with the checkpoint.

    Args:
        pytorch_model: The folder of a converted model, or its weight file.
        tf_checkpoint: The checkpoint.
        model_type: The family, or ``auto``.
        config: The configuration of the checkpoint, as it was given for the conversion.
        skip: Patterns of variables that were left out.
        maps: Mappings that were given for the conversion.
        show_progress: Shows how it goes on.

    Raises:
        ConversionError: If anything differs, or the checkpoint cannot become such a model; with everything that does.
        UserError: If a file is not there or damaged.
    """
    started = time.monotonic()
    with StoredModel(Path(pytorch_model)) as model, open_checkpoint(tf_checkpoint) as checkpoint:
        plan = _plan(model, checkpoint, model_type, config, PlanRequest(skip=skip, maps=maps))
        with show_progress(plan.nbytes) as progress:
            problems = [*_config_differences(plan, model), *find_differences(plan, checkpoint, model, progress)]
        if problems:
            raise ConversionError(
                f"{pytorch_model} is not what {tf_checkpoint} becomes:",
                problems,
                "It was changed after the conversion, or comes from another checkpoint: convert that again.",
            )
        return VerificationReport(
            source=str(checkpoint.path),
            source_format=checkpoint.format,
            model_type=plan.family.model_type,
            architecture=plan.architecture,
            tensors=len(plan.rows),
            parameters=plan.parameters,
            rounded=sum(plan.rounds(row, checkpoint) for row in plan.rows),
            newly_initialized=plan.newly_initialized,
            checksums=checkpoint.checksums,
            assumed=plan.assumed,
            seconds=time.monotonic() - started,
            files=[model.folder / CONFIG_FILE, *model.files],
        )


def _plan(
    model: StoredModel,
    checkpoint: CheckpointReader,
    model_type: str,
    config: StrPath | Mapping[str, Any] | None,
    request: PlanRequest,
) -> ConversionPlan:
    """The conversion for the class, the data type and the configuration of the model."""
    family = find_family(model_type, checkpoint)
    stored = ConfigSource(str(model.folder / CONFIG_FILE), _given_fields(family, model.config), literal=True)
    architectures = model.config.get("architectures") or [None]
    dtype = model.config.get("torch_dtype") or model.config.get("dtype") or "float32"
    asked = replace(
        request,
        architecture=architectures[0],
        dtype=dtype,
        init_missing=bool(model.config.get(NEWLY_INITIALIZED)),
    )
    found = make_request(family, checkpoint, config, asked)
    return make_plan(family, checkpoint, replace(found, configs=[*found.configs, stored]))


def _given_fields(family: Family, config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a configuration may have been given for the conversion; the rest has to follow from it."""
    given = {field.name for field in family.fields}
    given |= {"model_type", "finetuning_task", "num_labels", "id2label", "label2id"}
    return {name: value for name, value in config.items() if name in given}


def _config_differences(plan: ConversionPlan, model: StoredModel) -> list[str]:
    """Fields of the stored configuration that the conversion would not write so."""
    wanted = make_config(plan)
    fields = json.loads(wanted.to_json_string(use_diff=False))
    found = json.loads(type(wanted).from_dict(model.config).to_json_string(use_diff=False))
    return [
        f"{CONFIG_FILE}: {name} is {json.dumps(found.get(name))}, the conversion writes {json.dumps(fields.get(name))}"
        for name in sorted(fields.keys() | found.keys())
        if fields.get(name) != found.get(name)
    ]
