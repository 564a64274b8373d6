"""From any original checkpoint to its family, and through the family's rules to a model."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..._files import parse_size
from ...checkpoints import CheckpointReader, Variable, open_checkpoint
from ...checkpoints.locate import SAVED_MODEL
from ...configuration_utils import PretrainedConfig
from ...conversion.configs import ConfigSource
from ...conversion.convert import ConversionOptions, convert
from ...conversion.family import Family
from ...conversion.layout import ConversionError, Layout, VariableTable
from ...conversion.output import Destination
from ...conversion.plan import ConversionPlan, make_plan
from ...conversion.report import ConversionReport, TokenizerReport
from ...conversion.run import Progress, no_progress
from ...conversion.survey import PlanRequest, Survey, refuse_unsupported, survey, without
from ...errors import UserError
from .converter_files import read_converter_file
from .original_families import load_family
from .original_tokenizers import find_tokenizer
from .original_vocabularies import convert_vocabulary, find_original_vocabulary
from .tables import FAMILIES, find_model_type

if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger(__name__)

StrPath = str | Path

#: A configuration, where it is, or what it says.
AnyConfig = StrPath | Mapping[str, Any] | PretrainedConfig


def recognise(variables: Mapping[str, Variable]) -> list[Family]:
    """The families whose checkpoints have such variables."""
    families = (load_family(model_type) for model_type in FAMILIES)
    return [family for family in families if VariableTable(variables, family).is_of_family]


def find_family(spelling: str, checkpoint: CheckpointReader, skip: Sequence[str] = ()) -> Family:
    """The family that a user means by ``--model_type``, or the one that the variables show for ``auto``.

    Args:
        spelling: What the user says.
        checkpoint: The checkpoint.
        skip: Patterns of variables that do not count.

    Raises:
        ConversionError: If there is no such family, or the checkpoint is of another one.
    """
    variables = without(checkpoint.variables, skip)
    if spelling == "auto":
        found = recognise(variables)
        if len(found) == 1:
            return found[0]
        for family in map(load_family, FAMILIES):
            refuse_unsupported(family, variables)
        raise ConversionError(
            f"{checkpoint.path} does not look like any family that is known here.",
            [f"first variables: {', '.join(list(variables)[:5])}"],
            f"Known are {', '.join(FAMILIES)}: see what is in it with transformers-cli inspect. A state dict that is "
            "part of something else has to be saved by itself.",
        )
    model_type = find_model_type(spelling)
    if model_type is None:
        raise ConversionError(
            f"{spelling!r} is no model type that can be converted.",
            advice=f"There are {', '.join(FAMILIES)}, and auto, which finds out.",
        )
    family = load_family(model_type)
    if not VariableTable(variables, family).is_of_family:
        refuse_unsupported(family, variables)
        others = [other for other in recognise(variables) if other is not family]
        raise _other_family(family, others, checkpoint)
    return family


def _other_family(family: Family, others: Sequence[Family], checkpoint: CheckpointReader) -> ConversionError:
    looks = f" It looks like {others[0].title}." if others else ""
    return ConversionError(
        f"{checkpoint.path} is no {family.title} checkpoint: it has no variable {family.anchor}.{looks}",
        advice=f"Use --model_type {others[0].model_type}, or the classes of {others[0].title}."
        if others
        else "See what is in it: transformers-cli inspect.",
    )


def survey_checkpoint(checkpoint: CheckpointReader, family: Family) -> Survey:
    """What a family makes of a checkpoint and the files beside it."""
    return survey(family, checkpoint, PlanRequest(configs=gather_configs(family, checkpoint, None)))


def plan_conversion(
    checkpoint: CheckpointReader,
    model_type: str = "auto",
    config: AnyConfig | None = None,
    *,
    architecture: str | None = None,
    dtype: str = "float32",
    skip: Sequence[str] = (),
    maps: Sequence[str] = (),
    num_heads: int | None = None,
    num_labels: int | None = None,
    finetuning_task_name: str | None = None,
    init_missing: bool = False,
) -> ConversionPlan:
    """Decides everything about the conversion of an opened checkpoint.

    Args:
        checkpoint: The checkpoint.
        model_type: The family, or ``auto``.
        config: The original's configuration file, one of the ecosystem, a converter file, the content of one of these,
            or a configuration object.
        architecture: The model class; found out from the variables if None.
        dtype: The data type of the output.
        skip: Patterns of variables to leave out.
        maps: ``VARIABLE=PARAMETER`` or ``SCOPE=MODULE`` for variables under names of the user's own.
        num_heads: The number of attention heads, which no tensor shows.
        num_labels: The number of labels, held against the head.
        finetuning_task_name: Kept in the configuration as ``finetuning_task``.
        init_missing: Whether parameters of the head that no variable holds are initialised as the model class would,
            instead of being an error.

    Raises:
        ConversionError: With every problem that there is.
    """
    family = find_family(model_type, checkpoint, skip)
    said = (
        ("--num_heads", "num_attention_heads", num_heads),
        ("--num_labels", "num_labels", num_labels),
        ("--finetuning_task_name", "finetuning_task", finetuning_task_name),
    )
    flags = [
        ConfigSource(flag, {name: value}, literal=True, asked=True) for flag, name, value in said if value is not None
    ]
    asked = PlanRequest(
        configs=flags, architecture=architecture, dtype=dtype, skip=skip, maps=maps, init_missing=init_missing
    )
    request = make_request(family, checkpoint, config, asked)
    plan = make_plan(family, checkpoint, request)
    make_config(plan).check()
    return plan


def make_request(
    family: Family, checkpoint: CheckpointReader, config: AnyConfig | None, asked: PlanRequest
) -> PlanRequest:
    """What is asked for, completed by the configuration, which may be a converter file, and what stands beside.

    Raises:
        ConversionError: If the two contradict each other, or a file cannot be read.
    """
    converter = read_converter_file(config, family, asked.architecture)
    if converter is None:
        return replace(asked, configs=[*asked.configs, *gather_configs(family, checkpoint, config)])
    files = gather_configs(family, checkpoint, converter.config_path)
    return replace(
        asked,
        configs=[*asked.configs, converter.arguments, *files],
        architecture=converter.architecture,
        file_maps=converter.maps,
    )


def gather_configs(family: Family, checkpoint: CheckpointReader, config: AnyConfig | None) -> list[ConfigSource]:
    """What was given, and what stands beside the checkpoint."""
    embedded = family.embedded_config(checkpoint) if family.embedded_config else {}
    said = [ConfigSource("the checkpoint", embedded, literal=True)] if embedded else []
    if isinstance(config, PretrainedConfig):
        config = _fields_of(config)
    if isinstance(config, Mapping):
        literal = "model_type" in config or "architectures" in config
        return [ConfigSource("the configuration", config, literal), *said]
    given = [] if config is None else [Path(config)]
    besides = [
        beside
        for name in family.config_files
        if (beside := _folder(checkpoint) / name).is_file()
        and not any(path.exists() and beside.samefile(path) for path in given)
    ]
    named = [replace(ConfigSource.read(path, family), path=path) for path in given]
    return [*named, *(ConfigSource.read(path, family) for path in besides), *said]


def _fields_of(config: PretrainedConfig) -> dict[str, Any]:
    """What a configuration object says; labels that nobody has named are not said."""
    fields: dict[str, Any] = json.loads(config.to_json_string(use_diff=False))
    unnamed = config.id2label == PretrainedConfig().id2label
    labels = ("num_labels", "id2label", "label2id") if unnamed else ()
    return {name: value for name, value in fields.items() if name not in labels}


def _folder(checkpoint: CheckpointReader) -> Path:
    """Where the files beside a checkpoint are; the variables of a saved model are in a folder of their own."""
    folder = checkpoint.files[0].parent
    is_saved_model = folder.name == "variables" and folder.with_name(SAVED_MODEL).is_file()
    return folder.parent if is_saved_model else folder


def _vocabulary_folder(checkpoint: CheckpointReader) -> Path:
    """Where the vocabulary is; a saved model has a folder for such files."""
    folder = _folder(checkpoint)
    assets = folder / "assets"
    return assets if (folder / SAVED_MODEL).is_file() and assets.is_dir() else folder


def convert_checkpoint(
    tf_checkpoint: StrPath,
    pytorch_dump_output: StrPath | Destination,
    model_type: str = "auto",
    config: AnyConfig | None = None,
    *,
    tokenizer: StrPath | None = None,
    max_shard_size: int | str | None = "5GB",
    overwrite: bool = False,
    verify: bool = True,
    report: StrPath | None = None,
    progress: Progress = no_progress,
    **requests: Any,
) -> ConversionReport | TokenizerReport:
    """Converts an original checkpoint to a PyTorch model, without TensorFlow.

    Args:
        tf_checkpoint: The checkpoint: its prefix, any of its files, or its folder. A vocabulary without a model (the
            cache of a Transformer-XL data set) becomes a tokenizer.
        pytorch_dump_output: A weight file (``.bin``, ``.pt``, ``.pth``, ``.safetensors``) or a folder, or either in
            the words of the conversion.
        model_type: The family, or ``auto``.
        config: The configuration, see :func:`plan_conversion`.
        tokenizer: The tokenizer's files, or their folder; they are looked for beside the checkpoint if None.
        max_shard_size: Size above which the weights in a folder are spread over several files.
        overwrite: Whether files that exist may be replaced.
        verify: Whether the result is read back and compared with the source.
        report: A file for the report, as JSON.
        progress: Told the bytes that are done.
        **requests: The further arguments of :func:`plan_conversion`.

    Raises:
        UserError: If it cannot be done; nothing is changed then.
    """
    about_models = {"config": config, "tokenizer": tokenizer, **requests}
    destination = Destination.of(pytorch_dump_output)
    if vocabulary := find_original_vocabulary(Path(tf_checkpoint), model_type, about_models):
        return convert_vocabulary(vocabulary, destination.path, overwrite=overwrite)
    with open_checkpoint(tf_checkpoint) as checkpoint:
        plan = plan_conversion(checkpoint, model_type, config, **requests)
        return carry_out(
            plan,
            checkpoint,
            destination,
            tokenizer=tokenizer,
            options=ConversionOptions(
                overwrite=overwrite,
                verify=verify,
                report=None if report is None else Path(report),
                max_shard_size=None if max_shard_size is None else parse_size(max_shard_size),
                progress=progress,
            ),
        )


def carry_out(
    plan: ConversionPlan,
    checkpoint: CheckpointReader,
    output: Destination,
    *,
    tokenizer: StrPath | None,
    options: ConversionOptions,
) -> ConversionReport:
    """Carries out a plan, configuration and tokenizer included."""
    config = make_config(plan)
    found = find_tokenizer(
        plan.family.model_type,
        None if tokenizer is None else Path(tokenizer),
        _vocabulary_folder(checkpoint),
        getattr(config, "max_position_embeddings", None),
        plan.family.embedded_vocabulary(checkpoint) if plan.family.embedded_vocabulary else None,
    )
    return convert(
        replace(plan, assumed=(*plan.assumed, *found.assumed)),
        checkpoint,
        output,
        [config.save_pretrained, found.save],
        replace(options, inputs=[*options.inputs, *plan.inputs, *found.files]),
    )


def make_config(plan: ConversionPlan) -> PretrainedConfig:
    """The configuration that a plan has settled.

    Raises:
        ConversionError: If the configuration class refuses it.
    """
    try:
        return plan.family.config_class(**plan.config)
    except UserError:
        raise
    except (TypeError, ValueError) as error:
        raise ConversionError(f"The configuration does not make a {plan.family.title} model: {error}") from error


def load_original(
    path: StrPath,
    architecture: str,
    config: PretrainedConfig | StrPath | None = None,
    overrides: Mapping[str, Any] | None = None,
    model_type: str = "",
) -> tuple[PretrainedConfig, dict[str, Tensor]]:
    """An original checkpoint as a configuration and a state dict, for ``from_pretrained``.

    Args:
        path: The checkpoint.
        architecture: The name of the model class.
        config: A configuration object, or the path of a file in either dialect or of a converter file; the checkpoint
            is then read as the model class that it names.
        overrides: Fields of the configuration that are set last.
        model_type: The model type of the class; the variables show the family if it is none that is known here.
    """
    from ...conversion.torch_files import tensors_of

    with closing(open_checkpoint(path)) as checkpoint:
        family = find_family(model_type if model_type in FAMILIES else "auto", checkpoint)
        if isinstance(config, PretrainedConfig):
            _warn_of_words(family, config)
        plan = plan_conversion(
            checkpoint,
            family.model_type,
            config,
            architecture=None if read_converter_file(config, family) else _with_head(family, checkpoint, architecture),
            num_heads=_heads_in(overrides or {}, family),
        )
        settled = make_config(plan)
        for name, value in (overrides or {}).items():
            setattr(settled, name, value)
        return settled, tensors_of(plan.rows, checkpoint)


def _heads_in(overrides: Mapping[str, Any], family: Family) -> int | None:
    """The number of attention heads, which no tensor shows, among fields that are set last."""
    aliases: Mapping[str, str] = getattr(family.config_class, "attribute_map", {})
    name = "num_attention_heads"
    heads: int | None = overrides.get(name, overrides.get(aliases.get(name, name)))
    return heads


def _warn_of_words(family: Family, config: PretrainedConfig) -> None:
    """Tells which words of a configuration object mean something else in the original's files."""
    for field in family.fields:
        word = getattr(config, field.name, None)
        if field.translate is None or word is None:
            continue
        with suppress(ValueError):
            if (meaning := field.translate(word)) != word:
                logger.warning(
                    "%s has %s=%r, which is taken as it is; by %r the original's files mean what is %r here. "
                    "Pass the path of such a file as config, or set %s=%r.",
                    type(config).__name__, field.name, word, word, meaning, field.name, meaning,
                )  # fmt: skip


def _with_head(family: Family, checkpoint: CheckpointReader, architecture: str) -> str:
    """The model class if the checkpoint has its head, else the base model: the head is a new one then."""
    known = family.architectures.get(architecture)
    if known is None:
        return family.base_model
    head = Layout.of(known.head, VariableTable(checkpoint.variables, family))
    return family.base_model if head.missing else architecture
